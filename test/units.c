/* The small parts: text, dates, JSON, run lengths, deltas, byte streams, and Parquet written and read back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/date.h"
#include "base/json.h"
#include "base/text.h"
#include "codec/compressor.h"
#include "codec/delta.h"
#include "codec/rle.h"
#include "codec/split.h"
#include "lang/definition.h"
#include "parquet/reader.h"
#include "parquet/thrift.h"
#include "parquet/writer.h"
#include "sys/sys.h"
#include "test.h"

static tl_error err;

static uint64_t dice_state = 7;
static uint64_t dice(void) {
  dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
  return dice_state >> 16;
}

/* ---- base ---- */

static void numbers_read_back(void **state) {
  (void)state;
  char text[TL_NUMBER_TEXT];
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0.1, "0.1"}, {-0.0, "-0.0"},          {20, "20.0"}, {1e300, "1e+300"}, {5e-324, "5e-324"}, {0.1 + 0.2, "0.30000000000000004"},
               {NAN, "NaN"}, {-INFINITY, "-Infinity"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tl_double_text(text, cases[i].value);
    assert_string_equal(text, cases[i].text);
  }
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = dice() ^ dice() << 32;
    double v, again;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v)) continue;
    tl_double_text(text, v);
    assert_true(tl_double_read(text, strlen(text), &again));
    assert_memory_equal(&v, &again, sizeof v);
  }
  tl_float_text(text, 0.1f);
  assert_string_equal(text, "0.1");
}

static void dates_agree_with_the_calendar(void **state) {
  (void)state;
  char text[TL_TIME_TEXT];
  int64_t days = tl_days_of_civil(1, 1, 1);
  int year = 1, month = 1, day = 1;
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (; year < 2500; days++) {
    tl_civil c = tl_civil_of_days(days);
    assert_int_equal(c.year, year);
    assert_int_equal(c.month, month);
    assert_int_equal(c.day, day);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (++day <= lengths[month - 1] + (month == 2 && leap)) continue;
    day = 1;
    if (++month > 12) month = 1, year++;
  }
  assert_int_equal(tl_weekday_of_days(0), 4); /* a Thursday */
  tl_time_text(text, -1, 3, true);
  assert_string_equal(text, "1969-12-31T23:59:59.999Z");
  tl_date_text(text, 2932897);
  assert_string_equal(text, "+10000-01-01");
}

static void names_and_sizes(void **state) {
  (void)state;
  const char *names[] = {"mean", "median", "stddev"};
  int64_t bytes;
  assert_string_equal(tl_nearest_name("meen", names, 3), "mean");
  assert_string_equal(tl_nearest_name("sttdev", names, 3), "stddev");
  assert_null(tl_nearest_name("zzz", names, 3));
  assert_true(tl_size_read("256MB", &bytes));
  assert_int_equal(bytes, 256000000);
  assert_true(tl_size_read("1.5GiB", &bytes));
  assert_int_equal(bytes, 1610612736);
  assert_false(tl_size_read("12 parsecs", &bytes));
  assert_false(tl_size_read("-5", &bytes));
  assert_true(tl_utf8_valid("Zürich", 7));
  assert_false(tl_utf8_valid("\xff\xfe", 2));
  assert_false(tl_utf8_valid("\xed\xa0\x80", 3)); /* a surrogate */
  assert_int_equal(tl_edit_distance("abcd", "abdc"), 1);
}

static void json_is_json(void **state) {
  (void)state;
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  tl_json j = {.out = &out, .err = &err};
  tl_json_open(&j, NULL, '{');
  tl_json_string(&j, "a\"b", "line\nbreak \x01");
  tl_json_open(&j, "list", '[');
  tl_json_int(&j, NULL, -3);
  tl_json_double(&j, NULL, NAN);
  tl_json_close(&j, ']');
  tl_json_close(&j, '}');
  OK(j.status);
  OK(tl_buffer_byte(&out, 0, &err));
  assert_string_equal((char *)out.data, "{\n  \"a\\\"b\": \"line\\nbreak \\u0001\",\n  \"list\": [\n    -3,\n    null\n  ]\n}\n");
}

/* ---- codecs ---- */

static void runs_read_back(void **state) {
  (void)state;
  uint32_t values[3000], again[3000];
  for (int width = 0; width <= 32; width++)
    for (int shape = 0; shape < 4; shape++) {
      TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
      uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1;
      for (int i = 0; i < 3000; i++) {
        bool same = shape == 1 || (shape == 2 && dice() % 20 != 0) || (shape == 3 && i / 40 % 2 == 0);
        values[i] = same && i > 0 ? values[i - 1] : (uint32_t)dice() & mask;
      }
      int64_t count = 2990 + shape;
      uint32_t greatest, most = 0;
      OK(tl_rle_encode(&out, values, count, width, &err));
      tl_rle rle;
      OK(tl_rle_open(&rle, tl_buffer_view(&out), width, &err));
      OK(tl_rle_decode(&rle, again, count, &greatest, &err));
      assert_memory_equal(values, again, (size_t)count * 4);
      for (int64_t i = 0; i < count; i++) most = values[i] > most ? values[i] : most;
      assert_int_equal(greatest, most);
      OK(tl_rle_open(&rle, (tl_bytes){out.data, out.size / 2}, width, &err));
      if (out.size > 8) assert_int_equal(tl_rle_decode(&rle, again, count, &greatest, &err), TL_CORRUPT);
    }
}

static void deltas_read_back(void **state) {
  (void)state;
  int64_t values[1000], again[1000];
  size_t used;
  for (int shape = 0; shape < 5; shape++)
    for (int64_t count = 0; count < 1000; count = count * 2 + 1) {
      TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
      for (int i = 0; i < 1000; i++)
        values[i] = shape == 0   ? i
                    : shape == 1 ? (int64_t)(dice() << 32 ^ dice())
                    : shape == 2 ? 1000000 + (int64_t)(dice() % 100)
                    : shape == 3 ? (i % 2 ? INT64_MAX : INT64_MIN)
                                 : 5;
      OK(tl_delta_encode(&out, values, count, false, &err));
      OK(tl_delta_decode(again, count, tl_buffer_view(&out), &used, &err));
      assert_int_equal(used, out.size);
      assert_memory_equal(values, again, (size_t)count * 8);
      if (count > 40) assert_int_equal(tl_delta_decode(again, count, (tl_bytes){out.data, out.size / 2}, &used, &err), TL_CORRUPT);
    }
}

/* Eight missing rows, and behind their levels five differences of which nothing is there: nobody asks for them, and they are damaged all the same. */
static void values_nobody_asks_for_are_looked_at(void **state) {
  (void)state;
  uint8_t bytes[] = {2, 0, 0, 0, 16, 0, 128, 1, 4, 5, 0};
  tl_leaf leaf = {.field = {.name = "x", .physical = TL_PHYSICAL_INT64, .nullable = true}, .max_definition = 1};
  for (int damaged = 0; damaged < 2; damaged++) {
    tl_page_memory memory = {.env = tl_sys_env(), .limit = 1 << 20, .plain = {.env = tl_sys_env()}};
    tl_open_page page;
    bytes[9] = damaged ? 5 : 0; /* how many there are */
    tl_page header = {.type = TL_PAGE_DATA,
                      .plain_size = sizeof bytes,
                      .stored_size = sizeof bytes,
                      .values = 8,
                      .nulls = -1,
                      .rows = -1,
                      .encoding = TL_ENCODING_DELTA,
                      .definition_encoding = TL_ENCODING_RLE,
                      .repetition_encoding = TL_ENCODING_RLE};
    OK(tl_page_open(&page, &header, (tl_bytes){bytes, sizeof bytes}, TL_CODEC_NONE, &leaf, &memory, &err));
    OK(tl_page_skip(&page, 8, &err));
    assert_int_equal(tl_page_close(&page, &err), damaged ? TL_CORRUPT : TL_OK);
    tl_page_memory_free(&memory);
  }
}

static void splits_and_compressors_read_back(void **state) {
  (void)state;
  uint8_t values[8 * 101], split[sizeof values], again[sizeof values];
  for (size_t i = 0; i < sizeof values; i++) values[i] = (uint8_t)dice();
  for (size_t width = 1; width <= 8; width++)
    for (size_t count = 0; count <= 101; count += 101 / 3) {
      tl_split_encode(split, values, count, width);
      for (size_t k = 0; k < width && count > 0; k++) assert_int_equal(split[k * count], values[k]);
      tl_split_decode(again, split, count, width, count);
      assert_memory_equal(values, again, count * width);
    }
  static const int codecs[] = {TL_CODEC_NONE, TL_CODEC_ZSTD, TL_CODEC_LZ4_RAW};
  for (size_t c = 0; c < sizeof codecs / sizeof *codecs; c++) {
    TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
    const tl_compressor *z = tl_compressor_find(codecs[c]);
    OK(z->compress(&out, (tl_bytes){values, sizeof values}, 1, &err));
    OK(z->decompress(again, sizeof values, tl_buffer_view(&out), &err));
    assert_memory_equal(values, again, sizeof values);
    assert_int_not_equal(z->decompress(again, sizeof values - 1, tl_buffer_view(&out), &err), TL_OK);
    assert_int_not_equal(z->decompress(again, sizeof values, (tl_bytes){out.data, out.size / 2}, &err), TL_OK);
  }
}

static void thrift_skips_what_it_does_not_know(void **state) {
  (void)state;
  /* {1: i32 5, 2: {1: list<list<i32>> [[1,2],[3]], 2: map<binary,bool> {"a": true}}, 3: double, 4: i64 -1} */
  static const uint8_t bytes[] = {0x15, 10, 0x1c, 0x19, 0x29, 0x25, 2, 4, 0x15, 6, 0x1b, 1, 0x81, 1, 'a', 1, 0, 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0x16, 1, 0};
  tl_thrift t = tl_thrift_open(bytes, sizeof bytes);
  tl_thrift_field f = {0};
  assert_true(tl_thrift_next(&t, &f));
  assert_int_equal(tl_thrift_int(&t, f), 5);
  assert_true(tl_thrift_next(&t, &f));
  tl_thrift_skip(&t, f.type);
  assert_true(tl_thrift_next(&t, &f));
  tl_thrift_skip(&t, f.type);
  assert_true(tl_thrift_next(&t, &f));
  assert_int_equal(f.id, 4);
  assert_int_equal(tl_thrift_int(&t, f), -1);
  assert_false(tl_thrift_next(&t, &f));
  assert_false(t.failed);
  for (size_t size = 0; size < sizeof bytes; size++) { /* every truncation fails, none reads beyond */
    uint8_t *exact = malloc(size + 1);
    memcpy(exact, bytes, size);
    t = tl_thrift_open(exact, size);
    for (f = (tl_thrift_field){0}; tl_thrift_next(&t, &f);) tl_thrift_skip(&t, f.type);
    assert_true(t.failed);
    free(exact);
  }
}

/* A dictionary page's header has a flag where a data page's has an encoding: some writers set it. */
static void page_headers_of_every_writer(void **state) {
  (void)state;
  static const uint8_t sorted[] = {0x15, 4, 0x15, 32, 0x15, 32, 0x4c, 0x15, 4, 0x15, 0, 0x11, 0, 0};
  tl_page page;
  OK(tl_page_parse(&page, (tl_bytes){sorted, sizeof sorted}, &err));
  assert_int_equal(page.type, 2);
  assert_int_equal(page.values, 2);
  assert_int_equal(page.header_size, sizeof sorted);
}

/* ---- Parquet ---- */

enum { ROWS = 5000, LEAVES = 8 };
static char file_path[64];

static const char *const shapes[] = {"nothing missing", "some missing", "all missing", "missing first", "runs"};
static bool missing_at(int shape, int64_t row) {
  return shape == 1 ? row * 2654435761u % 7 == 0 : shape == 2 ? true : shape == 3 ? row < 1000 : shape == 4 ? row / 100 % 2 == 0 : false;
}

static void fill(tl_column *c, int shape) {
  for (int64_t i = 0; i < ROWS; i++) {
    if (c->field.physical == TL_PHYSICAL_BYTE_ARRAY) {
      char text[32];
      int size = snprintf(text, sizeof text, "value %d", (int)(i % 40));
      if (!missing_at(shape, i)) OK(tl_buffer_append(&c->bytes, text, (size_t)size, &err));
      c->offsets[i + 1] = (int64_t)c->bytes.size;
    } else {
      uint64_t v = c->field.physical == TL_PHYSICAL_BOOLEAN  ? (uint64_t)(i % 3 == 0)
                   : c->field.physical == TL_PHYSICAL_DOUBLE ? 0
                                                             : (uint64_t)(i * 7919 % 1000);
      double d = sqrt((double)i);
      if (c->field.physical == TL_PHYSICAL_DOUBLE) memcpy(&v, &d, sizeof v);
      memcpy(c->values + i * tl_field_width(&c->field), &v, (size_t)tl_field_width(&c->field));
    }
  }
  for (int64_t i = 0; i < ROWS; i++)
    if (missing_at(shape, i)) OK(tl_column_set_null(c, i, 1, &err));
}

static void expect_rows(const tl_column *found, const tl_column *expected, int64_t from, const char *what) {
  for (int64_t i = 0; i < found->count; i++) {
    if (tl_column_is_valid(found, i) != tl_column_is_valid(expected, from + i))
      fail_msg("%s: row %lld is %s", what, (long long)i, tl_column_is_valid(found, i) ? "present" : "missing");
    if (!tl_column_is_valid(found, i)) continue;
    tl_bytes a = tl_column_bytes(found, i), b = tl_column_bytes(expected, from + i);
    if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0) fail_msg("%s: row %lld differs", what, (long long)i);
  }
}

/* Types x encodings x codecs x null patterns, two row groups, whole and in part. */
static void columns_read_back(void **state) {
  (void)state;
  static const tl_field fields[] = {{.name = "b", .physical = TL_PHYSICAL_BOOLEAN},
                                    {.name = "i", .physical = TL_PHYSICAL_INT32},
                                    {.name = "l", .physical = TL_PHYSICAL_INT64},
                                    {.name = "d", .physical = TL_PHYSICAL_DOUBLE},
                                    {.name = "s", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}};
  static const int encodings[] = {TL_ENCODING_PLAIN, TL_ENCODING_RLE_DICTIONARY};
  static const int codecs[] = {TL_CODEC_NONE, TL_CODEC_ZSTD, TL_CODEC_LZ4_RAW};
  tl_env *env = tl_sys_env();
  int grid = 0;
  for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
    for (int shape = 0; shape < 5; shape++)
      for (int e = 0; e < 2; e++)
        for (int z = 0; z < 3; z++, grid++) {
          tl_leaf leaf = {.field = fields[f], .max_definition = 1, .converted_type = -1};
          TL_OWNED(tl_column) column = {.env = env}, again = {.env = env};
          TL_OWNED(tl_group) group = {.env = env};
          TL_OWNED(tl_page_scratch) scratch = {.env = env};
          TL_OWNED(tl_parquet) file = {.handle = -1};
          tl_writer w;
          leaf.field.nullable = true;
          OK(tl_column_reset(&column, &leaf.field, ROWS, &err));
          fill(&column, shape);
          OK(tl_group_begin(&group, 1, ROWS, &err));
          OK(tl_group_put_column(&group, &leaf, &column, (tl_page_style){encodings[e], codecs[z], 1, 777}, &err));
          OK(tl_writer_open(&w, env, file_path, &leaf, 1, NULL, 0, &err));
          OK(tl_writer_append(&w, &group, &err));
          OK(tl_writer_append(&w, &group, &err));
          OK(tl_writer_finish(&w, false, &err));
          tl_writer_free(&w);
          OK(tl_parquet_open(&file, env, file_path, &err));
          assert_int_equal(file.meta.row_count, 2 * ROWS);
          assert_int_equal(tl_meta_chunk(&file.meta, 1, 0).statistics.null_count, column.null_count);
          for (int64_t from = 0; from < ROWS; from += 1234)
            for (int64_t count = 1; from + count <= ROWS; count = count * 5 + 3) {
              OK(tl_parquet_read(&file, 1, 0, from, count, &again, &scratch, &err));
              expect_rows(&again, &column, from, shapes[shape]);
            }
        }
  assert_int_equal(grid, 150);
}

static void doubles_and_runs_read_back(void **state) {
  (void)state;
  tl_env *env = tl_sys_env();
  static double values[ROWS], back[ROWS];
  static int64_t times[ROWS];
  tl_leaf leaves[4] = {{.field = {.name = "k", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}},
                       {.field = {.name = "t", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = 9, .utc = true}},
                       {.field = {.name = "d", .physical = TL_PHYSICAL_DOUBLE, .nullable = true}, .max_definition = 1},
                       {.field = {.name = "f", .physical = TL_PHYSICAL_FLOAT, .nullable = true}, .max_definition = 1}};
  for (int shape = 0; shape < 5; shape++)
    for (int encoding = 0; encoding <= TL_ENCODING_SPLIT; encoding += TL_ENCODING_SPLIT) {
      TL_OWNED(tl_group) group = {.env = env};
      TL_OWNED(tl_column) keys = {.env = env}, again = {.env = env};
      TL_OWNED(tl_page_scratch) scratch = {.env = env};
      TL_OWNED(tl_parquet) file = {.handle = -1};
      tl_writer w;
      tl_sorting sorting[2] = {{.column = 0}, {.column = 1}};
      int64_t lengths[3] = {1000, 0, ROWS - 1000}, bad = 0;
      for (int64_t i = 0; i < ROWS; i++)
        values[i] = missing_at(shape, i) ? NAN : i == 17 ? 0.0 : (double)i / 8 - 100, times[i] = 1700000000000000000 + i * 1000;
      OK(tl_column_reset(&keys, &leaves[0].field, 3, &err));
      OK(tl_buffer_append(&keys.bytes, "AAMID", 5, &err));
      keys.offsets[1] = 2, keys.offsets[2] = 2, keys.offsets[3] = 5;
      tl_page_style style = {encoding, TL_CODEC_LZ4_RAW, 1, 1000}, delta = {TL_ENCODING_DELTA, TL_CODEC_ZSTD, 1, 1000};
      OK(tl_group_begin(&group, 4, ROWS, &err));
      OK(tl_group_put_runs(&group, &leaves[0], &keys, lengths, 3, TL_CODEC_ZSTD, 1, &err));
      OK(tl_group_put_ints(&group, &leaves[1], times, INT64_MIN, delta, &err));
      OK(tl_group_put_doubles(&group, &leaves[2], values, style, &err));
      OK(tl_group_put_doubles(&group, &leaves[3], values, style, &err));
      OK(tl_writer_open(&w, env, file_path, leaves, 4, sorting, 2, &err));
      OK(tl_writer_key_value(&w, "why", "because", &err));
      OK(tl_writer_append(&w, &group, &err));
      OK(tl_writer_finish(&w, false, &err));
      tl_writer_free(&w);
      OK(tl_parquet_open(&file, env, file_path, &err));
      assert_string_equal(tl_meta_value(&file.meta, "why"), "because");
      assert_int_equal(file.meta.groups[0].sorting_count, 2);
      assert_int_equal(file.meta.leaves[1].field.digits, 9);
      assert_true(file.meta.leaves[1].field.utc);
      for (int leaf = 2; leaf < 4; leaf++) {
        OK(tl_parquet_read(&file, 0, leaf, 0, ROWS, &again, &scratch, &err));
        tl_column_doubles(&again, 0, ROWS, back, &bad);
        for (int64_t i = 0; i < ROWS; i++) assert_true(isnan(values[i]) ? isnan(back[i]) : back[i] == (leaf == 3 ? (double)(float)values[i] : values[i]));
        double low, high;
        if (shape != 2 && leaf == 2) {
          tl_chunk chunk = tl_meta_chunk(&file.meta, 0, 2);
          assert_true(tl_statistics_range(&chunk, &file.meta.leaves[2], &low, &high));
          for (int64_t i = 0; i < ROWS; i++) assert_true(isnan(values[i]) || (values[i] >= low && values[i] <= high));
        }
      }
      OK(tl_parquet_read(&file, 0, 1, 0, ROWS, &again, &scratch, &err));
      for (int64_t i = 0; i < ROWS; i++) assert_int_equal(tl_column_int(&again, i), times[i]);
      OK(tl_parquet_read(&file, 0, 0, 990, 20, &again, &scratch, &err));
      assert_int_equal(tl_column_bytes(&again, 9).size, 2);
      assert_int_equal(tl_column_bytes(&again, 10).size, 3);
    }
}

/* NaN and infinity of a file become missing, and are counted. */
static void nothing_but_finite_values_comes_in(void **state) {
  (void)state;
  TL_OWNED(tl_column) c = {.env = tl_sys_env()};
  double values[5] = {1, NAN, INFINITY, -INFINITY, 2}, out[5];
  int64_t bad = 0;
  OK(tl_column_reset(&c, &(tl_field){.name = "x", .physical = TL_PHYSICAL_DOUBLE, .nullable = true}, 5, &err));
  memcpy(c.values, values, sizeof values);
  OK(tl_column_set_null(&c, 4, 1, &err));
  tl_column_doubles(&c, 0, 5, out, &bad);
  assert_int_equal(bad, 3);
  assert_true(out[0] == 1 && isnan(out[1]) && isnan(out[2]) && isnan(out[3]) && isnan(out[4]));
}

/* ---- identities ---- */

static uint64_t identity(const char *body) {
  tl_definition *d;
  char text[300];
  snprintf(text, sizeof text, "stream by k order by t\ninput x, y\n%s\n", body);
  OK(tl_definition_read(&d, "text", text, NULL, 0, &err));
  uint64_t id = tl_definition_output_identity(d, 0);
  tl_definition_close(d);
  return id;
}

static void identity_is_what_is_computed(void **state) {
  (void)state;
  uint64_t a = identity("feature a = mean(x, 20) / x");
  assert_int_equal(a, identity("param n = 20 in 1..99\nlet m = mean(x, n)\nfeature other_name = m / x # said differently"));
  assert_int_equal(a, identity("def ratio(v, n) = mean(v, n) / v\nfeature a = ratio(x, n: 4 * 5)"));
  assert_int_not_equal(a, identity("feature a = mean(x, 21) / x"));
  assert_int_not_equal(a, identity("feature a = mean(y, 20) / x"));
  assert_int_not_equal(a, identity("feature a = mean(x, 20, min: 3) / x"));
}

int main(void) {
  snprintf(file_path, sizeof file_path, "/tmp/tickloom-units-%d.parquet", (int)getpid());
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_read_back),
      cmocka_unit_test(dates_agree_with_the_calendar),
      cmocka_unit_test(names_and_sizes),
      cmocka_unit_test(json_is_json),
      cmocka_unit_test(runs_read_back),
      cmocka_unit_test(deltas_read_back),
      cmocka_unit_test(values_nobody_asks_for_are_looked_at),
      cmocka_unit_test(splits_and_compressors_read_back),
      cmocka_unit_test(thrift_skips_what_it_does_not_know),
      cmocka_unit_test(page_headers_of_every_writer),
      cmocka_unit_test(columns_read_back),
      cmocka_unit_test(doubles_and_runs_read_back),
      cmocka_unit_test(nothing_but_finite_values_comes_in),
      cmocka_unit_test(identity_is_what_is_computed),
  };
  int failed = cmocka_run_group_tests_name("units", tests, NULL, NULL);
  unlink(file_path);
  return failed;
}
