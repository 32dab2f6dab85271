/* Rows of a sorted dataset as streams, for strategies: row groups are decoded one after the other into blocks of columns, and blocks are cut where a stream
   ends. A stream may go on in the next block. The order is proved while rows are read. */
#ifndef TL_TRADE_TAPE_H
#define TL_TRADE_TAPE_H

#include "lake/scan.h"
#include "lang/definition.h"
#include "trade/tape_input.h"

enum { TL_TAPE_BATCH_ROWS = 16384 };

/* How a dataset gives what a definition needs. */
typedef struct tl_tape {
  tl_env *env;
  const tl_definition *definition;
  tl_scan scan;
  int order;              /* of the scan's wanted columns */
  int keys[TL_MOST_KEYS]; /* ... one a key; -1: it stands in the path */
  tl_field key_fields[TL_MOST_KEYS];
  int key_count;
  int price;           /* input that ticks need; -1: none */
  int *inputs;         /* ... one an input; -1: no file has it */
  const int32_t *used; /* inputs that are wanted */
  int used_count;
  const tl_classes *classes; /* one a used input, borrowed */
  tl_arena arena;
} tl_tape;

/* `used`: inputs of the definition that are read, of which `classes` says where classes are enough. TL_USAGE when there is no column for a key, the order key
 * or an input that must be there. */
tl_status tl_tape_open(tl_tape *out, tl_env *env, const char *path, const char *where, const tl_definition *definition, const int32_t *used,
                       const tl_classes *classes, int used_count, int64_t page_limit, tl_error *err) TL_MUST_CHECK;
void tl_tape_free(tl_tape *tape);

/* A stretch of a file: whole streams, whole row groups. */
typedef struct tl_tape_stretch {
  size_t file, first_part, end_part; /* of the scan */
  int64_t rows;
} tl_tape_stretch;
/* Cuts the dataset into at most about `wanted` stretches, and at least one a file. *out is the caller's to release. */
tl_status tl_tape_cut(const tl_tape *tape, int wanted, tl_tape_stretch **out, size_t *count, tl_error *err) TL_MUST_CHECK;

/* Rows of one stream in a block. */
typedef struct tl_tape_run {
  int64_t first, rows; /* of the block */
  int64_t day;         /* of its first row, days since 1970 */
  int64_t read;        /* rows that it has in the block, those without a price among them */
  int64_t key;         /* row of tl_tape_reader.keys: of the stream */
  bool goes_on;        /* it began in the block before */
  bool open;           /* it may go on in the next */
} tl_tape_run;

typedef struct tl_tape_block {
  tl_env *env;
  int64_t rows;
  tl_tape_input *inputs; /* one a used input */
  int64_t *time;
  size_t time_capacity;
  int input_count;
  tl_tape_run *runs;
  size_t run_count, run_capacity;
  int users;                  /* who still reads it */
  struct tl_tape_block *more; /* the block in which its only run goes on, for those who read it */
} tl_tape_block;
void tl_tape_block_free(tl_tape_block *block);

/* Rows of a batch, in pieces that lie side by side. */
typedef struct tl_row_list {
  tl_tape_rows *items;
  size_t count, capacity;
} tl_row_list;

/* One thread's walk through a stretch. */
typedef struct tl_tape_reader {
  tl_env *env;
  const tl_tape *tape;
  tl_scan_reader scan;
  tl_tape_stretch stretch;
  size_t next;  /* part */
  bool in_part; /* rows of the one before it are left */
  bool started;
  tl_column *keys;    /* one a key: those of each stream so far */
  tl_column *in_path; /* ... and what the path of the file says */
  int64_t streams;
  int64_t last_time, last_day;
  int64_t rows;                /* read */
  tl_row_list selected, ticks; /* of the batch: by the condition; of those the ones with a price */
  int64_t decode_ns;
} tl_tape_reader;

tl_status tl_tape_reader_open(tl_tape_reader *out, const tl_tape *tape, tl_error *err) TL_MUST_CHECK;
void tl_tape_reader_free(tl_tape_reader *reader);
/* Goes to a stretch; keys of earlier ones are forgotten. */
tl_status tl_tape_reader_start(tl_tape_reader *reader, tl_tape_stretch stretch, tl_error *err) TL_MUST_CHECK;
/* The next rows, of one row group or a part of it; *more is false at the end of the stretch, and nothing was read. TL_CORRUPT with file and row when they are
 * out of order. */
tl_status tl_tape_reader_next(tl_tape_reader *reader, tl_tape_block *block, bool *more, tl_error *err) TL_MUST_CHECK;

#endif
