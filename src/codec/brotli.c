/* Brotli, through libbrotlidec. Read only: zstd is better at the same. */
#include <brotli/decode.h>
#include "codec/compressor.h"

static tl_status decompress(uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  size_t got = size;
  if (BrotliDecoderDecompress(in.size, in.data, &got, out) != BROTLI_DECODER_RESULT_SUCCESS)
    return tl_fail(err, TL_CORRUPT, "brotli: the data is damaged, or more than the expected %zu bytes come out", size);
  return got == size ? TL_OK : tl_fail(err, TL_CORRUPT, "brotli: %zu bytes came out, expected %zu", got, size);
}
const tl_compressor tl__compressor_brotli = {TL_CODEC_BROTLI, "brotli", decompress, NULL};
