/* The order that rows of a file are to be in: as it is said, or that of an option tape, which is known by its columns. */
#ifndef TL_LAKE_TAPE_ORDER_H
#define TL_LAKE_TAPE_ORDER_H

#include "parquet/reader.h"

enum { TL_MOST_ORDER = 32 };

/* `order`: "a,-b", - descends; NULL: expiry, opt_type, strike, timestamp, where a file has all of them. *count is 0 where nothing is known; missing values
   come last. TL_USAGE when the file lacks a column that was named, or it is nested. */
tl_status tl_tape_order(tl_sorting keys[TL_MOST_ORDER], int *count, const tl_parquet *file, const char *order, tl_error *err) TL_MUST_CHECK;
/* The same order as names, for those who sort by it. */
#define TL_TAPE_ORDER "expiry,opt_type,strike,timestamp"

#endif
