/* The columns that a condition names, found in footers and paths before anything else is read. */
#include <string.h>
#include "base/text.h"
#include "lake/hive.h"
#include "run/select.h"

static const tl_schema *child_of(const tl_meta *meta, const char *name) {
  for (int i = 0; i < meta->schema->child_count; i++)
    if (strcmp(meta->schema->children[i].name, name) == 0) return &meta->schema->children[i];
  return NULL;
}

static int leaf_in_structs(const tl_meta *meta, const char *path) {
  int leaf = tl_meta_leaf(meta, path);
  return leaf >= 0 && meta->leaves[leaf].max_repetition == 0 ? leaf : -1;
}

int tl_where_leaf(const tl_input_set *set, int index, const tl_meta *meta) {
  const tl_where_column *c = &set->where_columns[index];
  if (c->source == TL_WHERE_STRUCT) return leaf_in_structs(meta, c->name);
  const tl_schema *child = c->source == TL_WHERE_COLUMN ? child_of(meta, c->name) : NULL;
  return child != NULL && child->shape == TL_SHAPE_VALUE ? child->first_leaf : -1;
}

tl_status tl_where_bind(const tl_input_set *set, tl_predicate *predicate, const tl_parquet *file, const tl_field **fields, tl_error *err) {
  for (int i = 0; i < set->where_count; i++) {
    int leaf = tl_where_leaf(set, i, &file->meta);
    fields[i] = leaf >= 0 ? &file->meta.leaves[leaf].field : set->where_columns[i].source == TL_WHERE_PATH ? &set->where_columns[i].field : NULL;
  }
  tl_status status = tl_predicate_bind(predicate, fields, err);
  return status == TL_OK ? TL_OK : tl_fail_in(err, status, "%s: ", file->path);
}

/* ---- finding ---- */

/* What the files looked at so far say of a column. */
typedef struct sighting {
  bool top, in_path, in_structs;
} sighting;

static bool path_has(const tl_dataset_file *file, const char *name) {
  for (int k = 0; k < file->key_count; k++)
    if (strcmp(file->keys[k].name, name) == 0) return true;
  return false;
}

/* All that a file's footer and path say; *open stays true while a column was not found in a footer yet. */
static tl_status look(tl_input_set *s, size_t index, const tl_parquet *file, sighting *seen, bool *open, tl_error *err) {
  *open = false;
  for (int i = 0; i < s->where_count; i++) {
    const char *name = s->where_columns[i].name;
    const tl_schema *child = child_of(&file->meta, name);
    if (child != NULL && !seen[i].top && child->shape != TL_SHAPE_VALUE)
      return tl_fail(err, TL_USAGE, "--where: %s is nested; name a value in it (structs: a.b)", name);
    seen[i].top |= child != NULL;
    seen[i].in_path |= path_has(&s->dataset.files[index], name);
    seen[i].in_structs |= leaf_in_structs(&file->meta, name) >= 0;
    *open |= !seen[i].top;
  }
  return TL_OK;
}

static tl_status unknown(const tl_input_set *s, size_t index, const tl_parquet *file, const char *name, tl_error *err) {
  const tl_dataset_file *path = &s->dataset.files[index];
  const char *names[512];
  size_t count = 0;
  for (int i = 0; i < file->meta.schema->child_count && count < 256; i++) names[count++] = file->meta.schema->children[i].name;
  for (int i = 0; i < path->key_count && count < 512; i++) names[count++] = path->keys[i].name;
  const char *nearest = tl_nearest_name(name, names, count);
  return tl_fail(err, TL_USAGE, "--where: %s has no column %s%s%s%s", s->dataset.root, name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                 nearest ? "?" : "");
}

/* A file that cannot be opened says nothing here, and is reported when it is its turn; a want of memory for a footer is such a thing. */
static bool open_file(const tl_input_set *s, size_t index, int64_t footer_limit, tl_parquet *out) {
  return tl_parquet_open_within(out, s->env, s->dataset.files[index].path, footer_limit, NULL) == TL_OK;
}

/* False: no file and no path has the column. */
static bool settle_source(const tl_input_set *s, tl_where_column *c, const sighting *seen) {
  c->source = seen->top ? TL_WHERE_COLUMN : seen->in_path ? TL_WHERE_PATH : TL_WHERE_STRUCT;
  if (c->source == TL_WHERE_PATH) c->field = tl_hive_field(&s->dataset, c->name);
  return seen->top || seen->in_path || seen->in_structs;
}

static tl_status find_sources(tl_input_set *s, int64_t footer_limit, sighting *seen, tl_error *err) {
  bool open = true;
  size_t last = s->dataset.count; /* a file that could be read */
  for (size_t i = 0; i < s->dataset.count && open; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    if (!open_file(s, i, footer_limit, &file)) continue;
    last = i;
    TL_TRY(look(s, i, &file, seen, &open, err));
  }
  for (int i = 0; i < s->where_count; i++) {
    if (settle_source(s, &s->where_columns[i], &seen[i]) || last == s->dataset.count) continue;
    TL_OWNED(tl_parquet) file = {.handle = -1};
    TL_TRY(tl_parquet_open(&file, s->env, s->dataset.files[last].path, err));
    return unknown(s, last, &file, s->where_columns[i].name, err);
  }
  return TL_OK;
}

static tl_status find(tl_input_set *s, tl_predicate *predicate, int64_t footer_limit, tl_error *err) {
  sighting *seen;
  const tl_field **fields;
  s->where_count = tl_predicate_column_count(predicate);
  TL_TRY(tl_arena_take(&s->arena, &s->where_columns, (size_t)s->where_count + 1, sizeof *s->where_columns, err));
  TL_TRY(tl_arena_take(&s->arena, &seen, (size_t)s->where_count + 1, sizeof *seen, err));
  TL_TRY(tl_arena_take(&s->arena, &fields, (size_t)s->where_count + 1, sizeof *fields, err));
  for (int i = 0; i < s->where_count; i++) {
    const char *name = tl_predicate_column(predicate, i);
    TL_TRY(tl_arena_text(&s->arena, &s->where_columns[i].name, name, strlen(name), err));
  }
  TL_TRY(find_sources(s, footer_limit, seen, err));
  for (size_t i = 0; i < s->dataset.count; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    if (open_file(s, i, footer_limit, &file)) TL_TRY(tl_where_bind(s, predicate, &file, fields, err));
  }
  return TL_OK;
}

tl_status tl_where_find(tl_input_set *s, const char *where, int64_t footer_limit, tl_error *err) {
  tl_predicate *predicate;
  if (where == NULL) return TL_OK;
  TL_TRY(tl_arena_text(&s->arena, &s->where, where, strlen(where), err));
  TL_TRY(tl_predicate_parse(&predicate, s->env, where, err));
  tl_status status = find(s, predicate, footer_limit, err);
  tl_predicate_free(predicate);
  return status;
}
