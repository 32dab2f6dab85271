#include "lake/sink.h"
#include <string.h>
#include "codec/compressor.h"
#include "column/compare.h"

enum { GROUP_ROWS = 131072, PAGE_ROWS = 16384, MEMORY = 256 << 20, MOST_SORTING = 64, ZSTD_LEVEL = 3 };

void tl_sink_free(tl_sink *s) {
  if (!s->open) return;
  tl_batch_free(&s->rows);
  tl_group_free(&s->group);
  tl_writer_free(&s->writer); /* last: its schema is theirs */
  *s = (tl_sink){0};
}

/* Sorting columns as the file counts them: leaves. */
static tl_status set_sorting(tl_sink *s, const tl_schema *schema, tl_sorting *leaves, tl_error *err) {
  if (s->style.sorting_count > MOST_SORTING) return tl_fail(err, TL_USAGE, "at most %d columns to sort by", MOST_SORTING);
  for (int i = 0; i < s->style.sorting_count; i++) {
    s->sorting[i] = leaves[i] = s->style.sorting[i];
    leaves[i].column = schema->children[s->sorting[i].column].first_leaf;
  }
  s->style.sorting = s->sorting;
  return TL_OK;
}

tl_status tl_sink_open(tl_sink *s, tl_env *env, const char *path, const tl_schema *schema, const tl_sink_style *style, tl_error *err) {
  tl_sorting leaves[MOST_SORTING];
  *s = (tl_sink){.env = env, .style = *style, .group = {.env = env}, .writer = {.handle = -1}, .open = true};
  if (s->style.group_rows <= 0) s->style.group_rows = GROUP_ROWS;
  if (s->style.page_rows <= 0) s->style.page_rows = PAGE_ROWS;
  if (s->style.memory <= 0) s->style.memory = MEMORY;
  tl_status status = set_sorting(s, schema, leaves, err);
  if (status == TL_OK) status = tl_writer_open_schema(&s->writer, env, path, schema, leaves, style->sorting_count, err);
  if (status == TL_OK) status = tl_batch_open(&s->rows, env, s->writer.meta.schema, err);
  if (status != TL_OK) tl_sink_free(s);
  return status;
}

tl_status tl_sink_key_value(tl_sink *s, const char *key, const char *value, tl_error *err) { return tl_writer_key_value(&s->writer, key, value, err); }

/* ---- row groups ---- */

static bool is_sorted_by(const tl_sink *s, int column) {
  for (int i = 0; i < s->style.sorting_count; i++)
    if (s->sorting[i].column == column) return true;
  return false;
}

static tl_page_style style_of(const tl_sink *s, int column) {
  return (tl_page_style){.encoding = TL_ENCODING_CHOOSE,
                         .codec = s->style.fast ? TL_CODEC_NONE : TL_CODEC_ZSTD,
                         .level = ZSTD_LEVEL,
                         .page_rows = s->style.page_rows,
                         .bloom = !s->style.fast && !is_sorted_by(s, column)};
}

/* The first `rows` of the rows that are there. */
static tl_status write_group(tl_sink *s, int64_t rows, tl_error *err) {
  const tl_schema *schema = s->writer.meta.schema;
  TL_OWNED(tl_batch) rest = {0};
  if (rows < s->rows.rows) {
    TL_TRY(tl_batch_open(&rest, s->env, schema, err));
    TL_TRY(tl_batch_append(&rest, &s->rows, rows, s->rows.rows - rows, err));
    tl_batch_cut(&s->rows, rows);
  }
  TL_TRY(tl_group_begin(&s->group, schema->leaf_count, rows, err));
  for (int i = 0; i < schema->child_count; i++)
    TL_TRY(tl_group_put_array(&s->group, s->writer.meta.leaves, &schema->children[i], &s->rows.columns[i], style_of(s, i), err));
  TL_TRY(tl_writer_append(&s->writer, &s->group, err));
  TL_TRY(tl_batch_clear(&s->rows, err));
  return rest.env != NULL ? tl_batch_append(&s->rows, &rest, 0, rest.rows, err) : TL_OK;
}

static bool begins_stream(const tl_sink *s, int64_t row) {
  for (int i = 0; i < s->style.stream_columns; i++) {
    const tl_column *c = &s->rows.columns[s->sorting[i].column].column;
    bool a = tl_column_is_valid(c, row - 1), b = tl_column_is_valid(c, row);
    if (a != b || (a && tl_column_compare(c, row - 1, c, row) != 0)) return true;
  }
  return false;
}

/* The last place in the second half of a full group where a stream ends, or the group's end. */
static int64_t best_cut(const tl_sink *s, int64_t rows) {
  for (int64_t row = rows; s->style.stream_columns > 0 && row < s->rows.rows && row > rows / 2; row--)
    if (begins_stream(s, row)) return row;
  return rows;
}

/* One row more than a group has is waited for, so that a stream that ends just there is seen. */
static tl_status flush(tl_sink *s, tl_error *err) {
  while (s->rows.rows > s->style.group_rows) TL_TRY(write_group(s, best_cut(s, s->style.group_rows), err));
  if (s->rows.rows > 1 && tl_batch_bytes(&s->rows) > s->style.memory) return write_group(s, s->rows.rows, err);
  return TL_OK;
}

static tl_status check_missing(const tl_sink *s, tl_error *err) {
  const tl_schema *schema = s->writer.meta.schema;
  for (int i = 0; i < schema->child_count; i++)
    if (!schema->children[i].nullable && s->rows.columns[i].null_count > 0)
      return tl_fail(err, TL_CORRUPT, "column %s: a value is missing where the statistics say that none is", schema->children[i].name);
  return TL_OK;
}

tl_status tl_sink_put_arrays(tl_sink *s, tl_array *const *columns, int64_t from, int64_t count, tl_error *err) {
  enum { STEP = 16384 };
  for (int64_t n; count > 0; from += n, count -= n) {
    n = count < STEP ? count : STEP;
    for (int i = 0; i < s->rows.schema->child_count; i++) TL_TRY(tl_array_append(&s->rows.columns[i], columns[i], from, n, err));
    s->rows.rows += n;
    TL_TRY(check_missing(s, err));
    TL_TRY(flush(s, err));
  }
  return TL_OK;
}

tl_status tl_sink_put_rows(tl_sink *s, const tl_batch *const *batches, int batch_count, const uint16_t *from, const uint32_t *rows, int64_t count,
                           tl_error *err) {
  TL_TRY(tl_batch_gather(&s->rows, batches, batch_count, from, rows, count, err));
  TL_TRY(check_missing(s, err));
  return flush(s, err);
}

tl_status tl_sink_put(tl_sink *s, const tl_batch *batch, int64_t from, int64_t count, tl_error *err) {
  TL_OWNED(tl_buffer) memory = {.env = s->env};
  TL_TRY(tl_buffer_reserve(&memory, (size_t)(batch->schema->child_count + 1) * sizeof(tl_array *), err));
  tl_array **columns = (tl_array **)(void *)memory.data;
  for (int i = 0; i < batch->schema->child_count; i++) columns[i] = &batch->columns[i];
  return tl_sink_put_arrays(s, columns, from, count, err);
}

tl_status tl_sink_finish(tl_sink *s, tl_error *err) {
  if (s->rows.rows > 0) TL_TRY(write_group(s, s->rows.rows, err));
  return tl_writer_finish(&s->writer, false, err);
}
