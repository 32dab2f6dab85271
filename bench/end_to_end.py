"""From Parquet to Parquet: what a run of features/first.loom costs, by codec and encoding, and beside polars.

  end_to_end.py TICKLOOM [--quick] [--tickers 2000 --rows 5000] [--json OUT]

Generates the market, runs each combination, and prints one line for each: wall and processor time, ns and bytes a value, and where
the time went. Then polars_peer.py runs over the same market on the same machine, and ratios follow. A value is one feature of one
row. Of several runs the fastest counts. Nothing is cached between runs but the operating system's pages; every output is removed
before the next run, so that writing back to the disk does not slow what follows.
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
arguments.add_argument("--folder", type=Path, help="where market and outputs go (default: a temporary folder)")
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


def measure(work, threads, codec, encoding, float32, repeat):
    best = None
    for _ in range(repeat):
        out = work / "out"
        shutil.rmtree(out, ignore_errors=True)
        command = [options.tickloom, "features", DEFINITION, "--in", work / "market", "--out", out, "--json", "--threads", threads, "--codec", codec, "--encoding", encoding]
        wall, cpu, text = run(command + (["--float32"] if float32 else []))
        record = json.loads(text)
        values = record["rows"] * len(record["features"])
        shown = {"threads": threads, "codec": codec, "encoding": encoding, "float32": float32, "values": values, "wall_s": wall, "cpu_s": cpu,
                 "bytes": record["bytes_written"], "peak_resident": record["memory"]["peak_resident"], **{p + "_s": record["time"][p + "_s"] for p in PARTS}}
        if best is None or wall < best["wall_s"]:
            best = shown
    shutil.rmtree(work / "out", ignore_errors=True)
    return best


def show(r):
    whole = sum(r[p + "_s"] for p in PARTS)
    shares = " ".join(f"{100 * r[p + '_s'] / whole:7.1f}" for p in PARTS)
    print(f"{r['threads']:7} {r['codec']:5} {r['encoding']:6} {'float' if r['float32'] else 'double':6} {r['wall_s']:7.2f} {r['cpu_s']:7.2f} {r['wall_s'] / r['values'] * 1e9:8.2f} "
          f"{r['bytes'] / r['values']:7.2f} {shares} {r['peak_resident'] / 1e6:7.0f}", flush=True)


def table(work):
    print(f"{'threads':>7} {'codec':5} {'encod.':6} {'type':6} {'wall s':>7} {'CPU s':>7} {'ns/value':>8} {'B/value':>7} "
          + " ".join(f"{p + ' %':>7}" for p in PARTS).replace("compute %", "comp. %").replace("encode %", "enc. %").replace("decode %", "dec. %") + f" {'res. MB':>7}")
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


def peer(work, results):
    script = [sys.executable, HERE / "polars_peer.py", "--in", work / "market"]
    compute = json.loads(run(script + ["--no-write", "--way", "best", "--repeat", 2])[2])
    whole = None
    for _ in range(2):
        made = json.loads(run(script + ["--out", work / "peer", "--way", compute["way"]])[2])
        shutil.rmtree(work / "peer")
        whole = made if whole is None or made["wall_s"] < whole["wall_s"] else whole
    values = compute["values"]
    print(f"\npolars {compute['polars']}, 2 threads, best of loop, pool, over: {compute['way']} "
          f"({', '.join('%s %.1f s' % (t['way'], t['wall_s']) for t in compute['tried'])} on the first files)")
    for name, r in (("compute only", compute), ("whole, zstd", whole)):
        size = f", {r['bytes_written'] / values:.2f} B/value" if r.get("bytes_written") else ""
        print(f"  {name:13} {r['wall_s']:6.2f} s wall {r['cpu_s']:6.2f} s CPU {r['wall_s'] / values * 1e9:6.1f} ns/value wall {r['cpu_s'] / values * 1e9:6.1f} CPU{size}")
    ours = {"one": of(results, 1, "lz4"), "two": of(results, 2, "lz4"), "zstd": of(results, 2, "zstd")}
    ratios = {
        "compute, processor time (1 thread; ours with counting and checks)": compute["cpu_s"] / ours["one"]["compute_s"],
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
    work = Path(tempfile.mkdtemp(prefix="end_to_end_", dir=options.folder))
    out = {"tickers": options.tickers, "rows": options.rows, "load": os.getloadavg()[0]}
    try:
        run([options.tickloom, "generate", "daily", "--tickers", options.tickers, "--rows", options.rows, "--seed", 1, "--out", work / "market"])
        run([options.tickloom, "features", DEFINITION, "--in", work / "market", "--out", work / "out", "--quiet"])  # warm
        print(f"{options.tickers} tickers x {options.rows} rows, load {out['load']:.2f}, {os.cpu_count()} processors")
        out["runs"] = table(work)
        one, two = of(out["runs"], 1, "lz4"), of(out["runs"], 2, "lz4")
        print(f"\ndefault: compute {one['compute_s'] / one['values'] * 1e9:.2f} ns a value on one thread; two threads take {two['wall_s'] / one['wall_s']:.2f} of one's wall time")
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
