/* The rows of some streams in memory: every input as doubles, the order key as integers, checked. Whole streams, or the next stretch
   of each; from the input's files, or from what was put together of scattered ones. */
#ifndef TL_RUN_LOAD_H
#define TL_RUN_LOAD_H

#include "run/spill.h"

typedef struct tl_loaded_stream {
  const tl_stream *stream;
  int64_t at, rows;    /* in the columns; rows is fewer when duplicates are dropped */
  int64_t first;       /* number of the first of them in the stream */
  int64_t held;        /* 1: behind them lies a row that a later one may yet replace */
  int64_t read;        /* rows of the stream that were read so far, dropped ones too */
  int64_t last_key;    /* of the row before `first + rows` */
  int64_t last_origin; /* ... and where that one comes from */
  bool ended;          /* nothing is left to read */
  bool failed;
  bool broken;        /* ... because a file of its could not be read */
  int64_t nonfinite;  /* NaN and infinity found in its inputs, so far */
  int64_t duplicates; /* rows dropped, so far */
  tl_error error;
  const char *error_file; /* where it went wrong; NULL: nowhere in particular */
  int64_t error_row;
} tl_loaded_stream;

/* Kept from one load to the next. */
typedef struct tl_load {
  tl_env *env;
  const tl_input_set *set;
  const int32_t *inputs; /* definition inputs wanted */
  int input_count;
  const bool *as_time; /* ... read as raw integers */
  tl_on_duplicate on_duplicate;
  const tl_spill *spill; /* NULL: the files themselves */
  int *stored;           /* with a spill: its column of each wanted input */
  int64_t *order;
  double **columns; /* one a wanted input */
  int64_t *origins; /* with a spill: where each row comes from */
  size_t order_capacity, *column_capacity, origin_capacity;
  tl_column column;
  tl_page_scratch scratch;
  tl_parquet file; /* input file number `open`, while it has an env */
  int32_t open;
  struct tl_load_cursor *cursors; /* of the order key and each input of each stream read in stretches */
  tl_buffer block;
  struct tl_loose_part *parts; /* scratch for parts out of order */
  uint64_t *moved;
  size_t part_capacity, moved_capacity;
  bool in_stretches;
  size_t next_batch; /* of a single long stream from a spill */
  int64_t next_row;
} tl_load;

tl_status tl_load_open(tl_load *out, tl_env *env, const tl_input_set *set, const int32_t *inputs, int input_count, const bool *as_time,
                       tl_on_duplicate on_duplicate, const tl_spill *spill, int64_t page_limit, tl_error *err) TL_MUST_CHECK;
void tl_load_free(tl_load *load);
/* Of parts of one row group in order: whether the next one, `next` with `more` rows, is decoded in one go with those before it, which lie in
   [first, end) and have `rows` rows. Long gaps are not worth it, and memory is in proportion to the rows. */
bool tl_load_adjoins(int64_t first, int64_t end, int64_t rows, int64_t next, int64_t more);
/* Loads `count` streams (stream fields set) whole. A stream that cannot be used is marked with its reason; only a want of memory ends
   the call. `range`: theirs, with a spill. */
tl_status tl_load_streams(tl_load *load, tl_loaded_stream *streams, size_t count, int32_t range, tl_error *err) TL_MUST_CHECK;
/* The same for streams that are read stretch by stretch, each in `room` rows of the columns: drops the first `used` rows that are there
   and fills up behind the rest. With a spill there is but one stream. */
tl_status tl_load_begin(tl_load *load, tl_loaded_stream *streams, size_t count, int64_t room, tl_error *err) TL_MUST_CHECK;
tl_status tl_load_more(tl_load *load, tl_loaded_stream *streams, size_t count, int64_t room, int64_t used, int32_t range, tl_error *err) TL_MUST_CHECK;

#endif
