/* The operating system: the real tl_env, threads, the processor, signals. */
#ifndef TL_SYS_SYS_H
#define TL_SYS_SYS_H

#include "base/env.h"

/* The real environment; thread-safe; lives as long as the process. */
tl_env *tl_sys_env(void);
/* What tl_allocate hands out at most, over all threads; beyond it there is no memory. 0: what the system gives. */
void tl_sys_limit_memory(int64_t bytes);
/* The most bytes that tl_allocate had handed out and not got back. */
int64_t tl_sys_memory_peak(void);
/* Largest resident size of the process so far, in bytes. */
int64_t tl_sys_resident_peak(void);
int tl_sys_processors(void);
/* For a process that is all ours: large blocks go back to the system as soon as they are released, so that what a stage of a run no longer
   needs does not stay resident beside what the next one does. */
void tl_sys_tune_memory(void);
/* The other way round, for work that takes and releases the same large blocks over and over: they stay, and need not be cleared each time. */
void tl_sys_keep_memory(void);

/* Runs work(context, 0) .. work(context, count - 1), each once on a thread of its own; returns when all have ended. With one
   thread it runs in the caller's. When a thread cannot be started the remaining ones do the work. */
void tl_sys_run_threads(int count, void (*work)(void *context, int index), void *context);

/* SIGINT and SIGTERM ask for an end; the second one kills. */
void tl_sys_catch_signals(void);
bool tl_sys_stop_requested(void);

typedef struct tl_lock tl_lock; /* a mutex with one condition */
tl_status tl_lock_open(tl_lock **out, tl_env *env, tl_error *err) TL_MUST_CHECK;
void tl_lock_close(tl_lock *lock);
void tl_lock_enter(tl_lock *lock);
void tl_lock_leave(tl_lock *lock);
void tl_lock_wait(tl_lock *lock); /* releases, sleeps until a wake, enters again */
void tl_lock_wake_all(tl_lock *lock);

/* Logging, to stderr; TICKLOOM_LOG=error|warn|info|debug (default warn). */
typedef enum tl_log_level { TL_LOG_ERROR, TL_LOG_WARN, TL_LOG_INFO, TL_LOG_DEBUG } tl_log_level;
bool tl_log_shows(tl_log_level level);
void tl_log(tl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The instruction set that kernels use: "baseline", "avx2", "avx512", "neon". TICKLOOM_ISA chooses a lesser one; an unknown
   name, or one that this processor lacks, is TL_USAGE. */
typedef enum tl_isa { TL_ISA_ID_BASELINE, TL_ISA_ID_AVX2, TL_ISA_ID_AVX512, TL_ISA_COUNT } tl_isa;
const char *tl_isa_name(tl_isa isa);
bool tl_isa_available(tl_isa isa);
tl_status tl_isa_choose(tl_isa *out, tl_error *err) TL_MUST_CHECK;
/* The same, asked once a process, for kernels below any run; baseline where the choice fails, which a run reports. */
tl_isa tl_isa_chosen(void);

#endif
