/* The page index: where the pages of a chunk lie, and what is in them.
   Source: Parquet format, PageIndex; parquet.thrift, OffsetIndex and ColumnIndex. */
#ifndef TL_PARQUET_INDEX_H
#define TL_PARQUET_INDEX_H

#include "parquet/reader.h"

typedef struct tl_page_place {
  int64_t offset, size; /* header included */
  int64_t first_row;    /* of the group */
} tl_page_place;

typedef struct tl_offset_index {
  tl_env *env;
  tl_page_place *pages;
  int64_t count; /* 0: not loaded, or none that can be trusted */
} tl_offset_index;

/* Loads a chunk's offset index; count stays 0 where there is none. TL_CORRUPT when it contradicts the chunk. */
tl_status tl_offset_index_load(tl_offset_index *out, tl_parquet *file, int group, int leaf, tl_error *err) TL_MUST_CHECK;
void tl_offset_index_free(tl_offset_index *index);

typedef struct tl_page_bounds {
  bool all_null;
  tl_bytes min, max;  /* PLAIN without length, perhaps truncated; borrowed */
  int64_t null_count; /* -1: not said */
} tl_page_bounds;

typedef struct tl_column_index {
  tl_buffer bytes;
  tl_page_bounds *pages;
  int64_t count;
  int order; /* 0 unordered, 1 ascending, 2 descending */
} tl_column_index;
tl_status tl_column_index_load(tl_column_index *out, tl_parquet *file, int group, int leaf, tl_error *err) TL_MUST_CHECK;
void tl_column_index_free(tl_column_index *index);

#endif
