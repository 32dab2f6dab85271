/* tickloom import: text files as Parquet. */
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "lake/csv.h"
#include "lake/sink.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_import = {
    "import", "CSV files as Parquet with the right types",
    "usage: tickloom import csv IN OUT [options]\n\n"
    "IN is a file, or a folder: all *.csv files below it, which have the same columns, in the order of their names. OUT is one Parquet file.\n"
    "Delimiter and header are sniffed from the first file, types from the first rows of every file (10,000 of them, or 1 MB). A later row\n"
    "that does not fit its column's type is an error that names file, line and column: nothing is dropped, and nothing turns into null.\n\n"
    "  --schema a:T,b:T    types of these columns; the others are sniffed. T is boolean, int8 .. int64, uint8 .. uint64, float, double,\n"
    "                      string, date, time[us], timestamp[us], timestamp[us, UTC] (or ms, ns), decimal(12, 2)\n"
    "  --delimiter C       one character, or tab (default: sniffed among , ; tab |)\n"
    "  --header            the first line names the columns (default: sniffed: it does unless there is a number, date, time or boolean in it)\n"
    "  --no-header         it does not; the columns are column1, column2 ..\n"
    "  --profile P         compact (default) or fast\n"
    "  --row-group N       rows of a row group\n"
    "  --force             OUT may be there, and is replaced once all is written\n"
    "  --json              the summary as JSON\n\n"
    "An empty cell is missing; \"\" is an empty text, and missing in columns that are no text. Nothing else is: NA or null in a column of\n"
    "numbers makes it a column of texts. NaN and inf are doubles. Types that are sniffed: boolean (true, false), int64, double, date\n"
    "(2024-02-29), timestamp (2024-02-29 09:30:00.25, T or a blank between, Z or +05:30 behind; microseconds, with more than 6 digits of\n"
    "fraction nanoseconds; UTC when all have an offset), string. Columns with leading zeros (007), and whole numbers beyond 64 bits, stay\n"
    "text, as do columns without a value in the rows that are looked at. Quotes are \", doubled inside of them.\n\n"
    "examples:\n  tickloom import csv trades.csv trades.parquet\n"
    "  tickloom import csv raw bars.parquet --schema 'ticker:string,close:decimal(12, 4)' --profile fast\n",
    run};

typedef struct conversion {
  const char *in, *out, *part;
  tl_csv csv;
  tl_sink_style style;
  bool force, json;
  int64_t rows, size_before, size_after;
  double seconds;
} conversion;

/* Rows of a batch: some megabytes, whatever the number of columns. */
static int64_t batch_rows(const tl_schema *schema) {
  enum { VALUES = 1 << 20, LEAST = 64, MOST = 1 << 14 };
  int64_t rows = VALUES / schema->child_count;
  return rows < LEAST ? LEAST : rows > MOST ? MOST : rows;
}

/* All rows of the CSV as a Parquet file at `path`. */
static tl_status write_all(conversion *m, const char *path, tl_error *err) {
  tl_env *env = tl_sys_env();
  const tl_schema *schema = tl_csv_schema(&m->csv);
  TL_OWNED(tl_batch) batch = {0};
  TL_OWNED(tl_sink) sink = {0};
  TL_TRY(tl_batch_open(&batch, env, schema, err));
  TL_TRY(tl_sink_open(&sink, env, path, schema, &m->style, err));
  for (;;) {
    TL_TRY(tl_csv_next(&m->csv, &batch, batch_rows(schema), err));
    if (batch.rows == 0) break;
    TL_TRY(tl_sink_put(&sink, &batch, 0, batch.rows, err));
    m->rows += batch.rows;
  }
  return tl_sink_finish(&sink, err);
}

/* OUT appears whole or not at all, and never in the place of a file that is read. */
static tl_status check_out(const conversion *m, tl_error *err) {
  tl_env *env = tl_sys_env();
  tl_file_info in, out;
  bool there;
  TL_TRY(cli_check_out(m->out, m->force, &out, &there, err));
  for (size_t i = 0; there && i < m->csv.file_count; i++) {
    TL_TRY(env->info(env, m->csv.files[i], &in, err));
    if (in.inode == out.inode && in.device == out.device) return tl_fail(err, TL_USAGE, "%s: is read; write to another file", m->out);
  }
  return TL_OK;
}

static tl_status convert(conversion *m, const tl_csv_options *options, tl_error *err) {
  tl_env *env = tl_sys_env();
  tl_file_info info;
  int64_t start = env->tick_ns(env);
  TL_TRY(tl_csv_open(&m->csv, env, m->in, options, err));
  TL_TRY(check_out(m, err));
  tl_status status = write_all(m, m->part, err);
  if (status == TL_OK) status = env->rename(env, m->part, m->out, err);
  if (status != TL_OK) {
    (void)env->remove(env, m->part, NULL);
    return status;
  }
  TL_TRY(env->info(env, m->out, &info, err));
  m->size_before = m->csv.size;
  m->size_after = info.size;
  m->seconds = (double)(env->tick_ns(env) - start) / 1e9;
  return TL_OK;
}

static bool show(const conversion *m, tl_error *err) {
  char rows[TL_NUMBER_TEXT], before[TL_NUMBER_TEXT], after[TL_NUMBER_TEXT], seconds[TL_NUMBER_TEXT], type[TL_TYPE_TEXT];
  const tl_schema *schema = &m->csv.schema;
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_count_text(rows, m->rows);
  tl_size_text(before, (double)m->size_before);
  tl_size_text(after, (double)m->size_after);
  tl_seconds_text(seconds, m->seconds);
  tl_status status = tl_buffer_format(&out, err, "%s: %s rows of %zu %s, %s -> %s, %s; %d columns:", m->out, rows, m->csv.file_count,
                                      m->csv.file_count == 1 ? "file" : "files", before, after, seconds, schema->child_count);
  for (int i = 0; status == TL_OK && i < schema->child_count; i++) {
    tl_field_type_text(type, &schema->children[i].field);
    status = tl_buffer_format(&out, err, "%s %s %s", i > 0 ? "," : "", schema->children[i].name, type);
  }
  return status == TL_OK && tl_buffer_byte(&out, '\n', err) == TL_OK && cli_put(&out);
}

static bool show_json(const conversion *m, tl_error *err) {
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_json json = {.out = &out, .err = err}, *j = &json;
  const tl_schema *schema = &m->csv.schema;
  char type[TL_TYPE_TEXT];
  tl_json_open(j, NULL, '{');
  tl_json_string(j, "out", m->out);
  tl_json_int(j, "files", (int64_t)m->csv.file_count);
  tl_json_int(j, "rows", m->rows);
  tl_json_int(j, "bytes_before", m->size_before);
  tl_json_int(j, "bytes_after", m->size_after);
  tl_json_double(j, "seconds", m->seconds);
  tl_json_string(j, "delimiter", (char[]){m->csv.form.delimiter, 0});
  tl_json_bool(j, "header", m->csv.has_header);
  tl_json_open(j, "columns", '[');
  for (int i = 0; i < schema->child_count; i++) {
    tl_field_type_text(type, &schema->children[i].field);
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", schema->children[i].name);
    tl_json_string(j, "type", type);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_json_close(j, '}');
  return json.status == TL_OK && tl_buffer_byte(&out, '\n', err) == TL_OK && cli_put(&out);
}

static bool read_delimiter(const char *text, char *out) {
  if (text == NULL) return true;
  *out = strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0 ? '\t' : text[0];
  return *out == '\t' || (strlen(text) == 1 && (text[0] & 0x80) == 0 && text[0] != '"' && text[0] != '\n' && text[0] != '\r');
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_import;
  cli_list rest = {0};
  const char *schema = NULL, *delimiter = NULL, *profile = "compact", *row_group = NULL, *asked = NULL;
  bool header = false, no_header = false;
  conversion m = {0};
  const cli_option options[] = {{"schema", &schema, 0, 0}, {"delimiter", &delimiter, 0, 0}, {"header", 0, &header, 0}, {"no-header", 0, &no_header, 0},
                                {"profile", &asked, 0, 0}, {"row-group", &row_group, 0, 0}, {"force", 0, &m.force, 0}, {"json", 0, &m.json, 0}};
  tl_csv_options o = {0};
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 3 || strcmp(rest.items[0], "csv") != 0) return cli_usage(me, "expected: import csv IN OUT");
  if (header && no_header) return cli_usage(me, "--header and --no-header exclude each other");
  if (asked != NULL) profile = asked;
  if (strcmp(profile, "compact") != 0 && strcmp(profile, "fast") != 0) return cli_usage(me, "--profile %s: expected compact or fast", profile);
  if (!read_delimiter(delimiter, &o.delimiter)) return cli_usage(me, "--delimiter %s: expected one character, or tab", delimiter);
  if (!cli_int(me, "row-group", row_group, 1, 1 << 30, &m.style.group_rows)) return 2;
  m.style.fast = strcmp(profile, "fast") == 0;
  o.schema = schema;
  o.header = header ? 1 : no_header ? 0 : -1;
  m.in = rest.items[1], m.out = rest.items[2];
  char *part = cli_copy(m.out, strlen(m.out) + 5);
  memcpy(part + strlen(m.out), ".part", 6);
  m.part = part;
  tl_error err = {0};
  tl_status status = convert(&m, &o, &err);
  bool shown = status != TL_OK || (m.json ? show_json(&m, &err) : show(&m, &err));
  tl_csv_free(&m.csv);
  if (status != TL_OK) return cli_fail(&err);
  return shown ? 0 : 5;
}
