/* Bounds of column chunks as numbers. */
#include "parquet/reader.h"

bool tl_statistics_int_range(const tl_chunk *c, const tl_leaf *leaf, int64_t *min, int64_t *max) {
  size_t width = leaf->field.physical == TL_PHYSICAL_INT32 ? 4 : leaf->field.physical == TL_PHYSICAL_INT64 ? 8 : 0;
  const tl_statistics *s = &c->statistics;
  if (width == 0 || s->min.data == NULL || s->max.data == NULL || s->min.size != width || s->max.size != width) return false;
  if (tl_field_is_unsigned(&leaf->field)) return false;
  *min = width == 4 ? (int32_t)tl_load32(s->min.data) : (int64_t)tl_load64(s->min.data);
  *max = width == 4 ? (int32_t)tl_load32(s->max.data) : (int64_t)tl_load64(s->max.data);
  return *min <= *max;
}

bool tl_statistics_range(const tl_chunk *c, const tl_leaf *leaf, double *min, double *max) {
  const tl_statistics *s = &c->statistics;
  int64_t low, high;
  if (tl_statistics_int_range(c, leaf, &low, &high)) return *min = (double)low, *max = (double)high, true;
  if (leaf->field.physical != TL_PHYSICAL_DOUBLE || s->min.size != 8 || s->max.size != 8) return false;
  *min = tl_load_double(s->min.data), *max = tl_load_double(s->max.data);
  return *min <= *max;
}
