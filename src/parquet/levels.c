/* Streams of levels. A run of the greatest level costs nothing; with one bit a level, packed levels are the bitmap of validity. */
#include <string.h>
#include "column/bits.h"
#include "parquet/page.h"

enum { BLOCK = 256 };

static tl_status too_great(uint32_t level, int max, tl_error *err) { return tl_fail(err, TL_CORRUPT, "a level of %u, at most %d", level, max); }

/* The old packing: fixed width, the most significant bit first. */
static tl_status read_bits(tl_levels *l, uint8_t *out, int64_t count, tl_error *err) {
  int width = tl_bit_width((uint32_t)l->max);
  for (int64_t i = 0; i < count; i++, l->at++) {
    uint32_t value = 0;
    for (int64_t bit = l->at * width; bit < (l->at + 1) * width; bit++) {
      if ((size_t)(bit >> 3) >= l->packed.size) return tl_fail(err, TL_CORRUPT, "the page ends in its levels");
      value = value << 1 | (l->packed.data[bit >> 3] >> (7 - (bit & 7)) & 1u);
    }
    if (value > (uint32_t)l->max) return too_great(value, l->max, err);
    out[i] = (uint8_t)value;
  }
  return TL_OK;
}

tl_status tl_levels_read(tl_levels *l, uint8_t *out, int64_t count, tl_error *err) {
  if (l->max == 0) return memset(out, 0, (size_t)count), TL_OK;
  if (l->bits) return read_bits(l, out, count, err);
  while (count > 0) {
    uint32_t n, value, some[BLOCK], greatest = 0;
    bool repeated;
    TL_TRY(tl_rle_peek(&l->runs, count > INT32_MAX ? INT32_MAX : (uint32_t)count, &n, &repeated, &value, err));
    if (repeated) {
      if (value > (uint32_t)l->max) return too_great(value, l->max, err);
      memset(out, (int)value, n);
      tl_rle_skip(&l->runs, n);
    } else {
      if (n > BLOCK) n = BLOCK;
      tl_rle_read(&l->runs, some, n);
      for (uint32_t i = 0; i < n; i++) greatest = some[i] > greatest ? some[i] : greatest, out[i] = (uint8_t)some[i];
      if (greatest > (uint32_t)l->max) return too_great(greatest, l->max, err);
    }
    out += n;
    count -= n;
  }
  return TL_OK;
}

/* `count` levels as validity of rows from `at` on; without a column they are only counted. */
static tl_status put_levels(const uint8_t *levels, int64_t count, int max, tl_column *out, int64_t at, int64_t *present, tl_error *err) {
  for (int64_t i = 0, run; i < count; i += run) {
    for (run = 1; i + run < count && (levels[i + run] == max) == (levels[i] == max);) run++;
    if (levels[i] == max)
      *present += run;
    else if (out != NULL)
      TL_TRY(tl_column_set_null(out, at + i, run, err));
  }
  return TL_OK;
}

/* Packed levels of one bit are the bitmap itself: `count` of the run at hand. Missing rows get their values when present ones are spread. */
static tl_status copy_bits(tl_levels *l, uint32_t count, tl_column *out, int64_t at, int64_t *present, tl_error *err) {
  const uint8_t *bits = l->runs.bits;
  int64_t set = tl_bits_count(bits, l->runs.taken, count);
  *present += set;
  if (out != NULL && set < (int64_t)count) {
    TL_TRY(tl_column_note_validity(out, err));
    tl_bits_copy(out->valid, at, bits, l->runs.taken, count);
    out->null_count += (int64_t)count - set;
  }
  tl_rle_skip(&l->runs, count);
  return TL_OK;
}

tl_status tl_levels_validity(tl_levels *l, int64_t count, tl_column *out, int64_t at, int64_t *present, tl_error *err) {
  *present = 0;
  if (l->max == 0) return *present = count, TL_OK;
  while (count > 0) {
    uint8_t some[BLOCK];
    uint32_t n = BLOCK, value = 0;
    bool repeated = false;
    if (!l->bits) TL_TRY(tl_rle_peek(&l->runs, count > INT32_MAX ? INT32_MAX : (uint32_t)count, &n, &repeated, &value, err));
    if (repeated) {
      if (value > (uint32_t)l->max) return too_great(value, l->max, err);
      if (value == (uint32_t)l->max)
        *present += n;
      else if (out != NULL)
        TL_TRY(tl_column_set_null(out, at, n, err));
      tl_rle_skip(&l->runs, n);
    } else if (!l->bits && l->max == 1 && l->runs.width == 1) {
      TL_TRY(copy_bits(l, n, out, at, present, err));
    } else {
      if (n > BLOCK) n = BLOCK;
      if ((int64_t)n > count) n = (uint32_t)count;
      TL_TRY(tl_levels_read(l, some, n, err));
      TL_TRY(put_levels(some, n, l->max, out, at, present, err));
    }
    at += n;
    count -= n;
  }
  return TL_OK;
}
