/* Rows of one file, raw or of a tape, as the tape has them: any range of rows, as long as ranges ascend. */
#ifndef TL_PACK_SOURCE_H
#define TL_PACK_SOURCE_H

#include "pack/shape.h"
#include "parquet/rows.h"

typedef struct tl_pack_source {
  tl_env *env;
  const tl_shape_of_tape *shape;
  tl_parquet file;
  int *columns; /* the file's children that are read */
  int *targets; /* ... and the column of rows that each goes to */
  int column_count;
  bool *filled;  /* columns of rows that the file has something for */
  bool is_tape;  /* it was packed before: what is derived says which rows had something to derive it from */
  tl_array *raw; /* one a column that is read */
  tl_row_reader reader;
  int group; /* that the reader stands in; -1 */
  int64_t page_limit, bytes_read;
} tl_pack_source;

tl_status tl_pack_source_open(tl_pack_source *out, tl_env *env, const tl_shape_of_tape *shape, const char *path, bool is_tape, int64_t page_limit,
                              tl_error *err) TL_MUST_CHECK;
void tl_pack_source_free(tl_pack_source *source);
/* What is derived and replaces no raw column is only prepared: a value stands where it is to be computed; missing stays missing, as a file without the
   columns that it is made of leaves it.

   Rows from `first` on behind those of `out`, at most `most` and no further than their row group: *count of them. Errors name the file's row. */
tl_status tl_pack_source_read(tl_pack_source *source, int64_t first, int64_t most, tl_batch *out, int64_t *count, tl_error *err) TL_MUST_CHECK;

#endif
