/* Runs one expression over columns in memory: the whole way from text to lanes, without files. */
#ifndef TL_TEST_LANES_H
#define TL_TEST_LANES_H

#include "run/engine.h"

enum { LANES_COLUMNS = 3, LANES_DAYS = 700 };

typedef struct lanes_stream {
  int64_t rows;
  const double *columns[LANES_COLUMNS]; /* x, y, z */
  double *out;
} lanes_stream;

typedef struct lanes_call {
  tl_definition *definition;
  tl_plan plan;
  const tl_node *node;  /* of the result */
  const int64_t *order; /* days; NULL: one after the other */
} lanes_call;

/* Compiles `feature f = CALL` over x, y, z and t; NULL and a printed reason when it is wrong. */
lanes_call *lanes_open(const char *call, int64_t longest);
void lanes_close(lanes_call *call);
/* Fills every stream's out. */
void lanes_run(lanes_call *call, const lanes_stream *streams, int count, tl_isa isa, int tile_rows);
/* The same for one stream that comes in parts, each of which goes on from the record of the one before: `ends` has where they end, the
   last being the stream's. False when the plan cannot be resumed. Aborts where the last record is not that of the stream as a whole. */
bool lanes_run_in_parts(lanes_call *call, const lanes_stream *stream, const int64_t *ends, int count, int tile_rows);

#endif
