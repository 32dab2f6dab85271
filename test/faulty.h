/* The process's environment, made to fail: the n-th allocation, call on files, or read, once or from then on. */
#ifndef TL_TEST_FAULTY_H
#define TL_TEST_FAULTY_H

#include "base/env.h"

/* A short read gives half of the bytes that there are, as when a file is cut while it is read. */
typedef enum tl__fault { TL__ALLOCATION, TL__FILE_CALL, TL__SHORT_READ, TL__FAULTS } tl__fault;

/* Blocks of memory and files that are open. */
extern long tl__faulty_blocks, tl__faulty_handles;

void tl__faulty_take_over(void); /* tl_sys_env() is this one from here on */
void tl__faulty_give_back(void);
void tl__faulty_start(tl__fault kind, long at, bool for_all); /* call `at` from now on, counted from 1, fails, and all after it */
void tl__faulty_stop(void);
long tl__faulty_calls(void); /* of the kind, since the start */

/* What a test runs while something fails. */
typedef struct tl__trial {
  const char *name;
  tl_status (*run)(uint64_t *hash); /* hash: of what came of it */
  uint64_t expected;                /* ... where nothing fails */
  tl_error *err;                    /* where it says why it fails */
  bool may_be_missing;              /* a file call that fails may be taken for a file that is not there */
} tl__trial;
/* Runs it while call `at` of a kind fails, or all from there on. The test fails where memory or files stay open, a success has another outcome, or an error
   does not fit. `what` says for further failures what was tried. False: there were fewer calls. */
bool tl__faulty_try(const tl__trial *trial, tl__fault kind, long at, bool for_all, tl_status *status, char what[200]);

#endif
