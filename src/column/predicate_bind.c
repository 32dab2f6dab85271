/* A condition meets the types of its columns. A column against literals becomes a test in the column's own domain, so that `x > 2.5` asks
   an integer column for x >= 3: nothing is converted row by row, and nothing is rounded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "column/predicate_tree.h"

typedef struct binder {
  tl_predicate *p;
  tl_error *err;
} binder;

/* ---- complaints ---- */

static const char *describe(char *out, size_t room, const tl_predicate *p, const tl__term *t) {
  char type[TL_TYPE_TEXT];
  if (t->kind == TL__COLUMN) {
    tl_field_type_text(type, &p->subjects[t->column].field);
    snprintf(out, room, "column %.100s is %s", p->columns[t->column], type);
  } else {
    int size = t->place.size < 60 ? (int)t->place.size : 60;
    static const char *const types[] = {"true or false", "a number", "a text", "hex"};
    snprintf(out, room, "%.*s is %s", size, p->text + t->place.offset, t->kind == TL__LITERAL ? types[t->literal->type] : "a number");
  }
  return out;
}

static tl_status mismatch(const binder *b, const tl__term *left, const tl__term *right, const char *hint) {
  char one[200], other[200];
  size_t first = left->place.offset < right->place.offset ? left->place.offset : right->place.offset;
  size_t a = left->place.offset + left->place.size, z = right->place.offset + right->place.size;
  tl__place place = {first, (a > z ? a : z) - first};
  describe(one, sizeof one, b->p, left);
  describe(other, sizeof other, b->p, right);
  return tl__predicate_complain(b->err, b->p, place, "%s, %s: they do not compare%s", one, other, hint);
}

/* What a column of a sense may be compared with instead. */
static const char *hint_for(tl__sense sense) {
  switch (sense) {
    case TL__BOOLEAN: return "; compare with true or false";
    case TL__NUMBER:
    case TL__REAL: return "; compare with a number, without quotes";
    case TL__INSTANT: return "; compare with a time like '2025-11-25' or '2025-11-25T09:15:00.5', or with the stored integer";
    case TL__CLOCK: return "; compare with a time of day like '09:15:00.5', or with the stored integer";
    case TL__TEXT: return "; put texts in quotes";
    case TL__UUID: return "; compare with a text like '00112233-4455-6677-8899-aabbccddeeff'";
    case TL__BINARY: return "; compare with bytes in hex, like 'deadbeef'";
    default: return "";
  }
}

/* ---- literals in a column's domain ---- */

/* Where a literal lies among the raw integers of a column. */
static bool cut_of(const tl__subject *s, const tl__literal *l, tl_cut *out) {
  __int128 value;
  int scale;
  bool is_time = s->sense == TL__INSTANT || s->sense == TL__CLOCK;
  if (s->sense == TL__BOOLEAN) {
    *out = (tl_cut){.floor = l->truth};
    return l->type == TL__BOOLEAN_LITERAL;
  }
  if (l->type == TL__NUMBER_LITERAL) {
    *out = tl_cut_shift(l->value, (is_time ? 0 : s->scale) - l->scale);
    return true;
  }
  if (!is_time || l->type != TL__TEXT_LITERAL) return false;
  if (!(s->sense == TL__INSTANT ? tl__instant_read(l->bytes, &value, &scale) : tl__clock_read(l->bytes, &value, &scale))) return false;
  *out = s->unit > 1 ? tl_cut_divide(value, s->unit * tl_power_of_ten(scale)) : tl_cut_shift(value, s->scale - scale);
  return true;
}

/* The bytes that a literal stands for. `bad`: it stands for none. */
static tl_status bytes_of(const binder *b, const tl__subject *s, const tl__literal *l, tl_bytes *out, bool *bad) {
  *out = l->bytes;
  *bad = l->type != TL__TEXT_LITERAL && l->type != TL__HEX_LITERAL;
  if (*bad || s->sense == TL__TEXT || l->type == TL__HEX_LITERAL) return TL_OK;
  uint8_t *bytes = NULL;
  TL_TRY(tl_arena_take(&b->p->bound, &bytes, l->bytes.size / 2 + 16, 1, b->err));
  *out = (tl_bytes){bytes, 16};
  *bad = s->sense == TL__UUID ? !tl__uuid_read(l->bytes, bytes) : !tl__hex_read(l->bytes, bytes, &out->size);
  return TL_OK;
}

/* ---- ranges ---- */

static void clamp(tl__test *t, const tl__subject *s) {
  if (t->low < s->min) t->low = s->min;
  if (t->high > s->max) t->high = s->max;
}

static void set_nothing(tl__test *t) { t->low = 1, t->high = 0; }

static void set_integers(tl__test *t, tl__comparison comparison, tl_cut cut) {
  bool upward = comparison == TL__GT || comparison == TL__GE, downward = comparison == TL__LT || comparison == TL__LE;
  bool strict = comparison == TL__LT || comparison == TL__GT;
  t->low = TL_INT128_MIN, t->high = TL_INT128_MAX;
  if (cut.beyond != 0) {
    if (!(cut.beyond > 0 ? downward : upward)) set_nothing(t);
  } else if (downward) {
    if (strict && !cut.between && cut.floor == TL_INT128_MIN) return set_nothing(t);
    t->high = cut.floor - (strict && !cut.between);
  } else if (upward) {
    if ((strict || cut.between) && cut.floor == TL_INT128_MAX) return set_nothing(t);
    t->low = cut.floor + (strict || cut.between);
  } else if (cut.between) {
    set_nothing(t);
  } else {
    t->low = t->high = cut.floor;
  }
}

/* Where a literal lies from the double nearest to it: a whole number may be between two doubles. One with a fraction or an exponent stands
   for that double itself. */
static int side_of(const tl__literal *l) {
  if (l->has_exponent || l->scale < 0 || l->scale > 38) return 0;
  __int128 unit = tl_power_of_ten(l->scale);
  return l->value % unit != 0 ? 0 : -tl_real_compare(l->real, l->value / unit, 0);
}

static void set_reals(tl__test *t, tl__comparison comparison, const tl__literal *l) {
  int side = side_of(l);
  t->least = -INFINITY, t->most = INFINITY;
  switch (comparison) {
    case TL__LT: t->most = side > 0 ? l->real : nextafter(l->real, -INFINITY); break;
    case TL__LE: t->most = side >= 0 ? l->real : nextafter(l->real, -INFINITY); break;
    case TL__GT: t->least = side < 0 ? l->real : nextafter(l->real, INFINITY); break;
    case TL__GE: t->least = side <= 0 ? l->real : nextafter(l->real, INFINITY); break;
    default:
      if (side == 0)
        t->least = t->most = l->real;
      else
        t->least = INFINITY, t->most = -INFINITY;
  }
}

static void set_bytes(tl__test *t, tl__comparison comparison, tl_bytes value) {
  bool upward = comparison == TL__GT || comparison == TL__GE, downward = comparison == TL__LT || comparison == TL__LE;
  if (!downward) t->from = value;
  if (!upward) t->to = value;
  t->above = comparison == TL__GT;
  t->below = comparison == TL__LT;
}

static tl_status bind_range(const binder *b, tl__test *t, const tl__subject *s, tl__comparison comparison, const tl__literal *l, bool *bad) {
  tl_cut cut;
  tl_bytes bytes;
  t->negated = comparison == TL__NE;
  t->is_equality = comparison == TL__EQ;
  switch (s->domain) {
    case TL__INTEGER_DOMAIN:
      *bad = !cut_of(s, l, &cut);
      if (*bad) return TL_OK;
      set_integers(t, comparison, cut);
      return clamp(t, s), TL_OK;
    case TL__REAL_DOMAIN: *bad = l->type != TL__NUMBER_LITERAL; return set_reals(t, comparison, l), TL_OK;
    default: TL_TRY(bytes_of(b, s, l, &bytes, bad)); return set_bytes(t, comparison, bytes), TL_OK;
  }
}

/* ---- sets ---- */

static int by_integer(const void *a, const void *b) {
  __int128 x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return (x > y) - (x < y);
}

static int by_real(const void *a, const void *b) {
  double x = tl_load_double(a), y = tl_load_double(b);
  return (x > y) - (x < y);
}

static int by_bytes(const void *a, const void *b) { return tl__bytes_compare(*(const tl_bytes *)a, *(const tl_bytes *)b); }

/* Ascending, no value twice; how many are left. */
static size_t sort_set(void *set, size_t count, size_t size, int (*order)(const void *, const void *)) {
  char *at = set;
  size_t kept = count > 0;
  if (count > 1) qsort(set, count, size, order);
  for (size_t i = 1; i < count; i++)
    if (order(at + (kept - 1) * size, at + i * size) != 0) memmove(at + kept++ * size, at + i * size, size);
  return kept;
}

static tl_status add_to_set(const binder *b, tl__test *t, const tl__subject *s, const tl__literal *l, bool *bad) {
  tl_cut cut;
  switch (s->domain) {
    case TL__INTEGER_DOMAIN:
      *bad = !cut_of(s, l, &cut);
      if (!*bad && !cut.between && cut.beyond == 0 && cut.floor >= s->min && cut.floor <= s->max) t->integers[t->count++] = cut.floor;
      return TL_OK;
    case TL__REAL_DOMAIN:
      *bad = l->type != TL__NUMBER_LITERAL;
      if (side_of(l) == 0) t->reals[t->count++] = l->real;
      return TL_OK;
    default: return bytes_of(b, s, l, &t->texts[t->count++], bad);
  }
}

static void finish_set(tl__test *t) {
  set_nothing(t);
  t->least = INFINITY, t->most = -INFINITY;
  if (t->integers != NULL) t->count = sort_set(t->integers, t->count, sizeof *t->integers, by_integer);
  if (t->reals != NULL) t->count = sort_set(t->reals, t->count, sizeof *t->reals, by_real);
  if (t->texts != NULL) t->count = sort_set(t->texts, t->count, sizeof *t->texts, by_bytes);
  if (t->count == 0) return;
  if (t->integers != NULL) t->low = t->integers[0], t->high = t->integers[t->count - 1];
  if (t->reals != NULL) t->least = t->reals[0], t->most = t->reals[t->count - 1];
  if (t->texts != NULL) t->from = t->texts[0], t->to = t->texts[t->count - 1];
}

static tl_status open_set(const binder *b, tl__test *t, size_t room) {
  tl_arena *arena = &b->p->bound;
  t->is_set = true;
  if (t->domain == TL__INTEGER_DOMAIN) return tl_arena_take(arena, &t->integers, room, sizeof *t->integers, b->err);
  if (t->domain == TL__REAL_DOMAIN) return tl_arena_take(arena, &t->reals, room, sizeof *t->reals, b->err);
  return tl_arena_take(arena, &t->texts, room, sizeof *t->texts, b->err);
}

/* The literals of an IN whose value is of the subject's type. */
static tl_status bind_set(const binder *b, tl__term *term, const tl__subject *s) {
  const tl__term *value = term->first;
  size_t room = 0;
  for (const tl__term *l = value->next; l != NULL; l = l->next) room++;
  TL_TRY(open_set(b, term->test, room));
  for (const tl__term *l = value->next; l != NULL; l = l->next) {
    bool bad;
    TL_TRY(add_to_set(b, term->test, s, l->literal, &bad));
    if (bad) return mismatch(b, value, l, hint_for(s->sense));
  }
  return finish_set(term->test), TL_OK;
}

/* ---- arithmetic ---- */

/* Whether all columns of a value are there; they must be numbers. */
static tl_status check_numbers(const binder *b, const tl__term *t, bool *present) {
  for (const tl__term *part = t->first; part != NULL; part = part->next) TL_TRY(check_numbers(b, part, present));
  if (t->kind != TL__COLUMN) return TL_OK;
  const tl__subject *s = &b->p->subjects[t->column];
  if (s->sense == TL__ABSENT) *present = false;
  if (s->sense == TL__ABSENT || s->sense == TL__NUMBER || s->sense == TL__REAL) return TL_OK;
  char what[200];
  return tl__predicate_complain(b->err, b->p, t->place, "%s: arithmetic takes numbers", describe(what, sizeof what, b->p, t));
}

static tl_status bind_reals(const binder *b, tl__term *term) {
  bool present = true;
  const tl__term *left = term->first, *right = left->next;
  TL_TRY(check_numbers(b, left, &present));
  if (term->kind == TL__COMPARE) {
    TL_TRY(check_numbers(b, right, &present));
    const tl__term *literal = left->kind == TL__LITERAL ? left : right;
    if (literal->kind == TL__LITERAL && literal->literal->type != TL__NUMBER_LITERAL) return mismatch(b, left, right, "");
  }
  term->form = present ? TL__REALS : TL__NEVER;
  if (term->kind == TL__COMPARE) return TL_OK;
  static const tl__subject reals = {.sense = TL__REAL, .domain = TL__REAL_DOMAIN};
  TL_TRY(tl_arena_take(&b->p->bound, &term->test, 1, sizeof *term->test, b->err));
  term->test->domain = TL__REAL_DOMAIN;
  return bind_set(b, term, &reals);
}

/* ---- comparisons ---- */

static tl__comparison mirror(tl__comparison c) {
  static const tl__comparison mirrored[] = {[TL__EQ] = TL__EQ, [TL__NE] = TL__NE, [TL__LT] = TL__GT, [TL__LE] = TL__GE, [TL__GT] = TL__LT, [TL__GE] = TL__LE};
  return mirrored[c];
}

static bool senses_compare(tl__sense a, tl__sense b) {
  bool a_number = a == TL__NUMBER || a == TL__REAL, b_number = b == TL__NUMBER || b == TL__REAL;
  bool a_bytes = a >= TL__TEXT, b_bytes = b >= TL__TEXT;
  return a == b || (a_number && b_number) || (a_bytes && b_bytes && (a == TL__BINARY || b == TL__BINARY));
}

static tl_status bind_columns(const binder *b, tl__term *term) {
  const tl__term *left = term->first, *right = left->next;
  tl__sense one = b->p->subjects[left->column].sense, other = b->p->subjects[right->column].sense;
  term->form = one == TL__ABSENT || other == TL__ABSENT ? TL__NEVER : TL__PAIR;
  if (term->form == TL__NEVER || senses_compare(one, other)) return TL_OK;
  return mismatch(b, left, right, "");
}

static tl_status open_test(const binder *b, tl__term *term, int column) {
  TL_TRY(tl_arena_take(&b->p->bound, &term->test, 1, sizeof *term->test, b->err));
  *term->test = (tl__test){.domain = b->p->subjects[column].domain, .column = column, .table = -1, .next = b->p->tests};
  b->p->tests = term->test;
  term->form = TL__TEST;
  return TL_OK;
}

static tl_status bind_compare(const binder *b, tl__term *term) {
  const tl__term *left = term->first, *right = left->next;
  if (tl__is_arithmetic(left) || tl__is_arithmetic(right)) return bind_reals(b, term);
  if (left->kind == TL__COLUMN && right->kind == TL__COLUMN) return bind_columns(b, term);
  const tl__term *column = left->kind == TL__COLUMN ? left : right, *literal = column == left ? right : left;
  const tl__subject *s = &b->p->subjects[column->column];
  term->form = TL__NEVER;
  if (s->sense == TL__ABSENT) return TL_OK;
  bool bad;
  TL_TRY(open_test(b, term, column->column));
  TL_TRY(bind_range(b, term->test, s, column == left ? term->comparison : mirror(term->comparison), literal->literal, &bad));
  return bad ? mismatch(b, left, right, hint_for(s->sense)) : TL_OK;
}

static tl_status bind_in(const binder *b, tl__term *term) {
  if (tl__is_arithmetic(term->first)) return bind_reals(b, term);
  int column = term->first->column;
  term->form = TL__NEVER;
  if (b->p->subjects[column].sense == TL__ABSENT) return TL_OK;
  TL_TRY(open_test(b, term, column));
  return bind_set(b, term, &b->p->subjects[column]);
}

static tl_status bind_term(const binder *b, tl__term *t) {
  if (t->kind == TL__COMPARE) return bind_compare(b, t);
  if (t->kind == TL__IN) return bind_in(b, t);
  if (t->kind < TL__NOT) return TL_OK;
  for (tl__term *part = t->first; part != NULL; part = part->next) TL_TRY(bind_term(b, part));
  return TL_OK;
}

tl_status tl_predicate_bind(tl_predicate *p, const tl_field *const *fields, tl_error *err) {
  p->is_bound = false;
  p->tests = NULL;
  tl_arena_free(&p->bound);
  for (int i = 0; i < p->column_count; i++) {
    TL_TRY(tl__subject_of(&p->subjects[i], fields[i], err));
    p->subjects[i].field.name = p->columns[i];
  }
  TL_TRY(bind_term(&(binder){p, err}, p->root));
  p->is_bound = true;
  return TL_OK;
}
