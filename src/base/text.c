#include "base/text.h"
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/date.h"

static locale_t c_locale;
static void open_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }
static locale_t plain(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_c_locale);
  return c_locale;
}

static double read_double(const char *text, char **end) { return plain() ? strtod_l(text, end, plain()) : strtod(text, end); }

/* printf follows the locale of the process; a decimal comma becomes a point again. */
static void print_digits(char *out, int digits, double value) {
  snprintf(out, TL_NUMBER_TEXT, "%.*g", digits, value);
  for (char *c = out; *c; c++)
    if (*c == ',') *c = '.';
}

/* The decimal of so many digits next above in magnitude: below a power of two values lie closer than above, so that the nearest decimal may
   lie too low to read back, and the next one not too high. Where that happens %g writes an exponent, too. */
static void print_next(char *out, int digits, double value) {
  snprintf(out, TL_NUMBER_TEXT, "%.*e", digits - 1, value);
  char *c = strchr(out, 'e');
  while (c-- > out) {
    if (*c == ',') *c = '.';
    if (*c == '9')
      *c = '0';
    else if (*c >= '0' && *c < '9') {
      ++*c;
      return;
    }
  }
}

static bool special_text(char *out, double value) {
  if (isfinite(value)) return false;
  strcpy(out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  return true;
}

/* Integral values below 2^53 print as integers with ".0", so that they read as numbers with a fraction. */
static void mark_as_real(char *out) {
  if (strpbrk(out, ".eN") == NULL) strcat(out, ".0");
}

void tl_double_text(char out[TL_NUMBER_TEXT], double value) {
  if (special_text(out, value)) return;
  /* 15 digits without their trailing zeros are the shortest form when they read back; only subnormals have fewer */
  for (int digits = fabs(value) < 1e-300 ? 1 : 15; digits <= 17; digits++) {
    print_digits(out, digits, value);
    if (read_double(out, NULL) == value) break;
    if (digits < 15 || digits == 17) continue;
    print_next(out, digits, value);
    if (read_double(out, NULL) == value) break;
  }
  mark_as_real(out);
}

void tl_float_text(char out[TL_NUMBER_TEXT], float value) {
  if (special_text(out, (double)value)) return;
  for (int digits = fabsf(value) < 1e-36f ? 1 : 6; digits <= 9; digits++) {
    print_digits(out, digits, (double)value);
    if ((float)read_double(out, NULL) == value) break;
    print_next(out, digits, (double)value);
    if ((float)read_double(out, NULL) == value) break;
  }
  mark_as_real(out);
}

/* A terminated copy of a text that may be a number. */
enum { LONG_NUMBER = 400 };
static bool copy_number(char copy[LONG_NUMBER], const char *text, size_t size) {
  if (size == 0 || size >= LONG_NUMBER) return false;
  memcpy(copy, text, size);
  copy[size] = 0;
  return strspn(copy, "+-.0123456789eE") == size;
}

bool tl_double_read(const char *text, size_t size, double *out) {
  char copy[LONG_NUMBER], *end;
  if (!copy_number(copy, text, size)) return false;
  *out = read_double(copy, &end);
  return *end == 0 && isfinite(*out);
}

/* Not by way of a double: that would round twice. */
bool tl_float_read(const char *text, size_t size, float *out) {
  char copy[LONG_NUMBER], *end;
  if (!copy_number(copy, text, size)) return false;
  *out = plain() ? strtof_l(copy, &end, plain()) : strtof(copy, &end);
  return *end == 0 && isfinite(*out);
}

bool tl_int_read(const char *text, size_t size, int64_t *out) {
  size_t i = size > 0 && text[0] == '-';
  if (i == size) return false;
  int64_t value = 0;
  for (; i < size; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    int digit = text[i] - '0';
    if (__builtin_mul_overflow(value, 10, &value)) return false;
    if (text[0] == '-' ? __builtin_sub_overflow(value, digit, &value) : __builtin_add_overflow(value, digit, &value)) return false;
  }
  *out = value;
  return true;
}

/* A number of exactly `digits` digits. */
static bool read_digits(const char *text, int digits, int *out) {
  *out = 0;
  for (int i = 0; i < digits; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    *out = *out * 10 + (text[i] - '0');
  }
  return true;
}

bool tl_date_read(const char *text, size_t size, int64_t *days) {
  int year, month, day;
  if (size != 10 || text[4] != '-' || text[7] != '-') return false;
  if (!read_digits(text, 4, &year) || !read_digits(text + 5, 2, &month) || !read_digits(text + 8, 2, &day)) return false;
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  int64_t read = tl_days_of_civil(year, month, day);
  tl_civil c = tl_civil_of_days(read);
  if (c.month != month || c.day != day) return false;
  *days = read;
  return true;
}

bool tl_time_read(const char *text, size_t size, int64_t *ns) {
  int64_t days, fraction = 0;
  int hour, minute, second = 0;
  if (size < 16 || !tl_date_read(text, 10, &days) || (text[10] != 'T' && text[10] != ' ') || text[13] != ':') return false;
  if (!read_digits(text + 11, 2, &hour) || !read_digits(text + 14, 2, &minute)) return false;
  const char *at = text + 16, *end = text + size;
  if (end - at >= 3 && *at == ':') {
    if (!read_digits(at + 1, 2, &second)) return false;
    at += 3;
    int64_t unit = 100000000;
    if (at < end && *at == '.')
      for (at++; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10) fraction += unit * (*at - '0');
  }
  if (at < end && *at == 'Z') at++;
  if (at != end || hour > 23 || minute > 59 || second > 59) return false;
  int64_t of_day = (((int64_t)hour * 60 + minute) * 60 + second) * 1000000000 + fraction;
  return !__builtin_mul_overflow(days, TL_DAY_NS, ns) && !__builtin_add_overflow(*ns, of_day, ns);
}

void tl_date_text(char out[TL_TIME_TEXT], int64_t days) {
  tl_civil c = tl_civil_of_days(days);
  const char *sign = c.year < 0 ? "-" : c.year > 9999 ? "+" : "";
  snprintf(out, TL_TIME_TEXT, "%s%04lld-%02d-%02d", sign, (long long)llabs(c.year), c.month, c.day);
}

static int64_t power_of_ten(int digits) {
  int64_t p = 1;
  while (digits-- > 0) p *= 10;
  return p;
}

void tl_clock_text(char out[TL_TIME_TEXT], int64_t value, int digits) {
  int64_t unit = power_of_ten(digits);
  int64_t s = tl_floor_div(value, unit), fraction = tl_floor_mod(value, unit);
  int n = snprintf(out, TL_TIME_TEXT, "%02lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60), (long long)(s % 60));
  if (digits > 0) snprintf(out + n, (size_t)(TL_TIME_TEXT - n), ".%0*lld", digits, (long long)fraction);
}

void tl_time_text(char out[TL_TIME_TEXT], int64_t value, int digits, bool utc) {
  int64_t day = 86400 * power_of_ten(digits);
  char clock[TL_TIME_TEXT];
  tl_date_text(out, tl_floor_div(value, day));
  tl_clock_text(clock, tl_floor_mod(value, day), digits);
  size_t used = strlen(out);
  snprintf(out + used, TL_TIME_TEXT - used, "T%s%s", clock, utc ? "Z" : "");
}

void tl_size_text(char out[TL_NUMBER_TEXT], double bytes) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
  int u = 0;
  while (bytes >= 999.5 && u < 4) bytes /= 1000, u++;
  snprintf(out, TL_NUMBER_TEXT, u == 0 || bytes >= 100 ? "%.0f %s" : bytes >= 10 ? "%.1f %s" : "%.2f %s", bytes, units[u]);
}

void tl_seconds_text(char out[TL_NUMBER_TEXT], double seconds) {
  if (seconds < 1)
    snprintf(out, TL_NUMBER_TEXT, "%.0f ms", seconds * 1000);
  else if (seconds < 60)
    snprintf(out, TL_NUMBER_TEXT, "%.2f s", seconds);
  else if (seconds < 3600)
    snprintf(out, TL_NUMBER_TEXT, "%d min %02d s", (int)(seconds / 60), (int)seconds % 60);
  else
    snprintf(out, TL_NUMBER_TEXT, "%d h %02d min", (int)(seconds / 3600), (int)(seconds / 60) % 60);
}

void tl_count_text(char out[TL_NUMBER_TEXT], int64_t count) {
  char digits[24];
  int size = snprintf(digits, sizeof digits, "%lld", (long long)count), o = 0;
  for (int i = 0; i < size; i++) {
    if (i > 0 && digits[i - 1] != '-' && (size - i) % 3 == 0) out[o++] = ',';
    out[o++] = digits[i];
  }
  out[o] = 0;
}

bool tl_size_read(const char *text, int64_t *bytes) {
  static const struct {
    const char *name;
    double factor;
  } units[] = {{"", 1},       {"B", 1},         {"KB", 1e3},         {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
               {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"K", 1e3},  {"M", 1e6},  {"G", 1e9}};
  size_t digits = strspn(text, "0123456789.");
  double value;
  if (!tl_double_read(text, digits, &value)) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcasecmp(text + digits, units[i].name) != 0) continue;
    value *= units[i].factor;
    if (!(value < 9e18)) return false;
    *bytes = (int64_t)value;
    return true;
  }
  return false;
}

bool tl_ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

bool tl_ends_with_anycase(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcasecmp(text + n - m, end) == 0;
}

int tl_edit_distance(const char *a, const char *b) {
  enum { MOST = 64 };
  size_t n = strnlen(a, MOST), m = strnlen(b, MOST);
  int rows[3][MOST + 1];
  for (size_t j = 0; j <= m; j++) rows[0][j] = (int)j;
  for (size_t i = 1; i <= n; i++) {
    int *now = rows[i % 3], *up = rows[(i + 2) % 3], *upper = rows[(i + 1) % 3];
    now[0] = (int)i;
    for (size_t j = 1; j <= m; j++) {
      int best = up[j - 1] + (a[i - 1] != b[j - 1]);
      if (up[j] + 1 < best) best = up[j] + 1;
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && upper[j - 2] + 1 < best) best = upper[j - 2] + 1;
      now[j] = best;
    }
  }
  return rows[n % 3][m];
}

const char *tl_nearest_name(const char *name, const char *const *names, size_t count) {
  int limit = (int)(strlen(name) + 2) / 3;
  const char *nearest = NULL;
  for (size_t i = 0; i < count; i++) {
    int distance = tl_edit_distance(name, names[i]);
    if (distance > limit || (nearest != NULL && distance == limit)) continue;
    limit = distance;
    nearest = names[i];
  }
  return nearest;
}

/* The length of the UTF-8 sequence at text, or 0 when it is malformed, overlong, a surrogate or beyond U+10FFFF. */
static size_t sequence_length(const uint8_t *t, size_t left) {
  if (t[0] < 0x80) return 1;
  size_t length = t[0] >= 0xf0 ? 4 : t[0] >= 0xe0 ? 3 : 2;
  if (t[0] < 0xc2 || t[0] > 0xf4 || left < length) return 0;
  for (size_t i = 1; i < length; i++)
    if ((t[i] & 0xc0) != 0x80) return 0;
  if ((t[0] == 0xe0 && t[1] < 0xa0) || (t[0] == 0xed && t[1] > 0x9f) || (t[0] == 0xf0 && t[1] < 0x90) || (t[0] == 0xf4 && t[1] > 0x8f)) return 0;
  return length;
}

bool tl_utf8_valid(const char *text, size_t size) {
  for (size_t i = 0, step; i < size; i += step)
    if ((step = sequence_length((const uint8_t *)text + i, size - i)) == 0) return false;
  return true;
}

tl_status tl_json_text(tl_buffer *out, const char *text, size_t size, tl_error *err) {
  TL_TRY(tl_buffer_byte(out, '"', err));
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\')
      TL_TRY(tl_buffer_format(out, err, "\\%c", c));
    else if (c == '\n')
      TL_TRY(tl_buffer_text(out, "\\n", err));
    else if (c == '\t')
      TL_TRY(tl_buffer_text(out, "\\t", err));
    else if (c < 0x20 || c == 0x7f)
      TL_TRY(tl_buffer_format(out, err, "\\u%04x", c));
    else
      TL_TRY(tl_buffer_byte(out, c, err));
  }
  return tl_buffer_byte(out, '"', err);
}
