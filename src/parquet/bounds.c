#include "parquet/bounds.h"
#include <math.h>
#include <string.h>
#include "column/number.h"

static bool is_signed_bytes(const tl_field *f) {
  return f->logical == TL_LOGICAL_DECIMAL && (f->physical == TL_PHYSICAL_BYTE_ARRAY || f->physical == TL_PHYSICAL_FIXED);
}

static bool has_order(const tl_field *f) { return f->physical != TL_PHYSICAL_INT96; }

void tl_bounds_of_ints(tl_bounds *b, const tl_field *f, int64_t min, int64_t max) {
  int width = f->physical == TL_PHYSICAL_BOOLEAN ? 1 : tl_field_width(f);
  b->known = true;
  b->min_size = b->max_size = (uint8_t)width;
  memcpy(b->min, &min, (size_t)width);
  memcpy(b->max, &max, (size_t)width);
}

void tl_bounds_of_doubles(tl_bounds *b, const tl_field *f, double min, double max) {
  if (min == 0) min = -0.0;
  if (max == 0) max = 0.0;
  b->known = true;
  b->min_size = b->max_size = (uint8_t)tl_field_width(f);
  if (f->physical == TL_PHYSICAL_FLOAT) {
    float low = (float)min, high = (float)max;
    memcpy(b->min, &low, sizeof low);
    memcpy(b->max, &high, sizeof high);
  } else if (f->physical == TL_PHYSICAL_BOOLEAN)
    b->min[0] = min > 0, b->max[0] = max > 0;
  else {
    memcpy(b->min, &min, sizeof min);
    memcpy(b->max, &max, sizeof max);
  }
}

/* Two's complement of any length, big-endian. */
static int compare_signed(tl_bytes a, tl_bytes b) {
  uint8_t fill_a = a.size > 0 && a.data[0] & 0x80 ? 0xff : 0, fill_b = b.size > 0 && b.data[0] & 0x80 ? 0xff : 0;
  if (fill_a != fill_b) return fill_a ? -1 : 1;
  size_t size = a.size > b.size ? a.size : b.size;
  for (size_t i = 0; i < size; i++) {
    uint8_t x = i < size - a.size ? fill_a : a.data[i - (size - a.size)], y = i < size - b.size ? fill_b : b.data[i - (size - b.size)];
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

static int compare_bytes(const tl_field *f, tl_bytes a, tl_bytes b) {
  if (f->logical == TL_LOGICAL_FLOAT16) {
    double x = tl_half_load(a.data), y = tl_half_load(b.data);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  if (is_signed_bytes(f)) return compare_signed(a, b);
  size_t both = a.size < b.size ? a.size : b.size;
  int order = both > 0 ? memcmp(a.data, b.data, both) : 0;
  return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

static bool is_nan(const tl_field *f, tl_bytes v) { return f->logical == TL_LOGICAL_FLOAT16 && isnan(tl_half_load(v.data)); }

/* A bound above `v` in so many bytes: its beginning, one more in the last place; false where every byte is 255. */
static bool round_up(uint8_t *out, uint8_t *size) {
  while (*size > 0 && out[*size - 1] == 0xff) --*size;
  if (*size == 0) return false;
  out[*size - 1]++;
  return true;
}

static void set_bytes(tl_bounds *b, tl_bytes min, tl_bytes max) {
  b->min_inexact |= min.size > TL_BOUND_BYTES;
  b->max_inexact |= max.size > TL_BOUND_BYTES;
  b->min_size = (uint8_t)(min.size < TL_BOUND_BYTES ? min.size : TL_BOUND_BYTES);
  b->max_size = (uint8_t)(max.size < TL_BOUND_BYTES ? max.size : TL_BOUND_BYTES);
  memmove(b->min, min.data, b->min_size);
  memmove(b->max, max.data, b->max_size);
  b->known = true;
  if (max.size > TL_BOUND_BYTES) b->known = round_up(b->max, &b->max_size);
}

static void add_bytes(tl_bounds *b, const tl_column *c, int64_t from, int64_t count) {
  tl_bytes min = {0}, max = {0};
  const tl_field *f = &c->field;
  for (int64_t i = from; i < from + count; i++) {
    tl_bytes v = tl_column_bytes(c, i);
    if (is_nan(f, v)) continue;
    if (min.data == NULL || compare_bytes(f, v, min) < 0) min = v;
    if (max.data == NULL || compare_bytes(f, v, max) > 0) max = v;
  }
  if (min.data == NULL || (is_signed_bytes(f) && (min.size > TL_BOUND_BYTES || max.size > TL_BOUND_BYTES))) return;
  tl_bounds found = {0};
  set_bytes(&found, min, max);
  if (f->logical == TL_LOGICAL_FLOAT16) { /* zeros stand for both */
    if (tl_half_load(found.min) == 0) found.min[0] = 0, found.min[1] = 0x80;
    if (tl_half_load(found.max) == 0) found.max[0] = found.max[1] = 0;
  }
  tl_bounds_merge(b, &found, f);
}

/* Several chains side by side: one alone would wait for itself. */
enum { CHAINS = 8 };

static void range_of_words(const int64_t *values, int64_t count, int64_t flip, int64_t *min, int64_t *max) {
  int64_t low[CHAINS], high[CHAINS], i = 0;
  for (int k = 0; k < CHAINS; k++) low[k] = *min, high[k] = *max;
  for (; i + CHAINS <= count; i += CHAINS)
    for (int k = 0; k < CHAINS; k++) {
      int64_t v = values[i + k] ^ flip;
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
    }
  for (; i < count; i++) {
    int64_t v = values[i] ^ flip;
    low[0] = v < low[0] ? v : low[0];
    high[0] = v > high[0] ? v : high[0];
  }
  for (int k = 0; k < CHAINS; k++) {
    *min = low[k] < *min ? low[k] : *min;
    *max = high[k] > *max ? high[k] : *max;
  }
}

static void range_of_doubles(const double *values, int64_t count, double *min, double *max) {
  double low[CHAINS], high[CHAINS];
  int64_t i = 0;
  for (int k = 0; k < CHAINS; k++) low[k] = *min, high[k] = *max;
  for (; i + CHAINS <= count; i += CHAINS)
    for (int k = 0; k < CHAINS; k++) {
      double v = values[i + k];
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
    }
  for (; i < count; i++) {
    low[0] = values[i] < low[0] ? values[i] : low[0];
    high[0] = values[i] > high[0] ? values[i] : high[0];
  }
  for (int k = 0; k < CHAINS; k++) {
    *min = low[k] < *min ? low[k] : *min;
    *max = high[k] > *max ? high[k] : *max;
  }
}

static void add_ints(tl_bounds *b, const tl_column *c, int64_t from, int64_t count) {
  bool unsigned_ints = tl_field_is_unsigned(&c->field);
  int64_t flip = unsigned_ints ? INT64_MIN : 0, min = INT64_MAX, max = INT64_MIN; /* unsigned order is signed order with the top bit flipped */
  if (c->field.physical == TL_PHYSICAL_INT64 && c->dictionary == NULL)
    range_of_words((const int64_t *)(const void *)c->values + from, count, flip, &min, &max);
  else
    for (int64_t i = from; i < from + count; i++) {
      if (c->dictionary != NULL && i > from && c->codes[i] == c->codes[i - 1]) continue;
      int64_t v = tl_column_int(c, i) ^ flip;
      min = v < min ? v : min;
      max = v > max ? v : max;
    }
  tl_bounds found = {0};
  tl_bounds_of_ints(&found, &c->field, min ^ flip, max ^ flip);
  tl_bounds_merge(b, &found, &c->field);
}

static double float_at(const tl_column *c, int64_t row) {
  const tl_column *home = tl_column_home(c, &row);
  float narrow;
  if (c->field.physical == TL_PHYSICAL_DOUBLE) return tl_load_double(home->values + row * 8);
  memcpy(&narrow, home->values + row * 4, sizeof narrow);
  return (double)narrow;
}

static void add_floats(tl_bounds *b, const tl_column *c, int64_t from, int64_t count) {
  double min = INFINITY, max = -INFINITY;
  if (c->field.physical == TL_PHYSICAL_DOUBLE && c->dictionary == NULL)
    range_of_doubles((const double *)(const void *)c->values + from, count, &min, &max);
  else
    for (int64_t i = from; i < from + count; i++) {
      double v = float_at(c, i);
      min = v < min ? v : min;
      max = v > max ? v : max;
    }
  if (min > max) return;
  tl_bounds found = {0};
  tl_bounds_of_doubles(&found, &c->field, min, max);
  tl_bounds_merge(b, &found, &c->field);
}

void tl_bounds_add(tl_bounds *b, const tl_column *c, int64_t from, int64_t count) {
  if (count == 0 || !has_order(&c->field)) return;
  switch (c->field.physical) {
    case TL_PHYSICAL_BOOLEAN:
    case TL_PHYSICAL_INT32:
    case TL_PHYSICAL_INT64: add_ints(b, c, from, count); break;
    case TL_PHYSICAL_FLOAT:
    case TL_PHYSICAL_DOUBLE: add_floats(b, c, from, count); break;
    default: add_bytes(b, c, from, count); break;
  }
}

/* Whether a is below b. */
static bool is_below(const tl_field *f, const uint8_t *a, uint8_t a_size, const uint8_t *b, uint8_t b_size) {
  float x, y;
  switch (f->physical) {
    case TL_PHYSICAL_BOOLEAN: return *a < *b;
    case TL_PHYSICAL_INT32:
      if (tl_field_is_unsigned(f)) return tl_load32(a) < tl_load32(b);
      return (int32_t)tl_load32(a) < (int32_t)tl_load32(b);
    case TL_PHYSICAL_INT64:
      if (tl_field_is_unsigned(f)) return tl_load64(a) < tl_load64(b);
      return (int64_t)tl_load64(a) < (int64_t)tl_load64(b);
    case TL_PHYSICAL_FLOAT: memcpy(&x, a, 4), memcpy(&y, b, 4); return x < y;
    case TL_PHYSICAL_DOUBLE: return tl_load_double(a) < tl_load_double(b);
    default: return compare_bytes(f, (tl_bytes){a, a_size}, (tl_bytes){b, b_size}) < 0;
  }
}

void tl_bounds_merge(tl_bounds *b, const tl_bounds *o, const tl_field *f) {
  if (!o->known) return;
  if (!b->known) {
    *b = *o;
    return;
  }
  if (is_below(f, o->min, o->min_size, b->min, b->min_size)) {
    memcpy(b->min, o->min, sizeof b->min);
    b->min_size = o->min_size, b->min_inexact = o->min_inexact;
  }
  if (is_below(f, b->max, b->max_size, o->max, o->max_size)) {
    memcpy(b->max, o->max, sizeof b->max);
    b->max_size = o->max_size, b->max_inexact = o->max_inexact;
  }
}
