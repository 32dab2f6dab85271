#include "parquet/rows.h"
#include <string.h>
#include "parquet/assemble.h"

struct tl_row_column {
  const tl_schema *node;
  tl_cursor *cursors; /* one a leaf */
  tl_page_scratch *scratches;
  tl_entries *entries;
};

static void free_column(tl_row_column *c, tl_env *env) {
  for (int i = 0; c->node != NULL && i < c->node->leaf_count; i++) {
    if (c->cursors != NULL) tl_cursor_free(&c->cursors[i]);
    if (c->scratches != NULL) tl_page_scratch_free(&c->scratches[i]);
    if (c->entries != NULL) tl_entries_free(&c->entries[i]);
  }
  tl_release(env, c->cursors);
  tl_release(env, c->scratches);
  tl_release(env, c->entries);
}

void tl_row_reader_free(tl_row_reader *r) {
  if (r->env == NULL) return;
  for (int i = 0; r->columns != NULL && i < r->column_count; i++) free_column(&r->columns[i], r->env);
  tl_release(r->env, r->columns);
  *r = (tl_row_reader){0};
}

static tl_status open_column(tl_row_reader *r, tl_row_column *c, int index, int64_t limit, bool sparse, tl_error *err) {
  const tl_schema *node = &r->file->meta.schema->children[index];
  size_t leaves = (size_t)node->leaf_count;
  TL_TRY(tl_allocate_zeroed(r->env, &c->cursors, leaves, sizeof *c->cursors, err));
  TL_TRY(tl_allocate_zeroed(r->env, &c->scratches, leaves, sizeof *c->scratches, err));
  TL_TRY(tl_allocate_zeroed(r->env, &c->entries, leaves, sizeof *c->entries, err));
  c->node = node;
  for (size_t i = 0; i < leaves; i++) {
    c->scratches[i] = (tl_page_scratch){.env = r->env, .limit = limit};
    c->entries[i] = (tl_entries){.env = r->env, .values = {.env = r->env, .bytes = {.env = r->env}}};
    TL_TRY(tl_cursor_open(&c->cursors[i], r->file, r->group, node->first_leaf + (int)i, &c->scratches[i], err));
    c->cursors[i].sparse = sparse;
    if (node->shape != TL_SHAPE_VALUE) TL_TRY(tl_cursor_use_entries(&c->cursors[i], err));
  }
  return TL_OK;
}

tl_status tl_row_reader_open(tl_row_reader *r, tl_parquet *file, int group, const int *columns, int count, int64_t limit, bool sparse, tl_error *err) {
  *r = (tl_row_reader){.env = file->env, .file = file, .group = group, .column_count = count};
  tl_status status = tl_allocate_zeroed(r->env, &r->columns, (size_t)count + 1, sizeof *r->columns, err);
  for (int i = 0; status == TL_OK && i < count; i++) status = open_column(r, &r->columns[i], columns[i], limit, sparse, err);
  if (status != TL_OK) tl_row_reader_free(r);
  return status;
}

static tl_status read_nested(tl_row_column *c, int64_t rows, tl_array *out, tl_error *err) {
  for (int k = 0; k < c->node->leaf_count; k++) TL_TRY(tl_cursor_read_entries(&c->cursors[k], rows, true, &c->entries[k], err));
  tl_status status = tl_assemble(out, c->entries, rows, err);
  return tl_cursor_fail(&c->cursors[0], status, err);
}

tl_status tl_row_reader_read_at(tl_row_reader *r, int column, int64_t first, int64_t rows, tl_array *out, tl_error *err) {
  tl_row_column *c = &r->columns[column];
  for (int k = 0; k < c->node->leaf_count; k++) TL_TRY(tl_cursor_skip(&c->cursors[k], first - c->cursors[k].row, err));
  if (c->node->shape != TL_SHAPE_VALUE) return read_nested(c, rows, out, err);
  TL_TRY(tl_cursor_read(&c->cursors[0], rows, true, &out->column, err));
  out->count = rows;
  out->null_count = out->column.null_count;
  return TL_OK;
}

void tl_row_reader_take(tl_row_reader *r, int column, tl_enough enough) {
  if (r->columns[column].node->shape == TL_SHAPE_VALUE) r->columns[column].cursors[0].enough = enough;
}

int64_t tl_row_reader_bytes(const tl_row_reader *r) {
  int64_t bytes = 0;
  for (int i = 0; i < r->column_count; i++)
    for (int k = 0; k < r->columns[i].node->leaf_count; k++) bytes += r->columns[i].scratches[k].bytes_read;
  return bytes;
}
