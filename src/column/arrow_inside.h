/* What export and import share: places in errors, types as format strings, integers of any size, and what a column promises. */
#ifndef TL_COLUMN_ARROW_INSIDE_H
#define TL_COLUMN_ARROW_INSIDE_H

#include "column/arrow.h"

/* A node on the way down, for errors and for what lies above it; names of structs' fields make the path. */
typedef struct tl_arrow_place {
  const struct tl_arrow_place *up; /* NULL: a column */
  const char *name;
  const tl_array *array; /* NULL where there is none yet */
  int depth;
} tl_arrow_place;

enum { TL_ARROW_DEPTH = 100 };

static inline tl_arrow_place tl__arrow_below(const tl_arrow_place *up, const char *name, const tl_array *array) {
  return (tl_arrow_place){up, name, array, up != NULL ? up->depth + 1 : 1};
}

/* "column a.b: ...". */
tl_status tl__arrow_fail(const tl_arrow_place *place, tl_error *err, tl_status status, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* How the values of a foreign array lie, and our field for them. */
typedef enum tl_arrow_layout {
  TL_ARROW_NULL,      /* no buffers */
  TL_ARROW_BITS,      /* booleans */
  TL_ARROW_PLAIN,     /* as ours */
  TL_ARROW_NARROW,    /* integers of 1 or 2 bytes */
  TL_ARROW_SCALED,    /* times whose unit is not ours */
  TL_ARROW_DECIMAL,   /* little-endian */
  TL_ARROW_BINARY,    /* offsets and bytes */
  TL_ARROW_VIEW,      /* lengths with the bytes, or with where they lie */
  TL_ARROW_STRUCT,    /* children of its own length */
  TL_ARROW_LIST,      /* offsets into a child */
  TL_ARROW_LIST_VIEW, /* offsets and sizes */
  TL_ARROW_LIST_FIXED /* `size` elements a row */
} tl_arrow_layout;

typedef struct tl_arrow_type {
  tl_arrow_layout layout;
  int width; /* bytes of a value, or of an offset */
  tl_shape shape;
  tl_field field;         /* of a VALUE; without a name */
  int64_t times, divided; /* SCALED: our value is theirs * times / divided */
  int64_t size;           /* LIST_FIXED */
} tl_arrow_type;

/* Of a schema, its own dictionary aside. */
tl_status tl__arrow_type_read(tl_arrow_type *out, const struct ArrowSchema *schema, const tl_arrow_place *place, tl_error *err) TL_MUST_CHECK;

/* The other way: what a field's values must become. */
typedef enum tl_arrow_form {
  TL_ARROW_AS_IT_IS,
  TL_ARROW_TO_BITS,
  TL_ARROW_TO_BYTES,
  TL_ARROW_TO_SHORTS,
  TL_ARROW_FROM_INT96,
  TL_ARROW_TO_DECIMAL
} tl_arrow_form;
enum { TL_ARROW_FORMAT = 32 };
/* Fills the format; *width: bytes of a value of a DECIMAL. */
tl_arrow_form tl__arrow_form(const tl_field *field, char format[TL_ARROW_FORMAT], int *width);
extern const char tl__arrow_uuid[];

/* A little-endian two's complement integer in another number of bytes; false when it does not fit. */
bool tl__arrow_resize(const uint8_t *in, int in_size, uint8_t *out, int out_size);
void tl__arrow_reverse(uint8_t *out, const uint8_t *in, int size);

/* TL_CORRUPT where a node that is not nullable has a missing row though all that holds it is there. */
tl_status tl__arrow_check_required(const tl_arrow_place *place, tl_error *err) TL_MUST_CHECK;
/* TL_CORRUPT where a text of rows from `from` on is not UTF-8. */
tl_status tl__arrow_check_text(const tl_arrow_place *place, const tl_column *column, int64_t from, tl_error *err) TL_MUST_CHECK;

#endif
