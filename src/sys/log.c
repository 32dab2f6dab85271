#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sys/sys.h"

static const char *const names[] = {"error", "warn", "info", "debug"};

bool tl_log_shows(tl_log_level level) {
  const char *wanted = getenv("TICKLOOM_LOG");
  tl_log_level limit = TL_LOG_WARN;
  for (int i = 0; wanted != NULL && i <= TL_LOG_DEBUG; i++)
    if (strcmp(wanted, names[i]) == 0) limit = (tl_log_level)i;
  return level <= limit;
}

void tl_log(tl_log_level level, const char *format, ...) {
  if (!tl_log_shows(level)) return;
  char line[2000];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  fprintf(stderr, "tickloom: %s: %s\n", names[level], line);
}
