/* What all rows of a column come to: counts, extremes, sums, spread, distinct values. Integers add up exactly, doubles in a wide accumulator,
   so that the outcome is the same bits for any order, split or number of threads. Values that are not finite are counted, and left out of
   extremes and sums; the rows of a dictionary are counted by code, and looked at once an entry. */
#ifndef TL_COLUMN_TOTALS_H
#define TL_COLUMN_TOTALS_H

#include "column/column.h"
#include "column/wide.h"

enum { TL_COUNT_LANES = 4 };

enum {
  TL_TOTALS_ROWS = 1,
  TL_TOTALS_MISSING = 2,
  TL_TOTALS_NONFINITE = 4,
  TL_TOTALS_MIN = 8,
  TL_TOTALS_MAX = 16,
  TL_TOTALS_SUM = 32,
  TL_TOTALS_MEAN = 64,
  TL_TOTALS_STDDEV = 128,
  TL_TOTALS_DISTINCT = 256,
  TL_TOTALS_ALL = 511
};

/* A whole number of 256 bits, two's complement. */
typedef struct tl_int256 {
  unsigned __int128 low;
  __int128 high;
} tl_int256;

typedef struct tl_totals {
  tl_env *env;
  tl_field field;
  unsigned wants; /* of the above */
  int64_t rows, missing, nonfinite;
  tl_int256 sum;        /* of integers and decimals, in units of the last digit */
  tl_int256 squares[3]; /* with a value as h 2^64 + l: of l^2, h l, h^2 */
  tl_wide wide, wide_squares;
  tl_buffer min, max; /* values in PLAIN form */
  bool has_extremes;
  uint64_t *set; /* hashes of distinct values, 0: empty */
  size_t set_size, set_count, set_capacity;
  size_t most_distinct; /* that may be kept; more is TL_MEMORY */
  bool has_zero_hash;
  /* codes of one dictionary, not yet looked at */
  const tl_column *dictionary;
  uint32_t *counts; /* TL_COUNT_LANES for each code: neighbours mostly repeat, and an addition must not wait for the one before */
  int64_t pending;  /* values that they count */
  size_t count_capacity;
  double *doubles; /* scratch */
  size_t double_capacity;
} tl_totals;

/* Whether the sum means something: numbers, booleans, times; not texts, dates and other bytes. */
bool tl_totals_has_sum(const tl_field *field);
void tl_totals_open(tl_totals *out, tl_env *env, const tl_field *field, unsigned wants, size_t most_distinct);
void tl_totals_free(tl_totals *summary);
/* `missing` rows, and all rows of a column of values without missing ones. */
tl_status tl_totals_add(tl_totals *summary, int64_t missing, const tl_column *dense, tl_error *err) TL_MUST_CHECK;
/* The same for `count` values of fixed width that lie side by side, aligned or not. */
tl_status tl_totals_add_values(tl_totals *summary, int64_t missing, const void *values, int64_t count, tl_error *err) TL_MUST_CHECK;
/* The same for codes of a dictionary, which stays as it is until the next flush. */
tl_status tl_totals_add_codes(tl_totals *totals, int64_t missing, const tl_column *dictionary, const uint32_t *codes, int64_t count,
                              tl_error *err) TL_MUST_CHECK;
/* For those who count codes themselves: TL_COUNT_LANES counters for each entry of the dictionary, and for as many more as make the next
   power of two, to which `count` values are going to be
   added in any lane. NULL where nothing of the values is wanted. */
tl_status tl_totals_counters(tl_totals *totals, int64_t missing, const tl_column *dictionary, int64_t count, uint32_t **out, tl_error *err) TL_MUST_CHECK;
/* TL_CORRUPT when codes were counted that the dictionary does not have. */
tl_status tl_totals_flush(tl_totals *summary, tl_error *err) TL_MUST_CHECK;
/* Adds what another summary of the same type, flushed, has. */
tl_status tl_totals_merge(tl_totals *summary, const tl_totals *other, tl_error *err) TL_MUST_CHECK;

/* A statistic as JSON: numbers bare, decimals and times as texts, null where there is none. `which`: one of the above. */
tl_status tl_totals_json(const tl_totals *summary, unsigned which, tl_buffer *out, tl_error *err) TL_MUST_CHECK;

#endif
