#include "parquet/walk.h"
#include <libdeflate.h>

enum { GLANCE = 1 << 12, MOST_HEADER = 16 << 20, CRC_PIECE = 1 << 18, FORGOTTEN = 100 };

tl_status tl_page_walk_fail(const tl_page_walk *w, tl_status status, int64_t at, tl_error *err) {
  if (status == TL_OK) return TL_OK;
  return tl_fail_in(err, status, "%s: column %s, row group %d, page %d, byte %lld: ", w->file->path, w->file->meta.leaves[w->leaf].field.name, w->group,
                    w->index, (long long)at);
}

static tl_status locate(tl_page_walk *w, tl_error *err) {
  const tl_chunk *k = &w->chunk;
  int64_t last = w->file->size - 8;
  if (k->encrypted) return tl_fail(err, TL_UNSUPPORTED, "the column is encrypted");
  if (k->elsewhere) return tl_fail(err, TL_UNSUPPORTED, "the column lies in another file");
  if (k->value_count == 0 && (k->data_offset < 4 || k->compressed_size <= 0)) return TL_OK; /* no values, no pages */
  w->start = k->dictionary_offset > 0 && k->dictionary_offset < k->data_offset ? k->dictionary_offset : k->data_offset;
  if (k->compressed_size < 0 || w->start < 4 || w->start > last || k->compressed_size > last - w->start)
    return tl_fail(err, TL_CORRUPT, "the chunk lies at byte %lld with %lld bytes, the file has %lld", (long long)w->start, (long long)k->compressed_size,
                   (long long)w->file->size);
  w->at = w->start;
  w->end = w->start + k->compressed_size;
  w->most_end = last - w->end < FORGOTTEN ? last : w->end + FORGOTTEN;
  return TL_OK;
}

tl_status tl_page_walk_open(tl_page_walk *w, tl_parquet *file, int group, int leaf, tl_error *err) {
  *w = (tl_page_walk){.file = file, .group = group, .leaf = leaf, .chunk = tl_meta_chunk(&file->meta, group, leaf), .window = {.env = file->env}};
  return tl_page_walk_fail(w, locate(w, err), w->start, err);
}

void tl_page_walk_free(tl_page_walk *w) {
  tl_buffer_free(&w->window);
  *w = (tl_page_walk){0};
}

/* At least `wanted` bytes at w->at, or all that the chunk may have. */
static tl_status view(tl_page_walk *w, int64_t wanted, tl_bytes *out, tl_error *err) {
  int64_t left = w->most_end - w->at, from = w->at - w->window_at;
  if (wanted > left) wanted = left;
  const uint8_t *there = tl_parquet_view(w->file, w->at);
  if (there != NULL) {
    *out = (tl_bytes){there, (size_t)left};
    return TL_OK;
  }
  if (from < 0 || from > (int64_t)w->window.size || (int64_t)w->window.size - from < wanted) {
    int64_t size = wanted > GLANCE ? wanted : left < GLANCE ? left : GLANCE;
    w->window.size = 0;
    TL_TRY(tl_buffer_reserve(&w->window, (size_t)size + 1, err));
    TL_TRY(tl_parquet_read_bytes(w->file, w->window.data, (size_t)size, w->at, err));
    w->window.size = (size_t)size;
    w->window_at = w->at;
    from = 0;
  }
  *out = (tl_bytes){w->window.data + from, w->window.size - (size_t)from};
  return TL_OK;
}

/* A header may be long (it can hold statistics), so the view grows until it parses. */
static tl_status read_header(tl_page_walk *w, tl_page *page, tl_error *err) {
  tl_bytes bytes;
  for (int64_t wanted = 512;; wanted *= 8) {
    TL_TRY(view(w, wanted, &bytes, err));
    tl_status status = tl_page_parse(page, bytes, err);
    if (status == TL_OK) break;
    if ((int64_t)bytes.size >= w->most_end - w->at || (int64_t)bytes.size > MOST_HEADER) return status;
  }
  page->offset = w->at;
  int64_t left = w->most_end - w->at - (int64_t)page->header_size;
  if (page->stored_size > left) return tl_fail(err, TL_CORRUPT, "the page has %lld bytes, its chunk %lld more", (long long)page->stored_size, (long long)left);
  return TL_OK;
}

tl_status tl_page_walk_next(tl_page_walk *w, tl_page *page, bool *more, tl_error *err) {
  int64_t count = w->chunk.value_count;
  *more = w->at < w->end || (w->values < count && w->at < w->most_end);
  if (!*more && w->values < count)
    return tl_page_walk_fail(w, tl_fail(err, TL_CORRUPT, "the chunk ends after %lld of %lld values", (long long)w->values, (long long)count), w->at, err);
  if (!*more) return TL_OK;
  TL_TRY(tl_page_walk_fail(w, read_header(w, page, err), w->at, err));
  bool is_data = page->type == TL_PAGE_DATA || page->type == TL_PAGE_DATA_V2;
  if (is_data && page->values > count - w->values)
    return tl_page_walk_fail(
        w, tl_fail(err, TL_CORRUPT, "the page has %lld values, %lld are left in the chunk", (long long)page->values, (long long)(count - w->values)), w->at,
        err);
  w->at += (int64_t)page->header_size + page->stored_size;
  w->values += is_data ? page->values : 0;
  w->index++;
  return TL_OK;
}

tl_status tl_page_walk_crc(tl_page_walk *w, const tl_page *page, tl_crc *out, tl_error *err) {
  TL_OWNED(tl_buffer) piece = {.env = w->file->env};
  uint32_t crc = 0;
  int64_t at = page->offset + (int64_t)page->header_size, end = at + page->stored_size;
  *out = TL_CRC_ABSENT;
  if (!page->has_crc) return TL_OK;
  for (int64_t size; at < end; at += size) {
    size = end - at < CRC_PIECE ? end - at : CRC_PIECE;
    const uint8_t *bytes = tl_parquet_view(w->file, at);
    if (bytes == NULL) {
      TL_TRY(tl_buffer_reserve(&piece, (size_t)size, err));
      TL_TRY(tl_parquet_read_bytes(w->file, piece.data, (size_t)size, at, err));
      bytes = piece.data;
    }
    crc = libdeflate_crc32(crc, bytes, (size_t)size);
  }
  *out = crc == page->crc ? TL_CRC_GOOD : TL_CRC_WRONG;
  return TL_OK;
}

static void count_page(tl_page_count *n, const tl_page *page) {
  n->pages++;
  n->with_crc += page->has_crc;
  if (page->type == TL_PAGE_DICTIONARY) n->dictionary_entries = page->values;
  if (page->type != TL_PAGE_DATA && page->type != TL_PAGE_DATA_V2) return;
  n->data_pages++;
  if (page->encoding >= 0 && page->encoding < 32) n->encodings |= 1u << page->encoding;
}

tl_status tl_page_count_chunk(tl_page_count *out, tl_parquet *file, int group, int leaf, int64_t most, tl_error *err) {
  TL_OWNED(tl_page_walk) w = {0};
  tl_page page;
  *out = (tl_page_count){.dictionary_entries = -1};
  TL_TRY(tl_page_walk_open(&w, file, group, leaf, err));
  for (bool more = true; out->pages < most;) {
    TL_TRY(tl_page_walk_next(&w, &page, &more, err));
    out->complete = !more;
    if (!more) break;
    count_page(out, &page);
  }
  return TL_OK;
}
