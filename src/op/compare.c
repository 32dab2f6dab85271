/* Comparisons: false where either side is missing, also !=. > and >= are < and <= with their sides exchanged. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE mask less(const vec *x) { return vec_lt(x[0], x[1]); }
TL_INLINE mask less_equal(const vec *x) { return vec_le(x[0], x[1]); }
TL_INLINE mask equal(const vec *x) { return vec_eq(x[0], x[1]); }
TL_INLINE mask unequal(const vec *x) { return mask_or(vec_lt(x[0], x[1]), vec_lt(x[1], x[0])); }
TL_INLINE mask is_between(const vec *x) { return mask_and(vec_le(x[1], x[0]), vec_le(x[0], x[2])); }
TL_INLINE mask is_missing(const vec *x) { return vec_absent(x[0]); }

TL_KERNEL(less) { tl__map_truths(c, 2, less); }
TL_KERNEL(less_equal) { tl__map_truths(c, 2, less_equal); }
TL_KERNEL(equal) { tl__map_truths(c, 2, equal); }
TL_KERNEL(not_equal) { tl__map_truths(c, 2, unequal); }
TL_KERNEL(between) { tl__map_truths(c, 3, is_between); }
TL_KERNEL(missing) { tl__map_truths(c, 1, is_missing); }

TL_KERNEL(less_bits) { tl__map_bits(c, 2, less); }
TL_KERNEL(less_equal_bits) { tl__map_bits(c, 2, less_equal); }
TL_KERNEL(equal_bits) { tl__map_bits(c, 2, equal); }
TL_KERNEL(not_equal_bits) { tl__map_bits(c, 2, unequal); }
TL_KERNEL(between_bits) { tl__map_bits(c, 3, is_between); }
TL_KERNEL(missing_bits) { tl__map_bits(c, 1, is_missing); }

#define COMPARISON .group = "signs", .kind = TL_MAP, .result = TL_BOOLEAN, .internal = true, .skips_missing = true, .compares = true, .args = {TL_X, TL_Y}
TL_OPERATOR(less, .summary = "x < y", COMPARISON);
TL_OPERATOR(less_equal, .summary = "x <= y", COMPARISON);
TL_OPERATOR(equal, .summary = "x == y", COMPARISON);
TL_OPERATOR(not_equal, .summary = "x != y; false where either is missing", COMPARISON);
TL_OPERATOR(between, .group = "pointwise", .summary = "lo <= x <= hi; false where any is missing", .kind = TL_MAP, .result = TL_BOOLEAN, .skips_missing = true,
            .compares = true, .args = {TL_X, {.name = "lo", .type = TL_ARG_SERIES}, {.name = "hi", .type = TL_ARG_SERIES}});
TL_OPERATOR(missing, .group = "pointwise", .summary = "true where x is missing", .kind = TL_MAP, .result = TL_BOOLEAN, .skips_missing = true, .compares = true,
            .args = {TL_X});

#ifdef TL_PROOFS
static double less_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] < in[1][t];
}
static double less_equal_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] <= in[1][t];
}
static double equal_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] == in[1][t];
}
static double not_equal_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] < in[1][t] || in[0][t] > in[1][t];
}
static double between_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[1][t] <= in[0][t] && in[0][t] <= in[2][t];
}
static double missing_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return isnan(in[0][t]) ? 1 : 0;
}
#endif
TL_PROOF(less, .oracle = less_oracle, .calls = {"x < y"},
         .cases = {{"x < y", 4, {1, 2, NA, 1}, {2, 1, 1, NA}, {0}, {1, 0, 0, 0}, "missing compares false"},
                   {"x > y", 4, {1, 2, NA, 1}, {2, 1, 1, NA}, {0}, {0, 1, 0, 0}, "missing compares false"},
                   {"not (x < y)", 2, {NA, 1}, {1, 2}, {0}, {1, 0}, "not of a comparison with missing is true"}});
TL_PROOF(less_equal, .oracle = less_equal_oracle, .calls = {"x <= y"}, .cases = {{"x >= y", 3, {1, 2, NA}, {1, 3, 1}, {0}, {1, 0, 0}, "by hand"}});
TL_PROOF(equal, .oracle = equal_oracle, .calls = {"x == y"}, .cases = {{"x == y", 3, {1, 2, NA}, {1, 3, NA}, {0}, {1, 0, 0}, "by hand"}});
TL_PROOF(not_equal, .oracle = not_equal_oracle, .calls = {"x != y"}, .cases = {{"x != y", 3, {1, 2, NA}, {1, 3, 1}, {0}, {0, 1, 0}, "missing compares false"}});
TL_PROOF(between, .oracle = between_oracle, .calls = {"between(x, y, z)", "between(x, -1, 1)"},
         .cases = {{"between(x, 1, 2)", 5, {0, 1, 2, 3, NA}, {0}, {0}, {0, 1, 1, 0, 0}, "bounds inclusive"}});
TL_PROOF(missing, .oracle = missing_oracle, .calls = {"missing(x)"}, .cases = {{"missing(x)", 2, {0, NA}, {0}, {0}, {0, 1}, "by hand"}});
