/* The rows of some streams in memory: every input as doubles, the order key as integers, checked. */
#ifndef TL_RUN_LOAD_H
#define TL_RUN_LOAD_H

#include "run/input.h"

typedef struct tl_loaded_stream {
  const tl_stream *stream;
  int64_t at, rows; /* in the columns; rows shrinks when duplicates are dropped */
  bool failed;
  bool broken; /* ... because a file of its could not be read */
  tl_error error;
} tl_loaded_stream;

/* Kept from one load to the next. */
typedef struct tl_load {
  tl_env *env;
  const tl_input_set *set;
  const int32_t *inputs; /* definition inputs wanted */
  int input_count;
  const bool *as_time; /* ... read as raw integers */
  tl_on_duplicate on_duplicate;
  int64_t *order;
  double **columns; /* one a wanted input */
  size_t order_capacity, *column_capacity;
  tl_column column;
  tl_page_scratch scratch;
  int64_t nonfinite;  /* NaN and infinity found in inputs, so far */
  int64_t duplicates; /* rows dropped */
} tl_load;

tl_status tl_load_open(tl_load *out, tl_env *env, const tl_input_set *set, const int32_t *inputs, int input_count, const bool *as_time,
                       tl_on_duplicate on_duplicate, int64_t page_limit, tl_error *err) TL_MUST_CHECK;
void tl_load_free(tl_load *load);
/* Loads `count` streams (stream fields set). A stream that cannot be used is marked with its reason; only a want of memory ends
   the call. */
tl_status tl_load_streams(tl_load *load, tl_loaded_stream *streams, size_t count, tl_error *err) TL_MUST_CHECK;

#endif
