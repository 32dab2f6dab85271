/* Rows of a Parquet file in every way that the library reads them, which must be the same rows. */
#ifndef TL_TEST_FUZZ_ROWS_H
#define TL_TEST_FUZZ_ROWS_H

#include "parquet/rows.h"

/* Reads the columns of every row group in batches of several sizes, with and without skips, and by pulling; ends the process when they
   disagree. `limit`: bytes of one page that are believed. */
void tl__fuzz_rows(tl_parquet *file, int64_t limit);

#endif
