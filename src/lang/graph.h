/* The typed graph of a definition. Equal expressions are one node: a node is found again by what it computes.

   Every node belongs to a frame: 0 is the main stream's rows, 1.. the rows of a side's own calendar. A JOIN node brings a side's
   node to the main rows, as of the order key. Constants belong to no frame. Nodes are in topological order. */
#ifndef TL_LANG_GRAPH_H
#define TL_LANG_GRAPH_H

#include "base/arena.h"
#include "op/table.h"

enum { TL_FRAME_NONE = -1, TL_FRAME_MAIN = 0, TL_MOST_SIDES = 16, TL_MOST_NODES = 100000 };
enum { TL_ORDER_COLUMN = -1 };    /* the order key as a column */
enum { TL_NUMERICS_VERSION = 2 }; /* part of every identity: raised when any value of any operator changes */

typedef enum tl_node_kind { TL_NODE_COLUMN, TL_NODE_CONSTANT, TL_NODE_JOIN, TL_NODE_OPERATOR } tl_node_kind;

typedef struct tl_edge {
  int32_t node;
  int32_t output; /* which of the node's outputs */
} tl_edge;

typedef struct tl_node {
  tl_node_kind kind;
  int32_t frame;
  tl_type type;
  int32_t op;                /* of OPERATOR */
  int32_t column;            /* of COLUMN: index of the input, or TL_ORDER_COLUMN */
  double constant;           /* of CONSTANT */
  tl_edge in[TL_MAX_INPUTS]; /* JOIN: in[0] lies in the side's frame; in[1], if any, picks the side's stream */
  int32_t inputs, outputs;
  tl_params params;
  uint64_t identity;
  int64_t warmup; /* rows of its own frame before its first value */
} tl_node;

typedef struct tl_graph {
  tl_env *env;
  tl_node *nodes;
  size_t count, capacity;
  int32_t *table; /* open addressing over identities; -1 is empty */
  size_t table_size;
} tl_graph;

/* The first of a node's inputs that lies in its own frame. */
static inline int tl_node_first_input(const tl_node *node) { return node->kind == TL_NODE_JOIN ? 1 : 0; }
/* Rows before a row that the node looks at: of its windows and lags, not of recursions. */
int64_t tl_node_reach(const tl_node *node);
void tl_graph_free(tl_graph *graph);
/* Adds the node, or finds the equal one. Fills identity, warm-up and outputs. */
tl_status tl__graph_add(tl_graph *graph, tl_node node, int32_t *out, tl_error *err) TL_MUST_CHECK;
/* Input identities name columns by their text, so they are given from outside: a hash per (frame, column). */
uint64_t tl__identity_of_text(const char *text, uint64_t seed);

#endif
