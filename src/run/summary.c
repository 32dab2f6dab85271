#include "run/summary.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mix.h"
#include "column/survey.h"

void tl_summary_begin(tl_feature_summary *s) { *s = (tl_feature_summary){.first_valid = -1, .min = NAN, .max = NAN}; }

static double smaller(double a, double b) { return isnan(a) || b < a ? b : a; }
static double larger(double a, double b) { return isnan(a) || b > a ? b : a; }

void tl_summary_merge(tl_feature_summary *into, const tl_feature_summary *from) {
  into->rows += from->rows;
  into->missing += from->missing;
  into->window += from->window;
  into->input += from->input;
  into->domain += from->domain;
  into->streams += from->streams;
  into->constant_streams += from->constant_streams;
  into->empty_streams += from->empty_streams;
  if (from->first_valid >= 0 && (into->first_valid < 0 || from->first_valid < into->first_valid)) into->first_valid = from->first_valid;
  if (!isnan(from->min)) into->min = smaller(into->min, from->min);
  if (!isnan(from->max)) into->max = larger(into->max, from->max);
}

/* ---- sources ---- */

tl_status tl_sources_find(tl_source_list *out, tl_arena *arena, const tl_definition *d, const bool *selected, tl_error *err) {
  bool *needed;
  *out = (tl_source_list){.inputs = d->input_count};
  TL_TRY(tl_arena_take(arena, &needed, d->graph.count + 1, sizeof *needed, err));
  TL_TRY(tl_arena_take(arena, &out->nodes, d->graph.count + 1, sizeof *out->nodes, err));
  for (size_t o = 0; o < d->output_count; o++)
    if (selected[o]) needed[d->outputs[o].edge.node] = true;
  for (size_t i = d->graph.count; i-- > 0;) {
    const tl_node *n = &d->graph.nodes[i];
    if (!needed[i]) continue;
    if (n->kind == TL_NODE_JOIN) out->nodes[out->joins++] = (int32_t)i;
    for (int k = tl_node_first_input(n); k < n->inputs; k++) needed[n->in[k].node] = true;
  }
  return TL_OK;
}

tl_status tl_reach_of(tl_feature_reach *out, tl_arena *arena, const tl_definition *d, const tl_source_list *list, size_t output, tl_error *err) {
  const tl_output *o = &d->outputs[output];
  int32_t node = o->edge.node;
  int64_t *ahead; /* of each node: the farthest sum of windows from it to the feature; -1 not read */
  *out = (tl_feature_reach){.type = o->type, .warmup = tl_definition_output_warmup(d, output), .delay = o->delay};
  for (const tl_rule *r = o->rules; r != NULL; r = r->next) out->ordered |= r->type == TL_RULE_INCREASING;
  TL_TRY(tl_arena_take(arena, &out->sources, list->inputs + list->joins + 1, sizeof *out->sources, err));
  for (size_t s = 0; s < list->inputs + list->joins; s++) out->sources[s] = -1;
  TL_TRY(tl_allocate(d->env, &ahead, (size_t)node + 1, sizeof *ahead, err));
  for (int32_t i = 0; i < node; i++) ahead[i] = -1;
  ahead[node] = 0;
  for (int32_t i = node; i >= 0; i--) {
    const tl_node *n = &d->graph.nodes[i];
    if (ahead[i] < 0) continue;
    if (n->kind == TL_NODE_COLUMN && n->column >= 0 && n->frame == 0) out->sources[n->column] = ahead[i];
    for (size_t j = 0; n->kind == TL_NODE_JOIN && j < list->joins; j++)
      if (list->nodes[j] == i) out->sources[list->inputs + j] = ahead[i];
    int64_t total = ahead[i] + tl_node_reach(n);
    for (int k = tl_node_first_input(n); k < n->inputs; k++)
      if (total > ahead[n->in[k].node]) ahead[n->in[k].node] = total;
  }
  tl_release(d->env, ahead);
  return TL_OK;
}

void tl_sources_pass(const tl_source_rows *s, const bool *wanted, int64_t rows) {
  for (size_t i = 0; i < s->count; i++) {
    if (!wanted[i]) continue;
    const double *column = s->column(s->context, i);
    int64_t row = rows - 1;
    while (row >= 0 && column != NULL && !isnan(column[row])) row--;
    if (row >= 0) s->last_missing[i] = s->first + row;
  }
}

/* ---- one feature of one stream ---- */

void tl_course_begin(tl_course *c) {
  *c = (tl_course){.begin = -1, .first_domain = -1, .broken_at = -1, .before = NAN, .anchor = NAN};
  tl_summary_begin(&c->s);
}

static tl_survey survey_times(const double *v, int64_t rows) {
  tl_survey s = {.lead = -1};
  for (int64_t i = 0; i < rows; i++) {
    int64_t bits;
    memcpy(&bits, &v[i], sizeof bits);
    s.missing += bits == tl_time_na();
    if (bits != tl_time_na() && s.lead < 0) s.lead = i;
  }
  if (s.lead < 0) s.lead = rows;
  return s;
}

static bool is_missing(tl_type type, double v) {
  int64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return type == TL_TIME ? bits == tl_time_na() : isnan(v);
}

/* Whether nothing is missing in a source, so that it spoils nothing: mostly so, and looked at once for all features. */
static bool is_present(const tl_source_rows *s, size_t source) {
  if (s->looked[source]) return s->present[source];
  const double *column = s->column(s->context, source);
  int64_t missing = column == NULL ? s->rows : 0;
  for (int64_t r = 0; column != NULL && r < s->rows; r++) missing += column[r] != column[r];
  s->looked[source] = true;
  s->present[source] = missing == 0 && s->last_missing[source] == INT64_MIN;
  return s->present[source];
}

/* For each row how far the missing values of its sources reach: the greatest row, as computed, that one of them spoils. */
static void spread_missing(const tl_feature_reach *reach, const tl_source_rows *s, size_t source, int64_t *spoilt) {
  const double *column = s->column(s->context, source);
  int64_t until = s->last_missing[source] == INT64_MIN ? INT64_MIN : s->last_missing[source] + reach->sources[source];
  for (int64_t r = 0; r < s->rows; r++) {
    if (column == NULL || isnan(column[r])) until = s->first + r + reach->sources[source];
    if (until > spoilt[r]) spoilt[r] = until;
  }
}

/* Row t was computed at row t + delay, from windows that end there. */
static void find_reasons(tl_course *c, const tl_feature_reach *reach, const double *v, int64_t from, int64_t rows, const tl_source_rows *s) {
  bool spoilt = false;
  for (size_t i = 0; i < s->count; i++) {
    if (reach->sources[i] < 0 || is_present(s, i)) continue;
    for (int64_t r = 0; !spoilt && r < s->rows; r++) s->spoilt[r] = INT64_MIN;
    spoilt = true;
    spread_missing(reach, s, i, s->spoilt);
  }
  for (int64_t t = from; t < from + rows; t++) {
    int64_t at = t + reach->delay;
    if (!is_missing(reach->type, v[t - from])) continue;
    if (t < reach->warmup || at >= s->end)
      c->s.window++;
    else if (at - s->first >= s->rows || (spoilt && s->spoilt[at - s->first] >= at))
      c->s.input++;
    else {
      c->s.domain++;
      if (c->first_domain < 0) c->first_domain = t;
    }
  }
}

static void find_break(tl_course *c, const double *v, int64_t from, int64_t rows) {
  for (int64_t i = 0; i < rows && c->broken_at < 0; i++) {
    if (isnan(v[i])) continue;
    if (v[i] <= c->before) c->broken_at = from + i, c->broken_value = v[i], c->broken_before = c->before;
    c->before = v[i];
  }
}

static void look_deeper(tl_course *c, const double *v, int64_t from, int64_t rows) {
  uint64_t place = TL_MIX_STEP * (uint64_t)(from + 1);
  for (int64_t i = 0; i < rows; i++, place += TL_MIX_STEP) {
    uint64_t bits = isnan(v[i]) ? 0x7ff8000000000000u : 0;
    if (bits == 0) {
      memcpy(&bits, &v[i], sizeof bits);
      c->infinite += isinf(v[i]) != 0;
      if (isnan(c->anchor)) c->anchor = v[i];
      double apart = v[i] - c->anchor;
      c->sums[(from + i) & 7] += apart;
      c->squares[(from + i) & 7] += apart * apart;
    }
    c->hash += tl_mix(bits, place);
  }
}

void tl_course_moments(const tl_course *c, double *mean, double *variance) {
  double n = (double)(c->s.rows - c->s.missing), sum = 0, squares = 0;
  for (int i = 0; i < 8; i++) sum += c->sums[i], squares += c->squares[i];
  *mean = n > 0 ? c->anchor + sum / n : NAN;
  double rest = squares - sum * (sum / n);
  *variance = n > 1 ? (rest > 0 ? rest : 0) / (n - 1) : NAN;
}

void tl_course_add(tl_course *c, const tl_feature_reach *reach, const double *v, int64_t from, int64_t rows, const tl_source_rows *s) {
  if (rows <= 0) return;
  tl_survey seen = reach->type == TL_TIME ? survey_times(v, rows) : tl_survey_of(v, rows);
  if (c->begin < 0) c->begin = from;
  c->s.rows += rows;
  c->s.missing += seen.missing;
  if (seen.missing > 0) {
    if (seen.missing == seen.lead && from + seen.lead <= reach->warmup) /* nearly always: nothing else to explain */
      c->s.window += seen.missing;
    else
      find_reasons(c, reach, v, from, rows, s);
  }
  if (reach->ordered) find_break(c, v, from, rows);
  if (reach->deep) look_deeper(c, v, from, rows);
  if (seen.missing == rows) return;
  if (c->s.first_valid < 0) c->s.first_valid = from + seen.lead - c->begin;
  if (reach->type == TL_TIME) return;
  c->s.min = smaller(c->s.min, seen.min);
  c->s.max = larger(c->s.max, seen.max);
}

void tl_course_end(tl_course *c) {
  c->s.streams = 1;
  c->s.empty_streams = c->s.missing == c->s.rows;
  c->s.constant_streams = c->s.missing < c->s.rows && c->s.min == c->s.max;
}

/* ---- checks ---- */

void tl_rule_text(const tl_rule *r, char *out, size_t room) {
  switch (r->type) {
    case TL_RULE_FINITE: snprintf(out, room, "finite"); break;
    case TL_RULE_NOT_CONSTANT: snprintf(out, room, "not constant"); break;
    case TL_RULE_MISSING: snprintf(out, room, "missing < %g%%", r->high * 100); break;
    case TL_RULE_BETWEEN: snprintf(out, room, "between %g and %g", r->low, r->high); break;
    case TL_RULE_INCREASING: snprintf(out, room, "increasing"); break;
  }
}

bool tl_rule_holds(const tl_rule *r, const tl_course *c, char *what, size_t room) {
  const tl_feature_summary *s = &c->s;
  double share = s->rows > 0 ? (double)s->missing / (double)s->rows : 0;
  switch (r->type) {
    case TL_RULE_FINITE: snprintf(what, room, "the result at row %lld is not finite", (long long)c->first_domain); return c->first_domain < 0;
    case TL_RULE_NOT_CONSTANT: snprintf(what, room, "every value is %g", s->min); return !s->constant_streams || s->rows - s->missing < 2;
    case TL_RULE_MISSING: snprintf(what, room, "%.1f%% are missing", share * 100); return s->rows == 0 || share < r->high;
    case TL_RULE_BETWEEN:
      snprintf(what, room, "values lie within %g .. %g", s->min, s->max);
      return s->missing == s->rows || (s->min >= r->low && s->max <= r->high);
    case TL_RULE_INCREASING: break;
  }
  snprintf(what, room, "%g at row %lld follows %g", c->broken_value, (long long)c->broken_at, c->broken_before);
  return c->broken_at < 0;
}
