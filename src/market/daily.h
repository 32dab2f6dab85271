/* A synthetic market of daily bars: correlated tickers with SPY, splits, gaps, thin and dead days, late listings. The same
   numbers for the same seed, everywhere. */
#ifndef TL_MARKET_DAILY_H
#define TL_MARKET_DAILY_H

#include "base/env.h"

typedef struct tl_daily_options {
  int64_t tickers, rows; /* rows of a full history */
  uint64_t seed;
  const char *out; /* a folder: made, one file a ticker */
} tl_daily_options;

/* Writes SPY.parquet and tickers - 1 others: date, open, high, low, close, volume. Rows written in *rows. */
tl_status tl_daily_generate(const tl_daily_options *options, tl_env *env, int64_t *rows, tl_error *err) TL_MUST_CHECK;

#endif
