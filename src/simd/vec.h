/* One native vector of doubles: the only words in which kernels are written.

   A file that includes this is compiled once per instruction set; each folder-free header below gives the same names over
   another register. Meanings that all of them share, to the last bit:
     - arithmetic is IEEE double, no fused multiply-add, no reassociation;
     - vec_min(a, b) is a < b ? a : b and vec_max(a, b) is a > b ? a : b, so b is taken when either is NaN;
     - comparisons with NaN are false (vec_ne alone is true);
     - vec_select(m, a, b) is m ? a : b lane by lane, spelled out because C has no vector `?:`.
   V is the number of doubles in a vec. */
#ifndef TL_SIMD_VEC_H
#define TL_SIMD_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "simd/kernel.h"

#if defined(TL_ISA_AVX512)
#include "simd/vec_avx512.h"
#elif defined(TL_ISA_AVX2)
#include "simd/vec_avx2.h"
#elif defined(__x86_64__)
#include "simd/vec_sse2.h"
#elif defined(__aarch64__)
#include "simd/vec_neon.h"
#else
#include "simd/vec_scalar.h"
#endif

TL_INLINE vec vec_na(void) { return vec_set1(__builtin_nan("")); }
TL_INLINE vec vec_zero(void) { return vec_set1(0.0); }
TL_INLINE mask vec_present(vec a) { return vec_eq(a, a); }
TL_INLINE mask vec_absent(vec a) { return vec_ne(a, a); }
TL_INLINE vec vec_abs(vec a) { return vec_and_bits(a, 0x7fffffffffffffffull); }
TL_INLINE vec vec_neg(vec a) { return vec_xor_bits(a, 0x8000000000000000ull); }
/* A result that is not finite is missing. */
TL_INLINE vec vec_finite(vec a) { return vec_select(vec_lt(vec_abs(a), vec_set1(INFINITY)), a, vec_na()); }
/* 1.0 where true, 0.0 where not. */
TL_INLINE vec vec_truth(mask m) { return vec_select(m, vec_set1(1.0), vec_zero()); }
/* One more where m. */
#if !defined(TL_VEC_HAS_COUNT)
TL_INLINE vec vec_count(vec count, mask m) { return vec_add(count, vec_truth(m)); }
#endif

#endif
