#include "codec/rle.h"
#include <string.h>
#include "codec/pack.h"
#include "codec/unpack.h"

tl_status tl_rle_open(tl_rle *r, tl_bytes bytes, int width, tl_error *err) {
  if (width < 0 || width > 32) return tl_fail(err, TL_CORRUPT, "bit width %d, expected 0..32", width);
  *r = (tl_rle){.at = bytes.data, .end = bytes.data + bytes.size, .width = width};
  return TL_OK;
}

static tl_status open_run(tl_rle *r, tl_error *err) {
  uint64_t head = 0;
  int shift = 0;
  for (uint8_t byte = 128; byte & 128; shift += 7) {
    if (r->at >= r->end || shift > 28) return tl_fail(err, TL_CORRUPT, "run lengths end too early");
    byte = *r->at++;
    head |= (uint64_t)(byte & 127) << shift;
  }
  r->packed = head & 1;
  r->taken = 0;
  if (!r->packed) {
    size_t bytes = (size_t)(r->width + 7) / 8;
    if ((size_t)(r->end - r->at) < bytes) return tl_fail(err, TL_CORRUPT, "a run of values ends too early");
    r->value = 0;
    memcpy(&r->value, r->at, bytes);
    r->at += bytes;
    if (head >> 1 == 0 || head >> 1 > UINT32_MAX) return tl_fail(err, TL_CORRUPT, "a run of length %llu", (unsigned long long)(head >> 1));
    r->left = (uint32_t)(head >> 1);
    return TL_OK;
  }
  uint64_t groups = head >> 1, size = groups * (uint64_t)r->width;
  uint64_t there = (uint64_t)(r->end - r->at);
  if (groups == 0) return tl_fail(err, TL_CORRUPT, "a packed run of length 0");
  /* Some writers cut the last group's padding: what is there is what counts. */
  if (size > there) {
    if (there == 0) return tl_fail(err, TL_CORRUPT, "a packed run ends too early");
    uint64_t left = there * 8 / (uint64_t)r->width;
    r->left = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
    size = there;
  } else {
    if (groups > UINT32_MAX / 8) return tl_fail(err, TL_CORRUPT, "a packed run of %llu groups", (unsigned long long)groups);
    r->left = (uint32_t)groups * 8;
  }
  if (r->width == 0) { /* no bits: as many zeros, which are a run */
    r->packed = false;
    r->value = 0;
  }
  r->bits = r->at;
  r->at += size;
  return TL_OK;
}

tl_status tl_rle_peek(tl_rle *r, uint32_t most, uint32_t *count, bool *repeated, uint32_t *value, tl_error *err) {
  if (r->left == 0) TL_TRY(open_run(r, err));
  *count = r->left < most ? r->left : most;
  *repeated = !r->packed;
  *value = r->value;
  return TL_OK;
}

void tl_rle_skip(tl_rle *r, uint32_t count) { r->left -= count, r->taken += count; }

/* Groups of eight begin on a byte: what is wanted of the first one, which may be open, and then the others. */
static void read_packed(const tl_rle *r, uint32_t *out, uint32_t count) {
  const tl_codec_kernels *kernels = tl_codec_kernels_chosen();
  uint32_t skip = r->taken % 8;
  const uint8_t *at = r->bits + (size_t)(r->taken / 8) * (size_t)r->width;
  if (skip > 0) {
    uint32_t group[8], most = skip + count < 8 ? skip + count : 8, n = most - skip;
    kernels->unpack32(group, at, (size_t)(r->end - at), most, r->width);
    memcpy(out, group + skip, n * sizeof *out);
    at += r->width, out += n, count -= n;
  }
  if (count > 0) kernels->unpack32(out, at, (size_t)(r->end - at), count, r->width);
}

void tl_rle_read(tl_rle *r, uint32_t *out, uint32_t count) {
  if (r->packed)
    read_packed(r, out, count);
  else
    tl_codec_kernels_chosen()->fill32(out, r->value, count);
  tl_rle_skip(r, count);
}

tl_status tl_rle_decode(tl_rle *r, uint32_t *out, int64_t count, uint32_t *greatest, tl_error *err) {
  const tl_codec_kernels *kernels = tl_codec_kernels_chosen();
  *greatest = 0;
  while (count > 0) {
    uint32_t n, value;
    bool repeated;
    TL_TRY(tl_rle_peek(r, count > INT32_MAX ? INT32_MAX : (uint32_t)count, &n, &repeated, &value, err));
    tl_rle_read(r, out, n);
    if (!repeated) value = kernels->max32(out, n);
    *greatest = value > *greatest ? value : *greatest;
    out += n;
    count -= n;
  }
  return TL_OK;
}

/* ---- encoding ---- */

static tl_status put_varint(tl_buffer *out, uint64_t v, tl_error *err) {
  for (; v >= 128; v >>= 7) TL_TRY(tl_buffer_byte(out, (uint8_t)(v | 128), err));
  return tl_buffer_byte(out, (uint8_t)v, err);
}

tl_status tl_rle_repeat(tl_buffer *out, uint32_t value, int64_t count, int width, tl_error *err) {
  TL_TRY(put_varint(out, (uint64_t)count << 1, err));
  return tl_buffer_append(out, &value, (size_t)(width + 7) / 8, err);
}

/* Eight values at a time, joined to as few words as hold them. */
static void put_groups(tl_bit_packer *packer, const uint32_t *values, int64_t groups, int width) {
  int each = width <= 8 ? 8 : width <= 16 ? 4 : 2; /* values a word */
  for (const uint32_t *v = values; v < values + groups * 8; v += each) {
    uint64_t word = v[0] | (uint64_t)v[1] << width;
    for (int k = 2; k < each; k++) word |= (uint64_t)v[k] << (k * width);
    tl_bits_put(packer, word, each * width);
  }
}

/* Whole groups of eight; what lies beyond `count` is zero. */
static tl_status put_packed(tl_buffer *out, const uint32_t *values, int64_t count, int width, tl_error *err) {
  int64_t groups = (count + 7) / 8;
  TL_TRY(put_varint(out, (uint64_t)groups << 1 | 1, err));
  TL_TRY(tl_buffer_reserve(out, (size_t)groups * (size_t)width + 8, err));
  tl_bit_packer packer = {.at = out->data + out->size};
  uint32_t last[8] = {0};
  put_groups(&packer, values, count / 8, width);
  if (count % 8 > 0) {
    memcpy(last, values + count / 8 * 8, (size_t)(count % 8) * sizeof *last);
    put_groups(&packer, last, 1, width);
  }
  tl_bits_end(&packer);
  out->size += (size_t)groups * (size_t)width;
  return TL_OK;
}

/* Whether eight values are the same. */
static bool is_even(const uint32_t *v) {
  uint32_t any = 0;
  for (int i = 1; i < 8; i++) any |= v[i] ^ v[0];
  return any == 0;
}

/* Repeats become runs, what lies between is packed in groups of eight. A run costs a decoder more than the few values that it saves, so it begins at 32 values;
   levels, of a bit or two, are
   a bitmap where they are packed, and no run is worth it below 128. */
tl_status tl_rle_encode(tl_buffer *out, const uint32_t *values, int64_t count, int width, tl_error *err) {
  int64_t pending = 0, least = width <= 2 ? 128 : 32; /* pending: first value not written yet */
  for (int64_t i = 0; i < count;) {
    int64_t run = 0;
    if (count - i >= 8 && is_even(values + i))
      for (run = 8; i + run < count && values[i + run] == values[i];) run++;
    if (run < least) { /* groups that are even may yet be part of a longer run only from here on */
      i += run >= 8 ? run / 8 * 8 : 8;
      continue;
    }
    if (i > pending) TL_TRY(put_packed(out, values + pending, i - pending, width, err));
    TL_TRY(tl_rle_repeat(out, values[i], run, width, err));
    i += run;
    pending = i;
  }
  return pending < count ? put_packed(out, values + pending, count - pending, width, err) : TL_OK;
}
