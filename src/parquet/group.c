/* Columns to the bytes of a row group: doubles and integers as features have them, keys of streams. Any other column: group_leaf.c. */
#include <libdeflate.h>
#include <math.h>
#include <string.h>
#include "codec/compressor.h"
#include "codec/delta.h"
#include "codec/rle.h"
#include "codec/split.h"
#include "column/survey.h"
#include "parquet/group_inside.h"
#include "parquet/thrift.h"

void tl_group_free(tl_group *g) {
  tl_buffer_free(&g->bytes);
  tl_buffer_free(&g->page);
  tl_buffer_free(&g->packed);
  tl_release(g->env, g->chunks);
  tl_release(g->env, g->about);
  tl_release(g->env, g->notes);
  tl_buffer_free(&g->blooms);
  tl_release(g->env, g->values);
  tl_release(g->env, g->codes);
  tl_release(g->env, g->levels);
  *g = (tl_group){.env = g->env};
}

tl_status tl_group_begin(tl_group *g, int leaf_count, int64_t rows, tl_error *err) {
  g->bytes.env = g->page.env = g->packed.env = g->blooms.env = g->env;
  g->bytes.size = g->blooms.size = 0;
  g->note_count = 0;
  g->leaf_count = leaf_count;
  g->next = 0;
  g->row_count = rows;
  TL_TRY(tl_reserve(g->env, &g->chunks, &g->chunk_capacity, (size_t)leaf_count, sizeof *g->chunks, err));
  return tl_reserve(g->env, &g->about, &g->about_capacity, (size_t)leaf_count, sizeof *g->about, err);
}

/* ---- pages ---- */

/* Whether a page holds nothing is known from its bounds, except for NaN, which has none: info says it. */
static tl_status note_page(tl_group *g, tl_page_info info, size_t at, size_t size, tl_error *err) {
  TL_TRY(tl_reserve(g->env, &g->notes, &g->note_capacity, (size_t)g->note_count + 1, sizeof *g->notes, err));
  tl_page_note *n = &g->notes[g->note_count++];
  *n = (tl_page_note){.offset = (int64_t)at, .size = (int64_t)size, .first_row = info.first_row, .nulls = info.nulls, .all_null = info.nulls == info.values};
  if (info.bounds != NULL) n->bounds = *info.bounds;
  return TL_OK;
}

/* Compresses g->page and appends it behind its header. */
tl_status tl__group_page(tl_group *g, tl_chunk *c, tl_page_info info, int level, tl_error *err) {
  tl_bytes body = tl_buffer_view(&g->page);
  if (c->codec != TL_CODEC_NONE) {
    const tl_compressor *compressor = tl_compressor_find(c->codec);
    if (compressor == NULL || compressor->compress == NULL) return tl_fail(err, TL_USAGE, "%s cannot be written", tl_compressor_name(c->codec));
    g->packed.size = 0;
    TL_TRY(compressor->compress(&g->packed, body, level, err));
    body = tl_buffer_view(&g->packed);
  }
  size_t before = g->bytes.size;
  tl_thrift_out writer = {.out = &g->bytes, .err = err, .depth = -1}, *t = &writer;
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_int(t, 1, TL_THRIFT_I32, info.dictionary ? 2 : 0);
  tl_thrift_put_int(t, 2, TL_THRIFT_I32, (int64_t)g->page.size);
  tl_thrift_put_int(t, 3, TL_THRIFT_I32, (int64_t)body.size);
  tl_thrift_put_int(t, 4, TL_THRIFT_I32, (int32_t)libdeflate_crc32(0, body.data, body.size));
  tl_thrift_open_struct(t, info.dictionary ? 7 : 5);
  tl_thrift_put_int(t, 1, TL_THRIFT_I32, info.values);
  tl_thrift_put_int(t, 2, TL_THRIFT_I32, info.encoding);
  if (!info.dictionary) {
    tl_thrift_put_int(t, 3, TL_THRIFT_I32, TL_ENCODING_RLE);
    tl_thrift_put_int(t, 4, TL_THRIFT_I32, TL_ENCODING_RLE);
  }
  tl_thrift_close_struct(t);
  tl_thrift_close_struct(t);
  TL_TRY(t->status);
  size_t header = g->bytes.size - before;
  TL_TRY(tl_buffer_append(&g->bytes, body.data, body.size, err));
  c->uncompressed_size += (int64_t)(header + g->page.size);
  c->compressed_size += (int64_t)(header + body.size);
  c->encodings |= 1u << info.encoding;
  if (info.dictionary) return TL_OK;
  c->page_encodings |= 1u << info.encoding;
  return note_page(g, info, before, g->bytes.size - before, err);
}

/* Levels of a page are written behind their length; this fills the length in once they are there. */
static void close_levels(tl_group *g, size_t at) {
  uint32_t size = (uint32_t)(g->page.size - at - 4);
  memcpy(g->page.data + at, &size, sizeof size);
}

/* The levels in g->levels. */
static tl_status put_levels(tl_group *g, int64_t rows, tl_error *err) {
  size_t at = g->page.size;
  TL_TRY(tl_buffer_append(&g->page, &(uint32_t){0}, 4, err));
  TL_TRY(tl_rle_encode(&g->page, g->levels, rows, 1, err));
  close_levels(g, at);
  return TL_OK;
}

/* Bit i of `valid` (from bit `from` on; NULL: all set) is the level of row i. */
static tl_status put_bit_levels(tl_group *g, const uint8_t *valid, int64_t from, int64_t rows, tl_error *err) {
  TL_TRY(tl_renew(g->env, &g->levels, &g->level_capacity, (size_t)rows, sizeof *g->levels, err));
  for (int64_t i = 0; i < rows; i++) g->levels[i] = valid == NULL || (valid[(from + i) >> 3] >> ((from + i) & 7) & 1);
  return put_levels(g, rows, err);
}

/* A repeated run, as RLE writes it. */
static tl_status put_run(tl_group *g, uint32_t value, int64_t count, int bit_width, tl_error *err) {
  uint64_t head = (uint64_t)count << 1;
  if (head == 0) return TL_OK;
  for (; head >= 128; head >>= 7) TL_TRY(tl_buffer_byte(&g->page, (uint8_t)(head | 128), err));
  TL_TRY(tl_buffer_byte(&g->page, (uint8_t)head, err));
  return tl_buffer_append(&g->page, &value, (size_t)(bit_width + 7) / 8, err);
}

tl_chunk *tl__group_open(tl_group *g, int codec) {
  tl_chunk *c = &g->chunks[g->next];
  *c = (tl_chunk){.codec = codec,
                  .value_count = g->row_count,
                  .data_offset = (int64_t)g->bytes.size,
                  .dictionary_offset = -1,
                  .encodings = 1u << TL_ENCODING_RLE,
                  .statistics = {.null_count = 0, .nan_count = -1},
                  .column_index = {-1, 0},
                  .offset_index = {-1, 0},
                  .bloom = {-1, 0},
                  .byte_array_bytes = -1};
  g->about[g->next] = (tl_chunk_notes){.first_note = g->note_count, .text_bytes = -1};
  return c;
}

void tl__group_close(tl_group *g, tl_chunk *c, int64_t nulls, const tl_bounds *bounds) {
  tl_chunk_notes *about = &g->about[g->next++];
  c->statistics.null_count = nulls;
  c->byte_array_bytes = about->text_bytes;
  about->bounds = *bounds;
  about->notes = g->note_count - about->first_note;
}

/* Present fixed-width values of one page, encoded behind the levels. */
static tl_status put_values(tl_group *g, const void *values, int64_t count, int width, int encoding, tl_error *err) {
  size_t size = (size_t)count * (size_t)width;
  if (encoding == TL_ENCODING_SPLIT) {
    TL_TRY(tl_buffer_reserve(&g->page, size, err));
    tl_split_encode(g->page.data + g->page.size, values, (size_t)count, (size_t)width);
    g->page.size += size;
    return TL_OK;
  }
  return tl_buffer_append(&g->page, values, size, err);
}

/* ---- doubles ---- */

/* Levels of doubles: missing rows first, then present ones, is by far the commonest page; it takes two runs. */
static tl_status put_double_levels(tl_group *g, const double *v, int64_t rows, const tl_survey *seen, tl_error *err) {
  if (seen->lead != seen->missing) {
    TL_TRY(tl_renew(g->env, &g->levels, &g->level_capacity, (size_t)rows, sizeof *g->levels, err));
    for (int64_t i = 0; i < rows; i++) g->levels[i] = v[i] == v[i];
    return put_levels(g, rows, err);
  }
  size_t at = g->page.size;
  TL_TRY(tl_buffer_append(&g->page, &(uint32_t){0}, 4, err));
  TL_TRY(put_run(g, 0, seen->lead, 1, err));
  TL_TRY(put_run(g, 1, rows - seen->lead, 1, err));
  close_levels(g, at);
  return TL_OK;
}

static tl_status put_bits(tl_group *g, const double *v, int64_t rows, tl_error *err) {
  TL_TRY(tl_buffer_reserve(&g->page, (size_t)rows / 8 + 1, err));
  uint8_t byte = 0;
  int64_t k = 0;
  for (int64_t i = 0; i < rows; i++) {
    if (v[i] != v[i]) continue;
    byte |= (uint8_t)((v[i] != 0) << (k & 7));
    if ((++k & 7) == 0) g->page.data[g->page.size++] = byte, byte = 0;
  }
  if (k & 7) g->page.data[g->page.size++] = byte;
  return TL_OK;
}

/* The present values of a page, narrowed to float when the leaf is one. Missing rows at its start are simply skipped. */
static tl_status pack_doubles(tl_group *g, const tl_leaf *leaf, const double *v, int64_t rows, const tl_survey *seen, const void **out, tl_error *err) {
  bool narrow = leaf->field.physical == TL_PHYSICAL_FLOAT;
  v += seen->lead;
  rows -= seen->lead;
  bool whole = seen->missing == seen->lead;
  if (whole && !narrow) return *out = v, TL_OK;
  TL_TRY(tl_renew(g->env, &g->values, &g->value_capacity, (size_t)rows * 8 + 8, 1, err));
  int64_t k = 0;
  if (whole) {
    float *to = g->values;
    for (int64_t i = 0; i < rows; i++) to[i] = (float)v[i];
  } else if (narrow)
    for (int64_t i = 0; i < rows; i++) {
      float f = (float)v[i];
      memcpy((char *)g->values + 4 * k, &f, sizeof f);
      k += v[i] == v[i];
    }
  else
    for (int64_t i = 0; i < rows; i++) {
      memcpy((char *)g->values + 8 * k, &v[i], 8);
      k += v[i] == v[i];
    }
  *out = g->values;
  return TL_OK;
}

tl_status tl_group_put_doubles(tl_group *g, const tl_leaf *leaf, const double *values, tl_page_style style, tl_error *err) {
  tl_chunk *c = tl__group_open(g, style.codec);
  tl_bounds all = {0};
  int64_t nulls = 0;
  bool bits = leaf->field.physical == TL_PHYSICAL_BOOLEAN;
  int width = tl_field_width(&leaf->field);
  int encoding = bits ? TL_ENCODING_PLAIN : style.encoding == TL_ENCODING_SPLIT ? TL_ENCODING_SPLIT : TL_ENCODING_PLAIN;
  for (int64_t at = 0; at < g->row_count; at += style.page_rows) {
    const double *v = values + at;
    int64_t rows = g->row_count - at < style.page_rows ? g->row_count - at : style.page_rows;
    tl_survey seen = tl_survey_of(v, rows);
    const void *packed;
    nulls += seen.missing;
    tl_bounds bounds = {0};
    if (seen.missing < rows) tl_bounds_of_doubles(&bounds, &leaf->field, seen.min, seen.max);
    tl_bounds_merge(&all, &bounds, &leaf->field);
    g->page.size = 0;
    if (leaf->field.nullable) TL_TRY(put_double_levels(g, v, rows, &seen, err));
    if (bits)
      TL_TRY(put_bits(g, v, rows, err));
    else {
      TL_TRY(pack_doubles(g, leaf, v, rows, &seen, &packed, err));
      TL_TRY(put_values(g, packed, rows - seen.missing, width, encoding, err));
    }
    TL_TRY(tl__group_page(g, c, ((tl_page_info){.values = rows, .encoding = encoding, .first_row = at, .nulls = seen.missing, .bounds = &bounds}), style.level,
                          err));
  }
  tl__group_close(g, c, nulls, &all);
  return TL_OK;
}

/* ---- integers ---- */

tl_status tl_group_put_ints(tl_group *g, const tl_leaf *leaf, const int64_t *values, int64_t absent, tl_page_style style, tl_error *err) {
  tl_chunk *c = tl__group_open(g, style.codec);
  int width = tl_field_width(&leaf->field);
  tl_bounds all = {0};
  int64_t nulls = 0;
  TL_TRY(tl_renew(g->env, &g->values, &g->value_capacity, (size_t)style.page_rows * 9 + 16, 1, err));
  int64_t *present = g->values;
  uint8_t *valid = (uint8_t *)g->values + style.page_rows * 8;
  for (int64_t at = 0; at < g->row_count; at += style.page_rows) {
    int64_t rows = g->row_count - at < style.page_rows ? g->row_count - at : style.page_rows, k = 0, low = INT64_MAX, high = INT64_MIN;
    memset(valid, 0, (size_t)(rows + 7) / 8);
    for (int64_t i = 0; i < rows; i++) {
      int64_t v = values[at + i];
      if (leaf->field.nullable && v == absent) continue;
      valid[i >> 3] |= (uint8_t)(1u << (i & 7));
      present[k++] = v;
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    nulls += rows - k;
    tl_bounds bounds = {0};
    if (k > 0) tl_bounds_of_ints(&bounds, &leaf->field, low, high);
    tl_bounds_merge(&all, &bounds, &leaf->field);
    g->page.size = 0;
    if (leaf->field.nullable) TL_TRY(put_bit_levels(g, valid, 0, rows, err));
    int encoding = style.encoding == TL_ENCODING_DELTA ? TL_ENCODING_DELTA : TL_ENCODING_PLAIN;
    if (encoding == TL_ENCODING_DELTA)
      TL_TRY(tl_delta_encode(&g->page, present, k, width == 4, err));
    else {
      if (width == 4)
        for (int64_t i = 0; i < k; i++) memcpy((char *)g->values + 4 * i, &(int32_t){(int32_t)present[i]}, 4);
      TL_TRY(tl_buffer_append(&g->page, g->values, (size_t)(k * width), err));
    }
    TL_TRY(
        tl__group_page(g, c, ((tl_page_info){.values = rows, .encoding = encoding, .first_row = at, .nulls = rows - k, .bounds = &bounds}), style.level, err));
  }
  tl__group_close(g, c, nulls, &all);
  return TL_OK;
}

/* ---- keys ---- */

tl_status tl_group_put_runs(tl_group *g, const tl_leaf *leaf, const tl_column *values, const int64_t *lengths, int64_t count, int codec, int level,
                            tl_error *err) {
  tl_chunk *c = tl__group_open(g, codec);
  tl_bounds bounds = {0};
  (void)leaf;
  int bit_width = tl_bit_width(count > 0 ? (uint32_t)(count - 1) : 0);
  g->page.size = 0;
  TL_TRY(tl__put_plain(&g->page, values, 0, count, err));
  c->dictionary_offset = (int64_t)g->bytes.size;
  TL_TRY(tl__group_page(g, c, (tl_page_info){.values = count, .encoding = TL_ENCODING_PLAIN, .dictionary = true}, level, err));
  c->data_offset = (int64_t)g->bytes.size;
  g->page.size = 0;
  TL_TRY(tl_buffer_byte(&g->page, (uint8_t)bit_width, err));
  for (int64_t i = 0; i < count; i++) TL_TRY(put_run(g, (uint32_t)i, lengths[i], bit_width, err));
  tl_bounds_add(&bounds, values, 0, count);
  TL_TRY(tl__group_page(g, c, (tl_page_info){.values = g->row_count, .encoding = TL_ENCODING_RLE_DICTIONARY, .bounds = &bounds}, level, err));
  tl__group_close(g, c, 0, &bounds);
  return TL_OK;
}
