#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "pack/pack_inside.h"

/* ---- names of parts ---- */

const char *tl__pack_key(const tl_packer *p, const tl_subject *s) {
  return p->key_fact < 0 ? "" : p->naming == &tl_naming_option ? s->contract.underlying : s->symbol;
}

/* date=2024-11-18/underlying=NIFTY/part-nifty-0.parquet, or without the names of the keys. */
tl_status tl__pack_part_name(void *packer, int64_t day, const char *key, tl_arena *arena, const char **out, tl_error *err) {
  const tl_packer *p = packer;
  char date[TL_TIME_TEXT];
  tl_date_text(date, day);
  if (*key == 0) return tl_arena_format(arena, out, err, p->options->plain ? "%s/part-0.parquet" : "date=%s/part-0.parquet", date);
  const char *low;
  TL_TRY(tl_arena_text(arena, &low, key, strlen(key), err));
  for (char *c = (char *)low; *c != 0; c++) *c = (char)tolower((unsigned char)*c);
  if (p->options->plain) return tl_arena_format(arena, out, err, "%s/%s/part-%s-0.parquet", date, key, low);
  return tl_arena_format(arena, out, err, "date=%s/%s=%s/part-%s-0.parquet", date, p->naming->facts[p->key_fact].name, key, low);
}

/* ---- the definition ---- */

static tl_status check_definition(tl_packer *p, tl_error *err) {
  const tl_definition *d = p->definition;
  if (d->kind != TL_DEFINES_PACK) return tl_fail(err, TL_DEFINITION, "%s: packs nothing; it has no carry, sort by and partition by", d->path);
  p->naming = tl_naming_find(d->names_as);
  if (p->naming == NULL) return tl_fail(err, TL_DEFINITION, "%s: names as %s: expected option", d->path, d->names_as);
  bool by_day = false, sorts_by_order = false;
  p->key_fact = -1;
  for (const tl_word *w = d->partition; w != NULL; w = w->next) {
    bool day = strcmp(w->text, "date") == 0;
    int fact = tl_naming_fact(p->naming, w->text);
    if (day ? by_day : fact < 0 || p->naming->facts[fact].physical != TL_PHYSICAL_BYTE_ARRAY || p->key_fact >= 0)
      return tl_fail(err, TL_DEFINITION, "%s: partition by %s: expected date, and one text of the files' names", d->path, w->text);
    by_day |= day;
    if (!day) p->key_fact = fact;
  }
  if (!by_day || !d->resets_daily) return tl_fail(err, TL_DEFINITION, "%s: a tape is partitioned by date, and its streams reset each day", d->path);
  for (const tl_word *w = d->sort; w != NULL; w = w->next) {
    bool order = strcmp(w->text, d->order) == 0;
    if ((!order && tl_naming_fact(p->naming, w->text) < 0) || (order && w->next != NULL))
      return tl_fail(err, TL_DEFINITION, "%s: sort by %s: expected what the files' names say, then the order key", d->path, w->text);
    sorts_by_order |= order;
  }
  return sorts_by_order ? TL_OK : tl_fail(err, TL_DEFINITION, "%s: a tape is sorted by %s last", d->path, d->order);
}

/* ---- files and names ---- */

static tl_status read_names(tl_packer *p, tl_error *err) {
  tl_name_reader with = {&p->symbols, &p->calendar, &p->arena};
  tl_raw_list *l = &p->out->files;
  size_t kept = 0;
  for (size_t i = 0; i < l->count; i++) {
    tl_raw_file *f = &l->files[i];
    tl_error why = {0};
    tl_status status = p->naming->read(&f->subject, &with, f->stem, &why);
    if (status == TL_CORRUPT && f->is_csv && p->naming->calendar && tl_expiries_is_calendar(p->env, f->name)) { /* another calendar is no raw file */
      tl_arena_free(&f->arena);
      l->skipped++;
      continue;
    }
    if (status != TL_OK) {
      tl_fail_in(&why, status, "%s: ", f->name);
      TL_TRY(tl_raw_file_fail(f, status, &why, -1, err));
    }
    l->files[kept++] = *f;
  }
  l->count = kept;
  for (size_t i = 0; i < kept; i++) {
    const tl_raw_file *f = &l->files[i];
    if (f->failed || p->naming != &tl_naming_option || f->subject.contract.could_be_weekly == INT64_MIN) continue;
    p->out->could_be_weekly++;
    p->out->could_be = f->name;
  }
  return TL_OK;
}

static tl_status find_files(tl_packer *p, tl_error *err) {
  const tl_pack_options *o = p->options;
  p->out->files.env = p->env;
  if (p->naming->calendar && o->calendar == NULL) return tl_fail(err, TL_USAGE, "--calendar is needed: names say a month, the calendar says which day that is");
  TL_TRY(tl_symbols_open(&p->symbols, p->env, o->patterns, err));
  if (o->calendar != NULL) TL_TRY(tl_expiries_open(&p->calendar, p->env, o->calendar, err));
  for (size_t i = 0; i < o->raw_count; i++) TL_TRY(tl_raw_list_add(&p->out->files, o->raw[i], o->calendar, err));
  TL_TRY(read_names(p, err));
  if (p->out->files.count == 0)
    return tl_fail(err, TL_NOT_FOUND, "no Parquet or CSV file to pack%s", p->out->files.skipped > 0 ? "; other files were skipped" : "");
  return TL_OK;
}

/* ---- the tape as it is ---- */

static tl_status open_target(tl_packer *p, tl_error *err) {
  const char *layout = p->options->plain ? "plain" : "hive";
  TL_TRY(tl_target_open(&p->target, p->env, p->options->out, true, err));
  p->locked = true;
  if (p->target.is_file) return tl_fail(err, TL_USAGE, "%s: a tape is a folder", p->options->out);
  TL_TRY(tl_pack_state_open(&p->state, &p->target, p->options->name, layout, err));
  for (size_t i = 0; i < p->out->files.count; i++) {
    tl_raw_file *f = &p->out->files.files[i];
    if (!f->failed) TL_TRY(tl_pack_state_has(&p->state, f, tl__pack_part_name, p, &f->unchanged, err));
  }
  return TL_OK;
}

typedef struct folder {
  tl_packer *p;
  tl_pack_part *part;
  const char *path, *name; /* of the folder: to list it, and below the root */
} folder;

static tl_status visit_old(void *context, const char *entry, tl_error *err) {
  folder *f = context;
  const char *path, *name;
  if (entry[0] == '_' || entry[0] == '.' || !tl_ends_with(entry, ".parquet")) return TL_OK;
  TL_TRY(tl_arena_format(&f->p->arena, &path, err, "%s/%s", f->path, entry));
  TL_TRY(tl_arena_format(&f->p->arena, &name, err, "%s/%s", f->name, entry));
  TL_TRY(tl_reserve(f->p->env, &f->part->old, &f->part->old_capacity, f->part->old_count + 1, sizeof *f->part->old, err));
  TL_TRY(tl_old_file_open(&f->part->old[f->part->old_count], f->p->env, &f->p->arena, path, name, f->p->definition, f->p->naming, f->part->part.key, err));
  f->part->old_count++;
  return TL_OK;
}

static int old_by_name(const void *a, const void *b) { return strcmp(((const tl_old_file *)a)->name, ((const tl_old_file *)b)->name); }

static tl_status find_old(tl_packer *p, tl_pack_part *part, tl_error *err) {
  folder f = {.p = p, .part = part};
  size_t size = tl_manifest_folder(part->part.name) - 1;
  tl_file_info info;
  TL_TRY(tl_arena_text(&p->arena, &f.name, part->part.name, size, err));
  TL_TRY(tl_arena_format(&p->arena, &f.path, err, "%s/%s", p->target.root, f.name));
  if (p->env->info(p->env, f.path, &info, NULL) != TL_OK || !info.is_folder) return TL_OK;
  TL_TRY(p->env->list(p->env, f.path, visit_old, &f, err));
  if (part->old_count > 0) qsort(part->old, part->old_count, sizeof *part->old, old_by_name);
  return TL_OK;
}

/* ---- the survey ---- */

typedef struct surveyor {
  tl_packer *p;
  size_t next; /* taken with an atomic add */
  tl_lock *lock;
  tl_status status;
  tl_error error;
} surveyor;

static void survey_files(void *context, int thread) {
  surveyor *s = context;
  tl_packer *p = s->p;
  TL_OWNED(tl_arena) arena = {.env = p->env};
  (void)thread;
  for (;;) {
    size_t i = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
    if (i >= p->out->files.count || tl_sys_stop_requested()) return;
    tl_raw_file *f = &p->out->files.files[i];
    const char *scratch;
    tl_error err = {0};
    if (!tl__pack_takes(f) || (f->is_csv && p->options->dry_run)) continue;
    tl_status status = tl_arena_format(&arena, &scratch, &err, "%s%zu.parquet", p->target.scratch, i);
    if (status == TL_OK) status = tl_raw_file_survey(f, p->definition, p->naming, scratch, p->page_limit, &err);
    if (status == TL_OK) continue;
    tl_lock_enter(s->lock);
    if (s->status == TL_OK) s->status = status, s->error = err;
    tl_lock_leave(s->lock);
    return;
  }
}

static tl_status survey_all(tl_packer *p, tl_error *err) {
  surveyor s = {.p = p};
  TL_TRY(tl_lock_open(&s.lock, p->env, err));
  tl_sys_run_threads(p->threads, survey_files, &s);
  tl_lock_close(s.lock);
  if (s.status != TL_OK && err != NULL) *err = s.error;
  if (s.status == TL_OK && tl_sys_stop_requested()) return tl_fail(err, TL_CANCELLED, "stopped; nothing was changed");
  return s.status;
}

/* ---- parts ---- */

/* What a file has of a part. */
typedef struct share {
  int64_t day;
  const char *key;
  int64_t rows;
} share;

static int by_day_and_key(const void *a, const void *b) {
  const share *x = a, *y = b;
  if (x->day != y->day) return x->day < y->day ? -1 : 1;
  return strcmp(x->key, y->key);
}

void tl__pack_forget_parts(tl_packer *p) {
  for (size_t i = 0; i < p->part_count; i++) {
    tl_pack_part *part = &p->parts[i];
    for (size_t k = 0; k < part->old_count; k++) tl_old_file_free(&part->old[k]);
    for (size_t k = 0; part->old_sources != NULL && k < part->old_count; k++) tl_pack_source_free(&part->old_sources[k]);
    tl_release(p->env, part->old);
  }
  tl_release(p->env, p->parts);
  p->parts = NULL;
  p->part_count = 0;
}

/* The days and keys that files touch, each once: *out is the caller's to release. */
static tl_status find_shares(const tl_packer *p, share **out, size_t *count, tl_error *err) {
  size_t total = 0, at = 0, kept = 0;
  const tl_raw_list *l = &p->out->files;
  for (size_t i = 0; i < l->count; i++) total += tl__pack_takes(&l->files[i]) ? l->files[i].day_count : 0;
  TL_TRY(tl_allocate(p->env, out, total + 1, sizeof **out, err));
  share *s = *out;
  for (size_t i = 0; i < l->count; i++)
    for (size_t k = 0; tl__pack_takes(&l->files[i]) && k < l->files[i].day_count; k++)
      s[at++] = (share){l->files[i].days[k].day, tl__pack_key(p, &l->files[i].subject), l->files[i].days[k].count};
  if (at > 0) qsort(s, at, sizeof *s, by_day_and_key);
  for (size_t i = 0; i < at; i++) {
    if (kept > 0 && by_day_and_key(&s[kept - 1], &s[i]) == 0)
      s[kept - 1].rows += s[i].rows;
    else
      s[kept++] = s[i];
  }
  *count = kept;
  return TL_OK;
}

static tl_status open_part(tl_packer *p, size_t i, const share *of, tl_error *err) {
  tl_pack_part *part = &p->parts[i];
  part->part.day = of->day;
  part->part.key = of->key;
  part->rows = of->rows;
  TL_TRY(tl__pack_part_name(p, part->part.day, part->part.key, &p->arena, &part->part.name, err));
  if (p->locked) TL_TRY(tl_target_temporary(&p->target, &p->arena, i, &part->part.temporary, err));
  part->committed = json_object_get(p->committed, part->part.name) != NULL;
  if (p->locked && p->target.existed) TL_TRY(find_old(p, part, err));
  for (size_t k = 0; k < part->old_count; k++) part->rows += part->old[k].rows;
  TL_TRY(tl_arena_take(&p->arena, &part->next_run, part->old_count + 1, sizeof *part->next_run, err));
  return tl_arena_take(&p->arena, &part->old_sources, part->old_count + 1, sizeof *part->old_sources, err);
}

static tl_status find_parts(tl_packer *p, tl_error *err) {
  share *shares = NULL;
  size_t count = 0;
  tl_status status = find_shares(p, &shares, &count, err);
  if (status == TL_OK) status = tl_allocate_zeroed(p->env, &p->parts, count + 1, sizeof *p->parts, err);
  if (status == TL_OK) p->part_count = count;
  for (size_t i = 0; i < count && status == TL_OK; i++) status = open_part(p, i, &shares[i], err);
  tl_release(p->env, shares);
  return status;
}

/* The tape's types prevail; a raw file that does not fit fails. */
static tl_status find_shape(tl_packer *p, bool *again, tl_error *err) {
  tl_tape_shape_free(&p->shape);
  TL_TRY(tl_tape_shape_open(&p->shape, p->env, p->definition, p->naming, p->options->plain, err));
  for (size_t i = 0; i < p->part_count; i++)
    for (size_t k = 0; k < p->parts[i].old_count; k++) TL_TRY(tl_tape_shape_add(&p->shape, &p->parts[i].old[k].schema, p->parts[i].old[k].path, err));
  for (size_t i = 0; i < p->out->files.count; i++) {
    tl_raw_file *f = &p->out->files.files[i];
    tl_error why = {0};
    if (!tl__pack_takes(f)) continue;
    tl_status status = tl_tape_shape_add(&p->shape, &f->schema, f->name, &why);
    if (status == TL_OK) continue;
    TL_TRY(tl_raw_file_fail(f, status, &why, -1, err));
    *again = true;
  }
  return tl_tape_shape_settle(&p->shape, err);
}

/* ---- subjects ---- */

static int compare_subjects(const void *a, const void *b, void *naming) { return ((const tl_naming *)naming)->compare(a, b); }

static int32_t subject_index(const tl_packer *p, const tl_subject *s) {
  size_t low = 0, high = p->subject_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (p->naming->compare(&p->subjects[middle], s) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return (int32_t)low;
}

static int by_subject(const void *a, const void *b, void *files) {
  const tl_raw_file *x = (const tl_raw_file *)files + *(const size_t *)a, *y = (const tl_raw_file *)files + *(const size_t *)b;
  if (x->subject_index != y->subject_index) return x->subject_index < y->subject_index ? -1 : 1;
  return x < y ? -1 : x > y;
}

/* What the calendar says of a subject now goes before what a tape remembers: raw files come first, and of equal ones the first stays. */
static tl_status find_subjects(tl_packer *p, tl_error *err) {
  tl_raw_list *l = &p->out->files;
  size_t most = l->count, count = 0, kept = 0;
  for (size_t i = 0; i < p->part_count; i++)
    for (size_t k = 0; k < p->parts[i].old_count; k++) most += p->parts[i].old[k].run_count;
  TL_TRY(tl_arena_take(&p->arena, &p->subjects, most + 1, sizeof *p->subjects, err));
  TL_TRY(tl_arena_take(&p->arena, &p->by_subject, l->count + 1, sizeof *p->by_subject, err));
  for (size_t i = 0; i < l->count; i++)
    if (tl__pack_takes(&l->files[i])) p->subjects[count++] = l->files[i].subject;
  for (size_t i = 0; i < p->part_count; i++)
    for (size_t k = 0; k < p->parts[i].old_count; k++)
      for (size_t r = 0; r < p->parts[i].old[k].run_count; r++) p->subjects[count++] = p->parts[i].old[k].runs[r].subject;
  if (count > 0) qsort_r(p->subjects, count, sizeof *p->subjects, compare_subjects, (void *)(uintptr_t)p->naming);
  for (size_t i = 0; i < count; i++)
    if (kept == 0 || p->naming->compare(&p->subjects[kept - 1], &p->subjects[i]) != 0) p->subjects[kept++] = p->subjects[i];
  p->subject_count = kept;
  p->by_subject_count = 0;
  for (size_t i = 0; i < l->count; i++) {
    if (!tl__pack_takes(&l->files[i])) continue;
    l->files[i].subject_index = subject_index(p, &l->files[i].subject);
    p->by_subject[p->by_subject_count++] = i;
  }
  if (p->by_subject_count > 0) qsort_r(p->by_subject, p->by_subject_count, sizeof *p->by_subject, by_subject, l->files);
  for (size_t i = 0; i < p->part_count; i++)
    for (size_t k = 0; k < p->parts[i].old_count; k++)
      for (size_t r = 0; r < p->parts[i].old[k].run_count; r++) {
        tl_old_run *run = &p->parts[i].old[k].runs[r];
        run->subject_index = subject_index(p, &run->subject);
      }
  return TL_OK;
}

/* ---- memory ---- */

/* Bytes that a row takes in memory, about. */
static int64_t bytes_of_row(const tl_schema *rows) {
  int64_t bytes = 0;
  for (int i = 0; i < rows->child_count; i++) {
    const tl_schema *c = &rows->children[i];
    bytes += c->shape != TL_SHAPE_VALUE ? 96 : c->field.physical == TL_PHYSICAL_BYTE_ARRAY ? 40 : tl_field_width(&c->field) + 1;
  }
  return bytes;
}

/* Row groups on their way are: one of each open part, of which each thread has one at least, and for each thread one that it encodes. */
static void share_memory(tl_packer *p) {
  enum { ROWS = 131072, LEAST = 1 << 19 };
  int64_t budget = p->options->memory * 6 / 10, most = (budget - p->threads * TL__PACK_ENCODING) / 6;
  p->row_bytes = bytes_of_row(&p->shape.rows);
  p->group_bytes = p->row_bytes * ROWS;
  if (p->group_bytes > most) p->group_bytes = most > LEAST ? most : LEAST;
  int64_t fits = budget / (p->group_bytes * 3 / 2 + TL__PACK_ENCODING) / 2;
  if (p->threads > fits) p->threads = fits > 1 ? (int)fits : 1;
}

/* ---- whole ---- */

tl_status tl__pack_settle(tl_packer *p, tl_error *err) {
  for (bool again = true; again;) {
    again = false;
    tl__pack_forget_parts(p);
    TL_TRY(find_parts(p, err));
    TL_TRY(find_shape(p, &again, err));
  }
  TL_TRY(find_subjects(p, err));
  share_memory(p);
  return TL_OK;
}

tl_status tl__pack_plan(tl_packer *p, tl_error *err) {
  TL_TRY(check_definition(p, err));
  TL_TRY(find_files(p, err));
  if (!p->options->dry_run) TL_TRY(open_target(p, err));
  TL_TRY(survey_all(p, err));
  TL_TRY(tl_arena_take(&p->arena, &p->days_done, p->out->files.count + 1, sizeof *p->days_done, err));
  return tl__pack_settle(p, err);
}
