/* From rows to the files of a tape: rows of a part (a file of the tape) gather until they make a row group, which a thread that has nothing else to do
   encodes, or else the one that gathered them, and which goes into its file in its turn. Row groups have about 100,000 rows and end with a stream where that
   can be; their pages have 4,096 to 8,192 rows, and do likewise. */
#ifndef TL_PACK_PRESS_H
#define TL_PACK_PRESS_H

#include "pack/derive.h"
#include "parquet/writer.h"
#include "sys/sys.h"

/* The facts of all subjects, each with its distinct values. */
typedef struct tl_fact_table {
  tl_env *env;
  int count;
  tl_column *values; /* one a fact */
  uint32_t **codes;  /* ... and the value of each subject */
} tl_fact_table;
tl_status tl_fact_table_open(tl_fact_table *out, tl_env *env, const tl_naming *naming, const tl_subject *subjects, size_t count, tl_error *err) TL_MUST_CHECK;
void tl_fact_table_free(tl_fact_table *table);

/* The rows of one subject, side by side. */
typedef struct tl_row_run {
  int32_t subject;
  int64_t rows;
} tl_row_run;

typedef struct tl_press_job tl_press_job;

/* A file of the tape that is being written: one day, one of what else partitions. */
typedef struct tl_tape_part {
  int64_t day;
  const char *key;  /* what else partitions, as text; "" where the day alone does */
  const char *name; /* below the root */
  const char *temporary;
  bool open;
  tl_writer writer;
  tl_derive derive;
  tl_press_job *filling; /* rows that are no group yet */
  bool goes_on;          /* ... of which the first run began in the group before */
  int32_t open_subject;  /* ... if the next one is of this subject, too */
  tl_page_style *styles; /* one a column, as the first group chose them */
  int64_t groups;        /* given out */
  int64_t appended;      /* in the file */
  tl_press_job *waiting; /* encoded, but not their turn */
  int64_t rows;
} tl_tape_part;

typedef struct tl_press {
  tl_env *env;
  const tl_shape_of_tape *shape;
  const tl_fact_table *facts;
  int64_t group_bytes; /* rows of a group may take so many */
  bool fast;           /* no compression */
  tl_lock *lock;
  tl_press_job *queue, *idle; /* wanted; to be used again */
  int queued, helpers;        /* jobs that wait; threads that wait for jobs */
  bool closing;
  tl_status status; /* the first failure */
  tl_error error;
} tl_press;

tl_status tl_press_open(tl_press *out, tl_env *env, const tl_shape_of_tape *shape, const tl_fact_table *facts, int64_t group_bytes,
                        tl_error *err) TL_MUST_CHECK;
void tl_press_free(tl_press *press);
/* What threads without rows of their own do, until tl_press_close: they encode what others gather. */
void tl_press_work(tl_press *press);
void tl_press_close(tl_press *press);
/* Nothing more is to be done: who puts or drains fails with this, unless something failed before. */
void tl_press_fail(tl_press *press, tl_status status, const tl_error *err);

tl_status tl_tape_part_open(tl_tape_part *part, tl_press *press, tl_error *err) TL_MUST_CHECK;
void tl_tape_part_free(tl_tape_part *part, tl_press *press);
/* Where the next rows of a subject go: append to this batch, then tell. NULL without memory. */
tl_batch *tl_tape_part_rows(tl_tape_part *part);
/* Rows of the subject were appended to the batch; `ends`: the subject has no more of them here. */
tl_status tl_tape_part_put(tl_tape_part *part, tl_press *press, int32_t subject, int64_t rows, bool ends, tl_error *err) TL_MUST_CHECK;
/* What is left becomes the last group. */
tl_status tl_tape_part_end(tl_tape_part *part, tl_press *press, tl_error *err) TL_MUST_CHECK;
/* Until all groups of these parts are in their files. */
tl_status tl_press_drain(tl_press *press, const tl_tape_part *part, tl_error *err) TL_MUST_CHECK;

#endif
