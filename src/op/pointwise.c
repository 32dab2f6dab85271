/* Functions of one row: absolute value, roots, rounding, bounds. */
#include "op/operator.h"
#include "lane/drivers.h"
#include "simd/vec_math.h"

TL_INLINE vec absolute(const vec *x, const tl_params *p) {
  (void)p;
  return vec_abs(x[0]);
}
TL_INLINE vec root(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_sqrt(x[0]));
}
TL_INLINE vec direction(const vec *x, const tl_params *p) {
  (void)p;
  vec s = vec_select(vec_lt(vec_zero(), x[0]), vec_set1(1.0), vec_select(vec_lt(x[0], vec_zero()), vec_set1(-1.0), vec_zero()));
  return vec_select(vec_present(x[0]), s, vec_na());
}
TL_INLINE vec round_down(const vec *x, const tl_params *p) {
  (void)p;
  return vec_floor(x[0]);
}
TL_INLINE vec round_up(const vec *x, const tl_params *p) {
  (void)p;
  return vec_ceil(x[0]);
}
TL_INLINE vec round_near(const vec *x, const tl_params *p) {
  (void)p;
  return vec_round(x[0]);
}
TL_INLINE vec bounded(const vec *x, const tl_params *p) {
  (void)p;
  vec y = vec_min(vec_max(x[0], x[1]), x[2]);
  mask all = mask_and(vec_present(x[0]), mask_and(vec_present(x[1]), vec_present(x[2])));
  return vec_select(all, y, vec_na());
}
/* vec_min takes its second side when either is NaN, so one select skips a missing first or second side. */
TL_INLINE vec lesser(const vec *x, const tl_params *p) {
  (void)p;
  return vec_select(vec_absent(x[1]), x[0], vec_min(x[0], x[1]));
}
TL_INLINE vec larger(const vec *x, const tl_params *p) {
  (void)p;
  return vec_select(vec_absent(x[1]), x[0], vec_max(x[0], x[1]));
}
TL_INLINE vec first_present(const vec *x, const tl_params *p) {
  (void)p;
  return vec_select(vec_present(x[0]), x[0], x[1]);
}

TL_KERNEL(abs) { tl__map(c, 1, absolute); }
TL_KERNEL(sqrt) { tl__map(c, 1, root); }
TL_KERNEL(sign) { tl__map(c, 1, direction); }
TL_KERNEL(floor) { tl__map(c, 1, round_down); }
TL_KERNEL(ceil) { tl__map(c, 1, round_up); }
TL_KERNEL(round) { tl__map(c, 1, round_near); }
TL_KERNEL(clip) { tl__map(c, 3, bounded); }
TL_KERNEL(least) { tl__map(c, 2, lesser); }
TL_KERNEL(greatest) { tl__map(c, 2, larger); }
TL_KERNEL(coalesce) { tl__map(c, 2, first_present); }

#define POINTWISE .group = "pointwise", .kind = TL_MAP
TL_OPERATOR(abs, .summary = "absolute value", POINTWISE, .args = {TL_X});
TL_OPERATOR(sqrt, .summary = "square root; missing below 0", POINTWISE, .args = {TL_X});
TL_OPERATOR(sign, .summary = "-1, 0 or 1", POINTWISE, .args = {TL_X});
TL_OPERATOR(floor, .summary = "largest integer <= x", POINTWISE, .args = {TL_X});
TL_OPERATOR(ceil, .summary = "smallest integer >= x", POINTWISE, .args = {TL_X});
TL_OPERATOR(round, .summary = "nearest integer, half to even", POINTWISE, .args = {TL_X});
TL_OPERATOR(clip, .summary = "x bounded to lo .. hi; missing where any is missing", POINTWISE,
            .args = {TL_X, {.name = "lo", .type = TL_ARG_SERIES}, {.name = "hi", .type = TL_ARG_SERIES}});
#define SEVERAL .args = {{.name = "a", .type = TL_ARG_SERIES}, {.name = "b", .type = TL_ARG_MORE}}, .skips_missing = true
TL_OPERATOR(least, .summary = "smallest argument; missing ones are skipped", POINTWISE, SEVERAL);
TL_OPERATOR(greatest, .summary = "largest argument; missing ones are skipped", POINTWISE, SEVERAL);
TL_OPERATOR(coalesce, .summary = "first argument that is present", POINTWISE, SEVERAL);

#ifdef TL_PROOFS
static double abs_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return fabs(in[0][t]);
}
static double sqrt_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] < 0 ? NA : sqrt(in[0][t]);
}
static double sign_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return isnan(in[0][t]) ? NA : (in[0][t] > 0) - (in[0][t] < 0);
}
static double floor_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return floor(in[0][t]);
}
static double ceil_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return ceil(in[0][t]);
}
static double round_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return nearbyint(in[0][t]);
}
static double clip_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  double x = in[0][t], lo = in[1][t], hi = in[2][t];
  if (isnan(x) || isnan(lo) || isnan(hi)) return NA;
  double raised = x > lo ? x : lo;
  return raised < hi ? raised : hi;
}
static double least_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return isnan(in[0][t]) ? in[1][t] : isnan(in[1][t]) || in[0][t] < in[1][t] ? in[0][t] : in[1][t];
}
static double greatest_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return isnan(in[0][t]) ? in[1][t] : isnan(in[1][t]) || in[0][t] > in[1][t] ? in[0][t] : in[1][t];
}
static double coalesce_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return isnan(in[0][t]) ? in[1][t] : in[0][t];
}
#endif
TL_PROOF(abs, .oracle = abs_oracle, .calls = {"abs(x)"});
TL_PROOF(sqrt, .oracle = sqrt_oracle, .calls = {"sqrt(x)"}, .cases = {{"sqrt(x)", 3, {4, -1, NA}, {0}, {0}, {2, NA, NA}, "by hand"}});
TL_PROOF(sign, .oracle = sign_oracle, .calls = {"sign(x)"}, .cases = {{"sign(x)", 4, {3, -2, 0, NA}, {0}, {0}, {1, -1, 0, NA}, "by hand"}});
TL_PROOF(floor, .oracle = floor_oracle, .calls = {"floor(x)"});
TL_PROOF(ceil, .oracle = ceil_oracle, .calls = {"ceil(x)"});
TL_PROOF(round, .oracle = round_oracle, .calls = {"round(x)"},
         .cases = {{"round(x)", 5, {0.5, 1.5, 2.5, -0.5, 2.4}, {0}, {0}, {0, 2, 2, 0, 2}, "half to even"}});
TL_PROOF(clip, .oracle = clip_oracle, .calls = {"clip(x, y, z)", "clip(x, -1, 1)"});
TL_PROOF(least, .oracle = least_oracle, .calls = {"least(x, y)"},
         .cases = {{"least(x, y, z)", 3, {3, NA, NA}, {1, 5, NA}, {2, 4, NA}, {1, 4, NA}, "missing arguments are skipped"}});
TL_PROOF(greatest, .oracle = greatest_oracle, .calls = {"greatest(x, y)"},
         .cases = {{"greatest(x, y, z)", 3, {3, NA, NA}, {1, 5, NA}, {2, 4, NA}, {3, 5, NA}, "missing arguments are skipped"}});
TL_PROOF(coalesce, .oracle = coalesce_oracle, .calls = {"coalesce(x, y)"},
         .cases = {{"coalesce(x, y, 7)", 3, {3, NA, NA}, {1, 5, NA}, {0}, {3, 5, 7}, "by hand"}});
