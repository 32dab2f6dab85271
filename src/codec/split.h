/* BYTE_STREAM_SPLIT: byte k of every value lies in stream k. It saves nothing by itself; compressors like the result.
   Source: Parquet format, Encodings, "Byte Stream Split (BYTE_STREAM_SPLIT = 9)". */
#ifndef TL_CODEC_SPLIT_H
#define TL_CODEC_SPLIT_H

#include <stddef.h>
#include <stdint.h>

/* `count` values of `width` bytes, both ways; the areas must not overlap. Decoding may start anywhere: `in` is where the first wanted value
   has its first byte, `stride` the values of the whole stream. */
void tl_split_encode(uint8_t *out, const uint8_t *in, size_t count, size_t width);
void tl_split_decode(uint8_t *out, const uint8_t *in, size_t count, size_t width, size_t stride);

#endif
