/* A whole Parquet file: every flat column is read at once from the small file held whole; then in two parts through the window
   that large files are read by, which must give the same rows. Then columns of any shape by rows, what the file says about its pages, and
   a scan with a condition. */
#include <stdio.h>
#include <string.h>
#include "fuzz.h"
#include "lake/scan.h"
#include "parquet/bloom.h"
#include "parquet/index.h"
#include "rows.h"
#include "walk.h"

enum { LIMIT = 1 << 18, MOST_MEMORY = 32 << 20, MOST_COLUMNS = 64, FEW = 5, MOST_PULLS = 64, MOST_SCANNED = 1 << 18 };

static bool read_rows(tl_parquet *f, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *scratch) {
  tl_error err = {0};
  tl_status status = tl_parquet_read(f, group, leaf, first, count, out, scratch, &err);
  tl__fuzz_law(status == TL_OK || (err.status == status && err.text[0] != 0), "a failure says why");
  return status == TL_OK;
}

static bool same_rows(const tl_column *whole, int64_t at, const tl_column *part) {
  for (int64_t i = 0; i < part->count; i++)
    if (tl_column_hash(whole, at + i, 1) != tl_column_hash(part, i, 1)) return false;
  return true;
}

static void read_parts(tl_parquet *f, int group, int leaf, const tl_column *whole, tl_page_scratch *scratch) {
  tl_column part = {.env = f->env};
  tl_buffer held = f->whole;
  f->whole = (tl_buffer){.env = f->env};
  int64_t half = whole->count / 2;
  tl__fuzz_law(read_rows(f, group, leaf, 0, half, &part, scratch) && same_rows(whole, 0, &part), "the first half is that of the whole");
  tl__fuzz_law(read_rows(f, group, leaf, half, whole->count - half, &part, scratch) && same_rows(whole, half, &part), "the second half is that of the whole");
  tl_column_free(&part);
  f->whole = held;
}

static void read_columns(tl_parquet *f) {
  tl_page_scratch scratch = {.env = f->env, .limit = LIMIT};
  int done = 0;
  for (int g = 0; g < f->meta.group_count; g++)
    for (int i = 0; i < f->meta.leaf_count && done++ < MOST_COLUMNS; i++) {
      tl_column column = {.env = f->env};
      if (read_rows(f, g, i, 0, f->meta.groups[g].row_count, &column, &scratch)) {
        tl__fuzz_walk(&column);
        read_parts(f, g, i, &column, &scratch);
      } else if (f->meta.groups[g].row_count > FEW) {
        (void)read_rows(f, g, i, 0, FEW, &column, &scratch); /* too many rows for the memory; the first of them may still be asked for */
      }
      tl_column_free(&column);
    }
  tl_page_scratch_free(&scratch);
}

/* ---- indexes ---- */

static void load_indexes(tl_parquet *f, int group, int leaf) {
  tl_offset_index places = {0};
  tl_column_index bounds = {0};
  tl_bloom bloom = {0};
  tl_error err = {0};
  tl__fuzz_law(tl_offset_index_load(&places, f, group, leaf, &err) == TL_OK || err.text[0] != 0, "a failure says why");
  tl__fuzz_law(tl_column_index_load(&bounds, f, group, leaf, &err) == TL_OK || err.text[0] != 0, "a failure says why");
  tl__fuzz_law(tl_bloom_load(&bloom, f, group, leaf, &err) == TL_OK || err.text[0] != 0, "a failure says why");
  for (int64_t i = 0; i < bounds.count; i++) tl__fuzz_touch(bounds.pages[i].max.data, bounds.pages[i].max.size);
  if (bloom.block_count > 0) (void)tl_bloom_may_hold(&bloom, UINT64_MAX);
  tl_offset_index_free(&places);
  tl_column_index_free(&bounds);
  tl_bloom_free(&bloom);
}

/* ---- a scan ---- */

static tl_status scan_batches(tl_scan *scan, tl_error *err) {
  TL_OWNED(tl_scan_reader) reader = {0};
  int64_t next = 0;
  TL_TRY(tl_scan_reader_open(&reader, scan, err));
  for (int i = 0; i < MOST_PULLS; i++) {
    TL_TRY(tl_scan_reader_next(&reader, err));
    if (reader.rows == 0) return TL_OK;
    tl__fuzz_law(reader.selected_count > 0 && reader.selected_count <= reader.rows, "a batch has selected rows");
    tl__fuzz_law(reader.first_row >= next, "batches come in order");
    next = reader.first_row + reader.rows;
    for (int c = 0; c < scan->wanted_count; c++) tl__fuzz_law(reader.columns[c]->count == reader.rows, "columns are as long as their batch");
  }
  return TL_OK;
}

static void scan_where(tl_env *env, const char *where) {
  tl_scan scan;
  tl_error err = {0};
  tl_status status = tl_scan_open(&scan, env, "input.parquet", (tl_scan_options){.where = where, .page_limit = LIMIT, .batch_rows = 100}, &err);
  if (status == TL_OK) {
    status = scan_batches(&scan, &err);
    tl_scan_free(&scan);
  }
  tl__fuzz_law(status == TL_OK || (err.status == status && err.text[0] != 0), "a failure says why");
}

/* Conditions on a column that cannot be of its type are refused, the others ask its statistics, filters and pages. */
static void scan(tl_env *env, const char *column) {
  static const char *const tests[] = {"`%s` > 1", "`%s` is null", "`%s` == \"a\"", "`%s` in (0, 7)", "`%s` < \"2020-01-01\"", "`%s` == true"};
  char where[200];
  if (strlen(column) > 100 || strchr(column, '`') != NULL) return;
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    snprintf(where, sizeof where, tests[i], column);
    scan_where(env, where);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tl_error err = {0};
  tl_parquet file;
  tl_env *env = tl__fuzz_env(data, size, MOST_MEMORY);
  if (tl_parquet_open(&file, env, "input.parquet", &err) == TL_OK) {
    char column[101] = "";
    read_columns(&file);
    tl__fuzz_rows(&file, LIMIT);
    for (int i = 0; i < file.meta.leaf_count && i < MOST_COLUMNS; i++)
      if (file.meta.group_count > 0) load_indexes(&file, 0, i);
    if (file.meta.leaf_count > 0) snprintf(column, sizeof column, "%s", file.meta.leaves[file.meta.leaf_count - 1].field.name);
    int64_t rows = file.meta.row_count;
    tl_parquet_free(&file);
    if (rows <= MOST_SCANNED) {
      scan_where(env, NULL);
      scan(env, column);
    }
  }
  tl__fuzz_env_close(env);
  return 0;
}
