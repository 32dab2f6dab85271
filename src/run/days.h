/* Output by date: a file a day, date=YYYY-MM-DD/part-00000.parquet, of the rows of all streams.

   Streams are computed one beside the other, as always, so their rows must be turned round: each piece goes to a scratch file as a segment, its rows
   ordered by day and column after column. When all are there, days are put together from the segments, as many at a time as memory has room for, and
   each is written once. Segments are in the order of their streams, so a day's rows need no sort. */
#ifndef TL_RUN_DAYS_H
#define TL_RUN_DAYS_H

#include "lake/manifest.h"
#include "sys/sys.h"

struct tl_run;
struct tl_worker;

/* Some rows of a piece. In its file: for each of its days the day and its first row; then, for each row, the place of its stream in tl_run.order, its
   order key, and its features. */
typedef struct tl_day_segment {
  int32_t file, sequence; /* of the piece */
  int32_t number;         /* of the segment among all */
  int handle;
  int64_t at, rows, days;
  bool dropped;
} tl_day_segment;

typedef struct tl_day_count {
  int64_t day, rows;
} tl_day_count;

typedef struct tl_days {
  tl_day_segment *segments;
  size_t segment_count, segment_capacity;
  int *handles; /* of the scratch files, one a thread */
  int64_t *ends;
  int handle_count;
  tl_day_count *days; /* ascending */
  size_t day_count, day_capacity;
  size_t next_day; /* that no thread has taken */
  tl_manifest_file *files;
  size_t file_count, file_capacity;
  tl_error error; /* that ended a thread */
} tl_days;

/* Whether the output is by date; TL_DEFINITION where the order key has none. */
tl_status tl__days_open(struct tl_run *run, tl_error *err) TL_MUST_CHECK;
void tl__days_free(struct tl_run *run);
/* Of its scratch files. */
int64_t tl__days_bytes(const struct tl_run *run);
/* The results of streams [first, first + count) of the task, as tl__put_rows. */
tl_status tl__days_put(struct tl_worker *worker, int32_t file, int32_t sequence, size_t first, size_t count, tl_error *err) TL_MUST_CHECK;
/* What was put of this piece is taken back. */
void tl__days_undo(struct tl_run *run, int32_t file, int32_t sequence);
/* All pieces are there: writes the days. */
tl_status tl__days_write(struct tl_run *run, tl_error *err) TL_MUST_CHECK;

#endif
