#include "lake/csv_schema.h"
#include <string.h>
#include "base/text.h"

#define INTEGER(width, wide, sign) \
  { .physical = TL_PHYSICAL_INT##width, .logical = TL_LOGICAL_INTEGER, .bits = wide, .is_unsigned = sign }
#define CLOCK(width, what, places, zone) \
  { .physical = TL_PHYSICAL_INT##width, .logical = TL_LOGICAL_##what, .digits = places, .utc = zone }
static const tl_field types[] = {
    {.physical = TL_PHYSICAL_BOOLEAN},
    INTEGER(32, 8, false),
    INTEGER(32, 16, false),
    {.physical = TL_PHYSICAL_INT32},
    {.physical = TL_PHYSICAL_INT64},
    INTEGER(32, 8, true),
    INTEGER(32, 16, true),
    INTEGER(32, 32, true),
    INTEGER(64, 64, true),
    {.physical = TL_PHYSICAL_FLOAT},
    {.physical = TL_PHYSICAL_DOUBLE},
    {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING},
    {.physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE},
    CLOCK(32, TIME, 3, false),
    CLOCK(64, TIME, 6, false),
    CLOCK(64, TIME, 9, false),
    CLOCK(32, TIME, 3, true),
    CLOCK(64, TIME, 6, true),
    CLOCK(64, TIME, 9, true),
    CLOCK(64, TIMESTAMP, 3, false),
    CLOCK(64, TIMESTAMP, 6, false),
    CLOCK(64, TIMESTAMP, 9, false),
    CLOCK(64, TIMESTAMP, 3, true),
    CLOCK(64, TIMESTAMP, 6, true),
    CLOCK(64, TIMESTAMP, 9, true),
};

enum { MOST_PRECISION = 38 };

/* Bytes of the smallest integer in two's complement that has so many digits. */
static int32_t bytes_of_digits(int precision) {
  unsigned __int128 most = 1;
  int32_t bytes = 1;
  while (precision-- > 0) most *= 10;
  while (bytes < 16 && most - 1 > ((unsigned __int128)1 << (8 * bytes - 1)) - 1) bytes++;
  return bytes;
}

static bool read_small(const char **at, int *out) {
  const char *p = *at;
  for (*out = 0; *p >= '0' && *p <= '9' && *out < 1000; p++) *out = *out * 10 + (*p - '0');
  bool any = p > *at;
  *at = p;
  return any;
}

static bool read_decimal(const char *text, tl_field *out) {
  int precision, scale;
  if (strncmp(text, "decimal(", 8) != 0) return false;
  text += 8;
  if (!read_small(&text, &precision) || *text++ != ',' || !read_small(&text, &scale) || strcmp(text, ")") != 0) return false;
  if (precision < 1 || precision > MOST_PRECISION || scale > precision) return false;
  *out = (tl_field){.logical = TL_LOGICAL_DECIMAL, .precision = precision, .scale = scale};
  out->physical = precision <= 9 ? TL_PHYSICAL_INT32 : precision <= 18 ? TL_PHYSICAL_INT64 : TL_PHYSICAL_FIXED;
  if (precision > 18) out->fixed_size = bytes_of_digits(precision);
  return true;
}

static bool without_blanks(char out[TL_TYPE_TEXT], const char *text, size_t size) {
  size_t n = 0;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == ' ') continue;
    if (n == TL_TYPE_TEXT - 1) return false;
    out[n++] = text[i];
  }
  out[n] = 0;
  return true;
}

bool tl__csv_type_read(const char *text, size_t size, tl_field *out) {
  char wanted[TL_TYPE_TEXT], printed[TL_TYPE_TEXT], plain[TL_TYPE_TEXT];
  const char *name = out->name;
  bool found = false;
  if (!without_blanks(wanted, text, size)) return false;
  for (size_t i = 0; i < sizeof types / sizeof *types && !found; i++) {
    tl_field_type_text(printed, &types[i]);
    found = without_blanks(plain, printed, strlen(printed)) && strcmp(plain, wanted) == 0;
    if (found) *out = types[i];
  }
  found = found || read_decimal(wanted, out);
  out->name = name;
  return found;
}

/* ---- the list ---- */

static const char *skip_blanks(const char *p) { return p + strspn(p, " \t\n"); }

/* A name up to its colon; one in quotes without them. */
static tl_status read_name(tl_arena *arena, const char **at, const char **name, tl_error *err) {
  const char *p = *at, *colon;
  char *out;
  if (*p != '"') {
    if ((colon = strchr(p, ':')) == NULL || colon == p) return tl_fail(err, TL_USAGE, "schema: expected NAME:TYPE at '%.40s'", p);
    *at = colon;
    while (colon[-1] == ' ') colon--;
    return tl_arena_text(arena, name, p, (size_t)(colon - p), err);
  }
  TL_TRY(tl_arena_take(arena, &out, strlen(p), 1, err));
  *name = out;
  for (p++; *p != 0 && (*p != '"' || p[1] == '"'); p++) {
    *out++ = *p;
    if (*p == '"') p++;
  }
  if (*p != '"' || *skip_blanks(p + 1) != ':') return tl_fail(err, TL_USAGE, "schema: expected \"NAME\":TYPE at '%.40s'", *at);
  *at = skip_blanks(p + 1);
  return TL_OK;
}

/* A type ends at a comma outside of brackets. */
static size_t type_size(const char *text) {
  int depth = 0;
  size_t n = 0;
  for (; text[n] != 0 && (text[n] != ',' || depth > 0); n++) depth += (text[n] == '[' || text[n] == '(') - (text[n] == ']' || text[n] == ')');
  return n;
}

static tl_status read_item(tl_arena *arena, const char **at, tl_field *out, tl_error *err) {
  const char *name;
  TL_TRY(read_name(arena, at, &name, err));
  const char *type = skip_blanks(*at + 1);
  size_t size = type_size(type);
  out->name = name;
  *at = type + size;
  if (tl__csv_type_read(type, size, out)) return TL_OK;
  return tl_fail(err, TL_USAGE,
                 "schema: column %s: '%.*s' is no type; there are boolean, int8 .. int64, uint8 .. uint64, float, double, string, date, time[us], "
                 "timestamp[us], timestamp[us, UTC] (or ms, ns), decimal(12, 2)",
                 name, (int)(size > 40 ? 40 : size), type);
}

tl_status tl__csv_schema_read(tl_arena *arena, const char *text, tl_field **fields, int *count, tl_error *err) {
  size_t most = 1;
  for (const char *p = text; *p != 0; p++) most += *p == ',';
  *count = 0;
  TL_TRY(tl_arena_take(arena, fields, most, sizeof **fields, err));
  for (const char *p = skip_blanks(text);; p = skip_blanks(p + 1)) {
    TL_TRY(read_item(arena, &p, &(*fields)[*count], err));
    for (int i = 0; i < *count; i++)
      if (strcmp((*fields)[i].name, (*fields)[*count].name) == 0) return tl_fail(err, TL_USAGE, "schema: column %s is given twice", (*fields)[i].name);
    ++*count;
    if (*p == 0) return TL_OK;
  }
}
