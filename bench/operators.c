/* In-cache cost of operators: ns a value over tiles that stay in the first caches. bench-operators [NAME] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanes.h"

enum { ROWS = 4096, REPEATS = 200 };

static double columns[TL_LANES][LANES_COLUMNS][ROWS], outs[TL_LANES][ROWS];

static void make_columns(void) {
  uint64_t state = 1;
  for (int l = 0; l < TL_LANES; l++)
    for (int c = 0; c < LANES_COLUMNS; c++) {
      double price = 50 + l;
      for (int i = 0; i < ROWS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        price *= 1 + 0.02 * ((double)(state >> 11) * 0x1p-53 - 0.5);
        columns[l][c][i] = price;
      }
    }
}

/* Nanoseconds a value of the whole pass, and of the steps named like the call alone (the best of several passes). */
static double measure(const char *call, tl_isa isa) {
  lanes_call *c = lanes_open(call, ROWS);
  if (c == NULL) exit(1);
  tl_env *env = tl_sys_env();
  double best = 1e9;
  tl_error err;
  tl_engine engine;
  tl_lane_stream lanes[TL_LANES];
  const double *inputs[TL_LANES][LANES_COLUMNS];
  double *results[TL_LANES][1];
  static int64_t order[ROWS];
  for (int64_t i = 0; i < ROWS; i++) order[i] = i;
  for (int l = 0; l < TL_LANES; l++) {
    for (int i = 0; i < c->plan.input_count; i++) inputs[l][i] = columns[l][c->plan.inputs[i]];
    results[l][0] = outs[l];
    lanes[l] = (tl_lane_stream){.rows = ROWS, .order = order, .inputs = inputs[l], .results = results[l]};
  }
  if (tl_engine_open(&engine, env, &c->plan, isa, 0, NULL, &err) != TL_OK) exit(1);
  for (int r = 0; r < REPEATS; r++) {
    memset(engine.step_ns, 0, (size_t)c->plan.step_count * sizeof *engine.step_ns);
    engine.tiles_run = engine.tiles_timed = 0;
    if (tl_engine_run_rows(&engine, lanes, TL_LANES, 0, ROWS, NULL) != TL_OK) abort();
    int64_t ns = 0;
    for (int s = 0; s < c->plan.step_count; s++) {
      const tl_node *n = &c->definition->graph.nodes[c->plan.steps[s].node];
      if (n->kind == TL_NODE_OPERATOR && c->plan.steps[s].emit_count == 0) ns += engine.step_ns[s];
    }
    double values = (double)engine.tiles_timed * TL_TILE_ROWS * TL_LANES;
    if ((double)ns / values < best) best = (double)ns / values;
  }
  tl_engine_free(&engine);
  lanes_close(c);
  return best;
}

int main(int argc, char **argv) {
  /* `+ 0` takes the emitting step, so that what is timed is the kernel alone; limits are the goals of the design. */
  static const struct {
    const char *call;
    double goal;
  } calls[] = {{"sum(x, 20)", 0.3},     {"mean(x, 20)", 0.3},   {"mean(x, 200)", 0.3},  {"mean(x, 20, min: 1)", 0},
               {"max(x, 252)", 0.3},    {"min(x, 20)", 0.3},    {"ema(x, 12)", 0.3},    {"wilder(x, 14)", 0.3},
               {"slope(x, 50)", 0.6},   {"resid(x, 50)", 0.6},  {"argmax(x, 26)", 0.6}, {"stddev(x, 21)", 1.0},
               {"stddev(x, 252)", 1.0}, {"beta(x, y, 252)", 0}, {"corr(x, y, 63)", 0},  {"skew(x, 60)", 0},
               {"log(x)", 1.0},         {"exp(y / 100)", 1.0},  {"x / y", 0},           {"lag(x, 1)", 0},
               {"median(x, 21)", 0},    {"rank(x, 60)", 0},     {"cumsum(x)", 0}};
  make_columns();
  printf("in-cache cost, ns a value\n%-22s", "call");
  for (int isa = 0; isa < TL_ISA_COUNT; isa++)
    if (tl_isa_available((tl_isa)isa)) printf(" %9s", tl_isa_name((tl_isa)isa));
  printf(" %6s\n", "goal");
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    char call[80];
    if (argc > 1 && strstr(calls[i].call, argv[1]) == NULL) continue;
    snprintf(call, sizeof call, "-(%s)", calls[i].call);
    printf("%-22s", calls[i].call);
    for (int isa = 0; isa < TL_ISA_COUNT; isa++)
      if (tl_isa_available((tl_isa)isa)) printf(" %9.2f", measure(call, (tl_isa)isa));
    if (calls[i].goal > 0) printf(" %6.1f", calls[i].goal);
    printf("\n");
  }
  return 0;
}
