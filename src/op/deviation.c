/* mad: the mean distance from the window's own mean. A view: the mean comes first, about the newest present value, then the distances; in time order, so
   that nothing depends on where the ring begins. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE void add_up(const view_window *w, int64_t i, int64_t end, const vec *anchor, vec *sum) {
  for (; i < end; i++)
    for (int k = 0; k < TL_VIEW_CHAINS; k++) sum[k] = vec_add(sum[k], vec_sub(tl__chain_at(w, i, k), anchor[k]));
}

TL_INLINE void add_distances(const view_window *w, int64_t i, int64_t end, const vec *anchor, const vec *mean, vec *sum) {
  for (; i < end; i++)
    for (int k = 0; k < TL_VIEW_CHAINS; k++) sum[k] = vec_add(sum[k], vec_abs(vec_sub(vec_sub(tl__chain_at(w, i, k), anchor[k]), mean[k])));
}

/* Every row is present, or the result is missing: a NaN runs through both sums. */
TL_INLINE void mad_full(const view_window *w, const vec *newest, vec *out, const tl_params *p) {
  enum { CHAINS = TL_VIEW_CHAINS };
  vec sum[CHAINS], mean[CHAINS], distance[CHAINS], inverse = vec_set1(1.0 / (double)p->n);
  for (int k = 0; k < CHAINS; k++) sum[k] = distance[k] = vec_zero();
  add_up(w, w->oldest, w->rows, newest, sum);
  add_up(w, 0, w->oldest, newest, sum);
  for (int k = 0; k < CHAINS; k++) mean[k] = vec_mul(sum[k], inverse);
  add_distances(w, w->oldest, w->rows, newest, mean, distance);
  add_distances(w, 0, w->oldest, newest, mean, distance);
  for (int k = 0; k < CHAINS; k++) out[k] = w->rows < p->n ? vec_na() : vec_finite(vec_mul(distance[k], inverse));
}

TL_INLINE vec mad_counted(const view_window *w, vec newest, const tl_params *p) {
  (void)newest;
  vec anchor = vec_na(), count = vec_zero(), sum = vec_zero(), distance = vec_zero();
  for (int64_t n = 0; n < w->rows; n++) {
    vec x = tl__view_at(w, tl__view_place(w, n));
    anchor = vec_select(vec_present(x), x, anchor);
    count = vec_add(count, vec_truth(vec_present(x)));
  }
  for (int64_t n = 0; n < w->rows; n++) {
    vec x = tl__view_at(w, tl__view_place(w, n));
    sum = vec_select(vec_present(x), vec_add(sum, vec_sub(x, anchor)), sum);
  }
  vec mean = vec_div(sum, count);
  for (int64_t n = 0; n < w->rows; n++) {
    vec x = tl__view_at(w, tl__view_place(w, n));
    distance = vec_select(vec_present(x), vec_add(distance, vec_abs(vec_sub(vec_sub(x, anchor), mean))), distance);
  }
  mask enough = mask_and(vec_lt(vec_zero(), count), vec_le(vec_set1((double)p->min), count));
  return vec_finite(vec_select(enough, vec_div(distance, count), vec_na()));
}

TL_KERNEL(mad) {
  if (c->params->min < c->params->n)
    tl__view(c, mad_counted);
  else
    tl__view_chains(c, mad_counted, mad_full);
}

TL_OPERATOR(mad, .group = "windows", .summary = "mean absolute deviation from the window's own mean; flat input gives exactly 0", .kind = TL_VIEW, .needs = 1,
            .args = {TL_X, TL_N, TL_MIN}, .laws = TL_SHIFT | TL_FLAT_ZERO);

#ifdef TL_PROOFS
static double mad_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  long double mean = 0, distance = 0;
  if (k < p->min || k == 0) return NA;
  for (int64_t i = 0; i < k; i++) mean += ((long double)v[i] - v[0]) / k;
  for (int64_t i = 0; i < k; i++) distance += fabsl((long double)v[i] - v[0] - mean) / k;
  return (double)distance;
}
#endif
TL_PROOF(mad, .oracle = mad_oracle, .calls = {"mad(x, 1)", "mad(x, 20)", "mad(x, 14, min: 1)", "mad(x, 100)"}, .tolerance = 1e-12, .scale = TL_SCALE_SPREAD,
         .cases = {{"mad(x, 3)", 5, {1, 2, 6, NA, 1}, {0}, {0}, {NA, NA, 2, NA, NA}, "by hand"},
                   {"mad(x, 3, min: 2)", 5, {1, NA, 5, NA, NA}, {0}, {0}, {NA, NA, 2, NA, NA}, "by hand"}});
