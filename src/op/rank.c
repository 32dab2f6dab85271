/* rank: of x_t among its window, 1 = smallest. A view: values less than and equal to x_t are counted, all lanes at once. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { AVERAGE, MIN, MAX };

TL_INLINE vec rank_of(const view_window *w, vec x, const tl_params *p) {
  vec less = vec_zero(), equal = vec_zero(), count = vec_zero();
  for (int64_t i = 0; i < w->rows; i++) {
    vec v = tl__view_at(w, i);
    less = vec_add(less, vec_truth(vec_lt(v, x)));
    equal = vec_add(equal, vec_truth(vec_eq(v, x)));
    count = vec_add(count, vec_truth(vec_present(v)));
  }
  vec one = vec_set1(1);
  vec rank = p->mode == MIN ? vec_add(less, one) : p->mode == MAX ? vec_add(less, equal) : vec_add(less, vec_mul(vec_set1(0.5), vec_add(equal, one)));
  if (p->a[0] != 0) rank = vec_div(rank, count);
  return vec_select(mask_and(vec_present(x), vec_le(vec_set1((double)p->min), count)), rank, vec_na());
}

TL_KERNEL(rank) { tl__view(c, rank_of); }

TL_OPERATOR(rank, .group = "windows", .summary = "rank of x among the present values, 1 = smallest, missing where x is; `pct: true` divides by their number",
            .kind = TL_VIEW, .needs = 1, .laws = TL_SHIFT,
            .args = {TL_X,
                     TL_N,
                     TL_MIN,
                     {.name = "pct", .type = TL_ARG_WORD, .slot = TL_SLOT_A0, .named = true, .optional = true, .value = 0, .words = "false true"},
                     {.name = "ties", .type = TL_ARG_WORD, .slot = TL_SLOT_MODE, .named = true, .optional = true, .value = 0, .words = "average min max"}});

#ifdef TL_PROOFS
static double rank_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double v[p->n];
  int64_t k = tl__window(p, in[0], t, v), less = 0, equal = 0;
  if (k < p->min || isnan(in[0][t])) return NA;
  for (int64_t i = 0; i < k; i++) less += v[i] < in[0][t], equal += v[i] == in[0][t];
  double rank = p->mode == MIN ? (double)less + 1 : p->mode == MAX ? (double)(less + equal) : (double)less + 0.5 * (double)(equal + 1);
  return p->a[0] != 0 ? rank / (double)k : rank;
}
#endif
TL_PROOF(rank, .oracle = rank_oracle, .calls = {"rank(x, 5)", "rank(x, 60, pct: true)", "rank(x, 10, min: 1, ties: min)", "rank(x, 10, ties: max, pct: true)"},
         .cases = {{"rank(x, 3)", 5, {3, 1, 3, 3, 2}, {0}, {0}, {NA, NA, 2.5, 2.5, 1}, "by hand"},
                   {"rank(x, 3, ties: max, pct: true, min: 1)", 4, {3, 1, NA, 3}, {0}, {0}, {1, 0.5, NA, 1}, "share of values <= x"}});
