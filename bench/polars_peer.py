"""The features of features/first.loom in polars, as the yardstick for speed.

  polars_peer.py --in MARKET --out FOLDER             reads, computes and writes one zstd file a ticker
  polars_peer.py --in MARKET --no-write               computes over frames that are in memory already
  polars_peer.py --in MARKET --out FOLDER --check OURS  and compares the values with files that tickloom wrote

Written the way polars is fast, not the way that is shortest: native expressions only, common parts computed once, regressions
from rolling means. Three ways to walk the tickers:
  loop   one lazy query a file, polars' own threads inside it
  pool   the same, as many files at once as there are threads, polars' own threads off within a file
  over   one frame of 64 tickers at a time (scan of their files), grouped by ticker
`--way best` tries all three on the first files and keeps the fastest in wall time. `over` wins: with files of 5,000 rows the other two
spend more on starting queries than on computing.

What differs from tickloom, all to polars' advantage in time: Aroon takes the oldest of equal extremes, regressions subtract means of
squares (digits are lost), Wilder's mean is seeded with the first value, beta and slope are not missing on flat input.
Prints one JSON object.
"""
import argparse
import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--in", dest="market", required=True, type=Path)
arguments.add_argument("--out", type=Path)
arguments.add_argument("--no-write", action="store_true")
arguments.add_argument("--way", choices=["best", "loop", "pool", "over"], default="best")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--batch", type=int, default=64, help="tickers of one frame, for the way `over`")
arguments.add_argument("--repeat", type=int, default=1, help="of the computation; the best counts")
arguments.add_argument("--check", type=Path, help="a folder that tickloom wrote from the same market")
options = arguments.parse_args()
if not options.no_write and not options.out:
    arguments.error("--out or --no-write")

# polars reads this once, when it is imported
os.environ["POLARS_MAX_THREADS"] = "1" if options.way == "pool" else str(options.threads)
import polars as pl  # noqa: E402

FEATURES = 21
OPEN, HIGH, LOW, CLOSE, VOLUME = (pl.col(c) for c in ("open", "high", "low", "close", "volume"))
KEYS = ["ticker", "date"]


# ---- the features ----

def spy_side(market):
    """SPY's own columns, on SPY's own calendar."""
    close = pl.col("close")
    return pl.scan_parquet(market / "SPY.parquet").sort("date").select(
        "date", spy_log_r=(close / close.shift(1)).log(), spy_close=close, spy_mean=close.rolling_mean(200)).set_sorted("date").collect().lazy()


def covariance(x, y, n):
    """Population covariance of the last n rows."""
    return (x * y).rolling_mean(n) - x.rolling_mean(n) * y.rolling_mean(n)


def trend(x, row, n):
    """Slope and fit of the least-squares line of x on row numbers: these have a known mean and variance."""
    mean = x.rolling_mean(n)
    slope = ((x * row).rolling_mean(n) - mean * (row - (n - 1) / 2)) * (12 / (n * n - 1))
    return slope, mean + slope * ((n - 1) / 2)


def parts():
    """What several features share; each dict is one with_columns."""
    tr = pl.max_horizontal(HIGH - LOW, (HIGH - CLOSE.shift(1)).abs(), (LOW - CLOSE.shift(1)).abs())
    return {
        "r": CLOSE / CLOSE.shift(1) - 1,
        "log_r": (CLOSE / CLOSE.shift(1)).log(),
        "log_close": CLOSE.log(),
        "sma_f": CLOSE.rolling_mean(20),
        "sma_s": CLOSE.rolling_mean(50),
        "high_252": HIGH.rolling_max(252),
        "low_252": LOW.rolling_min(252),
        "true_range": tr,
    }, {
        "volatility_5d": pl.col("r").rolling_std(5),
        "volatility_21d": pl.col("r").rolling_std(21),
    }


def features():
    r, spy = pl.col("log_r"), pl.col("spy_log_r")
    row = pl.col("row").cast(pl.Float64)
    slope, _ = trend(pl.col("log_close"), row, 50)
    _, fit = trend(CLOSE, row, 50)
    mean_x = spy.rolling_mean(252)
    beta = ((r * spy).rolling_mean(252) - r.rolling_mean(252) * mean_x) / ((spy * spy).rolling_mean(252) - mean_x * mean_x)
    correlation = covariance(r, spy, 63) / (r.rolling_std(63, ddof=0) * spy.rolling_std(63, ddof=0))
    low = pl.col("low_252")
    return {
        "daily_return": pl.col("r"),
        "weekly_return": CLOSE / CLOSE.shift(5) - 1,
        "monthly_return": CLOSE / CLOSE.shift(21) - 1,
        "gap": OPEN / CLOSE.shift(1) - 1,
        "sma_fast_ratio": CLOSE / pl.col("sma_f"),
        "sma_slow_ratio": CLOSE / pl.col("sma_s"),
        "sma_cross": pl.col("sma_f") / pl.col("sma_s"),
        "ema_ratio": CLOSE.ewm_mean(span=12, adjust=False) / CLOSE.ewm_mean(span=26, adjust=False),
        "volatility_5d": pl.col("volatility_5d"),
        "volatility_21d": pl.col("volatility_21d"),
        "volatility_ratio": pl.col("volatility_5d") / pl.col("volatility_21d"),
        "atr14": pl.col("true_range").ewm_mean(alpha=1 / 14, adjust=False, min_samples=14) / CLOSE,
        "range_position": (CLOSE - low) / (pl.col("high_252") - low),
        "relative_volume": VOLUME / VOLUME.rolling_mean(20),
        "trend_slope": slope,
        "trend_residual": (CLOSE - fit) / CLOSE,
        "beta_spy": beta,
        "correlation_spy": correlation,
        "spy_above_sma": pl.col("spy_close") > pl.col("spy_mean"),
    }


def aroon(frame, **group):
    """Where the extremes of the last 26 rows lie; a window by row number is the fastest that polars has for it."""
    found = frame.rolling("row", period="26i", **group).agg(up=HIGH.arg_max(), down=LOW.arg_min())
    return found.select(aroon_up=pl.col("up") * 4.0, aroon_down=pl.col("down") * 4.0)


def full_aroon():
    return {name: pl.when(pl.col("row") >= 25).then(pl.col(name)) for name in ("aroon_up", "aroon_down")}


def names():
    order = [n for n in features()]
    at = order.index("range_position") + 1
    return order[:at] + ["aroon_up", "aroon_down"] + order[at:]


# ---- the ways ----

def query(frame, ticker, side):
    """One ticker's lazy query; `frame` is lazy, sorted by date."""
    first, second = parts()
    base = frame.set_sorted("date").join_asof(side, on="date", strategy="backward").with_columns(row=pl.int_range(pl.len()))
    wide = pl.concat([base, aroon(base)], how="horizontal").with_columns(**first).with_columns(**second)
    return wide.select("date", **features(), **full_aroon()).select(pl.lit(ticker).alias("ticker"), "date", *names())


def run_file(item, side, out):
    """Reads (or takes) one ticker, computes it, writes it; returns the rows, and the frame when it is not written."""
    ticker, source = item
    frame = pl.scan_parquet(source) if isinstance(source, Path) else source.lazy()
    done = query(frame, ticker, side).collect()
    if out is None:
        return done.height
    done.write_parquet(out / f"{ticker}.parquet")
    return done.height


def by_loop(items, side, out):
    return sum(run_file(item, side, out) for item in items)


def by_pool(items, side, out):
    with ThreadPoolExecutor(options.threads) as pool:
        return sum(pool.map(lambda item: run_file(item, side, out), items))


def frame_of(items):
    """All tickers' rows, one ticker after the other."""
    if not isinstance(items[0][1], Path):
        return pl.concat([f.lazy().with_columns(ticker=pl.lit(t)) for t, f in items]).collect().lazy()
    stem = pl.col("path").str.extract(r"([^/]+)\.parquet$")
    return pl.scan_parquet([p for _, p in items], include_file_paths="path").with_columns(ticker=stem).drop("path").collect().lazy()


def over_batch(items, side, out, pool):
    frame = frame_of(items)
    within = lambda made: {name: e.over("ticker", mapping_strategy="explode") for name, e in made.items()}
    dates = frame.select(pl.col("date").unique().sort()).join_asof(side, on="date", strategy="backward")
    base = frame.join(dates, on="date", how="left", maintain_order="left").with_columns(row=pl.int_range(pl.len()).over("ticker")).collect()
    first, second = parts()
    extremes = aroon(base.lazy(), group_by="ticker").collect()
    base = pl.concat([base, base.lazy().select(**within(first)).collect(), extremes], how="horizontal")
    base = pl.concat([base, base.lazy().select(**within(second)).collect()], how="horizontal")
    made = base.lazy().group_by("ticker", maintain_order=True).agg("date", **features(), **full_aroon())
    done = made.explode(pl.exclude("ticker")).select(*KEYS, *names()).collect()
    if out is not None:
        split = done.partition_by("ticker", as_dict=True, maintain_order=True)
        list(pool.map(lambda part: part[1].write_parquet(out / f"{part[0][0]}.parquet"), split.items()))
    return done.height


def by_over(items, side, out):
    """Batches of tickers, each one frame. All tickers in one frame are slower: their columns do not stay in the cache."""
    with ThreadPoolExecutor(options.threads) as pool:
        return sum(over_batch(items[at:at + options.batch], side, out, pool) for at in range(0, len(items), options.batch))


WAYS = {"loop": by_loop, "pool": by_pool, "over": by_over}


# ---- measuring ----

def processor_time():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def measure(way, items, side, out):
    wall, processor = time.perf_counter(), processor_time()
    rows = WAYS[way](items, side, out)
    return {"way": way, "rows": rows, "wall_s": time.perf_counter() - wall, "cpu_s": processor_time() - processor}


def check(out, ours, tickers):
    """Share of values that differ by more than a millionth of their column's own spread, in rows behind every warm-up."""
    worst = {}
    for ticker in tickers:
        a, b = pl.read_parquet(out / f"{ticker}.parquet"), pl.read_parquet(ours / f"{ticker}.parquet")
        for name in names():
            x, y = a[name].cast(pl.Float64).slice(600), b[name].cast(pl.Float64).slice(600)
            both = pl.DataFrame({"x": x, "y": y}).drop_nulls().filter(pl.col("x").is_finite())
            if both.height:
                off = ((both["x"] - both["y"]).abs() / max(both["y"].std() or 0, 1e-9))
                worst[name] = max(worst.get(name, 0), float((off > 1e-6).mean()))
    return worst


def main():
    side = spy_side(options.market)
    files = [(p.stem, p) for p in sorted(options.market.glob("*.parquet"))]
    source = [(t, pl.read_parquet(p)) for t, p in files] if options.no_write else files
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    way = options.way
    tried = []
    if way == "best":
        some = source[:2 * options.batch]
        for name in WAYS:
            WAYS[name](source[:8], side, None)
            tried.append(min((measure(name, some, side, None) for _ in range(2)), key=lambda m: m["wall_s"]))
        way = min(tried, key=lambda m: m["wall_s"])["way"]
    runs = [measure(way, source, side, options.out) for _ in range(options.repeat)]
    best = min(runs, key=lambda m: m["cpu_s" if options.no_write else "wall_s"])
    values = best["rows"] * FEATURES
    best.update(polars=pl.__version__, threads=options.threads, files=len(files), values=values, wall_ns_per_value=best["wall_s"] / values * 1e9,
                cpu_ns_per_value=best["cpu_s"] / values * 1e9, written=options.out is not None and not options.no_write,
                peak_resident=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, tried=[{k: t[k] for k in ("way", "wall_s", "cpu_s")} for t in tried])
    if options.out and not options.no_write:
        best["bytes_written"] = sum(f.stat().st_size for f in options.out.glob("*.parquet"))
        if options.check:
            best["share_of_values_that_differ"] = check(options.out, options.check, [t for t, _ in files[:20]])
    json.dump(best, sys.stdout, indent=1)
    print()


main()
