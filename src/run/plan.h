/* From a graph to what a worker executes: the nodes of each frame in order, the tile each output lies in, where state lies.

   Tiles are few: an output's tile is taken again once its last reader has run, so the live ones stay in cache. */
#ifndef TL_RUN_PLAN_H
#define TL_RUN_PLAN_H

#include "lang/definition.h"

typedef struct tl_step {
  int32_t node;
  int32_t tiles[TL_MAX_OUTPUTS]; /* where its outputs go; -1: nobody reads it */
  int32_t inputs[TL_MAX_INPUTS]; /* tiles it reads */
  int64_t state;                 /* offset in doubles */
  int32_t emit, emit_count;      /* results that are complete after this step: tl_plan.emits[emit ..] */
  tl_params params;              /* with slots and units of this run */
  int span;                      /* a window of time: its number; else -1 */
  int given;                     /* its values are given: number in tl_plan.given; else -1 */
} tl_step;

/* A value that leaves the tiles: a feature of the main frame, or a side's series that the main frame reads. */
typedef struct tl_emit {
  int32_t tile;
  int32_t result; /* index of the output, or of the export */
  int64_t delay;
} tl_emit;

/* Which nodes of the main frame a plan has: all, or those of one of two plans, of which one runs ahead of the other. */
typedef enum tl_plan_part {
  TL_PLAN_WHOLE,
  TL_PLAN_AHEAD, /* exports what the rest reads of it */
  TL_PLAN_REST,  /* is given that */
} tl_plan_part;

/* One frame: the main streams, or one side. */
typedef struct tl_plan {
  tl_env *env;
  const tl_definition *definition;
  int frame;
  tl_step *steps;
  int step_count;
  tl_emit *emits;
  int emit_count;
  int tile_count;
  int64_t state_size; /* doubles */
  int span_count;
  int64_t greatest_delay;
  int32_t *inputs; /* definition inputs that the frame reads; each is a column */
  bool *as_time;   /* ... read as raw integers */
  int input_count;
  tl_time_unit *units; /* by node: what its integers count, where it is a time */
  int32_t *exports;    /* side frames: nodes whose series the main frame joins; ahead: those that the rest reads */
  int export_count;
  tl_plan_part part;
  const int32_t *given; /* of the rest: the exports of the plan ahead, borrowed */
  int given_count;
} tl_plan;

/* Which of the definition's outputs are wanted: selected[i]. `longest` bounds the rows of a stream; `order_unit` is the unit of the
   order key; `units` (may be NULL) those of the inputs. For a side, what is joined by the wanted outputs is exported. */
tl_status tl_plan_make(tl_plan *out, tl_env *env, const tl_definition *definition, int frame, const bool *selected, int64_t longest, tl_time_unit order_unit,
                       const tl_time_unit *units, tl_error *err) TL_MUST_CHECK;
/* The main frame in two: what streams with the same order keys share, as it depends on order keys and sides alone, and the rest, which borrows
   from the calendar's plan. A calendar without exports: there is nothing to share, or it cannot be, since labels look ahead. */
tl_status tl_plan_split(tl_plan *calendar, tl_plan *rest, tl_env *env, const tl_definition *definition, const bool *selected, int64_t longest,
                        tl_time_unit order_unit, const tl_time_unit *units, tl_error *err) TL_MUST_CHECK;

/* The main frame for a stream whose rows are cut into ranges. What must see all rows in their turn (recursions) runs ahead of the rest, which depends on
   finitely many rows each. Recursions may read what depends on others: so there are levels. Blocks of windows lie at the same places in ranges that
   are `step` rows apart, at most the step that is asked for; windows for which that cannot be had run ahead as well. */
typedef struct tl_range_level {
  tl_plan feed;   /* by ranges: what this level's recursions read */
  tl_plan serial; /* in one lane */
  int32_t *given; /* of `serial`: the feed's exports, then tl_range_plan.ahead */
} tl_range_level;

typedef struct tl_range_plan {
  tl_env *env;
  tl_range_level *levels;
  int level_count;
  int32_t *ahead; /* nodes that run ahead: what feeds and the rest are given */
  int ahead_count;
  tl_plan rest;
  int64_t step;
  int64_t reach; /* rows before a row, at least 1, that feeds and the rest look at */
} tl_range_plan;
/* False: labels look ahead, or there are windows of time, or too many levels. */
tl_status tl_plan_by_rows(tl_range_plan *out, bool *possible, int64_t most_step, tl_env *env, const tl_definition *definition, const bool *selected,
                          int64_t longest, tl_time_unit order_unit, const tl_time_unit *units, tl_error *err) TL_MUST_CHECK;
void tl_range_plan_free(tl_range_plan *plan);
void tl_plan_free(tl_plan *plan);
/* Bytes a worker needs for tiles of `rows` rows and state. */
int64_t tl_plan_worker_bytes(const tl_plan *plan, int rows);
/* Marks the nodes that the selected outputs need, of `shared` nodes (NULL: none) no more than they themselves; `needed` has room for every node. */
void tl__plan_reach(const tl_definition *definition, const bool *selected, const bool *shared, bool *needed);
/* Makes the plan of the part and frame that `out` says; `shared`: nodes that the rest is given. */
tl_status tl__plan_part(tl_plan *out, const bool *shared, const bool *selected, int64_t longest, tl_time_unit order_unit, const tl_time_unit *units,
                        tl_error *err) TL_MUST_CHECK;

#endif
