/* The main frame in several plans, of which one runs ahead of the other: calendars, which many streams share, and the recursions of one long stream. */
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

/* ---- levels ---- */

enum { MOST_LEVELS = 16 };

typedef struct leveler {
  tl_range_plan *out;
  const tl_definition *d;
  const bool *selected;
  bool *needed, *ahead, *inner;
  bool *feed; /* of the level at hand */
  int *level; /* of each node: how many levels must have run before it */
  int64_t *total;
  int64_t longest;
  tl_time_unit order_unit;
  const tl_time_unit *units;
} leveler;

static bool is_serial(const leveler *l, int32_t node) { return l->ahead[node] || l->inner[node]; }

static int find_levels(leveler *l) {
  int levels = 0;
  for (size_t i = 0; i < l->d->graph.count; i++) {
    const tl_node *n = &l->d->graph.nodes[i];
    for (int k = tl_node_first_input(n); k < n->inputs; k++) {
      int32_t in = n->in[k].node;
      int level = l->level[in] + (l->ahead[in] && !is_serial(l, (int32_t)i));
      if (level > l->level[i]) l->level[i] = level;
    }
    if (l->needed[i] && l->ahead[i] && l->level[i] >= levels) levels = l->level[i] + 1;
  }
  return levels;
}

/* What a node that runs in one lane reads of others: what is there already, and columns, need no feeding. Of folds with several outputs only the first
   can be given, so they run beside it. */
static void collect(leveler *l, int32_t node) {
  const tl_node *n = &l->d->graph.nodes[node];
  for (int k = tl_node_first_input(n); k < n->inputs; k++) {
    int32_t in = n->in[k].node;
    const tl_node *source = &l->d->graph.nodes[in];
    if (l->ahead[in] || source->kind == TL_NODE_COLUMN || source->kind == TL_NODE_CONSTANT) continue;
    if (l->inner[in] || n->in[k].output > 0)
      collect(l, in);
    else
      l->feed[in] = true;
  }
}

/* Rows before a row that nodes look at when what runs ahead is given. */
static int64_t find_reach(leveler *l) {
  int64_t most = 1;
  for (size_t i = 0; i < l->d->graph.count; i++) {
    const tl_node *n = &l->d->graph.nodes[i];
    if (is_serial(l, (int32_t)i) || n->frame > TL_FRAME_MAIN) continue;
    for (int k = tl_node_first_input(n); k < n->inputs; k++)
      if (l->total[n->in[k].node] > l->total[i]) l->total[i] = l->total[n->in[k].node];
    l->total[i] += tl_node_reach(n);
    if (l->needed[i] && l->total[i] > most) most = l->total[i];
  }
  return most;
}

static tl_status export(tl_plan *p, int32_t node, size_t *capacity, tl_error *err) {
  TL_TRY(tl_reserve(p->env, &p->exports, capacity, (size_t)p->export_count + 1, sizeof *p->exports, err));
  p->exports[p->export_count++] = node;
  return TL_OK;
}

static tl_status plan_part(leveler *l, tl_plan *p, const bool *shared, tl_error *err) {
  return tl__plan_part(p, shared, l->selected, l->longest, l->order_unit, l->units, err);
}

static tl_status make_level(leveler *l, int number, tl_error *err) {
  tl_range_plan *out = l->out;
  tl_range_level *level = &out->levels[number];
  tl_plan part = {.env = out->env, .definition = l->d, .frame = TL_FRAME_MAIN, .part = TL_PLAN_AHEAD};
  size_t nodes = l->d->graph.count, fed = 0, run = 0;
  memset(l->feed, 0, nodes * sizeof *l->feed);
  level->feed = level->serial = part;
  for (size_t i = 0; i < nodes; i++)
    if (l->needed[i] && l->ahead[i] && l->level[i] == number) collect(l, (int32_t)i);
  for (size_t i = 0; i < nodes; i++) {
    if (l->feed[i]) TL_TRY(export(&level->feed, (int32_t)i, &fed, err));
    if (l->needed[i] && l->ahead[i] && l->level[i] == number) TL_TRY(export(&level->serial, (int32_t)i, &run, err));
  }
  TL_TRY(tl_allocate(out->env, &level->given, (size_t)(level->feed.export_count + out->ahead_count) + 1, sizeof *level->given, err));
  for (int i = 0; i < level->feed.export_count; i++) level->given[level->serial.given_count++] = level->feed.exports[i];
  for (int i = 0; i < out->ahead_count; i++) /* but not of this level itself */
    if (l->level[out->ahead[i]] < number) level->given[level->serial.given_count++] = out->ahead[i];
  level->serial.given = level->given;
  level->feed.given = out->ahead;
  level->feed.given_count = out->ahead_count;
  TL_TRY(plan_part(l, &level->feed, NULL, err));
  return plan_part(l, &level->serial, NULL, err);
}

void tl_range_plan_free(tl_range_plan *p) {
  for (int i = 0; p->levels != NULL && i < p->level_count; i++) {
    tl_plan_free(&p->levels[i].feed);
    tl_plan_free(&p->levels[i].serial);
    tl_release(p->env, p->levels[i].given);
  }
  tl_plan_free(&p->rest);
  tl_release(p->env, p->levels);
  tl_release(p->env, p->ahead);
  *p = (tl_range_plan){0};
}

/* Labels are computed later than their row; and of a fold with several outputs it is its readers that are given. */
static bool is_possible(const leveler *l, int levels) {
  for (size_t o = 0; o < l->d->output_count; o++)
    if (l->selected[o] && (l->d->outputs[o].delay > 0 || l->inner[l->d->outputs[o].edge.node])) return false;
  for (size_t i = 0; i < l->d->graph.count; i++)
    if (l->needed[i] && l->d->graph.nodes[i].params.span > 0) return false;
  return levels <= MOST_LEVELS;
}

static tl_status make_levels(leveler *l, int levels, tl_error *err) {
  tl_range_plan *out = l->out;
  TL_TRY(tl_allocate_zeroed(out->env, &out->levels, (size_t)levels + 1, sizeof *out->levels, err));
  TL_TRY(tl_allocate(out->env, &out->ahead, l->d->graph.count + 1, sizeof *out->ahead, err));
  for (size_t i = 0; i < l->d->graph.count; i++)
    if (l->needed[i] && l->ahead[i]) out->ahead[out->ahead_count++] = (int32_t)i;
  for (; out->level_count < levels;) TL_TRY(make_level(l, out->level_count++, err));
  out->rest =
      (tl_plan){.env = out->env, .definition = l->d, .frame = TL_FRAME_MAIN, .part = TL_PLAN_REST, .given = out->ahead, .given_count = out->ahead_count};
  return plan_part(l, &out->rest, l->ahead, err);
}

tl_status tl_plan_by_rows(tl_range_plan *out, bool *possible, int64_t most_step, tl_env *env, const tl_definition *d, const bool *selected, int64_t longest,
                          tl_time_unit order_unit, const tl_time_unit *units, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  leveler l = {.out = out, .d = d, .selected = selected, .longest = longest, .order_unit = order_unit, .units = units};
  size_t nodes = d->graph.count + 1;
  *out = (tl_range_plan){.env = env};
  TL_TRY(tl_arena_take(&arena, &l.needed, nodes, sizeof *l.needed, err));
  TL_TRY(tl_arena_take(&arena, &l.ahead, nodes, sizeof *l.ahead, err));
  TL_TRY(tl_arena_take(&arena, &l.inner, nodes, sizeof *l.inner, err));
  TL_TRY(tl_arena_take(&arena, &l.feed, nodes, sizeof *l.feed, err));
  TL_TRY(tl_arena_take(&arena, &l.level, nodes, sizeof *l.level, err));
  TL_TRY(tl_arena_take(&arena, &l.total, nodes, sizeof *l.total, err));
  tl__plan_reach(d, selected, NULL, l.needed);
  TL_TRY(find_step(d, l.needed, most_step, &out->step, err));
  find_ahead(d, out->step, l.ahead, l.inner);
  out->reach = find_reach(&l);
  int levels = find_levels(&l);
  *possible = is_possible(&l, levels);
  tl_status status = *possible ? make_levels(&l, levels, err) : TL_OK;
  if (status != TL_OK) tl_range_plan_free(out);
  return status;
}
