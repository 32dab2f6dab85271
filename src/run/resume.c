#include "run/resume.h"
#include <string.h>
#include <xxhash.h>

void tl_resume_free(tl_resume *r) {
  if (r->env == NULL) return;
  tl_release(r->env, r->steps);
  tl_release(r->env, r->kept);
  *r = (tl_resume){0};
}

int64_t tl_resume_size(const tl_resume *r, int64_t rows) {
  int64_t size = r->state_size;
  for (int i = 0; i < r->kept_count; i++) size += r->kept[i].depth < rows ? r->kept[i].depth : rows;
  return size;
}

typedef struct maker {
  tl_resume *resume;
  const tl_graph *graph;
  bool *raw;        /* by node: computed from columns alone, row by row or as lags */
  int64_t *demand;  /* by (node, output): rows before the end that other steps read while windows are filled */
  size_t kept_room; /* of tl_resume.kept */
} maker;

static int64_t *demand_of(maker *m, int32_t node, int output) { return &m->demand[(size_t)node * TL_MAX_OUTPUTS + (size_t)output]; }

static void find_raw(maker *m) {
  const tl_plan *p = m->resume->plan;
  for (int i = 0; i < p->step_count; i++) {
    const tl_node *n = &m->graph->nodes[p->steps[i].node];
    bool raw = n->kind == TL_NODE_COLUMN || n->kind == TL_NODE_CONSTANT;
    if (n->kind == TL_NODE_OPERATOR && p->steps[i].given < 0) {
      tl_kind kind = tl__operators[n->op]->kind;
      raw = kind == TL_MAP || kind == TL_EDGE;
      for (int k = 0; k < n->inputs; k++) raw &= m->raw[n->in[k].node];
    }
    m->raw[p->steps[i].node] = raw;
  }
}

static void demand_inputs(maker *m, const tl_node *n, int64_t rows) {
  for (int k = 0; k < n->inputs; k++) {
    int64_t *d = demand_of(m, n->in[k].node, n->in[k].output);
    if (rows > *d) *d = rows;
  }
}

static tl_status keep(maker *m, int step, const tl_node *n, tl_error *err) {
  tl_resume *r = m->resume;
  TL_TRY(tl_reserve(r->env, &r->kept, &m->kept_room, (size_t)r->kept_count + TL_MAX_OUTPUTS, sizeof *r->kept, err));
  for (int o = 0; o < n->outputs; o++) {
    int64_t depth = *demand_of(m, r->plan->steps[step].node, o);
    if (depth > 0) r->kept[r->kept_count++] = (tl_kept){step, o, depth};
  }
  return TL_OK;
}

/* From the last step to the first, so that the demand for a step's values is known when its turn comes. */
static tl_status visit(maker *m, int step, tl_error *err) {
  tl_resume *r = m->resume;
  const tl_node *n = &m->graph->nodes[r->plan->steps[step].node];
  tl_again *again = &r->steps[step];
  int64_t demand = 0;
  for (int o = 0; o < n->outputs; o++)
    if (*demand_of(m, r->plan->steps[step].node, o) > demand) demand = *demand_of(m, r->plan->steps[step].node, o);
  bool runs = n->kind == TL_NODE_OPERATOR && r->plan->steps[step].given < 0;
  bool computed = runs && m->raw[r->plan->steps[step].node];
  again->first_kept = r->kept_count;
  if (demand > 0 && n->kind != TL_NODE_CONSTANT && !computed) TL_TRY(keep(m, step, n, err));
  again->end_kept = r->kept_count;
  if (demand > r->depth) r->depth = demand;
  if (!runs) return TL_OK;
  if (tl__operators[n->op]->kind == TL_SCAN) again->state = (int32_t)tl__operators[n->op]->parts;
  r->state_size += again->state;
  again->rows = tl_node_reach(n) + (computed ? demand : 0);
  if (again->rows > r->depth) r->depth = again->rows;
  demand_inputs(m, n, again->rows);
  return TL_OK;
}

/* What is kept was found from the last step on. */
static void turn_round(tl_resume *r) {
  int count = r->kept_count;
  for (int i = 0; i < count / 2; i++) {
    tl_kept other = r->kept[i];
    r->kept[i] = r->kept[count - 1 - i];
    r->kept[count - 1 - i] = other;
  }
  for (int i = 0; i < r->plan->step_count; i++) {
    int32_t first = r->steps[i].first_kept;
    r->steps[i].first_kept = count - r->steps[i].end_kept;
    r->steps[i].end_kept = count - first;
  }
}

static uint64_t layout_of(const tl_resume *r, const tl_graph *g) {
  uint64_t hash = TL_NUMERICS_VERSION;
  for (int i = 0; i < r->plan->step_count; i++) {
    uint64_t parts[] = {hash, g->nodes[r->plan->steps[i].node].identity, (uint64_t)r->steps[i].state};
    hash = XXH3_64bits(parts, sizeof parts);
  }
  for (int i = 0; i < r->kept_count; i++) {
    uint64_t parts[] = {hash, (uint64_t)r->kept[i].step, (uint64_t)r->kept[i].output, (uint64_t)r->kept[i].depth};
    hash = XXH3_64bits(parts, sizeof parts);
  }
  return hash;
}

static tl_status make(maker *m, tl_error *err) {
  tl_resume *r = m->resume;
  TL_TRY(tl_allocate_zeroed(r->env, &r->steps, (size_t)r->plan->step_count + 1, sizeof *r->steps, err));
  TL_TRY(tl_allocate_zeroed(r->env, &m->raw, m->graph->count + 1, sizeof *m->raw, err));
  TL_TRY(tl_allocate_zeroed(r->env, &m->demand, m->graph->count * TL_MAX_OUTPUTS + 1, sizeof *m->demand, err));
  find_raw(m);
  for (int i = r->plan->step_count; i-- > 0;) TL_TRY(visit(m, i, err));
  turn_round(r);
  for (int64_t i = 0, at = 0; i < r->plan->step_count; at += r->steps[i++].state) r->steps[i].state_at = at;
  r->layout = layout_of(r, m->graph);
  return TL_OK;
}

static tl_status copy_kept(tl_resume *out, const tl_resume *whole, tl_error *err) {
  TL_TRY(tl_allocate_zeroed(out->env, &out->steps, (size_t)out->plan->step_count + 1, sizeof *out->steps, err));
  TL_TRY(tl_allocate(out->env, &out->kept, (size_t)whole->kept_count + 1, sizeof *out->kept, err));
  if (whole->kept_count > 0) memcpy(out->kept, whole->kept, (size_t)whole->kept_count * sizeof *out->kept);
  return TL_OK;
}

tl_status tl_resume_part(tl_resume *out, const tl_resume *whole, const tl_plan *plan, bool recursions, tl_error *err) {
  *out = (tl_resume){.env = whole->env, .plan = plan, .kept_count = whole->kept_count, .depth = whole->depth, .state_size = whole->state_size};
  tl_status status = copy_kept(out, whole, err);
  for (int i = 0, at = 0; status == TL_OK && i < plan->step_count; i++) { /* steps of both are in the order of their nodes */
    while (at < whole->plan->step_count && whole->plan->steps[at].node < plan->steps[i].node) at++;
    if (at == whole->plan->step_count || whole->plan->steps[at].node != plan->steps[i].node) continue;
    out->steps[i].first_kept = whole->steps[at].first_kept;
    out->steps[i].end_kept = whole->steps[at].end_kept;
    out->steps[i].state = recursions ? whole->steps[at].state : 0;
    out->steps[i].state_at = whole->steps[at].state_at;
  }
  if (status != TL_OK) tl_resume_free(out);
  return status;
}

tl_status tl_resume_make(tl_resume *out, tl_env *env, const tl_plan *plan, tl_error *err) {
  *out = (tl_resume){.env = env, .plan = plan};
  if (plan->greatest_delay > 0)
    out->why_not = "labels look ahead, so that new rows change older ones";
  else if (plan->span_count > 0)
    out->why_not = "windows of time are not kept from one run to the next";
  if (out->why_not != NULL) return TL_OK;
  maker m = {.resume = out, .graph = &plan->definition->graph};
  tl_status status = make(&m, err);
  tl_release(env, m.raw);
  tl_release(env, m.demand);
  if (status != TL_OK) tl_resume_free(out);
  return status;
}
