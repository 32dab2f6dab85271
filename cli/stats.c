/* tickloom stats: what the columns of a dataset come to, by decoding them. */
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "lake/stats.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_stats = {
    "stats", "counts, extremes, exact sums and spread of columns, by decoding them",
    "usage: tickloom stats PATH [--columns a,b] [--where CONDITION] [--only LIST] [--threads N] [--memory SIZE] [--json]\n\n"
    "  --columns a,b   only these columns\n"
    "  --where C       only rows that hold; see tickloom help cat\n"
    "  --only LIST     of rows, missing, nonfinite, min, max, sum, mean, stddev, distinct (default: all of them)\n"
    "  --threads N     (default: all processors) the outcome is the same bits whatever it is\n"
    "  --memory SIZE   bounds pages and distinct values (default 1GB)\n"
    "  --json          {\"rows\": N, \"columns\": {\"price\": {\"sum\": ..}}}\n\n"
    "Nothing is taken from footers. Sums of integers are exact, sums of doubles rounded once, at the end, so that threads, row order and\n"
    "layout do not matter. NaN and infinities are counted as nonfinite and left out of the rest. Texts, dates and other bytes have no sum.\n"
    "stddev is that of a sample. Of nested columns only rows and missing are told.\n\n"
    "  --memory-map-threshold-mb N   files of so many MB are mapped instead of read (default: none; 0: none)\n\n"
    "examples:\n  tickloom stats ticks.parquet --only sum,mean\n  tickloom stats tape/ --columns price --where 'strike > 25000' --json\n",
    run};

static const char *const names[] = {"rows", "missing", "nonfinite", "min", "max", "sum", "mean", "stddev", "distinct"};
enum { NAMES = sizeof names / sizeof *names };

static bool read_only(const char *text, unsigned *wants) {
  cli_list list = {0};
  if (text == NULL) return true;
  if (!cli_split(&tl_command_stats, "only", cli_copy(text, strlen(text)), &list)) return false;
  *wants = 0;
  for (size_t i = 0; i < list.count; i++) {
    int k = 0;
    while (k < NAMES && strcmp(names[k], list.items[i]) != 0) k++;
    if (k == NAMES) {
      const char *nearest = tl_nearest_name(list.items[i], names, NAMES);
      return cli_usage(&tl_command_stats, "--only %s: there is no such statistic%s%s%s", list.items[i], nearest ? "; did you mean " : "",
                       nearest ? nearest : "", nearest ? "?" : ""),
             false;
    }
    *wants |= 1u << k;
  }
  return true;
}

static tl_status put_json(const tl_stats *s, unsigned wants, tl_buffer *out, tl_error *err) {
  TL_TRY(tl_buffer_format(out, err, "{\"rows\": %lld, \"columns\": {", (long long)s->rows));
  for (int c = 0; c < s->scan.wanted_count; c++) {
    const tl_schema *column = tl_scan_column(&s->scan, c);
    bool nested = column->shape != TL_SHAPE_VALUE, first = true;
    if (c > 0) TL_TRY(tl_buffer_text(out, ", ", err));
    TL_TRY(tl_json_text(out, column->name, strlen(column->name), err));
    TL_TRY(tl_buffer_text(out, ": {", err));
    for (int k = 0; k < NAMES; k++) {
      if (!(wants >> k & 1)) continue;
      TL_TRY(tl_buffer_format(out, err, "%s\"%s\": ", first ? "" : ", ", names[k]));
      first = false;
      TL_TRY(nested && k > 1 ? tl_buffer_text(out, "null", err) : tl_totals_json(&s->totals[c], 1u << k, out, err));
    }
    TL_TRY(tl_buffer_byte(out, '}', err));
  }
  return tl_buffer_text(out, "}}\n", err);
}

/* A statistic as a cell: JSON without its quotes. */
static tl_status cell(const tl_stats *s, int column, int k, tl_buffer *out, tl_error *err) {
  bool nested = tl_scan_column(&s->scan, column)->shape != TL_SHAPE_VALUE;
  out->size = 0;
  TL_TRY(nested && k > 1 ? tl_buffer_text(out, "null", err) : tl_totals_json(&s->totals[column], 1u << k, out, err));
  if (out->size > 1 && out->data[0] == '"') {
    memmove(out->data, out->data + 1, out->size - 2);
    out->size -= 2;
  }
  if (out->size == 4 && memcmp(out->data, "null", 4) == 0) out->data[0] = '-', out->size = 1;
  return TL_OK;
}

static tl_status put_table(const tl_stats *s, unsigned wants, tl_buffer *out, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = out->env};
  enum { WIDE = 24 };
  char rows[TL_NUMBER_TEXT];
  tl_count_text(rows, s->rows);
  TL_TRY(tl_buffer_format(out, err, "%s rows\n%-24s", rows, "column"));
  for (int k = 0; k < NAMES; k++)
    if (wants >> k & 1) TL_TRY(tl_buffer_format(out, err, "  %*s", k < 3 || k == 8 ? 12 : WIDE, names[k]));
  TL_TRY(tl_buffer_byte(out, '\n', err));
  for (int c = 0; c < s->scan.wanted_count; c++) {
    TL_TRY(tl_buffer_format(out, err, "%-24s", tl_scan_column(&s->scan, c)->name));
    for (int k = 0; k < NAMES; k++) {
      if (!(wants >> k & 1)) continue;
      TL_TRY(cell(s, c, k, &text, err));
      TL_TRY(tl_buffer_format(out, err, "  %*.*s", k < 3 || k == 8 ? 12 : WIDE, (int)(text.size < 40 ? text.size : 40), (const char *)text.data));
    }
    TL_TRY(tl_buffer_byte(out, '\n', err));
  }
  return TL_OK;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_stats;
  cli_list rest = {0}, columns = {0};
  const char *columns_text = NULL, *where = NULL, *only = NULL, *threads_text = NULL, *memory_text = NULL, *map = NULL;
  bool json = false;
  const cli_option options[] = {
      {"columns", &columns_text, 0, 0},        {"where", &where, 0, 0}, {"only", &only, 0, 0}, {"threads", &threads_text, 0, 0}, {"memory", &memory_text, 0, 0},
      {"memory-map-threshold-mb", &map, 0, 0}, {"json", 0, &json, 0}};
  unsigned wants = TL_TOTALS_ALL;
  int64_t threads = tl_sys_processors(), memory;
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one path is needed");
  if (!read_only(only, &wants)) return 2;
  if (!cli_int(me, "threads", threads_text, 1, 256, &threads) || !cli_memory(me, memory_text, &memory) || !cli_map_threshold(me, map)) return 2;
  if (columns_text != NULL && !cli_split(me, "columns", cli_copy(columns_text, strlen(columns_text)), &columns)) return 2;
  tl_error err = {0};
  TL_OWNED(tl_stats) stats = {0};
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_scan_options what = {.columns = columns_text ? columns.items : NULL, .column_count = columns.count, .where = where, .page_limit = memory / 8};
  tl_status status = tl_stats_run(&stats, tl_sys_env(), rest.items[0], what, wants, (int)threads, memory, &err);
  if (status == TL_OK) status = json ? put_json(&stats, wants, &out, &err) : put_table(&stats, wants, &out, &err);
  if (status != TL_OK) return cli_fail(&err);
  return cli_put(&out) ? 0 : 5;
}
