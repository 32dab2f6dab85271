#include "lake/csv_sniff.h"
#include <string.h>
#include "base/text.h"
#include "lake/csv_value.h"

/* ---- the delimiter ---- */

typedef struct score {
  int64_t same, all; /* records with as many cells as the first one, and records */
  size_t cells;
} score;

static tl_status judge(score *out, tl_env *env, const char *path, const tl_csv_form *form, tl_csv_head head, tl_error *err) {
  TL_OWNED(tl_csv_split) split = {0};
  TL_TRY(tl_csv_split_open(&split, env, path, form, err));
  *out = (score){0};
  while (out->all < head.rows && tl_csv_split_taken(&split) < head.bytes) {
    tl_status status = tl_csv_split_row(&split, 0, err);
    if (status != TL_OK && status != TL_CORRUPT) return status;
    if (status == TL_CORRUPT) out->all++;
    if (split.cell_count == 0 || status != TL_OK) break;
    if (out->all == 0) out->cells = split.cell_count;
    out->same += split.cell_count == out->cells;
    out->all++;
  }
  return TL_OK;
}

static bool is_better(const score *a, const score *b) {
  if (a->cells < 2) return false;
  if (b->cells < 2) return true;
  int64_t left = a->same * b->all, right = b->same * a->all;
  return left != right ? left > right : a->cells > b->cells;
}

tl_status tl__csv_sniff_delimiter(char *out, tl_env *env, const char *path, const tl_csv_form *form, tl_csv_head head, tl_error *err) {
  static const char candidates[] = {',', ';', '\t', '|'};
  score best = {0};
  *out = ',';
  for (size_t i = 0; i < sizeof candidates; i++) {
    tl_csv_form tried = *form;
    score s;
    tried.delimiter = candidates[i];
    TL_TRY(judge(&s, env, path, &tried, head, err));
    if (!is_better(&s, &best)) continue;
    best = s;
    *out = candidates[i];
  }
  return TL_OK;
}

/* ---- types ---- */

enum {
  BOOLEAN = 1,
  INTEGER = 2,  /* exact as a double, too */
  WIDE = 4,     /* an int64 beyond 2^53 */
  TOO_WIDE = 8, /* a whole number beyond int64 */
  REAL = 16,    /* with a point or an exponent */
  SPECIAL = 32, /* NaN, infinity */
  CODE = 64,    /* a number that is written as a code */
  DATE = 128,
  LOCAL_TIME = 256, /* a timestamp without offset */
  UTC_TIME = 512,   /* and with one */
  TEXT = 1024,
};

static unsigned class_of_number(const char *text, size_t size) {
  int64_t whole;
  const int64_t exact = (int64_t)1 << 53;
  if (tl__csv_is_code(text, size)) return CODE;
  if (memchr(text, '.', size) || memchr(text, 'e', size) || memchr(text, 'E', size)) return REAL;
  if (!tl__csv_int(text, size, &whole)) return TOO_WIDE;
  return whole >= -exact && whole <= exact ? INTEGER : WIDE;
}

/* `time` is set for timestamps. */
static unsigned class_of(const char *text, size_t size, tl_csv_time *time) {
  bool truth;
  double number;
  int64_t days;
  if (tl__csv_boolean(text, size, &truth)) return BOOLEAN;
  if (tl__csv_double(text, size, &number)) return number - number == 0 ? class_of_number(text, size) : SPECIAL;
  if (tl_date_read(text, size, &days)) return DATE;
  if (tl__csv_time(text, size, time)) return time->has_offset ? UTC_TIME : LOCAL_TIME;
  return TEXT;
}

void tl__csv_guess_add(tl_csv_guess *guess, const char *text, size_t size) {
  tl_csv_time time;
  int64_t count;
  if (size == 0 || guess->classes & TEXT) return;
  unsigned class = class_of(text, size, &time);
  guess->classes |= class;
  if ((class & (LOCAL_TIME | UTC_TIME)) == 0) return;
  if (time.digits > guess->digits) guess->digits = time.digits;
  guess->far_time = guess->far_time || !tl__csv_time_count(&time, 9, &count);
}

static bool only(unsigned classes, unsigned of) { return (classes & ~of) == 0; }

static bool is_real(unsigned classes) {
  if (!only(classes, INTEGER | WIDE | TOO_WIDE | REAL | SPECIAL)) return false;
  return classes & REAL || only(classes, INTEGER | SPECIAL); /* whole numbers that a double would change stay as they are written */
}

void tl__csv_guess_type(const tl_csv_guess *guess, tl_field *out) {
  unsigned classes = guess->classes;
  bool nano = guess->digits > 6;
  const char *name = out->name;
  *out = (tl_field){.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING};
  if (classes == 0)
    ;
  else if (classes == BOOLEAN)
    *out = (tl_field){.physical = TL_PHYSICAL_BOOLEAN};
  else if (only(classes, INTEGER | WIDE))
    *out = (tl_field){.physical = TL_PHYSICAL_INT64};
  else if (is_real(classes))
    *out = (tl_field){.physical = TL_PHYSICAL_DOUBLE};
  else if (classes == DATE)
    *out = (tl_field){.physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE};
  else if ((classes == LOCAL_TIME || classes == UTC_TIME) && !(nano && guess->far_time))
    *out = (tl_field){.physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = nano ? 9 : 6, .utc = classes == UTC_TIME};
  out->name = name;
}

bool tl__csv_is_value(const char *text, size_t size) {
  tl_csv_time time;
  unsigned class = size > 0 ? class_of(text, size, &time) : TEXT;
  return (class & (TEXT | SPECIAL)) == 0;
}
