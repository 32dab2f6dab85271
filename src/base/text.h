/* Text that does not depend on the locale: numbers, times, sizes, and the nearest of several names. */
#ifndef TL_BASE_TEXT_H
#define TL_BASE_TEXT_H

#include <stdbool.h>
#include "base/buffer.h"

enum { TL_NUMBER_TEXT = 40, TL_TIME_TEXT = 64 };

/* The shortest decimal that reads back as the same double; "NaN", "Infinity", "-Infinity". */
void tl_double_text(char out[TL_NUMBER_TEXT], double value);
/* The same for a float. */
void tl_float_text(char out[TL_NUMBER_TEXT], float value);
/* Reads a decimal number that fills the whole text; false when it is none. */
bool tl_double_read(const char *text, size_t size, double *out);
bool tl_float_read(const char *text, size_t size, float *out);
bool tl_int_read(const char *text, size_t size, int64_t *out);

/* "2024-02-29" to days since 1970; false when it is no date. */
bool tl_date_read(const char *text, size_t size, int64_t *days);
/* The same with a time of day behind it, "2024-02-29T09:30:00.25" ('T' or a blank; a Z at the end is ignored): nanoseconds since 1970. */
bool tl_time_read(const char *text, size_t size, int64_t *ns);

/* ISO date, and ISO date and time with `digits` digits of fraction (0, 3, 6, 9) from a count of 10^-digits seconds. */
void tl_date_text(char out[TL_TIME_TEXT], int64_t days);
void tl_time_text(char out[TL_TIME_TEXT], int64_t value, int digits, bool utc);
void tl_clock_text(char out[TL_TIME_TEXT], int64_t value, int digits); /* time of day */

/* "1.5 MB", "12.3 s": for people. */
void tl_size_text(char out[TL_NUMBER_TEXT], double bytes);
void tl_seconds_text(char out[TL_NUMBER_TEXT], double seconds);
void tl_count_text(char out[TL_NUMBER_TEXT], int64_t count); /* 12,345,678 */
/* "256MB", "1.5GB", "64KiB", "1000000": bytes. MB is 10^6, MiB 2^20. */
bool tl_size_read(const char *text, int64_t *bytes);

bool tl_ends_with(const char *text, const char *end);
bool tl_ends_with_anycase(const char *text, const char *end); /* .CSV as .csv, in ASCII */

/* The number of single-character edits (swap of neighbours included) from one name to another. */
int tl_edit_distance(const char *a, const char *b);
/* The nearest of the names, or NULL when none is near enough to be meant. */
const char *tl_nearest_name(const char *name, const char *const *names, size_t count);

/* Whether the bytes are valid UTF-8. */
bool tl_utf8_valid(const char *text, size_t size);
/* A text as a JSON string with its quotes. */
tl_status tl_json_text(tl_buffer *out, const char *text, size_t size, tl_error *err) TL_MUST_CHECK;

#endif
