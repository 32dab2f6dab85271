/* The runs that a dataset's folder remembers, and which of them took longer than others did over the same work. */
#ifndef TL_RUN_HISTORY_H
#define TL_RUN_HISTORY_H

#include "base/arena.h"

typedef struct tl_past_run {
  int64_t started_at_ns;
  const char *definition, *work, *isa; /* work: the definition and the settings, as a number */
  int64_t rows, streams, exit_code, threads, peak_resident;
  double wall_s;
  bool went_on; /* an update that did only what was new */
  int before;   /* earlier runs that did the same work, of which at most ten are looked at */
  double median_s;
  bool slower; /* than the median of those, by more than a quarter */
} tl_past_run;

typedef struct tl_history {
  tl_arena arena;
  tl_past_run *runs; /* oldest first */
  size_t count;
} tl_history;

/* The same work: definition, settings, threads and instruction set, rows within a tenth, and whether it was an update. TL_NOT_FOUND when
   the folder has no records of runs; records that make no sense are left out. */
tl_status tl_history_read(tl_history *out, tl_env *env, const char *folder, tl_error *err) TL_MUST_CHECK;
void tl_history_free(tl_history *history);

#endif
