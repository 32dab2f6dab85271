/* A task of long streams: they pass through the lanes stretch by stretch, with the windows' state kept between, so that memory does not
   grow with their length. Inputs and results of a stretch begin with the same row; a result that looks ahead by d rows is known d rows
   later, and until then stays in memory. */
#include <string.h>
#include "run/worker.h"

typedef struct stretcher {
  tl_worker *w;
  const tl_task *task;
  int32_t number;
  tl_putting puts[TL_LANES];
  bool done[TL_LANES];       /* ended, or failed, and closed */
  int64_t written[TL_LANES]; /* rows put */
  double *records[TL_LANES]; /* where they are taken */
  int64_t hashed[TL_LANES];  /* rows of which `content` is the hash */
  uint64_t content[TL_LANES];
  int64_t at; /* rows that the lanes have run */
  const double **columns;
  double **results;
} stretcher;

static tl_status make_room(stretcher *s, tl_error *err) {
  tl_worker *w = s->w;
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count, n = w->stream_count, rows = n * (size_t)s->task->room;
  size_t sources = run->sources.inputs + run->sources.joins;
  TL_TRY(tl_reserve(run->env, &w->out_at, &w->out_capacity, n + 1, sizeof *w->out_at, err));
  TL_TRY(tl_reserve(run->env, &w->out_rows, &w->out_rows_capacity, n + 1, sizeof *w->out_rows, err));
  TL_TRY(tl_reserve(run->env, &w->courses, &w->course_capacity, n * outputs + 1, sizeof *w->courses, err));
  TL_TRY(tl_reserve(run->env, &w->last_missing, &w->last_missing_capacity, n * sources + 1, sizeof *w->last_missing, err));
  TL_TRY(tl_renew(run->env, &w->order, &w->order_capacity, rows + 1, sizeof *w->order, err));
  for (size_t o = 0; o < outputs; o++)
    if (run->selected[o]) TL_TRY(tl_renew(run->env, &w->results[o], &w->result_capacity[o], rows + 1, sizeof(double), err));
  for (size_t i = 0; i < n * outputs; i++) tl_course_begin(&w->courses[i]);
  for (size_t i = 0; i < n * sources; i++) w->last_missing[i] = INT64_MIN;
  return tl_load_begin(&w->load, w->streams, n, s->task->room, err);
}

/* Rows up to which every stream that goes on is at hand; with all ended, to where their last results are known. */
static int64_t limit_of(const stretcher *s) {
  int64_t limit = INT64_MAX, last = 0;
  for (size_t i = 0; i < s->w->stream_count; i++) {
    const tl_loaded_stream *l = &s->w->streams[i];
    int64_t end = l->first + l->rows;
    if (s->done[i] || l->failed) continue;
    if (!l->ended && end < limit) limit = end;
    if (end > last) last = end;
  }
  return limit < INT64_MAX ? limit : last + s->w->run->plan.greatest_delay;
}

static tl_status run_lanes(stretcher *s, int64_t limit, tl_error *err) {
  tl_worker *w = s->w;
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count;
  int inputs = run->plan.input_count;
  tl_lane_stream lanes[TL_LANES];
  for (size_t i = 0; i < w->stream_count; i++) {
    const tl_loaded_stream *l = &w->streams[i];
    const double **in = s->columns + i * (size_t)(inputs + 1);
    double **out = s->results + i * (outputs + 1);
    for (int c = 0; c < inputs; c++) in[c] = w->load.columns[c] + l->at;
    for (size_t o = 0; o < outputs; o++) out[o] = run->selected[o] ? w->results[o] + l->at : NULL;
    int64_t rows = s->done[i] || l->failed ? 0 : l->ended || l->first + l->rows < limit ? l->first + l->rows : limit;
    lanes[i] = (tl_lane_stream){.rows = rows, .first = l->first, .result = l->first, .order = w->load.order + l->at, .inputs = in, .results = out};
    lanes[i].record = s->done[i] ? NULL : s->records[i];
    lanes[i].end = l->stream->rows;
  }
  int64_t from = s->at;
  s->at = limit;
  return tl_engine_run_rows(&w->engine, lanes, (int)w->stream_count, from, limit, err);
}

/* ---- what is kept for an update ---- */

/* Where a stream ends must be known before its last rows are run: so none may yet be dropped. */
static tl_status make_records(stretcher *s, tl_arena *arena, tl_error *err) {
  const tl_run *run = s->w->run;
  if (!run->update.keeps || s->w->engine.resume == NULL || run->options.on_duplicate != TL_DUPLICATE_ERROR) return TL_OK;
  for (size_t i = 0; i < s->w->stream_count; i++)
    TL_TRY(tl_arena_take(arena, &s->records[i], (size_t)tl_resume_size(&run->update.resume, s->w->streams[i].stream->rows) + 1, sizeof(double), err));
  return TL_OK;
}

/* Rows that have come since the last time. */
static void hash_rows(stretcher *s, size_t i) {
  tl_worker *w = s->w;
  const tl_loaded_stream *l = &w->streams[i];
  int64_t end = l->first + l->rows;
  if (s->records[i] == NULL || end <= s->hashed[i]) return;
  s->content[i] += tl_content_hash(w->load.order, w->load.columns, l->at + s->hashed[i] - l->first, w->run->plan.input_count, s->hashed[i], end - s->hashed[i]);
  s->hashed[i] = end;
}

static void take_record(stretcher *s, size_t i) {
  const tl_loaded_stream *l = &s->w->streams[i];
  tl_update_stream now = {.rows = l->first + l->rows, .last_key = l->last_key, .content = s->content[i]};
  if (s->w->run->update.keeps) tl__update_take(s->w->run, l->stream, now, s->hashed[i] == l->stream->rows ? s->records[i] : NULL, NULL);
}

/* An update goes on by whole tasks alone; a long stream that is known is computed from its first row. */
static bool must_begin_anew(const stretcher *s) {
  const tl_update *u = &s->w->run->update;
  bool any = false;
  for (size_t i = 0; u->going_on && i < s->w->stream_count; i++) {
    const tl_stream *stream = s->w->streams[i].stream;
    if (tl__update_known_rows(s->w->run, stream) == 0) continue;
    tl__update_redo(s->w->run, u->streams[stream - s->w->run->input.streams].number);
    any = true;
  }
  return any;
}

/* ---- stretch by stretch ---- */

/* Rows of a stream whose results are all known. */
static int64_t known_rows(const stretcher *s, const tl_loaded_stream *l) {
  int64_t known = s->at - s->w->run->plan.greatest_delay, end = l->first + l->rows;
  if (known > end) known = end;
  return known > l->first ? known - l->first : 0;
}

static tl_status put_known(stretcher *s, size_t i, int64_t known, tl_error *err) {
  tl_worker *w = s->w;
  const tl_run *run = w->run;
  tl_loaded_stream *l = &w->streams[i];
  size_t outputs = run->definition->output_count, sources = run->sources.inputs + run->sources.joins;
  int64_t from, to;
  memcpy(w->order + l->at, w->load.order + l->at, (size_t)known * sizeof *w->order);
  tl__wanted_rows(run, w->order + l->at, known, &from, &to);
  w->out_at[i] = l->at + from;
  w->out_rows[i] = to > from ? to - from : 0;
  TL_TRY(tl__count_rows(w, l, w->last_missing + i * sources, w->courses + i * outputs, l->first + from, w->out_rows[i], w->out_at[i], err));
  TL_TRY(tl__count_pass(w, l, w->last_missing + i * sources, known, err));
  s->written[i] += w->out_rows[i];
  return tl__put_rows(w, &s->puts[i], i, 1, err);
}

/* Results behind the known ones move to the front, as the inputs do. */
static void keep_rest(stretcher *s, size_t i, int64_t known) {
  tl_worker *w = s->w;
  const tl_loaded_stream *l = &w->streams[i];
  int64_t rest = s->at - l->first - known;
  if (rest > l->rows - known) rest = l->rows - known;
  if (rest <= 0 || known == 0) return;
  for (size_t o = 0; o < w->run->definition->output_count; o++)
    if (w->run->selected[o]) memmove(w->results[o] + l->at, w->results[o] + l->at + known, (size_t)rest * sizeof(double));
}

/* A stream that failed is taken back; where its file stands for an input that cannot be read, the file goes. */
static void close_stream(stretcher *s, size_t i, tl_status status, tl_error *err) {
  tl_worker *w = s->w;
  tl_loaded_stream *l = &w->streams[i];
  tl_putting *put = &s->puts[i];
  if (status == TL_OK && !l->failed) tl__count_end(w, l, w->courses + i * w->run->definition->output_count, s->written[i], put->tally);
  if (status == TL_OK && l->failed) {
    if (!w->run->mirrors || !l->broken) tl__report_stream(w, l); /* else its file is */
    put->any = false;
    put->incomplete = true;
    status = w->run->mirrors && l->broken ? tl_fail(err, l->error.status, "%s", l->error.text) : tl__put_undo(w, put, err);
  }
  if (status == TL_OK && !l->failed) take_record(s, i);
  tl__put_close(w, put, status, err);
  s->done[i] = true;
}

static tl_status go_on(stretcher *s, int64_t used, bool *more, tl_error *err) {
  tl_worker *w = s->w;
  int64_t start = tl__now(w->run), known[TL_LANES] = {0};
  TL_TRY(tl_load_more(&w->load, w->streams, w->stream_count, s->task->room, used, s->number, err));
  for (size_t i = 0; i < w->stream_count; i++)
    if (!s->done[i] && !w->streams[i].failed) hash_rows(s, i);
  int64_t loaded = tl__now(w->run), writing = w->times.encode_ns + w->times.write_ns;
  TL_TRY(run_lanes(s, limit_of(s), err));
  *more = false;
  for (size_t i = 0; i < w->stream_count; i++) {
    tl_loaded_stream *l = &w->streams[i];
    tl_status status = TL_OK;
    if (s->done[i]) continue;
    if (!l->failed) {
      known[i] = known_rows(s, l);
      status = put_known(s, i, known[i], err);
      keep_rest(s, i, known[i]);
    }
    if (status != TL_OK || l->failed || (l->ended && known[i] == l->rows))
      close_stream(s, i, status, err);
    else
      *more = true;
  }
  w->times.decode_ns += loaded - start;
  w->times.compute_ns += tl__now(w->run) - loaded - (w->times.encode_ns + w->times.write_ns - writing);
  return TL_OK;
}

/* Rows to let go before the next stretch: lanes that have not ended all stand at the same row. */
static int64_t used_rows(const stretcher *s) {
  for (size_t i = 0; i < s->w->stream_count; i++)
    if (!s->done[i] && !s->w->streams[i].ended) return known_rows(s, &s->w->streams[i]);
  return INT64_MAX;
}

static tl_status run_all(stretcher *s, tl_error *err) {
  tl_worker *w = s->w;
  tl_run *run = w->run;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  bool more = true;
  int64_t used = 0;
  if (must_begin_anew(s)) return tl_fail(err, TL_CANCELLED, "a stream has to be computed from its first row");
  TL_TRY(make_records(s, &arena, err));
  TL_TRY(make_room(s, err));
  TL_TRY(tl_arena_take(&arena, &s->columns, TL_LANES * (size_t)(run->plan.input_count + 1), sizeof *s->columns, err));
  TL_TRY(tl_arena_take(&arena, &s->results, TL_LANES * (run->definition->output_count + 1), sizeof *s->results, err));
  while (more) {
    int64_t before = s->at;
    TL_TRY(go_on(s, used, &more, err));
    used = used_rows(s);
    tl__show_progress(run, (s->at - before) * (int64_t)w->stream_count);
    if (more && tl_sys_stop_requested()) return tl_fail(err, TL_CANCELLED, "stopped by a signal");
  }
  return TL_OK;
}

void tl__work_stretches(tl_worker *w, const tl_task *task, int32_t number) {
  tl_error err = {0};
  stretcher s = {.w = w, .task = task, .number = number};
  for (size_t p = 0; p < task->piece_count; p++) {
    s.puts[p] = (tl_putting){.piece = &w->run->pieces[task->first_piece + p], .tally = &w->tallies[p]};
    tl_tally_clear(&w->tallies[p]);
  }
  tl_status status = run_all(&s, &err);
  for (size_t i = 0; status != TL_OK && i < w->stream_count; i++)
    if (!s.done[i]) tl__put_close(w, &s.puts[i], status, &err);
}
