#include "ordered.h"
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "sys/sys.h"

enum { LONG_TEXT = 1 << 20, AHEAD = 3 };

typedef struct unit {
  tl_buffer text;
  bool done;
  tl_status status;
  tl_error err;
} unit;

struct cli_ordered {
  tl_lock *lock;
  size_t count, next, printing; /* the next to begin, and the one whose text may be printed */
  int window;
  unit *units; /* of printing .. printing + window, by index modulo window */
  bool ended;
  cli_ordered_make make;
  void *context;
  tl_error *err;
  tl_status status;
};

static void end(cli_ordered *o, tl_status status, const tl_error *err) {
  if (!o->ended && err != NULL) *o->err = *err;
  if (!o->ended) o->status = status;
  o->ended = true;
}

static void put(cli_ordered *o, tl_buffer *text) {
  tl_error err = {0};
  if (!o->ended && !cli_put(text)) end(o, tl_fail(&err, TL_IO, "cannot write to standard output"), &err);
}

tl_status cli_ordered_room(cli_ordered *o, size_t index, tl_buffer *text, tl_error *err) {
  if (text->size < LONG_TEXT) return TL_OK;
  tl_lock_enter(o->lock);
  while (o->printing != index && !o->ended) tl_lock_wait(o->lock);
  put(o, text);
  bool ended = o->ended;
  tl_lock_leave(o->lock);
  return ended ? tl_fail(err, TL_CANCELLED, "stopped") : TL_OK;
}

/* Prints what is ready, in order. */
static void advance(cli_ordered *o) {
  while (o->printing < o->count && !o->ended) {
    unit *u = &o->units[o->printing % (size_t)o->window];
    if (!u->done) break;
    put(o, &u->text);
    if (u->status != TL_OK) end(o, u->status, &u->err);
    u->done = false;
    o->printing++;
  }
  tl_lock_wake_all(o->lock);
}

static void work(void *context, int worker) {
  cli_ordered *o = context;
  tl_lock_enter(o->lock);
  while (o->next < o->count && !o->ended) {
    if (o->next >= o->printing + (size_t)o->window) {
      tl_lock_wait(o->lock);
      continue;
    }
    size_t index = o->next++;
    unit *u = &o->units[index % (size_t)o->window];
    u->err = (tl_error){0};
    tl_lock_leave(o->lock);
    tl_status status = o->make(o->context, worker, index, o, &u->text, &u->err);
    tl_lock_enter(o->lock);
    u->status = status;
    u->done = true;
    advance(o);
  }
  tl_lock_leave(o->lock);
}

tl_status cli_ordered_run(size_t count, int threads, cli_ordered_make make, void *context, tl_error *err) {
  cli_ordered o = {.count = count, .window = threads * AHEAD, .make = make, .context = context, .err = err};
  TL_TRY(tl_lock_open(&o.lock, tl_sys_env(), err));
  o.units = calloc((size_t)o.window, sizeof *o.units);
  if (o.units == NULL) {
    tl_lock_close(o.lock);
    return tl_fail(err, TL_MEMORY, "no memory");
  }
  for (int i = 0; i < o.window; i++) o.units[i].text.env = tl_sys_env();
  tl_sys_run_threads(threads, work, &o);
  for (int i = 0; i < o.window; i++) tl_buffer_free(&o.units[i].text);
  free(o.units);
  tl_lock_close(o.lock);
  return o.status;
}
