/* What statistics and filters tell of a condition, without a look at rows. Whatever is not known for certain is SOME.

   A comparison is judged for the pairs of values that have an order, and corrected then: a missing value makes it false, and NaN makes
   it false but for !=. `not` turns NONE and ALL around, because missing rows are false in the one and true in the other. */
#include <assert.h>
#include <float.h>
#include "column/predicate_tree.h"

/* ---- intervals ---- */

/* The bounds of a column, as far as they can be trusted. */
typedef struct bounds {
  tl__value min, max;
  bool has_min, has_max;
  bool exact; /* both occur; what is held in a fixed width is not cut off, so that equal bounds are the value */
} bounds;

static bool fits(const tl__subject *s, tl_bytes plain) {
  if (plain.data == NULL) return false;
  if (s->domain == TL__BYTES_DOMAIN) return true;
  if (s->field.physical == TL_PHYSICAL_BYTE_ARRAY) return plain.size > 0;
  return plain.size == (size_t)tl_field_width(&s->field);
}

static bool read_bound(const tl__subject *s, tl_bytes plain, tl__value *out) {
  if (!fits(s, plain)) return false;
  *out = tl__value_of(s, plain);
  return true;
}

static bounds bounds_of(const tl__subject *s, const tl_interval *i) {
  bounds b = {.exact = s->domain != TL__BYTES_DOMAIN || (i->min_exact && i->max_exact)};
  b.has_min = read_bound(s, i->min, &b.min);
  b.has_max = read_bound(s, i->max, &b.max);
  bool bad = (b.has_min && tl__value_compare(&b.min, &b.min) != 0) || (b.has_max && tl__value_compare(&b.max, &b.max) != 0);
  if (bad || (b.has_min && b.has_max && tl__value_compare(&b.min, &b.max) > 0)) b.has_min = b.has_max = false;
  return b;
}

static bool may_be_missing(const tl_interval *i) { return i->nulls != 0; }
static bool all_missing(const tl_interval *i) { return i->nulls >= 0 && i->nulls == i->values; }
static bool may_be_nan(const tl__subject *s, const tl_interval *i) { return s->domain == TL__REAL_DOMAIN && !i->no_nan; }

static tl_verdict invert(tl_verdict v) { return v == TL_VERDICT_SOME ? v : v == TL_VERDICT_NONE ? TL_VERDICT_ALL : TL_VERDICT_NONE; }

/* From a verdict on what has an order to one on rows. */
static tl_verdict correct(tl_verdict v, bool negated, bool missing, bool nan) {
  if (v == TL_VERDICT_ALL && (missing || (nan && !negated))) return TL_VERDICT_SOME;
  if (v == TL_VERDICT_NONE && nan && negated) return TL_VERDICT_SOME;
  return v;
}

/* ---- a column against literals ---- */

static bool set_has(const tl__test *t, const tl__value *v) {
  for (size_t i = 0; i < t->count; i++)
    if (t->domain == TL__INTEGER_DOMAIN ? t->integers[i] == v->integer
        : t->domain == TL__REAL_DOMAIN  ? t->reals[i] == v->real
                                        : tl__bytes_compare(t->texts[i], v->bytes) == 0)
      return true;
  return false;
}

/* Whether some element of the set lies within the bounds. */
static bool set_meets(const tl__test *t, const bounds *b) {
  for (size_t i = 0; i < t->count; i++) {
    tl__value v = {.domain = t->domain};
    if (t->domain == TL__INTEGER_DOMAIN) v.integer = t->integers[i];
    if (t->domain == TL__REAL_DOMAIN) v.real = t->reals[i];
    if (t->domain == TL__BYTES_DOMAIN) v.bytes = t->texts[i];
    if ((!b->has_min || tl__value_compare(&v, &b->min) >= 0) && (!b->has_max || tl__value_compare(&v, &b->max) <= 0)) return true;
  }
  return false;
}

static tl_verdict judge_set(const tl__test *t, const bounds *b) {
  if (!set_meets(t, b)) return TL_VERDICT_NONE;
  bool one_value = b->exact && b->has_min && b->has_max && tl__value_compare(&b->min, &b->max) == 0;
  return one_value && set_has(t, &b->min) ? TL_VERDICT_ALL : TL_VERDICT_SOME;
}

static tl_verdict judge_integers(const tl__test *t, const tl__subject *s, const bounds *b) {
  __int128 min = b->has_min ? b->min.integer : s->min, max = b->has_max ? b->max.integer : s->max;
  if (t->low > t->high || max < t->low || min > t->high) return TL_VERDICT_NONE;
  return min >= t->low && max <= t->high ? TL_VERDICT_ALL : TL_VERDICT_SOME;
}

static tl_verdict judge_reals(const tl__test *t, const bounds *b) {
  double min = b->has_min ? b->min.real : -INFINITY, max = b->has_max ? b->max.real : INFINITY;
  if (max < t->least || min > t->most) return TL_VERDICT_NONE;
  return min >= t->least && max <= t->most ? TL_VERDICT_ALL : TL_VERDICT_SOME;
}

static tl_verdict judge_bytes(const tl__test *t, const bounds *b) {
  if (t->from.data != NULL && b->has_max && tl__bytes_compare(b->max.bytes, t->from) < t->above) return TL_VERDICT_NONE;
  if (t->to.data != NULL && b->has_min && tl__bytes_compare(b->min.bytes, t->to) > -t->below) return TL_VERDICT_NONE;
  if (t->from.data != NULL && (!b->has_min || tl__bytes_compare(b->min.bytes, t->from) < t->above)) return TL_VERDICT_SOME;
  if (t->to.data != NULL && (!b->has_max || tl__bytes_compare(b->max.bytes, t->to) > -t->below)) return TL_VERDICT_SOME;
  return (t->is_equality || t->negated) && !b->exact ? TL_VERDICT_SOME : TL_VERDICT_ALL;
}

/* Raw integers are what tests are made of; the unit of a date is aside. */
static void to_raw(const tl__subject *s, bounds *b) {
  if (s->domain != TL__INTEGER_DOMAIN) return;
  b->min.integer /= s->unit, b->max.integer /= s->unit;
  b->min.scale = b->max.scale = 0;
}

static tl_verdict judge_test(const tl__test *t, const tl__subject *s, const tl_interval *i) {
  if (all_missing(i)) return TL_VERDICT_NONE;
  bounds b = bounds_of(s, i);
  to_raw(s, &b);
  tl_verdict v;
  if (t->is_set)
    v = judge_set(t, &b);
  else if (t->domain == TL__INTEGER_DOMAIN)
    v = judge_integers(t, s, &b);
  else
    v = t->domain == TL__REAL_DOMAIN ? judge_reals(t, &b) : judge_bytes(t, &b);
  return correct(t->negated ? invert(v) : v, t->negated, may_be_missing(i), may_be_nan(s, i));
}

/* ---- a column against a column ---- */

/* Whether every value of `a` is less than (or equal to) every value of `b`. */
static bool all_below(const bounds *a, const bounds *b, bool or_equal) {
  if (!a->has_max || !b->has_min) return false;
  return tl__value_compare(&a->max, &b->min) < (or_equal ? 1 : 0);
}

static tl_verdict judge_order(const bounds *a, const bounds *b, bool or_equal) {
  if (all_below(a, b, or_equal)) return TL_VERDICT_ALL;
  return all_below(b, a, !or_equal) ? TL_VERDICT_NONE : TL_VERDICT_SOME;
}

static tl_verdict judge_equality(const bounds *a, const bounds *b) {
  if (all_below(a, b, false) || all_below(b, a, false)) return TL_VERDICT_NONE;
  return a->exact && b->exact && all_below(a, b, true) && all_below(b, a, true) ? TL_VERDICT_ALL : TL_VERDICT_SOME;
}

static tl_verdict judge_comparison(tl__comparison comparison, const bounds *a, const bounds *b) {
  switch (comparison) {
    case TL__EQ: return judge_equality(a, b);
    case TL__NE: return invert(judge_equality(a, b));
    case TL__LT: return judge_order(a, b, false);
    case TL__LE: return judge_order(a, b, true);
    case TL__GT: return judge_order(b, a, false);
    default: return judge_order(b, a, true);
  }
}

static tl_verdict judge_pair(const tl_predicate *p, const tl__term *t, const tl_interval *intervals) {
  int left = t->first->column, right = t->first->next->column;
  const tl__subject *ls = &p->subjects[left], *rs = &p->subjects[right];
  const tl_interval *li = &intervals[left], *ri = &intervals[right];
  if (all_missing(li) || all_missing(ri)) return TL_VERDICT_NONE;
  bounds a = bounds_of(ls, li), b = bounds_of(rs, ri);
  tl_verdict v = judge_comparison(t->comparison, &a, &b);
  return correct(v, t->comparison == TL__NE, may_be_missing(li) || may_be_missing(ri), may_be_nan(ls, li) || may_be_nan(rs, ri));
}

/* ---- the tree ---- */

static tl_verdict judge(const tl_predicate *p, const tl__term *t, const tl_interval *intervals);

static tl_verdict judge_missing(const tl_predicate *p, int column, const tl_interval *i) {
  if (p->subjects[column].sense == TL__ABSENT || all_missing(i)) return TL_VERDICT_ALL;
  return i->nulls == 0 ? TL_VERDICT_NONE : TL_VERDICT_SOME;
}

/* An OR is all when one part is, an AND none. */
static tl_verdict judge_parts(const tl_predicate *p, const tl__term *t, const tl_interval *intervals, tl_verdict decides) {
  tl_verdict result = invert(decides);
  for (const tl__term *part = t->first; part != NULL; part = part->next) {
    tl_verdict v = judge(p, part, intervals);
    if (v == decides) return v;
    if (v == TL_VERDICT_SOME) result = v;
  }
  return result;
}

static tl_verdict judge(const tl_predicate *p, const tl__term *t, const tl_interval *intervals) {
  switch (t->kind) {
    case TL__CONSTANT: return t->truth ? TL_VERDICT_ALL : TL_VERDICT_NONE;
    case TL__MISSING: return judge_missing(p, t->column, &intervals[t->column]);
    case TL__NOT: return invert(judge(p, t->first, intervals));
    case TL__AND: return judge_parts(p, t, intervals, TL_VERDICT_NONE);
    case TL__OR: return judge_parts(p, t, intervals, TL_VERDICT_ALL);
    default: break;
  }
  if (t->form == TL__NEVER) return TL_VERDICT_NONE;
  if (t->form == TL__TEST) return judge_test(t->test, &p->subjects[t->test->column], &intervals[t->test->column]);
  return t->form == TL__PAIR ? judge_pair(p, t, intervals) : TL_VERDICT_SOME;
}

tl_verdict tl_predicate_judge(const tl_predicate *p, const tl_interval *intervals) {
  assert(p->is_bound);
  for (int i = 0; i < p->column_count; i++)
    if (p->subjects[i].sense != TL__ABSENT && intervals[i].values == 0) return TL_VERDICT_NONE;
  return judge(p, p->root, intervals);
}

/* ---- filters ---- */

typedef struct probe {
  const tl_predicate *p;
  tl_predicate_may_hold may_hold;
  void *context;
} probe;

static bool ask(const probe *q, int column, const void *plain, size_t size) { return q->may_hold(q->context, column, (tl_bytes){plain, size}); }

static bool probe_integer(const probe *q, int column, __int128 value) {
  uint64_t low = (uint64_t)value; /* little-endian, so that its first bytes are the 32-bit form */
  tl_physical physical = q->p->subjects[column].field.physical;
  if (physical != TL_PHYSICAL_INT32 && physical != TL_PHYSICAL_INT64) return true;
  return ask(q, column, &low, physical == TL_PHYSICAL_INT32 ? 4 : 8);
}

static bool probe_real(const probe *q, int column, double value) {
  static const double zeros[] = {0.0, -0.0};
  static const float small_zeros[] = {0.0f, -0.0f};
  tl_physical physical = q->p->subjects[column].field.physical;
  if (physical == TL_PHYSICAL_DOUBLE) return value == 0 ? ask(q, column, &zeros[0], 8) || ask(q, column, &zeros[1], 8) : ask(q, column, &value, 8);
  if (physical != TL_PHYSICAL_FLOAT) return true;
  float small = fabs(value) <= (double)FLT_MAX ? (float)value : INFINITY;
  if ((double)small != value) return false;
  return value == 0 ? ask(q, column, &small_zeros[0], 4) || ask(q, column, &small_zeros[1], 4) : ask(q, column, &small, 4);
}

static bool probe_set(const probe *q, const tl__test *t) {
  for (size_t i = 0; i < t->count; i++)
    if (t->domain == TL__INTEGER_DOMAIN ? probe_integer(q, t->column, t->integers[i])
        : t->domain == TL__REAL_DOMAIN  ? probe_real(q, t->column, t->reals[i])
                                        : ask(q, t->column, t->texts[i].data, t->texts[i].size))
      return true;
  return false;
}

static bool probe_test(const probe *q, const tl__test *t) {
  if (t->negated) return true;
  if (tl__test_is_empty(t)) return false;
  if (t->is_set) return probe_set(q, t);
  if (!t->is_equality) return true;
  if (t->domain == TL__INTEGER_DOMAIN) return probe_integer(q, t->column, t->low);
  return t->domain == TL__REAL_DOMAIN ? probe_real(q, t->column, t->least) : ask(q, t->column, t->from.data, t->from.size);
}

static bool probe_term(const probe *q, const tl__term *t) {
  switch (t->kind) {
    case TL__CONSTANT: return t->truth;
    case TL__AND:
      for (const tl__term *part = t->first; part != NULL; part = part->next)
        if (!probe_term(q, part)) return false;
      return true;
    case TL__OR:
      for (const tl__term *part = t->first; part != NULL; part = part->next)
        if (probe_term(q, part)) return true;
      return false;
    case TL__COMPARE:
    case TL__IN: return t->form != TL__NEVER && (t->form != TL__TEST || probe_test(q, t->test));
    default: return true;
  }
}

bool tl_predicate_probe(const tl_predicate *p, tl_predicate_may_hold may_hold, void *context) {
  assert(p->is_bound);
  return probe_term(&(probe){p, may_hold, context}, p->root);
}
