#!/usr/bin/env python3
"""Optional check: Arrow streams in and out of the shared library, against pyarrow, polars and DuckDB.

usage: arrow.py SHARED_LIBRARY DATA_DIR

Out: files of DATA_DIR/parquet_files/good (where it is there) and files that pyarrow writes come out as streams, are validated in full by
pyarrow and compared with what pyarrow reads. In: tables of all three, in every type and layout that they export, are written to files,
which pyarrow reads back.

Exit code: 0 all passed, 1 something failed, 2 usage, 77 pyarrow is missing.
"""
import ctypes
import datetime
import decimal
import random
import sys
import tempfile
import uuid
from pathlib import Path

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
except ImportError as missing:
    print(f"SKIPPED: NOTHING WAS COMPARED, since {missing.name} cannot be imported", file=sys.stderr)
    sys.exit(77)
try:
    import polars
except ImportError:
    polars = None
try:
    import duckdb
except ImportError:
    duckdb = None

STREAM_SIZE = 5 * ctypes.sizeof(ctypes.c_void_p)
UNSUPPORTED = 4  # tl_status
# What pyarrow does not read or reads otherwise, and the other way round; a name and why.
OURS_REFUSE = {
    "datapage_v1-corrupt-checksum.parquet": "CRC does not match",
    "rle-dict-uncompressed-corrupt-checksum.parquet": "CRC does not match",
    "int96_from_spark.parquet": "row 2: a time that nanoseconds in 64 bits do not reach",
    "large_string_map.brotli.parquet": "a page of 1073741828 byte",
}
failures = []
passed = 0


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("text", ctypes.c_char * 1400)]


class Failure(Exception):
    """Something that is not as it should be."""


def demand(condition, text):
    if not condition:
        raise Failure(text)


def check(name, function, *arguments):
    global passed
    try:
        function(*arguments)
        passed += 1
    except Exception as why:  # one bad case must not hide the others
        kind = "" if isinstance(why, Failure) else type(why).__name__ + ": "
        failures.append(name)
        print(f"FAIL {name}: {kind}{str(why)[:600]}")


# ---- the library ----


class Stream:
    """A stream in memory of ours; also for whoever asks for a capsule."""

    def __init__(self):
        self.memory = (ctypes.c_char * STREAM_SIZE)()
        self.address = ctypes.addressof(self.memory)

    def __arrow_c_stream__(self, requested_schema=None):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(self.address, b"arrow_array_stream", None)


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(str(path))
        self.c.tl_parquet_export_stream.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
        self.c.tl_parquet_import_stream.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]

    def export(self, path, columns=None, where=None):
        stream, err = Stream(), Error()
        names = (ctypes.c_char_p * len(columns))(*[c.encode() for c in columns]) if columns else None
        status = self.c.tl_parquet_export_stream(
            str(path).encode(), names, len(columns or []), where.encode() if where else None, stream.address, ctypes.byref(err)
        )
        demand(status == 0, err.text.decode())
        return stream

    def read(self, path, columns=None, where=None):
        stream = self.export(path, columns, where)
        table = pa.RecordBatchReader._import_from_c(stream.address).read_all()
        table.validate(full=True)
        return table

    def write(self, address, path, profile=None):
        """The status, and the text of the error."""
        err = Error()
        status = self.c.tl_parquet_import_stream(address, str(path).encode(), profile, ctypes.byref(err))
        return status, err.text.decode()

    def write_table(self, table, path, batch_rows=None, profile=None):
        stream = Stream()
        pa.RecordBatchReader.from_batches(table.schema, table.to_batches(batch_rows))._export_to_c(stream.address)
        return self.write(stream.address, path, profile)

    def write_foreign(self, thing, path):
        """Anything that offers a capsule."""
        capsule = thing.__arrow_c_stream__()
        get = ctypes.pythonapi.PyCapsule_GetPointer
        get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        return self.write(get(capsule, b"arrow_array_stream"), path)


# ---- comparing ----


def storage(column):
    return column.cast(column.type.storage_type) if isinstance(column.type, pa.BaseExtensionType) else column


def same_values(ours, theirs):
    ours, theirs = storage(ours), storage(theirs)
    try:
        return repr(ours.to_pylist()) == repr(theirs.to_pylist())
    except (OverflowError, ValueError):  # times that Python does not have
        return ours.cast(theirs.type).equals(theirs)


def compare(ours, theirs):
    demand(ours.column_names == theirs.column_names, f"columns are {ours.column_names}, expected {theirs.column_names}")
    demand(ours.num_rows == theirs.num_rows, f"{ours.num_rows} rows, expected {theirs.num_rows}")
    for name, a, b in zip(ours.column_names, ours.columns, theirs.columns):
        if same_values(a, b):
            continue
        row = next((i for i, (x, y) in enumerate(zip(a, b)) if repr(x.as_py()) != repr(y.as_py())), -1)
        raise Failure(f"column {name} ({a.type}, expected {b.type}) differs in row {row}: {a[row]}, expected {b[row]}")


# ---- tables of every type ----

DICE = random.Random(20)


def some(make, rows, missing=0.2):
    return [None if DICE.random() < missing else make() for _ in range(rows)]


def integers(bits, signed):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return lambda: DICE.choice([low, high, 0, 1, DICE.randint(low, high)])


def texts():
    return DICE.choice(["", "a", "Zürich", "exactly12byt", "thirteen bytes", "x" * DICE.randint(0, 40)])


def decimals(precision, scale):
    most = 10**precision - 1
    return lambda: decimal.Decimal(DICE.choice([most, -most, 0, DICE.randint(-most, most)])).scaleb(-scale, decimal.Context(prec=100))


def flat_columns(rows):
    """Columns that both Parquet files and streams may have: name, type, values."""
    columns = {"bool": (pa.bool_(), some(lambda: DICE.random() < 0.5, rows)), "all_there": (pa.int64(), list(range(rows)))}
    for bits in (8, 16, 32, 64):
        columns[f"int{bits}"] = (getattr(pa, f"int{bits}")(), some(integers(bits, True), rows))
        columns[f"uint{bits}"] = (getattr(pa, f"uint{bits}")(), some(integers(bits, False), rows))
    for name, type_ in (("float16", pa.float16()), ("float32", pa.float32()), ("float64", pa.float64())):
        columns[name] = (type_, some(lambda: DICE.choice([0.5, -1.25, float("inf"), float("nan"), 100.0]), rows))
    for name, type_ in (("string", pa.string()), ("large_string", pa.large_string()), ("string_view", pa.string_view())):
        columns[name] = (type_, some(texts, rows))
    for name, type_ in (("binary", pa.binary()), ("large_binary", pa.large_binary()), ("binary_view", pa.binary_view())):
        columns[name] = (type_, some(lambda: texts().encode() + b"\xff\x00", rows))
    columns["fixed"] = (pa.binary(5), some(lambda: DICE.randbytes(5), rows))
    columns["uuid"] = (pa.uuid(), some(lambda: uuid.UUID(int=DICE.getrandbits(128)).bytes, rows))
    for precision, scale in ((4, 2), (9, 0), (12, 4), (18, 18), (19, 3), (38, 10)):
        columns[f"decimal{precision}"] = (pa.decimal128(precision, scale), some(decimals(precision, scale), rows))
    columns["decimal76"] = (pa.decimal256(76, 30), some(decimals(76, 30), rows))
    columns["decimal32"] = (pa.decimal32(7, 2), some(decimals(7, 2), rows))
    columns["decimal64"] = (pa.decimal64(15, 2), some(decimals(15, 2), rows))
    columns["date32"] = (pa.date32(), some(lambda: DICE.randint(-40000, 40000), rows))
    for unit, digits in (("s", 0), ("ms", 3), ("us", 6), ("ns", 9)):
        for zone in (None, "UTC", "Europe/Zurich"):
            columns[f"timestamp_{unit}_{zone}"] = (pa.timestamp(unit, zone), some(lambda: DICE.randint(-(10**9), 2 * 10**9) * 10**digits, rows))
        type_ = pa.time32(unit) if digits < 6 else pa.time64(unit)
        columns[f"time_{unit}"] = (type_, some(lambda: DICE.randint(0, 86399) * 10**digits, rows))
    return {name: pa.array(values, type_) for name, (type_, values) in columns.items()}


def nested_columns(rows):
    numbers = lambda: [DICE.choice([None, 1, 2, 3]) for _ in range(DICE.choice([0, 0, 1, 2, 5]))]
    pairs = lambda: [(texts() + str(i), DICE.choice([None, 1.5])) for i in range(DICE.choice([0, 1, 3]))]
    record = lambda: {"a": DICE.choice([None, 7]), "b": DICE.choice([None, texts()]), "c": DICE.choice([None, {"d": DICE.choice([True, None])}])}
    fields = pa.struct([("a", pa.int16()), ("b", pa.string()), ("c", pa.struct([("d", pa.bool_())]))])
    required = pa.struct([pa.field("r", pa.int32(), nullable=False), pa.field("s", pa.struct([pa.field("t", pa.string(), nullable=False)]), nullable=False)])
    return {
        "list": pa.array(some(numbers, rows), pa.list_(pa.int32())),
        "large_list": pa.array(some(numbers, rows), pa.large_list(pa.int32())),
        "list_of_lists": pa.array(some(lambda: some(numbers, DICE.choice([0, 1, 3])), rows), pa.list_(pa.list_(pa.uint8()))),
        "struct": pa.array(some(record, rows), fields),
        "required": pa.array(some(lambda: {"r": 1, "s": {"t": "x"}}, rows), required),
        "list_of_structs": pa.array(some(lambda: some(record, DICE.choice([0, 2])), rows), pa.list_(fields)),
        "map": pa.array(some(pairs, rows), pa.map_(pa.string(), pa.float32())),
        "map_of_lists": pa.array(some(lambda: [(k, [1, None]) for k, _ in pairs()], rows), pa.map_(pa.string(), pa.list_(pa.int64()))),
        "list_of_maps": pa.array(some(lambda: some(pairs, DICE.choice([0, 2])), rows), pa.list_(pa.map_(pa.string(), pa.float32()))),
        "fixed_list": pa.array(some(lambda: [1, None, 3], rows), pa.list_(pa.int16(), 3)),
    }


def stream_columns(rows):
    """Layouts that only streams have."""
    codes = pa.array([DICE.choice([None, 0, 1, 2]) for _ in range(rows)], pa.int8())
    words = pa.array(["one", None, "three"])
    columns = {
        "null": pa.nulls(rows),
        "date64": pa.array(some(lambda: DICE.randint(-9999, 9999) * 86400000, rows), pa.date64()),
        "dictionary_of_structs": pa.DictionaryArray.from_arrays(codes, pa.array([{"a": 1}, {"a": None}, None], pa.struct([("a", pa.int32())]))),
        "list_of_codes": pa.array(some(lambda: ["x", "y", None], rows), pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        "list_view": pa.array(some(lambda: [1, 2], rows), pa.list_view(pa.int32())),
        "large_list_view": pa.array(some(lambda: ["a"], rows), pa.large_list_view(pa.string_view())),
        "backwards": pa.ListViewArray.from_arrays(pa.array(range(rows)[::-1], pa.int32()), pa.array([1] * rows, pa.int32()), pa.array(range(rows))),
        "list_of_nulls": pa.array(some(lambda: [None] * 2, rows), pa.list_(pa.null())),
    }
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        columns["codes_" + name] = pa.DictionaryArray.from_arrays(codes.cast(getattr(pa, name)()), words)
    return columns


def all_columns(rows):
    return pa.table({**flat_columns(rows), **nested_columns(rows), **stream_columns(rows)})


def decoded(table):
    """As a Parquet file has it: no dictionaries, views, or types that it does not know."""

    def plain(type_):
        if pa.types.is_dictionary(type_):
            return plain(type_.value_type)
        if pa.types.is_list_view(type_) or pa.types.is_large_list_view(type_):
            return pa.large_list(plain(type_.value_type))
        if pa.types.is_timestamp(type_) and type_.tz is not None:
            return pa.timestamp(type_.unit, "UTC")
        if pa.types.is_list(type_):
            return pa.list_(plain(type_.value_type))
        return pa.int32() if pa.types.is_null(type_) else pa.date32() if pa.types.is_date64(type_) else type_

    def convert(column):
        wanted = plain(column.type)
        if column.type == wanted:
            return column
        return column.cast(wanted) if pa.types.is_timestamp(wanted) else pa.array(column.to_pylist(), wanted)

    return table.from_arrays([convert(c) for c in table.columns], table.column_names)


# ---- out ----


def check_file(library, path):
    refused = OURS_REFUSE.get(path.name)
    try:
        ours = library.read(path)
    except (Failure, OSError, pa.ArrowException) as why:
        demand(refused is not None and refused in str(why), str(why))
        return
    demand(refused is None, f"is read, expected: {refused}")
    try:
        theirs = pq.read_table(path)
    except (OSError, pa.ArrowException):  # more than pyarrow reads
        return
    compare(ours, theirs)


def check_parquet(library, folder, rows, group_rows):
    views = {"string_view", "binary_view"}
    columns = {name: c for name, c in {**flat_columns(rows), **nested_columns(rows)}.items() if name not in views}
    path = folder / "all.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=group_rows, store_schema=False)
    compare(library.read(path), pq.read_table(path))
    compare(library.read(path, ["map", "uint8"]), pq.read_table(path, columns=["map", "uint8"]))


def check_twice(library, folder):
    path = folder / "twice.parquet"
    pq.write_table(pa.table({"a": range(100), "b": [str(i) for i in range(100)]}), path)
    table = library.read(path, ["b", "a", "b", "a"])
    demand(table.column_names == ["b", "a", "b", "a"] and table.column(1).to_pylist() == table.column(3).to_pylist() == list(range(100)), "a column asked for twice")


def check_where(library, folder):
    path = folder / "where.parquet"
    table = pa.table({"a": range(50000), "b": [str(i % 7) for i in range(50000)]})
    pq.write_table(table, path, row_group_size=9000)
    wanted = table.filter(pc.and_(pc.equal(table["b"], "3"), pc.greater(table["a"], 100)))
    compare(library.read(path, ["b", "a"], "b = '3' and a > 100"), wanted.select(["b", "a"]))
    compare(library.read(path, None, "a < 0"), table.slice(0, 0))


def check_folder(library, folder):
    below = folder / "several"
    below.mkdir()
    pq.write_table(pa.table({"a": pa.array([1, 2])}, schema=pa.schema([pa.field("a", pa.int64(), nullable=False)])), below / "1.parquet")
    pq.write_table(pa.table({"a": [3, None], "b": ["x", None]}), below / "2.parquet")
    table = library.read(below)
    demand(table.to_pydict() == {"a": [1, 2, 3, None], "b": [None, None, "x", None]}, str(table.to_pydict()))
    pq.write_table(pa.table({"a": ["text"]}), below / "3.parquet")
    try:
        library.read(below)
    except (OSError, pa.ArrowException) as why:
        demand("column a is string, in other files int64" in str(why), str(why))
    else:
        raise Failure("a column of two types is read")


def check_text(library, folder):
    path = folder / "text.parquet"
    raw = pa.array([b"good", b"\xff\xfe"])
    pq.write_table(pa.Table.from_arrays([pa.Array.from_buffers(pa.string(), 2, raw.buffers())], ["t"]), path)
    try:
        library.read(path)
    except (OSError, pa.ArrowException) as why:
        demand("column t: row 1: the text is not valid UTF-8" in str(why), str(why))
    else:
        raise Failure("a text that is not UTF-8 goes out")


def check_mistakes(library, folder):
    for path, columns, where, text in ((folder / "none.parquet", None, None, "none.parquet"), (folder / "all.parquet", ["nope"], None, "no column nope")):
        try:
            library.export(path, columns, where)
        except Failure as why:
            demand(text in str(why), str(why))
        else:
            raise Failure(f"expected an error about {text}")


def check_into_peers(library, folder):
    path = folder / "all.parquet"
    names = ["bool", "uint8", "int64", "float64", "string", "date32", "timestamp_us_None", "decimal12", "list", "struct"]
    wanted = pq.read_table(path, columns=names)
    if polars is not None:
        compare(polars.DataFrame(library.export(path, names)).to_arrow(), wanted)
    if duckdb is not None:
        stream = library.export(path, names)
        reader = pa.RecordBatchReader._import_from_c(stream.address)
        compare(duckdb.from_arrow(reader).to_arrow_table(), wanted)


# ---- in ----


def check_import(library, folder, table, wanted, batch_rows=None, profile=None):
    path = folder / "in.parquet"
    status, text = library.write_table(table, path, batch_rows, profile)
    demand(status == 0, text)
    theirs = pq.read_table(path)
    theirs.validate(full=True)
    compare(theirs, wanted)
    compare(library.read(path), wanted)


def check_slices(library, folder):
    """Offsets at every level: parts of parts."""
    table = all_columns(120)
    for first, rows in ((0, 120), (1, 100), (13, 50), (119, 1), (60, 0)):
        part = table.slice(first, rows)
        check_import(library, folder, part, decoded(part), batch_rows=7)


def check_garbage(library, folder):
    """What lies behind rows that are missing is not looked at."""
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 4, 6], pa.int32()), pa.array(range(6)), mask=pa.array([False, True, False]))
    valid = pa.py_buffer(bytes([0b101]))
    strings = pa.Array.from_buffers(pa.string(), 3, [valid, pa.array([0, 1, 3, 4], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff\xffb")])
    numbers = pa.Array.from_buffers(pa.int64(), 3, [valid, pa.array([5, 6, 7]).buffers()[1]])
    table = pa.table({"lists": lists, "strings": strings, "numbers": numbers})
    check_import(library, folder, table, pa.table({"lists": [[0, 1], None, [4, 5]], "strings": ["a", None, "b"], "numbers": [5, None, 7]}))


def check_durations(library, folder):
    for unit in ("s", "ms", "us", "ns"):
        check_import(library, folder, pa.table({"d": pa.array([1, None, -5], pa.duration(unit))}), pa.table({"d": [1, None, -5]}))


def refuse(library, folder, table, text, status=UNSUPPORTED):
    path = folder / "refused.parquet"
    found, why = library.write_table(table, path)
    demand(found == status and text in why, f"status {found}: {why}; expected: {text}")
    demand(not list(folder.glob("refused*")), "a refused table leaves a file behind")


def check_refusals(library, folder):
    union = pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])
    refuse(library, folder, pa.table({"u": union}), 'column u: the Arrow type "+ud:0"')
    refuse(library, folder, pa.table({"x": pa.array([{"r": None}], pa.struct([("r", pa.month_day_nano_interval())]))}), "column x.r: the Arrow type")
    refuse(library, folder, pa.table({"r": pa.RunEndEncodedArray.from_arrays([2], ["a"])}), "column r: the Arrow type")
    refuse(library, folder, pa.table({"s": pa.array([{}], pa.struct([]))}), "column s: a struct without fields")
    refuse(library, folder, pa.table({"t": pa.array([1, 2**62], pa.timestamp("s"))}), "column t: row 1: ")
    refuse(library, folder, pa.table({"d": pa.array([5]).view(pa.date64())}), "column d: row 0: 5 of")
    refuse(library, folder, pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), "two columns are named a")
    refuse(library, folder, pa.table({}), "without columns")
    refuse(library, folder, pa.table({"d": pa.array([decimal.Decimal(100)], pa.decimal128(5, -2))}), "column d: the Arrow type")
    required = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    refuse(library, folder, pa.Table.from_arrays([pa.array([1, None])], schema=required), "column a: row 1 is missing", status=3)
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")])
    refuse(library, folder, pa.table({"t": bad}), "column t: row 0: the text is not valid UTF-8", status=3)
    offsets = pa.Array.from_buffers(pa.string(), 2, [None, pa.array([0, 3, 1], pa.int32()).buffers()[1], pa.py_buffer(b"abc")])
    refuse(library, folder, pa.table({"t": offsets}), "column t: row 1: offsets 3 and then 1", status=3)
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 9], pa.int8()), ["a"], safe=False)
    refuse(library, folder, pa.table({"t": codes}), "column t: row 1: code 9 of a dictionary of 1", status=3)


def check_failing_stream(library, folder):
    def batches():
        yield pa.record_batch({"a": [1]})
        raise ValueError("the source has dried up")

    stream = Stream()
    pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())._export_to_c(stream.address)
    status, text = library.write(stream.address, folder / "failing.parquet")
    demand(status != 0 and "dried up" in text, f"status {status}: {text}")
    demand(not list(folder.glob("failing*")), "a stream that fails leaves a file behind")


def check_onto_itself(library, folder):
    path = folder / "itself.parquet"
    table = pa.table({"a": range(30000), "b": [str(i) for i in range(30000)]})
    pq.write_table(table, path, row_group_size=1000)
    stream = library.export(path)
    status, text = library.write(stream.address, path, b"fast")
    demand(status == 0, text)
    compare(pq.read_table(path), table)


def check_polars(library, folder):
    frame = polars.from_arrow(pa.table({name: c for name, c in flat_columns(300).items() if name in
                                        ("bool", "int8", "uint64", "float32", "float64", "string", "binary", "decimal12", "date32", "timestamp_us_UTC", "time_ns")}))
    frame = frame.with_columns(
        polars.col("string").cast(polars.Categorical).alias("category"),
        polars.Series("lists", some(lambda: [1, None], 300)),
        polars.Series("records", some(lambda: {"x": 1, "y": "z" * 20}, 300)),
        polars.Series("arrays", some(lambda: [1.0, 2.0], 300), dtype=polars.Array(polars.Float64, 2)),
        polars.Series("span", [datetime.timedelta(seconds=1)] * 300).dt.total_microseconds(),
    )
    for part in (frame, frame[17:200], frame[5:5]):
        status, text = library.write_foreign(part, folder / "polars.parquet")
        demand(status == 0, text)
        compare(pq.read_table(folder / "polars.parquet"), decoded(part.to_arrow()))


def check_duckdb(library, folder):
    query = """select i as a, case when i % 3 = 0 then null else 'text ' || i end as b, i % 2 = 0 as c, (i / 8)::decimal(9, 3) as d, [i, null] as e,
      {'x': i, 'y': 'z'} as f, map {'k' || i: i} as g, date '2020-01-01' + i::integer as h, timestamp '2020-01-01' + to_seconds(i) as t,
      timestamptz '2020-01-01 00:00:00+00' as z, ('v' || i % 3)::enum('v0', 'v1', 'v2') as v, i::double as r, i::tinyint as s, array[i, i]::integer[2] as w
      from range(100) t(i)"""
    status, text = library.write_foreign(duckdb.sql(query), folder / "duckdb.parquet")
    demand(status == 0, text)
    compare(pq.read_table(folder / "duckdb.parquet"), decoded(duckdb.sql(query).to_arrow_table()))


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    library, good = Library(Path(arguments[0]).resolve()), Path(arguments[1]) / "parquet_files" / "good"
    with tempfile.TemporaryDirectory(prefix="tickloom-arrow-") as name:
        folder = Path(name)
        for path in sorted(good.glob("*.parquet")):
            check(path.name, check_file, library, path)
        for rows, group_rows in ((1000, 1000), (1000, 37), (1, 1), (0, 1)):
            check(f"{rows} rows out, groups of {group_rows}", check_parquet, library, folder, rows, group_rows)
        check("1000 rows out again", check_parquet, library, folder, 1000, 300)
        for test in (check_twice, check_where, check_folder, check_text, check_mistakes, check_into_peers):
            check(test.__name__, test, library, folder)
        table = all_columns(1000)
        check("1000 rows in", check_import, library, folder, table, decoded(table))
        check("1000 rows in, fast", check_import, library, folder, table, decoded(table), 64, b"fast")
        for test in (check_slices, check_garbage, check_durations, check_refusals, check_failing_stream, check_onto_itself):
            check(test.__name__, test, library, folder)
        for peer, test in ((polars, check_polars), (duckdb, check_duckdb)):
            if peer is not None:
                check(test.__name__, test, library, folder)
            else:
                print(f"skip {test.__name__}: it cannot be imported")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
