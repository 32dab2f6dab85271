/* A file of one option contract. */
#include <string.h>
#include "base/date.h"
#include "base/text.h"
#include "pack/subject.h"

enum { UNDERLYING, EXPIRY, OPT_TYPE, STRIKE, EXPIRY_TYPE, IS_MONTHLY, IS_WEEKLY, YEAR, MONTH, FACTS };

#define TEXT .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING
#define SHORT .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_INTEGER, .bits = 16
static const tl_field facts[FACTS] = {
    {.name = "underlying", TEXT},
    {.name = "expiry", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE},
    {.name = "opt_type", TEXT},
    {.name = "strike", .physical = TL_PHYSICAL_DOUBLE},
    {.name = "expiry_type", TEXT},
    {.name = "is_monthly", .physical = TL_PHYSICAL_BOOLEAN},
    {.name = "is_weekly", .physical = TL_PHYSICAL_BOOLEAN},
    {.name = "year", SHORT},
    {.name = "month", SHORT},
};

static tl_status read(tl_subject *out, const tl_name_reader *with, const char *stem, tl_error *err) {
  return tl_symbol_read(&out->contract, with->symbols, with->calendar, stem, err);
}

static int compare(const tl_subject *a, const tl_subject *b) { return tl_contract_compare(&a->contract, &b->contract); }

static tl_bytes text(const char *t) { return (tl_bytes){(const uint8_t *)t, strlen(t)}; }

static tl_status tell(const tl_subject *s, int fact, tl_column *out, tl_error *err) {
  const tl_contract *c = &s->contract;
  switch (fact) {
    case UNDERLYING: return tl_column_append_bytes(out, text(c->underlying), err);
    case EXPIRY: return tl_column_append_int(out, c->expiry, err);
    case OPT_TYPE: return tl_column_append_bytes(out, text(c->call ? "CE" : "PE"), err);
    case STRIKE: return tl_column_append_bytes(out, (tl_bytes){(const uint8_t *)&c->strike, 8}, err);
    case EXPIRY_TYPE: return tl_column_append_bytes(out, text(c->monthly ? "monthly" : "weekly"), err);
    case IS_MONTHLY: return tl_column_append_int(out, c->monthly, err);
    case IS_WEEKLY: return tl_column_append_int(out, !c->monthly, err);
    case YEAR: return tl_column_append_int(out, c->year, err);
    default: return tl_column_append_int(out, c->month, err);
  }
}

static double number_of(const tl_column *c, int64_t row) {
  double v;
  tl_column_raw_doubles(c, row, 1, &v);
  return v;
}

static bool is_text(tl_bytes b, const char *word) { return b.size == strlen(word) && strncasecmp((const char *)b.data, word, b.size) == 0; }

static bool is_call(tl_bytes b) { return is_text(b, "CE") || is_text(b, "C") || is_text(b, "call"); }
static bool is_put(tl_bytes b) { return is_text(b, "PE") || is_text(b, "P") || is_text(b, "put"); }

static tl_status recall(tl_subject *s, int fact, const tl_column *column, int64_t row, tl_arena *arena, tl_error *err) {
  (void)arena;
  tl_contract *c = &s->contract;
  if (!tl_column_is_valid(column, row)) return TL_OK;
  tl_bytes b = tl_column_bytes(column, row);
  switch (fact) {
    case UNDERLYING:
      for (size_t i = 0; i < b.size && i + 1 < TL_UNDERLYING; i++) c->underlying[i] = (char)b.data[i], c->underlying[i + 1] = 0;
      break;
    case EXPIRY: c->expiry = tl_column_int(column, row); break;
    case OPT_TYPE:
      c->call = is_call(b);
      if (!c->call && !is_put(b))
        return tl_fail(err, TL_CORRUPT, "opt_type is \"%.*s\"; expected CE or PE", (int)(b.size < 20 ? b.size : 20), (const char *)b.data);
      break;
    case STRIKE: memcpy(&c->strike, b.data, 8); break;
    case IS_MONTHLY: c->monthly = tl_column_int(column, row) != 0; break;
    case YEAR: c->year = (int)tl_column_int(column, row); break;
    case MONTH: c->month = (int)tl_column_int(column, row); break;
    default: break;
  }
  return TL_OK;
}

/* A date as a date, a timestamp or ISO text. */
static bool is_day(const tl_column *c, int64_t row, int64_t day) {
  int64_t found;
  tl_bytes b = tl_column_bytes(c, row);
  if (c->field.physical == TL_PHYSICAL_BYTE_ARRAY) {
    if (tl_date_read((const char *)b.data, b.size, &found)) return found == day;
    return tl_time_read((const char *)b.data, b.size, &found) && tl_floor_div(found, TL_DAY_NS) == day;
  }
  if (c->field.logical == TL_LOGICAL_DATE) return tl_column_int(c, row) == day;
  if (c->field.logical != TL_LOGICAL_TIMESTAMP || c->field.physical != TL_PHYSICAL_INT64) return false;
  int64_t a_day = c->field.digits == 3 ? 86400000 : c->field.digits == 6 ? 86400000000 : TL_DAY_NS;
  return tl_floor_div(tl_column_int(c, row), a_day) == day;
}

/* Only what tells contracts apart is held against the name; the rest is the calendar's to say. */
static bool agrees(const tl_subject *s, int fact, const tl_column *column, int64_t row) {
  const tl_contract *c = &s->contract;
  tl_bytes b = tl_column_bytes(column, row);
  bool is_bytes = column->field.physical == TL_PHYSICAL_BYTE_ARRAY;
  double number;
  switch (fact) {
    case UNDERLYING: return is_bytes && is_text(b, c->underlying);
    case EXPIRY: return is_day(column, row, c->expiry);
    case OPT_TYPE: return is_bytes && (c->call ? is_call(b) : is_put(b));
    case STRIKE:
      if (is_bytes) return tl_double_read((const char *)b.data, b.size, &number) && number == c->strike;
      return tl_field_is_numeric(&column->field) && number_of(column, row) == c->strike;
    default: return true;
  }
}

const tl_naming tl_naming_option = {.name = "option",
                                    .calendar = true,
                                    .facts = facts,
                                    .fact_count = FACTS,
                                    .read = read,
                                    .compare = compare,
                                    .tell = tell,
                                    .recall = recall,
                                    .agrees = agrees};
