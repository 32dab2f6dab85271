/* A .loom text: compiled, and its outputs asked for. */
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "lang/definition.h"

static int series_arguments(const tl_operator *op) {
  int count = 0;
  for (int i = 0; i < TL_MAX_ARGS && op->args[i].type != TL_ARG_END; i++) count += op->args[i].type < TL_ARG_WINDOW;
  return count;
}

static void walk_operator(const tl_node *n) {
  tl__fuzz_law(n->op >= 0 && n->op < TL_OP_COUNT, "an operator is in the table");
  const tl_operator *op = tl__operators[n->op];
  int order = n->params.span > 0; /* a window of time reads the order key, too */
  if (op->via == NULL) tl__fuzz_law(n->inputs == series_arguments(op) + order, "an operator has all of its inputs");
}

/* The order of a graph, which everything that runs it relies on. */
static void walk_graph(const tl_graph *g) {
  for (size_t i = 0; i < g->count; i++) {
    const tl_node *n = &g->nodes[i];
    tl__fuzz_law(n->inputs >= 0 && n->inputs <= TL_MAX_INPUTS && n->outputs >= 1, "a node has inputs and outputs");
    tl__fuzz_law(n->warmup >= 0, "a warm-up is not negative");
    if (n->kind == TL_NODE_OPERATOR) walk_operator(n);
    for (int k = 0; k < n->inputs; k++) {
      tl__fuzz_law(n->in[k].node >= 0 && (size_t)n->in[k].node < i, "inputs come before what uses them");
      tl__fuzz_law(n->in[k].output >= 0 && n->in[k].output < g->nodes[n->in[k].node].outputs, "an input is an output of its node");
      int frame = g->nodes[n->in[k].node].frame;
      tl__fuzz_law(n->kind == TL_NODE_JOIN ? frame > TL_FRAME_MAIN : frame == TL_FRAME_NONE || frame == n->frame, "inputs lie in one frame");
    }
  }
}

static void walk(const tl_definition *d) {
  walk_graph(&d->graph);
  for (size_t i = 0; i < tl_definition_output_count(d); i++) {
    const char *name = tl_definition_output_name(d, i);
    tl__fuzz_law(name[0] != 0, "an output has a name");
    tl__fuzz_touch(name, strlen(name));
    tl__fuzz_law(tl_definition_output_warmup(d, i) >= 0, "a warm-up is not negative");
    (void)tl_definition_output_identity(d, i);
  }
}

/* Files are not this target's subject, and names from a mutation are no files to open. */
static bool uses_files(const char *text) {
  for (const char *use = text; (use = strstr(use, "use")) != NULL; use++)
    if (strpbrk(use, "\"'") != NULL) return true;
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (text == NULL) return 0;
  if (size > 0) memcpy(text, data, size);
  text[size] = 0;
  tl_error err = {0};
  tl_definition *definition = NULL;
  if (!uses_files(text)) {
    tl_status status = tl_definition_read(&definition, "input.loom", text, NULL, 0, &err);
    if (status == TL_OK)
      walk(definition);
    else
      tl__fuzz_law(status != TL_DEFINITION || strncmp(err.text, "input.loom:", 11) == 0, "an error says where");
    tl_definition_close(definition);
  }
  free(text);
  return 0;
}
