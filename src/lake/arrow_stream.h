/* Datasets as Arrow streams, and Arrow streams as files. */
#ifndef TL_LAKE_ARROW_STREAM_H
#define TL_LAKE_ARROW_STREAM_H

#include "column/arrow.h"
#include "lake/scan.h"
#include "lake/sink.h"

/* The rows that a scan selects, in its order; options and texts may go. A column that is of different types in different files fails
   when the second is reached. The caller releases *out; on failure it is empty. */
tl_status tl_arrow_scan(struct ArrowArrayStream *out, tl_env *env, const char *path, tl_scan_options options, tl_error *err) TL_MUST_CHECK;
/* All rows of a stream to one file, of that name at once: putting it in place whole is the caller's business. The stream is released,
   also on failure. */
tl_status tl_arrow_write(tl_env *env, const char *path, struct ArrowArrayStream *in, const tl_sink_style *style, tl_error *err) TL_MUST_CHECK;

#endif
