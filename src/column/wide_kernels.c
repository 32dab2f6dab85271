/* Exact sums of many doubles for one instruction set; compiled once for each (TL_KERNELS is the prefix of its names).

   The idea: a lane's sum s starts at M = 1.5 2^k, whose last bit weighs u = 2^(k-52). As long as s stays within [2^k, 2^(k+1)],
   t = s + x rounds x to a multiple of u, and h = t - s (that multiple) and l = x - h (what is left, |l| <= u/2) are exact: s and t are
   multiples of u less than 2^53 u apart, and l is a multiple of x's last bit that is not above |x|. The l are added up apart.

   The bounds. A block has at most 2^11 values, all |x| < 2^e, and a lane at most 2^8 of them.
     high sums   k = e + 10, so u = 2^(e-42). |h| <= 2^e (a multiple of u), so |s - M| <= 2^(e+8) < 2^(k-1): s stays within. All lanes
                 together: multiples of u, at most 2^(e+11) = 2^53 u, so the s - M can be added up in any order, exactly.
     low sums    |l| <= 2^(e-43). When every |x| >= 2^(e-33), every x and so every l is a multiple of 2^(e-85): up to 2^11 of them
                 are at most 2^(e-32) = 2^53 2^(e-85), and plain addition is exact. Else (an x is nearer to zero, zero, or missing)
                 the l are taken apart as the x were, with e - 43 for e: k = e - 33, u = 2^(e-85). What then is left of them is
                 collected, and is a block of its own.
   Both k and all last bits are those of normal doubles for -980 <= e <= 1010; other blocks go value by value. */
#include <string.h>
#include "column/wide.h"
#include "simd/kernel.h"
#include "simd/vec.h"

enum { CHAINS = 4, GROUP = CHAINS * V, BLOCK = GROUP < 8 ? 256 * GROUP : 2048, LEAST_E = -980, MOST_E = 1010 };
_Static_assert(BLOCK <= 2048 && BLOCK / GROUP <= 256 && BLOCK % GROUP == 0, "the bounds above");

TL_INLINE int is_finite(double x) { return x - x == 0; }

static void add_each(tl_wide *w, const double *v, int64_t n, int64_t *nonfinite) {
  for (int64_t i = 0; i < n; i++) {
    *nonfinite += !is_finite(v[i]);
    tl_wide_add(w, v[i]);
  }
}

/* The greatest and the least magnitude; NaN is passed over. */
typedef struct look {
  double most, least;
} look;

TL_INLINE look look_at(const double *v, int64_t n) {
  vec most[CHAINS], least[CHAINS];
  double mosts[GROUP], leasts[GROUP];
  look l = {0, INFINITY};
  for (int k = 0; k < CHAINS; k++) most[k] = vec_zero(), least[k] = vec_set1(INFINITY);
  for (int64_t i = 0; i < n; i += GROUP)
    for (int k = 0; k < CHAINS; k++) {
      vec x = vec_abs(vec_load(v + i + k * V));
      most[k] = vec_max(x, most[k]); /* a NaN keeps the second */
      least[k] = vec_min(x, least[k]);
    }
  for (int k = 0; k < CHAINS; k++) vec_store(mosts + k * V, most[k]), vec_store(leasts + k * V, least[k]);
  for (int k = 0; k < GROUP; k++) {
    l.most = mosts[k] > l.most ? mosts[k] : l.most;
    l.least = leasts[k] < l.least ? leasts[k] : l.least;
  }
  return l;
}

/* 2^exponent, of a normal double. */
TL_INLINE double power(int exponent) {
  uint64_t bits = (uint64_t)(exponent + 1023) << 52;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The least e with x < 2^e, for a normal x. */
TL_INLINE int exponent_above(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (int)(bits >> 52) - 1022;
}

/* Adds x to the sum and returns what is left of it. */
TL_INLINE vec add_rounded(vec *sum, vec x) {
  vec t = vec_add(*sum, x), h = vec_sub(t, *sum);
  *sum = t;
  return vec_sub(x, h);
}

TL_INLINE double sum_above(const vec *sums, vec start) {
  double lanes[GROUP], total = 0;
  for (int k = 0; k < CHAINS; k++) vec_store(lanes + k * V, vec_sub(sums[k], start));
  for (int k = 0; k < GROUP; k++) total += lanes[k];
  return total;
}

/* 2^(e-33) <= |x| < 2^e, or NaN: then nothing is added, and the result is 0. */
TL_INLINE int add_near(tl_wide *w, const double *v, int64_t n, int e) {
  vec start = vec_set1(1.5 * power(e + 10)), high[CHAINS], low[CHAINS];
  for (int k = 0; k < CHAINS; k++) high[k] = start, low[k] = vec_zero();
  for (int64_t i = 0; i < n; i += GROUP)
    for (int k = 0; k < CHAINS; k++) low[k] = vec_add(low[k], add_rounded(&high[k], vec_load(v + i + k * V)));
  double total = sum_above(high, start);
  if (!is_finite(total)) return 0;
  tl_wide_add(w, total);
  tl_wide_add(w, sum_above(low, vec_zero()));
  return 1;
}

/* Appends what is not zero; branches would be guesses. */
TL_INLINE int64_t keep_rest(double *rest, int64_t kept, const vec *left) {
  double lanes[GROUP];
  for (int k = 0; k < CHAINS; k++) vec_store(lanes + k * V, left[k]);
  for (int k = 0; k < GROUP; k++) {
    rest[kept] = lanes[k];
    kept += lanes[k] != 0;
  }
  return kept;
}

/* |x| < 2^e, or NaN, which counts as missing. Returns how many values are left over in `rest`, of BLOCK + GROUP doubles; it may be v. */
static int64_t add_far(tl_wide *w, const double *v, int64_t n, int e, double *rest, int64_t *missing) {
  vec first = vec_set1(1.5 * power(e + 10)), second = vec_set1(1.5 * power(e - 33));
  vec high[CHAINS], low[CHAINS], left[CHAINS], absent = vec_zero();
  double lanes[V];
  int64_t kept = 0;
  for (int k = 0; k < CHAINS; k++) high[k] = first, low[k] = second;
  for (int64_t i = 0; i < n; i += GROUP) {
    vec any = vec_zero();
    for (int k = 0; k < CHAINS; k++) {
      vec x = vec_load(v + i + k * V);
      mask present = vec_present(x);
      absent = vec_add(absent, vec_truth(mask_not(present)));
      left[k] = add_rounded(&low[k], add_rounded(&high[k], vec_select(present, x, vec_zero())));
      any = vec_or(any, left[k]);
    }
    if (mask_any(vec_ne(any, vec_zero()))) kept = keep_rest(rest, kept, left);
  }
  tl_wide_add(w, sum_above(high, first));
  tl_wide_add(w, sum_above(low, second));
  vec_store(lanes, absent);
  for (int k = 0; k < V; k++) *missing += (int64_t)lanes[k];
  return kept;
}

/* n is a multiple of GROUP, up to BLOCK. */
static void add_groups(tl_wide *w, const double *v, int64_t n, int64_t *nonfinite) {
  double rest[BLOCK + GROUP];
  for (int64_t kept = n; kept > 0; v = rest, n = kept) {
    look l = look_at(v, n);
    int e = exponent_above(l.most);
    if (l.most == 0) { /* zeros and missing ones */
      for (int64_t i = 0; i < n; i++) *nonfinite += v[i] != v[i];
      return;
    }
    if (e < LEAST_E || e > MOST_E) {
      add_each(w, v, n, nonfinite);
      return;
    }
    if (l.least >= power(e - 33) && add_near(w, v, n, e)) return;
    kept = add_far(w, v, n, e, rest, nonfinite);
    if (2 * kept > n) { /* too far apart for blocks */
      add_each(w, rest, kept, nonfinite);
      return;
    }
    for (; kept % GROUP != 0; kept++) rest[kept] = 0;
  }
}

static void add_many(tl_wide *w, const double *v, int64_t count, int64_t *nonfinite) {
  int64_t i = 0, whole = count - count % GROUP;
  for (; i < whole; i += BLOCK) add_groups(w, v + i, whole - i < BLOCK ? whole - i : BLOCK, nonfinite);
  add_each(w, v + whole, count - whole, nonfinite);
}

/* ---- squares: x^2 = p + e with p = x^2 rounded and e its error, both doubles when x is neither tiny nor huge ---- */

enum { SQUARES = 512 };
_Static_assert(SQUARES % GROUP == 0, "squares are whole groups");

#if defined(TL_ISA_AVX512)
TL_INLINE vec square_error(vec x, vec p) { return _mm512_fmsub_pd(x, x, p); }
#else
/* T. J. Dekker, 1971: halves of 26 bits, whose products are exact. */
TL_INLINE vec square_error(vec x, vec p) {
  vec c = vec_mul(x, vec_set1(0x1p27 + 1)), high = vec_sub(c, vec_sub(c, x)), low = vec_sub(x, high);
  vec middle = vec_mul(vec_add(high, high), low);
  return vec_add(vec_add(vec_sub(vec_mul(high, high), p), middle), vec_mul(low, low));
}
#endif

static __attribute__((noinline)) void add_odd_squares(tl_wide *w, vec x, int64_t *nonfinite) {
  double lanes[V], least = 0x1p-480, most = 0x1p500;
  vec_store(lanes, x);
  for (int k = 0; k < V; k++) {
    double a = fabs(lanes[k]);
    if ((a >= least && a < most) || a == 0) continue;
    *nonfinite += !is_finite(a);
    tl_wide_add_square(w, a);
  }
}

TL_INLINE void split_squares(tl_wide *w, double *p, double *error, const double *v, int64_t n, int64_t *nonfinite) {
  vec least = vec_set1(0x1p-480), most = vec_set1(0x1p500);
  for (int64_t i = 0; i < n; i += V) {
    vec x = vec_load(v + i), a = vec_abs(x);
    mask usual = mask_or(mask_and(vec_le(least, a), vec_lt(a, most)), vec_eq(a, vec_zero()));
    if (mask_any(mask_not(usual))) {
      add_odd_squares(w, x, nonfinite);
      x = vec_select(usual, x, vec_zero());
    }
    vec square = vec_mul(x, x);
    vec_store(p + i, square);
    vec_store(error + i, square_error(x, square));
  }
}

static void add_squares(tl_wide *w, const double *v, int64_t count, int64_t *nonfinite) {
  double p[SQUARES], error[SQUARES];
  int64_t i = 0, whole = count - count % GROUP;
  for (; i < whole; i += SQUARES) {
    int64_t n = whole - i < SQUARES ? whole - i : SQUARES;
    split_squares(w, p, error, v + i, n, nonfinite);
    add_groups(w, p, n, nonfinite);
    add_groups(w, error, n, nonfinite);
  }
  for (i = whole; i < count; i++) {
    *nonfinite += !is_finite(v[i]);
    tl_wide_add_square(w, v[i]);
  }
}

static void sum_halves(const void *values, int64_t count, uint64_t flip, uint64_t *low, uint64_t *high) {
  const char *p = values;
  uint64_t lows = 0, highs = 0;
  for (int64_t i = 0; i < count; i++) {
    uint64_t v;
    memcpy(&v, p + 8 * i, sizeof v);
    v ^= flip;
    lows += v & 0xffffffffu;
    highs += v >> 32;
  }
  *low = lows;
  *high = highs;
}

extern const tl_wide_kernels TL_KERNEL_NAME(TL_KERNELS, wide_kernels);
const tl_wide_kernels TL_KERNEL_NAME(TL_KERNELS, wide_kernels) = {.add_many = add_many, .add_squares = add_squares, .sum_halves = sum_halves};
