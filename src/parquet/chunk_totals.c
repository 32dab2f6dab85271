#include "parquet/chunk_totals.h"
#include <string.h>
#include "column/compare.h"

bool tl_bound_load(tl_column *out, const tl_field *field, tl_bytes bound) {
  tl_field f = *field;
  bool bytes = f.physical == TL_PHYSICAL_BYTE_ARRAY;
  out->count = 0;
  if (bound.data == NULL || (!bytes && bound.size != (size_t)tl_field_width(&f))) return false;
  if (tl_column_reset(out, &f, 1, NULL) != TL_OK) return out->count = 0, false;
  if (!bytes) {
    if (bound.size > 0) memcpy(out->values, bound.data, bound.size);
    return true;
  }
  if (tl_buffer_append(&out->bytes, bound.data, bound.size, NULL) != TL_OK) return out->count = 0, false;
  out->offsets[1] = (int64_t)bound.size;
  return true;
}

void tl_chunk_totals_open(tl_chunk_totals *t, tl_env *env) {
  tl_column empty = {.env = env, .bytes = {.env = env}};
  *t = (tl_chunk_totals){.min = empty, .max = empty, .next = empty};
}

void tl_chunk_totals_free(tl_chunk_totals *t) {
  tl_column_free(&t->min);
  tl_column_free(&t->max);
  tl_column_free(&t->next);
  *t = (tl_chunk_totals){0};
}

/* More digits than are compared. */
static bool is_too_wide(const tl_field *f, tl_bytes bound) { return f->logical == TL_LOGICAL_DECIMAL && bound.size > 16; }

/* Keeps the bound that reaches farther; `side` -1: the minimum, 1: the maximum. */
static void widen(tl_chunk_totals *t, const tl_leaf *leaf, tl_bytes bound, bool inexact, int side) {
  tl_column *kept = side < 0 ? &t->min : &t->max;
  bool *kept_inexact = side < 0 ? &t->min_inexact : &t->max_inexact;
  if (is_too_wide(&leaf->field, bound) || !tl_bound_load(&t->next, &leaf->field, bound)) {
    t->bounds_unknown = true;
    return;
  }
  int order = kept->count == 0 ? side : tl_column_compare(&t->next, 0, kept, 0);
  if (order == 0) *kept_inexact &= inexact;
  if (order * side <= 0) return;
  tl_column swap = *kept;
  *kept = t->next;
  t->next = swap;
  *kept_inexact = inexact;
}

static void add_bounds(tl_chunk_totals *t, const tl_leaf *leaf, const tl_chunk *c) {
  const tl_statistics *s = &c->statistics;
  if (c->value_count == 0 || s->null_count == c->value_count || t->bounds_unknown) return;
  if (s->min.data == NULL || s->max.data == NULL || leaf->unordered)
    t->bounds_unknown = true;
  else {
    widen(t, leaf, s->min, s->min_inexact, -1);
    widen(t, leaf, s->max, s->max_inexact, 1);
  }
  if (t->bounds_unknown) t->min.count = t->max.count = 0;
}

static void add_index(tl_chunk_totals *t, const tl_chunk *c) {
  if (c->column_index.offset >= 0) t->with_column_index++, t->index_bytes += c->column_index.size > 0 ? c->column_index.size : 0;
  if (c->offset_index.offset >= 0) t->with_offset_index++, t->index_bytes += c->offset_index.size > 0 ? c->offset_index.size : 0;
  if (c->bloom.offset >= 0) t->with_bloom++, t->bloom_bytes += c->bloom.size > 0 ? c->bloom.size : 0;
}

static void grow(int64_t *sum, int64_t by) {
  if (by > 0 && __builtin_add_overflow(*sum, by, sum)) *sum = INT64_MAX;
}

void tl_chunk_totals_add(tl_chunk_totals *t, const tl_leaf *leaf, const tl_chunk *c) {
  t->chunks++;
  grow(&t->values, c->value_count);
  grow(&t->compressed_size, c->compressed_size);
  grow(&t->uncompressed_size, c->uncompressed_size);
  if (c->statistics.null_count < 0)
    t->nulls = -1;
  else if (t->nulls >= 0)
    grow(&t->nulls, c->statistics.null_count);
  t->codecs |= 1u << (c->codec >= 0 && c->codec < 31 ? c->codec : 31);
  t->encodings |= c->encodings;
  t->page_encodings |= c->page_encodings;
  t->with_page_encodings += c->page_encodings != 0;
  add_index(t, c);
  add_bounds(t, leaf, c);
}
