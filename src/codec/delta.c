#include "codec/delta.h"
#include "codec/pack.h"
#include "codec/unpack.h"

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

/* Reads what stands before the blocks; *value is the first one, *per the values of a miniblock. */
static tl_status read_head(cursor *c, int64_t count, uint64_t *miniblocks, uint64_t *per, uint64_t *value, tl_error *err) {
  uint64_t block, total, first;
  TL_TRY(varint(c, &block, err));
  TL_TRY(varint(c, miniblocks, err));
  TL_TRY(varint(c, &total, err));
  TL_TRY(varint(c, &first, err));
  if (block == 0 || block % 128 != 0 || block > 1 << 20 || *miniblocks == 0 || *miniblocks > block || block % *miniblocks != 0 || block / *miniblocks % 32 != 0)
    return tl_fail(err, TL_CORRUPT, "delta: blocks of %llu values in %llu miniblocks", (unsigned long long)block, (unsigned long long)*miniblocks);
  if (total < (uint64_t)count) return tl_fail(err, TL_CORRUPT, "delta: %llu values, expected %lld", (unsigned long long)total, (long long)count);
  *value = zigzag(first);
  *per = block / *miniblocks;
  return TL_OK;
}

/* Steps over miniblocks of one width, `per` values, of which the `wanted` first must be there. */
static tl_status skip_miniblock(cursor *c, uint64_t per, uint64_t wanted, unsigned width, tl_error *err) {
  if (width > 64) return tl_fail(err, TL_CORRUPT, "delta: a width of %u bits", width);
  size_t size = (size_t)(per * width / 8), there = (size_t)(c->end - c->at);
  if (there < (wanted * width + 7) / 8) return tl_fail(err, TL_CORRUPT, "delta: the data ends in a miniblock");
  c->at += size < there ? size : there; /* the last miniblock's padding may be missing */
  return TL_OK;
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

/* The minimum of a block's differences, and where its widths are. */
static tl_status read_block(cursor *c, uint64_t miniblocks, uint64_t *low, const uint8_t **widths, tl_error *err) {
  TL_TRY(varint(c, low, err));
  *low = zigzag(*low);
  if ((uint64_t)(c->end - c->at) < miniblocks) return tl_fail(err, TL_CORRUPT, "delta: the data ends in a block's widths");
  *widths = c->at;
  c->at += miniblocks;
  return TL_OK;
}

/* How many of the `left` values that follow `value` surely are not below it, as heads of blocks tell: no difference is negative, and no sum wraps. Where
   these are not all, the block that falls, or is damaged, is the next one. */
static int64_t never_fall(const cursor *c, int64_t left, uint64_t miniblocks, uint64_t per, uint64_t value) {
  cursor at = *c;
  int64_t greatest = (int64_t)value, step, sure = 0;
  while (sure < left) {
    uint64_t low;
    const uint8_t *widths = NULL;
    int64_t in_block = 0;
    if (read_block(&at, miniblocks, &low, &widths, NULL) != TL_OK || (int64_t)low < 0) return sure;
    for (uint64_t m = 0; m < miniblocks && sure + in_block < left; m++) {
      int64_t some = left - sure - in_block < (int64_t)per ? left - sure - in_block : (int64_t)per;
      if (skip_miniblock(&at, per, (uint64_t)some, widths[m], NULL) != TL_OK || widths[m] > 62) return sure;
      if (__builtin_add_overflow((int64_t)low, ((int64_t)1 << widths[m]) - 1, &step) || __builtin_mul_overflow(step, some, &step)) return sure;
      if (__builtin_add_overflow(greatest, step, &greatest)) return sure;
      in_block += some;
    }
    sure += in_block;
  }
  return sure;
}

/* Into one of the two; the other is NULL. `most`, where not NULL: what is surely above it is left out; *known is what is not. */
static tl_status decode(int64_t *out, int32_t *out32, int64_t count, tl_bytes bytes, const int64_t *most, int64_t *known, size_t *used, tl_error *err) {
  const tl_codec_kernels *kernels = tl_codec_kernels_chosen();
  cursor c = {bytes.data, bytes.data + bytes.size};
  uint64_t miniblocks = 0, per = 0, value = 0, low;
  TL_TRY(read_head(&c, count, &miniblocks, &per, &value, err));
  uint32_t value32 = (uint32_t)value;
  int64_t done = count > 0, falls = 0; /* falls: the block that has this value is known to */
  if (done > 0 && out != NULL) out[0] = (int64_t)value;
  if (done > 0 && out == NULL) out32[0] = (int32_t)value32;
  while (done < count) {
    const uint8_t *widths = NULL;
    if (most != NULL && done > falls && (int64_t)value > *most) {
      falls = done + never_fall(&c, count - done, miniblocks, per, value);
      if (falls == count) break;
    }
    TL_TRY(read_block(&c, miniblocks, &low, &widths, err));
    for (uint64_t m = 0, same; m < miniblocks && done < count; m += same) { /* miniblocks of one width are one area */
      uint64_t left = (uint64_t)(count - done), wanted;
      const uint8_t *in = c.at;
      size_t there = (size_t)(c.end - in);
      for (same = 1; m + same < miniblocks && widths[m + same] == widths[m] && same * per < left;) same++;
      wanted = left < same * per ? left : same * per;
      TL_TRY(skip_miniblock(&c, same * per, wanted, widths[m], err));
      if (out != NULL)
        kernels->delta_block(out + done, &value, low, in, there, wanted, widths[m]);
      else
        kernels->delta_block32(out32 + done, &value32, (uint32_t)low, in, there, wanted, widths[m]);
      done += (int64_t)wanted;
    }
  }
  *known = done;
  *used = (size_t)(c.at - bytes.data);
  return TL_OK;
}

tl_status tl_delta_decode(int64_t *out, int64_t count, tl_bytes bytes, size_t *used, tl_error *err) {
  int64_t known;
  return decode(out, NULL, count, bytes, NULL, &known, used, err);
}
tl_status tl_delta_decode_upto(int64_t *out, int64_t count, tl_bytes bytes, int64_t most, int64_t *known, tl_error *err) {
  size_t used;
  return decode(out, NULL, count, bytes, &most, known, &used, err);
}
tl_status tl_delta_decode32(int32_t *out, int64_t count, tl_bytes bytes, size_t *used, tl_error *err) {
  int64_t known;
  return decode(NULL, out, count, bytes, NULL, &known, used, err);
}

/* ---- encoding: blocks of 128 in 4 miniblocks ---- */

enum { BLOCK = 128, MINIBLOCKS = 4, PER = BLOCK / MINIBLOCKS };

static tl_status put_varint(tl_buffer *out, uint64_t v, tl_error *err) {
  for (; v >= 128; v >>= 7) TL_TRY(tl_buffer_byte(out, (uint8_t)(v | 128), err));
  return tl_buffer_byte(out, (uint8_t)v, err);
}
static uint64_t to_zigzag(uint64_t v) { return v << 1 ^ -(v >> 63); }

static tl_status put_miniblock(tl_buffer *out, const uint64_t *values, int width, tl_error *err) {
  size_t size = (size_t)(PER * width / 8);
  if (size == 0) return TL_OK;
  TL_TRY(tl_buffer_reserve(out, size + 8, err));
  tl_bit_packer packer = {.at = out->data + out->size};
  for (int i = 0; i < PER; i++) tl_bits_put(&packer, values[i], width);
  tl_bits_end(&packer);
  out->size += size;
  return TL_OK;
}

static int width_of(const uint64_t *values) {
  uint64_t any = 0;
  for (int i = 0; i < PER; i++) any |= values[i];
  return any == 0 ? 0 : 64 - __builtin_clzll(any);
}

static tl_status put_block(tl_buffer *out, uint64_t *deltas, int count, tl_error *err) {
  int64_t low = (int64_t)deltas[0];
  for (int i = 1; i < count; i++)
    if ((int64_t)deltas[i] < low) low = (int64_t)deltas[i];
  uint8_t widths[MINIBLOCKS] = {0};
  for (int i = 0; i < BLOCK; i++) deltas[i] = i < count ? deltas[i] - (uint64_t)low : 0;
  for (int m = 0; m < MINIBLOCKS; m++) widths[m] = (uint8_t)width_of(deltas + m * PER);
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
