#!/usr/bin/env python3
"""Optional check: every value that tickloom reads or writes, against pyarrow, DuckDB and polars.

usage: crosscheck.py TICKLOOM_BINARY DATA_DIR

Files are read with `tickloom cat --format jsonl` and with the other readers, and compared value by value: numbers bit for bit (all
NaN are one, since text has no payload), everything else as the text that the contract of `cat` promises. Nested columns, and every
encoding and codec, are the business of grid.py and conformance.py.

Exit code: 0 all passed, 1 something failed, 2 usage, 77 pyarrow or DuckDB is missing.
"""
import csv
import decimal
import io
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import duckdb
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
except ImportError as missing:
    print(f"SKIPPED: NOTHING WAS COMPARED, since {missing.name} cannot be imported (pyarrow, DuckDB and numpy are needed)", file=sys.stderr)
    sys.exit(77)
try:
    import polars
except ImportError:
    polars = None

SECONDS = 60  # of one call of tickloom
SPARK_INT96 = "int96_from_spark.parquet"  # one of its times is beyond what the other readers hold; Spark's own values, in microseconds:
SPARK_MICROSECONDS = [1704141296123456, 1704070800000000, 253402225200000000, 1735599600000000, None, 9089380393200000000]
DAMAGED = {"datapage_v1-corrupt-checksum.parquet", "rle-dict-uncompressed-corrupt-checksum.parquet"}  # must be refused
UNIX_EPOCH = 719163  # as Python counts days
UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


class Failure(Exception):
    """A value, an exit code or a message that is wrong."""


class Refused(Exception):
    """Something that this version says it does not read."""


# ---- counting ----


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, function, *arguments):
        try:
            function(*arguments)
            self.passed += 1
        except Refused as why:
            self.skipped += 1
            print(f"skip {name}: {why}")
        except Exception as why:  # one bad file must not hide the others
            self.failed += 1
            kind = "" if isinstance(why, Failure) else type(why).__name__ + ": "
            print(f"FAIL {name}: {kind}{str(why)[:600]}")


def demand(condition, message):
    if not condition:
        raise Failure(message)


# ---- tickloom ----


class Tickloom:
    def __init__(self, binary):
        self.binary = str(binary)

    def run(self, *arguments):
        """Exit code and both streams; a signal, a hang, an unknown code or a failure without a message is a failure here."""
        command = [self.binary, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f"hangs: {' '.join(command)}")
        message = done.stderr.decode(errors="replace").strip()
        demand(0 <= done.returncode <= 5, f"exit code {done.returncode}: {' '.join(command)}: {message}")
        demand(done.returncode == 0 or message, f"exit code {done.returncode} without a message: {' '.join(command)}")
        return done.returncode, done.stdout, message

    def must(self, *arguments):
        code, out, message = self.run(*arguments)
        demand(code == 0, f"exit code {code}: {message}")
        return out

    def cat(self, path, columns=None, parse_float=None):
        """Columns by name, as the parsed JSON values."""
        chosen = ["--columns", ",".join(columns)] if columns else []
        code, out, message = self.run("cat", path, "--format", "jsonl", *chosen)
        demand(code == 0, f"exit code {code}: {message}")
        rows = json.loads(b"[" + b",".join(out.split(b"\n")[:-1]) + b"]", parse_float=parse_float)
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}

    def hashes(self, path, *by):
        return dict(line.rsplit("\t", 1) for line in self.must("hash", path, *by).decode().splitlines())


# ---- expected text ----


def present(column, values):
    """`values` is made of the column without nulls; here they come back as None."""
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    if valid.all():
        return list(values)
    out, source = [None] * len(valid), iter(values)
    for row in np.flatnonzero(valid):
        out[row] = next(source)
    return out


def iso_year(text):
    """ISO 8601 wants four digits, and a sign before more than four; numpy counts the minus as a digit and has no plus."""
    negative = text.startswith("-")
    year, rest = text[negative:].split("-", 1)
    return f"{'-' if negative else '+' if len(year) > 4 else ''}{year:0>4}-{rest}"


def moments(integers, unit, digits, utc):
    texts = np.datetime_as_string(integers.astype(f"datetime64[{unit}]"), unit=unit)
    texts = [iso_year(str(t)) for t in texts]
    return [t + "0" * (digits - UNITS.get(unit, 0)) + ("Z" if utc else "") for t in texts]


def clocks(integers, digits, utc):
    scale = 10**digits
    for value in integers.tolist():
        seconds, fraction = divmod(value, scale)
        yield f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:0{digits}d}{'Z' if utc else ''}"


def decimal_text(value, scale):
    sign, digits, exponent = value.as_tuple()
    demand(-exponent == scale, f"a decimal with {-exponent} digits after the point, not {scale}")
    text = "".join(map(str, digits)).rjust(scale + 1, "0")
    text = text[: len(text) - scale] + ("." + text[len(text) - scale :] if scale else "")
    return ("-" if sign and any(digits) else "") + text


def logical_of(leaf):
    return json.loads(leaf.logical_type.to_json())


def is_utc(leaf):
    return bool(logical_of(leaf).get("isAdjustedToUTC"))


def expected(column, leaf):
    """What `cat --format jsonl` must say of a flat column, as parsed JSON; floats as a numpy array with nulls apart."""
    kind, full = column.type, column.drop_null()
    if pa.types.is_null(kind):
        return [None] * len(column)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return column.to_pylist()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.to_pylist()
    if pa.types.is_date32(kind):
        return present(column, moments(full.cast(pa.int32()).to_numpy().astype("int64"), "D", 0, False))
    if pa.types.is_timestamp(kind):
        digits = 9 if leaf.physical_type == "INT96" else UNITS[kind.unit]
        return present(column, moments(full.cast(pa.int64()).to_numpy(), kind.unit, digits, is_utc(leaf)))
    if pa.types.is_time(kind):
        integers = full.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).to_numpy()
        return present(column, clocks(integers, UNITS[kind.unit], is_utc(leaf)))
    if pa.types.is_decimal(kind):
        return present(column, [decimal_text(v, kind.scale) for v in full.to_pylist()])
    if logical_of(leaf)["Type"] == "UUID":
        full = full.to_pylist()
        full = [v.bytes.hex() if hasattr(v, "bytes") else v.hex() for v in full]
        return present(column, [f"{v[:8]}-{v[8:12]}-{v[12:16]}-{v[16:20]}-{v[20:]}" for v in full])
    return present(column, [v.hex() for v in full.to_pylist()])


# ---- comparing ----

SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def float_bits(values, dtype):
    """One integer a row: the bits of the value, a constant of its own for NaN and for null."""
    null = np.array([v is None for v in values], dtype=bool)
    numbers = np.array([0.0 if v is None else SPECIAL[v] if isinstance(v, str) else v for v in values], dtype="float64").astype(dtype)
    return masked_bits(numbers, null)


def masked_bits(numbers, null):
    bits = numbers.view({2: "int16", 4: "int32", 8: "int64"}[numbers.dtype.itemsize]).astype(object if numbers.size == 0 else "int64")
    bits = bits.astype("int64")
    bits[np.isnan(numbers)] = 0x7FF8DEADBEEF0001
    bits[null] = 0x7FF8DEADBEEF0002
    return bits


def column_bits(column):
    null = column.is_null().to_numpy(zero_copy_only=False)
    zero = pa.scalar(np.float16(0) if pa.types.is_float16(column.type) else 0.0, column.type)
    filled = column if not null.any() else pc.if_else(column.is_valid(), column, zero)
    return masked_bits(np.ascontiguousarray(filled.to_numpy(zero_copy_only=False)).astype(column.type.to_pandas_dtype(), copy=True), null)


def first_difference(got, want):
    for row, (a, b) in enumerate(zip(got, want)):
        if a != b or type(a) is not type(b):
            return f"row {row}: {a!r}, expected {b!r}"
    return f"{len(got)} rows, expected {len(want)}"


def compare_floats(name, got, column):
    dtype = column.type.to_pandas_dtype()
    demand(all(v is None or isinstance(v, (float, str)) for v in got), f"column {name}: a number that is no float")
    bits, want = float_bits(got, dtype), column_bits(column)
    if len(bits) != len(want) or not np.array_equal(bits, want):
        row = next((i for i in range(min(len(bits), len(want))) if bits[i] != want[i]), len(want))
        raise Failure(f"column {name}, row {row}: {got[row:row + 1]}, expected {column[row:row + 1].to_pylist()}")


def compare_column(name, got, column, leaf):
    if pa.types.is_floating(column.type):
        return compare_floats(name, got, column)
    want = expected(column, leaf)
    if got != want or any(type(a) is not type(b) for a, b in zip(got, want)):
        raise Failure(f"column {name}, {first_difference(got, want)}")


def plain_type(kind):
    """Readers of the same file may choose dictionaries, large or view types: the values are the same."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def plain(column):
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column.cast(plain_type(column.type))


# ---- a file, whole ----


class Other:
    """A Parquet file as pyarrow sees it."""

    def __init__(self, path):
        self.path = path
        self.file = pq.ParquetFile(path, page_checksum_verification=True)
        self.metadata, self.schema = self.file.metadata, self.file.schema
        self.leaves = {self.schema.column(i).path: i for i in range(len(self.schema))}

    def flat(self):
        """Names of the columns that are a leaf of their own."""
        return [field.name for field in self.file.schema_arrow if field.name in self.leaves and self.leaf(field.name).max_repetition_level == 0]

    def leaf(self, name):
        return self.schema.column(self.leaves[name])

    def all(self):
        return [field.name for field in self.file.schema_arrow]

    def read(self, name):
        """The column as pyarrow has it, or DuckDB, where pyarrow cannot decode the file."""
        try:
            return plain(self.file.read(columns=[name]).column(0))
        except (OSError, pa.ArrowInvalid):
            return plain(duckdb_columns(self.path, [name])[0]).cast(plain_type(self.file.schema_arrow.field(name).type))

    def rows(self):
        return self.metadata.num_rows


def duckdb_columns(path, names):
    listed = ", ".join('"' + n.replace('"', '""') + '"' for n in names)
    source = f"read_parquet({str(path)!r}, file_row_number=true, hive_partitioning=false)"
    return duckdb.sql(f"select {listed} from {source} order by file_row_number").to_arrow_table().columns


def compare_with_duckdb(path, names, columns, got, leaves):
    """DuckDB as a second reader, where its types convert to pyarrow's without loss."""
    try:
        found = duckdb_columns(path, names)
    except duckdb.Error:
        return  # its limits are not ours
    for name, column in zip(names, found):
        try:
            column = plain(column).cast(columns[name].type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        try:
            compare_column(name, got[name], column, leaves[name])
        except Failure as why:
            raise Failure(f"against DuckDB: {why}")


def compare_file(tickloom, path, only=None):
    """All flat columns."""
    other = Other(path)
    names, columns, got = only or other.flat(), {}, {}
    whole = tickloom.cat(path)
    demand(only or not other.rows() or list(whole) == other.all(), f"columns {list(whole)}, expected {other.all()}")
    for name in names:
        got[name] = whole.get(name, [])
        columns[name] = other.read(name)
        compare_column(name, got[name], columns[name], other.leaf(name))
    if got:
        compare_with_duckdb(path, list(got), columns, got, {n: other.leaf(n) for n in got})


def check_damaged(tickloom, path):
    code, out, message = tickloom.run("cat", path, "--format", "jsonl")
    demand(code == 4, f"a damaged page is read with exit code {code}")
    demand(path.name in message, f"the message does not name the file: {message}")


def check_spark_int96(tickloom, path):
    column = pa.chunked_array([pa.array(SPARK_MICROSECONDS, pa.timestamp("us"))])
    compare_column("a", tickloom.cat(path)["a"], column, Other(path).leaf("a"))


# ---- files of others ----


def check_data(tally, tickloom, data):
    sample = random.Random(1).sample(sorted((data / "options_raw").glob("*.parquet")), 40) if (data / "options_raw").is_dir() else []
    folders = ["daily", "daily_panel", "candles", "technical_v2_golden", "nifty_sample"]
    paths = [p for folder in folders for p in sorted((data / folder).rglob("*.parquet"))] + sample
    for path in paths:
        tally.check(str(path.relative_to(data)), compare_file, tickloom, path)


def check_collection(tally, tickloom, folder):
    for path in sorted(folder.glob("*.parquet")):
        if path.name in DAMAGED:
            tally.check(path.name, check_damaged, tickloom, path)
            continue
        if path.name == SPARK_INT96:
            tally.check(path.name, check_spark_int96, tickloom, path)
            continue
        try:
            other = Other(path)
        except (pa.ArrowInvalid, OSError) as why:
            tally.check(path.name, check_unreadable, tickloom, path, str(why))
            continue
        if other.flat():
            tally.check(path.name, compare_file, tickloom, path)


def check_unreadable(tickloom, path, why):
    """pyarrow cannot read it: tickloom must not crash, no more is known."""
    tickloom.run("cat", path, "--format", "jsonl")
    raise Refused(f"pyarrow: {why}")


# ---- synthetic files ----

ROWS = 900
NULLS = {
    "none": lambda r, n: [False] * n,
    "all": lambda r, n: [True] * n,
    "random": lambda r, n: [r.random() < 0.3 for _ in range(n)],
    "runs": lambda r, n: [(i // 97) % 2 == 1 for i in range(n)],
    "first": lambda r, n: [i == 0 for i in range(n)],
    "last": lambda r, n: [i == n - 1 for i in range(n)],
    "mostly": lambda r, n: [r.random() < 0.98 for _ in range(n)],
}


def with_ends(r, low, high, n, distinct=None):
    """Integers over the whole range, its ends, small ones, and runs."""
    pool = [low, high, 0, 1, low + 1, high - 1] + [r.randint(low, high) for _ in range(distinct or n)]
    small = [max(low, min(high, r.randint(-5, 300))) for _ in range(n)]
    return [r.choice(pool) if i % 3 else small[i // 50] for i in range(n)]


def floats(r, n, width):
    special = [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1.1754944e-38, 0.1, 1 / 3, 1e22, 123456789.123, 2.0**-44, 9007199254740993.0]
    bits = np.array([r.getrandbits(8 * width) for _ in range(n)], dtype=f"uint{8 * width}").view(f"float{8 * width}")
    with np.errstate(all="ignore"):
        return np.array([special[i % len(special)] if i % 2 else bits[i] for i in range(n)]).astype(f"float{8 * width}")


def texts(r, n, distinct):
    pieces = ["", "a", "tick", "é", "日本", "😈", '"', "\\", "\n", "\t", "\r", "\x00", "\x7f", "\u2028", ",", "x" * 300]
    pool = ["".join(r.choice(pieces) for _ in range(r.randint(0, 4))) for _ in range(distinct)]
    return [r.choice(pool) for _ in range(n)]


def decimals(r, n, precision, scale):
    most = 10**precision - 1
    context = decimal.Context(prec=80)
    return [decimal.Decimal(r.choice([0, 1, -1, most, -most, r.randint(-most, most)])).scaleb(-scale, context) for _ in range(n)]


def column_values(r, n):
    """Name -> (type, values) of one table with everything that is flat."""
    out = {}
    for width in (8, 16, 32, 64):
        out[f"int{width}"] = (getattr(pa, f"int{width}")(), with_ends(r, -(1 << (width - 1)), (1 << (width - 1)) - 1, n))
        out[f"uint{width}"] = (getattr(pa, f"uint{width}")(), with_ends(r, 0, (1 << width) - 1, n))
    out["counter"] = (pa.int64(), [10**12 + 60 * i + r.randint(0, 3) for i in range(n)])
    out["few"] = (pa.int64(), with_ends(r, -(2**63), 2**63 - 1, n, distinct=9))
    out["flat"] = (pa.int32(), [7] * n)
    out["float"], out["double"] = (pa.float32(), floats(r, n, 4)), (pa.float64(), floats(r, n, 8))
    out["price"] = (pa.float64(), [r.randint(0, 40) / 4 for _ in range(n)])
    out["half"] = (pa.float16(), floats(r, n, 2))
    out["bool"] = (pa.bool_(), [(i // 40) % 2 == 0 if i < n // 2 else r.random() < 0.5 for i in range(n)])
    out["text"], out["words"] = (pa.string(), texts(r, n, n)), (pa.string(), texts(r, n, 12))
    out["bytes"] = (pa.binary(), [bytes(r.getrandbits(8) for _ in range(r.randint(0, 9))) for _ in range(n)])
    out["fixed"] = (pa.binary(5), [bytes(r.getrandbits(8) for _ in range(5)) for _ in range(n)])
    out["date"] = (pa.date32(), with_ends(r, -3_000_000, 5_000_000, n))
    for unit, (low, high) in {"ms": (-(10**14), 10**15), "us": (-(10**17), 10**18), "ns": (-(2**63) + 1, 2**63 - 1)}.items():
        out[f"at_{unit}"] = (pa.timestamp(unit), with_ends(r, low, high, n))
        out[f"at_{unit}_utc"] = (pa.timestamp(unit, "UTC"), with_ends(r, low, high, n))
    out["time_ms"] = (pa.time32("ms"), with_ends(r, 0, 86399999, n))
    out["time_us"] = (pa.time64("us"), with_ends(r, 0, 86399999999, n))
    out["time_ns"] = (pa.time64("ns"), with_ends(r, 0, 86399999999999, n))
    for precision, scale in ((9, 2), (18, 0), (18, 18), (38, 10)):
        out[f"decimal_{precision}_{scale}"] = (pa.decimal128(precision, scale), decimals(r, n, precision, scale))
    return out


def make_table(pattern, n=ROWS, seed=1):
    r = random.Random(f"{pattern} {seed}")
    arrays, fields = [], []
    for name, (kind, values) in column_values(r, n).items():
        mask = np.array(NULLS[pattern](r, n), dtype=bool)
        values = [None if m else v for v, m in zip(values, mask)]
        arrays.append(pa.array(values, kind))
        fields.append(pa.field(name, kind, nullable=pattern != "none"))
    return pa.table(arrays, schema=pa.schema(fields))


def encodings_of(table, style):
    """pyarrow's options for one of our styles."""
    if style in ("dictionary", "fallback"):
        return {"use_dictionary": True, "dictionary_pagesize_limit": 1 << 20 if style == "dictionary" else 300}
    chosen = {}
    for field in table.schema if style == "special" else []:
        if pa.types.is_float16(field.type) or pa.types.is_fixed_size_binary(field.type):
            chosen[field.name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_floating(field.type):
            chosen[field.name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_boolean(field.type):
            chosen[field.name] = "RLE"
        elif pa.types.is_string(field.type) or pa.types.is_binary(field.type):
            chosen[field.name] = "PLAIN"
        elif not pa.types.is_decimal(field.type):
            chosen[field.name] = "DELTA_BINARY_PACKED"
    return {"use_dictionary": False, "column_encoding": chosen} if chosen else {"use_dictionary": False}


def layouts():
    """(null pattern, encodings, page version, codec): all of the first three, and all codecs over the last three."""
    codecs = ["none", "snappy", "zstd", "lz4"]
    styles = ["plain", "dictionary", "fallback", "special"]
    for i, pattern in enumerate(NULLS):
        for k, style in enumerate(styles):
            yield pattern, style, "1.0" if (i + k) % 2 else "2.0", codecs[(i + k) % 4]
    for style in styles:
        for pages in ("1.0", "2.0"):
            for codec in codecs:
                yield "random", style, pages, codec


def check_layout(tickloom, folder, tables, hashes, layout):
    pattern, style, pages, codec = layout
    path = folder / f"{pattern}-{style}-{pages}-{codec}.parquet"
    table = tables[pattern]
    pq.write_table(table, path, compression=codec, data_page_version=pages, row_group_size=400, data_page_size=600, write_batch_size=64,
                   write_page_checksum=True, store_decimal_as_integer=style == "special", write_page_index=style == "plain",
                   store_schema=False, **encodings_of(table, style))
    compare_file(tickloom, path)
    found = tickloom.hashes(path)
    known = hashes.setdefault(pattern, found)
    demand(found == known, f"the hash depends on the layout: {[n for n in found if found[n] != known.get(n)]}")
    path.unlink()


def check_synthetic(tally, tickloom, folder):
    tables, hashes = {pattern: make_table(pattern) for pattern in NULLS}, {}
    for layout in dict.fromkeys(layouts()):
        tally.check("pyarrow " + " ".join(layout), check_layout, tickloom, folder, tables, hashes, layout)
    check_other_writers(tally, tickloom, folder, tables)
    check_special_files(tally, tickloom, folder)


def write_with_duckdb(table, path, version, codec):
    source = table.drop_columns([n for n in ("half", "fixed") if n in table.column_names])
    connection = duckdb.connect()
    connection.register("source", source)
    connection.execute(f"copy source to {str(path)!r} (format parquet, parquet_version {version}, codec {codec}, row_group_size 2048)")
    connection.close()


def check_duckdb_file(tickloom, folder, table, version, codec):
    path = folder / f"duckdb-{version}-{codec}.parquet"
    write_with_duckdb(pa.concat_tables([table] * 3), path, version, codec)
    compare_file(tickloom, path)


def check_polars_file(tickloom, folder, table, codec):
    path = folder / f"polars-{codec}.parquet"
    frame = polars.from_arrow(table.drop_columns(["half", "fixed", "decimal_38_10"]))
    frame.write_parquet(path, compression=codec, row_group_size=600, data_page_size=700)
    compare_file(tickloom, path)


def check_other_writers(tally, tickloom, folder, tables):
    for pattern in ("none", "random", "all"):
        for version, codec in (("v1", "uncompressed"), ("v1", "snappy"), ("v1", "zstd"), ("v2", "zstd"), ("v2", "lz4_raw"), ("v1", "gzip")):
            tally.check(f"DuckDB {pattern} {version} {codec}", check_duckdb_file, tickloom, folder, tables[pattern], version, codec)
        for codec in ("uncompressed", "snappy", "zstd", "lz4") if polars else ():
            tally.check(f"polars {pattern} {codec}", check_polars_file, tickloom, folder, tables[pattern], codec)


# ---- files with a point of their own ----


def write(folder, name, columns, **options):
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def check_no_rows(tickloom, folder):
    for groups in (0, 1):
        path = folder / f"no-rows-{groups}.parquet"
        schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
        with pq.ParquetWriter(path, schema) as writer:
            if groups:
                writer.write_table(schema.empty_table())
        demand(tickloom.must("cat", path, "--format", "jsonl") == b"", "rows out of nothing")
        demand(set(tickloom.hashes(path).values()) == {"0" * 16}, "the hash of nothing is not 0")
        tickloom.must("inspect", path)


def check_shortest(tickloom, folder):
    """The decimal of a float is the shortest that reads back: as many digits as repr has."""
    r = random.Random(3)
    values = [2.0**k for k in range(-1074, 1024)] + [10.0**k for k in range(-300, 300)]
    values += [r.uniform(-1, 1) * 10 ** r.randint(-20, 20) for _ in range(2000)]
    got = tickloom.cat(write(folder, "shortest", {"x": values}), parse_float=str)["x"]
    for text, value in zip(got, values):
        digits = [len(decimal.Decimal(t).normalize().as_tuple().digits) for t in (text, repr(value))]
        demand(float(text) == value, f"{text} is not {value!r}")
        demand(digits[0] <= digits[1], f"{text} is longer than {value!r}")


def check_shortest_float32(tickloom, folder):
    values = np.array([2.0**k for k in range(-149, 128)] + [10.0**k for k in range(-37, 38)], dtype="float32")
    got = tickloom.cat(write(folder, "shortest32", {"x": values}), parse_float=str)["x"]
    for text, value in zip(got, values):
        digits = [len(decimal.Decimal(t).normalize().as_tuple().digits) for t in (text, str(value))]
        demand(np.float32(text) == value, f"{text} is not {value!r}")
        demand(digits[0] <= digits[1], f"{text} is longer than {value!r}")


def check_bad_text(tickloom, folder):
    """Invalid UTF-8 is bad data, named by file and row; the row counts from the start of the file."""
    values = [b"fine"] * 150000 + [b"\xff\xfe"] + [b"fine"] * 10
    path = write(folder, "bad-text", {"t": pa.array(values, pa.binary()).view(pa.string())}, row_group_size=100000)
    code, _, message = tickloom.run("cat", path, "--format", "jsonl")
    demand(code == 4, f"exit code {code}, expected 4")
    demand(path.name in message and "150000" in message.replace(",", ""), f"the message names neither file nor row 150000: {message}")


def check_equal_names(tickloom, folder):
    """Two columns of one name: both are there, or the file is refused."""
    path = folder / "equal-names.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    code, out, message = tickloom.run("cat", path, "--format", "csv")
    demand(code == 4 or out.count(b",") == 2, f"a column is left out in silence: {out.decode()!r}")


def check_odd_names(tickloom, folder):
    names = ["", "a.b", "a b", 'q"', "é", "new\nline", "tab\t"]
    path = write(folder, "odd-names", {n: [i] for i, n in enumerate(names)})
    demand(json.loads(tickloom.must("cat", path, "--format", "jsonl")) == {n: i for i, n in enumerate(names)}, "names of columns differ")


def check_wide(tickloom, folder):
    path = write(folder, "wide", {f"c{i}": [i, None] for i in range(500)})
    compare_file(tickloom, path)


def check_long_values(tickloom, folder):
    path = write(folder, "long", {"t": ["x" * 3_000_000, None, "", "é" * 700_000], "b": [b"\0" * 2_000_000, b"", None, b"\xff"]})
    compare_file(tickloom, path)


def check_many_rows(tickloom, folder):
    """More rows in a group than one batch of the reader, so that pages are cut."""
    n = 200_000
    table = {"i": range(n), "x": [None if i % 7 == 0 else i / 8 for i in range(n)], "t": [None if i % 5 == 0 else str(i % 1000) for i in range(n)]}
    path = write(folder, "many-rows", table, row_group_size=n, data_page_size=5000, write_batch_size=999)
    compare_file(tickloom, path)
    part = tickloom.must("cat", path, "--rows", "65530..65545", "--columns", "i", "--format", "csv").split()
    demand(part == [b"i"] + [b"%d" % i for i in range(65530, 65545)], f"--rows 65530..65545: {part}")


def check_csv(tickloom, folder):
    r = random.Random(8)
    table = {"t": texts(r, 300, 300), "i": list(range(300)), "x": floats(r, 300, 8)}
    path = write(folder, "csv", table)
    text = tickloom.must("cat", path, "--format", "csv").decode()
    rows = list(csv.reader(io.StringIO(text.replace("\0", "\ue000"), newline="")))
    demand(rows[0] == list(table), f"the head is {rows[0]}")
    demand([row[0].replace("\ue000", "\0") for row in rows[1:]] == table["t"], "texts differ")
    got = float_bits([row[2] if row[2] in SPECIAL else float(row[2]) for row in rows[1:]], "float64")
    demand(np.array_equal(got, masked_bits(np.array(table["x"]), np.zeros(300, bool))), "floats differ")


def check_hash(tickloom, folder):
    """Width, order and layout do not change a hash; any value does."""
    values = list(range(-500, 500))
    base = tickloom.hashes(write(folder, "h0", {"v": pa.array(values, pa.int64())}))["v"]
    same = {"narrow": pa.array(values, pa.int32()), "backwards": pa.array(values[::-1], pa.int64())}
    for name, array in same.items():
        demand(tickloom.hashes(write(folder, "h1", {"v": array}, row_group_size=77))["v"] == base, f"{name}: another hash")
    seen = {base}
    for name, changed in {"one": values[:-1] + [9999], "null": values[:-1] + [None], "zero": values[:-1] + [0], "fewer": values[:-1]}.items():
        found = tickloom.hashes(write(folder, "h2", {"v": pa.array(changed, pa.int64())}))["v"]
        demand(found not in seen, f"{name}: the same hash")
        seen.add(found)
    zeros = [tickloom.hashes(write(folder, "h3", {"v": [z]}))["v"] for z in (0.0, -0.0)]
    demand(zeros[0] != zeros[1], "-0.0 hashes as 0.0")
    at = pa.array([5], pa.timestamp("ms"))
    times = [tickloom.hashes(write(folder, "h4", {"v": at.cast(pa.timestamp(unit))}))["v"] for unit in ("ms", "us", "ns")]
    demand(len(set(times)) == 1, "a time hashes by its unit")
    one = [decimal.Decimal(1)]
    wide = [tickloom.hashes(write(folder, "h5", {"v": pa.array(one, pa.decimal128(p, s))}))["v"] for p, s in ((9, 0), (38, 5))]
    demand(len(set(wide)) == 1, "a decimal hashes by its width")
    pairs = [([1, 2], [1, 2]), ([2, 1], [1, 2])]
    parts = [tickloom.hashes(write(folder, "h6", {"a": a, "k": k}), "--by", "k")["a"] for a, k in pairs]
    demand(parts[0] != parts[1], "--by does not bind values to keys")


def check_special_files(tally, tickloom, folder):
    for check in (check_no_rows, check_shortest, check_shortest_float32, check_bad_text, check_equal_names, check_odd_names, check_wide, check_long_values,
                  check_many_rows, check_csv, check_hash):
        tally.check(check.__name__.removeprefix("check_").replace("_", " "), check, tickloom, folder)


# ---- what tickloom writes ----

DEFINITION = """stream by ticker order by date
input open, high, low, close, volume
feature r         = close / lag(close, 1) - 1
feature mean20    = mean(close, 20)
feature late      = mean(close, 100000)
feature up        = close > open
feature maybe     = close > lag(close, 700)
feature weekday   = weekday(date)
feature zero      = 0 * (close - open)
feature volume_up = volume - lag(volume, 1)
feature day       = date(date)
"""


def columns_of(path, names, kinds):
    """The same file through every reader; all in the types that the file says, since some readers have only some of them."""
    read = {"pyarrow": pq.read_table(path, page_checksum_verification=True, partitioning=None).columns, "DuckDB": duckdb_columns(path, names)}
    if polars:
        read["polars"] = polars.read_parquet(path, hive_partitioning=False).to_arrow().columns
    return {reader: [plain(column).cast(kind) for column, kind in zip(columns, kinds, strict=True)] for reader, columns in read.items()}


def check_written(tickloom, path):
    """One file of ours: every reader sees what `cat` says, and the footer's promises are true."""
    got, file = tickloom.cat(path), pq.ParquetFile(path)
    names, kinds = file.schema_arrow.names, [plain_type(t) for t in file.schema_arrow.types]
    demand(not got or names == list(got), f"columns {names}, expected {list(got)}")
    for reader, columns in columns_of(path, names, kinds).items():
        for i, name in enumerate(names):
            try:
                compare_column(name, got.get(name, []), columns[i], file.schema.column(i))
            except Failure as why:
                raise Failure(f"{path.name}, {reader}: {why}")
    check_footer(path)


def check_footer(path):
    file = pq.ParquetFile(path)
    metadata = file.metadata
    demand(sum(metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)) == metadata.num_rows, "rows of the row groups")
    for g in range(metadata.num_row_groups):
        group, table = metadata.row_group(g), file.read_row_group(g)
        check_sorting(group, table)
        demand(group.total_byte_size == sum(group.column(c).total_uncompressed_size for c in range(group.num_columns)), "total_byte_size")
        for c in range(group.num_columns):
            check_statistics(group.column(c), plain(table.column(c)))


def check_statistics(chunk, column):
    name, s = chunk.path_in_schema, chunk.statistics
    demand(chunk.num_values == len(column), f"{name}: {chunk.num_values} values, {len(column)} are there")
    if s is None:
        return
    demand(not s.has_null_count or s.null_count == column.null_count, f"{name}: null_count {s.null_count}, {column.null_count} are there")
    if not s.has_min_max:
        return
    full = column.drop_null()
    demand(len(full) > 0, f"{name}: bounds of no values")
    if pa.types.is_floating(column.type):
        full = full.filter(pc.invert(pc.is_nan(full)))
    low, high = pc.min_max(full).values()
    demand((s.min, s.max) == (low.as_py(), high.as_py()), f"{name}: bounds {s.min!r} to {s.max!r}, values {low} to {high}")


def check_sorting(group, table):
    keys = [(table.column_names[s.column_index], "descending" if s.descending else "ascending") for s in group.sorting_columns or ()]
    if not keys:
        return
    order = pc.sort_indices(table.append_column("__row", pa.array(range(len(table)))), keys + [("__row", "ascending")])
    demand(order.to_pylist() == list(range(len(table))), f"sorting_columns {keys} is not true")


def check_folder(tickloom, folder):
    paths = sorted(p for p in folder.rglob("*.parquet") if "_tickloom" not in p.parts)
    demand(paths, f"{folder} has no files")
    for path in paths:
        check_written(tickloom, path)
    stray = [p for p in folder.rglob("*") if p.is_file() and p not in paths and "_tickloom" not in p.relative_to(folder).parts]
    demand(not stray, f"stray files: {stray}")
    demand(not list((folder / "_tickloom" / "tmp").glob("*")), "temporary files are left")


def run_features(tickloom, definition, source, out, *options):
    tickloom.must("features", definition, "--in", source, "--out", out, "--quiet", *options)
    if out.suffix == ".parquet":
        check_written(tickloom, out)
    else:
        check_folder(tickloom, out)


def check_features(tally, tickloom, folder, data):
    definition, market = folder / "d.loom", folder / "market"
    definition.write_text(DEFINITION)
    tally.check("generate daily", check_generate, tickloom, market)
    hashes = {}
    for codec in ("none", "lz4", "zstd"):
        for encoding in ("split", "plain"):
            for narrow in ((), ("--float32",)):
                name = "-".join(("features", codec, encoding) + narrow)
                tally.check(name, check_style, tickloom, definition, market, folder / name, hashes, ("--codec", codec, "--encoding", encoding, *narrow))
    tally.check("features to one file", run_features, tickloom, definition, market, folder / "one.parquet")
    tally.check("features, one thread, short tiles", check_style, tickloom, definition, market, folder / "f1", hashes, ("--threads", 1, "--tile-rows", 7))
    panel = next(iter(sorted((data / "daily_panel").glob("*.parquet"))), None)
    if panel:
        tally.check("features of the panel", check_panel, tickloom, definition, panel, folder / "panel")
    for unit in ("ms", "us", "ns"):
        tally.check(f"features ordered by timestamp {unit}", check_timestamps, tickloom, folder, unit)


def check_generate(tickloom, folder):
    tickloom.must("generate", "daily", "--tickers", 4, "--rows", 900, "--seed", 7, "--out", folder)
    for path in sorted(folder.rglob("*.parquet")):
        check_written(tickloom, path)


def check_style(tickloom, definition, source, out, hashes, options):
    run_features(tickloom, definition, source, out, *options)
    found = tickloom.hashes(out)
    known = hashes.setdefault("--float32" in options, found)
    demand(found == known, f"values depend on the layout: {[n for n in found if found[n] != known[n]]}")


def check_panel(tickloom, definition, panel, out):
    names = pq.read_schema(panel).names
    key = next(n for n in names if n.lower() in ("name", "ticker", "symbol"))
    run_features(tickloom, definition, panel, out, "--key", f"ticker={key}", "--on-duplicate", "first", "--select", "r,up")


def check_timestamps(tickloom, folder, unit):
    """A text key with odd values and a timestamp order key go through unchanged."""
    r, n = random.Random(unit), 400
    keys = ["a", "é", "with space", "quote\"", "z" * 200]
    step = {"ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    rows = [(k, i * 60 * step + r.randint(-3, 3) - 10**4 * step, r.uniform(1, 9)) for k in keys for i in range(n)]
    columns = {"k": pa.array([x[0] for x in rows]), "t": pa.array([x[1] for x in rows], pa.timestamp(unit, "UTC")), "x": [x[2] for x in rows]}
    source, definition, out = write(folder, f"stamps-{unit}", columns, row_group_size=333), folder / f"{unit}.loom", folder / f"stamps-{unit}-out"
    definition.write_text("stream by k order by t\ninput x\nfeature y = x\nfeature d = date(t)\nfeature previous = lag(t, 1)\n")
    run_features(tickloom, definition, source, out)
    result = pq.read_table(next(out.glob("*.parquet")))
    wanted = pa.table(columns).sort_by([("k", "ascending"), ("t", "ascending")])
    demand(result.column("k").to_pylist() == wanted.column("k").to_pylist(), "keys differ")
    demand(result.column("t").to_pylist() == wanted.column("t").to_pylist(), "times differ")
    demand(result.column("y").to_pylist() == wanted.column("x").to_pylist(), "values differ")
    days = pc.floor_temporal(wanted.column("t"), unit="day").cast(pa.timestamp("us", "UTC")).to_pylist()
    demand(result.column("d").cast(pa.int32()).to_pylist() == [v.toordinal() - UNIX_EPOCH for v in days], f"date(t) is {result.column('d')[0]}, expected {days[0]}")


# ---- all ----


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    tickloom, data, tally = Tickloom(Path(arguments[0]).resolve()), Path(arguments[1]), Tally()
    with tempfile.TemporaryDirectory(prefix="crosscheck-") as name:
        folder = Path(name)
        check_synthetic(tally, tickloom, folder)
        check_features(tally, tickloom, folder, data)
        check_collection(tally, tickloom, data / "parquet_files" / "good")
        check_data(tally, tickloom, data)
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
