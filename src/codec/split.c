#include "codec/split.h"
#include <string.h>

/* Eight values of eight bytes as an 8 x 8 block turned over in three rounds of swaps; the compiler keeps it in registers. */
static void turn(uint64_t b[8]) {
  static const uint64_t masks[3] = {0x00000000ffffffffu, 0x0000ffff0000ffffu, 0x00ff00ff00ff00ffu};
  for (int round = 0; round < 3; round++) {
    int step = 4 >> round, shift = 8 * step;
    for (int i = 0; i < 8; i++) {
      if (i & step) continue;
      uint64_t low = b[i], high = b[i + step];
      b[i] = (low & masks[round]) | (high & masks[round]) << shift;
      b[i + step] = (low >> shift & masks[round]) | (high & ~masks[round]);
    }
  }
}

void tl_split_encode(uint8_t *out, const uint8_t *in, size_t count, size_t width) {
  size_t i = 0;
  for (; width == 8 && i + 8 <= count; i += 8) {
    uint64_t b[8];
    memcpy(b, in + i * 8, sizeof b);
    turn(b);
    for (size_t k = 0; k < 8; k++) memcpy(out + k * count + i, &b[k], 8);
  }
  for (; i < count; i++)
    for (size_t k = 0; k < width; k++) out[k * count + i] = in[i * width + k];
}

void tl_split_decode(uint8_t *out, const uint8_t *in, size_t count, size_t width) {
  size_t i = 0;
  for (; width == 8 && i + 8 <= count; i += 8) {
    uint64_t b[8];
    for (size_t k = 0; k < 8; k++) memcpy(&b[k], in + k * count + i, 8);
    turn(b);
    memcpy(out + i * 8, b, sizeof b);
  }
  for (; i < count; i++)
    for (size_t k = 0; k < width; k++) out[i * width + k] = in[k * count + i];
}
