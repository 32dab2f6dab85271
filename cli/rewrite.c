/* tickloom rewrite: Parquet in another profile, in another order, in one file. */
#include <string.h>
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "lake/rewrite.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_rewrite = {
    "rewrite", "Parquet files as one, smaller or quicker to read, sorted if asked",
    "usage: tickloom rewrite IN OUT [--profile compact|fast] [--sort KEYS] [--where CONDITION] [--row-group N] [--memory SIZE] [--force] [--json]\n\n"
    "IN is a file, a folder or a Hive tree. OUT is one file; it appears whole or not at all, and is replaced only with --force.\n\n"
    "  --profile P     compact (default): zstd where it pays; fast: no compression. Both choose each column's encoding from its data,\n"
    "                  cut row groups at the ends of streams, and write page indexes, checksums and sorting columns\n"
    "  --sort a,-b     sorted by a, then by b descending; stable, missing ones last. However many rows there are, --memory is enough\n"
    "  --where C       only rows that hold; see tickloom help cat\n"
    "  --row-group N   rows of a row group (default 131072)\n"
    "  --memory SIZE   (default 1GB)\n"
    "  --json          the summary as JSON\n\n"
    "examples:\n  tickloom rewrite ticks.parquet small.parquet\n  tickloom rewrite ticks/ tape.parquet --sort symbol,timestamp --profile fast\n",
    run};

static bool show(const tl_rewrite_options *o, const tl_rewrite_outcome *done, const char *out, int64_t size, double seconds, bool json) {
  char rows[TL_NUMBER_TEXT], before[TL_NUMBER_TEXT], after[TL_NUMBER_TEXT], time[TL_NUMBER_TEXT];
  tl_error err = {0};
  TL_OWNED(tl_buffer) text = {.env = tl_sys_env()};
  tl_count_text(rows, done->rows);
  tl_size_text(before, (double)done->size_before);
  tl_size_text(after, (double)size);
  tl_seconds_text(time, seconds);
  if (!json)
    return printf("%s: %s rows of %lld %s, %s -> %s, %s\n", out, rows, (long long)done->files, done->files == 1 ? "file" : "files", before, after, time) > 0;
  tl_json writer = {.out = &text, .err = &err}, *j = &writer;
  tl_json_open(j, NULL, '{');
  tl_json_string(j, "out", out);
  tl_json_string(j, "profile", o->fast ? "fast" : "compact");
  tl_json_int(j, "files", done->files);
  tl_json_int(j, "rows", done->rows);
  tl_json_int(j, "bytes_before", done->size_before);
  tl_json_int(j, "bytes_after", size);
  tl_json_double(j, "seconds", seconds);
  tl_json_close(j, '}');
  return writer.status == TL_OK && tl_buffer_byte(&text, '\n', &err) == TL_OK && cli_put(&text);
}

static tl_status rewrite_to(tl_rewrite_options *o, const char *out, bool force, tl_rewrite_outcome *done, int64_t *size, tl_error *err) {
  tl_env *env = tl_sys_env();
  tl_file_info info;
  bool there;
  TL_TRY(cli_check_out(out, force, &info, &there, err));
  tl_status status = tl_rewrite(done, env, o, err);
  if (status == TL_OK) status = env->rename(env, o->out, out, err);
  if (status != TL_OK) {
    (void)env->remove(env, o->out, NULL);
    return status;
  }
  TL_TRY(env->info(env, out, &info, err));
  *size = info.size;
  return TL_OK;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_rewrite;
  cli_list rest = {0}, keys = {0};
  const char *profile = NULL, *sort = NULL, *where = NULL, *group = NULL, *memory = NULL;
  bool force = false, json = false;
  const cli_option options[] = {{"profile", &profile, 0, 0}, {"sort", &sort, 0, 0},   {"where", &where, 0, 0}, {"row-group", &group, 0, 0},
                                {"memory", &memory, 0, 0},   {"force", 0, &force, 0}, {"json", 0, &json, 0}};
  tl_rewrite_options o = {.tell = cli_tell, .context = cli_tell_begin("read", false)};
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 2) return cli_usage(me, "expected: rewrite IN OUT");
  o.fast = profile != NULL && strcmp(profile, "fast") == 0;
  if (profile != NULL && !o.fast && strcmp(profile, "compact") != 0) return cli_usage(me, "--profile %s: expected compact or fast", profile);
  if (!cli_int(me, "row-group", group, 1, 1 << 30, &o.group_rows) || !cli_memory(me, memory, &o.memory)) return 2;
  if (sort != NULL && !cli_split(me, "sort", cli_copy(sort, strlen(sort)), &keys)) return 2;
  char *part = cli_copy(rest.items[1], strlen(rest.items[1]) + 5);
  memcpy(part + strlen(rest.items[1]), ".part", 6);
  o.in = rest.items[0], o.out = part, o.keys = keys.items, o.key_count = (int)keys.count, o.where = where;
  tl_error err = {0};
  tl_rewrite_outcome done;
  int64_t size = 0;
  tl_status status = rewrite_to(&o, rest.items[1], force, &done, &size, &err);
  double seconds = cli_tell_end(o.context);
  if (status != TL_OK) return cli_fail(&err);
  return show(&o, &done, rest.items[1], size, seconds, json) ? 0 : 5;
}
