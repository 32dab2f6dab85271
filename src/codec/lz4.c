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
const tl_compressor tl__compressor_lz4 = {TL_CODEC_LZ4_RAW, "lz4_raw", decompress, compress};
