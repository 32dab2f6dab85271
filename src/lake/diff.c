#include "lake/diff.h"
#include <stdlib.h>
#include <string.h>
#include "lake/scan.h"

enum { MOST_BY = 64, PARTS = 256 };

typedef struct differ {
  tl_diff *out;
  const char *paths[2];
  tl_scan scans[2];
  tl_scan_reader readers[2];
  int *common[2]; /* of each column of the outcome that both have: its place in the batch */
  int *column_of; /* ... and its place in the outcome */
  int common_count;
  int by[2][MOST_BY], by_count;
  int most;
  uint64_t *sums[2];  /* of each part and column: of the hashes of its values, each with its row's keys; then rows */
  bool chosen[PARTS]; /* parts of the pass at hand */
  /* rows of A of the partition at hand */
  uint64_t *keys, *values; /* values: common_count a row */
  int64_t *rows;
  bool *used;
  size_t count, keys_capacity, rows_capacity, used_capacity, values_capacity, next_capacity;
  uint64_t *table; /* of each key: 1 + index of its first row that has no partner yet, or of its last row */
  uint64_t *next;  /* of each row: 1 + index of the next one with its key; 0: none */
  size_t table_size;
} differ;

void tl_diff_free(tl_diff *d) {
  if (d->env == NULL) return;
  tl_arena_free(&d->arena);
  *d = (tl_diff){0};
}

bool tl_diff_is_empty(const tl_diff *d) {
  if (d->only_a.differing > 0 || d->only_b.differing > 0) return false;
  for (int i = 0; i < d->column_count; i++)
    if (!d->columns[i].in_a || !d->columns[i].in_b || d->columns[i].differing > 0) return false;
  return true;
}

/* ---- columns ---- */

static int find_field(const tl_scan *s, const char *name) {
  for (int i = 0; i < s->wanted_count; i++)
    if (strcmp(tl_scan_column(s, i)->name, name) == 0) return i;
  return -1;
}

static tl_status add_column(differ *d, const char *name, int in_a, int in_b, tl_error *err) {
  tl_diff_column *c = &d->out->columns[d->out->column_count++];
  *c = (tl_diff_column){.in_a = in_a >= 0, .in_b = in_b >= 0};
  TL_TRY(tl_arena_text(&d->out->arena, &c->name, name, strlen(name), err));
  TL_TRY(tl_arena_take(&d->out->arena, &c->examples, (size_t)d->most + 1, sizeof *c->examples, err));
  for (int k = 0; k < d->by_count; k++)
    if (d->by[0][k] == in_a && in_a >= 0) return TL_OK; /* rows are matched by it */
  if (in_a < 0 || in_b < 0) return TL_OK;
  d->common[0][d->common_count] = in_a;
  d->common[1][d->common_count] = in_b;
  d->column_of[d->common_count++] = d->out->column_count - 1;
  return TL_OK;
}

static tl_status settle_columns(differ *d, tl_error *err) {
  const tl_scan *a = &d->scans[0], *b = &d->scans[1];
  tl_arena *arena = &d->out->arena;
  size_t room = (size_t)(a->wanted_count + b->wanted_count) + 1;
  TL_TRY(tl_arena_take(arena, &d->out->columns, room, sizeof *d->out->columns, err));
  TL_TRY(tl_arena_take(arena, &d->column_of, room, sizeof *d->column_of, err));
  for (int side = 0; side < 2; side++) TL_TRY(tl_arena_take(arena, &d->common[side], room, sizeof *d->common[side], err));
  TL_TRY(tl_arena_take(arena, &d->out->only_a.examples, (size_t)d->most + 1, sizeof(tl_difference), err));
  TL_TRY(tl_arena_take(arena, &d->out->only_b.examples, (size_t)d->most + 1, sizeof(tl_difference), err));
  for (int i = 0; i < a->wanted_count; i++) TL_TRY(add_column(d, tl_scan_column(a, i)->name, i, find_field(b, tl_scan_column(a, i)->name), err));
  for (int i = 0; i < b->wanted_count; i++)
    if (find_field(a, tl_scan_column(b, i)->name) < 0) TL_TRY(add_column(d, tl_scan_column(b, i)->name, -1, i, err));
  return TL_OK;
}

static tl_status settle_by(differ *d, const char *by, tl_error *err) {
  const char *comma, *name;
  bool asked = by != NULL;
  for (int side = 0; side < 2 && by == NULL; side++) by = tl_scan_by(&d->scans[side]);
  for (const char *at = by; at != NULL; at = comma ? comma + 1 : NULL) {
    comma = strchr(at, ',');
    size_t size = comma ? (size_t)(comma - at) : strlen(at);
    if (size == 0 || d->by_count == MOST_BY) return tl_fail(err, TL_USAGE, "--by %s: expected up to %d names with commas between", by, MOST_BY);
    TL_TRY(tl_arena_text(&d->out->arena, &name, at, size, err));
    int a = find_field(&d->scans[0], name), b = find_field(&d->scans[1], name);
    if (asked && (a < 0 || b < 0)) return tl_fail(err, TL_USAGE, "--by %s: %s has no such column", name, d->paths[a < 0 ? 0 : 1]);
    if (a < 0 || b < 0) { /* what one of them names, the other lacks */
      d->by_count = 0;
      return TL_OK;
    }
    d->by[0][d->by_count] = a;
    d->by[1][d->by_count++] = b;
  }
  return by != NULL ? tl_arena_text(&d->out->arena, &d->out->by, by, strlen(by), err) : TL_OK;
}

/* ---- rows ---- */

static uint64_t key_of(const differ *d, int side, int64_t r, int64_t row) {
  uint64_t key = (uint64_t)row * 0x9E3779B97F4A7C15u;
  if (d->by_count > 0) key = 0;
  for (int k = 0; k < d->by_count; k++) key = tl_array_hash(d->readers[side].columns[d->by[side][k]], r, key);
  return key;
}

/* Rows fall into parts by their keys; parts whose sums are the same in both need no second look. */
static int part_of(uint64_t key) { return (int)(key >> 32 & (PARTS - 1)); }

static tl_status take_row(differ *d, int64_t r, int64_t row, uint64_t key, tl_error *err) {
  tl_env *env = d->out->env;
  TL_TRY(tl_reserve(env, &d->keys, &d->keys_capacity, d->count + 1, sizeof *d->keys, err));
  TL_TRY(tl_reserve(env, &d->rows, &d->rows_capacity, d->count + 1, sizeof *d->rows, err));
  TL_TRY(tl_reserve(env, &d->used, &d->used_capacity, d->count + 1, sizeof *d->used, err));
  TL_TRY(tl_reserve(env, &d->values, &d->values_capacity, (d->count + 1) * (size_t)(d->common_count + 1), sizeof *d->values, err));
  d->keys[d->count] = key;
  d->rows[d->count] = row;
  d->used[d->count] = false;
  for (int c = 0; c < d->common_count; c++)
    d->values[d->count * (size_t)d->common_count + (size_t)c] = tl_array_hash(d->readers[0].columns[d->common[0][c]], r, 0);
  d->count++;
  return TL_OK;
}

/* Where the table has this key, or would have it. */
static uint64_t *slot_of(const differ *d, uint64_t key) {
  size_t at = key & (d->table_size - 1);
  while (d->table[at] != 0 && d->keys[d->table[at] - 1] != key) at = (at + 1) & (d->table_size - 1);
  return &d->table[at];
}

static tl_status build_table(differ *d, tl_error *err) {
  size_t size = 256;
  while (size < 2 * (d->count + 1)) size *= 2;
  tl_release(d->out->env, d->table);
  d->table = NULL;
  TL_TRY(tl_allocate_zeroed(d->out->env, &d->table, size, sizeof *d->table, err));
  d->table_size = size;
  TL_TRY(tl_renew(d->out->env, &d->next, &d->next_capacity, d->count + 1, sizeof *d->next, err));
  for (size_t i = d->count; i-- > 0;) { /* so that the first row of a key comes first */
    uint64_t *slot = slot_of(d, d->keys[i]);
    d->next[i] = *slot;
    *slot = i + 1;
  }
  return TL_OK;
}

/* The first row of A with this key that has no partner yet; -1 when there is none. */
static int64_t take_partner(differ *d, uint64_t key) {
  uint64_t *slot = slot_of(d, key);
  if (*slot == 0 || d->used[*slot - 1]) return -1;
  size_t i = *slot - 1;
  d->used[i] = true;
  if (d->next[i] != 0) *slot = d->next[i];
  return (int64_t)i;
}

/* Keeps the examples in order of row, and only the first of them; the place of the new one, or NULL. */
static tl_difference *add_example(const differ *d, tl_diff_column *c, int64_t row_a, int64_t row_b) {
  int64_t order = row_b >= 0 ? row_b : row_a;
  int at = c->example_count;
  while (at > 0 && (row_b >= 0 ? c->examples[at - 1].row_b : c->examples[at - 1].row_a) > order) at--;
  c->differing++;
  if (at >= d->most) return NULL;
  if (c->example_count < d->most) c->example_count++;
  memmove(&c->examples[at + 1], &c->examples[at], (size_t)(c->example_count - 1 - at) * sizeof *c->examples);
  c->examples[at] = (tl_difference){.row_a = row_a, .row_b = row_b};
  return &c->examples[at];
}

static tl_status value_text(differ *d, int side, int column, int64_t r, const char **out, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = d->out->env};
  const tl_array *c = d->readers[side].columns[column];
  if (!tl_array_is_valid(c, r))
    TL_TRY(tl_buffer_text(&text, "missing", err));
  else
    TL_TRY(tl_array_text(c, r, &text, err));
  return tl_arena_text(&d->out->arena, out, text.data ? (const char *)text.data : "", text.size, err);
}

static tl_status keys_text(differ *d, int side, int64_t r, int64_t row, const char **out, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = d->out->env};
  if (d->by_count == 0) TL_TRY(tl_buffer_format(&text, err, "row %lld", (long long)row));
  for (int k = 0; k < d->by_count; k++) {
    TL_TRY(tl_buffer_format(&text, err, "%s%s ", k > 0 ? ", " : "", tl_scan_column(&d->scans[side], d->by[side][k])->name));
    TL_TRY(tl_array_text(d->readers[side].columns[d->by[side][k]], r, &text, err));
  }
  return tl_arena_text(&d->out->arena, out, (const char *)text.data, text.size, err);
}

static tl_status compare_row(differ *d, int64_t r, int64_t row, uint64_t key, tl_error *err) {
  int64_t partner = take_partner(d, key);
  tl_difference *e;
  if (partner < 0) {
    e = add_example(d, &d->out->only_b, -1, row);
    return e != NULL ? keys_text(d, 1, r, row, &e->keys, err) : TL_OK;
  }
  d->out->matched++;
  for (int c = 0; c < d->common_count; c++) {
    if (d->values[(size_t)partner * (size_t)d->common_count + (size_t)c] == tl_array_hash(d->readers[1].columns[d->common[1][c]], r, 0)) continue;
    e = add_example(d, &d->out->columns[d->column_of[c]], d->rows[partner], row);
    if (e == NULL) continue;
    TL_TRY(keys_text(d, 1, r, row, &e->keys, err));
    TL_TRY(value_text(d, 1, d->common[1][c], r, &e->b, err));
  }
  return TL_OK;
}

typedef tl_status (*visit_row)(differ *d, int64_t r, int64_t row, uint64_t key, tl_error *err);

static tl_status walk(differ *d, int side, visit_row visit, int64_t *rows, tl_error *err) {
  tl_scan_reader *s = &d->readers[side];
  tl_scan_reader_rewind(s);
  *rows = 0;
  for (;;) {
    TL_TRY(tl_scan_reader_next(s, err));
    if (s->rows == 0) return TL_OK;
    for (int64_t r = 0; r < s->rows; r++) {
      uint64_t key = key_of(d, side, r, *rows + r);
      if (d->chosen[part_of(key)]) TL_TRY(visit(d, r, *rows + r, key, err));
    }
    *rows += s->rows;
  }
}

/* ---- the first look ---- */

static void sum_row(differ *d, int side, int64_t r, uint64_t key) {
  uint64_t *sums = d->sums[side] + (size_t)part_of(key) * (size_t)(d->common_count + 1);
  for (int c = 0; c < d->common_count; c++) sums[c] += tl_array_hash(d->readers[side].columns[d->common[side][c]], r, key);
  sums[d->common_count]++;
}
static tl_status sum_a(differ *d, int64_t r, int64_t row, uint64_t key, tl_error *err) {
  (void)row, (void)err;
  sum_row(d, 0, r, key);
  return TL_OK;
}
static tl_status sum_b(differ *d, int64_t r, int64_t row, uint64_t key, tl_error *err) {
  (void)row, (void)err;
  sum_row(d, 1, r, key);
  return TL_OK;
}

static tl_status survey(differ *d, bool *differs, tl_error *err) {
  size_t width = (size_t)d->common_count + 1;
  for (int side = 0; side < 2; side++) TL_TRY(tl_arena_take(&d->out->arena, &d->sums[side], PARTS * width, sizeof(uint64_t), err));
  memset(d->chosen, true, sizeof d->chosen);
  TL_TRY(walk(d, 0, sum_a, &d->out->rows_a, err));
  TL_TRY(walk(d, 1, sum_b, &d->out->rows_b, err));
  for (size_t p = 0; p < PARTS; p++) {
    differs[p] = memcmp(d->sums[0] + p * width, d->sums[1] + p * width, width * sizeof(uint64_t)) != 0;
    if (!differs[p]) d->out->matched += (int64_t)d->sums[0][p * width + width - 1];
  }
  return TL_OK;
}

/* The next parts that differ, as many as there is memory for; false when there are no more. */
static bool choose_parts(differ *d, const bool *differs, int *next, int64_t memory) {
  int64_t each = 8 * (d->common_count + 4) + 40, taken = 0; /* growing arrays are there twice for a moment */
  bool any = false;
  memset(d->chosen, false, sizeof d->chosen);
  for (; *next < PARTS; ++*next) {
    int64_t rows = (int64_t)d->sums[0][(size_t)*next * (size_t)(d->common_count + 1) + (size_t)d->common_count];
    if (!differs[*next]) continue;
    if (any && 2 * each * (taken + rows) > memory) return true;
    taken += rows;
    d->chosen[*next] = any = true;
  }
  return any;
}

/* ---- A's values of the examples ---- */

static tl_status show_row(differ *d, int64_t r, int64_t row, uint64_t key, tl_error *err) {
  (void)key;
  for (int i = 0; i < d->out->only_a.example_count; i++)
    if (d->out->only_a.examples[i].row_a == row) TL_TRY(keys_text(d, 0, r, row, &d->out->only_a.examples[i].keys, err));
  for (int c = 0; c < d->common_count; c++) {
    tl_diff_column *column = &d->out->columns[d->column_of[c]];
    for (int i = 0; i < column->example_count; i++)
      if (column->examples[i].row_a == row) TL_TRY(value_text(d, 0, d->common[0][c], r, &column->examples[i].a, err));
  }
  return TL_OK;
}

/* Reads A once more, only as far as and where examples are. */
static tl_status show_examples(differ *d, tl_error *err) {
  tl_scan_reader *s = &d->readers[0];
  int64_t last = -1, row = 0;
  for (int i = 0; i < d->out->only_a.example_count; i++)
    if (d->out->only_a.examples[i].row_a > last) last = d->out->only_a.examples[i].row_a;
  for (int c = 0; c < d->out->column_count; c++)
    for (int i = 0; i < d->out->columns[c].example_count; i++)
      if (d->out->columns[c].examples[i].row_a > last) last = d->out->columns[c].examples[i].row_a;
  tl_scan_reader_rewind(s);
  while (row <= last) {
    TL_TRY(tl_scan_reader_next(s, err));
    if (s->rows == 0) break;
    for (int64_t r = 0; r < s->rows && row + r <= last; r++) TL_TRY(show_row(d, r, row + r, 0, err));
    row += s->rows;
  }
  return TL_OK;
}

/* ---- whole ---- */

static tl_status run(differ *d, const char *by, int64_t memory, tl_error *err) {
  for (int side = 0; side < 2; side++) {
    TL_TRY(tl_scan_open(&d->scans[side], d->out->env, d->paths[side], (tl_scan_options){0}, err));
    TL_TRY(tl_scan_reader_open(&d->readers[side], &d->scans[side], err));
  }
  TL_TRY(settle_by(d, by, err));
  TL_TRY(settle_columns(d, err));
  bool differs[PARTS];
  int64_t rows;
  TL_TRY(survey(d, differs, err));
  for (int next = 0; choose_parts(d, differs, &next, memory);) {
    d->count = 0;
    TL_TRY(walk(d, 0, take_row, &rows, err));
    TL_TRY(build_table(d, err));
    TL_TRY(walk(d, 1, compare_row, &rows, err));
    for (size_t i = 0; i < d->count; i++)
      if (!d->used[i]) (void)add_example(d, &d->out->only_a, d->rows[i], -1);
  }
  return show_examples(d, err);
}

tl_status tl_diff_run(tl_diff *out, tl_env *env, const char *a, const char *b, const char *by, int most, int64_t memory, tl_error *err) {
  *out = (tl_diff){.env = env, .arena = {.env = env}};
  differ d = {.out = out, .paths = {a, b}, .most = most};
  tl_status status = run(&d, by, memory, err);
  for (int side = 0; side < 2; side++) {
    tl_scan_reader_free(&d.readers[side]);
    tl_scan_free(&d.scans[side]);
  }
  tl_release(env, d.keys);
  tl_release(env, d.rows);
  tl_release(env, d.used);
  tl_release(env, d.values);
  tl_release(env, d.table);
  tl_release(env, d.next);
  if (status != TL_OK) tl_diff_free(out);
  return status;
}
