#include "market/symbol.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/date.h"
#include "base/file.h"
#include "base/text.h"

static const tl_symbol_pattern ours[] = {
    {"nse", "{underlying}{yy}{mon}[{dd}]{strike}{cp}"},
    {"nse-weekly", "{letters}{yy}{m}{dd}{strike}{cp}"},
    {"occ", "{underlying}{pad}{yy}{mm}{dd}{cp}{strike/1000}"},
    {"deribit", "{underlying}-{d}{mon}{yy}-{strike}-{cp}"},
};

enum { MOST_READINGS = 64, MOST_STEPS = 20000, MOST_DIGITS = 18 };

/* A name as a pattern reads it; year, month and day are 0 while they are not known. */
typedef struct reading {
  char underlying[TL_UNDERLYING];
  int year, month, day;
  bool optional_day; /* the day stood in brackets */
  bool call;
  double strike;
} reading;

typedef struct matcher {
  reading found[MOST_READINGS];
  int count;
  int steps; /* taken; hostile patterns do not take for ever */
} matcher;

/* ---- fields ---- */

static void match(matcher *m, const char *pattern, const char *name, reading r);

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* A number of exactly `digits` digits; -1: there is none. */
static int number(const char *name, int digits) {
  int value = 0;
  for (int i = 0; i < digits; i++) {
    if (!is_digit(name[i])) return -1;
    value = value * 10 + (name[i] - '0');
  }
  return value;
}

static void read_underlying(matcher *m, const char *rest, const char *name, reading r, bool letters) {
  if (!is_letter(name[0])) return;
  for (size_t size = 0; size + 1 < TL_UNDERLYING && name[size] != 0;) {
    char c = name[size];
    if (!is_letter(c) && (letters || (!is_digit(c) && strchr("&._-", c) == NULL))) return;
    r.underlying[size++] = (char)toupper((unsigned char)c);
    r.underlying[size] = 0;
    match(m, rest, name + size, r);
  }
}

static void read_year(matcher *m, const char *rest, const char *name, reading r, int digits) {
  int year = number(name, digits);
  if (year < 0) return;
  r.year = digits == 2 ? 2000 + year : year;
  match(m, rest, name + digits, r);
}

static void read_month_name(matcher *m, const char *rest, const char *name, reading r) {
  static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
  for (int i = 0; i < 12; i++) {
    if (strncasecmp(name, names + 3 * i, 3) != 0) continue;
    r.month = i + 1;
    match(m, rest, name + 3, r);
  }
}

static void read_month_letter(matcher *m, const char *rest, const char *name, reading r) {
  const char *at = name[0] == 0 ? NULL : strchr("123456789ond", tolower((unsigned char)name[0]));
  if (at == NULL) return;
  r.month = (int)(at - "123456789ond") + 1;
  match(m, rest, name + 1, r);
}

static void read_strike(matcher *m, const char *rest, const char *name, reading r) {
  int whole = 0;
  while (whole < MOST_DIGITS && is_digit(name[whole])) whole++;
  for (int size = whole; size > 0; size--) {
    int end = size;
    char text[2 * MOST_DIGITS + 2];
    if (size == whole && name[size] != 0 && strchr(".pPdD", name[size]) != NULL && is_digit(name[size + 1]))
      for (end = size + 1; is_digit(name[end]) && end - size <= MOST_DIGITS;) end++;
    for (int with_fraction = end > size; with_fraction >= 0; with_fraction--) {
      int used = with_fraction ? end : size;
      memcpy(text, name, (size_t)used);
      if (with_fraction) text[size] = '.';
      if (tl_double_read(text, (size_t)used, &r.strike) && r.strike > 0) match(m, rest, name + used, r);
    }
  }
}

static void read_thousandths(matcher *m, const char *rest, const char *name, reading r) {
  int strike = number(name, 8);
  r.strike = strike / 1000.0;
  if (strike > 0) match(m, rest, name + 8, r);
}

static void read_right(matcher *m, const char *rest, const char *name, reading r) {
  static const char *const words[] = {"c", "p", "ce", "pe", "call", "put"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t size = strlen(words[i]);
    r.call = words[i][0] == 'c';
    if (strncasecmp(name, words[i], size) == 0) match(m, rest, name + size, r);
  }
}

static void read_day(matcher *m, const char *rest, const char *name, reading r, int least) {
  for (int digits = least; digits <= 2; digits++) {
    r.day = number(name, digits);
    if (r.day > 0) match(m, rest, name + digits, r);
  }
}

static void read_month(matcher *m, const char *rest, const char *name, reading r) {
  r.month = number(name, 2);
  if (r.month > 0) match(m, rest, name + 2, r);
}

typedef enum field { UNDERLYING, LETTERS, YY, YYYY, MON, MM, M, DD, D, STRIKE, THOUSANDTHS, CP, PAD, FIELDS } field;
static const char *const field_names[FIELDS] = {"{underlying}", "{letters}", "{yy}",     "{yyyy}",        "{mon}", "{mm}", "{m}",
                                                "{dd}",         "{d}",       "{strike}", "{strike/1000}", "{cp}",  "{pad}"};

static field field_at(const char *pattern) {
  for (field f = 0; f < FIELDS; f++)
    if (strncmp(pattern, field_names[f], strlen(field_names[f])) == 0) return f;
  return FIELDS;
}

static void match_field(matcher *m, field f, const char *rest, const char *name, reading r) {
  switch (f) {
    case UNDERLYING: read_underlying(m, rest, name, r, false); break;
    case LETTERS: read_underlying(m, rest, name, r, true); break;
    case YY: read_year(m, rest, name, r, 2); break;
    case YYYY: read_year(m, rest, name, r, 4); break;
    case MON: read_month_name(m, rest, name, r); break;
    case MM: read_month(m, rest, name, r); break;
    case M: read_month_letter(m, rest, name, r); break;
    case DD: read_day(m, rest, name, r, 2); break;
    case D: read_day(m, rest, name, r, 1); break;
    case STRIKE: read_strike(m, rest, name, r); break;
    case THOUSANDTHS: read_thousandths(m, rest, name, r); break;
    case CP: read_right(m, rest, name, r); break;
    case PAD:
      while (*name == ' ') name++;
      match(m, rest, name, r);
      break;
    case FIELDS: break;
  }
}

static void match(matcher *m, const char *pattern, const char *name, reading r) {
  if (++m->steps > MOST_STEPS) return;
  if (*pattern == 0) {
    if (*name == 0 && m->count < MOST_READINGS) m->found[m->count++] = r;
  } else if (*pattern == '[') { /* with it, and without */
    const char *end = strchr(pattern, ']');
    reading with = r;
    with.optional_day = true;
    match_field(m, DD, end + 1, name, with);
    match(m, end + 1, name, r);
  } else if (*pattern == '{') {
    field f = field_at(pattern);
    match_field(m, f, pattern + strlen(field_names[f]), name, r);
  } else if (tolower((unsigned char)*pattern) == tolower((unsigned char)*name))
    match(m, pattern + 1, name + 1, r);
}

/* ---- patterns ---- */

static tl_status check_pattern(const char *text, tl_error *err) {
  for (const char *at = text; *at != 0;) {
    if (*at == '[') {
      if (strncmp(at, "[{dd}]", 6) != 0) return tl_fail(err, TL_USAGE, "only [{dd}] stands in square brackets");
      at += 6;
    } else if (*at == '{') {
      field f = field_at(at);
      if (f == FIELDS) return tl_fail(err, TL_USAGE, "unknown field %.*s; see tickloom help pack", (int)(strcspn(at, "}") + 1), at);
      at += strlen(field_names[f]);
    } else
      at++;
  }
  bool named = strstr(text, "{underlying}") != NULL || strstr(text, "{letters}") != NULL, dated = strstr(text, "{yy") != NULL && strstr(text, "{m") != NULL;
  if (!named || !dated || strstr(text, "{strike") == NULL || strstr(text, "{cp}") == NULL)
    return tl_fail(err, TL_USAGE, "a pattern needs {underlying}, a year, a month, {strike} and {cp}");
  return TL_OK;
}

static tl_status add_pattern(tl_symbols *s, tl_symbol_pattern p, tl_error *err) {
  TL_TRY(tl_reserve(s->env, &s->patterns, &s->capacity, s->count + 1, sizeof *s->patterns, err));
  s->patterns[s->count++] = p;
  return TL_OK;
}

static tl_status read_line(tl_symbols *s, char *line, tl_error *err) {
  static const char blanks[] = " \t\r";
  tl_symbol_pattern p = {0};
  char *name = line + strspn(line, blanks);
  if (*name == 0 || *name == '#') return TL_OK;
  char *text = name + strcspn(name, blanks);
  if (*text != 0) *text++ = 0;
  text += strspn(text, blanks);
  for (size_t size = strlen(text); size > 0 && strchr(blanks, text[size - 1]) != NULL;) text[--size] = 0;
  if (*text == 0) return tl_fail(err, TL_USAGE, "expected: NAME PATTERN");
  TL_TRY(check_pattern(text, err));
  TL_TRY(tl_arena_text(&s->arena, &p.name, name, strlen(name), err));
  TL_TRY(tl_arena_text(&s->arena, &p.text, text, strlen(text), err));
  return add_pattern(s, p, err);
}

static tl_status read_patterns(tl_symbols *s, const char *path, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = s->env};
  TL_TRY(tl_file_read(&text, path, err));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  int number_of_line = 1;
  for (char *line = (char *)text.data, *next; line != NULL; line = next, number_of_line++) {
    next = strchr(line, '\n');
    if (next != NULL) *next++ = 0;
    tl_status status = read_line(s, line, err);
    if (status != TL_OK) return tl_fail_in(err, status, "%s, line %d: ", path, number_of_line);
  }
  return TL_OK;
}

tl_status tl_symbols_open(tl_symbols *out, tl_env *env, const char *path, tl_error *err) {
  *out = (tl_symbols){.env = env, .arena = {.env = env}};
  tl_status status = path != NULL ? read_patterns(out, path, err) : TL_OK;
  for (size_t i = 0; i < sizeof ours / sizeof *ours && status == TL_OK; i++) status = add_pattern(out, ours[i], err);
  if (status != TL_OK) tl_symbols_free(out);
  return status;
}

void tl_symbols_free(tl_symbols *s) {
  if (s->env == NULL) return;
  tl_release(s->env, s->patterns);
  tl_arena_free(&s->arena);
  *s = (tl_symbols){0};
}

/* ---- names ---- */

static bool date_of(const reading *r, int64_t *out) {
  if (r->month < 1 || r->month > 12 || r->day < 1) return false;
  *out = tl_days_of_civil(r->year, r->month, r->day);
  return tl_civil_of_days(*out).month == r->month;
}

/* What a reading is of: a day, or a month's own expiry. */
static bool settle(const reading *r, const tl_expiries *calendar, tl_contract *out, bool *known) {
  const tl_expiry *e;
  int64_t date = 0;
  bool dated = r->day > 0;
  if (r->month < 1 || r->month > 12 || (dated && !date_of(r, &date))) return false;
  *out = (tl_contract){.expiry = date, .call = r->call, .strike = r->strike, .year = r->year, .month = r->month, .could_be_weekly = INT64_MIN};
  memcpy(out->underlying, r->underlying, sizeof out->underlying);
  if (r->optional_day)
    e = tl_expiries_weekly_on(calendar, r->underlying, date);
  else
    e = dated ? tl_expiries_on(calendar, r->underlying, date) : tl_expiries_monthly(calendar, r->underlying, r->year, r->month);
  *known = e != NULL;
  out->monthly = e != NULL ? e->monthly : !dated;
  if (e != NULL) out->expiry = e->date;
  return true;
}

int tl_contract_compare(const tl_contract *a, const tl_contract *b) {
  int order = strcmp(a->underlying, b->underlying);
  if (order != 0) return order;
  if (a->expiry != b->expiry) return a->expiry < b->expiry ? -1 : 1;
  if (a->call != b->call) return a->call ? -1 : 1;
  return a->strike < b->strike ? -1 : a->strike > b->strike;
}

/* How one pattern reads the name: contracts that differ, and which weekly the calendar may lack. A weekly that the calendar has excludes the reading without
   its day. */
typedef struct outcome {
  tl_contract contract;
  bool known; /* its expiry is in the calendar */
  int readings;
} outcome;

static void add_reading(outcome *o, const tl_contract *c, bool known) {
  bool same = o->readings > 0 && tl_contract_compare(&o->contract, c) == 0 && o->contract.year == c->year && o->contract.month == c->month;
  if (same) return;
  if (o->readings++ > 0) return;
  o->contract = *c;
  o->known = known;
}

static outcome read_by(const tl_symbol_pattern *p, const tl_expiries *calendar, const char *name) {
  outcome o = {0};
  matcher m = {0};
  int64_t lacking = INT64_MIN;
  bool known, weekly = false;
  tl_contract c;
  match(&m, p->text, name, (reading){0});
  for (int i = 0; i < m.count; i++) {
    if (!m.found[i].optional_day || !settle(&m.found[i], calendar, &c, &known)) continue;
    if (!known) lacking = c.expiry;
    if (known) weekly = true, add_reading(&o, &c, true);
  }
  for (int i = 0; i < m.count && !weekly; i++)
    if (!m.found[i].optional_day && settle(&m.found[i], calendar, &c, &known)) add_reading(&o, &c, known);
  o.contract.pattern = p->name;
  o.contract.could_be_weekly = weekly ? INT64_MIN : lacking;
  return o;
}

static tl_status two_ways(const char *name, const tl_contract *a, const tl_contract *b, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "the name %s reads as two contracts, by the patterns %s and %s", name, a->pattern, b->pattern);
}

static tl_status not_in_calendar(const char *name, const tl_contract *c, tl_error *err) {
  char date[TL_TIME_TEXT];
  tl_date_text(date, c->expiry);
  if (!c->monthly) return tl_fail(err, TL_CORRUPT, "%s expires on %s, which the calendar does not have for %s", name, date, c->underlying);
  if (c->could_be_weekly == INT64_MIN)
    return tl_fail(err, TL_CORRUPT, "the calendar has no monthly expiry of %s in %d-%02d, which %s names", c->underlying, c->year, c->month, name);
  tl_date_text(date, c->could_be_weekly);
  return tl_fail(err, TL_CORRUPT, "the calendar has neither a monthly expiry of %s in %d-%02d nor a weekly one on %s, of which %s names one", c->underlying,
                 c->year, c->month, date, name);
}

tl_status tl_symbol_read(tl_contract *out, const tl_symbols *s, const tl_expiries *calendar, const char *name, tl_error *err) {
  outcome first = {0};
  for (size_t i = 0; i < s->count; i++) {
    outcome o = read_by(&s->patterns[i], calendar, name);
    if (o.readings > 1) return two_ways(name, &o.contract, &o.contract, err);
    if (o.readings == 0) continue;
    if (first.readings > 0 && tl_contract_compare(&first.contract, &o.contract) != 0) return two_ways(name, &first.contract, &o.contract, err);
    if (first.readings == 0) first = o;
  }
  if (first.readings == 0) return tl_fail(err, TL_CORRUPT, "no pattern reads the name %s as a contract; --patterns adds some", name);
  if (!first.known) return not_in_calendar(name, &first.contract, err);
  *out = first.contract;
  return TL_OK;
}
