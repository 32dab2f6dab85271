/* A column's values against literals in the column's own domain, many at a time: one range check a value where the literals are a range, a
   search where they are a set. */
#include <string.h>
#include "column/predicate_tree.h"

bool tl__test_is_empty(const tl__test *t) {
  if (t->is_set) return t->count == 0;
  if (t->domain == TL__INTEGER_DOMAIN) return t->low > t->high;
  if (t->domain == TL__REAL_DOMAIN) return !(t->least <= t->most);
  return false;
}

/* ---- integers ---- */

/* low <= v <= high is one comparison of unsigned differences. */
static void range32(const uint8_t *p, int count, uint32_t low, uint32_t high, uint8_t *out) {
  uint32_t span = high - low;
  for (int i = 0; i < count; i++) out[i] = tl_load32(p + 4 * i) - low <= span;
}

static void range64(const uint8_t *p, int count, uint64_t low, uint64_t high, uint8_t *out) {
  uint64_t span = high - low;
  for (int i = 0; i < count; i++) out[i] = tl_load64(p + 8 * i) - low <= span;
}

static bool has_integer(const tl__test *t, __int128 v) {
  if (v < t->low || v > t->high) return false;
  if (!t->is_set) return true;
  size_t first = 0;
  for (size_t count = t->count; count > 1; count -= count / 2)
    if (t->integers[first + count / 2] <= v) first += count / 2;
  return t->count > 0 && t->integers[first] == v;
}

static void test_integers(const tl__test *t, const tl__subject *s, const tl_column *c, int64_t from, int count, uint8_t *out) {
  tl_physical physical = s->field.physical;
  const uint8_t *p = c->values + from * tl_field_width(&s->field);
  if (tl__test_is_empty(t))
    memset(out, 0, (size_t)count);
  else if (physical == TL_PHYSICAL_INT32 && !t->is_set)
    range32(p, count, (uint32_t)t->low, (uint32_t)t->high, out);
  else if (physical == TL_PHYSICAL_INT64 && !t->is_set)
    range64(p, count, (uint64_t)t->low, (uint64_t)t->high, out);
  else
    for (int i = 0; i < count; i++) out[i] = has_integer(t, tl__raw_integer(s, tl_column_bytes(c, from + i)));
}

/* ---- reals ---- */

static bool has_real(const tl__test *t, double v) {
  if (!(v >= t->least && v <= t->most)) return false;
  size_t first = 0;
  for (size_t count = t->count; count > 1; count -= count / 2)
    if (t->reals[first + count / 2] <= v) first += count / 2;
  return t->count > 0 && t->reals[first] == v;
}

static void reals_in(const tl__test *t, const double *v, int count, uint8_t *out) {
  double least = t->least, most = t->most;
  if (t->is_set)
    for (int i = 0; i < count; i++) out[i] = has_real(t, v[i]);
  else
    for (int i = 0; i < count; i++) out[i] = (uint8_t)((v[i] >= least) & (v[i] <= most));
}

static void invert(const tl__test *t, int count, uint8_t *out) {
  if (t->negated)
    for (int i = 0; i < count; i++) out[i] ^= 1;
}

void tl__test_reals(const tl__test *t, const double *values, int count, uint8_t *out) {
  reals_in(t, values, count, out);
  invert(t, count, out);
}

static void test_reals(const tl__test *t, const tl__subject *s, const tl_column *c, int64_t from, int count, uint8_t *out) {
  double reals[TL__BLOCK];
  const uint8_t *p = c->values + from * tl_field_width(&s->field);
  if (s->field.physical == TL_PHYSICAL_DOUBLE)
    memcpy(reals, p, (size_t)count * sizeof *reals);
  else if (s->field.physical == TL_PHYSICAL_FLOAT)
    for (int i = 0; i < count; i++) reals[i] = (double)tl_float_load(p + 4 * i);
  else
    for (int i = 0; i < count; i++) reals[i] = tl_half_load(p + 2 * i);
  reals_in(t, reals, count, out);
}

/* ---- bytes ---- */

static bool has_bytes(const tl__test *t, tl_bytes v) {
  if (t->is_set) {
    size_t first = 0;
    for (size_t count = t->count; count > 1; count -= count / 2)
      if (tl__bytes_compare(t->texts[first + count / 2], v) <= 0) first += count / 2;
    return t->count > 0 && tl__bytes_compare(t->texts[first], v) == 0;
  }
  if (t->from.data != NULL && tl__bytes_compare(v, t->from) < t->above) return false;
  return t->to.data == NULL || tl__bytes_compare(v, t->to) <= -t->below;
}

static bool same(tl_bytes a, tl_bytes b) { return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0); }

static void test_bytes(const tl__test *t, const tl_column *c, int64_t from, int count, uint8_t *out) {
  if (t->is_equality)
    for (int i = 0; i < count; i++) out[i] = same(tl_column_bytes(c, from + i), t->from);
  else
    for (int i = 0; i < count; i++) out[i] = has_bytes(t, tl_column_bytes(c, from + i));
}

void tl__test_rows(const tl__test *t, const tl__subject *s, const tl_column *c, int64_t from, int count, uint8_t *out) {
  switch (t->domain) {
    case TL__INTEGER_DOMAIN: test_integers(t, s, c, from, count, out); break;
    case TL__REAL_DOMAIN: test_reals(t, s, c, from, count, out); break;
    case TL__BYTES_DOMAIN: test_bytes(t, c, from, count, out); break;
  }
  invert(t, count, out);
}
