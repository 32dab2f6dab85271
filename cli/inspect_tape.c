/* What a folder is as a tape: days, underlyings, contracts, and where nothing happened. Its keys and times are read for that. */
#include <stdlib.h>
#include <string.h>
#include "base/date.h"
#include "base/text.h"
#include "inspect.h"
#include "inspect_tape.h"
#include "lake/scan.h"
#include "sys/sys.h"
#include "table.h"

enum { EXPIRY, OPT_TYPE, STRIKE, TIMESTAMP, COLUMNS, SECONDS = 86400, MOST_WEEKDAYS = 20 };
static const char *const names[COLUMNS] = {"expiry", "opt_type", "strike", "timestamp"};

void inspect_tape_free(inspect_tape *t) {
  tl_release(t->arena.env, t->parts);
  tl_release(t->arena.env, t->contracts);
  tl_arena_free(&t->arena);
}

static const char *key_of(const tl_dataset_file *f, const char *name) {
  for (int k = 0; k < f->key_count; k++)
    if (strcmp(f->keys[k].name, name) == 0) return f->keys[k].value;
  return NULL;
}

static bool repeats(const tl_column *c, int64_t row) {
  if (c->dictionary != NULL && c->valid == NULL && c->codes[row] == c->codes[row - 1]) return true;
  return tl_column_repeats(c, row, row - 1);
}

static tl_status note_contract(inspect_tape *t, const tl_scan_reader *r, int64_t row, uint64_t seed, tl_error *err) {
  for (int c = 0; c < TIMESTAMP; c++) seed = tl_column_hash(&r->columns[c]->column, row, seed);
  if (t->contract_count > 0 && t->contracts[t->contract_count - 1] == seed) return TL_OK; /* the same, in another batch */
  TL_TRY(tl_reserve(t->arena.env, &t->contracts, &t->contract_capacity, t->contract_count + 1, sizeof *t->contracts, err));
  t->contracts[t->contract_count++] = seed;
  return TL_OK;
}

/* Which seconds of the day have a tick. */
typedef struct clock {
  uint8_t seconds[SECONDS / 8];
} clock;

static void take_times(inspect_tape_part *p, clock *day, const tl_column *times, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) {
    int64_t t = tl_column_int(times, i), second = tl_floor_mod(t, TL_DAY_NS) / 1000000000;
    if (p->rows == 0 && i == 0) p->first = p->last = t;
    p->first = t < p->first ? t : p->first;
    p->last = t > p->last ? t : p->last;
    day->seconds[second >> 3] |= (uint8_t)(1 << (second & 7));
  }
}

static int64_t longest_gap(const clock *day) {
  int64_t last = -1, longest = 0;
  for (int64_t s = 0; s < SECONDS; s++) {
    if (!(day->seconds[s >> 3] >> (s & 7) & 1)) continue;
    if (last >= 0 && s - last > longest) longest = s - last;
    last = s;
  }
  return longest;
}

static tl_status take_rows(inspect_tape *t, inspect_tape_part *p, tl_scan_reader *r, tl_error *err) {
  clock day = {0};
  uint64_t seed = p->underlying != NULL ? strlen(p->underlying) : 0;
  for (const char *c = p->underlying; c != NULL && *c != 0; c++) seed = seed * 31 + (unsigned char)*c;
  for (;;) {
    TL_TRY(tl_scan_reader_next(r, err));
    if (r->rows == 0) break;
    size_t before = t->contract_count;
    int64_t expiries = 0;
    for (int64_t i = 0; i < r->rows; i++) {
      bool same[TIMESTAMP], all = i > 0;
      for (int c = 0; c < TIMESTAMP && i > 0; c++) all &= same[c] = repeats(&r->columns[c]->column, i);
      if (all) continue;
      bool new_expiry = i == 0 ? p->rows == 0 || tl_column_int(&r->columns[EXPIRY]->column, 0) != p->last_expiry : !same[EXPIRY];
      expiries += new_expiry;
      TL_TRY(note_contract(t, r, i, seed, err));
    }
    take_times(p, &day, &r->columns[TIMESTAMP]->column, r->rows);
    p->last_expiry = tl_column_int(&r->columns[EXPIRY]->column, r->rows - 1);
    p->contracts += (int64_t)(t->contract_count - before);
    p->expiries += expiries;
    p->rows += r->rows;
  }
  p->longest_gap = longest_gap(&day);
  return TL_OK;
}

static tl_status take_file(inspect_tape *t, const tl_dataset_file *f, tl_error *err) {
  TL_OWNED(tl_scan) scan = {0};
  TL_OWNED(tl_scan_reader) reader = {0};
  const char *date = key_of(f, "date"), *underlying = key_of(f, "underlying");
  inspect_tape_part p = {0};
  if (date == NULL || underlying == NULL || !tl_date_read(date, strlen(date), &p.day)) return TL_OK;
  TL_TRY(tl_arena_text(&t->arena, &p.underlying, underlying, strlen(underlying), err));
  TL_TRY(tl_scan_open(&scan, t->arena.env, f->path, (tl_scan_options){.columns = names, .column_count = COLUMNS}, err));
  TL_TRY(tl_scan_reader_open(&reader, &scan, err));
  TL_TRY(take_rows(t, &p, &reader, err));
  TL_TRY(tl_reserve(t->arena.env, &t->parts, &t->count, t->used + 1, sizeof *t->parts, err));
  t->parts[t->used++] = p;
  return TL_OK;
}

static int by_hash(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

tl_status inspect_tape_find(inspect_tape *out, const tl_dataset *dataset, const tl_schema *schema, tl_error *err) {
  *out = (inspect_tape){.arena = {.env = dataset->env}};
  for (int c = 0; c < COLUMNS; c++)
    if (tl_schema_child(schema, names[c]) < 0) return TL_OK;
  for (size_t i = 0; i < dataset->count; i++) TL_TRY(take_file(out, &dataset->files[i], err));
  if (out->contract_count > 0) qsort(out->contracts, out->contract_count, sizeof *out->contracts, by_hash);
  for (size_t i = 0; i < out->contract_count; i++) out->distinct += i == 0 || out->contracts[i] != out->contracts[i - 1];
  for (size_t i = 0; i < out->used; i++) out->days += i == 0 || out->parts[i].day != out->parts[i - 1].day;
  return TL_OK;
}

/* Weekdays between the first and the last day that have no file: holidays, mostly. */
static int64_t next_missing(const inspect_tape *t, int64_t day) {
  for (day++; day < t->parts[t->used - 1].day; day++) {
    bool there = tl_weekday_of_days(day) > 5;
    for (size_t i = 0; i < t->used && !there; i++) there = t->parts[i].day == day;
    if (!there) return day;
  }
  return INT64_MAX;
}

void inspect_tape_show(const inspect_tape *t) {
  static const char *const heads[] = {"day", "underlying", "rows", "contracts", "expiries", "first", "last", "longest gap"};
  cli_table table;
  char text[TL_TIME_TEXT], first[TL_TIME_TEXT], last[TL_TIME_TEXT], rows[TL_NUMBER_TEXT];
  int shown = 0;
  if (t->used == 0) return;
  printf("\n  a tape of %lld days and %lld contracts", (long long)t->days, (long long)t->distinct);
  for (int64_t day = next_missing(t, t->parts[0].day - 1); day != INT64_MAX; day = next_missing(t, day)) {
    tl_date_text(text, day);
    if (shown < MOST_WEEKDAYS) printf("%s%s", shown == 0 ? "; weekdays without rows: " : ", ", text);
    if (shown++ == MOST_WEEKDAYS) printf(" ..");
  }
  printf("\n\n");
  cli_table_open(&table, t->arena.env, heads, "llrrrllr", 8);
  for (size_t i = 0; i < t->used; i++) {
    const inspect_tape_part *p = &t->parts[i];
    tl_date_text(text, p->day);
    tl_count_text(rows, p->rows);
    tl_clock_text(first, tl_floor_mod(p->first, TL_DAY_NS) / 1000000000, 0);
    tl_clock_text(last, tl_floor_mod(p->last, TL_DAY_NS) / 1000000000, 0);
    cli_table_cell(&table, "%s", text);
    cli_table_cell(&table, "%s", p->underlying);
    cli_table_cell(&table, "%s", rows);
    cli_table_cell(&table, "%lld", (long long)p->contracts);
    cli_table_cell(&table, "%lld", (long long)p->expiries);
    cli_table_cell(&table, "%s", first);
    cli_table_cell(&table, "%s", last);
    cli_table_cell(&table, "%lld s", (long long)p->longest_gap);
  }
  cli_table_print(&table);
  cli_table_free(&table);
}

void inspect_tape_json(const inspect_tape *t, tl_json *j) {
  char text[TL_TIME_TEXT];
  if (t->used == 0) return;
  tl_json_open(j, "tape", '{');
  tl_json_int(j, "days", t->days);
  tl_json_int(j, "contracts", t->distinct);
  tl_json_open(j, "weekdays_without_rows", '[');
  for (int64_t day = next_missing(t, t->parts[0].day - 1); day != INT64_MAX; day = next_missing(t, day)) {
    tl_date_text(text, day);
    tl_json_string(j, NULL, text);
  }
  tl_json_close(j, ']');
  tl_json_open(j, "parts", '[');
  for (size_t i = 0; i < t->used; i++) {
    const inspect_tape_part *p = &t->parts[i];
    tl_date_text(text, p->day);
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "date", text);
    tl_json_string(j, "underlying", p->underlying);
    tl_json_int(j, "rows", p->rows);
    tl_json_int(j, "contracts", p->contracts);
    tl_json_int(j, "expiries", p->expiries);
    tl_json_int(j, "first_timestamp", p->first);
    tl_json_int(j, "last_timestamp", p->last);
    tl_json_int(j, "longest_gap_s", p->longest_gap);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_json_close(j, '}');
}
