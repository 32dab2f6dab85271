/* Conditions on rows: what does not parse, exact comparisons, what statistics tell; and random conditions over random columns of every
   type, where values, codes, statistics and filters must agree with a slow oracle. The oracle knows numbers as decimal texts of any length
   (a double's exact one included), so that it shares nothing with the integers of the library. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/date.h"
#include "column/number.h"
#include "column/predicate.h"
#include "sys/sys.h"
#include "test.h"

static tl_error err;

static uint64_t dice_state = 11;
static uint64_t dice(void) {
  dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
  return dice_state >> 16;
}
static int below(int n) { return (int)(dice() % (uint64_t)n); }

/* ---- decimal texts: a sign, digits, a point, digits; without zeros that say nothing. Infinity is "+I" or "-I" ---- */

enum { DIGITS = 1600 };

static void tidy(char *out, char sign, const char *whole, size_t whole_size, const char *fraction, size_t fraction_size) {
  while (whole_size > 0 && *whole == '0') whole++, whole_size--;
  while (fraction_size > 0 && fraction[fraction_size - 1] == '0') fraction_size--;
  if (whole_size + fraction_size == 0) sign = '+';
  sprintf(out, "%c%.*s.%.*s", sign, (int)whole_size, whole, (int)fraction_size, fraction);
}

/* digits * 10^-scale, any scale. */
static void decimal_of(char *out, char sign, const char *digits, int scale) {
  char padded[DIGITS];
  size_t size = strlen(digits);
  size_t lead = scale > (int)size ? (size_t)scale - size : 0, trail = scale < 0 ? (size_t)-scale : 0;
  memset(padded, '0', lead + size + trail);
  memcpy(padded + lead, digits, size);
  size_t total = lead + size + trail, fraction = scale > 0 ? (size_t)scale : 0;
  tidy(out, sign, padded, total - fraction, padded + total - fraction, fraction);
}

static void decimal_of_int(char *out, __int128 v, int scale) {
  char digits[50];
  int at = sizeof digits - 1;
  unsigned __int128 rest = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
  digits[at] = 0;
  for (; rest > 0 || at == sizeof digits - 1; rest /= 10) digits[--at] = (char)('0' + (int)(rest % 10));
  decimal_of(out, v < 0 ? '-' : '+', digits + at, scale);
}

static void decimal_of_double(char *out, double v) {
  char text[DIGITS];
  if (isinf(v)) {
    strcpy(out, v < 0 ? "-I" : "+I");
    return;
  }
  snprintf(text, sizeof text, "%.1080f", fabs(v));
  char *point = strchr(text, '.');
  tidy(out, v < 0 ? '-' : '+', text, (size_t)(point - text), point + 1, strlen(point + 1));
}

/* "-12.50e3" */
static void decimal_of_text(char *out, const char *text) {
  char digits[DIGITS];
  char sign = *text == '-' ? '-' : '+';
  int used = 0, scale = 0;
  bool fraction = false;
  for (text += *text == '-'; *text && *text != 'e'; text++) {
    if (*text == '.')
      fraction = true;
    else
      digits[used++] = *text, scale += fraction;
  }
  digits[used] = 0;
  decimal_of(out, sign, digits, scale - (*text == 'e' ? atoi(text + 1) : 0));
}

static int compare_magnitudes(const char *a, const char *b) {
  if (*a == 'I' || *b == 'I') return (*a == 'I') - (*b == 'I');
  size_t a_whole = strcspn(a, "."), b_whole = strcspn(b, ".");
  if (a_whole != b_whole) return a_whole < b_whole ? -1 : 1;
  int order = strcmp(a, b); /* the shorter fraction is a prefix, or differs before its end */
  return (order > 0) - (order < 0);
}

static int compare_decimals(const char *a, const char *b) {
  if (*a != *b) return *a == '-' ? -1 : 1;
  return *a == '-' ? -compare_magnitudes(a + 1, b + 1) : compare_magnitudes(a + 1, b + 1);
}

/* ---- worlds: columns of every type over a pool of values each ---- */

typedef enum group { BOOLEANS, NUMBERS, REALS, INSTANTS, CLOCKS, TEXTS, UUIDS, BINARIES } group;

#define INT_FIELD(n, s) .physical = TL_PHYSICAL_INT##n, .logical = TL_LOGICAL_INTEGER, .bits = n, .is_unsigned = s
static const struct type {
  tl_field field;
  group group;
} types[] = {
    {{.name = "b", .physical = TL_PHYSICAL_BOOLEAN}, BOOLEANS},
    {{.name = "i", .physical = TL_PHYSICAL_INT32}, NUMBERS},
    {{.name = "u", INT_FIELD(32, true)}, NUMBERS},
    {{.name = "l", .physical = TL_PHYSICAL_INT64}, NUMBERS},
    {{.name = "ul", INT_FIELD(64, true)}, NUMBERS},
    {{.name = "d9", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DECIMAL, .precision = 9, .scale = 2}, NUMBERS},
    {{.name = "d18", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_DECIMAL, .precision = 18, .scale = 18}, NUMBERS},
    {{.name = "d38", .physical = TL_PHYSICAL_FIXED, .fixed_size = 16, .logical = TL_LOGICAL_DECIMAL, .precision = 38, .scale = 10}, NUMBERS},
    {{.name = "d12", .physical = TL_PHYSICAL_FIXED, .fixed_size = 5, .logical = TL_LOGICAL_DECIMAL, .precision = 12, .scale = 3}, NUMBERS},
    {{.name = "dv", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_DECIMAL, .precision = 38, .scale = 38}, NUMBERS},
    {{.name = "f", .physical = TL_PHYSICAL_FLOAT}, REALS},
    {{.name = "g", .physical = TL_PHYSICAL_DOUBLE}, REALS},
    {{.name = "h", .physical = TL_PHYSICAL_FIXED, .fixed_size = 2, .logical = TL_LOGICAL_FLOAT16}, REALS},
    {{.name = "day", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}, INSTANTS},
    {{.name = "ms", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = 3}, INSTANTS},
    {{.name = "us", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = 6, .utc = true}, INSTANTS},
    {{.name = "ns", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = 9}, INSTANTS},
    {{.name = "i96", .physical = TL_PHYSICAL_INT96}, INSTANTS},
    {{.name = "tms", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_TIME, .digits = 3}, CLOCKS},
    {{.name = "tns", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIME, .digits = 9}, CLOCKS},
    {{.name = "s", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}, TEXTS},
    {{.name = "bin", .physical = TL_PHYSICAL_BYTE_ARRAY}, TEXTS},
    {{.name = "uuid", .physical = TL_PHYSICAL_FIXED, .fixed_size = 16, .logical = TL_LOGICAL_UUID}, UUIDS},
    {{.name = "fix", .physical = TL_PHYSICAL_FIXED, .fixed_size = 3}, BINARIES},
    {{.name = "bson", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_BSON}, BINARIES},
};
enum { TYPES = sizeof types / sizeof *types, POOL = 24, ROWS = 2200, PLAIN = 64 };

typedef struct cell {
  uint8_t plain[PLAIN];
  size_t size;
  bool is_nan;
  double real;       /* for arithmetic */
  char *exact, *raw; /* numbers: as a decimal text; times: seconds, and the stored count */
} cell;

typedef struct world_column {
  const struct type *type;
  bool absent;
  cell pool[POOL];
  int pool_count;
  int codes[ROWS]; /* -1: missing */
  tl_column values, coded, dictionary;
} world_column;

static world_column world[TYPES];
static int rows;

static __int128 random_int(int bits) {
  __int128 most = bits == 128 ? (__int128)(~(unsigned __int128)0 >> 1) : ((__int128)1 << (bits - 1)) - 1;
  switch (below(5)) {
    case 0: return most - below(2);
    case 1: return -most - 1 + below(2);
    case 2: return below(7) - 3;
    case 3: return (__int128)((unsigned __int128)dice() << 64 | dice() << 20) % (most / 2 + 1);
    default: return below(2000) - 1000;
  }
}

static void put_big_endian(cell *c, __int128 v, size_t size) {
  c->size = size;
  for (size_t i = 0; i < size; i++) c->plain[size - 1 - i] = (uint8_t)(i < 16 ? v >> (8 * i) : v < 0 ? -1 : 0);
}

static __int128 power(int digits) {
  __int128 p = 1;
  while (digits-- > 0) p *= 10;
  return p;
}

static void put_exact(cell *c, __int128 v, int scale) {
  char text[DIGITS];
  decimal_of_int(text, v, scale);
  c->exact = strdup(text);
  decimal_of_int(text, v, 0);
  c->raw = strdup(text);
}

static void put_number(cell *c, const tl_field *f) {
  bool is_unsigned = tl_field_is_unsigned(f), decimal = f->logical == TL_LOGICAL_DECIMAL;
  int bits = f->physical == TL_PHYSICAL_INT32 ? 32 : f->physical == TL_PHYSICAL_INT64 ? 64 : f->fixed_size == 5 ? 40 : 128;
  __int128 v = random_int(bits);
  if (decimal && bits > 64) v %= power(f->precision);
  if (is_unsigned) v = (__int128)((unsigned __int128)v & (((unsigned __int128)1 << bits) - 1));
  put_exact(c, v, decimal ? f->scale : 0);
  c->real = (double)v / pow(10, decimal ? f->scale : 0);
  if (bits <= 64 && f->physical != TL_PHYSICAL_FIXED) {
    c->size = (size_t)bits / 8;
    memcpy(c->plain, &v, c->size);
    return;
  }
  size_t least = 16;
  while (least > 1 && v >= -((__int128)1 << (8 * least - 9)) && v < (__int128)1 << (8 * least - 9)) least--;
  put_big_endian(c, v, f->physical == TL_PHYSICAL_FIXED ? (size_t)f->fixed_size : v == 0 && below(2) ? 0 : least + (size_t)below(8));
}

static double half(uint16_t b) {
  int exponent = b >> 10 & 31;
  double m = b & 1023, v = exponent == 31 ? (b & 1023 ? NAN : INFINITY) : exponent == 0 ? m / 1024 * 0x1p-14 : (1 + m / 1024) * pow(2, exponent - 15);
  return b >> 15 ? -v : v;
}

static void put_real(cell *c, const tl_field *f) {
  static const double special[] = {0.0,
                                   -0.0,
                                   5e-324,
                                   -5e-324,
                                   1.7976931348623157e308,
                                   0.1,
                                   0.5,
                                   -1.5,
                                   3,
                                   9007199254740993.0,
                                   1e18,
                                   123456.25,
                                   -9223372036854775808.0,
                                   1.2345678901234567e25};
  int kind = below(20);
  double v = kind == 0 ? NAN : kind == 1 ? INFINITY : kind == 2 ? -INFINITY : kind < 10 ? below(9) - 4 : special[below(14)];
  uint16_t small = (uint16_t)(below(4) ? 0x3c00 + below(5) : below(65536));
  float narrow = fabs(v) > 3e38 ? (float)copysign(1e30, v) : (float)v;
  if (kind < 3) narrow = (float)v;
  c->size = (size_t)tl_field_width(f);
  memcpy(c->plain, c->size == 2 ? (void *)&small : c->size == 4 ? (void *)&narrow : (void *)&v, c->size);
  c->real = c->size == 2 ? half(small) : c->size == 4 ? (double)narrow : v;
  c->is_nan = isnan(c->real);
  char text[DIGITS];
  if (!c->is_nan) decimal_of_double(text, c->real);
  c->exact = c->is_nan ? NULL : strdup(text);
}

/* Around some moment, so that days and moments of other units meet. */
static void put_time(cell *c, const tl_field *f, group g) {
  int digits = f->physical == TL_PHYSICAL_INT96 ? 9 : f->logical == TL_LOGICAL_DATE ? 0 : f->digits;
  int64_t day = below(5) - 2, second = below(3) ? 0 : below(86400), v;
  if (g == CLOCKS) day = 0;
  v = (day * 86400 + second) * (int64_t)power(digits) + (digits > 0 && below(3) == 0 ? below((int)power(digits < 9 ? digits : 9)) : 0);
  if (f->logical == TL_LOGICAL_DATE) v = day;
  if (f->physical == TL_PHYSICAL_INT64 && g == INSTANTS && below(6) == 0) v = (int64_t)random_int(64);
  if (f->logical == TL_LOGICAL_DATE && below(6) == 0) v = (int64_t)random_int(32);
  c->size = f->physical == TL_PHYSICAL_INT96 ? 12 : f->physical == TL_PHYSICAL_INT32 ? 4 : 8;
  put_exact(c, (__int128)v * (f->logical == TL_LOGICAL_DATE ? 86400 : 1), digits);
  char text[DIGITS];
  decimal_of_int(text, v, 0);
  free(c->raw);
  c->raw = strdup(text);
  memcpy(c->plain, &v, c->size == 12 ? 8 : c->size);
  if (c->size < 12) return;
  int64_t ns = 86400000000000, rest = tl_floor_mod(v, ns);
  int32_t julian = (int32_t)(tl_floor_div(v, ns) + 2440588);
  memcpy(c->plain, &rest, 8);
  memcpy(c->plain + 8, &julian, 4);
}

static void put_bytes(cell *c, const tl_field *f) {
  static const char *const words[] = {"", "A", "AAPL", "AAPL ", "AAPM", "it's", "say \"x\"", "\xc3\xa9t\xc3\xa9", "B", "abc", "\\"};
  if (f->physical == TL_PHYSICAL_FIXED) {
    c->size = (size_t)f->fixed_size;
    for (size_t i = 0; i < c->size; i++) c->plain[i] = (uint8_t)(below(3) ? 0 : below(2) ? 0xff : 0x7f);
    return;
  }
  const char *word = words[below(11)];
  c->size = strlen(word);
  memcpy(c->plain, word, c->size);
}

static void put_cell(cell *c, const struct type *t) {
  *c = (cell){0};
  switch (t->group) {
    case BOOLEANS:
      c->size = 1;
      c->plain[0] = (uint8_t)below(2);
      put_exact(c, c->plain[0], 0);
      return;
    case NUMBERS: put_number(c, &t->field); return;
    case REALS: put_real(c, &t->field); return;
    case INSTANTS:
    case CLOCKS: put_time(c, &t->field, t->group); return;
    default: put_bytes(c, &t->field); return;
  }
}

static void put_row(tl_column *out, int64_t row, const cell *c) {
  if (out->field.physical == TL_PHYSICAL_BYTE_ARRAY) {
    if (c != NULL) OK(tl_buffer_append(&out->bytes, c->plain, c->size, &err));
    out->offsets[row + 1] = (int64_t)out->bytes.size;
  } else if (c != NULL) {
    memcpy(out->values + (size_t)row * c->size, c->plain, c->size);
  }
}

static void free_column(world_column *w) {
  for (int i = 0; i < w->pool_count; i++) free(w->pool[i].exact), free(w->pool[i].raw);
  free(w->coded.codes);
  w->coded.codes = NULL;
  tl_column_free(&w->values);
  tl_column_free(&w->coded);
  tl_column_free(&w->dictionary);
  *w = (world_column){0};
}

static void make_column(world_column *w, const struct type *t) {
  static const tl_column empty;
  free_column(w);
  w->type = t;
  w->absent = below(25) == 0;
  w->pool_count = below(10) == 0 ? 0 : 1 + below(POOL);
  for (int i = 0; i < w->pool_count; i++) put_cell(&w->pool[i], t);
  int holes = below(3) == 0 ? 0 : 1 + below(6);
  w->values = w->coded = w->dictionary = empty;
  w->values.env = w->coded.env = w->dictionary.env = tl_sys_env();
  OK(tl_column_reset(&w->values, &t->field, rows, &err));
  OK(tl_column_reset(&w->coded, &t->field, rows, &err));
  OK(tl_column_reset(&w->dictionary, &t->field, w->pool_count, &err));
  w->coded.codes = calloc((size_t)rows + 1, sizeof *w->coded.codes);
  w->coded.dictionary = &w->dictionary;
  for (int i = 0; i < w->pool_count; i++) put_row(&w->dictionary, i, &w->pool[i]);
  for (int i = 0; i < rows; i++) {
    w->codes[i] = w->pool_count == 0 || (holes > 0 && below(holes) == 0) ? -1 : below(w->pool_count);
    put_row(&w->values, i, w->codes[i] < 0 ? NULL : &w->pool[w->codes[i]]);
    if (w->codes[i] >= 0) w->coded.codes[i] = (uint32_t)w->codes[i];
  }
  for (int i = 0; i < rows; i++)
    if (w->codes[i] < 0) {
      OK(tl_column_set_null(&w->values, i, 1, &err));
      OK(tl_column_set_null(&w->coded, i, 1, &err));
    }
}

static const cell *cell_at(int column, int row) {
  const world_column *w = &world[column];
  return w->absent || w->codes[row] < 0 ? NULL : &w->pool[w->codes[row]];
}

/* ---- random conditions, as text and as what the oracle walks ---- */

typedef enum node_kind { N_TRUE, N_AND, N_OR, N_NOT, N_MISSING, N_COMPARE, N_IN, N_PAIR, N_REALS } node_kind;
typedef enum relation { O_EQ, O_NE, O_LT, O_LE, O_GT, O_GE } relation;

typedef struct operand { /* an exact number, or bytes */
  bool of_raw;           /* against the stored count */
  char *exact;
  uint8_t bytes[PLAIN];
  size_t size;
} operand;

typedef struct node {
  node_kind kind;
  struct node *a, *b;
  int left, right;
  relation operation;
  operand operands[40];
  int count;
  int sums[3]; /* REALS: left + sums[0] * factor - sums[1], against sums[2] */
  double factor;
  bool truth;
} node;

static tl_buffer text;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...) {
  char piece[2000];
  va_list args;
  va_start(args, format);
  vsnprintf(piece, sizeof piece, format, args);
  va_end(args);
  OK(tl_buffer_text(&text, piece, &err));
}

static void say_quoted(const uint8_t *bytes, size_t size) {
  char quote = below(2) ? '\'' : '"';
  say("%c", quote);
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] == quote) say("%c", quote);
    say("%c", bytes[i]);
  }
  say("%c", quote);
}

/* The column's own value, or one next to it, or one from the edges of types. */
static void number_literal(operand *o, const cell *c, group g) {
  static const char *const odd[] = {"0",
                                    "-0.5",
                                    "2.5",
                                    "1e5",
                                    "1e300",
                                    "-1e300",
                                    "1e-30",
                                    "9223372036854775807",
                                    "9223372036854775808",
                                    "-9223372036854775809",
                                    "18446744073709551615",
                                    "4294967296",
                                    "0.1",
                                    "99999999999999999999999999999999999999",
                                    "-3.0",
                                    "1.50",
                                    "255",
                                    "2147483648"};
  char literal[DIGITS], exact[DIGITS];
  if (g == REALS && c != NULL && isfinite(c->real) && below(3))
    snprintf(literal, sizeof literal, "%.17g", c->real);
  else if (g == NUMBERS && c != NULL && strlen(c->exact) <= 40 && below(3))
    snprintf(literal, sizeof literal, "%s0%s%s", c->exact[0] == '-' ? "-" : "", c->exact + 1, strlen(c->exact) < 38 && below(3) == 0 ? "5" : "");
  else
    snprintf(literal, sizeof literal, "%s", odd[below(18)]);
  decimal_of_text(exact, literal);
  bool whole = strpbrk(literal, "eE") == NULL && exact[strlen(exact) - 1] == '.';
  if (g == REALS && !whole) decimal_of_double(exact, strtod(literal, NULL));
  o->exact = strdup(exact);
  say("%s", literal);
}

static void time_literal(operand *o, const cell *c, group g) {
  char exact[DIGITS], fraction[14] = "";
  if (below(4) == 0) {
    o->of_raw = true;
    snprintf(exact, sizeof exact, "%s", c != NULL && below(2) ? c->raw : "+86400.");
    o->exact = strdup(exact);
    exact[strlen(exact) - 1] = 0;
    say("%s", exact[0] == '+' ? exact + 1 : exact);
    if (o->exact[1] == '.') say("0");
    return;
  }
  int64_t day = g == CLOCKS ? 0 : below(7) - 3, second = below(3) ? 0 : below(86400), digits = below(3) ? 0 : below(13);
  if (g == INSTANTS && below(8) == 0) day = (int64_t)below(2000000000) - 1000000000;
  for (int i = 0; i < digits; i++) fraction[i] = (char)('0' + (below(3) ? 0 : below(10)));
  int64_t part = digits > 0 ? strtoll(fraction, NULL, 10) : 0;
  decimal_of_int(exact, (__int128)(day * 86400 + second) * power((int)digits) + part, (int)digits);
  o->exact = strdup(exact);
  tl_civil date = tl_civil_of_days(day);
  const char *sign = date.year < 0 ? "-" : date.year > 9999 ? "+" : "";
  say("'");
  if (g == INSTANTS) say("%s%04lld-%02d-%02d", sign, llabs((long long)date.year), date.month, date.day);
  if (g == INSTANTS && second == 0 && digits == 0 && below(2)) {
    say("'");
    return;
  }
  if (g == INSTANTS) say(below(2) ? "T" : " ");
  say("%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60));
  if (second % 60 != 0 || digits > 0 || below(2)) say(":%02d%s%s", (int)(second % 60), digits > 0 ? "." : "", fraction);
  say(below(2) ? "Z'" : "'");
}

static void bytes_literal(operand *o, const struct type *t, const cell *c) {
  cell other;
  put_cell(&other, t);
  if (c == NULL || below(3) == 0) c = &other;
  o->size = c->size;
  memcpy(o->bytes, c->plain, c->size);
  if (t->group == TEXTS && below(4)) {
    say_quoted(c->plain, c->size);
    return;
  }
  bool uuid = t->group == UUIDS && below(2);
  say(uuid || (t->group == BINARIES && below(2)) ? "'" : "x'");
  for (size_t i = 0; i < c->size; i++) say("%s%02x", uuid && (i == 4 || i == 6 || i == 8 || i == 10) ? "-" : "", c->plain[i]);
  say("'");
}

static void literal(operand *o, int column) {
  const world_column *w = &world[column];
  const cell *c = w->pool_count > 0 ? &w->pool[below(w->pool_count)] : NULL;
  *o = (operand){0};
  switch (w->type->group) {
    case BOOLEANS:
      o->exact = strdup(below(2) ? "+1." : "+.");
      say("%s", o->exact[1] == '1' ? "true" : "FALSE");
      return;
    case NUMBERS:
    case REALS: number_literal(o, c, w->type->group); return;
    case INSTANTS:
    case CLOCKS: time_literal(o, c, w->type->group); return;
    default: bytes_literal(o, w->type, c); return;
  }
}

static const char *const signs[] = {"==", "!=", "<", "<=", ">", ">="};
static const char *const mirrored[] = {"=", "<>", ">", ">=", "<", "<="};

static node *new_node(node_kind kind) {
  node *n = calloc(1, sizeof *n);
  n->kind = kind;
  return n;
}

static node *say_compare(int column) {
  node *n = new_node(N_COMPARE);
  n->left = column;
  n->operation = (relation)below(6);
  n->count = 1;
  if (below(3)) {
    say("%s %s ", types[column].field.name, signs[n->operation]);
    literal(&n->operands[0], column);
  } else {
    literal(&n->operands[0], column);
    say(" %s `%s`", mirrored[n->operation], types[column].field.name);
  }
  return n;
}

static node *say_in(int column) {
  node *n = new_node(N_IN);
  n->left = column;
  n->truth = below(4) != 0;
  n->count = 1 + below(below(3) ? 3 : 40);
  say("%s %s (", types[column].field.name, n->truth ? "in" : "NOT in");
  for (int i = 0; i < n->count; i++) {
    if (i > 0) say(", ");
    literal(&n->operands[i], column);
  }
  say(")");
  return n;
}

static node *say_between(int column) {
  node *n = new_node(N_AND);
  n->a = new_node(N_COMPARE), n->b = new_node(N_COMPARE);
  n->a->left = n->b->left = column;
  n->a->operation = O_GE, n->b->operation = O_LE;
  n->a->count = n->b->count = 1;
  say("%s between ", types[column].field.name);
  literal(&n->a->operands[0], column);
  say(" and ");
  literal(&n->b->operands[0], column);
  return n;
}

static bool comparable(group a, group b) {
  bool a_number = a == NUMBERS || a == REALS, b_number = b == NUMBERS || b == REALS;
  return a == b || (a_number && b_number) || (a == BINARIES && b >= TEXTS) || (b == BINARIES && a >= TEXTS);
}

static node *say_pair(int column) {
  node *n = new_node(N_PAIR);
  n->left = column;
  do n->right = below(TYPES);
  while (!comparable(types[column].group, types[n->right].group));
  n->operation = (relation)below(6);
  say("%s %s %s", types[column].field.name, signs[n->operation], types[n->right].field.name);
  return n;
}

/* Columns whose doubles are the nearest ones whichever way they are computed. */
static int any_arithmetic(void) {
  static const char *const names[] = {"i", "l", "ul", "u", "f", "g", "h", "d9"};
  const char *name = names[below(8)];
  int column = 0;
  while (strcmp(types[column].field.name, name) != 0) column++;
  return column;
}

static node *say_reals(void) {
  node *n = new_node(N_REALS);
  n->left = any_arithmetic();
  for (int i = 0; i < 3; i++) n->sums[i] = any_arithmetic();
  n->factor = below(5) - 2 + 0.25;
  n->operation = (relation)below(6);
  const char *name[4] = {types[n->left].field.name, types[n->sums[0]].field.name, types[n->sums[1]].field.name, types[n->sums[2]].field.name};
  if (below(2))
    say("%s + %s * %.2f - %s %s %s", name[0], name[1], n->factor, name[2], signs[n->operation], name[3]);
  else
    say("-(-%s - %.2f*%s) - %s %s %s", name[0], n->factor, name[1], name[2], signs[n->operation], name[3]);
  return n;
}

static node *say_any(int depth);

static node *say_leaf(void) {
  int column = below(TYPES);
  node *n;
  switch (below(12)) {
    case 0: n = new_node(N_TRUE), n->truth = below(2), say(n->truth ? "true" : "false"); return n;
    case 1:
      n = new_node(N_MISSING), n->left = column, n->truth = below(2);
      say(n->truth ? (below(2) ? "missing(%s)" : "%s is null") : (below(2) ? "%s is not missing" : "not Missing ( %s )"), types[column].field.name);
      return n;
    case 2:
    case 3: return say_in(column);
    case 4: return say_between(column);
    case 5:
    case 6: return say_pair(column);
    case 7: return say_reals();
    default: return say_compare(column);
  }
}

static node *say_any(int depth) {
  if (depth == 0 || below(3) == 0) return say_leaf();
  node *n = new_node((node_kind)(N_AND + below(3)));
  say(n->kind == N_NOT ? "not (" : "(");
  n->a = say_any(depth - 1);
  if (n->kind != N_NOT) {
    say(n->kind == N_AND ? ") AND (" : ") or (");
    n->b = say_any(depth - 1);
  }
  say(")");
  return n;
}

static void free_node(node *n) {
  if (n == NULL) return;
  for (int i = 0; i < n->count; i++) free(n->operands[i].exact);
  free_node(n->a), free_node(n->b);
  free(n);
}

/* ---- the oracle ---- */

static bool satisfies(relation operation, int order) {
  switch (operation) {
    case O_EQ: return order == 0;
    case O_NE: return order != 0;
    case O_LT: return order < 0;
    case O_LE: return order <= 0;
    case O_GT: return order > 0;
    default: return order >= 0;
  }
}

static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  for (size_t i = 0; i < a_size && i < b_size; i++)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return (a_size > b_size) - (a_size < b_size);
}

static bool oracle_compare(const cell *c, relation operation, const operand *o) {
  if (c == NULL) return false;
  if (c->is_nan) return operation == O_NE;
  if (o->exact == NULL) return satisfies(operation, compare_bytes(c->plain, c->size, o->bytes, o->size));
  return satisfies(operation, compare_decimals(o->of_raw ? c->raw : c->exact, o->exact));
}

static bool oracle_pair(const cell *a, const cell *b, relation operation) {
  if (a == NULL || b == NULL) return false;
  if (a->is_nan || b->is_nan) return operation == O_NE;
  return satisfies(operation, a->exact == NULL ? compare_bytes(a->plain, a->size, b->plain, b->size) : compare_decimals(a->exact, b->exact));
}

static bool oracle_reals(const node *n, int row) {
  const cell *c[4] = {cell_at(n->left, row), cell_at(n->sums[0], row), cell_at(n->sums[1], row), cell_at(n->sums[2], row)};
  for (int i = 0; i < 4; i++)
    if (c[i] == NULL) return false;
  double x = c[0]->real + c[1]->real * n->factor - c[2]->real, y = c[3]->real;
  switch (n->operation) {
    case O_EQ: return x == y;
    case O_NE: return x != y;
    case O_LT: return x < y;
    case O_LE: return x <= y;
    case O_GT: return x > y;
    default: return x >= y;
  }
}

static bool oracle(const node *n, int row) {
  bool found = false;
  switch (n->kind) {
    case N_TRUE: return n->truth;
    case N_AND: return oracle(n->a, row) && oracle(n->b, row);
    case N_OR: return oracle(n->a, row) || oracle(n->b, row);
    case N_NOT: return !oracle(n->a, row);
    case N_MISSING: return (cell_at(n->left, row) == NULL) == n->truth;
    case N_COMPARE: return oracle_compare(cell_at(n->left, row), n->operation, &n->operands[0]);
    case N_IN:
      for (int i = 0; i < n->count; i++) found |= oracle_compare(cell_at(n->left, row), O_EQ, &n->operands[i]);
      return found == n->truth;
    case N_PAIR: return oracle_pair(cell_at(n->left, row), cell_at(n->right, row), n->operation);
    default: return oracle_reals(n, row);
  }
}

/* ---- statistics and filters as files have them ---- */

static int cell_order(const cell *a, const cell *b) {
  return a->exact != NULL ? compare_decimals(a->exact, b->exact) : compare_bytes(a->plain, a->size, b->plain, b->size);
}

static tl_bytes loose_bound(uint8_t *room, const world_column *w, const cell *bound, bool upper, bool *exact) {
  const cell *wider = &w->pool[below(w->pool_count)];
  *exact = true;
  if (below(4) == 0 && !wider->is_nan && (upper ? cell_order(wider, bound) > 0 : cell_order(wider, bound) < 0)) bound = wider, *exact = false;
  memcpy(room, bound->plain, bound->size);
  tl_bytes out = {room, bound->size};
  if (w->type->group >= TEXTS && bound->size > 1 && room[bound->size - 2] < 0xff && below(4) == 0) { /* cut, and raised */
    out.size--;
    room[out.size - 1] = (uint8_t)(room[out.size - 1] + upper);
    *exact = false;
  }
  if (w->type->group == REALS && below(2) && cell_order(bound, &(cell){.exact = "+."}) == 0) room[bound->size - 1] ^= 0x80; /* the other zero */
  if (below(12) == 0) out = (tl_bytes){0};
  if (below(40) == 0 && w->type->group < TEXTS && w->type->field.physical != TL_PHYSICAL_BYTE_ARRAY) out.size = 3; /* nonsense */
  return out;
}

static tl_interval interval_of(int column, int from, int to, uint8_t room[2][PLAIN]) {
  const world_column *w = &world[column];
  const cell *min = NULL, *max = NULL;
  tl_interval i = {.values = to - from, .no_nan = true};
  for (int row = from; row < to; row++) {
    const cell *c = cell_at(column, row);
    i.nulls += c == NULL;
    if (c == NULL) continue;
    i.no_nan &= !c->is_nan;
    if (c->is_nan) continue;
    if (min == NULL || cell_order(c, min) < 0) min = c;
    if (max == NULL || cell_order(c, max) > 0) max = c;
  }
  if (min != NULL) i.min = loose_bound(room[0], w, min, false, &i.min_exact);
  if (max != NULL) i.max = loose_bound(room[1], w, max, true, &i.max_exact);
  if (below(6) == 0) i.nulls = -1;
  if (below(4) == 0) i.no_nan = false;
  return i;
}

typedef struct asked {
  const int *columns;
  int from, to;
} asked;

static bool holds_plain(void *context, int column, tl_bytes plain) {
  const asked *a = context;
  assert_non_null(plain.data);
  for (int row = a->from; row < a->to; row++) {
    const cell *c = cell_at(a->columns[column], row);
    if (c != NULL && c->size == plain.size && memcmp(c->plain, plain.data, plain.size) == 0) return true;
  }
  return false;
}

static struct { int none, all, some, excluded, mixed; } seen;

static bool bit(const uint8_t *bits, int row) { return bits[row / 8] >> row % 8 & 1; }

static void check_range(const tl_predicate *p, const int *columns, const uint8_t *expected, int from, int to) {
  uint8_t room[TYPES][2][PLAIN];
  tl_interval intervals[TYPES];
  int count = tl_predicate_column_count(p), selected = 0;
  for (int i = 0; i < count; i++) intervals[i] = interval_of(columns[i], from, to, room[i]);
  for (int row = from; row < to; row++) selected += bit(expected, row);
  tl_verdict verdict = tl_predicate_judge(p, intervals);
  if (verdict == TL_VERDICT_NONE && selected > 0) fail_msg("none was said of %d rows in [%d, %d): %s", selected, from, to, text.data);
  if (verdict == TL_VERDICT_ALL && selected < to - from) fail_msg("all was said of %d rows in [%d, %d): %s", selected, from, to, text.data);
  bool may = tl_predicate_probe(p, holds_plain, &(asked){columns, from, to});
  if (!may && selected > 0) fail_msg("%d rows were excluded in [%d, %d): %s", selected, from, to, text.data);
  seen.none += verdict == TL_VERDICT_NONE, seen.all += verdict == TL_VERDICT_ALL, seen.some += verdict == TL_VERDICT_SOME;
  seen.excluded += !may;
  seen.mixed += selected > 0 && selected < to - from;
}

static int type_named(const char *name) {
  for (int i = 0; i < TYPES; i++)
    if (strcmp(types[i].field.name, name) == 0) return i;
  fail_msg("%s was not asked for", name);
  return -1;
}

static void check_condition(const node *n) {
  static uint8_t expected[ROWS / 8 + 1], selected[ROWS / 8 + 2];
  const tl_field *fields[TYPES];
  const tl_column *columns[TYPES];
  int named[TYPES], count;
  tl_predicate *p;
  OK(tl_predicate_parse(&p, tl_sys_env(), (const char *)text.data, &err));
  count = tl_predicate_column_count(p);
  for (int i = 0; i < count; i++) {
    named[i] = type_named(tl_predicate_column(p, i));
    fields[i] = world[named[i]].absent ? NULL : &types[named[i]].field;
  }
  OK(tl_predicate_bind(p, fields, &err));
  memset(expected, 0, sizeof expected);
  for (int row = 0; row < rows; row++) expected[row / 8] |= (uint8_t)(oracle(n, row) << row % 8);
  for (int way = 0; way < 3; way++) { /* values, codes, some of each */
    for (int i = 0; i < count; i++)
      columns[i] = world[named[i]].absent ? NULL : way == 0 || (way == 2 && below(2)) ? &world[named[i]].values : &world[named[i]].coded;
    memset(selected, 0xa5, sizeof selected);
    OK(tl_predicate_select(p, columns, rows, selected, &err));
    for (int row = 0; row < rows; row++)
      if (bit(selected, row) != bit(expected, row)) fail_msg("row %d is %d with %d: %s", row, bit(selected, row), way, text.data);
    assert_memory_equal(selected, expected, (size_t)(rows + 7) / 8);
    assert_int_equal(selected[(rows + 7) / 8], 0xa5);
  }
  for (int i = 0; i < 4; i++) {
    int from = rows > 0 ? below(rows) : 0, to = from + (rows > from ? below(rows - from < 9 ? rows - from + 1 : 9) : 0);
    check_range(p, named, expected, from, to);
  }
  check_range(p, named, expected, 0, rows);
  tl_predicate_free(p);
}

static void random_conditions_agree(void **state) {
  (void)state;
  text = (tl_buffer){.env = tl_sys_env()};
  for (int round = 0; round < 1000; round++) {
    rows = round % 40 == 0 ? below(ROWS) : below(30);
    for (int i = 0; i < TYPES; i++) make_column(&world[i], &types[i]);
    for (int i = 0; i < 40; i++) {
      text.size = 0;
      node *n = say_any(below(4));
      OK(tl_buffer_byte(&text, 0, &err));
      check_condition(n);
      free_node(n);
    }
  }
  for (int i = 0; i < TYPES; i++) free_column(&world[i]);
  tl_buffer_free(&text);
  assert_true(seen.none > 1000 && seen.all > 1000 && seen.some > 1000 && seen.excluded > 1000 && seen.mixed > 1000);
}

/* ---- what does not parse or bind ---- */

static const tl_field *field_named(const char *name) {
  for (int i = 0; i < TYPES; i++)
    if (strcmp(types[i].field.name, name) == 0) return &types[i].field;
  return NULL;
}

static tl_status try_text(const char *condition) {
  tl_predicate *p;
  TL_TRY(tl_predicate_parse(&p, tl_sys_env(), condition, &err));
  const tl_field *fields[TYPES];
  for (int i = 0; i < tl_predicate_column_count(p); i++) fields[i] = field_named(tl_predicate_column(p, i));
  tl_status status = tl_predicate_bind(p, fields, &err);
  tl_predicate_free(p);
  return status;
}

static void errors_say_where(void **state) {
  (void)state;
  static const struct {
    const char *condition, *message;
  } cases[] = {
      {"", "the condition ends too early"},
      {"i >", "ends too early"},
      {"i > 1 x", "`and`, `or` or the end"},
      {"1 < i < 3", "do not chain"},
      {"i between 1 and 2 == b", "do not chain"},
      {"i in (1) in (2)", "do not chain"},
      {"(i > 1", "`)` is expected"},
      {"i in ()", "a column or a value"},
      {"i in (1,)", "a column or a value"},
      {"i in (1, u)", "literals alone"},
      {"i in 1", "`(` is expected"},
      {"1 in (1)", "needs a column"},
      {"1 < 2", "needs a column"},
      {"i between 1", "x between A and B"},
      {"i", "do not compare"},
      {"5", "a condition is expected"},
      {"i + 1", "a condition is expected"},
      {"i and b", "do not compare"},
      {"(i > 1) > 2", "a value is expected"},
      {"(i > 1) + 2 > 3", "a value is expected"},
      {"i + 'a' > 3", "arithmetic takes numbers"},
      {"i + true > 3", "arithmetic takes numbers"},
      {"s = 'abc", "no closing quote"},
      {"`s = 1", "no closing quote"},
      {"`` = 1", "at least one letter"},
      {"i == null", "`x is null`"},
      {"i not 3", "`in` or `between`"},
      {"i is 3", "`null` or `missing`"},
      {"i + 1 is null", "only a column"},
      {"sqrt(i) > 2", "no such function"},
      {"missing(3)", "a column is expected"},
      {"i > 1 && b", "written `and`"},
      {"!b", "written `not`"},
      {"i > 1 ; b", "means nothing"},
      {"and > 1", "backticks"},
      {"1d > 1", "not a number"},
      {"1.2.3 > i", "not a number"},
      {"i > 123456789012345678901234567890123456789", "at most 38 digits"},
      {"i > 1e400", "beyond what a double"},
      {"i > 1e99999999999", "beyond what a double"},
      {"fix == x'abc'", "hex"},
      {"i > 'abc'", "column i is int32, 'abc' is a text: they do not compare; compare with a number"},
      {"'abc' < l", "'abc' is a text, column l is int64"},
      {"i == true", "true is true or false"},
      {"s > 5", "put texts in quotes"},
      {"s > -5", "put texts in quotes"},
      {"b > 1", "true or false"},
      {"day > '2025-02-30'", "column day is date, '2025-02-30' is a text"},
      {"day > '2025-02'", "do not compare"},
      {"ms > '2025-02-03T25:00'", "do not compare"},
      {"ms > '2025-02-03T10:00:00.'", "do not compare"},
      {"ms > '2025-02-03T10:00:00.1234567890123456789'", "do not compare"},
      {"ms > '2025-02-03T10:00+01:00'", "do not compare"},
      {"tms == '2025-02-03'", "time of day"},
      {"tms == ns", "column tms is time[ms], column ns is timestamp[ns]"},
      {"day == i", "do not compare"},
      {"s == l", "do not compare"},
      {"s == uuid", "do not compare"},
      {"uuid == 'abc'", "compare with a text like"},
      {"fix == 'xyz'", "hex"},
      {"i in (1, 'a')", "'a' is a text"},
      {"i + 1 in (1, 'a')", "'a' is a text"},
      {"i + 1 == 'a'", "they do not compare"},
      {"ns + 1 > 0", "column ns is timestamp[ns]: arithmetic takes numbers"},
      {"b + 1 > 0", "arithmetic takes numbers"},
      {"\xff == 1", "UTF-8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (try_text(cases[i].condition) != TL_USAGE) fail_msg("%s was taken", cases[i].condition);
    if (strstr(err.text, cases[i].message) == NULL) fail_msg("%s: %s", cases[i].condition, err.text);
  }
  assert_int_equal(try_text("i > 3 and\n\tu ? 2"), TL_USAGE);
  assert_string_equal(err.text, "condition: a character that means nothing here\n    i > 3 and  u ? 2\n                 ^");
  assert_int_equal(try_text("i > 3 and s > 55"), TL_USAGE);
  assert_string_equal(err.text,
                      "condition: column s is string, 55 is a number: they do not compare; put texts in quotes\n    i > 3 and s > 55\n              ^~~~~~");
  assert_int_equal(try_text("s == '\xc3\xa9' or i > 'x'"), TL_USAGE);
  assert_non_null(strstr(err.text, "\n    s == '\xc3\xa9' or i > 'x'\n                ^~~~~~~"));
}

static void repeat(char *out, const char *piece, int count) {
  size_t size = strlen(piece);
  for (int i = 0; i < count; i++) memcpy(out + strlen(out), piece, size + 1);
}

static void everything_is_bounded(void **state) {
  (void)state;
  char *long_text = calloc(1, 2 << 20);
  static const char *const openings[] = {"(", "not ", "-"};
  for (int i = 0; i < 3; i++)
    for (int count = 10; count <= 1000; count *= 10) {
      long_text[0] = 0;
      repeat(long_text, openings[i], count);
      strcat(long_text, i == 2 ? "i > 3" : "i > 1");
      if (i == 0) repeat(long_text, ")", count);
      assert_int_equal(try_text(long_text), count > 64 ? TL_USAGE : TL_OK);
      if (count > 64) assert_non_null(strstr(err.text, "nested more than 64 deep"));
    }
  strcpy(long_text, "i > 0");
  repeat(long_text, "+1", 1000);
  assert_int_equal(try_text(long_text), TL_USAGE);
  strcpy(long_text, "b");
  repeat(long_text, " and b", 10000);
  assert_int_equal(try_text(long_text), TL_OK);
  strcpy(long_text, "i in (1");
  repeat(long_text, ",1", 4095);
  assert_int_equal(try_text(strcat(long_text, ")")), TL_OK);
  long_text[strlen(long_text) - 1] = 0;
  assert_int_equal(try_text(strcat(long_text, ",2)")), TL_USAGE);
  assert_non_null(strstr(err.text, "at most 4096 literals"));
  memset(long_text, ' ', (1 << 20) + 1);
  long_text[(1 << 20) + 1] = 0;
  assert_int_equal(try_text(long_text), TL_USAGE);
  free(long_text);
}

static void columns_are_named_once(void **state) {
  (void)state;
  tl_predicate *p;
  OK(tl_predicate_parse(&p, tl_sys_env(), "b.x > 1 or `odd ``name` == 'a' and B.x < 2 and not missing(b.x) and `in` and Missing", &err));
  static const char *const names[] = {"b.x", "odd `name", "B.x", "in", "Missing"};
  assert_int_equal(tl_predicate_column_count(p), 5);
  for (int i = 0; i < 5; i++) assert_string_equal(tl_predicate_column(p, i), names[i]);
  tl_predicate_free(p);
}

static void wide_decimals_are_refused(void **state) {
  (void)state;
  tl_predicate *p;
  tl_field wide = {.name = "x", .physical = TL_PHYSICAL_FIXED, .fixed_size = 32, .logical = TL_LOGICAL_DECIMAL, .precision = 76, .scale = 2};
  OK(tl_predicate_parse(&p, tl_sys_env(), "x > 1", &err));
  assert_int_equal(tl_predicate_bind(p, (const tl_field *[]){&wide}, &err), TL_UNSUPPORTED);
  wide.precision = 38;
  OK(tl_predicate_bind(p, (const tl_field *[]){&wide}, &err));
  OK(tl_predicate_bind(p, (const tl_field *[]){NULL}, &err));
  tl_predicate_free(p);
}

/* ---- rows by hand ---- */

/* Two rows: the column of the name holds the value and is missing; every other column is absent. */
static uint8_t select_value(const char *condition, const char *name, const void *value, size_t size) {
  tl_predicate *p;
  TL_OWNED(tl_column) c = {.env = tl_sys_env()};
  const tl_field *fields[TYPES], *field = field_named(name);
  const tl_column *columns[TYPES];
  uint8_t selected = 0;
  cell one = {.size = size};
  memcpy(one.plain, value, size);
  OK(tl_column_reset(&c, field, 2, &err));
  put_row(&c, 0, &one);
  put_row(&c, 1, NULL);
  OK(tl_column_set_null(&c, 1, 1, &err));
  OK(tl_predicate_parse(&p, tl_sys_env(), condition, &err));
  for (int i = 0; i < tl_predicate_column_count(p); i++) {
    bool is_it = strcmp(tl_predicate_column(p, i), name) == 0;
    fields[i] = is_it ? field : NULL;
    columns[i] = is_it ? &c : NULL;
  }
  OK(tl_predicate_bind(p, fields, &err));
  OK(tl_predicate_select(p, columns, 2, &selected, &err));
  tl_predicate_free(p);
  return selected;
}

/* Each condition with what it selects: 1 the value, 2 the missing row, 3 both. */
typedef struct hand_case {
  const char *condition;
  uint8_t selected;
} hand_case;

static void check_hand(const hand_case *cases, size_t count, const char *name, const void *value, size_t size) {
  for (size_t i = 0; i < count; i++) {
    uint8_t selected = select_value(cases[i].condition, name, value, size);
    if (selected != cases[i].selected) fail_msg("%s selects %d, not %d", cases[i].condition, selected, cases[i].selected);
  }
}
#define HAND(name, value, size, ...)                                    \
  do {                                                                  \
    static const hand_case cases[] = {__VA_ARGS__};                     \
    check_hand(cases, sizeof cases / sizeof *cases, name, value, size); \
  } while (0)

static void comparisons_are_exact(void **state) {
  (void)state;
  int64_t big = 9007199254740993; /* 2^53 + 1: no double */
  HAND("l", &big, 8, {"l == 9007199254740993", 1}, {"l == 9007199254740992", 0}, {"l == 9007199254740993.0", 1}, {"l > 9007199254740992.5", 1},
       {"l < 9007199254740993.5", 1}, {"l == 9.007199254740993e15", 1}, {"l in (1, 9007199254740992, 9007199254740993)", 1}, {"l < 1e300", 1},
       {"l > -1e300", 1}, {"l < 99999999999999999999", 1}, {"l != 0.5", 1}, {"l == 0.5", 0}, {"not l == 0.5", 3},
       {"l between 9007199254740993 and 9007199254740993", 1}, {"l > 1e-300", 1}, {"l + 0 == 9007199254740992", 1});
  int64_t least = INT64_MIN;
  HAND("l", &least, 8, {"l < -9223372036854775808", 0}, {"l <= -9223372036854775808", 1}, {"l > -9223372036854775809", 1}, {"l == -9223372036854775808", 1},
       {"l < -9223372036854775807.5", 1});
  uint64_t most = UINT64_MAX;
  HAND("ul", &most, 8, {"ul == 18446744073709551615", 1}, {"ul > 18446744073709551614", 1}, {"ul > 9223372036854775807", 1}, {"ul >= 18446744073709551616", 0},
       {"ul > -1", 1}, {"ul == -1", 0});
  int32_t cents = 1250;
  HAND("d9", &cents, 4, {"d9 == 12.5", 1}, {"d9 == 12.50", 1}, {"d9 == 12.500000000000000000000000000000000001", 0}, {"d9 < 12.5000001", 1},
       {"d9 in (12, 12.5)", 1}, {"d9 = 1250e-2", 1}, {"d9 == 12.5000000000000000000000000000000000000000000000", 1},
       {"d9 > 0.00000000000000000000000000000000000000000001", 1}, {"d9 < 1000000000000000000000000000000000000000000000", 1},
       {"d9 > -1000000000000000000000000000000000000000000000", 1}, {"d9 == 0000000000000000000000000000000000000000000012.5", 1},
       {"d9 == 12500000000000000000000000000000000000000000000e-45", 1});
  double tenth = 0.1;
  HAND("g", &tenth, 8, {"g == 0.1", 1}, {"g == 1e-1", 1}, {"g == 0.10000000000000000555", 1}, {"g in (0.1)", 1}, {"g <= 0.1", 1}, {"g > 0.1", 0},
       {"0.1 == g", 1}, {"g*10 == 1", 1});
  double even = 9007199254740992.0, far = 9223372036854775808.0; /* 2^53, 2^63 */
  HAND("g", &even, 8, {"g == 9007199254740993", 0}, {"g == 9007199254740993.0", 0}, {"g != 9007199254740993", 1}, {"g < 9007199254740993", 1},
       {"g <= 9007199254740993", 1}, {"g >= 9007199254740993", 0}, {"g in (1, 9007199254740993)", 0}, {"g in (1, 9007199254740992)", 1},
       {"g == 9.007199254740993e15", 1}, {"g between 9007199254740991 and 9007199254740993", 1}, {"not g > 9007199254740991", 2});
  HAND("g", &far, 8, {"g == 9223372036854775807", 0}, {"g > 9223372036854775807", 1}, {"g <= 9223372036854775807", 0}, {"g == 9223372036854775808", 1});
  float narrow = 0.1f;
  HAND("f", &narrow, 4, {"f == 0.1", 0}, {"f > 0.1", 1}, {"f == 0.100000001490116119384765625", 1});
  double not = NAN, zero = -0.0;
  HAND("g", &not, 8, {"g == g", 0}, {"g != g", 1}, {"g != 1", 1}, {"g == 1", 0}, {"g < 1", 0}, {"not g < 1", 3}, {"g in (1)", 0}, {"g + 1 != 2", 1},
       {"g <= g", 0});
  HAND("g", &zero, 8, {"g == 0", 1}, {"g >= 0", 1}, {"g < 0", 0}, {"g in (0)", 1}, {"g == -0.0", 1}, {"1 / g < 0", 1});
}

/* Pairs that differ in their last bit or digit, or not at all. */
static void near_numbers_are_told_apart(void **state) {
  (void)state;
  char one[DIGITS], other[DIGITS];
  int met[3] = {0};
  for (int i = 0; i < 20000; i++) {
    int a_scale = below(39), b_scale = below(39);
    __int128 b = random_int(below(2) ? 128 : 64), a = b;
    decimal_of_int(other, b, b_scale);
    for (int scale = b_scale; scale < a_scale && a < power(37) && a > -power(37); scale++) a *= 10;
    for (int scale = b_scale; scale > a_scale; scale--) a /= 10;
    a += a < power(37) && a > -power(37) ? below(3) - 1 : 0;
    decimal_of_int(one, a, a_scale);
    assert_int_equal(tl_scaled_compare(a, a_scale, b, b_scale), compare_decimals(one, other));
    double near = strtod(other + (*other == '+'), NULL);
    if (below(2))
      b = (__int128)(below(2048) - 1024) * (b_scale < 12 ? 0 : power(b_scale) / 1024), near = (double)b / pow(10, b_scale), decimal_of_int(other, b, b_scale);
    for (int turn = below(3); turn > 0; turn--) near = nextafter(near, below(2) ? INFINITY : -INFINITY);
    decimal_of_double(one, near);
    int order = compare_decimals(one, other);
    assert_int_equal(tl_real_compare(near, b, b_scale), order);
    met[order + 1]++;
  }
  for (int i = 0; i < 3; i++) assert_true(met[i] > 1000);
  assert_int_equal(tl_real_compare(NAN, 0, 0), TL_UNORDERED);
  assert_int_equal(tl_real_compare(INFINITY, TL_INT128_MAX, 0), 1);
  assert_int_equal(tl_real_compare(-0x1p127, TL_INT128_MIN, 0), 0);
}

static void long_binary_numbers_are_clamped(void **state) {
  (void)state;
  uint8_t bytes[20] = {0};
  bytes[19] = 7;
  assert_true(tl_big_endian_clamped((tl_bytes){bytes, 20}) == 7);
  assert_true(tl_big_endian_clamped((tl_bytes){bytes, 0}) == 0);
  bytes[4] = 0x80;
  assert_true(tl_big_endian_clamped((tl_bytes){bytes, 20}) == TL_INT128_MAX);
  assert_true(tl_big_endian_clamped((tl_bytes){bytes + 3, 17}) == TL_INT128_MAX);
  assert_true(tl_big_endian_clamped((tl_bytes){bytes + 4, 16}) == TL_INT128_MIN + 7);
  bytes[3] = 0xff;
  assert_true(tl_big_endian_clamped((tl_bytes){bytes + 3, 17}) == TL_INT128_MIN + 7);
  bytes[4] = 0;
  assert_true(tl_big_endian_clamped((tl_bytes){bytes + 3, 17}) == TL_INT128_MIN);
}

static void times_are_exact(void **state) {
  (void)state;
  int64_t ms = 1764062100000; /* 2025-11-25T09:15:00 */
  HAND("ms", &ms, 8, {"ms == '2025-11-25T09:15:00'", 1}, {"ms == '2025-11-25 09:15Z'", 1}, {"ms == 1764062100000", 1}, {"ms < '2025-11-25T09:15:00.0005'", 1},
       {"ms > '2025-11-25T09:14:59.9999'", 1}, {"ms == '2025-11-25T09:15:00.0005'", 0}, {"ms > '2025-11-25'", 1}, {"ms < '2025-11-26'", 1},
       {"ms < '+12025-01-01'", 1}, {"ms > '-0001-01-01'", 1}, {"ms < 1764062100000.5", 1}, {"ms between '2025-11-25' and '2025-11-25T09:15:00.000'", 1},
       {"ms == 1764062100", 0});
  int32_t day = 20417;
  HAND("day", &day, 4, {"day == '2025-11-25'", 1}, {"day == '2025-11-25T00:00:00.000'", 1}, {"day < '2025-11-25T00:00:00.001'", 1},
       {"day == '2025-11-25T12:00'", 0}, {"day > '2025-11-24T23:59:59'", 1}, {"day == 20417", 1}, {"day in ('2025-11-25', '2025-11-25T12:00')", 1});
  uint8_t int96[12] = {0};
  int64_t ns = 33300000000001;
  int32_t julian = 20417 + 2440588;
  memcpy(int96, &ns, 8);
  memcpy(int96 + 8, &julian, 4);
  HAND("i96", int96, 12, {"i96 == '2025-11-25T09:15:00.000000001'", 1}, {"i96 > '2025-11-25T09:15'", 1}, {"i96 == 1764062100000000001", 1},
       {"i96 < '2025-11-25T09:15:00.00000000100001'", 1});
  int32_t clock = 34200500;
  HAND("tms", &clock, 4, {"tms == '09:30:00.5'", 1}, {"tms > '09:30'", 1}, {"tms == 34200500", 1}, {"tms < '09:30:00.5001'", 1});
}

static void texts_flags_and_missing(void **state) {
  (void)state;
  HAND("s", "it's", 4, {"s == 'it''s'", 1}, {"s == \"it's\"", 1}, {"s > 'it'", 1}, {"s < 'iu'", 1}, {"s >= 'it''s'", 1}, {"s > 'it''s'", 0},
       {"s == x'69742773'", 1}, {"s in ('a', 'it''s')", 1}, {"s != ''", 1}, {"s == ''", 0}, {"s is null", 2}, {"s is not null", 1}, {"missing(s)", 2},
       {"NOT MISSING(s)", 1}, {"s is missing or s > 'a'", 3}, {"s not in ('a')", 3}, {"s != 'a'", 1}, {"not s == 'a'", 3}, {"s not between 'a' and 'b'", 3},
       {"absent == 1", 0}, {"not absent == 1", 3}, {"missing(absent)", 3}, {"absent + 1 > 0", 0}, {"absent == s", 0}, {"absent != s", 0}, {"true", 3},
       {"false", 0});
  uint8_t flag = 1, uuid[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  HAND("b", &flag, 1, {"b", 1}, {"not b", 2}, {"b == true", 1}, {"b == false", 0}, {"b != false", 1}, {"not (b == false)", 3}, {"b in (true, false)", 1},
       {"(b)", 1}, {"(b) = True", 1});
  HAND("uuid", uuid, 16, {"uuid == '00112233-4455-6677-8899-AABBCCDDEEFF'", 1}, {"uuid > x'00112233'", 1}, {"uuid < x'00112234'", 1});
  HAND("fix", "\xde\xad\x00", 3, {"fix == 'dead00'", 1}, {"fix == 'DEAD00'", 1}, {"fix > 'dead'", 1}, {"fix == 'dead'", 0}, {"fix < x'deae'", 1});
  HAND("bin", "AAPL", 4, {"bin == 'AAPL'", 1}, {"bin == x'4141504c'", 1});
  int32_t two = 2;
  HAND("i", &two, 4, {"i == 1 or i == 2 and i == 3", 0}, {"(i == 1 or i == 2) and i == 2", 1}, {"not i == 1 and i == 2", 1}, {"i + 1 * 2 == 4", 1},
       {"(i + 1) * 2 == 6", 1}, {"-i + 5 - 1 == 2", 1}, {"8 / i / 2 == 2", 1}, {"i between 1 and 2 and true", 1}, {"i / 0 > 1", 1}, {"i + 1 in (3, 4)", 1},
       {"i+1 not in (3)", 2}, {"i>-3", 1}, {"i > - 3", 1}, {"i == --2", 1}, {"i <> 3", 1}, {"i is not null and i in (2)", 1});
}

/* ---- statistics by hand ---- */

static tl_bytes plain(const void *value, size_t size) { return (tl_bytes){value, size}; }

static void check_verdict(const char *condition, const char *name, tl_interval interval, tl_verdict expected) {
  tl_predicate *p;
  OK(tl_predicate_parse(&p, tl_sys_env(), condition, &err));
  assert_int_equal(tl_predicate_column_count(p), 1);
  OK(tl_predicate_bind(p, (const tl_field *[]){field_named(name)}, &err));
  tl_verdict verdict = tl_predicate_judge(p, &interval);
  if (verdict != expected) fail_msg("%s: %d, not %d", condition, verdict, expected);
  assert_string_equal(tl_predicate_column(p, 0), name);
  tl_predicate_free(p);
}

typedef struct verdict_case {
  const char *condition;
  tl_verdict full, holes, unknown; /* with no missing values, with some, not known */
} verdict_case;

#define NONE TL_VERDICT_NONE
#define SOME TL_VERDICT_SOME
#define ALL TL_VERDICT_ALL

static void integers_are_judged(void **state) {
  (void)state;
  static const verdict_case cases[] = {
      {"i > 20", NONE, NONE, NONE},
      {"i > 19", SOME, SOME, SOME},
      {"i >= 10", ALL, SOME, SOME},
      {"i > 9.5", ALL, SOME, SOME},
      {"i == 15", SOME, SOME, SOME},
      {"i == 9", NONE, NONE, NONE},
      {"i != 9", ALL, SOME, SOME},
      {"i != 15", SOME, SOME, SOME},
      {"not i > 20", ALL, ALL, ALL},
      {"not i >= 10", NONE, SOME, SOME},
      {"i in (1, 2)", NONE, NONE, NONE},
      {"i in (1, 12)", SOME, SOME, SOME},
      {"i not in (1, 2)", ALL, ALL, ALL},
      {"i < 1e12", ALL, SOME, SOME},
      {"missing(i)", NONE, SOME, SOME},
      {"i is not null", ALL, SOME, SOME},
      {"i > 20 or i < 30", ALL, SOME, SOME},
      {"i > 20 and i < 30", NONE, NONE, NONE},
      {"i between 10 and 20", ALL, SOME, SOME},
      {"i + 1 > 100", SOME, SOME, SOME},
  };
  int32_t low = 10, high = 20;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tl_interval interval = {.min = plain(&low, 4), .max = plain(&high, 4), .values = 100};
    check_verdict(cases[i].condition, "i", interval, cases[i].full);
    interval.nulls = 7;
    check_verdict(cases[i].condition, "i", interval, cases[i].holes);
    interval.nulls = -1;
    check_verdict(cases[i].condition, "i", interval, cases[i].unknown);
  }
  tl_interval one = {.min = plain(&low, 4), .max = plain(&low, 4), .values = 5};
  check_verdict("i == 10", "i", one, ALL);
  check_verdict("i in (3, 10)", "i", one, ALL);
  check_verdict("i != 10", "i", one, NONE);
  one.nulls = 5;
  check_verdict("i == 10", "i", one, NONE);
  check_verdict("not i == 10", "i", one, ALL);
  check_verdict("missing(i)", "i", one, ALL);
  one.values = one.nulls = 0;
  check_verdict("true or i == 10", "i", one, NONE);
  tl_interval reversed = {.min = plain(&high, 4), .max = plain(&low, 4), .values = 5}, cut = {.min = plain(&low, 3), .max = plain(&high, 4), .values = 5};
  check_verdict("i > 50", "i", reversed, SOME);
  check_verdict("i < 5", "i", cut, SOME);
  check_verdict("i < 25", "i", cut, ALL);
  check_verdict("i < 5000000000", "i", (tl_interval){.values = 5}, ALL);
}

static void reals_and_texts_are_judged(void **state) {
  (void)state;
  double low = -1, high = -0.0, nothing = NAN;
  tl_interval r = {.min = plain(&low, 8), .max = plain(&high, 8), .values = 9, .no_nan = true};
  check_verdict("g <= 0", "g", r, ALL);
  check_verdict("g >= 0", "g", r, SOME);
  check_verdict("g > 0", "g", r, NONE);
  check_verdict("g != 1", "g", r, ALL);
  r.no_nan = false;
  check_verdict("g <= 0", "g", r, SOME);
  check_verdict("not g <= 0", "g", r, SOME);
  check_verdict("g != 1", "g", r, ALL);
  check_verdict("g > 0", "g", r, NONE);
  r.min = r.max;
  check_verdict("g != 0", "g", r, SOME);
  r.no_nan = true;
  check_verdict("g != 0", "g", r, NONE);
  check_verdict("g == 0", "g", r, ALL);
  r.max = plain(&nothing, 8);
  check_verdict("g > 5", "g", r, SOME);
  tl_interval t = {.min = plain("AA", 2), .max = plain("AC", 2), .values = 9};
  check_verdict("s > 'AD'", "s", t, NONE);
  check_verdict("s >= 'AC'", "s", t, SOME);
  check_verdict("s > 'AC'", "s", t, NONE);
  check_verdict("s < 'ACA'", "s", t, ALL);
  check_verdict("s >= 'AA'", "s", t, ALL);
  check_verdict("s > 'AA'", "s", t, SOME);
  check_verdict("s == 'AAPL'", "s", t, SOME);
  check_verdict("s == 'A'", "s", t, NONE);
  t.max = t.min;
  check_verdict("s == 'AA'", "s", t, SOME);
  check_verdict("s != 'AA'", "s", t, SOME);
  t.min_exact = t.max_exact = true;
  check_verdict("s == 'AA'", "s", t, ALL);
  check_verdict("s in ('B', 'AA')", "s", t, ALL);
  check_verdict("s != 'AA'", "s", t, NONE);
}

static bool holds_nothing(void *context, int column, tl_bytes value) {
  (void)column;
  tl_buffer *found = context;
  OK(tl_buffer_append(found, value.data, value.size, &err));
  return false;
}

static void filters_are_asked_in_plain_form(void **state) {
  (void)state;
  static const struct {
    const char *condition, *name;
    bool may;
    size_t size;
    const char *bytes;
  } cases[] = {
      {"i == 258", "i", false, 4, "\2\1\0\0"},
      {"d18 == 0.000000000000000258", "d18", false, 8, "\2\1\0\0\0\0\0\0"},
      {"i == 0.5", "i", false, 0, ""},
      {"i > 5", "i", true, 0, ""},
      {"not i == 5", "i", true, 0, ""},
      {"i != 5", "i", true, 0, ""},
      {"b == true", "b", true, 0, ""},
      {"g == 0", "g", false, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"},
      {"f == 0.1", "f", false, 0, ""},
      {"f == 0.5", "f", false, 4, "\0\0\0\x3f"},
      {"s in ('b', 'a')", "s", false, 2, "ab"},
      {"s == 'ab' or missing(s)", "s", true, 2, "ab"},
      {"s == 'ab' and s > 'a'", "s", false, 2, "ab"},
      {"day == '1970-01-03'", "day", false, 4, "\2\0\0\0"},
      {"d38 == 1", "d38", true, 0, ""},
      {"uuid == x'01'", "uuid", false, 1, "\1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    TL_OWNED(tl_buffer) found = {.env = tl_sys_env()};
    tl_predicate *p;
    OK(tl_predicate_parse(&p, tl_sys_env(), cases[i].condition, &err));
    OK(tl_predicate_bind(p, (const tl_field *[]){field_named(cases[i].name)}, &err));
    if (tl_predicate_probe(p, holds_nothing, &found) != cases[i].may || found.size != cases[i].size)
      fail_msg("%s: %zu bytes asked", cases[i].condition, found.size);
    if (found.size > 0) assert_memory_equal(found.data, cases[i].bytes, found.size);
    tl_predicate_free(p);
  }
}

/* ---- memory that runs out ---- */

static int allocations_left;

static void *scarce(tl_env *env, void *memory, size_t old_size, size_t new_size) {
  if (new_size > 0 && allocations_left-- <= 0) return NULL;
  return tl_sys_env()->resize(env, memory, old_size, new_size);
}

static tl_status select_once(tl_env *env, const tl_column *column, uint8_t *selected) {
  tl_predicate *p = NULL;
  tl_status status = tl_predicate_parse(&p, env, "s == 'a' or s in ('b', 'c') or missing(s)", &err);
  if (status == TL_OK) status = tl_predicate_bind(p, (const tl_field *[]){field_named("s")}, &err);
  if (status == TL_OK) status = tl_predicate_select(p, &column, 3, selected, &err);
  tl_predicate_free(p);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  TL_OWNED(tl_column) entries = {.env = tl_sys_env()};
  OK(tl_column_reset(&entries, field_named("s"), 2, &err));
  put_row(&entries, 0, &(cell){.plain = "a", .size = 1});
  put_row(&entries, 1, &(cell){.plain = "z", .size = 1});
  tl_column coded = {.field = *field_named("s"), .count = 3, .dictionary = &entries, .codes = (uint32_t[]){1, 0, 1}};
  tl_env env = *tl_sys_env();
  env.resize = scarce;
  uint8_t selected = 0;
  int failures = 0;
  for (;; failures++) {
    allocations_left = failures;
    tl_status status = select_once(&env, &coded, &selected);
    if (status == TL_OK) break;
    assert_int_equal(status, TL_MEMORY);
  }
  assert_int_equal(selected, 2);
  assert_true(failures >= 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_say_where),
      cmocka_unit_test(everything_is_bounded),
      cmocka_unit_test(columns_are_named_once),
      cmocka_unit_test(wide_decimals_are_refused),
      cmocka_unit_test(comparisons_are_exact),
      cmocka_unit_test(near_numbers_are_told_apart),
      cmocka_unit_test(long_binary_numbers_are_clamped),
      cmocka_unit_test(times_are_exact),
      cmocka_unit_test(texts_flags_and_missing),
      cmocka_unit_test(integers_are_judged),
      cmocka_unit_test(reals_and_texts_are_judged),
      cmocka_unit_test(filters_are_asked_in_plain_form),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(random_conditions_agree),
  };
  return cmocka_run_group_tests_name("predicate", tests, NULL, NULL);
}
