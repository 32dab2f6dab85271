/* Columns to the bytes of a row group. */
#include <libdeflate.h>
#include <math.h>
#include <string.h>
#include "codec/compressor.h"
#include "codec/delta.h"
#include "codec/rle.h"
#include "codec/split.h"
#include "column/survey.h"
#include "parquet/thrift.h"
#include "parquet/writer.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

void tl_group_free(tl_group *g) {
  tl_buffer_free(&g->bytes);
  tl_buffer_free(&g->page);
  tl_buffer_free(&g->packed);
  tl_release(g->env, g->chunks);
  tl_release(g->env, g->bounds);
  tl_release(g->env, g->values);
  tl_release(g->env, g->codes);
  tl_release(g->env, g->levels);
  *g = (tl_group){.env = g->env};
}

tl_status tl_group_begin(tl_group *g, int leaf_count, int64_t rows, tl_error *err) {
  g->bytes.env = g->page.env = g->packed.env = g->env;
  g->bytes.size = 0;
  g->leaf_count = leaf_count;
  g->next = 0;
  g->row_count = rows;
  TL_TRY(tl_reserve(g->env, &g->chunks, &g->chunk_capacity, (size_t)leaf_count, sizeof *g->chunks, err));
  return tl_reserve(g->env, &g->bounds, &g->bound_capacity, (size_t)leaf_count, sizeof *g->bounds, err);
}

/* ---- pages ---- */

typedef struct page_info {
  int64_t values;
  int encoding;
  bool dictionary;
} page_info;

/* Compresses g->page and appends it behind its header. */
static tl_status put_page(tl_group *g, tl_chunk *c, page_info info, int level, tl_error *err) {
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
  return TL_OK;
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

static tl_chunk *open_chunk(tl_group *g, int codec) {
  tl_chunk *c = &g->chunks[g->next];
  *c = (tl_chunk){.codec = codec,
                  .value_count = g->row_count,
                  .data_offset = (int64_t)g->bytes.size,
                  .dictionary_offset = -1,
                  .encodings = 1u << TL_ENCODING_RLE,
                  .statistics = {.null_count = 0}};
  return c;
}

/* The chunk is done; its bounds lie in g->bounds. */
static void close_chunk(tl_group *g, tl_chunk *c, int64_t nulls, size_t bound_size) {
  c->statistics.null_count = nulls;
  if (bound_size > 0) {
    c->statistics.min = (tl_bytes){g->bounds[g->next][0], bound_size};
    c->statistics.max = (tl_bytes){g->bounds[g->next][1], bound_size};
  }
  g->next++;
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

typedef struct range {
  double min, max;
} range;

/* Zeros are one value to comparisons and two to readers: a range that touches zero holds both. */
static void put_double_bounds(tl_group *g, const tl_leaf *leaf, range r) {
  if (r.min == 0) r.min = -0.0;
  if (r.max == 0) r.max = 0.0;
  if (leaf->field.physical == TL_PHYSICAL_FLOAT) {
    float low = (float)r.min, high = (float)r.max;
    memcpy(g->bounds[g->next][0], &low, sizeof low);
    memcpy(g->bounds[g->next][1], &high, sizeof high);
  } else if (leaf->field.physical == TL_PHYSICAL_BOOLEAN) {
    g->bounds[g->next][0][0] = r.min > 0;
    g->bounds[g->next][1][0] = r.max > 0;
  } else {
    memcpy(g->bounds[g->next][0], &r.min, sizeof r.min);
    memcpy(g->bounds[g->next][1], &r.max, sizeof r.max);
  }
}

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
  tl_chunk *c = open_chunk(g, style.codec);
  range r = {INFINITY, -INFINITY};
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
    r.min = seen.min < r.min ? seen.min : r.min;
    r.max = seen.max > r.max ? seen.max : r.max;
    g->page.size = 0;
    if (leaf->field.nullable) TL_TRY(put_double_levels(g, v, rows, &seen, err));
    if (bits)
      TL_TRY(put_bits(g, v, rows, err));
    else {
      TL_TRY(pack_doubles(g, leaf, v, rows, &seen, &packed, err));
      TL_TRY(put_values(g, packed, rows - seen.missing, width, encoding, err));
    }
    TL_TRY(put_page(g, c, (page_info){rows, encoding, false}, style.level, err));
  }
  if (nulls < g->row_count) put_double_bounds(g, leaf, r);
  close_chunk(g, c, nulls, nulls < g->row_count ? (size_t)width : 0);
  return TL_OK;
}

/* ---- integers ---- */

tl_status tl_group_put_ints(tl_group *g, const tl_leaf *leaf, const int64_t *values, int64_t absent, tl_page_style style, tl_error *err) {
  tl_chunk *c = open_chunk(g, style.codec);
  int width = tl_field_width(&leaf->field);
  int64_t low = INT64_MAX, high = INT64_MIN, nulls = 0;
  TL_TRY(tl_renew(g->env, &g->values, &g->value_capacity, (size_t)style.page_rows * 9 + 16, 1, err));
  int64_t *present = g->values;
  uint8_t *valid = (uint8_t *)g->values + style.page_rows * 8;
  for (int64_t at = 0; at < g->row_count; at += style.page_rows) {
    int64_t rows = g->row_count - at < style.page_rows ? g->row_count - at : style.page_rows, k = 0;
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
    TL_TRY(put_page(g, c, (page_info){rows, encoding, false}, style.level, err));
  }
  if (low <= high) {
    memcpy(g->bounds[g->next][0], &low, (size_t)width);
    memcpy(g->bounds[g->next][1], &high, (size_t)width);
  }
  close_chunk(g, c, nulls, low <= high ? (size_t)width : 0);
  return TL_OK;
}

/* ---- any column ---- */

/* Appends one value in PLAIN form. */
static tl_status put_plain(tl_buffer *out, const tl_column *column, int64_t row, tl_error *err) {
  tl_bytes v = tl_column_bytes(column, row);
  if (column->field.physical == TL_PHYSICAL_BYTE_ARRAY) {
    if (v.size > INT32_MAX) return tl_fail(err, TL_UNSUPPORTED, "a value of %zu bytes cannot be written", v.size);
    TL_TRY(tl_buffer_append(out, &(uint32_t){(uint32_t)v.size}, 4, err));
  }
  return tl_buffer_append(out, v.data, v.size, err);
}

static tl_status put_plain_page(tl_group *g, const tl_column *column, int64_t from, int64_t rows, tl_error *err) {
  bool bits = column->field.physical == TL_PHYSICAL_BOOLEAN;
  uint8_t byte = 0;
  int64_t k = 0;
  for (int64_t i = from; i < from + rows; i++) {
    if (!tl_column_is_valid(column, i)) continue;
    if (!bits)
      TL_TRY(put_plain(&g->page, column, i, err));
    else {
      byte |= (uint8_t)((column->values[i] & 1) << (k & 7));
      if ((++k & 7) == 0) {
        TL_TRY(tl_buffer_byte(&g->page, byte, err));
        byte = 0;
      }
    }
  }
  return k & 7 ? tl_buffer_byte(&g->page, byte, err) : TL_OK;
}

/* Distinct values numbered in order of appearance; more than `most` of them and it does not pay. Codes of all rows in g->codes. */
static tl_status number_values(tl_group *g, const tl_column *column, tl_buffer *dictionary, int64_t *distinct, int64_t most, bool *pays, tl_error *err) {
  size_t size = 64;
  while (size < (size_t)most * 2 + 2) size *= 2;
  int64_t *table;
  TL_TRY(tl_allocate(g->env, &table, size, sizeof *table, err));
  for (size_t i = 0; i < size; i++) table[i] = -1;
  tl_status status = tl_renew(g->env, &g->codes, &g->code_capacity, (size_t)column->count + 1, sizeof *g->codes, err);
  *distinct = 0;
  *pays = true;
  for (int64_t i = 0; status == TL_OK && *pays && i < column->count; i++) {
    if (!tl_column_is_valid(column, i)) continue;
    tl_bytes v = tl_column_bytes(column, i);
    size_t at = XXH3_64bits(v.data, v.size) & (size - 1);
    for (; table[at] >= 0; at = (at + 1) & (size - 1)) {
      tl_bytes w = tl_column_bytes(column, table[at]);
      if (w.size == v.size && (v.size == 0 || memcmp(w.data, v.data, v.size) == 0)) break;
    }
    if (table[at] < 0) {
      if (*distinct == most) {
        *pays = false;
        break;
      }
      table[at] = i;
      g->codes[i] = (uint32_t)(*distinct)++;
      status = put_plain(dictionary, column, i, err);
    } else
      g->codes[i] = g->codes[table[at]];
  }
  tl_release(g->env, table);
  return status;
}

static tl_status put_dictionary_pages(tl_group *g, tl_chunk *c, const tl_column *column, const tl_buffer *dictionary, int64_t distinct, tl_page_style style,
                                      tl_error *err) {
  int bit_width = tl_bit_width(distinct > 0 ? (uint32_t)(distinct - 1) : 0);
  g->page.size = 0;
  TL_TRY(tl_buffer_append(&g->page, dictionary->data, dictionary->size, err));
  c->dictionary_offset = (int64_t)g->bytes.size;
  TL_TRY(put_page(g, c, (page_info){distinct, TL_ENCODING_PLAIN, true}, style.level, err));
  c->data_offset = (int64_t)g->bytes.size;
  for (int64_t at = 0; at < column->count; at += style.page_rows) {
    int64_t rows = column->count - at < style.page_rows ? column->count - at : style.page_rows, k = 0;
    g->page.size = 0;
    if (column->field.nullable) TL_TRY(put_bit_levels(g, column->valid, at, rows, err));
    for (int64_t i = at; i < at + rows; i++)
      if (tl_column_is_valid(column, i)) g->codes[at + k++] = g->codes[i];
    TL_TRY(tl_buffer_byte(&g->page, (uint8_t)bit_width, err));
    TL_TRY(tl_rle_encode(&g->page, g->codes + at, k, bit_width, err));
    TL_TRY(put_page(g, c, (page_info){rows, TL_ENCODING_RLE_DICTIONARY, false}, style.level, err));
  }
  return TL_OK;
}

/* Bounds of numbers; other types go without. */
static size_t column_bounds(tl_group *g, const tl_column *column) {
  const tl_field *f = &column->field;
  bool integer = f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64;
  if (!integer || tl_field_is_unsigned(f)) return 0;
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t i = 0; i < column->count; i++) {
    if (!tl_column_is_valid(column, i)) continue;
    int64_t v = tl_column_int(column, i);
    low = v < low ? v : low, high = v > high ? v : high;
  }
  if (low > high) return 0;
  memcpy(g->bounds[g->next][0], &low, (size_t)tl_field_width(f));
  memcpy(g->bounds[g->next][1], &high, (size_t)tl_field_width(f));
  return (size_t)tl_field_width(f);
}

static tl_status put_plain_pages(tl_group *g, tl_chunk *c, const tl_column *column, tl_page_style style, tl_error *err) {
  for (int64_t at = 0; at < column->count; at += style.page_rows) {
    int64_t rows = column->count - at < style.page_rows ? column->count - at : style.page_rows;
    g->page.size = 0;
    if (column->field.nullable) TL_TRY(put_bit_levels(g, column->valid, at, rows, err));
    TL_TRY(put_plain_page(g, column, at, rows, err));
    TL_TRY(put_page(g, c, (page_info){rows, TL_ENCODING_PLAIN, false}, style.level, err));
  }
  return TL_OK;
}

tl_status tl_group_put_column(tl_group *g, const tl_leaf *leaf, const tl_column *column, tl_page_style style, tl_error *err) {
  tl_chunk *c = open_chunk(g, style.codec);
  bool pays = style.encoding == TL_ENCODING_RLE_DICTIONARY && leaf->field.physical != TL_PHYSICAL_BOOLEAN && column->count > 0;
  if (pays) {
    TL_OWNED(tl_buffer) dictionary = {.env = g->env};
    int64_t distinct, most = column->count / 2 < 65536 ? column->count / 2 + 1 : 65536;
    TL_TRY(number_values(g, column, &dictionary, &distinct, most, &pays, err));
    if (pays) TL_TRY(put_dictionary_pages(g, c, column, &dictionary, distinct, style, err));
  }
  if (!pays) TL_TRY(put_plain_pages(g, c, column, style, err));
  close_chunk(g, c, column->null_count, column_bounds(g, column));
  return TL_OK;
}

tl_status tl_group_put_runs(tl_group *g, const tl_leaf *leaf, const tl_column *values, const int64_t *lengths, int64_t count, int codec, int level,
                            tl_error *err) {
  tl_chunk *c = open_chunk(g, codec);
  (void)leaf;
  int bit_width = tl_bit_width(count > 0 ? (uint32_t)(count - 1) : 0);
  g->page.size = 0;
  for (int64_t i = 0; i < count; i++) TL_TRY(put_plain(&g->page, values, i, err));
  c->dictionary_offset = (int64_t)g->bytes.size;
  TL_TRY(put_page(g, c, (page_info){count, TL_ENCODING_PLAIN, true}, level, err));
  c->data_offset = (int64_t)g->bytes.size;
  g->page.size = 0;
  TL_TRY(tl_buffer_byte(&g->page, (uint8_t)bit_width, err));
  for (int64_t i = 0; i < count; i++) TL_TRY(put_run(g, (uint32_t)i, lengths[i], bit_width, err));
  TL_TRY(put_page(g, c, (page_info){g->row_count, TL_ENCODING_RLE_DICTIONARY, false}, level, err));
  close_chunk(g, c, 0, column_bounds(g, values));
  return TL_OK;
}
