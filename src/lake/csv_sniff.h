/* What a CSV file seems to be: its delimiter, whether it has a header, the types of its columns. From its first rows alone; what comes
   later is held against them. */
#ifndef TL_LAKE_CSV_SNIFF_H
#define TL_LAKE_CSV_SNIFF_H

#include "column/type.h"
#include "lake/csv_split.h"

/* How much of a file is looked at: rows that begin within so many bytes, and no more than so many. */
typedef struct tl_csv_head {
  int64_t bytes, rows;
} tl_csv_head;

/* Of , ; tab | the one that cuts most of the records into as many cells as the first, and into more than one; of equals the one that
   gives more cells, then the earlier one. A comma when there is none. form->delimiter is not looked at. */
tl_status tl__csv_sniff_delimiter(char *out, tl_env *env, const char *path, const tl_csv_form *form, tl_csv_head head, tl_error *err) TL_MUST_CHECK;

/* What the cells of a column were; a zeroed guess has seen none. */
typedef struct tl_csv_guess {
  unsigned classes;
  int digits;    /* most digits of a timestamp's fraction */
  bool far_time; /* there is one that nanoseconds do not reach */
} tl_csv_guess;

/* A cell without blanks around it; empty ones say nothing. */
void tl__csv_guess_add(tl_csv_guess *guess, const char *text, size_t size);
/* The narrowest type of all that was seen; without any, string. Sets everything but the name. */
void tl__csv_guess_type(const tl_csv_guess *guess, tl_field *out);
/* Whether a text is a value rather than a column's name. */
bool tl__csv_is_value(const char *text, size_t size);

#endif
