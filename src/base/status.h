/* Forwarding of errors and owned cleanup: the only two macros with control flow in the project. */
#ifndef TL_BASE_STATUS_H
#define TL_BASE_STATUS_H

#include <stdarg.h>
#include <stddef.h>
#include "tickloom/status.h"

/* Returns from the calling function when the call did not succeed. */
#define TL_TRY(call)                      \
  do {                                    \
    tl_status tl__try = (call);           \
    if (tl__try != TL_OK) return tl__try; \
  } while (0)

/* A variable of a type that has TYPE_free(TYPE *); released on every way out of its scope. */
#define TL_OWNED(type) __attribute__((cleanup(type##_free))) type

/* Fills the error (which may be NULL) and returns its status. */
tl_status tl_fail(tl_error *err, tl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts a prefix such as "file.parquet: " before the text of an error that is already there. */
tl_status tl_fail_in(tl_error *err, tl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
