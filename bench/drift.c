/* Nothing drifts: windows after a hundred million rows, an early print of 1e12 and early NaN among them, against brute force in long double
   over the rows of the last windows.   drift [ROWS] */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/engine.h"

enum { CHUNK = 1 << 16, COLUMNS = 2, KEPT = 2048, OUTPUTS = 12 };

static const char TEXT[] =
    "stream by k order by t\ninput x, y\n"
    "feature mean = mean(x, 200)\nfeature sum = sum(x, 1000)\nfeature stddev = stddev(x, 252)\nfeature var = var(x, 21, min: 1)\n"
    "feature skew = skew(x, 60)\nfeature beta = beta(y, x, 252)\nfeature corr = corr(x, y, 63)\nfeature slope = slope(x, 50)\n"
    "feature resid = resid(x, 50)\nfeature max = max(x, 252)\nfeature mad = mad(x, 20)\nfeature range = adjusted_range(x, 100)\n";

static uint64_t dice = 88172645463325252u;
static double draw(void) {
  dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
  return (double)(dice >> 11) * 0x1p-53 - 0.5;
}

/* The last n values of a column as deviations from their mean; returns the mean. */
static long double centre(const double *last, int n, long double *away) {
  long double mean = 0;
  for (int i = 0; i < n; i++) mean += last[KEPT - n + i];
  mean /= n;
  for (int i = 0; i < n; i++) away[i] = last[KEPT - n + i] - mean;
  return mean;
}

static long double product(const long double *a, const long double *b, int n) {
  long double sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static void brute(const double *x, const double *y, long double *out) {
  long double a[KEPT], b[KEPT], cubes = 0, rise = 0, steps = 0;
  out[0] = centre(x, 200, a);
  out[1] = 1000 * centre(x, 1000, a);
  centre(x, 252, a);
  out[2] = sqrtl(product(a, a, 252) / 251);
  centre(x, 21, a);
  out[3] = product(a, a, 21) / 20;
  centre(x, 60, a);
  for (int i = 0; i < 60; i++) cubes += a[i] * a[i] * a[i];
  long double second = product(a, a, 60) / 60;
  out[4] = sqrtl(60.0L * 59) / 58 * (cubes / 60) / (second * sqrtl(second));
  centre(x, 252, a), centre(y, 252, b);
  out[5] = product(a, b, 252) / product(a, a, 252);
  centre(x, 63, a), centre(y, 63, b);
  out[6] = product(a, b, 63) / sqrtl(product(a, a, 63) * product(b, b, 63));
  long double level = centre(x, 50, a);
  for (int i = 0; i < 50; i++) rise += (i - 24.5L) * a[i], steps += (i - 24.5L) * (i - 24.5L);
  out[7] = rise / steps;
  out[8] = x[KEPT - 1] - (level + out[7] * 24.5L);
  out[9] = x[KEPT - 1];
  for (int i = 1; i <= 252; i++) out[9] = x[KEPT - i] > out[9] ? x[KEPT - i] : out[9];
  centre(x, 20, a);
  out[10] = 0;
  for (int i = 0; i < 20; i++) out[10] += fabsl(a[i]) / 20;
  centre(x, 100, a);
  long double sum = 0, high = 0, low = 0;
  for (int i = 0; i < 100; i++) sum += a[i], high = sum > high ? sum : high, low = sum < low ? sum : low;
  out[11] = high - low;
}

int main(int argc, char **argv) {
  int64_t rows = argc > 1 ? atoll(argv[1]) : 100000000, bad = 0;
  tl_error err = {0};
  tl_definition *d;
  tl_plan plan;
  tl_engine engine;
  tl_isa isa;
  bool selected[OUTPUTS];
  static double in[COLUMNS][CHUNK], out[OUTPUTS][CHUNK], last[COLUMNS][KEPT];
  static int64_t order[CHUNK];
  const double *inputs[COLUMNS] = {in[0], in[1]};
  double *results[OUTPUTS];
  memset(selected, true, sizeof selected);
  for (int o = 0; o < OUTPUTS; o++) results[o] = out[o];
  if (tl_definition_read(&d, "drift", TEXT, NULL, 0, &err) != TL_OK || tl_isa_choose(&isa, &err) != TL_OK ||
      tl_plan_make(&plan, tl_sys_env(), d, 0, selected, rows, TL_UNIT_DAY, NULL, &err) != TL_OK ||
      tl_engine_open(&engine, tl_sys_env(), &plan, isa, 0, NULL, &err) != TL_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 5;
  }
  for (int64_t at = 0, n; at < rows; at += n) {
    n = rows - at < CHUNK ? rows - at : CHUNK;
    for (int64_t i = 0; i < n; i++) {
      in[0][i] = at + i == 1000 ? 1e12 : (at + i) % 977 == 500 && at == 0 ? NAN : 1e6 + draw();
      in[1][i] = 2 * (in[0][i] - 1e6) + draw();
      order[i] = at + i;
    }
    tl_lane_stream lane = {.rows = at + n, .first = at, .result = at, .order = order, .inputs = inputs, .results = results};
    if (tl_engine_run_rows(&engine, &lane, 1, at, at + n, &err) != TL_OK) return 5;
    for (int c = 0; c < COLUMNS; c++) {
      int64_t kept = n < KEPT ? n : KEPT;
      memmove(last[c], last[c] + kept, (size_t)(KEPT - kept) * sizeof(double));
      memcpy(last[c] + KEPT - kept, in[c] + n - kept, (size_t)kept * sizeof(double));
    }
    if (at + n < rows) continue;
    long double expected[OUTPUTS];
    brute(last[0], last[1], expected);
    printf("after %" PRId64 " rows about 1e6, a print of 1e12 at row 1000, NaN in the first 65,536:\n", rows);
    for (int o = 0; o < OUTPUTS; o++) {
      double found = out[o][n - 1], off = (double)fabsl((found - expected[o]) / expected[o]);
      bool holds = off < 1e-9;
      printf("  %-8s %24.17g  off by %.1e%s\n", d->outputs[o].name, found, off, holds ? "" : "  TOO MUCH");
      bad += !holds;
    }
  }
  tl_engine_free(&engine);
  tl_plan_free(&plan);
  tl_definition_close(d);
  return bad > 0;
}
