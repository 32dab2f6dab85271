/* What is counted of the results while they are at hand: per feature, and the rules of `check`. A stream may come in stretches. */
#ifndef TL_RUN_SUMMARY_H
#define TL_RUN_SUMMARY_H

#include "lang/definition.h"

/* One feature over many streams. Merging is exact: integers, extremes. */
typedef struct tl_feature_summary {
  int64_t rows, missing;
  int64_t window, input, domain; /* why: the window is not full; an input (or a side's value) in reach is missing; no number came of it */
  int64_t first_valid;           /* the earliest row with a value, of any stream; -1 when there is none */
  double min, max;
  int64_t streams, constant_streams, empty_streams;
} tl_feature_summary;

void tl_summary_begin(tl_feature_summary *s);
void tl_summary_merge(tl_feature_summary *into, const tl_feature_summary *from);

/* How far what a feature reads reaches in it. Sources are the definition's inputs, then the graph's joins. */
typedef struct tl_feature_reach {
  tl_type type;
  int64_t warmup, delay;
  int64_t *sources; /* one a source: for so many rows after it a missing value of it is in reach; -1: not read */
  bool ordered;     /* the rule `increasing` asks about it */
  bool deep;        /* mean, variance and hash are asked for, too */
} tl_feature_reach;

/* The joins that the wanted outputs read: nodes of the graph. */
typedef struct tl_source_list {
  size_t inputs, joins;
  int32_t *nodes; /* of the joins */
} tl_source_list;
tl_status tl_sources_find(tl_source_list *out, tl_arena *arena, const tl_definition *definition, const bool *selected, tl_error *err) TL_MUST_CHECK;
tl_status tl_reach_of(tl_feature_reach *out, tl_arena *arena, const tl_definition *definition, const tl_source_list *sources, size_t output,
                      tl_error *err) TL_MUST_CHECK;

/* What a stretch of a stream was computed from: rows [first, first + rows). */
typedef struct tl_source_rows {
  int64_t first, rows;
  int64_t end;                                           /* rows of the stream; INT64_MAX while that is not known */
  size_t count;                                          /* of sources */
  int64_t *last_missing;                                 /* of each source, before `first`; INT64_MIN: never */
  const double *(*column)(void *context, size_t source); /* its values at these rows, made when they are asked for; NULL: all missing */
  void *context;
  int64_t *spoilt; /* scratch: one a row */
  bool *present;   /* of each source, once it was looked at: nothing is missing in it, here or before */
  bool *looked;
} tl_source_rows;
/* Before the first `rows` rows are let go: takes note of what was missing there, for the sources that are wanted. */
void tl_sources_pass(const tl_source_rows *sources, const bool *wanted, int64_t rows);

/* One feature of one stream so far. */
typedef struct tl_course {
  tl_feature_summary s;
  int64_t begin;        /* row of the stream that is the first of the output; -1 before it */
  int64_t first_domain; /* row; -1 */
  double before;        /* the newest present value */
  int64_t broken_at;    /* first row that does not increase; -1 */
  double broken_value, broken_before;
  /* where they are asked for: sums about the first present value, by row modulo 8, so that they do not depend on stretches */
  double anchor, sums[8], squares[8];
  int64_t infinite;
  uint64_t hash; /* of values and their rows, added up */
} tl_course;

void tl_course_begin(tl_course *course);
/* Rows [from, from + rows) of the feature, which lie within the sources. */
void tl_course_add(tl_course *course, const tl_feature_reach *reach, const double *values, int64_t from, int64_t rows, const tl_source_rows *sources);
/* The stream has ended: its counts, as those of one stream. */
void tl_course_end(tl_course *course);

/* Mean and variance (ddof 1) of the present values; NaN where there are too few. */
void tl_course_moments(const tl_course *course, double *mean, double *variance);

/* False when an ended course breaks the rule, with `what` saying how. */
bool tl_rule_holds(const tl_rule *rule, const tl_course *course, char *what, size_t room);
void tl_rule_text(const tl_rule *rule, char *out, size_t room);

#endif
