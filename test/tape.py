"""The option tape and the tick strategy against a slow oracle: tape.py TICKLOOM SOURCE_ROOT [--no-limits] [TEST...]

Raw folders of generated contracts, and the 830 real ones where they are there, are packed in every way that must not matter: any order,
split anywhere, again, into days that exist, with any memory, killed in the middle. pyarrow reads what is there and compares it bit by bit
with tape_oracle.py; polars and DuckDB count and add. The trades of `tickloom backtest` are compared in the same way.

Exit code: 77 where numpy, pyarrow, polars or DuckDB are missing."""
import datetime
import fcntl
import fractions
import glob
import hashlib
import itertools
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import duckdb
    import numpy as np
    import polars
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq
except ImportError as missing:
    print("SKIPPED: NO TAPE WAS COMPARED, since %s cannot be imported (numpy, pyarrow, polars and DuckDB are needed)" % missing.name, file=sys.stderr)
    sys.exit(77)

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tape_oracle as oracle  # noqa: E402

NO_LIMITS = "--no-limits" in sys.argv
sys.argv = [argument for argument in sys.argv if argument != "--no-limits"]
TICKLOOM, ROOT = map(os.path.abspath, sys.argv[1:3])
REAL = os.path.normpath(os.path.join(ROOT, "../shared/data/options_raw"))
STRATEGY = os.path.join(ROOT, "strategies/ema_cross.loom")
WIDE = 0.05  # real quotes of single stocks are wider than 5 bps: with this spread they trade
CALENDAR = """underlying,year,month,expiry_type,expiry_date
nifty,2024,1,weekly,2024-01-11
nifty,2024,1,weekly,2024-01-18
nifty,2024,1,monthly,2024-01-25
nifty,2024,2,monthly,2024-02-29
nifty,2024,10,weekly,2024-10-10
nifty,2024,12,weekly,2024-12-05
goog,2024,1,weekly,2024-01-12
goog,2024,1,monthly,2024-01-19
GOOG,2024,1,Monthly,2024-01-19
btc,2024,1,weekly,2024-01-12
btc,2024,1,monthly,2024-01-26
"""
DAY = oracle.DAY
FIRST_DAY = datetime.date(2024, 1, 9)
TRADE_COLUMNS = ["underlying", "expiry", "opt_type", "strike", "entry_timestamp", "exit_timestamp", "entry_price", "exit_price", "pnl"]


def ns(date, hours=0.0):
    return (date - datetime.date(1970, 1, 1)).days * DAY + int(hours * 3600 * 10**9)


def execute(*args, codes=(0,), env=None, **more):
    done = subprocess.run([TICKLOOM, *map(str, args)], capture_output=True, text=True, errors="replace", timeout=300, env={**os.environ, **(env or {})},
                          **more)
    assert done.returncode in codes, "exit %d, expected %s: %s\n%s%s" % (done.returncode, codes, " ".join(map(str, args)), done.stdout[-2000:],
                                                                         done.stderr[-2000:])
    return done


def hash_of(path):
    return sorted(execute("hash", path).stdout.splitlines())


def instruction_sets():
    with open("/proc/cpuinfo") as file:
        flags = set(re.search(r"^(?:flags|Features)\s*:(.*)", file.read(), re.M)[1].split())
    return ["baseline"] + ["avx2"] * ("avx2" in flags) + ["avx512"] * ("avx512f" in flags)


# ---- reading a tape, with pyarrow ----


def partition_files(tape):
    """(date, underlying) -> file. Anything else outside of _tickloom is an error: other readers would choke on it."""
    found = {}
    for folder, folders, files in os.walk(tape):
        folders[:] = [f for f in folders if not (folder == tape and f == "_tickloom")]
        for name in files:
            path = os.path.join(folder, name)
            match = re.fullmatch(r"(?:date=)?(\d{4}-\d\d-\d\d)/(?:underlying=)?([^/]+)/part-([^/]+)-0\.parquet", os.path.relpath(path, tape))
            assert match and match[3] == match[2].lower() and match[2] == match[2].upper(), "a stray file: %s" % path
            found[datetime.date.fromisoformat(match[1]), match[2]] = path
    return found


def read_partition(path):
    return pq.ParquetFile(path, page_checksum_verification=True).read()


def read_tape(tape):
    return {key: read_partition(path) for key, path in partition_files(tape).items()}


def comparable(column):
    """A column whose equality is that of the stored values: doubles by their bits, all NaN one."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    if pa.types.is_floating(column.type):
        mask, values = column.is_null().to_numpy(zero_copy_only=False), np.array(column.fill_null(0.0), dtype=np.float64)
        values[np.isnan(values)] = np.nan
        return pa.array(values.view(np.int64), mask=mask)
    return column


def plain_type(kind):
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) else kind


def without_empty(table):
    """Without the extra columns that are null in every row: where they stand is up to the runs that touched the day."""
    known = {*oracle.COLUMNS, "date", "underlying"}
    return table.drop_columns([n for n in table.column_names if n not in known and table.column(n).null_count == table.num_rows])


def difference(got, wanted):
    """The first difference of two tables as a text, or None."""
    got, wanted = without_empty(got), without_empty(wanted)
    if got.column_names != wanted.column_names:
        return "columns %s are not %s" % (got.column_names, wanted.column_names)
    if got.num_rows != wanted.num_rows:
        return "%d rows, expected %d" % (got.num_rows, wanted.num_rows)
    for name in wanted.column_names:
        a, b = got.column(name), wanted.column(name)
        nested = pa.types.is_nested(b.type)
        if not nested and plain_type(a.type) != plain_type(b.type):
            return "%s is %s, expected %s" % (name, a.type, b.type)
        if nested and a.to_pylist() == b.to_pylist() or not nested and comparable(a).equals(comparable(b)):
            continue
        x, y = (a.to_pylist(), b.to_pylist()) if nested else (comparable(a).to_pylist(), comparable(b).to_pylist())
        row = next(i for i, (v, w) in enumerate(zip(x, y)) if v != w)
        return "%s, row %d: %r, expected %r; strike %s at %s" % (name, row, a[row].as_py(), b[row].as_py(), wanted.column("strike")[row],
                                                                 wanted.column("timestamp")[row])
    return None


def state_of(tape):
    """Bytes and times of every file of a tape that is data."""
    return {key: (os.stat(path).st_mtime_ns, digest(path)) for key, path in partition_files(tape).items()}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


# ---- making raw data ----


def walk(chance, unit, start, hours, rows):
    """A contract's ticks from `start` on, ascending with a few equal times, with all that goes wrong in real ones."""
    step = {"ns": 1, "us": 10**3, "ms": 10**6}[unit]
    times = sorted(start + chance.randrange(int(hours * 3600 * 10**9)) // step * step for _ in range(rows))
    for i in range(1, rows):
        if chance.random() < 0.05:
            times[i] = times[i - 1]
    price, volume, columns = chance.uniform(80, 400), chance.choice([0, 0, 3]), {}
    columns["timestamp"] = times
    for name in ("price", "bp0", "sp0", "volume"):
        columns[name] = []
    for i in range(rows):
        price = max(1.0, price * (1 + chance.gauss(0, 0.004)))
        if chance.random() < 0.5:
            price = round(price * 20) / 20
        if i and times[i] // DAY != times[i - 1] // DAY:
            volume = 0
        volume = chance.randrange(3) if chance.random() < 0.01 else volume + chance.choice([0, 0, 1, 25, 75])
        half = price * chance.choice([0.0001, 0.0002, 0.00025, 0.0004, 0.003])
        bid, ask = price - half, price + half
        odd = chance.random()
        if odd < 0.10:
            bid, ask = chance.choice([(None, ask), (bid, None), (None, None), (float("nan"), ask), (bid, float("nan")), (0.0, ask), (-bid, ask),
                                      (bid, -0.0), (ask, bid), (bid, bid)])
        columns["price"].append(None if chance.random() < 0.04 else float("nan") if chance.random() < 0.02 else price)
        columns["bp0"].append(bid), columns["sp0"].append(ask)
        columns["volume"].append(None if chance.random() < 0.03 else volume)
    return columns


def stored(chance, name, values):
    """Quantities as one of the types that files have them in."""
    fits = all(v is None or abs(v) < 2**31 for v in values)
    kind = chance.choice([pa.int64(), pa.float64()] + [pa.int32(), pa.uint32()] * fits)
    return pa.array([None if v is None else float(v) if kind == pa.float64() else v for v in values], kind)


def contract_table(chance, days, rows, plain=False):
    """A raw table of one contract over the days; `plain` is one that CSV can say as well."""
    unit = "ns" if plain else chance.choice(["ns", "ns", "us", "ms"])
    ticks = {}
    for day in sorted(days):
        hours = 6.2
        for name, values in walk(chance, unit, ns(day, 3.75), hours, rows).items():
            ticks.setdefault(name, []).extend(values)
    n = len(ticks["timestamp"])
    if plain:
        ticks = {name: [None if v is None or v != v else v for v in values] for name, values in ticks.items()}
    some = lambda make, missing=0.05: [None if chance.random() < missing else make() for _ in range(n)]
    time_type = pa.int64() if plain or chance.random() < 0.4 else pa.timestamp(unit, chance.choice([None, "UTC"]))
    scale = {"ns": 1, "us": 10**3, "ms": 10**6}[unit] if time_type != pa.int64() else 1
    columns = {"timestamp": pa.array([t // scale for t in ticks["timestamp"]], pa.int64()).cast(time_type)}
    for name in ("price", "bp0", "sp0"):
        columns[name] = pa.array(ticks[name], pa.float64(), from_pandas=False)
    if chance.random() < 0.9:
        columns["volume"] = stored(chance, "volume", ticks["volume"])
    for name in ["avgPrice", "open", "high", "low", "close", "bp1", "sp1", "bp4", "sp2"]:
        if chance.random() < 0.6:
            kind = pa.float32() if not plain and chance.random() < 0.1 else pa.float64()
            values = some(lambda: chance.uniform(1, 500))
            columns[name] = pa.array([None if v is None else float(np.float32(v)) for v in values] if kind == pa.float32() else values, kind)
    if chance.random() < 0.7:
        columns["changeper"] = pa.array(some(lambda: chance.choice([chance.gauss(0, 20), chance.randrange(-999, 999) / 200, -0.001, 0.125, 0.375])),
                                        pa.float64())
    for name in ["qty", "oi", "bq0", "sq0", "bq3", "bo0", "so0", "so4"]:
        if chance.random() < 0.6:
            columns[name] = stored(chance, name,
                                   some(lambda: chance.choice([0, 1, chance.randrange(10**4), chance.randrange(10**6), 2**40 if name == "oi" else 7])))
    if chance.random() < 0.5:
        columns["iv"] = pa.array([0.25] + [0.1 + chance.random() / 8 for _ in range(n - 1)], pa.float64())
    if chance.random() < 0.5:
        columns["note"] = pa.array(["first"] + [chance.choice(["a", "b, c", 'say "x"', "é", "a longer text of some length"]) for _ in range(n - 1)],
                                   pa.string())
    if chance.random() < 0.5:
        columns["lots"] = pa.array([chance.randrange(-5, 100) for _ in range(n)],
                                   pa.int64() if plain else chance.choice([pa.int8(), pa.int16(), pa.int64()]))
    if not plain and chance.random() < 0.5:
        columns["tags"] = pa.array([None if chance.random() < 0.1 else [chance.randrange(9) for _ in range(chance.randrange(4))] for _ in range(n)],
                                   pa.list_(pa.int64()))
    names = list(columns)
    chance.shuffle(names)
    return pa.table({name: columns[name] for name in names})


STEMS = ["nifty24jan1121500ce", "nifty24jan1121500pe", "NIFTY24JAN1821500CE", "nifty24jan21500ce", "nifty24jan21500pe", "nifty24feb21500ce",
         "nifty2411821600pe", "nifty24jan9850p5ce", "goog24jan12752p5pe", "goog24jan752p5pe", "goog24jan140ce", "GOOG  240119C00145000",
         "GOOG240112P00152500", "BTC-12JAN24-42000-C", "BTC-26JAN24-42000-P", "BTC-26JAN24-0d5-C"]


def make_market(seed, stems=STEMS, days=3, rows=70, plain=False):
    """Tables by stem. Not every contract trades on every day."""
    chance = random.Random(seed)
    all_days = [FIRST_DAY + datetime.timedelta(i) for i in range(days)]
    some_days, some_rows = (lambda: chance.sample(all_days, chance.randint(1, days))), (lambda: chance.randint(rows // 2, rows * 3 // 2))
    return {stem: contract_table(chance, some_days(), some_rows(), plain) for stem in stems}


def write_raw(folder, tables, seed=0):
    """Parquet files of various layouts."""
    os.makedirs(folder, exist_ok=True)
    chance = random.Random(seed)
    for stem, table in tables.items():
        pq.write_table(table, os.path.join(folder, stem + ".parquet"), row_group_size=chance.choice([7, 50, 10**6]),
                       compression=chance.choice(["snappy", "zstd", "none"]),
                       data_page_size=chance.choice([64, 10**6]), use_dictionary=chance.random() < 0.5, data_page_version=chance.choice(["1.0", "2.0"]))
    return folder


def times_of(table):
    column = table.column("timestamp")
    return (column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()


def split(chance, tables, parts, overlap=False):
    """The tables cut at random places between different timestamps, as `parts` dictionaries; with `overlap`, some rows lie in two."""
    result = [{} for _ in range(parts)]
    for stem, table in tables.items():
        times = times_of(table)
        cuts = [i for i in range(1, len(times)) if times[i] != times[i - 1]]
        at = [0] + sorted(chance.sample(cuts, parts - 1)) + [len(times)]
        order = chance.sample(range(parts), parts)
        for part, low, high in zip(order, at, at[1:]):
            if overlap and low and chance.random() < 0.7:
                low = max(c for c in [0] + cuts if c <= max(0, low - chance.randrange(30)))
            result[part][stem] = table.slice(low, high - low)
    return result


def tick_table(times, prices, volumes=None, **more):
    columns = {"timestamp": pa.array(times, pa.int64()), "price": pa.array(prices, pa.float64(), from_pandas=False)}
    if volumes is not None:
        columns["volume"] = pa.array(volumes, pa.int64())
    return pa.table({**columns, **more})


class Case(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.calendar = self.path("calendar.csv")
        self.write("calendar.csv", CALENDAR)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def pack(self, *raws, out="tape", code=0, more=(), calendar=None, **rest):
        """Packs and returns the record; that of a refusal is {} if there is none."""
        done = execute("pack", "options", *raws, "--calendar", calendar or self.calendar, "--out", self.path(out), "--json", *more, codes=(code,),
                       **rest)
        record = json.loads(done.stdout) if done.stdout.strip() else {}
        record["stderr"] = done.stderr
        return record

    def fresh(self, *raws, out="tape", **rest):
        shutil.rmtree(self.path(out), ignore_errors=True)
        return self.pack(*raws, out=out, **rest)

    def oracle_of(self, *folders, patterns=()):
        tape = oracle.Tape(oracle.Calendar(self.calendar), patterns)
        for folder in folders:
            tape.add_folder(folder)
        return tape

    def assertTape(self, wanted, out="tape"):
        """The tape holds what the oracle says: the same partitions, columns, rows, order, bits."""
        got = read_tape(self.path(out))
        tables = wanted if isinstance(wanted, dict) else wanted.tables()
        self.assertEqual(sorted(got), sorted(tables))
        for key, table in tables.items():
            self.assertIsNone(difference(got[key], table), "%s %s" % key)
            extras = [n for n in got[key].column_names if n not in oracle.COLUMNS and n not in ("date", "underlying")]
            self.assertEqual(extras, sorted(extras, key=str.encode))
        self.assertOrder(out)
        self.assertSound(out)

    def assertOrder(self, out="tape"):
        """Sorted, by what is read and not by what is promised; the promises are there too."""
        for path in partition_files(self.path(out)).values():
            file = pq.ParquetFile(path)
            table = file.read(columns=["expiry", "opt_type", "strike", "timestamp"])
            keys = list(zip(*(table.column(i).to_pylist() for i in range(4))))
            self.assertEqual(keys, sorted(keys), path)
            schema = file.schema.column(file.schema_arrow.names.index("timestamp"))
            self.assertEqual((schema.physical_type, schema.logical_type.type, schema.converted_type), ("INT64", "NONE", "NONE"))
            for g in range(file.metadata.num_row_groups):
                group = file.metadata.row_group(g)
                self.assertLessEqual(group.num_rows, 131072)
                names = [file.schema.names[s.column_index] for s in group.sorting_columns]
                self.assertEqual([n for n in names if n not in ("date", "underlying")], ["expiry", "opt_type", "strike", "timestamp"])
                for c in range(group.num_columns):
                    chunk = group.column(c)
                    if "." not in chunk.path_in_schema:  # columns of lists are carried as they are
                        self.assertTrue(chunk.is_stats_set and chunk.has_column_index and chunk.has_offset_index, chunk.path_in_schema)

    def assertSound(self, out="tape"):
        record = json.loads(execute("check", self.path(out), "--json", codes=(0, 4)).stdout)
        self.assertTrue(record["ok"], record["findings"])

    def assertCounts(self, record, wanted):
        self.assertEqual({k: record[k] for k in wanted}, wanted)

    def real(self):
        if not os.path.isdir(REAL):
            print("SKIPPED: there is no %s" % os.path.basename(REAL), file=sys.stderr)
            self.skipTest("no real data")
        return real_oracle()


REAL_ORACLE = []


def real_oracle():
    """(tape, partitions) of the real files, made once."""
    if not REAL_ORACLE:
        tape = oracle.Tape(oracle.Calendar(os.path.join(REAL, "expiry_calendar.csv"))).add_folder(REAL)
        REAL_ORACLE.append((tape, tape.partitions()))
    return REAL_ORACLE[0]


# ---- the oracle by itself ----


class OracleItself(Case):
    """The oracle against hand-made examples and against other computations of the same thing: it must not be trusted blindly."""

    def test_names(self):
        calendar = oracle.Calendar(self.calendar)
        date = datetime.date
        wanted = {
            "nifty24jan1121500ce": ("NIFTY", date(2024, 1, 11), "CE", 21500.0, "weekly"),
            "nifty24jan21500pe": ("NIFTY", date(2024, 1, 25), "PE", 21500.0, "monthly"),
            "nifty24jan18ce": ("NIFTY", date(2024, 1, 25), "CE", 18.0, "monthly"),
            "nifty24jan180p5ce": ("NIFTY", date(2024, 1, 18), "CE", 0.5, "weekly"),
            "nifty2411121500ce": ("NIFTY", date(2024, 1, 11), "CE", 21500.0, "weekly"),
            "nifty24o1025000pe": ("NIFTY", date(2024, 10, 10), "PE", 25000.0, "weekly"),
            "nifty24d0525000p5pe": ("NIFTY", date(2024, 12, 5), "PE", 25000.5, "weekly"),
            "GOOG  240119C00145000": ("GOOG", date(2024, 1, 19), "CE", 145.0, "monthly"),
            "goog240112p00152500": ("GOOG", date(2024, 1, 12), "PE", 152.5, "weekly"),
            "BTC-12JAN24-0d5-C": ("BTC", date(2024, 1, 12), "CE", 0.5, "weekly")}
        for name, (underlying, expiry, opt_type, strike, kind) in wanted.items():
            contract = oracle.parse(name, calendar)
            self.assertEqual((*contract.key(), contract.expiry_type), (underlying, expiry, opt_type, strike, kind), name)
        for name in ("nifty24mar21500ce", "whatever", "nifty24jan21500", "BTC-13JAN24-42000-C", "nifty2411021500ce", "goog240119c145"):
            with self.assertRaises(oracle.Refused):
                oracle.parse(name, calendar)

    def test_vol_delta_and_rounding(self):
        rows = [{"volume": v} for v in (7, 7, 9, None, 12, 3, 5)] + [{}] + [{"volume": 6}]
        oracle.set_vol_delta(rows)
        self.assertEqual([r.get("vol_delta") for r in rows], [0, 0, 2, 0, 3, 0, 2, None, 1])
        self.assertEqual([oracle.round_percent(x) for x in (0.125, 0.375, -0.125, 1.005, None)], [0.12, 0.38, -0.12, 1.0, None])
        self.assertEqual(oracle.round_percent(-0.001).hex(), "-0x0.0p+0")

    def test_strategy_by_hand(self):
        tick = lambda t, p, b=100.0, a=100.01, v=1: dict(expiry=1, opt_type="CE", strike=1.0, timestamp=t, price=p, bp0=b, sp0=a, volume=v)
        prices = [100.0, 101.0, 102.0, 90.0, 120.0, 121.0]
        found = oracle.trades({(1, "X"): [tick(i, p) for i, p in enumerate(prices)]})
        self.assertEqual([(t[4], t[5], t[8]) for t in found], [(1, 3, -11.0), (4, 5, 1.0)])
        for row in (tick(1, 101.0, v=0), tick(1, 101.0, a=100.06), tick(1, 101.0, b=None), tick(1, None), tick(1, 101.0, b=-1.0)):
            found = oracle.trades({(1, "X"): [tick(0, 100.0), row, tick(2, 103.0)]})
            self.assertEqual([(t[4], t[5], t[8]) for t in found], [(2, 2, 0.0)])
        self.assertEqual(oracle.trades({(1, "X"): [tick(0, 100.0)]}), [])
        self.assertEqual(len(oracle.trades({(1, "X"): [tick(0, 100.0), tick(1, 101.0, b=100.01, a=100.0)]})), 1)  # crossed passes

    def test_real_data_in_other_ways(self):
        """vol_delta, order and rounding by SQL over the raw files; trades by a second form of the strategy."""
        tape, partitions = self.real()
        self.assertEqual((len(tape.contracts), tape.failures), (830, {}))
        calendar = oracle.Calendar(os.path.join(REAL, "expiry_calendar.csv"))
        contracts = {stem: oracle.parse(stem, calendar) for stem in (os.path.basename(p)[:-8] for p in glob.glob(REAL + "/*.parquet"))}
        names = pa.table({"symbol": list(contracts), **{f: [getattr(c, f) for c in contracts.values()] for f in ("expiry", "opt_type", "strike")}})
        self.assertEqual(names.num_rows, 830)
        sql = duckdb.connect()
        sql.execute("set threads = 2")
        sql.register("names", names)
        rows = sql.sql("""select expiry, opt_type, strike, timestamp, greatest(0, coalesce(volume - lag(volume) over contract, 0)) as vol_delta,
            round_even(changeper * 100, 0) / 100 as changeper, timestamp // %d as day from read_parquet('%s/*.parquet') join names using (symbol)
            window contract as (partition by symbol, timestamp // %d order by timestamp)
            order by day, expiry, opt_type, strike, timestamp""" % (DAY, REAL, DAY)).to_arrow_table()
        mine = pa.concat_tables(oracle.as_table(partitions[key], {}) for key in sorted(partitions))
        for name in ("expiry", "opt_type", "strike", "timestamp", "vol_delta"):
            self.assertEqual(rows.column(name).to_pylist(), mine.column(name).to_pylist(), name)
        a, b = (np.array(t.column("changeper").to_pylist(), float) for t in (rows, mine))
        self.assertTrue(np.allclose(a, b, rtol=0, atol=1e-12, equal_nan=True))
        found = oracle.trades(partitions, widest=WIDE)
        self.assertGreater(len(found), 50)
        self.assertEqual(found, trades_by_columns(partitions, WIDE))


def trades_by_columns(partitions, widest, step=lambda e, a, x: e + a * (x - e)):
    """The strategy once more, with columns and positions instead of a state that goes along; `step` is the form of its averages."""
    found = []
    for (_, underlying), rows in partitions.items():
        for key, stream in itertools.groupby(rows, lambda r: (r["expiry"], r["opt_type"], r["strike"])):
            table = polars.DataFrame([{k: r.get(k) for k in ("timestamp", "price", "bp0", "sp0", "volume")} for r in stream], infer_schema_length=None)
            table = table.with_columns(polars.col("price", "bp0", "sp0").cast(polars.Float64))
            table = table.filter(polars.col("price").is_not_null() & polars.col("price").is_not_nan())
            if table.is_empty():
                continue
            x, at = table["price"].to_list(), table["timestamp"].to_list()
            emas = []
            for n in (5, 21):
                emas.append(list(itertools.accumulate(x[1:], lambda e, v: step(e, 2 / (n + 1), v), initial=x[0])))
            up = [f > s for f, s in zip(*emas)]
            spread = (polars.col("sp0") - polars.col("bp0")) / ((polars.col("bp0") + polars.col("sp0")) / 2)
            fine = (polars.col("bp0") > 0) & (polars.col("sp0") > 0) & (polars.col("volume") >= 1) & (spread <= widest)
            fine = table.select(fine.fill_null(False)).to_series().to_list()
            i = 1
            while i < len(x):
                if up[i] and fine[i]:
                    out = next((j for j in range(i + 1, len(x)) if not up[j]), len(x) - 1)
                    found.append((underlying, *key, at[i], at[out], x[i], x[out], x[out] - x[i]))
                    i = out
                i += 1
    return sorted(found, key=lambda t: (t[5], t[:4]))


# ---- packing ----


class Packing(Case):
    def test_generated_markets(self):
        for seed in range(4):
            shutil.rmtree(self.path("raw"), ignore_errors=True)
            raw = write_raw(self.path("raw"), make_market(seed), seed)
            self.write("raw/README.txt", "no data")
            wanted = self.oracle_of(raw)
            self.assertEqual(wanted.failures, {})
            record = self.fresh(raw)
            self.assertTape(wanted)
            partitions = wanted.partitions()
            rows = sum(map(len, partitions.values()))
            self.assertCounts(record,
                              dict(files=len(STEMS), packed=len(STEMS), unchanged=0, failed=0, skipped=1, failures=[], duplicates=0, conflicts=0))
            self.assertCounts(record, dict(rows=rows, days=3, partitions=len(partitions), contracts=len(wanted.contracts), **oracle.counts(partitions)))
            self.assertGreater(record["bytes_before"], 0)
            self.assertEqual(record["bytes_after"], sum(os.path.getsize(p) for p in partition_files(self.path("tape")).values()))

    def test_real_files(self):
        tape, partitions = self.real()
        record = self.pack(REAL, calendar=os.path.join(REAL, "expiry_calendar.csv"))
        self.assertTape(tape.tables())
        self.assertCounts(record,
                          dict(packed=830, failed=0, rows=166998, days=3, partitions=3, contracts=830, duplicates=0, conflicts=0, resets=0, crossed=0))
        self.assertCounts(record, dict(missing_prices=45330, missing_sides=oracle.counts(partitions)["missing_sides"], equal_timestamps=0))
        self.assertOtherReaders(partitions)

    def test_other_readers(self):
        raw = write_raw(self.path("raw"), make_market(5))
        self.pack(raw)
        self.assertOtherReaders(self.oracle_of(raw).partitions())

    def assertOtherReaders(self, partitions):
        """polars and DuckDB over the whole Hive tree: counts and sums a partition."""
        files = self.path("tape", "**", "*.parquet")
        wanted = {}
        for (date, underlying), rows in partitions.items():
            real = [r["price"] for r in rows if r["price"] is not None and r["price"] == r["price"]]
            wanted[str(date), underlying] = [len(rows), sum(r.get("volume") or 0 for r in rows), sum(r.get("vol_delta") or 0 for r in rows), len(real),
                                             sum(r["strike"] for r in rows), sum(real)]
        frame = polars.scan_parquet(files, hive_partitioning=True, extra_columns="ignore", missing_columns="insert")
        frame = frame.with_columns(polars.col("price").fill_nan(None)).group_by("date", "underlying")
        frame = frame.agg(polars.len(), polars.sum("volume"), polars.sum("vol_delta"), polars.count("price").alias("n"), polars.sum("strike"),
                          polars.sum("price")).collect()
        duck = duckdb.connect().execute("""select date::varchar, underlying, count(*), coalesce(sum(volume), 0), coalesce(sum(vol_delta), 0),
            count(price) filter (not isnan(price)), sum(strike), sum(price) filter (not isnan(price))
            from read_parquet('%s', hive_partitioning = true) group by all""" % files).fetchall()
        for rows in ([(str(r[0]), *r[1:]) for r in frame.rows()], duck):
            self.assertEqual(sorted(r[:2] for r in rows), sorted(wanted))
            for date, underlying, *values in rows:
                expected = wanted[date, underlying]
                self.assertEqual([int(v) for v in values[:4]], expected[:4])
                self.assertTrue(np.allclose(values[4:], expected[4:], rtol=1e-12), (values, expected))

    def test_threads_and_memory(self):
        """Neither changes a value; pages and row groups may differ."""
        chance = random.Random(3)
        parts = split(chance, make_market(6, rows=300), 3)
        raws = [write_raw(self.path("raw%d" % i), tables) for i, tables in enumerate(parts)]
        self.pack(*raws)
        self.assertTape(self.oracle_of(*raws))
        wanted = hash_of(self.path("tape"))
        for more in (["--threads", "1"], ["--threads", "2"], ["--threads", "4"], ["--memory", "64MB"], ["--memory", "2GB"],
                     ["--threads", "4", "--memory", "128MB"]):
            self.fresh(*raws, out="other", more=more)
            self.assertEqual(hash_of(self.path("other")), wanted, more)
            self.assertOrder("other")

    def test_order_of_folders_and_runs(self):
        """Files cut anywhere between timestamps, in any order, in one run or several, with rows that lie in two of them."""
        market = make_market(7)
        self.pack(write_raw(self.path("whole"), market), out="whole-tape")
        wanted = hash_of(self.path("whole-tape"))
        tables = self.oracle_of(self.path("whole")).tables()
        for seed in range(6):
            chance = random.Random(seed)
            parts = split(chance, market, 3, overlap=seed % 2)
            raws = [write_raw(self.path("part%d-%d" % (seed, i)), part, seed) for i, part in enumerate(parts)]
            twice = sum(t.num_rows for part in parts for t in part.values()) - sum(t.num_rows for t in market.values())
            chance.shuffle(raws)
            shutil.rmtree(self.path("tape"), ignore_errors=True)
            together = chance.randint(1, 3)
            records = [self.pack(*raws[:together])] + [self.pack(raw) for raw in raws[together:]]
            self.assertEqual(hash_of(self.path("tape")), wanted)
            self.assertEqual((sum(r["duplicates"] for r in records), sum(r["conflicts"] for r in records)), (twice, 0))
            if seed < 2:
                self.assertTape(tables)

    def test_again(self):
        """The same command leaves every byte; a copy of the folder changes no value, and all of its rows are duplicates."""
        raw = write_raw(self.path("raw"), make_market(8))
        first = self.pack(raw)
        before, values = state_of(self.path("tape")), hash_of(self.path("tape"))
        record = self.pack(raw)
        self.assertCounts(record, dict(packed=0, unchanged=len(STEMS), rows=0, duplicates=0, conflicts=0, failed=0))
        self.assertEqual(state_of(self.path("tape")), before)
        shutil.copytree(raw, self.path("copy"), copy_function=shutil.copyfile)
        record = self.pack(self.path("copy"))
        self.assertCounts(record, dict(packed=len(STEMS), rows=first["rows"], duplicates=first["rows"], conflicts=0))
        self.assertEqual(hash_of(self.path("tape")), values)
        self.assertTape(self.oracle_of(raw))
        touched = os.path.join(raw, STEMS[0] + ".parquet")
        os.utime(touched, (1, 1))
        self.assertCounts(self.pack(raw), dict(conflicts=0, failed=0))
        self.assertEqual(hash_of(self.path("tape")), values)

    def test_a_file_that_changed(self):
        """New rows at its end and a corrected one: only the day they are in is written."""
        stem, days = "goog24jan140ce", [ns(FIRST_DAY + datetime.timedelta(i), 10) for i in range(2)]
        other = tick_table([days[0]], [1.0], [1])
        times = [d + i * 10**9 for d in days for i in range(5)]
        write_raw(self.path("raw"), {stem: tick_table(times, [float(i) for i in range(10)], list(range(10))), "goog24jan150ce": other})
        self.pack(self.path("raw"))
        before = state_of(self.path("tape"))
        write_raw(self.path("raw"), {stem: tick_table(times + [times[-1] + 10**9], [float(i) for i in range(9)] + [99.0, 10.0], list(range(11)))})
        record = self.pack(self.path("raw"))
        self.assertCounts(record, dict(packed=1, unchanged=1, conflicts=1, duplicates=9))
        after = state_of(self.path("tape"))
        self.assertEqual({k: v[1] for k, v in after.items() if k[0] == FIRST_DAY}, {k: v[1] for k, v in before.items() if k[0] == FIRST_DAY})
        self.assertTape(self.oracle_of(self.path("raw")))

    def test_days_that_exist(self):
        """The second folder has other contracts, other days, and rows before, between and after those that are there."""
        chance = random.Random(9)
        market = make_market(9)
        late, early = {}, {}
        for stem, table in market.items():
            times = times_of(table)
            cuts = [0] + [i for i in range(1, len(times)) if times[i] != times[i - 1]] + [len(times)]
            chosen = [chance.random() < 0.5 for _ in cuts]
            groups = [range(a, b) for a, b in zip(cuts, cuts[1:])]
            early[stem] = table.take([i for g, c in zip(groups, chosen) if c for i in g])
            late[stem] = table.take([i for g, c in zip(groups, chosen) if not c for i in g])
        del early[STEMS[3]], late[STEMS[5]]
        a, b = write_raw(self.path("a"), early), write_raw(self.path("b"), late)
        self.pack(a)
        record = self.pack(b)
        self.assertCounts(record, dict(duplicates=0, conflicts=0))
        wanted = self.oracle_of(a, b)
        self.assertTape(wanted)
        self.fresh(b, a, out="other")
        self.assertEqual(hash_of(self.path("other")), hash_of(self.path("tape")))
        new_day = ns(FIRST_DAY + datetime.timedelta(30), 5)
        untouched = state_of(self.path("tape"))
        self.pack(write_raw(self.path("c"), {STEMS[0]: tick_table([new_day], [1.0])}))
        after = state_of(self.path("tape"))
        self.assertEqual({k: after[k] for k in untouched}, untouched)
        self.assertEqual(len(after), len(untouched) + 1)

    def test_duplicates_and_conflicts(self):
        """Whole groups of equal timestamps: equal ones are duplicates, others conflicts, and the later file wins."""
        t0 = ns(FIRST_DAY, 10)
        make = lambda groups: tick_table([t0 + t for t, rows in groups for _ in rows], [p for _, rows in groups for p, _ in rows],
                                         [v for _, rows in groups for _, v in rows])
        nan = float("nan")
        a = [(0, [(1.0, 1)]), (2, [(2.0, 2), (2.5, 3)]), (4, [(nan, 4), (None, None)]), (6, [(0.0, 6)]), (8, [(8.0, 8), (8.5, 8)]),
             (10, [(9.0, 9), (9.0, 9)]), (12, [(10.0, 9)])]
        b = [(1, [(1.5, 1)]), (2, [(2.0, 2), (2.5, 3)]), (4, [(nan, 4), (None, None)]), (6, [(-0.0, 6)]), (8, [(8.5, 8), (8.0, 8)]), (10, [(9.0, 9)]),
             (13, [(1.0, 20)])]
        stem = "nifty24jan21500ce"
        write_raw(self.path("a"), {stem: make(a)}), write_raw(self.path("b"), {stem: make(b)})
        for one_run in (True, False):
            for order in ("ab", "ba"):
                shutil.rmtree(self.path("tape"), ignore_errors=True)
                raws = [self.path(name) for name in order]
                records = [self.pack(*raws)] if one_run else [self.pack(raw) for raw in raws]
                wanted = self.oracle_of(*raws)
                self.assertEqual((wanted.duplicates, wanted.conflicts), (4, 5 if order == "ab" else 4))
                self.assertEqual((sum(r["duplicates"] for r in records), sum(r["conflicts"] for r in records)), (wanted.duplicates, wanted.conflicts))
                self.assertTape(wanted)

    def test_files_of_one_contract(self):
        """Within a folder the later path wins, whatever the names' spelling of the contract."""
        t0 = ns(FIRST_DAY, 10)
        stems = ("GOOG24JAN140CE", "GOOG240119C00140000", "goog24jan140ce", "goog24jan140p0ce")
        tables = {stem: tick_table([t0, t0 + i], [float(i), 0.5], [1, 2]) for i, stem in enumerate(stems, 1)}
        raw = write_raw(self.path("raw"), tables)
        record = self.pack(raw)
        wanted = self.oracle_of(raw)
        self.assertEqual(wanted.conflicts, 3)
        self.assertCounts(record, dict(conflicts=3, duplicates=0, contracts=1))
        self.assertTape(wanted)

    def test_volume_at_seams(self):
        """vol_delta is against the last volume that is there, whichever file has it, and again right after every merge."""
        t0, stem = ns(FIRST_DAY, 10), "goog24jan140ce"
        steps = [({1: 10, 4: 16, 7: 30}, {1: 0, 4: 6, 7: 14}), ({5: None, 6: 20}, {1: 0, 4: 6, 5: 0, 6: 4, 7: 10}),
                 ({0: 7, 8: 3, 9: 5}, {0: 0, 1: 3, 4: 6, 5: 0, 6: 4, 7: 10, 8: 0, 9: 2}),
                 ({-1: None, 2: None, 3: 12}, {-1: 0, 0: 0, 1: 3, 2: 0, 3: 2, 4: 4, 5: 0, 6: 4, 7: 10, 8: 0, 9: 2})]
        for i, (volumes, deltas) in enumerate(steps):
            raw = write_raw(self.path("raw%d" % i), {stem: tick_table([t0 + t for t in volumes], [1.0] * len(volumes), list(volumes.values()))})
            self.pack(raw)
            (table,) = read_tape(self.path("tape")).values()
            self.assertEqual(dict(zip((t - t0 for t in table.column("timestamp").to_pylist()), table.column("vol_delta").to_pylist())), deltas)
        raw = write_raw(self.path("none"), {stem: tick_table([t0 + 10], [1.0])})
        self.pack(raw)
        (table,) = read_tape(self.path("tape")).values()
        self.assertEqual(table.column("vol_delta").to_pylist()[-2:], [2, None])
        self.assertTape(self.oracle_of(*(self.path("raw%d" % i) for i in range(4)), raw))
        next_day = write_raw(self.path("next"), {stem: tick_table([t0 + DAY, t0 + DAY + 1], [1.0, 1.0], [100, 101])})
        self.pack(next_day)
        table = read_tape(self.path("tape"))[FIRST_DAY + datetime.timedelta(1), "GOOG"]
        self.assertEqual(table.column("vol_delta").to_pylist(), [0, 1])

    def test_volume_and_expiries(self):
        """Equal strikes of two expiries are two contracts, and so are a call and a put; resets are counted."""
        t0 = ns(FIRST_DAY, 10)
        stems = ["nifty24jan1121500ce", "nifty24jan21500ce", "nifty24feb21500ce", "nifty24feb21500pe"]
        make = lambda i: tick_table([t0 + 10 * j + i for j in range(4)], [1.0] * 4, [100 * i + v for v in (0, 7, 3, 3 + i)])
        raw = write_raw(self.path("raw"), {stem: make(i) for i, stem in enumerate(stems)})
        record = self.pack(raw)
        (table,) = read_tape(self.path("tape")).values()
        self.assertEqual(table.column("vol_delta").to_pylist(), [d for i in range(4) for d in (0, 7, 0, i)])
        self.assertEqual([str(e) for e in table.column("expiry").to_pylist()[::4]], ["2024-01-11", "2024-01-25", "2024-02-29", "2024-02-29"])
        self.assertCounts(record, dict(resets=4, contracts=4))

    def test_columns_that_come_later(self):
        """A later run's new column appears in the days that it touches, among the others by name."""
        days = [ns(FIRST_DAY + datetime.timedelta(i), 10) for i in range(3)]
        a = write_raw(self.path("a"), {"goog24jan140ce": tick_table(days, [1.0, 2.0, 3.0], zebra=pa.array(["x", "y", "z"]))})
        b = write_raw(self.path("b"),
                      {"goog24jan140pe": tick_table(days[1:2], [4.0], apple=pa.array([3], pa.int16()), middle=pa.array([0.5], pa.float32()))})
        self.pack(a)
        untouched = state_of(self.path("tape"))
        self.pack(b)
        wanted = self.oracle_of(a, b)
        self.assertEqual([t.column_names[len(oracle.COLUMNS):] for _, t in sorted(wanted.tables().items())],
                         [["zebra"], ["apple", "middle", "zebra"], ["zebra"]])
        self.assertTape(wanted)
        after = state_of(self.path("tape"))
        self.assertEqual([k for k in after if after[k] != untouched[k]], [(FIRST_DAY + datetime.timedelta(1), "GOOG")])

    def test_files_and_row_groups_without_rows(self):
        raw, one = self.path("raw"), tick_table([ns(FIRST_DAY, 10)], [1.0], [1])
        write_raw(raw, {"goog24jan140ce": one.slice(0, 0), "goog24jan140pe": one})
        with pq.ParquetWriter(os.path.join(raw, "goog24jan150ce.parquet"), one.schema) as file:
            for table in (one.slice(0, 0), one, one.slice(0, 0), one, one.slice(0, 0)):
                file.write_table(table)
        self.assertCounts(self.pack(raw), dict(packed=3, failed=0, rows=3))
        self.assertTape(self.oracle_of(raw))

    def test_days_are_utc(self):
        """A contract that trades around the clock, and times before 1970."""
        times = [-DAY - 1, -DAY, -1, 0, DAY - 1, DAY]
        table = pa.table({"timestamp": pa.array(times, pa.timestamp("ns", "Asia/Kolkata")), "price": [1.0] * 6, "volume": [1, 2, 3, 4, 5, 6]})
        raw = write_raw(self.path("raw"), {"BTC-12JAN24-42000-C": table})
        self.pack(raw)
        self.assertEqual([str(d) for d, _ in sorted(partition_files(self.path("tape")))], ["1969-12-30", "1969-12-31", "1970-01-01", "1970-01-02"])
        self.assertTape(self.oracle_of(raw))

    def test_plain_layout(self):
        raw = write_raw(self.path("raw"), make_market(10))
        self.pack(raw)
        self.pack(raw, out="plain", more=["--layout", "plain"])
        with_keys = lambda key, t: t.add_column(0, "underlying", pa.array([key[1]] * len(t))).add_column(0, "date", pa.array([key[0]] * len(t)))
        tables = {key: with_keys(key, t) for key, t in self.oracle_of(raw).tables().items()}
        for (date, underlying), path in partition_files(self.path("plain")).items():
            self.assertEqual(os.path.relpath(path, self.path("plain")), "%s/%s/part-%s-0.parquet" % (date, underlying, underlying.lower()))
        self.assertTape(tables, "plain")
        self.assertEqual(hash_of(self.path("plain")), hash_of(self.path("tape")))
        before = state_of(self.path("plain"))
        self.pack(raw, out="plain", more=["--layout", "plain"])
        self.assertEqual(state_of(self.path("plain")), before)

    def test_csv(self):
        market = make_market(11, plain=True)
        parquet = write_raw(self.path("parquet"), market)
        os.mkdir(self.path("csv"))
        for stem, table in market.items():
            pyarrow.csv.write_csv(table, self.path("csv", stem + ".csv"))
        self.pack(parquet)
        self.assertTape(self.oracle_of(parquet))
        record = self.pack(self.path("csv"), out="from-csv")
        self.assertCounts(record, dict(files=len(STEMS), packed=len(STEMS), failed=0))
        self.assertEqual(hash_of(self.path("from-csv")), hash_of(self.path("tape")))
        self.assertTape(self.oracle_of(self.path("parquet")), "from-csv")

    def test_dry_run(self):
        raw = write_raw(self.path("raw"), {**make_market(12), "nonsense": tick_table([ns(FIRST_DAY)], [1.0])})
        done = execute("pack", "options", raw, "--calendar", self.calendar, "--out", self.path("tape"), "--dry-run", codes=(0, 1))
        self.assertFalse(os.path.exists(self.path("tape")))
        for text in ("nonsense", "nifty24jan1121500ce", "2024-01-11", "21500"):
            self.assertIn(text, done.stdout + done.stderr)
        for i in range(3):
            self.assertIn(str(FIRST_DAY + datetime.timedelta(i)), done.stdout)

    def test_generated_by_the_binary(self):
        execute("generate", "options", "--contracts", 12, "--rows", 6000, "--days", 2, "--seed", 5, "--out", self.path("raw"))
        self.calendar = self.path("raw", "expiry_calendar.csv")
        record = self.pack(self.path("raw"))
        self.assertCounts(record, dict(packed=12, failed=0, duplicates=0, conflicts=0))
        self.assertTape(self.oracle_of(self.path("raw")))
        execute("generate", "options", "--contracts", 12, "--rows", 6000, "--days", 2, "--seed", 5, "--out", self.path("again"))
        digests = lambda folder: {name: digest(self.path(folder, name)) for name in os.listdir(self.path(folder))}
        self.assertEqual(digests("raw"), digests("again"))


# ---- names, calendars, what is refused ----


class Refusals(Case):
    def one(self, stem, folder="raw", **more):
        return write_raw(self.path(folder), {stem: tick_table([ns(FIRST_DAY, 10)], [1.0], [1], **more)})

    def contract_in(self, out="tape"):
        (((_, underlying), table),) = read_tape(self.path(out)).items()
        row = table.slice(0, 1).to_pylist()[0]
        return (underlying, str(row["expiry"]), row["opt_type"], row["strike"], row["expiry_type"], row["is_monthly"], row["is_weekly"], row["year"],
                row["month"])

    def test_grammars(self):
        weekly, monthly = ("weekly", False, True), ("monthly", True, False)
        wanted = {
            "nifty24jan1121500ce": ("NIFTY", "2024-01-11", "CE", 21500.0, *weekly, 2024, 1),
            "NIFTY24JAN21500PE": ("NIFTY", "2024-01-25", "PE", 21500.0, *monthly, 2024, 1),
            "nifty24jan18ce": ("NIFTY", "2024-01-25", "CE", 18.0, *monthly, 2024, 1),
            "nifty24jan180p5ce": ("NIFTY", "2024-01-18", "CE", 0.5, *weekly, 2024, 1),
            "nifty24feb29750p25pe": ("NIFTY", "2024-02-29", "PE", 29750.25, *monthly, 2024, 2),
            "nifty2411121500ce": ("NIFTY", "2024-01-11", "CE", 21500.0, *weekly, 2024, 1),
            "nifty24o1025000pe": ("NIFTY", "2024-10-10", "PE", 25000.0, *weekly, 2024, 10),
            "NIFTY24D0525000CE": ("NIFTY", "2024-12-05", "CE", 25000.0, *weekly, 2024, 12),
            "GOOG  240119C00145000": ("GOOG", "2024-01-19", "CE", 145.0, *monthly, 2024, 1),
            "goog240112p00152505": ("GOOG", "2024-01-12", "PE", 152.505, *weekly, 2024, 1),
            "BTC-12JAN24-49000-C": ("BTC", "2024-01-12", "CE", 49000.0, *weekly, 2024, 1),
            "btc-26jan24-0d0025-p": ("BTC", "2024-01-26", "PE", 0.0025, *monthly, 2024, 1)}
        for stem, contract in wanted.items():
            shutil.rmtree(self.path("raw"), ignore_errors=True)
            self.fresh(self.one(stem))
            self.assertEqual(self.contract_in(), contract, stem)

    def test_patterns_of_a_user(self):
        patterns = self.write("patterns.txt", "colon {underlying}:{yyyy}{mm}{dd}:{strike}:{cp}\n")
        raw = self.one("goog:20240112:152p5:P")
        self.one("goog24jan140ce")
        self.pack(raw, code=1, out="without")
        self.pack(raw, more=["--patterns", patterns])
        self.assertTape(self.oracle_of(raw, patterns=["{underlying}:{yyyy}{mm}{dd}:{strike}:{cp}"]))
        bad = self.write("bad.txt", "colon {underlying}:{nonsense}\n")
        self.pack(raw, more=["--patterns", bad], code=2, out="bad")

    def test_ambiguous_name(self):
        """`swap` has the day before and the year after the month: another contract, and neither may win in silence."""
        self.write("calendar.csv", CALENDAR + "nifty,2019,1,monthly,2019-01-24\nnifty,2024,1,weekly,2024-01-19\n")
        text = "{underlying}{dd}{mon}{yy}{strike}{cp}"
        patterns = self.write("patterns.txt", "swap %s\n" % text)
        raw = self.one("nifty19jan24500ce")
        self.one("BTC-12JAN24-42000-C")
        record = self.pack(raw, more=["--patterns", patterns], code=1)
        self.assertEqual([os.path.basename(f["file"]) for f in record["failures"]], ["nifty19jan24500ce.parquet"])
        self.assertRegex(record["failures"][0]["reason"], "ambiguous|swap")
        self.assertTape(self.oracle_of(raw, patterns=[text]))
        self.pack(raw, out="other")  # without the pattern there is one reading

    def test_what_fails_is_named(self):
        """One bad file of each kind beside good ones: each is named with its reason, the rest is packed, nothing of the bad ones is."""
        t0 = ns(FIRST_DAY, 10)
        good = make_market(13, STEMS[:6])
        times = [t0 + i for i in range(100)]
        ones = [1.0] * 100
        at = lambda values, row, value: values[:row] + [value] + values[row + 1:]
        table = lambda **more: tick_table(times, ones, **more)
        bad = {
            "whatever": (table(), None, ""), "nifty24mar21500ce": (table(), None, "calendar"), "BTC-13JAN24-1-C": (table(), None, "calendar"),
            "nifty24jan21500": (table(), None, ""),
            "goog24jan101ce": (tick_table(at(times, 60, t0 + 3), ones), 60, "time"),
            "goog24jan102ce": (tick_table(at(times, 61, None), ones), 61, "time"),
            "goog24jan103ce": (pa.table({"timestamp": times, "price": ["1.0"] * 100}), None, "price"),
            "goog24jan104ce": (table(qty=pa.array(at(ones, 62, 1.5))), 62, "qty"),
            "goog24jan105ce": (table(strike=pa.array(at([105.0] * 100, 63, 106.0))), 63, "strike"),
            "goog24jan106ce": (tick_table([t // 10**6 for t in times], ones), None, "timestamp"),
            "goog24jan107ce": (tick_table([t // 10**3 for t in times], ones), None, "timestamp"),
            "goog24jan108ce": (pa.table({"price": ones}), None, "timestamp"),
            "goog24jan109ce": (pa.table({"timestamp": times}), None, "price"),
            "goog24jan110ce": (table(underlying=pa.array(["nifty"] * 100)), 0, "underlying"),
            "goog24jan111ce": (table(expiry=pa.array([datetime.date(2024, 1, 12)] * 100)), 0, "expiry"),
            "goog24jan112ce": (table(opt_type=pa.array(["PE"] * 100)), 0, "opt_type"),
            "goog24jan113ce": (table(volume=pa.array(["5"] * 100)), None, "volume"),
            "goog24jan114ce": (table(bq0=pa.array(at(ones, 64, 1e19))), 64, "bq0"),
            "goog24jan115ce": (pa.table({"timestamp": pa.array(["2024"] * 100), "price": ones}), None, "timestamp")}
        raw = write_raw(self.path("raw"), good)
        write_raw(raw, {stem: t for stem, (t, _, _) in bad.items()}, seed=1)
        with open(os.path.join(raw, "goog24jan120ce.parquet"), "wb") as file:
            file.write(b"PAR1 this is not what it seems PAR1")
        pq.write_table(table(), self.path("whole.parquet"))
        with open(self.path("whole.parquet"), "rb") as file:
            whole = file.read()
        with open(os.path.join(raw, "goog24jan121ce.parquet"), "wb") as file:
            file.write(whole[: len(whole) // 2])
        for name in ("goog24jan120ce", "goog24jan121ce"):
            bad[name] = (None, None, "")
        record = self.pack(raw, code=1)
        failures = {os.path.basename(f["file"])[:-8]: f for f in record["failures"]}
        self.assertEqual(sorted(failures), sorted(bad))
        for stem, (_, row, word) in bad.items():
            self.assertTrue(failures[stem]["reason"], stem)
            self.assertIn(word, failures[stem]["reason"].lower(), stem)
            if row is not None:
                self.assertEqual(failures[stem]["row"], row, failures[stem])
        for stem, unit in (("goog24jan106ce", "ms|milli"), ("goog24jan107ce", "us|µs|micro")):
            self.assertRegex(failures[stem]["reason"], unit)
        self.assertCounts(record, dict(packed=len(good), failed=len(bad), files=len(good) + len(bad)))
        self.assertRegex(record["stderr"].strip().splitlines()[-1], r"\b%d\b" % len(bad))
        with open(self.path("tape", "_tickloom", "failures.json")) as file:
            self.assertEqual(sorted(os.path.basename(f["file"])[:-8] for f in self.failures_in(json.load(file))), sorted(bad))
        write_raw(self.path("good"), good)
        self.assertTape(self.oracle_of(self.path("good")))
        for stem in bad:  # once they are gone, the same command is content
            os.remove(os.path.join(raw, stem + ".parquet"))
        self.pack(raw)
        self.assertTape(self.oracle_of(self.path("good")))

    @staticmethod
    def failures_in(record):
        return record["failures"] if isinstance(record, dict) else record

    def test_keys_that_agree(self):
        """A raw column of a key's name says what the name says: it is no further column."""
        more = dict(strike=pa.array([140.0]), underlying=pa.array(["goog"]), expiry=pa.array([datetime.date(2024, 1, 19)]), opt_type=pa.array(["CE"]))
        raw = self.one("goog24jan140ce", **more)
        self.pack(raw)
        self.assertTape(self.oracle_of(raw))

    def test_a_warning(self):
        """The name could be a weekly of a day that the calendar lacks; it is packed as the monthly, and said."""
        raw = self.one("goog24jan05152p5ce")
        record = self.pack(raw)
        self.assertEqual(self.contract_in()[1:4], ("2024-01-19", "CE", 5152.5))
        self.assertTrue([w for w in record["warnings"] if "goog24jan05152p5ce" in w], record["warnings"])
        self.assertEqual(self.pack(self.one("goog24jan752p5ce", "plain"), out="other")["warnings"], [])

    def test_calendars(self):
        raw = self.one("goog24jan140ce")
        bad = {"two.csv": CALENDAR + "goog,2024,1,monthly,2024-01-26\n", "date.csv": CALENDAR + "goog,2024,3,monthly,2024-03-35\n",
               "kind.csv": CALENDAR + "goog,2024,3,yearly,2024-03-15\n",
               "columns.csv": CALENDAR.replace("expiry_date", "date")}
        for name, text in bad.items():
            done = execute("pack", "options", raw, "--calendar", self.write(name, text), "--out", self.path("tape"), codes=(4,))
            self.assertIn(name, done.stderr)
            self.assertFalse(os.path.exists(self.path("tape")), name)
        same = self.write("same.csv", CALENDAR + CALENDAR.split("\n", 1)[1].upper())
        self.pack(raw, calendar=same)
        self.assertTape(self.oracle_of(raw))

    def test_nothing_to_pack(self):
        os.mkdir(self.path("raw"))
        self.write("raw/goog24jan140ce.parquet", "no Parquet")
        self.pack(self.path("raw"), code=4)
        self.assertEqual(partition_files(self.path("tape")), {})

    def test_usage(self):
        raw = self.one("goog24jan140ce")
        self.write("keep.txt", "mine")
        os.mkdir(self.path("mine"))
        os.rename(self.path("keep.txt"), self.path("mine", "keep.txt"))
        for args in ([raw, "--out", self.path("x")], [raw, "--calendar", self.calendar], ["--calendar", self.calendar, "--out", self.path("x")],
                     [raw, "--calendar", self.calendar, "--out", self.path("mine")],
                     [raw, "--calendar", self.calendar, "--out", self.path("x"), "--layout", "odd"],
                     [raw, "--calendar", self.calendar, "--out", self.path("x"), "--nonsense"]):
            execute("pack", "options", *args, codes=(2,))
            self.assertFalse(os.path.exists(self.path("x")))
        self.assertEqual(os.listdir(self.path("mine")), ["keep.txt"])


# ---- order on disk ----


def rewrite(path, table, **options):
    pq.write_table(table, path, **options)


class Order(Case):
    def setUp(self):
        super().setUp()
        self.raw = write_raw(self.path("raw"), make_market(14))
        self.pack(self.raw)
        self.wanted = self.oracle_of(self.raw)
        self.key = (FIRST_DAY, "NIFTY")
        self.file = partition_files(self.path("tape"))[self.key]

    def mix(self):
        """The contracts of a partition in another order; rows of one keep theirs, so that a stable sort brings everything back."""
        table = read_partition(self.file)
        keys = list(zip(*(table.column(n).to_pylist() for n in ("expiry", "opt_type", "strike"))))
        groups = oracle.grouped(range(len(keys)), lambda i: keys[i])
        self.assertGreater(len(groups), 2)
        mixed = [i for key in sorted(groups, reverse=True) for i in groups[key]]
        rewrite(self.file, table.take(mixed))
        return len(groups[max(groups)])  # the first row that is out of order

    def test_a_tape_that_others_wrote(self):
        """Calls and puts by other words, and a column that the path says as well: a merge loses nothing, and turns nothing round."""
        for path in partition_files(self.path("tape")).values():
            table = read_partition(path)
            short = pa.array([{"CE": "C", "PE": "P"}[v] for v in table.column("opt_type").to_pylist()])
            table = table.set_column(table.schema.get_field_index("opt_type"), "opt_type", short)
            rewrite(path, table.append_column("underlying", pa.array(["somebody else's"] * table.num_rows)))
        again = self.path("again")
        shutil.copytree(self.raw, again)
        self.assertEqual(self.pack(again)["conflicts"], 0)
        self.assertTape(self.wanted)

    def test_words_that_are_no_right(self):
        table = read_partition(self.file)
        rewrite(self.file, table.set_column(table.schema.get_field_index("opt_type"), "opt_type", pa.array(["X"] * table.num_rows)))
        again = self.path("again")
        shutil.copytree(self.raw, again)
        self.assertIn("expected CE or PE", self.pack(again, code=4)["stderr"])

    def test_a_part_is_not_sorted_alone(self):
        self.assertIn("a part of the tape", execute("sort", os.path.dirname(self.file), codes=(2,)).stderr)
        self.assertIn("a part of the tape", execute("sort", self.file, codes=(2,)).stderr)

    def test_sort_mends(self):
        values, row = hash_of(self.path("tape")), self.mix()
        done = execute("check", self.path("tape"), "--json", codes=(4,))
        findings = json.loads(done.stdout)["findings"]
        self.assertTrue([f for f in findings if self.file.endswith(f["file"] or "?") and f["row"] == row], findings)
        others = {k: v for k, v in state_of(self.path("tape")).items() if k != self.key}
        json.loads(execute("sort", self.path("tape"), "--json").stdout)
        self.assertTape(self.wanted)
        self.assertEqual(hash_of(self.path("tape")), values)
        self.assertEqual({k: v for k, v in state_of(self.path("tape")).items() if k != self.key}, others)
        before = state_of(self.path("tape"))
        execute("sort", self.path("tape"))
        self.assertEqual(state_of(self.path("tape")), before)

    def test_rows_out_of_time(self):
        table = read_partition(self.file)
        times = table.column("timestamp").to_pylist()
        row = next(i for i in range(30, len(times)) if times[i - 1] < times[i])
        swapped = list(range(len(times)))
        swapped[row - 1], swapped[row] = row, row - 1
        rewrite(self.file, table.take(swapped))
        findings = json.loads(execute("check", self.path("tape"), "--json", codes=(4,)).stdout)["findings"]
        self.assertTrue([f for f in findings if f["row"] == row], findings)
        execute("sort", self.path("tape"))
        self.assertTape(self.wanted)

    def test_packing_into_an_unsorted_partition(self):
        row, before = self.mix(), state_of(self.path("tape"))
        more = write_raw(self.path("more"), {"nifty24jan1121500ce": tick_table([ns(FIRST_DAY, 11)], [1.0], [1])})
        record = self.pack(more, code=4)
        said = record["stderr"] + json.dumps(record.get("failures", ""))
        self.assertIn(os.path.relpath(self.file, self.path("tape")), said)
        self.assertRegex(said, r"\b%d\b" % row)
        self.assertEqual(state_of(self.path("tape")), before)
        execute("sort", self.path("tape"))
        self.pack(more)
        self.assertTape(self.oracle_of(self.raw, more))

    def test_backtest_of_an_unsorted_partition(self):
        self.mix()
        done = execute("backtest", STRATEGY, "--in", self.path("tape"), "--profile", "tick", "--json", codes=(1, 4))
        self.assertIn(os.path.basename(self.file), done.stdout + done.stderr)

    def test_another_order(self):
        execute("check", self.path("tape"), "--order", "timestamp", codes=(4,))
        execute("sort", self.path("tape"), "--order", "timestamp")
        execute("check", self.path("tape"), "--order", "timestamp")
        execute("check", self.path("tape"), codes=(4,))
        for key, path in partition_files(self.path("tape")).items():
            wanted = self.wanted.tables()[key]
            order = sorted(range(wanted.num_rows), key=wanted.column("timestamp").to_pylist().__getitem__)
            self.assertIsNone(difference(read_partition(path), wanted.take(order)))
        execute("sort", self.path("tape"))
        values = self.fresh(self.raw, out="again") and hash_of(self.path("again"))
        self.assertEqual(hash_of(self.path("tape")), values)
        execute("check", self.path("tape"))

    def test_a_flipped_byte(self):
        with open(self.file, "r+b") as file:
            file.seek(os.path.getsize(self.file) // 3)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 0x10]))
        findings = json.loads(execute("check", self.path("tape"), "--json", codes=(4,)).stdout)["findings"]
        self.assertTrue([f for f in findings if self.file.endswith(f["file"] or "?")], findings)


# ---- crashes and want of resources ----


class Crashes(Case):
    def old_and_new(self, **sizes):
        """A tape of one folder, and another folder to pack into it; fills self.old and self.new with digests of the two states."""
        for name, seed in (("first", 1), ("second", 2)):
            execute("generate", "options", "--contracts", sizes["contracts"], "--rows", sizes["rows"], "--days", 3, "--seed", seed, "--out",
                    self.path(name))
        self.calendar = self.write("calendar.csv", self.calendars("first", "second"))
        for name in ("first", "second"):
            os.remove(self.path(name, "expiry_calendar.csv"))
        self.pack(self.path("first"), out="old")
        shutil.copytree(self.path("old"), self.path("new"))
        start = time.monotonic()
        self.pack(self.path("second"), out="new", more=["--threads", "2"])
        self.seconds = time.monotonic() - start
        self.old, self.new = (({key: digest(p) for key, p in partition_files(self.path(name)).items()}) for name in ("old", "new"))
        self.assertNotEqual(self.old, self.new)
        self.wanted = hash_of(self.path("new"))

    def calendars(self, *folders):
        lines = []
        for folder in folders:
            with open(self.path(folder, "expiry_calendar.csv")) as file:
                lines.append(file.read().splitlines())
        return "\n".join(lines[0][:1] + sorted({line for part in lines for line in part[1:]})) + "\n"

    def restore(self):
        shutil.rmtree(self.path("tape"), ignore_errors=True)
        shutil.copytree(self.path("old"), self.path("tape"))

    def assertOldOrNew(self):
        """Returns how many partitions are new. Files are compared by bytes, and by rows where a run cut pages otherwise."""
        files, new = partition_files(self.path("tape")), 0
        self.assertLessEqual(set(self.old), set(files))
        self.assertLessEqual(set(files), set(self.new))
        for key, path in files.items():
            found = digest(path)
            if found == self.old.get(key):
                continue
            if found != self.new[key]:
                self.assertIsNone(difference(read_partition(path), read_partition(partition_files(self.path("new"))[key])), key)
            new += 1
        return new

    def test_groups_cut_by_memory(self):
        """Row groups that end where memory does, also at a contract's last row: the next contract begins anew."""
        n, chance = 3000, np.random.default_rng(1)
        wide = ["bp0", "bp1", "bp2", "sp0", "sp1", "sp2", "open", "high", "low", "close", "x1", "x2", "x3", "x4"]
        for k in range(30):
            columns = {"timestamp": ns(FIRST_DAY, 10) + np.arange(n) * 10**9, "price": np.arange(n) * 1.0, "volume": 1000000 * (k + 1) + np.arange(n)}
            columns.update({name: chance.random(n) for name in wide})
            os.makedirs(self.path("raw"), exist_ok=True)
            pq.write_table(pa.table(columns), self.path("raw", "nifty24jan%dce.parquet" % (40000 + 100 * k)))
        for memory in ("32MB", "512MB"):
            self.pack(self.path("raw"), out=memory, more=["--memory", memory])
        self.assertEqual(hash_of(self.path("32MB")), hash_of(self.path("512MB")))
        total = sum(sum(table.column("vol_delta").to_pylist()) for table in read_tape(self.path("32MB")).values())
        self.assertEqual(total, 30 * (n - 1))

    def test_many_days_on_many_threads(self):
        """Parts that are begun at once by several threads do not get into each other's way."""
        os.mkdir(self.path("ticks"))
        times = [ns(FIRST_DAY) + i * DAY for i in range(200)]
        pq.write_table(pa.table({"timestamp": times, "price": [float(i) for i in range(200)]}), self.path("ticks", "s.parquet"))
        for round_ in range(10):
            tape = self.path("t%d" % round_)
            execute("pack", "trades", self.path("ticks"), "--out", tape, "--threads", "8", "--memory", "4GB")
            for i in range(200):
                day = FIRST_DAY + datetime.timedelta(days=i)
                table = read_partition(os.path.join(tape, "date=%s" % day, "part-0.parquet"))
                self.assertEqual(table.column("timestamp").to_pylist(), [times[i]])

    def test_kill_at_any_moment(self):
        """Into days that exist, and into no tape at all; a kill may hit the run that mends what an earlier kill left."""
        self.old_and_new(contracts=60, rows=50000)
        self.kill(6, self.restore)
        self.pack(self.path("second"), out="alone", more=["--threads", "2"])
        self.old, self.new = {}, {key: digest(path) for key, path in partition_files(self.path("alone")).items()}
        self.wanted = hash_of(self.path("alone"))
        os.rename(self.path("new"), self.path("merged"))
        os.rename(self.path("alone"), self.path("new"))
        self.kill(3, lambda: shutil.rmtree(self.path("tape"), ignore_errors=True))

    def kill(self, seconds, restore):
        chance, until, rounds = random.Random(time.time_ns()), time.monotonic() + seconds, 0
        while rounds < 4 or (time.monotonic() < until and rounds < 30):
            rounds += 1
            restore()
            for _ in range(chance.randint(1, 4)):
                command = [TICKLOOM, "pack", "options", self.path("second"), "--calendar", self.calendar, "--out", self.path("tape"), "--threads", "2"]
                run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(chance.random() * self.seconds * 1.1)
                run.send_signal(signal.SIGKILL)
                run.wait()
                self.assertOldOrNew()
            self.pack(self.path("second"), more=["--threads", "2"])
            self.assertEqual(self.assertOldOrNew(), sum(self.old.get(k) != v for k, v in self.new.items()))
            self.assertEqual(hash_of(self.path("tape")), self.wanted)
            self.assertEqual(glob.glob(self.path("tape", "_tickloom", "tmp", "*")), [])
        self.assertSound()

    def test_file_size_limit(self):
        """As on a full disk: exit 5, what was there stays, and the same command finishes once there is room."""
        self.old_and_new(contracts=12, rows=30000)
        largest = max(map(os.path.getsize, partition_files(self.path("new")).values()))
        for limit in (1000, largest // 2, largest - 1):
            self.restore()
            record = self.pack(self.path("second"), code=5, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            self.assertTrue(record["stderr"].strip())
            self.assertOldOrNew()
            self.pack(self.path("second"))
            self.assertEqual(hash_of(self.path("tape")), self.wanted)

    def test_in_use(self):
        raw = write_raw(self.path("raw"), make_market(15, STEMS[:3]))
        self.pack(raw)
        before = state_of(self.path("tape"))
        other = write_raw(self.path("other"), make_market(16, STEMS[:3]))
        handle = os.open(self.path("tape"), os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self.assertIn("use", self.pack(other, code=5)["stderr"])
            execute("sort", self.path("tape"), codes=(5,))
            self.assertEqual(state_of(self.path("tape")), before)
        finally:
            os.close(handle)
        self.pack(other)

    @unittest.skipIf(NO_LIMITS, "a sanitizer takes memory of its own")
    def test_memory_is_bounded(self):
        """The largest resident size of a pack that must merge, under a bound that is below what the rows take."""
        self.old_and_new(contracts=60, rows=500000)
        for bound in (64, 256):
            self.restore()
            command = [TICKLOOM, "pack", "options", self.path("second"), "--calendar", self.calendar, "--out", self.path("tape"), "--threads", "2",
                       "--memory", "%dMB" % bound]
            run, peak = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0
            while run.poll() is None:  # the peak that wait4 tells would be that of this process, which forks
                with open("/proc/%d/status" % run.pid) as file:
                    peak = max([peak] + [int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM")])
                time.sleep(0.0005)
            self.assertEqual(run.returncode, 0)
            self.assertGreater(peak, 10**6)
            self.assertLess(peak, bound * 10**6 * 1.05)
            self.assertEqual(hash_of(self.path("tape")), self.wanted)


# ---- the tick strategy ----


class Strategy(Case):
    def backtest(self, *more, tape="tape", strategy=STRATEGY, env=None, keys=TRADE_COLUMNS[:4]):
        """(record, trades as a list of tuples)"""
        file = self.path("trades.parquet")
        if os.path.exists(file):
            os.remove(file)
        done = execute("backtest", strategy, "--in", self.path(tape), "--profile", "tick", "--trades", file, "--json", *more, env=env)
        table = pq.read_table(file)
        self.assertEqual(table.column_names, [*keys, *TRADE_COLUMNS[4:]])
        columns = [c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in table.columns]
        return json.loads(done.stdout), list(zip(*(c.to_pylist() for c in columns)))

    def assertTrades(self, wanted, *more, **rest):
        record, found = self.backtest(*more, **rest)
        for i, (a, b) in enumerate(zip(found, wanted)):
            self.assertEqual(a, b, "trade %d, %s" % (i, more))
        self.assertEqual(len(found), len(wanted))
        self.assertEqual([t[8].hex() for t in found], [t[8].hex() for t in wanted])
        self.assertEqual((record["trades"], float(record["pnl"]).hex()), (len(wanted), float(oracle.pnl(wanted)).hex()))
        return record

    def wide(self, spread=WIDE):
        """The strategy with another limit of the spread."""
        with open(STRATEGY) as file:
            text = file.read()
        self.assertEqual(text.count("0.0005"), 1)
        return self.write("wide.loom", text.replace("0.0005", str(spread)))

    def market(self, seed=20, rows=120):
        raw = write_raw(self.path("raw"), make_market(seed, rows=rows))
        self.fresh(raw)
        partitions = self.oracle_of(raw).partitions()
        return partitions, sum(map(len, partitions.values()))

    def test_real_tape(self):
        tape, partitions = self.real()
        self.pack(REAL, calendar=os.path.join(REAL, "expiry_calendar.csv"))
        record = self.assertTrades(oracle.trades(partitions))
        self.assertEqual(record["rows"], 166998)
        wanted = oracle.trades(partitions, widest=WIDE)
        self.assertGreater(len(wanted), 50)
        for more, env in itertools.product(([], ["--threads", "1"], ["--threads", "3"]), instruction_sets()):
            self.assertTrades(wanted, *more, strategy=self.wide(), env={"TICKLOOM_ISA": env})

    def test_generated_tapes(self):
        for seed in range(20, 24):
            partitions, rows = self.market(seed)
            wanted = oracle.trades(partitions)
            self.assertGreater(len(wanted), 50)
            record = self.assertTrades(wanted)
            self.assertEqual(record["rows"], rows)
            self.assertGreater(record["rows_per_s"], 0)
            self.assertGreater(record["seconds"], 0)
        for threads, isa in itertools.product((1, 2, 3), instruction_sets()):
            self.assertTrades(wanted, "--threads", threads, env={"TICKLOOM_ISA": isa})
        text = execute("backtest", STRATEGY, "--in", self.path("tape"), "--profile", "tick").stdout
        self.assertRegex(text.lower(), "cost|fee")  # zero cost is said
        self.assertIn(str(len(wanted)), text.replace(",", ""))

    def test_streams_of_few_rows(self):
        """Lengths 1 to 40 with no price, one price, prices that stay, entries on the last row; more streams than any kernel has lanes."""
        chance, tables, t0 = random.Random(1), {}, ns(FIRST_DAY, 10)
        for i in range(150):
            n = i % 40 + 1
            kind = i // 40
            make = [lambda j: 100.0 + j * 0.5, lambda j: 100.0, lambda j: None if j % 3 else chance.uniform(99, 101),
                    lambda j: chance.uniform(99, 101)][kind]
            prices = [make(j) for j in range(n)]
            if kind == 1:
                prices[-1] = 101.0  # the only entry is on the last row
            bids, asks = ([None if p is None else p + half for p in prices] for half in (-0.01, 0.01))
            quotes = dict(bp0=pa.array(bids, pa.float64()), sp0=pa.array(asks, pa.float64()))
            tables["goog24jan%dce" % (200 + i)] = tick_table([t0 + j // 2 for j in range(n)], prices, list(range(n)), **quotes)
        tables["goog24jan700pe"] = tick_table([t0, t0 + 1], [None, float("nan")], [1, 1], bp0=pa.array([1.0, 1.0]), sp0=pa.array([1.0, 1.0]))
        raw = write_raw(self.path("raw"), tables)
        self.pack(raw)
        wanted = oracle.trades(self.oracle_of(raw).partitions())
        self.assertTrue([t for t in wanted if t[4] == t[5]])
        for isa in instruction_sets():
            self.assertTrades(wanted, env={"TICKLOOM_ISA": isa})

    def test_forms_of_an_average(self):
        """Averages that meet within units of the last place: only e + a (x - e), rounded after each step, gives these trades. Half of the streams have
        prices that hardly move; in the others the third price is the one at which both averages would meet, give or take a few units."""
        chance, tables, t0, n = random.Random(2), {}, ns(FIRST_DAY, 10), 60
        for i in range(240):
            base = chance.uniform(60, 120)
            prices = [base + chance.randint(-3, 3) * 2.0**-46 for _ in range(n)] if i % 5 else [base] * n
            if i % 2:
                rise = chance.uniform(5, 50)
                meet = base + rise * (10 / 121 - 2 / 9) / (1 / 3 - 1 / 11)
                prices = [base, base + rise, meet + chance.randint(-3, 3) * 2.0**-46, base + 2 * rise, base + 3 * rise]
            quotes = pa.array([base] * len(prices), pa.float64())
            tables["goog24jan%dce" % (200 + i)] = tick_table(range(t0, t0 + len(prices)), prices, [1] * len(prices), bp0=quotes, sp0=quotes)
        raw = write_raw(self.path("raw"), tables)
        self.pack(raw)
        partitions = self.oracle_of(raw).partitions()
        wanted = oracle.trades(partitions)
        fused = lambda e, a, x: float(fractions.Fraction(a) * fractions.Fraction(x - e) + fractions.Fraction(e))
        for other in (lambda e, a, x: a * x + (1 - a) * e, fused):
            self.assertNotEqual(trades_by_columns(partitions, 0.0005, other), wanted)
        for isa in instruction_sets():
            self.assertTrades(wanted, env={"TICKLOOM_ISA": isa})

    def test_spread_at_the_limit(self):
        """Spreads of exactly the limit, and one unit of the last place beside: a division decides, not a product with a reciprocal."""
        t0 = ns(FIRST_DAY, 10)
        for limit in (5, 6):  # in units of 1 / 10000; 0.0006 is the one where a reciprocal is wrong
            tables, reciprocal = {}, []
            for i in range(300):
                bid, ask = ((20000 + sign * limit) * (i // 3 + 1) / 8 for sign in (-1, 1))
                ask += (i % 3 - 1) * math.ulp(ask)
                tables["goog24jan%dce" % (200 + i)] = tick_table(range(t0, t0 + 3), [1.0, 2.0, 3.0], [0, 1, 0], bp0=pa.array([bid] * 3),
                                                                 sp0=pa.array([ask] * 3))
                reciprocal.append((ask - bid) * (1 / ((bid + ask) / 2)) <= limit / 10000)
            raw = write_raw(self.path("raw%d" % limit), tables)
            self.fresh(raw)
            wanted = oracle.trades(self.oracle_of(raw).partitions(), widest=limit / 10000)
            self.assertEqual([t[3] for t in wanted], [200.0 + i for i in range(300) if i % 3 < 2])
            self.assertEqual([200.0 + i for i, enters in enumerate(reciprocal) if enters] == [t[3] for t in wanted], limit == 5)
            for isa in instruction_sets():
                self.assertTrades(wanted, strategy=self.wide(limit / 10000), env={"TICKLOOM_ISA": isa})

    def test_equal_averages(self):
        """With a = 1/2 and 1/8 the averages of 1000, 1064, 976 meet exactly: that is an exit, and no entry."""
        t0, prices = ns(FIRST_DAY, 10), [1000.0, 1064.0, 976.0, 1100.0, 1101.0]
        quotes = pa.array([1000.0] * 5)
        volumes = ([1] * 5, [0, 0, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0])
        tables = {"goog24jan%dce" % (200 + i): tick_table(range(t0, t0 + 5), prices, v, bp0=quotes, sp0=quotes) for i, v in enumerate(volumes)}
        self.pack(write_raw(self.path("raw"), tables))
        _, found = self.backtest("--param", "fast=3", "--param", "slow=15")
        self.assertEqual([(t[3], t[4] - t0, t[5] - t0, t[8]) for t in found],
                         [(200.0, 1, 2, -88.0), (202.0, 1, 2, -88.0), (200.0, 3, 4, 1.0), (201.0, 3, 4, 1.0)])

    def test_without_volume(self):
        """No volume, no bid: no entry, and no failure."""
        raw = write_raw(self.path("raw"), {"goog24jan140ce": tick_table([ns(FIRST_DAY, 10) + i for i in range(50)], [100.0 + i for i in range(50)])})
        self.pack(raw)
        self.assertTrades([])

    def test_other_folders(self):
        """Days below underlyings, and a file that ends in a row group without rows: the same trades in the same order."""
        partitions, _ = self.market(27)
        wanted = oracle.trades(partitions)
        for (day, underlying), path in partition_files(self.path("tape")).items():
            folder = self.path("other", "underlying=" + underlying, "date=%s" % day)
            os.makedirs(folder)
            table = read_partition(path)
            with pq.ParquetWriter(os.path.join(folder, "part.parquet"), table.schema) as file:
                for first in range(0, table.num_rows, 400):
                    file.write_table(table.slice(first, 400))
                file.write_table(table.slice(0, 0))
        for threads in (1, 2):
            self.assertTrades(wanted, "--threads", threads, tape="other")

    def test_times_that_overflow(self):
        self.market(28)
        path = sorted(partition_files(self.path("tape")).values())[0]
        table = read_partition(path)
        stamps = table.column("timestamp").cast(pa.timestamp("us"))
        rewrite(path, table.set_column(table.schema.get_field_index("timestamp"), "timestamp", stamps))
        text = self.write("s.loom", "stream by expiry, opt_type, strike order by timestamp ties\nreset each day\ninput price\nenter long when price > 0\nexit long when price > 1\n")
        self.assertIn("beyond what 64 bits", execute("backtest", text, "--in", path, "--profile", "tick", codes=(4,)).stderr)

    def test_page_layouts(self):
        """The same rows in files of other writers."""
        partitions, _ = self.market(24)
        wanted = oracle.trades(partitions)
        layouts = [dict(row_group_size=1000, data_page_size=512, use_dictionary=False, compression="none"), dict(row_group_size=37, compression="zstd"),
                   dict(data_page_size=100, write_batch_size=16, data_page_version="2.0", compression="lz4"),
                   dict(compression="gzip", write_page_index=True, data_page_size=1000),
                   dict(use_dictionary=False,
                        column_encoding={"timestamp": "DELTA_BINARY_PACKED", "volume": "DELTA_BINARY_PACKED", "price": "BYTE_STREAM_SPLIT",
                                         "bp0": "BYTE_STREAM_SPLIT"}),
                   dict(use_dictionary=["price", "volume"], compression="snappy", write_statistics=False, row_group_size=500), "polars"]
        for layout in layouts:
            for path in partition_files(self.path("tape")).values():
                table = read_partition(path)
                if layout == "polars":
                    polars.from_arrow(table).write_parquet(path, compression="zstd", row_group_size=400)
                else:
                    rewrite(path, table, **layout)
            for threads in (1, 2):
                self.assertTrades(wanted, "--threads", threads)

    def test_plain_layout_and_csv(self):
        partitions, _ = self.market(25)
        self.pack(self.path("raw"), out="plain", more=["--layout", "plain"])
        self.assertTrades(oracle.trades(partitions), tape="plain")

    def test_where(self):
        partitions, _ = self.market(26)
        day = FIRST_DAY + datetime.timedelta(1)
        conditions = {
            "strike >= 21500": lambda r: r["strike"] >= 21500, "opt_type = 'CE'": lambda r: r["opt_type"] == "CE",
            "expiry = '2024-01-25'": lambda r: r["expiry"] == datetime.date(2024, 1, 25),
            "date = '%s'" % day: lambda r: r["date"] == day, "underlying = 'NIFTY'": lambda r: r["underlying"] == "NIFTY",
            "is_weekly": lambda r: r["is_weekly"],
            "strike between 140 and 760 and not opt_type = 'PE' and date != '%s'" % day:
                lambda r: 140 <= r["strike"] <= 760 and r["opt_type"] != "PE" and r["date"] != day,
            "volume >= 20": lambda r: (r.get("volume") or 0) >= 20, "timestamp < %d" % ns(day, 6): lambda r: r["timestamp"] < ns(day, 6),
            "strike > 1e9": lambda r: False}
        for condition, where in conditions.items():
            wanted = oracle.trades(partitions, where=where)
            for more in ([], ["--threads", "1"]):
                self.assertTrades(wanted, "--where", condition, *more)
        execute("backtest", STRATEGY, "--in", self.path("tape"), "--profile", "tick", "--where", "nonsense = 1", codes=(2,))

    def test_where_of_floats(self):
        """Bounds decide about all rows of a page only where none is NaN: a NaN is beyond no bound, and selected by none."""
        rows = 40000
        for holes in (False, True):
            bid = [float("nan") if holes and i % 1000 == 7 else 100.0 + i // 4000 for i in range(rows)]
            pq.write_table(pa.table({"k": [1] * rows, "t": range(rows), "price": [1.0 + i % 3 for i in range(rows)], "bid": bid}), self.path("raw.parquet"))
            execute("rewrite", self.path("raw.parquet"), self.path("some.parquet"), "--force")
            strategy = self.write("s.loom", "stream by k order by t ties\ninput price\nenter long when price > 1\nexit long when price <= 1\n")
            for condition, where in (("bid < 105", lambda b: b < 105), ("bid between 101 and 103", lambda b: 101 <= b <= 103), ("bid >= 0", lambda b: b >= 0),
                                     ("not bid >= 0", lambda b: not b >= 0)):
                record, _ = self.backtest("--where", condition, tape="some.parquet", strategy=strategy, keys=["k"])
                self.assertEqual(record["rows"], sum(map(where, bid)), (holes, condition))

    def test_rows_left_out(self):
        """Rows that a condition leaves out need no time, or one that can be told; those that it selects do."""
        text = "stream by k order by t ties\ninput price, a\nenter long when price > 0 and a > 0\nexit long when price > 3\n"
        strategy = self.write("s.loom", text)
        for times, kind, words in (([1, 2, None, 4, 5], pa.int64(), "missing"), ([1, 2, 2**62, 4, 5], pa.timestamp("us"), "beyond what 64 bits")):
            pq.write_table(pa.table({"k": [1] * 5, "t": pa.array(times, kind), "price": [1.0, 2, 3, 4, 5], "a": [1, 1, 0, 1, 1]}), self.path("some.parquet"))
            record, trades = self.backtest("--where", "a > 0", tape="some.parquet", strategy=strategy, keys=["k"])
            self.assertEqual((record["rows"], record["trades"], record["pnl"]), (4, 1, 2.0), trades)
            done = execute("backtest", strategy, "--in", self.path("some.parquet"), "--profile", "tick", codes=(4,))
            self.assertIn("row 2", done.stderr)
            self.assertIn(words, done.stderr)

    def test_time_as_input(self):
        """An input that is the time is in nanoseconds, whatever the column counts, as an interval's number or as it is."""
        for dictionary, condition in itertools.product((True, False), ("x > 2000", "x + 0 > 2000")):
            pq.write_table(pa.table({"k": [1] * 5, "t": pa.array(range(1, 6), pa.timestamp("us")), "price": [1.0, 2, 3, 4, 5]}), self.path("some.parquet"),
                           use_dictionary=dictionary)
            strategy = self.write("s.loom", "stream by k order by t ties\ninput price, x = t\nenter long when %s\nexit long when price > 4\n" % condition)
            record, trades = self.backtest(tape="some.parquet", strategy=strategy, keys=["k"])
            self.assertEqual([t[1:] for t in trades], [(3000, 5000, 3.0, 5.0, 2.0)], (dictionary, condition))

    def test_over_midnight(self):
        """Without a reset a stream, and a position, goes on from day to day; with one it ends."""
        day = 86400 * 10**9
        times, prices = [day - 2, day - 1, day, day + 1, 2 * day, 2 * day + 1], [1.0, 2, 3, 4, 5, 1]
        pq.write_table(pa.table({"k": [1] * 6, "t": times, "price": prices}), self.path("some.parquet"))
        for reset, wanted in (("", [(times[1], times[5], 2.0, 1.0, -1.0)]),
                              ("reset each day\n", [(times[1], times[1], 2.0, 2.0, 0.0), (times[3], times[3], 4.0, 4.0, 0.0)])):
            strategy = self.write("s.loom", "stream by k order by t ties\n%sinput price\nenter long when price > 1\nexit long when price <= 1\n" % reset)
            _, trades = self.backtest(tape="some.parquet", strategy=strategy, keys=["k"])
            self.assertEqual([t[1:] for t in trades], wanted)

    def test_one_long_stream(self):
        """One stream of many short row groups is read as it is needed, in little memory."""
        rows = 200000
        prices = [100 + (i * 7919 % 101) / 10 for i in range(rows)]
        pq.write_table(pa.table({"k": pa.array([1] * rows, pa.int32()), "t": pa.array(range(rows)), "price": prices}), self.path("long.parquet"), row_group_size=1000)
        strategy = self.write("s.loom", "stream by k order by t ties\ninput price\nenter long when price > 109\nexit long when price < 101\n")
        found = [self.backtest("--threads", "1", "--memory", memory, tape="long.parquet", strategy=strategy, keys=["k"])[1] for memory in ("64MB", "2GB")]
        self.assertGreater(len(found[0]), 1000)
        self.assertEqual(*found)

    def simple_trades(self, rows, reset):
        """Trades of (k, t, price) with entries above 104 and exits below 102, as test_times_of_row_groups has them."""
        day, found = 86400 * 10**9, []
        for _, stream in itertools.groupby(rows, lambda r: (r[0], r[1] // day if reset else 0)):
            stream, entry = list(stream), None
            for i, (k, t, price) in enumerate(stream):
                if entry is None and i > 0 and price > 104:
                    entry = t, price
                    if i < len(stream) - 1:
                        continue
                if entry is not None and (price < 102 or i == len(stream) - 1):
                    found.append((k, entry[0], t, entry[1], price, price - entry[1]))
                    entry = None
        return sorted(found, key=lambda f: (f[2], f[0]))

    def test_times_of_row_groups(self):
        """Row groups of one day and such over midnight, with statistics and without: the same trades. Rows out of time are found in each and between them."""
        day, rows = 86400 * 10**9, 3000
        keys = [i // (rows // 2) for i in range(rows)]
        times = [day // 2 + i % (rows // 2) * (3 * day // (rows // 2)) for i in range(rows)]
        prices = [100 + (i * 7919 % 53) / 10 for i in range(rows)]
        path = self.path("some.parquet")
        for reset, groups, statistics in itertools.product((False, True), (rows, 700, 333, 50), (True, False)):
            text = "stream by k order by t ties\n%sinput price\nenter long when price > 104\nexit long when price < 102\n" % ("reset each day\n" if reset else "")
            strategy = self.write("s.loom", text)
            write = lambda t: pq.write_table(pa.table({"k": keys, "t": t, "price": prices}), path, row_group_size=groups, write_statistics=statistics,
                                             data_page_size=200, write_batch_size=32, use_dictionary=["k", "price"])
            write(times)
            wanted = self.simple_trades(list(zip(keys, times, prices)), reset)
            self.assertGreater(len(wanted), 200)
            for more in ([], ["--where", "price > 0"], ["--tile-rows", "5", "--threads", "1"]):
                _, trades = self.backtest(*more, tape="some.parquet", strategy=strategy, keys=["k"])
                self.assertEqual(trades, wanted, (reset, groups, statistics, more))
            for row in (1, 82, 333, 397, 700, 699, 1000, 1450, 2999):  # two begin a page inside of a row group of one day
                bad = list(times)
                bad[row] = bad[row - 1] - 1
                write(bad)
                said = execute("backtest", strategy, "--in", path, "--profile", "tick", codes=(4,)).stderr
                self.assertIn("row %d: its time comes before" % row, said, (reset, groups, statistics))
            half = min(groups, 700)
            write([t + (2 * day if i < half else 0) for i, t in enumerate(times[:half] + times[:rows - half])])  # a later day first
            said = execute("backtest", strategy, "--in", path, "--profile", "tick", codes=(4,)).stderr
            self.assertIn("row %d: its time comes before" % half, said, (reset, groups, statistics))

    def test_first_wrong_row(self):
        """Of several wrong rows the first is told, though times are looked at last."""
        day = 86400 * 10**9
        strategy = self.write("s.loom", "stream by k order by t ties\ninput price\nenter long when price > 1\nexit long when price < 1\n")
        for row, times in ((1, [2, None, 4, 5, -9, -8, -7, -6]), (2, [2, 5, 3, 6, -day, 1, 2, 3]), (4, [0, 5, 6, 9, 1, 7, 8, 8, 9, None, day, day + 1]),
                           (5, [0, 5, 6, 9, 9, 7, 10, 11, day - 1, day, 3, 4])):
            pq.write_table(pa.table({"k": [1] * len(times), "t": [None if t is None else 2 * day + t for t in times], "price": [100.0] * len(times)}),
                           self.path("some.parquet"), row_group_size=4)
            done = execute("backtest", strategy, "--in", self.path("some.parquet"), "--profile", "tick", codes=(4,))
            self.assertIn("row %d: its time" % row, done.stderr)

    def test_statistics_that_lie(self):
        """Whoever says that all rows have one day is not believed when one has not."""
        day, path = 86400 * 10**9, self.path("some.parquet")
        times = [day + i for i in range(50)] + [2 * day + i for i in range(50)]
        pq.write_table(pa.table({"k": [1] * 100, "t": times, "price": [100 + i % 7 for i in range(100)]}), path)
        with open(path, "rb") as file:
            data = file.read()
        footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        said, lie = times[-1].to_bytes(8, "little"), times[49].to_bytes(8, "little")
        self.assertIn(said, data[footer:])
        with open(path, "wb") as file:
            file.write(data[:footer] + data[footer:].replace(said, lie))
        strategy = self.write("s.loom", "stream by k order by t ties\nreset each day\ninput price\nenter long when price > 104\nexit long when price < 102\n")
        done = execute("backtest", strategy, "--in", path, "--profile", "tick", codes=(4,))
        self.assertRegex(done.stderr, "row (50|99): its time lies outside of what the statistics")

    def test_keys_of_any_form(self):
        """Keys that are runs, packed, plain, missing in some rows or in a whole file; streams of a few rows and of many."""
        rng = random.Random(5)
        strategy = self.write("s.loom", "stream by a, b order by t ties\ninput price\nenter long when price > 104\nexit long when price < 102\n")
        for lengths in ((1, 3), (1, 400), (500, 3000)):
            tables = []
            for file in range(2):
                keys = [(a, b) for a in ["x%03d" % (i + 100 * file) for i in range(6)] + ([None] if file else []) for b in ([1.5, 2.5, 7.0] if file == 0 else [None])]
                rows = [(a, b, t, 100 + rng.randrange(53) / 10) for a, b in keys for t in range(rng.randint(*lengths))]
                tables.append(rows)
            wanted = []
            for rows in tables:
                for key, stream in itertools.groupby(rows, lambda r: r[:2]):
                    wanted += [(*key, *t[1:]) for t in self.simple_trades([(0, t, price) for _, _, t, price in stream], False)]
            order = lambda trades: sorted(map(repr, trades))
            for layout in (dict(), dict(use_dictionary=False), dict(row_group_size=61, data_page_size=64), dict(data_page_version="2.0", data_page_size=100),
                           dict(dictionary_pagesize_limit=20, data_page_size=64, write_batch_size=16), "ours"):
                folder = self.path("keys")
                shutil.rmtree(folder, ignore_errors=True)
                os.mkdir(folder)
                for file, rows in enumerate(tables):
                    columns = dict(zip(("a", "b", "t", "price"), map(list, zip(*rows))))
                    if file == 1:
                        del columns["b"]
                    pq.write_table(pa.table(columns), os.path.join(folder, "%d.parquet" % file), **({} if layout == "ours" else layout))
                if layout == "ours":
                    execute("rewrite", folder, self.path("ours"), "--force")
                _, trades = self.backtest(tape="ours" if layout == "ours" else "keys", strategy=strategy, keys=["a", "b"])
                self.assertEqual(order(trades), order(wanted), (lengths, layout))

    def test_types_that_disagree(self):
        """A later file whose column is of another kind is named, not misread."""
        text = "stream by k order by t ties\ninput price\nenter long when price > 1\nexit long when price < 1\n"
        strategy, folder = self.write("s.loom", text), self.path("some")
        os.mkdir(folder)
        fine = {"k": [1] * 9, "t": list(range(9)), "price": [1.0] * 9}
        pq.write_table(pa.table(fine), os.path.join(folder, "a.parquet"))
        for column, values in (("k", ["x"] * 9), ("k", [2.5] * 9), ("k", [[1]] * 9), ("t", ["x"] * 9), ("t", pa.array(range(9), pa.int32())), ("t", [[1]] * 9),
                               ("price", ["x"] * 9), ("price", [[1.0]] * 9)):
            pq.write_table(pa.table({**fine, "k": [2] * 9, column: values}), os.path.join(folder, "b.parquet"))
            done = execute("backtest", strategy, "--in", folder, "--profile", "tick", codes=(4,))
            self.assertIn("b.parquet: column " + column, done.stderr)

    def test_mixed_forms(self):
        """Codes, then values where a dictionary has grown too large; many entries; NaN and infinities among them; lanes of both forms side by side."""
        rows, streams = 30000, 5
        table = {"k": [], "t": [], "price": [], "bid": []}
        for k in range(streams):
            for i in range(rows):
                table["k"].append(k)
                table["t"].append(i)
                table["price"].append(100.0 + (i * 31 + k) % 97 if (i // 3000 + k) % 2 else 100.0 + (i * 7919 % 100003) / 1000)
                table["bid"].append(None if i % 11 == 0 else float("nan") if i % 13 == 0 else float("inf") if i % 17 == 0 else 99.0 + i % 50)
        strategy = self.write("s.loom", "stream by k order by t ties\ninput price, bid\nenter long when price > 150 and bid + 0 > 100\nexit long when price < 110\n")
        wanted = []
        for k in range(streams):
            entry = None
            for i in range(k * rows, (k + 1) * rows):
                price, bid = table["price"][i], table["bid"][i]
                enters = price > 150 and bid is not None and bid == bid and abs(bid) != float("inf") and bid > 100
                exits, last, first = price < 110, i == (k + 1) * rows - 1, i == k * rows
                if entry is None and enters and not exits and not first:
                    entry = price
                    if not last:
                        continue
                if entry is not None and (exits or last):
                    wanted.append((k, table["t"][i], entry, price))
                    entry = None
        self.assertGreater(len(wanted), 1000)
        for dictionary, limit, groups in ((True, 1 << 20, 70000), (True, 20000, 70000), (True, 4000, 7000), (False, 1, 50000)):
            pq.write_table(pa.table(table), self.path("mixed.parquet"), use_dictionary=dictionary, dictionary_pagesize_limit=limit, data_page_size=9000, row_group_size=groups)
            for more, isa in itertools.product((["--tile-rows", "7"], ["--memory-map-threshold-mb", "1"]), instruction_sets()):
                _, trades = self.backtest(*more, tape="mixed.parquet", strategy=strategy, keys=["k"], env={"TICKLOOM_ISA": isa})
                self.assertEqual(sorted((t[0], t[2], t[3], t[4]) for t in trades), sorted(wanted), (dictionary, limit, more, isa))

    def test_params(self):
        partitions, _ = self.market(27)
        counts = set()
        for fast, slow in ((7, 21), (5, 30), (3, 10), (20, 21)):
            wanted = oracle.trades(partitions, fast, slow)
            counts.add(len(wanted))
            self.assertTrades(wanted, "--param", "fast=%d" % fast, "--param", "slow=%d" % slow)
        self.assertGreater(len(counts), 2)
        execute("backtest", STRATEGY, "--in", self.path("tape"), "--profile", "tick", "--param", "quick=7", codes=(2,))

    def test_sums(self):
        partitions, _ = self.market(28)
        wanted = oracle.trades(partitions)
        record = self.assertTrades(wanted, "--by", "contract")
        key = lambda b: (b["underlying"], datetime.date.fromisoformat(b["expiry"]), b["opt_type"], float(b["strike"]))
        got = {key(b): (b["trades"], b["pnl"]) for b in record["by"] if b["trades"]}
        self.assertEqual(got, oracle.by_contract(wanted))
        record = self.assertTrades(wanted, "--by", "day")
        got = {datetime.date.fromisoformat(b.get("date") or b.get("day")): (b["trades"], b["pnl"]) for b in record["by"] if b["trades"]}
        self.assertEqual(got, oracle.by_day(wanted))
        self.assertGreater(len(got), 2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
