/* lag: x of n rows before. Not mathematics but an edge with a delay: a ring of n rows.
   a[0] is the delay of the whole frame when a label is computed late (see lang/label.c): before that row nothing exists. */
#include "op/operator.h"
#include "lane/drivers.h"

static inline int64_t lag_first_row(const tl_params *p) { return p->n > (int64_t)p->a[0] ? p->n : (int64_t)p->a[0]; }

static inline void lag_drive(const tl_call *c) {
  int64_t n = c->params->n;
  enum { ROW = TL_LANES * sizeof(double) };
  for (int r = 0; r < c->rows;) {
    if (n == 0) {
      memcpy(c->out[0], c->in[0], (size_t)c->rows * ROW);
      break;
    }
    int64_t slot = (c->row + r) % n;
    int run = n - slot < c->rows - r ? (int)(n - slot) : c->rows - r;
    memcpy(c->out[0] + r * TL_LANES, c->state + slot * TL_LANES, (size_t)run * ROW);
    memcpy(c->state + slot * TL_LANES, c->in[0] + r * TL_LANES, (size_t)run * ROW);
    r += run;
  }
  int64_t absent = lag_first_row(c->params) - c->row;
  for (int64_t i = 0; i < (absent < c->rows ? absent : c->rows) * TL_LANES; i += V) vec_store(c->out[0] + i, vec_na());
}

TL_KERNEL(lag) { lag_drive(c); }
/* Only labels may look ahead: they are computed late, and each lead in them becomes a shorter lag (lang/label.c). */
TL_KERNEL(lead) { lag_drive(c); }

TL_OPERATOR(lag, .group = "time", .summary = "x of k rows before", .kind = TL_EDGE, .result = TL_SAME,
            .args = {{.name = "x", .type = TL_ARG_ANY}, {.name = "k", .type = TL_ARG_STEPS, .slot = TL_SLOT_N}}, .warmup = lag_first_row,
            .laws = TL_LINEAR | TL_SHIFT);
TL_OPERATOR(lead, .group = "time", .summary = "x of k rows after; in labels only", .kind = TL_EDGE, .result = TL_SAME,
            .args = {{.name = "x", .type = TL_ARG_ANY}, {.name = "k", .type = TL_ARG_STEPS, .slot = TL_SLOT_N}});

#ifdef TL_PROOFS
static double lag_oracle(const tl_params *p, const double *const *in, int64_t t) { return t < p->n ? NA : in[0][t - p->n]; }
#endif
TL_PROOF(lag, .oracle = lag_oracle, .calls = {"lag(x, 0)", "lag(x, 1)", "lag(x, 7)", "lag(x, 100)", "lag(x, 1000000)"},
         .cases = {{"lag(x, 2)", 5, {1, 2, NA, 4, 5}, {0}, {0}, {NA, NA, 1, 2, NA}, "by hand"}});
TL_PROOF(lead);
