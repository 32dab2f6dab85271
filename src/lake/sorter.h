/* Rows in another order, however many there are: what memory holds is sorted and written as a run, a temporary file of the `fast` profile;
   the runs are merged, as many at once as memory allows. Stable: rows with equal keys keep the order in which they came. */
#ifndef TL_LAKE_SORTER_H
#define TL_LAKE_SORTER_H

#include "column/array.h"
#include "parquet/meta.h"

typedef struct tl_sorter tl_sorter;

/* Takes sorted rows: row rows[i] of batches[from[i]], of the first batch where `from` is NULL. */
typedef tl_status (*tl_sorted_rows)(void *context, const tl_batch *const *batches, int batch_count, const uint16_t *from, const uint32_t *rows, int64_t count,
                                    tl_error *err);

/* `keys` are top-level columns of values; missing ones come last either way. Runs are `prefix`0, `prefix`1, ..; none remains. */
tl_status tl_sorter_open(tl_sorter **out, tl_env *env, const char *prefix, const tl_schema *schema, const tl_sorting *keys, int key_count, int64_t memory,
                         tl_error *err) TL_MUST_CHECK;
tl_status tl_sorter_put(tl_sorter *sorter, tl_array *const *columns, int64_t from, int64_t count, tl_error *err) TL_MUST_CHECK;
/* Hands over everything, once. */
tl_status tl_sorter_drain(tl_sorter *sorter, tl_sorted_rows take, void *context, tl_error *err) TL_MUST_CHECK;
void tl_sorter_close(tl_sorter *sorter);

#endif
