/* One worker's memory and the loop that drives a plan over lanes: tile by tile, every step while the tile is in cache. */
#ifndef TL_RUN_ENGINE_H
#define TL_RUN_ENGINE_H

#include "run/resume.h"

/* The series of a side that the main frame reads, on the side's own rows; of a side with several streams one behind the other. */
typedef struct tl_side_series {
  int64_t rows;
  const int64_t *starts; /* stream i has rows [starts[i], starts[i + 1]); NULL: there is one */
  int64_t streams;
  int64_t *order;       /* in the unit of the main order key */
  double **exports;     /* one a plan export */
  const int32_t *nodes; /* of the exports */
  int export_count;
  int64_t within; /* greatest age; INT64_MAX is any */
  bool before;
  uint64_t made_from; /* a fingerprint of its input */
  const struct tl_stream *stream;
  bool waits; /* its rows lie scattered in the main input, and come when those are put together */
} tl_side_series;

/* One stream in memory, or a stretch of it. Inputs are the plan's inputs in order; `results` one pointer a definition output (or
   export), NULL where it is not wanted. */
typedef struct tl_lane_stream {
  int64_t rows;   /* up to here the stream is known: all of it, or at least as far as the engine is to run */
  int64_t first;  /* row that order and inputs begin with */
  int64_t result; /* row that results begin with */
  const int64_t *order;
  const double *const *inputs;
  const uint16_t *const *codes; /* NULL, or one an input: where not NULL, its rows are codes of the values that `inputs` has, and 0 is missing */
  const double *const *given;   /* one a tl_plan.given, from the same row on as the inputs */
  double *const *results;
  const double *before; /* tl_engine_resume: the record of the stream as it was */
  double *record;       /* if not NULL and the engine has a `resume`: takes the record of the stream as it is at its end */
  int64_t end;          /* where that is, while a stream comes in stretches; 0: at `rows` */
} tl_lane_stream;

/* Takes a condition while its tile is at hand, one tl_condition_bits a row. Lanes without a stream mean nothing. */
typedef void (*tl_take_bits)(void *context, int32_t result, const tl_condition_bits *bits, int rows);

/* What of a step does not change from tile to tile. */
typedef struct tl_prepared {
  tl_kernel kernel; /* NULL: it is no operator's */
  tl_call call;
  int input;    /* of a column: number in the plan's inputs, or TL_ORDER_COLUMN */
  bool as_bits; /* its tile holds tl_condition_bits */
} tl_prepared;

typedef struct tl_engine {
  tl_env *env;
  const tl_plan *plan;
  const tl_kernels *kernels;
  const tl_side_series *sides; /* by side, or NULL */
  int tile_rows;
  double *tiles, *state, *edge; /* edge: rows at a stream's end, padded with missing */
  double *absent;               /* a tile column of missing values */
  uint16_t *no_codes;           /* a tile column of code 0 */
  tl_span *spans;               /* of the plan's windows of time */
  int64_t span_limit;           /* bytes that their rows may take; 0: any */
  bool *joins;                  /* which sides of one stream the plan joins */
  int64_t *matches;             /* as-of positions of the present tile, one block a side */
  int64_t *cursors;             /* ... and where each lane's search stands */
  double *picked;               /* ... in the side's stream of this number */
  int64_t *matched;             /* of sides with several: up to which tile matches are known */
  tl_prepared *prepared;        /* one a step */
  int64_t *step_ns;             /* sampled time of each step */
  int64_t *side_matches;        /* rows that found a row of the side */
  int64_t tiles_run, tiles_timed;
  tl_take_bits take; /* where results go instead of into the streams' memory; NULL: there */
  void *take_context;
  tl_condition_bits *bits; /* ... by way of here, where their tile has doubles */
  double *initial;         /* the state before the first row, once it was asked for */
  const tl_resume *resume; /* what records have; NULL: none are taken or given */
  int64_t *places;         /* where each lane's record has each tl_kept, behind them the recursions */
} tl_engine;

tl_status tl_engine_open(tl_engine *out, tl_env *env, const tl_plan *plan, tl_isa isa, int tile_rows, const tl_side_series *sides, tl_error *err) TL_MUST_CHECK;
void tl_engine_free(tl_engine *engine);
/* From here on results go to `take`; all must be conditions. What only leads to them is computed as bits. Not for engines that keep records. */
tl_status tl_engine_take(tl_engine *engine, tl_take_bits take, void *context, tl_error *err) TL_MUST_CHECK;
/* Runs up to TL_LANES streams from row `from` to row `to`. Where they come in stretches, `from` is where the last call for them stopped. A
   result that looks ahead by d rows is known d rows later, so that the last ones need `to` beyond the end by the plan's greatest delay.
   TL_MEMORY when a window of time holds more rows than there is memory for. */
tl_status tl_engine_run_rows(tl_engine *engine, const tl_lane_stream *streams, int count, int64_t from, int64_t to, tl_error *err) TL_MUST_CHECK;
/* Whether one lane can begin a new stream while others go on, for its rows do not count: nothing but what works row by row, and recursions. */
bool tl_plan_restarts(const tl_plan *plan);
/* A lane begins anew: its stream's first row is whichever comes next. Only where tl_plan_restarts. */
tl_status tl_engine_restart(tl_engine *engine, int lane, tl_error *err) TL_MUST_CHECK;
/* Before a call for streams of which rows before `from` are left out: what windows hold is nobody's. Values are right from as many rows on as the
   plan's nodes look back. */
void tl_engine_begin_inside(tl_engine *engine);
/* Before the first call for streams that went on: rows `at` is where they ended, each in its own record. */
void tl_engine_resume(tl_engine *engine, const tl_lane_stream *streams, int count, int64_t at);
/* Records are taken from here on; borrowed. */
tl_status tl_engine_keep(tl_engine *engine, const tl_resume *resume, tl_error *err) TL_MUST_CHECK;
void tl_engine_keep_nothing(tl_engine *engine);

/* What a join of the plan gives for rows with these order keys; `numbers`: what picks the side's stream at each, NULL where it has one. */
void tl_engine_join(const tl_engine *engine, int32_t node, const int64_t *order, const double *numbers, int64_t rows, double *out);

#endif
