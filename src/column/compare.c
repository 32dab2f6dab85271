#include "column/compare.h"
#include <math.h>
#include <string.h>
#include "column/number.h"

static int order_doubles(double x, double y) {
  if (isnan(x) || isnan(y)) return (isnan(x) != 0) - (isnan(y) != 0);
  return (x > y) - (x < y);
}

static int order_bytes(tl_bytes x, tl_bytes y) {
  size_t both = x.size < y.size ? x.size : y.size;
  int order = both > 0 ? memcmp(x.data, y.data, both) : 0;
  return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static double load_float(const tl_column *c, int64_t row) {
  c = tl_column_home(c, &row);
  return c->field.physical == TL_PHYSICAL_DOUBLE ? tl_load_double(c->values + row * 8) : (double)tl_float_load(c->values + row * 4);
}

int tl_column_compare(const tl_column *a, int64_t i, const tl_column *b, int64_t j) {
  const tl_field *f = &a->field;
  if (f->physical == TL_PHYSICAL_DOUBLE || f->physical == TL_PHYSICAL_FLOAT) return order_doubles(load_float(a, i), load_float(b, j));
  if (f->physical == TL_PHYSICAL_BOOLEAN || f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64) {
    int64_t x = tl_column_int(a, i), y = tl_column_int(b, j);
    if (tl_field_is_unsigned(f)) return ((uint64_t)x > (uint64_t)y) - ((uint64_t)x < (uint64_t)y);
    return (x > y) - (x < y);
  }
  tl_bytes x = tl_column_bytes(a, i), y = tl_column_bytes(b, j);
  if (f->logical == TL_LOGICAL_FLOAT16) return order_doubles(tl_half_load(x.data), tl_half_load(y.data));
  if (f->physical == TL_PHYSICAL_INT96 || f->logical == TL_LOGICAL_DECIMAL) {
    __int128 u = f->physical == TL_PHYSICAL_INT96 ? tl_int96_ns(x.data) : tl_big_endian(x),
             v = f->physical == TL_PHYSICAL_INT96 ? tl_int96_ns(y.data) : tl_big_endian(y);
    return (u > v) - (u < v);
  }
  return order_bytes(x, y);
}

static uint64_t prefix_of_double(double v) {
  uint64_t bits;
  if (isnan(v)) return UINT64_MAX;
  if (v == 0) v = 0;
  memcpy(&bits, &v, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

bool tl_prefix_is_exact(const tl_field *f) {
  return f->logical != TL_LOGICAL_DECIMAL ? f->physical <= TL_PHYSICAL_DOUBLE && f->physical != TL_PHYSICAL_INT96
                                          : f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64;
}

uint64_t tl_column_prefix(const tl_column *c, int64_t row) {
  const tl_field *f = &c->field;
  if (f->physical == TL_PHYSICAL_DOUBLE || f->physical == TL_PHYSICAL_FLOAT) return prefix_of_double(load_float(c, row));
  if (f->physical == TL_PHYSICAL_BOOLEAN || f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64)
    return (uint64_t)tl_column_int(c, row) ^ (tl_field_is_unsigned(f) ? 0 : (uint64_t)1 << 63);
  tl_bytes b = tl_column_bytes(c, row);
  if (f->logical == TL_LOGICAL_FLOAT16) return prefix_of_double(tl_half_load(b.data));
  if (f->physical == TL_PHYSICAL_INT96 || f->logical == TL_LOGICAL_DECIMAL) return 0;
  uint64_t prefix = 0;
  for (size_t i = 0; i < 8; i++) prefix = prefix << 8 | (i < b.size ? b.data[i] : 0);
  return prefix;
}
