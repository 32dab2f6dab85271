/* Streams of values, one encoding after the other. Fixed widths are copied, gathered or decoded into place; lengths of DELTA byte arrays are decoded when
   the page is opened, their bytes when they are asked for. */
#include <string.h>
#include "codec/delta.h"
#include "codec/split.h"
#include "codec/unpack.h"
#include "parquet/page.h"
#include "parquet/values.h"

enum { BLOCK = 4096 };

static bool is_bytes(const tl_values *v) { return v->field->physical == TL_PHYSICAL_BYTE_ARRAY; }

bool tl_values_are_codes(const tl_values *v) { return v->encoding == TL_ENCODING_RLE_DICTIONARY || v->encoding == TL_ENCODING_PLAIN_DICTIONARY; }

static tl_status ends(const tl_values *v, int64_t index, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "%s: the page ends at value %lld", tl_encoding_name(v->encoding), (long long)index);
}

/* ---- opening ---- */

/* How many integers the DELTA stream at v->at has, at most `most`. */
static tl_status count_integers(const tl_values *v, int64_t most, int64_t *count, tl_error *err) {
  TL_TRY(tl_delta_count((tl_bytes){v->at, (size_t)(v->end - v->at)}, count, err));
  if (*count > most) return tl_fail(err, TL_CORRUPT, "%s: %lld values in a page of %lld", tl_encoding_name(v->encoding), (long long)*count, (long long)most);
  if (*count > v->memory->limit / 4) return tl_fail(err, TL_MEMORY, "a page of %lld values exceeds the memory for one page", (long long)*count);
  return TL_OK;
}

/* Decodes as many, as int32 where they are to be `narrow`; v->at moves behind them. */
static tl_status decode_integers(tl_values *v, int64_t count, bool narrow, void *out, tl_error *err) {
  tl_bytes bytes = {v->at, (size_t)(v->end - v->at)};
  size_t used;
  TL_TRY(narrow ? tl_delta_decode32(out, count, bytes, &used, err) : tl_delta_decode(out, count, bytes, &used, err));
  v->at += used;
  return TL_OK;
}

static tl_status open_integers(tl_values *v, int64_t most, int64_t **out, size_t *capacity, int64_t *count, tl_error *err) {
  TL_TRY(count_integers(v, most, count, err));
  TL_TRY(tl_renew(v->memory->env, out, capacity, (size_t)*count + 1, sizeof **out, err));
  return decode_integers(v, *count, false, *out, err);
}

static tl_status check_lengths(const int64_t *lengths, int64_t count, const char *what, tl_error *err) {
  for (int64_t i = 0; i < count; i++)
    if (lengths[i] < 0 || lengths[i] > INT32_MAX)
      return tl_fail(err, TL_CORRUPT, "value %lld has a %s of %lld bytes", (long long)i, what, (long long)lengths[i]);
  return TL_OK;
}

static tl_status open_delta(tl_values *v, int64_t most, tl_error *err) {
  tl_page_memory *m = v->memory;
  bool fixed = v->field->physical == TL_PHYSICAL_FIXED;
  if (v->encoding == TL_ENCODING_DELTA) {
    if (v->field->physical != TL_PHYSICAL_INT32 && v->field->physical != TL_PHYSICAL_INT64)
      return tl_fail(err, TL_CORRUPT, "DELTA_BINARY_PACKED holds integers only");
    return count_integers(v, most, &v->total, err);
  }
  if (!is_bytes(v) && !(fixed && v->encoding == TL_ENCODING_DELTA_BYTES))
    return tl_fail(err, TL_CORRUPT, "%s holds byte arrays only", tl_encoding_name(v->encoding));
  if (v->encoding == TL_ENCODING_DELTA_BYTES) {
    int64_t prefixes;
    TL_TRY(open_integers(v, most, &m->prefixes, &m->prefix_capacity, &prefixes, err));
    TL_TRY(check_lengths(m->prefixes, prefixes, "prefix", err));
    TL_TRY(open_integers(v, most, &m->integers, &m->integer_capacity, &v->total, err));
    if (prefixes != v->total) return tl_fail(err, TL_CORRUPT, "%lld prefixes for %lld values", (long long)prefixes, (long long)v->total);
    m->last.env = m->env;
    m->last.size = 0;
  } else
    TL_TRY(open_integers(v, most, &m->integers, &m->integer_capacity, &v->total, err));
  return check_lengths(m->integers, v->total, "length", err);
}

static tl_status open_codes(tl_values *v, tl_error *err) {
  if (v->at == v->end) return TL_OK; /* a page without present values may have no bytes at all */
  if (v->memory->dictionary.field.name == NULL) return tl_fail(err, TL_CORRUPT, "dictionary codes, but the column chunk has no dictionary");
  int width = *v->at++;
  return tl_rle_open(&v->runs, (tl_bytes){v->at, (size_t)(v->end - v->at)}, width, err);
}

static tl_status open_runs(tl_values *v, tl_error *err) {
  if (v->field->physical != TL_PHYSICAL_BOOLEAN) return tl_fail(err, TL_CORRUPT, "RLE values hold booleans only");
  if (v->at == v->end) return TL_OK;
  if (v->end - v->at < 4 || tl_load32(v->at) > v->end - v->at - 4) return tl_fail(err, TL_CORRUPT, "the page ends in its runs");
  return tl_rle_open(&v->runs, (tl_bytes){v->at + 4, tl_load32(v->at)}, 1, err);
}

static tl_status open_split(tl_values *v, tl_error *err) {
  size_t width = (size_t)tl_field_width(v->field), size = (size_t)(v->end - v->at);
  if (width < 2 || v->field->physical == TL_PHYSICAL_INT96) return tl_fail(err, TL_CORRUPT, "BYTE_STREAM_SPLIT of a type that has none");
  if (size % width != 0) return tl_fail(err, TL_CORRUPT, "BYTE_STREAM_SPLIT: %zu bytes for values of %zu", size, width);
  v->total = (int64_t)(size / width);
  return TL_OK;
}

tl_status tl_values_open(tl_values *v, int encoding, tl_bytes bytes, int64_t most, const tl_field *field, tl_page_memory *memory, tl_error *err) {
  *v = (tl_values){.memory = memory, .field = field, .encoding = encoding, .start = bytes.data, .at = bytes.data, .end = bytes.data + bytes.size, .total = -1};
  switch (encoding) {
    case TL_ENCODING_PLAIN: return TL_OK;
    case TL_ENCODING_PLAIN_DICTIONARY:
    case TL_ENCODING_RLE_DICTIONARY: return open_codes(v, err);
    case TL_ENCODING_RLE: return open_runs(v, err);
    case TL_ENCODING_SPLIT: return bytes.size == 0 ? TL_OK : open_split(v, err);
    case TL_ENCODING_DELTA:
    case TL_ENCODING_DELTA_LENGTH:
    case TL_ENCODING_DELTA_BYTES: return bytes.size == 0 ? TL_OK : open_delta(v, most, err);
    default: return tl_fail(err, TL_UNSUPPORTED, "encoded as %s (%d), which this version does not read", tl_encoding_name(encoding), encoding);
  }
}

/* ---- byte arrays ---- */

static tl_status value_too_long(const tl_values *v, int64_t size, int64_t left, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "value %lld of %lld bytes in the %lld that are left", (long long)v->next, (long long)size, (long long)left);
}

/* Appends a value; what all of a column's texts may take is bounded. */
static tl_status put_bytes(const tl_values *v, tl_column *out, int64_t row, const uint8_t *data, size_t size, tl_error *err) {
  if ((int64_t)(out->bytes.size + size) > v->memory->limit * 4)
    return tl_fail(err, TL_MEMORY, "the texts of some rows exceed the memory for them (%lld bytes); --memory decides", (long long)v->memory->limit * 4);
  TL_TRY(tl_buffer_append(&out->bytes, data, size, err));
  out->offsets[row + 1] = (int64_t)out->bytes.size;
  return TL_OK;
}

static tl_status plain_bytes(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  for (int64_t i = 0; i < count; i++, v->next++) {
    if (v->end - v->at < 4) return ends(v, v->next, err);
    uint32_t size = tl_load32(v->at);
    if (size > v->end - v->at - 4) return value_too_long(v, size, v->end - v->at - 4, err);
    if (out != NULL) TL_TRY(put_bytes(v, out, at + i, v->at + 4, size, err));
    v->at += 4 + (size_t)size;
  }
  return TL_OK;
}

static tl_status delta_length_bytes(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  for (int64_t i = 0; i < count; i++, v->next++) {
    if (v->next >= v->total) return ends(v, v->next, err);
    int64_t size = v->memory->integers[v->next];
    if (size > v->end - v->at) return value_too_long(v, size, v->end - v->at, err);
    if (out != NULL) TL_TRY(put_bytes(v, out, at + i, v->at, (size_t)size, err));
    v->at += size;
  }
  return TL_OK;
}

/* Each value is so many bytes of the one before and a rest of its own. */
static tl_status delta_bytes(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  tl_page_memory *m = v->memory;
  for (int64_t i = 0; i < count; i++, v->next++) {
    if (v->next >= v->total) return ends(v, v->next, err);
    int64_t prefix = m->prefixes[v->next], size = m->integers[v->next];
    if (size > v->end - v->at) return value_too_long(v, size, v->end - v->at, err);
    if ((size_t)prefix > m->last.size)
      return tl_fail(err, TL_CORRUPT, "value %lld takes %lld bytes of the one before, which has %zu", (long long)v->next, (long long)prefix, m->last.size);
    m->last.size = (size_t)prefix;
    if (prefix + size > m->limit) return tl_fail(err, TL_MEMORY, "a value of %lld bytes exceeds the memory for one page", (long long)(prefix + size));
    TL_TRY(tl_buffer_append(&m->last, v->at, (size_t)size, err));
    v->at += size;
    if (!is_bytes(v) && m->last.size != (size_t)v->field->fixed_size)
      return tl_fail(err, TL_CORRUPT, "value %lld has %zu bytes, expected %d", (long long)v->next, m->last.size, v->field->fixed_size);
    if (out == NULL) continue;
    if (is_bytes(v))
      TL_TRY(put_bytes(v, out, at + i, m->last.data, m->last.size, err));
    else
      memcpy(out->values + (size_t)(at + i) * m->last.size, m->last.data, m->last.size);
  }
  return TL_OK;
}

/* ---- fixed widths ---- */

static tl_status plain_bits(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  if (v->next + count > (v->end - v->start) * 8) return ends(v, v->next + count, err);
  for (int64_t i = 0; out != NULL && i < count; i++) out->values[at + i] = v->start[(v->next + i) >> 3] >> ((v->next + i) & 7) & 1;
  v->next += count;
  return TL_OK;
}

static tl_status plain_fixed(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  size_t width = (size_t)tl_field_width(v->field);
  if ((size_t)count > (size_t)(v->end - v->at) / width) return ends(v, v->next + (v->end - v->at) / (int64_t)width, err);
  if (out != NULL) memcpy(out->values + (size_t)at * width, v->at, (size_t)count * width);
  v->at += (size_t)count * width;
  v->next += count;
  return TL_OK;
}

/* A DELTA page that is not read as a whole is decoded aside, so that the rest of it is there later. */
static tl_status decode_aside(tl_values *v, tl_error *err) {
  tl_page_memory *m = v->memory;
  if (v->aside || v->total < 0) return TL_OK;
  TL_TRY(tl_renew(m->env, &m->integers, &m->integer_capacity, (size_t)v->total + 1, sizeof *m->integers, err));
  TL_TRY(decode_integers(v, v->total, tl_field_width(v->field) == 4, m->integers, err));
  v->aside = true;
  v->known = v->total;
  return TL_OK;
}

static tl_status integers(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  if (v->next + count > (v->total < 0 ? 0 : v->total)) return ends(v, v->total, err);
  size_t width = (size_t)tl_field_width(v->field);
  if (out != NULL && !v->aside && count == v->total)
    TL_TRY(decode_integers(v, count, width == 4, out->values + (size_t)at * width, err));
  else
    TL_TRY(decode_aside(v, err));
  if (out != NULL && v->aside) memcpy(out->values + (size_t)at * width, (const uint8_t *)v->memory->integers + (size_t)v->next * width, (size_t)count * width);
  v->next += count;
  return TL_OK;
}

static tl_status split(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  size_t width = (size_t)tl_field_width(v->field);
  if (v->next + count > (v->total < 0 ? 0 : v->total)) return ends(v, v->total, err);
  if (out != NULL) tl_split_decode(out->values + (size_t)at * width, v->start + v->next, (size_t)count, width, (size_t)v->total);
  v->next += count;
  return TL_OK;
}

static tl_status runs(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  uint32_t some[BLOCK];
  int64_t most = out != NULL ? BLOCK : INT32_MAX;
  while (count > 0) {
    uint32_t n, value;
    bool repeated;
    TL_TRY(tl_rle_peek(&v->runs, (uint32_t)(count > most ? most : count), &n, &repeated, &value, err));
    if (out != NULL)
      tl_rle_read(&v->runs, some, n);
    else
      tl_rle_skip(&v->runs, n);
    for (uint32_t i = 0; out != NULL && i < n; i++) out->values[at + i] = (uint8_t)(some[i] & 1);
    at += n, count -= n, v->next += n;
  }
  return TL_OK;
}

/* ---- ranks ---- */

/* Of a page of DELTA integers no more is decoded than what is not surely above all bounds. */
static tl_status decode_known(tl_values *v, int64_t most, tl_error *err) {
  tl_page_memory *m = v->memory;
  if (v->aside || v->total < 0) return TL_OK;
  TL_TRY(tl_renew(m->env, &m->integers, &m->integer_capacity, (size_t)v->total + 1, sizeof *m->integers, err));
  TL_TRY(tl_delta_decode_upto(m->integers, v->total, (tl_bytes){v->at, (size_t)(v->end - v->at)}, most, &v->known, err));
  v->aside = true;
  return TL_OK;
}

tl_status tl_values_ranks(tl_values *v, int64_t count, const tl_enough *enough, uint16_t *out, tl_error *err) {
  const tl_codec_kernels *k = tl_codec_kernels_chosen();
  tl_column *some = &v->memory->some;
  if (v->encoding != TL_ENCODING_DELTA) {
    some->env = some->bytes.env = v->memory->env;
    TL_TRY(tl_column_reset(some, v->field, count, err));
    TL_TRY(tl_values_read(v, count, some, 0, err));
    k->int_classes16(out, (const int64_t *)(const void *)some->values, (size_t)count, enough->bounds, enough->bound_count);
    return TL_OK;
  }
  if (v->next + count > (v->total < 0 ? 0 : v->total)) return ends(v, v->total, err);
  TL_TRY(decode_known(v, enough->bounds[enough->bound_count - 1] - 1, err));
  int64_t known = v->known < v->next ? 0 : v->known - v->next < count ? v->known - v->next : count;
  k->int_classes16(out, v->memory->integers + v->next, (size_t)known, enough->bounds, enough->bound_count);
  for (int64_t i = known; i < count; i++) out[i] = (uint16_t)(1 + enough->bound_count);
  v->next += count;
  return TL_OK;
}

/* ---- codes ---- */

static tl_status code_too_large(uint32_t code, int64_t size, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "dictionary code %u, the dictionary has %lld values", code, (long long)size);
}

/* Whether the codes that the width allows have counters: as many as the next power of two behind the dictionary's count. */
static bool width_fits(const tl_values *v) {
  size_t entries = (size_t)v->memory->dictionary.count;
  return v->runs.width < 32 && entries > 0 && (size_t)1 << v->runs.width < 2 * entries;
}

static tl_status count_packed(tl_values *v, uint32_t count, uint32_t *counts, tl_error *err) {
  enum { CODES = 2048 }; /* stay in the nearest cache */
  const tl_codec_kernels *kernels = tl_codec_kernels_chosen();
  bool fits = width_fits(v);
  uint32_t codes[CODES];
  for (uint32_t n; count > 0; count -= n) {
    n = count < CODES ? count : CODES;
    tl_rle_read(&v->runs, codes, n);
    uint32_t greatest = fits ? 0 : kernels->max32(codes, n), i = 0;
    if (greatest >= v->memory->dictionary.count) return code_too_large(greatest, v->memory->dictionary.count, err);
    for (; i + TL_COUNT_LANES <= n; i += TL_COUNT_LANES)
      for (uint32_t lane = 0; lane < TL_COUNT_LANES; lane++) counts[TL_COUNT_LANES * (size_t)codes[i + lane] + lane]++;
    for (; i < n; i++) counts[TL_COUNT_LANES * (size_t)codes[i]]++;
  }
  return TL_OK;
}

tl_status tl_values_count(tl_values *v, int64_t count, uint32_t *counts, tl_error *err) {
  for (uint32_t n; count > 0; count -= n, v->next += n) {
    uint32_t code;
    bool repeated;
    TL_TRY(tl_rle_peek(&v->runs, count > INT32_MAX ? INT32_MAX : (uint32_t)count, &n, &repeated, &code, err));
    if (!repeated) {
      TL_TRY(count_packed(v, n, counts, err));
      continue;
    }
    if (code >= v->memory->dictionary.count) return code_too_large(code, v->memory->dictionary.count, err);
    counts[TL_COUNT_LANES * (size_t)code] += n;
    tl_rle_skip(&v->runs, n);
  }
  return TL_OK;
}

tl_status tl_values_codes(tl_values *v, int64_t count, uint32_t *out, tl_error *err) {
  uint32_t greatest;
  TL_TRY(tl_rle_decode(&v->runs, out, count, &greatest, err));
  v->next += count;
  return count > 0 && greatest >= v->memory->dictionary.count ? code_too_large(greatest, v->memory->dictionary.count, err) : TL_OK;
}

static tl_status look_up(tl_values *v, const uint32_t *codes, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  const tl_column *d = &v->memory->dictionary;
  size_t width = (size_t)tl_field_width(v->field);
  const tl_codec_kernels *kernels = tl_codec_kernels_chosen();
  if (width == 8)
    kernels->gather64((uint64_t *)(void *)out->values + at, (const uint64_t *)(const void *)d->values, codes, (size_t)count);
  else if (width == 4)
    kernels->gather32((uint32_t *)(void *)out->values + at, (const uint32_t *)(const void *)d->values, codes, (size_t)count);
  else
    for (int64_t i = 0; i < count; i++) {
      tl_bytes b = tl_column_bytes(d, codes[i]);
      if (width == 0)
        TL_TRY(put_bytes(v, out, at + i, b.data, b.size, err));
      else
        memcpy(out->values + (size_t)(at + i) * width, b.data, width);
    }
  return TL_OK;
}

/* Skipped codes must be in the dictionary, too; a run of one is seen once. */
static tl_status skip_codes(tl_values *v, int64_t count, tl_error *err) {
  for (uint32_t n; count > 0; count -= n) {
    bool repeated;
    uint32_t code;
    TL_TRY(tl_rle_peek(&v->runs, count > INT32_MAX ? INT32_MAX : (uint32_t)count, &n, &repeated, &code, err));
    if (repeated) {
      if (code >= v->memory->dictionary.count) return code_too_large(code, v->memory->dictionary.count, err);
      tl_rle_skip(&v->runs, n);
      v->next += n;
    } else {
      n = n < BLOCK ? n : BLOCK;
      TL_TRY(tl_values_codes(v, n, v->memory->codes, err));
    }
  }
  return TL_OK;
}

static tl_status dictionary(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  tl_page_memory *m = v->memory;
  TL_TRY(tl_renew(m->env, &m->codes, &m->code_capacity, BLOCK, sizeof *m->codes, err));
  if (out == NULL) return skip_codes(v, count, err);
  for (int64_t n; count > 0; at += n, count -= n) {
    n = count < BLOCK ? count : BLOCK;
    TL_TRY(tl_values_codes(v, n, m->codes, err));
    TL_TRY(look_up(v, m->codes, n, out, at, err));
  }
  return TL_OK;
}

/* ---- reading ---- */

static tl_status read_or_skip(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  if (count == 0) return TL_OK;
  if (v->start == v->end) return ends(v, v->next, err);
  switch (v->encoding) {
    case TL_ENCODING_PLAIN:
      if (is_bytes(v)) return plain_bytes(v, count, out, at, err);
      return v->field->physical == TL_PHYSICAL_BOOLEAN ? plain_bits(v, count, out, at, err) : plain_fixed(v, count, out, at, err);
    case TL_ENCODING_RLE: return runs(v, count, out, at, err);
    case TL_ENCODING_SPLIT: return split(v, count, out, at, err);
    case TL_ENCODING_DELTA: return integers(v, count, out, at, err);
    case TL_ENCODING_DELTA_LENGTH: return delta_length_bytes(v, count, out, at, err);
    case TL_ENCODING_DELTA_BYTES: return delta_bytes(v, count, out, at, err);
    default: return dictionary(v, count, out, at, err);
  }
}

/* A decimal without bytes is no number. */
static tl_status check_decimals(const tl_column *out, int64_t at, int64_t count, tl_error *err) {
  for (int64_t i = at; i < at + count; i++)
    if (out->offsets[i + 1] == out->offsets[i]) return tl_fail(err, TL_CORRUPT, "a decimal of no bytes");
  return TL_OK;
}

tl_status tl_values_read(tl_values *v, int64_t count, tl_column *out, int64_t at, tl_error *err) {
  TL_TRY(read_or_skip(v, count, out, at, err));
  return is_bytes(v) && v->field->logical == TL_LOGICAL_DECIMAL ? check_decimals(out, at, count, err) : TL_OK;
}

tl_status tl_values_skip(tl_values *v, int64_t count, tl_error *err) { return read_or_skip(v, count, NULL, 0, err); }

tl_status tl_values_close(tl_values *v, tl_error *err) {
  bool unseen = v->encoding == TL_ENCODING_DELTA && v->next == 0 && v->total > 0;
  return unseen ? decode_aside(v, err) : TL_OK;
}

const void *tl_values_view(tl_values *v, int64_t count) {
  size_t width = (size_t)tl_field_width(v->field);
  if (v->encoding == TL_ENCODING_DELTA && v->next + count <= v->total) {
    if (decode_aside(v, NULL) != TL_OK) return NULL; /* reading them will say why */
    v->next += count;
    return (const uint8_t *)v->memory->integers + (size_t)(v->next - count) * width;
  }
  if (v->encoding != TL_ENCODING_PLAIN || width == 0 || v->field->physical == TL_PHYSICAL_BOOLEAN || (size_t)count > (size_t)(v->end - v->at) / width)
    return NULL;
  v->at += (size_t)count * width;
  v->next += count;
  return v->at - (size_t)count * width;
}
