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

/* Whether each lane has one code in all rows, as what changes rarely mostly has: then one row is looked up and repeated. */
TL_INLINE bool tl__gather_steady(double *tile, const uint16_t *const *codes, const double *const *values, int rows) {
  for (int l = 0; l < TL_LANES; l++) {
    uint16_t first = codes[l][0], other = 0;
    for (int r = 0; r < rows; r++) other |= codes[l][r] ^ first;
    if (other != 0) return false;
  }
  for (int l = 0; l < TL_LANES; l++) tile[l] = values[l][codes[l][0]];
  for (int l = 0; l < TL_LANES; l += V) {
    vec x = vec_load(tile + l);
    for (int r = 1; r < rows; r++) vec_store(tile + r * TL_LANES + l, x);
  }
  return true;
}

/* Lanes of codes, each with the values that its codes mean; four lanes at once share a line of the tile. What the next tile will want is asked for, since so
   many lanes at once are more than the processor foresees. */
TL_INLINE void tl__gather_codes(double *tile, const uint16_t *const *codes, const double *const *values, int rows) {
  enum { AT_ONCE = 4, LINE = 32 };
  for (int l = 0; l < TL_LANES; l++)
    for (int r = 0; r < rows; r += LINE) __builtin_prefetch(codes[l] + rows + r);
  if (tl__gather_steady(tile, codes, values, rows)) return;
  for (int l = 0; l < TL_LANES; l += AT_ONCE) {
    const uint16_t *a = codes[l], *b = codes[l + 1], *c = codes[l + 2], *d = codes[l + 3];
    const double *of_a = values[l], *of_b = values[l + 1], *of_c = values[l + 2], *of_d = values[l + 3];
    double *out = tile + l;
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

/* A tile of conditions as bits. */
TL_INLINE void tl__truths(tl_condition_bits *out, const double *tile, int rows) {
  for (int r = 0; r < rows; r++, tile += TL_LANES) {
    unsigned bits = 0;
    for (int l = 0; l < TL_LANES; l += V) bits |= (unsigned)mask_bits(vec_eq(vec_load(tile + l), vec_set1(1.0))) << l;
    out[r] = (tl_condition_bits)bits;
  }
}

/* Eight rows of eight bits turned over: bit l of byte r becomes bit r of byte l. Squares of one bit, of two and of four change places (Warren, Hacker's
   Delight, 7-3). */
TL_INLINE uint64_t tl__turn_square(uint64_t x) {
  uint64_t t = (x ^ x >> 7) & 0x00aa00aa00aa00aau;
  x ^= t ^ t << 7;
  t = (x ^ x >> 14) & 0x0000cccc0000ccccu;
  x ^= t ^ t << 14;
  t = (x ^ x >> 28) & 0x00000000f0f0f0f0u;
  return x ^ t ^ t << 28;
}

/* Conditions of at most TL_TURNED_ROWS rows by lane: bit r of lanes[l] is bit l of rows[r]; rows that are not there are 0. */
TL_INLINE void tl__turn_bits(uint64_t *lanes, const tl_condition_bits *rows, int count) {
  enum { SIDE = 8 };
  for (int l = 0; l < TL_LANES; l++) lanes[l] = 0;
  for (int r = 0; r < count; r += SIDE) {
    for (int first = 0; first < TL_LANES; first += SIDE) {
      uint64_t square = 0;
      for (int k = 0; k < SIDE && r + k < count; k++) square |= (uint64_t)(rows[r + k] >> first & 0xff) << (SIDE * k);
      square = tl__turn_square(square);
      for (int l = 0; l < SIDE; l++) lanes[first + l] |= (square >> (SIDE * l) & 0xff) << r;
    }
  }
}

#endif
