#include "trade/classes.h"
#include <math.h>
#include "op/table.h"

static bool add_threshold(tl_classes *c, double value) {
  int at = c->count;
  if (!isfinite(value)) return false;
  for (int i = 0; i < c->count; i++)
    if (c->thresholds[i] == value) return true;
  if (c->count == TL_MOST_THRESHOLDS) return false;
  for (; at > 0 && c->thresholds[at - 1] > value; at--) c->thresholds[at] = c->thresholds[at - 1];
  c->thresholds[at] = value;
  c->count++;
  return true;
}

/* What a node that reads the input, if it does, wants to know of it. */
static bool add_use(tl_classes *c, const tl_graph *graph, const tl_node *n, int32_t input) {
  bool reads = false, compares = n->kind == TL_NODE_OPERATOR && tl__operators[n->op]->compares;
  for (int i = 0; i < n->inputs; i++) {
    const tl_node *in = &graph->nodes[n->in[i].node];
    reads |= in->kind == TL_NODE_COLUMN && in->column == input;
  }
  if (!reads) return true;
  for (int i = 0; compares && i < n->inputs; i++) {
    const tl_node *in = &graph->nodes[n->in[i].node];
    bool is_input = in->kind == TL_NODE_COLUMN && in->column == input;
    if (!is_input) compares = in->kind == TL_NODE_CONSTANT && add_threshold(c, in->constant);
  }
  return compares;
}

/* Below the first threshold, at it, between it and the next one, ... */
static void choose_values(tl_classes *c) {
  c->values[0] = NAN;
  c->values[1] = c->count > 0 ? nextafter(c->thresholds[0], -INFINITY) : 0;
  for (int i = 0; i < c->count; i++) {
    c->values[2 + 2 * i] = c->thresholds[i];
    c->values[3 + 2 * i] = nextafter(c->thresholds[i], INFINITY);
  }
}

static void choose_bounds(tl_classes *c) {
  const double most = 0x1p53;
  c->whole = true;
  for (int i = 0; i < c->count && c->whole; i++) {
    c->whole = fabs(c->thresholds[i]) < most;
    if (!c->whole) break;
    c->bounds[2 * i] = (int64_t)ceil(c->thresholds[i]);
    c->bounds[2 * i + 1] = (int64_t)floor(c->thresholds[i]) + 1;
  }
}

void tl_classes_find(tl_classes *out, const tl_plan *plan, int32_t input) {
  const tl_graph *graph = &plan->definition->graph;
  *out = (tl_classes){.enough = true};
  for (int i = 0; i < plan->step_count && out->enough; i++) {
    const tl_node *n = &graph->nodes[plan->steps[i].node];
    bool emitted = n->kind == TL_NODE_COLUMN && n->column == input && plan->steps[i].emit_count > 0;
    out->enough = !emitted && add_use(out, graph, n, input);
  }
  choose_values(out);
  choose_bounds(out);
}
