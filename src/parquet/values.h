/* Opening the values of a page; reading them is in page.h. */
#ifndef TL_PARQUET_VALUES_H
#define TL_PARQUET_VALUES_H

#include "parquet/page.h"

/* `most`: values that the page can have at most. The bytes must outlive the stream. */
tl_status tl_values_open(tl_values *values, int encoding, tl_bytes bytes, int64_t most, const tl_field *field, tl_page_memory *memory,
                         tl_error *err) TL_MUST_CHECK;

#endif
