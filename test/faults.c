/* Every allocation and every file call of a small run fails in turn, once and from then on: nothing leaks, nothing is half written, the
   exit code is right, and the same command then does what is left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "faulty.h"
#include "lake/check.h"
#include "lake/scan.h"
#include "parquet/writer.h"
#include "run/calendar.h"
#include "sys/sys.h"
#include "test.h"
#include "tickloom/features.h"

enum { TICKERS = 3, DAYS = 40, LONG_ROWS = 36000 };
static const char *const TEXT =
    "stream by ticker order by date\ninput close\nside spy from \"B\"\nfeature a = mean(close, 5)\nfeature b = close / spy.close\nfeature c = sum(close, 9d)\n"
    "label up = lead(close, 2)\ncheck a: finite\n";
static const char *const KEPT_UP =
    "stream by ticker order by date\ninput close\nside spy from \"B\"\nfeature a = mean(close, 5)\nfeature b = close / spy.close\n"
    "feature c = ema(close, 4) + mean(here(spy.close), 3)\n";
static const char *const KEPT_UP_OTHERWISE =
    "stream by ticker order by date\ninput close\nside spy from \"B\"\nfeature a = mean(close, 6)\nfeature b = close / spy.close\n"
    "feature c = ema(close, 4) + mean(here(spy.close), 3)\n";
static const char *const PICKED =
    "stream by ticker order by date\ninput close\nside own from dataset on ticker\nfeature a = mean(own.close, 3)\nfeature b = close - here(own.close)\n";
static const char *const LONG =
    "stream by ticker order by date\ninput close\nfeature a = ema(mean(close, 5), 9)\nfeature b = stddev(close, 12) + lag(close, 3)\n";
static const char *text;   /* the definition of the runs */
static const char *where;  /* their condition */
static const char *by;     /* what the output is partitioned by, NULL: files of streams */
static const char *before; /* what `update` goes on from, NULL: no update */
static char root[64];
static tl_error err;

/* ---- what is run ---- */

/* Tickers [first, last) for days [from, to); by date: all tickers of a day side by side. */
static void write_file(const char *path, int first, int last, int from, int to, bool by_date) {
  tl_env *env = tl_sys_env();
  tl_leaf leaves[] = {{.field = {.name = "ticker", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}},
                      {.field = {.name = "date", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}},
                      {.field = {.name = "close", .physical = TL_PHYSICAL_DOUBLE, .nullable = true}, .max_definition = 1}};
  tl_page_style style = {.encoding = TL_ENCODING_PLAIN, .page_rows = 16}, dictionary = {.encoding = TL_ENCODING_RLE_DICTIONARY, .page_rows = 16};
  TL_OWNED(tl_group) group = {.env = env};
  TL_OWNED(tl_column) ticker = {.env = env, .bytes = {.env = env}};
  int64_t day[TICKERS * DAYS], rows = (last - first) * (to - from), n = 0;
  double close[TICKERS * DAYS];
  tl_writer w;
  OK(tl_column_reset(&ticker, &leaves[0].field, rows, &err));
  for (int i = 0; i < rows; i++) {
    int t = by_date ? first + i % (last - first) : first + i / (to - from), d = by_date ? from + i / (last - first) : from + i % (to - from);
    char key = (char)('A' + t);
    OK(tl_buffer_append(&ticker.bytes, &key, 1, &err));
    ticker.offsets[n + 1] = (int64_t)ticker.bytes.size;
    day[n] = 18000 + d;
    close[n++] = 10 * t + 1 + d % 7;
  }
  OK(tl_writer_open(&w, env, path, leaves, 3, NULL, 0, &err));
  OK(tl_group_begin(&group, 3, rows, &err));
  OK(tl_group_put_column(&group, &leaves[0], &ticker, dictionary, &err));
  OK(tl_group_put_ints(&group, &leaves[1], day, INT64_MIN, style, &err));
  OK(tl_group_put_doubles(&group, &leaves[2], close, style, &err));
  OK(tl_writer_append(&w, &group, &err));
  OK(tl_writer_finish(&w, false, &err));
  tl_writer_free(&w);
}

static void shell(const char *format, const char *path) {
  char command[300];
  snprintf(command, sizeof command, format, path);
  if (system(command) != 0) fail_msg("%s", command);
}

static void copy_folder(const char *from, const char *to) {
  char command[500];
  snprintf(command, sizeof command, "rm -rf %s && cp -r %s %s", to, from, to);
  if (system(command) != 0) fail_msg("%s", command);
}

/* An exit code as the command line would give. */
static int run_once(const char *in, const char *out, bool durable) {
  tl_definition *d = NULL;
  tl_run *run = NULL;
  int code = 0;
  tl_features_options o = {.input = in, .output = out, .threads = 1, .durable = durable, .where = where, .update = before != NULL, .partition = by};
  tl_status status = tl_definition_read(&d, "faults", text, NULL, 0, &err);
  if (status == TL_OK) status = tl_features_run(&run, d, &o, &err);
  if (run != NULL)
    code = tl_run_exit_code(run);
  else if (status != TL_OK)
    code = status == TL_IO || status == TL_MEMORY ? 5 : status == TL_USAGE || status == TL_NOT_FOUND ? 2 : status == TL_DEFINITION ? 3 : 4;
  tl_run_close(run);
  tl_definition_close(d);
  return code;
}

static uint64_t hash_of(const char *path) {
  TL_OWNED(tl_scan) scan = {0};
  uint64_t sum = 0;
  TL_OWNED(tl_scan_reader) reader = {0};
  OK(tl_scan_open(&scan, tl_sys_env(), path, (tl_scan_options){0}, &err));
  OK(tl_scan_reader_open(&reader, &scan, &err));
  for (;;) {
    OK(tl_scan_reader_next(&reader, &err));
    if (reader.rows == 0) return sum;
    for (int64_t r = 0; r < reader.rows; r++) {
      uint64_t row = 0;
      for (int c = 0; c < scan.wanted_count; c++) row = tl_array_hash(reader.columns[c], r, row);
      sum += row;
    }
  }
}

/* No Parquet file that is not whole, nowhere. */
static void expect_whole(const char *out, const char *what) {
  tl_file_info there;
  TL_OWNED(tl_dataset) dataset = {0};
  if (tl_sys_env()->info(tl_sys_env(), out, &there, NULL) != TL_OK) return;
  if (!there.is_folder) {
    (void)hash_of(out);
    return;
  }
  tl_status status = tl_dataset_walk(&dataset, tl_sys_env(), out, &err);
  if (status == TL_NOT_FOUND) return;
  OK(status);
  for (size_t i = 0; i < dataset.count; i++) {
    TL_OWNED(tl_parquet) file = {.handle = -1};
    if (tl_parquet_open(&file, tl_sys_env(), dataset.files[i].path, &err) != TL_OK) fail_msg("%s: %s is not whole: %s", what, dataset.files[i].name, err.text);
  }
}

/* One world: an input, an output, what was there before. */
static void every_call_fails(const char *in, const char *name, tl__fault k, bool ever, bool replace, bool durable, long step) {
  char out[200], what[300], aside[300];
  snprintf(out, sizeof out, "%s/%s", root, name);
  tl__faulty_stop();
  shell("rm -rf %s", out);
  uint64_t older = before != NULL ? hash_of(before) : 0;
  if (before != NULL) copy_folder(before, out);
  if (run_once(in, out, durable) != 0) fail_msg("%s", err.text);
  uint64_t expected = hash_of(out);
  long at = 1, codes[6] = {0};
  for (bool reached = true; reached; at += step) {
    if (!replace) shell("rm -rf %s", out);
    if (before != NULL) copy_folder(before, out);
    long blocks_before = tl__faulty_blocks, handles_before = tl__faulty_handles;
    snprintf(what, sizeof what, "%s, %s %ld fails %s", name, k == TL__ALLOCATION ? "allocation" : "file call", at, ever ? "and all after it" : "once");
    tl__faulty_start(k, at, ever);
    int code = run_once(in, out, durable);
    reached = tl__faulty_calls() >= at;
    tl__faulty_stop();
    if (tl__faulty_blocks != blocks_before) fail_msg("%s: %ld blocks are not released", what, tl__faulty_blocks - blocks_before);
    if (tl__faulty_handles != handles_before) fail_msg("%s: %ld files are not closed", what, tl__faulty_handles - handles_before);
    if (code != 0 && code != 1 && code != 5) fail_msg("%s: exit code %d: %s", what, code, err.text);
    codes[code]++;
    expect_whole(out, what);
    if (code == 0 && hash_of(out) != expected) fail_msg("%s: success, and another output", what);
    if (replace && hash_of(out) != expected && code == 5) fail_msg("%s: the older dataset is harmed", what);
    if (before != NULL && code == 5 && hash_of(out) != expected && hash_of(out) != older) fail_msg("%s: neither the older dataset nor the new one", what);
    code = run_once(in, out, durable);
    if (code != 0) fail_msg("%s: then the same command: exit code %d: %s", what, code, err.text);
    if (hash_of(out) != expected) fail_msg("%s: then the same command: another output", what);
    snprintf(aside, sizeof aside, "%s/.%s.tickloom", root, name);
    if (access(aside, F_OK) == 0) fail_msg("%s: %s is left behind", what, aside);
    if (strstr(name, ".parquet") == NULL) {
      TL_OWNED(tl_check) check = {0};
      OK(tl_check_run(&check, tl_sys_env(), out, NULL, NULL, 1 << 28, &err));
      if (check.finding_count > 0) fail_msg("%s: then the same command: %s", what, check.findings[0].text);
    }
  }
  assert_true(at > 20);
  assert_true(codes[5] > 0);
}

static void per_ticker(const char *folder) {
  char path[200];
  for (int t = 0; t < TICKERS; t++) {
    snprintf(path, sizeof path, "%s/%c.parquet", folder, 'A' + t);
    write_file(path, t, t + 1, 0, DAYS, false);
  }
}

static void fresh_output(void **state) {
  (void)state;
  char in[200];
  snprintf(in, sizeof in, "%s/tickers", root);
  for (int ever = 0; ever < 2; ever++) {
    every_call_fails(in, "a", TL__FILE_CALL, ever, false, false, 1);
    every_call_fails(in, "a", TL__ALLOCATION, ever, false, false, ever ? 5 : 1);
  }
}

static void replaced_output(void **state) {
  (void)state;
  char in[200];
  snprintf(in, sizeof in, "%s/tickers", root);
  for (int ever = 0; ever < 2; ever++) every_call_fails(in, "b", TL__FILE_CALL, ever, true, true, 1);
  every_call_fails(in, "b", TL__ALLOCATION, false, true, false, 7);
}

static void scattered_input(void **state) {
  (void)state;
  char in[200];
  snprintf(in, sizeof in, "%s/days", root);
  for (int ever = 0; ever < 2; ever++) {
    every_call_fails(in, "c", TL__FILE_CALL, ever, false, false, 1);
    every_call_fails(in, "c", TL__ALLOCATION, ever, false, false, ever ? 7 : 2);
  }
}

/* With a condition: its columns are looked for, pruned and evaluated; parts of streams, and rows that are put together. */
static void selected_rows(void **state) {
  (void)state;
  char tickers[200], days[200];
  snprintf(tickers, sizeof tickers, "%s/tickers", root);
  snprintf(days, sizeof days, "%s/days", root);
  where = "close > 3 and (ticker != 'A' or date >= '2019-04-20')";
  for (int ever = 0; ever < 2; ever++) {
    every_call_fails(tickers, "e", TL__FILE_CALL, ever, false, false, 1);
    every_call_fails(tickers, "e", TL__ALLOCATION, ever, false, false, ever ? 5 : 1);
    every_call_fails(days, "f", TL__FILE_CALL, ever, false, false, 1);
    every_call_fails(days, "f", TL__ALLOCATION, ever, false, false, ever ? 7 : 2);
  }
  where = NULL;
}

/* A run that leaves its state, then updates: by new days, and by a file in which an old row is another. */
static void updated_output(void **state) {
  (void)state;
  char in[200], out[200], path[300];
  text = KEPT_UP;
  snprintf(in, sizeof in, "%s/kept", root);
  snprintf(out, sizeof out, "%s/g0", root);
  shell("mkdir -p %s", in);
  for (int t = 0; t < TICKERS; t++) {
    snprintf(path, sizeof path, "%s/%c.parquet", in, 'A' + t);
    write_file(path, t, t + 1, 0, DAYS - 10, false);
  }
  every_call_fails(in, "h", TL__FILE_CALL, false, false, true, 1);
  every_call_fails(in, "h", TL__ALLOCATION, false, false, false, 7);
  if (run_once(in, out, false) != 0) fail_msg("%s", err.text);
  snprintf(path, sizeof path, "%s/days.parquet", in);
  write_file(path, 0, TICKERS, DAYS - 10, DAYS - 9, true);
  before = out;
  for (int corrected = 0; corrected < 2; corrected++) {
    for (int ever = 0; ever < 2; ever++) {
      every_call_fails(in, "g", TL__FILE_CALL, ever, false, false, 1);
      every_call_fails(in, "g", TL__ALLOCATION, ever, false, false, ever ? 13 : 5);
    }
    snprintf(path, sizeof path, "%s/C.parquet", in);
    write_file(path, TICKERS - 1, TICKERS, 1, DAYS - 10, false);
  }
  if (run_once(in, out, false) != 0) fail_msg("%s", err.text);
  text = KEPT_UP_OTHERWISE;
  for (int ever = 0; ever < 2; ever++) {
    every_call_fails(in, "o", TL__FILE_CALL, ever, false, false, 1);
    every_call_fails(in, "o", TL__ALLOCATION, ever, false, false, ever ? 13 : 5);
  }
  before = NULL;
  text = TEXT;
}

static void output_by_date(void **state) {
  (void)state;
  char in[200], out[200], path[300];
  by = "date";
  text = KEPT_UP;
  snprintf(in, sizeof in, "%s/dated", root);
  snprintf(out, sizeof out, "%s/i0", root);
  shell("mkdir -p %s", in);
  for (int t = 0; t < TICKERS; t++) {
    snprintf(path, sizeof path, "%s/%c.parquet", in, 'A' + t);
    write_file(path, t, t + 1, 0, 4, false);
  }
  for (int ever = 0; ever < 2; ever++) {
    every_call_fails(in, "i", TL__FILE_CALL, ever, false, false, 1);
    every_call_fails(in, "i", TL__ALLOCATION, ever, false, false, ever ? 11 : 3);
  }
  every_call_fails(in, "j", TL__FILE_CALL, false, true, true, 1);
  if (run_once(in, out, false) != 0) fail_msg("%s", err.text);
  snprintf(path, sizeof path, "%s/days.parquet", in);
  write_file(path, 0, TICKERS, 4, 5, true);
  before = out;
  every_call_fails(in, "k", TL__FILE_CALL, false, false, false, 1);
  every_call_fails(in, "k", TL__ALLOCATION, false, false, false, 7);
  before = NULL;
  by = NULL;
  text = TEXT;
}

/* A side with a stream for each value of a column; also of rows that must be put together first. */
static void picked_sides(void **state) {
  (void)state;
  char tickers[200], days[200];
  snprintf(tickers, sizeof tickers, "%s/tickers", root);
  snprintf(days, sizeof days, "%s/days", root);
  text = PICKED;
  every_call_fails(tickers, "l", TL__FILE_CALL, false, false, false, 1);
  every_call_fails(tickers, "l", TL__ALLOCATION, false, false, false, 3);
  every_call_fails(days, "m", TL__FILE_CALL, true, false, false, 1);
  every_call_fails(days, "m", TL__ALLOCATION, true, false, false, 7);
  text = TEXT;
}

/* One stream, of which all lanes have ranges. */
static void long_stream(void **state) {
  (void)state;
  tl_env *env = tl_sys_env();
  char in[200], path[300];
  int64_t *day;
  double *close;
  tl_leaf leaves[] = {{.field = {.name = "date", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}},
                      {.field = {.name = "close", .physical = TL_PHYSICAL_DOUBLE, .nullable = true}, .max_definition = 1}};
  tl_page_style style = {.encoding = TL_ENCODING_PLAIN, .page_rows = 16384};
  TL_OWNED(tl_group) group = {.env = env};
  TL_OWNED(tl_arena) arena = {.env = env};
  tl_writer w;
  OK(tl_arena_take(&arena, &day, LONG_ROWS, sizeof *day, &err));
  OK(tl_arena_take(&arena, &close, LONG_ROWS, sizeof *close, &err));
  for (int i = 0; i < LONG_ROWS; i++) day[i] = i, close[i] = i % 97;
  snprintf(in, sizeof in, "%s/long", root);
  shell("mkdir -p %s", in);
  snprintf(path, sizeof path, "%s/A.parquet", in);
  OK(tl_writer_open(&w, env, path, leaves, 2, NULL, 0, &err));
  OK(tl_group_begin(&group, 2, LONG_ROWS, &err));
  OK(tl_group_put_ints(&group, &leaves[0], day, INT64_MIN, style, &err));
  OK(tl_group_put_doubles(&group, &leaves[1], close, style, &err));
  OK(tl_writer_append(&w, &group, &err));
  OK(tl_writer_finish(&w, false, &err));
  tl_writer_free(&w);
  text = LONG;
  every_call_fails(in, "n", TL__FILE_CALL, false, false, false, 1);
  every_call_fails(in, "n", TL__ALLOCATION, false, false, false, 3);
  text = TEXT;
}

static void one_file(void **state) {
  (void)state;
  char in[200];
  snprintf(in, sizeof in, "%s/tickers", root);
  for (int ever = 0; ever < 2; ever++) every_call_fails(in, "d.parquet", TL__FILE_CALL, ever, false, true, 1);
}

/* A call that ran out of memory leaves nothing behind that a later one would take for a calendar's values. */
static void calendars_after_a_failure(void **state) {
  (void)state;
  enum { ROWS = 50 };
  static int64_t orders[2][ROWS];
  const tl_calendar_wanted wanted[] = {{.order = orders[0], .rows = ROWS}, {.order = orders[1], .rows = ROWS}};
  const char *share = "stream by k order by t\ninput x\nfeature f = cumsum(month(t)) * x\n";
  tl_env *env = tl_sys_env();
  tl_definition *definition;
  TL_OWNED(tl_plan) calendar = {0};
  TL_OWNED(tl_plan) rest = {0};
  double sums[2][ROWS];
  bool all = true, failed = true;
  for (int i = 0; i < ROWS; i++)
    for (int l = 0; l < 2; l++) {
      orders[l][i] = i * (l + 1); /* days from the first of 1970, so that months are known by counting */
      sums[l][i] = (i > 0 ? sums[l][i - 1] : 0) + (orders[l][i] < 31 ? 1 : orders[l][i] < 59 ? 2 : orders[l][i] < 90 ? 3 : 4);
    }
  OK(tl_definition_read(&definition, "shared", share, NULL, 0, &err));
  OK(tl_plan_split(&calendar, &rest, env, definition, &all, ROWS, TL_UNIT_DAY, NULL, &err));
  assert_int_equal(calendar.export_count, 1);
  int failures = 0;
  for (long at = 1; failed; at++) {
    tl_calendars calendars;
    tl_calendar *out[2];
    OK(tl_calendars_open(&calendars, env, &calendar, NULL, TL_ISA_ID_BASELINE, 0, NULL, 1 << 20, &err));
    tl__faulty_start(TL__ALLOCATION, at, false);
    failed = tl_calendars_find(&calendars, wanted, 2, NULL, NULL, out, &err) != TL_OK;
    tl__faulty_stop();
    failures += failed;
    OK(tl_calendars_find(&calendars, wanted, 2, NULL, NULL, out, &err));
    for (int l = 0; l < 2; l++) assert_memory_equal(out[l]->values[0], sums[l], sizeof sums[l]);
    tl_calendars_free(&calendars);
  }
  assert_true(failures >= 4); /* the order keys and the values of each */
  tl_definition_close(definition);
}

int main(void) {
  text = TEXT;
  char path[200];
  tl_sys_catch_signals();
  snprintf(root, sizeof root, "%s/tickloom-faults-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid()); /* syncs are free in memory */
  tl__faulty_take_over();
  tl_env *env = tl_sys_env();
  if (env->make_folder(env, root, &err) != TL_OK) return 1;
  snprintf(path, sizeof path, "%s/tickers", root);
  if (env->make_folder(env, path, &err) != TL_OK) return 1;
  per_ticker(path);
  snprintf(path, sizeof path, "%s/days", root);
  if (env->make_folder(env, path, &err) != TL_OK) return 1;
  for (int half = 0; half < 2; half++) { /* the later one first by name */
    snprintf(path, sizeof path, "%s/days/%c.parquet", root, 'z' - half);
    write_file(path, 0, TICKERS, half * DAYS / 2, (half + 1) * DAYS / 2, true);
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fresh_output),   cmocka_unit_test(replaced_output),          cmocka_unit_test(scattered_input), cmocka_unit_test(selected_rows),
      cmocka_unit_test(updated_output), cmocka_unit_test(output_by_date),           cmocka_unit_test(picked_sides),    cmocka_unit_test(long_stream),
      cmocka_unit_test(one_file),       cmocka_unit_test(calendars_after_a_failure)};
  int failed = cmocka_run_group_tests_name("faults", tests, NULL, NULL);
  tl__faulty_give_back();
  shell("rm -rf %s", root);
  return failed;
}
