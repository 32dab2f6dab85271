/* tickloom cat: rows of a dataset as a table, CSV or JSON lines. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "lake/scan.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_cat = {
    "cat", "prints rows of a dataset",
    "usage: tickloom cat PATH [--columns a,b] [--rows A..B] [--format table|csv|jsonl]\n\n"
    "  --columns a,b   only these columns, in this order\n"
    "  --rows A..B     rows A to B - 1, counted from 0 over all files (default: all; a table shows the first 40)\n"
    "  --format F      table (default), csv, or jsonl: one JSON object a row\n\n"
    "examples:\n  tickloom cat daily/SPY.parquet --rows 0..5\n  tickloom cat features-out --columns ticker,date,sma20_ratio --format csv\n",
    run};

typedef struct printer {
  tl_scan *scan;
  tl_buffer *out;
  int format; /* 0 table, 1 csv, 2 jsonl */
  int *widths;
} printer;

static tl_status csv_cell(tl_buffer *out, const char *text, size_t size, tl_error *err) {
  bool quote = size > 0 && (memchr(text, ',', size) || memchr(text, '"', size) || memchr(text, '\n', size) || memchr(text, '\r', size));
  if (!quote) return tl_buffer_append(out, text, size, err);
  TL_TRY(tl_buffer_byte(out, '"', err));
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '"') TL_TRY(tl_buffer_byte(out, '"', err));
    TL_TRY(tl_buffer_byte(out, (uint8_t)text[i], err));
  }
  return tl_buffer_byte(out, '"', err);
}

static tl_status csv_row(printer *p, int64_t row, tl_error *err) {
  TL_OWNED(tl_buffer) cell = {.env = p->scan->env};
  for (int c = 0; c < p->scan->wanted_count; c++) {
    if (c > 0) TL_TRY(tl_buffer_byte(p->out, ',', err));
    cell.size = 0;
    if (row < 0)
      TL_TRY(tl_buffer_text(&cell, p->scan->fields[p->scan->wanted[c]].name, err));
    else
      TL_TRY(tl_column_text(&p->scan->columns[c], row, &cell, err));
    TL_TRY(csv_cell(p->out, (const char *)cell.data, cell.size, err));
  }
  return tl_buffer_byte(p->out, '\n', err);
}

static tl_status json_row(printer *p, int64_t row, tl_error *err) {
  TL_TRY(tl_buffer_byte(p->out, '{', err));
  for (int c = 0; c < p->scan->wanted_count; c++) {
    const char *name = p->scan->fields[p->scan->wanted[c]].name;
    if (c > 0) TL_TRY(tl_buffer_byte(p->out, ',', err));
    TL_TRY(tl_json_text(p->out, name, strlen(name), err));
    TL_TRY(tl_buffer_byte(p->out, ':', err));
    TL_TRY(tl_column_json(&p->scan->columns[c], row, p->out, err));
  }
  return tl_buffer_text(p->out, "}\n", err);
}

/* Cells are padded to a width; numbers to the right. */
static tl_status table_row(printer *p, int64_t row, tl_error *err) {
  TL_OWNED(tl_buffer) cell = {.env = p->scan->env};
  for (int c = 0; c < p->scan->wanted_count; c++) {
    const tl_field *f = &p->scan->fields[p->scan->wanted[c]];
    cell.size = 0;
    if (row < 0)
      TL_TRY(tl_buffer_text(&cell, f->name, err));
    else if (!tl_column_is_valid(&p->scan->columns[c], row))
      TL_TRY(tl_buffer_text(&cell, "-", err));
    else
      TL_TRY(tl_column_text(&p->scan->columns[c], row, &cell, err));
    bool right = tl_field_is_numeric(f) && f->logical != TL_LOGICAL_DATE && f->logical != TL_LOGICAL_TIMESTAMP;
    int width = p->widths[c];
    TL_TRY(tl_buffer_format(p->out, err, right ? "%s%*.*s" : "%s%-*.*s", c > 0 ? "  " : "", width, (int)cell.size, cell.data ? (const char *)cell.data : ""));
  }
  return tl_buffer_byte(p->out, '\n', err);
}

static void measure(printer *p) {
  for (int c = 0; c < p->scan->wanted_count; c++) {
    const tl_field *f = &p->scan->fields[p->scan->wanted[c]];
    int name = (int)strlen(f->name), usual = f->physical == TL_PHYSICAL_DOUBLE    ? 20
                                             : f->logical == TL_LOGICAL_DATE      ? 10
                                             : f->logical == TL_LOGICAL_TIMESTAMP ? 27
                                                                                  : 8;
    p->widths[c] = name > usual ? name : usual;
  }
}

static tl_status print_rows(printer *p, int64_t first, int64_t end, tl_error *err) {
  static tl_status (*const rows[])(printer *, int64_t, tl_error *) = {table_row, csv_row, json_row};
  if (p->format != 2) TL_TRY(rows[p->format](p, -1, err));
  for (int64_t at = 0; at < end;) {
    TL_TRY(tl_scan_next(p->scan, err));
    if (p->scan->rows == 0) break;
    for (int64_t r = at < first ? first - at : 0; r < p->scan->rows && at + r < end; r++) {
      tl_status status = rows[p->format](p, r, err);
      if (status == TL_CORRUPT) return tl_fail_in(err, status, "%s, row %lld: ", p->scan->open.path, (long long)tl_scan_row(p->scan, r));
      TL_TRY(status);
      if (p->out->size > 1 << 16 && !cli_put(p->out)) return tl_fail(err, TL_IO, "cannot write to standard output");
    }
    at += p->scan->rows;
  }
  return cli_put(p->out) ? TL_OK : tl_fail(err, TL_IO, "cannot write to standard output");
}

static bool read_range(const char *text, int64_t *first, int64_t *end) {
  const char *dots = text ? strstr(text, "..") : NULL;
  if (text == NULL) return true;
  if (dots == NULL) return false;
  if (dots > text && !tl_int_read(text, (size_t)(dots - text), first)) return false;
  if (dots[2] != 0 && !tl_int_read(dots + 2, strlen(dots + 2), end)) return false;
  return *first >= 0 && *end >= *first;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_cat;
  cli_list rest = {0}, names = {0};
  const char *columns = NULL, *range = NULL, *format = NULL;
  const cli_option options[] = {{"columns", &columns, 0, 0}, {"rows", &range, 0, 0}, {"format", &format, 0, 0}};
  static const char *const formats[] = {"table", "csv", "jsonl"};
  printer p = {0};
  if (!cli_parse(me, argc, argv, options, 3, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one path is needed");
  for (p.format = 0; format && p.format < 3 && strcmp(format, formats[p.format]) != 0;) p.format++;
  if (p.format == 3) return cli_usage(me, "--format %s: expected table, csv or jsonl", format);
  int64_t first = 0, end = range || p.format > 0 ? INT64_MAX : 40;
  if (!read_range(range, &first, &end)) return cli_usage(me, "--rows %s: expected A..B", range);
  char *copy = columns ? cli_copy(columns, strlen(columns)) : NULL;
  if (copy != NULL && !cli_split(me, "columns", copy, &names)) return 2;
  tl_error err = {0};
  TL_OWNED(tl_scan) scan = {0};
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_status status = tl_scan_open(&scan, tl_sys_env(), rest.items[0], copy ? names.items : NULL, names.count, 1 << 30, &err);
  if (status == TL_OK) {
    p.scan = &scan, p.out = &out, p.widths = calloc((size_t)scan.wanted_count + 1, sizeof *p.widths);
    if (scan.batch_rows > end && end > 0) scan.batch_rows = end;
    if (p.widths == NULL)
      status = tl_fail(&err, TL_MEMORY, "no memory");
    else
      measure(&p);
  }
  if (status == TL_OK) status = print_rows(&p, first, end, &err);
  if (status != TL_OK) (void)cli_put(&out);
  free(p.widths);
  return status == TL_OK ? 0 : cli_fail(&err);
}
