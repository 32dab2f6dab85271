/* cmocka, with what it wants included before it. */
#ifndef TL_TEST_TEST_H
#define TL_TEST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* A call that must succeed; says why it did not. `err` is the file's own. */
#define OK(call)                                              \
  do {                                                        \
    if ((call) != TL_OK) fail_msg("%s: %s", #call, err.text); \
  } while (0)

#endif
