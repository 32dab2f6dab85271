/* One input of a block of ticks. Where a row group has a dictionary, rows stay codes of 16 bits until a tile is filled: a quarter of the memory
   that their doubles take. */
#ifndef TL_TRADE_TAPE_INPUT_H
#define TL_TRADE_TAPE_INPUT_H

#include "parquet/page.h"
#include "trade/classes.h"

/* Rows of a batch, side by side. */
typedef struct tl_tape_rows {
  int64_t from, count;
} tl_tape_rows;

typedef struct tl_tape_input {
  tl_env *env;
  const tl_classes *classes; /* where they are enough, rows are in classes, whatever the column has */
  bool coded;
  double *values;              /* one a row, NaN where missing; or what codes mean: the first is NaN */
  uint16_t *codes;             /* one a row, 0 where missing */
  const tl_column *dictionary; /* that the values were made from; NULL: none yet */
  bool has_gap;                /* some of its entries are no numbers */
  uint16_t *class_of;          /* of each code of the dictionary, where rows are in classes */
  size_t value_capacity, code_capacity, class_capacity;
} tl_tape_input;

void tl_tape_input_free(tl_tape_input *input);
/* No rows, room for `most`. Zeroed at first, but for its env and classes. */
tl_status tl_tape_input_begin(tl_tape_input *input, int64_t most, tl_error *err) TL_MUST_CHECK;
/* Where rows [at, ..) may be put as shorts before they are added. */
tl_short_room tl_tape_input_room(const tl_tape_input *input, int64_t at);
/* A column's `count` rows, all missing where it is NULL, become rows [at, at + count); `at` are there, and room for the new ones is. Rows whose dictionary
   is another one become values, and all others with them; what a dictionary holds must not change meanwhile. */
tl_status tl_tape_input_add(tl_tape_input *input, int64_t at, tl_column *column, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Of rows from `at` on only those that are kept stay; kept rows count from there. */
void tl_tape_input_keep(tl_tape_input *input, int64_t at, const tl_tape_rows *kept, size_t kept_count);
/* The first row from `row` on, before `end`, that is missing, or is not: as `missing` says. */
int64_t tl_tape_input_find(const tl_tape_input *input, int64_t row, int64_t end, bool missing);

static inline double tl_tape_value(const tl_tape_input *in, int64_t row) { return in->values[in->coded ? in->codes[row] : row]; }

#endif
