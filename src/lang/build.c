#include "lang/build.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { MOST_EXPANSION = 300, MOST_STEPS = 2000000, MOST_NESTING = 4500 };

static tl_node *node_of(tl_builder *b, tl_edge e) { return &b->definition->graph.nodes[e.node]; }
static tl_type type_of(tl_builder *b, tl_edge e) { return node_of(b, e)->type; }

/* ---- names ---- */

const tl_symbol *tl__symbol_find(const tl_builder *b, const char *name) {
  for (size_t i = b->symbol_count; i-- > 0;)
    if (strcmp(b->symbols[i].name, name) == 0) return &b->symbols[i];
  return NULL;
}

const tl_def *tl__def_find(const tl_builder *b, const char *name) {
  for (size_t i = b->def_count; i-- > 0;)
    if (strcmp(b->defs[i].name, name) == 0) return &b->defs[i];
  return NULL;
}

/* ": did you mean X?" from symbols, or from what can be called. */
static tl_status unknown_name(tl_builder *b, const tl_tree *tree, bool call, tl_error *err) {
  enum { MOST = 2000 };
  const char *names[MOST];
  size_t count = 0;
  for (size_t i = 0; !call && i < b->symbol_count && count < MOST; i++) names[count++] = b->symbols[i].name;
  for (int i = 0; call && i < TL_OP_COUNT; i++)
    if (!tl__operators[i]->internal) names[count++] = tl__operators[i]->name;
  for (size_t i = 0; call && i < b->def_count && count < MOST; i++)
    if (b->defs[i].name[0] != '_') names[count++] = b->defs[i].name;
  const char *nearest = tl_nearest_name(tree->text, names, count);
  if (nearest == NULL && !call && (tl__operator_find(tree->text) >= 0 || tl__def_find(b, tree->text)))
    return tl__complain(err, tree->place, "%s is an operator; it needs its arguments in brackets", tree->text);
  return tl__complain(err, tree->place, "unknown %s \"%s\"%s%s%s", call ? "function" : "name", tree->text, nearest ? "; did you mean " : "",
                      nearest ? nearest : "", nearest ? "?" : "");
}

tl_status tl__column_series(tl_builder *b, int frame, int column, tl_type type, tl_value *out, tl_error *err) {
  tl_definition *d = b->definition;
  const tl_input *input = column == TL_ORDER_COLUMN ? NULL : &d->inputs[column];
  uint64_t identity = tl__identity_of_text("order", 0);
  for (int i = 0; input != NULL && i < input->column_count; i++) identity = tl__identity_of_text(input->columns[i], identity);
  if (input != NULL && input->picks > 0) identity = tl__identity_of_text("picks", identity);
  if (frame > 0 && d->sides[frame - 1].value) identity = tl__identity_of_text(d->sides[frame - 1].value, identity);
  tl_node node = {.kind = TL_NODE_COLUMN, .frame = frame, .type = type, .column = column, .identity = identity};
  *out = (tl_value){.type = TL_VALUE_SERIES, .series = type};
  TL_TRY(tl__graph_add(&d->graph, node, &out->edge.node, err));
  return TL_OK;
}

static bool is_time_type(const char *type) { return type != NULL && (strcmp(type, "date") == 0 || strcmp(type, "timestamp") == 0); }

static tl_type type_of_input(const tl_input *input) {
  if (input->type == NULL) return TL_NUMBER;
  return is_time_type(input->type) ? TL_TIME : strncmp(input->type, "bool", 4) == 0 ? TL_BOOLEAN : TL_NUMBER;
}

static tl_status named_value(tl_builder *b, const tl_tree *tree, tl_value *out, tl_error *err) {
  tl_definition *d = b->definition;
  int frame = TL_FRAME_MAIN;
  if (tree->side != NULL) {
    for (int i = 0; i < d->side_count; i++)
      if (strcmp(d->sides[i].name, tree->side) == 0) frame = i + 1;
    if (frame == TL_FRAME_MAIN) return tl__complain(err, tree->place, "unknown side \"%s\"; sides are declared by: side NAME from \"VALUE\"", tree->side);
  }
  const tl_symbol *symbol = tl__symbol_find(b, tree->text);
  if (symbol == NULL || (frame > 0 && symbol->type != TL_SYMBOL_INPUT && symbol->type != TL_SYMBOL_ORDER)) {
    if (frame > 0 && symbol != NULL) return tl__complain(err, tree->place, "%s is not an input; a side has the inputs only", tree->text);
    return unknown_name(b, tree, false, err);
  }
  switch (symbol->type) {
    case TL_SYMBOL_VALUE: *out = symbol->value; return TL_OK;
    case TL_SYMBOL_LABEL: return tl__complain(err, tree->place, "%s is a label: it looks ahead, so nothing may use it", tree->text);
    case TL_SYMBOL_ORDER: return tl__column_series(b, frame, TL_ORDER_COLUMN, TL_TIME, out, err);
    case TL_SYMBOL_INPUT: return tl__column_series(b, frame, symbol->input, type_of_input(&d->inputs[symbol->input]), out, err);
  }
  return TL_OK;
}

/* ---- series and frames ---- */

static tl_status constant_node(tl_builder *b, double value, tl_edge *out, tl_error *err) {
  tl_node node = {.kind = TL_NODE_CONSTANT, .frame = TL_FRAME_NONE, .type = TL_NUMBER, .constant = value};
  *out = (tl_edge){0};
  return tl__graph_add(&b->definition->graph, node, &out->node, err);
}

tl_status tl__as_series(tl_builder *b, tl_value *value, tl_error *err) {
  if (value->type != TL_VALUE_CONSTANT) return TL_OK;
  value->type = TL_VALUE_SERIES;
  value->series = TL_NUMBER;
  return constant_node(b, value->constant, &value->edge, err);
}

tl_status tl__to_main(tl_builder *b, tl_edge *edge, tl_error *err) {
  int frame = node_of(b, *edge)->frame;
  if (frame <= TL_FRAME_MAIN) return TL_OK;
  tl_node join = {.kind = TL_NODE_JOIN, .frame = TL_FRAME_MAIN, .type = type_of(b, *edge), .in = {*edge}, .inputs = 1};
  if (b->definition->sides[frame - 1].picked_by >= 0) {
    tl_value picks;
    TL_TRY(tl__column_series(b, TL_FRAME_MAIN, b->definition->sides[frame - 1].picked_by, TL_NUMBER, &picks, err));
    join.in[join.inputs++] = picks.edge;
  }
  *edge = (tl_edge){0};
  return tl__graph_add(&b->definition->graph, join, &edge->node, err);
}

tl_status tl__apply(tl_builder *b, int op, tl_params params, const tl_edge *in, int inputs, tl_value *out, tl_error *err) {
  const tl_operator *o = tl__operators[op];
  tl_node node = {.kind = TL_NODE_OPERATOR, .op = op, .inputs = inputs, .params = params, .frame = TL_FRAME_NONE};
  bool mixed = false;
  for (int i = 0; i < inputs; i++) {
    int frame = node_of(b, in[i])->frame;
    mixed |= node.frame != TL_FRAME_NONE && frame != TL_FRAME_NONE && frame != node.frame;
    if (frame != TL_FRAME_NONE) node.frame = frame;
  }
  if (mixed || node.frame == TL_FRAME_NONE) node.frame = TL_FRAME_MAIN;
  for (int i = 0; i < inputs; i++) {
    node.in[i] = in[i];
    if (node.frame == TL_FRAME_MAIN) TL_TRY(tl__to_main(b, &node.in[i], err));
  }
  node.type = o->result == TL_SAME ? type_of(b, in[o->args[0].type == TL_ARG_CONDITION]) : o->result;
  *out = (tl_value){.type = TL_VALUE_SERIES, .series = node.type};
  return tl__graph_add(&b->definition->graph, node, &out->edge.node, err);
}

static tl_status apply_named(tl_builder *b, const char *op, const tl_edge *in, int inputs, tl_value *out, tl_error *err) {
  return tl__apply(b, tl__operator_find(op), (tl_params){.n = 1, .min = 1}, in, inputs, out, err);
}

/* A time counts in seconds where a number is wanted. */
static tl_status as_number(tl_builder *b, tl_value *v, tl_error *err) {
  TL_TRY(tl__as_series(b, v, err));
  return v->series == TL_TIME ? apply_named(b, "seconds", &v->edge, 1, v, err) : TL_OK;
}

/* ---- calls of operators ---- */

typedef struct call {
  const tl_tree *tree;
  const tl_operator *op;
  tl_params params;
  tl_edge series[TL_MAX_INPUTS];
  int series_count;
  uint32_t given;
  const tl_tree *more[64]; /* further series of a variadic call */
  int more_count;
} call;

static const char *type_name(tl_type type) { return type == TL_BOOLEAN ? "a condition" : type == TL_TIME ? "a time" : "numbers"; }

static void set_slot(tl_params *p, tl_slot slot, double value) {
  switch (slot) {
    case TL_SLOT_N: p->n = (int64_t)value; break;
    case TL_SLOT_MIN: p->min = (int64_t)value; break;
    case TL_SLOT_A0: p->a[0] = value; break;
    case TL_SLOT_A1: p->a[1] = value; break;
    case TL_SLOT_A2: p->a[2] = value; break;
    case TL_SLOT_MODE: p->mode = (int32_t)value; break;
  }
}

static tl_status read_word(const tl_tree *tree, const tl_arg *arg, double *out, tl_error *err) {
  int index = 0;
  size_t size = tree->type == TL_TREE_NAME && tree->side == NULL ? strlen(tree->text) : 0;
  for (const char *word = arg->words; *word; index++) {
    size_t length = strcspn(word, " ");
    if (size == length && memcmp(word, tree->text, size) == 0) {
      *out = index;
      return TL_OK;
    }
    word += length + (word[length] == ' ');
  }
  return tl__complain(err, tree->place, "%s: expected one of %s", arg->name, arg->words);
}

/* A window of time, where the operator has one. */
static tl_status read_span(call *c, const tl_tree *tree, const tl_arg *arg, double seconds, double *out, tl_error *err) {
  bool folds = c->op->via != NULL || c->op->kind == TL_FOLD || c->op->kind == TL_VIEW;
  if (arg->type != TL_ARG_WINDOW || arg->slot != TL_SLOT_N || !folds)
    return tl__complain(err, tree->place, "%s of %s counts rows; it cannot be a duration", arg->name, c->op->name);
  if (!(seconds > 0) || seconds > 9e9) return tl__complain(err, tree->place, "%s must be a duration above 0 and of less than 285 years", arg->name);
  c->params.span = (int64_t)(seconds * 1e9 + 0.5);
  *out = (double)TL_SPAN_ROWS;
  return TL_OK;
}

static tl_status read_constant(tl_builder *b, call *c, const tl_tree *tree, const tl_arg *arg, double *out, tl_error *err) {
  tl_value v;
  TL_TRY(tl__build(b, tree, &v, err));
  if (v.type == TL_VALUE_DURATION) return read_span(c, tree, arg, v.constant, out, err);
  if (v.type != TL_VALUE_CONSTANT) return tl__complain(err, tree->place, "%s must be known before the run: a number or a param", arg->name);
  *out = v.constant;
  if (arg->type == TL_ARG_CONSTANT) {
    if (arg->low < arg->high && !(v.constant >= arg->low && v.constant <= arg->high))
      return tl__complain(err, tree->place, "%s is %g; it must be within %g .. %g", arg->name, v.constant, arg->low, arg->high);
    return TL_OK;
  }
  double least = arg->type == TL_ARG_WINDOW && arg->slot == TL_SLOT_N ? 1 : 0;
  if (v.constant != floor(v.constant)) return tl__complain(err, tree->place, "%s must be a whole number of rows, not %g", arg->name, v.constant);
  if (v.constant < least && arg->type == TL_ARG_STEPS) return tl__complain(err, tree->place, "%s is negative: that would look ahead", arg->name);
  if (v.constant < least) return tl__complain(err, tree->place, "%s must be at least %g, not %g", arg->name, least, v.constant);
  if (v.constant > 2147483648.0) return tl__complain(err, tree->place, "%s is %g; at most 2^31 rows", arg->name, v.constant);
  return TL_OK;
}

static tl_status read_series(tl_builder *b, const tl_tree *tree, const tl_arg *arg, tl_edge *out, tl_error *err) {
  tl_value v;
  tl_definition *d = b->definition;
  const tl_symbol *symbol = tree->type == TL_TREE_NAME ? tl__symbol_find(b, tree->text) : NULL;
  if (tree->type == TL_TREE_TEXT) return tl__complain(err, tree->place, "a text is no series");
  if (arg->type == TL_ARG_TIME && symbol != NULL && symbol->type == TL_SYMBOL_INPUT) {
    int frame = 0;
    for (int i = 0; tree->side && i < d->side_count; i++)
      if (strcmp(d->sides[i].name, tree->side) == 0) frame = i + 1;
    TL_TRY(tl__column_series(b, frame, symbol->input, TL_TIME, &v, err));
  } else {
    TL_TRY(tl__build(b, tree, &v, err));
  }
  if (v.type == TL_VALUE_DURATION) return tl__complain(err, tree->place, "a duration is no series");
  TL_TRY(tl__as_series(b, &v, err));
  if (arg->type == TL_ARG_CONDITION && v.series != TL_BOOLEAN)
    return tl__complain(err, tree->place, "expected a condition here, found %s", type_name(v.series));
  if (arg->type == TL_ARG_TIME && v.series != TL_TIME) return tl__complain(err, tree->place, "expected a time here, found %s", type_name(v.series));
  if (arg->type == TL_ARG_SERIES || arg->type == TL_ARG_MORE || arg->type == TL_ARG_COUNTED) {
    bool boolean = v.series == TL_BOOLEAN;
    TL_TRY(as_number(b, &v, err));
    if (arg->type == TL_ARG_COUNTED && boolean) {
      tl_edge in[3] = {v.edge, v.edge};
      TL_TRY(constant_node(b, NAN, &in[2], err));
      TL_TRY(apply_named(b, "if", in, 3, &v, err));
    }
  }
  *out = v.edge;
  return TL_OK;
}

static tl_status read_argument(tl_builder *b, call *c, int index, const tl_tree *tree, tl_error *err) {
  const tl_arg *arg = &c->op->args[index];
  double value = 0;
  c->given |= 1u << index;
  switch (arg->type) {
    case TL_ARG_WORD: TL_TRY(read_word(tree, arg, &value, err)); break;
    case TL_ARG_WINDOW:
    case TL_ARG_STEPS:
    case TL_ARG_CONSTANT: TL_TRY(read_constant(b, c, tree, arg, &value, err)); break;
    default: return read_series(b, tree, arg, &c->series[c->series_count++], err);
  }
  set_slot(&c->params, arg->slot, value);
  return TL_OK;
}

static void signature(const tl_operator *op, char *out, size_t room) {
  size_t used = (size_t)snprintf(out, room, "%s(", op->name);
  for (const tl_arg *a = op->args; a < op->args + TL_MAX_ARGS && a->type != TL_ARG_END && used < room; a++) {
    used += (size_t)snprintf(out + used, room - used, "%s%s%s", a > op->args ? ", " : "", a->name, a->named ? ":" : a->type == TL_ARG_MORE ? ", ..." : "");
  }
  if (used < room) snprintf(out + used, room - used, ")");
}

static tl_status wrong_count(const call *c, tl_error *err) {
  char text[300], hint[80] = "";
  signature(c->op, text, sizeof text);
  bool extreme = strcmp(c->op->name, "min") == 0 || strcmp(c->op->name, "max") == 0;
  if (extreme) snprintf(hint, sizeof hint, "; of several columns: %s", c->op->name[1] == 'i' ? "least(a, b)" : "greatest(a, b)");
  return tl__complain(err, c->tree->place, "wrong arguments: expected %s%s", text, hint);
}

/* Positional arguments in order, then the named ones. */
static tl_status read_arguments(tl_builder *b, call *c, tl_error *err) {
  const tl_operator *op = c->op;
  int position = 0, count = 0;
  while (count < TL_MAX_ARGS && op->args[count].type != TL_ARG_END) count++;
  for (const tl_tree *t = c->tree->children; t != NULL; t = t->next) {
    int index = -1;
    if (t->option == NULL) {
      while (position < count && op->args[position].named) position++;
      if (position < count) index = position;
      if (index >= 0 && op->args[index].type != TL_ARG_MORE) position++;
      if (index < 0) return wrong_count(c, err);
    } else {
      for (int i = 0; i < count; i++)
        if (strcmp(op->args[i].name, t->option) == 0 && op->args[i].type >= TL_ARG_WINDOW) index = i;
      if (index < 0) return tl__complain(err, t->place, "%s has no option %s:", op->name, t->option);
      if (c->given & (1u << index)) return tl__complain(err, t->place, "%s is given twice", t->option);
    }
    const tl_arg *arg = &op->args[index];
    if (arg->type == TL_ARG_MORE && c->series_count == 2) {
      if (c->more_count == 62) return tl__complain(err, t->place, "%s takes at most 64 arguments", op->name);
      c->more[c->more_count++] = t;
      continue;
    }
    /* max(high, low): the second column is where the window should be */
    if (arg->type == TL_ARG_WINDOW && arg->slot == TL_SLOT_N && t->type == TL_TREE_NAME) {
      const tl_symbol *s = tl__symbol_find(b, t->text);
      if (s != NULL && (s->type == TL_SYMBOL_INPUT || (s->type == TL_SYMBOL_VALUE && s->value.type == TL_VALUE_SERIES)) &&
          (strcmp(op->name, "min") == 0 || strcmp(op->name, "max") == 0))
        return wrong_count(c, err);
    }
    TL_TRY(read_argument(b, c, index, t, err));
  }
  for (int i = 0; i < count; i++) {
    if (c->given & (1u << i)) continue;
    if (!op->args[i].optional) return wrong_count(c, err);
    if (!isnan(op->args[i].value)) set_slot(&c->params, op->args[i].slot, op->args[i].value);
  }
  return TL_OK;
}

static bool has_slot(const call *c, tl_slot slot, bool only_given) {
  for (int i = 0; i < TL_MAX_ARGS && c->op->args[i].type != TL_ARG_END; i++)
    if (c->op->args[i].type >= TL_ARG_WINDOW && c->op->args[i].slot == slot && (!only_given || (c->given & (1u << i)))) return true;
  return false;
}

/* `first(x, each: year)`: a scan over the period's number. */
static tl_status build_each(tl_builder *b, call *c, tl_value *out, tl_error *err) {
  if (has_slot(c, TL_SLOT_N, true) || has_slot(c, TL_SLOT_MIN, true)) return tl__complain(err, c->tree->place, "%s takes n or each:, not both", c->op->name);
  int frame = node_of(b, c->series[0])->frame;
  tl_value order, period;
  TL_TRY(tl__column_series(b, frame < 0 ? 0 : frame, TL_ORDER_COLUMN, TL_TIME, &order, err));
  tl_params mode = {.n = 1, .min = 1, .mode = c->params.mode};
  TL_TRY(tl__apply(b, tl__operator_find("period"), mode, &order.edge, 1, &period, err));
  tl_edge in[2] = {c->series[0], period.edge};
  return apply_named(b, c->op->each, in, 2, out, err);
}

/* A window of time reads the order key, too, behind its series. */
static tl_status add_order(tl_builder *b, call *c, tl_error *err) {
  int frame = TL_FRAME_NONE;
  tl_value order;
  if (c->params.span == 0) return TL_OK;
  for (int i = 0; i < c->series_count; i++)
    if (node_of(b, c->series[i])->frame > frame) frame = node_of(b, c->series[i])->frame;
  TL_TRY(tl__column_series(b, frame < 0 ? 0 : frame, TL_ORDER_COLUMN, TL_TIME, &order, err));
  c->series[c->series_count] = order.edge;
  return TL_OK;
}

/* The fold first, then the operator that lowers it. */
static tl_status build_lowered(tl_builder *b, call *c, tl_value *out, tl_error *err) {
  tl_params fold = {.n = c->params.n, .min = c->params.min, .span = c->params.span};
  tl_value folded;
  TL_TRY(tl__apply(b, tl__operator_find(c->op->via), fold, c->series, c->series_count + (c->params.span > 0), &folded, err));
  if (c->op->plain) {
    *out = (tl_value){.type = TL_VALUE_SERIES, .series = TL_NUMBER, .edge = {folded.edge.node, c->op->takes[0] - '0'}};
    return TL_OK;
  }
  tl_edge in[TL_MAX_INPUTS];
  int count = 0;
  int outputs = node_of(b, folded.edge)->outputs, count_output = tl__operators[tl__operator_find(c->op->via)]->outputs;
  if (count_output == 0) count_output = 1;
  for (const char *take = c->op->takes; *take; take++) {
    if (*take == 'x')
      in[count++] = c->series[0];
    else if (*take != 'c')
      in[count++] = (tl_edge){folded.edge.node, *take - '0'};
    else if (outputs > count_output)
      in[count++] = (tl_edge){folded.edge.node, count_output};
  }
  c->params.span = 0; /* that was the fold's */
  return tl__apply(b, tl__operator_find(c->op->name), c->params, in, count, out, err);
}

static tl_status check_branches(const call *c, tl_builder *b, tl_error *err) {
  if (c->op->result != TL_SAME || c->op->args[0].type != TL_ARG_CONDITION) return TL_OK;
  tl_type a = type_of(b, c->series[1]), other = type_of(b, c->series[2]);
  bool missing = node_of(b, c->series[1])->kind == TL_NODE_CONSTANT || node_of(b, c->series[2])->kind == TL_NODE_CONSTANT;
  if (a == other || (missing && a != TL_TIME && other != TL_TIME)) return TL_OK;
  return tl__complain(err, c->tree->place, "the branches of if differ: %s and %s", type_name(a), type_name(other));
}

static tl_status build_operator(tl_builder *b, const tl_tree *tree, int index, tl_value *out, tl_error *err) {
  call c = {.tree = tree, .op = tl__operators[index], .params = {.n = 1, .min = -1}};
  if (strcmp(c.op->name, "lead") == 0 && !b->in_label) return tl__complain(err, tree->place, "lead looks ahead: a feature cannot; only a label may");
  TL_TRY(read_arguments(b, &c, err));
  if (!has_slot(&c, TL_SLOT_MIN, true)) c.params.min = c.op->min_is_zero ? 0 : c.params.span > 0 ? 1 : c.params.n;
  if (c.params.min > c.params.n)
    return tl__complain(err, tree->place, "min: is %lld, more than the %lld rows of the window", (long long)c.params.min, (long long)c.params.n);
  if (c.op->prepare != NULL && c.op->prepare(&c.params, c.given, err) != TL_OK) {
    char text[300];
    snprintf(text, sizeof text, "%.250s", err ? err->text : "wrong arguments");
    return tl__complain(err, tree->place, "%s", text);
  }
  TL_TRY(check_branches(&c, b, err));
  if (c.op->each != NULL && c.params.mode >= 0) return build_each(b, &c, out, err);
  if (c.op->each != NULL && !has_slot(&c, TL_SLOT_N, true)) return wrong_count(&c, err);
  c.params.mode = c.op->each != NULL ? 0 : c.params.mode;
  TL_TRY(add_order(b, &c, err));
  if (c.op->via != NULL) return build_lowered(b, &c, out, err);
  TL_TRY(tl__apply(b, index, c.params, c.series, c.series_count + (c.params.span > 0), out, err));
  for (int i = 0; i < c.more_count; i++) {
    tl_edge in[2] = {out->edge};
    TL_TRY(read_series(b, c.more[i], &c.op->args[1], &in[1], err));
    TL_TRY(tl__apply(b, index, c.params, in, 2, out, err));
  }
  return TL_OK;
}

/* ---- signs, defs, here ---- */

static bool fold_constants(const char *name, double x, double y, double *out) {
  static const char *const names[] = {"add", "sub", "mul", "div", "neg"};
  double values[] = {x + y, x - y, x * y, x / y, -x};
  for (size_t i = 0; i < 5; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    *out = isfinite(values[i]) ? values[i] : NAN;
    return true;
  }
  return false;
}

/* A quotient by a power of two is the product with its reciprocal, bit for bit, and a product takes a fraction of the time. */
static int product_for(int op, tl_value *divisor) {
  int exponent;
  bool divides = strcmp(tl__operators[op]->name, "div") == 0 && divisor->type == TL_VALUE_CONSTANT && isfinite(divisor->constant);
  if (!divides || fabs(frexp(divisor->constant, &exponent)) != 0.5 || abs(exponent) > 1000) return op;
  divisor->constant = 1 / divisor->constant;
  return tl__operator_find("mul");
}

static tl_status build_sign(tl_builder *b, const tl_tree *tree, tl_value *out, tl_error *err) {
  tl_value v[2];
  const tl_tree *operands[2] = {tree->children, tree->children->next};
  int count = operands[1] != NULL ? 2 : 1, op = tl__operator_find(tree->text);
  bool constant = true;
  for (int i = 0; i < count; i++) {
    TL_TRY(tl__build(b, operands[i], &v[i], err));
    if (v[i].type == TL_VALUE_DURATION) return tl__complain(err, operands[i]->place, "durations only stand where a window does");
    constant &= v[i].type == TL_VALUE_CONSTANT;
  }
  *out = (tl_value){.type = TL_VALUE_CONSTANT};
  if (constant && fold_constants(tree->text, v[0].constant, count == 2 ? v[1].constant : 0, &out->constant)) return TL_OK;
  tl_edge in[2];
  if (count == 2) op = product_for(op, &v[1]);
  bool wants_condition = tl__operators[op]->args[0].type == TL_ARG_CONDITION;
  for (int i = 0; i < count; i++) {
    TL_TRY(tl__as_series(b, &v[i], err));
    if (wants_condition && v[i].series != TL_BOOLEAN)
      return tl__complain(err, operands[i]->place, "%s needs conditions, found %s; write a comparison such as x > 0", tree->text, type_name(v[i].series));
    if (!wants_condition) TL_TRY(as_number(b, &v[i], err));
    in[i] = v[i].edge;
  }
  return tl__apply(b, op, (tl_params){.n = 1, .min = 1}, in, count, out, err);
}

/* A def's arguments are worked out where it is called, then named for the length of its expression. */
static tl_status expand(tl_builder *b, const tl_tree *tree, const tl_def *def, tl_value *out, tl_error *err) {
  enum { MOST = 16 };
  const tl_statement *s = def->statement;
  const tl_tree *given[MOST] = {0};
  int count = 0, position = 0;
  for (const tl_word *w = s->words; w != NULL; w = w->next) count++;
  for (const tl_tree *t = tree->children; t != NULL; t = t->next) {
    int index = t->option ? -1 : position++, i = 0;
    for (const tl_word *w = s->words; t->option && w != NULL; w = w->next, i++)
      if (strcmp(w->text, t->option) == 0) index = i;
    if (index < 0) return tl__complain(err, t->place, "%s has no argument %s", s->name, t->option);
    if (index >= count) return tl__complain(err, tree->place, "%s takes %d argument%s", s->name, count, count == 1 ? "" : "s");
    if (given[index] != NULL) return tl__complain(err, t->place, "this argument is given twice");
    given[index] = t;
  }
  if (++b->depth > MOST_EXPANSION) return tl__complain(err, tree->place, "definitions are nested more than %d deep", MOST_EXPANSION);
  tl_value values[MOST];
  int i = 0;
  for (const tl_word *w = s->words; w != NULL; w = w->next, i++) {
    const tl_tree *t = given[i] ? given[i] : s->defaults[i];
    if (t == NULL) return tl__complain(err, tree->place, "%s: the argument %s is missing", s->name, w->text);
    TL_TRY(tl__build(b, t, &values[i], err));
  }
  size_t outer = b->symbol_count;
  TL_TRY(tl_reserve(b->definition->env, &b->symbols, &b->symbol_capacity, outer + (size_t)count, sizeof *b->symbols, err));
  i = 0;
  for (const tl_word *w = s->words; w != NULL; w = w->next, i++)
    b->symbols[b->symbol_count++] = (tl_symbol){.name = w->text, .type = TL_SYMBOL_VALUE, .value = values[i]};
  TL_TRY(tl__build(b, s->tree, out, err));
  b->symbol_count = outer;
  b->depth--;
  return TL_OK;
}

static tl_status build_here(tl_builder *b, const tl_tree *tree, tl_value *out, tl_error *err) {
  if (tree->children == NULL || tree->children->next != NULL) return tl__complain(err, tree->place, "expected here(side.x)");
  TL_TRY(tl__build(b, tree->children, out, err));
  if (out->type != TL_VALUE_SERIES || node_of(b, out->edge)->frame <= TL_FRAME_MAIN)
    return tl__complain(err, tree->children->place, "here takes a series of a side, such as spy.close");
  return tl__to_main(b, &out->edge, err);
}

static tl_status build_call(tl_builder *b, const tl_tree *tree, tl_value *out, tl_error *err) {
  if (tree->sign) return build_sign(b, tree, out, err);
  if (strcmp(tree->text, "here") == 0) return build_here(b, tree, out, err);
  const tl_def *def = tl__def_find(b, tree->text);
  if (def != NULL) return expand(b, tree, def, out, err);
  int op = tl__operator_find(tree->text);
  if (op < 0 || tl__operators[op]->internal) return unknown_name(b, tree, true, err);
  return build_operator(b, tree, op, out, err);
}

/* What one call may take of the stack, in signs of a chain: calls of operators and defs hold about three times as much. */
static int stack_share(const tl_tree *tree) { return tree->sign ? 1 : 3; }

tl_status tl__build(tl_builder *b, const tl_tree *tree, tl_value *out, tl_error *err) {
  if (++b->steps > MOST_STEPS) return tl__complain(err, tree->place, "the definition expands to more than %d expressions", MOST_STEPS);
  switch (tree->type) {
    case TL_TREE_NUMBER: *out = (tl_value){.type = TL_VALUE_CONSTANT, .constant = tree->value}; return TL_OK;
    case TL_TREE_DURATION: *out = (tl_value){.type = TL_VALUE_DURATION, .constant = tree->value}; return TL_OK;
    case TL_TREE_TEXT: return tl__complain(err, tree->place, "a text cannot stand in an expression");
    case TL_TREE_NAME:
      if (strcmp(tree->text, "na") == 0 && tree->side == NULL) {
        *out = (tl_value){.type = TL_VALUE_CONSTANT, .constant = NAN};
        return TL_OK;
      }
      return named_value(b, tree, out, err);
    case TL_TREE_CALL: break;
  }
  b->nesting += stack_share(tree);
  if (b->nesting > MOST_NESTING) return tl__complain(err, tree->place, "expressions are nested too deep");
  TL_TRY(build_call(b, tree, out, err));
  b->nesting -= stack_share(tree);
  return TL_OK;
}
