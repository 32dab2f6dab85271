/* What an operator's file says for the tests: a slow and obvious oracle, calls to try it on, cases with known answers. */
#ifndef TL_OP_PROOF_H
#define TL_OP_PROOF_H

#include <math.h>
#include "lane/tile.h"

#define NA NAN
enum { TL_CASE_ROWS = 12, TL_PROOF_CALLS = 8, TL_PROOF_CASES = 8 };

/* `call` is an expression over the columns x, y, z, w, t (t: dates from 2020-12-29 on); the input ends at `rows`. */
typedef struct tl_case {
  const char *call;
  int rows;
  double x[TL_CASE_ROWS], y[TL_CASE_ROWS], z[TL_CASE_ROWS];
  double out[TL_CASE_ROWS];
  const char *source;
} tl_case;

/* What an error is measured against, besides the value itself. Level is the largest magnitude in the window, spread its largest
   difference; 0 and 1 are the first and second series. */
typedef enum tl_scale {
  TL_SCALE_VALUE,
  TL_SCALE_UNIT,      /* 1 */
  TL_SCALE_LEVEL,     /* level 0 */
  TL_SCALE_SPREAD,    /* spread 0 */
  TL_SCALE_RATIO,     /* spread 0 / spread 1 */
  TL_SCALE_PRODUCT,   /* spread 0 * spread 1 */
  TL_SCALE_INTERCEPT, /* level 0 + ratio * level 1 */
} tl_scale;

typedef struct tl_proof {
  const char *name;
  /* The value at row t from the whole columns; reads no later row. NULL where cases alone suffice. */
  double (*oracle)(const tl_params *p, const double *const *in, int64_t t);
  const char *calls[TL_PROOF_CALLS];
  double tolerance; /* relative to the scale; 0 means the same bits */
  tl_scale scale;
  tl_case cases[TL_PROOF_CASES];
} tl_proof;

/* The present values of the window that ends at t, oldest first, into `out` (room for n); their number. */
static inline int64_t tl__window(const tl_params *p, const double *x, int64_t t, double *out) {
  int64_t k = 0;
  for (int64_t i = t - p->n + 1 < 0 ? 0 : t - p->n + 1; i <= t; i++)
    if (x[i] == x[i]) out[k++] = x[i];
  return k;
}

#endif
