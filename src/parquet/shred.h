/* Nested arrays to entries of their leaves: the way back from assemble.h. */
#ifndef TL_PARQUET_SHRED_H
#define TL_PARQUET_SHRED_H

#include "column/array.h"

/* What one leaf has in some rows. */
typedef struct tl_shreds {
  tl_env *env;
  uint8_t *definition, *repetition; /* `count` entries */
  int64_t *starts;                  /* of each row: its first entry; rows + 1 */
  int64_t count, rows;
  tl_column values; /* those that are present, dense */
  int64_t *places;  /* scratch: rows of the leaf's column whose values are present */
  int64_t present;
  size_t definition_capacity, repetition_capacity, start_capacity, place_capacity;
} tl_shreds;

void tl_shreds_free(tl_shreds *shreds);
/* Leaf `leaf` (counted as in the schema) of a column. */
tl_status tl_shred(tl_shreds *out, const tl_array *column, int leaf, tl_error *err) TL_MUST_CHECK;

#endif
