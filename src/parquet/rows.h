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
  tl_row_column *columns;
  int column_count;
} tl_row_reader;

/* Opens a row group; `sparse`: only few of its rows are wanted. `columns` are children of the file's schema, by index. `limit`: bytes of one page that are
 * believed. */
tl_status tl_row_reader_open(tl_row_reader *out, tl_parquet *file, int group, const int *columns, int column_count, int64_t limit, bool sparse,
                             tl_error *err) TL_MUST_CHECK;
void tl_row_reader_free(tl_row_reader *reader);
/* Rows [first, first + rows) of column `column` of those that the reader was opened with; `first` never goes back for a column. The array
   was opened for that column's schema. Dictionary codes stay codes where there are; they are good until the reader is freed. */
tl_status tl_row_reader_read_at(tl_row_reader *reader, int column, int64_t first, int64_t rows, tl_array *array, tl_error *err) TL_MUST_CHECK;
/* What of a column of values will do. */
void tl_row_reader_take(tl_row_reader *reader, int column, tl_enough enough);
int64_t tl_row_reader_bytes(const tl_row_reader *reader); /* that were read from the file */

#endif
