/* Keeping up: what a run leaves in the ledger, and how a run with `update` does only what is new.

   Such a run goes on where the streams ended: it opens the files that are not as they were, reads the row groups whose bytes are new, and
   writes the new rows of all streams to a file of their own. A row group that is gone, or changed, may have had rows of any stream of its
   file: these streams are read whole, and their rows up to where they ended must be those that they were. Streams of which that does not
   hold (late or corrected rows) are computed from their first row, by another attempt. Whatever else does not fit (other settings, a side's
   old rows, a want of disk) is declined, and everything is computed again. */
#ifndef TL_RUN_UPDATE_H
#define TL_RUN_UPDATE_H

#include "lake/manifest.h"
#include "run/calendar.h"
#include "run/input.h"
#include "run/ledger.h"

struct tl_run;

/* A stream of the input, as this run leaves it. */
typedef struct tl_update_stream {
  int64_t number; /* in the ledger that was; -1: new */
  bool whole;     /* all of its rows are read, also those that are known */
  bool taken;     /* what follows is known */
  int64_t rows, last_key;
  uint64_t content;
  tl_ledger_place record, calendar;
} tl_update_stream;

/* A file of the input that was opened. */
typedef struct tl_update_file {
  tl_ledger_group *groups;
  size_t group_count;
} tl_update_file;

/* A file of the output, as the ledger has it. */
typedef struct tl_update_output {
  bool goes;          /* it is no longer needed: all of its streams are computed anew, or it went into another one */
  bool changes;       /* another file takes its name: a copy without streams that are computed anew, or one of many merged */
  int64_t rows, size; /* of the copy */
} tl_update_output;

/* What one attempt leaves to the next. */
typedef struct tl_update_carry {
  uint64_t generation; /* of the ledger whose streams are meant */
  bool *redo;          /* by number: the stream is computed from its first row */
  bool more;           /* some were found */
} tl_update_carry;

typedef struct tl_update {
  bool keeps;       /* a ledger will be left behind */
  bool going_on;    /* from the one that is there */
  bool idle;        /* and nothing is new */
  bool spoilt;      /* or not: it could not be written */
  bool again;       /* the input has to be opened once more, for streams that must be read whole */
  size_t tolerated; /* failures that a run over everything has as well, and that leave nothing wrong behind */
  const char *why;  /* everything is computed again; NULL: no reason */
  uint64_t settings;
  bool other_features; /* nothing but the features differs from the run before */
  bool ledger_written; /* for the next one */
  tl_ledger old;
  bool *whole; /* by number in `old`: streams that are read whole */
  size_t whole_count;
  tl_resume resume, calendar_resume, *side_resumes;
  double **side_records;
  tl_update_carry *carry;
  tl_update_output *outputs; /* one a file of the output, as `old` has them */
  int32_t *home;             /* of each stream of the input: the one that it is written to again; -1: to a part of this update */
  bool partitions;           /* parts lie in the Hive partition of their streams */
  tl_update_stream *streams; /* one a stream of the input */
  tl_update_file *files;     /* one a file of it that was opened */
  size_t file_count;
  const char **listed; /* names of the input's files, also of those that were not opened */
  size_t listed_count;
  int *handles;              /* of old.records */
  int records;               /* the file that is written; -1 */
  const char **kept_records; /* files of records that the new ledger names */
  size_t kept_record_count;
  const char *records_name;
  int64_t records_at;
} tl_update;

/* Before the input is opened: looks whether there is something to go on from. */
tl_status tl__update_begin(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* tl_input_options: only files that are not as they were, only groups that are new. */
tl_status tl__update_choose_files(void *context, tl_dataset *d, tl_error *err) TL_MUST_CHECK;
tl_status tl__update_choose_groups(void *context, int index, tl_parquet *file, bool *wanted, tl_error *err) TL_MUST_CHECK;
/* The input is open: finds its streams in the ledger. */
tl_status tl__update_match(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* Whether sides from elsewhere have the files that they had. */
tl_status tl__update_compare_sides(const struct tl_run *run, bool *same, tl_error *err) TL_MUST_CHECK;
/* Of what was opened nothing could be read: then nothing is new, unless that changes what was there. */
void tl__update_rest(struct tl_run *run);
/* Everything is planned: what records will have, and whether the old ones fit. */
tl_status tl__update_plan(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* Memory that the ledger takes, and records in a thread. */
int64_t tl__update_fixed_bytes(const struct tl_run *run);
int64_t tl__update_thread_bytes(const struct tl_run *run);
/* The output's folder is there: opens the records. */
tl_status tl__update_open(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* Which files of the output change. */
tl_status tl__update_outputs(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* Makes the copies of those that lose streams. */
tl_status tl__update_copy(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* Merges parts of earlier updates where there are many. */
tl_status tl__update_merge(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* Whether a file of the older dataset stays, also as a copy, of which rows and size are then said. */
bool tl__update_keeps_file(const struct tl_run *run, tl_manifest_file *file);
/* A stream turned out to be other than it was: it has to be computed anew, by another attempt. Any thread. */
void tl__update_redo(struct tl_run *run, int64_t number);
/* A failure that a run over everything has as well, if its status is that of bad data; the caller holds the lock, or is alone. */
void tl__update_tolerate(struct tl_run *run, tl_status status);
/* A stream failed: with rows that are known it has to go by another attempt, which is said here (true); else its failure is the run's. */
bool tl__update_lets_go(struct tl_run *run, const tl_stream *stream, tl_status status);
/* The rest of the run is not worth doing: everything has to be computed again, since `why`. Any thread. */
void tl__update_decline(struct tl_run *run, const char *why);
/* Rows of the stream that were computed before this run. */
int64_t tl__update_known_rows(const struct tl_run *run, const tl_stream *stream);
/* The stream's keys, as the ledger has them. */
tl_status tl__update_key(const struct tl_run *run, const tl_stream *stream, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* What records of streams and calendars have. */
uint64_t tl__update_layout(const struct tl_run *run);
/* What an output's columns are: rows of an earlier run and of this one must fit together. */
uint64_t tl__update_shape(const struct tl_run *run);
/* Hashes the row groups of an opened file. */
tl_status tl__update_hash_file(struct tl_run *run, int index, tl_parquet *file, tl_error *err) TL_MUST_CHECK;
/* What should be left for the next run cannot be written, which is worth no failure of this one. */
void tl__update_spoil(struct tl_run *run, const tl_error *why);
/* Appends to the file of records; the caller holds the lock, or is alone. */
tl_status tl__update_append(struct tl_run *run, const void *data, int64_t size, tl_ledger_place *out, tl_error *err) TL_MUST_CHECK;
/* What was found while the input was open, before it is opened again. */
void tl__update_forget(struct tl_run *run);
/* Reads the record of a stream as it was. */
tl_status tl__update_read(const struct tl_run *run, const tl_ledger_place *place, void *out, tl_error *err) TL_MUST_CHECK;
/* A stream has ended: takes what is to be known of it. Without a record (NULL) it is computed anew by the next update that has rows of it. `calendar` has a
 * place once its record is written. Any thread. */
void tl__update_take(struct tl_run *run, const tl_stream *stream, tl_update_stream as_it_is, const double *record, tl_calendar *calendar);
/* Hashes rows [first, first + rows) of a stream, to be added up. */
uint64_t tl_content_hash(const int64_t *order, double *const *columns, int64_t at, int column_count, int64_t first, int64_t rows);
/* Everything is done: writes the ledger, which is that of the manifest with the same generation; afterwards what no ledger names goes. */
void tl__update_write(struct tl_run *run);
tl_status tl__update_sweep(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
void tl__update_free(struct tl_run *run);

#endif
