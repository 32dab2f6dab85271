#include "base/buffer.h"
#include <stdio.h>
#include <string.h>

void tl_buffer_free(tl_buffer *buffer) {
  tl_release(buffer->env, buffer->data);
  *buffer = (tl_buffer){.env = buffer->env};
}

tl_status tl_buffer_reserve(tl_buffer *buffer, size_t more, tl_error *err) {
  size_t wanted;
  if (__builtin_add_overflow(buffer->size, more, &wanted)) return tl_fail(err, TL_MEMORY, "a buffer of %zu + %zu bytes", buffer->size, more);
  if (buffer->size == 0) return tl_renew(buffer->env, &buffer->data, &buffer->capacity, wanted, 1, err);
  return tl_reserve(buffer->env, &buffer->data, &buffer->capacity, wanted, 1, err);
}

tl_status tl_buffer_append(tl_buffer *buffer, const void *data, size_t size, tl_error *err) {
  if (size == 0) return TL_OK;
  TL_TRY(tl_buffer_reserve(buffer, size, err));
  memcpy(buffer->data + buffer->size, data, size);
  buffer->size += size;
  return TL_OK;
}

tl_status tl_buffer_byte(tl_buffer *buffer, uint8_t byte, tl_error *err) { return tl_buffer_append(buffer, &byte, 1, err); }

tl_status tl_buffer_text(tl_buffer *buffer, const char *text, tl_error *err) { return tl_buffer_append(buffer, text, strlen(text), err); }

tl_status tl_buffer_format(tl_buffer *buffer, tl_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int size = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (size < 0) return tl_fail(err, TL_USAGE, "a text that cannot be formatted");
  TL_TRY(tl_buffer_reserve(buffer, (size_t)size + 1, err));
  va_start(args, format);
  vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, args);
  va_end(args);
  buffer->size += (size_t)size;
  return TL_OK;
}
