/* The rows of one subject on one day, from all files that have some, in order of time: what one file has at a time stays together, and of two files that
   have rows at the same time the later one's stay. */
#ifndef TL_PACK_MERGE_H
#define TL_PACK_MERGE_H

#include "pack/odd.h"
#include "pack/press.h"
#include "pack/raw.h"
#include "pack/source.h"

typedef struct tl_merge_input {
  tl_pack_source *source; /* opened when its first row is wanted */
  const char *path;
  tl_raw_file *raw;  /* NULL: of the tape, which comes before all raw files */
  int64_t next, end; /* rows of the file that are left */
  int64_t first_time, last_time;
  tl_odd_state odd;
  tl_batch held; /* rows that wait for those of others */
  int64_t at;    /* ... of which so many are gone */
} tl_merge_input;

typedef struct tl_merge {
  tl_env *env;
  const tl_shape_of_tape *shape;
  tl_press *press;
  int64_t page_limit;
  tl_odd odd;                    /* of raw rows */
  int64_t duplicates, conflicts; /* rows that gave way: to the same ones, or to others */
  tl_raw_file *failed;           /* the file that could not be read */
} tl_merge;

/* Inputs stand in order, the later ones prevailing. Their rows go into the part. */
tl_status tl_merge_subject(tl_merge *merge, tl_tape_part *part, int32_t subject, tl_merge_input *inputs, int count, tl_error *err) TL_MUST_CHECK;
void tl_merge_input_free(tl_merge_input *input);

#endif
