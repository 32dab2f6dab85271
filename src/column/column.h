/* A column in memory: values side by side, one bit a row for what is present. Missing rows have a value slot too (zero), so that
   row i is always values[i]. */
#ifndef TL_COLUMN_COLUMN_H
#define TL_COLUMN_COLUMN_H

#include "base/buffer.h"
#include "column/type.h"

typedef struct tl_column {
  tl_env *env;
  tl_field field;
  int64_t count, null_count;
  uint8_t *valid;   /* bit i of byte i/8; NULL: all present */
  uint8_t *values;  /* fixed width; nothing for byte arrays */
  int64_t *offsets; /* byte arrays: count + 1 positions in bytes */
  tl_buffer bytes;
  size_t valid_capacity, values_capacity, offsets_capacity; /* bytes, bytes, elements */
} tl_column;

void tl_column_free(tl_column *column);
/* An empty column with room for `count` rows of the field; keeps earlier memory. */
tl_status tl_column_reset(tl_column *column, const tl_field *field, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Makes rows [from, from+count) missing; the bitmap appears with the first. */
tl_status tl_column_set_null(tl_column *column, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;

static inline bool tl_column_is_valid(const tl_column *c, int64_t row) { return c->valid == NULL || (c->valid[row >> 3] >> (row & 7) & 1); }
static inline tl_bytes tl_column_bytes(const tl_column *c, int64_t row) {
  if (c->field.physical == TL_PHYSICAL_BYTE_ARRAY) return (tl_bytes){c->bytes.data + c->offsets[row], (size_t)(c->offsets[row + 1] - c->offsets[row])};
  size_t width = (size_t)tl_field_width(&c->field);
  return (tl_bytes){c->values + (size_t)row * width, width};
}

/* Whether rows convert to double (numbers, booleans, times as their raw count). */
bool tl_field_is_numeric(const tl_field *field);
/* Rows [from, from+count) as doubles: missing, NaN and infinity become NaN; the latter two are counted. */
void tl_column_doubles(const tl_column *column, int64_t from, int64_t count, double *out, int64_t *nonfinite);
/* An integer, date, time or timestamp of a row. */
int64_t tl_column_int(const tl_column *column, int64_t row);

/* One value as text for people and CSV, without quotes; missing is "". */
tl_status tl_column_text(const tl_column *column, int64_t row, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* One value as JSON. */
tl_status tl_column_json(const tl_column *column, int64_t row, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* The canonical hash of a value, see docs/running.md: the same for equal values of any width and layout. */
uint64_t tl_column_hash(const tl_column *column, int64_t row, uint64_t seed);

#endif
