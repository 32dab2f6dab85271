/* Text to the tree of a condition. Precedence, loosest first: or, and, not, one comparison, + -, * /, unary minus. Words of the language
   are known in any case; a column that is called like one stands in backticks. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "column/predicate_tree.h"

typedef enum token_type { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_HEX, TOKEN_SIGN } token_type;

typedef struct parser {
  tl_predicate *p;
  tl_error *err;
  size_t at; /* behind the token */
  int nesting;
  token_type type;
  tl__place place;
  bool quoted; /* a name in backticks */
} parser;

/* ---- complaints ---- */

enum { SHOWN = 140 };

/* The text around the place in one line, and a caret below it. */
static void show(char *out, size_t room, const tl_predicate *p, tl__place place) {
  size_t first = place.offset > SHOWN / 2 ? place.offset - SHOWN / 2 : 0, last = first;
  while (first > 0 && first < place.offset && ((uint8_t)p->text[first] & 0xc0) == 0x80) first++;
  while (last < p->size && last - first < SHOWN) last++;
  while (last > first && last < p->size && ((uint8_t)p->text[last] & 0xc0) == 0x80) last--;
  size_t under = last - place.offset < place.size ? last - place.offset : place.size;
  int n = snprintf(out, room, "\n    %.*s\n    ", (int)(last - first), p->text + first);
  for (int i = 5; i < n - 5; i++)
    if ((uint8_t)out[i] < ' ') out[i] = ' ';
  for (size_t i = first; i < place.offset + (under > 0 ? under : 1) && (size_t)n + 1 < room; i++) {
    if (i < p->size && ((uint8_t)p->text[i] & 0xc0) == 0x80) continue;
    out[n++] = i < place.offset ? ' ' : i == place.offset ? '^' : '~';
  }
  out[n] = 0;
}

tl_status tl__predicate_complain(tl_error *err, const tl_predicate *p, tl__place place, const char *format, ...) {
  char text[500], line[3 * SHOWN];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  show(line, sizeof line, p, place);
  return tl_fail(err, TL_USAGE, "condition: %s%s", text, line);
}

static tl_status complain(const parser *s, tl__place place, const char *format, ...) __attribute__((format(printf, 3, 4)));
static tl_status complain(const parser *s, tl__place place, const char *format, ...) {
  char text[200];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return tl__predicate_complain(s->err, s->p, place, "%s", text);
}

/* ---- tokens ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (uint8_t)c >= 0x80; }
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static const char *token_text(const parser *s) { return s->p->text + s->place.offset; }

static bool is_word(const parser *s, const char *word) {
  return s->type == TOKEN_NAME && !s->quoted && strlen(word) == s->place.size && strncasecmp(token_text(s), word, s->place.size) == 0;
}

static bool is_sign(const parser *s, const char *sign) {
  return s->type == TOKEN_SIGN && strlen(sign) == s->place.size && memcmp(token_text(s), sign, s->place.size) == 0;
}

/* Dots join the parts of a path. */
static void scan_name(parser *s) {
  const char *t = s->p->text;
  while (is_letter(t[s->at]) || is_digit(t[s->at]) || (t[s->at] == '.' && is_letter(t[s->at + 1]))) s->at++;
}

static tl_status scan_number(parser *s) {
  const char *t = s->p->text;
  size_t from = s->at;
  while (is_digit(t[s->at])) s->at++;
  if (t[s->at] == '.') s->at++;
  while (is_digit(t[s->at])) s->at++;
  if (t[s->at] == 'e' || t[s->at] == 'E') {
    size_t sign = t[s->at + 1] == '-' || t[s->at + 1] == '+';
    if (is_digit(t[s->at + 1 + sign])) s->at += 1 + sign;
    while (is_digit(t[s->at])) s->at++;
  }
  if (!is_letter(t[s->at]) && t[s->at] != '.') return TL_OK;
  while (is_letter(t[s->at]) || is_digit(t[s->at]) || t[s->at] == '.') s->at++;
  return complain(s, (tl__place){from, s->at - from}, "not a number; a column whose name begins with a digit stands in backticks");
}

/* From one quote to the next; a doubled one stands for itself. */
static tl_status scan_quoted(parser *s, size_t from, const char *what) {
  const char *t = s->p->text;
  for (char quote = t[s->at++];; s->at++) {
    if (s->at >= s->p->size) return complain(s, (tl__place){from, 1}, "%s has no closing quote", what);
    if (t[s->at] != quote) continue;
    if (t[++s->at] != quote) return TL_OK;
  }
}

static tl_status scan_sign(parser *s) {
  static const char *const signs[] = {"==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-", "*", "/"};
  static const struct { const char *sign, *word; } others[] = {{"&&", "and"}, {"||", "or"}, {"!", "not"}, {"&", "and"}, {"|", "or"}};
  const char *t = s->p->text + s->at;
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
    if (strncmp(t, signs[i], strlen(signs[i])) == 0) {
      s->at += strlen(signs[i]);
      return TL_OK;
    }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strncmp(t, others[i].sign, strlen(others[i].sign)) == 0)
      return complain(s, (tl__place){s->at, strlen(others[i].sign)}, "this is written `%s`", others[i].word);
  return complain(s, (tl__place){s->at, 1}, "a character that means nothing here");
}

static tl_status scan(parser *s, size_t from) {
  const char *t = s->p->text;
  char c = t[from];
  if ((c == 'x' || c == 'X') && (t[from + 1] == '\'' || t[from + 1] == '"')) {
    s->type = TOKEN_HEX;
    s->at++;
    return scan_quoted(s, from, "the text");
  }
  if (is_letter(c)) {
    s->type = TOKEN_NAME;
    return scan_name(s), TL_OK;
  }
  if (c == '`') {
    s->type = TOKEN_NAME;
    s->quoted = true;
    return scan_quoted(s, from, "the name");
  }
  if (c == '\'' || c == '"') {
    s->type = TOKEN_TEXT;
    return scan_quoted(s, from, "the text");
  }
  if (is_digit(c) || (c == '.' && is_digit(t[from + 1]))) {
    s->type = TOKEN_NUMBER;
    return scan_number(s);
  }
  s->type = TOKEN_SIGN;
  return scan_sign(s);
}

static tl_status next(parser *s) {
  while (is_blank(s->p->text[s->at])) s->at++;
  size_t from = s->at;
  s->quoted = false;
  s->type = TOKEN_END;
  s->place = (tl__place){from, 0};
  if (from >= s->p->size) return TL_OK;
  TL_TRY(scan(s, from));
  s->place.size = s->at - from;
  return TL_OK;
}

/* What a quoted token says. */
static tl_status unquote(const parser *s, tl_bytes *out) {
  const char *t = token_text(s) + (s->type == TOKEN_HEX);
  size_t size = s->place.size - (s->type == TOKEN_HEX), used = 0;
  char *copy = NULL;
  TL_TRY(tl_arena_take(&s->p->tree, &copy, size + 1, 1, s->err));
  for (size_t i = 1; i + 1 < size; i++) {
    copy[used++] = t[i];
    if (t[i] == t[0]) i++;
  }
  *out = (tl_bytes){(const uint8_t *)copy, used};
  return TL_OK;
}

/* ---- terms ---- */

static tl__place join(tl__place a, tl__place b) { return (tl__place){a.offset, b.offset + b.size - a.offset}; }

/* A term of `kind` over parts that are linked already. */
static tl_status make(parser *s, tl__term **out, tl__kind kind, tl__place place, tl__term *first) {
  tl__term *t = NULL;
  TL_TRY(tl_arena_take(&s->p->tree, &t, 1, sizeof *t, s->err));
  *t = (tl__term){.kind = kind, .place = place, .depth = 1, .has_column = kind == TL__COLUMN || kind == TL__MISSING, .first = first};
  for (const tl__term *part = first; part != NULL; part = part->next) {
    if (t->depth <= part->depth) t->depth = part->depth + 1;
    t->has_column |= part->has_column;
  }
  if (t->depth > TL__MOST_DEPTH) return complain(s, place, "nested more than %d deep", TL__MOST_DEPTH);
  *out = t;
  return TL_OK;
}

static tl_status make_pair(parser *s, tl__term **out, tl__kind kind, tl__term *left, tl__term *right) {
  left->next = right;
  right->next = NULL;
  return make(s, out, kind, join(left->place, right->place), left);
}

/* A copy that can stand in another list. */
static tl_status copy_term(parser *s, tl__term **out, const tl__term *in) {
  TL_TRY(tl_arena_take(&s->p->tree, out, 1, sizeof **out, s->err));
  **out = *in;
  (*out)->next = NULL;
  return TL_OK;
}

static tl_status make_comparison(parser *s, tl__term **out, tl__comparison comparison, tl__term *left, tl__term *right) {
  TL_TRY(make_pair(s, out, TL__COMPARE, left, right));
  (*out)->comparison = comparison;
  if ((*out)->has_column) return TL_OK;
  return complain(s, (*out)->place, "a comparison needs a column");
}

static tl_status make_literal(parser *s, tl__term **out, tl__literal value, tl__place place) {
  tl__literal *literal = NULL;
  TL_TRY(tl_arena_take(&s->p->tree, &literal, 1, sizeof *literal, s->err));
  *literal = value;
  TL_TRY(make(s, out, TL__LITERAL, place, NULL));
  (*out)->literal = literal;
  return TL_OK;
}

static bool is_literal(const tl__term *t, tl__literal_type type) { return t->kind == TL__LITERAL && t->literal->type == type; }

/* A boolean column is a condition, and so are true and false. */
static tl_status as_condition(parser *s, tl__term **t) {
  tl__term *value = *t, *literal;
  if (tl__is_condition(value)) return TL_OK;
  if (is_literal(value, TL__BOOLEAN_LITERAL)) {
    TL_TRY(make(s, t, TL__CONSTANT, value->place, NULL));
    (*t)->truth = value->literal->truth;
    return TL_OK;
  }
  if (value->kind != TL__COLUMN) return complain(s, value->place, "a condition is expected here, this is a value");
  TL_TRY(make_literal(s, &literal, (tl__literal){.type = TL__BOOLEAN_LITERAL, .truth = true}, value->place));
  return make_comparison(s, t, TL__EQ, value, literal);
}

static tl_status as_value(parser *s, const tl__term *t) {
  if (!tl__is_condition(t)) return TL_OK;
  return complain(s, t->place, "a value is expected here, this is a condition");
}

static tl_status as_number(parser *s, const tl__term *t) {
  TL_TRY(as_value(s, t));
  if (t->kind != TL__LITERAL || t->literal->type == TL__NUMBER_LITERAL) return TL_OK;
  return complain(s, t->place, "arithmetic takes numbers");
}

/* ---- values ---- */

static tl_status parse_any(parser *s, tl__term **out);
static tl_status parse_sum(parser *s, tl__term **out);

static tl_status deeper(parser *s) {
  if (++s->nesting <= TL__MOST_DEPTH) return TL_OK;
  return complain(s, s->place, "nested more than %d deep", TL__MOST_DEPTH);
}

/* The number of the column, which is new where nothing named it before. */
static tl_status column_index(parser *s, const char *name, int *out) {
  tl_predicate *p = s->p;
  for (*out = 0; *out < p->column_count; ++*out)
    if (strcmp(p->columns[*out], name) == 0) return TL_OK;
  if (p->column_count == TL__MOST_COLUMNS) return complain(s, s->place, "a condition names at most %d columns", TL__MOST_COLUMNS);
  p->columns[p->column_count++] = name;
  return TL_OK;
}

static bool is_reserved(const parser *s) {
  static const char *const words[] = {"and", "or", "not", "in", "between", "is", "null"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (is_word(s, words[i])) return true;
  return false;
}

static tl_status parse_column(parser *s, tl__term **out) {
  const char *name;
  if (s->type != TOKEN_NAME) return complain(s, s->place, "a column is expected here");
  if (is_word(s, "null")) return complain(s, s->place, "missing values are asked for with `x is null`");
  if (is_reserved(s)) return complain(s, s->place, "a column or a value is expected here; a column of this name stands in backticks");
  if (s->quoted) {
    tl_bytes bytes;
    TL_TRY(unquote(s, &bytes));
    if (bytes.size == 0) return complain(s, s->place, "a name has at least one letter");
    name = (const char *)bytes.data;
  } else {
    TL_TRY(tl_arena_text(&s->p->tree, &name, token_text(s), s->place.size, s->err));
  }
  TL_TRY(make(s, out, TL__COLUMN, s->place, NULL));
  TL_TRY(column_index(s, name, &(*out)->column));
  return next(s);
}

static tl_status parse_literal(parser *s, tl__term **out) {
  tl__literal l = {0};
  if (s->type == TOKEN_NUMBER) {
    const char *wrong = tl__literal_number(&l, token_text(s), s->place.size);
    if (wrong != NULL) return complain(s, s->place, "%s", wrong);
  } else if (s->type == TOKEN_NAME) {
    l = (tl__literal){.type = TL__BOOLEAN_LITERAL, .truth = is_word(s, "true")};
  } else {
    l.type = s->type == TOKEN_HEX ? TL__HEX_LITERAL : TL__TEXT_LITERAL;
    TL_TRY(unquote(s, &l.bytes));
    uint8_t *bytes = (uint8_t *)l.bytes.data; /* the copy is ours */
    if (s->type == TOKEN_HEX && !tl__hex_read(l.bytes, bytes, &l.bytes.size)) return complain(s, s->place, "not pairs of hex digits");
  }
  TL_TRY(make_literal(s, out, l, s->place));
  return next(s);
}

static tl_status expect(parser *s, const char *sign) {
  if (!is_sign(s, sign)) return complain(s, s->place, "`%s` is expected here", sign);
  return next(s);
}

static bool opens_bracket(const parser *s) {
  size_t at = s->at;
  while (is_blank(s->p->text[at])) at++;
  return s->p->text[at] == '(';
}

static tl_status parse_call(parser *s, tl__term **out) {
  tl__place from = s->place;
  tl__term *column;
  if (!is_word(s, "missing")) return complain(s, s->place, "no such function; there is missing(x)");
  TL_TRY(next(s));
  TL_TRY(next(s));
  TL_TRY(parse_column(s, &column));
  TL_TRY(make(s, out, TL__MISSING, join(from, s->place), NULL));
  (*out)->column = column->column;
  return expect(s, ")");
}

static tl_status parse_bracket(parser *s, tl__term **out) {
  TL_TRY(deeper(s));
  TL_TRY(next(s));
  TL_TRY(parse_any(s, out));
  s->nesting--;
  return expect(s, ")");
}

static tl_status parse_primary(parser *s, tl__term **out) {
  if (is_sign(s, "(")) return parse_bracket(s, out);
  if (s->type == TOKEN_END) return complain(s, s->place, "the condition ends too early");
  if (s->type == TOKEN_SIGN) return complain(s, s->place, "a column or a value is expected here");
  if (s->type != TOKEN_NAME || is_word(s, "true") || is_word(s, "false")) return parse_literal(s, out);
  if (!s->quoted && !is_reserved(s) && opens_bracket(s)) return parse_call(s, out);
  return parse_column(s, out);
}

static tl_status negate(parser *s, tl__term **out, tl__place minus, tl__term *of) {
  TL_TRY(as_number(s, of));
  tl__place place = join(minus, of->place);
  if (of->kind != TL__LITERAL) return make(s, out, TL__NEGATE, place, of);
  tl__literal l = *of->literal;
  l.value = -l.value;
  l.real = -l.real;
  return make_literal(s, out, l, place);
}

static tl_status parse_unary(parser *s, tl__term **out) {
  if (!is_sign(s, "-")) return parse_primary(s, out);
  tl__place minus = s->place;
  tl__term *of;
  TL_TRY(deeper(s));
  TL_TRY(next(s));
  TL_TRY(parse_unary(s, &of));
  s->nesting--;
  return negate(s, out, minus, of);
}

static tl_status make_arithmetic(parser *s, tl__term **out, tl__kind kind, tl__term *left, tl__term *right) {
  TL_TRY(as_number(s, left));
  TL_TRY(as_number(s, right));
  return make_pair(s, out, kind, left, right);
}

static tl_status parse_product(parser *s, tl__term **out) {
  TL_TRY(parse_unary(s, out));
  while (is_sign(s, "*") || is_sign(s, "/")) {
    tl__kind kind = is_sign(s, "*") ? TL__MULTIPLY : TL__DIVIDE;
    tl__term *right;
    TL_TRY(next(s));
    TL_TRY(parse_unary(s, &right));
    TL_TRY(make_arithmetic(s, out, kind, *out, right));
  }
  return TL_OK;
}

static tl_status parse_sum(parser *s, tl__term **out) {
  TL_TRY(parse_product(s, out));
  while (is_sign(s, "+") || is_sign(s, "-")) {
    tl__kind kind = is_sign(s, "+") ? TL__ADD : TL__SUBTRACT;
    tl__term *right;
    TL_TRY(next(s));
    TL_TRY(parse_product(s, &right));
    TL_TRY(make_arithmetic(s, out, kind, *out, right));
  }
  return TL_OK;
}

/* ---- conditions ---- */

static bool is_comparison(const parser *s, tl__comparison *out) {
  static const struct {
    const char *sign;
    tl__comparison comparison;
  } signs[] = {{"==", TL__EQ}, {"=", TL__EQ}, {"!=", TL__NE}, {"<>", TL__NE}, {"<", TL__LT}, {"<=", TL__LE}, {">", TL__GT}, {">=", TL__GE}};
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
    if (is_sign(s, signs[i].sign)) {
      *out = signs[i].comparison;
      return true;
    }
  return false;
}

static tl_status parse_between(parser *s, tl__term **out, tl__term *value) {
  tl__term *low, *high, *copy, *least, *most;
  TL_TRY(next(s));
  TL_TRY(parse_sum(s, &low));
  TL_TRY(as_value(s, low));
  if (!is_word(s, "and")) return complain(s, s->place, "`and` is expected here: x between A and B");
  TL_TRY(next(s));
  TL_TRY(parse_sum(s, &high));
  TL_TRY(as_value(s, high));
  TL_TRY(copy_term(s, &copy, value));
  TL_TRY(make_comparison(s, &least, TL__GE, value, low));
  TL_TRY(make_comparison(s, &most, TL__LE, copy, high));
  return make_pair(s, out, TL__AND, least, most);
}

static tl_status parse_list(parser *s, tl__term **out, tl__term *value) {
  tl__term *last = value;
  int count = 0;
  TL_TRY(next(s));
  TL_TRY(expect(s, "("));
  for (;; count++) {
    tl__term *literal;
    TL_TRY(parse_unary(s, &literal));
    if (literal->kind != TL__LITERAL) return complain(s, literal->place, "a list holds literals alone");
    if (count == TL__MOST_LIST) return complain(s, literal->place, "a list has at most %d literals", TL__MOST_LIST);
    last = last->next = literal;
    if (!is_sign(s, ",")) break;
    TL_TRY(next(s));
  }
  if (!value->has_column) return complain(s, value->place, "a comparison needs a column");
  TL_TRY(make(s, out, TL__IN, join(value->place, s->place), value));
  return expect(s, ")");
}

static tl_status parse_is(parser *s, tl__term **out, const tl__term *value) {
  if (value->kind != TL__COLUMN) return complain(s, value->place, "only a column is missing or not");
  TL_TRY(next(s));
  bool negated = is_word(s, "not");
  if (negated) TL_TRY(next(s));
  if (!is_word(s, "null") && !is_word(s, "missing")) return complain(s, s->place, "`null` or `missing` is expected here");
  tl__term *missing;
  tl__place place = join(value->place, s->place);
  TL_TRY(make(s, &missing, TL__MISSING, place, NULL));
  missing->column = value->column;
  *out = missing;
  if (negated) TL_TRY(make(s, out, TL__NOT, place, missing));
  return next(s);
}

/* The comparison behind a value, if there is one. */
static tl_status parse_rest(parser *s, tl__term **out, tl__term *left) {
  tl__comparison comparison;
  tl__term *right, *condition;
  if (is_word(s, "is")) return parse_is(s, out, left);
  if (is_comparison(s, &comparison)) {
    TL_TRY(as_value(s, left));
    TL_TRY(next(s));
    TL_TRY(parse_sum(s, &right));
    TL_TRY(as_value(s, right));
    return make_comparison(s, out, comparison, left, right);
  }
  bool negated = is_word(s, "not");
  if (negated) TL_TRY(next(s));
  if (is_word(s, "in") || is_word(s, "between")) {
    TL_TRY(as_value(s, left));
    TL_TRY(is_word(s, "in") ? parse_list(s, &condition, left) : parse_between(s, &condition, left));
    *out = condition;
    return negated ? make(s, out, TL__NOT, condition->place, condition) : TL_OK;
  }
  if (negated) return complain(s, s->place, "`in` or `between` is expected behind this `not`");
  *out = left;
  return TL_OK;
}

static tl_status parse_comparison(parser *s, tl__term **out) {
  tl__term *left;
  tl__comparison another;
  TL_TRY(parse_sum(s, &left));
  TL_TRY(parse_rest(s, out, left));
  if (*out == left) return TL_OK;
  if (is_comparison(s, &another) || is_word(s, "in") || is_word(s, "between") || is_word(s, "is"))
    return complain(s, s->place, "comparisons do not chain: write a < b and b < c");
  return TL_OK;
}

static tl_status parse_not(parser *s, tl__term **out) {
  if (!is_word(s, "not")) return parse_comparison(s, out);
  tl__place from = s->place;
  tl__term *of;
  TL_TRY(deeper(s));
  TL_TRY(next(s));
  TL_TRY(parse_not(s, &of));
  TL_TRY(as_condition(s, &of));
  s->nesting--;
  return make(s, out, TL__NOT, join(from, of->place), of);
}

typedef tl_status (*parse_part)(parser *s, tl__term **out);

/* Parts with a word between them, side by side in one term. */
static tl_status parse_chain(parser *s, tl__term **out, const char *word, tl__kind kind, parse_part part) {
  tl__term *first, *last, *more;
  TL_TRY(part(s, &first));
  *out = first;
  if (!is_word(s, word)) return TL_OK;
  TL_TRY(as_condition(s, &first));
  for (last = first; is_word(s, word); last = last->next = more) {
    TL_TRY(next(s));
    TL_TRY(part(s, &more));
    TL_TRY(as_condition(s, &more));
  }
  return make(s, out, kind, join(first->place, last->place), first);
}

static tl_status parse_and(parser *s, tl__term **out) { return parse_chain(s, out, "and", TL__AND, parse_not); }
static tl_status parse_any(parser *s, tl__term **out) { return parse_chain(s, out, "or", TL__OR, parse_and); }

/* ---- the whole ---- */

static tl_status check_text(const tl_predicate *p, tl_error *err) {
  if (p->size > TL__MOST_TEXT) return tl_fail(err, TL_USAGE, "condition: at most %d bytes, these are %zu", TL__MOST_TEXT, p->size);
  if (!tl_utf8_valid(p->text, p->size)) return tl_fail(err, TL_USAGE, "condition: not UTF-8 text");
  return TL_OK;
}

tl_status tl__predicate_read(tl_predicate *p, tl_error *err) {
  parser s = {.p = p, .err = err};
  TL_TRY(check_text(p, err));
  TL_TRY(tl_arena_take(&p->tree, &p->columns, TL__MOST_COLUMNS, sizeof *p->columns, err));
  TL_TRY(next(&s));
  TL_TRY(parse_any(&s, &p->root));
  TL_TRY(as_condition(&s, &p->root));
  if (s.type != TOKEN_END) return complain(&s, s.place, "`and`, `or` or the end is expected here");
  return TL_OK;
}
