/* Two doubles: NEON, which every arm64 has. */
#include <arm_neon.h>

#define V 2
typedef float64x2_t vec;
typedef uint64x2_t mask;

#define VI static inline __attribute__((always_inline, unused))

VI vec vec_of_bits(uint64x2_t a) { return vreinterpretq_f64_u64(a); }
VI uint64x2_t bits_of_vec(vec a) { return vreinterpretq_u64_f64(a); }
VI vec vec_load(const double *p) { return vld1q_f64(p); }
VI void vec_store(double *p, vec a) { vst1q_f64(p, a); }
VI vec vec_set1(double a) { return vdupq_n_f64(a); }
VI vec vec_add(vec a, vec b) { return vaddq_f64(a, b); }
VI vec vec_sub(vec a, vec b) { return vsubq_f64(a, b); }
VI vec vec_mul(vec a, vec b) { return vmulq_f64(a, b); }
VI vec vec_div(vec a, vec b) { return vdivq_f64(a, b); }
VI vec vec_sqrt(vec a) { return vsqrtq_f64(a); }
VI mask vec_eq(vec a, vec b) { return vceqq_f64(a, b); }
VI mask mask_not(mask a) { return veorq_u64(a, vdupq_n_u64(~0ull)); }
VI mask vec_ne(vec a, vec b) { return mask_not(vceqq_f64(a, b)); }
VI mask vec_lt(vec a, vec b) { return vcltq_f64(a, b); }
VI mask vec_le(vec a, vec b) { return vcleq_f64(a, b); }
VI mask mask_and(mask a, mask b) { return vandq_u64(a, b); }
VI mask mask_or(mask a, mask b) { return vorrq_u64(a, b); }
VI int mask_any(mask a) { return (vgetq_lane_u64(a, 0) | vgetq_lane_u64(a, 1)) != 0; }
VI int mask_bits(mask a) { return (int)((vgetq_lane_u64(a, 0) & 1) | (vgetq_lane_u64(a, 1) & 1) << 1); }
VI vec vec_select(mask m, vec a, vec b) { return vbslq_f64(m, a, b); }
VI vec vec_min(vec a, vec b) { return vec_select(vcltq_f64(a, b), a, b); }
VI vec vec_max(vec a, vec b) { return vec_select(vcgtq_f64(a, b), a, b); }
VI vec vec_set1_bits(uint64_t bits) { return vec_of_bits(vdupq_n_u64(bits)); }
VI vec vec_and_bits(vec a, uint64_t bits) { return vec_of_bits(vandq_u64(bits_of_vec(a), vdupq_n_u64(bits))); }
VI vec vec_or_bits(vec a, uint64_t bits) { return vec_of_bits(vorrq_u64(bits_of_vec(a), vdupq_n_u64(bits))); }
VI vec vec_xor_bits(vec a, uint64_t bits) { return vec_of_bits(veorq_u64(bits_of_vec(a), vdupq_n_u64(bits))); }
VI vec vec_or(vec a, vec b) { return vec_of_bits(vorrq_u64(bits_of_vec(a), bits_of_vec(b))); }
VI vec vec_add_bits(vec a, vec b) { return vec_of_bits(vaddq_u64(bits_of_vec(a), bits_of_vec(b))); }
VI vec vec_sub_bits(vec a, vec b) { return vec_of_bits(vsubq_u64(bits_of_vec(a), bits_of_vec(b))); }
VI vec vec_shift_left(vec a, int n) { return vec_of_bits(vshlq_u64(bits_of_vec(a), vdupq_n_s64(n))); }
VI vec vec_shift_right(vec a, int n) { return vec_of_bits(vshlq_u64(bits_of_vec(a), vdupq_n_s64(-n))); }

/* Turns a V x V block over: element j of row i becomes element i of row j. */
VI void vec_transpose(vec *b) {
  vec low = vzip1q_f64(b[0], b[1]), high = vzip2q_f64(b[0], b[1]);
  b[0] = low, b[1] = high;
}
