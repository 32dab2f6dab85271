/* Bitmaps: bit i of byte i/8, the least significant first, as Arrow has them. */
#ifndef TL_COLUMN_BITS_H
#define TL_COLUMN_BITS_H

#include "base/env.h"

static inline bool tl_bit(const uint8_t *bits, int64_t i) { return bits[i >> 3] >> (i & 7) & 1; }
/* Sets bits [from, from + count). */
void tl_bits_fill(uint8_t *bits, int64_t from, int64_t count, bool value);
/* Copies `count` bits to [at, at + count) of another bitmap. */
void tl_bits_copy(uint8_t *out, int64_t at, const uint8_t *in, int64_t from, int64_t count);
int64_t tl_bits_count(const uint8_t *bits, int64_t from, int64_t count); /* those that are set */
/* A bitmap of validity that grows: `count` bits behind the `have` that are there (NULL: all set so far), from another bitmap, or, where
   `in` is NULL, all of `value`. *nulls grows by those that are not set. A bitmap of set bits only stays NULL. */
tl_status tl_bits_append(tl_env *env, uint8_t **bits, size_t *capacity, int64_t have, const uint8_t *in, int64_t from, int64_t count, bool value,
                         int64_t *nulls, tl_error *err) TL_MUST_CHECK;

#endif
