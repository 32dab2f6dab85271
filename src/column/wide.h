/* Sums of doubles without rounding: a fixed-point number wide enough for every double, every square of one, and 2^63 of them.
   Because every addition is exact, a sum is the same in any order, split over any number of threads, with any instruction set;
   only tl_wide_round rounds, once, to the nearest double.

   The number is a row of digits of 32 bits in 64-bit words, so that an addition touches two digits and carries wait.
   Source: U. Kulisch, "Computer Arithmetic and Validity", 2013, chapter 8 (the complete register); for additions in vectors
   J. Demmel, H. D. Nguyen, "Parallel Reproducible Summation", IEEE Trans. Computers 64(7), 2015 (splitting by a large constant). */
#ifndef TL_COLUMN_WIDE_H
#define TL_COLUMN_WIDE_H

#include "sys/sys.h"

/* Digit i weighs 2^(32 i - TL_WIDE_BELOW): from the square of the least double (2^-2148) to 2^2272, beyond 2^63 times the
   square of a sum's bound. */
enum { TL_WIDE_DIGITS = 140, TL_WIDE_BELOW = 2176 };

/* A zeroed one is a sum of no values. */
typedef struct tl_wide {
  int64_t digits[TL_WIDE_DIGITS]; /* of either sign; the value is the sum of digit times weight */
  int64_t adds;                   /* since carries were done: no digit's magnitude is above (adds + 1) 2^53 */
} tl_wide;

/* A value that is not finite is left out. */
void tl_wide_add(tl_wide *wide, double value);
/* The exact product; `times` may be negative, which takes away. */
void tl_wide_add_times(tl_wide *wide, double value, int64_t times);
void tl_wide_add_square(tl_wide *wide, double value);
/* `count` values; how many of them were not finite, and so were left out, is added to *nonfinite. */
void tl_wide_add_many(tl_wide *wide, const double *values, int64_t count, int64_t *nonfinite);
void tl_wide_add_squares(tl_wide *wide, const double *values, int64_t count, int64_t *nonfinite);
void tl_wide_merge(tl_wide *wide, const tl_wide *other);
/* The nearest double, ties to even; infinite beyond the range; 0.0 of no values and of zeros of either sign. */
double tl_wide_round(const tl_wide *wide);

/* Sums of the lower and of the upper 32 bits of `count` 64-bit integers, aligned or not, after `flip` is xored in: at most 2^31 of them. */
void tl_sum_halves(const void *values, int64_t count, uint64_t flip, uint64_t *low, uint64_t *high);

/* What is compiled once per instruction set: the three above that take many. */
typedef struct tl_wide_kernels {
  void (*add_many)(tl_wide *wide, const double *values, int64_t count, int64_t *nonfinite);
  void (*add_squares)(tl_wide *wide, const double *values, int64_t count, int64_t *nonfinite);
  void (*sum_halves)(const void *values, int64_t count, uint64_t flip, uint64_t *low, uint64_t *high);
} tl_wide_kernels;

const tl_wide_kernels *tl_wide_kernels_of(tl_isa isa);

#endif
