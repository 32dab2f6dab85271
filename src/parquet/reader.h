/* Reading columns of a Parquet file: flat leaves (no repetition), any row range of a row group. */
#ifndef TL_PARQUET_READER_H
#define TL_PARQUET_READER_H

#include "column/column.h"
#include "parquet/meta.h"

typedef struct tl_parquet {
  tl_env *env;
  const char *path; /* lives in the arena */
  int handle;       /* -1 when closed */
  int64_t size, mtime_ns, footer_size;
  uint64_t inode;
  tl_arena arena;
  tl_meta meta;
  tl_buffer whole; /* small files are read in one piece */
} tl_parquet;

/* Memory that pages pass through, kept from one to the next; one per thread. */
typedef struct tl_page_scratch {
  tl_env *env;
  int64_t limit;    /* bytes of one page that are believed */
  tl_buffer window; /* raw bytes of the chunk */
  int64_t window_at;
  tl_buffer plain; /* a decompressed page */
  tl_column dictionary;
  tl_column slice; /* a page of which only some rows are wanted */
  uint32_t *codes;
  size_t code_capacity;
  int64_t *integers;
  size_t integer_capacity;
  int64_t bytes_read; /* from the file, so far */
  int64_t io_ns, decode_ns;
} tl_page_scratch;

void tl_page_scratch_free(tl_page_scratch *scratch);

/* Opens and reads the footer. Errors name the file. */
tl_status tl_parquet_open(tl_parquet *file, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
/* The same, with TL_MEMORY when the footer has more bytes than `most`: in memory it takes about three times as much. */
tl_status tl_parquet_open_within(tl_parquet *file, tl_env *env, const char *path, int64_t most, tl_error *err) TL_MUST_CHECK;
void tl_parquet_free(tl_parquet *file);
/* Rows [first, first + count) of a row group; `first` counts from the group's first row. */
tl_status tl_parquet_read(tl_parquet *file, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *scratch,
                          tl_error *err) TL_MUST_CHECK;

/* Where the page of a column chunk lies that the last read ended in: the next read goes on there, instead of walking over the pages
   before it. Zeroed at first; one for each column that is read in steps. */
typedef struct tl_page_cursor {
  int group, leaf, index;
  int64_t row, at; /* of the page; at 0: nowhere */
} tl_page_cursor;
/* The same; `cursor` (which may be NULL) must have been used with this file only. */
tl_status tl_parquet_read_on(tl_parquet *file, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *scratch,
                             tl_page_cursor *cursor, tl_error *err) TL_MUST_CHECK;

/* What a page says of itself. */
typedef struct tl_page {
  int type; /* 0 data, 1 index, 2 dictionary, 3 data V2 */
  int64_t plain_size, stored_size;
  uint32_t crc;
  bool has_crc, compressed;
  int64_t values, nulls, rows; /* V1 says no nulls and rows: -1 */
  int encoding, definition_encoding;
  int64_t definition_size, repetition_size; /* V2 */
  int64_t offset;                           /* of the header in the file */
  size_t header_size;
} tl_page;

/* Parses a page header at the start of the bytes; TL_CORRUPT, or *out with header_size. */
tl_status tl_page_parse(tl_page *out, tl_bytes bytes, tl_error *err) TL_MUST_CHECK;
/* Decodes one data page of `rows` rows into out[at..]; body is what the file holds behind the header. */
tl_status tl_page_decode(const tl_page *page, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_scratch *scratch, tl_column *out, int64_t at,
                         tl_error *err) TL_MUST_CHECK;
tl_status tl_page_decode_dictionary(const tl_page *page, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_scratch *scratch, tl_error *err) TL_MUST_CHECK;

/* A value of min or max statistics as a double, for numeric leaves whose order is that of their numbers; false when there is none. */
bool tl_statistics_range(const tl_chunk *chunk, const tl_leaf *leaf, double *min, double *max);
/* The same for integers, dates and times, exactly. */
bool tl_statistics_int_range(const tl_chunk *chunk, const tl_leaf *leaf, int64_t *min, int64_t *max);

#endif
