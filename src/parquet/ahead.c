#include "parquet/ahead.h"

enum { NEAR = 1 << 16, MOST = 256 };

static bool extent_of(const tl_parquet *f, const tl_chunk *c, tl_extent *out) {
  out->offset = c->dictionary_offset > 0 && c->dictionary_offset < c->data_offset ? c->dictionary_offset : c->data_offset;
  out->size = c->compressed_size;
  return out->offset >= 4 && out->size > 0 && out->offset < f->size && out->size <= f->size - out->offset;
}

int tl_plan_ranges(const tl_parquet *f, int group, const int *leaves, int count, tl_extent *out) {
  int ranges = 0, kept = 0;
  for (int i = 0; i < count; i++) { /* by offset: a sort by insertion, of what is nearly sorted */
    tl_extent e;
    tl_chunk chunk = tl_meta_chunk(&f->meta, group, leaves[i]);
    if (!extent_of(f, &chunk, &e)) continue;
    int at = ranges++;
    for (; at > 0 && out[at - 1].offset > e.offset; at--) out[at] = out[at - 1];
    out[at] = e;
  }
  for (int i = 1; i < ranges; i++) {
    tl_extent *last = &out[kept];
    int64_t end = last->offset + last->size;
    if (out[i].offset <= end + NEAR)
      last->size = (out[i].offset + out[i].size > end ? out[i].offset + out[i].size : end) - last->offset;
    else
      out[++kept] = out[i];
  }
  return ranges > 0 ? kept + 1 : 0;
}

void tl_read_ahead(tl_parquet *f, int group, const int *leaves, int count) {
  tl_extent ranges[MOST];
  if (f->env->will_read == NULL || tl_parquet_view(f, 0) != NULL) return;
  for (int at = 0; at < count; at += MOST) {
    int n = tl_plan_ranges(f, group, leaves + at, count - at < MOST ? count - at : MOST, ranges);
    for (int i = 0; i < n; i++) f->env->will_read(f->env, f->handle, ranges[i].offset, ranges[i].size);
  }
}
