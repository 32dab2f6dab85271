/* What the ways to put a column into a row group share. */
#ifndef TL_PARQUET_GROUP_INSIDE_H
#define TL_PARQUET_GROUP_INSIDE_H

#include "parquet/writer.h"

typedef struct tl_page_info {
  int64_t values; /* entries */
  int encoding;
  bool dictionary;
  int64_t first_row, nulls;
  const tl_bounds *bounds; /* NULL: none */
} tl_page_info;

/* Compresses g->page and appends it behind its header. */
tl_status tl__group_page(tl_group *group, tl_chunk *chunk, tl_page_info info, int level, tl_error *err) TL_MUST_CHECK;
tl_chunk *tl__group_open(tl_group *group, int codec);
void tl__group_close(tl_group *group, tl_chunk *chunk, int64_t nulls, const tl_bounds *bounds);
/* Rows [from, from + count) of a column without missing ones, in PLAIN form. */
tl_status tl__put_plain(tl_buffer *out, const tl_column *column, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;

#endif
