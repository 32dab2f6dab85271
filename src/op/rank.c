/* rank: of x_t among its window, 1 = smallest. A view: values less than and equal to x_t are counted, all lanes at once; how many are
   present is known from the row before. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { AVERAGE, MIN, MAX, CHAINS = TL_VIEW_CHAINS };

TL_INLINE vec rank_end(vec less, vec up_to, vec count, vec x, const tl_params *p) {
  vec one = vec_set1(1);
  /* the mean of less + 1 and up_to, in this form for windows of any length */
  vec rank = p->mode == MIN ? vec_add(less, one) : p->mode == MAX ? up_to : vec_add(less, vec_mul(vec_set1(0.5), vec_add(vec_sub(up_to, less), one)));
  if (p->a[0] != 0) rank = vec_div(rank, count);
  return vec_select(mask_and(vec_present(x), vec_le(vec_set1((double)p->min), count)), rank, vec_na());
}

/* A window of time. */
TL_INLINE vec rank_of(const view_window *w, vec x, const tl_params *p) {
  vec less = vec_zero(), up_to = vec_zero(), count = vec_zero();
  for (int64_t i = 0; i < w->rows; i++) {
    vec v = tl__view_at(w, i);
    less = vec_count(less, vec_lt(v, x));
    up_to = vec_count(up_to, vec_le(v, x));
    count = vec_count(count, vec_present(v));
  }
  return rank_end(less, up_to, count, x, p);
}

TL_INLINE void rank_rows(const double *ring, int64_t rows, const vec *x, vec *less, vec *up_to, int mode) {
  for (int k = 0; k < CHAINS; k++) less[k] = up_to[k] = vec_zero();
  for (int64_t i = 0; i < rows; i++)
    for (int k = 0; k < CHAINS; k++) {
      vec v = vec_load(ring + i * TL_LANES + k * V);
      if (mode != MAX) less[k] = vec_count(less[k], vec_lt(v, x[k]));
      if (mode != MIN) up_to[k] = vec_count(up_to[k], vec_le(v, x[k]));
    }
}

/* The present rows before this one: kept behind the ring; NaN: not known. */
TL_INLINE vec count_before(const tl_call *c, int lane) {
  int64_t slots = c->params->slots, rows = c->row < slots ? c->row : slots;
  vec count = vec_load(c->state + slots * TL_LANES + lane);
  if (c->row > 0 && !mask_any(vec_absent(count))) return count;
  count = vec_zero();
  for (int64_t i = 0; i < rows; i++) count = vec_count(count, vec_present(vec_load(c->state + i * TL_LANES + lane)));
  return count;
}

static inline void rank_chains(const tl_call *c, int first, int mode) {
  const tl_params p = *c->params;
  int64_t slots = p.slots;
  vec count[CHAINS];
  for (int k = 0; k < CHAINS; k++) count[k] = count_before(c, first + k * V);
  for (int r = 0; r < c->rows; r++) {
    int64_t row = c->row + r;
    double *slot = c->state + row % slots * TL_LANES + first;
    vec x[CHAINS], less[CHAINS], up_to[CHAINS];
    for (int k = 0; k < CHAINS; k++) {
      x[k] = vec_load(c->in[0] + r * TL_LANES + first + k * V);
      if (row >= slots) count[k] = vec_sub(count[k], vec_truth(vec_present(vec_load(slot + k * V))));
      count[k] = vec_count(count[k], vec_present(x[k]));
      vec_store(slot + k * V, x[k]);
    }
    rank_rows(c->state + first, row + 1 < slots ? row + 1 : slots, x, less, up_to, mode);
    for (int k = 0; k < CHAINS; k++) vec_store(c->out[0] + r * TL_LANES + first + k * V, rank_end(less[k], up_to[k], count[k], x[k], &p));
  }
  for (int k = 0; k < CHAINS; k++) vec_store(c->state + slots * TL_LANES + first + k * V, count[k]);
}

TL_KERNEL(rank) {
  if (c->span != NULL) {
    tl__view_spans(c, rank_of);
    return;
  }
  for (int v = 0; v < TL_VECS; v += CHAINS) {
    if (c->params->mode == MAX)
      rank_chains(c, v * V, MAX);
    else if (c->params->mode == MIN)
      rank_chains(c, v * V, MIN);
    else
      rank_chains(c, v * V, AVERAGE);
  }
}

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
TL_PROOF(rank, .oracle = rank_oracle,
         .calls = {"rank(x, 5)", "rank(x, 1)", "rank(x, 60, pct: true)", "rank(x, 10, min: 1, ties: min)", "rank(x, 10, ties: max, pct: true)"},
         .cases = {{"rank(x, 3)", 5, {3, 1, 3, 3, 2}, {0}, {0}, {NA, NA, 2.5, 2.5, 1}, "by hand"},
                   {"rank(x, 3, ties: max, pct: true, min: 1)", 4, {3, 1, NA, 3}, {0}, {0}, {1, 0.5, NA, 1}, "share of values <= x"}});
