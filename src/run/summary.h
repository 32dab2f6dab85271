/* What is counted of the results while they are at hand: per feature, and the rules of `check`. */
#ifndef TL_RUN_SUMMARY_H
#define TL_RUN_SUMMARY_H

#include "lang/definition.h"

/* One feature over many streams. Merging is exact: integers, extremes. */
typedef struct tl_feature_summary {
  int64_t rows, missing;
  int64_t first_valid; /* the earliest row with a value, of any stream; -1 when there is none */
  double min, max;
  int64_t streams, constant_streams, empty_streams;
} tl_feature_summary;

void tl_summary_begin(tl_feature_summary *s);
/* One stream's values of a feature. `type` says how a missing value looks. */
void tl_summary_add(tl_feature_summary *s, tl_type type, const double *values, int64_t rows);
void tl_summary_merge(tl_feature_summary *into, const tl_feature_summary *from);

/* How far a missing input row reaches in a feature, for the rule `finite`. */
typedef struct tl_feature_reach {
  int64_t rows; /* a missing input makes this many later rows missing at most */
  bool *inputs; /* definition inputs of the main frame that it reads */
  bool reads_side;
} tl_feature_reach;
tl_status tl_reach_of(tl_feature_reach *out, tl_arena *arena, const tl_definition *definition, int32_t node, tl_error *err) TL_MUST_CHECK;

/* Evaluates a rule on one stream; `columns` holds the definition's inputs of that stream (NULL: not read). False when it fails,
   with `what` saying how. */
bool tl_rule_holds(const tl_rule *rule, const tl_output *output, const tl_feature_reach *reach, int64_t warmup, const double *values, int64_t rows,
                   const double *const *columns, size_t column_count, char *what, size_t room);
void tl_rule_text(const tl_rule *rule, char *out, size_t room);

#endif
