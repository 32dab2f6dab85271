/* The proleptic Gregorian calendar in UTC. Days count from 1970-01-01.
   Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (the era decomposition). */
#ifndef TL_BASE_DATE_H
#define TL_BASE_DATE_H

#include <stdint.h>

#define TL_DAY_NS INT64_C(86400000000000)

typedef struct tl_civil {
  int64_t year;
  int month; /* 1..12 */
  int day;   /* 1..31 */
} tl_civil;

static inline int64_t tl_floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }
static inline int64_t tl_floor_mod(int64_t a, int64_t b) { return a % b + (a % b != 0 && (a % b < 0) != (b < 0) ? b : 0); }

/* Years are taken from 1 March, so that the leap day is the last of its year. */
static inline tl_civil tl_civil_of_days(int64_t days) {
  int64_t z = days + 719468;
  int64_t era = tl_floor_div(z, 146097);
  int64_t doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  int month = (int)(mp < 10 ? mp + 3 : mp - 9);
  return (tl_civil){yoe + era * 400 + (month <= 2), month, (int)(doy - (153 * mp + 2) / 5 + 1)};
}

static inline int64_t tl_days_of_civil(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = tl_floor_div(year, 400);
  int64_t yoe = year - era * 400;
  int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* 1 = Monday .. 7 = Sunday. */
static inline int tl_weekday_of_days(int64_t days) { return (int)tl_floor_mod(days + 3, 7) + 1; }

#endif
