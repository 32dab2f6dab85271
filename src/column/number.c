#include "column/number.h"

__int128 tl_big_endian_clamped(tl_bytes b) {
  uint8_t sign = b.size > 0 && b.data[0] & 0x80 ? 0xff : 0;
  while (b.size > 16 && b.data[0] == sign && (b.data[1] & 0x80) == (sign & 0x80)) b.data++, b.size--;
  if (b.size > 16) return sign ? TL_INT128_MIN : TL_INT128_MAX;
  return tl_big_endian(b);
}

__int128 tl_power_of_ten(int digits) {
  __int128 p = 1;
  while (digits-- > 0) p *= 10;
  return p;
}

tl_cut tl_cut_divide(__int128 value, __int128 divisor) {
  __int128 rest = value % divisor;
  return (tl_cut){.floor = value / divisor - (rest < 0), .between = rest != 0};
}

tl_cut tl_cut_shift(__int128 value, int shift) {
  if (shift < -38) return (tl_cut){.floor = value < 0 ? -1 : 0, .between = value != 0};
  if (shift < 0) return tl_cut_divide(value, tl_power_of_ten(-shift));
  __int128 product = value;
  for (; shift > 0 && value != 0; shift--)
    if (__builtin_mul_overflow(product, (__int128)10, &product)) return (tl_cut){.beyond = value < 0 ? -1 : 1};
  return (tl_cut){.floor = product};
}

static int order(__int128 a, __int128 b) { return (a > b) - (a < b); }

/* The number of the larger scale is divided instead of the other multiplied, so that nothing overflows. */
int tl_scaled_compare(__int128 a, int a_scale, __int128 b, int b_scale) {
  if (a_scale == b_scale) return order(a, b);
  if (a_scale > b_scale) return -tl_scaled_compare(b, b_scale, a, a_scale);
  tl_cut cut = tl_cut_shift(b, a_scale - b_scale);
  int whole = order(a, cut.floor);
  return whole == 0 && cut.between ? -1 : whole;
}

/* Fractions of 1, compared bit by bit: twice each is 1 or more where its next bit is set. rest < unit <= 10^38, so nothing overflows. */
static int compare_fractions(double fraction, unsigned __int128 rest, unsigned __int128 unit) {
  while (fraction > 0 && rest > 0) {
    fraction *= 2, rest *= 2;
    int bit = fraction >= 1, other = rest >= unit;
    if (bit != other) return bit - other;
    if (bit) fraction -= 1, rest -= unit;
  }
  return (fraction > 0) - (rest > 0);
}

static int compare_magnitudes(double a, unsigned __int128 b, int scale) {
  if (a >= 0x1p128) return 1;
  unsigned __int128 unit = (unsigned __int128)tl_power_of_ten(scale), whole = (unsigned __int128)a, other = b / unit;
  if (whole != other) return whole < other ? -1 : 1;
  return compare_fractions(a - floor(a), b % unit, unit);
}

int tl_real_compare(double a, __int128 b, int scale) {
  if (isnan(a)) return TL_UNORDERED;
  int a_sign = (a > 0) - (a < 0), b_sign = (b > 0) - (b < 0);
  if (a_sign != b_sign) return a_sign < b_sign ? -1 : 1;
  return a < 0 ? -compare_magnitudes(-a, -(unsigned __int128)b, scale) : compare_magnitudes(a, (unsigned __int128)b, scale);
}

double tl_scaled_double(__int128 value, int scale) {
  static const double powers[39] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
                                    1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38};
  return (double)value / powers[scale];
}
