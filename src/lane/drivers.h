/* The four drivers: how a kernel walks its tile. Each is an ordinary function, always inlined into the kernel that calls it, so
   that the step it is given melts into the loop. See ARCHITECTURE.md for why windows are folded in two halves.

   map   out = f(in), row by row
   scan  state, out = step(state, in): depends on all rows so far
   fold  a window as merge(suffix of the block before, prefix of this block): nothing is ever subtracted
   view  f over the rows of the window themselves */
#ifndef TL_LANE_DRIVERS_H
#define TL_LANE_DRIVERS_H

#include <stdbool.h>
#include "lane/spans.h"

enum { TL_CHAINS = TL_VECS < 4 ? TL_VECS : 4 };

/* Vector stores may alias anything as far as a compiler knows, so whatever a loop needs of the call is copied into locals first:
   only then do 1 / n and its like leave the loop. */

/* ---- map ---- */

typedef vec (*map_step)(const vec *x, const tl_params *p);

/* What a map reads: an input that is the same in every row stays at its first, which stays in the cache. */
typedef struct map_inputs {
  const double *at[TL_MAX_INPUTS];
  int step[TL_MAX_INPUTS];
} map_inputs;

TL_INLINE map_inputs tl__map_inputs(const tl_call *c, int inputs) {
  map_inputs in = {0};
  for (int k = 0; k < inputs; k++) {
    in.at[k] = c->in[k];
    in.step[k] = c->steady >> k & 1 ? 0 : TL_LANES;
  }
  return in;
}

TL_INLINE void tl__map_load(vec *x, const map_inputs *in, int inputs, int lane) {
  for (int k = 0; k < inputs; k++) x[k] = vec_load(in->at[k] + lane);
}

TL_INLINE void tl__map_next(map_inputs *in, int inputs) {
  for (int k = 0; k < inputs; k++) in->at[k] += in->step[k];
}

TL_INLINE void tl__map(const tl_call *c, int inputs, map_step f) {
  const tl_params p = *c->params;
  map_inputs in = tl__map_inputs(c, inputs);
  vec x[TL_MAX_INPUTS];
  double *out = c->out[0];
  for (int rows = c->rows; rows > 0; rows--, out += TL_LANES, tl__map_next(&in, inputs))
    for (int l = 0; l < TL_LANES; l += V) {
      tl__map_load(x, &in, inputs, l);
      vec_store(out + l, f(x, &p));
    }
}

/* A map to conditions, as 1.0 and 0.0; and the same as bits (see tl_condition_bits). */
typedef mask (*map_test)(const vec *x);

TL_INLINE void tl__map_truths(const tl_call *c, int inputs, map_test f) {
  map_inputs in = tl__map_inputs(c, inputs);
  vec x[TL_MAX_INPUTS];
  for (int r = 0; r < c->rows; r++, tl__map_next(&in, inputs))
    for (int l = 0; l < TL_LANES; l += V) {
      tl__map_load(x, &in, inputs, l);
      vec_store(c->out[0] + r * TL_LANES + l, vec_truth(f(x)));
    }
}

TL_INLINE void tl__map_bits(const tl_call *c, int inputs, map_test f) {
  map_inputs in = tl__map_inputs(c, inputs);
  vec x[TL_MAX_INPUTS];
  tl_condition_bits *out = (tl_condition_bits *)(void *)c->out[0];
  for (int rows = c->rows; rows > 0; rows--, out++, tl__map_next(&in, inputs)) {
    unsigned bits = 0;
    for (int l = 0; l < TL_LANES; l += V) {
      tl__map_load(x, &in, inputs, l);
      bits |= (unsigned)mask_bits(f(x)) << l;
    }
    *out = (tl_condition_bits)bits;
  }
}

/* ---- scan ---- */

typedef void (*scan_init)(vec *state, const tl_params *p);
typedef void (*scan_step)(vec *state, const vec *x, vec *out, const tl_params *p);

/* Several independent chains side by side: a recursion is bound by latency, not by work. */
TL_INLINE void tl__scan(const tl_call *c, int inputs, int states, scan_init init, scan_step step) {
  enum { MOST = 6 };
  const tl_params p = *c->params;
  const double *in[TL_MAX_INPUTS];
  double *out = c->out[0];
  int rows = c->rows;
  for (int i = 0; i < inputs; i++) in[i] = c->in[i];
  for (int first = 0; first < TL_VECS; first += TL_CHAINS) {
    vec s[TL_CHAINS][MOST];
    for (int k = 0; k < TL_CHAINS; k++) {
      if (c->row == 0)
        init(s[k], &p);
      else
        for (int i = 0; i < states; i++) s[k][i] = vec_load(c->state + i * TL_LANES + (first + k) * V);
    }
    for (int r = 0; r < rows; r++) {
      for (int k = 0; k < TL_CHAINS; k++) {
        int at = r * TL_LANES + (first + k) * V;
        vec x[TL_MAX_INPUTS], y;
        for (int i = 0; i < inputs; i++) x[i] = vec_load(in[i] + at);
        step(s[k], x, &y, &p);
        vec_store(out + at, y);
      }
    }
    for (int k = 0; k < TL_CHAINS; k++)
      for (int i = 0; i < states; i++) vec_store(c->state + i * TL_LANES + (first + k) * V, s[k][i]);
  }
}

/* ---- fold ----

   Each stream is cut at absolute multiples of the window length n. With row j of its block just pushed, the window is the last
   n-1-j rows of the block before (their fold lies ready in slot j+1) and the first j+1 rows of this one (the running prefix).
   When a block is full one backward sweep turns its raw rows into suffix folds, in place. `at` is the position of a row relative
   to the present block's first: 0 .. n-1 in the prefix, -(n-1) .. -1 in the suffix.

   Sums are taken about an anchor, a present value inside the window (the prefix's first, the suffix's last), so a large base
   costs no digits.

   Two instantiations. Strict (min = n): a missing value is a NaN that runs through the fold and is gone with the next block.
   Masked (min < n): absent rows are skipped and counted. */

/* What the rows of one run share, in locals. */
typedef struct fold_run {
  const double *in[4];
  double *out[TL_MAX_OUTPUTS + 1];
  tl_params p;
  double n;
  vec inverse, least; /* 1 / n, and min */
} fold_run;

/* One row: push, look up the suffix that completes the window, lower. `slot` is this row's own, `next_slot` the suffix's or NULL. */
TL_INLINE void tl__fold_row(const fold_run *run, int at, double j, double *slot, const double *next_slot, vec *prefix, vec *pa, const vec *sa, bool emit,
                            fold_shape f, fold_push push, fold_lower lower) {
  vec x[4], suffix[8], out[TL_MAX_OUTPUTS], window_pa[4], window_sa[4];
  for (int i = 0; i < f.inputs; i++) x[i] = vec_load(run->in[i] + at);
  vec position = vec_set1(j);
  tl__fold_take(prefix, pa, x, position, false, f, push);
  fold_window w = {
      .suffix = suffix, .prefix = prefix, .suffix_anchor = window_sa, .prefix_anchor = window_pa, .at = position, .j = j, .whole = next_slot == NULL, .x = x};
  for (int i = 0; i < tl__fold_kept(f); i++) suffix[i] = next_slot != NULL ? vec_load(next_slot + i * TL_LANES) : vec_set1(i < f.parts ? f.identity : 0.0);
  for (int i = 0; i < f.inputs; i++) vec_store(slot + i * TL_LANES, x[i]);
  if (!emit) {
    for (int i = 0; i < f.outputs; i++)
      if (run->out[i] != NULL) vec_store(run->out[i] + at, vec_na());
    return;
  }
  for (int i = 0; i < f.inputs; i++) {
    window_pa[i] = pa[i];
    window_sa[i] = next_slot != NULL ? sa[i] : pa[i];
  }
  if (f.masked)
    tl__fold_counted(&w, window_pa, window_sa, f);
  else {
    w.prefix_count = vec_set1(j + 1);
    w.suffix_count = next_slot != NULL ? vec_set1(run->n - 1 - j) : vec_zero();
    w.count = vec_set1(run->n);
    w.inverse = run->inverse;
  }
  lower(out, &w, &run->p);
  if (f.masked) {
    mask enough = vec_le(run->least, w.count);
    for (int i = 0; i < f.outputs; i++) out[i] = vec_select(enough, out[i], vec_na());
    if (run->out[f.outputs] != NULL) vec_store(run->out[f.outputs] + at, w.count);
  }
  for (int i = 0; i < f.outputs; i++) /* what nobody reads has no place */
    if (run->out[i] != NULL) vec_store(run->out[i] + at, f.exact ? out[i] : vec_finite(out[i]));
}

/* Turns the raw rows of a full block into suffix folds, newest first. */
TL_INLINE void tl__fold_sweep(const tl_call *c, int lane, double *ring, double *suffix_anchor, fold_shape f, fold_push push) {
  int width = tl__fold_width(f) * TL_LANES;
  int64_t n = c->params->n;
  vec part[8], anchor[4], x[4];
  for (int i = 0; i < tl__fold_kept(f); i++) part[i] = vec_set1(i < f.parts ? f.identity : 0.0);
  double *slot = ring + (n - 1) * width + lane, at = -1;
  for (int i = 0; i < f.inputs; i++) anchor[i] = vec_load(slot + i * TL_LANES);
  for (int64_t j = n - 1; j > 0; j--, slot -= width, at -= 1) {
    for (int i = 0; i < f.inputs; i++) x[i] = vec_load(slot + i * TL_LANES);
    tl__fold_take(part, anchor, x, vec_set1(at), true, f, push);
    for (int i = 0; i < tl__fold_kept(f); i++) vec_store(slot + i * TL_LANES, part[i]);
  }
  for (int i = 0; i < f.inputs; i++) vec_store(suffix_anchor + i * TL_LANES + lane, anchor[i]);
}

/* Rows r .. r+count-1, all in one block, whose first has position j. */
TL_INLINE void tl__fold_rows(const tl_call *c, int lane, int r, int count, int64_t j, fold_shape f, fold_push push, fold_lower lower) {
  int kept = tl__fold_kept(f), width = tl__fold_width(f) * TL_LANES;
  double *state = c->state + lane;
  bool has_suffix = c->row + r - j >= c->params->n; /* a block lies before this one */
  vec prefix[8], pa[4], sa[4];
  fold_run run = {.p = *c->params, .n = (double)c->params->n, .inverse = vec_set1(1.0 / (double)c->params->n), .least = vec_set1((double)c->params->min)};
  for (int i = 0; i < f.inputs; i++) run.in[i] = c->in[i];
  for (int i = 0; i < f.outputs + f.masked; i++) run.out[i] = c->out[i];
  for (int i = 0; i < kept; i++) prefix[i] = j > 0 ? vec_load(state + i * TL_LANES) : vec_set1(i < f.parts ? f.identity : 0.0);
  for (int i = 0; i < f.inputs; i++) {
    pa[i] = j > 0 ? vec_load(state + (kept + i) * TL_LANES) : vec_load(c->in[i] + r * TL_LANES + lane);
    sa[i] = has_suffix ? vec_load(state + (kept + f.inputs + i) * TL_LANES) : vec_na();
  }
  double *slot = c->state + tl__fold_head(f) * TL_LANES + j * width + lane;
  int at = r * TL_LANES + lane;
  double position = (double)j, last = run.n - 1;
  int before_last = (int64_t)count <= c->params->n - 1 - j ? count : (int)(c->params->n - 1 - j); /* rows that are not their block's last */
  if (has_suffix)
    for (int k = 0; k < before_last; k++, at += TL_LANES, slot += width, position += 1)
      tl__fold_row(&run, at, position, slot, slot + width, prefix, pa, sa, true, f, push, lower);
  else
    for (int k = 0; k < before_last; k++, at += TL_LANES, slot += width, position += 1)
      tl__fold_row(&run, at, position, slot, NULL, prefix, pa, sa, f.masked, f, push, lower);
  if (before_last < count) tl__fold_row(&run, at, last, slot, NULL, prefix, pa, sa, true, f, push, lower);
  for (int i = 0; i < kept; i++) vec_store(state + i * TL_LANES, prefix[i]);
  for (int i = 0; i < f.inputs; i++) vec_store(state + (kept + i) * TL_LANES, pa[i]);
}

TL_INLINE void tl__fold_shaped(const tl_call *c, fold_shape f, fold_push push, fold_lower lower) {
  int64_t n = c->params->n;
  if (f.masked && c->span != NULL) {
    tl__fold_spans(c, f, push, lower);
    return;
  }
  for (int r = 0; r < c->rows;) {
    int64_t j = (c->row + r) % n;
    int count = n - j < c->rows - r ? (int)(n - j) : c->rows - r;
    for (int v = 0; v < TL_VECS; v++) tl__fold_rows(c, v * V, r, count, j, f, push, lower);
    r += count;
    if (j + count < n) continue;
    double *suffix_anchor = c->state + (tl__fold_kept(f) + f.inputs) * TL_LANES;
    for (int v = 0; v < TL_VECS; v++) tl__fold_sweep(c, v * V, c->state + tl__fold_head(f) * TL_LANES, suffix_anchor, f, push);
  }
}

/* Strict when the window must be full. */
TL_INLINE void tl__fold(const tl_call *c, int inputs, int parts, int outputs, fold_push push, fold_lower lower) {
  if (c->params->min < c->params->n)
    tl__fold_shaped(c, (fold_shape){inputs, parts, outputs, 0.0, true, false}, push, lower);
  else
    tl__fold_shaped(c, (fold_shape){inputs, parts, outputs, 0.0, false, false}, push, lower);
}

/* An extreme: what it starts from is worse than any value. */
TL_INLINE void tl__fold_extreme(const tl_call *c, int parts, double identity, fold_push push, fold_lower lower) {
  if (c->params->min < c->params->n)
    tl__fold_shaped(c, (fold_shape){1, parts, 1, identity, true, true}, push, lower);
  else
    tl__fold_shaped(c, (fold_shape){1, parts, 1, identity, false, true}, push, lower);
}

/* A choice among present rows: a NaN does not run through it by itself, so that rows are counted also in a full window. */
TL_INLINE void tl__fold_choice(const tl_call *c, int parts, fold_push push, fold_lower lower) {
  tl__fold_shaped(c, (fold_shape){1, parts, 1, 0.0, true, true}, push, lower);
}

/* ---- view ---- */

/* Row r goes into the ring, before anybody sees its window. */
TL_INLINE view_window tl__view_take(const tl_call *c, int r, int64_t slots) {
  int64_t row = c->row + r;
  memcpy(c->state + row % slots * TL_LANES, c->in[0] + r * TL_LANES, TL_LANES * sizeof(double));
  return (view_window){.ring = c->state, .rows = row + 1 < slots ? row + 1 : slots, .oldest = row + 1 < slots ? 0 : (row + 1) % slots};
}

TL_INLINE void tl__view(const tl_call *c, view_step f) {
  if (c->span != NULL) {
    tl__view_spans(c, f);
    return;
  }
  const tl_params p = *c->params;
  for (int r = 0; r < c->rows; r++) {
    view_window w = tl__view_take(c, r, p.slots);
    for (int v = 0; v < TL_VECS; v++) {
      w.lane = v * V;
      vec_store(c->out[0] + r * TL_LANES + w.lane, f(&w, vec_load(c->in[0] + r * TL_LANES + w.lane), &p));
    }
  }
}

/* With `one` for windows of time, which are of other lengths in each lane. */
TL_INLINE void tl__view_chains(const tl_call *c, view_step one, view_chains f) {
  if (c->span != NULL) {
    tl__view_spans(c, one);
    return;
  }
  const tl_params p = *c->params;
  for (int r = 0; r < c->rows; r++) {
    view_window w = tl__view_take(c, r, p.slots);
    for (int v = 0; v < TL_VECS; v += TL_VIEW_CHAINS) {
      vec newest[TL_VIEW_CHAINS], out[TL_VIEW_CHAINS];
      w.lane = v * V;
      for (int k = 0; k < TL_VIEW_CHAINS; k++) newest[k] = vec_load(c->in[0] + r * TL_LANES + w.lane + k * V);
      f(&w, newest, out, &p);
      for (int k = 0; k < TL_VIEW_CHAINS; k++) vec_store(c->out[0] + r * TL_LANES + w.lane + k * V, out[k]);
    }
  }
}

#endif
