#include "column/bits.h"
#include <string.h>

void tl_bits_fill(uint8_t *bits, int64_t from, int64_t count, bool value) {
  for (; count > 0 && (from & 7) != 0; from++, count--) bits[from >> 3] = (uint8_t)((bits[from >> 3] & ~(1u << (from & 7))) | (unsigned)value << (from & 7));
  if (count >= 8) memset(bits + (from >> 3), value ? 0xff : 0, (size_t)count >> 3);
  from += count & ~7, count &= 7;
  for (; count > 0; from++, count--) bits[from >> 3] = (uint8_t)((bits[from >> 3] & ~(1u << (from & 7))) | (unsigned)value << (from & 7));
}

void tl_bits_copy(uint8_t *out, int64_t at, const uint8_t *in, int64_t from, int64_t count) {
  for (; count > 0 && (at & 7) != 0; at++, from++, count--)
    out[at >> 3] = (uint8_t)((out[at >> 3] & ~(1u << (at & 7))) | (unsigned)tl_bit(in, from) << (at & 7));
  int shift = (int)(from & 7);
  for (; count >= 64; at += 64, from += 64, count -= 64) {
    uint64_t word;
    memcpy(&word, in + (from >> 3), sizeof word);
    if (shift > 0) word = word >> shift | (uint64_t)in[(from >> 3) + 8] << (64 - shift);
    memcpy(out + (at >> 3), &word, sizeof word);
  }
  for (; count >= 8; at += 8, from += 8, count -= 8)
    out[at >> 3] = shift == 0 ? in[from >> 3] : (uint8_t)(in[from >> 3] >> shift | in[(from >> 3) + 1] << (8 - shift));
  for (; count > 0; at++, from++, count--) out[at >> 3] = (uint8_t)((out[at >> 3] & ~(1u << (at & 7))) | (unsigned)tl_bit(in, from) << (at & 7));
}

/* Sums of two, four and eight bits side by side, and at last of the eight bytes. */
static int64_t count_word(uint64_t w) {
  w -= w >> 1 & 0x5555555555555555u;
  w = (w & 0x3333333333333333u) + (w >> 2 & 0x3333333333333333u);
  w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return (int64_t)(w * 0x0101010101010101u >> 56);
}

int64_t tl_bits_count(const uint8_t *bits, int64_t from, int64_t count) {
  int64_t n = 0;
  for (; count > 0 && (from & 7) != 0; from++, count--) n += tl_bit(bits, from);
  for (; count >= 64; from += 64, count -= 64) {
    uint64_t word;
    memcpy(&word, bits + (from >> 3), sizeof word);
    n += count_word(word);
  }
  for (; count > 0; from++, count--) n += tl_bit(bits, from);
  return n;
}

tl_status tl_bits_append(tl_env *env, uint8_t **bits, size_t *capacity, int64_t have, const uint8_t *in, int64_t from, int64_t count, bool value,
                         int64_t *nulls, tl_error *err) {
  int64_t set = in != NULL ? tl_bits_count(in, from, count) : value ? count : 0;
  if (*bits == NULL && set == count) return TL_OK;
  bool fresh = *bits == NULL;
  TL_TRY(tl_reserve(env, bits, capacity, (size_t)(have + count) / 8 + 9, 1, err));
  if (fresh) tl_bits_fill(*bits, 0, have, true);
  if (in != NULL)
    tl_bits_copy(*bits, have, in, from, count);
  else
    tl_bits_fill(*bits, have, count, value);
  *nulls += count - set;
  return TL_OK;
}
