#include "codec/split.h"
#include <string.h>

/* Sixteen values of `width` bytes are `width` registers. Interleaving the first half of the registers with the second turns every
   byte's address (register, then byte within) left by one bit; four turns put byte k of all values into register k, and as many as
   `width` has bits put it back. */
typedef uint8_t part __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) void turn(part *b, int width, int rounds) {
  for (int round = 0; round < rounds; round++) {
    part c[16];
    for (int i = 0; i < width / 2; i++) {
      part x = b[i], y = b[i + width / 2];
      c[2 * i] = __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      c[2 * i + 1] = __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < width; i++) b[i] = c[i];
  }
}

static inline __attribute__((always_inline)) size_t encode_blocks(uint8_t *out, const uint8_t *in, size_t count, int width) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    part b[16];
    memcpy(b, in + i * (size_t)width, (size_t)width * sizeof *b);
    turn(b, width, 4);
    for (int k = 0; k < width; k++) memcpy(out + (size_t)k * count + i, &b[k], sizeof *b);
  }
  return i;
}

static inline __attribute__((always_inline)) size_t decode_blocks(uint8_t *out, const uint8_t *in, size_t count, int width, int rounds, size_t stride) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    part b[16];
    for (int k = 0; k < width; k++) memcpy(&b[k], in + (size_t)k * stride + i, sizeof *b);
    turn(b, width, rounds);
    memcpy(out + i * (size_t)width, b, (size_t)width * sizeof *b);
  }
  return i;
}

void tl_split_encode(uint8_t *out, const uint8_t *in, size_t count, size_t width) {
  size_t i = 0;
  switch (width) {
    case 2: i = encode_blocks(out, in, count, 2); break;
    case 4: i = encode_blocks(out, in, count, 4); break;
    case 8: i = encode_blocks(out, in, count, 8); break;
    case 16: i = encode_blocks(out, in, count, 16); break;
    default: break;
  }
  for (; i < count; i++)
    for (size_t k = 0; k < width; k++) out[k * count + i] = in[i * width + k];
}

void tl_split_decode(uint8_t *out, const uint8_t *in, size_t count, size_t width, size_t stride) {
  size_t i = 0;
  switch (width) {
    case 2: i = decode_blocks(out, in, count, 2, 1, stride); break;
    case 4: i = decode_blocks(out, in, count, 4, 2, stride); break;
    case 8: i = decode_blocks(out, in, count, 8, 3, stride); break;
    case 16: i = decode_blocks(out, in, count, 16, 4, stride); break;
    default: break;
  }
  for (; i < count; i++)
    for (size_t k = 0; k < width; k++) out[i * width + k] = in[k * stride + i];
}
