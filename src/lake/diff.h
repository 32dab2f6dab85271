/* Where two datasets differ: rows are matched by the columns that identify them, whatever files, row groups, types and order they lie in. */
#ifndef TL_LAKE_DIFF_H
#define TL_LAKE_DIFF_H

#include "base/arena.h"

typedef struct tl_difference {
  int64_t row_a, row_b;     /* of the dataset, in the order of its files; -1: none */
  const char *keys, *a, *b; /* "ticker AAPL, date 2024-01-02", and both values; NULL where a side has no such row */
} tl_difference;

typedef struct tl_diff_column {
  const char *name;
  bool in_a, in_b;
  int64_t differing;       /* rows */
  tl_difference *examples; /* the first ones, in the order of B (of A, for rows that B lacks) */
  int example_count;
} tl_diff_column;

typedef struct tl_diff {
  tl_env *env;
  tl_arena arena;
  const char *by; /* what rows were matched by; NULL: their numbers */
  int64_t rows_a, rows_b, matched;
  tl_diff_column *columns; /* of A, then those that only B has */
  int column_count;
  tl_diff_column only_a, only_b; /* rows that the other lacks */
} tl_diff;

/* `by`: NULL is what the datasets name, else row numbers. `most` examples a column. TL_USAGE when a column of `by` is in neither. Memory
   is bounded by `memory`: where that does not hold the keys and hashes of all rows of A that may differ, both are read several times. */
tl_status tl_diff_run(tl_diff *out, tl_env *env, const char *a, const char *b, const char *by, int most, int64_t memory, tl_error *err) TL_MUST_CHECK;
bool tl_diff_is_empty(const tl_diff *diff);
void tl_diff_free(tl_diff *diff);

#endif
