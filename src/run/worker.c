/* The loop of one thread: takes tasks until there are none. */
#include "run/worker.h"
#include <stdlib.h>
#include <string.h>

int64_t tl__now(const tl_run *run) { return run->env->tick_ns(run->env); }

static void close_worker(tl_worker *w) {
  tl_run *run = w->run;
  tl_env *env = run->env;
  for (size_t i = 0; w->results != NULL && i < run->definition->output_count; i++) tl_release(env, w->results[i]);
  for (size_t i = 0; w->joined != NULL && i < run->sources.joins; i++) tl_release(env, w->joined[i]);
  for (int i = 0; i < TL_LANES; i++) tl_tally_free(&w->tallies[i]);
  tl_release(env, w->results);
  tl_release(env, w->result_capacity);
  tl_release(env, w->order);
  tl_release(env, w->streams);
  tl_release(env, w->places);
  tl_release(env, w->out_at);
  tl_release(env, w->out_rows);
  tl_release(env, w->lengths);
  tl_release(env, w->survivors);
  tl_release(env, w->records);
  tl_release(env, w->courses);
  tl_release(env, w->last_missing);
  tl_release(env, w->joined);
  tl_release(env, w->joined_capacity);
  tl_release(env, w->joined_ready);
  tl_release(env, w->source_present);
  tl_release(env, w->source_looked);
  tl_release(env, w->spoilt);
  tl__range_scratch_free(w);
  tl_column_free(&w->keys);
  tl_group_free(&w->group);
  tl_load_free(&w->load);
  tl_engine_free(&w->engine);
  tl_calendars_free(&w->calendars);
}

void tl__merge_engine(tl_run *run, const tl_engine *e) {
  for (int i = 0; e->tiles_timed > 0 && i < e->plan->step_count; i++)
    run->node_ns[e->plan->steps[i].node] += (int64_t)((double)e->step_ns[i] * (double)e->tiles_run / (double)e->tiles_timed);
  for (int i = 0; e->side_matches != NULL && i < run->definition->side_count; i++) run->side_matches[i] += e->side_matches[i];
}

static tl_status open_engines(tl_worker *w, const tl_plan *plan, bool split, tl_error *err) {
  tl_run *run = w->run;
  TL_TRY(tl_engine_open(&w->engine, run->env, plan, run->isa, run->options.tile_rows, run->sides, err));
  if (run->update.keeps && plan == tl__run_main_plan(run)) TL_TRY(tl_engine_keep(&w->engine, &run->update.resume, err));
  if (!split) return TL_OK;
  return tl_calendars_open(&w->calendars, run->env, &run->calendar, run->update.keeps ? &run->update.calendar_resume : NULL, run->isa, run->options.tile_rows,
                           run->sides, run->options.memory / TL_CALENDARS_SHARE, err);
}

/* Long streams go by the whole plan, or by what is left of it beside what runs ahead, others by what is left of it beside calendars; never by two
   at once, since windows take their room. */
static tl_status use_plan(tl_worker *w, const tl_task *task, tl_error *err) {
  tl_run *run = w->run;
  const tl_plan *plan = task->ranges ? &run->ranges.rest : task->room > 0 ? &run->plan : tl__run_main_plan(run);
  bool split = plan == &run->rest;
  if (w->engine.env != NULL && w->engine.plan == plan) return TL_OK;
  tl_lock_enter(run->lock);
  tl__merge_engine(run, &w->engine);
  tl__merge_engine(run, &w->calendars.engine);
  tl_lock_leave(run->lock);
  tl_engine_free(&w->engine);
  tl_calendars_free(&w->calendars);
  tl_status status = open_engines(w, plan, split, err);
  if (status != TL_OK) tl_engine_free(&w->engine);
  TL_TRY(status);
  w->engine.span_limit = w->calendars.engine.span_limit = run->options.memory / 8 / run->threads / (split ? 2 : 1);
  return TL_OK;
}

static tl_status open_worker(tl_worker *w, tl_error *err) {
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count, joins = run->sources.joins;
  w->group.env = w->keys.env = w->keys.bytes.env = run->env;
  TL_TRY(tl_load_open(&w->load, run->env, &run->input, run->plan.inputs, run->plan.input_count, run->plan.as_time, run->options.on_duplicate,
                      run->spills ? &run->spill : NULL, run->page_limit, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->results, outputs + 1, sizeof *w->results, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->result_capacity, outputs + 1, sizeof *w->result_capacity, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->joined, joins + 1, sizeof *w->joined, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->joined_capacity, joins + 1, sizeof *w->joined_capacity, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->source_present, run->sources.inputs + joins + 1, sizeof *w->source_present, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->source_looked, run->sources.inputs + joins + 1, sizeof *w->source_looked, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->joined_ready, joins + 1, sizeof *w->joined_ready, err));
  for (int i = 0; i < TL_LANES; i++) TL_TRY(tl_tally_open(&w->tallies[i], run->env, run->selected_count, run->check_count, err));
  return TL_OK;
}

void tl__report_stream(tl_worker *w, const tl_loaded_stream *s) {
  char name[300];
  if (tl__update_lets_go(w->run, s->stream, s->error.status)) return;
  tl_stream_name(&w->run->input, s->stream, name, sizeof name);
  tl__run_fail(w->run, s->error_file, name, s->error_row, s->error.status, s->error.text);
}

void tl__show_progress(tl_run *run, int64_t rows) {
  tl_lock_enter(run->lock);
  int64_t now = tl__now(run);
  run->rows_shown += rows;
  if (run->options.progress != NULL && now - run->last_progress_ns > 100000000) {
    run->last_progress_ns = now;
    int64_t done = run->spills ? run->rows_total / 2 + run->rows_shown / 2 : run->rows_shown; /* putting rows together was the first half */
    run->options.progress(run->options.progress_context, done, run->rows_total);
  }
  tl_lock_leave(run->lock);
}

static tl_status gather_streams(tl_worker *w, const tl_task *task, tl_error *err) {
  tl_run *run = w->run;
  w->stream_count = 0;
  TL_TRY(tl_reserve(run->env, &w->streams, &w->stream_capacity, task->streams + 1, sizeof *w->streams, err));
  TL_TRY(tl_reserve(run->env, &w->places, &w->place_capacity, task->streams + 1, sizeof *w->places, err));
  for (size_t p = task->first_piece; p < task->first_piece + task->piece_count; p++)
    for (size_t i = 0; i < run->pieces[p].stream_count; i++) {
      w->places[w->stream_count] = (int64_t)(run->pieces[p].first_stream + i);
      w->streams[w->stream_count++] = (tl_loaded_stream){.stream = run->order[run->pieces[p].first_stream + i]};
    }
  return TL_OK;
}

static void run_task(tl_worker *w, size_t number) {
  tl_run *run = w->run;
  const tl_task *task = &run->tasks[number];
  tl_error err = {0};
  tl_status status = use_plan(w, task, &err);
  if (status == TL_OK) status = gather_streams(w, task, &err);
  for (size_t p = 0; status != TL_OK && p < task->piece_count; p++) {
    tl_putting put = {.piece = &run->pieces[task->first_piece + p]};
    tl__put_close(w, &put, status, &err);
  }
  if (status != TL_OK) return;
  if (task->ranges)
    tl__work_range(w, task);
  else if (task->room > 0)
    tl__work_stretches(w, task, (int32_t)number);
  else {
    tl__work_whole(w, task, (int32_t)number);
    tl__show_progress(run, task->rows);
  }
}

static bool take_task(tl_run *run, size_t *task) {
  tl_lock_enter(run->lock);
  if (tl_sys_stop_requested()) run->cancelled = true;
  *task = run->next_task;
  bool found = *task < run->task_count && !run->cancelled;
  run->next_task += found;
  tl_lock_leave(run->lock);
  return found;
}

/* Rows, results, windows and pages that the thread holds. */
static int64_t memory_of(const tl_worker *w) {
  const tl_run *run = w->run;
  int64_t bytes = (w->engine.env != NULL ? tl_plan_worker_bytes(w->engine.plan, w->engine.tile_rows) : 0) +
                  (int64_t)(w->group.bytes.capacity + w->load.scratch.window.capacity);
  for (size_t o = 0; o < run->definition->output_count; o++) bytes += 8 * (int64_t)w->result_capacity[o];
  for (int i = 0; i < run->plan.input_count; i++) bytes += 8 * (int64_t)w->load.column_capacity[i];
  return bytes + 8 * (int64_t)(w->order_capacity + w->load.order_capacity + w->record_capacity);
}

static void merge_times(tl_worker *w, int index) {
  tl_run *run = w->run;
  run->profiles[index] = (tl_thread_profile){.busy_ns = w->times.busy_ns,
                                             .io_ns = w->load.scratch.io_ns,
                                             .decode_ns = w->times.decode_ns - w->load.scratch.io_ns,
                                             .compute_ns = w->times.compute_ns,
                                             .encode_ns = w->times.encode_ns,
                                             .write_ns = w->times.write_ns,
                                             .memory_bytes = memory_of(w)};
  tl_lock_enter(run->lock);
  tl__merge_engine(run, &w->engine);
  tl__merge_engine(run, &w->calendars.engine);
  for (int i = 0; w->feeds != NULL && i < run->ranges.level_count; i++) tl__merge_engine(run, &w->feeds[i]);
  run->times.busy_ns += w->times.busy_ns;
  run->times.io_ns += w->load.scratch.io_ns;
  run->times.decode_ns += w->times.decode_ns - w->load.scratch.io_ns;
  run->times.compute_ns += w->times.compute_ns;
  run->times.encode_ns += w->times.encode_ns;
  run->times.write_ns += w->times.write_ns;
  run->times.spill_ns += w->times.spill_ns;
  run->times.bytes_read += w->load.scratch.bytes_read;
  run->times.bytes_written += w->times.bytes_written;
  tl_lock_leave(run->lock);
}

void tl__run_work(void *context, int index) {
  tl_run *run = context;
  tl_worker w = {.run = run, .number = index};
  tl_error err = {0};
  size_t task;
  tl_status status = open_worker(&w, &err);
  if (status != TL_OK) {
    tl_lock_enter(run->lock);
    run->fatal = err;
    run->cancelled = true;
    tl_lock_leave(run->lock);
  }
  while (status == TL_OK && take_task(run, &task)) {
    int64_t start = tl__now(run);
    run_task(&w, task);
    run->task_ns[task] = tl__now(run) - start;
    w.times.busy_ns += run->task_ns[task];
  }
  if (status == TL_OK) merge_times(&w, index);
  close_worker(&w);
}
