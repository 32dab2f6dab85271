/* Keys of the path as columns: date=2024-01-02/part.parquet. */
#ifndef TL_LAKE_HIVE_H
#define TL_LAKE_HIVE_H

#include "column/column.h"
#include "lake/dataset.h"

/* The strictest type that holds every file's value: `date` is a DATE, others int64 when every value is canonical, else text. */
tl_field tl_hive_field(const tl_dataset *dataset, const char *name);
/* `rows` rows of a key of a file's path; missing where the path has none. */
tl_status tl_hive_fill(const tl_dataset_file *file, const tl_field *field, int64_t rows, tl_column *out, tl_error *err) TL_MUST_CHECK;

#endif
