#include "lang/source.h"
#include <stdio.h>
#include <string.h>

void tl__line_of(tl_place place, int *line, int *column) {
  *line = 1;
  uint32_t start = 0;
  for (uint32_t i = 0; i < place.offset && i < place.source->size; i++)
    if (place.source->text[i] == '\n') ++*line, start = i + 1;
  *column = (int)(place.offset - start) + 1;
}

/* The line of the place, cut to a readable length around it. */
static void show_line(char *out, size_t room, tl_place place) {
  enum { MOST = 140 };
  const char *text = place.source->text;
  uint32_t first = place.offset, last = place.offset;
  while (first > 0 && text[first - 1] != '\n' && place.offset - first < MOST / 2) first--;
  while (last < place.source->size && text[last] != '\n' && last - first < MOST) last++;
  uint32_t under = place.size < 1 ? 1 : place.size;
  if (under > last - place.offset) under = last > place.offset ? last - place.offset : 1;
  int n = snprintf(out, room, "\n    %.*s\n    ", (int)(last - first), text + first);
  for (int i = 4; i < n; i++)
    if (out[i] == '\t') out[i] = ' ';
  for (uint32_t i = 0; i < place.offset - first && (size_t)n + 1 < room; i++) out[n++] = ' ';
  for (uint32_t i = 0; i < under && (size_t)n + 1 < room; i++) out[n++] = i == 0 ? '^' : '~';
  out[n] = 0;
}

tl_status tl__complain(tl_error *err, tl_place place, const char *format, ...) {
  char text[500], line[500];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  int row, column;
  tl__line_of(place, &row, &column);
  show_line(line, sizeof line, place);
  return tl_fail(err, TL_DEFINITION, "%s:%d:%d: %s%s", place.source->path, row, column, text, line);
}
