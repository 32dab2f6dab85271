/* The pages of one column chunk. The first bytes say what a footer would: physical type, encoding (0: as the page's header says),
   codec, greatest definition level, width of fixed values, and whether checksums count, which a mutation rarely meets. The rest is
   page after page, header and body. */
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
  static const int codecs[] = {0, 1, 6, 7, 2};
  static const int encodings[] = {-1, 0, 2, 3, 5, 8, 9, 6, 7, 4};
  tl_field field = {.name = "x", .physical = (tl_physical)(head[0] % TL_PHYSICAL_COUNT)};
  if (field.physical == TL_PHYSICAL_FIXED) field.fixed_size = 1 + head[4] % 32;
  int definition = head[3] % 4;
  field.nullable = definition > 0;
  *c = (chunk){.leaf = {.field = field, .max_definition = definition, .converted_type = -1},
               .encoding = encodings[head[1] % 10],
               .codec = codecs[head[2] % 5],
               .checked = head[5] & 1,
               .memory = {.env = env, .limit = LIMIT, .plain = {.env = env}},
               .column = {.env = env}};
}

/* The file's reader checks the body's size against the chunk, and the rows against the memory for them. */
static bool admitted(const tl_page *p, const tl_leaf *leaf, size_t left) {
  return (uint64_t)p->stored_size <= left && (p->type == 2 || p->values <= LIMIT * 8 / (tl_field_width(&leaf->field) + 9));
}

static tl_status decode(chunk *c, const tl_page *p, tl_bytes body, tl_error *err) {
  tl_open_page page;
  if (p->type == 2) return tl_page_dictionary(p, body, c->codec, &c->leaf, &c->memory, err);
  if (p->type != 0 && p->type != 3) return TL_OK;
  TL_TRY(tl_column_reset(&c->column, &c->leaf.field, p->values, err));
  TL_TRY(tl_page_open(&page, p, body, c->codec, &c->leaf, &c->memory, err));
  for (int64_t at = 0, n; at < p->values; at += n) {
    n = at % 3 == 0 && p->values - at > 1 ? (p->values - at) / 2 : p->values - at;
    TL_TRY(tl_page_read(&page, n, &c->column, at, err));
  }
  TL_TRY(tl_page_close(&page, err));
  tl__fuzz_walk(&c->column);
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
