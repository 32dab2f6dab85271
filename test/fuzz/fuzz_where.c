/* A condition: parsed, bound to a fixed schema, judged, probed, and asked of fixed rows, as values and as codes. */
#include <stdlib.h>
#include <string.h>
#include "column/predicate.h"
#include "fuzz.h"

enum { ROWS = 40, ENTRIES = 10, MOST_MEMORY = 64 << 20, MOST_SIZE = 1 << 16 };

static const tl_field fields[] = {
    {.name = "b", .physical = TL_PHYSICAL_BOOLEAN},
    {.name = "i", .physical = TL_PHYSICAL_INT32},
    {.name = "l", .physical = TL_PHYSICAL_INT64},
    {.name = "u", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_INTEGER, .bits = 64, .is_unsigned = true},
    {.name = "f", .physical = TL_PHYSICAL_FLOAT},
    {.name = "g", .physical = TL_PHYSICAL_DOUBLE},
    {.name = "h", .physical = TL_PHYSICAL_FIXED, .fixed_size = 2, .logical = TL_LOGICAL_FLOAT16},
    {.name = "d", .physical = TL_PHYSICAL_FIXED, .fixed_size = 16, .logical = TL_LOGICAL_DECIMAL, .precision = 38, .scale = 10},
    {.name = "v", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_DECIMAL, .precision = 38, .scale = 38},
    {.name = "day", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE},
    {.name = "t", .physical = TL_PHYSICAL_INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = 6, .utc = true},
    {.name = "i96", .physical = TL_PHYSICAL_INT96},
    {.name = "c", .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_TIME, .digits = 3},
    {.name = "s", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING},
    {.name = "id", .physical = TL_PHYSICAL_FIXED, .fixed_size = 16, .logical = TL_LOGICAL_UUID},
    {.name = "x", .physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_BSON},
};
enum { FIELDS = sizeof fields / sizeof *fields };

typedef struct batch {
  tl_column values[FIELDS], coded[FIELDS], dictionaries[FIELDS];
  uint32_t codes[ROWS];
} batch;

static bool keep(tl_status status) {
  tl__fuzz_law(status == TL_OK, "the batch has room");
  return true;
}

/* Entry `entry` of a field: zeros, ones, small and great numbers. */
static void put(tl_column *c, int64_t row, int entry) {
  static const uint8_t fill[ENTRIES] = {0, 1, 0xff, 0x7f, 0x80, 2, 'A', 0x3c, 0x40, 0};
  uint8_t value[16];
  memset(value, fill[entry], sizeof value);
  if (entry % 2 != 0) memset(value + 1, 0, sizeof value - 1);
  size_t width = (size_t)tl_field_width(&c->field);
  if (c->field.physical == TL_PHYSICAL_BOOLEAN) value[0] &= 1;
  if (c->field.physical != TL_PHYSICAL_BYTE_ARRAY) {
    memcpy(c->values + (size_t)row * width, value, width);
    return;
  }
  keep(tl_buffer_append(&c->bytes, value, (size_t)entry, NULL));
  c->offsets[row + 1] = (int64_t)c->bytes.size;
}

static void fill_column(tl_column *c, const tl_field *field, int rows, const uint32_t *codes) {
  keep(tl_column_reset(c, field, rows, NULL));
  for (int i = 0; i < rows; i++) put(c, i, codes != NULL ? (int)codes[i] : i);
}

static void drop_rows(tl_column *c) {
  for (int i = 3; i < ROWS; i += 7) keep(tl_column_set_null(c, i, 1, NULL));
}

static void open_batch(batch *b, tl_env *env) {
  for (int i = 0; i < ROWS; i++) b->codes[i] = (uint32_t)(i * 7 % ENTRIES);
  for (int k = 0; k < FIELDS; k++) {
    b->values[k].env = b->coded[k].env = b->dictionaries[k].env = env;
    fill_column(&b->values[k], &fields[k], ROWS, b->codes);
    fill_column(&b->dictionaries[k], &fields[k], ENTRIES, NULL);
    keep(tl_column_reset(&b->coded[k], &fields[k], ROWS, NULL));
    drop_rows(&b->values[k]);
    drop_rows(&b->coded[k]);
    b->coded[k].dictionary = &b->dictionaries[k];
    b->coded[k].codes = b->codes;
  }
}

static void close_batch(batch *b) {
  for (int k = 0; k < FIELDS; k++) {
    b->coded[k].codes = NULL;
    tl_column_free(&b->values[k]);
    tl_column_free(&b->coded[k]);
    tl_column_free(&b->dictionaries[k]);
  }
}

static int field_named(const char *name) {
  int k = 0;
  while (k < FIELDS && strcmp(fields[k].name, name) != 0) k++;
  return k;
}

static bool touch(void *context, int column, tl_bytes plain) {
  (void)context, (void)column;
  tl__fuzz_touch(plain.data, plain.size);
  return plain.size % 2 == 0;
}

/* With nothing known of the values. */
static tl_verdict judge(const tl_predicate *p, int count) {
  tl_interval *intervals = calloc((size_t)count + 1, sizeof *intervals);
  for (int i = 0; intervals != NULL && i < count; i++) intervals[i] = (tl_interval){.nulls = -1, .values = ROWS};
  tl_verdict verdict = intervals == NULL ? TL_VERDICT_SOME : tl_predicate_judge(p, intervals);
  free(intervals);
  return verdict;
}

static void select_rows(tl_predicate *p, const batch *b, const tl_column **columns, int count) {
  uint8_t selected[2][ROWS / 8] = {{0}};
  tl_error err = {0};
  int rows = 0;
  for (int way = 0; way < 2; way++) {
    for (int i = 0; i < count; i++) {
      int k = field_named(tl_predicate_column(p, i));
      columns[i] = k == FIELDS ? NULL : way == 0 ? &b->values[k] : &b->coded[k];
    }
    keep(tl_predicate_select(p, columns, ROWS, selected[way], &err));
  }
  for (int i = 0; i < ROWS; i++) rows += selected[0][i / 8] >> i % 8 & 1;
  tl__fuzz_law(memcmp(selected[0], selected[1], sizeof selected[0]) == 0, "values and codes select the same rows");
  tl_verdict verdict = judge(p, count);
  tl__fuzz_law(rows == 0 || verdict != TL_VERDICT_NONE, "none is none");
  tl__fuzz_law(rows == ROWS || verdict != TL_VERDICT_ALL, "all is all");
}

static void use(tl_predicate *p, const batch *b) {
  int count = tl_predicate_column_count(p);
  const void **pointers = calloc((size_t)count + 1, sizeof *pointers);
  const tl_field **types = (const tl_field **)pointers;
  tl_error err = {0};
  for (int i = 0; types != NULL && i < count; i++) {
    int k = field_named(tl_predicate_column(p, i));
    types[i] = k == FIELDS ? NULL : &fields[k];
  }
  if (pointers != NULL && tl_predicate_bind(p, types, &err) == TL_OK) {
    (void)tl_predicate_probe(p, touch, NULL);
    select_rows(p, b, (const tl_column **)pointers, count);
  }
  free(pointers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = size > MOST_SIZE ? NULL : malloc(size + 1);
  if (text == NULL) return 0;
  if (size > 0) memcpy(text, data, size);
  text[size] = 0;
  static batch b;
  tl_env *env = tl__fuzz_env(data, size, MOST_MEMORY);
  tl_error err = {0};
  tl_predicate *p = NULL;
  open_batch(&b, env);
  tl_status status = tl_predicate_parse(&p, env, text, &err);
  if (status == TL_OK)
    use(p, &b);
  else
    tl__fuzz_law(status == TL_USAGE && strncmp(err.text, "condition: ", 11) == 0, "an error says where");
  tl_predicate_free(p);
  close_batch(&b);
  tl__fuzz_env_close(env);
  free(text);
  return 0;
}
