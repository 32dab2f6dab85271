/* Which rows of a row group can hold a condition, by its statistics, bloom filters and page indexes. */
#ifndef TL_LAKE_PRUNE_H
#define TL_LAKE_PRUNE_H

#include "column/predicate.h"
#include "parquet/reader.h"

typedef struct tl_row_range {
  int64_t first, count;
  bool all; /* every row is known to hold */
} tl_row_range;

typedef struct tl_ranges {
  tl_env *env;
  tl_row_range *items;
  int64_t count;
  size_t capacity;
} tl_ranges;

/* Rows [first, first + count) of the group that may hold, in order (side by side where some are known to hold and others are not); leaves[i] is the leaf of the
   condition's column i; where that is -1, known[i] is what is known of it for any rows. Nothing of the file but its indexes is read. */
tl_status tl_prune_group(tl_ranges *out, tl_parquet *file, int group, const tl_predicate *predicate, const int *leaves, const tl_interval *known, int64_t first,
                         int64_t count, tl_error *err) TL_MUST_CHECK;

#endif
