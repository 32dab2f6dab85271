#include "trade/trades.h"
#include <stdlib.h>
#include <string.h>
#include "column/compare.h"

void tl_stretch_trades_free(tl_stretch_trades *s) {
  if (s->env == NULL) return;
  for (int k = 0; s->keys != NULL && k < s->key_count; k++) tl_column_free(&s->keys[k]);
  tl_release(s->env, s->keys);
  tl_release(s->env, s->trades);
  tl_release(s->env, s->stream_rows);
  tl_release(s->env, s->stream_days);
  *s = (tl_stretch_trades){0};
}

/* ---- order ---- */

int tl_streams_compare(const tl_stretch_trades *a, int64_t i, const tl_stretch_trades *b, int64_t j) {
  for (int k = 0; k < a->key_count; k++) {
    bool x = tl_column_is_valid(&a->keys[k], i), y = tl_column_is_valid(&b->keys[k], j);
    int order = x && y ? tl_column_compare(&a->keys[k], i, &b->keys[k], j) : y - x;
    if (order != 0) return order;
  }
  return 0;
}

/* Streams of a stretch in the order of their keys: mostly that of the file. */
static int by_key(const void *a, const void *b, void *stretch) {
  const tl_stretch_trades *s = stretch;
  int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  int order = tl_streams_compare(s, i, s, j);
  return order != 0 ? order : i < j ? -1 : i > j;
}

static bool in_key_order(const tl_stretch_trades *s) {
  for (int64_t i = 1; i < s->streams; i++)
    if (tl_streams_compare(s, i - 1, s, i) > 0) return false;
  return true;
}

/* The stretch's trades by stream, each stream's as they were made. */
static tl_status place_stretch(tl_env *env, const tl_stretch_trades *s, uint32_t number, tl_trade_place *out, tl_error *err) {
  TL_OWNED(tl_buffer) memory = {.env = env};
  size_t streams = (size_t)s->streams;
  TL_TRY(tl_buffer_reserve(&memory, (2 * streams + 2) * sizeof(int64_t), err));
  int64_t *at = (int64_t *)(void *)memory.data, *order = at + streams + 1;
  memset(at, 0, (streams + 1) * sizeof *at);
  for (size_t i = 0; i < s->count; i++) at[s->trades[i].stream]++;
  for (size_t i = 0; i < streams; i++) order[i] = (int64_t)i;
  if (!in_key_order(s)) qsort_r(order, streams, sizeof *order, by_key, (void *)(uintptr_t)s);
  int64_t sum = 0;
  for (size_t i = 0; i < streams; i++) {
    int64_t count = at[order[i]];
    at[order[i]] = sum;
    sum += count;
  }
  for (size_t i = 0; i < s->count; i++)
    out[at[s->trades[i].stream]++] = (tl_trade_place){.exit_time = s->trades[i].exit_time, .stretch = number, .index = (uint32_t)i};
  return TL_OK;
}

/* By time, what is equal stays as it is: digits of eleven bits above the least. */
static tl_status sort_by_time(tl_env *env, tl_trade_place *places, size_t count, tl_error *err) {
  enum { BITS = 11, SIZE = 1 << BITS };
  TL_OWNED(tl_buffer) memory = {.env = env};
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (size_t i = 0; i < count; i++) {
    if (places[i].exit_time < low) low = places[i].exit_time;
    if (places[i].exit_time > high) high = places[i].exit_time;
  }
  if (count < 2 || low == high) return TL_OK;
  TL_TRY(tl_buffer_reserve(&memory, count * sizeof *places, err));
  tl_trade_place *from = places, *to = (tl_trade_place *)(void *)memory.data;
  uint64_t range = (uint64_t)high - (uint64_t)low;
  for (int shift = 0; shift < 64 && range >> shift > 0; shift += BITS) {
    size_t counts[SIZE] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++) counts[((uint64_t)from[i].exit_time - (uint64_t)low) >> shift & (SIZE - 1)]++;
    for (int i = 0; i < SIZE; i++) {
      size_t n = counts[i];
      counts[i] = sum;
      sum += n;
    }
    for (size_t i = 0; i < count; i++) to[counts[((uint64_t)from[i].exit_time - (uint64_t)low) >> shift & (SIZE - 1)]++] = from[i];
    tl_trade_place *swap = from;
    from = to;
    to = swap;
  }
  if (from != places) memcpy(places, from, count * sizeof *places);
  return TL_OK;
}

typedef struct all {
  const tl_stretch_trades *stretches;
} all;

static int by_stream(const void *a, const void *b, void *context) {
  const tl_stretch_trades *stretches = ((const all *)context)->stretches;
  const tl_trade_place *x = a, *y = b;
  const tl_stretch_trades *s = &stretches[x->stretch], *t = &stretches[y->stretch];
  int order = tl_streams_compare(s, s->trades[x->index].stream, t, t->trades[y->index].stream);
  if (order != 0) return order;
  if (x->stretch != y->stretch) return x->stretch < y->stretch ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

/* Whether each stretch's streams come after those of the stretch before it. */
static bool are_in_order(const tl_stretch_trades *stretches, size_t count) {
  const tl_stretch_trades *last = NULL;
  for (size_t i = 0; i < count; i++) {
    if (stretches[i].streams == 0) continue;
    if (!in_key_order(&stretches[i])) return false;
    if (last != NULL && tl_streams_compare(last, last->streams - 1, &stretches[i], 0) > 0) return false;
    last = &stretches[i];
  }
  return true;
}

tl_status tl_trades_order(tl_env *env, const tl_stretch_trades *stretches, size_t count, tl_trade_place **out, size_t *trades, tl_error *err) {
  size_t at = 0;
  *trades = 0;
  for (size_t i = 0; i < count; i++) *trades += stretches[i].count;
  TL_TRY(tl_allocate(env, out, *trades + 1, sizeof **out, err));
  tl_status status = TL_OK;
  for (size_t i = 0; i < count && status == TL_OK; at += stretches[i++].count) status = place_stretch(env, &stretches[i], (uint32_t)i, *out + at, err);
  if (status == TL_OK && !are_in_order(stretches, count)) qsort_r(*out, *trades, sizeof **out, by_stream, &(all){stretches});
  if (status == TL_OK) status = sort_by_time(env, *out, *trades, err);
  if (status == TL_OK) return TL_OK;
  tl_release(env, *out);
  *out = NULL;
  return status;
}

/* ---- the file ---- */

enum { NUMBERS = 5 };

void tl_trade_sink_free(tl_trade_sink *s) {
  if (s->env == NULL) return;
  tl_batch_free(&s->batch);
  tl_sink_free(&s->sink);
  tl_arena_free(&s->arena);
  *s = (tl_trade_sink){0};
}

static tl_status open_sink(tl_trade_sink *s, const char *path, const tl_tape *tape, tl_error *err) {
  static const char *const names[NUMBERS] = {"entry_timestamp", "exit_timestamp", "entry_price", "exit_price", "pnl"};
  int keys = tape->key_count;
  TL_TRY(tl_arena_take(&s->arena, &s->schema.children, (size_t)keys + NUMBERS, sizeof *s->schema.children, err));
  s->schema.name = "trades";
  s->schema.shape = TL_SHAPE_STRUCT;
  s->schema.child_count = keys + NUMBERS;
  for (int i = 0; i < keys + NUMBERS; i++) {
    tl_schema *c = &s->schema.children[i];
    *c = (tl_schema){.shape = TL_SHAPE_VALUE};
    if (i < keys) {
      c->field = tape->key_fields[i];
      c->name = tape->definition->keys[i];
      c->nullable = true;
    } else {
      c->name = names[i - keys];
      c->field.physical = i < keys + 2 ? TL_PHYSICAL_INT64 : TL_PHYSICAL_DOUBLE;
    }
    c->field.name = c->name;
  }
  tl_schema_number(&s->schema);
  tl_sorting sorting = {.column = keys + 1};
  tl_sink_style style = {.sorting = &sorting, .sorting_count = 1};
  TL_TRY(tl_sink_open(&s->sink, s->env, path, &s->schema, &style, err));
  return tl_batch_open(&s->batch, s->env, &s->schema, err);
}

tl_status tl_trade_sink_open(tl_trade_sink *out, tl_env *env, const char *path, const tl_tape *tape, tl_error *err) {
  *out = (tl_trade_sink){.env = env, .arena = {.env = env}};
  tl_status status = open_sink(out, path, tape, err);
  if (status != TL_OK) tl_trade_sink_free(out);
  return status;
}

static tl_status append(tl_array *a, const void *value, tl_error *err) {
  TL_TRY(tl_column_append_bytes(&a->column, (tl_bytes){value, 8}, err));
  a->count = a->column.count;
  return TL_OK;
}

static tl_status add_trade(tl_trade_sink *s, const tl_stretch_trades *from, const tl_trade *t, tl_error *err) {
  const void *numbers[NUMBERS] = {&t->entry_time, &t->exit_time, &t->entry_price, &t->exit_price, &t->pnl};
  for (int k = 0; k < from->key_count; k++) {
    tl_array *a = &s->batch.columns[k];
    TL_TRY(tl_column_append(&a->column, &from->keys[k], t->stream, 1, err));
    a->count = a->column.count;
    a->null_count = a->column.null_count;
  }
  for (int i = 0; i < NUMBERS; i++) TL_TRY(append(&s->batch.columns[from->key_count + i], numbers[i], err));
  s->batch.rows++;
  return TL_OK;
}

tl_status tl_trade_sink_put(tl_trade_sink *s, const tl_stretch_trades *stretches, const tl_trade_place *order, size_t count, tl_error *err) {
  enum { STEP = 8192 };
  for (size_t i = 0; i < count; i++) {
    const tl_stretch_trades *from = &stretches[order[i].stretch];
    TL_TRY(add_trade(s, from, &from->trades[order[i].index], err));
    if (s->batch.rows < STEP && i + 1 < count) continue;
    TL_TRY(tl_sink_put(&s->sink, &s->batch, 0, s->batch.rows, err));
    TL_TRY(tl_batch_clear(&s->batch, err));
  }
  return TL_OK;
}

tl_status tl_trade_sink_finish(tl_trade_sink *s, tl_error *err) { return tl_sink_finish(&s->sink, err); }
