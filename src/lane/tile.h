/* Lanes and tiles.

   A lane carries one stream. A tile is TL_LANES lanes by some rows: row r of lane l lies at tile[r * TL_LANES + l], so one row
   is two cache lines, and every kernel maps tiles to tiles plus a little state. Sixteen lanes are two registers of eight
   doubles: a recursion waits for its own last value, and the second register fills that wait (with one the cost of an
   exponential mean is bound by latency). No kernel lets lanes meet, so their number never shows in a result.

   A double lane holds a finite number, or NaN for missing; nothing else. Booleans are 1.0 and 0.0. A time lane holds the
   column's int64 bit for bit, with the bits of NaN for missing. */
#ifndef TL_LANE_TILE_H
#define TL_LANE_TILE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
  TL_LANES = 16,
  TL_TURNED_ROWS = 64, /* whose conditions are a word a lane */
  TL_TILE_ROWS = 64,   /* live buffers stay in the first two caches */
  TL_MAX_INPUTS = 8,   /* of one kernel; longer argument lists are chained */
  TL_MAX_OUTPUTS = 6,
};

/* What a node was given once parameters are known. Every operator says in its table which of these it reads. */
typedef struct tl_params {
  int64_t n;     /* window or lag, rows */
  int64_t min;   /* fewest present values */
  int64_t slots; /* rows of history that the state keeps: min(n, longest stream) */
  int64_t span;  /* a window of time: in ns in a definition, in the order key's unit in a plan; 0: the window counts rows */
  double a[3];
  int32_t mode; /* a choice among words */
  int32_t unit; /* of time lanes: a tl_time_unit */
} tl_params;

/* What `n` is for a window of time: more than any count of rows. */
#define TL_SPAN_ROWS ((int64_t)1 << 40)

/* A lane of a window of time: rows of its present block and of the block before, of which those from `cursor` on are in the window. */
typedef struct tl_span_lane {
  int64_t block, count, before, cursor;
  bool flip; /* which of the two arrays holds the present block */
} tl_span_lane;

/* Conditions as bits: of one row, bit l is set where lane l is true; missing is false. Such a tile takes the place of one of doubles where whoever reads
   it takes bits, too. */
typedef uint16_t tl_condition_bits;
_Static_assert(sizeof(tl_condition_bits) * 8 == TL_LANES, "a bit a lane");

/* The rows that windows of time keep, for one node and all its lanes. The engine makes room before it runs. */
typedef struct tl_span {
  int width;       /* doubles a row: values or parts, then the time */
  int64_t slots;   /* rows that a block of any lane may have */
  double *rows[2]; /* [slot][field][lane] */
  double *view;    /* scratch of views: 2 * slots rows */
  tl_span_lane lanes[TL_LANES];
} tl_span;

/* One kernel over one tile. */
typedef struct tl_call {
  const double *in[TL_MAX_INPUTS];
  double *out[TL_MAX_OUTPUTS];
  uint32_t steady; /* bit k: all rows of in[k] are the same */
  double *state;   /* this node's, for these lanes; the kernel initialises it at row 0 */
  int64_t row;     /* number in its stream of the first row, the same for every lane */
  int32_t rows;
  int32_t inputs;
  const tl_params *params;
  tl_span *span; /* of a window of time, else NULL */
} tl_call;

typedef void (*tl_kernel)(const tl_call *call);

/* The bits that mean missing in a time lane. */
static inline int64_t tl_time_na(void) {
  double na = __builtin_nan("");
  int64_t bits;
  memcpy(&bits, &na, sizeof bits);
  return bits;
}

#endif
