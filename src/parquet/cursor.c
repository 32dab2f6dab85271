#include "parquet/cursor.h"
#include <string.h>
#include "codec/compressor.h"

enum { WINDOW = 1 << 19, GLANCE = 1 << 12, LONG_WAY = 1 << 14 };

/* ---- bytes of the chunk ---- */

/* At least `wanted` bytes at c->at, or all that the chunk has. */
static tl_status view(tl_cursor *c, size_t wanted, tl_bytes *out, tl_error *err) {
  tl_page_scratch *s = c->scratch;
  int64_t left = c->end - c->at;
  if ((int64_t)wanted > left) wanted = (size_t)left;
  const uint8_t *mapped = tl_parquet_view(c->file, c->at);
  if (mapped != NULL) {
    *out = (tl_bytes){mapped, (size_t)left};
    return TL_OK;
  }
  int64_t from = c->at - s->window_at;
  bool inside = from >= 0 && from <= (int64_t)s->window.size;
  size_t have = inside ? s->window.size - (size_t)from : 0;
  if (have < wanted || !inside) { /* what is there moves to the front, the rest is read behind it */
    int64_t start = c->file->env->tick_ns(c->file->env);
    size_t least = c->skips || c->sparse ? GLANCE : s->piece > 0 ? s->piece : WINDOW, size = wanted > least ? wanted : least;
    if ((int64_t)size > left) size = (size_t)left;
    s->window.env = s->env;
    if (have > 0) memmove(s->window.data, s->window.data + from, have);
    s->window.size = have;
    TL_TRY(tl_buffer_reserve(&s->window, size - have, err));
    s->window.size = 0; /* until it is whole */
    TL_TRY(tl_parquet_read_bytes(c->file, s->window.data + have, size - have, c->at + (int64_t)have, err));
    s->window.size = size;
    s->window_at = c->at;
    s->bytes_read += (int64_t)(size - have);
    s->io_ns += c->file->env->tick_ns(c->file->env) - start;
    from = 0;
  }
  *out = (tl_bytes){s->window.data + from, s->window.size - (size_t)from};
  return TL_OK;
}

tl_status tl_cursor_fail(const tl_cursor *c, tl_status status, tl_error *err) {
  if (status == TL_OK) return TL_OK;
  return tl_fail_in(err, status, "%s: column %s, row group %d, page %d, byte %lld: ", c->file->path, c->leaf->field.name, c->group, c->index,
                    (long long)(c->page_left > 0 || c->opened ? c->page.offset : c->at));
}

/* ---- opening ---- */

static tl_status locate(tl_cursor *c, tl_error *err) {
  const tl_chunk *k = &c->chunk;
  int64_t size = c->file->size, rows = c->file->meta.groups[c->group].row_count;
  if (k->damaged) return tl_fail(err, TL_CORRUPT, "the footer is damaged where it speaks of the column");
  if (k->encrypted) return tl_fail(err, TL_UNSUPPORTED, "the column is encrypted");
  if (k->elsewhere) return tl_fail(err, TL_UNSUPPORTED, "the column lies in another file");
  if (tl_compressor_find(k->codec) == NULL)
    return tl_fail(err, TL_UNSUPPORTED, "compressed with %s (%d), which this version does not read", tl_compressor_name(k->codec), k->codec);
  if (c->leaf->max_repetition == 0 && k->value_count != rows)
    return tl_fail(err, TL_CORRUPT, "the footer is damaged: the column has %lld values, the row group %lld rows", (long long)k->value_count, (long long)rows);
  c->at = k->dictionary_offset > 0 && k->dictionary_offset < k->data_offset ? k->dictionary_offset : k->data_offset;
  if (k->compressed_size < 0 || c->at < 4 || c->at > size - 8 || k->compressed_size > size - 8 - c->at)
    return tl_fail(err, TL_CORRUPT, "the chunk lies at byte %lld with %lld bytes, the file has %lld", (long long)c->at, (long long)k->compressed_size,
                   (long long)size);
  /* A page has at most 2^31 values and a header of at least so many bytes: what a group claims beyond that is in none of its chunks. */
  enum { LEAST_HEADER = 8 };
  if (rows / INT32_MAX > k->compressed_size / LEAST_HEADER)
    return tl_fail(err, TL_CORRUPT, "the row group has %lld rows, the column %lld bytes", (long long)rows, (long long)k->compressed_size);
  /* Some old writers left the dictionary's header out of the size: a little room behind the chunk, as other readers give it. */
  enum { FORGOTTEN = 100 };
  int64_t behind = size - 8 - c->at - k->compressed_size;
  c->end = c->at + k->compressed_size + (behind < FORGOTTEN ? behind : FORGOTTEN);
  return TL_OK;
}

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

tl_status tl_cursor_open(tl_cursor *c, tl_parquet *file, int group, int leaf, tl_page_scratch *s, tl_error *err) {
  *c = (tl_cursor){
      .file = file, .scratch = s, .group = group, .leaf_index = leaf, .leaf = &file->meta.leaves[leaf], .chunk = tl_meta_chunk(&file->meta, group, leaf)};
  if (s->limit == 0) s->limit = INT32_MAX;
  s->window.size = 0;
  s->memory.env = s->memory.plain.env = s->env;
  s->memory.limit = s->limit;
  s->memory.dictionary.field.name = NULL;
  return tl_cursor_fail(c, locate(c, err), err);
}

tl_status tl_cursor_use_entries(tl_cursor *c, tl_error *err) {
  find_least(c);
  TL_TRY(tl_allocate(c->file->env, &c->definition, 2 * TL_LEVEL_WINDOW, 1, err));
  c->repetition = c->definition + TL_LEVEL_WINDOW;
  return TL_OK;
}

void tl_cursor_free(tl_cursor *c) {
  if (c->file == NULL) return;
  tl_release(c->file->env, c->definition);
  tl_offset_index_free(&c->places);
  *c = (tl_cursor){0};
}

/* ---- pages ---- */

/* The header at c->at; c->at moves to the page's body. A header may be long, so the view grows until it parses. */
static tl_status read_header(tl_cursor *c, tl_page *page, tl_error *err) {
  tl_bytes bytes;
  if (c->at >= c->end)
    return tl_fail(err, TL_CORRUPT, "the chunk ends after %lld of %lld rows", (long long)c->row, (long long)c->file->meta.groups[c->group].row_count);
  for (size_t wanted = 1024;; wanted *= 8) {
    TL_TRY(view(c, wanted, &bytes, err));
    tl_status status = tl_page_parse(page, bytes, err);
    if (status == TL_OK) break;
    if ((int64_t)bytes.size >= c->end - c->at || bytes.size > 16 << 20) return status;
  }
  page->offset = c->at;
  c->at += (int64_t)page->header_size;
  c->index++;
  if (page->stored_size > c->end - c->at)
    return tl_fail(err, TL_CORRUPT, "the page has %lld bytes, its chunk %lld more", (long long)page->stored_size, (long long)(c->end - c->at));
  return TL_OK;
}

static tl_status read_body(tl_cursor *c, tl_bytes *body, tl_error *err) {
  const tl_page *page = &c->page;
  int64_t size = page->stored_size > page->plain_size ? page->stored_size : page->plain_size;
  if (size > c->scratch->limit)
    return tl_fail(err, TL_MEMORY, "a page of %lld bytes exceeds the memory for one page (%lld); --memory decides", (long long)size,
                   (long long)c->scratch->limit);
  c->skips = false;
  TL_TRY(view(c, (size_t)page->stored_size, body, err));
  body->size = (size_t)page->stored_size;
  return TL_OK;
}

/* The last page that begins at a row or before it. */
static int64_t page_of_row(const tl_offset_index *x, int64_t row) {
  int64_t low = 0, high = x->count - 1;
  while (low < high) {
    int64_t middle = (low + high + 1) / 2;
    if (x->pages[middle].first_row <= row)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

/* A page must have the rows that the offset index, which led here, says of it. The pages of a leaf that repeats do not tell in time. */
static tl_status check_place(const tl_cursor *c, tl_error *err) {
  const tl_offset_index *x = &c->places;
  if (x->count == 0 || c->page.values == 0 || c->leaf->max_repetition > 0) return TL_OK;
  int64_t i = page_of_row(x, c->row), group_rows = c->file->meta.groups[c->group].row_count;
  int64_t rows = (i + 1 < x->count ? x->pages[i + 1].first_row : group_rows) - x->pages[i].first_row;
  if (x->pages[i].offset == c->page.offset && x->pages[i].first_row == c->row && rows == c->page.values) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "the page has %lld rows from row %lld on; the offset index has %lld rows from row %lld on, at byte %lld",
                 (long long)c->page.values, (long long)c->row, (long long)rows, (long long)x->pages[i].first_row, (long long)x->pages[i].offset);
}

/* Goes on to the next data page: its header is read, its body not yet. Dictionaries on the way are taken. */
static tl_status next_page(tl_cursor *c, tl_error *err) {
  int64_t rows = c->file->meta.groups[c->group].row_count;
  bool repeats = c->leaf->max_repetition > 0;
  for (;;) {
    TL_TRY(read_header(c, &c->page, err));
    if (c->page.type == TL_PAGE_DICTIONARY) {
      tl_bytes body;
      if (c->dictionary_seen) return tl_fail(err, TL_CORRUPT, "a second dictionary in one column chunk");
      TL_TRY(read_body(c, &body, err));
      TL_TRY(tl_page_dictionary(&c->page, body, c->chunk.codec, c->leaf, &c->scratch->memory, err));
      c->dictionary_seen = true;
    } else if (c->page.type == TL_PAGE_DATA || c->page.type == TL_PAGE_DATA_V2)
      break;
    c->at += c->page.stored_size;
  }
  if (!repeats && c->page.values > rows - c->row)
    return tl_fail(err, TL_CORRUPT, "the page has %lld rows, %lld are left in the group", (long long)c->page.values, (long long)(rows - c->row));
  TL_TRY(check_place(c, err));
  c->page_left = c->page.values;
  c->page_row = c->row;
  c->opened = false;
  return TL_OK;
}

static tl_status open_page(tl_cursor *c, tl_error *err) {
  tl_bytes body;
  TL_TRY(read_body(c, &body, err));
  TL_TRY(tl_page_open(&c->streams, &c->page, body, c->chunk.codec, c->leaf, &c->scratch->memory, err));
  c->opened = true;
  return TL_OK;
}

/* All of the page is behind us. */
static tl_status leave_page(tl_cursor *c, tl_error *err) {
  if (c->opened) TL_TRY(tl_page_close(&c->streams, err));
  c->at = c->page.offset + (int64_t)c->page.header_size + c->page.stored_size;
  c->opened = false;
  return TL_OK;
}

/* ---- rows of a leaf that does not repeat ---- */

static void advance(tl_cursor *c, int64_t rows) {
  c->row += rows;
  c->page_left -= rows;
}

/* Goes to the page that holds a row far ahead, by way of the dictionary, where the file says how. */
static tl_status jump(tl_cursor *c, int64_t row, tl_error *err) {
  tl_offset_index *x = &c->places;
  if (c->chunk.offset_index.offset < 0) return TL_OK;
  if (x->count == 0) TL_TRY(tl_offset_index_load(x, c->file, c->group, c->leaf_index, err));
  if (x->count == 0) return TL_OK;
  int64_t low = page_of_row(x, row);
  if (x->pages[low].first_row <= c->row + c->page_left) return TL_OK;
  TL_TRY(tl_cursor_take_dictionary(c, err));
  if (c->opened && c->page_left == 0) TL_TRY(leave_page(c, err));
  c->end = x->pages[x->count - 1].offset + x->pages[x->count - 1].size; /* entries are not counted any more */
  c->entries = 0;
  c->at = x->pages[low].offset;
  c->row = x->pages[low].first_row;
  c->page_left = 0;
  c->opened = false;
  c->window_at = c->window_count = 0;
  c->index = (int)low + c->dictionary_seen;
  return TL_OK;
}

tl_status tl_cursor_take_dictionary(tl_cursor *c, tl_error *err) {
  if (c->index > 0) return TL_OK;
  c->skips = c->chunk.dictionary_offset < 0;
  return next_page(c, err);
}

void tl_cursor_place(const tl_cursor *c, tl_page_cursor *out) {
  bool inside = c->page_left > 0;
  out->dictionary = c->dictionary_seen;
  out->at = inside ? c->page.offset : c->at;
  out->row = inside ? c->page_row : c->row;
  out->index = inside ? c->index - 1 : c->index;
}

static tl_status skip_rows(tl_cursor *c, int64_t rows, tl_error *err) {
  if (rows >= LONG_WAY) {
    int64_t target = c->row + rows;
    TL_TRY(jump(c, target, err));
    rows = target - c->row;
  }
  while (rows > 0) {
    c->skips = rows > 0 && c->index > 0;
    if (c->page_left == 0) TL_TRY(next_page(c, err));
    int64_t n = rows < c->page_left ? rows : c->page_left;
    if (c->opened || n < c->page_left) {
      if (!c->opened) TL_TRY(open_page(c, err));
      TL_TRY(tl_page_skip(&c->streams, n, err));
    }
    advance(c, n);
    rows -= n;
    if (c->page_left == 0) TL_TRY(leave_page(c, err));
  }
  c->skips = false;
  return TL_OK;
}

/* A row takes at least one bit somewhere, but runs and nulls take none: what bounds the rows is the memory for them. */
static tl_status check_rows(const tl_cursor *c, int64_t count, tl_error *err) {
  int64_t width = tl_field_width(&c->leaf->field) + 9;
  if (count <= c->scratch->limit / width * 8) return TL_OK;
  return tl_fail(err, TL_MEMORY, "%lld rows of one column exceed the memory for a page", (long long)count);
}

static tl_status take_codes(tl_cursor *c, int64_t rows, tl_column *out, tl_error *err) {
  TL_TRY(tl_renew(out->env, &out->codes, &out->code_capacity, (size_t)rows + 1, sizeof *out->codes, err));
  out->dictionary = &c->scratch->memory.dictionary;
  return TL_OK;
}

/* The rows that came so far become values, because the page does not have codes. */
static tl_status give_up_codes(tl_cursor *c, tl_column *out, int64_t done, tl_error *err) {
  int64_t count = out->count;
  out->count = done;
  TL_TRY(tl_column_flatten(out, c->scratch->limit * 4, err));
  out->count = count;
  size_t width = (size_t)tl_field_width(&out->field);
  if (width == 0) return tl_reserve(out->env, &out->offsets, &out->offsets_capacity, (size_t)count + 1, sizeof *out->offsets, err);
  return tl_reserve(out->env, &out->values, &out->values_capacity, (size_t)count * width + 64, 1, err);
}

static tl_status read_rows(tl_cursor *c, int64_t rows, bool codes, tl_column *out, tl_error *err) {
  for (int64_t done = 0; done < rows;) {
    if (c->page_left == 0) TL_TRY(next_page(c, err));
    if (c->page_left == 0) { /* a page without rows */
      TL_TRY(leave_page(c, err));
      continue;
    }
    if (!c->opened) TL_TRY(open_page(c, err));
    bool coded = tl_values_are_codes(&c->streams.values) && c->dictionary_seen;
    if (done == 0 && coded && codes) TL_TRY(take_codes(c, rows, out, err));
    if (out->dictionary != NULL && !coded) TL_TRY(give_up_codes(c, out, done, err));
    int64_t n = rows - done < c->page_left ? rows - done : c->page_left;
    TL_TRY(tl_page_read(&c->streams, n, out, done, err));
    advance(c, n);
    done += n;
    if (c->page_left == 0) TL_TRY(leave_page(c, err));
  }
  return TL_OK;
}

tl_status tl_cursor_read(tl_cursor *c, int64_t rows, bool codes, tl_column *out, tl_error *err) {
  tl_status status = check_rows(c, rows, err);
  if (status == TL_OK) status = tl_column_reset(out, &c->leaf->field, rows, err);
  if (status == TL_OK) status = read_rows(c, rows, codes, out, err);
  return tl_cursor_fail(c, status, err);
}

/* ---- entries ---- */

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
    if (c->opened) TL_TRY(leave_page(c, err));
    if (c->at >= c->end || c->entries >= c->chunk.value_count) return TL_OK;
    TL_TRY(next_page(c, err));
    if (c->page_left == 0) TL_TRY(leave_page(c, err));
  }
  if (!c->opened) TL_TRY(open_page(c, err));
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
  if (v->dictionary != NULL && !coded) TL_TRY(give_up_codes(c, v, v->count, err));
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

tl_status tl_cursor_skip(tl_cursor *c, int64_t rows, tl_error *err) {
  if (rows <= 0) return TL_OK;
  tl_status status = TL_OK;
  if (c->definition == NULL)
    status = skip_rows(c, rows, err);
  else {
    int64_t target = c->row + rows;
    if (rows >= LONG_WAY) status = jump(c, target, err);
    if (status == TL_OK && target > c->row) status = pass_rows(c, target - c->row, false, NULL, err);
  }
  return tl_cursor_fail(c, status, err);
}

/* ---- what comes next, in its own form ---- */

/* Missing rows that are one run are one stretch, however many they are: a page of a few bytes may have two thousand million of them. */
static tl_status run_of_missing(tl_cursor *c, uint32_t *rows, tl_error *err) {
  tl_levels *l = &c->streams.definition;
  uint32_t level, most = c->page_left > INT32_MAX ? INT32_MAX : (uint32_t)c->page_left;
  bool repeated;
  *rows = 0;
  if (l->max == 0 || l->bits) return TL_OK;
  TL_TRY(tl_rle_peek(&l->runs, most, rows, &repeated, &level, err));
  if (!repeated || level == (uint32_t)l->max) *rows = 0;
  return TL_OK;
}

static tl_status pull(tl_cursor *c, int64_t most, tl_column *memory, tl_stretch_of_values *out, tl_error *err) {
  while (c->page_left == 0) {
    TL_TRY(next_page(c, err));
    if (c->page_left == 0) TL_TRY(leave_page(c, err));
  }
  if (!c->opened) TL_TRY(open_page(c, err));
  enum { MOST_CODES = 1 << 20 }; /* codes need no room */
  tl_values *v = &c->streams.values;
  uint32_t missing;
  TL_TRY(run_of_missing(c, &missing, err));
  int64_t width = tl_field_width(&c->leaf->field), room = width > 0 ? c->scratch->limit / width : most;
  if (tl_values_are_codes(v))
    most = MOST_CODES;
  else if (most > room)
    most = room > 0 ? room : 1;
  if (missing > 0) most = missing;
  int64_t rows = most < c->page_left ? most : c->page_left, present;
  *out = (tl_stretch_of_values){.rows = rows, .column = memory};
  TL_TRY(tl_levels_validity(&c->streams.definition, rows, NULL, 0, &present, err));
  out->present = present;
  if (present == 0) TL_TRY(tl_column_reset(memory, &c->leaf->field, 0, err));
  if (present > 0 && tl_values_are_codes(v)) {
    out->codes = v;
    out->dictionary = &c->scratch->memory.dictionary;
  } else if (present > 0 && (out->values = tl_values_view(v, present)) == NULL) {
    TL_TRY(tl_column_reset(memory, &c->leaf->field, present, err));
    TL_TRY(tl_values_read(v, present, memory, 0, err));
    out->values = c->leaf->field.physical == TL_PHYSICAL_BYTE_ARRAY ? NULL : memory->values;
  }
  c->streams.nulls += rows - present;
  c->streams.left -= rows;
  advance(c, rows);
  return TL_OK;
}

tl_status tl_cursor_pull(tl_cursor *c, int64_t most, tl_column *memory, tl_stretch_of_values *out, tl_error *err) {
  tl_status status = c->opened && c->page_left == 0 ? leave_page(c, err) : TL_OK;
  if (status == TL_OK) status = pull(c, most, memory, out, err);
  return tl_cursor_fail(c, status, err);
}
