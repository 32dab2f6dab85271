#!/usr/bin/env python3
"""The grid: types x encodings x page versions x codecs x nulls x nesting x page sizes x writers, a covering part of the product.

usage: grid.py TICKLOOM_BINARY [--seed N] [--count N] [--only NUMBER] [--part PART]... [--jobs N] [--complete] [--keep]

pyarrow, DuckDB and polars write files of random columns. Each file is drawn so that it covers as many pairs of properties that no file
had yet as it can. Then, a file:
  read      `cat --format jsonl` gives the values that were written (values_as_text.py says how they look as text)
  rows      --rows A..B is the slice of the whole output
  threads   one thread prints what two do
  where     --where selects the rows that DuckDB selects
  stats     the numbers of `stats --json` are those that Python computes
  rewrite   what `rewrite` writes, in both profiles, says the same to pyarrow, DuckDB, polars and tickloom, and has the same hashes

What the binary does not know yet is counted as "not yet" (--complete: and fails). What another reader cannot hold is counted as skipped,
with its reason. A file in which something is wrong is kept; `--seed S --only NUMBER` makes it again.

Exit code: 0 all passed, 1 something is wrong, 2 usage, 77 another reader is missing.
"""
import argparse
import collections
import decimal
import fractions
import itertools
import json
import math
import multiprocessing
import os
import random
import re
import shutil
import struct
import sys
import tempfile
import time
from pathlib import Path

import values_as_text as text
from values_as_text import MARK, Failure, Refused, Tickloom, Unlike, column_difference, columns_difference, demand

try:
    import duckdb
    import polars
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as missing:
    print(f"SKIPPED: NOTHING WAS COMPARED, since {missing.name} cannot be imported (pyarrow, DuckDB and polars are needed)", file=sys.stderr)
    print("SKIP")
    sys.exit(77)

PARTS = ("read", "rows", "threads", "where", "stats", "rewrite")
PROFILES = ("compact", "fast")
PEERS = ("pyarrow", "duckdb", "polars")
NOT_YET = re.compile(r"this version|cannot be used as a column")  # how tickloom says that a feature is not there

# ---- leaves: a name, the Arrow type, and how one value is made ----


def whole(low, high):
    """Mostly anything, often an end or something small."""
    ends = [low, high, 0 if low < 0 else low, low + 1, high - 1]

    def make(r):
        kind = r.random()
        return r.choice(ends) if kind < 0.15 else max(low, min(high, r.randint(-9, 99))) if kind < 0.4 else r.randint(low, high)

    return make


SPECIAL = [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 0.1, 1 / 3, 1e22, 123456789.123, 2.0**-44, 9007199254740993.0]


def floats(letter, width):
    """Any bits, and those that hurt."""

    def make(r):
        if r.random() < 0.3:
            value = r.choice(SPECIAL)
            return value if width == 8 or value != value or abs(value) < 1e4 or value - value != 0 else 1.5
        return struct.unpack("<" + letter, r.getrandbits(8 * width).to_bytes(width, "little"))[0]

    return make


def price(r):
    """Finite, of magnitudes whose sum needs care."""
    return r.choice([r.randint(0, 40) / 4, r.uniform(-1, 1), r.uniform(-1, 1) * 1e16, 0.1, -1e-12 * r.random()])


PIECES = ["", "a", "tick", "é", "日本", "😈", '"', "\\", "\n", "\t", "\x00", "\x7f", "\u2028", ",", "z" * 60]


def a_text(r):
    return "".join(r.choice(PIECES) for _ in range(r.randint(0, 4)))


def a_word(r):
    return r.choice(["SPY", "QQQ", "AAPL", "a", "B", "", "Zürich", "x y"]) + str(r.randint(0, 30))


def raw(low, high):
    return lambda r: r.getrandbits(8 * high).to_bytes(high, "little")[: r.randint(low, high)]


def decimals(precision, scale):
    most, context = 10**precision - 1, decimal.Context(prec=80)
    return lambda r: decimal.Decimal(r.choice([0, 1, -1, most, -most, r.randint(-999, 999), r.randint(-most, most)])).scaleb(-scale, context)


YEARS = 86400 * 365 * 200  # seconds: 200 years around 1970 fit every unit


class Leaf:
    def __init__(self, kind, make, physical, writers="adp"):
        self.kind, self.make, self.physical, self.writers = kind, make, physical, writers


def leaves():
    out = {"bool": Leaf(pa.bool_(), lambda r: r.random() < 0.5, "bool")}
    for bits in (8, 16, 32, 64):
        out[f"int{bits}"] = Leaf(getattr(pa, f"int{bits}")(), whole(-(1 << bits - 1), (1 << bits - 1) - 1), "int")
        out[f"uint{bits}"] = Leaf(getattr(pa, f"uint{bits}")(), whole(0, (1 << bits) - 1), "int")
    out["counter"] = Leaf(pa.int64(), lambda r: 1_700_000_000_000 + r.randint(0, 5000), "int")
    out["float"] = Leaf(pa.float32(), floats("f", 4), "real")
    out["double"] = Leaf(pa.float64(), floats("d", 8), "real")
    out["price"] = Leaf(pa.float64(), price, "real")
    out["half"] = Leaf(pa.float16(), floats("e", 2), "fixed", "ap")
    for precision, scale in ((9, 2), (18, 0), (18, 18), (38, 10)):
        out[f"decimal{precision}_{scale}"] = Leaf(pa.decimal128(precision, scale), decimals(precision, scale), f"decimal{precision}")
    out["date"] = Leaf(pa.date32(), whole(-700_000, 2_900_000), "int")
    out["far_date"] = Leaf(pa.date32(), whole(-3_000_000, 5_000_000), "int", "ad")
    out["time_ms"] = Leaf(pa.time32("ms"), whole(0, 86_399_999), "int", "ad")
    out["time_us"] = Leaf(pa.time64("us"), whole(0, 86_399_999_999), "int")
    out["time_ns"] = Leaf(pa.time64("ns"), whole(0, 86_399_999_999_999), "int", "ap")
    for unit, factor in (("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        out[f"at_{unit}"] = Leaf(pa.timestamp(unit), whole(-YEARS * factor, YEARS * factor), "time")
        out[f"at_{unit}_utc"] = Leaf(pa.timestamp(unit, "UTC"), whole(-YEARS * factor, YEARS * factor), "time", "adp" if unit == "us" else "ap")
    out["far_us"] = Leaf(pa.timestamp("us"), whole(-(10**17), 9 * 10**18), "time", "a")
    out["text"] = Leaf(pa.string(), a_text, "bytes")
    out["word"] = Leaf(pa.string(), a_word, "bytes")
    out["bytes"] = Leaf(pa.binary(), raw(0, 9), "bytes")
    out["fixed"] = Leaf(pa.binary(5), raw(5, 5), "fixed", "a")
    out["uuid"] = Leaf(pa.uuid(), raw(16, 16), "fixed", "a")
    out["json"] = Leaf(pa.json_(), lambda r: json.dumps({"k": a_word(r)}), "bytes", "a")
    out["null"] = Leaf(pa.null(), lambda r: None, "null", "ap")
    return out


LEAVES = leaves()
FLAT_ONLY = {"uuid", "json", "null"}  # pyarrow makes no lists of these

# ---- encodings of pyarrow: what each style means for a physical type ----

DELTA = {"int": "DELTA_BINARY_PACKED", "time": "DELTA_BINARY_PACKED", "fixed": "DELTA_BYTE_ARRAY", "bytes": "DELTA_BYTE_ARRAY"}
STYLES = {
    "bool": ("plain", "rle"),
    "int": ("plain", "dictionary", "delta", "split"),
    "time": ("plain", "dictionary", "delta", "split"),
    "real": ("plain", "dictionary", "split"),
    "fixed": ("plain", "dictionary", "delta", "split"),
    "bytes": ("plain", "dictionary", "delta", "lengths"),
    "null": ("plain",),
}


def physical_of(leaf, layout):
    """A decimal is an integer or fixed bytes, as the file decides; so is a timestamp INT64 or INT96."""
    if leaf.physical.startswith("decimal"):
        return "int" if layout["decimals"] == "integers" and leaf.physical != "decimal38" else "fixed"
    return leaf.physical


def encoding(style, physical):
    if style == "delta":
        return DELTA.get(physical, "PLAIN")
    if style == "split":
        return "BYTE_STREAM_SPLIT" if physical in ("int", "time", "real", "fixed") else "PLAIN"
    if style == "lengths":
        return "DELTA_LENGTH_BYTE_ARRAY" if physical == "bytes" else "PLAIN"
    return "RLE" if style == "rle" and physical == "bool" else "PLAIN"


# ---- nesting: how a leaf is wrapped, in Arrow and in Python ----


def wrap_list(kind, null):
    return pa.list_(pa.field("element", kind, nullable=null))


def wrap_struct(null, **kinds):
    return pa.struct([pa.field(name, kind, nullable=null) for name, kind in kinds.items()])


NESTED_TYPES = {
    "flat": lambda t, n: t,
    "list": wrap_list,
    "list2": lambda t, n: wrap_list(wrap_list(t, n), n),
    "list_struct": lambda t, n: wrap_list(wrap_struct(n, v=t, size=pa.int32()), n),
    "struct": lambda t, n: wrap_struct(n, v=t, inner=wrap_struct(n, w=t)),
    "struct_list": lambda t, n: wrap_struct(n, v=wrap_list(t, n), size=pa.int32()),
    "map": lambda t, n: pa.map_(pa.string(), pa.field("value", t, nullable=n)),
    "map_list": lambda t, n: pa.map_(pa.string(), pa.field("value", wrap_list(t, n), nullable=n)),
    "deep": lambda t, n: wrap_list(wrap_struct(n, m=pa.map_(pa.string(), pa.field("value", wrap_struct(n, v=wrap_list(t, n)), nullable=n))), n),
}  # fmt: skip


class Values:
    """Makes the Python values of a column of a file."""

    def __init__(self, r, leaf, style, pattern):
        self.r, self.pattern = r, pattern
        pool = [leaf.make(r) for _ in range(11)] if style == "dictionary" or r.random() < 0.2 else None
        self.fresh = (lambda: r.choice(pool)) if pool else (lambda: leaf.make(r))

    def missing(self):
        """Inside of nested values a pattern is a likelihood."""
        return self.r.random() < {"none": 0.0, "all": 1.0, "first": 0.02, "last": 0.02}.get(self.pattern, 0.3)

    def leaf(self):
        return None if self.missing() else self.fresh()

    def absent(self):
        """Whether a list, map or struct is null; with all leaves null, most of what holds them is there."""
        return self.missing() and (self.pattern != "all" or self.r.random() < 0.2)

    def several(self, make):
        if self.absent():
            return None
        return [make() for _ in range(self.r.choice([0, 0, 1, 1, 2, 3, 5, 5, 40 if self.r.random() < 0.1 else 4]))]

    def fields(self, **makes):
        return None if self.absent() else {name: make() for name, make in makes.items()}

    def number(self):
        return None if self.missing() else self.r.randint(-5, 300)

    def entries(self, make):
        if self.absent():
            return None
        return [(f"k{i}", make()) for i in self.r.sample(range(40), self.r.choice([0, 1, 2, 3]))]

    def nested(self, nesting):
        one, many = self.leaf, lambda: self.several(self.leaf)
        return {
            "flat": one,
            "list": many,
            "list2": lambda: self.several(many),
            "list_struct": lambda: self.several(lambda: self.fields(v=one, size=self.number)),
            "struct": lambda: self.fields(v=one, inner=lambda: self.fields(w=one)),
            "struct_list": lambda: self.fields(v=many, size=self.number),
            "map": lambda: self.entries(one),
            "map_list": lambda: self.entries(many),
            "deep": lambda: self.several(lambda: self.fields(m=lambda: self.entries(lambda: self.fields(v=many)))),
        }[nesting]  # fmt: skip


def is_missing(pattern, r, row, rows):
    """Which rows of a flat column are null."""
    return {
        "none": False, "all": True, "alternating": row % 2 == 1, "runs": row // 37 % 2 == 1, "random": r.random() < 0.3, "first": row == 0,
        "last": row == rows - 1, "mostly": r.random() < 0.97,
    }[pattern]  # fmt: skip


PATTERNS = ("none", "all", "alternating", "runs", "random", "first", "last", "mostly")


def column_of(r, spec, rows):
    """The Arrow field and array of one column."""
    leaf, null = LEAVES[spec["type"]], spec["presence"] == "optional"
    values = Values(r, leaf, spec["style"], spec["nulls"])
    kind = NESTED_TYPES[spec["nesting"]](leaf.kind, null)
    if spec["nesting"] == "flat":
        made = [None if is_missing(spec["nulls"], r, row, rows) else values.fresh() for row in range(rows)]
    else:
        make = values.nested(spec["nesting"])
        made = [make() for _ in range(rows)]
    return pa.field(spec["name"], kind, nullable=null or spec["type"] == "null"), pa.array(made, kind)


# ---- choosing: the next file covers pairs of properties that no file had ----

WRITERS = {
    "pyarrow": {
        "pages": ("V1", "V2"),
        "codec": ("none", "snappy", "gzip", "brotli", "lz4", "zstd"),
        "page size": ("tiny", "default"),
        "decimals": ("fixed", "integers"),
        "dictionary": ("whole", "falls back"),
        "groups": ("one", "several"),
        "times": ("int64", "int64", "int64", "int96"),
    },
    "duckdb": {"pages": ("V1", "V2"), "codec": ("uncompressed", "snappy", "gzip", "brotli", "lz4_raw", "zstd"), "groups": ("one", "several")},
    "polars": {"codec": ("uncompressed", "snappy", "gzip", "brotli", "lz4", "zstd"), "page size": ("tiny", "default"), "groups": ("one", "several")},
}


def draw_layout(r, number):
    writer = ("pyarrow", "pyarrow", "pyarrow", "duckdb", "pyarrow", "polars")[number % 6]
    layout = {"writer": writer, **{name: r.choice(choices) for name, choices in WRITERS[writer].items()}}
    return {"decimals": "fixed", "times": "int64", "page size": "default", **layout}


def draw_column(r, layout, i):
    letter = {"pyarrow": "a", "duckdb": "d", "polars": "p"}[layout["writer"]]
    while True:
        kind = r.choice(list(LEAVES))
        leaf = LEAVES[kind]
        if letter not in leaf.writers or layout["times"] == "int96" and kind == "far_us":
            continue
        style = r.choice(STYLES[physical_of(leaf, layout)])
        if layout["times"] == "int96" and leaf.physical == "time" and style in ("delta", "split"):
            style = "plain"
        nesting = "flat" if kind in FLAT_ONLY or r.random() < 0.4 else r.choice(list(NESTED_TYPES))
        nulls = r.choice(PATTERNS)
        presence = "required" if nulls == "none" and r.random() < 0.6 and kind != "null" else "optional"
        return {"name": f"c{i}_{kind}", "type": kind, "style": style if layout["writer"] == "pyarrow" else "-", "nesting": nesting, "nulls": nulls, "presence": presence}


def pairs_of(layout, column):
    items = [(k, v) for k, v in (*layout.items(), *column.items()) if k != "name"]
    return set(itertools.combinations(sorted(items), 2))


class Plan:
    """Which columns each file has."""

    def __init__(self, seed, count):
        self.covered, self.files = set(), []
        for number in range(count):
            self.files.append(self.next_file(random.Random(f"{seed} {number}"), number))

    def next_file(self, r, number):
        layout = draw_layout(r, number)
        columns = []
        large = number % 60 == 59  # more rows than a batch or a page holds
        for i in range(3 if large else r.choice((6, 8, 10))):
            drawn = [draw_column(r, layout, i) for _ in range(12)]
            best = max(drawn, key=lambda column: len(pairs_of(layout, column) - self.covered))
            self.covered |= pairs_of(layout, best)
            columns.append(best)
        rows = 0 if number == 0 else 20_000 if large else r.choice((1, 8, 64, 65, 150, 150, 200, 400))
        return {"number": number, "layout": layout, "columns": columns, "rows": rows}


def describe(plan):
    layout = ", ".join(f"{k} {v}" for k, v in plan["layout"].items())
    return f"file {plan['number']} ({layout}, {plan['rows']} rows)"


# ---- writing ----


def make_table(r, plan):
    """Column n counts the rows; where no nested column stands in between, conditions use it."""
    rows = plan["rows"]
    columns = [(pa.field("n", pa.int64(), nullable=False), pa.array(range(rows), pa.int64()))]
    columns += [column_of(r, spec, rows) for spec in plan["columns"]]
    return pa.Table.from_arrays([array for _, array in columns], schema=pa.schema([field for field, _ in columns]))


def leaf_paths(kind, path, physical):
    """(path in the file, physical) of every leaf of an Arrow type; those beside the leaf under test are 32-bit integers and texts."""
    if pa.types.is_map(kind):
        return [(path + ".key_value.key", "bytes")] + leaf_paths(kind.item_type, path + ".key_value.value", physical)
    if pa.types.is_list(kind):
        return leaf_paths(kind.value_type, path + ".list.element", physical)
    if pa.types.is_struct(kind):
        return [leaf for f in kind for leaf in leaf_paths(f.type, f"{path}.{f.name}", "int" if f.name == "size" else physical)]
    return [(path, physical)]


def pyarrow_options(table, plan):
    layout = plan["layout"]
    dictionary, encodings = [], {}
    for spec in plan["columns"]:
        physical = physical_of(LEAVES[spec["type"]], layout)
        for path, below in leaf_paths(table.schema.field(spec["name"]).type, spec["name"], physical):
            if spec["style"] == "dictionary" and below != "bool":
                dictionary.append(path)
            elif layout["times"] != "int96" or below != "time":
                encodings[path] = encoding(spec["style"], below)
    return {"use_dictionary": dictionary or False, "column_encoding": encodings or None}


def write_pyarrow(table, path, plan, r):
    layout, rows = plan["layout"], plan["rows"]
    tiny = {"data_page_size": r.choice((16, 100, 300)), "write_batch_size": r.choice((1, 8, 32))} if layout["page size"] == "tiny" else {}
    pq.write_table(table, path, compression=layout["codec"], data_page_version="1.0" if layout["pages"] == "V1" else "2.0",
                   row_group_size=max(1, rows // 3 if layout["groups"] == "several" else rows), write_page_checksum=r.random() < 0.5,
                   write_page_index=r.random() < 0.5, dictionary_pagesize_limit=60 if layout["dictionary"] == "falls back" else 1 << 20,
                   store_decimal_as_integer=layout["decimals"] == "integers", use_deprecated_int96_timestamps=layout["times"] == "int96",
                   store_schema=r.random() < 0.5, **tiny, **pyarrow_options(table, plan))  # fmt: skip
    return table


# What DuckDB has types for and Arrow has not, as columns of its own.
DUCKDB_EXTRAS = """md5(n::varchar)::uuid as x_uuid, if(n % 3 = 0, null, ('k' || (n % 4))::enum('k0', 'k1', 'k2', 'k3')) as x_enum,
    if(n % 5 = 1, null, json_object('n', n)) as x_json, [md5(n::varchar)::uuid, null] as x_uuids"""


def write_duckdb(table, path, plan, r):
    layout = plan["layout"]
    connection = duckdb.connect()
    try:
        connection.execute("set threads = 1; set TimeZone = 'UTC'")
        connection.register("given", pa.concat_tables([table] * 7) if layout["groups"] == "several" and plan["rows"] == 400 else table)
        connection.execute(f"create table source as select *, {DUCKDB_EXTRAS} from given")
        version = "v1" if layout["pages"] == "V1" else "v2"
        connection.execute(f"copy source to {text.quoted(path)} (format parquet, parquet_version {version}, codec {layout['codec']}, row_group_size 2048)")
        return connection.sql("select * from source").to_arrow_table()
    finally:
        connection.close()


def write_polars(table, path, plan, r):
    layout, rows = plan["layout"], plan["rows"]
    frame = polars.from_arrow(table)
    groups = max(1, rows // 3) if layout["groups"] == "several" else None
    frame.write_parquet(path, compression=layout["codec"], row_group_size=groups, data_page_size=100 if layout["page size"] == "tiny" else None)
    return frame.to_arrow()


WRITE = {"pyarrow": write_pyarrow, "duckdb": write_duckdb, "polars": write_polars}

# ---- footers with another schema: what no writer here writes ----

BINARY, LIST, STRUCT, I32 = text.BINARY, text.LIST, text.STRUCT, text.I32


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def thrift_bytes(kind, value):
    if kind <= text.BOOL_FALSE:
        return bytes([1 if value else 2])
    if kind == text.BYTE:
        return struct.pack("b", value)
    if kind in (text.I16, text.I32, text.I64):
        return varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if kind == text.DOUBLE:
        return struct.pack("<d", value)
    if kind == BINARY:
        return varint(len(value)) + value
    if kind in (LIST, text.SET):
        of, items = value
        return bytes([0xF0 | of]) + varint(len(items)) + b"".join(thrift_bytes(of, item) for item in items)
    out, last = b"", 0
    for number, (of, item) in sorted(value.items()):
        tag = (1 if item else 2) if of <= text.BOOL_FALSE else of
        out += bytes([(number - last) << 4 | tag]) if 0 < number - last < 16 else bytes([tag]) + thrift_bytes(text.I16, number)
        out += b"" if of <= text.BOOL_FALSE else thrift_bytes(of, item)
        last = number
    return out + b"\0"


def write_footer(path, footer):
    with open(path, "r+b") as f:
        f.seek(-8, os.SEEK_END)
        size = struct.unpack("<I", f.read(4))[0]
        f.seek(-8 - size, os.SEEK_END)
        data = thrift_bytes(STRUCT, footer)
        f.write(data + struct.pack("<I", len(data)) + b"PAR1")
        f.truncate()


def leave_schema_alone(footer):
    """The writer's own note of the Arrow schema would contradict a changed one."""
    footer.pop(5, None)


def elements_of(footer):
    return footer[2][1][1]


def column_paths(footer):
    for group in footer[4][1][1]:
        for chunk in group[1][1][1]:
            yield chunk[3][1][3][1][1]  # path_in_schema of the chunk's metadata


def annotate(column, converted, logical, **more):
    """Another ConvertedType and LogicalType for one leaf; None: no such field."""

    def edit(footer):
        for element in elements_of(footer):
            if element[4][1] == column:
                for number, kind, value in ((6, I32, converted), (10, STRUCT, logical), *more.get("others", ())):
                    element.pop(number, None)
                    if value is not None:
                        element[number] = (kind, value)

    return edit


def only_converted(footer):
    for element in elements_of(footer):
        if 6 in element:
            element.pop(10, None)


def only_logical(footer):
    for element in elements_of(footer):
        if 10 in element:
            element.pop(6, None)


def two_levels(name):
    """LIST of old: the repeated field is the element. It has the levels of a three-level list whose element is required."""

    def edit(footer):
        elements = elements_of(footer)
        at = next(i for i, e in enumerate(elements) if e[4][1] == b"list")
        element = elements[at + 1]
        element[3] = (I32, 2)
        element[4] = (BINARY, name)
        del elements[at]
        for path in column_paths(footer):
            if path[0] == b"v":
                path[1:3] = [name]

    return edit


def no_list(footer):
    """A repeated field without an annotation, as Protocol Buffers have it: v (LIST), list, element -> v, repeated. Both levels must be
    required, since a list without an annotation cannot be null."""
    elements = elements_of(footer)
    at = next(i for i, e in enumerate(elements) if e[4][1] == b"list")
    element = elements[at + 1]
    element[3], element[4] = (I32, 2), (BINARY, b"v")
    del elements[at - 1 : at + 1]
    for path in column_paths(footer):
        if path[0] == b"v":
            path[:3] = [b"v"]


def old_map(footer):
    """MAP_KEY_VALUE on the outer group, another name for the repeated one."""
    for element in elements_of(footer):
        if element[4][1] == b"v":
            element[6] = (I32, 2)
            element.pop(10, None)
        if element[4][1] == b"key_value":
            element[4] = (BINARY, b"map")
    for path in column_paths(footer):
        if path[0] == b"v":
            path[1] = b"map"


def decimal_bytes(value):
    return value.to_bytes((value.bit_length() + 8) // 8, "big", signed=True)


ENUM, JSON, BSON, UUID, UNKNOWN = ({number: (STRUCT, {})} for number in (4, 12, 13, 14, 200))
UTC_MS = {8: (STRUCT, {1: (1, True), 2: (STRUCT, {1: (STRUCT, {})})})}
DECIMAL = {5: (STRUCT, {1: (I32, 3), 2: (I32, 30)})}
SCALED = (("others", ((7, I32, 3), (8, I32, 30))),)


def tagged_files():
    """(name, Arrow type, values, required?, edit of the footer, the values as text or None for those of the type)."""
    r = random.Random(77)
    words = [a_word(r) for _ in range(90)]
    jsons = [json.dumps({"symbol": word}) for word in words]
    whole_numbers = [r.choice([0, 1, -1, 127, 128, -128, -129, r.randint(-(10**20), 10**20), 10**29]) for _ in range(90)]
    as_decimal = [format(decimal.Decimal(v).scaleb(-3, decimal.Context(prec=60)), "f") for v in whole_numbers]
    uuids = [r.getrandbits(128).to_bytes(16, "big") for _ in range(90)]
    lists = [None if i % 7 == 3 else [r.randint(-99, 99) for _ in range(r.randint(0, 4))] for i in range(90)]
    structs = [x and [{"price": v / 4, "size": v} for v in x] for x in lists]
    times = [r.randint(0, 2 * 10**12) for _ in range(90)]
    maps = [None if i % 6 == 1 else [(f"k{k}", k) for k in range(i % 4)] for i in range(90)]
    null = lambda values: [None if i % 5 == 2 else v for i, v in enumerate(values)]
    numbers, text_type = pa.list_(pa.field("element", pa.int64(), nullable=False)), pa.string()
    pair = pa.struct([pa.field("price", pa.float64(), nullable=False), pa.field("size", pa.int64(), nullable=False)])
    pairs, full = pa.list_(pa.field("element", pair, nullable=False)), [x or [] for x in lists]
    hexes = lambda values: [v and v.hex() for v in values]
    digits = lambda values: [None if v is None else f"{MARK}{v}" for v in values]
    raw_words = null([w.encode() for w in words])
    decimals_more = dict(SCALED)
    return [
        ("enum", pa.binary(), raw_words, annotate(b"v", 4, ENUM), null(words)),
        ("enum of old", pa.binary(), raw_words, annotate(b"v", 4, None), null(words)),
        ("json", pa.binary(), null([j.encode() for j in jsons]), annotate(b"v", None, JSON), null(jsons)),
        ("bson", pa.binary(), raw_words, annotate(b"v", 20, BSON), hexes(raw_words)),
        ("unknown binary", pa.binary(), raw_words, annotate(b"v", None, UNKNOWN), hexes(raw_words)),
        ("unknown integer", pa.int64(), null(times), annotate(b"v", None, UNKNOWN), digits(null(times))),
        ("text on an integer", pa.int64(), null(times), annotate(b"v", None, {1: (STRUCT, {})}), digits(null(times))),
        ("bytes as decimal", pa.binary(), null([decimal_bytes(v) for v in whole_numbers]), annotate(b"v", 5, DECIMAL, **decimals_more), null(as_decimal)),
        ("bytes as decimal of old", pa.binary(), null([decimal_bytes(v) for v in whole_numbers]), annotate(b"v", 5, None, **decimals_more), null(as_decimal)),
        ("uuid by its logical type", pa.binary(16), null(uuids), annotate(b"v", None, UUID), [v and text.uuid_text(v.hex()) for v in null(uuids)]),
        ("interval", pa.binary(12), null([u[:12] for u in uuids]), annotate(b"v", 21, None), hexes(null([u[:12] for u in uuids]))),
        ("ConvertedType alone is UTC", pa.timestamp("us"), null(times), annotate(b"v", 10, None), [v if v is None else text.moment_text(v, 6, True) for v in null(times)]),
        ("LogicalType before ConvertedType", pa.timestamp("ms"), null(times), annotate(b"v", 10, UTC_MS), [v if v is None else text.moment_text(v, 3, True) for v in null(times)]),
        ("text of old", text_type, null(words), only_converted, None),
        ("text of today", text_type, null(words), only_logical, None),
        ("small integers of old", pa.uint8(), null([v % 200 for v in times]), only_converted, None),
        ("small integers of today", pa.int16(), null([v % 200 - 99 for v in times]), only_logical, None),
        ("time of old", pa.time64("us"), null([v % 10**9 for v in times]), only_converted, None),
        ("decimal of old", pa.decimal128(12, 3), null([decimal.Decimal(v % 10**9) / 1000 for v in times]), only_converted, None),
        ("list of old", numbers, lists, only_converted, None),
        ("two-level list, array", numbers, lists, two_levels(b"array"), None),
        ("two-level list, element", numbers, lists, two_levels(b"element"), None),
        ("two-level list of structs, array", pairs, structs, two_levels(b"array"), None),
        ("two-level list of structs, v_tuple", pairs, structs, two_levels(b"v_tuple"), None),
        ("two-level list of structs, any name", pairs, structs, two_levels(b"bag"), None),
        ("repeated number", (numbers,), full, no_list, None),
        ("repeated struct", (pairs,), [x or [] for x in structs], no_list, None),
        ("map of old", pa.map_(text_type, pa.int64()), maps, old_map, None),
    ]  # fmt: skip


def expected_of_tagged(kind, values, shape):
    """By the values' own type: the edits that come without texts change names and annotations, not what is there."""
    return text.render(pa.array(values, kind), shape)


# ---- what is counted ----


class Outcome:
    """Counts, failures, skips and what is not yet there, of one file; they add up."""

    def __init__(self):
        self.passed, self.failed, self.skipped, self.not_yet = (collections.Counter() for _ in range(4))
        self.failures = []

    def add(self, other):
        for mine, theirs in zip(self.counters(), other.counters()):
            mine.update(theirs)
        self.failures += other.failures

    def counters(self):
        return self.passed, self.failed, self.skipped, self.not_yet

    def check(self, part, function, *arguments):
        """True when it passed."""
        try:
            function(*arguments)
        except Refused as why:
            return self.refused(part, why)
        except Exception as why:
            self.fail(part, str(why) if isinstance(why, Failure) else f"{type(why).__name__}: {why}")
            return False
        self.passed[part] += 1
        return True

    def refused(self, part, why):
        if why.code == 4 and NOT_YET.search(str(why)) or part.startswith("read alone: nested") and "has no column" in str(why):
            reason = re.sub(r"\([^)]*\)|^column \S+ |^\S+\.parquet |column \w+(;.*)?$", "", str(why).split(": ")[-1])
            self.not_yet[part, reason[:90]] += 1
        else:
            self.fail(part, f"exit code {why.code}: {why}")
        return False

    def fail(self, part, why):
        self.failed[part] += 1
        self.failures.append(f"{part}: {why[:500]}")


# ---- parts ----


class Case:
    """A file with what it holds."""

    def __init__(self, path, columns, table, shape):
        self.path, self.columns, self.table, self.shape = path, columns, table, shape
        self.rows, self.lines = len(columns[0][1]), []  # lines: as tickloom prints the whole file

    def flat(self):
        """(name, values, shape) of the columns that are leaves."""
        return [(n, v, s) for (n, v), s in zip(self.columns, self.shape.children) if s.kind == "value"]


def check_read(tickloom, case, path=None):
    out = tickloom.must("cat", path or case.path, "--format", "jsonl")
    if path is None:
        case.lines = out.splitlines(True)
    got = text.parsed(out)
    got = [(name, []) for name, _ in case.columns] if got is None else got
    found = columns_difference(got, case.columns)
    demand(found is None, found)


def check_column(tickloom, case, i):
    """A column alone, where the file is not read as a whole yet."""
    name, want = case.columns[i]
    got = tickloom.cat(case.path, "--columns", name) or [(name, [])]
    found = columns_difference(got, [(name, want)])
    demand(found is None, found)


def check_rows(tickloom, case, r):
    for _ in range(2 if case.rows else 0):
        a = r.randrange(case.rows)
        b = r.randint(a + 1, case.rows)
        part = tickloom.must("cat", case.path, "--format", "jsonl", "--rows", f"{a}..{b}").splitlines(True)
        demand(part == case.lines[a:b], f"--rows {a}..{b} differs from the slice: {len(part)} rows, expected {b - a}; first {part[:1]}, expected {case.lines[a:a + 1]}")


def check_threads(tickloom, case):
    one, two = (tickloom.must("cat", case.path, "--format", "jsonl", "--threads", n) for n in (1, 2))
    demand(one == two, "--threads 1 and --threads 2 print different text")


# ---- conditions ----

FORMS = ("{c} = {x}", "{c} > {x}", "{c} <= {x}", "{c} between {x} and {y}", "{c} in ({x}, {y}, {z})", "{c} >= {x} and n < 50", "{c} < {x} or n >= 100")


def conditions(columns, r):
    """(condition as tickloom reads it, as DuckDB does) about flat columns. Missing is false in both, since DuckDB's is coalesced."""
    out = []
    for name, values, shape in columns:
        pairs = [pair for pair in (LITERALS[shape.form](v, shape) for v in values if v is not None) if pair]
        if not pairs:
            continue
        x, y, z = (r.choice(pairs) for _ in range(3))
        for form in r.sample(FORMS, 2):
            out.append(tuple(form.format(c=c, x=x[i], y=y[i], z=z[i]) for i, c in enumerate((f"`{name}`", f'"{name}"'))))
        out.append((f"not (`{name}` < {x[0]})", f'not coalesce("{name}" < {x[1]}, false)'))
    return r.sample(out, min(4, len(out)))


def of_int(value, shape):
    digits = value[len(MARK) :]
    return (digits, digits) if -(2**63) <= int(digits) < 2**63 else None


def of_double(value, shape):
    return (value[len(MARK) :], f"{value[len(MARK):]}::double") if type(value) is text.Real and abs(value.value) < 1e300 else None


def of_decimal(value, shape):
    return value, f"{value}::decimal(38, {shape.scale})"


def of_text(value, shape):
    """Quotes and control characters have other tests than this."""
    plain = value if re.fullmatch(r"[\w ]*", value) else "m"
    return f"'{plain}'", f"'{plain}'"


def of_date(value, shape):
    return (f"'{value}'", f"date '{value}'") if value[0] not in "+-" else None


def of_timestamp(value, shape):
    """A time in UTC may be written with Z or without."""
    naive = value.rstrip("Z")
    ours = value if int(naive[-1]) % 2 or not shape.utc else naive
    kind = {3: "timestamp_ms", 6: "timestamp"}.get(shape.digits, "timestamp_ns")
    return (f"'{ours}'", f"'{naive}'::{kind}") if value[0] not in "+-" else None


LITERALS = {"int": of_int, "double": of_double, "decimal": of_decimal, "text": of_text, "date": of_date, "timestamp": of_timestamp, "int96": of_timestamp}


def for_duckdb(array, values, shape):
    """The column as DuckDB takes it without loss: text as text, whatever it is annotated with, and times in UTC without their zone."""
    if shape.form == "text":
        return pa.array(values, pa.string())
    if pa.types.is_timestamp(array.type) and array.type.tz:
        return array.cast(pa.int64()).cast(pa.timestamp(array.type.unit))
    return array


def comparable(case):
    """Flat columns that DuckDB compares as tickloom does: for NaN it does not, which is equal and greater there."""
    return [(n, v, s) for n, v, s in case.flat() if s.form in LITERALS and "NaN" not in v]


def check_where(tickloom, case, r):
    columns = comparable(case) if case.rows else []
    if not columns:
        return
    arrays = [for_duckdb(case.table.column(n), v, s) for n, v, s in columns]
    connection = text.duckdb_connection()
    connection.register("source", pa.Table.from_arrays(arrays, names=[n for n, _, _ in columns]))
    for ours, theirs in conditions(columns, r):
        want = [n for n, in connection.sql(f"select n from source where coalesce({theirs}, false) order by n").fetchall()]
        got = tickloom.cat(case.path, "--columns", "n", "--where", ours)
        found = sorted(int(v[len(MARK) :]) for v in got[0][1]) if got else []
        demand(found == want, f'--where "{ours}": {len(found)} rows {found[:8]}, DuckDB has {len(want)} {want[:8]}')
    connection.unregister("source")


# ---- stats ----

SUMMED = ("int", "float", "double", "half", "decimal")


def expected_stats(values, shape):
    """The numbers of one column. What the contract leaves open is not in it: order statistics and sums of columns with NaN or infinity."""
    there = [v for v in values if v is not None]
    out = {"rows": len(values), "missing": len(values) - len(there)}
    real = shape.form in ("float", "double", "half")
    finite = [v for v in there if type(v) is text.Real] if real else there
    out["nonfinite"] = len(there) - len(finite)
    if out["nonfinite"]:
        return out
    numbers = as_numbers(finite, shape)
    zeros = {str(v) for v in numbers if v == 0} if real else set()
    if len(zeros) < 2:  # whether -0.0 and 0.0 are one value is left open
        out["distinct"] = len(set(numbers))
    if numbers and shape.form in SUMMED:
        out.update(sums(numbers, shape), min=min(numbers), max=max(numbers))
        if 0 in (out["min"], out["max"]) and real:
            out.pop("min"), out.pop("max")
    elif numbers:
        out.update({"sum": None} if shape.form in ("text", "date") else {})
        if shape.form in ("text", "date"):
            key = (lambda v: v.encode()) if shape.form == "text" else None
            ends = there if shape.form == "text" or all(v[0] not in "+-" for v in there) else None
            if ends:
                out.update(min=min(ends, key=key), max=max(ends, key=key))
    return out


def as_numbers(values, shape):
    if shape.form in ("float", "double", "half"):
        return [v.value for v in values]
    if shape.form == "int":
        return [int(v[len(MARK) :]) for v in values]
    return [decimal.Decimal(v) for v in values] if shape.form == "decimal" else values


def sums(numbers, shape):
    """Sums and moments, exact, then rounded once, as math.fsum does, which cannot hold sums beyond a double on the way."""
    exact = [fractions.Fraction(v) for v in numbers]
    total, count = sum(exact), len(exact)
    mean = total / count
    squares = sum((v - mean) ** 2 for v in exact)
    is_real = shape.form in ("float", "double", "half")
    out = {"sum": as_float(total) if is_real else total, "mean": as_float(mean)}
    out["stddev"] = math.sqrt(as_float(squares / (count - 1))) if count > 1 and 0 < squares < 10**300 else None
    return {k: v for k, v in out.items() if v is not None}


def as_float(fraction):
    try:
        return float(fraction)
    except OverflowError:
        return None


def number_of(value):
    """A JSON number, or a decimal, which is text."""
    demand(isinstance(value, str), f"{value!r} is no number")
    return fractions.Fraction(decimal.Decimal(value[len(MARK) :] if value.startswith(MARK) else value))


def check_number(name, key, got, want):
    if want is None or key in ("min", "max") and isinstance(want, str):
        return demand(got == want, f"{name}: {key} is {text.shown(got)}, expected {want!r}")
    demand(got is not None, f"{name}: {key} is null, expected {want}")
    if key in ("rows", "missing", "nonfinite", "distinct"):
        return demand(got == f"{MARK}{want}", f"{name}: {key} is {text.shown(got)}, expected {want}")
    got = number_of(got)
    if key in ("mean", "stddev"):
        return demand(math.isclose(got, want, rel_tol=1e-12, abs_tol=1e-300), f"{name}: {key} is {float(got)!r}, expected {want!r}")
    demand(got == fractions.Fraction(want) or isinstance(want, float) and float(got) == want, f"{name}: {key} is {got}, expected {want!r}")


def stats_of(tickloom, case, *options):
    out = tickloom.must("stats", case.path, "--json", *options)
    mark = lambda digits: MARK + digits
    return json.loads(out, parse_int=mark, parse_float=mark, parse_constant=text.not_json)


def compare_stats(found, columns, rows, only=None):
    demand(found["rows"] == f"{MARK}{rows}", f"rows is {text.shown(found['rows'])}, expected {rows}")
    demand(list(found["columns"]) == [name for name, _, _ in columns], f"columns {list(found['columns'])}, expected {[n for n, _, _ in columns]}")
    for name, values, shape in columns:
        got = found["columns"][name]
        for key, want in expected_stats(values, shape).items():
            if only is None or key in only:
                demand(key in got, f"{name}: there is no {key}")
                check_number(name, key, got[key], want)
        demand(only is None or set(got) <= set(only), f"{name}: --only {','.join(only or ())} gives {list(got)}")


def check_stats(tickloom, case, r):
    """Flat columns, all numbers; then few columns, few numbers, few rows."""
    columns = case.flat()
    names = ",".join(name for name, _, _ in columns)
    compare_stats(stats_of(tickloom, case, "--columns", names), columns, case.rows)
    some = r.sample(columns, min(2, len(columns)))
    only = ("rows", "missing", "sum")
    compare_stats(stats_of(tickloom, case, "--columns", ",".join(c[0] for c in some), "--only", ",".join(only)), some, case.rows, only)
    if len(columns) == len(case.columns):
        compare_stats(stats_of(tickloom, case), columns, case.rows)
    if case.rows > 1 and len(set(case.columns[0][1])) == case.rows:
        a = r.randrange(case.rows)
        less = [(n, v[a:], s) for n, v, s in some]
        compare_stats(stats_of(tickloom, case, "--columns", ",".join(c[0] for c in some), "--where", f"n >= {a}"), less, case.rows - a)


# ---- rewriting ----


def check_rewrite(tickloom, case, profile, outcome):
    part, out = f"rewrite {profile}", case.path.with_suffix(f".{profile}.parquet")
    tickloom.must("rewrite", case.path, out, "--profile", profile)
    outcome.check(f"{part}: tickloom", check_read, tickloom, case, out)
    outcome.check(f"{part}: hash", check_hashes, tickloom, case.path, out)
    shape = text.shape_of(out)
    for peer in PEERS:
        check_peer(peer, case, out, shape, part, outcome)


def check_hashes(tickloom, a, b):
    first, second = (dict(line.rsplit("\t", 1) for line in tickloom.must("hash", p).decode().splitlines()) for p in (a, b))
    demand(first == second, f"the hash changes: {[n for n in first if first[n] != second.get(n)] or list(second)}")


def check_peer(peer, case, out, shape, part, outcome):
    """What a peer cannot read or hold of the file before is no fault of the file after."""
    columns, why = text.read_with(peer, out, shape)
    found = why or columns_difference(columns, case.columns)
    if not found:
        outcome.passed[f"{part}: {peer}"] += 1
        return
    before, why_before = text.read_with(peer, case.path, case.shape)
    before = why_before or columns_difference(before, case.columns)
    if before:
        outcome.skipped[f"{part}: {peer}", kind_of(before)] += 1
    else:
        outcome.fail(f"{part}: {peer}", found)


def kind_of(reason):
    """One reason for many columns."""
    reason = re.sub(r"\bcolumn c?\d*_?(\w+) row \d+.*", r"reads another value of \1", reason)
    reason = re.sub(r"c\d+_(\w+?)((\.\w+)*) ", r"\1 ", reason)
    return re.sub(r"^(\w+Error|Unlike|PanicException): ", "", reason)[:110]


# ---- a file, whole ----


class Worker:
    def __init__(self, options, folder):
        self.tickloom, self.parts, self.seed, self.folder, self.keep = Tickloom(options.binary, 20), options.part or PARTS, options.seed, Path(folder), options.keep
        knows = self.tickloom.knows
        self.known = {
            "read": True, "rows": True, "threads": knows("cat", "--threads"), "where": knows("cat", "--where"), "stats": knows("stats"),
            "rewrite": knows("rewrite"),
        }  # fmt: skip

    def file(self, plan):
        outcome, path = Outcome(), self.folder / f"{plan['number']}.parquet"
        r = random.Random(f"{self.seed} {plan['number']} values")
        try:
            table = make_table(r, plan)
            written = WRITE[plan["layout"]["writer"]](table, path, plan, r)
            shape = text.shape_of(path)
            case = Case(path, text.render_table(written, shape), written, shape)
        except BaseException as why:  # the writer's limit, or a mistake of this test: never silent
            outcome.fail("write", f"{describe(plan)}: {type(why).__name__}: {why}")
            return outcome
        self.parts_of(case, r, outcome)
        return self.closed(outcome, path, describe(plan))

    def parts_of(self, case, r, outcome):
        readable = self.read(outcome, case)
        for part, function, *arguments in (("rows", check_rows, r), ("threads", check_threads), ("where", check_where, r), ("stats", check_stats, r)):
            if part in self.parts:
                self.part(outcome, part, readable, function, self.tickloom, case, *arguments)
        for profile in PROFILES if "rewrite" in self.parts else ():
            self.part(outcome, "rewrite", readable, check_rewrite, self.tickloom, case, profile, outcome)

    def read(self, outcome, case):
        """Whether tickloom reads the file. The text that it must print is made here, so another reader has to agree with it first."""
        for peer in PEERS:
            columns, why = text.read_with(peer, case.path, case.shape)
            why = why or columns_difference(columns, case.columns)
            if not why:
                outcome.passed[f"witness: {peer}"] += 1
                break
            outcome.skipped[f"witness: {peer}", kind_of(why)] += 1
        else:
            outcome.skipped["no witness", "the values are those that were written, no reader agrees"] += 1
        readable = outcome.check("read", check_read, self.tickloom, case)
        if not readable and not outcome.failed["read"]:
            for i, below in enumerate(case.shape.children):
                outcome.check(f"read alone: {'flat' if below.kind == 'value' else 'nested'} columns", check_column, self.tickloom, case, i)
        return readable

    def part(self, outcome, part, readable, function, *arguments):
        if not self.known[part]:
            outcome.not_yet[part, "the command or option is not there"] += 1
        elif not readable:
            outcome.skipped[part, "the file is not read"] += 1
        else:
            outcome.check(part, function, *arguments)

    def closed(self, outcome, path, what):
        if outcome.failures:
            outcome.failures = [f"{path.name}, {what}: {why}" for why in outcome.failures]
        elif not self.keep:
            for made in self.folder.glob(path.stem + ".*"):
                made.unlink()
        return outcome

    def tagged(self, number):
        """A file whose footer says what no writer here writes."""
        name, kind, values, edit, texts = tagged_files()[number]
        outcome, path = Outcome(), self.folder / f"tagged{number}.parquet"
        required, kind = isinstance(kind, tuple), kind[0] if isinstance(kind, tuple) else kind
        n, v = pa.array(range(len(values)), pa.int64()), pa.array(values, kind)
        table = pa.Table.from_arrays([n, v], schema=pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("v", kind, nullable=not required)]))
        pq.write_table(table, path, compression=("none", "snappy", "zstd")[number % 3], data_page_version=("1.0", "2.0")[number % 2], data_page_size=200, write_batch_size=16)
        footer = text.footer_of(path)
        leave_schema_alone(footer)
        edit(footer)
        write_footer(path, footer)
        shape = text.shape_of(path)
        want = expected_of_tagged(kind, values, shape.children[1]) if texts is None else texts
        case = Case(path, [("n", [f"{MARK}{i}" for i in range(len(values))]), ("v", want)], table, shape)
        readable = self.read(outcome, case)
        for profile in PROFILES if "rewrite" in self.parts else ():
            self.part(outcome, "rewrite", readable, check_rewrite, self.tickloom, case, profile, outcome)
        return self.closed(outcome, path, f"footer of \"{name}\"")


WORKER = None


def start_worker(options, folder):
    global WORKER
    os.environ["RUST_BACKTRACE"] = "0"
    pa.set_cpu_count(1)
    WORKER = Worker(options, folder)


def work(job):
    return WORKER.tagged(job) if isinstance(job, int) else WORKER.file(job)


# ---- what is printed ----


def report(total, plan, options, folder, seconds):
    for why in total.failures[: options.failures]:
        print("FAIL", why)
    if len(total.failures) > options.failures:
        print(f"... and {len(total.failures) - options.failures} more failures")
    for word, counter in (("not yet", total.not_yet), ("skipped", total.skipped)):
        for (part, why), count in sorted(counter.items()):
            print(f"{word:8}  {part:26} {count:5}  {why}")
    print(f"{'part':36}{'right':>7}{'wrong':>7}{'skipped':>9}{'not yet':>9}")
    parts = {p if isinstance(p, str) else p[0] for counter in total.counters() for p in counter}
    sum_of = lambda counter, part: sum(count for (p, _), count in counter.items() if p == part)
    for part in sorted(parts):
        print(f"{part:36}{total.passed[part]:7}{total.failed[part]:7}{sum_of(total.skipped, part):9}{sum_of(total.not_yet, part):9}")
    print(f"{len(plan.files)} files, {len(plan.covered)} pairs of properties, seed {options.seed}, {seconds:.0f} s")
    if total.failures:
        print(f"the files are in {folder}; one of them again: grid.py BINARY --seed {options.seed} --count {options.count} --only NUMBER --keep")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--only", type=int, help="this file alone")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--failures", type=int, default=40, help="how many are printed")
    parser.add_argument("--complete", action="store_true", help="what is not yet there fails, too")
    parser.add_argument("--keep", action="store_true", help="keeps all files")
    return parser.parse_args()


def run_all(plan, options, folder):
    jobs = [f for f in plan.files if options.only in (None, f["number"])]
    jobs = list(range(len(tagged_files()))) * (options.only is None) + jobs
    total = Outcome()
    with multiprocessing.get_context("spawn").Pool(options.jobs, start_worker, (options, folder)) as pool:
        for outcome in pool.imap_unordered(work, jobs, chunksize=2):
            total.add(outcome)
    return total


def main():
    options, started = arguments(), time.monotonic()
    if not os.access(options.binary, os.X_OK):
        sys.exit(f"{options.binary} is no program")
    folder = tempfile.mkdtemp(prefix="tickloom-grid-")
    plan = Plan(options.seed, options.count)
    total = run_all(plan, options, folder)
    report(total, plan, options, folder, time.monotonic() - started)
    if not total.failures and not options.keep:
        shutil.rmtree(folder)
    sys.exit(1 if total.failures or options.complete and total.not_yet else 0)


if __name__ == "__main__":
    main()
