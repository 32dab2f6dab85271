#include "pack/derive.h"
#include <math.h>
#include <string.h>

static void free_part(tl_derive_part *p) {
  if (!p->any) return;
  tl_engine_free(&p->engine);
  tl_plan_free(&p->plan);
}

void tl_derive_free(tl_derive *d) {
  if (d->env == NULL) return;
  const tl_definition *definition = d->shape->definition;
  if (d->going_on.env != NULL) tl_engine_free(&d->going_on);
  free_part(&d->points);
  free_part(&d->streams);
  for (size_t i = 0; d->inputs != NULL && i < definition->input_count; i++) tl_release(d->env, d->inputs[i]);
  for (size_t i = 0; d->results != NULL && i < definition->output_count; i++) tl_release(d->env, d->results[i]);
  tl_release(d->env, d->inputs);
  tl_release(d->env, d->results);
  tl_release(d->env, d->input_capacity);
  tl_release(d->env, d->result_capacity);
  tl_release(d->env, d->is_point);
  *d = (tl_derive){0};
}

/* Whether an output depends on its own row alone. */
static tl_status find_points(tl_derive *d, tl_error *err) {
  const tl_definition *definition = d->shape->definition;
  TL_OWNED(tl_arena) arena = {.env = d->env};
  bool *selected, *needed;
  TL_TRY(tl_arena_take(&arena, &needed, definition->graph.count + 1, sizeof *needed, err));
  TL_TRY(tl_arena_take(&arena, &selected, definition->output_count + 1, sizeof *selected, err));
  for (size_t o = 0; o < definition->output_count; o++) {
    memset(needed, 0, definition->graph.count * sizeof *needed);
    memset(selected, 0, definition->output_count * sizeof *selected);
    selected[o] = d->is_point[o] = true;
    tl__plan_reach(definition, selected, NULL, needed);
    for (size_t n = 0; n < definition->graph.count; n++) {
      const tl_node *node = &definition->graph.nodes[n];
      if (needed[n] && node->kind == TL_NODE_OPERATOR) d->is_point[o] &= tl__operators[node->op]->kind == TL_MAP;
      if (needed[n] && node->kind == TL_NODE_JOIN) return tl_fail(err, TL_DEFINITION, "%s: a pack has no sides", definition->path);
    }
  }
  return TL_OK;
}

static tl_status open_part(tl_derive *d, tl_derive_part *p, bool points, tl_isa isa, tl_error *err) {
  const tl_definition *definition = d->shape->definition;
  TL_OWNED(tl_arena) arena = {.env = d->env};
  bool *selected, any = false;
  TL_TRY(tl_arena_take(&arena, &selected, definition->output_count + 1, sizeof *selected, err));
  for (size_t o = 0; o < definition->output_count; o++) any |= selected[o] = d->is_point[o] == points;
  if (!any) return TL_OK;
  TL_TRY(tl_plan_make(&p->plan, d->env, definition, TL_FRAME_MAIN, selected, INT64_MAX, TL_UNIT_NS, NULL, err));
  tl_status status = tl_engine_open(&p->engine, d->env, &p->plan, isa, 0, NULL, err);
  if (status != TL_OK) tl_plan_free(&p->plan);
  p->any = status == TL_OK;
  return status;
}

static tl_status open_all(tl_derive *d, tl_error *err) {
  const tl_definition *definition = d->shape->definition;
  tl_isa isa;
  TL_TRY(tl_isa_choose(&isa, err));
  TL_TRY(tl_allocate_zeroed(d->env, &d->inputs, definition->input_count + 1, sizeof *d->inputs, err));
  TL_TRY(tl_allocate_zeroed(d->env, &d->results, definition->output_count + 1, sizeof *d->results, err));
  TL_TRY(tl_allocate_zeroed(d->env, &d->input_capacity, definition->input_count + 1, sizeof *d->input_capacity, err));
  TL_TRY(tl_allocate_zeroed(d->env, &d->result_capacity, definition->output_count + 1, sizeof *d->result_capacity, err));
  TL_TRY(tl_allocate_zeroed(d->env, &d->is_point, definition->output_count + 1, sizeof *d->is_point, err));
  TL_TRY(find_points(d, err));
  TL_TRY(open_part(d, &d->points, true, isa, err));
  TL_TRY(open_part(d, &d->streams, false, isa, err));
  return d->streams.any ? tl_engine_open(&d->going_on, d->env, &d->streams.plan, isa, 0, NULL, err) : TL_OK;
}

tl_status tl_derive_open(tl_derive *out, tl_env *env, const tl_shape_of_tape *shape, tl_error *err) {
  *out = (tl_derive){.env = env, .shape = shape};
  tl_status status = open_all(out, err);
  if (status != TL_OK) tl_derive_free(out);
  return status;
}

/* ---- in and out ---- */

static int input_column(const tl_derive *d, const tl_plan *plan, int input) {
  const tl_definition *definition = d->shape->definition;
  return d->shape->row_of_packed[tl_tape_packed(definition, definition->inputs[plan->inputs[input]].columns[0])];
}

/* Rows [from, rows) of the inputs as doubles, and room for the results. */
static tl_status load(tl_derive *d, const tl_derive_part *p, const tl_batch *b, int64_t from, tl_error *err) {
  size_t rows = (size_t)(b->rows - from);
  int64_t nonfinite;
  for (int i = 0; i < p->plan.input_count; i++) {
    int column = input_column(d, &p->plan, i);
    if (column < 0) continue;
    TL_TRY(tl_renew(d->env, &d->inputs[i], &d->input_capacity[i], rows + 1, sizeof(double), err));
    tl_column_doubles(&b->columns[column].column, from, (int64_t)rows, d->inputs[i], &nonfinite);
  }
  for (int i = 0; i < p->plan.emit_count; i++) {
    int output = p->plan.emits[i].result;
    TL_TRY(tl_renew(d->env, &d->results[output], &d->result_capacity[output], rows + 1, sizeof(double), err));
  }
  return TL_OK;
}

/* Results into their column: where a row waits for one, or, where a raw column is replaced, everywhere. */
static tl_status store(tl_derive *d, size_t packed, tl_batch *b, int64_t from, tl_error *err) {
  const tl_packed_column *p = &d->shape->definition->packed[packed];
  tl_array *array = &b->columns[d->shape->row_of_packed[packed]];
  tl_column *c = &array->column;
  const double *values = d->results[p->output];
  bool whole = c->field.physical == TL_PHYSICAL_INT64;
  for (int64_t row = from; row < b->rows; row++) {
    double v = values[row - from];
    if (!tl_column_is_valid(c, row)) continue;
    if (whole && !(fabs(v) < 0x1p63)) v = NAN; /* no int64 */
    int64_t integer = isnan(v) ? 0 : (int64_t)v;
    memcpy(c->values + 8 * row, whole ? (const void *)&integer : (const void *)&v, 8);
    if (isnan(v)) TL_TRY(tl_column_set_null(c, row, 1, err));
  }
  array->null_count = c->null_count;
  return TL_OK;
}

static tl_status store_all(tl_derive *d, bool points, tl_batch *b, int64_t from, tl_error *err) {
  const tl_definition *definition = d->shape->definition;
  for (size_t i = 0; i < definition->packed_count; i++)
    if (definition->packed[i].output >= 0 && d->is_point[definition->packed[i].output] == points && d->shape->row_of_packed[i] >= 0)
      TL_TRY(store(d, i, b, from, err));
  return TL_OK;
}

/* ---- computing ---- */

/* What one call of an engine is given: up to TL_LANES streams. */
typedef struct lanes {
  tl_lane_stream streams[TL_LANES];
  int count;
  int64_t longest;
} lanes;

/* Adds a stream that has rows [at, at + rows) of what was loaded, and `done` before that. */
static void add_lane(const tl_derive *d, const tl_derive_part *p, const tl_batch *b, int64_t from, int64_t at, int64_t rows, int64_t done, const double **in,
                     double **out, lanes *l) {
  size_t outputs = d->shape->definition->output_count;
  in += l->count * p->plan.input_count;
  out += (size_t)l->count * outputs;
  for (int i = 0; i < p->plan.input_count; i++) in[i] = input_column(d, &p->plan, i) >= 0 ? d->inputs[i] + at : NULL;
  for (size_t o = 0; o < outputs; o++) out[o] = NULL;
  for (int i = 0; i < p->plan.emit_count; i++) out[p->plan.emits[i].result] = d->results[p->plan.emits[i].result] + at;
  const int64_t *order = (const int64_t *)(const void *)b->columns[0].column.values + from + at;
  l->streams[l->count++] = (tl_lane_stream){.rows = done + rows, .first = done, .result = done, .order = order, .inputs = in, .results = out};
  if (rows > l->longest) l->longest = rows;
}

static tl_status run_lanes(tl_engine *engine, lanes *l, int64_t done, tl_error *err) {
  tl_status status = l->count > 0 ? tl_engine_run_rows(engine, l->streams, l->count, done, done + l->longest, err) : TL_OK;
  l->count = 0;
  l->longest = 0;
  return status;
}

static tl_status take_pointers(const tl_derive *d, const tl_derive_part *p, tl_arena *arena, const double ***in, double ***out, tl_error *err) {
  TL_TRY(tl_arena_take(arena, in, (size_t)p->plan.input_count * TL_LANES + 1, sizeof **in, err));
  return tl_arena_take(arena, out, d->shape->definition->output_count * TL_LANES + 1, sizeof **out, err);
}

tl_status tl_derive_points(tl_derive *d, tl_batch *b, int64_t from, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = d->env};
  const double **in;
  double **out;
  lanes l = {0};
  int64_t rows = b->rows - from, share = (rows + TL_LANES - 1) / TL_LANES;
  if (!d->points.any || rows == 0) return TL_OK;
  TL_TRY(take_pointers(d, &d->points, &arena, &in, &out, err));
  TL_TRY(load(d, &d->points, b, from, err));
  for (int64_t at = 0; at < rows; at += share) add_lane(d, &d->points, b, from, at, rows - at < share ? rows - at : share, 0, in, out, &l);
  TL_TRY(run_lanes(&d->points.engine, &l, 0, err));
  return store_all(d, true, b, from, err);
}

tl_status tl_derive_streams(tl_derive *d, tl_batch *b, const int64_t *lengths, int64_t count, bool goes_on, bool will_go_on, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = d->env};
  const double **in;
  double **out;
  lanes l = {0};
  int64_t at = 0;
  if (!d->streams.any || b->rows == 0) return TL_OK;
  TL_TRY(take_pointers(d, &d->streams, &arena, &in, &out, err));
  TL_TRY(load(d, &d->streams, b, 0, err));
  if (!goes_on) d->done = 0;
  for (int64_t i = 0; i < count; at += lengths[i++]) {
    bool alone = (i == 0 && goes_on) || (i == count - 1 && will_go_on);
    if (alone || l.count == TL_LANES) TL_TRY(run_lanes(&d->streams.engine, &l, 0, err));
    if (alone && i > 0) d->done = 0;
    add_lane(d, &d->streams, b, 0, at, lengths[i], alone ? d->done : 0, in, out, &l);
    if (!alone) continue;
    TL_TRY(run_lanes(&d->going_on, &l, d->done, err));
    d->done += lengths[i];
  }
  TL_TRY(run_lanes(&d->streams.engine, &l, 0, err));
  return store_all(d, false, b, 0, err);
}
