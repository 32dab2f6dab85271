#include "pack/source.h"
#include <string.h>
#include "pack/convert.h"

void tl_pack_source_free(tl_pack_source *s) {
  if (s->env == NULL) return;
  tl_row_reader_free(&s->reader);
  for (int i = 0; s->raw != NULL && i < s->column_count; i++) tl_array_free(&s->raw[i]);
  tl_release(s->env, s->raw);
  tl_release(s->env, s->columns);
  tl_release(s->env, s->filled);
  tl_parquet_free(&s->file);
  *s = (tl_pack_source){.file = {.handle = -1}};
}

/* Where a column of the file goes; -1: nowhere. */
static int target_of(const tl_pack_source *s, const char *name) {
  const tl_shape_of_tape *shape = s->shape;
  if (strcmp(name, shape->definition->order) == 0) return 0;
  if (!tl_tape_is_own(shape, name)) return tl_schema_child(&shape->rows, name);
  int packed = tl_tape_packed(shape->definition, name);
  return s->is_tape && packed >= 0 ? shape->row_of_packed[packed] : -1;
}

static tl_status map_columns(tl_pack_source *s, tl_error *err) {
  const tl_schema *file = s->file.meta.schema;
  size_t most = (size_t)file->child_count + 1;
  TL_TRY(tl_allocate(s->env, &s->columns, 2 * most, sizeof *s->columns, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->raw, most, sizeof *s->raw, err));
  TL_TRY(tl_allocate_zeroed(s->env, &s->filled, (size_t)s->shape->rows.child_count + 1, sizeof *s->filled, err));
  s->targets = s->columns + most;
  for (int i = 0; i < file->child_count; i++) {
    int target = target_of(s, file->children[i].name);
    if (target < 0 || s->filled[target]) continue;
    TL_TRY(tl_array_open(&s->raw[s->column_count], s->env, &file->children[i], err));
    s->filled[target] = true;
    s->columns[s->column_count] = i;
    s->targets[s->column_count++] = target;
  }
  return TL_OK;
}

tl_status tl_pack_source_open(tl_pack_source *out, tl_env *env, const tl_shape_of_tape *shape, const char *path, bool is_tape, int64_t page_limit,
                              tl_error *err) {
  *out = (tl_pack_source){.is_tape = is_tape, .env = env, .shape = shape, .file = {.handle = -1}, .group = -1, .page_limit = page_limit};
  tl_status status = tl_parquet_open(&out->file, env, path, err);
  if (status == TL_OK) status = map_columns(out, err);
  if (status != TL_OK) tl_pack_source_free(out);
  return status;
}

static tl_status go_to(tl_pack_source *s, int64_t row, tl_error *err) {
  const tl_meta *m = &s->file.meta;
  int group = s->group < 0 ? 0 : s->group;
  while (group < m->group_count && m->groups[group].first_row + m->groups[group].row_count <= row) group++;
  if (group == m->group_count) return tl_fail(err, TL_CORRUPT, "%s: has no row %lld", s->file.path, (long long)row);
  if (group == s->group) return TL_OK;
  if (s->group >= 0) s->bytes_read += tl_row_reader_bytes(&s->reader);
  tl_row_reader_free(&s->reader);
  s->group = -1;
  TL_TRY(tl_row_reader_open(&s->reader, &s->file, group, s->columns, s->column_count, s->page_limit, false, err));
  s->group = group;
  return TL_OK;
}

static tl_status take_times(tl_pack_source *s, int column, int64_t count, tl_array *out, int64_t *row, tl_error *err) {
  int64_t times[1024];
  tl_column made = {.env = s->env, .field = out->column.field, .values = (uint8_t *)times};
  for (int64_t at = 0, n; at < count; at += n) {
    n = count - at < 1024 ? count - at : 1024;
    tl_status status = tl_convert_times(times, &s->raw[column].column, at, n, row, err);
    *row += at;
    TL_TRY(status);
    made.count = n;
    TL_TRY(tl_column_append(&out->column, &made, 0, n, err));
  }
  out->count = out->column.count;
  return TL_OK;
}

/* ---- what will be derived ---- */

static bool is_made_of(const tl_shape_of_tape *shape, size_t derived, size_t column) {
  return shape->made_of[derived * shape->definition->packed_count + column] && shape->row_of_packed[column] >= 0;
}

/* Of a raw file: all rows, if it has any of the columns. */
static tl_status prepare_raw(tl_pack_source *s, size_t derived, tl_array *target, int64_t count, tl_error *err) {
  int64_t zeros[256] = {0};
  bool any = false;
  for (size_t i = 0; i < s->shape->definition->packed_count; i++) any |= is_made_of(s->shape, derived, i) && s->filled[s->shape->row_of_packed[i]];
  if (!any) return tl_array_append_null(target, count, err);
  tl_column made = {.env = s->env, .field = target->column.field, .values = (uint8_t *)zeros, .count = 256};
  for (int64_t left = count; left > 0; left -= 256) TL_TRY(tl_column_append(&target->column, &made, 0, left < 256 ? left : 256, err));
  target->count = target->column.count;
  return TL_OK;
}

/* Of a tape: where there was a value, or where there is something to make one of. */
static void prepare_tape(tl_pack_source *s, size_t derived, tl_batch *out, int64_t count) {
  tl_column *target = &out->columns[s->shape->row_of_packed[derived]].column;
  for (int64_t row = target->count - count; target->null_count > 0 && row < target->count; row++) {
    bool any = tl_column_is_valid(target, row);
    if (any) continue;
    for (size_t i = 0; i < s->shape->definition->packed_count; i++)
      any |= is_made_of(s->shape, derived, i) && tl_array_is_valid(&out->columns[s->shape->row_of_packed[i]], row);
    if (!any) continue;
    target->valid[row >> 3] |= (uint8_t)(1 << (row & 7));
    target->null_count--;
  }
}

/* Columns that the file has nothing for, and those that are derived. */
static tl_status fill_rest(tl_pack_source *s, tl_batch *out, int64_t count, tl_error *err) {
  const tl_definition *d = s->shape->definition;
  for (size_t i = 0; i < d->packed_count; i++) {
    int row_column = s->shape->row_of_packed[i];
    if (row_column < 0 || d->packed[i].output < 0 || tl_tape_replaces(d, &d->packed[i])) continue;
    if (s->filled[row_column]) prepare_tape(s, i, out, count);
    if (!s->filled[row_column]) TL_TRY(prepare_raw(s, i, &out->columns[row_column], count, err));
  }
  for (int c = 0; c < out->schema->child_count; c++)
    if (out->columns[c].count < out->rows + count) TL_TRY(tl_array_append_null(&out->columns[c], count, err));
  return TL_OK;
}

tl_status tl_pack_source_read(tl_pack_source *s, int64_t first, int64_t most, tl_batch *out, int64_t *count, tl_error *err) {
  TL_TRY(go_to(s, first, err));
  const tl_row_group *g = &s->file.meta.groups[s->group];
  int64_t at = first - g->first_row, row = 0;
  *count = g->row_count - at < most ? g->row_count - at : most;
  for (int i = 0; i < s->column_count; i++) {
    tl_array *target = &out->columns[s->targets[i]];
    TL_TRY(tl_row_reader_read_at(&s->reader, i, at, *count, &s->raw[i], err));
    tl_status status = s->targets[i] == 0 ? take_times(s, i, *count, target, &row, err) : tl_convert(target, &s->raw[i], 0, *count, &row, err);
    if (status != TL_OK) return tl_fail_in(err, status, "%s, row %lld: ", s->file.path, (long long)(first + row));
  }
  TL_TRY(fill_rest(s, out, *count, err));
  out->rows += *count;
  return TL_OK;
}
