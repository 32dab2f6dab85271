/* Every single bit of small files is turned, one after the other: flips [FOLDER_OF_FILES ...]. Whatever comes of it is read in bounded memory
   and time, as rows or with an error that says why; and where a page carries a checksum, no bit of its body can be turned unseen.
   The files: what our writer makes of all types, nestings, encodings and codecs; small ones of the folders, hand-made and of others. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "codec/compressor.h"
#include "fuzz/fuzz.h"
#include "lake/scan.h"
#include "parquet/writer.h"
#include "sys/sys.h"
#include "test.h"

enum {
  ROWS = 20,
  MOST_ROWS = 1000,
  MOST_TEXT = 1 << 18,
  MOST_MEMORY = 64 << 20,
  LIMIT = 1 << 20,
  MOST_SIZE = 4096,
  MOST_FOLDER_FILES = 100,
  FOLDER_FLIPS = 8000
};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STRIDE = 13 }; /* a sanitizer looks at fewer of them */
#else
enum { STRIDE = 1 };
#endif
static const double MOST_SECONDS = 3;
static tl_error err;
static char root[64];
static const char *const *folders;

/* ---- values of any shape ---- */

static void fill(tl_array *a, int64_t count, bool nullable);

static void fill_value(tl_array *a, int64_t count, bool nullable) {
  const tl_field field = a->node->field;
  int width = tl_field_width(&field);
  tl_column *c = &a->column;
  OK(tl_column_reset(c, &field, count, &err));
  for (int64_t i = 0; i < count; i++) {
    int64_t v = i * 7 % 5 + 65;
    if (field.physical == TL_PHYSICAL_BYTE_ARRAY) {
      char text[2] = {(char)v, 'x'};
      if (!nullable || i % 4 != 1) OK(tl_buffer_append(&c->bytes, text, 1 + (size_t)i % 2, &err));
      c->offsets[i + 1] = (int64_t)c->bytes.size;
    } else if (field.physical == TL_PHYSICAL_BOOLEAN)
      c->values[i] = (uint8_t)(v & 1);
    else if (field.physical == TL_PHYSICAL_DOUBLE) {
      double d = (double)v / 8;
      memcpy(c->values + i * width, &d, sizeof d);
    } else {
      memset(c->values + i * width, 0, (size_t)width);
      c->values[i * width] = (uint8_t)v;
    }
  }
  for (int64_t i = 1; nullable && i < count; i += 4) OK(tl_column_set_null(c, i, 1, &err));
  a->count = count, a->null_count = c->null_count;
}

static void mark_missing(tl_array *a, int64_t count, bool nullable) {
  a->count = count, a->null_count = 0;
  if (!nullable) return;
  OK(tl_reserve(a->env, &a->valid, &a->valid_capacity, (size_t)count / 8 + 9, 1, &err));
  memset(a->valid, 0xff, (size_t)count / 8 + 1);
  for (int64_t i = 2; i < count; i += 5) a->valid[i >> 3] &= (uint8_t) ~(1u << (i & 7)), a->null_count++;
}

static void fill(tl_array *a, int64_t count, bool nullable) {
  int64_t inside = count;
  if (a->node->shape == TL_SHAPE_VALUE) {
    fill_value(a, count, nullable);
    return;
  }
  mark_missing(a, count, nullable);
  if (a->node->shape != TL_SHAPE_STRUCT) {
    OK(tl_renew(a->env, &a->offsets, &a->offset_capacity, (size_t)count + 1, sizeof *a->offsets, &err));
    a->offsets[0] = inside = 0;
    for (int64_t i = 0; i < count; i++) a->offsets[i + 1] = inside += tl_array_is_valid(a, i) ? i % 3 : 0;
  }
  for (int i = 0; i < a->node->child_count; i++) fill(&a->children[i], inside, a->node->children[i].nullable);
}

/* ---- files of ours ---- */

#define VALUE(text, type, ...)                                                                     \
  {                                                                                                \
    .name = text, .shape = TL_SHAPE_VALUE, .field = {.physical = TL_PHYSICAL_##type, __VA_ARGS__ } \
  }
static tl_schema prices[] = {VALUE("price", DOUBLE), {.name = "size", .shape = TL_SHAPE_VALUE, .nullable = true, .field = {.physical = TL_PHYSICAL_INT64}}};
static tl_schema level[] = {{.name = "element", .shape = TL_SHAPE_STRUCT, .nullable = true, .children = prices, .child_count = 2}};
static tl_schema number[] = {{.name = "element", .shape = TL_SHAPE_VALUE, .nullable = true, .field = {.physical = TL_PHYSICAL_INT32}}};
static tl_schema numbers[] = {{.name = "element", .shape = TL_SHAPE_LIST, .nullable = true, .children = number, .child_count = 1}};
static tl_schema entry[] = {VALUE("key", BYTE_ARRAY, .logical = TL_LOGICAL_STRING),
                            {.name = "value", .shape = TL_SHAPE_VALUE, .nullable = true, .field = {.physical = TL_PHYSICAL_INT64}}};

static const struct variant {
  const char *name;
  tl_schema column;
  int encoding, codec;
  bool bloom;
  int groups;
} variants[] = {
    {"int64", VALUE("x", INT64), TL_ENCODING_PLAIN, TL_CODEC_NONE, false, 1},
    {"int64 delta", {.name = "x", .nullable = true, .field = {.physical = TL_PHYSICAL_INT64}}, TL_ENCODING_DELTA, TL_CODEC_NONE, false, 1},
    {"int64 bloom", VALUE("x", INT64), TL_ENCODING_PLAIN, TL_CODEC_NONE, true, 1},
    {"int32 dictionary", VALUE("x", INT32), TL_ENCODING_RLE_DICTIONARY, TL_CODEC_NONE, false, 2},
    {"date lz4",
     {.name = "x", .nullable = true, .field = {.physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE}},
     TL_ENCODING_PLAIN,
     TL_CODEC_LZ4_RAW,
     false,
     1},
    {"timestamp zstd", VALUE("x", INT64, .logical = TL_LOGICAL_TIMESTAMP, .digits = 6, .utc = true), TL_ENCODING_DELTA, TL_CODEC_ZSTD, false, 1},
    {"double split zstd", VALUE("x", DOUBLE), TL_ENCODING_SPLIT, TL_CODEC_ZSTD, false, 1},
    {"double", {.name = "x", .nullable = true, .field = {.physical = TL_PHYSICAL_DOUBLE}}, TL_ENCODING_PLAIN, TL_CODEC_NONE, false, 2},
    {"boolean", {.name = "x", .nullable = true, .field = {.physical = TL_PHYSICAL_BOOLEAN}}, TL_ENCODING_PLAIN, TL_CODEC_NONE, false, 1},
    {"float", VALUE("x", FLOAT), TL_ENCODING_PLAIN, TL_CODEC_LZ4_RAW, false, 1},
    {"string", VALUE("x", BYTE_ARRAY, .logical = TL_LOGICAL_STRING), TL_ENCODING_PLAIN, TL_CODEC_NONE, false, 1},
    {"string dictionary",
     {.name = "x", .nullable = true, .field = {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING}},
     TL_ENCODING_RLE_DICTIONARY,
     TL_CODEC_ZSTD,
     false,
     1},
    {"string lengths", VALUE("x", BYTE_ARRAY, .logical = TL_LOGICAL_STRING), TL_ENCODING_DELTA_LENGTH, TL_CODEC_NONE, false, 1},
    {"uuid", VALUE("x", FIXED, .logical = TL_LOGICAL_UUID, .fixed_size = 16), TL_ENCODING_PLAIN, TL_CODEC_ZSTD, false, 1},
    {"decimal", VALUE("x", FIXED, .logical = TL_LOGICAL_DECIMAL, .fixed_size = 16, .precision = 38, .scale = 2), TL_ENCODING_RLE_DICTIONARY, TL_CODEC_NONE,
     false, 1},
    {"list", {.name = "x", .shape = TL_SHAPE_LIST, .nullable = true, .children = number, .child_count = 1}, TL_ENCODING_PLAIN, TL_CODEC_NONE, false, 1},
    {"list of structs",
     {.name = "x", .shape = TL_SHAPE_LIST, .nullable = true, .children = level, .child_count = 1},
     TL_ENCODING_CHOOSE,
     TL_CODEC_ZSTD,
     false,
     1},
    {"list of lists", {.name = "x", .shape = TL_SHAPE_LIST, .children = numbers, .child_count = 1}, TL_ENCODING_RLE_DICTIONARY, TL_CODEC_NONE, false, 2},
    {"map", {.name = "x", .shape = TL_SHAPE_MAP, .nullable = true, .children = entry, .child_count = 2}, TL_ENCODING_PLAIN, TL_CODEC_NONE, false, 1},
    {"struct", {.name = "x", .shape = TL_SHAPE_STRUCT, .nullable = true, .children = prices, .child_count = 2}, TL_ENCODING_PLAIN, TL_CODEC_LZ4_RAW, false, 1},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static void write_file(const char *path, const struct variant *v) {
  tl_env *env = tl_sys_env();
  tl_schema column = v->column, schema = {.name = "schema", .shape = TL_SHAPE_STRUCT, .children = &column, .child_count = 1};
  tl_page_style style = {.encoding = v->encoding, .codec = v->codec, .level = 1, .page_rows = 8, .bloom = v->bloom};
  tl_writer writer;
  TL_OWNED(tl_group) group = {.env = env};
  TL_OWNED(tl_batch) batch = {0};
  tl_schema_number(&schema);
  OK(tl_writer_open_schema(&writer, env, path, &schema, NULL, 0, &err));
  OK(tl_batch_open(&batch, env, writer.meta.schema, &err));
  fill(&batch.columns[0], ROWS, column.nullable);
  for (int g = 0; g < v->groups; g++) {
    OK(tl_group_begin(&group, writer.meta.schema->leaf_count, ROWS, &err));
    OK(tl_group_put_array(&group, writer.meta.leaves, &writer.meta.schema->children[0], &batch.columns[0], style, &err));
    OK(tl_writer_append(&writer, &group, &err));
  }
  OK(tl_writer_finish(&writer, false, &err));
  tl_batch_free(&batch); /* its schema is the writer's */
  tl_writer_free(&writer);
}

/* ---- reading ---- */

typedef struct reading {
  tl_status status;
  int64_t rows, bytes;
  uint64_t hash;
  bool complete; /* not stopped before its end */
} reading;

static uint64_t add_text(uint64_t hash, const tl_buffer *text) {
  for (size_t i = 0; i < text->size; i++) hash = (hash ^ text->data[i]) * 1099511628211u;
  return hash;
}

static tl_status read_batch(reading *r, const tl_scan *scan, const tl_scan_reader *reader, tl_buffer *text) {
  for (int64_t row = 0; row < reader->rows; row++, r->rows++)
    for (int c = 0; c < scan->wanted_count && tl_scan_is_selected(reader, row); c++) {
      text->size = 0;
      TL_TRY(tl_array_json(reader->columns[c], row, text, &err));
      r->hash = add_text(r->hash, text);
      r->bytes += (int64_t)text->size;
      if (r->bytes > MOST_TEXT) return TL_OK;
    }
  return TL_OK;
}

static tl_status read_scan(reading *r, tl_scan *scan) {
  TL_OWNED(tl_scan_reader) reader = {0};
  TL_OWNED(tl_buffer) text = {.env = scan->env};
  TL_TRY(tl_scan_reader_open(&reader, scan, &err));
  while (r->rows < MOST_ROWS && r->bytes < MOST_TEXT) { /* more are legal: a run is as long as it says */
    TL_TRY(tl_scan_reader_next(&reader, &err));
    if (reader.rows == 0) {
      r->complete = true;
      return TL_OK;
    }
    TL_TRY(read_batch(r, scan, &reader, &text));
  }
  return TL_OK;
}

static reading read_all(const uint8_t *data, size_t size, const char *where) {
  reading r = {0};
  TL_OWNED(tl_scan) scan = {0};
  tl_env *env = tl__fuzz_env(data, size, MOST_MEMORY);
  err = (tl_error){0};
  r.status = tl_scan_open(&scan, env, "flipped.parquet", (tl_scan_options){.where = where, .page_limit = LIMIT, .batch_rows = 64}, &err);
  if (r.status == TL_OK && scan.rows > 1000000 && where != NULL)
    where = NULL; /* endless and legal: nothing may be selected for long */
  else if (r.status == TL_OK)
    r.status = read_scan(&r, &scan);
  if (r.status != TL_OK && (err.status != r.status || err.text[0] == 0)) fail_msg("a failure does not say why");
  tl_scan_free(&scan);
  tl__fuzz_env_close(env);
  return r;
}

/* ---- what checksums cover ---- */

static void mark_chunk(tl_parquet *file, const tl_chunk *c, const uint8_t *data, uint8_t *covered) {
  int64_t at = c->dictionary_offset > 0 && c->dictionary_offset < c->data_offset ? c->dictionary_offset : c->data_offset, end = at + c->compressed_size;
  tl_page page;
  while (at < end && tl_page_parse(&page, (tl_bytes){data + at, (size_t)(end - at)}, &err) == TL_OK) {
    at += (int64_t)page.header_size;
    if (page.stored_size > end - at) return;
    if (page.has_crc && file->meta.row_count > 0) memset(covered + at, 1, (size_t)page.stored_size);
    at += page.stored_size;
  }
}

static void mark_covered(const uint8_t *data, size_t size, uint8_t *covered) {
  tl_parquet file;
  tl_env *env = tl__fuzz_env(data, size, MOST_MEMORY);
  if (tl_parquet_open(&file, env, "whole.parquet", &err) == TL_OK) {
    for (int g = 0; g < file.meta.group_count; g++)
      for (int i = 0; i < file.meta.leaf_count; i++) {
        tl_chunk chunk = tl_meta_chunk(&file.meta, g, i);
        mark_chunk(&file, &chunk, data, covered);
      }
    tl_parquet_free(&file);
  }
  tl__fuzz_env_close(env);
}

/* ---- flipping ---- */

static struct {
  const char *file;
  size_t bit;
} now; /* for the last words of a process that ends */

static void last_words(int signal) {
  fprintf(stderr, "%s, bit %zu of byte %zu: signal %d\n", now.file, now.bit % 8, now.bit / 8, signal);
  _exit(1);
}

/* Of the processor: others may use it, too. */
static double seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

typedef struct tally {
  long flips, refused, same, different, covered;
  double longest;
} tally;

static void flip(tally *t, const uint8_t *data, size_t size, const reading *whole, bool covered) {
  double start = seconds();
  reading r = read_all(data, size, NULL), chosen = read_all(data, size, "x is null");
  double took = seconds() - start;
  t->flips++;
  t->covered += covered;
  t->longest = took > t->longest ? took : t->longest;
  if (took > MOST_SECONDS) fail_msg("%s, bit %zu: took %.1f s", now.file, now.bit, took);
  if (r.status != TL_OK)
    t->refused++;
  else if (r.rows == whole->rows && r.hash == whole->hash)
    t->same++;
  else
    t->different++;
  if (covered && r.status != TL_CORRUPT) fail_msg("%s, bit %zu: a page whose checksum does not match is read (status %d)", now.file, now.bit, (int)r.status);
  (void)chosen;
}

static tally flip_all(const char *name, uint8_t *data, size_t size, size_t stride) {
  tally t = {0};
  uint8_t *covered = calloc(size + 1, 1);
  assert_non_null(covered);
  mark_covered(data, size, covered);
  reading whole = read_all(data, size, NULL);
  now.file = name;
  for (now.bit = 0; now.bit < size * 8; now.bit += stride) {
    data[now.bit / 8] ^= (uint8_t)(1u << now.bit % 8);
    flip(&t, data, size, &whole, covered[now.bit / 8] && whole.complete);
    data[now.bit / 8] ^= (uint8_t)(1u << now.bit % 8);
  }
  free(covered);
  return t;
}

static void report(const char *name, size_t size, const tally *t) {
  printf("%-24s %5zu bytes: %7ld flips, %7ld refused, %6ld read the same, %6ld read otherwise; %6ld under checksums; at most %.0f ms\n", name, size, t->flips,
         t->refused, t->same, t->different, t->covered, t->longest * 1e3);
}

static void add(tally *sum, const tally *t) {
  sum->flips += t->flips, sum->refused += t->refused, sum->same += t->same, sum->different += t->different, sum->covered += t->covered;
  sum->longest = t->longest > sum->longest ? t->longest : sum->longest;
}

static size_t load(const char *path, uint8_t *out) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  size_t size = fread(out, 1, MOST_SIZE + 1, file);
  fclose(file);
  return size <= MOST_SIZE ? size : 0;
}

static void files_of_ours(void **state) {
  (void)state;
  static uint8_t data[MOST_SIZE + 1];
  tally sum = {0};
  for (int i = 0; i < VARIANTS; i++) {
    char path[100];
    snprintf(path, sizeof path, "%s/x.parquet", root);
    write_file(path, &variants[i]);
    size_t size = load(path, data);
    if (size == 0) fail_msg("%s: too long", variants[i].name);
    reading whole = read_all(data, size, NULL);
    if (whole.status != TL_OK || whole.rows != ROWS * variants[i].groups) fail_msg("%s: %lld rows, %s", variants[i].name, (long long)whole.rows, err.text);
    tally t = flip_all(variants[i].name, data, size, STRIDE);
    report(variants[i].name, size, &t);
    if (t.covered == 0) fail_msg("%s: no page has a checksum", variants[i].name);
    add(&sum, &t);
  }
  report("all", 0, &sum);
}

/* Small files of a folder, in the order of their names; so many of their bits that it takes as long as it may. */
static void files_of_folder(const char *folder) {
  static uint8_t data[MOST_SIZE + 1];
  struct dirent **entries;
  int found = scandir(folder, &entries, NULL, alphasort), files = 0;
  size_t bits = 0, sizes[MOST_FOLDER_FILES];
  char path[4096];
  tally sum = {0};
  for (int round = 0; round < 2; round++)
    for (int i = 0, k = 0; i < found && k < MOST_FOLDER_FILES; i++) {
      snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
      size_t size = entries[i]->d_name[0] == '.' ? 0 : load(path, data);
      if (size == 0) continue;
      sizes[k++] = size;
      files = k;
      if (round == 0)
        bits += size * 8;
      else {
        tally t = flip_all(entries[i]->d_name, data, size, (bits / FOLDER_FLIPS + 1) * STRIDE);
        add(&sum, &t);
      }
    }
  for (int i = 0; i < found; i++) free(entries[i]);
  if (found >= 0) free(entries);
  for (int i = 1; i < files; i++) sizes[0] += sizes[i];
  if (files > 0) report(strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder, sizes[0], &sum);
}

static void files_of_others(void **state) {
  (void)state;
  for (int i = 0; folders[i] != NULL; i++) files_of_folder(folders[i]);
}

int main(int argc, char **argv) {
  (void)argc;
  folders = (const char *const *)argv + 1;
  signal(SIGABRT, last_words);
  snprintf(root, sizeof root, "%s/tickloom-flips-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
  if (tl_sys_env()->make_folder(tl_sys_env(), root, &err) != TL_OK) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(files_of_ours), cmocka_unit_test(files_of_others)};
  int failed = cmocka_run_group_tests_name("flips", tests, NULL, NULL);
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s", root);
  return system(command) == 0 ? failed : 1;
}
