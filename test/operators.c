/* Every operator of the table against its oracle, its cases and its laws; no operator is named here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanes.h"
#include "op/proof.h"
#include "op/table.h"
#include "test.h"

#define DECLARE(name) extern const tl_proof tl__proof_##name;
TL_EACH_OPERATOR(DECLARE)
#define ROW(name) &tl__proof_##name,
static const tl_proof *const proofs[] = {TL_EACH_OPERATOR(ROW)};
enum { PROOFS = sizeof proofs / sizeof *proofs, ROWS = 700 };

/* ---- worlds: inputs that have broken others ---- */

typedef struct world {
  const char *name;
  int64_t rows;
  double columns[LANES_COLUMNS][ROWS];
} world;

static uint64_t dice_state = 42;
static double dice(void) {
  dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
  return (double)(dice_state >> 11) * 0x1p-53 - 0.5;
}

enum { WALK, FLAT, TREND, TIES, BASE4, BASE8, BASE12, PRINT, HOLE, HOLES, BLOCKS, ABSENT, TINY, EMPTY, ONE, TWO, SHORT, LATE, WORLDS };
static world *worlds[WORLDS];

static double world_value(int kind, int64_t row, double *walk) {
  *walk += dice();
  switch (kind) {
    case FLAT: return 0.1;
    case TREND: return 3 + 0.25 * (double)row;
    case TIES: return floor(4 * dice());
    case BASE4: return 1e4 + *walk;
    case BASE8: return 1e8 + *walk;
    case BASE12: return 1e12 + *walk;
    case PRINT: return row == 137 ? 1e12 : *walk;
    case HOLE: return row == 201 ? NAN : *walk;
    case HOLES: return dice() < -0.35 ? NAN : *walk;
    case BLOCKS: return row / 30 % 3 == 1 ? NAN : *walk;
    case ABSENT: return NAN;
    case TINY: return 1e-9 * *walk;
    case LATE: return row < 100 ? NAN : *walk;
    default: return *walk;
  }
}

static void make_worlds(void) {
  static const char *const names[WORLDS] = {
      "walk",        "flat", "trend",   "ties",    "base 1e4", "base 1e8",  "base 1e12", "one print of 1e12", "one hole", "holes", "blocks of holes",
      "all missing", "tiny", "no rows", "one row", "two rows", "nine rows", "late start"};
  for (int k = 0; k < WORLDS; k++) {
    world *w = worlds[k] = calloc(1, sizeof *w);
    w->name = names[k];
    w->rows = k == EMPTY ? 0 : k == ONE ? 1 : k == TWO ? 2 : k == SHORT ? 9 : ROWS;
    for (int c = 0; c < LANES_COLUMNS; c++) {
      double walk = 5;
      for (int64_t i = 0; i < w->rows; i++) w->columns[c][i] = world_value(k, i, &walk);
    }
  }
}

static lanes_stream stream_of(const world *w, double *out) { return (lanes_stream){w->rows, {w->columns[0], w->columns[1], w->columns[2]}, out}; }

/* ---- comparing ---- */

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

static void window_of(const double *x, int64_t t, int64_t n, double *level, double *spread) {
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = t - n + 1 < 0 ? 0 : t - n + 1; i <= t; i++)
    if (!isnan(x[i])) low = fmin(low, x[i]), high = fmax(high, x[i]);
  *spread = high >= low ? high - low : 0;
  *level = high >= low ? fmax(fabs(low), fabs(high)) : 0;
}

static double scale_of(const tl_proof *proof, const tl_params *p, const double *const *in, int64_t t, double expected) {
  double level0, spread0, level1, spread1;
  window_of(in[0], t, p->n, &level0, &spread0);
  window_of(in[1], t, p->n, &level1, &spread1);
  double ratio = spread1 > 0 ? spread0 / spread1 : 0;
  switch (proof->scale) {
    case TL_SCALE_UNIT: return fmax(1, fabs(expected));
    case TL_SCALE_LEVEL: return fmax(level0, fabs(expected));
    case TL_SCALE_SPREAD: return fmax(spread0, fabs(expected));
    case TL_SCALE_RATIO: return fmax(ratio, fabs(expected));
    case TL_SCALE_PRODUCT: return fmax(spread0 * spread1, fabs(expected));
    case TL_SCALE_INTERCEPT: return fmax(level0 + ratio * level1, fabs(expected));
    default: return fabs(expected);
  }
}

static bool agrees(const tl_proof *proof, const tl_params *p, const double *const *in, int64_t t, double found, double expected) {
  if (isnan(found) || isnan(expected)) return isnan(found) && isnan(expected);
  if (proof->tolerance == 0) return found == expected;
  return fabs(found - expected) <= proof->tolerance * scale_of(proof, p, in, t, expected);
}

/* Calls on conditions hand the oracle 1.0 and 0.0 for `x > 0`, as the kernel sees them. */
static void oracle_inputs(const char *call, const world *w, const double **in, double (*made)[ROWS]) {
  for (int c = 0; c < LANES_COLUMNS; c++) in[c] = w->columns[c];
  if (strstr(call, "x > 0") != NULL) {
    for (int64_t i = 0; i < w->rows; i++) made[0][i] = w->columns[0][i] > 0;
    in[0] = made[0];
  }
  if (strstr(call, "y > 0") != NULL) {
    for (int64_t i = 0; i < w->rows; i++) made[1][i] = w->columns[1][i] > 0;
    in[1] = made[1];
  }
  if (strstr(call, "between(x, -1, 1)") || strstr(call, "clip(x, -1, 1)")) {
    for (int64_t i = 0; i < w->rows; i++) made[1][i] = -1, made[2][i] = 1;
    in[1] = made[1], in[2] = made[2];
  }
  if (strstr(call, "pow(abs(x)") != NULL) {
    for (int64_t i = 0; i < w->rows; i++) made[0][i] = fabs(w->columns[0][i]);
    in[0] = made[0];
  }
}

/* ---- tests ---- */

static void cases_hold(void **state) {
  (void)state;
  int checked = 0;
  for (int i = 0; i < PROOFS; i++)
    for (const tl_case *k = proofs[i]->cases; k < proofs[i]->cases + TL_PROOF_CASES && k->call != NULL; k++) {
      double out[TL_CASE_ROWS];
      lanes_call *c = lanes_open(k->call, k->rows);
      assert_non_null(c);
      lanes_stream s = {k->rows, {k->x, k->y, k->z}, out};
      lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
      for (int r = 0; r < k->rows; r++) {
        bool fine = isnan(k->out[r]) ? isnan(out[r]) : fabs(out[r] - k->out[r]) <= 1e-14 * fabs(k->out[r]);
        if (!fine) fail_msg("%s, row %d: %.17g, expected %.17g (%s)", k->call, r, out[r], k->out[r], k->source);
      }
      lanes_close(c);
      checked++;
    }
  assert_true(checked > 80);
}

static void oracles_agree(void **state) {
  (void)state;
  static double made[LANES_COLUMNS][ROWS], out[ROWS];
  int checked = 0;
  for (int i = 0; i < PROOFS; i++)
    for (int k = 0; proofs[i]->oracle != NULL && k < TL_PROOF_CALLS && proofs[i]->calls[k] != NULL; k++)
      for (int w = 0; w < WORLDS; w++) {
        const char *call = proofs[i]->calls[k];
        const double *in[LANES_COLUMNS];
        lanes_call *c = lanes_open(call, worlds[w]->rows);
        assert_non_null(c);
        lanes_stream s = stream_of(worlds[w], out);
        lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
        oracle_inputs(call, worlds[w], in, made);
        for (int64_t t = 0; t < worlds[w]->rows; t++) {
          double expected = proofs[i]->oracle(&c->node->params, in, t);
          if (!agrees(proofs[i], &c->node->params, in, t, out[t], expected))
            fail_msg("%s on %s, row %lld: %.17g, the oracle says %.17g", call, worlds[w]->name, (long long)t, out[t], expected);
        }
        lanes_close(c);
        checked++;
      }
  assert_true(checked > 1000);
}

/* Every call on every world, whatever the law. */
static void each_call(void (*check)(lanes_call *c, const char *call, const world *w, const double *expected)) {
  static double expected[ROWS];
  for (int i = 0; i < PROOFS; i++)
    for (int k = 0; k < TL_PROOF_CALLS && proofs[i]->calls[k] != NULL; k++)
      for (int w = 0; w < WORLDS; w++) {
        lanes_call *c = lanes_open(proofs[i]->calls[k], worlds[w]->rows);
        assert_non_null(c);
        lanes_stream s = stream_of(worlds[w], expected);
        lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
        check(c, proofs[i]->calls[k], worlds[w], expected);
        lanes_close(c);
      }
}

static void expect_same(const char *what, const char *call, const world *w, const double *found, const double *expected, int64_t rows) {
  for (int64_t t = 0; t < rows; t++)
    if (!same_bits(found[t], expected[t])) fail_msg("%s: %s on %s, row %lld: %.17g, expected %.17g", what, call, w->name, (long long)t, found[t], expected[t]);
}

static void check_tiles(lanes_call *c, const char *call, const world *w, const double *expected) {
  static const int tiles[] = {1, 2, 3, 7, 256};
  static double out[ROWS];
  lanes_stream s = stream_of(w, out);
  for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
    lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, tiles[i]);
    expect_same("tiles", call, w, out, expected, w->rows);
  }
}
static void tiles_do_not_matter(void **state) {
  (void)state;
  each_call(check_tiles);
}

static void check_isas(lanes_call *c, const char *call, const world *w, const double *expected) {
  static double out[ROWS];
  lanes_stream s = stream_of(w, out);
  for (int isa = 0; isa < TL_ISA_COUNT; isa++) {
    if (!tl_isa_available((tl_isa)isa)) continue;
    lanes_run(c, &s, 1, (tl_isa)isa, 64);
    expect_same(tl_isa_name((tl_isa)isa), call, w, out, expected, w->rows);
  }
}
static void instruction_sets_agree(void **state) {
  (void)state;
  each_call(check_isas);
}

/* What comes later changes nothing before: the same stream cut short gives the same first rows. */
static void check_causal(lanes_call *c, const char *call, const world *w, const double *expected) {
  static double out[ROWS];
  lanes_stream s = stream_of(w, out);
  for (s.rows = 1; s.rows < w->rows; s.rows = s.rows * 3 + 5) {
    lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
    expect_same("a shorter stream", call, w, out, expected, s.rows);
  }
}
static void nothing_looks_ahead(void **state) {
  (void)state;
  each_call(check_causal);
}

/* A stream that comes in parts, with other windows' worth of rows each, has the bits of the whole. */
static void check_parts(lanes_call *c, const char *call, const world *w, const double *expected) {
  static double out[ROWS];
  lanes_stream s = stream_of(w, out);
  if (w->rows == 0) return;
  for (int step = 1; step < 400; step = step * 7 + 3) {
    int64_t ends[ROWS];
    int count = 0;
    for (int64_t end = step == 1 ? w->rows * 9 / 10 : step; end < w->rows; end += step) ends[count++] = end;
    ends[count++] = w->rows;
    if (!lanes_run_in_parts(c, &s, ends, count, step % 2 ? 64 : 7)) fail_msg("%s cannot go on from a record", call);
    expect_same("in parts", call, w, out, expected, w->rows);
  }
}
static void parts_are_the_whole(void **state) {
  (void)state;
  each_call(check_parts);
}

/* Windows of windows, of recursions, of lags, and the other way round. */
static void parts_of_graphs_are_the_whole(void **state) {
  (void)state;
  static double expected[ROWS];
  static const char *const calls[] = {
      "mean(lag(ema(x, 5), 3) * stddev(y, 7), 10)",
      "rank(x - lag(mean(x, 20, min: 1), 11), 30, min: 1) + quantile(cumsum(y), 9, 0.3)",
      "stddev(stddev(x, 21, min: 1), 21, min: 1) / mean(stddev(x, 21, min: 1), 252, min: 1)",
      "adx(greatest(x, y), least(x, y), x, 14)",
      "macd_hist(x, 12, 26, 9) + kama(y, 10)",
      "max(row(), 40) - min(since(x > lag(x, 1)), 12) + first(x, each: month)",
      "corr(lag(x, 4), y - lag(x, 2), 60) * beta(x, ema(y, 3), 15)",
      "mean(mean(mean(mean(x, 5), 7), 11), 13)",
      "lag(lag(lag(x, 1) + y, 2) * 2, 3)",
  };
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    for (int w = 0; w < WORLDS; w++) {
      lanes_call *c = lanes_open(calls[i], worlds[w]->rows);
      assert_non_null(c);
      lanes_stream s = stream_of(worlds[w], expected);
      lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
      check_parts(c, calls[i], worlds[w], expected);
      lanes_close(c);
    }
}

/* Sixteen streams of other lengths and values beside it. */
static void check_lanes(lanes_call *c, const char *call, const world *w, const double *expected) {
  static double outs[TL_LANES][ROWS];
  lanes_stream s[TL_LANES];
  for (int l = 0; l < TL_LANES; l++) s[l] = stream_of(worlds[(l * 5) % WORLDS], outs[l]);
  /* windows' rings are sized for the longest stream, so this plan needs one of that length */
  if (w->rows < ROWS) return;
  for (int lane = 0; lane < TL_LANES; lane += 5) {
    lanes_stream kept = s[lane];
    s[lane] = stream_of(w, outs[lane]);
    lanes_run(c, s, TL_LANES, TL_ISA_ID_BASELINE, 64);
    expect_same("other lanes", call, w, outs[lane], expected, w->rows);
    s[lane] = kept;
  }
}
static void lanes_do_not_meet(void **state) {
  (void)state;
  each_call(check_lanes);
}

/* f(2 x) = 2 f(x), exactly: powers of two lose nothing. f(x + 0) with a sign of zero changed is the same. */
static void check_linear(const tl_operator *op, const tl_proof *proof, const world *w) {
  static double twice[LANES_COLUMNS][ROWS], a[ROWS], b[ROWS];
  for (int k = 0; k < TL_PROOF_CALLS && proof->calls[k] != NULL; k++) {
    lanes_call *c = lanes_open(proof->calls[k], w->rows);
    assert_non_null(c);
    for (int i = 0; i < LANES_COLUMNS; i++)
      for (int64_t t = 0; t < w->rows; t++) twice[i][t] = 2 * w->columns[i][t];
    lanes_stream s = stream_of(w, a), d = {w->rows, {twice[0], twice[1], twice[2]}, b};
    lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
    lanes_run(c, &d, 1, TL_ISA_ID_BASELINE, 64);
    for (int64_t t = 0; t < w->rows; t++)
      if (!same_bits(2 * a[t], b[t])) fail_msg("%s is not linear: %s on %s, row %lld", op->name, proof->calls[k], w->name, (long long)t);
    lanes_close(c);
  }
}
static void linear_ones_are_linear(void **state) {
  (void)state;
  int checked = 0;
  for (int i = 0; i < PROOFS; i++)
    for (int w = 0; tl__operators[i]->laws & TL_LINEAR && w < WORLDS; w++, checked++) check_linear(tl__operators[i], proofs[i], worlds[w]);
  assert_true(checked > 0);
}

/* Flat input: a spread of exactly 0, once there is a value. */
static void flat_is_flat(void **state) {
  (void)state;
  static double out[ROWS];
  int values = 0;
  for (int i = 0; i < PROOFS; i++)
    for (int k = 0; tl__operators[i]->laws & TL_FLAT_ZERO && k < TL_PROOF_CALLS && proofs[i]->calls[k] != NULL; k++) {
      lanes_call *c = lanes_open(proofs[i]->calls[k], ROWS);
      lanes_stream s = stream_of(worlds[FLAT], out);
      lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
      for (int64_t t = 0; t < ROWS; t++) {
        if (!isnan(out[t]) && out[t] != 0) fail_msg("%s is %.17g on flat input", proofs[i]->calls[k], out[t]);
        values += !isnan(out[t]);
      }
      lanes_close(c);
    }
  assert_true(values > 0);
}

/* ---- windows of time ---- */

/* "sum(x, 5, min: 2)" to "sum(x, 5d, min: 2)"; false when no argument is a whole number. */
static bool in_days(const char *call, char *out, size_t room) {
  for (const char *c = strstr(call, ", "); c != NULL; c = strstr(c + 1, ", ")) {
    size_t digits = strspn(c + 2, "0123456789");
    if (digits == 0 || (c[2 + digits] != ',' && c[2 + digits] != ')')) continue;
    snprintf(out, room, "%.*sd%s", (int)(c - call + 2) + (int)digits, call, c + 2 + digits);
    return true;
  }
  return false;
}

/* Each row's window, on days with gaps between, has the rows that lie in it: what the oracle says of so many. */
static void check_span(const tl_proof *proof, const char *call, const char *text, const world *w, int64_t days) {
  static int64_t order[ROWS];
  static double made[LANES_COLUMNS][ROWS], out[ROWS], again[ROWS];
  const double *in[LANES_COLUMNS];
  int64_t day = -1000;
  for (int i = 0; i < ROWS; i++) order[i] = day += i % 97 == 50 ? 500 : 1 + (int64_t)(6 * (dice() + 0.5));
  lanes_call *c = lanes_open(text, w->rows);
  assert_non_null(c);
  c->order = order;
  lanes_stream s = stream_of(w, out);
  lanes_run(c, &s, 1, TL_ISA_ID_BASELINE, 64);
  oracle_inputs(call, w, in, made);
  for (int64_t t = 0; t < w->rows; t++) {
    tl_params p = c->node->params;
    for (p.n = 1; p.n <= t && order[t - p.n] > order[t] - days;) p.n++;
    double expected = proof->oracle(&p, in, t);
    if (!agrees(proof, &p, in, t, out[t], expected))
      fail_msg("%s on %s, row %lld: %.17g, the oracle says %.17g", text, w->name, (long long)t, out[t], expected);
  }
  for (int isa = 0; isa < TL_ISA_COUNT; isa++) {
    if (!tl_isa_available((tl_isa)isa)) continue;
    s.out = again;
    lanes_run(c, &s, 1, (tl_isa)isa, 7);
    expect_same(tl_isa_name((tl_isa)isa), text, w, again, out, w->rows);
  }
  lanes_close(c);
}

static void windows_of_time_hold(void **state) {
  (void)state;
  char text[200];
  int checked = 0;
  for (int i = 0; i < PROOFS; i++) {
    const tl_operator *op = tl__operators[i];
    if (op->internal || proofs[i]->oracle == NULL || (op->via == NULL && op->kind != TL_FOLD && op->kind != TL_VIEW)) continue;
    for (int k = 0; k < TL_PROOF_CALLS && proofs[i]->calls[k] != NULL; k++)
      for (int w = 0; w < WORLDS && in_days(proofs[i]->calls[k], text, sizeof text); w++, checked++)
        check_span(proofs[i], proofs[i]->calls[k], text, worlds[w], strtol(strstr(text, ", ") + 2 + (strstr(text, ", y, ") ? 3 : 0), NULL, 10));
  }
  assert_true(checked > 500);
}

/* Every operator that can be called has a case and, but for those of time, an oracle. */
static void every_operator_is_proved(void **state) {
  (void)state;
  for (int i = 0; i < PROOFS; i++) {
    const tl_operator *op = tl__operators[i];
    bool served = op->internal || strcmp(op->name, "lead") == 0;
    assert_string_equal(proofs[i]->name, op->name);
    if (!served && proofs[i]->cases[0].call == NULL && proofs[i]->calls[0] == NULL) fail_msg("%s has neither case nor call", op->name);
    if (!served && strcmp(op->group, "time") != 0 && proofs[i]->oracle == NULL) fail_msg("%s has no oracle", op->name);
  }
}

int main(void) {
  make_worlds();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operator_is_proved),
      cmocka_unit_test(cases_hold),
      cmocka_unit_test(oracles_agree),
      cmocka_unit_test(tiles_do_not_matter),
      cmocka_unit_test(instruction_sets_agree),
      cmocka_unit_test(nothing_looks_ahead),
      cmocka_unit_test(parts_are_the_whole),
      cmocka_unit_test(parts_of_graphs_are_the_whole),
      cmocka_unit_test(lanes_do_not_meet),
      cmocka_unit_test(linear_ones_are_linear),
      cmocka_unit_test(flat_is_flat),
      cmocka_unit_test(windows_of_time_hold),
  };
  return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
