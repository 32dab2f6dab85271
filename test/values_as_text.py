"""What `tickloom cat --format jsonl` must say of a Parquet file's values, made from what other readers hold.

The idea: the shape of a file is read from its footer here, by a few lines that share nothing with the engine or with the other readers.
It says which columns are lists, maps and structs, and of every leaf how it is written as text: the unit and the UTC flag of a time,
the digits of a decimal, whether bytes are text. The values come from the other readers as Arrow arrays, and are rendered by that shape.
A reader that holds something else than the shape says (a float for a decimal, microseconds for nanoseconds) is `Unlike`, not wrong.

Both sides end up as the same plain Python values, so that equal columns compare equal at the speed of `==`:
  object   tuple of (name, value), so that order and repeated names count
  array    list
  number   str that starts with MARK, with its digits as they are written: -0.0, 2^64 and 38 digits stay what they are
  others   str, bool, None
A float that is expected is a Real, which also accepts another spelling of the same bits, as long as it is not longer.
"""
import fractions
import functools
import json
import os
import struct
import subprocess

MARK = "\ue0f0"  # no test writes this letter in a text


class Failure(Exception):
    """A value, an exit code or a message that is wrong."""


class Refused(Exception):
    """tickloom says that it does not read this; code is its exit code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Unlike(Exception):
    """Another reader holds a column in a type that loses what the file says."""


def demand(condition, message):
    if not condition:
        raise Failure(message)


# ---- thrift, compact protocol: a struct is a dict of field number -> value, tagged with its type for writing back ----

BOOL_TRUE, BOOL_FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


class Thrift:
    """Bytes to values and back. `fields` of a struct: {number: (type, value)}; a list is (element type, [values])."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def integer(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def bytes(self, size):
        self.at += size
        return self.data[self.at - size : self.at]

    def struct(self):
        fields, number = {}, 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == 0:
                return fields
            number = number + (head >> 4) if head >> 4 else self.integer()
            kind = head & 15
            fields[number] = (kind, kind == BOOL_TRUE if kind <= BOOL_FALSE else self.value(kind))

    def value(self, kind):
        if kind <= BOOL_FALSE:  # as an element of a list
            return self.bytes(1)[0] == 1
        if kind == BYTE:
            return struct.unpack("b", self.bytes(1))[0]
        if kind in (I16, I32, I64):
            return self.integer()
        if kind == DOUBLE:
            return struct.unpack("<d", self.bytes(8))[0]
        if kind == BINARY:
            return bytes(self.bytes(self.varint()))
        if kind in (LIST, SET):
            head = self.bytes(1)[0]
            size = head >> 4 if head >> 4 < 15 else self.varint()
            return (head & 15, [self.value(head & 15) for _ in range(size)])
        if kind == STRUCT:
            return self.struct()
        raise Failure(f"thrift type {kind} in a footer")


def footer_of(path):
    with open(path, "rb") as f:
        f.seek(-8, os.SEEK_END)
        size, magic = struct.unpack("<I4s", f.read(8))
        demand(magic == b"PAR1", f"{path} is no Parquet file")
        f.seek(-8 - size, os.SEEK_END)
        return Thrift(f.read(size)).struct()


# ---- the shape of a file ----


class Shape:
    """kind: "struct", "list", "map", "keys" (a map without values), or "value" with `form`, the way a leaf is written."""

    def __init__(self, kind, name, children=(), form=None, **details):
        self.kind, self.name, self.children, self.form = kind, name, list(children), form
        self.path, self.scale, self.digits, self.utc = "", 0, 0, False
        self.__dict__.update(details)

    def leaves(self):
        return [self] if self.kind == "value" else [leaf for child in self.children for leaf in child.leaves()]

    def __repr__(self):
        if self.kind == "value":
            return f"{self.form}{self.digits or ''}{'Z' if self.utc else ''}"
        return f"{self.kind}<{', '.join(f'{c.name}: {c!r}' for c in self.children)}>"


PHYSICAL = ["bool", "int", "int", "int96", "float", "double", "hex", "hex"]
BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLES, BYTES, FIXED = range(8)
CONVERTED_TEXT = {0, 4, 19}  # UTF8, ENUM, JSON
CONVERTED_TIME = {7: ("time", 3), 8: ("time", 6), 9: ("timestamp", 3), 10: ("timestamp", 6)}
LOGICAL_TEXT = {1, 4, 12}  # STRING, ENUM, JSON


class Element:
    """One SchemaElement."""

    def __init__(self, fields):
        get = lambda number, default=None: fields.get(number, (0, default))[1]
        self.physical, self.width, self.repeated = get(1), get(2, 0), get(3) == 2
        self.name, self.count = get(4).decode(), get(5, 0)
        self.converted, self.scale = get(6), get(7, 0)
        self.logical, self.about = None, {}
        for number, (kind, value) in (get(10) or {}).items():
            self.logical, self.about = number, value if kind == STRUCT else {}

    def detail(self, number, default=None):
        return self.about.get(number, (0, default))[1]

    def is_list(self):
        return self.logical == 3 or self.logical is None and self.converted == 3

    def is_map(self):
        return self.logical == 2 or self.logical is None and self.converted in (1, 2)


def leaf_of(e, path):
    """How a leaf is written: its logical type where that fits the physical one, the ConvertedType otherwise, or what it is."""
    value = functools.partial(Shape, "value", e.name, path=path)
    whole, raw = e.physical in (INT32, INT64), e.physical in (BYTES, FIXED)
    if e.logical is not None:
        if e.logical in LOGICAL_TEXT and raw:
            return value(form="text")
        if e.logical == 5 and (whole or raw):
            return value(form="decimal", scale=e.detail(1, 0))
        if e.logical == 6 and e.physical == INT32:
            return value(form="date")
        if e.logical in (7, 8) and whole:
            unit = next(iter(e.detail(2, {0: 0})))
            return value(form="time" if e.logical == 7 else "timestamp", digits=3 * unit, utc=bool(e.detail(1)))
        if e.logical == 11:
            return value(form="null")
        if e.logical == 14 and e.physical == FIXED and e.width == 16:
            return value(form="uuid")
        if e.logical == 15 and e.physical == FIXED and e.width == 2:
            return value(form="half")
    elif e.converted is not None:
        if e.converted in CONVERTED_TEXT and raw:
            return value(form="text")
        if e.converted == 5 and (whole or raw):
            return value(form="decimal", scale=e.scale)
        if e.converted == 6 and e.physical == INT32:
            return value(form="date")
        if e.converted in CONVERTED_TIME and whole:
            form, digits = CONVERTED_TIME[e.converted]
            return value(form=form, digits=digits, utc=True)
    return value(form=PHYSICAL[e.physical])


def shape_of(path):
    """The shape of a file as a struct."""
    elements = [Element(fields) for fields in footer_of(path)[2][1][1]]
    return struct_shape(elements[0], tree_of(iter(elements[1:]), elements[0].count), "")


def tree_of(elements, count):
    out = []
    for _ in range(count):
        element = next(elements)
        out.append((element, tree_of(elements, element.count)))
    return out


def struct_shape(element, children, path):
    return Shape("struct", element.name, [node_shape(e, below, path + e.name) for e, below in children])


def node_shape(element, children, path):
    """A field of a struct, or an element of a list: a repeated thing without an annotation is a list of what it would be otherwise."""
    one = bare_shape(element, children, path)
    return Shape("list", element.name, [one]) if element.repeated else one


def bare_shape(e, children, path):
    """The shape without its repetition."""
    if e.physical is not None and not children:
        return leaf_of(e, path)
    if e.is_list() and len(children) == 1 and children[0][0].repeated:
        return Shape("list", e.name, [element_shape(e, *children[0], path)])
    if e.is_map() and len(children) == 1 and children[0][0].repeated and 1 <= len(children[0][1]) <= 2:
        middle, fields = children[0]
        below = [node_shape(f, more, f"{path}.{middle.name}.{f.name}") for f, more in fields]
        return Shape("map" if len(below) == 2 else "keys", e.name, below)
    return struct_shape(e, children, path + ".")


def element_shape(outer, repeated, children, path):
    """LIST: the backward compatibility rules of the format's LogicalTypes.md."""
    path = f"{path}.{repeated.name}"
    itself = len(children) != 1 or children[0][0].repeated or repeated.is_list() or repeated.is_map() or repeated.name in ("array", outer.name + "_tuple")
    if itself:
        return bare_shape(repeated, children, path)
    return node_shape(*children[0], f"{path}.{children[0][0].name}")


# ---- floats ----


class Real(str):
    """An expected float: its shortest text, its value, and the bytes it has (2, 4 or 8)."""

    __slots__ = ("value", "width")

    def __new__(cls, text, value, width):
        self = super().__new__(cls, MARK + text)
        self.value, self.width = value, width
        return self


def real(value, width):
    """What is expected for a Python or numpy float."""
    import numpy as np

    number = float(value)
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return Real(repr(number) if width == 8 else str(np.float32(value)) if width == 4 else str(np.float16(value)), number, width)


LETTER = {2: "<e", 4: "<f", 8: "<d"}


def nearest(text, width):
    """The float of that width that a decimal means, also where reading it as a double first would round twice."""
    number = float(text)
    if width == 8:
        return number
    try:
        near = struct.unpack(LETTER[width], struct.pack(LETTER[width], number))[0]
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
    if near == number:
        return near
    exact, bits = fractions.Fraction(text), int.from_bytes(struct.pack(LETTER[width], near), "little")
    around = [struct.unpack(LETTER[width], (bits + step).to_bytes(width, "little"))[0] for step in (0, -1, 1) if bits + step >= 0]
    return min((n for n in around if n - n == 0), key=lambda n: abs(fractions.Fraction(n) - exact))


def significant(text):
    return len(text.lower().lstrip("-").split("e")[0].replace(".", "").strip("0"))


def same_real(text, want):
    """Another spelling of the same bits, not longer than it need be. Of float16 any spelling that reads back as the same float16."""
    try:
        bits = struct.pack("<d", nearest(text, want.width))
    except ValueError:
        return False
    return bits == struct.pack("<d", want.value) and (want.width == 2 or significant(text) <= significant(want[1:]))


# ---- comparing ----


def shown(value):
    """A value as a person wants to see it."""
    return repr(value).replace(repr(MARK)[1:-1], "")[:200]


def difference(got, want, where=""):
    """None, or where and how two values differ."""
    if type(want) is Real:
        if isinstance(got, str) and (got == want or got.startswith(MARK) and same_real(got[1:], want)):
            return None
    elif isinstance(want, (list, tuple)):
        if type(got) is type(want) and len(got) == len(want):
            for i, (a, b) in enumerate(zip(got, want)):
                found = difference(a, b, f"{where}[{i}]") if a != b else None
                if found:
                    return found
            return None
        if isinstance(got, (list, tuple)):
            return f"{where}: {len(got)} things {shown(got)}, expected {len(want)} {shown(want)}"
    elif got == want and type(got) is type(want):
        return None
    return f"{where}: {shown(got)}, expected {shown(want)}"


def column_difference(got, want):
    if got == want:
        return None
    if len(got) != len(want):
        return f": {len(got)} rows, expected {len(want)}"
    for row, (a, b) in enumerate(zip(got, want)):
        found = difference(a, b, f" row {row}") if a != b else None
        if found:
            return found
    return None


def columns_difference(got, want):
    """Between two [(name, values)]; None when there is none."""
    names = [[name for name, _ in side] for side in (got, want)]
    if names[0] != names[1]:
        return f"columns {names[0]}, expected {names[1]}"
    for (name, a), (_, b) in zip(got, want):
        found = column_difference(a, b)
        if found:
            return f"column {name}{found}"
    return None


# ---- text of times and dates ----


@functools.lru_cache(maxsize=1 << 16)
def date_text(days):
    """ISO 8601: four digits for the year, a sign before more than four and before what is below zero."""
    # Counted in years that start with March, as Howard Hinnant's civil_from_days does.
    era, of_era = divmod(days + 719468, 146097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    year = year_of_era + era * 400 + (month <= 2)
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"


def clock_text(units, digits, utc):
    """Units of 10^-digits seconds since midnight."""
    seconds, fraction = divmod(units, 10**digits)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:0{digits}d}{'Z' if utc else ''}"


def moment_text(units, digits, utc):
    days, rest = divmod(units, 86400 * 10**digits)
    return f"{date_text(days)}T{clock_text(rest, digits, utc)}"


def uuid_text(digits):
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# ---- Arrow values by shape ----

UNIT_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def storage(array):
    """Without extension types and dictionaries."""
    import pyarrow as pa

    while True:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        elif pa.types.is_run_end_encoded(array.type):
            array = array.cast(array.type.value_type)
        else:
            return array


def render(array, shape):
    """The values of an Arrow array as this shape writes them."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in render(chunk, shape)]
    array = storage(array)
    if shape.kind == "value":
        return leaf_texts(array, shape)
    if shape.kind == "struct":
        return render_struct(array, shape)
    return render_repeated(array, shape)


def with_nulls(array, values):
    if array.null_count == 0:
        return values
    return [value if valid else None for value, valid in zip(values, array.is_valid().to_pylist())]


def render_struct(array, shape):
    import pyarrow as pa

    unless(pa.types.is_struct(array.type) and array.type.num_fields == len(shape.children), array, shape)
    columns = [render(child, below) for child, below in zip(array.flatten(), shape.children)]
    names = [below.name for below in shape.children]
    demand([f.name for f in array.type] == names, f"struct {shape.name}: fields {[f.name for f in array.type]}, the footer says {names}")
    return with_nulls(array, [tuple(zip(names, row)) for row in zip(*columns)])


def is_any_list(kind):
    import pyarrow as pa

    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def render_repeated(array, shape):
    """Lists and maps: the values between neighbouring offsets."""
    import pyarrow as pa

    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_field))
    is_map = pa.types.is_map(array.type)
    unless(is_map or is_any_list(array.type), array, shape)
    offsets = array.offsets.to_pylist()
    first, size = offsets[0], offsets[-1] - offsets[0]
    part = lambda child: child.slice(first, size)
    if shape.kind == "list":
        unless(not is_map, array, shape)
        inner = render(part(array.values), shape.children[0])
    elif is_map:
        inner = render_entries(shape, part(array.keys), part(array.items))
    else:
        inner = entries_of_structs(storage(part(array.values)), shape)
    return with_nulls(array, [inner[a - first : b - first] for a, b in zip(offsets, offsets[1:])])


def render_entries(shape, keys, items):
    keys = render(keys, shape.children[0])
    if shape.kind == "keys":
        return keys
    return [(("key", k), ("value", v)) for k, v in zip(keys, render(items, shape.children[1]))]


def entries_of_structs(entries, shape):
    """polars has maps as lists of structs."""
    import pyarrow as pa

    if not pa.types.is_struct(entries.type):
        unless(shape.kind == "keys", entries, shape)
        return render(entries, shape.children[0])
    unless(entries.type.num_fields >= len(shape.children), entries, shape)
    fields = entries.flatten()
    return render_entries(shape, fields[0], fields[-1])


def unless(condition, array, shape):
    if not condition:
        raise Unlike(f"{shape.path or shape.name} is held as {array.type}, the file says {shape!r}")


def leaf_texts(array, shape):
    import pyarrow as pa

    if shape.form == "null" or pa.types.is_null(array.type):
        unless(array.null_count == len(array), array, shape)
        return [None] * len(array)
    return LEAVES[shape.form](array, shape)


def mapped(function, values):
    return [None if v is None else function(v) for v in values]


def bool_texts(array, shape):
    import pyarrow as pa

    unless(pa.types.is_boolean(array.type), array, shape)
    return array.to_pylist()


def int_texts(array, shape):
    import pyarrow as pa

    if pa.types.is_decimal(array.type) and array.type.scale == 0:  # how DuckDB hands out 128-bit integers
        return mapped(lambda v: f"{MARK}{int(v)}", array.to_pylist())
    unless(pa.types.is_integer(array.type), array, shape)
    return mapped(lambda v: f"{MARK}{v}", array.to_pylist())


def real_texts(array, shape):
    import pyarrow as pa

    width = {"half": 2, "float": 4, "double": 8}[shape.form]
    unless(pa.types.is_floating(array.type) and (array.type.bit_width // 8 == width or width == 2), array, shape)
    return mapped(lambda v: real(v, width), array.to_pylist())


def decimal_texts(array, shape):
    import pyarrow as pa

    unless(pa.types.is_decimal(array.type) and array.type.scale == shape.scale, array, shape)
    return mapped(lambda v: format(v, "f"), array.to_pylist())


def date_texts(array, shape):
    import pyarrow as pa

    unless(pa.types.is_date32(array.type), array, shape)
    return mapped(date_text, array.cast(pa.int32()).to_pylist())


def in_unit(array, shape, digits):
    """Integers in the unit that the file has; a reader may hold them in a finer one."""
    import pyarrow as pa

    held = UNIT_DIGITS[array.type.unit]
    integers = array.cast(pa.int32() if array.type.bit_width == 32 else pa.int64()).to_pylist()
    if held == digits:
        return integers
    unless(held > digits or digits == 9 and shape.form == "int96", array, shape)
    if held < digits:
        return mapped(lambda v: v * 10 ** (digits - held), integers)
    unless(not any(v is not None and v % 10 ** (held - digits) for v in integers), array, shape)
    return mapped(lambda v: v // 10 ** (held - digits), integers)


def time_texts(array, shape):
    import pyarrow as pa

    unless(pa.types.is_time(array.type), array, shape)
    return mapped(lambda v: clock_text(v, shape.digits, shape.utc), in_unit(array, shape, shape.digits))


def timestamp_texts(array, shape):
    import pyarrow as pa

    digits = 9 if shape.form == "int96" else shape.digits
    unless(pa.types.is_timestamp(array.type), array, shape)
    return mapped(lambda v: moment_text(v, digits, shape.utc), in_unit(array, shape, digits))


def is_textual(kind):
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_binary(kind):
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind)


def text_texts(array, shape):
    if is_binary(array.type):
        return mapped(lambda v: v.decode(), array.to_pylist())
    unless(is_textual(array.type), array, shape)
    return array.to_pylist()


def uuid_texts(array, shape):
    if is_textual(array.type):
        return array.to_pylist()
    unless(is_binary(array.type), array, shape)
    return mapped(lambda v: uuid_text(v.hex()), array.to_pylist())


def hex_texts(array, shape):
    unless(is_binary(array.type), array, shape)
    return mapped(bytes.hex, array.to_pylist())


LEAVES = {
    "bool": bool_texts, "int": int_texts, "half": real_texts, "float": real_texts, "double": real_texts, "decimal": decimal_texts,
    "date": date_texts, "time": time_texts, "timestamp": timestamp_texts, "int96": timestamp_texts, "text": text_texts,
    "uuid": uuid_texts, "hex": hex_texts,
}  # fmt: skip


def typed(value, shape):
    """A value out of a JSON file that a person wrote, with its floats as Real."""
    if value is None:
        return None
    if shape.kind == "list" or shape.kind == "keys":
        return [typed(v, shape.children[0]) for v in value]
    if shape.kind == "map":
        return [(("key", typed(dict(e)["key"], shape.children[0])), ("value", typed(dict(e)["value"], shape.children[1]))) for e in value]
    if shape.kind == "struct":
        return tuple((name, typed(v, below)) for (name, v), below in zip(value, shape.children))
    if shape.form in ("half", "float", "double") and value.startswith(MARK):
        return real(float(value[1:]), {"half": 2, "float": 4, "double": 8}[shape.form])
    return value


# ---- the other readers: [(name, values)] of a file ----


def render_table(table, shape):
    """By position: DuckDB renames columns that differ in case alone."""
    demand(len(table.columns) == len(shape.children), f"{len(table.columns)} columns, the footer has {len(shape.children)}")
    return [(below.name, render(column, below)) for column, below in zip(table.columns, shape.children)]


def pyarrow_table(path):
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, page_checksum_verification=True).read(use_threads=False)


@functools.lru_cache(maxsize=1)
def duckdb_connection():
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 1; set TimeZone = 'UTC'; set preserve_insertion_order = true")
    return connection


def quoted(path):
    return "'" + str(path).replace("'", "''") + "'"


def duckdb_table(path):
    return duckdb_connection().sql(f"select * from read_parquet({quoted(path)}, hive_partitioning = false)").to_arrow_table()


def polars_table(path):
    import polars

    return polars.read_parquet(path, glob=False, hive_partitioning=False).to_arrow()


READERS = {"pyarrow": pyarrow_table, "duckdb": duckdb_table, "polars": polars_table}


class silence:
    """polars prints a backtrace to the process's standard error before it raises."""

    def __enter__(self):
        self.kept, self.sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(self.sink, 2)

    def __exit__(self, *_):
        os.dup2(self.kept, 2)
        os.close(self.kept)
        os.close(self.sink)


def read_with(reader, path, shape):
    """(columns, None), or (None, why not)."""
    try:
        with silence():
            table = READERS[reader](path)
        return render_table(table, shape), None
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as why:  # a panic of polars is no Exception
        return None, f"{type(why).__name__}: {' '.join(str(why).split())[:160]}"


# ---- tickloom ----


def parsed(out):
    """[(name, values)] of what `cat --format jsonl` printed; the keys of all rows must be the same, in the same order."""
    demand(not out or out.endswith(b"\n"), "the output does not end with a line's end")
    mark = lambda digits: MARK + digits
    rows = []
    for line in out.decode().split("\n")[:-1]:
        rows.append(json.loads(line, parse_int=mark, parse_float=mark, parse_constant=not_json, object_pairs_hook=tuple))
    if not rows:
        return None
    names = [name for name, _ in rows[0]]
    for number, row in enumerate(rows):
        demand([name for name, _ in row] == names, f"row {number} has the keys {[n for n, _ in row]}, row 0 has {names}")
    return [(name, [row[i][1] for row in rows]) for i, name in enumerate(names)]


def not_json(word):
    raise Failure(f"{word} is no JSON")


class Tickloom:
    """Runs the binary. seconds: of one call; memory: bound of its address space, or None (sanitizers reserve more than any bound)."""

    def __init__(self, binary, seconds=60, memory=None):
        self.binary, self.seconds, self.memory = os.path.abspath(binary), seconds, memory

    def limit(self):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (self.memory, self.memory))

    def run(self, *arguments):
        """Exit code and both streams; a signal, a hang, an unknown code or a failure without a message is a failure here."""
        command = [self.binary, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=self.seconds, preexec_fn=self.limit if self.memory else None)
        except subprocess.TimeoutExpired:
            raise Failure(f"hangs, for {self.seconds} s: {' '.join(command)}")
        message = done.stderr.decode(errors="replace").strip()
        demand(0 <= done.returncode <= 5, f"exit code {done.returncode}: {' '.join(command)}: {message[:2000]}")
        demand(done.returncode == 0 or message, f"exit code {done.returncode} without a message: {' '.join(command)}")
        return done.returncode, done.stdout, message

    def must(self, *arguments):
        """Standard output; Refused where the exit code is not 0."""
        code, out, message = self.run(*arguments)
        if code:
            raise Refused(code, message)
        return out

    def cat(self, path, *options):
        """[(name, values)]; None where there are no rows."""
        return parsed(self.must("cat", path, "--format", "jsonl", *options))

    def knows(self, *arguments):
        """Whether a command or an option is there: `help COMMAND` names it."""
        command, *options = arguments
        code, out, _ = self.run("help", command)
        return code == 0 and all(option in out.decode() for option in options)
