/* mean: of the present values of a window. The sum runs over distances from the anchor, so flat input gives exactly x.
   from_mean: the newest row's distance from it, which x - mean(x, n) cannot say where x hardly moves: there the mean's last bit is all. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE void mean_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)at, (void)older;
  part[0] = vec_add(part[0], vec_sub(x[0], anchor[0]));
}
/* The mean's distance from the prefix's anchor: each suffix row moves by the distance of the two anchors. */
TL_INLINE vec offset_of(const fold_window *w) {
  vec shift = vec_sub(w->suffix_anchor[0], w->prefix_anchor[0]);
  return vec_mul(vec_add(w->prefix[0], vec_add(w->suffix[0], vec_mul(w->suffix_count, shift))), w->inverse);
}
TL_INLINE void mean_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = vec_add(w->prefix_anchor[0], offset_of(w));
}
TL_INLINE void from_mean_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = vec_sub(vec_sub(w->x[0], w->prefix_anchor[0]), offset_of(w));
}

TL_KERNEL(mean) { tl__fold(c, 1, 1, 1, mean_push, mean_lower); }
TL_KERNEL(from_mean) { tl__fold(c, 1, 1, 1, mean_push, from_mean_lower); }

TL_OPERATOR(mean, .group = "windows", .summary = "mean of the present values of the last n rows", .kind = TL_FOLD, .args = {TL_X, TL_N, TL_MIN}, .parts = 1,
            .needs = 1, .laws = TL_LINEAR);
TL_OPERATOR(from_mean, .group = "windows", .summary = "x minus the mean of its window, exact where x hardly moves; missing where x is", .kind = TL_FOLD,
            .args = {TL_X, TL_N, TL_MIN}, .parts = 1, .needs = 1, .laws = TL_LINEAR | TL_FLAT_ZERO);

#ifdef TL_PROOFS
static double mean_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  long double sum = 0;
  for (int64_t i = 0; i < k; i++) sum += v[i];
  return k < p->min || k == 0 ? NA : (double)(sum / k);
}
static double from_mean_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  long double sum = 0;
  for (int64_t i = 0; i < k; i++) sum += (long double)v[i] - in[0][t];
  return k < p->min || k == 0 || isnan(in[0][t]) ? NA : (double)(-sum / k);
}
#endif
TL_PROOF(from_mean, .oracle = from_mean_oracle, .calls = {"from_mean(x, 1)", "from_mean(x, 20)", "from_mean(x, 63, min: 2)"}, .tolerance = 1e-12,
         .scale = TL_SCALE_SPREAD,
         .cases = {{"from_mean(x, 2)", 5, {1, 2, NA, 4, 5}, {0}, {0}, {NA, 0.5, NA, NA, 0.5}, "by hand"},
                   {"from_mean(x, 3, min: 1)", 4, {NA, 1, 3, NA}, {0}, {0}, {NA, 0, 1, NA}, "by hand"}});
TL_PROOF(mean, .oracle = mean_oracle, .calls = {"mean(x, 1)", "mean(x, 5)", "mean(x, 63)", "mean(x, 200, min: 1)", "mean(x, 9, min: 3)"}, .tolerance = 1e-13,
         .scale = TL_SCALE_LEVEL,
         .cases = {{"mean(x, 2)", 5, {1, 2, NA, 4, 5}, {0}, {0}, {NA, 1.5, NA, NA, 4.5}, "by hand"},
                   {"mean(x, 3)", 4, {0.1, 0.1, 0.1, 0.1}, {0}, {0}, {NA, NA, 0.1, 0.1}, "flat input is exact"},
                   {"mean(x, 3, min: 1)", 4, {NA, 1, 3, NA}, {0}, {0}, {NA, 1, 2, 2}, "by hand"}});
