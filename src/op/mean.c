/* mean: of the present values of a window. The sum runs over distances from the anchor, so flat input gives exactly x. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE void mean_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)at, (void)older;
  part[0] = vec_add(part[0], vec_sub(x[0], anchor[0]));
}
/* Both halves about the prefix's anchor: each suffix row moves by the distance of the two anchors. */
TL_INLINE void mean_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  vec shift = vec_sub(w->suffix_anchor[0], w->prefix_anchor[0]);
  vec sum = vec_add(w->prefix[0], vec_add(w->suffix[0], vec_mul(w->suffix_count, shift)));
  out[0] = vec_add(w->prefix_anchor[0], vec_mul(sum, w->inverse));
}

TL_KERNEL(mean) { tl__fold(c, 1, 1, 1, mean_push, mean_lower); }

TL_OPERATOR(mean, .group = "windows", .summary = "mean of the present values of the last n rows", .kind = TL_FOLD, .args = {TL_X, TL_N, TL_MIN}, .parts = 1,
            .needs = 1, .laws = TL_LINEAR);

#ifdef TL_PROOFS
static double mean_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  long double sum = 0;
  for (int64_t i = 0; i < k; i++) sum += v[i];
  return k < p->min || k == 0 ? NA : (double)(sum / k);
}
#endif
TL_PROOF(mean, .oracle = mean_oracle, .calls = {"mean(x, 1)", "mean(x, 5)", "mean(x, 63)", "mean(x, 200, min: 1)", "mean(x, 9, min: 3)"}, .tolerance = 1e-13,
         .scale = TL_SCALE_LEVEL,
         .cases = {{"mean(x, 2)", 5, {1, 2, NA, 4, 5}, {0}, {0}, {NA, 1.5, NA, NA, 4.5}, "by hand"},
                   {"mean(x, 3)", 4, {0.1, 0.1, 0.1, 0.1}, {0}, {0}, {NA, NA, 0.1, 0.1}, "flat input is exact"},
                   {"mean(x, 3, min: 1)", 4, {NA, 1, 3, NA}, {0}, {0}, {NA, 1, 2, 2}, "by hand"}});
