/* The raw files of a pack: found, and surveyed one by one before anything is written. What is wrong with a file is its own affair; it is named and left
   out. */
#ifndef TL_PACK_RAW_H
#define TL_PACK_RAW_H

#include "pack/shape.h"

/* Neighbouring rows of a file that lie in one UTC day. */
typedef struct tl_raw_day {
  int64_t day, first, count;
  int64_t first_time, last_time;
} tl_raw_day;

typedef struct tl_raw_file {
  tl_env *env;
  tl_arena arena;
  const char *name; /* as it was named, or found below what was named */
  const char *path; /* what is read: of a CSV file a scratch copy of its rows, once it was surveyed */
  const char *stem;
  tl_file_info info;
  bool is_csv;
  bool unchanged; /* it was packed before, as it is */
  bool failed;
  tl_status status;
  const char *reason; /* with its row, where there is one */
  int64_t row;        /* -1: none */
  tl_subject subject;
  int32_t subject_index;
  tl_schema schema; /* of its columns */
  int64_t rows;
  tl_raw_day *days;
  size_t day_count, day_capacity;
} tl_raw_file;

typedef struct tl_raw_list {
  tl_env *env;
  tl_raw_file *files; /* in the order of arguments, then of paths */
  size_t count, capacity;
  int64_t skipped; /* files that are neither Parquet nor CSV */
} tl_raw_list;

void tl_raw_list_free(tl_raw_list *list);
/* Adds a file, or the files below a folder; `calendar` is none of them. TL_NOT_FOUND when there is nothing at the path. */
tl_status tl_raw_list_add(tl_raw_list *list, const char *path, const char *calendar, tl_error *err) TL_MUST_CHECK;
/* Marks the file as failed; only what is no fault of the file's (memory, disk) comes back. */
tl_status tl_raw_file_fail(tl_raw_file *file, tl_status status, const tl_error *why, int64_t row, tl_error *err) TL_MUST_CHECK;
/* Reads what must be right before rows are taken: order keys that ascend, facts that agree with the name, values that convert. `scratch`: where rows of a
   CSV file go. */
tl_status tl_raw_file_survey(tl_raw_file *file, const tl_definition *definition, const tl_naming *naming, const char *scratch, int64_t page_limit,
                             tl_error *err) TL_MUST_CHECK;
/* The file's rows of a day; NULL: none. */
const tl_raw_day *tl_raw_file_day(const tl_raw_file *file, int64_t day);

#endif
