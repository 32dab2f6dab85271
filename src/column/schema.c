#include "column/schema.h"
#include <stdio.h>
#include <string.h>

static int number(tl_schema *n, int definition, int repetition, int leaf) {
  definition += n->nullable;
  n->definition = definition;
  n->repetition = repetition;
  n->first_leaf = leaf;
  n->leaf_count = n->shape == TL_SHAPE_VALUE;
  if (n->shape == TL_SHAPE_VALUE) n->field.nullable = definition > 0;
  bool repeats = n->shape == TL_SHAPE_LIST || n->shape == TL_SHAPE_MAP;
  for (int i = 0; i < n->child_count; i++) n->leaf_count += number(&n->children[i], definition + repeats, repetition + repeats, leaf + n->leaf_count);
  return n->leaf_count;
}

int tl_schema_number(tl_schema *root) { return number(root, 0, 0, 0); }

int tl_schema_child(const tl_schema *n, const char *name) {
  for (int i = 0; i < n->child_count; i++)
    if (strcmp(n->children[i].name, name) == 0) return i;
  return -1;
}

tl_status tl_schema_copy(tl_schema *out, const tl_schema *in, tl_arena *arena, tl_error *err) {
  *out = *in;
  TL_TRY(tl_arena_text(arena, &out->name, in->name, strlen(in->name), err));
  if (in->field.name != NULL) TL_TRY(tl_arena_text(arena, &out->field.name, in->field.name, strlen(in->field.name), err));
  TL_TRY(tl_arena_take(arena, &out->children, (size_t)in->child_count + 1, sizeof *out->children, err));
  for (int i = 0; i < in->child_count; i++) TL_TRY(tl_schema_copy(&out->children[i], &in->children[i], arena, err));
  return TL_OK;
}

/* An integer without annotation is one of its full width. */
static tl_field annotated(const tl_field *f) {
  tl_field full = *f;
  if (f->logical == TL_LOGICAL_NONE && (f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64))
    full.logical = TL_LOGICAL_INTEGER, full.bits = f->physical == TL_PHYSICAL_INT32 ? 32 : 64;
  return full;
}

static bool same_field(const tl_field *x, const tl_field *y) {
  tl_field full_x = annotated(x), full_y = annotated(y), *a = &full_x, *b = &full_y;
  return a->physical == b->physical && a->logical == b->logical && a->fixed_size == b->fixed_size && a->digits == b->digits && a->utc == b->utc &&
         a->precision == b->precision && a->scale == b->scale && a->bits == b->bits && a->is_unsigned == b->is_unsigned;
}

bool tl_schema_same(const tl_schema *a, const tl_schema *b) {
  if (a->shape != b->shape || a->child_count != b->child_count) return false;
  if (a->shape == TL_SHAPE_VALUE) return same_field(&a->field, &b->field);
  for (int i = 0; i < a->child_count; i++) {
    if (a->shape == TL_SHAPE_STRUCT && strcmp(a->children[i].name, b->children[i].name) != 0) return false;
    if (!tl_schema_same(&a->children[i], &b->children[i])) return false;
  }
  return true;
}

/* Adds to out[used..room), and goes on counting where it does not fit. */
static size_t add(char *out, size_t room, size_t used, const char *text) {
  if (used < room) snprintf(out + used, room - used, "%s", text);
  return used + strlen(text);
}

static size_t type_text(char *out, size_t room, size_t used, const tl_schema *n) {
  static const char *const words[] = {"", "struct<", "list<", "map<"};
  if (n->shape == TL_SHAPE_VALUE) {
    char type[TL_TYPE_TEXT];
    tl_field_type_text(type, &n->field);
    return add(out, room, used, type);
  }
  used = add(out, room, used, words[n->shape]);
  for (int i = 0; i < n->child_count; i++) {
    if (i > 0) used = add(out, room, used, ", ");
    if (n->shape == TL_SHAPE_STRUCT) used = add(out, room, add(out, room, used, n->children[i].name), ": ");
    used = type_text(out, room, used, &n->children[i]);
  }
  return add(out, room, used, ">");
}

void tl_schema_type_text(char *out, size_t room, const tl_schema *node) {
  out[0] = 0;
  if (type_text(out, room, 0, node) >= room && room > 4) memcpy(out + room - 4, "...", 4);
}

tl_status tl_schema_agree(const tl_schema *before, const tl_schema *here, const char *path, tl_error *err) {
  char ours[200], theirs[200];
  if (tl_schema_same(before, here)) return TL_OK;
  tl_schema_type_text(ours, sizeof ours, before);
  tl_schema_type_text(theirs, sizeof theirs, here);
  return tl_fail(err, TL_UNSUPPORTED, "%s: column %s is %s, in other files %s: name files of one form, or columns that agree", path, here->name, theirs, ours);
}
