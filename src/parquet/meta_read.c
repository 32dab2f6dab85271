/* Footer to structs. Every count is bounded by the bytes that are there (thrift.h), every size is checked against the file by
   the reader before use. */
#include <string.h>
#include "parquet/meta.h"
#include "parquet/thrift.h"

static tl_status damaged(tl_error *err) { return tl_fail(err, TL_CORRUPT, "the footer is damaged"); }

static tl_status copy_text(tl_arena *arena, const char **out, tl_bytes b, tl_error *err) {
  return tl_arena_text(arena, out, (const char *)b.data, b.size, err);
}

/* ---- logical types: a union; its members are structs ---- */

static void read_decimal(tl_thrift *t, tl_field *f) {
  for (tl_thrift_field s = {0}; tl_thrift_next(t, &s);) {
    if (s.id == 1)
      f->scale = (int32_t)tl_thrift_int(t, s);
    else if (s.id == 2)
      f->precision = (int32_t)tl_thrift_int(t, s);
    else
      tl_thrift_skip(t, s.type);
  }
}

static void read_time(tl_thrift *t, tl_field *f) {
  for (tl_thrift_field s = {0}; tl_thrift_next(t, &s);) {
    if (s.id == 1)
      f->utc = tl_thrift_bool(t, s);
    else if (s.id == 2 && s.type == TL_THRIFT_STRUCT) {
      for (tl_thrift_field u = {0}; tl_thrift_next(t, &u); tl_thrift_skip(t, u.type)) f->digits = u.id == 1 ? 3 : u.id == 2 ? 6 : 9;
    } else
      tl_thrift_skip(t, s.type);
  }
}

static void read_integer(tl_thrift *t, tl_field *f) {
  for (tl_thrift_field s = {0}; tl_thrift_next(t, &s);) {
    if (s.id == 1)
      f->bits = (int32_t)tl_thrift_int(t, s);
    else if (s.id == 2)
      f->is_unsigned = !tl_thrift_bool(t, s);
    else
      tl_thrift_skip(t, s.type);
  }
}

static void read_logical(tl_thrift *t, tl_element *e) {
  static const struct {
    int id;
    tl_logical logical;
  } members[] = {{1, TL_LOGICAL_STRING}, {4, TL_LOGICAL_ENUM},      {5, TL_LOGICAL_DECIMAL},  {6, TL_LOGICAL_DATE},
                 {7, TL_LOGICAL_TIME},   {8, TL_LOGICAL_TIMESTAMP}, {10, TL_LOGICAL_INTEGER}, {12, TL_LOGICAL_JSON},
                 {13, TL_LOGICAL_BSON},  {14, TL_LOGICAL_UUID},     {15, TL_LOGICAL_FLOAT16}};
  for (tl_thrift_field u = {0}; tl_thrift_next(t, &u);) {
    tl_logical logical = TL_LOGICAL_OTHER;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
      if (members[i].id == u.id) logical = members[i].logical;
    e->is_map |= u.id == 2;
    e->is_list |= u.id == 3;
    e->has_logical = true;
    e->logical.logical = logical;
    if (u.type != TL_THRIFT_STRUCT)
      tl_thrift_skip(t, u.type);
    else if (logical == TL_LOGICAL_DECIMAL)
      read_decimal(t, &e->logical);
    else if (logical == TL_LOGICAL_TIME || logical == TL_LOGICAL_TIMESTAMP)
      read_time(t, &e->logical);
    else if (logical == TL_LOGICAL_INTEGER)
      read_integer(t, &e->logical);
    else
      tl_thrift_skip(t, u.type);
  }
}

static tl_status read_element(tl_thrift *t, tl_arena *arena, tl_element *e, tl_error *err) {
  *e = (tl_element){.name = "", .type = -1, .converted = -1};
  for (tl_thrift_field s = {0}; tl_thrift_next(t, &s);) {
    switch (s.id) {
      case 1: e->type = (int)tl_thrift_int(t, s); break;
      case 2: e->fixed_length = (int)tl_thrift_int(t, s); break;
      case 3: e->repetition = (int)tl_thrift_int(t, s); break;
      case 4: TL_TRY(copy_text(arena, &e->name, tl_thrift_binary(t, s), err)); break;
      case 5: e->children = (int)tl_thrift_int(t, s); break;
      case 6: e->converted = (int)tl_thrift_int(t, s); break;
      case 7: e->scale = (int)tl_thrift_int(t, s); break;
      case 8: e->precision = (int)tl_thrift_int(t, s); break;
      case 10:
        if (s.type == TL_THRIFT_STRUCT) {
          read_logical(t, e);
          break;
        } /* fall through */
      default: tl_thrift_skip(t, s.type);
    }
  }
  e->is_map |= e->converted == 1 || e->converted == 2;
  e->is_list |= e->converted == 3;
  return t->failed ? damaged(err) : TL_OK;
}

/* ---- schema ---- */

static tl_status read_schema(tl_thrift *t, tl_arena *arena, tl_thrift_field field, tl_meta *m, tl_error *err) {
  tl_element *elements;
  tl_thrift_type type;
  size_t count = tl_thrift_list(t, field, &type);
  enum { LEAST_ELEMENT = 3 }; /* bytes: a schema that is claimed is not worth hundreds of times its bytes in memory */
  if (t->failed || type != TL_THRIFT_STRUCT || count == 0 || m->leaves != NULL || count > (size_t)(t->end - t->at) / LEAST_ELEMENT) return damaged(err);
  TL_TRY(tl_arena_take(arena, &elements, count, sizeof *elements, err));
  for (size_t i = 0; i < count; i++) TL_TRY(read_element(t, arena, &elements[i], err));
  return tl_schema_build(m, arena, elements, count, err);
}

/* ---- row groups ---- */

/* The old min and max (fields 1 and 2) have no defined order, so they are skipped. */
static void read_statistics(tl_thrift *t, tl_statistics *s) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 3)
      s->null_count = tl_thrift_int(t, f);
    else if (f.id == 5)
      s->max = tl_thrift_binary(t, f);
    else if (f.id == 6)
      s->min = tl_thrift_binary(t, f);
    else if (f.id == 7)
      s->max_inexact = !tl_thrift_bool(t, f);
    else if (f.id == 8)
      s->min_inexact = !tl_thrift_bool(t, f);
    else if (f.id == 9 && f.type == TL_THRIFT_I64)
      s->nan_count = tl_thrift_int(t, f);
    else
      tl_thrift_skip(t, f.type);
  }
}

/* Which encodings data pages have; one list entry a (page type, encoding). */
static void read_page_encodings(tl_thrift *t, tl_thrift_field f, tl_chunk *c) {
  tl_thrift_type type;
  size_t n = tl_thrift_list(t, f, &type);
  if (n > 0 && type != TL_THRIFT_STRUCT) t->failed = true;
  for (; n > 0 && !t->failed; n--) {
    int64_t page = -1, encoding = -1, pages = 0;
    for (tl_thrift_field s = {0}; tl_thrift_next(t, &s);) {
      if (s.id == 1)
        page = tl_thrift_int(t, s);
      else if (s.id == 2)
        encoding = tl_thrift_int(t, s);
      else if (s.id == 3)
        pages = tl_thrift_int(t, s);
      else
        tl_thrift_skip(t, s.type);
    }
    if ((page == 0 || page == 3) && pages > 0 && encoding >= 0 && encoding < 32) c->page_encodings |= 1u << encoding;
  }
}

static void read_size_statistics(tl_thrift *t, tl_chunk *c) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      c->byte_array_bytes = tl_thrift_int(t, f);
    else
      tl_thrift_skip(t, f.type);
  }
}

/* What later versions of the format added. Some writers had used their numbers for other things. */
static void read_later(tl_thrift *t, tl_thrift_field f, tl_chunk *c) {
  bool is_int = f.type == TL_THRIFT_I32 || f.type == TL_THRIFT_I64;
  if (f.id == 13 && f.type == TL_THRIFT_LIST)
    read_page_encodings(t, f, c);
  else if (f.id == 14 && is_int)
    c->bloom.offset = tl_thrift_int(t, f);
  else if (f.id == 15 && is_int)
    c->bloom.size = tl_thrift_int(t, f);
  else if (f.id == 16 && f.type == TL_THRIFT_STRUCT)
    read_size_statistics(t, c);
  else
    tl_thrift_skip(t, f.type);
}

static void read_chunk_meta(tl_thrift *t, tl_chunk *c) {
  tl_thrift_type type;
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    switch (f.id) {
      case 2:
        for (size_t n = tl_thrift_list(t, f, &type); n > 0 && !t->failed; n--) {
          int64_t e = tl_thrift_int(t, (tl_thrift_field){0, type});
          if (e >= 0 && e < 32) c->encodings |= 1u << e;
        }
        break;
      case 4: c->codec = (int)tl_thrift_int(t, f); break;
      case 5: c->value_count = tl_thrift_int(t, f); break;
      case 6: c->uncompressed_size = tl_thrift_int(t, f); break;
      case 7: c->compressed_size = tl_thrift_int(t, f); break;
      case 9: c->data_offset = tl_thrift_int(t, f); break;
      case 11: c->dictionary_offset = tl_thrift_int(t, f); break;
      case 12:
        if (f.type == TL_THRIFT_STRUCT)
          read_statistics(t, &c->statistics);
        else
          tl_thrift_skip(t, f.type);
        break;
      default: read_later(t, f, c);
    }
  }
}

static void read_chunk(tl_thrift *t, tl_chunk *c) {
  *c = (tl_chunk){.data_offset = -1,
                  .dictionary_offset = -1,
                  .statistics = {.null_count = -1, .nan_count = -1},
                  .codec = -1,
                  .column_index = {-1, 0},
                  .offset_index = {-1, 0},
                  .bloom = {-1, 0},
                  .byte_array_bytes = -1};
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      c->elsewhere = tl_thrift_binary(t, f).size > 0;
    else if (f.id == 3 && f.type == TL_THRIFT_STRUCT)
      read_chunk_meta(t, c);
    else if (f.id == 4)
      c->offset_index.offset = tl_thrift_int(t, f);
    else if (f.id == 5)
      c->offset_index.size = tl_thrift_int(t, f);
    else if (f.id == 6)
      c->column_index.offset = tl_thrift_int(t, f);
    else if (f.id == 7)
      c->column_index.size = tl_thrift_int(t, f);
    else {
      c->encrypted |= f.id == 8;
      tl_thrift_skip(t, f.type);
    }
  }
}

tl_chunk tl_meta_chunk(const tl_meta *m, int group, int leaf) {
  const tl_row_group *g = &m->groups[group];
  if (g->chunks != NULL) return g->chunks[leaf];
  tl_thrift t = tl_thrift_open(g->raw + g->starts[leaf], g->starts[leaf + 1] - g->starts[leaf]);
  tl_chunk c;
  read_chunk(&t, &c);
  if (t.failed)
    c = (tl_chunk){.damaged = true,
                   .data_offset = -1,
                   .dictionary_offset = -1,
                   .statistics = {.null_count = -1, .nan_count = -1},
                   .column_index = {-1, 0},
                   .offset_index = {-1, 0},
                   .bloom = {-1, 0},
                   .byte_array_bytes = -1};
  return c;
}

/* Where each chunk's words begin. */
static tl_status mark_chunks(tl_thrift *t, tl_arena *arena, tl_row_group *g, size_t count, tl_error *err) {
  uint32_t *starts;
  TL_TRY(tl_arena_take(arena, &starts, count + 1, sizeof *starts, err));
  g->raw = t->at;
  for (size_t i = 0; i < count && !t->failed; i++) {
    tl_thrift_skip(t, TL_THRIFT_STRUCT);
    if (t->at - g->raw > UINT32_MAX) t->failed = true;
    starts[i + 1] = (uint32_t)(t->at - g->raw);
  }
  g->starts = starts;
  return TL_OK;
}

static tl_status read_group(tl_thrift *t, tl_arena *arena, const tl_meta *m, tl_row_group *g, tl_error *err) {
  tl_thrift_type type;
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1) {
      size_t count = tl_thrift_list(t, f, &type);
      if (t->failed || type != TL_THRIFT_STRUCT || count != (size_t)m->leaf_count)
        return tl_fail(err, TL_CORRUPT, "a row group has %zu columns, the schema %d", count, m->leaf_count);
      TL_TRY(mark_chunks(t, arena, g, count, err));
    } else if (f.id == 2)
      g->byte_size = tl_thrift_int(t, f);
    else if (f.id == 3)
      g->row_count = tl_thrift_int(t, f);
    else if (f.id == 4 && f.type == TL_THRIFT_LIST) {
      size_t count = tl_thrift_list(t, f, &type);
      if (t->failed || (count > 0 && type != TL_THRIFT_STRUCT)) return damaged(err);
      TL_TRY(tl_arena_take(arena, &g->sorting, count, sizeof *g->sorting, err));
      for (g->sorting_count = 0; g->sorting_count < (int)count; g->sorting_count++) {
        tl_sorting *s = &g->sorting[g->sorting_count];
        for (tl_thrift_field k = {0}; tl_thrift_next(t, &k);) {
          if (k.id == 1)
            s->column = (int)tl_thrift_int(t, k);
          else if (k.id == 2)
            s->descending = tl_thrift_bool(t, k);
          else if (k.id == 3)
            s->nulls_first = tl_thrift_bool(t, k);
          else
            tl_thrift_skip(t, k.type);
        }
      }
    } else
      tl_thrift_skip(t, f.type);
    if (t->failed) return damaged(err);
  }
  if (t->failed) return damaged(err);
  if (g->starts == NULL && m->leaf_count > 0) return tl_fail(err, TL_CORRUPT, "a row group has no columns");
  return g->row_count < 0 ? tl_fail(err, TL_CORRUPT, "a row group of %lld rows", (long long)g->row_count) : TL_OK;
}

static tl_status read_key_values(tl_thrift *t, tl_arena *arena, tl_thrift_field field, tl_meta *m, tl_error *err) {
  tl_thrift_type type;
  size_t count = tl_thrift_list(t, field, &type);
  if (t->failed || (count > 0 && type != TL_THRIFT_STRUCT)) return damaged(err);
  TL_TRY(tl_arena_take(arena, &m->key_values, count, sizeof *m->key_values, err));
  for (m->key_value_count = 0; m->key_value_count < (int)count; m->key_value_count++) {
    tl_key_value *kv = &m->key_values[m->key_value_count];
    kv->key = kv->value = "";
    for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
      if (f.id == 1)
        TL_TRY(copy_text(arena, &kv->key, tl_thrift_binary(t, f), err));
      else if (f.id == 2)
        TL_TRY(copy_text(arena, &kv->value, tl_thrift_binary(t, f), err));
      else
        tl_thrift_skip(t, f.type);
    }
  }
  return t->failed ? damaged(err) : TL_OK;
}

/* The order of each column's bounds: 1 what its type says, 2 IEEE 754's total order; anything else is news to us. */
static tl_status read_orders(tl_thrift *t, tl_thrift_field field, tl_meta *m, tl_error *err) {
  tl_thrift_type type;
  size_t count = tl_thrift_list(t, field, &type);
  if (t->failed || (count > 0 && type != TL_THRIFT_STRUCT)) return damaged(err);
  for (size_t i = 0; i < count && !t->failed; i++) {
    int order = 0;
    for (tl_thrift_field f = {0}; tl_thrift_next(t, &f); tl_thrift_skip(t, f.type)) order = f.id;
    if (i < (size_t)m->leaf_count) m->leaves[i].unordered = order != 1 && order != 2, m->leaves[i].total_order = order == 2;
  }
  return t->failed ? damaged(err) : TL_OK;
}

tl_status tl_meta_parse(tl_meta *m, tl_arena *arena, tl_bytes footer, tl_error *err) {
  tl_thrift t = tl_thrift_open(footer.data, footer.size);
  *m = (tl_meta){.created_by = ""};
  for (tl_thrift_field f = {0}; tl_thrift_next(&t, &f);) {
    tl_thrift_type type;
    if (f.id == 1)
      m->version = (int)tl_thrift_int(&t, f);
    else if (f.id == 2)
      TL_TRY(read_schema(&t, arena, f, m, err));
    else if (f.id == 3)
      m->row_count = tl_thrift_int(&t, f);
    else if (f.id == 4) {
      size_t count = tl_thrift_list(&t, f, &type);
      if (t.failed || (count > 0 && type != TL_THRIFT_STRUCT) || m->leaves == NULL) return damaged(err);
      TL_TRY(tl_arena_take(arena, &m->groups, count, sizeof *m->groups, err));
      for (m->group_count = 0; m->group_count < (int)count; m->group_count++) TL_TRY(read_group(&t, arena, m, &m->groups[m->group_count], err));
    } else if (f.id == 5)
      TL_TRY(read_key_values(&t, arena, f, m, err));
    else if (f.id == 6)
      TL_TRY(copy_text(arena, &m->created_by, tl_thrift_binary(&t, f), err));
    else if (f.id == 7 && m->leaves != NULL)
      TL_TRY(read_orders(&t, f, m, err));
    else
      tl_thrift_skip(&t, f.type);
    if (t.failed) return damaged(err);
  }
  if (t.failed || m->leaves == NULL) return damaged(err);
  int64_t rows = 0;
  for (int g = 0; g < m->group_count; g++) {
    m->groups[g].first_row = rows;
    if (__builtin_add_overflow(rows, m->groups[g].row_count, &rows)) return damaged(err);
  }
  if (m->row_count != 0 && m->row_count != rows) /* some writers say 0 there: the groups are what is read */
    return tl_fail(err, TL_CORRUPT, "the footer is damaged: %lld rows, its row groups have %lld", (long long)m->row_count, (long long)rows);
  if (rows > 0 && m->leaf_count == 0) return tl_fail(err, TL_CORRUPT, "the footer is damaged: %lld rows of no columns", (long long)rows);
  m->row_count = rows;
  return TL_OK;
}

int tl_meta_leaf(const tl_meta *m, const char *name) {
  for (int i = 0; i < m->leaf_count; i++)
    if (strcmp(m->leaves[i].field.name, name) == 0) return i;
  return -1;
}

const char *tl_meta_value(const tl_meta *m, const char *key) {
  for (int i = 0; i < m->key_value_count; i++)
    if (strcmp(m->key_values[i].key, key) == 0) return m->key_values[i].value;
  return NULL;
}

const char *tl_encoding_name(int e) {
  static const char *const names[] = {"PLAIN",
                                      "?",
                                      "PLAIN_DICTIONARY",
                                      "RLE",
                                      "BIT_PACKED",
                                      "DELTA_BINARY_PACKED",
                                      "DELTA_LENGTH_BYTE_ARRAY",
                                      "DELTA_BYTE_ARRAY",
                                      "RLE_DICTIONARY",
                                      "BYTE_STREAM_SPLIT"};
  return e >= 0 && e < 10 ? names[e] : "unknown";
}
