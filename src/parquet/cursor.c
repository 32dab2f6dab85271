#include "parquet/cursor_inside.h"
#include <string.h>
#include "codec/compressor.h"

enum { WINDOW = 1 << 19, GLANCE = 1 << 12 };

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

tl_status tl_cursor_next_page(tl_cursor *c, tl_error *err) {
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

tl_status tl_cursor_open_page(tl_cursor *c, tl_error *err) {
  tl_bytes body;
  TL_TRY(read_body(c, &body, err));
  TL_TRY(tl_page_open(&c->streams, &c->page, body, c->chunk.codec, c->leaf, &c->scratch->memory, err));
  c->opened = true;
  return TL_OK;
}

tl_status tl_cursor_leave_page(tl_cursor *c, tl_error *err) {
  if (c->opened) TL_TRY(tl_page_close(&c->streams, err));
  c->at = c->page.offset + (int64_t)c->page.header_size + c->page.stored_size;
  c->opened = false;
  return TL_OK;
}

tl_status tl_cursor_jump(tl_cursor *c, int64_t row, tl_error *err) {
  tl_offset_index *x = &c->places;
  if (c->chunk.offset_index.offset < 0) return TL_OK;
  if (x->count == 0) TL_TRY(tl_offset_index_load(x, c->file, c->group, c->leaf_index, err));
  if (x->count == 0) return TL_OK;
  int64_t low = page_of_row(x, row);
  if (x->pages[low].first_row <= c->row + c->page_left) return TL_OK;
  TL_TRY(tl_cursor_take_dictionary(c, err));
  if (c->opened && c->page_left == 0) TL_TRY(tl_cursor_leave_page(c, err));
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
  return tl_cursor_next_page(c, err);
}

void tl_cursor_place(const tl_cursor *c, tl_page_cursor *out) {
  bool inside = c->page_left > 0;
  out->dictionary = c->dictionary_seen;
  out->at = inside ? c->page.offset : c->at;
  out->row = inside ? c->page_row : c->row;
  out->index = inside ? c->index - 1 : c->index;
}

tl_status tl_cursor_skip(tl_cursor *c, int64_t rows, tl_error *err) {
  if (rows <= 0) return TL_OK;
  return tl_cursor_fail(c, c->definition == NULL ? tl_cursor_skip_rows(c, rows, err) : tl_cursor_skip_entries(c, rows, err), err);
}
