/* What is odd in rows, and carried all the same: counted, so that nobody is surprised. */
#ifndef TL_PACK_ODD_H
#define TL_PACK_ODD_H

#include "pack/shape.h"

typedef struct tl_odd {
  int64_t missing_prices;   /* missing or NaN */
  int64_t missing_sides;    /* of the first bid or ask */
  int64_t crossed;          /* the first bid above the first ask */
  int64_t resets;           /* volumes below the last present one of the day */
  int64_t equal_timestamps; /* as the row before */
} tl_odd;

/* Where a file's rows stand. */
typedef struct tl_odd_state {
  bool any;
  int64_t time, volume;
  bool has_volume;
} tl_odd_state;

/* Rows [from, rows) of a batch, which follow those that the state has seen; another day begins a state anew, but for the time. */
void tl_odd_count(tl_odd *odd, tl_odd_state *state, const tl_batch *rows, int64_t from);

#endif
