/* A strategy over a tape in the profile `tick`: stretches of files on threads, days merged in their order. */
#ifndef TL_TRADE_BACKTEST_H
#define TL_TRADE_BACKTEST_H

#include "trade/tick.h"

typedef enum tl_backtest_by { TL_BY_NOTHING, TL_BY_CONTRACT, TL_BY_DAY } tl_backtest_by;

typedef struct tl_backtest_options {
  const tl_definition *definition;
  const char *in, *where; /* where: NULL: every row */
  const char *trades;     /* a .parquet file; NULL: none */
  tl_backtest_by by;
  int threads;    /* 0: one a processor */
  int64_t memory; /* bytes, of the whole process */
  int tile_rows;  /* 0: as fits; results do not depend on it */
  double fee, slippage;
  bool fill_quotes; /* at the ask and the bid instead of the price; the definition has inputs `bid` and `ask` */
  void (*tell)(void *context, int64_t rows_done, int64_t rows);
  void *context;
} tl_backtest_options;

/* One contract over all days, or one day of all contracts. */
typedef struct tl_backtest_group {
  int64_t day;      /* by day */
  uint32_t stretch; /* by contract: where its keys are */
  int64_t stream;
  int64_t rows, trades;
  double pnl;
} tl_backtest_group;

typedef struct tl_backtest_outcome {
  tl_env *env;
  int64_t rows, trades, streams, files;
  double pnl;                 /* summed in the order of trades */
  int64_t decode_ns, work_ns; /* of all threads: decoding, and all */
  int threads;
  tl_stretch_trades *stretches; /* keys of groups */
  size_t stretch_count;
  tl_backtest_group *groups; /* in order of keys, or of days */
  size_t group_count, group_capacity;
} tl_backtest_outcome;

tl_status tl_backtest_run(tl_backtest_outcome *out, tl_env *env, const tl_backtest_options *options, tl_error *err) TL_MUST_CHECK;
void tl_backtest_outcome_free(tl_backtest_outcome *outcome);

#endif
