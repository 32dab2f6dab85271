#include "run/spill.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/values.h"

enum { HEAD = 4 + 8 + 8, STAGE = 1 << 20, STEP = 131072 }; /* STEP: rows read at a time */

int64_t tl_spill_row_bytes(int input_count) { return HEAD + 8 * (int64_t)input_count; }
/* A row of the batch, with its stream and its place; a row that is being read, of the widest column. */
static int64_t batch_row_bytes(int input_count) { return tl_spill_row_bytes(input_count) + 12; }
enum { READ_ROW_BYTES = 48 };

int64_t tl_spill_thread_bytes(int input_count, int64_t rows) {
  return rows * batch_row_bytes(input_count) + (rows < STEP ? rows : STEP) * READ_ROW_BYTES + 2 * STAGE;
}

int64_t tl_spill_rows_within(int input_count, int64_t bytes) {
  int64_t row = batch_row_bytes(input_count), left = bytes - 2 * STAGE;
  if (left <= 0) return 0;
  int64_t rows = left / (row + READ_ROW_BYTES);
  return rows < STEP ? rows : (left - STEP * READ_ROW_BYTES) / row;
}

void tl_spill_free(tl_spill *s) {
  if (s->env == NULL) return;
  for (int i = 0; s->handles != NULL && i < s->handle_count; i++)
    if (s->handles[i] >= 0) (void)s->env->close(s->env, s->handles[i], NULL);
  tl_release(s->env, s->handles);
  tl_release(s->env, s->batches);
  tl_release(s->env, s->broken);
  tl_release(s->env, s->reported);
  tl_lock_close(s->lock);
  *s = (tl_spill){0};
}

bool tl_spill_takes(const tl_input_set *set, const tl_input_group *group) { return !set->files[group->file].failed && group->selected > 0; }

static tl_status cut_batches(tl_spill *s, tl_error *err) {
  size_t capacity = 0;
  tl_spill_batch batch = {.file = -1};
  for (size_t g = 0; g < s->set->group_count; g++) {
    const tl_input_group *group = &s->set->groups[s->set->sequence[g]];
    if (!tl_spill_takes(s->set, group)) continue;
    for (int64_t done = 0; done < group->rows;) {
      int64_t left = group->rows - done, room = s->batch_rows - batch.rows, taken = left < room ? left : room;
      if (batch.rows == 0) batch.first_group = g, batch.first = done;
      batch.rows += taken;
      done += taken;
      if (batch.rows < s->batch_rows) continue;
      TL_TRY(tl_reserve(s->env, &s->batches, &capacity, s->batch_count + 2, sizeof batch, err));
      s->batches[s->batch_count++] = batch;
      batch = (tl_spill_batch){.file = -1};
    }
  }
  if (batch.rows == 0) return TL_OK;
  TL_TRY(tl_reserve(s->env, &s->batches, &capacity, s->batch_count + 1, sizeof batch, err));
  s->batches[s->batch_count++] = batch;
  return TL_OK;
}

tl_status tl_spill_open(tl_spill *s, tl_error *err) {
  TL_TRY(tl_lock_open(&s->lock, s->env, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->broken, s->set->stream_count + 1, sizeof *s->broken, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->reported, s->set->dataset.count + 1, sizeof *s->reported, err));
  TL_TRY(tl_keys_rebuild(s->set, err));
  return cut_batches(s, err);
}

/* ---- one thread ---- */

typedef struct spiller {
  tl_spill *spill;
  tl_key_reader keys;
  tl_selector selector;
  tl_page_scratch scratch;
  tl_column column;
  tl_parquet file;
  int32_t open;            /* the input file that is, or -1 */
  tl_page_cursor *cursors; /* in it: of the order key and each input */
  int32_t *streams, *sorted;
  int64_t *origins, *orders;
  double **values;
  uint32_t *starts; /* of the ranges */
  tl_buffer stage;
  int64_t nonfinite;
  int handle, number;
  int64_t at; /* end of the scratch file */
} spiller;

static void spiller_free(spiller *w) {
  tl_env *env = w->spill->env;
  for (int i = 0; w->values != NULL && i < w->spill->input_count; i++) tl_release(env, w->values[i]);
  tl_release(env, w->values);
  tl_release(env, w->streams);
  tl_release(env, w->sorted);
  tl_release(env, w->origins);
  tl_release(env, w->orders);
  tl_release(env, w->starts);
  tl_release(env, w->cursors);
  tl_buffer_free(&w->stage);
  tl_column_free(&w->column);
  tl_page_scratch_free(&w->scratch);
  tl_selector_free(&w->selector);
  tl_key_reader_free(&w->keys);
  tl_parquet_free(&w->file);
}

static tl_status spiller_open(spiller *w, tl_error *err) {
  tl_spill *s = w->spill;
  size_t rows = (size_t)s->batch_rows;
  char path[4200];
  tl_key_reader_open(&w->keys, s->set);
  TL_TRY(tl_selector_open(&w->selector, s->set, &w->scratch, err));
  TL_TRY(tl_allocate(s->env, &w->streams, rows, sizeof *w->streams, err));
  TL_TRY(tl_allocate(s->env, &w->sorted, s->alone_of != NULL ? 2 * rows : rows, sizeof *w->sorted, err));
  TL_TRY(tl_allocate(s->env, &w->origins, rows, sizeof *w->origins, err));
  TL_TRY(tl_allocate(s->env, &w->orders, rows, sizeof *w->orders, err));
  TL_TRY(tl_allocate(s->env, &w->starts, (size_t)s->range_count + 2, sizeof *w->starts, err));
  TL_TRY(tl_allocate_zeroed(s->env, &w->cursors, (size_t)s->input_count + 1, sizeof *w->cursors, err));
  TL_TRY(tl_allocate_zeroed(s->env, &w->values, (size_t)s->input_count + 1, sizeof *w->values, err));
  for (int i = 0; i < s->input_count; i++) TL_TRY(tl_allocate(s->env, &w->values[i], rows, sizeof(double), err));
  if ((size_t)snprintf(path, sizeof path, "%s%d", s->path, w->number) >= sizeof path) return tl_fail(err, TL_IO, "%s: the path is too long", s->path);
  TL_TRY(s->env->open_scratch(s->env, path, &w->handle, err));
  s->handles[w->number] = w->handle;
  return TL_OK;
}

static tl_status open_input(spiller *w, int32_t file, tl_error *err) {
  if (w->open == file) return TL_OK;
  w->open = -1;
  tl_parquet_free(&w->file);
  TL_TRY(tl_input_reopen(w->spill->set, file, &w->file, err));
  w->open = file;
  memset(w->cursors, 0, ((size_t)w->spill->input_count + 1) * sizeof *w->cursors);
  return TL_OK;
}

/* Whose rows they are, and where they come from. */
static tl_status read_streams(spiller *w, const tl_input_group *group, const tl_selected *rows, int64_t to, tl_error *err) {
  const tl_input_file *f = &w->spill->set->files[group->file];
  bool by_row = tl_keys_by_row(w->spill->set, f);
  int64_t at = to;
  TL_TRY(tl_keys_read(&w->keys, &w->file, f, group->group, rows->first, rows->count, &w->scratch, err));
  for (tl_row_range r = tl_selected_side_by_side(rows, 0); r.count > 0; r = tl_selected_side_by_side(rows, r.first + r.count))
    for (int64_t i = r.first; i < r.first + r.count; i++, at++) {
      if (by_row || at == to)
        TL_TRY(tl_keys_stream(&w->keys, f, i, false, &w->streams[at], err));
      else
        w->streams[at] = w->streams[to];
      if (w->streams[at] < 0) return tl_fail(err, TL_CORRUPT, "%s: the file changed while it was read", f->file->path);
      w->origins[at] = group->origin + rows->first + i;
    }
  return TL_OK;
}

static tl_status read_order(spiller *w, const tl_input_group *group, const tl_selected *rows, int64_t to, tl_error *err) {
  const tl_input_file *f = &w->spill->set->files[group->file];
  tl_page_cursor *cursor = &w->cursors[w->spill->input_count];
  if (f->order_leaf >= 0) TL_TRY(tl_parquet_read_on(&w->file, group->group, f->order_leaf, rows->first, rows->count, &w->column, &w->scratch, cursor, err));
  for (tl_row_range r = tl_selected_side_by_side(rows, 0); r.count > 0; to += r.count, r = tl_selected_side_by_side(rows, r.first + r.count))
    tl_order_of_column(f, &w->column, r.first, r.count, w->orders + to);
  return TL_OK;
}

static tl_status read_input(spiller *w, const tl_input_group *group, int input, const tl_selected *rows, int64_t to, tl_error *err) {
  tl_spill *s = w->spill;
  int leaf = s->set->files[group->file].leaves[s->inputs[input]];
  double *out = w->values[input] + to;
  if (leaf < 0) tl_input_absent(s->set, s->inputs[input], &s->set->files[group->file], rows->selected, out);
  if (leaf < 0) return TL_OK;
  TL_TRY(tl_parquet_read_on(&w->file, group->group, leaf, rows->first, rows->count, &w->column, &w->scratch, &w->cursors[input], err));
  for (tl_row_range r = tl_selected_side_by_side(rows, 0); r.count > 0; out += r.count, r = tl_selected_side_by_side(rows, r.first + r.count))
    TL_TRY(tl_input_values(s->set, s->inputs[input], s->as_time[input], &w->column, r.first, r.count, out, &w->nonfinite, err));
  return TL_OK;
}

/* Rows of a group into the batch at `to`. */
static tl_status read_rows(spiller *w, const tl_input_group *group, const tl_selected *rows, int64_t to, tl_error *err) {
  TL_TRY(read_streams(w, group, rows, to, err));
  TL_TRY(read_order(w, group, rows, to, err));
  for (int i = 0; i < w->spill->input_count; i++) TL_TRY(read_input(w, group, i, rows, to, err));
  return TL_OK;
}

/* A part of a file cannot be read: the streams that have rows there are out; all of them, where it is not known which rows are meant
   (rows NULL). */
static void give_up_rows(spiller *w, const tl_input_group *group, const tl_selected *rows, int64_t to, const tl_error *why) {
  tl_spill *s = w->spill;
  const tl_input_file *f = &s->set->files[group->file];
  bool known = rows != NULL && read_streams(w, group, rows, to, NULL) == TL_OK;
  tl_lock_enter(s->lock);
  for (int64_t r = 0; known && r < rows->selected; r++) s->broken[w->streams[to + r]] = why->status;
  for (size_t i = 0; !known && i < s->set->stream_count; i++) s->broken[i] = why->status;
  if (!s->reported[group->file]) s->report(s->report_context, f->file->path, NULL, why);
  s->reported[group->file] = true;
  tl_lock_leave(s->lock);
}

/* What is selected of rows [from, from + count) of a group into the batch at `*at`. Only a want of memory ends it. */
static tl_status read_part(spiller *w, const tl_input_group *group, int64_t from, int64_t count, int64_t *at, tl_error *err) {
  tl_selected rows;
  tl_error why;
  tl_status status = open_input(w, group->file, &why);
  if (status == TL_OK) status = tl_selector_start(&w->selector, &w->file, group->file, group->group, from, count, &why);
  for (;;) {
    if (status == TL_OK) status = tl_selector_next(&w->selector, STEP, &rows, &why);
    if (status == TL_OK && rows.count == 0) return TL_OK;
    bool known = status == TL_OK;
    if (known) status = read_rows(w, group, &rows, *at, &why);
    if (status == TL_MEMORY) return tl_fail(err, status, "%s", why.text);
    if (status == TL_OK) *at += rows.selected;
    if (status != TL_OK) give_up_rows(w, group, known ? &rows : NULL, *at, &why);
    if (!known) return TL_OK;
    status = TL_OK;
  }
}

/* ---- blocks ---- */

static tl_status flush(spiller *w, tl_error *err) {
  tl_env *env = w->spill->env;
  TL_TRY(env->write(env, w->handle, w->stage.data, w->stage.size, err));
  w->at += (int64_t)w->stage.size;
  w->stage.size = 0;
  return TL_OK;
}

static tl_status put(spiller *w, const void *data, size_t size, tl_error *err) {
  if (w->stage.size + size > STAGE) TL_TRY(flush(w, err));
  return tl_buffer_append(&w->stage, data, size, err);
}

/* Values of some rows, side by side into the stage. */
static tl_status put_column(spiller *w, const void *column, const int32_t *rows, size_t count, tl_error *err) {
  enum { PICKED = 4096 };
  const uint64_t *values = column;
  uint64_t picked[PICKED];
  for (size_t i = 0, n; i < count; i += n) {
    n = count - i < PICKED ? count - i : PICKED;
    for (size_t k = 0; k < n; k++) picked[k] = values[rows[i + k]];
    TL_TRY(put(w, picked, n * sizeof *picked, err));
  }
  return TL_OK;
}

static int32_t alone(const tl_spill *s, int32_t stream) { return s->alone_of != NULL ? s->alone_of[stream] : -1; }

/* Sorts the batch's rows by range, stably, and writes its blocks. */
static tl_status write_batch(spiller *w, tl_spill_batch *batch, int64_t rows, tl_error *err) {
  tl_spill *s = w->spill;
  memset(w->starts, 0, ((size_t)s->range_count + 1) * sizeof *w->starts);
  for (int64_t r = 0; r < rows; r++) {
    int32_t range = s->range_of[w->streams[r]], other = alone(s, w->streams[r]);
    if (range >= 0) w->starts[range + 1]++;
    if (other >= 0) w->starts[other + 1]++;
  }
  for (int i = 0; i < s->range_count; i++) w->starts[i + 1] += w->starts[i];
  batch->at = w->at;
  TL_TRY(put(w, w->starts, ((size_t)s->range_count + 1) * sizeof *w->starts, err));
  for (int64_t r = 0; r < rows; r++) {
    int32_t range = s->range_of[w->streams[r]], other = alone(s, w->streams[r]);
    if (range >= 0) w->sorted[w->starts[range]++] = (int32_t)r;
    if (other >= 0) w->sorted[w->starts[other]++] = (int32_t)r;
  }
  for (int32_t first = 0, range = 0; range < s->range_count; first = (int32_t)w->starts[range++]) { /* each start has become its end */
    size_t count = w->starts[range] - (uint32_t)first;
    const int32_t *sorted = w->sorted + first;
    for (size_t i = 0; i < count; i++) {
      int32_t stream = w->streams[sorted[i]], slot = s->range_of[stream] == range ? s->slot_of[stream] : 0;
      TL_TRY(put(w, &slot, sizeof slot, err));
    }
    TL_TRY(put_column(w, w->origins, sorted, count, err));
    TL_TRY(put_column(w, w->orders, sorted, count, err));
    for (int i = 0; i < s->input_count; i++) TL_TRY(put_column(w, w->values[i], sorted, count, err));
  }
  TL_TRY(flush(w, err));
  batch->file = w->number;
  return TL_OK;
}

/* *rows: those that are in it. */
static tl_status fill_batch(spiller *w, tl_spill_batch *batch, int64_t *rows, tl_error *err) {
  tl_spill *s = w->spill;
  int64_t from = batch->first, left = batch->rows;
  *rows = 0;
  for (size_t g = batch->first_group; left > 0; g++, from = 0) {
    const tl_input_group *group = &s->set->groups[s->set->sequence[g]];
    if (!tl_spill_takes(s->set, group)) continue;
    int64_t count = group->rows - from < left ? group->rows - from : left;
    TL_TRY(read_part(w, group, from, count, rows, err));
    left -= count;
  }
  return write_batch(w, batch, *rows, err);
}

static bool take_batch(tl_spill *s, size_t *index) {
  tl_lock_enter(s->lock);
  bool found = s->next_batch < s->batch_count && s->error.status == TL_OK && !tl_sys_stop_requested();
  *index = s->next_batch;
  s->next_batch += found;
  if (s->progress != NULL) s->progress(s->progress_context, s->rows_done);
  tl_lock_leave(s->lock);
  return found;
}

static void spill_some(void *context, int number) {
  tl_spill *s = context;
  spiller w = {.spill = s,
               .number = number,
               .handle = -1,
               .open = -1,
               .file = {.handle = -1},
               .column = {.env = s->env, .bytes = {.env = s->env}},
               .scratch = {.env = s->env, .limit = s->page_limit},
               .stage = {.env = s->env}};
  tl_error why = {0};
  size_t index;
  int64_t rows;
  tl_status status = spiller_open(&w, &why);
  while (status == TL_OK && take_batch(s, &index)) {
    status = fill_batch(&w, &s->batches[index], &rows, &why);
    tl_lock_enter(s->lock);
    s->rows_done += rows;
    tl_lock_leave(s->lock);
  }
  tl_lock_enter(s->lock);
  if (status != TL_OK && s->error.status == TL_OK) s->error = why;
  s->nonfinite += w.nonfinite;
  s->bytes_read += w.scratch.bytes_read;
  tl_lock_leave(s->lock);
  spiller_free(&w);
}

tl_status tl_spill_run(tl_spill *s, int threads, tl_error *err) {
  TL_TRY(tl_allocate(s->env, &s->handles, (size_t)threads, sizeof *s->handles, err));
  s->handle_count = threads;
  for (int i = 0; i < threads; i++) s->handles[i] = -1;
  tl_sys_run_threads(threads, spill_some, s);
  if (s->error.status != TL_OK) return tl_fail(err, s->error.status, "putting scattered rows together: %s", s->error.text);
  return tl_sys_stop_requested() ? tl_fail(err, TL_CANCELLED, "stopped by a signal") : TL_OK;
}

/* ---- reading back ---- */

static tl_status read_exactly(const tl_spill *s, const tl_spill_batch *batch, void *data, size_t size, int64_t at, tl_error *err) {
  size_t done = 0;
  TL_TRY(s->env->read_at(s->env, s->handles[batch->file], data, size, at, &done, err));
  return done == size ? TL_OK : tl_fail(err, TL_IO, "the scratch file ended at byte %lld", (long long)(at + (int64_t)done));
}

tl_status tl_spill_block_rows(const tl_spill *s, size_t index, int32_t range, int64_t *rows, int64_t *at, tl_error *err) {
  const tl_spill_batch *batch = &s->batches[index];
  uint32_t bounds[2];
  TL_TRY(read_exactly(s, batch, bounds, sizeof bounds, batch->at + 4 * (int64_t)range, err));
  *rows = bounds[1] - bounds[0];
  *at = batch->at + 4 * ((int64_t)s->range_count + 1) + bounds[0] * tl_spill_row_bytes(s->input_count);
  return TL_OK;
}

tl_status tl_spill_read(const tl_spill *s, size_t index, int32_t range, tl_buffer *buffer, tl_spill_block *out, tl_error *err) {
  int64_t at;
  *out = (tl_spill_block){0};
  TL_TRY(tl_spill_block_rows(s, index, range, &out->rows, &at, err));
  if (out->rows == 0) return TL_OK;
  size_t size = (size_t)(out->rows * tl_spill_row_bytes(s->input_count));
  buffer->size = 0;
  TL_TRY(tl_buffer_reserve(buffer, size, err));
  TL_TRY(read_exactly(s, &s->batches[index], buffer->data, size, at, err));
  out->slots = buffer->data;
  out->origins = out->slots + 4 * out->rows;
  out->orders = out->origins + 8 * out->rows;
  out->values = out->orders + 8 * out->rows;
  return TL_OK;
}

tl_status tl_spill_read_rows(const tl_spill *s, size_t index, int32_t range, int64_t first, int64_t count, tl_buffer *buffer, tl_spill_block *out,
                             tl_error *err) {
  int64_t rows, at;
  int columns = 2 + s->input_count; /* where they come from, order keys, values */
  TL_TRY(tl_spill_block_rows(s, index, range, &rows, &at, err));
  at += 4 * rows; /* behind the slots */
  buffer->size = 0;
  TL_TRY(tl_buffer_reserve(buffer, 8 * (size_t)columns * (size_t)count, err));
  for (int c = 0; c < columns; c++)
    TL_TRY(read_exactly(s, &s->batches[index], buffer->data + 8 * (size_t)c * (size_t)count, 8 * (size_t)count, at + 8 * (c * rows + first), err));
  *out = (tl_spill_block){.rows = count, .origins = buffer->data, .orders = buffer->data + 8 * count, .values = buffer->data + 16 * count};
  return TL_OK;
}
