/* Counting: what a run says of its features, and the rules of `check`, while the results are at hand. */
#include <stdio.h>
#include <string.h>
#include "run/worker.h"

static const double *loaded_column(const tl_worker *w, size_t input) {
  for (int i = 0; i < w->run->plan.input_count; i++)
    if ((size_t)w->run->plan.inputs[i] == input) return w->load.columns[i] + w->counted->at;
  return NULL;
}

static void work_out_join(tl_worker *w, int32_t node, double *out) {
  const tl_definition *d = w->run->definition;
  int32_t picked_by = d->sides[d->graph.nodes[d->graph.nodes[node].in[0].node].frame - 1].picked_by;
  const double *numbers = picked_by >= 0 ? loaded_column(w, (size_t)picked_by) : NULL;
  tl_engine_join(&w->engine, node, w->load.order + w->counted->at, numbers, w->counted_rows, out);
}

/* The values of a source at the rows at hand: an input as it was loaded, a join worked out when somebody asks. */
static const double *source_column(void *context, size_t source) {
  tl_worker *w = context;
  const tl_run *run = w->run;
  if (source < run->sources.inputs) return loaded_column(w, source);
  size_t join = source - run->sources.inputs;
  if (!w->joined_ready[join]) work_out_join(w, run->sources.nodes[join], w->joined[join]);
  w->joined_ready[join] = true;
  return w->joined[join];
}

static tl_status show_sources(tl_worker *w, const tl_loaded_stream *s, int64_t *last_missing, tl_source_rows *out, tl_error *err) {
  const tl_run *run = w->run;
  w->counted = s;
  w->counted_rows = s->rows;
  memset(w->joined_ready, 0, run->sources.joins * sizeof *w->joined_ready);
  TL_TRY(tl_renew(run->env, &w->spoilt, &w->spoilt_capacity, (size_t)s->rows + 1, sizeof *w->spoilt, err));
  for (size_t j = 0; j < run->sources.joins; j++) TL_TRY(tl_renew(run->env, &w->joined[j], &w->joined_capacity[j], (size_t)s->rows + 1, sizeof(double), err));
  *out = (tl_source_rows){.first = s->first,
                          .rows = s->rows,
                          .end = s->ended ? s->first + s->rows : INT64_MAX,
                          .count = run->sources.inputs + run->sources.joins,
                          .last_missing = last_missing,
                          .column = source_column,
                          .context = w,
                          .spoilt = w->spoilt,
                          .present = w->source_present,
                          .looked = w->source_looked};
  memset(w->source_looked, 0, out->count * sizeof *w->source_looked);
  return TL_OK;
}

tl_status tl__count_rows(tl_worker *w, tl_loaded_stream *s, int64_t *last_missing, tl_course *courses, int64_t from, int64_t rows, int64_t at, tl_error *err) {
  const tl_run *run = w->run;
  tl_source_rows sources;
  TL_TRY(show_sources(w, s, last_missing, &sources, err));
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) tl_course_add(&courses[o], &run->reaches[o], w->results[o] + at, from, rows, &sources);
  return TL_OK;
}

tl_status tl__count_pass(tl_worker *w, tl_loaded_stream *s, int64_t *last_missing, int64_t rows, tl_error *err) {
  tl_source_rows sources;
  TL_TRY(show_sources(w, s, last_missing, &sources, err));
  tl_sources_pass(&sources, w->run->source_read, rows);
  return TL_OK;
}

void tl__count_end(tl_worker *w, tl_loaded_stream *s, tl_course *courses, int64_t rows, tl_tally *tally) {
  const tl_run *run = w->run;
  char name[300], what[160], rule[80];
  bool strict = run->options.strict;
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) tl_course_end(&courses[o]);
  for (size_t i = 0; i < run->check_count; i++) {
    const tl_check_result *check = &run->checks[i];
    bool holds = tl_rule_holds(check->rule, &courses[check->output], what, sizeof what);
    if (!holds) tl_stream_name(&run->input, s->stream, name, sizeof name);
    tl_check_add(&tally->checks[i], name, holds ? NULL : what);
    if (holds || !strict || s->failed) continue;
    tl_rule_text(check->rule, rule, sizeof rule);
    s->failed = true;
    s->error_row = -1;
    tl_fail(&s->error, TL_CORRUPT, "the check `%s: %s` failed: %s", run->definition->outputs[check->output].name, rule, what);
  }
  if (s->failed) return;
  size_t n = 0;
  for (size_t o = 0; o < run->definition->output_count; o++)
    if (run->selected[o]) tl_summary_merge(&tally->features[n++], &courses[o].s);
  tl_error err;
  if (run->validate != TL_VALIDATE_NONE && tl__validate_take(w->run, (int32_t)(s->stream - run->input.streams), courses, &err) != TL_OK) {
    s->failed = true;
    s->error = err;
    return;
  }
  tally->streams++;
  tally->rows += rows;
  tally->nonfinite += s->nonfinite;
  tally->duplicates += s->duplicates;
}

/* The first row whose key is at least `key`. */
static int64_t lower_bound(const int64_t *order, int64_t rows, int64_t key) {
  int64_t low = 0, high = rows;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (order[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void tl__wanted_rows(const tl_run *run, const int64_t *order, int64_t rows, int64_t *from, int64_t *to) {
  *from = run->from == INT64_MIN ? 0 : lower_bound(order, rows, run->from);
  *to = run->to == INT64_MAX ? rows : lower_bound(order, rows, run->to);
}
