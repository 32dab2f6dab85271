#include "run/summary.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "column/survey.h"

void tl_summary_begin(tl_feature_summary *s) { *s = (tl_feature_summary){.first_valid = -1, .min = NAN, .max = NAN}; }

static bool time_missing(double v) {
  int64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits == tl_time_na();
}

static double smaller(double a, double b) { return isnan(a) || b < a ? b : a; }
static double larger(double a, double b) { return isnan(a) || b > a ? b : a; }

static void add_times(tl_feature_summary *s, const double *v, int64_t rows) {
  int64_t missing = 0, first = -1;
  for (int64_t i = 0; i < rows; i++) {
    if (time_missing(v[i]))
      missing++;
    else if (first < 0)
      first = i;
  }
  s->missing += missing;
  s->empty_streams += missing == rows;
  if (first >= 0 && (s->first_valid < 0 || first < s->first_valid)) s->first_valid = first;
}

void tl_summary_add(tl_feature_summary *s, tl_type type, const double *v, int64_t rows) {
  s->rows += rows;
  s->streams++;
  if (type == TL_TIME) {
    add_times(s, v, rows);
    return;
  }
  tl_survey seen = tl_survey_of(v, rows);
  s->missing += seen.missing;
  s->empty_streams += seen.missing == rows;
  if (seen.missing == rows) return;
  if (s->first_valid < 0 || seen.lead < s->first_valid) s->first_valid = seen.lead;
  s->constant_streams += seen.min == seen.max;
  s->min = smaller(s->min, seen.min);
  s->max = larger(s->max, seen.max);
}

void tl_summary_merge(tl_feature_summary *into, const tl_feature_summary *from) {
  into->rows += from->rows;
  into->missing += from->missing;
  into->streams += from->streams;
  into->constant_streams += from->constant_streams;
  into->empty_streams += from->empty_streams;
  if (from->first_valid >= 0 && (into->first_valid < 0 || from->first_valid < into->first_valid)) into->first_valid = from->first_valid;
  if (!isnan(from->min)) into->min = smaller(into->min, from->min);
  if (!isnan(from->max)) into->max = larger(into->max, from->max);
}

/* ---- checks ---- */

static int64_t reach_of_node(const tl_node *n) {
  if (n->kind != TL_NODE_OPERATOR) return 0;
  tl_kind kind = tl__operators[n->op]->kind;
  return kind == TL_FOLD || kind == TL_VIEW ? n->params.n - 1 : kind == TL_EDGE ? n->params.n : 0;
}

tl_status tl_reach_of(tl_feature_reach *out, tl_arena *arena, const tl_definition *d, int32_t node, tl_error *err) {
  int64_t *ahead; /* of each node: the farthest sum of windows from it to the feature; -1 not read */
  *out = (tl_feature_reach){0};
  TL_TRY(tl_arena_take(arena, &out->inputs, d->input_count + 1, sizeof *out->inputs, err));
  TL_TRY(tl_allocate(d->env, &ahead, (size_t)node + 1, sizeof *ahead, err));
  for (int32_t i = 0; i < node; i++) ahead[i] = -1;
  ahead[node] = 0;
  for (int32_t i = node; i >= 0; i--) {
    const tl_node *n = &d->graph.nodes[i];
    if (ahead[i] < 0) continue;
    out->reads_side |= n->kind == TL_NODE_JOIN;
    if (n->kind == TL_NODE_JOIN) continue;
    if (n->kind == TL_NODE_COLUMN && n->column >= 0) out->inputs[n->column] = true;
    int64_t total = ahead[i] + reach_of_node(n);
    if (total > out->rows) out->rows = total;
    for (int k = 0; k < n->inputs; k++)
      if (total > ahead[n->in[k].node]) ahead[n->in[k].node] = total;
  }
  tl_release(d->env, ahead);
  return TL_OK;
}

void tl_rule_text(const tl_rule *r, char *out, size_t room) {
  switch (r->type) {
    case TL_RULE_FINITE: snprintf(out, room, "finite"); break;
    case TL_RULE_NOT_CONSTANT: snprintf(out, room, "not constant"); break;
    case TL_RULE_MISSING: snprintf(out, room, "missing < %g%%", r->high * 100); break;
    case TL_RULE_BETWEEN: snprintf(out, room, "between %g and %g", r->low, r->high); break;
    case TL_RULE_INCREASING: snprintf(out, room, "increasing"); break;
  }
}

/* A value that is missing although its window is full and every input in reach is present was not finite. */
static int64_t first_not_finite(const tl_feature_reach *reach, int64_t warmup, const double *v, int64_t rows, const double *const *columns, size_t count) {
  int64_t clear_from = warmup;
  tl_survey seen = tl_survey_of(v, rows);
  if (seen.missing == seen.lead && (seen.lead <= warmup || reach->reads_side)) return -1; /* nearly always: no hole to explain */
  if (reach->reads_side)                                                                  /* rows before the side's own warm-up cannot be told from here */
    while (clear_from < rows && isnan(v[clear_from])) clear_from++;
  for (int64_t t = 0; t < rows; t++) {
    for (size_t c = 0; c < count; c++)
      if (reach->inputs[c] && (columns[c] == NULL || isnan(columns[c][t])) && t + reach->rows >= clear_from) clear_from = t + reach->rows + 1;
    if (t >= clear_from && isnan(v[t])) return t;
  }
  return -1;
}

bool tl_rule_holds(const tl_rule *r, const tl_output *output, const tl_feature_reach *reach, int64_t warmup, const double *v, int64_t rows,
                   const double *const *columns, size_t column_count, char *what, size_t room) {
  tl_feature_summary s;
  tl_summary_begin(&s);
  tl_summary_add(&s, output->type, v, rows);
  if (r->type == TL_RULE_FINITE) {
    int64_t row = first_not_finite(reach, warmup, v, rows, columns, column_count);
    snprintf(what, room, "the result at row %lld is not finite", (long long)row);
    return row < 0;
  }
  if (r->type == TL_RULE_NOT_CONSTANT) {
    snprintf(what, room, "every value is %g", s.min);
    return s.constant_streams == 0 || s.rows - s.missing < 2;
  }
  if (r->type == TL_RULE_MISSING) {
    double share = rows > 0 ? (double)s.missing / (double)rows : 0;
    snprintf(what, room, "%.1f%% are missing", share * 100);
    return rows == 0 || share < r->high;
  }
  if (r->type == TL_RULE_BETWEEN) {
    snprintf(what, room, "values lie within %g .. %g", s.min, s.max);
    return s.missing == s.rows || (s.min >= r->low && s.max <= r->high);
  }
  double before = NAN;
  for (int64_t t = 0; t < rows; t++) {
    if (isnan(v[t])) continue;
    snprintf(what, room, "%g at row %lld follows %g", v[t], (long long)t, before);
    if (v[t] <= before) return false;
    before = v[t];
  }
  return true;
}
