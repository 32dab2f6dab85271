#include "column/wide.h"
#include <math.h>
#include <string.h>

enum { DIGITS = TL_WIDE_DIGITS, MOST_ADDS = 512 };

/* Digits but the last become 0 .. 2^32 - 1; the last keeps the sign. */
static void carry(tl_wide *w) {
  int64_t above = 0;
  for (int i = 0; i < DIGITS - 1; i++) {
    int64_t digit = w->digits[i] + above;
    w->digits[i] = digit & 0xffffffff;
    above = digit >> 32;
  }
  w->digits[DIGITS - 1] += above;
  w->adds = 0;
}

/* Adds magnitude * 2^(place - TL_WIDE_BELOW), with `sign` -1 for less and 0 for more; a magnitude is below 2^53. What does not fit into
   one digit goes to the next as a whole, so that two words are touched. */
static inline void put(tl_wide *w, uint64_t magnitude, int place, int64_t sign) {
  int64_t *digit = &w->digits[place >> 5];
  int shift = place & 31;
  digit[0] += ((int64_t)(uint32_t)(magnitude << shift) ^ sign) - sign;
  digit[1] += ((int64_t)(magnitude >> (32 - shift)) ^ sign) - sign;
  if (++w->adds >= MOST_ADDS) carry(w);
}

static inline void put_long(tl_wide *w, unsigned __int128 magnitude, int place, int64_t sign) {
  enum { PIECE = 48 };
  for (; magnitude != 0; magnitude >>= PIECE, place += PIECE) put(w, (uint64_t)magnitude & (((uint64_t)1 << PIECE) - 1), place, sign);
}

/* A finite double as (-1)^sign mantissa 2^exponent. */
typedef struct parts {
  uint64_t mantissa;
  int exponent;
  int64_t sign; /* -1 or 0 */
  bool finite;
} parts;

static inline parts parts_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  int biased = (int)(bits >> 52 & 2047);
  uint64_t mantissa = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)(biased > 0) << 52;
  return (parts){mantissa, (biased > 0 ? biased : 1) - 1075, -(int64_t)(bits >> 63), biased < 2047};
}

void tl_wide_add(tl_wide *w, double value) {
  parts p = parts_of(value);
  if (p.finite) put(w, p.mantissa, p.exponent + TL_WIDE_BELOW, p.sign);
}

void tl_wide_add_times(tl_wide *w, double value, int64_t times) {
  parts p = parts_of(value);
  uint64_t count = times < 0 ? -(uint64_t)times : (uint64_t)times;
  if (p.finite) put_long(w, (unsigned __int128)p.mantissa * count, p.exponent + TL_WIDE_BELOW, times < 0 ? ~p.sign : p.sign);
}

void tl_wide_add_square(tl_wide *w, double value) {
  parts p = parts_of(value);
  if (p.finite) put_long(w, (unsigned __int128)p.mantissa * p.mantissa, 2 * p.exponent + TL_WIDE_BELOW, 0);
}

void tl_wide_merge(tl_wide *w, const tl_wide *other) {
  if (w->adds + other->adds >= MOST_ADDS) carry(w);
  for (int i = 0; i < DIGITS; i++) w->digits[i] += other->digits[i];
  w->adds += other->adds + 1;
}

/* ---- rounding ---- */

/* Makes the value its magnitude, with carries done; true when it was below zero. */
static bool make_positive(tl_wide *w) {
  carry(w);
  if (w->digits[DIGITS - 1] >= 0) return false;
  for (int i = 0; i < DIGITS; i++) w->digits[i] = -w->digits[i];
  carry(w);
  return true;
}

static int first_digit(const tl_wide *w) {
  int top = DIGITS - 1;
  while (top >= 0 && w->digits[top] == 0) top--;
  return top;
}

/* The three digits from `top` down decide, with whether anything lies below them. */
static double round_positive(const tl_wide *w, int top) {
  unsigned __int128 head = 0;
  bool below = false;
  for (int i = top; i > top - 3; i--) head = head << 32 | (i >= 0 ? (uint64_t)w->digits[i] : 0);
  for (int i = top - 3; i >= 0; i--) below |= w->digits[i] != 0;
  int length = 128 - __builtin_clzll((uint64_t)(head >> 64));             /* 65..96 */
  int last = 32 * (top - 2) - TL_WIDE_BELOW;                              /* the exponent of the head's last bit */
  int exponent = last + length - 53 > -1074 ? last + length - 53 : -1074; /* ... and of the result's */
  int shift = exponent - last;
  if (shift > length) return 0; /* less than half of the least double */
  unsigned __int128 half = (unsigned __int128)1 << (shift - 1), rest = head & (2 * half - 1);
  uint64_t mantissa = (uint64_t)(head >> shift);
  if (rest > half || (rest == half && (below || (mantissa & 1)))) mantissa++;
  return ldexp((double)mantissa, exponent);
}

double tl_wide_round(const tl_wide *wide) {
  tl_wide w = *wide;
  bool negative = make_positive(&w);
  int top = first_digit(&w);
  if (top < 0) return 0;
  double rounded = round_positive(&w, top);
  return negative ? -rounded : rounded;
}

/* ---- many ---- */

extern const tl_wide_kernels tl__baseline_wide_kernels;
#if defined(__x86_64__)
extern const tl_wide_kernels tl__avx2_wide_kernels, tl__avx512_wide_kernels;
static const tl_wide_kernels *const kernels[TL_ISA_COUNT] = {&tl__baseline_wide_kernels, &tl__avx2_wide_kernels, &tl__avx512_wide_kernels};
#else
static const tl_wide_kernels *const kernels[TL_ISA_COUNT] = {&tl__baseline_wide_kernels, &tl__baseline_wide_kernels, &tl__baseline_wide_kernels};
#endif

const tl_wide_kernels *tl_wide_kernels_of(tl_isa isa) { return kernels[isa]; }

void tl_wide_add_many(tl_wide *w, const double *values, int64_t count, int64_t *nonfinite) { kernels[tl_isa_chosen()]->add_many(w, values, count, nonfinite); }

void tl_wide_add_squares(tl_wide *w, const double *values, int64_t count, int64_t *nonfinite) {
  kernels[tl_isa_chosen()]->add_squares(w, values, count, nonfinite);
}

void tl_sum_halves(const void *values, int64_t count, uint64_t flip, uint64_t *low, uint64_t *high) {
  kernels[tl_isa_chosen()]->sum_halves(values, count, flip, low, high);
}
