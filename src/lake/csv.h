/* CSV as typed columns: a file, or all *.csv files below a folder that have the same columns. What is not said is sniffed: delimiter and
   header from the first file, types from the first rows of all of them. After that the types are a contract: the whole is read, and a
   cell that is no value of its column's type is an error that names file, line and column; nothing becomes null because it is odd.

   An empty cell is missing; one that is empty in quotes is an empty text, and missing where the column is no text. Blanks around values
   of other types say nothing. Types that are sniffed: boolean, int64, double, date, timestamp[us] (ns with more than 6 digits of
   fraction; UTC when all have an offset), string. Whole numbers that int64 does not hold, and columns with leading zeros, are strings.

   tl_csv_open(&csv, env, path, NULL, err);  tl_batch_open(&batch, env, tl_csv_schema(&csv), err);
   do tl_csv_next(&csv, &batch, 10000, err); while (batch.rows > 0); */
#ifndef TL_LAKE_CSV_H
#define TL_LAKE_CSV_H

#include "column/array.h"
#include "lake/csv_split.h"

typedef struct tl_csv_options {
  const char *schema;    /* "name:type, ..": types of these columns, see csv_schema.h; NULL: none */
  char delimiter;        /* 0: sniffed among , ; tab | */
  char quote;            /* 0: " */
  int header;            /* 1: the first record names the columns; 0: they are column1, column2 ..; -1: sniffed */
  size_t block;          /* bytes read at a time; 0: 1 MiB */
  size_t most_record;    /* bytes of a record; 0: 16 MiB */
  int64_t sniffed_bytes; /* of a file; 0: 1 MiB, less where files are many */
  int64_t sniffed_rows;  /* of a file; 0: 10,000 */
} tl_csv_options;

typedef struct tl_csv_column tl_csv_column;
typedef struct tl_csv {
  tl_env *env;
  tl_arena arena;
  const char **files; /* in byte order of their paths */
  size_t file_count, file_capacity;
  size_t file;  /* at hand; file_count at the end */
  int64_t size; /* bytes of all files */
  tl_csv_form form;
  bool has_header;
  tl_schema schema;
  tl_csv_column *columns;
  tl_csv_split split; /* the file at hand, once opened */
} tl_csv;

/* NULL options: all sniffed. TL_CORRUPT for what is no CSV, for names that are missing or doubled, and for files that differ in their
   columns; TL_USAGE for options that make no sense. Nothing is left open on failure. */
tl_status tl_csv_open(tl_csv *out, tl_env *env, const char *path, const tl_csv_options *options, tl_error *err) TL_MUST_CHECK;
/* A STRUCT of nullable VALUEs, a part of `csv`. */
static inline const tl_schema *tl_csv_schema(const tl_csv *csv) { return &csv->schema; }
/* The next rows of one file, at most so many, into a batch of the schema: fewer where the file ends or its rows are long; 0 only at the
   end of all. TL_CORRUPT for what breaks the contract; the batch then holds nothing. */
tl_status tl_csv_next(tl_csv *csv, tl_batch *out, int64_t most_rows, tl_error *err) TL_MUST_CHECK;
/* The file that the latest rows came from. */
static inline const char *tl_csv_path(const tl_csv *csv) { return csv->file < csv->file_count ? csv->files[csv->file] : NULL; }
void tl_csv_free(tl_csv *csv);

#endif
