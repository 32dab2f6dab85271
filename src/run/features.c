/* tl_features_run: look at everything, decide, then work; nothing is created before the definition and the input are sound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "codec/compressor.h"
#include "run/run.h"

void tl__run_fail(tl_run *run, const char *file, const char *stream, tl_status status, const char *reason) {
  tl_failure f = {.status = status};
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
  tl__run_fail(context, file, stream, why->status, why->text);
}

/* ---- options ---- */

static tl_status select_outputs(tl_run *run, tl_error *err) {
  const tl_definition *d = run->definition;
  TL_TRY(tl_arena_take(&run->arena, &run->selected, d->output_count + 1, sizeof *run->selected, err));
  for (size_t i = 0; i < d->output_count; i++) run->selected[i] = run->options.select_count == 0;
  for (size_t s = 0; s < run->options.select_count; s++) {
    const char *wanted = run->options.select[s], *names[1000];
    size_t count = 0;
    bool found = false;
    for (size_t i = 0; i < d->output_count; i++) {
      if (count < 1000) names[count++] = d->outputs[i].name;
      if (strcmp(d->outputs[i].name, wanted) == 0) run->selected[i] = found = true;
    }
    if (found) continue;
    const char *nearest = tl_nearest_name(wanted, names, count);
    return tl_fail(err, TL_USAGE, "--select %s: the definition has no such feature%s%s%s", wanted, nearest ? "; did you mean " : "", nearest ? nearest : "",
                   nearest ? "?" : "");
  }
  for (size_t i = 0; i < d->output_count; i++) run->selected_count += run->selected[i];
  return TL_OK;
}

static tl_status check_names(const tl_run *run, tl_error *err) {
  const tl_definition *d = run->definition;
  for (size_t i = 0; i < run->options.side_count; i++) {
    bool found = false;
    for (int s = 0; s < d->side_count; s++) found |= strcmp(d->sides[s].name, run->options.sides[i].name) == 0;
    if (!found) return tl_fail(err, TL_USAGE, "--side %s: the definition has no such side", run->options.sides[i].name);
  }
  for (size_t i = 0; i < run->options.key_count; i++) {
    bool found = strcmp(d->order, run->options.keys[i].name) == 0;
    for (int k = 0; k < d->key_count; k++) found |= strcmp(d->keys[k], run->options.keys[i].name) == 0;
    if (!found) return tl_fail(err, TL_USAGE, "--key %s: neither a key nor the order key of the definition", run->options.keys[i].name);
  }
  return TL_OK;
}

/* Measured on 2,000 x 5,000 rows of 20 features (bench/encoding.md): see there for the others. */
static tl_status choose_styles(tl_run *run, tl_error *err) {
  const char *codec = run->options.codec ? run->options.codec : "lz4", *encoding = run->options.encoding ? run->options.encoding : "split";
  tl_page_style style = {.page_rows = 16384};
  if (strcmp(codec, "none") == 0)
    style.codec = TL_CODEC_NONE;
  else if (strcmp(codec, "lz4") == 0)
    style.codec = TL_CODEC_LZ4_RAW, style.level = 1;
  else if (strcmp(codec, "zstd") == 0)
    style.codec = TL_CODEC_ZSTD, style.level = 1;
  else
    return tl_fail(err, TL_USAGE, "--codec %s: expected none, lz4 or zstd", codec);
  if (strcmp(encoding, "split") == 0)
    style.encoding = TL_ENCODING_SPLIT;
  else if (strcmp(encoding, "plain") == 0)
    style.encoding = TL_ENCODING_PLAIN;
  else
    return tl_fail(err, TL_USAGE, "--encoding %s: expected split or plain", encoding);
  if (style.codec == TL_CODEC_ZSTD && style.encoding == TL_ENCODING_SPLIT) style.level = -1; /* level 1's bytes for half the time */
  run->feature_style = style;
  run->order_style = style;
  run->order_style.encoding = TL_ENCODING_DELTA;
  return TL_OK;
}

static tl_status check_options(tl_run *run, tl_error *err) {
  tl_features_options *o = &run->options;
  if (o->input == NULL || o->output == NULL) return tl_fail(err, TL_USAGE, "an input and an output are needed");
  if (o->threads < 0 || o->threads > 1024) return tl_fail(err, TL_USAGE, "--threads %d: expected 1 to 1024", o->threads);
  if (o->threads == 0) o->threads = tl_sys_processors();
  if (o->memory == 0) o->memory = 256000000;
  if (o->memory < 16000000) return tl_fail(err, TL_MEMORY, "--memory must be at least 16MB");
  TL_TRY(tl_isa_choose(&run->isa, err));
  TL_TRY(choose_styles(run, err));
  TL_TRY(check_names(run, err));
  return select_outputs(run, err);
}

/* ---- layout of the output ---- */

static tl_leaf output_leaf(const tl_run *run, const tl_output *o) {
  tl_leaf leaf = {.field = {.name = o->name, .physical = TL_PHYSICAL_DOUBLE, .nullable = true}, .max_definition = 1, .converted_type = -1};
  if (o->type == TL_BOOLEAN)
    leaf.field.physical = TL_PHYSICAL_BOOLEAN;
  else if (o->type == TL_NUMBER && run->options.float32)
    leaf.field.physical = TL_PHYSICAL_FLOAT;
  else if (o->type == TL_TIME) {
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
    if (run->input.key_in_path[k] && run->mirrors) continue; /* the output has the same path */
    run->leaves[run->leaf_count++] = (tl_leaf){.field = run->input.key_fields[k], .converted_type = -1};
  }
  run->key_leaves = run->leaf_count;
  run->leaves[run->leaf_count++] = (tl_leaf){.field = run->input.order_field, .converted_type = -1};
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
  tl__plan_reach(d, run->selected, reached);
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
  TL_TRY(tl_arena_take(&run->arena, &run->summaries, d->output_count + 1, sizeof *run->summaries, err));
  TL_TRY(tl_arena_take(&run->arena, &run->reaches, d->output_count + 1, sizeof *run->reaches, err));
  TL_TRY(tl_arena_take(&run->arena, &run->task_ns, run->task_count + 1, sizeof *run->task_ns, err));
  TL_TRY(tl_arena_take(&run->arena, &run->node_ns, d->graph.count + 1, sizeof *run->node_ns, err));
  TL_TRY(tl_arena_take(&run->arena, &run->side_matches, (size_t)d->side_count + 1, sizeof *run->side_matches, err));
  size_t rules = 0;
  for (size_t o = 0; o < d->output_count; o++) {
    tl_summary_begin(&run->summaries[o]);
    for (const tl_rule *r = d->outputs[o].rules; run->selected[o] && r != NULL; r = r->next) rules++;
  }
  TL_TRY(tl_arena_take(&run->arena, &run->checks, rules + 1, sizeof *run->checks, err));
  for (size_t o = 0; o < d->output_count; o++) {
    if (run->selected[o] && d->outputs[o].rules != NULL) TL_TRY(tl_reach_of(&run->reaches[o], &run->arena, d, d->outputs[o].edge.node, err));
    for (const tl_rule *r = d->outputs[o].rules; run->selected[o] && r != NULL; r = r->next)
      run->checks[run->check_count++] = (tl_check_result){.output = o, .rule = r};
  }
  return TL_OK;
}

static tl_status prepare(tl_run *run, tl_error *err) {
  tl_input_options input = {
      .keys = run->options.keys, .key_count = run->options.key_count, .report = report_file, .report_context = run, .page_limit = run->options.memory / 4};
  TL_TRY(check_options(run, err));
  TL_TRY(find_needed_inputs(run, err));
  input.needed = run->needed_inputs;
  TL_TRY(tl_target_open(&run->target, run->env, run->options.output, err));
  tl_file_info in, out;
  if (run->env->info(run->env, run->options.input, &in, NULL) == TL_OK && run->env->info(run->env, run->options.output, &out, NULL) == TL_OK &&
      in.inode == out.inode)
    return tl_fail(err, TL_USAGE, "%s is both input and output", run->options.input);
  TL_TRY(tl_input_open(&run->input, run->env, run->definition, run->options.input, &input, err));
  if (run->input.stream_count == 0 && run->failure_count > 0) return TL_OK; /* nothing is left to do but to say so */
  if (run->input.key_note != NULL && run->options.key_count == 0) tl_log(TL_LOG_INFO, "%s", run->input.key_note);
  TL_TRY(tl__run_sides(run, err));
  TL_TRY(tl_plan_make(&run->plan, run->env, run->definition, TL_FRAME_MAIN, run->selected, run->input.longest, run->input.order_unit, run->input.units, err));
  run->mirrors = tl__run_mirrors(run);
  TL_TRY(make_leaves(run, err));
  TL_TRY(tl__run_make_tasks(run, err));
  run->rows_total = run->input.rows;
  return TL_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* New files are in place; the manifest says so, then what is no longer part of the dataset goes. */
static tl_status commit(tl_run *run, tl_error *err) {
  TL_OWNED(tl_buffer) manifest = {.env = run->env};
  const char **names;
  size_t count = 0;
  TL_TRY(tl_arena_take(&run->arena, &names, run->file_count + 1, sizeof *names, err));
  for (size_t i = 0; i < run->file_count; i++)
    if (run->files[i].committed) names[count++] = run->files[i].name;
  if (run->target.is_file || (count == 0 && run->failure_count > 0)) return TL_OK;
  qsort(names, count, sizeof *names, by_name);
  TL_TRY(tl__run_manifest(run, &manifest, err));
  TL_TRY(tl_target_write(&run->target, "manifest.json", tl_buffer_view(&manifest), err));
  return tl_target_remove_stale(&run->target, names, count, err);
}

static tl_status write_record(tl_run *run, tl_error *err) {
  char name[100];
  if (run->target.is_file) return TL_OK;
  snprintf(name, sizeof name, "runs/%020lld.json", (long long)run->started_at_ns);
  return tl_target_write(&run->target, name, (tl_bytes){run->json.data, run->json.size - 1}, err);
}

static void after_work(tl_run *run) {
  const tl_definition *d = run->definition;
  for (int i = 0; i < d->side_count; i++)
    if (run->sides != NULL && run->sides[i].export_count > 0 && run->side_matches[i] == 0 && run->rows_done > 0)
      tl__run_warn(run, "the side %s has no row at or before any row of the input: what uses it is missing", d->sides[i].name);
  for (size_t i = 0; run->input.missing_inputs && i < d->input_count; i++) {
    bool seen = !run->needed_inputs[i] || !d->inputs[i].optional;
    for (size_t f = 0; !seen && f < run->input.dataset.count; f++) seen = !run->input.files[f].failed && run->input.files[f].leaves[i] >= 0;
    if (!seen) tl__run_warn(run, "no file has a column %s: what uses %s is missing", d->inputs[i].columns[0], d->inputs[i].name);
  }
  if (run->nonfinite > 0) tl__run_warn(run, "%lld values of the input are NaN or infinite; they count as missing", (long long)run->nonfinite);
  if (run->duplicates > 0) tl__run_warn(run, "%lld rows with a repeated order key were dropped", (long long)run->duplicates);
  for (size_t i = 0; i < run->check_count; i++) {
    char rule[80];
    if (run->checks[i].failed == 0) continue;
    tl_rule_text(run->checks[i].rule, rule, sizeof rule);
    tl__run_warn(run, "check %s: %s failed in %lld of %lld streams, first %s", d->outputs[run->checks[i].output].name, rule, (long long)run->checks[i].failed,
                 (long long)run->checks[i].streams, run->checks[i].example);
  }
}

static int compare_failures(const void *a, const void *b) {
  const tl_failure *x = a, *y = b;
  int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");
  return order != 0 ? order : strcmp(x->stream ? x->stream : "", y->stream ? y->stream : "");
}

static tl_status execute(tl_run *run, tl_error *err) {
  bool begun = run->task_count > 0 || run->failure_count == 0; /* an input without rows makes an output without files */
  if (begun) TL_TRY(tl_target_begin(&run->target, err));
  if (run->task_count > 0) tl_sys_run_threads(run->threads, tl__run_work, run);
  for (size_t i = 0; i < run->file_count; i++)
    if (run->files[i].open) {
      tl_writer_free(&run->files[i].writer);
      (void)run->env->remove(run->env, run->files[i].temporary, NULL);
    }
  if (run->options.progress != NULL) run->options.progress(run->options.progress_context, run->rows_total, run->rows_total);
  if (run->fatal.status != TL_OK) return tl_fail(err, run->fatal.status, "%s", run->fatal.text);
  if (run->cancelled) tl__run_fail(run, NULL, NULL, TL_CANCELLED, "stopped by a signal; what is committed stays, the same command goes on");
  if (run->failure_count > 1) qsort(run->failures, run->failure_count, sizeof *run->failures, compare_failures);
  after_work(run);
  tl_status status = commit(run, err);
  run->wall_ns = run->env->tick_ns(run->env) - run->started_ns;
  TL_TRY(status);
  TL_TRY(tl__run_describe(run, err));
  return begun ? write_record(run, err) : TL_OK;
}

tl_status tl_features_run(tl_run **out, const tl_definition *definition, const tl_features_options *options, tl_error *err) {
  tl_run *run;
  tl_env *env = definition->env;
  *out = NULL;
  TL_TRY(tl_allocate_zeroed(env, &run, 1, sizeof *run, err));
  run->env = env;
  run->arena.env = run->json.env = run->table.env = env;
  run->definition = definition;
  run->options = *options;
  run->started_ns = env->tick_ns(env);
  run->started_at_ns = env->now_ns(env);
  tl_status status = tl_lock_open(&run->lock, env, err);
  if (status == TL_OK) status = prepare(run, err);
  if (status == TL_OK) status = prepare_counts(run, err);
  if (status == TL_OK) status = execute(run, err);
  if (status != TL_OK) {
    tl_run_close(run);
    return status;
  }
  *out = run;
  return run->failure_count == 0 ? TL_OK : tl_fail(err, run->failures[0].status, "%s", run->failures[0].reason);
}

void tl_run_close(tl_run *run) {
  if (run == NULL) return;
  tl_env *env = run->env;
  for (int i = 0; run->sides != NULL && i < run->definition->side_count; i++) {
    for (int k = 0; run->sides[i].exports != NULL && k < run->sides[i].export_count; k++) tl_release(env, run->sides[i].exports[k]);
    tl_release(env, run->sides[i].exports);
    tl_release(env, run->sides[i].order);
    tl_plan_free(&run->side_plans[i]);
  }
  tl_release(env, run->sides);
  tl_release(env, run->side_plans);
  for (size_t i = 0; i < run->file_count; i++) tl_writer_free(&run->files[i].writer);
  tl_release(env, run->files);
  tl_release(env, run->pieces);
  tl_release(env, run->tasks);
  tl_release(env, run->failures);
  tl_release(env, run->warnings);
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
  if (run->streams_done > 0 || run->cancelled) return 1;
  for (size_t i = 0; i < run->failure_count; i++)
    if (run->failures[i].status == TL_IO || run->failures[i].status == TL_MEMORY) return 5;
  return 4;
}
size_t tl_run_failure_count(const tl_run *run) { return run->failure_count; }
tl_failure tl_run_failure(const tl_run *run, size_t index) { return run->failures[index]; }
const char *tl_run_json(const tl_run *run) { return (const char *)run->json.data; }
const char *tl_run_table(const tl_run *run) { return (const char *)run->table.data; }
const char *tl_version(void) { return TICKLOOM_VERSION; }
