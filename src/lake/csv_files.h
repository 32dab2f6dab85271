/* The *.csv files below a path. */
#ifndef TL_LAKE_CSV_FILES_H
#define TL_LAKE_CSV_FILES_H

#include "lake/csv.h"

/* Sets files and size. A path that is a file is taken whatever its name; in folders, names that begin with '_' or '.' and files that are
   not *.csv are skipped. TL_NOT_FOUND when there is none; TL_UNSUPPORTED for what would be left out in silence: *.csv.gz, and folders
   named key=value, whose keys are not read. */
tl_status tl__csv_list(tl_csv *csv, const char *path, tl_error *err) TL_MUST_CHECK;

#endif
