/* Planning what is read: the bytes of a row group's columns, neighbours put together, asked for before they are needed. The system reads them
   ahead while others are decoded; what is decoded comes from its cache in pieces of half a megabyte, into buffers that are used again. */
#ifndef TL_PARQUET_AHEAD_H
#define TL_PARQUET_AHEAD_H

#include "parquet/reader.h"

/* Byte ranges of column chunks, in order of the file; what lies closer together than a seek costs becomes one. Those that do not lie in the
   file are left out. The caller has room for `count`; returns how many there are. */
int tl_plan_ranges(const tl_parquet *file, int group, const int *leaves, int count, tl_extent *out);
/* Asks for them. */
void tl_read_ahead(tl_parquet *file, int group, const int *leaves, int count);

#endif
