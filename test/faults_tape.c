/* Every allocation and every call on files fails in turn while a tape is packed, merged into, sorted and traded on. Nothing leaks; what failed is said; the
   tape is readable at any moment, and the same pack without faults makes it what it was to be. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "faulty.h"
#include "lake/scan.h"
#include "market/options.h"
#include "pack/pack.h"
#include "pack/resort.h"
#include "test.h"
#include "trade/backtest.h"

static char root[64], raw[100], calendar[140], tape[100], trades[120];
static tl_error err;
static tl_definition *pack, *strategy;

static const char strategy_text[] =
    "stream by underlying, expiry, opt_type, strike order by timestamp ties\nreset each day\ninput price, volume\n"
    "enter long when ema(price, 2) > ema(price, 5) and volume >= 0\nexit long when ema(price, 5) >= ema(price, 2)\n";

static void clear_tape(void) {
  char command[160];
  snprintf(command, sizeof command, "rm -rf %s %s", tape, trades);
  assert_int_equal(system(command), 0);
}

static tl_status hash_tape(uint64_t *hash) {
  TL_OWNED(tl_scan) scan = {0};
  TL_OWNED(tl_scan_reader) reader = {0};
  TL_TRY(tl_scan_open(&scan, tl_sys_env(), tape, (tl_scan_options){0}, &err));
  TL_TRY(tl_scan_reader_open(&reader, &scan, &err));
  for (;;) {
    TL_TRY(tl_scan_reader_next(&reader, &err));
    if (reader.rows == 0) return TL_OK;
    for (int64_t row = 0; row < reader.rows; row++) {
      uint64_t seed = 0;
      for (int c = 0; c < scan.wanted_count; c++) seed = tl_array_hash(reader.columns[c], row, seed);
      *hash += seed;
    }
  }
}

/* A file that cannot be read is left out, and the run goes on: here that is a failure like any other. */
static tl_status pack_raw(void) {
  const char *raws[] = {raw};
  tl_pack_outcome out;
  tl_pack_options o = {.definition = pack, .name = "options", .raw = raws, .raw_count = 1, .calendar = calendar, .out = tape, .threads = 1, .memory = 64000000};
  tl_status status = tl_pack_run(&out, tl_sys_env(), &o, &err);
  for (size_t i = 0; status == TL_OK && i < out.files.count; i++)
    if (out.files.files[i].failed) status = tl_fail(&err, out.files.files[i].status, "%s", out.files.files[i].reason);
  tl_pack_outcome_free(&out);
  return status;
}

static tl_status pack_anew(uint64_t *hash) {
  TL_TRY(pack_raw());
  tl__faulty_stop();
  return hash_tape(hash);
}

static tl_status trade(uint64_t *hash) {
  tl_backtest_outcome out;
  tl_backtest_options o = {.definition = strategy, .in = tape, .trades = trades, .by = TL_BY_CONTRACT, .threads = 1, .memory = 64000000};
  tl_status status = tl_backtest_run(&out, tl_sys_env(), &o, &err);
  *hash = (uint64_t)(out.trades * 1000000 + out.rows) + (uint64_t)(out.pnl * 1000);
  tl_backtest_outcome_free(&out);
  return status;
}

/* Rows are out of the order that is asked for, so that every file is written anew. */
static tl_status sort_anew(uint64_t *hash) {
  tl_resort_outcome out;
  static bool back;
  tl_resort_options o = {.path = tape, .order = back ? NULL : "-timestamp", .memory = 64000000};
  TL_TRY(tl_resort(&out, tl_sys_env(), &o, &err));
  tl__faulty_stop();
  back = !back;
  return hash_tape(hash);
}

/* ---- failing ---- */

typedef tl_status (*job)(uint64_t *hash);

static int entries_of(const char *folder) {
  char path[200];
  int count = 0;
  snprintf(path, sizeof path, "%s/%s", tape, folder);
  DIR *open = opendir(path);
  for (struct dirent *entry; open != NULL && (entry = readdir(open)) != NULL;) count += entry->d_name[0] != '.';
  if (open != NULL) closedir(open);
  return count;
}

static long every_call_fails(job run, const char *name, tl__fault kind, bool ever, long step, bool fresh) {
  tl__trial trial = {.name = name, .run = run, .err = &err, .may_be_missing = true};
  char what[200];
  long failures = 0;
  if (fresh) clear_tape();
  OK(run(&trial.expected));
  bool reached = true;
  for (long at = 1; reached; at += step) {
    uint64_t after = 0;
    tl_status status;
    if (fresh) clear_tape();
    reached = tl__faulty_try(&trial, kind, at, ever, &status, what);
    failures += status != TL_OK;
    if (status == TL_OK || !fresh) continue;
    OK(pack_anew(&after));
    if (after != trial.expected) fail_msg("%s: the same command made another tape afterwards", what);
    if (entries_of("_tickloom/tmp") != 0) fail_msg("%s: something is left in _tickloom/tmp", what);
  }
  return failures;
}

static void fail_all(job run, const char *name, long step, bool fresh) {
  long failures = 0;
  for (int kind = 0; kind < TL__FAULTS; kind++)
    for (int ever = 0; ever < 2; ever++) failures += every_call_fails(run, name, (tl__fault)kind, ever, kind == TL__ALLOCATION ? step : 1, fresh);
  printf("%s: %ld failures\n", name, failures);
  assert_true(failures > 20);
}

static void packing(void **state) {
  (void)state;
  fail_all(pack_anew, "pack", 7, true);
}

/* Into a tape that is there: a touched calendar of days, all rows again. */
static tl_status merge_again(uint64_t *hash) {
  char command[300];
  snprintf(command, sizeof command, "rm -f %s/_tickloom/state/packed.json", tape);
  if (system(command) != 0) return TL_IO;
  return pack_anew(hash);
}

static void merging(void **state) {
  (void)state;
  uint64_t hash;
  clear_tape();
  OK(pack_anew(&hash));
  fail_all(merge_again, "merge", 11, false);
}

static void trading(void **state) {
  (void)state;
  uint64_t hash = 0;
  clear_tape();
  OK(pack_anew(&hash));
  fail_all(trade, "trade", 3, false);
}

static void sorting(void **state) {
  (void)state;
  uint64_t hash = 0;
  clear_tape();
  OK(pack_anew(&hash));
  fail_all(sort_anew, "sort", 5, false);
}

int main(void) {
  int64_t rows;
  tl_sys_catch_signals();
  snprintf(root, sizeof root, "%s/tickloom-faults-tape-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
  snprintf(raw, sizeof raw, "%s/raw", root);
  snprintf(calendar, sizeof calendar, "%s/expiry_calendar.csv", raw);
  snprintf(tape, sizeof tape, "%s/tape", root);
  snprintf(trades, sizeof trades, "%s/trades.parquet", root);
  tl__faulty_take_over();
  tl_env *env = tl_sys_env();
  if (env->make_folder(env, root, &err) != TL_OK) return 1;
  tl_options_options market = {.contracts = 3, .rows = 60, .days = 2, .seed = 5, .out = raw};
  if (tl_options_generate(&market, env, &rows, &err) != TL_OK) return 1;
  if (tl_definition_read(&pack, "options.loom", tl__packs[0].text, NULL, 0, &err) != TL_OK) return 1;
  if (tl_definition_read(&strategy, "strategy.loom", strategy_text, NULL, 0, &err) != TL_OK) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(packing), cmocka_unit_test(merging), cmocka_unit_test(trading), cmocka_unit_test(sorting)};
  int failed = cmocka_run_group_tests_name("faults-tape", tests, NULL, NULL);
  tl_definition_close(pack);
  tl_definition_close(strategy);
  tl__faulty_give_back();
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s", root);
  return system(command) == 0 ? failed : 1;
}
