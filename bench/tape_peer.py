"""The option tape as a competent user builds and reads it today, with polars and numba: the yardstick for pack and the tick strategy.

  tape_peer.py pack RAW CALENDAR OUT [--way files|frame]  one Parquet file a contract into one sorted zstd file a day and underlying
  tape_peer.py strategy TAPE [--trades FILE] [--check]    the tick strategy over a tape
  tape_peer.py decode TAPE                                reads what the strategy reads, and sums it
  tape_peer.py rewrite TAPE OUT                           the tape anew with polars' defaults: the tape that users have

Packing goes two ways. `frame` is the script that most people write: scan, join, sort by the keys, `over`, one file a partition. `files` is the
fastest known: a number for each contract instead of its keys, cut into days file by file, each partition sorted and written on its own, on all threads.
Both read names such as banknifty24dec49000pe or goog15dec24752p5ce (two digits after the month are a weekly's day if the calendar has that weekly)
and name the files that they cannot place. Neither merges: rows of two files for one contract are all kept. RAW is one folder. OUT must be new.

The strategy reads a file at a time in each of two processes, one thread of polars in each, and only the columns that it needs; numba gets the
arrays of every row group as polars decoded them, without a copy, and carries its state from one to the next. A file holds one day of one
underlying, sorted by expiry, opt_type, strike, timestamp. Starting processes, compiling and a first run over a small file are not in the time; of
several runs the least times count. Timestamps decide nothing, so they are read only for --trades, which writes the trades in trade order (in the
time) and sums PnL in that order; without it the order is that of the files. --check compares every trade with a plain Python loop over the same rows.
On a busy machine compare processor times.

Prints one JSON object.
"""
import argparse
import calendar as months
import csv
import json
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

KEYS = ["expiry", "opt_type", "strike"]
DAY_NS = 86_400_000_000_000


def peak(who=resource.RUSAGE_SELF):
    return resource.getrusage(who).ru_maxrss * 1024


def cpu_time():
    return sum(sum(resource.getrusage(w)[:2]) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def parquet_files(folder):
    files = sorted(Path(folder).rglob("*.parquet"))
    return [f for f in files if not any(part.startswith(("_", ".")) for part in f.relative_to(folder).parts)]


def size(folder):
    return sum(f.stat().st_size for f in parquet_files(folder))


# ---- packing ----

MONTH = {name.lower(): number for number, name in enumerate(months.month_abbr) if name}
NAME = re.compile(r"(.+?)(\d\d)(%s)(\d+)(?:p(\d+))?(ce|pe)" % "|".join(MONTH), re.IGNORECASE)


def read_calendar(path):
    """{(underlying, year, month): {"monthly": date, "weekly": {dates}}}"""
    found = {}
    with open(path, newline="") as lines:
        for line in csv.DictReader(lines):
            month = line["month"].strip().lower()
            key = line["underlying"].strip().upper(), int(line["year"]), MONTH.get(month[:3]) or int(month)
            expiry = date.fromisoformat(line["expiry_date"].strip())
            entry = found.setdefault(key, {"monthly": None, "weekly": set()})
            if line["expiry_type"] == "weekly":
                entry["weekly"].add(expiry)
            elif entry["monthly"] not in (None, expiry):
                sys.exit("two monthly expiries of %s %d-%02d: %s, %s" % (*key, entry["monthly"], expiry))
            else:
                entry["monthly"] = expiry
    return found


def contract(path, expiries):
    """What the name of a file says, or None."""
    match = NAME.fullmatch(path.stem)
    if not match:
        return None
    underlying, year, month, digits, fraction, opt_type = match.groups()
    underlying, year, month = underlying.upper(), 2000 + int(year), MONTH[month.lower()]
    known = expiries.get((underlying, year, month), {"monthly": None, "weekly": set()})
    weekly = next((d for d in known["weekly"] if len(digits) > 2 and d.day == int(digits[:2])), None)
    expiry = weekly or known["monthly"]
    if not expiry:
        return None
    strike = float((digits[2:] if weekly else digits) + "." + (fraction or "0"))
    return {"path": str(path), "underlying": underlying, "expiry": expiry, "opt_type": opt_type.upper(), "strike": strike, "year": year, "month": month,
            "expiry_type": "weekly" if weekly else "monthly", "is_monthly": not weekly, "is_weekly": bool(weekly)}


def contracts(raw, calendar):
    """A row for each file in tape order, with a number for each contract; and the files that have no place."""
    expiries, rows, failed = read_calendar(calendar), [], []
    for path in sorted(Path(raw).glob("*.parquet")):
        row = contract(path, expiries)
        if row:
            rows.append(row)
        else:
            failed.append(path.name)
    if not rows:
        sys.exit("%s: no file of a contract that the calendar knows" % raw)
    table = pl.DataFrame(rows, schema_overrides={"year": pl.Int16, "month": pl.Int16}).sort("underlying", *KEYS, "path")
    return table.with_columns(contract=pl.struct("underlying", *KEYS).rle_id()), failed


def clean(names):
    """Types of the tape, and changeper to hundredths."""
    made = [pl.selectors.integer().cast(pl.Int64), pl.selectors.float().exclude("changeper").cast(pl.Float64)]
    return made + ([(pl.col("changeper").cast(pl.Float64) * 100).round(mode="half_to_even") / 100] if "changeper" in names else [])


def write_part(frame, day, underlying, out):
    folder = out / ("date=%s" % day) / ("underlying=%s" % underlying)
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / ("part-%s-0.parquet" % underlying.lower()), compression="zstd", statistics=True)


def pack_frame(table, out):
    lazy = pl.scan_parquet(table["path"].to_list(), include_file_paths="path", missing_columns="insert")
    names = lazy.collect_schema().names()
    lazy = lazy.with_columns(clean(names)).join(table.lazy().drop("contract"), on="path", maintain_order="left").drop("path")
    lazy = lazy.with_columns(date=(pl.col("timestamp") // DAY_NS).cast(pl.Int32).cast(pl.Date))
    frame = lazy.sort("underlying", *KEYS, "timestamp", maintain_order=True).collect()
    if "volume" in names:
        added = pl.col("volume").forward_fill().diff().clip(0).fill_null(0)
        frame = frame.with_columns(vol_delta=added.over("underlying", *KEYS, "date"))
    rows = frame.height
    parts = frame.partition_by("date", "underlying", include_key=False, maintain_order=True, as_dict=True)
    del frame
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        list(pool.map(lambda item: write_part(item[1], *item[0], out), parts.items()))
    return rows


def pack_files(table, out):
    columns = table.unique("contract", maintain_order=True).drop("path", "underlying", "contract")  # row n is contract n

    def days(row):
        """The rows of a file by day. A file is sorted by time, so that a day is a slice."""
        number, path = row
        frame = pl.read_parquet(path)
        frame = frame.with_columns(*clean(frame.columns), contract=pl.lit(number, pl.UInt32))
        day = (frame["timestamp"] // DAY_NS).cast(pl.Int32)
        if not day.is_sorted():
            frame = frame.sort("timestamp", maintain_order=True)
            day = day.sort()
        runs, at, found = day.rle(), 0, []
        for length, value in zip(runs.struct.field("len"), runs.struct.field("value")):
            found.append((value, frame.slice(at, length)))
            at += length
        return found

    def finish(item):
        (day, underlying), frames = item
        part = pl.concat(frames, how="diagonal").sort("contract", "timestamp", maintain_order=True)
        frames.clear()
        if "volume" in part.columns:
            volume, number = pl.col("volume"), pl.col("contract")
            if part["volume"].null_count():
                volume = volume.forward_fill().over("contract")
            part = part.with_columns(vol_delta=pl.when(number == number.shift()).then(volume - volume.shift()).otherwise(0).clip(0).fill_null(0))
        part = pl.concat([part.drop("contract"), columns[part["contract"]]], how="horizontal")
        write_part(part, date(1970, 1, 1) + timedelta(day), underlying, out)
        return part.height

    parts = {}
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        for underlying, found in zip(table["underlying"], pool.map(days, table.select("contract", "path").iter_rows())):
            for day, frame in found:
                parts.setdefault((day, underlying), []).append(frame)
        del found, frame
        return sum(pool.map(finish, parts.items()))


def fresh(out):
    if Path(out).is_dir() and any(Path(out).iterdir()):
        sys.exit("%s is not empty" % out)


def pack(raw, calendar, out, way="files"):
    fresh(out)
    start, cpu = time.perf_counter(), cpu_time()
    table, failed = contracts(raw, calendar)
    rows = {"files": pack_files, "frame": pack_frame}[way](table, Path(out))
    seconds = time.perf_counter() - start
    return {"rows": rows, "files": table.height, "failed": failed, "parts": len(parquet_files(out)), "seconds": seconds, "cpu_s": cpu_time() - cpu,
            "rows_per_s": rows / seconds, "bytes_written": size(out), "peak_resident": peak()}


# ---- reading ----

READ = ["price", "bp0", "sp0", "volume"]


def read(path, more=()):
    """The keys as numbers (expiry as days, opt_type as 1 for CE), what the strategy looks at, and more."""
    keys = [pl.col("expiry").to_physical(), (pl.col("opt_type") == "CE").cast(pl.UInt8), pl.col("strike")]
    frame = pl.scan_parquet(path, hive_partitioning=False).select(*keys, *READ, *more).collect()
    return frame.with_columns(pl.col("volume").fill_null(0)) if frame["volume"].null_count() else frame


def chunks(frame):
    """The arrays of each row group, as they lie in memory; missing prices and quotes are NaN."""
    parts = [column.get_chunks() for column in frame.select(*KEYS, *READ).iter_columns()]
    if len({tuple(map(len, p)) for p in parts}) > 1:
        return chunks(frame.rechunk())
    return [[column.to_numpy() for column in part] for part in zip(*parts)]


def decode_file(path):
    frame, total = read(path), 0.0
    for arrays in chunks(frame):
        total += float(np.nansum(arrays[3]))
    return {"rows": frame.height, "sum": total}


# ---- the strategy ----

FAST, SLOW, WIDEST, LEAST = 2 / (5 + 1), 2 / (21 + 1), 0.0005, 1
# what a stream keeps from one chunk to the next: its keys, the averages, the entry, the last row with a price
STATE = [("expiry", "i4"), ("opt_type", "u1"), ("strike", "f8"), ("fast", "f8"), ("slow", "f8"), ("open", "b1"), ("entry", "i8"), ("entry_price", "f8"),
         ("last", "i8"), ("last_price", "f8")]


def tick(state, at, expiry, opt_type, strike, price, bid, ask, volume, entry_row, exit_row, entry_price, exit_price):
    """Closes the trades of one chunk, whose first row is row `at` of its file; returns their number. Compiled by numba."""
    s = state[0]
    key_expiry, key_type, key_strike = s.expiry, s.opt_type, s.strike
    fast, slow, is_open, entry, paid, last, last_price = s.fast, s.slow, s.open, s.entry, s.entry_price, s.last, s.last_price
    trades = 0
    for i in range(len(price)):
        x = price[i]
        if x != x:
            continue
        if expiry[i] == key_expiry and opt_type[i] == key_type and strike[i] == key_strike:
            fast = fast + FAST * (x - fast)
            slow = slow + SLOW * (x - slow)
            b, a = bid[i], ask[i]
            # looked at in every row: no branch to guess
            enters = (fast > slow) & (b > 0 and a > 0 and volume[i] >= LEAST and (a - b) / ((b + a) / 2) <= WIDEST)
            if is_open:
                if slow >= fast:
                    entry_row[trades], exit_row[trades], entry_price[trades], exit_price[trades] = entry, at + i, paid, x
                    trades += 1
                    is_open = False
            elif enters:
                is_open, entry, paid = True, at + i, x
        else:
            if is_open:
                entry_row[trades], exit_row[trades], entry_price[trades], exit_price[trades] = entry, last, paid, last_price
                trades += 1
                is_open = False
            key_expiry, key_type, key_strike = expiry[i], opt_type[i], strike[i]
            fast = slow = x
        last, last_price = at + i, x
    s.expiry, s.opt_type, s.strike = key_expiry, key_type, key_strike
    s.fast, s.slow, s.open, s.entry, s.entry_price, s.last, s.last_price = fast, slow, is_open, entry, paid, last, last_price
    return trades


def compiled():
    import numba
    from numba import types
    values = lambda kind: types.Array(kind, 1, "C", readonly=True)
    record = numba.from_dtype(np.dtype(STATE))
    signature = types.int64(record[::1], types.int64, values(types.int32), values(types.uint8), *[values(types.float64)] * 4, values(types.int64),
                            *[types.int64[::1]] * 2, *[types.float64[::1]] * 2)
    return numba.njit(signature, error_model="numpy")(tick)


def strategy_file(path, keep=False):
    """Rows, trades and PnL of one file; the trades themselves if they are kept."""
    frame = read(path, ("timestamp",) if keep else ())
    state, at, found = np.zeros(1, STATE), 0, []
    state["strike"] = np.nan  # no row's key
    for arrays in chunks(frame):
        room = len(arrays[0]) // 2 + 1
        rows, prices = np.empty((2, room), np.int64), np.empty((2, room))
        count = kernel(state, at, *arrays, *rows, *prices)
        found.append((*rows[:, :count], *prices[:, :count]))
        at += len(arrays[0])
    if state["open"][0]:
        found.append(tuple(state[name] for name in ("entry", "last", "entry_price", "last_price")))
    entry, leave, paid, got = (np.concatenate(part) for part in zip(*found)) if found else [np.empty(0)] * 4
    result = {"rows": frame.height, "trades": len(entry), "pnl": float(np.sum(got - paid))}
    if keep:
        stream, stamps = frame.select(KEYS)[leave], frame["timestamp"]
        times = {"entry_timestamp": stamps[entry].to_numpy(), "exit_timestamp": stamps[leave].to_numpy()}
        result["kept"] = {**{name: stream[name].to_numpy() for name in KEYS}, **times, "entry_price": paid, "exit_price": got}
    return result


def table_of(path, kept):
    """The trades of a file as they are written."""
    opt_type = pl.when(pl.col("opt_type") == 1).then(pl.lit("CE")).otherwise(pl.lit("PE"))
    return pl.DataFrame(kept).select(pl.lit(path.parent.name.rpartition("=")[2]).alias("underlying"), pl.col("expiry").cast(pl.Int32).cast(pl.Date),
                                     opt_type.alias("opt_type"), pl.exclude("expiry", "opt_type"), pnl=pl.col("exit_price") - pl.col("entry_price"))


def in_trade_order(tables):
    """By exit_timestamp, stream, entry_timestamp: files come by day and underlying, each in the order of its streams."""
    return pl.concat(tables).sort("exit_timestamp", maintain_order=True)


def plainly(path):
    """The trades of a file by the rules as they are written, a row at a time: for --check."""
    columns = pl.read_parquet(path, columns=[*KEYS, "timestamp", *READ], hive_partitioning=False)
    streams, trades = {}, []
    for row in columns.iter_rows():
        if row[4] is not None and row[4] == row[4]:
            streams.setdefault((row[:3], row[3] // DAY_NS), []).append(row[3:])
    for (key, _), rows in streams.items():
        entered = None
        for number, (when, price, bid, ask, volume) in enumerate(rows):
            if number == 0:
                fast = slow = price
                continue
            fast = fast + 2 / 6 * (price - fast)
            slow = slow + 2 / 22 * (price - slow)
            if entered is None and None not in (bid, ask, volume) and fast > slow and bid > 0 and ask > 0 and volume >= 1:
                if (ask - bid) / ((bid + ask) / 2) <= 0.0005:
                    entered = when, price
            elif entered is not None and slow >= fast:
                trades.append((*key, entered[0], when, entered[1], price, price - entered[1]))
                entered = None
            if entered is not None and number == len(rows) - 1:
                trades.append((*key, entered[0], when, entered[1], price, price - entered[1]))
    return trades


# ---- processes ----

def ready(gate):
    """In each process: compiles, runs over a small file, and waits for the others."""
    global kernel
    kernel = compiled()
    numbers = {name: [1.0] * 9 for name in ("strike", "price", "bp0", "sp0")}
    small = pl.DataFrame({"expiry": [date(2024, 11, 27)] * 9, "opt_type": ["CE"] * 9, **numbers, "timestamp": range(9), "volume": [1] * 9})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.parquet"
        small.write_parquet(path)
        for _ in range(3):
            strategy_file(path, True), decode_file(path)
    gate.wait()


def task(item):
    work, *rest = item
    start = time.process_time()
    result = work(*rest)
    result["cpu_s"] = time.process_time() - start
    return result


def over_files(tape, processes, repeat, work, *more, after=None):
    """The results of all files in their order, what is made of them, and the least times of some runs."""
    files = parquet_files(tape)
    order = sorted(range(len(files)), key=lambda n: -files[n].stat().st_size)  # the largest first: the processes end together
    os.environ["POLARS_MAX_THREADS"] = "1"  # read by polars in the new processes
    context = multiprocessing.get_context("spawn")
    gate, times = context.Barrier(processes + 1), []
    with context.Pool(processes, ready, (gate,)) as pool:
        gate.wait()
        for _ in range(repeat):
            start, cpu = time.perf_counter(), time.process_time()
            done = dict(zip(order, pool.map(task, [(work, files[n], *more) for n in order], chunksize=1)))
            results = [done[n] for n in range(len(files))]
            made = after(files, results) if after else None
            cpu = time.process_time() - cpu + sum(r["cpu_s"] for r in results)
            times.append((time.perf_counter() - start, cpu))
        pool.close()
        pool.join()
    wall, cpu = (min(t) for t in zip(*times))
    return results, made, {"seconds": wall, "cpu_s": cpu}


def record(results, times, **more):
    rows = sum(r["rows"] for r in results)
    return {"rows": rows, **more, "files": len(results), **times, "rows_per_s": rows / times["seconds"],
            "peak_resident_of_a_process": peak(resource.RUSAGE_CHILDREN)}


def decode(tape, processes=2, repeat=3):
    results, _, times = over_files(tape, processes, repeat, decode_file)
    return record(results, times, sum=sum(r["sum"] for r in results))


def strategy(tape, processes=2, repeat=3, trades=None, check=False):
    def write(files, results):
        table = in_trade_order([table_of(path, r["kept"]) for path, r in zip(files, results)])
        if trades:
            table.write_parquet(trades)
        return table

    results, table, times = over_files(tape, processes, repeat, strategy_file, bool(trades or check), after=write if trades or check else None)
    found = record(results, times, trades=sum(r["trades"] for r in results), pnl=sum(r["pnl"] for r in results))
    if table is not None:
        found["pnl"] = float(np.cumsum(table["pnl"])[-1]) if table.height else 0.0  # one after the other, as a loop adds
    if check:
        kept = zip(parquet_files(tape), results)
        found["same_trades"] = all(table_of(path, r["kept"]).drop("underlying").rows() == plainly(path) for path, r in kept)
    return found


def rewrite(tape, out):
    fresh(out)
    start, rows = time.perf_counter(), 0
    for path in parquet_files(tape):
        to = Path(out) / path.relative_to(tape)
        to.parent.mkdir(parents=True, exist_ok=True)
        frame = pl.read_parquet(path, hive_partitioning=False)
        frame.write_parquet(to)
        rows += frame.height
    return {"rows": rows, "seconds": time.perf_counter() - start, "bytes_read": size(tape), "bytes_written": size(out), "peak_resident": peak()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packs, runs, decodes, rewrites = (commands.add_parser(name) for name in ("pack", "strategy", "decode", "rewrite"))
    for name in ("raw", "calendar", "out"):
        packs.add_argument(name, type=Path)
    packs.add_argument("--way", choices=["files", "frame"], default="files")
    for one in (runs, decodes):
        one.add_argument("tape", type=Path)
        one.add_argument("--processes", type=int, default=2)
        one.add_argument("--repeat", type=int, default=3, help="the least times count")
    runs.add_argument("--trades", type=Path, help="writes them, as one Parquet file")
    runs.add_argument("--check", action="store_true", help="compare with a plain loop; slow")
    rewrites.add_argument("tape", type=Path)
    rewrites.add_argument("out", type=Path)
    options = vars(parser.parse_args())
    work = {"pack": pack, "strategy": strategy, "decode": decode, "rewrite": rewrite}[options.pop("command")]
    json.dump({"polars": pl.__version__, **work(**options)}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
