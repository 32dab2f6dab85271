/* One thread's walk over parts: the columns of the condition are read first, the others only where a row of the batch is selected. */
#include <string.h>
#include "column/bits.h"
#include "lake/hive.h"
#include "lake/prune.h"
#include "lake/scan.h"
#include "parquet/ahead.h"
#include "parquet/walk.h"

/* A column that is read, in the file at hand. */
typedef struct tl_scan_slot {
  int column;    /* of the scan; -1 - k: the condition's leaf k */
  int in_reader; /* of the row reader; -1: the file does not have it, or its path does */
  int leaf;      /* of the condition's leaf; -1 */
  bool wanted;   /* not only the condition asks for it */
  tl_enough enough;
  bool left;        /* nobody asks for it in this part */
  tl_schema absent; /* what stands for a column that the file lacks */
  tl_array array;
  tl_cursor cursor; /* of the condition's leaf */
  tl_page_scratch scratch;
} tl_scan_slot;

enum { WIDE_BATCH = 32 << 20, NARROW_BATCH = 2 << 20, LEAST_ROWS = 16, FIRST_ROWS = 1024 /* rows may be wide */, MOST_ASKED = 256 };

/* ---- opening ---- */

static int slot_of(const tl_scan_reader *r, int column) {
  for (int i = 0; i < r->slot_count; i++)
    if (r->slots[i].column == column) return i;
  return -1;
}

static int add_slot(tl_scan_reader *r, int column) {
  int found = slot_of(r, column);
  if (found >= 0) return found;
  r->slots[r->slot_count] = (tl_scan_slot){.column = column, .in_reader = -1, .leaf = -1, .scratch = {.env = r->env, .limit = r->scan->page_limit}};
  return r->slot_count++;
}

tl_status tl_scan_reader_open(tl_scan_reader *r, const tl_scan *s, tl_error *err) {
  *r = (tl_scan_reader){.scan = s,
                        .env = s->env,
                        .whole = true,
                        .own = {.handle = -1},
                        .file = SIZE_MAX,
                        .asked_file = SIZE_MAX,
                        .batch_rows = s->batch_rows < FIRST_ROWS ? s->batch_rows : FIRST_ROWS};
  size_t most = (size_t)(s->wanted_count + s->asked_count) + 1;
  tl_status status = s->where != NULL ? tl_predicate_parse(&r->predicate, s->env, s->where, err) : TL_OK;
  if (status == TL_OK) status = tl_allocate_zeroed(s->env, &r->slots, most, sizeof *r->slots, err);
  if (status == TL_OK) status = tl_allocate_zeroed(s->env, &r->asked_slots, 2 * most, sizeof *r->asked_slots, err);
  if (status == TL_OK) status = tl_allocate_zeroed(s->env, &r->columns, most, sizeof *r->columns, err);
  if (status != TL_OK) {
    tl_scan_reader_free(r);
    return status;
  }
  r->wanted_slots = r->asked_slots + most;
  for (int i = 0; i < s->asked_count; i++) r->asked_slots[i] = add_slot(r, s->asked[i]);
  r->condition_slots = r->slot_count;
  for (int i = 0; i < s->wanted_count; i++) {
    r->wanted_slots[i] = add_slot(r, s->wanted[i]);
    r->slots[r->wanted_slots[i]].wanted = true;
  }
  return TL_OK;
}

void tl_scan_reader_take(tl_scan_reader *r, int wanted, tl_enough enough) {
  if (r->wanted_slots[wanted] >= r->condition_slots) r->slots[r->wanted_slots[wanted]].enough = enough;
}

void tl_scan_reader_leave(tl_scan_reader *r, int wanted) { r->slots[r->wanted_slots[wanted]].left = true; }

static void close_group(tl_scan_reader *r) {
  r->bytes_read += r->reader.env != NULL ? tl_row_reader_bytes(&r->reader) : 0;
  tl_row_reader_free(&r->reader);
  for (int i = 0; i < r->slot_count; i++) tl_cursor_free(&r->slots[i].cursor);
}

static void close_file(tl_scan_reader *r) {
  close_group(r);
  for (int i = 0; r->slots != NULL && i < r->slot_count; i++) tl_array_free(&r->slots[i].array);
  tl_parquet_free(&r->own);
  r->open = NULL;
  r->file = SIZE_MAX;
}

void tl_scan_reader_free(tl_scan_reader *r) {
  if (r->env == NULL) return;
  close_file(r);
  for (int i = 0; i < r->slot_count; i++) tl_page_scratch_free(&r->slots[i].scratch);
  tl_predicate_free(r->predicate);
  tl_release(r->env, r->slots);
  tl_release(r->env, r->asked_slots);
  tl_release(r->env, r->columns);
  tl_release(r->env, r->ranges);
  tl_release(r->env, r->bits);
  *r = (tl_scan_reader){0};
}

void tl_scan_reader_rewind(tl_scan_reader *r) {
  close_file(r);
  r->next_part = 0;
  r->whole = true;
  r->range = r->range_count = 0;
  r->rows = 0;
}

/* ---- a file ---- */

/* An array of the form that the file has. */
static tl_status bind_slot(tl_scan_reader *r, tl_scan_slot *slot, tl_error *err) {
  const tl_scan *s = r->scan;
  const tl_schema *root = r->open->meta.schema;
  slot->leaf = slot->in_reader = -1;
  if (slot->column < 0) {
    slot->leaf = tl_meta_leaf(&r->open->meta, s->asked_leaves[-1 - slot->column]);
    if (slot->leaf >= 0 && r->open->meta.leaves[slot->leaf].max_repetition > 0) slot->leaf = -1;
    slot->absent = (tl_schema){
        .name = "", .shape = TL_SHAPE_VALUE, .nullable = true, .field = {.name = s->asked_leaves[-1 - slot->column], .physical = TL_PHYSICAL_BOOLEAN}};
    if (slot->leaf >= 0) slot->absent.field = r->open->meta.leaves[slot->leaf].field;
    return tl_array_open(&slot->array, r->env, &slot->absent, err);
  }
  const tl_schema *column = &s->schema.children[slot->column];
  int child = slot->column < s->hive_from ? tl_schema_child(root, column->name) : -1;
  slot->in_reader = child;
  return tl_array_open(&slot->array, r->env, child >= 0 ? &root->children[child] : column, err);
}

static int leaf_of(const tl_scan_slot *slot) {
  if (slot->leaf >= 0) return slot->leaf;
  return slot->in_reader >= 0 && slot->array.node->shape == TL_SHAPE_VALUE ? slot->array.node->first_leaf : -1;
}

static bool is_hive(const tl_scan_reader *r, const tl_scan_slot *slot) { return slot->column >= r->scan->hive_from; }

static tl_status bind_condition(tl_scan_reader *r, tl_error *err) {
  const tl_field *fields[MOST_ASKED];
  int count = r->scan->asked_count;
  if (count > MOST_ASKED) return tl_fail(err, TL_USAGE, "--where names more than %d columns", MOST_ASKED);
  for (int i = 0; i < count; i++) {
    const tl_scan_slot *slot = &r->slots[r->asked_slots[i]];
    fields[i] = leaf_of(slot) >= 0 || is_hive(r, slot) ? &slot->array.node->field : NULL;
  }
  tl_status status = tl_predicate_bind(r->predicate, fields, err);
  return status == TL_OK ? TL_OK : tl_fail_in(err, status, "%s: ", r->open->path);
}

static tl_status open_file(tl_scan_reader *r, size_t file, tl_error *err) {
  if (r->file == file) return TL_OK;
  close_file(r);
  r->open = tl_scan_file(r->scan, file);
  if (r->open == NULL) {
    TL_TRY(tl_parquet_open(&r->own, r->env, r->scan->dataset.files[file].path, err));
    r->open = &r->own;
  }
  r->file = file;
  for (int i = 0; i < r->slot_count; i++) TL_TRY(bind_slot(r, &r->slots[i], err));
  for (int i = 0; i < r->scan->wanted_count; i++) r->columns[i] = &r->slots[r->wanted_slots[i]].array;
  return r->predicate != NULL ? bind_condition(r, err) : TL_OK;
}

/* ---- a part ---- */

/* What a path says of its rows; a column that the file lacks is missing in all of them. */
static tl_status known_of(tl_scan_reader *r, tl_scan_slot *slot, tl_interval *out, tl_error *err) {
  *out = (tl_interval){.nulls = r->part.count, .values = r->part.count};
  if (!is_hive(r, slot)) return TL_OK;
  TL_TRY(tl_hive_fill(&r->scan->dataset.files[r->file], &slot->array.node->field, 1, &slot->array.column, err));
  if (!tl_column_is_valid(&slot->array.column, 0)) return TL_OK;
  tl_bytes value = tl_column_bytes(&slot->array.column, 0);
  *out = (tl_interval){.min = value, .max = value, .min_exact = true, .max_exact = true, .no_nan = true, .values = r->part.count};
  return TL_OK;
}

static tl_status prune(tl_scan_reader *r, tl_error *err) {
  tl_ranges ranges = {r->env, r->ranges, 0, r->range_capacity};
  tl_interval known[MOST_ASKED];
  int leaves[MOST_ASKED];
  for (int i = 0; i < r->scan->asked_count; i++) {
    tl_scan_slot *slot = &r->slots[r->asked_slots[i]];
    leaves[i] = leaf_of(slot);
    TL_TRY(known_of(r, slot, &known[i], err));
  }
  tl_status status;
  if (r->predicate != NULL)
    status = tl_prune_group(&ranges, r->open, r->part.group, r->predicate, leaves, known, r->part.first, r->part.count, err);
  else {
    status = tl_reserve(r->env, &ranges.items, &ranges.capacity, 1, sizeof *ranges.items, err);
    if (status == TL_OK) ranges.items[ranges.count++] = (tl_row_range){.first = r->part.first, .count = r->part.count};
  }
  r->ranges = ranges.items;
  r->range_count = ranges.count;
  r->range_capacity = ranges.capacity;
  r->range = 0;
  return status;
}

/* The leaves of the columns that are read, of a row group that will be. */
static void read_ahead(tl_scan_reader *r, int group) {
  int leaves[TL_MOST_COLUMNS], count = 0;
  for (int i = 0; i < r->slot_count; i++) {
    const tl_scan_slot *slot = &r->slots[i];
    if (slot->leaf >= 0 && count < TL_MOST_COLUMNS) leaves[count++] = slot->leaf;
    for (int k = 0; slot->in_reader >= 0 && k < slot->array.node->leaf_count && count < TL_MOST_COLUMNS; k++)
      leaves[count++] = slot->array.node->first_leaf + k;
  }
  tl_read_ahead(r->open, group, leaves, count);
}

static bool reads_all(const tl_scan_reader *r) {
  return r->range_count == 1 && r->ranges[0].count == r->part.count && r->part.count == r->open->meta.groups[r->part.group].row_count;
}

static bool is_sparse(const tl_scan_reader *r) {
  enum { FEW = 1 << 15 };
  int64_t rows = 0;
  for (int64_t i = 0; i < r->range_count; i++) rows += r->ranges[i].count;
  return rows < FEW && rows < r->open->meta.groups[r->part.group].row_count / 2;
}

/* Where no column of the file is read, its rows are believed only as far as the pages of its first column say so. */
static tl_status count_rows(tl_scan_reader *r, tl_error *err) {
  TL_OWNED(tl_cursor) cursor = {0};
  tl_page_scratch scratch = {.env = r->env, .limit = r->scan->page_limit};
  tl_status status = tl_cursor_open(&cursor, r->open, r->part.group, 0, &scratch, err);
  if (status == TL_OK && r->open->meta.leaves[0].max_repetition > 0) status = tl_cursor_use_entries(&cursor, err);
  if (status == TL_OK) status = tl_cursor_skip(&cursor, r->open->meta.groups[r->part.group].row_count, err);
  tl_page_scratch_free(&scratch);
  return status;
}

/* Rows without number take few bytes: runs, missing ones. Where a group claims so many for its bytes, its pages are asked first whether they
   have them, so that nobody prints what is not there. */
static tl_status check_claim(tl_scan_reader *r, const tl_schema *column, tl_error *err) {
  enum { MANY = 1 << 22, A_BYTE = 64 };
  int64_t rows = r->open->meta.groups[r->part.group].row_count;
  if (rows < MANY) return TL_OK;
  for (int leaf = column->first_leaf; leaf < column->first_leaf + column->leaf_count; leaf++) {
    tl_page_count pages;
    tl_chunk chunk = tl_meta_chunk(&r->open->meta, r->part.group, leaf);
    if (rows / A_BYTE <= chunk.compressed_size) continue;
    if (rows > chunk.value_count)
      return tl_fail(err, TL_CORRUPT, "%s: column %s, row group %d: %lld values for %lld rows", r->open->path, r->open->meta.leaves[leaf].field.name,
                     r->part.group, (long long)chunk.value_count, (long long)rows);
    TL_TRY(tl_page_count_chunk(&pages, r->open, r->part.group, leaf, INT64_MAX, err));
  }
  return TL_OK;
}

static tl_status open_group(tl_scan_reader *r, tl_error *err) {
  int columns[TL_MOST_COLUMNS], count = 0;
  for (int i = 0; i < r->slot_count; i++) {
    tl_scan_slot *slot = &r->slots[i];
    if (slot->leaf >= 0) TL_TRY(tl_cursor_open(&slot->cursor, r->open, r->part.group, slot->leaf, &slot->scratch, err));
    slot->cursor.sparse = is_sparse(r);
    if (slot->column < 0 || is_hive(r, slot)) continue;
    int child = tl_schema_child(r->open->meta.schema, r->scan->schema.children[slot->column].name);
    if (child < 0) continue;
    if (count == TL_MOST_COLUMNS) return tl_fail(err, TL_UNSUPPORTED, "%s: more than %d columns at once", r->open->path, TL_MOST_COLUMNS);
    if (r->asked_file != r->part.file || r->asked_group != r->part.group) TL_TRY(check_claim(r, &r->open->meta.schema->children[child], err));
    slot->in_reader = count;
    columns[count++] = child;
  }
  r->asked_file = r->part.file;
  r->asked_group = r->part.group;
  if (count == 0) TL_TRY(count_rows(r, err));
  TL_TRY(tl_row_reader_open(&r->reader, r->open, r->part.group, columns, count, r->scan->page_limit, is_sparse(r), err));
  for (int i = 0; i < r->slot_count; i++)
    if (r->slots[i].in_reader >= 0) tl_row_reader_take(&r->reader, r->slots[i].in_reader, r->slots[i].enough);
  return TL_OK;
}

tl_status tl_scan_reader_start(tl_scan_reader *r, tl_scan_part part, tl_error *err) {
  r->whole = false;
  close_group(r);
  for (int i = 0; i < r->slot_count; i++) r->slots[i].left = false;
  r->range = r->range_count = 0;
  r->part = part;
  TL_TRY(open_file(r, part.file, err));
  TL_TRY(prune(r, err));
  if (r->range_count == 0) return TL_OK;
  TL_TRY(open_group(r, err));
  if (!reads_all(r)) return TL_OK; /* a few pages are fetched when they are wanted */
  if (part.group == 0) read_ahead(r, 0);
  if (part.group + 1 < r->open->meta.group_count) read_ahead(r, part.group + 1);
  return TL_OK;
}

/* ---- batches ---- */

static tl_status fill_slot(tl_scan_reader *r, tl_scan_slot *slot, int64_t first, int64_t rows, tl_error *err) {
  const tl_dataset_file *file = &r->scan->dataset.files[r->file];
  if (slot->leaf >= 0) {
    TL_TRY(tl_cursor_skip(&slot->cursor, first - slot->cursor.row, err));
    TL_TRY(tl_cursor_read(&slot->cursor, rows, true, &slot->array.column, err));
  } else if (slot->in_reader >= 0)
    return tl_row_reader_read_at(&r->reader, slot->in_reader, first, rows, &slot->array, err);
  else if (is_hive(r, slot))
    TL_TRY(tl_hive_fill(file, &slot->array.node->field, rows, &slot->array.column, err));
  else {
    TL_TRY(tl_array_clear(&slot->array, err));
    return tl_array_append_null(&slot->array, rows, err);
  }
  slot->array.count = rows;
  slot->array.null_count = slot->array.column.null_count;
  return TL_OK;
}

/* Which rows of the batch hold; `all`: that is known of every one, so that nobody need look. */
static tl_status select_rows(tl_scan_reader *r, int64_t first, int64_t rows, bool all, tl_error *err) {
  const tl_column *columns[MOST_ASKED];
  r->selected = NULL;
  r->selected_count = rows;
  r->looked = r->predicate != NULL && !all;
  if (!r->looked) return TL_OK;
  for (int i = 0; i < r->scan->asked_count; i++) {
    tl_scan_slot *slot = &r->slots[r->asked_slots[i]];
    TL_TRY(fill_slot(r, slot, first, rows, err));
    columns[i] = leaf_of(slot) >= 0 || is_hive(r, slot) ? &slot->array.column : NULL;
  }
  TL_TRY(tl_reserve(r->env, &r->bits, &r->bit_capacity, (size_t)rows / 8 + 9, 1, err));
  TL_TRY(tl_predicate_select(r->predicate, columns, rows, r->bits, err));
  r->selected_count = tl_bits_count(r->bits, 0, rows);
  r->selected = r->selected_count < rows ? r->bits : NULL;
  return TL_OK;
}

/* Batches of wide rows become shorter, so that memory does not depend on what the rows hold. */
static void adapt(tl_scan_reader *r) {
  int64_t bytes = 0;
  for (int i = 0; i < r->slot_count; i++) bytes += tl_array_bytes(&r->slots[i].array);
  if (bytes > WIDE_BATCH && r->batch_rows > LEAST_ROWS)
    r->batch_rows /= 4;
  else if (bytes < NARROW_BATCH && r->batch_rows * 2 <= r->scan->batch_rows)
    r->batch_rows *= 2;
}

static tl_status next_batch(tl_scan_reader *r, tl_error *err) {
  for (r->rows = 0; r->range < r->range_count;) {
    tl_row_range *range = &r->ranges[r->range];
    int64_t first = range->first, rows = range->count < r->batch_rows ? range->count : r->batch_rows;
    range->first += rows;
    range->count -= rows;
    r->range += range->count == 0;
    TL_TRY(select_rows(r, first, rows, range->all, err));
    if (r->selected_count == 0) {
      adapt(r);
      continue;
    }
    for (int i = r->looked ? r->condition_slots : 0; i < r->slot_count; i++)
      if (!r->slots[i].left && (i >= r->condition_slots || r->slots[i].wanted)) TL_TRY(fill_slot(r, &r->slots[i], first, rows, err));
    r->rows = rows;
    r->first_row = r->open->meta.groups[r->part.group].first_row + first;
    adapt(r);
    return TL_OK;
  }
  return TL_OK;
}

tl_status tl_scan_reader_next(tl_scan_reader *r, tl_error *err) {
  for (;;) {
    TL_TRY(next_batch(r, err));
    if (r->rows > 0 || !r->whole || r->next_part == r->scan->part_count) return TL_OK;
    TL_TRY(tl_scan_reader_start(r, r->scan->parts[r->next_part++], err));
    r->whole = true;
  }
}
