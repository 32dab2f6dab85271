#include "lake/sorter.h"
#include <stdio.h>
#include <string.h>
#include "column/compare.h"
#include "lake/sink.h"
#include "parquet/rows.h"

enum { RUN_GROUP = 16384, RUN_PAGE = 4096, RUN_BATCH = 4096, LEAST_WAYS = 2, MOST_WAYS = 256, PICKS = 4096, PAGE_LIMIT = 256 << 20 };

typedef struct entry {
  uint64_t prefix; /* of the first key, in the order asked for */
  uint32_t row;
} entry;

struct tl_sorter {
  tl_env *env;
  const tl_schema *schema;
  const tl_sorting *keys;
  int key_count;
  int64_t memory;
  tl_arena arena;
  const char *prefix;
  tl_batch rows; /* not yet in a run */
  entry *order, *spare;
  size_t order_capacity, spare_capacity;
  bool exact;               /* equal prefixes are equal first keys */
  int first_run, run_count; /* runs first_run .. run_count - 1 are there */
};

tl_status tl_sorter_open(tl_sorter **out, tl_env *env, const char *prefix, const tl_schema *schema, const tl_sorting *keys, int key_count, int64_t memory,
                         tl_error *err) {
  tl_sorter *s;
  TL_TRY(tl_allocate_zeroed(env, &s, 1, sizeof *s, err));
  *s = (tl_sorter){.env = env, .schema = schema, .keys = keys, .key_count = key_count, .memory = memory, .arena = {.env = env}};
  tl_status status = tl_arena_text(&s->arena, &s->prefix, prefix, strlen(prefix), err);
  if (status == TL_OK) status = tl_batch_open(&s->rows, env, schema, err);
  if (status != TL_OK)
    tl_sorter_close(s);
  else
    *out = s;
  return status;
}

static void run_path(const tl_sorter *s, int run, char *out, size_t room) { snprintf(out, room, "%s%d", s->prefix, run); }

static void remove_run(tl_sorter *s, int run) {
  char path[4096];
  run_path(s, run, path, sizeof path);
  (void)s->env->remove(s->env, path, NULL);
}

void tl_sorter_close(tl_sorter *s) {
  if (s == NULL) return;
  for (int i = s->first_run; i < s->run_count; i++) remove_run(s, i);
  tl_batch_free(&s->rows);
  tl_release(s->env, s->order);
  tl_release(s->env, s->spare);
  tl_arena_free(&s->arena);
  tl_release(s->env, s);
}

/* ---- order ---- */

static int compare_key(const tl_sorting *key, const tl_column *a, int64_t i, const tl_column *b, int64_t j) {
  bool x = tl_column_is_valid(a, i), y = tl_column_is_valid(b, j);
  if (!x || !y) return y - x; /* missing ones come last, whatever the direction */
  int order = tl_column_compare(a, i, b, j);
  return key->descending ? -order : order;
}

/* By the keys from `first` on. */
static int compare_rows(const tl_sorter *s, int first, const tl_batch *a, int64_t i, const tl_batch *b, int64_t j) {
  for (int k = first; k < s->key_count; k++) {
    int column = s->keys[k].column, order = compare_key(&s->keys[k], &a->columns[column].column, i, &b->columns[column].column, j);
    if (order != 0) return order;
  }
  return 0;
}

static uint64_t prefix_of(const tl_sorter *s, int64_t row) {
  const tl_column *c = &s->rows.columns[s->keys[0].column].column;
  if (!tl_column_is_valid(c, row)) return UINT64_MAX;
  uint64_t prefix = tl_column_prefix(c, row);
  return s->keys[0].descending ? ~prefix : prefix;
}

static bool comes_after(const tl_sorter *s, const entry *a, const entry *b) {
  if (a->prefix != b->prefix) return a->prefix > b->prefix;
  return compare_rows(s, s->exact, &s->rows, a->row, &s->rows, b->row) > 0;
}

/* Bottom-up merge sort: stable, and nearly free for rows that are in order already. */
static tl_status sort_rows(tl_sorter *s, tl_error *err) {
  size_t count = (size_t)s->rows.rows;
  const tl_column *first = &s->rows.columns[s->keys[0].column].column;
  s->exact = first->null_count == 0 && tl_prefix_is_exact(&first->field);
  TL_TRY(tl_renew(s->env, &s->order, &s->order_capacity, count + 1, sizeof *s->order, err));
  TL_TRY(tl_renew(s->env, &s->spare, &s->spare_capacity, count + 1, sizeof *s->spare, err));
  for (size_t i = 0; i < count; i++) s->order[i] = (entry){prefix_of(s, (int64_t)i), (uint32_t)i};
  for (size_t width = 1; width < count; width *= 2) {
    for (size_t at = 0; at < count; at += 2 * width) {
      size_t middle = at + width < count ? at + width : count, end = at + 2 * width < count ? at + 2 * width : count, a = at, b = middle, to = at;
      if (middle == end || !comes_after(s, &s->order[middle - 1], &s->order[middle])) {
        memcpy(s->spare + at, s->order + at, (end - at) * sizeof *s->order);
        continue;
      }
      while (a < middle && b < end) s->spare[to++] = comes_after(s, &s->order[a], &s->order[b]) ? s->order[b++] : s->order[a++];
      memcpy(s->spare + to, s->order + a, (middle - a) * sizeof *s->order);
      memcpy(s->spare + to + (middle - a), s->order + b, (end - b) * sizeof *s->order);
    }
    entry *sorted = s->spare;
    size_t capacity = s->spare_capacity;
    s->spare = s->order, s->spare_capacity = s->order_capacity;
    s->order = sorted, s->order_capacity = capacity;
  }
  return TL_OK;
}

static tl_status hand_over(tl_sorter *s, tl_sorted_rows take, void *context, tl_error *err) {
  const tl_batch *batch = &s->rows;
  uint32_t picks[PICKS];
  TL_TRY(sort_rows(s, err));
  for (int64_t at = 0, n; at < s->rows.rows; at += n) {
    n = s->rows.rows - at < PICKS ? s->rows.rows - at : PICKS;
    for (int64_t i = 0; i < n; i++) picks[i] = s->order[at + i].row;
    TL_TRY(take(context, &batch, 1, NULL, picks, n, err));
  }
  return TL_OK;
}

/* ---- runs ---- */

static tl_status into_sink(void *context, const tl_batch *const *batches, int batch_count, const uint16_t *from, const uint32_t *rows, int64_t count,
                           tl_error *err) {
  return tl_sink_put_rows(context, batches, batch_count, from, rows, count, err);
}

static tl_status open_run(tl_sorter *s, tl_sink *sink, tl_error *err) {
  char path[4096];
  run_path(s, s->run_count++, path, sizeof path);
  return tl_sink_open(sink, s->env, path, s->schema, &(tl_sink_style){.fast = true, .group_rows = RUN_GROUP, .page_rows = RUN_PAGE, .memory = s->memory / 8},
                      err);
}

static tl_status spill(tl_sorter *s, tl_error *err) {
  TL_OWNED(tl_sink) sink = {0};
  TL_TRY(open_run(s, &sink, err));
  TL_TRY(hand_over(s, into_sink, &sink, err));
  TL_TRY(tl_sink_finish(&sink, err));
  return tl_batch_clear(&s->rows, err);
}

/* Rows take their bytes, an entry each in two lists, and what growing and writing want beside them. */
static bool is_full(const tl_sorter *s) {
  return tl_batch_bytes(&s->rows) + s->rows.rows * (int64_t)(2 * sizeof(entry)) > s->memory / 3 || s->rows.rows > UINT32_MAX / 2;
}

tl_status tl_sorter_put(tl_sorter *s, tl_array *const *columns, int64_t from, int64_t count, tl_error *err) {
  for (int i = 0; i < s->schema->child_count; i++) TL_TRY(tl_array_append(&s->rows.columns[i], columns[i], from, count, err));
  s->rows.rows += count;
  return is_full(s) ? spill(s, err) : TL_OK;
}

/* ---- merging ---- */

typedef struct way {
  tl_parquet file;
  tl_row_reader reader;
  tl_batch batch;
  int group;
  int64_t left, row; /* of the open row group; of the batch */
  bool ended;
} way;

static void close_way(way *w) {
  tl_row_reader_free(&w->reader);
  tl_batch_free(&w->batch);
  tl_parquet_free(&w->file);
}

static tl_status next_batch(tl_sorter *s, way *w, const int *columns, tl_error *err) {
  w->row = w->batch.rows = 0;
  while (w->left == 0) {
    if (w->group == w->file.meta.group_count) {
      w->ended = true;
      return TL_OK;
    }
    tl_row_reader_free(&w->reader);
    TL_TRY(tl_row_reader_open(&w->reader, &w->file, w->group, columns, s->schema->child_count, PAGE_LIMIT, false, err));
    w->left = w->file.meta.groups[w->group++].row_count;
  }
  int64_t rows = w->left < RUN_BATCH ? w->left : RUN_BATCH, first = w->file.meta.groups[w->group - 1].row_count - w->left;
  for (int i = 0; i < s->schema->child_count; i++) TL_TRY(tl_row_reader_read_at(&w->reader, i, first, rows, &w->batch.columns[i], err));
  w->batch.rows = rows;
  w->left -= rows;
  return TL_OK;
}

static tl_status open_way(tl_sorter *s, way *w, int run, const int *columns, tl_error *err) {
  char path[4096];
  run_path(s, run, path, sizeof path);
  *w = (way){.file = {.handle = -1}};
  TL_TRY(tl_parquet_open(&w->file, s->env, path, err));
  TL_TRY(tl_batch_open(&w->batch, s->env, w->file.meta.schema, err));
  return next_batch(s, w, columns, err);
}

/* What is being merged: ways by the row that each has next, in a heap, and rows that were picked but not handed over. */
typedef struct merger {
  tl_sorter *s;
  way *ways;
  const tl_batch **batches;
  int *heap, heap_count;
  uint16_t from[PICKS];
  uint32_t rows[PICKS];
  int64_t picked;
  tl_sorted_rows take;
  void *context;
} merger;

/* Of equal rows the earlier run's comes first. */
static bool comes_before(const merger *m, int a, int b) {
  int order = compare_rows(m->s, 0, &m->ways[a].batch, m->ways[a].row, &m->ways[b].batch, m->ways[b].row);
  return order != 0 ? order < 0 : a < b;
}

static void sink_down(merger *m, int at) {
  for (;;) {
    int least = at;
    for (int child = 2 * at + 1; child <= 2 * at + 2 && child < m->heap_count; child++)
      if (comes_before(m, m->heap[child], m->heap[least])) least = child;
    if (least == at) return;
    int moved = m->heap[at];
    m->heap[at] = m->heap[least];
    m->heap[least] = moved;
    at = least;
  }
}

static tl_status hand_picks(merger *m, int ways, tl_error *err) {
  int64_t count = m->picked;
  m->picked = 0;
  return count > 0 ? m->take(m->context, m->batches, ways, m->from, m->rows, count, err) : TL_OK;
}

static tl_status merge_ways(merger *m, int count, const int *columns, tl_error *err) {
  for (int i = 0; i < count; i++) {
    m->batches[i] = &m->ways[i].batch;
    if (!m->ways[i].ended) m->heap[m->heap_count++] = i;
  }
  for (int i = m->heap_count / 2; i-- > 0;) sink_down(m, i);
  while (m->heap_count > 0) {
    int top = m->heap[0];
    way *w = &m->ways[top];
    m->from[m->picked] = (uint16_t)top;
    m->rows[m->picked++] = (uint32_t)w->row++;
    bool used = w->row == w->batch.rows;
    if (used || m->picked == PICKS) TL_TRY(hand_picks(m, count, err)); /* before the batch is read anew */
    if (used) TL_TRY(next_batch(m->s, w, columns, err));
    if (w->ended) m->heap[0] = m->heap[--m->heap_count];
    sink_down(m, 0);
  }
  return hand_picks(m, count, err);
}

static tl_status merge(tl_sorter *s, int from, int count, tl_sorted_rows take, void *context, tl_error *err) {
  way *ways = NULL;
  int *columns = NULL, open = 0;
  merger *m = NULL;
  tl_status status = tl_allocate_zeroed(s->env, &ways, (size_t)count, sizeof *ways, err);
  if (status == TL_OK) status = tl_allocate_zeroed(s->env, &m, 1, sizeof *m, err);
  if (status == TL_OK) status = tl_allocate(s->env, &m->heap, (size_t)count, sizeof *m->heap, err);
  if (status == TL_OK) status = tl_allocate(s->env, &m->batches, (size_t)count, sizeof *m->batches, err);
  if (status == TL_OK) status = tl_allocate(s->env, &columns, (size_t)s->schema->child_count + 1, sizeof *columns, err);
  for (int i = 0; status == TL_OK && i < s->schema->child_count; i++) columns[i] = i;
  for (; status == TL_OK && open < count; open++) status = open_way(s, &ways[open], from + open, columns, err);
  if (status == TL_OK) {
    m->s = s, m->ways = ways, m->take = take, m->context = context;
    status = merge_ways(m, count, columns, err);
  }
  for (int i = 0; i < open; i++) close_way(&ways[i]);
  if (m != NULL) {
    tl_release(s->env, m->heap);
    tl_release(s->env, m->batches);
  }
  tl_release(s->env, m);
  tl_release(s->env, ways);
  tl_release(s->env, columns);
  return status;
}

/* Runs that can be read at once: each takes a page, a window and a batch of every leaf. */
static int ways_at_once(const tl_sorter *s) {
  int64_t each = (int64_t)s->schema->leaf_count * RUN_GROUP * 24, ways = s->memory / 2 / (each + 1);
  return ways < LEAST_WAYS ? LEAST_WAYS : ways > MOST_WAYS ? MOST_WAYS : (int)ways;
}

/* Neighbouring runs become one, until all of them can be merged at once; neighbours, so that equal rows keep their order. */
static tl_status shrink(tl_sorter *s, int ways, tl_error *err) {
  while (s->run_count - s->first_run > ways) {
    int from = s->first_run, end = s->run_count;
    for (; from < end; from += ways) {
      int count = end - from < ways ? end - from : ways;
      TL_OWNED(tl_sink) sink = {0};
      TL_TRY(open_run(s, &sink, err));
      TL_TRY(merge(s, from, count, into_sink, &sink, err));
      TL_TRY(tl_sink_finish(&sink, err));
      for (int i = from; i < from + count; i++) remove_run(s, i);
      s->first_run = from + count;
    }
  }
  return TL_OK;
}

tl_status tl_sorter_drain(tl_sorter *s, tl_sorted_rows take, void *context, tl_error *err) {
  if (s->first_run == s->run_count) return hand_over(s, take, context, err);
  if (s->rows.rows > 0) TL_TRY(spill(s, err));
  tl_batch_free(&s->rows);
  tl_release(s->env, s->order);
  tl_release(s->env, s->spare);
  s->order = s->spare = NULL;
  TL_TRY(shrink(s, ways_at_once(s), err));
  return merge(s, s->first_run, s->run_count - s->first_run, take, context, err);
}
