#include "parquet/index.h"
#include <string.h>
#include "parquet/thrift.h"

void tl_offset_index_free(tl_offset_index *x) {
  tl_release(x->env, x->pages);
  *x = (tl_offset_index){0};
}

void tl_column_index_free(tl_column_index *x) {
  tl_release(x->bytes.env, x->pages);
  tl_buffer_free(&x->bytes);
  *x = (tl_column_index){0};
}

static tl_status damaged(const char *what, tl_error *err) { return tl_fail(err, TL_CORRUPT, "the %s index is damaged", what); }

/* ---- where pages lie ---- */

static void read_place(tl_thrift *t, tl_page_place *p) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      p->offset = tl_thrift_int(t, f);
    else if (f.id == 2)
      p->size = tl_thrift_int(t, f);
    else if (f.id == 3)
      p->first_row = tl_thrift_int(t, f);
    else
      tl_thrift_skip(t, f.type);
  }
}

/* Where there is no dictionary's place, the first data page may lie behind a dictionary that the footer takes for it. */
static bool begins_well(const tl_offset_index *x, const tl_chunk *c) {
  bool told = c->dictionary_offset > 0 && c->dictionary_offset < c->data_offset;
  return x->pages[0].first_row == 0 && (x->pages[0].offset == c->data_offset || !told);
}

/* Pages follow each other inside of the chunk and of the file, in bytes and in rows. */
static bool is_sound(const tl_offset_index *x, const tl_chunk *c, int64_t size, int64_t rows) {
  if (c->data_offset < 4 || c->data_offset > size - 8) return false;
  int64_t left = size - 8 - c->data_offset, end = c->data_offset + (c->compressed_size < left ? c->compressed_size : left), at = c->data_offset, row = -1;
  for (int64_t i = 0; i < x->count; i++) {
    const tl_page_place *p = &x->pages[i];
    if (p->offset < at || p->size <= 0 || p->offset > end || p->size > end - p->offset || p->first_row <= row || p->first_row >= rows) return false;
    at = p->offset + p->size;
    row = p->first_row;
  }
  return begins_well(x, c);
}

static tl_status parse_places(tl_offset_index *x, tl_thrift *t, tl_error *err) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    tl_thrift_type type;
    if (f.id != 1 || x->pages != NULL) {
      tl_thrift_skip(t, f.type);
      continue;
    }
    size_t count = tl_thrift_list(t, f, &type);
    if (t->failed || count == 0 || type != TL_THRIFT_STRUCT) return damaged("offset", err);
    TL_TRY(tl_allocate_zeroed(x->env, &x->pages, count, sizeof *x->pages, err));
    for (x->count = 0; x->count < (int64_t)count; x->count++) read_place(t, &x->pages[x->count]);
  }
  return t->failed ? damaged("offset", err) : TL_OK;
}

tl_status tl_offset_index_load(tl_offset_index *x, tl_parquet *file, int group, int leaf, tl_error *err) {
  tl_chunk chunk = tl_meta_chunk(&file->meta, group, leaf), *c = &chunk;
  *x = (tl_offset_index){.env = file->env};
  if (c->offset_index.offset < 0 || c->offset_index.size <= 0) return TL_OK;
  TL_OWNED(tl_buffer) bytes = {.env = file->env};
  TL_TRY(tl_parquet_bytes(file, c->offset_index, "offset index", &bytes, err));
  tl_thrift t = tl_thrift_open(bytes.data, bytes.size);
  tl_status status = parse_places(x, &t, err);
  if (status == TL_OK && x->count > 0 && !is_sound(x, c, file->size, file->meta.groups[group].row_count)) status = damaged("offset", err);
  if (status != TL_OK) tl_offset_index_free(x);
  return status;
}

/* ---- what is in them ---- */

static tl_status take_flags(tl_column_index *x, tl_thrift *t, tl_thrift_field f, tl_error *err) {
  tl_thrift_type type;
  size_t count = tl_thrift_list(t, f, &type);
  if (t->failed || x->pages != NULL || count == 0 || (type != TL_THRIFT_TRUE && type != TL_THRIFT_FALSE)) return damaged("column", err);
  TL_TRY(tl_allocate_zeroed(x->bytes.env, &x->pages, count, sizeof *x->pages, err));
  x->count = (int64_t)count;
  for (size_t i = 0; i < count; i++) {
    if (t->at == t->end) return damaged("column", err);
    x->pages[i] = (tl_page_bounds){.all_null = *t->at++ == 1, .null_count = -1};
  }
  return TL_OK;
}

static tl_status take_bounds(tl_column_index *x, tl_thrift *t, tl_thrift_field f, tl_error *err) {
  tl_thrift_type type;
  size_t count = tl_thrift_list(t, f, &type);
  if (t->failed || (int64_t)count != x->count) return damaged("column", err);
  for (size_t i = 0; i < count; i++) {
    tl_bytes b = {0};
    int64_t n = 0;
    if (f.id == 5)
      n = tl_thrift_int(t, (tl_thrift_field){0, type});
    else
      b = tl_thrift_binary(t, (tl_thrift_field){0, type});
    if (f.id == 2) x->pages[i].min = b;
    if (f.id == 3) x->pages[i].max = b;
    if (f.id == 5) x->pages[i].null_count = n;
  }
  return TL_OK;
}

static tl_status parse_bounds(tl_column_index *x, tl_thrift *t, tl_error *err) {
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      TL_TRY(take_flags(x, t, f, err));
    else if (f.id == 2 || f.id == 3 || f.id == 5)
      TL_TRY(take_bounds(x, t, f, err));
    else if (f.id == 4)
      x->order = (int)tl_thrift_int(t, f);
    else
      tl_thrift_skip(t, f.type);
  }
  for (int64_t i = 0; i < x->count; i++)
    if (x->pages[i].all_null) x->pages[i].min = x->pages[i].max = (tl_bytes){0};
  return t->failed ? damaged("column", err) : TL_OK;
}

tl_status tl_column_index_load(tl_column_index *x, tl_parquet *file, int group, int leaf, tl_error *err) {
  tl_chunk chunk = tl_meta_chunk(&file->meta, group, leaf), *c = &chunk;
  *x = (tl_column_index){.bytes = {.env = file->env}};
  if (c->column_index.offset < 0 || c->column_index.size <= 0) return TL_OK;
  tl_status status = tl_parquet_bytes(file, c->column_index, "column index", &x->bytes, err);
  if (status == TL_OK) {
    tl_thrift t = tl_thrift_open(x->bytes.data, x->bytes.size);
    status = parse_bounds(x, &t, err);
  }
  if (status != TL_OK) tl_column_index_free(x);
  return status;
}
