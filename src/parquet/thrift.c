#include "parquet/thrift.h"
#include <string.h>

static uint64_t varint(tl_thrift *t) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (t->at >= t->end) break;
    uint8_t byte = *t->at++;
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return value;
  }
  t->failed = true;
  return 0;
}

static int64_t zigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }

bool tl_thrift_next(tl_thrift *t, tl_thrift_field *field) {
  if (t->failed || t->at >= t->end) {
    t->failed = true;
    return false;
  }
  uint8_t head = *t->at++;
  if (head == TL_THRIFT_STOP) return false;
  field->type = (tl_thrift_type)(head & 15);
  int64_t id = head >> 4 ? (int64_t)field->id + (head >> 4) : zigzag(varint(t));
  if (id < INT16_MIN || id > INT16_MAX || field->type > TL_THRIFT_STRUCT || field->type == TL_THRIFT_STOP) t->failed = true;
  field->id = (int)id;
  return !t->failed;
}

int64_t tl_thrift_int(tl_thrift *t, tl_thrift_field field) {
  if (field.type == TL_THRIFT_BYTE && t->at < t->end) return (int8_t)*t->at++;
  if (field.type >= TL_THRIFT_I16 && field.type <= TL_THRIFT_I64) return zigzag(varint(t));
  t->failed = true;
  return 0;
}

bool tl_thrift_bool(tl_thrift *t, tl_thrift_field field) {
  if (field.type != TL_THRIFT_TRUE && field.type != TL_THRIFT_FALSE) t->failed = true;
  return field.type == TL_THRIFT_TRUE;
}

tl_bytes tl_thrift_binary(tl_thrift *t, tl_thrift_field field) {
  uint64_t size = field.type == TL_THRIFT_BINARY ? varint(t) : UINT64_MAX;
  if (t->failed || size > (uint64_t)(t->end - t->at)) {
    t->failed = true;
    return (tl_bytes){0};
  }
  tl_bytes bytes = {t->at, (size_t)size};
  t->at += size;
  return bytes;
}

size_t tl_thrift_list(tl_thrift *t, tl_thrift_field field, tl_thrift_type *element) {
  *element = TL_THRIFT_STOP;
  if ((field.type != TL_THRIFT_LIST && field.type != TL_THRIFT_SET) || t->at >= t->end) {
    t->failed = true;
    return 0;
  }
  uint8_t head = *t->at++;
  uint64_t count = head >> 4 == 15 ? varint(t) : head >> 4;
  *element = (tl_thrift_type)(head & 15);
  if (count > (uint64_t)(t->end - t->at) || (count > 0 && (*element == TL_THRIFT_STOP || *element > TL_THRIFT_STRUCT))) {
    t->failed = true;
    return 0;
  }
  return (size_t)count;
}

/* Most of a footer is skipped, so this is its own small reader. It calls itself for what is nested, to a depth that is bounded. */
enum { MOST_DEPTH = 64 };
static void skip_value(tl_thrift *t, int type, int depth);

static void skip_varint(tl_thrift *t) {
  for (int n = 0; n < 10; n++) {
    if (t->at >= t->end) break;
    if (*t->at++ < 128) return;
  }
  t->failed = true;
}

static void skip_bytes(tl_thrift *t, uint64_t size) {
  if (size > (uint64_t)(t->end - t->at)) {
    t->failed = true;
    return;
  }
  t->at += size;
}

/* Bytes of a number at a place with eight readable bytes: up to the first whose top bit is not set; 0: it has more than eight. */
static size_t varint_size(const uint8_t *at) {
  uint64_t last = ~tl_load64(at) & 0x8080808080808080u;
  return last == 0 ? 0 : (size_t)__builtin_ctzll(last) / 8 + 1;
}

/* Numbers and short texts whose ids are near: most of a footer is such fields. Stops in front of any other. */
static void skip_simple_fields(tl_thrift *t) {
  enum { AHEAD = 9, LONG = 128 }; /* head and number; a length that takes more than a byte */
  const uint8_t *at = t->at;
  while (t->end - at >= AHEAD && *at >= 16) {
    int type = *at & 15;
    if (type == TL_THRIFT_I16 || type == TL_THRIFT_I32 || type == TL_THRIFT_I64) {
      size_t size = varint_size(at + 1);
      if (size == 0) break;
      at += 1 + size;
    } else if (type == TL_THRIFT_BINARY && at[1] < LONG && at[1] <= t->end - at - 2)
      at += 2 + at[1];
    else if (type == TL_THRIFT_TRUE || type == TL_THRIFT_FALSE)
      at++;
    else
      break;
  }
  t->at = at;
}

static void skip_struct(tl_thrift *t, int depth) {
  while (!t->failed) {
    skip_simple_fields(t);
    if (t->at >= t->end) {
      t->failed = true;
      return;
    }
    uint8_t head = *t->at++;
    if (head == TL_THRIFT_STOP) return;
    if (head >> 4 == 0) skip_varint(t);
    if ((head & 15) > TL_THRIFT_FALSE || (head & 15) == TL_THRIFT_STOP) skip_value(t, head & 15, depth); /* booleans of fields have no byte */
  }
}

static void skip_elements(tl_thrift *t, int type, uint64_t count, int depth) {
  for (; count > 0 && !t->failed; count--) {
    if (type == TL_THRIFT_TRUE || type == TL_THRIFT_FALSE)
      skip_bytes(t, 1);
    else
      skip_value(t, type, depth);
  }
}

static void skip_map(tl_thrift *t, int depth) {
  uint64_t count = varint(t);
  if (count == 0 || t->failed) return;
  int types = t->at < t->end ? *t->at++ : 0;
  if (count > (uint64_t)(t->end - t->at)) t->failed = true;
  for (; count > 0 && !t->failed; count--) {
    skip_elements(t, types >> 4, 1, depth);
    skip_elements(t, types & 15, 1, depth);
  }
}

static void skip_value(tl_thrift *t, int type, int depth) {
  tl_thrift_type element;
  if (depth == MOST_DEPTH) {
    t->failed = true;
    return;
  }
  switch (type) {
    case TL_THRIFT_TRUE:
    case TL_THRIFT_FALSE: return;
    case TL_THRIFT_BYTE: skip_bytes(t, 1); return;
    case TL_THRIFT_I16:
    case TL_THRIFT_I32:
    case TL_THRIFT_I64: skip_varint(t); return;
    case TL_THRIFT_DOUBLE: skip_bytes(t, 8); return;
    case TL_THRIFT_BINARY: skip_bytes(t, varint(t)); return;
    case TL_THRIFT_LIST:
    case TL_THRIFT_SET: {
      uint64_t count = tl_thrift_list(t, (tl_thrift_field){0, (tl_thrift_type)type}, &element);
      skip_elements(t, (int)element, count, depth + 1);
      return;
    }
    case TL_THRIFT_MAP: skip_map(t, depth + 1); return;
    case TL_THRIFT_STRUCT: skip_struct(t, depth + 1); return;
    default: t->failed = true;
  }
}

void tl_thrift_skip(tl_thrift *t, tl_thrift_type type) {
  if (!t->failed) skip_value(t, (int)type, 0);
}

/* ---- writing ---- */

static void put(tl_thrift_out *t, const void *data, size_t size) {
  if (t->status == TL_OK) t->status = tl_buffer_append(t->out, data, size, t->err);
}
static void put_byte(tl_thrift_out *t, uint8_t byte) { put(t, &byte, 1); }
static void put_varint(tl_thrift_out *t, uint64_t v) {
  for (; v >= 128; v >>= 7) put_byte(t, (uint8_t)(v | 128));
  put_byte(t, (uint8_t)v);
}
static void put_zigzag(tl_thrift_out *t, int64_t v) { put_varint(t, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0)); }

static void put_head(tl_thrift_out *t, int id, tl_thrift_type type) {
  int step = id - t->last[t->depth];
  if (step > 0 && step <= 15)
    put_byte(t, (uint8_t)(step << 4 | type));
  else {
    put_byte(t, (uint8_t)type);
    put_zigzag(t, id);
  }
  t->last[t->depth] = id;
}

void tl_thrift_put_int(tl_thrift_out *t, int id, tl_thrift_type type, int64_t value) {
  put_head(t, id, type);
  if (type == TL_THRIFT_BYTE)
    put_byte(t, (uint8_t)value);
  else
    put_zigzag(t, value);
}
void tl_thrift_put_bool(tl_thrift_out *t, int id, bool value) { put_head(t, id, value ? TL_THRIFT_TRUE : TL_THRIFT_FALSE); }
void tl_thrift_put_binary(tl_thrift_out *t, int id, const void *data, size_t size) {
  put_head(t, id, TL_THRIFT_BINARY);
  put_varint(t, size);
  put(t, data, size);
}
void tl_thrift_put_text(tl_thrift_out *t, int id, const char *text) { tl_thrift_put_binary(t, id, text, strlen(text)); }
void tl_thrift_put_list(tl_thrift_out *t, int id, tl_thrift_type element, size_t count) {
  put_head(t, id, TL_THRIFT_LIST);
  if (count < 15)
    put_byte(t, (uint8_t)(count << 4 | element));
  else {
    put_byte(t, (uint8_t)(0xf0 | element));
    put_varint(t, count);
  }
}
void tl_thrift_open_struct(tl_thrift_out *t, int id) {
  if (id != 0) put_head(t, id, TL_THRIFT_STRUCT);
  t->last[++t->depth] = 0;
}
void tl_thrift_close_struct(tl_thrift_out *t) {
  put_byte(t, TL_THRIFT_STOP);
  t->depth--;
}
void tl_thrift_element_int(tl_thrift_out *t, int64_t value) { put_zigzag(t, value); }
void tl_thrift_element_text(tl_thrift_out *t, const char *text) {
  put_varint(t, strlen(text));
  put(t, text, strlen(text));
}
void tl_thrift_element_binary(tl_thrift_out *t, const void *data, size_t size) {
  put_varint(t, size);
  put(t, data, size);
}
void tl_thrift_element_bool(tl_thrift_out *t, bool value) { put(t, value ? "\1" : "\2", 1); }
