#include "lake/scan.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "lake/hive.h"

enum { PAGE_LIMIT = 128 << 20, BATCH_ROWS = 16384, MOST_KEPT = 64, KEPT_BYTES = 4 << 20 };

void tl_scan_free(tl_scan *s) {
  if (s->env == NULL) return;
  tl_release(s->env, s->schema.children);
  tl_release(s->env, s->parts);
  for (size_t i = 0; i < s->kept_count; i++) tl_parquet_free(&s->kept[i]);
  tl_dataset_free(&s->dataset);
  tl_arena_free(&s->arena);
  *s = (tl_scan){0};
}

static tl_status add_column(tl_scan *s, const tl_schema *column, tl_error *err) {
  TL_TRY(tl_reserve(s->env, &s->schema.children, &s->capacity, (size_t)s->schema.child_count + 1, sizeof *s->schema.children, err));
  return tl_schema_copy(&s->schema.children[s->schema.child_count++], column, &s->arena, err);
}

static tl_status add_hive_columns(tl_scan *s, tl_error *err) {
  s->hive_from = s->schema.child_count;
  for (size_t i = 0; i < s->dataset.count; i++)
    for (int k = 0; k < s->dataset.files[i].key_count; k++) {
      const char *name = s->dataset.files[i].keys[k].name;
      if (tl_schema_child(&s->schema, name) >= 0) continue;
      tl_schema column = {.name = name, .shape = TL_SHAPE_VALUE, .nullable = true, .field = tl_hive_field(&s->dataset, name)};
      TL_TRY(add_column(s, &column, err));
    }
  return TL_OK;
}

/* ---- opening ---- */

static tl_status add_parts(tl_scan *s, size_t file, const tl_meta *m, tl_error *err) {
  TL_TRY(tl_reserve(s->env, &s->parts, &s->part_capacity, s->part_count + (size_t)m->group_count + 1, sizeof *s->parts, err));
  for (int g = 0; g < m->group_count; g++)
    if (m->groups[g].row_count > 0) s->parts[s->part_count++] = (tl_scan_part){file, g, 0, m->groups[g].row_count};
  s->rows += m->row_count;
  return TL_OK;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static tl_status check_names(tl_scan *s, const tl_parquet *file, tl_error *err) {
  const tl_schema *root = file->meta.schema;
  const char **names;
  TL_OWNED(tl_arena) arena = {.env = s->env};
  TL_TRY(tl_arena_take(&arena, &names, (size_t)root->child_count + 1, sizeof *names, err));
  for (int i = 0; i < root->child_count; i++) names[i] = root->children[i].name;
  qsort(names, (size_t)root->child_count, sizeof *names, by_text);
  for (int i = 1; i < root->child_count; i++)
    if (strcmp(names[i - 1], names[i]) == 0) return tl_fail(err, TL_UNSUPPORTED, "%s: two columns are named %s", file->path, names[i]);
  return TL_OK;
}

static tl_status collect_from(tl_scan *s, size_t index, const tl_parquet *file, tl_error *err) {
  const tl_schema *root = file->meta.schema;
  if (root->child_count > TL_MOST_COLUMNS)
    return tl_fail(err, TL_UNSUPPORTED, "%s: %d columns, at most %d can be read", file->path, root->child_count, TL_MOST_COLUMNS);
  TL_TRY(check_names(s, file, err));
  for (int k = 0; k < root->child_count; k++) {
    const char *name = root->children[k].name;
    bool same_place = k < s->schema.child_count && strcmp(s->schema.children[k].name, name) == 0;
    if (!same_place && (index == 0 || tl_schema_child(&s->schema, name) < 0)) TL_TRY(add_column(s, &root->children[k], err));
  }
  return add_parts(s, index, &file->meta, err);
}

static tl_status collect_columns(tl_scan *s, tl_error *err) {
  int64_t bytes = 0;
  TL_TRY(tl_arena_take(&s->arena, &s->kept, MOST_KEPT, sizeof *s->kept, err));
  for (size_t i = 0; i < s->dataset.count; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    TL_TRY(tl_parquet_open(&file, s->env, s->dataset.files[i].path, err));
    TL_TRY(collect_from(s, i, &file, err));
    bytes += 3 * file.footer_size + (int64_t)file.whole.size; /* a footer takes about so much in memory */
    bool keeps = s->dataset.count == 1 || (s->kept_count == i && i < MOST_KEPT && bytes <= KEPT_BYTES);
    if (!keeps) continue;
    s->kept[s->kept_count++] = file;
    file = (tl_parquet){.handle = -1};
  }
  TL_TRY(add_hive_columns(s, err));
  tl_schema_number(&s->schema);
  return TL_OK;
}

static tl_status no_column(const tl_scan *s, const char *name, const char *where, tl_error *err) {
  const char *known[512];
  size_t n = 0;
  for (int k = 0; k < s->schema.child_count && n < 512; k++) known[n++] = s->schema.children[k].name;
  const char *nearest = tl_nearest_name(name, known, n);
  return tl_fail(err, TL_USAGE, "%s%s has no column %s%s%s%s", where, s->dataset.root, name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                 nearest ? "?" : "");
}

static tl_status choose(tl_scan *s, const char *const *names, size_t count, tl_error *err) {
  int room = names == NULL ? s->schema.child_count : (int)count;
  TL_TRY(tl_arena_take(&s->arena, &s->wanted, (size_t)room + 1, sizeof *s->wanted, err));
  for (int i = 0; i < room; i++) {
    s->wanted[i] = names == NULL ? i : tl_schema_child(&s->schema, names[i]);
    if (s->wanted[i] < 0) return no_column(s, names[i], "", err);
  }
  s->wanted_count = room;
  return TL_OK;
}

tl_status tl_scan_choose(tl_scan *s, const char *const *columns, size_t count, tl_error *err) { return choose(s, columns, count, err); }

/* ---- the condition ---- */

/* A leaf in structs by its dotted path, in some file; its type. */
static tl_status find_leaf(tl_scan *s, const char *path, tl_field *out, bool *found, tl_error *err) {
  *found = false;
  for (size_t i = 0; i < s->dataset.count && !*found; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    TL_TRY(tl_parquet_open(&file, s->env, s->dataset.files[i].path, err));
    int leaf = tl_meta_leaf(&file.meta, path);
    if (leaf < 0 || file.meta.leaves[leaf].max_repetition > 0) continue;
    *out = file.meta.leaves[leaf].field;
    TL_TRY(tl_arena_text(&s->arena, &out->name, path, strlen(path), err));
    *found = true;
  }
  return TL_OK;
}

static tl_status ask_column(tl_scan *s, int i, const char *name, tl_field *field, tl_error *err) {
  bool found;
  s->asked[i] = tl_schema_child(&s->schema, name);
  if (s->asked[i] >= 0) {
    const tl_schema *column = &s->schema.children[s->asked[i]];
    if (column->shape != TL_SHAPE_VALUE) return tl_fail(err, TL_USAGE, "--where: %s is nested; name a value in it (structs: a.b)", name);
    *field = column->field;
    return TL_OK;
  }
  TL_TRY(find_leaf(s, name, field, &found, err));
  if (!found) return no_column(s, name, "--where: ", err);
  s->asked[i] = -1 - i;
  s->asked_leaves[i] = field->name;
  return TL_OK;
}

/* The condition is parsed here once to find its mistakes; each reader has its own. */
static tl_status ask(tl_scan *s, const char *where, tl_error *err) {
  tl_predicate *p;
  tl_field *fields;
  const tl_field **bound;
  if (where == NULL) return TL_OK;
  TL_TRY(tl_arena_text(&s->arena, &s->where, where, strlen(where), err));
  TL_TRY(tl_predicate_parse(&p, s->env, where, err));
  s->asked_count = tl_predicate_column_count(p);
  size_t room = (size_t)s->asked_count + 1;
  tl_status status = tl_arena_take(&s->arena, &s->asked, room, sizeof *s->asked, err);
  if (status == TL_OK) status = tl_arena_take(&s->arena, &s->asked_leaves, room, sizeof *s->asked_leaves, err);
  if (status == TL_OK) status = tl_arena_take(&s->arena, &fields, room, sizeof *fields, err);
  if (status == TL_OK) status = tl_arena_take(&s->arena, &bound, room, sizeof *bound, err);
  for (int i = 0; status == TL_OK && i < s->asked_count; i++) {
    status = ask_column(s, i, tl_predicate_column(p, i), &fields[i], err);
    bound[i] = &fields[i];
  }
  if (status == TL_OK) status = tl_predicate_bind(p, bound, err);
  tl_predicate_free(p);
  return status;
}

tl_status tl_scan_open(tl_scan *out, tl_env *env, const char *path, tl_scan_options options, tl_error *err) {
  *out = (tl_scan){.env = env,
                   .arena = {.env = env},
                   .schema = {.name = "schema", .shape = TL_SHAPE_STRUCT},
                   .page_limit = options.page_limit > 0 ? options.page_limit : PAGE_LIMIT,
                   .batch_rows = options.batch_rows > 0 ? options.batch_rows : BATCH_ROWS};
  if (options.files != NULL)
    TL_TRY(tl_dataset_of(&out->dataset, env, path, options.files, options.file_count, err));
  else
    TL_TRY(tl_dataset_list(&out->dataset, env, path, err));
  tl_status status = collect_columns(out, err);
  if (status == TL_OK) status = choose(out, options.columns, options.column_count, err);
  if (status == TL_OK) status = ask(out, options.where, err);
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
