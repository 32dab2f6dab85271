#include "column/totals.h"
#include <math.h>
#include <string.h>
#include "base/text.h"
#include "column/compare.h"
#include "column/number.h"

enum { BLOCK = 1024 };

/* ---- kinds ---- */

static bool is_float(const tl_field *f) { return f->physical == TL_PHYSICAL_DOUBLE || f->physical == TL_PHYSICAL_FLOAT || f->logical == TL_LOGICAL_FLOAT16; }
static bool is_int(const tl_field *f) {
  return f->logical != TL_LOGICAL_DATE && (f->physical == TL_PHYSICAL_BOOLEAN || f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64);
}
static bool is_byte_decimal(const tl_field *f) {
  return f->logical == TL_LOGICAL_DECIMAL && (f->physical == TL_PHYSICAL_BYTE_ARRAY || f->physical == TL_PHYSICAL_FIXED);
}
bool tl_totals_has_sum(const tl_field *f) { return is_float(f) || is_int(f) || is_byte_decimal(f); }

static bool wants_sum(const tl_totals *s) { return (s->wants & (TL_TOTALS_SUM | TL_TOTALS_MEAN | TL_TOTALS_STDDEV)) != 0 && tl_totals_has_sum(&s->field); }
static bool wants_squares(const tl_totals *s) { return (s->wants & TL_TOTALS_STDDEV) != 0 && tl_totals_has_sum(&s->field); }
static bool wants_extremes(const tl_totals *s) { return (s->wants & (TL_TOTALS_MIN | TL_TOTALS_MAX)) != 0; }
static bool wants_values(const tl_totals *s) {
  return wants_sum(s) || wants_extremes(s) || (s->wants & TL_TOTALS_DISTINCT) != 0 || ((s->wants & TL_TOTALS_NONFINITE) != 0 && is_float(&s->field));
}

void tl_totals_open(tl_totals *s, tl_env *env, const tl_field *field, unsigned wants, size_t most_distinct) {
  *s = (tl_totals){.env = env, .field = *field, .wants = wants, .most_distinct = most_distinct, .min = {.env = env}, .max = {.env = env}};
}

void tl_totals_free(tl_totals *s) {
  tl_buffer_free(&s->min);
  tl_buffer_free(&s->max);
  tl_release(s->env, s->set);
  tl_release(s->env, s->counts);
  tl_release(s->env, s->doubles);
  *s = (tl_totals){.env = s->env};
}

/* ---- 256 bits ---- */

static void add256(tl_int256 *sum, tl_int256 more) {
  unsigned __int128 low = sum->low + more.low;
  sum->high += more.high + (low < more.low);
  sum->low = low;
}
static tl_int256 of128(__int128 v) { return (tl_int256){(unsigned __int128)v, v < 0 ? -1 : 0}; }

/* The product of two magnitudes, by halves. */
static tl_int256 product(unsigned __int128 a, unsigned __int128 b) {
  unsigned __int128 a0 = (uint64_t)a, a1 = a >> 64, b0 = (uint64_t)b, b1 = b >> 64;
  unsigned __int128 low = a0 * b0, m1 = a1 * b0, m2 = a0 * b1, high = a1 * b1;
  unsigned __int128 middle = (low >> 64) + (uint64_t)m1 + (uint64_t)m2;
  return (tl_int256){middle << 64 | (uint64_t)low, (__int128)(high + (m1 >> 64) + (m2 >> 64) + (middle >> 64))};
}
static unsigned __int128 magnitude(__int128 v) { return v < 0 ? -(unsigned __int128)v : (unsigned __int128)v; }

/* v times n, both signs in v. */
static tl_int256 times256(__int128 v, int64_t n) {
  tl_int256 p = product(magnitude(v), (unsigned __int128)n);
  if (v >= 0) return p;
  p.low = ~p.low + 1;
  p.high = ~p.high + (p.low == 0);
  return p;
}

/* As two doubles, the second what the first leaves. */
typedef struct pair {
  double high, low;
} pair;

static pair add_pairs(pair a, pair b) {
  double s = a.high + b.high, t = s - a.high, e = (a.high - (s - t)) + (b.high - t) + (a.low + b.low), h = s + e;
  return (pair){h, e - (h - s)};
}
static pair multiply_pairs(pair a, pair b) {
  double p = a.high * b.high, e = fma(a.high, b.high, -p) + (a.high * b.low + a.low * b.high), h = p + e;
  return (pair){h, e - (h - p)};
}

/* Four words of 64 bits, from the top; each word is split so that every term is exact. */
static pair pair_of256(tl_int256 v) {
  bool negative = v.high < 0;
  if (negative) {
    v.low = ~v.low + 1;
    v.high = ~v.high + (v.low == 0);
  }
  uint64_t words[4] = {(uint64_t)((unsigned __int128)v.high >> 64), (uint64_t)v.high, (uint64_t)(v.low >> 64), (uint64_t)v.low};
  pair sum = {0, 0};
  for (int i = 0; i < 4; i++) {
    double scale = ldexp(1, 64 * (3 - i));
    sum = add_pairs(sum, (pair){(double)(words[i] >> 32) * 4294967296.0 * scale, 0});
    sum = add_pairs(sum, (pair){(double)(uint32_t)words[i] * scale, 0});
  }
  return negative ? (pair){-sum.high, -sum.low} : sum;
}

static pair pair_of_wide(const tl_wide *w) {
  double high = tl_wide_round(w);
  tl_wide rest = *w;
  if (!isfinite(high)) return (pair){high, 0};
  tl_wide_add(&rest, -high);
  return (pair){high, tl_wide_round(&rest)};
}

/* ---- distinct values ---- */

static tl_status insert(tl_totals *s, uint64_t hash, tl_error *err);

static tl_status grow_set(tl_totals *s, tl_error *err) {
  uint64_t *old = s->set;
  size_t old_size = s->set_size;
  s->set = NULL;
  s->set_capacity = 0;
  s->set_size = old_size == 0 ? 1024 : old_size * 2;
  tl_status status = tl_allocate_zeroed(s->env, &s->set, s->set_size, sizeof *s->set, err);
  if (status != TL_OK) {
    s->set = old;
    s->set_size = old_size;
    return status;
  }
  s->set_count = 0;
  for (size_t i = 0; i < old_size && status == TL_OK; i++)
    if (old[i] != 0) status = insert(s, old[i], err);
  tl_release(s->env, old);
  return status;
}

static tl_status insert(tl_totals *s, uint64_t hash, tl_error *err) {
  if (hash == 0) return s->has_zero_hash = true, TL_OK;
  if ((s->set_count + 1) * 2 > s->set_size) TL_TRY(grow_set(s, err));
  size_t at = hash & (s->set_size - 1);
  for (; s->set[at] != 0; at = (at + 1) & (s->set_size - 1))
    if (s->set[at] == hash) return TL_OK;
  if (s->set_count >= s->most_distinct)
    return tl_fail(err, TL_MEMORY, "column %s has more than %zu distinct values, which exceeds the memory for them; --memory decides", s->field.name,
                   s->most_distinct);
  s->set[at] = hash;
  s->set_count++;
  return TL_OK;
}

/* Both zeros are one value, as for comparisons. */
static uint64_t hash_of(const tl_column *c, int64_t row) {
  const tl_field *f = &c->field;
  if ((f->physical == TL_PHYSICAL_DOUBLE && tl_load_double(c->values + row * 8) == 0) ||
      (f->physical == TL_PHYSICAL_FLOAT && tl_float_load(c->values + row * 4) == 0) ||
      (f->logical == TL_LOGICAL_FLOAT16 && tl_half_load(c->values + row * 2) == 0))
    return 1;
  return tl_column_hash(c, row, 0);
}

/* ---- values ---- */

static bool is_finite_at(const tl_column *c, int64_t row) {
  const tl_field *f = &c->field;
  if (f->physical == TL_PHYSICAL_DOUBLE) return isfinite(tl_load_double(c->values + row * 8));
  if (f->physical == TL_PHYSICAL_FLOAT) return isfinite(tl_float_load(c->values + row * 4));
  if (f->logical == TL_LOGICAL_FLOAT16) return isfinite(tl_half_load(c->values + row * 2));
  return true;
}

static double float_at(const tl_column *c, int64_t row) {
  if (c->field.physical == TL_PHYSICAL_DOUBLE) return tl_load_double(c->values + row * 8);
  return c->field.physical == TL_PHYSICAL_FLOAT ? (double)tl_float_load(c->values + row * 4) : tl_half_load(c->values + row * 2);
}

/* An integer or decimal, in units of its last digit. */
static __int128 int_at(const tl_column *c, int64_t row) {
  if (is_byte_decimal(&c->field)) return tl_big_endian(tl_column_bytes(c, row));
  int64_t v = tl_column_int(c, row);
  return c->field.physical == TL_PHYSICAL_INT64 && tl_field_is_unsigned(&c->field) ? (__int128)(uint64_t)v : (__int128)v;
}

static tl_status keep(tl_buffer *out, tl_bytes value, tl_error *err) {
  out->size = 0;
  TL_TRY(tl_buffer_reserve(out, value.size + 8, err));
  if (value.size > 0) memcpy(out->data, value.data, value.size);
  out->size = value.size;
  return TL_OK;
}

/* A bound as a column of one row, to compare with. */
static void as_column(const tl_totals *s, const tl_buffer *value, tl_column *out, int64_t offsets[2]) {
  *out = (tl_column){.field = s->field, .count = 1, .values = value->data, .offsets = offsets, .bytes = {.data = value->data, .size = value->size}};
  offsets[0] = 0;
  offsets[1] = (int64_t)value->size;
}

static tl_status take_extreme(tl_totals *s, const tl_column *c, int64_t row, tl_error *err) {
  tl_column bound;
  int64_t offsets[2];
  if (!is_finite_at(c, row)) return TL_OK;
  bool lower = !s->has_extremes, higher = lower;
  if (!lower) {
    as_column(s, &s->min, &bound, offsets);
    lower = tl_column_compare(c, row, &bound, 0) < 0;
    as_column(s, &s->max, &bound, offsets);
    higher = tl_column_compare(c, row, &bound, 0) > 0;
  }
  s->has_extremes = true;
  if (lower) TL_TRY(keep(&s->min, tl_column_bytes(c, row), err));
  if (higher) TL_TRY(keep(&s->max, tl_column_bytes(c, row), err));
  return TL_OK;
}

/* Parts of the square, so that none of them leaves 256 bits: those of 38 digits would. */
static void add_square(tl_totals *s, unsigned __int128 v, int64_t times) {
  uint64_t low = (uint64_t)v, high = (uint64_t)(v >> 64);
  unsigned __int128 parts[3] = {(unsigned __int128)low * low, (unsigned __int128)low * high, (unsigned __int128)high * high};
  for (int i = 0; i < 3; i++) add256(&s->squares[i], product(parts[i], (unsigned __int128)times));
}

/* One value `times` times. */
static tl_status add_value(tl_totals *s, const tl_column *c, int64_t row, int64_t times, tl_error *err) {
  if (is_float(&s->field)) {
    double v = float_at(c, row);
    if (!isfinite(v))
      s->nonfinite += times;
    else {
      if (wants_sum(s)) tl_wide_add_times(&s->wide, v, times);
      for (int64_t i = 0; wants_squares(s) && i < times; i++) tl_wide_add_square(&s->wide_squares, v);
    }
  } else if (wants_sum(s)) {
    __int128 v = int_at(c, row);
    add256(&s->sum, times256(v, times));
    if (wants_squares(s)) add_square(s, magnitude(v), times);
  }
  if (wants_extremes(s)) TL_TRY(take_extreme(s, c, row, err));
  return s->wants & TL_TOTALS_DISTINCT && is_finite_at(c, row) ? insert(s, hash_of(c, row), err) : TL_OK;
}

/* ---- many values ---- */

/* With the top bit flipped, 64-bit integers are unsigned; their halves add up in 64 bits, up to 2^31 of them. */
static void sum_ints64(tl_totals *s, const void *values, int64_t count) {
  bool is_unsigned = tl_field_is_unsigned(&s->field);
  uint64_t low, high;
  tl_sum_halves(values, count, is_unsigned ? 0 : (uint64_t)1 << 63, &low, &high);
  unsigned __int128 sum = ((unsigned __int128)high << 32) + low;
  add256(&s->sum, of128((__int128)sum - (is_unsigned ? 0 : (__int128)count << 63)));
}

static void sum_ints32(tl_totals *s, const void *values, int64_t count) {
  const char *p = values;
  int64_t sum = 0;
  if (tl_field_is_unsigned(&s->field))
    for (int64_t i = 0; i < count; i++) sum += (int64_t)tl_load32(p + 4 * i);
  else
    for (int64_t i = 0; i < count; i++) sum += (int32_t)tl_load32(p + 4 * i);
  add256(&s->sum, of128(sum));
}

static void sum_bytes(tl_totals *s, const void *values, int64_t count) {
  const uint8_t *p = values;
  int64_t sum = 0;
  for (int64_t i = 0; i < count; i++) sum += p[i];
  add256(&s->sum, of128(sum));
}

/* Doubles are summed where they lie when they are aligned, else from a copy that stays in the nearest cache. */
static void sum_doubles(tl_totals *s, const void *values, int64_t count, bool narrow) {
  double some[BLOCK];
  int64_t other = 0;
  if (!narrow && ((uintptr_t)values & 7) == 0 && !wants_squares(s)) {
    tl_wide_add_many(&s->wide, values, count, &s->nonfinite);
    return;
  }
  for (int64_t at = 0, n; at < count; at += n) {
    n = count - at < BLOCK ? count - at : BLOCK;
    if (narrow)
      for (int64_t i = 0; i < n; i++) some[i] = (double)tl_float_load((const char *)values + 4 * (at + i));
    else
      memcpy(some, (const char *)values + 8 * at, (size_t)n * 8);
    tl_wide_add_many(&s->wide, some, n, &s->nonfinite);
    if (wants_squares(s)) tl_wide_add_squares(&s->wide_squares, some, n, &other);
  }
}

/* Whether sums are all that is asked for, of a type that has a quick way. */
static bool only_sums(const tl_totals *s) {
  const tl_field *f = &s->field;
  if (wants_extremes(s) || (s->wants & TL_TOTALS_DISTINCT)) return false;
  if (f->physical == TL_PHYSICAL_DOUBLE || f->physical == TL_PHYSICAL_FLOAT) return true;
  return is_int(f) && !wants_squares(s);
}

tl_status tl_totals_add_values(tl_totals *s, int64_t missing, const void *values, int64_t count, tl_error *err) {
  if (only_sums(s) || !wants_values(s)) {
    s->rows += missing + count;
    s->missing += missing;
    if (!wants_values(s)) return TL_OK;
    switch (s->field.physical) {
      case TL_PHYSICAL_BOOLEAN: sum_bytes(s, values, count); break;
      case TL_PHYSICAL_INT32: sum_ints32(s, values, count); break;
      case TL_PHYSICAL_INT64: sum_ints64(s, values, count); break;
      default: sum_doubles(s, values, count, s->field.physical == TL_PHYSICAL_FLOAT); break;
    }
    return TL_OK;
  }
  tl_column view = {.env = s->env, .field = s->field, .count = count, .values = (uint8_t *)(uintptr_t)values};
  return tl_totals_add(s, missing, &view, err);
}

tl_status tl_totals_add(tl_totals *s, int64_t missing, const tl_column *dense, tl_error *err) {
  if (dense->dictionary != NULL) return tl_totals_add_codes(s, missing, dense->dictionary, dense->codes, dense->count, err);
  if (tl_field_width(&s->field) > 0 && (only_sums(s) || !wants_values(s))) return tl_totals_add_values(s, missing, dense->values, dense->count, err);
  s->rows += missing + dense->count;
  s->missing += missing;
  for (int64_t i = 0; wants_values(s) && i < dense->count; i++) TL_TRY(add_value(s, dense, i, 1, err));
  return TL_OK;
}

/* ---- codes ---- */

/* Counters for each entry, and up to the next power of two. */
static size_t counters_of(const tl_column *dictionary) {
  size_t counters = TL_COUNT_LANES;
  while (counters < (size_t)dictionary->count * TL_COUNT_LANES) counters *= 2;
  return counters;
}

tl_status tl_totals_counters(tl_totals *s, int64_t missing, const tl_column *dictionary, int64_t count, uint32_t **out, tl_error *err) {
  *out = NULL;
  s->rows += missing + count;
  s->missing += missing;
  if (!wants_values(s) || count == 0) return TL_OK;
  if (s->dictionary != dictionary || s->pending + count > UINT32_MAX) {
    TL_TRY(tl_totals_flush(s, err));
    size_t counters = counters_of(dictionary);
    TL_TRY(tl_renew(s->env, &s->counts, &s->count_capacity, counters + 1, sizeof *s->counts, err));
    memset(s->counts, 0, counters * sizeof *s->counts);
    s->dictionary = dictionary;
  }
  s->pending += count;
  *out = s->counts;
  return TL_OK;
}

tl_status tl_totals_add_codes(tl_totals *s, int64_t missing, const tl_column *dictionary, const uint32_t *codes, int64_t count, tl_error *err) {
  uint32_t *counts;
  TL_TRY(tl_totals_counters(s, missing, dictionary, count, &counts, err));
  for (int64_t i = 0; counts != NULL && i < count; i++) counts[TL_COUNT_LANES * (size_t)codes[i] + (size_t)(i % TL_COUNT_LANES)]++;
  return TL_OK;
}

static tl_status check_counters(const tl_totals *s, const tl_column *d, tl_error *err) {
  for (size_t i = (size_t)d->count * TL_COUNT_LANES, end = counters_of(d); i < end; i++)
    if (s->counts[i] != 0) return tl_fail(err, TL_CORRUPT, "dictionary code %zu, the dictionary has %lld values", i / TL_COUNT_LANES, (long long)d->count);
  return TL_OK;
}

tl_status tl_totals_flush(tl_totals *s, tl_error *err) {
  const tl_column *d = s->dictionary;
  s->dictionary = NULL;
  s->pending = 0;
  if (d != NULL) TL_TRY(check_counters(s, d, err));
  for (int64_t i = 0; d != NULL && i < d->count; i++) {
    int64_t times = 0;
    for (int lane = 0; lane < TL_COUNT_LANES; lane++) times += s->counts[TL_COUNT_LANES * i + lane];
    if (times > 0) TL_TRY(add_value(s, d, i, times, err));
  }
  return TL_OK;
}

tl_status tl_totals_merge(tl_totals *s, const tl_totals *o, tl_error *err) {
  s->rows += o->rows;
  s->missing += o->missing;
  s->nonfinite += o->nonfinite;
  add256(&s->sum, o->sum);
  for (int i = 0; i < 3; i++) add256(&s->squares[i], o->squares[i]);
  if (is_float(&s->field)) {
    tl_wide_merge(&s->wide, &o->wide);
    tl_wide_merge(&s->wide_squares, &o->wide_squares);
  }
  tl_column bound;
  int64_t offsets[2];
  if (o->has_extremes) {
    as_column(o, &o->min, &bound, offsets);
    TL_TRY(take_extreme(s, &bound, 0, err));
    as_column(o, &o->max, &bound, offsets);
    TL_TRY(take_extreme(s, &bound, 0, err));
  }
  s->has_zero_hash |= o->has_zero_hash;
  for (size_t i = 0; i < o->set_size; i++)
    if (o->set[i] != 0) TL_TRY(insert(s, o->set[i], err));
  return TL_OK;
}

/* ---- as text ---- */

static tl_status put_digits(tl_int256 v, int scale, tl_buffer *out, tl_error *err) {
  char digits[100];
  int at = sizeof digits;
  bool negative = v.high < 0;
  if (negative) {
    v.low = ~v.low + 1;
    v.high = ~v.high + (v.low == 0);
  }
  uint64_t words[4] = {(uint64_t)((unsigned __int128)v.high >> 64), (uint64_t)v.high, (uint64_t)(v.low >> 64), (uint64_t)v.low};
  for (int i = 0; i <= scale || (words[0] | words[1] | words[2] | words[3]) != 0; i++) {
    unsigned __int128 rest = 0;
    for (int k = 0; k < 4; k++) {
      rest = rest << 64 | words[k];
      words[k] = (uint64_t)(rest / 10);
      rest %= 10;
    }
    if (i == scale && scale > 0) digits[--at] = '.';
    digits[--at] = (char)('0' + (int)rest);
  }
  if (negative) digits[--at] = '-';
  return tl_buffer_append(out, digits + at, sizeof digits - (size_t)at, err);
}

static tl_status sum_json(const tl_totals *s, tl_buffer *out, tl_error *err) {
  char text[TL_NUMBER_TEXT];
  if (!tl_totals_has_sum(&s->field)) return tl_buffer_text(out, "null", err);
  if (is_float(&s->field)) {
    double sum = tl_wide_round(&s->wide);
    tl_double_text(text, sum);
    return tl_buffer_format(out, err, isfinite(sum) ? "%s" : "\"%s\"", text);
  }
  bool decimal = s->field.logical == TL_LOGICAL_DECIMAL;
  if (decimal) TL_TRY(tl_buffer_byte(out, '"', err));
  TL_TRY(put_digits(s->sum, decimal ? s->field.scale : 0, out, err));
  return decimal ? tl_buffer_byte(out, '"', err) : TL_OK;
}

static tl_status double_json(double v, tl_buffer *out, tl_error *err) {
  char text[TL_NUMBER_TEXT];
  tl_double_text(text, v);
  return tl_buffer_text(out, isfinite(v) ? text : "null", err);
}

static double unit_of(const tl_field *f) { return f->logical == TL_LOGICAL_DECIMAL ? pow(10, f->scale) : 1; }
static int64_t count_of(const tl_totals *s) { return s->rows - s->missing - s->nonfinite; }
static pair sum_of(const tl_totals *s) { return is_float(&s->field) ? pair_of_wide(&s->wide) : pair_of256(s->sum); }

static pair squares_of(const tl_totals *s) {
  if (is_float(&s->field)) return pair_of_wide(&s->wide_squares);
  pair all = pair_of256(s->squares[0]);
  for (int i = 1; i < 3; i++) {
    pair part = pair_of256(s->squares[i]);
    double weight = i == 1 ? 0x1p65 : 0x1p128;
    all = add_pairs(all, (pair){part.high * weight, part.low * weight});
  }
  return all;
}

static tl_status mean_json(const tl_totals *s, tl_buffer *out, tl_error *err) {
  if (!tl_totals_has_sum(&s->field) || count_of(s) == 0) return tl_buffer_text(out, "null", err);
  return double_json(sum_of(s).high / (double)count_of(s) / unit_of(&s->field), out, err);
}

/* Of a sample: divided by one less than there are values. (sum of squares - sum^2 / n) / (n - 1), both sums exact, in pairs of doubles. */
static tl_status stddev_json(const tl_totals *s, tl_buffer *out, tl_error *err) {
  double n = (double)count_of(s);
  if (!tl_totals_has_sum(&s->field) || n < 2) return tl_buffer_text(out, "null", err);
  pair sum = sum_of(s), squares = squares_of(s);
  pair square = multiply_pairs(sum, sum), all = multiply_pairs(squares, (pair){n, 0});
  pair spread = add_pairs(all, (pair){-square.high, -square.low});
  double variance = spread.high / n / (n - 1);
  return double_json(sqrt(variance > 0 ? variance : 0) / unit_of(&s->field), out, err);
}

static tl_status extreme_json(const tl_totals *s, const tl_buffer *value, tl_buffer *out, tl_error *err) {
  tl_column bound;
  int64_t offsets[2];
  if (!s->has_extremes) return tl_buffer_text(out, "null", err);
  as_column(s, value, &bound, offsets);
  return is_float(&s->field) ? double_json(float_at(&bound, 0), out, err) : tl_column_json(&bound, 0, out, err);
}

tl_status tl_totals_json(const tl_totals *s, unsigned which, tl_buffer *out, tl_error *err) {
  switch (which) {
    case TL_TOTALS_ROWS: return tl_buffer_format(out, err, "%lld", (long long)s->rows);
    case TL_TOTALS_MISSING: return tl_buffer_format(out, err, "%lld", (long long)s->missing);
    case TL_TOTALS_NONFINITE: return tl_buffer_format(out, err, "%lld", (long long)s->nonfinite);
    case TL_TOTALS_MIN: return extreme_json(s, &s->min, out, err);
    case TL_TOTALS_MAX: return extreme_json(s, &s->max, out, err);
    case TL_TOTALS_SUM: return sum_json(s, out, err);
    case TL_TOTALS_MEAN: return mean_json(s, out, err);
    case TL_TOTALS_STDDEV: return stddev_json(s, out, err);
    default: return tl_buffer_format(out, err, "%zu", s->set_count + s->has_zero_hash);
  }
}
