/* What files share that are compiled once per instruction set. tl__avx2_kernels is TL_KERNEL_NAME(TL_KERNELS, kernels). */
#ifndef TL_SIMD_KERNEL_H
#define TL_SIMD_KERNEL_H

#define TL_JOIN3(a, b, c) a##b##c
#define TL_KERNEL_NAME(isa, id) TL_JOIN3(isa, _, id)

#define TL_INLINE static inline __attribute__((always_inline, unused))

#endif
