/* Text to tokens. A statement ends with its line, unless a bracket is open or the line ends in an operator. */
#ifndef TL_LANG_TOKEN_H
#define TL_LANG_TOKEN_H

#include "lang/source.h"

typedef enum tl_token_type {
  TL_TOKEN_END,  /* of the text */
  TL_TOKEN_LINE, /* end of a statement */
  TL_TOKEN_NAME, /* also keywords */
  TL_TOKEN_NUMBER,
  TL_TOKEN_DURATION, /* 30d, 12h, 5m, 60s, 250ms: value in seconds */
  TL_TOKEN_TEXT,     /* "..." without its quotes */
  TL_TOKEN_SIGN,     /* one of the signs below */
} tl_token_type;

typedef struct tl_token {
  tl_token_type type;
  tl_place place;
  double value;
  char sign[3]; /* ( ) [ ] { } , : . .. = == != < <= > >= + - * / % | ? */
} tl_token;

typedef struct tl_lexer {
  const tl_source *source;
  uint32_t at;
  int brackets;
  tl_token token; /* the present one */
  bool continued; /* the last token was an operator */
} tl_lexer;

tl_status tl__lexer_start(tl_lexer *lexer, const tl_source *source, tl_error *err) TL_MUST_CHECK;
tl_status tl__lexer_next(tl_lexer *lexer, tl_error *err) TL_MUST_CHECK;
bool tl__token_is(const tl_token *token, const char *sign_or_name);

#endif
