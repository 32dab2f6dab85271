/* A dataset as one file in another profile, and in another order. */
#ifndef TL_LAKE_REWRITE_H
#define TL_LAKE_REWRITE_H

#include "base/status.h"
#include "base/env.h"

typedef struct tl_rewrite_options {
  const char *in, *out;     /* `out` is written as it is named; a name of its own is the caller's business */
  const char *const *files; /* only these of the folder `in`; NULL: all of the dataset */
  size_t file_count;
  bool fast;
  const char *const *keys; /* to sort by; a '-' in front descends */
  int key_count;
  const char *where;
  int64_t group_rows, memory;                                   /* 0: what fits the profile; 1 GB */
  void (*tell)(void *context, int64_t rows_done, int64_t rows); /* progress; may be NULL */
  void *context;
} tl_rewrite_options;

typedef struct tl_rewrite_outcome {
  int64_t rows, size_before;
  int64_t files;
} tl_rewrite_outcome;

tl_status tl_rewrite(tl_rewrite_outcome *out, tl_env *env, const tl_rewrite_options *options, tl_error *err) TL_MUST_CHECK;

#endif
