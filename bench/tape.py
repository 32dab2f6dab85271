"""The option tape beside what users run today: packing, and a strategy over it.

  tape.py TICKLOOM [--quick] [--pack-rows 8000000 --rows 50000000] [--json OUT]

Packing: a generated folder of contract files, beside tape_peer.py's two ways (`frame`, the script that most people write, and `files`, the fastest known). The strategy: a
generated tape in our profiles compact and fast, and as polars writes it, each read by us and by polars and numba in two processes, and decoded by us without a
strategy. Then a selected run: one expiry and a range of strikes, beside its share of the whole. Of several runs the least counts; files lie in memory where /dev/shm has room. On a
busy machine compare ratios of one run only.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
STRATEGY = HERE.parent / "strategies" / "ema_cross.loom"
arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("tickloom", type=Path)
arguments.add_argument("--quick", action="store_true", help="a tenth of the rows")
arguments.add_argument("--pack-rows", type=int, default=8_000_000)
arguments.add_argument("--rows", type=int, default=50_000_000)
arguments.add_argument("--repeat", type=int, default=3)
arguments.add_argument("--folder", type=Path)
arguments.add_argument("--json", type=Path)
options = arguments.parse_args()
if options.quick:
    options.pack_rows //= 10
    options.rows //= 10
try:
    import numba  # noqa: F401
    import polars  # noqa: F401
except ImportError as missing:
    sys.exit("SKIPPED: nothing was compared, since %s cannot be imported (make peers installs it)" % missing.name)
found = {}


def ours(*args):
    done = subprocess.run([options.tickloom, *map(str, args), "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("tickloom %s: exit %d\n%s" % (args[0], done.returncode, done.stderr))
    return json.loads(done.stdout)


def peer(*args):
    done = subprocess.run([sys.executable, HERE / "tape_peer.py", *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("tape_peer.py %s: exit %d\n%s" % (args[0], done.returncode, done.stderr))
    return json.loads(done.stdout)


def decode_only(tape):
    """Our own pass over the same columns, which decodes them and does nothing else."""
    done = subprocess.run([options.tickloom.parent / "bench" / "bench-decode", tape, "expiry,opt_type,strike,timestamp,price,bp0,sp0,volume", "2", str(options.repeat)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("bench-decode: exit %d\n%s" % (done.returncode, done.stderr))
    return json.loads(done.stdout)


def generate(folder, contracts, rows):
    subprocess.run([options.tickloom, "generate", "options", "--contracts", str(contracts), "--rows", str(rows), "--days", "10", "--seed", "11", "--out", folder],
                   check=True, capture_output=True)
    return folder / "expiry_calendar.csv"


def size_of(folder):
    return sum(p.stat().st_size for p in folder.rglob("*.parquet"))


def least(run, key="seconds"):
    return min((run() for _ in range(options.repeat)), key=lambda r: r[key])


def packing(folder):
    raw = folder / "raw"
    calendar = generate(raw, 400, options.pack_rows)

    def once():
        shutil.rmtree(folder / "tape", ignore_errors=True)
        return ours("pack", "options", raw, "--calendar", calendar, "--out", folder / "tape")

    mine = least(once)
    rows = mine["rows"]
    print("packing %d rows of %d contracts" % (rows, mine["contracts"]))
    print("  tickloom      %6.2f s  %5.1f bytes/row  peak %4d MB" % (mine["seconds"], mine["bytes_after"] / rows, mine["peak_bytes"] / 1e6))
    found["pack"] = {"rows": rows, "seconds": mine["seconds"], "peak": mine["peak_bytes"], "bytes_per_row": mine["bytes_after"] / rows}
    for way in ("frame", "files"):
        out = folder / "peer"
        theirs = peer("pack", raw, calendar, out, "--way", way)
        shutil.rmtree(out)
        print("  polars %-6s %6.2f s  %5.1f bytes/row  peak %4d MB: ours is %.1fx" %
              (way, theirs["seconds"], theirs["bytes_written"] / rows, theirs["peak_resident"] / 1e6, theirs["seconds"] / mine["seconds"]))
        found["pack"][way] = theirs["seconds"] / mine["seconds"]
    shutil.rmtree(raw)
    shutil.rmtree(folder / "tape")


def backtest(tape, *more):
    return least(lambda: ours("backtest", STRATEGY, "--in", tape, "--profile", "tick", *more))


def line(name, run):
    print("  %-34s %6.1f M rows/s  %6.3f s" % (name, run["rows_per_s"] / 1e6, run["seconds"]))


def strategy(folder):
    raw = folder / "raw"
    calendar = generate(raw, 800, options.rows)
    tapes = {"compact": folder / "compact", "fast": folder / "fast", "polars": folder / "polars"}
    ours("pack", "options", raw, "--calendar", calendar, "--out", tapes["compact"])
    ours("pack", "options", raw, "--calendar", calendar, "--out", tapes["fast"], "--profile", "fast")
    shutil.rmtree(raw)
    peer("rewrite", tapes["compact"], tapes["polars"])
    runs, theirs = {}, {}
    for name, tape in tapes.items():
        runs[name] = backtest(tape)
        theirs[name] = peer("strategy", tape, "--repeat", options.repeat)
        if (runs[name]["trades"], runs[name]["rows"]) != (theirs[name]["trades"], theirs[name]["rows"]):
            sys.exit("%s: other trades than the peer's: %s and %s" % (name, runs[name]["trades"], theirs[name]["trades"]))
    rows = runs["compact"]["rows"]
    print("the strategy over %d rows, %d streams, %d trades" % (rows, runs["compact"]["streams"], runs["compact"]["trades"]))
    for name, tape in tapes.items():
        print(" tape %s, %.1f bytes/row" % (name, size_of(tape) / rows))
        line("tickloom", runs[name])
        line("polars + numba, 2 processes", theirs[name])
        decoded = decode_only(tape)
        line("these columns decoded by us", decoded)
        found[name] = {"rows_per_s": runs[name]["rows_per_s"], "ratio": runs[name]["rows_per_s"] / theirs[name]["rows_per_s"],
                       "decode_share": runs[name]["decode_s"] / runs[name]["work_s"], "of_decoding": runs[name]["rows_per_s"] / decoded["rows_per_s"],
                       "bytes_per_row": size_of(tape) / rows}
        print("  ours is %.1fx; %.2f of our decoding alone; %.0f %% of its own time is decoding" %
              (found[name]["ratio"], found[name]["of_decoding"], 100 * found[name]["decode_share"]))
    found["today"] = runs["compact"]["rows_per_s"] / theirs["polars"]["rows_per_s"]
    print(" ours on our tape against theirs on theirs: %.1fx" % found["today"])
    one = backtest(tapes["compact"], "--threads", 1)
    line("one thread", one)
    selected = backtest(tapes["compact"], "--where", 'expiry == "2024-11-28" and strike between 62000 and 63000')
    share = selected["rows"] / rows
    found["selected"] = selected["seconds"] / runs["compact"]["seconds"] / share
    print(" one expiry, a range of strikes: %.1f %% of the rows in %.1f %% of the time, %.2fx its share" %
          (100 * share, 100 * selected["seconds"] / runs["compact"]["seconds"], found["selected"]))


def main():
    shm = Path("/dev/shm")
    room = options.folder or (shm if shm.is_dir() and shutil.disk_usage(shm).free > 100 * options.rows else None)
    with tempfile.TemporaryDirectory(dir=room) as folder:
        packing(Path(folder))
        strategy(Path(folder))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + os.linesep)


main()
