/* LZ4 as a bare block (Parquet's LZ4_RAW), through liblz4. */
#include <lz4.h>
#include "codec/compressor.h"

static tl_status decompress(uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  if (size > LZ4_MAX_INPUT_SIZE || in.size > INT32_MAX) return tl_fail(err, TL_CORRUPT, "lz4: a block of %zu bytes is too long", size);
  int got = LZ4_decompress_safe((const char *)in.data, (char *)out, (int)in.size, (int)size);
  if (got < 0 || (size_t)got != size) return tl_fail(err, TL_CORRUPT, "lz4: the data is damaged (%d bytes came out, expected %zu)", got, size);
  return TL_OK;
}

static tl_status compress(tl_buffer *out, tl_bytes in, int level, tl_error *err) {
  if (in.size > LZ4_MAX_INPUT_SIZE) return tl_fail(err, TL_MEMORY, "lz4: a block of %zu bytes is too long", in.size);
  int room = LZ4_compressBound((int)in.size);
  TL_TRY(tl_buffer_reserve(out, (size_t)room, err));
  int got = LZ4_compress_fast((const char *)in.data, (char *)out->data + out->size, (int)in.size, room, level < 1 ? 1 : level);
  if (got <= 0) return tl_fail(err, TL_MEMORY, "lz4: the block could not be compressed");
  out->size += (size_t)got;
  return TL_OK;
}

/* The number behind a token's half; where it is 15, bytes of 255 and a last one are added. */
static size_t take_length(const uint8_t **at, const uint8_t *end, unsigned half) {
  size_t length = half;
  if (half < 15) return length;
  for (uint8_t byte = 255; byte == 255 && *at < end;) length += byte = *(*at)++;
  return length;
}

/* What takes a reader's time is not the bytes but the sequences, each of which is a guess of the processor that fails now and then: literals and a match
   cost about as much as two bytes more to read from a file would.
   Source: LZ4 Block Format, "Compressed block format". */
static size_t cost(tl_bytes in) {
  enum { SEQUENCE = 2, OFFSET = 2 };
  const uint8_t *at = in.data, *end = in.data + in.size;
  size_t sequences = 0;
  for (; at < end; sequences++) {
    unsigned token = *at++;
    size_t literals = take_length(&at, end, token >> 4);
    if (literals + OFFSET >= (size_t)(end - at)) return (sequences + 1) * SEQUENCE; /* the last one has no match */
    at += literals + OFFSET;
    take_length(&at, end, token & 15);
  }
  return sequences * SEQUENCE;
}

const tl_compressor tl__compressor_lz4 = {TL_CODEC_LZ4_RAW, "lz4_raw", decompress, compress, .cost = cost};
