/* Compressors by Parquet's number. Each is one file; the table is in compressor.c. */
#ifndef TL_CODEC_COMPRESSOR_H
#define TL_CODEC_COMPRESSOR_H

#include "base/buffer.h"

enum { TL_CODEC_NONE = 0, TL_CODEC_SNAPPY = 1, TL_CODEC_GZIP = 2, TL_CODEC_BROTLI = 4, TL_CODEC_LZ4 = 5, TL_CODEC_ZSTD = 6, TL_CODEC_LZ4_RAW = 7 };

typedef struct tl_compressor {
  int id;
  const char *name;
  /* Exactly `size` bytes come out, or it is TL_CORRUPT. */
  tl_status (*decompress)(uint8_t *out, size_t size, tl_bytes in, tl_error *err);
  /* Appends to `out`. NULL when we only read it. */
  tl_status (*compress)(tl_buffer *out, tl_bytes in, int level, tl_error *err);
} tl_compressor;

/* NULL when the number is unknown to us. */
const tl_compressor *tl_compressor_find(int id);
const char *tl_compressor_name(int id); /* also of those that we do not read */

#endif
