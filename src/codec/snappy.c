/* Snappy, through libsnappy. Read only: lz4_raw is better at the same. */
#include <snappy-c.h>
#include "codec/compressor.h"

static tl_status decompress(uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  size_t length = 0;
  if (snappy_uncompressed_length((const char *)in.data, in.size, &length) != SNAPPY_OK || length != size)
    return tl_fail(err, TL_CORRUPT, "snappy: the data says %zu bytes, expected %zu", length, size);
  if (snappy_uncompress((const char *)in.data, in.size, (char *)out, &length) != SNAPPY_OK || length != size)
    return tl_fail(err, TL_CORRUPT, "snappy: the data is damaged");
  return TL_OK;
}
const tl_compressor tl__compressor_snappy = {TL_CODEC_SNAPPY, "snappy", decompress, NULL};
