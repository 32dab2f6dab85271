/* The pages of one column chunk. The first bytes say what a footer would: physical type, encoding (0: as the page's header says),
   codec, greatest definition level (and, in the upper half, repetition level), width of fixed values, and whether checksums count, which a
   mutation rarely meets. The rest is page after page, header and body. A page is read in pieces; then its second half alone, which must
   be the same rows; then as codes, where it has them, and as shorts: those codes, or ranks of integers. */
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "parquet/reader.h"
#include "walk.h"

enum { HEAD = 6, MOST_PAGES = 8, LIMIT = 1 << 16, MOST_MEMORY = 16 << 20 };

typedef struct chunk {
  tl_leaf leaf;
  int codec, encoding;
  bool checked;
  tl_page_memory memory;
  tl_column column;
} chunk;

static void open_chunk(chunk *c, const uint8_t *head, tl_env *env) {
  static const int codecs[] = {0, 1, 6, 7, 2, 4, 5};
  static const int encodings[] = {-1, 0, 2, 3, 5, 8, 9, 6, 7, 4};
  tl_field field = {.name = "x", .physical = (tl_physical)(head[0] % TL_PHYSICAL_COUNT)};
  if (field.physical == TL_PHYSICAL_FIXED) field.fixed_size = 1 + head[4] % 32;
  int definition = head[3] % 4, repetition = head[3] >> 4 & 3;
  field.nullable = definition > 0;
  *c =
      (chunk){.leaf = {.field = field, .max_definition = definition, .max_repetition = repetition < definition ? repetition : definition, .converted_type = -1},
              .encoding = encodings[head[1] % 10],
              .codec = codecs[head[2] % 7],
              .checked = head[5] & 1,
              .memory = {.env = env, .limit = LIMIT, .plain = {.env = env}},
              .column = {.env = env}};
}

/* The file's reader checks the body's size against the chunk, and the rows against the memory for them. */
static bool admitted(const tl_page *p, const tl_leaf *leaf, size_t left) {
  return (uint64_t)p->stored_size <= left && (p->type == 2 || p->values <= LIMIT * 8 / (tl_field_width(&leaf->field) + 9));
}

static tl_status open_page(chunk *c, tl_open_page *page, const tl_page *p, tl_bytes body, tl_column *out, int64_t rows, tl_error *err) {
  TL_TRY(tl_column_reset(out, &c->leaf.field, rows, err));
  return tl_page_open(page, p, body, c->codec, &c->leaf, &c->memory, err);
}

static tl_status read_in_pieces(chunk *c, const tl_page *p, tl_bytes body, tl_error *err) {
  tl_open_page page;
  TL_TRY(open_page(c, &page, p, body, &c->column, p->values, err));
  for (int64_t at = 0, n; at < p->values; at += n) {
    n = at % 3 == 0 && p->values - at > 1 ? (p->values - at) / 2 : p->values - at;
    TL_TRY(tl_page_read(&page, n, &c->column, at, err));
  }
  TL_TRY(tl_page_close(&page, err));
  tl__fuzz_walk(&c->column);
  return TL_OK;
}

static void expect_same(const chunk *c, const tl_column *part, int64_t from) {
  for (int64_t i = 0; i < part->count; i++)
    tl__fuzz_law(tl_column_hash(&c->column, from + i, 1) == tl_column_hash(part, i, 1), "a part has the rows of the whole");
}

static tl_status read_second_half(chunk *c, const tl_page *p, tl_bytes body, tl_column *part, tl_error *err) {
  tl_open_page page;
  int64_t half = p->values / 2, rest = p->values - half;
  TL_TRY(open_page(c, &page, p, body, part, rest, err));
  TL_TRY(tl_page_skip(&page, half, err));
  TL_TRY(tl_page_read(&page, rest, part, 0, err));
  expect_same(c, part, half);
  return tl_page_close(&page, err);
}

static tl_status read_codes(chunk *c, const tl_page *p, tl_bytes body, tl_column *part, tl_error *err) {
  tl_open_page page;
  TL_TRY(open_page(c, &page, p, body, part, p->values, err));
  if (!tl_values_are_codes(&page.values) || c->memory.dictionary.field.name == NULL) return TL_OK;
  TL_TRY(tl_renew(part->env, &part->codes, &part->code_capacity, (size_t)p->values + 1, sizeof *part->codes, err));
  part->dictionary = &c->memory.dictionary;
  TL_TRY(tl_page_read(&page, p->values, part, 0, err));
  expect_same(c, part, 0);
  return tl_page_close(&page, err);
}

static uint16_t rank_of(int64_t value, const tl_enough *enough) {
  uint16_t rank = 1;
  for (int b = 0; b < enough->bound_count; b++) rank += value >= enough->bounds[b];
  return rank;
}

static void expect_shorts(const chunk *c, const uint16_t *shorts, int64_t rows, const tl_enough *enough, const tl_column *dictionary) {
  for (int64_t i = 0; i < rows; i++) {
    tl__fuzz_law((shorts[i] > 0) == tl_column_is_valid(&c->column, i), "a short is 0 where the row is missing");
    if (shorts[i] == 0) continue;
    if (dictionary == NULL)
      tl__fuzz_law(shorts[i] == rank_of(tl_column_int(&c->column, i), enough), "a rank is that of the value");
    else
      tl__fuzz_law(tl_column_hash(dictionary, shorts[i] - 1, 1) == tl_column_hash(&c->column, i, 1), "a short code means the value");
  }
}

/* Into memory that has room for the rows and no more. */
static tl_status read_shorts(chunk *c, const tl_page *p, tl_bytes body, tl_column *part, tl_error *err) {
  static const int64_t bounds[] = {INT64_MIN + 1, -1, 0, 0, 1, 100, 1 << 20};
  tl_short_room room = {.at = malloc((size_t)p->values * sizeof(uint16_t) + 1), .rows = p->values};
  tl_enough enough = {.shorts = &room, .bounds = bounds, .bound_count = sizeof bounds / sizeof *bounds};
  tl_open_page page;
  int64_t half = p->values / 2;
  if (room.at == NULL) return TL_OK;
  tl_status status = open_page(c, &page, p, body, part, p->values, err);
  bool coded = status == TL_OK && tl_values_are_codes(&page.values) && c->memory.dictionary.field.name != NULL;
  if (coded) part->dictionary = &c->memory.dictionary;
  if (status == TL_OK && (coded ? part->dictionary->count < UINT16_MAX : c->leaf.field.physical == TL_PHYSICAL_INT64)) {
    status = tl_page_read_shorts(&page, half, &enough, part, 0, err);
    if (status == TL_OK) status = tl_page_read_shorts(&page, p->values - half, &enough, part, half, err);
    if (status == TL_OK) expect_shorts(c, room.at, p->values, &enough, part->dictionary);
    if (status == TL_OK) status = tl_page_close(&page, err);
  }
  free(room.at);
  return status;
}

/* As rows of a leaf that repeats are read: levels first, then the values that they say. */
static tl_status read_entries(chunk *c, const tl_page *p, tl_bytes body, tl_error *err) {
  enum { SOME = 100 };
  uint8_t repetition[SOME], definition[SOME];
  tl_open_page page;
  TL_TRY(open_page(c, &page, p, body, &c->column, p->values, err));
  for (int64_t left = p->values, n; left > 0; left -= n) {
    int64_t present = 0;
    n = left < SOME ? left : SOME;
    TL_TRY(tl_levels_read(&page.repetition, repetition, n, err));
    TL_TRY(tl_levels_read(&page.definition, definition, n, err));
    for (int64_t i = 0; i < n; i++) {
      tl__fuzz_law(repetition[i] <= c->leaf.max_repetition && definition[i] <= c->leaf.max_definition, "levels lie in their range");
      present += definition[i] == c->leaf.max_definition;
    }
    TL_TRY(tl_values_read(&page.values, present, &c->column, 0, err));
  }
  return TL_OK;
}

static tl_status decode(chunk *c, const tl_page *p, tl_bytes body, tl_error *err) {
  tl_column half = {.env = c->column.env, .bytes = {.env = c->column.env}}, codes = half, shorts = half;
  if (p->type == 2) return tl_page_dictionary(p, body, c->codec, &c->leaf, &c->memory, err);
  if (p->type != 0 && p->type != 3) return TL_OK;
  if (c->leaf.max_repetition > 0) return read_entries(c, p, body, err);
  TL_TRY(read_in_pieces(c, p, body, err));
  tl__fuzz_law(read_second_half(c, p, body, &half, err) == TL_OK, "a part of what was read can be read");
  tl__fuzz_law(read_codes(c, p, body, &codes, err) == TL_OK, "what was read as values can be read as codes");
  tl__fuzz_law(read_shorts(c, p, body, &shorts, err) == TL_OK, "what was read as values can be read as shorts");
  tl_column_free(&half);
  tl_column_free(&codes);
  tl_column_free(&shorts);
  return TL_OK;
}

/* A copy of its own, so that a sanitizer sees what reads behind it. */
static tl_status decode_copy(chunk *c, const tl_page *p, const uint8_t *body, tl_error *err) {
  size_t size = (size_t)p->stored_size;
  uint8_t *copy = malloc(size + (size == 0));
  if (copy == NULL) return TL_MEMORY;
  memcpy(copy, body, size);
  tl_status status = decode(c, p, (tl_bytes){copy, size}, err);
  free(copy);
  return status;
}

static void read_pages(chunk *c, tl_bytes rest) {
  tl_error err = {0};
  for (int i = 0; i < MOST_PAGES && rest.size > 0; i++) {
    tl_page page;
    if (tl_page_parse(&page, rest, &err) != TL_OK) return;
    tl__fuzz_law(page.header_size > 0 && page.header_size <= rest.size, "a header lies in its bytes");
    rest = (tl_bytes){rest.data + page.header_size, rest.size - page.header_size};
    if (!admitted(&page, &c->leaf, rest.size)) return;
    if (c->encoding >= 0 && page.type != 2) page.encoding = c->encoding;
    page.has_crc &= c->checked;
    if (decode_copy(c, &page, rest.data, &err) != TL_OK) return;
    rest = (tl_bytes){rest.data + page.stored_size, rest.size - (size_t)page.stored_size};
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < HEAD) return 0;
  chunk c;
  tl_env *env = tl__fuzz_env(data, size, MOST_MEMORY);
  open_chunk(&c, data, env);
  read_pages(&c, (tl_bytes){data + HEAD, size - HEAD});
  tl_column_free(&c.column);
  tl_page_memory_free(&c.memory);
  tl__fuzz_env_close(env);
  return 0;
}
