/* Uses every row of a decoded column as the layers above would. */
#ifndef TL_TEST_FUZZ_WALK_H
#define TL_TEST_FUZZ_WALK_H

#include "column/column.h"

/* A hash of all rows. */
uint64_t tl__fuzz_walk(const tl_column *column);

#endif
