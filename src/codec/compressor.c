#include "codec/compressor.h"
#include <string.h>

extern const tl_compressor tl__compressor_none, tl__compressor_snappy, tl__compressor_zstd, tl__compressor_lz4, tl__compressor_gzip, tl__compressor_brotli,
    tl__compressor_lz4_hadoop;
static const tl_compressor *const compressors[] = {&tl__compressor_none, &tl__compressor_snappy, &tl__compressor_zstd,      &tl__compressor_lz4,
                                                   &tl__compressor_gzip, &tl__compressor_brotli, &tl__compressor_lz4_hadoop};

const tl_compressor *tl_compressor_find(int id) {
  for (size_t i = 0; i < sizeof compressors / sizeof *compressors; i++)
    if (compressors[i]->id == id) return compressors[i];
  return NULL;
}

const char *tl_compressor_name(int id) {
  static const char *const names[] = {"none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw"};
  return id >= 0 && id < 8 ? names[id] : "unknown";
}

size_t tl_compressor_cost(const tl_compressor *c, tl_bytes compressed, size_t size) { return c->cost != NULL ? c->cost(compressed) : size / 10; }

static tl_status copy_out(uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  if (in.size != size) return tl_fail(err, TL_CORRUPT, "uncompressed data has %zu bytes, expected %zu", in.size, size);
  if (size > 0) memcpy(out, in.data, size);
  return TL_OK;
}
static tl_status copy_in(tl_buffer *out, tl_bytes in, int level, tl_error *err) {
  (void)level;
  return tl_buffer_append(out, in.data, in.size, err);
}
const tl_compressor tl__compressor_none = {TL_CODEC_NONE, "none", copy_out, copy_in};
