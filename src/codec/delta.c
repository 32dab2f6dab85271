#include "codec/delta.h"
#include <string.h>

typedef struct cursor {
  const uint8_t *at, *end;
} cursor;

static tl_status varint(cursor *c, uint64_t *out, tl_error *err) {
  *out = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (c->at >= c->end) break;
    uint8_t byte = *c->at++;
    *out |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return TL_OK;
  }
  return tl_fail(err, TL_CORRUPT, "delta: the data ends too early");
}

static uint64_t zigzag(uint64_t v) { return v >> 1 ^ -(v & 1); }

/* Value i of `width` bits; the bytes around it may end. */
static uint64_t unpack(const uint8_t *bits, size_t size, size_t i, unsigned width) {
  size_t bit = i * width, byte = bit >> 3;
  unsigned __int128 word = 0;
  if (byte + 16 <= size)
    memcpy(&word, bits + byte, 16);
  else
    memcpy(&word, bits + byte, size - byte);
  uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
  return (uint64_t)(word >> (bit & 7)) & mask;
}

tl_status tl_delta_count(tl_bytes bytes, int64_t *count, tl_error *err) {
  cursor c = {bytes.data, bytes.data + bytes.size};
  uint64_t block, miniblocks, total;
  TL_TRY(varint(&c, &block, err));
  TL_TRY(varint(&c, &miniblocks, err));
  TL_TRY(varint(&c, &total, err));
  if (total > INT32_MAX) return tl_fail(err, TL_CORRUPT, "delta: %llu values in one page", (unsigned long long)total);
  *count = (int64_t)total;
  return TL_OK;
}

tl_status tl_delta_decode(int64_t *out, int64_t count, tl_bytes bytes, size_t *used, tl_error *err) {
  cursor c = {bytes.data, bytes.data + bytes.size};
  uint64_t block, miniblocks, total, first;
  TL_TRY(varint(&c, &block, err));
  TL_TRY(varint(&c, &miniblocks, err));
  TL_TRY(varint(&c, &total, err));
  TL_TRY(varint(&c, &first, err));
  if (block == 0 || block % 128 != 0 || block > 1 << 20 || miniblocks == 0 || miniblocks > block || block % miniblocks != 0 || block / miniblocks % 32 != 0)
    return tl_fail(err, TL_CORRUPT, "delta: blocks of %llu values in %llu miniblocks", (unsigned long long)block, (unsigned long long)miniblocks);
  if (total < (uint64_t)count) return tl_fail(err, TL_CORRUPT, "delta: %llu values, expected %lld", (unsigned long long)total, (long long)count);
  uint64_t value = zigzag(first), per = block / miniblocks;
  int64_t done = 0;
  if (count > 0) out[done++] = (int64_t)value;
  while (done < count) {
    uint64_t low;
    TL_TRY(varint(&c, &low, err));
    low = zigzag(low);
    if ((uint64_t)(c.end - c.at) < miniblocks) return tl_fail(err, TL_CORRUPT, "delta: the data ends in a block's widths");
    const uint8_t *widths = c.at;
    c.at += miniblocks;
    for (uint64_t m = 0; m < miniblocks && done < count; m++) {
      unsigned width = widths[m];
      if (width > 64) return tl_fail(err, TL_CORRUPT, "delta: a width of %u bits", width);
      size_t size = (size_t)(per * width / 8), there = (size_t)(c.end - c.at);
      uint64_t wanted = (uint64_t)(count - done) < per ? (uint64_t)(count - done) : per;
      if (there < (wanted * width + 7) / 8) return tl_fail(err, TL_CORRUPT, "delta: the data ends in a miniblock");
      for (uint64_t i = 0; i < wanted; i++) {
        value += low + (width ? unpack(c.at, there, i, width) : 0);
        out[done++] = (int64_t)value;
      }
      c.at += size < there ? size : there; /* the last miniblock's padding may be missing */
    }
  }
  *used = (size_t)(c.at - bytes.data);
  return TL_OK;
}

/* ---- encoding: blocks of 128 in 4 miniblocks ---- */

enum { BLOCK = 128, MINIBLOCKS = 4, PER = BLOCK / MINIBLOCKS };

static tl_status put_varint(tl_buffer *out, uint64_t v, tl_error *err) {
  for (; v >= 128; v >>= 7) TL_TRY(tl_buffer_byte(out, (uint8_t)(v | 128), err));
  return tl_buffer_byte(out, (uint8_t)v, err);
}
static uint64_t to_zigzag(uint64_t v) { return v << 1 ^ -(v >> 63); }

static tl_status put_miniblock(tl_buffer *out, const uint64_t *values, unsigned width, tl_error *err) {
  unsigned __int128 word = 0;
  unsigned filled = 0;
  TL_TRY(tl_buffer_reserve(out, (size_t)PER * width / 8 + 8, err));
  for (int i = 0; i < PER; i++) {
    word |= (unsigned __int128)values[i] << filled;
    for (filled += width; filled >= 8; filled -= 8, word >>= 8) out->data[out->size++] = (uint8_t)word;
  }
  return TL_OK;
}

static tl_status put_block(tl_buffer *out, uint64_t *deltas, int count, tl_error *err) {
  int64_t low = (int64_t)deltas[0];
  for (int i = 1; i < count; i++)
    if ((int64_t)deltas[i] < low) low = (int64_t)deltas[i];
  uint8_t widths[MINIBLOCKS] = {0};
  for (int i = 0; i < BLOCK; i++) deltas[i] = i < count ? deltas[i] - (uint64_t)low : 0;
  for (int i = 0; i < count; i++) {
    uint8_t width = deltas[i] == 0 ? 0 : (uint8_t)(64 - __builtin_clzll(deltas[i]));
    if (width > widths[i / PER]) widths[i / PER] = width;
  }
  TL_TRY(put_varint(out, to_zigzag((uint64_t)low), err));
  TL_TRY(tl_buffer_append(out, widths, sizeof widths, err));
  for (int m = 0; m < MINIBLOCKS && m * PER < count; m++) TL_TRY(put_miniblock(out, deltas + m * PER, widths[m], err));
  return TL_OK;
}

tl_status tl_delta_encode(tl_buffer *out, const int64_t *values, int64_t count, bool narrow, tl_error *err) {
  TL_TRY(put_varint(out, BLOCK, err));
  TL_TRY(put_varint(out, MINIBLOCKS, err));
  TL_TRY(put_varint(out, (uint64_t)count, err));
  TL_TRY(put_varint(out, count > 0 ? to_zigzag((uint64_t)values[0]) : 0, err));
  for (int64_t i = 1; i < count; i += BLOCK) {
    uint64_t deltas[BLOCK] = {0};
    int n = count - i < BLOCK ? (int)(count - i) : BLOCK;
    for (int k = 0; k < n; k++) {
      deltas[k] = (uint64_t)values[i + k] - (uint64_t)values[i + k - 1];
      if (narrow) deltas[k] = (uint64_t)(int64_t)(int32_t)(uint32_t)deltas[k];
    }
    TL_TRY(put_block(out, deltas, n, err));
  }
  return TL_OK;
}
