/* Trades: in their order (time of exit, stream, entry), summed in it, and as Parquet. */
#ifndef TL_TRADE_TRADES_H
#define TL_TRADE_TRADES_H

#include "lake/sink.h"
#include "trade/tape.h"

typedef struct tl_trade {
  int64_t entry_time, exit_time; /* ns */
  double entry_price, exit_price, pnl;
  int64_t stream; /* of its stretch */
} tl_trade;

/* What came of one stretch: trades in no order, but for those of one stream, and its streams in the order of the file. */
typedef struct tl_stretch_trades {
  tl_env *env;
  tl_trade *trades;
  size_t count, capacity;
  tl_column *keys; /* one a key of the definition */
  int key_count;
  int64_t streams;
  int64_t *stream_rows, *stream_days; /* rows read; the day as days since 1970 */
  int64_t rows;
  bool done;
} tl_stretch_trades;
void tl_stretch_trades_free(tl_stretch_trades *s);

/* -1, 0 or 1 in the order of their keys, missing ones last. */
int tl_streams_compare(const tl_stretch_trades *a, int64_t stream, const tl_stretch_trades *b, int64_t other);

/* A trade among all of some stretches. */
typedef struct tl_trade_place {
  int64_t exit_time;
  uint32_t stretch, index;
} tl_trade_place;

/* All trades of stretches [0, count) in order: *out is the caller's to release. */
tl_status tl_trades_order(tl_env *env, const tl_stretch_trades *stretches, size_t count, tl_trade_place **out, size_t *trades, tl_error *err) TL_MUST_CHECK;

/* The file of trades: keys, entry_timestamp, exit_timestamp, entry_price, exit_price, pnl. */
typedef struct tl_trade_sink {
  tl_env *env;
  tl_schema schema;
  tl_arena arena;
  tl_sink sink;
  tl_batch batch;
} tl_trade_sink;
tl_status tl_trade_sink_open(tl_trade_sink *out, tl_env *env, const char *path, const tl_tape *tape, tl_error *err) TL_MUST_CHECK;
tl_status tl_trade_sink_put(tl_trade_sink *sink, const tl_stretch_trades *stretches, const tl_trade_place *order, size_t count, tl_error *err) TL_MUST_CHECK;
tl_status tl_trade_sink_finish(tl_trade_sink *sink, tl_error *err) TL_MUST_CHECK;
void tl_trade_sink_free(tl_trade_sink *sink);

#endif
