/* The record of a run, as JSON and as a table. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/text.h"
#include "run/run.h"

static double seconds(int64_t ns) { return (double)ns / 1e9; }

static int by_value(const void *a, const void *b) { return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b); }

static void put_tasks(const tl_run *run, tl_json *j, int64_t *sorted) {
  if (run->task_count > 0) memcpy(sorted, run->task_ns, run->task_count * sizeof *sorted);
  qsort(sorted, run->task_count, sizeof *sorted, by_value);
  tl_json_open(j, "tasks", '{');
  tl_json_int(j, "count", (int64_t)run->task_count);
  tl_json_double(j, "min_s", run->task_count ? seconds(sorted[0]) : 0);
  tl_json_double(j, "median_s", run->task_count ? seconds(sorted[run->task_count / 2]) : 0);
  tl_json_double(j, "max_s", run->task_count ? seconds(sorted[run->task_count - 1]) : 0);
  tl_json_close(j, '}');
}

static void put_times(const tl_run *run, tl_json *j) {
  const tl_work_times *t = &run->times;
  tl_json_open(j, "time", '{');
  tl_json_double(j, "wall_s", seconds(run->wall_ns));
  tl_json_double(j, "read_s", seconds(t->io_ns));
  tl_json_double(j, "decode_s", seconds(t->decode_ns));
  tl_json_double(j, "compute_s", seconds(t->compute_ns));
  tl_json_double(j, "encode_s", seconds(t->encode_ns));
  tl_json_double(j, "write_s", seconds(t->write_ns));
  tl_json_double(j, "spill_s", seconds(t->spill_ns));
  tl_json_double(j, "parallel_efficiency", run->wall_ns > 0 ? (double)t->busy_ns / ((double)run->wall_ns * run->threads) : 0);
  tl_json_close(j, '}');
}

static void put_features(const tl_run *run, tl_json *j, const tl_feature_time *times) {
  const tl_definition *d = run->definition;
  tl_json_open(j, "features", '[');
  for (size_t o = 0, n = 0; o < d->output_count; o++) {
    char identity[20];
    if (!run->selected[o]) continue;
    const tl_feature_summary *s = &run->tally.features[n++];
    snprintf(identity, sizeof identity, "%016llx", (unsigned long long)tl_definition_output_identity(d, o));
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", d->outputs[o].name);
    tl_json_string(j, "kind", d->outputs[o].is_label ? "label" : "feature");
    tl_json_string(j, "identity", identity);
    tl_json_int(j, "warmup", tl_definition_output_warmup(d, o));
    if (s->first_valid >= 0)
      tl_json_int(j, "first_valid_row", s->first_valid);
    else
      tl_json_null(j, "first_valid_row");
    tl_json_int(j, "missing", s->missing);
    tl_json_open(j, "missing_by", '{');
    tl_json_int(j, "window", s->window);
    tl_json_int(j, "input", s->input);
    tl_json_int(j, "domain", s->domain);
    tl_json_close(j, '}');
    tl_json_double(j, "missing_share", s->rows > 0 ? (double)s->missing / (double)s->rows : 0);
    tl_json_double(j, "min", s->min);
    tl_json_double(j, "max", s->max);
    tl_json_int(j, "constant_streams", s->constant_streams);
    tl_json_int(j, "empty_streams", s->empty_streams);
    tl_json_double(j, "seconds", (times[o].exclusive_ns + times[o].shared_ns) / 1e9);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

void tl__run_put_checks(const tl_run *run, tl_json *j, const char *name) {
  tl_json_open(j, name, '[');
  for (size_t i = 0; i < run->check_count; i++) {
    char rule[80];
    const tl_check_count *c = &run->tally.checks[i];
    tl_rule_text(run->checks[i].rule, rule, sizeof rule);
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "feature", run->definition->outputs[run->checks[i].output].name);
    tl_json_string(j, "rule", rule);
    tl_json_int(j, "streams", c->streams);
    tl_json_int(j, "failed", c->failed);
    if (c->failed > 0) tl_json_string(j, "example", c->example);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

static void put_failures(const tl_run *run, tl_json *j) {
  tl_json_open(j, "failures", '[');
  for (size_t i = 0; i < run->failure_count; i++) {
    const tl_failure *f = &run->failures[i];
    tl_json_open(j, NULL, '{');
    if (f->file) tl_json_string(j, "file", f->file);
    if (f->row >= 0) tl_json_int(j, "row", f->row);
    if (f->stream) tl_json_string(j, "stream", f->stream);
    tl_json_string(j, "status", tl_status_name(f->status));
    tl_json_string(j, "reason", f->reason);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

static void put_update(const tl_run *run, tl_json *j) {
  const tl_update *u = &run->update;
  const tl_definition *d = run->definition;
  tl_json_open(j, "update", '{');
  tl_json_bool(j, "went_on", u->going_on || run->columns != NULL);
  if (u->why != NULL && run->columns == NULL) tl_json_string(j, "everything_since", u->why);
  if (run->columns != NULL) {
    tl_json_open(j, "copied", '[');
    for (size_t o = 0; o < d->output_count; o++)
      if (run->columns->copied[o]) tl_json_string(j, NULL, d->outputs[o].name);
    tl_json_close(j, ']');
  }
  tl_json_close(j, '}');
}

static tl_status put_record(tl_run *run, tl_json *j, const tl_feature_time *times, int64_t *sorted, tl_error *err) {
  char work[20];
  tl_json_open(j, NULL, '{');
  tl_json_string(j, "tickloom", TICKLOOM_VERSION);
  tl_json_string(j, "definition", run->definition->path);
  snprintf(work, sizeof work, "%016llx", (unsigned long long)tl__run_settings_hash(run));
  tl_json_string(j, "work", work);
  tl_json_string(j, "input", run->options.input);
  tl_json_string(j, "output", run->options.output);
  tl_json_int(j, "exit_code", tl_run_exit_code(run));
  tl_json_int(j, "started_at_ns", run->started_at_ns);
  tl_json_string(j, "isa", tl_isa_name(run->isa));
  tl_json_int(j, "threads", run->threads);
  tl_json_int(j, "rows", run->tally.rows);
  tl_json_int(j, "streams", run->tally.streams);
  tl_json_int(j, "files", (int64_t)run->input.dataset.count);
  tl_json_int(j, "files_finished_before", (int64_t)run->files_finished);
  if (run->options.where != NULL) tl_json_string(j, "where", run->options.where);
  if (run->options.from != NULL) tl_json_string(j, "from", run->options.from);
  if (run->options.to != NULL) tl_json_string(j, "to", run->options.to);
  if (run->update.going_on || run->update.why != NULL) put_update(run, j);
  tl_json_int(j, "spilled_bytes", (run->spills ? run->spill_bytes : 0) + tl__days_bytes(run));
  tl_json_double(j, "rows_per_s", run->wall_ns > 0 ? (double)run->tally.rows / seconds(run->wall_ns) : 0);
  tl_json_int(j, "bytes_read", run->times.bytes_read);
  tl_json_int(j, "bytes_written", run->times.bytes_written);
  tl_json_int(j, "nonfinite_inputs", run->tally.nonfinite);
  tl_json_int(j, "duplicates_dropped", run->tally.duplicates);
  tl_json_open(j, "memory", '{');
  tl_json_int(j, "limit", run->options.memory);
  tl_json_int(j, "planned", run->plan_bytes);
  tl_json_int(j, "peak_allocated", tl_sys_memory_peak());
  tl_json_int(j, "peak_resident", tl_sys_resident_peak());
  tl_json_close(j, '}');
  put_times(run, j);
  put_tasks(run, j, sorted);
  put_features(run, j, times);
  tl__run_put_checks(run, j, "checks");
  tl_json_open(j, "warnings", '[');
  for (size_t i = 0; i < run->warning_count; i++) tl_json_string(j, NULL, run->warnings[i]);
  tl_json_close(j, ']');
  put_failures(run, j);
  if (run->options.profile) TL_TRY(tl_profile_write(run, times, j, err));
  tl_json_close(j, '}');
  return j->status;
}

/* ---- for people ---- */

static tl_status put_table(tl_run *run, const tl_feature_time *times, tl_error *err) {
  const tl_definition *d = run->definition;
  char rows[TL_NUMBER_TEXT], streams[TL_NUMBER_TEXT], wall[TL_NUMBER_TEXT], memory[TL_NUMBER_TEXT];
  size_t width = 7;
  tl_count_text(rows, run->tally.rows);
  tl_count_text(streams, run->tally.streams);
  tl_seconds_text(wall, seconds(run->wall_ns));
  tl_size_text(memory, (double)tl_sys_resident_peak());
  TL_TRY(tl_buffer_format(&run->table, err, "%s rows, %s streams, %zu features in %s (%.1f M rows/s, peak memory %s, %s)\n", rows, streams, run->selected_count,
                          wall, run->wall_ns > 0 ? (double)run->tally.rows / seconds(run->wall_ns) / 1e6 : 0.0, memory, tl_isa_name(run->isa)));
  if (run->update.idle) TL_TRY(tl_buffer_format(&run->table, err, "nothing is new\n"));
  if (run->update.why != NULL) TL_TRY(tl_buffer_format(&run->table, err, "everything was computed: %s\n", run->update.why));
  if (run->files_finished > 0)
    TL_TRY(
        tl_buffer_format(&run->table, err, "%zu of %zu files were finished by an earlier run and taken as they are\n", run->files_finished, run->file_count));
  if (run->input.key_note != NULL) TL_TRY(tl_buffer_format(&run->table, err, "%s\n", run->input.key_note));
  for (size_t o = 0; o < d->output_count; o++)
    if (run->selected[o] && strlen(d->outputs[o].name) > width) width = strlen(d->outputs[o].name);
  TL_TRY(tl_buffer_format(&run->table, err, "%-*s  %11s  %9s  %12s  %12s  %9s\n", (int)width, "feature", "first valid", "missing", "min", "max", "time"));
  for (size_t o = 0, n = 0; o < d->output_count; o++) {
    if (!run->selected[o]) continue;
    const tl_feature_summary *s = &run->tally.features[n++];
    char first[32] = "none", low[32] = "", high[32] = "", time[TL_NUMBER_TEXT];
    if (s->first_valid >= 0) snprintf(first, sizeof first, "%lld", (long long)s->first_valid);
    if (!isnan(s->min)) snprintf(low, sizeof low, "%.6g", s->min), snprintf(high, sizeof high, "%.6g", s->max);
    tl_seconds_text(time, (times[o].exclusive_ns + times[o].shared_ns) / 1e9);
    TL_TRY(tl_buffer_format(&run->table, err, "%-*s  %11s  %8.2f%%  %12s  %12s  %9s\n", (int)width, d->outputs[o].name, first,
                            s->rows > 0 ? 100.0 * (double)s->missing / (double)s->rows : 0.0, low, high, time));
  }
  return TL_OK;
}

tl_status tl__run_describe(tl_run *run, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  tl_feature_time *times;
  int64_t *sorted;
  TL_TRY(tl_arena_take(&arena, &times, run->definition->output_count + 1, sizeof *times, err));
  TL_TRY(tl_arena_take(&arena, &sorted, run->task_count + 1, sizeof *sorted, err));
  TL_TRY(tl_feature_times(run, times, err));
  tl_json json = {.out = &run->json, .err = err};
  TL_TRY(put_record(run, &json, times, sorted, err));
  TL_TRY(tl_buffer_byte(&run->json, 0, err));
  TL_TRY(put_table(run, times, err));
  if (run->validate != TL_VALIDATE_NONE) TL_TRY(tl__validate_show(run, &run->table, err));
  if (run->options.profile) TL_TRY(tl_profile_show(run, times, &run->table, err));
  return tl_buffer_byte(&run->table, 0, err);
}

tl_status tl__run_manifest(tl_run *run, const tl_manifest_file *files, size_t count, tl_buffer *out, tl_error *err) {
  const tl_definition *d = run->definition;
  tl_json json = {.out = out, .err = err}, *j = &json;
  char identity[20];
  tl_json_open(j, NULL, '{');
  tl_json_int(j, "format", 1);
  snprintf(identity, sizeof identity, "%016llx", (unsigned long long)run->target.generation);
  tl_json_string(j, "generation", identity);
  tl_json_string(j, "tickloom", TICKLOOM_VERSION);
  snprintf(identity, sizeof identity, "%016llx", (unsigned long long)d->identity);
  tl_json_string(j, "definition", d->path);
  tl_json_string(j, "identity", identity);
  tl_json_open(j, "keys", '[');
  for (int k = 0; k < d->key_count; k++) tl_json_string(j, NULL, d->keys[k]);
  tl_json_close(j, ']');
  tl_json_string(j, "order", d->order);
  tl_json_open(j, "columns", '[');
  for (size_t o = 0; o < d->output_count; o++) {
    if (!run->written[o]) continue;
    snprintf(identity, sizeof identity, "%016llx", (unsigned long long)tl_definition_output_identity(d, o));
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", d->outputs[o].name);
    tl_json_string(j, "identity", identity);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_manifest_write_files(j, files, count);
  tl_json_open(j, "inputs", '[');
  for (size_t i = 0; i < run->input.dataset.count; i++) {
    const tl_input_file *f = &run->input.files[i];
    if (f->failed) continue;
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", f->file->name);
    tl_json_int(j, "size", f->size);
    tl_json_int(j, "mtime_ns", f->mtime_ns);
    tl_json_int(j, "rows", f->rows);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_json_close(j, '}');
  return json.status;
}
