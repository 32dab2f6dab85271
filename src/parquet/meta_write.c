/* Structs to footer: flat schemas, as this version writes them. */
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

static void put_schema(tl_thrift_out *t, const tl_meta *m) {
  tl_thrift_put_list(t, 2, TL_THRIFT_STRUCT, (size_t)m->leaf_count + 1);
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_text(t, 4, "schema");
  tl_thrift_put_int(t, 5, TL_THRIFT_I32, m->leaf_count);
  tl_thrift_close_struct(t);
  for (int i = 0; i < m->leaf_count; i++) {
    const tl_field *f = &m->leaves[i].field;
    tl_thrift_open_struct(t, 0);
    tl_thrift_put_int(t, 1, TL_THRIFT_I32, f->physical);
    if (f->physical == TL_PHYSICAL_FIXED) tl_thrift_put_int(t, 2, TL_THRIFT_I32, f->fixed_size);
    tl_thrift_put_int(t, 3, TL_THRIFT_I32, f->nullable);
    tl_thrift_put_text(t, 4, f->name);
    if (converted_of(f) >= 0) tl_thrift_put_int(t, 6, TL_THRIFT_I32, converted_of(f));
    if (f->logical == TL_LOGICAL_DECIMAL) {
      tl_thrift_put_int(t, 7, TL_THRIFT_I32, f->scale);
      tl_thrift_put_int(t, 8, TL_THRIFT_I32, f->precision);
    }
    put_logical(t, f);
    tl_thrift_close_struct(t);
  }
}

static void put_statistics(tl_thrift_out *t, const tl_statistics *s) {
  if (s->null_count < 0 && s->min.data == NULL) return;
  tl_thrift_open_struct(t, 12);
  if (s->null_count >= 0) tl_thrift_put_int(t, 3, TL_THRIFT_I64, s->null_count);
  if (s->min.data != NULL) {
    tl_thrift_put_binary(t, 5, s->max.data, s->max.size);
    tl_thrift_put_binary(t, 6, s->min.data, s->min.size);
    tl_thrift_put_bool(t, 7, true); /* both are values of the column, not bounds */
    tl_thrift_put_bool(t, 8, true);
  }
  tl_thrift_close_struct(t);
}

static void put_chunk(tl_thrift_out *t, const tl_leaf *leaf, const tl_chunk *c) {
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_int(t, 2, TL_THRIFT_I64, c->dictionary_offset >= 0 ? c->dictionary_offset : c->data_offset);
  tl_thrift_open_struct(t, 3);
  tl_thrift_put_int(t, 1, TL_THRIFT_I32, leaf->field.physical);
  tl_thrift_put_list(t, 2, TL_THRIFT_I32, (size_t)__builtin_popcount(c->encodings));
  for (int e = 0; e < 32; e++)
    if (c->encodings >> e & 1) tl_thrift_element_int(t, e);
  tl_thrift_put_list(t, 3, TL_THRIFT_BINARY, 1);
  tl_thrift_element_text(t, leaf->field.name);
  tl_thrift_put_int(t, 4, TL_THRIFT_I32, c->codec);
  tl_thrift_put_int(t, 5, TL_THRIFT_I64, c->value_count);
  tl_thrift_put_int(t, 6, TL_THRIFT_I64, c->uncompressed_size);
  tl_thrift_put_int(t, 7, TL_THRIFT_I64, c->compressed_size);
  tl_thrift_put_int(t, 9, TL_THRIFT_I64, c->data_offset);
  if (c->dictionary_offset >= 0) tl_thrift_put_int(t, 11, TL_THRIFT_I64, c->dictionary_offset);
  put_statistics(t, &c->statistics);
  tl_thrift_close_struct(t);
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
