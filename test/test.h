/* cmocka, with what it wants included before it. */
#ifndef TL_TEST_TEST_H
#define TL_TEST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
