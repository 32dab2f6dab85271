/* Eight doubles: AVX-512 F, DQ, VL, BW. */
#include <immintrin.h>

#define V 8
typedef __m512d vec;
typedef __mmask8 mask;

#define VI static inline __attribute__((always_inline, unused))

VI vec vec_load(const double *p) { return _mm512_loadu_pd(p); }
VI void vec_store(double *p, vec a) { _mm512_storeu_pd(p, a); }
VI vec vec_set1(double a) { return _mm512_set1_pd(a); }
VI vec vec_add(vec a, vec b) { return _mm512_add_pd(a, b); }
VI vec vec_sub(vec a, vec b) { return _mm512_sub_pd(a, b); }
VI vec vec_mul(vec a, vec b) { return _mm512_mul_pd(a, b); }
VI vec vec_div(vec a, vec b) { return _mm512_div_pd(a, b); }
VI vec vec_sqrt(vec a) { return _mm512_sqrt_pd(a); }
VI vec vec_min(vec a, vec b) { return _mm512_min_pd(a, b); }
VI vec vec_max(vec a, vec b) { return _mm512_max_pd(a, b); }
VI mask vec_eq(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ); }
VI mask vec_ne(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_NEQ_UQ); }
VI mask vec_lt(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
VI mask vec_le(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
VI mask mask_and(mask a, mask b) { return (mask)(a & b); }
VI mask mask_or(mask a, mask b) { return (mask)(a | b); }
VI mask mask_not(mask a) { return (mask)~a; }
VI int mask_any(mask a) { return a != 0; }
VI int mask_bits(mask a) { return a; }
#define TL_VEC_HAS_COUNT
VI vec vec_count(vec count, mask m) { return _mm512_mask_add_pd(count, m, count, _mm512_set1_pd(1.0)); }
VI vec vec_select(mask m, vec a, vec b) { return _mm512_mask_blend_pd(m, b, a); }
VI vec vec_set1_bits(uint64_t bits) { return _mm512_castsi512_pd(_mm512_set1_epi64((int64_t)bits)); }
VI vec vec_and_bits(vec a, uint64_t bits) { return _mm512_and_pd(a, vec_set1_bits(bits)); }
VI vec vec_or_bits(vec a, uint64_t bits) { return _mm512_or_pd(a, vec_set1_bits(bits)); }
VI vec vec_xor_bits(vec a, uint64_t bits) { return _mm512_xor_pd(a, vec_set1_bits(bits)); }
VI vec vec_or(vec a, vec b) { return _mm512_or_pd(a, b); }
VI vec vec_add_bits(vec a, vec b) { return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b))); }
VI vec vec_sub_bits(vec a, vec b) { return _mm512_castsi512_pd(_mm512_sub_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b))); }
VI vec vec_shift_left(vec a, int n) { return _mm512_castsi512_pd(_mm512_sll_epi64(_mm512_castpd_si512(a), _mm_cvtsi32_si128(n))); }
VI vec vec_shift_right(vec a, int n) { return _mm512_castsi512_pd(_mm512_srl_epi64(_mm512_castpd_si512(a), _mm_cvtsi32_si128(n))); }

/* Turns a V x V block over: element j of row i becomes element i of row j. Pairs first, then quarters in two rounds. */
VI void vec_transpose(vec *b) {
  vec a[8], c[8];
  for (int i = 0; i < 8; i += 2) a[i] = _mm512_unpacklo_pd(b[i], b[i + 1]), a[i + 1] = _mm512_unpackhi_pd(b[i], b[i + 1]);
  for (int i = 0; i < 2; i++) {
    c[i] = _mm512_shuffle_f64x2(a[i], a[i + 2], 0x88), c[i + 2] = _mm512_shuffle_f64x2(a[i], a[i + 2], 0xdd);
    c[i + 4] = _mm512_shuffle_f64x2(a[i + 4], a[i + 6], 0x88), c[i + 6] = _mm512_shuffle_f64x2(a[i + 4], a[i + 6], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    b[i] = _mm512_shuffle_f64x2(c[i], c[i + 4], 0x88);
    b[i + 4] = _mm512_shuffle_f64x2(c[i], c[i + 4], 0xdd);
  }
}
