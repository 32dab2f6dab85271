#include "market/options.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/arena.h"
#include "base/date.h"
#include "base/file.h"
#include "codec/compressor.h"
#include "market/dice.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

enum { PRICES = 6, COUNTS = 8, COLUMNS = 1 + PRICES + COUNTS, LIFE = 45 };
static const char *const price_names[PRICES] = {"price", "changeper", "bp0", "sp0", "bp1", "sp1"};
static const char *const count_names[COUNTS] = {"volume", "qty", "oi", "bq0", "sq0", "bq1", "sq1", "bo0"};
enum { PRICE, CHANGE, BID, ASK, BID1, ASK1 };
enum { VOLUME, QTY, OI, BID_SIZE, ASK_SIZE };
static const char *const underlyings[] = {"sensex", "bankex"};
static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};

typedef struct contract {
  const char *underlying;
  int64_t expiry; /* days since 1970 */
  bool monthly, call;
  int64_t strike;
} contract;

/* The ticks of a contract on a day. */
typedef struct ticks {
  int64_t *time, *counts[COUNTS];
  double *prices[PRICES];
} ticks;

typedef struct maker {
  const tl_options_options *o;
  tl_env *env;
  tl_arena arena;
  tl_group group;
  ticks t;
  int64_t most; /* ticks of a day */
  int64_t *days;
  int64_t *expiries;
  int expiry_count;
} maker;

/* ---- days, expiries, contracts ---- */

/* Thursdays from the first day on; the last one of a month is the monthly. */
static bool is_monthly(int64_t expiry) { return tl_civil_of_days(expiry + 7).month != tl_civil_of_days(expiry).month; }

static tl_status make_calendar(maker *m, tl_error *err) {
  int64_t day = tl_days_of_civil(2024, 11, 18);
  TL_TRY(tl_arena_take(&m->arena, &m->days, (size_t)m->o->days, sizeof *m->days, err));
  for (int64_t i = 0; i < m->o->days; i++) {
    m->days[i] = day;
    do day++;
    while (tl_weekday_of_days(day) > 5);
  }
  int64_t weeks = (m->days[m->o->days - 1] - m->days[0]) / 7 + 6;
  TL_TRY(tl_arena_take(&m->arena, &m->expiries, (size_t)weeks, sizeof *m->expiries, err));
  for (int64_t i = 0; i < weeks; i++) m->expiries[m->expiry_count++] = m->days[0] + 3 + 7 * i;
  return TL_OK;
}

/* Expiries in turn; within one, strikes from the middle outwards, each as call and put. */
static contract make_contract(const maker *m, int64_t index) {
  int64_t within = index / m->expiry_count / 2, side = within / 2, step = (side + 1) / 2 * (side % 2 == 0 ? 1 : -1);
  contract c = {.underlying = underlyings[index / m->expiry_count % 2], .expiry = m->expiries[index % m->expiry_count], .call = within % 2 == 0};
  c.monthly = is_monthly(c.expiry);
  c.strike = c.underlying == underlyings[0] ? 80200 + 100 * step : 62500 + 50 * step; /* no strike begins like a day of a month */
  return c;
}

static bool trades_on(const contract *c, int64_t day) { return day <= c->expiry && day + LIFE >= c->expiry; }

static int64_t days_of(const maker *m, const contract *c) {
  int64_t count = 0;
  for (int64_t i = 0; i < m->o->days; i++) count += trades_on(c, m->days[i]);
  return count;
}

/* ---- ticks ---- */

static double in_ticks(int64_t count) { return (double)count / 20; } /* of 0.05 */

/* What stays from tick to tick. */
typedef struct course {
  tl_dice d;
  int64_t price, first, spread, lean, volume, oi; /* prices in ticks; lean: ticks from the bid up to the price */
  int64_t time;
} course;

static void step(course *c) {
  double u = tl_uniform(&c->d);
  if (u < 0.42) c->price += (int64_t)(1 + 2 * tl_uniform(&c->d) * tl_uniform(&c->d)) * (tl_roll(&c->d) & 1 ? 1 : -1);
  if (c->price < 1) c->price = 1;
  if (tl_uniform(&c->d) < 0.2) c->spread = 1 + (int64_t)(4 * tl_uniform(&c->d) * tl_uniform(&c->d));
  c->lean = (int64_t)(tl_uniform(&c->d) * (double)(c->spread + 1));
  if (tl_uniform(&c->d) < 0.35) c->volume += 25 * (1 + (int64_t)(20 * tl_uniform(&c->d) * tl_uniform(&c->d)));
  if (tl_uniform(&c->d) < 0.00005) c->volume = 0; /* the feed began again */
  if (tl_uniform(&c->d) < 0.005) c->oi += 25 * (int64_t)(200 * (tl_uniform(&c->d) - 0.45));
  if (c->oi < 0) c->oi = 0;
}

static void note(ticks *t, int64_t at, course *c) {
  int64_t bid = c->price - c->lean, sizes = (int64_t)tl_roll(&c->d) & 0xffff;
  double first = in_ticks(c->first), price = in_ticks(c->price);
  t->time[at] = c->time;
  t->prices[PRICE][at] = price;
  t->prices[CHANGE][at] = (price - first) / first * 100;
  t->prices[BID][at] = bid > 0 ? in_ticks(bid) : 0;
  t->prices[ASK][at] = in_ticks(bid + c->spread);
  t->prices[BID1][at] = bid > 1 ? in_ticks(bid - 1) : 0;
  t->prices[ASK1][at] = in_ticks(bid + c->spread + 1);
  t->counts[VOLUME][at] = c->volume;
  t->counts[QTY][at] = 25 * (1 + (sizes & 7));
  t->counts[OI][at] = c->oi;
  for (int k = BID_SIZE; k < COUNTS; k++) t->counts[k][at] = 25 * (1 + (sizes >> (2 * k - 4) & 15));
  if (tl_uniform(&c->d) < 0.02) t->prices[BID][at] = NAN, t->counts[BID_SIZE][at] = 0;
  if (tl_uniform(&c->d) < 0.02) t->prices[ASK][at] = NAN, t->counts[ASK_SIZE][at] = 0;
  if (tl_uniform(&c->d) < 0.002) t->prices[PRICE][at] = t->prices[CHANGE][at] = NAN;
}

/* 09:15 to 15:30 in India, UTC 03:45 to 10:00; times are whole milliseconds, mostly a quarter of a second apart where there is room. */
static void make_ticks(ticks *t, int64_t rows, int64_t day, course *c) {
  double gap = 22500e3 / (double)rows;
  int64_t unit = gap >= 500 ? 250 : gap >= 10 ? 5 : 1;
  c->time = day * TL_DAY_NS + 13500000000000;
  c->volume = 0;
  for (int64_t i = 0; i < rows; i++) {
    int64_t wait = (int64_t)(2 * gap * tl_uniform(&c->d) / (double)unit) * unit;
    if (tl_uniform(&c->d) < 0.01) wait = 0;
    c->time += wait * 1000000;
    if (i > 0) step(c);
    note(t, i, c);
  }
}

/* ---- files ---- */

static void make_leaves(tl_leaf *leaves) {
  for (int i = 0; i < COLUMNS; i++) {
    const char *name = i == 0 ? "timestamp" : i <= PRICES ? price_names[i - 1] : count_names[i - 1 - PRICES];
    bool price = i > 0 && i <= PRICES;
    leaves[i] = (tl_leaf){
        .field = {.name = name, .physical = price ? TL_PHYSICAL_DOUBLE : TL_PHYSICAL_INT64, .nullable = price}, .max_definition = price, .converted_type = -1};
  }
}

static tl_status put_day(maker *m, tl_writer *w, const tl_leaf *leaves, int64_t rows, tl_error *err) {
  tl_page_style style = {.encoding = TL_ENCODING_RLE_DICTIONARY, .codec = TL_CODEC_ZSTD, .level = 1, .page_rows = 20000};
  TL_TRY(tl_group_begin(&m->group, COLUMNS, rows, err));
  TL_TRY(tl_group_put_ints(&m->group, &leaves[0], m->t.time, INT64_MIN, style, err));
  for (int i = 0; i < PRICES; i++) TL_TRY(tl_group_put_doubles(&m->group, &leaves[1 + i], m->t.prices[i], style, err));
  for (int i = 0; i < COUNTS; i++) TL_TRY(tl_group_put_ints(&m->group, &leaves[1 + PRICES + i], m->t.counts[i], INT64_MIN, style, err));
  return tl_writer_append(w, &m->group, err);
}

static tl_status contract_path(const maker *m, const contract *c, char *out, size_t room, tl_error *err) {
  tl_civil e = tl_civil_of_days(c->expiry);
  char day[4] = "";
  if (!c->monthly) snprintf(day, sizeof day, "%02d", e.day);
  int used = snprintf(out, room, "%s/%s%02d%s%s%lld%s.parquet", m->o->out, c->underlying, (int)(e.year % 100), months[e.month - 1], day, (long long)c->strike,
                      c->call ? "ce" : "pe");
  return (size_t)used < room ? TL_OK : tl_fail(err, TL_USAGE, "%s: the path is too long", m->o->out);
}

static tl_status write_contract(maker *m, int64_t index, double rows_a_day, int64_t *total, tl_error *err) {
  contract c = make_contract(m, index);
  char path[4200];
  tl_leaf leaves[COLUMNS];
  tl_writer w;
  make_leaves(leaves);
  TL_TRY(contract_path(m, &c, path, sizeof path, err));
  if (days_of(m, &c) == 0) return TL_OK;
  course k = {.d = {m->o->seed * 1000003 + (uint64_t)index + 1}, .spread = 2, .oi = 25000};
  k.price = k.first = (int64_t)(20 * (30 + 700 * tl_uniform(&k.d) * tl_uniform(&k.d)));
  double share = 0.4 + 1.2 * tl_uniform(&k.d); /* some are traded more */
  TL_TRY(tl_writer_open(&w, m->env, path, leaves, COLUMNS, NULL, 0, err));
  tl_status status = TL_OK;
  for (int64_t i = 0; i < m->o->days && status == TL_OK; i++) {
    if (!trades_on(&c, m->days[i])) continue;
    int64_t rows = (int64_t)(share * rows_a_day) + 1;
    make_ticks(&m->t, rows, m->days[i], &k);
    status = put_day(m, &w, leaves, rows, err);
    *total += rows;
  }
  if (status == TL_OK) status = tl_writer_finish(&w, false, err);
  tl_writer_free(&w);
  return status;
}

static tl_status write_calendar(maker *m, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = m->env};
  const char *path;
  TL_TRY(tl_buffer_text(&text, "underlying,year,month,expiry_type,expiry_date\n", err));
  for (int u = 0; u < 2; u++)
    for (int i = 0; i < m->expiry_count; i++) {
      tl_civil e = tl_civil_of_days(m->expiries[i]);
      TL_TRY(tl_buffer_format(&text, err, "%s,%d,%d,%s,%04d-%02d-%02d\n", underlyings[u], (int)e.year, e.month,
                              is_monthly(m->expiries[i]) ? "monthly" : "weekly", (int)e.year, e.month, e.day));
    }
  TL_TRY(tl_arena_format(&m->arena, &path, err, "%s/expiry_calendar.csv", m->o->out));
  return tl_file_write(m->env, path, tl_buffer_view(&text), false, err);
}

static tl_status refuse_foreign(const maker *m, tl_error *err) {
  char path[4200];
  tl_file_info info;
  for (int64_t i = 0; i < m->o->contracts; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    contract c = make_contract(m, i);
    TL_TRY(contract_path(m, &c, path, sizeof path, err));
    if (m->env->info(m->env, path, &info, NULL) != TL_OK) continue;
    if (tl_parquet_open(&file, m->env, path, NULL) != TL_OK || strncmp(file.meta.created_by, "tickloom ", 9) != 0)
      return tl_fail(err, TL_USAGE, "%s is there and was not written by tickloom; nothing was changed", path);
  }
  return TL_OK;
}

static tl_status take_memory(maker *m, tl_error *err) {
  size_t n = (size_t)m->most + 1;
  TL_TRY(tl_arena_take(&m->arena, &m->t.time, n, sizeof(int64_t), err));
  for (int i = 0; i < PRICES; i++) TL_TRY(tl_arena_take(&m->arena, &m->t.prices[i], n, sizeof(double), err));
  for (int i = 0; i < COUNTS; i++) TL_TRY(tl_arena_take(&m->arena, &m->t.counts[i], n, sizeof(int64_t), err));
  return TL_OK;
}

static tl_status generate(maker *m, int64_t *total, tl_error *err) {
  int64_t pairs = 0;
  TL_TRY(make_calendar(m, err));
  for (int64_t i = 0; i < m->o->contracts; i++) {
    contract c = make_contract(m, i);
    pairs += days_of(m, &c);
  }
  double rows_a_day = pairs > 0 ? (double)m->o->rows / (double)pairs : 0;
  m->most = (int64_t)(1.6 * rows_a_day) + 1;
  TL_TRY(take_memory(m, err));
  TL_TRY(refuse_foreign(m, err));
  TL_TRY(m->env->make_folder(m->env, m->o->out, err));
  *total = 0;
  for (int64_t i = 0; i < m->o->contracts; i++) TL_TRY(write_contract(m, i, rows_a_day, total, err));
  return write_calendar(m, err);
}

tl_status tl_options_generate(const tl_options_options *o, tl_env *env, int64_t *rows, tl_error *err) {
  maker m = {.o = o, .env = env, .arena = {.env = env}, .group = {.env = env}};
  tl_status status = generate(&m, rows, err);
  tl_group_free(&m.group);
  tl_arena_free(&m.arena);
  return status;
}
