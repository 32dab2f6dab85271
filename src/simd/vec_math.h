/* Elementary functions of one vector: rounding, log, log1p, exp, tanh and pow.

   Only the words of vec.h are used, so every function gives the same bits at every width and from every compiler: there is
   no fused multiply-add, no table and no library call. A branch is taken only where some lane is extreme (log of less than
   2^-1022, exp beyond 708), and changes no other lane. Errors are below 1 ulp everywhere; the largest met in hundreds of
   millions of random points (64-bit oracle, each new maximum settled in 113 bits) stands above each function. NaN in is
   NaN out.

   Two devices recur:
     - an integer of less than 52 bits becomes a double, or a double an integer, by adding a constant whose last bit weighs 1;
     - a number is split into a short part of at most 26 significant bits and the rest, so that the product of two short
       parts is exact and a sum of such products carries about twice the precision of a double (Dekker 1971).
   The polynomials are minimax fits made for this file (Remez exchange in 300-bit arithmetic, coefficients then rounded). */
#ifndef TL_SIMD_VEC_MATH_H
#define TL_SIMD_VEC_MATH_H

#include "simd/vec.h"

/* The unevaluated sum head + tail; the tail is much the smaller. */
typedef struct {
  vec head, tail;
} vec_pair;

TL_INLINE vec vec_sign_bit(vec a) { return vec_and_bits(a, 0x8000000000000000ull); }
/* The leading 26 significant bits. */
TL_INLINE vec vec_short(vec a) { return vec_and_bits(a, 0xfffffffff8000000ull); }
/* c + b * x */
TL_INLINE vec vec_step(double c, vec b, vec x) { return vec_add(vec_set1(c), vec_mul(b, x)); }
/* c + d * x */
TL_INLINE vec vec_line(double c, double d, vec x) { return vec_step(c, vec_set1(d), x); }

/* Dekker's exact sum of a and b, where a is 0 or |a| >= |b|. */
TL_INLINE vec_pair vec_exact_sum(vec a, vec b) {
  vec sum = vec_add(a, b);
  return (vec_pair){sum, vec_sub(b, vec_sub(sum, a))};
}

/* The same value with a short head. */
TL_INLINE vec_pair vec_shorten(vec_pair a) {
  vec head = vec_short(a.head);
  return (vec_pair){head, vec_add(vec_sub(a.head, head), a.tail)};
}

/* a + b with a short head, for numbers that are not negative. */
TL_INLINE vec_pair vec_short_sum(vec a, vec b) {
  vec head = vec_short(vec_add(a, b));
  return (vec_pair){head, vec_sub(vec_min(a, b), vec_sub(head, vec_max(a, b)))};
}

/* a * b, both with short heads. */
TL_INLINE vec_pair vec_product(vec_pair a, vec_pair b) {
  vec cross = vec_add(vec_mul(a.head, b.tail), vec_mul(a.tail, vec_add(b.head, b.tail)));
  return (vec_pair){vec_mul(a.head, b.head), cross};
}

/* a / b with a short head, where b has one and `inverse` is near 1 / b: the tail is what the head leaves, (a - head * b) / b. */
TL_INLINE vec_pair vec_quotient(vec_pair a, vec_pair b, vec inverse) {
  vec head = vec_short(vec_mul(a.head, inverse));
  vec left = vec_add(vec_sub(a.head, vec_mul(head, b.head)), vec_sub(a.tail, vec_mul(head, b.tail)));
  return (vec_pair){head, vec_mul(left, inverse)};
}

/* ---- Rounding ---- */

/* Nearest whole number, halves to even. Adding 2^52 to |a| < 2^52 leaves no fraction bits; larger values have none. */
TL_INLINE vec vec_round(vec a) {
  vec big = vec_set1(0x1p52), size = vec_abs(a);
  vec whole = vec_sub(vec_add(size, big), big);
  return vec_select(vec_lt(size, big), vec_or(whole, vec_sign_bit(a)), a);
}

/* One less where rounding went up. The sign of zero comes out right: -0.0 - 0.0 is -0.0, and 1.0 - 1.0 is 0.0. */
TL_INLINE vec vec_floor(vec a) {
  vec whole = vec_round(a);
  return vec_select(vec_present(a), vec_sub(whole, vec_truth(vec_lt(a, whole))), a);
}

TL_INLINE vec vec_ceil(vec a) { return vec_neg(vec_floor(vec_neg(a))); }

/* ---- Logarithms ---- */

/* a = 2^power * fraction, with fraction in [sqrt(1/2), sqrt(2)). */
typedef struct {
  vec power, fraction;
} vec_binary;

/* fdlibm's reduction (e_log.c): the bits of a are moved so that the exponent field steps at sqrt(1/2) and not at 1; less
   `bias` the field is the power. Subnormals, zeros, negatives, infinities and NaN give numbers of no meaning. */
TL_INLINE vec_binary vec_split_normal(vec a, vec bias) {
  vec moved = vec_add_bits(a, vec_set1_bits(0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull));
  vec power = vec_sub(vec_or_bits(vec_shift_right(moved, 52), 0x4330000000000000ull), bias);
  vec fraction = vec_add_bits(vec_and_bits(moved, 0x000fffffffffffffull), vec_set1_bits(0x3fe6a09e667f3bcdull));
  return (vec_binary){power, fraction};
}

/* The same, subnormals included: they are scaled by 2^54 first. */
TL_INLINE vec_binary vec_split_binary(vec a) {
  vec bias = vec_set1(0x1p52 + 1023);
  mask small = vec_lt(a, vec_set1(0x1p-1022));
  if (mask_any(small)) {
    a = vec_select(small, vec_mul(a, vec_set1(0x1p54)), a);
    bias = vec_select(small, vec_set1(0x1p52 + 1023 + 54), bias);
  }
  return vec_split_normal(a, bias);
}

/* log(2) in two parts; the first has 42 bits, so that its product with an exponent is exact. */
TL_INLINE vec vec_ln2_head(vec power) { return vec_mul(power, vec_set1(0x1.62e42fefa3800p-1)); }
TL_INLINE vec vec_ln2_tail(vec power) { return vec_mul(power, vec_set1(0x1.ef35793c76730p-45)); }

/* 2/3 + 2/5 z + 2/7 z^2 + ..., which is (log((1 + s) / (1 - s)) - 2s) / s^3 at z = s^2 <= 0.02944. */
TL_INLINE vec vec_log_series(vec z) {
  vec w = vec_mul(z, z);
  vec odd = vec_step(0x1.999999997ff1ep-2, vec_line(0x1.c71c5214adb90p-3, 0x1.39a1eae469fd8p-3, w), w);
  vec even = vec_step(0x1.24924941e0f1fp-2, vec_line(0x1.74663cd92687cp-3, 0x1.2f03a4ad222d9p-3, w), w);
  return vec_add(vec_step(0x1.5555555555592p-1, even, w), vec_mul(z, odd));
}

/* b.power * log(2) + log(1 + f) + rest, where 1 + f is b.fraction but may know more digits of it. With s = f / (2 + f),
   log(1 + f) = 2s + s^3 * series = f - f^2/2 + (s * f^2/2 + s^3 * series) as in fdlibm; the exact sum power * ln2_head + f
   is of the size of the result and the rest is small. */
TL_INLINE vec vec_log_sum(vec_binary b, vec f, vec rest) {
  vec s = vec_div(f, vec_add(b.fraction, vec_set1(1.0))), z = vec_mul(s, s);
  vec half = vec_mul(vec_mul(f, f), vec_set1(0.5));
  vec curve = vec_add(vec_mul(s, half), vec_mul(vec_mul(s, z), vec_log_series(z)));
  vec_pair sum = vec_exact_sum(vec_ln2_head(b.power), f);
  return vec_add(sum.head, vec_add(vec_sub(vec_add(sum.tail, rest), half), curve));
}

/* `value` where a is positive and finite; a logarithm's limits elsewhere: inf and NaN as they are, -inf at 0, NaN below. */
TL_INLINE vec vec_log_limits(vec a, vec value) {
  value = vec_select(vec_lt(a, vec_set1(INFINITY)), value, a);
  mask low = vec_lt(a, vec_set1(0x1p-1022));
  if (mask_any(low)) {
    vec limit = vec_select(vec_eq(a, vec_zero()), vec_set1(-INFINITY), vec_na());
    value = vec_select(vec_le(a, vec_zero()), limit, value);
  }
  return value;
}

/* Natural logarithm. Largest error met: 0.95 ulp, just below sqrt(1/2). */
TL_INLINE vec vec_log(vec a) {
  vec_binary b = vec_split_binary(a);
  return vec_log_limits(a, vec_log_sum(b, vec_sub(b.fraction, vec_set1(1.0)), vec_ln2_tail(b.power)));
}

/* log(1 + a). The rounding error of u = 1 + a is known exactly (the lesser term less what u took of it) and moves the
   logarithm by error / u (fdlibm's s_log1p.c). While u needs no power of two, a itself is the f of log(1 + f).
   Largest error met: 0.95 ulp. */
TL_INLINE vec vec_log1p(vec a) {
  vec one = vec_set1(1.0), u = vec_add(a, one);
  vec error = vec_sub(vec_min(a, one), vec_sub(u, vec_max(a, one)));
  vec_binary b = vec_split_binary(u);
  mask near = vec_eq(b.power, vec_zero());
  vec f = vec_select(near, a, vec_sub(b.fraction, one));
  vec rest = vec_select(near, vec_zero(), vec_div(error, u));
  vec value = vec_log_limits(u, vec_log_sum(b, f, vec_add(vec_ln2_tail(b.power), rest)));
  mask as_is = vec_lt(vec_abs(a), vec_set1(0x1p-54));
  return vec_select(mask_or(as_is, vec_absent(a)), a, value);
}

/* ---- Exponentials ---- */

/* e^(a + low) = 2^n * (1 + head + tail), with |head| <= log(2)/2 and n in the last twelve bits of `power`, 1023 too great. */
typedef struct {
  vec power, head, tail;
} vec_exp_parts;

/* (e^r - 1 - r - r^2/2) / r^3 for |r| <= 0.3467 */
TL_INLINE vec vec_exp_series(vec r, vec r2) {
  vec r4 = vec_mul(r2, r2);
  vec low = vec_add(vec_line(0x1.555555555555ap-3, 0x1.5555555555530p-5, r), vec_mul(r2, vec_line(0x1.111111110efa3p-7, 0x1.6c16c16c270d4p-10, r)));
  vec middle = vec_add(vec_line(0x1.a01a01b276209p-13, 0x1.a01a015248423p-16, r), vec_mul(r2, vec_line(0x1.71ddf24dd8dc1p-19, 0x1.27e58d2e385fbp-22, r)));
  vec high = vec_line(0x1.af689f4842b81p-26, 0x1.1e670296f5322p-29, r);
  return vec_add(vec_add(low, vec_mul(r4, middle)), vec_mul(vec_mul(r4, r4), high));
}

/* Cody and Waite's reduction: n = nearest(a / log 2), and a - n * ln2_head is exact, so that it can stand as the head; all
   that is rounded sits in the tail, which is at most a fifth of it. The whole is good to about 57 bits. |a| < 800. */
TL_INLINE vec_exp_parts vec_exp_split(vec a, vec low) {
  vec whole = vec_set1(0x1.8p52 + 1023);
  vec power = vec_add(vec_mul(a, vec_set1(0x1.71547652b82fep+0)), whole);
  vec n = vec_sub(power, whole);
  vec head = vec_sub(a, vec_ln2_head(n));
  vec rest = vec_sub(vec_ln2_tail(n), low);
  vec r = vec_sub(head, rest), r2 = vec_mul(r, r);
  vec curve = vec_mul(vec_mul(r, r2), vec_exp_series(r, r2));
  return (vec_exp_parts){power, head, vec_add(vec_sub(vec_mul(r2, vec_set1(0.5)), rest), curve)};
}

/* value * 2^n where 2^n is normal. */
TL_INLINE vec vec_scale_near(vec value, vec power) { return vec_mul(value, vec_shift_left(power, 52)); }

/* value * 2^n for |n| < 1100 by two exact powers of two: a rounding happens only where the result is subnormal. */
TL_INLINE vec vec_scale_far(vec value, vec power) {
  vec both = vec_add_bits(power, vec_set1_bits(1023)), half = vec_shift_right(both, 1);
  return vec_scale_near(vec_scale_near(value, half), vec_sub_bits(both, half));
}

TL_INLINE vec vec_exp_clamp(vec a) { return vec_min(vec_set1(710.0), vec_max(vec_set1(-746.0), a)); }

/* e^a. A NaN is carried along by every step, and the powers of two that scale it are numbers. Largest error met: 0.85 ulp. */
TL_INLINE vec vec_exp(vec a) {
  int far = mask_any(vec_lt(vec_set1(708.0), vec_abs(a)));
  if (far) a = vec_exp_clamp(a);
  vec_exp_parts e = vec_exp_split(a, vec_zero());
  vec value = vec_add(vec_set1(1.0), vec_add(e.head, e.tail));
  return far ? vec_scale_far(value, e.power) : vec_scale_near(value, e.power);
}

/* e^(2a) - 1 as a pair, for 0 <= a <= 20: 2^n - 1 + 2^n * (head + tail). */
TL_INLINE vec_pair vec_expm1_twice(vec a) {
  vec_exp_parts e = vec_exp_split(vec_add(a, a), vec_zero());
  vec scale = vec_shift_left(e.power, 52);
  vec_pair sum = vec_exact_sum(vec_sub(scale, vec_set1(1.0)), vec_mul(scale, e.head));
  return vec_exact_sum(sum.head, vec_add(sum.tail, vec_mul(scale, e.tail)));
}

/* tanh a = t / (t + 2) with t = e^(2|a|) - 1, kept as pairs so that only the last sum is rounded at full size.
   Largest error met: 0.81 ulp. */
TL_INLINE vec vec_tanh(vec a) {
  vec_pair t = vec_expm1_twice(vec_min(vec_set1(20.0), vec_abs(a)));
  vec inverse = vec_div(vec_set1(1.0), vec_add(t.head, vec_set1(2.0)));
  vec_pair d = vec_short_sum(vec_set1(2.0), t.head);
  d.tail = vec_add(d.tail, t.tail);
  vec_pair q = vec_quotient(t, d, inverse);
  vec value = vec_or(vec_add(q.head, q.tail), vec_sign_bit(a));
  return vec_select(vec_present(a), value, a);
}

/* ---- Power ---- */

/* 2/5 + 2/7 z + 2/9 z^2 + ..., for z <= 0.02944 */
TL_INLINE vec vec_log_pair_series(vec z) {
  vec w = vec_mul(z, z);
  vec low = vec_add(vec_line(0x1.9999999999996p-2, 0x1.2492492492f51p-2, z), vec_mul(w, vec_line(0x1.c71c71c5968ebp-3, 0x1.745d182957617p-3, z)));
  vec high = vec_add(vec_line(0x1.3b1364c8f4d26p-3, 0x1.11206f3de1194p-3, z), vec_mul(w, vec_line(0x1.de3d6dad6b3bbp-4, 0x1.eac5d9146154bp-4, z)));
  return vec_add(low, vec_mul(vec_mul(w, w), high));
}

/* log(fraction) = s * (2 + z * (2/3 + z * series)), s = (fraction - 1) / (fraction + 1), z = s^2; all but the series in pairs. */
TL_INLINE vec_pair vec_log_pair_near(vec fraction) {
  vec one = vec_set1(1.0);
  vec_pair above = {vec_sub(fraction, one), vec_zero()};
  vec_pair s = vec_quotient(above, vec_short_sum(fraction, one), vec_div(one, vec_add(fraction, one)));
  vec_pair square = vec_product(s, s), z = vec_shorten(square);
  vec around = vec_add(square.head, square.tail);
  vec_pair inner = vec_short_sum(vec_set1(0x1.5555555555555p-1), vec_mul(around, vec_log_pair_series(around)));
  inner.tail = vec_add(inner.tail, vec_set1(0x1.5555555555555p-55));
  vec_pair curve = vec_product(z, inner);
  vec_pair outer = vec_short_sum(vec_set1(2.0), curve.head);
  outer.tail = vec_add(outer.tail, curve.tail);
  return vec_product(s, outer);
}

/* log(a) as a pair with a short head, for positive finite a: about 66 bits, relative to the logarithm even where a is near 1. */
TL_INLINE vec_pair vec_log_pair(vec a) {
  vec_binary b = vec_split_binary(a);
  vec_pair near = vec_log_pair_near(b.fraction);
  vec_pair sum = vec_exact_sum(vec_ln2_head(b.power), near.head);
  sum.tail = vec_add(sum.tail, vec_add(near.tail, vec_ln2_tail(b.power)));
  return vec_shorten(sum);
}

/* e^(a.head + a.tail); beyond the range of the result the tail is of no account. */
TL_INLINE vec vec_exp_pair(vec_pair a) {
  vec low = vec_select(vec_lt(vec_abs(a.head), vec_set1(800.0)), a.tail, vec_zero());
  vec_exp_parts e = vec_exp_split(vec_exp_clamp(a.head), low);
  vec_pair sum = vec_exact_sum(vec_set1(1.0), e.head);
  return vec_scale_far(vec_add(sum.head, vec_add(sum.tail, e.tail)), e.power);
}

/* |x|^y for finite x that is not 0. A y beyond 2^66 acts as 2^66: the power is 0, 1 or inf all the same. */
TL_INLINE vec vec_pow_size(vec x, vec y) {
  y = vec_min(vec_set1(0x1p66), vec_max(vec_set1(-0x1p66), y));
  vec_pair product = vec_product(vec_shorten((vec_pair){y, vec_zero()}), vec_log_pair(vec_abs(x)));
  return vec_exp_pair(vec_exact_sum(product.head, product.tail));
}

TL_INLINE mask vec_is_whole(vec a) { return vec_eq(vec_round(a), a); }

/* The sign, and the bases 0 and inf, as C's pow has them: an odd y keeps the sign of x, -0.0 and -inf included, and a
   negative number has no power that is not whole. */
TL_INLINE vec vec_pow_signed(vec x, vec y, vec value) {
  vec size = vec_abs(x), zero = vec_zero(), inf = vec_set1(INFINITY);
  mask none = vec_eq(size, zero), all = vec_eq(size, inf), whole = vec_is_whole(y);
  mask grows = mask_or(mask_and(none, vec_lt(y, zero)), mask_and(all, vec_lt(zero, y)));
  value = vec_select(mask_or(none, all), vec_select(grows, inf, zero), value);
  mask odd = mask_and(whole, mask_not(vec_is_whole(vec_mul(y, vec_set1(0.5)))));
  value = vec_or(value, vec_select(odd, vec_sign_bit(x), zero));
  mask number = mask_and(vec_lt(x, zero), vec_lt(size, inf));
  return vec_select(mask_and(number, mask_not(whole)), vec_na(), value);
}

/* x to the power y as e^(y log|x|), the logarithm and the product carried as pairs. x^0 and 1^y are 1, for NaN too.
   Largest error met: 0.85 ulp, at results beyond 2^900 of bases near sqrt(2) or sqrt(1/2); 0.67 where y log x is below 20. */
TL_INLINE vec vec_pow(vec x, vec y) {
  vec one = vec_set1(1.0), value = vec_pow_signed(x, y, vec_pow_size(x, y));
  value = vec_select(vec_absent(y), y, value);
  value = vec_select(vec_absent(x), x, value);
  return vec_select(mask_or(vec_eq(y, vec_zero()), vec_eq(x, one)), one, value);
}

#endif
