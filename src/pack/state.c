#include "pack/state.h"
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

static tl_status no_memory(tl_error *err) { return tl_fail(err, TL_MEMORY, "no memory for what is known of the tape"); }

void tl_pack_state_free(tl_pack_state *s) {
  json_decref(s->root);
  *s = (tl_pack_state){0};
}

/* NULL where there is no such file, or it is no JSON object. */
static tl_status load(tl_target *t, const char *name, json_t **out, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = t->env};
  TL_OWNED(tl_buffer) text = {.env = t->env};
  const char *path;
  bool there;
  *out = NULL;
  TL_TRY(tl_target_path(t, &arena, name, &path, err));
  TL_TRY(tl_path_exists(t->env, path, &there, err));
  if (!there) return TL_OK;
  TL_TRY(tl_file_read(&text, path, err));
  *out = json_loadb((const char *)text.data, text.size, 0, NULL);
  if (*out == NULL || json_is_object(*out)) return TL_OK;
  json_decref(*out);
  *out = NULL;
  return TL_OK;
}

static tl_status check_tape(tl_target *t, const char *pack, const char *layout, tl_error *err) {
  json_t *tape;
  TL_TRY(load(t, "tape.json", &tape, err));
  if (tape == NULL) return TL_OK;
  const char *other_pack = json_string_value(json_object_get(tape, "pack")), *other_layout = json_string_value(json_object_get(tape, "layout"));
  tl_status status = TL_OK;
  if (other_pack == NULL || other_layout == NULL)
    status = tl_fail(err, TL_CORRUPT, "%s/_tickloom/tape.json cannot be read", t->root);
  else if (strcmp(other_pack, pack) != 0)
    status = tl_fail(err, TL_USAGE, "%s: a tape of %s, not of %s", t->root, other_pack, pack);
  else if (strcmp(other_layout, layout) != 0)
    status = tl_fail(err, TL_USAGE, "%s: is laid out with --layout %s, not %s", t->root, other_layout, layout);
  json_decref(tape);
  return status;
}

/* What somebody changed or removed is not there. */
static tl_status forget_changed(tl_pack_state *s, const tl_target *t, tl_error *err) {
  json_t *parts = json_object_get(s->root, "parts"), *part;
  const char *name;
  void *next;
  json_object_foreach_safe(parts, next, name, part) {
    TL_OWNED(tl_arena) arena = {.env = s->env};
    const char *path;
    tl_file_info info;
    TL_TRY(tl_arena_format(&arena, &path, err, "%s/%s", t->root, name));
    bool there = s->env->info(s->env, path, &info, NULL) == TL_OK;
    if (!there || info.size != json_integer_value(json_object_get(part, "size"))) json_object_del(parts, name);
  }
  return TL_OK;
}

tl_status tl_pack_state_open(tl_pack_state *out, tl_target *t, const char *pack, const char *layout, tl_error *err) {
  *out = (tl_pack_state){.env = t->env};
  if (t->existed && pack != NULL) TL_TRY(check_tape(t, pack, layout, err));
  if (t->existed) TL_TRY(load(t, "state/packed.json", &out->root, err));
  bool whole = json_is_object(json_object_get(out->root, "files")) && json_is_object(json_object_get(out->root, "parts"));
  if (!whole) {
    json_decref(out->root);
    out->root = json_pack("{s:{},s:{}}", "files", "parts");
  }
  tl_status status = out->root == NULL ? no_memory(err) : pack != NULL ? forget_changed(out, t, err) : TL_OK;
  if (status != TL_OK) tl_pack_state_free(out);
  return status;
}

static bool is_same(const json_t *entry, const tl_raw_file *f) {
  return json_integer_value(json_object_get(entry, "size")) == f->info.size && json_integer_value(json_object_get(entry, "mtime_ns")) == f->info.mtime_ns &&
         (uint64_t)json_integer_value(json_object_get(entry, "inode")) == f->info.inode;
}

/* A path as a key: bytes that are no UTF-8 become %XX. */
static tl_status key_of(const char *path, tl_arena *arena, const char **out, tl_error *err) {
  char *text;
  size_t size = strlen(path), n = 0;
  if (tl_utf8_valid(path, size)) return tl_arena_text(arena, out, path, size, err);
  TL_TRY(tl_arena_take(arena, &text, 3 * size + 1, 1, err));
  for (size_t i = 0; i < size; i++) {
    if ((unsigned char)path[i] < 0x80)
      text[n++] = path[i];
    else
      n += (size_t)snprintf(text + n, 4, "%%%02X", (unsigned)(unsigned char)path[i]);
  }
  *out = text;
  return TL_OK;
}

tl_status tl_pack_state_has(const tl_pack_state *s, const tl_raw_file *f, tl_part_name name_of, void *context, bool *out, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = s->env};
  const char *path;
  TL_TRY(key_of(f->name, &arena, &path, err));
  const json_t *entry = json_object_get(json_object_get(s->root, "files"), path), *parts = json_object_get(s->root, "parts");
  const json_t *days = json_object_get(entry, "days");
  const char *key = json_string_value(json_object_get(entry, "key"));
  *out = entry != NULL && key != NULL && json_is_array(days) && is_same(entry, f);
  for (size_t i = 0; *out && i < json_array_size(days); i++) {
    const char *name;
    TL_TRY(name_of(context, json_integer_value(json_array_get(days, i)), key, &arena, &name, err));
    *out = json_object_get(parts, name) != NULL;
  }
  return TL_OK;
}

tl_status tl_pack_state_add_file(tl_pack_state *s, const tl_raw_file *f, const char *key, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = s->env};
  const char *path;
  TL_TRY(key_of(f->name, &arena, &path, err));
  json_t *days = json_array();
  for (size_t i = 0; i < f->day_count; i++)
    if (json_array_append_new(days, json_integer(f->days[i].day)) != 0) return json_decref(days), no_memory(err);
  json_t *entry = json_pack("{s:I,s:I,s:I,s:s,s:o}", "size", (json_int_t)f->info.size, "mtime_ns", (json_int_t)f->info.mtime_ns, "inode",
                            (json_int_t)f->info.inode, "key", key, "days", days);
  if (entry == NULL) return no_memory(err);
  return json_object_set_new_nocheck(json_object_get(s->root, "files"), path, entry) == 0 ? TL_OK : no_memory(err);
}

tl_status tl_pack_state_add_part(tl_pack_state *s, const char *name, int64_t size, int64_t rows, tl_error *err) {
  json_t *entry = json_pack("{s:I,s:I}", "size", (json_int_t)size, "rows", (json_int_t)rows);
  if (entry == NULL) return no_memory(err);
  return json_object_set_new_nocheck(json_object_get(s->root, "parts"), name, entry) == 0 ? TL_OK : no_memory(err);
}

tl_status tl_pack_state_write(const tl_pack_state *s, tl_target *t, tl_error *err) {
  char *text = json_dumps(s->root, JSON_SORT_KEYS | JSON_COMPACT);
  if (text == NULL) return no_memory(err);
  tl_status status = tl_target_write(t, "state/packed.json", (tl_bytes){(const uint8_t *)text, strlen(text)}, err);
  free(text);
  return status;
}

static void put_words(tl_json *json, const char *key, const tl_word *words) {
  tl_json_open(json, key, '[');
  for (; words != NULL; words = words->next) tl_json_string(json, NULL, words->text);
  tl_json_close(json, ']');
}

tl_status tl_pack_state_describe(tl_target *t, const tl_definition *d, const char *pack, const char *layout, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = t->env};
  tl_json json = {.out = &text, .err = err};
  tl_json_open(&json, NULL, '{');
  tl_json_string(&json, "pack", pack);
  tl_json_string(&json, "layout", layout);
  put_words(&json, "sort", d->sort);
  put_words(&json, "partition", d->partition);
  tl_json_close(&json, '}');
  TL_TRY(json.status);
  return tl_target_write(t, "tape.json", tl_buffer_view(&text), err);
}
