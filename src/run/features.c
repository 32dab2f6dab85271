/* tl_features_run: look at everything, decide, then work; nothing is created before the definition and the input are sound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/run.h"

void tl__run_fail(tl_run *run, const char *file, const char *stream, int64_t row, tl_status status, const char *reason) {
  tl_failure f = {.status = status, .row = row};
  if (run->lock) tl_lock_enter(run->lock);
  if (tl_reserve(run->env, &run->failures, &run->failure_capacity, run->failure_count + 1, sizeof *run->failures, NULL) == TL_OK) {
    f.reason = tl_status_name(status); /* when there is no memory for more */
    (void)!tl_arena_text(&run->arena, &f.reason, reason, strlen(reason), NULL);
    if (file != NULL) (void)!tl_arena_text(&run->arena, &f.file, file, strlen(file), NULL);
    if (stream != NULL) (void)!tl_arena_text(&run->arena, &f.stream, stream, strlen(stream), NULL);
    run->failures[run->failure_count++] = f;
  }
  if (run->lock) tl_lock_leave(run->lock);
}

void tl__run_warn(tl_run *run, const char *format, ...) {
  char text[1500];
  const char *copy;
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (tl_reserve(run->env, &run->warnings, &run->warning_capacity, run->warning_count + 1, sizeof *run->warnings, NULL) != TL_OK) return;
  if (tl_arena_text(&run->arena, &copy, text, strlen(text), NULL) == TL_OK) run->warnings[run->warning_count++] = copy;
  tl_log(TL_LOG_WARN, "%s", text);
}

static void report_file(void *context, const char *file, const char *stream, const tl_error *why) {
  tl_run *run = context;
  tl__run_fail(run, file, stream, -1, why->status, why->text);
  tl__update_tolerate(run, why->status);
}

/* ---- layout of the output ---- */

tl_physical tl__output_physical(const tl_run *run, size_t output) {
  if (run->definition->outputs[output].type == TL_BOOLEAN) return TL_PHYSICAL_BOOLEAN;
  return run->as_float[output] ? TL_PHYSICAL_FLOAT : TL_PHYSICAL_DOUBLE;
}

static tl_leaf output_leaf(const tl_run *run, const tl_output *o) {
  tl_leaf leaf = {.field = {.name = o->name, .nullable = true}, .max_definition = 1, .converted_type = -1};
  leaf.field.physical = tl__output_physical(run, (size_t)(o - run->definition->outputs));
  if (o->type == TL_TIME) {
    tl_time_unit unit = run->plan.units[o->edge.node];
    leaf.field = (tl_field){.name = o->name, .nullable = true, .physical = TL_PHYSICAL_INT64};
    if (unit == TL_UNIT_DAY)
      leaf.field.physical = TL_PHYSICAL_INT32, leaf.field.logical = TL_LOGICAL_DATE;
    else if (unit != TL_UNIT_NONE)
      leaf.field.logical = TL_LOGICAL_TIMESTAMP,
      leaf.field.digits = unit == TL_UNIT_MS   ? 3
                          : unit == TL_UNIT_US ? 6
                                               : 9,
      leaf.field.utc = run->input.order_field.utc;
  }
  return leaf;
}

static tl_status make_leaves(tl_run *run, tl_error *err) {
  const tl_definition *d = run->definition;
  TL_TRY(tl_arena_take(&run->arena, &run->leaves, (size_t)d->key_count + 1 + run->selected_count, sizeof *run->leaves, err));
  for (int k = 0; k < d->key_count; k++) {
    if (tl__run_key_is_in_path(run, k)) continue; /* the output has the same path */
    run->leaves[run->leaf_count++] = (tl_leaf){.field = run->input.key_fields[k], .converted_type = -1};
  }
  run->key_leaves = run->leaf_count;
  if (!run->order_in_path) run->leaves[run->leaf_count++] = (tl_leaf){.field = run->input.order_field, .converted_type = -1};
  for (size_t o = 0; o < d->output_count; o++)
    if (run->selected[o]) run->leaves[run->leaf_count++] = output_leaf(run, &d->outputs[o]);
  return TL_OK;
}

/* ---- the run ---- */

static tl_status find_needed_inputs(tl_run *run, tl_error *err) {
  const tl_definition *d = run->definition;
  bool *reached;
  TL_TRY(tl_arena_take(&run->arena, &run->needed_inputs, d->input_count + 1, sizeof *run->needed_inputs, err));
  TL_TRY(tl_arena_take(&run->arena, &reached, d->graph.count + 1, sizeof *reached, err));
  tl__plan_reach(d, run->selected, NULL, reached);
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    if (!reached[i] || n->kind != TL_NODE_COLUMN || n->column < 0) continue;
    bool elsewhere = false; /* a side that comes from another dataset */
    for (size_t s = 0; n->frame > 0 && s < run->options.side_count; s++) elsewhere |= strcmp(run->options.sides[s].name, d->sides[n->frame - 1].name) == 0;
    run->needed_inputs[n->column] |= !elsewhere;
  }
  return TL_OK;
}

static tl_status prepare_counts(tl_run *run, tl_error *err) {
  const tl_definition *d = run->definition;
  size_t rules = 0, sources;
  TL_TRY(tl_sources_find(&run->sources, &run->arena, d, run->selected, err));
  sources = run->sources.inputs + run->sources.joins;
  TL_TRY(tl_arena_take(&run->arena, &run->source_read, sources + 1, sizeof *run->source_read, err));
  TL_TRY(tl_arena_take(&run->arena, &run->reaches, d->output_count + 1, sizeof *run->reaches, err));
  TL_TRY(tl_arena_take(&run->arena, &run->node_ns, d->graph.count + 1, sizeof *run->node_ns, err));
  TL_TRY(tl_arena_take(&run->arena, &run->side_matches, (size_t)d->side_count + 1, sizeof *run->side_matches, err));
  for (size_t o = 0; o < d->output_count; o++)
    for (const tl_rule *r = d->outputs[o].rules; run->selected[o] && r != NULL; r = r->next) rules++;
  TL_TRY(tl_arena_take(&run->arena, &run->checks, rules + 1, sizeof *run->checks, err));
  for (size_t o = 0; o < d->output_count; o++) {
    if (!run->selected[o]) continue;
    TL_TRY(tl_reach_of(&run->reaches[o], &run->arena, d, &run->sources, o, err));
    run->reaches[o].deep = tl_validate_asks(run->validate, d, o);
    for (size_t s = 0; s < sources; s++) run->source_read[s] |= run->reaches[o].sources[s] >= 0;
    for (const tl_rule *r = d->outputs[o].rules; r != NULL; r = r->next) run->checks[run->check_count++] = (tl_check_result){o, r};
  }
  return tl_tally_open(&run->tally, run->env, run->selected_count, run->check_count, err);
}

/* An update that cannot go on: something does not fit, or failed. */
static bool declined(const tl_run *run, tl_status status) {
  const tl_update *u = &run->update;
  if (run->columns != NULL) return !run->cancelled && (status != TL_OK || run->columns->why != NULL || run->failure_count > 0);
  return u->going_on && !run->cancelled && (status != TL_OK || u->why != NULL || run->failure_count > u->tolerated);
}

/* ---- before the work ---- */

static tl_status refuse_same_folder(const tl_run *run, tl_error *err) {
  tl_file_info in, out;
  tl_status status = run->env->info(run->env, run->options.output, &out, err);
  if (status == TL_NOT_FOUND) return TL_OK;
  TL_TRY(status);
  TL_TRY(run->env->info(run->env, run->options.input, &in, err));
  return in.inode == out.inode && in.device == out.device ? tl_fail(err, TL_USAGE, "%s is both input and output", run->options.input) : TL_OK;
}

/* An update opens what is new; where that touches streams that must be read whole, it opens their files once more. */
static tl_status open_input(tl_run *run, tl_input_options *options, tl_error *err) {
  tl_update *u = &run->update;
  if (u->going_on) {
    options->choose_files = tl__update_choose_files;
    options->choose_groups = tl__update_choose_groups;
    options->choose_context = run;
  }
  for (;;) {
    TL_TRY(tl_input_open(&run->input, run->env, run->definition, run->options.input, options, err));
    TL_TRY(tl__update_match(run, err));
    if (!u->again) return TL_OK;
    tl__update_forget(run);
    tl_input_free(&run->input);
    run->failure_count = run->update.tolerated = 0; /* they come again */
  }
}

static tl_status prepare(tl_run *run, tl_error *err) {
  tl_input_options input = {.keys = run->options.keys, .key_count = run->options.key_count, .report = report_file, .report_context = run};
  TL_TRY(tl__run_check_options(run, err));
  TL_TRY(find_needed_inputs(run, err));
  input.needed = run->needed_inputs;
  input.where = run->options.where;
  input.strict = run->options.strict;
  input.page_limit = run->page_limit;
  input.part_bytes = run->options.memory / 16;
  if (run->options.output != NULL) {
    TL_TRY(refuse_same_folder(run, err));
    TL_TRY(tl_target_open(&run->target, run->env, run->options.output, run->options.durable, err));
  }
  TL_TRY(tl__update_begin(run, err));
  TL_TRY(open_input(run, &input, err));
  if (declined(run, TL_OK)) return TL_OK;
  TL_TRY(tl__columns_open(run, err));
  run->rows_total = run->input.rows;
  run->times.bytes_read = run->input.bytes_read;
  TL_TRY(prepare_counts(run, err));
  if (run->input.stream_count == 0 && run->failure_count > 0) tl__update_rest(run);
  if (run->update.idle) return tl_progress_open(&run->progress, &run->target, run->target.generation, err);
  if (run->input.stream_count == 0 && run->failure_count > 0) return TL_OK; /* nothing is left to do but to say so */
  TL_TRY(tl__run_read_bounds(run, err));
  if (run->input.key_note != NULL && run->options.key_count == 0) tl_log(TL_LOG_INFO, "%s", run->input.key_note);
  TL_TRY(tl__run_sides(run, err));
  if (declined(run, TL_OK)) return TL_OK;
  TL_TRY(tl_plan_make(&run->plan, run->env, run->definition, TL_FRAME_MAIN, run->selected, run->input.longest, run->input.order_unit, run->input.units, err));
  /* long streams pass by the whole plan, and records are those of one plan */
  if (run->input.longest <= TL_SHORT_ROWS)
    TL_TRY(
        tl_plan_split(&run->calendar, &run->rest, run->env, run->definition, run->selected, run->input.longest, run->input.order_unit, run->input.units, err));
  TL_TRY(tl__days_open(run, err));
  run->mirrors = tl__run_mirrors(run);
  TL_TRY(tl__update_outputs(run, err));
  TL_TRY(make_leaves(run, err));
  TL_TRY(tl__update_plan(run, err));
  if (run->options.output != NULL)
    TL_TRY(tl_progress_open(&run->progress, &run->target, tl__run_work_hash(run) + (run->update.going_on ? run->target.generation : 0), err));
  TL_TRY(tl__run_make_tasks(run, err));
  TL_TRY(tl_arena_take(&run->arena, &run->profiles, (size_t)run->threads + 1, sizeof *run->profiles, err));
  return tl_arena_take(&run->arena, &run->task_ns, run->task_count + 1, sizeof *run->task_ns, err);
}

static int compare_failures(const void *a, const void *b) {
  const tl_failure *x = a, *y = b;
  int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");
  return order != 0 ? order : strcmp(x->stream ? x->stream : "", y->stream ? y->stream : "");
}

/* Files that could not be written, each with all that it would have held. */
static void report_files(tl_run *run) {
  for (size_t i = 0; i < run->file_count; i++) {
    tl_output_file *f = &run->files[i];
    tl_writer_free(&f->writer);
    tl_tally_free(&f->tally);
    if (f->open) (void)run->env->remove(run->env, f->temporary, NULL);
    const char *name = run->mirrors ? run->input.files[run->order[f->first_stream]->last_file].file->path : f->name;
    if (f->failed && f->status != TL_CANCELLED) tl__run_fail(run, name, NULL, -1, f->status, f->reason);
  }
}

static void spill_progress(void *context, int64_t rows) {
  tl_run *run = context;
  if (run->options.progress != NULL) run->options.progress(run->options.progress_context, rows / 2, run->rows_total);
}

static void report_unread(void *context, const char *file, const char *stream, const tl_error *why) {
  (void)stream;
  tl__run_fail(context, file, NULL, -1, why->status, why->text);
}

static tl_status put_together(tl_run *run, tl_error *err) {
  run->spill = (tl_spill){.env = run->env,
                          .set = &run->input,
                          .inputs = run->stored,
                          .input_count = run->stored_count,
                          .as_time = run->stored_as_time,
                          .range_of = run->range_of,
                          .slot_of = run->slot_of,
                          .alone_of = run->range_count > (int)run->task_count ? run->alone_of : NULL,
                          .range_count = run->range_count,
                          .page_limit = run->page_limit,
                          .batch_rows = run->batch_rows,
                          .path = run->target.scratch,
                          .report = report_unread,
                          .report_context = run,
                          .progress = spill_progress,
                          .progress_context = run};
  int64_t start = run->env->tick_ns(run->env);
  TL_TRY(tl_spill_open(&run->spill, err));
  TL_TRY(tl_spill_run(&run->spill, run->threads, err));
  run->times.spill_ns = run->env->tick_ns(run->env) - start;
  run->times.bytes_read += run->spill.bytes_read;
  return tl__run_waiting_sides(run, err);
}

static tl_status work(tl_run *run, tl_error *err) {
  TL_TRY(tl_target_begin(&run->target, err));
  TL_TRY(tl_progress_drop_abandoned(&run->progress, err));
  TL_TRY(tl_progress_begin(&run->progress, err));
  TL_TRY(tl__update_open(run, err));
  if (run->task_count == 0) return TL_OK;
  tl_status status = run->spills ? put_together(run, err) : TL_OK;
  if (status == TL_CANCELLED)
    run->cancelled = true;
  else
    TL_TRY(status);
  if (!run->cancelled) tl_sys_run_threads(run->threads, tl__run_work, run);
  return TL_OK;
}

/* Nothing is new: but what a run that was stopped left undone is done. */
static tl_status finish_idle(tl_run *run, tl_error *err) {
  TL_TRY(tl_target_begin(&run->target, err));
  TL_TRY(tl_progress_drop_abandoned(&run->progress, err));
  TL_TRY(tl_progress_begin(&run->progress, err));
  tl_progress_end(&run->progress, true);
  return tl__run_describe(run, err);
}

static tl_status execute(tl_run *run, tl_error *err) {
  if (run->update.idle) return finish_idle(run, err);
  bool begun = run->update.going_on || run->task_count > 0 || run->files_finished > 0 ||
               run->failure_count == 0; /* an input without rows makes an output without files */
  if (begun) TL_TRY(work(run, err));
  report_files(run);
  if (declined(run, TL_OK) || run->update.carry->more) return TL_OK;
  if (!run->cancelled) TL_TRY(tl__days_write(run, err));
  if (!run->cancelled) TL_TRY(tl__columns_write(run, err));
  if (declined(run, TL_OK)) return TL_OK;
  if (!run->cancelled) TL_TRY(tl__update_copy(run, err));
  if (!run->cancelled) TL_TRY(tl__update_merge(run, err));
  if (run->options.progress != NULL) run->options.progress(run->options.progress_context, run->rows_total, run->rows_total);
  if (run->fatal.status != TL_OK) return tl_fail(err, run->fatal.status, "%s", run->fatal.text);
  if (run->cancelled || tl_sys_stop_requested()) {
    run->cancelled = true;
    tl__run_fail(run, NULL, NULL, -1, TL_CANCELLED, "stopped by a signal; what is committed stays, the same command goes on");
  }
  if (run->failure_count > 1) qsort(run->failures, run->failure_count, sizeof *run->failures, compare_failures);
  tl__run_conclude(run);
  tl_status status = begun && !run->cancelled ? tl__run_commit(run, err) : TL_OK;
  run->wall_ns = run->env->tick_ns(run->env) - run->started_ns;
  TL_TRY(status);
  TL_TRY(begun ? tl__validate_write(run, err) : TL_OK);
  TL_TRY(tl__run_describe(run, err));
  if (!begun) return TL_OK;
  TL_TRY(tl__run_write_record(run, err));
  tl_progress_end(&run->progress, run->failure_count == 0);
  return TL_OK;
}

static tl_status attempt(tl_run **out, const tl_definition *definition, const tl_features_options *options, const char *why, tl_update_carry *carry,
                         tl_error *err) {
  tl_run *run;
  tl_env *env = definition->env;
  *out = NULL;
  TL_TRY(tl_allocate_zeroed(env, &run, 1, sizeof *run, err));
  run->env = env;
  run->arena.env = run->json.env = run->table.env = env;
  run->target.lock = run->progress.handle = run->update.records = -1;
  run->definition = definition;
  run->options = *options;
  run->started_ns = env->tick_ns(env);
  run->started_at_ns = env->now_ns(env);
  run->update.carry = carry;
  *out = run;
  if (why != NULL) TL_TRY(tl_arena_text(&run->arena, &run->update.why, why, strlen(why), err));
  TL_TRY(tl_lock_open(&run->lock, env, err));
  TL_TRY(prepare(run, err));
  if (declined(run, TL_OK)) return TL_OK;
  return options->dry_run ? tl__run_describe_plan(run, err) : execute(run, err);
}

/* Why an update did not go on, if it did not. */
static const char *reason_of(const tl_run *run, const tl_error *err) {
  if (run->columns != NULL && run->columns->why != NULL) return run->columns->why;
  return run->update.why != NULL ? run->update.why : run->failure_count > 0 ? run->failures[0].reason : err->text;
}

tl_status tl_features_run(tl_run **out, const tl_definition *definition, const tl_features_options *options, tl_error *err) {
  tl_features_options anew = *options;
  enum { MOST_ATTEMPTS = 4 };
  char why[sizeof err->text];
  tl_update_carry carry = {0};
  tl_status status = attempt(out, definition, options, NULL, &carry, err);
  for (int i = 1; *out != NULL && status == TL_OK && !declined(*out, status) && carry.more && !(*out)->cancelled; i++) {
    if (i == MOST_ATTEMPTS) (*out)->update.why = "the input changes all the time";
    if (i == MOST_ATTEMPTS) break;
    tl_run_close(*out);
    status = attempt(out, definition, options, NULL, &carry, err);
  }
  if (*out != NULL && declined(*out, status)) { /* whatever it was, a run over everything does it, or says it better */
    snprintf(why, sizeof why, "%s", reason_of(*out, err));
    anew.update = false;
    anew.prune = true; /* what the input no longer has goes, also from Hive partitions */
    tl_run_close(*out);
    *err = (tl_error){0};
    carry.more = false;
    status = attempt(out, definition, &anew, why, &carry, err);
  }
  tl_release(definition->env, carry.redo);
  if (status != TL_OK) {
    tl_run_close(*out);
    *out = NULL;
    return status;
  }
  return (*out)->failure_count == 0 ? TL_OK : tl_fail(err, (*out)->failures[0].status, "%s", (*out)->failures[0].reason);
}

void tl_run_close(tl_run *run) {
  if (run == NULL) return;
  tl_env *env = run->env;
  for (int i = 0; run->sides != NULL && i < run->definition->side_count; i++) {
    for (int k = 0; run->sides[i].exports != NULL && k < run->sides[i].export_count; k++) tl_release(env, run->sides[i].exports[k]);
    tl_release(env, run->sides[i].exports);
    tl_release(env, run->sides[i].order);
    if (run->side_plans != NULL) tl_plan_free(&run->side_plans[i]);
  }
  tl_release(env, run->sides);
  tl_release(env, run->side_plans);
  tl__ranges_free(run);
  tl__days_free(run);
  tl__columns_free(run);
  for (size_t i = 0; i < run->file_count; i++) {
    tl_writer_free(&run->files[i].writer);
    tl_tally_free(&run->files[i].tally);
  }
  tl_tally_free(&run->tally);
  tl__update_free(run);
  tl_spill_free(&run->spill);
  tl_progress_free(&run->progress);
  tl_release(env, run->files);
  tl_release(env, run->pieces);
  tl_release(env, run->tasks);
  tl_release(env, run->failures);
  tl_release(env, run->warnings);
  tl_release(env, run->validations);
  tl_plan_free(&run->rest);
  tl_plan_free(&run->calendar);
  tl_plan_free(&run->plan);
  tl_input_free(&run->input);
  tl_target_free(&run->target);
  tl_buffer_free(&run->json);
  tl_buffer_free(&run->table);
  tl_lock_close(run->lock);
  tl_arena_free(&run->arena);
  tl_release(env, run);
}

int tl_run_exit_code(const tl_run *run) {
  if (run->failure_count == 0) return 0;
  if (run->tally.streams > 0 || run->cancelled || (run->update.going_on && run->update.old.output_count > 0)) return 1;
  if (run->options.dry_run && run->stream_count > 0) return 1;
  for (size_t i = 0; i < run->failure_count; i++)
    if (run->failures[i].status == TL_IO || run->failures[i].status == TL_MEMORY) return 5;
  return 4;
}
size_t tl_run_failure_count(const tl_run *run) { return run->failure_count; }
tl_failure tl_run_failure(const tl_run *run, size_t index) { return run->failures[index]; }
const char *tl_run_json(const tl_run *run) { return (const char *)run->json.data; }
const char *tl_run_table(const tl_run *run) { return (const char *)run->table.data; }
const char *tl_version(void) { return TICKLOOM_VERSION; }
