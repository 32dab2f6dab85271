/* Zstandard, through libzstd. A context is kept for each thread: making one costs more than a page. */
#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>
#include "codec/compressor.h"

typedef struct contexts {
  ZSTD_DCtx *in;
  ZSTD_CCtx *out;
} contexts;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void close_contexts(void *memory) {
  contexts *c = memory;
  ZSTD_freeDCtx(c->in);
  ZSTD_freeCCtx(c->out);
  free(c);
}
static void open_key(void) { pthread_key_create(&key, close_contexts); }

static contexts *mine(void) {
  pthread_once(&once, open_key);
  contexts *c = pthread_getspecific(key);
  if (c != NULL) return c;
  c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->in = ZSTD_createDCtx();
  c->out = ZSTD_createCCtx();
  if (c->in == NULL || c->out == NULL || pthread_setspecific(key, c) != 0) {
    close_contexts(c);
    return NULL;
  }
  return c;
}

static tl_status decompress(uint8_t *out, size_t size, tl_bytes in, tl_error *err) {
  contexts *c = mine();
  if (c == NULL) return tl_fail(err, TL_MEMORY, "zstd: no memory for a context");
  size_t got = ZSTD_decompressDCtx(c->in, out, size, in.data, in.size);
  if (ZSTD_isError(got)) return tl_fail(err, TL_CORRUPT, "zstd: %s", ZSTD_getErrorName(got));
  if (got != size) return tl_fail(err, TL_CORRUPT, "zstd: %zu bytes came out, expected %zu", got, size);
  return TL_OK;
}

static tl_status compress(tl_buffer *out, tl_bytes in, int level, tl_error *err) {
  contexts *c = mine();
  if (c == NULL) return tl_fail(err, TL_MEMORY, "zstd: no memory for a context");
  size_t room = ZSTD_compressBound(in.size);
  TL_TRY(tl_buffer_reserve(out, room, err));
  size_t got = ZSTD_compressCCtx(c->out, out->data + out->size, room, in.data, in.size, level);
  if (ZSTD_isError(got)) return tl_fail(err, TL_MEMORY, "zstd: %s", ZSTD_getErrorName(got));
  out->size += got;
  return TL_OK;
}
const tl_compressor tl__compressor_zstd = {TL_CODEC_ZSTD, "zstd", decompress, compress, .counts_bytes = true};
