#include "lake/scan.h"
#include <stdio.h>
#include <string.h>
#include "base/text.h"

void tl_scan_free(tl_scan *s) {
  if (s->env == NULL) return;
  for (int i = 0; s->columns != NULL && i < s->wanted_count; i++) tl_column_free(&s->columns[i]);
  tl_release(s->env, s->fields);
  tl_parquet_free(&s->open);
  tl_page_scratch_free(&s->scratch);
  tl_dataset_free(&s->dataset);
  tl_arena_free(&s->arena);
  *s = (tl_scan){0};
}

static int find_field(const tl_scan *s, const char *name) {
  for (int i = 0; i < s->field_count; i++)
    if (strcmp(s->fields[i].name, name) == 0) return i;
  return -1;
}

static tl_status add_field(tl_scan *s, tl_field field, tl_error *err) {
  TL_TRY(tl_reserve(s->env, &s->fields, &s->field_capacity, (size_t)s->field_count + 1, sizeof *s->fields, err));
  TL_TRY(tl_arena_text(&s->arena, &field.name, field.name, strlen(field.name), err));
  s->fields[s->field_count++] = field;
  return TL_OK;
}

/* ---- keys of the path ---- */

static bool read_canonical(const char *text, int64_t *value) {
  char again[32];
  if (!tl_int_read(text, strlen(text), value)) return false;
  snprintf(again, sizeof again, "%lld", (long long)*value);
  return strcmp(again, text) == 0;
}

static const char *hive_value(const tl_dataset_file *f, const char *name) {
  for (int i = 0; i < f->key_count; i++)
    if (strcmp(f->keys[i].name, name) == 0) return f->keys[i].value;
  return NULL;
}

/* The strictest type that holds every value. */
static tl_field hive_field(const tl_scan *s, const char *name) {
  bool integers = true, dates = strcmp(name, "date") == 0;
  int64_t value;
  for (size_t i = 0; i < s->dataset.count; i++) {
    const char *text = hive_value(&s->dataset.files[i], name);
    if (text == NULL) continue;
    integers &= read_canonical(text, &value);
    dates &= tl_date_read(text, strlen(text), &value);
  }
  if (dates) return (tl_field){.name = name, .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE, .nullable = true};
  if (integers) return (tl_field){.name = name, .physical = TL_PHYSICAL_INT64, .nullable = true};
  return (tl_field){.name = name, .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING, .nullable = true};
}

static tl_status add_hive_fields(tl_scan *s, tl_error *err) {
  s->hive_from = s->field_count;
  for (size_t i = 0; i < s->dataset.count; i++)
    for (int k = 0; k < s->dataset.files[i].key_count; k++)
      if (find_field(s, s->dataset.files[i].keys[k].name) < 0) TL_TRY(add_field(s, hive_field(s, s->dataset.files[i].keys[k].name), err));
  return TL_OK;
}

static tl_status fill_hive(tl_scan *s, int field, tl_column *c, tl_error *err) {
  const char *text = hive_value(&s->dataset.files[s->file], s->fields[field].name);
  const tl_field *f = &s->fields[field];
  int64_t value = 0;
  TL_TRY(tl_column_reset(c, f, s->rows, err));
  if (text != NULL && f->logical == TL_LOGICAL_DATE)
    tl_date_read(text, strlen(text), &value);
  else if (text != NULL)
    tl_int_read(text, strlen(text), &value);
  size_t width = (size_t)tl_field_width(f);
  for (int64_t i = 0; i < s->rows; i++) {
    if (width > 0)
      memcpy(c->values + (size_t)i * width, &value, width);
    else {
      if (text != NULL) TL_TRY(tl_buffer_append(&c->bytes, text, strlen(text), err));
      c->offsets[i + 1] = (int64_t)c->bytes.size;
    }
  }
  return text == NULL ? tl_column_set_null(c, 0, s->rows, err) : TL_OK;
}

/* ---- opening ---- */

static tl_status collect_fields(tl_scan *s, tl_error *err) {
  for (size_t i = 0; i < s->dataset.count; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    TL_TRY(tl_parquet_open(&file, s->env, s->dataset.files[i].path, err));
    for (int k = 0; k < file.meta.leaf_count; k++) {
      const tl_leaf *leaf = &file.meta.leaves[k];
      if (tl_meta_leaf(&file.meta, leaf->field.name) != k)
        return tl_fail(err, TL_UNSUPPORTED, "%s: two columns are named %s", s->dataset.files[i].path, leaf->field.name);
      if (find_field(s, leaf->field.name) < 0) TL_TRY(add_field(s, leaf->field, err));
    }
  }
  return add_hive_fields(s, err);
}

static tl_status choose(tl_scan *s, const char *const *names, size_t count, tl_error *err) {
  int room = names == NULL ? s->field_count : (int)count;
  TL_TRY(tl_arena_take(&s->arena, &s->wanted, (size_t)room + 1, sizeof *s->wanted, err));
  TL_TRY(tl_arena_take(&s->arena, &s->columns, (size_t)room + 1, sizeof *s->columns, err));
  for (int i = 0; i < room; i++) {
    s->wanted[i] = names == NULL ? i : find_field(s, names[i]);
    if (s->wanted[i] >= 0) continue;
    const char *known[512];
    size_t n = 0;
    for (int k = 0; k < s->field_count && n < 512; k++) known[n++] = s->fields[k].name;
    const char *nearest = tl_nearest_name(names[i], known, n);
    return tl_fail(err, TL_USAGE, "%s has no column %s%s%s%s", s->dataset.root, names[i], nearest ? "; did you mean " : "", nearest ? nearest : "",
                   nearest ? "?" : "");
  }
  s->wanted_count = room;
  for (int i = 0; i < room; i++) s->columns[i].env = s->columns[i].bytes.env = s->env;
  return TL_OK;
}

tl_status tl_scan_open(tl_scan *out, tl_env *env, const char *path, const char *const *names, size_t count, int64_t page_limit, tl_error *err) {
  *out = (tl_scan){.env = env, .arena = {.env = env}, .open = {.handle = -1}, .scratch = {.env = env, .limit = page_limit}, .batch_rows = 65536};
  TL_TRY(tl_dataset_list(&out->dataset, env, path, err));
  tl_status status = collect_fields(out, err);
  if (status == TL_OK) status = choose(out, names, count, err);
  if (status != TL_OK) tl_scan_free(out);
  return status;
}

const char *tl_scan_by(tl_scan *s) {
  TL_OWNED(tl_parquet) file = {.handle = -1};
  const char *by = NULL;
  if (s->dataset.count == 0 || tl_parquet_open(&file, s->env, s->dataset.files[0].path, NULL) != TL_OK) return NULL;
  const char *value = tl_meta_value(&file.meta, "tickloom.by");
  if (value != NULL && tl_arena_text(&s->arena, &by, value, strlen(value), NULL) != TL_OK) return NULL;
  return by;
}

/* ---- walking ---- */

static tl_status read_batch(tl_scan *s, tl_error *err) {
  for (int i = 0; i < s->wanted_count; i++) {
    const tl_field *f = &s->fields[s->wanted[i]];
    tl_column *c = &s->columns[i];
    int leaf = tl_meta_leaf(&s->open.meta, f->name);
    if (s->wanted[i] >= s->hive_from)
      TL_TRY(fill_hive(s, s->wanted[i], c, err));
    else if (leaf >= 0)
      TL_TRY(tl_parquet_read(&s->open, s->group, leaf, s->row, s->rows, c, &s->scratch, err));
    else {
      TL_TRY(tl_column_reset(c, f, s->rows, err));
      for (int64_t r = 0; c->offsets != NULL && r < s->rows; r++) c->offsets[r + 1] = 0;
      if (s->rows > 0) TL_TRY(tl_column_set_null(c, 0, s->rows, err));
    }
  }
  return TL_OK;
}

tl_status tl_scan_next(tl_scan *s, tl_error *err) {
  for (; s->file < s->dataset.count; s->file++, s->group = 0, s->row = 0) {
    if (s->open.env == NULL) TL_TRY(tl_parquet_open(&s->open, s->env, s->dataset.files[s->file].path, err));
    for (; s->group < s->open.meta.group_count; s->group++, s->row = 0) {
      int64_t left = s->open.meta.groups[s->group].row_count - s->row;
      if (left <= 0) continue;
      s->rows = left < s->batch_rows ? left : s->batch_rows;
      TL_TRY(read_batch(s, err));
      s->row += s->rows;
      return TL_OK;
    }
    tl_parquet_free(&s->open);
  }
  s->rows = 0;
  return TL_OK;
}

int64_t tl_scan_row(const tl_scan *s, int64_t row) { return s->open.meta.groups[s->group].first_row + s->row - s->rows + row; }

void tl_scan_rewind(tl_scan *s) {
  tl_parquet_free(&s->open);
  s->file = 0;
  s->group = 0;
  s->row = s->rows = 0;
}
