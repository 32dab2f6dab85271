/* Rows as sixteen bits each: dictionary codes, or ranks of integers. A thousand at a time, so that what is between the page and the column stays in the
   nearest cache. */
#include <string.h>
#include "codec/unpack.h"
#include "column/bits.h"
#include "parquet/page.h"
#include "parquet/values.h"

enum { SOME = TL_PIECE_LEVELS };

static tl_status put_codes(tl_values *v, const tl_level_piece *p, uint16_t *out, tl_error *err) {
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

static tl_status put_ranks(tl_values *v, const tl_level_piece *p, const tl_enough *enough, uint16_t *out, tl_error *err) {
  uint16_t ranks[SOME];
  if (p->bits == NULL) return tl_values_ranks(v, p->present, enough, out, err);
  TL_TRY(tl_values_ranks(v, p->present, enough, ranks, err));
  for (int64_t i = 0, next = 0; i < p->rows; i++) out[i] = tl_bit(p->bits, i) ? ranks[next++] : 0;
  return TL_OK;
}

tl_status tl_page_read_shorts(tl_open_page *p, int64_t rows, const tl_enough *enough, tl_column *out, int64_t at, tl_error *err) {
  uint8_t memory[SOME / 8];
  uint16_t *shorts = enough->shorts->at;
  tl_level_piece some;
  for (; rows > 0; rows -= some.rows, at += some.rows) {
    TL_TRY(tl_levels_piece(&p->definition, rows < SOME ? rows : SOME, memory, &some, err));
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
