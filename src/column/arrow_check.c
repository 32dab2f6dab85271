/* What a column promises: no missing rows where there are to be none, and texts in UTF-8. And how an error says where. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "column/arrow_inside.h"
#include "column/bits.h"

static void put_path(const tl_arrow_place *p, char *out, size_t room) {
  if (p->up != NULL) put_path(p->up, out, room);
  size_t used = strlen(out);
  snprintf(out + used, room - used, "%s%s", used > 0 ? "." : "", p->name != NULL ? p->name : "");
}

tl_status tl__arrow_fail(const tl_arrow_place *place, tl_error *err, tl_status status, const char *format, ...) {
  char text[400], path[400] = "";
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (place == NULL) return tl_fail(err, status, "%s", text);
  put_path(place, path, sizeof path);
  return tl_fail(err, status, "column %s: %s", path, text);
}

/* ---- missing rows ---- */

/* Whether the struct that holds a row is missing itself, or one above it: they have the same rows. */
static bool is_held(const tl_arrow_place *place, int64_t row) {
  for (const tl_arrow_place *p = place->up; p != NULL && p->array->node->shape == TL_SHAPE_STRUCT; p = p->up)
    if (!tl_array_is_valid(p->array, row)) return false;
  return true;
}

tl_status tl__arrow_check_required(const tl_arrow_place *place, tl_error *err) {
  const tl_array *a = place->array;
  if (!a->node->nullable && a->null_count > 0)
    for (int64_t i = 0; i < a->count; i++)
      if (!tl_array_is_valid(a, i) && is_held(place, i))
        return tl__arrow_fail(place, err, TL_CORRUPT, "row %" PRId64 " is missing, and the schema says that none is", i);
  for (int i = 0; i < a->node->child_count; i++) {
    tl_arrow_place child = tl__arrow_below(place, a->node->children[i].name, &a->children[i]);
    TL_TRY(tl__arrow_check_required(&child, err));
  }
  return TL_OK;
}

/* ---- texts ---- */

static bool is_ascii(tl_bytes b) {
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + 8 <= b.size; i += 8) seen |= tl_load64(b.data + i);
  for (; i < b.size; i++) seen |= b.data[i];
  return (seen & 0x8080808080808080u) == 0;
}

tl_status tl__arrow_check_text(const tl_arrow_place *place, const tl_column *c, int64_t from, tl_error *err) {
  if (from >= c->count) return TL_OK;
  size_t start = (size_t)c->offsets[from], end = (size_t)c->offsets[c->count];
  if (start == end || is_ascii((tl_bytes){c->bytes.data + start, end - start})) return TL_OK;
  for (int64_t i = from; i < c->count; i++) {
    tl_bytes v = tl_column_bytes(c, i);
    if (!tl_utf8_valid((const char *)v.data, v.size)) return tl__arrow_fail(place, err, TL_CORRUPT, "row %" PRId64 ": the text is not valid UTF-8", i);
  }
  return TL_OK;
}
