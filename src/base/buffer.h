/* Growing bytes, and borrowed ones. */
#ifndef TL_BASE_BUFFER_H
#define TL_BASE_BUFFER_H

#include "base/env.h"

/* Bytes that somebody else owns. */
typedef struct tl_bytes {
  const uint8_t *data;
  size_t size;
} tl_bytes;

/* Owned bytes. {.env = env} is a valid empty buffer; tl_buffer_free may be called at any time. */
typedef struct tl_buffer {
  tl_env *env;
  uint8_t *data;
  size_t size;
  size_t capacity;
} tl_buffer;

void tl_buffer_free(tl_buffer *buffer);
/* Room for `more` bytes behind the present ones, which stay. */
tl_status tl_buffer_reserve(tl_buffer *buffer, size_t more, tl_error *err) TL_MUST_CHECK;
tl_status tl_buffer_append(tl_buffer *buffer, const void *data, size_t size, tl_error *err) TL_MUST_CHECK;
tl_status tl_buffer_byte(tl_buffer *buffer, uint8_t byte, tl_error *err) TL_MUST_CHECK;
tl_status tl_buffer_text(tl_buffer *buffer, const char *text, tl_error *err) TL_MUST_CHECK;
tl_status tl_buffer_format(tl_buffer *buffer, tl_error *err, const char *format, ...) __attribute__((format(printf, 3, 4))) TL_MUST_CHECK;

static inline tl_bytes tl_buffer_view(const tl_buffer *buffer) { return (tl_bytes){buffer->data, buffer->size}; }

/* Little-endian loads from anywhere. */
static inline uint32_t tl_load32(const void *p) {
  uint32_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
static inline uint64_t tl_load64(const void *p) {
  uint64_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
static inline double tl_load_double(const void *p) {
  double v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

#endif
