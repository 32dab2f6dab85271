#include "lanes.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/date.h"

enum { MOST_ROWS = 4096 };

lanes_call *lanes_open(const char *call, int64_t longest) {
  char text[600];
  tl_error err = {0};
  lanes_call *c = calloc(1, sizeof *c);
  snprintf(text, sizeof text, "stream by k order by t\ninput x, y, z\nfeature f = %s\n", call);
  if (tl_definition_read(&c->definition, "call", text, NULL, 0, &err) != TL_OK) {
    fprintf(stderr, "%s\n", err.text);
    free(c);
    return NULL;
  }
  bool all = true;
  if (tl_plan_make(&c->plan, tl_sys_env(), c->definition, 0, &all, longest, TL_UNIT_DAY, NULL, &err) != TL_OK) {
    fprintf(stderr, "%s\n", err.text);
    tl_definition_close(c->definition);
    free(c);
    return NULL;
  }
  c->node = &c->definition->graph.nodes[c->definition->outputs[0].edge.node];
  return c;
}

void lanes_close(lanes_call *c) {
  tl_plan_free(&c->plan);
  tl_definition_close(c->definition);
  free(c);
}

void lanes_run(lanes_call *c, const lanes_stream *streams, int count, tl_isa isa, int tile_rows) {
  tl_error err = {0};
  tl_engine engine;
  tl_lane_stream lanes[TL_LANES];
  const double *inputs[TL_LANES][LANES_COLUMNS];
  double *results[TL_LANES][1];
  int64_t *order = malloc(MOST_ROWS * sizeof *order);
  for (int64_t i = 0; i < MOST_ROWS; i++) order[i] = c->order != NULL ? (i < LANES_DAYS ? c->order[i] : 0) : tl_days_of_civil(2020, 12, 29) + i;
  if (tl_engine_open(&engine, tl_sys_env(), &c->plan, isa, tile_rows, NULL, &err) != TL_OK) abort();
  for (int l = 0; l < count; l++) {
    for (int i = 0; i < c->plan.input_count; i++) inputs[l][i] = streams[l].columns[c->plan.inputs[i]];
    results[l][0] = streams[l].out;
    lanes[l] = (tl_lane_stream){.rows = streams[l].rows, .order = order, .inputs = inputs[l], .results = results[l]};
  }
  if (tl_engine_run(&engine, lanes, count, &err) != TL_OK) abort();
  tl_engine_free(&engine);
  free(order);
}
