/* Rows as sixteen bits each: dictionary codes, or ranks of integers. A thousand at a time, so that what is between the page and the column stays in the
   nearest cache. */
#include <string.h>
#include "codec/unpack.h"
#include "column/bits.h"
#include "parquet/page.h"
#include "parquet/values.h"

enum { SOME = 1024 };

/* Rows that are told together: all there, all missing, or as `bits` say. */
typedef struct piece {
  int64_t rows, present;
  const uint8_t *bits; /* NULL: present is all of them, or none */
} piece;

static void take_bits(tl_levels *l, uint8_t *memory, piece *out) {
  uint32_t from = l->runs.taken;
  out->bits = l->runs.bits + from / 8;
  if (from % 8 != 0) {
    tl_bits_copy(memory, 0, l->runs.bits, from, out->rows);
    out->bits = memory;
  }
  out->present = (int64_t)tl_codec_kernels_chosen()->count_bits(out->bits, (size_t)out->rows);
  tl_rle_skip(&l->runs, (uint32_t)out->rows);
}

static tl_status take_levels(tl_levels *l, uint8_t *memory, piece *out, tl_error *err) {
  uint8_t levels[SOME];
  TL_TRY(tl_levels_read(l, levels, out->rows, err));
  memset(memory, 0, SOME / 8);
  for (int64_t i = 0; i < out->rows; i++) memory[i >> 3] |= (uint8_t)((levels[i] == l->max) << (i & 7));
  out->bits = memory;
  out->present = (int64_t)tl_codec_kernels_chosen()->count_bits(memory, (size_t)out->rows);
  return TL_OK;
}

/* The next rows, at most SOME. */
static tl_status take_piece(tl_levels *l, int64_t most, uint8_t *memory, piece *out, tl_error *err) {
  uint32_t n, value;
  bool repeated;
  *out = (piece){.rows = most < SOME ? most : SOME};
  if (l->max == 0) return out->present = out->rows, TL_OK;
  if (l->bits) return take_levels(l, memory, out, err);
  TL_TRY(tl_rle_peek(&l->runs, (uint32_t)out->rows, &n, &repeated, &value, err));
  out->rows = n;
  if (repeated && value <= (uint32_t)l->max) {
    tl_rle_skip(&l->runs, n);
    out->present = value == (uint32_t)l->max ? out->rows : 0;
    return TL_OK;
  }
  if (repeated || l->max > 1 || l->runs.width > 1) return take_levels(l, memory, out, err);
  take_bits(l, memory, out);
  return TL_OK;
}

/* ---- what they hold ---- */

static tl_status put_codes(tl_values *v, const piece *p, uint16_t *out, tl_error *err) {
  const tl_codec_kernels *k = tl_codec_kernels_chosen();
  uint32_t codes[SOME + TL_CODES_BEHIND];
  TL_TRY(tl_values_codes(v, p->present, codes, err));
  if (p->bits == NULL)
    k->narrow16(out, codes, (size_t)p->rows);
  else {
    memset(codes + p->present, 0, TL_CODES_BEHIND * sizeof *codes);
    k->spread16(out, codes, p->bits, (size_t)p->rows);
  }
  return TL_OK;
}

static tl_status put_ranks(tl_values *v, const piece *p, const tl_enough *enough, uint16_t *out, tl_error *err) {
  uint16_t ranks[SOME];
  if (p->bits == NULL) return tl_values_ranks(v, p->present, enough, out, err);
  TL_TRY(tl_values_ranks(v, p->present, enough, ranks, err));
  for (int64_t i = 0, next = 0; i < p->rows; i++) out[i] = tl_bit(p->bits, i) ? ranks[next++] : 0;
  return TL_OK;
}

tl_status tl_page_read_shorts(tl_open_page *p, int64_t rows, const tl_enough *enough, tl_column *out, int64_t at, tl_error *err) {
  uint8_t memory[SOME / 8];
  uint16_t *shorts = enough->shorts->at;
  piece some;
  for (; rows > 0; rows -= some.rows, at += some.rows) {
    TL_TRY(take_piece(&p->definition, rows, memory, &some, err));
    if (some.present == 0)
      memset(shorts + at, 0, (size_t)some.rows * sizeof *shorts);
    else
      TL_TRY(out->dictionary != NULL ? put_codes(&p->values, &some, shorts + at, err) : put_ranks(&p->values, &some, enough, shorts + at, err));
    p->left -= some.rows;
    p->nulls += some.rows - some.present;
    out->null_count += some.rows - some.present;
  }
  return TL_OK;
}
