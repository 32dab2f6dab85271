#include "parquet/cursor_inside.h"

static void advance(tl_cursor *c, int64_t rows) {
  c->row += rows;
  c->page_left -= rows;
}

tl_status tl_cursor_skip_rows(tl_cursor *c, int64_t rows, tl_error *err) {
  if (rows >= TL_LONG_WAY && rows > c->page_left) {
    int64_t target = c->row + rows;
    TL_TRY(tl_cursor_jump(c, target, err));
    rows = target - c->row;
  }
  while (rows > 0) {
    c->skips = rows > 0 && c->index > 0;
    if (c->page_left == 0) TL_TRY(tl_cursor_next_page(c, err));
    int64_t n = rows < c->page_left ? rows : c->page_left;
    if (c->opened || n < c->page_left) {
      if (!c->opened) TL_TRY(tl_cursor_open_page(c, err));
      TL_TRY(tl_page_skip(&c->streams, n, err));
    }
    advance(c, n);
    rows -= n;
    if (c->page_left == 0) TL_TRY(tl_cursor_leave_page(c, err));
  }
  c->skips = false;
  return TL_OK;
}

/* A row takes at least one bit somewhere, but runs and nulls take none: what bounds the rows is the memory for them. */
static tl_status check_rows(const tl_cursor *c, int64_t count, tl_error *err) {
  int64_t width = tl_field_width(&c->leaf->field) + 9;
  if (count <= c->scratch->limit / width * 8) return TL_OK;
  return tl_fail(err, TL_MEMORY, "%lld rows of one column exceed the memory for a page", (long long)count);
}

static tl_status take_codes(tl_cursor *c, int64_t rows, tl_column *out, tl_error *err) {
  TL_TRY(tl_renew(out->env, &out->codes, &out->code_capacity, (size_t)rows, sizeof *out->codes, err));
  out->dictionary = &c->scratch->memory.dictionary;
  return TL_OK;
}

static bool is_signed_integer(const tl_field *f) {
  return f->physical == TL_PHYSICAL_INT64 && (f->logical == TL_LOGICAL_NONE || (f->logical == TL_LOGICAL_INTEGER && !f->is_unsigned));
}

/* Whether rows from here on can be shorts: codes, or ranks where the chunk has no dictionary. */
static bool gives_shorts(const tl_cursor *c, bool coded, int64_t rows) {
  if (c->enough.shorts == NULL || rows > c->enough.shorts->rows) return false;
  if (coded) return c->scratch->memory.dictionary.count < UINT16_MAX;
  return c->enough.bounds != NULL && !c->dictionary_seen && is_signed_integer(&c->leaf->field);
}

static void take_shorts(tl_cursor *c, bool coded, tl_column *out) {
  out->is_short = true;
  out->shorts = c->enough.shorts->at;
  out->dictionary = coded ? &c->scratch->memory.dictionary : NULL;
}

/* Codes that are short become codes as usual. */
static tl_status lengthen(tl_column *out, int64_t done, tl_error *err) {
  TL_TRY(tl_renew(out->env, &out->codes, &out->code_capacity, (size_t)out->count, sizeof *out->codes, err));
  out->is_short = false;
  out->null_count = 0;
  for (int64_t i = 0; i < done; i++) {
    out->codes[i] = out->shorts[i] > 0 ? out->shorts[i] - 1u : 0;
    if (out->shorts[i] == 0) TL_TRY(tl_column_set_null(out, i, 1, err));
  }
  return TL_OK;
}

tl_status tl_cursor_give_up_codes(tl_cursor *c, tl_column *out, int64_t done, tl_error *err) {
  int64_t count = out->count;
  if (out->is_short) TL_TRY(lengthen(out, done, err));
  out->count = done;
  TL_TRY(tl_column_flatten(out, c->scratch->limit * 4, err));
  out->count = count;
  size_t width = (size_t)tl_field_width(&out->field);
  if (width == 0) return tl_reserve(out->env, &out->offsets, &out->offsets_capacity, (size_t)count + 1, sizeof *out->offsets, err);
  return tl_reserve(out->env, &out->values, &out->values_capacity, (size_t)count * width + 64, 1, err);
}

static tl_status read_rows(tl_cursor *c, int64_t rows, bool codes, tl_column *out, tl_error *err) {
  for (int64_t done = 0; done < rows;) {
    if (c->page_left == 0) TL_TRY(tl_cursor_next_page(c, err));
    if (c->page_left == 0) { /* a page without rows */
      TL_TRY(tl_cursor_leave_page(c, err));
      continue;
    }
    if (!c->opened) TL_TRY(tl_cursor_open_page(c, err));
    bool coded = tl_values_are_codes(&c->streams.values) && c->dictionary_seen;
    if (done == 0 && codes && gives_shorts(c, coded, rows))
      take_shorts(c, coded, out);
    else if (done == 0 && coded && codes)
      TL_TRY(take_codes(c, rows, out, err));
    if (out->dictionary != NULL && !coded) TL_TRY(tl_cursor_give_up_codes(c, out, done, err));
    int64_t n = rows - done < c->page_left ? rows - done : c->page_left;
    TL_TRY(out->is_short ? tl_page_read_shorts(&c->streams, n, &c->enough, out, done, err) : tl_page_read(&c->streams, n, out, done, err));
    advance(c, n);
    done += n;
    if (c->page_left == 0) TL_TRY(tl_cursor_leave_page(c, err));
  }
  return TL_OK;
}

tl_status tl_cursor_read(tl_cursor *c, int64_t rows, bool codes, tl_column *out, tl_error *err) {
  tl_status status = check_rows(c, rows, err);
  if (status == TL_OK) status = tl_column_reset(out, &c->leaf->field, rows, err);
  if (status == TL_OK) status = read_rows(c, rows, codes, out, err);
  return tl_cursor_fail(c, status, err);
}

static tl_status page_rows(tl_cursor *c, tl_error *err) {
  int64_t rows = c->file->meta.groups[c->group].row_count;
  while (c->page_left == 0 && c->row < rows) {
    TL_TRY(tl_cursor_next_page(c, err));
    if (c->page_left == 0) TL_TRY(tl_cursor_leave_page(c, err));
  }
  return TL_OK;
}

tl_status tl_cursor_page_rows(tl_cursor *c, int64_t *rows, tl_error *err) {
  tl_status status = page_rows(c, err);
  *rows = c->page_left;
  return tl_cursor_fail(c, status, err);
}

/* Rows of the run at hand, at most `most`; 1 where the next ones are packed. */
static tl_status peek_run(tl_rle *runs, int64_t most, int64_t *rows, uint32_t *value, tl_error *err) {
  uint32_t n;
  bool repeated;
  TL_TRY(tl_rle_peek(runs, most > INT32_MAX ? INT32_MAX : (uint32_t)most, &n, &repeated, value, err));
  *rows = repeated ? n : 1;
  return TL_OK;
}

static tl_status repeats(tl_cursor *c, int64_t *rows, tl_error *err) {
  const tl_levels *l = &c->streams.definition;
  uint32_t value;
  TL_TRY(page_rows(c, err));
  *rows = c->page_left;
  if (*rows == 0) return TL_OK;
  if (!c->opened) TL_TRY(tl_cursor_open_page(c, err));
  if (l->max > 0 && l->bits) return *rows = 1, TL_OK;
  if (l->max > 0) {
    TL_TRY(peek_run(&c->streams.definition.runs, *rows, rows, &value, err));
    if (*rows == 1 || value != (uint32_t)l->max) return TL_OK;
  }
  if (!tl_values_are_codes(&c->streams.values)) return *rows = 1, TL_OK;
  return peek_run(&c->streams.values.runs, *rows, rows, &value, err);
}

tl_status tl_cursor_repeats(tl_cursor *c, int64_t *rows, tl_error *err) { return tl_cursor_fail(c, repeats(c, rows, err), err); }

/* ---- what comes next, in its own form ---- */

/* Missing rows that are one run are one stretch, however many they are: a page of a few bytes may have two thousand million of them. */
static tl_status run_of_missing(tl_cursor *c, uint32_t *rows, tl_error *err) {
  tl_levels *l = &c->streams.definition;
  uint32_t level, most = c->page_left > INT32_MAX ? INT32_MAX : (uint32_t)c->page_left;
  bool repeated;
  *rows = 0;
  if (l->max == 0 || l->bits) return TL_OK;
  TL_TRY(tl_rle_peek(&l->runs, most, rows, &repeated, &level, err));
  if (!repeated || level == (uint32_t)l->max) *rows = 0;
  return TL_OK;
}

static tl_status pull(tl_cursor *c, int64_t most, tl_column *memory, tl_stretch_of_values *out, tl_error *err) {
  while (c->page_left == 0) {
    TL_TRY(tl_cursor_next_page(c, err));
    if (c->page_left == 0) TL_TRY(tl_cursor_leave_page(c, err));
  }
  if (!c->opened) TL_TRY(tl_cursor_open_page(c, err));
  enum { MOST_CODES = 1 << 20 }; /* codes need no room */
  tl_values *v = &c->streams.values;
  uint32_t missing;
  TL_TRY(run_of_missing(c, &missing, err));
  int64_t width = tl_field_width(&c->leaf->field), room = width > 0 ? c->scratch->limit / width : most;
  if (tl_values_are_codes(v))
    most = MOST_CODES;
  else if (most > room)
    most = room > 0 ? room : 1;
  if (missing > 0) most = missing;
  int64_t rows = most < c->page_left ? most : c->page_left, present;
  *out = (tl_stretch_of_values){.rows = rows, .column = memory};
  TL_TRY(tl_levels_validity(&c->streams.definition, rows, NULL, 0, &present, err));
  out->present = present;
  if (present == 0) TL_TRY(tl_column_reset(memory, &c->leaf->field, 0, err));
  if (present > 0 && tl_values_are_codes(v)) {
    out->codes = v;
    out->dictionary = &c->scratch->memory.dictionary;
  } else if (present > 0 && (out->values = tl_values_view(v, present)) == NULL) {
    TL_TRY(tl_column_reset(memory, &c->leaf->field, present, err));
    TL_TRY(tl_values_read(v, present, memory, 0, err));
    out->values = c->leaf->field.physical == TL_PHYSICAL_BYTE_ARRAY ? NULL : memory->values;
  }
  c->streams.nulls += rows - present;
  c->streams.left -= rows;
  advance(c, rows);
  return TL_OK;
}

tl_status tl_cursor_pull(tl_cursor *c, int64_t most, tl_column *memory, tl_stretch_of_values *out, tl_error *err) {
  tl_status status = c->opened && c->page_left == 0 ? tl_cursor_leave_page(c, err) : TL_OK;
  if (status == TL_OK) status = pull(c, most, memory, out, err);
  return tl_cursor_fail(c, status, err);
}
