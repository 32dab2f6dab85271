#include "run/plan.h"
#include <string.h>

void tl_plan_free(tl_plan *p) {
  if (p->env == NULL) return;
  tl_release(p->env, p->steps);
  tl_release(p->env, p->emits);
  tl_release(p->env, p->inputs);
  tl_release(p->env, p->as_time);
  tl_release(p->env, p->units);
  tl_release(p->env, p->exports);
  *p = (tl_plan){0};
}

int64_t tl_plan_worker_bytes(const tl_plan *p, int rows) {
  int64_t tile = (int64_t)rows * TL_LANES, state;
  if (__builtin_mul_overflow(p->state_size, (int64_t)TL_LANES * 8, &state)) return INT64_MAX / 4;
  return tile * 8 * p->tile_count + state;
}

void tl__plan_reach(const tl_definition *d, const bool *selected, const bool *shared, bool *needed) {
  memset(needed, 0, d->graph.count * sizeof *needed);
  for (size_t i = 0; i < d->output_count; i++)
    if (selected[i]) needed[d->outputs[i].edge.node] = true;
  for (size_t i = d->graph.count; i-- > 0;) {
    const tl_node *n = &d->graph.nodes[i];
    for (int k = 0; needed[i] && !(shared != NULL && shared[i]) && k < n->inputs; k++) needed[n->in[k].node] = true;
  }
}

/* Everything the plan is made from, while it is made. */
typedef struct maker {
  tl_plan *plan;
  const tl_graph *graph;
  const bool *shared; /* nodes that are given; NULL: not asked for */
  bool *needed;       /* nodes */
  int32_t *readers;   /* (node, output) -> reads to come; tiles are free again at 0 */
  int32_t *tile_of;   /* (node, output) -> tile, -1 none */
  int32_t *free_tiles;
  int free_count;
  tl_time_unit *unit_of; /* node -> unit of a time series */
} maker;

static size_t slot(int32_t node, int output) { return (size_t)node * TL_MAX_OUTPUTS + (size_t)output; }

static int given_number(const tl_plan *p, int32_t node) {
  for (int i = 0; i < p->given_count; i++)
    if (p->given[i] == node) return i;
  return -1;
}

static bool writes_outputs(const tl_plan *p) { return p->frame == TL_FRAME_MAIN && p->part != TL_PLAN_AHEAD; }

static bool in_frame(const maker *m, size_t node) {
  int frame = m->graph->nodes[node].frame;
  return m->needed[node] && (frame == m->plan->frame || frame == TL_FRAME_NONE);
}

/* Constants are shared by frames; one is part of this plan when a node of it reads it, or it is a wanted output itself. */
static void count_reads(maker *m, const bool *selected) {
  const tl_definition *d = m->plan->definition;
  for (size_t i = 0; i < m->graph->count; i++) {
    const tl_node *n = &m->graph->nodes[i];
    if (!m->needed[i] || n->frame != m->plan->frame || given_number(m->plan, (int32_t)i) >= 0) continue;
    for (int k = tl_node_first_input(n); k < n->inputs; k++) m->readers[slot(n->in[k].node, n->in[k].output)]++;
  }
  for (size_t i = 0; writes_outputs(m->plan) && i < d->output_count; i++)
    if (selected[i]) m->readers[slot(d->outputs[i].edge.node, d->outputs[i].edge.output)]++;
  for (int i = 0; i < m->plan->export_count; i++) m->readers[slot(m->plan->exports[i], 0)]++;
}

static tl_status find_exports(maker *m, tl_error *err) {
  tl_plan *p = m->plan;
  size_t capacity = 0;
  for (size_t i = 0; p->frame > 0 && i < m->graph->count; i++) {
    const tl_node *n = &m->graph->nodes[i];
    if (!m->needed[i] || n->kind != TL_NODE_JOIN || m->graph->nodes[n->in[0].node].frame != p->frame) continue;
    bool known = false;
    for (int k = 0; k < p->export_count; k++) known |= p->exports[k] == n->in[0].node;
    if (known) continue;
    TL_TRY(tl_reserve(p->env, &p->exports, &capacity, (size_t)p->export_count + 1, sizeof *p->exports, err));
    p->exports[p->export_count++] = n->in[0].node;
  }
  return TL_OK;
}

static int take_tile(maker *m) { return m->free_count > 0 ? m->free_tiles[--m->free_count] : m->plan->tile_count++; }
static void give_back(maker *m, int tile) { m->free_tiles[m->free_count++] = tile; }

static tl_status add_column(tl_plan *p, size_t *capacity, const tl_node *n, tl_error *err) {
  bool as_time = n->type == TL_TIME;
  size_t room = *capacity;
  if (n->column == TL_ORDER_COLUMN) return TL_OK; /* always at hand */
  for (int i = 0; i < p->input_count; i++)
    if (p->inputs[i] == n->column && p->as_time[i] == as_time) return TL_OK;
  TL_TRY(tl_reserve(p->env, &p->as_time, &room, (size_t)p->input_count + 1, sizeof *p->as_time, err));
  TL_TRY(tl_reserve(p->env, &p->inputs, capacity, (size_t)p->input_count + 1, sizeof *p->inputs, err));
  p->inputs[p->input_count] = n->column;
  p->as_time[p->input_count++] = as_time;
  return TL_OK;
}

static tl_time_unit unit_of_node(const maker *m, const tl_node *n, tl_time_unit order_unit, const tl_time_unit *units) {
  if (n->kind == TL_NODE_COLUMN) return n->column == TL_ORDER_COLUMN ? order_unit : units ? units[n->column] : TL_UNIT_DAY;
  if (n->kind == TL_NODE_OPERATOR && n->op == TL_OP_date) return TL_UNIT_DAY;
  for (int k = 0; k < n->inputs; k++)
    if (m->graph->nodes[n->in[k].node].type == TL_TIME) return m->unit_of[n->in[k].node];
  return TL_UNIT_NONE;
}

/* A duration in the unit of the order key: s lies in (t - h, t] when t - s < h, so that parts of a unit count as a whole one. */
static tl_status plan_span(tl_plan *p, tl_step *s, tl_time_unit order_unit, tl_error *err) {
  static const int64_t ns[] = {[TL_UNIT_DAY] = TL_DAY_NS, [TL_UNIT_MS] = 1000000, [TL_UNIT_US] = 1000, [TL_UNIT_NS] = 1};
  s->span = -1;
  if (s->params.span == 0) return TL_OK;
  if (order_unit == TL_UNIT_NONE)
    return tl_fail(err, TL_DEFINITION, "a window of time needs an order key that is a date or a timestamp; %s is a plain integer", p->definition->order);
  s->params.span = (s->params.span - 1) / ns[order_unit] + 1;
  s->span = p->span_count++;
  return TL_OK;
}

static tl_status plan_step(maker *m, size_t index, int64_t longest, const bool *selected, tl_time_unit order_unit, size_t *emit_capacity, tl_error *err) {
  tl_plan *p = m->plan;
  const tl_definition *d = p->definition;
  const tl_node *n = &m->graph->nodes[index];
  tl_step *s = &p->steps[p->step_count++];
  *s = (tl_step){.node = (int32_t)index, .params = n->params, .emit = p->emit_count, .given = given_number(p, (int32_t)index)};
  int first_input = s->given < 0 ? tl_node_first_input(n) : n->inputs;
  bool is_date = n->kind == TL_NODE_OPERATOR && n->op == TL_OP_date; /* it counts days, but is told what its argument counts */
  s->params.unit = (int32_t)m->unit_of[is_date ? n->in[0].node : (int32_t)index];
  s->params.slots = n->params.n < longest ? n->params.n : longest;
  if (s->given < 0)
    TL_TRY(plan_span(p, s, order_unit, err));
  else
    s->span = -1;
  for (int k = first_input; k < n->inputs; k++) s->inputs[k] = m->tile_of[slot(n->in[k].node, n->in[k].output)];
  if (n->kind == TL_NODE_OPERATOR && s->given < 0) {
    s->state = p->state_size;
    p->state_size += tl__state_doubles(tl__operators[n->op], &s->params, n->inputs);
    if (p->state_size > INT64_MAX / 4096) return tl_fail(err, TL_MEMORY, "windows need more memory than an address space has");
  }
  for (int o = 0; o < n->outputs; o++) {
    bool read = m->readers[slot((int32_t)index, o)] > 0;
    s->tiles[o] = m->tile_of[slot((int32_t)index, o)] = !read ? -1 : n->kind == TL_NODE_CONSTANT ? p->tile_count++ : take_tile(m);
  }
  for (size_t i = 0; writes_outputs(p) && i < d->output_count; i++) {
    if (!selected[i] || d->outputs[i].edge.node != (int32_t)index) continue;
    TL_TRY(tl_reserve(p->env, &p->emits, emit_capacity, (size_t)p->emit_count + 1, sizeof *p->emits, err));
    p->emits[p->emit_count++] = (tl_emit){s->tiles[d->outputs[i].edge.output], (int32_t)i, d->outputs[i].delay};
    if (d->outputs[i].delay > p->greatest_delay) p->greatest_delay = d->outputs[i].delay;
    m->readers[slot((int32_t)index, d->outputs[i].edge.output)]--;
  }
  for (int i = 0; i < p->export_count; i++) {
    if (p->exports[i] != (int32_t)index) continue;
    TL_TRY(tl_reserve(p->env, &p->emits, emit_capacity, (size_t)p->emit_count + 1, sizeof *p->emits, err));
    p->emits[p->emit_count++] = (tl_emit){s->tiles[0], i, 0};
    m->readers[slot((int32_t)index, 0)]--;
  }
  s->emit_count = p->emit_count - s->emit;
  if (n->kind == TL_NODE_CONSTANT) return TL_OK; /* filled once, so their tiles serve nothing else, before or after */
  for (int o = 0; o < n->outputs; o++)
    if (m->readers[slot((int32_t)index, o)] == 0 && s->tiles[o] >= 0) give_back(m, s->tiles[o]);
  for (int k = first_input; k < n->inputs; k++) {
    size_t in = slot(n->in[k].node, n->in[k].output);
    if (--m->readers[in] == 0 && m->graph->nodes[n->in[k].node].kind != TL_NODE_CONSTANT) give_back(m, m->tile_of[in]);
  }
  return TL_OK;
}

/* Rows that the lanes run at most: what looks ahead is computed that many rows later, behind the last row too. */
static int64_t rows_run(const tl_plan *p, const bool *selected, int64_t longest) {
  int64_t delay = 0;
  for (size_t i = 0; p->frame == TL_FRAME_MAIN && i < p->definition->output_count; i++)
    if (selected[i] && p->definition->outputs[i].delay > delay) delay = p->definition->outputs[i].delay;
  return longest > INT64_MAX - delay ? INT64_MAX : longest + delay;
}

static void reach_exports(maker *m) {
  for (int i = 0; i < m->plan->export_count; i++) m->needed[m->plan->exports[i]] = true;
  for (size_t i = m->graph->count; i-- > 0;)
    for (int k = 0; m->needed[i] && given_number(m->plan, (int32_t)i) < 0 && k < m->graph->nodes[i].inputs; k++)
      m->needed[m->graph->nodes[i].in[k].node] = true;
}

static tl_status make(maker *m, const bool *selected, int64_t longest, tl_time_unit order_unit, const tl_time_unit *units, tl_error *err) {
  tl_plan *p = m->plan;
  longest = rows_run(p, selected, longest);
  size_t input_capacity = 0, emit_capacity = 0, count = m->graph->count;
  TL_TRY(tl_allocate_zeroed(p->env, &m->needed, count + 1, sizeof *m->needed, err));
  TL_TRY(tl_allocate_zeroed(p->env, &m->readers, count * TL_MAX_OUTPUTS + 1, sizeof *m->readers, err));
  TL_TRY(tl_allocate_zeroed(p->env, &m->tile_of, count * TL_MAX_OUTPUTS + 1, sizeof *m->tile_of, err));
  TL_TRY(tl_allocate_zeroed(p->env, &m->free_tiles, count * TL_MAX_OUTPUTS + 1, sizeof *m->free_tiles, err));
  TL_TRY(tl_allocate_zeroed(p->env, &m->unit_of, count + 1, sizeof *m->unit_of, err));
  TL_TRY(tl_allocate_zeroed(p->env, &p->steps, count + 1, sizeof *p->steps, err));
  if (p->part == TL_PLAN_AHEAD)
    reach_exports(m);
  else
    tl__plan_reach(p->definition, selected, p->part == TL_PLAN_REST ? m->shared : NULL, m->needed);
  TL_TRY(find_exports(m, err));
  count_reads(m, selected);
  for (size_t i = 0; i < count; i++) {
    const tl_node *n = &m->graph->nodes[i];
    bool read = m->readers[slot((int32_t)i, 0)] > 0;
    for (int o = 1; o < n->outputs; o++) read |= m->readers[slot((int32_t)i, o)] > 0;
    m->unit_of[i] = unit_of_node(m, n, order_unit, units);
    if (!in_frame(m, i) || !read) continue;
    if (n->kind == TL_NODE_COLUMN) TL_TRY(add_column(p, &input_capacity, n, err));
    TL_TRY(plan_step(m, i, longest, selected, order_unit, &emit_capacity, err));
  }
  return TL_OK;
}

tl_status tl__plan_part(tl_plan *out, const bool *shared, const bool *selected, int64_t longest, tl_time_unit order_unit, const tl_time_unit *units,
                        tl_error *err) {
  maker m = {.plan = out, .graph = &out->definition->graph, .shared = shared};
  tl_status status = make(&m, selected, longest < 1 ? 1 : longest, order_unit, units, err);
  tl_release(out->env, m.needed);
  tl_release(out->env, m.readers);
  tl_release(out->env, m.tile_of);
  tl_release(out->env, m.free_tiles);
  out->units = m.unit_of;
  if (status != TL_OK) tl_plan_free(out);
  return status;
}

tl_status tl_plan_make(tl_plan *out, tl_env *env, const tl_definition *definition, int frame, const bool *selected, int64_t longest, tl_time_unit order_unit,
                       const tl_time_unit *units, tl_error *err) {
  *out = (tl_plan){.env = env, .definition = definition, .frame = frame};
  return tl__plan_part(out, NULL, selected, longest, order_unit, units, err);
}
