/* Over the stream so far: cumsum, cummax, cummin, ffill, since, row. A missing row holds the state. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE void absent_init(vec *s, const tl_params *p) {
  (void)p;
  s[0] = vec_na();
}

/* The state starts as missing, so the first present value replaces it. */
TL_INLINE void keep(vec *s, vec x, vec combined, vec *out) {
  mask here = vec_present(x);
  s[0] = vec_select(here, vec_select(vec_absent(s[0]), x, combined), s[0]);
  *out = vec_select(here, s[0], x);
}
TL_INLINE void sum_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  keep(s, x[0], vec_add(s[0], x[0]), out);
  *out = vec_finite(*out);
}
TL_INLINE void max_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  keep(s, x[0], vec_max(s[0], x[0]), out);
}
TL_INLINE void min_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  keep(s, x[0], vec_min(s[0], x[0]), out);
}
TL_INLINE void ffill_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  *out = s[0] = vec_select(vec_present(x[0]), x[0], s[0]);
}
TL_INLINE void since_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  s[0] = vec_select(vec_eq(x[0], vec_set1(1.0)), vec_zero(), vec_add(s[0], vec_set1(1.0)));
  *out = s[0];
}
TL_INLINE void row_init(vec *s, const tl_params *p) {
  (void)p;
  s[0] = vec_set1(-1.0);
}
TL_INLINE void row_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p, (void)x;
  *out = s[0] = vec_add(s[0], vec_set1(1.0));
}

TL_KERNEL(cumsum) { tl__scan(c, 1, 1, absent_init, sum_step); }
TL_KERNEL(cummax) { tl__scan(c, 1, 1, absent_init, max_step); }
TL_KERNEL(cummin) { tl__scan(c, 1, 1, absent_init, min_step); }
TL_KERNEL(ffill) { tl__scan(c, 1, 1, absent_init, ffill_step); }
TL_KERNEL(since) { tl__scan(c, 1, 1, absent_init, since_step); }
TL_KERNEL(row) { tl__scan(c, 0, 1, row_init, row_step); }

#define CUMULATIVE .group = "recursions", .kind = TL_SCAN, .parts = 1
TL_OPERATOR(cumsum, .summary = "sum over the stream so far", CUMULATIVE, .args = {TL_X});
TL_OPERATOR(cummax, .summary = "largest value of the stream so far", CUMULATIVE, .args = {TL_X});
TL_OPERATOR(cummin, .summary = "smallest value of the stream so far", CUMULATIVE, .args = {TL_X});
TL_OPERATOR(ffill, .summary = "newest present value of the stream so far", CUMULATIVE, .args = {TL_X});
TL_OPERATOR(since, .summary = "rows since c was last true, 0 now; missing before the first time", CUMULATIVE,
            .args = {{.name = "c", .type = TL_ARG_CONDITION}});
TL_OPERATOR(row, .summary = "number of this row in its stream, from 0", CUMULATIVE);

#ifdef TL_PROOFS
static double cumsum_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  double sum = NA;
  for (int64_t i = 0; i <= t; i++)
    if (!isnan(in[0][i])) sum = isnan(sum) ? in[0][i] : sum + in[0][i];
  return isnan(in[0][t]) ? NA : sum;
}
static double cummax_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  double best = NA;
  for (int64_t i = 0; i <= t; i++)
    if (!isnan(in[0][i]) && !(best > in[0][i])) best = in[0][i];
  return isnan(in[0][t]) ? NA : best;
}
static double cummin_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  double best = NA;
  for (int64_t i = 0; i <= t; i++)
    if (!isnan(in[0][i]) && !(best < in[0][i])) best = in[0][i];
  return isnan(in[0][t]) ? NA : best;
}
static double ffill_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  for (int64_t i = t; i >= 0; i--)
    if (!isnan(in[0][i])) return in[0][i];
  return NA;
}
static double since_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p;
  for (int64_t i = t; i >= 0; i--)
    if (in[0][i] > 0) return (double)(t - i);
  return NA;
}
static double row_oracle(const tl_params *p, const double *const *in, int64_t t) {
  (void)p, (void)in;
  return (double)t;
}
#endif
TL_PROOF(cumsum, .oracle = cumsum_oracle, .calls = {"cumsum(x)"}, .cases = {{"cumsum(x)", 4, {1, NA, 2, 3}, {0}, {0}, {1, NA, 3, 6}, "missing rows hold"}});
TL_PROOF(cummax, .oracle = cummax_oracle, .calls = {"cummax(x)"}, .cases = {{"cummax(x)", 4, {1, NA, 3, 2}, {0}, {0}, {1, NA, 3, 3}, "by hand"}});
TL_PROOF(cummin, .oracle = cummin_oracle, .calls = {"cummin(x)"}, .cases = {{"cummin(x)", 4, {NA, 2, 3, 1}, {0}, {0}, {NA, 2, 2, 1}, "by hand"}});
TL_PROOF(ffill, .oracle = ffill_oracle, .calls = {"ffill(x)"}, .cases = {{"ffill(x)", 4, {NA, 2, NA, 1}, {0}, {0}, {NA, 2, 2, 1}, "by hand"}});
TL_PROOF(since, .oracle = since_oracle, .calls = {"since(x > 0)"}, .cases = {{"since(x > 0)", 5, {0, 1, 0, NA, 1}, {0}, {0}, {NA, 0, 1, 2, 0}, "by hand"}});
TL_PROOF(row, .oracle = row_oracle, .calls = {"row()"}, .cases = {{"row()", 3, {5, NA, 7}, {0}, {0}, {0, 1, 2}, "by hand"}});
