/* Is a dataset what it says it is? Every page is decoded (so CRCs are verified), every statistic compared with the values, the order and
   the uniqueness of rows, and the manifest with the files. */
#ifndef TL_LAKE_CHECK_H
#define TL_LAKE_CHECK_H

#include "lake/dataset.h"

typedef struct tl_finding {
  const char *kind; /* unreadable, statistics, order, duplicate, key, overlap, manifest, unfinished */
  const char *file; /* below the root; NULL: of the dataset */
  int64_t row;      /* of the file; -1: none */
  const char *text;
} tl_finding;

typedef struct tl_check {
  tl_env *env;
  tl_arena arena;
  int64_t page_limit;
  int64_t files, rows, chunks; /* looked at */
  const char *by;              /* what the order was checked by: "ticker,date"; NULL: nothing was said */
  tl_finding *findings;
  size_t finding_count, finding_capacity;
  int64_t unlisted; /* findings beyond TL_MOST_FINDINGS */
} tl_check;

enum { TL_MOST_FINDINGS = 10000 };

/* `by`: columns that identify a row, the last one being the order key; NULL: what the manifest or the files name. `order`: columns that the rows of each
   file are sorted by, "a,-b"; NULL: those of a tape where files have them, else what row groups claim. Findings are no error; TL_NOT_FOUND, TL_USAGE and
   wants of memory are. */
tl_status tl_check_run(tl_check *out, tl_env *env, const char *path, const char *by, const char *order, int64_t page_limit, tl_error *err) TL_MUST_CHECK;
void tl_check_free(tl_check *check);

#endif
