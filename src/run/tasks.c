/* How the work is cut. Output files have the names of the input files where each of those holds whole streams; otherwise they are
   ranges of streams in key order. A piece is one row group; a task is one piece of a large file, or several small files, so that
   the lanes are full. The cut depends on the data and, where that is tight, on the memory of a thread; no value depends on the cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/run.h"

enum { PIECE_ROWS = 131072, PART_ROWS = 4 << 20, BASE_BYTES = 48 << 20, WORKER_BASE = 6 << 20 };

/* ---- output files ---- */

bool tl__run_mirrors(const tl_run *run) {
  if (run->target.is_file) return false;
  for (size_t i = 0; i < run->input.stream_count; i++)
    if (run->input.streams[i].spans_files) return false;
  return true;
}

static int32_t file_of(const tl_run *run, const tl_stream *s) { return s->part_count > 0 ? run->input.parts[s->parts].file : -1; }

typedef struct sorter {
  const tl_run *run;
  bool by_file;
} sorter;

static int compare_streams(const void *a, const void *b, void *context) {
  const sorter *s = context;
  const tl_stream *x = *(const tl_stream *const *)a, *y = *(const tl_stream *const *)b;
  int32_t f = file_of(s->run, x), g = file_of(s->run, y);
  if (s->by_file && f != g) return f < g ? -1 : 1;
  return tl_stream_compare(&s->run->input, x, y);
}

static tl_status add_file(tl_run *run, size_t *capacity, const char *name, size_t first, size_t count, tl_error *err) {
  TL_TRY(tl_reserve(run->env, &run->files, capacity, run->file_count + 1, sizeof *run->files, err));
  tl_output_file *f = &run->files[run->file_count];
  *f = (tl_output_file){.name = name, .first_stream = first, .stream_count = count, .writer = {.handle = -1}};
  TL_TRY(tl_target_temporary(&run->target, &run->arena, run->file_count, &f->temporary, err));
  for (size_t i = first; i < first + count; i++) f->rows += run->order[i]->rows;
  run->file_count++;
  return TL_OK;
}

static tl_status make_files(tl_run *run, tl_error *err) {
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
    for (end = i; end < run->stream_count; end++) {
      if (s.by_file && file_of(run, run->order[end]) != file_of(run, run->order[i])) break;
      if (!s.by_file && !run->target.is_file && end > i && rows + run->order[end]->rows > PART_ROWS) break;
      rows += run->order[end]->rows;
    }
    if (s.by_file) {
      name = run->input.files[file_of(run, run->order[i])].file->name;
      size_t size = strlen(name);
      if (size < 8 || strcmp(name + size - 8, ".parquet") != 0) TL_TRY(tl_arena_format(&run->arena, &name, err, "%s.parquet", name));
    } else
      TL_TRY(tl_arena_format(&run->arena, &name, err, "part-%05zu.parquet", run->file_count));
    TL_TRY(add_file(run, &capacity, name, i, end - i, err));
  }
  return TL_OK;
}

/* ---- memory ---- */

/* Bytes that one row of a task takes: inputs, results, and the encoded form of both the column at hand and the row group. */
static int64_t row_bytes(const tl_run *run) { return 8 * (3 + (int64_t)run->plan.input_count + 2 * (int64_t)run->selected_count) + 64; }

/* The most rows that a thread has memory for, with this many threads, or 0. */
static int64_t memory_rows(const tl_run *run, int threads) {
  int64_t sides = 0;
  for (int i = 0; i < run->definition->side_count; i++) sides += run->sides[i].rows * 8 * (run->sides[i].export_count + 1);
  int64_t index = (int64_t)(run->input.part_count * sizeof(tl_part) + run->stream_count * (sizeof(tl_stream) + 64));
  int64_t left = (run->options.memory - BASE_BYTES - sides - index) / threads - run->worker_bytes - WORKER_BASE;
  return left > 0 ? left / row_bytes(run) : 0;
}

/* The most rows a piece may have with this many threads, or 0. */
static int64_t task_rows(const tl_run *run, int threads) {
  int64_t rows = memory_rows(run, threads);
  return rows > PIECE_ROWS ? PIECE_ROWS : rows;
}

/* ---- pieces and tasks ---- */

static tl_status add_task(tl_run *run, tl_task task, tl_error *err) {
  TL_TRY(tl_reserve(run->env, &run->tasks, &run->task_capacity, run->task_count + 1, sizeof *run->tasks, err));
  run->tasks[run->task_count++] = task;
  return TL_OK;
}

static tl_status add_piece(tl_run *run, tl_output_file *f, size_t first, size_t count, int64_t rows, tl_error *err) {
  TL_TRY(tl_reserve(run->env, &run->pieces, &run->piece_capacity, run->piece_count + 1, sizeof *run->pieces, err));
  run->pieces[run->piece_count++] = (tl_piece){(int32_t)(f - run->files), f->pieces++, first, count, rows};
  return TL_OK;
}

/* A stream that cannot be held is left out. */
static void refuse_stream(tl_run *run, const tl_stream *s, int64_t most) {
  char name[300], reason[400];
  tl_stream_name(&run->input, s, name, sizeof name);
  snprintf(reason, sizeof reason, "%lld rows need %lld MB beside what the run itself needs; --memory allows %lld rows", (long long)s->rows,
           (long long)(s->rows * row_bytes(run) / 1000000 + 1), (long long)most);
  tl__run_fail(run, NULL, name, TL_MEMORY, reason);
}

static tl_status cut_file(tl_run *run, tl_output_file *f, int64_t most, tl_error *err) {
  size_t end = f->first_stream + f->stream_count;
  for (size_t i = f->first_stream, last; i < end; i = last) {
    int64_t rows = 0;
    if (run->order[i]->rows > most) {
      refuse_stream(run, run->order[i], most);
      last = i + 1;
      continue;
    }
    for (last = i; last < end && run->order[last]->rows <= most && (last == i || rows + run->order[last]->rows <= most); last++) rows += run->order[last]->rows;
    TL_TRY(add_piece(run, f, i, last - i, rows, err));
  }
  return TL_OK;
}

static int longest_first(const void *a, const void *b, void *context) {
  const tl_run *run = context;
  const tl_output_file *x = &run->files[*(const size_t *)a], *y = &run->files[*(const size_t *)b];
  if (x->rows != y->rows) return x->rows > y->rows ? -1 : 1;
  return x < y ? -1 : 1;
}

/* Files of one piece are put together until the lanes are full or the memory is (`room` rows); a file of several has tasks of its own. */
static tl_status make_pieces(tl_run *run, int64_t most, int64_t room, tl_error *err) {
  size_t *files;
  TL_TRY(tl_arena_take(&run->arena, &files, run->file_count + 1, sizeof *files, err));
  for (size_t i = 0; i < run->file_count; i++) files[i] = i;
  qsort_r(files, run->file_count, sizeof *files, longest_first, run);
  tl_task open = {0};
  for (size_t i = 0; i < run->file_count; i++) {
    size_t first = run->piece_count;
    TL_TRY(cut_file(run, &run->files[files[i]], most, err));
    for (size_t p = first; p < run->piece_count; p++) {
      const tl_piece *piece = &run->pieces[p];
      bool fits = open.rows + piece->rows <= room && open.streams + piece->stream_count <= TL_LANES && piece->sequence == 0;
      if (open.piece_count > 0 && !fits) {
        TL_TRY(add_task(run, open, err));
        open = (tl_task){0};
      }
      if (open.piece_count == 0) open.first_piece = p;
      open.piece_count++;
      open.rows += piece->rows;
      open.streams += piece->stream_count;
    }
  }
  return open.piece_count > 0 ? add_task(run, open, err) : TL_OK;
}

tl_status tl__run_make_tasks(tl_run *run, tl_error *err) {
  int tile_rows = run->options.tile_rows > 0 ? run->options.tile_rows : TL_TILE_ROWS;
  run->worker_bytes = tl_plan_worker_bytes(&run->plan, tile_rows);
  TL_TRY(make_files(run, err));
  int threads = run->options.threads;
  int64_t wanted = run->input.longest < PIECE_ROWS ? run->input.longest : PIECE_ROWS;
  while (threads > 1 && task_rows(run, threads) < wanted) threads--;
  int64_t most = task_rows(run, threads);
  if (most < 1 && run->stream_count > 0)
    return tl_fail(err, TL_MEMORY, "the plan needs %lld MB for windows and tiles, --memory is %lld MB",
                   (long long)((run->worker_bytes + BASE_BYTES + WORKER_BASE) / 1000000 + 1), (long long)(run->options.memory / 1000000));
  /* a stream longer than a row group is one task all the same */
  if (run->input.longest > most && task_rows(run, 1) >= PIECE_ROWS) {
    int64_t left = run->options.memory - BASE_BYTES - run->worker_bytes - WORKER_BASE;
    if (left / row_bytes(run) > most) threads = 1, most = left / row_bytes(run);
  }
  int64_t room = memory_rows(run, threads) > most ? memory_rows(run, threads) : most, taken = most;
  TL_TRY(make_pieces(run, most, room, err));
  for (size_t i = 0; i < run->task_count; i++) taken = run->tasks[i].rows > taken ? run->tasks[i].rows : taken;
  if ((size_t)threads > run->task_count) threads = run->task_count > 0 ? (int)run->task_count : 1;
  run->threads = threads;
  run->plan_bytes = BASE_BYTES + threads * (run->worker_bytes + WORKER_BASE + taken * row_bytes(run));
  return TL_OK;
}
