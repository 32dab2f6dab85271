/* The page index of a chunk, from what was noted of its pages. */
#ifndef TL_PARQUET_INDEX_WRITE_H
#define TL_PARQUET_INDEX_WRITE_H

#include "parquet/writer.h"

/* `group_at`: where the group lies in the file. */
tl_status tl_offset_index_write(tl_buffer *out, const tl_page_note *notes, int64_t count, int64_t group_at, tl_error *err) TL_MUST_CHECK;
/* Nothing where a page has no bounds although it has values: readers could not tell it from one that excludes everything. */
tl_status tl_column_index_write(tl_buffer *out, const tl_page_note *notes, int64_t count, const tl_field *field, tl_error *err) TL_MUST_CHECK;

#endif
