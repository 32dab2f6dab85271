/* What one look over doubles tells: how many are missing, and the range of the others. */
#ifndef TL_COLUMN_SURVEY_H
#define TL_COLUMN_SURVEY_H

#include <stdint.h>
#include "simd/vec.h"

typedef struct tl_survey {
  int64_t missing, lead; /* all missing rows; those before the first present one */
  double min, max;       /* +inf and -inf when every row is missing */
} tl_survey;

static inline tl_survey tl_survey_of(const double *v, int64_t rows) {
  enum { CHAINS = 4, STEP = CHAINS * V };
  tl_survey s = {.min = INFINITY, .max = -INFINITY};
  vec low[CHAINS], high[CHAINS], absent[CHAINS];
  double lows[STEP], highs[STEP], counts[STEP];
  while (s.lead < rows && v[s.lead] != v[s.lead]) s.lead++;
  int64_t i = s.missing = s.lead;
  for (int k = 0; k < CHAINS; k++) low[k] = vec_set1(INFINITY), high[k] = vec_set1(-INFINITY), absent[k] = vec_zero();
  for (; i + STEP <= rows; i += STEP)
    for (int k = 0; k < CHAINS; k++) {
      vec x = vec_load(v + i + k * V);
      low[k] = vec_min(x, low[k]); /* a NaN keeps the second */
      high[k] = vec_max(x, high[k]);
      absent[k] = vec_add(absent[k], vec_truth(vec_absent(x)));
    }
  for (int k = 0; k < CHAINS; k++) vec_store(lows + k * V, low[k]), vec_store(highs + k * V, high[k]), vec_store(counts + k * V, absent[k]);
  for (int k = 0; k < STEP; k++) {
    s.min = lows[k] < s.min ? lows[k] : s.min;
    s.max = highs[k] > s.max ? highs[k] : s.max;
    s.missing += (int64_t)counts[k];
  }
  for (; i < rows; i++) {
    s.missing += v[i] != v[i];
    s.min = v[i] < s.min ? v[i] : s.min;
    s.max = v[i] > s.max ? v[i] : s.max;
  }
  return s;
}

#endif
