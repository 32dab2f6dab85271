/* Sides: one stream each, loaded once, computed once on its own calendar, then read by every task. (Those of several: side_streams.c.) */
#include "run/sides.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const char *side_path(const tl_run *run, const char *name) {
  for (size_t i = 0; i < run->options.side_count; i++)
    if (strcmp(run->options.sides[i].name, name) == 0) return run->options.sides[i].value;
  return NULL;
}

tl_status tl__side_order(const tl_run *run, tl_side_series *s, tl_time_unit from, const int64_t *order, int64_t first, int64_t end, tl_error *err) {
  tl_time_unit to = run->input.order_unit;
  if ((from == TL_UNIT_NONE) != (to == TL_UNIT_NONE)) return tl_fail(err, TL_CORRUPT, "the order key is a time on one side and a plain integer on the other");
  for (int64_t i = first; i < end; i++, order++) {
    s->order[i] = *order;
    if (from < to && __builtin_mul_overflow(*order, tl_units_a_day(to) / tl_units_a_day(from), &s->order[i])) s->order[i] = INT64_MAX;
    if (from <= to) continue;
    int64_t ratio = tl_units_a_day(from) / tl_units_a_day(to), floor = *order / ratio - (*order % ratio < 0);
    s->order[i] = s->before || *order % ratio == 0 ? floor : floor + 1;
  }
  return TL_OK;
}

tl_status tl__side_room(tl_run *run, int index, int64_t rows, tl_error *err) {
  tl_side_series *s = &run->sides[index];
  const tl_plan *plan = &run->side_plans[index];
  s->rows = rows;
  TL_TRY(tl_allocate(run->env, &s->order, (size_t)rows + 1, sizeof *s->order, err));
  TL_TRY(tl_allocate_zeroed(run->env, &s->exports, (size_t)plan->export_count + 1, sizeof *s->exports, err));
  s->export_count = plan->export_count;
  s->nodes = plan->exports;
  for (int i = 0; i < plan->export_count; i++) TL_TRY(tl_allocate(run->env, &s->exports[i], (size_t)rows + 1, sizeof(double), err));
  return TL_OK;
}

tl_status tl__side_fits(const tl_run *run, int index, int64_t rows, int64_t loaded, tl_error *err) {
  const tl_plan *plan = &run->side_plans[index];
  const char *name = run->definition->sides[index].name;
  int64_t needed = rows * 8 * (1 + (int64_t)plan->export_count) + loaded * 8 * (2 + (int64_t)plan->input_count);
  if (needed <= run->options.memory / 4 * 3) return TL_OK;
  return tl_fail(err, TL_MEMORY, "the side %s has %lld rows, which need %lld MB; --memory is %lld MB", name, (long long)rows, (long long)(needed / 1000000 + 1),
                 (long long)(run->options.memory / 1000000));
}

static int64_t age_limit(const tl_run *run, const tl_side *side) {
  tl_time_unit unit = run->input.order_unit;
  if (side->within <= 0) return INT64_MAX;
  double limit = unit == TL_UNIT_DAY ? side->within / 86400 : unit == TL_UNIT_NONE ? side->within : side->within * (double)(tl_units_a_day(unit) / 86400);
  return limit < 9e18 ? (int64_t)limit : INT64_MAX;
}

/* What the run before had of a side, if this one goes on from it: its series into room for `rows` rows, and its record. */
static tl_status known_series(tl_run *run, int index, tl_buffer *old, const double **record, tl_error *err) {
  const tl_ledger_side *known = &run->update.old.sides[index];
  tl_side_series *s = &run->sides[index];
  TL_TRY(tl_buffer_reserve(old, (size_t)known->series.size + 1, err));
  TL_TRY(tl__update_read(run, &known->series, old->data, err));
  const double *values = (const double *)(const void *)old->data;
  memcpy(s->order, values, (size_t)known->rows * 8);
  for (int i = 0; i < s->export_count; i++) memcpy(s->exports[i], values + (i + 1) * known->rows, (size_t)known->rows * 8);
  *record = values + (s->export_count + 1) * known->rows;
  return TL_OK;
}

/* Whether the ledger has the side as this run means it. */
static bool is_known(const tl_run *run, int index) {
  const tl_update *u = &run->update;
  const tl_resume *r = &u->side_resumes[index];
  if (!u->going_on || (size_t)index >= u->old.side_count || r->why_not != NULL) return false;
  const tl_ledger_side *k = &u->old.sides[index];
  return k->series.file >= 0 && k->layout == r->layout && k->rows >= 0 && k->rows < INT64_MAX / 4096 &&
         k->series.size == 8 * (k->rows * (run->side_plans[index].export_count + 1) + tl_resume_size(r, k->rows));
}

/* A side that was computed from its first row on must begin as it did; and no row of it may be news to rows that were computed. */
static tl_status compare_known(tl_run *run, int index, tl_error *err) {
  const tl_side_series *s = &run->sides[index];
  TL_OWNED(tl_buffer) old = {.env = run->env};
  if (!run->update.going_on) return TL_OK;
  if (!is_known(run, index)) {
    tl__update_decline(run, "a side has no state");
    return TL_OK;
  }
  const tl_ledger_side *known = &run->update.old.sides[index];
  TL_TRY(tl_buffer_reserve(&old, (size_t)known->series.size + 1, err));
  TL_TRY(tl__update_read(run, &known->series, old.data, err));
  const uint8_t *values = old.data;
  size_t size = (size_t)known->rows * 8;
  bool same = s->rows >= known->rows && memcmp(s->order, values, size) == 0;
  for (int i = 0; same && i < s->export_count; i++) same = memcmp(s->exports[i], values + (size_t)(i + 1) * size, size) == 0;
  if (!same) tl__update_decline(run, "rows of a side were corrected");
  return TL_OK;
}

/* A row of a side that comes late would have been seen by rows that are computed already. */
static void refuse_late_rows(tl_run *run, int index) {
  const tl_side_series *s = &run->sides[index];
  if (!run->update.going_on || !is_known(run, index)) return;
  int64_t known = run->update.old.sides[index].rows;
  if (known < s->rows && s->order[known] <= run->update.old.latest) tl__update_decline(run, "rows of a side came late");
}

/* Rows of the side from `known` on are those of `stream`; those before are in the ledger. */
static tl_status compute(tl_run *run, int index, const tl_input_set *set, tl_load *load, const tl_loaded_stream *stream, int64_t known, tl_error *err) {
  tl_side_series *s = &run->sides[index];
  tl_plan *plan = &run->side_plans[index];
  tl_resume *resume = &run->update.side_resumes[index];
  TL_OWNED(tl_engine) engine = {0};
  TL_OWNED(tl_buffer) old = {.env = run->env};
  const double **inputs, *before = NULL;
  TL_TRY(tl__side_room(run, index, known + stream->rows, err));
  if (known > 0) TL_TRY(known_series(run, index, &old, &before, err));
  TL_TRY(tl__side_order(run, s, set->order_unit, load->order + stream->at, known, s->rows, err));
  TL_TRY(tl_engine_open(&engine, run->env, plan, run->isa, run->options.tile_rows, NULL, err));
  engine.span_limit = run->options.memory / 8;
  TL_TRY(tl_arena_take(&run->arena, &inputs, (size_t)plan->input_count + 1, sizeof *inputs, err));
  for (int i = 0; i < plan->input_count; i++) inputs[i] = load->columns[i] + stream->at;
  tl_lane_stream lane = {.rows = s->rows, .first = known, .order = load->order + stream->at, .inputs = inputs, .results = s->exports, .before = before};
  if (run->update.keeps && resume->why_not == NULL) {
    TL_TRY(tl_allocate_zeroed(run->env, &run->update.side_records[index], (size_t)tl_resume_size(resume, s->rows) + 1, sizeof(double), err));
    lane.record = run->update.side_records[index];
    TL_TRY(tl_engine_keep(&engine, resume, err));
    tl_engine_resume(&engine, &lane, 1, known);
  }
  TL_TRY(tl_engine_run_rows(&engine, &lane, 1, known, s->rows, err));
  if (known == 0) TL_TRY(compare_known(run, index, err)); /* from elsewhere, or read whole */
  refuse_late_rows(run, index);
  return TL_OK;
}

static void report_side_file(void *context, const char *file, const char *stream, const tl_error *why) {
  (void)file, (void)stream;
  tl__run_warn(context, "side: %s", why->text);
}

tl_status tl__side_gather(tl_run *run, int index, tl_input_set *set, const tl_stream *const *streams, size_t count, tl_spill *spill, tl_error *err) {
  const tl_plan *plan = &run->side_plans[index];
  int32_t *range_of, *slot_of;
  TL_TRY(tl_arena_take(&run->arena, &range_of, set->stream_count, sizeof *range_of, err));
  TL_TRY(tl_arena_take(&run->arena, &slot_of, set->stream_count, sizeof *slot_of, err));
  for (size_t i = 0; i < set->stream_count; i++) range_of[i] = -1;
  for (size_t i = 0; i < count; i++)
    if (streams[i] != NULL) range_of[streams[i] - set->streams] = (int32_t)i;
  *spill = (tl_spill){.env = run->env,
                      .set = set,
                      .inputs = plan->inputs,
                      .input_count = plan->input_count,
                      .as_time = plan->as_time,
                      .range_of = range_of,
                      .slot_of = slot_of,
                      .range_count = (int)count,
                      .page_limit = run->page_limit,
                      .batch_rows = 65536,
                      .path = run->target.scratch,
                      .report = report_side_file,
                      .report_context = run};
  TL_TRY(tl_spill_open(spill, err));
  return tl_spill_run(spill, run->options.threads, err);
}

uint64_t tl__side_fingerprint(const tl_input_set *set, const tl_stream *stream) {
  uint64_t hash = 0;
  size_t count = set->part_count > 0 ? stream->part_count : set->dataset.count;
  for (size_t i = 0; i < count; i++) {
    uint64_t parts[] = {hash, tl_input_fingerprint(set, set->part_count > 0 ? set->parts[stream->parts + i].file : (int32_t)i)};
    hash = XXH3_64bits(parts, sizeof parts);
  }
  return hash;
}

static tl_status plan_side(tl_run *run, int index, tl_input_set *set, bool lone, tl_error *err) {
  const tl_side *side = &run->definition->sides[index];
  tl_side_series *s = &run->sides[index];
  tl_plan *plan = &run->side_plans[index];
  s->stream = tl_stream_find(set, side->value, lone);
  bool usable = s->stream != NULL && !s->stream->failed;
  for (size_t i = 0; !usable && i < set->dataset.count; i++) /* it may be in a file that could not be read */
    if (set->files[i].failed) return tl_fail(err, set->files[i].status, "the side %s: its stream cannot be read: %s", side->name, set->files[i].error);
  if (s->stream == NULL)
    return tl_fail(err, TL_DEFINITION, "the side %s: %s has no stream \"%s\"%s; --side %s=PATH names another dataset", side->name, set->dataset.root,
                   side->value ? side->value : "(one stream)", set->where != NULL ? " among the rows that --where selects" : "", side->name);
  if (!usable) return tl_fail(err, TL_CORRUPT, "the side %s: its stream has failed", side->name);
  s->rows = s->stream->rows;
  s->made_from = tl__side_fingerprint(set, s->stream);
  TL_TRY(tl_plan_make(plan, run->env, run->definition, index + 1, run->selected, s->rows, set->order_unit, set->units, err));
  TL_TRY(tl_resume_make(&run->update.side_resumes[index], run->env, plan, err));
  return tl__side_fits(run, index, s->rows, s->rows, err);
}

/* From the files, or from scattered rows that were put together. */
static tl_status load_side(tl_run *run, int index, const tl_input_set *set, const tl_spill *spill, int32_t range, tl_error *err) {
  const tl_side *side = &run->definition->sides[index];
  const tl_plan *plan = &run->side_plans[index];
  TL_OWNED(tl_load) load = {0};
  TL_TRY(tl_load_open(&load, run->env, set, plan->inputs, plan->input_count, plan->as_time, run->options.on_duplicate, spill, run->page_limit, err));
  tl_loaded_stream loaded = {.stream = run->sides[index].stream};
  TL_TRY(tl_load_streams(&load, &loaded, 1, range, err));
  if (loaded.failed) return tl_fail(err, loaded.error.status, "the side %s: %s", side->name, loaded.error.text);
  return compute(run, index, set, &load, &loaded, 0, err);
}

/* The new rows of a side among the streams of an update that goes on; or none. */
static tl_status load_new_rows(tl_run *run, int index, const tl_spill *spill, int32_t range, tl_error *err) {
  const tl_plan *plan = &run->side_plans[index];
  tl_loaded_stream loaded = {.stream = run->sides[index].stream};
  TL_OWNED(tl_load) load = {0};
  TL_TRY(tl_load_open(&load, run->env, &run->input, plan->inputs, plan->input_count, plan->as_time, run->options.on_duplicate, spill, run->page_limit, err));
  if (loaded.stream != NULL) TL_TRY(tl_load_streams(&load, &loaded, 1, range, err));
  if (loaded.failed) return tl_fail(err, loaded.error.status, "the side %s: %s", run->definition->sides[index].name, loaded.error.text);
  return compute(run, index, &run->input, &load, &loaded, run->update.old.sides[index].rows, err);
}

static bool is_whole(const tl_run *run, const tl_stream *stream) {
  return !run->update.going_on || (stream != NULL && run->update.streams[stream - run->input.streams].whole);
}

/* A side that is a stream of the input, or that the input has no new rows of. */
static tl_status own_side(tl_run *run, int index, tl_error *err) {
  const tl_side *side = &run->definition->sides[index];
  tl_side_series *s = &run->sides[index];
  tl_plan *plan = &run->side_plans[index];
  s->stream = tl_stream_find(&run->input, side->value, false);
  bool whole = is_whole(run, s->stream);
  if (whole) {
    TL_TRY(plan_side(run, index, &run->input, false, err));
  } else {
    int64_t known = (size_t)index < run->update.old.side_count ? run->update.old.sides[index].rows : 0, rows = s->stream != NULL ? s->stream->rows : 0;
    TL_TRY(tl_plan_make(plan, run->env, run->definition, index + 1, run->selected, known + rows, run->input.order_unit, run->input.units, err));
    TL_TRY(tl_resume_make(&run->update.side_resumes[index], run->env, plan, err));
    if (!is_known(run, index)) {
      tl__update_decline(run, "a side has no state");
      return TL_OK;
    }
  }
  s->waits = run->input.scattered && s->stream != NULL;
  if (s->waits || run->options.dry_run) return TL_OK;
  return whole ? load_side(run, index, &run->input, NULL, 0, err) : load_new_rows(run, index, NULL, 0, err);
}

/* Which sides do the wanted outputs read, and which of their inputs? */
static tl_status side_inputs(tl_run *run, int index, bool *needed, bool *used, tl_error *err) {
  const tl_definition *d = run->definition;
  bool *reached;
  TL_TRY(tl_arena_take(&run->arena, &reached, d->graph.count + 1, sizeof *reached, err));
  tl__plan_reach(d, run->selected, NULL, reached);
  *used = false;
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    if (!reached[i] || n->frame != index + 1) continue;
    *used = true;
    if (n->kind == TL_NODE_COLUMN && n->column >= 0) needed[n->column] = true;
  }
  return TL_OK;
}

static tl_status foreign_side(tl_run *run, int index, tl_input_set *set, tl_error *err) {
  TL_OWNED(tl_spill) spill = {0};
  if (run->definition->sides[index].picked_by >= 0) return tl__side_streams(run, index, set, err);
  TL_TRY(plan_side(run, index, set, true, err));
  if (run->options.dry_run) return TL_OK;
  if (set->scattered) TL_TRY(tl__side_gather(run, index, set, &run->sides[index].stream, 1, &spill, err));
  return load_side(run, index, set, set->scattered ? &spill : NULL, 0, err);
}

static tl_status one_side(tl_run *run, int index, tl_error *err) {
  const tl_side *side = &run->definition->sides[index];
  tl_side_series *s = &run->sides[index];
  bool *needed, used;
  TL_TRY(tl_arena_take(&run->arena, &needed, run->definition->input_count + 1, sizeof *needed, err));
  s->within = age_limit(run, side);
  s->before = side->before;
  TL_TRY(side_inputs(run, index, needed, &used, err));
  if (!used) return TL_OK;
  const char *path = side_path(run, side->name);
  if (path == NULL) return side->picked_by >= 0 ? tl__side_streams(run, index, &run->input, err) : own_side(run, index, err);
  tl_input_set set;
  tl_input_options options = {.keys = run->options.keys,
                              .key_count = run->options.key_count,
                              .needed = needed,
                              .is_side = true,
                              .report = report_side_file,
                              .report_context = run,
                              .page_limit = run->page_limit,
                              .part_bytes = run->options.memory / 16};
  TL_TRY(tl_input_open(&set, run->env, run->definition, path, &options, err));
  tl_status status = foreign_side(run, index, &set, err);
  tl_input_free(&set);
  s->stream = NULL;
  return status;
}

tl_status tl__run_sides(tl_run *run, tl_error *err) {
  const tl_definition *d = run->definition;
  TL_TRY(tl_allocate_zeroed(run->env, &run->sides, (size_t)d->side_count + 1, sizeof *run->sides, err));
  TL_TRY(tl_allocate_zeroed(run->env, &run->side_plans, (size_t)d->side_count + 1, sizeof *run->side_plans, err));
  TL_TRY(tl_arena_take(&run->arena, &run->update.side_resumes, (size_t)d->side_count + 1, sizeof *run->update.side_resumes, err));
  TL_TRY(tl_arena_take(&run->arena, &run->update.side_records, (size_t)d->side_count + 1, sizeof *run->update.side_records, err));
  for (int i = 0; i < d->side_count; i++) TL_TRY(one_side(run, i, err));
  return TL_OK;
}

tl_status tl__run_waiting_sides(tl_run *run, tl_error *err) {
  for (int i = 0; i < run->definition->side_count; i++) {
    const tl_side_series *s = &run->sides[i];
    if (!s->waits) continue;
    int32_t range = run->alone_of[s->stream - run->input.streams];
    if (is_whole(run, s->stream))
      TL_TRY(load_side(run, i, &run->input, &run->spill, range, err));
    else
      TL_TRY(load_new_rows(run, i, &run->spill, range, err));
  }
  return TL_OK;
}

tl_status tl__run_side_files(const tl_run *run, int side, uint64_t *out, tl_error *err) {
  TL_OWNED(tl_dataset) files = {0};
  const char *path = side_path(run, run->definition->sides[side].name);
  *out = 0;
  if (path == NULL) return TL_OK;
  TL_TRY(tl_dataset_list(&files, run->env, path, err));
  for (size_t i = 0; i < files.count; i++) {
    tl_file_info info;
    TL_TRY(run->env->info(run->env, files.files[i].path, &info, err));
    uint64_t parts[] = {*out, tl_file_fingerprint(files.files[i].name, &info)};
    *out = XXH3_64bits(parts, sizeof parts);
  }
  return TL_OK;
}
