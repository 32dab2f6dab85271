/* A column over all of its chunks, in one file or in many: sizes, codecs, encodings, missing ones, bounds. From the footers alone; what one
   chunk does not say is not known of the whole. */
#ifndef TL_PARQUET_CHUNK_TOTALS_H
#define TL_PARQUET_CHUNK_TOTALS_H

#include "column/column.h"
#include "parquet/meta.h"

/* A bound of statistics as a column of one row. False when its bytes are no value of the type (cut short, say). */
bool tl_bound_load(tl_column *out, const tl_field *field, tl_bytes bound);

typedef struct tl_chunk_totals {
  tl_column min, max; /* one row each; count 0: not known */
  tl_column next;     /* scratch */
  bool min_inexact, max_inexact;
  bool bounds_unknown;           /* a chunk with values has none */
  int64_t chunks, values, nulls; /* nulls -1: a chunk does not say */
  int64_t compressed_size, uncompressed_size;
  uint32_t codecs;                                                               /* bit c; an unknown codec sets bit 31 */
  uint32_t encodings;                                                            /* as the chunks list them, those of levels included */
  uint32_t page_encodings;                                                       /* of data pages, as far as the footer says */
  int64_t with_page_encodings, with_column_index, with_offset_index, with_bloom; /* chunks that have them */
  int64_t index_bytes, bloom_bytes;
} tl_chunk_totals;

void tl_chunk_totals_open(tl_chunk_totals *out, tl_env *env);
/* Chunks of one type only; the leaf's name outlives the totals. */
void tl_chunk_totals_add(tl_chunk_totals *totals, const tl_leaf *leaf, const tl_chunk *chunk);
void tl_chunk_totals_free(tl_chunk_totals *totals);

#endif
