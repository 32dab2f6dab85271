/* Second moments of a window: the fold, and var and stddev that lower it.
   Sums of distances from the anchor and of their squares; m2 = sum of squares about the mean. The anchor lies in the window, so
   the digits lost are at most those of n, whatever the base. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { S1, S2 };

TL_INLINE void moments_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)at, (void)older;
  vec d = vec_sub(x[0], anchor[0]);
  part[S1] = vec_add(part[S1], d);
  part[S2] = vec_add(part[S2], vec_mul(d, d));
}
TL_INLINE void moments_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  vec shift = vec_sub(w->suffix_anchor[0], w->prefix_anchor[0]);
  vec moved = vec_mul(w->suffix_count, shift);
  vec s1 = vec_add(w->prefix[S1], vec_add(w->suffix[S1], moved));
  /* sum (d + shift)^2 = sum d^2 + shift (2 sum d + count shift) */
  vec cross = vec_mul(shift, vec_add(vec_add(w->suffix[S1], w->suffix[S1]), moved));
  vec s2 = vec_add(w->prefix[S2], vec_add(w->suffix[S2], cross));
  vec m = vec_mul(s1, w->inverse);
  out[0] = vec_max(vec_zero(), vec_sub(s2, vec_mul(s1, m)));
}

/* x[0] is m2; x[1] the count when it varies. */
TL_INLINE vec full_variance(const vec *x, const tl_params *p) {
  double free = (double)p->n - p->a[0];
  return free > 0 ? vec_mul(x[0], vec_set1(1.0 / free)) : vec_na();
}
TL_INLINE vec counted_variance(const vec *x, const tl_params *p) {
  vec free = vec_sub(x[1], vec_set1(p->a[0]));
  return vec_select(vec_lt(vec_zero(), free), vec_div(x[0], free), vec_na());
}
TL_INLINE vec full_deviation(const vec *x, const tl_params *p) { return vec_sqrt(full_variance(x, p)); }
TL_INLINE vec counted_deviation(const vec *x, const tl_params *p) { return vec_sqrt(counted_variance(x, p)); }

TL_KERNEL(moments) { tl__fold(c, 1, 2, 1, moments_push, moments_lower); }
TL_KERNEL(var) {
  if (c->params->min < c->params->n)
    tl__map(c, 2, counted_variance);
  else
    tl__map(c, 1, full_variance);
}
TL_KERNEL(stddev) {
  if (c->params->min < c->params->n)
    tl__map(c, 2, counted_deviation);
  else
    tl__map(c, 1, full_deviation);
}

#define DDOF \
  { .name = "ddof", .type = TL_ARG_CONSTANT, .slot = TL_SLOT_A0, .named = true, .optional = true, .value = 1, .low = 0, .high = 1000 }
TL_OPERATOR(moments, .group = "folds", .summary = "sum of squares about the mean", .kind = TL_FOLD, .internal = true, .args = {TL_X, TL_N, TL_MIN}, .parts = 2,
            .needs = 1);
TL_OPERATOR(var, .group = "windows", .summary = "variance; ddof 1 unless given; flat input gives exactly 0", .kind = TL_MAP, .via = "moments", .takes = "0c",
            .args = {TL_X, TL_N, TL_MIN, DDOF}, .needs = 2, .laws = TL_SHIFT | TL_FLAT_ZERO);
TL_OPERATOR(stddev, .group = "windows", .summary = "standard deviation; ddof 1 unless given; flat input gives exactly 0", .kind = TL_MAP, .via = "moments",
            .takes = "0c", .args = {TL_X, TL_N, TL_MIN, DDOF}, .needs = 2, .laws = TL_SHIFT | TL_FLAT_ZERO);

#ifdef TL_PROOFS
static double var_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  if (k < p->min || k <= p->a[0]) return NA;
  long double mean = 0, m2 = 0;
  for (int64_t i = 0; i < k; i++) mean += (long double)v[i] - v[0];
  mean /= k;
  for (int64_t i = 0; i < k; i++) m2 += ((long double)v[i] - v[0] - mean) * ((long double)v[i] - v[0] - mean);
  return (double)(m2 / (k - (long double)p->a[0]));
}
static double stddev_oracle(const tl_params *p, const double *const *in, int64_t t) { return sqrt(var_oracle(p, in, t)); }
#endif
TL_PROOF(moments);
TL_PROOF(var, .oracle = var_oracle, .calls = {"var(x, 5)", "var(x, 64, ddof: 0)", "var(x, 7, min: 2)", "var(x, 3, min: 1, ddof: 0)"}, .tolerance = 1e-11,
         .cases = {{"var(x, 3)", 4, {1, 2, 3, 5}, {0}, {0}, {NA, NA, 1, 7.0 / 3}, "by hand"},
                   {"var(x, 1)", 2, {1, 2}, {0}, {0}, {NA, NA}, "ddof 1 needs two values"},
                   {"var(x, 1, ddof: 0)", 2, {1, 2}, {0}, {0}, {0, 0}, "by hand"}});
TL_PROOF(stddev, .oracle = stddev_oracle, .calls = {"stddev(x, 2)", "stddev(x, 21)", "stddev(x, 252)", "stddev(x, 20, ddof: 0)", "stddev(x, 21, min: 1)"},
         .tolerance = 1e-11,
         .cases = {{"stddev(x, 2, ddof: 0)", 3, {1, 3, 3}, {0}, {0}, {NA, 1, 0}, "by hand"},
                   {"stddev(x, 3, min: 1)", 4, {NA, 1, 3, NA}, {0}, {0}, {NA, NA, 1.4142135623730951, 1.4142135623730951}, "by hand"}});
