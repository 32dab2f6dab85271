/* What streams with the same order keys share: values that depend on order keys and sides alone are computed once for them, by each
   thread, and given to the plan of the rest. */
#ifndef TL_RUN_CALENDAR_H
#define TL_RUN_CALENDAR_H

#include "run/engine.h"
#include "run/ledger.h"

/* One sequence of order keys, [first, rows) of a stream, and the values at these rows. */
typedef struct tl_calendar {
  int64_t first, rows, *order;
  size_t order_capacity;
  double **values; /* one a plan export */
  size_t *value_capacity;
  double *record; /* of the rows up to the last; where records are taken */
  size_t record_capacity;
  tl_ledger_place before, place; /* of the record that it went on from, and of its own once it is written; file -1: nowhere */
  int64_t used;                  /* when it was last looked for; 0: it has nothing */
} tl_calendar;

enum { TL_CALENDARS = TL_LANES + 4 };

typedef struct tl_calendars {
  tl_env *env;
  const tl_plan *plan;
  tl_engine engine;
  tl_calendar all[TL_CALENDARS];
  int64_t now, limit; /* bytes of those that a task is not about */
} tl_calendars;

/* The order keys of one lane, from row `first` on, and where the record lies that they go on from (first > 0). */
typedef struct tl_calendar_wanted {
  const int64_t *order;
  int64_t first, rows; /* rows: up to the last */
  tl_ledger_place before;
} tl_calendar_wanted;

/* Reads a record. */
typedef tl_status (*tl_calendar_read)(const void *context, const tl_ledger_place *place, void *out, tl_error *err);

/* `resume` may be NULL: no records are taken, and nothing goes on. Both are borrowed. */
tl_status tl_calendars_open(tl_calendars *out, tl_env *env, const tl_plan *plan, const tl_resume *resume, tl_isa isa, int tile_rows,
                            const tl_side_series *sides, int64_t limit, tl_error *err) TL_MUST_CHECK;
void tl_calendars_free(tl_calendars *calendars);
/* out[l] has what wanted[l] asks for; good until the next call. All lanes begin at the same row. */
tl_status tl_calendars_find(tl_calendars *calendars, const tl_calendar_wanted *wanted, int count, tl_calendar_read read, const void *context, tl_calendar **out,
                            tl_error *err) TL_MUST_CHECK;
/* Memory that calendars take in a thread beside those that its task is about, which take 8 bytes a row for order keys and each export. */
enum { TL_CALENDARS_SHARE = 64 }; /* of --memory, at most */

#endif
