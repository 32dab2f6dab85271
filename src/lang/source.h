/* A definition's text, and places in it that errors can point at. */
#ifndef TL_LANG_SOURCE_H
#define TL_LANG_SOURCE_H

#include "base/buffer.h"

typedef struct tl_source {
  const char *path; /* as shown in errors */
  const char *text; /* terminated; no NUL inside */
  size_t size;
} tl_source;

/* `size` bytes of a source from `offset`. */
typedef struct tl_place {
  const tl_source *source;
  uint32_t offset, size;
} tl_place;

/* TL_DEFINITION with "path:line:column: text", the source line and a caret under the place. */
tl_status tl__complain(tl_error *err, tl_place place, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Line and column, from 1; columns count bytes. */
void tl__line_of(tl_place place, int *line, int *column);

#endif
