#include "pack/pack.h"
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "pack/pack_inside.h"

enum { MOST_OPEN_PARTS = 64 };

void tl_pack_outcome_free(tl_pack_outcome *o) {
  if (o->env == NULL) return;
  tl_raw_list_free(&o->files);
  tl_arena_free(&o->arena);
  *o = (tl_pack_outcome){0};
}

/* ---- one subject ---- */

/* Parts [first, end), neighbours in time, that one thread writes side by side. */
typedef struct batch {
  tl_packer *p;
  tl_press *press;
  tl_merge merge;
  size_t first, end;
  size_t at; /* of p->by_subject */
  int64_t rows_done;
  bool tells; /* of all threads' progress */
} batch;

static void add_old(tl_pack_part *part, int32_t subject, tl_merge_input *inputs, int *count) {
  for (size_t k = 0; k < part->old_count; k++) {
    const tl_old_file *old = &part->old[k];
    if (part->next_run[k] == old->run_count || old->runs[part->next_run[k]].subject_index != subject) continue;
    const tl_old_run *run = &old->runs[part->next_run[k]++];
    inputs[(*count)++] = (tl_merge_input){.source = &part->old_sources[k],
                                          .path = old->path,
                                          .next = run->first,
                                          .end = run->first + run->count,
                                          .first_time = run->first_time,
                                          .last_time = run->last_time};
  }
}

/* The subject's rows of one part. `files` are its raw files in order, sources[i] is open for files[i] once it was needed. */
static tl_status pack_part(batch *b, tl_pack_part *part, int32_t subject, const size_t *files, size_t file_count, tl_pack_source *sources, tl_error *err) {
  tl_packer *p = b->p;
  TL_OWNED(tl_arena) arena = {.env = p->env};
  tl_merge_input *inputs;
  int count = 0;
  TL_TRY(tl_arena_take(&arena, &inputs, part->old_count + file_count + 1, sizeof *inputs, err));
  add_old(part, subject, inputs, &count);
  for (size_t i = 0; i < file_count; i++) {
    tl_raw_file *f = &p->out->files.files[files[i]];
    const tl_raw_day *day = tl_raw_file_day(f, part->part.day);
    if (day == NULL) continue;
    inputs[count++] = (tl_merge_input){.source = &sources[i],
                                       .path = f->path,
                                       .raw = f,
                                       .next = day->first,
                                       .end = day->first + day->count,
                                       .first_time = day->first_time,
                                       .last_time = day->last_time};
    b->rows_done += day->count;
    __atomic_fetch_add(&p->rows_seen, day->count, __ATOMIC_RELAXED);
  }
  if (count == 0) return TL_OK;
  tl_status status = tl_merge_subject(&b->merge, &part->part, subject, inputs, count, err);
  for (int i = 0; i < count; i++) tl_merge_input_free(&inputs[i]);
  return status;
}

/* Files whose rows of these parts are all read are closed. */
static void close_done(const tl_packer *p, const size_t *files, size_t file_count, tl_pack_source *sources, int64_t day, int64_t last_day) {
  for (size_t i = 0; i < file_count; i++) {
    const tl_raw_file *f = &p->out->files.files[files[i]];
    bool more = false;
    for (size_t k = 0; k < f->day_count; k++) more |= f->days[k].day > day && f->days[k].day <= last_day;
    if (!more) tl_pack_source_free(&sources[i]);
  }
}

static tl_status pack_subject(batch *b, int32_t subject, tl_error *err) {
  tl_packer *p = b->p;
  TL_OWNED(tl_arena) arena = {.env = p->env};
  const size_t *files = p->by_subject + b->at;
  size_t count = 0;
  tl_pack_source *sources;
  while (b->at + count < p->by_subject_count && p->out->files.files[files[count]].subject_index == subject) count++;
  b->at += count;
  TL_TRY(tl_arena_take(&arena, &sources, count + 1, sizeof *sources, err));
  const char *key = tl__pack_key(p, &p->subjects[subject]);
  tl_status status = TL_OK;
  for (size_t i = b->first; i < b->end && status == TL_OK; i++) {
    tl_pack_part *part = &p->parts[i];
    if (strcmp(part->part.key, key) != 0) continue;
    status = pack_part(b, part, subject, files, count, sources, err);
    close_done(p, files, count, sources, part->part.day, p->parts[b->end - 1].part.day);
  }
  for (size_t i = 0; i < count; i++) tl_pack_source_free(&sources[i]);
  return status;
}

/* ---- a batch ---- */

static tl_status open_parts(batch *b, tl_error *err) {
  tl_packer *p = b->p;
  for (size_t i = b->first; i < b->end; i++) {
    tl_pack_part *part = &p->parts[i];
    memset(part->next_run, 0, part->old_count * sizeof *part->next_run);
    TL_TRY(tl_tape_part_open(&part->part, b->press, err));
  }
  return TL_OK;
}

/* A file of the tape goes only when all of its rows are in the new one. */
static tl_status check_taken(const tl_pack_part *part, tl_error *err) {
  for (size_t k = 0; k < part->old_count; k++)
    if (part->next_run[k] != part->old[k].run_count)
      return tl_fail(err, TL_CORRUPT, "%s: rows that belong to no place of this part, such as those of run %zu; nothing was changed", part->old[k].path,
                     part->next_run[k]);
  return TL_OK;
}

static tl_status write_rows(batch *b, tl_error *err) {
  tl_packer *p = b->p;
  TL_TRY(open_parts(b, err));
  for (size_t s = 0; s < p->subject_count; s++) {
    if (tl_sys_stop_requested()) return tl_fail(err, TL_CANCELLED, "stopped; the same command goes on");
    TL_TRY(pack_subject(b, (int32_t)s, err));
    if (b->tells && p->options->tell != NULL) p->options->tell(p->options->context, __atomic_load_n(&p->rows_seen, __ATOMIC_RELAXED), p->rows_wanted);
  }
  for (size_t i = b->first; i < b->end; i++) TL_TRY(check_taken(&p->parts[i], err));
  for (size_t i = b->first; i < b->end; i++) TL_TRY(tl_tape_part_end(&p->parts[i].part, b->press, err));
  for (size_t i = b->first; i < b->end; i++) TL_TRY(tl_press_drain(b->press, &p->parts[i].part, err));
  for (size_t i = b->first; i < b->end; i++) TL_TRY(tl_writer_finish(&p->parts[i].part.writer, true, err));
  return TL_OK;
}

/* The new file is in its place; other files of the partition are in it, and go. */
static tl_status put_part(tl_packer *p, tl_pack_part *part, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = p->env};
  const char *path;
  tl_file_info info;
  TL_TRY(tl_target_put(&p->target, part->part.temporary, part->part.name, err));
  for (size_t k = 0; k < part->old_count; k++)
    if (strcmp(part->old[k].name, part->part.name) != 0) TL_TRY(tl_target_remove(&p->target, part->old[k].name, -1, err));
  TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", p->target.root, part->part.name));
  TL_TRY(p->env->info(p->env, path, &info, err));
  p->out->size_after += info.size;
  p->out->parts++;
  part->committed = true;
  if (json_object_set_new_nocheck(p->committed, part->part.name, json_true()) != 0) return tl_fail(err, TL_MEMORY, "no memory for the names of parts");
  return tl_pack_state_add_part(&p->state, part->part.name, info.size, part->part.rows, err);
}

/* Whether the batch has the part of a day and key. */
static bool has_part(const batch *b, int64_t day, const char *key) {
  for (size_t i = b->first; i < b->end; i++)
    if (b->p->parts[i].part.day == day && strcmp(b->p->parts[i].part.key, key) == 0) return true;
  return false;
}

static tl_status commit_batch(batch *b, tl_error *err) {
  tl_packer *p = b->p;
  for (size_t i = b->first; i < b->end; i++) TL_TRY(put_part(p, &p->parts[i], err));
  for (size_t i = 0; i < p->out->files.count; i++) {
    tl_raw_file *f = &p->out->files.files[i];
    if (!tl__pack_takes(f)) continue;
    const char *key = tl__pack_key(p, &f->subject);
    for (size_t k = 0; k < f->day_count; k++) p->days_done[i] += has_part(b, f->days[k].day, key);
    if (p->days_done[i] == (int64_t)f->day_count) TL_TRY(tl_pack_state_add_file(&p->state, f, key, err));
  }
  return tl_pack_state_write(&p->state, &p->target, err);
}

static void add_odd(tl_odd *sum, const tl_odd *more) {
  sum->missing_prices += more->missing_prices;
  sum->missing_sides += more->missing_sides;
  sum->crossed += more->crossed;
  sum->resets += more->resets;
  sum->equal_timestamps += more->equal_timestamps;
}

/* The threads of a pack. */
typedef struct crew {
  tl_packer *p;
  tl_press press;
  tl_lock *lock;       /* of what follows, and of what the packer knows of its outcome */
  size_t next;         /* part that nobody has */
  int64_t left, least; /* rows that nobody has; of a batch, unless memory wants fewer */
  int readers;         /* threads that take batches; the last one ends it for those that wait for work */
  tl_raw_file *failed; /* the file for which it all has to be done again */
  tl_status status;
  tl_error error;
} crew;

/* What fits into a thread's share of memory; and batches become smaller towards the end, so that no thread waits long for another. */
static size_t end_of_batch(crew *c, size_t first) {
  const tl_packer *p = c->p;
  int64_t share = p->threads > 1 ? c->left * 3 / 4 / p->threads : c->left, most = share > c->least ? share : c->least;
  int64_t budget = p->options->memory * 6 / 10 / p->threads - p->group_bytes * 3 / 2 - TL__PACK_ENCODING, used = 0, rows = 0;
  size_t end = first;
  for (; end < p->part_count && end - first < MOST_OPEN_PARTS; end++) {
    int64_t bytes = p->parts[end].rows * p->row_bytes;
    int64_t cost = (bytes < p->group_bytes ? bytes : p->group_bytes) * 3 / 2 + 1000000 + (int64_t)p->parts[end].old_count * p->shape.tape.child_count * 700000;
    bool enough = used + cost > budget || rows + p->parts[end].rows / 2 > most;
    if (p->parts[end].committed || (end > first && enough)) break;
    used += cost;
    rows += p->parts[end].rows;
  }
  c->left -= rows;
  return end;
}

static void close_parts(batch *b, bool drop) {
  tl_packer *p = b->p;
  for (size_t i = b->first; i < b->end; i++) {
    tl_pack_part *part = &p->parts[i];
    bool open = part->part.open;
    tl_tape_part_free(&part->part, b->press);
    if (open && drop) (void)p->env->remove(p->env, part->part.temporary, NULL);
    for (size_t k = 0; k < part->old_count; k++) tl_pack_source_free(&part->old_sources[k]);
  }
}

/* The next batch's parts; the lock is held. False: there is none. */
static bool take_batch(crew *c, batch *b) {
  const tl_packer *p = c->p;
  while (c->next < p->part_count && p->parts[c->next].committed) c->next++;
  if (c->status != TL_OK || c->next == p->part_count) return false;
  *b = (batch){.p = c->p, .press = &c->press, .first = c->next, .end = end_of_batch(c, c->next)};
  b->merge = (tl_merge){.env = p->env, .shape = &p->shape, .press = &c->press, .page_limit = p->page_limit};
  c->next = b->end;
  return true;
}

static void note_batch(crew *c, batch *b, tl_status status, tl_error *err) {
  tl_packer *p = c->p;
  if (status == TL_OK) status = commit_batch(b, err);
  if (status != TL_OK) {
    bool file = b->merge.failed != NULL && c->failed == NULL && status != TL_CANCELLED; /* goes before what came of it elsewhere */
    if (c->status == TL_OK || file) c->status = status, c->error = *err;
    if (file) c->failed = b->merge.failed;
    return;
  }
  add_odd(&p->out->odd, &b->merge.odd);
  p->out->duplicates += b->merge.duplicates;
  p->out->conflicts += b->merge.conflicts;
  p->out->rows += b->rows_done;
}

static void work(void *context, int thread) {
  crew *c = context;
  batch b;
  tl_lock_enter(c->lock);
  c->readers++;
  while (take_batch(c, &b)) {
    tl_error err = {0};
    b.tells = thread == 0;
    tl_lock_leave(c->lock);
    tl_status status = write_rows(&b, &err);
    if (status != TL_OK) tl_press_fail(&c->press, status, &err); /* others need not go on */
    tl_lock_enter(c->lock);
    note_batch(c, &b, status, &err);
    status = c->status;
    tl_lock_leave(c->lock);
    if (status == TL_OK) close_parts(&b, false);
    tl_lock_enter(c->lock);
    if (status != TL_OK) break;
  }
  bool last = --c->readers == 0;
  tl_lock_leave(c->lock);
  if (last) tl_press_close(&c->press);
  tl_press_work(&c->press);
}

static tl_status run_crew(crew *c, tl_error *err) {
  tl_packer *p = c->p;
  TL_OWNED(tl_fact_table) facts = {0};
  for (size_t i = 0; i < p->part_count; i++) c->left += p->parts[i].committed ? 0 : p->parts[i].rows;
  c->least = c->left / p->threads / 4;
  TL_TRY(tl_fact_table_open(&facts, p->env, p->naming, p->subjects, p->subject_count, err));
  TL_TRY(tl_lock_open(&c->lock, p->env, err));
  tl_status status = tl_press_open(&c->press, p->env, &p->shape, &facts, p->group_bytes, err);
  c->press.fast = p->options->fast;
  if (status == TL_OK) tl_sys_run_threads(p->threads, work, c);
  batch all = {.p = p, .press = &c->press, .end = p->part_count};
  close_parts(&all, true);
  tl_press_free(&c->press);
  tl_lock_close(c->lock);
  if (status == TL_OK && c->status != TL_OK && err != NULL) *err = c->error;
  return status == TL_OK ? c->status : status;
}

/* A file that turns out to be bad while its rows are taken fails, and what is not committed yet is done again without it. */
static tl_status pack_parts(tl_packer *p, tl_error *err) {
  for (;;) {
    crew c = {.p = p};
    tl_error why = {0};
    tl_status status = run_crew(&c, &why);
    if (status == TL_OK) return TL_OK;
    if (c.failed == NULL) {
      if (err != NULL) *err = why;
      return status;
    }
    TL_TRY(tl_raw_file_fail(c.failed, status, &why, -1, err));
    TL_TRY(tl__pack_settle(p, err));
  }
}

void tl_pack_put_failures(tl_json *json, const char *key, const tl_pack_outcome *o) {
  tl_json_open(json, key, '[');
  for (size_t i = 0; i < o->files.count; i++) {
    const tl_raw_file *f = &o->files.files[i];
    if (!f->failed) continue;
    tl_json_open(json, NULL, '{');
    tl_json_string(json, "file", f->name);
    if (f->row >= 0)
      tl_json_int(json, "row", f->row);
    else
      tl_json_null(json, "row");
    tl_json_string(json, "reason", f->reason);
    tl_json_close(json, '}');
  }
  tl_json_close(json, ']');
}

static tl_status write_failures(tl_packer *p, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = p->env};
  tl_json json = {.out = &text, .err = err};
  tl_pack_put_failures(&json, NULL, p->out);
  TL_TRY(json.status);
  return tl_target_write(&p->target, "failures.json", tl_buffer_view(&text), err);
}

static void count_files(tl_packer *p) {
  tl_pack_outcome *o = p->out;
  int64_t last = INT64_MIN;
  o->packed = o->unchanged = o->failed = o->size_before = 0;
  for (size_t i = 0; i < o->files.count; i++) {
    const tl_raw_file *f = &o->files.files[i];
    o->failed += f->failed;
    o->unchanged += f->unchanged;
    o->packed += tl__pack_takes(f);
    if (tl__pack_takes(f)) o->size_before += f->info.size;
  }
  for (size_t i = 0; i < p->part_count; i++) {
    o->days += p->parts[i].part.day != last;
    last = p->parts[i].part.day;
  }
  for (size_t i = 0; i < p->by_subject_count; i++)
    o->contracts += i == 0 || o->files.files[p->by_subject[i]].subject_index != o->files.files[p->by_subject[i - 1]].subject_index;
}

static tl_status pack(tl_packer *p, tl_error *err) {
  p->committed = json_object();
  TL_TRY(tl__pack_plan(p, err));
  for (size_t i = 0; i < p->out->files.count; i++)
    if (tl__pack_takes(&p->out->files.files[i])) p->rows_wanted += p->out->files.files[i].rows;
  if (!p->options->dry_run) {
    TL_TRY(tl_target_begin(&p->target, err));
    TL_TRY(tl_pack_state_describe(&p->target, p->definition, p->options->name, p->options->plain ? "plain" : "hive", err));
    TL_TRY(pack_parts(p, err));
    for (size_t i = 0; i < p->out->files.count; i++) { /* those without any row touch no part */
      const tl_raw_file *f = &p->out->files.files[i];
      if (tl__pack_takes(f) && f->day_count == 0) TL_TRY(tl_pack_state_add_file(&p->state, f, tl__pack_key(p, &f->subject), err));
    }
    TL_TRY(tl_pack_state_write(&p->state, &p->target, err));
    TL_TRY(write_failures(p, err));
  }
  return TL_OK;
}

static void remove_scratch(tl_packer *p) {
  for (size_t i = 0; i < p->out->files.count; i++) {
    const tl_raw_file *f = &p->out->files.files[i];
    if (f->path != f->name && f->path != NULL) (void)p->env->remove(p->env, f->path, NULL);
  }
}

tl_status tl_pack_run(tl_pack_outcome *out, tl_env *env, const tl_pack_options *options, tl_error *err) {
  *out = (tl_pack_outcome){.env = env, .arena = {.env = env}};
  tl_packer p = {.env = env, .options = options, .out = out, .arena = {.env = env}, .definition = options->definition, .key_fact = -1, .target = {.lock = -1}};
  p.threads = options->threads > 0 ? options->threads : tl_sys_processors();
  p.page_limit = options->memory / 8;
  tl_status status = pack(&p, err);
  out->stopped = status == TL_CANCELLED;
  if (status == TL_OK || out->stopped) count_files(&p);
  remove_scratch(&p);
  tl__pack_forget_parts(&p);
  tl_tape_shape_free(&p.shape);
  tl_pack_state_free(&p.state);
  json_decref(p.committed);
  if (p.locked) tl_target_free(&p.target);
  tl_expiries_free(&p.calendar);
  tl_symbols_free(&p.symbols);
  /* facts of files may live in the packer's arena: they are not needed any more */
  tl_arena_free(&p.arena);
  return status;
}
