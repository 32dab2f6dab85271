/* The order of the rows of streams over files: within a file each stream's rows ascend and no order key repeats; the stretches that
   several files have of one stream do not overlap. */
#ifndef TL_LAKE_ROWS_H
#define TL_LAKE_ROWS_H

#include "column/column.h"
#include "lake/dataset.h"
#include "parquet/reader.h"

enum { TL_MOST_BY = 17 }; /* columns that identify a row: keys, and the order key */

typedef tl_status (*tl_report_row)(void *context, const char *kind, const char *file, int64_t row, const char *text, tl_error *err);

/* One stream's rows in one file. */
typedef struct tl_row_stretch {
  uint64_t stream;      /* a hash of its keys */
  __int128 first, last; /* order keys: as integers, times in ns, also those beyond what 64 bits hold of these */
  size_t file;
  int64_t row; /* of the first */
} tl_row_stretch;

typedef struct tl_row_order {
  tl_env *env;
  tl_report_row report;
  void *context;
  tl_row_stretch *stretches;
  size_t count, capacity;
  size_t first_of_file;
  bool ties;       /* the files say that order keys may be equal */
  uint64_t *table; /* of the file at hand: 1 + index of a stream's stretch, by hash */
  size_t table_size;
  const char **names; /* of the files */
  size_t name_count, name_capacity;
  tl_arena arena;
  tl_column columns[TL_MOST_BY];
} tl_row_order;

void tl_row_order_open(tl_row_order *out, tl_env *env, tl_report_row report, void *context);
void tl_row_order_free(tl_row_order *order);
/* Takes the rows of one file; `by`: keys of streams, then the order key. A key that is no column is one of the path, or the file itself.
   TL_NOT_FOUND when it has no order key, TL_USAGE when that is no date, time or integer. */
tl_status tl_row_order_file(tl_row_order *order, const tl_dataset_file *file, tl_parquet *open, const char *const *by, int by_count, tl_page_scratch *scratch,
                            tl_error *err) TL_MUST_CHECK;
/* All files were taken. */
tl_status tl_row_order_end(tl_row_order *order, tl_error *err) TL_MUST_CHECK;

#endif
