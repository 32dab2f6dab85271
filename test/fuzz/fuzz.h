/* What the targets share: the entry point, and an environment whose only file is the input and whose memory is bounded.

   A request beyond the bound ends the process: code that believes a size in a hostile file before it has checked it is a defect,
   also where the machine would have had the memory. */
#ifndef TL_TEST_FUZZ_H
#define TL_TEST_FUZZ_H

#include "base/env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One at a time; `data` must outlive its use. Every path is the file. */
tl_env *tl__fuzz_env(const uint8_t *data, size_t size, size_t most_memory);
/* Ends the process when memory of the environment was not released. */
void tl__fuzz_env_close(tl_env *env);

/* Ends the process when `holds` is false: a law between results that always holds. */
void tl__fuzz_law(bool holds, const char *law);
/* Reads every byte, so that a sanitizer sees a view that reaches too far. */
void tl__fuzz_touch(const void *data, size_t size);

#endif
