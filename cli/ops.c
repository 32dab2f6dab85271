/* tickloom ops: the table of operators, from the table itself, and the shipped definitions beside them. */
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "lang/definition.h"
#include "op/table.h"

static int run(int argc, char **argv);
const tl_command tl_command_ops = {"ops", "the operators: arguments, windows, missing values",
                                   "usage: tickloom ops [NAME] [--json]\n\nexamples:\n  tickloom ops\n  tickloom ops stddev\n", run};

/* An operator as users see it: a row of the table, or a def of the shipped library. */
typedef struct entry {
  const char *name, *group, *summary, *kind;
  char signature[240];
  const tl_operator *op; /* NULL for a def */
} entry;

static const char *kind_name(const tl_operator *op) {
  static const char *const names[] = {"map", "scan", "fold", "view", "edge"};
  return op->via ? names[TL_FOLD] : names[op->kind];
}

static void write_signature(entry *e) {
  size_t used = (size_t)snprintf(e->signature, sizeof e->signature, "%s(", e->op->name);
  for (const tl_arg *a = e->op->args; a < e->op->args + TL_MAX_ARGS && a->type != TL_ARG_END; a++) {
    char value[64] = "";
    if (a->optional && a->type == TL_ARG_WORD && a->value >= 0) {
      const char *word = a->words;
      for (int i = 0; i < (int)a->value; i++) word = strchr(word, ' ') + 1;
      snprintf(value, sizeof value, " %.*s", (int)strcspn(word, " "), word);
    } else if (a->optional && isnan(a->value))
      snprintf(value, sizeof value, " %s", e->op->min_is_zero ? "0" : "n");
    else if (a->optional && a->type == TL_ARG_CONSTANT && a->value != 1)
      snprintf(value, sizeof value, " %g", a->value);
    else if (a->optional && strcmp(a->name, "ddof") == 0)
      snprintf(value, sizeof value, " %g", a->value);
    used += (size_t)snprintf(e->signature + used, sizeof e->signature - used, "%s%s%s%s%s", a > e->op->args ? ", " : "", a->name, a->named ? ":" : "", value,
                             a->type == TL_ARG_MORE ? ", ..." : "");
  }
  snprintf(e->signature + used, sizeof e->signature - used, ")");
}

/* `def name(arguments) = ...` lines of the library, with the comment above as their summary. */
static size_t library_entries(entry *out, size_t room) {
  size_t count = 0;
  for (size_t f = 0; f < tl__library_count; f++) {
    const char *comment = "", *file = strrchr(tl__library[f].name, '/') + 1, *group = cli_copy(file, strcspn(file, "."));
    for (const char *line = tl__library[f].text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
      if (strncmp(line, "# ", 2) == 0) comment = line + 2;
      if (strncmp(line, "def ", 4) != 0 || count == room) continue;
      if (line[4] == '_') continue; /* the library's own */
      const char *name = line + 4, *end = strchr(name, ')'), *bracket = strchr(name, '(');
      if (end == NULL || bracket == NULL) continue;
      entry *e = &out[count++];
      *e = (entry){.group = group, .kind = "def", .name = cli_copy(name, (size_t)(bracket - name)), .summary = cli_copy(comment, strcspn(comment, "\n"))};
      snprintf(e->signature, sizeof e->signature, "%.*s", (int)(end - name) + 1, name);
    }
  }
  return count;
}

static size_t all_entries(entry *out, size_t room) {
  size_t count = 0;
  for (int i = 0; i < TL_OP_COUNT && count < room; i++) {
    const tl_operator *op = tl__operators[i];
    if (op->internal) continue;
    out[count] = (entry){.name = op->name, .group = op->group, .summary = op->summary, .kind = kind_name(op), .op = op};
    write_signature(&out[count++]);
  }
  if (count < room) {
    out[count] = (entry){
        .name = "here", .group = "time", .kind = "join", .summary = "the side's value as of this row, as a series of this stream", .signature = "here(side.x)"};
    count++;
  }
  return count + library_entries(out + count, room - count);
}

static const char *arg_kind(tl_arg_type type) {
  switch (type) {
    case TL_ARG_CONDITION: return "condition";
    case TL_ARG_TIME: return "time";
    case TL_ARG_WINDOW: return "rows, or a duration";
    case TL_ARG_STEPS: return "rows";
    case TL_ARG_CONSTANT: return "number";
    case TL_ARG_WORD: return "word";
    default: return "series";
  }
}

static void describe(const entry *e) {
  printf("%s\n  %s\n  kind: %s\n", e->signature, e->summary, e->kind);
  for (const tl_arg *a = e->op ? e->op->args : NULL; a && a < e->op->args + TL_MAX_ARGS && a->type != TL_ARG_END; a++) {
    printf("  %s%s: %s", a->name, a->type == TL_ARG_MORE ? ", ..." : "", arg_kind(a->type));
    if (a->words) printf(", one of %s", a->words);
    if (a->low < a->high) printf(", %g .. %g", a->low, a->high);
    printf("%s\n", a->optional ? ", optional" : "");
  }
}

static void put_json(tl_json *j, const entry *e) {
  tl_json_open(j, NULL, '{');
  tl_json_string(j, "name", e->name);
  tl_json_string(j, "group", e->group);
  tl_json_string(j, "kind", e->kind);
  tl_json_string(j, "signature", e->signature);
  tl_json_string(j, "summary", e->summary);
  tl_json_open(j, "arguments", '[');
  for (const tl_arg *a = e->op ? e->op->args : NULL; a && a < e->op->args + TL_MAX_ARGS && a->type != TL_ARG_END; a++) {
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", a->name);
    tl_json_string(j, "type", arg_kind(a->type));
    tl_json_bool(j, "named", a->named);
    tl_json_bool(j, "optional", a->optional);
    if (a->words) tl_json_string(j, "words", a->words);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_json_close(j, '}');
}

static void show_all(const entry *entries, size_t count) {
  static const char *const groups[] = {"pointwise", "time", "windows", "recursions", "core", "indicators"};
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
    printf("%s%s\n", g > 0 ? "\n" : "", groups[g]);
    for (size_t i = 0; i < count; i++)
      if (strcmp(entries[i].group, groups[g]) == 0) printf("  %-52s %s\n", entries[i].signature, entries[i].summary);
  }
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_ops;
  enum { MOST = 500 };
  static entry entries[MOST];
  cli_list rest = {0};
  bool json = false;
  const cli_option options[] = {{"json", 0, &json, 0}};
  if (!cli_parse(me, argc, argv, options, 1, &rest)) return 2;
  if (rest.count > 1) return cli_usage(me, "one name, not %zu", rest.count);
  size_t count = all_entries(entries, MOST), shown = 0;
  const char *names[MOST];
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_error err = {0};
  tl_json j = {.out = &out, .err = &err};
  if (json) tl_json_open(&j, NULL, '[');
  for (size_t i = 0; i < count; i++) {
    names[i] = entries[i].name;
    if (rest.count == 1 && strcmp(entries[i].name, rest.items[0]) != 0) continue;
    shown++;
    if (json)
      put_json(&j, &entries[i]);
    else if (rest.count == 1)
      describe(&entries[i]);
  }
  if (shown == 0) {
    const char *nearest = tl_nearest_name(rest.items[0], names, count);
    return cli_usage(me, "no operator %s%s%s%s", rest.items[0], nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  }
  if (json) tl_json_close(&j, ']');
  if (json && (j.status != TL_OK || !cli_put(&out))) return 5;
  if (!json && rest.count == 0) show_all(entries, count);
  return 0;
}
