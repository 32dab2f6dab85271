/* Sixteen integers of 32 bits or eight of 64: AVX-512 F, DQ, VL, BW. */
#include <immintrin.h>

typedef __m512i ints;
enum { U32 = 16, U64 = 8 };

#define II static inline __attribute__((always_inline, unused))

II ints ints_load(const void *p) { return _mm512_loadu_si512(p); }
II void ints_store(void *p, ints a) { _mm512_storeu_si512(p, a); }
II ints ints_and(ints a, ints b) { return _mm512_and_si512(a, b); }
II ints ints_or(ints a, ints b) { return _mm512_or_si512(a, b); }

II ints ints32_set1(uint32_t a) { return _mm512_set1_epi32((int32_t)a); }
II ints ints32_index(void) { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
II ints ints32_add(ints a, ints b) { return _mm512_add_epi32(a, b); }
II ints ints32_sub(ints a, ints b) { return _mm512_sub_epi32(a, b); }
II ints ints32_mul(ints a, ints b) { return _mm512_mullo_epi32(a, b); }
II ints ints32_left(ints a, ints n) { return _mm512_sllv_epi32(a, n); }
II ints ints32_right(ints a, ints n) { return _mm512_srlv_epi32(a, n); }
II ints ints32_permute(ints a, ints index) { return _mm512_permutexvar_epi32(index, a); }
II uint32_t ints32_first(ints a) { return (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(a)); }
II ints ints32_last(ints a) { return ints32_permute(a, ints32_set1(15)); }
/* Lane i becomes the sum of lanes 0..i. */
II ints ints32_prefix(ints a) {
  ints zero = _mm512_setzero_si512();
  a = ints32_add(a, _mm512_alignr_epi32(a, zero, 15));
  a = ints32_add(a, _mm512_alignr_epi32(a, zero, 14));
  a = ints32_add(a, _mm512_alignr_epi32(a, zero, 12));
  return ints32_add(a, _mm512_alignr_epi32(a, zero, 8));
}

/* Lanes whose bit of `there` is set take the register's lanes one after the other, the others are 0; and lanes as 16 bits each. */
#define TL_INTS_EXPAND
II ints ints32_expand(uint32_t there, ints a) { return _mm512_maskz_expand_epi32((__mmask16)there, a); }
II void ints32_store16(void *p, ints a) { _mm256_storeu_si256(p, _mm512_cvtepi32_epi16(a)); }

II ints ints64_set1(uint64_t a) { return _mm512_set1_epi64((int64_t)a); }
II ints ints64_index(void) { return _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7); }
II ints ints64_add(ints a, ints b) { return _mm512_add_epi64(a, b); }
II ints ints64_sub(ints a, ints b) { return _mm512_sub_epi64(a, b); }
II ints ints64_left(ints a, ints n) { return _mm512_sllv_epi64(a, n); }
II ints ints64_right(ints a, ints n) { return _mm512_srlv_epi64(a, n); }
II ints ints64_mul32(ints a, ints b) { return _mm512_mul_epu32(a, b); }
/* Lanes of 64 bits out of the register's words of 32: word `at` and the one after it. */
II ints ints64_pick(ints a, ints at) {
  ints both = _mm512_or_si512(at, _mm512_slli_epi64(_mm512_add_epi64(at, ints64_set1(1)), 32));
  return _mm512_permutexvar_epi32(both, a);
}
II ints ints64_last(ints a) { return _mm512_permutexvar_epi64(ints64_set1(7), a); }
II uint64_t ints64_first(ints a) { return (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(a)); }
II ints ints64_prefix(ints a) {
  ints zero = _mm512_setzero_si512();
  a = ints64_add(a, _mm512_alignr_epi64(a, zero, 7));
  a = ints64_add(a, _mm512_alignr_epi64(a, zero, 6));
  return ints64_add(a, _mm512_alignr_epi64(a, zero, 4));
}
