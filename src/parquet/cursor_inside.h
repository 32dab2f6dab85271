/* What the cursor's files share: pages one after another, whoever reads what is in them. */
#ifndef TL_PARQUET_CURSOR_INSIDE_H
#define TL_PARQUET_CURSOR_INSIDE_H

#include "parquet/cursor.h"

enum { TL_LONG_WAY = 1 << 14 }; /* rows: worth the offset index */

/* Goes on to the next data page: its header is read, its body not yet. Dictionaries on the way are taken. */
tl_status tl_cursor_next_page(tl_cursor *cursor, tl_error *err) TL_MUST_CHECK;
/* Opens the streams of the page at hand. */
tl_status tl_cursor_open_page(tl_cursor *cursor, tl_error *err) TL_MUST_CHECK;
/* All of the page is behind us. */
tl_status tl_cursor_leave_page(tl_cursor *cursor, tl_error *err) TL_MUST_CHECK;
/* Goes to the page that holds a row far ahead, by way of the dictionary, where the file says how; else stays. */
tl_status tl_cursor_jump(tl_cursor *cursor, int64_t row, tl_error *err) TL_MUST_CHECK;

tl_status tl_cursor_skip_rows(tl_cursor *cursor, int64_t rows, tl_error *err) TL_MUST_CHECK;
tl_status tl_cursor_skip_entries(tl_cursor *cursor, int64_t rows, tl_error *err) TL_MUST_CHECK;
/* The `done` rows that came so far as codes become values, because the page does not have codes. */
tl_status tl_cursor_give_up_codes(tl_cursor *cursor, tl_column *out, int64_t done, tl_error *err) TL_MUST_CHECK;

#endif
