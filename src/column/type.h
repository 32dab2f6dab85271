/* Types of columns: how values lie in memory (physical), and what they mean (logical). The names are Parquet's. */
#ifndef TL_COLUMN_TYPE_H
#define TL_COLUMN_TYPE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum tl_physical {
  TL_PHYSICAL_BOOLEAN,
  TL_PHYSICAL_INT32,
  TL_PHYSICAL_INT64,
  TL_PHYSICAL_INT96,
  TL_PHYSICAL_FLOAT,
  TL_PHYSICAL_DOUBLE,
  TL_PHYSICAL_BYTE_ARRAY,
  TL_PHYSICAL_FIXED, /* fixed-length byte array */
  TL_PHYSICAL_COUNT
} tl_physical;

typedef enum tl_logical {
  TL_LOGICAL_NONE,
  TL_LOGICAL_STRING,
  TL_LOGICAL_ENUM,
  TL_LOGICAL_JSON,
  TL_LOGICAL_BSON,
  TL_LOGICAL_UUID,
  TL_LOGICAL_DECIMAL,
  TL_LOGICAL_DATE,
  TL_LOGICAL_TIME,
  TL_LOGICAL_TIMESTAMP,
  TL_LOGICAL_INTEGER,
  TL_LOGICAL_FLOAT16,
  TL_LOGICAL_OTHER, /* known to the format, not to us: the physical form speaks */
} tl_logical;

typedef struct tl_field {
  const char *name; /* dotted path of the leaf */
  tl_physical physical;
  tl_logical logical;
  int32_t fixed_size;       /* of FIXED, bytes */
  int32_t digits;           /* of TIME and TIMESTAMP: 3 (ms), 6 (us), 9 (ns) */
  bool utc;                 /* of TIME and TIMESTAMP: adjusted to UTC */
  int32_t precision, scale; /* of DECIMAL */
  int32_t bits;             /* of INTEGER: 8, 16, 32, 64 */
  bool is_unsigned;         /* of INTEGER */
  bool nullable;
} tl_field;

static inline bool tl_field_is_text(const tl_field *f) {
  return f->physical == TL_PHYSICAL_BYTE_ARRAY && (f->logical == TL_LOGICAL_STRING || f->logical == TL_LOGICAL_ENUM || f->logical == TL_LOGICAL_JSON);
}
static inline bool tl_field_is_unsigned(const tl_field *f) { return f->logical == TL_LOGICAL_INTEGER && f->is_unsigned; }

/* Bytes of one value in memory; booleans take one. 0 for byte arrays. */
static inline int32_t tl_field_width(const tl_field *f) {
  switch (f->physical) {
    case TL_PHYSICAL_BOOLEAN: return 1;
    case TL_PHYSICAL_INT32:
    case TL_PHYSICAL_FLOAT: return 4;
    case TL_PHYSICAL_INT64:
    case TL_PHYSICAL_DOUBLE: return 8;
    case TL_PHYSICAL_INT96: return 12;
    case TL_PHYSICAL_FIXED: return f->fixed_size;
    default: return 0;
  }
}

/* "double", "timestamp[us, UTC]", "decimal(12, 2)", ... */
enum { TL_TYPE_TEXT = 64 };
void tl_field_type_text(char out[TL_TYPE_TEXT], const tl_field *field);

#endif
