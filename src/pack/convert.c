#include "pack/convert.h"
#include <math.h>
#include <string.h>
#include "base/text.h"
#include "column/number.h"

enum { MOST_FLAT = 1 << 30 };

static bool is_plain_number(const tl_field *f) {
  return f->logical == TL_LOGICAL_NONE || f->logical == TL_LOGICAL_INTEGER || f->logical == TL_LOGICAL_DECIMAL || f->logical == TL_LOGICAL_OTHER;
}

/* ---- order keys ---- */

/* What a whole number of nanoseconds is not likely to be: a time of 1973 or later in a coarser unit lies below all nanoseconds of 1973 and later. */
static tl_status check_unit(int64_t value, tl_error *err) {
  const char *unit = value >= 100000000000000 ? "microseconds" : value >= 100000000000 ? "milliseconds" : "seconds";
  if (value < 100000000 || value >= 100000000000000000) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "%lld reads as %s, not nanoseconds; store it as a timestamp type, or multiply it", (long long)value, unit);
}

static tl_status convert_time(int64_t *out, const tl_column *c, int64_t row, int64_t scale, bool plain, tl_error *err) {
  if (!tl_column_is_valid(c, row)) return tl_fail(err, TL_CORRUPT, "its time is missing");
  if (c->field.physical == TL_PHYSICAL_INT96) {
    __int128 ns = tl_int96_ns(c->values + row * 12);
    *out = (int64_t)ns;
    return ns == *out ? TL_OK : tl_fail(err, TL_CORRUPT, "its time is beyond what 64 bits of nanoseconds hold");
  }
  int64_t value = tl_column_int(c, row);
  if (plain) TL_TRY(check_unit(value, err));
  if (__builtin_mul_overflow(value, scale, out)) return tl_fail(err, TL_CORRUPT, "its time is beyond what 64 bits of nanoseconds hold");
  return TL_OK;
}

tl_status tl_convert_times(int64_t *out, tl_column *c, int64_t from, int64_t count, int64_t *row, tl_error *err) {
  const tl_field *f = &c->field;
  bool stamp = f->logical == TL_LOGICAL_TIMESTAMP && f->physical == TL_PHYSICAL_INT64, plain = f->physical == TL_PHYSICAL_INT64 && is_plain_number(f);
  char type[TL_TYPE_TEXT];
  *row = 0;
  tl_field_type_text(type, f);
  if (!stamp && !plain && f->physical != TL_PHYSICAL_INT96)
    return tl_fail(err, TL_CORRUPT, "column %s is %s; expected a timestamp, or int64 nanoseconds", f->name, type);
  TL_TRY(tl_column_flatten(c, MOST_FLAT, err));
  int64_t scale = stamp && f->digits == 3 ? 1000000 : stamp && f->digits == 6 ? 1000 : 1;
  bool simple = scale == 1 && c->valid == NULL && f->physical == TL_PHYSICAL_INT64;
  for (int64_t i = 0; i < count; i++) {
    *row = i;
    if (!simple || (plain && i == 0)) TL_TRY(convert_time(&out[i], c, from + i, scale, plain, err));
    if (simple) memcpy(&out[i], c->values + 8 * (from + i), 8);
  }
  return TL_OK;
}

/* ---- numbers ---- */

static tl_status no_number(const tl_column *c, int64_t row, const char *wanted, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = c->env};
  TL_TRY(tl_column_text(c, row, &text, err));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  return tl_fail(err, TL_CORRUPT, "column %s has \"%.60s\", which is no %s", c->field.name, (const char *)text.data, wanted);
}

/* Whole rows of what lies in front as they are; the validity of the raw rows. */
static tl_status append_valued(tl_column *out, const tl_column *raw, int64_t from, int64_t count, const void *values, tl_error *err) {
  tl_column fresh = {.env = out->env, .field = out->field, .count = count, .values = (uint8_t *)(uintptr_t)values};
  int64_t at = out->count;
  TL_TRY(tl_column_append(out, &fresh, 0, count, err));
  for (int64_t i = 0; raw->valid != NULL && i < count; i++)
    if (!tl_column_is_valid(raw, from + i)) TL_TRY(tl_column_set_null(out, at + i, 1, err));
  return TL_OK;
}

enum { STEP = 1024 };

static tl_status to_double(tl_column *out, const tl_column *raw, int64_t from, int64_t count, int64_t *row, tl_error *err) {
  double values[STEP];
  bool wide = raw->field.physical == TL_PHYSICAL_INT64 && raw->field.logical != TL_LOGICAL_DECIMAL;
  tl_column_raw_doubles(raw, from, count, values);
  for (int64_t i = 0; wide && i < count; i++) {
    *row = i;
    bool exact = fabs(values[i]) <= 0x1p53 || !tl_column_is_valid(raw, from + i);
    if (!exact) return no_number(raw, from + i, "number that a double holds exactly", err);
  }
  return append_valued(out, raw, from, count, values, err);
}

static tl_status to_int(tl_column *out, const tl_column *raw, int64_t from, int64_t count, int64_t *row, tl_error *err) {
  int64_t values[STEP], at = out->count;
  double real[STEP];
  bool whole = (raw->field.physical == TL_PHYSICAL_INT32 || raw->field.physical == TL_PHYSICAL_INT64) && raw->field.logical != TL_LOGICAL_DECIMAL, gaps = false;
  if (!whole) tl_column_raw_doubles(raw, from, count, real);
  for (int64_t i = 0; i < count; i++) {
    *row = i;
    bool valid = tl_column_is_valid(raw, from + i);
    values[i] = 0;
    if (!valid) continue;
    if (whole) {
      values[i] = tl_column_int(raw, from + i);
      if (values[i] < 0 && tl_field_is_unsigned(&raw->field) && raw->field.physical == TL_PHYSICAL_INT64) return no_number(raw, from + i, "int64", err);
    } else if (isnan(real[i]))
      gaps = true;
    else if (fabs(real[i]) <= 0x1p62 && real[i] == floor(real[i]))
      values[i] = (int64_t)real[i];
    else
      return no_number(raw, from + i, "whole number", err);
  }
  TL_TRY(append_valued(out, raw, from, count, values, err));
  for (int64_t i = 0; gaps && i < count; i++)
    if (isnan(real[i]) && tl_column_is_valid(out, at + i)) TL_TRY(tl_column_set_null(out, at + i, 1, err));
  return TL_OK;
}

/* Text where a number should be is fine while there is none. */
static tl_status from_text(tl_column *out, const tl_column *raw, int64_t from, int64_t count, int64_t *row, tl_error *err) {
  for (int64_t i = 0; i < count; i++) {
    *row = i;
    if (tl_column_is_valid(raw, from + i)) return no_number(raw, from + i, "number", err);
  }
  return tl_column_append_null(out, count, err);
}

static tl_status convert_column(tl_column *out, tl_column *raw, int64_t from, int64_t count, int64_t *row, tl_error *err) {
  bool text = raw->field.physical == TL_PHYSICAL_BYTE_ARRAY && raw->field.logical != TL_LOGICAL_DECIMAL;
  TL_TRY(tl_column_flatten(raw, MOST_FLAT, err));
  for (int64_t at = 0, n; at < count; at += n) {
    n = count - at < STEP ? count - at : STEP;
    tl_status status = text                                        ? from_text(out, raw, from + at, n, row, err)
                       : out->field.physical == TL_PHYSICAL_DOUBLE ? to_double(out, raw, from + at, n, row, err)
                                                                   : to_int(out, raw, from + at, n, row, err);
    *row += at;
    TL_TRY(status);
  }
  return TL_OK;
}

tl_status tl_convert(tl_array *out, tl_array *raw, int64_t from, int64_t count, int64_t *row, tl_error *err) {
  *row = 0;
  bool same = tl_schema_same(out->node, raw->node);
  if (!same && (out->node->shape != TL_SHAPE_VALUE || raw->node->shape != TL_SHAPE_VALUE))
    return tl_fail(err, TL_CORRUPT, "column %s is of another type than in the tape", raw->node->name);
  if (same) return tl_array_append(out, raw, from, count, err);
  TL_TRY(convert_column(&out->column, &raw->column, from, count, row, err));
  out->count = out->column.count;
  out->null_count = out->column.null_count;
  return TL_OK;
}
