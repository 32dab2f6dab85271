/* Which files of the output an update changes, beside the one that it adds.

   A stream whose rows were corrected, or came late, is computed anew from its first row. Its rows go out of every file that has some: a
   file with no other streams is made anew under its name, or goes; of another one a copy without them is made. */
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
  TL_TRY(tl_arena_take(&run->arena, &u->outputs, u->old.output_count + 1, sizeof *u->outputs, err));
  TL_TRY(tl_arena_take(&run->arena, &u->home, run->input.stream_count + 1, sizeof *u->home, err));
  TL_TRY(tl_arena_take(&run->arena, &home_of, u->old.stream_count + 1, sizeof *home_of, err));
  for (size_t i = 0; i < u->old.stream_count; i++) home_of[i] = -1;
  for (size_t o = 0; o < u->old.output_count; o++) {
    const tl_ledger_output *old = &u->old.outputs[o];
    size_t redone = count_redone(u, &old->streams);
    u->outputs[o] = (tl_update_output){.goes = redone > 0 && redone == old->streams.count, .thins = redone > 0 && redone < old->streams.count};
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
    if (u->outputs[o].thins) TL_TRY(copy_without(run, o, err));
  return TL_OK;
}

/* ---- what the dataset consists of then ---- */

static const tl_update_output *output_named(const tl_update *u, const char *name) {
  for (size_t o = 0; o < u->old.output_count; o++)
    if (strcmp(u->old.outputs[o].name, name) == 0) return &u->outputs[o];
  return NULL;
}

bool tl__update_keeps_file(const tl_run *run, tl_manifest_file *file) {
  const tl_update_output *o = output_named(&run->update, file->name);
  if (o != NULL && o->thins) file->rows = o->rows, file->size = o->size;
  return o == NULL || !o->goes;
}
