/* tickloom sort: a dataset's files in their order again. */
#include <stdio.h>
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "pack/resort.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_sort = {
    "sort", "puts the rows of files in their order again, in place",
    "usage: tickloom sort PATH [--order COLUMNS] [--memory SIZE] [--json]\n\n"
    "Each file whose rows are out of order is written anew and replaced at once; the others stay as they are. However many rows there are,\n"
    "--memory is enough. Equal rows keep their order. Without --order it is that of a tape: expiry, opt_type, strike, timestamp.\n\n"
    "  --order a,-b    by a, then by b descending; missing ones last\n"
    "  --memory SIZE   (default 1GB)\n"
    "  --json          the summary as JSON\n\n"
    "exit code: 0 everything is in order now; 2 usage; 4 bad data; 5 for want of memory or disk, or somebody writes there\n\n"
    "examples:\n  tickloom sort tape\n  tickloom sort ticks.parquet --order symbol,timestamp\n",
    run};

static bool show(const tl_resort_outcome *o, const char *path, bool json) {
  char rows[TL_NUMBER_TEXT];
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_error err;
  tl_json writer = {.out = &out, .err = &err}, *j = &writer;
  tl_count_text(rows, o->rows);
  if (!json) return printf("%s: %lld of %lld files were out of order and are sorted now, %s rows\n", path, (long long)o->sorted, (long long)o->files, rows) > 0;
  tl_json_open(j, NULL, '{');
  tl_json_int(j, "files", o->files);
  tl_json_int(j, "sorted", o->sorted);
  tl_json_int(j, "rows", o->rows);
  tl_json_close(j, '}');
  return writer.status == TL_OK && cli_put(&out);
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_sort;
  cli_list rest = {0};
  const char *order = NULL, *memory = NULL;
  bool json = false;
  const cli_option options[] = {{"order", &order, 0, 0}, {"memory", &memory, 0, 0}, {"json", 0, &json, 0}};
  tl_resort_options o = {.tell = cli_tell, .context = cli_tell_begin("sorted", false)};
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one path is needed");
  if (!cli_memory(me, memory, &o.memory)) return 2;
  o.path = rest.items[0], o.order = order;
  tl_error err = {0};
  tl_resort_outcome done;
  tl_sys_catch_signals();
  tl_status status = tl_resort(&done, tl_sys_env(), &o, &err);
  (void)cli_tell_end(o.context);
  if (status != TL_OK) return cli_fail(&err);
  return show(&done, rest.items[0], json) ? 0 : 5;
}
