"""How fast Parquet files are read: the sum of every column of 10 million option ticks, ours beside DuckDB, polars and pyarrow.

  parquet.py TICKLOOM [--rows 10000000] [--quick] [--json OUT] [--only PART ...]

Ticks are made from a seed and written by DuckDB (pages of both versions, with and without zstd), and by us (profiles compact and fast).
Every reader then sums all columns on one thread. What counts is processor time, the least of several runs: of tickloom that of the
whole process, of the others that of the query alone, after their import. Limits come from the same run: bench-codec reads and
decompresses all pages, and decodes nothing. Sums must agree: integers exactly (of 64 bits, where a reader's sum has no more), doubles to
a part in 10^12.

A process of ours takes about 2 ms to start, which is 0.2 ns a row of 10 million, and 2 ns with --quick.

The other parts: two threads, lesser instruction sets, footers of a thousand columns, slices of a thousand rows. The goals stand in the
tables. Exit code 1 when sums differ; a goal that is missed is only said.
"""
import argparse
import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = ("timestamp", "price", "bid", "ask", "volume", "open_interest")
READERS = {"duckdb": "DuckDB", "polars": "polars", "streaming": "polars streaming", "pyarrow": "pyarrow, table", "batches": "pyarrow, batches"}
FILES = {  # name: how DuckDB or we write it, and by how much the best of the others is to be beaten
    "V1 + zstd": (("V1", "zstd"), 1.1),
    "V2 + zstd": (("V2", "zstd"), 1.5),
    "V1 none": (("V1", "uncompressed"), 1.25),
    "V2 none": (("V2", "uncompressed"), 1.25),
    "ours compact": ("compact", None),
    "ours fast": ("fast", None),
}
BEYOND_CODEC_NS = 3.5
LEAST_RATE = {"V1 none": 200, "V2 none": 200, "ours fast": 200}
TWO_THREADS = 0.6
FOOTER_MS_PER_MB, SMALL_FOOTER_MS = 2.0, 1.0
SLICE_ROWS, SLICE_TIMES, SLICE_MORE = 1000, 2.0, 300_000


# ---- the data ----

def make_ticks(rows):
    """Columns by name, contract after contract: times of random distance, prices that walk in steps of 0.05, sizes in lots."""
    import numpy as np
    rng = np.random.default_rng(7)
    each = min(20_000, rows)
    shape = (-(-rows // each), each)
    start = 1_764_042_300_000_000 + np.arange(shape[0])[:, None] % 5 * 86_400_000_000
    columns = {"timestamp": start + rng.exponential(22_500_000_000 / each, shape).astype(np.int64).cumsum(axis=1)}
    step = rng.choice(np.arange(-3, 4), shape, p=[.03, .07, .15, .5, .15, .07, .03])
    tick = np.abs(step.cumsum(axis=1) + rng.integers(200, 8_000, (shape[0], 1))) + 2
    half = rng.choice([1, 2, 3], shape, p=[.7, .2, .1])
    columns["price"] = np.round(tick * 0.05, 2)
    columns["bid"] = np.round((tick - np.minimum(half, tick - 1)) * 0.05, 2)
    columns["ask"] = np.round((tick + half) * 0.05, 2)
    columns["volume"] = 75 * rng.geometric(0.25, shape)
    change = rng.random(shape) < 0.01
    columns["open_interest"] = 1_000_000 + 75 * np.where(change, rng.integers(-200, 200, shape), 0).cumsum(axis=1)
    return {name: columns[name].reshape(-1)[:rows] for name in COLUMNS}


def make_files(folder, rows, tickloom):
    paths = {name: folder / (name.replace(" ", "_").replace("+_", "") + ".parquet") for name in FILES}
    if all(path.exists() for path in paths.values()):
        return paths
    import duckdb
    import pyarrow
    con = duckdb.connect()
    con.register("ticks", pyarrow.table(make_ticks(rows)))
    for name, (how, _) in FILES.items():
        if isinstance(how, tuple):
            con.sql(f"copy ticks to '{paths[name]}' (format parquet, parquet_version {how[0]}, codec '{how[1]}')")
        else:
            run([tickloom, "rewrite", paths["V1 none"], paths[name], "--profile", how, "--force"])
    return paths


def make_wide(path, columns, groups):
    import numpy as np
    import pyarrow
    import pyarrow.parquet
    rng = np.random.default_rng(1)
    table = pyarrow.table({f"c{i}": rng.random(10 * groups) for i in range(columns)})
    pyarrow.parquet.write_table(table, path, row_group_size=10, use_dictionary=False, compression="zstd")


# ---- running ----

def run(command, env=None):
    """Wall and processor seconds, and what it printed."""
    start = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
    text = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {child.returncode}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, text


def least(runs, repeat):
    """The least of each time, and the last text."""
    done = [runs() for _ in range(repeat)]
    return min(d[0] for d in done), min(d[1] for d in done), done[-1][2]


def tickloom_sums(text):
    return {name: column["sum"] for name, column in json.loads(text)["columns"].items()}


def in_64_bits(value):
    return ctypes.c_int64(value).value if isinstance(value, int) else value


# ---- the others, each in a process of its own ----

def query_of(reader, path, columns):
    """A function that gives the sums of the columns."""
    if reader == "duckdb":
        import duckdb
        con = duckdb.connect(config={"threads": 1})
        sums = ", ".join(f'sum("{c}")' for c in columns)
        return lambda: con.sql(f"select {sums} from read_parquet('{path}')").fetchall()[0]
    if reader in ("polars", "streaming"):
        import polars
        engine = "in-memory" if reader == "polars" else "streaming"
        return lambda: polars.scan_parquet(path).select(polars.col(columns).sum()).collect(engine=engine).row(0)
    import pyarrow
    import pyarrow.compute as pc
    import pyarrow.dataset
    import pyarrow.parquet
    pyarrow.set_cpu_count(1)
    if reader == "pyarrow":
        def table():
            t = pyarrow.parquet.read_table(path, columns=columns, use_threads=False)
            return [pc.sum(t[c]).as_py() for c in columns]
        return table

    def batches():
        parts = [[pc.sum(b.column(i)) for i in range(len(columns))]
                 for b in pyarrow.dataset.dataset(path).scanner(columns=columns, use_threads=False).to_batches()]
        return [pc.sum(pyarrow.array([p[i].as_py() for p in parts])).as_py() for i in range(len(columns))]
    return batches


def be_peer(reader, path, repeat, columns):
    query, times = query_of(reader, path, columns), []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        sums = query()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    json.dump({"wall_s": min(t[0] for t in times), "cpu_s": min(t[1] for t in times),
               "sums": dict(zip(columns, sums))}, sys.stdout)


def peer(reader, path, repeat, columns):
    command = [sys.executable, __file__, "--peer", reader, path, str(repeat), *columns]
    return json.loads(run(command, {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"})[2])


# ---- scans ----

class Scan:
    """All readers over one file."""

    def __init__(self, bench, name):
        self.bench, self.name, self.path = bench, name, bench.paths[name]
        self.rows, self.results = bench.options.rows, {}

    def tickloom(self, threads=1, isa=None):
        command = [self.bench.tickloom, "stats", self.path, "--only", "sum", "--threads", threads, "--json"]
        return least(lambda: run(command, {"TICKLOOM_ISA": isa} if isa else None), self.bench.repeat)

    def add(self, reader, wall, cpu, sums=None):
        self.results[reader] = {"wall_s": wall, "cpu_s": cpu, "ns": cpu / self.rows * 1e9, "rate": self.rows / cpu / 1e6}
        if sums is not None:
            self.bench.compare(self.name, reader, sums)
        print(f"{self.name:13} {reader:18} {self.rows / cpu / 1e6:8.1f} {cpu / self.rows * 1e9:8.2f} {wall:8.3f} {cpu:8.3f}", flush=True)

    def measure(self):
        limit = json.loads(run([self.bench.codec, self.path])[2])
        for kind, key in (("codec, in memory", "memory_s"), ("codec, pread", "pread_s")):
            self.add(kind, limit[key], limit[key])
        wall, cpu, text = self.tickloom()
        self.bench.truth = self.bench.truth or tickloom_sums(text)
        self.add("tickloom", wall, cpu, tickloom_sums(text))
        wall, cpu, text = self.tickloom(threads=2)
        self.add("tickloom, 2 thr.", wall, cpu, tickloom_sums(text))
        for isa in ("avx2", "baseline"):
            wall, cpu, text = self.tickloom(isa=isa)
            self.add(f"tickloom, {isa}", wall, cpu, tickloom_sums(text))
        for reader, title in READERS.items():
            got = peer(reader, self.path, self.bench.repeat, COLUMNS)
            self.add(title, got["wall_s"], got["cpu_s"], got["sums"])

    def bytes_read(self):
        """Of the file's bytes, how often each is read."""
        start = bytes_read([self.bench.tickloom, "version"])
        return (bytes_read([self.bench.tickloom, "stats", self.path, "--only", "sum", "--threads", 1]) - start) / self.path.stat().st_size

    def goals(self):
        r, beat = self.results, FILES[self.name][1]
        ours, codec = r["tickloom"], r["codec, in memory"]
        name, best = min(((t, r[t]) for t in READERS.values()), key=lambda kv: kv[1]["ns"])
        yield f"codec + {BEYOND_CODEC_NS} ns", f"{ours['ns']:.2f} ns of {codec['ns'] + BEYOND_CODEC_NS:.2f}", ours["ns"] <= codec["ns"] + BEYOND_CODEC_NS
        with_pread = r["codec, pread"]["ns"] + BEYOND_CODEC_NS
        yield "the same, with pread", f"{ours['ns']:.2f} ns of {with_pread:.2f}", ours["ns"] <= with_pread
        times = best["ns"] / ours["ns"]
        yield f"{beat or 1}x the best peer", f"{times:.2f}x {name}", times >= (beat or 1)
        if self.name in LEAST_RATE:
            yield f"{LEAST_RATE[self.name]} M rows/s", f"{ours['rate']:.0f}", ours["rate"] >= LEAST_RATE[self.name]
        share = r["tickloom, 2 thr."]["wall_s"] / ours["wall_s"]
        idle = os.getloadavg()[0] < 0.75 * os.cpu_count() or share <= TWO_THREADS  # our own measuring is one of them
        yield f"2 threads {TWO_THREADS}", f"{share:.2f} of the wall time of one", share <= TWO_THREADS if idle else None


# ---- footers and slices ----

def footers(bench):
    print(f"\n{'footer':24} {'reader':18} {'wall ms':>8} {'CPU ms':>8}")
    out = {}
    for groups in (1, 100):
        name, path = f"1,000 columns x {groups}", bench.folder / f"wide_{groups}.parquet"
        make_wide(path, 1000, groups)
        ours = json.loads(run([bench.codec, "--footer", path, "c500"])[2])
        print(f"{name:24} {'library, open':18} {ours['open_wall_ms']:8.2f} {ours['open_cpu_ms']:8.2f}")
        print(f"{name:24} {'library, and read':18} {ours['wall_ms']:8.2f} {ours['cpu_ms']:8.2f}")
        rows = {"library": ours}
        wall, cpu, _ = least(lambda: run([bench.tickloom, "stats", path, "--columns", "c500", "--only", "sum", "--threads", 1]), 9)
        rows["tickloom, process"] = {"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3}
        for reader, title in READERS.items():
            got = peer(reader, path, 9, ["c500"])
            rows[title] = {"wall_ms": got["wall_s"] * 1e3, "cpu_ms": got["cpu_s"] * 1e3}
        for title, r in list(rows.items())[1:]:
            print(f"{name:24} {title:18} {r['wall_ms']:8.2f} {r['cpu_ms']:8.2f}")
        goal = SMALL_FOOTER_MS if groups == 1 else FOOTER_MS_PER_MB * ours["footer"] / 1e6
        bench.say(name, f"footer of {ours['footer'] / 1e6:.1f} MB in {goal:.1f} ms", f"{ours['cpu_ms']:.2f} ms", ours["cpu_ms"] <= goal)
        out[name] = rows
    return out


def bytes_read(command):
    """Of the command, by what the system counts for children that have ended."""
    def count():
        return int(Path("/proc/self/io").read_text().split()[1])
    before = count()
    subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, check=True)
    return count() - before


def slices(bench):
    path = bench.folder / "sorted.parquet"
    run([bench.tickloom, "rewrite", bench.paths["V1 none"], path, "--sort", "timestamp"])
    first = bench.options.rows * 57 // 100
    last = first + SLICE_ROWS
    text = run([bench.tickloom, "cat", path, "--columns", "timestamp", "--rows", f"{first}..{last}", "--format", "csv"])[2].split()[1:]
    take = json.loads(run([bench.codec, "--slice", path, str(first), str(last)])[2])
    goal = SLICE_TIMES * sum(take.values()) + SLICE_MORE
    start = min(bytes_read([bench.tickloom, "version"]) for _ in range(3))
    print(f"\nslice: {SLICE_ROWS} rows of {path.stat().st_size / 1e6:.1f} MB take " + ", ".join(f"{v / 1e3:.1f} KB of {k}" for k, v in take.items()))
    out = {"takes": take}
    for name, more in {"rows": ["--rows", f"{first}..{last}"], "where": ["--where", f"timestamp between {text[0]} and {text[-1]}"]}.items():
        command = [bench.tickloom, "cat", path, "--format", "csv", "--threads", 1, *more]
        read = bytes_read(command) - start
        wall, cpu, got = least(lambda: run(command), 5)
        out[name] = {"bytes": read, "wall_s": wall, "cpu_s": cpu, "rows": got.count("\n") - 1}
        print(f"  {name:6} {out[name]['rows']} rows, {read / 1e3:.1f} KB read, {wall * 1e3:.1f} ms wall, {cpu * 1e3:.1f} ms CPU")
        bench.say(f"slice by {name}", f"at most {goal / 1e3:.0f} KB", f"{read / 1e3:.0f} KB", read <= goal)
    return out


# ---- all of it ----

class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.tickloom = options.tickloom.resolve()
        self.codec = self.tickloom.parent / "bench" / "bench-codec"
        self.repeat = 3 if options.quick else 5
        self.truth, self.wrong, self.said = None, [], []

    def compare(self, file, reader, sums):
        for column, truth in self.truth.items():
            got = sums[column]
            same = in_64_bits(int(got)) == in_64_bits(truth) if isinstance(truth, int) else abs(got - truth) <= 1e-12 * abs(truth)
            if not same:
                self.wrong.append(f"{file}: {reader}: sum of {column} is {got!r}, not {truth!r}")

    def say(self, what, goal, found, met):
        """met: None when it cannot be judged."""
        self.said.append({"what": what, "goal": goal, "found": found, "met": met})

    def scans(self):
        print(f"{'file':13} {'reader':18} {'M rows/s':>8} {'ns a row':>8} {'wall s':>8} {'CPU s':>8}")
        out = {}
        for name in FILES:
            scan = Scan(self, name)
            scan.measure()
            for goal in scan.goals():
                self.say(name, *goal)
            out[name] = {"bytes": self.paths[name].stat().st_size, "times_read": scan.bytes_read(), **scan.results}
            print(f"{name:13} every byte is read {out[name]['times_read']:.2f} times")
        return out

    def report(self):
        print("\ngoals")
        for s in self.said:
            verdict = {True: "met", False: "MISSED", None: "not judged: others use the processors"}[s["met"]]
            print(f"  {s['what']:22} {s['goal']:32} {s['found']:34} {verdict}")
        print("\nall sums agree" if not self.wrong else "\nWRONG\n  " + "\n  ".join(self.wrong))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tickloom", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, three runs of each")
    parser.add_argument("--only", choices=("scans", "footers", "slices"), action="append")
    parser.add_argument("--folder", type=Path, help="where files go, which then stay; those that are there are taken")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.rows = options.rows or (1_000_000 if options.quick else 10_000_000)
    if any(importlib.util.find_spec(m) is None for m in ("duckdb", "polars", "pyarrow", "numpy")):
        print("SKIPPED: duckdb, polars, pyarrow or numpy is not installed for this Python")
        return 0
    folder = options.folder or Path(tempfile.mkdtemp(prefix="parquet_bench_"))
    folder.mkdir(parents=True, exist_ok=True)
    bench, out = Bench(options, folder), {"rows": options.rows, "load": os.getloadavg()[0]}
    try:
        bench.paths = make_files(folder, options.rows, bench.tickloom)
        print(f"{options.rows:,} rows, load {out['load']:.2f}, {os.cpu_count()} processors; MB: "
              + ", ".join(f"{name} {path.stat().st_size / 1e6:.0f}" for name, path in bench.paths.items()) + "\n")
        for part, measure in {"scans": bench.scans, "footers": lambda: footers(bench), "slices": lambda: slices(bench)}.items():
            if part in (options.only or [part]):
                out[part] = measure()
        bench.report()
        out["goals"], out["wrong"] = bench.said, bench.wrong
        if options.json:
            options.json.write_text(json.dumps(out, indent=1, default=str) + "\n")
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"load at the end {os.getloadavg()[0]:.2f}")
    return 1 if bench.wrong else 0


if len(sys.argv) > 4 and sys.argv[1] == "--peer":
    be_peer(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
else:
    sys.exit(main())
