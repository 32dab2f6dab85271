/* A place in a column chunk that moves forward: rows are read or skipped in steps of any size, and no page is decoded twice. */
#ifndef TL_PARQUET_CURSOR_H
#define TL_PARQUET_CURSOR_H

#include "parquet/index.h"
#include "parquet/reader.h"

enum { TL_LEVEL_WINDOW = 4096 };

typedef struct tl_cursor {
  tl_parquet *file;
  tl_page_scratch *scratch;
  int group, leaf_index;
  const tl_leaf *leaf;
  tl_chunk chunk;
  int64_t at, end; /* bytes of the file */
  int index;       /* of the page that comes next */
  int64_t row;     /* of the group, that comes next */
  bool sparse;     /* few rows are wanted: no more is read than the page at hand */
  bool skips;      /* what lies ahead is likely not wanted: its header is enough */
  bool dictionary_seen;
  tl_enough enough;
  tl_page page;      /* its header, while some of its rows are left */
  int64_t page_left; /* rows of it (entries, where the leaf repeats) */
  int64_t page_row;  /* of the group: the page's first */
  bool opened;       /* its streams are open */
  tl_open_page streams;
  tl_offset_index places; /* of the pages; loaded when a long way is to be skipped */
  /* entries whose levels were read ahead, where rows are read as entries */
  uint8_t *definition, *repetition;
  int window_at, window_count;
  int64_t entries;               /* decoded so far */
  int last_definition;           /* of the entry before */
  bool inside_row;               /* a row has begun since reading began */
  uint8_t least_definition[128]; /* that an entry has which goes on a list of this repetition level */
} tl_cursor;

/* The scratch is the cursor's alone until it is freed. */
tl_status tl_cursor_open(tl_cursor *out, tl_parquet *file, int group, int leaf, tl_page_scratch *scratch, tl_error *err) TL_MUST_CHECK;
void tl_cursor_free(tl_cursor *cursor);
/* Before anything is read: rows will be read as entries, which every leaf that repeats asks for, and any leaf allows. */
tl_status tl_cursor_use_entries(tl_cursor *cursor, tl_error *err) TL_MUST_CHECK;
/* The next `rows` rows of a leaf that does not repeat. codes: dictionary codes will do where the chunk has them; they are good until the
   cursor is freed. */
tl_status tl_cursor_read(tl_cursor *cursor, int64_t rows, bool codes, tl_column *out, tl_error *err) TL_MUST_CHECK;
tl_status tl_cursor_skip(tl_cursor *cursor, int64_t rows, tl_error *err) TL_MUST_CHECK;
/* Rows that are left of the page at hand, or the rows of the one that comes next: read at once they are decoded into place. At the group's end, 0. */
tl_status tl_cursor_page_rows(tl_cursor *cursor, int64_t *rows, tl_error *err) TL_MUST_CHECK;

/* How many of the next rows have the value of the first, or are missing as it is, as runs tell without a look at values: at least 1, and no more than the
   page has; 0 at the group's end. */
tl_status tl_cursor_repeats(tl_cursor *cursor, int64_t *rows, tl_error *err) TL_MUST_CHECK;

/* Rows as entries: one for each value and each place where one is missing, and the values that are present. */
typedef struct tl_entries {
  tl_env *env;
  uint8_t *definition, *repetition;
  int64_t count;
  size_t definition_capacity, repetition_capacity;
  tl_column values; /* dense */
} tl_entries;
void tl_entries_free(tl_entries *entries);
tl_status tl_cursor_read_entries(tl_cursor *cursor, int64_t rows, bool codes, tl_entries *out, tl_error *err) TL_MUST_CHECK;

/* What comes next in one form, dense, for those who only count or sum: at most `most` rows of a leaf that does not repeat, of
   codes more. */
typedef struct tl_stretch_of_values {
  int64_t rows, present;
  const void *values; /* `present` values of fixed width, where not NULL */
  tl_values *codes;   /* else `present` codes of the dictionary, which the caller must count or read before the next pull */
  const tl_column *dictionary;
  const tl_column *column; /* else a column of `present` rows */
} tl_stretch_of_values;
tl_status tl_cursor_pull(tl_cursor *cursor, int64_t most, tl_column *memory, tl_stretch_of_values *out, tl_error *err) TL_MUST_CHECK;

/* Goes as far as the first data page, for the dictionary before it; c->at is free to be moved then. */
tl_status tl_cursor_take_dictionary(tl_cursor *cursor, tl_error *err) TL_MUST_CHECK;
/* Where a later cursor can go on. */
void tl_cursor_place(const tl_cursor *cursor, tl_page_cursor *out);

/* Adds file, column, row group, page and byte to an error. */
tl_status tl_cursor_fail(const tl_cursor *cursor, tl_status status, tl_error *err);

#endif
