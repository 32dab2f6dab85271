/* A task of whole streams: they are loaded, computed, counted, and their pieces put. */
#include <stdlib.h>
#include <string.h>
#include "run/worker.h"

/* Surviving streams stand side by side in the results. */
static tl_status place_results(tl_worker *w, tl_error *err) {
  tl_run *run = w->run;
  int64_t rows = 0;
  TL_TRY(tl_reserve(run->env, &w->out_at, &w->out_capacity, w->stream_count + 1, sizeof *w->out_at, err));
  TL_TRY(tl_reserve(run->env, &w->out_rows, &w->out_rows_capacity, w->stream_count + 1, sizeof *w->out_rows, err));
  for (size_t i = 0; i < w->stream_count; i++) {
    w->out_at[i] = rows;
    w->out_rows[i] = w->streams[i].failed ? 0 : w->streams[i].rows;
    rows += w->out_rows[i];
  }
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) TL_TRY(tl_renew(run->env, &w->results[o], &w->result_capacity[o], (size_t)rows + 1, sizeof(double), err));
  TL_TRY(tl_renew(run->env, &w->order, &w->order_capacity, (size_t)rows + 1, sizeof *w->order, err));
  for (size_t i = 0; i < w->stream_count; i++)
    if (w->out_rows[i] > 0) memcpy(w->order + w->out_at[i], w->load.order + w->streams[i].at, (size_t)w->out_rows[i] * sizeof *w->order);
  return TL_OK;
}

/* ---- going on ---- */

/* Rows that an earlier run computed: a stream that was read whole must begin with them; then only its new rows count. */
static void skip_known(tl_worker *w, tl_loaded_stream *s) {
  tl_run *run = w->run;
  const tl_update_stream *u = &run->update.streams[s->stream - run->input.streams];
  if (u->number < 0 || run->update.carry->redo[u->number]) return;
  const tl_ledger_stream *known = &run->update.old.streams[u->number];
  if (u->whole) {
    bool same = s->rows >= known->rows && tl_content_hash(w->load.order, w->load.columns, s->at, run->plan.input_count, 0, known->rows) == known->content;
    if (!same) tl__update_redo(run, u->number);
    if (!same) return;
    s->at += known->rows;
    s->rows -= known->rows;
  }
  s->first = known->rows;
  if (s->rows > 0 && w->load.order[s->at] <= known->last_key) tl__update_redo(run, u->number);
}

/* Those that go on from the same row side by side, the longest first. */
static int by_place_and_length(const void *a, const void *b, void *streams) {
  const tl_loaded_stream *x = (tl_loaded_stream *)streams + *(const size_t *)a, *y = (tl_loaded_stream *)streams + *(const size_t *)b;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return x->rows != y->rows ? (x->rows > y->rows ? -1 : 1) : x < y ? -1 : 1;
}

/* Room for what is kept of the streams in the lanes, as they were and as they will be. */
static tl_status place_records(tl_worker *w, tl_lane_stream *lanes, const tl_loaded_stream *const *streams, int count, tl_error *err) {
  tl_run *run = w->run;
  const tl_update *u = &run->update;
  int64_t before = 0, after = 0;
  if (!u->keeps) return TL_OK;
  for (int l = 0; l < count; l++) {
    before += tl_resume_size(&u->resume, streams[l]->first);
    after += tl_resume_size(&u->resume, streams[l]->first + streams[l]->rows);
  }
  TL_TRY(tl_renew(run->env, &w->records, &w->record_capacity, (size_t)(before + after) + 1, sizeof *w->records, err));
  double *next = w->records;
  for (int l = 0; l < count; l++) {
    lanes[l].record = next;
    next += tl_resume_size(&u->resume, lanes[l].rows);
    int64_t number = u->streams[streams[l]->stream - run->input.streams].number;
    int64_t size = tl_resume_size(&u->resume, lanes[l].first);
    if (lanes[l].first == 0) continue;
    if (u->old.streams[number].record.size != 8 * size) return tl_fail(err, TL_NOT_FOUND, "the state of the run before is of another size");
    TL_TRY(tl__update_read(run, &u->old.streams[number].record, next, err));
    lanes[l].before = next;
    next += size;
  }
  return TL_OK;
}

static void take_records(tl_worker *w, const tl_lane_stream *lanes, const tl_loaded_stream *const *streams, tl_calendar *const *calendars, int count) {
  tl_run *run = w->run;
  const tl_update *u = &run->update;
  for (int l = 0; u->keeps && l < count; l++) {
    const tl_loaded_stream *s = streams[l];
    int64_t number = u->streams[s->stream - run->input.streams].number;
    if (s->rows == 0) continue;
    tl_update_stream now = {.rows = lanes[l].rows,
                            .last_key = w->load.order[s->at + s->rows - 1],
                            .content = tl_content_hash(w->load.order, w->load.columns, s->at, run->plan.input_count, s->first, s->rows)};
    if (s->first > 0) now.content += u->old.streams[number].content;
    tl__update_take(run, s->stream, now, lanes[l].record, calendars[l]);
  }
}

/* ---- calendars ---- */

static tl_status read_record(const void *run, const tl_ledger_place *place, void *out, tl_error *err) { return tl__update_read(run, place, out, err); }

/* What the lanes share with others of their order keys. */
static tl_status find_calendars(tl_worker *w, tl_lane_stream *lanes, const tl_loaded_stream *const *streams, int count, tl_calendar **out, tl_error *err) {
  const tl_run *run = w->run;
  const tl_update *u = &run->update;
  tl_calendar_wanted wanted[TL_LANES];
  for (int l = 0; l < count; l++) {
    out[l] = NULL;
    wanted[l] = (tl_calendar_wanted){.order = lanes[l].order, .first = lanes[l].first, .rows = lanes[l].rows, .before = {.file = -1}};
    if (lanes[l].first == 0) continue;
    wanted[l].before = u->old.streams[u->streams[streams[l]->stream - run->input.streams].number].calendar;
    if (run->calendar.export_count > 0 && wanted[l].before.file < 0) return tl_fail(err, TL_NOT_FOUND, "the state of the run before has no calendar");
  }
  if (run->calendar.export_count == 0) return TL_OK;
  TL_TRY(tl_calendars_find(&w->calendars, wanted, count, read_record, run, out, err));
  for (int l = 0; l < count; l++) lanes[l].given = (const double *const *)out[l]->values;
  return TL_OK;
}

/* ---- computing ---- */

static tl_status run_lanes(tl_worker *w, const size_t *streams, int count, const double **columns, double **results, tl_error *err) {
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count;
  int inputs = run->plan.input_count;
  tl_lane_stream lanes[TL_LANES];
  const tl_loaded_stream *loaded[TL_LANES];
  tl_calendar *calendars[TL_LANES];
  int64_t first = 0, last = 0;
  for (int l = 0; l < count; l++) {
    const tl_loaded_stream *s = loaded[l] = &w->streams[streams[l]];
    const double **in = columns + l * (inputs + 1);
    double **out = results + (size_t)l * (outputs + 1);
    for (int i = 0; i < inputs; i++) in[i] = w->load.columns[i] + s->at;
    for (size_t o = 0; o < outputs; o++) out[o] = run->selected[o] ? w->results[o] + w->out_at[streams[l]] : NULL;
    lanes[l] =
        (tl_lane_stream){.rows = s->first + s->rows, .first = s->first, .result = s->first, .order = w->load.order + s->at, .inputs = in, .results = out};
    first = s->first;
    if (lanes[l].rows > last) last = lanes[l].rows;
  }
  TL_TRY(place_records(w, lanes, loaded, count, err));
  TL_TRY(find_calendars(w, lanes, loaded, count, calendars, err));
  if (first > 0) tl_engine_resume(&w->engine, lanes, count, first);
  TL_TRY(tl_engine_run_rows(&w->engine, lanes, count, first, last > first ? last + run->plan.greatest_delay : first, err));
  take_records(w, lanes, loaded, calendars, count);
  return TL_OK;
}

/* Streams of like length share lanes. */
static tl_status compute(tl_worker *w, tl_error *err) {
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count, *sorted, n = 0;
  const double **columns;
  double **results;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  TL_TRY(tl_arena_take(&arena, &sorted, w->stream_count + 1, sizeof *sorted, err));
  TL_TRY(tl_arena_take(&arena, &columns, TL_LANES * (size_t)(run->plan.input_count + 1), sizeof *columns, err));
  TL_TRY(tl_arena_take(&arena, &results, TL_LANES * (outputs + 1), sizeof *results, err));
  for (size_t i = 0; i < w->stream_count; i++)
    if (!w->streams[i].failed) sorted[n++] = i;
  qsort_r(sorted, n, sizeof *sorted, by_place_and_length, w->streams);
  for (size_t first = 0, used; first < n; first += used) {
    for (used = 1; used < TL_LANES && first + used < n && w->streams[sorted[first + used]].first == w->streams[sorted[first]].first;) used++;
    TL_TRY(run_lanes(w, sorted + first, (int)used, columns, results, err));
  }
  return TL_OK;
}

/* Counts the streams of a piece and says which of their rows are wanted. */
static tl_status count_piece(tl_worker *w, size_t first, size_t count, tl_tally *tally, tl_error *err) {
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count, sources = run->sources.inputs + run->sources.joins;
  TL_TRY(tl_reserve(run->env, &w->courses, &w->course_capacity, outputs + 1, sizeof *w->courses, err));
  TL_TRY(tl_reserve(run->env, &w->last_missing, &w->last_missing_capacity, sources + 1, sizeof *w->last_missing, err));
  for (size_t s = 0; s < sources; s++) w->last_missing[s] = INT64_MIN;
  tl_tally_clear(tally);
  for (size_t i = first; i < first + count; i++) {
    tl_loaded_stream *s = &w->streams[i];
    int64_t from, to;
    if (s->failed) continue;
    tl__wanted_rows(run, w->order + w->out_at[i], w->out_rows[i], &from, &to);
    w->out_at[i] += from;
    w->out_rows[i] = to > from ? to - from : 0;
    for (size_t o = 0; o < outputs; o++) tl_course_begin(&w->courses[o]);
    TL_TRY(tl__count_rows(w, s, w->last_missing, w->courses, s->first + from, w->out_rows[i], w->out_at[i], err));
    tl__count_end(w, s, w->courses, w->out_rows[i], tally);
  }
  return TL_OK;
}

/* Rows that are not wanted, and streams that failed a check, go; the others stand side by side again. */
static void close_gaps(tl_worker *w) {
  tl_run *run = w->run;
  int64_t to = 0;
  for (size_t i = 0; i < w->stream_count; i++) {
    if (w->streams[i].failed) w->out_rows[i] = 0;
    int64_t from = w->out_at[i], rows = w->out_rows[i];
    w->out_at[i] = to;
    to += rows;
    if (from == w->out_at[i] || rows == 0) continue;
    memmove(w->order + w->out_at[i], w->order + from, (size_t)rows * sizeof *w->order);
    for (size_t o = 0; o < run->definition->output_count; o++)
      if (run->selected[o]) memmove(w->results[o] + w->out_at[i], w->results[o] + from, (size_t)rows * sizeof(double));
  }
}

static tl_status prepare(tl_worker *w, const tl_task *task, int32_t number, tl_error *err) {
  tl_run *run = w->run;
  int64_t start = tl__now(run);
  TL_TRY(tl_load_streams(&w->load, w->streams, w->stream_count, number, err));
  for (size_t i = 0; run->update.going_on && i < w->stream_count; i++)
    if (!w->streams[i].failed) skip_known(w, &w->streams[i]);
  int64_t loaded = tl__now(run);
  TL_TRY(place_results(w, err));
  TL_TRY(compute(w, err));
  for (size_t p = 0, first = 0; p < task->piece_count; first += run->pieces[task->first_piece + p++].stream_count)
    TL_TRY(count_piece(w, first, run->pieces[task->first_piece + p].stream_count, &w->tallies[p], err));
  close_gaps(w);
  w->times.decode_ns += loaded - start;
  w->times.compute_ns += tl__now(run) - loaded;
  return TL_OK;
}

/* A file of which some rows could not be read is not written, where it stands for that input; streams that are bad in themselves are
   merely left out. */
static void put_piece(tl_worker *w, tl_putting *put, size_t first, tl_status prepared, tl_error *err) {
  size_t count = put->piece->stream_count;
  tl_status status = prepared;
  for (size_t i = first; status == TL_OK && i < first + count; i++) {
    put->incomplete |= w->streams[i].failed;
    if (w->run->mirrors && w->streams[i].broken) status = tl_fail(err, w->streams[i].error.status, "%s", w->streams[i].error.text);
  }
  if (status == TL_OK) status = tl__put_rows(w, put, first, count, err);
  tl__put_close(w, put, status, err);
}

void tl__work_whole(tl_worker *w, const tl_task *task, int32_t number) {
  tl_run *run = w->run;
  tl_error err = {0};
  tl_status prepared = prepare(w, task, number, &err);
  for (size_t i = 0; prepared == TL_OK && i < w->stream_count; i++)
    if (w->streams[i].failed && !(run->mirrors && w->streams[i].broken)) tl__report_stream(w, &w->streams[i]); /* else its file is */
  for (size_t p = 0, first = 0; p < task->piece_count; p++) {
    tl_putting put = {.piece = &run->pieces[task->first_piece + p], .tally = &w->tallies[p]};
    put_piece(w, &put, first, prepared, &err);
    first += put.piece->stream_count;
  }
}
