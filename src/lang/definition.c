/* Statements to a definition, one after the other: names are defined before use. */
#include "lang/definition.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "lang/build.h"
#include "sys/sys.h"

enum { MOST_USES = 64, MOST_OUTPUTS = 20000 };

typedef struct compiler {
  tl_builder builder;
  tl_definition *d;
  const tl_param_setting *settings;
  size_t setting_count;
  bool *setting_used;
  size_t output_capacity, input_capacity, packed_capacity;
  const char *used[MOST_USES];
  int use_count;
  int use_depth;
} compiler;

static tl_status statements(compiler *c, const tl_source *source, bool shipped, tl_error *err);

static tl_status add_symbol(compiler *c, tl_place place, tl_symbol symbol, tl_error *err) {
  tl_builder *b = &c->builder;
  if (tl__symbol_find(b, symbol.name) != NULL) return tl__complain(err, place, "%s is defined already", symbol.name);
  TL_TRY(tl_reserve(c->d->env, &b->symbols, &b->symbol_capacity, b->symbol_count + 1, sizeof *b->symbols, err));
  b->symbols[b->symbol_count++] = symbol;
  return TL_OK;
}

/* ---- stream, input, side, param ---- */

static tl_status do_stream(compiler *c, const tl_statement *s, tl_error *err) {
  tl_definition *d = c->d;
  if (c->use_depth > 0) return TL_OK; /* a used file's stream is its own business */
  if (d->key_count > 0) return tl__complain(err, s->place, "stream is said once");
  for (const tl_word *w = s->words; w != NULL; w = w->next) {
    if (d->key_count == TL_MOST_KEYS) return tl__complain(err, w->place, "at most %d keys", TL_MOST_KEYS);
    for (int i = 0; i < d->key_count; i++)
      if (strcmp(d->keys[i], w->text) == 0) return tl__complain(err, w->place, "the key %s is named twice", w->text);
    d->keys[d->key_count++] = w->text;
  }
  for (int i = 0; i < d->key_count; i++)
    if (strcmp(d->keys[i], s->name) == 0) return tl__complain(err, s->place, "%s cannot be key and order key", s->name);
  d->order = s->name;
  d->ties = s->flag;
  return add_symbol(c, s->place, (tl_symbol){.name = s->name, .type = TL_SYMBOL_ORDER}, err);
}

static tl_status do_input(compiler *c, const tl_statement *s, tl_error *err) {
  static const char *const types[] = {"double", "float", "int", "bool", "boolean", "date", "timestamp", "number"};
  tl_definition *d = c->d;
  if (c->use_depth > 0 && tl__symbol_find(&c->builder, s->name) != NULL) return TL_OK;
  if (d->input_count >= TL_MOST_INPUTS) return tl__complain(err, s->place, "at most %d inputs", TL_MOST_INPUTS);
  bool known = s->value == NULL;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) known |= s->value != NULL && strcmp(s->value, types[i]) == 0;
  if (!known) return tl__complain(err, s->place, "unknown type %s; expected double, float, int, bool, date or timestamp", s->value);
  TL_TRY(tl_reserve(d->env, &d->inputs, &c->input_capacity, d->input_count + 1, sizeof *d->inputs, err));
  tl_input input = {.name = s->name, .type = s->value, .optional = s->flag};
  for (const tl_word *w = s->words; w != NULL; w = w->next) {
    if (input.column_count == TL_MOST_ALTERNATIVES) return tl__complain(err, w->place, "at most %d alternatives", TL_MOST_ALTERNATIVES);
    input.columns[input.column_count++] = w->text;
  }
  if (input.column_count == 0) input.columns[input.column_count++] = s->name;
  d->inputs[d->input_count] = input;
  return add_symbol(c, s->place, (tl_symbol){.name = s->name, .type = TL_SYMBOL_INPUT, .input = (int)d->input_count++}, err);
}

/* `on COLUMN`: an input without a symbol, which nothing but the side's joins reads. */
static tl_status pick_by(compiler *c, const tl_statement *s, tl_side *side, tl_error *err) {
  tl_definition *d = c->d;
  if (s->value != NULL)
    return tl__complain(err, s->place, "a side is one stream, from \"%s\", or has one for each value of a column: from dataset on COLUMN", s->value);
  if (s->words->next != NULL) return tl__complain(err, s->words->next->place, "one column picks the stream of a side in this version");
  if (d->key_count != 1) return tl__complain(err, s->place, "a column picks among streams of one key; these have %d", d->key_count);
  if (d->input_count >= TL_MOST_INPUTS) return tl__complain(err, s->place, "at most %d inputs", TL_MOST_INPUTS);
  TL_TRY(tl_reserve(d->env, &d->inputs, &c->input_capacity, d->input_count + 1, sizeof *d->inputs, err));
  side->picked_by = (int32_t)d->input_count;
  d->inputs[d->input_count++] = (tl_input){.name = s->words->text, .columns = {s->words->text}, .column_count = 1, .picks = d->side_count};
  return TL_OK;
}

static tl_status do_side(compiler *c, const tl_statement *s, tl_error *err) {
  tl_definition *d = c->d;
  if (d->side_count == TL_MOST_SIDES) return tl__complain(err, s->place, "at most %d sides", TL_MOST_SIDES);
  for (int i = 0; i < d->side_count; i++)
    if (strcmp(d->sides[i].name, s->name) == 0) return tl__complain(err, s->place, "the side %s is declared already", s->name);
  d->sides[d->side_count++] = (tl_side){.name = s->name, .value = s->value, .within = s->within, .before = s->flag, .picked_by = -1};
  return s->words != NULL ? pick_by(c, s, &d->sides[d->side_count - 1], err) : TL_OK;
}

static tl_status check_choice(const tl_statement *s, double value, tl_error *err) {
  bool found = s->choice_count == 0;
  for (int i = 0; i < s->choice_count; i++) found |= s->choices[i] == value;
  if (!found) return tl__complain(err, s->place, "%s = %g is none of its choices", s->name, value);
  if (s->choice_count == 0 && !(value >= s->low && value <= s->high))
    return tl__complain(err, s->place, "%s = %g is outside %g..%g", s->name, value, s->low, s->high);
  return TL_OK;
}

static tl_status do_param(compiler *c, const tl_statement *s, tl_error *err) {
  tl_value value;
  TL_TRY(tl__build(&c->builder, s->tree, &value, err));
  if (value.type != TL_VALUE_CONSTANT || !isfinite(value.constant)) return tl__complain(err, s->place, "the default of %s must be a number", s->name);
  for (size_t i = 0; i < c->setting_count; i++) {
    if (strcmp(c->settings[i].name, s->name) != 0) continue;
    value.constant = c->settings[i].value;
    c->setting_used[i] = true;
    tl_error why;
    if (check_choice(s, value.constant, &why) != TL_OK) return tl_fail(err, TL_USAGE, "--param %s=%g: %s", s->name, value.constant, why.text);
  }
  TL_TRY(check_choice(s, value.constant, err));
  return add_symbol(c, s->place, (tl_symbol){.name = s->name, .type = TL_SYMBOL_VALUE, .value = value}, err);
}

/* ---- let, feature, label, def, use, check ---- */

static tl_status do_let(compiler *c, const tl_statement *s, tl_error *err) {
  tl_value value;
  TL_TRY(tl__build(&c->builder, s->tree, &value, err));
  return add_symbol(c, s->place, (tl_symbol){.name = s->name, .type = TL_SYMBOL_VALUE, .value = value}, err);
}

static tl_status add_output(compiler *c, const tl_statement *s, tl_output output, tl_error *err) {
  tl_definition *d = c->d;
  if (d->output_count >= MOST_OUTPUTS) return tl__complain(err, s->place, "at most %d features", MOST_OUTPUTS);
  for (int i = 0; i < d->key_count; i++)
    if (strcmp(d->keys[i], output.name) == 0) return tl__complain(err, s->place, "%s is a key already", output.name);
  TL_TRY(tl_reserve(d->env, &d->outputs, &c->output_capacity, d->output_count + 1, sizeof *d->outputs, err));
  d->outputs[d->output_count++] = output;
  return TL_OK;
}

static tl_status do_output(compiler *c, const tl_statement *s, tl_error *err) {
  tl_builder *b = &c->builder;
  tl_value value;
  tl_output output = {.name = s->name, .is_label = s->type == TL_STATEMENT_LABEL};
  b->in_label = output.is_label;
  TL_TRY(tl__build(b, s->tree, &value, err));
  b->in_label = false;
  if (value.type == TL_VALUE_DURATION) return tl__complain(err, s->place, "a duration is no series");
  TL_TRY(tl__as_series(b, &value, err));
  output.type = value.series;
  output.edge = value.edge;
  TL_TRY(tl__to_main(b, &output.edge, err));
  if (output.is_label) TL_TRY(tl__delay_label(b, &output.edge, &output.delay, err));
  tl_symbol symbol = {.name = s->name, .type = output.is_label ? TL_SYMBOL_LABEL : TL_SYMBOL_VALUE, .value = value};
  TL_TRY(add_symbol(c, s->place, symbol, err));
  if (c->use_depth > 0) return TL_OK; /* a used file's features are private */
  return add_output(c, s, output, err);
}

/* ---- packs and strategies ---- */

/* A definition is of one kind. */
static tl_status is_of_kind(compiler *c, const tl_statement *s, tl_definition_kind kind, tl_error *err) {
  if (c->use_depth > 0) return tl__complain(err, s->place, "a file that is used defines expressions; what is done with them is said by the one that uses it");
  if (c->d->kind != TL_DEFINES_FEATURES && c->d->kind != kind) return tl__complain(err, s->place, "a definition packs files or trades, not both");
  c->d->kind = kind;
  return TL_OK;
}

static tl_status add_packed(compiler *c, const tl_statement *s, tl_packed_column column, tl_error *err) {
  tl_definition *d = c->d;
  for (size_t i = 0; i < d->packed_count; i++)
    if (strcmp(d->packed[i].name, column.name) == 0) return tl__complain(err, s->place, "the column %s is named twice", column.name);
  for (int i = 0; i < d->key_count; i++)
    if (strcmp(d->keys[i], column.name) == 0) return tl__complain(err, s->place, "%s is a key already", column.name);
  if (strcmp(d->order, column.name) == 0) return tl__complain(err, s->place, "%s is the order key already", column.name);
  if (column.type != NULL && strcmp(column.type, "double") != 0 && strcmp(column.type, "int") != 0)
    return tl__complain(err, s->place, "unknown type %s; expected double or int", column.type);
  TL_TRY(tl_reserve(d->env, &d->packed, &c->packed_capacity, d->packed_count + 1, sizeof *d->packed, err));
  d->packed[d->packed_count++] = column;
  return TL_OK;
}

static tl_status do_carry(compiler *c, const tl_statement *s, tl_error *err) {
  TL_TRY(is_of_kind(c, s, TL_DEFINES_PACK, err));
  if (strcmp(s->name, "*") == 0) return c->d->packs_rest = true, TL_OK;
  if (s->value == NULL) return tl__complain(err, s->place, "a column that is named has a type: %s: double, or %s: int", s->name, s->name);
  return add_packed(c, s, (tl_packed_column){.name = s->name, .type = s->value, .optional = s->flag, .output = -1}, err);
}

/* A condition or a series without a name of its own. */
static tl_status add_unnamed(compiler *c, const tl_statement *s, const char *name, bool condition, int32_t *out, tl_error *err) {
  tl_value value;
  tl_output output = {.name = name};
  TL_TRY(tl__build(&c->builder, s->tree, &value, err));
  if (value.type == TL_VALUE_DURATION) return tl__complain(err, s->tree->place, "a duration is no series");
  TL_TRY(tl__as_series(&c->builder, &value, err));
  output.type = value.series;
  output.edge = value.edge;
  if (condition && output.type != TL_BOOLEAN) return tl__complain(err, s->tree->place, "expected a condition here");
  TL_TRY(tl__to_main(&c->builder, &output.edge, err));
  *out = (int32_t)c->d->output_count;
  return add_output(c, s, output, err);
}

static tl_status do_derive(compiler *c, const tl_statement *s, tl_error *err) {
  tl_packed_column column = {.name = s->name, .type = s->value != NULL ? s->value : "double", .optional = true};
  TL_TRY(is_of_kind(c, s, TL_DEFINES_PACK, err));
  TL_TRY(add_unnamed(c, s, s->name, false, &column.output, err));
  return add_packed(c, s, column, err);
}

static tl_status do_signal(compiler *c, const tl_statement *s, tl_error *err) {
  bool enter = s->type == TL_STATEMENT_ENTER;
  int32_t *output = enter ? &c->d->enter_long : &c->d->exit_long;
  TL_TRY(is_of_kind(c, s, TL_DEFINES_STRATEGY, err));
  if (*output >= 0) return tl__complain(err, s->place, "%s long is said once; join conditions with `or`", enter ? "enter" : "exit");
  return add_unnamed(c, s, enter ? "enter long" : "exit long", true, output, err);
}

static tl_status do_words(compiler *c, const tl_statement *s, tl_error *err) {
  tl_definition *d = c->d;
  const tl_word **place = s->type == TL_STATEMENT_SORT ? &d->sort : s->type == TL_STATEMENT_HOT ? &d->hot : &d->partition;
  if (c->use_depth > 0 && s->type == TL_STATEMENT_PARTITION) return TL_OK; /* a used file's output is its own business */
  if (s->type != TL_STATEMENT_PARTITION) TL_TRY(is_of_kind(c, s, TL_DEFINES_PACK, err));
  if (*place != NULL) return tl__complain(err, s->place, "that is said once");
  *place = s->words;
  return TL_OK;
}

static tl_status check_kind(tl_definition *d, tl_place end, tl_error *err) {
  const tl_word *p = d->partition;
  if (d->kind == TL_DEFINES_PACK && (d->sort == NULL || p == NULL)) return tl__complain(err, end, "a pack says what it sorts by and what it partitions by");
  if (d->kind == TL_DEFINES_STRATEGY && (d->enter_long < 0 || d->exit_long < 0))
    return tl__complain(err, end, "a strategy needs both: enter long when .., and exit long when ..");
  if (d->kind == TL_DEFINES_PACK || p == NULL) return TL_OK;
  if (p->next != NULL || strcmp(p->text, "date") != 0)
    return tl__complain(err, p->place, "features can be partitioned by date alone, the day of the order key; without the statement files are those of streams");
  d->by_date = true;
  return TL_OK;
}

static tl_status do_def(compiler *c, const tl_statement *s, bool shipped, tl_error *err) {
  tl_builder *b = &c->builder;
  const tl_def *known = tl__def_find(b, s->name);
  if (tl__operator_find(s->name) >= 0 || (known != NULL && known->shipped)) return tl__complain(err, s->place, "%s is an operator already", s->name);
  if (known != NULL) return tl__complain(err, s->place, "%s is defined already", s->name);
  TL_TRY(tl_reserve(c->d->env, &b->defs, &b->def_capacity, b->def_count + 1, sizeof *b->defs, err));
  b->defs[b->def_count++] = (tl_def){.name = s->name, .statement = s, .shipped = shipped};
  return TL_OK;
}

static tl_status do_use(compiler *c, const tl_statement *s, tl_error *err) {
  const char *path = s->name;
  const char *slash = strrchr(s->place.source->path, '/');
  if (path[0] != '/' && slash != NULL)
    TL_TRY(tl_arena_format(&c->d->arena, &path, err, "%.*s/%s", (int)(slash - s->place.source->path), s->place.source->path, s->name));
  for (int i = 0; i < c->use_count; i++)
    if (strcmp(c->used[i], path) == 0) return TL_OK;
  if (c->use_count == MOST_USES) return tl__complain(err, s->place, "at most %d files are used", MOST_USES);
  c->used[c->use_count++] = path;
  const tl_source *source;
  tl_status status = tl__source_open(&c->d->arena, path, &source, err);
  if (status == TL_NOT_FOUND) return tl__complain(err, s->place, "no file %s", path);
  TL_TRY(status);
  c->use_depth++;
  TL_TRY(statements(c, source, false, err));
  c->use_depth--;
  return TL_OK;
}

static tl_status do_check(compiler *c, const tl_statement *s, tl_error *err) {
  if (c->use_depth > 0) return TL_OK;
  for (size_t i = 0; i < c->d->output_count; i++) {
    if (strcmp(c->d->outputs[i].name, s->name) != 0) continue;
    tl_rule **end = &c->d->outputs[i].rules;
    while (*end != NULL) end = &(*end)->next;
    *end = s->rules;
    return TL_OK;
  }
  return tl__complain(err, s->place, "check names no feature: %s", s->name);
}

static tl_status one_statement(compiler *c, const tl_statement *s, bool shipped, tl_error *err) {
  if (c->d->key_count == 0 && s->type != TL_STATEMENT_STREAM && c->use_depth == 0 && !shipped)
    return tl__complain(err, s->place, "a definition begins with: stream by KEYS order by KEY");
  switch (s->type) {
    case TL_STATEMENT_STREAM: return do_stream(c, s, err);
    case TL_STATEMENT_INPUT: return do_input(c, s, err);
    case TL_STATEMENT_SIDE: return do_side(c, s, err);
    case TL_STATEMENT_PARTITION:
    case TL_STATEMENT_SORT:
    case TL_STATEMENT_HOT: return do_words(c, s, err);
    case TL_STATEMENT_RESET: return c->d->resets_daily |= c->use_depth == 0, TL_OK;
    case TL_STATEMENT_NAMES: return c->d->names_as = s->name, is_of_kind(c, s, TL_DEFINES_PACK, err);
    case TL_STATEMENT_CARRY: return do_carry(c, s, err);
    case TL_STATEMENT_DERIVE: return do_derive(c, s, err);
    case TL_STATEMENT_ENTER:
    case TL_STATEMENT_EXIT: return do_signal(c, s, err);
    case TL_STATEMENT_PARAM: return do_param(c, s, err);
    case TL_STATEMENT_LET: return do_let(c, s, err);
    case TL_STATEMENT_FEATURE:
    case TL_STATEMENT_LABEL: return do_output(c, s, err);
    case TL_STATEMENT_DEF: return do_def(c, s, shipped, err);
    case TL_STATEMENT_USE: return do_use(c, s, err);
    case TL_STATEMENT_CHECK: return do_check(c, s, err);
  }
  return TL_OK;
}

static tl_status statements(compiler *c, const tl_source *source, bool shipped, tl_error *err) {
  tl_statement *first;
  TL_TRY(tl__parse(&c->d->arena, source, &first, err));
  for (const tl_statement *s = first; s != NULL; s = s->next) {
    tl_status status = one_statement(c, s, shipped, err);
    if (status == TL_DEFINITION && err != NULL && strncmp(err->text, source->path, strlen(source->path)) != 0 && strchr(err->text, '\n') == NULL) {
      char text[300]; /* limits of the graph know no place: the statement's is near enough */
      snprintf(text, sizeof text, "%.250s", err->text);
      return tl__complain(err, s->place, "%s", text);
    }
    TL_TRY(status);
  }
  return TL_OK;
}

/* ---- whole ---- */

/* Features before labels, each in the order of the text. */
static tl_status order_outputs(tl_definition *d, tl_error *err) {
  if (d->output_count == 0) return TL_OK;
  tl_output *sorted;
  TL_TRY(tl_allocate(d->env, &sorted, d->output_count, sizeof *sorted, err));
  size_t count = 0;
  for (int label = 0; label < 2; label++)
    for (size_t i = 0; i < d->output_count; i++)
      if (d->outputs[i].is_label == (label == 1)) sorted[count++] = d->outputs[i];
  tl_release(d->env, d->outputs);
  d->outputs = sorted;
  return TL_OK;
}

static tl_status unknown_setting(const compiler *c, tl_error *err) {
  for (size_t i = 0; i < c->setting_count; i++) {
    if (c->setting_used[i]) continue;
    const char *names[256];
    size_t count = 0;
    for (size_t k = 0; k < c->builder.symbol_count && count < 256; k++)
      if (c->builder.symbols[k].value.type == TL_VALUE_CONSTANT && c->builder.symbols[k].type == TL_SYMBOL_VALUE) names[count++] = c->builder.symbols[k].name;
    const char *nearest = tl_nearest_name(c->settings[i].name, names, count);
    return tl_fail(err, TL_USAGE, "%s has no param %s%s%s%s", c->d->path, c->settings[i].name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                   nearest ? "?" : "");
  }
  return TL_OK;
}

static tl_status compile(compiler *c, const tl_source *source, tl_error *err) {
  tl_definition *d = c->d;
  d->path = source->path;
  for (size_t i = 0; i < tl__library_count; i++) {
    tl_source *lib;
    TL_TRY(tl_arena_take(&d->arena, &lib, 1, sizeof *lib, err));
    *lib = (tl_source){.path = tl__library[i].name, .text = tl__library[i].text, .size = strlen(tl__library[i].text)};
    TL_TRY(statements(c, lib, true, err));
  }
  TL_TRY(statements(c, source, false, err));
  tl_place end = {source, (uint32_t)source->size, 0};
  if (d->key_count == 0) return tl__complain(err, end, "a definition begins with: stream by KEYS order by KEY");
  TL_TRY(unknown_setting(c, err));
  TL_TRY(check_kind(d, end, err));
  if (d->output_count == 0 && d->kind != TL_DEFINES_PACK) return tl__complain(err, end, "the definition has no feature");
  TL_TRY(order_outputs(d, err));
  d->identity = TL_NUMERICS_VERSION;
  for (int i = 0; i < d->key_count; i++) d->identity = tl__identity_of_text(d->keys[i], d->identity);
  d->identity = tl__identity_of_text(d->order, d->identity);
  for (size_t i = 0; i < d->output_count; i++) {
    uint64_t seed = d->identity ^ tl_definition_output_identity(d, i);
    d->identity = tl__identity_of_text(d->outputs[i].name, seed);
  }
  return TL_OK;
}

tl_status tl__definition_compile(tl_definition **out, tl_env *env, const tl_source *source, const tl_param_setting *settings, size_t setting_count,
                                 tl_error *err) {
  tl_definition *d;
  TL_TRY(tl_allocate_zeroed(env, &d, 1, sizeof *d, err));
  d->env = d->arena.env = d->graph.env = env;
  d->enter_long = d->exit_long = -1;
  compiler c = {.builder = {.definition = d}, .d = d, .settings = settings, .setting_count = setting_count};
  tl_status status = tl_arena_take(&d->arena, &c.setting_used, setting_count + 1, sizeof *c.setting_used, err);
  if (status == TL_OK) status = compile(&c, source, err);
  tl_release(env, c.builder.symbols);
  tl_release(env, c.builder.defs);
  if (status != TL_OK) {
    tl_definition_close(d);
    return status;
  }
  *out = d;
  return TL_OK;
}

/* The definition keeps its path; the source goes. */
static tl_status compile_named(tl_definition **out, tl_env *env, const tl_source *source, const tl_param_setting *settings, size_t count, tl_error *err) {
  tl_definition *d;
  TL_TRY(tl__definition_compile(&d, env, source, settings, count, err));
  tl_status status = tl_arena_text(&d->arena, &d->path, source->path, strlen(source->path), err);
  if (status == TL_OK)
    *out = d;
  else
    tl_definition_close(d);
  return status;
}

tl_status tl_definition_read(tl_definition **out, const char *name, const char *text, const tl_param_setting *settings, size_t setting_count, tl_error *err) {
  tl_source source = {.path = name, .text = text, .size = strlen(text)};
  return compile_named(out, tl_sys_env(), &source, settings, setting_count, err);
}

tl_status tl_definition_open(tl_definition **out, const char *path, const tl_param_setting *settings, size_t setting_count, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = tl_sys_env()};
  const tl_source *source = NULL;
  TL_TRY(tl__source_open(&arena, path, &source, err));
  return compile_named(out, tl_sys_env(), source, settings, setting_count, err);
}

void tl_definition_close(tl_definition *d) {
  if (d == NULL) return;
  tl_env *env = d->env;
  tl_graph_free(&d->graph);
  tl_release(env, d->inputs);
  tl_release(env, d->outputs);
  tl_release(env, d->packed);
  tl_arena_free(&d->arena);
  tl_release(env, d);
}

tl_status tl__source_open(tl_arena *arena, const char *path, const tl_source **out, tl_error *err) {
  tl_env *env = arena->env;
  tl_file_info info;
  int handle;
  TL_TRY(env->info(env, path, &info, err));
  if (!info.is_regular) return tl_fail(err, TL_NOT_FOUND, "%s: a %s, not a definition", path, info.is_folder ? "folder" : "pipe or device");
  if (info.size > 16 << 20) return tl_fail(err, TL_DEFINITION, "%s: a definition has at most 16 MiB", path);
  char *text;
  tl_source *source;
  TL_TRY(tl_arena_take(arena, &text, (size_t)info.size + 1, 1, err));
  TL_TRY(tl_arena_take(arena, &source, 1, sizeof *source, err));
  TL_TRY(tl_arena_text(arena, &source->path, path, strlen(path), err));
  TL_TRY(env->open_read(env, path, &handle, err));
  size_t done = 0;
  tl_status status = env->read_at(env, handle, text, (size_t)info.size, 0, &done, err);
  tl_status closed = env->close(env, handle, status == TL_OK ? err : NULL);
  TL_TRY(status);
  TL_TRY(closed);
  source->text = text;
  source->size = done;
  *out = source;
  return TL_OK;
}

size_t tl_definition_output_count(const tl_definition *d) { return d->output_count; }
const char *tl_definition_output_name(const tl_definition *d, size_t i) { return d->outputs[i].name; }
uint64_t tl_definition_output_identity(const tl_definition *d, size_t i) {
  const tl_output *o = &d->outputs[i];
  uint64_t node = d->graph.nodes[o->edge.node].identity;
  return node * 0x9E3779B97F4A7C15u + (uint64_t)o->edge.output * 31 + (uint64_t)o->delay;
}
int64_t tl_definition_output_warmup(const tl_definition *d, size_t i) {
  int64_t rows = d->graph.nodes[d->outputs[i].edge.node].warmup - d->outputs[i].delay;
  return rows > 0 ? rows : 0;
}
