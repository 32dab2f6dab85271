#include "rows.h"
#include <string.h>
#include "fuzz.h"
#include "walk.h"

enum { MOST_GROUPS = 4, MOST_COLUMNS = 12, MOST_ROWS = 100, FAR = 1 << 14, LAST = 3, MISSING = 1 };

typedef struct subject {
  tl_parquet *file;
  int group, column;
  int64_t limit;
  int64_t rows;             /* that are compared */
  bool known;               /* the first reading came to its end */
  uint64_t text[MOST_ROWS]; /* hashes of the rows' texts, by the first reading */
} subject;

static uint64_t hash_of(const uint8_t *data, size_t size) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 1099511628211u;
  return hash;
}

/* A text that is not one is the same error in every reading. */
static uint64_t text_of(const tl_array *a, int64_t row) {
  TL_OWNED(tl_buffer) text = {.env = a->env};
  tl_error err = {0};
  tl_status status = tl_array_json(a, row, &text, &err);
  tl__fuzz_law(status == TL_OK || err.text[0] != 0, "a failure says why");
  return status == TL_OK ? hash_of(text.data, text.size) : (uint64_t)status;
}

typedef tl_status (*reading)(subject *s, tl_row_reader *reader, tl_array *array, tl_error *err);

static tl_status with_reader(subject *s, reading read, tl_error *err) {
  TL_OWNED(tl_row_reader) reader = {0};
  TL_OWNED(tl_array) array = {0};
  TL_TRY(tl_row_reader_open(&reader, s->file, s->group, &s->column, 1, s->limit, false, err));
  tl_status status = tl_array_open(&array, s->file->env, &s->file->meta.schema->children[s->column], err);
  return status == TL_OK ? read(s, &reader, &array, err) : status;
}

static tl_status do_reading(subject *s, reading read) {
  tl_error err = {0};
  tl_status status = with_reader(s, read, &err);
  tl__fuzz_law(status == TL_OK || (err.status == status && err.text[0] != 0), "a failure says why");
  return status;
}

static tl_status first_reading(subject *s, tl_row_reader *reader, tl_array *array, tl_error *err) {
  for (int64_t at = 0, n; at < s->rows; at += n) {
    n = s->rows - at < 64 ? s->rows - at : 64;
    TL_TRY(tl_row_reader_read_at(reader, 0, at, n, array, err));
    tl__fuzz_law(array->count == n, "as many rows as were asked for");
    for (int64_t i = 0; i < n; i++) s->text[at + i] = text_of(array, i);
  }
  return TL_OK;
}

static const int steps[] = {1, 2, 3, 5, 7, 13, 100};
enum { STEPS = sizeof steps / sizeof *steps };

static tl_status in_steps(subject *s, tl_row_reader *reader, tl_array *array, bool skips, tl_error *err) {
  int step = 0;
  for (int64_t at = 0, n; at < s->rows; at += n) {
    n = s->rows - at < steps[step % STEPS] ? s->rows - at : steps[step % STEPS];
    if (step++ % 2 == 1 && skips) continue;
    TL_TRY(tl_row_reader_read_at(reader, 0, at, n, array, err));
    for (int64_t i = 0; i < n; i++) tl__fuzz_law(text_of(array, i) == s->text[at + i], "rows are the same in any batch");
  }
  return TL_OK;
}
static tl_status reading_in_steps(subject *s, tl_row_reader *reader, tl_array *array, tl_error *err) { return in_steps(s, reader, array, false, err); }
static tl_status reading_with_skips(subject *s, tl_row_reader *reader, tl_array *array, tl_error *err) { return in_steps(s, reader, array, true, err); }

/* A long way: by the offset index, which may lie. */
static tl_status reading_of_the_end(subject *s, tl_row_reader *reader, tl_array *array, tl_error *err) {
  int64_t rows = s->file->meta.groups[s->group].row_count;
  TL_TRY(tl_row_reader_read_at(reader, 0, rows - LAST, LAST, array, err));
  for (int64_t i = 0; i < LAST; i++) (void)text_of(array, i);
  return TL_OK;
}

/* ---- pulling: the present values, one after the other ---- */

static void pull_value(const subject *s, int64_t *row, uint64_t text) {
  while (*row < s->rows && s->known && s->text[*row] == hash_of((const uint8_t *)"null", 4)) ++*row;
  if (*row < s->rows && s->known) tl__fuzz_law(s->text[*row] == text, "pulled values are those of the rows");
  ++*row;
}

static uint64_t column_text(const tl_column *c, int64_t row) {
  TL_OWNED(tl_buffer) text = {.env = c->env};
  tl_error err;
  tl_status status = tl_column_json(c, row, &text, &err);
  return status == TL_OK ? hash_of(text.data, text.size) : (uint64_t)status;
}

/* Codes are the caller's to read. */
static tl_status take_codes(const subject *s, const tl_stretch_of_values *v, int64_t *row, tl_error *err) {
  TL_OWNED(tl_buffer) memory = {.env = s->file->env};
  TL_TRY(tl_buffer_reserve(&memory, (size_t)v->present * sizeof(uint32_t), err));
  uint32_t *codes = (uint32_t *)(void *)memory.data;
  TL_TRY(tl_values_codes(v->codes, v->present, codes, err));
  for (int64_t i = 0; i < v->present && *row < s->rows; i++) {
    tl__fuzz_law(codes[i] < v->dictionary->count, "a code is in the dictionary");
    pull_value(s, row, column_text(v->dictionary, codes[i]));
  }
  return TL_OK;
}

static tl_status take_stretch(const subject *s, const tl_stretch_of_values *v, int64_t *row, tl_error *err) {
  if (v->codes != NULL) return take_codes(s, v, row, err);
  tl_column dense = {.env = s->file->env, .field = s->file->meta.leaves[s->file->meta.schema->children[s->column].first_leaf].field};
  for (int64_t i = 0; i < v->present && *row < s->rows; i++) {
    if (v->values != NULL) {
      dense.values = (uint8_t *)v->values, dense.count = v->present;
      pull_value(s, row, column_text(&dense, i));
    } else
      pull_value(s, row, column_text(v->column, i));
  }
  return TL_OK;
}

static tl_status pull(subject *s, tl_cursor *cursor, tl_column *memory, tl_error *err) {
  int64_t seen = 0, row = 0;
  while (seen < s->rows) {
    tl_stretch_of_values v;
    TL_TRY(tl_cursor_pull(cursor, 100, memory, &v, err));
    tl__fuzz_law(v.present <= v.rows && v.rows > 0, "a stretch has rows");
    TL_TRY(take_stretch(s, &v, &row, err));
    seen += v.rows;
  }
  return TL_OK;
}

static tl_status pull_all(subject *s) {
  tl_error err = {0};
  tl_page_scratch scratch = {.env = s->file->env, .limit = s->limit};
  tl_column memory = {.env = s->file->env, .bytes = {.env = s->file->env}};
  TL_OWNED(tl_cursor) cursor = {0};
  tl_status status = tl_cursor_open(&cursor, s->file, s->group, s->file->meta.schema->children[s->column].first_leaf, &scratch, &err);
  if (status == TL_OK) status = pull(s, &cursor, &memory, &err);
  tl__fuzz_law(status == TL_OK || (err.status == status && err.text[0] != 0), "a failure says why");
  tl_cursor_free(&cursor);
  tl_column_free(&memory);
  tl_page_scratch_free(&scratch);
  return status;
}

static void read_column(subject *s) {
  int64_t rows = s->file->meta.groups[s->group].row_count;
  bool flat = s->file->meta.schema->children[s->column].shape == TL_SHAPE_VALUE;
  s->rows = rows < MOST_ROWS ? rows : MOST_ROWS;
  tl_status status = do_reading(s, first_reading);
  s->known = status == TL_OK;
  if (status == TL_OK) {
    tl__fuzz_law(do_reading(s, reading_in_steps) == TL_OK, "what was read in large batches can be read in small ones");
    tl__fuzz_law(do_reading(s, reading_with_skips) == TL_OK, "what was read can be skipped");
  }
  tl_status pulled = flat ? pull_all(s) : TL_OK;
  /* A pull may go on behind the rows that are compared, and so meet what the others did not. */
  if (status == TL_OK && s->rows == rows) tl__fuzz_law(pulled == TL_OK, "what was read can be pulled");
  if (rows > FAR + LAST) (void)do_reading(s, reading_of_the_end);
}

void tl__fuzz_rows(tl_parquet *file, int64_t limit) {
  static subject s;
  int columns = file->meta.schema->child_count;
  for (int g = 0; g < file->meta.group_count && g < MOST_GROUPS; g++)
    for (int i = 0; i < columns && i < MOST_COLUMNS; i++) {
      s = (subject){.file = file, .group = g, .column = i, .limit = limit};
      read_column(&s);
    }
}
