/* A Parquet file, and reading any row range of a row group's leaf that does not repeat. Columns of any shape: rows.h. */
#ifndef TL_PARQUET_READER_H
#define TL_PARQUET_READER_H

#include "column/column.h"
#include "parquet/meta.h"
#include "parquet/page.h"

typedef struct tl_parquet {
  tl_env *env;
  const char *path; /* lives in the arena */
  int handle;       /* -1 when closed */
  int64_t size, mtime_ns, footer_size;
  uint64_t inode;
  tl_arena arena;
  tl_meta meta;
  tl_buffer whole;       /* small files are read in one piece */
  const uint8_t *mapped; /* large ones may be mapped: tl_env.map_threshold */
} tl_parquet;

/* What reading a column takes: a window of the file and memory for a page. One per thread, or one for each column that is open at once. */
typedef struct tl_page_scratch {
  tl_env *env;
  int64_t limit;    /* bytes of one page that are believed; 0: 2 GB */
  size_t piece;     /* bytes read at a time; 0: half a megabyte */
  tl_buffer window; /* raw bytes of the chunk */
  int64_t window_at;
  tl_page_memory memory;
  int64_t bytes_read; /* from the file, so far */
  int64_t io_ns, decode_ns;
} tl_page_scratch;

void tl_page_scratch_free(tl_page_scratch *scratch);

/* Opens and reads the footer. Errors name the file. */
tl_status tl_parquet_open(tl_parquet *file, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
/* The same, with TL_MEMORY when the footer has more bytes than `most`: in memory it takes about three times as much. */
tl_status tl_parquet_open_within(tl_parquet *file, tl_env *env, const char *path, int64_t most, tl_error *err) TL_MUST_CHECK;
void tl_parquet_free(tl_parquet *file);
/* All of `size` bytes, or an error. */
tl_status tl_parquet_read_bytes(tl_parquet *file, void *data, size_t size, int64_t offset, tl_error *err) TL_MUST_CHECK;
/* A piece that the footer names, checked against the file's size. */
tl_status tl_parquet_bytes(tl_parquet *file, tl_extent where, const char *what, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* Where the file's bytes from an offset on lie in memory, or NULL. */
const uint8_t *tl_parquet_view(const tl_parquet *file, int64_t offset);
/* Rows [first, first + count) of a row group; `first` counts from the group's first row. */
tl_status tl_parquet_read(tl_parquet *file, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *scratch,
                          tl_error *err) TL_MUST_CHECK;

/* Where the page of a column chunk lies that the last read ended in: the next read goes on there, instead of walking over the pages
   before it. Zeroed at first; one for each column that is read in steps. */
typedef struct tl_page_cursor {
  int group, leaf, index;
  bool dictionary;
  int64_t row, at; /* of the page; at 0: nowhere */
} tl_page_cursor;
/* The same; `cursor` (which may be NULL) must have been used with this file only. */
tl_status tl_parquet_read_on(tl_parquet *file, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *scratch,
                             tl_page_cursor *cursor, tl_error *err) TL_MUST_CHECK;

/* A value of min or max statistics as a double, for numeric leaves whose order is that of their numbers; false when there is none. */
bool tl_statistics_range(const tl_chunk *chunk, const tl_leaf *leaf, double *min, double *max);
/* The same for integers, dates and times, exactly. */
bool tl_statistics_int_range(const tl_chunk *chunk, const tl_leaf *leaf, int64_t *min, int64_t *max);

#endif
