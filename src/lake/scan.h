/* Rows of a dataset: file after file in byte order of path, batch after batch, only those that a condition selects.
   Columns are the top-level ones of the first file, then of later ones by name, then the keys of the path (`date` as a date, others as
   integers when every value is a canonical one, else as text). A file that lacks a column has nulls there.

   A tl_scan says what is to be read; any number of threads read parts of it, each with a tl_scan_reader of its own. */
#ifndef TL_LAKE_SCAN_H
#define TL_LAKE_SCAN_H

#include "column/array.h"
#include "column/predicate.h"
#include "lake/dataset.h"
#include "parquet/rows.h"

enum { TL_MOST_COLUMNS = 1 << 14 }; /* of a file; they are looked for one by one */

typedef struct tl_scan_options {
  const char *const *columns; /* NULL: all */
  size_t column_count;
  const char *where;        /* NULL: every row */
  const char *const *files; /* names below the path, which is a folder; NULL: the dataset that lies there */
  size_t file_count;
  int64_t page_limit; /* bytes of one page that are believed; 0: 128 MB */
  int64_t batch_rows; /* at most; 0: 16384 */
} tl_scan_options;

/* Rows of a row group. */
typedef struct tl_scan_part {
  size_t file;
  int group;
  int64_t first, count;
} tl_scan_part;

typedef struct tl_scan {
  tl_env *env;
  tl_arena arena;
  tl_dataset dataset;
  tl_schema schema; /* a STRUCT of all columns, all files taken together */
  size_t capacity;  /* of its children */
  int hive_from;    /* columns from here on are keys of the path */
  int *wanted;      /* columns to read, in the order asked for */
  int wanted_count;
  const char *where;
  int *asked; /* columns that the condition names, in its order; -1 - k: the leaf asked_leaves[k], which lies in structs */
  int asked_count;
  const char **asked_leaves;
  const tl_field *asked_fields; /* their types, as the first file has them */
  tl_scan_part *parts;          /* every row group that has rows */
  size_t part_count, part_capacity;
  int64_t rows;     /* of all of them */
  tl_parquet *kept; /* the first files stay open, for all readers, as far as that takes little */
  size_t kept_count;
  int64_t page_limit, batch_rows;
} tl_scan;

/* TL_USAGE names a column that is none, or says what is wrong with the condition. */
tl_status tl_scan_open(tl_scan *out, tl_env *env, const char *path, tl_scan_options options, tl_error *err) TL_MUST_CHECK;
void tl_scan_free(tl_scan *scan);
/* Other columns than it was opened with, before anybody reads. */
tl_status tl_scan_choose(tl_scan *scan, const char *const *columns, size_t count, tl_error *err) TL_MUST_CHECK;
/* A file that stays open, or NULL. */
static inline tl_parquet *tl_scan_file(const tl_scan *s, size_t file) { return file < s->kept_count ? &s->kept[file] : NULL; }
/* The columns that identify a row of a dataset of ours ("ticker,date"), or NULL. */
const char *tl_scan_by(tl_scan *scan);
static inline const tl_schema *tl_scan_column(const tl_scan *s, int wanted) { return &s->schema.children[s->wanted[wanted]]; }

typedef struct tl_scan_reader {
  const tl_scan *scan;
  tl_env *env;
  tl_predicate *predicate;
  /* the batch */
  tl_array **columns;      /* one a wanted column; of the form that the file has */
  int64_t rows;            /* 0: the end */
  const uint8_t *selected; /* bit i: row i is wanted; NULL: all are */
  int64_t selected_count;
  bool looked;       /* the condition's columns were read for the batch */
  int64_t first_row; /* of the file, that row 0 of the batch is */
  /* where the reader stands */
  size_t next_part, file;
  bool whole;            /* it goes through all parts by itself */
  tl_parquet own, *open; /* the file at hand: its own, or one that the scan keeps */
  tl_row_reader reader;
  struct tl_scan_slot *slots; /* one a column that is read, those of the condition first */
  int slot_count, condition_slots;
  int *asked_slots, *wanted_slots;
  tl_scan_part part;
  size_t asked_file; /* the row group whose claim of rows was checked last: parts of one group follow each other */
  int asked_group;
  struct tl_row_range *ranges; /* of the part, that may hold selected rows */
  int64_t range_count, range;
  size_t range_capacity;
  uint8_t *bits;
  size_t bit_capacity;
  int64_t batch_rows;
  int64_t bytes_read;
} tl_scan_reader;

tl_status tl_scan_reader_open(tl_scan_reader *out, const tl_scan *scan, tl_error *err) TL_MUST_CHECK;
void tl_scan_reader_free(tl_scan_reader *reader);
/* The reader goes to a part, or rows of one. */
tl_status tl_scan_reader_start(tl_scan_reader *reader, tl_scan_part part, tl_error *err) TL_MUST_CHECK;
/* The next batch of the part (of all parts, when no part was started); rows is 0 at the end. Batches without selected rows do not come. */
tl_status tl_scan_reader_next(tl_scan_reader *reader, tl_error *err) TL_MUST_CHECK;
/* Before it begins: what of this wanted column will do, unless the condition asks for it, too. */
void tl_scan_reader_take(tl_scan_reader *reader, int wanted, tl_enough enough);
/* After a part was started, and for this part: nobody asks for this wanted column. What its array holds means nothing then. */
void tl_scan_reader_leave(tl_scan_reader *reader, int wanted);
/* Back to the first part. */
void tl_scan_reader_rewind(tl_scan_reader *reader);
static inline bool tl_scan_is_selected(const tl_scan_reader *r, int64_t row) { return r->selected == NULL || (r->selected[row >> 3] >> (row & 7) & 1); }

#endif
