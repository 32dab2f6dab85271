/* Thrift's compact protocol, as much as Parquet needs. The reader never goes beyond its bytes: a list's count is checked against
   the bytes left, since every element takes at least one; nesting while skipping is bounded. A reader that failed stays failed. */
#ifndef TL_PARQUET_THRIFT_H
#define TL_PARQUET_THRIFT_H

#include "base/buffer.h"

typedef enum tl_thrift_type {
  TL_THRIFT_STOP,
  TL_THRIFT_TRUE,
  TL_THRIFT_FALSE,
  TL_THRIFT_BYTE,
  TL_THRIFT_I16,
  TL_THRIFT_I32,
  TL_THRIFT_I64,
  TL_THRIFT_DOUBLE,
  TL_THRIFT_BINARY,
  TL_THRIFT_LIST,
  TL_THRIFT_SET,
  TL_THRIFT_MAP,
  TL_THRIFT_STRUCT,
} tl_thrift_type;

typedef struct tl_thrift {
  const uint8_t *at, *end, *start;
  bool failed;
} tl_thrift;

typedef struct tl_thrift_field {
  int id;
  tl_thrift_type type;
} tl_thrift_field;

static inline tl_thrift tl_thrift_open(const uint8_t *data, size_t size) { return (tl_thrift){data, data + size, data, false}; }

/* The next field of a struct whose previous field id is field->id (start with {0}); false at its end or on failure. */
bool tl_thrift_next(tl_thrift *t, tl_thrift_field *field);
int64_t tl_thrift_int(tl_thrift *t, tl_thrift_field field); /* any integer width; a failure when the type is another */
bool tl_thrift_bool(tl_thrift *t, tl_thrift_field field);
tl_bytes tl_thrift_binary(tl_thrift *t, tl_thrift_field field);
/* Elements to come, and their type. */
size_t tl_thrift_list(tl_thrift *t, tl_thrift_field field, tl_thrift_type *element);
void tl_thrift_skip(tl_thrift *t, tl_thrift_type type);

/* Writing; the previous field id of the open struct is kept by the caller's writer. */
typedef struct tl_thrift_out {
  tl_buffer *out;
  tl_error *err;
  tl_status status;
  int last[16];
  int depth;
} tl_thrift_out;

void tl_thrift_put_int(tl_thrift_out *t, int id, tl_thrift_type type, int64_t value); /* I32 or I64 */
void tl_thrift_put_bool(tl_thrift_out *t, int id, bool value);
void tl_thrift_put_binary(tl_thrift_out *t, int id, const void *data, size_t size);
void tl_thrift_put_text(tl_thrift_out *t, int id, const char *text);
void tl_thrift_put_list(tl_thrift_out *t, int id, tl_thrift_type element, size_t count);
void tl_thrift_open_struct(tl_thrift_out *t, int id); /* id 0: an element of a list, or the top */
void tl_thrift_close_struct(tl_thrift_out *t);
void tl_thrift_element_int(tl_thrift_out *t, int64_t value);
void tl_thrift_element_text(tl_thrift_out *t, const char *text);
void tl_thrift_element_binary(tl_thrift_out *t, const void *data, size_t size);
void tl_thrift_element_bool(tl_thrift_out *t, bool value);

#endif
