/* Integers out of packed bits, and what follows them in a decoder: sums of differences, values of dictionary codes. One table of
   kernels per instruction set, all with the same results.

   Value i of `width` bits is bits [i * width, (i + 1) * width) of the area, the lowest bit of a byte first. Areas come from files:
   `size` bytes of one may be read, and no more; they must hold the (count * width + 7) / 8 bytes of the values, and every byte more
   saves a copy of the last ones. Any bytes are fine. in and out must not overlap.
   Source: Parquet format, Encodings, "bit-packed" runs and DELTA_BINARY_PACKED miniblocks. */
#ifndef TL_CODEC_UNPACK_H
#define TL_CODEC_UNPACK_H

#include "sys/sys.h"

enum { TL_CODES_BEHIND = 16 }; /* see spread16 */

typedef struct tl_codec_kernels {
  void (*unpack32)(uint32_t *out, const uint8_t *in, size_t size, size_t count, int width); /* width 0..32 */
  void (*unpack64)(uint64_t *out, const uint8_t *in, size_t size, size_t count, int width); /* width 0..64 */
  /* out[i] = (*value += low + delta i), with `count` deltas of `width` bits 0..64 in `in`; arithmetic wraps at 64 bits, and at 32. */
  void (*delta_block)(int64_t *out, uint64_t *value, uint64_t low, const uint8_t *in, size_t size, size_t count, int width);
  void (*delta_block32)(int32_t *out, uint32_t *value, uint32_t low, const uint8_t *in, size_t size, size_t count, int width);
  /* out[i] = dictionary[codes[i]]; every code must lie within the dictionary (max32 tells). */
  void (*gather64)(uint64_t *out, const uint64_t *dictionary, const uint32_t *codes, size_t count);
  void (*gather32)(uint32_t *out, const uint32_t *dictionary, const uint32_t *codes, size_t count);
  /* out[i] = 1 + codes[i], for codes below 65535. */
  void (*narrow16)(uint16_t *out, const uint32_t *codes, size_t count);
  /* The same of rows some of which are missing: row i has the next code where bit i of `valid` is set, else 0. TL_CODES_BEHIND
     codes more than there are must be readable. */
  void (*spread16)(uint16_t *out, const uint32_t *codes, const uint8_t *valid, size_t count);
  /* 0 of what is not finite, else 1, and 1 more for each of n thresholds that the value is not below, and 1 for each that it is above. */
  void (*classes16)(uint16_t *out, const double *values, size_t count, const double *thresholds, int n);
  /* 1, and 1 more for each of n bounds that the value is not below. */
  void (*int_classes16)(uint16_t *out, const int64_t *values, size_t count, const int64_t *bounds, int n);
  void (*finite64)(double *out, const double *values, size_t count); /* NaN instead of what is not finite */
  bool (*any_missing64)(const double *values, size_t count);         /* NaN among them */
  bool (*any_zero16)(const uint16_t *values, size_t count);
  void (*fill32)(uint32_t *out, uint32_t value, size_t count);
  uint32_t (*max32)(const uint32_t *values, size_t count); /* 0 of none */
  bool (*ascends64)(const int64_t *values, size_t count);  /* no value is below the one before it */
} tl_codec_kernels;

/* Those of one instruction set, which must be available, and those of the one that this process uses (tl_isa_chosen). */
const tl_codec_kernels *tl_codec_kernels_of(tl_isa isa);
const tl_codec_kernels *tl_codec_kernels_chosen(void);

#endif
