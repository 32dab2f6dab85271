#include "trade/tape_keys.h"

void tl_tape_key_free(tl_tape_key *k) {
  if (k->env == NULL) return;
  tl_cursor_free(&k->cursor);
  tl_page_scratch_free(&k->scratch);
  tl_column_free(&k->some);
  *k = (tl_tape_key){0};
}

tl_status tl_tape_key_open(tl_tape_key *k, tl_parquet *file, int group, const tl_field *field, int64_t page_limit, tl_error *err) {
  int child = tl_schema_child(file->meta.schema, field->name);
  tl_cursor_free(&k->cursor);
  k->scratch.env = k->env;
  k->scratch.limit = page_limit;
  k->first = k->end = k->begin = k->run_end = 0;
  if (child >= 0) return tl_cursor_open(&k->cursor, file, group, file->meta.schema->children[child].first_leaf, &k->scratch, err);
  TL_TRY(tl_column_reset(&k->some, field, 0, err));
  TL_TRY(tl_column_append_null(&k->some, 1, err));
  k->end = INT64_MAX;
  return TL_OK;
}

/* Rows from `row` on: a run of one value, or a few rows as they come. */
static tl_status load(tl_tape_key *k, int64_t row, tl_error *err) {
  enum { A_RUN = 32, SOME = 512 };
  int64_t rows, repeats;
  TL_TRY(tl_cursor_skip(&k->cursor, row - k->cursor.row, err));
  TL_TRY(tl_cursor_repeats(&k->cursor, &repeats, err));
  rows = repeats < A_RUN ? k->cursor.page_left : 1;
  if (rows > SOME) rows = SOME;
  TL_TRY(tl_cursor_read(&k->cursor, rows > 0 ? rows : 1, true, &k->some, err)); /* at the end, this says why */
  k->first = k->begin = k->run_end = row;
  k->end = row + (repeats < A_RUN ? rows : repeats);
  return TL_OK;
}

/* Whether `count` rows are all what the row before them is, by codes or by values of fixed width. */
static bool are_same(const tl_column *c, int64_t row, int64_t count) {
  size_t width = c->dictionary != NULL ? sizeof *c->codes : (size_t)tl_field_width(&c->field);
  const uint8_t *at = c->dictionary != NULL ? (const uint8_t *)c->codes : c->values;
  at += (size_t)row * width;
  return c->valid == NULL && width > 0 && memcmp(at - width, at, (size_t)count * width) == 0;
}

/* The first row behind `row` that has another value, or the end; many rows at once first. */
static int64_t end_of_run(const tl_column *c, int64_t row) {
  enum { MANY = 32 };
  int64_t end = row + 1;
  if (are_same(c, end, c->count - end)) return c->count;
  while (end + MANY <= c->count && are_same(c, end, MANY)) end += MANY;
  while (end < c->count && tl_column_repeats(c, end, row)) end++;
  return end;
}

tl_status tl_tape_key_seek(tl_tape_key *k, int64_t row, tl_error *err) {
  if (row < k->run_end) return TL_OK;
  if (row >= k->end) TL_TRY(load(k, row, err));
  k->begin = row;
  k->run_end = k->some.count == 1 ? k->end : k->first + end_of_run(&k->some, row - k->first);
  return TL_OK;
}
