#include "run/validate.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "run/run.h"

static const char *const names[] = {"none", "end", "each", "skip-simple", "slow-only"};

tl_status tl_validate_mode_read(tl_validate_mode *out, const char *text, tl_error *err) {
  *out = TL_VALIDATE_NONE;
  for (int i = TL_VALIDATE_END; text != NULL && i <= TL_VALIDATE_SLOW_ONLY; i++)
    if (strcmp(text, names[i]) == 0) *out = (tl_validate_mode)i;
  if (text == NULL || *out != TL_VALIDATE_NONE) return TL_OK;
  return tl_fail(err, TL_USAGE, "--validate %s: expected end, each, skip-simple or slow-only", text);
}

/* ---- which features ---- */

static bool is_slow(const tl_node *n) {
  return tl__operators[n->op]->kind == TL_VIEW || n->op == TL_OP_trend || n->op == TL_OP_comoments || n->op == TL_OP_moments4;
}

bool tl_validate_asks(tl_validate_mode mode, const tl_definition *d, size_t output) {
  enum { READ = 1, UNDER_WINDOW = 2 };
  const tl_graph *g = &d->graph;
  uint8_t *marks;
  bool windows = false, slow = false;
  if (mode == TL_VALIDATE_NONE || d->outputs[output].type == TL_TIME) return false;
  if (mode == TL_VALIDATE_END || mode == TL_VALIDATE_EACH) return true;
  int32_t last = d->outputs[output].edge.node;
  if (tl_allocate_zeroed(d->env, &marks, (size_t)last + 1, 1, NULL) != TL_OK) return true; /* rather too much than too little */
  marks[last] = READ;
  for (int32_t i = last; i >= 0; i--) {
    const tl_node *n = &g->nodes[i];
    tl_kind kind = n->kind == TL_NODE_OPERATOR ? tl__operators[n->op]->kind : TL_MAP;
    bool window = kind == TL_FOLD || kind == TL_VIEW;
    if (marks[i] == 0) continue;
    windows |= window || kind == TL_SCAN;
    slow |= n->kind == TL_NODE_OPERATOR && (is_slow(n) || (window && (marks[i] & UNDER_WINDOW)));
    for (int k = 0; k < n->inputs; k++) marks[n->in[k].node] |= window ? READ | UNDER_WINDOW : marks[i];
  }
  tl_release(d->env, marks);
  return mode == TL_VALIDATE_SKIP_SIMPLE ? windows : slow;
}

/* ---- taking ---- */

tl_status tl__validate_take(tl_run *run, int32_t stream, const tl_course *courses, tl_error *err) {
  tl_lock_enter(run->lock);
  tl_status status =
      tl_reserve(run->env, &run->validations, &run->validation_capacity, run->validation_count + run->selected_count, sizeof *run->validations, err);
  for (size_t o = 0; status == TL_OK && o < run->definition->output_count; o++) {
    const tl_course *c = &courses[o];
    if (!run->selected[o] || !run->reaches[o].deep) continue;
    tl_validation *v = &run->validations[run->validation_count++];
    *v = (tl_validation){.stream = stream,
                         .output = (int32_t)o,
                         .rows = c->s.rows,
                         .missing = c->s.missing,
                         .infinite = c->infinite,
                         .first_valid = c->s.first_valid,
                         .min = c->s.min,
                         .max = c->s.max,
                         .hash = c->hash};
    tl_course_moments(c, &v->mean, &v->variance);
  }
  tl_lock_leave(run->lock);
  return status;
}

static int by_output_and_stream(const void *a, const void *b) {
  const tl_validation *x = a, *y = b;
  return x->output != y->output ? (x->output > y->output) - (x->output < y->output) : (x->stream > y->stream) - (x->stream < y->stream);
}

/* All streams of a feature as one, in the order of their keys, so that no order of work shows. */
static tl_validation all_streams(const tl_validation *v, size_t count, int64_t *constant, int64_t *empty) {
  tl_validation all = {.output = v->output, .first_valid = -1, .min = NAN, .max = NAN, .mean = NAN, .variance = NAN};
  double n = 0, squares = 0, mean = 0;
  *constant = *empty = 0;
  for (size_t i = 0; i < count; i++) {
    double m = (double)(v[i].rows - v[i].missing);
    all.rows += v[i].rows;
    all.missing += v[i].missing;
    all.infinite += v[i].infinite;
    all.hash += v[i].hash;
    *empty += m == 0;
    if (m == 0) continue;
    *constant += v[i].min == v[i].max;
    if (all.first_valid < 0 || v[i].first_valid < all.first_valid) all.first_valid = v[i].first_valid;
    if (!(all.min <= v[i].min)) all.min = v[i].min;
    if (!(all.max >= v[i].max)) all.max = v[i].max;
    double apart = v[i].mean - mean;
    squares += (m > 1 ? v[i].variance * (m - 1) : 0) + apart * apart * n * m / (n + m);
    mean += apart * m / (n + m);
    n += m;
  }
  if (n > 0) all.mean = mean;
  if (n > 1) all.variance = squares / (n - 1);
  return all;
}

/* ---- as JSON ---- */

static void put_numbers(tl_json *j, const tl_validation *v) {
  char hash[20];
  tl_json_int(j, "rows", v->rows);
  tl_json_int(j, "missing", v->missing);
  tl_json_int(j, "infinite", v->infinite);
  tl_json_double(j, "min", v->min);
  tl_json_double(j, "max", v->max);
  tl_json_double(j, "mean", v->mean);
  tl_json_double(j, "variance", v->variance);
  if (v->first_valid >= 0)
    tl_json_int(j, "first_valid_row", v->first_valid);
  else
    tl_json_null(j, "first_valid_row");
  snprintf(hash, sizeof hash, "%016llx", (unsigned long long)v->hash);
  tl_json_string(j, "hash", hash);
}

static size_t end_of(const tl_run *run, size_t first) {
  size_t end = first;
  while (end < run->validation_count && run->validations[end].output == run->validations[first].output) end++;
  return end;
}

static void put_features(const tl_run *run, tl_json *j) {
  tl_json_open(j, "features", '[');
  for (size_t i = 0, end; i < run->validation_count; i = end) {
    int64_t constant, empty;
    end = end_of(run, i);
    tl_validation all = all_streams(run->validations + i, end - i, &constant, &empty);
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", run->definition->outputs[all.output].name);
    put_numbers(j, &all);
    tl_json_int(j, "streams", (int64_t)(end - i));
    tl_json_int(j, "constant_streams", constant);
    tl_json_int(j, "empty_streams", empty);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

/* Without --validate: what every run counts. */
static void put_counts(const tl_run *run, tl_json *j) {
  tl_json_open(j, "features", '[');
  for (size_t o = 0, n = 0; o < run->definition->output_count; o++) {
    if (!run->selected[o]) continue;
    const tl_feature_summary *s = &run->tally.features[n++];
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", run->definition->outputs[o].name);
    tl_json_int(j, "rows", s->rows);
    tl_json_int(j, "missing", s->missing);
    tl_json_double(j, "min", s->min);
    tl_json_double(j, "max", s->max);
    if (s->first_valid >= 0)
      tl_json_int(j, "first_valid_row", s->first_valid);
    else
      tl_json_null(j, "first_valid_row");
    tl_json_int(j, "streams", s->streams);
    tl_json_int(j, "constant_streams", s->constant_streams);
    tl_json_int(j, "empty_streams", s->empty_streams);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

static void put_each(const tl_run *run, tl_json *j) {
  char name[300];
  tl_json_open(j, "streams", '[');
  for (size_t i = 0; i < run->validation_count; i++) {
    const tl_validation *v = &run->validations[i];
    tl_stream_name(&run->input, &run->input.streams[v->stream], name, sizeof name);
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "stream", name);
    tl_json_string(j, "feature", run->definition->outputs[v->output].name);
    put_numbers(j, v);
    tl_json_bool(j, "constant", v->missing < v->rows && v->min == v->max);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

tl_status tl__validate_write(tl_run *run, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = run->env};
  tl_json json = {.out = &text, .err = err}, *j = &json;
  if (run->target.is_file) return TL_OK;
  if (run->validation_count > 1) qsort(run->validations, run->validation_count, sizeof *run->validations, by_output_and_stream);
  tl_json_open(j, NULL, '{');
  tl_json_string(j, "tickloom", tl_version());
  tl_json_string(j, "definition", run->definition->path);
  tl_json_string(j, "validate", run->validate == TL_VALIDATE_NONE ? "end" : names[run->validate]);
  tl_json_int(j, "rows", run->tally.rows);
  tl_json_int(j, "streams_computed", run->tally.streams);
  tl_json_int(j, "nonfinite_inputs", run->tally.nonfinite);
  if (run->validate == TL_VALIDATE_NONE)
    put_counts(run, j);
  else
    put_features(run, j);
  tl__run_put_checks(run, j, "rules");
  if (run->validate == TL_VALIDATE_EACH) put_each(run, j);
  tl_json_close(j, '}');
  TL_TRY(json.status);
  TL_TRY(tl_buffer_byte(&text, '\n', err));
  return tl_target_write(&run->target, "checks.json", tl_buffer_view(&text), err);
}

/* ---- for people ---- */

tl_status tl__validate_show(tl_run *run, tl_buffer *out, tl_error *err) {
  size_t width = 7;
  for (size_t i = 0; i < run->validation_count; i++) {
    size_t size = strlen(run->definition->outputs[run->validations[i].output].name);
    if (size > width) width = size;
  }
  TL_TRY(tl_buffer_format(out, err, "\n%-*s  %11s  %12s  %12s  %8s  %8s  %16s\n", (int)width, "validated", "missing", "mean", "deviation", "constant", "empty",
                          "hash"));
  for (size_t i = 0, end; i < run->validation_count; i = end) {
    int64_t constant, empty;
    end = end_of(run, i);
    tl_validation all = all_streams(run->validations + i, end - i, &constant, &empty);
    TL_TRY(tl_buffer_format(out, err, "%-*s  %11lld  %12.6g  %12.6g  %8lld  %8lld  %016llx\n", (int)width, run->definition->outputs[all.output].name,
                            (long long)all.missing, all.mean, sqrt(all.variance), (long long)constant, (long long)empty, (unsigned long long)all.hash));
  }
  return TL_OK;
}
