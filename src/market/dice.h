/* Chance that is the same for the same seed, everywhere: no function of the C library has a part in it. */
#ifndef TL_MARKET_DICE_H
#define TL_MARKET_DICE_H

#include <stdint.h>

/* splitmix64: Steele, Lea, Flood (2014). */
typedef struct tl_dice {
  uint64_t state;
} tl_dice;
static inline uint64_t tl_roll(tl_dice *d) {
  uint64_t z = d->state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}
static inline double tl_uniform(tl_dice *d) { return (double)(tl_roll(d) >> 11) * 0x1p-53; }
/* Near enough to normal for a market, and exact everywhere: a sum of twelve uniforms. */
static inline double tl_normal(tl_dice *d) {
  double sum = -6;
  for (int i = 0; i < 12; i++) sum += tl_uniform(d);
  return sum;
}
/* 1 + x + ..: small returns compound without exp, which is not the same on every machine. */
static inline double tl_grow(double price, double r) { return price * (1 + r + 0.5 * r * r); }

#endif
