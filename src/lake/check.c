#include "lake/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "column/column.h"
#include "lake/manifest.h"
#include "lake/order.h"
#include "lake/rows.h"
#include "lake/tape_order.h"
#include "parquet/rows.h"
#include "parquet/reader.h"

enum { STEP = 65536 };

typedef struct checker {
  tl_check *out;
  const tl_dataset_file *file;
  tl_parquet open;
  tl_page_scratch scratch;
  tl_column column;
  const char *by[TL_MOST_BY];
  int by_count;
  bool asked;         /* by was given: files without these columns are a finding */
  const char *sorted; /* what rows are sorted by, if it was said */
  tl_row_order order;
} checker;

void tl_check_free(tl_check *c) {
  if (c->env == NULL) return;
  tl_release(c->env, c->findings);
  tl_arena_free(&c->arena);
  *c = (tl_check){0};
}

static tl_status find(tl_check *c, const char *kind, const char *file, int64_t row, tl_error *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
static tl_status find(tl_check *c, const char *kind, const char *file, int64_t row, tl_error *err, const char *format, ...) {
  char text[800];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (c->finding_count == TL_MOST_FINDINGS) return c->unlisted++, TL_OK;
  TL_TRY(tl_reserve(c->env, &c->findings, &c->finding_capacity, c->finding_count + 1, sizeof *c->findings, err));
  tl_finding *f = &c->findings[c->finding_count];
  *f = (tl_finding){.kind = kind, .row = row};
  TL_TRY(tl_arena_text(&c->arena, &f->text, text, strlen(text), err));
  if (file != NULL) TL_TRY(tl_arena_text(&c->arena, &f->file, file, strlen(file), err));
  c->finding_count++;
  return TL_OK;
}

/* The text of an error without the file's path, which is said beside it. */
static const char *without_path(const char *text, const char *path) {
  size_t size = strlen(path);
  return strncmp(text, path, size) == 0 && strncmp(text + size, ": ", 2) == 0 ? text + size + 2 : text;
}

/* ---- statistics ---- */

typedef struct bounds {
  bool numbers, texts; /* which of the two the chunk has */
  double min, max;
  bool exact; /* integers: compared as such */
  int64_t low, high;
} bounds;

static bounds bounds_of(const tl_chunk *c, const tl_leaf *leaf) {
  bounds b = {0};
  b.exact = tl_statistics_int_range(c, leaf, &b.low, &b.high);
  b.numbers = b.exact || tl_statistics_range(c, leaf, &b.min, &b.max);
  bool text = leaf->field.physical == TL_PHYSICAL_BYTE_ARRAY && leaf->field.logical == TL_LOGICAL_STRING;
  b.texts = text && c->statistics.min.data != NULL && c->statistics.max.data != NULL;
  return b;
}

static int compare_bytes(tl_bytes a, tl_bytes b) {
  int order = a.size == 0 || b.size == 0 ? 0 : memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
  return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Whether a value lies outside of what the chunk's statistics say. */
static bool is_outside(const bounds *b, const tl_statistics *s, const tl_column *c, int64_t row) {
  if (!tl_column_is_valid(c, row)) return false;
  if (b->texts) return compare_bytes(tl_column_bytes(c, row), s->min) < 0 || compare_bytes(tl_column_bytes(c, row), s->max) > 0;
  if (!b->numbers) return false;
  if (b->exact) return tl_column_int(c, row) < b->low || tl_column_int(c, row) > b->high;
  double v = tl_load_double(tl_column_bytes(c, row).data);
  return v < b->min || v > b->max; /* a NaN is outside of nothing */
}

static tl_status check_chunk(checker *w, int group, int leaf, tl_error *err) {
  const tl_row_group *g = &w->open.meta.groups[group];
  const tl_leaf *l = &w->open.meta.leaves[leaf];
  tl_chunk words = tl_meta_chunk(&w->open.meta, group, leaf);
  const tl_chunk *chunk = &words;
  bounds b = bounds_of(chunk, l);
  int64_t nulls = 0, outside = -1;
  tl_page_cursor cursor = {0};
  tl_error why;
  for (int64_t from = 0, count; from < g->row_count; from += count) {
    count = g->row_count - from < STEP ? g->row_count - from : STEP;
    tl_status status = tl_parquet_read_on(&w->open, group, leaf, from, count, &w->column, &w->scratch, &cursor, &why);
    if (status == TL_MEMORY) return tl_fail(err, status, "%s", why.text);
    if (status != TL_OK) return find(w->out, "unreadable", w->file->name, g->first_row + from, err, "%s", without_path(why.text, w->file->path));
    nulls += w->column.null_count;
    for (int64_t r = 0; r < count && outside < 0; r++)
      if (is_outside(&b, &chunk->statistics, &w->column, r)) outside = from + r;
  }
  w->out->chunks++;
  if (outside >= 0)
    TL_TRY(find(w->out, "statistics", w->file->name, g->first_row + outside, err, "column %s, row group %d: a value lies outside of the minimum and maximum",
                l->field.name, group));
  if (chunk->statistics.null_count < 0 || chunk->statistics.null_count == nulls) return TL_OK;
  return find(w->out, "statistics", w->file->name, -1, err, "column %s, row group %d: %lld rows are missing, the statistics say %lld", l->field.name, group,
              (long long)nulls, (long long)chunk->statistics.null_count);
}

/* A column with lists in it: that its levels and values make rows. */
static tl_status check_nested(checker *w, int group, int column, tl_error *err) {
  const tl_row_group *g = &w->open.meta.groups[group];
  TL_OWNED(tl_row_reader) reader = {0};
  TL_OWNED(tl_array) array = {0};
  tl_error why;
  TL_TRY(tl_array_open(&array, w->out->env, &w->open.meta.schema->children[column], err));
  tl_status status = tl_row_reader_open(&reader, &w->open, group, &column, 1, w->scratch.limit, false, &why);
  for (int64_t from = 0, count; status == TL_OK && from < g->row_count; from += count) {
    count = g->row_count - from < STEP ? g->row_count - from : STEP;
    status = tl_row_reader_read_at(&reader, 0, from, count, &array, &why);
  }
  w->out->chunks += w->open.meta.schema->children[column].leaf_count;
  if (status == TL_MEMORY) return tl_fail(err, status, "%s", why.text);
  return status == TL_OK ? TL_OK : find(w->out, "unreadable", w->file->name, g->first_row, err, "%s", without_path(why.text, w->file->path));
}

static bool repeats(const tl_meta *m, const tl_schema *column) {
  for (int i = 0; i < column->leaf_count; i++)
    if (m->leaves[column->first_leaf + i].max_repetition > 0) return true;
  return false;
}

/* ---- order ---- */

static tl_status report_order(void *context, const char *kind, const char *file, int64_t row, const char *text, tl_error *err) {
  return find(context, kind, file, row, err, "%s", text);
}

/* What a file is in order by: what was asked for, or what it says itself. */
static tl_status settle_by(checker *w, const char *by, tl_error *err) {
  const char *comma;
  w->by_count = 0;
  for (const char *at = by; at != NULL; at = comma ? comma + 1 : NULL) {
    comma = strchr(at, ',');
    size_t size = comma ? (size_t)(comma - at) : strlen(at);
    if (size == 0 || w->by_count == TL_MOST_BY) return tl_fail(err, TL_USAGE, "--by %s: expected up to %d names with commas between", by, TL_MOST_BY);
    TL_TRY(tl_arena_text(&w->out->arena, &w->by[w->by_count++], at, size, err));
  }
  return TL_OK;
}

static tl_status check_order(checker *w, tl_error *err) {
  tl_error why;
  if (w->by_count == 0) {
    const char *own = tl_meta_value(&w->open.meta, "tickloom.by");
    if (own == NULL || w->asked) return TL_OK;
    TL_TRY(tl_arena_text(&w->out->arena, &w->out->by, own, strlen(own), err));
    TL_TRY(settle_by(w, own, err));
  }
  tl_status status = tl_row_order_file(&w->order, w->file, &w->open, w->by, w->by_count, &w->scratch, &why);
  if (status == TL_NOT_FOUND && w->asked) return find(w->out, "key", w->file->name, -1, err, "%s", why.text);
  if (status == TL_MEMORY || status == TL_USAGE) return tl_fail(err, status, "%s", why.text);
  return TL_OK; /* what cannot be read was found already */
}

/* Whether the rows of the file are sorted as was said, as a tape's are, or as its row groups claim. */
static tl_status check_sorted(checker *w, tl_error *err) {
  tl_sorting keys[TL_MOST_ORDER];
  tl_order claimed = {.broken_row = -1};
  int count;
  tl_error why;
  TL_TRY(tl_tape_order(keys, &count, &w->open, w->sorted, err));
  tl_status status = count > 0 ? tl_order_verify_by(&claimed.broken_row, &w->open, keys, count, &why) : tl_order_verify(&claimed, &w->open, &why);
  if (status == TL_MEMORY) return tl_fail(err, status, "%s", why.text);
  if (status != TL_OK || claimed.broken_row < 0) return TL_OK; /* what cannot be read was found already */
  const char *what = w->sorted != NULL ? "that was asked for" : count > 0 ? "of a tape, " TL_TAPE_ORDER : "that its row groups claim";
  return find(w->out, "order", w->file->name, claimed.broken_row, err, "comes before the row ahead of it, by the order %s", what);
}

/* ---- files ---- */

static tl_status check_opened(checker *w, tl_error *err) {
  const tl_meta *m = &w->open.meta;
  w->out->rows += m->row_count;
  for (int i = 0; i < m->schema->child_count; i++) {
    const tl_schema *column = &m->schema->children[i];
    bool lists = repeats(m, column);
    for (int g = 0; g < m->group_count; g++) {
      if (lists) TL_TRY(check_nested(w, g, i, err));
      for (int k = 0; !lists && k < column->leaf_count; k++) TL_TRY(check_chunk(w, g, column->first_leaf + k, err));
    }
  }
  TL_TRY(check_sorted(w, err));
  return check_order(w, err);
}

static tl_status check_file(checker *w, const tl_dataset_file *file, tl_error *err) {
  tl_error why;
  w->file = file;
  w->out->files++;
  tl_status status = tl_parquet_open(&w->open, w->out->env, file->path, &why);
  if (status == TL_MEMORY) return tl_fail(err, status, "%s", why.text);
  if (status != TL_OK) return find(w->out, "unreadable", file->name, -1, err, "%s", without_path(why.text, file->path));
  status = check_opened(w, err);
  tl_parquet_free(&w->open);
  return status;
}

/* ---- manifest ---- */

static int by_name(const void *a, const void *b) { return strcmp(((const tl_manifest_file *)a)->name, ((const tl_manifest_file *)b)->name); }

static tl_status check_listed(checker *w, const char *root, uint64_t generation, const tl_manifest_file *f, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = w->out->env};
  TL_OWNED(tl_parquet) file = {.handle = -1};
  const char *path;
  tl_file_info info;
  TL_TRY(tl_manifest_ready_path(&arena, root, generation, f->name, &path, err));
  if (w->out->env->info(w->out->env, path, &info, NULL) != TL_OK) TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", root, f->name));
  if (w->out->env->info(w->out->env, path, &info, NULL) != TL_OK) return find(w->out, "manifest", f->name, -1, err, "in the manifest, but not there");
  if (f->size >= 0 && f->size != info.size)
    TL_TRY(find(w->out, "manifest", f->name, -1, err, "%lld bytes, the manifest says %lld", (long long)info.size, (long long)f->size));
  if (f->rows < 0 || tl_parquet_open(&file, w->out->env, path, NULL) != TL_OK || file.meta.row_count == f->rows) return TL_OK;
  return find(w->out, "manifest", f->name, -1, err, "%lld rows, the manifest says %lld", (long long)file.meta.row_count, (long long)f->rows);
}

static tl_status check_manifest(checker *w, const char *root, tl_error *err) {
  TL_OWNED(tl_manifest) manifest = {0};
  TL_OWNED(tl_dataset) there = {0};
  tl_env *env = w->out->env;
  const char *log;
  tl_file_info info;
  TL_TRY(tl_arena_format(&w->out->arena, &log, err, "%s/_tickloom/state/progress.jsonl", root));
  if (env->info(env, log, &info, NULL) == TL_OK)
    TL_TRY(find(w->out, "unfinished", NULL, -1, err, "a run into this dataset was stopped, or something in it failed; the same command goes on with it"));
  tl_status status = tl_manifest_read(&manifest, env, root, err);
  if (status == TL_NOT_FOUND) return TL_OK;
  if (status == TL_CORRUPT) return find(w->out, "manifest", "_tickloom/manifest.json", -1, err, "%s", err ? err->text : "cannot be read");
  TL_TRY(status);
  if (w->out->by == NULL && manifest.by != NULL) TL_TRY(tl_arena_text(&w->out->arena, &w->out->by, manifest.by, strlen(manifest.by), err));
  for (size_t i = 0; i < manifest.count; i++) TL_TRY(check_listed(w, root, manifest.generation, &manifest.files[i], err));
  if (manifest.count > 0) qsort(manifest.files, manifest.count, sizeof *manifest.files, by_name);
  status = tl_dataset_walk(&there, env, root, err);
  if (status == TL_NOT_FOUND) return TL_OK;
  TL_TRY(status);
  for (size_t i = 0; i < there.count; i++) {
    tl_manifest_file one = {.name = there.files[i].name};
    if (manifest.count == 0 || bsearch(&one, manifest.files, manifest.count, sizeof one, by_name) == NULL)
      TL_TRY(find(w->out, "manifest", one.name, -1, err, "there, but not in the manifest: other readers will take it for a part of the dataset"));
  }
  return TL_OK;
}

/* ---- whole ---- */

static tl_status check_all(checker *w, const char *path, tl_error *err) {
  TL_OWNED(tl_dataset) dataset = {0};
  tl_file_info info;
  TL_TRY(w->out->env->info(w->out->env, path, &info, err));
  if (info.is_folder) TL_TRY(check_manifest(w, path, err));
  tl_status status = tl_dataset_list(&dataset, w->out->env, path, err);
  if (status == TL_NOT_FOUND && w->out->finding_count > 0) return TL_OK;
  TL_TRY(status);
  if (w->out->by != NULL) TL_TRY(settle_by(w, w->out->by, err));
  for (size_t i = 0; i < dataset.count; i++) {
    /* a file that the manifest lists but that is gone was found already */
    if (w->out->env->info(w->out->env, dataset.files[i].path, &info, NULL) == TL_OK) TL_TRY(check_file(w, &dataset.files[i], err));
  }
  return tl_row_order_end(&w->order, err);
}

tl_status tl_check_run(tl_check *out, tl_env *env, const char *path, const char *by, const char *order, int64_t page_limit, tl_error *err) {
  *out = (tl_check){.env = env, .arena = {.env = env}, .page_limit = page_limit, .by = by};
  checker w = {.out = out,
               .open = {.handle = -1},
               .scratch = {.env = env, .limit = page_limit},
               .column = {.env = env, .bytes = {.env = env}},
               .asked = by != NULL,
               .sorted = order};
  tl_row_order_open(&w.order, env, report_order, out);
  tl_status status = check_all(&w, path, err);
  tl_row_order_free(&w.order);
  tl_column_free(&w.column);
  tl_page_scratch_free(&w.scratch);
  tl_parquet_free(&w.open);
  if (status != TL_OK) tl_check_free(out);
  return status;
}
