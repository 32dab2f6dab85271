#include "parquet/index_write.h"
#include <string.h>
#include "parquet/thrift.h"

tl_status tl_offset_index_write(tl_buffer *out, const tl_page_note *notes, int64_t count, int64_t group_at, tl_error *err) {
  tl_thrift_out writer = {.out = out, .err = err, .depth = -1}, *t = &writer;
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_list(t, 1, TL_THRIFT_STRUCT, (size_t)count);
  for (int64_t i = 0; i < count; i++) {
    tl_thrift_open_struct(t, 0);
    tl_thrift_put_int(t, 1, TL_THRIFT_I64, group_at + notes[i].offset);
    tl_thrift_put_int(t, 2, TL_THRIFT_I32, notes[i].size);
    tl_thrift_put_int(t, 3, TL_THRIFT_I64, notes[i].first_row);
    tl_thrift_close_struct(t);
  }
  tl_thrift_close_struct(t);
  return t->status;
}

/* 1 when both bounds never fall from page to page, 2 when they never rise, 0 otherwise; pages without values do not count. */
static int order_of(const tl_page_note *notes, int64_t count, const tl_field *field) {
  bool rises = true, falls = true;
  const tl_page_note *last = NULL;
  for (int64_t i = 0; i < count; i++) {
    if (notes[i].all_null) continue;
    if (last != NULL) {
      tl_bounds low = last->bounds, high = notes[i].bounds;
      tl_bounds both = low;
      tl_bounds_merge(&both, &high, field); /* what the merged bounds keep tells which is which */
      bool min_kept = memcmp(both.min, low.min, sizeof both.min) == 0 && both.min_size == low.min_size;
      bool max_taken = memcmp(both.max, high.max, sizeof both.max) == 0 && both.max_size == high.max_size;
      bool min_taken = memcmp(both.min, high.min, sizeof both.min) == 0 && both.min_size == high.min_size;
      bool max_kept = memcmp(both.max, low.max, sizeof both.max) == 0 && both.max_size == low.max_size;
      rises &= min_kept && max_taken;
      falls &= min_taken && max_kept;
    }
    last = &notes[i];
  }
  return rises ? 1 : falls ? 2 : 0;
}

tl_status tl_column_index_write(tl_buffer *out, const tl_page_note *notes, int64_t count, const tl_field *field, tl_error *err) {
  for (int64_t i = 0; i < count; i++)
    if (!notes[i].all_null && !notes[i].bounds.known) return TL_OK;
  tl_thrift_out writer = {.out = out, .err = err, .depth = -1}, *t = &writer;
  size_t pages = (size_t)count;
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_list(t, 1, TL_THRIFT_TRUE, pages);
  for (size_t i = 0; i < pages; i++) tl_thrift_element_bool(t, notes[i].all_null);
  tl_thrift_put_list(t, 2, TL_THRIFT_BINARY, pages);
  for (size_t i = 0; i < pages; i++) tl_thrift_element_binary(t, notes[i].bounds.min, notes[i].all_null ? 0 : notes[i].bounds.min_size);
  tl_thrift_put_list(t, 3, TL_THRIFT_BINARY, pages);
  for (size_t i = 0; i < pages; i++) tl_thrift_element_binary(t, notes[i].bounds.max, notes[i].all_null ? 0 : notes[i].bounds.max_size);
  tl_thrift_put_int(t, 4, TL_THRIFT_I32, order_of(notes, count, field));
  tl_thrift_put_list(t, 5, TL_THRIFT_I64, pages);
  for (size_t i = 0; i < pages; i++) tl_thrift_element_int(t, notes[i].nulls);
  tl_thrift_close_struct(t);
  return t->status;
}
