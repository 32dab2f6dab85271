/* Hashes that are added up: of values and their places, so that the order of the work does not show. */
#ifndef TL_BASE_MIX_H
#define TL_BASE_MIX_H

#include <stdint.h>

/* What places are apart. */
#define TL_MIX_STEP 0xd6e8feb86659fd93u

/* The value `bits` at a place: both halves of a product folded into one. */
static inline uint64_t tl_mix(uint64_t bits, uint64_t place) {
  unsigned __int128 product = (unsigned __int128)(bits ^ place) * (place | 1);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
