/* The command line: a table of subcommands, one file each, and what they share. */
#ifndef TL_CLI_CLI_H
#define TL_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include "base/buffer.h"
#include "tickloom/features.h"

typedef struct tl_command {
  const char *name, *summary;
  const char *help;                  /* usage, options, examples */
  int (*run)(int argc, char **argv); /* arguments behind the name; an exit code */
} tl_command;

extern const tl_command *const tl_commands[];
extern const size_t tl_command_count;

/* What commands that only read may take, unless told otherwise. */
#define CLI_READ_MEMORY ((int64_t)1 << 30)

/* An option `--name VALUE`, or `--name` alone when flag is set; with both, `--name` or `--name=VALUE`. Repeated ones go into a list. */
typedef struct cli_option {
  const char *name;
  const char **value;
  bool *flag;
  struct cli_list *list;
} cli_option;

typedef struct cli_list {
  enum { CLI_MOST = 8192 } most;
  const char *items[CLI_MOST];
  size_t count;
} cli_list;

/* Splits arguments into options and the rest. Says what is wrong and returns false. */
bool cli_parse(const tl_command *command, int argc, char **argv, const cli_option *options, size_t option_count, cli_list *rest);
/* "name=value" items to pairs, in place of the list's texts; false with a message. */
bool cli_pairs(const tl_command *command, const char *option, const cli_list *list, tl_name_pair *out);
/* "name=number" items of --param; false with a message. */
bool cli_params(const tl_command *command, const cli_list *list, tl_param_setting *out);
/* "a,b,`c,d`" to a list, without what is there twice. The text is cut in place. */
bool cli_split(const tl_command *command, const char *option, char *text, cli_list *out);
/* Whole numbers and sizes of options; false with a message. */
bool cli_int(const tl_command *command, const char *option, const char *text, int64_t low, int64_t high, int64_t *out);
bool cli_size(const tl_command *command, const char *option, const char *text, int64_t *out);
/* --memory of a command that only reads or rewrites, CLI_READ_MEMORY without it: from here on more is not to be had. */
bool cli_memory(const tl_command *command, const char *text, int64_t *out);
/* --memory-map-threshold-mb, or TICKLOOM_MEMORY_MAP_THRESHOLD_MB: from which size on files are mapped; false with a message. */
bool cli_map_threshold(const tl_command *command, const char *text);
/* Whether OUT may be written as one file: it is not there, or a file that may be replaced. *there says which. */
tl_status cli_check_out(const char *path, bool force, tl_file_info *info, bool *there, tl_error *err) TL_MUST_CHECK;
/* Progress of long work on a terminal, twice a second: how much is done, and how long the rest will take. */
typedef struct cli_teller {
  const char *verb; /* "read" */
  int64_t start, last;
  bool shows;
} cli_teller;
/* The one teller of this process, from now on. */
cli_teller *cli_tell_begin(const char *verb, bool quiet);
/* What work calls; the context is the teller. */
void cli_tell(void *teller, int64_t done, int64_t total);
/* Wipes the line; seconds since the beginning. */
double cli_tell_end(const cli_teller *teller);
/* Says what is wrong with the usage; returns 2. */
int cli_usage(const tl_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says the error; returns the exit code of its status. */
int cli_fail(const tl_error *err);
int cli_exit_code(tl_status status);
/* A copy of `size` bytes of text that lives until cli_release, at the process's end. */
char *cli_copy(const char *text, size_t size);
void cli_release(void);
/* Writes a buffer to standard output and empties it; false when that is closed or full. */
bool cli_put(tl_buffer *buffer);

#endif
