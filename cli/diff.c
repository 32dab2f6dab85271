/* tickloom diff: where two datasets differ. */
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "lake/diff.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_diff = {
    "diff", "the rows and columns in which two datasets differ",
    "usage: tickloom diff A B [--by COLUMNS] [--limit N] [--memory 256MB] [--json]\n\n"
    "Rows are matched by the keys that the files of a tickloom run name, or by --by, or by their numbers; layout, types of the same meaning\n"
    "and row order do not matter. For each column: how many rows differ, and the first of them with their keys and both values; then rows\n"
    "that only one has.\n\n"
    "exit code: 0 no difference; 1 there are some; 2 usage; 4 bad data\n\n"
    "examples:\n  tickloom diff features-old features-new\n  tickloom diff a.parquet b.parquet --by ticker,date --limit 3\n",
    run};

static void show_examples(const tl_diff_column *c) {
  for (int i = 0; i < c->example_count; i++) {
    const tl_difference *e = &c->examples[i];
    printf("  %s", e->keys ? e->keys : "");
    if (e->a != NULL) printf(": %s, %s", e->a, e->b);
    printf("\n");
  }
  if (c->differing > c->example_count) printf("  ...\n");
}

static void show(const tl_diff *d) {
  char matched[TL_NUMBER_TEXT], count[TL_NUMBER_TEXT];
  tl_count_text(matched, d->matched);
  for (int i = 0; i < d->column_count; i++) {
    const tl_diff_column *c = &d->columns[i];
    if (!c->in_a || !c->in_b) printf("%s: only in %s\n", c->name, c->in_a ? "A" : "B");
    if (c->differing == 0) continue;
    tl_count_text(count, c->differing);
    printf("%s: %s of %s rows differ\n", c->name, count, matched);
    show_examples(c);
  }
  const tl_diff_column *only[] = {&d->only_a, &d->only_b};
  for (int i = 0; i < 2; i++) {
    if (only[i]->differing == 0) continue;
    tl_count_text(count, only[i]->differing);
    printf("%s rows are only in %s\n", count, i == 0 ? "A" : "B");
    show_examples(only[i]);
  }
  printf("%s rows matched by %s: %s\n", matched, d->by ? d->by : "their numbers", tl_diff_is_empty(d) ? "no difference" : "there are differences");
}

static void put_examples(tl_json *j, const tl_diff_column *c) {
  tl_json_open(j, "first", '[');
  for (int i = 0; i < c->example_count; i++) {
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "keys", c->examples[i].keys);
    if (c->examples[i].a != NULL) tl_json_string(j, "a", c->examples[i].a), tl_json_string(j, "b", c->examples[i].b);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

static bool show_json(const tl_diff *d) {
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_error err;
  tl_json json = {.out = &out, .err = &err}, *j = &json;
  tl_json_open(j, NULL, '{');
  tl_json_bool(j, "same", tl_diff_is_empty(d));
  tl_json_string(j, "by", d->by);
  tl_json_int(j, "rows_a", d->rows_a);
  tl_json_int(j, "rows_b", d->rows_b);
  tl_json_int(j, "matched", d->matched);
  tl_json_open(j, "columns", '[');
  for (int i = 0; i < d->column_count; i++) {
    const tl_diff_column *c = &d->columns[i];
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", c->name);
    if (!c->in_a || !c->in_b) tl_json_string(j, "only_in", c->in_a ? "a" : "b");
    tl_json_int(j, "differing", c->differing);
    put_examples(j, c);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  const tl_diff_column *only[] = {&d->only_a, &d->only_b};
  for (int i = 0; i < 2; i++) {
    tl_json_open(j, i == 0 ? "only_in_a" : "only_in_b", '{');
    tl_json_int(j, "rows", only[i]->differing);
    put_examples(j, only[i]);
    tl_json_close(j, '}');
  }
  tl_json_close(j, '}');
  return json.status == TL_OK && tl_buffer_byte(&out, '\n', &err) == TL_OK && cli_put(&out);
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_diff;
  cli_list rest = {0};
  const char *by = NULL, *limit_text = NULL, *memory_text = NULL;
  bool json = false;
  int64_t limit = 10, memory = 256000000;
  const cli_option options[] = {{"by", &by, 0, 0}, {"limit", &limit_text, 0, 0}, {"memory", &memory_text, 0, 0}, {"json", 0, &json, 0}};
  if (!cli_parse(me, argc, argv, options, 4, &rest)) return 2;
  if (rest.count != 2) return cli_usage(me, "two paths are needed");
  if (!cli_int(me, "limit", limit_text, 0, 1000, &limit) || !cli_size(me, "memory", memory_text, &memory)) return 2;
  tl_error err = {0};
  TL_OWNED(tl_diff) diff = {0};
  if (tl_diff_run(&diff, tl_sys_env(), rest.items[0], rest.items[1], by, (int)limit, memory, &err) != TL_OK) return cli_fail(&err);
  if (!json)
    show(&diff);
  else if (!show_json(&diff))
    return 5;
  return tl_diff_is_empty(&diff) ? 0 : 1;
}
