#include "parquet/cursor_inside.h"
#include <string.h>

/* An entry that goes on a list is one where that list has an element: the level at which it has. */
static void find_least(tl_cursor *c) {
  const tl_schema *n = c->file->meta.schema;
  while (n->shape != TL_SHAPE_VALUE) {
    if (n->shape == TL_SHAPE_LIST || n->shape == TL_SHAPE_MAP) c->least_definition[n->repetition + 1] = (uint8_t)(n->definition + 1);
    int k = 0;
    while (k + 1 < n->child_count && c->leaf_index >= n->children[k + 1].first_leaf) k++;
    n = &n->children[k];
  }
}

tl_status tl_cursor_use_entries(tl_cursor *c, tl_error *err) {
  find_least(c);
  TL_TRY(tl_allocate(c->file->env, &c->definition, 2 * TL_LEVEL_WINDOW, 1, err));
  c->repetition = c->definition + TL_LEVEL_WINDOW;
  return TL_OK;
}

void tl_entries_free(tl_entries *e) {
  tl_release(e->env, e->definition);
  tl_release(e->env, e->repetition);
  tl_column_free(&e->values);
  *e = (tl_entries){.env = e->env, .values = {.env = e->env, .bytes = {.env = e->env}}};
}

/* Decodes the levels of what comes next in the page, going on to the next page where it is used up. No entries at the chunk's end. */
static tl_status fill_window(tl_cursor *c, tl_error *err) {
  c->window_at = c->window_count = 0;
  while (c->page_left == 0) {
    if (c->opened) TL_TRY(tl_cursor_leave_page(c, err));
    if (c->at >= c->end || c->entries >= c->chunk.value_count) return TL_OK;
    TL_TRY(tl_cursor_next_page(c, err));
    if (c->page_left == 0) TL_TRY(tl_cursor_leave_page(c, err));
  }
  if (!c->opened) TL_TRY(tl_cursor_open_page(c, err));
  int n = c->page_left < TL_LEVEL_WINDOW ? (int)c->page_left : TL_LEVEL_WINDOW;
  TL_TRY(tl_levels_read(&c->streams.repetition, c->repetition, n, err));
  TL_TRY(tl_levels_read(&c->streams.definition, c->definition, n, err));
  c->window_count = n;
  c->page_left -= n;
  c->entries += n;
  return TL_OK;
}

/* Of the window's entries, those of the next `rows` rows; *started counts the rows that begin among them. */
static tl_status take_entries(tl_cursor *c, int64_t rows, int64_t *started, int *count, tl_error *err) {
  int i = c->window_at;
  for (; i < c->window_count; i++) {
    int r = c->repetition[i];
    if (r == 0) {
      if (*started == rows) break;
      ++*started;
    } else if (*started == 0 && !c->inside_row)
      return tl_fail(err, TL_CORRUPT, "repetition levels begin inside of a row");
    else if (c->definition[i] < c->least_definition[r] || c->last_definition < c->least_definition[r])
      return tl_fail(err, TL_CORRUPT, "an entry goes on a list (repetition level %d) that is not there (definition level %d)", r, c->definition[i]);
    c->last_definition = c->definition[i];
    c->inside_row = true;
  }
  *count = i - c->window_at;
  return TL_OK;
}

static tl_status room_for_values(tl_cursor *c, tl_entries *out, bool codes, int64_t more, tl_error *err) {
  tl_column *v = &out->values;
  size_t width = (size_t)tl_field_width(&v->field), count = (size_t)(v->count + more);
  if ((int64_t)count > c->scratch->limit * 4 / (int64_t)(width + 8))
    return tl_fail(err, TL_MEMORY, "%zu values of some rows exceed the memory for them; --memory decides", count);
  bool coded = tl_values_are_codes(&c->streams.values) && c->dictionary_seen;
  if (v->count == 0 && coded && codes) v->dictionary = &c->scratch->memory.dictionary;
  if (v->dictionary != NULL && !coded) TL_TRY(tl_cursor_give_up_codes(c, v, v->count, err));
  if (v->dictionary != NULL) return tl_reserve(v->env, &v->codes, &v->code_capacity, count, sizeof *v->codes, err);
  TL_TRY(tl_reserve(v->env, &v->values, &v->values_capacity, count * width + 64, 1, err));
  return width > 0 ? TL_OK : tl_reserve(v->env, &v->offsets, &v->offsets_capacity, count + 1, sizeof *v->offsets, err);
}

/* The next `count` entries of the window, and the values among them. */
static tl_status append_entries(tl_cursor *c, int count, bool codes, tl_entries *out, tl_error *err) {
  size_t wanted = (size_t)out->count + (size_t)count;
  int present = 0;
  for (int i = 0; i < count; i++) present += c->definition[c->window_at + i] == c->leaf->max_definition;
  if ((int64_t)wanted > c->scratch->limit / 4) return tl_fail(err, TL_MEMORY, "%zu entries of some rows exceed the memory for them; --memory decides", wanted);
  TL_TRY(tl_reserve(out->env, &out->definition, &out->definition_capacity, wanted, 1, err));
  TL_TRY(tl_reserve(out->env, &out->repetition, &out->repetition_capacity, wanted, 1, err));
  memcpy(out->definition + out->count, c->definition + c->window_at, (size_t)count);
  memcpy(out->repetition + out->count, c->repetition + c->window_at, (size_t)count);
  out->count += count;
  c->streams.nulls += count - present;
  c->streams.left -= count;
  if (present == 0) return TL_OK;
  TL_TRY(room_for_values(c, out, codes, present, err));
  tl_column *v = &out->values;
  TL_TRY(v->dictionary != NULL ? tl_values_codes(&c->streams.values, present, v->codes + v->count, err)
                               : tl_values_read(&c->streams.values, present, v, v->count, err));
  v->count += present;
  return TL_OK;
}

static tl_status drop_entries(tl_cursor *c, int count, tl_error *err) {
  int present = 0;
  for (int i = 0; i < count; i++) present += c->definition[c->window_at + i] == c->leaf->max_definition;
  c->streams.nulls += count - present;
  return tl_values_skip(&c->streams.values, present, err);
}

/* Rows to `out`, or away where it is NULL. */
static tl_status pass_rows(tl_cursor *c, int64_t rows, bool codes, tl_entries *out, tl_error *err) {
  int64_t started = 0;
  c->inside_row = false;
  for (;;) {
    if (c->window_at == c->window_count) TL_TRY(fill_window(c, err));
    if (c->window_count == 0) break;
    int count = 0;
    TL_TRY(take_entries(c, rows, &started, &count, err));
    TL_TRY(out != NULL ? append_entries(c, count, codes, out, err) : drop_entries(c, count, err));
    c->window_at += count;
    if (c->window_at < c->window_count) break;
  }
  c->row += started;
  if (started == rows) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "the chunk ends after %lld of %lld rows", (long long)c->row, (long long)c->file->meta.groups[c->group].row_count);
}

tl_status tl_cursor_read_entries(tl_cursor *c, int64_t rows, bool codes, tl_entries *out, tl_error *err) {
  out->count = 0;
  tl_status status = tl_column_reset(&out->values, &c->leaf->field, 0, err);
  if (status == TL_OK && rows > 0) status = pass_rows(c, rows, codes, out, err);
  return tl_cursor_fail(c, status, err);
}

tl_status tl_cursor_skip_entries(tl_cursor *c, int64_t rows, tl_error *err) {
  int64_t target = c->row + rows;
  if (rows >= TL_LONG_WAY) TL_TRY(tl_cursor_jump(c, target, err));
  return target > c->row ? pass_rows(c, target - c->row, false, NULL, err) : TL_OK;
}
