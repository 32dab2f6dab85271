/* What a tape holds already of a part: which rows of a file are whose. A file that is not in the tape's order is refused. */
#ifndef TL_PACK_OLD_H
#define TL_PACK_OLD_H

#include "pack/shape.h"

/* The rows of one subject. */
typedef struct tl_old_run {
  tl_subject subject;
  int32_t subject_index;
  int64_t first, count;
  int64_t first_time, last_time;
} tl_old_run;

typedef struct tl_old_file {
  tl_env *env;
  const char *path, *name; /* name: below the root */
  tl_schema schema;
  int64_t rows, size;
  tl_old_run *runs;
  size_t run_count, run_capacity;
} tl_old_file;

/* `key`: what the path says of its subjects besides the day. TL_CORRUPT with file and row when it is no file of such a tape, or out of order. Texts live in
   the arena. */
tl_status tl_old_file_open(tl_old_file *out, tl_env *env, tl_arena *arena, const char *path, const char *name, const tl_definition *definition,
                           const tl_naming *naming, const char *key, tl_error *err) TL_MUST_CHECK;
void tl_old_file_free(tl_old_file *file);

#endif
