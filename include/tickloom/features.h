/* Runs a definition over a dataset and writes its features. */
#ifndef TICKLOOM_FEATURES_H
#define TICKLOOM_FEATURES_H

#include <stdbool.h>
#include "tickloom/definition.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tl_name_pair {
  const char *name, *value;
} tl_name_pair;

typedef enum tl_on_duplicate { TL_DUPLICATE_ERROR, TL_DUPLICATE_FIRST, TL_DUPLICATE_LAST } tl_on_duplicate;

/* Zeroed fields take their defaults. All pointers are borrowed for the length of the call. */
typedef struct tl_features_options {
  const char *input;         /* a file, a folder of Parquet files, or a Hive tree */
  const char *output;        /* a folder, or one file when it ends in .parquet */
  const tl_name_pair *sides; /* where a side comes from: its name, and a path */
  size_t side_count;
  const tl_name_pair *keys; /* where a key comes from: its name, and a column or "file.stem" */
  size_t key_count;
  const char *const *select; /* only these outputs */
  size_t select_count;
  tl_on_duplicate on_duplicate;
  int threads;                         /* 0: one a processor */
  int64_t memory;                      /* bytes; 0: 256 MB */
  bool float32;                        /* features as float */
  const char *const *float32_features; /* or only these */
  size_t float32_count;
  const char *codec;     /* none, lz4 or zstd; NULL: the default */
  const char *encoding;  /* plain or split; NULL: the default */
  int tile_rows;         /* rows of a tile; results do not depend on it */
  const char *validate;  /* what _tickloom/checks.json says: "end" every feature over all streams, "each" of every stream, "skip-simple" not those of
                            one row alone, "slow-only" those of costly windows; with mean, variance and hash. NULL: what every run counts */
  bool strict;           /* a failed check fails its stream */
  const char *where;     /* only rows of the input that hold this condition, as though there were no others; NULL: all. Streams form of them;
                            sides from elsewhere keep all of theirs */
  const char *from, *to; /* only rows whose order key is at least, at most this; a date, a time or a whole number. Earlier rows are read */
  bool durable;          /* what is committed is on the disk */
  const char *partition; /* "date": a file a day, date=YYYY-MM-DD/.., of all streams' rows; NULL: what the definition says, else files of streams */
  bool prune;            /* Hive partitions that this run does not write are removed */
  bool update;           /* goes on from what an earlier run with the same settings left in `output`: only what is new in the input is
                            computed, or features that changed. What cannot be gone on from is computed again; the output is that of a full run */
  bool profile;          /* the record and the table also say where the time went: by feature, stream and thread */
  bool dry_run;          /* looks and plans, and writes nothing; the record and the table say what would be done; no output is needed */
  void (*progress)(void *context, int64_t rows_done, int64_t rows_total);
  void *progress_context;
} tl_features_options;

/* What a run did: counts, failures, times. */
typedef struct tl_run tl_run;

typedef struct tl_failure {
  const char *file, *stream; /* NULL where there is none */
  int64_t row;               /* of the file; -1: none */
  const char *reason;
  tl_status status;
} tl_failure;

/* TL_OK: everything was done. Another status: *out may still be set, with the failures of the parts that could not be done, and
   tl_run_exit_code says how bad it is; otherwise nothing was begun. The caller owns *out. */
TL_API TL_MUST_CHECK tl_status tl_features_run(tl_run **out, const tl_definition *definition, const tl_features_options *options, tl_error *err);
TL_API void tl_run_close(tl_run *run);

/* 0 all done; 1 some failed; 4 all failed, bad data; 5 all failed, or refused, for want of resources. */
TL_API int tl_run_exit_code(const tl_run *run);
TL_API size_t tl_run_failure_count(const tl_run *run);
TL_API tl_failure tl_run_failure(const tl_run *run, size_t index);
/* The run record as JSON, terminated; lives as long as the run. */
TL_API const char *tl_run_json(const tl_run *run);
/* The table of results for people, terminated; lives as long as the run. */
TL_API const char *tl_run_table(const tl_run *run);

#ifdef __cplusplus
}
#endif
#endif
