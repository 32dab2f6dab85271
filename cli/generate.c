/* tickloom generate: synthetic markets, for trying things and for tests. */
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "market/daily.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_generate = {
    "generate", "writes a synthetic market",
    "usage: tickloom generate daily --tickers N --rows N --seed S --out DIR\n\n"
    "Daily bars, one file a ticker (SPY and T00001 ..): date, open, high, low, close, volume. Correlated with SPY, with splits, gaps, days\n"
    "without volume and late listings. The same seed gives the same numbers everywhere.\n\n"
    "example:\n  tickloom generate daily --tickers 50 --rows 1000 --seed 7 --out market\n",
    run};

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_generate;
  cli_list rest = {0};
  const char *tickers = NULL, *rows = NULL, *seed = NULL, *out = NULL;
  const cli_option options[] = {{"tickers", &tickers, 0, 0}, {"rows", &rows, 0, 0}, {"seed", &seed, 0, 0}, {"out", &out, 0, 0}};
  int64_t ticker_count = 50, row_count = 1000, seed_value = 1, written;
  if (!cli_parse(me, argc, argv, options, 4, &rest)) return 2;
  if (rest.count != 1 || strcmp(rest.items[0], "daily") != 0) return cli_usage(me, "expected: generate daily");
  if (out == NULL) return cli_usage(me, "--out is needed");
  if (!cli_int(me, "tickers", tickers, 1, 99999, &ticker_count) || !cli_int(me, "rows", rows, 1, 100000000, &row_count) ||
      !cli_int(me, "seed", seed, 0, INT64_MAX, &seed_value))
    return 2;
  tl_error err = {0};
  tl_daily_options o = {.tickers = ticker_count, .rows = row_count, .seed = (uint64_t)seed_value, .out = out};
  if (tl_daily_generate(&o, tl_sys_env(), &written, &err) != TL_OK) return cli_fail(&err);
  char count[TL_NUMBER_TEXT];
  tl_count_text(count, written);
  printf("%s rows of %lld tickers in %s\n", count, (long long)ticker_count, out);
  return 0;
}
