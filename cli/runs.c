/* tickloom runs: what was done in a folder, and what took longer than it used to. */
#include <string.h>
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "run/history.h"
#include "sys/sys.h"
#include "table.h"

static int run(int argc, char **argv);
const tl_command tl_command_runs = {
    "runs", "past runs of an output folder, and those that were slower than usual",
    "usage: tickloom runs DIR [--json]\n\n"
    "One line a run, oldest first. A run is compared with the median of the last ten before it that did the same work: the same\n"
    "definition, settings, threads and instruction set, about as many rows. More than a quarter above that is called slower, once there\n"
    "are three to compare with.\n\n"
    "exit code: 0; 2 usage, or no records there; 5 a record that cannot be read\n\n"
    "example:\n  tickloom runs features-out\n",
    run};

static void show(const tl_history *h) {
  static const char *const heads[] = {"started", "what", "exit", "rows", "streams", "threads", "wall", "M rows/s", "memory", "usual", "note"};
  TL_OWNED(cli_table) table;
  cli_table_open(&table, tl_sys_env(), heads, "l.rrrrrrrr.", 11);
  for (size_t i = 0; i < h->count; i++) {
    const tl_past_run *r = &h->runs[i];
    char time[TL_TIME_TEXT], rows[TL_NUMBER_TEXT], wall[TL_NUMBER_TEXT], memory[TL_NUMBER_TEXT], usual[TL_NUMBER_TEXT] = "", name[80];
    tl_time_text(time, r->started_at_ns / 1000000000, 0, false);
    tl_count_text(rows, r->rows);
    tl_seconds_text(wall, r->wall_s);
    tl_size_text(memory, (double)r->peak_resident);
    if (r->before > 0) tl_seconds_text(usual, r->median_s);
    cli_clean(name, sizeof name, r->definition, strlen(r->definition), 40);
    cli_table_cell(&table, "%s", time);
    cli_table_cell(&table, "%s%s", name, r->went_on ? " (update)" : "");
    cli_table_cell(&table, "%lld", (long long)r->exit_code);
    cli_table_cell(&table, "%s", rows);
    cli_table_cell(&table, "%lld", (long long)r->streams);
    cli_table_cell(&table, "%lld", (long long)r->threads);
    cli_table_cell(&table, "%s", wall);
    cli_table_cell(&table, "%.2f", r->wall_s > 0 ? (double)r->rows / r->wall_s / 1e6 : 0.0);
    cli_table_cell(&table, "%s", memory);
    cli_table_cell(&table, "%s", usual);
    if (r->slower)
      cli_table_cell(&table, "slower: %.2fx", r->wall_s / r->median_s);
    else
      cli_table_cell(&table, " ");
  }
  cli_table_print(&table);
}

static bool show_json(const tl_history *h) {
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_error err;
  tl_json json = {.out = &out, .err = &err}, *j = &json;
  tl_json_open(j, NULL, '[');
  for (size_t i = 0; i < h->count; i++) {
    const tl_past_run *r = &h->runs[i];
    tl_json_open(j, NULL, '{');
    tl_json_int(j, "started_at_ns", r->started_at_ns);
    tl_json_string(j, "definition", r->definition);
    tl_json_string(j, "work", r->work);
    tl_json_string(j, "isa", r->isa);
    tl_json_int(j, "exit_code", r->exit_code);
    tl_json_bool(j, "update", r->went_on);
    tl_json_int(j, "rows", r->rows);
    tl_json_int(j, "streams", r->streams);
    tl_json_int(j, "threads", r->threads);
    tl_json_double(j, "wall_s", r->wall_s);
    tl_json_double(j, "rows_per_s", r->wall_s > 0 ? (double)r->rows / r->wall_s : 0);
    tl_json_int(j, "peak_resident", r->peak_resident);
    tl_json_int(j, "compared_with", r->before);
    if (r->before > 0)
      tl_json_double(j, "median_s", r->median_s);
    else
      tl_json_null(j, "median_s");
    tl_json_bool(j, "regression", r->slower);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  return json.status == TL_OK && tl_buffer_byte(&out, '\n', &err) == TL_OK && cli_put(&out);
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_runs;
  cli_list rest = {0};
  bool json = false;
  const cli_option options[] = {{"json", 0, &json, 0}};
  if (!cli_parse(me, argc, argv, options, 1, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one folder is needed");
  tl_error err = {0};
  TL_OWNED(tl_history) history = {0};
  if (tl_history_read(&history, tl_sys_env(), rest.items[0], &err) != TL_OK) return cli_fail(&err);
  if (!json)
    show(&history);
  else if (!show_json(&history))
    return 5;
  return 0;
}
