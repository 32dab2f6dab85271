/* Headers of pages, and pages as open streams. Pure functions over bytes. */
#include <libdeflate.h>
#include <string.h>
#include "codec/compressor.h"
#include "parquet/page.h"
#include "parquet/thrift.h"
#include "parquet/values.h"

void tl_page_memory_free(tl_page_memory *m) {
  tl_buffer_free(&m->plain);
  tl_column_free(&m->dictionary);
  tl_release(m->env, m->integers);
  tl_release(m->env, m->prefixes);
  tl_buffer_free(&m->last);
  tl_release(m->env, m->codes);
  tl_column_free(&m->some);
  *m = (tl_page_memory){.env = m->env, .limit = m->limit};
}

static void read_v1(tl_thrift *t, tl_page *p) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      p->values = tl_thrift_int(t, f);
    else if (f.id == 2)
      p->encoding = (int)tl_thrift_int(t, f);
    else if (f.id == 3)
      p->definition_encoding = (int)tl_thrift_int(t, f);
    else if (f.id == 4)
      p->repetition_encoding = (int)tl_thrift_int(t, f);
    else
      tl_thrift_skip(t, f.type);
  }
}

static void read_dictionary(tl_thrift *t, tl_page *p) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      p->values = tl_thrift_int(t, f);
    else if (f.id == 2)
      p->encoding = (int)tl_thrift_int(t, f);
    else
      tl_thrift_skip(t, f.type); /* is_sorted: true or not, codes are codes */
  }
}

static void read_v2(tl_thrift *t, tl_page *p) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      p->values = tl_thrift_int(t, f);
    else if (f.id == 2)
      p->nulls = tl_thrift_int(t, f);
    else if (f.id == 3)
      p->rows = tl_thrift_int(t, f);
    else if (f.id == 4)
      p->encoding = (int)tl_thrift_int(t, f);
    else if (f.id == 5)
      p->definition_size = tl_thrift_int(t, f);
    else if (f.id == 6)
      p->repetition_size = tl_thrift_int(t, f);
    else if (f.id == 7)
      p->compressed = tl_thrift_bool(t, f);
    else
      tl_thrift_skip(t, f.type);
  }
}

tl_status tl_page_parse(tl_page *out, tl_bytes bytes, tl_error *err) {
  tl_thrift reader = tl_thrift_open(bytes.data, bytes.size), *t = &reader;
  tl_page p = {.type = -1,
               .plain_size = -1,
               .stored_size = -1,
               .values = -1,
               .nulls = -1,
               .rows = -1,
               .encoding = -1,
               .compressed = true,
               .definition_encoding = TL_ENCODING_RLE,
               .repetition_encoding = TL_ENCODING_RLE};
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      p.type = (int)tl_thrift_int(t, f);
    else if (f.id == 2)
      p.plain_size = tl_thrift_int(t, f);
    else if (f.id == 3)
      p.stored_size = tl_thrift_int(t, f);
    else if (f.id == 4)
      p.crc = (uint32_t)tl_thrift_int(t, f), p.has_crc = true;
    else if (f.id == 5 && f.type == TL_THRIFT_STRUCT)
      read_v1(t, &p);
    else if (f.id == 7 && f.type == TL_THRIFT_STRUCT)
      read_dictionary(t, &p);
    else if (f.id == 8 && f.type == TL_THRIFT_STRUCT)
      read_v2(t, &p);
    else
      tl_thrift_skip(t, f.type);
  }
  if (t->failed) return tl_fail(err, TL_CORRUPT, "the page header is damaged");
  if (p.type < 0 || p.plain_size < 0 || p.stored_size < 0 || p.plain_size > INT32_MAX || p.stored_size > INT32_MAX)
    return tl_fail(err, TL_CORRUPT, "the page header says type %d, %lld bytes, %lld stored", p.type, (long long)p.plain_size, (long long)p.stored_size);
  if (p.type != 1 && (p.values < 0 || p.values > INT32_MAX)) return tl_fail(err, TL_CORRUPT, "the page says %lld values", (long long)p.values);
  p.header_size = (size_t)(t->at - t->start);
  *out = p;
  return TL_OK;
}

/* The page's bytes, decompressed and checked. `head` bytes in front are never compressed (levels of V2). */
static tl_status open_body(const tl_page *p, tl_bytes body, int codec, size_t head, tl_page_memory *m, tl_bytes *out, tl_error *err) {
  if (p->has_crc && libdeflate_crc32(0, body.data, body.size) != p->crc) return tl_fail(err, TL_CORRUPT, "the page's CRC does not match: the data is damaged");
  if (head > body.size || (int64_t)head > p->plain_size) return tl_fail(err, TL_CORRUPT, "levels of %zu bytes in a page of %zu", head, body.size);
  const tl_compressor *compressor = tl_compressor_find(codec);
  if (compressor == NULL) return tl_fail(err, TL_UNSUPPORTED, "compressed with %s, which this version does not read", tl_compressor_name(codec));
  if (codec == TL_CODEC_NONE || !p->compressed) {
    if (body.size != (size_t)p->plain_size) return tl_fail(err, TL_CORRUPT, "%zu bytes stored, %lld expected", body.size, (long long)p->plain_size);
    *out = body;
    return TL_OK;
  }
  if (p->plain_size > m->limit)
    return tl_fail(err, TL_MEMORY, "a page of %lld bytes exceeds the memory for one page (%lld); --memory decides", (long long)p->plain_size,
                   (long long)m->limit);
  m->plain.env = m->env;
  m->plain.size = 0;
  TL_TRY(tl_buffer_reserve(&m->plain, (size_t)p->plain_size + 16, err));
  if (head > 0) memcpy(m->plain.data, body.data, head);
  size_t size = (size_t)p->plain_size - head;
  tl_bytes rest = {body.data + head, body.size - head};
  if (size > 0 || rest.size > 0) TL_TRY(compressor->decompress(m->plain.data + head, size, rest, err));
  *out = (tl_bytes){m->plain.data, (size_t)p->plain_size};
  return TL_OK;
}

/* ---- levels ---- */

/* Levels of V1 lie in front of the values: behind their length, or, in the old packing, as many bytes as they take. */
static tl_status take_v1(tl_levels *l, int max, int encoding, int64_t count, const char *what, tl_bytes *body, tl_error *err) {
  *l = (tl_levels){.max = max};
  if (max == 0) return TL_OK;
  int width = tl_bit_width((uint32_t)max);
  if (encoding == TL_ENCODING_BIT_PACKED) {
    size_t size = ((size_t)count * (size_t)width + 7) / 8;
    if (size > body->size) return tl_fail(err, TL_CORRUPT, "%s levels of %zu bytes in %zu", what, size, body->size);
    l->bits = true;
    l->packed = (tl_bytes){body->data, size};
    *body = (tl_bytes){body->data + size, body->size - size};
    return TL_OK;
  }
  if (encoding != TL_ENCODING_RLE) return tl_fail(err, TL_UNSUPPORTED, "%s levels encoded as %s (%d)", what, tl_encoding_name(encoding), encoding);
  if (body->size < 4) return tl_fail(err, TL_CORRUPT, "the page ends before its %s levels", what);
  size_t size = tl_load32(body->data);
  if (size > body->size - 4) return tl_fail(err, TL_CORRUPT, "%s levels of %zu bytes in %zu", what, size, body->size - 4);
  TL_TRY(tl_rle_open(&l->runs, (tl_bytes){body->data + 4, size}, width, err));
  *body = (tl_bytes){body->data + 4 + size, body->size - 4 - size};
  return TL_OK;
}

static tl_status take_v2(tl_levels *l, int max, size_t size, tl_bytes *body, tl_error *err) {
  *l = (tl_levels){.max = max};
  if (max > 0) TL_TRY(tl_rle_open(&l->runs, (tl_bytes){body->data, size}, tl_bit_width((uint32_t)max), err));
  *body = (tl_bytes){body->data + size, body->size - size};
  return TL_OK;
}

/* ---- pages ---- */

tl_status tl_page_open(tl_open_page *out, const tl_page *p, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_memory *m, tl_error *err) {
  bool v2 = p->type == TL_PAGE_DATA_V2;
  if (v2 && (p->definition_size < 0 || p->repetition_size < 0 || p->definition_size > INT32_MAX || p->repetition_size > INT32_MAX))
    return tl_fail(err, TL_CORRUPT, "levels of %lld and %lld bytes", (long long)p->definition_size, (long long)p->repetition_size);
  TL_TRY(open_body(p, body, codec, v2 ? (size_t)(p->repetition_size + p->definition_size) : 0, m, &body, err));
  *out = (tl_open_page){.left = p->values, .nulls_said = v2 ? p->nulls : -1};
  if (v2) {
    TL_TRY(take_v2(&out->repetition, leaf->max_repetition, (size_t)p->repetition_size, &body, err));
    TL_TRY(take_v2(&out->definition, leaf->max_definition, (size_t)p->definition_size, &body, err));
  } else {
    TL_TRY(take_v1(&out->repetition, leaf->max_repetition, p->repetition_encoding, p->values, "repetition", &body, err));
    TL_TRY(take_v1(&out->definition, leaf->max_definition, p->definition_encoding, p->values, "definition", &body, err));
  }
  return tl_values_open(&out->values, p->encoding, body, p->values, &leaf->field, m, err);
}

/* How many rows of [0, end) that end there are all valid. */
static int64_t valid_run(const tl_column *c, int64_t at, int64_t end) {
  int64_t n = 0;
  while (n < end) {
    int64_t last = at + end - n - 1;
    if ((last & 7) == 7 && end - n >= 8 && c->valid[last >> 3] == 0xff)
      n += 8;
    else if (tl_column_is_valid(c, last))
      n++;
    else
      break;
  }
  return n;
}

/* From the back, so that nothing is overwritten that is still to be moved: runs of valid rows at once. */
static void spread_fixed(uint8_t *values, size_t width, const tl_column *c, int64_t at, int64_t rows, int64_t present) {
  for (int64_t end = rows, k = present; end > 0 && k < end;) {
    int64_t run = valid_run(c, at, end);
    k -= run;
    end -= run;
    if (run > 0) memmove(values + (size_t)(at + end) * width, values + (size_t)(at + k) * width, (size_t)run * width);
    if (end > 0 && k < end) memset(values + (size_t)(at + --end) * width, 0, width);
  }
}

void tl_column_spread(tl_column *out, int64_t at, int64_t rows, int64_t present) {
  size_t width = (size_t)tl_field_width(&out->field);
  if (present == rows) return;
  if (out->dictionary != NULL) {
    spread_fixed((uint8_t *)out->codes, 4, out, at, rows, present);
    return;
  }
  if (width == 8)
    spread_fixed(out->values, 8, out, at, rows, present);
  else if (width > 0)
    spread_fixed(out->values, width, out, at, rows, present);
  if (out->field.physical != TL_PHYSICAL_BYTE_ARRAY) return;
  for (int64_t i = rows - 1, k = present; i >= 0; i--) {
    out->offsets[at + i + 1] = out->offsets[at + k];
    if (tl_column_is_valid(out, at + i)) k--;
  }
}

tl_status tl_page_read(tl_open_page *p, int64_t rows, tl_column *out, int64_t at, tl_error *err) {
  int64_t present;
  TL_TRY(tl_levels_validity(&p->definition, rows, out, at, &present, err));
  TL_TRY(out->dictionary != NULL ? tl_values_codes(&p->values, present, out->codes + at, err) : tl_values_read(&p->values, present, out, at, err));
  tl_column_spread(out, at, rows, present);
  p->left -= rows;
  p->nulls += rows - present;
  return TL_OK;
}

tl_status tl_page_skip(tl_open_page *p, int64_t rows, tl_error *err) {
  int64_t present;
  TL_TRY(tl_levels_validity(&p->definition, rows, NULL, 0, &present, err));
  TL_TRY(tl_values_skip(&p->values, present, err));
  p->left -= rows;
  p->nulls += rows - present;
  return TL_OK;
}

tl_status tl_page_close(tl_open_page *p, tl_error *err) {
  if (p->nulls_said >= 0 && p->nulls_said != p->nulls)
    return tl_fail(err, TL_CORRUPT, "the page says %lld nulls, its levels %lld", (long long)p->nulls_said, (long long)p->nulls);
  if (p->values.total >= 0 && p->values.encoding == TL_ENCODING_SPLIT && p->values.next != p->values.total)
    return tl_fail(err, TL_CORRUPT, "BYTE_STREAM_SPLIT: %lld values, %lld were expected", (long long)p->values.total, (long long)p->values.next);
  return tl_values_close(&p->values, err);
}

tl_status tl_page_dictionary(const tl_page *p, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_memory *m, tl_error *err) {
  tl_values values;
  if (p->encoding != TL_ENCODING_PLAIN && p->encoding != TL_ENCODING_PLAIN_DICTIONARY)
    return tl_fail(err, TL_UNSUPPORTED, "a dictionary encoded as %s", tl_encoding_name(p->encoding));
  if (leaf->field.physical == TL_PHYSICAL_BOOLEAN) return tl_fail(err, TL_UNSUPPORTED, "a dictionary of booleans");
  TL_TRY(open_body(p, body, codec, 0, m, &body, err));
  size_t least = leaf->field.physical == TL_PHYSICAL_BYTE_ARRAY ? 4 : (size_t)tl_field_width(&leaf->field);
  if ((uint64_t)p->values * least > body.size)
    return tl_fail(err, TL_CORRUPT, "a dictionary of %lld values takes %zu bytes, the page has %zu", (long long)p->values, (size_t)p->values * least,
                   body.size);
  m->dictionary.env = m->dictionary.bytes.env = m->env;
  TL_TRY(tl_column_reset(&m->dictionary, &leaf->field, p->values, err));
  TL_TRY(tl_values_open(&values, TL_ENCODING_PLAIN, body, p->values, &leaf->field, m, err));
  return tl_values_read(&values, p->values, &m->dictionary, 0, err);
}
