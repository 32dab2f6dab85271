/* Parts of a time, in UTC, and windows by calendar period. Time lanes hold the column's integers (lane/tile.h). */
#include "op/operator.h"
#include "lane/drivers.h"

/* Applies f to every lane's time; missing stays missing. */
typedef double (*calendar_part)(int64_t days, int64_t rest, int64_t per_day, const tl_params *p);
TL_INLINE void calendar_map(const tl_call *c, calendar_part f) {
  int64_t per_day = tl_units_a_day(c->params->unit), before = tl_time_na();
  double part = NAN; /* of `before`: the lanes of a row mostly have the same time */
  for (int i = 0; i < c->rows * TL_LANES; i++) {
    int64_t t;
    memcpy(&t, &c->in[0][i], sizeof t);
    if (t != before) {
      int64_t days = tl_floor_div(t, per_day);
      part = t == tl_time_na() ? NAN : f(days, t - days * per_day, per_day, c->params);
      before = t;
    }
    c->out[0][i] = part;
  }
}

TL_INLINE double year_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)rest, (void)per_day, (void)p;
  return (double)tl_civil_of_days(days).year;
}
TL_INLINE double month_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)rest, (void)per_day, (void)p;
  return tl_civil_of_days(days).month;
}
TL_INLINE double day_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)rest, (void)per_day, (void)p;
  return tl_civil_of_days(days).day;
}
TL_INLINE double weekday_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)rest, (void)per_day, (void)p;
  return tl_weekday_of_days(days);
}
TL_INLINE double hour_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)days, (void)p;
  return per_day == 1 ? 0 : (double)(rest / (per_day / 24));
}
TL_INLINE double minute_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)days, (void)p;
  return per_day == 1 ? 0 : (double)(rest / (per_day / 1440) % 60);
}
TL_INLINE double date_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)rest, (void)per_day, (void)p;
  double bits;
  memcpy(&bits, &days, sizeof bits);
  return bits;
}
/* A number that changes exactly when the period does. */
TL_INLINE double period_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  (void)rest, (void)per_day;
  enum { YEAR, QUARTER, MONTH, WEEK, DAY };
  if (p->mode == DAY) return (double)days;
  if (p->mode == WEEK) return (double)tl_floor_div(days + 3, 7);
  tl_civil c = tl_civil_of_days(days);
  return (double)(p->mode == YEAR ? c.year : p->mode == QUARTER ? c.year * 4 + (c.month - 1) / 3 : c.year * 12 + c.month);
}
/* Seconds since 1970; a plain integer stays what it is. */
TL_INLINE double seconds_of(int64_t days, int64_t rest, int64_t per_day, const tl_params *p) {
  if (p->unit == TL_UNIT_NONE) return (double)days;
  return (double)days * 86400.0 + (double)rest / ((double)per_day / 86400.0);
}

/* x[1] is the period; s: period, kept value */
TL_INLINE void each_init(vec *s, const tl_params *p) {
  (void)p;
  s[0] = vec_na(), s[1] = vec_na();
}
TL_INLINE void fresh_period(vec *s, const vec *x) {
  s[1] = vec_select(vec_eq(s[0], x[1]), s[1], vec_na());
  s[0] = x[1];
}
TL_INLINE void first_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  fresh_period(s, x);
  *out = s[1] = vec_select(vec_absent(s[1]), x[0], s[1]);
}
TL_INLINE void last_step(vec *s, const vec *x, vec *out, const tl_params *p) {
  (void)p;
  fresh_period(s, x);
  *out = s[1] = vec_select(vec_absent(x[0]), s[1], x[0]);
}

TL_KERNEL(year) { calendar_map(c, year_of); }
TL_KERNEL(month) { calendar_map(c, month_of); }
TL_KERNEL(day) { calendar_map(c, day_of); }
TL_KERNEL(weekday) { calendar_map(c, weekday_of); }
TL_KERNEL(hour) { calendar_map(c, hour_of); }
TL_KERNEL(minute) { calendar_map(c, minute_of); }
TL_KERNEL(date) { calendar_map(c, date_of); }
TL_KERNEL(period) { calendar_map(c, period_of); }
TL_KERNEL(seconds) { calendar_map(c, seconds_of); }
TL_KERNEL(first_each) { tl__scan(c, 2, 2, each_init, first_step); }
TL_KERNEL(last_each) { tl__scan(c, 2, 2, each_init, last_step); }

#define OF_TIME .group = "time", .kind = TL_MAP, .args = {{.name = "t", .type = TL_ARG_TIME}}
TL_OPERATOR(year, .summary = "year of a time, UTC", OF_TIME);
TL_OPERATOR(month, .summary = "month of a time, UTC, 1..12", OF_TIME);
TL_OPERATOR(day, .summary = "day of the month of a time, UTC, 1..31", OF_TIME);
TL_OPERATOR(weekday, .summary = "day of the week of a time, UTC, 1 = Monday", OF_TIME);
TL_OPERATOR(hour, .summary = "hour of a time, UTC, 0..23", OF_TIME);
TL_OPERATOR(minute, .summary = "minute of a time, UTC, 0..59", OF_TIME);
TL_OPERATOR(date, .summary = "date of a time, UTC", OF_TIME, .result = TL_TIME);
TL_OPERATOR(period, .summary = "number of the calendar period", OF_TIME, .internal = true);
TL_OPERATOR(seconds, .summary = "seconds since 1970 of a time", OF_TIME, .internal = true);
#define EACH_PERIOD .group = "time", .kind = TL_SCAN, .internal = true, .parts = 2, .args = {TL_X, {.name = "period", .type = TL_ARG_SERIES}}
TL_OPERATOR(first_each, .summary = "oldest present value of the calendar period so far", EACH_PERIOD);
TL_OPERATOR(last_each, .summary = "newest present value of the calendar period so far", EACH_PERIOD);

TL_PROOF(year, .cases = {{"year(t)", 5, {1, 1, 1, 1, 1}, {0}, {0}, {2020, 2020, 2020, 2021, 2021}, "rows are days from 2020-12-29"}});
TL_PROOF(month, .cases = {{"month(t)", 4, {1, 1, 1, 1}, {0}, {0}, {12, 12, 12, 1}, "by hand"}});
TL_PROOF(day, .cases = {{"day(t)", 4, {1, 1, 1, 1}, {0}, {0}, {29, 30, 31, 1}, "by hand"}});
TL_PROOF(weekday, .cases = {{"weekday(t)", 3, {1, 1, 1}, {0}, {0}, {2, 3, 4}, "2020-12-29 was a Tuesday"}});
TL_PROOF(hour, .cases = {{"hour(t)", 1, {1}, {0}, {0}, {0}, "a date has no hours"}});
TL_PROOF(minute, .cases = {{"minute(t)", 1, {1}, {0}, {0}, {0}, "a date has no minutes"}});
TL_PROOF(date, .cases = {{"year(date(t))", 4, {1, 1, 1, 1}, {0}, {0}, {2020, 2020, 2020, 2021}, "the date of a date"}});
TL_PROOF(period);
TL_PROOF(seconds, .cases = {{"t - lag(t, 1)", 2, {1, 1}, {0}, {0}, {NA, 86400}, "times count in seconds"}});
TL_PROOF(first_each);
TL_PROOF(last_each);
