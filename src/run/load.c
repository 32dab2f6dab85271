#include "run/load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "run/values.h"

typedef struct tl_load_cursor {
  int32_t file;
  tl_page_cursor page;
} load_cursor;

void tl_load_free(tl_load *l) {
  if (l->env == NULL) return;
  for (int i = 0; l->columns != NULL && i < l->input_count; i++) tl_release(l->env, l->columns[i]);
  tl_release(l->env, l->columns);
  tl_release(l->env, l->stored);
  tl_release(l->env, l->column_capacity);
  tl_release(l->env, l->order);
  tl_release(l->env, l->origins);
  tl_release(l->env, l->cursors);
  tl_release(l->env, l->parts);
  tl_release(l->env, l->moved);
  tl_buffer_free(&l->block);
  tl_column_free(&l->column);
  tl_page_scratch_free(&l->scratch);
  tl_parquet_free(&l->file);
  *l = (tl_load){0};
}

tl_status tl_load_open(tl_load *out, tl_env *env, const tl_input_set *set, const int32_t *inputs, int input_count, const bool *as_time,
                       tl_on_duplicate on_duplicate, const tl_spill *spill, int64_t page_limit, tl_error *err) {
  *out = (tl_load){.env = env,
                   .set = set,
                   .inputs = inputs,
                   .input_count = input_count,
                   .as_time = as_time,
                   .on_duplicate = on_duplicate,
                   .spill = spill,
                   .column = {.env = env, .bytes = {.env = env}},
                   .file = {.handle = -1},
                   .block = {.env = env},
                   .scratch = {.env = env, .limit = page_limit}};
  tl_status status = tl_allocate_zeroed(env, &out->columns, (size_t)input_count + 1, sizeof *out->columns, err);
  if (status == TL_OK) status = tl_allocate_zeroed(env, &out->stored, (size_t)input_count + 1, sizeof *out->stored, err);
  for (int i = 0; status == TL_OK && spill != NULL && i < input_count; i++)
    while (spill->inputs[out->stored[i]] != inputs[i] || spill->as_time[out->stored[i]] != as_time[i]) out->stored[i]++;
  /* tasks of a thread follow each other in the files: the next one goes on where this one ended */
  if (status == TL_OK) status = tl_allocate_zeroed(env, &out->cursors, (size_t)input_count + 1, sizeof *out->cursors, err);
  if (status == TL_OK) status = tl_allocate_zeroed(env, &out->column_capacity, (size_t)input_count + 1, sizeof *out->column_capacity, err);
  if (status != TL_OK) tl_load_free(out);
  return status;
}

static void fail_stream(tl_loaded_stream *s, const tl_error *why) {
  if (s->failed) return;
  s->failed = true;
  s->error = *why;
  s->error_row = -1;
}

/* ---- from the files ---- */

/* Rows of a part, and the place they go to. */
typedef struct wanted {
  tl_part part; /* of which first_row and rows may be narrowed */
  int64_t to;
  tl_loaded_stream *stream;
} wanted;

static int by_place(const void *a, const void *b) {
  const tl_part *x = &((const wanted *)a)->part, *y = &((const wanted *)b)->part;
  if (x->file != y->file) return x->file < y->file ? -1 : 1;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

static tl_page_cursor *cursor_of(const wanted *w, load_cursor *cursors, int input) {
  if (cursors == NULL) return NULL;
  load_cursor *c = &cursors[input + 1];
  if (c->file != w->part.file) *c = (load_cursor){.file = w->part.file};
  return &c->page;
}

bool tl_load_adjoins(int64_t first, int64_t end, int64_t rows, int64_t next, int64_t more) {
  enum { LONG_GAP = 16384, SPAN = 65536 };
  return next <= end || (next - end <= LONG_GAP && next + more - first <= SPAN + 2 * (rows + more));
}

/* Where the parts that are decoded together with the first of these end: *end in rows, and the index behind the last. */
static size_t together(const wanted *w, size_t count, int64_t *end) {
  int64_t rows = 0;
  size_t i = 0;
  for (*end = w->part.first_row; i < count; i++) {
    const tl_part *next = &w[i].part;
    if (!tl_load_adjoins(w->part.first_row, *end, rows, next->first_row, next->rows)) break;
    *end = next->first_row + next->rows;
    rows += next->rows;
  }
  return i;
}

static tl_status read_leaf(tl_load *l, tl_parquet *file, int leaf, const tl_part *part, int64_t end, tl_page_cursor *cursor, tl_error *err) {
  if (leaf < 0) return TL_OK;
  return tl_parquet_read_on(file, part->group, leaf, part->first_row, end - part->first_row, &l->column, &l->scratch, cursor, err);
}

/* One column of one row group for parts that lie in it. */
static tl_status read_column(tl_load *l, tl_parquet *file, const tl_input_file *f, int input, const wanted *w, size_t count, tl_page_cursor *cursor,
                             tl_error *err) {
  int64_t first = w->part.first_row, end;
  int leaf = f->leaves[l->inputs[input]];
  for (size_t i = 0, last = 0; i < count; i++) {
    double *out = l->columns[input] + w[i].to;
    if (leaf < 0) tl_input_absent(l->set, l->inputs[input], f, w[i].part.rows, out);
    if (leaf < 0) continue;
    if (i == last) {
      first = w[i].part.first_row;
      last = i + together(w + i, count - i, &end);
      TL_TRY(read_leaf(l, file, leaf, &w[i].part, end, cursor, err));
    }
    TL_TRY(tl_input_values(l->set, l->inputs[input], l->as_time[input], &l->column, w[i].part.first_row - first, w[i].part.rows, out, &w[i].stream->nonfinite,
                           err));
  }
  return TL_OK;
}

static tl_status read_order(tl_load *l, tl_parquet *file, const tl_input_file *f, const wanted *w, size_t count, tl_page_cursor *cursor, tl_error *err) {
  int64_t end;
  for (size_t i = 0, last; i < count; i = last) {
    last = i + together(w + i, count - i, &end);
    TL_TRY(read_leaf(l, file, f->order_leaf, &w[i].part, end, cursor, err));
    for (size_t k = i; k < last; k++) tl_order_of_column(f, &l->column, w[k].part.first_row - w[i].part.first_row, w[k].part.rows, l->order + w[k].to);
  }
  return TL_OK;
}

static tl_status read_group(tl_load *l, tl_parquet *file, const tl_input_file *f, const wanted *w, size_t count, load_cursor *cursors, tl_error *err) {
  if (w[0].part.rows == 0 && count == 1) return TL_OK;
  TL_TRY(read_order(l, file, f, w, count, cursor_of(w, cursors, -1), err));
  for (int i = 0; i < l->input_count; i++) TL_TRY(read_column(l, file, f, i, w, count, cursor_of(w, cursors, i), err));
  return TL_OK;
}

/* The file stays open for the next task or stretch, which mostly goes on in it: a long footer takes its time. */
static tl_status open_file(tl_load *l, int32_t file, tl_error *err) {
  if (l->file.env != NULL && l->open == file) return TL_OK;
  tl_parquet_free(&l->file);
  l->open = file;
  return tl_input_reopen(l->set, file, &l->file, err);
}

/* All parts of one file; what goes wrong in it fails its streams. */
static void read_file(tl_load *l, const wanted *w, size_t count, load_cursor *cursors) {
  const tl_input_file *f = &l->set->files[w[0].part.file];
  tl_error why = {0};
  tl_status status = open_file(l, w[0].part.file, &why);
  for (size_t i = 0, end; status == TL_OK && i < count; i = end) {
    for (end = i; end < count && w[end].part.group == w[i].part.group;) end++;
    status = read_group(l, &l->file, f, w + i, end - i, cursors, &why);
  }
  for (size_t i = 0; status != TL_OK && i < count; i++) {
    fail_stream(w[i].stream, &why);
    w[i].stream->broken = true;
  }
}

/* Rows [read, read + more) of a stream, as far as they lie in its parts, to place `to`. */
static size_t want(const tl_load *l, tl_loaded_stream *s, int64_t more, int64_t to, wanted *out) {
  int64_t skip = s->read;
  size_t n = 0;
  for (size_t k = 0; k < s->stream->part_count && (more > 0 || s->stream->rows == 0); k++) {
    tl_part part = l->set->parts[s->stream->parts + k];
    if (skip >= part.rows && s->stream->rows > 0) { /* read before, or empty */
      skip -= part.rows;
      continue;
    }
    part.first_row += skip;
    part.rows = part.rows - skip < more ? part.rows - skip : more;
    out[n++] = (wanted){part, to, s};
    to += part.rows;
    more -= part.rows;
    skip = 0;
  }
  return n;
}

/* The most parts that so many rows of a stream can lie in. */
static size_t most_wanted(const tl_stream *s, int64_t rows) { return s->rows > 0 && (int64_t)s->part_count > rows ? (size_t)rows : s->part_count; }

static void read_wanted(tl_load *l, wanted *w, size_t n, load_cursor *cursors) {
  qsort(w, n, sizeof *w, by_place);
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i; end < n && w[end].part.file == w[i].part.file;) end++;
    read_file(l, w + i, end - i, cursors);
  }
}

/* ---- from a spill ---- */

static void put_block_row(tl_load *l, const tl_spill_block *b, int64_t row, int64_t to) {
  memcpy(&l->origins[to], b->origins + 8 * row, 8);
  memcpy(&l->order[to], b->orders + 8 * row, 8);
}

static void fail_broken(const tl_load *l, tl_loaded_stream *s) {
  tl_status status = l->spill->broken[s->stream - l->set->streams];
  tl_error why;
  if (status == TL_OK) return;
  tl_fail(&why, status, "left out: it has rows in a file that cannot be read");
  s->broken = true;
  fail_stream(s, &why);
}

/* Every stream's rows to their places, batch after batch. */
static tl_status gather_blocks(tl_load *l, tl_loaded_stream *streams, size_t count, int32_t range, tl_error *err) {
  for (size_t i = 0; i < count; i++) streams[i].read = 0;
  for (size_t b = 0; b < l->spill->batch_count; b++) {
    tl_spill_block block;
    TL_TRY(tl_spill_read(l->spill, b, range, &l->block, &block, err));
    TL_TRY(tl_renew(l->env, &l->moved, &l->moved_capacity, (size_t)block.rows + 1, sizeof *l->moved, err));
    for (int64_t r = 0; r < block.rows; r++) {
      int32_t slot;
      memcpy(&slot, block.slots + 4 * r, sizeof slot);
      tl_loaded_stream *s = &streams[slot];
      int64_t to = s->at + s->read++;
      put_block_row(l, &block, r, to);
      l->moved[r] = (uint64_t)to;
    }
    for (int c = 0; c < l->input_count; c++) {
      const uint8_t *values = block.values + 8 * block.rows * l->stored[c];
      for (int64_t r = 0; r < block.rows; r++) memcpy(&l->columns[c][l->moved[r]], values + 8 * r, 8);
    }
  }
  for (size_t i = 0; i < count; i++) fail_broken(l, &streams[i]);
  return TL_OK;
}

/* The next `more` rows of a range of one stream, from where the last call stopped. */
static tl_status next_rows(tl_load *l, tl_loaded_stream *s, int64_t more, int64_t to, int32_t range, tl_error *err) {
  while (more > 0 && l->next_batch < l->spill->batch_count) {
    tl_spill_block block;
    int64_t rows, at;
    TL_TRY(tl_spill_block_rows(l->spill, l->next_batch, range, &rows, &at, err));
    if (l->next_row >= rows) {
      l->next_batch++, l->next_row = 0;
      continue;
    }
    int64_t left = rows - l->next_row, taken = left < more ? left : more;
    TL_TRY(tl_spill_read_rows(l->spill, l->next_batch, range, l->next_row, taken, &l->block, &block, err));
    for (int64_t r = 0; r < taken; r++) put_block_row(l, &block, r, to + r);
    for (int c = 0; c < l->input_count; c++) memcpy(l->columns[c] + to, block.values + 8 * taken * l->stored[c], 8 * (size_t)taken);
    to += taken;
    more -= taken;
    l->next_row += taken;
  }
  fail_broken(l, s);
  return TL_OK;
}

/* The row group that a row comes from, by its place in the sequence; `from` is a guess. */
static size_t place_of(const tl_input_set *set, int64_t origin, size_t from) {
  size_t low = from, high = set->group_count - 1;
  if (origin < set->groups[set->sequence[low]].origin) low = 0;
  while (low < high) { /* the last group that begins at or before it */
    size_t middle = low + (high - low + 1) / 2;
    if (set->groups[set->sequence[middle]].origin <= origin)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}
static const tl_input_group *group_of(const tl_input_set *set, int64_t origin) { return &set->groups[set->sequence[place_of(set, origin, 0)]]; }

typedef struct tl_loose_part loose_part;
struct tl_loose_part {
  int64_t key, from, rows;
};

static int by_loose_key(const void *a, const void *b) {
  const loose_part *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return x->from < y->from ? -1 : x->from > y->from;
}

static void move(uint64_t *values, uint64_t *moved, const loose_part *parts, size_t count, int64_t rows) {
  int64_t to = 0;
  for (size_t i = 0; i < count; to += parts[i++].rows) memcpy(moved + to, values + parts[i].from, 8 * (size_t)parts[i].rows);
  memcpy(values, moved, 8 * (size_t)rows);
}

/* Parts, which came in the sequence of row groups, into that of their first keys. */
static tl_status order_parts(tl_load *l, tl_loaded_stream *s, tl_error *err) {
  const int64_t *order = l->order + s->at, *origins = l->origins + s->at;
  bool ascending = true;
  for (int64_t i = 1; i < s->rows; i++) ascending &= order[i] >= order[i - 1];
  if (ascending) return TL_OK;
  TL_TRY(tl_renew(l->env, &l->moved, &l->moved_capacity, (size_t)s->rows, sizeof *l->moved, err));
  size_t count = 0, place = 0;
  int64_t end = -1; /* the first row number behind the group */
  for (int64_t i = 0; i < s->rows; i++) {
    if (origins[i] >= end) {
      place = place_of(l->set, origins[i], place);
      const tl_input_group *group = &l->set->groups[l->set->sequence[place]];
      end = group->origin + group->rows;
      TL_TRY(tl_reserve(l->env, &l->parts, &l->part_capacity, count + 1, sizeof *l->parts, err));
      l->parts[count++] = (loose_part){order[i], i, 0};
    }
    l->parts[count - 1].rows++;
  }
  const loose_part *parts = l->parts;
  qsort(l->parts, count, sizeof *parts, by_loose_key);
  move((uint64_t *)(void *)(l->order + s->at), l->moved, parts, count, s->rows);
  move((uint64_t *)(void *)(l->origins + s->at), l->moved, parts, count, s->rows);
  for (int c = 0; c < l->input_count; c++) move((uint64_t *)(void *)(l->columns[c] + s->at), l->moved, parts, count, s->rows);
  return TL_OK;
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

/* The file and its row where a row comes from: `at` in the columns, `row` of the stream as it was read. */
static void locate(const tl_load *l, const tl_stream *s, int64_t at, int64_t row, const char **file, int64_t *file_row) {
  if (l->spill != NULL) {
    const tl_input_group *g = group_of(l->set, l->origins[at]);
    *file = l->set->files[g->file].file->path;
    *file_row = g->first_row + l->origins[at] - g->origin;
    return;
  }
  for (size_t i = 0; i < s->part_count; i++) {
    const tl_part *p = &l->set->parts[s->parts + i];
    const tl_input_file *f = &l->set->files[p->file];
    *file = f->file->path;
    *file_row = p->first_row + row + (f->group_count > 0 ? l->set->groups[f->first_group + (size_t)p->group].first_row : 0);
    if (row < p->rows) return;
    row -= p->rows;
  }
}

static void fail_at(const tl_load *l, tl_loaded_stream *s, int64_t row, int64_t raw, int64_t before, const char *what, const char *hint) {
  char key[TL_TIME_TEXT], earlier[TL_TIME_TEXT];
  const char *file = "";
  int64_t file_row = 0, at = s->at + row;
  tl_error why;
  bool null = l->order[at] == INT64_MIN;
  locate(l, s->stream, at, raw, &file, &file_row);
  order_text(l, l->order[at], key);
  order_text(l, before, earlier);
  tl_fail(&why, TL_CORRUPT, "%s, row %lld: %s %s%s%s%s", file, (long long)file_row, l->set->definition->order, null ? "is missing" : key, null ? "" : what,
          null ? "" : earlier, null ? "" : hint);
  fail_stream(s, &why);
  s->error_file = file;
  s->error_row = file_row;
}

/* Whether a row of a long stream comes from another row group than the one before it: then the groups may be in another order than its
   rows, which only whole streams are put right in. */
static bool is_loose(const tl_load *l, const tl_loaded_stream *s, int64_t row) {
  if (l->spill == NULL || !l->in_stretches) return false;
  return place_of(l->set, l->origins[s->at + row], 0) != place_of(l->set, s->last_origin, 0);
}

static void fail_loose(tl_loaded_stream *s) {
  tl_error why;
  tl_fail(&why, TL_MEMORY,
          "its %lld rows lie scattered over row groups that overlap in time, or are not sorted; to put them in order --memory must hold them all",
          (long long)s->stream->rows);
  fail_stream(s, &why);
}

/* Checks the `more` rows behind those that are there, and drops repeated keys in place. */
static void take_rows(tl_load *l, tl_loaded_stream *s, int64_t more) {
  int64_t kept = s->rows + s->held, end = kept + more, first = kept;
  int64_t *order = l->order + s->at;
  bool any = s->read > 0; /* a row was before */
  for (int64_t i = first; i < end; i++) {
    int64_t before = s->last_key, raw = s->read++;
    bool repeats = any && order[i] == before && !l->set->definition->ties;
    if (order[i] == INT64_MIN) return fail_at(l, s, i, raw, 0, "", "");
    if (any && order[i] < before && is_loose(l, s, i)) return fail_loose(s);
    if (any && order[i] < before) return fail_at(l, s, i, raw, before, " comes after ", ": the rows are not sorted");
    if (repeats && l->on_duplicate == TL_DUPLICATE_ERROR) return fail_at(l, s, i, raw, before, " repeats ", "; --on-duplicate first or last keeps one row");
    any = true;
    s->last_key = order[i];
    if (l->spill != NULL) s->last_origin = l->origins[s->at + i];
    s->duplicates += repeats;
    if (repeats && l->on_duplicate == TL_DUPLICATE_FIRST) continue;
    int64_t to = repeats ? kept - 1 : kept++; /* the row before is here: at a stretch's end it was held */
    if (to == i) continue;
    order[to] = order[i];
    if (l->origins != NULL) l->origins[s->at + to] = l->origins[s->at + i];
    for (int c = 0; c < l->input_count; c++) l->columns[c][s->at + to] = l->columns[c][s->at + i];
  }
  s->ended = s->read == s->stream->rows;
  s->held = l->on_duplicate == TL_DUPLICATE_LAST && !s->ended && kept > 0; /* a later row may replace it */
  s->rows = kept - s->held;
}

/* ---- whole ---- */

static tl_status make_room(tl_load *l, int64_t rows, tl_error *err) {
  TL_TRY(tl_renew(l->env, &l->order, &l->order_capacity, (size_t)rows + 1, sizeof *l->order, err));
  if (l->spill != NULL) TL_TRY(tl_renew(l->env, &l->origins, &l->origin_capacity, (size_t)rows + 1, sizeof *l->origins, err));
  for (int i = 0; i < l->input_count; i++) TL_TRY(tl_renew(l->env, &l->columns[i], &l->column_capacity[i], (size_t)rows + 1, sizeof(double), err));
  return TL_OK;
}

tl_status tl_load_streams(tl_load *l, tl_loaded_stream *streams, size_t count, int32_t range, tl_error *err) {
  int64_t rows = 0;
  size_t parts = 0, n = 0;
  wanted *w;
  for (size_t i = 0; i < count; i++) {
    streams[i] = (tl_loaded_stream){.stream = streams[i].stream, .at = rows};
    rows += streams[i].stream->rows;
    parts += streams[i].stream->part_count;
  }
  l->in_stretches = false;
  TL_TRY(make_room(l, rows, err));
  if (l->spill != NULL) {
    TL_TRY(gather_blocks(l, streams, count, range, err));
  } else {
    TL_TRY(tl_allocate(l->env, &w, parts + 1, sizeof *w, err));
    for (size_t i = 0; i < count; i++) n += want(l, &streams[i], streams[i].stream->rows, streams[i].at, w + n);
    read_wanted(l, w, n, l->cursors);
    tl_release(l->env, w);
  }
  for (size_t i = 0; i < count; i++) {
    if (streams[i].failed) continue;
    streams[i].rows = streams[i].stream->rows;
    if (l->spill != NULL) TL_TRY(order_parts(l, &streams[i], err));
    streams[i].rows = streams[i].read = 0;
    take_rows(l, &streams[i], streams[i].stream->rows);
  }
  return TL_OK;
}

/* ---- in stretches ---- */

tl_status tl_load_begin(tl_load *l, tl_loaded_stream *streams, size_t count, int64_t room, tl_error *err) {
  load_cursor *cursors;
  for (size_t i = 0; i < count; i++) streams[i] = (tl_loaded_stream){.stream = streams[i].stream, .at = (int64_t)i * room};
  TL_TRY(make_room(l, (int64_t)count * room, err));
  TL_TRY(tl_allocate_zeroed(l->env, &cursors, count * (size_t)(l->input_count + 1), sizeof *cursors, err));
  tl_release(l->env, l->cursors);
  l->cursors = cursors;
  l->in_stretches = true;
  l->next_batch = 0;
  l->next_row = 0;
  return TL_OK;
}

/* The rows behind the first `used`, to the front. */
static void drop_used(tl_load *l, tl_loaded_stream *s, int64_t used) {
  int64_t gone = used < s->rows ? used : s->rows, left = s->rows + s->held - gone;
  s->first += gone;
  s->rows -= gone;
  if (left == 0 || gone == 0) return;
  memmove(l->order + s->at, l->order + s->at + gone, (size_t)left * sizeof *l->order);
  if (l->origins != NULL) memmove(l->origins + s->at, l->origins + s->at + gone, (size_t)left * sizeof *l->origins);
  for (int c = 0; c < l->input_count; c++) memmove(l->columns[c] + s->at, l->columns[c] + s->at + gone, (size_t)left * sizeof(double));
}

tl_status tl_load_more(tl_load *l, tl_loaded_stream *streams, size_t count, int64_t room, int64_t used, int32_t range, tl_error *err) {
  for (size_t i = 0; i < count; i++) {
    tl_loaded_stream *s = &streams[i];
    wanted *w;
    if (s->failed) continue;
    drop_used(l, s, used);
    int64_t there = s->rows + s->held, left = s->stream->rows - s->read, more = left < room - there ? left : room - there;
    if (l->spill != NULL) {
      TL_TRY(next_rows(l, s, more, s->at + there, range, err));
    } else {
      TL_TRY(tl_allocate(l->env, &w, most_wanted(s->stream, more) + 1, sizeof *w, err));
      read_wanted(l, w, want(l, s, more, s->at + there, w), l->cursors + i * (size_t)(l->input_count + 1));
      tl_release(l->env, w);
    }
    if (!s->failed) take_rows(l, s, more);
  }
  return TL_OK;
}
