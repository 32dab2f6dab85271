/* Structs to footer. */
#include <string.h>
#include "parquet/meta.h"
#include "parquet/thrift.h"

/* The older annotation beside the logical type, for readers that know only that; -1 where there is none. */
static int converted_of(const tl_field *f) {
  switch (f->logical) {
    case TL_LOGICAL_STRING: return 0;
    case TL_LOGICAL_ENUM: return 4;
    case TL_LOGICAL_DECIMAL: return 5;
    case TL_LOGICAL_DATE: return 6;
    case TL_LOGICAL_TIME: return !f->utc || f->digits == 9 ? -1 : f->digits == 3 ? 7 : 8;
    case TL_LOGICAL_TIMESTAMP: return !f->utc || f->digits == 9 ? -1 : f->digits == 3 ? 9 : 10;
    case TL_LOGICAL_INTEGER: return (f->is_unsigned ? 11 : 15) + (f->bits == 64 ? 3 : f->bits == 32 ? 2 : f->bits == 16 ? 1 : 0);
    case TL_LOGICAL_JSON: return 19;
    case TL_LOGICAL_BSON: return 20;
    default: return -1;
  }
}

static void put_unit(tl_thrift_out *t, int digits) {
  tl_thrift_open_struct(t, 2);
  tl_thrift_open_struct(t, digits == 3 ? 1 : digits == 6 ? 2 : 3);
  tl_thrift_close_struct(t);
  tl_thrift_close_struct(t);
}

static void put_logical(tl_thrift_out *t, const tl_field *f) {
  static const int ids[] = {[TL_LOGICAL_STRING] = 1, [TL_LOGICAL_ENUM] = 4,      [TL_LOGICAL_DECIMAL] = 5,  [TL_LOGICAL_DATE] = 6,
                            [TL_LOGICAL_TIME] = 7,   [TL_LOGICAL_TIMESTAMP] = 8, [TL_LOGICAL_INTEGER] = 10, [TL_LOGICAL_JSON] = 12,
                            [TL_LOGICAL_BSON] = 13,  [TL_LOGICAL_UUID] = 14,     [TL_LOGICAL_FLOAT16] = 15, [TL_LOGICAL_OTHER] = 0};
  if (ids[f->logical] == 0) return;
  tl_thrift_open_struct(t, 10);
  tl_thrift_open_struct(t, ids[f->logical]);
  if (f->logical == TL_LOGICAL_DECIMAL) {
    tl_thrift_put_int(t, 1, TL_THRIFT_I32, f->scale);
    tl_thrift_put_int(t, 2, TL_THRIFT_I32, f->precision);
  } else if (f->logical == TL_LOGICAL_TIME || f->logical == TL_LOGICAL_TIMESTAMP) {
    tl_thrift_put_bool(t, 1, f->utc);
    put_unit(t, f->digits);
  } else if (f->logical == TL_LOGICAL_INTEGER) {
    tl_thrift_put_int(t, 1, TL_THRIFT_BYTE, f->bits);
    tl_thrift_put_bool(t, 2, !f->is_unsigned);
  }
  tl_thrift_close_struct(t);
  tl_thrift_close_struct(t);
}

static void put_value(tl_thrift_out *t, const tl_schema *n) {
  const tl_field *f = &n->field;
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_int(t, 1, TL_THRIFT_I32, f->physical);
  if (f->physical == TL_PHYSICAL_FIXED) tl_thrift_put_int(t, 2, TL_THRIFT_I32, f->fixed_size);
  tl_thrift_put_int(t, 3, TL_THRIFT_I32, n->nullable);
  tl_thrift_put_text(t, 4, n->name);
  if (converted_of(f) >= 0) tl_thrift_put_int(t, 6, TL_THRIFT_I32, converted_of(f));
  if (f->logical == TL_LOGICAL_DECIMAL) {
    tl_thrift_put_int(t, 7, TL_THRIFT_I32, f->scale);
    tl_thrift_put_int(t, 8, TL_THRIFT_I32, f->precision);
  }
  put_logical(t, f);
  tl_thrift_close_struct(t);
}

/* A group; `logical`: its annotation's number in the union, 0 for none. */
static void put_group_element(tl_thrift_out *t, const char *name, int repetition, int children, int converted, int logical) {
  tl_thrift_open_struct(t, 0);
  if (repetition >= 0) tl_thrift_put_int(t, 3, TL_THRIFT_I32, repetition);
  tl_thrift_put_text(t, 4, name);
  tl_thrift_put_int(t, 5, TL_THRIFT_I32, children);
  if (converted >= 0) tl_thrift_put_int(t, 6, TL_THRIFT_I32, converted);
  if (logical > 0) {
    tl_thrift_open_struct(t, 10);
    tl_thrift_open_struct(t, logical);
    tl_thrift_close_struct(t);
    tl_thrift_close_struct(t);
  }
  tl_thrift_close_struct(t);
}

/* The names that the format wants for what lies between a list or map and its values. */
static const char *const list_names[] = {"element"}, *const map_names[] = {"key", "value"};

static void put_element(tl_thrift_out *t, const tl_schema *n, const char *name) {
  tl_schema named = *n;
  named.name = name;
  bool list = n->shape == TL_SHAPE_LIST, map = n->shape == TL_SHAPE_MAP;
  if (n->shape == TL_SHAPE_VALUE) {
    put_value(t, &named);
    return;
  }
  put_group_element(t, name, n->nullable, list || map ? 1 : n->child_count, list ? 3 : map ? 1 : -1, list ? 3 : map ? 2 : 0);
  if (list || map) put_group_element(t, list ? "list" : "key_value", 2, n->child_count, -1, 0);
  for (int i = 0; i < n->child_count; i++) put_element(t, &n->children[i], list ? list_names[i] : map ? map_names[i] : n->children[i].name);
}

static size_t count_elements(const tl_schema *n) {
  size_t count = n->shape == TL_SHAPE_LIST || n->shape == TL_SHAPE_MAP ? 2 : 1;
  for (int i = 0; i < n->child_count; i++) count += count_elements(&n->children[i]);
  return count;
}

static void put_schema(tl_thrift_out *t, const tl_meta *m) {
  tl_thrift_put_list(t, 2, TL_THRIFT_STRUCT, count_elements(m->schema));
  put_group_element(t, "schema", -1, m->schema->child_count, -1, 0);
  for (int i = 0; i < m->schema->child_count; i++) put_element(t, &m->schema->children[i], m->schema->children[i].name);
}

/* ---- leaves of a schema ---- */

enum { MOST_PATH = 256 };

static tl_status add_leaves(const tl_schema *n, const char *name, const char **path, int depth, tl_arena *arena, tl_leaf *leaves, tl_error *err) {
  bool list = n->shape == TL_SHAPE_LIST, map = n->shape == TL_SHAPE_MAP;
  if (depth + 2 >= MOST_PATH) return tl_fail(err, TL_UNSUPPORTED, "a schema nested deeper than %d", MOST_PATH / 2);
  path[depth++] = name;
  if (list || map) path[depth++] = list ? "list" : "key_value";
  for (int i = 0; i < n->child_count; i++)
    TL_TRY(add_leaves(&n->children[i], list ? list_names[i] : map ? map_names[i] : n->children[i].name, path, depth, arena, leaves, err));
  if (n->shape != TL_SHAPE_VALUE) return TL_OK;
  tl_leaf *leaf = &leaves[n->first_leaf];
  const char **copy, *dotted = path[0];
  *leaf = (tl_leaf){.field = n->field, .max_definition = n->definition, .max_repetition = n->repetition, .nested = depth > 1, .converted_type = -1};
  TL_TRY(tl_arena_take(arena, &copy, (size_t)depth, sizeof *copy, err));
  for (int i = 0; i < depth; i++) {
    TL_TRY(tl_arena_text(arena, &copy[i], path[i], strlen(path[i]), err));
    if (i > 0) TL_TRY(tl_arena_format(arena, &dotted, err, "%s.%s", dotted, path[i]));
  }
  if (depth == 1) dotted = copy[0];
  leaf->field.name = dotted;
  leaf->path = copy;
  leaf->path_count = depth;
  return TL_OK;
}

tl_status tl_schema_leaves(const tl_schema *root, tl_arena *arena, tl_leaf *leaves, tl_error *err) {
  const char *path[MOST_PATH];
  for (int i = 0; i < root->child_count; i++) TL_TRY(add_leaves(&root->children[i], root->children[i].name, path, 0, arena, leaves, err));
  return TL_OK;
}

/* ---- row groups ---- */

static void put_statistics(tl_thrift_out *t, const tl_statistics *s) {
  if (s->null_count < 0 && s->min.data == NULL) return;
  tl_thrift_open_struct(t, 12);
  if (s->null_count >= 0) tl_thrift_put_int(t, 3, TL_THRIFT_I64, s->null_count);
  if (s->min.data != NULL) {
    tl_thrift_put_binary(t, 5, s->max.data, s->max.size);
    tl_thrift_put_binary(t, 6, s->min.data, s->min.size);
    tl_thrift_put_bool(t, 7, !s->max_inexact); /* whether they are values of the column, or beyond them */
    tl_thrift_put_bool(t, 8, !s->min_inexact);
  }
  if (s->nan_count >= 0) tl_thrift_put_int(t, 9, TL_THRIFT_I64, s->nan_count);
  tl_thrift_close_struct(t);
}

/* Pages by kind and encoding: readers see from it that every page has codes. */
static void put_page_encodings(tl_thrift_out *t, const tl_chunk *c) {
  bool dictionary = c->dictionary_offset >= 0;
  if (c->page_encodings == 0) return;
  tl_thrift_put_list(t, 13, TL_THRIFT_STRUCT, (size_t)(dictionary + __builtin_popcount(c->page_encodings)));
  for (int e = -1; e < TL_ENCODING_COUNT; e++) {
    if (e < 0 ? !dictionary : !(c->page_encodings >> e & 1)) continue;
    tl_thrift_open_struct(t, 0);
    tl_thrift_put_int(t, 1, TL_THRIFT_I32, e < 0 ? 2 : 0);
    tl_thrift_put_int(t, 2, TL_THRIFT_I32, e < 0 ? TL_ENCODING_PLAIN : e);
    tl_thrift_put_int(t, 3, TL_THRIFT_I32, e < 0 ? 1 : c->page_count);
    tl_thrift_close_struct(t);
  }
}

static void put_chunk(tl_thrift_out *t, const tl_leaf *leaf, const tl_chunk *c) {
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_int(t, 2, TL_THRIFT_I64, c->dictionary_offset >= 0 ? c->dictionary_offset : c->data_offset);
  tl_thrift_open_struct(t, 3);
  tl_thrift_put_int(t, 1, TL_THRIFT_I32, leaf->field.physical);
  tl_thrift_put_list(t, 2, TL_THRIFT_I32, (size_t)__builtin_popcount(c->encodings));
  for (int e = 0; e < 32; e++)
    if (c->encodings >> e & 1) tl_thrift_element_int(t, e);
  tl_thrift_put_list(t, 3, TL_THRIFT_BINARY, (size_t)leaf->path_count);
  for (int i = 0; i < leaf->path_count; i++) tl_thrift_element_text(t, leaf->path[i]);
  tl_thrift_put_int(t, 4, TL_THRIFT_I32, c->codec);
  tl_thrift_put_int(t, 5, TL_THRIFT_I64, c->value_count);
  tl_thrift_put_int(t, 6, TL_THRIFT_I64, c->uncompressed_size);
  tl_thrift_put_int(t, 7, TL_THRIFT_I64, c->compressed_size);
  tl_thrift_put_int(t, 9, TL_THRIFT_I64, c->data_offset);
  if (c->dictionary_offset >= 0) tl_thrift_put_int(t, 11, TL_THRIFT_I64, c->dictionary_offset);
  put_statistics(t, &c->statistics);
  put_page_encodings(t, c);
  if (c->bloom.offset >= 0) {
    tl_thrift_put_int(t, 14, TL_THRIFT_I64, c->bloom.offset);
    tl_thrift_put_int(t, 15, TL_THRIFT_I32, c->bloom.size);
  }
  if (c->byte_array_bytes >= 0) {
    tl_thrift_open_struct(t, 16);
    tl_thrift_put_int(t, 1, TL_THRIFT_I64, c->byte_array_bytes);
    tl_thrift_close_struct(t);
  }
  tl_thrift_close_struct(t);
  if (c->offset_index.offset >= 0) {
    tl_thrift_put_int(t, 4, TL_THRIFT_I64, c->offset_index.offset);
    tl_thrift_put_int(t, 5, TL_THRIFT_I32, c->offset_index.size);
  }
  if (c->column_index.offset >= 0) {
    tl_thrift_put_int(t, 6, TL_THRIFT_I64, c->column_index.offset);
    tl_thrift_put_int(t, 7, TL_THRIFT_I32, c->column_index.size);
  }
  tl_thrift_close_struct(t);
}

static void put_group(tl_thrift_out *t, const tl_meta *m, const tl_row_group *g) {
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_list(t, 1, TL_THRIFT_STRUCT, (size_t)m->leaf_count);
  for (int i = 0; i < m->leaf_count; i++) put_chunk(t, &m->leaves[i], &g->chunks[i]);
  tl_thrift_put_int(t, 2, TL_THRIFT_I64, g->byte_size);
  tl_thrift_put_int(t, 3, TL_THRIFT_I64, g->row_count);
  if (g->sorting_count > 0) {
    tl_thrift_put_list(t, 4, TL_THRIFT_STRUCT, (size_t)g->sorting_count);
    for (int i = 0; i < g->sorting_count; i++) {
      tl_thrift_open_struct(t, 0);
      tl_thrift_put_int(t, 1, TL_THRIFT_I32, g->sorting[i].column);
      tl_thrift_put_bool(t, 2, g->sorting[i].descending);
      tl_thrift_put_bool(t, 3, g->sorting[i].nulls_first);
      tl_thrift_close_struct(t);
    }
  }
  tl_thrift_put_int(t, 5, TL_THRIFT_I64, g->offset);
  tl_thrift_put_int(t, 6, TL_THRIFT_I64, g->compressed_size);
  tl_thrift_close_struct(t);
}

tl_status tl_meta_write_group(tl_buffer *out, const tl_meta *m, const tl_row_group *g, tl_error *err) {
  tl_thrift_out writer = {.out = out, .err = err, .depth = -1};
  put_group(&writer, m, g);
  return writer.status;
}

tl_status tl_meta_write(tl_buffer *out, const tl_meta *m, size_t *groups_at, tl_error *err) {
  tl_thrift_out writer = {.out = out, .err = err, .depth = -1}, *t = &writer;
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_int(t, 1, TL_THRIFT_I32, m->version);
  put_schema(t, m);
  tl_thrift_put_int(t, 3, TL_THRIFT_I64, m->row_count);
  tl_thrift_put_list(t, 4, TL_THRIFT_STRUCT, (size_t)m->group_count);
  *groups_at = out->size;
  if (m->key_value_count > 0) {
    tl_thrift_put_list(t, 5, TL_THRIFT_STRUCT, (size_t)m->key_value_count);
    for (int i = 0; i < m->key_value_count; i++) {
      tl_thrift_open_struct(t, 0);
      tl_thrift_put_text(t, 1, m->key_values[i].key);
      tl_thrift_put_text(t, 2, m->key_values[i].value);
      tl_thrift_close_struct(t);
    }
  }
  tl_thrift_put_text(t, 6, m->created_by);
  /* column orders: min and max are in the order that the type defines */
  tl_thrift_put_list(t, 7, TL_THRIFT_STRUCT, (size_t)m->leaf_count);
  for (int i = 0; i < m->leaf_count; i++) {
    tl_thrift_open_struct(t, 0);
    tl_thrift_open_struct(t, 1);
    tl_thrift_close_struct(t);
    tl_thrift_close_struct(t);
  }
  tl_thrift_close_struct(t);
  return t->status;
}
