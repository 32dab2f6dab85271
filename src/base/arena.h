/* Many small things of one lifetime: allocated one by one, released together. */
#ifndef TL_BASE_ARENA_H
#define TL_BASE_ARENA_H

#include "base/env.h"

typedef struct tl_arena_block tl_arena_block;
typedef struct tl_arena {
  tl_env *env;
  tl_arena_block *blocks;
  size_t used, room; /* of the newest block */
} tl_arena;

void tl_arena_free(tl_arena *arena);
/* Zeroed, aligned for any type. */
tl_status tl_arena_take(tl_arena *arena, void *pointer_out, size_t count, size_t size, tl_error *err) TL_MUST_CHECK;
/* A terminated copy of `size` bytes of text. */
tl_status tl_arena_text(tl_arena *arena, const char **out, const char *text, size_t size, tl_error *err) TL_MUST_CHECK;
/* A formatted text. */
tl_status tl_arena_format(tl_arena *arena, const char **out, tl_error *err, const char *format, ...) __attribute__((format(printf, 4, 5))) TL_MUST_CHECK;

#endif
