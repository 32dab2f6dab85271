/* Raw files to a tape: one sorted file a day and whatever else partitions, merged into what is there. A definition (.loom) says what the tape is like; see
   docs/tape.md. */
#ifndef TL_PACK_PACK_H
#define TL_PACK_PACK_H

#include "base/json.h"
#include "pack/odd.h"
#include "pack/raw.h"

typedef struct tl_pack_options {
  const tl_definition *definition;
  const char *name; /* what is packed: "options" */
  const char *const *raw;
  size_t raw_count;
  const char *calendar, *patterns; /* NULL: none */
  const char *out;
  bool plain; /* the layout without Hive keys */
  bool fast;  /* no compression: larger, and quicker to read */
  bool dry_run;
  int threads;                                                  /* 0: one a processor */
  int64_t memory;                                               /* bytes, of the whole process */
  void (*tell)(void *context, int64_t rows_done, int64_t rows); /* progress; may be NULL */
  void *context;
} tl_pack_options;

typedef struct tl_pack_outcome {
  tl_env *env;
  tl_arena arena;
  tl_raw_list files; /* what became of each */
  int64_t packed, unchanged, failed;
  int64_t rows; /* of the packed files */
  int64_t days, parts, contracts;
  int64_t duplicates, conflicts;
  tl_odd odd;
  int64_t size_before, size_after; /* bytes: of the packed raw files, of the parts that were written */
  int64_t could_be_weekly;         /* names that a longer calendar would read otherwise */
  const char *could_be;            /* ... one of them */
  bool stopped;                    /* by a signal */
} tl_pack_outcome;

/* Failures of files are in the outcome; what comes back keeps the whole from being done: TL_USAGE, TL_NOT_FOUND, TL_CORRUPT (calendar, tape), TL_BUSY or TL_IO,
   TL_MEMORY. Parts that were committed by then stay. The outcome is there either way. */
tl_status tl_pack_run(tl_pack_outcome *out, tl_env *env, const tl_pack_options *options, tl_error *err) TL_MUST_CHECK;
void tl_pack_outcome_free(tl_pack_outcome *outcome);
/* The files that failed, with row and reason, as a list. */
void tl_pack_put_failures(tl_json *json, const char *key, const tl_pack_outcome *outcome);

#endif
