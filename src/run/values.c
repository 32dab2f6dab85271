#include "run/values.h"
#include "lane/tile.h"
#include "run/numbering.h"

void tl_order_of_column(const tl_input_file *f, const tl_column *column, int64_t from, int64_t count, int64_t *out) {
  for (int64_t i = 0; i < count; i++) {
    int64_t key = f->order_leaf < 0 ? f->order_value : tl_column_is_valid(column, from + i) ? tl_column_int(column, from + i) : INT64_MIN;
    if (key != INT64_MIN && __builtin_mul_overflow(key, f->order_factor, &key)) key = INT64_MAX;
    out[i] = key;
  }
}

tl_status tl_order_values(const tl_input_file *f, tl_parquet *file, int group, int64_t first, int64_t count, tl_column *column, tl_page_scratch *scratch,
                          tl_page_cursor *cursor, int64_t *out, tl_error *err) {
  if (f->order_leaf >= 0) TL_TRY(tl_parquet_read_on(file, group, f->order_leaf, first, count, column, scratch, cursor, err));
  tl_order_of_column(f, column, 0, count, out);
  return TL_OK;
}

void tl_input_absent(const tl_input_set *set, int input, const tl_input_file *file, int64_t count, double *out) {
  double value = set->definition->inputs[input].picks > 0 ? tl_numbering_of_file(set, input, file) : __builtin_nan("");
  for (int64_t i = 0; i < count; i++) out[i] = value;
}

tl_status tl_input_values(const tl_input_set *set, int input, bool as_time, const tl_column *column, int64_t from, int64_t count, double *out,
                          int64_t *nonfinite, tl_error *err) {
  if (set->definition->inputs[input].picks > 0) return tl_numbering_values(set->numberings[input], column, from, count, out, err);
  if (!as_time) {
    tl_column_doubles(column, from, count, out, nonfinite);
    return TL_OK;
  }
  tl_time_unit unit = tl_field_unit(&column->field);
  if (unit == TL_UNIT_NONE) return tl_fail(err, TL_UNSUPPORTED, "column %s is no date or timestamp, but is used as a time", column->field.name);
  int64_t factor = tl_units_a_day(set->units[input]) / tl_units_a_day(unit);
  for (int64_t i = 0; i < count; i++) {
    int64_t v = tl_column_is_valid(column, from + i) ? tl_column_int(column, from + i) : tl_time_na();
    if (v != tl_time_na() && __builtin_mul_overflow(v, factor, &v)) v = tl_time_na();
    memcpy(&out[i], &v, sizeof v);
  }
  return TL_OK;
}
