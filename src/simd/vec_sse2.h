/* Two doubles: SSE2, which every x86-64 has. */
#include <emmintrin.h>

#define V 2
typedef __m128d vec;
typedef __m128d mask;

#define VI static inline __attribute__((always_inline, unused))

VI vec vec_load(const double *p) { return _mm_loadu_pd(p); }
VI void vec_store(double *p, vec a) { _mm_storeu_pd(p, a); }
VI vec vec_set1(double a) { return _mm_set1_pd(a); }
VI vec vec_add(vec a, vec b) { return _mm_add_pd(a, b); }
VI vec vec_sub(vec a, vec b) { return _mm_sub_pd(a, b); }
VI vec vec_mul(vec a, vec b) { return _mm_mul_pd(a, b); }
VI vec vec_div(vec a, vec b) { return _mm_div_pd(a, b); }
VI vec vec_sqrt(vec a) { return _mm_sqrt_pd(a); }
VI vec vec_min(vec a, vec b) { return _mm_min_pd(a, b); }
VI vec vec_max(vec a, vec b) { return _mm_max_pd(a, b); }
VI mask vec_eq(vec a, vec b) { return _mm_cmpeq_pd(a, b); }
VI mask vec_ne(vec a, vec b) { return _mm_cmpneq_pd(a, b); }
VI mask vec_lt(vec a, vec b) { return _mm_cmplt_pd(a, b); }
VI mask vec_le(vec a, vec b) { return _mm_cmple_pd(a, b); }
VI mask mask_and(mask a, mask b) { return _mm_and_pd(a, b); }
VI mask mask_or(mask a, mask b) { return _mm_or_pd(a, b); }
VI mask mask_not(mask a) { return _mm_xor_pd(a, _mm_castsi128_pd(_mm_set1_epi32(-1))); }
VI int mask_any(mask a) { return _mm_movemask_pd(a) != 0; }
VI int mask_bits(mask a) { return _mm_movemask_pd(a); }
VI vec vec_select(mask m, vec a, vec b) { return _mm_or_pd(_mm_and_pd(m, a), _mm_andnot_pd(m, b)); }
VI vec vec_and_bits(vec a, uint64_t bits) { return _mm_and_pd(a, _mm_castsi128_pd(_mm_set1_epi64x((int64_t)bits))); }
VI vec vec_or_bits(vec a, uint64_t bits) { return _mm_or_pd(a, _mm_castsi128_pd(_mm_set1_epi64x((int64_t)bits))); }
VI vec vec_xor_bits(vec a, uint64_t bits) { return _mm_xor_pd(a, _mm_castsi128_pd(_mm_set1_epi64x((int64_t)bits))); }
VI vec vec_or(vec a, vec b) { return _mm_or_pd(a, b); }
/* The bits as 64-bit integers: sum, and logical shifts by a constant. */
VI vec vec_add_bits(vec a, vec b) { return _mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(a), _mm_castpd_si128(b))); }
VI vec vec_sub_bits(vec a, vec b) { return _mm_castsi128_pd(_mm_sub_epi64(_mm_castpd_si128(a), _mm_castpd_si128(b))); }
VI vec vec_shift_left(vec a, int n) { return _mm_castsi128_pd(_mm_sll_epi64(_mm_castpd_si128(a), _mm_cvtsi32_si128(n))); }
VI vec vec_shift_right(vec a, int n) { return _mm_castsi128_pd(_mm_srl_epi64(_mm_castpd_si128(a), _mm_cvtsi32_si128(n))); }
VI vec vec_set1_bits(uint64_t bits) { return _mm_castsi128_pd(_mm_set1_epi64x((int64_t)bits)); }

/* Turns a V x V block over: element j of row i becomes element i of row j. */
VI void vec_transpose(vec *b) {
  vec low = _mm_unpacklo_pd(b[0], b[1]), high = _mm_unpackhi_pd(b[0], b[1]);
  b[0] = low, b[1] = high;
}
