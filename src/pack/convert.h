/* Values of one column of a raw file as the tape has them. */
#ifndef TL_PACK_CONVERT_H
#define TL_PACK_CONVERT_H

#include "column/array.h"

/* Rows [from, from + count) behind those of `out`: the same form as it is; numbers to double or int64 (NaN to missing), where nothing is lost. TL_CORRUPT says
   of the first row that does not convert why, its number in *row (counted from `from`). The raw column's codes become values. */
tl_status tl_convert(tl_array *out, tl_array *raw, int64_t from, int64_t count, int64_t *row, tl_error *err) TL_MUST_CHECK;
/* A column of order keys as nanoseconds: timestamps of any unit, plain integers that can be nanoseconds. TL_CORRUPT as above; a missing one is such. */
tl_status tl_convert_times(int64_t *out, tl_column *raw, int64_t from, int64_t count, int64_t *row, tl_error *err) TL_MUST_CHECK;

#endif
