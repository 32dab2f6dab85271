/* Third and fourth moments: skew and kurt, the bias-corrected forms that pandas and spreadsheets use.
   Source: Joanes and Gill (1998), "Comparing measures of sample skewness and kurtosis", G1 and G2. */
#include "op/operator.h"
#include "lane/drivers.h"

enum { S1, S2, S3, S4 };

TL_INLINE void moments4_push(vec *part, const vec *x, const vec *anchor, vec at, bool older) {
  (void)at, (void)older;
  vec d = vec_sub(x[0], anchor[0]), d2 = vec_mul(d, d);
  part[S1] = vec_add(part[S1], d);
  part[S2] = vec_add(part[S2], d2);
  part[S3] = vec_add(part[S3], vec_mul(d2, d));
  part[S4] = vec_add(part[S4], vec_mul(d2, d2));
}

/* Power sums of (d + shift) from those of d, by the binomial rows. */
TL_INLINE void shift_sums(vec *s, const vec *part, vec count, vec h) {
  vec two = vec_set1(2), three = vec_set1(3), four = vec_set1(4), six = vec_set1(6);
  vec h1 = vec_mul(count, h);
  s[S1] = vec_add(part[S1], h1);
  s[S2] = vec_add(part[S2], vec_mul(h, vec_add(vec_mul(two, part[S1]), h1)));
  s[S3] = vec_add(part[S3], vec_mul(h, vec_add(vec_mul(three, part[S2]), vec_mul(h, vec_add(vec_mul(three, part[S1]), h1)))));
  vec inner = vec_mul(h, vec_add(vec_mul(four, part[S1]), h1));
  inner = vec_mul(h, vec_add(vec_mul(six, part[S2]), inner));
  s[S4] = vec_add(part[S4], vec_mul(h, vec_add(vec_mul(four, part[S3]), inner)));
}

/* Central sums m2, m3, m4. */
TL_INLINE void moments4_lower(vec *out, const fold_window *w, const tl_params *p) {
  (void)p;
  vec s[4];
  shift_sums(s, w->suffix, w->suffix_count, vec_sub(w->suffix_anchor[0], w->prefix_anchor[0]));
  for (int i = 0; i < 4; i++) s[i] = vec_add(w->prefix[i], s[i]);
  vec m = vec_mul(s[S1], w->inverse);
  out[0] = vec_max(vec_zero(), vec_sub(s[S2], vec_mul(s[S1], m)));
  vec m_s1 = vec_mul(m, s[S1]);
  out[1] = vec_add(s[S3], vec_mul(m, vec_sub(vec_mul(vec_set1(2), m_s1), vec_mul(vec_set1(3), s[S2]))));
  vec inner = vec_sub(vec_mul(vec_set1(6), s[S2]), vec_mul(vec_set1(3), m_s1));
  out[2] = vec_add(s[S4], vec_mul(m, vec_sub(vec_mul(m, inner), vec_mul(vec_set1(4), s[S3]))));
}

TL_INLINE vec skew_of(vec m2, vec m3, vec k) {
  vec one = vec_set1(1), two = vec_set1(2);
  vec scale = vec_div(vec_mul(k, vec_sqrt(vec_sub(k, one))), vec_sub(k, two));
  return vec_select(vec_lt(two, k), vec_finite(vec_mul(scale, vec_div(m3, vec_mul(m2, vec_sqrt(m2))))), vec_na());
}
TL_INLINE vec kurt_of(vec m2, vec m4, vec k) {
  vec one = vec_set1(1), two = vec_set1(2), three = vec_set1(3);
  vec k1 = vec_sub(k, one), below = vec_mul(vec_sub(k, two), vec_sub(k, three));
  vec ratio = vec_div(vec_mul(vec_mul(k, vec_add(k, one)), vec_div(m4, m2)), m2);
  vec g = vec_mul(vec_div(k1, below), vec_sub(ratio, vec_mul(three, k1)));
  return vec_select(vec_lt(three, k), vec_finite(g), vec_na());
}
TL_INLINE vec full_skew(const vec *x, const tl_params *p) { return skew_of(x[0], x[1], vec_set1((double)p->n)); }
TL_INLINE vec counted_skew(const vec *x, const tl_params *p) {
  (void)p;
  return skew_of(x[0], x[1], x[2]);
}
TL_INLINE vec full_kurt(const vec *x, const tl_params *p) { return kurt_of(x[0], x[1], vec_set1((double)p->n)); }
TL_INLINE vec counted_kurt(const vec *x, const tl_params *p) {
  (void)p;
  return kurt_of(x[0], x[1], x[2]);
}

TL_KERNEL(moments4) { tl__fold(c, 1, 4, 3, moments4_push, moments4_lower); }
TL_KERNEL(skew) {
  if (c->params->min < c->params->n)
    tl__map(c, 3, counted_skew);
  else
    tl__map(c, 2, full_skew);
}
TL_KERNEL(kurt) {
  if (c->params->min < c->params->n)
    tl__map(c, 3, counted_kurt);
  else
    tl__map(c, 2, full_kurt);
}

TL_OPERATOR(moments4, .group = "folds", .summary = "sums of squares, cubes and fourth powers about the mean", .kind = TL_FOLD, .internal = true,
            .args = {TL_X, TL_N, TL_MIN}, .outputs = 3, .parts = 4, .needs = 1);
TL_OPERATOR(skew, .group = "windows", .summary = "adjusted Fisher-Pearson skewness, as pandas; missing on flat input", .kind = TL_MAP, .via = "moments4",
            .takes = "01c", .args = {TL_X, TL_N, TL_MIN}, .needs = 3, .laws = TL_SHIFT);
TL_OPERATOR(kurt, .group = "windows", .summary = "adjusted excess kurtosis, as pandas; missing on flat input", .kind = TL_MAP, .via = "moments4",
            .takes = "02c", .args = {TL_X, TL_N, TL_MIN}, .needs = 4, .laws = TL_SHIFT);

#ifdef TL_PROOFS
static bool central(const tl_params *p, const double *x, int64_t t, int64_t needs, long double *k, long double *m2, long double *m3, long double *m4) {
  double v[p->n];
  int64_t count = tl__window(p, x, t, v);
  if (count < p->min || count < needs) return false;
  long double mean = 0; /* of distances from the first value: a large base would cost the oracle's own digits */
  for (int64_t i = 0; i < count; i++) mean += (long double)v[i] - v[0];
  mean /= count;
  *k = count, *m2 = *m3 = *m4 = 0;
  for (int64_t i = 0; i < count; i++) {
    long double d = (long double)v[i] - v[0] - mean;
    *m2 += d * d, *m3 += d * d * d, *m4 += d * d * d * d;
  }
  /* A flat window has no shape; its mean in long double may miss x by a rounding. */
  for (int64_t i = 1; i < count; i++)
    if (v[i] != v[0]) return true;
  return false;
}
static double skew_oracle(const tl_params *p, const double *const *in, int64_t t) {
  long double k, m2, m3, m4;
  if (!central(p, in[0], t, 3, &k, &m2, &m3, &m4)) return NA;
  return (double)(sqrtl(k * (k - 1)) / (k - 2) * (m3 / k) / powl(m2 / k, 1.5L));
}
static double kurt_oracle(const tl_params *p, const double *const *in, int64_t t) {
  long double k, m2, m3, m4;
  if (!central(p, in[0], t, 4, &k, &m2, &m3, &m4)) return NA;
  return (double)((k - 1) / ((k - 2) * (k - 3)) * ((k + 1) * (k * m4 / (m2 * m2) - 3) + 6));
}
#endif
TL_PROOF(moments4);
TL_PROOF(skew, .oracle = skew_oracle, .calls = {"skew(x, 5)", "skew(x, 60)", "skew(x, 20, min: 3)"}, .tolerance = 1e-8, .scale = TL_SCALE_UNIT,
         .cases = {{"skew(x, 4)", 4, {1, 2, 3, 10}, {0}, {0}, {NA, NA, NA, 1.763632614803888}, "pandas 3.1 Series.skew"}});
TL_PROOF(kurt, .oracle = kurt_oracle, .calls = {"kurt(x, 5)", "kurt(x, 60)", "kurt(x, 20, min: 4)"}, .tolerance = 1e-8, .scale = TL_SCALE_UNIT,
         .cases = {{"kurt(x, 5)", 5, {1, 2, 3, 10, 4}, {0}, {0}, {NA, NA, NA, NA, 3.1519999999999984}, "pandas 3.1 Series.kurt"}});
