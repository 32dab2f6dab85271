/* A condition over the rows of a row group: what can hold is found by indexes, what does hold by evaluating. */
#include "run/select.h"
#include <string.h>
#include "column/bits.h"
#include "lake/hive.h"

enum { MOST_STEP = 65536, LEAST_STEP = 64, FIRST_STEP = 4096, ROW_BYTES = 24 }; /* ROW_BYTES: of a column, a number or a short text */

/* ---- bits ---- */

/* The first of [from, end) whose bit is `value`, or end. */
static int64_t find_bit(const uint8_t *bits, int64_t from, int64_t end, bool value) {
  uint8_t other = value ? 0x00 : 0xff;
  while (from < end) {
    if ((from & 7) == 0 && bits[from >> 3] == other)
      from += 8;
    else if (tl_bit(bits, from) == value)
      return from;
    else
      from++;
  }
  return end;
}

tl_row_range tl_selected_side_by_side(const tl_selected *s, int64_t from) {
  if (s->bits == NULL) return (tl_row_range){.first = from, .count = s->count - from};
  int64_t end = s->skip + s->count, first = find_bit(s->bits, s->skip + from, end, true), last = find_bit(s->bits, first, end, false);
  return (tl_row_range){.first = first - s->skip, .count = last - first};
}

/* ---- opening ---- */

static int64_t most_step(const tl_input_set *set, int64_t page_limit) {
  int64_t rows = set->where_count > 0 ? page_limit / (8 * ROW_BYTES * set->where_count) : MOST_STEP;
  return rows < FIRST_STEP ? FIRST_STEP : rows < MOST_STEP ? rows : MOST_STEP;
}

int64_t tl_selector_bytes(const tl_input_set *set, int64_t page_limit) { return set->where_count * most_step(set, page_limit) * ROW_BYTES; }

static tl_status open_columns(tl_selector *s, tl_error *err) {
  size_t count = (size_t)s->count + 1;
  TL_TRY(tl_predicate_parse(&s->predicate, s->env, s->set->where, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->columns, count, sizeof *s->columns, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->cursors, count, sizeof *s->cursors, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->leaves, count, sizeof *s->leaves, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->known, count, sizeof *s->known, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->asked, count, sizeof *s->asked, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->fields, count, sizeof *s->fields, err));
  for (int i = 0; i < s->count; i++) s->columns[i].env = s->columns[i].bytes.env = s->env;
  return TL_OK;
}

tl_status tl_selector_open(tl_selector *s, const tl_input_set *set, tl_page_scratch *scratch, tl_error *err) {
  *s = (tl_selector){.env = set->env, .set = set, .scratch = scratch, .count = set->where_count, .bound = -1, .ranges = {.env = set->env}};
  s->most_step = most_step(set, scratch->limit);
  tl_status status = set->where != NULL ? open_columns(s, err) : TL_OK;
  if (status != TL_OK) tl_selector_free(s);
  return status;
}

void tl_selector_free(tl_selector *s) {
  if (s->env == NULL) return;
  for (int i = 0; s->columns != NULL && i < s->count; i++) tl_column_free(&s->columns[i]);
  tl_predicate_free(s->predicate);
  tl_release(s->env, s->columns);
  tl_release(s->env, s->cursors);
  tl_release(s->env, s->leaves);
  tl_release(s->env, s->known);
  tl_release(s->env, s->asked);
  tl_release(s->env, s->fields);
  tl_release(s->env, s->ranges.items);
  tl_release(s->env, s->bits);
  *s = (tl_selector){0};
}

/* ---- a file, a group ---- */

static tl_status bind(tl_selector *s, int32_t index, tl_error *err) {
  if (s->bound == index) return TL_OK;
  s->bound = -1;
  memset(s->cursors, 0, (size_t)s->count * sizeof *s->cursors);
  for (int i = 0; i < s->count; i++) s->leaves[i] = tl_where_leaf(s->set, i, &s->file->meta);
  TL_TRY(tl_where_bind(s->set, s->predicate, s->file, s->fields, err));
  s->bound = index;
  s->step = FIRST_STEP;
  return TL_OK;
}

static bool is_in_path(const tl_selector *s, int column) { return s->set->where_columns[column].source == TL_WHERE_PATH; }

static tl_status fill_from_path(tl_selector *s, int column, int64_t rows, tl_error *err) {
  return tl_hive_fill(&s->set->dataset.files[s->bound], &s->set->where_columns[column].field, rows, &s->columns[column], err);
}

/* What a path says of all rows; a column that the file lacks is missing in them. */
static tl_status note_known(tl_selector *s, int i, int64_t rows, tl_error *err) {
  s->known[i] = (tl_interval){.nulls = rows, .values = rows};
  if (!is_in_path(s, i)) return TL_OK;
  TL_TRY(fill_from_path(s, i, 1, err));
  if (!tl_column_is_valid(&s->columns[i], 0)) return TL_OK;
  tl_bytes value = tl_column_bytes(&s->columns[i], 0);
  s->known[i] = (tl_interval){.min = value, .max = value, .min_exact = true, .max_exact = true, .no_nan = true, .values = rows};
  return TL_OK;
}

tl_status tl_selector_start(tl_selector *s, tl_parquet *file, int32_t index, int group, int64_t first, int64_t count, tl_error *err) {
  s->file = file;
  s->group = group;
  s->range = s->ranges.count = 0;
  if (s->predicate == NULL) {
    TL_TRY(tl_reserve(s->env, &s->ranges.items, &s->ranges.capacity, 1, sizeof *s->ranges.items, err));
    s->ranges.items[s->ranges.count++] = (tl_row_range){.first = first, .count = count, .all = true};
    return TL_OK;
  }
  TL_TRY(bind(s, index, err));
  for (int i = 0; i < s->count; i++) TL_TRY(note_known(s, i, count, err));
  return tl_prune_group(&s->ranges, file, group, s->predicate, s->leaves, s->known, first, count, err);
}

/* ---- rows ---- */

/* Steps over wide texts become shorter. */
static void adapt(tl_selector *s, int64_t rows) {
  int64_t bytes = 0, limit = s->count * s->most_step * ROW_BYTES;
  for (int i = 0; i < s->count; i++) bytes += s->asked[i] != NULL ? rows * tl_field_width(&s->asked[i]->field) + (int64_t)s->asked[i]->bytes.size : 0;
  if (bytes > limit && s->step / 4 >= LEAST_STEP)
    s->step /= 4;
  else if (bytes < limit / 4 && rows == s->step)
    s->step = s->step * 4 < s->most_step ? s->step * 4 : s->most_step;
}

/* Which rows of [first, first + rows) hold. */
static tl_status evaluate(tl_selector *s, int64_t first, int64_t rows, tl_error *err) {
  for (int i = 0; i < s->count; i++) {
    bool in_path = is_in_path(s, i);
    s->asked[i] = in_path || s->leaves[i] >= 0 ? &s->columns[i] : NULL;
    if (in_path)
      TL_TRY(fill_from_path(s, i, rows, err));
    else if (s->leaves[i] >= 0)
      TL_TRY(tl_parquet_read_on(s->file, s->group, s->leaves[i], first, rows, &s->columns[i], s->scratch, &s->cursors[i], err));
  }
  TL_TRY(tl_reserve(s->env, &s->bits, &s->bit_capacity, (size_t)rows / 8 + 9, 1, err));
  TL_TRY(tl_predicate_select(s->predicate, s->asked, rows, s->bits, err));
  adapt(s, rows);
  return TL_OK;
}

/* The bits from the first to the last that is set. */
static tl_selected trim(const tl_selector *s, int64_t first, int64_t rows) {
  int64_t skip = find_bit(s->bits, 0, rows, true), end = rows;
  while (end > skip && !tl_bit(s->bits, end - 1)) end--;
  int64_t selected = tl_bits_count(s->bits, skip, end - skip);
  return (tl_selected){.first = first + skip, .count = end - skip, .selected = selected, .bits = selected < end - skip ? s->bits : NULL, .skip = skip};
}

tl_status tl_selector_next(tl_selector *s, int64_t most, tl_selected *out, tl_error *err) {
  for (*out = (tl_selected){0}; s->range < s->ranges.count && out->count == 0;) {
    tl_row_range *range = &s->ranges.items[s->range];
    bool all = range->all;
    int64_t first = range->first, rows = range->count < most ? range->count : most;
    if (!all && rows > s->step) rows = s->step;
    range->first += rows;
    range->count -= rows;
    s->range += range->count == 0;
    if (!all) TL_TRY(evaluate(s, first, rows, err));
    *out = all ? (tl_selected){.first = first, .count = rows, .selected = rows} : trim(s, first, rows);
  }
  return TL_OK;
}
