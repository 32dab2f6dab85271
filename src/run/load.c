#include "run/load.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "lane/tile.h"

void tl_load_free(tl_load *l) {
  if (l->env == NULL) return;
  for (int i = 0; l->columns != NULL && i < l->input_count; i++) tl_release(l->env, l->columns[i]);
  tl_release(l->env, l->columns);
  tl_release(l->env, l->column_capacity);
  tl_release(l->env, l->order);
  tl_column_free(&l->column);
  tl_page_scratch_free(&l->scratch);
  *l = (tl_load){0};
}

tl_status tl_load_open(tl_load *out, tl_env *env, const tl_input_set *set, const int32_t *inputs, int input_count, const bool *as_time,
                       tl_on_duplicate on_duplicate, int64_t page_limit, tl_error *err) {
  *out = (tl_load){.env = env,
                   .set = set,
                   .inputs = inputs,
                   .input_count = input_count,
                   .as_time = as_time,
                   .on_duplicate = on_duplicate,
                   .column = {.env = env},
                   .scratch = {.env = env, .limit = page_limit}};
  tl_status status = tl_allocate_zeroed(env, &out->columns, (size_t)input_count + 1, sizeof *out->columns, err);
  if (status == TL_OK) status = tl_allocate_zeroed(env, &out->column_capacity, (size_t)input_count + 1, sizeof *out->column_capacity, err);
  if (status != TL_OK) tl_load_free(out);
  return status;
}

/* A part with the place its rows go to. */
typedef struct wanted {
  tl_part part;
  int64_t to;
  tl_loaded_stream *stream;
} wanted;

static int by_place(const void *a, const void *b) {
  const tl_part *x = &((const wanted *)a)->part, *y = &((const wanted *)b)->part;
  if (x->file != y->file) return x->file < y->file ? -1 : 1;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

static void fail_stream(tl_loaded_stream *s, const tl_error *why) {
  if (s->failed) return;
  s->failed = true;
  s->error = *why;
}

static void put_order(tl_load *l, const tl_input_file *f, const wanted *w, int64_t from) {
  for (int64_t i = 0; i < w->part.rows; i++) {
    int64_t key = INT64_MIN;
    if (tl_column_is_valid(&l->column, from + i) && __builtin_mul_overflow(tl_column_int(&l->column, from + i), f->order_factor, &key)) key = INT64_MAX;
    l->order[w->to + i] = key;
  }
}

static void put_time(tl_load *l, double *out, int64_t from, int64_t rows, int64_t factor) {
  for (int64_t i = 0; i < rows; i++) {
    int64_t v = tl_column_is_valid(&l->column, from + i) ? tl_column_int(&l->column, from + i) : tl_time_na();
    if (v != tl_time_na() && __builtin_mul_overflow(v, factor, &v)) v = tl_time_na();
    memcpy(&out[i], &v, sizeof v);
  }
}

/* One column of one row group for all parts that lie in it: decoded once over the rows that they span. */
static tl_status read_column(tl_load *l, tl_parquet *file, const tl_input_file *f, int input, const wanted *w, size_t count, tl_error *err) {
  int leaf = input < 0 ? f->order_leaf : f->leaves[l->inputs[input]];
  if (leaf < 0) {
    for (size_t i = 0; i < count; i++)
      for (int64_t r = 0; r < w[i].part.rows; r++) l->columns[input][w[i].to + r] = __builtin_nan("");
    return TL_OK;
  }
  int64_t first = w[0].part.first_row, end = w[count - 1].part.first_row + w[count - 1].part.rows;
  TL_TRY(tl_parquet_read(file, w[0].part.group, leaf, first, end - first, &l->column, &l->scratch, err));
  for (size_t i = 0; i < count; i++) {
    int64_t from = w[i].part.first_row - first;
    if (input < 0)
      put_order(l, f, &w[i], from);
    else if (l->as_time[input]) {
      tl_time_unit unit = tl_field_unit(&l->column.field);
      if (unit == TL_UNIT_NONE) return tl_fail(err, TL_UNSUPPORTED, "column %s is no date or timestamp, but is used as a time", l->column.field.name);
      put_time(l, l->columns[input] + w[i].to, from, w[i].part.rows, tl_units_a_day(l->set->units[l->inputs[input]]) / tl_units_a_day(unit));
    } else
      tl_column_doubles(&l->column, from, w[i].part.rows, l->columns[input] + w[i].to, &l->nonfinite);
  }
  return TL_OK;
}

static tl_status read_group(tl_load *l, tl_parquet *file, const tl_input_file *f, const wanted *w, size_t count, tl_error *err) {
  if (w[0].part.rows == 0 && count == 1) return TL_OK;
  for (int i = -1; i < l->input_count; i++) TL_TRY(read_column(l, file, f, i, w, count, err));
  return TL_OK;
}

/* All parts of one file; what goes wrong in it fails its streams. */
static void read_file(tl_load *l, const wanted *w, size_t count) {
  const tl_input_file *f = &l->set->files[w[0].part.file];
  TL_OWNED(tl_parquet) file = {.handle = -1};
  tl_error why = {0};
  tl_status status = tl_parquet_open(&file, l->env, f->file->path, &why);
  if (status == TL_OK && file.meta.row_count != f->rows) status = tl_fail(&why, TL_CORRUPT, "%s: the file changed while it was read", f->file->path);
  for (size_t i = 0, end; status == TL_OK && i < count; i = end) {
    for (end = i; end < count && w[end].part.group == w[i].part.group;) end++;
    status = read_group(l, &file, f, w + i, end - i, &why);
  }
  for (size_t i = 0; status != TL_OK && i < count; i++) {
    fail_stream(w[i].stream, &why);
    w[i].stream->broken = true;
  }
}

/* ---- order ---- */

static void order_text(const tl_load *l, int64_t key, char out[TL_TIME_TEXT]) {
  tl_time_unit unit = l->set->order_unit;
  if (unit == TL_UNIT_DAY)
    tl_date_text(out, key);
  else if (unit == TL_UNIT_NONE)
    snprintf(out, TL_TIME_TEXT, "%lld", (long long)key);
  else
    tl_time_text(out, key, unit == TL_UNIT_MS ? 3 : unit == TL_UNIT_US ? 6 : 9, l->set->order_field.utc);
}

/* The file and its row where row `row` of the stream comes from. */
static void locate(const tl_load *l, const tl_stream *s, int64_t row, const char **file, int64_t *file_row) {
  for (size_t i = 0; i < s->part_count; i++) {
    const tl_part *p = &l->set->parts[s->parts + i];
    *file = l->set->files[p->file].file->path;
    *file_row = p->first_row + row;
    if (row < p->rows) return;
    row -= p->rows;
  }
}

static void fail_at(const tl_load *l, tl_loaded_stream *s, int64_t row, const char *what, const char *hint) {
  char key[TL_TIME_TEXT], before[TL_TIME_TEXT];
  const char *file = "";
  int64_t file_row = 0;
  tl_error why;
  locate(l, s->stream, row, &file, &file_row);
  order_text(l, l->order[s->at + row], key);
  order_text(l, row > 0 ? l->order[s->at + row - 1] : 0, before);
  bool null = l->order[s->at + row] == INT64_MIN;
  tl_fail(&why, TL_CORRUPT, "%s, row %lld: %s %s%s%s%s", file, (long long)file_row, l->set->definition->order, null ? "is missing" : key, null ? "" : what,
          null ? "" : before, null ? "" : hint);
  fail_stream(s, &why);
}

/* Drops repeated keys in place, keeping the first or the last row of each. */
static void drop_duplicates(tl_load *l, tl_loaded_stream *s) {
  int64_t kept = 0;
  for (int64_t i = 0; i < s->rows; i++) {
    bool repeats = i > 0 && l->order[s->at + i] == l->order[s->at + kept - 1];
    l->duplicates += repeats;
    if (repeats && l->on_duplicate == TL_DUPLICATE_FIRST) continue;
    int64_t to = repeats ? kept - 1 : kept++;
    l->order[s->at + to] = l->order[s->at + i];
    for (int c = 0; c < l->input_count; c++) l->columns[c][s->at + to] = l->columns[c][s->at + i];
  }
  s->rows = kept;
}

static void check_order(tl_load *l, tl_loaded_stream *s) {
  const int64_t *order = l->order + s->at;
  bool repeats = false;
  for (int64_t i = 0; i < s->rows; i++) {
    if (order[i] == INT64_MIN) return fail_at(l, s, i, "", "");
    if (i == 0 || order[i] > order[i - 1]) continue;
    if (order[i] < order[i - 1]) return fail_at(l, s, i, " comes after ", ": the rows are not sorted");
    if (l->set->definition->ties) continue;
    if (l->on_duplicate == TL_DUPLICATE_ERROR) return fail_at(l, s, i, " repeats ", "; --on-duplicate first or last keeps one row");
    repeats = true;
  }
  if (repeats) drop_duplicates(l, s);
}

/* ---- whole ---- */

static tl_status make_room(tl_load *l, int64_t rows, tl_error *err) {
  TL_TRY(tl_reserve(l->env, &l->order, &l->order_capacity, (size_t)rows + 1, sizeof *l->order, err));
  for (int i = 0; i < l->input_count; i++) TL_TRY(tl_reserve(l->env, &l->columns[i], &l->column_capacity[i], (size_t)rows + 1, sizeof(double), err));
  return TL_OK;
}

tl_status tl_load_streams(tl_load *l, tl_loaded_stream *streams, size_t count, tl_error *err) {
  int64_t rows = 0;
  size_t parts = 0, n = 0;
  wanted *w;
  for (size_t i = 0; i < count; i++) {
    streams[i].at = rows;
    streams[i].rows = streams[i].stream->rows;
    streams[i].failed = streams[i].broken = false;
    rows += streams[i].rows;
    parts += streams[i].stream->part_count;
  }
  TL_TRY(make_room(l, rows, err));
  TL_TRY(tl_allocate(l->env, &w, parts + 1, sizeof *w, err));
  for (size_t i = 0; i < count; i++) {
    int64_t to = streams[i].at;
    for (size_t k = 0; k < streams[i].stream->part_count; k++) {
      tl_part part = l->set->parts[streams[i].stream->parts + k];
      w[n++] = (wanted){part, to, &streams[i]};
      to += part.rows;
    }
  }
  qsort(w, n, sizeof *w, by_place);
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i; end < n && w[end].part.file == w[i].part.file;) end++;
    read_file(l, w + i, end - i);
  }
  tl_release(l->env, w);
  for (size_t i = 0; i < count; i++)
    if (!streams[i].failed) check_order(l, &streams[i]);
  return TL_OK;
}
