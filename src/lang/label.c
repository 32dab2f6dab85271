/* Labels look ahead. Nothing in the engine does: a label is computed late instead. With L the farthest row it looks at, its value
   for row t is worked out at row t + L, where everything it needs lies behind: x becomes lag(x, L), and lead(x, k) becomes
   lag(x, L - k). Before row L the late frame does not exist yet, so those lags have no value there. */
#include <math.h>
#include "lang/build.h"

/* How far ahead a node looks. Nodes are in topological order, so one pass over the graph up to the label suffices. */
static tl_status measure(tl_graph *g, int32_t last, int64_t *ahead, tl_error *err) {
  int lead = tl__operator_find("lead");
  for (int32_t i = 0; i <= last; i++) {
    const tl_node *n = &g->nodes[i];
    ahead[i] = 0;
    for (int k = 0; k < n->inputs; k++)
      if (ahead[n->in[k].node] > ahead[i]) ahead[i] = ahead[n->in[k].node];
    if (n->kind == TL_NODE_OPERATOR && n->op == lead && __builtin_add_overflow(ahead[i], n->params.n, &ahead[i]))
      return tl_fail(err, TL_DEFINITION, "a label looks ahead too far");
  }
  return TL_OK;
}

typedef struct late {
  tl_builder *builder;
  const int64_t *ahead;
  int64_t total; /* L */
  int lag, lead;
  int depth, steps;
  tl_edge *whole; /* of each node: its outputs of `total` rows ago, once made; node -1 before */
} late;

static tl_status lag_by(late *l, tl_edge in, int64_t rows, tl_edge *out, tl_error *err) {
  tl_value v;
  tl_params p = {.n = rows, .min = rows, .a = {(double)l->total}};
  TL_TRY(tl__to_main(l->builder, &in, err));
  TL_TRY(tl__apply(l->builder, l->lag, p, &in, 1, &v, err));
  *out = v.edge;
  return TL_OK;
}

/* A row after the stream's end does not exist: the value is missing there, whatever the expression makes of missing inputs. */
static tl_status where_row_exists(late *l, int64_t by, tl_edge *edge, tl_error *err) {
  tl_builder *b = l->builder;
  tl_params p = {.n = 1, .min = 1};
  tl_value v, na = {.type = TL_VALUE_CONSTANT, .constant = NAN};
  tl_edge at;
  TL_TRY(tl__as_series(b, &na, err));
  TL_TRY(tl__column_series(b, TL_FRAME_MAIN, TL_ORDER_COLUMN, TL_TIME, &v, err));
  TL_TRY(lag_by(l, v.edge, by, &at, err));
  TL_TRY(tl__apply(b, tl__operator_find("seconds"), p, &at, 1, &v, err));
  TL_TRY(tl__apply(b, tl__operator_find("missing"), p, &v.edge, 1, &v, err));
  TL_TRY(tl__apply(b, tl__operator_find("not"), p, &v.edge, 1, &v, err));
  tl_edge in[3] = {v.edge, *edge, na.edge}; /* the first branch gives the type */
  TL_TRY(tl__apply(b, tl__operator_find("if"), p, in, 3, &v, err));
  *edge = v.edge;
  return TL_OK;
}

/* The edge as it was `by` rows ago. */
static tl_status delayed(late *l, tl_edge in, int64_t by, tl_edge *out, tl_error *err) {
  tl_node n = l->builder->definition->graph.nodes[in.node];
  tl_edge *made = by == l->total ? &l->whole[in.node * TL_MAX_OUTPUTS + in.output] : NULL;
  if (made != NULL && made->node >= 0) return *out = *made, TL_OK;
  if (++l->depth > 4000) return tl_fail(err, TL_DEFINITION, "a label is nested too deep");
  if (++l->steps > TL_MOST_NODES) return tl_fail(err, TL_DEFINITION, "a label expands to more than %d expressions", TL_MOST_NODES);
  if (n.kind == TL_NODE_JOIN && l->ahead[in.node] > 0)
    return tl_fail(err, TL_DEFINITION, "lead counts the rows of a side here, a label those of its stream; write lead(here(side.x), n)");
  if (n.kind == TL_NODE_CONSTANT)
    *out = in;
  else if (l->ahead[in.node] == 0)
    TL_TRY(lag_by(l, in, by, out, err));
  else if (n.op == l->lead && n.kind == TL_NODE_OPERATOR) {
    if (l->ahead[n.in[0].node] == 0)
      TL_TRY(lag_by(l, n.in[0], by - n.params.n, out, err));
    else {
      TL_TRY(delayed(l, n.in[0], by - n.params.n, out, err));
      TL_TRY(lag_by(l, *out, 0, out, err));
    }
    if (l->builder->definition->graph.nodes[n.in[0].node].kind != TL_NODE_COLUMN) TL_TRY(where_row_exists(l, by - n.params.n, out, err));
  } else {
    tl_edge inputs[TL_MAX_INPUTS];
    tl_value v;
    for (int i = 0; i < n.inputs; i++) TL_TRY(delayed(l, n.in[i], by, &inputs[i], err));
    TL_TRY(tl__apply(l->builder, n.op, n.params, inputs, n.inputs, &v, err));
    *out = (tl_edge){v.edge.node, in.output};
  }
  if (made != NULL) *made = *out;
  l->depth--;
  return TL_OK;
}

tl_status tl__delay_label(tl_builder *b, tl_edge *edge, int64_t *delay, tl_error *err) {
  tl_graph *g = &b->definition->graph;
  size_t nodes = (size_t)edge->node + 1;
  int64_t *ahead = NULL;
  tl_edge *whole = NULL;
  tl_status status = tl_allocate(g->env, &ahead, nodes, sizeof *ahead, err);
  if (status == TL_OK) status = tl_allocate(g->env, &whole, nodes * TL_MAX_OUTPUTS, sizeof *whole, err);
  for (size_t i = 0; status == TL_OK && i < nodes * TL_MAX_OUTPUTS; i++) whole[i] = (tl_edge){-1, 0};
  late l = {.builder = b, .ahead = ahead, .whole = whole, .lag = tl__operator_find("lag"), .lead = tl__operator_find("lead")};
  if (status == TL_OK) status = measure(g, edge->node, ahead, err);
  if (status == TL_OK) *delay = l.total = ahead[edge->node];
  if (status == TL_OK && l.total > 0) status = delayed(&l, *edge, l.total, edge, err);
  tl_release(g->env, ahead);
  tl_release(g->env, whole);
  return status;
}
