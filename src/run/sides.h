/* What sides of one stream (sides.c) and of several (side_streams.c) share. */
#ifndef TL_RUN_SIDES_H
#define TL_RUN_SIDES_H

#include "run/run.h"

/* Of the files that a stream lies in; of all of them, where that is not known. */
uint64_t tl__side_fingerprint(const tl_input_set *set, const tl_stream *stream);
/* Room for a side's series of so many rows. */
tl_status tl__side_room(tl_run *run, int index, int64_t rows, tl_error *err) TL_MUST_CHECK;
/* TL_MEMORY when a side of so many rows, so many of which are loaded at a time, is too large. */
tl_status tl__side_fits(const tl_run *run, int index, int64_t rows, int64_t loaded, tl_error *err) TL_MUST_CHECK;
/* Rows [first, end) of the side: their order keys in the unit of the main ones. A finer side is rounded so that "at or before" (up) and
   "before" (down) keep their meaning. */
tl_status tl__side_order(const tl_run *run, tl_side_series *series, tl_time_unit from, const int64_t *order, int64_t first, int64_t end,
                         tl_error *err) TL_MUST_CHECK;
/* Streams of a side out of scattered rows, each a range of its own (some may be NULL): everything is read once, and what is not theirs left. */
tl_status tl__side_gather(tl_run *run, int index, tl_input_set *set, const tl_stream *const *streams, size_t count, tl_spill *spill,
                          tl_error *err) TL_MUST_CHECK;
/* side_streams.c: loads and computes the streams that a column of the input picks out of `set`. */
tl_status tl__side_streams(tl_run *run, int index, tl_input_set *set, tl_error *err) TL_MUST_CHECK;

#endif
