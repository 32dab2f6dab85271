/* Validation: what is known of each feature of each stream, gathered in the pass and written once, to _tickloom/checks.json. */
#ifndef TL_RUN_VALIDATE_H
#define TL_RUN_VALIDATE_H

#include "base/buffer.h"
#include "run/summary.h"

struct tl_run;

typedef enum tl_validate_mode {
  TL_VALIDATE_NONE,        /* what every run counts */
  TL_VALIDATE_END,         /* every feature, over all streams */
  TL_VALIDATE_EACH,        /* every feature of every stream */
  TL_VALIDATE_SKIP_SIMPLE, /* but those that look at a row and lags of it alone */
  TL_VALIDATE_SLOW_ONLY,   /* only those with regressions, orders, paths, or windows of windows */
} tl_validate_mode;

/* One feature of one stream. */
typedef struct tl_validation {
  int32_t stream; /* of the input */
  int32_t output;
  int64_t rows, missing, infinite, first_valid;
  double min, max, mean, variance; /* of present values; variance with ddof 1 */
  uint64_t hash;
} tl_validation;

/* "end", "each", "skip-simple", "slow-only"; TL_USAGE for anything else. */
tl_status tl_validate_mode_read(tl_validate_mode *out, const char *text, tl_error *err) TL_MUST_CHECK;
/* Whether the mode asks about this output. */
bool tl_validate_asks(tl_validate_mode mode, const tl_definition *definition, size_t output);
/* An ended stream. Any thread. */
tl_status tl__validate_take(struct tl_run *run, int32_t stream, const tl_course *courses, tl_error *err) TL_MUST_CHECK;
/* Writes checks.json. */
tl_status tl__validate_write(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
/* The table for people. */
tl_status tl__validate_show(struct tl_run *run, tl_buffer *out, tl_error *err) TL_MUST_CHECK;

#endif
