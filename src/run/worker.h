/* One thread of a run and what it holds: whole.c and stretch.c compute, count.c counts, put.c encodes and writes. */
#ifndef TL_RUN_WORKER_H
#define TL_RUN_WORKER_H

#include "run/run.h"

typedef struct tl_worker {
  tl_run *run;
  int number;
  tl_engine engine;       /* by tl__run_main_plan; for tasks of long streams by the whole plan */
  tl_calendars calendars; /* where the engine's plan is given something */
  tl_load load;
  tl_group group;
  tl_column keys;
  double *records; /* of the streams in the lanes */
  size_t record_capacity;
  double **results; /* one a definition output; NULL where not wanted */
  size_t *result_capacity;
  int64_t *order; /* keys of the rows of the results */
  size_t order_capacity;
  tl_loaded_stream *streams; /* of the task */
  size_t stream_count, stream_capacity;
  int64_t *places; /* of these in tl_run.order */
  size_t place_capacity;
  int64_t *out_at, *out_rows; /* where a stream's results lie */
  size_t out_capacity, out_rows_capacity;
  const tl_stream **survivors; /* of a piece that is encoded */
  size_t survivor_capacity;
  int64_t *lengths;
  size_t length_capacity;
  tl_tally tallies[TL_LANES]; /* of the task's pieces */
  tl_course *courses;         /* one a definition output, for each stream of a task in stretches */
  int64_t *last_missing;      /* one a source, likewise */
  size_t course_capacity, last_missing_capacity;
  tl_engine *feeds; /* of row ranges: one a level; NULL until there are some */
  double **given;   /* ... what runs ahead, one a tl_range_plan.ahead */
  double **fed;     /* ... what a level's recursions read */
  size_t *given_capacity, *fed_capacity;
  const tl_loaded_stream *counted; /* whose sources are at hand */
  int64_t counted_rows;
  double **joined; /* values of the joins at those rows */
  size_t *joined_capacity;
  bool *joined_ready;
  bool *source_present, *source_looked; /* of all sources */
  int64_t *spoilt;
  size_t spoilt_capacity;
  tl_work_times times;
} tl_worker;

/* A piece that is being written. */
typedef struct tl_putting {
  const tl_piece *piece;
  tl_tally *tally;
  tl_writer_mark mark; /* the file before it */
  bool in_turn;        /* it is this piece's turn */
  bool any;            /* some stream survived */
  bool incomplete;     /* some did not */
} tl_putting;

/* whole.c, stretch.c, ranges.c */
void tl__work_whole(tl_worker *worker, const tl_task *task, int32_t number);
void tl__work_stretches(tl_worker *worker, const tl_task *task, int32_t number);
void tl__work_range(tl_worker *worker, const tl_task *task);
void tl__range_scratch_free(tl_worker *worker);

/* count.c: takes rows [from, from + rows) of a stream's features, which lie at w->results[..] + at, into courses (one a definition
   output). */
tl_status tl__count_rows(tl_worker *worker, tl_loaded_stream *stream, int64_t *last_missing, tl_course *courses, int64_t from, int64_t rows, int64_t at,
                         tl_error *err) TL_MUST_CHECK;
tl_status tl__count_pass(tl_worker *worker, tl_loaded_stream *stream, int64_t *last_missing, int64_t rows, tl_error *err) TL_MUST_CHECK;
/* The stream has ended: its courses into the tally. A broken rule fails it when the run is strict. */
void tl__count_end(tl_worker *worker, tl_loaded_stream *stream, tl_course *courses, int64_t rows, tl_tally *tally);
/* The first and the last but one row of the output among `rows` order keys. */
void tl__wanted_rows(const tl_run *run, const int64_t *order, int64_t rows, int64_t *from, int64_t *to);

/* put.c: a piece goes into its file as row groups, when its turn has come. */
tl_status tl__put_open(tl_worker *worker, tl_putting *put, tl_error *err) TL_MUST_CHECK;
/* The results of streams [first, first + count) of the task as row groups. */
tl_status tl__put_rows(tl_worker *worker, tl_putting *put, size_t first, size_t count, tl_error *err) TL_MUST_CHECK;
/* What was put of this piece is taken back. */
tl_status tl__put_undo(tl_worker *worker, tl_putting *put, tl_error *err) TL_MUST_CHECK;
/* The piece is done; with its last one the file is put in place. `status`, of which err says why: not TL_OK drops the file, with all
   that was put of it, which the run reports at its end. */
void tl__put_close(tl_worker *worker, tl_putting *put, tl_status status, tl_error *err);

/* put.c: the keys of streams as a column; the words that every file of the output has. */
tl_status tl__key_column(const tl_run *run, tl_column *out, int key, const tl_stream *const *streams, int64_t count, tl_error *err) TL_MUST_CHECK;
tl_status tl__name_columns(const tl_run *run, tl_writer *writer, tl_error *err) TL_MUST_CHECK;
/* What an engine has measured, into the run; the caller holds the lock. */
void tl__merge_engine(tl_run *run, const tl_engine *engine);
void tl__report_stream(tl_worker *worker, const tl_loaded_stream *stream);
int64_t tl__now(const tl_run *run);

#endif
