#include "run/progress.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"

static const char *const LOG = "state/progress.jsonl";

void tl_progress_free(tl_progress *p) {
  if (p->target == NULL) return;
  if (p->handle >= 0) (void)p->target->env->close(p->target->env, p->handle, NULL);
  json_decref(p->entries);
  json_decref(p->finished);
  json_decref(p->names);
  *p = (tl_progress){.handle = -1};
}

static void hex(char out[20], uint64_t value) { snprintf(out, 20, "%016" PRIx64, value); }

static bool says(const json_t *object, const char *key, const char *value) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL && strcmp(text, value) == 0;
}

/* Line after line; a last one without its end was being written when the run was killed. */
static void read_lines(tl_progress *p, const char *text, size_t size) {
  char work[20];
  bool ours = false;
  hex(work, p->work);
  for (const char *line = text, *end; (end = memchr(line, '\n', (size_t)(text + size - line))) != NULL; line = end + 1) {
    json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
    const char *file = json_string_value(json_object_get(object, "file")), *generation = json_string_value(json_object_get(object, "generation"));
    if (line == text) {
      ours = says(object, "work", work) && generation != NULL;
      uint64_t before = ours ? strtoull(generation, NULL, 16) : 0;
      /* once a manifest has that number, what is put ready under it would be taken for a part of that dataset */
      if (ours && before != p->target->old.generation) p->target->generation = before;
    } else if (file != NULL && tl_manifest_is_inside(file)) {
      json_object_set_new(p->names, file, json_true());
      if (ours && json_object_get(object, "from") != NULL) json_object_set(p->entries, file, object);
    }
    json_decref(object);
  }
}

tl_status tl_progress_open(tl_progress *out, tl_target *target, uint64_t work, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = target->env};
  TL_OWNED(tl_arena) arena = {.env = target->env};
  const char *path;
  *out = (tl_progress){.target = target, .work = work, .handle = -1, .entries = json_object(), .finished = json_object(), .names = json_object()};
  if (out->entries == NULL || out->finished == NULL || out->names == NULL) return tl_fail(err, TL_MEMORY, "no memory for the log of progress");
  if (target->is_file || !target->existed) return TL_OK;
  TL_TRY(tl_target_path(target, &arena, LOG, &path, err));
  tl_status status = tl_file_read(&text, path, err);
  if (status == TL_OK) read_lines(out, (const char *)text.data, text.size);
  return status == TL_NOT_FOUND ? TL_OK : status;
}

/* Size, time and number of a file as the log has them. */
static bool is_same(const json_t *entry, const tl_file_info *info) {
  char inode[20];
  hex(inode, info->inode);
  return json_integer_value(json_object_get(entry, "size")) == info->size && json_integer_value(json_object_get(entry, "mtime_ns")) == info->mtime_ns &&
         says(entry, "inode", inode);
}

static tl_status look(tl_env *env, const char *path, const json_t *entry, tl_file_info *info, bool *found, tl_error *err) {
  tl_status status = env->info(env, path, info, err);
  *found = status == TL_OK && (entry == NULL || is_same(entry, info));
  return status == TL_NOT_FOUND ? TL_OK : status;
}

/* The finished file, in place or ready. */
static tl_status find_file(const tl_progress *p, const char *name, tl_file_info *info, bool *found, const json_t *entry, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = p->target->env};
  tl_env *env = p->target->env;
  const char *places[3];
  *found = false;
  TL_TRY(tl_target_ready_path(p->target, &arena, name, &places[0], err));
  TL_TRY(tl_manifest_ready_path(&arena, p->target->root, p->target->old.generation, name, &places[1], err)); /* on its way to its place */
  TL_TRY(tl_arena_format(&arena, &places[2], err, "%s/%s", p->target->root, name));
  for (int i = 0; i < 3 && !*found; i++) TL_TRY(look(env, places[i], entry, info, found, err));
  return TL_OK;
}

tl_status tl_progress_find(tl_progress *p, const char *name, uint64_t made_from, tl_tally *tally, bool *found, int64_t *size, tl_error *err) {
  json_t *entry = json_object_get(p->entries, name);
  tl_file_info info = {0};
  char from[20];
  hex(from, made_from);
  *found = false;
  if (entry == NULL) return TL_OK;
  if (says(entry, "from", from) && tl_tally_read(tally, entry)) TL_TRY(find_file(p, name, &info, found, entry, err));
  if (!*found) return TL_OK;
  *size = info.size;
  return json_object_set(p->finished, name, entry) == 0 ? TL_OK : tl_fail(err, TL_MEMORY, "no memory for the log of progress");
}

/* After a line that a full disk cut short, the next one begins anew. */
static tl_status write_line(tl_progress *p, tl_buffer *line, tl_error *err) {
  if (p->torn) TL_TRY(p->target->env->write(p->target->env, p->handle, "\n", 1, err));
  p->torn = true;
  TL_TRY(tl_buffer_byte(line, '\n', err));
  TL_TRY(p->target->env->write(p->target->env, p->handle, line->data, line->size, err));
  line->size = 0;
  p->torn = false;
  return TL_OK;
}

typedef struct sweep {
  tl_progress *progress;
  const char *folder;
  json_t *wanted; /* paths */
} sweep;

/* Files that lie ready but are in no entry. */
static tl_status sweep_entry(void *context, const char *name, tl_error *err) {
  sweep *s = context;
  tl_env *env = s->progress->target->env;
  TL_OWNED(tl_arena) arena = {.env = env};
  const char *path;
  size_t size = strlen(name);
  if (size < 6 || strcmp(name + size - 6, ".ready") != 0) return TL_OK;
  TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", s->folder, name));
  return json_object_get(s->wanted, path) != NULL ? TL_OK : env->remove(env, path, err);
}

static tl_status sweep_ready(tl_progress *p, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = p->target->env};
  sweep s = {.progress = p, .wanted = json_object()};
  const char *key, *path;
  json_t *entry;
  tl_status status = s.wanted != NULL ? tl_target_path(p->target, &arena, "state", &s.folder, err) : tl_fail(err, TL_MEMORY, "no memory");
  json_object_foreach(p->finished, key, entry) {
    if (status == TL_OK) status = tl_target_ready_path(p->target, &arena, key, &path, err);
    if (status == TL_OK) json_object_set_new(s.wanted, path, json_true());
  }
  if (status == TL_OK) status = p->target->env->list(p->target->env, s.folder, sweep_entry, &s, err);
  json_decref(s.wanted);
  return status;
}

static tl_status write_entries(tl_progress *p, tl_error *err) {
  TL_OWNED(tl_buffer) line = {.env = p->target->env};
  char work[20], generation[20];
  const char *key;
  json_t *entry;
  hex(work, p->work);
  hex(generation, p->target->generation);
  TL_TRY(tl_buffer_format(&line, err, "{\"work\":\"%s\",\"generation\":\"%s\"}", work, generation));
  TL_TRY(write_line(p, &line, err));
  json_object_foreach(p->finished, key, entry) {
    char *text = json_dumps(entry, JSON_COMPACT);
    if (text == NULL) return tl_fail(err, TL_MEMORY, "no memory for the log of progress");
    tl_status status = tl_buffer_text(&line, text, err);
    free(text);
    TL_TRY(status);
    TL_TRY(write_line(p, &line, err));
  }
  return TL_OK;
}

tl_status tl_progress_begin(tl_progress *p, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = p->target->env};
  tl_env *env = p->target->env;
  const char *path, *fresh;
  if (p->target->is_file) return TL_OK;
  TL_TRY(sweep_ready(p, err));
  TL_TRY(tl_target_path(p->target, &arena, LOG, &path, err));
  TL_TRY(tl_target_path(p->target, &arena, "tmp/progress", &fresh, err));
  TL_TRY(env->open_write(env, fresh, &p->handle, err));
  tl_status status = write_entries(p, err);
  if (status == TL_OK) status = env->rename(env, fresh, path, err);
  if (status != TL_OK) (void)env->remove(env, fresh, NULL);
  return status;
}

tl_status tl_progress_drop_abandoned(tl_progress *p, tl_error *err) {
  const char *key;
  json_t *value;
  for (size_t i = 0; i < p->target->old.count; i++) json_object_del(p->names, p->target->old.files[i].name);
  json_object_foreach(p->names, key, value) {
    if (json_object_get(p->finished, key) == NULL) TL_TRY(tl_target_remove(p->target, key, -1, err));
  }
  return TL_OK;
}

tl_status tl_progress_announce(tl_progress *p, const char *name, tl_error *err) {
  TL_OWNED(tl_buffer) line = {.env = p->target->env};
  tl_json json = {.out = &line, .err = err, .compact = true};
  if (p->handle < 0 || p->target->old.count > 0) return TL_OK; /* beside an older dataset it lies ready first */
  tl_json_open(&json, NULL, '{');
  tl_json_string(&json, "file", name);
  tl_json_close(&json, '}');
  TL_TRY(json.status);
  TL_TRY(write_line(p, &line, err));
  return p->target->durable ? p->target->env->sync(p->target->env, p->handle, err) : TL_OK;
}

tl_status tl_progress_add(tl_progress *p, const char *name, uint64_t made_from, const tl_tally *tally, tl_error *err) {
  TL_OWNED(tl_buffer) line = {.env = p->target->env};
  tl_json json = {.out = &line, .err = err, .compact = true};
  tl_file_info info;
  char text[20];
  bool found;
  if (p->handle < 0) return TL_OK;
  TL_TRY(find_file(p, name, &info, &found, NULL, err));
  if (!found) return tl_fail(err, TL_IO, "%s: gone since it was written", name);
  tl_json_open(&json, NULL, '{');
  tl_json_string(&json, "file", name);
  hex(text, made_from);
  tl_json_string(&json, "from", text);
  tl_json_int(&json, "size", info.size);
  tl_json_int(&json, "mtime_ns", info.mtime_ns);
  hex(text, info.inode);
  tl_json_string(&json, "inode", text);
  tl_tally_write(tally, &json);
  tl_json_close(&json, '}');
  TL_TRY(json.status);
  return write_line(p, &line, err);
}

void tl_progress_end(tl_progress *p, bool all) {
  TL_OWNED(tl_arena) arena = {.env = p->target->env};
  const char *path;
  if (p->handle < 0) return;
  (void)p->target->env->close(p->target->env, p->handle, NULL);
  p->handle = -1;
  if (all && tl_target_path(p->target, &arena, LOG, &path, NULL) == TL_OK) (void)p->target->env->remove(p->target->env, path, NULL);
}
