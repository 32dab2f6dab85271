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

/* Bits of conditions, beside the doubles that were computed before. */
typedef struct bit_check {
  const lanes_stream *streams;
  int count;
  int64_t row;
} bit_check;

static void check_bits(void *context, int32_t result, const tl_condition_bits *bits, int rows) {
  bit_check *b = context;
  (void)result;
  for (int l = 0; l < b->count; l++)
    for (int64_t r = b->row; r < b->row + rows && r < b->streams[l].rows; r++)
      if ((bits[r - b->row] >> l & 1) != (b->streams[l].out[r] == 1.0)) {
        fprintf(stderr, "row %lld of lane %d: its bit is not its value %g\n", (long long)r, l, b->streams[l].out[r]);
        abort();
      }
  b->row += rows;
}

/* Conditions once more, as who takes bits gets them. */
static void run_as_bits(lanes_call *c, const lanes_stream *streams, const tl_lane_stream *lanes, int count, int64_t last, tl_isa isa, int tile_rows) {
  tl_error err = {0};
  tl_engine engine;
  bit_check check = {.streams = streams, .count = count};
  if (c->node->type != TL_BOOLEAN || c->plan.greatest_delay > 0 || last == 0) return;
  if (tl_engine_open(&engine, tl_sys_env(), &c->plan, isa, tile_rows, NULL, &err) != TL_OK) abort();
  if (tl_engine_take(&engine, check_bits, &check, &err) != TL_OK || tl_engine_run_rows(&engine, lanes, count, 0, last, &err) != TL_OK) abort();
  if (check.row < last) abort();
  tl_engine_free(&engine);
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
  int64_t last = 0;
  for (int l = 0; l < count; l++) last = streams[l].rows > last ? streams[l].rows : last;
  if (last > 0 && tl_engine_run_rows(&engine, lanes, count, 0, last + c->plan.greatest_delay, &err) != TL_OK) abort();
  tl_engine_free(&engine);
  run_as_bits(c, streams, lanes, count, last, isa, tile_rows);
  free(order);
}

/* Rows [from, to) of a stream, by an engine that has never seen it. */
static void run_part(lanes_call *c, const tl_resume *resume, const lanes_stream *s, int64_t from, int64_t to, int tile_rows, const double *before,
                     double *record) {
  tl_error err = {0};
  tl_engine engine;
  const double *inputs[LANES_COLUMNS];
  double *results[1] = {s->out + from};
  int64_t *order = malloc(MOST_ROWS * sizeof *order);
  for (int64_t i = 0; i < MOST_ROWS; i++) order[i] = tl_days_of_civil(2020, 12, 29) + from + i;
  if (tl_engine_open(&engine, tl_sys_env(), &c->plan, TL_ISA_ID_BASELINE, tile_rows, NULL, &err) != TL_OK) abort();
  if (tl_engine_keep(&engine, resume, &err) != TL_OK) abort();
  for (int64_t i = 0; i < c->plan.state_size * TL_LANES; i++) engine.state[i] = 12345; /* whoever reads this is wrong */
  for (int i = 0; i < c->plan.input_count; i++) inputs[i] = s->columns[c->plan.inputs[i]] + from;
  tl_lane_stream lane = {.rows = to, .first = from, .result = from, .order = order, .inputs = inputs, .results = results, .before = before, .record = record};
  tl_engine_resume(&engine, &lane, 1, from);
  if (tl_engine_run_rows(&engine, &lane, 1, from, to, &err) != TL_OK) abort();
  tl_engine_free(&engine);
  free(order);
}

bool lanes_run_in_parts(lanes_call *c, const lanes_stream *s, const int64_t *ends, int count, int tile_rows) {
  tl_resume resume;
  tl_error err = {0};
  if (tl_resume_make(&resume, tl_sys_env(), &c->plan, &err) != TL_OK) abort();
  bool possible = resume.why_not == NULL;
  double *before = NULL, *record = NULL, *whole = NULL;
  for (int i = 0; possible && i < count; i++) {
    record = malloc(((size_t)tl_resume_size(&resume, ends[i]) + 1) * sizeof *record);
    run_part(c, &resume, s, i > 0 ? ends[i - 1] : 0, ends[i], tile_rows, before, record);
    free(before);
    before = record;
  }
  if (possible) {
    size_t size = (size_t)tl_resume_size(&resume, s->rows) * sizeof *whole;
    double *out = malloc(((size_t)s->rows + 1) * sizeof *out);
    lanes_stream all = *s;
    all.out = out;
    whole = malloc(size + 1);
    run_part(c, &resume, &all, 0, s->rows, 64, NULL, whole);
    if (memcmp(whole, record, size) != 0) {
      fprintf(stderr, "the record differs\n");
      abort();
    }
    free(out);
  }
  free(whole);
  free(record);
  tl_resume_free(&resume);
  return possible;
}
