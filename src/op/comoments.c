/* Second moments of a pair: cov, corr, beta, intercept, r2. Rows count where both values are present.
   Sums of distances from the two anchors, their squares and products; see moments.c. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { SX, SY, SXX, SYY, SXY };

TL_INLINE void comoments_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)at, (void)older;
  vec dx = vec_sub(x[0], anchor[0]), dy = vec_sub(x[1], anchor[1]);
  part[SX] = vec_add(part[SX], dx);
  part[SY] = vec_add(part[SY], dy);
  part[SXX] = vec_add(part[SXX], vec_mul(dx, dx));
  part[SYY] = vec_add(part[SYY], vec_mul(dy, dy));
  part[SXY] = vec_add(part[SXY], vec_mul(dx, dy));
}

/* Means of both, then central sums xx, yy, xy. */
TL_INLINE void comoments_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  const vec *s = w->suffix, *f = w->prefix;
  vec hx = vec_sub(w->suffix_anchor[0], w->prefix_anchor[0]), hy = vec_sub(w->suffix_anchor[1], w->prefix_anchor[1]);
  vec nx = vec_mul(w->suffix_count, hx), ny = vec_mul(w->suffix_count, hy);
  vec sx = vec_add(f[SX], vec_add(s[SX], nx)), sy = vec_add(f[SY], vec_add(s[SY], ny));
  vec xx = vec_add(f[SXX], vec_add(s[SXX], vec_mul(hx, vec_add(vec_add(s[SX], s[SX]), nx))));
  vec yy = vec_add(f[SYY], vec_add(s[SYY], vec_mul(hy, vec_add(vec_add(s[SY], s[SY]), ny))));
  /* sum (dx + hx)(dy + hy) = sum dx dy + hy sum dx + hx (sum dy + count hy) */
  vec cross = vec_add(vec_mul(hy, s[SX]), vec_mul(hx, vec_add(s[SY], ny)));
  vec xy = vec_add(f[SXY], vec_add(s[SXY], cross));
  vec mx = vec_mul(sx, w->inverse), my = vec_mul(sy, w->inverse);
  out[0] = vec_add(w->prefix_anchor[0], mx);
  out[1] = vec_add(w->prefix_anchor[1], my);
  out[2] = vec_max(vec_zero(), vec_sub(xx, vec_mul(sx, mx)));
  out[3] = vec_max(vec_zero(), vec_sub(yy, vec_mul(sy, my)));
  out[4] = vec_sub(xy, vec_mul(sx, my));
}

/* Of the fold's outputs each operator takes what it needs, in this order. */
TL_INLINE vec full_covariance(const vec *xy, const tl_params *p) {
  double free = (double)p->n - p->a[0];
  return free > 0 ? vec_mul(xy[0], vec_set1(1.0 / free)) : vec_na();
}
TL_INLINE vec counted_covariance(const vec *xy_count, const tl_params *p) {
  vec free = vec_sub(xy_count[1], vec_set1(p->a[0]));
  return vec_select(vec_lt(vec_zero(), free), vec_div(xy_count[0], free), vec_na());
}
TL_INLINE vec correlation(const vec *xx_yy_xy, const tl_params *p) {
  (void)p;
  vec r = vec_div(xx_yy_xy[2], vec_mul(vec_sqrt(xx_yy_xy[0]), vec_sqrt(xx_yy_xy[1])));
  vec bounded = vec_min(vec_max(r, vec_set1(-1.0)), vec_set1(1.0));
  return vec_select(vec_lt(vec_abs(r), vec_set1(INFINITY)), bounded, vec_na());
}
/* The dependent variable is the first argument, so the slope is of x's on y's. */
TL_INLINE vec regression_beta(const vec *yy_xy, const tl_params *p) {
  (void)p;
  return vec_finite(vec_div(yy_xy[1], yy_xy[0]));
}
TL_INLINE vec regression_intercept(const vec *means_yy_xy, const tl_params *p) {
  return vec_finite(vec_sub(means_yy_xy[0], vec_mul(regression_beta(means_yy_xy + 2, p), means_yy_xy[1])));
}
TL_INLINE vec regression_r2(const vec *xx_yy_xy, const tl_params *p) {
  vec r = correlation(xx_yy_xy, p);
  return vec_mul(r, r);
}

TL_KERNEL(comoments) { tl__fold(c, 2, 5, 5, comoments_push, comoments_lower); }
TL_KERNEL(cov) {
  if (c->params->min < c->params->n)
    tl__map(c, 2, counted_covariance);
  else
    tl__map(c, 1, full_covariance);
}
TL_KERNEL(corr) { tl__map(c, 3, correlation); }
TL_KERNEL(beta) { tl__map(c, 2, regression_beta); }
TL_KERNEL(intercept) { tl__map(c, 4, regression_intercept); }
TL_KERNEL(r2) { tl__map(c, 3, regression_r2); }

#define YX \
  {.name = "y", .type = TL_ARG_SERIES}, { .name = "x", .type = TL_ARG_SERIES }
TL_OPERATOR(comoments, .group = "folds", .summary = "means and central sums of a pair", .kind = TL_FOLD, .internal = true, .args = {TL_X, TL_Y, TL_N, TL_MIN},
            .outputs = 5, .parts = 5, .needs = 1);
#define PAIR .group = "windows", .kind = TL_MAP, .via = "comoments", .needs = 2
TL_OPERATOR(cov, .takes = "4c", .summary = "covariance of the rows where both are present; ddof 1 unless given", PAIR,
            .args = {TL_X,
                     TL_Y,
                     TL_N,
                     TL_MIN,
                     {.name = "ddof", .type = TL_ARG_CONSTANT, .slot = TL_SLOT_A0, .named = true, .optional = true, .value = 1, .low = 0, .high = 1000}});
TL_OPERATOR(corr, .takes = "234", .summary = "correlation, within -1 .. 1; missing when either is flat", PAIR, .args = {TL_X, TL_Y, TL_N, TL_MIN});
TL_OPERATOR(beta, .takes = "34", .summary = "slope of the least-squares line of y on x; missing when x is flat", PAIR, .args = {YX, TL_N, TL_MIN});
TL_OPERATOR(intercept, .takes = "0134", .summary = "intercept of the least-squares line of y on x; missing when x is flat", PAIR, .args = {YX, TL_N, TL_MIN});
TL_OPERATOR(r2, .takes = "234", .summary = "squared correlation of y and x; missing when either is flat", PAIR, .args = {YX, TL_N, TL_MIN});

#ifdef TL_PROOFS
typedef struct sums {
  long double k, mx, my, xx, yy, xy; /* means count from x0, y0 */
  long double x0, y0;
  bool flat_x, flat_y;
} sums;
static bool paired(sums *s, const tl_params *p, const double *const *in, int64_t t) {
  *s = (sums){.flat_x = true, .flat_y = true};
  int64_t first = t - p->n + 1 < 0 ? 0 : t - p->n + 1, seen = -1;
  for (int64_t i = first; i <= t; i++) {
    if (isnan(in[0][i]) || isnan(in[1][i])) continue;
    if (seen >= 0) s->flat_x &= in[0][i] == in[0][seen], s->flat_y &= in[1][i] == in[1][seen];
    if (seen < 0) s->x0 = in[0][i], s->y0 = in[1][i];
    seen = i;
    s->k += 1, s->mx += in[0][i] - s->x0, s->my += in[1][i] - s->y0;
  }
  if (s->k < p->min || s->k == 0) return false;
  s->mx /= s->k, s->my /= s->k;
  for (int64_t i = first; i <= t; i++) {
    if (isnan(in[0][i]) || isnan(in[1][i])) continue;
    long double dx = in[0][i] - s->x0 - s->mx, dy = in[1][i] - s->y0 - s->my;
    s->xx += dx * dx, s->yy += dy * dy, s->xy += dx * dy;
  }
  return true;
}
static double cov_oracle(const tl_params *p, const double *const *in, int64_t t) {
  sums s;
  return !paired(&s, p, in, t) || s.k <= p->a[0] ? NA : (double)(s.xy / (s.k - (long double)p->a[0]));
}
static double corr_oracle(const tl_params *p, const double *const *in, int64_t t) {
  sums s;
  return !paired(&s, p, in, t) || s.flat_x || s.flat_y ? NA : (double)(s.xy / sqrtl(s.xx * s.yy));
}
static double beta_oracle(const tl_params *p, const double *const *in, int64_t t) {
  sums s;
  return !paired(&s, p, in, t) || s.flat_y ? NA : (double)(s.xy / s.yy);
}
static double intercept_oracle(const tl_params *p, const double *const *in, int64_t t) {
  sums s;
  return !paired(&s, p, in, t) || s.flat_y ? NA : (double)(s.x0 + s.mx - s.xy / s.yy * (s.y0 + s.my));
}
static double r2_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double r = corr_oracle(p, in, t);
  return r * r;
}
#endif
TL_PROOF(comoments);
TL_PROOF(cov, .oracle = cov_oracle, .calls = {"cov(x, y, 5)", "cov(x, y, 60, ddof: 0)", "cov(x, y, 20, min: 2)"}, .tolerance = 1e-10, .scale = TL_SCALE_PRODUCT,
         .cases = {{"cov(x, y, 3)", 4, {1, 2, 3, NA}, {2, 4, 6, 8}, {0}, {NA, NA, 2, NA}, "by hand"},
                   {"cov(x, y, 3, min: 2)", 4, {1, 2, 3, NA}, {2, 4, 6, 8}, {0}, {NA, 1, 2, 1}, "rows where both are present"}});
TL_PROOF(corr, .oracle = corr_oracle, .calls = {"corr(x, y, 5)", "corr(x, y, 60)", "corr(x, y, 20, min: 3)"}, .tolerance = 1e-9, .scale = TL_SCALE_UNIT,
         .cases = {{"corr(x, y, 3)", 5, {1, 2, 3, 3, 3}, {2, 4, 6, 5, 7}, {0}, {NA, NA, 1, 0.8660254037844387, NA}, "by hand; flat is missing"}});
TL_PROOF(beta, .oracle = beta_oracle, .calls = {"beta(x, y, 5)", "beta(x, y, 252)", "beta(x, y, 20, min: 3)"}, .tolerance = 1e-9, .scale = TL_SCALE_RATIO,
         .cases = {{"beta(x, y, 3)", 4, {2, 4, 6, 5}, {1, 2, 3, 3}, {0}, {NA, NA, 2, 1.5}, "by hand"},
                   {"beta(x, y, 2)", 2, {1, 2}, {7, 7}, {0}, {NA, NA}, "flat x is missing"}});
TL_PROOF(intercept, .oracle = intercept_oracle, .calls = {"intercept(x, y, 5)", "intercept(x, y, 60)"}, .tolerance = 1e-8, .scale = TL_SCALE_INTERCEPT,
         .cases = {{"intercept(x, y, 3)", 3, {3, 5, 7}, {1, 2, 3}, {0}, {NA, NA, 1}, "by hand"}});
TL_PROOF(r2, .oracle = r2_oracle, .calls = {"r2(x, y, 5)", "r2(x, y, 60)"}, .tolerance = 1e-9, .scale = TL_SCALE_UNIT,
         .cases = {{"r2(x, y, 3)", 4, {1, 2, 3, 3}, {2, 4, 6, 5}, {0}, {NA, NA, 1, 0.75}, "by hand"}});
