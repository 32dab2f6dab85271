#include "column/column.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/date.h"
#include "base/text.h"
#include "column/bits.h"
#include "column/number.h"

void tl_column_free(tl_column *c) {
  tl_release(c->env, c->valid);
  tl_release(c->env, c->values);
  tl_release(c->env, c->offsets);
  tl_release(c->env, c->codes);
  tl_buffer_free(&c->bytes);
  *c = (tl_column){.env = c->env, .bytes = {.env = c->env}};
}

tl_status tl_column_reset(tl_column *c, const tl_field *field, int64_t count, tl_error *err) {
  size_t rows = (size_t)count, width = (size_t)tl_field_width(field), bytes;
  c->field = *field;
  c->count = count;
  c->null_count = 0;
  c->dictionary = NULL;
  c->is_short = false;
  c->bytes.env = c->env;
  c->bytes.size = 0;
  tl_release(c->env, c->valid);
  c->valid = NULL;
  c->valid_capacity = 0;
  if (__builtin_mul_overflow(rows, width, &bytes)) return tl_fail(err, TL_MEMORY, "a column of %zu rows of %zu bytes", rows, width);
  if (field->physical == TL_PHYSICAL_BYTE_ARRAY) {
    TL_TRY(tl_renew(c->env, &c->offsets, &c->offsets_capacity, rows + 1, sizeof *c->offsets, err));
    c->offsets[0] = 0;
    TL_TRY(tl_buffer_reserve(&c->bytes, 1, err));
  }
  return tl_renew(c->env, &c->values, &c->values_capacity, bytes + 64, 1, err);
}

tl_status tl_column_note_validity(tl_column *c, tl_error *err) {
  size_t size = (size_t)(c->count + 7) / 8;
  if (c->valid != NULL) return TL_OK;
  TL_TRY(tl_reserve(c->env, &c->valid, &c->valid_capacity, size + 8, 1, err));
  memset(c->valid, 0xff, size);
  return TL_OK;
}

tl_status tl_column_set_null(tl_column *c, int64_t from, int64_t count, tl_error *err) {
  TL_TRY(tl_column_note_validity(c, err));
  tl_bits_fill(c->valid, from, count, false);
  c->null_count += count;
  size_t width = (size_t)tl_field_width(&c->field);
  if (width > 0) memset(c->values + (size_t)from * width, 0, (size_t)count * width);
  return TL_OK;
}

/* ---- growing ---- */

static bool is_bytes(const tl_column *c) { return c->field.physical == TL_PHYSICAL_BYTE_ARRAY; }

tl_status tl_column_append_null(tl_column *out, int64_t count, tl_error *err) {
  size_t width = (size_t)tl_field_width(&out->field), rows = (size_t)(out->count + count);
  TL_TRY(tl_bits_append(out->env, &out->valid, &out->valid_capacity, out->count, NULL, 0, count, false, &out->null_count, err));
  TL_TRY(tl_reserve(out->env, &out->values, &out->values_capacity, rows * width + 64, 1, err));
  memset(out->values + (size_t)out->count * width, 0, (size_t)count * width);
  if (is_bytes(out)) {
    TL_TRY(tl_reserve(out->env, &out->offsets, &out->offsets_capacity, rows + 1, sizeof *out->offsets, err));
    for (int64_t i = 1; i <= count; i++) out->offsets[out->count + i] = out->offsets[out->count];
  }
  out->count += count;
  return TL_OK;
}

/* Values of rows [from, from + count), wherever they live, behind the `at` rows that are there; room for fixed widths has been made. */
static tl_status append_values(tl_column *out, int64_t at, const tl_column *in, int64_t from, int64_t count, tl_error *err) {
  size_t width = (size_t)tl_field_width(&out->field);
  if (!is_bytes(out) && in->dictionary == NULL) {
    if (count > 0) memcpy(out->values + (size_t)at * width, in->values + (size_t)from * width, (size_t)count * width);
    return TL_OK;
  }
  if (in->dictionary == NULL) {
    size_t start = (size_t)in->offsets[from], size = (size_t)in->offsets[from + count] - start;
    int64_t shift = (int64_t)out->bytes.size - (int64_t)start;
    TL_TRY(tl_buffer_append(&out->bytes, in->bytes.data + start, size, err));
    for (int64_t i = 1; i <= count; i++) out->offsets[at + i] = in->offsets[from + i] + shift;
    return TL_OK;
  }
  if (width == 8 && in->dictionary->count > 0) {
    const uint64_t *words = (const uint64_t *)(const void *)in->dictionary->values;
    uint64_t *to = (uint64_t *)(void *)out->values + at;
    for (int64_t i = 0; i < count; i++) to[i] = words[in->codes[from + i]];
    for (int64_t i = 0; in->null_count > 0 && i < count; i++)
      if (!tl_column_is_valid(in, from + i)) to[i] = 0;
    return TL_OK;
  }
  for (int64_t i = 0; i < count; i++) {
    tl_bytes v = tl_column_bytes(in, from + i);
    if (is_bytes(out)) {
      TL_TRY(tl_buffer_append(&out->bytes, v.data, v.size, err));
      out->offsets[at + i + 1] = (int64_t)out->bytes.size;
    } else if (v.size == width)
      memcpy(out->values + (size_t)(at + i) * width, v.data, width);
    else
      memset(out->values + (size_t)(at + i) * width, 0, width);
  }
  return TL_OK;
}

tl_status tl_column_append(tl_column *out, const tl_column *in, int64_t from, int64_t count, tl_error *err) {
  size_t width = (size_t)tl_field_width(&out->field), rows = (size_t)(out->count + count);
  TL_TRY(tl_bits_append(out->env, &out->valid, &out->valid_capacity, out->count, in->valid, from, count, true, &out->null_count, err));
  TL_TRY(tl_reserve(out->env, &out->values, &out->values_capacity, rows * width + 64, 1, err));
  if (is_bytes(out)) TL_TRY(tl_reserve(out->env, &out->offsets, &out->offsets_capacity, rows + 1, sizeof *out->offsets, err));
  TL_TRY(append_values(out, out->count, in, from, count, err));
  out->count += count;
  return TL_OK;
}

tl_status tl_column_append_bytes(tl_column *out, tl_bytes value, tl_error *err) {
  tl_column one = {.env = out->env, .field = out->field, .count = 1, .values = (uint8_t *)value.data, .offsets = (int64_t[]){0, (int64_t)value.size}};
  one.bytes = (tl_buffer){.data = (uint8_t *)value.data, .size = value.size};
  return tl_column_append(out, &one, 0, 1, err);
}

tl_status tl_column_append_int(tl_column *out, int64_t value, tl_error *err) {
  return tl_column_append_bytes(out, (tl_bytes){(const uint8_t *)&value, 8}, err); /* little-endian: narrower ones lie in front */
}

static bool any_missing(const tl_column *const *sources, const uint16_t *from, const uint32_t *rows, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (!tl_column_is_valid(sources[from != NULL ? from[i] : 0], rows[i])) return true;
  return false;
}

static tl_status gather_valid(tl_column *out, const tl_column *const *sources, const uint16_t *from, const uint32_t *rows, int64_t count, tl_error *err) {
  if (out->valid == NULL && !any_missing(sources, from, rows, count)) return TL_OK;
  for (int64_t i = 0; i < count; i++) {
    bool valid = tl_column_is_valid(sources[from != NULL ? from[i] : 0], rows[i]);
    TL_TRY(tl_bits_append(out->env, &out->valid, &out->valid_capacity, out->count + i, NULL, 0, 1, valid, &out->null_count, err));
  }
  return TL_OK;
}

static void gather_fixed(uint8_t *to, size_t width, const tl_column *const *sources, const uint16_t *from, const uint32_t *rows, int64_t count) {
  for (int64_t i = 0; i < count; i++, to += width) {
    int64_t row = rows[i];
    const tl_column *c = sources[from != NULL ? from[i] : 0];
    if (c->dictionary != NULL && !tl_column_is_valid(c, row)) {
      memset(to, 0, width);
      continue;
    }
    c = tl_column_home(c, &row);
    memcpy(to, c->values + (size_t)row * width, width);
  }
}

tl_status tl_column_gather(tl_column *out, const tl_column *const *sources, const uint16_t *from, const uint32_t *rows, int64_t count, tl_error *err) {
  size_t width = (size_t)tl_field_width(&out->field), wanted = (size_t)(out->count + count);
  TL_TRY(gather_valid(out, sources, from, rows, count, err));
  TL_TRY(tl_reserve(out->env, &out->values, &out->values_capacity, wanted * width + 64, 1, err));
  uint8_t *to = out->values + (size_t)out->count * width;
  if (width == 8)
    gather_fixed(to, 8, sources, from, rows, count);
  else if (width > 0)
    gather_fixed(to, width, sources, from, rows, count);
  else {
    TL_TRY(tl_reserve(out->env, &out->offsets, &out->offsets_capacity, wanted + 1, sizeof *out->offsets, err));
    for (int64_t i = 0; i < count; i++) {
      tl_bytes v = tl_column_bytes(sources[from != NULL ? from[i] : 0], rows[i]);
      TL_TRY(tl_buffer_append(&out->bytes, v.data, v.size, err));
      out->offsets[out->count + i + 1] = (int64_t)out->bytes.size;
    }
  }
  out->count += count;
  return TL_OK;
}

tl_status tl_column_flatten(tl_column *c, int64_t most, tl_error *err) {
  if (c->dictionary == NULL) return TL_OK;
  size_t width = (size_t)tl_field_width(&c->field);
  int64_t size = c->count * (int64_t)width;
  for (int64_t i = 0; is_bytes(c) && i < c->count && size <= most; i++) size += (int64_t)tl_column_bytes(c, i).size;
  if (size > most) return tl_fail(err, TL_MEMORY, "values of %s exceed the memory for them (%lld bytes)", c->field.name, (long long)most);
  tl_column codes = *c;
  TL_TRY(tl_renew(c->env, &c->values, &c->values_capacity, (size_t)c->count * width + 64, 1, err));
  if (is_bytes(c)) {
    TL_TRY(tl_renew(c->env, &c->offsets, &c->offsets_capacity, (size_t)c->count + 1, sizeof *c->offsets, err));
    c->offsets[0] = 0;
    c->bytes.size = 0;
    TL_TRY(tl_buffer_reserve(&c->bytes, (size_t)size + 1, err));
  }
  TL_TRY(append_values(c, 0, &codes, 0, c->count, err));
  c->dictionary = NULL;
  return TL_OK;
}

void tl_field_type_text(char out[TL_TYPE_TEXT], const tl_field *f) {
  static const char *const physical[TL_PHYSICAL_COUNT] = {"boolean", "int32", "int64", "int96", "float", "double", "binary", "fixed"};
  static const char *const logical[] = {"", "string", "enum", "json", "bson", "uuid", "decimal", "date", "time", "timestamp", "int", "float16", ""};
  const char *unit = f->digits == 3 ? "ms" : f->digits == 6 ? "us" : "ns";
  switch (f->logical) {
    case TL_LOGICAL_NONE:
    case TL_LOGICAL_OTHER:
      if (f->physical == TL_PHYSICAL_FIXED)
        snprintf(out, TL_TYPE_TEXT, "fixed[%d]", f->fixed_size);
      else
        snprintf(out, TL_TYPE_TEXT, "%s", physical[f->physical]);
      return;
    case TL_LOGICAL_DECIMAL: snprintf(out, TL_TYPE_TEXT, "decimal(%d, %d)", f->precision, f->scale); return;
    case TL_LOGICAL_TIME:
    case TL_LOGICAL_TIMESTAMP: snprintf(out, TL_TYPE_TEXT, "%s[%s%s]", logical[f->logical], unit, f->utc ? ", UTC" : ""); return;
    case TL_LOGICAL_INTEGER: snprintf(out, TL_TYPE_TEXT, "%sint%d", f->is_unsigned ? "u" : "", f->bits); return;
    default: snprintf(out, TL_TYPE_TEXT, "%s", logical[f->logical]); return;
  }
}

/* ---- values ---- */

int64_t tl_column_int(const tl_column *c, int64_t row) {
  c = tl_column_home(c, &row);
  const uint8_t *p = c->values + row * tl_field_width(&c->field);
  switch (c->field.physical) {
    case TL_PHYSICAL_BOOLEAN: return *p != 0;
    case TL_PHYSICAL_INT32: return tl_field_is_unsigned(&c->field) ? (int64_t)tl_load32(p) : (int32_t)tl_load32(p);
    case TL_PHYSICAL_INT64: return (int64_t)tl_load64(p);
    default: return 0;
  }
}

bool tl_field_is_numeric(const tl_field *f) {
  if (f->logical == TL_LOGICAL_DECIMAL) return f->scale <= 18 && f->fixed_size <= 16;
  switch (f->physical) {
    case TL_PHYSICAL_BOOLEAN:
    case TL_PHYSICAL_INT32:
    case TL_PHYSICAL_INT64:
    case TL_PHYSICAL_FLOAT:
    case TL_PHYSICAL_DOUBLE: return true;
    default: return false;
  }
}

static const double powers_of_ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

void tl_column_raw_doubles(const tl_column *c, int64_t from, int64_t count, double *out) {
  const tl_field *f = &c->field;
  const uint8_t *p = c->values + from * tl_field_width(f);
  double scale = f->logical == TL_LOGICAL_DECIMAL && f->scale >= 0 && f->scale <= 18 ? powers_of_ten[f->scale] : 1;
  if (f->physical == TL_PHYSICAL_DOUBLE)
    memcpy(out, p, (size_t)count * sizeof *out);
  else if (f->physical == TL_PHYSICAL_FLOAT)
    for (int64_t i = 0; i < count; i++) {
      float v;
      memcpy(&v, p + i * 4, sizeof v);
      out[i] = (double)v;
    }
  else if (f->physical == TL_PHYSICAL_INT64 && f->logical != TL_LOGICAL_DECIMAL && !tl_field_is_unsigned(f))
    for (int64_t i = 0; i < count; i++) out[i] = (double)(int64_t)tl_load64(p + i * 8);
  else if (f->physical == TL_PHYSICAL_INT64 && tl_field_is_unsigned(f))
    for (int64_t i = 0; i < count; i++) out[i] = (double)tl_load64(p + i * 8);
  else if (f->physical == TL_PHYSICAL_BYTE_ARRAY || f->physical == TL_PHYSICAL_FIXED)
    for (int64_t i = 0; i < count; i++) {
      tl_bytes b = tl_column_bytes(c, from + i);
      out[i] = b.size > 16 ? NAN : (double)tl_big_endian(b) / scale;
    }
  else
    for (int64_t i = 0; i < count; i++) out[i] = (double)tl_column_int(c, from + i) / scale;
}

void tl_column_doubles(const tl_column *c, int64_t from, int64_t count, double *out, int64_t *nonfinite) {
  tl_column_raw_doubles(c, from, count, out);
  if (c->field.physical == TL_PHYSICAL_DOUBLE || c->field.physical == TL_PHYSICAL_FLOAT) {
    int64_t bad = 0;
    for (int64_t i = 0; i < count; i++) {
      bool finite = fabs(out[i]) < INFINITY;
      bad += !finite;
      out[i] = finite ? out[i] : NAN;
    }
    if (bad > 0)
      for (int64_t i = 0; i < count; i++)
        if (!(fabs(out[i]) < INFINITY) && !tl_column_is_valid(c, from + i)) bad--;
    *nonfinite += bad;
  }
  if (c->valid == NULL) return;
  for (int64_t i = 0; i < count; i++)
    if (!tl_column_is_valid(c, from + i)) out[i] = NAN;
}

/* ---- text ---- */

static uint16_t load16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static double half_value(uint16_t bits) { return tl_half_load((uint8_t[]){(uint8_t)bits, (uint8_t)(bits >> 8)}); }

/* Whether a decimal reads back as these bits: no neighbour is nearer, and a tie is for the even one. */
static bool is_half(double decimal, uint16_t bits) {
  double off = fabs(decimal - half_value(bits));
  for (int side = -1; side <= 1; side += 2) {
    uint16_t magnitude = bits & 0x7fff, other = (uint16_t)(magnitude + side);
    double next = magnitude == 0 && side < 0 ? INFINITY : other == 0x7c00 ? 65536 : half_value(other);
    double far = fabs(fabs(decimal) - next);
    if (far < off || (far == off && (bits & 1))) return false;
  }
  return true;
}

/* The shortest decimal that reads back as the same half: five digits always do. */
static void half_text(char out[TL_NUMBER_TEXT], uint16_t bits) {
  double value = half_value(bits);
  for (int digits = 1; isfinite(value) && value != 0 && digits <= 5; digits++) {
    char text[TL_NUMBER_TEXT];
    double decimal;
    snprintf(text, sizeof text, "%.*e", digits - 1, value);
    if (!tl_double_read(text, strlen(text), &decimal) || !is_half(decimal, bits)) continue;
    value = decimal;
    break;
  }
  tl_double_text(out, value);
}

static tl_status hex_text(tl_bytes v, bool dashes, tl_buffer *out, tl_error *err) {
  for (size_t i = 0; i < v.size; i++) {
    if (dashes && (i == 4 || i == 6 || i == 8 || i == 10)) TL_TRY(tl_buffer_byte(out, '-', err));
    TL_TRY(tl_buffer_format(out, err, "%02x", v.data[i]));
  }
  return TL_OK;
}

/* Whole numbers of any length, big-endian: divided by ten until nothing is left. */
static tl_status wide_decimal_text(tl_bytes b, int scale, tl_buffer *out, tl_error *err) {
  enum { MOST = 64, MOST_DIGITS = 160 };
  uint8_t rest[MOST];
  char digits[MOST_DIGITS + 2];
  int at = sizeof digits;
  while (b.size > 1 && b.data[0] == (b.data[1] & 0x80 ? 0xff : 0)) b.data++, b.size--; /* what only repeats the sign */
  if (b.size > MOST || scale > MOST_DIGITS - 2) return hex_text(b, false, out, err);
  bool negative = b.data[0] & 0x80, any = true;
  memcpy(rest, b.data, b.size);
  for (size_t i = b.size, carry = 1; negative && i-- > 0;) {
    carry += (uint8_t)~rest[i];
    rest[i] = (uint8_t)carry;
    carry >>= 8;
  }
  for (int i = 0; i <= scale || any; i++) {
    unsigned left = 0;
    any = false;
    for (size_t k = 0; k < b.size; k++) {
      left = left << 8 | rest[k];
      rest[k] = (uint8_t)(left / 10);
      any |= rest[k] != 0;
      left %= 10;
    }
    if (i == scale && scale > 0) digits[--at] = '.';
    digits[--at] = (char)('0' + left);
  }
  if (negative) digits[--at] = '-';
  return tl_buffer_append(out, digits + at, sizeof digits - (size_t)at, err);
}

/* An integer with `scale` digits after the point. */
static tl_status decimal_text(const tl_column *c, int64_t row, tl_buffer *out, tl_error *err) {
  bool native = c->field.physical == TL_PHYSICAL_INT32 || c->field.physical == TL_PHYSICAL_INT64;
  if (!native) return wide_decimal_text(tl_column_bytes(c, row), c->field.scale, out, err);
  uint64_t value = __builtin_bswap64((uint64_t)tl_column_int(c, row));
  return wide_decimal_text((tl_bytes){(const uint8_t *)&value, sizeof value}, c->field.scale, out, err);
}

static tl_status int96_text(const uint8_t *p, tl_buffer *out, tl_error *err) {
  char date[TL_TIME_TEXT], clock[TL_TIME_TEXT];
  __int128 ns = tl_int96_ns(p), day = TL_DAY_NS, days = ns / day - (ns % day < 0);
  tl_date_text(date, (int64_t)days);
  tl_clock_text(clock, (int64_t)(ns - days * day), 9);
  return tl_buffer_format(out, err, "%sT%s", date, clock);
}

static tl_status number_text(const tl_column *c, int64_t row, tl_buffer *out, tl_error *err) {
  c = tl_column_home(c, &row);
  char text[TL_NUMBER_TEXT];
  const uint8_t *p = c->values + row * tl_field_width(&c->field);
  float f;
  switch (c->field.physical) {
    case TL_PHYSICAL_BOOLEAN: return tl_buffer_text(out, *p ? "true" : "false", err);
    case TL_PHYSICAL_DOUBLE: tl_double_text(text, tl_load_double(p)); break;
    case TL_PHYSICAL_FLOAT: memcpy(&f, p, sizeof f), tl_float_text(text, f); break;
    case TL_PHYSICAL_INT64:
      if (tl_field_is_unsigned(&c->field))
        snprintf(text, sizeof text, "%llu", (unsigned long long)tl_load64(p));
      else
        snprintf(text, sizeof text, "%lld", (long long)tl_load64(p));
      break;
    default: snprintf(text, sizeof text, "%lld", (long long)tl_column_int(c, row)); break;
  }
  return tl_buffer_text(out, text, err);
}

tl_status tl_column_text(const tl_column *c, int64_t row, tl_buffer *out, tl_error *err) {
  char text[TL_TIME_TEXT];
  const tl_field *f = &c->field;
  if (!tl_column_is_valid(c, row)) return TL_OK;
  switch (f->logical) {
    case TL_LOGICAL_DATE: tl_date_text(text, tl_column_int(c, row)); return tl_buffer_text(out, text, err);
    case TL_LOGICAL_TIMESTAMP: tl_time_text(text, tl_column_int(c, row), f->digits, f->utc); return tl_buffer_text(out, text, err);
    case TL_LOGICAL_TIME:
      tl_clock_text(text, tl_column_int(c, row), f->digits);
      TL_TRY(tl_buffer_text(out, text, err));
      return f->utc ? tl_buffer_byte(out, 'Z', err) : TL_OK;
    case TL_LOGICAL_DECIMAL: return decimal_text(c, row, out, err);
    case TL_LOGICAL_UUID: return hex_text(tl_column_bytes(c, row), true, out, err);
    case TL_LOGICAL_FLOAT16: half_text(text, load16(tl_column_bytes(c, row).data)); return tl_buffer_text(out, text, err);
    default: break;
  }
  tl_bytes v = tl_column_bytes(c, row);
  if (f->physical == TL_PHYSICAL_INT96) return int96_text(v.data, out, err);
  if (tl_field_is_text(f)) {
    if (!tl_utf8_valid((const char *)v.data, v.size)) return tl_fail(err, TL_CORRUPT, "column %s: not valid UTF-8", f->name);
    return tl_buffer_append(out, v.data, v.size, err);
  }
  if (f->physical == TL_PHYSICAL_BYTE_ARRAY || f->physical == TL_PHYSICAL_FIXED) return hex_text(v, false, out, err);
  return number_text(c, row, out, err);
}

/* Numbers and booleans stand bare in JSON, unless they are no JSON numbers. */
static bool is_bare(const tl_column *c, int64_t row) {
  c = tl_column_home(c, &row);
  const tl_field *f = &c->field;
  if (f->physical == TL_PHYSICAL_DOUBLE) return isfinite(tl_load_double(c->values + row * 8));
  if (f->logical == TL_LOGICAL_FLOAT16) return (load16(tl_column_bytes(c, row).data) >> 10 & 31) != 31;
  if (f->physical == TL_PHYSICAL_FLOAT) {
    float v;
    memcpy(&v, c->values + row * 4, sizeof v);
    return isfinite(v);
  }
  return tl_field_is_numeric(f) && (f->logical == TL_LOGICAL_NONE || f->logical == TL_LOGICAL_INTEGER || f->logical == TL_LOGICAL_OTHER);
}

tl_status tl_column_json(const tl_column *c, int64_t row, tl_buffer *out, tl_error *err) {
  if (!tl_column_is_valid(c, row)) return tl_buffer_text(out, "null", err);
  if (is_bare(c, row)) return tl_column_text(c, row, out, err);
  TL_OWNED(tl_buffer) text = {.env = out->env};
  TL_TRY(tl_column_text(c, row, &text, err));
  return tl_json_text(out, (const char *)text.data, text.size, err);
}

/* ---- hash ---- */

enum { CLASS_MISSING, CLASS_BOOLEAN, CLASS_INTEGER, CLASS_FLOAT, CLASS_TIME, CLASS_DECIMAL, CLASS_BYTES };

static uint64_t hash_number(int class, __int128 value, uint64_t seed) {
  uint64_t parts[3] = {(uint64_t) class, (uint64_t)value, (uint64_t)(value >> 64)};
  return XXH3_64bits_withSeed(parts, sizeof parts, seed);
}

uint64_t tl_hash_missing(uint64_t seed) { return hash_number(CLASS_MISSING, 0, seed); }

static __int128 in_nanoseconds(const tl_column *c, int64_t row) {
  __int128 v = tl_column_int(c, row);
  if (c->field.logical == TL_LOGICAL_DATE) return v * TL_DAY_NS;
  return v * (c->field.digits == 3 ? 1000000 : c->field.digits == 6 ? 1000 : 1);
}

/* Without trailing zeros, so that 1.50 and 1.5 are one value. */
static uint64_t hash_decimal(const tl_column *c, int64_t row, uint64_t seed) {
  __int128 v = 0;
  int scale = c->field.scale;
  if (c->field.physical == TL_PHYSICAL_INT32 || c->field.physical == TL_PHYSICAL_INT64)
    v = tl_column_int(c, row);
  else
    v = tl_big_endian(tl_column_bytes(c, row));
  while (scale > 0 && v % 10 == 0) v /= 10, scale--;
  return hash_number(CLASS_DECIMAL, v, seed + (uint64_t)scale);
}

static uint64_t hash_double(double v, uint64_t seed) {
  uint64_t bits;
  if (isnan(v)) v = NAN;
  memcpy(&bits, &v, sizeof bits);
  if (isnan(v)) bits = 0x7ff8000000000000u;
  return hash_number(CLASS_FLOAT, (__int128)bits, seed);
}

uint64_t tl_column_hash(const tl_column *c, int64_t row, uint64_t seed) {
  const tl_field *f = &c->field;
  if (!tl_column_is_valid(c, row)) return tl_hash_missing(seed);
  c = tl_column_home(c, &row);
  const uint8_t *p = c->values + row * tl_field_width(f);
  float v;
  switch (f->logical) {
    case TL_LOGICAL_DATE:
    case TL_LOGICAL_TIME:
    case TL_LOGICAL_TIMESTAMP: return hash_number(CLASS_TIME, in_nanoseconds(c, row), seed);
    case TL_LOGICAL_DECIMAL: return hash_decimal(c, row, seed);
    case TL_LOGICAL_FLOAT16: return hash_double(tl_half_load(tl_column_bytes(c, row).data), seed);
    default: break;
  }
  switch (f->physical) {
    case TL_PHYSICAL_BOOLEAN: return hash_number(CLASS_BOOLEAN, *p != 0, seed);
    case TL_PHYSICAL_INT32: return hash_number(CLASS_INTEGER, tl_column_int(c, row), seed);
    case TL_PHYSICAL_INT64: return hash_number(CLASS_INTEGER, tl_field_is_unsigned(f) ? (__int128)tl_load64(p) : (__int128)(int64_t)tl_load64(p), seed);
    case TL_PHYSICAL_FLOAT: memcpy(&v, p, sizeof v); return hash_double((double)v, seed);
    case TL_PHYSICAL_DOUBLE: return hash_double(tl_load_double(p), seed);
    case TL_PHYSICAL_INT96: return hash_number(CLASS_TIME, tl_int96_ns(p), seed);
    default: break;
  }
  tl_bytes b = tl_column_bytes(c, row);
  return XXH3_64bits_withSeed(b.data, b.size, seed + CLASS_BYTES);
}
