/* tickloom: finds the subcommand and runs it. */
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "sys/sys.h"
#include "tickloom/version.h"

extern const tl_command tl_command_pack, tl_command_backtest, tl_command_sort, tl_command_features, tl_command_explain, tl_command_ops, tl_command_inspect,
    tl_command_cat, tl_command_hash, tl_command_check, tl_command_diff, tl_command_generate, tl_command_rewrite, tl_command_import, tl_command_stats,
    tl_command_runs, tl_command_version, tl_command_help;
const tl_command *const tl_commands[] = {&tl_command_features, &tl_command_explain, &tl_command_ops,     &tl_command_pack,   &tl_command_backtest,
                                         &tl_command_inspect,  &tl_command_cat,     &tl_command_stats,   &tl_command_hash,   &tl_command_diff,
                                         &tl_command_check,    &tl_command_sort,    &tl_command_rewrite, &tl_command_import, &tl_command_runs,
                                         &tl_command_generate, &tl_command_version, &tl_command_help};
const size_t tl_command_count = sizeof tl_commands / sizeof *tl_commands;

static int show_help(FILE *out) {
  fprintf(out, "tickloom: market data in, trusted features out\n\nusage: tickloom COMMAND [ARGUMENTS]\n\n");
  for (size_t i = 0; i < tl_command_count; i++) fprintf(out, "  %-10s %s\n", tl_commands[i]->name, tl_commands[i]->summary);
  fprintf(out, "\ntickloom help COMMAND says more, with examples.\n");
  return out == stdout ? 0 : 2;
}

static const tl_command *find(const char *name) {
  for (size_t i = 0; i < tl_command_count; i++)
    if (strcmp(tl_commands[i]->name, name) == 0) return tl_commands[i];
  return NULL;
}

static int unknown_command(const char *name) {
  const char *names[32];
  for (size_t i = 0; i < tl_command_count; i++) names[i] = tl_commands[i]->name;
  const char *nearest = tl_nearest_name(name, names, tl_command_count);
  fprintf(stderr, "tickloom: unknown command %s%s%s%s\nsee: tickloom help\n", name, nearest ? "; did you mean " : "", nearest ? nearest : "",
          nearest ? "?" : "");
  return 2;
}

static int run_help(int argc, char **argv) {
  if (argc == 0) return show_help(stdout);
  const tl_command *command = find(argv[0]);
  if (command == NULL) return unknown_command(argv[0]);
  printf("tickloom %s: %s\n\n%s", command->name, command->summary, command->help);
  return 0;
}
const tl_command tl_command_help = {"help", "what a command does, with examples", "usage: tickloom help [COMMAND]\n", run_help};

static int run_version(int argc, char **argv) {
  tl_isa isa;
  tl_error err;
  (void)argv;
  if (argc > 0) return cli_usage(&tl_command_version, "takes no arguments");
  if (tl_isa_choose(&isa, &err) != TL_OK) return cli_fail(&err);
  printf("tickloom %s (%s)\n", tl_version(), tl_isa_name(isa));
  return 0;
}
const tl_command tl_command_version = {"version", "the version, and the instruction set in use", "usage: tickloom version\n", run_version};

int main(int argc, char **argv) {
  tl_sys_catch_signals();
  tl_sys_tune_memory();
  if (argc < 2) return show_help(stderr);
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
  if (strcmp(name, "--version") == 0) name = "version";
  const tl_command *command = find(name);
  if (command == NULL) return unknown_command(argv[1]);
  for (int i = 2; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return run_help(1, (char *[]){(char *)command->name});
  int code = command->run(argc - 2, argv + 2);
  cli_release();
  if (fflush(stdout) != 0 && code == 0) {
    fprintf(stderr, "tickloom: cannot write to standard output\n");
    code = 5;
  }
  return code;
}
