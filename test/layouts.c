/* The same rows in other layouts give the same features: a file a ticker, a file a day with all tickers, everything in one file by
   ticker or by date, small row groups, names that say nothing, dates here and timestamps there. And in every layout a condition gives
   the features of a copy that has the selected rows alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lake/scan.h"
#include "parquet/writer.h"
#include "sys/sys.h"
#include "test.h"
#include "tickloom/features.h"

enum { TICKERS = 5, DAYS = 150, MOST = TICKERS * DAYS, COLUMNS = 4, FEATURES = 8, FOLDERS = 6 };
static const char *const names[TICKERS] = {"A", "BB", "C", "SPY", "Z"};
static char root[64];
static tl_error err;

typedef struct row {
  int ticker;
  int64_t day;
  double close;
} row;
static row rows[MOST];
static const char *const folders[] = {"ticker", "day", "one", "bydate", "thirds", "hive"};

/* Conditions, and which rows hold: of those that a copy has. */
static bool every_row(const row *r) { return r != NULL; }
static bool odd_row(const row *r) { return r->day % 2 == 1; }
static bool few_rows(const row *r) { return r->close > 40 && r->day % 2 == 1; }
static bool some_time(const row *r) { return r->day >= 18050 && r->day < 18120; }
static bool two_keys(const row *r) { return r->ticker == 1 || r->ticker == 3; }
static bool one_day(const row *r) { return r->day == 18003; }
static bool no_row_of_some(const row *r) { return r->ticker == 3 || (r->close > 45 && r->ticker != 2); }
static const struct {
  const char *text;
  bool (*holds)(const row *);
} conditions[] = {
    {NULL, every_row},
    {"odd = 1", odd_row},
    {"odd = 0 or odd = 1", every_row},
    {"close > 40 and odd = 1", few_rows},
    {"date >= '2019-06-03' and date < '2019-08-12'", some_time},
    {"ticker in ('BB', 'SPY')", two_keys},
    {"date = '2019-04-17'", one_day},
    {"ticker == 'SPY' or (close > 45 and ticker != 'C')", no_row_of_some},
};
static bool (*keeps)(const row *) = every_row;

static void make_rows(void) {
  uint64_t state = 3;
  for (int t = 0; t < TICKERS; t++) {
    double price = 20 + 10 * t;
    for (int d = 0; d < DAYS; d++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      price *= 1 + 0.03 * ((double)(state >> 11) * 0x1p-53 - 0.5);
      rows[t * DAYS + d] = (row){t, 18000 + d + d / 5 * 2, price};
    }
  }
}

static const char *folder_path(const char *folder) {
  static char path[200];
  snprintf(path, sizeof path, "%s/%s", root, folder);
  return path;
}

static void run_command(const char *format, const char *path) {
  char command[300];
  snprintf(command, sizeof command, format, path);
  if (system(command) != 0) fail_msg("%s", command);
}

/* Writes some rows as a file, from column `first` on (1: without the ticker); `us`: the date as a timestamp in microseconds. */
static void write_columns(const char *folder, const char *name, const row *r, int64_t count, int64_t group_rows, bool us, int first) {
  tl_env *env = tl_sys_env();
  char path[400];
  static double close[MOST];
  static int64_t day[MOST], odd[MOST];
  tl_leaf leaves[COLUMNS] = {{.field = {.name = "ticker", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}},
                             {.field = {.name = "date", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}},
                             {.field = {.name = "close", .physical = TL_PHYSICAL_DOUBLE, .nullable = true}, .max_definition = 1},
                             {.field = {.name = "odd", .physical = TL_PHYSICAL_INT32}}};
  if (us) leaves[1].field = (tl_field){.name = "date", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = 6};
  tl_page_style style = {.encoding = TL_ENCODING_PLAIN, .codec = 0, .page_rows = 40}, dictionary = style;
  dictionary.encoding = TL_ENCODING_RLE_DICTIONARY;
  TL_OWNED(tl_group) group = {.env = env};
  TL_OWNED(tl_column) ticker = {.env = env};
  tl_writer w;
  snprintf(path, sizeof path, "%s/%s/%s.parquet", root, folder, name);
  OK(tl_writer_open(&w, env, path, leaves + first, COLUMNS - first, NULL, 0, &err));
  for (int64_t from = 0; from < count; from += group_rows) {
    int64_t end = count - from < group_rows ? count : from + group_rows, n = 0;
    OK(tl_column_reset(&ticker, &leaves[0].field, end - from, &err));
    for (int64_t i = from; i < end; i++) {
      const char *key = names[r[i].ticker];
      if (!keeps(&r[i])) continue;
      OK(tl_buffer_append(&ticker.bytes, key, strlen(key), &err));
      ticker.offsets[n + 1] = (int64_t)ticker.bytes.size;
      day[n] = r[i].day * (us ? 86400000000 : 1);
      odd[n] = r[i].day % 2;
      close[n++] = r[i].close;
    }
    if (n == 0) continue;
    ticker.count = n;
    OK(tl_group_begin(&group, COLUMNS - first, n, &err));
    if (first == 0) OK(tl_group_put_column(&group, &leaves[0], &ticker, dictionary, &err));
    OK(tl_group_put_ints(&group, &leaves[1], day, INT64_MIN, style, &err));
    OK(tl_group_put_doubles(&group, &leaves[2], close, style, &err));
    OK(tl_group_put_ints(&group, &leaves[3], odd, INT64_MIN, style, &err));
    OK(tl_writer_append(&w, &group, &err));
  }
  OK(tl_writer_finish(&w, false, &err));
  tl_writer_free(&w);
}

static void write_file(const char *folder, const char *name, const row *r, int64_t count, int64_t group_rows, bool us) {
  write_columns(folder, name, r, count, group_rows, us, 0);
}

static int by_date(const void *a, const void *b) {
  const row *x = a, *y = b;
  return x->day != y->day ? (x->day < y->day ? -1 : 1) : y->ticker - x->ticker;
}

/* The sum over rows of the hash of every feature's value, seeded with the row's keys. */
static void features_of(const char *folder, const char *where, int threads, uint64_t *sums, int64_t *count, int64_t memory) {
  static const char *const text =
      "stream by ticker order by date\ninput close\nside spy from \"SPY\"\n"
      "feature a = mean(close, 20)\nfeature b = stddev(close, 7) / ema(close, 9)\n"
      "feature c = beta(log_return(close), log_return(spy.close), 30)\nfeature d = first(close, each: month)\nfeature f = weekday(date(date))\nlabel e = "
      "lead(close, 3)\nfeature g = stddev(close, 30d)\nfeature h = median(close, 12d) / corr(close, spy.close, 40d)\n";
  char in[300], out[300];
  tl_definition *definition;
  tl_run *run = NULL;
  snprintf(in, sizeof in, "%s/%s", root, folder);
  snprintf(out, sizeof out, "%s/out-%s", root, folder);
  OK(tl_definition_read(&definition, "layouts", text, NULL, 0, &err));
  tl_features_options options = {.input = in, .output = out, .memory = memory, .where = where, .threads = threads};
  OK(tl_features_run(&run, definition, &options, &err));
  tl_run_close(run);
  tl_definition_close(definition);
  TL_OWNED(tl_scan) scan = {0};
  static const char *const wanted[] = {"ticker", "date", "a", "b", "c", "d", "f", "e", "g", "h"};
  TL_OWNED(tl_scan_reader) reader = {0};
  OK(tl_scan_open(&scan, tl_sys_env(), out, (tl_scan_options){.columns = wanted, .column_count = 2 + FEATURES}, &err));
  OK(tl_scan_reader_open(&reader, &scan, &err));
  memset(sums, 0, FEATURES * sizeof *sums);
  *count = 0;
  for (;;) {
    OK(tl_scan_reader_next(&reader, &err));
    if (reader.rows == 0) return;
    *count += reader.rows;
    for (int64_t r = 0; r < reader.rows; r++) {
      uint64_t seed = tl_array_hash(reader.columns[1], r, tl_array_hash(reader.columns[0], r, 0));
      for (int c = 0; c < FEATURES; c++) sums[c] += tl_array_hash(reader.columns[c + 2], r, seed);
    }
  }
}

static void write_layouts(void) {
  static row sorted[MOST], part[MOST];
  char name[32];
  for (size_t i = 0; i < FOLDERS; i++) run_command("mkdir -p %s", folder_path(folders[i]));
  memcpy(sorted, rows, sizeof rows);
  qsort(sorted, MOST, sizeof *sorted, by_date);
  for (int t = 0; t < TICKERS; t++) write_file("ticker", names[t], rows + t * DAYS, DAYS, 1000, t % 2 == 1);
  for (int d = 0; d < DAYS; d++) {
    snprintf(name, sizeof name, "x%04d", DAYS - d); /* later days sort first by name */
    write_file("day", name, sorted + d * TICKERS, TICKERS, 1000, false);
  }
  write_file("one", "all", rows, MOST, 97, false);
  write_file("bydate", "all", sorted, MOST, 61, true);
  for (int third = 0; third < 3; third++) { /* every ticker's years in three files, the last one first */
    int n = 0;
    for (int t = TICKERS - 1; t >= 0; t--)
      for (int d = third * DAYS / 3; d < (third + 1) * DAYS / 3; d++) part[n++] = rows[t * DAYS + d];
    snprintf(name, sizeof name, "%c", 'z' - third);
    write_file("thirds", name, part, n, 50, third == 1);
  }
  for (int t = 0; t < TICKERS; t++)
    for (int half = 1; half >= 0; half--) { /* the ticker is in the path alone, and has two files */
      char path[200];
      snprintf(path, sizeof path, "%s/hive/ticker=%s", root, names[t]);
      run_command("mkdir -p %s", path);
      snprintf(path, sizeof path, "hive/ticker=%s", names[t]);
      write_columns(path, half ? "a" : "b", rows + t * DAYS + half * DAYS / 2, DAYS / 2, 1000, false, 1);
    }
}

static void layouts_do_not_matter(void **state) {
  (void)state;
  uint64_t expected[FEATURES], sums[FEATURES];
  int64_t count;
  make_rows();
  write_layouts();
  features_of("ticker", NULL, 0, expected, &count, 0);
  assert_int_equal(count, MOST);
  for (size_t i = 1; i < FOLDERS; i++) {
    features_of(folders[i], NULL, 0, sums, &count, 64000000);
    assert_int_equal(count, MOST);
    for (int c = 0; c < FEATURES; c++)
      if (sums[c] != expected[c]) fail_msg("layout %s: feature %d differs", folders[i], c);
  }
}

static void conditions_are_copies(void **state) {
  (void)state;
  enum { CONDITIONS = sizeof conditions / sizeof *conditions };
  static uint64_t expected[CONDITIONS][FEATURES];
  uint64_t sums[FEATURES];
  int64_t counts[CONDITIONS], count;
  make_rows();
  for (size_t k = 0; k < CONDITIONS; k++) {
    for (size_t i = 0; i < FOLDERS; i++) run_command("rm -rf %s", folder_path(folders[i]));
    keeps = conditions[k].holds;
    write_layouts();
    features_of("ticker", NULL, 1, expected[k], &counts[k], 0);
  }
  for (size_t i = 0; i < FOLDERS; i++) run_command("rm -rf %s", folder_path(folders[i]));
  keeps = every_row;
  write_layouts();
  for (size_t k = 0; k < CONDITIONS; k++)
    for (size_t i = 0; i < FOLDERS; i++) {
      features_of(folders[i], conditions[k].text, 1 + (int)(i + k) % 2, sums, &count, i % 2 ? 16000000 : 64000000);
      if (count != counts[k]) fail_msg("layout %s where %s: %lld rows", folders[i], conditions[k].text, (long long)count);
      for (int c = 0; c < FEATURES; c++)
        if (sums[c] != expected[k][c]) fail_msg("layout %s where %s: feature %d differs", folders[i], conditions[k].text, c);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(layouts_do_not_matter), cmocka_unit_test(conditions_are_copies)};
  snprintf(root, sizeof root, "/tmp/tickloom-layouts-%d", (int)getpid());
  if (tl_sys_env()->make_folder(tl_sys_env(), root, &err) != TL_OK) return 1;
  int failed = cmocka_run_group_tests_name("layouts", tests, NULL, NULL);
  run_command("rm -rf %s", root);
  return failed;
}
