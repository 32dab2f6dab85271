/* Extremes of a window: min, max and how many rows ago they were. Exact folds.
   A NaN must run through a full window, so the larger of two is the second when either is NaN, except that a NaN in hand stays. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE vec larger(vec a, vec b) { return vec_select(vec_absent(a), a, vec_max(a, b)); }
TL_INLINE vec smaller(vec a, vec b) { return vec_select(vec_absent(a), a, vec_min(a, b)); }

TL_INLINE void max_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)anchor, (void)at, (void)older;
  part[0] = larger(part[0], x[0]);
}
TL_INLINE void min_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)anchor, (void)at, (void)older;
  part[0] = smaller(part[0], x[0]);
}
TL_INLINE void max_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = larger(w->suffix[0], w->prefix[0]);
}
TL_INLINE void min_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = smaller(w->suffix[0], w->prefix[0]);
}

/* parts: the extreme and its position. Ties go to the newest row: an older row must be better, a newer one as good. */
TL_INLINE void arg_push(vec *part, vec x, vec at, bool older, bool largest) {
  vec a = largest ? part[0] : x, b = largest ? x : part[0];
  mask take = mask_or(older ? vec_lt(a, b) : vec_le(a, b), vec_absent(x));
  part[0] = vec_select(take, x, part[0]);
  part[1] = vec_select(take, at, part[1]);
}
TL_INLINE void arg_lower(vec *out, const fold_window *w, bool largest) {
  vec best[2] = {w->prefix[0], w->prefix[1]};
  arg_push(best, w->suffix[0], w->suffix[1], true, largest);
  out[0] = vec_select(vec_present(best[0]), vec_sub(w->at, best[1]), vec_na());
}
TL_INLINE void argmax_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)anchor;
  arg_push(part, x[0], at, older, true);
}
TL_INLINE void argmin_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)anchor;
  arg_push(part, x[0], at, older, false);
}
TL_INLINE void argmax_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  arg_lower(out, w, true);
}
TL_INLINE void argmin_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  arg_lower(out, w, false);
}

TL_KERNEL(max) { tl__fold_extreme(c, 1, -INFINITY, max_push, max_lower); }
TL_KERNEL(min) { tl__fold_extreme(c, 1, INFINITY, min_push, min_lower); }
TL_KERNEL(argmax) { tl__fold_extreme(c, 2, -INFINITY, argmax_push, argmax_lower); }
TL_KERNEL(argmin) { tl__fold_extreme(c, 2, INFINITY, argmin_push, argmin_lower); }

#define EXTREME .group = "windows", .kind = TL_FOLD, .args = {TL_X, TL_N, TL_MIN}, .needs = 1
TL_OPERATOR(max, .summary = "largest present value of the last n rows", EXTREME, .parts = 1);
TL_OPERATOR(min, .summary = "smallest present value of the last n rows", EXTREME, .parts = 1);
TL_OPERATOR(argmax, .summary = "rows since the largest value of the last n rows, 0 = this row, newest of ties", EXTREME, .parts = 2, .exact = true,
            .laws = TL_SHIFT);
TL_OPERATOR(argmin, .summary = "rows since the smallest value of the last n rows, 0 = this row, newest of ties", EXTREME, .parts = 2, .exact = true,
            .laws = TL_SHIFT);

#ifdef TL_PROOFS
/* Position of the extreme, newest of ties; -1 when the window has too few values. */
static int64_t extreme(const tl_params *p, const double *x, int64_t t, int sign) {
  int64_t best = -1, k = 0;
  for (int64_t i = t - p->n + 1 < 0 ? 0 : t - p->n + 1; i <= t; i++) {
    if (isnan(x[i])) continue;
    k++;
    if (best < 0 || sign * x[i] >= sign * x[best]) best = i;
  }
  return k < p->min ? -1 : best;
}
static double max_oracle(const tl_params *p, const double *const *in, int64_t t) {
  int64_t i = extreme(p, in[0], t, 1);
  return i < 0 ? NA : in[0][i];
}
static double min_oracle(const tl_params *p, const double *const *in, int64_t t) {
  int64_t i = extreme(p, in[0], t, -1);
  return i < 0 ? NA : in[0][i];
}
static double argmax_oracle(const tl_params *p, const double *const *in, int64_t t) {
  int64_t i = extreme(p, in[0], t, 1);
  return i < 0 ? NA : (double)(t - i);
}
static double argmin_oracle(const tl_params *p, const double *const *in, int64_t t) {
  int64_t i = extreme(p, in[0], t, -1);
  return i < 0 ? NA : (double)(t - i);
}
#endif
TL_PROOF(max, .oracle = max_oracle, .calls = {"max(x, 1)", "max(x, 5)", "max(x, 252)", "max(x, 10, min: 1)"},
         .cases = {{"max(x, 2)", 5, {3, 1, NA, 4, 5}, {0}, {0}, {NA, 3, NA, NA, 5}, "by hand"},
                   {"max(x, 3, min: 1)", 5, {NA, 3, 1, NA, NA}, {0}, {0}, {NA, 3, 3, 3, 1}, "by hand"}});
TL_PROOF(min, .oracle = min_oracle, .calls = {"min(x, 1)", "min(x, 5)", "min(x, 252)", "min(x, 10, min: 1)"},
         .cases = {{"min(x, 2)", 5, {3, 1, NA, 4, 5}, {0}, {0}, {NA, 1, NA, NA, 4}, "by hand"}});
TL_PROOF(argmax, .oracle = argmax_oracle, .calls = {"argmax(x, 1)", "argmax(x, 5)", "argmax(x, 25)", "argmax(x, 10, min: 1)"},
         .cases = {{"argmax(x, 3)", 6, {3, 3, 1, 1, 2, NA}, {0}, {0}, {NA, NA, 1, 2, 0, NA}, "newest of ties"},
                   {"argmax(x, 3, min: 1)", 4, {NA, 2, NA, NA}, {0}, {0}, {NA, 0, 1, 2}, "by hand"}});
TL_PROOF(argmin, .oracle = argmin_oracle, .calls = {"argmin(x, 1)", "argmin(x, 5)", "argmin(x, 25)", "argmin(x, 10, min: 1)"},
         .cases = {{"argmin(x, 3)", 5, {3, 1, 1, 2, 2}, {0}, {0}, {NA, NA, 0, 1, 2}, "newest of ties"}});
