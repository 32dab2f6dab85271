#include "lake/csv_value.h"
#include <math.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"

static bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

static bool is_word(const char *text, size_t size, const char *word) { return strlen(word) == size && strncasecmp(text, word, size) == 0; }

bool tl__csv_boolean(const char *text, size_t size, bool *out) {
  *out = is_word(text, size, "true");
  return *out || is_word(text, size, "false");
}

/* ---- whole numbers ---- */

static bool read_magnitude(const char *p, const char *end, uint64_t *out) {
  uint64_t v = 0;
  const char *safe = end - p > 19 ? p + 19 : end; /* 19 digits always fit */
  if (p == end) return false;
  for (; p < safe; p++) {
    if (!is_digit(*p)) return false;
    v = v * 10 + (uint64_t)(*p - '0');
  }
  for (; p < end; p++)
    if (!is_digit(*p) || __builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) return false;
  *out = v;
  return true;
}

static bool has_sign(const char *text, size_t size) { return size > 0 && (*text == '-' || *text == '+'); }

bool tl__csv_int(const char *text, size_t size, int64_t *out) {
  uint64_t magnitude;
  bool negative = size > 0 && *text == '-';
  if (!read_magnitude(text + has_sign(text, size), text + size, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative) return false;
  *out = (int64_t)(negative ? 0 - magnitude : magnitude);
  return true;
}

bool tl__csv_is_code(const char *text, size_t size) {
  size_t sign = has_sign(text, size);
  if (size >= sign + 2 && text[sign] == '0' && is_digit(text[sign + 1])) return true;
  if (sign == 0 || *text != '+') return false;
  for (size_t i = 1; i < size; i++)
    if (!is_digit(text[i])) return false;
  return true;
}

/* ---- doubles ---- */

typedef struct decimal {
  uint64_t digits;
  int digit_count; /* as written; beyond 19 `digits` is not to be used */
  int exponent;    /* the value is digits * 10^exponent */
  bool negative;
} decimal;

static const char *read_digits(const char *p, const char *end, uint64_t *value) {
  for (; p < end && is_digit(*p); p++) *value = *value * 10 + (uint64_t)(*p - '0');
  return p;
}

static bool read_exponent(const char *p, const char *end, int *out) {
  bool negative = p < end && *p == '-';
  uint64_t value = 0;
  p += p < end && (*p == '-' || *p == '+');
  if (p == end || end - p > 6 || read_digits(p, end, &value) != end) return false;
  *out += negative ? -(int)value : (int)value;
  return true;
}

static bool read_decimal(const char *text, size_t size, decimal *out) {
  const char *p = text + has_sign(text, size), *end = text + size, *start = p;
  *out = (decimal){.negative = size > 0 && *text == '-'};
  p = read_digits(p, end, &out->digits);
  int count = (int)(p - start);
  if (p < end && *p == '.') {
    start = ++p;
    p = read_digits(p, end, &out->digits);
    out->exponent = -(int)(p - start);
    count -= out->exponent;
  }
  out->digit_count = count;
  if (count == 0) return false;
  return p == end || ((*p == 'e' || *p == 'E') && read_exponent(p + 1, end, &out->exponent));
}

static const uint64_t whole_tens[] = {1u,
                                      10u,
                                      100u,
                                      1000u,
                                      10000u,
                                      100000u,
                                      1000000u,
                                      10000000u,
                                      100000000u,
                                      1000000000u,
                                      10000000000u,
                                      100000000000u,
                                      1000000000000u,
                                      10000000000000u,
                                      100000000000000u,
                                      1000000000000000u,
                                      10000000000000000u,
                                      100000000000000000u,
                                      1000000000000000000u,
                                      10000000000000000000u};

/* digits / 10^places, correctly rounded. The quotient is taken to at least 63 bits, and a remainder sets its last one: far enough below
   the 53 bits that stay for that single rounding to see which side of a tie the value lies on. */
static double divide(uint64_t digits, int places) {
  int a = __builtin_clzll(digits), b = __builtin_clzll(whole_tens[places]);
  uint64_t divisor = whole_tens[places] << b;
  unsigned __int128 dividend = (unsigned __int128)(digits << a) << 63; /* its upper half is below the divisor */
  uint64_t quotient = (uint64_t)(dividend / divisor), bits = (uint64_t)(1023 + b - a - 63) << 52;
  quotient |= (uint64_t)dividend != quotient * divisor;
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return (double)quotient * scale;
}

/* What needs no more than one rounding: an integer of 53 bits times or by a power of ten that is a double itself (W. D. Clinger, "How to
   read floating point numbers accurately", 1990), or a division in integers. */
static bool round_once(const decimal *d, double *out) {
  static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  double v;
  if (d->digit_count > 19) return false;
  if (d->digits <= (uint64_t)1 << 53 && d->exponent >= -22 && d->exponent <= 22)
    v = d->exponent < 0 ? (double)d->digits / tens[-d->exponent] : (double)d->digits * tens[d->exponent];
  else if (d->exponent <= 0 && d->exponent >= -19)
    v = divide(d->digits, -d->exponent);
  else
    return false;
  *out = d->negative ? -v : v;
  return true;
}

static bool read_special(const char *text, size_t size, double *out) {
  size_t sign = has_sign(text, size);
  bool infinite = is_word(text + sign, size - sign, "inf") || is_word(text + sign, size - sign, "infinity");
  *out = !infinite ? (double)NAN : *text == '-' ? -(double)INFINITY : (double)INFINITY;
  return infinite || is_word(text + sign, size - sign, "nan");
}

bool tl__csv_double(const char *text, size_t size, double *out) {
  decimal d;
  if (size == 0) return false;
  if (!read_decimal(text, size, &d)) return read_special(text, size, out);
  return round_once(&d, out) || tl_double_read(text, size, out);
}

/* ---- times ---- */

static bool read_number(const char *p, int digits, int most, int *out) {
  *out = 0;
  for (int i = 0; i < digits; i++) {
    if (!is_digit(p[i])) return false;
    *out = *out * 10 + (p[i] - '0');
  }
  return *out <= most;
}

static bool read_fraction(const char **at, const char *end, tl_csv_time *t) {
  const char *p = *at + 1;
  for (; p < end && is_digit(*p) && t->digits < 9; p++, t->digits++) t->nanosecond = t->nanosecond * 10 + (*p - '0');
  for (int i = t->digits; i < 9; i++) t->nanosecond *= 10;
  *at = p;
  return t->digits > 0;
}

/* HH:MM, HH:MM:SS, HH:MM:SS.fraction; moves behind it. */
static bool read_clock(const char **at, const char *end, tl_csv_time *t) {
  const char *p = *at;
  int hour, minute, second = 0;
  if (end - p < 5 || p[2] != ':' || !read_number(p, 2, 23, &hour) || !read_number(p + 3, 2, 59, &minute)) return false;
  p += 5;
  if (end - p >= 3 && *p == ':') {
    if (!read_number(p + 1, 2, 59, &second)) return false;
    p += 3;
    if (p < end && *p == '.' && !read_fraction(&p, end, t)) return false;
  }
  t->second = (hour * 60 + minute) * 60 + second;
  *at = p;
  return true;
}

/* Nothing, Z, +HH, +HHMM or +HH:MM up to the end. */
static bool read_offset(const char *p, const char *end, tl_csv_time *t) {
  int hour, minute = 0;
  if (p == end) return true;
  t->has_offset = true;
  if (*p == 'Z') return p + 1 == end;
  if ((*p != '+' && *p != '-') || end - p < 3 || !read_number(p + 1, 2, 23, &hour)) return false;
  const char *rest = p + 3;
  if (rest < end && *rest == ':') rest++;
  if (rest < end || rest > p + 3) {
    if (end - rest != 2 || !read_number(rest, 2, 59, &minute)) return false;
  }
  t->second -= (*p == '-' ? -60 : 60) * (hour * 60 + minute);
  return true;
}

bool tl__csv_time(const char *text, size_t size, tl_csv_time *out) {
  *out = (tl_csv_time){0};
  if (size < 16 || (text[10] != 'T' && text[10] != ' ') || !tl_date_read(text, 10, &out->day)) return false;
  const char *p = text + 11, *end = text + size;
  return read_clock(&p, end, out) && read_offset(p, end, out);
}

bool tl__csv_time_count(const tl_csv_time *t, int digits, int64_t *out) {
  int64_t unit = (int64_t)whole_tens[digits], rest = (int64_t)whole_tens[9 - digits];
  if (t->nanosecond % rest != 0) return false;
  __int128 count = (__int128)(t->day * 86400 + t->second) * unit + t->nanosecond / rest;
  *out = (int64_t)count;
  return *out == count;
}

/* ---- readers ---- */

static bool store_int(const tl_field *f, int64_t value, void *slot) {
  int32_t narrow = (int32_t)value;
  if (f->physical == TL_PHYSICAL_INT64) return memcpy(slot, &value, sizeof value), true;
  memcpy(slot, &narrow, sizeof narrow);
  return narrow == value;
}

static bool read_boolean(const tl_field *f, const char *text, size_t size, void *slot) {
  bool value;
  (void)f;
  if (!tl__csv_boolean(text, size, &value)) return false;
  *(uint8_t *)slot = value;
  return true;
}

static bool read_int(const tl_field *f, const char *text, size_t size, void *slot) {
  int64_t value;
  if (!tl__csv_int(text, size, &value)) return false;
  if (f->logical == TL_LOGICAL_INTEGER && f->bits < 32 && (value >= (int64_t)1 << (f->bits - 1) || value < -((int64_t)1 << (f->bits - 1)))) return false;
  return store_int(f, value, slot);
}

static bool read_unsigned(const tl_field *f, const char *text, size_t size, void *slot) {
  uint64_t value;
  if (!read_magnitude(text + (size > 0 && *text == '+'), text + size, &value) || (f->bits < 64 && value >> f->bits != 0)) return false;
  memcpy(slot, &value, (size_t)tl_field_width(f)); /* little endian */
  return true;
}

static bool read_double(const tl_field *f, const char *text, size_t size, void *slot) {
  double value;
  (void)f;
  if (!tl__csv_double(text, size, &value)) return false;
  memcpy(slot, &value, sizeof value);
  return true;
}

static bool read_float(const tl_field *f, const char *text, size_t size, void *slot) {
  double special;
  float value;
  (void)f;
  if (!tl_float_read(text, size, &value)) {
    if (!read_special(text, size, &special)) return false;
    value = (float)special;
  }
  memcpy(slot, &value, sizeof value);
  return true;
}

static bool read_date(const tl_field *f, const char *text, size_t size, void *slot) {
  int64_t days;
  return tl_date_read(text, size, &days) && store_int(f, days, slot);
}

static bool read_timestamp(const tl_field *f, const char *text, size_t size, void *slot) {
  tl_csv_time t;
  int64_t count;
  return tl__csv_time(text, size, &t) && t.has_offset == f->utc && tl__csv_time_count(&t, f->digits, &count) && store_int(f, count, slot);
}

/* Where the type was given, a text without an offset is UTC when the type is, and a date is its midnight. */
static bool read_given_timestamp(const tl_field *f, const char *text, size_t size, void *slot) {
  tl_csv_time t = {0};
  int64_t count;
  if (!tl_date_read(text, size, &t.day) && !tl__csv_time(text, size, &t)) return false;
  return (f->utc || !t.has_offset) && tl__csv_time_count(&t, f->digits, &count) && store_int(f, count, slot);
}

static bool read_time_of_day(const tl_field *f, const char *text, size_t size, void *slot) {
  tl_csv_time t = {0};
  const char *p = text, *end = text + size;
  int64_t count;
  if (!read_clock(&p, end, &t)) return false;
  if (f->utc && p < end && *p == 'Z') p++;
  return p == end && tl__csv_time_count(&t, f->digits, &count) && store_int(f, count, slot);
}

/* The digits of a decimal without its point, `scale` of them behind it; zeros beyond them say nothing. */
static bool read_scaled(const char *text, size_t size, int precision, int scale, unsigned __int128 *out) {
  const char *p = text + has_sign(text, size), *end = text + size;
  int whole = 0, places = 0, written = 0;
  *out = 0;
  for (bool point = false; p < end; p++) {
    if (*p == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(*p)) return false;
    written++;
    if (point && places == scale) {
      if (*p != '0') return false;
      continue;
    }
    whole += !point && (whole > 0 || *p != '0');
    places += point;
    if (whole > precision - scale) return false;
    *out = *out * 10 + (unsigned)(*p - '0');
  }
  for (; places < scale; places++) *out *= 10;
  return written > 0;
}

static bool read_fixed_point(const tl_field *f, const char *text, size_t size, void *slot) {
  unsigned __int128 magnitude;
  if (!read_scaled(text, size, f->precision, f->scale, &magnitude)) return false;
  if (*text == '-') magnitude = -magnitude;
  if (f->physical != TL_PHYSICAL_FIXED) return store_int(f, (int64_t)magnitude, slot);
  for (int i = f->fixed_size; i-- > 0; magnitude >>= 8) ((uint8_t *)slot)[i] = (uint8_t)magnitude;
  return true;
}

static bool read_uncoded_int(const tl_field *f, const char *text, size_t size, void *slot) {
  return !tl__csv_is_code(text, size) && read_int(f, text, size, slot);
}

static bool read_uncoded_double(const tl_field *f, const char *text, size_t size, void *slot) {
  return !tl__csv_is_code(text, size) && read_double(f, text, size, slot);
}

tl_csv_read tl__csv_reader(const tl_field *f, bool given) {
  switch (f->logical) {
    case TL_LOGICAL_DATE: return read_date;
    case TL_LOGICAL_TIME: return read_time_of_day;
    case TL_LOGICAL_TIMESTAMP: return given ? read_given_timestamp : read_timestamp;
    case TL_LOGICAL_DECIMAL: return read_fixed_point;
    default: break;
  }
  switch (f->physical) {
    case TL_PHYSICAL_BOOLEAN: return read_boolean;
    case TL_PHYSICAL_INT32:
    case TL_PHYSICAL_INT64: return tl_field_is_unsigned(f) ? read_unsigned : given ? read_int : read_uncoded_int;
    case TL_PHYSICAL_FLOAT: return read_float;
    case TL_PHYSICAL_DOUBLE: return given ? read_double : read_uncoded_double;
    default: return NULL;
  }
}
