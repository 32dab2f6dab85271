/* Where a run's files go: a folder of ours, or one file. Files are written aside and put in place whole. An older dataset stays as it
   is until everything that replaces it lies ready. */
#ifndef TL_RUN_TARGET_H
#define TL_RUN_TARGET_H

#include "base/buffer.h"
#include "lake/manifest.h"

typedef struct tl_target {
  tl_env *env;
  tl_arena arena;
  const char *root;
  bool is_file;
  bool existed, durable;
  bool put;            /* the one file is in place */
  const char *scratch; /* the beginning of paths for scratch files, in a folder that is there already */
  tl_manifest old;     /* of the run before; without files where there was none */
  uint64_t generation; /* of this run, or of the one that it goes on with */
  int lock;            /* -1: none */
} tl_target;

/* Looks, and changes nothing but that a folder of ours is locked. TL_USAGE when the folder is not empty and not ours. */
tl_status tl_target_open(tl_target *out, tl_env *env, const char *path, bool durable, tl_error *err) TL_MUST_CHECK;
/* Makes the folders, locks them, and clears what an interrupted run left behind. */
tl_status tl_target_begin(tl_target *target, tl_error *err) TL_MUST_CHECK;
void tl_target_free(tl_target *target);
/* A path aside for the output file number `index`. */
tl_status tl_target_temporary(tl_target *target, tl_arena *arena, size_t index, const char **out, tl_error *err) TL_MUST_CHECK;
/* A path below _tickloom/. */
tl_status tl_target_path(tl_target *target, tl_arena *arena, const char *name, const char **out, tl_error *err) TL_MUST_CHECK;
/* Where a finished file called `name` lies ready while there is an older dataset. */
tl_status tl_target_ready_path(tl_target *target, tl_arena *arena, const char *name, const char **out, tl_error *err) TL_MUST_CHECK;
/* The file is whole: into place as `name` (folders between are made), or ready beside an older dataset. */
tl_status tl_target_put(tl_target *target, const char *temporary, const char *name, tl_error *err) TL_MUST_CHECK;
/* Takes note of files that are to go once the manifest says so, and later removes them: also by the next run, should this one be killed
   between. */
tl_status tl_target_note_stale(tl_target *target, const tl_manifest_file *files, size_t count, tl_error *err) TL_MUST_CHECK;
tl_status tl_target_remove_stale(tl_target *target, const tl_manifest *present, tl_error *err) TL_MUST_CHECK;
/* Removes a file of ours, and folders that are empty then; `size`: only if it has so many bytes, -1: any. */
tl_status tl_target_remove(tl_target *target, const char *name, int64_t size, tl_error *err) TL_MUST_CHECK;
/* Puts what lies ready into place. */
tl_status tl_target_publish(tl_target *target, const char *name, tl_error *err) TL_MUST_CHECK;
/* A small file below _tickloom/, whole or not at all. */
tl_status tl_target_write(tl_target *target, const char *name, tl_bytes bytes, tl_error *err) TL_MUST_CHECK;
/* Whether a file of the older run stays: it lies in a Hive partition that this run did not write. `names` are the new ones, sorted. */
bool tl_target_keeps(const char *old, const char *const *names, size_t count);

#endif
