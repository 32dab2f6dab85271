/* A key of a row group, run by run: tapes are sorted, so that thousands of rows have the same, and none of them is looked at but the first. */
#ifndef TL_TRADE_TAPE_KEYS_H
#define TL_TRADE_TAPE_KEYS_H

#include "parquet/cursor.h"

typedef struct tl_tape_key {
  tl_env *env;
  tl_cursor cursor;
  tl_page_scratch scratch;
  tl_column some;     /* values of some rows */
  int64_t first, end; /* rows of the row group that these are; where `some` has one row it stands for all of them */
  int64_t begin;      /* the present run: rows [begin, run_end) */
  int64_t run_end;
} tl_tape_key;

/* Zeroed at first but for env and the columns' env; opened again for every row group. `field`: the column's, by name. A file that lacks the column has it
 * missing in all rows. */
tl_status tl_tape_key_open(tl_tape_key *key, tl_parquet *file, int group, const tl_field *field, int64_t page_limit, tl_error *err) TL_MUST_CHECK;
void tl_tape_key_free(tl_tape_key *key);
/* Goes to the run that has a row; rows never go back. The run behind it may have the same value. */
tl_status tl_tape_key_seek(tl_tape_key *key, int64_t row, tl_error *err) TL_MUST_CHECK;
/* Which row of key->some has the value of the present run. */
static inline int64_t tl_tape_key_value(const tl_tape_key *k) { return k->some.count == 1 ? 0 : k->begin - k->first; }

#endif
