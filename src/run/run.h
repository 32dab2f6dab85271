/* A run of a definition over a dataset, as its parts share it. */
#ifndef TL_RUN_RUN_H
#define TL_RUN_RUN_H

#include "parquet/writer.h"
#include "run/engine.h"
#include "run/load.h"
#include "run/summary.h"
#include "run/target.h"
#include "sys/sys.h"
#include "tickloom/features.h"
#include "tickloom/version.h"

/* One file of the output: some streams in key order, written as one row group after the other. */
typedef struct tl_output_file {
  const char *name;
  const char *temporary;
  size_t first_stream, stream_count; /* of tl_run.order */
  int64_t rows;
  int pieces, next_piece;
  tl_writer writer;
  bool open, failed, committed;
} tl_output_file;

/* A row group's worth of streams of one output file. */
typedef struct tl_piece {
  int32_t file, sequence;
  size_t first_stream, stream_count;
  int64_t rows;
} tl_piece;

/* What a thread takes at a time. */
typedef struct tl_task {
  size_t first_piece, piece_count;
  int64_t rows;
  size_t streams;
} tl_task;

typedef struct tl_check_result {
  size_t output;
  const tl_rule *rule;
  int64_t streams, failed;
  char example[300];
} tl_check_result;

/* Time of one thread, by what it went to. */
typedef struct tl_work_times {
  int64_t busy_ns, io_ns, decode_ns, compute_ns, encode_ns, write_ns;
  int64_t bytes_read, bytes_written;
} tl_work_times;

struct tl_run {
  tl_env *env;
  tl_arena arena;
  const tl_definition *definition;
  tl_features_options options;
  tl_isa isa;
  bool *selected;
  size_t selected_count;
  bool *needed_inputs;
  tl_input_set input;
  tl_target target;
  tl_side_series *sides;
  tl_plan *side_plans;
  tl_plan plan;
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
  int64_t worker_bytes, plan_bytes; /* of one worker; of the run */
  tl_leaf *leaves;                  /* of the output files */
  int leaf_count, key_leaves;
  tl_page_style feature_style, order_style;

  tl_lock *lock; /* guards everything below */
  size_t next_task;
  tl_failure *failures;
  size_t failure_count, failure_capacity;
  const char **warnings;
  size_t warning_count, warning_capacity;
  tl_feature_summary *summaries;
  tl_feature_reach *reaches;
  tl_check_result *checks;
  size_t check_count;
  tl_work_times times;
  int64_t *task_ns;
  int64_t *node_ns;
  int64_t rows_done, streams_done, rows_total, last_progress_ns;
  int64_t nonfinite, duplicates, *side_matches;
  bool cancelled;
  tl_error fatal; /* the want of memory that ended a worker */
  int64_t started_ns, wall_ns, started_at_ns;
  tl_buffer json, table;
};

void tl__run_fail(tl_run *run, const char *file, const char *stream, tl_status status, const char *reason);
void tl__run_warn(tl_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* sides.c: loads and computes every side that the wanted outputs read. */
tl_status tl__run_sides(tl_run *run, tl_error *err) TL_MUST_CHECK;
/* tasks.c: whether every output file stands for an input file, which holds whole streams. */
bool tl__run_mirrors(const tl_run *run);
/* tasks.c: output files, pieces, tasks, threads, within the memory. */
tl_status tl__run_make_tasks(tl_run *run, tl_error *err) TL_MUST_CHECK;
/* worker.c: takes tasks until there are none. */
void tl__run_work(void *run, int index);
/* record.c: the record of the run, and the table for people. */
tl_status tl__run_describe(tl_run *run, tl_error *err) TL_MUST_CHECK;
tl_status tl__run_manifest(tl_run *run, tl_buffer *out, tl_error *err) TL_MUST_CHECK;

#endif
