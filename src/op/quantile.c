/* Order statistics of a window: quantile and median, by linear interpolation between order statistics at q (k - 1).
   A view: beside the ring of rows each lane keeps the present ones sorted, which is only another arrangement of the same rows. */
#include <stdlib.h>
#include "op/operator.h"
#include "lane/drivers.h"

/* The first place in v[0..count) whose value is not less than x. */
static int64_t quantile_place(const double *v, int64_t count, double x) {
  int64_t low = 0;
  while (count > 0) {
    int64_t half = count / 2;
    if (v[low + half] < x)
      low += half + 1, count -= half + 1;
    else
      count = half;
  }
  return low;
}

static double quantile_of(const double *v, int64_t k, double q) {
  double at = q * (double)(k - 1);
  int64_t i = (int64_t)at;
  double part = at - (double)i;
  return part == 0 || i + 1 >= k ? v[i] : v[i] + part * (v[i + 1] - v[i]);
}

typedef struct sorted_lane {
  double *v;
  int64_t count;
} sorted_lane;

static void quantile_insert(sorted_lane *s, double x) {
  int64_t i = quantile_place(s->v, s->count, x);
  memmove(s->v + i + 1, s->v + i, (size_t)(s->count - i) * sizeof *s->v);
  s->v[i] = x;
  s->count++;
}

static void quantile_remove(sorted_lane *s, double x) {
  int64_t i = quantile_place(s->v, s->count, x);
  s->count--;
  memmove(s->v + i, s->v + i + 1, (size_t)(s->count - i) * sizeof *s->v);
}

/* State of a lane: count, ring, sorted values; of one lane after the other. */
static inline void quantile_lane(const tl_call *c, int lane, double q) {
  int64_t slots = c->params->slots;
  double *state = c->state + lane * (2 * slots + 1), *ring = state + 1;
  sorted_lane s = {.v = ring + slots, .count = c->row == 0 || state[0] != state[0] ? 0 : (int64_t)state[0]}; /* NaN: nothing yet */
  for (int r = 0; r < c->rows; r++) {
    int64_t row = c->row + r, slot = row % slots;
    double x = c->in[0][r * TL_LANES + lane] + 0.0; /* one zero, not two */
    if (row >= slots && ring[slot] == ring[slot]) quantile_remove(&s, ring[slot]);
    ring[slot] = x;
    if (x == x) quantile_insert(&s, x);
    c->out[0][r * TL_LANES + lane] = s.count > 0 && s.count >= c->params->min ? quantile_of(s.v, s.count, q) : NAN;
  }
  state[0] = (double)s.count;
}

/* A window of time is sorted anew at each row: what leaves it is not known beforehand. */
static int quantile_order(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

static inline void quantile_spans(const tl_call *c, double q) {
  tl_span *s = c->span;
  for (int r = 0; r < c->rows; r++)
    for (int lane = 0; lane < TL_LANES; lane++) {
      tl__span_view_row(c, r, lane);
      int64_t rows = tl__span_rows(s, lane), k = 0;
      for (int64_t i = 0; i < rows; i++) {
        double x = tl__span_value(s, lane, i) + 0.0;
        if (x == x) s->view[k++] = x;
      }
      if (k > 1) qsort(s->view, (size_t)k, sizeof *s->view, quantile_order);
      c->out[0][r * TL_LANES + lane] = k > 0 && k >= c->params->min ? quantile_of(s->view, k, q) : NAN;
    }
}

TL_KERNEL(quantile) {
  if (c->span != NULL) {
    quantile_spans(c, c->params->a[0]);
    return;
  }
  for (int lane = 0; lane < TL_LANES; lane++) quantile_lane(c, lane, c->params->a[0]);
}
TL_KERNEL(median) {
  if (c->span != NULL) {
    quantile_spans(c, 0.5);
    return;
  }
  for (int lane = 0; lane < TL_LANES; lane++) quantile_lane(c, lane, 0.5);
}

TL_OPERATOR(quantile, .group = "windows", .summary = "q-quantile of the present values, linear between order statistics at q (k - 1)", .kind = TL_VIEW,
            .parts = 1, .needs = 1, .args = {TL_X, TL_N, {.name = "q", .type = TL_ARG_CONSTANT, .slot = TL_SLOT_A0, .low = 0, .high = 1}, TL_MIN});
TL_OPERATOR(median, .group = "windows", .summary = "median of the present values", .kind = TL_VIEW, .parts = 1, .needs = 1, .args = {TL_X, TL_N, TL_MIN});

#ifdef TL_PROOFS
static double order_statistic(const tl_params *p, const double *x, int64_t t, double q) {
  double v[p->n];
  int64_t k = tl__window(p, x, t, v);
  if (k < p->min || k == 0) return NA;
  for (int64_t i = 1; i < k; i++)
    for (int64_t j = i; j > 0 && v[j - 1] > v[j]; j--) {
      double swap = v[j];
      v[j] = v[j - 1], v[j - 1] = swap;
    }
  double at = q * (double)(k - 1);
  int64_t i = (int64_t)at;
  return i + 1 < k ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[i];
}
static double quantile_oracle(const tl_params *p, const double *const *in, int64_t t) { return order_statistic(p, in[0], t, p->a[0]); }
static double median_oracle(const tl_params *p, const double *const *in, int64_t t) { return order_statistic(p, in[0], t, 0.5); }
#endif
TL_PROOF(quantile, .oracle = quantile_oracle, .calls = {"quantile(x, 5, 0.25)", "quantile(x, 30, 0.9, min: 1)", "quantile(x, 4, 0)", "quantile(x, 4, 1)"},
         .tolerance = 1e-15, .scale = TL_SCALE_LEVEL, .cases = {{"quantile(x, 3, 0.25)", 4, {1, 5, 3, 7}, {0}, {0}, {NA, NA, 2, 4}, "by hand"}});
TL_PROOF(median, .oracle = median_oracle, .calls = {"median(x, 1)", "median(x, 4)", "median(x, 31, min: 2)"}, .tolerance = 1e-15, .scale = TL_SCALE_LEVEL,
         .cases = {{"median(x, 3, min: 1)", 5, {1, NA, 3, 9, NA}, {0}, {0}, {1, 1, 2, 6, 6}, "by hand"}});
