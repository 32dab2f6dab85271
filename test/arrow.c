/* Arrow at the edge: every type out and in again, arrays as others may build them, what breaks a promise, who releases what, and an
   allocation that fails anywhere. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "column/arrow.h"
#include "column/bits.h"
#include "lake/arrow_stream.h"
#include "sys/sys.h"
#include "test.h"
#include "tickloom/parquet.h"

enum { ROWS = 203 };
static tl_error err;
static uint64_t dice_state = 11;
static uint64_t dice(void) {
  dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
  return dice_state >> 16;
}

/* ---- an environment that counts, and fails when told ---- */

static tl_env env;
static long blocks, allocations, fail_at;

static void *resize(tl_env *e, void *memory, size_t old_size, size_t new_size) {
  (void)e;
  if (new_size > 0 && ++allocations == fail_at) return NULL;
  if (new_size == 0) blocks--;
  if (memory == NULL) blocks++;
  return tl_sys_env()->resize(tl_sys_env(), memory, old_size, new_size);
}

static void nothing_is_left(void) {
  if (blocks != 0) fail_msg("%ld blocks are not released", blocks);
}

/* ---- tables of every type ---- */

#define LEAF(n, p, ...)                                                                          \
  {                                                                                              \
    .name = n, .nullable = true, .field = {.name = n, .physical = TL_PHYSICAL_##p, __VA_ARGS__ } \
  }
#define INTEGER(n, p, b, u) LEAF(n, p, .logical = TL_LOGICAL_INTEGER, .bits = b, .is_unsigned = u)
#define TIME(n, p, l, d, z) LEAF(n, p, .logical = TL_LOGICAL_##l, .digits = d, .utc = z)
#define DECIMAL(n, p, d, s, size) LEAF(n, p, .logical = TL_LOGICAL_DECIMAL, .precision = d, .scale = s, .fixed_size = size)
#define NODE(n, s, null, ...)                                                                   \
  {                                                                                             \
    .name = n, .shape = TL_SHAPE_##s, .nullable = null, .children = (tl_schema[]){__VA_ARGS__}, \
    .child_count = sizeof((tl_schema[]){__VA_ARGS__}) / sizeof(tl_schema)                       \
  }
static tl_schema required = {.name = "required", .field = {.name = "required", .physical = TL_PHYSICAL_INT64}};
static tl_schema leaves[] = {
    LEAF("boolean", BOOLEAN, .logical = TL_LOGICAL_NONE),
    LEAF("int32", INT32, .logical = TL_LOGICAL_NONE),
    LEAF("int64", INT64, .logical = TL_LOGICAL_NONE),
    LEAF("int96", INT96, .logical = TL_LOGICAL_NONE),
    LEAF("float", FLOAT, .logical = TL_LOGICAL_NONE),
    LEAF("double", DOUBLE, .logical = TL_LOGICAL_NONE),
    LEAF("binary", BYTE_ARRAY, .logical = TL_LOGICAL_NONE),
    LEAF("bson", BYTE_ARRAY, .logical = TL_LOGICAL_BSON),
    LEAF("fixed", FIXED, .fixed_size = 5),
    LEAF("string", BYTE_ARRAY, .logical = TL_LOGICAL_STRING),
    LEAF("enum", BYTE_ARRAY, .logical = TL_LOGICAL_ENUM),
    LEAF("json", BYTE_ARRAY, .logical = TL_LOGICAL_JSON),
    LEAF("uuid", FIXED, .logical = TL_LOGICAL_UUID, .fixed_size = 16),
    LEAF("half", FIXED, .logical = TL_LOGICAL_FLOAT16, .fixed_size = 2),
    LEAF("other", INT32, .logical = TL_LOGICAL_OTHER),
    INTEGER("int8", INT32, 8, false),
    INTEGER("uint8", INT32, 8, true),
    INTEGER("int16", INT32, 16, false),
    INTEGER("uint16", INT32, 16, true),
    INTEGER("int32b", INT32, 32, false),
    INTEGER("uint32", INT32, 32, true),
    INTEGER("int64b", INT64, 64, false),
    INTEGER("uint64", INT64, 64, true),
    LEAF("date", INT32, .logical = TL_LOGICAL_DATE),
    TIME("time_ms", INT32, TIME, 3, false),
    TIME("time_us", INT64, TIME, 6, false),
    TIME("time_ns", INT64, TIME, 9, false),
    TIME("ms", INT64, TIMESTAMP, 3, false),
    TIME("us", INT64, TIMESTAMP, 6, true),
    TIME("ns", INT64, TIMESTAMP, 9, true),
    DECIMAL("decimal9", INT32, 9, 2, 0),
    DECIMAL("decimal18", INT64, 18, 3, 0),
    DECIMAL("decimal_fixed", FIXED, 30, 4, 13),
    DECIMAL("decimal_bytes", BYTE_ARRAY, 24, 0, 0),
    DECIMAL("decimal40", FIXED, 40, 10, 17),
    NODE("list", LIST, true, LEAF("element", INT32, .logical = TL_LOGICAL_DATE)),
    NODE("lists", LIST, false, NODE("element", LIST, true, LEAF("element", BYTE_ARRAY, .logical = TL_LOGICAL_STRING))),
    NODE("struct", STRUCT, true, LEAF("a", BOOLEAN, .logical = TL_LOGICAL_NONE),
         NODE("b", STRUCT, false, {.name = "c", .field = {.name = "c", .physical = TL_PHYSICAL_DOUBLE}}),
         NODE("d", LIST, false, {.name = "element", .field = {.name = "e", .physical = TL_PHYSICAL_INT32}})),
    NODE("map", MAP, true, {.name = "key", .field = {.name = "k", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}},
         NODE("value", LIST, true, INTEGER("element", INT32, 8, true))),
    NODE("keys", MAP, true, {.name = "key", .field = {.name = "k", .physical = TL_PHYSICAL_INT64}}),
};
static tl_schema table = {.name = "schema", .shape = TL_SHAPE_STRUCT};

static void make_schema(void) {
  static tl_schema all[sizeof leaves / sizeof *leaves + 1];
  memcpy(all, leaves, sizeof leaves);
  all[sizeof leaves / sizeof *leaves] = required;
  table.children = all;
  table.child_count = sizeof all / sizeof *all;
  tl_schema_number(&table);
}

/* A value that its type can have. */
static tl_status put_value(tl_column *c, int64_t row) {
  static const char *const words[] = {"", "a", "Zürich", "a longer text than fits a view"};
  const tl_field *f = &c->field;
  int64_t v = (int64_t)(dice() ^ dice() << 33);
  uint8_t *at = c->values + row * tl_field_width(f);
  if (f->bits == 8) v = f->is_unsigned ? v & 0xff : (int8_t)v;
  if (f->bits == 16) v = f->is_unsigned ? v & 0xffff : (int16_t)v;
  if (f->logical == TL_LOGICAL_DATE) v %= 100000;
  if (f->logical == TL_LOGICAL_TIME) v = (int64_t)((uint64_t)v % 86400000u);
  if (f->logical == TL_LOGICAL_DECIMAL) v %= f->precision < 10 ? 999999999 : 999999999999999999;
  if (f->physical == TL_PHYSICAL_BOOLEAN) v &= 1;
  switch (f->physical) {
    case TL_PHYSICAL_BYTE_ARRAY:
      if (f->logical == TL_LOGICAL_DECIMAL)
        TL_TRY(tl_buffer_append(&c->bytes, (uint8_t[]){(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}, (size_t)(1 + (v & 1) * 2), &err));
      else
        TL_TRY(tl_buffer_text(&c->bytes, words[dice() % 4], &err));
      c->offsets[row + 1] = (int64_t)c->bytes.size;
      return TL_OK;
    case TL_PHYSICAL_INT96:
      memcpy(at, &(uint64_t){(uint64_t)v % 86400000000000u}, 8);
      memcpy(at + 8, &(uint32_t){2440588 + (uint32_t)dice() % 20000}, 4);
      return TL_OK;
    case TL_PHYSICAL_FIXED:
      for (int i = 0; i < f->fixed_size; i++) at[i] = f->logical == TL_LOGICAL_DECIMAL && i < f->fixed_size - 3 ? (uint8_t) - (v & 1) : (uint8_t)dice();
      if (f->logical == TL_LOGICAL_DECIMAL) at[f->fixed_size - 3] = (uint8_t)(v & 1 ? 0x80 : 0);
      return TL_OK;
    case TL_PHYSICAL_FLOAT: memcpy(at, &(float){(float)(v % 1000) / 8}, 4); return TL_OK;
    case TL_PHYSICAL_DOUBLE: memcpy(at, &(double){(double)(v % 1000) / 8}, 8); return TL_OK;
    default: memcpy(at, &v, (size_t)tl_field_width(f)); return TL_OK;
  }
}

static tl_status fill(tl_array *a, int64_t rows, bool sometimes) {
  bool list = a->node->shape == TL_SHAPE_LIST || a->node->shape == TL_SHAPE_MAP;
  for (int64_t i = 0; i < rows; i++) {
    if (a->node->nullable && sometimes && dice() % 4 == 0) {
      TL_TRY(tl_array_append_null(a, 1, &err));
      continue;
    }
    if (a->node->shape == TL_SHAPE_VALUE) {
      TL_TRY(tl_column_append_null(&a->column, 1, &err)); /* a slot, which is then filled */
      if (a->column.valid != NULL) tl_bits_fill(a->column.valid, a->column.count - 1, 1, true);
      a->column.null_count--;
      TL_TRY(put_value(&a->column, a->column.count - 1));
      a->count = a->column.count, a->null_count = a->column.null_count;
      continue;
    }
    int64_t many = list ? (int64_t)(dice() % 4) : 1;
    for (int k = 0; k < a->node->child_count; k++) TL_TRY(fill(&a->children[k], many, sometimes));
    TL_TRY(tl_bits_append(a->env, &a->valid, &a->valid_capacity, a->count, NULL, 0, 1, true, &a->null_count, &err));
    if (list) {
      TL_TRY(tl_reserve(a->env, &a->offsets, &a->offset_capacity, (size_t)a->count + 2, sizeof *a->offsets, &err));
      a->offsets[a->count + 1] = a->offsets[a->count] + many;
    }
    a->count++;
  }
  return TL_OK;
}

static tl_status make_batch(tl_batch *out, const tl_schema *schema, int64_t rows, bool sometimes) {
  dice_state = 5;
  TL_TRY(tl_batch_open(out, &env, schema, &err));
  for (int i = 0; i < schema->child_count; i++) TL_TRY(fill(&out->columns[i], rows, sometimes));
  out->rows = rows;
  return TL_OK;
}

static void same_rows(const tl_batch *a, int64_t from, const tl_batch *b, int64_t at, int64_t rows) {
  TL_OWNED(tl_buffer) x = {.env = tl_sys_env()};
  TL_OWNED(tl_buffer) y = {.env = tl_sys_env()};
  assert_int_equal(a->schema->child_count, b->schema->child_count);
  for (int i = 0; i < a->schema->child_count; i++)
    for (int64_t r = 0; r < rows; r++) {
      x.size = y.size = 0;
      OK(tl_array_json(&a->columns[i], from + r, &x, &err));
      OK(tl_array_json(&b->columns[i], at + r, &y, &err));
      if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0)
        fail_msg("%s, row %lld: %.*s is not %.*s", a->schema->children[i].name, (long long)r, (int)y.size, (char *)y.data, (int)x.size, (char *)x.data);
    }
}

/* ---- foreign things with an owner ---- */

typedef struct imported {
  struct ArrowSchema foreign;
  struct ArrowArray array;
  tl_arena arena;
  tl_schema schema;
  tl_batch rows;
} imported;

static void imported_free(imported *m) {
  if (m->foreign.release != NULL) m->foreign.release(&m->foreign);
  if (m->array.release != NULL) m->array.release(&m->array);
  tl_batch_free(&m->rows);
  tl_arena_free(&m->arena);
}

static tl_status import_rows(imported *m, int64_t from, int64_t count) {
  m->arena.env = &env;
  TL_TRY(tl_arrow_schema_import(&m->schema, &m->arena, &m->foreign, &err));
  TL_TRY(tl_batch_open(&m->rows, &env, &m->schema, &err));
  return tl_batch_import(&m->rows, &m->foreign, &m->array, from, count, &err);
}

static tl_status export_all(imported *m, int64_t rows, bool sometimes) {
  TL_OWNED(tl_batch) batch = {0};
  TL_TRY(make_batch(&batch, &table, rows, sometimes));
  return tl_batch_export(&batch, false, &m->foreign, &m->array, &err);
}

/* ---- round trips ---- */

static void every_type_comes_back(void **state) {
  (void)state;
  for (int sometimes = 0; sometimes < 2; sometimes++)
    for (int64_t rows = 0; rows <= ROWS; rows += rows < 10 ? 1 : 193) {
      TL_OWNED(tl_batch) before = {0};
      TL_OWNED(imported) m = {0};
      OK(make_batch(&before, &table, rows, sometimes));
      OK(export_all(&m, rows, sometimes));
      OK(import_rows(&m, 0, rows));
      same_rows(&before, 0, &m.rows, 0, rows);
      for (int i = 0; i < table.child_count; i++) {
        assert_int_equal(m.rows.columns[i].count, rows);
        assert_int_equal(m.rows.columns[i].null_count, before.columns[i].null_count);
        assert_int_equal(m.schema.children[i].nullable, table.children[i].nullable);
      }
    }
  nothing_is_left();
}

static void formats_are_the_ones_of_the_specification(void **state) {
  (void)state;
  static const char *const expected[] = {"b",      "i",           "l",   "tsn:", "f",   "g",    "Z",       "Z",       "w:5",   "U",      "U",
                                         "U",      "w:16",        "e",   "i",    "c",   "C",    "s",       "S",       "i",     "I",      "l",
                                         "L",      "tdD",         "ttm", "ttu",  "ttn", "tsm:", "tsu:UTC", "tsn:UTC", "d:9,2", "d:18,3", "d:30,4",
                                         "d:24,0", "d:40,10,256", "+L",  "+L",   "+s",  "+m",   "+L",      "l"};
  struct ArrowSchema s;
  OK(tl_arrow_schema_export(&s, &env, &table, &err));
  assert_string_equal(s.format, "+s");
  assert_int_equal(s.n_children, sizeof expected / sizeof *expected);
  for (int64_t i = 0; i < s.n_children; i++) {
    assert_string_equal(s.children[i]->format, expected[i]);
    assert_string_equal(s.children[i]->name, table.children[i].name);
    assert_int_equal(s.children[i]->flags, table.children[i].nullable ? ARROW_FLAG_NULLABLE : 0);
  }
  const struct ArrowSchema *entries = s.children[38]->children[0];
  assert_string_equal(entries->format, "+s");
  assert_int_equal(entries->children[0]->flags, 0); /* a key */
  assert_memory_equal(s.children[12]->metadata + 28, "\x0a\0\0\0arrow.uuid", 14);
  s.release(&s);
  assert_null(s.release);
  nothing_is_left();
}

/* Rows of rows: an offset of the table, of each column, and of what is wanted. */
static void slices(void **state) {
  (void)state;
  TL_OWNED(tl_batch) before = {0};
  OK(make_batch(&before, &table, ROWS, true));
  for (int64_t of_table = 0; of_table < 12; of_table += 3)
    for (int64_t of_columns = 0; of_columns < 20; of_columns += 9) {
      TL_OWNED(imported) m = {0};
      OK(export_all(&m, ROWS, true));
      m.array.length -= of_table + of_columns;
      m.array.offset = of_table;
      for (int i = 0; i < table.child_count; i++) {
        m.array.children[i]->offset = of_columns;
        m.array.children[i]->length -= of_columns;
        m.array.children[i]->null_count = -1;
      }
      OK(import_rows(&m, 0, 5));
      OK(tl_batch_import(&m.rows, &m.foreign, &m.array, 5, m.array.length - 5, &err));
      assert_int_equal(m.rows.rows, m.array.length);
      same_rows(&before, of_table + of_columns, &m.rows, 0, m.array.length);
    }
}

static void codes(void **state) {
  (void)state;
  tl_schema schema = {
      .name = "schema", .shape = TL_SHAPE_STRUCT, .child_count = 1, .children = (tl_schema[]){LEAF("word", BYTE_ARRAY, .logical = TL_LOGICAL_STRING)}};
  tl_schema_number(&schema);
  for (int dictionaries = 0; dictionaries < 2; dictionaries++)
    for (int64_t rows = 0; rows < 40; rows += 13) {
      TL_OWNED(tl_batch) words = {0};
      TL_OWNED(tl_batch) batch = {0};
      TL_OWNED(imported) m = {0};
      OK(make_batch(&words, &schema, 20, false));
      OK(tl_batch_open(&batch, &env, &schema, &err));
      tl_column *c = &batch.columns[0].column;
      OK(tl_array_append_null(&batch.columns[0], rows, &err));
      OK(tl_reserve(&env, &c->codes, &c->code_capacity, (size_t)rows + 1, sizeof *c->codes, &err));
      for (int64_t i = 0; i < rows; i++) {
        c->codes[i] = (uint32_t)(i * 7 % 20);
        if (i % 5 == 0) continue;
        tl_bits_fill(c->valid, i, 1, true);
        c->null_count--;
      }
      batch.columns[0].null_count = c->null_count;
      c->dictionary = &words.columns[0].column;
      batch.rows = rows;
      OK(tl_batch_export(&batch, dictionaries, &m.foreign, &m.array, &err));
      assert_int_equal(m.array.children[0]->dictionary != NULL, dictionaries);
      assert_string_equal(m.foreign.children[0]->format, dictionaries ? "I" : "U");
      OK(import_rows(&m, 0, rows));
      for (int64_t i = 0; i < rows; i++) {
        assert_int_equal(tl_array_is_valid(&m.rows.columns[0], i), i % 5 != 0);
        if (i % 5 != 0) assert_true(tl_array_hash(&m.rows.columns[0], i, 1) == tl_array_hash(&words.columns[0], i * 7 % 20, 1));
      }
      if (!dictionaries || rows == 0) continue;
      ((uint32_t *)m.array.children[0]->buffers[1])[1] = 20;
      assert_int_equal(tl_batch_import(&m.rows, &m.foreign, &m.array, 0, rows, &err), TL_CORRUPT);
      assert_string_equal(err.text, "column word: row 1: code 20 of a dictionary of 20");
    }
  nothing_is_left();
}

/* ---- who releases what ---- */

static void children_move(void **state) {
  (void)state;
  TL_OWNED(tl_batch) before = {0};
  imported m = {0};
  OK(make_batch(&before, &table, ROWS, true));
  long kept = blocks;
  OK(export_all(&m, ROWS, true));
  for (int i = 0; i < table.child_count; i++) { /* each child outlives its table, and is then released alone */
    struct ArrowArray array = *m.array.children[i];
    struct ArrowSchema schema = *m.foreign.children[i];
    m.array.children[i]->release = NULL;
    m.foreign.children[i]->release = NULL;
    if (i == table.child_count - 1) {
      m.array.release(&m.array);
      m.foreign.release(&m.foreign);
      assert_null(m.array.release);
      assert_null(m.foreign.release);
    }
    struct ArrowArray *arrays[] = {&array};
    struct ArrowSchema *schemas[] = {&schema};
    tl_schema one = {.name = "schema", .shape = TL_SHAPE_STRUCT, .child_count = 1, .children = &table.children[i]};
    imported alone = {
        .foreign = {.format = "+s", .n_children = 1, .children = schemas, .release = array.release == NULL ? NULL : schema.release},
        .array = {.length = ROWS, .n_buffers = 1, .buffers = (const void *[]){NULL}, .n_children = 1, .children = arrays, .release = array.release}};
    OK(import_rows(&alone, 0, ROWS));
    same_rows(&(tl_batch){.schema = &one, .columns = &before.columns[i]}, 0, &alone.rows, 0, ROWS);
    array.release(&array);
    schema.release(&schema);
    assert_null(array.release);
    assert_null(schema.release);
    alone.foreign.release = NULL, alone.array.release = NULL;
    imported_free(&alone);
  }
  assert_int_equal(blocks, kept);
}

/* ---- arrays as others build them ---- */

static void keep_array(struct ArrowArray *a) { a->release = NULL; }
static void keep_schema(struct ArrowSchema *s) { s->release = NULL; }
#define BUFFERS(...) \
  (const void *[]) { __VA_ARGS__ }

/* Imports one column named x of what somebody else owns; its rows as JSON, or the error. */
static const char *import_one(struct ArrowSchema schema, struct ArrowArray array) {
  static char text[1500];
  TL_OWNED(tl_buffer) out = {.env = tl_sys_env()};
  struct ArrowSchema *schemas[] = {&schema};
  struct ArrowArray *arrays[] = {&array};
  schema.name = "x";
  schema.flags = ARROW_FLAG_NULLABLE;
  schema.release = keep_schema;
  array.release = keep_array;
  TL_OWNED(imported)
  m = {.foreign = {.format = "+s", .n_children = 1, .children = schemas, .release = keep_schema},
       .array = {.length = array.length, .n_buffers = 1, .buffers = BUFFERS(NULL), .n_children = 1, .children = arrays, .release = keep_array}};
  if (import_rows(&m, 0, array.length) != TL_OK) return err.text;
  for (int64_t i = 0; i < array.length; i++) {
    if (i > 0) OK(tl_buffer_byte(&out, ' ', &err));
    OK(tl_array_json(&m.rows.columns[0], i, &out, &err));
  }
  snprintf(text, sizeof text, "%.*s", (int)out.size, (char *)out.data);
  return text;
}

static const uint8_t FIRST_AND_THIRD[] = {0x05};

static struct ArrowArray plain(int64_t length, const void **buffers) {
  return (struct ArrowArray){.length = length, .null_count = -1, .n_buffers = 2, .buffers = buffers};
}

static void values_of_others(void **state) {
  (void)state;
  struct ArrowArray null = {.length = 2, .null_count = 2};
  assert_string_equal(import_one((struct ArrowSchema){.format = "n"}, null), "null null");
  const struct {
    const char *format;
    const void *values;
    const char *text;
  } cases[] = {
      {"b", (uint8_t[]){0x04}, "false null true"},
      {"c", (int8_t[]){-1, 5, 127}, "-1 null 127"},
      {"C", (uint8_t[]){255, 5, 1}, "255 null 1"},
      {"s", (int16_t[]){-1, 5, 300}, "-1 null 300"},
      {"S", (uint16_t[]){65535, 5, 1}, "65535 null 1"},
      {"I", (uint32_t[]){4294967295, 5, 1}, "4294967295 null 1"},
      {"tdm", (int64_t[]){86400000, 5, -86400000}, "\"1970-01-02\" null \"1969-12-31\""},
      {"tts", (int32_t[]){3661, -1, 0}, "\"01:01:01.000\" null \"00:00:00.000\""},
      {"tss:", (int64_t[]){1, INT64_MAX, 0}, "\"1970-01-01T00:00:01.000\" null \"1970-01-01T00:00:00.000\""},
      {"tsu:America/New_York", (int64_t[]){1, 0, 0}, "\"1970-01-01T00:00:00.000001Z\" null \"1970-01-01T00:00:00.000000Z\""},
      {"tDu", (int64_t[]){7, 0, -7}, "7 null -7"},
      {"d:5,2,32", (int32_t[]){12345, 0, -1}, "\"123.45\" null \"-0.01\""},
      {"d:12,2,64", (int64_t[]){12345, 0, -1}, "\"123.45\" null \"-0.01\""},
      {"d:12,2", (__int128[]){12345, 0, -1}, "\"123.45\" null \"-0.01\""},
      {"w:2", "abcdef", "\"6162\" null \"6566\""},
      {"tdm", (int64_t[]){86400000, 5, 5}, "column x: row 2: 5 of \"tdm\" cannot be kept exactly"},
      {"tdm", (int64_t[]){86400000, 5, INT64_MAX / 86400000 * 86400000}, "column x: row 2: 9223372036828800000 of \"tdm\" is out of range"},
      {"tss:", (int64_t[]){INT64_MAX, 0, 0}, "column x: row 0: 9223372036854775807 of \"tss:\" cannot be kept exactly"},
      {"d:5,2", (__int128[]){(__int128)1 << 40, 0, -1}, "column x: row 0: a decimal of more than the 5 digits that its type has"},
      {"d:5,2,48", NULL, "column x: the Arrow type \"d:5,2,48\" is not taken"},
      {"d:77,2", NULL, "column x: the Arrow type \"d:77,2\" is not taken"},
      {"w:0", NULL, "column x: the Arrow type \"w:0\" is not taken"},
      {"tiM", NULL, "column x: the Arrow type \"tiM\" is not taken"},
      {"+us:", NULL, "column x: the Arrow type \"+us:\" is not taken"},
      {"", NULL, "column x: the Arrow type \"\" is not taken"},
      {"+l", NULL, "column x: the Arrow type \"+l\" with 0 children"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(import_one((struct ArrowSchema){.format = cases[i].format}, plain(3, BUFFERS(FIRST_AND_THIRD, cases[i].values))), cases[i].text);
}

static void texts_of_others(void **state) {
  (void)state;
  struct ArrowArray a = {.length = 3, .n_buffers = 3, .buffers = BUFFERS(FIRST_AND_THIRD, ((int32_t[]){0, 1, 3, 5}), "a\xff\xff\xc3\xbc")};
  assert_string_equal(import_one((struct ArrowSchema){.format = "u"}, a), "\"a\" null \"ü\"");
  assert_string_equal(import_one((struct ArrowSchema){.format = "z"}, a), "\"61\" null \"c3bc\"");
  a.buffers[0] = NULL;
  assert_string_equal(import_one((struct ArrowSchema){.format = "u"}, a), "column x: row 1: the text is not valid UTF-8");
  a.buffers[1] = (int32_t[]){0, 1, 1, -1};
  assert_string_equal(import_one((struct ArrowSchema){.format = "u"}, a), "column x: row 2: offsets 1 and then -1");
  a.buffers[1] = (int32_t[]){0, 0, 0, 0};
  a.buffers[2] = NULL;
  assert_string_equal(import_one((struct ArrowSchema){.format = "u"}, a), "\"\" \"\" \"\"");
  a.buffers[1] = (int32_t[]){0, 0, 0, 1};
  assert_string_equal(import_one((struct ArrowSchema){.format = "u"}, a), "column x: row 2: the buffer of its bytes is not there");

  struct {
    int32_t size;
    union {
      char in_place[12];
      int32_t where[3];
    };
  } views[3] = {{12, {"twelve bytes"}}, {99, {.where = {-1, 7, 7}}}, {14, {.where = {0, 0, 2}}}};
  struct ArrowArray v = {.length = 3, .n_buffers = 4, .buffers = BUFFERS(FIRST_AND_THIRD, views, "..fourteen bytes", ((int64_t[]){16}))};
  assert_string_equal(import_one((struct ArrowSchema){.format = "vu"}, v), "\"twelve bytes\" null \"fourteen bytes\"");
  views[2].where[2] = 3;
  assert_string_equal(import_one((struct ArrowSchema){.format = "vu"}, v), "column x: row 2: a view of 14 bytes at 3 of buffer 0");
  views[2].where[2] = 2, views[2].where[1] = 1;
  assert_string_equal(import_one((struct ArrowSchema){.format = "vu"}, v), "column x: row 2: a view of 14 bytes at 2 of buffer 1");
  views[2].size = -1;
  assert_string_equal(import_one((struct ArrowSchema){.format = "vz"}, v), "column x: row 2: a view of -1 bytes at 2 of buffer 1");
  v.n_buffers = 2;
  assert_string_equal(import_one((struct ArrowSchema){.format = "vz"}, v), "column x: 2 buffers, expected 3");
}

static void lists_of_others(void **state) {
  (void)state;
  struct ArrowSchema item = {.format = "c", .name = "item", .flags = ARROW_FLAG_NULLABLE, .release = keep_schema};
  struct ArrowArray items = {.length = 6, .offset = 1, .n_buffers = 2, .buffers = BUFFERS(NULL, ((int8_t[]){9, 0, 1, 2, 3, 4, 5})), .release = keep_array};
  struct ArrowSchema s = {.format = "+l", .n_children = 1, .children = (struct ArrowSchema *[]){&item}};
  struct ArrowArray a = {.length = 3,
                         .n_buffers = 2,
                         .n_children = 1,
                         .buffers = BUFFERS(FIRST_AND_THIRD, ((int32_t[]){1, 2, 4, 6}), NULL),
                         .children = (struct ArrowArray *[]){&items}};
  assert_string_equal(import_one(s, a), "[1] null [4,5]");
  a.buffers[1] = (int32_t[]){1, 2, 4, 7};
  assert_string_equal(import_one(s, a), "column x: row 2: 3 elements at 4 of 6");
  a.buffers[1] = (int32_t[]){1, 0, 4, 6};
  assert_string_equal(import_one(s, a), "column x: row 0: offsets 1 and then 0");
  items.length = -1;
  a.buffers[1] = (int32_t[]){1, 2, 4, 6};
  assert_string_equal(import_one(s, a), "column x: row 0: 1 elements at 1 of -1");
  items.length = 6;
  s.format = "+w:2", a.n_buffers = 1;
  assert_string_equal(import_one(s, a), "[0,1] null [4,5]");
  s.format = "+w:3";
  assert_string_equal(import_one(s, a), "column x: row 2: 3 elements at 6 of 6");
  s.format = "+w:-3";
  assert_string_equal(import_one(s, a), "column x: the Arrow type \"+w:-3\" is not taken");
  s.format = "+vl", a.n_buffers = 3, a.buffers[1] = (int32_t[]){4, 99, 0}, a.buffers[2] = (int32_t[]){2, 99, 3};
  assert_string_equal(import_one(s, a), "[4,5] null [0,1,2]");
  a.buffers[2] = (int32_t[]){3, 99, 3};
  assert_string_equal(import_one(s, a), "column x: row 0: 3 elements at 4 of 6");
  a.buffers[2] = NULL;
  assert_string_equal(import_one(s, a), "column x: a buffer is not there");
  s.format = "+l", a.n_buffers = 2, a.children = (struct ArrowArray *[]){NULL};
  assert_string_equal(import_one(s, a), "column x: child 0 is not there");
}

/* Promises that the structs themselves break. */
static void structs_that_lie(void **state) {
  (void)state;
  int64_t values[] = {1, 2, 3};
  struct ArrowSchema s = {.format = "l"};
  struct ArrowArray a = plain(3, BUFFERS(NULL, values)), bad;
  assert_string_equal(import_one(s, a), "1 2 3");
  bad = a, bad.n_buffers = 3;
  assert_string_equal(import_one(s, bad), "column x: 3 buffers, expected 2");
  bad = a, bad.n_children = 1;
  assert_string_equal(import_one(s, bad), "column x: 1 children, expected 0");
  bad = a, bad.null_count = 1;
  assert_string_equal(import_one(s, bad), "column x: 1 rows are missing, and nothing says which");
  bad = a, bad.offset = -1;
  assert_string_equal(import_one(s, bad), "column x: an array of length 3 at -1");
  bad = a, bad.offset = INT64_MAX;
  assert_non_null(strstr(import_one(s, bad), "column x: an array of length 3 at"));
  bad = a, bad.buffers = BUFFERS(NULL, NULL);
  assert_string_equal(import_one(s, bad), "column x: a buffer is not there");
  bad = a, bad.buffers = NULL;
  assert_string_equal(import_one(s, bad), "column x: a buffer is not there");
  bad = a, bad.dictionary = &a;
  assert_string_equal(import_one(s, bad), "column x: array and schema differ in having a dictionary");
  bad = a, bad.length = -1;
  assert_non_null(strstr(import_one(s, bad), "-1"));
}

/* ---- values that Arrow cannot hold ---- */

static void expect_refusal(const tl_schema *column, tl_status expected, const char *text, void (*spoil)(tl_array *)) {
  tl_schema schema = {.name = "schema", .shape = TL_SHAPE_STRUCT, .child_count = 1, .children = (tl_schema[]){*column}};
  TL_OWNED(tl_batch) batch = {0};
  struct ArrowArray array;
  struct ArrowSchema described;
  tl_schema_number(&schema);
  OK(make_batch(&batch, &schema, 9, false));
  spoil(&batch.columns[0]);
  assert_int_equal(tl_batch_export(&batch, false, &described, &array, &err), expected);
  assert_string_equal(err.text, text);
  assert_null(array.release);
  assert_null(described.release);
  nothing_is_left();
}

static void far_time(tl_array *a) { memset(a->column.values + 4 * 12 + 8, 0x7f, 3); }
static void wide_decimal(tl_array *a) { memset(a->column.values + 20, 0x7f, 20); }
static void bad_text(tl_array *a) {
  a->column.bytes.data[a->column.bytes.size - 1] = 0xff;
  for (int64_t i = 3; i < a->count; i++) a->column.offsets[i + 1] = (int64_t)a->column.bytes.size;
}
static void lost_value(tl_array *a) {
  OK(tl_column_set_null(&a->column, 7, 1, &err));
  a->null_count = 1;
}
static void lost_element(tl_array *a) {
  OK(tl_column_set_null(&a->children[1].children[0].column, 6, 1, &err));
  a->children[1].children[0].null_count = 1;
}

static void values_that_do_not_fit(void **state) {
  (void)state;
  expect_refusal(&leaves[3], TL_UNSUPPORTED, "column int96: row 4: a time that nanoseconds in 64 bits do not reach", far_time);
  tl_schema wide = DECIMAL("wide", FIXED, 20, 2, 20);
  expect_refusal(&wide, TL_UNSUPPORTED, "column wide: row 1: a decimal of more than 128 bits", wide_decimal);
  expect_refusal(&leaves[9], TL_CORRUPT, "column string: row 3: the text is not valid UTF-8", bad_text);
  expect_refusal(&required, TL_CORRUPT, "column required: row 7 is missing, and the schema says that none is", lost_value);
  expect_refusal(&leaves[37], TL_CORRUPT, "column struct.b.c: row 6 is missing, and the schema says that none is", lost_element);
}

/* ---- streams ---- */

typedef struct counter {
  int batches, fails_at, released;
} counter;

static tl_status next_batch(void *context, tl_batch *out, tl_error *e) {
  counter *c = context;
  if (c->fails_at == c->batches) return tl_fail(e, TL_CORRUPT, "page 7 is damaged");
  if (c->batches++ == 3) return TL_OK;
  return make_batch(out, &table, 50, true);
}
static void release_counter(void *context) { ((counter *)context)->released++; }

static void streams_go_round(void **state) {
  (void)state;
  counter c = {.fails_at = -1};
  struct ArrowArrayStream stream;
  TL_OWNED(tl_batch) one = {0};
  OK(make_batch(&one, &table, 50, true));
  OK(tl_arrow_stream_export(&stream, &env, (tl_arrow_source){&c, &table, next_batch, release_counter}, &err));
  {
    TL_OWNED(tl_arrow_reader) reader = {0};
    TL_OWNED(tl_batch) rows = {0};
    int64_t total = 0;
    OK(tl_arrow_reader_open(&reader, &env, &stream, &err));
    assert_null(stream.release);
    OK(tl_batch_open(&rows, &env, &reader.schema, &err));
    for (;;) {
      OK(tl_arrow_reader_next(&reader, &rows, 17, &err));
      if (rows.rows == 0) break;
      same_rows(&one, total % 50, &rows, 0, rows.rows);
      total += rows.rows;
    }
    assert_int_equal(total, 150);
    OK(tl_arrow_reader_next(&reader, &rows, 17, &err)); /* the end stays the end */
    assert_int_equal(rows.rows, 0);
  }
  assert_int_equal(c.released, 1);
}

static void streams_say_what_fails(void **state) {
  (void)state;
  counter c = {.fails_at = 1};
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  OK(tl_arrow_stream_export(&stream, &env, (tl_arrow_source){&c, &table, next_batch, release_counter}, &err));
  assert_null(stream.get_last_error(&stream));
  assert_int_equal(stream.get_next(&stream, &array), 0);
  array.release(&array);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(stream.get_next(&stream, &array), EIO);
    assert_null(array.release);
    assert_string_equal(stream.get_last_error(&stream), "page 7 is damaged");
  }
  c = (counter){.fails_at = 0};
  assert_int_equal(tl_arrow_write(&env, "nowhere/x.parquet", &stream, &(tl_sink_style){0}, &err), TL_NOT_FOUND);
  assert_null(stream.release);
  assert_int_equal(c.released, 1);
  nothing_is_left();
}

/* ---- files ---- */

static char root[64];

static tl_status write_rows(const char *path) {
  counter c = {.fails_at = -1};
  struct ArrowArrayStream stream;
  TL_TRY(tl_arrow_stream_export(&stream, &env, (tl_arrow_source){&c, &table, next_batch, release_counter}, &err));
  return tl_arrow_write(&env, path, &stream, &(tl_sink_style){.group_rows = 60}, &err);
}

static tl_status read_rows(const char *path, const char *where, const tl_batch *expected, int64_t *total) {
  struct ArrowArrayStream stream;
  TL_OWNED(tl_arrow_reader) reader = {0};
  TL_OWNED(tl_batch) rows = {0};
  TL_TRY(tl_arrow_scan(&stream, &env, path, (tl_scan_options){.where = where}, &err));
  TL_TRY(tl_arrow_reader_open(&reader, &env, &stream, &err));
  TL_TRY(tl_batch_open(&rows, &env, &reader.schema, &err));
  for (*total = 0;; *total += rows.rows) {
    TL_TRY(tl_arrow_reader_next(&reader, &rows, 10, &err));
    if (rows.rows == 0) return TL_OK;
    if (expected != NULL) same_rows(expected, *total % 50, &rows, 0, rows.rows);
  }
}

static void files_come_back(void **state) {
  (void)state;
  char path[100];
  int64_t rows;
  TL_OWNED(tl_batch) one = {0};
  OK(make_batch(&one, &table, 50, true));
  snprintf(path, sizeof path, "%s/all.parquet", root);
  OK(write_rows(path));
  OK(read_rows(path, NULL, &one, &rows));
  assert_int_equal(rows, 150);
  OK(read_rows(path, "boolean is null", NULL, &rows));
  assert_int_equal(rows, 3 * one.columns[0].null_count);

  struct ArrowArrayStream stream;
  assert_int_equal(tl_parquet_export_stream(path, (const char *const[]){"nope"}, 1, NULL, &stream, &err), TL_USAGE);
  assert_null(stream.release);
  OK(tl_parquet_export_stream(path, NULL, 0, NULL, &stream, &err)); /* from a file onto itself */
  OK(tl_parquet_import_stream(&stream, path, "fast", &err));
  assert_null(stream.release);
  OK(read_rows(path, NULL, &one, &rows));
  OK(tl_parquet_export_stream(path, NULL, 0, NULL, &stream, &err));
  assert_int_equal(tl_parquet_import_stream(&stream, path, "small", &err), TL_USAGE);
  assert_null(stream.release);
}

/* ---- faults ---- */

static tl_status there_and_back(void) {
  TL_OWNED(imported) m = {0};
  TL_TRY(export_all(&m, 20, true));
  return import_rows(&m, 0, 20);
}

static tl_status to_a_file_and_back(void) {
  char path[100];
  int64_t rows;
  snprintf(path, sizeof path, "%s/faults.parquet", root);
  TL_TRY(write_rows(path));
  return read_rows(path, NULL, NULL, &rows);
}

static void every_allocation_fails(tl_status (*run)(void), long step) {
  long failed = 0;
  for (long at = 1;; at += step) {
    allocations = 0, fail_at = at;
    err = (tl_error){0};
    tl_status status = run();
    bool reached = allocations >= at;
    fail_at = 0;
    nothing_is_left();
    if (!reached) {
      OK(status);
      break;
    }
    if (status != TL_OK && status != TL_MEMORY && status != TL_IO) fail_msg("allocation %ld: %s", at, err.text);
    failed += status != TL_OK;
    if (status != TL_OK) assert_true(err.text[0] != 0);
  }
  assert_true(failed > 50);
}

static void allocations_fail(void **state) {
  (void)state;
  every_allocation_fails(there_and_back, 1);
  every_allocation_fails(to_a_file_and_back, 17);
}

int main(void) {
  char command[100];
  env = *tl_sys_env();
  env.resize = resize;
  make_schema();
  snprintf(root, sizeof root, "%s/tickloom-arrow-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
  if (env.make_folder(&env, root, &err) != TL_OK) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_type_comes_back),
                                     cmocka_unit_test(formats_are_the_ones_of_the_specification),
                                     cmocka_unit_test(slices),
                                     cmocka_unit_test(codes),
                                     cmocka_unit_test(children_move),
                                     cmocka_unit_test(values_of_others),
                                     cmocka_unit_test(texts_of_others),
                                     cmocka_unit_test(lists_of_others),
                                     cmocka_unit_test(structs_that_lie),
                                     cmocka_unit_test(values_that_do_not_fit),
                                     cmocka_unit_test(streams_go_round),
                                     cmocka_unit_test(streams_say_what_fails),
                                     cmocka_unit_test(files_come_back),
                                     cmocka_unit_test(allocations_fail)};
  int failed = cmocka_run_group_tests_name("arrow", tests, NULL, NULL);
  snprintf(command, sizeof command, "rm -rf %s", root);
  if (system(command) != 0) return 1;
  return failed;
}
