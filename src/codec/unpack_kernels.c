/* The kernels of unpack.h for one instruction set; compiled once for each (TL_KERNELS is the prefix of their names).

   The idea: a group of values that begins on a byte is loaded into one register. Lane i wants `width` bits from bit i * width on,
   so it takes the words in which they lie (a permutation for each part of the lane), shifts the first down and the next up, and joins
   them; which words and how far depends on the width alone. What lies beyond a value's bits is masked off, so it does not
   matter what the last lane's second word is. The end of an area is copied, padded, and treated the same. */
#include <string.h>
#include "codec/unpack.h"
#include "simd/ints.h"
#include "simd/kernel.h"

TL_INLINE uint64_t mask_of(int width) { return width == 0 ? 0 : UINT64_MAX >> (64 - width); }

#if defined(TL_INTS)

enum { REGISTER = sizeof(ints) };

/* Where the lanes of a group find their bits. */
typedef struct places {
  ints word, next, right, left, mask;
} places;

TL_INLINE places places32(int width) {
  places p;
  ints bit = ints32_mul(ints32_index(), ints32_set1((uint32_t)width));
  p.word = ints32_right(bit, ints32_set1(5));
  p.next = ints32_add(p.word, ints32_set1(1));
  p.right = ints_and(bit, ints32_set1(31));
  p.left = ints32_sub(ints32_set1(32), p.right);
  p.mask = ints32_set1((uint32_t)mask_of(width));
  return p;
}

TL_INLINE ints lanes32(const uint8_t *in, const places *p) {
  ints bits = ints_load(in);
  ints low = ints32_right(ints32_permute(bits, p->word), p->right);
  ints high = ints32_left(ints32_permute(bits, p->next), p->left);
  return ints_and(ints_or(low, high), p->mask);
}

/* The group's first value begins at bit `first` of its first byte. */
TL_INLINE places places64(int width, int first) {
  places p;
  ints bit = ints64_add(ints64_mul32(ints64_index(), ints64_set1((uint64_t)width)), ints64_set1((uint64_t)first));
  p.word = ints64_right(bit, ints64_set1(5));
  p.next = ints64_add(p.word, ints64_set1(2));
  p.right = ints_and(bit, ints64_set1(31));
  p.left = ints64_sub(ints64_set1(64), p.right);
  p.mask = ints64_set1(mask_of(width));
  return p;
}

/* Two words hold any value of 33 bits; a wider one may end in a third (`wide`). */
TL_INLINE ints lanes64(const uint8_t *in, const places *p, bool wide) {
  ints bits = ints_load(in);
  ints x = ints64_right(ints64_pick(bits, p->word), p->right);
  if (wide) x = ints_or(x, ints64_left(ints64_pick(bits, p->next), p->left));
  return ints_and(x, p->mask);
}

/* The bytes that are left, fewer than a step needs, in front of zeros. */
typedef struct padded {
  uint8_t bytes[128]; /* under 64 that are left, and a step that begins in the last of them */
} padded;

TL_INLINE const uint8_t *pad(padded *p, const uint8_t *in, size_t size) {
  memset(p, 0, sizeof *p);
  if (size > 0) memcpy(p->bytes, in, size);
  return p->bytes;
}

/* One step is a register of 32-bit lanes, or eight values of 64 bits, so that each begins on a byte. */
enum { STEP = 8, PARTS = STEP / U64 };

typedef struct places_of_step {
  places part[PARTS];
} places_of_step;

TL_INLINE void step64(ints *x, const uint8_t *in, const places_of_step *p, int width, bool wide) {
  for (int k = 0; k < PARTS; k++) x[k] = lanes64(in + ((k * U64 * width) >> 3), &p->part[k], wide);
}

TL_INLINE size_t step64_reads(int width) { return (size_t)(((PARTS - 1) * U64 * width) >> 3) + REGISTER; }

TL_INLINE places_of_step step64_places(int width) {
  places_of_step p = {0};
  for (int k = 0; k < PARTS; k++) p.part[k] = places64(width, (k * U64 * width) & 7);
  return p;
}

/* Sums of differences: low is added to every lane, and `value`, the last result, to every sum. */
typedef struct running {
  ints low, value;
} running;

TL_INLINE ints sum32(running *r, ints x) {
  x = ints32_prefix(ints32_add(x, r->low));
  ints result = ints32_add(x, r->value);
  r->value = ints32_add(r->value, ints32_last(x)); /* one addition from step to step, whatever the prefix takes */
  return result;
}

TL_INLINE void sum64(running *r, ints *x) {
  for (int k = 0; k < PARTS; k++) {
    ints prefix = ints64_prefix(ints64_add(x[k], r->low));
    x[k] = ints64_add(prefix, r->value);
    r->value = ints64_add(r->value, ints64_last(prefix));
  }
}

/* Both kernels of a width, with the sums or without. */
TL_INLINE void unpack_sum32(uint32_t *out, const uint8_t *in, size_t size, size_t count, int width, running *r) {
  places p = places32(width);
  padded padding;
  size_t bytes = (size_t)(U32 * width) / 8, i = 0;
  for (; i + U32 <= count && size >= REGISTER; i += U32, in += bytes, size -= bytes) {
    ints x = lanes32(in, &p);
    ints_store(out + i, r != NULL ? sum32(r, x) : x);
  }
  if (i == count) return;
  if (size < REGISTER) in = pad(&padding, in, size);
  for (; i < count; i += U32, in += bytes) {
    ints x = lanes32(in, &p);
    if (r != NULL) x = sum32(r, x);
    if (i + U32 <= count)
      ints_store(out + i, x);
    else
      memcpy(out + i, &x, (count - i) * sizeof *out);
  }
}

TL_INLINE void unpack_sum64_of(uint64_t *out, const uint8_t *in, size_t size, size_t count, int width, bool wide, running *r) {
  places_of_step p = step64_places(width);
  padded padding;
  ints x[PARTS];
  size_t reads = step64_reads(width), i = 0;
  for (; i + STEP <= count && size >= reads; i += STEP, in += width, size -= (size_t)width) {
    step64(x, in, &p, width, wide);
    if (r != NULL) sum64(r, x);
    for (int k = 0; k < PARTS; k++) ints_store(out + i + k * U64, x[k]);
  }
  if (i == count) return;
  if (size < reads) in = pad(&padding, in, size);
  for (; i < count; i += STEP, in += width) {
    step64(x, in, &p, width, wide);
    if (r != NULL) sum64(r, x);
    memcpy(out + i, x, (count - i < STEP ? count - i : STEP) * sizeof *out);
  }
}

TL_INLINE void unpack_sum64(uint64_t *out, const uint8_t *in, size_t size, size_t count, int width, running *r) {
  if (width > 33)
    unpack_sum64_of(out, in, size, count, width, true, r);
  else
    unpack_sum64_of(out, in, size, count, width, false, r);
}

static void unpack32(uint32_t *out, const uint8_t *in, size_t size, size_t count, int width) { unpack_sum32(out, in, size, count, width, NULL); }
static void unpack64(uint64_t *out, const uint8_t *in, size_t size, size_t count, int width) { unpack_sum64(out, in, size, count, width, NULL); }

static void delta_block(int64_t *out, uint64_t *value, uint64_t low, const uint8_t *in, size_t size, size_t count, int width) {
  running r = {ints64_set1(low), ints64_set1(*value)};
  unpack_sum64((uint64_t *)out, in, size, count, width, &r);
  if (count > 0) *value = count % STEP == 0 ? ints64_first(r.value) : (uint64_t)out[count - 1];
}

static void delta_narrow(int32_t *out, uint32_t *value, uint32_t low, const uint8_t *in, size_t size, size_t count, int width) {
  running r = {ints32_set1(low), ints32_set1(*value)};
  unpack_sum32((uint32_t *)out, in, size, count, width, &r);
  if (count > 0) *value = count % U32 == 0 ? ints32_first(r.value) : (uint32_t)out[count - 1];
}

#else

/* How many of the first values lie in eight bytes each (sixteen when they may span nine) that may be read. */
TL_INLINE size_t easy_values(size_t size, size_t count, int width) {
  size_t reads = width <= 56 ? 8 : 16;
  if (size < reads) return 0;
  size_t easy = width == 0 ? count : (8 * (size - reads) + 7) / (size_t)width + 1;
  return easy < count ? easy : count;
}

TL_INLINE uint64_t easy_value(const uint8_t *in, size_t i, int width, uint64_t mask) {
  size_t bit = i * (size_t)width;
  uint64_t word;
  unsigned __int128 wide;
  if (width > 56) {
    memcpy(&wide, in + (bit >> 3), sizeof wide);
    return (uint64_t)(wide >> (bit & 7)) & mask;
  }
  memcpy(&word, in + (bit >> 3), sizeof word);
  return word >> (bit & 7) & mask;
}

/* One of the values behind those. */
static uint64_t last_value(const uint8_t *in, size_t size, size_t i, int width) {
  size_t bit = i * (size_t)width, byte = bit >> 3;
  unsigned __int128 wide = 0;
  if (byte < size) memcpy(&wide, in + byte, size - byte < sizeof wide ? size - byte : sizeof wide);
  return (uint64_t)(wide >> (bit & 7)) & mask_of(width);
}

static void unpack32(uint32_t *out, const uint8_t *in, size_t size, size_t count, int width) {
  uint64_t mask = mask_of(width);
  size_t easy = easy_values(size, count, width), i = 0;
  for (; i < easy; i++) out[i] = (uint32_t)easy_value(in, i, width, mask);
  for (; i < count; i++) out[i] = (uint32_t)last_value(in, size, i, width);
}

static void unpack64(uint64_t *out, const uint8_t *in, size_t size, size_t count, int width) {
  uint64_t mask = mask_of(width);
  size_t easy = easy_values(size, count, width), i = 0;
  for (; i < easy; i++) out[i] = easy_value(in, i, width, mask);
  for (; i < count; i++) out[i] = last_value(in, size, i, width);
}

static void delta_block(int64_t *out, uint64_t *value, uint64_t low, const uint8_t *in, size_t size, size_t count, int width) {
  uint64_t mask = mask_of(width), sum = *value;
  size_t easy = easy_values(size, count, width), i = 0;
  for (; i < easy; i++) out[i] = (int64_t)(sum += low + easy_value(in, i, width, mask));
  for (; i < count; i++) out[i] = (int64_t)(sum += low + last_value(in, size, i, width));
  *value = sum;
}

static void delta_narrow(int32_t *out, uint32_t *value, uint32_t low, const uint8_t *in, size_t size, size_t count, int width) {
  uint64_t mask = mask_of(width);
  uint32_t sum = *value;
  size_t easy = easy_values(size, count, width), i = 0;
  for (; i < easy; i++) out[i] = (int32_t)(sum += low + (uint32_t)easy_value(in, i, width, mask));
  for (; i < count; i++) out[i] = (int32_t)(sum += low + (uint32_t)last_value(in, size, i, width));
  *value = sum;
}

#endif

/* Of deltas wider than the column only the low half counts. */
static void delta_block32(int32_t *out, uint32_t *value, uint32_t low, const uint8_t *in, size_t size, size_t count, int width) {
  enum { SOME = 64 };
  uint64_t deltas[SOME];
  if (width <= 32) {
    delta_narrow(out, value, low, in, size, count, width);
    return;
  }
  for (size_t i = 0; i < count; i += SOME, in += SOME / 8 * width, size -= (size_t)(SOME / 8 * width)) {
    size_t n = count - i < SOME ? count - i : SOME;
    unpack64(deltas, in, size, n, width);
    for (size_t k = 0; k < n; k++) out[i + k] = (int32_t)(*value += low + (uint32_t)deltas[k]);
  }
}

static void gather64(uint64_t *restrict out, const uint64_t *restrict dictionary, const uint32_t *restrict codes, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = dictionary[codes[i]];
}

static void gather32(uint32_t *restrict out, const uint32_t *restrict dictionary, const uint32_t *restrict codes, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = dictionary[codes[i]];
}

static void narrow16(uint16_t *restrict out, const uint32_t *restrict codes, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (uint16_t)(codes[i] + 1);
}

#if defined(TL_INTS_EXPAND)

static void spread16(uint16_t *restrict out, const uint32_t *restrict codes, const uint8_t *restrict valid, size_t count) {
  for (size_t i = 0; i < count; i += U32) {
    size_t n = count - i < U32 ? count - i : U32;
    uint32_t there = valid[i >> 3] | (n > 8 ? (uint32_t)valid[(i >> 3) + 1] << 8 : 0);
    uint16_t some[U32];
    ints x = ints32_expand(there, ints32_add(ints_load(codes), ints32_set1(1)));
    codes += __builtin_popcount(there);
    ints32_store16(n == U32 ? out + i : some, x);
    if (n < U32) memcpy(out + i, some, n * sizeof *out);
  }
}

#else

/* A byte of validity at a time: most say that all eight rows are there. */
static void spread16(uint16_t *restrict out, const uint32_t *restrict codes, const uint8_t *restrict valid, size_t count) {
  for (size_t i = 0; i < count; i += 8) {
    unsigned bits = valid[i >> 3];
    size_t n = count - i < 8 ? count - i : 8;
    if (bits == 0xff && n == 8) {
      narrow16(out + i, codes, 8);
      codes += 8;
      continue;
    }
    for (size_t k = 0; k < n; k++) {
      unsigned there = bits >> k & 1;
      out[i + k] = (uint16_t)((*codes + 1) & -there);
      codes += there;
    }
  }
}

#endif

enum { AT_ONCE = 256 };

/* At most AT_ONCE values. */
TL_INLINE void classes_of(uint16_t *restrict out, const double *restrict values, size_t count, const double *restrict thresholds, int n) {
  int64_t classes[AT_ONCE];
  for (size_t i = 0; i < count; i++) classes[i] = 1;
  for (int t = 0; t < n; t++)
    for (size_t i = 0; i < count; i++) classes[i] += (int64_t)(values[i] >= thresholds[t]) + (int64_t)(values[i] > thresholds[t]);
  for (size_t i = 0; i < count; i++) out[i] = values[i] - values[i] == 0 ? (uint16_t)classes[i] : 0;
}

static void classes16(uint16_t *restrict out, const double *restrict values, size_t count, const double *restrict thresholds, int n) {
  for (size_t at = 0; at < count; at += AT_ONCE) classes_of(out + at, values + at, count - at < AT_ONCE ? count - at : AT_ONCE, thresholds, n);
}

static void int_classes16(uint16_t *restrict out, const int64_t *restrict values, size_t count, const int64_t *restrict bounds, int n) {
  int64_t classes[AT_ONCE];
  for (size_t at = 0, m; at < count; at += m) {
    m = count - at < AT_ONCE ? count - at : AT_ONCE;
    for (size_t i = 0; i < m; i++) classes[i] = 1;
    for (int b = 0; b < n; b++)
      for (size_t i = 0; i < m; i++) classes[i] += values[at + i] >= bounds[b];
    for (size_t i = 0; i < m; i++) out[at + i] = (uint16_t)classes[i];
  }
}

static void finite64(double *out, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = __builtin_fabs(values[i]) < __builtin_inf() ? values[i] : __builtin_nan("");
}

static bool any_missing64(const double *values, size_t count) {
  uint64_t any = 0;
  for (size_t i = 0; i < count; i++) any |= values[i] != values[i];
  return any != 0;
}

static bool any_zero16(const uint16_t *values, size_t count) {
  uint16_t any = 0;
  for (size_t i = 0; i < count; i++) any |= values[i] == 0;
  return any != 0;
}

static void fill32(uint32_t *out, uint32_t value, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = value;
}

static uint32_t max32(const uint32_t *values, size_t count) {
  uint32_t most = 0;
  for (size_t i = 0; i < count; i++) most = values[i] > most ? values[i] : most;
  return most;
}

static bool ascends64(const int64_t *values, size_t count) {
  int64_t falls = 0;
  for (size_t i = 1; i < count; i++) falls |= values[i] < values[i - 1];
  return falls == 0;
}

extern const tl_codec_kernels TL_KERNEL_NAME(TL_KERNELS, codec_kernels);
const tl_codec_kernels TL_KERNEL_NAME(TL_KERNELS, codec_kernels) = {
    .unpack32 = unpack32,
    .unpack64 = unpack64,
    .delta_block = delta_block,
    .delta_block32 = delta_block32,
    .gather64 = gather64,
    .gather32 = gather32,
    .narrow16 = narrow16,
    .spread16 = spread16,
    .classes16 = classes16,
    .int_classes16 = int_classes16,
    .finite64 = finite64,
    .any_missing64 = any_missing64,
    .any_zero16 = any_zero16,
    .fill32 = fill32,
    .max32 = max32,
    .ascends64 = ascends64,
};
