/* Entries of leaves to nested arrays. */
#ifndef TL_PARQUET_ASSEMBLE_H
#define TL_PARQUET_ASSEMBLE_H

#include "column/array.h"
#include "parquet/cursor.h"

/* `rows` rows of a column whose leaves' entries are leaves[0..node->leaf_count). The leaves' values move into the array. TL_CORRUPT when
   the leaves do not agree on what is there. */
tl_status tl_assemble(tl_array *out, tl_entries *leaves, int64_t rows, tl_error *err) TL_MUST_CHECK;

#endif
