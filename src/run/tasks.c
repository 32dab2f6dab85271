/* How the work is cut. Output files have the names of the input files where each of those holds whole streams; otherwise they are
   ranges of streams in key order. A piece is one row group, or one long stream; a task is a piece of a large file, several small files,
   so that the lanes are full, or some long streams that pass through the lanes in stretches. The cut depends on the data and, where
   that is tight, on the memory of a thread; no value depends on the cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "run/run.h"

enum { PART_ROWS = 4 << 20, STRETCH_ROWS = 8192, LEAST_STRETCH = 512, OPENING = 4096, LEAST_BATCH = 16384, MOST_BATCH = 1 << 20 };

/* ---- output files ---- */

bool tl__run_mirrors(const tl_run *run) {
  if (run->target.is_file || run->update.going_on || run->days != NULL) return false;
  for (size_t i = 0; i < run->input.dataset.count; i++)
    if (!run->input.files[i].failed && run->input.files[i].order_leaf < 0) return false; /* the path alone has the order key */
  for (size_t i = 0; i < run->input.stream_count; i++)
    if (run->input.streams[i].spans_files) return false;
  return true;
}

typedef struct sorter {
  const tl_run *run;
  bool by_file;
} sorter;

/* Where an update writes a stream's rows: to the file that they were in, or to a part of its Hive partition, or of all. */
static int compare_places(const tl_run *run, const tl_stream *x, const tl_stream *y) {
  int32_t a = run->update.home[x - run->input.streams], b = run->update.home[y - run->input.streams];
  if (a != b) return a < b ? -1 : 1;
  if (a >= 0 || !run->update.partitions) return 0;
  const char *p = run->input.files[x->last_file].file->name, *q = run->input.files[y->last_file].file->name;
  size_t n = tl_manifest_folder(p), m = tl_manifest_folder(q);
  int order = memcmp(p, q, n < m ? n : m);
  return order != 0 ? order : (n > m) - (n < m);
}

static int compare_streams(const void *a, const void *b, void *context) {
  const sorter *s = context;
  const tl_stream *x = *(const tl_stream *const *)a, *y = *(const tl_stream *const *)b;
  if (s->run->update.going_on) {
    int order = compare_places(s->run, x, y);
    if (order != 0) return order;
  }
  if (s->by_file && x->last_file != y->last_file) return x->last_file < y->last_file ? -1 : 1;
  return tl_stream_compare(&s->run->input, x, y);
}

/* What an output file is made from: its streams, and the files that they lie in (all of them, where that is not known). */
static uint64_t fingerprint(const tl_run *run, const tl_output_file *f) {
  uint64_t hash = f->stream_count;
  char name[300];
  for (size_t i = f->first_stream; i < f->first_stream + f->stream_count; i++) {
    const tl_stream *s = run->order[i];
    tl_stream_name(&run->input, s, name, sizeof name);
    hash = XXH3_64bits_withSeed(name, strlen(name), hash);
    hash = XXH3_64bits_withSeed(&s->rows, sizeof s->rows, hash);
    for (size_t p = 0; p < s->part_count; p++) {
      uint64_t of_file = tl_input_fingerprint(&run->input, run->input.parts[s->parts + p].file);
      hash = XXH3_64bits_withSeed(&of_file, sizeof of_file, hash);
    }
  }
  for (size_t i = 0; run->input.part_count == 0 && i < run->input.dataset.count; i++) {
    uint64_t of_file = tl_input_fingerprint(&run->input, (int32_t)i);
    hash = XXH3_64bits_withSeed(&of_file, sizeof of_file, hash);
  }
  return hash;
}

static tl_status add_file(tl_run *run, size_t *capacity, const char *name, size_t first, size_t count, tl_error *err) {
  TL_TRY(tl_reserve(run->env, &run->files, capacity, run->file_count + 1, sizeof *run->files, err));
  tl_output_file *f = &run->files[run->file_count];
  *f = (tl_output_file){.name = name, .first_stream = first, .stream_count = count, .writer = {.handle = -1}};
  TL_TRY(tl_target_temporary(&run->target, &run->arena, run->file_count, &f->temporary, err));
  for (size_t i = first; i < first + count; i++) f->rows += run->order[i]->rows;
  f->made_from = fingerprint(run, f);
  run->file_count++;
  return TL_OK;
}

/* Files that an earlier run finished are taken as they are. */
static tl_status take_finished(tl_run *run, tl_error *err) {
  TL_OWNED(tl_tally) tally = {0};
  if (run->days != NULL || run->columns != NULL || run->progress.target == NULL || json_object_size(run->progress.entries) == 0) return TL_OK;
  TL_TRY(tl_tally_open(&tally, run->env, run->selected_count, run->check_count, err));
  for (size_t i = 0; i < run->file_count; i++) {
    tl_output_file *f = &run->files[i];
    TL_TRY(tl_progress_find(&run->progress, f->name, f->made_from, &tally, &f->finished, &f->size, err));
    if (!f->finished) continue;
    tl_tally_merge(&run->tally, &tally);
    f->committed = true;
    f->rows_written = tally.rows;
    run->files_finished++;
    run->rows_total -= f->rows;
  }
  return TL_OK;
}

/* Whether the file that begins with stream `first` ends before stream `i`. */
static bool ends_before(const tl_run *run, size_t first, size_t i, int64_t rows, int64_t most) {
  const tl_stream *a = run->order[first], *b = run->order[i];
  if (i == first) return false;
  if (run->mirrors) return a->last_file != b->last_file;
  if (run->update.going_on && compare_places(run, a, b) != 0) return true;
  return !run->target.is_file && (rows + b->rows > PART_ROWS || a->rows > most || b->rows > most); /* a long stream has its own */
}

/* Parts of an update are numbered on from those that are there. */
static tl_status part_name(tl_run *run, const tl_stream *stream, const char **out, tl_error *err) {
  const tl_update *u = &run->update;
  size_t first = 0, there;
  if (!u->going_on) return tl_arena_format(&run->arena, out, err, "part-%05zu.parquet", run->file_count);
  int32_t home = u->home[stream - run->input.streams];
  if (home >= 0) return tl_arena_text(&run->arena, out, u->old.outputs[home].name, strlen(u->old.outputs[home].name), err);
  for (size_t i = 0; i < run->target.old.count; i++) {
    const char *name = run->target.old.files[i].name;
    if (sscanf(name + tl_manifest_folder(name), "update-%zu.parquet", &there) == 1 && there >= first) first = there + 1;
  }
  const char *folder = u->partitions ? run->input.files[stream->last_file].file->name : "";
  return tl_arena_format(&run->arena, out, err, "%.*supdate-%05zu.parquet", (int)tl_manifest_folder(folder), folder, first + run->file_count);
}

static tl_status make_files(tl_run *run, int64_t most, tl_error *err) {
  size_t capacity = 0;
  sorter s = {run, run->mirrors};
  TL_TRY(tl_arena_take(&run->arena, &run->order, run->input.stream_count + 1, sizeof *run->order, err));
  for (size_t i = 0; i < run->input.stream_count; i++)
    if (!run->input.streams[i].failed) run->order[run->stream_count++] = &run->input.streams[i];
  if (run->stream_count == 0) return TL_OK;
  qsort_r(run->order, run->stream_count, sizeof *run->order, compare_streams, &s);
  for (size_t i = 0, end; i < run->stream_count; i = end) {
    const char *name = "";
    int64_t rows = 0;
    for (end = i; end < run->stream_count && !ends_before(run, i, end, rows, most); end++) rows += run->order[end]->rows;
    if (run->mirrors) {
      name = run->input.files[run->order[i]->last_file].file->name;
      size_t size = strlen(name);
      if (size < 8 || strcmp(name + size - 8, ".parquet") != 0) TL_TRY(tl_arena_format(&run->arena, &name, err, "%s.parquet", name));
    } else if (run->target.is_file)
      name = strrchr(run->target.root, '/') ? strrchr(run->target.root, '/') + 1 : run->target.root;
    else
      TL_TRY(part_name(run, run->order[i], &name, err));
    TL_TRY(add_file(run, &capacity, name, i, end - i, err));
  }
  return take_finished(run, err);
}

/* ---- pieces and tasks ---- */

static tl_status add_task(tl_run *run, tl_task task, tl_error *err) {
  if (task.piece_count == 0) return TL_OK;
  TL_TRY(tl_reserve(run->env, &run->tasks, &run->task_capacity, run->task_count + 1, sizeof *run->tasks, err));
  run->tasks[run->task_count++] = task;
  return TL_OK;
}

static tl_status add_piece(tl_run *run, tl_output_file *f, tl_piece piece, tl_error *err) {
  TL_TRY(tl_reserve(run->env, &run->pieces, &run->piece_capacity, run->piece_count + 1, sizeof *run->pieces, err));
  piece.file = (int32_t)(f - run->files);
  piece.sequence = f->pieces++;
  run->pieces[run->piece_count++] = piece;
  return TL_OK;
}

static tl_status cut_file(tl_run *run, tl_output_file *f, int64_t most, tl_error *err) {
  size_t end = f->first_stream + f->stream_count;
  for (size_t i = f->first_stream, last; i < end; i = last) {
    int64_t rows = run->order[i]->rows;
    for (last = i + 1; last < end && rows + run->order[last]->rows <= most; last++) rows += run->order[last]->rows;
    TL_TRY(add_piece(run, f, (tl_piece){.first_stream = i, .stream_count = last - i, .rows = rows}, err));
  }
  return TL_OK;
}

/* One long stream, by rows: all lanes have a range of each piece. Before the first of these come the rows that ranges look back on. */
static tl_status cut_rows(tl_run *run, tl_output_file *f, tl_error *err) {
  int64_t each = TL_LANES * run->range_rows, first = 0;
  TL_TRY(tl__ranges_open(run, f, err));
  for (int64_t rows = each + run->range_before; first < f->rows; first += rows, rows = each) {
    if (f->rows - first < rows) rows = f->rows - first;
    TL_TRY(add_piece(run, f, (tl_piece){.first_stream = f->first_stream, .stream_count = 1, .rows = rows, .first_row = first}, err));
    TL_TRY(add_task(run, (tl_task){.first_piece = run->piece_count - 1, .piece_count = 1, .rows = rows, .streams = 1, .ranges = true}, err));
  }
  return TL_OK;
}

typedef struct cutter {
  const tl_run *run;
  int64_t most; /* rows of a piece of whole streams */
} cutter;

/* Whether the file is one stream that is too long for a piece. */
static bool is_long(const tl_output_file *f, int64_t most) { return f->stream_count == 1 && f->rows > most; }

/* Whether it is worth the rows before each range that are computed twice. */
static bool is_ranged(const tl_run *run, const tl_output_file *f, int64_t most) {
  return is_long(f, most) && run->range_rows > 0 && f->rows > 8 * run->range_before;
}

/* Long streams with files of their own come first and side by side: a task takes pieces that follow each other. */
static int longest_first(const void *a, const void *b, void *context) {
  const cutter *c = context;
  const tl_output_file *x = &c->run->files[*(const size_t *)a], *y = &c->run->files[*(const size_t *)b];
  if (is_long(x, c->most) != is_long(y, c->most)) return is_long(x, c->most) ? -1 : 1;
  if (x->rows != y->rows) return x->rows > y->rows ? -1 : 1;
  return x < y ? -1 : 1;
}

static void join_task(tl_task *task, const tl_run *run, size_t piece) {
  if (task->piece_count++ == 0) task->first_piece = piece;
  task->rows += run->pieces[piece].rows;
  task->streams += run->pieces[piece].stream_count;
}

/* Long streams with files of their own share the lanes, but not so many that a thread is idle or a stretch short. */
static size_t streams_abreast(const tl_run *run, int64_t most, const tl_forecast *f) {
  size_t count = 0, wanted = (size_t)(f->task_rows / STRETCH_ROWS);
  for (size_t i = 0; i < run->file_count; i++) count += !run->files[i].finished && is_long(&run->files[i], most) && !is_ranged(run, &run->files[i], most);
  size_t share = (count + (size_t)f->threads - 1) / (size_t)f->threads;
  if (wanted > share) wanted = share;
  if (wanted > TL_LANES) wanted = TL_LANES;
  return wanted < 1 || run->spills ? 1 : wanted;
}

/* Rows of each of so many long streams in memory: what there is room for, but no more than a row group and what looks ahead. */
static int64_t room_of(const tl_run *run, const tl_forecast *f, size_t abreast) {
  int64_t rows = f->task_rows / (int64_t)abreast, enough = TL_PIECE_ROWS + 2 * run->plan.greatest_delay;
  return rows < enough ? rows : enough;
}

static tl_status end_task(tl_run *run, tl_task *task, tl_error *err) {
  tl_task ended = *task;
  *task = (tl_task){0};
  return add_task(run, ended, err);
}

/* Long streams pass through the lanes some abreast where each has a file of its own, else one by one. */
static tl_status join_stretch(tl_run *run, tl_task *task, size_t piece, size_t abreast, const tl_forecast *forecast, tl_error *err) {
  join_task(task, run, piece);
  task->room = room_of(run, forecast, abreast);
  return task->streams < abreast ? TL_OK : end_task(run, task, err);
}

/* `most`: rows of a stream that is taken whole; `share`: of a piece of several. Files of one piece are put together until the lanes are full or the
   memory is; a file of several has tasks of its own. */
static tl_status make_pieces(tl_run *run, int64_t most, int64_t share, const tl_forecast *forecast, tl_error *err) {
  size_t *files, abreast = streams_abreast(run, most, forecast);
  cutter c = {run, most};
  TL_TRY(tl_arena_take(&run->arena, &files, run->file_count + 1, sizeof *files, err));
  for (size_t i = 0; i < run->file_count; i++) files[i] = i;
  qsort_r(files, run->file_count, sizeof *files, longest_first, &c);
  tl_task open = {0};
  for (size_t i = 0; i < run->file_count; i++) {
    tl_output_file *f = &run->files[files[i]];
    size_t first = run->piece_count;
    if (f->finished) continue;
    if (is_ranged(run, f, most)) {
      TL_TRY(end_task(run, &open, err));
      TL_TRY(cut_rows(run, f, err));
      continue;
    }
    if (!is_long(f, most) && open.room > 0) TL_TRY(end_task(run, &open, err));
    TL_TRY(cut_file(run, f, share, err));
    for (size_t p = first; p < run->piece_count; p++) {
      const tl_piece *piece = &run->pieces[p];
      if (is_long(f, most)) {
        TL_TRY(join_stretch(run, &open, p, abreast, forecast, err));
        continue;
      }
      bool follows = piece->sequence == 0 || (open.piece_count > 0 && run->pieces[open.first_piece + open.piece_count - 1].file == piece->file);
      bool fits = follows && open.rows + piece->rows <= forecast->task_rows && open.streams + piece->stream_count <= TL_LANES;
      if (!fits || piece->rows > most) TL_TRY(end_task(run, &open, err));
      if (piece->rows > most)
        TL_TRY(join_stretch(run, &open, p, 1, forecast, err));
      else
        join_task(&open, run, p);
    }
  }
  return end_task(run, &open, err);
}

static tl_status store_input(tl_run *run, int32_t input, bool as_time, size_t *capacity, tl_error *err) {
  for (int i = 0; i < run->stored_count; i++)
    if (run->stored[i] == input && run->stored_as_time[i] == as_time) return TL_OK;
  if ((size_t)run->stored_count == *capacity) return tl_fail(err, TL_MEMORY, "too many inputs");
  run->stored[run->stored_count] = input;
  run->stored_as_time[run->stored_count++] = as_time;
  return TL_OK;
}

/* The columns that are put together: what the plan reads, and what sides from the same input do. */
static tl_status note_stored(tl_run *run, tl_error *err) {
  size_t capacity = 2 * run->definition->input_count + 1;
  TL_TRY(tl_arena_take(&run->arena, &run->stored, capacity, sizeof *run->stored, err));
  TL_TRY(tl_arena_take(&run->arena, &run->stored_as_time, capacity, sizeof *run->stored_as_time, err));
  for (int i = 0; i < run->plan.input_count; i++) TL_TRY(store_input(run, run->plan.inputs[i], run->plan.as_time[i], &capacity, err));
  for (int s = 0; s < run->definition->side_count; s++)
    for (int i = 0; run->sides[s].waits && i < run->side_plans[s].input_count; i++)
      TL_TRY(store_input(run, run->side_plans[s].inputs[i], run->side_plans[s].as_time[i], &capacity, err));
  return TL_OK;
}

/* Where each stream's rows go, when they are put together first. */
static tl_status note_ranges(tl_run *run, tl_error *err) {
  size_t streams = run->input.stream_count;
  TL_TRY(tl_arena_take(&run->arena, &run->range_of, streams + 1, sizeof *run->range_of, err));
  TL_TRY(tl_arena_take(&run->arena, &run->slot_of, streams + 1, sizeof *run->slot_of, err));
  TL_TRY(tl_arena_take(&run->arena, &run->alone_of, streams + 1, sizeof *run->alone_of, err));
  for (size_t i = 0; i < streams; i++) run->range_of[i] = run->alone_of[i] = -1;
  for (size_t t = 0; t < run->task_count; t++) {
    int32_t slot = 0;
    for (size_t p = run->tasks[t].first_piece; p < run->tasks[t].first_piece + run->tasks[t].piece_count; p++)
      for (size_t i = 0; i < run->pieces[p].stream_count; i++) {
        ptrdiff_t stream = run->order[run->pieces[p].first_stream + i] - run->input.streams;
        run->range_of[stream] = (int32_t)t;
        run->slot_of[stream] = slot++;
      }
  }
  run->range_count = (int)run->task_count;
  for (int s = 0; s < run->definition->side_count; s++) {
    if (!run->sides[s].waits) continue;
    int32_t *range = &run->alone_of[run->sides[s].stream - run->input.streams];
    if (*range < 0) *range = run->range_count++;
  }
  return TL_OK;
}

/* ---- scattered or not ---- */

static int by_place(const void *a, const void *b) {
  const tl_part *x = a, *y = b;
  if (x->file != y->file) return x->file < y->file ? -1 : 1;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

/* Rows that are decoded to read these parts from the files together, an opened file counting as some. Puts them in order. */
static int64_t cost_of(tl_part *parts, size_t count) {
  int64_t cost = 0, first = 0, end = 0, rows = 0;
  if (count > 1) qsort(parts, count, sizeof *parts, by_place);
  for (size_t i = 0; i < count; i++) {
    const tl_part *p = &parts[i];
    bool same_file = i > 0 && parts[i - 1].file == p->file, same_group = same_file && parts[i - 1].group == p->group;
    if (!same_file) cost += OPENING;
    if (!same_group || !tl_load_adjoins(first, end, rows, p->first_row, p->rows)) {
      cost += end - first;
      first = p->first_row, rows = 0;
    }
    end = p->first_row + p->rows;
    rows += p->rows;
  }
  return cost + end - first;
}

/* The cost when each task reads its streams. */
static tl_status reading_cost(const tl_run *run, int64_t *cost, tl_error *err) {
  tl_part *parts = NULL;
  size_t capacity = 0;
  tl_status status = TL_OK;
  *cost = 0;
  for (size_t t = 0; status == TL_OK && t < run->task_count; t++) {
    size_t n = 0, pieces = run->tasks[t].first_piece + run->tasks[t].piece_count;
    if (run->tasks[t].ranges && run->pieces[run->tasks[t].first_piece].first_row > 0) { /* the first one has all of its stream's rows */
      *cost += OPENING + run->range_before;
      continue;
    }
    for (size_t p = run->tasks[t].first_piece; p < pieces; p++)
      for (size_t i = 0; i < run->pieces[p].stream_count && status == TL_OK; i++) {
        const tl_stream *s = run->order[run->pieces[p].first_stream + i];
        status = tl_reserve(run->env, &parts, &capacity, n + s->part_count, sizeof *parts, err);
        if (status == TL_OK && s->part_count > 0) memcpy(parts + n, run->input.parts + s->parts, s->part_count * sizeof *parts);
        n += s->part_count;
      }
    if (status == TL_OK) *cost += cost_of(parts, n);
  }
  tl_release(run->env, parts);
  return status;
}

/* The cost of reading everything once: what is selected may lie far apart, for whoever reads it. */
static tl_status reading_once(const tl_run *run, int64_t *cost, tl_error *err) {
  const tl_input_set *in = &run->input;
  tl_part *parts;
  *cost = in->rows + OPENING * (int64_t)in->dataset.count;
  if (in->where == NULL) return TL_OK;
  TL_TRY(tl_allocate(run->env, &parts, in->part_count + 1, sizeof *parts, err));
  memcpy(parts, in->parts, in->part_count * sizeof *parts);
  *cost = cost_of(parts, in->part_count);
  tl_release(run->env, parts);
  return TL_OK;
}

static tl_status is_scattered(const tl_run *run, bool *out, tl_error *err) {
  int64_t cost, once;
  *out = run->input.scattered;
  if (*out || run->input.part_count <= run->stream_count) return TL_OK;
  TL_TRY(reading_cost(run, &cost, err));
  TL_TRY(reading_once(run, &once, err));
  *out = cost > 2 * once;
  return TL_OK;
}

/* ---- whole ---- */

static void forget(tl_run *run) {
  for (size_t i = 0; i < run->file_count; i++) run->files[i].pieces = 0;
  run->piece_count = run->task_count = 0;
}

/* An update's new rows are few, and what they cost is their streams' state: a share of them for every thread. */
static int64_t least_of_update(const tl_run *run, const tl_forecast *f) {
  enum { WORTH_A_THREAD = 256 };
  int64_t share = (run->rows_total + f->threads - 1) / f->threads;
  return share < WORTH_A_THREAD ? WORTH_A_THREAD : share;
}

/* Many long streams fill the lanes without that. */
static tl_status plan_ranges(tl_run *run, int64_t most, const tl_forecast *f, tl_error *err) {
  size_t count = 0;
  for (size_t i = 0; i < run->file_count; i++) count += !run->files[i].finished && is_long(&run->files[i], most);
  run->range_rows = 0;
  return count > 0 && count < (size_t)(TL_LANES / 2 * f->threads) ? tl__ranges_plan(run, f->task_rows, err) : TL_OK;
}

static tl_status cut(tl_run *run, tl_forecast *f, tl_error *err) {
  int64_t most = run->rows_total / (8 * f->threads); /* something to do for every thread, in what caches hold, but no tiny row groups */
  if (most < TL_SHORT_ROWS) most = TL_SHORT_ROWS;
  if (most > TL_PIECE_ROWS) most = TL_PIECE_ROWS;
  if (most > f->task_rows) most = f->task_rows;
  int64_t share = run->update.going_on && most > least_of_update(run, f) ? least_of_update(run, f) : most;
  if (run->input.longest > most && f->task_rows < LEAST_STRETCH + 2 * run->plan.greatest_delay)
    return tl_fail(err, TL_MEMORY, "the windows need %lld MB and a stretch of a long stream %lld MB beside them, --memory is %lld MB",
                   (long long)(f->thread_bytes / 1000000 + 1), (long long)(tl__run_task_bytes(run, LEAST_STRETCH + 2 * run->plan.greatest_delay) / 1000000 + 1),
                   (long long)(run->options.memory / 1000000));
  if (run->file_count == 0) TL_TRY(make_files(run, most, err));
  TL_TRY(plan_ranges(run, most, f, err));
  return make_pieces(run, most, share, f, err);
}

/* Those of a condition lie among others. */
static int64_t rows_in_batches(const tl_run *run) {
  int64_t rows = 0;
  for (size_t i = 0; i < run->input.group_count; i++)
    if (tl_spill_takes(&run->input, &run->input.groups[i])) rows += run->input.groups[i].rows;
  return rows;
}

static tl_status plan_spill(tl_run *run, const tl_forecast *f, tl_error *err) {
  TL_TRY(note_stored(run, err));
  int64_t rows;
  for (;; run->threads--) { /* fewer threads, where each would have too little */
    rows = tl_spill_rows_within(run->stored_count, (f->budget - f->fixed_bytes) / run->threads - f->reading_bytes);
    if (rows >= LEAST_STRETCH || run->threads == 1) break;
  }
  if (rows < LEAST_STRETCH)
    return tl_fail(err, TL_MEMORY, "--memory %lld MB is too little to put scattered rows together", (long long)(run->options.memory / 1000000));
  int64_t each = rows_in_batches(run) / (4 * run->threads) + 1; /* something to do for every thread */
  if (each < LEAST_BATCH) each = LEAST_BATCH;
  run->batch_rows = rows < each ? rows : each;
  if (run->batch_rows > MOST_BATCH) run->batch_rows = MOST_BATCH;
  run->spill_bytes = run->rows_total * tl_spill_row_bytes(run->stored_count);
  int64_t needed = f->fixed_bytes + run->threads * (f->reading_bytes + tl_spill_thread_bytes(run->stored_count, run->batch_rows));
  if (needed > run->plan_bytes) run->plan_bytes = needed;
  return note_ranges(run, err);
}

bool tl__run_key_is_in_path(const tl_run *run, int key) { return run->input.key_in_path[key] && (run->mirrors || run->update.partitions); }

tl_status tl__run_make_tasks(tl_run *run, tl_error *err) {
  tl_forecast f;
  bool scattered;
  run->spills = run->input.scattered;
  TL_TRY(tl__run_forecast(run, &f, err));
  TL_TRY(cut(run, &f, err));
  TL_TRY(is_scattered(run, &scattered, err));
  if (scattered && !run->spills) { /* a row takes more memory then */
    run->spills = true;
    forget(run);
    TL_TRY(tl__run_forecast(run, &f, err));
    TL_TRY(cut(run, &f, err));
  }
  if (run->days != NULL && run->file_count > 0) {
    const char *name = run->files[0].name;
    run->day_file = name + tl_manifest_folder(name);
    run->day_rows = f.task_rows;
  }
  int64_t taken = 0;
  for (size_t i = 0; i < run->task_count; i++) {
    const tl_task *t = &run->tasks[i];
    int64_t rows = t->room > 0 ? t->room * (int64_t)t->streams : t->rows + (t->ranges ? run->range_before : 0);
    if (rows > taken) taken = rows;
  }
  run->threads = (size_t)f.threads < run->task_count ? f.threads : run->task_count > 0 ? (int)run->task_count : 1;
  run->plan_bytes = f.fixed_bytes + run->threads * (f.thread_bytes + tl__run_task_bytes(run, taken));
  return run->spills ? plan_spill(run, &f, err) : TL_OK;
}
