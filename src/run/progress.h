/* Going on where a run stopped. A log beside the output says which files are finished, what they were made from and what they hold;
   the same command takes them as they are. The log goes when a run has done everything. */
#ifndef TL_RUN_PROGRESS_H
#define TL_RUN_PROGRESS_H

#include "run/tally.h"
#include "run/target.h"

typedef struct tl_progress {
  tl_target *target;
  json_t *entries;  /* by file name: of an earlier run over the same work */
  json_t *finished; /* those of them that this run takes as they are */
  json_t *names;    /* of files that some earlier run put, or was about to, and that no manifest has */
  uint64_t work;
  int handle; /* of the log, or -1 */
  bool torn;  /* its last line may have no end */
} tl_progress;

/* Reads the log of an earlier run; without one, or when it did other work, there is nothing to go on with. */
tl_status tl_progress_open(tl_progress *out, tl_target *target, uint64_t work, tl_error *err) TL_MUST_CHECK;
/* Whether the file is finished already, made from the same input; fills the tally and the file's size. */
tl_status tl_progress_find(tl_progress *progress, const char *name, uint64_t made_from, tl_tally *tally, bool *found, int64_t *size,
                           tl_error *err) TL_MUST_CHECK;
/* Starts the log anew with the entries that were found, and removes what lies ready of others. */
tl_status tl_progress_begin(tl_progress *progress, tl_error *err) TL_MUST_CHECK;
/* Before that: removes files of earlier runs that ended without a manifest, but for the finished ones. The old log knows them until
   then, the new one does not. */
tl_status tl_progress_drop_abandoned(tl_progress *progress, tl_error *err) TL_MUST_CHECK;
/* The file is about to be put. */
tl_status tl_progress_announce(tl_progress *progress, const char *name, tl_error *err) TL_MUST_CHECK;
/* The file was put. */
tl_status tl_progress_add(tl_progress *progress, const char *name, uint64_t made_from, const tl_tally *tally, tl_error *err) TL_MUST_CHECK;
/* The run has ended; `all`: with everything done. */
void tl_progress_end(tl_progress *progress, bool all);
void tl_progress_free(tl_progress *progress);

#endif
