/* A column in memory: values side by side, one bit a row for what is present. Missing rows have a value slot too (zero), so that
   row i is always values[i]. Or, where it came from a dictionary and nobody has needed more, a code a row: row i is then the dictionary's
   row codes[i]. tl_column_flatten turns codes into values; whoever asked for codes must be prepared for both. */
#ifndef TL_COLUMN_COLUMN_H
#define TL_COLUMN_COLUMN_H

#include <string.h>
#include "base/buffer.h"
#include "column/type.h"

typedef struct tl_column tl_column;
struct tl_column {
  tl_env *env;
  tl_field field;
  int64_t count, null_count;
  uint8_t *valid;   /* bit i of byte i/8; NULL: all present */
  uint8_t *values;  /* fixed width; nothing for byte arrays */
  int64_t *offsets; /* byte arrays: count + 1 positions in bytes */
  tl_buffer bytes;
  const tl_column *dictionary; /* borrowed from the reader; NULL: values */
  uint32_t *codes;             /* one a row where there is a dictionary; 0 where missing */
  bool is_short;               /* only for who asked for that: neither values nor codes nor validity, but */
  const uint16_t *shorts;      /* ... one a row: 1 + its code, or where there is no dictionary its rank (tl_enough); 0 where missing. Not its own */
  size_t valid_capacity, values_capacity, offsets_capacity, code_capacity; /* bytes, bytes, elements, elements */
};

void tl_column_free(tl_column *column);
/* An empty column with room for `count` rows of the field; keeps earlier memory. */
tl_status tl_column_reset(tl_column *column, const tl_field *field, int64_t count, tl_error *err) TL_MUST_CHECK;
/* A bitmap of validity, of rows that are all present, where there was none. */
tl_status tl_column_note_validity(tl_column *column, tl_error *err) TL_MUST_CHECK;
/* Makes rows [from, from+count) missing; the bitmap appears with the first. */
tl_status tl_column_set_null(tl_column *column, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;

static inline bool tl_column_is_valid(const tl_column *c, int64_t row) { return c->valid == NULL || (c->valid[row >> 3] >> (row & 7) & 1); }
/* Where a row's value lies: in the column itself, or in its dictionary. Not for missing rows of a dictionary that is empty. */
static inline const tl_column *tl_column_home(const tl_column *c, int64_t *row) {
  if (c->dictionary == NULL) return c;
  *row = c->codes[*row];
  return c->dictionary;
}
/* A value's bytes; nothing for a missing row. */
static inline tl_bytes tl_column_bytes(const tl_column *c, int64_t row) {
  if (c->dictionary != NULL && !tl_column_is_valid(c, row)) return (tl_bytes){0};
  c = tl_column_home(c, &row);
  if (c->field.physical == TL_PHYSICAL_BYTE_ARRAY) return (tl_bytes){c->bytes.data + c->offsets[row], (size_t)(c->offsets[row + 1] - c->offsets[row])};
  size_t width = (size_t)tl_field_width(&c->field);
  return (tl_bytes){c->values + (size_t)row * width, width};
}

/* Whether two rows have the same value, or are both missing. */
static inline bool tl_column_repeats(const tl_column *c, int64_t row, int64_t other) {
  if (tl_column_is_valid(c, row) != tl_column_is_valid(c, other)) return false;
  tl_bytes a = tl_column_bytes(c, row), b = tl_column_bytes(c, other);
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Values instead of codes; TL_MEMORY beyond `most` bytes. */
tl_status tl_column_flatten(tl_column *column, int64_t most, tl_error *err) TL_MUST_CHECK;
/* Rows [from, from + count) of a column of the same type behind those that are there, as values. */
tl_status tl_column_append(tl_column *out, const tl_column *in, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Rows of one or several columns of the same type, one by one, behind those that are there: row rows[i] of sources[from[i]], of the first
   source where `from` is NULL. */
tl_status tl_column_gather(tl_column *out, const tl_column *const *sources, const uint16_t *from, const uint32_t *rows, int64_t count,
                           tl_error *err) TL_MUST_CHECK;
tl_status tl_column_append_null(tl_column *out, int64_t count, tl_error *err) TL_MUST_CHECK;

/* One more row: its bytes (of a fixed width those of the value), or an integer of a boolean, int32 or int64 column. */
tl_status tl_column_append_bytes(tl_column *out, tl_bytes value, tl_error *err) TL_MUST_CHECK;
tl_status tl_column_append_int(tl_column *out, int64_t value, tl_error *err) TL_MUST_CHECK;

/* Whether rows convert to double (numbers, booleans, times as their raw count). */
bool tl_field_is_numeric(const tl_field *field);
/* Rows [from, from+count) of a column of values (not codes) as doubles: missing, NaN and infinity become NaN; the latter two are counted. */
void tl_column_doubles(const tl_column *column, int64_t from, int64_t count, double *out, int64_t *nonfinite);
/* The same, NaN and infinity as they are; what missing rows give means nothing. */
void tl_column_raw_doubles(const tl_column *column, int64_t from, int64_t count, double *out);
/* An integer, date, time or timestamp of a row. */
int64_t tl_column_int(const tl_column *column, int64_t row);

/* One value as text for people and CSV, without quotes; missing is "". */
tl_status tl_column_text(const tl_column *column, int64_t row, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* One value as JSON. */
tl_status tl_column_json(const tl_column *column, int64_t row, tl_buffer *out, tl_error *err) TL_MUST_CHECK;
/* The canonical hash of a value, see docs/running.md: the same for equal values of any width and layout. */
uint64_t tl_column_hash(const tl_column *column, int64_t row, uint64_t seed);
uint64_t tl_hash_missing(uint64_t seed); /* of a missing value */

#endif
