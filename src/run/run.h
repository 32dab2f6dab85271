/* A run of a definition over a dataset, as its parts share it. */
#ifndef TL_RUN_RUN_H
#define TL_RUN_RUN_H

#include "parquet/writer.h"
#include "run/columns.h"
#include "run/days.h"
#include "run/engine.h"
#include "run/load.h"
#include "run/profile.h"
#include "run/progress.h"
#include "run/update.h"
#include "run/validate.h"
#include "sys/sys.h"
#include "tickloom/features.h"
#include "tickloom/version.h"

/* One file of the output: some streams in key order, written as one row group after the other. */
typedef struct tl_output_file {
  const char *name;
  const char *temporary;
  size_t first_stream, stream_count; /* of tl_run.order */
  int64_t rows;                      /* of the input */
  int64_t rows_written, size;        /* of the file; bytes */
  uint64_t made_from;                /* a fingerprint of the input */
  int pieces, next_piece;
  tl_writer writer;
  tl_tally tally;                /* of the pieces that were put */
  struct tl_long_stream *ranges; /* of one long stream that is computed in row ranges; NULL */
  bool open;                     /* the temporary file is there */
  bool finished;                 /* by an earlier run */
  bool incomplete;               /* a stream of it is left out */
  bool committed;                /* in place, or ready */
  bool failed;                   /* not written: */
  tl_status status;
  const char *reason;
} tl_output_file;

/* A row group's worth of streams of one output file, or one long stream, or rows of it. */
typedef struct tl_piece {
  int32_t file, sequence;
  size_t first_stream, stream_count;
  int64_t rows;
  int64_t first_row; /* of its stream, where that is computed in row ranges */
} tl_piece;

/* What a thread takes at a time. */
typedef struct tl_task {
  size_t first_piece, piece_count;
  int64_t rows;
  size_t streams;
  int64_t room; /* of long streams: rows of each that are in memory at a time; 0: all */
  bool ranges;  /* rows of one long stream, all lanes at once */
} tl_task;

typedef struct tl_check_result {
  size_t output;
  const tl_rule *rule;
} tl_check_result;

/* Time of one thread, by what it went to. */
typedef struct tl_work_times {
  int64_t busy_ns, io_ns, decode_ns, compute_ns, encode_ns, write_ns, spill_ns;
  int64_t bytes_read, bytes_written;
} tl_work_times;

enum {
  TL_PIECE_ROWS = 131072, /* of a row group, at most */
  TL_SHORT_ROWS = 32768,  /* streams up to this are tasks as a whole, where the memory allows it */
};

/* What a run needs (forecast.c). */
typedef struct tl_forecast {
  int threads;
  int64_t budget;        /* the memory but for a part that stays free for what nobody foresees */
  int64_t fixed_bytes;   /* of the program, the index, the sides */
  int64_t thread_bytes;  /* of one thread: windows, tiles, pages */
  int64_t reading_bytes; /* ... when it only reads */
  int64_t task_rows;     /* the most rows of a task */
} tl_forecast;

struct tl_run {
  tl_env *env;
  tl_arena arena;
  const tl_definition *definition;
  tl_features_options options;
  tl_isa isa;
  bool *selected;
  bool *as_float; /* outputs that are written as float */
  size_t selected_count;
  bool *written;       /* outputs that the files have: the selected ones, and those that are copied */
  tl_columns *columns; /* only features that changed are computed; else NULL */
  bool *needed_inputs;
  tl_input_set input;
  tl_target target;
  tl_progress progress;
  tl_update update;
  int64_t from, to; /* order keys of the rows that are wanted: from <= key < to */
  int64_t page_limit;
  tl_spill spill;
  bool spills;
  int64_t batch_rows;          /* of a batch that is put together */
  int64_t spill_bytes;         /* disk that it takes */
  int32_t *range_of, *slot_of; /* of each stream of the input: its task, and its place there */
  int32_t *alone_of;           /* ... of one that is a side: a range of its own; -1 */
  int range_count;
  int32_t *stored; /* inputs that are put together: those of the plan, and of sides */
  bool *stored_as_time;
  int stored_count;
  tl_source_list sources;
  bool *source_read;
  tl_side_series *sides;
  tl_plan *side_plans;
  tl_plan plan;            /* of the whole main frame */
  tl_plan calendar, rest;  /* ... and in two, for tasks of whole streams, where `calendar` has exports */
  tl_range_plan ranges;    /* ... in two again, for a long stream that is computed in row ranges */
  int64_t range_rows;      /* of a lane, then; 0: none is */
  int64_t range_before;    /* rows before a piece that are loaded with it */
  const tl_stream **order; /* streams in the order of the output */
  size_t stream_count;
  tl_output_file *files;
  size_t file_count;
  bool mirrors; /* output files stand for input files */
  tl_piece *pieces;
  size_t piece_count, piece_capacity;
  tl_task *tasks;
  size_t task_count, task_capacity;
  int threads;
  int64_t plan_bytes;    /* memory that it will need */
  size_t files_finished; /* by an earlier run */
  tl_days *days;         /* the output is by date; else NULL */
  int64_t day_rows;      /* of days that a thread may have in memory */
  const char *day_file;  /* the name of a day's file in its folder */
  bool order_in_path;    /* the path says the order key, which is that date */
  tl_leaf *leaves;       /* of the output files */
  int leaf_count, key_leaves;
  tl_page_style feature_style, order_style;

  tl_lock *lock; /* guards everything below */
  size_t next_task;
  tl_failure *failures;
  size_t failure_count, failure_capacity;
  const char **warnings;
  size_t warning_count, warning_capacity;
  tl_tally tally; /* of the files that are committed */
  tl_feature_reach *reaches;
  tl_check_result *checks;
  size_t check_count;
  tl_work_times times;
  tl_thread_profile *profiles; /* one a thread */
  tl_validate_mode validate;
  tl_validation *validations;
  size_t validation_count, validation_capacity;
  int64_t *task_ns;
  int64_t *node_ns;
  int64_t rows_shown, rows_total, last_progress_ns;
  int64_t *side_matches;
  bool cancelled;
  tl_error fatal; /* the want of memory that ended a worker */
  int64_t started_ns, wall_ns, started_at_ns;
  tl_buffer json, table;
};

/* `row` of the file, or -1. */
void tl__run_fail(tl_run *run, const char *file, const char *stream, int64_t row, tl_status status, const char *reason);
void tl__run_warn(tl_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* options.c: what can be said of the options before anything is opened; then the rows that are wanted, once the order key is known. */
tl_status tl__run_check_options(tl_run *run, tl_error *err) TL_MUST_CHECK;
tl_status tl__run_read_bounds(tl_run *run, tl_error *err) TL_MUST_CHECK;
/* options.c: everything but the main input that decides the bytes of an output file. */
uint64_t tl__run_work_hash(const tl_run *run);
/* ... and what of that is said by the definition and the options alone; and of that, what does not say which features there are. */
uint64_t tl__run_settings_hash(const tl_run *run);
uint64_t tl__run_frame_hash(const tl_run *run);
/* commit.c: warnings about what was found; the new dataset in the place of the old one; the record. */
void tl__run_conclude(tl_run *run);
tl_status tl__run_commit(tl_run *run, tl_error *err) TL_MUST_CHECK;
tl_status tl__run_write_record(tl_run *run, tl_error *err) TL_MUST_CHECK;
/* Whether the output has a file a day. */
static inline bool tl__run_is_by_date(const tl_run *run) { return run->options.partition != NULL || run->definition->by_date; }
/* How values of an output that is no time are written. */
tl_physical tl__output_physical(const tl_run *run, size_t output);
/* The plan by which tasks of whole streams are computed. */
static inline const tl_plan *tl__run_main_plan(const tl_run *run) { return run->calendar.export_count > 0 ? &run->rest : &run->plan; }
/* sides.c: loads and computes every side that the wanted outputs read. */
tl_status tl__run_sides(tl_run *run, tl_error *err) TL_MUST_CHECK;
/* sides.c: names, sizes and times of the files of a side that comes from elsewhere; 0: it does not. */
tl_status tl__run_side_files(const tl_run *run, int side, uint64_t *out, tl_error *err) TL_MUST_CHECK;
/* sides.c: those that waited for scattered rows to be put together. */
tl_status tl__run_waiting_sides(tl_run *run, tl_error *err) TL_MUST_CHECK;
/* forecast.c: threads, and the rows that a task of theirs has memory for. TL_MEMORY when there is too little for anything. */
tl_status tl__run_forecast(const tl_run *run, tl_forecast *out, tl_error *err) TL_MUST_CHECK;
/* Bytes that so many rows of a task take. */
int64_t tl__run_task_bytes(const tl_run *run, int64_t rows);
/* tasks.c: whether every output file stands for an input file, which holds whole streams. */
bool tl__run_mirrors(const tl_run *run);
/* tasks.c: whether output files say a key by their path. */
bool tl__run_key_is_in_path(const tl_run *run, int key);
/* tasks.c: output files, pieces, tasks, threads, within the memory. */
tl_status tl__run_make_tasks(tl_run *run, tl_error *err) TL_MUST_CHECK;
/* ranges.c: whether long streams of this run can be computed in row ranges, with memory for so many rows of a task; opens what they share, once files
   are made; and what that is worth to the record. */
tl_status tl__ranges_plan(tl_run *run, int64_t task_rows, tl_error *err) TL_MUST_CHECK;
tl_status tl__ranges_open(tl_run *run, tl_output_file *file, tl_error *err) TL_MUST_CHECK;
void tl__ranges_free(tl_run *run);
/* worker.c: takes tasks until there are none. */
void tl__run_work(void *run, int index);
/* worker.c: so many more rows are done. */
void tl__show_progress(tl_run *run, int64_t rows);
/* record.c: the record of the run, and the table for people. */
tl_status tl__run_describe(tl_run *run, tl_error *err) TL_MUST_CHECK;
tl_status tl__run_manifest(tl_run *run, const tl_manifest_file *files, size_t count, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* record.c: the list of rules, as a member of the open object. */
void tl__run_put_checks(const tl_run *run, tl_json *json, const char *name);
/* forecast.c: the same of what a run would do. */
tl_status tl__run_describe_plan(tl_run *run, tl_error *err) TL_MUST_CHECK;

#endif
