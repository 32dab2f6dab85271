/* One page: header, levels, values. Pure functions over bytes. */
#include <libdeflate.h>
#include <string.h>
#include "codec/compressor.h"
#include "codec/delta.h"
#include "codec/rle.h"
#include "codec/split.h"
#include "parquet/reader.h"
#include "parquet/thrift.h"

static void read_v1(tl_thrift *t, tl_page *p) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      p->values = tl_thrift_int(t, f);
    else if (f.id == 2)
      p->encoding = (int)tl_thrift_int(t, f);
    else if (f.id == 3)
      p->definition_encoding = (int)tl_thrift_int(t, f);
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
               .definition_encoding = TL_ENCODING_RLE};
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
static tl_status open_body(const tl_page *p, tl_bytes body, int codec, size_t head, tl_page_scratch *s, tl_bytes *out, tl_error *err) {
  if (p->has_crc && libdeflate_crc32(0, body.data, body.size) != p->crc) return tl_fail(err, TL_CORRUPT, "the page's CRC does not match: the data is damaged");
  if (head > body.size || (int64_t)head > p->plain_size) return tl_fail(err, TL_CORRUPT, "levels of %zu bytes in a page of %zu", head, body.size);
  const tl_compressor *compressor = tl_compressor_find(codec);
  if (compressor == NULL) return tl_fail(err, TL_UNSUPPORTED, "compressed with %s, which this version does not read", tl_compressor_name(codec));
  if (codec == TL_CODEC_NONE || !p->compressed) {
    if (body.size != (size_t)p->plain_size) return tl_fail(err, TL_CORRUPT, "%zu bytes stored, %lld expected", body.size, (long long)p->plain_size);
    *out = body;
    return TL_OK;
  }
  if (p->plain_size > s->limit)
    return tl_fail(err, TL_MEMORY, "a page of %lld bytes exceeds the memory for one page (%lld)", (long long)p->plain_size, (long long)s->limit);
  s->plain.env = s->env;
  s->plain.size = 0;
  TL_TRY(tl_buffer_reserve(&s->plain, (size_t)p->plain_size + 16, err));
  if (head > 0) memcpy(s->plain.data, body.data, head);
  size_t size = (size_t)p->plain_size - head;
  tl_bytes rest = {body.data + head, body.size - head};
  if (size > 0 || rest.size > 0) TL_TRY(compressor->decompress(s->plain.data + head, size, rest, err));
  *out = (tl_bytes){s->plain.data, (size_t)p->plain_size};
  return TL_OK;
}

/* ---- levels ---- */

/* Definition levels to the validity of out[at..at+rows); the number of present values. */
static tl_status decode_validity(tl_rle *levels, int max, int64_t rows, tl_column *out, int64_t at, int64_t *present, tl_error *err) {
  *present = 0;
  for (int64_t done = 0; done < rows;) {
    uint32_t count, value, some[256];
    bool repeated;
    TL_TRY(tl_rle_peek(levels, rows - done > INT32_MAX ? INT32_MAX : (uint32_t)(rows - done), &count, &repeated, &value, err));
    if (repeated) {
      if (value > (uint32_t)max) return tl_fail(err, TL_CORRUPT, "a definition level of %u, at most %d", value, max);
      if (value == (uint32_t)max)
        *present += count;
      else
        TL_TRY(tl_column_set_null(out, at + done, count, err));
      tl_rle_skip(levels, count);
    } else {
      if (count > 256) count = 256;
      tl_rle_read(levels, some, count);
      for (uint32_t i = 0; i < count; i++) {
        if (some[i] > (uint32_t)max) return tl_fail(err, TL_CORRUPT, "a definition level of %u, at most %d", some[i], max);
        if (some[i] == (uint32_t)max)
          ++*present;
        else
          TL_TRY(tl_column_set_null(out, at + done + i, 1, err));
      }
    }
    done += count;
  }
  return TL_OK;
}

/* Splits the page into definition levels and values. */
static tl_status take_levels(const tl_page *p, const tl_leaf *leaf, tl_bytes *body, tl_bytes *levels, tl_error *err) {
  *levels = (tl_bytes){0};
  if (p->type == 3) {
    size_t head = (size_t)(p->repetition_size + p->definition_size);
    *levels = (tl_bytes){body->data + p->repetition_size, (size_t)p->definition_size};
    *body = (tl_bytes){body->data + head, body->size - head};
    return TL_OK;
  }
  if (leaf->max_definition == 0) return TL_OK;
  if (p->definition_encoding != TL_ENCODING_RLE)
    return tl_fail(err, TL_UNSUPPORTED, "definition levels encoded as %s", tl_encoding_name(p->definition_encoding));
  if (body->size < 4) return tl_fail(err, TL_CORRUPT, "the page ends before its definition levels");
  size_t size = tl_load32(body->data);
  if (size > body->size - 4) return tl_fail(err, TL_CORRUPT, "definition levels of %zu bytes in %zu", size, body->size - 4);
  *levels = (tl_bytes){body->data + 4, size};
  *body = (tl_bytes){body->data + 4 + size, body->size - 4 - size};
  return TL_OK;
}

/* ---- values: `count` present ones into out[at..at+count), side by side ---- */

static tl_status short_page(const char *encoding, size_t size, size_t wanted, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "%s values take %zu bytes, the page has %zu", encoding, wanted, size);
}

static tl_status plain_bytes(tl_bytes b, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  size_t from = 0;
  for (int64_t i = 0; i < count; i++) {
    if (b.size - from < 4) return tl_fail(err, TL_CORRUPT, "the page ends in the length of value %lld of %lld", (long long)i, (long long)count);
    size_t size = tl_load32(b.data + from);
    from += 4;
    if (size > b.size - from) return tl_fail(err, TL_CORRUPT, "value %lld of %zu bytes in the %zu that are left", (long long)i, size, b.size - from);
    TL_TRY(tl_buffer_append(&out->bytes, b.data + from, size, err));
    out->offsets[at + i + 1] = (int64_t)out->bytes.size;
    from += size;
  }
  return TL_OK;
}

static tl_status plain_values(tl_bytes b, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  if (out->field.physical == TL_PHYSICAL_BYTE_ARRAY) return plain_bytes(b, count, out, at, err);
  if (out->field.physical == TL_PHYSICAL_BOOLEAN) {
    if (b.size < (size_t)(count + 7) / 8) return short_page("PLAIN", b.size, (size_t)(count + 7) / 8, err);
    for (int64_t i = 0; i < count; i++) out->values[at + i] = b.data[i >> 3] >> (i & 7) & 1;
    return TL_OK;
  }
  size_t width = (size_t)tl_field_width(&out->field), size = (size_t)count * width;
  if (b.size < size) return short_page("PLAIN", b.size, size, err);
  if (size > 0) memcpy(out->values + (size_t)at * width, b.data, size);
  return TL_OK;
}

static tl_status code_too_large(uint32_t code, int64_t size, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "dictionary code %u, the dictionary has %lld values", code, (long long)size);
}

static tl_status fill_repeated(const tl_page_scratch *s, uint32_t code, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  const tl_column *d = &s->dictionary;
  if (code >= d->count) return code_too_large(code, d->count, err);
  tl_bytes v = tl_column_bytes(d, code);
  if (out->field.physical == TL_PHYSICAL_BYTE_ARRAY) {
    if (v.size > 0 && count > (s->limit * 8 - (int64_t)out->bytes.size) / (int64_t)v.size)
      return tl_fail(err, TL_MEMORY, "texts of one column exceed the memory for a page (%lld)", (long long)s->limit);
    for (int64_t i = 0; i < count; i++) {
      TL_TRY(tl_buffer_append(&out->bytes, v.data, v.size, err));
      out->offsets[at + i + 1] = (int64_t)out->bytes.size;
    }
    return TL_OK;
  }
  for (int64_t i = 0; i < count; i++) memcpy(out->values + (size_t)(at + i) * v.size, v.data, v.size);
  return TL_OK;
}

static tl_status fill_codes(const tl_page_scratch *s, const uint32_t *codes, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  const tl_column *d = &s->dictionary;
  uint32_t greatest = 0;
  for (int64_t i = 0; i < count; i++) greatest = codes[i] > greatest ? codes[i] : greatest;
  if (greatest >= d->count) return code_too_large(greatest, d->count, err);
  size_t width = (size_t)tl_field_width(&out->field);
  if (width == 8)
    for (int64_t i = 0; i < count; i++) memcpy(out->values + (at + i) * 8, d->values + (size_t)codes[i] * 8, 8);
  else if (width == 4)
    for (int64_t i = 0; i < count; i++) memcpy(out->values + (at + i) * 4, d->values + (size_t)codes[i] * 4, 4);
  else
    for (int64_t i = 0; i < count; i++) TL_TRY(fill_repeated(s, codes[i], 1, out, at + i, err));
  return TL_OK;
}

static tl_status dictionary_values(tl_bytes b, int64_t count, tl_page_scratch *s, tl_column *out, int64_t at, tl_error *err) {
  if (count == 0) return TL_OK;
  if (s->dictionary.field.name == NULL) return tl_fail(err, TL_CORRUPT, "dictionary codes, but the column chunk has no dictionary");
  if (b.size < 1) return tl_fail(err, TL_CORRUPT, "the page ends before its bit width");
  tl_rle r;
  TL_TRY(tl_rle_open(&r, (tl_bytes){b.data + 1, b.size - 1}, b.data[0], err));
  enum { MOST = 4096 };
  TL_TRY(tl_renew(s->env, &s->codes, &s->code_capacity, MOST, sizeof *s->codes, err));
  for (int64_t done = 0; done < count;) {
    uint32_t n, value;
    bool repeated;
    TL_TRY(tl_rle_peek(&r, count - done > INT32_MAX ? INT32_MAX : (uint32_t)(count - done), &n, &repeated, &value, err));
    if (repeated) {
      TL_TRY(fill_repeated(s, value, n, out, at + done, err));
      tl_rle_skip(&r, n);
    } else {
      if (n > MOST) n = MOST;
      tl_rle_read(&r, s->codes, n);
      TL_TRY(fill_codes(s, s->codes, n, out, at + done, err));
    }
    done += n;
  }
  return TL_OK;
}

static tl_status delta_values(tl_bytes b, int64_t count, tl_page_scratch *s, tl_column *out, int64_t at, tl_error *err) {
  if (out->field.physical == TL_PHYSICAL_INT64) return count == 0 ? TL_OK : tl_delta_decode((int64_t *)(void *)out->values + at, count, b, err);
  if (out->field.physical != TL_PHYSICAL_INT32) return tl_fail(err, TL_CORRUPT, "DELTA_BINARY_PACKED holds integers only");
  if (count == 0) return TL_OK;
  TL_TRY(tl_renew(s->env, &s->integers, &s->integer_capacity, (size_t)count, sizeof *s->integers, err));
  TL_TRY(tl_delta_decode(s->integers, count, b, err));
  for (int64_t i = 0; i < count; i++) {
    uint32_t v = (uint32_t)s->integers[i];
    memcpy(out->values + (at + i) * 4, &v, sizeof v);
  }
  return TL_OK;
}

static tl_status split_values(tl_bytes b, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  size_t width = (size_t)tl_field_width(&out->field);
  if (width < 2 || out->field.physical == TL_PHYSICAL_INT96) return tl_fail(err, TL_CORRUPT, "BYTE_STREAM_SPLIT of a type that has none");
  if (b.size != width * (size_t)count) return short_page("BYTE_STREAM_SPLIT", b.size, width * (size_t)count, err);
  tl_split_decode(out->values + (size_t)at * width, b.data, (size_t)count, width);
  return TL_OK;
}

/* Booleans as runs, behind a length. */
static tl_status run_values(tl_bytes b, int64_t count, tl_page_scratch *s, tl_column *out, int64_t at, tl_error *err) {
  if (out->field.physical != TL_PHYSICAL_BOOLEAN) return tl_fail(err, TL_CORRUPT, "RLE values hold booleans only");
  if (count == 0) return TL_OK;
  if (b.size < 4 || tl_load32(b.data) > b.size - 4) return tl_fail(err, TL_CORRUPT, "the page ends in its runs");
  tl_rle r;
  TL_TRY(tl_rle_open(&r, (tl_bytes){b.data + 4, tl_load32(b.data)}, 1, err));
  TL_TRY(tl_renew(s->env, &s->codes, &s->code_capacity, (size_t)count, sizeof *s->codes, err));
  TL_TRY(tl_rle_decode(&r, s->codes, count, err));
  for (int64_t i = 0; i < count; i++) out->values[at + i] = (uint8_t)(s->codes[i] & 1);
  return TL_OK;
}

static tl_status decode_values(int encoding, tl_bytes b, int64_t count, tl_page_scratch *s, tl_column *out, int64_t at, tl_error *err) {
  switch (encoding) {
    case TL_ENCODING_PLAIN: return plain_values(b, count, out, at, err);
    case TL_ENCODING_PLAIN_DICTIONARY:
    case TL_ENCODING_RLE_DICTIONARY: return dictionary_values(b, count, s, out, at, err);
    case TL_ENCODING_RLE: return run_values(b, count, s, out, at, err);
    case TL_ENCODING_DELTA: return delta_values(b, count, s, out, at, err);
    case TL_ENCODING_SPLIT: return split_values(b, count, out, at, err);
    default: return tl_fail(err, TL_UNSUPPORTED, "encoded as %s, which this version does not read", tl_encoding_name(encoding));
  }
}

/* Moves `present` values at the front of out[at..] to the rows that are valid, from the last to the first. */
static void spread(tl_column *out, int64_t at, int64_t rows, int64_t present) {
  size_t width = (size_t)tl_field_width(&out->field);
  for (int64_t i = rows - 1, k = present; width > 0 && i >= 0 && k <= i; i--) {
    uint8_t *to = out->values + (size_t)(at + i) * width;
    if (tl_column_is_valid(out, at + i))
      memmove(to, out->values + (size_t)(at + --k) * width, width);
    else
      memset(to, 0, width);
  }
  if (out->field.physical != TL_PHYSICAL_BYTE_ARRAY) return;
  for (int64_t i = rows - 1, k = present; i >= 0; i--) {
    out->offsets[at + i + 1] = out->offsets[at + k];
    if (tl_column_is_valid(out, at + i)) k--;
  }
}

tl_status tl_page_decode(const tl_page *p, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_scratch *s, tl_column *out, int64_t at, tl_error *err) {
  tl_bytes levels;
  int64_t present = p->values;
  if (p->type == 3 && (p->definition_size < 0 || p->repetition_size < 0 || p->definition_size > INT32_MAX || p->repetition_size > INT32_MAX))
    return tl_fail(err, TL_CORRUPT, "levels of %lld and %lld bytes", (long long)p->definition_size, (long long)p->repetition_size);
  size_t head = p->type == 3 ? (size_t)(p->repetition_size + p->definition_size) : 0;
  TL_TRY(open_body(p, body, codec, head, s, &body, err));
  TL_TRY(take_levels(p, leaf, &body, &levels, err));
  if (leaf->max_definition > 0 && p->values > 0) {
    tl_rle r;
    TL_TRY(tl_rle_open(&r, levels, tl_bit_width((uint32_t)leaf->max_definition), err));
    TL_TRY(decode_validity(&r, leaf->max_definition, p->values, out, at, &present, err));
  }
  if (p->type == 3 && p->nulls >= 0 && p->nulls != p->values - present)
    return tl_fail(err, TL_CORRUPT, "the page says %lld nulls, its levels %lld", (long long)p->nulls, (long long)(p->values - present));
  TL_TRY(decode_values(p->encoding, body, present, s, out, at, err));
  if (present < p->values) spread(out, at, p->values, present);
  return TL_OK;
}

tl_status tl_page_decode_dictionary(const tl_page *p, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_scratch *s, tl_error *err) {
  if (p->encoding != TL_ENCODING_PLAIN && p->encoding != TL_ENCODING_PLAIN_DICTIONARY)
    return tl_fail(err, TL_UNSUPPORTED, "a dictionary encoded as %s", tl_encoding_name(p->encoding));
  TL_TRY(open_body(p, body, codec, 0, s, &body, err));
  size_t least = leaf->field.physical == TL_PHYSICAL_BYTE_ARRAY ? 4 : (size_t)tl_field_width(&leaf->field);
  if (leaf->field.physical == TL_PHYSICAL_BOOLEAN) return tl_fail(err, TL_UNSUPPORTED, "a dictionary of booleans");
  if ((uint64_t)p->values * least > body.size) return short_page("dictionary", body.size, (size_t)p->values * least, err);
  s->dictionary.env = s->env;
  TL_TRY(tl_column_reset(&s->dictionary, &leaf->field, p->values, err));
  return plain_values(body, p->values, &s->dictionary, 0, err);
}
