/* The ledger that a run leaves behind. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "run/run.h"

enum { MOST_RECORD_FILES = 8, MOST_NAMED = 64 }; /* beyond the first, all records move into the newest */

typedef struct maker {
  tl_run *run;
  tl_update *update;
  tl_ledger fresh;
  uint32_t *number; /* of each stream of the input */
  int32_t *moved;   /* of each file of records of the old ledger: its place in the fresh one, -1 */
  size_t next_file; /* of hashing */
  tl_error failed;
} maker;

/* ---- streams ---- */

static tl_status key_bytes(tl_run *run, const tl_stream *s, tl_bytes *out, tl_error *err) {
  TL_OWNED(tl_buffer) key = {.env = run->env};
  const char *copy;
  TL_TRY(tl__update_key(run, s, &key, err));
  TL_TRY(tl_arena_text(&run->arena, &copy, (const char *)key.data, key.size, err));
  *out = (tl_bytes){(const uint8_t *)copy, key.size};
  return TL_OK;
}

static tl_status list_streams(maker *m, tl_error *err) {
  tl_run *run = m->run;
  const tl_ledger *old = &m->update->old;
  size_t before = m->update->going_on ? old->stream_count : 0;
  TL_TRY(tl_arena_take(&run->arena, &m->fresh.streams, before + run->input.stream_count + 1, sizeof *m->fresh.streams, err));
  TL_TRY(tl_arena_take(&run->arena, &m->number, run->input.stream_count + 1, sizeof *m->number, err));
  if (before > 0) memcpy(m->fresh.streams, old->streams, before * sizeof *old->streams);
  for (size_t i = 0; i < before; i++) {
    tl_ledger_stream *s = &m->fresh.streams[i];
    if (s->record.file >= 0) s->record.file = m->moved[s->record.file];
    if (s->calendar.file >= 0) s->calendar.file = m->moved[s->calendar.file];
  }
  for (size_t i = 0; i < before; i++) /* also one of which nothing is left; should it come again, it begins anew */
    if (m->update->carry->redo[i])
      m->fresh.streams[i].failed = false, m->fresh.streams[i].rows = 0, m->fresh.streams[i].last_key = INT64_MIN,
      m->fresh.streams[i].record.file = m->fresh.streams[i].calendar.file = -1;
  m->fresh.stream_count = before;
  m->fresh.latest = before > 0 ? old->latest : INT64_MIN;
  bool *has_output; /* from an earlier run that this one went on from */
  TL_TRY(tl_arena_take(&run->arena, &has_output, run->input.stream_count + 1, sizeof *has_output, err));
  for (size_t f = 0; f < run->file_count; f++)
    for (size_t k = run->files[f].first_stream; run->files[f].finished && k < run->files[f].first_stream + run->files[f].stream_count; k++)
      has_output[run->order[k] - run->input.streams] = true;
  for (size_t i = 0; i < run->input.stream_count; i++) {
    const tl_update_stream *u = &m->update->streams[i];
    m->number[i] = u->number >= 0 ? (uint32_t)u->number : (uint32_t)m->fresh.stream_count++;
    tl_ledger_stream *s = &m->fresh.streams[m->number[i]];
    if (u->number < 0) {
      *s = (tl_ledger_stream){.rows = run->input.streams[i].rows, .last_key = INT64_MAX, .record = {.file = -1}, .calendar = {.file = -1}};
      TL_TRY(key_bytes(run, &run->input.streams[i], &s->key, err));
    }
    if (!u->taken && !has_output[i] && (u->number < 0 || m->update->carry->redo[u->number])) s->failed = true, s->rows = 0, s->last_key = INT64_MIN;
    if (u->taken) {
      s->failed = false;
      s->rows = u->rows, s->last_key = u->last_key, s->content = u->content, s->record = u->record, s->calendar = u->calendar;
      if (s->calendar.file >= 0) s->calendar.file = (int32_t)m->fresh.record_count;
      if (s->record.file >= 0) s->record.file = (int32_t)m->fresh.record_count; /* the newest */
    }
    if (s->last_key > m->fresh.latest) m->fresh.latest = s->last_key;
  }
  return TL_OK;
}

/* ---- files of records ---- */

static void need(bool *files, const tl_ledger_stream *s) {
  if (s->record.file >= 0) files[s->record.file] = true;
  if (s->calendar.file >= 0) files[s->calendar.file] = true;
}

/* Bytes of an old file into the newest. */
static tl_status move_bytes(maker *m, tl_ledger_place *p, tl_buffer *bytes, tl_error *err) {
  int32_t newest = (int32_t)m->update->old.record_count;
  if (p->file < 0) return TL_OK;
  bytes->size = 0;
  TL_TRY(tl_buffer_reserve(bytes, (size_t)p->size + 1, err));
  TL_TRY(tl__update_read(m->run, p, bytes->data, err));
  TL_TRY(tl__update_append(m->run, bytes->data, p->size, p, err));
  p->file = newest;
  return TL_OK;
}

/* The records of streams in which nothing happened; calendars that follow each other are mostly the same. */
static tl_status move_records(maker *m, const bool *taken, tl_error *err) {
  TL_OWNED(tl_buffer) bytes = {.env = m->run->env};
  tl_ledger_place from = {.file = -1}, to = from;
  for (size_t i = 0; i < m->update->old.stream_count; i++) {
    tl_ledger_stream *s = &m->update->old.streams[i];
    if (taken[i]) continue;
    TL_TRY(move_bytes(m, &s->record, &bytes, err));
    if (s->calendar.file >= 0 && s->calendar.file == from.file && s->calendar.offset == from.offset) {
      s->calendar = to;
      continue;
    }
    from = s->calendar;
    TL_TRY(move_bytes(m, &s->calendar, &bytes, err));
    to = s->calendar;
  }
  return TL_OK;
}

/* Which old ones somebody still needs. Where they have become many, their records go into the newest. */
static tl_status list_records(maker *m, tl_error *err) {
  tl_run *run = m->run;
  tl_update *u = m->update;
  tl_ledger *old = &u->old;
  size_t live = 0;
  bool *needed, *taken;
  TL_TRY(tl_arena_take(&run->arena, &m->fresh.records, old->record_count + 2, sizeof *m->fresh.records, err));
  TL_TRY(tl_arena_take(&run->arena, &m->moved, old->record_count + 1, sizeof *m->moved, err));
  TL_TRY(tl_arena_take(&run->arena, &needed, old->record_count + 1, sizeof *needed, err));
  TL_TRY(tl_arena_take(&run->arena, &taken, old->stream_count + 1, sizeof *taken, err));
  for (size_t i = 0; u->going_on && i < run->input.stream_count; i++)
    if (u->streams[i].number >= 0) taken[u->streams[i].number] = u->streams[i].taken;
  for (size_t i = 0; u->going_on && i < old->stream_count; i++) taken[i] |= u->carry->redo[i];
  for (size_t i = 0; u->going_on && i < old->stream_count; i++)
    if (!taken[i]) need(needed, &old->streams[i]);
  for (size_t i = 0; i < old->record_count; i++) live += needed[i];
  if (live >= MOST_RECORD_FILES) {
    TL_TRY(move_records(m, taken, err));
    memset(needed, 0, old->record_count * sizeof *needed);
  }
  for (size_t i = 0; i < old->record_count; i++) {
    m->moved[i] = (int32_t)m->fresh.record_count;
    if (needed[i]) m->fresh.records[m->fresh.record_count++] = old->records[i];
  }
  m->moved[old->record_count] = (int32_t)m->fresh.record_count;
  m->fresh.records[m->fresh.record_count] = u->records_name; /* counted once everything is listed */
  return TL_OK;
}

/* ---- input files ---- */

/* Streams of the opened files, by where their parts lie, and with those that were there before. */
static tl_status find_sets(maker *m, tl_stream_set *sets, tl_error *err) {
  const tl_input_set *in = &m->run->input;
  for (size_t f = 0; f < in->dataset.count; f++) {
    const tl_ledger_file *known = m->update->going_on ? tl_ledger_file_named(&m->update->old, in->files[f].file->name) : NULL;
    sets[f].all = in->part_count == 0 || (known != NULL && known->streams.all);
    sets[f].count = known != NULL ? known->streams.count : 0;
  }
  for (size_t i = 0; i < in->part_count; i++) sets[in->parts[i].file].count++;
  for (size_t f = 0; f < in->dataset.count; f++) {
    const tl_ledger_file *known = m->update->going_on ? tl_ledger_file_named(&m->update->old, in->files[f].file->name) : NULL;
    if (sets[f].all) sets[f].count = 0;
    TL_TRY(tl_arena_take(&m->run->arena, &sets[f].streams, sets[f].count + 1, sizeof *sets[f].streams, err));
    sets[f].count = 0;
    for (size_t i = 0; !sets[f].all && known != NULL && i < known->streams.count; i++) sets[f].streams[sets[f].count++] = known->streams.streams[i];
  }
  for (size_t i = 0; i < in->part_count; i++) {
    tl_stream_set *s = &sets[in->parts[i].file];
    if (!s->all) s->streams[s->count++] = m->number[in->parts[i].stream];
  }
  for (size_t f = 0; f < in->dataset.count; f++) {
    tl_set_sort(&sets[f]);
    if (sets[f].count > MOST_NAMED && 2 * sets[f].count > m->fresh.stream_count) sets[f] = (tl_stream_set){.all = true}; /* near enough */
  }
  return TL_OK;
}

static tl_status list_files(maker *m, tl_error *err) {
  tl_run *run = m->run;
  tl_update *u = m->update;
  const tl_input_set *in = &run->input;
  tl_stream_set *sets;
  size_t count = u->going_on ? u->listed_count : in->dataset.count, opened = 0;
  TL_TRY(tl_arena_take(&run->arena, &sets, in->dataset.count + 1, sizeof *sets, err));
  TL_TRY(tl_arena_take(&run->arena, &m->fresh.files, count + 1, sizeof *m->fresh.files, err));
  TL_TRY(find_sets(m, sets, err));
  for (size_t i = 0; i < count; i++) {
    const char *name = u->going_on ? u->listed[i] : in->files[i].file->name;
    tl_ledger_file *f = &m->fresh.files[m->fresh.file_count++];
    if (opened < in->dataset.count && strcmp(in->files[opened].file->name, name) == 0) {
      const tl_input_file *o = &in->files[opened];
      *f = (tl_ledger_file){.name = name, .size = o->size, .mtime_ns = o->mtime_ns, .rows = o->rows, .inode = o->inode, .streams = sets[opened]};
      f->failed = o->failed;
      f->groups = u->files[opened].groups, f->group_count = u->files[opened].group_count;
      opened++;
    } else
      *f = *tl_ledger_file_named(&u->old, name);
  }
  return TL_OK;
}

static bool take_file(maker *m, size_t *file) {
  tl_lock_enter(m->run->lock);
  *file = m->next_file++;
  tl_lock_leave(m->run->lock);
  return *file < m->run->input.dataset.count;
}

/* A run over everything did not look at the bytes of files when it opened them: their bytes are counted now, by all threads. */
static void hash_files(void *context, int index) {
  maker *m = context;
  size_t file;
  (void)index;
  while (take_file(m, &file)) {
    if (m->run->input.files[file].failed) continue;
    TL_OWNED(tl_parquet) parquet = {.handle = -1};
    tl_error err = {0};
    tl_status status = tl_input_reopen(&m->run->input, (int32_t)file, &parquet, &err);
    if (status == TL_OK) status = tl__update_hash_file(m->run, (int)file, &parquet, &err);
    if (status == TL_OK) continue;
    tl_lock_enter(m->run->lock);
    m->failed = err;
    tl_lock_leave(m->run->lock);
  }
}

/* ---- output files, sides ---- */

static void without_redone(const tl_update *u, tl_stream_set *s) {
  size_t kept = 0;
  for (size_t i = 0; i < s->count; i++)
    if (!u->carry->redo[s->streams[i]]) s->streams[kept++] = s->streams[i];
  s->count = kept;
}

static int by_output_name(const void *a, const void *b) { return strcmp(((const tl_ledger_output *)a)->name, ((const tl_ledger_output *)b)->name); }

static tl_status list_outputs(maker *m, tl_error *err) {
  tl_run *run = m->run;
  const tl_ledger *old = &m->update->old;
  size_t before = m->update->going_on ? old->output_count : 0;
  size_t days = run->days != NULL ? run->days->file_count : 0;
  TL_TRY(tl_arena_take(&run->arena, &m->fresh.outputs, before + run->file_count + days + 1, sizeof *m->fresh.outputs, err));
  for (size_t i = 0; i < days; i++) /* which of all streams have rows that day is not said: what changes rows changes everything */
    m->fresh.outputs[m->fresh.output_count++] = (tl_ledger_output){.name = run->days->files[i].name, .is_part = m->update->going_on};
  for (size_t i = 0; i < before; i++) {
    tl_ledger_output *o = &m->fresh.outputs[m->fresh.output_count];
    *o = old->outputs[i];
    if (m->update->outputs[i].goes) continue;
    if (m->update->outputs[i].changes) without_redone(m->update, &o->streams);
    m->fresh.output_count++;
  }
  for (size_t i = 0; i < run->file_count; i++) {
    const tl_output_file *f = &run->files[i];
    tl_ledger_output *o = &m->fresh.outputs[m->fresh.output_count];
    if (!f->committed || run->days != NULL) continue;
    *o = (tl_ledger_output){.name = f->name, .is_part = m->update->going_on && m->update->home[run->order[f->first_stream] - run->input.streams] < 0};
    TL_TRY(tl_arena_take(&run->arena, &o->streams.streams, f->stream_count + 1, sizeof *o->streams.streams, err));
    for (size_t k = f->first_stream; k < f->first_stream + f->stream_count; k++)
      o->streams.streams[o->streams.count++] = m->number[run->order[k] - run->input.streams];
    tl_set_sort(&o->streams);
    m->fresh.output_count++;
  }
  qsort(m->fresh.outputs, m->fresh.output_count, sizeof *m->fresh.outputs, by_output_name);
  return TL_OK;
}

static tl_status list_sides(maker *m, tl_error *err) {
  tl_run *run = m->run;
  TL_OWNED(tl_buffer) series = {.env = run->env};
  TL_TRY(tl_arena_take(&run->arena, &m->fresh.sides, (size_t)run->definition->side_count + 1, sizeof *m->fresh.sides, err));
  m->fresh.side_count = (size_t)run->definition->side_count;
  for (int i = 0; i < run->definition->side_count; i++) {
    const tl_side_series *s = &run->sides[i];
    tl_ledger_side *out = &m->fresh.sides[i];
    *out = (tl_ledger_side){.series = {.file = -1}};
    TL_TRY(tl__run_side_files(run, i, &out->files, err));
    if (s->export_count == 0) continue;
    const tl_resume *resume = &m->update->side_resumes[i];
    series.size = 0;
    TL_TRY(tl_buffer_append(&series, s->order, (size_t)s->rows * 8, err));
    for (int k = 0; k < s->export_count; k++) TL_TRY(tl_buffer_append(&series, s->exports[k], (size_t)s->rows * 8, err));
    TL_TRY(tl_buffer_append(&series, m->update->side_records[i], (size_t)tl_resume_size(resume, s->rows) * 8, err));
    TL_TRY(tl__update_append(run, series.data, (int64_t)series.size, &out->series, err));
    out->series.file = (int32_t)m->fresh.record_count;
    out->rows = s->rows;
    out->layout = resume->layout;
  }
  return TL_OK;
}

static tl_status write_ledger(maker *m, tl_error *err) {
  TL_OWNED(tl_buffer) bytes = {.env = m->run->env};
  tl_run *run = m->run;
  tl_update *u = m->update;
  char name[60];
  if (!u->going_on) {
    u->file_count = run->input.dataset.count;
    TL_TRY(tl_allocate_zeroed(run->env, &u->files, run->input.dataset.count + 1, sizeof *u->files, err));
    tl_sys_run_threads(run->options.threads, hash_files, m);
    if (m->failed.status != TL_OK) return tl_fail(err, m->failed.status, "%s", m->failed.text);
  }
  TL_TRY(list_records(m, err));
  TL_TRY(list_streams(m, err));
  TL_TRY(list_files(m, err));
  TL_TRY(list_outputs(m, err));
  TL_TRY(list_sides(m, err));
  m->fresh.record_count++;
  if (run->options.durable) TL_TRY(run->env->sync(run->env, u->records, err));
  TL_TRY(tl_ledger_write(&m->fresh, &bytes, err));
  snprintf(name, sizeof name, "state/ledger-%016llx", (unsigned long long)run->target.generation);
  return tl_target_write(&run->target, name, tl_buffer_view(&bytes), err);
}

void tl__update_write(tl_run *run) {
  tl_update *u = &run->update;
  tl_error why = {0};
  maker m = {.run = run,
             .update = u,
             .fresh = {.work = u->settings,
                       .frame = tl__run_frame_hash(run),
                       .shape = tl__update_shape(run),
                       .layout = tl__update_layout(run),
                       .mirrors = u->going_on ? u->old.mirrors : run->mirrors}};
  if (!u->keeps || u->spoilt || run->failure_count > u->tolerated || u->records < 0) return;
  if (write_ledger(&m, &why) != TL_OK) {
    tl__update_spoil(run, &why);
    return;
  }
  u->ledger_written = true;
  u->kept_records = m.fresh.records;
  u->kept_record_count = m.fresh.record_count;
}

/* ---- what goes ---- */

typedef struct sweep {
  tl_run *run;
  char ledger[60];
} sweep;

static tl_status sweep_entry(void *context, const char *name, tl_error *err) {
  sweep *s = context;
  const tl_update *u = &s->run->update;
  TL_OWNED(tl_arena) arena = {.env = s->run->env};
  const char *path, *inside;
  bool is_ledger = strncmp(name, "ledger-", 7) == 0, is_records = strncmp(name, "records-", 8) == 0, needed = is_ledger && strcmp(name, s->ledger) == 0;
  for (size_t i = 0; is_records && i < u->kept_record_count; i++) needed |= strcmp(u->kept_records[i], name) == 0;
  if ((!is_ledger && !is_records) || needed) return TL_OK;
  TL_TRY(tl_arena_format(&arena, &inside, err, "state/%s", name));
  TL_TRY(tl_target_path(&s->run->target, &arena, inside, &path, err));
  return s->run->env->remove(s->run->env, path, err);
}

tl_status tl__update_sweep(tl_run *run, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  sweep s = {.run = run};
  const char *path;
  if (run->update.ledger_written) snprintf(s.ledger, sizeof s.ledger, "ledger-%016llx", (unsigned long long)run->target.generation);
  TL_TRY(tl_target_path(&run->target, &arena, "state", &path, err));
  return run->env->list(run->env, path, sweep_entry, &s, err);
}
