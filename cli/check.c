/* tickloom check: is a dataset what it says it is? */
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "lake/check.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_check = {
    "check", "whether a dataset is what it says: CRCs, statistics, order, duplicates, manifest",
    "usage: tickloom check PATH [--by COLUMNS] [--order COLUMNS] [--json]\n\n"
    "Decodes every page of a file or dataset and says what is wrong, with file and row: pages that cannot be read or whose CRC is wrong,\n"
    "minimum, maximum or null count that the values contradict, rows out of order, repeated order keys, files that differ from the\n"
    "manifest, a run that has not ended. Order is checked by the columns that the files of a tickloom run name, or by --by: the keys of a\n"
    "stream, then the order key. Whether the rows of each file are sorted is checked, too: by --order (a,-b), by expiry, opt_type, strike,\n"
    "timestamp where a file has them all, being a tape's, or else by what its row groups claim; tickloom sort mends that.\n\n"
    "exit code: 0 nothing is wrong; 2 usage; 4 something is\n\n"
    "examples:\n  tickloom check features-out\n  tickloom check prices.parquet --by ticker,date\n"
    "  tickloom check tape\n",
    run};

static void show(const tl_check *c) {
  char rows[TL_NUMBER_TEXT];
  for (size_t i = 0; i < c->finding_count; i++) {
    const tl_finding *f = &c->findings[i];
    printf("%s", f->kind);
    if (f->file != NULL) printf("  %s", f->file);
    if (f->row >= 0) printf(", row %lld", (long long)f->row);
    printf(": %s\n", f->text);
  }
  if (c->unlisted > 0) printf("... and %lld more\n", (long long)c->unlisted);
  tl_count_text(rows, c->rows);
  printf("%lld files, %s rows, %lld column chunks", (long long)c->files, rows, (long long)c->chunks);
  if (c->by != NULL)
    printf(", in order by %s", c->by);
  else
    printf("; order was not checked (--by says by what)");
  printf(c->finding_count > 0 ? ": %lld things are wrong\n" : ": nothing is wrong\n", (long long)(c->finding_count + (size_t)c->unlisted));
}

static bool show_json(const tl_check *c) {
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_error err;
  tl_json json = {.out = &out, .err = &err}, *j = &json;
  tl_json_open(j, NULL, '{');
  tl_json_bool(j, "ok", c->finding_count == 0);
  tl_json_int(j, "files", c->files);
  tl_json_int(j, "rows", c->rows);
  tl_json_int(j, "chunks", c->chunks);
  tl_json_string(j, "by", c->by);
  tl_json_int(j, "findings_not_listed", c->unlisted);
  tl_json_open(j, "findings", '[');
  for (size_t i = 0; i < c->finding_count; i++) {
    const tl_finding *f = &c->findings[i];
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "kind", f->kind);
    if (f->file != NULL) tl_json_string(j, "file", f->file);
    if (f->row >= 0) tl_json_int(j, "row", f->row);
    tl_json_string(j, "reason", f->text);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_json_close(j, '}');
  return json.status == TL_OK && tl_buffer_byte(&out, '\n', &err) == TL_OK && cli_put(&out);
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_check;
  cli_list rest = {0};
  const char *by = NULL, *order = NULL;
  bool json = false;
  const cli_option options[] = {{"by", &by, 0, 0}, {"order", &order, 0, 0}, {"json", 0, &json, 0}};
  if (!cli_parse(me, argc, argv, options, 3, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one path is needed");
  tl_error err = {0};
  TL_OWNED(tl_check) check = {0};
  if (tl_check_run(&check, tl_sys_env(), rest.items[0], by, order, 1 << 30, &err) != TL_OK) return cli_fail(&err);
  if (!json)
    show(&check);
  else if (!show_json(&check))
    return 5;
  if (check.finding_count > 0)
    fprintf(stderr, "tickloom: %s: %lld things are wrong\n", rest.items[0], (long long)(check.finding_count + (size_t)check.unlisted));
  return check.finding_count > 0 ? 4 : 0;
}
