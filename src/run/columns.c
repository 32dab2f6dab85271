#include "run/columns.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/keys.h"
#include "run/worker.h"

void tl__columns_free(tl_run *run) {
  if (run->columns == NULL) return;
  for (size_t i = 0; i < run->file_count; i++)
    if (run->files[i].committed) (void)run->env->remove(run->env, run->files[i].temporary, NULL);
  tl_release(run->env, run->columns->runs);
}

/* ---- whether it can be done ---- */

static bool is_plain(const tl_run *run) {
  const tl_features_options *o = &run->options;
  if (o->dry_run || o->validate != NULL || o->strict || o->from != NULL || o->to != NULL || tl__run_is_by_date(run)) return false;
  if (o->on_duplicate != TL_DUPLICATE_ERROR || run->target.is_file || run->target.old.count == 0 || run->failure_count > 0) return false;
  for (int k = 0; k < run->definition->key_count; k++)
    if (run->input.key_in_path[k]) return false;
  return true;
}

static bool input_is_same(const tl_run *run) {
  const tl_ledger *old = &run->update.old;
  if (run->input.dataset.count != old->file_count || run->input.stream_count != old->stream_count) return false;
  for (size_t i = 0; i < old->file_count; i++) {
    const tl_input_file *now = &run->input.files[i];
    const tl_ledger_file *f = tl_ledger_file_named(old, now->file->name);
    if (f == NULL || now->failed || !tl_ledger_file_is(f, now->size, now->mtime_ns, now->inode)) return false;
  }
  for (size_t i = 0; i < old->stream_count; i++)
    if (old->streams[i].failed || run->input.streams[i].failed) return false;
  return true;
}

/* Whether the words "a=0123456789abcdef,b=..." have this feature with this identity. */
static bool has_identity(const char *identities, const char *name, uint64_t identity) {
  char wanted[24];
  size_t size = strlen(name);
  snprintf(wanted, sizeof wanted, "=%016llx", (unsigned long long)identity);
  for (const char *at = identities; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (strncmp(at, name, size) == 0 && strncmp(at + size, wanted, 17) == 0) return true;
  return false;
}

/* Features that are what they were; those that are checked are computed, so that the record can say what came of it. */
static void find_copied(tl_run *run, const tl_parquet *file, size_t *copied) {
  const tl_definition *d = run->definition;
  for (size_t o = 0; o < d->output_count; o++) {
    const tl_output *out = &d->outputs[o];
    int leaf = tl_meta_leaf(&file->meta, out->name);
    bool same = run->selected[o] && out->type != TL_TIME && out->rules == NULL && leaf >= 0;
    same = same && file->meta.leaves[leaf].field.physical == tl__output_physical(run, o);
    run->columns->copied[o] = same && has_identity(run->columns->identities, out->name, tl_definition_output_identity(d, o));
    *copied += run->columns->copied[o];
  }
}

/* One feature at least is computed, as it says where rows lie. */
static void narrow(tl_run *run) {
  const tl_definition *d = run->definition;
  size_t first = d->output_count, count = 0;
  for (size_t o = d->output_count; o-- > 0;) {
    if (!run->selected[o]) continue;
    first = o;
    count += !run->columns->copied[o];
  }
  if (count == 0) run->columns->copied[first] = false;
  run->selected_count = 0;
  for (size_t o = 0; o < d->output_count; o++) {
    run->selected[o] &= !run->columns->copied[o];
    run->selected_count += run->selected[o];
  }
}

static tl_status open_columns(tl_run *run, size_t *copied, tl_error *err) {
  const tl_manifest *old = &run->target.old;
  tl_columns *c;
  TL_OWNED(tl_parquet) file = {.handle = -1};
  TL_TRY(tl_arena_take(&run->arena, &c, 1, sizeof *c, err));
  TL_TRY(tl_arena_take(&run->arena, &c->copied, run->definition->output_count + 1, sizeof *c->copied, err));
  TL_TRY(tl_arena_take(&run->arena, &c->paths, old->count + 1, sizeof *c->paths, err));
  for (size_t i = 0; i < old->count; i++) TL_TRY(tl_arena_format(&run->arena, &c->paths[i], err, "%s/%s", run->target.root, old->files[i].name));
  TL_TRY(tl_parquet_open(&file, run->env, c->paths[0], err));
  const char *identities = tl_meta_value(&file.meta, "tickloom.identities");
  if (identities == NULL) return TL_OK;
  TL_TRY(tl_arena_text(&run->arena, &c->identities, identities, strlen(identities), err));
  run->columns = c;
  find_copied(run, &file, copied);
  return TL_OK;
}

tl_status tl__columns_open(tl_run *run, tl_error *err) {
  size_t copied = 0;
  bool same;
  if (!run->update.other_features || !is_plain(run) || !input_is_same(run)) return TL_OK;
  TL_TRY(tl__update_compare_sides(run, &same, err));
  if (!same) return TL_OK;
  tl_status status = open_columns(run, &copied, err);
  if (status == TL_OK && copied > 0) {
    narrow(run);
    run->update.keeps = false;
    return TL_OK;
  }
  run->columns = NULL; /* a file of the output cannot be read: it is written anew */
  if (status != TL_OK) TL_TRY(tl_arena_text(&run->arena, &run->update.why, err->text, strlen(err->text), err));
  return status == TL_MEMORY ? status : TL_OK;
}

/* ---- where rows lie ---- */

static tl_status no(tl_run *run, const char *why) {
  tl_lock_enter(run->lock);
  if (run->columns->why == NULL) run->columns->why = why;
  tl_lock_leave(run->lock);
  return TL_OK;
}

static tl_status find_places(tl_run *run, tl_error *err) {
  tl_columns *c = run->columns;
  TL_TRY(tl_arena_take(&run->arena, &c->places, run->input.stream_count + 1, sizeof *c->places, err));
  for (size_t i = 0; i < run->input.stream_count; i++) c->places[i].file = -1;
  for (size_t f = 0; f < run->file_count; f++) {
    const tl_output_file *file = &run->files[f];
    int64_t row = 0;
    for (size_t k = file->first_stream; k < file->first_stream + file->stream_count; k++) {
      c->places[run->order[k] - run->input.streams] = (tl_column_place){(int32_t)f, row};
      row += run->order[k]->rows;
    }
    if (!file->committed || row != file->rows_written) return no(run, "not all rows were computed");
  }
  return TL_OK;
}

/* A file of the output while its rows are looked at. */
typedef struct looker {
  tl_run *run;
  tl_parquet file;
  tl_page_scratch scratch;
  tl_column keys[TL_MOST_KEYS], order;
  tl_buffer texts; /* the keys of a row, terminated */
} looker;

static void looker_open(looker *l, tl_run *run) {
  *l = (looker){
      .run = run, .file = {.handle = -1}, .scratch = {.env = run->env, .limit = run->page_limit}, .order = {.env = run->env}, .texts = {.env = run->env}};
  for (int k = 0; k < TL_MOST_KEYS; k++) l->keys[k].env = l->keys[k].bytes.env = run->env;
}

static void looker_free(looker *l) {
  for (int k = 0; k < TL_MOST_KEYS; k++) tl_column_free(&l->keys[k]);
  tl_column_free(&l->order);
  tl_buffer_free(&l->texts);
  tl_page_scratch_free(&l->scratch);
  tl_parquet_free(&l->file);
}

static bool repeats(const looker *l, int64_t row) {
  for (int k = 0; k < l->run->definition->key_count; k++)
    if (!tl_column_repeats(&l->keys[k], row, row - 1)) return false;
  return true;
}

/* The keys of a row. */
static tl_status read_stream(looker *l, int64_t row, tl_key_value_data *values, tl_error *err) {
  const tl_definition *d = l->run->definition;
  size_t at[TL_MOST_KEYS] = {0};
  l->texts.size = 0;
  for (int k = 0; k < d->key_count; k++) {
    values[k] = tl_key_of_row(&l->keys[k], row);
    at[k] = l->texts.size;
    TL_TRY(tl_buffer_append(&l->texts, values[k].text, values[k].size, err));
    TL_TRY(tl_buffer_byte(&l->texts, 0, err));
  }
  for (int k = 0; k < d->key_count; k++) /* once they stay where they are */
    if (values[k].text != NULL) values[k].text = (const char *)l->texts.data + at[k];
  return TL_OK;
}

/* The stream of a row, or -1. */
static tl_status stream_of(looker *l, int64_t row, int32_t *out, tl_error *err) {
  tl_key_value_data values[TL_MOST_KEYS];
  TL_TRY(read_stream(l, row, values, err));
  const tl_stream *stream = tl_stream_with(&l->run->input, values);
  *out = stream != NULL ? (int32_t)(stream - l->run->input.streams) : -1;
  return TL_OK;
}

static int64_t key_at(const looker *l, int64_t row) { return tl_column_is_valid(&l->order, row) ? tl_column_int(&l->order, row) : INT64_MIN; }

/* Keys and order keys of a row group: the first columns of every file of ours. */
static tl_status read_keys(looker *l, int group, tl_error *err) {
  int64_t rows = l->file.meta.groups[group].row_count;
  int keys = l->run->definition->key_count;
  for (int k = 0; k < keys; k++) TL_TRY(tl_parquet_read(&l->file, group, k, 0, rows, &l->keys[k], &l->scratch, err));
  return tl_parquet_read(&l->file, group, keys, 0, rows, &l->order, &l->scratch, err);
}

static tl_status look_at_group(looker *l, size_t file, int group, tl_error *err) {
  tl_columns *c = l->run->columns;
  TL_TRY(read_keys(l, group, err));
  for (int64_t row = 0, end; row < l->file.meta.groups[group].row_count; row = end) {
    for (end = row + 1; end < l->file.meta.groups[group].row_count && repeats(l, end);) end++;
    int32_t stream;
    TL_TRY(stream_of(l, row, &stream, err));
    if (stream < 0 || c->places[stream].file < 0) return no(l->run, "the output has other streams");
    tl_column_run *last = c->run_count > c->first_run[file] ? &c->runs[c->run_count - 1] : NULL;
    if (last != NULL && last->stream == stream) {
      last->rows += end - row;
      continue;
    }
    TL_TRY(tl_reserve(l->run->env, &c->runs, &c->run_capacity, c->run_count + 1, sizeof *c->runs, err));
    c->runs[c->run_count++] = (tl_column_run){.stream = stream, .first_key = key_at(l, row), .rows = end - row};
  }
  return TL_OK;
}

static bool is_ours(const looker *l) {
  const tl_columns *c = l->run->columns;
  const char *identities = tl_meta_value(&l->file.meta, "tickloom.identities");
  if (identities == NULL || strcmp(identities, c->identities) != 0) return false;
  for (int k = 0; k < l->run->definition->key_count; k++)
    if (tl_meta_leaf(&l->file.meta, l->run->definition->keys[k]) != k) return false;
  for (size_t o = 0; o < l->run->definition->output_count; o++)
    if (c->copied[o] && tl_meta_leaf(&l->file.meta, l->run->definition->outputs[o].name) < 0) return false;
  return tl_meta_leaf(&l->file.meta, l->run->definition->order) == l->run->definition->key_count;
}

static tl_status look_at_files(looker *l, tl_error *err) {
  tl_run *run = l->run;
  tl_columns *c = run->columns;
  for (size_t f = 0; f < run->target.old.count && c->why == NULL; f++) {
    c->first_run[f] = c->run_count;
    tl_parquet_free(&l->file);
    TL_TRY(tl_parquet_open(&l->file, run->env, c->paths[f], err));
    if (!is_ours(l)) return no(run, "the files of the output differ");
    for (int g = 0; g < l->file.meta.group_count && c->why == NULL; g++) TL_TRY(look_at_group(l, f, g, err));
  }
  c->first_run[run->target.old.count] = c->run_count;
  return TL_OK;
}

static int by_stream_and_key(const void *a, const void *b, void *runs) {
  const tl_column_run *x = (tl_column_run *)runs + *(const size_t *)a, *y = (tl_column_run *)runs + *(const size_t *)b;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  return (x->first_key > y->first_key) - (x->first_key < y->first_key);
}

/* Parts of a stream lie in several files, one behind the other in time. */
static tl_status find_offsets(tl_run *run, tl_error *err) {
  tl_columns *c = run->columns;
  size_t *sorted;
  TL_TRY(tl_arena_take(&run->arena, &sorted, c->run_count + 1, sizeof *sorted, err));
  for (size_t i = 0; i < c->run_count; i++) sorted[i] = i;
  qsort_r(sorted, c->run_count, sizeof *sorted, by_stream_and_key, c->runs);
  int64_t total = 0;
  for (size_t i = 0; i < c->run_count; i++) {
    tl_column_run *r = &c->runs[sorted[i]], *before = i > 0 ? &c->runs[sorted[i - 1]] : NULL;
    if (before != NULL && before->stream == r->stream) r->offset = before->offset + before->rows;
    if (r->offset + r->rows > run->input.streams[r->stream].rows) return no(run, "the output has other rows");
    total += r->rows;
  }
  return total == run->input.rows ? TL_OK : no(run, "the output has other rows");
}

/* ---- files ---- */

typedef struct column_writer {
  looker old;
  tl_parquet fresh; /* tl_run.files[open] */
  int32_t open;
  tl_page_cursor *cursors; /* in it: of the order key, and each new column */
  tl_column column;
  tl_page_scratch scratch;
  double **values; /* one a new column, for the rows of a row group */
  size_t *capacities;
  tl_leaf *leaves; /* of the file that is written */
  int *old_leaf;   /* of each: in the older file, -1: new */
  int leaf_count;
  tl_group group;
  tl_writer writer;
} column_writer;

/* The columns of a file that is written: copied ones are as this older file has them, which may say that nothing is missing where another does not. */
static void find_leaves(column_writer *w) {
  tl_run *run = w->old.run;
  const tl_definition *d = run->definition;
  const tl_meta *old = &w->old.file.meta;
  int fresh = run->key_leaves + 1;
  for (w->leaf_count = 0; w->leaf_count <= run->key_leaves; w->leaf_count++) w->old_leaf[w->leaf_count] = w->leaf_count;
  for (size_t o = 0; o < d->output_count; o++) {
    if (!run->written[o]) continue;
    w->old_leaf[w->leaf_count] = run->columns->copied[o] ? tl_meta_leaf(old, d->outputs[o].name) : -1;
    if (w->old_leaf[w->leaf_count] < 0) w->leaves[w->leaf_count] = run->leaves[fresh++];
    w->leaf_count++;
  }
  for (int i = 0; i < w->leaf_count; i++)
    if (w->old_leaf[i] >= 0) w->leaves[i] = old->leaves[w->old_leaf[i]];
}

static tl_status open_fresh(column_writer *w, int32_t file, tl_error *err) {
  tl_run *run = w->old.run;
  if (w->open == file) return TL_OK;
  w->open = -1;
  tl_parquet_free(&w->fresh);
  memset(w->cursors, 0, (run->selected_count + 1) * sizeof *w->cursors);
  TL_TRY(tl_parquet_open(&w->fresh, run->env, run->files[file].temporary, err));
  w->open = file;
  return TL_OK;
}

/* A feature that is no time. */
static bool is_number(const tl_leaf *leaf) {
  tl_physical p = leaf->field.physical;
  return p == TL_PHYSICAL_DOUBLE || p == TL_PHYSICAL_FLOAT || p == TL_PHYSICAL_BOOLEAN;
}

/* Rows of a row group of what was computed: the order keys must be those of the older file's rows from `at` on. */
static tl_status take_rows(column_writer *w, int group, int64_t first, int64_t count, int64_t at, tl_error *err) {
  tl_run *run = w->old.run;
  int64_t ignored = 0;
  for (int c = 0; c <= (int)run->selected_count; c++) {
    TL_TRY(tl_parquet_read_on(&w->fresh, group, run->key_leaves + c, first, count, &w->column, &w->scratch, &w->cursors[c], err));
    for (int64_t r = 0; c == 0 && r < count; r++)
      if (tl_column_int(&w->column, r) != key_at(&w->old, at + r)) return no(run, "the output has other rows");
    if (c == 0) continue;
    double *out = w->values[c - 1] + at;
    if (is_number(&run->leaves[run->key_leaves + c])) tl_column_doubles(&w->column, 0, count, out, &ignored);
    for (int64_t r = 0; !is_number(&run->leaves[run->key_leaves + c]) && r < count; r++) {
      int64_t value = tl_column_is_valid(&w->column, r) ? tl_column_int(&w->column, r) : tl_time_na();
      memcpy(&out[r], &value, sizeof value);
    }
  }
  return TL_OK;
}

/* Rows [offset, offset + count) of a stream to row `at` of the row group. */
static tl_status take_stream(column_writer *w, int32_t stream, int64_t offset, int64_t count, int64_t at, tl_error *err) {
  const tl_column_place *place = &w->old.run->columns->places[stream];
  int64_t row = place->row + offset;
  TL_TRY(open_fresh(w, place->file, err));
  for (int g = 0; count > 0 && g < w->fresh.meta.group_count; g++) {
    int64_t rows = w->fresh.meta.groups[g].row_count, taken = rows - row < count ? rows - row : count;
    if (row >= rows) {
      row -= rows;
      continue;
    }
    TL_TRY(take_rows(w, g, row, taken, at, err));
    at += taken;
    count -= taken;
    row = 0;
  }
  return count == 0 ? TL_OK : no(w->old.run, "not all rows were computed");
}

static tl_status put_new(column_writer *w, int leaf, int number, tl_error *err) {
  const tl_run *run = w->old.run;
  const tl_leaf *l = &w->leaves[leaf];
  if (is_number(l)) return tl_group_put_doubles(&w->group, l, w->values[number], run->feature_style, err);
  return tl_group_put_ints(&w->group, l, (const int64_t *)(const void *)w->values[number], tl_time_na(), run->order_style, err);
}

/* A row group; *run and *used: where its rows are among the file's runs. */
static tl_status write_group(column_writer *w, int g, size_t *number, int64_t *used, tl_error *err) {
  tl_run *run = w->old.run;
  const tl_columns *c = run->columns;
  int64_t rows = w->old.file.meta.groups[g].row_count;
  TL_TRY(read_keys(&w->old, g, err));
  for (size_t i = 0; i < run->selected_count; i++) TL_TRY(tl_renew(run->env, &w->values[i], &w->capacities[i], (size_t)rows + 1, sizeof(double), err));
  for (int64_t at = 0, n; at < rows && c->why == NULL; at += n) {
    const tl_column_run *r = &c->runs[*number];
    n = r->rows - *used < rows - at ? r->rows - *used : rows - at;
    TL_TRY(take_stream(w, r->stream, r->offset + *used, n, at, err));
    *used += n;
    if (*used == r->rows) ++*number, *used = 0;
  }
  if (c->why != NULL) return TL_OK;
  TL_TRY(tl_group_begin(&w->group, w->leaf_count, rows, err));
  for (int i = 0, fresh = 0; i < w->leaf_count; i++) {
    if (w->old_leaf[i] >= 0)
      TL_TRY(tl_group_put_chunk(&w->group, &w->old.file, g, w->old_leaf[i], err));
    else
      TL_TRY(put_new(w, i, fresh++, err));
  }
  return tl_writer_append(&w->writer, &w->group, err);
}

static tl_status write_file(column_writer *w, size_t f, tl_error *err) {
  tl_run *run = w->old.run;
  tl_columns *c = run->columns;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  tl_sorting sorting[TL_MOST_KEYS + 1];
  const char *temporary;
  tl_file_info info;
  size_t number = c->first_run[f];
  int64_t used = 0;
  for (int i = 0; i <= run->key_leaves; i++) sorting[i] = (tl_sorting){.column = i};
  TL_TRY(tl_target_temporary(&run->target, &arena, run->file_count + f, &temporary, err));
  tl_parquet_free(&w->old.file);
  TL_TRY(tl_parquet_open(&w->old.file, run->env, c->paths[f], err));
  find_leaves(w);
  TL_TRY(tl_writer_open(&w->writer, run->env, temporary, w->leaves, w->leaf_count, sorting, run->key_leaves + 1, err));
  TL_TRY(tl__name_columns(run, &w->writer, err));
  for (int g = 0; g < w->old.file.meta.group_count && c->why == NULL; g++) TL_TRY(write_group(w, g, &number, &used, err));
  c->files[f] = (tl_manifest_file){.name = run->target.old.files[f].name, .rows = w->writer.meta.row_count};
  if (c->why == NULL) TL_TRY(tl_writer_finish(&w->writer, run->options.durable, err));
  tl_writer_free(&w->writer);
  if (c->why != NULL) return run->env->remove(run->env, temporary, err);
  TL_TRY(run->env->info(run->env, temporary, &info, err));
  c->files[f].size = info.size;
  tl_lock_enter(run->lock);
  run->times.bytes_written += info.size;
  tl_status status = tl_progress_announce(&run->progress, c->files[f].name, err);
  if (status == TL_OK) status = tl_target_put(&run->target, temporary, c->files[f].name, err);
  tl_lock_leave(run->lock);
  return status;
}

static tl_status open_writer(column_writer *w, tl_run *run, tl_error *err) {
  looker_open(&w->old, run);
  w->column.env = w->column.bytes.env = w->group.env = run->env;
  w->scratch = (tl_page_scratch){.env = run->env, .limit = run->page_limit};
  size_t leaves = (size_t)run->key_leaves + 2 + run->definition->output_count;
  TL_TRY(tl_allocate_zeroed(run->env, &w->leaves, leaves, sizeof *w->leaves, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->old_leaf, leaves, sizeof *w->old_leaf, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->cursors, run->selected_count + 1, sizeof *w->cursors, err));
  TL_TRY(tl_allocate_zeroed(run->env, &w->values, run->selected_count + 1, sizeof *w->values, err));
  return tl_allocate_zeroed(run->env, &w->capacities, run->selected_count + 1, sizeof *w->capacities, err);
}

static void close_writer(column_writer *w) {
  tl_run *run = w->old.run;
  for (size_t i = 0; w->values != NULL && i < run->selected_count; i++) tl_release(run->env, w->values[i]);
  tl_release(run->env, w->leaves);
  tl_release(run->env, w->old_leaf);
  tl_release(run->env, w->values);
  tl_release(run->env, w->capacities);
  tl_release(run->env, w->cursors);
  tl_column_free(&w->column);
  tl_page_scratch_free(&w->scratch);
  tl_group_free(&w->group);
  tl_writer_free(&w->writer);
  tl_parquet_free(&w->fresh);
  looker_free(&w->old);
}

static bool take_file(tl_run *run, size_t *file) {
  tl_columns *c = run->columns;
  tl_lock_enter(run->lock);
  if (tl_sys_stop_requested()) run->cancelled = true;
  *file = c->next_file;
  bool found = *file < run->target.old.count && !run->cancelled && c->why == NULL && c->error.status == TL_OK;
  c->next_file += found;
  tl_lock_leave(run->lock);
  return found;
}

static void write_files(void *context, int index) {
  tl_run *run = context;
  column_writer w = {.fresh = {.handle = -1}, .writer = {.handle = -1}, .open = -1};
  tl_error err = {0};
  size_t file;
  (void)index;
  tl_status status = open_writer(&w, run, &err);
  while (status == TL_OK && take_file(run, &file)) status = write_file(&w, file, &err);
  close_writer(&w);
  tl_lock_enter(run->lock);
  if (status != TL_OK && run->columns->error.status == TL_OK) run->columns->error = err;
  tl_lock_leave(run->lock);
}

tl_status tl__columns_write(tl_run *run, tl_error *err) {
  tl_columns *c = run->columns;
  looker l;
  if (c == NULL) return TL_OK;
  int64_t start = run->env->tick_ns(run->env);
  TL_TRY(tl_arena_take(&run->arena, &c->first_run, run->target.old.count + 1, sizeof *c->first_run, err));
  TL_TRY(tl_arena_take(&run->arena, &c->files, run->target.old.count + 1, sizeof *c->files, err));
  TL_TRY(find_places(run, err));
  looker_open(&l, run);
  tl_status status = c->why == NULL ? look_at_files(&l, err) : TL_OK;
  looker_free(&l);
  TL_TRY(status);
  if (c->why == NULL) TL_TRY(find_offsets(run, err));
  if (c->why == NULL) tl_sys_run_threads(run->options.threads, write_files, run);
  run->times.encode_ns += run->env->tick_ns(run->env) - start;
  return c->error.status == TL_OK ? TL_OK : tl_fail(err, c->error.status, "%s", c->error.text);
}

/* ---- what is left for the next update ---- */

tl_status tl__columns_write_ledger(tl_run *run, tl_error *err) {
  TL_OWNED(tl_buffer) bytes = {.env = run->env};
  tl_ledger *l = &run->update.old;
  char name[60];
  l->work = run->update.settings;
  l->layout = 0; /* there are no records, so that nothing goes on from here but another change of the definition */
  l->record_count = 0;
  for (size_t i = 0; i < l->stream_count; i++) l->streams[i].record.file = l->streams[i].calendar.file = -1;
  for (size_t i = 0; i < l->side_count; i++) l->sides[i].series.file = -1;
  TL_TRY(tl_ledger_write(l, &bytes, err));
  snprintf(name, sizeof name, "state/ledger-%016llx", (unsigned long long)run->target.generation);
  TL_TRY(tl_target_write(&run->target, name, tl_buffer_view(&bytes), err));
  run->update.ledger_written = true;
  return TL_OK;
}
