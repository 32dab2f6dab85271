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
  bool counts_bytes; /* its entropy coder counts bytes: values of other widths are better put into whole ones */
  /* What it costs a reader to decompress, in bytes that might have been stored instead. NULL: a tenth of what comes out. */
  size_t (*cost)(tl_bytes compressed);
} tl_compressor;

/* NULL when the number is unknown to us. */
const tl_compressor *tl_compressor_find(int id);
/* See tl_compressor.cost; `size` bytes come out. */
size_t tl_compressor_cost(const tl_compressor *compressor, tl_bytes compressed, size_t size);
const char *tl_compressor_name(int id); /* also of those that we do not read */

#endif
