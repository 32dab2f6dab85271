#include "base/json.h"
#include <math.h>
#include <string.h>
#include "base/text.h"

static void put(tl_json *json, const char *text) {
  if (json->status == TL_OK) json->status = tl_buffer_text(json->out, text, json->err);
}

static void put_quoted(tl_json *json, const char *text) {
  if (json->status == TL_OK) json->status = tl_json_text(json->out, text, strlen(text), json->err);
}

static void begin(tl_json *json, const char *key) {
  if (json->filled) put(json, ",");
  if (json->depth > 0 && !json->compact) {
    put(json, "\n");
    for (int i = 0; i < json->depth; i++) put(json, "  ");
  }
  if (key != NULL) {
    put_quoted(json, key);
    put(json, ": ");
  }
  json->filled = true;
}

void tl_json_open(tl_json *json, const char *key, char bracket) {
  begin(json, key);
  put(json, bracket == '{' ? "{" : "[");
  json->depth++;
  json->filled = false;
}

void tl_json_close(tl_json *json, char bracket) {
  json->depth--;
  if (json->filled && !json->compact) {
    put(json, "\n");
    for (int i = 0; i < json->depth; i++) put(json, "  ");
  }
  put(json, bracket == '}' ? "}" : "]");
  json->filled = true;
  if (json->depth == 0) put(json, "\n");
}

void tl_json_string(tl_json *json, const char *key, const char *value) {
  begin(json, key);
  if (value == NULL)
    put(json, "null");
  else
    put_quoted(json, value);
}

void tl_json_int(tl_json *json, const char *key, int64_t value) {
  char digits[24];
  int at = sizeof digits;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do digits[--at] = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (value < 0) digits[--at] = '-';
  begin(json, key);
  if (json->status == TL_OK) json->status = tl_buffer_append(json->out, digits + at, sizeof digits - (size_t)at, json->err);
}

void tl_json_double(tl_json *json, const char *key, double value) {
  char text[TL_NUMBER_TEXT];
  if (!isfinite(value)) {
    tl_json_null(json, key);
    return;
  }
  tl_double_text(text, value);
  begin(json, key);
  put(json, text);
}

void tl_json_bool(tl_json *json, const char *key, bool value) {
  begin(json, key);
  put(json, value ? "true" : "false");
}

void tl_json_null(tl_json *json, const char *key) {
  begin(json, key);
  put(json, "null");
}
