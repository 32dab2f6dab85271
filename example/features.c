/* Computes the features of a definition over a dataset through libtickloom: features DEF.loom IN OUT */
#include <stdio.h>
#include <tickloom/tickloom.h>

int main(int argc, char **argv) {
  tl_definition *definition = NULL;
  tl_run *run = NULL;
  tl_error err = {0};
  if (argc != 4) {
    fprintf(stderr, "usage: %s DEF.loom IN OUT\n", argv[0]);
    return 2;
  }
  if (tl_definition_open(&definition, argv[1], NULL, 0, &err) != TL_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  tl_features_options options = {.input = argv[2], .output = argv[3]};
  tl_status status = tl_features_run(&run, definition, &options, &err);
  if (status != TL_OK) fprintf(stderr, "%s\n", err.text);
  if (run != NULL) fputs(tl_run_table(run), stdout);
  int code = run != NULL ? tl_run_exit_code(run) : 1;
  tl_run_close(run);
  tl_definition_close(definition);
  return code;
}
