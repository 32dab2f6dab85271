/* What depends on the path through the window, in time order; missing rows are passed over.

   adjusted_range: the range of the sums of deviations from the window's mean, the empty sum included (Hurst 1951, "adjusted range"; over
   the standard deviation it is the rescaled range). The last sum is 0, so that the empty one changes nothing but rounding.
   curve_length: of the line through the window's points when both axes are scaled to 0 .. 1 (Sevcik 1998); a flat line has length 1. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { CHAINS = TL_VIEW_CHAINS };

/* Of the present values: how many, one of them, their mean as a distance from it, and their extremes. */
typedef struct survey {
  vec count, anchor, mean, high, low;
} survey;

TL_INLINE void look_at(const view_window *w, int64_t i, int64_t end, survey *s, vec *sum) {
  for (; i < end; i++)
    for (int k = 0; k < CHAINS; k++) {
      vec x = tl__chain_at(w, i, k);
      sum[k] = vec_add(sum[k], vec_sub(x, s[k].anchor));
      s[k].high = vec_max(x, s[k].high), s[k].low = vec_min(x, s[k].low);
    }
}

/* A window whose rows are all there and present, or a NaN runs through the sum. In time order, as everything here: so values depend on the rows alone,
   not on where the ring begins. */
TL_INLINE void look_full(const view_window *w, const vec *newest, survey *s) {
  vec sum[CHAINS], count = vec_set1((double)w->rows);
  for (int k = 0; k < CHAINS; k++) {
    sum[k] = vec_zero();
    s[k] = (survey){.count = count, .anchor = newest[k], .high = vec_set1(-INFINITY), .low = vec_set1(INFINITY)};
  }
  look_at(w, w->oldest, w->rows, s, sum);
  look_at(w, 0, w->oldest, s, sum);
  for (int k = 0; k < CHAINS; k++) s[k].mean = vec_div(sum[k], count);
}

TL_INLINE survey look_counted(const view_window *w, vec newest) {
  survey s = {.count = vec_zero(), .anchor = newest, .high = vec_set1(-INFINITY), .low = vec_set1(INFINITY)};
  vec sum = vec_zero();
  for (int64_t n = 0; n < w->rows; n++) {
    vec x = tl__view_at(w, tl__view_place(w, n));
    s.anchor = vec_select(vec_present(x), x, s.anchor);
  }
  for (int64_t n = 0; n < w->rows; n++) {
    vec x = tl__view_at(w, tl__view_place(w, n)), next = vec_add(sum, vec_sub(x, s.anchor));
    sum = vec_select(vec_present(x), next, sum);
    s.count = vec_add(s.count, vec_truth(vec_present(x)));
    s.high = vec_max(x, s.high), s.low = vec_min(x, s.low);
  }
  s.mean = vec_div(sum, s.count);
  return s;
}

TL_INLINE vec enough(vec result, vec count, int64_t least) { return vec_finite(vec_select(vec_le(vec_set1((double)least), count), result, vec_na())); }

/* ---- adjusted_range ---- */

/* The deviations' sum after j rows is the rows' sum, about an anchor, less j means: so the sums are taken once, and kept where the window is not long. */
enum { KEPT = 256 };

typedef struct range_walk {
  vec anchor, sum, mean, high, low;
} range_walk;

TL_INLINE range_walk range_begin(vec anchor) {
  return (range_walk){.anchor = anchor, .sum = vec_zero(), .mean = vec_zero(), .high = vec_zero(), .low = vec_zero()};
}

TL_INLINE void range_see(range_walk *r, vec sum, vec rows) {
  vec away = vec_sub(sum, vec_mul(rows, r->mean));
  r->high = vec_max(r->high, away), r->low = vec_min(r->low, away);
}

TL_INLINE vec range_end(const range_walk *r, vec count, const tl_params *p) {
  return enough(vec_select(vec_present(r->sum), vec_sub(r->high, r->low), vec_na()), count, p->min);
}

/* The sums of rows [i, end) of the ring; `kept` (or NULL) takes them, from row n of the window on. */
TL_INLINE void add_up(const view_window *w, int64_t i, int64_t end, int64_t n, range_walk *r, vec *kept) {
  for (; i < end; i++, n++)
    for (int k = 0; k < CHAINS; k++) {
      r[k].sum = vec_add(r[k].sum, vec_sub(tl__chain_at(w, i, k), r[k].anchor));
      if (kept != NULL) kept[n * CHAINS + k] = r[k].sum;
    }
}

/* What the sums say of the range, once the mean is known. */
TL_INLINE void see_kept(const view_window *w, range_walk *r, const vec *kept) {
  double rows = 1;
  for (int64_t n = 0; n < w->rows; n++, rows += 1)
    for (int k = 0; k < CHAINS; k++) range_see(&r[k], kept[n * CHAINS + k], vec_set1(rows));
}

TL_INLINE void see_again(const view_window *w, int64_t i, int64_t end, double *rows, range_walk *r) {
  for (; i < end; i++, *rows += 1)
    for (int k = 0; k < CHAINS; k++) {
      r[k].sum = vec_add(r[k].sum, vec_sub(tl__chain_at(w, i, k), r[k].anchor));
      range_see(&r[k], r[k].sum, vec_set1(*rows));
    }
}

TL_INLINE void full_range(const view_window *w, const vec *newest, vec *out, const tl_params *p) {
  vec kept[KEPT * CHAINS], count = vec_set1((double)w->rows);
  range_walk r[CHAINS];
  bool keeps = w->rows <= KEPT;
  double rows = 1;
  for (int k = 0; k < CHAINS; k++) r[k] = range_begin(newest[k]);
  add_up(w, w->oldest, w->rows, 0, r, keeps ? kept : NULL);
  add_up(w, 0, w->oldest, w->rows - w->oldest, r, keeps ? kept : NULL);
  for (int k = 0; k < CHAINS; k++) r[k].mean = vec_div(r[k].sum, count);
  if (keeps) {
    see_kept(w, r, kept);
  } else {
    for (int k = 0; k < CHAINS; k++) r[k].sum = vec_zero();
    see_again(w, w->oldest, w->rows, &rows, r);
    see_again(w, 0, w->oldest, &rows, r);
  }
  for (int k = 0; k < CHAINS; k++) out[k] = range_end(&r[k], count, p);
}

TL_INLINE vec counted_range(const view_window *w, vec newest, const tl_params *p) {
  survey s = look_counted(w, newest);
  range_walk r = range_begin(s.anchor);
  vec rows = vec_zero();
  r.mean = s.mean;
  for (int64_t n = 0; n < w->rows; n++) {
    vec x = tl__view_at(w, tl__view_place(w, n)), sum = vec_add(r.sum, vec_sub(x, r.anchor));
    mask there = vec_present(x);
    rows = vec_add(rows, vec_truth(there));
    r.sum = vec_select(there, sum, r.sum);
    range_see(&r, r.sum, rows);
  }
  return range_end(&r, s.count, p);
}

/* ---- curve_length ---- */

typedef struct line_walk {
  vec across, scale, before, length; /* across: squared */
} line_walk;

TL_INLINE line_walk line_begin(const survey *s, vec before) {
  vec span = vec_sub(s->high, s->low), across = vec_div(vec_set1(1.0), vec_sub(s->count, vec_set1(1.0)));
  vec scale = vec_select(vec_lt(vec_zero(), span), vec_div(vec_set1(1.0), span), vec_zero());
  return (line_walk){.across = vec_mul(across, across), .scale = scale, .before = before, .length = vec_zero()};
}

TL_INLINE void line_step(line_walk *l, vec x, bool full) {
  vec rise = vec_mul(vec_sub(x, l->before), l->scale), part = vec_sqrt(vec_add(l->across, vec_mul(rise, rise)));
  l->length = vec_add(l->length, full ? part : vec_select(vec_present(rise), part, vec_zero()));
  l->before = full ? x : vec_select(vec_present(x), x, l->before);
}

TL_INLINE vec line_end(const line_walk *l, const survey *s, const tl_params *p) {
  return enough(vec_select(vec_present(s->mean), l->length, vec_na()), s->count, p->min > 2 ? p->min : 2);
}

TL_INLINE void full_length(const view_window *w, const vec *newest, vec *out, const tl_params *p) {
  survey s[CHAINS];
  line_walk l[CHAINS];
  look_full(w, newest, s);
  for (int k = 0; k < CHAINS; k++) l[k] = line_begin(&s[k], tl__chain_at(w, w->oldest, k));
  for (int64_t i = w->oldest + 1; i < w->rows; i++)
    for (int k = 0; k < CHAINS; k++) line_step(&l[k], tl__chain_at(w, i, k), true);
  for (int64_t i = 0; i < w->oldest; i++)
    for (int k = 0; k < CHAINS; k++) line_step(&l[k], tl__chain_at(w, i, k), true);
  for (int k = 0; k < CHAINS; k++) out[k] = line_end(&l[k], &s[k], p);
}

TL_INLINE vec counted_length(const view_window *w, vec newest, const tl_params *p) {
  survey s = look_counted(w, newest);
  line_walk l = line_begin(&s, vec_na());
  for (int64_t i = w->oldest; i < w->rows; i++) line_step(&l, tl__view_at(w, i), false);
  for (int64_t i = 0; i < w->oldest; i++) line_step(&l, tl__view_at(w, i), false);
  return line_end(&l, &s, p);
}

/* A window of time is one whose rows are counted. */
TL_KERNEL(adjusted_range) {
  if (c->params->min < c->params->n)
    tl__view(c, counted_range);
  else
    tl__view_chains(c, counted_range, full_range);
}
TL_KERNEL(curve_length) {
  if (c->params->min < c->params->n)
    tl__view(c, counted_length);
  else
    tl__view_chains(c, counted_length, full_length);
}

#define PATH .group = "windows", .kind = TL_VIEW, .args = {TL_X, TL_N, TL_MIN}
TL_OPERATOR(adjusted_range, .summary = "range of the summed deviations from the window's mean; over stddev it is the rescaled range", PATH, .needs = 1,
            .laws = TL_SHIFT | TL_FLAT_ZERO);
TL_OPERATOR(curve_length, .summary = "length of the line through the window's points, both axes scaled to 0 .. 1; 1 on flat input", PATH, .needs = 2,
            .laws = TL_SHIFT);

#ifdef TL_PROOFS
static double adjusted_range_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  long double mean = 0, sum = 0, high = 0, low = 0;
  if (k < p->min || k == 0) return NA;
  for (int64_t i = 0; i < k; i++) mean += ((long double)v[i] - v[0]) / k;
  for (int64_t i = 0; i < k; i++) {
    sum += (long double)v[i] - v[0] - mean;
    high = fmaxl(high, sum), low = fminl(low, sum);
  }
  return (double)(high - low);
}
static double curve_length_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  long double high = -INFINITY, low = INFINITY, length = 0;
  if (k < p->min || k < 2) return NA;
  for (int64_t i = 0; i < k; i++) high = fmaxl(high, v[i]), low = fminl(low, v[i]);
  for (int64_t i = 1; i < k; i++) length += hypotl(1.0L / (k - 1), high > low ? ((long double)v[i] - v[i - 1]) / (high - low) : 0);
  return (double)length;
}
#endif
TL_PROOF(adjusted_range, .oracle = adjusted_range_oracle,
         .calls = {"adjusted_range(x, 1)", "adjusted_range(x, 8)", "adjusted_range(x, 100)", "adjusted_range(x, 20, min: 2)"}, .tolerance = 1e-11,
         .scale = TL_SCALE_SPREAD,
         .cases = {{"adjusted_range(x, 3)", 5, {1, 2, 6, NA, 1}, {0}, {0}, {NA, NA, 3, NA, NA}, "sums -2, -3, 0"},
                   {"adjusted_range(x, 3, min: 2)", 5, {1, NA, 5, NA, NA}, {0}, {0}, {NA, NA, 2, NA, NA}, "by hand"}});
TL_PROOF(curve_length, .oracle = curve_length_oracle, .calls = {"curve_length(x, 2)", "curve_length(x, 100)", "curve_length(x, 10, min: 3)"}, .tolerance = 1e-9,
         .cases = {{"curve_length(x, 3)", 5, {4, 4, 4, 8, NA}, {0}, {0}, {NA, NA, 1, 1.6180339887498949, NA}, "1/2 and the way to (1/2, 1)"},
                   {"curve_length(x, 1)", 2, {1, 2}, {0}, {0}, {NA, NA}, "one point is no line"}});
