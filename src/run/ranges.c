/* A long stream, all lanes at once: each has a range of its rows, and before them those that windows look back on, whose results are dropped.

   Windows are cut at multiples of their length in the stream, so ranges begin a common multiple of the lengths apart: then blocks end in all lanes
   together, as in lanes of whole streams. What must see every row in its turn (recursions, and windows whose length does not fit in) runs ahead in
   one lane, fed by ranges with what it reads, and is given to the ranges that follow. Pieces, of a range for each lane, are tasks: while one thread runs ahead
   in a piece, another computes, encodes and waits to write the one before. */
#include <string.h>
#include "run/worker.h"

/* What the pieces of one stream share. The thread whose turn it is has it alone. */
typedef struct tl_long_stream {
  tl_engine *serial; /* one a level */
  tl_resume *resumes;
  bool open;
  double *record; /* of the stream at its end; NULL: none is wanted */
  double **tail;  /* of what runs ahead: rows before the next piece */
  int next_ahead; /* piece whose turn it is to run ahead */
  bool failed;    /* the stream is left out */
  tl_course *courses;
  int64_t *last_missing;
  int64_t written, nonfinite;
  uint64_t content;
} tl_long_stream;

/* ---- before the work ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int most_fed(const tl_range_plan *p) {
  int most = 0;
  for (int i = 0; i < p->level_count; i++)
    if (p->levels[i].feed.export_count > most) most = p->levels[i].feed.export_count;
  return most;
}

/* With ranges at most so many rows apart; *rows: of a range, 0 where that cannot be, or not within the memory. */
static tl_status plan_within(tl_run *run, int64_t task_rows, int64_t most, int64_t *rows, bool *possible, tl_error *err) {
  const tl_input_set *in = &run->input;
  tl_range_plan *p = &run->ranges;
  tl_range_plan_free(p);
  *rows = 0;
  TL_TRY(tl_plan_by_rows(p, possible, most, run->env, run->definition, run->selected, in->longest, in->order_unit, in->units, err));
  if (!*possible) return TL_OK;
  run->range_before = p->reach + (run->update.keeps ? run->update.resume.depth : 0);
  int64_t columns = 5 + (int64_t)run->plan.input_count + (int64_t)run->selected_count, more = p->ahead_count + most_fed(p);
  int64_t fits = (task_rows * columns / (columns + more) - 2 * run->range_before) / TL_LANES / p->step;
  if (fits > 0) *rows = fits * p->step;
  return TL_OK;
}

tl_status tl__ranges_plan(tl_run *run, int64_t task_rows, tl_error *err) {
  enum { LEAST_RANGE = 64 };
  bool possible = true;
  if (run->spills || run->update.going_on || run->options.on_duplicate != TL_DUPLICATE_ERROR) return TL_OK;
  if (task_rows > 2 * TL_PIECE_ROWS) task_rows = 2 * TL_PIECE_ROWS;
  for (int64_t most = task_rows / 4 * 3 / TL_LANES; possible && run->range_rows == 0 && most >= LEAST_RANGE;
       most /= 2) /* the fewer windows fit, the more is given */
    TL_TRY(plan_within(run, task_rows, most, &run->range_rows, &possible, err));
  return TL_OK;
}

tl_status tl__ranges_open(tl_run *run, tl_output_file *f, tl_error *err) {
  size_t outputs = run->definition->output_count, sources = run->sources.inputs + run->sources.joins, rows = (size_t)run->range_before;
  const tl_range_plan *p = &run->ranges;
  tl_long_stream *r;
  TL_TRY(tl_arena_take(&run->arena, &r, 1, sizeof *r, err));
  TL_TRY(tl_arena_take(&run->arena, &r->courses, outputs + 1, sizeof *r->courses, err));
  TL_TRY(tl_arena_take(&run->arena, &r->last_missing, sources + 1, sizeof *r->last_missing, err));
  TL_TRY(tl_arena_take(&run->arena, &r->serial, (size_t)p->level_count + 1, sizeof *r->serial, err));
  TL_TRY(tl_arena_take(&run->arena, &r->resumes, (size_t)p->level_count + 1, sizeof *r->resumes, err));
  TL_TRY(tl_arena_take(&run->arena, &r->tail, (size_t)p->ahead_count + 1, sizeof *r->tail, err));
  for (int i = 0; i < p->ahead_count; i++) TL_TRY(tl_arena_take(&run->arena, &r->tail[i], rows + 1, sizeof(double), err));
  for (size_t o = 0; o < outputs; o++) tl_course_begin(&r->courses[o]);
  for (size_t s = 0; s < sources; s++) r->last_missing[s] = INT64_MIN;
  if (run->update.keeps) TL_TRY(tl_arena_take(&run->arena, &r->record, (size_t)tl_resume_size(&run->update.resume, f->rows) + 1, sizeof(double), err));
  f->ranges = r;
  return TL_OK;
}

void tl__ranges_free(tl_run *run) {
  for (size_t i = 0; i < run->file_count; i++) {
    tl_long_stream *r = run->files[i].ranges;
    for (int k = 0; r != NULL && r->open && k < run->ranges.level_count; k++) {
      tl_engine_free(&r->serial[k]);
      tl_resume_free(&r->resumes[k]);
    }
  }
  tl_range_plan_free(&run->ranges);
}

void tl__range_scratch_free(tl_worker *w) {
  const tl_range_plan *p = &w->run->ranges;
  for (int i = 0; w->feeds != NULL && i < p->level_count; i++) tl_engine_free(&w->feeds[i]);
  for (int i = 0; w->given != NULL && i < p->ahead_count; i++) tl_release(w->run->env, w->given[i]);
  for (int i = 0; w->fed != NULL && i < most_fed(p); i++) tl_release(w->run->env, w->fed[i]);
  tl_release(w->run->env, w->feeds);
  tl_release(w->run->env, w->given);
  tl_release(w->run->env, w->given_capacity);
  tl_release(w->run->env, w->fed);
  tl_release(w->run->env, w->fed_capacity);
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

static tl_status open_scratch(tl_worker *w, tl_error *err) {
  const tl_run *run = w->run;
  const tl_range_plan *p = &run->ranges;
  size_t fed = (size_t)most_fed(p) + 1, given = (size_t)p->ahead_count + 1;
  if (w->feeds != NULL) return TL_OK;
  TL_TRY(tl_allocate_zeroed(run->env, &w->given, given, sizeof *w->given, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->given_capacity, given, sizeof *w->given_capacity, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->fed, fed, sizeof *w->fed, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->fed_capacity, fed, sizeof *w->fed_capacity, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->feeds, (size_t)p->level_count + 1, sizeof *w->feeds, err));
  for (int i = 0; i < p->level_count; i++)
    TL_TRY(tl_engine_open(&w->feeds[i], run->env, &p->levels[i].feed, run->isa, run->options.tile_rows, run->sides, err));
  return TL_OK;
}

static tl_status make_room(range_work *k, tl_error *err) {
  tl_worker *w = k->w;
  const tl_run *run = w->run;
  size_t rows = (size_t)(k->end - k->first) + 1, all = (size_t)(k->end - k->from) + 1;
  TL_TRY(open_scratch(w, err));
  TL_TRY(tl_reserve(run->env, &w->out_at, &w->out_capacity, 1, sizeof *w->out_at, err));
  TL_TRY(tl_reserve(run->env, &w->out_rows, &w->out_rows_capacity, 1, sizeof *w->out_rows, err));
  TL_TRY(tl_renew(run->env, &w->order, &w->order_capacity, rows, sizeof *w->order, err));
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) TL_TRY(tl_renew(run->env, &w->results[o], &w->result_capacity[o], rows, sizeof(double), err));
  for (int i = 0; i < run->ranges.ahead_count; i++) TL_TRY(tl_renew(run->env, &w->given[i], &w->given_capacity[i], all, sizeof(double), err));
  for (int i = 0; i < most_fed(&run->ranges); i++) TL_TRY(tl_renew(run->env, &w->fed[i], &w->fed_capacity[i], rows, sizeof(double), err));
  return TL_OK;
}

/* A plan's inputs among the columns that were loaded by the whole plan's, from row `row` of the stream on. */
static void find_inputs(const range_work *k, const tl_plan *plan, int64_t row, const double **out) {
  const tl_plan *whole = &k->w->run->plan;
  for (int i = 0; i < plan->input_count; i++)
    for (int c = 0; c < whole->input_count; c++)
      if (whole->inputs[c] == plan->inputs[i] && whole->as_time[c] == plan->as_time[i]) out[i] = k->w->load.columns[c] + k->stream->at + (row - k->from);
}

/* ---- by ranges ---- */

/* Feeds, or the rest: an engine, and where its results go, from row tl_piece.first_row on. */
typedef struct range_plan {
  tl_engine *engine;
  double **results;
  size_t result_count;
} range_plan;

/* So many lanes, `step` rows apart, of which the first has rows [row, row + rows) and, before these, those from `from` on. Results of the latter are
   dropped; where `record` is given all are, and it takes what it can. */
static tl_status run_lanes(range_work *k, range_plan p, int64_t from, int64_t row, int64_t rows, int count, int64_t step, double *record, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = k->w->run->env};
  tl_worker *w = k->w;
  const tl_plan *plan = p.engine->plan;
  tl_lane_stream lanes[TL_LANES];
  double **none, **results;
  const double **inputs, **given;
  TL_TRY(tl_arena_take(&arena, &none, p.result_count + 1, sizeof *none, err));
  TL_TRY(tl_arena_take(&arena, &results, (p.result_count + 1) * TL_LANES, sizeof *results, err));
  TL_TRY(tl_arena_take(&arena, &inputs, (size_t)(plan->input_count + 1) * TL_LANES, sizeof *inputs, err));
  TL_TRY(tl_arena_take(&arena, &given, (size_t)(plan->given_count + 1) * TL_LANES, sizeof *given, err));
  for (int l = 0; l < count; l++) { /* rows are numbered as in the first lane */
    int64_t apart = l * step, at = from + apart - k->from, end = least(row + rows, k->end - apart);
    const double **in = inputs + l * (plan->input_count + 1), **too = given + l * (plan->given_count + 1);
    double **out = results + (size_t)l * (p.result_count + 1);
    find_inputs(k, plan, from + apart, in);
    for (int i = 0; i < plan->given_count; i++) too[i] = w->given[i] + at;
    for (size_t o = 0; o < p.result_count; o++) out[o] = p.results[o] != NULL && record == NULL ? p.results[o] + (row + apart - k->first) : NULL;
    lanes[l] = (tl_lane_stream){.rows = end, .first = from, .result = row, .order = w->load.order + k->stream->at + at, .inputs = in, .given = too};
    lanes[l].results = none;
    lanes[l].record = record;
  }
  if (from > 0) tl_engine_begin_inside(p.engine);
  TL_TRY(tl_engine_run_rows(p.engine, lanes, count, from, row, err));
  for (int l = 0; l < count; l++) lanes[l].results = results + (size_t)l * (p.result_count + 1);
  return tl_engine_run_rows(p.engine, lanes, count, row, row + rows, err);
}

/* The last rows once more, in one lane, for what is kept of them. */
static tl_status take_record(range_work *k, range_plan p, tl_error *err) {
  const tl_run *run = k->w->run;
  TL_OWNED(tl_resume) resume = {0};
  int64_t rows = k->stream->stream->rows, from = rows - least(run->range_before, rows), row = rows - least(run->update.resume.depth, rows);
  if (!run->update.keeps || k->end < rows) return TL_OK;
  TL_TRY(tl_resume_part(&resume, &run->update.resume, p.engine->plan, false, err));
  TL_TRY(tl_engine_keep(p.engine, &resume, err));
  tl_status status = run_lanes(k, p, from, row, rows - row, 1, 0, k->ranges->record, err);
  tl_engine_keep_nothing(p.engine);
  return status;
}

static tl_status run_ranges(range_work *k, range_plan p, tl_error *err) {
  const tl_run *run = k->w->run;
  int64_t before = run->range_before, first = k->first, step = run->range_rows;
  if (p.engine->plan->step_count == 0) return TL_OK;
  if (first == 0) { /* rows that have too few before them, in one lane */
    TL_TRY(run_lanes(k, p, 0, 0, least(before, k->end), 1, 0, NULL, err));
    first = least(before, k->end);
  }
  if (first < k->end) {
    int count = (int)((k->end - first + step - 1) / step);
    TL_TRY(run_lanes(k, p, first - before, first, least(step, k->end - first), count, step, NULL, err));
  }
  return take_record(k, p, err);
}

static tl_status feed(range_work *k, int level, tl_error *err) {
  tl_worker *w = k->w;
  return run_ranges(k, (range_plan){&w->feeds[level], w->fed, (size_t)w->feeds[level].plan->export_count}, err);
}

/* ---- ahead ---- */

/* The first piece's turn: nothing has run ahead yet. */
static tl_status open_serial(range_work *k, tl_error *err) {
  tl_run *run = k->w->run;
  tl_long_stream *r = k->ranges;
  r->open = true;
  for (int i = 0; i < run->ranges.level_count; i++) {
    TL_TRY(tl_engine_open(&r->serial[i], run->env, &run->ranges.levels[i].serial, run->isa, run->options.tile_rows, run->sides, err));
    if (!run->update.keeps) continue;
    TL_TRY(tl_resume_part(&r->resumes[i], &run->update.resume, &run->ranges.levels[i].serial, true, err));
    TL_TRY(tl_engine_keep(&r->serial[i], &r->resumes[i], err));
  }
  return TL_OK;
}

static int place_of(const tl_range_plan *p, int32_t node) {
  int i = 0;
  while (p->ahead[i] != node) i++;
  return i;
}

static tl_status run_serial(range_work *k, int number, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = k->w->run->env};
  tl_worker *w = k->w;
  const tl_range_plan *p = &w->run->ranges;
  const tl_range_level *level = &p->levels[number];
  const tl_plan *plan = &level->serial;
  int64_t before = k->first - k->from;
  const double **inputs, **given;
  double **results;
  TL_TRY(tl_arena_take(&arena, &inputs, (size_t)plan->input_count + 1, sizeof *inputs, err));
  TL_TRY(tl_arena_take(&arena, &given, (size_t)plan->given_count + 1, sizeof *given, err));
  TL_TRY(tl_arena_take(&arena, &results, (size_t)plan->export_count + 1, sizeof *results, err));
  find_inputs(k, plan, k->first, inputs);
  for (int i = 0; i < plan->given_count; i++) given[i] = i < level->feed.export_count ? w->fed[i] : w->given[place_of(p, plan->given[i])] + before;
  for (int i = 0; i < plan->export_count; i++) results[i] = w->given[place_of(p, plan->exports[i])] + before;
  tl_lane_stream lane = {.rows = k->end,
                         .first = k->first,
                         .result = k->first,
                         .order = w->load.order + k->stream->at + before,
                         .inputs = inputs,
                         .given = given,
                         .results = results,
                         .record = k->ranges->record,
                         .end = k->stream->stream->rows};
  return tl_engine_run_rows(&k->ranges->serial[number], &lane, 1, k->first, k->end, err);
}

/* Level after level; the first one's feed has run already, which needs nothing of the pieces before. */
static tl_status run_ahead(range_work *k, tl_error *err) {
  tl_long_stream *r = k->ranges;
  const tl_run *run = k->w->run;
  int64_t before = k->first - k->from, rows = k->end - k->from, kept = least(run->range_before, rows);
  if (!r->open) TL_TRY(open_serial(k, err));
  for (int i = 0; i < run->ranges.ahead_count; i++) memcpy(k->w->given[i], r->tail[i] + run->range_before - before, (size_t)before * sizeof(double));
  for (int i = 0; i < run->ranges.level_count; i++) {
    if (i > 0) TL_TRY(feed(k, i, err));
    TL_TRY(run_serial(k, i, err));
  }
  for (int i = 0; i < run->ranges.ahead_count; i++) memcpy(r->tail[i] + run->range_before - kept, k->w->given[i] + rows - kept, (size_t)kept * sizeof(double));
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
  for (int i = 0; k->end == k->stream->stream->rows && r->open && i < run->ranges.level_count; i++) tl__merge_engine(run, &r->serial[i]);
  tl_lock_wake_all(run->lock);
  tl_lock_leave(run->lock);
  return status;
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
  start = tl__now(run);
  if (status == TL_OK && !k.stream->failed && run->ranges.level_count > 0) status = feed(&k, 0, &err);
  w->times.compute_ns += tl__now(run) - start;
  status = take_turn_ahead(&k, status, &err);
  start = tl__now(run);
  if (status == TL_OK && !k.left_out) status = run_ranges(&k, (range_plan){&w->engine, w->results, run->definition->output_count}, &err);
  w->times.compute_ns += tl__now(run) - start;
  if (status == TL_OK && !k.left_out) status = finish(&k, &put, &err);
  if (status != TL_OK || k.stream->failed || k.left_out) say_failure(&k, &put, &status, &err);
  tl__put_close(w, &put, status, &err);
  tl__show_progress(run, piece->rows);
}
