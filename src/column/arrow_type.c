/* Types as format strings, both ways: a table of those that have no parameters, and a few lines for those that do.
   Source: Arrow C Data Interface, "Data type description - format strings". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "column/arrow_inside.h"

enum { MOST_FIXED = 1 << 20, MOST_PRECISION = 76 };

/* ---- reading ---- */

typedef struct row {
  const char *format;
  tl_arrow_type type;
} row;

#define INTEGER(n, u, p) \
  { .physical = TL_PHYSICAL_##p, .logical = TL_LOGICAL_INTEGER, .bits = n, .is_unsigned = u }
#define TIME(p, d) \
  { .physical = TL_PHYSICAL_##p, .logical = TL_LOGICAL_TIME, .digits = d }
static const row rows[] = {
    {"n", {TL_ARROW_NULL, 0, .field = {.physical = TL_PHYSICAL_INT32}}},
    {"b", {TL_ARROW_BITS, 0, .field = {.physical = TL_PHYSICAL_BOOLEAN}}},
    {"c", {TL_ARROW_NARROW, 1, .field = INTEGER(8, false, INT32)}},
    {"C", {TL_ARROW_NARROW, 1, .field = INTEGER(8, true, INT32)}},
    {"s", {TL_ARROW_NARROW, 2, .field = INTEGER(16, false, INT32)}},
    {"S", {TL_ARROW_NARROW, 2, .field = INTEGER(16, true, INT32)}},
    {"i", {TL_ARROW_PLAIN, 4, .field = {.physical = TL_PHYSICAL_INT32}}},
    {"I", {TL_ARROW_PLAIN, 4, .field = INTEGER(32, true, INT32)}},
    {"l", {TL_ARROW_PLAIN, 8, .field = {.physical = TL_PHYSICAL_INT64}}},
    {"L", {TL_ARROW_PLAIN, 8, .field = INTEGER(64, true, INT64)}},
    {"e", {TL_ARROW_PLAIN, 2, .field = {.physical = TL_PHYSICAL_FIXED, .logical = TL_LOGICAL_FLOAT16, .fixed_size = 2}}},
    {"f", {TL_ARROW_PLAIN, 4, .field = {.physical = TL_PHYSICAL_FLOAT}}},
    {"g", {TL_ARROW_PLAIN, 8, .field = {.physical = TL_PHYSICAL_DOUBLE}}},
    {"z", {TL_ARROW_BINARY, 4, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY}}},
    {"Z", {TL_ARROW_BINARY, 8, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY}}},
    {"vz", {TL_ARROW_VIEW, 0, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY}}},
    {"u", {TL_ARROW_BINARY, 4, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}}},
    {"U", {TL_ARROW_BINARY, 8, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}}},
    {"vu", {TL_ARROW_VIEW, 0, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}}},
    {"tdD", {TL_ARROW_PLAIN, 4, .field = {.physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}}},
    {"tdm", {TL_ARROW_SCALED, 8, .field = {.physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}, .times = 1, .divided = 86400000}},
    {"tts", {TL_ARROW_SCALED, 4, .field = TIME(INT32, 3), .times = 1000, .divided = 1}},
    {"ttm", {TL_ARROW_PLAIN, 4, .field = TIME(INT32, 3)}},
    {"ttu", {TL_ARROW_PLAIN, 8, .field = TIME(INT64, 6)}},
    {"ttn", {TL_ARROW_PLAIN, 8, .field = TIME(INT64, 9)}},
    {"tDs", {TL_ARROW_PLAIN, 8, .field = {.physical = TL_PHYSICAL_INT64}}},
    {"tDm", {TL_ARROW_PLAIN, 8, .field = {.physical = TL_PHYSICAL_INT64}}},
    {"tDu", {TL_ARROW_PLAIN, 8, .field = {.physical = TL_PHYSICAL_INT64}}},
    {"tDn", {TL_ARROW_PLAIN, 8, .field = {.physical = TL_PHYSICAL_INT64}}},
    {"+s", {TL_ARROW_STRUCT, 0, .shape = TL_SHAPE_STRUCT}},
    {"+l", {TL_ARROW_LIST, 4, .shape = TL_SHAPE_LIST}},
    {"+L", {TL_ARROW_LIST, 8, .shape = TL_SHAPE_LIST}},
    {"+vl", {TL_ARROW_LIST_VIEW, 4, .shape = TL_SHAPE_LIST}},
    {"+vL", {TL_ARROW_LIST_VIEW, 8, .shape = TL_SHAPE_LIST}},
    {"+m", {TL_ARROW_LIST, 4, .shape = TL_SHAPE_MAP}},
};
#undef INTEGER
#undef TIME

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* A number that fills the text up to `end`, where the next one begins. */
static bool take_int(const char **text, char end, int64_t least, int64_t most, int64_t *out) {
  char *rest;
  long long v = strtoll(*text, &rest, 10);
  if (rest == *text || *rest != end || v < least || v > most) return false;
  *text = end != 0 ? rest + 1 : rest;
  *out = v;
  return true;
}

/* As the most numbers have it: INT32, INT64, or the fewest bytes that hold them all. */
static tl_field decimal_field(int precision, int scale) {
  tl_field f = {.physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DECIMAL, .precision = precision, .scale = scale};
  if (precision > 9) f.physical = TL_PHYSICAL_INT64;
  if (precision <= 18) return f;
  f.physical = TL_PHYSICAL_FIXED;
  f.fixed_size = (precision * 33220 / 10000 + 2 + 7) / 8; /* 3.3220 > log2(10); a bit for the sign */
  return f;
}

/* d:precision,scale[,bits]; a negative scale is nothing that Parquet has. */
static bool read_decimal(tl_arrow_type *out, const char *at) {
  int64_t precision, scale, bits = 128;
  if (!take_int(&at, ',', 1, MOST_PRECISION, &precision)) return false;
  if (!take_int(&at, 0, 0, precision, &scale) && !(take_int(&at, ',', 0, precision, &scale) && take_int(&at, 0, 32, 256, &bits))) return false;
  if (bits != 32 && bits != 64 && bits != 128 && bits != 256) return false;
  *out = (tl_arrow_type){TL_ARROW_DECIMAL, (int)(bits / 8), .field = decimal_field((int)precision, (int)scale)};
  return true;
}

/* ts[smun]:zone */
static bool read_timestamp(tl_arrow_type *out, const char *at) {
  int digits = at[0] == 's' || at[0] == 'm' ? 3 : at[0] == 'u' ? 6 : at[0] == 'n' ? 9 : 0;
  if (digits == 0 || at[1] != ':') return false;
  *out = (tl_arrow_type){TL_ARROW_PLAIN, 8, .field = {.physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = digits, .utc = at[2] != 0}};
  if (at[0] == 's') out->layout = TL_ARROW_SCALED, out->times = 1000, out->divided = 1;
  return true;
}

static bool read_fixed(tl_arrow_type *out, const char *at) {
  int64_t size;
  if (!take_int(&at, 0, 1, MOST_FIXED, &size)) return false;
  *out = (tl_arrow_type){TL_ARROW_PLAIN, (int)size, .field = {.physical = TL_PHYSICAL_FIXED, .fixed_size = (int32_t)size}};
  return true;
}

static bool read_format(tl_arrow_type *out, const char *format) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].format, format) == 0) {
      *out = rows[i].type;
      return true;
    }
  if (begins(format, "d:")) return read_decimal(out, format + 2);
  if (begins(format, "ts")) return read_timestamp(out, format + 2);
  if (begins(format, "w:")) return read_fixed(out, format + 2);
  *out = (tl_arrow_type){TL_ARROW_LIST_FIXED, 0, .shape = TL_SHAPE_LIST};
  const char *at = format + 3;
  return begins(format, "+w:") && take_int(&at, 0, 0, INT32_MAX, &out->size);
}

/* Metadata is a count, then keys and values, each a length and so many bytes. */
static bool has_extension(const char *metadata, const char *name) {
  static const char key[] = "ARROW:extension:name";
  if (metadata == NULL) return false;
  int32_t pairs = (int32_t)tl_load32(metadata);
  const char *at = metadata + 4;
  for (int32_t i = 0; i < pairs; i++) {
    int32_t key_size = (int32_t)tl_load32(at), value_size;
    if (key_size < 0) return false;
    const char *key_at = at + 4;
    value_size = (int32_t)tl_load32(key_at + key_size);
    if (value_size < 0) return false;
    at = key_at + key_size + 4;
    if ((size_t)key_size == strlen(key) && memcmp(key_at, key, strlen(key)) == 0)
      return (size_t)value_size == strlen(name) && memcmp(at, name, strlen(name)) == 0;
    at += value_size;
  }
  return false;
}

tl_status tl__arrow_type_read(tl_arrow_type *out, const struct ArrowSchema *s, const tl_arrow_place *place, tl_error *err) {
  if (s->release == NULL || s->format == NULL) return tl__arrow_fail(place, err, TL_CORRUPT, "a schema that was released, or has no format");
  if (!read_format(out, s->format)) return tl__arrow_fail(place, err, TL_UNSUPPORTED, "the Arrow type \"%.40s\" is not taken", s->format);
  tl_field *f = &out->field;
  if (f->physical == TL_PHYSICAL_FIXED && f->fixed_size == 16 && f->logical == TL_LOGICAL_NONE && has_extension(s->metadata, "arrow.uuid"))
    f->logical = TL_LOGICAL_UUID;
  if (f->logical == TL_LOGICAL_STRING && has_extension(s->metadata, "arrow.json")) f->logical = TL_LOGICAL_JSON;
  int64_t children = out->shape == TL_SHAPE_VALUE ? 0 : 1;
  if (out->shape == TL_SHAPE_STRUCT ? s->n_children < 0 : s->n_children != children)
    return tl__arrow_fail(place, err, TL_CORRUPT, "the Arrow type \"%.40s\" with %" PRId64 " children", s->format, s->n_children);
  if (s->n_children > 0 && s->children == NULL) return tl__arrow_fail(place, err, TL_CORRUPT, "a schema whose children are not there");
  for (int64_t i = 0; i < s->n_children; i++)
    if (s->children[i] == NULL) return tl__arrow_fail(place, err, TL_CORRUPT, "a schema whose child %" PRId64 " is not there", i);
  return TL_OK;
}

/* ---- writing ---- */

const char tl__arrow_uuid[] = "arrow.uuid";

static tl_arrow_form integer_form(const tl_field *f, char *format) {
  static const char letters[] = "cCsSiIlL";
  int place = f->bits == 8 ? 0 : f->bits == 16 ? 2 : f->bits == 32 ? 4 : 6;
  format[0] = letters[place + f->is_unsigned];
  format[1] = 0;
  return f->bits == 8 ? TL_ARROW_TO_BYTES : f->bits == 16 ? TL_ARROW_TO_SHORTS : TL_ARROW_AS_IT_IS;
}

static tl_arrow_form physical_form(const tl_field *f, char *format) {
  static const char *const formats[TL_PHYSICAL_COUNT] = {
      [TL_PHYSICAL_BOOLEAN] = "b", [TL_PHYSICAL_INT32] = "i",  [TL_PHYSICAL_INT64] = "l",      [TL_PHYSICAL_INT96] = "tsn:",
      [TL_PHYSICAL_FLOAT] = "f",   [TL_PHYSICAL_DOUBLE] = "g", [TL_PHYSICAL_BYTE_ARRAY] = "Z", [TL_PHYSICAL_FIXED] = "w:"};
  snprintf(format, TL_ARROW_FORMAT, "%s", formats[f->physical]);
  if (f->physical == TL_PHYSICAL_FIXED) snprintf(format, TL_ARROW_FORMAT, "w:%d", f->fixed_size);
  return f->physical == TL_PHYSICAL_BOOLEAN ? TL_ARROW_TO_BITS : f->physical == TL_PHYSICAL_INT96 ? TL_ARROW_FROM_INT96 : TL_ARROW_AS_IT_IS;
}

static char unit_of(int digits) { return digits == 3 ? 'm' : digits == 6 ? 'u' : 'n'; }

tl_arrow_form tl__arrow_form(const tl_field *f, char format[TL_ARROW_FORMAT], int *width) {
  bool wide = f->precision > 38;
  *width = wide ? 32 : 16;
  switch (f->logical) {
    case TL_LOGICAL_STRING:
    case TL_LOGICAL_ENUM:
    case TL_LOGICAL_JSON: snprintf(format, TL_ARROW_FORMAT, "U"); return TL_ARROW_AS_IT_IS;
    case TL_LOGICAL_DATE: snprintf(format, TL_ARROW_FORMAT, "tdD"); return TL_ARROW_AS_IT_IS;
    case TL_LOGICAL_TIME: snprintf(format, TL_ARROW_FORMAT, "tt%c", unit_of(f->digits)); return TL_ARROW_AS_IT_IS;
    case TL_LOGICAL_TIMESTAMP: snprintf(format, TL_ARROW_FORMAT, "ts%c:%s", unit_of(f->digits), f->utc ? "UTC" : ""); return TL_ARROW_AS_IT_IS;
    case TL_LOGICAL_FLOAT16: snprintf(format, TL_ARROW_FORMAT, "e"); return TL_ARROW_AS_IT_IS;
    case TL_LOGICAL_INTEGER: return integer_form(f, format);
    case TL_LOGICAL_DECIMAL:
      if (f->precision < 1 || f->precision > MOST_PRECISION) return physical_form(f, format);
      snprintf(format, TL_ARROW_FORMAT, "d:%d,%d%s", f->precision, f->scale, wide ? ",256" : "");
      return TL_ARROW_TO_DECIMAL;
    default: return physical_form(f, format);
  }
}

/* ---- integers ---- */

bool tl__arrow_resize(const uint8_t *in, int in_size, uint8_t *out, int out_size) {
  bool negative = in_size > 0 && in[in_size - 1] & 0x80;
  uint8_t fill = negative ? 0xff : 0;
  int common = in_size < out_size ? in_size : out_size;
  memcpy(out, in, (size_t)common);
  memset(out + common, fill, (size_t)(out_size - common));
  for (int i = common; i < in_size; i++)
    if (in[i] != fill) return false;
  return ((out[out_size - 1] & 0x80) != 0) == negative;
}

void tl__arrow_reverse(uint8_t *out, const uint8_t *in, int size) {
  for (int i = 0; i < size; i++) out[i] = in[size - 1 - i];
}
