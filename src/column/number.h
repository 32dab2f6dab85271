/* Exact numbers: 128 bits and a decimal scale, value / 10^scale; and the forms in which columns keep numbers as bytes. */
#ifndef TL_COLUMN_NUMBER_H
#define TL_COLUMN_NUMBER_H

#include <math.h>
#include "base/buffer.h"
#include "base/date.h"

#define TL_INT128_MAX ((__int128)(~(unsigned __int128)0 >> 1))
#define TL_INT128_MIN (-TL_INT128_MAX - 1)

/* A half-precision float, little-endian. */
static inline double tl_half_load(const uint8_t *p) {
  int bits = p[0] | p[1] << 8, exponent = bits >> 10 & 31, fraction = bits & 1023;
  double v = exponent == 31 ? (fraction ? NAN : INFINITY) : exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return bits >> 15 ? -v : v;
}

static inline float tl_float_load(const void *p) {
  float v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

/* A big-endian two's complement integer; at most 16 bytes count. No bytes are 0. */
static inline __int128 tl_big_endian(tl_bytes b) {
  __int128 v = b.size > 0 && b.data[0] & 0x80 ? -1 : 0;
  for (size_t i = 0; i < b.size; i++) v = (__int128)((unsigned __int128)v << 8 | b.data[i]);
  return v;
}

/* The same, but the nearest there is for what does not fit 128 bits. */
__int128 tl_big_endian_clamped(tl_bytes b);

/* INT96 in nanoseconds since 1970: nanoseconds of the day and a signed Julian day. Spark counts microseconds in 64 bits and lets them wrap,
   so that its latest times come with a negative day; what fits microseconds is the same either way. */
static inline __int128 tl_int96_ns(const uint8_t *p) {
  int64_t ns = (int64_t)tl_load64(p), days = (int64_t)(int32_t)tl_load32(p + 8) - 2440588;
  int64_t us = (int64_t)((uint64_t)days * 86400000000u + (uint64_t)tl_floor_div(ns, 1000));
  return (__int128)us * 1000 + tl_floor_mod(ns, 1000);
}

/* 10^digits, digits 0..38. */
__int128 tl_power_of_ten(int digits);

/* Where a number lies among the integers: at `floor`, or between it and the next. Beyond -1 or 1: below or above all of 128 bits. */
typedef struct tl_cut {
  __int128 floor;
  bool between;
  int beyond;
} tl_cut;
/* value / divisor, divisor positive. */
tl_cut tl_cut_divide(__int128 value, __int128 divisor);
/* value * 10^shift, any shift. */
tl_cut tl_cut_shift(__int128 value, int shift);

/* -1, 0 or 1 as a / 10^a_scale is less than, equal to or greater than b / 10^b_scale; exact for all values and scales. */
int tl_scaled_compare(__int128 a, int a_scale, __int128 b, int b_scale);
/* The same of a double and a scaled number, scale 0..38; TL_UNORDERED for NaN. Exact, too. */
enum { TL_UNORDERED = 2 };
int tl_real_compare(double a, __int128 b, int scale);
/* The double nearest to value / 10^scale, or next to it; scale 0..38. */
double tl_scaled_double(__int128 value, int scale);

#endif
