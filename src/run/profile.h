/* Where a run's time went: by feature, by stream, by thread. */
#ifndef TL_RUN_PROFILE_H
#define TL_RUN_PROFILE_H

#include "base/json.h"
#include "lang/definition.h"

struct tl_run;

/* A feature's share of the time that its nodes took. */
typedef struct tl_feature_time {
  size_t output;
  double exclusive_ns; /* of nodes that no other feature needs */
  double shared_ns;    /* of the others, each in equal parts for the features that need it */
} tl_feature_time;

/* One thread at its end. */
typedef struct tl_thread_profile {
  int64_t busy_ns, io_ns, decode_ns, compute_ns, encode_ns, write_ns;
  int64_t memory_bytes; /* rows, results, windows, pages that it held */
} tl_thread_profile;

/* One a definition output, in that order; those that were not asked for have no time. */
tl_status tl_feature_times(const struct tl_run *run, tl_feature_time *out, tl_error *err) TL_MUST_CHECK;
/* The member "profile" of the open object. */
tl_status tl_profile_write(struct tl_run *run, const tl_feature_time *times, tl_json *json, tl_error *err) TL_MUST_CHECK;
/* The same for people: cheap features first, so that the dear ones stand last. */
tl_status tl_profile_show(struct tl_run *run, const tl_feature_time *times, tl_buffer *out, tl_error *err) TL_MUST_CHECK;

#endif
