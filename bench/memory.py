"""Is --memory kept, and is what the plan says true? And what does it cost to put scattered rows together?

  memory.py TICKLOOM [--quick] [--only TEXT] [--json OUT]

Makes inputs of many shapes (few and many streams, short and long, files of other writers with row groups and pages of every size, rows
by date), runs definitions over them under several limits and prints one line for each run: what was planned, what was resident, and

  OVER   more was resident than the limit           LOW   more was resident than planned
  HIGH   twice of what was resident was planned     LATE  refused for want of memory, but only after files were begun
  SLOW   more than 2.5 times of sorted input        CODE  neither done (0) nor refused (5), or another code than was expected

Resident is what the record says; where there is none, what the system says of the ended process, which is at least what this script
itself takes (so it stays small: pyarrow is used by a process of its own, the Python of --python, this one, or the one in build-peers).
Without it the inputs of other writers are left out. Times are the least of some runs; on a busy machine compare processor
times. Files lie in memory where /dev/shm has room, and go in the end. The exit code is 1 when a line has a mark other than HIGH.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIRST = HERE.parent / "features" / "first.loom"
PEER = HERE.parent / "build-peers" / "bin" / "python"
SLOWEST = 2.5
MB = 1000 * 1000


# ---- definitions ----

HEAD = "stream by ticker order by date\ninput open, high, low, close, volume\n"


def windows(n):
    """Windows so long that their state, not the rows, takes the memory."""
    lines = [f"feature mean_long = mean(close, {n})", f"feature stddev_long = stddev(close, {n})", f"feature max_long = max(high, {n})",
             f"feature beta_long = beta(close, open, {n})", f"feature lag_long = close / lag(close, {n})"]
    return HEAD + "\n".join(lines) + "\n"


def wide():
    kinds = ("mean(close, {})", "stddev(high, {})", "close / lag(close, {})", "max(high, {})", "ema(volume, {})")
    return HEAD + "".join(f"feature f{i:03} = {kinds[i % len(kinds)].format(2 + i)}\n" for i in range(200))


def labels():
    return HEAD + ("feature r = pct_change(close)\nlabel week = lead(close, 5) / close - 1\nlabel year = lead(close, 252) / close - 1\n"
                     "label far = lead(close, 20000) / close - 1\n")


DEFINITIONS = {"windows": lambda: windows(100000), "endless": lambda: windows(5000000), "wide": wide, "labels": labels}


# ---- inputs; functions with pyarrow run in a process of their own ----

def generate(tickloom, out, tickers, rows):
    subprocess.run([tickloom, "generate", "daily", "--tickers", str(tickers), "--rows", str(rows), "--seed", "1", "--out", out],
                   check=True, stdout=subprocess.DEVNULL)


def market_table(source):
    """All rows of a market as one table, sorted by ticker, then date."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    files = sorted(Path(source).glob("*.parquet"))
    tables = [pq.read_table(f) for f in files]
    sizes = [t.num_rows for t in tables]
    codes = pa.array([i for i, n in enumerate(sizes) for _ in range(n)], pa.int32())
    names = pa.DictionaryArray.from_arrays(codes, pa.array([f.stem for f in files]))
    return pa.concat_tables(tables).combine_chunks().add_column(0, "ticker", names)


def make_sorted(source, out):
    import pyarrow.parquet as pq
    os.mkdir(out)
    pq.write_table(market_table(source), f"{out}/all.parquet")


def by_date(source):
    return market_table(source).sort_by("date").combine_chunks()  # stable: tickers stay sorted within a date


def make_dates(source, out, days=1):
    """A file for so many days, of all tickers; 0: one file."""
    import numpy as np
    import pyarrow.parquet as pq
    os.mkdir(out)
    table = by_date(source)
    if days == 0:
        pq.write_table(table, f"{out}/all.parquet")
        return
    date = table["date"].cast("int32").to_numpy()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(date)) + 1])[::days]
    for i, (a, b) in enumerate(zip(starts, np.append(starts[1:], len(date)))):
        pq.write_table(table.slice(a, b - a), f"{out}/d{i:05}.parquet")


def make_shuffled(source, out):
    """Row groups of 997 rows by ticker, in any order."""
    import random
    import pyarrow.parquet as pq
    os.mkdir(out)
    table = market_table(source)
    starts = list(range(0, table.num_rows, 997))
    random.Random(1).shuffle(starts)
    with pq.ParquetWriter(f"{out}/all.parquet", table.schema) as writer:
        for a in starts[:5000]:
            writer.write_table(table.slice(a, 997), row_group_size=997)


def long_table(rows, streams):
    import numpy as np
    import pyarrow as pa
    n = rows // streams
    rng = np.random.default_rng(1)
    close = 100 + np.cumsum(rng.standard_normal(n * streams)) * 1e-3
    codes = np.repeat(np.arange(streams, dtype=np.int32), n)
    names = pa.array([f"T{i:05}" for i in range(streams)])
    start = np.tile(np.arange(n, dtype=np.int64), streams) * 60_000_000 + 946_684_800_000_000
    return pa.table({"ticker": pa.DictionaryArray.from_arrays(pa.array(codes), names), "date": pa.array(start, pa.timestamp("us")),
                     "open": close, "high": close + 0.5, "low": close - 0.5, "close": close + 0.1,
                     "volume": rng.integers(0, 1 << 30, n * streams)})


def make_foreign(out, rows, streams, groups="one", page=0, columns=0, codec="snappy", plain=False):
    """Written by another library: row groups of any size (one: all rows), pages of any size, columns that nobody reads."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    os.mkdir(out)
    table = long_table(rows, streams)
    for i in range(columns):
        table = table.append_column(f"unused{i:03}", pa.array(np.full(table.num_rows, i, np.float64)))
    options = {"row_group_size": table.num_rows if groups == "one" else groups, "compression": codec, "use_dictionary": not plain}
    if page:
        options.update(data_page_size=page, max_rows_per_page=table.num_rows, write_batch_size=table.num_rows)
    try:
        pq.write_table(table, f"{out}/all.parquet", **options)
    except TypeError:
        options.pop("max_rows_per_page")
        pq.write_table(table, f"{out}/all.parquet", **options)


MAKERS = {f.__name__: f for f in (make_sorted, make_dates, make_shuffled, make_foreign)}


# ---- running ----

class Bench:
    def __init__(self, options):
        self.options, self.results, self.marked, self.made = options, [], False, {}
        self.python = next((p for p in (options.python, sys.executable, PEER) if p and has_pyarrow(p)), None)
        self.work = Path(tempfile.mkdtemp(prefix="memory_", dir=options.folder or folder()))
        for name, text in DEFINITIONS.items():
            (self.work / f"{name}.loom").write_text(text())

    def make(self, name, maker, *args, **more):
        """The input of that name; None when it cannot be made here."""
        if name in self.made:
            return self.made[name]
        path = self.work / name
        if maker == "generate":
            generate(str(self.options.tickloom), str(path), *args)
        elif self.python is None:
            path = None
        else:
            call = json.dumps({"maker": maker, "args": [str(a) if isinstance(a, Path) else a for a in args], "more": more, "out": str(path)})
            subprocess.run([str(self.python), __file__, "--make", call], check=True)
        self.made[name] = path
        return path

    def drop(self, *names):
        for name in names:
            path = self.made.pop(name, None)
            if path:
                shutil.rmtree(path, ignore_errors=True)

    def once(self, definition, path, memory, threads):
        out = self.work / "out"
        text, errors = self.work / "record.json", self.work / "errors.txt"
        loom = FIRST if definition == "first" else self.work / f"{definition}.loom"
        command = [self.options.tickloom, "features", loom, "--in", path, "--out", out, "--json", "--quiet", "--memory", f"{memory}MB", "--threads", threads]
        if definition == "first" and not path.name.startswith(("market", "short", "own")):  # else the market is a stream of the input
            command += ["--side", f"spy={self.side}"]
        command = [str(c) for c in command]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [(os.POSIX_SPAWN_OPEN, 1, str(text), flags, 0o600), (os.POSIX_SPAWN_OPEN, 2, str(errors), flags, 0o600)]
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
        code = os.waitstatus_to_exitcode(status)
        begun = out.exists() and any(out.rglob("*.parquet"))
        shutil.rmtree(out, ignore_errors=True)
        record = json.loads(text.read_text()) if code in (0, 1) else {}
        memory_of = record.get("memory", {})
        return {"code": code, "wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "planned": memory_of.get("planned"),
                "allocated": memory_of.get("peak_allocated"), "resident": memory_of.get("peak_resident") or usage.ru_maxrss * 1024,
                "threads_used": record.get("threads"), "spilled": record.get("spilled_bytes"), "rows": record.get("rows"), "begun": begun,
                "time": record.get("time"), "said": errors.read_text().strip()}

    def run(self, shape, path, memory, threads, definition="first", layout="", expected=(0, 5), base=None, repeat=1):
        if path is None:
            print(f"SKIPPED: {shape} {layout}: no pyarrow", flush=True)
            return None
        if self.options.only and self.options.only not in f"{shape} {definition} {layout}":
            return None
        best = None
        for _ in range(repeat):
            r = self.once(definition, path, memory, threads)
            if best is not None:
                r = {**r, **{k: min(best[k], r[k]) for k in ("wall_s", "cpu_s")}, "resident": max(best["resident"], r["resident"])}
            best = r
        best.update(shape=shape, layout=layout, definition=definition, memory=memory, threads=threads, marks=[])
        limit, marks = memory * MB, best["marks"]
        if best["code"] not in expected:
            marks.append("CODE")
        if best["resident"] > limit:
            marks.append("OVER")
        if best["planned"] is not None and best["planned"] < best["resident"]:
            marks.append("LOW")
        if best["planned"] is not None and best["planned"] > 2 * best["resident"]:
            marks.append("HIGH")
        if best["code"] == 5 and best["begun"]:
            marks.append("LATE")
        if base:
            best["ratio"] = {k: best[k] / base[k] for k in ("wall_s", "cpu_s")}
            if best["ratio"]["wall_s"] > SLOWEST and best["ratio"]["cpu_s"] > SLOWEST:
                marks.append("SLOW")
        self.marked |= bool(set(marks) - {"HIGH"})
        self.results.append(best)
        self.show(best)
        return best

    def show(self, r):
        rows = f"{r['rows']:>10,}" if r["rows"] else " " * 10
        planned = f"{r['planned'] / MB:7.1f}" if r["planned"] else "      -"
        allocated = f"{r['allocated'] / MB:7.1f}" if r["allocated"] else "      -"
        times = f"{r['ratio']['wall_s']:5.2f} {r['ratio']['cpu_s']:5.2f}" if "ratio" in r else " " * 11
        said = f"  {r['said'].splitlines()[-1][:110]}" if r["code"] not in (0,) and r["said"] else ""
        print(f"{r['shape']:14} {r['layout']:12} {r['definition']:8} {rows} {r['memory']:5} {r['threads']:3} {planned} {allocated} {r['resident'] / MB:7.1f} "
              f"{r['resident'] / r['memory'] / MB:5.2f} {r['wall_s']:7.2f} {r['cpu_s']:7.2f} {times} {r['code']:3} {' '.join(r['marks'])}{said}", flush=True)


def has_pyarrow(python):
    if not Path(python).exists():
        return False
    done = subprocess.run([str(python), "-c", "import pyarrow.parquet, numpy"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def folder():
    shared = Path("/dev/shm")
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > 10e9 else Path(tempfile.gettempdir())


# ---- what is measured ----

def over(bench, shape, path, definition="first", layout="", memories=None, threads=None, **more):
    for memory in memories or bench.memories:
        for count in threads or bench.threads:
            bench.run(shape, path, memory, count, definition=definition, layout=layout, **more)


def streams(bench, scale):
    over(bench, "10 short", bench.make("short10", "generate", 10, 50))
    over(bench, "10,000 short", bench.make("short10000", "generate", 10000, 50))
    over(bench, "10 long", bench.make("long10", "generate", 10, 2000000 // scale))
    bench.drop("long10")
    over(bench, "1 long", bench.make("long1", "generate", 1, 10000000 // scale))
    bench.drop("long1", "short10", "short10000")
    own = bench.make("own_side", "generate", 2, 2000000)  # a side is in memory as a whole, or refused
    over(bench, "2, long side", own, memories=[bench.memories[0], bench.memories[-1]], threads=[2])
    bench.drop("own_side")


def definitions(bench, scale):
    """What takes memory beside rows: the state of windows, many results, rows that wait for what lies ahead."""
    tenth = 10 if scale == 1 else 20
    shapes = {"10 short": (10, 50), "400 middle": (400 // scale + 10, 5000), "10 long": (10, 2000000 // tenth), "1 long": (1, 10000000 // tenth)}
    for shape, (tickers, rows) in shapes.items():
        path = bench.make("definitions", "generate", tickers, rows)
        for definition in ("labels", "windows", "wide"):
            over(bench, shape, path, definition=definition, memories=[bench.memories[0], bench.memories[-1]], threads=[2])
        bench.drop("definitions")
    path = bench.make("definitions", "generate", 2, 5000000)
    over(bench, "2 long", path, definition="endless", memories=[64], threads=[2], expected=(5,))
    bench.drop("definitions")


def foreign(bench, scale):
    rows = 10000000 // scale
    cases = {
        "one group": {"streams": 1},
        "one group 1k": {"streams": 1000},
        "huge page": {"streams": 1, "page": 1 << 30, "plain": True},
        "huge page 0": {"streams": 1, "page": 1 << 30, "plain": True, "codec": "none"},
        "huge page 10k": {"streams": 10000, "page": 1 << 30, "plain": True},
        "10k dict": {"streams": 10000, "groups": 1 << 20},
        "5,000 groups": {"streams": 100, "groups": 2000 // scale},
        "300 columns": {"streams": 100, "columns": 300, "groups": 100000 // scale},
        "long footer": {"streams": 100, "columns": 300, "groups": 200},
    }
    for layout, more in cases.items():
        count = rows // 10 if layout == "300 columns" else 400000 if layout == "long footer" else rows
        path = bench.make(layout.replace(" ", "_").replace(",", ""), "make_foreign", count, more.pop("streams"), **more)
        over(bench, "foreign", path, layout=layout, threads=[2])
        bench.drop(layout.replace(" ", "_").replace(",", ""))


def layouts(bench, tickers, rows):
    shape = f"{tickers} x {rows}"
    market = bench.make("market", "generate", tickers, rows)
    kinds = {"sorted": ("make_sorted",), "a day": ("make_dates", 1), "20 days": ("make_dates", 20), "by date, one": ("make_dates", 0),
             "groups": ("make_shuffled",)}
    for memory in bench.layout_memories:
        base = bench.run(shape, market, memory, 2, layout="a ticker", repeat=bench.repeat)
        for layout, (maker, *args) in kinds.items():
            name = "market_" + layout.replace(" ", "_").replace(",", "")
            path = bench.make(name, maker, market, days=args[0]) if args else bench.make(name, maker, market)
            r = bench.run(shape, path, memory, 2, layout=layout, base=base, repeat=bench.repeat)
            if layout == "sorted" and r and (base is None or r["wall_s"] < base["wall_s"]):
                base = r
    for definition in ("labels", "windows") + (("wide",) if tickers * rows < 2000000 else ()):
        over(bench, shape, bench.made.get("market_a_day"), definition=definition, layout="a day", memories=[bench.memories[0], bench.memories[-1]], threads=[2])
    over(bench, shape, bench.made.get("market_a_day"), layout="a day", threads=[1, 8])
    bench.drop("market", *("market_" + k.replace(" ", "_").replace(",", "") for k in kinds))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tickloom", type=Path, nargs="?")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows and fewer combinations: about a minute")
    parser.add_argument("--only", help="runs whose shape, definition or layout has this text")
    parser.add_argument("--group", choices=("streams", "definitions", "foreign", "layouts"), action="append", help="only these groups")
    parser.add_argument("--repeat", type=int, default=2, help="runs of a layout, of which the least time counts")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--python", type=Path, help="a Python that has pyarrow")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--make", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        call = json.loads(options.make)
        args = call["args"]
        if call["maker"] == "make_foreign":
            MAKERS[call["maker"]](call["out"], *args, **call["more"])
        else:
            MAKERS[call["maker"]](args[0], call["out"], **call["more"])
        return 0
    if options.tickloom is None:
        parser.error("which tickloom?")
    bench = Bench(options)
    bench.memories, bench.threads = ([64, 256], [1, 8]) if options.quick else ([64, 128, 256], [1, 2, 8])
    bench.layout_memories, bench.repeat = ([256], 1) if options.quick else ([256, 64], options.repeat)
    groups = options.group or ["streams", "definitions", "foreign", "layouts"]
    scale = 10 if options.quick else 1
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} processors; this script takes {own / MB:.0f} MB, so less of a run is not seen\n")
    print(f"{'shape':14} {'layout':12} {'defin.':8} {'rows':>10} {'limit':>5} {'thr':>3} {'plan MB':>7} {'allocMB':>7} {'res. MB':>7} {'ratio':>5} "
          f"{'wall s':>7} {'CPU s':>7} {'wall':>5} {'CPU':>5} {'exit':>4} marks   (wall, CPU: times of sorted input)")
    try:
        bench.side = bench.make("side", "generate", 1, 5000)
        if "streams" in groups:
            streams(bench, scale)
        if "definitions" in groups:
            definitions(bench, scale)
        if "foreign" in groups:
            foreign(bench, scale)
        if "layouts" in groups:
            layouts(bench, 2000 // scale, 5000)
            if not options.quick:
                layouts(bench, 10000, 1000)
        if options.json:
            options.json.write_text(json.dumps({"load": os.getloadavg()[0], "runs": bench.results}, indent=1) + "\n")
    finally:
        shutil.rmtree(bench.work, ignore_errors=True)
    marked = [r for r in bench.results if r["marks"]]
    print(f"\n{len(bench.results)} runs, {len(marked)} with marks")
    return 1 if bench.marked else 0


sys.exit(main())
