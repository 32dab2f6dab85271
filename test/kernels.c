/* Kernels below the operators, for every instruction set that this processor has: packed integers against bits taken one by one,
   exact sums against plain long addition. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "codec/delta.h"
#include "codec/pack.h"
#include "codec/rle.h"
#include "codec/split.h"
#include "codec/unpack.h"
#include "column/wide.h"
#include "op/table.h"
#include "test.h"

static tl_error err;
static size_t used;

static uint64_t dice_state = 11;
static uint64_t dice(void) {
  dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
  return dice_state >> 16;
}
static uint64_t dice64(void) { return dice() << 32 ^ dice(); }

/* The next instruction set from `isa` on that is here; TL_ISA_COUNT at the end. */
static int available(int isa) {
  while (isa < TL_ISA_COUNT && !tl_isa_available((tl_isa)isa)) isa++;
  return isa;
}

/* A copy that ends where its memory does, so that a read beyond it is seen. */
static uint8_t *exact_copy(const void *data, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  if (size > 0) memcpy(copy, data, size);
  return copy;
}

/* ---- packed integers ---- */

enum { MOST = 300, GUARD = 0x5a };

static uint64_t bits_at(const uint8_t *in, size_t i, int width) {
  uint64_t value = 0;
  for (int k = 0; k < width; k++) {
    size_t bit = i * (size_t)width + (size_t)k;
    value |= (uint64_t)(in[bit / 8] >> bit % 8 & 1) << k;
  }
  return value;
}

/* Random bytes for MOST values, the values of `width` bits in them, and 32-bit codes of those. */
typedef struct packed {
  uint8_t bytes[MOST * 8 + 200];
  uint64_t values[MOST];
} packed;

static void make_packed(packed *p, int width) {
  for (size_t i = 0; i < sizeof p->bytes; i++) p->bytes[i] = (uint8_t)dice();
  for (size_t i = 0; i < MOST; i++) p->values[i] = bits_at(p->bytes, i, width);
}

static void expect_unpacked(const tl_codec_kernels *k, const packed *p, size_t count, size_t more, int width, const char *isa) {
  uint64_t wide[MOST + 1];
  uint32_t narrow[MOST + 1];
  size_t size = (count * (size_t)width + 7) / 8 + more;
  uint8_t *in = exact_copy(p->bytes, size);
  memset(wide, GUARD, sizeof wide);
  memset(narrow, GUARD, sizeof narrow);
  k->unpack64(wide, in, size, count, width);
  for (size_t i = 0; i < count; i++)
    if (wide[i] != p->values[i]) fail_msg("%s: 64 bits, width %d, count %zu, value %zu", isa, width, count, i);
  assert_int_equal(wide[count], 0x5a5a5a5a5a5a5a5a);
  if (width <= 32) {
    k->unpack32(narrow, in, size, count, width);
    for (size_t i = 0; i < count; i++)
      if (narrow[i] != p->values[i]) fail_msg("%s: 32 bits, width %d, count %zu, value %zu", isa, width, count, i);
    assert_int_equal(narrow[count], 0x5a5a5a5a);
  }
  free(in);
}

static void expect_summed(const tl_codec_kernels *k, const packed *p, size_t count, size_t more, int width, const char *isa) {
  int64_t wide[MOST + 1];
  int32_t narrow[MOST + 1];
  uint64_t first = dice64(), low = dice64(), value = first, sum = first;
  uint32_t value32 = (uint32_t)first;
  size_t size = (count * (size_t)width + 7) / 8 + more;
  uint8_t *in = exact_copy(p->bytes, size);
  memset(wide, GUARD, sizeof wide);
  memset(narrow, GUARD, sizeof narrow);
  k->delta_block(wide, &value, low, in, size, count, width);
  k->delta_block32(narrow, &value32, (uint32_t)low, in, size, count, width);
  for (size_t i = 0; i < count; i++) {
    sum += low + p->values[i];
    if (wide[i] != (int64_t)sum) fail_msg("%s: sums of 64 bits, width %d, count %zu, value %zu", isa, width, count, i);
    if (narrow[i] != (int32_t)sum) fail_msg("%s: sums of 32 bits, width %d, count %zu, value %zu", isa, width, count, i);
  }
  assert_true(value == sum && value32 == (uint32_t)sum);
  assert_true(wide[count] == 0x5a5a5a5a5a5a5a5a && narrow[count] == 0x5a5a5a5a);
  free(in);
}

static void every_width_and_count_unpacks(void **state) {
  (void)state;
  static packed p;
  for (int width = 0; width <= 64; width++) {
    make_packed(&p, width);
    for (int isa = available(0); isa < TL_ISA_COUNT; isa = available(isa + 1))
      for (size_t count = 0; count <= MOST; count++) {
        size_t more = count % 3 == 0 ? dice() % 200 : 0; /* bytes behind the values */
        expect_unpacked(tl_codec_kernels_of((tl_isa)isa), &p, count, more, width, tl_isa_name((tl_isa)isa));
        expect_unpacked(tl_codec_kernels_of((tl_isa)isa), &p, count, 0, width, tl_isa_name((tl_isa)isa));
        expect_summed(tl_codec_kernels_of((tl_isa)isa), &p, count, more, width, tl_isa_name((tl_isa)isa));
        expect_summed(tl_codec_kernels_of((tl_isa)isa), &p, count, 0, width, tl_isa_name((tl_isa)isa));
      }
  }
}

static void packing_is_the_other_way(void **state) {
  (void)state;
  static packed p;
  for (int width = 0; width <= 64; width++) {
    make_packed(&p, width);
    for (size_t count = 0; count <= MOST; count += 8) { /* whole bytes */
      uint8_t out[MOST * 8 + 8];
      tl_bit_packer packer = {.at = out};
      for (size_t i = 0; i < count; i++) tl_bits_put(&packer, p.values[i], width);
      tl_bits_end(&packer);
      assert_memory_equal(out, p.bytes, count * (size_t)width / 8);
    }
  }
}

static void dictionaries_are_looked_up(void **state) {
  (void)state;
  uint64_t wide[100], out[MOST + 1];
  uint32_t narrow[100], codes[MOST], out32[MOST + 1];
  for (int i = 0; i < 100; i++) wide[i] = dice64(), narrow[i] = (uint32_t)dice();
  for (int isa = available(0); isa < TL_ISA_COUNT; isa = available(isa + 1))
    for (size_t count = 0; count <= MOST; count++) {
      const tl_codec_kernels *k = tl_codec_kernels_of((tl_isa)isa);
      uint32_t most = 0;
      for (size_t i = 0; i < count; i++) {
        codes[i] = (uint32_t)(dice() % 100);
        most = codes[i] > most ? codes[i] : most;
      }
      assert_int_equal(k->max32(codes, count), most);
      if (count > 0) {
        size_t at = dice() % count;
        uint32_t was = codes[at];
        codes[at] = UINT32_MAX;
        assert_int_equal(k->max32(codes, count), UINT32_MAX);
        codes[at] = was;
      }
      memset(out, GUARD, sizeof out);
      memset(out32, GUARD, sizeof out32);
      k->gather64(out, wide, codes, count);
      k->gather32(out32, narrow, codes, count);
      for (size_t i = 0; i < count; i++) assert_true(out[i] == wide[codes[i]] && out32[i] == narrow[codes[i]]);
      assert_true(out[count] == 0x5a5a5a5a5a5a5a5a && out32[count] == 0x5a5a5a5a);
    }
}

/* Codes of 16 bits against one row after the other; what lies behind the rows stays. */
static void codes_become_narrow(void **state) {
  (void)state;
  enum { ROWS = 200 };
  uint32_t codes[ROWS + TL_CODES_BEHIND];
  uint8_t valid[ROWS / 8 + 1];
  for (int isa = available(0); isa < TL_ISA_COUNT; isa = available(isa + 1)) {
    const tl_codec_kernels *k = tl_codec_kernels_of((tl_isa)isa);
    for (size_t count = 0; count <= ROWS; count++) {
      uint16_t out[ROWS + 1];
      for (size_t i = 0; i < ROWS + TL_CODES_BEHIND; i++) codes[i] = (uint32_t)(dice() % 65535);
      for (size_t i = 0; i < sizeof valid; i++) valid[i] = (uint8_t)(dice() % 3 == 0 ? dice() : 0xff);
      memset(out, GUARD, sizeof out);
      k->narrow16(out, codes, count);
      for (size_t i = 0; i < count; i++) assert_int_equal(out[i], codes[i] + 1);
      assert_int_equal(out[count], 0x5a5a);
      assert_false(k->any_zero16(out, count));
      k->spread16(out, codes, valid, count);
      bool any = false;
      for (size_t i = 0, next = 0; i < count; i++) {
        bool there = valid[i >> 3] >> (i & 7) & 1;
        assert_int_equal(out[i], there ? codes[next++] + 1 : 0);
        any |= !there;
      }
      assert_int_equal(out[count], 0x5a5a);
      assert_int_equal(k->any_zero16(out, count), any);
    }
  }
}

static void values_fall_into_classes(void **state) {
  (void)state;
  enum { ROWS = 600 };
  static const double some[] = {-INFINITY, -2, -1, -0.0, 0, 0.5, 1, 2, INFINITY, NAN}, thresholds[] = {-1, 0, 1};
  static const uint16_t expected[] = {0, 1, 2, 4, 4, 5, 6, 7, 0, 0};
  static const int64_t bounds[] = {-1, 0, 0, 1, 1, 2};
  for (int isa = available(0); isa < TL_ISA_COUNT; isa = available(isa + 1))
    for (size_t count = 0; count <= ROWS; count += count < 20 ? 1 : 97) {
      double values[ROWS];
      uint16_t out[ROWS + 1], classes[ROWS];
      int64_t integers[ROWS];
      for (size_t i = 0; i < count; i++) {
        size_t k = dice() % (sizeof some / sizeof *some);
        values[i] = some[k];
        classes[i] = expected[k];
      }
      memset(out, GUARD, sizeof out);
      tl_codec_kernels_of((tl_isa)isa)->classes16(out, values, count, thresholds, 3);
      assert_true(count == 0 || memcmp(out, classes, count * sizeof *out) == 0);
      assert_int_equal(out[count], 0x5a5a);
      for (size_t i = 0; i < count; i++) {
        integers[i] = (int64_t)(dice() % 5) - 2;
        classes[i] = (uint16_t)(integers[i] < -1 ? 1 : integers[i] > 1 ? 7 : 2 * integers[i] + 4);
      }
      tl_codec_kernels_of((tl_isa)isa)->int_classes16(out, integers, count, bounds, 6);
      assert_true(count == 0 || memcmp(out, classes, count * sizeof *out) == 0);
      assert_int_equal(out[count], 0x5a5a);
    }
}

static void conditions_turn_from_rows_to_lanes(void **state) {
  (void)state;
  for (int isa = available(0); isa < TL_ISA_COUNT; isa = available(isa + 1))
    for (int count = 0; count <= TL_TURNED_ROWS; count++) {
      tl_condition_bits rows[TL_TURNED_ROWS];
      uint64_t lanes[TL_LANES];
      for (int r = 0; r < count; r++) rows[r] = (tl_condition_bits)dice();
      tl_condition_bits *exact = (tl_condition_bits *)(void *)exact_copy(rows, (size_t)count * sizeof *rows);
      tl__kernels((tl_isa)isa)->turn_bits(lanes, exact, count);
      for (int l = 0; l < TL_LANES; l++)
        for (int r = 0; r < TL_TURNED_ROWS; r++) assert_int_equal(lanes[l] >> r & 1, r < count ? rows[r] >> l & 1 : 0);
      free(exact);
    }
}

/* Lanes whose code stays are one lookup, beside others whose code does not. */
static void codes_become_values_of_a_tile(void **state) {
  (void)state;
  enum { ROWS = 70, ENTRIES = 9 };
  for (int isa = available(0); isa < TL_ISA_COUNT; isa = available(isa + 1))
    for (int rows = 1; rows <= ROWS; rows++)
      for (int changing = -1; changing <= TL_LANES; changing++) { /* one lane, none, or all */
        double tile[ROWS * TL_LANES], dictionary[TL_LANES][ENTRIES];
        const double *values[TL_LANES];
        const uint16_t *codes[TL_LANES];
        for (int l = 0; l < TL_LANES; l++) {
          uint16_t own[ROWS];
          for (int i = 0; i < ENTRIES; i++) dictionary[l][i] = i == 0 ? NAN : l * 100 + i;
          for (int r = 0; r < rows; r++) own[r] = (uint16_t)(changing == l || changing == TL_LANES ? dice() % ENTRIES : (unsigned)l % ENTRIES);
          codes[l] = (const uint16_t *)(const void *)exact_copy(own, (size_t)rows * sizeof *own);
          values[l] = dictionary[l];
        }
        tl__kernels((tl_isa)isa)->gather_codes(tile, codes, values, rows);
        for (int l = 0; l < TL_LANES; l++) {
          for (int r = 0; r < rows; r++) assert_memory_equal(&tile[r * TL_LANES + l], &dictionary[l][codes[l][r]], sizeof(double));
          free((void *)(uintptr_t)codes[l]);
        }
      }
}

static void splits_are_streams_of_bytes(void **state) {
  (void)state;
  enum { WIDEST = 17, COUNT = 100 };
  uint8_t values[WIDEST * COUNT];
  for (size_t i = 0; i < sizeof values; i++) values[i] = (uint8_t)dice();
  for (size_t width = 1; width <= WIDEST; width++)
    for (size_t count = 0; count <= COUNT; count++) {
      uint8_t *in = exact_copy(values, width * count), *split = exact_copy(values, width * count), *again = exact_copy(values, width * count);
      tl_split_encode(split, in, count, width);
      for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < width; k++) assert_int_equal(split[k * count + i], in[i * width + k]);
      memset(again, 0, width * count);
      tl_split_decode(again, split, count, width, count);
      assert_memory_equal(again, in, width * count);
      free(in), free(split), free(again);
    }
}

/* ---- runs and deltas through their readers ---- */

static void packed_runs_are_read_in_pieces(void **state) {
  (void)state;
  static const uint32_t pieces[] = {1, 2, 3, 5, 7, 13, 100, 999};
  uint32_t values[1000], again[1000];
  for (int width = 1; width <= 32; width++)
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
      TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
      for (int i = 0; i < 1000; i++) values[i] = (uint32_t)(dice() & UINT64_MAX >> (64 - width));
      OK(tl_rle_encode(&out, values, 1000, width, &err));
      uint8_t *in = exact_copy(out.data, out.size);
      tl_rle rle;
      OK(tl_rle_open(&rle, (tl_bytes){in, out.size}, width, &err));
      for (uint32_t at = 0; at < 1000;) {
        uint32_t n, value;
        bool repeated;
        OK(tl_rle_peek(&rle, 1000 - at < pieces[p] ? 1000 - at : pieces[p], &n, &repeated, &value, &err));
        tl_rle_read(&rle, again + at, n);
        at += n;
      }
      assert_memory_equal(values, again, sizeof values);
      free(in);
    }
}

/* A packed run whose padding was cut holds the values that are whole. */
static void cut_runs_hold_what_is_there(void **state) {
  (void)state;
  for (int width = 1; width <= 32; width++)
    for (size_t there = 1; there < (size_t)width * 4; there++) {
      uint8_t bytes[200];
      uint32_t out[32];
      for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)dice();
      bytes[0] = 4 << 1 | 1;
      uint8_t *in = exact_copy(bytes, 1 + there);
      tl_rle rle;
      uint32_t n, value, whole = (uint32_t)(there * 8 / (size_t)width);
      bool repeated;
      OK(tl_rle_open(&rle, (tl_bytes){in, 1 + there}, width, &err));
      OK(tl_rle_peek(&rle, 32, &n, &repeated, &value, &err));
      assert_int_equal(n, whole < 32 ? whole : 32);
      tl_rle_read(&rle, out, n);
      for (uint32_t i = 0; i < n; i++) assert_int_equal(out[i], bits_at(bytes + 1, i, width));
      free(in);
    }
}

static void deltas_of_every_width_read_back(void **state) {
  (void)state;
  enum { COUNT = 700 };
  int64_t values[COUNT], again[COUNT];
  int32_t again32[COUNT];
  for (int width = 0; width <= 64; width++)
    for (int narrow = 0; narrow < 2; narrow++)
      for (int64_t count = 0; count < COUNT; count = count * 2 + 1) {
        TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
        uint64_t value = dice64();
        for (int64_t i = 0; i < count; i++) {
          values[i] = narrow ? (int64_t)(int32_t)(uint32_t)value : (int64_t)value;
          value += width == 0 ? 3 : dice64() & UINT64_MAX >> (64 - width);
        }
        OK(tl_delta_encode(&out, values, count, narrow != 0, &err));
        uint8_t *in = exact_copy(out.data, out.size);
        if (narrow == 0) {
          OK(tl_delta_decode(again, count, (tl_bytes){in, out.size}, &used, &err));
          assert_memory_equal(values, again, (size_t)count * 8);
        }
        OK(tl_delta_decode32(again32, count, (tl_bytes){in, out.size}, &used, &err));
        for (int64_t i = 0; i < count; i++) assert_int_equal(again32[i], (int32_t)values[i]);
        free(in);
      }
}

/* What is left out is above, and what is not is right, whether sums fall, wrap or come near the end of the numbers. */
static void deltas_are_known_as_far_as_they_matter(void **state) {
  (void)state;
  enum { COUNT = 700, TRIALS = 3000 };
  int64_t values[COUNT], again[COUNT], known, skipped = 0;
  for (int t = 0; t < TRIALS; t++) {
    TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
    int64_t count = dice() % COUNT, most = (int64_t)(dice() % 500);
    uint64_t value = dice() % 3 == 0 ? (uint64_t)INT64_MAX - dice() % 20000 : dice() % 600;
    for (int64_t i = 0; i < count; i++) {
      values[i] = (int64_t)value;
      value += dice() % 400 == 0 ? -(uint64_t)(dice() % 9000) : dice() % 8 * (dice() % 100 == 0 ? dice64() >> dice() % 60 : 1);
    }
    if (t % 3 == 0) most = count > 0 ? values[dice() % (unsigned)count] : 0;
    OK(tl_delta_encode(&out, values, count, false, &err));
    uint8_t *in = exact_copy(out.data, out.size);
    OK(tl_delta_decode_upto(again, count, (tl_bytes){in, out.size}, most, &known, &err));
    assert_true(known >= 0 && known <= count);
    if (known > 0) assert_memory_equal(values, again, (size_t)known * sizeof *values);
    for (int64_t i = known; i < count; i++) assert_true(values[i] > most);
    skipped += count - known;
    free(in);
  }
  assert_true(skipped > TRIALS);
}

/* Whatever the bytes, both readers agree and stay within them. */
static void cut_and_broken_deltas_are_corrupt(void **state) {
  (void)state;
  enum { COUNT = 300 };
  int64_t values[COUNT], again[COUNT];
  int32_t again32[COUNT];
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  for (int i = 0; i < COUNT; i++) values[i] = (int64_t)(dice64() >> dice() % 64);
  OK(tl_delta_encode(&out, values, COUNT, false, &err));
  for (size_t size = 0; size < out.size; size++) {
    uint8_t *in = exact_copy(out.data, size);
    tl_status done = tl_delta_decode(again, COUNT, (tl_bytes){in, size}, &used, &err);
    assert_true(done == TL_CORRUPT || (done == TL_OK && memcmp(values, again, sizeof values) == 0)); /* padding alone may be cut */
    assert_int_equal(tl_delta_decode32(again32, COUNT, (tl_bytes){in, size}, &used, &err), done);
    free(in);
  }
  for (int i = 0; i < 20000; i++) {
    uint8_t *in = exact_copy(out.data, out.size);
    in[dice() % (i % 2 ? 40 : out.size)] = (uint8_t)dice();
    tl_status done = tl_delta_decode(again, COUNT, (tl_bytes){in, out.size}, &used, &err);
    assert_int_equal(tl_delta_decode32(again32, COUNT, (tl_bytes){in, out.size}, &used, &err), done);
    if (done == TL_OK)
      for (int k = 0; k < COUNT; k++) assert_int_equal(again32[k], (int32_t)again[k]);
    free(in);
  }
}

/* ---- exact sums ---- */

/* The oracle: one long two's complement number, a bit at a time. */
enum { LIMBS = 80, POINT = 2200 };
typedef struct big {
  uint64_t limb[LIMBS];
} big;

static void big_bit(big *b, int place, bool less) {
  uint64_t bit = (uint64_t)1 << place % 64;
  for (int i = place / 64; i < LIMBS; i++, bit = 1) {
    uint64_t was = b->limb[i];
    b->limb[i] = less ? was - bit : was + bit;
    if (less ? was >= bit : b->limb[i] >= bit) return;
  }
}

/* times * x, of a times up to 2^53. */
static void big_add(big *b, double x, double times) {
  int ex, et;
  uint64_t mx = (uint64_t)fabs(ldexp(frexp(x, &ex), 53)), mt = (uint64_t)fabs(ldexp(frexp(times, &et), 53));
  for (int i = 0; i < 53; i++)
    for (int k = 0; k < 53; k++)
      if ((mx >> i & 1) && (mt >> k & 1)) big_bit(b, POINT + ex + et - 106 + i + k, signbit(x) != signbit(times));
}

static int big_sign(const big *b) {
  if (b->limb[LIMBS - 1] >> 63) return -1;
  for (int i = 0; i < LIMBS; i++)
    if (b->limb[i] != 0) return 1;
  return 0;
}

/* Against the point halfway between two neighbours, which rounds to the even one. */
static int against_middle(const big *exact, double a, double b) {
  big twice = *exact;
  for (int i = LIMBS - 1; i > 0; i--) twice.limb[i] = twice.limb[i] << 1 | twice.limb[i - 1] >> 63;
  twice.limb[0] <<= 1;
  for (int i = 0; i < 2; i++) {
    double x = i == 0 ? a : b;
    if (isfinite(x))
      big_add(&twice, x, -1);
    else
      big_add(&twice, copysign(0x1p1023, x), -2); /* what the next double beyond the greatest would be */
  }
  return big_sign(&twice);
}

static bool is_even(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits & 1) == 0;
}

static void expect_rounded(const tl_wide *w, const big *exact, const char *what) {
  double r = tl_wide_round(w), inward = isinf(r) ? copysign(__DBL_MAX__, r) : 0;
  bool right;
  if (isinf(r)) {
    int sign = against_middle(exact, inward, r);
    right = r > 0 ? sign >= 0 : sign <= 0;
  } else {
    int above = against_middle(exact, r, nextafter(r, INFINITY)), below = against_middle(exact, r, nextafter(r, -INFINITY));
    right = is_even(r) ? above <= 0 && below >= 0 : above < 0 && below > 0;
  }
  if (!right) fail_msg("%s: %a is not the nearest double", what, r);
}

/* Doubles of every kind: all bits, ordinary ones, whole numbers, spread ones, cancelling pairs, zeros, and what is not finite. */
static void make_doubles(double *v, int count, int shape) {
  for (int i = 0; i < count; i++) {
    uint64_t bits = dice64();
    double unit = (double)(int64_t)bits * 0x1p-63;
    switch (shape) {
      case 0: memcpy(&v[i], &bits, sizeof bits); break;
      case 1: v[i] = 100 + unit; break;
      case 2: v[i] = (double)(int64_t)(bits % 2000001) - 1000000; break;
      case 3: v[i] = ldexp(unit, (int)(dice() % 80)); break;
      case 4: v[i] = i % 2 ? -v[i - 1] : ldexp(unit, (int)(dice() % 2000) - 1000); break;
      case 5: v[i] = i % 3 ? (i % 2 ? 0.0 : -0.0) : 1e-3 * unit; break;
      case 6: v[i] = i % 50 == 7 ? NAN : unit; break;
      case 7: v[i] = i % 100 == 9 ? INFINITY : i % 70 == 9 ? -INFINITY : 1e12 + unit; break;
      case 8: v[i] = (dice() % 2 ? 1 : -1) * (dice() % 2 ? 1e308 : 5e-324); break;
      case 9: v[i] = ldexp(unit, -1040); break;
      case 10: v[i] = dice() % 2 ? 0x1p52 + 1 : -0x1.fffffffffffffp-1; break;
      default: v[i] = NAN; break;
    }
  }
}
enum { SHAPES = 12, DOUBLES = 5000 };

static void expect_same(const tl_wide *a, const tl_wide *b, const char *what) {
  tl_wide difference = *a;
  tl_wide minus = {.adds = b->adds};
  for (int i = 0; i < TL_WIDE_DIGITS; i++) minus.digits[i] = -b->digits[i];
  tl_wide_merge(&difference, &minus);
  double x = tl_wide_round(a), y = tl_wide_round(b);
  if (tl_wide_round(&difference) != 0 || memcmp(&x, &y, sizeof x) != 0) fail_msg("%s: %a and %a", what, x, y);
}

static void sums_are_exact(void **state) {
  (void)state;
  static double v[DOUBLES];
  char what[100];
  for (int shape = 0; shape < SHAPES; shape++)
    for (int count = 0; count <= DOUBLES; count = count < 70 ? count + 1 : count * 2 + 1) {
      big exact = {0}, exact_squares = {0};
      tl_wide one = {0}, one_squares = {0};
      int64_t bad = 0;
      make_doubles(v, count, shape);
      for (int i = 0; i < count; i++) {
        tl_wide_add(&one, v[i]);
        tl_wide_add_square(&one_squares, v[i]);
        bad += !isfinite(v[i]);
        if (isfinite(v[i])) big_add(&exact, v[i], 1);
        if (isfinite(v[i]) && i < 300) big_add(&exact_squares, v[i], v[i]);
      }
      snprintf(what, sizeof what, "shape %d, %d values", shape, count);
      expect_rounded(&one, &exact, what);
      if (count <= 300) expect_rounded(&one_squares, &exact_squares, what);
      for (int isa = available(0); isa < TL_ISA_COUNT; isa = available(isa + 1)) {
        tl_wide many = {0}, many_squares = {0};
        int64_t found = 0, found_squares = 0;
        double *exact_end = (double *)(void *)exact_copy(v, (size_t)count * sizeof *v);
        tl_wide_kernels_of((tl_isa)isa)->add_many(&many, exact_end, count, &found);
        tl_wide_kernels_of((tl_isa)isa)->add_squares(&many_squares, exact_end, count, &found_squares);
        free(exact_end);
        snprintf(what, sizeof what, "%s, shape %d, %d values", tl_isa_name((tl_isa)isa), shape, count);
        expect_same(&many, &one, what);
        expect_same(&many_squares, &one_squares, what);
        assert_true(found == bad && found_squares == bad);
      }
    }
}

static void known_sums(void **state) {
  (void)state;
  static const struct {
    double values[6], sum;
  } cases[] = {{{1e308, 1e308, -1e308, -1e308, 1}, 1},
               {{1e300, 1, -1e300, 5e-324}, 1},
               {{-0.0, -0.0}, 0.0},
               {{0.1, 0.2, -0.3}, 0x1p-55},
               {{1e308, 1e308}, INFINITY},
               {{-1e308, -1e308}, -INFINITY},
               {{__DBL_MAX__, 0x1p969}, __DBL_MAX__},
               {{__DBL_MAX__, 0x1p970}, INFINITY},
               {{5e-324, 5e-324}, 1e-323},
               {{0x1p53, 1}, 0x1p53},
               {{0x1p53, 1, 5e-324}, 0x1p53 + 2},
               {{0x1p53 + 2, 1}, 0x1p53 + 4},
               {{-0x1p53, -1, -5e-324}, -0x1p53 - 2},
               {{0x1p-1022, -5e-324}, 0x1p-1022 - 5e-324}};
  tl_wide nothing = {0};
  assert_true(tl_wide_round(&nothing) == 0 && !signbit(tl_wide_round(&nothing)));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tl_wide w = {0};
    int64_t bad = 0;
    tl_wide_add_many(&w, cases[i].values, 6, &bad);
    double sum = tl_wide_round(&w);
    if (memcmp(&sum, &cases[i].sum, sizeof sum) != 0) fail_msg("case %zu: %a, expected %a", i, sum, cases[i].sum);
  }
}

static void small_squares_round(void **state) {
  (void)state;
  static const double cases[][2] = {{0x1p-537, 0x1p-1074}, {0x1p-538, 0},       {0x1.8p-538, 0x1p-1074}, {5e-324, 0},
                                    {0x1p-600, 0},         {0x1p511, 0x1p1022}, {0x1p512, INFINITY}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tl_wide w = {0};
    tl_wide_add_square(&w, cases[i][0]);
    assert_true(tl_wide_round(&w) == cases[i][1]);
  }
}

/* Every order, every split in two, and every way to merge. */
static void order_and_splits_do_not_matter(void **state) {
  (void)state;
  static double v[DOUBLES], other[DOUBLES];
  for (int shape = 0; shape < SHAPES; shape++) {
    int64_t bad = 0;
    tl_wide all = {0};
    make_doubles(v, DOUBLES, shape);
    tl_wide_add_many(&all, v, DOUBLES, &bad);
    memcpy(other, v, sizeof v);
    for (int i = DOUBLES - 1; i > 0; i--) {
      int k = (int)(dice() % (uint64_t)(i + 1));
      double x = other[i];
      other[i] = other[k], other[k] = x;
    }
    for (int cut = 0; cut <= DOUBLES; cut += 617) {
      tl_wide a = {0}, b = {0};
      int64_t again = 0;
      tl_wide_add_many(&a, other, cut, &again);
      tl_wide_add_many(&b, other + cut, DOUBLES - cut, &again);
      tl_wide_merge(&b, &a);
      expect_same(&b, &all, "a split");
      assert_int_equal(again, bad);
    }
  }
  double few[5] = {1e300, -1e300, 1, 0x1p-60, 5e-324}, sum = 0;
  for (int order = 0; order < 120; order++) {
    double line[5];
    bool taken[5] = {false};
    for (int i = 0, code = order; i < 5; code /= 5 - i, i++) {
      int pick = code % (5 - i), k = 0;
      for (; taken[k] || pick > 0; k++) pick -= !taken[k];
      taken[k] = true;
      line[i] = few[k];
    }
    tl_wide w = {0};
    int64_t bad = 0;
    tl_wide_add_many(&w, line, 5, &bad);
    if (order == 0) sum = tl_wide_round(&w);
    assert_true(tl_wide_round(&w) == sum && sum == 1);
  }
}

static void products_are_exact(void **state) {
  (void)state;
  for (int i = 0; i < 3000; i++) {
    double v;
    make_doubles(&v, 1, i % 5 == 4 ? 3 : i % 4);
    if (!isfinite(v)) continue;
    int64_t times = (int64_t)dice64() >> (11 + dice() % 53);
    big exact = {0};
    tl_wide w = {0};
    tl_wide_add_times(&w, v, times);
    if (times != 0) big_add(&exact, v, (double)times);
    expect_rounded(&w, &exact, "a product");
    tl_wide_add_times(&w, v, INT64_MIN);
    tl_wide_add_times(&w, v, INT64_MAX);
    tl_wide_add(&w, v);
    tl_wide_add_times(&w, -v, times);
    assert_true(tl_wide_round(&w) == 0);
  }
}

/* Carries are done in time: more additions than digits have room for. */
static void carries_are_done_in_time(void **state) {
  (void)state;
  tl_wide w = {0}, sum = {0};
  for (int i = 0; i < 1000; i++) tl_wide_add(&w, -0x1.fffffffffffffp1);
  for (int doubling = 0; doubling < 40; doubling++) { /* 1000 2^40 additions, each doubling a merge with itself */
    sum = w;
    tl_wide_merge(&w, &sum);
  }
  assert_true(tl_wide_round(&w) == -0x1.fffffffffffffp1 * 1000 * 0x1p40);
  w.adds = 512 - 2; /* as if there had been many */
  tl_wide_add(&w, 1), tl_wide_add(&w, 1);
  assert_true(w.adds < 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_width_and_count_unpacks),
      cmocka_unit_test(packing_is_the_other_way),
      cmocka_unit_test(dictionaries_are_looked_up),
      cmocka_unit_test(codes_become_narrow),
      cmocka_unit_test(conditions_turn_from_rows_to_lanes),
      cmocka_unit_test(codes_become_values_of_a_tile),
      cmocka_unit_test(values_fall_into_classes),
      cmocka_unit_test(splits_are_streams_of_bytes),
      cmocka_unit_test(packed_runs_are_read_in_pieces),
      cmocka_unit_test(cut_runs_hold_what_is_there),
      cmocka_unit_test(deltas_of_every_width_read_back),
      cmocka_unit_test(deltas_are_known_as_far_as_they_matter),
      cmocka_unit_test(cut_and_broken_deltas_are_corrupt),
      cmocka_unit_test(sums_are_exact),
      cmocka_unit_test(known_sums),
      cmocka_unit_test(small_squares_round),
      cmocka_unit_test(order_and_splits_do_not_matter),
      cmocka_unit_test(products_are_exact),
      cmocka_unit_test(carries_are_done_in_time),
  };
  return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
