/* Exponential means: y_t = y_{t-1} + a (x_t - y_{t-1}), always in this form, so that flat input stays exact.
   ema: a = 2 / (n + 1), or alpha, or 1 - 2^(-1/halflife). wilder: a = 1 / n.
   Source: pandas ewm(adjust=False) for seed first; TA-Lib for seed mean; Wilder (1978) for a = 1/n. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { FIRST, MEAN, NONE };

TL_INLINE vec step(vec y, vec x, const tl_params *p) { return vec_add(y, vec_mul(vec_set1(p->a[0]), vec_sub(x, y))); }

TL_INLINE void first_init(vec *s, const tl_params *p) {
  (void)p;
  s[0] = vec_na();
}
TL_INLINE void first_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  mask here = vec_present(x[0]);
  vec next = vec_select(vec_absent(s[0]), x[0], step(s[0], x[0], p));
  s[0] = vec_select(here, next, s[0]);
  *out = vec_select(here, s[0], x[0]);
}

/* s: y, present values so far */
TL_INLINE void none_init(vec *s, const tl_params *p) {
  (void)p;
  s[0] = vec_na(), s[1] = vec_zero();
}
TL_INLINE void none_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  vec y;
  first_step(s, x, &y, p);
  s[1] = vec_add(s[1], vec_truth(vec_present(x[0])));
  *out = vec_select(vec_le(vec_set1((double)p->n), s[1]), y, vec_na());
}

/* s: y, present values so far, first value, sum of distances from it; the n-th value turns them into the mean */
TL_INLINE void mean_init(vec *s, const tl_params *p) {
  (void)p;
  s[0] = vec_na(), s[1] = vec_zero(), s[2] = vec_na(), s[3] = vec_zero();
}
TL_INLINE void mean_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  mask here = vec_present(x[0]);
  vec n = vec_set1((double)p->n);
  s[2] = vec_select(vec_absent(s[2]), x[0], s[2]);
  s[3] = vec_select(here, vec_add(s[3], vec_sub(x[0], s[2])), s[3]);
  s[1] = vec_add(s[1], vec_truth(here));
  vec seed = vec_select(vec_eq(s[1], n), vec_add(s[2], vec_div(s[3], n)), vec_na());
  vec next = vec_select(vec_absent(s[0]), seed, step(s[0], x[0], p));
  s[0] = vec_select(here, next, s[0]);
  *out = vec_select(here, s[0], vec_na());
}

static inline void ema_drive(const tl_call *c) {
  if (c->params->mode == FIRST)
    tl__scan(c, 1, 1, first_init, first_step);
  else if (c->params->mode == MEAN)
    tl__scan(c, 1, 4, mean_init, mean_step);
  else
    tl__scan(c, 1, 2, none_init, none_step);
}
TL_KERNEL(ema) { ema_drive(c); }
TL_KERNEL(wilder) { ema_drive(c); }

#ifndef TL_KERNELS
__attribute__((unused)) static tl_status ema_prepare(tl_params *p, uint32_t given, tl_error *err) {
  enum { N = 1 << 1, ALPHA = 1 << 3, HALFLIFE = 1 << 4 };
  int ways = ((given & N) != 0) + ((given & ALPHA) != 0) + ((given & HALFLIFE) != 0);
  if (ways != 1) return tl_fail(err, TL_DEFINITION, "ema takes one of n, alpha: or halflife:");
  if (p->mode != FIRST && !(given & N)) return tl_fail(err, TL_DEFINITION, "seed: mean and seed: none need n");
  /* 1 - 2^(-1/h), for small 1/h without loss: -expm1(-ln 2 / h) = 2 tanh(u) / (1 + tanh(u)), u = ln 2 / 2h; by its series, in
     long double arithmetic, which needs no library function */
  if (given & HALFLIFE) {
    long double u = 0.693147180559945309417L / p->a[1], term = u, sum = u;
    for (int k = 2; k < 80; k++) term *= -u / k, sum += term;
    p->a[0] = (double)sum;
  }
  if (given & N) p->a[0] = 2.0 / ((double)p->n + 1);
  return TL_OK;
}
__attribute__((unused)) static tl_status wilder_prepare(tl_params *p, uint32_t given, tl_error *err) {
  (void)given, (void)err;
  p->a[0] = 1.0 / (double)p->n;
  return TL_OK;
}
__attribute__((unused)) static int64_t ema_warmup(const tl_params *p) { return p->mode == FIRST ? 0 : p->n - 1; }
#endif

#define SEED(default_word) \
  { .name = "seed", .type = TL_ARG_WORD, .slot = TL_SLOT_MODE, .named = true, .optional = true, .value = default_word, .words = "first mean none" }
TL_OPERATOR(ema, .group = "recursions", .summary = "exponential mean, a = 2/(n+1), or alpha: or halflife:; seed first, mean or none", .kind = TL_SCAN,
            .args = {TL_X,
                     {.name = "n", .type = TL_ARG_WINDOW, .slot = TL_SLOT_N, .optional = true, .value = 1},
                     SEED(FIRST),
                     {.name = "alpha", .type = TL_ARG_CONSTANT, .slot = TL_SLOT_A0, .named = true, .optional = true, .value = 1, .low = 1e-12, .high = 1},
                     {.name = "halflife", .type = TL_ARG_CONSTANT, .slot = TL_SLOT_A1, .named = true, .optional = true, .value = 1, .low = 0.05, .high = 1e12}},
            .parts = 4, .prepare = ema_prepare, .warmup = ema_warmup);
TL_OPERATOR(wilder, .group = "recursions", .summary = "Wilder's mean: the same recursion with a = 1/n; seed mean unless given", .kind = TL_SCAN,
            .args = {TL_X, TL_N, SEED(MEAN)}, .parts = 4, .prepare = wilder_prepare, .warmup = ema_warmup);

#ifdef TL_PROOFS
static double ema_oracle(const tl_params *p, const double *const *in, int64_t t) {
  double y = NA, sum = 0, first = NA;
  int64_t k = 0;
  for (int64_t i = 0; i <= t; i++) {
    double x = in[0][i];
    if (isnan(x)) continue;
    if (k++ == 0) first = x;
    sum += x - first;
    if (p->mode == MEAN)
      y = k < p->n ? NA : k == p->n ? first + sum / (double)p->n : y + p->a[0] * (x - y);
    else
      y = k == 1 ? x : y + p->a[0] * (x - y);
  }
  return isnan(in[0][t]) || (p->mode != FIRST && k < p->n) ? NA : y;
}
#endif
TL_PROOF(ema, .oracle = ema_oracle,
         .calls = {"ema(x, 1)", "ema(x, 12)", "ema(x, 26, seed: mean)", "ema(x, 9, seed: none)", "ema(x, alpha: 0.3)", "ema(x, halflife: 5)"},
         .cases = {{"ema(x, 2)", 4, {1, 2, NA, 4}, {0}, {0}, {1, 1.6666666666666665, NA, 3.2222222222222223}, "by hand"},
                   {"ema(x, 3)", 3, {0.1, 0.1, 0.1}, {0}, {0}, {0.1, 0.1, 0.1}, "flat stays exact"},
                   {"ema(x, halflife: 1)", 3, {0, 1, 1}, {0}, {0}, {0, 0.5, 0.75}, "by hand"},
                   {"ema(x, 3, seed: mean)", 4, {1, 2, 6, 5}, {0}, {0}, {NA, NA, 3, 4}, "TA-Lib's seed"},
                   {"ema(x, 2, seed: none)", 3, {1, 4, 4}, {0}, {0}, {NA, 3, 3.6666666666666665}, "by hand"}});
TL_PROOF(wilder, .oracle = ema_oracle, .calls = {"wilder(x, 14)", "wilder(x, 1)", "wilder(x, 14, seed: first)"},
         .cases = {{"wilder(x, 2)", 4, {1, 3, 4, NA}, {0}, {0}, {NA, 2, 3, NA}, "by hand"}});
