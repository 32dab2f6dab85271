/* What an output was made from, and where its streams ended: what a run leaves behind so that the next one need only do what is new.

   It is one file, ROOT/_tickloom/state/ledger-GENERATION, named by the manifest with that generation. Records of streams (resume.h) and
   series of sides lie in files of their own, state/records-GENERATION; those of streams in which nothing happened stay where they are.
   Whoever cannot make sense of a ledger does without: then everything is computed again. */
#ifndef TL_RUN_LEDGER_H
#define TL_RUN_LEDGER_H

#include "base/arena.h"
#include "base/buffer.h"

/* A row group by the bytes of the columns that the run needs of it. */
typedef struct tl_ledger_group {
  uint64_t hash;
  int64_t rows;
} tl_ledger_group;

/* A set of streams: `all`, or `count` of their numbers, ascending. */
typedef struct tl_stream_set {
  bool all;
  uint32_t *streams;
  size_t count;
} tl_stream_set;

typedef struct tl_ledger_file {
  const char *name;
  int64_t size, mtime_ns, rows;
  uint64_t inode;
  tl_ledger_group *groups;
  size_t group_count;
  tl_stream_set streams;
  bool failed; /* it could not be read; whoever goes on tries again */
} tl_ledger_file;

/* Bytes of a file of records. */
typedef struct tl_ledger_place {
  int32_t file; /* tl_ledger.records; -1: nowhere */
  int64_t offset, size;
  uint64_t check;
} tl_ledger_place;

typedef struct tl_ledger_stream {
  tl_bytes key; /* of tl__update_key */
  bool failed;  /* left out; whoever goes on tries again */
  int64_t rows;
  int64_t last_key;
  uint64_t content; /* of its rows: tl_content_hash */
  tl_ledger_place record;
  tl_ledger_place calendar; /* what it shares with streams of the same order keys; nowhere: there is nothing to share */
} tl_ledger_stream;

typedef struct tl_ledger_output {
  const char *name;
  bool is_part; /* of an update: rows of streams whose first ones lie elsewhere */
  tl_stream_set streams;
} tl_ledger_output;

typedef struct tl_ledger_side {
  int64_t rows;
  uint64_t files; /* of one from elsewhere: names, sizes and times of its dataset's files */
  uint64_t layout;
  tl_ledger_place series; /* order keys, exports, and the record */
} tl_ledger_side;

typedef struct tl_ledger {
  tl_arena arena;
  uint64_t work;         /* everything but the input that decides the values: tl__run_work_hash */
  uint64_t frame;        /* the same but for the features */
  uint64_t shape;        /* of the output's columns and units */
  uint64_t layout;       /* of the records */
  bool mirrors;          /* files of the output stand for files of the input */
  int64_t latest;        /* the greatest order key of all streams */
  tl_ledger_file *files; /* by name */
  size_t file_count;
  tl_ledger_stream *streams; /* a stream keeps its number for as long as there is a ledger */
  size_t stream_count;
  tl_ledger_output *outputs; /* by name */
  size_t output_count;
  tl_ledger_side *sides;
  size_t side_count;
  const char **records; /* names of files below state/ */
  size_t record_count;
  uint32_t *table; /* finds a stream by its key */
  size_t table_size;
} tl_ledger;

/* TL_NOT_FOUND when there is none, or none that is whole. */
tl_status tl_ledger_read(tl_ledger *out, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
void tl_ledger_free(tl_ledger *ledger);
/* Appends it as bytes. */
tl_status tl_ledger_write(const tl_ledger *ledger, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* The number of the stream with this key, or -1. */
int64_t tl_ledger_find(const tl_ledger *ledger, tl_bytes key);
/* Makes tl_ledger_find see all of `streams`. */
tl_status tl_ledger_index(tl_ledger *ledger, tl_error *err) TL_MUST_CHECK;
const tl_ledger_file *tl_ledger_file_named(const tl_ledger *ledger, const char *name);
/* Whether the file could be read then and, by what the system says of it, is what it was. */
bool tl_ledger_file_is(const tl_ledger_file *file, int64_t size, int64_t mtime_ns, uint64_t inode);
/* Puts them in order, each once. */
void tl_set_sort(tl_stream_set *set);

#endif
