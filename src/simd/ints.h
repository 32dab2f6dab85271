/* One native vector of unsigned integers of 32 or 64 bits: the words in which packed integers are taken apart.

   As with vec.h, a file that includes this is compiled once per instruction set. TL_INTS says that there is such a vector; without
   it (the baseline, other processors) kernels go one value at a time. U32 and U64 are the numbers of lanes. Shifts are lane by
   lane, and by a lane's width or more they give 0. */
#ifndef TL_SIMD_INTS_H
#define TL_SIMD_INTS_H

#include <stddef.h>
#include <stdint.h>

#if defined(TL_ISA_AVX512)
#define TL_INTS
#include "simd/ints_avx512.h"
#elif defined(TL_ISA_AVX2)
#define TL_INTS
#include "simd/ints_avx2.h"
#endif

#endif
