/* Synthetic option ticks: one file a contract, as vendors deliver them, and the calendar of their expiries. Prices step in ticks and mostly stay;
   volumes count up through the day and now and then begin again; quotes and prices are missing here and there; several ticks share a time. */
#ifndef TL_MARKET_OPTIONS_H
#define TL_MARKET_OPTIONS_H

#include "base/env.h"

typedef struct tl_options_options {
  int64_t contracts, rows, days; /* rows: of all contracts together, about */
  uint64_t seed;
  const char *out; /* a folder: made */
} tl_options_options;

/* Writes sensex24nov80200ce.parquet .. and expiry_calendar.csv. Rows written in *rows. TL_USAGE when a file in the way is not one of ours. */
tl_status tl_options_generate(const tl_options_options *options, tl_env *env, int64_t *rows, tl_error *err) TL_MUST_CHECK;

#endif
