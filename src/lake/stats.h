/* Statistics of a dataset's columns, by decoding them. */
#ifndef TL_LAKE_STATS_H
#define TL_LAKE_STATS_H

#include "column/totals.h"
#include "lake/scan.h"

typedef struct tl_stats {
  tl_env *env;
  tl_scan scan;
  int64_t rows;      /* that hold the condition */
  tl_totals *totals; /* one a wanted column; of nested ones only rows and missing count */
  int64_t bytes_read;
} tl_stats;

/* `wants`: of TL_TOTALS_*. `memory` bounds what distinct values may take. */
tl_status tl_stats_run(tl_stats *out, tl_env *env, const char *path, tl_scan_options options, unsigned wants, int threads, int64_t memory,
                       tl_error *err) TL_MUST_CHECK;
void tl_stats_free(tl_stats *stats);

#endif
