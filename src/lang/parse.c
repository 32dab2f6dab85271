/* Tokens to tree: one function a statement, precedence climbing for expressions. Depth is bounded, so hostile text cannot
   exhaust the stack. */
#include <string.h>
#include "base/text.h"
#include "lang/tree.h"

enum { MOST_DEPTH = 256, MOST_CHAIN = 4000 };

typedef struct parser {
  tl_lexer lexer;
  tl_arena *arena;
  int depth;
} parser;

static bool is(const parser *p, const char *text) { return tl__token_is(&p->lexer.token, text); }
static tl_status next(parser *p, tl_error *err) { return tl__lexer_next(&p->lexer, err); }
static tl_place here(const parser *p) { return p->lexer.token.place; }

static tl_status accept(parser *p, const char *text, bool *found, tl_error *err) {
  *found = is(p, text);
  return *found ? next(p, err) : TL_OK;
}

static tl_status expect(parser *p, const char *text, tl_error *err) {
  if (!is(p, text)) return tl__complain(err, here(p), "expected \"%s\"", text);
  return next(p, err);
}

static tl_status copy_token(parser *p, const char **out, tl_error *err) {
  tl_place place = here(p);
  TL_TRY(tl_arena_text(p->arena, out, place.source->text + place.offset, place.size, err));
  return next(p, err);
}

static bool is_reserved(const parser *p) {
  static const char *const words[] = {"and", "or", "not"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (is(p, words[i])) return true;
  return false;
}

static tl_status take_name(parser *p, const char **out, const char *what, tl_error *err) {
  if (p->lexer.token.type != TL_TOKEN_NAME || is_reserved(p)) return tl__complain(err, here(p), "expected %s", what);
  return copy_token(p, out, err);
}

/* A column may need quotes. */
static tl_status take_column(parser *p, const char **out, tl_error *err) {
  if (p->lexer.token.type == TL_TOKEN_TEXT) return copy_token(p, out, err);
  return take_name(p, out, "a column", err);
}

static tl_status take_number(parser *p, double *out, tl_error *err) {
  bool negative;
  TL_TRY(accept(p, "-", &negative, err));
  if (p->lexer.token.type != TL_TOKEN_NUMBER) return tl__complain(err, here(p), "expected a number");
  *out = negative ? -p->lexer.token.value : p->lexer.token.value;
  return next(p, err);
}

/* ---- expressions ---- */

static tl_status new_tree(parser *p, tl_tree **out, tl_tree_type type, tl_place place, const char *text, tl_error *err) {
  TL_TRY(tl_arena_take(p->arena, out, 1, sizeof **out, err));
  (*out)->type = type;
  (*out)->place = place;
  (*out)->text = text;
  return TL_OK;
}

static tl_status new_sign(parser *p, tl_tree **out, tl_place place, const char *name, tl_tree *a, tl_tree *b, tl_error *err) {
  TL_TRY(new_tree(p, out, TL_TREE_CALL, place, name, err));
  (*out)->sign = true;
  (*out)->children = a;
  a->next = b;
  (*out)->depth = 1 + (b != NULL && b->depth > a->depth ? b->depth : a->depth);
  return (*out)->depth > MOST_CHAIN ? tl__complain(err, place, "an expression has at most %d signs in a row", MOST_CHAIN) : TL_OK;
}

static tl_status expression(parser *p, tl_tree **out, int precedence, tl_error *err);

static tl_status arguments(parser *p, tl_tree **list, tl_error *err) {
  bool more;
  TL_TRY(expect(p, "(", err));
  while (!is(p, ")")) {
    const char *option = NULL;
    tl_lexer before = p->lexer;
    if (p->lexer.token.type == TL_TOKEN_NAME) {
      TL_TRY(copy_token(p, &option, err));
      bool named;
      TL_TRY(accept(p, ":", &named, err));
      if (!named) p->lexer = before, option = NULL;
    }
    TL_TRY(expression(p, list, 0, err));
    (*list)->option = option;
    list = &(*list)->next;
    TL_TRY(accept(p, ",", &more, err));
    if (!more) break;
  }
  return expect(p, ")", err);
}

static tl_status name_or_call(parser *p, tl_tree **out, tl_error *err) {
  tl_place place = here(p);
  const char *name;
  TL_TRY(take_name(p, &name, "an expression", err));
  if (is(p, "(")) {
    TL_TRY(new_tree(p, out, TL_TREE_CALL, place, name, err));
    return arguments(p, &(*out)->children, err);
  }
  TL_TRY(new_tree(p, out, TL_TREE_NAME, place, name, err));
  bool dotted;
  TL_TRY(accept(p, ".", &dotted, err));
  if (!dotted) return TL_OK;
  (*out)->side = name;
  (*out)->place.size = here(p).offset + here(p).size - place.offset;
  return take_name(p, &(*out)->text, "a column after the dot", err);
}

static tl_status primary(parser *p, tl_tree **out, tl_error *err) {
  tl_token token = p->lexer.token;
  if (token.type == TL_TOKEN_NUMBER || token.type == TL_TOKEN_DURATION) {
    TL_TRY(new_tree(p, out, token.type == TL_TOKEN_NUMBER ? TL_TREE_NUMBER : TL_TREE_DURATION, token.place, NULL, err));
    (*out)->value = token.value;
    return next(p, err);
  }
  if (token.type == TL_TOKEN_TEXT) {
    TL_TRY(new_tree(p, out, TL_TREE_TEXT, token.place, NULL, err));
    return copy_token(p, &(*out)->text, err);
  }
  bool open;
  TL_TRY(accept(p, "(", &open, err));
  if (!open) return name_or_call(p, out, err);
  TL_TRY(expression(p, out, 0, err));
  return expect(p, ")", err);
}

typedef struct infix {
  const char *sign, *name;
  int precedence;
  bool swapped; /* a > b is less(b, a) */
} infix;
enum { OR = 1, AND, NOT, COMPARE, SUM, PRODUCT, UNARY };
static const infix infixes[] = {
    {"or", "or", OR, false},         {"and", "and", AND, false},
    {"<", "less", COMPARE, false},   {"<=", "less_equal", COMPARE, false},
    {">", "less", COMPARE, true},    {">=", "less_equal", COMPARE, true},
    {"==", "equal", COMPARE, false}, {"!=", "not_equal", COMPARE, false},
    {"+", "add", SUM, false},        {"-", "sub", SUM, false},
    {"*", "mul", PRODUCT, false},    {"/", "div", PRODUCT, false},
};

static const infix *infix_here(const parser *p) {
  for (size_t i = 0; i < sizeof infixes / sizeof *infixes; i++)
    if (is(p, infixes[i].sign)) return &infixes[i];
  return NULL;
}

static tl_status unary(parser *p, tl_tree **out, tl_error *err) {
  tl_place place = here(p);
  bool minus = is(p, "-"), plus = is(p, "+"), negation = is(p, "not");
  if (!minus && !plus && !negation) return primary(p, out, err);
  TL_TRY(next(p, err));
  tl_tree *operand;
  TL_TRY(expression(p, &operand, negation ? NOT : UNARY, err));
  if (plus) {
    *out = operand;
    return TL_OK;
  }
  return new_sign(p, out, place, negation ? "not" : "neg", operand, NULL, err);
}

/* Everything that binds at least as tightly as `precedence`. */
static tl_status climb(parser *p, tl_tree **out, int precedence, tl_error *err) {
  TL_TRY(unary(p, out, err));
  bool compared = false;
  for (const infix *sign; (sign = infix_here(p)) != NULL && sign->precedence >= precedence;) {
    tl_place place = here(p);
    if (sign->precedence == COMPARE && compared) return tl__complain(err, place, "comparisons are not chained; use `and`");
    compared = sign->precedence == COMPARE;
    TL_TRY(next(p, err));
    tl_tree *right;
    TL_TRY(expression(p, &right, sign->precedence + 1, err));
    tl_tree *left = *out;
    TL_TRY(new_sign(p, out, place, sign->name, sign->swapped ? right : left, sign->swapped ? left : right, err));
  }
  return TL_OK;
}

static tl_status expression(parser *p, tl_tree **out, int precedence, tl_error *err) {
  if (++p->depth > MOST_DEPTH) return tl__complain(err, here(p), "nested more than %d deep", MOST_DEPTH);
  TL_TRY(climb(p, out, precedence, err));
  p->depth--;
  return TL_OK;
}

/* ---- statements ---- */

static tl_status add_word(parser *p, tl_word ***end, bool quoted, const char *what, tl_error *err) {
  tl_word *word;
  TL_TRY(tl_arena_take(p->arena, &word, 1, sizeof *word, err));
  word->place = here(p);
  TL_TRY(quoted ? take_column(p, &word->text, err) : take_name(p, &word->text, what, err));
  **end = word;
  *end = &word->next;
  return TL_OK;
}

static tl_status by_keys(parser *p, tl_statement *s, tl_error *err) {
  bool more;
  tl_word **end = &s->words;
  TL_TRY(expect(p, "by", err));
  do {
    TL_TRY(add_word(p, &end, true, "a key", err));
    TL_TRY(accept(p, ",", &more, err));
  } while (more);
  return TL_OK;
}

static tl_status stream(parser *p, tl_statement *s, tl_error *err) {
  TL_TRY(by_keys(p, s, err));
  TL_TRY(expect(p, "order", err));
  TL_TRY(expect(p, "by", err));
  s->place = here(p);
  TL_TRY(take_column(p, &s->name, err));
  return accept(p, "ties", &s->flag, err);
}

static tl_status input_item(parser *p, tl_statement *s, tl_error *err) {
  bool found;
  s->place = here(p);
  TL_TRY(take_name(p, &s->name, "an input's name", err));
  TL_TRY(accept(p, "?", &s->flag, err));
  TL_TRY(accept(p, ":", &found, err));
  if (found) TL_TRY(take_name(p, &s->value, "a type", err));
  TL_TRY(accept(p, "=", &found, err));
  for (tl_word **end = &s->words; found;) {
    TL_TRY(add_word(p, &end, true, "a column", err));
    TL_TRY(accept(p, "|", &found, err));
  }
  TL_TRY(accept(p, "?", &found, err));
  s->flag |= found;
  return TL_OK;
}

/* `carry A: TYPE?`: a column as it is, or `*`: all others. */
static tl_status carry_item(parser *p, tl_statement *s, tl_error *err) {
  bool found;
  s->place = here(p);
  if (is(p, "*")) p->lexer.continued = false; /* it is no sign here: the line may end */
  TL_TRY(accept(p, "*", &found, err));
  if (found) return s->name = "*", TL_OK;
  TL_TRY(take_column(p, &s->name, err));
  TL_TRY(accept(p, ":", &found, err));
  if (found) TL_TRY(take_name(p, &s->value, "a type", err));
  return accept(p, "?", &s->flag, err);
}

static tl_status new_statement(parser *p, tl_statement **out, tl_statement_type type, tl_error *err) {
  TL_TRY(tl_arena_take(p->arena, out, 1, sizeof **out, err));
  (*out)->type = type;
  (*out)->place = here(p);
  (*out)->step = 0;
  return TL_OK;
}

/* One statement an item: `input a, b` is two. */
static tl_status items(parser *p, tl_statement *s, tl_status (*item)(parser *, tl_statement *, tl_error *), tl_error *err) {
  bool more;
  for (;;) {
    TL_TRY(item(p, s, err));
    TL_TRY(accept(p, ",", &more, err));
    if (!more) return TL_OK;
    TL_TRY(new_statement(p, &s->next, s->type, err));
    s = s->next;
  }
}
static tl_status inputs(parser *p, tl_statement *s, tl_error *err) { return items(p, s, input_item, err); }
static tl_status carry(parser *p, tl_statement *s, tl_error *err) { return items(p, s, carry_item, err); }

static tl_status side(parser *p, tl_statement *s, tl_error *err) {
  bool found;
  s->place = here(p);
  TL_TRY(take_name(p, &s->name, "the side's name", err));
  TL_TRY(expect(p, "from", err));
  TL_TRY(accept(p, "dataset", &found, err));
  if (!found) {
    if (p->lexer.token.type != TL_TOKEN_TEXT) return tl__complain(err, here(p), "expected the stream as a \"text\", or dataset");
    TL_TRY(copy_token(p, &s->value, err));
  }
  TL_TRY(accept(p, "on", &found, err));
  for (tl_word **end = &s->words; found;) {
    TL_TRY(add_word(p, &end, true, "a column", err));
    TL_TRY(accept(p, ",", &found, err));
  }
  TL_TRY(accept(p, "within", &found, err));
  if (found) {
    if (p->lexer.token.type != TL_TOKEN_DURATION) return tl__complain(err, here(p), "expected a duration such as 5s or 30d");
    s->within = p->lexer.token.value;
    TL_TRY(next(p, err));
  }
  return accept(p, "before", &s->flag, err);
}

static tl_status param_choices(parser *p, tl_statement *s, tl_error *err) {
  enum { MOST = 1000 };
  bool more;
  TL_TRY(tl_arena_take(p->arena, &s->choices, MOST, sizeof *s->choices, err));
  do {
    if (s->choice_count == MOST) return tl__complain(err, here(p), "a parameter has at most %d choices", MOST);
    TL_TRY(take_number(p, &s->choices[s->choice_count++], err));
    TL_TRY(accept(p, ",", &more, err));
  } while (more);
  return expect(p, "}", err);
}

static tl_status param(parser *p, tl_statement *s, tl_error *err) {
  bool found;
  s->place = here(p);
  s->low = -1e300, s->high = 1e300;
  TL_TRY(take_name(p, &s->name, "the parameter's name", err));
  TL_TRY(expect(p, "=", err));
  TL_TRY(expression(p, &s->tree, 0, err));
  TL_TRY(accept(p, "in", &found, err));
  if (!found) return TL_OK;
  TL_TRY(accept(p, "{", &found, err));
  if (found) return param_choices(p, s, err);
  TL_TRY(take_number(p, &s->low, err));
  TL_TRY(expect(p, "..", err));
  TL_TRY(take_number(p, &s->high, err));
  if (!(s->low <= s->high)) return tl__complain(err, s->place, "the range of %s is empty", s->name);
  TL_TRY(accept(p, "step", &found, err));
  if (found) TL_TRY(take_number(p, &s->step, err));
  return accept(p, "log", &found, err);
}

static tl_status named_expression(parser *p, tl_statement *s, tl_error *err) {
  s->place = here(p);
  TL_TRY(take_name(p, &s->name, "a name", err));
  TL_TRY(expect(p, "=", err));
  return expression(p, &s->tree, 0, err);
}

static tl_status derive(parser *p, tl_statement *s, tl_error *err) {
  bool found;
  s->place = here(p);
  TL_TRY(take_column(p, &s->name, err));
  TL_TRY(accept(p, ":", &found, err));
  if (found) TL_TRY(take_name(p, &s->value, "a type", err));
  TL_TRY(expect(p, "=", err));
  return expression(p, &s->tree, 0, err);
}

static tl_status reset(parser *p, tl_statement *s, tl_error *err) {
  TL_TRY(expect(p, "each", err));
  s->place = here(p);
  return expect(p, "day", err);
}

static tl_status names_as(parser *p, tl_statement *s, tl_error *err) {
  TL_TRY(expect(p, "as", err));
  s->place = here(p);
  return take_name(p, &s->name, "what the files' names are names of", err);
}

static tl_status hot(parser *p, tl_statement *s, tl_error *err) {
  bool more;
  tl_word **end = &s->words;
  do {
    TL_TRY(add_word(p, &end, true, "a column", err));
    TL_TRY(accept(p, ",", &more, err));
  } while (more);
  return TL_OK;
}

/* `enter long when CONDITION`. */
static tl_status signal(parser *p, tl_statement *s, tl_error *err) {
  bool is_long;
  s->place = here(p);
  TL_TRY(accept(p, "long", &is_long, err));
  if (!is_long && is(p, "short")) return tl__complain(err, here(p), "selling short is not available in this version");
  if (!is_long) return tl__complain(err, here(p), "expected \"long\"");
  TL_TRY(expect(p, "when", err));
  return expression(p, &s->tree, 0, err);
}

static tl_status def(parser *p, tl_statement *s, tl_error *err) {
  enum { MOST = 16 };
  bool more = true, given;
  tl_word **end = &s->words;
  s->place = here(p);
  TL_TRY(take_name(p, &s->name, "the definition's name", err));
  TL_TRY(expect(p, "(", err));
  TL_TRY(tl_arena_take(p->arena, &s->defaults, MOST, sizeof *s->defaults, err));
  for (int i = 0; more && !is(p, ")"); i++) {
    if (i == MOST) return tl__complain(err, here(p), "a definition takes at most %d arguments", MOST);
    TL_TRY(add_word(p, &end, false, "an argument's name", err));
    TL_TRY(accept(p, "=", &given, err));
    if (given) TL_TRY(expression(p, &s->defaults[i], 0, err));
    TL_TRY(accept(p, ",", &more, err));
  }
  TL_TRY(expect(p, ")", err));
  TL_TRY(expect(p, "=", err));
  return expression(p, &s->tree, 0, err);
}

static tl_status use(parser *p, tl_statement *s, tl_error *err) {
  s->place = here(p);
  if (p->lexer.token.type != TL_TOKEN_TEXT) return tl__complain(err, here(p), "expected a file name as a \"text\"");
  return copy_token(p, &s->name, err);
}

static tl_status rule(parser *p, tl_rule *r, tl_error *err) {
  bool found;
  tl_place place = here(p);
  TL_TRY(accept(p, "finite", &found, err));
  if (found) return r->type = TL_RULE_FINITE, TL_OK;
  TL_TRY(accept(p, "increasing", &found, err));
  if (found) return r->type = TL_RULE_INCREASING, TL_OK;
  TL_TRY(accept(p, "not", &found, err));
  if (found) return r->type = TL_RULE_NOT_CONSTANT, expect(p, "constant", err);
  TL_TRY(accept(p, "missing", &found, err));
  if (found) {
    r->type = TL_RULE_MISSING;
    TL_TRY(expect(p, "<", err));
    TL_TRY(take_number(p, &r->high, err));
    r->high /= 100;
    return expect(p, "%", err);
  }
  TL_TRY(accept(p, "between", &found, err));
  if (!found) return tl__complain(err, place, "expected finite, not constant, missing < P%%, between A and B, or increasing");
  r->type = TL_RULE_BETWEEN;
  TL_TRY(take_number(p, &r->low, err));
  TL_TRY(expect(p, "and", err));
  return take_number(p, &r->high, err);
}

static tl_status check(parser *p, tl_statement *s, tl_error *err) {
  bool more;
  tl_rule **end = &s->rules;
  s->place = here(p);
  TL_TRY(take_name(p, &s->name, "a feature", err));
  TL_TRY(expect(p, ":", err));
  do {
    TL_TRY(tl_arena_take(p->arena, end, 1, sizeof **end, err));
    TL_TRY(rule(p, *end, err));
    end = &(*end)->next;
    TL_TRY(accept(p, ",", &more, err));
  } while (more);
  return TL_OK;
}

static const struct {
  const char *keyword;
  tl_statement_type type;
  tl_status (*read)(parser *, tl_statement *, tl_error *);
} kinds[] = {
    {"stream", TL_STATEMENT_STREAM, stream},
    {"side", TL_STATEMENT_SIDE, side},
    {"param", TL_STATEMENT_PARAM, param},
    {"let", TL_STATEMENT_LET, named_expression},
    {"feature", TL_STATEMENT_FEATURE, named_expression},
    {"label", TL_STATEMENT_LABEL, named_expression},
    {"def", TL_STATEMENT_DEF, def},
    {"use", TL_STATEMENT_USE, use},
    {"check", TL_STATEMENT_CHECK, check},
    {"partition", TL_STATEMENT_PARTITION, by_keys},
    {"input", TL_STATEMENT_INPUT, inputs},
    {"reset", TL_STATEMENT_RESET, reset},
    {"names", TL_STATEMENT_NAMES, names_as},
    {"carry", TL_STATEMENT_CARRY, carry},
    {"derive", TL_STATEMENT_DERIVE, derive},
    {"sort", TL_STATEMENT_SORT, by_keys},
    {"hot", TL_STATEMENT_HOT, hot},
    {"enter", TL_STATEMENT_ENTER, signal},
    {"exit", TL_STATEMENT_EXIT, signal},
};
/* Statements of the language that belong to jobs this version does not have yet. */
static const char *const later[] = {"sample", "stop", "take", "roi", "size", "fee", "slippage", "slots"};

static tl_status unknown_statement(parser *p, tl_error *err) {
  const char *names[32], *word;
  size_t count = 0;
  tl_place place = here(p);
  if (p->lexer.token.type != TL_TOKEN_NAME) return tl__complain(err, place, "expected a statement");
  TL_TRY(copy_token(p, &word, err));
  for (size_t i = 0; i < sizeof later / sizeof *later; i++)
    if (strcmp(word, later[i]) == 0) return tl__complain(err, place, "the statement %s is not available in this version", word);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) names[count++] = kinds[i].keyword;
  const char *nearest = tl_nearest_name(word, names, count);
  return tl__complain(err, place, "unknown statement \"%s\"%s%s%s", word, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static tl_status statement(parser *p, tl_statement **out, tl_error *err) {
  bool found;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    TL_TRY(accept(p, kinds[i].keyword, &found, err));
    if (!found) continue;
    TL_TRY(new_statement(p, out, kinds[i].type, err));
    return kinds[i].read(p, *out, err);
  }
  return unknown_statement(p, err);
}

tl_status tl__parse(tl_arena *arena, const tl_source *source, tl_statement **out, tl_error *err) {
  parser p = {.arena = arena};
  *out = NULL;
  TL_TRY(tl__lexer_start(&p.lexer, source, err));
  while (p.lexer.token.type != TL_TOKEN_END) {
    if (p.lexer.token.type == TL_TOKEN_LINE) {
      TL_TRY(next(&p, err));
      continue;
    }
    p.depth = 0;
    TL_TRY(statement(&p, out, err));
    if (p.lexer.token.type != TL_TOKEN_LINE && p.lexer.token.type != TL_TOKEN_END) return tl__complain(err, here(&p), "expected the end of the statement");
    while (*out != NULL) out = &(*out)->next;
  }
  return TL_OK;
}
