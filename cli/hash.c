/* tickloom hash: one line a column, the same for the same rows in any layout. */
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "lake/scan.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_hash = {
    "hash", "a hash of every column that no layout, codec or row order changes",
    "usage: tickloom hash PATH [--by COLUMNS] [--memory SIZE]\n\n"
    "One line a column: its name, a tab, 16 hex digits. Each value is hashed together with the row's --by values (default: the keys\n"
    "that the files of a tickloom run name), and the hashes are summed; so row order, files and row groups do not matter.\n\n"
    "example:\n  tickloom hash features-out\n  tickloom hash prices.parquet --by ticker,date\n",
    run};

static tl_status hash_all(const tl_scan *scan, const int *by, int by_count, uint64_t *sums, tl_error *err) {
  TL_OWNED(tl_scan_reader) reader = {0};
  TL_TRY(tl_scan_reader_open(&reader, scan, err));
  for (;;) {
    TL_TRY(tl_scan_reader_next(&reader, err));
    if (reader.rows == 0) return TL_OK;
    for (int64_t r = 0; r < reader.rows; r++) {
      uint64_t seed = 0;
      for (int b = 0; b < by_count; b++) seed = tl_array_hash(reader.columns[by[b]], r, seed);
      for (int c = 0; c < scan->wanted_count; c++) sums[c] += tl_array_hash(reader.columns[c], r, seed);
    }
  }
}

/* A name stays on its line. */
static void put_line(const char *name, uint64_t sum) {
  for (const char *c = name; *c != 0; c++) {
    if ((unsigned char)*c < ' ')
      printf("\\x%02x", (unsigned char)*c);
    else
      putchar(*c);
  }
  printf("\t%016llx\n", (unsigned long long)sum);
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_hash;
  cli_list rest = {0}, names = {0};
  const char *by_text = NULL, *memory_text = NULL;
  const cli_option options[] = {{"by", &by_text, 0, 0}, {"memory", &memory_text, 0, 0}};
  int64_t memory;
  if (!cli_parse(me, argc, argv, options, 2, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one path is needed");
  if (!cli_memory(me, memory_text, &memory)) return 2;
  tl_error err = {0};
  TL_OWNED(tl_scan) scan = {0};
  if (tl_scan_open(&scan, tl_sys_env(), rest.items[0], (tl_scan_options){.page_limit = memory / 8}, &err) != TL_OK) return cli_fail(&err);
  if (by_text == NULL) by_text = tl_scan_by(&scan);
  char *copy = by_text ? cli_copy(by_text, strlen(by_text)) : NULL;
  int by[CLI_MOST], code = 0;
  if (copy != NULL && !cli_split(me, "by", copy, &names)) code = 2;
  for (size_t i = 0; code == 0 && i < names.count; i++) {
    by[i] = -1;
    for (int c = 0; c < scan.wanted_count; c++)
      if (strcmp(tl_scan_column(&scan, c)->name, names.items[i]) == 0) by[i] = c;
    if (by[i] < 0) code = cli_usage(me, "--by %s: no such column", names.items[i]);
  }
  uint64_t *sums = calloc((size_t)scan.wanted_count + 1, sizeof *sums);
  if (code == 0 && sums == NULL) code = 5;
  if (code == 0 && hash_all(&scan, by, (int)names.count, sums, &err) != TL_OK) code = cli_fail(&err);
  for (int c = 0; code == 0 && c < scan.wanted_count; c++) put_line(tl_scan_column(&scan, c)->name, sums[c]);
  free(sums);
  return code;
}
