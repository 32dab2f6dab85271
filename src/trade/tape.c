/* What of a dataset gives a definition's keys, order and inputs, and where it can be cut so that no stream is. */
#include "trade/tape.h"
#include <string.h>
#include "column/compare.h"

/* ---- what gives what ---- */

void tl_tape_free(tl_tape *t) {
  if (t->env == NULL) return;
  tl_scan_free(&t->scan);
  tl_arena_free(&t->arena);
  *t = (tl_tape){0};
}

/* The first of an input's columns that the dataset has. */
static const char *column_of(const tl_input *input, const tl_scan *all) {
  for (int k = 0; k < input->column_count; k++)
    if (tl_schema_child(&all->schema, input->columns[k]) >= 0) return input->columns[k];
  return NULL;
}

static tl_status check_column(const tl_tape *t, const tl_scan *all, const char *name, const char *what, tl_error *err) {
  if (tl_schema_child(&all->schema, name) >= 0) return TL_OK;
  return tl_fail(err, TL_USAGE, "%s has no column %s, which %s needs as %s", all->dataset.root, name, t->definition->path, what);
}

static tl_status add_name(const char **names, size_t *count, const char *name, int *out) {
  for (size_t i = 0; i < *count; i++)
    if (strcmp(names[i], name) == 0) return *out = (int)i, TL_OK;
  *out = (int)*count;
  names[(*count)++] = name;
  return TL_OK;
}

static tl_status choose_columns(tl_tape *t, tl_error *err) {
  const tl_definition *d = t->definition;
  const tl_scan *all = &t->scan;
  const char **names;
  size_t count = 0;
  TL_TRY(tl_arena_take(&t->arena, &names, d->input_count + TL_MOST_KEYS + 2, sizeof *names, err));
  TL_TRY(tl_arena_take(&t->arena, &t->inputs, d->input_count + 1, sizeof *t->inputs, err));
  TL_TRY(check_column(t, all, d->order, "the order key", err));
  TL_TRY(add_name(names, &count, d->order, &t->order));
  for (t->key_count = 0; t->key_count < d->key_count; t->key_count++) {
    const char *key = d->keys[t->key_count];
    TL_TRY(check_column(t, all, key, "a key", err));
    int child = tl_schema_child(&all->schema, key);
    t->key_fields[t->key_count] = all->schema.children[child].field;
    TL_TRY(tl_arena_text(&t->arena, &t->key_fields[t->key_count].name, key, strlen(key), err));
    t->in_path[t->key_count] = child >= all->hive_from;
  }
  t->price = -1;
  for (size_t i = 0; i < d->input_count; i++) t->inputs[i] = -1;
  for (int u = 0; u < t->used_count; u++) {
    const tl_input *input = &d->inputs[t->used[u]];
    const char *column = column_of(input, all);
    if (column == NULL && !input->optional) TL_TRY(check_column(t, all, input->columns[0], "an input", err));
    if (column != NULL) TL_TRY(add_name(names, &count, column, &t->inputs[t->used[u]]));
    if (strcmp(input->name, "price") == 0) t->price = u;
    t->reads_time |= t->inputs[t->used[u]] == t->order;
  }
  return tl_scan_choose(&t->scan, names, count, err);
}

static bool is_time(const tl_schema *c) {
  const tl_field *f = &c->field;
  return c->shape == TL_SHAPE_VALUE && f->physical == TL_PHYSICAL_INT64 &&
         (f->logical == TL_LOGICAL_NONE || f->logical == TL_LOGICAL_TIMESTAMP || f->logical == TL_LOGICAL_INTEGER);
}

/* One of the columns under `root` that a tape needs, if it is there. */
static const tl_schema *find(const tl_schema *root, const char *name) {
  int child = tl_schema_child(root, name);
  return child >= 0 ? &root->children[child] : NULL;
}

tl_status tl__tape_check_types(const tl_tape *t, const tl_schema *root, const char *path, tl_status fault, tl_error *err) {
  const tl_schema *order = find(root, t->definition->order);
  if (order != NULL && !is_time(order)) return tl_fail(err, fault, "%s: column %s is no time: expected a timestamp, or int64 nanoseconds", path, order->name);
  for (int u = 0; u < t->used_count; u++) {
    int wanted = t->inputs[t->used[u]];
    const tl_schema *c = wanted < 0 ? NULL : find(root, tl_scan_column(&t->scan, wanted)->name);
    if (c != NULL && (c->shape != TL_SHAPE_VALUE || !tl_field_is_numeric(&c->field)))
      return tl_fail(err, fault, "%s: column %s holds no numbers", path, c->name);
  }
  for (int k = 0; k < t->key_count; k++) {
    const tl_schema *c = t->in_path[k] ? NULL : find(root, t->key_fields[k].name);
    if (c == NULL) continue;
    if (c->shape != TL_SHAPE_VALUE) return tl_fail(err, fault, "%s: column %s is nested, and can be no key", path, c->name);
    TL_TRY(tl_schema_agree(find(&t->scan.schema, c->name), c, path, err));
  }
  return TL_OK;
}

tl_status tl_tape_open(tl_tape *out, tl_env *env, const char *path, const char *where, const tl_definition *d, const int32_t *used, const tl_classes *classes,
                       int used_count, bool reads_time, int64_t page_limit, tl_error *err) {
  *out = (tl_tape){.env = env, .definition = d, .used = used, .used_count = used_count, .classes = classes, .reads_time = reads_time, .arena = {.env = env}};
  tl_scan_options options = {.where = where, .page_limit = page_limit, .batch_rows = TL_TAPE_BATCH_ROWS};
  tl_status status = tl_scan_open(&out->scan, env, path, options, err);
  if (status == TL_OK) status = choose_columns(out, err);
  if (status == TL_OK) status = tl__tape_check_types(out, &out->scan.schema, out->scan.dataset.root, TL_USAGE, err);
  if (status != TL_OK) tl_tape_free(out);
  return status;
}

/* ---- stretches ---- */

/* Whether a row group begins with another stream than the one before it, which has rows, ends with. */
static tl_status begins_stream(const tl_tape *t, tl_parquet *file, int before, int group, bool *out, tl_error *err) {
  tl_page_scratch scratch = {.env = t->env, .limit = t->scan.page_limit};
  TL_OWNED(tl_column) last = {.env = t->env, .bytes = {.env = t->env}};
  TL_OWNED(tl_column) first = {.env = t->env, .bytes = {.env = t->env}};
  tl_status status = TL_OK;
  *out = false;
  for (int k = 0; k < t->key_count && !*out && status == TL_OK; k++) {
    int child = t->in_path[k] ? -1 : tl_schema_child(file->meta.schema, t->key_fields[k].name);
    if (child < 0) continue;
    int leaf = file->meta.schema->children[child].first_leaf;
    status = tl_parquet_read(file, before, leaf, file->meta.groups[before].row_count - 1, 1, &last, &scratch, err);
    if (status == TL_OK) status = tl_parquet_read(file, group, leaf, 0, 1, &first, &scratch, err);
    if (status != TL_OK) break;
    bool a = tl_column_is_valid(&last, 0), b = tl_column_is_valid(&first, 0);
    *out = a != b || (a && tl_column_compare(&last, 0, &first, 0) != 0);
  }
  tl_page_scratch_free(&scratch);
  return status;
}

static tl_status cut_file(const tl_tape *t, size_t first, size_t end, int64_t most, tl_tape_stretch *out, size_t *count, tl_error *err) {
  const tl_scan_part *parts = t->scan.parts;
  TL_OWNED(tl_parquet) own = {.handle = -1};
  tl_parquet *file = tl_scan_file(&t->scan, parts[first].file);
  tl_tape_stretch s = {.file = parts[first].file, .first_part = first};
  for (size_t i = first; i < end; i++) {
    bool clean = false;
    if (s.rows >= most && file == NULL) {
      TL_TRY(tl_parquet_open(&own, t->env, t->scan.dataset.files[s.file].path, err));
      file = &own;
    }
    if (s.rows >= most) TL_TRY(begins_stream(t, file, parts[i - 1].group, parts[i].group, &clean, err));
    if (clean) {
      s.end_part = i;
      out[(*count)++] = s;
      s = (tl_tape_stretch){.file = s.file, .first_part = i};
    }
    s.rows += parts[i].count;
  }
  s.end_part = end;
  out[(*count)++] = s;
  return TL_OK;
}

tl_status tl_tape_cut(const tl_tape *t, int wanted, tl_tape_stretch **out, size_t *count, tl_error *err) {
  int64_t most = t->scan.rows / (wanted > 0 ? wanted : 1) + 1;
  *count = 0;
  TL_TRY(tl_allocate(t->env, out, t->scan.part_count + 1, sizeof **out, err));
  for (size_t first = 0, end; first < t->scan.part_count; first = end) {
    for (end = first + 1; end < t->scan.part_count && t->scan.parts[end].file == t->scan.parts[first].file;) end++;
    tl_status status = cut_file(t, first, end, most, *out, count, err);
    if (status == TL_OK) continue;
    tl_release(t->env, *out);
    *out = NULL;
    return status;
  }
  return TL_OK;
}
