/* A dataset's files in their order again, each one in place, whole or not at all. */
#ifndef TL_PACK_RESORT_H
#define TL_PACK_RESORT_H

#include "base/env.h"

typedef struct tl_resort_options {
  const char *path;  /* a file, a folder, a tape */
  const char *order; /* "a,-b"; NULL: that of a tape */
  int64_t memory;
  void (*tell)(void *context, int64_t files_done, int64_t files);
  void *context;
} tl_resort_options;

typedef struct tl_resort_outcome {
  int64_t files, rows; /* looked at */
  int64_t sorted;      /* files that were not in order */
} tl_resort_outcome;

/* TL_USAGE where the order is not known; TL_IO when somebody writes there. */
tl_status tl_resort(tl_resort_outcome *out, tl_env *env, const tl_resort_options *options, tl_error *err) TL_MUST_CHECK;

#endif
