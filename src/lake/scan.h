/* All rows of a dataset, file after file in byte order of name, in batches: what cat and hash walk over.
   Columns are those of the first file, then of later ones by name, then the keys of the path (`date` as a date, others as integers
   when every value is a canonical one, else as text). A file that lacks a column has nulls there. */
#ifndef TL_LAKE_SCAN_H
#define TL_LAKE_SCAN_H

#include "lake/dataset.h"
#include "parquet/reader.h"

typedef struct tl_scan {
  tl_env *env;
  tl_arena arena;
  tl_dataset dataset;
  tl_field *fields; /* of the columns, all files taken together */
  int field_count;
  size_t field_capacity;
  int hive_from; /* fields from here on are keys of the path */
  int *wanted;   /* indices of the columns to read, in the order asked for */
  int wanted_count;
  tl_column *columns; /* the batch: one a wanted column */
  int64_t rows;       /* of the batch */
  /* where the scan stands */
  size_t file;
  int group;
  int64_t row;
  tl_parquet open;
  tl_page_scratch scratch;
  int64_t batch_rows;
} tl_scan;

/* names NULL: every column. TL_USAGE names a column that is none. */
tl_status tl_scan_open(tl_scan *out, tl_env *env, const char *path, const char *const *names, size_t name_count, int64_t page_limit,
                       tl_error *err) TL_MUST_CHECK;
/* The next batch; rows is 0 at the end. */
tl_status tl_scan_next(tl_scan *scan, tl_error *err) TL_MUST_CHECK;
/* Back to the first row. */
void tl_scan_rewind(tl_scan *scan);
/* The row of its file that row `row` of the batch is. */
int64_t tl_scan_row(const tl_scan *scan, int64_t row);
void tl_scan_free(tl_scan *scan);
/* The columns that identify a row of a dataset of ours ("ticker,date"), or NULL. */
const char *tl_scan_by(tl_scan *scan);

#endif
