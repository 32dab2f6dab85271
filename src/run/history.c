#include "run/history.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"

enum { LOOKED_AT = 10, ENOUGH = 3 };

void tl_history_free(tl_history *h) {
  if (h->arena.env != NULL) tl_arena_free(&h->arena);
  *h = (tl_history){0};
}

typedef struct reader {
  tl_history *history;
  const char *folder;
  size_t capacity;
} reader;

static tl_status copy(tl_arena *arena, const char **out, const json_t *record, const char *key, tl_error *err) {
  const char *text = json_string_value(json_object_get(record, key));
  return tl_arena_text(arena, out, text ? text : "", text ? strlen(text) : 0, err);
}

static tl_status take(tl_history *h, const json_t *record, tl_error *err) {
  tl_past_run *r = &h->runs[h->count];
  const json_t *wall = json_object_get(json_object_get(record, "time"), "wall_s");
  *r = (tl_past_run){.started_at_ns = json_integer_value(json_object_get(record, "started_at_ns")),
                     .rows = json_integer_value(json_object_get(record, "rows")),
                     .streams = json_integer_value(json_object_get(record, "streams")),
                     .exit_code = json_integer_value(json_object_get(record, "exit_code")),
                     .threads = json_integer_value(json_object_get(record, "threads")),
                     .peak_resident = json_integer_value(json_object_get(json_object_get(record, "memory"), "peak_resident")),
                     .wall_s = json_number_value(wall),
                     .went_on = json_is_true(json_object_get(json_object_get(record, "update"), "went_on"))};
  TL_TRY(copy(&h->arena, &r->definition, record, "definition", err));
  TL_TRY(copy(&h->arena, &r->work, record, "work", err));
  TL_TRY(copy(&h->arena, &r->isa, record, "isa", err));
  h->count += r->started_at_ns > 0 && json_is_number(wall);
  return TL_OK;
}

static tl_status read_entry(void *context, const char *name, tl_error *err) {
  reader *r = context;
  tl_history *h = r->history;
  TL_OWNED(tl_arena) arena = {.env = h->arena.env};
  TL_OWNED(tl_buffer) text = {.env = h->arena.env};
  const char *path;
  size_t size = strlen(name);
  if (size < 5 || strcmp(name + size - 5, ".json") != 0) return TL_OK;
  TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", r->folder, name));
  TL_TRY(tl_file_read(&text, path, err));
  TL_TRY(tl_reserve(h->arena.env, &h->runs, &r->capacity, h->count + 1, sizeof *h->runs, err));
  json_t *record = json_loadb((const char *)text.data, text.size, 0, NULL);
  tl_status status = take(h, record, err);
  json_decref(record);
  return status;
}

static int by_start(const void *a, const void *b) {
  const tl_past_run *x = a, *y = b;
  return (x->started_at_ns > y->started_at_ns) - (x->started_at_ns < y->started_at_ns);
}

static int by_value(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

static bool is_same_work(const tl_past_run *a, const tl_past_run *b) {
  int64_t off = a->rows > b->rows ? a->rows - b->rows : b->rows - a->rows;
  return strcmp(a->work, b->work) == 0 && strcmp(a->isa, b->isa) == 0 && a->threads == b->threads && a->went_on == b->went_on && off <= b->rows / 10 &&
         a->exit_code == b->exit_code;
}

static void compare(tl_history *h, size_t index) {
  tl_past_run *r = &h->runs[index];
  double walls[LOOKED_AT];
  for (size_t i = index; i-- > 0 && r->before < LOOKED_AT;)
    if (is_same_work(&h->runs[i], r)) walls[r->before++] = h->runs[i].wall_s;
  if (r->before == 0) return;
  qsort(walls, (size_t)r->before, sizeof *walls, by_value);
  r->median_s = r->before % 2 ? walls[r->before / 2] : (walls[r->before / 2 - 1] + walls[r->before / 2]) / 2;
  r->slower = r->before >= ENOUGH && r->wall_s > 1.25 * r->median_s;
}

tl_status tl_history_read(tl_history *out, tl_env *env, const char *folder, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  reader r = {.history = out};
  tl_past_run *runs;
  *out = (tl_history){.arena = {.env = env}};
  TL_TRY(tl_arena_format(&arena, &r.folder, err, "%s/_tickloom/runs", folder));
  tl_status status = env->list(env, r.folder, read_entry, &r, err);
  if (status == TL_OK && out->count == 0) status = TL_NOT_FOUND;
  if (status == TL_NOT_FOUND) tl_fail(err, TL_NOT_FOUND, "%s: no records of runs (in _tickloom/runs)", folder);
  if (status == TL_OK) status = tl_arena_take(&out->arena, &runs, out->count, sizeof *runs, err);
  if (status == TL_OK) memcpy(runs, out->runs, out->count * sizeof *runs);
  tl_release(env, out->runs);
  out->runs = status == TL_OK ? runs : NULL;
  if (status != TL_OK) {
    tl_history_free(out);
    return status;
  }
  qsort(out->runs, out->count, sizeof *out->runs, by_start);
  for (size_t i = 0; i < out->count; i++) compare(out, i);
  return TL_OK;
}
