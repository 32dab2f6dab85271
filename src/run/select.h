/* Which rows of the input exist for a run: those that hold the condition of --where. The index and what puts scattered rows together ask
   here before they look at anything else; further on, nobody knows that there were other rows.

   What row group statistics, bloom filters and page indexes exclude is neither read nor decoded, and where they say that all rows hold,
   the columns of the condition are not read either. */
#ifndef TL_RUN_SELECT_H
#define TL_RUN_SELECT_H

#include "lake/prune.h"
#include "run/input.h"

/* A column of the condition. Its name is a column of some file, else a key of some path, else the dotted path of a value in structs; a
   file (or a path) that does not have it has it missing in every row. */
typedef struct tl_where_column {
  const char *name;
  enum { TL_WHERE_COLUMN, TL_WHERE_PATH, TL_WHERE_STRUCT } source;
  tl_field field; /* of a key of the path */
} tl_where_column;

/* where.c: finds the columns of the condition in the footers of the files that are listed, and what is wrong with it: TL_USAGE. */
tl_status tl_where_find(tl_input_set *set, const char *where, int64_t footer_limit, tl_error *err) TL_MUST_CHECK;
/* The leaf that holds the condition's column `index` in a file, or -1. */
int tl_where_leaf(const tl_input_set *set, int index, const tl_meta *meta);
/* Tells the condition its columns' types in a file; fields[i] is scratch for one pointer a column. */
tl_status tl_where_bind(const tl_input_set *set, tl_predicate *predicate, const tl_parquet *file, const tl_field **fields, tl_error *err) TL_MUST_CHECK;

/* Rows [first, first + count) of a row group; the first and the last of them are selected. */
typedef struct tl_selected {
  int64_t first, count;
  int64_t selected;    /* how many are */
  const uint8_t *bits; /* bit skip + i: row first + i is; NULL: all are. Good until the selector goes on */
  int64_t skip;
} tl_selected;

/* The first selected rows side by side at or behind row `from` of the batch, counted from its first row; count 0: no more. */
tl_row_range tl_selected_side_by_side(const tl_selected *rows, int64_t from);

/* One thread's view on a row group. Without a condition every row is selected. */
typedef struct tl_selector {
  tl_env *env;
  const tl_input_set *set;
  tl_page_scratch *scratch; /* shared with whoever reads other columns */
  tl_predicate *predicate;  /* NULL: no condition */
  int count;                /* columns of it; one of each of these: */
  tl_column *columns;
  tl_page_cursor *cursors;
  int *leaves;
  tl_interval *known; /* what is known of every row of the file at hand */
  const tl_column **asked;
  const tl_field **fields;
  int32_t bound; /* the file at hand, or -1 */
  tl_parquet *file;
  int group;
  tl_ranges ranges; /* that may hold */
  int64_t range;
  int64_t step, most_step; /* rows that are evaluated at a time */
  uint8_t *bits;
  size_t bit_capacity;
} tl_selector;

/* `set` needs no more than its files and its condition. */
tl_status tl_selector_open(tl_selector *out, const tl_input_set *set, tl_page_scratch *scratch, tl_error *err) TL_MUST_CHECK;
void tl_selector_free(tl_selector *selector);
/* Goes to rows [first, first + count) of a group of input file `index`, which is open as `file` until the last of them came. */
tl_status tl_selector_start(tl_selector *selector, tl_parquet *file, int32_t index, int group, int64_t first, int64_t count, tl_error *err) TL_MUST_CHECK;
/* The next at most `most` rows, without those before the first and behind the last selected one; count 0 at the end. */
tl_status tl_selector_next(tl_selector *selector, int64_t most, tl_selected *out, tl_error *err) TL_MUST_CHECK;
/* Memory of a selector, beside the scratch. */
int64_t tl_selector_bytes(const tl_input_set *set, int64_t page_limit);

#endif
