/* Tables to and from other libraries of the process: the Arrow C Data and C Stream Interfaces (tickloom/arrow_abi.h).

   Out, a column keeps its memory where its layout is Arrow's already: numbers, times, texts (as large_utf8), lists (as large_list).
   Booleans become bits, small integers narrow, decimals 128 or 256 bits wide, INT96 nanoseconds; a map's offsets have 32 bits, and a map of
   keys alone is a list. Columns of a logical type that Arrow has no word for go out as their physical type.

   In, everything is copied, so that the foreign arrays may go. All types but unions, intervals and runs are taken: views, 32-bit offsets,
   dictionaries and lists of a fixed size in our layout; date64 as dates, seconds as milliseconds, durations as integers of their unit, a time
   zone as the instants it stands for. What the interface tells of a foreign array is checked (numbers of buffers and children, lengths,
   offsets, codes, UTF-8); that a buffer is as long as its array needs cannot be. */
#ifndef TL_COLUMN_ARROW_H
#define TL_COLUMN_ARROW_H

#include "column/array.h"
#include "tickloom/arrow_abi.h"

/* A schema's root is a STRUCT. */
tl_status tl_arrow_schema_export(struct ArrowSchema *out, tl_env *env, const tl_schema *schema, tl_error *err) TL_MUST_CHECK;
/* The rows of a batch as a struct array, and its schema unless `schema` is NULL. The batch is emptied, also on failure; `out` is then empty
   too. `dictionaries`: codes go out as codes (with a copy of their dictionary), else as values. TL_UNSUPPORTED names the column and row of
   a value that Arrow cannot hold, TL_CORRUPT of a text that is not UTF-8 and of a value that is missing and must not be. The environment
   outlives what is exported. */
tl_status tl_batch_export(tl_batch *batch, bool dictionaries, struct ArrowSchema *schema, struct ArrowArray *out, tl_error *err) TL_MUST_CHECK;

/* Of a struct's schema; `in` may go. TL_UNSUPPORTED names a column whose type has no counterpart. */
tl_status tl_arrow_schema_import(tl_schema *out, tl_arena *arena, const struct ArrowSchema *in, tl_error *err) TL_MUST_CHECK;
/* Rows [from, from + count) of a struct array behind the rows of a batch of the imported schema; on failure the batch holds nothing.
   TL_CORRUPT names the column where the array breaks a promise of the format. */
tl_status tl_batch_import(tl_batch *out, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t from, int64_t count,
                          tl_error *err) TL_MUST_CHECK;

/* Where the batches of an exported stream come from. */
typedef struct tl_arrow_source {
  void *context;
  const tl_schema *schema; /* lives as long as the source */
  /* The next rows, in a batch that the callee opens and the caller frees; without a row at the end. */
  tl_status (*next)(void *context, tl_batch *out, tl_error *err);
  void (*release)(void *context);
} tl_arrow_source;

/* The stream takes the source over, and releases it at once on failure. */
tl_status tl_arrow_stream_export(struct ArrowArrayStream *out, tl_env *env, tl_arrow_source source, tl_error *err) TL_MUST_CHECK;

/* Batches of a foreign stream. */
typedef struct tl_arrow_reader {
  tl_env *env;
  tl_arena arena;
  tl_schema schema;
  struct ArrowArrayStream stream;
  struct ArrowSchema foreign;
  struct ArrowArray array; /* at hand */
  int64_t row;             /* of it, that comes next */
} tl_arrow_reader;

/* Takes the stream over, also on failure: *stream is empty then. */
tl_status tl_arrow_reader_open(tl_arrow_reader *out, tl_env *env, struct ArrowArrayStream *stream, tl_error *err) TL_MUST_CHECK;
/* The next rows, at most so many, in a batch of the reader's schema; without a row at the end. */
tl_status tl_arrow_reader_next(tl_arrow_reader *reader, tl_batch *out, int64_t most_rows, tl_error *err) TL_MUST_CHECK;
void tl_arrow_reader_free(tl_arrow_reader *reader);

#endif
