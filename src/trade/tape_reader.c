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
  tl_release(b->env, b->read.items);
  tl_release(b->env, b->ticks.items);
  tl_release(b->env, b->wishes);
  *b = (tl_tape_block){0};
}

void tl_tape_reader_free(tl_tape_reader *r) {
  if (r->env == NULL) return;
  tl_scan_reader_free(&r->scan);
  for (int k = 0; r->keys != NULL && k < r->tape->key_count; k++) tl_column_free(&r->keys[k]);
  for (int k = 0; r->in_path != NULL && k < r->tape->key_count; k++) tl_column_free(&r->in_path[k]);
  for (int k = 0; r->walks != NULL && k < r->tape->key_count; k++) tl_tape_key_free(&r->walks[k]);
  tl_release(r->env, r->walks);
  tl_release(r->env, r->keys);
  tl_release(r->env, r->in_path);
  tl_release(r->env, r->selected.items);
  tl_release(r->env, r->ticks.items);
  tl_release(r->env, r->rooms);
  tl_release(r->env, r->seams);
  tl_column_free(&r->times);
  tl_page_scratch_free(&r->scratch);
  *r = (tl_tape_reader){0};
}

/* Ranks of integers are classes, where nobody else reads the column. */
static tl_enough enough_of(const tl_tape_reader *r, int u) {
  const tl_tape *t = r->tape;
  const tl_classes *c = &t->classes[u];
  tl_enough enough = {.shorts = &r->rooms[u]};
  for (int i = 0; i < t->used_count; i++)
    if (i != u && t->inputs[t->used[i]] == t->inputs[t->used[u]]) return enough;
  if (c->enough && c->whole && c->count > 0) enough.bounds = c->bounds, enough.bound_count = 2 * c->count;
  return enough;
}

static tl_status open_reader(tl_tape_reader *r, tl_error *err) {
  const tl_tape *t = r->tape;
  TL_TRY(tl_allocate_zeroed(r->env, &r->keys, (size_t)t->key_count, sizeof *r->keys, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->in_path, (size_t)t->key_count, sizeof *r->in_path, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->walks, (size_t)t->key_count, sizeof *r->walks, err));
  for (int k = 0; k < t->key_count; k++) {
    r->keys[k] = r->in_path[k] = (tl_column){.env = r->env, .bytes = {.env = r->env}};
    r->walks[k] = (tl_tape_key){.env = r->env, .some = r->keys[k]};
  }
  TL_TRY(tl_scan_reader_open(&r->scan, &t->scan, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->rooms, (size_t)t->used_count + 1, sizeof *r->rooms, err));
  for (int u = 0; u < t->used_count; u++) {
    int wanted = t->inputs[t->used[u]];
    if (wanted >= 0 && wanted != t->order) tl_scan_reader_take(&r->scan, wanted, enough_of(r, u));
  }
  return TL_OK;
}

tl_status tl_tape_reader_open(tl_tape_reader *out, const tl_tape *tape, tl_error *err) {
  *out = (tl_tape_reader){
      .env = tape->env, .tape = tape, .times = {.env = tape->env, .bytes = {.env = tape->env}}, .scratch = {.env = tape->env, .limit = tape->scan.page_limit}};
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
  r->seam_count = 0;
  for (int k = 0; k < r->tape->key_count; k++) {
    TL_TRY(tl_column_reset(&r->keys[k], &r->tape->key_fields[k], 0, err));
    if (r->tape->in_path[k]) TL_TRY(tl_hive_fill(&r->tape->scan.dataset.files[stretch.file], &r->tape->key_fields[k], 1, &r->in_path[k], err));
  }
  return TL_OK;
}

/* ---- columns ---- */

static tl_column *input_column(const tl_tape_reader *r, int u) {
  int wanted = r->tape->inputs[r->tape->used[u]];
  return wanted >= 0 ? &r->scan.columns[wanted]->column : NULL;
}

/* What lies beside the last piece belongs to it. */
static tl_status add_rows(tl_tape_reader *r, tl_row_list *list, int64_t from, int64_t end, tl_error *err) {
  tl_tape_rows *last = list->count > 0 ? &list->items[list->count - 1] : NULL;
  if (end == from) return TL_OK;
  if (last != NULL && last->from + last->count == from) {
    last->count += end - from;
    return TL_OK;
  }
  TL_TRY(tl_reserve(r->env, &list->items, &list->capacity, list->count + 1, sizeof *list->items, err));
  list->items[list->count++] = (tl_tape_rows){from, end - from};
  return TL_OK;
}

/* Of the row group: the first row of the batch. */
static int64_t first_in_group(const tl_tape_reader *r) { return r->scan.first_row - r->scan.open->meta.groups[r->scan.part.group].first_row; }

/* Rows of the batch, as rows of the row group. */
static tl_status add_to_group(tl_tape_reader *r, tl_row_list *out, const tl_row_list *batch, tl_error *err) {
  int64_t first = first_in_group(r);
  for (size_t n = 0; n < batch->count; n++) TL_TRY(add_rows(r, out, first + batch->items[n].from, first + batch->items[n].from + batch->items[n].count, err));
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

int64_t tl__tape_time_scale(const tl_field *order) {
  return order->logical != TL_LOGICAL_TIMESTAMP ? 1 : order->digits == 3 ? 1000000 : order->digits == 6 ? 1000 : 1;
}

tl_status tl__tape_check_times(const tl_tape_reader *r, tl_column *times, int64_t first_row, tl_tape_rows rows, tl_error *err) {
  int64_t bad = scale_times(times, tl__tape_time_scale(&times->field), rows);
  if (bad < 0) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "%s, row %lld: %s", r->tape->scan.dataset.files[r->stretch.file].path, (long long)(first_row + bad),
                 tl_column_is_valid(times, bad) ? "its time is beyond what 64 bits of nanoseconds hold" : "its time is missing");
}

/* Times of the selected rows of the batch, in ns. */
static tl_status find_times(tl_tape_reader *r, int64_t **out, tl_error *err) {
  tl_column *c = &r->scan.columns[r->tape->order]->column;
  TL_TRY(tl_column_flatten(c, INT64_MAX, err));
  *out = (int64_t *)(void *)c->values;
  for (size_t n = 0; n < r->selected.count; n++) TL_TRY(tl__tape_check_times(r, c, r->scan.first_row, r->selected.items[n], err));
  return TL_OK;
}

/* ---- streams ---- */

/* Keys of a row of the part; the first row behind it, before `end`, that may have others. */
static tl_status find_keys(tl_tape_reader *r, int64_t row, int64_t *end, tl_error *err) {
  for (int k = 0; k < r->tape->key_count; k++) {
    if (r->tape->in_path[k]) continue;
    TL_TRY(tl_tape_key_seek(&r->walks[k], row, err));
    if (r->walks[k].run_end < *end) *end = r->walks[k].run_end;
  }
  return TL_OK;
}

/* Whether these are the keys of the last stream that was noted. */
static bool is_last_stream(const tl_tape_reader *r) {
  for (int k = 0; k < r->tape->key_count; k++) {
    if (r->tape->in_path[k]) continue;
    const tl_column *c = &r->walks[k].some, *last = &r->keys[k];
    int64_t row = tl_tape_key_value(&r->walks[k]);
    bool a = tl_column_is_valid(c, row), b = tl_column_is_valid(last, r->streams - 1);
    if (a != b) return false;
    if (!a) continue;
    tl_bytes x = tl_column_bytes(c, row), y = tl_column_bytes(last, r->streams - 1);
    if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0) return false;
  }
  return true;
}

tl_status tl__tape_out_of_order(const tl_tape_reader *r, int64_t row, const char *what, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "%s, row %lld: %s; tickloom sort mends a tape that is out of order", r->tape->scan.dataset.files[r->stretch.file].path,
                 (long long)row, what);
}

static tl_status fail_row(const tl_tape_reader *r, int64_t row, const char *what, tl_error *err) {
  return tl__tape_out_of_order(r, r->scan.first_row + row, what, err);
}

/* A stream begins at a row; keys must ascend through a file, as far as they are its own columns. */
static tl_status begin_stream(tl_tape_reader *r, int64_t row, bool same_keys, tl_error *err) {
  int order = 0;
  for (int k = 0; k < r->tape->key_count; k++) {
    if (r->tape->in_path[k]) {
      TL_TRY(tl_column_append(&r->keys[k], &r->in_path[k], 0, 1, err));
      continue;
    }
    const tl_column *c = &r->walks[k].some;
    int64_t at = tl_tape_key_value(&r->walks[k]);
    bool comparable = order == 0 && r->streams > 0 && !same_keys && tl_column_is_valid(c, at) && tl_column_is_valid(&r->keys[k], r->streams - 1);
    if (comparable) order = tl_column_compare(&r->keys[k], r->streams - 1, c, at);
    TL_TRY(tl_column_append(&r->keys[k], c, at, 1, err));
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

/* The day of a row, and the first row behind it, before `to`, that is of a later one, or `to`; rows are of one stream, and where times are late of one day. */
static tl_status find_day(tl_tape_reader *r, const int64_t *time, int64_t from, int64_t to, bool same_keys, int64_t *day, int64_t *end, tl_error *err) {
  *end = to;
  *day = r->late ? r->day : tl_floor_div(time[from], TL_DAY_NS);
  if (same_keys && (*day < r->last_day || (!r->late && r->last_known && time[from] < r->last_time)))
    return fail_row(r, from, "its time comes before that of the row ahead of it", err);
  return r->late ? TL_OK : same_day(r, time, from, to, end, err);
}

/* Cuts rows of the batch into streams; their ticks lie behind the rows that the block has. */
static tl_status cut_streams(tl_tape_reader *r, tl_tape_block *b, const int64_t *time, tl_tape_rows rows, tick_count *at, tl_error *err) {
  int64_t first = first_in_group(r), last = rows.from + rows.count;
  for (int64_t row = rows.from, end = last; row < last; row = end) {
    int64_t day, changes = first + last;
    TL_TRY(find_keys(r, first + row, &changes, err));
    changes -= first;
    bool same_keys = r->started && is_last_stream(r);
    TL_TRY(find_day(r, time, row, changes, same_keys, &day, &end, err));
    bool goes_on = same_keys && (day == r->last_day || !r->tape->definition->resets_daily);
    if (!goes_on) TL_TRY(begin_stream(r, row, same_keys, err));
    bool in_block = goes_on && b->run_count > 0;
    if (b->run_count == 0) {
      b->first_row = r->scan.first_row + row;
      b->first_time = r->late ? 0 : time[row];
    }
    if (!in_block) {
      TL_TRY(tl_reserve(r->env, &b->runs, &b->run_capacity, b->run_count + 1, sizeof *b->runs, err));
      b->runs[b->run_count++] = (tl_tape_run){.first = b->rows, .day = day, .key = r->streams - 1, .goes_on = goes_on};
    }
    tl_tape_run *run = &b->runs[b->run_count - 1];
    int64_t ticks = ticks_before(r, at, end);
    run->rows += ticks;
    run->read += end - row;
    b->rows += ticks;
    r->last_known = !r->late;
    if (!r->late) r->last_time = time[end - 1];
    r->last_day = r->late ? day : tl_floor_div(r->last_time, TL_DAY_NS);
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
  b->run_count = b->wish_count = b->read.count = b->ticks.count = 0;
  for (int u = 0; u < used; u++) TL_TRY(tl_tape_input_begin(&b->inputs[u], MOST_AT_ONCE, err));
  return TL_OK;
}

/* Ticks of the batch keep their times; or, where these are late, their places. */
static tl_status keep_ticks(tl_tape_reader *r, tl_tape_block *b, const int64_t *time, int64_t at, tl_error *err) {
  const tl_tape_rows *ticks = r->ticks.items;
  if (b->late) {
    TL_TRY(add_to_group(r, &b->read, &r->selected, err));
    return add_to_group(r, &b->ticks, &r->ticks, err);
  }
  TL_TRY(tl_renew(r->env, &b->time, &b->time_capacity, MOST_AT_ONCE, sizeof *b->time, err)); /* once, for it is always as many */
  for (size_t n = 0; n < r->ticks.count; at += ticks[n++].count) memcpy(b->time + at, time + ticks[n].from, (size_t)ticks[n].count * sizeof *time);
  return TL_OK;
}

static tl_status take_batch(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  int64_t *time = NULL, at = b->rows;
  tick_count counted = {0};
  r->rows += r->scan.selected_count;
  TL_TRY(find_selected(r, err));
  if (!r->late) TL_TRY(find_times(r, &time, err)); /* first, for an input that is the time sees it in nanoseconds, too */
  for (int u = 0; u < b->input_count; u++) TL_TRY(tl_tape_input_add(&b->inputs[u], at, input_column(r, u), r->scan.rows, err));
  TL_TRY(find_ticks(r, b, at, err));
  for (int u = 0; u < b->input_count; u++) tl_tape_input_keep(&b->inputs[u], at, r->ticks.items, r->ticks.count);
  TL_TRY(keep_ticks(r, b, time, at, err));
  for (size_t n = 0; n < r->selected.count; n++) TL_TRY(cut_streams(r, b, time, r->selected.items[n], &counted, err));
  return TL_OK;
}

/* Whether statistics say that all rows of the part have one day: then it cuts no stream, and times can be read late. */
static bool is_one_day(tl_tape_reader *r) {
  const tl_meta *meta = &r->scan.open->meta;
  int child = tl_schema_child(meta->schema, r->tape->definition->order);
  int64_t min, max;
  if (r->tape->reads_time || child < 0) return false;
  const tl_leaf *leaf = &meta->leaves[meta->schema->children[child].first_leaf];
  tl_chunk chunk = tl_meta_chunk(meta, r->scan.part.group, meta->schema->children[child].first_leaf);
  int64_t scale = tl__tape_time_scale(&leaf->field);
  if (!tl_statistics_int_range(&chunk, leaf, &min, &max)) return false;
  if (__builtin_mul_overflow(min, scale, &min) || __builtin_mul_overflow(max, scale, &max)) return false;
  r->day = tl_floor_div(min, TL_DAY_NS);
  return r->day == tl_floor_div(max, TL_DAY_NS);
}

/* The next part of the stretch; *any is false where there is none. */
static tl_status begin_part(tl_tape_reader *r, bool *any, tl_error *err) {
  *any = r->next < r->stretch.end_part;
  if (!*any) return TL_OK;
  r->in_part = true;
  TL_TRY(tl_scan_reader_start(&r->scan, r->tape->scan.parts[r->next++], err));
  TL_TRY(tl__tape_check_types(r->tape, r->scan.open->meta.schema, r->scan.open->path, TL_UNSUPPORTED, err));
  for (int k = 0; k < r->tape->key_count; k++)
    if (!r->tape->in_path[k]) TL_TRY(tl_tape_key_open(&r->walks[k], r->scan.open, r->scan.part.group, &r->tape->key_fields[k], r->tape->scan.page_limit, err));
  r->late = is_one_day(r);
  if (r->late) tl_scan_reader_leave(&r->scan, r->tape->order);
  return TL_OK;
}

/* A block has the rows of one part, or some of them where they are many. */
static tl_status fill_block(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  bool any = true;
  TL_TRY(begin_block(r, b, err));
  while (b->rows + TL_TAPE_BATCH_ROWS <= MOST_AT_ONCE) {
    if (!r->in_part && b->run_count > 0) return TL_OK;
    if (!r->in_part) TL_TRY(begin_part(r, &any, err));
    if (!any) return TL_OK;
    b->late = r->late;
    b->day = r->day;
    b->part = r->scan.part;
    for (int u = 0; u < b->input_count; u++) r->rooms[u] = tl_tape_input_room(&b->inputs[u], b->rows);
    TL_TRY(tl_scan_reader_next(&r->scan, err));
    if (r->scan.rows > 0) TL_TRY(take_batch(r, b, err));
    if (r->scan.rows == 0) r->in_part = false;
  }
  return TL_OK;
}

static tl_status note_seam(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  TL_TRY(tl_reserve(r->env, &r->seams, &r->seam_capacity, r->seam_count + 1, sizeof *r->seams, err));
  b->seam = r->seam_count++;
  b->asked = true;
  r->seams[b->seam] = (tl_tape_seam){.first = b->first_time, .last = r->last_time, .row = b->first_row, .goes_on = b->runs[0].goes_on};
  return TL_OK;
}

tl_status tl_tape_reader_next(tl_tape_reader *r, tl_tape_block *b, bool *more, tl_error *err) {
  int64_t before = r->env->tick_ns(r->env);
  *more = false;
  TL_TRY(fill_block(r, b, err));
  r->decode_ns += r->env->tick_ns(r->env) - before;
  *more = b->run_count > 0;
  if (!*more) return TL_OK;
  b->runs[b->run_count - 1].open = r->in_part || r->next < r->stretch.end_part;
  return note_seam(r, b, err);
}
