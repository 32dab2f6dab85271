/* The order of values, as sorting knows it: numbers and times by value, NaN behind every number, both zeros the same, texts and other bytes
   byte by byte, false before true. */
#ifndef TL_COLUMN_COMPARE_H
#define TL_COLUMN_COMPARE_H

#include "column/column.h"

/* Below 0, 0, above 0. Two columns of the same type; rows that are not missing. */
int tl_column_compare(const tl_column *a, int64_t i, const tl_column *b, int64_t j);
/* Whether equal prefixes are equal values, of columns of this type. */
bool tl_prefix_is_exact(const tl_field *field);
/* A number whose order agrees with the values', as far as it goes: equal ones may still differ. */
uint64_t tl_column_prefix(const tl_column *column, int64_t row);

#endif
