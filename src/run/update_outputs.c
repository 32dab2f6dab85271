/* Which files of the output an update changes, beside the one that it adds.

   A stream whose rows were corrected, or came late, is computed anew from its first row. Its rows go out of every file that has some: a
   file with no other streams is made anew under its name, or goes; of another one a copy without them is made. Parts of earlier updates
   that have become many are merged. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "lake/rewrite.h"
#include "run/run.h"

static bool is_redone(const tl_update *u, size_t number) { return u->carry->redo[number]; }

static size_t count_redone(const tl_update *u, const tl_stream_set *s) {
  size_t count = 0;
  for (size_t i = 0; i < s->count; i++) count += is_redone(u, s->streams[i]);
  return count;
}

tl_status tl__update_outputs(tl_run *run, tl_error *err) {
  tl_update *u = &run->update;
  int32_t *home_of;
  if (!u->going_on) return TL_OK;
  for (size_t i = 0; run->days != NULL && i < u->old.stream_count; i++)
    if (is_redone(u, i)) tl__update_decline(run, "rows of an output by date changed");
  TL_TRY(tl_arena_take(&run->arena, &u->outputs, u->old.output_count + 1, sizeof *u->outputs, err));
  TL_TRY(tl_arena_take(&run->arena, &u->home, run->input.stream_count + 1, sizeof *u->home, err));
  TL_TRY(tl_arena_take(&run->arena, &home_of, u->old.stream_count + 1, sizeof *home_of, err));
  for (size_t i = 0; i < u->old.stream_count; i++) home_of[i] = -1;
  for (size_t o = 0; o < u->old.output_count; o++) {
    const tl_ledger_output *old = &u->old.outputs[o];
    size_t redone = count_redone(u, &old->streams);
    u->outputs[o] = (tl_update_output){.goes = redone > 0 && redone == old->streams.count, .changes = redone > 0 && redone < old->streams.count};
    for (size_t i = 0; u->outputs[o].goes && !old->is_part && i < old->streams.count; i++) home_of[old->streams.streams[i]] = (int32_t)o;
  }
  for (size_t i = 0; i < run->input.stream_count; i++) u->home[i] = u->streams[i].number >= 0 ? home_of[u->streams[i].number] : -1;
  u->partitions = false;
  for (int k = 0; k < run->definition->key_count; k++) u->partitions |= u->old.mirrors && run->input.key_in_path[k];
  return TL_OK;
}

/* ---- copies ---- */

static tl_status put_text(tl_buffer *out, const char *text, char quote, tl_error *err) {
  TL_TRY(tl_buffer_byte(out, (uint8_t)quote, err));
  for (; *text != 0; text++) {
    if (*text == quote) TL_TRY(tl_buffer_byte(out, (uint8_t)quote, err));
    TL_TRY(tl_buffer_byte(out, (uint8_t)*text, err));
  }
  return tl_buffer_byte(out, (uint8_t)quote, err);
}

static tl_status put_key(const tl_run *run, int key, tl_buffer *out, int64_t kind, int64_t value, const uint8_t *text, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  const char *copy;
  char date[TL_TIME_TEXT];
  TL_TRY(put_text(out, run->definition->keys[key], '`', err));
  TL_TRY(tl_buffer_text(out, " = ", err));
  if (kind == 1) {
    TL_TRY(tl_arena_text(&arena, &copy, (const char *)text, (size_t)value, err));
    return put_text(out, copy, '\'', err);
  }
  if (run->input.key_fields[key].logical != TL_LOGICAL_DATE) return tl_buffer_format(out, err, "%lld", (long long)value);
  tl_date_text(date, value);
  return put_text(out, date, '\'', err);
}

/* A stream's keys, from how the ledger has them, as a condition. */
static tl_status put_stream(const tl_run *run, tl_bytes keys, tl_buffer *out, tl_error *err) {
  const uint8_t *at = keys.data;
  const char *before = "";
  TL_TRY(tl_buffer_byte(out, '(', err));
  for (int k = 0; k < run->definition->key_count; k++) {
    int64_t kind = (int64_t)tl_load64(at), value = (int64_t)tl_load64(at + 8);
    at += 16;
    if (!(run->update.partitions && run->input.key_in_path[k])) { /* the file does not have that one */
      TL_TRY(tl_buffer_text(out, before, err));
      TL_TRY(put_key(run, k, out, kind, value, at, err));
      before = " and ";
    }
    if (kind == 1) at += value;
  }
  return tl_buffer_byte(out, ')', err);
}

static tl_status copy_without(tl_run *run, size_t output, tl_error *err) {
  tl_update *u = &run->update;
  const tl_ledger_output *old = &u->old.outputs[output];
  TL_OWNED(tl_arena) arena = {.env = run->env};
  TL_OWNED(tl_buffer) where = {.env = run->env};
  tl_rewrite_outcome outcome;
  tl_file_info info;
  const char *in, *temporary, *before = "not (";
  for (size_t i = 0; i < old->streams.count; i++) {
    if (!is_redone(u, old->streams.streams[i])) continue;
    TL_TRY(tl_buffer_text(&where, before, err));
    TL_TRY(put_stream(run, u->old.streams[old->streams.streams[i]].key, &where, err));
    before = " or ";
  }
  TL_TRY(tl_buffer_text(&where, ")", err));
  TL_TRY(tl_buffer_byte(&where, 0, err));
  TL_TRY(tl_arena_format(&arena, &in, err, "%s/%s", run->target.root, old->name));
  TL_TRY(tl_target_temporary(&run->target, &arena, run->file_count + output, &temporary, err));
  tl_rewrite_options options = {.in = in, .out = temporary, .where = (const char *)where.data, .memory = run->options.memory / 2};
  TL_TRY(tl_rewrite(&outcome, run->env, &options, err));
  TL_TRY(run->env->info(run->env, temporary, &info, err));
  TL_TRY(tl_progress_announce(&run->progress, old->name, err));
  TL_TRY(tl_target_put(&run->target, temporary, old->name, err));
  u->outputs[output].rows = outcome.rows;
  u->outputs[output].size = info.size;
  return TL_OK;
}

tl_status tl__update_copy(tl_run *run, tl_error *err) {
  tl_update *u = &run->update;
  for (size_t o = 0; u->going_on && o < u->old.output_count; o++)
    if (u->outputs[o].changes) TL_TRY(copy_without(run, o, err));
  return TL_OK;
}

/* ---- merging ---- */

enum { MOST_PARTS = 16 };

/* A part that may be merged with others of its folder and about its size. */
typedef struct part {
  size_t output, folder; /* bytes of the folder in its name */
  const char *name;
  int64_t rows;
  int level; /* parts of one level differ by less than MOST_PARTS times in rows, so that a row is copied few times */
} part;

static int by_place(const part *x, const part *y) {
  size_t size = x->folder < y->folder ? x->folder : y->folder;
  int order = memcmp(x->name, y->name, size);
  if (order != 0) return order;
  if (x->folder != y->folder) return x->folder < y->folder ? -1 : 1;
  return (x->level > y->level) - (x->level < y->level);
}

static int by_place_and_name(const void *a, const void *b) {
  const part *x = a, *y = b;
  int order = by_place(x, y);
  return order != 0 ? order : strcmp(x->name, y->name);
}

static int64_t rows_of(const tl_run *run, const char *name) {
  for (size_t i = 0; i < run->target.old.count; i++)
    if (strcmp(run->target.old.files[i].name, name) == 0) return run->target.old.files[i].rows;
  return 0;
}

static tl_status list_parts(const tl_run *run, tl_arena *arena, part **parts, size_t *count, tl_error *err) {
  const tl_update *u = &run->update;
  TL_TRY(tl_arena_take(arena, parts, u->old.output_count + 1, sizeof **parts, err));
  *count = 0;
  for (size_t o = 0; o < u->old.output_count; o++) {
    const char *name = u->old.outputs[o].name;
    if (!u->old.outputs[o].is_part || u->outputs[o].goes || u->outputs[o].changes) continue;
    part p = {.output = o, .name = name, .folder = tl_manifest_folder(name), .rows = rows_of(run, name)};
    for (int64_t rows = p.rows; rows >= MOST_PARTS; rows /= MOST_PARTS) p.level++;
    (*parts)[(*count)++] = p;
  }
  qsort(*parts, *count, sizeof **parts, by_place_and_name);
  return TL_OK;
}

/* The streams of all of them become those of the first. */
static tl_status join_streams(tl_run *run, const part *parts, size_t count, tl_error *err) {
  tl_update *u = &run->update;
  tl_stream_set all = {0};
  size_t total = 0;
  for (size_t i = 0; i < count; i++) total += u->old.outputs[parts[i].output].streams.count;
  TL_TRY(tl_arena_take(&run->arena, &all.streams, total + 1, sizeof *all.streams, err));
  for (size_t i = 0; i < count; i++) {
    const tl_stream_set *s = &u->old.outputs[parts[i].output].streams;
    memcpy(all.streams + all.count, s->streams, s->count * sizeof *s->streams);
    all.count += s->count;
  }
  tl_set_sort(&all);
  u->old.outputs[parts[0].output].streams = all;
  return TL_OK;
}

static tl_status merge_parts(tl_run *run, const part *parts, size_t count, tl_error *err) {
  tl_update *u = &run->update;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  const char *keys[TL_MOST_KEYS + 1], *folder, *temporary, **names;
  tl_rewrite_outcome outcome;
  tl_file_info info;
  int key_count = 0;
  TL_TRY(tl_arena_take(&arena, &names, count, sizeof *names, err));
  TL_TRY(tl_arena_format(&arena, &folder, err, "%s/%.*s", run->target.root, (int)parts[0].folder, parts[0].name));
  for (size_t i = 0; i < count; i++) names[i] = parts[i].name + parts[i].folder;
  for (int k = 0; k < run->definition->key_count; k++)
    if (!tl__run_key_is_in_path(run, k)) keys[key_count++] = run->definition->keys[k];
  keys[key_count++] = run->definition->order;
  TL_TRY(tl_target_temporary(&run->target, &arena, run->file_count + parts[0].output, &temporary, err));
  tl_rewrite_options options = {
      .in = folder, .files = names, .file_count = count, .out = temporary, .keys = keys, .key_count = key_count, .memory = run->options.memory / 2};
  TL_TRY(tl_rewrite(&outcome, run->env, &options, err));
  TL_TRY(run->env->info(run->env, temporary, &info, err));
  TL_TRY(tl_progress_announce(&run->progress, parts[0].name, err));
  TL_TRY(tl_target_put(&run->target, temporary, parts[0].name, err));
  TL_TRY(join_streams(run, parts, count, err));
  for (size_t i = 1; i < count; i++) u->outputs[parts[i].output].goes = true;
  u->outputs[parts[0].output] = (tl_update_output){.changes = true, .rows = outcome.rows, .size = info.size};
  return TL_OK;
}

tl_status tl__update_merge(tl_run *run, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = run->env};
  part *parts;
  size_t count;
  if (!run->update.going_on || run->days != NULL) return TL_OK;
  TL_TRY(list_parts(run, &arena, &parts, &count, err));
  for (size_t i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count && by_place(&parts[i], &parts[end]) == 0;) end++;
    if (end - i >= MOST_PARTS) TL_TRY(merge_parts(run, parts + i, end - i, err));
  }
  return TL_OK;
}

/* ---- what the dataset consists of then ---- */

static int by_output_name(const void *name, const void *output) { return strcmp(name, ((const tl_ledger_output *)output)->name); }

static const tl_update_output *output_named(const tl_update *u, const char *name) {
  const tl_ledger_output *o = u->old.output_count > 0 ? bsearch(name, u->old.outputs, u->old.output_count, sizeof *o, by_output_name) : NULL;
  return o != NULL ? &u->outputs[o - u->old.outputs] : NULL;
}

bool tl__update_keeps_file(const tl_run *run, tl_manifest_file *file) {
  const tl_update_output *o = output_named(&run->update, file->name);
  if (o != NULL && o->changes) file->rows = o->rows, file->size = o->size;
  return o == NULL || !o->goes;
}
