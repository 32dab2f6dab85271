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

/* Levels as bits of validity. */
static tl_status read_piece(tl_levels *l, uint8_t *memory, tl_level_piece *out, tl_error *err) {
  uint8_t levels[TL_PIECE_LEVELS];
  if (out->rows > TL_PIECE_LEVELS) out->rows = TL_PIECE_LEVELS;
  TL_TRY(tl_levels_read(l, levels, out->rows, err));
  memset(memory, 0, TL_PIECE_LEVELS / 8);
  for (int64_t i = 0; i < out->rows; i++) memory[i >> 3] |= (uint8_t)((levels[i] == l->max) << (i & 7));
  out->bits = memory;
  return TL_OK;
}

/* Packed levels of one bit are the bitmap itself, where they begin on a byte. */
static void take_bits(tl_levels *l, uint8_t *memory, tl_level_piece *out) {
  uint32_t from = l->runs.taken;
  out->bits = l->runs.bits + from / 8;
  if (from % 8 != 0) {
    if (out->rows > TL_PIECE_LEVELS) out->rows = TL_PIECE_LEVELS;
    tl_bits_copy(memory, 0, l->runs.bits, from, out->rows);
    out->bits = memory;
  }
  tl_rle_skip(&l->runs, (uint32_t)out->rows);
}

tl_status tl_levels_piece(tl_levels *l, int64_t most, uint8_t *memory, tl_level_piece *out, tl_error *err) {
  uint32_t n, value = 0;
  bool repeated = false;
  *out = (tl_level_piece){.rows = most};
  if (l->max == 0) return out->present = most, TL_OK;
  if (!l->bits) {
    TL_TRY(tl_rle_peek(&l->runs, most > INT32_MAX ? INT32_MAX : (uint32_t)most, &n, &repeated, &value, err));
    out->rows = n;
  }
  if (repeated) {
    if (value > (uint32_t)l->max) return too_great(value, l->max, err);
    out->present = value == (uint32_t)l->max ? out->rows : 0;
    tl_rle_skip(&l->runs, n);
    return TL_OK;
  }
  if (!l->bits && l->max == 1 && l->runs.width == 1)
    take_bits(l, memory, out);
  else
    TL_TRY(read_piece(l, memory, out, err));
  out->present = tl_bits_count(out->bits, 0, out->rows);
  return TL_OK;
}

/* Missing rows get their values when present ones are spread. */
static tl_status note_bits(const tl_level_piece *p, tl_column *out, int64_t at, tl_error *err) {
  TL_TRY(tl_column_note_validity(out, err));
  tl_bits_copy(out->valid, at, p->bits, 0, p->rows);
  out->null_count += p->rows - p->present;
  return TL_OK;
}

tl_status tl_levels_validity(tl_levels *l, int64_t count, tl_column *out, int64_t at, int64_t *present, tl_error *err) {
  uint8_t memory[TL_PIECE_LEVELS / 8];
  tl_level_piece piece;
  *present = 0;
  for (; count > 0; at += piece.rows, count -= piece.rows) {
    TL_TRY(tl_levels_piece(l, count, memory, &piece, err));
    *present += piece.present;
    if (out == NULL || piece.present == piece.rows) continue;
    TL_TRY(piece.bits != NULL ? note_bits(&piece, out, at, err) : tl_column_set_null(out, at, piece.rows, err));
  }
  return TL_OK;
}
