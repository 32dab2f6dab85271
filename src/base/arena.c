#include "base/arena.h"
#include <stdio.h>
#include <string.h>

struct tl_arena_block {
  tl_arena_block *next;
  _Alignas(16) char data[];
};

/* Under a sanitizer every request is a block of its own, so that a reach beyond it is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define TL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TL_SANITIZED 1
#endif
#endif
#ifdef TL_SANITIZED
enum { BLOCK_SIZE = 16 };
#else
enum { BLOCK_SIZE = 16 * 1024 };
#endif

void tl_arena_free(tl_arena *arena) {
  for (tl_arena_block *b = arena->blocks, *next; b != NULL; b = next) {
    next = b->next;
    tl_release(arena->env, b);
  }
  *arena = (tl_arena){.env = arena->env};
}

tl_status tl_arena_take(tl_arena *arena, void *pointer_out, size_t count, size_t size, tl_error *err) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(bytes, (size_t)15, &bytes))
    return tl_fail(err, TL_MEMORY, "a request for %zu elements of %zu bytes exceeds the address space", count, size);
  bytes &= ~(size_t)15;
  if (arena->blocks == NULL || arena->room - arena->used < bytes) {
    size_t room = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
    tl_arena_block *block;
    TL_TRY(tl_allocate(arena->env, &block, 1, sizeof *block + room, err));
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
    arena->room = room;
  }
  void *memory = arena->blocks->data + arena->used;
  arena->used += bytes;
  memset(memory, 0, bytes);
  memcpy(pointer_out, &memory, sizeof memory);
  return TL_OK;
}

tl_status tl_arena_text(tl_arena *arena, const char **out, const char *text, size_t size, tl_error *err) {
  char *copy = NULL;
  TL_TRY(tl_arena_take(arena, &copy, size + 1, 1, err));
  if (size > 0) memcpy(copy, text, size);
  *out = copy;
  return TL_OK;
}

tl_status tl_arena_format(tl_arena *arena, const char **out, tl_error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int size = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (size < 0) return tl_fail(err, TL_USAGE, "a text that cannot be formatted");
  char *copy = NULL;
  TL_TRY(tl_arena_take(arena, &copy, (size_t)size + 1, 1, err));
  va_start(args, format);
  vsnprintf(copy, (size_t)size + 1, format, args);
  va_end(args);
  *out = copy;
  return TL_OK;
}
