/* A column of any shape in memory, and several of them side by side. The layout is Arrow's: a LIST or MAP has count + 1 offsets into
   its children, a STRUCT children of its own length, a VALUE is a tl_column. */
#ifndef TL_COLUMN_ARRAY_H
#define TL_COLUMN_ARRAY_H

#include "column/column.h"
#include "column/schema.h"

typedef struct tl_array tl_array;
struct tl_array {
  tl_env *env;
  const tl_schema *node; /* borrowed; outlives the array */
  int64_t count, null_count;
  uint8_t *valid;     /* STRUCT, LIST, MAP: bit i of byte i/8; NULL: all present. A VALUE has its own in `column` */
  int64_t *offsets;   /* LIST, MAP: count + 1; missing ones are empty */
  tl_array *children; /* as node->children */
  tl_column column;   /* VALUE */
  size_t valid_capacity, offset_capacity;
};

/* An empty array of the node's shape, with its children. */
tl_status tl_array_open(tl_array *out, tl_env *env, const tl_schema *node, tl_error *err) TL_MUST_CHECK;
void tl_array_free(tl_array *array);
/* No rows; memory is kept. */
tl_status tl_array_clear(tl_array *array, tl_error *err) TL_MUST_CHECK;
static inline bool tl_array_is_valid(const tl_array *a, int64_t row) {
  if (a->node->shape == TL_SHAPE_VALUE) return tl_column_is_valid(&a->column, row);
  return a->valid == NULL || (a->valid[row >> 3] >> (row & 7) & 1);
}
/* Rows [from, from + count) of an array of the same shape (tl_schema_same) behind those that are there. Dictionary codes become values. */
tl_status tl_array_append(tl_array *out, const tl_array *in, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Rows one by one, as tl_column_gather. */
tl_status tl_array_gather(tl_array *out, const tl_array *const *sources, const uint16_t *from, const uint32_t *rows, int64_t count,
                          tl_error *err) TL_MUST_CHECK;
/* `count` missing rows behind those that are there. */
tl_status tl_array_append_null(tl_array *out, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Bytes that the values take in memory, about. */
int64_t tl_array_bytes(const tl_array *array);

/* A value as JSON ("Values as text"), and as plain text for tables and CSV: the same, but a bare value without quotes, missing "". */
tl_status tl_array_json(const tl_array *array, int64_t row, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
tl_status tl_array_text(const tl_array *array, int64_t row, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* As tl_column_hash; lists, maps and structs by what is in them. */
uint64_t tl_array_hash(const tl_array *array, int64_t row, uint64_t seed);

/* Rows of several columns. */
typedef struct tl_batch {
  tl_env *env;
  const tl_schema *schema; /* a STRUCT; borrowed */
  tl_array *columns;       /* one for each of its children */
  int64_t rows;
} tl_batch;

tl_status tl_batch_open(tl_batch *out, tl_env *env, const tl_schema *schema, tl_error *err) TL_MUST_CHECK;
tl_status tl_batch_clear(tl_batch *batch, tl_error *err) TL_MUST_CHECK;
tl_status tl_batch_append(tl_batch *out, const tl_batch *in, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Rows of several batches, one by one: at most 65,536 batches. */
tl_status tl_batch_gather(tl_batch *out, const tl_batch *const *sources, int source_count, const uint16_t *from, const uint32_t *rows, int64_t count,
                          tl_error *err) TL_MUST_CHECK;
/* Only the first `rows` rows stay. */
void tl_batch_cut(tl_batch *batch, int64_t rows);
int64_t tl_batch_bytes(const tl_batch *batch);
void tl_batch_free(tl_batch *batch);

#endif
