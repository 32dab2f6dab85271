/* An input that a plan only compares with constants need not be known: on which side of each constant it lies is enough. */
#ifndef TL_TRADE_CLASSES_H
#define TL_TRADE_CLASSES_H

#include "run/plan.h"

enum { TL_MOST_THRESHOLDS = 8, TL_MOST_CLASSES = 2 * TL_MOST_THRESHOLDS + 2 };

typedef struct tl_classes {
  bool enough;                           /* a value's class will do */
  double thresholds[TL_MOST_THRESHOLDS]; /* ascending */
  int count;
  double values[TL_MOST_CLASSES];         /* by class: some value of it; class 0 is missing */
  bool whole;                             /* integers compare with thresholds as with `bounds`: none is beyond what a double counts to */
  int64_t bounds[2 * TL_MOST_THRESHOLDS]; /* ascending: an integer's class is 1, and 1 more for each that it is not below */
} tl_classes;

/* Of an input of the definition. `enough` is false where the plan asks for more. */
void tl_classes_find(tl_classes *out, const tl_plan *plan, int32_t input);

#endif
