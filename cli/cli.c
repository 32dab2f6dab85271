#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/text.h"
#include "sys/sys.h"

static tl_arena copies;

char *cli_copy(const char *text, size_t size) {
  const char *copy = NULL;
  copies.env = tl_sys_env();
  if (tl_arena_text(&copies, &copy, text, size, NULL) == TL_OK) return (char *)copy;
  fprintf(stderr, "tickloom: no memory\n");
  exit(5);
}

void cli_release(void) {
  if (copies.env != NULL) tl_arena_free(&copies);
}

cli_teller *cli_tell_begin(const char *verb, bool quiet) {
  static cli_teller teller;
  int64_t now = tl_sys_env()->tick_ns(tl_sys_env());
  teller = (cli_teller){.verb = verb, .start = now, .last = now, .shows = isatty(2) && !quiet};
  return &teller;
}

void cli_tell(void *context, int64_t done, int64_t total) {
  cli_teller *t = context;
  int64_t now = tl_sys_env()->tick_ns(tl_sys_env());
  char left[TL_NUMBER_TEXT];
  if (!t->shows || now - t->last < 500000000 || done <= 0 || total < done) return;
  t->last = now;
  tl_seconds_text(left, (double)(now - t->start) / 1e9 * (double)(total - done) / (double)done);
  fprintf(stderr, "\r%3d %% %s, about %s left   ", (int)(100.0 * (double)done / (double)total), t->verb, left);
}

double cli_tell_end(const cli_teller *t) {
  if (t->shows) fprintf(stderr, "\r%50s\r", "");
  return (double)(tl_sys_env()->tick_ns(tl_sys_env()) - t->start) / 1e9;
}

int cli_usage(const tl_command *command, const char *format, ...) {
  va_list args;
  fprintf(stderr, "tickloom %s: ", command->name);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\nsee: tickloom help %s\n", command->name);
  return 2;
}

int cli_exit_code(tl_status status) {
  switch (status) {
    case TL_OK: return 0;
    case TL_CANCELLED: return 1;
    case TL_USAGE:
    case TL_NOT_FOUND: return 2;
    case TL_DEFINITION: return 3;
    case TL_CORRUPT:
    case TL_UNSUPPORTED: return 4;
    default: return 5;
  }
}

int cli_fail(const tl_error *err) {
  fprintf(stderr, "tickloom: %s\n", err->text);
  return cli_exit_code(err->status);
}

static const cli_option *find(const cli_option *options, size_t count, const char *name, size_t size) {
  for (size_t i = 0; i < count; i++)
    if (strlen(options[i].name) == size && memcmp(options[i].name, name, size) == 0) return &options[i];
  return NULL;
}

static bool add(const tl_command *command, cli_list *list, const char *item) {
  if (list->count == CLI_MOST) return cli_usage(command, "too many arguments"), false;
  list->items[list->count++] = item;
  return true;
}

static bool unknown_option(const tl_command *command, const cli_option *options, size_t count, const char *name) {
  const char *names[64];
  for (size_t i = 0; i < count && i < 64; i++) names[i] = options[i].name;
  const char *nearest = tl_nearest_name(name, names, count < 64 ? count : 64);
  if (nearest)
    cli_usage(command, "unknown option --%s; did you mean --%s?", name, nearest);
  else
    cli_usage(command, "unknown option --%s", name);
  return false;
}

bool cli_parse(const tl_command *command, int argc, char **argv, const cli_option *options, size_t option_count, cli_list *rest) {
  for (int i = 0; i < argc; i++) {
    const char *text = argv[i];
    if (strncmp(text, "--", 2) != 0 || text[2] == 0) {
      if (text[0] == '-' && text[1] != 0) return cli_usage(command, "unknown option %s", text), false;
      if (!add(command, rest, text)) return false;
      continue;
    }
    const char *name = text + 2, *equals = strchr(name, '=');
    const cli_option *option = find(options, option_count, name, equals ? (size_t)(equals - name) : strlen(name));
    if (option == NULL) return unknown_option(command, options, option_count, name);
    if (option->flag != NULL) {
      if (equals && option->value == NULL) return cli_usage(command, "--%s takes no value", option->name), false;
      if (equals)
        *option->value = equals + 1;
      else
        *option->flag = true;
      continue;
    }
    const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
    if (value == NULL) return cli_usage(command, "--%s needs a value", option->name), false;
    if (option->list != NULL) {
      if (!add(command, option->list, value)) return false;
    } else if (*option->value != NULL)
      return cli_usage(command, "--%s is given twice", option->name), false;
    else
      *option->value = value;
  }
  return true;
}

bool cli_pairs(const tl_command *command, const char *option, const cli_list *list, tl_name_pair *out) {
  for (size_t i = 0; i < list->count; i++) {
    const char *item = list->items[i], *equals = strchr(item, '=');
    if (equals == NULL || equals == item || equals[1] == 0) return cli_usage(command, "--%s %s: expected NAME=VALUE", option, item), false;
    out[i] = (tl_name_pair){cli_copy(item, (size_t)(equals - item)), equals + 1};
  }
  return true;
}

bool cli_params(const tl_command *command, const cli_list *list, tl_param_setting *out) {
  tl_name_pair pairs[CLI_MOST];
  if (!cli_pairs(command, "param", list, pairs)) return false;
  for (size_t i = 0; i < list->count; i++) {
    out[i].name = pairs[i].name;
    if (!tl_double_read(pairs[i].value, strlen(pairs[i].value), &out[i].value))
      return cli_usage(command, "--param %s=%s: expected a number", pairs[i].name, pairs[i].value), false;
  }
  return true;
}

/* Ends the item in place; where the next one begins, or NULL. In backticks a comma is part of the name, and a doubled backtick one. */
static char *cut_item(char *item) {
  char *at = item + (*item == '-'), *to = at;
  bool quoted = *at == '`';
  for (at += quoted; *at != 0 && (quoted || *at != ','); at++) {
    bool tick = quoted && *at == '`', twice = tick && at[1] == '`';
    quoted = quoted && (!tick || twice);
    at += twice;
    if (!tick || twice) *to++ = *at;
  }
  char *next = *at != 0 ? at + 1 : NULL;
  *to = 0;
  return next;
}

bool cli_split(const tl_command *command, const char *option, char *text, cli_list *out) {
  for (char *item = text, *next; item != NULL; item = next) {
    bool again = false;
    next = cut_item(item);
    if (*item == 0) return cli_usage(command, "--%s has an empty name", option), false;
    for (size_t i = 0; i < out->count; i++) again |= strcmp(out->items[i], item) == 0;
    if (!again && !add(command, out, item)) return false;
  }
  return true;
}

bool cli_int(const tl_command *command, const char *option, const char *text, int64_t low, int64_t high, int64_t *out) {
  if (text == NULL) return true;
  if (tl_int_read(text, strlen(text), out) && *out >= low && *out <= high) return true;
  cli_usage(command, "--%s %s: expected a whole number from %lld to %lld", option, text, (long long)low, (long long)high);
  return false;
}

bool cli_size(const tl_command *command, const char *option, const char *text, int64_t *out) {
  if (text == NULL) return true;
  if (tl_size_read(text, out) && *out > 0) return true;
  cli_usage(command, "--%s %s: expected a size such as 256MB", option, text);
  return false;
}

bool cli_memory(const tl_command *command, const char *text, int64_t *out) {
  *out = CLI_READ_MEMORY;
  if (!cli_size(command, "memory", text, out)) return false;
  tl_sys_limit_memory(*out);
  return true;
}

bool cli_map_threshold(const tl_command *command, const char *text) {
  int64_t megabytes = 0;
  if (text == NULL) text = getenv("TICKLOOM_MEMORY_MAP_THRESHOLD_MB");
  if (text != NULL && *text != 0 && !cli_int(command, "memory-map-threshold-mb", text, 0, 1 << 30, &megabytes)) return false;
  tl_sys_env()->map_threshold = megabytes * 1000000;
  return true;
}

bool cli_put(tl_buffer *buffer) {
  bool fine = buffer->size == 0 || fwrite(buffer->data, 1, buffer->size, stdout) == buffer->size;
  buffer->size = 0;
  return fine;
}

tl_status cli_check_out(const char *path, bool force, tl_file_info *info, bool *there, tl_error *err) {
  tl_env *env = tl_sys_env();
  tl_status status = env->info(env, path, info, err);
  *there = status == TL_OK;
  if (status == TL_NOT_FOUND) return TL_OK;
  TL_TRY(status);
  if (!info->is_regular) return tl_fail(err, TL_USAGE, "%s: a %s; the output is one file", path, info->is_folder ? "folder" : "pipe or device");
  return force ? TL_OK : tl_fail(err, TL_USAGE, "%s: is there already; --force replaces it", path);
}
