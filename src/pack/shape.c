#include "pack/shape.h"
#include <stdlib.h>
#include <string.h>
#include "run/plan.h"

void tl_tape_shape_free(tl_shape_of_tape *s) {
  if (s->env == NULL) return;
  tl_release(s->env, s->extras);
  tl_arena_free(&s->arena);
  *s = (tl_shape_of_tape){0};
}

/* Which columns each derived one is made of, by the graph. */
static tl_status find_inputs(tl_shape_of_tape *s, tl_error *err) {
  const tl_definition *d = s->definition;
  bool *selected, *needed;
  TL_TRY(tl_arena_take(&s->arena, &s->made_of, d->packed_count * d->packed_count + 1, sizeof *s->made_of, err));
  TL_TRY(tl_arena_take(&s->arena, &selected, d->output_count + 1, sizeof *selected, err));
  TL_TRY(tl_arena_take(&s->arena, &needed, d->graph.count + 1, sizeof *needed, err));
  for (size_t i = 0; i < d->packed_count; i++) {
    if (d->packed[i].output < 0) continue;
    memset(selected, 0, d->output_count * sizeof *selected);
    memset(needed, 0, d->graph.count * sizeof *needed);
    selected[d->packed[i].output] = true;
    tl__plan_reach(d, selected, NULL, needed);
    for (size_t n = 0; n < d->graph.count; n++) {
      const tl_node *node = &d->graph.nodes[n];
      if (!needed[n] || node->kind != TL_NODE_COLUMN || node->column == TL_ORDER_COLUMN) continue;
      int column = tl_tape_packed(d, d->inputs[node->column].columns[0]);
      if (column < 0)
        return tl_fail(err, TL_DEFINITION, "%s: %s is derived from %s, which is not carried by name", d->path, d->packed[i].name,
                       d->inputs[node->column].columns[0]);
      s->made_of[i * d->packed_count + (size_t)column] = true;
    }
  }
  return TL_OK;
}

tl_status tl_tape_shape_open(tl_shape_of_tape *out, tl_env *env, const tl_definition *d, const tl_naming *naming, bool plain, tl_error *err) {
  *out = (tl_shape_of_tape){.env = env, .arena = {.env = env}, .definition = d, .naming = naming, .plain = plain};
  tl_status status = tl_arena_take(&out->arena, &out->has, d->packed_count + 1, sizeof *out->has, err);
  if (status == TL_OK) status = tl_arena_take(&out->arena, &out->row_of_packed, d->packed_count + 1, sizeof *out->row_of_packed, err);
  if (status == TL_OK) status = find_inputs(out, err);
  if (status != TL_OK) tl_tape_shape_free(out);
  return status;
}

int tl_tape_packed(const tl_definition *d, const char *name) {
  for (size_t i = 0; i < d->packed_count; i++)
    if (strcmp(d->packed[i].name, name) == 0) return (int)i;
  return -1;
}

bool tl_tape_replaces(const tl_definition *d, const tl_packed_column *column) {
  for (size_t i = 0; column->output >= 0 && i < d->input_count; i++)
    for (int k = 0; k < d->inputs[i].column_count; k++)
      if (strcmp(d->inputs[i].columns[k], column->name) == 0) return true;
  return false;
}

bool tl_tape_is_own(const tl_shape_of_tape *s, const char *name) {
  int packed = tl_tape_packed(s->definition, name);
  if (packed >= 0) return s->definition->packed[packed].output >= 0 && !tl_tape_replaces(s->definition, &s->definition->packed[packed]);
  return strcmp(name, "date") == 0 || tl_naming_fact(s->naming, name) >= 0;
}

/* ---- extras ---- */

static bool is_whole(const tl_field *f) {
  return (f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64) && (f->logical == TL_LOGICAL_NONE || f->logical == TL_LOGICAL_INTEGER);
}
static bool is_real(const tl_field *f) { return (f->physical == TL_PHYSICAL_FLOAT || f->physical == TL_PHYSICAL_DOUBLE) && f->logical == TL_LOGICAL_NONE; }

static tl_status widened(tl_shape_of_tape *s, const tl_schema *in, const tl_schema **out, tl_error *err) {
  tl_schema *node;
  TL_TRY(tl_arena_take(&s->arena, &node, 1, sizeof *node, err));
  TL_TRY(tl_schema_copy(node, in, &s->arena, err));
  node->nullable = true;
  if (in->shape == TL_SHAPE_VALUE && (is_whole(&in->field) || is_real(&in->field))) {
    bool whole = is_whole(&in->field);
    node->field = (tl_field){.name = node->name, .physical = whole ? TL_PHYSICAL_INT64 : TL_PHYSICAL_DOUBLE, .nullable = true};
  }
  *out = node;
  return TL_OK;
}

static tl_status add_extra(tl_shape_of_tape *s, const tl_schema *column, const char *path, tl_error *err) {
  const tl_schema *node;
  char here[120], there[120];
  TL_TRY(widened(s, column, &node, err));
  for (size_t i = 0; i < s->extra_count; i++) {
    tl_extra *e = &s->extras[i];
    if (strcmp(e->name, node->name) != 0) continue;
    if (tl_schema_same(e->node, node)) return TL_OK;
    bool numbers = e->node->shape == TL_SHAPE_VALUE && node->shape == TL_SHAPE_VALUE && (is_whole(&e->node->field) || is_real(&e->node->field)) &&
                   (is_whole(&node->field) || is_real(&node->field));
    if (numbers && is_real(&node->field)) e->node = node;
    if (numbers) return TL_OK;
    tl_schema_type_text(here, sizeof here, column);
    tl_schema_type_text(there, sizeof there, e->node);
    return tl_fail(err, TL_UNSUPPORTED, "%s: column %s is %s, where %s has %s", path, node->name, here, e->path, there);
  }
  TL_TRY(tl_reserve(s->env, &s->extras, &s->extra_capacity, s->extra_count + 1, sizeof *s->extras, err));
  tl_extra *e = &s->extras[s->extra_count];
  *e = (tl_extra){.name = node->name, .node = node};
  TL_TRY(tl_arena_text(&s->arena, &e->path, path, strlen(path), err));
  s->extra_count++;
  return TL_OK;
}

/* ---- files ---- */

static bool is_packed_type(const tl_field *f) {
  if (f->physical == TL_PHYSICAL_BYTE_ARRAY && f->logical != TL_LOGICAL_DECIMAL) return true; /* all missing, perhaps: the rows will tell */
  if (f->logical == TL_LOGICAL_DATE || f->logical == TL_LOGICAL_TIME || f->logical == TL_LOGICAL_TIMESTAMP) return false;
  return tl_field_is_numeric(f) && f->physical != TL_PHYSICAL_BOOLEAN;
}

static tl_status check_packed(const tl_schema *column, const char *path, tl_error *err) {
  char type[120];
  if (column->shape == TL_SHAPE_VALUE && is_packed_type(&column->field)) return TL_OK;
  tl_schema_type_text(type, sizeof type, column);
  return tl_fail(err, TL_UNSUPPORTED, "%s: column %s is %s, which is no number", path, column->name, type);
}

tl_status tl_tape_shape_add(tl_shape_of_tape *s, const tl_schema *file, const char *path, tl_error *err) {
  for (int pass = 0; pass < 2; pass++) /* first whether all of it fits */
    for (int i = 0; i < file->child_count; i++) {
      const tl_schema *column = &file->children[i];
      int packed = tl_tape_packed(s->definition, column->name);
      if (strcmp(column->name, s->definition->order) == 0 || tl_tape_is_own(s, column->name)) continue;
      if (packed < 0 && !s->definition->packs_rest) continue;
      if (packed >= 0) {
        TL_TRY(check_packed(column, path, err));
        if (pass == 1) s->has[packed] = true;
      } else {
        size_t before = s->extra_count;
        TL_TRY(add_extra(s, column, path, err));
        if (pass == 0) s->extra_count = before;
      }
    }
  return TL_OK;
}

/* ---- settling ---- */

static int by_name(const void *a, const void *b) { return strcmp(((const tl_extra *)a)->name, ((const tl_extra *)b)->name); }

static bool is_word(const tl_word *words, const char *name) {
  for (; words != NULL; words = words->next)
    if (strcmp(words->text, name) == 0) return true;
  return false;
}

typedef struct settling {
  tl_shape_of_tape *s;
  int tape, rows;
} settling;

static void add_column(settling *t, const tl_schema *node, tl_tape_column column) {
  tl_shape_of_tape *s = t->s;
  column.hot = is_word(s->definition->hot, node->name);
  s->columns[t->tape] = column;
  s->tape.children[t->tape++] = *node;
}

static tl_schema value_node(const char *name, tl_field field, bool nullable) {
  field.name = name;
  return (tl_schema){.name = name, .shape = TL_SHAPE_VALUE, .nullable = nullable, .field = field};
}

static void add_fact(settling *t, int fact) {
  tl_schema node = value_node(t->s->naming->facts[fact].name, t->s->naming->facts[fact], false);
  add_column(t, &node, (tl_tape_column){.fact = fact, .row_column = -1, .packed = -1});
}

/* A column of the tape that rows have. */
static int add_row_column(settling *t, const tl_schema *node) {
  t->s->rows.children[t->rows] = *node;
  return t->rows++;
}

static void add_packed_column(settling *t, int index) {
  tl_shape_of_tape *s = t->s;
  const tl_packed_column *p = &s->definition->packed[index];
  bool whole = strcmp(p->type, "int") == 0, fed = p->output < 0 && s->has[index];
  tl_schema node = value_node(p->name, (tl_field){.physical = whole ? TL_PHYSICAL_INT64 : TL_PHYSICAL_DOUBLE}, true);
  for (size_t i = 0; p->output >= 0 && i < s->definition->packed_count; i++) fed |= s->made_of[(size_t)index * s->definition->packed_count + i] && s->has[i];
  s->row_of_packed[index] = fed ? add_row_column(t, &node) : -1;
  add_column(t, &node, (tl_tape_column){.fact = -1, .row_column = s->row_of_packed[index], .packed = index});
}

static void add_sorted(settling *t) {
  const tl_definition *d = t->s->definition;
  tl_schema order = value_node(d->order, (tl_field){.physical = TL_PHYSICAL_INT64}, false);
  for (const tl_word *w = d->sort; w != NULL; w = w->next) {
    int fact = tl_naming_fact(t->s->naming, w->text);
    if (fact >= 0)
      add_fact(t, fact);
    else
      add_column(t, &order, (tl_tape_column){.fact = -1, .row_column = 0, .packed = -1});
  }
}

/* Keys of the path, where they are columns too. */
static void add_path_keys(settling *t) {
  tl_schema date = value_node("date", (tl_field){.physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}, false);
  for (const tl_word *w = t->s->definition->partition; t->s->plain && w != NULL; w = w->next) {
    if (strcmp(w->text, "date") == 0)
      add_column(t, &date, (tl_tape_column){.fact = -1, .row_column = -1, .packed = -1, .is_date = true});
    else
      add_fact(t, tl_naming_fact(t->s->naming, w->text));
  }
}

tl_status tl_tape_shape_settle(tl_shape_of_tape *s, tl_error *err) {
  const tl_definition *d = s->definition;
  settling t = {.s = s};
  size_t most = (size_t)s->naming->fact_count + d->packed_count + s->extra_count + 3;
  TL_TRY(tl_arena_take(&s->arena, &s->columns, most, sizeof *s->columns, err));
  TL_TRY(tl_arena_take(&s->arena, &s->tape.children, most, sizeof *s->tape.children, err));
  TL_TRY(tl_arena_take(&s->arena, &s->rows.children, most, sizeof *s->rows.children, err));
  s->tape.shape = s->rows.shape = TL_SHAPE_STRUCT;
  s->tape.name = s->rows.name = "tape";
  tl_schema order = value_node(d->order, (tl_field){.physical = TL_PHYSICAL_INT64}, false);
  add_row_column(&t, &order);
  add_path_keys(&t);
  add_sorted(&t);
  for (int f = 0; f < s->naming->fact_count; f++)
    if (!is_word(d->sort, s->naming->facts[f].name) && !is_word(d->partition, s->naming->facts[f].name)) add_fact(&t, f);
  for (size_t i = 0; i < d->packed_count; i++) add_packed_column(&t, (int)i);
  if (s->extra_count > 0) qsort(s->extras, s->extra_count, sizeof *s->extras, by_name);
  for (size_t i = 0; i < s->extra_count; i++)
    add_column(&t, s->extras[i].node, (tl_tape_column){.fact = -1, .row_column = add_row_column(&t, s->extras[i].node), .packed = -1});
  s->tape.child_count = t.tape;
  s->rows.child_count = t.rows;
  tl_schema_number(&s->tape);
  tl_schema_number(&s->rows);
  return TL_OK;
}
