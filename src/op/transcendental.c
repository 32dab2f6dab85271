/* log, exp and their kin, by our own polynomials: the same bits in every build (simd/vec_math.h). */
#include "op/operator.h"
#include "lane/drivers.h"
#include "simd/vec_math.h"

TL_INLINE vec natural_log(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_log(x[0]));
}
TL_INLINE vec log_of_one_plus(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_log1p(x[0]));
}
TL_INLINE vec exponential(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_exp(x[0]));
}
TL_INLINE vec hyperbolic_tangent(const vec *x, const tl_params *p) {
  (void)p;
  return vec_tanh(x[0]);
}
/* C's pow gives pow(1, NaN) = pow(NaN, 0) = 1; here a missing argument gives missing. */
TL_INLINE vec power(const vec *x, const tl_params *p) {
  (void)p;
  mask both = mask_and(vec_present(x[0]), vec_present(x[1]));
  return vec_select(both, vec_finite(vec_pow(x[0], x[1])), vec_na());
}

TL_KERNEL(log) { tl__map(c, 1, natural_log); }
TL_KERNEL(log1p) { tl__map(c, 1, log_of_one_plus); }
TL_KERNEL(exp) { tl__map(c, 1, exponential); }
TL_KERNEL(tanh) { tl__map(c, 1, hyperbolic_tangent); }
TL_KERNEL(pow) { tl__map(c, 2, power); }

#define POINTWISE .group = "pointwise", .kind = TL_MAP
TL_OPERATOR(log, .summary = "natural logarithm; missing at 0 and below", POINTWISE, .args = {TL_X});
TL_OPERATOR(log1p, .summary = "ln(1 + x), exact near 0", POINTWISE, .args = {TL_X});
TL_OPERATOR(exp, .summary = "e to the x", POINTWISE, .args = {TL_X});
TL_OPERATOR(tanh, .summary = "hyperbolic tangent", POINTWISE, .args = {TL_X});
TL_OPERATOR(pow, .summary = "x to the y", POINTWISE, .args = {TL_X, TL_Y});

#ifdef TL_PROOFS
static double or_missing(long double v) { return isfinite((double)v) ? (double)v : NA; }
static double log_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return or_missing(logl(in[0][t]));
}
static double log1p_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return or_missing(log1pl(in[0][t]));
}
static double exp_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return or_missing(expl(in[0][t]));
}
static double tanh_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return (double)tanhl(in[0][t]);
}
static double pow_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return isnan(in[0][t]) || isnan(in[1][t]) ? NA : or_missing(powl(in[0][t], in[1][t]));
}
#endif
TL_PROOF(log, .oracle = log_oracle, .calls = {"log(x)"}, .tolerance = 4e-16, .cases = {{"log(x)", 4, {1, 0, -1, NA}, {0}, {0}, {0, NA, NA, NA}, "by hand"}});
TL_PROOF(log1p, .oracle = log1p_oracle, .calls = {"log1p(x)"}, .tolerance = 4e-16, .cases = {{"log1p(x)", 3, {0, -1, -2}, {0}, {0}, {0, NA, NA}, "by hand"}});
TL_PROOF(exp, .oracle = exp_oracle, .calls = {"exp(x)"}, .tolerance = 4e-16,
         .cases = {{"exp(x)", 4, {0, 1000, -1000, NA}, {0}, {0}, {1, NA, 0, NA}, "overflow is missing"}});
TL_PROOF(tanh, .oracle = tanh_oracle, .calls = {"tanh(x)"}, .tolerance = 4e-16, .cases = {{"tanh(x)", 2, {0, 1000}, {0}, {0}, {0, 1}, "by hand"}});
TL_PROOF(pow, .oracle = pow_oracle, .calls = {"pow(x, y)", "pow(abs(x), y)"}, .tolerance = 4e-16,
         .cases = {{"pow(x, y)", 5, {2, -2, -2, NA, 9}, {10, 3, 0.5, 0, 0.5}, {0}, {1024, -8, NA, NA, 3}, "by hand"}});
