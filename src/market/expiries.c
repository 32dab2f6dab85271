#include "market/expiries.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "lake/csv.h"

enum { UNDERLYING, YEAR, MONTH, TYPE, DATE, COLUMNS };
static const char *const names[COLUMNS] = {"underlying", "year", "month", "expiry_type", "expiry_date"};
static const char schema[] = "underlying:string, year:int64, month:int64, expiry_type:string, expiry_date:date";

void tl_expiries_free(tl_expiries *e) {
  if (e->env == NULL) return;
  tl_release(e->env, e->items);
  tl_arena_free(&e->arena);
  *e = (tl_expiries){0};
}

static int by_date(const void *a, const void *b) {
  const tl_expiry *x = a, *y = b;
  int order = strcmp(x->underlying, y->underlying);
  if (order != 0) return order;
  if (x->date != y->date) return x->date < y->date ? -1 : 1;
  return y->monthly - x->monthly;
}

static tl_status take_row(tl_expiries *e, const tl_batch *b, const int *columns, int64_t row, tl_error *err) {
  const tl_column *c[COLUMNS];
  for (int i = 0; i < COLUMNS; i++) {
    c[i] = &b->columns[columns[i]].column;
    if (!tl_column_is_valid(c[i], row)) return tl_fail(err, TL_CORRUPT, "%s is missing", names[i]);
  }
  tl_bytes underlying = tl_column_bytes(c[UNDERLYING], row), type = tl_column_bytes(c[TYPE], row);
  tl_expiry x = {.date = tl_column_int(c[DATE], row)};
  int64_t year = tl_column_int(c[YEAR], row), month = tl_column_int(c[MONTH], row);
  x.monthly = type.size == 7 && strncasecmp((const char *)type.data, "monthly", 7) == 0;
  if (!x.monthly && !(type.size == 6 && strncasecmp((const char *)type.data, "weekly", 6) == 0))
    return tl_fail(err, TL_CORRUPT, "expiry_type is \"%.*s\"; expected monthly or weekly", (int)(type.size < 40 ? type.size : 40), (const char *)type.data);
  if (month < 1 || month > 12 || year < 1900 || year > 9999)
    return tl_fail(err, TL_CORRUPT, "%lld-%lld is no year and month", (long long)year, (long long)month);
  x.year = (int)year, x.month = (int)month;
  TL_TRY(tl_arena_text(&e->arena, &x.underlying, (const char *)underlying.data, underlying.size, err));
  for (char *at = (char *)x.underlying; *at != 0; at++) *at = (char)toupper((unsigned char)*at);
  TL_TRY(tl_reserve(e->env, &e->items, &e->capacity, e->count + 1, sizeof *e->items, err));
  e->items[e->count++] = x;
  return TL_OK;
}

static tl_status find_columns(const tl_csv *csv, const char *path, int *columns, tl_error *err) {
  for (int i = 0; i < COLUMNS; i++) {
    columns[i] = tl_schema_child(tl_csv_schema(csv), names[i]);
    if (columns[i] < 0)
      return tl_fail(err, TL_CORRUPT, "%s: has no column %s; a calendar has underlying, year, month, expiry_type, expiry_date", path, names[i]);
  }
  return TL_OK;
}

static tl_status take_rows(tl_expiries *e, const char *path, tl_error *err) {
  TL_OWNED(tl_csv) csv = {0};
  TL_OWNED(tl_batch) batch = {0};
  tl_csv_options options = {.header = 1};
  int columns[COLUMNS];
  TL_TRY(tl_csv_open(&csv, e->env, path, &options, err)); /* to see what columns there are; then again, typed */
  TL_TRY(find_columns(&csv, path, columns, err));
  tl_csv_free(&csv);
  options.schema = schema;
  TL_TRY(tl_csv_open(&csv, e->env, path, &options, err));
  TL_TRY(tl_batch_open(&batch, e->env, tl_csv_schema(&csv), err));
  for (int64_t done = 0;; done += batch.rows) {
    TL_TRY(tl_csv_next(&csv, &batch, 10000, err));
    if (batch.rows == 0) return TL_OK;
    for (int64_t row = 0; row < batch.rows; row++) {
      tl_status status = take_row(e, &batch, columns, row, err);
      if (status != TL_OK) return tl_fail_in(err, status, "%s, row %lld: ", path, (long long)(done + row + 1));
    }
  }
}

static tl_status check_monthlies(const tl_expiries *e, const char *path, tl_error *err) {
  for (size_t i = 0; i < e->count; i++)
    for (size_t k = i + 1; k < e->count && strcmp(e->items[i].underlying, e->items[k].underlying) == 0; k++) {
      const tl_expiry *a = &e->items[i], *b = &e->items[k];
      if (!a->monthly || !b->monthly || a->year != b->year || a->month != b->month || a->date == b->date) continue;
      char first[TL_TIME_TEXT], second[TL_TIME_TEXT];
      tl_date_text(first, a->date);
      tl_date_text(second, b->date);
      return tl_fail(err, TL_CORRUPT, "%s: the monthly expiry of %s in %d-%02d has two dates, %s and %s", path, a->underlying, a->year, a->month, first,
                     second);
    }
  return TL_OK;
}

tl_status tl_expiries_open(tl_expiries *out, tl_env *env, const char *path, tl_error *err) {
  *out = (tl_expiries){.env = env, .arena = {.env = env}};
  tl_status status = take_rows(out, path, err);
  if (status == TL_OK && out->count == 0) status = tl_fail(err, TL_CORRUPT, "%s: a calendar without expiries", path);
  if (status == TL_OK) qsort(out->items, out->count, sizeof *out->items, by_date);
  if (status == TL_OK) status = check_monthlies(out, path, err);
  if (status != TL_OK) tl_expiries_free(out);
  return status;
}

bool tl_expiries_is_calendar(tl_env *env, const char *path) {
  TL_OWNED(tl_csv) csv = {0};
  tl_csv_options options = {.header = 1};
  int columns[COLUMNS];
  return tl_csv_open(&csv, env, path, &options, NULL) == TL_OK && find_columns(&csv, path, columns, NULL) == TL_OK;
}

/* The first of an underlying, or the end. */
static size_t begin_of(const tl_expiries *e, const char *underlying) {
  size_t low = 0, high = e->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(e->items[middle].underlying, underlying) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool is_of(const tl_expiries *e, size_t i, const char *underlying) { return i < e->count && strcmp(e->items[i].underlying, underlying) == 0; }

const tl_expiry *tl_expiries_monthly(const tl_expiries *e, const char *underlying, int year, int month) {
  for (size_t i = begin_of(e, underlying); is_of(e, i, underlying); i++)
    if (e->items[i].monthly && e->items[i].year == year && e->items[i].month == month) return &e->items[i];
  return NULL;
}

const tl_expiry *tl_expiries_on(const tl_expiries *e, const char *underlying, int64_t date) {
  for (size_t i = begin_of(e, underlying); is_of(e, i, underlying); i++)
    if (e->items[i].date == date) return &e->items[i];
  return NULL;
}

const tl_expiry *tl_expiries_weekly_on(const tl_expiries *e, const char *underlying, int64_t date) {
  for (size_t i = begin_of(e, underlying); is_of(e, i, underlying); i++)
    if (!e->items[i].monthly && e->items[i].date == date) return &e->items[i];
  return NULL;
}
