/* Writing Parquet. Encoding a row group is a pure function of its columns and runs on any thread; putting it into a file is a copy.

   tl_group g = {.env = env};  tl_group_begin(&g, leaves, rows);  tl_group_put_*(...) once a leaf, in order;
   tl_writer_append(&w, &g);  ...  tl_writer_finish(&w); */
#ifndef TL_PARQUET_WRITER_H
#define TL_PARQUET_WRITER_H

#include "column/array.h"
#include "parquet/bounds.h"
#include "parquet/meta.h"
#include "parquet/reader.h"

/* TL_ENCODING_CHOOSE: what costs the least on a page from the middle, with the codec or without: bytes stored, and what decompressing costs (compressor.h). */
enum { TL_ENCODING_CHOOSE = -1 };

/* How the pages of a column are written. */
typedef struct tl_page_style {
  int encoding; /* CHOOSE, or one that the type has; RLE_DICTIONARY falls back to PLAIN when it would not pay */
  int codec, level;
  int64_t page_rows;
  bool bloom;               /* a bloom filter too, where it is small beside the column */
  const int64_t *page_ends; /* of put_column and put_array: the row behind each page, the last one the group's; NULL: a page every page_rows */
} tl_page_style;

/* A page of a chunk as its indexes tell it. */
typedef struct tl_page_note {
  int64_t offset, size; /* within the group; header included */
  int64_t first_row, nulls;
  bool all_null;
  tl_bounds bounds;
} tl_page_note;

typedef struct tl_chunk_notes {
  int64_t first_note, notes;
  tl_bounds bounds;
  size_t bloom_at, bloom_size; /* in the group's blooms */
  int64_t text_bytes;          /* of byte arrays; -1 */
} tl_chunk_notes;

typedef struct tl_group {
  tl_env *env;
  tl_buffer bytes;       /* the chunks, one after the other */
  tl_chunk *chunks;      /* offsets count from the group's first byte */
  tl_chunk_notes *about; /* each chunk: what its statistics point at */
  tl_page_note *notes;   /* of all pages */
  tl_buffer blooms;
  int leaf_count, next;
  int64_t row_count;
  int64_t note_count;
  size_t chunk_capacity, about_capacity, note_capacity;
  tl_buffer page, packed; /* scratch */
  void *values;           /* scratch */
  size_t value_capacity;
  uint32_t *codes, *levels;
  size_t code_capacity, level_capacity;
} tl_group;

void tl_group_free(tl_group *group);
tl_status tl_group_begin(tl_group *group, int leaf_count, int64_t rows, tl_error *err) TL_MUST_CHECK;

/* `rows` values; NaN is null. The leaf's type decides the form: DOUBLE, FLOAT, or BOOLEAN (1.0 is true). */
tl_status tl_group_put_doubles(tl_group *group, const tl_leaf *leaf, const double *values, tl_page_style style, tl_error *err) TL_MUST_CHECK;
/* Integers, dates, times (INT32 or INT64 by the leaf); `absent` stands for null where the leaf is nullable. */
tl_status tl_group_put_ints(tl_group *group, const tl_leaf *leaf, const int64_t *values, int64_t absent, tl_page_style style, tl_error *err) TL_MUST_CHECK;
/* Any flat column, of values or codes. */
tl_status tl_group_put_column(tl_group *group, const tl_leaf *leaf, const tl_column *column, tl_page_style style, tl_error *err) TL_MUST_CHECK;
/* A column of any shape: a chunk for each of its leaves. `leaves` are the file's, `column` has the levels of the file's schema. */
tl_status tl_group_put_array(tl_group *group, const tl_leaf *leaves, const tl_schema *node, const tl_array *column, tl_page_style style,
                             tl_error *err) TL_MUST_CHECK;
/* A flat column of another file's row group, of as many rows, as it is: pages are copied. TL_CORRUPT where it has no page index. */
tl_status tl_group_put_chunk(tl_group *group, tl_parquet *file, int number, int leaf, tl_error *err) TL_MUST_CHECK;
/* Row values[k] of a column lengths[k] times, one after the other: keys of streams. Written as a dictionary. */
tl_status tl_group_put_runs(tl_group *group, const tl_leaf *leaf, const tl_column *values, const int64_t *lengths, int64_t count, int codec, int level,
                            tl_error *err) TL_MUST_CHECK;

typedef struct tl_writer {
  tl_env *env;
  int handle; /* -1 when closed */
  int64_t at;
  tl_arena arena;
  tl_meta meta;      /* without its row groups: */
  tl_buffer groups;  /* as the footer will have them */
  tl_buffer indexes; /* of the row group at hand */
  tl_chunk *chunks;  /* of the row group at hand */
  tl_sorting *sorting;
  int sorting_count;
} tl_writer;

/* Creates the file. The schema and key-values are copied; sorting columns are leaf indices. */
tl_status tl_writer_open_schema(tl_writer *writer, tl_env *env, const char *path, const tl_schema *schema, const tl_sorting *sorting, int sorting_count,
                                tl_error *err) TL_MUST_CHECK;
/* The same for flat columns. */
tl_status tl_writer_open(tl_writer *writer, tl_env *env, const char *path, const tl_leaf *leaves, int leaf_count, const tl_sorting *sorting, int sorting_count,
                         tl_error *err) TL_MUST_CHECK;
tl_status tl_writer_key_value(tl_writer *writer, const char *key, const char *value, tl_error *err) TL_MUST_CHECK;
tl_status tl_writer_append(tl_writer *writer, const tl_group *group, tl_error *err) TL_MUST_CHECK;
/* A place in the file between two row groups, to which it can be cut back. */
typedef struct tl_writer_mark {
  int64_t at, rows;
  int groups;
  size_t group_bytes;
} tl_writer_mark;
tl_writer_mark tl_writer_at(const tl_writer *writer);
tl_status tl_writer_cut(tl_writer *writer, tl_writer_mark mark, tl_error *err) TL_MUST_CHECK;
/* Footer and close; `durable`: once everything is on the disk. The file's name is the caller's business. */
tl_status tl_writer_finish(tl_writer *writer, bool durable, tl_error *err) TL_MUST_CHECK;
/* Also without finish; the file stays as it is. */
void tl_writer_free(tl_writer *writer);

#endif
