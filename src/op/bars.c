/* Steps that indicators of price bars share, each in one pass: the range from the close before, movement in one direction, and a ratio that
   is 0 over 0. Source: Wilder (1978), New Concepts in Technical Trading Systems; the ratio is TA-Lib's rule. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE vec larger_of(vec a, vec b) { return vec_select(vec_absent(b), a, vec_max(a, b)); }

/* x: high, low, before */
TL_INLINE vec range_step(const vec *x, const tl_params *p) {
  (void)p;
  vec wide = vec_finite(vec_sub(x[0], x[1])), up = vec_abs(vec_finite(vec_sub(x[0], x[2]))), down = vec_abs(vec_finite(vec_sub(x[1], x[2])));
  return vec_select(mask_and(vec_present(x[0]), vec_present(x[1])), larger_of(wide, larger_of(up, down)), vec_na());
}
TL_INLINE vec directional_step(const vec *x, const tl_params *p) {
  (void)p;
  vec moved = vec_select(mask_and(vec_lt(vec_zero(), x[0]), vec_lt(x[1], x[0])), x[0], vec_zero());
  return vec_select(mask_and(vec_present(x[0]), vec_present(x[1])), moved, vec_na());
}
TL_INLINE vec ratio_step(const vec *x, const tl_params *p) {
  (void)p;
  vec ratio = vec_finite(vec_div(x[0], x[1]));
  return vec_select(vec_eq(x[1], vec_zero()), vec_zero(), ratio);
}

TL_KERNEL(range_from) { tl__map(c, 3, range_step); }
TL_KERNEL(directional) { tl__map(c, 2, directional_step); }
TL_KERNEL(ratio_or_zero) { tl__map(c, 2, ratio_step); }

#define BARS .group = "pointwise", .kind = TL_MAP
TL_OPERATOR(range_from, .summary = "max(high - low, |high - before|, |low - before|); high - low where before is missing", BARS, .skips_missing = true,
            .args = {{.name = "high", .type = TL_ARG_SERIES}, {.name = "low", .type = TL_ARG_SERIES}, {.name = "before", .type = TL_ARG_SERIES}});
TL_OPERATOR(directional, .summary = "up where it is above 0 and above down, else 0; missing where either is", BARS,
            .args = {{.name = "up", .type = TL_ARG_SERIES}, {.name = "down", .type = TL_ARG_SERIES}});
TL_OPERATOR(ratio_or_zero, .summary = "a / b; 0 where b is 0", BARS, .args = {{.name = "a", .type = TL_ARG_SERIES}, {.name = "b", .type = TL_ARG_SERIES}},
            .skips_missing = true);

#ifdef TL_PROOFS
static double range_from_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  double high = in[0][t], low = in[1][t], before = in[2][t], wide = high - low;
  if (isnan(high) || isnan(low) || isnan(before)) return wide;
  double up = fabs(high - before), down = fabs(low - before);
  return fmax(wide, fmax(up, down));
}
static double directional_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  double up = in[0][t], down = in[1][t];
  return isnan(up) || isnan(down) ? NA : up > 0 && up > down ? up : 0;
}
static double ratio_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[1][t] == 0 ? 0 : in[0][t] / in[1][t];
}
#endif
TL_PROOF(range_from, .oracle = range_from_oracle, .calls = {"range_from(x, y, z)"},
         .cases = {{"range_from(x, y, z)", 4, {5, 5, 5, NA}, {4, 4, 4, 4}, {NA, 9, 1, 3}, {1, 5, 4, NA}, "by hand"}});
TL_PROOF(directional, .oracle = directional_oracle, .calls = {"directional(x, y)"},
         .cases = {{"directional(x, y)", 5, {2, 2, -1, NA, 2}, {1, 2, -3, 1, NA}, {0}, {2, 0, 0, NA, NA}, "by hand"}});
TL_PROOF(ratio_or_zero, .oracle = ratio_oracle, .calls = {"ratio_or_zero(x, y)"},
         .cases = {{"ratio_or_zero(x, y)", 4, {6, 6, 0, NA}, {3, 0, 0, 0}, {0}, {2, 0, 0, 0}, "by hand"}});
