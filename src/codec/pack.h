/* Integers into packed bits, the lowest bit of a byte first, a word of 64 bits at a time. */
#ifndef TL_CODEC_PACK_H
#define TL_CODEC_PACK_H

#include <stdint.h>
#include <string.h>

typedef struct tl_bit_packer {
  uint8_t *at;   /* room for the bits, and for 8 bytes behind them */
  uint64_t word; /* bits not written yet */
  int filled;    /* of word, 0..63 */
} tl_bit_packer;

/* `value` must fit into `width` bits, 0..64. */
static inline void tl_bits_put(tl_bit_packer *p, uint64_t value, int width) {
  p->word |= value << p->filled;
  int filled = p->filled + width;
  if (filled >= 64) {
    memcpy(p->at, &p->word, 8);
    p->at += 8;
    filled -= 64;
    p->word = filled > 0 ? value >> (width - filled) : 0;
  }
  p->filled = filled;
}

/* Writes what is left; the bytes behind it are zero or unchanged. */
static inline void tl_bits_end(const tl_bit_packer *p) { memcpy(p->at, &p->word, 8); }

#endif
