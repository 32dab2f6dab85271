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

/* A batch of parts, neighbours in time, written side by side. */
typedef struct batch {
  tl_packer *p;
  tl_press *press;
  tl_merge merge;
  size_t first, end; /* parts */
  size_t at;         /* of p->by_subject */
  int64_t rows_done;
} batch;

static tl_status add_old(tl_packer *p, tl_pack_part *part, int32_t subject, tl_merge_input *inputs, int *count) {
  (void)p;
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
  return TL_OK;
}

/* The subject's rows of one part. `files` are its raw files in order, sources[i] is open for files[i] once it was needed. */
static tl_status pack_part(batch *b, tl_pack_part *part, int32_t subject, const size_t *files, size_t file_count, tl_pack_source *sources, tl_error *err) {
  tl_packer *p = b->p;
  TL_OWNED(tl_arena) arena = {.env = p->env};
  tl_merge_input *inputs;
  int count = 0;
  TL_TRY(tl_arena_take(&arena, &inputs, part->old_count + file_count + 1, sizeof *inputs, err));
  TL_TRY(add_old(p, part, subject, inputs, &count));
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
    TL_TRY(tl_target_temporary(&p->target, &p->arena, i, &part->part.temporary, err));
    memset(part->next_run, 0, part->old_count * sizeof *part->next_run);
    TL_TRY(tl_tape_part_open(&part->part, b->press, err));
  }
  return TL_OK;
}

static tl_status write_rows(batch *b, tl_error *err) {
  tl_packer *p = b->p;
  TL_TRY(open_parts(b, err));
  for (size_t s = 0; s < p->subject_count; s++) {
    if (tl_sys_stop_requested()) return tl_fail(err, TL_CANCELLED, "stopped; the same command goes on");
    TL_TRY(pack_subject(b, (int32_t)s, err));
    if (p->options->tell != NULL) p->options->tell(p->options->context, p->out->rows + b->rows_done, 0);
  }
  for (size_t i = b->first; i < b->end; i++) TL_TRY(tl_tape_part_end(&p->parts[i].part, b->press, err));
  TL_TRY(tl_press_drain(b->press, err));
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
  return tl_pack_state_add_part(&p->state, part->part.name, info.size, part->part.rows, err);
}

static tl_status commit_batch(batch *b, tl_error *err) {
  tl_packer *p = b->p;
  for (size_t i = b->first; i < b->end; i++) TL_TRY(put_part(p, &p->parts[i], err));
  for (size_t i = 0; i < p->out->files.count; i++) {
    tl_raw_file *f = &p->out->files.files[i];
    if (!tl__pack_takes(f)) continue;
    for (size_t k = 0; k < f->day_count; k++)
      p->days_done[i] += f->days[k].day >= p->parts[b->first].part.day && f->days[k].day <= p->parts[b->end - 1].part.day;
    if (p->days_done[i] == (int64_t)f->day_count) TL_TRY(tl_pack_state_add_file(&p->state, f, tl__pack_key(p, &f->subject), err));
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

typedef struct crew {
  batch *b;
  tl_status status;
  tl_error error;
} crew;

/* The first thread reads and merges; the others encode what comes of it. */
static void work(void *context, int thread) {
  crew *c = context;
  if (thread > 0) {
    tl_press_work(c->b->press);
    return;
  }
  c->status = write_rows(c->b, &c->error);
  tl_press_close(c->b->press);
}

static tl_status run_batch(batch *b, const tl_fact_table *facts, tl_error *err) {
  tl_packer *p = b->p;
  TL_OWNED(tl_press) press = {0};
  crew c = {.b = b};
  TL_TRY(tl_press_open(&press, p->env, &p->shape, facts, p->threads, p->group_bytes, err));
  b->press = &press;
  b->merge = (tl_merge){.env = p->env, .shape = &p->shape, .press = &press, .page_limit = p->page_limit};
  tl_sys_run_threads(p->threads, work, &c);
  for (size_t i = b->first; i < b->end; i++) {
    tl_pack_part *part = &p->parts[i];
    bool open = part->part.open;
    tl_tape_part_free(&part->part, &press);
    if (open && c.status != TL_OK) (void)p->env->remove(p->env, part->part.temporary, NULL);
    for (size_t k = 0; k < part->old_count; k++) tl_pack_source_free(&part->old_sources[k]);
  }
  if (c.status != TL_OK) {
    if (err != NULL) *err = c.error;
    return c.status;
  }
  TL_TRY(commit_batch(b, err));
  add_odd(&p->out->odd, &b->merge.odd);
  p->out->duplicates += b->merge.duplicates;
  p->out->conflicts += b->merge.conflicts;
  p->out->rows += b->rows_done;
  return TL_OK;
}

/* Whole days that fit into memory together. */
static size_t end_of_batch(const tl_packer *p, size_t first) {
  int64_t budget = p->options->memory * 6 / 10 - (2 * p->threads - 1) * p->group_bytes * 3 / 2, used = 0;
  size_t end = first;
  while (end < p->part_count) {
    size_t day = end;
    int64_t cost = 0;
    for (; day < p->part_count && p->parts[day].part.day == p->parts[end].part.day; day++) {
      int64_t bytes = p->parts[day].rows * p->row_bytes;
      cost += (bytes < p->group_bytes ? bytes : p->group_bytes) * 3 / 2 + 1000000;
      cost += (int64_t)p->parts[day].old_count * p->shape.tape.child_count * 700000;
    }
    if (end > first && (used + cost > budget || day - first > MOST_OPEN_PARTS)) break;
    used += cost;
    end = day;
  }
  return end;
}

/* ---- all ---- */

/* A file that turns out to be bad while its rows are taken fails, and the batch is done again without it. */
static tl_status pack_parts(tl_packer *p, tl_error *err) {
  TL_OWNED(tl_fact_table) facts = {0};
  TL_TRY(tl_fact_table_open(&facts, p->env, p->naming, p->subjects, p->subject_count, err));
  for (size_t first = 0; first < p->part_count;) {
    batch b = {.p = p, .first = first, .end = end_of_batch(p, first)};
    tl_error why = {0};
    tl_status status = run_batch(&b, &facts, &why);
    if (status != TL_OK && b.merge.failed != NULL && status != TL_CANCELLED) {
      TL_TRY(tl_raw_file_fail(b.merge.failed, status, &why, -1, err));
      int64_t day = p->parts[first].part.day;
      TL_TRY(tl__pack_settle(p, err));
      for (first = 0; first < p->part_count && p->parts[first].part.day < day;) first++;
      tl_fact_table_free(&facts);
      TL_TRY(tl_fact_table_open(&facts, p->env, p->naming, p->subjects, p->subject_count, err));
      continue;
    }
    if (status != TL_OK && err != NULL) *err = why;
    TL_TRY(status);
    first = b.end;
  }
  return TL_OK;
}

static tl_status write_failures(tl_packer *p, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = p->env};
  tl_json json = {.out = &text, .err = err};
  tl_json_open(&json, NULL, '[');
  for (size_t i = 0; i < p->out->files.count; i++) {
    const tl_raw_file *f = &p->out->files.files[i];
    if (!f->failed) continue;
    tl_json_open(&json, NULL, '{');
    tl_json_string(&json, "file", f->name);
    if (f->row >= 0)
      tl_json_int(&json, "row", f->row);
    else
      tl_json_null(&json, "row");
    tl_json_string(&json, "reason", f->reason);
    tl_json_close(&json, '}');
  }
  tl_json_close(&json, ']');
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
  TL_TRY(tl__pack_plan(p, err));
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
  if (p.locked) tl_target_free(&p.target);
  tl_expiries_free(&p.calendar);
  tl_symbols_free(&p.symbols);
  /* facts of files may live in the packer's arena: they are not needed any more */
  tl_arena_free(&p.arena);
  return status;
}
