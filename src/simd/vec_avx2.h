/* Four doubles: AVX2. */
#include <immintrin.h>

#define V 4
typedef __m256d vec;
typedef __m256d mask;

#define VI static inline __attribute__((always_inline, unused))

VI vec vec_load(const double *p) { return _mm256_loadu_pd(p); }
VI void vec_store(double *p, vec a) { _mm256_storeu_pd(p, a); }
VI vec vec_set1(double a) { return _mm256_set1_pd(a); }
VI vec vec_add(vec a, vec b) { return _mm256_add_pd(a, b); }
VI vec vec_sub(vec a, vec b) { return _mm256_sub_pd(a, b); }
VI vec vec_mul(vec a, vec b) { return _mm256_mul_pd(a, b); }
VI vec vec_div(vec a, vec b) { return _mm256_div_pd(a, b); }
VI vec vec_sqrt(vec a) { return _mm256_sqrt_pd(a); }
VI vec vec_min(vec a, vec b) { return _mm256_min_pd(a, b); }
VI vec vec_max(vec a, vec b) { return _mm256_max_pd(a, b); }
VI mask vec_eq(vec a, vec b) { return _mm256_cmp_pd(a, b, _CMP_EQ_OQ); }
VI mask vec_ne(vec a, vec b) { return _mm256_cmp_pd(a, b, _CMP_NEQ_UQ); }
VI mask vec_lt(vec a, vec b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
VI mask vec_le(vec a, vec b) { return _mm256_cmp_pd(a, b, _CMP_LE_OQ); }
VI mask mask_and(mask a, mask b) { return _mm256_and_pd(a, b); }
VI mask mask_or(mask a, mask b) { return _mm256_or_pd(a, b); }
VI mask mask_not(mask a) { return _mm256_xor_pd(a, _mm256_castsi256_pd(_mm256_set1_epi32(-1))); }
VI int mask_any(mask a) { return _mm256_movemask_pd(a) != 0; }
VI int mask_bits(mask a) { return _mm256_movemask_pd(a); }
VI vec vec_select(mask m, vec a, vec b) { return _mm256_blendv_pd(b, a, m); }
VI vec vec_set1_bits(uint64_t bits) { return _mm256_castsi256_pd(_mm256_set1_epi64x((int64_t)bits)); }
VI vec vec_and_bits(vec a, uint64_t bits) { return _mm256_and_pd(a, vec_set1_bits(bits)); }
VI vec vec_or_bits(vec a, uint64_t bits) { return _mm256_or_pd(a, vec_set1_bits(bits)); }
VI vec vec_xor_bits(vec a, uint64_t bits) { return _mm256_xor_pd(a, vec_set1_bits(bits)); }
VI vec vec_or(vec a, vec b) { return _mm256_or_pd(a, b); }
VI vec vec_add_bits(vec a, vec b) { return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b))); }
VI vec vec_sub_bits(vec a, vec b) { return _mm256_castsi256_pd(_mm256_sub_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b))); }
VI vec vec_shift_left(vec a, int n) { return _mm256_castsi256_pd(_mm256_sll_epi64(_mm256_castpd_si256(a), _mm_cvtsi32_si128(n))); }
VI vec vec_shift_right(vec a, int n) { return _mm256_castsi256_pd(_mm256_srl_epi64(_mm256_castpd_si256(a), _mm_cvtsi32_si128(n))); }

/* Turns a V x V block over: element j of row i becomes element i of row j. Pairs first, then halves. */
VI void vec_transpose(vec *b) {
  vec a0 = _mm256_unpacklo_pd(b[0], b[1]), a1 = _mm256_unpackhi_pd(b[0], b[1]);
  vec a2 = _mm256_unpacklo_pd(b[2], b[3]), a3 = _mm256_unpackhi_pd(b[2], b[3]);
  b[0] = _mm256_permute2f128_pd(a0, a2, 0x20), b[1] = _mm256_permute2f128_pd(a1, a3, 0x20);
  b[2] = _mm256_permute2f128_pd(a0, a2, 0x31), b[3] = _mm256_permute2f128_pd(a1, a3, 0x31);
}
