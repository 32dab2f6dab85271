/* What a raw file is of: the contract, or the symbol, that its name says. A naming is a row of a table, one file each: how names are read, in which order
   their subjects stand in a tape, and which columns of the tape (facts) they fill. */
#ifndef TL_PACK_SUBJECT_H
#define TL_PACK_SUBJECT_H

#include "column/column.h"
#include "market/symbol.h"

typedef struct tl_subject {
  tl_contract contract; /* of an option */
  const char *symbol;   /* of a file as such */
} tl_subject;

/* What names are read with; borrowed. */
typedef struct tl_name_reader {
  const tl_symbols *symbols;
  const tl_expiries *calendar;
  tl_arena *arena;
} tl_name_reader;

typedef struct tl_naming {
  const char *name;
  bool calendar; /* one is needed */
  const tl_field *facts;
  int fact_count;
  tl_status (*read)(tl_subject *out, const tl_name_reader *with, const char *stem, tl_error *err);
  int (*compare)(const tl_subject *a, const tl_subject *b);
  /* A subject's fact as one more row of a column; and back, from a row of a tape (which may lack it: then nothing is known). */
  tl_status (*tell)(const tl_subject *subject, int fact, tl_column *out, tl_error *err);
  tl_status (*recall)(tl_subject *subject, int fact, const tl_column *column, int64_t row, tl_arena *arena, tl_error *err);
  /* Whether a raw file's own value of a fact is the one that its name says. */
  bool (*agrees)(const tl_subject *subject, int fact, const tl_column *column, int64_t row);
} tl_naming;

extern const tl_naming tl_naming_option, tl_naming_file;
/* NULL when there is none of that name; the file's own without a name. */
const tl_naming *tl_naming_find(const char *name);
int tl_naming_fact(const tl_naming *naming, const char *name); /* -1: none */

#endif
