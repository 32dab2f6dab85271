#include "lake/order.h"
#include <string.h>
#include "column/compare.h"
#include "lake/scan.h"
#include "parquet/chunk_totals.h"

enum { MOST_KEYS = 32 };

/* Some columns of a file, batch after batch, with the last row of the batch before. */
typedef struct reading {
  tl_scan scan;
  tl_scan_reader reader;
  int leaves[MOST_KEYS];
  tl_column last[MOST_KEYS];
  int count;
  bool has_last;
} reading;

static void reading_free(reading *r) {
  tl_scan_reader_free(&r->reader);
  tl_scan_free(&r->scan);
  for (int i = 0; i < r->count; i++) tl_column_free(&r->last[i]);
}

static tl_status reading_open(reading *r, const tl_parquet *file, tl_error *err) {
  const char *names[MOST_KEYS];
  for (int i = 0; i < r->count; i++) {
    names[i] = file->meta.leaves[r->leaves[i]].field.name;
    r->last[i] = (tl_column){.env = file->env, .bytes = {.env = file->env}};
  }
  TL_TRY(tl_scan_open(&r->scan, file->env, file->path, (tl_scan_options){.columns = names, .column_count = (size_t)r->count}, err));
  return tl_scan_reader_open(&r->reader, &r->scan, err);
}

static const tl_column *column_of(const reading *r, int i) { return &r->reader.columns[i]->column; }

/* Keeps the batch's last row, as values: its dictionary may be gone with the next batch. */
static tl_status keep_last(reading *r, tl_error *err) {
  for (int i = 0; i < r->count; i++) {
    const tl_column *c = column_of(r, i);
    TL_TRY(tl_column_reset(&r->last[i], &c->field, 0, err));
    TL_TRY(tl_column_append(&r->last[i], c, r->reader.rows - 1, 1, err));
  }
  r->has_last = true;
  return TL_OK;
}

/* ---- what is claimed ---- */

static bool same_claim(const tl_row_group *a, const tl_row_group *b) {
  if (a->sorting_count != b->sorting_count) return false;
  for (int i = 0; i < a->sorting_count; i++)
    if (a->sorting[i].column != b->sorting[i].column || a->sorting[i].descending != b->sorting[i].descending ||
        a->sorting[i].nulls_first != b->sorting[i].nulls_first)
      return false;
  return true;
}

void tl_order_claimed(tl_order *out, const tl_meta *m) {
  *out = (tl_order){.broken_row = -1, .same = true};
  for (int g = 0; g < m->group_count; g++) {
    out->claiming += m->groups[g].sorting_count > 0;
    out->same &= g == 0 || same_claim(&m->groups[g], &m->groups[g - 1]);
  }
  if (out->claiming > 0) out->verdict = TL_ORDER_UNVERIFIED;
}

static int slot_of(const reading *r, int leaf) {
  for (int i = 0; i < r->count; i++)
    if (r->leaves[i] == leaf) return i;
  return -1;
}

/* The leaves that any row group claims to be sorted by. */
static tl_status collect_keys(reading *r, const tl_meta *m, tl_error *err) {
  for (int g = 0; g < m->group_count; g++)
    for (int k = 0; k < m->groups[g].sorting_count; k++) {
      int leaf = m->groups[g].sorting[k].column;
      if (leaf < 0 || leaf >= m->leaf_count) return tl_fail(err, TL_CORRUPT, "row group %d is sorted by column %d, the file has %d", g, leaf, m->leaf_count);
      if (m->leaves[leaf].nested || m->leaves[leaf].max_repetition > 0)
        return tl_fail(err, TL_UNSUPPORTED, "sorted by %s, which lies in another column", m->leaves[leaf].field.name);
      if (slot_of(r, leaf) >= 0) continue;
      if (r->count == MOST_KEYS) return tl_fail(err, TL_UNSUPPORTED, "sorted by more than %d columns", MOST_KEYS);
      r->leaves[r->count++] = leaf;
    }
  return TL_OK;
}

/* ---- comparing ---- */

static int compare_values(const tl_sorting *key, const tl_column *a, int64_t i, const tl_column *b, int64_t j) {
  bool x = tl_column_is_valid(a, i), y = tl_column_is_valid(b, j);
  if (!x || !y) return key->nulls_first ? x - y : y - x;
  int order = tl_column_compare(a, i, b, j);
  return key->descending ? -order : order;
}

/* Row `row` of the batch against the row before it: above 0 where it should have come first. */
static int compare_rows(const reading *r, const tl_row_group *g, int64_t row) {
  for (int k = 0; k < g->sorting_count; k++) {
    int slot = slot_of(r, g->sorting[k].column);
    const tl_column *c = column_of(r, slot);
    int order = row > 0 ? compare_values(&g->sorting[k], c, row - 1, c, row) : compare_values(&g->sorting[k], &r->last[slot], 0, c, 0);
    if (order != 0) return order;
  }
  return 0;
}

static tl_status verify_rows(reading *r, tl_order *out, const tl_meta *m, tl_error *err) {
  for (int last_group = -1;;) {
    TL_TRY(tl_scan_reader_next(&r->reader, err));
    if (r->reader.rows == 0) break;
    int group = r->reader.part.group;
    const tl_row_group *g = &m->groups[group];
    bool begins = group != last_group;
    if (begins && r->has_last) out->across &= same_claim(g, &m->groups[last_group]) && compare_rows(r, g, 0) <= 0;
    for (int64_t row = begins ? 1 : 0; row < r->reader.rows; row++) {
      if (compare_rows(r, g, row) <= 0) continue;
      out->verdict = TL_ORDER_BROKEN;
      out->across = false;
      out->broken_row = r->reader.first_row + row;
      return TL_OK;
    }
    TL_TRY(keep_last(r, err));
    last_group = group;
  }
  out->verdict = TL_ORDER_VERIFIED;
  return TL_OK;
}

tl_status tl_order_verify(tl_order *out, const tl_parquet *file, tl_error *err) {
  reading r = {0};
  tl_order_claimed(out, &file->meta);
  if (out->claiming == 0) return TL_OK;
  out->across = out->same;
  tl_status status = collect_keys(&r, &file->meta, err);
  if (status == TL_OK) status = reading_open(&r, file, err);
  if (status == TL_OK) status = verify_rows(&r, out, &file->meta, err);
  reading_free(&r);
  return status;
}

/* ---- what is not claimed ---- */

static tl_status find_break(reading *r, const tl_row_group *order, int64_t *broken_row, tl_error *err) {
  for (;;) {
    TL_TRY(tl_scan_reader_next(&r->reader, err));
    if (r->reader.rows == 0) return TL_OK;
    for (int64_t row = r->has_last ? 0 : 1; row < r->reader.rows; row++) {
      if (compare_rows(r, order, row) <= 0) continue;
      *broken_row = r->reader.first_row + row;
      return TL_OK;
    }
    TL_TRY(keep_last(r, err));
  }
}

tl_status tl_order_verify_by(int64_t *broken_row, const tl_parquet *file, const tl_sorting *keys, int key_count, tl_error *err) {
  tl_sorting copy[MOST_KEYS];
  tl_row_group order = {.sorting = copy, .sorting_count = key_count};
  reading r = {0};
  *broken_row = -1;
  if (key_count > MOST_KEYS) return tl_fail(err, TL_USAGE, "an order has at most %d columns", MOST_KEYS);
  for (int i = 0; i < key_count; i++) copy[i] = keys[i], r.leaves[r.count++] = keys[i].column;
  tl_status status = reading_open(&r, file, err);
  if (status == TL_OK) status = find_break(&r, &order, broken_row, err);
  reading_free(&r);
  return status;
}

/* Bounds of row groups that follow each other may touch, and no more. What says nothing, or may be cut short, rules nothing out. */
bool tl_ascent_is_possible(const tl_parquet *file, int leaf) {
  const tl_meta *m = &file->meta;
  const tl_leaf *l = &m->leaves[leaf];
  TL_OWNED(tl_column) high = {.env = file->env, .bytes = {.env = file->env}};
  TL_OWNED(tl_column) low = {.env = file->env, .bytes = {.env = file->env}};
  if (l->nested || l->max_repetition > 0 || m->row_count < 2) return false;
  bool compares = !l->unordered && l->field.physical != TL_PHYSICAL_BYTE_ARRAY;
  for (int g = 0; g < m->group_count; g++) {
    tl_chunk chunk = tl_meta_chunk(m, g, leaf);
    const tl_statistics *s = &chunk.statistics;
    if (s->null_count > 0) return false;
    if (!compares || m->groups[g].row_count == 0) continue;
    if (high.count > 0 && tl_bound_load(&low, &l->field, s->min) && tl_column_compare(&high, 0, &low, 0) > 0) return false;
    if (!tl_bound_load(&high, &l->field, s->max)) high.count = 0;
  }
  return true;
}

static tl_status ascend(reading *r, tl_ascent *out, tl_error *err) {
  for (;;) {
    TL_TRY(tl_scan_reader_next(&r->reader, err));
    if (r->reader.rows == 0) return TL_OK;
    const tl_column *c = column_of(r, 0);
    out->rows += r->reader.rows;
    if (c->null_count > 0) return out->ascending = false, TL_OK;
    for (int64_t row = r->has_last ? 0 : 1; row < r->reader.rows; row++) {
      int order = row > 0 ? tl_column_compare(c, row - 1, c, row) : tl_column_compare(&r->last[0], 0, c, 0);
      if (order > 0) return out->ascending = false, TL_OK;
      out->strict &= order < 0;
      out->constant &= order == 0;
    }
    TL_TRY(keep_last(r, err));
  }
}

tl_status tl_ascent_find(tl_ascent *out, const tl_parquet *file, int leaf, tl_error *err) {
  reading r = {.leaves = {leaf}, .count = 1};
  *out = (tl_ascent){.ascending = true, .strict = true, .constant = true};
  tl_status status = reading_open(&r, file, err);
  if (status == TL_OK) status = ascend(&r, out, err);
  if (status != TL_OK) out->ascending = false;
  out->strict &= out->ascending;
  out->constant &= out->ascending;
  reading_free(&r);
  return status;
}
