#include "run/target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

/* The lock of a single file is the file aside, which goes when nothing came of it. */
static void remove_aside(tl_target *t) {
  const char *path;
  if (t->is_file && t->lock >= 0 && !t->put && tl_target_temporary(t, &t->arena, 0, &path, NULL) == TL_OK) (void)t->env->remove(t->env, path, NULL);
}

void tl_target_free(tl_target *t) {
  if (t->env == NULL) return;
  remove_aside(t);
  if (t->lock >= 0) (void)t->env->close(t->env, t->lock, NULL);
  tl_manifest_free(&t->old);
  tl_arena_free(&t->arena);
  *t = (tl_target){.lock = -1};
}

static tl_status join(tl_target *t, const char **out, const char *name, tl_error *err) { return tl_arena_format(&t->arena, out, err, "%s/%s", t->root, name); }

static tl_status count_entry(void *context, const char *name, tl_error *err) {
  (void)name, (void)err;
  ++*(int *)context;
  return TL_OK;
}

/* ---- looking ---- */

/* A place for scratch files in the nearest folder that is there. */
static tl_status find_scratch(tl_target *t, tl_error *err) {
  const char *folder;
  tl_file_info info;
  tl_status status;
  bool there = t->existed && !t->is_file;
  TL_TRY(tl_arena_text(&t->arena, &folder, t->root, strlen(t->root), err));
  while (!there) {
    char *slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder) {
      folder = slash == NULL ? "." : "/";
      break;
    }
    *slash = 0;
    status = t->env->info(t->env, folder, &info, err);
    if (status != TL_OK && status != TL_NOT_FOUND) return status;
    there = status == TL_OK;
    if (there && !info.is_folder) return tl_fail(err, TL_USAGE, "%s: %s is a file, not a folder", t->root, folder);
  }
  return tl_arena_format(&t->arena, &t->scratch, err, "%s/.tickloom-%llx-", folder, (unsigned long long)t->env->now_ns(t->env));
}

static tl_status look_at_file(tl_target *t, const char *path, tl_error *err) {
  const char *ours, *slash = strrchr(t->root, '/');
  bool there;
  if (!tl_ends_with(t->root, ".parquet")) return tl_fail(err, TL_USAGE, "%s: a file that is no .parquet; --out names a folder or a .parquet file", path);
  TL_TRY(tl_arena_format(&t->arena, &ours, err, "%.*s_tickloom", slash ? (int)(slash - t->root) + 1 : 0, t->root));
  TL_TRY(tl_path_exists(t->env, ours, &there, err));
  if (there) return tl_fail(err, TL_USAGE, "%s: that folder is the output of another run; a file more would make its rows double", path);
  return TL_OK;
}

static tl_status look_at_folder(tl_target *t, const char *path, tl_error *err) {
  const char *ours;
  bool there;
  int entries = 0;
  TL_TRY(t->env->list(t->env, t->root, count_entry, &entries, err));
  TL_TRY(t->env->lock(t->env, t->root, &t->lock, err));
  if (entries == 0) return TL_OK;
  TL_TRY(join(t, &ours, "_tickloom", err));
  TL_TRY(tl_path_exists(t->env, ours, &there, err));
  if (!there) return tl_fail(err, TL_USAGE, "%s: the folder is not empty and was not written by tickloom; nothing was changed", path);
  tl_status status = tl_manifest_read(&t->old, t->env, t->root, err);
  return status == TL_NOT_FOUND ? TL_OK : status;
}

static tl_status look(tl_target *t, const char *path, tl_error *err) {
  tl_file_info info;
  size_t size = strlen(path);
  while (size > 1 && path[size - 1] == '/') size--;
  TL_TRY(tl_arena_text(&t->arena, &t->root, path, size, err));
  tl_status status = t->env->info(t->env, t->root, &info, err);
  t->existed = status == TL_OK;
  if (status != TL_OK && status != TL_NOT_FOUND) return status;
  if (t->existed && !info.is_folder && !info.is_regular) return tl_fail(err, TL_USAGE, "%s: a pipe or device; the output is a file or a folder", path);
  t->is_file = t->existed ? !info.is_folder : tl_ends_with(t->root, ".parquet");
  if (t->is_file)
    TL_TRY(look_at_file(t, path, err));
  else if (t->existed)
    TL_TRY(look_at_folder(t, path, err));
  return find_scratch(t, err);
}

tl_status tl_target_open(tl_target *out, tl_env *env, const char *path, bool durable, tl_error *err) {
  *out =
      (tl_target){.env = env, .arena = {.env = env}, .old = {.arena = {.env = env}}, .durable = durable, .lock = -1, .generation = (uint64_t)env->now_ns(env)};
  tl_status status = look(out, path, err);
  if (status != TL_OK) tl_target_free(out);
  return status;
}

/* ---- moving into place ---- */

/* Makes every folder of a path but the last part. */
static tl_status make_parents(tl_target *t, const char *path, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  const char *copy, *above;
  bool there;
  TL_TRY(tl_arena_text(&arena, &copy, path, strlen(path), err));
  for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    TL_TRY(tl_path_exists(t->env, copy, &there, err));
    if (!there) TL_TRY(t->env->make_folder(t->env, copy, err));
    if (!there && t->durable) { /* its entry, too */
      const char *last = strrchr(copy, '/');
      TL_TRY(tl_arena_text(&arena, &above, last ? copy : ".", last ? (size_t)(last - copy) + (last == copy) : 1, err));
      TL_TRY(tl_folder_sync(t->env, above, err));
    }
    *slash = '/';
  }
  return TL_OK;
}

static tl_status move(tl_target *t, const char *from, const char *to, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  const char *folder = to;
  TL_TRY(t->env->rename(t->env, from, to, err));
  if (!t->durable) return TL_OK;
  const char *slash = strrchr(to, '/');
  TL_TRY(tl_arena_text(&arena, &folder, slash ? to : ".", slash ? (size_t)(slash - to) + (slash == to) : 1, err));
  return tl_folder_sync(t->env, folder, err);
}

static tl_status into_place(tl_target *t, const char *from, const char *name, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  const char *path = t->root;
  if (!t->is_file) {
    TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", t->root, name));
    if (strchr(name, '/') != NULL) TL_TRY(make_parents(t, path, err));
  }
  return move(t, from, path, err);
}

/* ---- making ready ---- */

typedef struct sweep {
  tl_target *target;
  const char *folder;
} sweep;

static tl_status sweep_entry(void *context, const char *name, tl_error *err) {
  sweep *s = context;
  const char *path;
  TL_TRY(tl_arena_format(&s->target->arena, &path, err, "%s/%s", s->folder, name));
  return s->target->env->remove(s->target->env, path, err);
}

/* A run that was killed after its manifest was written: its files come into their places now. */
static tl_status roll_forward(tl_target *t, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  for (size_t i = 0; i < t->old.count && t->old.generation != 0; i++) {
    const char *ready;
    bool waits;
    TL_TRY(tl_manifest_ready_path(&arena, t->root, t->old.generation, t->old.files[i].name, &ready, err));
    TL_TRY(tl_path_exists(t->env, ready, &waits, err));
    if (waits) TL_TRY(into_place(t, ready, t->old.files[i].name, err));
  }
  return TL_OK;
}

tl_status tl_target_begin(tl_target *t, tl_error *err) {
  const char *path;
  bool there;
  sweep s = {.target = t};
  TL_TRY(make_parents(t, t->root, err));
  if (t->is_file) {
    TL_TRY(tl_target_temporary(t, &t->arena, 0, &path, err));
    return t->env->lock(t->env, path, &t->lock, err);
  }
  TL_TRY(t->env->make_folder(t->env, t->root, err));
  if (t->lock < 0) { /* made just now, by us or by somebody who was as quick */
    TL_TRY(t->env->lock(t->env, t->root, &t->lock, err));
    TL_TRY(join(t, &path, "_tickloom", err));
    TL_TRY(tl_path_exists(t->env, path, &there, err));
    if (there) return tl_fail(err, TL_IO, "%s: in use by another run, which began just now", t->root);
  }
  TL_TRY(join(t, &path, "_tickloom/tmp/x", err));
  TL_TRY(make_parents(t, path, err));
  TL_TRY(join(t, &path, "_tickloom/runs/x", err));
  TL_TRY(make_parents(t, path, err));
  TL_TRY(join(t, &path, "_tickloom/state/x", err));
  TL_TRY(make_parents(t, path, err));
  TL_TRY(join(t, &s.folder, "_tickloom/tmp", err));
  TL_TRY(t->env->list(t->env, s.folder, sweep_entry, &s, err));
  TL_TRY(join(t, &t->scratch, "_tickloom/tmp/scratch-", err));
  TL_TRY(roll_forward(t, err));
  return tl_target_remove_stale(t, &t->old, err);
}

tl_status tl_target_temporary(tl_target *t, tl_arena *arena, size_t index, const char **out, tl_error *err) {
  if (!t->is_file) return tl_arena_format(arena, out, err, "%s/_tickloom/tmp/%zu", t->root, index);
  const char *slash = strrchr(t->root, '/');
  int folder = slash ? (int)(slash - t->root) + 1 : 0;
  return tl_arena_format(arena, out, err, "%.*s.%s.tickloom", folder, t->root, t->root + folder);
}

tl_status tl_target_path(tl_target *t, tl_arena *arena, const char *name, const char **out, tl_error *err) {
  return tl_arena_format(arena, out, err, "%s/_tickloom/%s", t->root, name);
}

tl_status tl_target_ready_path(tl_target *t, tl_arena *arena, const char *name, const char **out, tl_error *err) {
  return tl_manifest_ready_path(arena, t->root, t->generation, name, out, err);
}

/* ---- putting in place ---- */

tl_status tl_target_put(tl_target *t, const char *temporary, const char *name, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  const char *path;
  if (t->old.count == 0) {
    TL_TRY(into_place(t, temporary, name, err));
    if (t->is_file) t->put = true;
    return TL_OK;
  }
  TL_TRY(tl_target_ready_path(t, &arena, name, &path, err));
  return move(t, temporary, path, err);
}

tl_status tl_target_publish(tl_target *t, const char *name, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  const char *path;
  bool there;
  if (t->is_file) return TL_OK;
  TL_TRY(tl_target_ready_path(t, &arena, name, &path, err));
  TL_TRY(tl_path_exists(t->env, path, &there, err));
  return there ? into_place(t, path, name, err) : TL_OK;
}

tl_status tl_target_write(tl_target *t, const char *name, tl_bytes bytes, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  const char *temporary, *path;
  TL_TRY(tl_target_path(t, &arena, "tmp/file", &temporary, err));
  TL_TRY(tl_target_path(t, &arena, name, &path, err));
  TL_TRY(tl_file_write(t->env, temporary, bytes, t->durable, err));
  tl_status status = move(t, temporary, path, err);
  if (status != TL_OK) (void)t->env->remove(t->env, temporary, NULL);
  return status;
}

/* ---- what goes ---- */

/* Bytes of the folder part of a name when it is a Hive partition, else 0. */
static size_t partition(const char *name) {
  size_t size = tl_manifest_folder(name);
  return size > 0 && memchr(name, '=', size) != NULL ? size : 0;
}

bool tl_target_keeps(const char *old, const char *const *names, size_t count) {
  size_t size = partition(old), low = 0, high = count;
  if (size == 0) return false;
  while (low < high) { /* names of one folder lie side by side */
    size_t middle = low + (high - low) / 2;
    if (strncmp(names[middle], old, size) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low == count || strncmp(names[low], old, size) != 0;
}

tl_status tl_target_remove(tl_target *t, const char *name, int64_t size, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  const char *path;
  tl_file_info info;
  TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", t->root, name));
  tl_status status = t->env->info(t->env, path, &info, err);
  if (status == TL_NOT_FOUND || (status == TL_OK && size >= 0 && info.size != size)) return TL_OK; /* gone, or somebody else's by now */
  TL_TRY(status);
  TL_TRY(t->env->remove(t->env, path, err));
  for (char *slash = strrchr(path, '/'); (size_t)(slash - path) > strlen(t->root); slash = strrchr(path, '/')) {
    *slash = 0;
    if (t->env->remove(t->env, path, NULL) != TL_OK) break; /* not empty */
  }
  return TL_OK;
}

tl_status tl_target_note_stale(tl_target *t, const tl_manifest_file *files, size_t count, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = t->env};
  tl_json json = {.out = &text, .err = err};
  if (count == 0) return TL_OK;
  tl_json_open(&json, NULL, '{');
  tl_manifest_write_files(&json, files, count);
  tl_json_close(&json, '}');
  TL_TRY(json.status);
  return tl_target_write(t, "state/stale.json", tl_buffer_view(&text), err);
}

static bool is_listed(const tl_manifest *m, const char *name) {
  for (size_t i = 0; i < m->count; i++)
    if (strcmp(m->files[i].name, name) == 0) return true;
  return false;
}

tl_status tl_target_remove_stale(tl_target *t, const tl_manifest *present, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  TL_OWNED(tl_manifest) stale = {0};
  const char *path;
  TL_TRY(tl_target_path(t, &arena, "state/stale.json", &path, err));
  tl_status status = tl_manifest_read_file(&stale, t->env, path, err);
  if (status == TL_NOT_FOUND) return TL_OK;
  TL_TRY(status);
  for (size_t i = 0; i < stale.count; i++)
    if (!is_listed(present, stale.files[i].name)) TL_TRY(tl_target_remove(t, stale.files[i].name, stale.files[i].size, err));
  return t->env->remove(t->env, path, err);
}
