/* A stretch of a tape, from batches of its columns to blocks of ticks, cut into streams. */
#include "trade/tape.h"
#include <string.h>
#include "base/date.h"
#include "codec/unpack.h"
#include "column/bits.h"
#include "column/compare.h"
#include "lake/hive.h"

enum { MOST_AT_ONCE = 131072 };

void tl_tape_block_free(tl_tape_block *b) {
  if (b->env == NULL) return;
  for (int i = 0; b->inputs != NULL && i < b->input_count; i++) tl_tape_input_free(&b->inputs[i]);
  tl_release(b->env, b->inputs);
  tl_release(b->env, b->time);
  tl_release(b->env, b->runs);
  *b = (tl_tape_block){0};
}

void tl_tape_reader_free(tl_tape_reader *r) {
  if (r->env == NULL) return;
  tl_scan_reader_free(&r->scan);
  for (int k = 0; r->keys != NULL && k < r->tape->key_count; k++) tl_column_free(&r->keys[k]);
  for (int k = 0; r->in_path != NULL && k < r->tape->key_count; k++) tl_column_free(&r->in_path[k]);
  tl_release(r->env, r->keys);
  tl_release(r->env, r->in_path);
  tl_release(r->env, r->selected.items);
  tl_release(r->env, r->ticks.items);
  *r = (tl_tape_reader){0};
}

/* What of a column will do for all inputs that are read from it. */
static tl_enough enough_of(const tl_tape *t, int wanted) {
  tl_enough all = {.dense = true, .any_above = true, .most = INT64_MIN};
  for (int u = 0; u < t->used_count; u++) {
    if (t->inputs[t->used[u]] != wanted) continue;
    tl_enough one = tl_classes_enough(&t->classes[u]);
    all.any_above &= one.any_above;
    if (one.most > all.most) all.most = one.most;
  }
  return all;
}

static tl_status open_reader(tl_tape_reader *r, tl_error *err) {
  const tl_tape *t = r->tape;
  TL_TRY(tl_allocate_zeroed(r->env, &r->keys, (size_t)t->key_count, sizeof *r->keys, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->in_path, (size_t)t->key_count, sizeof *r->in_path, err));
  for (int k = 0; k < t->key_count; k++) r->keys[k] = r->in_path[k] = (tl_column){.env = r->env, .bytes = {.env = r->env}};
  TL_TRY(tl_scan_reader_open(&r->scan, &t->scan, err));
  for (int u = 0; u < t->used_count; u++) { /* a column may be key and input: then every row has its code */
    int wanted = t->inputs[t->used[u]];
    bool key = wanted < 0 || wanted == t->order;
    for (int k = 0; k < t->key_count; k++) key |= wanted == t->keys[k];
    if (!key) tl_scan_reader_take(&r->scan, wanted, enough_of(t, wanted));
  }
  return TL_OK;
}

tl_status tl_tape_reader_open(tl_tape_reader *out, const tl_tape *tape, tl_error *err) {
  *out = (tl_tape_reader){.env = tape->env, .tape = tape};
  tl_status status = open_reader(out, err);
  if (status != TL_OK) tl_tape_reader_free(out);
  return status;
}

tl_status tl_tape_reader_start(tl_tape_reader *r, tl_tape_stretch stretch, tl_error *err) {
  r->stretch = stretch;
  r->next = stretch.first_part;
  r->streams = 0;
  r->in_part = false;
  r->started = false;
  for (int k = 0; k < r->tape->key_count; k++) {
    TL_TRY(tl_column_reset(&r->keys[k], &r->tape->key_fields[k], 0, err));
    if (r->tape->keys[k] < 0) TL_TRY(tl_hive_fill(&r->tape->scan.dataset.files[stretch.file], &r->tape->key_fields[k], 1, &r->in_path[k], err));
  }
  return TL_OK;
}

/* ---- columns ---- */

static tl_column *input_column(const tl_tape_reader *r, int u) {
  int wanted = r->tape->inputs[r->tape->used[u]];
  return wanted >= 0 ? &r->scan.columns[wanted]->column : NULL;
}

static tl_status add_rows(tl_tape_reader *r, tl_row_list *list, int64_t from, int64_t end, tl_error *err) {
  if (end == from) return TL_OK;
  TL_TRY(tl_reserve(r->env, &list->items, &list->capacity, list->count + 1, sizeof *list->items, err));
  list->items[list->count++] = (tl_tape_rows){from, end - from};
  return TL_OK;
}

/* The first row from `row` on, before `end`, whose bit is `value`; bytes of the other value are passed over. */
static int64_t find_bit(const uint8_t *bits, int64_t row, int64_t end, bool value) {
  uint8_t other = value ? 0 : 0xff;
  while (row < end && tl_bit(bits, row) != value) row += (row & 7) == 0 && bits[row >> 3] == other ? 8 : 1;
  return row < end ? row : end;
}

/* Rows of the batch that the condition selects. */
static tl_status find_selected(tl_tape_reader *r, tl_error *err) {
  const uint8_t *bits = r->scan.selected;
  int64_t rows = r->scan.rows;
  r->selected.count = 0;
  if (bits == NULL) return add_rows(r, &r->selected, 0, rows, err);
  for (int64_t from = find_bit(bits, 0, rows, true), end; from < rows; from = find_bit(bits, end, rows, true)) {
    end = find_bit(bits, from, rows, false);
    TL_TRY(add_rows(r, &r->selected, from, end, err));
  }
  return TL_OK;
}

/* Those that are ticks, for they have a price; the block has the batch from row `at` on. */
static tl_status find_ticks(tl_tape_reader *r, const tl_tape_block *b, int64_t at, tl_error *err) {
  r->ticks.count = 0;
  for (size_t n = 0; n < r->selected.count; n++) {
    int64_t from = r->selected.items[n].from, last = from + r->selected.items[n].count;
    if (r->tape->price < 0) {
      TL_TRY(add_rows(r, &r->ticks, from, last, err));
      continue;
    }
    const tl_tape_input *price = &b->inputs[r->tape->price];
    for (int64_t end; from < last; from = tl_tape_input_find(price, at + end, at + last, false) - at) {
      end = tl_tape_input_find(price, at + from, at + last, true) - at;
      TL_TRY(add_rows(r, &r->ticks, from, end, err));
    }
  }
  return TL_OK;
}

/* The first of some rows that has no time, or whose time is beyond what 64 bits of nanoseconds hold; the others' become nanoseconds. -1: all have. */
static int64_t scale_times(tl_column *c, int64_t scale, tl_tape_rows rows) {
  int64_t *times = (int64_t *)(void *)c->values;
  for (int64_t i = rows.from; (c->null_count > 0 || scale > 1) && i < rows.from + rows.count; i++)
    if (!tl_column_is_valid(c, i) || __builtin_mul_overflow(times[i], scale, &times[i])) return i;
  return -1;
}

/* Times of the selected rows of the batch, in ns. */
static tl_status find_times(tl_tape_reader *r, int64_t **out, tl_error *err) {
  tl_column *c = &r->scan.columns[r->tape->order]->column;
  TL_TRY(tl_column_flatten(c, INT64_MAX, err));
  int64_t scale = c->field.logical != TL_LOGICAL_TIMESTAMP ? 1 : c->field.digits == 3 ? 1000000 : c->field.digits == 6 ? 1000 : 1;
  *out = (int64_t *)(void *)c->values;
  for (size_t n = 0; n < r->selected.count; n++) {
    int64_t bad = scale_times(c, scale, r->selected.items[n]);
    if (bad < 0) continue;
    return tl_fail(err, TL_CORRUPT, "%s, row %lld: %s", r->tape->scan.dataset.files[r->stretch.file].path, (long long)(r->scan.first_row + bad),
                   tl_column_is_valid(c, bad) ? "its time is beyond what 64 bits of nanoseconds hold" : "its time is missing");
  }
  return TL_OK;
}

/* ---- streams ---- */

/* A key of the file itself; NULL: it stands in the path, so that all rows share it. */
static const tl_column *key_column(const tl_tape_reader *r, int k) { return r->tape->keys[k] >= 0 ? &r->scan.columns[r->tape->keys[k]]->column : NULL; }

/* Whether a batch's row has other keys than the row before it. */
static bool differs(const tl_column *c, int64_t row) {
  return c->dictionary != NULL && c->valid == NULL && c->codes[row] == c->codes[row - 1] ? false : !tl_column_repeats(c, row, row - 1);
}

/* Whether `count` rows are all what the row before them is, by codes or by values of fixed width. */
static bool are_same(const tl_column *c, int64_t row, int64_t count) {
  size_t width = c->dictionary != NULL ? sizeof *c->codes : (size_t)tl_field_width(&c->field);
  const uint8_t *at = c->dictionary != NULL ? (const uint8_t *)c->codes : c->values;
  at += (size_t)row * width;
  return width > 0 && memcmp(at - width, at, (size_t)count * width) == 0;
}

/* The first row from `row` on that is of another stream, by this key; many rows at once first, then fewer. */
static int64_t next_change(const tl_column *c, int64_t row, int64_t end) {
  enum { MANY = 1024, SOME = 32 };
  while (c->valid == NULL && row + MANY <= end && are_same(c, row, MANY)) row += MANY;
  while (c->valid == NULL && row + SOME <= end && are_same(c, row, SOME)) row += SOME;
  while (row < end && !differs(c, row)) row++;
  return row;
}

/* Against the last stream that was noted. */
static bool is_last_stream(const tl_tape_reader *r, int64_t row) {
  for (int k = 0; k < r->tape->key_count; k++) {
    const tl_column *c = key_column(r, k), *last = &r->keys[k];
    if (c == NULL) continue;
    bool a = tl_column_is_valid(c, row), b = tl_column_is_valid(last, r->streams - 1);
    if (a != b) return false;
    if (!a) continue;
    tl_bytes x = tl_column_bytes(c, row), y = tl_column_bytes(last, r->streams - 1);
    if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0) return false;
  }
  return true;
}

static tl_status fail_row(const tl_tape_reader *r, int64_t row, const char *what, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "%s, row %lld: %s; tickloom sort mends a tape that is out of order", r->tape->scan.dataset.files[r->stretch.file].path,
                 (long long)(r->scan.first_row + row), what);
}

/* A stream begins at a row; keys must ascend through a file, as far as they are its own columns. */
static tl_status begin_stream(tl_tape_reader *r, int64_t row, bool same_keys, tl_error *err) {
  int order = 0;
  for (int k = 0; k < r->tape->key_count; k++) {
    const tl_column *c = key_column(r, k);
    if (c == NULL) {
      TL_TRY(tl_column_append(&r->keys[k], &r->in_path[k], 0, 1, err));
      continue;
    }
    bool comparable = order == 0 && r->streams > 0 && !same_keys && tl_column_is_valid(c, row) && tl_column_is_valid(&r->keys[k], r->streams - 1);
    if (comparable) order = tl_column_compare(&r->keys[k], r->streams - 1, c, row);
    TL_TRY(tl_column_append(&r->keys[k], c, row, 1, err));
  }
  r->streams++;
  return order <= 0 ? TL_OK : fail_row(r, row, "its stream comes before the one ahead of it", err);
}

/* Rows [from, to) of the batch are of one stream; the first that belongs to a later day, or `to`. */
static tl_status same_day(tl_tape_reader *r, const int64_t *time, int64_t from, int64_t to, int64_t *end, tl_error *err) {
  bool fine = tl_codec_kernels_chosen()->ascends64(time + from, (size_t)(to - from));
  for (int64_t i = from + 1; !fine && i < to; i++)
    if (time[i] < time[i - 1]) return fail_row(r, i, "its time comes before that of the row ahead of it", err);
  int64_t day = tl_floor_div(time[from], TL_DAY_NS);
  *end = to;
  if (tl_floor_div(time[to - 1], TL_DAY_NS) == day) return TL_OK;
  for (*end = from; tl_floor_div(time[*end], TL_DAY_NS) == day;) ++*end;
  return TL_OK;
}

/* Ticks among the rows before `end` that nobody has asked about yet; `at` walks through the stretches. */
typedef struct tick_count {
  size_t stretch;
  int64_t row;
} tick_count;

static int64_t ticks_before(const tl_tape_reader *r, tick_count *at, int64_t end) {
  int64_t ticks = 0;
  for (; at->stretch < r->ticks.count; at->stretch++) {
    const tl_tape_rows *k = &r->ticks.items[at->stretch];
    int64_t from = k->from > at->row ? k->from : at->row, last = k->from + k->count < end ? k->from + k->count : end;
    if (last > from) ticks += last - from;
    if (k->from + k->count > end) break;
  }
  at->row = end;
  return ticks;
}

/* Cuts rows of the batch into streams; their ticks lie behind the rows that the block has. */
static tl_status cut_streams(tl_tape_reader *r, tl_tape_block *b, const int64_t *time, tl_tape_rows rows, tick_count *at, tl_error *err) {
  int64_t last = rows.from + rows.count, changes = -1; /* changes: the row that has other keys than the one before it */
  for (int64_t row = rows.from, end = last; row < last; row = end) {
    bool same_keys = row != changes && r->started && is_last_stream(r, row);
    changes = last;
    for (int k = 0; k < r->tape->key_count; k++)
      if (key_column(r, k) != NULL) changes = next_change(key_column(r, k), row + 1, changes);
    TL_TRY(same_day(r, time, row, changes, &end, err));
    int64_t day = r->tape->definition->resets_daily ? tl_floor_div(time[row], TL_DAY_NS) : 0;
    bool goes_on = same_keys && day == r->last_day;
    if (same_keys && time[row] < r->last_time) return fail_row(r, row, "its time comes before that of the row ahead of it", err);
    if (!goes_on) TL_TRY(begin_stream(r, row, same_keys, err));
    bool in_block = goes_on && b->run_count > 0;
    if (!in_block) {
      TL_TRY(tl_reserve(r->env, &b->runs, &b->run_capacity, b->run_count + 1, sizeof *b->runs, err));
      b->runs[b->run_count++] = (tl_tape_run){.first = b->rows, .day = tl_floor_div(time[row], TL_DAY_NS), .key = r->streams - 1, .goes_on = goes_on};
    }
    tl_tape_run *run = &b->runs[b->run_count - 1];
    int64_t ticks = ticks_before(r, at, end);
    run->rows += ticks;
    run->read += end - row;
    b->rows += ticks;
    r->last_time = time[end - 1];
    r->last_day = day;
    r->started = true;
  }
  return TL_OK;
}

/* ---- batches ---- */

static tl_status begin_block(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  int used = r->tape->used_count;
  if (b->env == NULL) {
    *b = (tl_tape_block){.env = r->env, .input_count = used, .users = b->users};
    TL_TRY(tl_allocate_zeroed(r->env, &b->inputs, (size_t)used + 1, sizeof *b->inputs, err));
    for (int u = 0; u < used; u++) b->inputs[u] = (tl_tape_input){.env = r->env, .classes = &r->tape->classes[u]};
  }
  b->rows = 0;
  b->run_count = 0;
  for (int u = 0; u < used; u++) TL_TRY(tl_tape_input_begin(&b->inputs[u], MOST_AT_ONCE, err));
  return tl_renew(r->env, &b->time, &b->time_capacity, MOST_AT_ONCE, sizeof *b->time, err);
}

static tl_status take_batch(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  int64_t *time = NULL, at = b->rows;
  tick_count counted = {0};
  r->rows += r->scan.selected_count;
  TL_TRY(find_selected(r, err));
  TL_TRY(find_times(r, &time, err)); /* first, for an input that is the time sees it in nanoseconds, too */
  for (int u = 0; u < b->input_count; u++) TL_TRY(tl_tape_input_add(&b->inputs[u], at, input_column(r, u), r->scan.rows, err));
  TL_TRY(find_ticks(r, b, at, err));
  const tl_tape_rows *ticks = r->ticks.items;
  for (int u = 0; u < b->input_count; u++) tl_tape_input_keep(&b->inputs[u], at, ticks, r->ticks.count);
  for (size_t n = 0; n < r->ticks.count; at += ticks[n++].count) memcpy(b->time + at, time + ticks[n].from, (size_t)ticks[n].count * sizeof *time);
  for (size_t n = 0; n < r->selected.count; n++) TL_TRY(cut_streams(r, b, time, r->selected.items[n], &counted, err));
  return TL_OK;
}

/* The next part of the stretch; *any is false where there is none. */
static tl_status begin_part(tl_tape_reader *r, bool *any, tl_error *err) {
  *any = r->next < r->stretch.end_part;
  if (!*any) return TL_OK;
  r->in_part = true;
  return tl_scan_reader_start(&r->scan, r->tape->scan.parts[r->next++], err);
}

/* A block has the rows of one part, or some of them where they are many. */
static tl_status fill_block(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  bool any = true;
  TL_TRY(begin_block(r, b, err));
  while (b->rows + TL_TAPE_BATCH_ROWS <= MOST_AT_ONCE) {
    if (!r->in_part && b->run_count > 0) return TL_OK;
    if (!r->in_part) TL_TRY(begin_part(r, &any, err));
    if (!any) return TL_OK;
    TL_TRY(tl_scan_reader_next(&r->scan, err));
    if (r->scan.rows > 0) TL_TRY(take_batch(r, b, err));
    if (r->scan.rows == 0) r->in_part = false;
  }
  return TL_OK;
}

tl_status tl_tape_reader_next(tl_tape_reader *r, tl_tape_block *b, bool *more, tl_error *err) {
  int64_t before = r->env->tick_ns(r->env);
  *more = false;
  TL_TRY(fill_block(r, b, err));
  r->decode_ns += r->env->tick_ns(r->env) - before;
  *more = b->run_count > 0;
  if (*more) b->runs[b->run_count - 1].open = r->in_part || r->next < r->stretch.end_part;
  return TL_OK;
}
