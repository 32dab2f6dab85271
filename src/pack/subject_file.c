/* A file of one symbol, which is the file's name. */
#include <string.h>
#include "pack/subject.h"

static const tl_field facts[] = {{.name = "symbol", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}};

static tl_status read(tl_subject *out, const tl_name_reader *with, const char *stem, tl_error *err) {
  return tl_arena_text(with->arena, &out->symbol, stem, strlen(stem), err);
}

static int compare(const tl_subject *a, const tl_subject *b) { return strcmp(a->symbol, b->symbol); }

static tl_status tell(const tl_subject *s, int fact, tl_column *out, tl_error *err) {
  (void)fact;
  return tl_column_append_bytes(out, (tl_bytes){(const uint8_t *)s->symbol, strlen(s->symbol)}, err);
}

static tl_status recall(tl_subject *s, int fact, const tl_column *c, int64_t row, tl_arena *arena, tl_error *err) {
  (void)fact;
  tl_bytes b = tl_column_bytes(c, row);
  return tl_arena_text(arena, &s->symbol, (const char *)b.data, b.size, err);
}

static bool agrees(const tl_subject *s, int fact, const tl_column *c, int64_t row) {
  (void)fact;
  tl_bytes b = tl_column_bytes(c, row);
  return c->field.physical == TL_PHYSICAL_BYTE_ARRAY && b.size == strlen(s->symbol) && memcmp(b.data, s->symbol, b.size) == 0;
}

const tl_naming tl_naming_file = {
    .name = "file", .facts = facts, .fact_count = 1, .read = read, .compare = compare, .tell = tell, .recall = recall, .agrees = agrees};
