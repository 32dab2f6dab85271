/* What an output file contributes to the record of its run. It is kept with the file's name until the run has ended, so that a run
   that goes on after another knows what the finished files hold without reading them. */
#ifndef TL_RUN_TALLY_H
#define TL_RUN_TALLY_H

#include <jansson.h>
#include "base/json.h"
#include "run/summary.h"

typedef struct tl_check_count {
  int64_t streams, failed;
  char example[200]; /* of a failure; the first in byte order, so that no order of work shows */
} tl_check_count;

typedef struct tl_tally {
  tl_env *env;
  int64_t rows, streams, nonfinite, duplicates;
  tl_feature_summary *features; /* one a selected output */
  tl_check_count *checks;
  size_t feature_count, check_count;
} tl_tally;

tl_status tl_tally_open(tl_tally *out, tl_env *env, size_t feature_count, size_t check_count, tl_error *err) TL_MUST_CHECK;
void tl_tally_free(tl_tally *tally);
void tl_tally_clear(tl_tally *tally);
void tl_tally_merge(tl_tally *into, const tl_tally *from);
void tl_check_add(tl_check_count *check, const char *stream, const char *what);
/* As members of an open JSON object, and back; false when the text does not fit the shape. */
void tl_tally_write(const tl_tally *tally, tl_json *json);
bool tl_tally_read(tl_tally *tally, const json_t *object);

#endif
