#include "lang/token.h"
#include <string.h>
#include "base/text.h"

enum { MOST_NAME = 256 };

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static char at(const tl_lexer *l, uint32_t offset) { return offset < l->source->size ? l->source->text[offset] : 0; }

static tl_place place(const tl_lexer *l, uint32_t from) { return (tl_place){l->source, from, l->at - from}; }

bool tl__token_is(const tl_token *token, const char *text) {
  if (token->type == TL_TOKEN_SIGN) return strcmp(token->sign, text) == 0;
  if (token->type != TL_TOKEN_NAME) return false;
  return strlen(text) == token->place.size && memcmp(token->place.source->text + token->place.offset, text, token->place.size) == 0;
}

/* A line goes on after these. */
static bool joins_lines(const tl_token *t) {
  static const char *const joining[] = {"+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "=", ",", "|", "and", "or", "not", "..", "in"};
  for (size_t i = 0; i < sizeof joining / sizeof *joining; i++)
    if (tl__token_is(t, joining[i])) return true;
  return false;
}

/* White space and comments; true when a line's end was passed that ends a statement. */
static bool skip_space(tl_lexer *l) {
  bool ended = false;
  for (;; l->at++) {
    char c = at(l, l->at);
    if (c == '#') {
      while (l->at < l->source->size && at(l, l->at) != '\n') l->at++;
      c = at(l, l->at);
    }
    if (c == '\n')
      ended |= l->brackets == 0 && !l->continued;
    else if (c != ' ' && c != '\t' && c != '\r')
      return ended;
  }
}

static tl_status read_name(tl_lexer *l, uint32_t from, tl_error *err) {
  while (is_letter(at(l, l->at)) || is_digit(at(l, l->at))) l->at++;
  l->token = (tl_token){.type = TL_TOKEN_NAME, .place = place(l, from)};
  if (l->token.place.size > MOST_NAME) return tl__complain(err, l->token.place, "a name has at most %d bytes", MOST_NAME);
  return TL_OK;
}

static tl_status read_number(tl_lexer *l, uint32_t from, tl_error *err) {
  while (is_digit(at(l, l->at))) l->at++;
  if (at(l, l->at) == '.' && at(l, l->at + 1) != '.') {
    l->at++;
    while (is_digit(at(l, l->at))) l->at++;
  }
  char e = at(l, l->at), sign = at(l, l->at + 1);
  if ((e == 'e' || e == 'E') && (is_digit(sign) || ((sign == '-' || sign == '+') && is_digit(at(l, l->at + 2))))) {
    l->at += 2;
    while (is_digit(at(l, l->at))) l->at++;
  }
  l->token = (tl_token){.type = TL_TOKEN_NUMBER, .place = place(l, from)};
  if (!tl_double_read(l->source->text + from, l->at - from, &l->token.value)) return tl__complain(err, l->token.place, "not a number");
  static const struct {
    const char *unit;
    double seconds;
  } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    size_t size = strlen(units[i].unit);
    if (strncmp(l->source->text + l->at, units[i].unit, size) != 0 || is_letter(at(l, l->at + (uint32_t)size))) continue;
    l->at += (uint32_t)size;
    l->token.type = TL_TOKEN_DURATION;
    l->token.value *= units[i].seconds;
    l->token.place = place(l, from);
    return TL_OK;
  }
  if (is_letter(at(l, l->at))) {
    while (is_letter(at(l, l->at)) || is_digit(at(l, l->at))) l->at++;
    return tl__complain(err, place(l, from), "not a number; durations end in ms, s, m, h or d");
  }
  return TL_OK;
}

static tl_status read_text(tl_lexer *l, uint32_t from, tl_error *err) {
  char quote = at(l, from);
  do {
    l->at++;
    if (l->at >= l->source->size || at(l, l->at) == '\n') return tl__complain(err, place(l, from), "the text has no closing quote");
  } while (at(l, l->at) != quote);
  l->token = (tl_token){.type = TL_TOKEN_TEXT, .place = {l->source, from + 1, l->at - from - 1}};
  l->at++;
  return TL_OK;
}

static tl_status read_sign(tl_lexer *l, uint32_t from, tl_error *err) {
  static const char *const signs[] = {"==", "!=", "<=", ">=", "..", "(", ")", "[", "]", "{", "}", ",",
                                      ":",  ".",  "=",  "<",  ">",  "+", "-", "*", "/", "%", "|", "?"};
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
    size_t size = strlen(signs[i]);
    if (strncmp(l->source->text + from, signs[i], size) != 0) continue;
    l->at += (uint32_t)size;
    l->token = (tl_token){.type = TL_TOKEN_SIGN, .place = place(l, from)};
    strcpy(l->token.sign, signs[i]);
    if (strchr("([{", signs[i][0])) l->brackets++;
    if (strchr(")]}", signs[i][0]) && l->brackets > 0) l->brackets--;
    return TL_OK;
  }
  l->at++;
  return tl__complain(err, place(l, from), "a character that means nothing here");
}

tl_status tl__lexer_next(tl_lexer *l, tl_error *err) {
  bool ended = skip_space(l);
  uint32_t from = l->at;
  char c = at(l, from);
  if (ended && l->token.type != TL_TOKEN_LINE && l->token.type != TL_TOKEN_END) {
    l->token = (tl_token){.type = TL_TOKEN_LINE, .place = {l->source, from > 0 ? from - 1 : 0, 1}};
    return TL_OK;
  }
  if (from >= l->source->size) {
    tl_token_type type = l->token.type == TL_TOKEN_LINE || l->token.type == TL_TOKEN_END ? TL_TOKEN_END : TL_TOKEN_LINE;
    l->token = (tl_token){.type = type, .place = {l->source, from, 0}};
    l->continued = false;
    return TL_OK;
  }
  if (is_letter(c))
    TL_TRY(read_name(l, from, err));
  else if (is_digit(c) || (c == '.' && is_digit(at(l, from + 1))))
    TL_TRY(read_number(l, from, err));
  else if (c == '"' || c == '\'')
    TL_TRY(read_text(l, from, err));
  else
    TL_TRY(read_sign(l, from, err));
  l->continued = joins_lines(&l->token);
  return TL_OK;
}

tl_status tl__lexer_start(tl_lexer *l, const tl_source *source, tl_error *err) {
  *l = (tl_lexer){.source = source, .token = {.type = TL_TOKEN_LINE, .place = {source, 0, 0}}};
  size_t nul = strlen(source->text);
  if (nul < source->size) return tl__complain(err, (tl_place){source, (uint32_t)nul, 1}, "not a text: a zero byte");
  if (source->size > 16u << 20) return tl__complain(err, (tl_place){source, 0, 0}, "a definition has at most 16 MiB");
  for (size_t from = 0; !tl_utf8_valid(source->text + from, source->size - from);) { /* which line is it? */
    const char *end = memchr(source->text + from, '\n', source->size - from);
    size_t size = end != NULL ? (size_t)(end - source->text) - from : source->size - from;
    if (!tl_utf8_valid(source->text + from, size)) return tl__complain(err, (tl_place){source, (uint32_t)from, 0}, "not UTF-8 text");
    from += size + 1;
  }
  return tl__lexer_next(l, err);
}
