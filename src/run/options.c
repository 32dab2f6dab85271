/* What was asked for: checked, with what depends on the input read once that is open, and as one number. */
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include "base/text.h"
#include "codec/compressor.h"
#include "run/run.h"

/* ---- checked ---- */

/* Marks the outputs that an option names. */
static tl_status mark_outputs(const tl_run *run, const char *option, const char *const *wanted, size_t count, bool *out, tl_error *err) {
  const tl_definition *d = run->definition;
  for (size_t s = 0; s < count; s++) {
    const char *names[1000];
    size_t known = 0;
    bool found = false;
    for (size_t i = 0; i < d->output_count; i++) {
      if (known < 1000) names[known++] = d->outputs[i].name;
      if (strcmp(d->outputs[i].name, wanted[s]) == 0) out[i] = found = true;
    }
    if (found) continue;
    const char *nearest = tl_nearest_name(wanted[s], names, known);
    return tl_fail(err, TL_USAGE, "--%s %s: the definition has no such feature%s%s%s", option, wanted[s], nearest ? "; did you mean " : "",
                   nearest ? nearest : "", nearest ? "?" : "");
  }
  return TL_OK;
}

static tl_status select_outputs(tl_run *run, tl_error *err) {
  const tl_definition *d = run->definition;
  const tl_features_options *o = &run->options;
  TL_TRY(tl_arena_take(&run->arena, &run->selected, d->output_count + 1, sizeof *run->selected, err));
  TL_TRY(tl_arena_take(&run->arena, &run->as_float, d->output_count + 1, sizeof *run->as_float, err));
  for (size_t i = 0; i < d->output_count; i++) run->selected[i] = o->select_count == 0, run->as_float[i] = o->float32;
  TL_TRY(mark_outputs(run, "select", o->select, o->select_count, run->selected, err));
  TL_TRY(mark_outputs(run, "float32", o->float32_features, o->float32_count, run->as_float, err));
  TL_TRY(tl_arena_take(&run->arena, &run->written, d->output_count + 1, sizeof *run->written, err));
  for (size_t i = 0; i < d->output_count; i++) {
    run->selected_count += run->selected[i];
    run->written[i] = run->selected[i];
  }
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

static tl_status check_partition(const tl_run *run, tl_error *err) {
  const char *by = run->options.partition;
  if (by == NULL || strcmp(by, "date") == 0) return TL_OK;
  return tl_fail(err, TL_USAGE, "--partition %s: the output can be by date, or (without the option) have files of streams", by);
}

static tl_status check_kind(const tl_definition *d, tl_error *err) {
  if (d->kind == TL_DEFINES_PACK) return tl_fail(err, TL_DEFINITION, "%s: a definition of packing; tickloom pack runs it", d->path);
  if (d->kind == TL_DEFINES_STRATEGY) return tl_fail(err, TL_DEFINITION, "%s: a strategy; tickloom backtest runs it", d->path);
  if (d->resets_daily) return tl_fail(err, TL_DEFINITION, "%s: reset each day is not available for features in this version", d->path);
  return TL_OK;
}

tl_status tl__run_check_options(tl_run *run, tl_error *err) {
  tl_features_options *o = &run->options;
  TL_TRY(check_kind(run->definition, err));
  if (o->input == NULL || (o->output == NULL && !o->dry_run)) return tl_fail(err, TL_USAGE, "an input and an output are needed");
  if (o->threads < 0 || o->threads > 1024) return tl_fail(err, TL_USAGE, "--threads %d: expected 1 to 1024", o->threads);
  if (o->threads == 0) o->threads = tl_sys_processors();
  if (o->memory == 0) o->memory = 256000000;
  if (o->memory < 16000000) return tl_fail(err, TL_MEMORY, "--memory must be at least 16MB");
  run->page_limit = o->memory / 8;
  TL_TRY(tl_isa_choose(&run->isa, err));
  TL_TRY(choose_styles(run, err));
  TL_TRY(tl_validate_mode_read(&run->validate, o->validate, err));
  TL_TRY(check_names(run, err));
  TL_TRY(check_partition(run, err));
  return select_outputs(run, err);
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
    int64_t step = TL_DAY_NS / a_day;
    int64_t floor = value / step - (value % step < 0);
    *behind = floor + 1;
    *first = value % step == 0 ? floor : floor + 1;
  } else
    return tl_fail(err, TL_USAGE, "%s %s: expected a date such as 2024-01-31, or a time such as 2024-01-31T09:30:00", option, text);
  return fits ? TL_OK : tl_fail(err, TL_USAGE, "%s %s: beyond the times that the order key can hold", option, text);
}

tl_status tl__run_read_bounds(tl_run *run, tl_error *err) {
  int64_t other;
  run->from = INT64_MIN;
  run->to = INT64_MAX;
  if (run->options.from != NULL) TL_TRY(read_bound(run, "--from", run->options.from, &run->from, &other, err));
  if (run->options.to != NULL) TL_TRY(read_bound(run, "--to", run->options.to, &other, &run->to, err));
  if (run->from >= run->to)
    return tl_fail(err, TL_USAGE, "--from %s lies behind --to %s", run->options.from ? run->options.from : "(none)",
                   run->options.to ? run->options.to : "(none)");
  return TL_OK;
}

/* ---- what the work is ---- */

static void add_text(uint64_t *hash, const char *text) { *hash = text == NULL ? *hash * 31 : XXH3_64bits_withSeed(text, strlen(text) + 1, *hash); }

static const char *path_of_side(const tl_run *run, int side) {
  for (size_t s = 0; s < run->options.side_count; s++)
    if (strcmp(run->options.sides[s].name, run->definition->sides[side].name) == 0) return run->options.sides[s].value;
  return NULL;
}

uint64_t tl__run_frame_hash(const tl_run *run) {
  const tl_features_options *o = &run->options;
  const tl_definition *d = run->definition;
  uint64_t hash = 1, numbers[] = {o->on_duplicate, o->strict, d->ties};
  add_text(&hash, TICKLOOM_VERSION);
  add_text(&hash, o->codec);
  add_text(&hash, o->encoding);
  add_text(&hash, o->where);
  hash = XXH3_64bits_withSeed(numbers, sizeof numbers, hash);
  for (int k = 0; k < d->key_count; k++) add_text(&hash, d->keys[k]);
  add_text(&hash, d->order);
  for (size_t i = 0; i < o->key_count; i++) add_text(&hash, o->keys[i].name), add_text(&hash, o->keys[i].value);
  for (int i = 0; i < d->side_count; i++) {
    double age = d->sides[i].within;
    add_text(&hash, d->sides[i].name), add_text(&hash, d->sides[i].value), add_text(&hash, path_of_side(run, i));
    hash = XXH3_64bits_withSeed(&age, sizeof age, hash + d->sides[i].before);
  }
  if (tl__run_is_by_date(run)) add_text(&hash, "by date");
  add_text(&hash, o->from);
  add_text(&hash, o->to);
  return hash;
}

uint64_t tl__run_settings_hash(const tl_run *run) {
  const tl_definition *d = run->definition;
  uint64_t hash = tl__run_frame_hash(run);
  for (size_t i = 0; i < d->output_count; i++) {
    uint64_t identity = tl_definition_output_identity(d, i);
    if (!run->written[i]) continue;
    add_text(&hash, d->outputs[i].name);
    hash = XXH3_64bits_withSeed(&identity, sizeof identity, hash);
    add_text(&hash, run->as_float[i] ? "float" : "double");
    for (const tl_rule *r = d->outputs[i].rules; r != NULL; r = r->next) {
      char rule[80];
      tl_rule_text(r, rule, sizeof rule);
      add_text(&hash, rule);
    }
  }
  return hash;
}

uint64_t tl__run_work_hash(const tl_run *run) {
  uint64_t hash = tl__run_settings_hash(run), numbers[] = {(uint64_t)run->from, (uint64_t)run->to, run->mirrors, run->target.is_file};
  tl_file_info info;
  hash = XXH3_64bits_withSeed(numbers, sizeof numbers, hash);
  add_text(&hash, run->input.dataset.root);
  for (int i = 0; i < run->definition->side_count; i++) {
    const char *path = path_of_side(run, i);
    hash = XXH3_64bits_withSeed(&run->sides[i].made_from, sizeof run->sides[i].made_from, hash);
    if (path != NULL && run->env->info(run->env, path, &info, NULL) == TL_OK) hash = XXH3_64bits_withSeed(&info.mtime_ns, sizeof info.mtime_ns, hash);
  }
  return hash;
}
