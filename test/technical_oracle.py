"""Slow, exact oracle for the two technical feature sets: v2(stream, spy) and corrected(stream, spy).
Every window is computed from its own rows, in long double, as deviations from a value inside the window; recursions are plain loops.
Intermediate columns stay in long double and are rounded to float64 once, at the end.

Readings of the text, both sets (they matter only at missing inputs):
 A1 max(c, o), min(c, o) of the wicks skip a missing argument (greatest, least), so the present one of the two is used.
 A2 cumsum-like recursions (OBV): missing output where v is missing, state held. A row whose change of c is missing counts -v in v2.
 A3 v2 adx14: "rows 0..13" are rows of the stream; W there is the mean of the present values so far; W is missing where its input is.
 A4 v2 kama_slope: "the first 10 closes" are the present ones of rows 0..9; K exists from row 9 on, held at a missing c or er.
 A5 v2 hurst_exponent, fractal_dimension_index, trend_residual, aroon: any missing value in the window makes them missing.
 A6 The as-of join takes the last SPY row at or before the date, also when its value is missing; no limit on its age.
 A7 Years are calendar years (UTC) of the date.
Readings of the text, corrected set:
 C1 f = adj_close/close in float64, then o*f, h*f, l*f in float64 (f = 1 leaves them exact); no factor, no o, h, l. Volume stays raw.
 C2 s is SPY's adjusted close if SPY has that column (mkt_* as well as beta), else its close.
 C3 A span or a deviation of 0 gives x/0 = missing (pos_52w too: v2's "divide by 1" is gone). h = l: the candle parts and m are missing,
    so chaikin_money_flow is missing for the 20 windows that hold such a row; a volume sum of 0: missing.
 C4 ytd_return: the base is the last present close of calendar year y - 1; no row in year y - 1 (a reused ticker after a gap): missing.
 C5 higher_*, donchian_breakout, ttm_squeeze_on stay 0/1; while a window is not full they are 0. The previous 10 closes must be full.
 C6 ttm_squeeze_on keeps std ddof 1 (only bollinger_band_width is population) and the simple mean of TR, whose first row is h - l.
 C7 obv_momentum = sum_10(sign(c_t - c_{t-1}) v) / sum_10(v); a missing change makes the window missing; first value at row 10.
 C8 williams_r14 is TA-Lib's: -100..0. rsi14, adx14, aroon 0..100, aroon_oscillator -100..100. ATR, ADX are Wilder's.
 C9 ppo_histogram stays a fraction; both EMAs are seeded with the SMA of their own first n rows (not MACD's late start), so is the signal.
 C10 kama_slope: K starts from c_9 (as TA-Lib: first output at row 10), so the slope starts at row 11; er = 1 where the path is 0; no clip.
 C11 hurst_exponent: S ddof 0; blocks back to back, the last one ends at the present row; least squares over the 5 points.
 C12 fractal_dimension_index: all lengths on the unit square; flat closes (span 0): missing.
 C13 rank of mkt_spy_sma200_slope: 1260 present g needed, share of g <= g_t, in (0, 1].
 C14 beta: SPY's return of its last day at or before the row's date, also where the stock's own return spans a gap.
 C15 Named indicators at missing inputs: recursions (RSI, ATR, ADX, MACD, KAMA) run over the present rows, their state held over the
     gap; windows (WILLR, CCI, AROON) run on each gap-free piece, so a window must be full.
 C16 price_curvature is over c, sma slopes over c, log_volume = ln(1 + v), log_avg_volume_20d = ln(1 + mean_20 v) as in v2.
"""
import numpy as np

LD, CHUNK = np.longdouble, 1024
NAN, EPS = LD('nan'), LD(1) / LD(10) ** 10

NAMES = '''price price_log price_vs_ma200 daily_return gap_pct weekly_return_5d monthly_return_21d quarterly_return_63d ytd_return dist_52w_high
dist_52w_low pos_52w sma20_ratio sma50_ratio sma200_ratio sma20_sma50_ratio sma50_sma200_ratio sma50_slope sma200_slope volatility_5d volatility_21d
volatility_ratio atr14_normalized log_volume log_avg_volume_20d relative_volume rsi14 beta_spy_252d candle_body_pct candle_upper_wick_pct
candle_lower_wick_pct higher_high_10d higher_low_10d swing_low_10d trend_residual macd_histogram_normalized ppo_histogram dpo roc10 roc20
stochastic_k14 bollinger_band_width adx14 chaikin_money_flow donchian_position donchian_breakout ttm_squeeze_on ttm_squeeze_momentum obv_momentum
aroon_up aroon_down aroon_oscillator cci20 williams_r14 kama_slope fractal_dimension_index hurst_exponent price_curvature volatility_of_volatility
mkt_spy_dist_sma200 mkt_spy_sma200_slope'''.split()

# ---- values: anything not finite is missing ----
def fin(x):
    return np.where(np.isfinite(x), x, NAN)

def col(d, name):
    return fin(np.asarray(d[name], LD))

def div(a, b):
    return fin(a / b)

def log(x):
    return fin(np.log(x))

def lag(x, k=1):
    return np.concatenate([np.full(min(k, len(x)), NAN), x[:max(len(x) - k, 0)]])

def pct(x, k=1):
    return fin(div(x, lag(x, k)) - 1)

def logret(x):
    return log(div(x, lag(x)))

def true(cond):
    return cond.astype(LD)

# ---- windows: f gets the (rows, n) block of windows; rows before the start are missing ----
def roll(f, n, *xs):
    ws = [np.lib.stride_tricks.sliding_window_view(np.concatenate([np.full(n - 1, NAN), x]), n) for x in xs if len(x)]
    return np.concatenate([np.empty(0, LD)] + [f(*(w[i:i + CHUNK] for w in ws)) for i in range(0, len(xs[0]), CHUNK)])

def centre(w):
    """present mask, count, mean; the mean as deviations from the newest present value, so a flat window is exact"""
    p = ~np.isnan(w)
    ref = w[np.arange(len(w)), w.shape[1] - 1 - p[:, ::-1].argmax(1)]
    k = p.sum(1)
    return p, k, ref + np.where(p, w - ref[:, None], 0).sum(1) / k

def mean(x, n, mn=1):
    def f(w):
        _, k, m = centre(w)
        return np.where(k >= mn, m, NAN)
    return roll(f, n, x)

def var(x, n, mn=1, ddof=1):
    def f(w):
        p, k, m = centre(w)
        ss = (np.where(p, w - m[:, None], 0) ** 2).sum(1)
        return np.where(k >= max(mn, ddof + 1), ss / np.maximum(k - ddof, 1), NAN)
    return roll(f, n, x)

def std(x, n, mn=1, ddof=1):
    return np.sqrt(var(x, n, mn, ddof))

def total(x, n, mn=1):
    return roll(lambda w: np.where((~np.isnan(w)).sum(1) >= mn, np.nansum(w, 1), NAN), n, x)

def hi(x, n, mn=1):
    return roll(lambda w: np.where((~np.isnan(w)).sum(1) >= mn, fin(np.where(np.isnan(w), -np.inf, w).max(1)), NAN), n, x)

def lo(x, n, mn=1):
    return -hi(-x, n, mn)

def full(f):
    """a window function of full windows only"""
    def g(*ws):
        ok = ~np.any([np.isnan(w).any(1) for w in ws], axis=0)
        out = np.full(len(ok), NAN)
        if ok.any():
            out[ok] = f(*(w[ok] for w in ws))
        return out
    return g

def fit_last(x, n):
    """least squares on 0..n-1 over full windows, its value at the last row"""
    t = np.arange(n, dtype=LD) - LD(n - 1) / 2
    def f(w):
        _, _, m = centre(w)
        return m + ((w - m[:, None]) * t).sum(1) / (t * t).sum() * t[-1]
    return roll(full(f), n, x)

# ---- recursions ----
def ema(x, n, seed='first'):
    """seed mean: missing until n present values, then their mean"""
    a, y, out, head = LD(2) / (n + 1), None, np.full(len(x), NAN), []
    for i in np.flatnonzero(~np.isnan(x)):
        if y is not None:
            y = y + a * (x[i] - y)
        else:
            head.append(x[i])
            if seed == 'first' or len(head) == n:
                y = mean(np.array(head), len(head))[-1]
        out[i] = NAN if y is None else y
    return out

def true_range(h, l, c):
    p = lag(c)
    return np.where(np.isnan(p), h - l, np.maximum(h - l, np.maximum(abs(h - p), abs(l - p))))

def cci_parts(h, l, c):
    """distance of the typical price from its mean of 20 rows, and the mean absolute deviation; the price is a column in float64: where it
    hardly moves, its last bit is all that there is"""
    p = ((h.astype(np.float64) + l.astype(np.float64) + c.astype(np.float64)) / 3).astype(LD)
    def away(w):
        return (w - centre(w)[2][:, None])[:, -1]
    def mad(w):
        return abs(w - centre(w)[2][:, None]).sum(1) / 20
    return roll(full(away), 20, p), roll(full(mad), 20, p)

def asof(dates, sdates, x):
    return np.concatenate([[NAN], x])[np.searchsorted(np.asarray(sdates, np.int64), np.asarray(dates, np.int64), side='right')]

def years(dates):
    return np.asarray(dates, np.int64).astype('datetime64[D]').astype('datetime64[Y]').astype(np.int64)

def finish(F):
    return {k: np.where(np.isfinite(v), v, np.nan) for k in NAMES for v in [np.asarray(F[k]).astype(np.float64)]}

def common(F, o, h, l, c, v, full_windows):
    """what is written the same in both sets; full_windows turns the minimum counts from 1 to n"""
    def mn(n):
        return n if full_windows else 1
    F['price'], F['price_log'], F['daily_return'] = c, log(c), pct(c)
    for k, n in dict(weekly_return_5d=5, monthly_return_21d=21, quarterly_return_63d=63, roc10=10, roc20=20).items():
        F[k] = pct(c, n)
    m20, m50, m200 = (mean(c, n, mn(n)) for n in (20, 50, 200))
    F['price_vs_ma200'] = F['sma200_ratio'] = div(c, m200)
    F['sma20_ratio'], F['sma50_ratio'] = div(c, m20), div(c, m50)
    F['sma20_sma50_ratio'], F['sma50_sma200_ratio'] = div(m20, m50), div(m50, m200)
    F['sma50_slope'], F['sma200_slope'] = div(m50 - lag(m50, 5), c), div(m200 - lag(m200, 10), c)
    F['gap_pct'] = div(o - lag(c), lag(c))
    F['candle_body_pct'] = div(abs(c - o), h - l)
    F['candle_upper_wick_pct'], F['candle_lower_wick_pct'] = div(h - np.fmax(c, o), h - l), div(np.fmin(c, o) - l, h - l)
    F['higher_high_10d'], F['higher_low_10d'] = true(c > hi(lag(c), 10, mn(10))), true(c > lo(lag(c), 10, mn(10)))
    F['swing_low_10d'] = lo(lag(l), 10, mn(10))
    top, low = hi(c, 252, mn(252)), lo(c, 252, mn(252))
    F['dist_52w_high'], F['dist_52w_low'] = div(c, top) - 1, div(c, low) - 1
    F['pos_52w'] = div(c - low, top - low)
    F['volatility_5d'], F['volatility_21d'] = std(F['daily_return'], 5, mn(5)), std(F['daily_return'], 21, mn(21))
    F['log_volume'], F['log_avg_volume_20d'] = log(1 + v), log(1 + mean(v, 20, mn(20)))
    F['stochastic_k14'] = div(c - lo(l, 14, mn(14)), hi(h, 14, mn(14)) - lo(l, 14, mn(14)))
    F['donchian_position'] = div(c - lo(l, 20, mn(20)), hi(h, 20, mn(20)) - lo(l, 20, mn(20)))
    F['donchian_breakout'] = true(c > hi(lag(c), 20, 20))
    F['chaikin_money_flow'] = div(total(div(2 * c - h - l, h - l) * v, 20, mn(20)), total(v, 20, mn(20)))
    sd, tr = std(c, 20, mn(20)), mean(true_range(h, l, c), 20, mn(20))
    F['ttm_squeeze_on'] = true(4 * sd < 3 * tr)  # both bands strictly inside
    F['trend_residual'] = div(c - fit_last(c, 50), c)
    return m20, top, low

@np.errstate(all='ignore')
def v2(stream, spy):
    o, h, l, v = (col(stream, k) for k in ('open', 'high', 'low', 'volume'))
    c = col(stream, 'adj_close' if 'adj_close' in stream else 'close')
    s = asof(stream['date'], spy['date'], col(spy, 'close'))
    N, F, dc = len(c), {}, c - lag(c)
    m20, top, low = common(F, o, h, l, c, v, False)
    first, ytd = {}, np.full(N, NAN)
    for i, y in enumerate(years(stream['date'])):
        if not np.isnan(c[i]):
            ytd[i] = c[i] / first.setdefault(y, c[i]) - 1
    F['ytd_return'] = ytd
    F['pos_52w'] = np.clip(div(c - low, np.where(top == low, 1, top - low)), 0, 1)
    v21 = F['volatility_21d']
    F['volatility_ratio'] = div(F['volatility_5d'], v21 + EPS)
    F['volatility_of_volatility'] = div(std(v21, 21), mean(v21, 252) + EPS)
    tr = true_range(h, l, c)
    F['atr14_normalized'] = div(mean(tr, 14), c)
    F['relative_volume'] = log(1 + div(v, mean(v, 20)))
    gain, loss = mean(np.maximum(dc, 0), 14), mean(np.maximum(-dc, 0), 14)
    F['rsi14'] = (100 - 100 / (1 + div(gain, np.where(loss == 0, EPS, loss))) - 50) / 50
    e12, e26 = ema(c, 12), ema(c, 26)
    F['macd_histogram_normalized'] = div(e12 - e26 - ema(e12 - e26, 9), c)
    ppo = div(e12 - e26, e26)
    F['ppo_histogram'] = ppo - ema(ppo, 9)
    F['dpo'] = div(c - lag(mean(c, 20, 20), 11), c)
    F['stochastic_k14'], F['donchian_position'] = np.clip(F['stochastic_k14'], 0, 1), np.clip(F['donchian_position'], 0, 1)
    h14, l14 = hi(h, 14, 14), lo(l, 14, 14)
    F['williams_r14'] = np.clip(div(h14 - c, h14 - l14 + EPS), 0, 1)
    F['bollinger_band_width'] = log(1 + 4 * div(std(c, 20), m20))
    F['chaikin_money_flow'] = np.clip(F['chaikin_money_flow'], -1, 1)
    F['ttm_squeeze_momentum'] = div(c - m20, c)
    F['price_curvature'] = div(m20 - lag(m20) - (lag(m20) - lag(m20, 2)), c + EPS)
    up, dn = h - lag(h), lag(l) - l
    pdm = np.where((up > 0) & (up > dn), up, 0)
    ndm = np.where((dn > 0) & (dn > pdm), dn, 0)
    def W(x):
        head, y, out = mean(x[:14], 14), NAN, np.full(N, NAN)
        for i in range(N):
            if not np.isnan(x[i]):
                y = out[i] = head[i] if i < 14 or np.isnan(y) else y * 13 / 14 + x[i] / 14
        return out
    wt = W(tr)
    pdi, ndi = 100 * div(W(pdm), wt), 100 * div(W(ndm), wt)
    F['adx14'] = np.clip(ema(100 * div(abs(pdi - ndi), pdi + ndi), 14) / 100, 0, 1)
    obv, run = np.full(N, NAN), LD(0)
    for i in range(N):
        if not np.isnan(v[i]):
            run = obv[i] = run + (v[i] if dc[i] > 0 else 0 if dc[i] == 0 else -v[i])
    F['obv_momentum'] = pct(obv, 10)
    since = full(lambda w: w[:, ::-1].argmax(1).astype(LD))  # newest of ties
    F['aroon_up'], F['aroon_down'] = (25 - roll(since, 25, h)) / 25, (25 - roll(since, 25, -l)) / 25
    F['aroon_oscillator'] = (100 * F['aroon_up'] - 100 * F['aroon_down'] + 100) / 200
    away, mad = cci_parts(h, l, c)
    F['cci20'] = np.tanh(away / (LD(15) / 1000 * mad + EPS) / 100)
    er = np.clip(div(abs(c - lag(c, 10)), total(abs(dc), 10) + EPS), 0, 1)
    sc = (er * (LD(2) / 3 - LD(2) / 31) + LD(2) / 31) ** 2
    K, y = np.full(N, NAN), mean(c[:10], 10)[-1] if N >= 10 else NAN
    for i in range(9, N):
        if i > 9 and not np.isnan(sc[i]):
            y = y + sc[i] * (c[i] - y)
        K[i] = y if i == 9 or not np.isnan(sc[i]) else NAN
    F['kama_slope'] = div(K - lag(K), c)
    rs, rm = logret(c), logret(s)
    def hurst(w):
        d = w - centre(w)[2][:, None]
        D = np.cumsum(d, 1)
        R, S = D.max(1) - D.min(1), np.sqrt((d * d).sum(1) / 99)
        rs_ = div(R, S)
        return np.where((S < EPS) | (rs_ < EPS), LD(1) / 2, np.clip(np.log(rs_) / np.log(LD(100)), 0, 1))
    F['hurst_exponent'] = roll(full(hurst), 100, rs)
    def fractal(w):
        R = abs(np.diff(w, axis=1)).sum(1) / (abs(w[:, -1] - w[:, 0]) + EPS)
        return np.clip(np.log(R + 1) / np.log(LD(100)) / (LD(8) / 10), 0, 1)
    F['fractal_dimension_index'] = roll(full(fractal), 100, c)
    vm = var(rm, 252)
    cov = mean(rs * rm, 252) - mean(rs, 252) * mean(rm, 252)
    F['beta_spy_252d'] = np.clip((div(cov, vm) + 1) / 4, 0, 1)
    s200 = mean(s, 200)
    d = div(s, s200 + EPS) - 1
    sd = std(d, 1260)
    F['mkt_spy_dist_sma200'] = np.clip(np.where(sd == 0, NAN, div(d - mean(d, 1260), sd + EPS)), -3, 3)
    def share(w):
        k = (~np.isnan(w)).sum(1)
        p = div((w <= w[:, -1:]).sum(1).astype(LD), k)
        return np.where(np.isnan(w[:, -1]), NAN, np.where(k == 1, 0, 2 * p - 1))
    F['mkt_spy_sma200_slope'] = roll(share, 1260, div(s200, lag(s200, 60) + EPS) - 1)
    return finish(F)

def named(f, outs, *xs, windows=False):
    """a named indicator: recursions over all present rows (state held over gaps), windows on each gap-free piece"""
    ok = ~np.any([np.isnan(x) for x in xs], axis=0)
    rows = np.flatnonzero(ok)
    out = np.full((outs, len(ok)), NAN)
    for part in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if windows else [rows]:
        if len(part):
            out[:, part] = np.reshape(f(*(x[part].astype(np.float64) for x in xs)), (outs, -1))
    return out if outs > 1 else out[0]

def kama(c):
    c, out = c.astype(LD), np.full(len(c), NAN)
    y = c[9] if len(c) > 9 else NAN
    for i in range(10, len(c)):
        path = abs(np.diff(c[i - 10:i + 1])).sum()
        er = abs(c[i] - c[i - 10]) / path if path > 0 else LD(1)
        y = out[i] = y + (er * (LD(2) / 3 - LD(2) / 31) + LD(2) / 31) ** 2 * (c[i] - y)
    return out

@np.errstate(all='ignore')
def corrected(stream, spy):
    import talib
    o, h, l, v, c = (col(stream, k) for k in ('open', 'high', 'low', 'volume', 'close'))
    if 'adj_close' in stream:
        a = col(stream, 'adj_close')
        f = div(a.astype(np.float64), c.astype(np.float64))  # one factor per row, in float64
        o, h, l = (fin((x.astype(np.float64) * f.astype(np.float64)).astype(LD)) for x in (o, h, l))
        c = a
    s = col(spy, 'adj_close' if 'adj_close' in spy else 'close')
    N, F, dc = len(c), {}, c - lag(c)
    m20, _, _ = common(F, o, h, l, c, v, True)
    last, ytd = {}, np.full(N, NAN)
    for i, y in enumerate(years(stream['date'])):
        if not np.isnan(c[i]):
            last[y] = c[i]
            ytd[i] = c[i] / last.get(y - 1, NAN) - 1
    F['ytd_return'] = ytd
    v21 = F['volatility_21d']
    F['volatility_ratio'] = div(F['volatility_5d'], v21)
    F['volatility_of_volatility'] = div(std(v21, 21, 21), mean(v21, 252, 252))
    F['atr14_normalized'] = div(named(lambda *x: talib.ATR(*x, 14), 1, h, l, c), c)
    F['relative_volume'] = log(div(v, mean(v, 20, 20)))
    F['rsi14'] = named(lambda x: talib.RSI(x, 14), 1, c)
    F['adx14'] = named(lambda *x: talib.ADX(*x, 14), 1, h, l, c)
    F['williams_r14'] = named(lambda *x: talib.WILLR(*x, 14), 1, h, l, c, windows=True)
    away, mad = cci_parts(h, l, c)
    F['cci20'] = np.where((mad == 0) | (away == 0), 0 * away, away / (LD(15) / 1000 * mad))
    F['aroon_down'], F['aroon_up'] = named(lambda *x: talib.AROON(*x, 25), 2, h, l, windows=True)
    F['aroon_oscillator'] = F['aroon_up'] - F['aroon_down']
    F['macd_histogram_normalized'] = div(named(lambda x: talib.MACD(x, 12, 26, 9), 3, c)[2], c)
    e26 = ema(c, 26, 'mean')
    ppo = div(ema(c, 12, 'mean') - e26, e26)
    F['ppo_histogram'] = ppo - ema(ppo, 9, 'mean')
    F['dpo'] = div(lag(c, 11) - m20, c)
    F['bollinger_band_width'] = div(4 * std(c, 20, 20, ddof=0), m20)
    mid = ((hi(h, 20, 20) + lo(l, 20, 20)) / 2 + m20) / 2
    F['ttm_squeeze_momentum'] = div(fit_last(c - mid, 20), c)
    F['obv_momentum'] = div(total(np.sign(dc) * v, 10, 10), total(v, 10, 10))
    K = named(kama, 1, c)
    F['kama_slope'] = div(K - lag(K), c)
    F['price_curvature'] = div(m20 - lag(m20) - (lag(m20) - lag(m20, 2)), c)
    rs = logret(c)
    def hurst(w):
        ms, ys = (8, 16, 32, 64, 128), []
        for m in ms:
            b = w.reshape(len(w) * (128 // m), m)
            d = b - centre(b)[2][:, None]
            D = np.concatenate([np.zeros((len(b), 1), LD), np.cumsum(d, 1)], 1)  # with the empty sum
            r = div(D.max(1) - D.min(1), np.sqrt((d * d).sum(1) / m)).reshape(len(w), -1)  # a block with S = 0 is missing
            ys.append(np.log(r.sum(1) / r.shape[1]))
        x, y = np.log(np.array(ms, LD)), np.array(ys).T
        x = x - x.sum() / 5
        return (x * (y - y[:, :1])).sum(1) / (x * x).sum()
    F['hurst_exponent'] = roll(full(hurst), 128, rs)
    def sevcik(w):
        dy = div(np.diff(w, axis=1), (w.max(1) - w.min(1))[:, None])
        return 1 + np.log(np.sqrt((LD(1) / 99) ** 2 + dy * dy).sum(1)) / np.log(LD(2 * 99))
    F['fractal_dimension_index'] = roll(full(sevcik), 100, c)
    def beta(y, x):
        dx, dy = x - centre(x)[2][:, None], y - centre(y)[2][:, None]
        return div((dx * dy).sum(1), (dx * dx).sum(1))
    F['beta_spy_252d'] = roll(full(beta), 252, rs, asof(stream['date'], spy['date'], logret(s)))
    s200 = mean(s, 200, 200)  # on SPY's own calendar, then joined
    d = div(s, s200) - 1
    z = div(d - mean(d, 1260, 1260), std(d, 1260, 1260))
    rank = roll(full(lambda w: (w <= w[:, -1:]).sum(1) / LD(1260)), 1260, pct(s200, 60))
    F['mkt_spy_dist_sma200'], F['mkt_spy_sma200_slope'] = asof(stream['date'], spy['date'], z), asof(stream['date'], spy['date'], rank)
    return finish(F)
