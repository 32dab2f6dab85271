/* Windows of time, (t - h, t]: the same two halves as windows of rows, cut at absolute multiples of h. Blocks end at other rows in each
   lane and hold as many rows as come, so each lane keeps the rows of its present block, and the suffix folds of the block before, in
   arrays that the engine sizes; only taking a row into the prefix and lowering go over all lanes at once.

   The order key is the call's last input, as integers. */
#ifndef TL_LANE_SPANS_H
#define TL_LANE_SPANS_H

#include "lane/fold_window.h"

static inline int64_t tl__span_time(const tl_call *c, int r, int lane) {
  int64_t t;
  memcpy(&t, c->in[c->inputs - 1] + r * TL_LANES + lane, sizeof t);
  return t;
}

static inline int64_t tl__span_block(int64_t t, int64_t h) { return t / h - (t % h < 0); }

/* Field `field` of a row of a lane, in the present block or the one before. */
static inline double *tl__span_at(const tl_span *s, bool before, int lane, int64_t row, int field) {
  return s->rows[s->lanes[lane].flip ^ before] + (row * s->width + field) * TL_LANES + lane;
}

/* A lane arrives at time t: does a block begin? The rows of the window in the block before begin at `cursor`. */
static inline bool tl__span_arrive(tl_span *s, int lane, int64_t t, int64_t h, bool *follows) {
  tl_span_lane *l = &s->lanes[lane];
  int64_t block = tl__span_block(t, h);
  bool fresh = l->count == 0 || block != l->block;
  *follows = fresh && l->count > 0 && block == l->block + 1;
  l->block = block;
  return fresh;
}

static inline void tl__span_turn(tl_span *s, int lane, bool follows) {
  tl_span_lane *l = &s->lanes[lane];
  l->before = follows ? l->count : 0;
  l->cursor = 0;
  l->count = 0;
  l->flip = !l->flip;
}

/* The row is entered with its time in the last field; rows of the block before that have left the window are passed over. */
static inline void tl__span_enter(tl_span *s, int lane, int64_t t, int64_t h) {
  tl_span_lane *l = &s->lanes[lane];
  memcpy(tl__span_at(s, false, lane, l->count++, s->width - 1), &t, sizeof t);
  for (; l->cursor < l->before; l->cursor++) {
    int64_t of;
    memcpy(&of, tl__span_at(s, true, lane, l->cursor, s->width - 1), sizeof of);
    if ((uint64_t)t - (uint64_t)of < (uint64_t)h) break; /* an unsigned difference cannot overflow */
  }
}

/* Turns the rows of a lane's full block into suffix folds. */
TL_INLINE void tl__span_sweep(tl_span *s, int lane, double *suffix_anchor, fold_shape f, fold_push push) {
  int64_t count = s->lanes[lane].count;
  vec part[8], anchor[4], x[4];
  double one[V];
  for (int i = 0; i < tl__fold_kept(f); i++) part[i] = vec_set1(i < f.parts ? f.identity : 0.0);
  for (int i = 0; i < f.inputs; i++) anchor[i] = vec_set1(*tl__span_at(s, false, lane, count - 1, i));
  for (int64_t j = count - 1; j >= 0; j--) {
    for (int i = 0; i < f.inputs; i++) x[i] = vec_set1(*tl__span_at(s, false, lane, j, i));
    tl__fold_take(part, anchor, x, vec_set1((double)(j - count)), true, f, push);
    for (int i = 0; i < tl__fold_kept(f); i++) {
      vec_store(one, part[i]);
      *tl__span_at(s, false, lane, j, i) = one[0];
    }
  }
  for (int i = 0; i < f.inputs; i++) {
    vec_store(one, anchor[i]);
    suffix_anchor[i * TL_LANES + lane] = one[0];
  }
}

/* State: prefix parts and count, prefix anchors, suffix anchors, as a fold of rows has them. */
TL_INLINE void tl__span_row(const tl_call *c, int r, fold_shape f, fold_push push) {
  int kept = tl__fold_kept(f);
  double *prefix = c->state, *prefix_anchor = c->state + kept * TL_LANES, *suffix_anchor = prefix_anchor + f.inputs * TL_LANES;
  tl_span *s = c->span;
  for (int lane = 0; lane < TL_LANES; lane++) {
    int64_t t = tl__span_time(c, r, lane), h = c->params->span;
    bool follows;
    if (t == tl_time_na()) continue; /* behind the stream's end */
    if (tl__span_arrive(s, lane, t, h, &follows)) {
      if (follows) tl__span_sweep(s, lane, suffix_anchor, f, push);
      tl__span_turn(s, lane, follows);
      for (int i = 0; i < kept; i++) prefix[i * TL_LANES + lane] = i < f.parts ? f.identity : 0.0;
      for (int i = 0; i < f.inputs; i++) prefix_anchor[i * TL_LANES + lane] = c->in[i][r * TL_LANES + lane];
    }
    for (int i = 0; i < f.inputs; i++) *tl__span_at(s, false, lane, s->lanes[lane].count, i) = c->in[i][r * TL_LANES + lane];
    tl__span_enter(s, lane, t, h);
  }
}

TL_INLINE void tl__span_lower(const tl_call *c, int r, int first, fold_shape f, fold_push push, fold_lower lower) {
  int kept = tl__fold_kept(f);
  double *prefix_at = c->state + first, *anchor_at = prefix_at + kept * TL_LANES, gathered[8][V], position[V];
  const tl_span *s = c->span;
  vec x[4], prefix[8], suffix[8], prefix_anchor[4], suffix_anchor[4], out[TL_MAX_OUTPUTS];
  for (int v = 0; v < V; v++) {
    const tl_span_lane *l = &s->lanes[first + v];
    position[v] = (double)(l->count - 1);
    for (int i = 0; i < kept; i++) gathered[i][v] = l->cursor < l->before ? *tl__span_at(s, true, first + v, l->cursor, i) : i < f.parts ? f.identity : 0.0;
  }
  for (int i = 0; i < f.inputs; i++) {
    x[i] = vec_load(c->in[i] + r * TL_LANES + first);
    prefix_anchor[i] = vec_load(anchor_at + i * TL_LANES);
    suffix_anchor[i] = vec_load(anchor_at + (f.inputs + i) * TL_LANES);
  }
  for (int i = 0; i < kept; i++) prefix[i] = vec_load(prefix_at + i * TL_LANES), suffix[i] = vec_load(gathered[i]);
  vec at = vec_load(position);
  tl__fold_take(prefix, prefix_anchor, x, at, false, f, push);
  for (int i = 0; i < kept; i++) vec_store(prefix_at + i * TL_LANES, prefix[i]);
  for (int i = 0; i < f.inputs; i++) vec_store(anchor_at + i * TL_LANES, prefix_anchor[i]);
  fold_window w = {.suffix = suffix, .prefix = prefix, .suffix_anchor = suffix_anchor, .prefix_anchor = prefix_anchor, .at = at, .x = x};
  tl__fold_counted(&w, prefix_anchor, suffix_anchor, f);
  lower(out, &w, c->params);
  mask enough = vec_le(vec_set1((double)c->params->min), w.count);
  for (int i = 0; i < f.outputs; i++) {
    if (c->out[i] == NULL) continue;
    out[i] = vec_select(enough, out[i], vec_na());
    vec_store(c->out[i] + r * TL_LANES + first, f.exact ? out[i] : vec_finite(out[i]));
  }
  if (c->out[f.outputs] != NULL) vec_store(c->out[f.outputs] + r * TL_LANES + first, w.count);
}

/* The engine has begun the lanes anew where a stream begins. */
TL_INLINE void tl__fold_spans(const tl_call *c, fold_shape f, fold_push push, fold_lower lower) {
  for (int r = 0; r < c->rows; r++) {
    tl__span_row(c, r, f, push);
    for (int v = 0; v < TL_VECS; v++) tl__span_lower(c, r, v * V, f, push, lower);
  }
}

/* ---- views ---- */

/* Takes the row of one lane. */
static inline void tl__span_view_row(const tl_call *c, int r, int lane) {
  tl_span *s = c->span;
  int64_t t = tl__span_time(c, r, lane), h = c->params->span;
  bool follows;
  if (t == tl_time_na()) return;
  if (tl__span_arrive(s, lane, t, h, &follows)) tl__span_turn(s, lane, follows);
  *tl__span_at(s, false, lane, s->lanes[lane].count, 0) = c->in[0][r * TL_LANES + lane];
  tl__span_enter(s, lane, t, h);
}

static inline int64_t tl__span_rows(const tl_span *s, int lane) { return s->lanes[lane].before - s->lanes[lane].cursor + s->lanes[lane].count; }

/* Row i of a lane's window, the oldest first; NaN beyond. */
static inline double tl__span_value(const tl_span *s, int lane, int64_t i) {
  int64_t older = s->lanes[lane].before - s->lanes[lane].cursor;
  if (i >= older + s->lanes[lane].count) return NAN;
  return i < older ? *tl__span_at(s, true, lane, s->lanes[lane].cursor + i, 0) : *tl__span_at(s, false, lane, i - older, 0);
}

/* The window of each lane is laid out as a view of rows has it, padded with missing values. */
TL_INLINE void tl__view_spans(const tl_call *c, view_step f) {
  tl_span *s = c->span;
  for (int r = 0; r < c->rows; r++) {
    int64_t rows = 0;
    for (int lane = 0; lane < TL_LANES; lane++) {
      tl__span_view_row(c, r, lane);
      if (tl__span_rows(s, lane) > rows) rows = tl__span_rows(s, lane);
    }
    for (int64_t i = 0; i < rows; i++)
      for (int lane = 0; lane < TL_LANES; lane++) s->view[i * TL_LANES + lane] = tl__span_value(s, lane, i);
    for (int v = 0; v < TL_VECS; v++) {
      view_window w = {.ring = s->view, .rows = rows, .lane = v * V};
      vec_store(c->out[0] + r * TL_LANES + v * V, f(&w, vec_load(c->in[0] + r * TL_LANES + v * V), c->params));
    }
  }
}

#endif
