/* Parquet datasets to and from other libraries of the process, as Arrow streams. */
#ifndef TICKLOOM_PARQUET_H
#define TICKLOOM_PARQUET_H

#include <stddef.h>
#include "tickloom/arrow_abi.h"
#include "tickloom/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of a file, a folder of Parquet files or a Hive tree as a stream of struct arrays; the caller releases *out. `columns` are top-level
   columns in the order wanted, NULL for all; `where` is a condition as `tickloom cat --where` takes it, NULL for every row. Files are read
   while the stream is; what goes wrong then, the stream says. On failure *out is empty. */
TL_API TL_MUST_CHECK tl_status tl_parquet_export_stream(const char *path, const char *const *columns, size_t column_count, const char *where,
                                                        struct ArrowArrayStream *out, tl_error *err);
/* Writes all rows of a stream to one Parquet file, which takes the place of an older one once it is whole. `profile` is "compact" (NULL: the
   same) or "fast". The stream is released, whatever happens. Times keep their instant and lose the name of their zone; durations become
   integers of their unit. */
TL_API TL_MUST_CHECK tl_status tl_parquet_import_stream(struct ArrowArrayStream *in, const char *path, const char *profile, tl_error *err);

#ifdef __cplusplus
}
#endif
#endif
