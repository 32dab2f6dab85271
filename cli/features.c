/* tickloom features: runs a definition over a dataset. */
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/text.h"
#include "cli.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_features = {
    "features", "computes the features of a definition over a dataset",
    "usage: tickloom features DEF.loom --in PATH --out PATH [options]\n\n"
    "After a run that was stopped or in which something failed, the same command goes on: what is finished is not done again.\n\n"
    "  --in PATH               a Parquet file, a folder of them, or a Hive tree\n"
    "  --out PATH              a folder (one file an input file), or one file ending in .parquet\n"
    "  --partition date        a file a day with the rows of all streams, date=YYYY-MM-DD/part-00000.parquet, instead of files of streams\n"
    "  --side NAME=PATH        where a side comes from; its value in the text picks the stream\n"
    "  --key KEY=COLUMN        the column of a key or of the order key; KEY=file.stem: the files' names\n"
    "  --param NAME=VALUE      another value of a param\n"
    "  --select a,b            only these features\n"
    "  --on-duplicate first|last   keep one row of a repeated order key; without it the stream is left out\n"
    "  --threads N             default: one a processor\n"
    "  --memory 256MB          bound on the memory of the whole process\n"
    "  --codec none|lz4|zstd   compression of the output (default lz4)\n"
    "  --encoding split|plain  encoding of the features (default split)\n"
    "  --float32, --float32=a,b    all features as float, or these\n"
    "  --where CONDITION       only these rows of the input exist for the run, such as 'volume > 0 and venue in (\"A\", \"B\")'; its columns\n"
    "                          need not be inputs; see tickloom help cat. Sides from elsewhere are not filtered\n"
    "  --from X  --to Y        only rows with an order key from X to Y, both included: dates, times or whole numbers; earlier rows are\n"
    "                          read all the same, so that windows are full\n"
    "  --update                goes on from what an earlier run left in --out: only what is new in --in is computed; the result is that of\n"
    "                          a run over everything\n"
    "  --validate end|each|skip-simple|slow-only   counts more, for _tickloom/checks.json: mean, variance and hash of each feature over all\n"
    "                          streams; of each stream; without features of one row alone; of costly ones only\n"
    "  --strict                a failed check leaves its stream out, and a file without a column that may be absent fails\n"
    "  --durable               what is committed survives a loss of power\n"
    "  --prune                 Hive partitions of an older run that this one does not write are removed\n"
    "  --profile               where the time went: by feature (its own, and its share of what others need too), stream and thread\n"
    "  --dry-run               looks, plans and says what would be done; writes nothing\n"
    "  --tile-rows N           rows of a tile; for tests, results do not depend on it\n"
    "  --quiet                 no progress, no table\n"
    "  --json                  the run record instead of the table\n\n"
    "exit code: 0 all done; 1 some streams or files failed; 2 usage; 3 bad definition; 4 all failed, bad data; 5 all failed, or refused, for\n"
    "want of memory, disk or files\n\n"
    "examples:\n"
    "  tickloom features features/first.loom --in daily --out features-out\n"
    "  tickloom features features/first.loom --in panel.parquet --key ticker=symbol --side spy=daily --on-duplicate first --out out\n",
    run};

static void show_progress(void *context, int64_t done, int64_t total) {
  static struct timespec start;
  struct timespec now;
  bool *shown = context;
  char rows[TL_NUMBER_TEXT], left[TL_NUMBER_TEXT];
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (start.tv_sec == 0) start = now;
  double elapsed = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
  if (done >= total) {
    if (*shown) fprintf(stderr, "\r\033[K");
    return;
  }
  tl_count_text(rows, done);
  tl_seconds_text(left, done > 0 ? elapsed * (double)(total - done) / (double)done : 0);
  fprintf(stderr, "\r%3d%%  %s rows, %s left\033[K", total > 0 ? (int)(100 * done / total) : 100, rows, elapsed > 0.2 ? left : "?");
  *shown = true;
}

static void show_failures(const tl_run *run) {
  enum { MOST = 20 };
  size_t count = tl_run_failure_count(run);
  for (size_t i = 0; i < count && i < MOST; i++) {
    tl_failure f = tl_run_failure(run, i);
    bool named = f.file != NULL && strstr(f.reason, f.file) != NULL;
    fprintf(stderr, "tickloom: %s%s%s%s%s\n", f.stream ? f.stream : "", f.stream ? ": " : "", f.file && !named ? f.file : "", f.file && !named ? ": " : "",
            f.reason);
  }
  if (count > MOST) fprintf(stderr, "tickloom: ... and %zu more; the run record has all of them\n", count - MOST);
  if (count > 0) {
    tl_failure f = tl_run_failure(run, 0);
    fprintf(stderr, "tickloom: %zu failed (first: %s)\n", count, f.stream ? f.stream : f.file ? f.file : tl_status_name(f.status));
  }
}

static bool read_duplicate(const char *text, tl_features_options *o) {
  if (text == NULL) return true;
  if (strcmp(text, "first") == 0)
    o->on_duplicate = TL_DUPLICATE_FIRST;
  else if (strcmp(text, "last") == 0)
    o->on_duplicate = TL_DUPLICATE_LAST;
  else
    return cli_usage(&tl_command_features, "--on-duplicate %s: expected first or last", text), false;
  return true;
}

static int execute(const char *path, const cli_list *params, const tl_features_options *options, bool quiet, bool json) {
  tl_param_setting settings[CLI_MOST];
  tl_definition *definition = NULL;
  tl_run *result = NULL;
  tl_error err = {0};
  if (!cli_params(&tl_command_features, params, settings)) return 2;
  if (tl_definition_open(&definition, path, settings, params->count, &err) != TL_OK) return cli_fail(&err);
  tl_status status = tl_features_run(&result, definition, options, &err);
  int code = result != NULL ? tl_run_exit_code(result) : status == TL_OK ? 0 : cli_fail(&err);
  if (result != NULL) {
    if (json)
      fputs(tl_run_json(result), stdout);
    else if (!quiet)
      fputs(tl_run_table(result), stdout);
    fflush(stdout);
    show_failures(result);
  }
  tl_run_close(result);
  tl_definition_close(definition);
  return code;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_features;
  tl_features_options o = {0};
  cli_list rest = {0}, sides = {0}, keys = {0}, params = {0}, select = {0}, float_list = {0};
  const char *threads = NULL, *memory = NULL, *duplicate = NULL, *selected = NULL, *tile_rows = NULL, *floats = NULL;
  bool quiet = false, json = false, shown = false;
  const cli_option options[] = {{"in", &o.input, 0, 0},
                                {"out", &o.output, 0, 0},
                                {"side", 0, 0, &sides},
                                {"key", 0, 0, &keys},
                                {"param", 0, 0, &params},
                                {"select", &selected, 0, 0},
                                {"threads", &threads, 0, 0},
                                {"memory", &memory, 0, 0},
                                {"on-duplicate", &duplicate, 0, 0},
                                {"codec", &o.codec, 0, 0},
                                {"encoding", &o.encoding, 0, 0},
                                {"float32", &floats, &o.float32, 0},
                                {"strict", 0, &o.strict, 0},
                                {"tile-rows", &tile_rows, 0, 0},
                                {"quiet", 0, &quiet, 0},
                                {"json", 0, &json, 0},
                                {"from", &o.from, 0, 0},
                                {"to", &o.to, 0, 0},
                                {"durable", 0, &o.durable, 0},
                                {"prune", 0, &o.prune, 0},
                                {"dry-run", 0, &o.dry_run, 0},
                                {"where", &o.where, 0, 0},
                                {"update", 0, &o.update, 0},
                                {"profile", 0, &o.profile, 0},
                                {"validate", &o.validate, 0, 0},
                                {"partition", &o.partition, 0, 0}};
  tl_name_pair side_pairs[CLI_MOST], key_pairs[CLI_MOST];
  int64_t thread_count = 0, tile = 0;
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, rest.count == 0 ? "a definition is needed" : "one definition, not %zu", rest.count);
  if (o.input == NULL || (o.output == NULL && !o.dry_run)) return cli_usage(me, "--in and --out are needed");
  if (!cli_pairs(me, "side", &sides, side_pairs) || !cli_pairs(me, "key", &keys, key_pairs) || !read_duplicate(duplicate, &o) ||
      !cli_int(me, "threads", threads, 1, 1024, &thread_count) || !cli_int(me, "tile-rows", tile_rows, 1, 65536, &tile) ||
      !cli_size(me, "memory", memory, &o.memory))
    return 2;
  char *copy = selected ? cli_copy(selected, strlen(selected)) : NULL;
  if (copy != NULL && !cli_split(me, "select", copy, &select)) return 2;
  char *float_copy = floats ? cli_copy(floats, strlen(floats)) : NULL;
  if (float_copy != NULL && !cli_split(me, "float32", float_copy, &float_list)) return 2;
  o.float32_features = float_list.items, o.float32_count = float_list.count;
  o.sides = side_pairs, o.side_count = sides.count;
  o.keys = key_pairs, o.key_count = keys.count;
  o.select = select.items, o.select_count = select.count;
  o.threads = (int)thread_count;
  o.tile_rows = (int)tile;
  if (!quiet && isatty(2)) o.progress = show_progress, o.progress_context = &shown;
  int code = execute(rest.items[0], &params, &o, quiet, json);
  return code;
}
