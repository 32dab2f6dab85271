/* Which instruction set the kernels use. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "sys/sys.h"

#if defined(__aarch64__)
static const char *const names[TL_ISA_COUNT] = {"neon", "avx2", "avx512"};
#else
static const char *const names[TL_ISA_COUNT] = {"baseline", "avx2", "avx512"};
#endif

const char *tl_isa_name(tl_isa isa) { return names[isa]; }

bool tl_isa_available(tl_isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  switch (isa) {
    case TL_ISA_ID_AVX2: return __builtin_cpu_supports("avx2");
    case TL_ISA_ID_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512bw");
    default: return true;
  }
#else
  return isa == TL_ISA_ID_BASELINE;
#endif
}

tl_status tl_isa_choose(tl_isa *out, tl_error *err) {
  const char *wanted = getenv("TICKLOOM_ISA");
  if (wanted != NULL && *wanted != 0) {
    for (int i = 0; i < TL_ISA_COUNT; i++) {
      if (strcmp(wanted, names[i]) != 0 && !(i == 0 && strcmp(wanted, "baseline") == 0)) continue;
      if (!tl_isa_available((tl_isa)i)) return tl_fail(err, TL_USAGE, "TICKLOOM_ISA=%s: this processor does not have it", wanted);
      *out = (tl_isa)i;
      return TL_OK;
    }
    return tl_fail(err, TL_USAGE, "TICKLOOM_ISA=%s: expected baseline, avx2, avx512 or neon", wanted);
  }
  int best = TL_ISA_COUNT - 1;
  while (best > 0 && !tl_isa_available((tl_isa)best)) best--;
  *out = (tl_isa)best;
  return TL_OK;
}

static tl_isa chosen;

static void choose_once(void) {
  tl_error err;
  if (tl_isa_choose(&chosen, &err) != TL_OK) chosen = TL_ISA_ID_BASELINE;
}

tl_isa tl_isa_chosen(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, choose_once);
  return chosen;
}
