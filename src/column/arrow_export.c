/* Batches out. Each node of the tree becomes an array that owns its memory and can be moved and released by itself; its buffers are
   those of our column where the layout is the same, and are rewritten in place where values only become narrower. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "column/arrow_inside.h"
#include "column/bits.h"
#include "column/number.h"

/* What a buffer without bytes points at: some consumers want a pointer. */
static const _Alignas(64) uint8_t nothing[64];

/* ---- arrays that own what they show ---- */

enum { MOST_BUFFERS = 3 };

/* In one block with the children. */
typedef struct held_array {
  tl_env *env;
  const void *buffers[MOST_BUFFERS];
  void *blocks[MOST_BUFFERS];
  struct ArrowArray dictionary;
  struct ArrowArray *pointers[]; /* then the children */
} held_array;

/* A child that was moved away has no release any more; what moved away is somebody else's. */
static void release_array(struct ArrowArray *a) {
  held_array *h = a->private_data;
  for (int64_t i = 0; i < a->n_children; i++)
    if (a->children[i]->release != NULL) a->children[i]->release(a->children[i]);
  if (a->dictionary != NULL && a->dictionary->release != NULL) a->dictionary->release(a->dictionary);
  for (int i = 0; i < MOST_BUFFERS; i++) tl_release(h->env, h->blocks[i]);
  tl_release(h->env, h);
  a->release = NULL;
}

static tl_status make_array(struct ArrowArray *out, tl_env *env, int64_t rows, int64_t nulls, int buffers, int children, tl_error *err) {
  held_array *h;
  size_t each = sizeof(struct ArrowArray *) + sizeof(struct ArrowArray);
  TL_TRY(tl_allocate_zeroed(env, &h, 1, sizeof *h + (size_t)children * each, err));
  struct ArrowArray *first = (struct ArrowArray *)(void *)(h->pointers + children);
  h->env = env;
  for (int i = 0; i < children; i++) h->pointers[i] = &first[i];
  *out = (struct ArrowArray){.length = rows, .null_count = nulls, .n_buffers = buffers, .n_children = children, .buffers = h->buffers, .private_data = h};
  if (children > 0) out->children = h->pointers;
  out->release = release_array;
  for (int i = 1; i < buffers; i++) h->buffers[i] = nothing; /* no bitmap: all are there */
  return TL_OK;
}

/* Memory of the environment becomes a buffer of the array. */
static void give(struct ArrowArray *out, int buffer, void *memory) {
  held_array *h = out->private_data;
  if (memory != NULL) h->buffers[buffer] = h->blocks[buffer] = memory;
}

/* Rows that are missing only because what holds them is, are no longer told apart where none may be missing by itself. */
static void give_valid(struct ArrowArray *out, const tl_schema *node, uint8_t **valid) {
  if (!node->nullable || out->null_count == 0) {
    out->null_count = 0;
    return;
  }
  give(out, 0, *valid);
  *valid = NULL;
}

/* ---- values ---- */

static tl_status to_bits(tl_column *c, struct ArrowArray *out, tl_error *err) {
  uint8_t *bits;
  TL_TRY(tl_allocate_zeroed(c->env, &bits, (size_t)c->count / 8 + 64, 1, err));
  for (int64_t i = 0; i < c->count; i++) bits[i >> 3] |= (uint8_t)((unsigned)(c->values[i] != 0) << (i & 7));
  give(out, 1, bits);
  return TL_OK;
}

/* The low bytes of 32-bit integers, in place. */
static void narrow(uint8_t *values, int64_t count, int width) {
  for (int64_t i = 0; i < count; i++) memmove(values + i * width, values + i * 4, (size_t)width);
}

static tl_status from_int96(const tl_arrow_place *place, tl_column *c, tl_error *err) {
  for (int64_t i = 0; i < c->count; i++) {
    int64_t out = 0;
    if (tl_column_is_valid(c, i)) {
      __int128 ns = tl_int96_ns(c->values + i * 12);
      out = (int64_t)ns;
      if (out != ns) return tl__arrow_fail(place, err, TL_UNSUPPORTED, "row %" PRId64 ": a time that nanoseconds in 64 bits do not reach", i);
    }
    memcpy(c->values + i * 8, &out, sizeof out);
  }
  return TL_OK;
}

/* Ours: INT32, INT64, or big-endian in any number of bytes. */
static bool decimal_to(const tl_column *c, int64_t row, uint8_t *out, int width) {
  uint8_t little[64];
  tl_bytes v = tl_column_bytes(c, row);
  if (c->field.physical == TL_PHYSICAL_INT32 || c->field.physical == TL_PHYSICAL_INT64) return tl__arrow_resize(v.data, (int)v.size, out, width);
  while (v.size > sizeof little && (v.data[0] == 0 || v.data[0] == 0xff) && (v.data[0] ^ v.data[1]) < 0x80) v.data++, v.size--;
  if (v.size > sizeof little) return false;
  tl__arrow_reverse(little, v.data, (int)v.size);
  return tl__arrow_resize(little, (int)v.size, out, width);
}

static tl_status to_decimal(const tl_arrow_place *place, const tl_column *c, int width, struct ArrowArray *out, tl_error *err) {
  uint8_t *values;
  TL_TRY(tl_allocate_zeroed(c->env, &values, (size_t)c->count + 1, (size_t)width, err));
  give(out, 1, values);
  for (int64_t i = 0; i < c->count; i++)
    if (tl_column_is_valid(c, i) && !decimal_to(c, i, values + i * width, width))
      return tl__arrow_fail(place, err, TL_UNSUPPORTED, "row %" PRId64 ": a decimal of more than %d bits", i, width * 8);
  return TL_OK;
}

static tl_status export_texts(const tl_arrow_place *place, tl_column *c, struct ArrowArray *out, tl_error *err) {
  if (tl_field_is_text(&c->field)) TL_TRY(tl__arrow_check_text(place, c, 0, err));
  give(out, 1, c->offsets);
  give(out, 2, c->bytes.data);
  c->offsets = NULL;
  c->bytes = (tl_buffer){.env = c->env};
  return TL_OK;
}

static tl_status export_values(const tl_arrow_place *place, const tl_schema *node, tl_column *c, struct ArrowArray *out, tl_error *err) {
  char format[TL_ARROW_FORMAT];
  int width;
  bool bytes = c->field.physical == TL_PHYSICAL_BYTE_ARRAY;
  tl_arrow_form form = tl__arrow_form(&c->field, format, &width);
  TL_TRY(make_array(out, c->env, c->count, c->null_count, bytes && form == TL_ARROW_AS_IT_IS ? 3 : 2, 0, err));
  switch (form) {
    case TL_ARROW_AS_IT_IS:
      if (bytes) TL_TRY(export_texts(place, c, out, err));
      break;
    case TL_ARROW_TO_BITS: TL_TRY(to_bits(c, out, err)); break;
    case TL_ARROW_TO_BYTES: narrow(c->values, c->count, 1); break;
    case TL_ARROW_TO_SHORTS: narrow(c->values, c->count, 2); break;
    case TL_ARROW_FROM_INT96: TL_TRY(from_int96(place, c, err)); break;
    case TL_ARROW_TO_DECIMAL: TL_TRY(to_decimal(place, c, width, out, err)); break;
  }
  if (out->buffers[1] == nothing) {
    give(out, 1, c->values);
    c->values = NULL;
  }
  give_valid(out, node, &c->valid);
  return TL_OK;
}

/* Codes are ours to give away, the dictionary is copied. */
static tl_status export_codes(const tl_arrow_place *place, tl_array *a, struct ArrowArray *out, tl_error *err) {
  tl_column *c = &a->column;
  tl_schema node = {.name = a->node->name, .field = c->field, .nullable = true};
  TL_OWNED(tl_column) values = {.env = c->env, .bytes = {.env = c->env}};
  TL_TRY(make_array(out, c->env, c->count, c->null_count, 2, 0, err));
  held_array *h = out->private_data;
  TL_TRY(tl_column_reset(&values, &c->field, 0, err));
  TL_TRY(tl_column_append(&values, c->dictionary, 0, c->dictionary->count, err));
  out->dictionary = &h->dictionary;
  TL_TRY(export_values(place, &node, &values, out->dictionary, err));
  give(out, 1, c->codes);
  c->codes = NULL;
  give_valid(out, a->node, &c->valid);
  return TL_OK;
}

/* ---- trees ---- */

static tl_status export_node(const tl_arrow_place *place, tl_array *a, bool dictionaries, struct ArrowArray *out, tl_error *err);

static tl_status export_children(const tl_arrow_place *place, tl_array *a, bool dictionaries, struct ArrowArray *out, tl_error *err) {
  for (int i = 0; i < a->node->child_count; i++) {
    tl_arrow_place child = tl__arrow_below(place, a->node->children[i].name, &a->children[i]);
    TL_TRY(export_node(&child, &a->children[i], dictionaries, out->children[i], err));
  }
  return TL_OK;
}

/* 64-bit offsets as 32-bit ones, in place. */
static tl_status narrow_offsets(const tl_arrow_place *place, tl_array *a, tl_error *err) {
  if (a->offsets[a->count] > INT32_MAX)
    return tl__arrow_fail(place, err, TL_UNSUPPORTED, "a map of %" PRId64 " entries at once; Arrow's offsets have 32 bits", a->offsets[a->count]);
  for (int64_t i = 0; i <= a->count; i++) {
    int32_t offset = (int32_t)a->offsets[i];
    memcpy((uint8_t *)a->offsets + i * 4, &offset, sizeof offset);
  }
  return TL_OK;
}

static bool is_map(const tl_schema *n) { return n->shape == TL_SHAPE_MAP && n->child_count == 2; }

/* A map is a list of structs of a key, which is there, and a value. */
static tl_status export_map(const tl_arrow_place *place, tl_array *a, bool dictionaries, struct ArrowArray *out, tl_error *err) {
  int64_t entries = a->offsets[a->count];
  if (a->children[0].null_count > 0) return tl__arrow_fail(place, err, TL_UNSUPPORTED, "a key of a map is missing");
  TL_TRY(make_array(out->children[0], a->env, entries, 0, 1, 2, err));
  TL_TRY(export_children(place, a, dictionaries, out->children[0], err));
  return narrow_offsets(place, a, err);
}

static tl_status export_node(const tl_arrow_place *place, tl_array *a, bool dictionaries, struct ArrowArray *out, tl_error *err) {
  const tl_schema *n = a->node;
  bool list = n->shape == TL_SHAPE_LIST || n->shape == TL_SHAPE_MAP;
  if (n->shape == TL_SHAPE_VALUE) {
    if (a->column.dictionary != NULL && dictionaries) return export_codes(place, a, out, err);
    TL_TRY(tl_column_flatten(&a->column, INT64_MAX, err));
    return export_values(place, n, &a->column, out, err);
  }
  TL_TRY(make_array(out, a->env, a->count, a->null_count, list ? 2 : 1, is_map(n) ? 1 : n->child_count, err));
  TL_TRY(is_map(n) ? export_map(place, a, dictionaries, out, err) : export_children(place, a, dictionaries, out, err));
  if (list) {
    give(out, 1, a->offsets);
    a->offsets = NULL;
  }
  give_valid(out, n, &a->valid);
  return TL_OK;
}

/* ---- schemas ---- */

/* In one block with the children, the name and the metadata. */
typedef struct held_schema {
  tl_env *env;
  char format[TL_ARROW_FORMAT];
  struct ArrowSchema dictionary;
  struct ArrowSchema *pointers[];
} held_schema;

static void release_schema(struct ArrowSchema *s) {
  held_schema *h = s->private_data;
  for (int64_t i = 0; i < s->n_children; i++)
    if (s->children[i]->release != NULL) s->children[i]->release(s->children[i]);
  if (s->dictionary != NULL && s->dictionary->release != NULL) s->dictionary->release(s->dictionary);
  tl_release(h->env, h);
  s->release = NULL;
}

static size_t add(char *out, const void *data, size_t size) {
  memcpy(out, data, size);
  return size;
}

/* The name of an extension type, as metadata. */
static void put_extension(char *out, const char *name) {
  static const char *const keys[] = {"ARROW:extension:name", "ARROW:extension:metadata"};
  const char *const values[] = {name, ""};
  int32_t size = 2;
  out += add(out, &size, sizeof size);
  for (int i = 0; i < 2; i++) {
    size = (int32_t)strlen(keys[i]);
    out += add(out, &size, sizeof size);
    out += add(out, keys[i], strlen(keys[i]));
    size = (int32_t)strlen(values[i]);
    out += add(out, &size, sizeof size);
    out += add(out, values[i], strlen(values[i]));
  }
}

static tl_status make_schema(struct ArrowSchema *out, tl_env *env, const char *format, const char *name, bool nullable, int children, const char *extension,
                             tl_error *err) {
  enum { EXTENSION_ROOM = 128 };
  held_schema *h;
  if (name == NULL) name = "";
  size_t each = sizeof(struct ArrowSchema *) + sizeof(struct ArrowSchema), tree = sizeof *h + (size_t)children * each;
  TL_TRY(tl_allocate_zeroed(env, &h, 1, tree + EXTENSION_ROOM + strlen(name) + 1, err));
  struct ArrowSchema *first = (struct ArrowSchema *)(void *)(h->pointers + children);
  char *metadata = (char *)h + tree, *copy = metadata + EXTENSION_ROOM;
  h->env = env;
  for (int i = 0; i < children; i++) h->pointers[i] = &first[i];
  snprintf(h->format, sizeof h->format, "%s", format);
  memcpy(copy, name, strlen(name) + 1);
  if (extension != NULL) put_extension(metadata, extension);
  *out = (struct ArrowSchema){.format = h->format, .name = copy, .flags = nullable ? ARROW_FLAG_NULLABLE : 0, .n_children = children, .private_data = h};
  if (extension != NULL) out->metadata = metadata;
  if (children > 0) out->children = h->pointers;
  out->release = release_schema;
  return TL_OK;
}

static tl_status value_schema(struct ArrowSchema *out, tl_env *env, const tl_schema *n, bool codes, tl_error *err) {
  char format[TL_ARROW_FORMAT];
  int width;
  const char *extension = n->field.logical == TL_LOGICAL_UUID ? tl__arrow_uuid : NULL;
  (void)tl__arrow_form(&n->field, format, &width);
  if (!codes) return make_schema(out, env, format, n->name, n->nullable, 0, extension, err);
  TL_TRY(make_schema(out, env, "I", n->name, n->nullable, 0, NULL, err));
  held_schema *h = out->private_data;
  out->dictionary = &h->dictionary;
  return make_schema(out->dictionary, env, format, "", true, 0, extension, err);
}

/* `a`: the array whose dictionaries stay; NULL: none do. */
static tl_status node_schema(struct ArrowSchema *out, tl_env *env, const tl_schema *n, const tl_array *a, tl_error *err) {
  static const char *const formats[] = {[TL_SHAPE_STRUCT] = "+s", [TL_SHAPE_LIST] = "+L", [TL_SHAPE_MAP] = "+L"};
  bool map = is_map(n);
  if (n->shape == TL_SHAPE_VALUE) return value_schema(out, env, n, a != NULL && a->column.dictionary != NULL, err);
  TL_TRY(make_schema(out, env, map ? "+m" : formats[n->shape], n->name, n->nullable, map ? 1 : n->child_count, NULL, err));
  struct ArrowSchema *holder = out;
  if (map) {
    holder = out->children[0];
    TL_TRY(make_schema(holder, env, "+s", "entries", false, 2, NULL, err));
  }
  for (int i = 0; i < n->child_count; i++) TL_TRY(node_schema(holder->children[i], env, &n->children[i], a != NULL ? &a->children[i] : NULL, err));
  if (map) holder->children[0]->flags &= ~ARROW_FLAG_NULLABLE;
  return TL_OK;
}

static tl_status export_schema(struct ArrowSchema *out, tl_env *env, const tl_schema *schema, const tl_array *columns, tl_error *err) {
  struct ArrowSchema s = {0};
  tl_status status = make_schema(&s, env, "+s", "", false, schema->child_count, NULL, err);
  for (int i = 0; status == TL_OK && i < schema->child_count; i++)
    status = node_schema(s.children[i], env, &schema->children[i], columns != NULL ? &columns[i] : NULL, err);
  if (status != TL_OK && s.release != NULL) s.release(&s);
  *out = s;
  return status;
}

tl_status tl_arrow_schema_export(struct ArrowSchema *out, tl_env *env, const tl_schema *schema, tl_error *err) {
  return export_schema(out, env, schema, NULL, err);
}

/* ---- batches ---- */

static tl_status export_columns(tl_batch *b, bool dictionaries, struct ArrowArray *out, tl_error *err) {
  TL_TRY(make_array(out, b->env, b->rows, 0, 1, b->schema->child_count, err));
  for (int i = 0; i < b->schema->child_count; i++) {
    tl_arrow_place place = tl__arrow_below(NULL, b->schema->children[i].name, &b->columns[i]);
    TL_TRY(tl__arrow_check_required(&place, err));
    TL_TRY(export_node(&place, &b->columns[i], dictionaries, out->children[i], err));
  }
  return TL_OK;
}

tl_status tl_batch_export(tl_batch *batch, bool dictionaries, struct ArrowSchema *schema, struct ArrowArray *out, tl_error *err) {
  struct ArrowArray array = {0};
  struct ArrowSchema described = {0};
  tl_status status = schema != NULL ? export_schema(&described, batch->env, batch->schema, dictionaries ? batch->columns : NULL, err) : TL_OK;
  if (status == TL_OK) status = export_columns(batch, dictionaries, &array, err);
  tl_batch_free(batch);
  if (status != TL_OK && array.release != NULL) array.release(&array);
  if (status != TL_OK && described.release != NULL) described.release(&described);
  *out = status == TL_OK ? array : (struct ArrowArray){0};
  if (schema != NULL) *schema = status == TL_OK ? described : (struct ArrowSchema){0};
  return status;
}
