/* A condition on rows as data: parsed once from text (docs/language.md, "Selecting rows"), bound to the columns of a file, then asked
   of statistics ("can any row hold? do all?"), of a dictionary, and of rows. Missing compares false, and `not` of that is true. Columns
   compare with literals and with each other exactly: integers, decimals and times never by way of a double. A float or double column
   compares with the double nearest to a literal; NaN as IEEE has it, so that only != holds. Arithmetic is in doubles, and so is what is
   compared with it.

   Judging and probing change nothing, selecting uses memory of the predicate: each thread parses its own. */
#ifndef TL_COLUMN_PREDICATE_H
#define TL_COLUMN_PREDICATE_H

#include "base/arena.h"
#include "column/column.h"

typedef struct tl_predicate tl_predicate;

/* TL_USAGE says where the text does not parse, with a caret. */
tl_status tl_predicate_parse(tl_predicate **out, tl_env *env, const char *text, tl_error *err) TL_MUST_CHECK;
void tl_predicate_free(tl_predicate *predicate);
/* The columns that it names, each once, in order of appearance. */
int tl_predicate_column_count(const tl_predicate *predicate);
const char *tl_predicate_column(const tl_predicate *predicate, int index);

/* Tells it the types of its columns; NULL: the file has no such column, every row is missing there. TL_USAGE when a comparison makes no
   sense (a date with a text that is no date, text with a number), TL_UNSUPPORTED for decimals of more than 38 digits; the predicate must
   be bound again then. May be bound anew to another file's fields, which are copied. */
tl_status tl_predicate_bind(tl_predicate *predicate, const tl_field *const *fields, tl_error *err) TL_MUST_CHECK;

/* What is known of a column's values in some range of rows. Bounds are in PLAIN form without a length and need not occur; data NULL: not
   known. They are bounds in the order of the type (unsigned integers and bytes unsigned, decimals, half floats and INT96 by value): who
   cannot vouch for a writer's order leaves them out. Bounds of a wrong size, NaN, and a min above its max are not believed. */
typedef struct tl_interval {
  tl_bytes min, max;
  bool min_exact, max_exact; /* the bound occurs */
  bool no_nan;               /* no value is NaN; where unknown, NaN may hide outside of the bounds */
  int64_t nulls, values;     /* values counts the missing too; nulls -1: not known */
} tl_interval;

typedef enum tl_verdict { TL_VERDICT_NONE, TL_VERDICT_SOME, TL_VERDICT_ALL } tl_verdict;
/* Whether rows of the range hold: one interval a column of the predicate. SOME is always a true answer. */
tl_verdict tl_predicate_judge(const tl_predicate *predicate, const tl_interval *intervals);

/* Asks whether a column of a range may hold a value (PLAIN form without a length, as a bloom filter is asked); false: it certainly does
   not. Never asked for booleans, INT96, half floats, and decimals in bytes. */
typedef bool (*tl_predicate_may_hold)(void *context, int column, tl_bytes plain);
/* False when equality tests with literals alone exclude every row, as a bloom filter or a dictionary tells. */
bool tl_predicate_probe(const tl_predicate *predicate, tl_predicate_may_hold may_hold, void *context);

/* Sets bit i of `selected` (byte i/8; (rows + 7) / 8 bytes are written, bits behind the last row are 0) when row i holds. Columns as bound
   (NULL where the field was), with values or codes; a comparison of a column of codes with literals is computed once for each entry of
   its dictionary, in every call, unless that has more entries than there are rows. TL_MEMORY alone can come of it. */
tl_status tl_predicate_select(tl_predicate *predicate, const tl_column *const *columns, int64_t rows, uint8_t *selected, tl_error *err) TL_MUST_CHECK;

#endif
