#include "lake/rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/date.h"
#include "base/text.h"

enum { STEP = 65536 };

void tl_row_order_open(tl_row_order *out, tl_env *env, tl_report_row report, void *context) {
  *out = (tl_row_order){.env = env, .report = report, .context = context, .arena = {.env = env}};
  for (int i = 0; i < TL_MOST_BY; i++) out->columns[i].env = out->columns[i].bytes.env = env;
}

void tl_row_order_free(tl_row_order *o) {
  if (o->env == NULL) return;
  for (int i = 0; i < TL_MOST_BY; i++) tl_column_free(&o->columns[i]);
  tl_release(o->env, o->stretches);
  tl_release(o->env, o->table);
  tl_release(o->env, o->names);
  tl_arena_free(&o->arena);
  *o = (tl_row_order){0};
}

/* What of a row is looked at. */
typedef struct rows_view {
  const tl_dataset_file *file;
  int leaves[TL_MOST_BY]; /* -1: no column */
  int by_count;
  uint64_t of_file; /* hash of keys that are the same in the whole file */
} rows_view;

static const char *hive_value(const tl_dataset_file *f, const char *name) {
  for (int i = 0; i < f->key_count; i++)
    if (strcmp(f->keys[i].name, name) == 0) return f->keys[i].value ? f->keys[i].value : "";
  return NULL;
}

static bool is_order_key(const tl_field *f) {
  return (f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64) && f->logical != TL_LOGICAL_DECIMAL;
}

/* Dates and timestamps of any unit in one. */
static __int128 order_value(const tl_column *c, int64_t row) {
  int64_t factor = 1;
  if (c->field.logical == TL_LOGICAL_DATE) factor = TL_DAY_NS;
  if (c->field.logical == TL_LOGICAL_TIMESTAMP) factor = c->field.digits == 3 ? 1000000 : c->field.digits == 6 ? 1000 : 1;
  return (__int128)tl_column_int(c, row) * factor;
}

static tl_status grow_table(tl_row_order *o, tl_error *err) {
  size_t used = o->count - o->first_of_file;
  if (o->table_size >= 2 * (used + 1)) return TL_OK;
  size_t size = o->table_size ? 2 * o->table_size : 256;
  tl_release(o->env, o->table);
  o->table = NULL;
  o->table_size = 0;
  TL_TRY(tl_allocate_zeroed(o->env, &o->table, size, sizeof *o->table, err));
  o->table_size = size;
  for (size_t i = o->first_of_file; i < o->count; i++) {
    size_t at = o->stretches[i].stream & (size - 1);
    while (o->table[at] != 0) at = (at + 1) & (size - 1);
    o->table[at] = i + 1;
  }
  return TL_OK;
}

/* The stretch of this stream in the file at hand; *fresh when it begins here. */
static tl_status find_stretch(tl_row_order *o, uint64_t stream, tl_row_stretch **out, bool *fresh, tl_error *err) {
  TL_TRY(grow_table(o, err));
  size_t at = stream & (o->table_size - 1);
  *fresh = false;
  for (; o->table[at] != 0; at = (at + 1) & (o->table_size - 1)) {
    *out = &o->stretches[o->table[at] - 1];
    if ((*out)->stream == stream) return TL_OK;
  }
  TL_TRY(tl_reserve(o->env, &o->stretches, &o->capacity, o->count + 1, sizeof *o->stretches, err));
  o->table[at] = o->count + 1;
  *out = &o->stretches[o->count++];
  *fresh = true;
  return TL_OK;
}

static tl_status take_row(tl_row_order *o, const rows_view *v, int64_t r, int64_t row, tl_error *err) {
  const tl_column *order = &o->columns[v->by_count - 1];
  TL_OWNED(tl_buffer) text = {.env = o->env};
  uint64_t stream = v->of_file;
  tl_row_stretch *s;
  bool fresh;
  if (!tl_column_is_valid(order, r)) return o->report(o->context, "key", v->file->name, row, "the order key is missing", err);
  for (int k = 0; k < v->by_count - 1; k++)
    if (v->leaves[k] >= 0) stream = tl_column_hash(&o->columns[k], r, stream);
  __int128 key = order_value(order, r);
  TL_TRY(find_stretch(o, stream, &s, &fresh, err));
  if (fresh) {
    *s = (tl_row_stretch){.stream = stream, .first = key, .last = key, .file = o->name_count - 1, .row = row};
    return TL_OK;
  }
  if (key > s->last || (o->ties && key == s->last)) {
    s->last = key;
    return TL_OK;
  }
  for (int k = 0; k < v->by_count; k++) {
    if (v->leaves[k] < 0) continue;
    if (text.size > 0) TL_TRY(tl_buffer_text(&text, ", ", err));
    TL_TRY(tl_column_text(&o->columns[k], r, &text, err));
  }
  TL_TRY(tl_buffer_text(&text, key == s->last ? ": the order key repeats" : ": comes after a later row of its stream", err));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  return o->report(o->context, key == s->last ? "duplicate" : "order", v->file->name, row, (const char *)text.data, err);
}

tl_status tl_row_order_file(tl_row_order *o, const tl_dataset_file *file, tl_parquet *open, const char *const *by, int by_count, tl_page_scratch *scratch,
                            tl_error *err) {
  rows_view v = {.file = file, .by_count = by_count, .of_file = 1};
  for (int k = 0; k < by_count; k++) {
    v.leaves[k] = tl_meta_leaf(&open->meta, by[k]);
    if (v.leaves[k] >= 0 || k == by_count - 1) continue;
    const char *value = hive_value(file, by[k]);
    if (value == NULL) value = file->name; /* the key may be the file's name */
    v.of_file = XXH3_64bits_withSeed(value, strlen(value), v.of_file);
  }
  if (v.leaves[by_count - 1] < 0) {
    if (hive_value(file, by[by_count - 1]) != NULL) return TL_OK;
    return tl_fail(err, TL_NOT_FOUND, "no column %s, by which the order would be checked", by[by_count - 1]);
  }
  if (!is_order_key(&open->meta.leaves[v.leaves[by_count - 1]].field))
    return tl_fail(err, TL_USAGE, "%s: the order key %s is neither a date nor a time nor an integer", file->path, by[by_count - 1]);
  TL_TRY(tl_reserve(o->env, &o->names, &o->name_capacity, o->name_count + 1, sizeof *o->names, err));
  TL_TRY(tl_arena_text(&o->arena, &o->names[o->name_count++], file->name, strlen(file->name), err));
  o->first_of_file = o->count;
  o->ties = tl_meta_value(&open->meta, "tickloom.ties") != NULL;
  if (o->table_size > 0) memset(o->table, 0, o->table_size * sizeof *o->table);
  for (int g = 0; g < open->meta.group_count; g++) {
    int64_t rows = open->meta.groups[g].row_count;
    tl_page_cursor cursors[TL_MOST_BY] = {0};
    for (int64_t from = 0, count; from < rows; from += count) {
      count = rows - from < STEP ? rows - from : STEP;
      for (int k = 0; k < by_count; k++)
        if (v.leaves[k] >= 0) TL_TRY(tl_parquet_read_on(open, g, v.leaves[k], from, count, &o->columns[k], scratch, &cursors[k], err));
      for (int64_t r = 0; r < count; r++) TL_TRY(take_row(o, &v, r, open->meta.groups[g].first_row + from + r, err));
    }
  }
  return TL_OK;
}

static int by_stream(const void *a, const void *b) {
  const tl_row_stretch *x = a, *y = b;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x->file < y->file ? -1 : x->file > y->file;
}

tl_status tl_row_order_end(tl_row_order *o, tl_error *err) {
  char text[400];
  if (o->count > 1) qsort(o->stretches, o->count, sizeof *o->stretches, by_stream);
  for (size_t i = 1; i < o->count; i++) {
    const tl_row_stretch *before = &o->stretches[i - 1], *s = &o->stretches[i];
    if (s->stream != before->stream || s->first > before->last || (o->ties && s->first == before->last)) continue;
    snprintf(text, sizeof text, "the rows of a stream from row %lld on overlap in time with those that it has in %.200s", (long long)s->row,
             o->names[before->file]);
    TL_TRY(o->report(o->context, "overlap", o->names[s->file], s->row, text, err));
  }
  return TL_OK;
}
