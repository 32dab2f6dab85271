#include "lang/graph.h"
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

void tl_graph_free(tl_graph *graph) {
  tl_release(graph->env, graph->nodes);
  tl_release(graph->env, graph->table);
  *graph = (tl_graph){.env = graph->env};
}

uint64_t tl__identity_of_text(const char *text, uint64_t seed) { return XXH3_64bits_withSeed(text, strlen(text), seed); }

/* What a node computes, written out in a fixed order; slots and units belong to a run, not to the definition. A column brings
   its own identity (of its text) in node.identity. */
static uint64_t identity_of(const tl_graph *g, const tl_node *n) {
  uint64_t parts[16 + 2 * TL_MAX_INPUTS];
  size_t count = 0;
  parts[count++] = TL_NUMERICS_VERSION;
  parts[count++] = (uint64_t)n->kind;
  parts[count++] = (uint64_t)n->frame + 1;
  parts[count++] = (uint64_t)n->type;
  parts[count++] = n->kind == TL_NODE_COLUMN ? n->identity : 0;
  memcpy(&parts[count++], &n->constant, sizeof(double));
  if (n->kind == TL_NODE_OPERATOR) {
    parts[count++] = tl__identity_of_text(tl__operators[n->op]->name, 0);
    parts[count++] = (uint64_t)n->params.n;
    parts[count++] = (uint64_t)n->params.min;
    parts[count++] = (uint64_t)n->params.mode;
    memcpy(&parts[count], n->params.a, sizeof n->params.a);
    count += 3;
    if (n->params.span != 0) parts[count++] = (uint64_t)n->params.span;
  }
  for (int i = 0; i < n->inputs; i++) {
    parts[count++] = g->nodes[n->in[i].node].identity;
    parts[count++] = (uint64_t)n->in[i].output;
  }
  return XXH3_64bits(parts, count * sizeof *parts);
}

static bool same_node(const tl_node *a, const tl_node *b) {
  if (a->identity != b->identity || a->kind != b->kind || a->frame != b->frame || a->op != b->op || a->column != b->column || a->inputs != b->inputs)
    return false;
  return memcmp(a->in, b->in, sizeof a->in) == 0 && memcmp(&a->constant, &b->constant, sizeof a->constant) == 0 &&
         memcmp(&a->params, &b->params, sizeof a->params) == 0;
}

int64_t tl_node_reach(const tl_node *n) {
  if (n->kind != TL_NODE_OPERATOR) return 0;
  tl_kind kind = tl__operators[n->op]->kind;
  return kind == TL_FOLD || kind == TL_VIEW ? n->params.n - 1 : kind == TL_EDGE ? n->params.n : 0;
}

static int64_t warmup_of(const tl_graph *g, const tl_node *n) {
  if (n->kind != TL_NODE_OPERATOR) return 0;
  const tl_operator *op = tl__operators[n->op];
  int64_t most = 0, least = INT64_MAX;
  for (int i = 0; i < n->inputs; i++) {
    int64_t w = g->nodes[n->in[i].node].warmup;
    if (w > most) most = w;
    if (w < least) least = w;
  }
  int64_t before = op->skips_missing ? (n->inputs > 0 ? least : 0) : most, total;
  return __builtin_add_overflow(before, tl__node_warmup(op, &n->params), &total) ? INT64_MAX / 2 : total;
}

static void enter(tl_graph *g, int32_t node) {
  size_t at = g->nodes[node].identity & (g->table_size - 1);
  while (g->table[at] >= 0) at = (at + 1) & (g->table_size - 1);
  g->table[at] = node;
}

static tl_status grow_table(tl_graph *g, tl_error *err) {
  if (g->table_size >= 2 * (g->count + 1)) return TL_OK;
  size_t size = g->table_size ? g->table_size * 2 : 64;
  int32_t *fresh;
  TL_TRY(tl_allocate(g->env, &fresh, size, sizeof *fresh, err));
  tl_release(g->env, g->table);
  g->table = fresh;
  g->table_size = size;
  for (size_t i = 0; i < size; i++) fresh[i] = -1;
  for (size_t i = 0; i < g->count; i++) enter(g, (int32_t)i);
  return TL_OK;
}

tl_status tl__graph_add(tl_graph *g, tl_node node, int32_t *out, tl_error *err) {
  TL_TRY(grow_table(g, err));
  node.identity = identity_of(g, &node);
  for (size_t at = node.identity & (g->table_size - 1); g->table[at] >= 0; at = (at + 1) & (g->table_size - 1)) {
    if (!same_node(&g->nodes[g->table[at]], &node)) continue;
    *out = g->table[at];
    return TL_OK;
  }
  if (g->count >= TL_MOST_NODES) return tl_fail(err, TL_DEFINITION, "the definition expands to more than %d nodes", TL_MOST_NODES);
  TL_TRY(tl_reserve(g->env, &g->nodes, &g->capacity, g->count + 1, sizeof *g->nodes, err));
  node.warmup = warmup_of(g, &node);
  node.outputs = node.kind == TL_NODE_OPERATOR ? tl__node_outputs(tl__operators[node.op], &node.params) : 1;
  *out = (int32_t)g->count;
  g->nodes[g->count++] = node;
  enter(g, *out);
  return TL_OK;
}
