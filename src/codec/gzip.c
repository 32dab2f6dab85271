/* gzip, through libdeflate. A page may be several members, one after the other. Read only: zstd is better at the same. */
#include <libdeflate.h>
#include "codec/compressor.h"

static tl_status members(struct libdeflate_decompressor *d, uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  size_t at = 0, done = 0;
  while (at < in.size) {
    size_t used = 0, made = 0;
    enum libdeflate_result result = libdeflate_gzip_decompress_ex(d, in.data + at, in.size - at, out + done, size - done, &used, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return tl_fail(err, TL_CORRUPT, "gzip: more than the expected %zu bytes come out", size);
    if (result != LIBDEFLATE_SUCCESS) return tl_fail(err, TL_CORRUPT, "gzip: the data is damaged");
    at += used;
    done += made;
  }
  return done == size ? TL_OK : tl_fail(err, TL_CORRUPT, "gzip: %zu bytes came out, expected %zu", done, size);
}

static tl_status decompress(uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
  if (d == NULL) return tl_fail(err, TL_MEMORY, "gzip: no memory for a context");
  tl_status status = members(d, out, size, in, err);
  libdeflate_free_decompressor(d);
  return status;
}
const tl_compressor tl__compressor_gzip = {TL_CODEC_GZIP, "gzip", decompress, NULL};
