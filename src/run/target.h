/* Where a run's files go: a folder of ours, or one file. Files are written aside and put in place whole. */
#ifndef TL_RUN_TARGET_H
#define TL_RUN_TARGET_H

#include "base/arena.h"
#include "base/buffer.h"

typedef struct tl_target {
  tl_env *env;
  tl_arena arena;
  const char *root;
  bool is_file;
  bool existed;
  const char **old_files; /* of the manifest that was there */
  size_t old_count;
} tl_target;

/* Looks, and changes nothing. TL_USAGE when the folder is not empty and not ours. */
tl_status tl_target_open(tl_target *out, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
/* Makes the folders and clears what an interrupted run left behind. */
tl_status tl_target_begin(tl_target *target, tl_error *err) TL_MUST_CHECK;
void tl_target_free(tl_target *target);
/* A path aside for the output file number `index`. */
tl_status tl_target_temporary(tl_target *target, tl_arena *arena, size_t index, const char **out, tl_error *err) TL_MUST_CHECK;
/* Renames it into place as `name` (folders between are made). */
tl_status tl_target_put(tl_target *target, const char *temporary, const char *name, tl_error *err) TL_MUST_CHECK;
/* A small file below _tickloom/, whole or not at all. */
tl_status tl_target_write(tl_target *target, const char *name, tl_bytes bytes, tl_error *err) TL_MUST_CHECK;
/* Removes files of the older run that are not among the new ones (sorted by name). */
tl_status tl_target_remove_stale(tl_target *target, const char *const *names, size_t count, tl_error *err) TL_MUST_CHECK;

#endif
