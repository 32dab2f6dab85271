/* tickloom generate: synthetic markets, for trying things and for tests. */
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "market/daily.h"
#include "market/options.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_generate = {
    "generate", "writes a synthetic market",
    "usage: tickloom generate daily --tickers N --rows N --seed S --out DIR\n"
    "       tickloom generate options --contracts N --rows N --days N --seed S --out DIR\n\n"
    "daily    bars, one file a ticker (SPY and T00001 ..) of --rows rows: date, open, high, low, close, volume. Correlated with SPY, with\n"
    "         splits, gaps, days without volume and late listings\n"
    "options  ticks, one file a contract (sensex24nov80200ce ..), --rows in all, about, and expiry_calendar.csv: several expiries, ticks\n"
    "         that change nothing, volumes that begin again, missing quotes and prices, equal timestamps\n\n"
    "The same seed gives the same numbers everywhere.\n\n"
    "examples:\n  tickloom generate daily --tickers 50 --rows 1000 --seed 7 --out market\n"
    "  tickloom generate options --contracts 60 --rows 200000 --days 3 --seed 7 --out raw\n",
    run};

static void say(int64_t rows, int64_t streams, const char *what, const char *out) {
  char count[TL_NUMBER_TEXT];
  tl_count_text(count, rows);
  printf("%s rows of %lld %s in %s\n", count, (long long)streams, what, out);
}

static int daily(int64_t tickers, int64_t rows, int64_t seed, const char *out) {
  tl_error err = {0};
  tl_daily_options o = {.tickers = tickers, .rows = rows, .seed = (uint64_t)seed, .out = out};
  if (tl_daily_generate(&o, tl_sys_env(), &rows, &err) != TL_OK) return cli_fail(&err);
  say(rows, tickers, "tickers", out);
  return 0;
}

static int options_of(int64_t contracts, int64_t rows, int64_t days, int64_t seed, const char *out) {
  tl_error err = {0};
  tl_options_options o = {.contracts = contracts, .rows = rows, .days = days, .seed = (uint64_t)seed, .out = out};
  if (tl_options_generate(&o, tl_sys_env(), &rows, &err) != TL_OK) return cli_fail(&err);
  say(rows, contracts, "contracts", out);
  return 0;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_generate;
  cli_list rest = {0};
  const char *tickers = NULL, *contracts = NULL, *rows = NULL, *days = NULL, *seed = NULL, *out = NULL;
  const cli_option options[] = {{"tickers", &tickers, 0, 0}, {"contracts", &contracts, 0, 0}, {"rows", &rows, 0, 0},
                                {"days", &days, 0, 0},       {"seed", &seed, 0, 0},           {"out", &out, 0, 0}};
  int64_t stream_count = 50, row_count = -1, day_count = 3, seed_value = 1;
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  bool is_options = rest.count == 1 && strcmp(rest.items[0], "options") == 0;
  if (rest.count != 1 || (!is_options && strcmp(rest.items[0], "daily") != 0)) return cli_usage(me, "expected: generate daily, or generate options");
  if (out == NULL) return cli_usage(me, "--out is needed");
  if (is_options ? tickers != NULL : contracts != NULL || days != NULL)
    return cli_usage(me, "generate %s has no --%s", rest.items[0], is_options ? "tickers" : contracts != NULL ? "contracts" : "days");
  if (!cli_int(me, "tickers", tickers, 1, 99999, &stream_count) || !cli_int(me, "contracts", contracts, 1, 20000, &stream_count) ||
      !cli_int(me, "rows", rows, 1, is_options ? 100000000000 : 100000000, &row_count) || !cli_int(me, "days", days, 1, 5000, &day_count) ||
      !cli_int(me, "seed", seed, 0, INT64_MAX, &seed_value))
    return 2;
  if (row_count < 0) row_count = is_options ? 100000 : 1000;
  return is_options ? options_of(stream_count, row_count, day_count, seed_value, out) : daily(stream_count, row_count, seed_value, out);
}
