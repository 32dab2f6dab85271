/* One double: any other processor. */
#define V 1
typedef double vec;
typedef int mask;

#define VI static inline __attribute__((always_inline, unused))

VI uint64_t bits_of_vec(vec a) {
  uint64_t b;
  memcpy(&b, &a, sizeof b);
  return b;
}
VI vec vec_of_bits(uint64_t b) {
  vec a;
  memcpy(&a, &b, sizeof a);
  return a;
}
VI vec vec_load(const double *p) { return *p; }
VI void vec_store(double *p, vec a) { *p = a; }
VI vec vec_set1(double a) { return a; }
VI vec vec_add(vec a, vec b) { return a + b; }
VI vec vec_sub(vec a, vec b) { return a - b; }
VI vec vec_mul(vec a, vec b) { return a * b; }
VI vec vec_div(vec a, vec b) { return a / b; }
VI vec vec_sqrt(vec a) { return sqrt(a); }
VI vec vec_min(vec a, vec b) { return a < b ? a : b; }
VI vec vec_max(vec a, vec b) { return a > b ? a : b; }
VI mask vec_eq(vec a, vec b) { return a == b; }
VI mask vec_ne(vec a, vec b) { return a != b; }
VI mask vec_lt(vec a, vec b) { return a < b; }
VI mask vec_le(vec a, vec b) { return a <= b; }
VI mask mask_and(mask a, mask b) { return a & b; }
VI mask mask_or(mask a, mask b) { return a | b; }
VI mask mask_not(mask a) { return !a; }
VI int mask_any(mask a) { return a; }
VI int mask_bits(mask a) { return a != 0; }
VI vec vec_select(mask m, vec a, vec b) { return m ? a : b; }
VI vec vec_set1_bits(uint64_t bits) { return vec_of_bits(bits); }
VI vec vec_and_bits(vec a, uint64_t bits) { return vec_of_bits(bits_of_vec(a) & bits); }
VI vec vec_or_bits(vec a, uint64_t bits) { return vec_of_bits(bits_of_vec(a) | bits); }
VI vec vec_xor_bits(vec a, uint64_t bits) { return vec_of_bits(bits_of_vec(a) ^ bits); }
VI vec vec_or(vec a, vec b) { return vec_of_bits(bits_of_vec(a) | bits_of_vec(b)); }
VI vec vec_add_bits(vec a, vec b) { return vec_of_bits(bits_of_vec(a) + bits_of_vec(b)); }
VI vec vec_sub_bits(vec a, vec b) { return vec_of_bits(bits_of_vec(a) - bits_of_vec(b)); }
VI vec vec_shift_left(vec a, int n) { return vec_of_bits(bits_of_vec(a) << n); }
VI vec vec_shift_right(vec a, int n) { return vec_of_bits(bits_of_vec(a) >> n); }

VI void vec_transpose(vec *b) { (void)b; }
