#include "lake/tape_order.h"
#include <string.h>

static tl_status add_key(tl_sorting *keys, int *count, const tl_parquet *file, const char *name, size_t size, tl_error *err) {
  const tl_schema *schema = file->meta.schema;
  bool descending = size > 0 && name[0] == '-';
  if (*count == TL_MOST_ORDER) return tl_fail(err, TL_USAGE, "an order has at most %d columns", TL_MOST_ORDER);
  for (int i = 0; i < schema->child_count; i++) {
    const tl_schema *c = &schema->children[i];
    if (strlen(c->name) != size - descending || memcmp(c->name, name + descending, size - descending) != 0) continue;
    if (c->shape != TL_SHAPE_VALUE) return tl_fail(err, TL_USAGE, "%s: column %s is nested; only values have an order", file->path, c->name);
    keys[(*count)++] = (tl_sorting){.column = c->first_leaf, .descending = descending};
    return TL_OK;
  }
  return tl_fail(err, TL_USAGE, "%s: has no column %.*s", file->path, (int)size, name);
}

tl_status tl_tape_order(tl_sorting keys[TL_MOST_ORDER], int *count, const tl_parquet *file, const char *order, tl_error *err) {
  const char *text = order != NULL ? order : TL_TAPE_ORDER;
  *count = 0;
  for (const char *at = text, *comma; at != NULL; at = comma != NULL ? comma + 1 : NULL) {
    comma = strchr(at, ',');
    size_t size = comma != NULL ? (size_t)(comma - at) : strlen(at);
    tl_status status = add_key(keys, count, file, at, size, order != NULL ? err : NULL);
    if (status == TL_OK) continue;
    *count = 0;
    return order != NULL ? status : TL_OK;
  }
  return TL_OK;
}
