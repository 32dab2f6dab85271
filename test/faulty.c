#include "faulty.h"
#include <stdio.h>
#include "sys/sys.h"
#include "test.h"

static tl_env real;
static long calls[TL__FAULTS];
long tl__faulty_blocks, tl__faulty_handles;
static tl__fault failing;
static long fail_at; /* the number of the call that fails; 0: none */
static bool for_ever;

static bool fails(tl__fault k) {
  calls[k]++;
  return k == failing && fail_at > 0 && (for_ever ? calls[k] >= fail_at : calls[k] == fail_at);
}

static void *resize(tl_env *env, void *memory, size_t old_size, size_t new_size) {
  (void)env;
  if (new_size > 0 && fails(TL__ALLOCATION)) return NULL;
  if (new_size == 0) tl__faulty_blocks--;
  if (memory == NULL) tl__faulty_blocks++;
  return real.resize(&real, memory, old_size, new_size);
}
#define FAULT(what) \
  if (fails(TL__FILE_CALL)) return tl_fail(e, TL_IO, "injected: cannot %s", what)
#define OPENS(name, what)                                                                 \
  static tl_status name##_path(tl_env *env, const char *path, int *handle, tl_error *e) { \
    (void)env;                                                                            \
    FAULT(what);                                                                          \
    tl_status status = real.name(&real, path, handle, e);                                 \
    tl__faulty_handles += status == TL_OK;                                                \
    return status;                                                                        \
  }
OPENS(open_read, "open")
OPENS(open_write, "create")
OPENS(open_scratch, "create")
OPENS(lock, "lock")
static tl_status read_at(tl_env *env, int handle, void *data, size_t size, int64_t offset, size_t *done, tl_error *e) {
  (void)env;
  FAULT("read");
  return real.read_at(&real, handle, data, fails(TL__SHORT_READ) ? size / 2 : size, offset, done, e);
}
static tl_status write_all(tl_env *env, int handle, const void *data, size_t size, tl_error *e) {
  (void)env;
  if (fails(TL__FILE_CALL)) { /* a part of it is there, as on a disk that is full */
    (void)!real.write(&real, handle, data, size / 2, NULL);
    return tl_fail(e, TL_IO, "injected: cannot write");
  }
  return real.write(&real, handle, data, size, e);
}
static tl_status cut(tl_env *env, int handle, int64_t size, tl_error *e) {
  (void)env;
  FAULT("cut");
  return real.cut(&real, handle, size, e);
}
static tl_status sync_file(tl_env *env, int handle, tl_error *e) {
  (void)env;
  FAULT("sync");
  return real.sync(&real, handle, e);
}
static tl_status close_file(tl_env *env, int handle, tl_error *e) {
  (void)env;
  tl__faulty_handles--;
  tl_status status = real.close(&real, handle, e);
  FAULT("close");
  return status;
}
static tl_status info(tl_env *env, const char *path, tl_file_info *out, tl_error *e) {
  (void)env;
  FAULT("look at");
  return real.info(&real, path, out, e);
}
static tl_status list(tl_env *env, const char *path, tl_list_visit visit, void *context, tl_error *e) {
  (void)env;
  FAULT("list");
  return real.list(&real, path, visit, context, e);
}
static tl_status make_folder(tl_env *env, const char *path, tl_error *e) {
  (void)env;
  FAULT("make a folder");
  return real.make_folder(&real, path, e);
}
static tl_status rename_path(tl_env *env, const char *from, const char *to, tl_error *e) {
  (void)env;
  FAULT("rename");
  return real.rename(&real, from, to, e);
}
static tl_status remove_path(tl_env *env, const char *path, tl_error *e) {
  (void)env;
  FAULT("remove");
  return real.remove(&real, path, e);
}

void tl__faulty_take_over(void) {
  tl_env *env = tl_sys_env();
  real = *env;
  *env = (tl_env){.resize = resize,
                  .open_read = open_read_path,
                  .open_write = open_write_path,
                  .open_scratch = open_scratch_path,
                  .lock = lock_path,
                  .read_at = read_at,
                  .write = write_all,
                  .cut = cut,
                  .sync = sync_file,
                  .close = close_file,
                  .info = info,
                  .list = list,
                  .make_folder = make_folder,
                  .rename = rename_path,
                  .remove = remove_path,
                  .now_ns = real.now_ns,
                  .tick_ns = real.tick_ns};
}

void tl__faulty_give_back(void) { *tl_sys_env() = real; }

void tl__faulty_start(tl__fault kind, long at, bool for_all) { failing = kind, fail_at = at, for_ever = for_all, calls[kind] = 0; }

void tl__faulty_stop(void) { fail_at = 0; }

long tl__faulty_calls(void) { return calls[failing]; }

/* ---- trials ---- */

static bool is_expected(const tl__trial *t, tl_status status, tl__fault kind) {
  bool of_file = status == TL_IO || (status == TL_NOT_FOUND && t->may_be_missing);
  return status == TL_MEMORY || (kind != TL__ALLOCATION && of_file) || (kind == TL__SHORT_READ && status == TL_CORRUPT);
}

bool tl__faulty_try(const tl__trial *t, tl__fault kind, long at, bool for_all, tl_status *status, char what[200]) {
  enum { SIZE = 200 };
  long blocks = tl__faulty_blocks, handles = tl__faulty_handles;
  uint64_t hash = 0;
  snprintf(what, SIZE, "%s, fault %ld of kind %d, %s", t->name, at, (int)kind, for_all ? "and all after it" : "once");
  *t->err = (tl_error){0};
  tl__faulty_start(kind, at, for_all);
  *status = t->run(&hash);
  bool reached = tl__faulty_calls() >= at;
  tl__faulty_stop();
  if (tl__faulty_blocks != blocks) fail_msg("%s: %ld blocks are not released", what, tl__faulty_blocks - blocks);
  if (tl__faulty_handles != handles) fail_msg("%s: %ld files are not closed", what, tl__faulty_handles - handles);
  if (*status == TL_OK && hash != t->expected) fail_msg("%s: success, and another outcome", what);
  if (*status != TL_OK && (!is_expected(t, *status, kind) || t->err->status != *status || t->err->text[0] == 0))
    fail_msg("%s: %s: %s", what, tl_status_name(*status), t->err->text);
  return reached;
}
