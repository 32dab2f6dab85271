/* In-cache cost of the kernels below the operators: ns a value, for every instruction set. bench-kernels [NAME] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "codec/delta.h"
#include "codec/rle.h"
#include "codec/split.h"
#include "codec/unpack.h"
#include "column/wide.h"

/* No power of two: streams of that distance would fall on the same lines of the cache. */
enum { COUNT = 4000, MINIBLOCK = 32, REPEATS = 2000, AREA = 8 * COUNT };

static uint8_t packed[AREA];
static uint32_t codes[COUNT], narrow[COUNT];
static uint64_t wide[COUNT], dictionary[65536];
static uint32_t narrow_dictionary[65536];
static int64_t times[COUNT];
static double prices[COUNT], tiny_and_large[COUNT], with_missing[COUNT];
static volatile double sink;

typedef struct call {
  const tl_codec_kernels *codec;
  const tl_wide_kernels *sums;
  int width;
} call;

static void make_data(void) {
  uint64_t state = 1;
  for (int i = 0; i < COUNT; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    memcpy(packed + (size_t)i * 8, &state, 8);
    double unit = (double)(state >> 11) * 0x1p-53;
    prices[i] = 100 + unit;
    with_missing[i] = state >> 60 == 3 ? __builtin_nan("") : prices[i];
    tiny_and_large[i] = state >> 60 == 3 ? unit * 1e-20 : unit * 1e10;
    times[i] = 1700000000000000000 + i * INT64_C(1000000) + (int64_t)(unit * 1e6);
    codes[i] = (uint32_t)(state >> 40) & 1023;
  }
}

static void unpack32(const call *c) { c->codec->unpack32(narrow, packed, AREA, COUNT, c->width); }
static void unpack64(const call *c) { c->codec->unpack64(wide, packed, AREA, COUNT, c->width); }
static void delta(const call *c) {
  uint64_t value = 1;
  for (int i = 0; i < COUNT; i += MINIBLOCK)
    c->codec->delta_block((int64_t *)wide + i, &value, 7, packed + (size_t)(i / 8 * c->width), AREA - (size_t)(i / 8 * c->width), MINIBLOCK, c->width);
}
static void delta32(const call *c) {
  uint32_t value = 1;
  for (int i = 0; i < COUNT; i += MINIBLOCK)
    c->codec->delta_block32((int32_t *)narrow + i, &value, 7, packed + (size_t)(i / 8 * c->width), AREA - (size_t)(i / 8 * c->width), MINIBLOCK, c->width);
}
static void gather64(const call *c) { c->codec->gather64(wide, dictionary, codes, COUNT); }
static void gather32(const call *c) { c->codec->gather32(narrow, narrow_dictionary, codes, COUNT); }
static void max32(const call *c) { sink = c->codec->max32(codes, COUNT); }
static void split_encode(const call *c) { tl_split_encode((uint8_t *)wide, packed, COUNT, (size_t)c->width); }
static void split_decode(const call *c) { tl_split_decode((uint8_t *)wide, packed, COUNT, (size_t)c->width, COUNT); }
static void sum(const double *values, const call *c) {
  static tl_wide w;
  int64_t bad = 0;
  c->sums->add_many(&w, values, COUNT, &bad);
}
static void sum_prices(const call *c) { sum(prices, c); }
static void sum_missing(const call *c) { sum(with_missing, c); }
static void sum_spread(const call *c) { sum(tiny_and_large, c); }
static void sum_squares(const call *c) {
  static tl_wide w;
  int64_t bad = 0;
  c->sums->add_squares(&w, prices, COUNT, &bad);
}
static void sum_one_by_one(const call *c) {
  static tl_wide w;
  (void)c;
  for (int i = 0; i < COUNT; i++) tl_wide_add(&w, prices[i]);
}
static void round_wide(const call *c) {
  tl_wide w = {0};
  (void)c;
  tl_wide_add(&w, prices[0]);
  for (int i = 0; i < COUNT / 256; i++) sink = tl_wide_round(&w);
}
static tl_buffer encoded;
static void delta_encode(const call *c) {
  tl_error err;
  (void)c;
  encoded.size = 0;
  if (tl_delta_encode(&encoded, times, COUNT, false, &err) != TL_OK) abort();
}
static void rle_encode(const call *c) {
  tl_error err;
  (void)c;
  encoded.size = 0;
  if (tl_rle_encode(&encoded, codes, COUNT, 12, &err) != TL_OK) abort();
}

static double measure(void (*run)(const call *c), const call *c) {
  double best = 1e9;
  for (int r = 0; r < REPEATS; r++) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    run(c);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / COUNT;
    if (ns < best) best = ns;
  }
  return best;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(const call *c);
    int widths[7]; /* up to -1 */
  } rows[] = {{"unpack32", unpack32, {1, 3, 8, 12, 20, 32, -1}},
              {"unpack64", unpack64, {3, 12, 20, 33, 50, 64, -1}},
              {"delta", delta, {0, 3, 12, 20, 33, 50, -1}},
              {"delta32", delta32, {0, 3, 12, 20, 31, -1}},
              {"gather64", gather64, {64, -1}},
              {"gather32", gather32, {32, -1}},
              {"max32", max32, {32, -1}},
              {"split encode", split_encode, {2, 4, 8, -1}},
              {"split decode", split_decode, {2, 4, 8, -1}},
              {"sum, prices", sum_prices, {64, -1}},
              {"sum, some missing", sum_missing, {64, -1}},
              {"sum, far apart", sum_spread, {64, -1}},
              {"sum of squares", sum_squares, {64, -1}},
              {"sum, one by one", sum_one_by_one, {64, -1}},
              {"round, per 256 values", round_wide, {64, -1}},
              {"delta encode", delta_encode, {64, -1}},
              {"rle encode", rle_encode, {12, -1}}};
  encoded.env = tl_sys_env();
  make_data();
  printf("in-cache cost, ns a value\n%-22s %5s", "kernel", "width");
  for (int isa = 0; isa < TL_ISA_COUNT; isa++)
    if (tl_isa_available((tl_isa)isa)) printf(" %9s", tl_isa_name((tl_isa)isa));
  printf("\n");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (argc > 1 && strstr(rows[i].name, argv[1]) == NULL) continue;
    for (const int *width = rows[i].widths; *width >= 0; width++) {
      printf("%-22s %5d", rows[i].name, *width);
      for (int isa = 0; isa < TL_ISA_COUNT; isa++)
        if (tl_isa_available((tl_isa)isa))
          printf(" %9.3f", measure(rows[i].run, &(call){tl_codec_kernels_of((tl_isa)isa), tl_wide_kernels_of((tl_isa)isa), *width}));
      printf("\n");
    }
  }
  tl_buffer_free(&encoded);
  return 0;
}
