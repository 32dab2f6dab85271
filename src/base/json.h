/* Writes JSON into a buffer: commas, quotes and nesting are kept here, and the first failure is remembered until the end,
   so that callers read like the document they write. */
#ifndef TL_BASE_JSON_H
#define TL_BASE_JSON_H

#include "base/buffer.h"

typedef struct tl_json {
  tl_buffer *out;
  tl_error *err;
  tl_status status; /* of the first call that failed */
  int depth;
  bool filled;  /* the open object or list has a member already */
  bool compact; /* all on one line */
} tl_json;

/* key is NULL inside a list and at the top. */
void tl_json_open(tl_json *json, const char *key, char bracket);        /* '{' or '[' */
void tl_json_close(tl_json *json, char bracket);                        /* '}' or ']' */
void tl_json_string(tl_json *json, const char *key, const char *value); /* NULL writes null */
void tl_json_int(tl_json *json, const char *key, int64_t value);
void tl_json_double(tl_json *json, const char *key, double value); /* not finite writes null */
void tl_json_bool(tl_json *json, const char *key, bool value);
void tl_json_null(tl_json *json, const char *key);

#endif
