"""Technical features beside their peers, per value and core, and what keeping up costs.

  technical.py TICKLOOM [--tickers 300 --rows 5000] [--json OUT]

A value is one feature of one row. Ours is the computing of a run on one thread (its record's compute_s: everything but Parquet). Beside it, over columns
in memory and on one thread: pandas as such pipelines are mostly written (rolling.apply and loops where pandas has no method), pandas with methods
of its own alone, polars, and single indicators of TA-Lib. Each peer is compared with ours over the features that it computes. Then a run over
everything, and updates by one day: as a file of that day, and with every file written anew. Of several runs the least counts.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"
try:
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import talib
except ImportError as missing:
    sys.exit("SKIPPED: nothing was compared, since %s cannot be imported (make peers installs it)" % missing.name)

FEATURES = Path(__file__).resolve().parent.parent / "features"
arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("tickloom", type=Path)
arguments.add_argument("--tickers", type=int, default=300)
arguments.add_argument("--rows", type=int, default=5000)
arguments.add_argument("--repeat", type=int, default=3)
arguments.add_argument("--json", type=Path)
options = arguments.parse_args()
found = {}


def run(*args):
    done = subprocess.run([str(options.tickloom), *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s\n%s" % (args, done.stderr))
    return done.stdout


def features(definition, market, out, *more):
    """The record of a run."""
    return json.loads(run("features", definition, "--in", market, "--out", out, "--json", *more))


def ours(definition, market, out, *more):
    """ns a value of one thread's computing, the least of some runs."""
    best = None
    for _ in range(options.repeat):
        shutil.rmtree(out, ignore_errors=True)
        record = features(definition, market, out, "--threads", 1, *more)
        ns = record["time"]["compute_s"] * 1e9 / record["rows"] / len(record["features"])
        best = ns if best is None else min(best, ns)
    return best


def least(work, repeat=None):
    times = []
    for _ in range(repeat or options.repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def say(name, ns, own, goal=None):
    found[name] = {"ns_a_value": ns, "ours": own, "ratio": ns / own, "goal": goal}
    print("%-52s %10.2f %8.2f %9.1fx  %s" % (name, ns, own, ns / own, "goal %gx" % goal if goal else ""), flush=True)


# ---- peers ----


def pandas_methods(d):
    """With pandas' own methods alone."""
    c, o, h, l, v, s = (d[k] for k in ("close", "open", "high", "low", "volume", "spy"))
    r, dc = c.pct_change(), c.diff()
    mean = {n: c.rolling(n, min_periods=1).mean() for n in (20, 50, 200)}
    top, low = c.rolling(252, min_periods=1).max(), c.rolling(252, min_periods=1).min()
    tr = pd.concat([h - l, (h - c.shift()).abs(), (l - c.shift()).abs()], axis=1).max(axis=1)
    v5, v21, v20 = r.rolling(5, min_periods=1).std(), r.rolling(21, min_periods=1).std(), v.rolling(20, min_periods=1).mean()
    h14, l14, h20, l20 = (x.rolling(n, min_periods=1) for x, n in ((h, 14), (l, 14), (h, 20), (l, 20)))
    h14, l14, h20, l20 = h14.max(), l14.min(), h20.max(), l20.min()
    e12, e26 = c.ewm(span=12, adjust=False).mean(), c.ewm(span=26, adjust=False).mean()
    macd, std20 = e12 - e26, c.rolling(20, min_periods=1).std()
    gain, loss = dc.clip(lower=0).rolling(14, min_periods=1).mean(), (-dc).clip(lower=0).rolling(14, min_periods=1).mean()
    obv = (np.sign(dc).fillna(-1) * v).cumsum()
    rs, rm = np.log(c / c.shift()), np.log(s / s.shift())
    cov = (rs * rm).rolling(252, min_periods=1).mean() - rs.rolling(252, min_periods=1).mean() * rm.rolling(252, min_periods=1).mean()
    d200 = s / (s.rolling(200, min_periods=1).mean() + 1e-10) - 1
    ppo = macd / e26
    return pd.DataFrame({
        "price": c, "price_log": np.log(c), "price_vs_ma200": c / mean[200], "daily_return": r, "gap_pct": (o - c.shift()) / c.shift(),
        "weekly_return_5d": c.pct_change(5), "monthly_return_21d": c.pct_change(21), "quarterly_return_63d": c.pct_change(63),
        "dist_52w_high": c / top - 1, "dist_52w_low": c / low - 1, "pos_52w": ((c - low) / (top - low)).clip(0, 1), "sma20_ratio": c / mean[20],
        "sma50_ratio": c / mean[50], "sma200_ratio": c / mean[200], "sma20_sma50_ratio": mean[20] / mean[50], "sma50_sma200_ratio": mean[50] / mean[200],
        "sma50_slope": mean[50].diff(5) / c, "sma200_slope": mean[200].diff(10) / c, "volatility_5d": v5, "volatility_21d": v21,
        "volatility_ratio": v5 / (v21 + 1e-10), "atr14_normalized": tr.rolling(14, min_periods=1).mean() / c, "log_volume": np.log1p(v),
        "log_avg_volume_20d": np.log1p(v20), "relative_volume": np.log1p(v / v20), "rsi14": (50 - 100 / (1 + gain / loss.replace(0, 1e-10))) / 50,
        "beta_spy_252d": ((cov / rm.rolling(252, min_periods=1).var() + 1) / 4).clip(0, 1), "candle_body_pct": (c - o).abs() / (h - l),
        "candle_upper_wick_pct": (h - np.maximum(c, o)) / (h - l), "candle_lower_wick_pct": (np.minimum(c, o) - l) / (h - l),
        "higher_high_10d": (c > c.shift().rolling(10, min_periods=1).max()).astype(float),
        "higher_low_10d": (c > c.shift().rolling(10, min_periods=1).min()).astype(float), "swing_low_10d": l.shift().rolling(10, min_periods=1).min(),
        "macd_histogram_normalized": (macd - macd.ewm(span=9, adjust=False).mean()) / c, "ppo_histogram": ppo - ppo.ewm(span=9, adjust=False).mean(),
        "dpo": (c - c.rolling(20).mean().shift(11)) / c, "roc10": c.pct_change(10), "roc20": c.pct_change(20),
        "stochastic_k14": ((c - l14) / (h14 - l14)).clip(0, 1), "williams_r14": ((h14 - c) / (h14 - l14 + 1e-10)).clip(0, 1),
        "bollinger_band_width": np.log1p(4 * std20 / mean[20]),
        "chaikin_money_flow": (((2 * c - h - l) / (h - l) * v).rolling(20, min_periods=1).sum() / v.rolling(20, min_periods=1).sum()).clip(-1, 1),
        "donchian_position": ((c - l20) / (h20 - l20)).clip(0, 1), "donchian_breakout": (c > c.shift().rolling(20).max()).astype(float),
        "ttm_squeeze_on": (2 * std20 < 1.5 * tr.rolling(20, min_periods=1).mean()).astype(float), "ttm_squeeze_momentum": (c - mean[20]) / c,
        "obv_momentum": obv / obv.shift(10) - 1, "price_curvature": mean[20].diff().diff() / (c + 1e-10),
        "volatility_of_volatility": v21.rolling(21, min_periods=1).std() / (v21.rolling(252, min_periods=1).mean() + 1e-10),
        "mkt_spy_dist_sma200": ((d200 - d200.rolling(1260, min_periods=1).mean()) / (d200.rolling(1260, min_periods=1).std() + 1e-10)).clip(-3, 3)})


def pandas_rows(d):
    """As such pipelines are mostly written where pandas has no method: a Python function for each window, a loop for each recursion."""
    c, h, l, s = (d[k] for k in ("close", "high", "low", "spy"))
    p, r = (h + l + c) / 3, np.log(c / c.shift())
    mad = p.rolling(20).apply(lambda x: np.abs(x - x.mean()).mean(), raw=True)
    x50 = np.arange(50)

    def fit(y):
        slope, base = np.polyfit(x50, y, 1)
        return (y[-1] - (base + slope * 49)) / y[-1]

    def hurst(y):
        away = np.cumsum(y - y.mean())
        spread = y.std(ddof=1)
        return min(max(np.log((away.max() - away.min()) / spread) / np.log(len(y)), 0), 1) if spread > 1e-10 else 0.5

    def fractal(y):
        ratio = np.abs(np.diff(y)).sum() / (abs(y[-1] - y[0]) + 1e-10)
        return min(max(np.log(ratio + 1) / np.log(100) / 0.8, 0), 1)

    growth = s.rolling(200, min_periods=1).mean()
    growth = growth / growth.shift(60) - 1
    close, path = c.to_numpy(), c.diff().abs().rolling(10).sum().to_numpy()
    kama, k = np.full(len(close), np.nan), close[:10].mean()
    for i in range(10, len(close)):
        er = abs(close[i] - close[i - 10]) / (path[i] + 1e-10)
        k += (er * (2 / 3 - 2 / 31) + 2 / 31) ** 2 * (close[i] - k)
        kama[i] = k
    return pd.DataFrame({
        "cci20": np.tanh((p - p.rolling(20).mean()) / (0.015 * mad + 1e-10) / 100), "trend_residual": c.rolling(50).apply(fit, raw=True),
        "hurst_exponent": r.rolling(100).apply(hurst, raw=True), "fractal_dimension_index": c.rolling(100).apply(fractal, raw=True),
        "aroon_up": h.rolling(25).apply(lambda x: (len(x) - 1 - x[::-1].argmax()) / 25, raw=True),
        "aroon_down": l.rolling(25).apply(lambda x: (len(x) - 1 - x[::-1].argmin()) / 25, raw=True),
        "mkt_spy_sma200_slope": growth.rolling(1260, min_periods=1).apply(lambda x: 2 * (x[~np.isnan(x)] <= x[-1]).mean() - 1, raw=True),
        "kama_slope": pd.Series(kama).diff() / c.to_numpy()})


def polars_features():
    """The same as pandas_methods, as expressions."""
    c, o, h, l, v, s = (pl.col(k) for k in ("close", "open", "high", "low", "volume", "spy"))
    mean = lambda x, n: x.rolling_mean(n, min_samples=1)
    std = lambda x, n: x.rolling_std(n, min_samples=1)
    top, low = lambda x, n: x.rolling_max(n, min_samples=1), lambda x, n: x.rolling_min(n, min_samples=1)
    r, dc, p = c.pct_change(), c.diff(), c.shift(1)
    tr = pl.max_horizontal(h - l, (h - p).abs(), (l - p).abs())
    e12, e26 = c.ewm_mean(span=12, adjust=False), c.ewm_mean(span=26, adjust=False)
    macd, ppo = e12 - e26, (e12 - e26) / e26
    v21 = std(r, 21)
    gain, loss = mean(dc.clip(lower_bound=0), 14), mean((-dc).clip(lower_bound=0), 14)
    obv = (dc.sign().fill_null(-1) * v).cum_sum()
    rs, rm = (c / p).log(), (s / s.shift(1)).log()
    d200 = s / (mean(s, 200) + 1e-10) - 1
    return dict(
        price=c * 1.0, price_log=c.log(), price_vs_ma200=c / mean(c, 200), daily_return=r, gap_pct=(o - p) / p, weekly_return_5d=c.pct_change(5),
        monthly_return_21d=c.pct_change(21), quarterly_return_63d=c.pct_change(63), dist_52w_high=c / top(c, 252) - 1, dist_52w_low=c / low(c, 252) - 1,
        pos_52w=((c - low(c, 252)) / (top(c, 252) - low(c, 252))).clip(0, 1), sma20_ratio=c / mean(c, 20), sma50_ratio=c / mean(c, 50), sma200_ratio=c / mean(c, 200),
        sma20_sma50_ratio=mean(c, 20) / mean(c, 50), sma50_sma200_ratio=mean(c, 50) / mean(c, 200), sma50_slope=mean(c, 50).diff(5) / c,
        sma200_slope=mean(c, 200).diff(10) / c, volatility_5d=std(r, 5), volatility_21d=v21, volatility_ratio=std(r, 5) / (v21 + 1e-10),
        atr14_normalized=mean(tr, 14) / c, log_volume=(v * 1.0).log1p(), log_avg_volume_20d=mean(v, 20).log1p(), relative_volume=(v / mean(v, 20)).log1p(),
        rsi14=(50 - 100 / (1 + gain / loss.replace(0, 1e-10))) / 50,
        beta_spy_252d=(((mean(rs * rm, 252) - mean(rs, 252) * mean(rm, 252)) / rm.rolling_var(252, min_samples=1) + 1) / 4).clip(0, 1),
        candle_body_pct=(c - o).abs() / (h - l), candle_upper_wick_pct=(h - pl.max_horizontal(c, o)) / (h - l),
        candle_lower_wick_pct=(pl.min_horizontal(c, o) - l) / (h - l), higher_high_10d=(c > top(p, 10)).cast(pl.Float64),
        higher_low_10d=(c > low(p, 10)).cast(pl.Float64), swing_low_10d=low(l.shift(1), 10),
        macd_histogram_normalized=(macd - macd.ewm_mean(span=9, adjust=False)) / c, ppo_histogram=ppo - ppo.ewm_mean(span=9, adjust=False),
        dpo=(c - c.rolling_mean(20).shift(11)) / c, roc10=c.pct_change(10), roc20=c.pct_change(20),
        stochastic_k14=((c - low(l, 14)) / (top(h, 14) - low(l, 14))).clip(0, 1), williams_r14=((top(h, 14) - c) / (top(h, 14) - low(l, 14) + 1e-10)).clip(0, 1),
        bollinger_band_width=(4 * std(c, 20) / mean(c, 20)).log1p(),
        chaikin_money_flow=(((2 * c - h - l) / (h - l) * v).rolling_sum(20, min_samples=1) / v.rolling_sum(20, min_samples=1)).clip(-1, 1),
        donchian_position=((c - low(l, 20)) / (top(h, 20) - low(l, 20))).clip(0, 1), donchian_breakout=(c > p.rolling_max(20)).cast(pl.Float64),
        ttm_squeeze_on=(2 * std(c, 20) < 1.5 * mean(tr, 20)).cast(pl.Float64), ttm_squeeze_momentum=(c - mean(c, 20)) / c, obv_momentum=obv / obv.shift(10) - 1,
        price_curvature=mean(c, 20).diff().diff() / (c + 1e-10), volatility_of_volatility=std(v21, 21) / (mean(v21, 252) + 1e-10),
        mkt_spy_dist_sma200=((d200 - mean(d200, 1260)) / (std(d200, 1260) + 1e-10)).clip(-3, 3))


TALIB = {  # ours, TA-Lib's, its outputs; goals are of technical.md
    "mean(close, 20)": lambda o, h, l, c, v: talib.SMA(c, 20), "ema(close, 12, seed: mean)": lambda o, h, l, c, v: talib.EMA(c, 12),
    "rsi(close, 14)": lambda o, h, l, c, v: talib.RSI(c, 14), "atr(high, low, close, 14)": lambda o, h, l, c, v: talib.ATR(h, l, c, 14),
    "max(close, 252)": lambda o, h, l, c, v: talib.MAX(c, 252), "stddev(close, 21, ddof: 0)": lambda o, h, l, c, v: talib.STDDEV(c, 21),
    "linearreg(close, 50)": lambda o, h, l, c, v: talib.LINEARREG(c, 50), "adx(high, low, close, 14)": lambda o, h, l, c, v: talib.ADX(h, l, c, 14),
    "cci(high, low, close, 20)": lambda o, h, l, c, v: talib.CCI(h, l, c, 20), "macd_hist(close, 12, 26, 9)": lambda o, h, l, c, v: talib.MACD(c, 12, 26, 9),
    "aroon_osc(high, low, 25)": lambda o, h, l, c, v: talib.AROONOSC(h, l, 25), "stoch_k(high, low, close, 14, 3, 3)": lambda o, h, l, c, v: talib.STOCH(h, l, c, 14, 3, 0, 3, 0),
    "kama(close, 10)": lambda o, h, l, c, v: talib.KAMA(c, 10), "mfi(high, low, close, volume, 14)": lambda o, h, l, c, v: talib.MFI(h, l, c, v, 14),
}


def frames(market, count):
    def frame(path, **names):
        return pq.read_table(path).to_pandas().astype({"date": "datetime64[s]", "volume": float}).rename(columns=names)
    spy = frame(market / "SPY.parquet", close="spy")[["date", "spy"]]
    return [pd.merge_asof(frame(p), spy, on="date") for p in sorted(market.glob("T*.parquet"))[:count]]


def beside_peers(market, work):
    definition = FEATURES / "technical_v2.loom"
    print("%-52s %10s %8s %10s" % ("ns a value, one core", "peer", "ours", "ratio"))
    own = ours(definition, market, work / "o")
    found["ours, all 61 of technical_v2"] = own
    print("%-52s %10s %8.2f" % ("all 61 features of technical_v2", "", own))
    found["ours, all 61 of technical"] = ours(FEATURES / "technical.loom", market, work / "o")
    print("%-52s %10s %8.2f" % ("all 61 features of technical", "", found["ours, all 61 of technical"]))
    data = frames(market, 20)
    rows, few = sum(map(len, data)), data[:2]
    names = list(pandas_methods(data[0].head(400)).columns)
    hard = list(pandas_rows(data[0].head(400)).columns)
    with_methods, with_rows = least(lambda: [pandas_methods(d) for d in data]), least(lambda: [pandas_rows(d) for d in few], 1)
    some, others = ours(definition, market, work / "o", "--select", ",".join(names)), ours(definition, market, work / "o", "--select", ",".join(hard))
    few_rows = sum(map(len, few))
    per_row = with_methods / rows + with_rows / few_rows
    both = ours(definition, market, work / "o", "--select", ",".join(names + hard))
    say("pandas with functions and loops, %d features" % (len(names) + len(hard)), per_row * 1e9 / (len(names) + len(hard)), both, 1500)
    say("pandas' own methods, %d features" % len(names), with_methods * 1e9 / rows / len(names), some, 50)
    tables, expressions = [pl.from_pandas(d) for d in data], polars_features()
    assert list(expressions) == names
    lazily = least(lambda: [t.lazy().select(**expressions).collect() for t in tables])
    say("polars, %d features" % len(names), lazily * 1e9 / rows / len(names), some, 20)
    say("pandas' functions and loops alone, %d features" % len(hard), with_rows * 1e9 / few_rows / len(hard), others)
    columns = [tuple(d[k].to_numpy(dtype=float) for k in ("open", "high", "low", "close", "volume")) for d in data]
    for text, peer in TALIB.items():
        one = work / "one.loom"
        one.write_text("stream by ticker order by date\ninput open?, high?, low?, close, volume?\nfeature f = %s\n" % text)
        shutil.rmtree(work / "o", ignore_errors=True)
        best = min(features(one, market, work / "o", "--threads", 1, "--profile")["profile"]["features"][0]["ns_per_row"] for _ in range(options.repeat))
        say("TA-Lib: " + text, least(lambda: [peer(*x) for x in columns]) * 1e9 / rows, best, 4)


def keeping_up(market, work):
    """The last day of every ticker comes later: as a file of that day beside the others, or with every file written anew."""
    folders = {name: work / name for name in ("before", "a file of the day", "every file anew")}
    for folder in folders.values():
        folder.mkdir()
    last, day = pc.max(pq.read_table(market / "SPY.parquet", columns=["date"])["date"]), []
    for path in sorted(market.glob("*.parquet")):
        table = pq.read_table(path)
        table = table.append_column("ticker", pa.array([path.stem] * len(table)))
        is_last = pc.equal(table["date"], last)
        day.append(table.filter(is_last))
        pq.write_table(table.filter(pc.invert(is_last)), folders["before"] / path.name)
        pq.write_table(table, folders["every file anew"] / path.name)
        os.link(folders["before"] / path.name, folders["a file of the day"] / path.name)  # the same file, by what the system says of it
    pq.write_table(pa.concat_tables(day), folders["a file of the day"] / "day.parquet")
    for name in ("technical.loom", "technical_v2.loom"):
        out, saved, full = work / "kept", work / "saved", None
        for _ in range(2):
            shutil.rmtree(saved, ignore_errors=True)
            record = features(FEATURES / name, folders["before"], saved)
            full = record if full is None or record["time"]["wall_s"] < full["time"]["wall_s"] else full
        for how in ("a file of the day", "every file anew"):
            best = None
            for _ in range(options.repeat):
                shutil.rmtree(out, ignore_errors=True)
                shutil.copytree(saved, out)
                record = features(FEATURES / name, folders[how], out, "--update")
                assert record["update"]["went_on"], record["update"]
                best = record if best is None or record["time"]["wall_s"] < best["time"]["wall_s"] else best
            times, less = full["time"]["wall_s"] / best["time"]["wall_s"], full["bytes_read"] / max(best["bytes_read"], 1)
            found["%s, %s" % (name, how)] = {"full_s": full["time"]["wall_s"], "update_s": best["time"]["wall_s"], "times": times, "bytes": less}
            print("%-17s update, %-17s %8.3f s of %7.3f s: %6.1fx in time, %8.1fx in bytes read (goal 50x)" % (
                name, how, best["time"]["wall_s"], full["time"]["wall_s"], times, less), flush=True)


def main():
    shared = Path("/dev/shm")
    root = shared if shared.is_dir() and shutil.disk_usage(shared).free > options.tickers * options.rows * 2000 else None
    with tempfile.TemporaryDirectory(prefix="tickloom-bench-", dir=root) as folder:
        market = Path(folder) / "market"
        run("generate", "daily", "--tickers", options.tickers, "--rows", options.rows, "--seed", 7, "--out", market)
        beside_peers(market, Path(folder))
        keeping_up(market, Path(folder))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


main()
