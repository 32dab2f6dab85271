#include "trade/tape_input.h"
#include <math.h>
#include "codec/unpack.h"

void tl_tape_input_free(tl_tape_input *in) {
  tl_release(in->env, in->values);
  tl_release(in->env, in->codes);
  tl_release(in->env, in->class_of);
  *in = (tl_tape_input){.env = in->env, .classes = in->classes};
}

tl_status tl_tape_input_begin(tl_tape_input *in, int64_t most, tl_error *err) {
  TL_TRY(tl_renew(in->env, &in->codes, &in->code_capacity, (size_t)most, sizeof *in->codes, err));
  TL_TRY(tl_renew(in->env, &in->values, &in->value_capacity, TL_MOST_CLASSES, sizeof *in->values, err));
  in->coded = true;
  in->dictionary = NULL;
  memcpy(in->values, in->classes->values, sizeof in->classes->values);
  return TL_OK;
}

tl_short_room tl_tape_input_room(const tl_tape_input *in, int64_t at) {
  return (tl_short_room){in->codes + at, in->coded ? (int64_t)in->code_capacity - at : 0};
}

/* ---- codes ---- */

static tl_status load_dictionary(tl_tape_input *in, const tl_column *dictionary, tl_error *err) {
  const tl_codec_kernels *k = tl_codec_kernels_chosen();
  int64_t entries = dictionary->count;
  if (in->dictionary == dictionary) return TL_OK;
  TL_TRY(tl_renew(in->env, &in->values, &in->value_capacity, (size_t)entries + 1, sizeof *in->values, err));
  in->values[0] = NAN;
  tl_column_raw_doubles(dictionary, 0, entries, in->values + 1);
  k->finite64(in->values + 1, in->values + 1, (size_t)entries);
  in->dictionary = dictionary;
  in->has_gap = k->any_missing64(in->values + 1, (size_t)entries);
  return TL_OK;
}

/* Entries that are no numbers are missing, as missing rows are. */
static void drop_gaps(const tl_tape_input *in, uint16_t *codes, int64_t count) {
  for (int64_t i = 0; in->has_gap && i < count; i++)
    if (isnan(in->values[codes[i]])) codes[i] = 0;
}

/* Mostly they are there already; several inputs may have one column. */
static void put_shorts(uint16_t *out, const tl_column *c, int64_t count) {
  if (out != c->shorts) memmove(out, c->shorts, (size_t)count * sizeof *out);
}

static tl_status add_codes(tl_tape_input *in, int64_t at, const tl_column *c, int64_t count, tl_error *err) {
  TL_TRY(load_dictionary(in, c->dictionary, err));
  put_shorts(in->codes + at, c, count);
  drop_gaps(in, in->codes + at, count);
  return TL_OK;
}

/* ---- values ---- */

/* Rows [0, count), which are codes, become values, with room for those that come. */
static tl_status give_up_codes(tl_tape_input *in, int64_t count, tl_error *err) {
  double *values = NULL;
  size_t capacity = 0;
  TL_TRY(tl_renew(in->env, &values, &capacity, in->code_capacity, sizeof *values, err));
  for (int64_t i = 0; i < count; i++) values[i] = in->values[in->codes[i]];
  tl_release(in->env, in->values);
  in->values = values;
  in->value_capacity = capacity;
  in->coded = false;
  return TL_OK;
}

/* Missing rows, a byte of validity at a time, since few are; `from` is at the beginning of one. */
static void blank(const tl_column *c, int64_t from, int64_t count, double *out) {
  for (int64_t i = 0; c->valid != NULL && i < count; i += 8) {
    unsigned missing = (uint8_t)~c->valid[(from + i) >> 3];
    if (count - i < 8) missing &= (1u << (count - i)) - 1;
    for (; missing != 0; missing &= missing - 1) out[i + __builtin_ctz(missing)] = NAN;
  }
}

/* Rows as doubles, not all of them finite; short codes of missing rows are missing. */
static void load(const tl_column *c, int64_t from, int64_t count, double *out) {
  if (c->dictionary == NULL) {
    tl_column_raw_doubles(c, from, count, out);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    if (c->is_short && c->shorts[from + i] == 0)
      out[i] = NAN;
    else if (tl_column_is_valid(c, from + i))
      tl_column_raw_doubles(c->dictionary, c->is_short ? c->shorts[from + i] - 1u : c->codes[from + i], 1, &out[i]);
  }
}

static tl_status add_values(tl_tape_input *in, int64_t at, const tl_column *c, int64_t count, tl_error *err) {
  if (in->coded) TL_TRY(give_up_codes(in, at, err));
  const tl_codec_kernels *k = tl_codec_kernels_chosen();
  double *out = in->values + at;
  if (c->dictionary == NULL && c->field.physical == TL_PHYSICAL_DOUBLE)
    k->finite64(out, (const double *)(const void *)c->values, (size_t)count);
  else {
    load(c, 0, count, out);
    k->finite64(out, out, (size_t)count);
  }
  blank(c, 0, count, out);
  return TL_OK;
}

/* ---- classes ---- */

/* Classes of the entries of a dictionary, once; then each row's. */
static tl_status add_classes_of_codes(tl_tape_input *in, int64_t at, const tl_column *c, int64_t count, tl_error *err) {
  const tl_codec_kernels *k = tl_codec_kernels_chosen();
  int64_t entries = c->dictionary->count;
  uint16_t *out = in->codes + at;
  if (in->dictionary != c->dictionary) {
    TL_OWNED(tl_buffer) memory = {.env = in->env};
    TL_TRY(tl_buffer_reserve(&memory, (size_t)entries * sizeof(double) + 8, err));
    TL_TRY(tl_renew(in->env, &in->class_of, &in->class_capacity, (size_t)entries + 1, sizeof *in->class_of, err));
    double *values = (double *)(void *)memory.data;
    tl_column_raw_doubles(c->dictionary, 0, entries, values);
    in->class_of[0] = 0;
    k->classes16(in->class_of + 1, values, (size_t)entries, in->classes->thresholds, in->classes->count);
    in->dictionary = c->dictionary;
  }
  for (int64_t i = 0; i < count; i++) out[i] = in->class_of[c->shorts[i]];
  return TL_OK;
}

static void add_classes(const tl_tape_input *in, int64_t at, const tl_column *c, int64_t count) {
  enum { SOME = 512 };
  const tl_codec_kernels *k = tl_codec_kernels_chosen();
  const tl_classes *of = in->classes;
  uint16_t *out = in->codes + at;
  double values[SOME];
  for (int64_t i = 0, n; i < count; i += n) {
    n = count - i < SOME ? count - i : SOME;
    load(c, i, n, values);
    blank(c, i, n, values);
    k->classes16(out + i, values, (size_t)n, of->thresholds, of->count);
  }
}

/* ---- adding ---- */

tl_status tl_tape_input_add(tl_tape_input *in, int64_t at, tl_column *c, int64_t count, tl_error *err) {
  bool same = c != NULL && (in->dictionary == NULL || in->dictionary == c->dictionary);
  if (c == NULL && in->coded) {
    memset(in->codes + at, 0, (size_t)count * sizeof *in->codes);
    return TL_OK;
  }
  if (c == NULL) {
    for (int64_t i = 0; i < count; i++) in->values[at + i] = NAN;
    return TL_OK;
  }
  if (!in->classes->enough) return in->coded && same && c->is_short ? add_codes(in, at, c, count, err) : add_values(in, at, c, count, err);
  if (c->is_short && c->dictionary != NULL) return add_classes_of_codes(in, at, c, count, err);
  if (c->is_short)
    put_shorts(in->codes + at, c, count); /* ranks */
  else
    add_classes(in, at, c, count);
  return TL_OK;
}

/* ---- rows ---- */

void tl_tape_input_keep(tl_tape_input *in, int64_t at, const tl_tape_rows *kept, size_t kept_count) {
  size_t width = in->coded ? sizeof *in->codes : sizeof *in->values;
  uint8_t *base = (in->coded ? (uint8_t *)in->codes : (uint8_t *)in->values) + (size_t)at * width, *to = base;
  for (size_t n = 0; n < kept_count; n++) {
    size_t size = (size_t)kept[n].count * width;
    const uint8_t *from = base + (size_t)kept[n].from * width;
    if (from != to) memmove(to, from, size);
    to += size;
  }
}

/* Whether rows are all there. */
static bool are_there(const tl_tape_input *in, int64_t row, int64_t count) {
  const tl_codec_kernels *k = tl_codec_kernels_chosen();
  return in->coded ? !k->any_zero16(in->codes + row, (size_t)count) : !k->any_missing64(in->values + row, (size_t)count);
}

int64_t tl_tape_input_find(const tl_tape_input *in, int64_t row, int64_t end, bool missing) {
  enum { SOME = 128 };
  while (missing && row + SOME <= end && are_there(in, row, SOME)) row += SOME;
  while (row < end && (in->coded ? in->codes[row] == 0 : isnan(in->values[row])) != missing) row++;
  return row;
}
