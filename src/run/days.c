#include "run/days.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "run/worker.h"

enum { STAGE = 1 << 20, WIDTH = 8, FIRST_DAY = -719528, LAST_DAY = 2932896 }; /* 0000-01-01 and 9999-12-31, what paths are read as */

tl_status tl__days_open(tl_run *run, tl_error *err) {
  if (!tl__run_is_by_date(run)) return TL_OK;
  if (run->target.is_file) return tl_fail(err, TL_USAGE, "an output by date is a folder; --out names a single file");
  if (run->input.order_unit == TL_UNIT_NONE)
    return tl_fail(err, TL_DEFINITION, "the output cannot be by date: the order key %s is a plain integer", run->definition->order);
  for (int k = 0; k < run->definition->key_count; k++)
    if (strcmp(run->definition->keys[k], "date") == 0) return tl_fail(err, TL_DEFINITION, "the output cannot be by date: the streams have a key of that name");
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o] && strcmp(run->definition->outputs[o].name, "date") == 0)
      return tl_fail(err, TL_DEFINITION, "the output cannot be by date: a feature has that name");
  TL_TRY(tl_arena_take(&run->arena, &run->days, 1, sizeof *run->days, err));
  TL_TRY(tl_arena_take(&run->arena, &run->days->ends, (size_t)run->options.threads, sizeof *run->days->ends, err));
  TL_TRY(tl_arena_take(&run->arena, &run->days->handles, (size_t)run->options.threads, sizeof *run->days->handles, err));
  run->order_in_path = run->input.order_unit == TL_UNIT_DAY && strcmp(run->definition->order, "date") == 0;
  run->days->handle_count = run->options.threads;
  for (int i = 0; i < run->days->handle_count; i++) run->days->handles[i] = -1;
  return TL_OK;
}

void tl__days_free(tl_run *run) {
  tl_days *d = run->days;
  if (d == NULL) return;
  for (int i = 0; i < d->handle_count; i++)
    if (d->handles[i] >= 0) (void)run->env->close(run->env, d->handles[i], NULL);
  tl_release(run->env, d->segments);
  tl_release(run->env, d->days);
  tl_release(run->env, d->files);
}

int64_t tl__days_bytes(const tl_run *run) {
  int64_t bytes = 0;
  for (int i = 0; run->days != NULL && i < run->days->handle_count; i++) bytes += run->days->ends[i];
  return bytes;
}

static int64_t day_of(const tl_run *run, int64_t key) {
  int64_t units = tl_units_a_day(run->input.order_unit);
  return key / units - (key % units < 0);
}

/* Columns of a segment: the stream, the order key, and the features that are written. */
static int column_count(const tl_run *run) { return 2 + (int)run->selected_count; }

/* ---- segments ---- */

/* Rows of the results, as they stand there, and what comes of them. */
typedef struct turning {
  tl_worker *w;
  int64_t rows;
  int64_t *streams;         /* of each row */
  int64_t *keys;            /* day less the first day */
  uint32_t *sorted, *spare; /* rows by day */
  int64_t first_day, last_day;
  int64_t *index; /* days and their first rows */
  int64_t days;
  tl_buffer stage;
} turning;

static tl_status look(turning *t, size_t first, size_t count, tl_arena *arena, tl_error *err) {
  tl_worker *w = t->w;
  for (size_t i = first; i < first + count; i++) t->rows += w->streams[i].failed ? 0 : w->out_rows[i];
  TL_TRY(tl_arena_take(arena, &t->streams, (size_t)t->rows + 1, sizeof *t->streams, err));
  TL_TRY(tl_arena_take(arena, &t->keys, (size_t)t->rows + 1, sizeof *t->keys, err));
  TL_TRY(tl_arena_take(arena, &t->sorted, (size_t)t->rows + 1, sizeof *t->sorted, err));
  TL_TRY(tl_arena_take(arena, &t->spare, (size_t)t->rows + 1, sizeof *t->spare, err));
  int64_t base = w->out_at[first], at = 0;
  t->first_day = INT64_MAX, t->last_day = INT64_MIN;
  for (size_t i = first; i < first + count; i++) {
    if (w->streams[i].failed) continue;
    for (int64_t r = 0; r < w->out_rows[i]; r++, at++) {
      int64_t day = day_of(w->run, w->order[base + at]);
      t->streams[at] = w->places[i];
      t->keys[at] = day;
      t->sorted[at] = (uint32_t)at;
      if (day < t->first_day) t->first_day = day;
      if (day > t->last_day) t->last_day = day;
    }
  }
  return TL_OK;
}

/* By day, stably: 16 bits of it after the other. */
static tl_status sort_by_day(turning *t, tl_arena *arena, tl_error *err) {
  enum { DIGITS = 1 << 16 };
  uint32_t *starts;
  uint64_t most = (uint64_t)t->last_day - (uint64_t)t->first_day;
  TL_TRY(tl_arena_take(arena, &starts, DIGITS + 1, sizeof *starts, err));
  for (int shift = 0; shift < 64 && most >> shift > 0; shift += 16) {
    memset(starts, 0, (DIGITS + 1) * sizeof *starts);
    for (int64_t r = 0; r < t->rows; r++) starts[(((uint64_t)t->keys[r] - (uint64_t)t->first_day) >> shift & (DIGITS - 1)) + 1]++;
    for (int i = 0; i < DIGITS; i++) starts[i + 1] += starts[i];
    for (int64_t r = 0; r < t->rows; r++) t->spare[starts[((uint64_t)t->keys[t->sorted[r]] - (uint64_t)t->first_day) >> shift & (DIGITS - 1)]++] = t->sorted[r];
    uint32_t *sorted = t->spare;
    t->spare = t->sorted;
    t->sorted = sorted;
  }
  return TL_OK;
}

static tl_status index_days(turning *t, tl_arena *arena, tl_error *err) {
  for (int64_t r = 0; r < t->rows; r++) t->days += r == 0 || t->keys[t->sorted[r]] != t->keys[t->sorted[r - 1]];
  TL_TRY(tl_arena_take(arena, &t->index, 2 * (size_t)t->days + 1, sizeof *t->index, err));
  for (int64_t r = 0, n = 0; r < t->rows; r++) {
    if (r > 0 && t->keys[t->sorted[r]] == t->keys[t->sorted[r - 1]]) continue;
    t->index[n++] = t->keys[t->sorted[r]];
    t->index[n++] = r;
  }
  return TL_OK;
}

static tl_status flush(turning *t, int handle, tl_error *err) {
  tl_env *env = t->w->run->env;
  TL_TRY(env->write(env, handle, t->stage.data, t->stage.size, err));
  t->stage.size = 0;
  return TL_OK;
}

static tl_status put_column(turning *t, int handle, const void *values, tl_error *err) {
  const uint64_t *from = values;
  for (int64_t r = 0; r < t->rows; r++) {
    if (t->stage.size + WIDTH > STAGE) TL_TRY(flush(t, handle, err));
    memcpy(t->stage.data + t->stage.size, &from[t->sorted[r]], WIDTH);
    t->stage.size += WIDTH;
  }
  return TL_OK;
}

static tl_status write_segment(turning *t, int handle, int64_t base, tl_error *err) {
  const tl_run *run = t->w->run;
  tl_env *env = run->env;
  TL_TRY(tl_buffer_reserve(&t->stage, STAGE, err));
  TL_TRY(env->write(env, handle, t->index, 2 * (size_t)t->days * WIDTH, err));
  TL_TRY(put_column(t, handle, t->streams, err));
  TL_TRY(put_column(t, handle, t->w->order + base, err));
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) TL_TRY(put_column(t, handle, t->w->results[o] + base, err));
  return flush(t, handle, err);
}

/* Each thread has a file of its own. */
static tl_status scratch_of(tl_worker *w, int *handle, tl_error *err) {
  tl_run *run = w->run;
  tl_days *d = run->days;
  char path[4200];
  *handle = d->handles[w->number];
  if (*handle >= 0) return TL_OK;
  if ((size_t)snprintf(path, sizeof path, "%sdays-%d", run->target.scratch, w->number) >= sizeof path)
    return tl_fail(err, TL_IO, "%s: the path is too long", run->target.scratch);
  TL_TRY(run->env->open_scratch(run->env, path, handle, err));
  d->handles[w->number] = *handle;
  return TL_OK;
}

/* The rows of each day, added to those that are known; the caller holds the lock. */
static tl_status count_days(tl_run *run, const int64_t *index, int64_t days, int64_t rows, tl_error *err) {
  tl_days *d = run->days;
  size_t had = d->day_count, total = had + (size_t)days;
  TL_TRY(tl_reserve(run->env, &d->days, &d->day_capacity, total + 1, sizeof *d->days, err));
  /* from the back, so that it needs no other place: first all side by side, then equal ones together */
  size_t i = had, to = total;
  int64_t n = days;
  while (n > 0) {
    int64_t day = index[2 * n - 2], count = (n < days ? index[2 * n + 1] : rows) - index[2 * n - 1];
    if (i > 0 && d->days[i - 1].day > day)
      d->days[--to] = d->days[--i];
    else
      d->days[--to] = (tl_day_count){day, count}, n--;
  }
  d->day_count = 0;
  for (size_t k = 0; k < total; k++) {
    if (d->day_count > 0 && d->days[d->day_count - 1].day == d->days[k].day)
      d->days[d->day_count - 1].rows += d->days[k].rows;
    else
      d->days[d->day_count++] = d->days[k];
  }
  return TL_OK;
}

static tl_status note_segment(turning *t, int32_t file, int32_t sequence, int handle, tl_error *err) {
  tl_run *run = t->w->run;
  tl_days *d = run->days;
  int64_t *end = &d->ends[t->w->number];
  tl_day_segment s = {.file = file, .sequence = sequence, .handle = handle, .at = *end, .rows = t->rows, .days = t->days};
  *end += WIDTH * (2 * t->days + t->rows * column_count(run));
  TL_TRY(tl_reserve(run->env, &d->segments, &d->segment_capacity, d->segment_count + 1, sizeof *d->segments, err));
  TL_TRY(count_days(run, t->index, t->days, t->rows, err));
  s.number = (int32_t)d->segment_count;
  d->segments[d->segment_count++] = s;
  return TL_OK;
}

tl_status tl__days_put(tl_worker *w, int32_t file, int32_t sequence, size_t first, size_t count, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = w->run->env};
  turning t = {.w = w, .stage = {.env = w->run->env}};
  int handle;
  int64_t start = tl__now(w->run);
  TL_TRY(look(&t, first, count, &arena, err));
  if (t.rows == 0) return TL_OK;
  if (t.first_day < FIRST_DAY || t.last_day > LAST_DAY)
    return tl_fail(err, TL_CORRUPT, "an output by date has days of the years 0 to 9999; the order key %s has others", w->run->definition->order);
  TL_TRY(sort_by_day(&t, &arena, err));
  TL_TRY(index_days(&t, &arena, err));
  TL_TRY(scratch_of(w, &handle, err));
  tl_status status = write_segment(&t, handle, w->out_at[first], err);
  tl_buffer_free(&t.stage);
  TL_TRY(status);
  tl_lock_enter(w->run->lock);
  status = note_segment(&t, file, sequence, handle, err);
  tl_lock_leave(w->run->lock);
  w->times.spill_ns += tl__now(w->run) - start;
  return status;
}

void tl__days_undo(tl_run *run, int32_t file, int32_t sequence) {
  tl_lock_enter(run->lock);
  for (size_t i = 0; i < run->days->segment_count; i++)
    run->days->segments[i].dropped |= run->days->segments[i].file == file && run->days->segments[i].sequence == sequence;
  tl_lock_leave(run->lock);
}

/* ---- days ---- */

/* Rows of one segment that are in memory. */
typedef struct slice {
  const tl_day_segment *segment;
  int64_t from, count; /* of the segment's rows */
  int64_t at;          /* in the columns */
  int64_t used;        /* rows that were written */
} slice;

typedef struct day_writer {
  tl_run *run;
  slice *slices;
  size_t slice_count;
  uint64_t **columns;
  size_t *capacities;
  uint64_t *values; /* of one column of one row group */
  size_t value_capacity;
  int64_t *lengths; /* of the streams of a row group */
  const tl_stream **streams;
  size_t length_capacity, stream_capacity;
  int64_t stream_count;
  tl_column keys;
  tl_group group;
  tl_writer file;
  const char *temporary, *name;
  size_t slot;  /* in tl_days.files */
  int64_t most; /* rows in memory at a time */
} day_writer;

static tl_status read_exactly(const tl_run *run, int handle, void *data, size_t size, int64_t at, tl_error *err) {
  size_t done = 0;
  TL_TRY(run->env->read_at(run->env, handle, data, size, at, &done, err));
  return done == size ? TL_OK : tl_fail(err, TL_IO, "the scratch file ended at byte %lld", (long long)(at + (int64_t)done));
}

/* The first row of a segment whose day is not before `day`. */
static tl_status find_day(const tl_run *run, const tl_day_segment *s, int64_t day, int64_t *row, tl_error *err) {
  int64_t low = 0, high = s->days, entry[2];
  *row = s->rows;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    TL_TRY(read_exactly(run, s->handle, entry, sizeof entry, s->at + 2 * WIDTH * middle, err));
    if (entry[0] < day)
      low = middle + 1;
    else
      high = middle, *row = entry[1];
  }
  return TL_OK;
}

static tl_status load(day_writer *d, tl_error *err) {
  tl_run *run = d->run;
  int64_t rows = 0;
  for (size_t i = 0; i < d->slice_count; i++) {
    d->slices[i].at = rows;
    d->slices[i].used = 0;
    rows += d->slices[i].count;
  }
  for (int c = 0; c < column_count(run); c++) {
    TL_TRY(tl_renew(run->env, &d->columns[c], &d->capacities[c], (size_t)rows + 1, WIDTH, err));
    for (size_t i = 0; i < d->slice_count; i++) {
      const slice *s = &d->slices[i];
      int64_t at = s->segment->at + WIDTH * (2 * s->segment->days + c * s->segment->rows + s->from);
      if (s->count > 0) TL_TRY(read_exactly(run, s->segment->handle, d->columns[c] + s->at, WIDTH * (size_t)s->count, at, err));
    }
  }
  return TL_OK;
}

/* ---- a day's file ---- */

static tl_status open_day(day_writer *d, int64_t day, tl_error *err) {
  tl_run *run = d->run;
  tl_sorting sorting[TL_MOST_KEYS + 1];
  int count = run->key_leaves + !run->order_in_path;
  char date[TL_TIME_TEXT];
  tl_date_text(date, day);
  for (int i = 0; i < count; i++) sorting[i] = (tl_sorting){.column = i};
  tl_lock_enter(run->lock);
  d->slot = run->days->file_count++;
  tl_status status = tl_reserve(run->env, &run->days->files, &run->days->file_capacity, run->days->file_count, sizeof *run->days->files, err);
  if (status == TL_OK) status = tl_target_temporary(&run->target, &run->arena, run->file_count + d->slot, &d->temporary, err);
  if (status == TL_OK) status = tl_arena_format(&run->arena, &d->name, err, "date=%s/%s", date, run->day_file);
  tl_lock_leave(run->lock);
  TL_TRY(status);
  TL_TRY(tl_writer_open(&d->file, run->env, d->temporary, run->leaves, run->leaf_count, sorting, count, err));
  return tl__name_columns(run, &d->file, err);
}

static tl_status close_day(day_writer *d, tl_error *err) {
  tl_run *run = d->run;
  tl_manifest_file entry = {.name = d->name, .rows = d->file.meta.row_count};
  tl_file_info info;
  TL_TRY(tl_writer_finish(&d->file, run->options.durable, err));
  tl_writer_free(&d->file);
  TL_TRY(run->env->info(run->env, d->temporary, &info, err));
  entry.size = info.size;
  tl_lock_enter(run->lock);
  tl_status status = tl_progress_announce(&run->progress, d->name, err);
  if (status == TL_OK) status = tl_target_put(&run->target, d->temporary, d->name, err);
  run->days->files[d->slot] = entry;
  run->times.bytes_written += info.size;
  tl_lock_leave(run->lock);
  d->temporary = NULL;
  return status;
}

/* Rows [used, used + counts[i]) of each slice: a column of them, side by side. */
static const void *gather(day_writer *d, int column, const int64_t *counts) {
  int64_t to = 0;
  for (size_t i = 0; i < d->slice_count; i++) {
    const slice *s = &d->slices[i];
    if (counts[i] > 0) memcpy(d->values + to, d->columns[column] + s->at + s->used, WIDTH * (size_t)counts[i]);
    to += counts[i];
  }
  return d->values;
}

static tl_status find_streams(day_writer *d, const int64_t *counts, int64_t rows, tl_error *err) {
  tl_run *run = d->run;
  const uint64_t *places = gather(d, 0, counts);
  TL_TRY(tl_reserve(run->env, &d->lengths, &d->length_capacity, (size_t)rows + 1, sizeof *d->lengths, err));
  TL_TRY(tl_reserve(run->env, &d->streams, &d->stream_capacity, (size_t)rows + 1, sizeof *d->streams, err));
  d->stream_count = 0;
  for (int64_t r = 0; r < rows; r++) {
    if (r > 0 && places[r] == places[r - 1]) {
      d->lengths[d->stream_count - 1]++;
      continue;
    }
    d->streams[d->stream_count] = run->order[places[r]];
    d->lengths[d->stream_count++] = 1;
  }
  return TL_OK;
}

/* A row group of the day's file. */
static tl_status write_group(day_writer *d, const int64_t *counts, int64_t rows, tl_error *err) {
  tl_run *run = d->run;
  const tl_definition *def = run->definition;
  int leaf = 0, column = 2;
  TL_TRY(tl_renew(run->env, &d->values, &d->value_capacity, (size_t)rows + 1, WIDTH, err));
  TL_TRY(find_streams(d, counts, rows, err));
  TL_TRY(tl_group_begin(&d->group, run->leaf_count, rows, err));
  for (int k = 0; k < def->key_count; k++) {
    TL_TRY(tl__key_column(run, &d->keys, k, d->streams, d->stream_count, err));
    TL_TRY(tl_group_put_runs(&d->group, &run->leaves[leaf++], &d->keys, d->lengths, d->stream_count, run->order_style.codec, run->order_style.level, err));
  }
  if (!run->order_in_path) TL_TRY(tl_group_put_ints(&d->group, &run->leaves[leaf++], gather(d, 1, counts), INT64_MIN, run->order_style, err));
  for (size_t o = 0; o < def->output_count; o++) {
    if (!run->selected[o]) continue;
    const void *values = gather(d, column++, counts);
    if (def->outputs[o].type == TL_TIME)
      TL_TRY(tl_group_put_ints(&d->group, &run->leaves[leaf++], values, tl_time_na(), run->order_style, err));
    else
      TL_TRY(tl_group_put_doubles(&d->group, &run->leaves[leaf++], values, run->feature_style, err));
  }
  TL_TRY(tl_writer_append(&d->file, &d->group, err));
  for (size_t i = 0; i < d->slice_count; i++) d->slices[i].used += counts[i];
  return TL_OK;
}

/* What the slices have of a day, one behind the other, as row groups. */
static tl_status write_rows(day_writer *d, int64_t day, int64_t *counts, tl_error *err) {
  for (;;) {
    int64_t rows = 0;
    for (size_t i = 0; i < d->slice_count; i++) {
      const slice *s = &d->slices[i];
      const int64_t *keys = (const int64_t *)d->columns[1] + s->at;
      int64_t end = s->used;
      while (end < s->count && rows < TL_PIECE_ROWS && day_of(d->run, keys[end]) == day) end++, rows++;
      counts[i] = end - s->used;
    }
    if (rows == 0) return TL_OK;
    TL_TRY(write_group(d, counts, rows, err));
  }
}

/* ---- ranges of days ---- */

static tl_status find_slices(day_writer *d, int64_t from, int64_t to, tl_error *err) {
  tl_days *days = d->run->days;
  d->slice_count = 0;
  for (size_t i = 0; i < days->segment_count; i++) {
    const tl_day_segment *s = &days->segments[i];
    int64_t first, end;
    if (s->dropped || d->run->files[s->file].failed) continue;
    TL_TRY(find_day(d->run, s, from, &first, err));
    TL_TRY(find_day(d->run, s, to, &end, err));
    if (end > first) d->slices[d->slice_count++] = (slice){.segment = s, .from = first, .count = end - first};
  }
  return TL_OK;
}

/* A day that memory cannot hold, some rows at a time. */
static tl_status write_long_day(day_writer *d, int64_t day, int64_t *counts, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = d->run->env};
  slice *all, *room = d->slices;
  size_t count = d->slice_count;
  TL_TRY(tl_arena_take(&arena, &all, count + 1, sizeof *all, err));
  memcpy(all, room, count * sizeof *all);
  TL_TRY(open_day(d, day, err));
  for (size_t i = 0; i < count;) {
    int64_t rows = 0;
    for (d->slice_count = 0; i < count && rows < d->most;) { /* as much as there is room for; the rest of the last one comes next */
      int64_t taken = all[i].count < d->most - rows ? all[i].count : d->most - rows;
      room[d->slice_count++] = (slice){.segment = all[i].segment, .from = all[i].from, .count = taken};
      rows += taken;
      all[i].from += taken;
      all[i].count -= taken;
      if (all[i].count == 0) i++;
    }
    TL_TRY(load(d, err));
    TL_TRY(write_rows(d, day, counts, err));
  }
  return close_day(d, err);
}

static tl_status write_days(day_writer *d, size_t first, size_t end, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = d->run->env};
  const tl_day_count *days = d->run->days->days;
  int64_t *counts;
  TL_TRY(tl_arena_take(&arena, &counts, d->run->days->segment_count + 1, sizeof *counts, err));
  TL_TRY(find_slices(d, days[first].day, days[end - 1].day + 1, err));
  if (d->slice_count == 0) return TL_OK;
  if (end == first + 1 && days[first].rows > d->most) return write_long_day(d, days[first].day, counts, err);
  TL_TRY(load(d, err));
  for (size_t i = first; i < end; i++) {
    bool any = false;
    for (size_t s = 0; s < d->slice_count; s++)
      any |= d->slices[s].used < d->slices[s].count && day_of(d->run, ((const int64_t *)d->columns[1])[d->slices[s].at + d->slices[s].used]) == days[i].day;
    if (!any) continue; /* streams that were taken back had it */
    TL_TRY(open_day(d, days[i].day, err));
    TL_TRY(write_rows(d, days[i].day, counts, err));
    TL_TRY(close_day(d, err));
  }
  return TL_OK;
}

/* The next days that memory has room for, at least one. */
static bool take_days(tl_run *run, int64_t most, size_t *first, size_t *end) {
  tl_days *d = run->days;
  int64_t rows = 0;
  tl_lock_enter(run->lock);
  if (tl_sys_stop_requested()) run->cancelled = true;
  bool found = d->next_day < d->day_count && d->error.status == TL_OK && !run->cancelled;
  *first = *end = d->next_day;
  while (found && *end < d->day_count && (*end == *first || rows + d->days[*end].rows <= most)) rows += d->days[(*end)++].rows;
  d->next_day = *end;
  tl_lock_leave(run->lock);
  return found;
}

static tl_status open_writer(day_writer *d, tl_error *err) {
  tl_run *run = d->run;
  d->keys.env = d->keys.bytes.env = d->group.env = run->env;
  TL_TRY(tl_allocate_zeroed(run->env, &d->columns, (size_t)column_count(run), sizeof *d->columns, err));
  TL_TRY(tl_allocate_zeroed(run->env, &d->capacities, (size_t)column_count(run), sizeof *d->capacities, err));
  return tl_allocate(run->env, &d->slices, run->days->segment_count + 1, sizeof *d->slices, err);
}

static void close_writer(day_writer *d) {
  tl_env *env = d->run->env;
  for (int c = 0; d->columns != NULL && c < column_count(d->run); c++) tl_release(env, d->columns[c]);
  tl_release(env, d->columns);
  tl_release(env, d->capacities);
  tl_release(env, d->slices);
  tl_release(env, d->values);
  tl_release(env, d->lengths);
  tl_release(env, d->streams);
  tl_column_free(&d->keys);
  tl_group_free(&d->group);
  tl_writer_free(&d->file);
  if (d->temporary != NULL) (void)env->remove(env, d->temporary, NULL);
}

static void write_some(void *context, int index) {
  tl_run *run = context;
  day_writer d = {.run = run, .file = {.handle = -1}, .most = run->day_rows};
  tl_error err = {0};
  size_t first, end;
  (void)index;
  tl_status status = open_writer(&d, &err);
  while (status == TL_OK && take_days(run, d.most, &first, &end)) status = write_days(&d, first, end, &err);
  close_writer(&d);
  tl_lock_enter(run->lock);
  if (status != TL_OK && run->days->error.status == TL_OK) run->days->error = err;
  tl_lock_leave(run->lock);
}

static int by_piece(const void *a, const void *b) {
  const tl_day_segment *x = a, *y = b;
  if (x->file != y->file) return x->file < y->file ? -1 : 1;
  if (x->sequence != y->sequence) return x->sequence < y->sequence ? -1 : 1;
  return (x->number > y->number) - (x->number < y->number);
}

static int by_name(const void *a, const void *b) { return strcmp(((const tl_manifest_file *)a)->name, ((const tl_manifest_file *)b)->name); }

tl_status tl__days_write(tl_run *run, tl_error *err) {
  tl_days *d = run->days;
  if (d == NULL) return TL_OK;
  int64_t start = run->env->tick_ns(run->env);
  if (d->segment_count > 1) qsort(d->segments, d->segment_count, sizeof *d->segments, by_piece);
  tl_sys_run_threads(run->threads, write_some, run);
  run->times.encode_ns += run->env->tick_ns(run->env) - start;
  if (d->error.status != TL_OK) return tl_fail(err, d->error.status, "%s", d->error.text);
  if (d->file_count > 1) qsort(d->files, d->file_count, sizeof *d->files, by_name);
  return TL_OK;
}
