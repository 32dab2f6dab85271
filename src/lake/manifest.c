#include "lake/manifest.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/file.h"

void tl_manifest_free(tl_manifest *m) {
  if (m->arena.env != NULL) tl_arena_free(&m->arena);
  *m = (tl_manifest){0};
}

size_t tl_manifest_folder(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash != NULL ? (size_t)(slash - name) + 1 : 0;
}

bool tl_manifest_is_inside(const char *name) {
  size_t size = strlen(name);
  if (name[0] == '/' || size < 9 || strcmp(name + size - 8, ".parquet") != 0) return false;
  for (const char *part = name; part != NULL; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
    if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0)) return false;
  return true;
}

static int64_t number(const json_t *object, const char *key) {
  const json_t *v = json_object_get(object, key);
  return json_is_integer(v) ? json_integer_value(v) : -1;
}

static tl_status take_files(tl_manifest *m, const json_t *files, tl_error *err) {
  TL_TRY(tl_arena_take(&m->arena, &m->files, json_array_size(files) + 1, sizeof *m->files, err));
  for (size_t i = 0; i < json_array_size(files); i++) {
    const json_t *item = json_array_get(files, i);
    const char *name = json_string_value(json_is_object(item) ? json_object_get(item, "name") : item);
    if (name == NULL || !tl_manifest_is_inside(name)) continue;
    tl_manifest_file *f = &m->files[m->count++];
    *f = (tl_manifest_file){.rows = number(item, "rows"), .size = number(item, "size")};
    TL_TRY(tl_arena_text(&m->arena, &f->name, name, strlen(name), err));
  }
  return TL_OK;
}

static tl_status take_by(tl_manifest *m, const json_t *root, tl_error *err) {
  TL_OWNED(tl_buffer) by = {.env = m->arena.env};
  const json_t *keys = json_object_get(root, "keys");
  const char *order = json_string_value(json_object_get(root, "order"));
  if (order == NULL) return TL_OK;
  for (size_t i = 0; i < json_array_size(keys); i++) {
    const char *key = json_string_value(json_array_get(keys, i));
    if (key != NULL) TL_TRY(tl_buffer_format(&by, err, "%s,", key));
  }
  TL_TRY(tl_buffer_text(&by, order, err));
  return tl_arena_text(&m->arena, &m->by, (const char *)by.data, by.size, err);
}

static uint64_t take_generation(const json_t *root) {
  const char *text = json_string_value(json_object_get(root, "generation"));
  return text != NULL ? strtoull(text, NULL, 16) : 0;
}

tl_status tl_manifest_read_file(tl_manifest *out, tl_env *env, const char *path, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = env};
  json_error_t why;
  *out = (tl_manifest){.arena = {.env = env}};
  TL_TRY(tl_file_read(&text, path, err));
  json_t *json = json_loadb((const char *)text.data, text.size, 0, &why);
  if (json == NULL) return tl_fail(err, TL_CORRUPT, "%s, line %d: %s", path, why.line, why.text);
  out->generation = take_generation(json);
  tl_status status = take_files(out, json_object_get(json, "files"), err);
  if (status == TL_OK) status = take_by(out, json, err);
  json_decref(json);
  if (status != TL_OK) tl_manifest_free(out);
  return status;
}

tl_status tl_manifest_read(tl_manifest *out, tl_env *env, const char *root, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  const char *path;
  *out = (tl_manifest){.arena = {.env = env}};
  TL_TRY(tl_arena_format(&arena, &path, err, "%s/_tickloom/manifest.json", root));
  return tl_manifest_read_file(out, env, path, err);
}

tl_status tl_manifest_ready_path(tl_arena *arena, const char *root, uint64_t generation, const char *name, const char **out, tl_error *err) {
  return tl_arena_format(arena, out, err, "%s/_tickloom/state/%016llx-%016llx.ready", root, (unsigned long long)generation,
                         (unsigned long long)XXH3_64bits(name, strlen(name)));
}

void tl_manifest_write_files(tl_json *j, const tl_manifest_file *files, size_t count) {
  tl_json_open(j, "files", '[');
  for (size_t i = 0; i < count; i++) {
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", files[i].name);
    if (files[i].rows >= 0) tl_json_int(j, "rows", files[i].rows);
    if (files[i].size >= 0) tl_json_int(j, "size", files[i].size);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}
