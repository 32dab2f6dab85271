/* The main frame in two plans, of which one runs ahead of the other: calendars, which many streams share, and the recursions of one long stream. */
#include <string.h>
#include "run/plan.h"

/* ---- calendars ---- */

/* Nodes of the main frame that depend on order keys and sides alone. The order key itself is at hand everywhere. */
static void find_shared(const tl_definition *d, bool *shared, bool *neutral) {
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    neutral[i] = n->kind == TL_NODE_CONSTANT || (n->kind == TL_NODE_COLUMN && n->column == TL_ORDER_COLUMN && n->frame == TL_FRAME_MAIN);
    shared[i] = n->kind == TL_NODE_JOIN && n->frame == TL_FRAME_MAIN && n->inputs == 1;
    if (n->kind != TL_NODE_OPERATOR || n->frame != TL_FRAME_MAIN || n->inputs == 0) continue;
    bool all = true, any = false;
    for (int k = 0; k < n->inputs; k++) {
      all &= shared[n->in[k].node] || neutral[n->in[k].node];
      any |= d->graph.nodes[n->in[k].node].kind != TL_NODE_CONSTANT;
    }
    shared[i] = all && any;
  }
}

/* What is read of shared nodes from outside: only their first outputs can be. */
static tl_status find_roots(tl_plan *p, const bool *shared, const bool *selected, bool *needed, bool *whole, tl_error *err) {
  const tl_definition *d = p->definition;
  size_t capacity = 0;
  *whole = false;
  tl__plan_reach(d, selected, shared, needed);
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    for (int k = tl_node_first_input(n); needed[i] && !shared[i] && k < n->inputs; k++) *whole |= shared[n->in[k].node] && n->in[k].output > 0;
    if (!needed[i] || !shared[i]) continue;
    TL_TRY(tl_reserve(p->env, &p->exports, &capacity, (size_t)p->export_count + 1, sizeof *p->exports, err));
    p->exports[p->export_count++] = (int32_t)i;
  }
  for (size_t o = 0; o < d->output_count; o++)
    *whole |= selected[o] && (d->outputs[o].delay > 0 || (shared[d->outputs[o].edge.node] && d->outputs[o].edge.output > 0));
  return TL_OK;
}

/* In two by which nodes the rest is to be given; *whole: it cannot be. */
static tl_status split(tl_plan *ahead, tl_plan *rest, const tl_plan *like, bool *shared, const bool *selected, int64_t longest, tl_time_unit order_unit,
                       const tl_time_unit *units, bool *whole, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = like->env};
  const tl_definition *d = like->definition;
  bool *needed;
  *ahead = (tl_plan){.env = like->env, .definition = d, .frame = TL_FRAME_MAIN, .part = TL_PLAN_AHEAD};
  *rest = (tl_plan){.env = like->env, .definition = d, .frame = TL_FRAME_MAIN, .part = TL_PLAN_REST};
  TL_TRY(tl_arena_take(&arena, &needed, d->graph.count + 1, sizeof *needed, err));
  TL_TRY(find_roots(ahead, shared, selected, needed, whole, err));
  if (*whole) ahead->export_count = 0;
  if (ahead->export_count == 0) memset(shared, 0, d->graph.count * sizeof *shared);
  TL_TRY(tl__plan_part(ahead, NULL, selected, longest, order_unit, units, err));
  rest->given = ahead->exports;
  rest->given_count = ahead->export_count;
  tl_status status = tl__plan_part(rest, shared, selected, longest, order_unit, units, err);
  if (status != TL_OK) tl_plan_free(ahead);
  return status;
}

tl_status tl_plan_split(tl_plan *calendar, tl_plan *rest, tl_env *env, const tl_definition *d, const bool *selected, int64_t longest, tl_time_unit order_unit,
                        const tl_time_unit *units, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  tl_plan like = {.env = env, .definition = d};
  bool *shared, *neutral, whole;
  TL_TRY(tl_arena_take(&arena, &shared, d->graph.count + 1, sizeof *shared, err));
  TL_TRY(tl_arena_take(&arena, &neutral, d->graph.count + 1, sizeof *neutral, err));
  find_shared(d, shared, neutral);
  return split(calendar, rest, &like, shared, selected, longest, order_unit, units, &whole, err);
}

/* ---- ranges ---- */

static bool is_cut(const tl_node *n) { return n->kind == TL_NODE_OPERATOR && tl__operators[n->op]->kind == TL_FOLD && !tl__operators[n->op]->exact; }

static int64_t common_multiple(int64_t a, int64_t b) {
  int64_t x = a, y = b, multiple;
  while (y != 0) {
    int64_t rest = x % y;
    x = y;
    y = rest;
  }
  return __builtin_mul_overflow(a / x, b, &multiple) ? INT64_MAX : multiple;
}

/* A multiple of the lengths of as many windows as the most that it may be allows, those that most nodes have first. */
static tl_status find_step(const tl_definition *d, const bool *needed, int64_t most, int64_t *step, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = d->env};
  struct length {
    int64_t n, nodes;
  } * lengths;
  size_t count = 0;
  TL_TRY(tl_arena_take(&arena, &lengths, d->graph.count + 1, sizeof *lengths, err));
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    size_t at = 0;
    if (!needed[i] || n->frame != TL_FRAME_MAIN || !is_cut(n)) continue;
    while (at < count && lengths[at].n != n->params.n) at++;
    if (at == count) lengths[count++].n = n->params.n;
    lengths[at].nodes++;
  }
  *step = 1;
  for (size_t k = 0; k < count; k++) {
    struct length *best = lengths;
    for (size_t i = 0; i < count; i++)
      if (lengths[i].nodes > best->nodes || (lengths[i].nodes == best->nodes && lengths[i].n < best->n)) best = &lengths[i];
    int64_t more = common_multiple(*step, best->n);
    if (more <= most) *step = more;
    best->nodes = 0;
    best->n = INT64_MAX;
  }
  return TL_OK;
}

/* What must see all rows: recursions, and windows whose blocks would lie elsewhere. Of a fold with several outputs its readers are given instead. */
static void find_ahead(const tl_definition *d, int64_t step, bool *ahead, bool *inner) {
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    bool cut = n->frame == TL_FRAME_MAIN && is_cut(n) && step % n->params.n != 0;
    ahead[i] = n->frame == TL_FRAME_MAIN && n->kind == TL_NODE_OPERATOR && tl__operators[n->op]->kind == TL_SCAN;
    ahead[i] |= cut && n->outputs == 1;
    inner[i] = cut && n->outputs > 1;
    for (int k = tl_node_first_input(n); k < n->inputs; k++) ahead[i] |= inner[n->in[k].node];
  }
}

static int64_t reach_of_rest(const tl_definition *d, const bool *selected, const bool *ahead, int64_t *total) {
  int64_t most = 1;
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    total[i] = 0;
    if (ahead[i] || n->frame > TL_FRAME_MAIN) continue;
    for (int k = tl_node_first_input(n); k < n->inputs; k++)
      if (total[n->in[k].node] > total[i]) total[i] = total[n->in[k].node];
    total[i] += tl_node_reach(n);
  }
  for (size_t o = 0; o < d->output_count; o++)
    if (selected[o] && total[d->outputs[o].edge.node] > most) most = total[d->outputs[o].edge.node];
  return most;
}

void tl_range_plan_free(tl_range_plan *p) {
  tl_plan_free(&p->rest);
  tl_plan_free(&p->ahead);
  *p = (tl_range_plan){0};
}

tl_status tl_plan_by_rows(tl_range_plan *out, bool *possible, int64_t most_step, tl_env *env, const tl_definition *d, const bool *selected, int64_t longest,
                          tl_time_unit order_unit, const tl_time_unit *units, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  tl_plan like = {.env = env, .definition = d};
  bool *needed, *ahead, *inner, whole;
  int64_t *total;
  *out = (tl_range_plan){0};
  TL_TRY(tl_arena_take(&arena, &needed, d->graph.count + 1, sizeof *needed, err));
  TL_TRY(tl_arena_take(&arena, &ahead, d->graph.count + 1, sizeof *ahead, err));
  TL_TRY(tl_arena_take(&arena, &inner, d->graph.count + 1, sizeof *inner, err));
  TL_TRY(tl_arena_take(&arena, &total, d->graph.count + 1, sizeof *total, err));
  tl__plan_reach(d, selected, NULL, needed);
  TL_TRY(find_step(d, needed, most_step, &out->step, err));
  find_ahead(d, out->step, ahead, inner);
  out->reach = reach_of_rest(d, selected, ahead, total);
  TL_TRY(split(&out->ahead, &out->rest, &like, ahead, selected, longest, order_unit, units, &whole, err));
  *possible = !whole && out->ahead.span_count == 0 && out->rest.span_count == 0;
  return TL_OK;
}
