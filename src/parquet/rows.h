/* Rows of a row group as columns of any shape, batch after batch. */
#ifndef TL_PARQUET_ROWS_H
#define TL_PARQUET_ROWS_H

#include "column/array.h"
#include "parquet/cursor.h"

typedef struct tl_row_column tl_row_column; /* a top-level column: its leaves' cursors */

typedef struct tl_row_reader {
  tl_env *env;
  tl_parquet *file;
  int group;
  int64_t row; /* that comes next */
  tl_row_column *columns;
  int column_count;
  int64_t bytes_read, io_ns; /* of row groups that were closed */
} tl_row_reader;

/* Opens a row group; `columns` are children of the file's schema, by index. `limit`: bytes of one page that are believed. */
tl_status tl_row_reader_open(tl_row_reader *out, tl_parquet *file, int group, const int *columns, int column_count, int64_t limit, tl_error *err) TL_MUST_CHECK;
void tl_row_reader_free(tl_row_reader *reader);
tl_status tl_row_reader_skip(tl_row_reader *reader, int64_t rows, tl_error *err) TL_MUST_CHECK;
/* The next `rows` rows, at most what the group has left: arrays[i] is column i of those that the reader was opened with, opened for that
   column's schema. Dictionary codes stay codes where there are; they are good until the reader is freed. */
tl_status tl_row_reader_read(tl_row_reader *reader, int64_t rows, tl_array *const *arrays, tl_error *err) TL_MUST_CHECK;
/* One of the columns alone: all must come to the same row before the next read or skip of all. */
tl_status tl_row_reader_read_one(tl_row_reader *reader, int column, int64_t rows, tl_array *array, tl_error *err) TL_MUST_CHECK;
tl_status tl_row_reader_skip_one(tl_row_reader *reader, int column, int64_t rows, tl_error *err) TL_MUST_CHECK;
int64_t tl_row_reader_bytes(const tl_row_reader *reader); /* that were read from the file */

#endif
