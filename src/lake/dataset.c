#include "lake/dataset.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/text.h"
#include "lake/manifest.h"
#include "sys/sys.h"

enum { MOST_DEPTH = 32, MOST_HIVE_KEYS = 32 };

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/* "%2F" and its like become bytes. */
static tl_status unescape(tl_arena *arena, const char **out, const char *text, size_t size, tl_error *err) {
  char *copy;
  size_t n = 0;
  TL_TRY(tl_arena_take(arena, &copy, size + 1, 1, err));
  for (size_t i = 0; i < size; i++) {
    bool escaped = text[i] == '%' && i + 2 < size && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    copy[n++] = escaped ? (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2])) : text[i];
    if (escaped) i += 2;
  }
  *out = copy;
  return TL_OK;
}

static tl_status read_hive_keys(tl_dataset *d, tl_dataset_file *file, tl_error *err) {
  TL_TRY(tl_arena_take(&d->arena, &file->keys, MOST_HIVE_KEYS, sizeof *file->keys, err));
  for (const char *part = file->name, *slash; (slash = strchr(part, '/')) != NULL; part = slash + 1) {
    const char *equals = memchr(part, '=', (size_t)(slash - part));
    if (equals == NULL || equals == part || file->key_count == MOST_HIVE_KEYS) continue;
    tl_hive_key *key = &file->keys[file->key_count++];
    TL_TRY(unescape(&d->arena, &key->name, part, (size_t)(equals - part), err));
    TL_TRY(unescape(&d->arena, &key->value, equals + 1, (size_t)(slash - equals - 1), err));
    if (strcmp(key->value, "__HIVE_DEFAULT_PARTITION__") == 0) key->value = NULL;
  }
  return TL_OK;
}

static tl_status add_file(tl_dataset *d, const char *path, const char *name, tl_error *err) {
  TL_TRY(tl_reserve(d->env, &d->files, &d->capacity, d->count + 1, sizeof *d->files, err));
  tl_dataset_file file = {0};
  TL_TRY(tl_arena_text(&d->arena, &file.path, path, strlen(path), err));
  TL_TRY(tl_arena_text(&d->arena, &file.name, name, strlen(name), err));
  const char *base = strrchr(file.name, '/') ? strrchr(file.name, '/') + 1 : file.name;
  size_t size = strlen(base);
  TL_TRY(tl_arena_text(&d->arena, &file.stem, base, tl_ends_with(base, ".parquet") ? size - 8 : size, err));
  if (!d->is_file) TL_TRY(read_hive_keys(d, &file, err));
  d->files[d->count++] = file;
  return TL_OK;
}

typedef struct listing {
  tl_dataset *d;
  const char *path, *name; /* of the folder */
  int depth;
} listing;

static tl_status list_folder(tl_dataset *d, const char *path, const char *name, int depth, tl_error *err);

/* A folder below that holds an output of ours is a dataset of its own, not a part of this one. */
static tl_status is_dataset(const tl_dataset *d, const char *path, bool *out, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = d->env};
  const char *marker;
  TL_TRY(tl_arena_format(&arena, &marker, err, "%s/_tickloom", path));
  return tl_path_exists(d->env, marker, out, err);
}

static tl_status visit(void *context, const char *entry, tl_error *err) {
  listing *l = context;
  tl_file_info info;
  const char *path, *name;
  if (entry[0] == '_' || entry[0] == '.') return TL_OK;
  TL_TRY(tl_arena_format(&l->d->arena, &path, err, "%s/%s", l->path, entry));
  TL_TRY(tl_arena_format(&l->d->arena, &name, err, "%s%s%s", l->name, *l->name ? "/" : "", entry));
  tl_status status = l->d->env->info(l->d->env, path, &info, err);
  if (status == TL_NOT_FOUND) return TL_OK; /* a dangling link, or gone since */
  TL_TRY(status);
  if (info.is_folder) {
    bool ours;
    TL_TRY(is_dataset(l->d, path, &ours, err));
    if (ours) return TL_OK;
  }
  if (info.is_folder) return list_folder(l->d, path, name, l->depth + 1, err);
  return tl_ends_with(entry, ".parquet") ? add_file(l->d, path, name, err) : TL_OK;
}

static tl_status list_folder(tl_dataset *d, const char *path, const char *name, int depth, tl_error *err) {
  if (depth > MOST_DEPTH) return tl_fail(err, TL_USAGE, "%s: folders are nested more than %d deep", path, MOST_DEPTH);
  listing l = {d, path, name, depth};
  return d->env->list(d->env, path, visit, &l, err);
}

static int by_name(const void *a, const void *b) { return strcmp(((const tl_dataset_file *)a)->name, ((const tl_dataset_file *)b)->name); }

/* A tape needs no manifest: each of its files is whole by itself. */
static tl_status is_tape(const tl_dataset *d, bool *out, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = d->env};
  const char *path;
  TL_TRY(tl_arena_format(&arena, &path, err, "%s/_tickloom/tape.json", d->root));
  return tl_path_exists(d->env, path, out, err);
}

/* The files of a dataset of ours are those that its manifest says. */
static tl_status list_ours(tl_dataset *d, bool *listed, tl_error *err) {
  tl_manifest manifest;
  tl_status status = tl_manifest_read(&manifest, d->env, d->root, err);
  *listed = status == TL_OK;
  if (status == TL_NOT_FOUND) {
    bool ours, tape;
    TL_TRY(is_dataset(d, d->root, &ours, err));
    TL_TRY(is_tape(d, &tape, err));
    if (ours && !tape) tl_log(TL_LOG_WARN, "%s: the run that writes here has not ended; what is there may be a part", d->root);
    return TL_OK;
  }
  for (size_t i = 0; status == TL_OK && i < manifest.count; i++) {
    const char *path, *ready;
    bool waits = false; /* a run that was killed has not put it in its place */
    status = tl_arena_format(&d->arena, &path, err, "%s/%s", d->root, manifest.files[i].name);
    if (status == TL_OK && manifest.generation != 0) {
      status = tl_manifest_ready_path(&d->arena, d->root, manifest.generation, manifest.files[i].name, &ready, err);
      if (status == TL_OK) status = tl_path_exists(d->env, ready, &waits, err);
      if (waits) path = ready;
    }
    if (status == TL_OK) status = add_file(d, path, manifest.files[i].name, err);
  }
  tl_manifest_free(&manifest);
  return status;
}

static tl_status list_all(tl_dataset *d, const char *path, bool by_manifest, tl_error *err) {
  tl_file_info info;
  bool listed = false;
  size_t size = strlen(path);
  while (size > 1 && path[size - 1] == '/') size--;
  TL_TRY(tl_arena_text(&d->arena, &d->root, path, size, err));
  TL_TRY(d->env->info(d->env, d->root, &info, err));
  d->is_file = !info.is_folder;
  if (d->is_file) {
    const char *slash = strrchr(d->root, '/');
    return add_file(d, d->root, slash ? slash + 1 : d->root, err);
  }
  if (by_manifest) TL_TRY(list_ours(d, &listed, err));
  if (!listed) TL_TRY(list_folder(d, d->root, "", 0, err));
  if (d->count == 0) return tl_fail(err, TL_NOT_FOUND, "%s: no *.parquet file in this folder", path);
  qsort(d->files, d->count, sizeof *d->files, by_name);
  return TL_OK;
}

static tl_status list(tl_dataset *out, tl_env *env, const char *path, bool by_manifest, tl_error *err) {
  *out = (tl_dataset){.env = env, .arena = {.env = env}};
  tl_status status = list_all(out, path, by_manifest, err);
  if (status != TL_OK) tl_dataset_free(out);
  return status;
}

tl_status tl_dataset_list(tl_dataset *out, tl_env *env, const char *path, tl_error *err) { return list(out, env, path, true, err); }
tl_status tl_dataset_walk(tl_dataset *out, tl_env *env, const char *path, tl_error *err) { return list(out, env, path, false, err); }

tl_status tl_dataset_of(tl_dataset *out, tl_env *env, const char *folder, const char *const *names, size_t count, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  *out = (tl_dataset){.env = env, .arena = {.env = env}};
  tl_status status = tl_arena_text(&out->arena, &out->root, folder, strlen(folder), err);
  for (size_t i = 0; status == TL_OK && i < count; i++) {
    const char *path;
    status = tl_arena_format(&arena, &path, err, "%s/%s", folder, names[i]);
    if (status == TL_OK) status = add_file(out, path, names[i], err);
  }
  if (status != TL_OK) tl_dataset_free(out);
  return status;
}

void tl_dataset_free(tl_dataset *d) {
  if (d->env == NULL) return;
  tl_release(d->env, d->files);
  tl_arena_free(&d->arena);
  *d = (tl_dataset){0};
}
