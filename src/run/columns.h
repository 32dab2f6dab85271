/* A changed definition over an input that is as it was: only features whose identity is new are computed; the other columns' chunks are copied from the
   files of the output, page by page as they are.

   The run computes what changed as it always does, into files that lie aside. Then each file of the output, also a part that an update added, is written
   anew: its row groups as they are, the unchanged chunks copied, the new columns' values taken from where the streams' rows lie in those files. Records
   of streams are not carried over: the next update that has new rows computes everything. Whatever does not fit is declined, and becomes a run over
   everything. */
#ifndef TL_RUN_COLUMNS_H
#define TL_RUN_COLUMNS_H

#include "lake/manifest.h"
#include "parquet/reader.h"

struct tl_run;

/* Rows of one stream side by side in a file of the output. */
typedef struct tl_column_run {
  int32_t stream; /* of tl_run.input */
  int64_t first_key, rows;
  int64_t offset; /* rows of the stream in files before */
} tl_column_run;

/* Where a stream's new values lie. */
typedef struct tl_column_place {
  int32_t file; /* of tl_run.files; -1: nowhere */
  int64_t row;
} tl_column_place;

typedef struct tl_columns {
  const char *why;        /* it cannot be done, after all; NULL */
  bool *copied;           /* one a definition output */
  const char *identities; /* as the files have them */
  const char **paths;     /* of the output's files, as the manifest has them */
  tl_column_run *runs;    /* file after file */
  size_t run_count, run_capacity;
  size_t *first_run; /* of each file; behind the last one, all */
  tl_column_place *places;
  tl_manifest_file *files;
  size_t next_file;
  tl_error error;
} tl_columns;

/* Whether it can be done; narrows what is computed. */
tl_status tl__columns_open(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* What changed is computed: writes the files. */
tl_status tl__columns_write(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* The ledger that the next update finds. */
tl_status tl__columns_write_ledger(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
void tl__columns_free(struct tl_run *run);

#endif
