/* DELTA_BINARY_PACKED: differences from the one before, in blocks of miniblocks of equal bit width.
   Source: Parquet format, Encodings, "Delta Encoding (DELTA_BINARY_PACKED = 5)". */
#ifndef TL_CODEC_DELTA_H
#define TL_CODEC_DELTA_H

#include "base/buffer.h"

/* The number of values that the head says. */
tl_status tl_delta_count(tl_bytes bytes, int64_t *count, tl_error *err) TL_MUST_CHECK;
/* Exactly `count` values; arithmetic wraps, as the format asks. *used: bytes that they took. */
tl_status tl_delta_decode(int64_t *out, int64_t count, tl_bytes bytes, size_t *used, tl_error *err) TL_MUST_CHECK;
/* The same, but only as many as are not surely above `most`, as heads of blocks say of those behind them: *known. Nothing is known of the others' bytes. */
tl_status tl_delta_decode_upto(int64_t *out, int64_t count, tl_bytes bytes, int64_t most, int64_t *known, tl_error *err) TL_MUST_CHECK;
/* The same for a column of int32: what wraps at 32 bits. */
tl_status tl_delta_decode32(int32_t *out, int64_t count, tl_bytes bytes, size_t *used, tl_error *err) TL_MUST_CHECK;
/* narrow: the column holds int32, whose differences wrap at 32 bits. */
tl_status tl_delta_encode(tl_buffer *out, const int64_t *values, int64_t count, bool narrow, tl_error *err) TL_MUST_CHECK;

#endif
