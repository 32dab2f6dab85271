/* One page of a column chunk: its header, and its levels and values as streams that are read a few rows at a time. */
#ifndef TL_PARQUET_PAGE_H
#define TL_PARQUET_PAGE_H

#include "codec/rle.h"
#include "column/totals.h"
#include "parquet/meta.h"

enum { TL_PAGE_DATA = 0, TL_PAGE_INDEX = 1, TL_PAGE_DICTIONARY = 2, TL_PAGE_DATA_V2 = 3 };

/* What a page says of itself. */
typedef struct tl_page {
  int type;
  int64_t plain_size, stored_size;
  uint32_t crc;
  bool has_crc, compressed;
  int64_t values, nulls, rows; /* V1 says no nulls and rows: -1 */
  int encoding, definition_encoding, repetition_encoding;
  int64_t definition_size, repetition_size; /* V2 */
  int64_t offset;                           /* of the header in the file */
  size_t header_size;
} tl_page;

/* Parses a page header at the start of the bytes; TL_CORRUPT, or *out with header_size. */
tl_status tl_page_parse(tl_page *out, tl_bytes bytes, tl_error *err) TL_MUST_CHECK;

/* Memory that pages pass through, kept from one to the next. */
typedef struct tl_page_memory {
  tl_env *env;
  int64_t limit;        /* bytes of one page that are believed */
  tl_buffer plain;      /* the page, decompressed */
  tl_column dictionary; /* of the chunk; a field without a name: none */
  int64_t *integers;    /* of DELTA pages: values, or lengths */
  size_t integer_capacity;
  int64_t *prefixes; /* of DELTA_BYTE_ARRAY */
  size_t prefix_capacity;
  tl_buffer last; /* its value before */
  uint32_t *codes;
  size_t code_capacity;
  tl_column some; /* values on their way to ranks */
} tl_page_memory;
void tl_page_memory_free(tl_page_memory *memory);

/* Repetition or definition levels, one after the other. */
typedef struct tl_levels {
  int max; /* 0: there are none, every level is 0 */
  tl_rle runs;
  bool bits; /* the old packing, most significant bit first, instead of runs */
  tl_bytes packed;
  int64_t at;
} tl_levels;
/* The next `count` levels; TL_CORRUPT when one is above the greatest. */
tl_status tl_levels_read(tl_levels *levels, uint8_t *out, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Some of the next levels that are told together: rows that are all there, all missing, or as bits say. */
enum { TL_PIECE_LEVELS = 1024 };
typedef struct tl_level_piece {
  int64_t rows, present;
  const uint8_t *bits; /* of validity, from its first bit on; NULL: present is all of them, or none */
} tl_level_piece;
/* At most `most`, which is at least 1. `memory`: TL_PIECE_LEVELS / 8 bytes, for bits that are not there as they are wanted. */
tl_status tl_levels_piece(tl_levels *levels, int64_t most, uint8_t *memory, tl_level_piece *out, tl_error *err) TL_MUST_CHECK;
/* The same as validity: rows [at, at + count) of the column are missing where the level is not the greatest. Without a column they are only
   counted. */
tl_status tl_levels_validity(tl_levels *levels, int64_t count, tl_column *out, int64_t at, int64_t *present, tl_error *err) TL_MUST_CHECK;

/* Where a batch may be put as shorts (tl_column.shorts), if it has no more rows than there is room for. */
typedef struct tl_short_room {
  uint16_t *at;
  int64_t rows;
} tl_short_room;

/* What of a column will do for who reads it. */
typedef struct tl_enough {
  const tl_short_room *shorts; /* dictionary codes, where they fit; NULL: no. Looked at for every batch */
  const int64_t *bounds; /* of signed integers without a dictionary their rank among these: 1, and 1 more for each bound that they are not below; NULL: no */
  int bound_count;       /* bounds ascend; at least 1 */
} tl_enough;

/* The present values of a page, one after the other. */
typedef struct tl_values {
  tl_page_memory *memory;
  const tl_field *field;
  int encoding;
  const uint8_t *start, *at, *end;
  int64_t next, total; /* values read; values that there are, where the encoding knows, else -1 */
  bool aside;          /* those of a DELTA page lie in memory->integers */
  int64_t known;       /* ... the first so many; the others are of the highest rank */
  tl_rle runs;         /* of codes and booleans */
} tl_values;
bool tl_values_are_codes(const tl_values *values);
/* Dense, into out[at..at+count). */
tl_status tl_values_read(tl_values *values, int64_t count, tl_column *out, int64_t at, tl_error *err) TL_MUST_CHECK;
/* Codes below the dictionary's count. */
tl_status tl_values_codes(tl_values *values, int64_t count, uint32_t *out, tl_error *err) TL_MUST_CHECK;
/* Counts `count` codes, instead of reading them: counts[TL_COUNT_LANES * code + any lane] grows. A code that the dictionary does not have is
   TL_CORRUPT, or is counted where no entry has its counters, up to the next power of two: whoever uses the counts looks there (totals.h). */
tl_status tl_values_count(tl_values *values, int64_t count, uint32_t *counts, tl_error *err) TL_MUST_CHECK;
/* Ranks of integers, at most 1024 (tl_enough). Other reads of the page may not follow. */
tl_status tl_values_ranks(tl_values *values, int64_t count, const tl_enough *enough, uint16_t *out, tl_error *err) TL_MUST_CHECK;
tl_status tl_values_skip(tl_values *values, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Behind the last one: values that nobody asked for, though the page has some, are looked at all the same. */
tl_status tl_values_close(tl_values *values, tl_error *err) TL_MUST_CHECK;
/* Where the next `count` values lie side by side in their form in memory, taken as read; NULL where they do not, or are damaged. */
const void *tl_values_view(tl_values *values, int64_t count);

/* A data page whose streams are open. */
typedef struct tl_open_page {
  int64_t left; /* level entries (rows, where nothing repeats) not yet read */
  tl_levels repetition, definition;
  tl_values values;
  int64_t nulls, nulls_said; /* missing entries seen; those that the page says, or -1 */
} tl_open_page;

/* Checks, decompresses and opens a data page; `body` is what the file holds behind the header, and must outlive the open page. */
tl_status tl_page_open(tl_open_page *out, const tl_page *page, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_memory *memory,
                       tl_error *err) TL_MUST_CHECK;
/* The next `rows` rows of a leaf without repetition into rows [at, at + rows) of the column, which has room for them. A column of codes
   (out->codes has room, out->dictionary is set) gets codes; the page must have them. */
tl_status tl_page_read(tl_open_page *page, int64_t rows, tl_column *out, int64_t at, tl_error *err) TL_MUST_CHECK;
/* The same into enough->shorts, row `at` of the column on. */
tl_status tl_page_read_shorts(tl_open_page *page, int64_t rows, const tl_enough *enough, tl_column *out, int64_t at, tl_error *err) TL_MUST_CHECK;
tl_status tl_page_skip(tl_open_page *page, int64_t rows, tl_error *err) TL_MUST_CHECK;
/* After the last entry: what the page said of itself must be so. */
tl_status tl_page_close(tl_open_page *page, tl_error *err) TL_MUST_CHECK;
/* Decodes a dictionary page into memory->dictionary. */
tl_status tl_page_dictionary(const tl_page *page, tl_bytes body, int codec, const tl_leaf *leaf, tl_page_memory *memory, tl_error *err) TL_MUST_CHECK;

/* Moves `present` values (or codes) at the front of out[at..at+rows) to the rows that are valid. */
void tl_column_spread(tl_column *out, int64_t at, int64_t rows, int64_t present);

#endif
