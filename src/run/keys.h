/* Whose row is it? The keys of rows, and the table that finds a stream by its keys. */
#ifndef TL_RUN_KEYS_H
#define TL_RUN_KEYS_H

#include "run/input.h"

/* One thread's view on the keys of a row group. */
typedef struct tl_key_reader {
  tl_input_set *set;
  tl_column columns[TL_MOST_KEYS];
  int32_t *follower; /* of each stream: the one that followed it last time, which is a good guess */
  size_t follower_capacity;
  int32_t before;                       /* stream of the row that was asked for before, or -1 */
  int64_t before_row;                   /* ... and that row */
  tl_page_cursor cursors[TL_MOST_KEYS]; /* where the last read ended, in this file */
  const tl_input_file *file;
} tl_key_reader;

void tl_key_reader_open(tl_key_reader *out, tl_input_set *set);
void tl_key_reader_free(tl_key_reader *reader);
/* A key as a column has it; text is borrowed, and not terminated. */
tl_key_value_data tl_key_of_row(const tl_column *column, int64_t row);
/* Fills the table again after streams were sorted. */
tl_status tl_keys_rebuild(tl_input_set *set, tl_error *err) TL_MUST_CHECK;
/* Whether rows of this file have keys of their own; otherwise the whole file is one stream. */
bool tl_keys_by_row(const tl_input_set *set, const tl_input_file *file);
/* Reads the key columns of rows [first, first + count) of a group. */
tl_status tl_keys_read(tl_key_reader *reader, tl_parquet *file, const tl_input_file *f, int group, int64_t first, int64_t count, tl_page_scratch *scratch,
                       tl_error *err) TL_MUST_CHECK;
/* The stream of row `row` of those read, which are asked for in order, some or all. With `add` a new one is made (one thread only); else -1 stands for one that
 * is not known. */
tl_status tl_keys_stream(tl_key_reader *reader, const tl_input_file *f, int64_t row, bool add, int32_t *stream, tl_error *err) TL_MUST_CHECK;

#endif
