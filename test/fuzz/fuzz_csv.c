/* A CSV text: sniffed and read as a whole, then in blocks of a few bytes and batches of a few rows, which must give the same. */
#include <string.h>
#include "fuzz.h"
#include "lake/csv.h"
#include "walk.h"

enum { MOST_INPUT = 1 << 13, MOST_MEMORY = 256 << 20 };

typedef struct reading {
  tl_status status;
  int64_t rows;
  uint64_t hash;
  tl_error err;
} reading;

static void add_batch(reading *r, const tl_batch *batch) {
  for (int64_t row = 0; row < batch->rows; row++)
    for (int i = 0; i < batch->schema->child_count; i++) r->hash = tl_column_hash(&batch->columns[i].column, row, r->hash);
  for (int i = 0; i < batch->schema->child_count; i++) {
    tl__fuzz_law(batch->columns[i].column.count == batch->rows && batch->columns[i].count == batch->rows, "columns are as long as their batch");
    tl__fuzz_walk(&batch->columns[i].column);
  }
  r->rows += batch->rows;
}

static tl_status read_rows(reading *r, tl_csv *csv, int64_t most_rows) {
  TL_OWNED(tl_batch) batch = {0};
  TL_TRY(tl_batch_open(&batch, csv->env, tl_csv_schema(csv), &r->err));
  do {
    TL_TRY(tl_csv_next(csv, &batch, most_rows, &r->err));
    add_batch(r, &batch);
  } while (batch.rows > 0);
  return TL_OK;
}

static reading read_all(tl_env *env, size_t block, int64_t most_rows) {
  reading r = {0};
  tl_csv csv;
  tl_csv_options o = {.header = -1, .block = block, .sniffed_rows = 20, .most_record = 1 << 12};
  r.status = tl_csv_open(&csv, env, "input.csv", &o, &r.err);
  if (r.status == TL_OK) r.status = read_rows(&r, &csv, most_rows);
  tl_csv_free(&csv);
  tl__fuzz_law(r.status == TL_OK || (r.err.status == r.status && r.err.text[0] != 0), "a failure says why");
  return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > MOST_INPUT) return 0;
  tl_env *env = tl__fuzz_env(data, size, MOST_MEMORY);
  reading whole = read_all(env, 1 << 14, 64), parts = read_all(env, 5, 64);
  tl__fuzz_law(whole.status == parts.status && whole.rows == parts.rows && whole.hash == parts.hash, "blocks change nothing");
  if (whole.status == TL_OK) {
    parts = read_all(env, 1 << 14, 3);
    tl__fuzz_law(parts.status == TL_OK && whole.rows == parts.rows, "batches change nothing");
  }
  tl__fuzz_env_close(env);
  return 0;
}
