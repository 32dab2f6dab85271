/* tl_features_run: look at everything, decide, then work; nothing is created before the definition and the input are sound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/text.h"
#include "codec/compressor.h"
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
  tl__run_fail(context, file, stream, -1, why->status, why->text);
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
  if (o->input == NULL || (o->output == NULL && !o->dry_run)) return tl_fail(err, TL_USAGE, "an input and an output are needed");
  if (o->threads < 0 || o->threads > 1024) return tl_fail(err, TL_USAGE, "--threads %d: expected 1 to 1024", o->threads);
  if (o->threads == 0) o->threads = tl_sys_processors();
  if (o->memory == 0) o->memory = 256000000;
  if (o->memory < 16000000) return tl_fail(err, TL_MEMORY, "--memory must be at least 16MB");
  run->page_limit = o->memory / 8;
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
    for (size_t s = 0; s < sources; s++) run->source_read[s] |= run->reaches[o].sources[s] >= 0;
    for (const tl_rule *r = d->outputs[o].rules; r != NULL; r = r->next) run->checks[run->check_count++] = (tl_check_result){o, r};
  }
  return tl_tally_open(&run->tally, run->env, run->selected_count, run->check_count, err);
}

/* ---- the rows that are wanted ---- */

/* A bound as the text has it, in the unit of the order key: the first key of what the text names, and the first one behind it. */
static tl_status read_bound(const tl_run *run, const char *option, const char *text, int64_t *first, int64_t *behind, tl_error *err) {
  tl_time_unit unit = run->input.order_unit;
  size_t size = strlen(text);
  int64_t value, a_day = tl_units_a_day(unit);
  bool fits = true;
  if (unit == TL_UNIT_NONE) {
    if (!tl_int_read(text, size, first)) return tl_fail(err, TL_USAGE, "%s %s: expected a whole number, as the order key is one", option, text);
    *behind = *first == INT64_MAX ? INT64_MAX : *first + 1;
  } else if (tl_date_read(text, size, &value)) {
    fits = !__builtin_mul_overflow(value, a_day, first) && !__builtin_mul_overflow(value + 1, a_day, behind);
  } else if (tl_time_read(text, size, &value)) {
    int64_t step = 86400000000000 / a_day;
    int64_t floor = value / step - (value % step < 0);
    *behind = floor + 1;
    *first = value % step == 0 ? floor : floor + 1;
  } else
    return tl_fail(err, TL_USAGE, "%s %s: expected a date such as 2024-01-31, or a time such as 2024-01-31T09:30:00", option, text);
  return fits ? TL_OK : tl_fail(err, TL_USAGE, "%s %s: beyond the times that the order key can hold", option, text);
}

static tl_status read_bounds(tl_run *run, tl_error *err) {
  int64_t other;
  run->from = INT64_MIN;
  run->to = INT64_MAX;
  if (run->options.from != NULL) TL_TRY(read_bound(run, "--from", run->options.from, &run->from, &other, err));
  if (run->options.to != NULL) TL_TRY(read_bound(run, "--to", run->options.to, &other, &run->to, err));
  if (run->from >= run->to) return tl_fail(err, TL_USAGE, "--from %s lies behind --to %s", run->options.from, run->options.to);
  return TL_OK;
}

/* ---- what the work is ---- */

static void add_text(uint64_t *hash, const char *text) { *hash = text == NULL ? *hash * 31 : XXH3_64bits_withSeed(text, strlen(text) + 1, *hash); }

/* Everything but the input that decides the bytes of an output file. */
static uint64_t work_of(const tl_run *run) {
  const tl_features_options *o = &run->options;
  const tl_definition *d = run->definition;
  uint64_t hash = 1, numbers[] = {o->on_duplicate, o->float32, o->strict, (uint64_t)run->from, (uint64_t)run->to, run->mirrors, run->target.is_file};
  tl_file_info info;
  add_text(&hash, TICKLOOM_VERSION);
  add_text(&hash, o->codec);
  add_text(&hash, o->encoding);
  hash = XXH3_64bits_withSeed(numbers, sizeof numbers, hash);
  for (size_t i = 0; i < d->output_count; i++) {
    uint64_t identity = tl_definition_output_identity(d, i);
    if (!run->selected[i]) continue;
    add_text(&hash, d->outputs[i].name);
    hash = XXH3_64bits_withSeed(&identity, sizeof identity, hash);
    for (const tl_rule *r = d->outputs[i].rules; r != NULL; r = r->next) {
      char rule[80];
      tl_rule_text(r, rule, sizeof rule);
      add_text(&hash, rule);
    }
  }
  for (int k = 0; k < d->key_count; k++) add_text(&hash, d->keys[k]);
  add_text(&hash, d->order);
  for (size_t i = 0; i < o->key_count; i++) add_text(&hash, o->keys[i].name), add_text(&hash, o->keys[i].value);
  add_text(&hash, run->input.dataset.root);
  for (int i = 0; i < d->side_count; i++) {
    const char *path = NULL;
    for (size_t s = 0; s < o->side_count; s++)
      if (strcmp(o->sides[s].name, d->sides[i].name) == 0) path = o->sides[s].value;
    add_text(&hash, d->sides[i].name);
    add_text(&hash, path);
    hash = XXH3_64bits_withSeed(&run->sides[i].made_from, sizeof run->sides[i].made_from, hash);
    if (path != NULL && run->env->info(run->env, path, &info, NULL) == TL_OK) hash = XXH3_64bits_withSeed(&info.mtime_ns, sizeof info.mtime_ns, hash);
  }
  return hash;
}

/* ---- before the work ---- */

static tl_status refuse_same_folder(const tl_run *run, tl_error *err) {
  tl_file_info in, out;
  tl_status status = run->env->info(run->env, run->options.output, &out, err);
  if (status == TL_NOT_FOUND) return TL_OK;
  TL_TRY(status);
  TL_TRY(run->env->info(run->env, run->options.input, &in, err));
  return in.inode == out.inode ? tl_fail(err, TL_USAGE, "%s is both input and output", run->options.input) : TL_OK;
}

static tl_status prepare(tl_run *run, tl_error *err) {
  tl_input_options input = {.keys = run->options.keys, .key_count = run->options.key_count, .report = report_file, .report_context = run};
  TL_TRY(check_options(run, err));
  TL_TRY(find_needed_inputs(run, err));
  input.needed = run->needed_inputs;
  input.page_limit = run->page_limit;
  input.part_bytes = run->options.memory / 16;
  if (run->options.output != NULL) {
    TL_TRY(refuse_same_folder(run, err));
    TL_TRY(tl_target_open(&run->target, run->env, run->options.output, run->options.durable, err));
  }
  TL_TRY(tl_input_open(&run->input, run->env, run->definition, run->options.input, &input, err));
  run->rows_total = run->input.rows;
  TL_TRY(read_bounds(run, err));
  TL_TRY(prepare_counts(run, err));
  if (run->input.stream_count == 0 && run->failure_count > 0) return TL_OK; /* nothing is left to do but to say so */
  if (run->input.key_note != NULL && run->options.key_count == 0) tl_log(TL_LOG_INFO, "%s", run->input.key_note);
  TL_TRY(tl__run_sides(run, err));
  TL_TRY(tl_plan_make(&run->plan, run->env, run->definition, TL_FRAME_MAIN, run->selected, run->input.longest, run->input.order_unit, run->input.units, err));
  run->mirrors = tl__run_mirrors(run);
  TL_TRY(make_leaves(run, err));
  if (run->options.output != NULL) TL_TRY(tl_progress_open(&run->progress, &run->target, work_of(run), err));
  TL_TRY(tl__run_make_tasks(run, err));
  return tl_arena_take(&run->arena, &run->task_ns, run->task_count + 1, sizeof *run->task_ns, err);
}

/* ---- after it ---- */

static int by_name(const void *a, const void *b) { return strcmp(((const tl_manifest_file *)a)->name, ((const tl_manifest_file *)b)->name); }

/* The files of the new dataset in order of name: those of this run, and partitions of the older one that it did not write. */
static tl_status list_files(tl_run *run, tl_manifest_file **files, size_t *count, tl_error *err) {
  const tl_manifest *old = &run->target.old;
  const char **names;
  size_t written = 0;
  TL_TRY(tl_arena_take(&run->arena, files, run->file_count + old->count + 1, sizeof **files, err));
  TL_TRY(tl_arena_take(&run->arena, &names, run->file_count + 1, sizeof *names, err));
  for (size_t i = 0; i < run->file_count; i++)
    if (run->files[i].committed) (*files)[written++] = (tl_manifest_file){run->files[i].name, run->files[i].rows_written, run->files[i].size};
  qsort(*files, written, sizeof **files, by_name);
  for (size_t i = 0; i < written; i++) names[i] = (*files)[i].name;
  *count = written;
  for (size_t i = 0; i < old->count; i++)
    if (!run->options.prune && tl_target_keeps(old->files[i].name, names, written)) (*files)[(*count)++] = old->files[i];
  qsort(*files, *count, sizeof **files, by_name);
  return TL_OK;
}

/* Everything lies ready: the manifest is the moment at which the new dataset is the dataset. Then files go into their places, and what is no
   longer part of it goes. */
static tl_status commit(tl_run *run, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = run->env};
  const tl_manifest *old = &run->target.old;
  tl_manifest fresh = {0};
  tl_manifest_file *stale;
  size_t stale_count = 0;
  TL_TRY(list_files(run, &fresh.files, &fresh.count, err));
  if (run->target.is_file || (fresh.count == 0 && run->failure_count > 0)) return TL_OK;
  TL_TRY(tl_arena_take(&run->arena, &stale, old->count + 1, sizeof *stale, err));
  for (size_t i = 0; i < old->count; i++)
    if (bsearch(&old->files[i], fresh.files, fresh.count, sizeof *fresh.files, by_name) == NULL) stale[stale_count++] = old->files[i];
  TL_TRY(tl_target_note_stale(&run->target, stale, stale_count, err));
  TL_TRY(tl__run_manifest(run, fresh.files, fresh.count, &text, err));
  TL_TRY(tl_target_write(&run->target, "manifest.json", tl_buffer_view(&text), err));
  for (size_t i = 0; i < run->file_count; i++)
    if (run->files[i].committed) TL_TRY(tl_target_publish(&run->target, run->files[i].name, err));
  return tl_target_remove_stale(&run->target, &fresh, err);
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
    if (run->sides != NULL && run->sides[i].export_count > 0 && run->side_matches[i] == 0 && run->tally.rows > 0 && run->files_finished == 0)
      tl__run_warn(run, "the side %s has no row at or before any row of the input: what uses it is missing", d->sides[i].name);
  for (size_t i = 0; run->input.missing_inputs && i < d->input_count; i++) {
    bool seen = !run->needed_inputs[i] || !d->inputs[i].optional;
    for (size_t f = 0; !seen && f < run->input.dataset.count; f++) seen = !run->input.files[f].failed && run->input.files[f].leaves[i] >= 0;
    if (!seen) tl__run_warn(run, "no file has a column %s: what uses %s is missing", d->inputs[i].columns[0], d->inputs[i].name);
  }
  const tl_tally *t = &run->tally;
  if (run->spills) run->tally.nonfinite += run->spill.nonfinite; /* seen there, before they came to their streams */
  if (t->nonfinite > 0) tl__run_warn(run, "%lld values of the input are NaN or infinite; they count as missing", (long long)t->nonfinite);
  if (t->duplicates > 0) tl__run_warn(run, "%lld rows with a repeated order key were dropped", (long long)t->duplicates);
  for (size_t i = 0; i < run->check_count; i++) {
    char rule[80];
    if (t->checks[i].failed == 0) continue;
    tl_rule_text(run->checks[i].rule, rule, sizeof rule);
    tl__run_warn(run, "check %s: %s failed in %lld of %lld streams, first %s", d->outputs[run->checks[i].output].name, rule, (long long)t->checks[i].failed,
                 (long long)t->checks[i].streams, t->checks[i].example);
  }
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
  int64_t batch_rows = run->spill.batch_rows;
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
                          .batch_rows = batch_rows,
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

/* Files of a run that was stopped, which this one will not write. */
static tl_status drop_abandoned(tl_run *run, tl_error *err) {
  const char **names;
  TL_TRY(tl_arena_take(&run->arena, &names, run->file_count + 1, sizeof *names, err));
  for (size_t i = 0; i < run->file_count; i++) names[i] = run->files[i].name;
  return tl_progress_drop_abandoned(&run->progress, names, run->file_count, err);
}

static tl_status work(tl_run *run, tl_error *err) {
  TL_TRY(tl_target_begin(&run->target, err));
  TL_TRY(tl_progress_begin(&run->progress, err));
  TL_TRY(drop_abandoned(run, err));
  if (run->task_count == 0) return TL_OK;
  tl_status status = run->spills ? put_together(run, err) : TL_OK;
  if (status == TL_CANCELLED)
    run->cancelled = true;
  else
    TL_TRY(status);
  if (!run->cancelled) tl_sys_run_threads(run->threads, tl__run_work, run);
  return TL_OK;
}

static tl_status execute(tl_run *run, tl_error *err) {
  bool begun = run->task_count > 0 || run->files_finished > 0 || run->failure_count == 0; /* an input without rows makes an output without files */
  if (begun) TL_TRY(work(run, err));
  report_files(run);
  if (run->options.progress != NULL) run->options.progress(run->options.progress_context, run->rows_total, run->rows_total);
  if (run->fatal.status != TL_OK) return tl_fail(err, run->fatal.status, "%s", run->fatal.text);
  if (run->cancelled || tl_sys_stop_requested()) {
    run->cancelled = true;
    tl__run_fail(run, NULL, NULL, -1, TL_CANCELLED, "stopped by a signal; what is committed stays, the same command goes on");
  }
  if (run->failure_count > 1) qsort(run->failures, run->failure_count, sizeof *run->failures, compare_failures);
  after_work(run);
  tl_status status = begun && !run->cancelled ? commit(run, err) : TL_OK;
  run->wall_ns = run->env->tick_ns(run->env) - run->started_ns;
  TL_TRY(status);
  TL_TRY(tl__run_describe(run, err));
  if (!begun) return TL_OK;
  TL_TRY(write_record(run, err));
  tl_progress_end(&run->progress, run->failure_count == 0);
  return TL_OK;
}

tl_status tl_features_run(tl_run **out, const tl_definition *definition, const tl_features_options *options, tl_error *err) {
  tl_run *run;
  tl_env *env = definition->env;
  *out = NULL;
  TL_TRY(tl_allocate_zeroed(env, &run, 1, sizeof *run, err));
  run->env = env;
  run->arena.env = run->json.env = run->table.env = env;
  run->target.lock = run->progress.handle = -1;
  run->definition = definition;
  run->options = *options;
  run->started_ns = env->tick_ns(env);
  run->started_at_ns = env->now_ns(env);
  tl_status status = tl_lock_open(&run->lock, env, err);
  if (status == TL_OK) status = prepare(run, err);
  if (status == TL_OK) status = options->dry_run ? tl__run_describe_plan(run, err) : execute(run, err);
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
    if (run->side_plans != NULL) tl_plan_free(&run->side_plans[i]);
  }
  tl_release(env, run->sides);
  tl_release(env, run->side_plans);
  for (size_t i = 0; i < run->file_count; i++) {
    tl_writer_free(&run->files[i].writer);
    tl_tally_free(&run->files[i].tally);
  }
  tl_tally_free(&run->tally);
  tl_spill_free(&run->spill);
  tl_progress_free(&run->progress);
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
  if (run->tally.streams > 0 || run->cancelled) return 1;
  for (size_t i = 0; i < run->failure_count; i++)
    if (run->failures[i].status == TL_IO || run->failures[i].status == TL_MEMORY) return 5;
  return 4;
}
size_t tl_run_failure_count(const tl_run *run) { return run->failure_count; }
tl_failure tl_run_failure(const tl_run *run, size_t index) { return run->failures[index]; }
const char *tl_run_json(const tl_run *run) { return (const char *)run->json.data; }
const char *tl_run_table(const tl_run *run) { return (const char *)run->table.data; }
const char *tl_version(void) { return TICKLOOM_VERSION; }
