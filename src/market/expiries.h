/* The calendar of option expiries, as a CSV: underlying, year, month, expiry_type (monthly or weekly), expiry_date. */
#ifndef TL_MARKET_EXPIRIES_H
#define TL_MARKET_EXPIRIES_H

#include "base/arena.h"

typedef struct tl_expiry {
  const char *underlying; /* upper case */
  int year, month;
  bool monthly;
  int64_t date; /* days since 1970 */
} tl_expiry;

typedef struct tl_expiries {
  tl_env *env;
  tl_arena arena;
  tl_expiry *items; /* by underlying, date */
  size_t count, capacity;
} tl_expiries;

/* TL_CORRUPT with file and row for what is no calendar, and where one monthly has two dates; the same line twice is fine. */
tl_status tl_expiries_open(tl_expiries *out, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
void tl_expiries_free(tl_expiries *expiries);
/* Whether a CSV file has the columns of a calendar. */
bool tl_expiries_is_calendar(tl_env *env, const char *path);
/* NULL where there is none. A date may be a weekly and a monthly: the monthly is found. */
const tl_expiry *tl_expiries_monthly(const tl_expiries *expiries, const char *underlying, int year, int month);
const tl_expiry *tl_expiries_on(const tl_expiries *expiries, const char *underlying, int64_t date);
const tl_expiry *tl_expiries_weekly_on(const tl_expiries *expiries, const char *underlying, int64_t date);

#endif
