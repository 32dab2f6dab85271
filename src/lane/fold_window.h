/* What a window is, for those who fold it: its two halves, and taking a row into one. drivers.h folds windows of rows with it, spans.h
   windows of time. */
#ifndef TL_LANE_FOLD_WINDOW_H
#define TL_LANE_FOLD_WINDOW_H

#include <stdbool.h>
#include "lane/tile.h"
#include "simd/vec.h"

enum { TL_VECS = TL_LANES / V };

typedef struct fold_window {
  const vec *suffix, *prefix;               /* the folded parts */
  const vec *suffix_anchor, *prefix_anchor; /* one per input */
  vec suffix_count, prefix_count;           /* present rows in each */
  vec count, inverse;                       /* of both, and 1 / count */
  vec at;                                   /* position of the newest row */
  double j;                                 /* the same */
  bool whole;                               /* the window is this block: no suffix */
  const vec *x;                             /* the newest row */
} fold_window;

/* Takes one row into a part; `older`: the row lies before what is folded already (the backward sweep). */
typedef void (*fold_push)(vec *part, const vec *x, const vec *anchor, vec at, bool older);
typedef void (*fold_lower)(vec *out, const fold_window *w, const tl_params *p);

typedef struct fold_shape {
  int inputs, parts, outputs;
  double identity; /* every part's value before the first row */
  bool masked;
  bool exact; /* takes values as they are: nothing that is not finite can arise */
} fold_shape;

/* State: prefix parts (and count), prefix anchors, suffix anchors, then the ring of slots. */
TL_INLINE int tl__fold_kept(fold_shape f) { return f.parts + f.masked; }
TL_INLINE int tl__fold_width(fold_shape f) { return tl__fold_kept(f) > f.inputs ? tl__fold_kept(f) : f.inputs; }
TL_INLINE int tl__fold_head(fold_shape f) { return tl__fold_kept(f) + 2 * f.inputs; }

TL_INLINE void tl__fold_take(vec *part, vec *anchor, const vec *x, vec at, bool older, fold_shape f, fold_push push) {
  if (!f.masked) {
    push(part, x, anchor, at, older);
    return;
  }
  mask here = vec_present(x[0]);
  for (int i = 1; i < f.inputs; i++) here = mask_and(here, vec_present(x[i]));
  mask fresh = mask_and(here, vec_eq(part[f.parts], vec_zero()));
  for (int i = 0; i < f.inputs; i++) anchor[i] = vec_select(fresh, x[i], anchor[i]);
  vec next[8];
  for (int i = 0; i < f.parts; i++) next[i] = part[i];
  push(next, x, anchor, at, older);
  for (int i = 0; i < f.parts; i++) part[i] = vec_select(here, next[i], part[i]);
  part[f.parts] = vec_add(part[f.parts], vec_truth(here));
}

/* Counts and anchors of a masked window, from its parts. An empty half takes the other's anchor. */
TL_INLINE void tl__fold_counted(fold_window *w, vec *prefix_anchor, vec *suffix_anchor, fold_shape f) {
  w->suffix_count = w->suffix[f.parts];
  w->prefix_count = w->prefix[f.parts];
  w->count = vec_add(w->suffix_count, w->prefix_count);
  w->inverse = vec_div(vec_set1(1.0), w->count);
  for (int i = 0; i < f.inputs; i++) {
    suffix_anchor[i] = vec_select(vec_eq(w->suffix_count, vec_zero()), prefix_anchor[i], suffix_anchor[i]);
    prefix_anchor[i] = vec_select(vec_eq(w->prefix_count, vec_zero()), suffix_anchor[i], prefix_anchor[i]);
  }
}

/* The rows of a view's window: a ring, in time order from `oldest` on. Its turn is fixed by the row's number in its stream, so that a
   sum in the ring's own order has the same bits however the rows came. */
typedef struct view_window {
  const double *ring;
  int64_t rows;   /* rows of the window that exist: min(row + 1, n) */
  int64_t oldest; /* where it begins */
  int lane;
} view_window;

/* Where the ring has row n of the window, counted from the oldest. */
TL_INLINE int64_t tl__view_place(const view_window *w, int64_t n) { return w->oldest + n < w->rows ? w->oldest + n : w->oldest + n - w->rows; }
TL_INLINE vec tl__view_at(const view_window *w, int64_t i) { return vec_load(w->ring + i * TL_LANES + w->lane); }

typedef vec (*view_step)(const view_window *w, vec newest, const tl_params *p);

/* The same for registers side by side, which a loop over the window takes together: sums wait for their own last value, and the other
   register's fill that wait. */
enum { TL_VIEW_CHAINS = TL_VECS < 2 ? TL_VECS : 2 };
TL_INLINE vec tl__chain_at(const view_window *w, int64_t i, int k) { return vec_load(w->ring + i * TL_LANES + w->lane + k * V); }

typedef void (*view_chains)(const view_window *w, const vec *newest, vec *out, const tl_params *p);

#endif
