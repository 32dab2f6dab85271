/* A dataset as streams: which files hold which column of the definition, and where every stream's rows lie. */
#ifndef TL_RUN_INPUT_H
#define TL_RUN_INPUT_H

#include "lake/dataset.h"
#include "lang/definition.h"
#include "parquet/reader.h"
#include "tickloom/features.h"

enum { TL_KEY_STEM = -1, TL_KEY_ABSENT = -2, TL_KEY_HIVE = -100 }; /* TL_KEY_HIVE - i: the i-th key of the path */

typedef struct tl_input_file {
  const tl_dataset_file *file;
  bool failed;
  tl_status status; /* why, with its text; reported by tl_input_open */
  const char *error;
  int64_t rows;
  int32_t *leaves;            /* one a definition input; -1 absent */
  int32_t keys[TL_MOST_KEYS]; /* a leaf, or one of the above */
  int32_t order_leaf;         /* the same, but never the stem */
  int64_t order_value;        /* where the path has it */
  tl_field order_field;
  int64_t order_factor; /* to the dataset's unit */
  int64_t size, mtime_ns;
  uint64_t inode;
  size_t first_group, group_count; /* tl_input_set.groups[first_group ..] */
} tl_input_file;

/* A row group of some file. */
typedef struct tl_input_group {
  int32_t file, group;
  int64_t rows;
  int64_t first_row; /* in its file */
  int64_t first_key; /* of its first selected row, in the dataset's unit; INT64_MIN: not read */
  int64_t selected;  /* rows that the run has, once the group is indexed */
  int64_t origin;    /* of its first row, counting the rows of all groups before it in tl_input_set.sequence */
} tl_input_group;

/* The rows of one stream in one row group, one behind the other; where rows between them are not selected, there are several parts. */
typedef struct tl_part {
  int32_t stream, file, group;
  bool unplaced;           /* first_key was not read: the part is expected to be its stream's only one */
  int64_t first_row, rows; /* first_row counts from the group's first */
  int64_t first_key;       /* of the stream's first row in the group: the order key, in the dataset's unit */
} tl_part;

typedef struct tl_key_value_data {
  bool missing;
  int64_t number;
  const char *text; /* NULL for numbers */
  size_t size;
} tl_key_value_data;

typedef struct tl_stream {
  const tl_key_value_data *keys;
  size_t parts, part_count; /* tl_input_set.parts[parts ..] */
  int64_t rows;
  int32_t first_file, last_file; /* of those that it was found in, by name */
  int64_t first_row;             /* in the first one */
  bool failed;
  bool spans_files;
} tl_stream;

/* A file or stream that could not be used. */
typedef void (*tl_report_failure)(void *context, const char *file, const char *stream, const tl_error *err);

typedef struct tl_input_set {
  tl_env *env;
  tl_arena arena;
  const tl_definition *definition;
  tl_dataset dataset;
  tl_input_file *files;
  tl_field key_fields[TL_MOST_KEYS];
  bool key_in_path[TL_MOST_KEYS]; /* a Hive key: not a column of the output */
  const char *key_note;           /* "ticker is taken from the file names", said once; NULL */
  tl_field order_field;           /* as the output has it */
  tl_time_unit order_unit;
  tl_time_unit *units; /* of time inputs */
  tl_stream *streams;  /* in key order */
  size_t stream_count, stream_capacity;
  int32_t *table; /* finds a stream by its keys: keys.h */
  size_t table_size;
  tl_input_group *groups; /* in order of file and group */
  size_t group_count;
  size_t *sequence; /* the groups by their first order keys: so rows of a stream mostly come in their order, whatever the names of files */
  tl_part *parts;   /* by stream, each stream's in order of its rows; none when the rows are scattered */
  size_t part_count, part_capacity;
  const char *where;                     /* the condition that rows must hold to exist; NULL: all do */
  struct tl_where_column *where_columns; /* select.h */
  int where_count;
  const struct tl_numbering **numberings; /* numbering.h: one a definition input that picks a side's stream; NULL elsewhere, or altogether */
  int64_t bytes_read;                     /* of the files, to make this */
  bool scattered;                         /* streams lie in among each other, or in too many parts: their rows must be put together first */
  int64_t rows, longest;
  int64_t largest_footer, largest_chunk; /* bytes of a file's footer; of a wanted column in a row group, decompressed */
  bool missing_inputs;                   /* an optional input that no file has */
} tl_input_set;

typedef struct tl_input_options {
  const tl_name_pair *keys;
  size_t key_count;
  const bool *needed; /* inputs that are used; NULL: all */
  const char *where;  /* only these rows; NULL: all */
  bool strict;        /* no column may be absent, also those that the definition lets be */
  bool is_side;       /* keys may go by other names there */
  tl_report_failure report;
  void *report_context;
  int64_t page_limit;
  int64_t part_bytes; /* memory for parts; 0: any */
  /* NULL, or: leaves out files; and says of each group of an opened file whether it is wanted (all are, unless it says no). */
  tl_status (*choose_files)(void *context, tl_dataset *dataset, tl_error *err);
  tl_status (*choose_groups)(void *context, int file, tl_parquet *parquet, bool *wanted, tl_error *err);
  void *choose_context;
} tl_input_options;

/* Lists, binds and indexes. Files that fail are reported and left out. TL_DEFINITION when an input that is not optional is in no
   file; TL_NOT_FOUND when there is nothing to read; TL_USAGE for a condition that makes no sense, before anything but footers is read. */
tl_status tl_input_open(tl_input_set *out, tl_env *env, const tl_definition *definition, const char *path, const tl_input_options *options,
                        tl_error *err) TL_MUST_CHECK;
void tl_input_free(tl_input_set *set);
/* Opens one of the files again; TL_CORRUPT when it is not what it was. */
tl_status tl_input_reopen(const tl_input_set *set, int32_t file, tl_parquet *out, tl_error *err) TL_MUST_CHECK;
/* A file's name, and what shows that it is still the same: size, time, number. */
uint64_t tl_file_fingerprint(const char *name, const tl_file_info *info);
uint64_t tl_input_fingerprint(const tl_input_set *set, int32_t file);
/* "AAPL", or "binance, BTC~USDT". */
void tl_stream_name(const tl_input_set *set, const tl_stream *stream, char *out, size_t room);
/* The stream whose keys read as this text; NULL when there is none. `lone`: a dataset of one stream is that stream. */
const tl_stream *tl_stream_find(const tl_input_set *set, const char *text, bool lone);
/* The stream with these keys, whose texts are terminated; NULL when there is none. */
const tl_stream *tl_stream_with(const tl_input_set *set, const tl_key_value_data *keys);
int tl_stream_compare(const tl_input_set *set, const tl_stream *a, const tl_stream *b);

tl_time_unit tl_field_unit(const tl_field *field);

#endif
