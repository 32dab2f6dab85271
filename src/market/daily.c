#include "market/daily.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/date.h"
#include "codec/compressor.h"
#include "market/dice.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

enum { COLUMNS = 6 };

typedef struct bars {
  int64_t *date, *volume;
  double *open, *high, *low, *close;
} bars;

static double cents(double price) { return floor(price * 100 + 0.5) / 100; }

static int64_t next_weekday(int64_t day) {
  do day++;
  while (tl_weekday_of_days(day) > 5);
  return day;
}

/* Market returns, one a day: a slowly changing volatility and a few crashes. */
static void make_market(double *returns, int64_t rows, uint64_t seed) {
  tl_dice d = {seed};
  double volatility = 0.01;
  for (int64_t i = 0; i < rows; i++) {
    volatility += 0.05 * (0.01 - volatility) + 0.0008 * tl_normal(&d);
    if (volatility < 0.003) volatility = 0.003;
    returns[i] = 0.0003 + volatility * tl_normal(&d);
    if (tl_uniform(&d) < 0.001) returns[i] -= 0.06 * tl_uniform(&d);
  }
}

typedef struct character {
  double beta, own, drift, price, liquidity;
  double gap_share, dead_share, split_share;
  int64_t first; /* late listing */
} character;

static character make_character(tl_dice *d, int64_t rows, bool market) {
  character c = {.beta = 1, .own = 0, .price = 95, .liquidity = 8e7};
  if (market) return c;
  c.beta = 0.3 + 1.4 * tl_uniform(d);
  c.own = 0.006 + 0.02 * tl_uniform(d);
  c.drift = 0.0004 * (tl_uniform(d) - 0.3);
  c.price = 5 + 195 * tl_uniform(d) * tl_uniform(d);
  c.liquidity = 2e4 + 2e7 * tl_uniform(d) * tl_uniform(d) * tl_uniform(d);
  c.gap_share = tl_uniform(d) < 0.2 ? 0.01 : 0;
  c.dead_share = tl_uniform(d) < 0.1 ? 0.02 : 0;
  c.split_share = 0.0002;
  c.first = tl_uniform(d) < 0.15 ? (int64_t)(tl_uniform(d) * 0.8 * (double)rows) : 0;
  return c;
}

static int64_t make_bars(bars *b, const double *market, int64_t rows, uint64_t seed, bool is_market) {
  tl_dice d = {seed};
  character c = make_character(&d, rows, is_market);
  double close = c.price;
  int64_t day = tl_days_of_civil(2004, 1, 1), n = 0;
  for (int64_t i = 0; i < rows; i++) {
    day = next_weekday(day);
    double r = c.beta * market[i] + c.drift + c.own * tl_normal(&d), overnight = 0.3 * r + 0.2 * c.own * tl_normal(&d);
    double open = tl_grow(close, overnight), end = tl_grow(close, r);
    double spread = (0.3 * fabs(r) + 0.4 * c.own + 0.002) * tl_uniform(&d);
    if (tl_uniform(&d) < c.split_share && end > 60) open /= 2, end /= 2;
    if (end < 1) end = open = 1;
    close = end;
    bool gap = tl_uniform(&d) < c.gap_share, dead = tl_uniform(&d) < c.dead_share;
    double volume = c.liquidity * (0.5 + tl_uniform(&d) + 30 * fabs(r));
    if (i < c.first || gap) continue;
    double high = (open > end ? open : end) * (1 + spread), low = (open < end ? open : end) * (1 - spread * tl_uniform(&d));
    b->date[n] = day;
    b->open[n] = cents(open), b->high[n] = cents(high), b->low[n] = cents(low), b->close[n] = cents(end);
    b->volume[n] = dead ? 0 : (int64_t)volume;
    n++;
  }
  return n;
}

static void make_leaves(tl_leaf *leaves) {
  static const char *const names[COLUMNS] = {"date", "open", "high", "low", "close", "volume"};
  for (int i = 0; i < COLUMNS; i++) {
    leaves[i] = (tl_leaf){.field = {.name = names[i], .physical = TL_PHYSICAL_DOUBLE}, .converted_type = -1};
    if (i == 0) leaves[i].field.physical = TL_PHYSICAL_INT32, leaves[i].field.logical = TL_LOGICAL_DATE;
    if (i == 5) leaves[i].field.physical = TL_PHYSICAL_INT64;
  }
}

static tl_status write_file(tl_env *env, const char *path, const bars *b, int64_t rows, tl_group *g, tl_error *err) {
  tl_leaf leaves[COLUMNS];
  tl_page_style price = {.encoding = TL_ENCODING_PLAIN, .codec = TL_CODEC_ZSTD, .level = 1, .page_rows = 16384}, whole = price;
  const double *prices[] = {b->open, b->high, b->low, b->close};
  tl_sorting by_date = {.column = 0};
  tl_writer w;
  make_leaves(leaves);
  whole.encoding = TL_ENCODING_DELTA;
  TL_TRY(tl_group_begin(g, COLUMNS, rows, err));
  TL_TRY(tl_group_put_ints(g, &leaves[0], b->date, 0, whole, err));
  for (int i = 0; i < 4; i++) TL_TRY(tl_group_put_doubles(g, &leaves[i + 1], prices[i], price, err));
  TL_TRY(tl_group_put_ints(g, &leaves[5], b->volume, 0, whole, err));
  TL_TRY(tl_writer_open(&w, env, path, leaves, COLUMNS, &by_date, 1, err));
  tl_status status = rows > 0 ? tl_writer_append(&w, g, err) : TL_OK;
  if (status == TL_OK) status = tl_writer_finish(&w, false, err);
  tl_writer_free(&w);
  return status;
}

static tl_status file_path(const tl_daily_options *o, int64_t ticker, char *out, size_t room, tl_error *err) {
  char name[16] = "SPY";
  if (ticker > 0) snprintf(name, sizeof name, "T%05lld", (long long)ticker);
  if ((size_t)snprintf(out, room, "%s/%s.parquet", o->out, name) < room) return TL_OK;
  return tl_fail(err, TL_USAGE, "%s: the path is too long", o->out);
}

/* A file that is in the way must be one of ours. */
static tl_status refuse_foreign(const tl_daily_options *o, tl_env *env, tl_error *err) {
  char path[4200];
  tl_file_info info;
  for (int64_t i = 0; i < o->tickers; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    TL_TRY(file_path(o, i, path, sizeof path, err));
    if (env->info(env, path, &info, NULL) != TL_OK) continue;
    if (tl_parquet_open(&file, env, path, NULL) != TL_OK || strncmp(file.meta.created_by, "tickloom ", 9) != 0)
      return tl_fail(err, TL_USAGE, "%s is there and was not written by tickloom; nothing was changed", path);
  }
  return TL_OK;
}

static tl_status generate(const tl_daily_options *o, tl_env *env, tl_arena *arena, tl_group *g, int64_t *total, tl_error *err) {
  bars b;
  double *market;
  size_t n = (size_t)o->rows;
  TL_TRY(tl_arena_take(arena, &market, n, sizeof *market, err));
  TL_TRY(tl_arena_take(arena, &b.date, n, sizeof *b.date, err));
  TL_TRY(tl_arena_take(arena, &b.volume, n, sizeof *b.volume, err));
  TL_TRY(tl_arena_take(arena, &b.open, n, sizeof *b.open, err));
  TL_TRY(tl_arena_take(arena, &b.high, n, sizeof *b.high, err));
  TL_TRY(tl_arena_take(arena, &b.low, n, sizeof *b.low, err));
  TL_TRY(tl_arena_take(arena, &b.close, n, sizeof *b.close, err));
  make_market(market, o->rows, o->seed);
  TL_TRY(refuse_foreign(o, env, err));
  TL_TRY(env->make_folder(env, o->out, err));
  *total = 0;
  for (int64_t i = 0; i < o->tickers; i++) {
    char path[4200];
    TL_TRY(file_path(o, i, path, sizeof path, err));
    int64_t rows = make_bars(&b, market, o->rows, o->seed * 1000003 + (uint64_t)i + 1, i == 0);
    TL_TRY(write_file(env, path, &b, rows, g, err));
    *total += rows;
  }
  return TL_OK;
}

tl_status tl_daily_generate(const tl_daily_options *o, tl_env *env, int64_t *rows, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  TL_OWNED(tl_group) group = {.env = env};
  return generate(o, env, &arena, &group, rows, err);
}
