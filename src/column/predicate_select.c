/* Which rows hold: a block of rows at a time, a bit a row. A test of a column of codes is answered once for each entry of the dictionary,
   if the dictionary is no longer than the rows; other comparisons look values up. */
#include <assert.h>
#include <string.h>
#include "column/predicate_tree.h"

enum { WORDS = TL__BLOCK / 64 };

typedef struct bits {
  uint64_t words[WORDS];
} bits;

/* Some rows of some columns. */
typedef struct block {
  const tl_predicate *p;
  const tl_column *const *columns;
  int64_t from;
  int count; /* 1..TL__BLOCK */
} block;

/* ---- bits ---- */

static bits no_bits(void) { return (bits){0}; }

static bits all_bits(const block *b) {
  bits all = {0};
  for (int w = 0; w < b->count / 64; w++) all.words[w] = ~(uint64_t)0;
  if (b->count % 64 != 0) all.words[b->count / 64] = ((uint64_t)1 << b->count % 64) - 1;
  return all;
}

static bits and_bits(bits a, const bits *b) {
  for (int w = 0; w < WORDS; w++) a.words[w] &= b->words[w];
  return a;
}

static bits or_bits(bits a, const bits *b) {
  for (int w = 0; w < WORDS; w++) a.words[w] |= b->words[w];
  return a;
}

static bits not_bits(const block *b, const bits *of) {
  bits all = all_bits(b);
  for (int w = 0; w < WORDS; w++) all.words[w] &= ~of->words[w];
  return all;
}

static bool same_bits(const bits *a, const bits *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Rows that are there. */
static bits valid_bits(const block *b, int column) {
  const tl_column *c = b->columns[column];
  bits all = all_bits(b), valid = {0};
  if (c->valid == NULL) return all;
  memcpy(valid.words, c->valid + b->from / 8, (size_t)(b->count + 7) / 8);
  return and_bits(valid, &all);
}

/* Bytes of 0 and 1 to bits: the product moves byte i of eight to bit i of the highest. */
static bits pack(const uint8_t hits[TL__BLOCK], int count) {
  bits out = {0};
  uint8_t last[8] = {0};
  uint8_t *to = (uint8_t *)out.words;
  for (int i = 0; i < count / 8; i++) to[i] = (uint8_t)(tl_load64(hits + 8 * i) * 0x0102040810204080u >> 56);
  memcpy(last, hits + count / 8 * 8, (size_t)(count % 8));
  if (count % 8 != 0) to[count / 8] = (uint8_t)(tl_load64(last) * 0x0102040810204080u >> 56);
  return out;
}

/* ---- a column against literals ---- */

static void hits_of_table(const uint8_t *table, const uint32_t *codes, int count, uint8_t *hits) {
  for (int i = 0; i < count; i++) hits[i] = table[codes[i]];
}

static void hits_of_codes(const tl__test *t, const tl__subject *s, const tl_column *c, const bits *valid, const block *b, uint8_t *hits) {
  memset(hits, 0, (size_t)b->count);
  for (int i = 0; i < b->count; i++)
    if (valid->words[i / 64] >> i % 64 & 1) tl__test_rows(t, s, c->dictionary, c->codes[b->from + i], 1, hits + i);
}

static bits select_test(const block *b, const tl__test *t) {
  uint8_t hits[TL__BLOCK];
  const tl_column *c = b->columns[t->column];
  const tl__subject *s = &b->p->subjects[t->column];
  bits valid = valid_bits(b, t->column), none = no_bits();
  if (same_bits(&valid, &none)) return none;
  if (c->dictionary == NULL)
    tl__test_rows(t, s, c, b->from, b->count, hits);
  else if (t->table >= 0)
    hits_of_table(b->p->tables.data + t->table, c->codes + b->from, b->count, hits);
  else
    hits_of_codes(t, s, c, &valid, b, hits);
  return and_bits(pack(hits, b->count), &valid);
}

/* ---- a column against a column ---- */

static bool holds(tl__comparison comparison, int order) {
  switch (comparison) {
    case TL__EQ: return order == 0;
    case TL__NE: return order != 0;
    case TL__LT: return order == -1;
    case TL__LE: return order == -1 || order == 0;
    case TL__GT: return order == 1;
    default: return order == 1 || order == 0;
  }
}

static void compare_reals(tl__comparison comparison, const double *a, const double *b, int count, uint8_t *hits) {
  switch (comparison) {
    case TL__EQ:
      for (int i = 0; i < count; i++) hits[i] = a[i] == b[i];
      return;
    case TL__NE:
      for (int i = 0; i < count; i++) hits[i] = a[i] != b[i];
      return;
    case TL__LT:
      for (int i = 0; i < count; i++) hits[i] = a[i] < b[i];
      return;
    case TL__LE:
      for (int i = 0; i < count; i++) hits[i] = a[i] <= b[i];
      return;
    case TL__GT: compare_reals(TL__LT, b, a, count, hits); return;
    case TL__GE: compare_reals(TL__LE, b, a, count, hits); return;
  }
}

static void compare_longs(tl__comparison comparison, const uint8_t *a, const uint8_t *b, int count, uint8_t *hits) {
  switch (comparison) {
    case TL__EQ:
      for (int i = 0; i < count; i++) hits[i] = tl_load64(a + 8 * i) == tl_load64(b + 8 * i);
      return;
    case TL__NE:
      for (int i = 0; i < count; i++) hits[i] = tl_load64(a + 8 * i) != tl_load64(b + 8 * i);
      return;
    case TL__LT:
      for (int i = 0; i < count; i++) hits[i] = (int64_t)tl_load64(a + 8 * i) < (int64_t)tl_load64(b + 8 * i);
      return;
    case TL__LE:
      for (int i = 0; i < count; i++) hits[i] = (int64_t)tl_load64(a + 8 * i) <= (int64_t)tl_load64(b + 8 * i);
      return;
    case TL__GT: compare_longs(TL__LT, b, a, count, hits); return;
    case TL__GE: compare_longs(TL__LE, b, a, count, hits); return;
  }
}

/* Values of the same signed 64 bits. */
static bool are_longs(const block *b, int left, int right) {
  const tl__subject *l = &b->p->subjects[left], *r = &b->p->subjects[right];
  return l->domain == TL__INTEGER_DOMAIN && r->domain == TL__INTEGER_DOMAIN && l->field.physical == TL_PHYSICAL_INT64 &&
         r->field.physical == TL_PHYSICAL_INT64 && l->scale == r->scale && l->max == INT64_MAX && r->max == INT64_MAX && b->columns[left]->dictionary == NULL &&
         b->columns[right]->dictionary == NULL;
}

static void compare_values(const block *b, const tl__term *t, const bits *valid, uint8_t *hits) {
  int left = t->first->column, right = t->first->next->column;
  const tl__subject *l = &b->p->subjects[left], *r = &b->p->subjects[right];
  memset(hits, 0, (size_t)b->count);
  for (int i = 0; i < b->count; i++) {
    if (!(valid->words[i / 64] >> i % 64 & 1)) continue;
    tl__value x = tl__value_of(l, tl_column_bytes(b->columns[left], b->from + i)), y = tl__value_of(r, tl_column_bytes(b->columns[right], b->from + i));
    hits[i] = holds(t->comparison, tl__value_compare(&x, &y));
  }
}

/* ---- doubles, and arithmetic ---- */

static double real_of(const tl__subject *s, tl_bytes plain) {
  return s->domain == TL__REAL_DOMAIN ? tl__raw_real(s, plain) : tl_scaled_double(tl__raw_integer(s, plain), s->scale);
}

/* The widths that most columns have, without a look at each value; false for others. */
static bool reals_of_plain(const tl__subject *s, const uint8_t *p, int count, double *out) {
  if (s->scale != 0 || tl_field_is_unsigned(&s->field)) return false;
  switch (s->field.physical) {
    case TL_PHYSICAL_DOUBLE: memcpy(out, p, (size_t)count * sizeof *out); return true;
    case TL_PHYSICAL_FLOAT:
      for (int i = 0; i < count; i++) out[i] = (double)tl_float_load(p + 4 * i);
      return true;
    case TL_PHYSICAL_INT32:
      for (int i = 0; i < count; i++) out[i] = (double)(int32_t)tl_load32(p + 4 * i);
      return true;
    case TL_PHYSICAL_INT64:
      for (int i = 0; i < count; i++) out[i] = (double)(int64_t)tl_load64(p + 8 * i);
      return true;
    default: return false;
  }
}

/* A column as doubles; clears its missing rows of `valid`, whose doubles say nothing. */
static void reals_of_column(const block *b, int column, double *out, bits *valid) {
  const tl_column *c = b->columns[column];
  const tl__subject *s = &b->p->subjects[column];
  bits present = valid_bits(b, column);
  *valid = and_bits(*valid, &present);
  if (c->dictionary == NULL && reals_of_plain(s, c->values + b->from * tl_field_width(&s->field), b->count, out)) return;
  for (int i = 0; i < b->count; i++) out[i] = present.words[i / 64] >> i % 64 & 1 ? real_of(s, tl_column_bytes(c, b->from + i)) : 0;
}

static void combine(tl__kind kind, double *a, const double *b, int count) {
  switch (kind) {
    case TL__ADD:
      for (int i = 0; i < count; i++) a[i] += b[i];
      return;
    case TL__SUBTRACT:
      for (int i = 0; i < count; i++) a[i] -= b[i];
      return;
    case TL__MULTIPLY:
      for (int i = 0; i < count; i++) a[i] *= b[i];
      return;
    default:
      for (int i = 0; i < count; i++) a[i] /= b[i];
      return;
  }
}

/* A value's doubles in scratch[level]; uses those behind it. */
static double *reals_of(const block *b, const tl__term *t, int level, bits *valid) {
  double *out = b->p->scratch + (size_t)level * TL__BLOCK;
  if (t->kind == TL__COLUMN) {
    reals_of_column(b, t->column, out, valid);
  } else if (t->kind == TL__LITERAL) {
    for (int i = 0; i < b->count; i++) out[i] = t->literal->real;
  } else {
    reals_of(b, t->first, level, valid);
    if (t->kind == TL__NEGATE)
      for (int i = 0; i < b->count; i++) out[i] = -out[i];
    else
      combine(t->kind, out, reals_of(b, t->first->next, level + 1, valid), b->count);
  }
  return out;
}

static bits select_pair(const block *b, const tl__term *t) {
  uint8_t hits[TL__BLOCK];
  int left = t->first->column, right = t->first->next->column;
  bits valid = valid_bits(b, left), other = valid_bits(b, right);
  valid = and_bits(valid, &other);
  bool are_reals = b->p->subjects[left].domain == TL__REAL_DOMAIN && b->p->subjects[right].domain == TL__REAL_DOMAIN;
  if (are_reals)
    compare_reals(t->comparison, reals_of(b, t->first, 0, &valid), reals_of(b, t->first->next, 1, &valid), b->count, hits);
  else if (are_longs(b, left, right))
    compare_longs(t->comparison, b->columns[left]->values + b->from * 8, b->columns[right]->values + b->from * 8, b->count, hits);
  else
    compare_values(b, t, &valid, hits);
  return and_bits(pack(hits, b->count), &valid);
}

static bits select_reals(const block *b, const tl__term *t) {
  uint8_t hits[TL__BLOCK];
  bits valid = all_bits(b);
  const double *left = reals_of(b, t->first, 0, &valid);
  if (t->kind == TL__IN)
    tl__test_reals(t->test, left, b->count, hits);
  else
    compare_reals(t->comparison, left, reals_of(b, t->first->next, 1, &valid), b->count, hits);
  return and_bits(pack(hits, b->count), &valid);
}

/* ---- the tree ---- */

static bits select_term(const block *b, const tl__term *t);

static bits select_parts(const block *b, const tl__term *t) {
  bits all = all_bits(b), none = no_bits(), so_far = select_term(b, t->first);
  const bits *settled = t->kind == TL__AND ? &none : &all;
  for (const tl__term *part = t->first->next; part != NULL && !same_bits(&so_far, settled); part = part->next) {
    bits more = select_term(b, part);
    so_far = t->kind == TL__AND ? and_bits(so_far, &more) : or_bits(so_far, &more);
  }
  return so_far;
}

static bits select_missing(const block *b, int column) {
  if (b->p->subjects[column].sense == TL__ABSENT) return all_bits(b);
  bits valid = valid_bits(b, column);
  return not_bits(b, &valid);
}

static bits select_comparison(const block *b, const tl__term *t) {
  switch (t->form) {
    case TL__TEST: return select_test(b, t->test);
    case TL__PAIR: return select_pair(b, t);
    case TL__REALS: return select_reals(b, t);
    default: return no_bits();
  }
}

static bits select_term(const block *b, const tl__term *t) {
  bits of;
  switch (t->kind) {
    case TL__CONSTANT: return t->truth ? all_bits(b) : no_bits();
    case TL__MISSING: return select_missing(b, t->column);
    case TL__NOT: of = select_term(b, t->first); return not_bits(b, &of);
    case TL__AND:
    case TL__OR: return select_parts(b, t);
    default: return select_comparison(b, t);
  }
}

/* ---- dictionaries ---- */

static void fill_table(const tl_predicate *p, const tl__test *t, const tl_column *dictionary, uint8_t *table) {
  for (int64_t at = 0; at < dictionary->count; at += TL__BLOCK) {
    int count = dictionary->count - at < TL__BLOCK ? (int)(dictionary->count - at) : TL__BLOCK;
    tl__test_rows(t, &p->subjects[t->column], dictionary, at, count, table + at);
  }
}

/* Answers for the entries of every dictionary that is worth it. */
static tl_status fill_tables(tl_predicate *p, const tl_column *const *columns, int64_t rows, tl_error *err) {
  p->tables.size = 0;
  for (tl__test *t = p->tests; t != NULL; t = t->next) {
    const tl_column *dictionary = columns[t->column]->dictionary;
    t->table = -1;
    if (dictionary == NULL || dictionary->count == 0 || dictionary->count > rows) continue;
    TL_TRY(tl_buffer_reserve(&p->tables, (size_t)dictionary->count, err));
    t->table = (int64_t)p->tables.size;
    fill_table(p, t, dictionary, p->tables.data + t->table);
    p->tables.size += (size_t)dictionary->count;
  }
  return TL_OK;
}

tl_status tl_predicate_select(tl_predicate *p, const tl_column *const *columns, int64_t rows, uint8_t *selected, tl_error *err) {
  assert(p->is_bound);
  TL_TRY(fill_tables(p, columns, rows, err));
  for (int64_t at = 0; at < rows; at += TL__BLOCK) {
    block b = {p, columns, at, rows - at < TL__BLOCK ? (int)(rows - at) : TL__BLOCK};
    bits of = select_term(&b, p->root);
    memcpy(selected + at / 8, of.words, (size_t)(b.count + 7) / 8);
  }
  return TL_OK;
}
