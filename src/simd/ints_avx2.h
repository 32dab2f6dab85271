/* Eight integers of 32 bits or four of 64: AVX2. */
#include <immintrin.h>

typedef __m256i ints;
enum { U32 = 8, U64 = 4 };

#define II static inline __attribute__((always_inline, unused))

II ints ints_load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
II void ints_store(void *p, ints a) { _mm256_storeu_si256((__m256i *)p, a); }
II ints ints_and(ints a, ints b) { return _mm256_and_si256(a, b); }
II ints ints_or(ints a, ints b) { return _mm256_or_si256(a, b); }

II ints ints32_set1(uint32_t a) { return _mm256_set1_epi32((int32_t)a); }
II ints ints32_index(void) { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
II ints ints32_add(ints a, ints b) { return _mm256_add_epi32(a, b); }
II ints ints32_sub(ints a, ints b) { return _mm256_sub_epi32(a, b); }
II ints ints32_mul(ints a, ints b) { return _mm256_mullo_epi32(a, b); }
II ints ints32_left(ints a, ints n) { return _mm256_sllv_epi32(a, n); }
II ints ints32_right(ints a, ints n) { return _mm256_srlv_epi32(a, n); }
II ints ints32_permute(ints a, ints index) { return _mm256_permutevar8x32_epi32(a, index); }
II uint32_t ints32_first(ints a) { return (uint32_t)_mm_cvtsi128_si32(_mm256_castsi256_si128(a)); }
II ints ints32_last(ints a) { return ints32_permute(a, ints32_set1(7)); }
/* Lane i becomes the sum of lanes 0..i. */
II ints ints32_prefix(ints a) {
  a = ints32_add(a, _mm256_slli_si256(a, 4));
  a = ints32_add(a, _mm256_slli_si256(a, 8));
  __m256i below = _mm256_permute2x128_si256(a, a, 0x08); /* the low half above zeros */
  return ints32_add(a, _mm256_shuffle_epi32(below, 0xff));
}

II ints ints64_set1(uint64_t a) { return _mm256_set1_epi64x((int64_t)a); }
II ints ints64_index(void) { return _mm256_setr_epi64x(0, 1, 2, 3); }
II ints ints64_add(ints a, ints b) { return _mm256_add_epi64(a, b); }
II ints ints64_sub(ints a, ints b) { return _mm256_sub_epi64(a, b); }
II ints ints64_left(ints a, ints n) { return _mm256_sllv_epi64(a, n); }
II ints ints64_right(ints a, ints n) { return _mm256_srlv_epi64(a, n); }
II ints ints64_mul32(ints a, ints b) { return _mm256_mul_epu32(a, b); }
/* Lanes of 64 bits out of the register's words of 32: word `at` and the one after it. */
II ints ints64_pick(ints a, ints at) {
  ints both = _mm256_or_si256(at, _mm256_slli_epi64(_mm256_add_epi64(at, ints64_set1(1)), 32));
  return _mm256_permutevar8x32_epi32(a, both);
}
II uint64_t ints64_first(ints a) { return (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(a)); }
II ints ints64_last(ints a) { return _mm256_permute4x64_epi64(a, 0xff); }
II ints ints64_prefix(ints a) {
  a = ints64_add(a, _mm256_slli_si256(a, 8));
  __m256i below = _mm256_permute4x64_epi64(a, 0x55);
  return ints64_add(a, _mm256_blend_epi32(_mm256_setzero_si256(), below, 0xf0));
}
