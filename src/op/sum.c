/* Windows that need no anchor: sum, count, oldest and newest value. */
#include "op/operator.h"
#include "lane/drivers.h"

TL_INLINE void sum_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)anchor, (void)at, (void)older;
  part[0] = vec_add(part[0], x[0]);
}
TL_INLINE void sum_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = vec_add(w->suffix[0], w->prefix[0]);
}

TL_INLINE void count_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) { (void)part, (void)x, (void)anchor, (void)at, (void)older; }
TL_INLINE void count_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = w->count;
}

/* part[1] is 1 once part[0] holds a value. */
TL_INLINE void first_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)anchor, (void)at;
  part[0] = older ? x[0] : vec_select(vec_eq(part[1], vec_zero()), x[0], part[0]);
  part[1] = vec_set1(1.0);
}
TL_INLINE void first_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = vec_select(vec_eq(w->suffix_count, vec_zero()), w->prefix[0], w->suffix[0]);
}
TL_INLINE void last_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) { first_push(part, x, anchor, at, !older); }
TL_INLINE void last_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  out[0] = vec_select(vec_eq(w->prefix_count, vec_zero()), w->suffix[0], w->prefix[0]);
}

TL_KERNEL(sum) { tl__fold(c, 1, 1, 1, sum_push, sum_lower); }
TL_KERNEL(count) { tl__fold_choice(c, 0, count_push, count_lower); }
TL_KERNEL(first) { tl__fold_choice(c, 2, first_push, first_lower); }
TL_KERNEL(last) { tl__fold_choice(c, 2, last_push, last_lower); }

#define EACH \
  { .name = "each", .type = TL_ARG_WORD, .slot = TL_SLOT_MODE, .named = true, .optional = true, .value = -1, .words = "year quarter month week day" }
#define N_OR_EACH \
  { .name = "n", .type = TL_ARG_WINDOW, .slot = TL_SLOT_N, .optional = true, .value = 1 }
TL_OPERATOR(sum, .group = "windows", .summary = "sum of the present values of the last n rows", .kind = TL_FOLD, .args = {TL_X, TL_N, TL_MIN}, .parts = 1,
            .laws = TL_LINEAR);
TL_OPERATOR(count, .group = "windows", .summary = "number of present values (of a boolean: true ones) of the last n rows; never missing", .kind = TL_FOLD,
            .args = {{.name = "x", .type = TL_ARG_COUNTED}, TL_N, TL_MIN}, .always_masked = true, .min_is_zero = true, .exact = true);
TL_OPERATOR(first, .group = "windows", .summary = "oldest present value of the last n rows, or `each:` calendar period so far", .kind = TL_FOLD,
            .args = {TL_X, N_OR_EACH, TL_MIN, EACH}, .parts = 2, .always_masked = true, .exact = true, .each = "first_each");
TL_OPERATOR(last, .group = "windows", .summary = "newest present value of the last n rows, or `each:` calendar period so far", .kind = TL_FOLD,
            .args = {TL_X, N_OR_EACH, TL_MIN, EACH}, .parts = 2, .always_masked = true, .exact = true, .each = "last_each");

#ifdef TL_PROOFS
static double sum_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  long double sum = 0;
  for (int64_t i = 0; i < k; i++) sum += v[i];
  return k < p->min ? NA : (double)sum;
}
static double count_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  return k < p->min ? NA : (double)k;
}
static double first_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  return k < p->min || k == 0 ? NA : v[0];
}
static double last_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v);
  return k < p->min || k == 0 ? NA : v[k - 1];
}
#endif
TL_PROOF(sum, .oracle = sum_oracle, .calls = {"sum(x, 1)", "sum(x, 5)", "sum(x, 64)", "sum(x, 7, min: 2)", "sum(x, 4, min: 0)"}, .tolerance = 1e-13,
         .scale = TL_SCALE_LEVEL,
         .cases = {{"sum(x, 2)", 5, {1, 2, NA, 4, 5}, {0}, {0}, {NA, 3, NA, NA, 9}, "by hand"},
                   {"sum(x, 2, min: 1)", 5, {1, 2, NA, 4, 5}, {0}, {0}, {1, 3, 2, 4, 9}, "by hand"},
                   {"sum(x, 2, min: 0)", 3, {NA, NA, 1}, {0}, {0}, {0, 0, 1}, "an empty sum is 0"},
                   {"sum(x > 1, 3)", 4, {1, 2, 3, NA}, {0}, {0}, {NA, NA, 2, 2}, "booleans count as 0 and 1"}});
TL_PROOF(count, .oracle = count_oracle, .calls = {"count(x, 5)", "count(x, 1)", "count(x, 40)"},
         .cases = {{"count(x, 3)", 5, {1, NA, NA, 4, 5}, {0}, {0}, {1, 1, 1, 1, 2}, "never missing"},
                   {"count(x > 1, 3)", 5, {1, 2, NA, 4, 5}, {0}, {0}, {0, 1, 1, 2, 2}, "the true ones"}});
TL_PROOF(first, .oracle = first_oracle, .calls = {"first(x, 5)", "first(x, 6, min: 1)"},
         .cases = {{"first(x, 3, min: 1)", 5, {NA, 2, 3, NA, 5}, {0}, {0}, {NA, 2, 2, 2, 3}, "by hand"},
                   {"first(x, each: year)", 5, {NA, 2, 3, 4, 5}, {0}, {0}, {NA, 2, 2, 4, 4}, "rows 3 and later are 2021"}});
TL_PROOF(last, .oracle = last_oracle, .calls = {"last(x, 5)", "last(x, 6, min: 1)"},
         .cases = {{"last(x, 2, min: 1)", 5, {NA, 2, NA, NA, 5}, {0}, {0}, {NA, 2, 2, NA, 5}, "by hand"},
                   {"last(x, each: year)", 5, {1, 2, NA, NA, 5}, {0}, {0}, {1, 2, 2, NA, 5}, "rows 3 and later are 2021"}});
