/* Parquet's older LZ4, which three generations of writers understood differently: Hadoop's framing (blocks behind two big-endian
   lengths), the LZ4 frame format, a bare block. What fits, exactly, is it.
   Source: Parquet format, Compression.md, "LZ4"; Hadoop's BlockCompressorStream. */
#include <lz4.h>
#include <lz4frame.h>
#include "codec/compressor.h"

static uint32_t big_endian(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* A frame says how many bytes come out of it; they may come from several blocks, each behind its own length. */
static bool from_hadoop(uint8_t *out, size_t size, tl_bytes in) {
  size_t at = 0, done = 0;
  while (at < in.size) {
    if (in.size - at < 8) return false;
    size_t plain = big_endian(in.data + at), end = done + plain;
    at += 4;
    if (plain > size - done) return false;
    do {
      if (in.size - at < 4) return false;
      size_t stored = big_endian(in.data + at);
      at += 4;
      if (stored > in.size - at || stored > INT32_MAX) return false;
      int got = LZ4_decompress_safe((const char *)in.data + at, (char *)out + done, (int)stored, (int)(end - done));
      if (got < 0 || (got == 0 && end > done)) return false;
      at += stored;
      done += (size_t)got;
    } while (done < end);
  }
  return done == size;
}

static bool from_frame(uint8_t *out, size_t size, tl_bytes in) {
  LZ4F_dctx *context;
  size_t made = size, used = in.size;
  if (in.size < 4 || big_endian(in.data) != 0x04224d18) return false;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) return false;
  size_t left = LZ4F_decompress(context, out, &made, in.data, &used, NULL);
  LZ4F_freeDecompressionContext(context);
  return left == 0 && made == size;
}

static tl_status decompress(uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  if (size > LZ4_MAX_INPUT_SIZE || in.size > INT32_MAX) return tl_fail(err, TL_CORRUPT, "lz4: a block of %zu bytes is too long", size);
  if (from_hadoop(out, size, in) || from_frame(out, size, in)) return TL_OK;
  int got = LZ4_decompress_safe((const char *)in.data, (char *)out, (int)in.size, (int)size);
  if (got >= 0 && (size_t)got == size) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "lz4: the data is damaged: neither Hadoop's framing, nor a frame, nor a block of %zu bytes", size);
}
const tl_compressor tl__compressor_lz4_hadoop = {TL_CODEC_LZ4, "lz4", decompress, NULL};
