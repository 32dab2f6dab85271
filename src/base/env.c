/* Memory through the environment. Each block carries its size in front, so that release needs no size and the
   environment can count what is in use. */
#include "base/env.h"
#include <stdalign.h>
#include <string.h>

enum { HEADER = 64 }; /* keeps the data on a cache line */

static size_t *size_of(void *memory) { return (size_t *)((char *)memory - HEADER); }

tl_status tl_allocate(tl_env *env, void *pointer_out, size_t count, size_t size, tl_error *err) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(bytes, (size_t)HEADER, &bytes))
    return tl_fail(err, TL_MEMORY, "a request for %zu elements of %zu bytes exceeds the address space", count, size);
  char *base = env->resize(env, NULL, 0, bytes);
  if (base == NULL) return tl_fail(err, TL_MEMORY, "no memory for %zu bytes; --memory decides", bytes);
  *(size_t *)base = bytes;
  void *memory = base + HEADER;
  memcpy(pointer_out, &memory, sizeof memory);
  return TL_OK;
}

tl_status tl_allocate_zeroed(tl_env *env, void *pointer_out, size_t count, size_t size, tl_error *err) {
  TL_TRY(tl_allocate(env, pointer_out, count, size, err));
  void *memory;
  memcpy(&memory, pointer_out, sizeof memory);
  memset(memory, 0, count * size);
  return TL_OK;
}

tl_status tl_reserve(tl_env *env, void *pointer_inout, size_t *capacity, size_t wanted, size_t size, tl_error *err) {
  if (wanted <= *capacity) return TL_OK;
  size_t grown = *capacity + *capacity / 2; /* what is asked for at once is taken as it is; what grows step by step, by halves */
  if (grown < 8) grown = 8;
  if (grown < wanted) grown = wanted;
  void *old, *fresh = NULL;
  memcpy(&old, pointer_inout, sizeof old);
  TL_TRY(tl_allocate(env, &fresh, grown, size, err));
  if (old != NULL) memcpy(fresh, old, *capacity * size);
  tl_release(env, old);
  memcpy(pointer_inout, &fresh, sizeof fresh);
  *capacity = grown;
  return TL_OK;
}

tl_status tl_renew(tl_env *env, void *pointer_inout, size_t *capacity, size_t wanted, size_t size, tl_error *err) {
  void *memory = NULL, *none = NULL;
  if (wanted <= *capacity) return TL_OK;
  memcpy(&memory, pointer_inout, sizeof memory);
  tl_release(env, memory);
  memcpy(pointer_inout, &none, sizeof none);
  *capacity = 0;
  TL_TRY(tl_allocate(env, &memory, wanted, size, err));
  memcpy(pointer_inout, &memory, sizeof memory);
  *capacity = wanted;
  return TL_OK;
}

void tl_release(tl_env *env, void *memory) {
  if (memory == NULL) return;
  size_t bytes = *size_of(memory);
  env->resize(env, (char *)memory - HEADER, bytes, 0);
}
