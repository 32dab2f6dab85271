/* The pages of a column chunk, header after header: what they say of themselves, without decoding or keeping any of them. Nothing that the
   file says is believed beyond the chunk's bytes, so that a walk ends, whatever they are. */
#ifndef TL_PARQUET_WALK_H
#define TL_PARQUET_WALK_H

#include "parquet/reader.h"

typedef enum tl_crc { TL_CRC_ABSENT, TL_CRC_GOOD, TL_CRC_WRONG } tl_crc;

typedef struct tl_page_walk {
  tl_parquet *file;
  int group, leaf;
  tl_chunk chunk;
  int64_t start, at, end; /* bytes of the file; `end` as the footer says */
  int64_t most_end;       /* some old writers left the dictionary's header out of the size */
  int64_t values;         /* of the data pages so far */
  int index;              /* of the page that comes next, dictionaries included */
  tl_buffer window;
  int64_t window_at;
} tl_page_walk;

/* TL_UNSUPPORTED: encrypted, or in another file. Errors name file, column, row group, page and byte. */
tl_status tl_page_walk_open(tl_page_walk *out, tl_parquet *file, int group, int leaf, tl_error *err) TL_MUST_CHECK;
void tl_page_walk_free(tl_page_walk *walk);
/* The next page; *more is false behind the last one. */
tl_status tl_page_walk_next(tl_page_walk *walk, tl_page *page, bool *more, tl_error *err) TL_MUST_CHECK;
/* The checksum of the page that came last, over its bytes in the file, read piece by piece. */
tl_status tl_page_walk_crc(tl_page_walk *walk, const tl_page *page, tl_crc *out, tl_error *err) TL_MUST_CHECK;
/* Adds file, column, row group, page and byte to an error. */
tl_status tl_page_walk_fail(const tl_page_walk *walk, tl_status status, int64_t at, tl_error *err);

/* What the pages of a chunk are, all in all. */
typedef struct tl_page_count {
  int64_t pages; /* headers seen */
  int64_t data_pages, with_crc;
  int64_t dictionary_entries; /* -1: no dictionary */
  uint32_t encodings;         /* of the data pages: bit e */
  bool complete;              /* the whole chunk was walked */
} tl_page_count;
/* Walks over at most `most` pages. */
tl_status tl_page_count_chunk(tl_page_count *out, tl_parquet *file, int group, int leaf, int64_t most, tl_error *err) TL_MUST_CHECK;

#endif
