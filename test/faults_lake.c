/* Every allocation and every call on files fails in turn, once and from then on, and every read comes short: scans of nested columns with a
   condition and its indexes, statistics, sorting by way of runs on disk, CSV. Nothing leaks, no run is left behind, and the outcome is the
   right one or an error that says why. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "faulty.h"
#include "lake/csv.h"
#include "lake/rewrite.h"
#include "lake/scan.h"
#include "lake/sink.h"
#include "lake/stats.h"
#include "parquet/bloom.h"
#include "parquet/index.h"
#include "sys/sys.h"
#include "test.h"

enum { ROWS = 300 };
static char root[64], input[100], output[100], text[100];
static tl_error err;

/* ---- the input: sorted numbers, names with a bloom filter, lists of structs; pages of 32 rows ---- */

static tl_schema levels[] = {{.name = "price", .shape = TL_SHAPE_VALUE, .field = {.physical = TL_PHYSICAL_DOUBLE}},
                             {.name = "size", .shape = TL_SHAPE_VALUE, .nullable = true, .field = {.physical = TL_PHYSICAL_INT64}}};
static tl_schema element[] = {{.name = "element", .shape = TL_SHAPE_STRUCT, .nullable = true, .children = levels, .child_count = 2}};
static tl_schema columns[] = {
    {.name = "id", .shape = TL_SHAPE_VALUE, .field = {.physical = TL_PHYSICAL_INT64}},
    {.name = "name", .shape = TL_SHAPE_VALUE, .nullable = true, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}},
    {.name = "book", .shape = TL_SHAPE_LIST, .nullable = true, .children = element, .child_count = 1}};
static tl_schema schema = {.name = "schema", .shape = TL_SHAPE_STRUCT, .children = columns, .child_count = 3};

static void fill_names(tl_column *c) {
  char name[100];
  OK(tl_column_reset(c, &c->field, ROWS, &err));
  for (int i = 0; i < ROWS; i++) {
    snprintf(name, sizeof name, "a name that is long enough, and the only one like it: %d", i * 7919 % 1000);
    if (i % 9 != 4) OK(tl_buffer_append(&c->bytes, name, strlen(name), &err));
    c->offsets[i + 1] = (int64_t)c->bytes.size;
  }
  for (int i = 4; i < ROWS; i += 9) OK(tl_column_set_null(c, i, 1, &err));
}

static void fill_book(tl_array *book) {
  tl_array *level = &book->children[0];
  OK(tl_renew(book->env, &book->offsets, &book->offset_capacity, ROWS + 1, sizeof *book->offsets, &err));
  book->offsets[0] = 0;
  for (int i = 0; i < ROWS; i++) book->offsets[i + 1] = book->offsets[i] + i % 3;
  int64_t count = book->offsets[ROWS];
  for (int k = 0; k < 2; k++) {
    tl_column *c = &level->children[k].column;
    OK(tl_column_reset(c, &c->field, count, &err));
    for (int64_t i = 0; i < count; i++) {
      double price = (double)i / 4;
      memcpy(c->values + i * 8, k == 0 ? (void *)&price : (void *)&i, 8);
    }
    for (int64_t i = 3; k == 1 && i < count; i += 5) OK(tl_column_set_null(c, i, 1, &err));
    level->children[k].count = count, level->children[k].null_count = c->null_count;
  }
  level->count = count, book->count = ROWS;
}

static void write_input(void) {
  TL_OWNED(tl_sink) sink = {0};
  TL_OWNED(tl_batch) batch = {0};
  tl_schema_number(&schema);
  OK(tl_sink_open(&sink, tl_sys_env(), input, &schema, &(tl_sink_style){.page_rows = 32}, &err));
  OK(tl_batch_open(&batch, tl_sys_env(), &schema, &err));
  OK(tl_column_reset(&batch.columns[0].column, &columns[0].field, ROWS, &err));
  for (int64_t i = 0; i < ROWS; i++) memcpy(batch.columns[0].column.values + i * 8, &i, sizeof i);
  fill_names(&batch.columns[1].column);
  fill_book(&batch.columns[2]);
  batch.columns[0].count = batch.columns[1].count = batch.rows = ROWS;
  batch.columns[1].null_count = batch.columns[1].column.null_count;
  OK(tl_sink_put(&sink, &batch, 0, ROWS, &err));
  OK(tl_sink_finish(&sink, &err));
}

static void write_csv(void) {
  FILE *file = fopen(text, "w");
  assert_non_null(file);
  fprintf(file, "ticker,date,close,volume\n");
  for (int i = 0; i < ROWS; i++) fprintf(file, "\"T%d\",2024-01-%02d,%d.25,%s\n", i % 3, 1 + i % 28, i, i % 7 ? "100" : "");
  fclose(file);
}

/* ---- what is done: an outcome as a number ---- */

static uint64_t add(uint64_t hash, const void *data, size_t size) {
  for (size_t i = 0; i < size; i++) hash = (hash ^ ((const uint8_t *)data)[i]) * 1099511628211u;
  return hash;
}

static tl_status scan_rows(const char *path, const char *where, uint64_t *hash) {
  TL_OWNED(tl_scan) scan = {0};
  TL_OWNED(tl_scan_reader) reader = {0};
  TL_OWNED(tl_buffer) json = {.env = tl_sys_env()};
  TL_TRY(tl_scan_open(&scan, tl_sys_env(), path, (tl_scan_options){.where = where, .batch_rows = 50}, &err));
  TL_TRY(tl_scan_reader_open(&reader, &scan, &err));
  for (;;) {
    TL_TRY(tl_scan_reader_next(&reader, &err));
    if (reader.rows == 0) return TL_OK;
    for (int64_t row = 0; row < reader.rows; row++)
      for (int c = 0; c < scan.wanted_count && tl_scan_is_selected(&reader, row); c++) {
        json.size = 0;
        TL_TRY(tl_array_json(reader.columns[c], row, &json, &err));
        *hash = add(*hash, json.data, json.size);
      }
  }
}

static tl_status scan_all(uint64_t *hash) { return scan_rows(input, NULL, hash); }
static tl_status scan_by_pages(uint64_t *hash) { return scan_rows(input, "id between 100 and 110 or id == 250", hash); }
static tl_status scan_by_bloom(uint64_t *hash) {
  return scan_rows(input, "name == \"a name that is long enough, and the only one like it: 5000\" or name == \"a name that is long enough\"", hash);
}

static tl_status stats_of(const char *where, uint64_t *hash) {
  TL_OWNED(tl_stats) stats = {0};
  TL_OWNED(tl_buffer) json = {.env = tl_sys_env()};
  TL_TRY(tl_stats_run(&stats, tl_sys_env(), input, (tl_scan_options){.where = where}, TL_TOTALS_ALL, 1, 1 << 20, &err));
  for (int i = 0; i < 2; i++) TL_TRY(tl_totals_json(&stats.totals[i], TL_TOTALS_ALL, &json, &err));
  *hash = add((uint64_t)stats.rows, json.data, json.size);
  return TL_OK;
}
static tl_status stats_by_chunks(uint64_t *hash) { return stats_of(NULL, hash); }
static tl_status stats_by_rows(uint64_t *hash) { return stats_of("id > 17", hash); }

/* So little memory that the rows are sorted in runs, which are merged in more than one round. */
static tl_status sort_rows(uint64_t *hash) {
  static const char *const keys[] = {"-name", "id"};
  tl_rewrite_options o = {.in = input, .out = output, .keys = keys, .key_count = 2, .memory = 60000};
  tl_rewrite_outcome outcome;
  TL_TRY(tl_rewrite(&outcome, tl_sys_env(), &o, &err));
  *hash = (uint64_t)outcome.rows;
  tl__faulty_stop();
  return scan_rows(output, NULL, hash);
}

static tl_status copy_csv(tl_csv *csv) {
  TL_OWNED(tl_sink) sink = {0};
  TL_OWNED(tl_batch) batch = {0};
  TL_TRY(tl_batch_open(&batch, csv->env, tl_csv_schema(csv), &err));
  TL_TRY(tl_sink_open(&sink, csv->env, output, tl_csv_schema(csv), &(tl_sink_style){.page_rows = 32}, &err));
  do {
    TL_TRY(tl_csv_next(csv, &batch, 40, &err));
    TL_TRY(tl_sink_put(&sink, &batch, 0, batch.rows, &err));
  } while (batch.rows > 0);
  return tl_sink_finish(&sink, &err);
}

static tl_status import_csv(uint64_t *hash) {
  tl_csv csv;
  TL_TRY(tl_csv_open(&csv, tl_sys_env(), text, &(tl_csv_options){.header = -1, .block = 1000}, &err));
  tl_status status = copy_csv(&csv);
  tl_csv_free(&csv);
  if (status != TL_OK) return status;
  tl__faulty_stop();
  return scan_rows(output, NULL, hash);
}

static tl_status load_one(tl_parquet *file, int leaf, uint64_t *hash) {
  tl_offset_index places = {0};
  tl_column_index bounds = {0};
  tl_bloom bloom = {0};
  tl_status status = tl_offset_index_load(&places, file, 0, leaf, &err);
  if (status == TL_OK) status = tl_column_index_load(&bounds, file, 0, leaf, &err);
  if (status == TL_OK) status = tl_bloom_load(&bloom, file, 0, leaf, &err);
  *hash = *hash * 31 + (uint64_t)(places.count * 1000 + bounds.count * 10) + (uint64_t)bloom.block_count;
  tl_offset_index_free(&places);
  tl_column_index_free(&bounds);
  tl_bloom_free(&bloom);
  return status;
}

static tl_status load_indexes(uint64_t *hash) {
  tl_parquet file;
  TL_TRY(tl_parquet_open(&file, tl_sys_env(), input, &err));
  tl_status status = TL_OK;
  for (int i = 0; status == TL_OK && i < file.meta.leaf_count; i++) status = load_one(&file, i, hash);
  tl_parquet_free(&file);
  return status;
}

/* ---- failing ---- */

typedef tl_status (*job)(uint64_t *hash);

static void expect_no_runs(const char *what) {
  DIR *folder = opendir(root);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
    if (strstr(entry->d_name, ".run-") != NULL) fail_msg("%s: %s is left behind", what, entry->d_name);
  closedir(folder);
}

static long every_call_fails(job run, const char *name, tl__fault kind, bool ever) {
  tl__trial trial = {.name = name, .run = run, .err = &err};
  char what[200];
  long at = 1, failures = 0, step = kind == TL__ALLOCATION && ever ? 3 : 1;
  OK(run(&trial.expected));
  for (bool reached = true; reached; at += step) {
    tl_status status;
    reached = tl__faulty_try(&trial, kind, at, ever, &status, what);
    failures += status != TL_OK;
    if (kind != TL__FILE_CALL) expect_no_runs(what); /* files whose removal fails stay */
    if (kind == TL__FILE_CALL) (void)!system("rm -f /dev/shm/tickloom-faults-lake-*/*.run-*");
  }
  return failures;
}

static void fail_all(job run, const char *name) {
  long failures = 0;
  for (int kind = 0; kind < TL__FAULTS; kind++)
    for (int ever = 0; ever < 2; ever++) failures += every_call_fails(run, name, (tl__fault)kind, ever);
  printf("%s: %ld failures\n", name, failures);
  assert_true(failures > 20);
}

static void scans(void **state) {
  (void)state;
  fail_all(scan_all, "scan");
  fail_all(scan_by_pages, "scan by pages");
  fail_all(scan_by_bloom, "scan by bloom filter");
}

static void statistics(void **state) {
  (void)state;
  fail_all(stats_by_chunks, "stats");
  fail_all(stats_by_rows, "stats of some rows");
}

static void sorting(void **state) {
  (void)state;
  fail_all(sort_rows, "sort");
}

static void importing(void **state) {
  (void)state;
  fail_all(import_csv, "import");
}

static void indexes(void **state) {
  (void)state;
  uint64_t hash = 0;
  OK(load_indexes(&hash));
  fail_all(load_indexes, "indexes");
}

int main(void) {
  tl_sys_catch_signals();
  snprintf(root, sizeof root, "%s/tickloom-faults-lake-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
  snprintf(input, sizeof input, "%s/in.parquet", root);
  snprintf(output, sizeof output, "%s/out.parquet", root);
  snprintf(text, sizeof text, "%s/in.csv", root);
  tl__faulty_take_over();
  if (tl_sys_env()->make_folder(tl_sys_env(), root, &err) != TL_OK) return 1;
  write_input();
  write_csv();
  const struct CMUnitTest tests[] = {cmocka_unit_test(scans), cmocka_unit_test(statistics), cmocka_unit_test(sorting), cmocka_unit_test(importing),
                                     cmocka_unit_test(indexes)};
  int failed = cmocka_run_group_tests_name("faults-lake", tests, NULL, NULL);
  tl__faulty_give_back();
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s", root);
  return system(command) == 0 ? failed : 1;
}
