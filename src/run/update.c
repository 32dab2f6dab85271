#include "run/update.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/mix.h"
#include "run/run.h"

void tl__update_forget(tl_run *run) {
  tl_update *u = &run->update;
  for (size_t i = 0; u->files != NULL && i < u->file_count; i++) tl_release(run->env, u->files[i].groups);
  tl_release(run->env, u->files);
  tl_release(run->env, u->streams);
  u->files = NULL;
  u->streams = NULL;
  u->again = false;
}

void tl__update_free(tl_run *run) {
  tl_update *u = &run->update;
  for (size_t i = 0; u->handles != NULL && i < u->old.record_count; i++)
    if (u->handles[i] >= 0) (void)run->env->close(run->env, u->handles[i], NULL);
  if (u->records >= 0) (void)run->env->close(run->env, u->records, NULL);
  for (int i = 0; u->side_resumes != NULL && u->side_records != NULL && i < run->definition->side_count; i++) {
    tl_resume_free(&u->side_resumes[i]);
    tl_release(run->env, u->side_records[i]);
  }
  tl__update_forget(run);
  tl_resume_free(&u->resume);
  tl_resume_free(&u->calendar_resume);
  tl_ledger_free(&u->old);
  *u = (tl_update){.records = -1};
}

void tl__update_redo(tl_run *run, int64_t number) {
  tl_lock_enter(run->lock);
  run->update.carry->redo[number] = run->update.carry->more = true;
  tl_lock_leave(run->lock);
}

/* Bad data stays what it is until its file is another; a want of memory or disk does not. */
void tl__update_tolerate(tl_run *run, tl_status status) { run->update.tolerated += status != TL_IO && status != TL_MEMORY && status != TL_CANCELLED; }

bool tl__update_lets_go(tl_run *run, const tl_stream *stream, tl_status status) {
  tl_update_stream *s = &run->update.streams[stream - run->input.streams];
  bool known = tl__update_known_rows(run, stream) > 0;
  if (known) tl__update_redo(run, s->number);
  tl_lock_enter(run->lock);
  s->taken = false;
  if (!known) tl__update_tolerate(run, status);
  tl_lock_leave(run->lock);
  return known;
}

void tl__update_decline(tl_run *run, const char *why) {
  tl_lock_enter(run->lock);
  if (run->update.why == NULL) run->update.why = why;
  tl_lock_leave(run->lock);
}

/* ---- hashes ---- */

uint64_t tl_content_hash(const int64_t *order, double *const *columns, int64_t at, int column_count, int64_t first, int64_t rows) {
  uint64_t sum = 0;
  for (int c = -1; c < column_count; c++) {
    const void *values = c < 0 ? (const void *)(order + at) : (const void *)(columns[c] + at);
    uint64_t place = 0x9e3779b97f4a7c15u * (uint64_t)(2 * c + 5) + TL_MIX_STEP * (uint64_t)first;
    for (int64_t i = 0; i < rows; i++, place += TL_MIX_STEP) sum += tl_mix(tl_load64((const uint8_t *)values + 8 * i), place);
  }
  return sum;
}

static uint64_t add_hash(uint64_t hash, uint64_t value) {
  uint64_t parts[] = {hash, value};
  return XXH3_64bits(parts, sizeof parts);
}

/* What the bytes of a leaf mean. */
static uint64_t hash_of_leaf(const tl_leaf *leaf, const tl_chunk *chunk, uint64_t hash) {
  const tl_field *f = &leaf->field;
  int64_t parts[] = {(int64_t)hash, f->physical, f->logical, f->digits, f->bits, f->is_unsigned, leaf->max_definition, chunk->codec, chunk->value_count};
  return XXH3_64bits(parts, sizeof parts);
}

static tl_status hash_extent(tl_parquet *file, const tl_chunk *chunk, tl_buffer *window, uint64_t *hash, tl_error *err) {
  enum { PIECE = 1 << 20 };
  int64_t at = chunk->dictionary_offset > 0 && chunk->dictionary_offset < chunk->data_offset ? chunk->dictionary_offset : chunk->data_offset;
  int64_t left = chunk->compressed_size;
  if (at < 0 || left < 0 || at > file->size || left > file->size - at) return tl_fail(err, TL_CORRUPT, "%s: a column lies outside of the file", file->path);
  for (int64_t size; left > 0; at += size, left -= size) {
    size = left < PIECE ? left : PIECE;
    const uint8_t *bytes = tl_parquet_view(file, at);
    if (bytes == NULL) {
      window->size = 0;
      TL_TRY(tl_buffer_reserve(window, (size_t)size, err));
      TL_TRY(tl_parquet_read_bytes(file, window->data, (size_t)size, at, err));
      bytes = window->data;
    }
    *hash = XXH3_64bits_withSeed(bytes, (size_t)size, *hash);
  }
  return TL_OK;
}

static tl_status hash_leaf(tl_parquet *file, int group, int leaf, tl_buffer *window, uint64_t *hash, tl_error *err) {
  *hash = add_hash(*hash, (uint64_t)(leaf >= 0));
  if (leaf < 0) return TL_OK;
  tl_chunk chunk = tl_meta_chunk(&file->meta, group, leaf);
  *hash = hash_of_leaf(&file->meta.leaves[leaf], &chunk, *hash);
  return hash_extent(file, &chunk, window, hash, err);
}

tl_status tl__update_hash_file(tl_run *run, int index, tl_parquet *file, tl_error *err) {
  tl_update_file *out = &run->update.files[index];
  const tl_input_set *set = &run->input;
  const tl_input_file *f = &set->files[index];
  TL_OWNED(tl_buffer) window = {.env = run->env};
  TL_TRY(tl_allocate_zeroed(run->env, &out->groups, (size_t)file->meta.group_count + 1, sizeof *out->groups, err));
  out->group_count = (size_t)file->meta.group_count;
  for (int g = 0; g < file->meta.group_count; g++) {
    uint64_t hash = (uint64_t)file->meta.groups[g].row_count;
    for (int k = 0; k < run->definition->key_count; k++) TL_TRY(hash_leaf(file, g, f->keys[k], &window, &hash, err));
    TL_TRY(hash_leaf(file, g, f->order_leaf, &window, &hash, err));
    for (size_t i = 0; i < run->definition->input_count; i++)
      if (run->needed_inputs[i]) TL_TRY(hash_leaf(file, g, f->leaves[i], &window, &hash, err));
    for (int i = 0; i < set->where_count; i++) TL_TRY(hash_leaf(file, g, tl_where_leaf(set, i, &file->meta), &window, &hash, err));
    out->groups[g] = (tl_ledger_group){hash, file->meta.groups[g].row_count};
  }
  return TL_OK;
}

/* ---- before the input is opened ---- */

static tl_status read_ledger(tl_run *run, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  tl_update *u = &run->update;
  char name[60];
  const char *path;
  if (run->target.old.generation == 0) {
    u->why = "there is nothing to go on from";
    return TL_OK;
  }
  snprintf(name, sizeof name, "state/ledger-%016llx", (unsigned long long)run->target.old.generation);
  TL_TRY(tl_target_path(&run->target, &arena, name, &path, err));
  tl_status status = tl_ledger_read(&u->old, run->env, path, err);
  if (status == TL_NOT_FOUND) {
    u->why = "the run before left no state";
    return TL_OK;
  }
  TL_TRY(status);
  u->other_features = u->old.work != u->settings && u->old.frame == tl__run_frame_hash(run);
  if (u->old.work != u->settings) u->why = "the definition or the settings are not those of the run before";
  return TL_OK;
}

static tl_status open_records(tl_run *run, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  tl_update *u = &run->update;
  TL_TRY(tl_arena_take(&run->arena, &u->handles, u->old.record_count + 1, sizeof *u->handles, err));
  for (size_t i = 0; i < u->old.record_count; i++) u->handles[i] = -1;
  for (size_t i = 0; i < u->old.record_count; i++) {
    char name[300];
    const char *path;
    snprintf(name, sizeof name, "state/%s", u->old.records[i]);
    TL_TRY(tl_target_path(&run->target, &arena, name, &path, err));
    if (run->env->open_read(run->env, path, &u->handles[i], err) != TL_OK) u->why = "state of the run before is missing";
  }
  return TL_OK;
}

/* Streams of which an earlier attempt found that they must be computed anew are read whole from the beginning. */
static tl_status begin_whole(tl_run *run, tl_error *err) {
  tl_update *u = &run->update;
  tl_update_carry *c = u->carry;
  if (c->redo == NULL) {
    c->generation = run->target.old.generation;
    TL_TRY(tl_allocate_zeroed(run->env, &c->redo, u->old.stream_count + 1, sizeof *c->redo, err));
  }
  if (c->generation != run->target.old.generation) u->why = "another run came between";
  TL_TRY(tl_arena_take(&run->arena, &u->whole, u->old.stream_count + 1, sizeof *u->whole, err));
  for (size_t i = 0; u->why == NULL && i < u->old.stream_count; i++) u->whole_count += u->whole[i] = c->redo[i] || u->old.streams[i].failed;
  c->more = false;
  return TL_OK;
}

/* Somebody else may have removed files of the output, or written others. */
static tl_status look_at_output(tl_run *run, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  const tl_manifest *old = &run->target.old;
  for (size_t i = 0; i < old->count && run->update.why == NULL; i++) {
    const char *path;
    tl_file_info info;
    TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", run->target.root, old->files[i].name));
    tl_status status = run->env->info(run->env, path, &info, err);
    if (status == TL_NOT_FOUND) { /* it may lie ready, if the run before was killed at its end */
      TL_TRY(tl_manifest_ready_path(&arena, run->target.root, old->generation, old->files[i].name, &path, err));
      status = run->env->info(run->env, path, &info, err);
    }
    if (status != TL_OK && status != TL_NOT_FOUND) return status;
    if (status == TL_NOT_FOUND) run->update.why = "files of the output are gone";
  }
  return TL_OK;
}

tl_status tl__update_begin(tl_run *run, tl_error *err) {
  tl_update *u = &run->update;
  u->keeps = !run->options.dry_run && !run->target.is_file && run->options.output != NULL;
  u->settings = tl__run_settings_hash(run);
  if (!run->options.update) return TL_OK;
  if (run->target.is_file) return tl_fail(err, TL_USAGE, "--update brings a folder up to date; --out names a single file");
  TL_TRY(read_ledger(run, err));
  if (u->why == NULL) TL_TRY(look_at_output(run, err));
  if (u->why == NULL) TL_TRY(open_records(run, err));
  if (u->why != NULL) return TL_OK;
  u->going_on = true;
  return begin_whole(run, err);
}

/* All streams of the set are read whole; *more: some were not. */
static void read_whole(tl_update *u, const tl_stream_set *set, bool *more) {
  size_t count = set->all ? u->old.stream_count : set->count;
  for (size_t i = 0; i < count; i++) {
    size_t number = set->all ? i : set->streams[i];
    *more |= !u->whole[number];
    u->whole_count += !u->whole[number];
    u->whole[number] = true;
  }
}

/* ---- which files ---- */

static bool meets(const tl_update *u, const tl_stream_set *set) {
  if (set->all) return u->whole_count > 0;
  for (size_t i = 0; u->whole_count > 0 && i < set->count; i++)
    if (u->whole[set->streams[i]]) return true;
  return false;
}

static int by_file_name(const void *a, const void *b) { return strcmp(((const tl_dataset_file *)a)->name, ((const tl_dataset_file *)b)->name); }

/* Files that are gone may have had rows of all of their streams. */
static void miss_files(tl_update *u, const tl_dataset *d) {
  bool more = false;
  for (size_t i = 0; i < u->old.file_count; i++) {
    tl_dataset_file name = {.name = u->old.files[i].name};
    if (d->count == 0 || bsearch(&name, d->files, d->count, sizeof *d->files, by_file_name) == NULL) read_whole(u, &u->old.files[i].streams, &more);
  }
}

tl_status tl__update_choose_files(void *context, tl_dataset *d, tl_error *err) {
  tl_run *run = context;
  tl_update *u = &run->update;
  bool more = true;
  bool *open;
  TL_TRY(tl_arena_take(&run->arena, &open, d->count + 1, sizeof *open, err));
  TL_TRY(tl_arena_take(&run->arena, &u->listed, d->count + 1, sizeof *u->listed, err));
  miss_files(u, d);
  for (size_t i = 0; i < d->count; i++) {
    const tl_ledger_file *f = tl_ledger_file_named(&u->old, d->files[i].name);
    tl_file_info info;
    TL_TRY(run->env->info(run->env, d->files[i].path, &info, err));
    open[i] = f == NULL || !tl_ledger_file_is(f, info.size, info.mtime_ns, info.inode);
    u->listed[i] = d->files[i].name;
  }
  while (more) { /* a file that is read for some stream is read for all of its streams, with all of their files */
    more = false;
    for (size_t i = 0; u->whole_count > 0 && i < d->count; i++) {
      const tl_ledger_file *f = tl_ledger_file_named(&u->old, d->files[i].name);
      if (f == NULL || !meets(u, &f->streams)) continue;
      open[i] = true;
      read_whole(u, &f->streams, &more);
    }
  }
  u->listed_count = d->count;
  size_t kept = 0;
  for (size_t i = 0; i < d->count; i++)
    if (open[i]) d->files[kept++] = d->files[i];
  d->count = u->file_count = kept;
  return tl_allocate_zeroed(run->env, &u->files, kept + 1, sizeof *u->files, err);
}

tl_status tl__update_choose_groups(void *context, int index, tl_parquet *file, bool *wanted, tl_error *err) {
  tl_run *run = context;
  tl_update *u = &run->update;
  tl_update_file *look = &u->files[index];
  const tl_ledger_file *known = tl_ledger_file_named(&u->old, run->input.files[index].file->name);
  TL_TRY(tl__update_hash_file(run, index, file, err));
  size_t next = 0; /* of those that were: new ones may stand before, between and behind them */
  for (size_t g = 0; g < look->group_count; g++) {
    bool same = known != NULL && next < known->group_count && memcmp(&look->groups[g], &known->groups[next], sizeof *look->groups) == 0;
    wanted[g] = !same;
    next += same;
  }
  if (known == NULL) return TL_OK;
  bool gone = next < known->group_count;
  if (gone) read_whole(u, &known->streams, &u->again);
  if (gone || meets(u, &known->streams))
    for (size_t g = 0; g < look->group_count; g++) wanted[g] = true;
  return TL_OK;
}

/* ---- streams ---- */

tl_status tl__update_key(const tl_run *run, const tl_stream *s, tl_buffer *out, tl_error *err) {
  out->size = 0;
  for (int k = 0; k < run->definition->key_count; k++) {
    const tl_key_value_data *v = &s->keys[k];
    int64_t parts[] = {v->missing ? 0 : v->text != NULL ? 1 : 2, v->text != NULL ? (int64_t)v->size : v->number};
    TL_TRY(tl_buffer_append(out, parts, sizeof parts, err));
    if (v->text != NULL) TL_TRY(tl_buffer_append(out, v->text, v->size, err));
  }
  return TL_OK;
}

/* The first order key of the stream's rows that are at hand, or INT64_MAX where it is not known yet. */
static int64_t first_key(const tl_run *run, const tl_stream *s) {
  return s->part_count > 0 && !run->input.parts[s->parts].unplaced ? run->input.parts[s->parts].first_key : INT64_MAX;
}

/* Streams of which no row is left. */
static tl_status note_gone(tl_run *run, tl_error *err) {
  tl_update *u = &run->update;
  bool *there;
  TL_TRY(tl_arena_take(&run->arena, &there, u->old.stream_count + 1, sizeof *there, err));
  for (size_t i = 0; i < run->input.stream_count; i++)
    if (u->streams[i].number >= 0) there[u->streams[i].number] = true;
  for (size_t i = 0; i < u->old.stream_count; i++)
    if (u->whole[i] && !there[i]) u->carry->redo[i] = true;
  return TL_OK;
}

/* A file that cannot be read is one that is not there. */
static void miss_failed_files(tl_run *run) {
  tl_update *u = &run->update;
  for (size_t i = 0; u->going_on && i < run->input.dataset.count; i++) {
    const tl_ledger_file *f = tl_ledger_file_named(&u->old, run->input.files[i].file->name);
    if (run->input.files[i].failed && f != NULL) read_whole(u, &f->streams, &u->again);
  }
}

tl_status tl__update_compare_sides(const tl_run *run, bool *same, tl_error *err) {
  const tl_ledger *old = &run->update.old;
  *same = old->side_count == (size_t)run->definition->side_count;
  for (int i = 0; *same && i < run->definition->side_count; i++) {
    uint64_t files;
    TL_TRY(tl__run_side_files(run, i, &files, err));
    *same = files == old->sides[i].files;
  }
  return TL_OK;
}

tl_status tl__update_match(tl_run *run, tl_error *err) {
  TL_OWNED(tl_buffer) key = {.env = run->env};
  tl_update *u = &run->update;
  miss_failed_files(run);
  TL_TRY(tl_allocate_zeroed(run->env, &u->streams, run->input.stream_count + 1, sizeof *u->streams, err));
  size_t found = 0;
  for (size_t i = 0; i < run->input.stream_count; i++) {
    tl_stream *s = &run->input.streams[i];
    u->streams[i].number = -1;
    if (!u->going_on) continue;
    TL_TRY(tl__update_key(run, s, &key, err));
    int64_t number = tl_ledger_find(&u->old, tl_buffer_view(&key));
    u->streams[i].number = number;
    if (number < 0) continue;
    if (s->failed) u->carry->redo[number] = true; /* left out, also where it was not before */
    u->streams[i].whole = u->whole[number];
    found += u->whole[number];
    if (u->streams[i].whole) continue;
    const tl_ledger_stream *old = &u->old.streams[number];
    if (first_key(run, s) <= old->last_key || (old->record.file < 0 && old->rows > 0)) { /* a late row, or one that repeats; no state */
      tl_stream_set one = {.streams = &(uint32_t){(uint32_t)number}, .count = 1};
      read_whole(u, &one, &u->again);
      u->carry->redo[number] = true;
    }
    int64_t rows = u->old.streams[number].rows + s->rows;
    if (rows > run->input.longest) run->input.longest = rows;
  }
  u->idle = u->going_on && run->input.dataset.count == 0 && u->whole_count == 0;
  bool same = true;
  if (u->idle) TL_TRY(tl__update_compare_sides(run, &same, err));
  if (!same) u->why = "the files of a side are not as they were";
  if (u->going_on && !u->idle && u->old.layout == 0) u->why = "the features changed in the run before, which left no records of streams";
  if (u->going_on && !u->again && found < u->whole_count) TL_TRY(note_gone(run, err));
  return TL_OK;
}

void tl__update_rest(tl_run *run) {
  tl_update *u = &run->update;
  u->idle = u->going_on;
  for (size_t i = 0; u->going_on && i < u->old.stream_count; i++)
    if (u->carry->redo[i] && u->old.streams[i].rows > 0) tl__update_decline(run, "streams can no longer be read");
}

int64_t tl__update_known_rows(const tl_run *run, const tl_stream *s) {
  const tl_update *u = &run->update;
  int64_t number = u->going_on ? u->streams[s - run->input.streams].number : -1;
  return number >= 0 && !u->carry->redo[number] ? u->old.streams[number].rows : 0;
}

/* ---- records ---- */

uint64_t tl__update_shape(const tl_run *run) {
  uint64_t hash = add_hash((uint64_t)run->input.order_unit, (uint64_t)run->leaf_count);
  for (int i = 0; i < run->leaf_count; i++) {
    const tl_field *f = &run->leaves[i].field;
    int64_t parts[] = {f->physical, f->logical, f->digits, f->bits, f->is_unsigned, f->utc};
    hash = XXH3_64bits_withSeed(parts, sizeof parts, hash);
  }
  for (size_t i = 0; i < run->definition->input_count; i++) hash = add_hash(hash, (uint64_t)run->input.units[i]);
  return hash;
}

uint64_t tl__update_layout(const tl_run *run) {
  return run->calendar.export_count > 0 ? add_hash(run->update.resume.layout, run->update.calendar_resume.layout) : run->update.resume.layout;
}

tl_status tl__update_plan(tl_run *run, tl_error *err) {
  tl_update *u = &run->update;
  if (!u->keeps) return TL_OK;
  TL_TRY(tl_resume_make(&u->resume, run->env, tl__run_main_plan(run), err));
  if (run->calendar.export_count > 0) TL_TRY(tl_resume_make(&u->calendar_resume, run->env, &run->calendar, err));
  const char *why_not = u->resume.why_not != NULL ? u->resume.why_not : u->calendar_resume.why_not;
  for (int i = 0; i < run->definition->side_count; i++)
    if (why_not == NULL) why_not = u->side_resumes[i].why_not;
  u->keeps = why_not == NULL;
  if (!u->keeps && run->options.update) u->why = why_not;                                                          /* better than that nothing was left */
  if (u->keeps && tl__update_thread_bytes(run) > run->options.memory / 8 / run->options.threads) u->keeps = false; /* windows of a great many rows */
  if (u->going_on && !u->keeps) u->why = "what is kept of a stream takes too much memory";
  if (!u->going_on) return TL_OK;
  if (u->old.layout != tl__update_layout(run) || u->old.shape != tl__update_shape(run)) u->why = "the columns are of other types than before";
  return TL_OK;
}

void tl__update_spoil(tl_run *run, const tl_error *why) {
  if (!run->update.spoilt) tl_log(TL_LOG_WARN, "no state is left for --update: %s", why->text);
  run->update.spoilt = true;
}

int64_t tl__update_thread_bytes(const tl_run *run) {
  const tl_update *u = &run->update;
  return u->keeps ? (u->going_on ? 2 : 1) * TL_LANES * 8 * tl_resume_size(&u->resume, run->input.longest) +
                        (TL_CALENDARS + TL_LANES) * 8 * tl_resume_size(&u->calendar_resume, run->input.longest)
                  : 0;
}

int64_t tl__update_fixed_bytes(const tl_run *run) {
  enum { STREAM = 400, FILE = 300 };
  const tl_update *u = &run->update;
  if (!u->keeps) return 0;
  return (int64_t)(STREAM * (run->input.stream_count + u->old.stream_count) + FILE * (run->input.dataset.count + u->old.file_count));
}

tl_status tl__update_open(tl_run *run, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  tl_update *u = &run->update;
  const char *path, *name;
  tl_error why = {0};
  if (!u->keeps) return TL_OK;
  TL_TRY(tl_arena_format(&run->arena, &u->records_name, err, "records-%016llx", (unsigned long long)run->target.generation));
  TL_TRY(tl_arena_format(&arena, &name, err, "state/%s", u->records_name));
  TL_TRY(tl_target_path(&run->target, &arena, name, &path, err));
  if (run->env->open_write(run->env, path, &u->records, &why) != TL_OK) tl__update_spoil(run, &why);
  return TL_OK;
}

tl_status tl__update_read(const tl_run *run, const tl_ledger_place *p, void *out, tl_error *err) {
  size_t done = 0;
  TL_TRY(run->env->read_at(run->env, run->update.handles[p->file], out, (size_t)p->size, p->offset, &done, err));
  if (done == (size_t)p->size && XXH3_64bits(out, (size_t)p->size) == p->check) return TL_OK;
  return tl_fail(err, TL_NOT_FOUND, "the state of the run before is damaged");
}

tl_status tl__update_append(tl_run *run, const void *data, int64_t size, tl_ledger_place *out, tl_error *err) {
  tl_update *u = &run->update;
  *out = (tl_ledger_place){.file = 0, .offset = u->records_at, .size = size, .check = XXH3_64bits(data, (size_t)size)};
  TL_TRY(run->env->write(run->env, u->records, data, (size_t)size, err));
  u->records_at += size;
  return TL_OK;
}

void tl__update_take(tl_run *run, const tl_stream *stream, tl_update_stream as_it_is, const double *record, tl_calendar *calendar) {
  tl_update *u = &run->update;
  tl_update_stream *s = &u->streams[stream - run->input.streams];
  tl_error why = {0};
  tl_lock_enter(run->lock);
  s->record = (tl_ledger_place){.file = -1};
  tl_status status = u->spoilt || record == NULL ? TL_OK : tl__update_append(run, record, 8 * tl_resume_size(&u->resume, as_it_is.rows), &s->record, &why);
  if (status == TL_OK && !u->spoilt && calendar != NULL && calendar->place.file < 0)
    status = tl__update_append(run, calendar->record, 8 * tl_resume_size(&u->calendar_resume, calendar->rows), &calendar->place, &why);
  if (status != TL_OK) tl__update_spoil(run, &why);
  s->calendar = calendar != NULL ? calendar->place : (tl_ledger_place){.file = -1};
  s->rows = as_it_is.rows;
  s->last_key = as_it_is.last_key;
  s->content = as_it_is.content;
  s->taken = true;
  tl_lock_leave(run->lock);
}
