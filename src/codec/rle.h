/* The hybrid of run lengths and bit packing: levels, dictionary codes, booleans.
   Source: Parquet format, Encodings, "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)". */
#ifndef TL_CODEC_RLE_H
#define TL_CODEC_RLE_H

#include "base/buffer.h"

typedef struct tl_rle {
  const uint8_t *at, *end;
  int width;     /* bits a value, 0..32 */
  uint32_t left; /* of the open run */
  bool packed;
  uint32_t value;      /* of a repeated run */
  const uint8_t *bits; /* of a packed run */
  uint32_t taken;      /* values of it that were read */
} tl_rle;

tl_status tl_rle_open(tl_rle *rle, tl_bytes bytes, int width, tl_error *err) TL_MUST_CHECK;
/* The next run of at most `most` values: *count of them, repeated (*value) or to be read with tl_rle_read. TL_CORRUPT at the end. */
tl_status tl_rle_peek(tl_rle *rle, uint32_t most, uint32_t *count, bool *repeated, uint32_t *value, tl_error *err) TL_MUST_CHECK;
void tl_rle_skip(tl_rle *rle, uint32_t count);                /* within the run just peeked */
void tl_rle_read(tl_rle *rle, uint32_t *out, uint32_t count); /* the same */
/* `count` values, whatever their runs, and the greatest of them (0 of none). */
tl_status tl_rle_decode(tl_rle *rle, uint32_t *out, int64_t count, uint32_t *greatest, tl_error *err) TL_MUST_CHECK;

tl_status tl_rle_encode(tl_buffer *out, const uint32_t *values, int64_t count, int width, tl_error *err) TL_MUST_CHECK;
/* One value `count` times, as one run. */
tl_status tl_rle_repeat(tl_buffer *out, uint32_t value, int64_t count, int width, tl_error *err) TL_MUST_CHECK;
static inline int tl_bit_width(uint32_t greatest) { return greatest == 0 ? 0 : 32 - __builtin_clz(greatest); }

#endif
