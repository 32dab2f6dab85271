/* tickloom pack: raw files to a tape. */
#include <stdio.h>
#include <string.h>
#include "base/date.h"
#include "base/json.h"
#include "base/text.h"
#include "cli.h"
#include "pack/pack.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_pack = {
    "pack", "raw files, one a contract or symbol, to one sorted tape",
    "usage: tickloom pack options RAW... --calendar CAL.csv --out TAPE [options]\n"
    "       tickloom pack NAME|DEF.loom RAW... --out TAPE [options]\n\n"
    "RAW are folders, or .parquet and .csv files. What a tape has is a definition: options and trades are shipped, any other is a text of yours\n"
    "(docs/tape.md). A tape has one file a day and underlying, sorted by expiry, opt_type, strike and timestamp. Days that are there are merged\n"
    "into; what was packed already is skipped; each file is old or new at any moment, and the same command finishes what was stopped.\n\n"
    "  --calendar CAL.csv    underlying, year, month, expiry_type (monthly, weekly), expiry_date\n"
    "  --out TAPE            a folder\n"
    "  --layout hive|plain   date=2024-11-18/underlying=NIFTY/ (default), or 2024-11-18/NIFTY/ and both as columns\n"
    "  --profile compact|fast   compressed where that pays (default), or not at all: larger, and quicker to read\n"
    "  --patterns FILE       more patterns of names, before ours: lines NAME PATTERN, such as colon {underlying}:{yyyy}{mm}{dd}:{strike}:{cp}\n"
    "  --memory 512MB        bound on the memory of the whole process\n"
    "  --threads N           default: one a processor\n"
    "  --dry-run             how each name reads, and which days it touches; writes nothing\n"
    "  --quiet               no progress\n"
    "  --json                the summary as JSON\n\n"
    "exit code: 0 all packed; 1 some files failed, by name, the rest is packed; 2 usage; 3 bad definition; 4 calendar or tape are bad, or\n"
    "no file could be packed; 5 for want of memory or disk, or the tape is in use\n\n"
    "examples:\n  tickloom pack options raw --calendar raw/expiry_calendar.csv --out tape\n"
    "  tickloom pack trades ticks --out tape\n",
    run};

/* ---- the definition ---- */

static int open_definition(const char *name, tl_definition **out) {
  tl_error err = {0};
  size_t size = strlen(name);
  tl_status status = TL_NOT_FOUND;
  bool is_path = strchr(name, '/') != NULL || (size > 5 && strcmp(name + size - 5, ".loom") == 0);
  for (size_t i = 0; i < tl__packs_count && !is_path; i++)
    if (strncmp(tl__packs[i].name, "packs/", 6) == 0 && strncmp(tl__packs[i].name + 6, name, size) == 0 && strcmp(tl__packs[i].name + 6 + size, ".loom") == 0)
      status = tl_definition_read(out, tl__packs[i].name, tl__packs[i].text, NULL, 0, &err);
  if (is_path) status = tl_definition_open(out, name, NULL, 0, &err);
  if (status == TL_OK) return 0;
  if (!is_path && status == TL_NOT_FOUND)
    return cli_usage(&tl_command_pack, "nothing called %s can be packed; expected options, trades, or a definition.loom", name);
  return cli_fail(&err);
}

/* ---- what came of it ---- */

static void show_dry(const tl_pack_outcome *o) {
  for (size_t i = 0; i < o->files.count; i++) {
    const tl_raw_file *f = &o->files.files[i];
    char expiry[TL_TIME_TEXT], first[TL_TIME_TEXT] = "-", last[TL_TIME_TEXT] = "-", strike[TL_NUMBER_TEXT];
    if (f->failed) {
      printf("%s: FAILS: %s\n", f->name, f->reason);
      continue;
    }
    if (f->day_count > 0) tl_date_text(first, f->days[0].day), tl_date_text(last, f->days[f->day_count - 1].day);
    const tl_contract *c = &f->subject.contract;
    tl_date_text(expiry, c->expiry);
    tl_double_text(strike, c->strike);
    if (f->subject.symbol != NULL)
      printf("%s: %s, %lld rows, days %s to %s\n", f->name, f->subject.symbol, (long long)f->rows, first, last);
    else
      printf("%s: %s %s %s %s, %s, read by %s; %lld rows, days %s to %s\n", f->name, c->underlying, expiry, c->call ? "CE" : "PE", strike,
             c->monthly ? "monthly" : "weekly", c->pattern, (long long)f->rows, first, last);
  }
  printf("%zu files, of which %lld fail; %lld days would be written\n", o->files.count, (long long)o->failed, (long long)o->days);
}

static void show_failures(const tl_pack_outcome *o) {
  enum { MOST = 20 };
  int64_t shown = 0;
  for (size_t i = 0; i < o->files.count && o->failed > 0; i++) {
    if (!o->files.files[i].failed) continue;
    if (++shown <= MOST) fprintf(stderr, "failed: %s\n", o->files.files[i].reason);
  }
  if (shown > MOST) fprintf(stderr, "... and %lld more, all in _tickloom/failures.json\n", (long long)(shown - MOST));
  if (o->could_be_weekly > 0)
    fprintf(stderr, "warning: %lld names, such as %s, could be weeklies of days that the calendar lacks; they are read as monthlies\n",
            (long long)o->could_be_weekly, o->could_be);
  if (o->failed > 0) fprintf(stderr, "tickloom: %lld of %zu files failed\n", (long long)o->failed, o->files.count);
}

static void show(const tl_pack_outcome *o, double seconds) {
  char rows[TL_NUMBER_TEXT], before[TL_NUMBER_TEXT], after[TL_NUMBER_TEXT], time[TL_NUMBER_TEXT];
  tl_count_text(rows, o->rows);
  tl_size_text(before, (double)o->size_before);
  tl_size_text(after, (double)o->size_after);
  tl_seconds_text(time, seconds);
  printf("%lld files packed, %lld unchanged, %lld failed, %lld skipped\n", (long long)o->packed, (long long)o->unchanged, (long long)o->failed,
         (long long)o->files.skipped);
  printf("%s rows of %lld contracts on %lld days in %lld files, %s -> %s, %s\n", rows, (long long)o->contracts, (long long)o->days, (long long)o->parts, before,
         after, time);
  printf("%lld duplicates, %lld conflicts, %lld volume resets, %lld missing prices, %lld missing sides, %lld crossed, %lld equal timestamps\n",
         (long long)o->duplicates, (long long)o->conflicts, (long long)o->odd.resets, (long long)o->odd.missing_prices, (long long)o->odd.missing_sides,
         (long long)o->odd.crossed, (long long)o->odd.equal_timestamps);
}

static void put_lists(tl_json *j, const tl_pack_outcome *o) {
  char text[600];
  tl_pack_put_failures(j, "failures", o);
  tl_json_open(j, "warnings", '[');
  if (o->could_be_weekly > 0) {
    snprintf(text, sizeof text, "%lld names, such as %.400s, could be weeklies of days that the calendar lacks", (long long)o->could_be_weekly, o->could_be);
    tl_json_string(j, NULL, text);
  }
  tl_json_close(j, ']');
}

static bool show_json(const tl_pack_outcome *o, const char *tape, double seconds) {
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_error err;
  tl_json json = {.out = &out, .err = &err}, *j = &json;
  const struct {
    const char *key;
    int64_t value;
  } counts[] = {
      {"files", (int64_t)o->files.count},
      {"packed", o->packed},
      {"unchanged", o->unchanged},
      {"failed", o->failed},
      {"skipped", o->files.skipped},
      {"rows", o->rows},
      {"days", o->days},
      {"partitions", o->parts},
      {"contracts", o->contracts},
      {"duplicates", o->duplicates},
      {"conflicts", o->conflicts},
      {"resets", o->odd.resets},
      {"missing_prices", o->odd.missing_prices},
      {"missing_sides", o->odd.missing_sides},
      {"crossed", o->odd.crossed},
      {"equal_timestamps", o->odd.equal_timestamps},
      {"bytes_before", o->size_before},
      {"bytes_after", o->size_after},
      {"peak_bytes", tl_sys_resident_peak()},
  };
  tl_json_open(j, NULL, '{');
  tl_json_string(j, "tape", tape);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) tl_json_int(j, counts[i].key, counts[i].value);
  tl_json_double(j, "seconds", seconds);
  tl_json_bool(j, "stopped", o->stopped);
  put_lists(j, o);
  tl_json_close(j, '}');
  return json.status == TL_OK && cli_put(&out);
}

/* The worst of what the files failed with decides where none could be packed. */
static int exit_code(const tl_pack_outcome *o) {
  if (o->failed == 0) return 0;
  if (o->packed + o->unchanged > 0) return 1;
  for (size_t i = 0; i < o->files.count; i++)
    if (o->files.files[i].failed && cli_exit_code(o->files.files[i].status) == 4) return 4;
  return 5;
}

enum { LITTLE_MEMORY = 256000000, OWN_MEMORY = 10000000 /* of the program itself, and of libraries */ };

static int pack(tl_pack_options *o, bool json, bool quiet) {
  tl_pack_outcome done;
  tl_error err = {0};
  o->tell = cli_tell;
  o->context = cli_tell_begin("packed", quiet);
  tl_sys_catch_signals();
  if (o->memory < LITTLE_MEMORY)
    tl_sys_tune_memory(); /* what is released goes back at once: slower, and no more is resident than is used */
  else
    tl_sys_keep_memory();
  tl_sys_limit_memory(o->memory * 9 / 10 < o->memory - OWN_MEMORY ? o->memory * 9 / 10 : o->memory - OWN_MEMORY);
  tl_status status = tl_pack_run(&done, tl_sys_env(), o, &err);
  double seconds = cli_tell_end(o->context);
  int code = status == TL_OK ? exit_code(&done) : status == TL_CANCELLED ? 1 : cli_exit_code(status);
  if (status == TL_OK || status == TL_CANCELLED) {
    show_failures(&done);
    if (json && !show_json(&done, o->out, seconds)) code = 5;
    if (!json && o->dry_run) show_dry(&done);
    if (!json && !o->dry_run) show(&done, seconds);
  }
  if (status != TL_OK) (void)cli_fail(&err);
  tl_pack_outcome_free(&done);
  return code;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_pack;
  static cli_list rest;
  const char *calendar = NULL, *out = NULL, *layout = NULL, *patterns = NULL, *profile = NULL, *memory = NULL, *threads = NULL;
  bool json = false, quiet = false;
  tl_pack_options o = {.memory = 512000000};
  const cli_option options[] = {{"calendar", &calendar, 0, 0}, {"out", &out, 0, 0},       {"layout", &layout, 0, 0},   {"patterns", &patterns, 0, 0},
                                {"profile", &profile, 0, 0},   {"memory", &memory, 0, 0}, {"threads", &threads, 0, 0}, {"dry-run", 0, &o.dry_run, 0},
                                {"json", 0, &json, 0},         {"quiet", 0, &quiet, 0}};
  int64_t thread_count = 0;
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count < 2) return cli_usage(me, "expected: pack options RAW...");
  if (out == NULL && !o.dry_run) return cli_usage(me, "--out is needed");
  o.plain = layout != NULL && strcmp(layout, "plain") == 0;
  if (layout != NULL && !o.plain && strcmp(layout, "hive") != 0) return cli_usage(me, "--layout %s: expected hive or plain", layout);
  o.fast = profile != NULL && strcmp(profile, "fast") == 0;
  if (profile != NULL && !o.fast && strcmp(profile, "compact") != 0) return cli_usage(me, "--profile %s: expected compact or fast", profile);
  if (!cli_int(me, "threads", threads, 1, 1024, &thread_count) || !cli_size(me, "memory", memory, &o.memory)) return 2;
  if (o.memory < 32000000) return cli_usage(me, "--memory must be at least 32MB");
  tl_definition *definition;
  int code = open_definition(rest.items[0], &definition);
  if (code != 0) return code;
  o.definition = definition, o.name = rest.items[0], o.raw = rest.items + 1, o.raw_count = rest.count - 1;
  o.calendar = calendar, o.patterns = patterns, o.out = out != NULL ? out : ".", o.threads = (int)thread_count;
  code = pack(&o, json, quiet);
  tl_definition_close(definition);
  return code;
}
