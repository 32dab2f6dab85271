/* The schema of a footer to a tree. What a group means is decided by its annotation and by the form of its one repeated child. */
#include <string.h>
#include "parquet/meta.h"

static void apply_converted(tl_field *f, const tl_element *e) {
  switch (e->converted) {
    case 0: f->logical = TL_LOGICAL_STRING; break;
    case 4: f->logical = TL_LOGICAL_ENUM; break;
    case 5: f->logical = TL_LOGICAL_DECIMAL, f->scale = e->scale, f->precision = e->precision; break;
    case 6: f->logical = TL_LOGICAL_DATE; break;
    case 7: f->logical = TL_LOGICAL_TIME, f->digits = 3, f->utc = true; break;
    case 8: f->logical = TL_LOGICAL_TIME, f->digits = 6, f->utc = true; break;
    case 9: f->logical = TL_LOGICAL_TIMESTAMP, f->digits = 3, f->utc = true; break;
    case 10: f->logical = TL_LOGICAL_TIMESTAMP, f->digits = 6, f->utc = true; break;
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
    case 16:
    case 17:
    case 18: f->logical = TL_LOGICAL_INTEGER, f->is_unsigned = e->converted < 15, f->bits = 8 << (e->converted - 11) % 4; break;
    case 19: f->logical = TL_LOGICAL_JSON; break;
    case 20: f->logical = TL_LOGICAL_BSON; break;
    default: break;
  }
}

/* An annotation that does not fit its physical type is ignored. */
static bool fits(const tl_field *f) {
  bool i32 = f->physical == TL_PHYSICAL_INT32, i64 = f->physical == TL_PHYSICAL_INT64, bytes = f->physical == TL_PHYSICAL_BYTE_ARRAY,
       fixed = f->physical == TL_PHYSICAL_FIXED;
  switch (f->logical) {
    case TL_LOGICAL_STRING:
    case TL_LOGICAL_ENUM:
    case TL_LOGICAL_JSON:
    case TL_LOGICAL_BSON: return bytes;
    case TL_LOGICAL_UUID: return fixed && f->fixed_size == 16;
    case TL_LOGICAL_FLOAT16: return fixed && f->fixed_size == 2;
    case TL_LOGICAL_DECIMAL: return (i32 || i64 || bytes || fixed) && f->scale >= 0 && f->scale <= 76;
    case TL_LOGICAL_DATE: return i32;
    case TL_LOGICAL_TIME: return f->digits == 3 ? i32 : f->digits != 0 && i64;
    case TL_LOGICAL_TIMESTAMP: return i64 && f->digits != 0;
    case TL_LOGICAL_INTEGER: return f->bits == 64 ? i64 : (f->bits == 8 || f->bits == 16 || f->bits == 32) && i32;
    default: return true;
  }
}

static tl_status make_field(tl_field *f, const tl_element *e, const char *path, tl_error *err) {
  *f = e->has_logical ? e->logical : (tl_field){0};
  if (e->type < 0 || e->type >= TL_PHYSICAL_COUNT) return tl_fail(err, TL_CORRUPT, "column %s has the unknown physical type %d", path, e->type);
  f->physical = (tl_physical)e->type;
  f->fixed_size = f->physical == TL_PHYSICAL_FIXED ? e->fixed_length : 0;
  if (f->physical == TL_PHYSICAL_FIXED && (f->fixed_size < 1 || f->fixed_size > 1 << 20))
    return tl_fail(err, TL_CORRUPT, "column %s has values of %d bytes", path, e->fixed_length);
  if (!e->has_logical) apply_converted(f, e);
  if (!fits(f)) f->logical = TL_LOGICAL_OTHER;
  f->name = path;
  return TL_OK;
}

/* ---- the tree ---- */

enum { MOST_DEPTH = 100, MOST_PATHS = 64 << 20 };

typedef struct builder {
  tl_meta *meta;
  tl_arena *arena;
  const tl_element *elements;
  size_t count, at; /* the element that comes next */
  const char *path; /* of the open group */
  size_t paths;     /* bytes of all of them: each repeats those around it, so that a long name costs as often as it has leaves */
  int depth, definition, repetition;
} builder;

static tl_status make_node(builder *b, tl_schema *out, bool is_element, tl_error *err);

/* The elements below the group at `at`, itself included; 0 when they run out. */
static size_t extent(const builder *b, size_t at) {
  size_t open = 1, i = at;
  for (; open > 0 && i < b->count; i++) open += (size_t)b->elements[i].children - 1;
  return open == 0 ? i - at : 0;
}

/* Levels and paths count what the file has, whatever shape it stands for. */
static builder enter(builder *b, const tl_element *e) {
  builder before = *b;
  b->definition += e->repetition != 0;
  b->repetition += e->repetition == 2;
  return before;
}
static void leave(builder *b, builder before) {
  before.at = b->at;
  before.paths = b->paths;
  *b = before;
}

static tl_status make_leaf(builder *b, tl_schema *out, const tl_element *e, tl_error *err) {
  tl_leaf *leaf = &b->meta->leaves[b->meta->leaf_count++];
  TL_TRY(make_field(&leaf->field, e, b->path, err));
  leaf->field.nullable = b->definition > 0;
  leaf->max_definition = b->definition;
  leaf->max_repetition = b->repetition;
  leaf->nested = b->depth > 2;
  leaf->converted_type = e->converted;
  out->shape = TL_SHAPE_VALUE;
  out->field = leaf->field;
  return TL_OK;
}

static tl_status make_children(builder *b, tl_schema *out, const tl_element *e, tl_error *err) {
  out->child_count = e->children;
  TL_TRY(tl_arena_take(b->arena, &out->children, (size_t)e->children + 1, sizeof *out->children, err));
  for (int i = 0; i < e->children; i++) TL_TRY(make_node(b, &out->children[i], false, err));
  return TL_OK;
}

/* Opens the element that comes next as a level of the path. */
static tl_status step_in(builder *b, const tl_element *e, tl_error *err) {
  if (b->depth > 0) TL_TRY(tl_arena_format(b->arena, &b->path, err, b->depth == 1 ? "%s%s" : "%s.%s", b->depth == 1 ? "" : b->path, e->name));
  b->paths += strlen(b->path);
  if (b->paths > MOST_PATHS) return tl_fail(err, TL_MEMORY, "the paths of the schema's columns take more than %d MB", MOST_PATHS >> 20);
  b->at++;
  return ++b->depth > MOST_DEPTH ? tl_fail(err, TL_CORRUPT, "the schema is nested deeper than %d", MOST_DEPTH) : TL_OK;
}

/* Whether the repeated child of a LIST is the element itself, as older writers have it, and not a layer around the element. */
static bool is_element_itself(const tl_element *list, const tl_element *child, const tl_element *grandchild) {
  if (child->children != 1 || grandchild->repetition == 2) return true;
  size_t size = strlen(list->name);
  return strcmp(child->name, "array") == 0 || (strncmp(child->name, list->name, size) == 0 && strcmp(child->name + size, "_tuple") == 0);
}

static tl_status make_list(builder *b, tl_schema *out, const tl_element *list, tl_error *err) {
  const tl_element *child = &b->elements[b->at];
  out->shape = TL_SHAPE_LIST;
  out->child_count = 1;
  TL_TRY(tl_arena_take(b->arena, &out->children, 1, sizeof *out->children, err));
  if (is_element_itself(list, child, child + 1)) return make_node(b, out->children, true, err);
  builder before = enter(b, child);
  TL_TRY(step_in(b, child, err));
  TL_TRY(make_node(b, out->children, false, err));
  leave(b, before);
  return TL_OK;
}

static tl_status make_map(builder *b, tl_schema *out, tl_error *err) {
  const tl_element *entry = &b->elements[b->at];
  builder before = enter(b, entry);
  TL_TRY(step_in(b, entry, err));
  TL_TRY(make_children(b, out, entry, err));
  out->shape = TL_SHAPE_MAP;
  leave(b, before);
  return TL_OK;
}

/* What a group is, apart from being optional or repeated itself. */
static tl_status make_group(builder *b, tl_schema *out, const tl_element *e, tl_error *err) {
  const tl_element *child = e + 1;
  bool one_repeated = e->children == 1 && child->repetition == 2;
  out->shape = TL_SHAPE_STRUCT;
  if (one_repeated && e->is_list) return make_list(b, out, e, err);
  if (one_repeated && e->is_map && (child->children == 1 || child->children == 2)) return make_map(b, out, err);
  return make_children(b, out, e, err);
}

/* The element that comes next. A repeated one outside of a LIST is a list of its own, that is always there. */
static tl_status make_node(builder *b, tl_schema *out, bool is_element, tl_error *err) {
  const tl_element *e = &b->elements[b->at];
  out->name = e->name;
  if (e->repetition == 2 && !is_element) {
    out->shape = TL_SHAPE_LIST;
    out->child_count = 1;
    TL_TRY(tl_arena_take(b->arena, &out->children, 1, sizeof *out->children, err));
    return make_node(b, out->children, true, err);
  }
  out->nullable = e->repetition == 1;
  builder before = enter(b, e);
  TL_TRY(step_in(b, e, err));
  TL_TRY(e->children == 0 ? make_leaf(b, out, e, err) : make_group(b, out, e, err));
  leave(b, before);
  return TL_OK;
}

/* The levels that the tree says must be those of the file: reading and writing go by the tree. */
static tl_status check_levels(const tl_meta *m, const tl_schema *n, tl_error *err) {
  const tl_leaf *leaf = &m->leaves[n->first_leaf];
  if (n->shape == TL_SHAPE_VALUE && (leaf->max_definition != n->definition || leaf->max_repetition != n->repetition))
    return tl_fail(err, TL_UNSUPPORTED, "column %s lies in groups of an unknown form", leaf->field.name);
  for (int i = 0; i < n->child_count; i++) TL_TRY(check_levels(m, &n->children[i], err));
  return TL_OK;
}

tl_status tl_schema_build(tl_meta *m, tl_arena *arena, const tl_element *elements, size_t count, tl_error *err) {
  builder b = {.meta = m, .arena = arena, .elements = elements, .count = count, .path = ""};
  for (size_t i = 0; i < count; i++)
    if (elements[i].children < 0 || (size_t)elements[i].children > count)
      return tl_fail(err, TL_CORRUPT, "the schema is damaged: a group of %d children", elements[i].children);
  size_t all = extent(&b, 0);
  if (all == 0) return tl_fail(err, TL_CORRUPT, "the schema ends inside a group");
  if (all != count) return tl_fail(err, TL_CORRUPT, "the schema has more elements than its groups hold");
  TL_TRY(tl_arena_take(arena, &m->leaves, count, sizeof *m->leaves, err));
  TL_TRY(tl_arena_take(arena, &m->schema, 1, sizeof *m->schema, err));
  m->schema->name = elements[0].name;
  m->schema->shape = TL_SHAPE_STRUCT;
  TL_TRY(step_in(&b, &elements[0], err));
  TL_TRY(make_children(&b, m->schema, &elements[0], err));
  tl_schema_number(m->schema);
  return check_levels(m, m->schema, err);
}
