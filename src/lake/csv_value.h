/* The text of one value to the value, exactly: numbers are correctly rounded, decimals and times lose no digit, and what does not fit
   its type is no value of it. Text comes without blanks around it; it need not be terminated. */
#ifndef TL_LAKE_CSV_VALUE_H
#define TL_LAKE_CSV_VALUE_H

#include <stddef.h>
#include "column/type.h"

/* Writes a value of the field into its slot of tl_field_width bytes; false when the text is none. */
typedef bool (*tl_csv_read)(const tl_field *field, const char *text, size_t size, void *slot);

/* How a field's values are read; NULL: as they are (byte arrays). `given`: the type was asked for, so that it alone says what a text
   means. A type that was sniffed is stricter, lest a later row loses what earlier rows did not have: numbers with leading zeros or a plus
   are codes, and a timestamp has an offset when its type is UTC. */
tl_csv_read tl__csv_reader(const tl_field *field, bool given);

/* Whole numbers with a sign or none. */
bool tl__csv_int(const char *text, size_t size, int64_t *out);
/* Decimal numbers with an exponent or none; nan, inf and infinity in any case. */
bool tl__csv_double(const char *text, size_t size, double *out);
/* true and false in any case. */
bool tl__csv_boolean(const char *text, size_t size, bool *out);
/* Whether a number is written as codes are: 007, +49. */
bool tl__csv_is_code(const char *text, size_t size);

typedef struct tl_csv_time {
  int64_t day, second; /* since 1970; of the day in UTC, so that an offset may take it below 0 or beyond 86,399 */
  int32_t nanosecond;
  int digits; /* of the fraction, as written */
  bool has_offset;
} tl_csv_time;

/* "2024-02-29T09:30", "2024-02-29 09:30:00.25Z", "...+05:30", "...-0400", "...+00": up to 9 digits of fraction. */
bool tl__csv_time(const char *text, size_t size, tl_csv_time *out);
/* Counts 10^-digits seconds since 1970; false when that is not exact, or does not fit. */
bool tl__csv_time_count(const tl_csv_time *time, int digits, int64_t *out);

#endif
