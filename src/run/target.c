#include "run/target.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

void tl_target_free(tl_target *t) {
  if (t->env == NULL) return;
  tl_arena_free(&t->arena);
  *t = (tl_target){0};
}

static tl_status join(tl_target *t, const char **out, const char *name, tl_error *err) { return tl_arena_format(&t->arena, out, err, "%s/%s", t->root, name); }

static tl_status count_entry(void *context, const char *name, tl_error *err) {
  (void)name, (void)err;
  ++*(int *)context;
  return TL_OK;
}

static tl_status read_text(tl_target *t, const char *path, const char **out, tl_error *err) {
  tl_file_info info;
  int handle;
  char *text;
  size_t done = 0;
  TL_TRY(t->env->info(t->env, path, &info, err));
  if (info.size > 1 << 30) return tl_fail(err, TL_CORRUPT, "%s: too long", path);
  TL_TRY(tl_arena_take(&t->arena, &text, (size_t)info.size + 1, 1, err));
  TL_TRY(t->env->open_read(t->env, path, &handle, err));
  tl_status status = t->env->read_at(t->env, handle, text, (size_t)info.size, 0, &done, err);
  (void)t->env->close(t->env, handle, NULL);
  *out = text;
  return status;
}

/* The files that the manifest lists; a name that leads out of the folder is not believed. */
static tl_status read_manifest(tl_target *t, const char *path, tl_error *err) {
  const char *text = NULL;
  json_error_t why;
  TL_TRY(read_text(t, path, &text, err));
  json_t *root = json_loads(text, 0, &why), *item;
  if (root == NULL) return tl_fail(err, TL_CORRUPT, "%s, line %d: %s", path, why.line, why.text);
  json_t *files = json_object_get(root, "files");
  size_t index;
  tl_status status = tl_arena_take(&t->arena, &t->old_files, json_array_size(files) + 1, sizeof *t->old_files, err);
  if (status == TL_OK && json_is_array(files)) {
    json_array_foreach(files, index, item) {
      const char *name = json_string_value(json_is_object(item) ? json_object_get(item, "name") : item);
      if (status != TL_OK || name == NULL || name[0] == '/' || strstr(name, "..") != NULL || !ends_with(name, ".parquet")) continue;
      status = tl_arena_text(&t->arena, &t->old_files[t->old_count], name, strlen(name), err);
      t->old_count += status == TL_OK;
    }
  }
  json_decref(root);
  return status;
}

static tl_status look(tl_target *t, const char *path, tl_error *err) {
  tl_file_info info;
  const char *ours, *manifest;
  size_t size = strlen(path);
  int entries = 0;
  while (size > 1 && path[size - 1] == '/') size--;
  TL_TRY(tl_arena_text(&t->arena, &t->root, path, size, err));
  tl_status status = t->env->info(t->env, t->root, &info, err);
  t->existed = status == TL_OK;
  if (status != TL_OK && status != TL_NOT_FOUND) return status;
  t->is_file = t->existed ? !info.is_folder : ends_with(t->root, ".parquet");
  if (t->existed && t->is_file && !ends_with(t->root, ".parquet"))
    return tl_fail(err, TL_USAGE, "%s: a file that is no .parquet; --out names a folder or a .parquet file", path);
  if (t->is_file) {
    const char *slash = strrchr(t->root, '/');
    TL_TRY(tl_arena_format(&t->arena, &ours, err, "%.*s_tickloom", slash ? (int)(slash - t->root) + 1 : 0, t->root));
    if (t->env->info(t->env, ours, &info, NULL) == TL_OK)
      return tl_fail(err, TL_USAGE, "%s: that folder is the output of another run; a file more would make its rows double", path);
  }
  if (!t->existed || t->is_file) return TL_OK;
  TL_TRY(t->env->list(t->env, t->root, count_entry, &entries, err));
  if (entries == 0) return TL_OK;
  TL_TRY(join(t, &ours, "_tickloom", err));
  TL_TRY(join(t, &manifest, "_tickloom/manifest.json", err));
  if (t->env->info(t->env, ours, &info, NULL) != TL_OK)
    return tl_fail(err, TL_USAGE, "%s: the folder is not empty and was not written by tickloom; nothing was changed", path);
  return t->env->info(t->env, manifest, &info, NULL) == TL_OK ? read_manifest(t, manifest, err) : TL_OK;
}

tl_status tl_target_open(tl_target *out, tl_env *env, const char *path, tl_error *err) {
  *out = (tl_target){.env = env, .arena = {.env = env}};
  tl_status status = look(out, path, err);
  if (status != TL_OK) tl_target_free(out);
  return status;
}

/* Makes every folder of a path but the last part. */
static tl_status make_parents(tl_target *t, const char *path, tl_error *err) {
  const char *copy;
  TL_TRY(tl_arena_text(&t->arena, &copy, path, strlen(path), err));
  for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    TL_TRY(t->env->make_folder(t->env, copy, err));
    *slash = '/';
  }
  return TL_OK;
}

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

tl_status tl_target_begin(tl_target *t, tl_error *err) {
  const char *temporary;
  sweep s = {.target = t};
  TL_TRY(make_parents(t, t->root, err));
  if (t->is_file) {
    tl_file_info info;
    TL_TRY(tl_target_temporary(t, &t->arena, 0, &temporary, err));
    return t->env->info(t->env, temporary, &info, NULL) == TL_OK ? t->env->remove(t->env, temporary, err) : TL_OK;
  }
  TL_TRY(join(t, &temporary, "_tickloom/tmp/x", err));
  TL_TRY(make_parents(t, temporary, err));
  TL_TRY(join(t, &temporary, "_tickloom/runs/x", err));
  TL_TRY(make_parents(t, temporary, err));
  TL_TRY(join(t, &s.folder, "_tickloom/tmp", err));
  return t->env->list(t->env, s.folder, sweep_entry, &s, err);
}

tl_status tl_target_temporary(tl_target *t, tl_arena *arena, size_t index, const char **out, tl_error *err) {
  if (!t->is_file) return tl_arena_format(arena, out, err, "%s/_tickloom/tmp/%zu.parquet", t->root, index);
  const char *slash = strrchr(t->root, '/');
  int folder = slash ? (int)(slash - t->root) + 1 : 0;
  return tl_arena_format(arena, out, err, "%.*s.%s.tickloom", folder, t->root, t->root + folder);
}

tl_status tl_target_put(tl_target *t, const char *temporary, const char *name, tl_error *err) {
  const char *path = t->root;
  if (!t->is_file) {
    TL_TRY(join(t, &path, name, err));
    TL_TRY(make_parents(t, path, err));
  }
  return t->env->rename(t->env, temporary, path, err);
}

tl_status tl_target_write(tl_target *t, const char *name, tl_bytes bytes, tl_error *err) {
  const char *temporary, *path;
  int handle;
  TL_TRY(join(t, &temporary, "_tickloom/tmp/file", err));
  TL_TRY(tl_arena_format(&t->arena, &path, err, "%s/_tickloom/%s", t->root, name));
  TL_TRY(t->env->open_write(t->env, temporary, &handle, err));
  tl_status status = t->env->write(t->env, handle, bytes.data, bytes.size, err);
  tl_status closed = t->env->close(t->env, handle, status == TL_OK ? err : NULL);
  if (status == TL_OK) status = closed;
  if (status == TL_OK) status = t->env->rename(t->env, temporary, path, err);
  if (status != TL_OK) (void)t->env->remove(t->env, temporary, NULL);
  return status;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

tl_status tl_target_remove_stale(tl_target *t, const char *const *names, size_t count, tl_error *err) {
  for (size_t i = 0; i < t->old_count; i++) {
    const char *path;
    if (bsearch(&t->old_files[i], names, count, sizeof *names, compare_names) != NULL) continue;
    TL_TRY(join(t, &path, t->old_files[i], err));
    tl_status status = t->env->remove(t->env, path, err);
    if (status != TL_OK && status != TL_NOT_FOUND) return status;
  }
  return TL_OK;
}
