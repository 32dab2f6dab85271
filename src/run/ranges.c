/* A long stream, all lanes at once: each has a range of its rows, and before them those that windows look back on, whose results are dropped.

   Windows are cut at multiples of their length in the stream, so ranges begin a common multiple of the lengths apart: then blocks end in all lanes
   together, as in lanes of whole streams. What must see every row in its turn (recursions, and windows whose length does not fit in) runs ahead in
   one lane, and is given to the ranges. Pieces, of a range for each lane, are tasks: while one thread runs ahead in a piece, another computes, encodes
   and waits to write the one before. */
#include <string.h>
#include "run/worker.h"

/* What the pieces of one stream share. The thread whose turn it is has it alone. */
typedef struct tl_long_stream {
  tl_engine ahead;
  bool open;
  tl_resume ahead_resume;
  double *record; /* of the stream at its end; NULL: none is wanted */
  double **tail;  /* of what runs ahead: rows before the next piece */
  int next_ahead; /* piece whose turn it is to run ahead */
  bool failed;    /* the stream is left out */
  tl_course *courses;
  int64_t *last_missing;
  int64_t written, nonfinite, last_key;
  uint64_t content;
} tl_long_stream;

/* ---- before the work ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

tl_status tl__ranges_plan(tl_run *run, int64_t task_rows, tl_error *err) {
  const tl_input_set *in = &run->input;
  bool possible;
  tl_range_plan_free(&run->ranges);
  if (run->spills || run->update.going_on || run->options.on_duplicate != TL_DUPLICATE_ERROR) return TL_OK;
  if (task_rows > 2 * TL_PIECE_ROWS) task_rows = 2 * TL_PIECE_ROWS;
  int64_t most = task_rows / 4 * 3 / TL_LANES;
  TL_TRY(tl_plan_by_rows(&run->ranges, &possible, most, run->env, run->definition, run->selected, in->longest, in->order_unit, in->units, err));
  run->range_before = run->ranges.reach + (run->update.keeps ? run->update.resume.depth : 0);
  int64_t columns = 5 + (int64_t)run->plan.input_count + (int64_t)run->selected_count, more = run->ranges.ahead.export_count;
  int64_t fits = (task_rows * columns / (columns + more) - 2 * run->range_before) / TL_LANES / run->ranges.step;
  if (possible && fits > 0) run->range_rows = fits * run->ranges.step;
  return TL_OK;
}

tl_status tl__ranges_open(tl_run *run, tl_output_file *f, tl_error *err) {
  size_t outputs = run->definition->output_count, sources = run->sources.inputs + run->sources.joins, rows = (size_t)run->range_before;
  int exports = run->ranges.ahead.export_count;
  tl_long_stream *r;
  TL_TRY(tl_arena_take(&run->arena, &r, 1, sizeof *r, err));
  TL_TRY(tl_arena_take(&run->arena, &r->courses, outputs + 1, sizeof *r->courses, err));
  TL_TRY(tl_arena_take(&run->arena, &r->last_missing, sources + 1, sizeof *r->last_missing, err));
  TL_TRY(tl_arena_take(&run->arena, &r->tail, (size_t)exports + 1, sizeof *r->tail, err));
  for (int i = 0; i < exports; i++) TL_TRY(tl_arena_take(&run->arena, &r->tail[i], rows + 1, sizeof(double), err));
  for (size_t o = 0; o < outputs; o++) tl_course_begin(&r->courses[o]);
  for (size_t s = 0; s < sources; s++) r->last_missing[s] = INT64_MIN;
  f->ranges = r;
  return TL_OK;
}

void tl__ranges_free(tl_run *run) {
  for (size_t i = 0; i < run->file_count; i++) {
    tl_long_stream *r = run->files[i].ranges;
    if (r == NULL) continue;
    tl_engine_free(&r->ahead);
    tl_resume_free(&r->ahead_resume);
  }
  tl_range_plan_free(&run->ranges);
}

/* ---- a piece ---- */

/* Rows [first, end) of the stream, and before them those from `from` on, which are loaded as well. */
typedef struct range_work {
  tl_worker *w;
  tl_long_stream *ranges;
  const tl_piece *piece;
  tl_loaded_stream *stream;
  int64_t from, first, end;
  bool left_out; /* the stream is: a piece before this one, or this one, found why */
} range_work;

static tl_status load(range_work *k, tl_error *err) {
  tl_worker *w = k->w;
  tl_loaded_stream *s = k->stream;
  TL_TRY(tl_load_begin(&w->load, s, 1, k->end - k->from, err));
  s->first = s->read = k->from;
  s->last_key = INT64_MIN;
  if (k->from < k->first) TL_TRY(tl_load_more(&w->load, s, 1, k->first - k->from, 0, 0, err));
  s->nonfinite = 0; /* the piece before has counted these */
  return s->failed ? TL_OK : tl_load_more(&w->load, s, 1, k->end - k->from, 0, 0, err);
}

static tl_status make_room(range_work *k, tl_error *err) {
  tl_worker *w = k->w;
  const tl_run *run = w->run;
  size_t rows = (size_t)(k->end - k->first) + 1;
  TL_TRY(tl_reserve(run->env, &w->out_at, &w->out_capacity, 1, sizeof *w->out_at, err));
  TL_TRY(tl_reserve(run->env, &w->out_rows, &w->out_rows_capacity, 1, sizeof *w->out_rows, err));
  TL_TRY(tl_renew(run->env, &w->order, &w->order_capacity, rows, sizeof *w->order, err));
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) TL_TRY(tl_renew(run->env, &w->results[o], &w->result_capacity[o], rows, sizeof(double), err));
  for (int i = 0; i < run->ranges.ahead.export_count; i++)
    TL_TRY(tl_renew(run->env, &w->given[i], &w->given_capacity[i], (size_t)(k->end - k->from) + 1, sizeof(double), err));
  return TL_OK;
}

/* A plan's inputs among the columns that were loaded by the whole plan's, from row `row` of the stream on. */
static void find_inputs(const range_work *k, const tl_plan *plan, int64_t row, const double **out) {
  const tl_plan *whole = &k->w->run->plan;
  for (int i = 0; i < plan->input_count; i++)
    for (int c = 0; c < whole->input_count; c++)
      if (whole->inputs[c] == plan->inputs[i] && whole->as_time[c] == plan->as_time[i]) out[i] = k->w->load.columns[c] + k->stream->at + (row - k->from);
}

/* ---- ahead ---- */

static tl_status open_ahead(range_work *k, tl_error *err) {
  tl_run *run = k->w->run;
  tl_long_stream *r = k->ranges;
  r->open = true;
  TL_TRY(tl_engine_open(&r->ahead, run->env, &run->ranges.ahead, run->isa, run->options.tile_rows, run->sides, err));
  if (!run->update.keeps) return TL_OK;
  tl_lock_enter(run->lock);
  tl_status status = tl_arena_take(&run->arena, &r->record, (size_t)tl_resume_size(&run->update.resume, k->stream->stream->rows) + 1, sizeof(double), err);
  tl_lock_leave(run->lock);
  TL_TRY(status);
  TL_TRY(tl_resume_part(&r->ahead_resume, &run->update.resume, &run->ranges.ahead, true, err));
  return tl_engine_keep(&r->ahead, &r->ahead_resume, err);
}

static tl_status run_ahead(range_work *k, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = k->w->run->env};
  tl_long_stream *r = k->ranges;
  const tl_plan *plan = &k->w->run->ranges.ahead;
  int64_t before = k->first - k->from, rows = k->end - k->from, kept = least(k->w->run->range_before, rows);
  const double **inputs;
  double **results;
  if (!r->open) TL_TRY(open_ahead(k, err));
  if (plan->step_count == 0) return TL_OK;
  TL_TRY(tl_arena_take(&arena, &inputs, (size_t)plan->input_count + 1, sizeof *inputs, err));
  TL_TRY(tl_arena_take(&arena, &results, (size_t)plan->export_count + 1, sizeof *results, err));
  find_inputs(k, plan, k->first, inputs);
  for (int i = 0; i < plan->export_count; i++) {
    memcpy(k->w->given[i], r->tail[i] + k->w->run->range_before - before, (size_t)before * sizeof(double));
    results[i] = k->w->given[i] + before;
  }
  tl_lane_stream lane = {.rows = k->end,
                         .first = k->first,
                         .result = k->first,
                         .order = k->w->load.order + k->stream->at + before,
                         .inputs = inputs,
                         .results = results,
                         .record = r->record,
                         .end = k->stream->stream->rows};
  TL_TRY(tl_engine_run_rows(&r->ahead, &lane, 1, k->first, k->end, err));
  for (int i = 0; i < plan->export_count; i++) memcpy(r->tail[i] + k->w->run->range_before - kept, k->w->given[i] + rows - kept, (size_t)kept * sizeof(double));
  return TL_OK;
}

/* When the pieces before have run ahead, this one does. */
static tl_status take_turn_ahead(range_work *k, tl_status status, tl_error *err) {
  tl_run *run = k->w->run;
  tl_long_stream *r = k->ranges;
  tl_lock_enter(run->lock);
  while (r->next_ahead < k->piece->sequence) tl_lock_wait(run->lock);
  bool failed = r->failed;
  tl_lock_leave(run->lock);
  int64_t start = tl__now(run);
  if (status == TL_OK && !failed && !k->stream->failed) status = run_ahead(k, err);
  k->w->times.compute_ns += tl__now(run) - start;
  tl_lock_enter(run->lock);
  r->failed |= status != TL_OK || k->stream->failed;
  k->left_out = r->failed;
  r->next_ahead++;
  if (k->end == k->stream->stream->rows) tl__merge_engine(run, &r->ahead);
  tl_lock_wake_all(run->lock);
  tl_lock_leave(run->lock);
  return status;
}

/* ---- the rest ---- */

/* So many lanes, `step` rows apart, of which the first has rows [row, row + rows) and, before these, those from `from` on. Results of the latter are
   dropped; `record` (or NULL) takes what it can. */
static tl_status run_lanes(range_work *k, int64_t from, int64_t row, int64_t rows, int count, int64_t step, double *record, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = k->w->run->env};
  tl_worker *w = k->w;
  const tl_run *run = w->run;
  const tl_plan *plan = &run->ranges.rest;
  size_t outputs = run->definition->output_count;
  tl_lane_stream lanes[TL_LANES];
  double **none, **results;
  const double **inputs, **given;
  TL_TRY(tl_arena_take(&arena, &none, outputs + 1, sizeof *none, err));
  TL_TRY(tl_arena_take(&arena, &results, (outputs + 1) * TL_LANES, sizeof *results, err));
  TL_TRY(tl_arena_take(&arena, &inputs, (size_t)(plan->input_count + 1) * TL_LANES, sizeof *inputs, err));
  TL_TRY(tl_arena_take(&arena, &given, (size_t)(plan->given_count + 1) * TL_LANES, sizeof *given, err));
  for (int l = 0; l < count; l++) { /* rows are numbered as in the first lane */
    int64_t apart = l * step, at = from + apart - k->from, end = least(row + rows, k->end - apart);
    const double **in = inputs + l * (plan->input_count + 1), **too = given + l * (plan->given_count + 1);
    double **out = results + (size_t)l * (outputs + 1);
    find_inputs(k, plan, from + apart, in);
    for (int i = 0; i < plan->given_count; i++) too[i] = w->given[i] + at;
    for (size_t o = 0; o < outputs; o++) out[o] = run->selected[o] && record == NULL ? w->results[o] + (row + apart - k->first) : NULL;
    lanes[l] = (tl_lane_stream){.rows = end, .first = from, .result = row, .order = w->load.order + k->stream->at + at, .inputs = in, .given = too};
    lanes[l].results = none;
    lanes[l].record = record;
  }
  if (from > 0) tl_engine_begin_inside(&w->engine);
  TL_TRY(tl_engine_run_rows(&w->engine, lanes, count, from, row, err));
  for (int l = 0; l < count; l++) lanes[l].results = results + (size_t)l * (outputs + 1);
  return tl_engine_run_rows(&w->engine, lanes, count, row, row + rows, err);
}

/* The last rows once more, in one lane, for what is kept of them. */
static tl_status take_record(range_work *k, tl_error *err) {
  const tl_run *run = k->w->run;
  TL_OWNED(tl_resume) resume = {0};
  int64_t rows = k->stream->stream->rows, from = rows - least(run->range_before, rows), row = rows - least(run->update.resume.depth, rows);
  if (k->ranges->record == NULL || k->end < rows) return TL_OK;
  TL_TRY(tl_resume_part(&resume, &run->update.resume, &run->ranges.rest, false, err));
  TL_TRY(tl_engine_keep(&k->w->engine, &resume, err));
  tl_status status = run_lanes(k, from, row, rows - row, 1, 0, k->ranges->record, err);
  tl_engine_keep_nothing(&k->w->engine);
  return status;
}

static tl_status compute(range_work *k, tl_error *err) {
  const tl_run *run = k->w->run;
  int64_t before = run->range_before, first = k->first, step = run->range_rows;
  if (first == 0) { /* rows that have too few before them, in one lane */
    TL_TRY(run_lanes(k, 0, 0, least(before, k->end), 1, 0, NULL, err));
    first = least(before, k->end);
  }
  if (first == k->end) return take_record(k, err);
  int count = (int)((k->end - first + step - 1) / step);
  TL_TRY(run_lanes(k, first - before, first, least(step, k->end - first), count, step, NULL, err));
  return take_record(k, err);
}

/* ---- the end of a piece ---- */

/* It is this piece's turn to write: the rows are counted in their order. */
static tl_status count(range_work *k, tl_putting *put, tl_error *err) {
  tl_worker *w = k->w;
  tl_long_stream *r = k->ranges;
  tl_loaded_stream *s = k->stream;
  int64_t before = k->first - k->from, rows = k->end - k->first;
  if (!put->in_turn) TL_TRY(tl__put_open(w, put, err));
  s->at += before;
  s->rows -= before;
  s->first = k->first;
  TL_TRY(tl__count_rows(w, s, r->last_missing, r->courses, k->first + w->out_at[0], w->out_rows[0], w->out_at[0], err));
  TL_TRY(tl__count_pass(w, s, r->last_missing, rows, err));
  r->content += tl_content_hash(w->load.order, w->load.columns, s->at, w->run->plan.input_count, k->first, rows);
  r->written += w->out_rows[0];
  r->nonfinite += s->nonfinite;
  if (k->end < s->stream->rows) return TL_OK;
  s->nonfinite = r->nonfinite;
  tl__count_end(w, s, r->courses, r->written, put->tally);
  if (s->failed) return TL_OK;
  tl_update_stream now = {.rows = k->end, .last_key = s->last_key, .content = r->content};
  if (r->record != NULL) tl__update_take(w->run, s->stream, now, r->record, NULL);
  return TL_OK;
}

static void say_failure(range_work *k, tl_putting *put, tl_status *status, tl_error *err) {
  tl_worker *w = k->w;
  put->any = false;
  put->incomplete = true;
  if (*status != TL_OK || !k->stream->failed) return; /* or a piece before has said it */
  if (w->run->mirrors && k->stream->broken)
    *status = tl_fail(err, k->stream->error.status, "%s", k->stream->error.text);
  else
    tl__report_stream(w, k->stream);
}

static tl_status finish(range_work *k, tl_putting *put, tl_error *err) {
  tl_worker *w = k->w;
  int64_t from, to;
  memcpy(w->order, w->load.order + k->stream->at + (k->first - k->from), (size_t)(k->end - k->first) * sizeof *w->order);
  tl__wanted_rows(w->run, w->order, k->end - k->first, &from, &to);
  w->out_at[0] = from;
  w->out_rows[0] = to > from ? to - from : 0;
  TL_TRY(tl__put_rows(w, put, 0, 1, err));
  return count(k, put, err);
}

void tl__work_range(tl_worker *w, const tl_task *task) {
  tl_run *run = w->run;
  const tl_piece *piece = &run->pieces[task->first_piece];
  range_work k = {.w = w, .ranges = run->files[piece->file].ranges, .piece = piece, .stream = &w->streams[0], .first = piece->first_row};
  tl_putting put = {.piece = piece, .tally = &w->tallies[0]};
  tl_error err = {0};
  k.from = k.first - least(run->range_before, k.first);
  k.end = k.first + piece->rows;
  tl_tally_clear(put.tally);
  int64_t start = tl__now(run);
  tl_status status = load(&k, &err);
  w->times.decode_ns += tl__now(run) - start;
  if (status == TL_OK) status = make_room(&k, &err);
  status = take_turn_ahead(&k, status, &err);
  start = tl__now(run);
  if (status == TL_OK && !k.left_out) status = compute(&k, &err);
  w->times.compute_ns += tl__now(run) - start;
  if (status == TL_OK && !k.left_out) status = finish(&k, &put, &err);
  if (status != TL_OK || k.stream->failed || k.left_out) say_failure(&k, &put, &status, &err);
  tl__put_close(w, &put, status, &err);
  tl__show_progress(run, piece->rows);
}
