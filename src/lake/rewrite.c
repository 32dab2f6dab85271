#include "lake/rewrite.h"
#include <string.h>
#include "column/bits.h"
#include "lake/scan.h"
#include "lake/sink.h"
#include "lake/sorter.h"

enum { MOST_KEYS = 64, MEMORY = 1 << 30 };

typedef struct rewriter {
  tl_env *env;
  const tl_rewrite_options *options;
  tl_rewrite_outcome *out;
  tl_scan scan;
  tl_arena arena;
  tl_schema schema; /* of the output */
  bool trusts;      /* statistics that say that nothing is missing */
  tl_sorting keys[MOST_KEYS];
  int key_count;
  const char *by; /* keys of the rows that the input names */
  tl_sink sink;
  tl_sorter *sorter;
} rewriter;

/* ---- the schema ---- */

/* What is optional in any file is optional; the forms must be the same. */
static void widen(tl_schema *out, const tl_schema *in) {
  out->nullable |= in->nullable;
  for (int i = 0; i < out->child_count; i++) widen(&out->children[i], &in->children[i]);
}

/* Whether a file's statistics say that no value of the column is missing. */
static bool is_full(const tl_meta *m, const tl_schema *column) {
  for (int g = 0; g < m->group_count; g++)
    if (tl_meta_chunk(m, g, column->first_leaf).statistics.null_count != 0) return false;
  return true;
}

static tl_status merge_file(rewriter *r, const tl_parquet *file, bool *full, tl_error *err) {
  for (int i = 0; i < r->scan.hive_from; i++) {
    tl_schema *column = &r->schema.children[i];
    int child = tl_schema_child(file->meta.schema, column->name);
    const tl_schema *there = &file->meta.schema->children[child < 0 ? 0 : child];
    if (child < 0) {
      full[i] = false;
      column->nullable = true;
      continue;
    }
    TL_TRY(tl_schema_agree(column, there, file->path, err));
    widen(column, there);
    full[i] &= there->shape == TL_SHAPE_VALUE && (!there->nullable || is_full(&file->meta, there));
  }
  return TL_OK;
}

/* A file's own words about its rows are carried over, as long as there is only one to listen to. */
static tl_status settle_schema(rewriter *r, tl_error *err) {
  bool *full;
  TL_TRY(tl_schema_copy(&r->schema, &r->scan.schema, &r->arena, err));
  TL_TRY(tl_arena_take(&r->arena, &full, (size_t)r->schema.child_count + 1, sizeof *full, err));
  for (int i = 0; i < r->schema.child_count; i++) full[i] = true;
  for (size_t f = 0; f < r->scan.dataset.count; f++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    TL_TRY(tl_parquet_open(&file, r->env, r->scan.dataset.files[f].path, err));
    TL_TRY(merge_file(r, &file, full, err));
    r->out->size_before += file.size;
  }
  for (int i = 0; i < r->scan.hive_from; i++)
    if (full[i] && r->trusts && r->schema.children[i].shape == TL_SHAPE_VALUE) r->schema.children[i].nullable = false;
  tl_schema_number(&r->schema);
  return TL_OK;
}

static tl_status settle_keys(rewriter *r, tl_error *err) {
  if (r->options->key_count > MOST_KEYS) return tl_fail(err, TL_USAGE, "--sort: at most %d columns", MOST_KEYS);
  for (int i = 0; i < r->options->key_count; i++) {
    const char *name = r->options->keys[i];
    tl_sorting *key = &r->keys[i];
    key->descending = name[0] == '-' && tl_schema_child(&r->schema, name) < 0;
    name += key->descending;
    key->column = tl_schema_child(&r->schema, name);
    if (key->column < 0) return tl_fail(err, TL_USAGE, "--sort: %s has no column %s", r->options->in, name);
    if (r->schema.children[key->column].shape != TL_SHAPE_VALUE) return tl_fail(err, TL_USAGE, "--sort: %s is nested; only values have an order", name);
  }
  r->key_count = r->options->key_count;
  return TL_OK;
}

/* ---- rows ---- */

static tl_status take_sorted(void *context, const tl_batch *const *batches, int batch_count, const uint16_t *from, const uint32_t *rows, int64_t count,
                             tl_error *err) {
  rewriter *r = context;
  return tl_sink_put_rows(&r->sink, batches, batch_count, from, rows, count, err);
}

static tl_status put(rewriter *r, tl_array *const *columns, int64_t from, int64_t count, tl_error *err) {
  return r->sorter != NULL ? tl_sorter_put(r->sorter, columns, from, count, err) : tl_sink_put_arrays(&r->sink, columns, from, count, err);
}

static tl_status put_batch(rewriter *r, const tl_scan_reader *reader, tl_error *err) {
  for (int64_t at = 0, n; at < reader->rows; at += n) {
    bool selected = tl_scan_is_selected(reader, at);
    for (n = 1; at + n < reader->rows && (reader->selected == NULL || tl_scan_is_selected(reader, at + n) == selected);) n++;
    if (selected) TL_TRY(put(r, reader->columns, at, n, err));
    r->out->rows += selected ? n : 0;
  }
  return TL_OK;
}

static tl_status put_all(rewriter *r, tl_error *err) {
  TL_OWNED(tl_scan_reader) reader = {0};
  TL_TRY(tl_scan_reader_open(&reader, &r->scan, err));
  int64_t done = 0;
  for (;;) {
    TL_TRY(tl_scan_reader_next(&reader, err));
    if (reader.rows == 0) break;
    TL_TRY(put_batch(r, &reader, err));
    done += reader.rows;
    if (r->options->tell != NULL) r->options->tell(r->options->context, done, r->scan.rows);
  }
  return TL_OK;
}

static tl_status copy_words(rewriter *r, tl_error *err) {
  TL_OWNED(tl_parquet) file = {.handle = -1};
  TL_TRY(tl_parquet_open(&file, r->env, r->scan.dataset.files[0].path, err));
  for (int i = 0; i < file.meta.key_value_count; i++)
    if (strncmp(file.meta.key_values[i].key, "tickloom.", 9) == 0)
      TL_TRY(tl_sink_key_value(&r->sink, file.meta.key_values[i].key, file.meta.key_values[i].value, err));
  return TL_OK;
}

static tl_status write_all(rewriter *r, tl_error *err) {
  const tl_rewrite_options *o = r->options;
  int64_t memory = o->memory > 0 ? o->memory : MEMORY;
  tl_sink_style style = {.fast = o->fast,
                         .group_rows = o->group_rows,
                         .memory = memory / 6,
                         .sorting = r->keys,
                         .sorting_count = r->key_count,
                         .stream_columns = r->key_count > 1 ? r->key_count - 1 : 0};
  TL_TRY(tl_sink_open(&r->sink, r->env, o->out, &r->schema, &style, err));
  TL_TRY(copy_words(r, err));
  if (r->key_count > 0) {
    TL_OWNED(tl_buffer) prefix = {.env = r->env};
    TL_TRY(tl_buffer_format(&prefix, err, "%s.run-", o->out));
    TL_TRY(tl_buffer_byte(&prefix, 0, err));
    TL_TRY(tl_sorter_open(&r->sorter, r->env, (const char *)prefix.data, &r->schema, r->keys, r->key_count, memory / 2, err));
  }
  TL_TRY(put_all(r, err));
  if (r->sorter != NULL) TL_TRY(tl_sorter_drain(r->sorter, take_sorted, r, err));
  return tl_sink_finish(&r->sink, err);
}

static tl_status try_once(rewriter *r, tl_error *err) {
  tl_scan_options what = {.where = r->options->where,
                          .files = r->options->files,
                          .file_count = r->options->file_count,
                          .page_limit = (r->options->memory > 0 ? r->options->memory : MEMORY) / 8};
  TL_TRY(tl_scan_open(&r->scan, r->env, r->options->in, what, err));
  r->out->files = (int64_t)r->scan.dataset.count;
  TL_TRY(settle_schema(r, err));
  TL_TRY(settle_keys(r, err));
  return write_all(r, err);
}

tl_status tl_rewrite(tl_rewrite_outcome *out, tl_env *env, const tl_rewrite_options *options, tl_error *err) {
  for (bool trusts = true;; trusts = false) {
    rewriter r = {.env = env, .options = options, .out = out, .arena = {.env = env}, .trusts = trusts};
    *out = (tl_rewrite_outcome){0};
    tl_status status = try_once(&r, err);
    bool lied = status == TL_CORRUPT && trusts && strstr(err->text, "statistics say") != NULL;
    tl_sorter_close(r.sorter);
    tl_sink_free(&r.sink);
    tl_scan_free(&r.scan);
    tl_arena_free(&r.arena);
    if (!lied) return status; /* statistics that lie cost a second pass, not a row */
  }
}
