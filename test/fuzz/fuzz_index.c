/* What a file says about its pages: offset index, column index, bloom filter. The first bytes say what a footer would: how many rows, where
   the chunk lies, and how many bytes of the input each of the three is; what they hold is all of the rest. */
#include <string.h>
#include "fuzz.h"
#include "parquet/bloom.h"
#include "parquet/index.h"

enum { HEAD = 6, MOST_MEMORY = 4 << 20 };

static void check_places(const tl_offset_index *x, int64_t rows, int64_t size) {
  int64_t row = -1, at = 0;
  for (int64_t i = 0; i < x->count; i++) {
    const tl_page_place *p = &x->pages[i];
    tl__fuzz_law(p->first_row > row && p->first_row < rows, "pages follow each other in rows");
    tl__fuzz_law(p->offset >= at && p->size > 0 && p->offset <= size && p->size <= size - p->offset, "pages follow each other in the file");
    row = p->first_row, at = p->offset + p->size;
  }
}

static void check_bounds(const tl_column_index *x) {
  for (int64_t i = 0; i < x->count; i++) {
    tl__fuzz_touch(x->pages[i].min.data, x->pages[i].min.size);
    tl__fuzz_touch(x->pages[i].max.data, x->pages[i].max.size);
  }
}

static void law_of_status(tl_status status, const tl_error *err) {
  tl__fuzz_law(status == TL_OK || (err->status == status && err->text[0] != 0), "a failure says why");
}

static void load(tl_parquet *file, int64_t rows) {
  tl_error err = {0};
  tl_offset_index places = {0};
  tl_column_index bounds = {0};
  tl_bloom bloom = {0};
  law_of_status(tl_offset_index_load(&places, file, 0, 0, &err), &err);
  law_of_status(tl_column_index_load(&bounds, file, 0, 0, &err), &err);
  law_of_status(tl_bloom_load(&bloom, file, 0, 0, &err), &err);
  check_places(&places, rows, file->size);
  check_bounds(&bounds);
  for (uint64_t hash = 1; bloom.block_count > 0 && hash != 0; hash <<= 1) (void)tl_bloom_may_hold(&bloom, hash | hash << 32);
  tl_offset_index_free(&places);
  tl_column_index_free(&bounds);
  tl_bloom_free(&bloom);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < HEAD + 20) return 0;
  tl_env *env = tl__fuzz_env(data + HEAD, size - HEAD, MOST_MEMORY);
  int64_t rest = (int64_t)(size - HEAD), part = rest / 4, rows = 1 + (data[0] << (data[1] & 31) % 24);
  tl_leaf leaf = {.field = {.name = "x", .physical = TL_PHYSICAL_INT64}, .converted_type = -1};
  tl_chunk chunk = {.value_count = rows,
                    .data_offset = data[2] == 255 ? INT64_MAX : data[2],
                    .dictionary_offset = -1,
                    .compressed_size = data[3] == 255 ? INT64_MAX - 3 : data[3],
                    .offset_index = {4, part},
                    .column_index = {4 + part, part},
                    .bloom = {data[4] & 1 ? 4 + 2 * part : 4, 0}};
  tl_row_group group = {.row_count = rows, .chunks = &chunk};
  tl_parquet file = {
      .env = env, .path = "input", .size = rest, .meta = {.row_count = rows, .leaves = &leaf, .leaf_count = 1, .groups = &group, .group_count = 1}};
  load(&file, rows);
  tl__fuzz_env_close(env);
  return 0;
}
