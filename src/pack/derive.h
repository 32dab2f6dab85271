/* The columns that a definition derives, over rows on their way to a tape. What depends on a row alone is computed when the row is read, so that rows of
   a raw file can be compared with those of a tape; the rest when the rows of a stream are together. */
#ifndef TL_PACK_DERIVE_H
#define TL_PACK_DERIVE_H

#include "pack/shape.h"
#include "run/engine.h"

/* One kind of them. */
typedef struct tl_derive_part {
  bool any;
  tl_plan plan;
  tl_engine engine;
} tl_derive_part;

typedef struct tl_derive {
  tl_env *env;
  const tl_shape_of_tape *shape;
  tl_derive_part points, streams;
  tl_engine going_on; /* the stream that is cut by the end of a row group */
  int64_t done;       /* its rows so far */
  double **inputs, **results;
  size_t *input_capacity, *result_capacity;
  bool *is_point; /* by output */
} tl_derive;

tl_status tl_derive_open(tl_derive *out, tl_env *env, const tl_shape_of_tape *shape, tl_error *err) TL_MUST_CHECK;
void tl_derive_free(tl_derive *derive);
/* Rows [from, rows) of the batch. */
tl_status tl_derive_points(tl_derive *derive, tl_batch *batch, int64_t from, tl_error *err) TL_MUST_CHECK;
/* All rows: streams of lengths[0..count), of which the first may go on from the batch before, and the last into the next. */
tl_status tl_derive_streams(tl_derive *derive, tl_batch *batch, const int64_t *lengths, int64_t count, bool goes_on, bool will_go_on,
                            tl_error *err) TL_MUST_CHECK;

#endif
