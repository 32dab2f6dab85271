#include "walk.h"
#include "fuzz.h"

enum { MOST_TEXTS = 64, PIECE = 256 };

static void as_text(const tl_column *c, int64_t row) {
  TL_OWNED(tl_buffer) text = {.env = c->env};
  tl_error err;
  if (tl_column_json(c, row, &text, &err) == TL_OK) tl__fuzz_touch(text.data, text.size);
}

static void as_doubles(const tl_column *c) {
  double out[PIECE];
  for (int64_t at = 0; at < c->count; at += PIECE) {
    int64_t count = c->count - at < PIECE ? c->count - at : PIECE, nonfinite = 0;
    tl_column_doubles(c, at, count, out, &nonfinite);
    tl__fuzz_law(nonfinite >= 0 && nonfinite <= count, "at most every row is not finite");
  }
}

uint64_t tl__fuzz_walk(const tl_column *c) {
  uint64_t hash = 0;
  int64_t nulls = 0;
  for (int64_t i = 0; i < c->count; i++) {
    tl_bytes value = tl_column_bytes(c, i);
    tl__fuzz_touch(value.data, value.size);
    nulls += !tl_column_is_valid(c, i);
    hash = tl_column_hash(c, i, hash);
    if (i < MOST_TEXTS) as_text(c, i);
  }
  tl__fuzz_law(nulls == c->null_count, "the count of missing rows is that of the bitmap");
  if (tl_field_is_numeric(&c->field)) as_doubles(c);
  return hash;
}
