#include "pack/resort.h"
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "lake/dataset.h"
#include "lake/order.h"
#include "lake/rewrite.h"
#include "lake/tape_order.h"
#include "pack/state.h"

typedef struct resorter {
  tl_env *env;
  const tl_resort_options *o;
  tl_resort_outcome *out;
  tl_arena arena;
  tl_target target; /* of a tape */
  tl_pack_state state;
  int lock; /* of a folder that is no tape; -1 */
} resorter;

static tl_status is_in_order(resorter *r, const tl_dataset_file *f, bool *out, int64_t *rows, tl_error *err) {
  TL_OWNED(tl_parquet) file = {.handle = -1};
  tl_sorting keys[TL_MOST_ORDER];
  int count;
  int64_t broken;
  TL_TRY(tl_parquet_open(&file, r->env, f->path, err));
  TL_TRY(tl_tape_order(keys, &count, &file, r->o->order, err));
  if (count == 0) return tl_fail(err, TL_USAGE, "%s: no tape, so that its order is not known; --order says it", f->path);
  TL_TRY(tl_order_verify_by(&broken, &file, keys, count, err));
  *out = broken < 0;
  *rows = file.meta.row_count;
  return TL_OK;
}

/* The names of the order's columns; their text is cut in place. */
static int split(char *text, const char **out) {
  int count = 0;
  for (char *at = text, *comma; at != NULL && count < TL_MOST_ORDER; at = comma != NULL ? comma + 1 : NULL) {
    comma = strchr(at, ',');
    if (comma != NULL) *comma = 0;
    out[count++] = at;
  }
  return count;
}

static tl_status wait_for_disk(tl_env *env, const char *path, tl_error *err) {
  int handle;
  TL_TRY(env->open_read(env, path, &handle, err));
  tl_status status = env->sync(env, handle, err);
  tl_status closed = env->close(env, handle, status == TL_OK ? err : NULL);
  return status == TL_OK ? closed : status;
}

/* Beside the file, under a name that is no data's, until it is whole and on the disk. */
static tl_status sort_file(resorter *r, const tl_dataset_file *f, int64_t rows, tl_error *err) {
  const char *temporary, *order, *folder, *keys[TL_MOST_ORDER];
  const char *slash = strrchr(f->path, '/');
  tl_rewrite_outcome done;
  int size = slash != NULL ? (int)(slash - f->path) : 0;
  TL_TRY(tl_arena_format(&r->arena, &temporary, err, "%.*s%s.%s.sorting", size, f->path, slash != NULL ? "/" : "", slash != NULL ? slash + 1 : f->path));
  TL_TRY(tl_arena_format(&r->arena, &folder, err, "%.*s", size > 0 ? size : 1, size > 0 ? f->path : "."));
  TL_TRY(tl_arena_text(&r->arena, &order, r->o->order != NULL ? r->o->order : TL_TAPE_ORDER, strlen(r->o->order != NULL ? r->o->order : TL_TAPE_ORDER), err));
  tl_rewrite_options o = {.in = f->path, .out = temporary, .keys = keys, .memory = r->o->memory * 6 / 10};
  o.key_count = split((char *)order, keys);
  tl_status status = tl_rewrite(&done, r->env, &o, err);
  if (status == TL_OK && done.rows != rows)
    status = tl_fail(err, TL_CORRUPT, "%s: %lld of %lld rows could be read; nothing was changed", f->path, (long long)done.rows, (long long)rows);
  if (status == TL_OK) status = wait_for_disk(r->env, temporary, err);
  if (status == TL_OK) status = r->env->rename(r->env, temporary, f->path, err);
  if (status != TL_OK) {
    (void)r->env->remove(r->env, temporary, NULL);
    return status;
  }
  return tl_folder_sync(r->env, folder, err);
}

static tl_status note_part(resorter *r, const tl_dataset_file *f, int64_t rows, tl_error *err) {
  tl_file_info info;
  if (r->state.root == NULL || json_object_get(json_object_get(r->state.root, "parts"), f->name) == NULL) return TL_OK;
  TL_TRY(r->env->info(r->env, f->path, &info, err));
  TL_TRY(tl_pack_state_add_part(&r->state, f->name, info.size, rows, err));
  return tl_pack_state_write(&r->state, &r->target, err);
}

/* A part of a tape is not sorted by itself: who packs holds the whole. */
static tl_status refuse_inside(resorter *r, tl_error *err) {
  const char *above = r->o->path, *tape;
  bool is_tape;
  for (int level = 0; level < 4; level++) {
    TL_TRY(tl_arena_format(&r->arena, &above, err, "%s/..", above));
    if (level == 0) { /* a file has no folder of that name */
      const char *slash = strrchr(r->o->path, '/');
      tl_file_info info;
      TL_TRY(r->env->info(r->env, r->o->path, &info, err));
      if (!info.is_folder)
        TL_TRY(tl_arena_format(&r->arena, &above, err, "%.*s", slash != NULL ? (int)(slash - r->o->path) : 1, slash != NULL ? r->o->path : "."));
    }
    TL_TRY(tl_arena_format(&r->arena, &tape, err, "%s/_tickloom/tape.json", above));
    TL_TRY(tl_path_exists(r->env, tape, &is_tape, err));
    if (is_tape) return tl_fail(err, TL_USAGE, "%s: a part of the tape %s; sort that", r->o->path, above);
  }
  return TL_OK;
}

/* A tape is held like one that is packed into, any other folder as such. */
static tl_status hold(resorter *r, tl_error *err) {
  tl_file_info info;
  const char *tape;
  bool is_tape;
  TL_TRY(r->env->info(r->env, r->o->path, &info, err));
  TL_TRY(refuse_inside(r, err));
  if (!info.is_folder) return TL_OK;
  TL_TRY(tl_arena_format(&r->arena, &tape, err, "%s/_tickloom/tape.json", r->o->path));
  TL_TRY(tl_path_exists(r->env, tape, &is_tape, err));
  if (!is_tape) return r->env->lock(r->env, r->o->path, &r->lock, err);
  TL_TRY(tl_target_open(&r->target, r->env, r->o->path, true, err));
  return tl_pack_state_open(&r->state, &r->target, NULL, NULL, err);
}

static tl_status sort_all(resorter *r, tl_error *err) {
  TL_OWNED(tl_dataset) dataset = {0};
  TL_TRY(hold(r, err));
  TL_TRY(tl_dataset_list(&dataset, r->env, r->o->path, err));
  for (size_t i = 0; i < dataset.count; i++) {
    bool fine = true;
    int64_t rows = 0;
    if (tl_sys_stop_requested()) return tl_fail(err, TL_CANCELLED, "stopped; the same command goes on");
    TL_TRY(is_in_order(r, &dataset.files[i], &fine, &rows, err));
    if (!fine) TL_TRY(sort_file(r, &dataset.files[i], rows, err));
    if (!fine) TL_TRY(note_part(r, &dataset.files[i], rows, err));
    r->out->files++;
    r->out->rows += rows;
    r->out->sorted += !fine;
    if (r->o->tell != NULL) r->o->tell(r->o->context, (int64_t)i + 1, (int64_t)dataset.count);
  }
  return TL_OK;
}

tl_status tl_resort(tl_resort_outcome *out, tl_env *env, const tl_resort_options *options, tl_error *err) {
  *out = (tl_resort_outcome){0};
  resorter r = {.env = env, .o = options, .out = out, .arena = {.env = env}, .target = {.lock = -1}, .lock = -1};
  tl_status status = sort_all(&r, err);
  tl_pack_state_free(&r.state);
  tl_target_free(&r.target);
  if (r.lock >= 0) (void)env->close(env, r.lock, NULL);
  tl_arena_free(&r.arena);
  return status;
}
