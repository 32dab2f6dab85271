"""From Parquet to Parquet: what a run of features/first.loom costs, by codec and encoding, and beside polars.

  end_to_end.py TICKLOOM [--quick] [--tickers 2000 --rows 5000] [--json OUT]

Generates the market, runs each combination, and prints one line for each: wall and processor time, ns and bytes a value, and where
the time went. Then polars_peer.py runs over the same market on the same machine, and ratios follow. A value is one feature of one
row. Of several runs the least of each time counts. Files lie in memory where /dev/shm has room (else, or with --folder, on a disk,
whose speed then decides what writing costs: 6 to 8 bytes a value, 200 million values a run). Every output is removed before
the next run. On a busy machine compare processor times, and repeat.
"""
import argparse
import importlib.util
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
DEFINITION = HERE.parent / "features" / "first.loom"
CODECS, ENCODINGS = ("none", "lz4", "zstd"), ("split", "plain")
PARTS = ("read", "decode", "compute", "encode", "write")

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("tickloom", type=Path)
arguments.add_argument("--tickers", type=int)
arguments.add_argument("--rows", type=int, default=5000)
arguments.add_argument("--quick", action="store_true", help="200 tickers")
arguments.add_argument("--repeat", type=int, help="runs of each combination (default 1, with --quick 3); the default options get three more")
arguments.add_argument("--folder", type=Path, help="where market and outputs go")
arguments.add_argument("--no-peer", action="store_true")
arguments.add_argument("--json", type=Path)
options = arguments.parse_args()
options.tickers = options.tickers or (200 if options.quick else 2000)
options.repeat = options.repeat or (3 if options.quick else 1)


def run(command, env=None):
    """Wall and processor time, and what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def folder():
    """Memory, if the market, two outputs and what else runs there fit."""
    shared = Path("/dev/shm")
    wanted = options.tickers * options.rows * 600
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > wanted else Path(tempfile.gettempdir())


def least(best, times):
    return times if best is None else {k: min(best[k], v) if k.endswith("_s") else v for k, v in times.items()}


def measure(work, threads, codec, encoding, float32, repeat):
    best, out = None, work / "out"
    for _ in range(repeat):
        shutil.rmtree(out, ignore_errors=True)
        command = [options.tickloom, "features", DEFINITION, "--in", work / "market", "--out", out, "--json"]
        command += ["--threads", threads, "--codec", codec, "--encoding", encoding] + (["--float32"] if float32 else [])
        wall, cpu, text = run(command)
        record = json.loads(text)
        times = {p + "_s": record["time"][p + "_s"] for p in PARTS}
        best = least(best, {
            "threads": threads, "codec": codec, "encoding": encoding, "float32": float32, "wall_s": wall, "cpu_s": cpu, **times,
            "values": record["rows"] * len(record["features"]), "bytes": record["bytes_written"], "peak_resident": record["memory"]["peak_resident"]})
    shutil.rmtree(out, ignore_errors=True)
    return best


def show(r):
    whole = sum(r[p + "_s"] for p in PARTS)
    shares = " ".join(f"{100 * r[p + '_s'] / whole:7.1f}" for p in PARTS)
    kind = "float" if r["float32"] else "double"
    print(f"{r['threads']:7} {r['codec']:5} {r['encoding']:6} {kind:6} {r['wall_s']:7.2f} {r['cpu_s']:7.2f} {r['wall_s'] / r['values'] * 1e9:8.2f} "
          f"{r['bytes'] / r['values']:7.2f} {shares} {r['peak_resident'] / 1e6:7.0f}", flush=True)


def table(work):
    heads = ["read %", "dec. %", "comp. %", "enc. %", "write %", "res. MB"]
    print(f"{'threads':>7} {'codec':5} {'encod.':6} {'type':6} {'wall s':>7} {'CPU s':>7} {'ns/value':>8} {'B/value':>7} " + " ".join(f"{h:>7}" for h in heads))
    results = []
    for threads in (1, 2):
        for float32 in (False, True):
            for codec in CODECS:
                for encoding in ENCODINGS:
                    default = (codec, encoding, float32) == ("lz4", "split", False)
                    results.append(measure(work, threads, codec, encoding, float32, options.repeat + (3 if default else 0)))
                    show(results[-1])
    return results


def of(results, threads, codec, encoding="split", float32=False):
    return next(r for r in results if (r["threads"], r["codec"], r["encoding"], r["float32"]) == (threads, codec, encoding, float32))


def compute_time(r):
    """Processor time that went to computing: on a busy machine the clock would count the others' work too."""
    return r["cpu_s"] * r["compute_s"] / sum(r[p + "_s"] for p in PARTS)


def peer(work, results):
    script = [sys.executable, HERE / "polars_peer.py", "--in", work / "market"]
    compute = json.loads(run(script + ["--no-write", "--way", "best", "--repeat", 2])[2])
    whole = None
    for _ in range(2):
        whole = least(whole, json.loads(run(script + ["--out", work / "peer", "--way", compute["way"]])[2]))
        shutil.rmtree(work / "peer")
    values = compute["values"]
    print(f"\npolars {compute['polars']}, 2 threads, best of loop, pool, over: {compute['way']} "
          f"({', '.join('%s %.1f s' % (t['way'], t['wall_s']) for t in compute['tried'])} on the first files)")
    for name, r in (("compute only", compute), ("whole, zstd", whole)):
        size = f", {r['bytes_written'] / values:.2f} B/value" if r.get("bytes_written") else ""
        print(f"  {name:13} {r['wall_s']:6.2f} s wall {r['cpu_s']:6.2f} s CPU {r['wall_s'] / values * 1e9:6.1f} ns/value wall {r['cpu_s'] / values * 1e9:6.1f} CPU{size}")
    ours = {"one": of(results, 1, "lz4"), "two": of(results, 2, "lz4"), "zstd": of(results, 2, "zstd")}
    ratios = {
        "compute, processor time (ours on 1 thread, with counting and checks)": compute["cpu_s"] / compute_time(ours["one"]),
        "whole, wall time, 2 threads each: our default (lz4) to polars' (zstd)": whole["wall_s"] / ours["two"]["wall_s"],
        "whole, wall time, 2 threads each: zstd to zstd": whole["wall_s"] / ours["zstd"]["wall_s"],
        "whole, processor time: our default to polars'": whole["cpu_s"] / ours["two"]["cpu_s"],
        "peak resident memory": whole["peak_resident"] / ours["two"]["peak_resident"],
    }
    print("\npolars / tickloom")
    for name, ratio in ratios.items():
        print(f"  {ratio:6.1f}  {name}")
    return {"compute": compute, "whole": whole, "ratios": ratios}


def main():
    work = Path(tempfile.mkdtemp(prefix="end_to_end_", dir=options.folder or folder()))
    out = {"tickers": options.tickers, "rows": options.rows, "load": os.getloadavg()[0]}
    try:
        market = work / "market"
        run([options.tickloom, "generate", "daily", "--tickers", options.tickers, "--rows", options.rows, "--seed", 1, "--out", market])
        run([options.tickloom, "features", DEFINITION, "--in", market, "--out", work / "out", "--quiet"])  # warm
        print(f"{options.tickers} tickers x {options.rows} rows, load {out['load']:.2f}, {os.cpu_count()} processors")
        out["runs"] = table(work)
        one, two = of(out["runs"], 1, "lz4"), of(out["runs"], 2, "lz4")
        print(f"\ndefault: {compute_time(one) / one['values'] * 1e9:.2f} ns a value to compute on one thread; two threads take "
              f"{two['wall_s'] / one['wall_s']:.2f} of the wall time of one")
        if options.no_peer:
            print("SKIPPED: polars (--no-peer)")
        elif importlib.util.find_spec("polars") is None:
            print("SKIPPED: polars is not installed for this Python; no ratios")
        else:
            out["peer"] = peer(work, out["runs"])
        if options.json:
            options.json.write_text(json.dumps(out, indent=1) + "\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
