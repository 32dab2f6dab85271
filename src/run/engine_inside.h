/* What the engine's two files share: engine.c runs, engine_resume.c takes records and fills windows from them. */
#ifndef TL_RUN_ENGINE_INSIDE_H
#define TL_RUN_ENGINE_INSIDE_H

#include "run/engine.h"

/* One pass over a tile. */
typedef struct tl_pass {
  const tl_lane_stream *streams;
  int count, rows;
  int64_t row;
} tl_pass;

static inline double *tl__engine_tile(const tl_engine *e, int index) { return e->tiles + (int64_t)index * e->tile_rows * TL_LANES; }

/* Whether the tile has rows that a record may want, which are near the end of its stream. */
bool tl__engine_is_tail(const tl_engine *e, const tl_pass *p);
/* Rows of the tile at p->row: to the nearest end of a stream that is to be recorded, where its recursions must be seen. */
int tl__engine_tile_end(const tl_engine *e, const tl_pass *p, int64_t to);
/* Where the records of these streams will have what. */
void tl__engine_note_places(tl_engine *e, const tl_lane_stream *streams, int count);
/* What a step has just computed, as far as records keep it; then, behind the last step, the recursions of streams that end here. */
void tl__engine_keep_values(tl_engine *e, const tl_pass *p, int step);
void tl__engine_keep_states(tl_engine *e, const tl_pass *p);

#endif
