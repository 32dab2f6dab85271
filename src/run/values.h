/* What a file's columns say, in the form that a run computes with. */
#ifndef TL_RUN_VALUES_H
#define TL_RUN_VALUES_H

#include "run/input.h"

/* The order keys of rows [first, first + count) of a group, in the dataset's unit; INT64_MIN is missing. `cursor` may be NULL. */
tl_status tl_order_values(const tl_input_file *f, tl_parquet *file, int group, int64_t first, int64_t count, tl_column *column, tl_page_scratch *scratch,
                          tl_page_cursor *cursor, int64_t *out, tl_error *err) TL_MUST_CHECK;
/* The same for rows [from, from + count) of the order key's column, which was read unless the path has the key. */
void tl_order_of_column(const tl_input_file *f, const tl_column *column, int64_t from, int64_t count, int64_t *out);
/* Rows [from, from + count) of a column that was read for definition input `input`, as doubles (or, as_time, as the bits of integers in
   the input's unit). NaN and infinity become missing and are counted. */
tl_status tl_input_values(const tl_input_set *set, int input, bool as_time, const tl_column *column, int64_t from, int64_t count, double *out,
                          int64_t *nonfinite, tl_error *err) TL_MUST_CHECK;
/* Rows of an input whose column the file does not have: missing, unless the path or the name of the file says something of it. */
void tl_input_absent(const tl_input_set *set, int input, const tl_input_file *file, int64_t count, double *out);

#endif
