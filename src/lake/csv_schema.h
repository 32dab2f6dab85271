/* Types of columns as people give them: "ticker:string, price:decimal(12, 2), at:timestamp[us, UTC]". A name with a comma or colon in it
   stands in quotes, doubled inside. */
#ifndef TL_LAKE_CSV_SCHEMA_H
#define TL_LAKE_CSV_SCHEMA_H

#include "base/arena.h"
#include "column/type.h"

/* A type as tl_field_type_text prints it, of those that text can be read as; the name is left alone. */
bool tl__csv_type_read(const char *text, size_t size, tl_field *out);
/* The fields of a schema text, in the arena. TL_USAGE when it is none. */
tl_status tl__csv_schema_read(tl_arena *arena, const char *text, tl_field **fields, int *count, tl_error *err) TL_MUST_CHECK;

#endif
