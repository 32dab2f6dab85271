/* Literals of a condition: numbers, times, hex. */
#include <string.h>
#include "base/text.h"
#include "column/predicate_tree.h"

enum { MOST_DIGITS = 38, MOST_FRACTION = 18, MOST_EXPONENT = 9999 };

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* ---- numbers ---- */

/* The digits, to 38 that count; behind those only zeros may follow. */
static bool read_digits(tl__literal *out, const char *text, size_t size) {
  int digits = 0;
  bool fraction = false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    int digit = text[i] - '0';
    if (digits == MOST_DIGITS && digit != 0) return false;
    if (digits < MOST_DIGITS) {
      out->value = out->value * 10 + digit;
      digits += out->value != 0;
      out->scale += fraction;
    } else {
      out->scale -= !fraction;
    }
  }
  return true;
}

static int read_exponent(const char *text, size_t size) {
  bool negative = size > 0 && text[0] == '-';
  int value = 0;
  for (size_t i = size > 0 && !is_digit((uint8_t)text[0]); i < size && value <= MOST_EXPONENT; i++) value = value * 10 + (text[i] - '0');
  return negative ? -value : value;
}

const char *tl__literal_number(tl__literal *out, const char *text, size_t size) {
  size_t digits = 0;
  while (digits < size && text[digits] != 'e' && text[digits] != 'E') digits++;
  *out = (tl__literal){.type = TL__NUMBER_LITERAL};
  if (!read_digits(out, text, digits)) return "a number has at most 38 digits";
  int exponent = digits < size ? read_exponent(text + digits + 1, size - digits - 1) : 0;
  if (exponent > MOST_EXPONENT || exponent < -MOST_EXPONENT) return "a number beyond what a double can hold";
  out->scale -= exponent;
  out->has_exponent = digits < size;
  if (out->value == 0) out->scale = 0;
  if (!tl_double_read(text, size, &out->real)) return "a number beyond what a double can hold";
  return NULL;
}

/* ---- times ---- */

typedef struct reader {
  const uint8_t *at, *end;
} reader;

/* Between `least` and `most` digits. */
static bool take_digits(reader *r, int least, int most, int64_t *out) {
  int count = 0;
  for (*out = 0; count < most && r->at < r->end && is_digit(*r->at); count++) *out = *out * 10 + (*r->at++ - '0');
  return count >= least;
}

static bool take(reader *r, char c) {
  if (r->at == r->end || *r->at != (uint8_t)c) return false;
  r->at++;
  return true;
}

static bool take_date(reader *r, int64_t *days) {
  int64_t year, month, day;
  bool minus = take(r, '-'), plus = !minus && take(r, '+');
  if (!take_digits(r, 4, minus || plus ? 9 : 4, &year) || !take(r, '-') || !take_digits(r, 2, 2, &month) || !take(r, '-') || !take_digits(r, 2, 2, &day))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  *days = tl_days_of_civil(minus ? -year : year, (int)month, (int)day);
  tl_civil back = tl_civil_of_days(*days);
  return back.month == month && back.day == day;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.fraction, to be added to `value` seconds. */
static bool take_clock(reader *r, __int128 *value, int *scale) {
  int64_t hour, minute, second = 0;
  if (!take_digits(r, 2, 2, &hour) || !take(r, ':') || !take_digits(r, 2, 2, &minute)) return false;
  bool has_seconds = take(r, ':');
  if (has_seconds && !take_digits(r, 2, 2, &second)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  *value += (hour * 60 + minute) * 60 + second;
  if (!has_seconds || !take(r, '.')) return true;
  for (; r->at < r->end && is_digit(*r->at); r->at++) {
    if (++*scale > MOST_FRACTION) return false;
    *value = *value * 10 + (*r->at - '0');
  }
  return *scale > 0;
}

bool tl__instant_read(tl_bytes text, __int128 *value, int *scale) {
  reader r = {text.data, text.data + text.size};
  int64_t days;
  *scale = 0;
  if (!take_date(&r, &days)) return false;
  *value = (__int128)days * 86400;
  if (r.at == r.end) return true;
  if (!take(&r, 'T') && !take(&r, ' ')) return false;
  if (!take_clock(&r, value, scale)) return false;
  take(&r, 'Z');
  return r.at == r.end;
}

bool tl__clock_read(tl_bytes text, __int128 *value, int *scale) {
  reader r = {text.data, text.data + text.size};
  *value = 0;
  *scale = 0;
  if (!take_clock(&r, value, scale)) return false;
  take(&r, 'Z');
  return r.at == r.end;
}

/* ---- bytes ---- */

static int hex_digit(uint8_t c) {
  if (is_digit(c)) return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tl__hex_read(tl_bytes text, uint8_t *out, size_t *size) {
  if (text.size % 2 != 0) return false;
  for (size_t i = 0; i < text.size; i += 2) {
    int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
    if (high < 0 || low < 0) return false;
    out[i / 2] = (uint8_t)(high << 4 | low);
  }
  *size = text.size / 2;
  return true;
}

bool tl__uuid_read(tl_bytes text, uint8_t out[16]) {
  uint8_t digits[32];
  size_t used = 0, size;
  if (text.size != 36) return false;
  for (size_t i = 0; i < 36; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text.data[i] == '-')) return false;
    if (!dash) digits[used++] = text.data[i];
  }
  return tl__hex_read((tl_bytes){digits, sizeof digits}, out, &size);
}
