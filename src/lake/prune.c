/* From the widest to the narrowest: the row group's statistics, its bloom filters, the bounds of its pages. What is not known excludes
   nothing; an index that cannot be read is an error, since the file is then damaged. */
#include "lake/prune.h"
#include <string.h>
#include "parquet/bloom.h"
#include "parquet/cursor.h"

enum { MOST_COLUMNS = 64 };

/* Whether the format defines an order for the type, so that bounds mean something. */
static bool has_order(const tl_leaf *leaf) {
  return leaf->field.physical != TL_PHYSICAL_INT96 && leaf->field.logical != TL_LOGICAL_OTHER && !leaf->unordered && !leaf->total_order;
}

static tl_interval of_chunk(const tl_parquet *file, int group, int leaf) {
  tl_chunk chunk = tl_meta_chunk(&file->meta, group, leaf), *c = &chunk;
  bool required = file->meta.leaves[leaf].max_definition == 0;
  tl_interval i = {.nulls = required ? 0 : c->statistics.null_count, .values = file->meta.groups[group].row_count};
  if (!has_order(&file->meta.leaves[leaf])) return i;
  i.min = c->statistics.min, i.max = c->statistics.max;
  i.min_exact = !c->statistics.min_inexact, i.max_exact = !c->statistics.max_inexact;
  i.no_nan = c->statistics.nan_count == 0;
  return i;
}

/* ---- bloom filters and dictionaries ---- */

/* What says which values a chunk may hold: a bloom filter, else its dictionary where all of its pages have codes. */
typedef struct holder {
  bool loaded;
  tl_bloom bloom;
  uint64_t *hashes; /* of the dictionary's entries, by hash modulo size; 0: none */
  size_t size;
} holder;

typedef struct holders {
  tl_parquet *file;
  int group;
  const int *leaves;
  holder of[MOST_COLUMNS];
  tl_status status;
  tl_error *err;
} holders;

static uint64_t hash_of(tl_bytes plain) {
  uint64_t hash = tl_bloom_hash(plain);
  return hash != 0 ? hash : 1;
}

static size_t slot_of(const holder *h, uint64_t hash) {
  size_t at = hash & (h->size - 1);
  while (h->hashes[at] != 0 && h->hashes[at] != hash) at = (at + 1) & (h->size - 1);
  return at;
}

static tl_status index_dictionary(holder *h, tl_env *env, const tl_column *dictionary, tl_error *err) {
  for (h->size = 16; h->size < 2 * (size_t)dictionary->count + 2;) h->size *= 2;
  TL_TRY(tl_allocate_zeroed(env, &h->hashes, h->size, sizeof *h->hashes, err));
  for (int64_t i = 0; i < dictionary->count; i++) {
    uint64_t hash = hash_of(tl_column_bytes(dictionary, i));
    h->hashes[slot_of(h, hash)] = hash;
  }
  return TL_OK;
}

static bool is_all_codes(const tl_chunk *c) {
  const uint32_t codes = 1u << TL_ENCODING_PLAIN_DICTIONARY | 1u << TL_ENCODING_RLE_DICTIONARY;
  return c->page_encodings != 0 && (c->page_encodings & ~codes) == 0;
}

static tl_status load_dictionary(holder *h, tl_parquet *file, int group, int leaf, tl_error *err) {
  TL_OWNED(tl_cursor) cursor = {0};
  tl_page_scratch scratch = {.env = file->env, .limit = 64 << 20};
  tl_status status = tl_cursor_open(&cursor, file, group, leaf, &scratch, err);
  if (status == TL_OK) status = tl_cursor_fail(&cursor, tl_cursor_take_dictionary(&cursor, err), err);
  if (status == TL_OK && cursor.dictionary_seen) status = index_dictionary(h, file->env, &scratch.memory.dictionary, err);
  tl_page_scratch_free(&scratch);
  return status;
}

static tl_status load_holder(holder *h, tl_parquet *file, int group, int leaf, tl_error *err) {
  h->loaded = true;
  TL_TRY(tl_bloom_load(&h->bloom, file, group, leaf, err));
  tl_chunk chunk = tl_meta_chunk(&file->meta, group, leaf);
  if (h->bloom.block_count > 0 || !is_all_codes(&chunk)) return TL_OK;
  return load_dictionary(h, file, group, leaf, err);
}

static bool may_hold(void *context, int column, tl_bytes plain) {
  holders *b = context;
  if (column >= MOST_COLUMNS || b->leaves[column] < 0 || b->status != TL_OK) return true;
  holder *h = &b->of[column];
  if (!h->loaded) b->status = load_holder(h, b->file, b->group, b->leaves[column], b->err);
  if (h->bloom.block_count > 0) return tl_bloom_may_hold(&h->bloom, tl_bloom_hash(plain));
  return h->hashes == NULL || h->hashes[slot_of(h, hash_of(plain))] != 0;
}

static tl_status probe(tl_parquet *file, int group, const tl_predicate *p, const int *leaves, bool *may, tl_error *err) {
  holders *b;
  TL_TRY(tl_allocate_zeroed(file->env, &b, 1, sizeof *b, err));
  *b = (holders){.file = file, .group = group, .leaves = leaves, .err = err};
  *may = tl_predicate_probe(p, may_hold, b);
  for (int i = 0; i < MOST_COLUMNS; i++) {
    if (b->of[i].loaded) tl_bloom_free(&b->of[i].bloom);
    tl_release(file->env, b->of[i].hashes);
  }
  tl_status status = b->status;
  tl_release(file->env, b);
  return status;
}

/* ---- pages ---- */

typedef struct pages {
  tl_offset_index places[MOST_COLUMNS];
  tl_column_index bounds[MOST_COLUMNS];
  int64_t at[MOST_COLUMNS]; /* page of each column */
  int count;
} pages;

static void free_pages(pages *p) {
  for (int i = 0; i < p->count; i++) {
    tl_offset_index_free(&p->places[i]);
    tl_column_index_free(&p->bounds[i]);
  }
}

static tl_status load_pages(pages *p, tl_parquet *file, int group, const int *leaves, int count, bool *any, tl_error *err) {
  for (p->count = 0; p->count < count; p->count++) {
    int i = p->count;
    p->places[i] = (tl_offset_index){0};
    p->bounds[i] = (tl_column_index){0};
    p->at[i] = 0;
    if (leaves[i] < 0 || file->meta.leaves[leaves[i]].max_repetition > 0) continue;
    TL_TRY(tl_offset_index_load(&p->places[i], file, group, leaves[i], err));
    if (p->places[i].count > 0) TL_TRY(tl_column_index_load(&p->bounds[i], file, group, leaves[i], err));
    if (p->bounds[i].count != p->places[i].count) p->bounds[i].count = 0;
    *any |= p->bounds[i].count > 1;
  }
  return TL_OK;
}

static int64_t page_end(const tl_offset_index *x, int64_t page, int64_t rows) { return page + 1 < x->count ? x->pages[page + 1].first_row : rows; }

static tl_interval of_page(const pages *p, int column, const tl_parquet *file, int group, int leaf) {
  int64_t rows = file->meta.groups[group].row_count;
  if (p->bounds[column].count == 0) {
    tl_interval i = of_chunk(file, group, leaf);
    i.min_exact = i.max_exact = false;
    if (i.nulls != 0 && i.nulls != i.values) i.nulls = -1;
    return i;
  }
  const tl_page_bounds *b = &p->bounds[column].pages[p->at[column]];
  int64_t page = p->at[column], values = page_end(&p->places[column], page, rows) - p->places[column].pages[page].first_row;
  tl_interval i = {.nulls = b->all_null ? values : b->null_count, .values = values, .no_nan = of_chunk(file, group, leaf).no_nan};
  if (i.nulls > 0 && i.nulls < values) i.nulls = -1; /* rows of a part of the page: none or all are known, else nothing */
  if (has_order(&file->meta.leaves[leaf])) i.min = b->min, i.max = b->max;
  return i;
}

static tl_status add(tl_ranges *out, int64_t first, int64_t end, bool all, tl_error *err) {
  tl_row_range *last = out->count > 0 ? &out->items[out->count - 1] : NULL;
  if (last != NULL && last->first + last->count == first && last->all == all) {
    last->count += end - first;
    return TL_OK;
  }
  TL_TRY(tl_reserve(out->env, &out->items, &out->capacity, (size_t)out->count + 1, sizeof *out->items, err));
  out->items[out->count++] = (tl_row_range){first, end - first, all};
  return TL_OK;
}

/* Segments in which every column stays within one page are judged one after the other. */
static tl_status judge_pages(tl_ranges *out, pages *p, tl_parquet *file, int group, const tl_predicate *predicate, const int *leaves, const tl_interval *known,
                             int64_t first, int64_t end, tl_error *err) {
  int64_t rows = file->meta.groups[group].row_count;
  tl_interval intervals[MOST_COLUMNS];
  for (int64_t row = first, next; row < end; row = next) {
    next = end;
    for (int i = 0; i < p->count; i++) {
      intervals[i] = known[i];
      if (leaves[i] < 0) continue;
      if (p->bounds[i].count > 0) {
        while (page_end(&p->places[i], p->at[i], rows) <= row) p->at[i]++;
        int64_t edge = page_end(&p->places[i], p->at[i], rows);
        next = edge < next ? edge : next;
      }
      intervals[i] = of_page(p, i, file, group, leaves[i]);
    }
    tl_verdict verdict = tl_predicate_judge(predicate, intervals);
    if (verdict != TL_VERDICT_NONE) TL_TRY(add(out, row, next, verdict == TL_VERDICT_ALL, err));
  }
  return TL_OK;
}

tl_status tl_prune_group(tl_ranges *out, tl_parquet *file, int group, const tl_predicate *p, const int *leaves, const tl_interval *known, int64_t first,
                         int64_t count, tl_error *err) {
  tl_interval intervals[MOST_COLUMNS];
  int columns = tl_predicate_column_count(p);
  out->count = 0;
  if (columns > MOST_COLUMNS) return add(out, first, first + count, false, err);
  for (int i = 0; i < columns; i++) intervals[i] = leaves[i] < 0 ? known[i] : of_chunk(file, group, leaves[i]);
  tl_verdict verdict = tl_predicate_judge(p, intervals);
  if (verdict == TL_VERDICT_NONE) return TL_OK;
  if (verdict == TL_VERDICT_ALL) return add(out, first, first + count, true, err);
  bool may = true, any = false;
  TL_TRY(probe(file, group, p, leaves, &may, err));
  if (!may) return TL_OK;
  pages found = {0};
  tl_status status = load_pages(&found, file, group, leaves, columns, &any, err);
  if (status == TL_OK)
    status = any ? judge_pages(out, &found, file, group, p, leaves, known, first, first + count, err) : add(out, first, first + count, false, err);
  found.count = columns;
  free_pages(&found);
  return status;
}
