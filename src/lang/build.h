/* Expressions to nodes: names looked up, calls checked against the operator table, frames joined. */
#ifndef TL_LANG_BUILD_H
#define TL_LANG_BUILD_H

#include "lang/definition.h"

/* What an expression is worth: a constant until something needs it as a series. */
typedef enum tl_value_type { TL_VALUE_CONSTANT, TL_VALUE_DURATION, TL_VALUE_SERIES } tl_value_type;
typedef struct tl_value {
  tl_value_type type;
  double constant;
  tl_edge edge;
  tl_type series; /* TL_NUMBER, TL_BOOLEAN or TL_TIME */
} tl_value;

typedef enum tl_symbol_type { TL_SYMBOL_VALUE, TL_SYMBOL_INPUT, TL_SYMBOL_ORDER, TL_SYMBOL_LABEL } tl_symbol_type;
typedef struct tl_symbol {
  const char *name;
  tl_symbol_type type;
  tl_value value;
  int input;
} tl_symbol;

typedef struct tl_def {
  const char *name;
  const tl_statement *statement;
  bool shipped;
} tl_def;

typedef struct tl_builder {
  tl_definition *definition;
  tl_symbol *symbols;
  size_t symbol_count, symbol_capacity;
  tl_def *defs;
  size_t def_count, def_capacity;
  int depth;
  int nesting;   /* expressions being evaluated inside each other: bounds the stack */
  int64_t steps; /* expressions evaluated: bounds doubling defs */
  bool in_label; /* lead may be used */
} tl_builder;

tl_status tl__build(tl_builder *builder, const tl_tree *tree, tl_value *out, tl_error *err) TL_MUST_CHECK;
/* The value as a series (a constant becomes a node). */
tl_status tl__as_series(tl_builder *builder, tl_value *value, tl_error *err) TL_MUST_CHECK;
/* An operator on series; inputs are brought to one frame. */
tl_status tl__apply(tl_builder *builder, int op, tl_params params, const tl_edge *in, int inputs, tl_value *out, tl_error *err) TL_MUST_CHECK;
/* A column of a frame as a series; TL_ORDER_COLUMN is the order key. */
tl_status tl__column_series(tl_builder *builder, int frame, int column, tl_type type, tl_value *out, tl_error *err) TL_MUST_CHECK;
tl_status tl__to_main(tl_builder *builder, tl_edge *edge, tl_error *err) TL_MUST_CHECK;
const tl_symbol *tl__symbol_find(const tl_builder *builder, const char *name);
const tl_def *tl__def_find(const tl_builder *builder, const char *name);

/* label.c: the value of a label at row t from nodes that see no row after t + delay. */
tl_status tl__delay_label(tl_builder *builder, tl_edge *edge, int64_t *delay, tl_error *err) TL_MUST_CHECK;

#endif
