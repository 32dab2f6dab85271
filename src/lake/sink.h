/* Rows to one Parquet file in a profile: `compact` is small, `fast` quick to read; both choose encodings from the data, cut row groups at the
   ends of streams where they can, and write page indexes and checksums. The file's name is the caller's business. */
#ifndef TL_LAKE_SINK_H
#define TL_LAKE_SINK_H

#include "column/array.h"
#include "parquet/writer.h"

typedef struct tl_sink_style {
  bool fast;
  int64_t group_rows;        /* 0: 131072 */
  int64_t page_rows;         /* 0: 16384 */
  int64_t memory;            /* bytes that the rows of a group may take before it is cut short; 0: 256 MB */
  const tl_sorting *sorting; /* top-level columns by which the rows come sorted; nulls last */
  int sorting_count;
  int stream_columns; /* of these the first so many name a stream */
} tl_sink_style;

typedef struct tl_sink {
  tl_env *env;
  tl_writer writer;
  tl_group group;
  tl_batch rows; /* of the group at hand */
  tl_sink_style style;
  tl_sorting sorting[64];
  bool open;
} tl_sink;

tl_status tl_sink_open(tl_sink *out, tl_env *env, const char *path, const tl_schema *schema, const tl_sink_style *style, tl_error *err) TL_MUST_CHECK;
tl_status tl_sink_key_value(tl_sink *sink, const char *key, const char *value, tl_error *err) TL_MUST_CHECK;
/* Rows [from, from + count) of a batch of the same schema, nullability aside. TL_CORRUPT where a value is missing that must not be. */
tl_status tl_sink_put(tl_sink *sink, const tl_batch *batch, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Rows of several batches, one by one, as tl_batch_gather. */
tl_status tl_sink_put_rows(tl_sink *sink, const tl_batch *const *batches, int batch_count, const uint16_t *from, const uint32_t *rows, int64_t count,
                           tl_error *err) TL_MUST_CHECK;
/* The same of columns side by side. */
tl_status tl_sink_put_arrays(tl_sink *sink, tl_array *const *columns, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;
tl_status tl_sink_finish(tl_sink *sink, tl_error *err) TL_MUST_CHECK;
/* Also without finish, and of a zeroed one. */
void tl_sink_free(tl_sink *sink);

#endif
