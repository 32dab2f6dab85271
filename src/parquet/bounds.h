/* The least and greatest of some values, in the order that the format defines for their type, as statistics and page indexes hold them.
   Source: Parquet format, parquet.thrift, ColumnOrder (TYPE_ORDER). */
#ifndef TL_PARQUET_BOUNDS_H
#define TL_PARQUET_BOUNDS_H

#include "column/column.h"

enum { TL_BOUND_BYTES = 64 };

typedef struct tl_bounds {
  bool known;                    /* there is a value that is not NaN, of a type that has an order */
  bool min_inexact, max_inexact; /* cut to TL_BOUND_BYTES: below the least, above the greatest */
  uint8_t min_size, max_size;
  uint8_t min[TL_BOUND_BYTES], max[TL_BOUND_BYTES]; /* PLAIN, byte arrays without their length */
} tl_bounds;

/* Adds rows [from, from + count) of a column of values without missing ones. */
void tl_bounds_add(tl_bounds *bounds, const tl_column *column, int64_t from, int64_t count);
/* Adds the values that other bounds are of. */
void tl_bounds_merge(tl_bounds *bounds, const tl_bounds *other, const tl_field *field);
void tl_bounds_of_ints(tl_bounds *bounds, const tl_field *field, int64_t min, int64_t max);
/* Of doubles, narrowed to the field's type. A bound that is zero stands for both zeros. */
void tl_bounds_of_doubles(tl_bounds *bounds, const tl_field *field, double min, double max);

#endif
