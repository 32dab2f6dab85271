#include "column/array.h"
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/text.h"
#include "column/bits.h"

tl_status tl_array_open(tl_array *a, tl_env *env, const tl_schema *node, tl_error *err) {
  *a = (tl_array){.env = env, .node = node, .column = {.env = env, .bytes = {.env = env}}};
  if (node->child_count > 0) {
    TL_TRY(tl_allocate_zeroed(env, &a->children, (size_t)node->child_count, sizeof *a->children, err));
    for (int i = 0; i < node->child_count; i++) TL_TRY(tl_array_open(&a->children[i], env, &node->children[i], err));
  }
  return tl_array_clear(a, err);
}

void tl_array_free(tl_array *a) {
  if (a->env == NULL) return;
  for (int i = 0; a->children != NULL && i < a->node->child_count; i++) tl_array_free(&a->children[i]);
  tl_release(a->env, a->children);
  tl_release(a->env, a->valid);
  tl_release(a->env, a->offsets);
  tl_column_free(&a->column);
  *a = (tl_array){0};
}

static bool repeats(const tl_array *a) { return a->node->shape == TL_SHAPE_LIST || a->node->shape == TL_SHAPE_MAP; }

tl_status tl_array_clear(tl_array *a, tl_error *err) {
  a->count = a->null_count = 0;
  tl_release(a->env, a->valid);
  a->valid = NULL;
  a->valid_capacity = 0;
  if (a->node->shape == TL_SHAPE_VALUE) return tl_column_reset(&a->column, &a->node->field, 0, err);
  if (repeats(a)) {
    TL_TRY(tl_renew(a->env, &a->offsets, &a->offset_capacity, 1, sizeof *a->offsets, err));
    a->offsets[0] = 0;
  }
  for (int i = 0; i < a->node->child_count; i++) TL_TRY(tl_array_clear(&a->children[i], err));
  return TL_OK;
}

/* ---- growing ---- */

tl_status tl_array_append(tl_array *out, const tl_array *in, int64_t from, int64_t count, tl_error *err) {
  if (count <= 0) return TL_OK;
  if (out->node->shape == TL_SHAPE_VALUE) {
    TL_TRY(tl_column_append(&out->column, &in->column, from, count, err));
    out->count = out->column.count, out->null_count = out->column.null_count;
    return TL_OK;
  }
  TL_TRY(tl_bits_append(out->env, &out->valid, &out->valid_capacity, out->count, in->valid, from, count, true, &out->null_count, err));
  int64_t first = from, many = count;
  if (repeats(out)) {
    TL_TRY(tl_reserve(out->env, &out->offsets, &out->offset_capacity, (size_t)(out->count + count) + 1, sizeof *out->offsets, err));
    first = in->offsets[from], many = in->offsets[from + count] - first;
    int64_t shift = out->offsets[out->count] - first;
    for (int64_t i = 1; i <= count; i++) out->offsets[out->count + i] = in->offsets[from + i] + shift;
  }
  for (int i = 0; i < out->node->child_count; i++) TL_TRY(tl_array_append(&out->children[i], &in->children[i], first, many, err));
  out->count += count;
  return TL_OK;
}

tl_status tl_array_gather(tl_array *out, const tl_array *const *sources, const uint16_t *from, const uint32_t *rows, int64_t count, tl_error *err) {
  for (int64_t i = 0, n; i < count; i += n) { /* neighbours at once */
    uint16_t source = from != NULL ? from[i] : 0;
    for (n = 1; i + n < count && rows[i + n] == rows[i] + (uint32_t)n && (from == NULL || from[i + n] == source);) n++;
    TL_TRY(tl_array_append(out, sources[source], rows[i], n, err));
  }
  return TL_OK;
}

tl_status tl_array_append_null(tl_array *out, int64_t count, tl_error *err) {
  if (count <= 0) return TL_OK;
  if (out->node->shape == TL_SHAPE_VALUE) {
    TL_TRY(tl_column_append_null(&out->column, count, err));
    out->count = out->column.count, out->null_count = out->column.null_count;
    return TL_OK;
  }
  TL_TRY(tl_bits_append(out->env, &out->valid, &out->valid_capacity, out->count, NULL, 0, count, false, &out->null_count, err));
  if (repeats(out)) {
    TL_TRY(tl_reserve(out->env, &out->offsets, &out->offset_capacity, (size_t)(out->count + count) + 1, sizeof *out->offsets, err));
    for (int64_t i = 1; i <= count; i++) out->offsets[out->count + i] = out->offsets[out->count];
  } else
    for (int i = 0; i < out->node->child_count; i++) TL_TRY(tl_array_append_null(&out->children[i], count, err));
  out->count += count;
  return TL_OK;
}

int64_t tl_array_bytes(const tl_array *a) {
  const tl_column *c = &a->column;
  int64_t size = a->count / 8 + (repeats(a) ? a->count * 8 : 0);
  if (a->node->shape == TL_SHAPE_VALUE)
    size += c->dictionary != NULL ? a->count * 4 : a->count * tl_field_width(&c->field) + (c->offsets != NULL ? a->count * 8 + (int64_t)c->bytes.size : 0);
  for (int i = 0; i < a->node->child_count; i++) size += tl_array_bytes(&a->children[i]);
  return size;
}

/* ---- text ---- */

/* An entry of a map: the key alone where there are no values. */
static tl_status entry_json(const tl_array *a, int64_t at, tl_buffer *out, tl_error *err) {
  if (a->node->child_count == 1) return tl_array_json(&a->children[0], at, out, err);
  TL_TRY(tl_buffer_text(out, "{\"key\":", err));
  TL_TRY(tl_array_json(&a->children[0], at, out, err));
  TL_TRY(tl_buffer_text(out, ",\"value\":", err));
  TL_TRY(tl_array_json(&a->children[1], at, out, err));
  return tl_buffer_byte(out, '}', err);
}

static tl_status struct_json(const tl_array *a, int64_t row, tl_buffer *out, tl_error *err) {
  TL_TRY(tl_buffer_byte(out, '{', err));
  for (int i = 0; i < a->node->child_count; i++) {
    if (i > 0) TL_TRY(tl_buffer_byte(out, ',', err));
    TL_TRY(tl_json_text(out, a->node->children[i].name, strlen(a->node->children[i].name), err));
    TL_TRY(tl_buffer_byte(out, ':', err));
    TL_TRY(tl_array_json(&a->children[i], row, out, err));
  }
  return tl_buffer_byte(out, '}', err);
}

tl_status tl_array_json(const tl_array *a, int64_t row, tl_buffer *out, tl_error *err) {
  if (a->node->shape == TL_SHAPE_VALUE) return tl_column_json(&a->column, row, out, err);
  if (!tl_array_is_valid(a, row)) return tl_buffer_text(out, "null", err);
  if (a->node->shape == TL_SHAPE_STRUCT) return struct_json(a, row, out, err);
  TL_TRY(tl_buffer_byte(out, '[', err));
  for (int64_t i = a->offsets[row]; i < a->offsets[row + 1]; i++) {
    if (i > a->offsets[row]) TL_TRY(tl_buffer_byte(out, ',', err));
    TL_TRY(a->node->shape == TL_SHAPE_MAP ? entry_json(a, i, out, err) : tl_array_json(&a->children[0], i, out, err));
  }
  return tl_buffer_byte(out, ']', err);
}

tl_status tl_array_text(const tl_array *a, int64_t row, tl_buffer *out, tl_error *err) {
  if (a->node->shape == TL_SHAPE_VALUE) return tl_column_text(&a->column, row, out, err);
  return tl_array_is_valid(a, row) ? tl_array_json(a, row, out, err) : TL_OK;
}

/* ---- hash ---- */

/* Where a value begins and ends is hashed too: [[1],[2]] is not [[1,2]]. */
uint64_t tl_array_hash(const tl_array *a, int64_t row, uint64_t seed) {
  enum { OPEN_STRUCT = 11, OPEN_LIST, OPEN_MAP };
  if (a->node->shape == TL_SHAPE_VALUE) return tl_column_hash(&a->column, row, seed);
  if (!tl_array_is_valid(a, row)) return tl_hash_missing(seed);
  bool list = repeats(a);
  int64_t from = list ? a->offsets[row] : row, to = list ? a->offsets[row + 1] : row + 1;
  uint64_t head[2] = {(uint64_t)(OPEN_STRUCT + (int)a->node->shape - TL_SHAPE_STRUCT), (uint64_t)(to - from)};
  uint64_t hash = XXH3_64bits_withSeed(head, sizeof head, seed);
  for (int64_t i = from; i < to; i++)
    for (int k = 0; k < a->node->child_count; k++) hash = tl_array_hash(&a->children[k], i, hash);
  return hash;
}

/* ---- batches ---- */

tl_status tl_batch_open(tl_batch *b, tl_env *env, const tl_schema *schema, tl_error *err) {
  *b = (tl_batch){.env = env, .schema = schema};
  if (schema->child_count == 0) return TL_OK;
  TL_TRY(tl_allocate_zeroed(env, &b->columns, (size_t)schema->child_count, sizeof *b->columns, err));
  for (int i = 0; i < schema->child_count; i++) {
    tl_status status = tl_array_open(&b->columns[i], env, &schema->children[i], err);
    if (status != TL_OK) {
      tl_batch_free(b);
      return status;
    }
  }
  return TL_OK;
}

void tl_batch_free(tl_batch *b) {
  if (b->env == NULL) return;
  for (int i = 0; b->columns != NULL && i < b->schema->child_count; i++) tl_array_free(&b->columns[i]);
  tl_release(b->env, b->columns);
  *b = (tl_batch){0};
}

tl_status tl_batch_clear(tl_batch *b, tl_error *err) {
  b->rows = 0;
  for (int i = 0; i < b->schema->child_count; i++) TL_TRY(tl_array_clear(&b->columns[i], err));
  return TL_OK;
}

tl_status tl_batch_append(tl_batch *out, const tl_batch *in, int64_t from, int64_t count, tl_error *err) {
  for (int i = 0; i < out->schema->child_count; i++) TL_TRY(tl_array_append(&out->columns[i], &in->columns[i], from, count, err));
  out->rows += count;
  return TL_OK;
}

static tl_status gather_column(tl_array *out, const tl_batch *const *sources, int source_count, int column, const uint16_t *from, const uint32_t *rows,
                               int64_t count, tl_buffer *memory, tl_error *err) {
  bool value = out->node->shape == TL_SHAPE_VALUE;
  memory->size = 0;
  TL_TRY(tl_buffer_reserve(memory, (size_t)source_count * sizeof(void *), err));
  const void **of = (const void **)(void *)memory->data;
  for (int i = 0; i < source_count; i++) of[i] = value ? (const void *)&sources[i]->columns[column].column : (const void *)&sources[i]->columns[column];
  if (!value) return tl_array_gather(out, (const tl_array *const *)(const void *)of, from, rows, count, err);
  TL_TRY(tl_column_gather(&out->column, (const tl_column *const *)(const void *)of, from, rows, count, err));
  out->count = out->column.count, out->null_count = out->column.null_count;
  return TL_OK;
}

tl_status tl_batch_gather(tl_batch *out, const tl_batch *const *sources, int source_count, const uint16_t *from, const uint32_t *rows, int64_t count,
                          tl_error *err) {
  TL_OWNED(tl_buffer) memory = {.env = out->env};
  for (int i = 0; i < out->schema->child_count; i++) TL_TRY(gather_column(&out->columns[i], sources, source_count, i, from, rows, count, &memory, err));
  out->rows += count;
  return TL_OK;
}

int64_t tl_batch_bytes(const tl_batch *b) {
  int64_t size = 0;
  for (int i = 0; i < b->schema->child_count; i++) size += tl_array_bytes(&b->columns[i]);
  return size;
}

/* ---- cutting ---- */

static void cut_array(tl_array *a, int64_t count) {
  if (a->node->shape == TL_SHAPE_VALUE) {
    tl_column *c = &a->column;
    c->count = count;
    if (c->valid != NULL) c->null_count = count - tl_bits_count(c->valid, 0, count);
    if (c->offsets != NULL && c->dictionary == NULL && c->field.physical == TL_PHYSICAL_BYTE_ARRAY) c->bytes.size = (size_t)c->offsets[count];
    a->count = count, a->null_count = c->null_count;
    return;
  }
  a->count = count;
  if (a->valid != NULL) a->null_count = count - tl_bits_count(a->valid, 0, count);
  for (int i = 0; i < a->node->child_count; i++) cut_array(&a->children[i], repeats(a) ? a->offsets[count] : count);
}

void tl_batch_cut(tl_batch *b, int64_t rows) {
  for (int i = 0; i < b->schema->child_count; i++) cut_array(&b->columns[i], rows);
  b->rows = rows;
}
