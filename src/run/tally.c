#include "run/tally.h"
#include <stdio.h>
#include <string.h>

tl_status tl_tally_open(tl_tally *out, tl_env *env, size_t features, size_t checks, tl_error *err) {
  *out = (tl_tally){.env = env, .feature_count = features, .check_count = checks};
  TL_TRY(tl_allocate(env, &out->features, features + 1, sizeof *out->features, err));
  tl_status status = tl_allocate(env, &out->checks, checks + 1, sizeof *out->checks, err);
  if (status != TL_OK)
    tl_tally_free(out);
  else
    tl_tally_clear(out);
  return status;
}

void tl_tally_free(tl_tally *t) {
  if (t->env == NULL) return;
  tl_release(t->env, t->features);
  tl_release(t->env, t->checks);
  *t = (tl_tally){0};
}

void tl_tally_clear(tl_tally *t) {
  t->rows = t->streams = t->nonfinite = t->duplicates = 0;
  for (size_t i = 0; i < t->feature_count; i++) tl_summary_begin(&t->features[i]);
  memset(t->checks, 0, t->check_count * sizeof *t->checks);
}

static void merge_check(tl_check_count *into, const tl_check_count *from) {
  into->streams += from->streams;
  into->failed += from->failed;
  if (from->failed > 0 && (into->example[0] == 0 || strcmp(from->example, into->example) < 0)) memcpy(into->example, from->example, sizeof into->example);
}

void tl_tally_merge(tl_tally *into, const tl_tally *from) {
  into->rows += from->rows;
  into->streams += from->streams;
  into->nonfinite += from->nonfinite;
  into->duplicates += from->duplicates;
  for (size_t i = 0; i < into->feature_count; i++) tl_summary_merge(&into->features[i], &from->features[i]);
  for (size_t i = 0; i < into->check_count; i++) merge_check(&into->checks[i], &from->checks[i]);
}

void tl_check_add(tl_check_count *c, const char *stream, const char *what) {
  tl_check_count one = {.streams = 1, .failed = what != NULL};
  if (what != NULL) snprintf(one.example, sizeof one.example, "%.80s: %.110s", stream, what);
  merge_check(c, &one);
}

/* Doubles go as their bits: nothing is to be read by people here, and formatting them would take longer than small files take to make. */
static int64_t bits_of(double v) {
  int64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

static double of_bits(const json_t *v) {
  int64_t bits = json_integer_value(v);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

void tl_tally_write(const tl_tally *t, tl_json *j) {
  tl_json_int(j, "rows", t->rows);
  tl_json_int(j, "streams", t->streams);
  tl_json_int(j, "nonfinite", t->nonfinite);
  tl_json_int(j, "duplicates", t->duplicates);
  tl_json_open(j, "features", '[');
  for (size_t i = 0; i < t->feature_count; i++) {
    const tl_feature_summary *s = &t->features[i];
    tl_json_open(j, NULL, '[');
    const int64_t counts[] = {s->rows, s->missing, s->window, s->input, s->domain, s->first_valid, s->streams, s->constant_streams, s->empty_streams};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) tl_json_int(j, NULL, counts[k]);
    tl_json_int(j, NULL, bits_of(s->min));
    tl_json_int(j, NULL, bits_of(s->max));
    tl_json_close(j, ']');
  }
  tl_json_close(j, ']');
  tl_json_open(j, "checks", '[');
  for (size_t i = 0; i < t->check_count; i++) {
    tl_json_open(j, NULL, '[');
    tl_json_int(j, NULL, t->checks[i].streams);
    tl_json_int(j, NULL, t->checks[i].failed);
    tl_json_string(j, NULL, t->checks[i].example);
    tl_json_close(j, ']');
  }
  tl_json_close(j, ']');
}

bool tl_tally_read(tl_tally *t, const json_t *object) {
  const json_t *features = json_object_get(object, "features"), *checks = json_object_get(object, "checks");
  if (json_array_size(features) != t->feature_count || json_array_size(checks) != t->check_count) return false;
  tl_tally_clear(t);
  t->rows = json_integer_value(json_object_get(object, "rows"));
  t->streams = json_integer_value(json_object_get(object, "streams"));
  t->nonfinite = json_integer_value(json_object_get(object, "nonfinite"));
  t->duplicates = json_integer_value(json_object_get(object, "duplicates"));
  for (size_t i = 0; i < t->feature_count; i++) {
    tl_feature_summary *s = &t->features[i];
    const json_t *f = json_array_get(features, i);
    int64_t *const counts[] = {&s->rows, &s->missing, &s->window, &s->input, &s->domain, &s->first_valid, &s->streams, &s->constant_streams, &s->empty_streams};
    size_t n = sizeof counts / sizeof *counts;
    if (json_array_size(f) != n + 2) return false;
    for (size_t k = 0; k < n; k++) *counts[k] = json_integer_value(json_array_get(f, k));
    s->min = of_bits(json_array_get(f, n));
    s->max = of_bits(json_array_get(f, n + 1));
  }
  for (size_t i = 0; i < t->check_count; i++) {
    const json_t *c = json_array_get(checks, i);
    const char *example = json_string_value(json_array_get(c, 2));
    if (json_array_size(c) != 3 || example == NULL) return false;
    t->checks[i] = (tl_check_count){.streams = json_integer_value(json_array_get(c, 0)), .failed = json_integer_value(json_array_get(c, 1))};
    snprintf(t->checks[i].example, sizeof t->checks[i].example, "%s", example);
  }
  return true;
}
