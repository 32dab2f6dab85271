/* Scattered rows put together. Where the rows of a stream lie in among those of others (a file a day with every ticker), reading a
   range of streams would mean reading everything. So everything is read once, and each batch of consecutive rows is written to a
   scratch file in blocks, one for each range of streams; a task then reads its block of every batch.

   A batch:  uint32 first row of each range, and the end;  then the blocks
   A block:  int32 slot[n]  int64 origin[n]  int64 order[n]  double value[n] of each input
   slot: the stream's number in its range; origin: the row's number in the dataset. Within a block rows keep their order.
   The scratch files have no name, so nothing is left behind however the process ends. */
#ifndef TL_RUN_SPILL_H
#define TL_RUN_SPILL_H

#include "run/keys.h"
#include "run/select.h"
#include "sys/sys.h"

typedef struct tl_spill_batch {
  size_t first_group;  /* in the sequence of the input set */
  int64_t first, rows; /* from that row of that group on, over further groups; only the selected ones are stored */
  int64_t at;          /* in the scratch file */
  int file;            /* which one, or -1 */
} tl_spill_batch;

typedef struct tl_spill {
  tl_env *env;
  tl_input_set *set;
  const int32_t *inputs; /* definition inputs, one a stored column */
  int input_count;
  const bool *as_time;
  const int32_t *range_of, *slot_of; /* of each stream of the set; range -1: not wanted */
  const int32_t *alone_of;           /* ... and of those that are also wanted as a range of their own (NULL: none are) */
  int range_count;
  int64_t page_limit, batch_rows;
  tl_spill_batch *batches;
  size_t batch_count, next_batch;
  int *handles; /* scratch files, one a thread */
  int handle_count;
  const char *path;  /* of scratch file 0; the others get a number behind it */
  tl_status *broken; /* of each stream: why a row of it could not be read, else TL_OK */
  bool *reported;    /* files that were reported */
  tl_lock *lock;     /* guards next_batch, broken, error, progress */
  tl_error error;    /* the want of memory or disk that ends it */
  tl_report_failure report;
  void *report_context;
  void (*progress)(void *context, int64_t rows);
  void *progress_context;
  int64_t rows_done, nonfinite, bytes_read;
} tl_spill;

/* Whether rows of the group go into batches. */
bool tl_spill_takes(const tl_input_set *set, const tl_input_group *group);
/* Bytes of one stored row, and of memory that a thread needs for a batch of `rows`. */
int64_t tl_spill_row_bytes(int input_count);
int64_t tl_spill_thread_bytes(int input_count, int64_t rows);
/* The rows of a batch that so much memory of a thread has room for. */
int64_t tl_spill_rows_within(int input_count, int64_t bytes);
/* Plans the batches. All pointers of `out` above `batches`, and path, report and progress, are set by the caller. */
tl_status tl_spill_open(tl_spill *out, tl_error *err) TL_MUST_CHECK;
/* Reads everything, on `threads` threads. A file that cannot be read is reported, and its streams are broken. */
tl_status tl_spill_run(tl_spill *spill, int threads, tl_error *err) TL_MUST_CHECK;
void tl_spill_free(tl_spill *spill);

/* One block in memory. */
typedef struct tl_spill_block {
  int64_t rows;
  const uint8_t *slots, *origins, *orders, *values; /* values: input after input */
} tl_spill_block;
/* Rows of range `range` in a batch. */
tl_status tl_spill_block_rows(const tl_spill *spill, size_t batch, int32_t range, int64_t *rows, int64_t *at, tl_error *err) TL_MUST_CHECK;
/* Rows [first, first + count) of a block, without their slots. */
tl_status tl_spill_read_rows(const tl_spill *spill, size_t batch, int32_t range, int64_t first, int64_t count, tl_buffer *buffer, tl_spill_block *out,
                             tl_error *err) TL_MUST_CHECK;
/* Reads the whole block; it lies in `buffer` until the next call. */
tl_status tl_spill_read(const tl_spill *spill, size_t batch, int32_t range, tl_buffer *buffer, tl_spill_block *out, tl_error *err) TL_MUST_CHECK;

#endif
