#include "run/calendar.h"
#include <string.h>

static int64_t record_size(const tl_calendars *c, int64_t rows) { return c->engine.resume != NULL ? tl_resume_size(c->engine.resume, rows) : 0; }

/* Its rows; what is left is ready to be taken again. */
static void clear(tl_calendars *c, tl_calendar *k) {
  for (int e = 0; k->values != NULL && k->value_capacity != NULL && e < c->plan->export_count; e++) {
    tl_release(c->env, k->values[e]);
    k->values[e] = NULL;
    k->value_capacity[e] = 0;
  }
  tl_release(c->env, k->order);
  tl_release(c->env, k->record);
  *k = (tl_calendar){.values = k->values, .value_capacity = k->value_capacity};
}

void tl_calendars_free(tl_calendars *c) {
  if (c->env == NULL) return;
  for (int i = 0; i < TL_CALENDARS; i++) {
    clear(c, &c->all[i]);
    tl_release(c->env, c->all[i].values);
    tl_release(c->env, c->all[i].value_capacity);
  }
  tl_engine_free(&c->engine);
  *c = (tl_calendars){0};
}

static tl_status open_all(tl_calendars *c, const tl_resume *resume, tl_isa isa, int tile_rows, const tl_side_series *sides, tl_error *err) {
  TL_TRY(tl_engine_open(&c->engine, c->env, c->plan, isa, tile_rows, sides, err));
  if (resume != NULL) TL_TRY(tl_engine_keep(&c->engine, resume, err));
  for (int i = 0; i < TL_CALENDARS; i++) {
    TL_TRY(tl_allocate_zeroed(c->env, &c->all[i].values, (size_t)c->plan->export_count + 1, sizeof(double *), err));
    TL_TRY(tl_allocate_zeroed(c->env, &c->all[i].value_capacity, (size_t)c->plan->export_count + 1, sizeof(size_t), err));
  }
  return TL_OK;
}

tl_status tl_calendars_open(tl_calendars *out, tl_env *env, const tl_plan *plan, const tl_resume *resume, tl_isa isa, int tile_rows,
                            const tl_side_series *sides, int64_t limit, tl_error *err) {
  *out = (tl_calendars){.env = env, .plan = plan, .limit = limit};
  tl_status status = open_all(out, resume, isa, tile_rows, sides, err);
  if (status != TL_OK) tl_calendars_free(out);
  return status;
}

/* Values at a row depend on rows up to it, so that a longer calendar serves; but a record is that of its last row. */
static bool serves(const tl_calendars *c, const tl_calendar *k, const tl_calendar_wanted *w) {
  if (k->used == 0 || k->first != w->first || k->rows < w->rows || (k->rows > w->rows && c->engine.resume != NULL)) return false;
  if (w->first > 0 && (k->before.file != w->before.file || k->before.offset != w->before.offset)) return false;
  return memcmp(k->order, w->order, (size_t)(w->rows - w->first) * sizeof *w->order) == 0;
}

static tl_calendar *find(tl_calendars *c, const tl_calendar_wanted *w) {
  for (int i = 0; i < TL_CALENDARS; i++)
    if (serves(c, &c->all[i], w)) return &c->all[i];
  return NULL;
}

static int64_t bytes_of(const tl_calendars *c, const tl_calendar *k) {
  int64_t bytes = 8 * (int64_t)(k->order_capacity + k->record_capacity);
  for (int e = 0; e < c->plan->export_count; e++) bytes += 8 * (int64_t)k->value_capacity[e];
  return bytes;
}

/* Those that were not looked for just now go, the oldest first, until the rest takes no more than it may. */
static void trim(tl_calendars *c) {
  for (;;) {
    int64_t bytes = 0;
    tl_calendar *oldest = NULL;
    for (int i = 0; i < TL_CALENDARS; i++) {
      tl_calendar *k = &c->all[i];
      if (k->used == c->now || k->order == NULL) continue;
      bytes += bytes_of(c, k);
      if (oldest == NULL || k->used < oldest->used) oldest = k;
    }
    if (bytes <= c->limit) return;
    clear(c, oldest);
  }
}

/* The one that was not looked for the longest, with room for what is wanted. */
static tl_status take(tl_calendars *c, const tl_calendar_wanted *w, tl_calendar **out, tl_error *err) {
  tl_calendar *k = &c->all[0];
  size_t rows = (size_t)(w->rows - w->first);
  for (int i = 1; i < TL_CALENDARS; i++)
    if (c->all[i].used < k->used) k = &c->all[i];
  k->used = 0;
  TL_TRY(tl_renew(c->env, &k->order, &k->order_capacity, rows + 1, sizeof *k->order, err));
  for (int e = 0; e < c->plan->export_count; e++) TL_TRY(tl_renew(c->env, &k->values[e], &k->value_capacity[e], rows + 1, sizeof(double), err));
  if (c->engine.resume != NULL) TL_TRY(tl_renew(c->env, &k->record, &k->record_capacity, (size_t)record_size(c, w->rows) + 1, sizeof(double), err));
  memcpy(k->order, w->order, rows * sizeof *k->order);
  k->first = w->first, k->rows = w->rows;
  k->before = w->before;
  k->place = (tl_ledger_place){.file = -1};
  *out = k;
  return TL_OK;
}

/* New ones, abreast. */
static tl_status compute(tl_calendars *c, tl_calendar *const *fresh, int count, tl_calendar_read read, const void *context, tl_error *err) {
  tl_lane_stream lanes[TL_LANES];
  int64_t first = fresh[0]->first, last = first, size = record_size(c, first);
  TL_OWNED(tl_arena) arena = {.env = c->env};
  for (int l = 0; l < count; l++) {
    const tl_calendar *k = fresh[l];
    double *before = NULL;
    if (first > 0) {
      if (k->before.size != 8 * size) return tl_fail(err, TL_NOT_FOUND, "the state of the run before is of another size");
      TL_TRY(tl_arena_take(&arena, &before, (size_t)size + 1, sizeof *before, err));
      TL_TRY(read(context, &k->before, before, err));
    }
    lanes[l] =
        (tl_lane_stream){.rows = k->rows, .first = first, .result = first, .order = k->order, .results = k->values, .before = before, .record = k->record};
    if (k->rows > last) last = k->rows;
  }
  if (first > 0) tl_engine_resume(&c->engine, lanes, count, first);
  return tl_engine_run_rows(&c->engine, lanes, count, first, last, err);
}

tl_status tl_calendars_find(tl_calendars *c, const tl_calendar_wanted *wanted, int count, tl_calendar_read read, const void *context, tl_calendar **out,
                            tl_error *err) {
  tl_calendar *fresh[TL_LANES] = {0};
  int fresh_count = 0;
  c->now++;
  for (int l = 0; l < count; l++) {
    out[l] = find(c, &wanted[l]);
    if (out[l] != NULL) out[l]->used = c->now;
  }
  trim(c);
  tl_status status = TL_OK;
  for (int l = 0; l < count; l++) {
    if (out[l] == NULL) out[l] = find(c, &wanted[l]); /* another lane's, by now */
    if (out[l] != NULL) continue;
    status = take(c, &wanted[l], &out[l], err);
    if (status != TL_OK) break;
    fresh[fresh_count++] = out[l];
    out[l]->used = c->now;
  }
  if (status == TL_OK && fresh_count > 0) status = compute(c, fresh, fresh_count, read, context, err);
  for (int i = 0; status != TL_OK && i < fresh_count; i++) fresh[i]->used = 0; /* not computed, so it serves nobody */
  return status;
}
