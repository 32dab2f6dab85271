/* Least squares of x on row positions: slope, linearreg (the fit at this row), resid.
   Positions count from the present block's first row; the two sums sum (x - anchor) and sum at (x - anchor) fold like any other.
   In a full window the positions are known, so only these two are kept; a masked one keeps the positions' own sums too. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { S1, SP, SI, SII };

TL_INLINE void trend_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)older;
  vec d = vec_sub(x[0], anchor[0]);
  part[S1] = vec_add(part[S1], d);
  part[SP] = vec_add(part[SP], vec_mul(at, d));
}
TL_INLINE void masked_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  trend_push(part, x, anchor, at, older);
  part[SI] = vec_add(part[SI], at);
  part[SII] = vec_add(part[SII], vec_mul(at, at));
}

/* slope from central sums, and the fit at the newest row from the mean of x and of the positions */
TL_INLINE void fit(vec *out, vec sxy, vec sxx, vec mean, vec ahead) {
  vec slope = vec_div(sxy, sxx);
  out[0] = slope;
  out[1] = vec_add(mean, vec_mul(slope, ahead));
}

/* Sum of x about the prefix's anchor, and the slope. */
TL_INLINE vec full_slope(const fold_window *w, const tl_params *p, vec *s1) {
  double n = (double)p->n, behind = n - 1 - w->j; /* rows of the suffix: positions -behind .. -1 */
  vec shift = vec_sub(w->suffix_anchor[0], w->prefix_anchor[0]);
  *s1 = vec_add(w->prefix[S1], vec_add(w->suffix[S1], vec_mul(w->suffix_count, shift)));
  vec positions = vec_set1(w->whole ? 0 : -0.5 * behind * (behind + 1)); /* their sum */
  vec sp = vec_add(w->prefix[SP], vec_add(w->suffix[SP], vec_mul(positions, shift)));
  vec sxy = vec_sub(sp, vec_mul(vec_set1(w->j - (n - 1) / 2), *s1));
  return vec_mul(sxy, vec_set1(n > 1 ? 12 / (n * (n * n - 1)) : NAN));
}
TL_INLINE void full_lower(vec *out, const fold_window *w, const tl_params *p) {
  vec s1, slope = out[0] = full_slope(w, p, &s1);
  out[1] = vec_add(vec_add(w->prefix_anchor[0], vec_mul(s1, w->inverse)), vec_mul(slope, vec_set1(((double)p->n - 1) / 2)));
}
TL_INLINE void slope_lower(vec *out, const fold_window *w, const tl_params *p) {
  vec s1;
  out[0] = full_slope(w, p, &s1);
}
TL_INLINE void masked_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  vec shift = vec_sub(w->suffix_anchor[0], w->prefix_anchor[0]);
  vec s1 = vec_add(w->prefix[S1], vec_add(w->suffix[S1], vec_mul(w->suffix_count, shift)));
  vec sp = vec_add(w->prefix[SP], vec_add(w->suffix[SP], vec_mul(w->suffix[SI], shift)));
  vec si = vec_add(w->prefix[SI], w->suffix[SI]), sii = vec_add(w->prefix[SII], w->suffix[SII]);
  vec mi = vec_mul(si, w->inverse);
  vec mean = vec_add(w->prefix_anchor[0], vec_mul(s1, w->inverse));
  fit(out, vec_sub(sp, vec_mul(mi, s1)), vec_sub(sii, vec_mul(si, mi)), mean, vec_sub(w->at, mi));
}

/* slope and linearreg are the fold's outputs as they stand; this is what they would be as steps. */
TL_INLINE vec take(const vec *x, const tl_params *p) {
  (void)p;
  return x[0];
}
TL_INLINE vec residual(const vec *fit_x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_sub(fit_x[1], fit_x[0]));
}

TL_KERNEL(trend) {
  if (c->params->min < c->params->n)
    tl__fold_shaped(c, (fold_shape){1, 4, 2, 0.0, true, false}, masked_push, masked_lower);
  else if (c->out[1] == NULL) /* nobody reads the fit */
    tl__fold_shaped(c, (fold_shape){1, 2, 1, 0.0, false, false}, trend_push, slope_lower);
  else
    tl__fold_shaped(c, (fold_shape){1, 2, 2, 0.0, false, false}, trend_push, full_lower);
}
TL_KERNEL(slope) { tl__map(c, 1, take); }
TL_KERNEL(linearreg) { tl__map(c, 1, take); }
TL_KERNEL(resid) { tl__map(c, 2, residual); }

#define TREND .group = "windows", .kind = TL_MAP, .via = "trend", .args = {TL_X, TL_N, TL_MIN}, .needs = 2
TL_OPERATOR(trend, .group = "folds", .summary = "slope and fit of the least-squares line on row positions", .kind = TL_FOLD, .internal = true,
            .args = {TL_X, TL_N, TL_MIN}, .outputs = 2, .parts = 4, .needs = 2);
TL_OPERATOR(slope, .takes = "0", .plain = true, .summary = "slope per row of the least-squares line of x on row positions", TREND,
            .laws = TL_LINEAR | TL_FLAT_ZERO);
TL_OPERATOR(linearreg, .takes = "1", .plain = true, .summary = "value at this row of the least-squares line of x on row positions", TREND, .laws = TL_LINEAR);
TL_OPERATOR(resid, .takes = "1x", .summary = "x minus linearreg; missing where x is", TREND, .laws = TL_LINEAR);

#ifdef TL_PROOFS
static bool line(const tl_params *p, const double *x, int64_t t, double *slope, double *at_t) {
  long double k = 0, mi = 0, mx = 0, sii = 0, six = 0, base = 0;
  int64_t first = t - p->n + 1 < 0 ? 0 : t - p->n + 1;
  for (int64_t i = first; i <= t; i++)
    if (!isnan(x[i])) k += 1, mi += i, base = k == 1 ? x[i] : base, mx += x[i] - base;
  if (k < p->min || k < 2) return false;
  mi /= k, mx /= k;
  for (int64_t i = first; i <= t; i++)
    if (!isnan(x[i])) sii += (i - mi) * (i - mi), six += (i - mi) * (x[i] - base - mx);
  *slope = (double)(six / sii);
  *at_t = (double)(base + mx + six / sii * (t - mi));
  return true;
}
static double slope_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double slope, fit_t;
  return line(p, in[0], t, &slope, &fit_t) ? slope : NA;
}
static double linearreg_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double slope, fit_t;
  return line(p, in[0], t, &slope, &fit_t) ? fit_t : NA;
}
static double resid_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double slope, fit_t;
  return line(p, in[0], t, &slope, &fit_t) ? in[0][t] - fit_t : NA;
}
#endif
TL_PROOF(trend);
TL_PROOF(slope, .oracle = slope_oracle, .calls = {"slope(x, 2)", "slope(x, 5)", "slope(x, 50)", "slope(x, 20, min: 2)"}, .tolerance = 1e-10,
         .scale = TL_SCALE_SPREAD,
         .cases = {{"slope(x, 3)", 5, {1, 3, 5, 5, 5}, {0}, {0}, {NA, NA, 2, 1, 0}, "by hand"},
                   {"slope(x, 1)", 2, {1, 2}, {0}, {0}, {NA, NA}, "one point has no slope"},
                   {"slope(x, 3, min: 2)", 4, {1, NA, 5, NA}, {0}, {0}, {NA, NA, 2, NA}, "positions keep their gaps"}});
TL_PROOF(linearreg, .oracle = linearreg_oracle, .calls = {"linearreg(x, 5)", "linearreg(x, 50)", "linearreg(x, 20, min: 3)"}, .tolerance = 1e-10,
         .scale = TL_SCALE_LEVEL, .cases = {{"linearreg(x, 3)", 4, {1, 2, 6, 5}, {0}, {0}, {NA, NA, 5.5, 5.833333333333333}, "by hand"}});
TL_PROOF(resid, .oracle = resid_oracle, .calls = {"resid(x, 5)", "resid(x, 50)", "resid(x, 20, min: 3)"}, .tolerance = 1e-10, .scale = TL_SCALE_LEVEL,
         .cases = {{"resid(x, 3)", 4, {1, 2, 6, 5}, {0}, {0}, {NA, NA, 0.5, -0.8333333333333333}, "by hand"},
                   {"resid(x, 3, min: 2)", 4, {1, 2, 3, NA}, {0}, {0}, {NA, 0, 0, NA}, "missing where x is"}});
