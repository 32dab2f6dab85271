#include "parquet/shred.h"
#include <string.h>

void tl_shreds_free(tl_shreds *s) {
  tl_release(s->env, s->definition);
  tl_release(s->env, s->repetition);
  tl_release(s->env, s->starts);
  tl_release(s->env, s->places);
  tl_column_free(&s->values);
  *s = (tl_shreds){.env = s->env, .values = {.env = s->env, .bytes = {.env = s->env}}};
}

static tl_status add_entry(tl_shreds *s, int repetition, int definition, tl_error *err) {
  size_t wanted = (size_t)s->count + 1;
  if (wanted > s->definition_capacity) TL_TRY(tl_reserve(s->env, &s->definition, &s->definition_capacity, wanted, 1, err));
  if (wanted > s->repetition_capacity) TL_TRY(tl_reserve(s->env, &s->repetition, &s->repetition_capacity, wanted, 1, err));
  s->definition[s->count] = (uint8_t)definition;
  s->repetition[s->count++] = (uint8_t)repetition;
  return TL_OK;
}

static tl_status add_place(tl_shreds *s, int64_t row, tl_error *err) {
  if ((size_t)s->present + 1 > s->place_capacity) TL_TRY(tl_reserve(s->env, &s->places, &s->place_capacity, (size_t)s->present + 1, sizeof *s->places, err));
  s->places[s->present++] = row;
  return TL_OK;
}

static const tl_array *child_towards(const tl_array *a, int leaf) {
  int k = 0;
  while (k + 1 < a->node->child_count && leaf >= a->node->children[k + 1].first_leaf) k++;
  return &a->children[k];
}

/* One place of a node: what is missing, or empty, ends there with the level that says so. */
static tl_status add(tl_shreds *s, const tl_array *a, int leaf, int64_t row, int repetition, tl_error *err) {
  const tl_schema *n = a->node;
  if (!tl_array_is_valid(a, row)) return add_entry(s, repetition, n->definition - 1, err);
  if (n->shape == TL_SHAPE_VALUE) {
    TL_TRY(add_entry(s, repetition, n->definition, err));
    return add_place(s, row, err);
  }
  const tl_array *child = child_towards(a, leaf);
  if (n->shape == TL_SHAPE_STRUCT) return add(s, child, leaf, row, repetition, err);
  int64_t from = a->offsets[row], to = a->offsets[row + 1];
  if (from == to) return add_entry(s, repetition, n->definition, err);
  for (int64_t i = from; i < to; i++) TL_TRY(add(s, child, leaf, i, i == from ? repetition : n->repetition + 1, err));
  return TL_OK;
}

static const tl_column *column_of(const tl_array *a, int leaf) {
  while (a->node->shape != TL_SHAPE_VALUE) a = child_towards(a, leaf);
  return &a->column;
}

/* Runs of neighbours are copied at once. */
static tl_status gather(tl_shreds *s, const tl_column *from, tl_error *err) {
  TL_TRY(tl_column_reset(&s->values, &from->field, 0, err));
  for (int64_t i = 0, n; i < s->present; i += n) {
    for (n = 1; i + n < s->present && s->places[i + n] == s->places[i] + n;) n++;
    TL_TRY(tl_column_append(&s->values, from, s->places[i], n, err));
  }
  return TL_OK;
}

tl_status tl_shred(tl_shreds *s, const tl_array *column, int leaf, tl_error *err) {
  s->values.env = s->values.bytes.env = s->env;
  s->count = s->present = 0;
  s->rows = column->count;
  TL_TRY(tl_renew(s->env, &s->starts, &s->start_capacity, (size_t)column->count + 1, sizeof *s->starts, err));
  for (int64_t i = 0; i < column->count; i++) {
    s->starts[i] = s->count;
    TL_TRY(add(s, column, leaf, i, 0, err));
  }
  s->starts[column->count] = s->count;
  return gather(s, column_of(column, leaf), err);
}
