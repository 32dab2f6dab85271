#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  const uint8_t *data;
  size_t size, used, most;
} file;

static void *resize(tl_env *env, void *memory, size_t old_size, size_t new_size) {
  (void)env;
  file.used -= old_size;
  if (new_size == 0) return free(memory), NULL;
  if (new_size > file.most || file.used > file.most - new_size) {
    fprintf(stderr, "%zu bytes are in use, %zu more were asked for; the most is %zu\n", file.used, new_size, file.most);
    abort();
  }
  file.used += new_size;
  if (memory != NULL) return realloc(memory, new_size);
  return posix_memalign(&memory, 64, new_size) == 0 ? memory : NULL;
}

static tl_status open_read(tl_env *env, const char *path, int *handle, tl_error *err) {
  (void)env, (void)path, (void)err;
  *handle = 0;
  return TL_OK;
}

static tl_status read_at(tl_env *env, int handle, void *data, size_t size, int64_t offset, size_t *done, tl_error *err) {
  (void)env, (void)handle, (void)err;
  tl__fuzz_law(offset >= 0, "no read before the file's begin");
  size_t left = (uint64_t)offset < file.size ? file.size - (size_t)offset : 0;
  *done = size < left ? size : left;
  if (*done > 0) memcpy(data, file.data + offset, *done);
  return TL_OK;
}

static tl_status close_file(tl_env *env, int handle, tl_error *err) {
  (void)env, (void)handle, (void)err;
  return TL_OK;
}

static tl_status info(tl_env *env, const char *path, tl_file_info *out, tl_error *err) {
  (void)env, (void)path, (void)err;
  *out = (tl_file_info){.size = (int64_t)file.size, .is_regular = true};
  return TL_OK;
}

static int64_t no_time(tl_env *env) {
  (void)env;
  return 0;
}

tl_env *tl__fuzz_env(const uint8_t *data, size_t size, size_t most_memory) {
  static tl_env env = {.resize = resize, .open_read = open_read, .read_at = read_at, .close = close_file, .info = info, .now_ns = no_time, .tick_ns = no_time};
  file.data = data, file.size = size, file.used = 0, file.most = most_memory;
  return &env;
}

void tl__fuzz_env_close(tl_env *env) {
  (void)env;
  tl__fuzz_law(file.used == 0, "all memory is released");
}

void tl__fuzz_law(bool holds, const char *law) {
  if (holds) return;
  fprintf(stderr, "broken law: %s\n", law);
  abort();
}

void tl__fuzz_touch(const void *data, size_t size) {
  static volatile uint8_t sink;
  uint8_t sum = 0;
  for (size_t i = 0; i < size; i++) sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
  sink = sum;
  (void)sink;
}
