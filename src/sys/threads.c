/* Threads, a lock with a condition, and the two signals that ask for an end. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "sys/sys.h"

typedef struct worker {
  pthread_t thread;
  void (*work)(void *, int);
  void *context;
  int index;
} worker;

static void *start(void *argument) {
  worker *w = argument;
  w->work(w->context, w->index);
  return NULL;
}

void tl_sys_run_threads(int count, void (*work)(void *, int), void *context) {
  enum { MOST = 1024 };
  static worker none;
  worker *workers = count > 1 ? calloc((size_t)count, sizeof *workers) : &none;
  if (workers == NULL || count <= 1 || count > MOST) {
    for (int i = 0; i < count; i++) work(context, i);
    if (workers != &none) free(workers);
    return;
  }
  int started = 1;
  for (int i = 1; i < count; i++, started++) {
    workers[i] = (worker){.work = work, .context = context, .index = i};
    if (pthread_create(&workers[i].thread, NULL, start, &workers[i]) != 0) break;
  }
  work(context, 0);
  for (int i = 1; i < started; i++) pthread_join(workers[i].thread, NULL);
  for (int i = started; i < count; i++) work(context, i);
  free(workers);
}

static atomic_bool stop_requested;

static void on_signal(int number) {
  atomic_store(&stop_requested, true);
  signal(number, SIG_DFL);
}

void tl_sys_catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write(), not a death */
  signal(SIGPIPE, SIG_IGN);
}

bool tl_sys_stop_requested(void) { return atomic_load_explicit(&stop_requested, memory_order_relaxed); }

struct tl_lock {
  tl_env *env;
  pthread_mutex_t mutex;
  pthread_cond_t condition;
};

tl_status tl_lock_open(tl_lock **out, tl_env *env, tl_error *err) {
  tl_lock *lock;
  TL_TRY(tl_allocate_zeroed(env, &lock, 1, sizeof *lock, err));
  lock->env = env;
  pthread_mutex_init(&lock->mutex, NULL);
  pthread_cond_init(&lock->condition, NULL);
  *out = lock;
  return TL_OK;
}

void tl_lock_close(tl_lock *lock) {
  if (lock == NULL) return;
  pthread_mutex_destroy(&lock->mutex);
  pthread_cond_destroy(&lock->condition);
  tl_release(lock->env, lock);
}

void tl_lock_enter(tl_lock *lock) { pthread_mutex_lock(&lock->mutex); }
void tl_lock_leave(tl_lock *lock) { pthread_mutex_unlock(&lock->mutex); }
void tl_lock_wait(tl_lock *lock) { pthread_cond_wait(&lock->condition, &lock->mutex); }
void tl_lock_wake_all(tl_lock *lock) { pthread_cond_broadcast(&lock->condition); }
