#include "base/status.h"
#include <stdio.h>
#include <string.h>

const char *tl_status_name(tl_status status) {
  static const char *const names[TL_STATUS_COUNT] = {
      [TL_OK] = "ok",
      [TL_USAGE] = "usage",
      [TL_DEFINITION] = "definition",
      [TL_CORRUPT] = "corrupt data",
      [TL_UNSUPPORTED] = "unsupported",
      [TL_NOT_FOUND] = "not found",
      [TL_IO] = "input/output",
      [TL_MEMORY] = "memory",
      [TL_BUSY] = "in use",
      [TL_CANCELLED] = "cancelled",
  };
  return (unsigned)status < TL_STATUS_COUNT ? names[status] : "unknown";
}

tl_status tl_fail(tl_error *err, tl_status status, const char *format, ...) {
  if (err == NULL) return status;
  va_list args;
  va_start(args, format);
  vsnprintf(err->text, sizeof err->text, format, args);
  va_end(args);
  err->status = status;
  return status;
}

tl_status tl_fail_in(tl_error *err, tl_status status, const char *format, ...) {
  if (err == NULL) return status;
  char rest[sizeof err->text];
  memcpy(rest, err->text, sizeof rest);
  va_list args;
  va_start(args, format);
  int used = vsnprintf(err->text, sizeof err->text, format, args);
  va_end(args);
  if (used >= 0 && (size_t)used < sizeof err->text) snprintf(err->text + used, sizeof err->text - (size_t)used, "%s", rest);
  err->status = status;
  return status;
}
