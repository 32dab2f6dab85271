/* The signs + - * / and unary minus. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE vec add(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_add(x[0], x[1]));
}
TL_INLINE vec subtract(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_sub(x[0], x[1]));
}
TL_INLINE vec multiply(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_mul(x[0], x[1]));
}
TL_INLINE vec divide(const vec *x, const tl_params *p) {
  (void)p;
  return vec_finite(vec_div(x[0], x[1]));
}
TL_INLINE vec negate(const vec *x, const tl_params *p) {
  (void)p;
  return vec_neg(x[0]);
}

TL_KERNEL(add) { tl__map(c, 2, add); }
TL_KERNEL(sub) { tl__map(c, 2, subtract); }
TL_KERNEL(mul) { tl__map(c, 2, multiply); }
TL_KERNEL(div) { tl__map(c, 2, divide); }
TL_KERNEL(neg) { tl__map(c, 1, negate); }

TL_OPERATOR(add, .group = "signs", .summary = "x + y", .kind = TL_MAP, .internal = true, .args = {TL_X, TL_Y}, .laws = TL_LINEAR);
TL_OPERATOR(sub, .group = "signs", .summary = "x - y", .kind = TL_MAP, .internal = true, .args = {TL_X, TL_Y}, .laws = TL_LINEAR);
TL_OPERATOR(mul, .group = "signs", .summary = "x * y", .kind = TL_MAP, .internal = true, .args = {TL_X, TL_Y});
TL_OPERATOR(div, .group = "signs", .summary = "x / y; a quotient that is not finite is missing", .kind = TL_MAP, .internal = true, .args = {TL_X, TL_Y});
TL_OPERATOR(neg, .group = "signs", .summary = "-x", .kind = TL_MAP, .internal = true, .args = {TL_X}, .laws = TL_LINEAR);

#ifdef TL_PROOFS
static double or_missing(double v) { return isfinite(v) ? v : NA; }
static double add_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return or_missing(in[0][t] + in[1][t]);
}
static double sub_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return or_missing(in[0][t] - in[1][t]);
}
static double mul_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return or_missing(in[0][t] * in[1][t]);
}
static double div_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return or_missing(in[0][t] / in[1][t]);
}
static double neg_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return -in[0][t];
}
#endif
TL_PROOF(add, .oracle = add_oracle, .calls = {"x + y"}, .cases = {{"x + y", 3, {1, NA, 1e308}, {2, 1, 1e308}, {0}, {3, NA, NA}, "overflow is missing"}});
TL_PROOF(sub, .oracle = sub_oracle, .calls = {"x - y"}, .cases = {{"x - y", 2, {1, NA}, {2, 1}, {0}, {-1, NA}, "by hand"}});
TL_PROOF(mul, .oracle = mul_oracle, .calls = {"x * y"}, .cases = {{"x * y", 3, {3, 0, 1e200}, {2, NA, 1e200}, {0}, {6, NA, NA}, "by hand"}});
TL_PROOF(div, .oracle = div_oracle, .calls = {"x / y"},
         .cases = {{"x / y", 4, {1, 1, 0, -6}, {0, NA, 0, 3}, {0}, {NA, NA, NA, -2}, "x/0 is missing"},
                   {"1 / (x / y)", 1, {1}, {0}, {0}, {NA}, "1/inf must not become 0"},
                   {"x / 4 == y", 4, {1, -6, 6e-323, 1e308}, {0.25, -1.5, 1.5e-323, 2.5e307}, {0}, {1, 1, 1, 1}, "a power of two, to the last bit"},
                   {"x / -0.5", 2, {3, 1e308}, {0}, {0}, {-6, NA}, "a power of two, negative; overflow is missing"},
                   {"x / 3 == y", 2, {5, 7}, {5.0 / 3, 7.0 / 3}, {0}, {1, 1}, "no power of two: not a product with its rounded reciprocal"}});
TL_PROOF(neg, .oracle = neg_oracle, .calls = {"-x"}, .cases = {{"-x", 2, {1, NA}, {0}, {0}, {-1, NA}, "by hand"}});
