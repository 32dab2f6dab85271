/* and, or, not. A boolean that is missing (after a lag or a window) reads as false. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE mask is_true(vec x) { return vec_eq(x, vec_set1(1.0)); }
TL_INLINE mask both(const vec *x) { return mask_and(is_true(x[0]), is_true(x[1])); }
TL_INLINE mask either(const vec *x) { return mask_or(is_true(x[0]), is_true(x[1])); }
TL_INLINE mask opposite(const vec *x) { return mask_not(is_true(x[0])); }
TL_INLINE vec choose(const vec *x, const tl_params *p) {
  (void)p;
  return vec_select(is_true(x[0]), x[1], x[2]);
}

TL_KERNEL(and) { tl__map_truths(c, 2, both); }
TL_KERNEL(or) { tl__map_truths(c, 2, either); }
TL_KERNEL(not ) { tl__map_truths(c, 1, opposite); }
TL_KERNEL(if) { tl__map(c, 3, choose); }

/* Of conditions that are bits themselves. */
TL_INLINE const tl_condition_bits *bits_of(const double *tile) { return (const tl_condition_bits *)(const void *)tile; }

TL_KERNEL(and_bits) {
  const tl_condition_bits *a = bits_of(c->in[0]), *b = bits_of(c->in[1]);
  tl_condition_bits *out = (tl_condition_bits *)(void *)c->out[0];
  for (int r = 0; r < c->rows; r++) out[r] = a[r] & b[r];
}
TL_KERNEL(or_bits) {
  const tl_condition_bits *a = bits_of(c->in[0]), *b = bits_of(c->in[1]);
  tl_condition_bits *out = (tl_condition_bits *)(void *)c->out[0];
  for (int r = 0; r < c->rows; r++) out[r] = a[r] | b[r];
}
TL_KERNEL(not_bits) {
  const tl_condition_bits *a = bits_of(c->in[0]);
  tl_condition_bits *out = (tl_condition_bits *)(void *)c->out[0];
  for (int r = 0; r < c->rows; r++) out[r] = (tl_condition_bits)~a[r];
}

#define A_CONDITION \
  { .name = "a", .type = TL_ARG_CONDITION }
#define B_CONDITION \
  { .name = "b", .type = TL_ARG_CONDITION }
#define LOGIC .group = "signs", .kind = TL_MAP, .result = TL_BOOLEAN, .internal = true, .skips_missing = true
TL_OPERATOR(and, .summary = "a and b", LOGIC, .args = {A_CONDITION, B_CONDITION});
TL_OPERATOR(or, .summary = "a or b", LOGIC, .args = {A_CONDITION, B_CONDITION});
TL_OPERATOR(not, .summary = "not a", LOGIC, .args = {A_CONDITION});
TL_OPERATOR(if, .group = "pointwise", .summary = "a where c is true, else b; looks only at the chosen one", .kind = TL_MAP, .result = TL_SAME,
            .skips_missing = true, .args = {{.name = "c", .type = TL_ARG_CONDITION}, {.name = "a", .type = TL_ARG_ANY}, {.name = "b", .type = TL_ARG_ANY}});

#ifdef TL_PROOFS
static double and_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] > 0 && in[1][t] > 0;
}
static double or_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] > 0 || in[1][t] > 0;
}
static double not_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return !(in[0][t] > 0);
}
static double if_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  return in[0][t] > 0 ? in[1][t] : in[2][t];
}
#endif
TL_PROOF(and, .oracle = and_oracle, .calls = {"x > 0 and y > 0"},
         .cases = {
             {"(x > y and not x > 2) or missing(z) and x > y", 4, {1, 3, 3, 0}, {0, 0, 0, 0}, {1, NA, 1, NA}, {1, 1, 0, 0}, "conditions read more than once"},
             {"lag(x > 0, 1) and y > 0 or x > 1", 3, {1, 2, 0}, {1, 1, 1}, {0}, {0, 1, 1}, "some are bits, some are not"},
             {"lag(x > 0, 1) and y > 0", 2, {1, 1}, {1, 1}, {0}, {0, 1}, "a missing boolean is false"}});
TL_PROOF(or, .oracle = or_oracle, .calls = {"x > 0 or y > 0"}, .cases = {{"x > 0 or y > 0", 3, {1, 0, NA}, {0, 0, 1}, {0}, {1, 0, 1}, "by hand"}});
TL_PROOF(not, .oracle = not_oracle, .calls = {"not x > 0"}, .cases = {{"not lag(x > 0, 1)", 2, {1, 1}, {0}, {0}, {1, 0}, "a missing boolean is false"}});
TL_PROOF(if, .oracle = if_oracle, .calls = {"if(x > 0, y, z)"},
         .cases = {{"if(x > 0, y, z)", 4, {1, 0, NA, 1}, {5, NA, NA, NA}, {NA, 6, 7, 1}, {5, 6, 7, NA}, "only the chosen branch"}});
