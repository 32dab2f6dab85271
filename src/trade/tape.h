/* Rows of a sorted dataset as streams, for strategies: row groups are decoded one after the other into blocks of columns, and blocks are cut where a stream
   ends. A stream may go on in the next block.

   Times are proved to ascend, but only few are wanted: those of trades. Where statistics say that a row group has one day, its times are not read with the
   other columns but when it is known which are wanted; they stay in no memory then (tape_times.c). */
#ifndef TL_TRADE_TAPE_H
#define TL_TRADE_TAPE_H

#include "lake/scan.h"
#include "lang/definition.h"
#include "trade/tape_input.h"
#include "trade/tape_keys.h"

enum { TL_TAPE_BATCH_ROWS = 16384 };

/* How a dataset gives what a definition needs. */
typedef struct tl_tape {
  tl_env *env;
  const tl_definition *definition;
  tl_scan scan;
  int order;                  /* of the scan's wanted columns */
  bool in_path[TL_MOST_KEYS]; /* keys that stand in paths, not in files */
  tl_field key_fields[TL_MOST_KEYS];
  int key_count;
  int price;           /* input that ticks need; -1: none */
  bool reads_time;     /* some input, or the plan itself, reads the order key: it is read with the other columns */
  int *inputs;         /* ... one an input; -1: no file has it */
  const int32_t *used; /* inputs that are wanted */
  int used_count;
  const tl_classes *classes; /* one a used input, borrowed */
  tl_arena arena;
} tl_tape;

/* `used`: inputs of the definition that are read, of which `classes` says where classes are enough; `reads_time`: the plan asks rows for their time. TL_USAGE
 * when there is no column for a key, the order key or an input that must be there. */
tl_status tl_tape_open(tl_tape *out, tl_env *env, const char *path, const char *where, const tl_definition *definition, const int32_t *used,
                       const tl_classes *classes, int used_count, bool reads_time, int64_t page_limit, tl_error *err) TL_MUST_CHECK;
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
  int64_t first, rows;            /* of the block */
  int64_t day;                    /* of its first row, days since 1970 */
  int64_t read;                   /* rows that it has in the block, those without a price among them */
  int64_t key;                    /* row of tl_tape_reader.keys: of the stream */
  bool goes_on;                   /* it began in the block before */
  bool open;                      /* it may go on in the next */
  uint32_t first_wish, last_wish; /* of the block's, numbered from 1; 0: none */
} tl_tape_run;

/* A row's time that is wanted: known once tl_tape_answer has been. */
typedef struct tl_tape_wish {
  int64_t row;   /* of the block */
  int64_t time;  /* ns */
  uint64_t whom; /* the asker's own */
  uint32_t next; /* of the same run; 0: none */
} tl_tape_wish;

/* Rows of a batch or of a row group, in pieces that lie side by side. */
typedef struct tl_row_list {
  tl_tape_rows *items;
  size_t count, capacity;
} tl_row_list;

typedef struct tl_tape_block {
  tl_env *env;
  int64_t rows;
  tl_tape_input *inputs; /* one a used input */
  bool late;             /* it has no times yet: */
  int64_t *time;         /* ... one a row, else */
  size_t time_capacity;
  tl_scan_part part;
  int64_t day;             /* late: of all rows, as statistics say */
  tl_row_list read, ticks; /* late: rows of the row group that were read, and those of them that the block has */
  tl_tape_wish *wishes;
  size_t wish_count, wish_capacity;
  size_t seam;                   /* of the reader's: its own */
  int64_t first_row, first_time; /* of the file; the latter is not known where times are late */
  bool asked;                    /* it has been read, and nobody has answered yet */
  int input_count;
  tl_tape_run *runs;
  size_t run_count, run_capacity;
  int users;                  /* who still reads it */
  struct tl_tape_block *more; /* the block in which its only run goes on, for those who read it */
} tl_tape_block;
void tl_tape_block_free(tl_tape_block *block);

/* What a block's neighbours must know of its times. */
typedef struct tl_tape_seam {
  int64_t first, last; /* of its first row, and of its last one */
  int64_t row;         /* of the file: its first */
  bool goes_on;
} tl_tape_seam;

/* One thread's walk through a stretch. */
typedef struct tl_tape_reader {
  tl_env *env;
  const tl_tape *tape;
  tl_scan_reader scan;
  tl_tape_stretch stretch;
  size_t next;  /* part */
  bool in_part; /* rows of the one before it are left */
  bool late;    /* ... and times are not read with them */
  int64_t day;  /* ... for this is the day of all */
  bool started;
  tl_column *keys;    /* one a key: those of each stream so far */
  tl_column *in_path; /* ... and what the path of the file says */
  tl_tape_key *walks; /* ... and where the part at hand stands */
  int64_t streams;
  int64_t last_time, last_day; /* the former is not known where times are late */
  bool last_known;
  int64_t rows;                /* read */
  tl_row_list selected, ticks; /* of the batch: by the condition; of those the ones with a price */
  tl_short_room *rooms;        /* one a used input: of the block at hand */
  tl_tape_seam *seams;         /* of all blocks of the stretch */
  size_t seam_count, seam_capacity;
  tl_column times; /* of a page that is read late */
  tl_page_scratch scratch;
  int64_t decode_ns;
} tl_tape_reader;

tl_status tl_tape_reader_open(tl_tape_reader *out, const tl_tape *tape, tl_error *err) TL_MUST_CHECK;
void tl_tape_reader_free(tl_tape_reader *reader);
/* Goes to a stretch; keys of earlier ones are forgotten. */
tl_status tl_tape_reader_start(tl_tape_reader *reader, tl_tape_stretch stretch, tl_error *err) TL_MUST_CHECK;
/* The next rows, of one row group or a part of it; *more is false at the end of the stretch, and nothing was read. TL_CORRUPT with file and row when they are
 * out of order. */
tl_status tl_tape_reader_next(tl_tape_reader *reader, tl_tape_block *block, bool *more, tl_error *err) TL_MUST_CHECK;
/* Asks for the time of a row of a run; rows of one run ascend from call to call. */
tl_status tl_tape_ask(tl_tape_block *block, size_t run, int64_t row, uint64_t whom, tl_error *err) TL_MUST_CHECK;
/* Once nobody asks any more: gives all wishes their times, and proves times that are read only now. TL_CORRUPT as tl_tape_reader_next. */
tl_status tl_tape_answer(tl_tape_reader *reader, tl_tape_block *block, tl_error *err) TL_MUST_CHECK;
/* Once a block, by its number among those of the stretch (`seam`), and the one before it are answered: proves that times ascend from one to the other. */
tl_status tl_tape_prove_seam(const tl_tape_reader *reader, size_t seam, tl_error *err) TL_MUST_CHECK;

/* Between the files of the reader: whether the columns under `root` are such as a tape has, as far as they are there, else `fault`; nanoseconds of the order
 * key's unit; times in ns, of rows that must have some; a row that is out of order. */
tl_status tl__tape_check_types(const tl_tape *tape, const tl_schema *root, const char *path, tl_status fault, tl_error *err) TL_MUST_CHECK;
int64_t tl__tape_time_scale(const tl_field *order);
tl_status tl__tape_check_times(const tl_tape_reader *reader, tl_column *times, int64_t first_row, tl_tape_rows rows, tl_error *err) TL_MUST_CHECK;
tl_status tl__tape_out_of_order(const tl_tape_reader *reader, int64_t row, const char *what, tl_error *err) TL_MUST_CHECK;

#endif
