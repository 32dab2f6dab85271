/* tickloom cat: rows of a dataset as a table, CSV or JSON lines. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "lake/scan.h"
#include "ordered.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_cat = {
    "cat", "prints rows of a dataset",
    "usage: tickloom cat PATH [--columns a,b] [--where CONDITION] [--rows A..B] [--format table|csv|jsonl] [--threads N] [--memory SIZE]\n\n"
    "  --columns a,b   only these columns, in this order\n"
    "  --where C       only rows that hold, such as 'expiry == \"2025-11-25\" and strike between 25000 and 25500'; its columns need not be printed\n"
    "  --rows A..B     of those, rows A to B - 1, counted from 0 over all files (default: all; a table shows the first 40)\n"
    "  --format F      table (default), csv, or jsonl: one JSON object a row\n"
    "  --threads N     (default: all processors) rows come in order whatever it is\n"
    "  --memory SIZE   a page may take an eighth of it (default 1GB)\n"
    "  --memory-map-threshold-mb N   files of so many MB are mapped instead of read (default: none; 0: none)\n\n"
    "Conditions: comparisons = != < <= > >=, x in (..), x between A and B (both included), missing(x) or x is null, joined by and, or, not; a\n"
    "boolean column is a condition by itself. Texts stand in '..' or \"..\" (a doubled quote is one), bytes are x'deadbeef', odd names stand in\n"
    "`backticks`, fields of structs are a.b. Dates and times compare with '2025-11-25', '2025-11-25T09:15:00.5', '09:30:00', or with the stored\n"
    "integer. Integers, decimals and times compare exactly, whole numbers also with doubles; arithmetic (+ - * /) is in doubles. A comparison\n"
    "with a missing value is false, and `not` of it is true, unlike in SQL: x != 1 drops missing rows, not x = 1 keeps them.\n\n"
    "examples:\n  tickloom cat daily/SPY.parquet --rows 0..5\n  tickloom cat features-out --columns ticker,date,sma20_ratio --format csv\n"
    "  tickloom cat ticks --where 'price > 100 and symbol in (\"A\", \"B\")' --format jsonl\n",
    run};

typedef struct printer {
  const tl_scan *scan;
  tl_scan_reader *readers; /* one a thread */
  tl_scan_part *units;
  int format; /* 0 table, 1 csv, 2 jsonl */
  int *widths;
  int64_t first, end; /* selected rows to print, where a condition has to count them */
  int64_t seen;
} printer;

/* Nothing at all is a missing value, so that an empty text has its quotes. */
static tl_status csv_cell(tl_buffer *out, const char *text, size_t size, bool missing, tl_error *err) {
  bool quote = size == 0 ? !missing : (memchr(text, ',', size) || memchr(text, '"', size) || memchr(text, '\n', size) || memchr(text, '\r', size));
  if (!quote) return tl_buffer_append(out, text, size, err);
  TL_TRY(tl_buffer_byte(out, '"', err));
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '"') TL_TRY(tl_buffer_byte(out, '"', err));
    TL_TRY(tl_buffer_byte(out, (uint8_t)text[i], err));
  }
  return tl_buffer_byte(out, '"', err);
}

static tl_status csv_row(const printer *p, const tl_scan_reader *r, int64_t row, tl_buffer *out, tl_error *err) {
  TL_OWNED(tl_buffer) cell = {.env = out->env};
  for (int c = 0; c < p->scan->wanted_count; c++) {
    if (c > 0) TL_TRY(tl_buffer_byte(out, ',', err));
    cell.size = 0;
    if (row < 0)
      TL_TRY(tl_buffer_text(&cell, tl_scan_column(p->scan, c)->name, err));
    else
      TL_TRY(tl_array_text(r->columns[c], row, &cell, err));
    TL_TRY(csv_cell(out, (const char *)cell.data, cell.size, row >= 0 && !tl_array_is_valid(r->columns[c], row), err));
  }
  return tl_buffer_byte(out, '\n', err);
}

static tl_status json_row(const printer *p, const tl_scan_reader *r, int64_t row, tl_buffer *out, tl_error *err) {
  TL_TRY(tl_buffer_byte(out, '{', err));
  for (int c = 0; c < p->scan->wanted_count; c++) {
    const char *name = tl_scan_column(p->scan, c)->name;
    if (c > 0) TL_TRY(tl_buffer_byte(out, ',', err));
    TL_TRY(tl_json_text(out, name, strlen(name), err));
    TL_TRY(tl_buffer_byte(out, ':', err));
    TL_TRY(tl_array_json(r->columns[c], row, out, err));
  }
  return tl_buffer_text(out, "}\n", err);
}

static bool is_number(const tl_schema *column) {
  const tl_field *f = &column->field;
  return column->shape == TL_SHAPE_VALUE && tl_field_is_numeric(f) && f->logical != TL_LOGICAL_DATE && f->logical != TL_LOGICAL_TIMESTAMP;
}

/* Cells are padded to a width; numbers to the right. */
static tl_status table_row(const printer *p, const tl_scan_reader *r, int64_t row, tl_buffer *out, tl_error *err) {
  TL_OWNED(tl_buffer) cell = {.env = out->env};
  for (int c = 0; c < p->scan->wanted_count; c++) {
    const tl_schema *column = tl_scan_column(p->scan, c);
    cell.size = 0;
    if (row < 0)
      TL_TRY(tl_buffer_text(&cell, column->name, err));
    else if (!tl_array_is_valid(r->columns[c], row))
      TL_TRY(tl_buffer_text(&cell, "-", err));
    else
      TL_TRY(tl_array_text(r->columns[c], row, &cell, err));
    TL_TRY(tl_buffer_format(out, err, is_number(column) ? "%s%*.*s" : "%s%-*.*s", c > 0 ? "  " : "", p->widths[c], (int)cell.size,
                            cell.data ? (const char *)cell.data : ""));
  }
  return tl_buffer_byte(out, '\n', err);
}

static void measure(printer *p) {
  for (int c = 0; c < p->scan->wanted_count; c++) {
    const tl_schema *column = tl_scan_column(p->scan, c);
    const tl_field *f = &column->field;
    int name = (int)strlen(column->name), usual = column->shape != TL_SHAPE_VALUE      ? 24
                                                  : f->physical == TL_PHYSICAL_DOUBLE  ? 20
                                                  : f->logical == TL_LOGICAL_DATE      ? 10
                                                  : f->logical == TL_LOGICAL_TIMESTAMP ? 27
                                                                                       : 8;
    p->widths[c] = name > usual ? name : usual;
  }
}

typedef tl_status (*print_row)(const printer *, const tl_scan_reader *, int64_t, tl_buffer *, tl_error *);
static const print_row printers[] = {table_row, csv_row, json_row};

static tl_status print_batch(printer *p, const tl_scan_reader *r, tl_buffer *out, tl_error *err) {
  for (int64_t i = 0; i < r->rows; i++) {
    if (!tl_scan_is_selected(r, i)) continue;
    if (p->scan->where != NULL && p->end < INT64_MAX) {
      int64_t at = p->seen++;
      if (at < p->first || at >= p->end) continue;
    }
    size_t before = out->size;
    tl_status status = printers[p->format](p, r, i, out, err);
    if (status == TL_OK) continue;
    out->size = before; /* whole rows or none */
    return tl_fail_in(err, status, "%s, row %lld: ", r->open->path, (long long)(r->first_row + i));
  }
  return TL_OK;
}

static tl_status print_unit(void *context, int worker, size_t unit, cli_ordered *ordered, tl_buffer *text, tl_error *err) {
  printer *p = context;
  tl_scan_reader *r = &p->readers[worker];
  text->size = 0;
  if (p->scan->where != NULL && p->seen >= p->end) return TL_OK;
  TL_TRY(tl_scan_reader_start(r, p->units[unit], err));
  while (p->scan->where == NULL || p->seen < p->end) {
    TL_TRY(tl_scan_reader_next(r, err));
    if (r->rows == 0) break;
    TL_TRY(print_batch(p, r, text, err));
    TL_TRY(cli_ordered_room(ordered, unit, text, err));
  }
  return TL_OK;
}

/* Row groups, long ones in pieces that threads can share, of which there are not endlessly many, however many rows a file claims; only rows
   [first, end) where no condition has to be asked. */
static size_t cut_units(printer *p, int64_t first, int64_t end) {
  enum { LONG_PIECE = 1 << 18, MOST_PIECES = 1 << 20 };
  size_t count = 0;
  int64_t before = 0, piece = LONG_PIECE > p->scan->rows / MOST_PIECES ? LONG_PIECE : p->scan->rows / MOST_PIECES;
  for (size_t i = 0; i < p->scan->part_count; i++) {
    tl_scan_part part = p->scan->parts[i];
    int64_t from = before > first ? 0 : first - before, to = end - before < part.count ? end - before : part.count;
    before += part.count;
    for (int64_t at = from, n; at < to; at += n) {
      n = to - at < piece ? to - at : piece;
      if (p->units != NULL) p->units[count] = (tl_scan_part){part.file, part.group, at, n};
      count++;
    }
  }
  return count;
}

static tl_status print_all(printer *p, int64_t first, int64_t end, int threads, tl_error *err) {
  TL_OWNED(tl_buffer) head = {.env = tl_sys_env()};
  if (p->format != 2) TL_TRY(printers[p->format](p, NULL, -1, &head, err));
  if (!cli_put(&head)) return tl_fail(err, TL_IO, "cannot write to standard output");
  bool counts = p->scan->where != NULL;
  p->first = first, p->end = end;
  if (counts && end < INT64_MAX) threads = 1;
  size_t count = cut_units(p, counts ? 0 : first, counts ? INT64_MAX : end);
  p->units = calloc(count + 1, sizeof *p->units);
  p->readers = calloc((size_t)threads, sizeof *p->readers);
  tl_status status = p->units != NULL && p->readers != NULL ? TL_OK : tl_fail(err, TL_MEMORY, "no memory");
  if (status == TL_OK) cut_units(p, counts ? 0 : first, counts ? INT64_MAX : end);
  for (int i = 0; status == TL_OK && i < threads; i++) status = tl_scan_reader_open(&p->readers[i], p->scan, err);
  if (status == TL_OK) status = cli_ordered_run(count, threads, print_unit, p, err);
  for (int i = 0; p->readers != NULL && i < threads; i++) tl_scan_reader_free(&p->readers[i]);
  free(p->readers);
  free(p->units);
  return status;
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
  const char *columns = NULL, *range = NULL, *format = NULL, *where = NULL, *threads_text = NULL, *memory_text = NULL, *map = NULL;
  const cli_option options[] = {{"columns", &columns, 0, 0},
                                {"rows", &range, 0, 0},
                                {"format", &format, 0, 0},
                                {"where", &where, 0, 0},
                                {"threads", &threads_text, 0, 0},
                                {"memory", &memory_text, 0, 0},
                                {"memory-map-threshold-mb", &map, 0, 0}};
  static const char *const formats[] = {"table", "csv", "jsonl"};
  printer p = {0};
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one path is needed");
  for (p.format = 0; format && p.format < 3 && strcmp(format, formats[p.format]) != 0;) p.format++;
  if (p.format == 3) return cli_usage(me, "--format %s: expected table, csv or jsonl", format);
  int64_t first = 0, end = range || p.format > 0 ? INT64_MAX : 40, threads = tl_sys_processors(), memory;
  if (!read_range(range, &first, &end)) return cli_usage(me, "--rows %s: expected A..B", range);
  if (!cli_int(me, "threads", threads_text, 1, 256, &threads) || !cli_memory(me, memory_text, &memory) || !cli_map_threshold(me, map)) return 2;
  char *copy = columns ? cli_copy(columns, strlen(columns)) : NULL;
  if (copy != NULL && !cli_split(me, "columns", copy, &names)) return 2;
  tl_error err = {0};
  TL_OWNED(tl_scan) scan = {0};
  tl_scan_options what = {.columns = copy ? names.items : NULL, .column_count = names.count, .where = where, .page_limit = memory / 8};
  if (end < 16384 && end > 0 && where == NULL) what.batch_rows = end;
  tl_status status = tl_scan_open(&scan, tl_sys_env(), rest.items[0], what, &err);
  if (status == TL_OK) {
    p.scan = &scan, p.widths = calloc((size_t)scan.wanted_count + 1, sizeof *p.widths);
    if (p.widths == NULL)
      status = tl_fail(&err, TL_MEMORY, "no memory");
    else
      measure(&p);
  }
  if (status == TL_OK) status = print_all(&p, first, end, (int)threads, &err);
  free(p.widths);
  return status == TL_OK ? 0 : cli_fail(&err);
}
