/* What a stored value is to a comparison: its sense, its domain, and the order among values of one domain or of two. */
#include <string.h>
#include "column/predicate_tree.h"

/* Annotations that do not fit the physical type leave that to speak for itself. */
static tl__sense sense_of(const tl_field *f) {
  bool is_int = f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64;
  bool is_bytes = f->physical == TL_PHYSICAL_BYTE_ARRAY || f->physical == TL_PHYSICAL_FIXED;
  if (f->logical == TL_LOGICAL_DECIMAL && is_bytes) return TL__NUMBER;
  if (f->logical == TL_LOGICAL_DATE && f->physical == TL_PHYSICAL_INT32) return TL__INSTANT;
  if (f->logical == TL_LOGICAL_TIMESTAMP && f->physical == TL_PHYSICAL_INT64) return TL__INSTANT;
  if (f->logical == TL_LOGICAL_TIME && is_int) return TL__CLOCK;
  if (f->logical == TL_LOGICAL_FLOAT16 && f->physical == TL_PHYSICAL_FIXED && f->fixed_size == 2) return TL__REAL;
  if (f->logical == TL_LOGICAL_UUID && f->physical == TL_PHYSICAL_FIXED && f->fixed_size == 16) return TL__UUID;
  switch (f->physical) {
    case TL_PHYSICAL_BOOLEAN: return TL__BOOLEAN;
    case TL_PHYSICAL_INT32:
    case TL_PHYSICAL_INT64: return TL__NUMBER;
    case TL_PHYSICAL_INT96: return TL__INSTANT;
    case TL_PHYSICAL_FLOAT:
    case TL_PHYSICAL_DOUBLE: return TL__REAL;
    case TL_PHYSICAL_BYTE_ARRAY: return tl_field_is_text(f) || f->logical == TL_LOGICAL_NONE ? TL__TEXT : TL__BINARY;
    default: return TL__BINARY;
  }
}

static void set_range(tl__subject *s) {
  bool is_unsigned = tl_field_is_unsigned(&s->field);
  s->min = TL_INT128_MIN, s->max = TL_INT128_MAX;
  if (s->field.physical == TL_PHYSICAL_BOOLEAN) s->min = 0, s->max = 1;
  if (s->field.physical == TL_PHYSICAL_INT32) s->min = is_unsigned ? 0 : INT32_MIN, s->max = is_unsigned ? (__int128)UINT32_MAX : INT32_MAX;
  if (s->field.physical == TL_PHYSICAL_INT64) s->min = is_unsigned ? 0 : INT64_MIN, s->max = is_unsigned ? (__int128)UINT64_MAX : INT64_MAX;
}

static int scale_of(const tl__subject *s) {
  if (s->field.logical == TL_LOGICAL_DECIMAL && s->sense == TL__NUMBER) return s->field.scale;
  if (s->field.physical == TL_PHYSICAL_INT96) return 9;
  bool is_count = s->sense == TL__CLOCK || (s->sense == TL__INSTANT && s->field.logical == TL_LOGICAL_TIMESTAMP);
  return is_count ? s->field.digits : 0;
}

tl_status tl__subject_of(tl__subject *out, const tl_field *field, tl_error *err) {
  *out = (tl__subject){.sense = TL__ABSENT};
  if (field == NULL) return TL_OK;
  tl__sense sense = sense_of(field);
  bool is_bytes = sense == TL__TEXT || sense == TL__UUID || sense == TL__BINARY;
  *out = (tl__subject){.field = *field,
                       .sense = sense,
                       .unit = 1,
                       .domain = is_bytes            ? TL__BYTES_DOMAIN
                                 : sense == TL__REAL ? TL__REAL_DOMAIN
                                                     : TL__INTEGER_DOMAIN};
  out->scale = scale_of(out);
  if (sense == TL__INSTANT && field->physical == TL_PHYSICAL_INT32) out->unit = 86400;
  if (out->scale < 0 || out->scale > 38 || (field->logical == TL_LOGICAL_DECIMAL && sense == TL__NUMBER && field->precision > 38)) {
    char type[TL_TYPE_TEXT];
    tl_field_type_text(type, field);
    return tl_fail(err, TL_UNSUPPORTED, "column %s is %s: conditions compare at most 38 digits", field->name, type);
  }
  set_range(out);
  return TL_OK;
}

__int128 tl__raw_integer(const tl__subject *s, tl_bytes plain) {
  bool is_unsigned = tl_field_is_unsigned(&s->field);
  switch (s->field.physical) {
    case TL_PHYSICAL_BOOLEAN: return *plain.data != 0;
    case TL_PHYSICAL_INT32: return is_unsigned ? (__int128)tl_load32(plain.data) : (__int128)(int32_t)tl_load32(plain.data);
    case TL_PHYSICAL_INT64: return is_unsigned ? (__int128)tl_load64(plain.data) : (__int128)(int64_t)tl_load64(plain.data);
    case TL_PHYSICAL_INT96: return tl_int96_ns(plain.data);
    default: return tl_big_endian_clamped(plain);
  }
}

double tl__raw_real(const tl__subject *s, tl_bytes plain) {
  switch (s->field.physical) {
    case TL_PHYSICAL_FLOAT: return (double)tl_float_load(plain.data);
    case TL_PHYSICAL_DOUBLE: return tl_load_double(plain.data);
    default: return tl_half_load(plain.data);
  }
}

tl__value tl__value_of(const tl__subject *s, tl_bytes plain) {
  switch (s->domain) {
    case TL__INTEGER_DOMAIN: return (tl__value){.domain = s->domain, .integer = tl__raw_integer(s, plain) * s->unit, .scale = s->scale};
    case TL__REAL_DOMAIN: return (tl__value){.domain = s->domain, .real = tl__raw_real(s, plain)};
    default: return (tl__value){.domain = s->domain, .bytes = plain};
  }
}

int tl__bytes_compare(tl_bytes a, tl_bytes b) {
  size_t size = a.size < b.size ? a.size : b.size;
  int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
  if (order != 0) return order < 0 ? -1 : 1;
  return (a.size > b.size) - (a.size < b.size);
}

static int reverse(int order) { return order == TL_UNORDERED ? order : -order; }

static int compare_reals(double a, double b) { return isnan(a) || isnan(b) ? TL_UNORDERED : (a > b) - (a < b); }

int tl__value_compare(const tl__value *a, const tl__value *b) {
  if (a->domain == TL__BYTES_DOMAIN) return tl__bytes_compare(a->bytes, b->bytes);
  if (a->domain == TL__REAL_DOMAIN && b->domain == TL__REAL_DOMAIN) return compare_reals(a->real, b->real);
  if (a->domain == TL__REAL_DOMAIN) return tl_real_compare(a->real, b->integer, b->scale);
  if (b->domain == TL__REAL_DOMAIN) return reverse(tl_real_compare(b->real, a->integer, a->scale));
  return tl_scaled_compare(a->integer, a->scale, b->integer, b->scale);
}
