/* A column chunk of another file into a row group as it is: its pages are copied, not decoded, and the indexes told anew. */
#include <libdeflate.h>
#include <string.h>
#include "parquet/group_inside.h"
#include "parquet/index.h"
#include "parquet/page.h"

static void set_bounds(tl_bounds *out, tl_bytes min, tl_bytes max, bool min_inexact, bool max_inexact) {
  *out = (tl_bounds){0};
  if (min.data == NULL || max.data == NULL || min.size > TL_BOUND_BYTES || max.size > TL_BOUND_BYTES) return;
  out->known = true;
  out->min_inexact = min_inexact;
  out->max_inexact = max_inexact;
  out->min_size = (uint8_t)min.size;
  out->max_size = (uint8_t)max.size;
  memcpy(out->min, min.data, min.size);
  memcpy(out->max, max.data, max.size);
}

/* Every page as the indexes of the file tell it; `begin` is where the chunk begins there, `at` here. */
static tl_status note_pages(tl_group *g, const tl_offset_index *places, const tl_column_index *bounds, int64_t begin, int64_t at, tl_error *err) {
  TL_TRY(tl_reserve(g->env, &g->notes, &g->note_capacity, (size_t)(g->note_count + places->count), sizeof *g->notes, err));
  for (int64_t i = 0; i < places->count; i++) {
    tl_page_note *n = &g->notes[g->note_count++];
    *n = (tl_page_note){.offset = at + places->pages[i].offset - begin, .size = places->pages[i].size, .first_row = places->pages[i].first_row};
    if (i >= bounds->count) continue;
    const tl_page_bounds *b = &bounds->pages[i];
    n->all_null = b->all_null;
    n->nulls = b->null_count >= 0 ? b->null_count : 0;
    if (!b->all_null) set_bounds(&n->bounds, b->min, b->max, true, true);
  }
  return TL_OK;
}

/* Pages that have a checksum must be what they were. */
static tl_status check_pages(const uint8_t *data, int64_t size, const char *path, tl_error *err) {
  tl_page page;
  for (int64_t at = 0; at < size; at += (int64_t)page.header_size + page.stored_size) {
    TL_TRY(tl_page_parse(&page, (tl_bytes){data + at, (size_t)(size - at)}, err));
    const uint8_t *body = data + at + page.header_size;
    if (page.stored_size < 0 || page.stored_size > size - at - (int64_t)page.header_size)
      return tl_fail(err, TL_CORRUPT, "%s: a page lies outside of its chunk", path);
    if (page.has_crc && libdeflate_crc32(0, body, (size_t)page.stored_size) != page.crc)
      return tl_fail(err, TL_CORRUPT, "%s: the CRC of a page that is to be copied does not match: the data is damaged", path);
  }
  return TL_OK;
}

tl_status tl_group_put_chunk(tl_group *g, tl_parquet *file, int number, int leaf, tl_error *err) {
  tl_chunk c = tl_meta_chunk(&file->meta, number, leaf);
  TL_OWNED(tl_offset_index) places = {0};
  TL_OWNED(tl_column_index) bounds = {0};
  bool told = c.dictionary_offset > 0 && c.dictionary_offset < c.data_offset;
  int64_t begin = told ? c.dictionary_offset : c.data_offset, at = (int64_t)g->bytes.size;
  if (c.damaged || c.elsewhere || c.encrypted || file->meta.groups[number].row_count != g->row_count)
    return tl_fail(err, TL_CORRUPT, "%s: a column of row group %d cannot be copied", file->path, number);
  TL_TRY(tl_offset_index_load(&places, file, number, leaf, err));
  TL_TRY(tl_column_index_load(&bounds, file, number, leaf, err));
  if (places.count == 0 || (bounds.count > 0 && bounds.count != places.count))
    return tl_fail(err, TL_CORRUPT, "%s: a column of row group %d has no page index", file->path, number);
  if (begin < 0 || c.compressed_size < 0 || begin > file->size - c.compressed_size)
    return tl_fail(err, TL_CORRUPT, "%s: a column lies outside of the file", file->path);
  TL_TRY(tl_buffer_reserve(&g->bytes, (size_t)c.compressed_size, err));
  TL_TRY(tl_parquet_read_bytes(file, g->bytes.data + g->bytes.size, (size_t)c.compressed_size, begin, err));
  TL_TRY(check_pages(g->bytes.data + g->bytes.size, c.compressed_size, file->path, err));
  g->bytes.size += (size_t)c.compressed_size;
  tl_chunk_notes *about = &g->about[g->next];
  *about = (tl_chunk_notes){.first_note = g->note_count, .notes = places.count, .text_bytes = c.byte_array_bytes};
  set_bounds(&about->bounds, c.statistics.min, c.statistics.max, c.statistics.min_inexact, c.statistics.max_inexact);
  TL_TRY(note_pages(g, &places, &bounds, begin, at, err));
  c.data_offset += at - begin;
  c.dictionary_offset = told ? c.dictionary_offset + at - begin : -1;
  c.statistics.min = c.statistics.max = (tl_bytes){0};
  c.column_index = c.offset_index = c.bloom = (tl_extent){-1, 0};
  g->chunks[g->next++] = c;
  return TL_OK;
}
