/* One thread of a run: takes a task, loads its streams, runs the plan over lanes, counts, encodes, and puts the row groups into
   their files in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/run.h"

typedef struct worker {
  tl_run *run;
  tl_engine engine;
  tl_load load;
  tl_group group;
  tl_column keys;
  double **results; /* one a definition output; NULL where not wanted */
  size_t *result_capacity;
  int64_t *order;
  size_t order_capacity;
  tl_loaded_stream *streams;
  size_t stream_capacity;
  int64_t *out_at; /* where a stream's results begin */
  size_t out_capacity;
  int64_t *lengths;
  size_t length_capacity;
  tl_feature_summary *summaries;
  tl_check_result *checks;
  const double **check_columns; /* by definition input */
  tl_work_times times;
} worker;

static void close_worker(worker *w) {
  tl_env *env = w->run->env;
  for (size_t i = 0; w->results != NULL && i < w->run->definition->output_count; i++) tl_release(env, w->results[i]);
  tl_release(env, w->results);
  tl_release(env, w->result_capacity);
  tl_release(env, w->order);
  tl_release(env, w->streams);
  tl_release(env, w->out_at);
  tl_release(env, w->lengths);
  tl_release(env, w->summaries);
  tl_release(env, w->checks);
  tl_release(env, w->check_columns);
  tl_column_free(&w->keys);
  tl_group_free(&w->group);
  tl_load_free(&w->load);
  tl_engine_free(&w->engine);
}

static tl_status open_worker(worker *w, tl_error *err) {
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count;
  w->group.env = w->keys.env = w->keys.bytes.env = run->env;
  TL_TRY(tl_engine_open(&w->engine, run->env, &run->plan, run->isa, run->options.tile_rows, run->sides, err));
  TL_TRY(tl_load_open(&w->load, run->env, &run->input, run->plan.inputs, run->plan.input_count, run->plan.as_time, run->options.on_duplicate,
                      run->options.memory / 4, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->results, outputs + 1, sizeof *w->results, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->result_capacity, outputs + 1, sizeof *w->result_capacity, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->summaries, outputs + 1, sizeof *w->summaries, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->checks, run->check_count + 1, sizeof *w->checks, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->check_columns, run->definition->input_count + 1, sizeof *w->check_columns, err));
  for (size_t i = 0; i < outputs; i++) tl_summary_begin(&w->summaries[i]);
  return TL_OK;
}

/* ---- compute ---- */

/* Surviving streams of a piece stand side by side in the results. */
static tl_status place_results(worker *w, size_t count, int64_t *rows, tl_error *err) {
  tl_run *run = w->run;
  *rows = 0;
  TL_TRY(tl_reserve(run->env, &w->out_at, &w->out_capacity, count + 1, sizeof *w->out_at, err));
  for (size_t i = 0; i < count; i++) {
    w->out_at[i] = *rows;
    if (!w->streams[i].failed) *rows += w->streams[i].rows;
  }
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) TL_TRY(tl_reserve(run->env, &w->results[o], &w->result_capacity[o], (size_t)*rows + 1, sizeof(double), err));
  TL_TRY(tl_reserve(run->env, &w->order, &w->order_capacity, (size_t)*rows + 1, sizeof *w->order, err));
  for (size_t i = 0; i < count; i++)
    if (!w->streams[i].failed) memcpy(w->order + w->out_at[i], w->load.order + w->streams[i].at, (size_t)w->streams[i].rows * sizeof *w->order);
  return TL_OK;
}

static int longest_first(const void *a, const void *b, void *streams) {
  const tl_loaded_stream *x = (tl_loaded_stream *)streams + *(const size_t *)a, *y = (tl_loaded_stream *)streams + *(const size_t *)b;
  return x->rows != y->rows ? (x->rows > y->rows ? -1 : 1) : x < y ? -1 : 1;
}

/* Streams of like length share lanes. */
static tl_status compute(worker *w, size_t count, tl_error *err) {
  tl_run *run = w->run;
  size_t outputs = run->definition->output_count, *sorted, n = 0;
  int inputs = run->plan.input_count;
  const double **columns;
  double **results;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  TL_TRY(tl_arena_take(&arena, &sorted, count + 1, sizeof *sorted, err));
  TL_TRY(tl_arena_take(&arena, &columns, TL_LANES * (size_t)(inputs + 1), sizeof *columns, err));
  TL_TRY(tl_arena_take(&arena, &results, TL_LANES * (outputs + 1), sizeof *results, err));
  for (size_t i = 0; i < count; i++)
    if (!w->streams[i].failed) sorted[n++] = i;
  qsort_r(sorted, n, sizeof *sorted, longest_first, w->streams);
  for (size_t first = 0; first < n; first += TL_LANES) {
    tl_lane_stream lanes[TL_LANES];
    int used = n - first < TL_LANES ? (int)(n - first) : TL_LANES;
    for (int l = 0; l < used; l++) {
      const tl_loaded_stream *s = &w->streams[sorted[first + (size_t)l]];
      const double **in = columns + l * (inputs + 1);
      double **out = results + (size_t)l * (outputs + 1);
      for (int i = 0; i < inputs; i++) in[i] = w->load.columns[i] + s->at;
      for (size_t o = 0; o < outputs; o++) out[o] = run->selected[o] ? w->results[o] + w->out_at[sorted[first + (size_t)l]] : NULL;
      lanes[l] = (tl_lane_stream){.rows = s->rows, .order = w->load.order + s->at, .inputs = in, .results = out};
    }
    tl_engine_run(&w->engine, lanes, used);
  }
  return TL_OK;
}

/* ---- count and check ---- */

static void check_stream(worker *w, size_t index, const char *name) {
  tl_run *run = w->run;
  tl_loaded_stream *s = &w->streams[index];
  const double **columns = w->check_columns;
  for (int i = 0; i < run->plan.input_count; i++)
    if (!run->plan.as_time[i]) columns[run->plan.inputs[i]] = w->load.columns[i] + s->at;
  for (size_t i = 0; i < run->check_count; i++) {
    tl_check_result *check = &w->checks[i];
    const tl_check_result *asked = &run->checks[i];
    char what[160], rule[80];
    int64_t warmup = tl_definition_output_warmup(run->definition, asked->output);
    check->streams++;
    if (tl_rule_holds(asked->rule, &run->definition->outputs[asked->output], &run->reaches[asked->output], warmup, w->results[asked->output] + w->out_at[index],
                      s->rows, columns, run->definition->input_count, what, sizeof what))
      continue;
    if (check->failed++ == 0) snprintf(check->example, sizeof check->example, "%.100s: %s", name, what);
    if (!run->options.strict || s->failed) continue;
    tl_rule_text(asked->rule, rule, sizeof rule);
    s->failed = true;
    tl_fail(&s->error, TL_CORRUPT, "the check `%s: %s` failed: %s", run->definition->outputs[asked->output].name, rule, what);
  }
}

static void count_results(worker *w, size_t count) {
  tl_run *run = w->run;
  char name[300];
  for (size_t i = 0; i < count; i++) {
    if (w->streams[i].failed) continue;
    if (run->check_count > 0) {
      tl_stream_name(&run->input, w->streams[i].stream, name, sizeof name);
      check_stream(w, i, name);
    }
    for (size_t o = 0; o < run->definition->output_count; o++)
      if (run->selected[o]) tl_summary_add(&w->summaries[o], run->definition->outputs[o].type, w->results[o] + w->out_at[i], w->streams[i].rows);
  }
}

/* ---- encode ---- */

/* The keys of the piece's surviving streams as a column, and how many rows each has. */
static tl_status key_column(worker *w, int key, size_t first, size_t count, tl_error *err) {
  tl_run *run = w->run;
  const tl_field *field = &run->input.key_fields[key];
  int64_t n = 0;
  for (size_t i = first; i < first + count; i++) n += !w->streams[i].failed;
  TL_TRY(tl_column_reset(&w->keys, field, n, err));
  n = 0;
  for (size_t i = first; i < first + count; i++) {
    const tl_key_value_data *v = &w->streams[i].stream->keys[key];
    if (w->streams[i].failed) continue;
    if (field->physical == TL_PHYSICAL_BYTE_ARRAY) {
      const char *text = v->text ? v->text : "";
      TL_TRY(tl_buffer_append(&w->keys.bytes, text, strlen(text), err));
      w->keys.offsets[n + 1] = (int64_t)w->keys.bytes.size;
    } else
      memcpy(w->keys.values + n * tl_field_width(field), &v->number, (size_t)tl_field_width(field));
    n++;
  }
  return TL_OK;
}

/* Lengths of the streams within rows [from, to) of the piece. */
static tl_status run_lengths(worker *w, size_t first, size_t count, int64_t from, int64_t to, tl_error *err) {
  int64_t at = 0, n = 0;
  TL_TRY(tl_reserve(w->run->env, &w->lengths, &w->length_capacity, count + 1, sizeof *w->lengths, err));
  for (size_t i = first; i < first + count; i++) {
    if (w->streams[i].failed) continue;
    int64_t low = at > from ? at : from, high = at + w->streams[i].rows < to ? at + w->streams[i].rows : to;
    w->lengths[n++] = high > low ? high - low : 0;
    at += w->streams[i].rows;
  }
  return TL_OK;
}

/* Rows [from, to) of a piece, whose results begin at `base`, as a row group. */
static tl_status encode(worker *w, size_t first, size_t count, int64_t base, int64_t from, int64_t to, tl_error *err) {
  tl_run *run = w->run;
  const tl_definition *d = run->definition;
  int leaf = 0;
  TL_TRY(tl_group_begin(&w->group, run->leaf_count, to - from, err));
  TL_TRY(run_lengths(w, first, count, from, to, err));
  for (int k = 0; k < d->key_count; k++) {
    if (run->input.key_in_path[k] && run->mirrors) continue;
    TL_TRY(key_column(w, k, first, count, err));
    TL_TRY(tl_group_put_runs(&w->group, &run->leaves[leaf++], &w->keys, w->lengths, w->keys.count, run->order_style.codec, run->order_style.level, err));
  }
  TL_TRY(tl_group_put_ints(&w->group, &run->leaves[leaf++], w->order + base + from, INT64_MIN, run->order_style, err));
  for (size_t o = 0; o < d->output_count; o++) {
    if (!run->selected[o]) continue;
    const double *values = w->results[o] + base + from;
    if (d->outputs[o].type == TL_TIME)
      TL_TRY(tl_group_put_ints(&w->group, &run->leaves[leaf++], (const int64_t *)(const void *)values, tl_time_na(), run->order_style, err));
    else
      TL_TRY(tl_group_put_doubles(&w->group, &run->leaves[leaf++], values, run->feature_style, err));
  }
  return TL_OK;
}

/* ---- write ---- */

static tl_status open_output(tl_run *run, tl_output_file *f, tl_error *err) {
  tl_sorting sorting[TL_MOST_KEYS + 1];
  int count = run->key_leaves + 1;
  for (int i = 0; i < count; i++) sorting[i] = (tl_sorting){.column = i};
  TL_TRY(tl_writer_open(&f->writer, run->env, f->temporary, run->leaves, run->leaf_count, sorting, count, err));
  f->open = true;
  TL_OWNED(tl_buffer) text = {.env = run->env};
  TL_TRY(tl_buffer_format(&text, err, "%016llx", (unsigned long long)run->definition->identity));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  TL_TRY(tl_writer_key_value(&f->writer, "tickloom.identity", (const char *)text.data, err));
  TL_TRY(tl_writer_key_value(&f->writer, "tickloom.definition", run->definition->path, err));
  text.size = 0;
  for (int k = 0; k < run->definition->key_count; k++) TL_TRY(tl_buffer_format(&text, err, "%s,", run->definition->keys[k]));
  TL_TRY(tl_buffer_text(&text, run->definition->order, err));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  TL_TRY(tl_writer_key_value(&f->writer, "tickloom.by", (const char *)text.data, err));
  text.size = 0;
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o])
      TL_TRY(tl_buffer_format(&text, err, "%s%s=%016llx", text.size > 0 ? "," : "", run->definition->outputs[o].name,
                              (unsigned long long)tl_definition_output_identity(run->definition, o)));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  return tl_writer_key_value(&f->writer, "tickloom.identities", (const char *)text.data, err);
}

static void drop_output(tl_run *run, tl_output_file *f) {
  bool made = f->open;
  tl_writer_free(&f->writer);
  f->open = false;
  f->failed = true;
  if (made) (void)run->env->remove(run->env, f->temporary, NULL);
}

/* Waits until the pieces before this one are in the file. */
static void await_turn(tl_run *run, const tl_output_file *f, int sequence) {
  tl_lock_enter(run->lock);
  while (f->next_piece < sequence) tl_lock_wait(run->lock);
  tl_lock_leave(run->lock);
}

static void end_turn(tl_run *run, tl_output_file *f) {
  tl_lock_enter(run->lock);
  f->next_piece++;
  tl_lock_wake_all(run->lock);
  tl_lock_leave(run->lock);
}

static tl_status write_group(worker *w, tl_output_file *f, tl_error *err) {
  if (!f->open) TL_TRY(open_output(w->run, f, err));
  TL_TRY(tl_writer_append(&f->writer, &w->group, err));
  w->times.bytes_written += (int64_t)w->group.bytes.size;
  return TL_OK;
}

/* The last piece is written: the file is put in place, unless nothing survived. */
static tl_status finish_output(tl_run *run, tl_output_file *f, bool any, tl_error *err) {
  if (!f->open && !any) return TL_OK;
  if (!f->open) TL_TRY(open_output(run, f, err));
  TL_TRY(tl_writer_finish(&f->writer, err));
  tl_writer_free(&f->writer);
  tl_lock_enter(run->lock); /* the target's arena is shared */
  tl_status status = tl_target_put(&run->target, f->temporary, f->name, err);
  tl_lock_leave(run->lock);
  f->committed = status == TL_OK;
  f->open = status != TL_OK;
  return status;
}

static int64_t now(const tl_run *run) { return run->env->tick_ns(run->env); }

/* Encodes a piece and puts it into its file, when its turn has come. A file of which some rows could not be read is not written, where it
   stands for that input; streams that are bad in themselves are merely left out. */
static tl_status put_piece(worker *w, const tl_piece *piece, size_t first, tl_error *err) {
  tl_run *run = w->run;
  tl_output_file *f = &run->files[piece->file];
  int64_t rows = 0, base = w->out_at[first], start = now(run);
  bool any = false;
  tl_status status = TL_OK;
  for (size_t i = first; i < first + piece->stream_count; i++) {
    if (run->mirrors && w->streams[i].broken) status = tl_fail(err, TL_CORRUPT, "left out with its file, of which a part cannot be read");
    if (w->streams[i].failed) continue;
    rows += w->streams[i].rows;
    any = true;
  }
  int64_t step = run->feature_style.page_rows * 8, done = 0;
  if (status == TL_OK && rows > 0 && rows <= step) {
    status = encode(w, first, piece->stream_count, base, 0, rows, err);
    done = rows;
  }
  w->times.encode_ns += now(run) - start;
  await_turn(run, f, piece->sequence);
  if (f->failed)
    status = TL_OK;
  else if (status == TL_OK && done > 0) {
    start = now(run);
    status = write_group(w, f, err);
    w->times.write_ns += now(run) - start;
  }
  while (status == TL_OK && !f->failed && done < rows) { /* a long stream: several row groups, one after the other */
    int64_t to = rows - done < step ? rows : done + step;
    status = encode(w, first, piece->stream_count, base, done, to, err);
    if (status == TL_OK) status = write_group(w, f, err);
    done = to;
  }
  if (status == TL_OK && !f->failed && piece->sequence + 1 == f->pieces) {
    start = now(run);
    status = finish_output(run, f, any, err);
    w->times.write_ns += now(run) - start;
  }
  if (status != TL_OK) drop_output(run, f);
  end_turn(run, f);
  return status;
}

/* ---- tasks ---- */

static void fail_streams(worker *w, const tl_piece *piece, size_t first, const tl_error *why) {
  char name[300];
  for (size_t i = first; i < first + piece->stream_count; i++) {
    if (w->streams[i].failed) continue;
    tl_stream_name(&w->run->input, w->streams[i].stream, name, sizeof name);
    tl__run_fail(w->run, w->run->files[piece->file].name, name, why->status, why->text);
    w->streams[i].failed = true;
  }
}

static void report_bad_streams(worker *w, size_t count) {
  char name[300];
  for (size_t i = 0; i < count; i++) {
    if (!w->streams[i].failed) continue;
    tl_stream_name(&w->run->input, w->streams[i].stream, name, sizeof name);
    tl__run_fail(w->run, NULL, name, w->streams[i].error.status, w->streams[i].error.text);
  }
}

static tl_status gather_streams(worker *w, const tl_task *task, size_t *count, tl_error *err) {
  tl_run *run = w->run;
  *count = 0;
  TL_TRY(tl_reserve(run->env, &w->streams, &w->stream_capacity, task->streams + 1, sizeof *w->streams, err));
  for (size_t p = task->first_piece; p < task->first_piece + task->piece_count; p++)
    for (size_t i = 0; i < run->pieces[p].stream_count; i++) w->streams[(*count)++] = (tl_loaded_stream){.stream = run->order[run->pieces[p].first_stream + i]};
  return TL_OK;
}

static tl_status prepare_task(worker *w, const tl_task *task, size_t *count, tl_error *err) {
  int64_t rows, start = now(w->run);
  TL_TRY(gather_streams(w, task, count, err));
  TL_TRY(tl_load_streams(&w->load, w->streams, *count, err));
  int64_t loaded = now(w->run);
  TL_TRY(place_results(w, *count, &rows, err));
  TL_TRY(compute(w, *count, err));
  count_results(w, *count);
  report_bad_streams(w, *count);
  w->times.decode_ns += loaded - start;
  w->times.compute_ns += now(w->run) - loaded;
  return TL_OK;
}

static void run_task(worker *w, const tl_task *task) {
  tl_run *run = w->run;
  tl_error err = {0};
  size_t count = 0, first = 0;
  tl_status prepared = prepare_task(w, task, &count, &err);
  for (size_t p = task->first_piece; p < task->first_piece + task->piece_count; p++) {
    const tl_piece *piece = &run->pieces[p];
    if (prepared == TL_OK) {
      if (put_piece(w, piece, first, &err) != TL_OK) fail_streams(w, piece, first, &err);
    } else { /* no memory for the task: its files are not written */
      tl_output_file *f = &run->files[piece->file];
      await_turn(run, f, piece->sequence);
      drop_output(run, f);
      end_turn(run, f);
      tl__run_fail(run, f->name, NULL, err.status, err.text);
    }
    first += piece->stream_count;
  }
  tl_lock_enter(run->lock);
  for (size_t i = 0; prepared == TL_OK && i < count; i++)
    run->streams_done += !w->streams[i].failed, run->rows_done += w->streams[i].failed ? 0 : w->streams[i].rows;
  int64_t done = run->rows_done, at = now(run);
  bool show = run->options.progress != NULL && at - run->last_progress_ns > 100000000;
  if (show) {
    run->last_progress_ns = at;
    run->options.progress(run->options.progress_context, done, run->rows_total);
  }
  tl_lock_leave(run->lock);
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

static void merge(worker *w) {
  tl_run *run = w->run;
  tl_lock_enter(run->lock);
  for (size_t o = 0; o < run->definition->output_count; o++) tl_summary_merge(&run->summaries[o], &w->summaries[o]);
  for (size_t i = 0; i < run->check_count; i++) {
    tl_check_result *into = &run->checks[i], *from = &w->checks[i];
    into->streams += from->streams;
    into->failed += from->failed;
    if (from->failed > 0 && (into->example[0] == 0 || strcmp(from->example, into->example) < 0)) memcpy(into->example, from->example, sizeof into->example);
  }
  for (int i = 0; i < run->plan.step_count && w->engine.tiles_timed > 0; i++)
    run->node_ns[run->plan.steps[i].node] += (int64_t)((double)w->engine.step_ns[i] * (double)w->engine.tiles_run / (double)w->engine.tiles_timed);
  run->times.busy_ns += w->times.busy_ns;
  run->times.io_ns += w->load.scratch.io_ns;
  run->times.decode_ns += w->times.decode_ns - w->load.scratch.io_ns;
  run->times.compute_ns += w->times.compute_ns;
  run->times.encode_ns += w->times.encode_ns;
  run->times.write_ns += w->times.write_ns;
  run->times.bytes_read += w->load.scratch.bytes_read;
  run->times.bytes_written += w->times.bytes_written;
  run->nonfinite += w->load.nonfinite;
  run->duplicates += w->load.duplicates;
  for (int i = 0; i < run->definition->side_count; i++) run->side_matches[i] += w->engine.side_matches[i];
  tl_lock_leave(run->lock);
}

void tl__run_work(void *context, int index) {
  tl_run *run = context;
  worker w = {.run = run};
  tl_error err = {0};
  size_t task;
  (void)index;
  tl_status status = open_worker(&w, &err);
  if (status != TL_OK) {
    tl_lock_enter(run->lock);
    run->fatal = err;
    run->cancelled = true;
    tl_lock_leave(run->lock);
  }
  while (status == TL_OK && take_task(run, &task)) {
    int64_t start = now(run);
    run_task(&w, &run->tasks[task]);
    run->task_ns[task] = now(run) - start;
    w.times.busy_ns += run->task_ns[task];
  }
  if (status == TL_OK) merge(&w);
  close_worker(&w);
}
