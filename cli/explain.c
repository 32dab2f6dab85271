/* tickloom explain: what a definition becomes before it runs. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "run/plan.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_explain = {
    "explain", "the graph of a definition, columns read, warm-up, memory",
    "usage: tickloom explain DEF.loom [--in PATH] [--side NAME=PATH] [--key KEY=COLUMN] [--where CONDITION] [--param NAME=VALUE] [--threads N]\n"
    "       [--memory 256MB]\n\n"
    "Shows the nodes after equal expressions became one, the columns that are read, and the rows before each feature's first value. With\n"
    "--in also what a run over that input would do: streams, files, threads, the memory and the scratch space that it needs.\n\n"
    "example:\n  tickloom explain features/first.loom --in daily\n",
    run};

static void show_node(const tl_definition *d, size_t index) {
  const tl_node *n = &d->graph.nodes[index];
  printf("  %4zu  ", index);
  switch (n->kind) {
    case TL_NODE_COLUMN: {
      const char *side = n->frame > 0 ? d->sides[n->frame - 1].name : "";
      printf("column %s%s%s\n", side, n->frame > 0 ? "." : "", n->column == TL_ORDER_COLUMN ? d->order : d->inputs[n->column].name);
      return;
    }
    case TL_NODE_CONSTANT: printf("%g\n", n->constant); return;
    case TL_NODE_JOIN: printf("as of %s, node %d of side %s\n", d->order, n->in[0].node, d->sides[d->graph.nodes[n->in[0].node].frame - 1].name); return;
    case TL_NODE_OPERATOR: break;
  }
  const tl_operator *op = tl__operators[n->op];
  printf("%s(", op->name);
  for (int i = 0; i < n->inputs; i++) printf("%s%d%s", i > 0 ? ", " : "", n->in[i].node, d->graph.nodes[n->in[i].node].outputs > 1 ? "'" : "");
  for (const tl_arg *a = op->args; a < op->args + TL_MAX_ARGS && a->type != TL_ARG_END; a++) {
    if (a->slot == TL_SLOT_N && n->params.span > 0)
      printf("; %s = %g s", a->name, (double)n->params.span / 1e9);
    else if (a->slot == TL_SLOT_N && a->type >= TL_ARG_WINDOW)
      printf("; %s = %lld", a->name, (long long)n->params.n);
    if (a->slot == TL_SLOT_MIN && a->type == TL_ARG_WINDOW && n->params.min != n->params.n) printf("; min = %lld", (long long)n->params.min);
    if (a->slot == TL_SLOT_A0 && a->type == TL_ARG_CONSTANT) printf("; %s = %g", a->name, n->params.a[0]);
  }
  printf(")%s\n", n->frame > 0 ? "  [on the side's calendar]" : "");
}

static void show_columns(const tl_definition *d, const bool *needed) {
  printf("\nstream by");
  for (int k = 0; k < d->key_count; k++) printf("%s %s", k > 0 ? "," : "", d->keys[k]);
  printf(" order by %s%s\ncolumns read\n", d->order, d->ties ? " ties" : "");
  for (size_t c = 0; c < d->input_count; c++) {
    bool used = false, sided = false;
    for (size_t i = 0; i < d->graph.count; i++) {
      const tl_node *n = &d->graph.nodes[i];
      if (!needed[i] || n->kind != TL_NODE_COLUMN || n->column != (int32_t)c) continue;
      used |= n->frame == 0;
      sided |= n->frame > 0;
    }
    if (!used && !sided) continue;
    printf("  %s", d->inputs[c].name);
    for (int k = 0; k < d->inputs[c].column_count; k++)
      if (d->inputs[c].column_count > 1 || strcmp(d->inputs[c].columns[k], d->inputs[c].name) != 0)
        printf("%s %s", k > 0 ? " |" : " =", d->inputs[c].columns[k]);
    if (d->inputs[c].picks > 0) printf(" (picks the stream of the side %s)", d->sides[d->inputs[c].picks - 1].name);
    printf("%s%s\n", d->inputs[c].optional ? " (may be absent)" : "", sided && !used ? " (side only)" : sided ? " (also of a side)" : "");
  }
}

static tl_status show_worker(const tl_definition *d, const bool *all, tl_error *err) {
  char worker[TL_NUMBER_TEXT], state[TL_NUMBER_TEXT];
  tl_plan plan;
  TL_TRY(tl_plan_make(&plan, tl_sys_env(), d, TL_FRAME_MAIN, all, 1 << 20, TL_UNIT_DAY, NULL, err));
  tl_size_text(worker, (double)tl_plan_worker_bytes(&plan, TL_TILE_ROWS));
  tl_size_text(state, (double)plan.state_size * 8);
  printf("\nmemory of a worker: %s for %d tiles of %d x %d and the windows' state (%s a lane, for streams of 2^20 rows); --in says more\n", worker,
         plan.tile_count, TL_TILE_ROWS, TL_LANES, state);
  tl_plan_free(&plan);
  return TL_OK;
}

/* What a run over this input would do and need. */
static int show_run(const tl_definition *d, const tl_features_options *options) {
  tl_error err = {0};
  tl_run *run = NULL;
  tl_status status = tl_features_run(&run, d, options, &err);
  if (run == NULL) return cli_fail(&err);
  printf("\nthe run\n%s", tl_run_table(run));
  fflush(stdout);
  for (size_t i = 0; i < tl_run_failure_count(run); i++) fprintf(stderr, "tickloom: %s\n", tl_run_failure(run, i).reason);
  int code = status == TL_OK ? 0 : tl_run_exit_code(run);
  tl_run_close(run);
  return code;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_explain;
  cli_list rest = {0}, keys = {0}, sides = {0}, params = {0};
  tl_features_options o = {.dry_run = true};
  const char *memory_text = NULL, *threads_text = NULL;
  const cli_option options[] = {{"in", &o.input, 0, 0},         {"side", 0, 0, &sides},           {"key", 0, 0, &keys},     {"param", 0, 0, &params},
                                {"memory", &memory_text, 0, 0}, {"threads", &threads_text, 0, 0}, {"where", &o.where, 0, 0}};
  tl_name_pair side_pairs[CLI_MOST], key_pairs[CLI_MOST];
  int64_t threads = 0;
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "a definition is needed");
  if (!cli_size(me, "memory", memory_text, &o.memory) || !cli_int(me, "threads", threads_text, 1, 1024, &threads) || !cli_pairs(me, "key", &keys, key_pairs) ||
      !cli_pairs(me, "side", &sides, side_pairs))
    return 2;
  if (o.where != NULL && o.input == NULL) return cli_usage(me, "--where needs --in");
  o.keys = key_pairs, o.key_count = keys.count;
  o.sides = side_pairs, o.side_count = sides.count;
  o.threads = (int)threads;
  tl_param_setting settings[CLI_MOST];
  if (!cli_params(me, &params, settings)) return 2;
  tl_error err = {0};
  tl_definition *d = NULL;
  if (tl_definition_open(&d, rest.items[0], settings, params.count, &err) != TL_OK) return cli_fail(&err);
  bool *all = calloc(d->output_count + 1, 1), *needed = calloc(d->graph.count + 1, 1);
  int code = all && needed ? 0 : 5;
  if (code == 0) {
    memset(all, 1, d->output_count);
    tl__plan_reach(d, all, NULL, needed);
    printf("graph: %zu nodes after sharing\n", d->graph.count);
    for (size_t i = 0; i < d->graph.count; i++)
      if (needed[i]) show_node(d, i);
    show_columns(d, needed);
    printf("\nfeatures: rows before the first value\n");
    for (size_t i = 0; i < d->output_count; i++)
      printf("  %-32s %8lld  node %d  %016llx%s\n", d->outputs[i].name, (long long)tl_definition_output_warmup(d, i), d->outputs[i].edge.node,
             (unsigned long long)tl_definition_output_identity(d, i), d->outputs[i].is_label ? "  label" : "");
    if (o.input != NULL)
      code = show_run(d, &o);
    else if (show_worker(d, all, &err) != TL_OK)
      code = cli_fail(&err);
  }
  free(all);
  free(needed);
  tl_definition_close(d);
  return code;
}
