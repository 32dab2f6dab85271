/* tickloom backtest: a strategy over a tape. */
#include <stdio.h>
#include <string.h>
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "sys/sys.h"
#include "trade/backtest.h"

static int run(int argc, char **argv);
const tl_command tl_command_backtest = {
    "backtest", "a strategy over a tape: trades, profit and loss",
    "usage: tickloom backtest STRATEGY.loom --in TAPE --profile tick [options]\n\n"
    "Streams are the definition's keys; with `reset each day` they end with the UTC day. The profile tick fills one unit at the price of the\n"
    "row whose signal is true, long or nothing; a stream's first row trades nothing, its last row closes what is open; rows without a price\n"
    "are no ticks. Nothing is charged unless --fee or --slippage say so. Trades are in the order of their exit, then of streams.\n\n"
    "  --in TAPE             a tape, or any Parquet files sorted by the keys, then by time\n"
    "  --profile tick        the only one in this version\n"
    "  --where CONDITION     only these rows, such as 'expiry == \"2025-11-25\" and strike between 25000 and 25500': the rest is hardly read\n"
    "  --param NAME=VALUE    another value of a param\n"
    "  --trades FILE         the trades as Parquet\n"
    "  --by contract|day     trades, profit and loss of each\n"
    "  --fee RATE            share of each price that a fill costs (default 0)\n"
    "  --slippage RATE       share by which entries are dearer and exits cheaper (default 0)\n"
    "  --fill price|quotes   at this row's price (default), or at the inputs ask and bid where they are there\n"
    "  --threads N           default: one a processor; results do not depend on it\n"
    "  --memory 512MB        bound on the memory of the whole process\n"
    "  --memory-map-threshold-mb N   files of so many MB are mapped instead of read (default: none; 0: none)\n"
    "  --tile-rows N         rows of a tile, 1 to 256; for tests, results do not depend on it\n"
    "  --quiet               no progress\n"
    "  --json                the summary as JSON\n\n"
    "exit code: 0 done; 2 usage; 3 bad definition; 4 bad data, by file and row; 5 for want of memory or disk\n\n"
    "examples:\n  tickloom backtest strategies/ema_cross.loom --in tape --profile tick\n"
    "  tickloom backtest strategies/ema_cross.loom --in tape --profile tick --param fast=8 --by day --trades trades.parquet --json\n",
    run};

/* ---- what came of it ---- */

typedef struct report {
  const tl_backtest_options *o;
  const tl_backtest_outcome *out;
  double seconds;
} report;

static double rate(const report *r) { return r->seconds > 0 ? (double)r->out->rows / r->seconds : 0; }

static void show_key(const tl_column *c, int64_t row, char *out, size_t room) {
  TL_OWNED(tl_buffer) text = {.env = tl_sys_env()};
  *out = 0;
  if (tl_column_text(c, row, &text, NULL) == TL_OK && tl_buffer_byte(&text, 0, NULL) == TL_OK) snprintf(out, room, "%s", (const char *)text.data);
}

static void show_groups(const report *r) {
  for (size_t i = 0; i < r->out->group_count; i++) {
    const tl_backtest_group *g = &r->out->groups[i];
    char text[TL_TIME_TEXT];
    tl_date_text(text, g->day);
    if (r->o->by == TL_BY_DAY) printf("%s", text);
    for (int k = 0; r->o->by == TL_BY_CONTRACT && k < r->out->stretches[g->stretch].key_count; k++) {
      show_key(&r->out->stretches[g->stretch].keys[k], g->stream, text, sizeof text);
      printf("%s%s", k > 0 ? " " : "", text);
    }
    char pnl[TL_NUMBER_TEXT];
    tl_double_text(pnl, g->pnl);
    printf("  %lld rows, %lld trades, pnl %s\n", (long long)g->rows, (long long)g->trades, pnl);
  }
}

static void show(const report *r) {
  char rows[TL_NUMBER_TEXT], trades[TL_NUMBER_TEXT], pnl[TL_NUMBER_TEXT], seconds[TL_NUMBER_TEXT], speed[TL_NUMBER_TEXT], fee[TL_NUMBER_TEXT],
      slip[TL_NUMBER_TEXT];
  show_groups(r);
  tl_count_text(rows, r->out->rows);
  tl_count_text(trades, r->out->trades);
  tl_double_text(pnl, r->out->pnl);
  tl_seconds_text(seconds, r->seconds);
  tl_count_text(speed, (int64_t)rate(r));
  tl_double_text(fee, r->o->fee);
  tl_double_text(slip, r->o->slippage);
  printf("%s rows, %s trades, pnl %s\n", rows, trades, pnl);
  printf("profile tick: fee %s, slippage %s, filled at %s\n", fee, slip, r->o->fill_quotes ? "ask and bid" : "the row's price");
  printf("%s, %s rows/s on %d threads, %.0f %% of the time decoding\n", seconds, speed, r->out->threads,
         r->out->work_ns > 0 ? 100.0 * (double)r->out->decode_ns / (double)r->out->work_ns : 0);
}

static tl_status put_group(tl_json *j, const report *r, const tl_backtest_group *g, tl_error *err) {
  char text[TL_TIME_TEXT];
  const tl_stretch_trades *s = &r->out->stretches[g->stretch];
  tl_json_open(j, NULL, '{');
  if (r->o->by == TL_BY_DAY) {
    tl_date_text(text, g->day);
    tl_json_string(j, "date", text);
  }
  for (int k = 0; r->o->by == TL_BY_CONTRACT && k < s->key_count; k++) {
    const char *name = r->o->definition->keys[k];
    if (!tl_column_is_valid(&s->keys[k], g->stream))
      tl_json_null(j, name);
    else if (s->keys[k].field.physical == TL_PHYSICAL_DOUBLE) {
      double v;
      memcpy(&v, tl_column_bytes(&s->keys[k], g->stream).data, sizeof v);
      tl_json_double(j, name, v);
    } else {
      TL_OWNED(tl_buffer) value = {.env = tl_sys_env()};
      TL_TRY(tl_column_text(&s->keys[k], g->stream, &value, err));
      TL_TRY(tl_buffer_byte(&value, 0, err));
      tl_json_string(j, name, (const char *)value.data);
    }
  }
  tl_json_int(j, "rows", g->rows);
  tl_json_int(j, "trades", g->trades);
  tl_json_double(j, "pnl", g->pnl);
  tl_json_close(j, '}');
  return j->status;
}

static bool show_json(const report *r) {
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_error err;
  tl_json json = {.out = &out, .err = &err}, *j = &json;
  tl_json_open(j, NULL, '{');
  tl_json_string(j, "profile", "tick");
  tl_json_double(j, "fee", r->o->fee);
  tl_json_double(j, "slippage", r->o->slippage);
  tl_json_string(j, "fill", r->o->fill_quotes ? "quotes" : "price");
  tl_json_int(j, "files", r->out->files);
  tl_json_int(j, "streams", r->out->streams);
  tl_json_int(j, "rows", r->out->rows);
  tl_json_int(j, "trades", r->out->trades);
  tl_json_double(j, "pnl", r->out->pnl);
  tl_json_double(j, "seconds", r->seconds);
  tl_json_double(j, "rows_per_s", rate(r));
  tl_json_int(j, "threads", r->out->threads);
  tl_json_double(j, "decode_s", (double)r->out->decode_ns / 1e9);
  tl_json_double(j, "work_s", (double)r->out->work_ns / 1e9);
  tl_json_int(j, "peak_bytes", tl_sys_resident_peak());
  if (r->o->by != TL_BY_NOTHING) {
    tl_json_open(j, "by", '[');
    for (size_t i = 0; i < r->out->group_count && json.status == TL_OK; i++)
      if (put_group(j, r, &r->out->groups[i], &err) != TL_OK) return false;
    tl_json_close(j, ']');
  }
  tl_json_close(j, '}');
  return json.status == TL_OK && cli_put(&out);
}

/* ---- running ---- */

/* Trades are written aside, and come into their place when all are there. */
static tl_status run_to(tl_backtest_outcome *out, tl_backtest_options *o, tl_error *err) {
  tl_env *env = tl_sys_env();
  const char *file = o->trades;
  tl_file_info info;
  bool there;
  if (file == NULL) return tl_backtest_run(out, env, o, err);
  char *part = cli_copy(file, strlen(file) + 5);
  memcpy(part + strlen(file), ".part", 6);
  tl_status status = cli_check_out(file, true, &info, &there, err);
  if (status != TL_OK) return *out = (tl_backtest_outcome){0}, status;
  o->trades = part;
  status = tl_backtest_run(out, env, o, err);
  if (status == TL_OK) status = env->rename(env, part, file, err);
  if (status != TL_OK) (void)env->remove(env, part, NULL);
  return status;
}

static int backtest(tl_backtest_options *o, bool json, bool quiet) {
  tl_backtest_outcome out;
  tl_error err = {0};
  o->tell = cli_tell;
  o->context = cli_tell_begin("done", quiet);
  tl_sys_catch_signals();
  tl_sys_keep_memory();
  tl_sys_limit_memory(o->memory * 9 / 10);
  tl_status status = run_to(&out, o, &err);
  report r = {o, &out, cli_tell_end(o->context)};
  int code = status == TL_OK ? 0 : cli_fail(&err);
  if (status == TL_OK && json && !show_json(&r)) code = 5;
  if (status == TL_OK && !json) show(&r);
  tl_backtest_outcome_free(&out);
  return code;
}

static bool read_rate(const char *option, const char *text, double *out) {
  if (text == NULL || (tl_double_read(text, strlen(text), out) && *out >= 0 && *out < 1)) return true;
  cli_usage(&tl_command_backtest, "--%s %s: expected a share from 0 to below 1, such as 0.0005", option, text);
  return false;
}

static bool read_by(const char *text, tl_backtest_by *out) {
  if (text != NULL && strcmp(text, "contract") == 0) *out = TL_BY_CONTRACT;
  if (text != NULL && strcmp(text, "day") == 0) *out = TL_BY_DAY;
  if (text == NULL || *out != TL_BY_NOTHING) return true;
  cli_usage(&tl_command_backtest, "--by %s: expected contract or day", text);
  return false;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_backtest;
  static cli_list rest, params;
  static tl_param_setting settings[CLI_MOST];
  const char *in = NULL, *profile = NULL, *where = NULL, *trades = NULL, *by = NULL, *threads = NULL, *memory = NULL, *tile = NULL, *fee = NULL,
             *slippage = NULL, *fill = NULL, *map = NULL;
  bool json = false, quiet = false;
  tl_backtest_options o = {.memory = 512000000};
  const cli_option options[] = {
      {"in", &in, 0, 0},         {"profile", &profile, 0, 0}, {"where", &where, 0, 0},       {"param", 0, 0, &params}, {"trades", &trades, 0, 0},
      {"by", &by, 0, 0},         {"fee", &fee, 0, 0},         {"slippage", &slippage, 0, 0}, {"fill", &fill, 0, 0},    {"threads", &threads, 0, 0},
      {"memory", &memory, 0, 0}, {"tile-rows", &tile, 0, 0},  {"json", 0, &json, 0},         {"quiet", 0, &quiet, 0},  {"memory-map-threshold-mb", &map, 0, 0}};
  int64_t thread_count = 0, tile_rows = 0;
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "expected: backtest STRATEGY.loom");
  if (in == NULL) return cli_usage(me, "--in is needed");
  if (profile == NULL || strcmp(profile, "tick") != 0) return cli_usage(me, "--profile tick is needed; it is the only one in this version");
  o.fill_quotes = fill != NULL && strcmp(fill, "quotes") == 0;
  if (fill != NULL && !o.fill_quotes && strcmp(fill, "price") != 0) return cli_usage(me, "--fill %s: expected price or quotes", fill);
  if (!read_by(by, &o.by) || !read_rate("fee", fee, &o.fee) || !read_rate("slippage", slippage, &o.slippage)) return 2;
  if (!cli_int(me, "threads", threads, 1, 1024, &thread_count) || !cli_int(me, "tile-rows", tile, 1, 256, &tile_rows)) return 2;
  if (!cli_size(me, "memory", memory, &o.memory) || !cli_map_threshold(me, map) || !cli_params(me, &params, settings)) return 2;
  if (o.memory < 32000000) return cli_usage(me, "--memory must be at least 32MB");
  tl_definition *definition;
  tl_error err = {0};
  if (tl_definition_open(&definition, rest.items[0], settings, params.count, &err) != TL_OK) return cli_fail(&err);
  o.definition = definition, o.in = in, o.where = where, o.trades = trades, o.threads = (int)thread_count, o.tile_rows = (int)tile_rows;
  int code = backtest(&o, json, quiet);
  tl_definition_close(definition);
  return code;
}
