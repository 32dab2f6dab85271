/* A side with a stream for each value of a column of the input: `side sector from dataset on sector`. The streams that are picked lie one
   behind the other in the side's series, by the number of the value that picks them; each is computed on its own calendar. */
#include <stdio.h>
#include <xxhash.h>
#include "base/text.h"
#include "run/numbering.h"
#include "run/sides.h"

/* The stream that a value names: where the side's keys are texts and the values integers, or the other way round, as they read. */
static const tl_stream *stream_of(const tl_input_set *set, tl_key_value_data value) {
  char number[TL_TIME_TEXT];
  bool texts = set->key_fields[0].physical == TL_PHYSICAL_BYTE_ARRAY;
  if (texts && value.text == NULL) {
    value.size = (size_t)snprintf(number, sizeof number, "%lld", (long long)value.number);
    value.text = number;
  } else if (!texts && value.text != NULL) {
    if (!tl_int_read(value.text, value.size, &value.number)) return NULL;
    value.text = NULL;
  }
  return tl_stream_with(set, &value);
}

static void warn_of_strays(tl_run *run, int index, const tl_input_set *set, const tl_numbering *values, const tl_stream *const *streams) {
  const tl_side *side = &run->definition->sides[index];
  size_t strays = 0, first = 0;
  char example[TL_TIME_TEXT + 200];
  for (size_t i = values->count; i-- > 0;)
    if (streams[i] == NULL) strays++, first = i;
  if (strays == 0) return;
  const tl_key_value_data *v = &values->values[first];
  if (v->text != NULL)
    snprintf(example, sizeof example, "\"%.200s\"", v->text);
  else
    snprintf(example, sizeof example, "%lld", (long long)v->number);
  tl__run_warn(run, "the side %s: %s has no stream for %zu of %zu values of %s, first %s", side->name, set->dataset.root, strays, values->count,
               run->definition->inputs[side->picked_by].name, example);
}

/* Rows of the series from `at` on: those of one stream. */
static tl_status compute(tl_run *run, int index, const tl_input_set *set, tl_load *load, tl_engine *engine, tl_loaded_stream *stream, int64_t at,
                         tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  tl_side_series *s = &run->sides[index];
  const tl_plan *plan = &run->side_plans[index];
  const double **inputs;
  double **results;
  TL_TRY(tl_arena_take(&arena, &inputs, (size_t)plan->input_count + 1, sizeof *inputs, err));
  TL_TRY(tl_arena_take(&arena, &results, (size_t)plan->export_count + 1, sizeof *results, err));
  for (int i = 0; i < plan->input_count; i++) inputs[i] = load->columns[i] + stream->at;
  for (int i = 0; i < plan->export_count; i++) results[i] = s->exports[i] + at;
  tl_lane_stream lane = {.rows = stream->rows, .order = load->order + stream->at, .inputs = inputs, .results = results};
  TL_TRY(tl__side_order(run, s, set->order_unit, lane.order, at, at + stream->rows, err));
  return tl_engine_run_rows(engine, &lane, 1, 0, stream->rows, err);
}

static tl_status load_all(tl_run *run, int index, tl_input_set *set, const tl_stream *const *streams, int64_t *starts, tl_error *err) {
  tl_side_series *s = &run->sides[index];
  const tl_plan *plan = &run->side_plans[index];
  TL_OWNED(tl_load) load = {0};
  TL_OWNED(tl_spill) spill = {0};
  TL_OWNED(tl_engine) engine = {0};
  if (set->scattered) TL_TRY(tl__side_gather(run, index, set, streams, (size_t)s->streams, &spill, err));
  TL_TRY(tl_load_open(&load, run->env, set, plan->inputs, plan->input_count, plan->as_time, run->options.on_duplicate, set->scattered ? &spill : NULL,
                      run->page_limit, err));
  TL_TRY(tl_engine_open(&engine, run->env, plan, run->isa, run->options.tile_rows, NULL, err));
  engine.span_limit = run->options.memory / 8;
  for (int64_t i = 0; i < s->streams; i++) {
    tl_loaded_stream loaded = {.stream = streams[i]};
    starts[i + 1] = starts[i];
    if (streams[i] == NULL) continue;
    TL_TRY(tl_load_streams(&load, &loaded, 1, (int32_t)i, err));
    if (loaded.failed) return tl_fail(err, loaded.error.status, "the side %s: %s", run->definition->sides[index].name, loaded.error.text);
    TL_TRY(compute(run, index, set, &load, &engine, &loaded, starts[i], err));
    starts[i + 1] += loaded.rows;
  }
  return TL_OK;
}

/* Which streams, and how many rows they have together; *longest: the most rows of one. */
static tl_status choose(tl_run *run, int index, const tl_input_set *set, const tl_numbering *values, const tl_stream ***out, int64_t *rows, int64_t *longest,
                        tl_error *err) {
  const tl_stream **streams;
  *rows = *longest = 0;
  TL_TRY(tl_arena_take(&run->arena, &streams, values->count + 1, sizeof *streams, err));
  for (size_t i = 0; i < values->count; i++) {
    streams[i] = stream_of(set, values->values[i]);
    if (streams[i] == NULL) continue;
    if (streams[i]->failed) return tl_fail(err, TL_CORRUPT, "the side %s: one of its streams has failed", run->definition->sides[index].name);
    *rows += streams[i]->rows;
    uint64_t parts[] = {run->sides[index].made_from, i, tl__side_fingerprint(set, streams[i])};
    run->sides[index].made_from = XXH3_64bits(parts, sizeof parts);
    if (streams[i]->rows > *longest) *longest = streams[i]->rows;
  }
  *out = streams;
  warn_of_strays(run, index, set, values, streams);
  return TL_OK;
}

tl_status tl__side_streams(tl_run *run, int index, tl_input_set *set, tl_error *err) {
  tl_side_series *s = &run->sides[index];
  int32_t input = run->definition->sides[index].picked_by;
  tl_numbering *values;
  const tl_stream **streams = NULL;
  int64_t *starts, rows, longest;
  run->update.side_resumes[index].why_not = "a side has a stream for each value of a column";
  if (run->update.going_on) {
    tl__update_decline(run, run->update.side_resumes[index].why_not);
    return TL_OK;
  }
  TL_TRY(tl_arena_take(&run->arena, &values, 1, sizeof *values, err));
  if (run->input.numberings == NULL)
    TL_TRY(tl_arena_take(&run->input.arena, &run->input.numberings, run->definition->input_count + 1, sizeof *run->input.numberings, err));
  TL_TRY(tl_numbering_collect(values, &run->input, input, run->page_limit, err));
  run->input.numberings[input] = values;
  TL_TRY(choose(run, index, set, values, &streams, &rows, &longest, err));
  TL_TRY(tl_arena_take(&run->arena, &starts, values->count + 2, sizeof *starts, err));
  s->starts = starts;
  s->streams = (int64_t)values->count;
  TL_TRY(tl_plan_make(&run->side_plans[index], run->env, run->definition, index + 1, run->selected, longest, set->order_unit, set->units, err));
  TL_TRY(tl__side_fits(run, index, rows, longest, err));
  TL_TRY(tl__side_room(run, index, rows, err));
  return run->options.dry_run ? TL_OK : load_all(run, index, set, streams, starts, err);
}
