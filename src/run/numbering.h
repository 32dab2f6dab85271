/* A side with several streams is picked by the values of a column, row by row. Values of that column, texts or integers, become numbers, so
   that they ride in lanes as all inputs do: the number of a value is its place among all that the column has. */
#ifndef TL_RUN_NUMBERING_H
#define TL_RUN_NUMBERING_H

#include "run/input.h"

enum { TL_MOST_NUMBERED = 100000 };

typedef struct tl_numbering {
  tl_key_value_data *values; /* ascending: texts, or integers */
  size_t count, capacity;
} tl_numbering;

/* Reads the column of this definition input in all files of the set: names of files and paths say it where it is no column. What cannot be
   read is left out, and missed by whoever reads it again. Everything lives in the set's arena. */
tl_status tl_numbering_collect(tl_numbering *out, tl_input_set *set, int input, int64_t page_limit, tl_error *err) TL_MUST_CHECK;
/* Rows [from, from + count) of the column, which was read, as numbers; NaN where the value is missing. TL_CORRUPT for a value that was not there
   when they were collected. */
tl_status tl_numbering_values(const tl_numbering *n, const tl_column *column, int64_t from, int64_t count, double *out, tl_error *err) TL_MUST_CHECK;
/* Whether the path or the name of a file says the value for all of its rows. */
bool tl_numbering_says(const tl_input_set *set, int input, const tl_input_file *file);
/* The number for all rows of a file that has no such column; NaN when it says nothing. */
double tl_numbering_of_file(const tl_input_set *set, int input, const tl_input_file *file);

#endif
