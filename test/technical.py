"""The shipped technical features against the original pipeline's output, an exact oracle and TA-Lib; and the original's defects as tests.

usage: technical.py TICKLOOM_BINARY SOURCE_ROOT [--all] [TEST...]     --all: every ticker of the panel, not a sample

Exit code: 77 where numpy, pyarrow or TA-Lib are missing.
"""
import datetime
import glob
import multiprocessing
import os
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import talib
    import technical_oracle as oracle
except ImportError as missing:
    print("SKIPPED: NO FEATURE WAS COMPARED, since %s cannot be imported (numpy, pyarrow and TA-Lib are needed)" % missing.name, file=sys.stderr)
    sys.exit(77)

TICKLOOM, ROOT = sys.argv[1:3]
EVERY_TICKER = "--all" in sys.argv
DATA = os.path.join(ROOT, "..", "shared", "data")
DAILY = os.path.join(DATA, "daily")
PANEL = os.path.join(DATA, "daily_panel", "sp500_5yr.parquet")
GOLDEN = os.path.join(DATA, "technical_v2_golden")
V2, CORRECTED = (os.path.join(ROOT, "features", name) for name in ("technical_v2.loom", "technical.loom"))
NAMED = os.path.join(ROOT, "test", "technical.loom")
COLUMNS = ("date", "open", "high", "low", "close", "volume", "adj_close")

# pandas' running variance has lost digits here (the golden folder's README); the oracle says what is right
PANDAS_VARIANCE = {"volatility_5d", "volatility_21d", "volatility_ratio", "volatility_of_volatility", "bollinger_band_width"}


def numbers(column):
    return column.to_numpy(zero_copy_only=False).astype(float)


def market(table):
    """The columns of one stream as the oracle takes them: days as integers, doubles."""
    return {name: table[name].cast("int32").to_numpy().astype(np.int64) if name == "date" else numbers(table[name]) for name in COLUMNS if name in table.column_names}


def differences(want, got, relative, absolute):
    """What is wrong with a column, as text, or nothing."""
    missing_want, missing_got = np.isnan(want), np.isnan(got)
    if (missing_want != missing_got).any():
        row = np.flatnonzero(missing_want != missing_got)[0]
        return "row %d: %r instead of %r" % (row, got[row], want[row])
    off = np.abs(want - got)
    bad = ~missing_want & (off > relative * np.abs(want)) & (off > absolute)
    if bad.any():
        row = np.flatnonzero(bad)[0]
        return "row %d: %r instead of %r; %d rows" % (row, got[row], want[row], bad.sum())
    return None


def compare_stream(job):
    """One stream against the oracle, in a process of its own."""
    which, name, stream, spy, got = job
    want = getattr(oracle, which)(stream, spy)
    found = [(name, feature, differences(np.asarray(x, float), got[feature], 1e-9, 1e-12)) for feature, x in want.items()]
    return [line for line in found if line[2]]


def features(definition, source, out, *more, expect=0):
    done = subprocess.run([TICKLOOM, "features", definition, "--in", source, "--out", out, "--quiet", *more], capture_output=True, text=True)
    if done.returncode != expect:
        raise AssertionError("exit %d\n%s" % (done.returncode, done.stderr))
    return out


def write_bars(path, close, high=None, low=None, open=None, volume=None, adjusted=None, first_day=10000, days=None):
    rows = len(close)
    days = np.arange(first_day, first_day + rows) if days is None else days
    columns = {"date": pa.array(np.asarray(days, np.int32)).cast(pa.date32()), "open": close if open is None else open, "high": close if high is None else high,
               "low": close if low is None else low, "close": close, "volume": np.full(rows, 1e5) if volume is None else volume}
    if adjusted is not None:
        columns["adj_close"] = adjusted
    pq.write_table(pa.table(columns), path)


def walk(rng, rows, start=100.0):
    """Bars of a random walk: close, high, low, open, volume."""
    close = start * np.exp(np.cumsum(rng.standard_normal(rows)) * 0.01)
    open_ = close * np.exp(rng.standard_normal(rows) * 0.005)
    high = np.maximum(close, open_) * (1 + 0.005 * rng.random(rows))
    low = np.minimum(close, open_) * (1 - 0.005 * rng.random(rows))
    return dict(close=close, high=high, low=low, open=open_, volume=np.floor(1e6 * rng.random(rows)) + 1)


class Kit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tickloom-technical-")
        self.at = lambda *parts: os.path.join(self.folder.name, *parts)
        os.mkdir(self.at("in"))

    def tearDown(self):
        self.folder.cleanup()

    def columns(self, path):
        table = pq.read_table(path)
        return {name: numbers(table[name]) for name in table.column_names if name not in ("ticker", "symbol", "date")}

    def against_oracle(self, jobs):
        with multiprocessing.Pool(2) as pool:
            wrong = [line for lines in pool.imap_unordered(compare_stream, jobs) for line in lines]
        self.assertEqual(wrong, [])


@unittest.skipUnless(os.path.isdir(DAILY), "the shared daily data are not here")
class RealData(Kit):
    def test_golden(self):
        """All 61 features of the original pipeline, missing positions included, but where its variance is wrong."""
        out, compared = features(V2, DAILY, self.at("out")), 0
        for path in sorted(glob.glob(os.path.join(GOLDEN, "*.parquet"))):
            name, want, got = os.path.basename(path), self.columns(path), self.columns(os.path.join(out, os.path.basename(path)))
            self.assertEqual(list(want), list(got), name)
            for feature, x in want.items():
                close_enough = 1e-4 if feature in PANDAS_VARIANCE and name in ("USO.parquet", "AAA.parquet", "BNO.parquet") else 1e-9
                self.assertIsNone(differences(x, got[feature], close_enough, 1e-13), (name, feature))
                compared += 1
        self.assertEqual(compared, 7 * 61)

    def daily(self, which, definition):
        out, spy = features(definition, DAILY, self.at("out")), market(pq.read_table(os.path.join(DAILY, "SPY.parquet")))
        paths = sorted(glob.glob(os.path.join(DAILY, "*.parquet")))
        self.assertEqual(len(paths), 21)
        self.against_oracle((which, os.path.basename(p), market(pq.read_table(p)), spy, self.columns(os.path.join(out, os.path.basename(p)))) for p in paths)

    def test_daily_v2(self):
        self.daily("v2", V2)

    def test_daily_corrected(self):
        self.daily("corrected", CORRECTED)

    def panel(self, which, definition):
        features(definition, PANEL, self.at("out"), "--key", "ticker=symbol", "--side", "spy=" + DAILY, "--on-duplicate", "first")
        spy = market(pq.read_table(os.path.join(DAILY, "SPY.parquet")))
        bars, got = pq.read_table(PANEL), pq.read_table(self.at("out"))
        symbols = sorted(set(bars["symbol"].to_pylist()))
        self.assertEqual(len(symbols), 482)
        if not EVERY_TICKER:
            symbols = [s for i, s in enumerate(symbols) if i % 24 == 0 or s in ("CBS", "SNI", "CSRA", "DIS", "EVHC", "RF", "VMC")]

        def jobs():
            key = "ticker" if "ticker" in got.column_names else "symbol"
            for symbol in symbols:
                rows = bars.filter(pa.compute.equal(bars["symbol"], symbol))
                days = rows["date"].cast("int32").to_numpy()
                rows = rows.take(np.unique(days, return_index=True)[1])
                values = got.filter(pa.compute.equal(got[key], symbol))
                yield which, symbol, market(rows), spy, {n: numbers(values[n]) for n in values.column_names if n not in ("symbol", "ticker", "date")}
        self.against_oracle(jobs())

    def test_panel_v2(self):
        self.panel("v2", V2)

    def test_panel_corrected(self):
        self.panel("corrected", CORRECTED)


class Named(Kit):
    """Named indicators are TA-Lib's, to 1e-10, missing positions included."""

    def worlds(self):
        rng, rows = np.random.default_rng(1), 600
        put = lambda name, close, **more: write_bars(self.at("in", name + ".parquet"), close, **more)
        bars = walk(rng, rows)
        put("walk", **bars)
        put("flat", np.full(rows, 10.0))
        put("up", np.arange(1.0, rows + 1))
        put("down", np.arange(rows, 0.0, -1))
        put("ties", np.round(10 + rng.integers(0, 3, rows)).astype(float), high=np.round(12 + rng.integers(0, 2, rows)).astype(float),
            low=np.round(9 + rng.integers(0, 2, rows)).astype(float))
        step = np.full(rows, 10.0)
        step[50:60] = 11
        put("step", step)
        put("no_volume", 10 + rng.random(rows), volume=np.zeros(rows))
        put("cheap", 1e-3 * (1 + rng.random(rows)), volume=np.ones(rows))
        close = 10 + np.cumsum(rng.standard_normal(rows)) * 0.1
        put("narrow", close, high=close + 0.1, low=close - 0.1)
        put("one", close[:1].copy())
        put("short", close[:20].copy(), high=close[:20] + 1, low=close[:20] - 1)

    def compare(self, source, out):
        for path in sorted(glob.glob(os.path.join(source, "*.parquet"))):
            bars = pq.read_table(path)
            o, h, l, c, v = (numbers(bars[name]) for name in ("open", "high", "low", "close", "volume"))
            macd, bands, stoch, aroon = talib.MACD(c), talib.BBANDS(c, 20, 2, 2), talib.STOCH(h, l, c, 14, 3, 0, 3, 0), talib.AROON(h, l, 25)
            want = dict(
                rsi14=talib.RSI(c, 14), rsi2=talib.RSI(c, 2), atr14=talib.ATR(h, l, c, 14), atr1=talib.ATR(h, l, c, 1), natr14=talib.NATR(h, l, c, 14),
                plus14=talib.PLUS_DI(h, l, c, 14), plus2=talib.PLUS_DI(h, l, c, 2), minus14=talib.MINUS_DI(h, l, c, 14), dx14=talib.DX(h, l, c, 14),
                adx14=talib.ADX(h, l, c, 14), adx5=talib.ADX(h, l, c, 5), willr14=talib.WILLR(h, l, c, 14), up25=aroon[1], down25=aroon[0],
                osc14=talib.AROONOSC(h, l, 14), macd=macd[0], signal=macd[1], hist=macd[2], upper=bands[0], middle=bands[1], lower=bands[2], k14=stoch[0],
                d14=stoch[1], mfi14=talib.MFI(h, l, c, v, 14), cci20=talib.CCI(h, l, c, 20), ultosc=talib.ULTOSC(h, l, c), mom10=talib.MOM(c, 10),
                roc10=talib.ROC(c, 10), trix15=talib.TRIX(c, 15), kama10=talib.KAMA(c, 10), kama30=talib.KAMA(c, 30), line14=talib.LINEARREG(c, 14),
                obv=talib.OBV(c, v))
            got = self.columns(os.path.join(out, os.path.basename(path)))
            self.assertEqual(set(want), set(got))
            for name, x in want.items():
                self.assertIsNone(differences(x, got[name], 1e-10, 1e-10), (os.path.basename(path), name))

    def test_worlds(self):
        self.worlds()
        self.compare(self.at("in"), features(NAMED, self.at("in"), self.at("out")))

    @unittest.skipUnless(os.path.isdir(DAILY), "the shared daily data are not here")
    def test_daily(self):
        self.compare(DAILY, features(NAMED, DAILY, self.at("out")))


class Defects(Kit):
    """What the original did wrong, as tests of the corrected set. (Appends are in test/update.py.)"""

    def setUp(self):
        super().setUp()
        self.rng = np.random.default_rng(7)
        self.spy = walk(self.rng, 1800, 400.0)
        write_bars(self.at("in", "SPY.parquet"), **self.spy)

    def corrected(self, *more):
        out = features(CORRECTED, self.at("in"), self.at("out"), *more)
        return {os.path.basename(p)[:-8]: self.columns(p) for p in glob.glob(os.path.join(out, "*.parquet"))}

    def same(self, a, b, names=None, tolerance=1e-9):
        for name in names or a:
            self.assertIsNone(differences(a[name], b[name], tolerance, 1e-10), name)

    def test_splits_and_adjusted_closes(self):
        """A split says nothing: raw bars with an adjusted close give what adjusted bars give."""
        bars = walk(self.rng, 600)
        write_bars(self.at("in", "ADJUSTED.parquet"), **bars)
        raw = {name: x if name == "volume" else np.where(np.arange(600) < 400, 4 * x, x) for name, x in bars.items()}
        write_bars(self.at("in", "RAW.parquet"), **raw, adjusted=bars["close"])
        got = self.corrected()
        self.same(got["ADJUSTED"], got["RAW"])
        self.assertLess(np.nanmax(np.abs(got["RAW"]["gap_pct"])), 0.1)

    def test_market_features_are_the_markets(self):
        """A ticker that skips days sees the same market as one that does not."""
        bars, keep = walk(self.rng, 1800), np.sort(self.rng.choice(1800, 900, replace=False))
        write_bars(self.at("in", "EVERY.parquet"), **bars)
        write_bars(self.at("in", "SOME.parquet"), **{name: x[keep] for name, x in bars.items()}, days=10000 + keep)
        got = self.corrected()
        for name in ("mkt_spy_dist_sma200", "mkt_spy_sma200_slope"):
            np.testing.assert_array_equal(got["SOME"][name], got["EVERY"][name][keep])
            self.assertGreater(np.isfinite(got["SOME"][name]).sum(), 100)

    def test_no_mean_of_200_days_at_day_3(self):
        write_bars(self.at("in", "A.parquet"), **walk(self.rng, 600))
        got = self.corrected()["A"]
        first = {name: int(np.flatnonzero(np.isfinite(x))[0]) for name, x in got.items() if np.isfinite(x).any()}
        for name, row in dict(sma200_ratio=199, sma200_slope=209, sma50_ratio=49, volatility_21d=21, dist_52w_high=251, beta_spy_252d=252, rsi14=14,
                              hurst_exponent=128, fractal_dimension_index=99, volatility_of_volatility=272).items():
            self.assertEqual(first[name], row, name)

    def test_beta_has_one_ddof(self):
        """A stock that moves twice as the market has a beta of 2."""
        write_bars(self.at("in", "TWICE.parquet"), self.spy["close"] ** 2)
        beta = self.corrected()["TWICE"]["beta_spy_252d"]
        np.testing.assert_allclose(beta[252:], 2, rtol=1e-11)

    def test_where_a_file_starts(self):
        """Windows, obv_momentum and ytd_return do not see what lies before their rows."""
        bars, cut = walk(self.rng, 1800), 700
        write_bars(self.at("in", "WHOLE.parquet"), **bars)
        write_bars(self.at("in", "LATE.parquet"), **{name: x[cut:] for name, x in bars.items()}, first_day=10000 + cut)
        got = self.corrected()
        recursive = {"rsi14", "atr14_normalized", "adx14", "macd_histogram_normalized", "ppo_histogram", "kama_slope"}
        for name in set(got["LATE"]) - recursive:
            late, whole = got["LATE"][name], got["WHOLE"][name][cut:]
            both = np.isfinite(late)
            both[:21] = False  # 0 or 1 where no window is full yet
            if name == "ytd_return":
                both[:366] = False  # the year that the file begins in
            self.assertIsNone(differences(whole[both], late[both], 1e-9, 1e-12), name)
            self.assertGreater(both.sum(), 20, name)

    def test_prices_stay_doubles(self):
        close = 0.1 + np.arange(300) / 7e6
        write_bars(self.at("in", "FINE.parquet"), close)
        np.testing.assert_array_equal(self.corrected()["FINE"]["price"], close)

    def test_a_print_of_1e12_is_forgotten(self):
        """After a bad print has left the windows nothing of it is left, where pandas' running variance keeps an error."""
        bars = walk(self.rng, 1200)
        write_bars(self.at("in", "GOOD.parquet"), **bars)
        bad = {name: x.copy() for name, x in bars.items()}
        for name in ("open", "high", "low", "close"):
            bad[name][100] = 1e12
        write_bars(self.at("in", "BAD.parquet"), **bad)
        got = self.corrected()
        for name in ("volatility_5d", "volatility_21d", "volatility_of_volatility", "bollinger_band_width", "sma200_ratio", "trend_residual", "beta_spy_252d", "cci20"):
            np.testing.assert_array_equal(got["GOOD"][name][600:], got["BAD"][name][600:], name)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *[a for a in sys.argv[3:] if a != "--all"]])
