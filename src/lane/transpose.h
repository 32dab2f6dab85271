/* Streams to lanes and back: blocks of V x V values turned over in registers; conditions to bits. */
#ifndef TL_LANE_TRANSPOSE_H
#define TL_LANE_TRANSPOSE_H

#include "lane/tile.h"
#include "simd/vec.h"

TL_INLINE void tl__gather(double *tile, const double *const *lanes, int rows) {
  int r = 0;
  for (; r + V <= rows; r += V) {
    for (int l = 0; l < TL_LANES; l += V) {
      vec block[V];
      for (int i = 0; i < V; i++) block[i] = vec_load(lanes[l + i] + r);
      vec_transpose(block);
      for (int i = 0; i < V; i++) vec_store(tile + (r + i) * TL_LANES + l, block[i]);
    }
  }
  for (; r < rows; r++)
    for (int l = 0; l < TL_LANES; l++) tile[r * TL_LANES + l] = lanes[l][r];
}

/* Lanes of codes, each with the values that its codes mean; four lanes at once share a line of the tile. What the next tile will want is asked for, since so
   many lanes at once are more than the processor foresees. */
TL_INLINE void tl__gather_codes(double *tile, const uint16_t *const *codes, const double *const *values, int rows) {
  enum { AT_ONCE = 4, LINE = 32 };
  for (int l = 0; l < TL_LANES; l += AT_ONCE) {
    const uint16_t *a = codes[l], *b = codes[l + 1], *c = codes[l + 2], *d = codes[l + 3];
    const double *of_a = values[l], *of_b = values[l + 1], *of_c = values[l + 2], *of_d = values[l + 3];
    double *out = tile + l;
    for (int k = 0; k < AT_ONCE; k++)
      for (int r = 0; r < rows; r += LINE) __builtin_prefetch(codes[l + k] + rows + r);
    for (int r = 0; r < rows; r++, out += TL_LANES) {
      double x = of_a[a[r]], y = of_b[b[r]], z = of_c[c[r]], w = of_d[d[r]];
      out[0] = x, out[1] = y, out[2] = z, out[3] = w;
    }
  }
}

TL_INLINE void tl__scatter(double *const *lanes, const double *tile, int rows) {
  int r = 0;
  for (; r + V <= rows; r += V) {
    for (int l = 0; l < TL_LANES; l += V) {
      vec block[V];
      for (int i = 0; i < V; i++) block[i] = vec_load(tile + (r + i) * TL_LANES + l);
      vec_transpose(block);
      for (int i = 0; i < V; i++) vec_store(lanes[l + i] + r, block[i]);
    }
  }
  for (; r < rows; r++)
    for (int l = 0; l < TL_LANES; l++) lanes[l][r] = tile[r * TL_LANES + l];
}

/* A tile of conditions as bits: bit l of out[r] is set where lane l of row r is true; missing is false. */
TL_INLINE void tl__truths(uint16_t *out, const double *tile, int rows) {
  for (int r = 0; r < rows; r++, tile += TL_LANES) {
    unsigned bits = 0;
    for (int l = 0; l < TL_LANES; l += V) bits |= (unsigned)mask_bits(vec_eq(vec_load(tile + l), vec_set1(1.0))) << l;
    out[r] = (uint16_t)bits;
  }
}

#endif
