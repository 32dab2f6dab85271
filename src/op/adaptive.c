/* A mean whose factor changes from row to row: y_t = y_{t-1} + a_t (x_t - y_{t-1}), from the first row on at which `start` is present
   (and x is): there y is start. Kaufman's adaptive mean is this with a from the efficiency of the path (features/lib). */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE void adaptive_init(vec *s, const tl_params *p) {
  (void)p;
  s[0] = vec_na();
}
TL_INLINE void adaptive_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  mask fresh = vec_absent(s[0]);
  vec next = vec_add(s[0], vec_mul(x[1], vec_sub(x[0], s[0])));
  next = vec_finite(vec_select(fresh, vec_select(vec_present(x[0]), x[2], vec_na()), next));
  s[0] = vec_select(vec_present(next), next, s[0]);
  *out = next;
}

TL_KERNEL(adaptive) { tl__scan(c, 3, 1, adaptive_init, adaptive_step); }

TL_OPERATOR(adaptive, .group = "recursions", .summary = "y + a (x - y) with a factor for each row, from the first row on that has a start: there y is start",
            .kind = TL_SCAN, .parts = 1, .args = {TL_X, {.name = "a", .type = TL_ARG_SERIES}, {.name = "start", .type = TL_ARG_SERIES}});

#ifdef TL_PROOFS
static double adaptive_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double y = NA, out = NA;
  (void)p;
  for (int64_t i = 0; i <= t; i++) {
    out = isnan(y) ? (isnan(in[0][i]) ? NA : in[2][i]) : y + in[1][i] * (in[0][i] - y);
    if (!isfinite(out)) out = NA;
    if (!isnan(out)) y = out;
  }
  return out;
}
#endif
TL_PROOF(adaptive, .oracle = adaptive_oracle, .calls = {"adaptive(x, y, z)"},
         .cases = {{"adaptive(x, y, z)", 5, {1, 2, 4, NA, 8}, {1, 0.5, 0.5, 0.5, 0.25}, {NA, 3, 9, 9, 9}, {NA, 3, 3.5, NA, 4.625}, "by hand"}});
