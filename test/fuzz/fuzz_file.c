/* A whole Parquet file: every flat column is read at once from the small file held whole; then in two parts through the window
   that large files are read by, which must give the same rows. */
#include "fuzz.h"
#include "parquet/reader.h"
#include "walk.h"

enum { LIMIT = 1 << 18, MOST_MEMORY = 32 << 20, MOST_COLUMNS = 64, FEW = 5 };

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tl_error err = {0};
  tl_parquet file;
  tl_env *env = tl__fuzz_env(data, size, MOST_MEMORY);
  if (tl_parquet_open(&file, env, "input.parquet", &err) == TL_OK) {
    read_columns(&file);
    tl_parquet_free(&file);
  }
  tl__fuzz_env_close(env);
  return 0;
}
