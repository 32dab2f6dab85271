/* The footer of a Parquet file: every leaf, chunk and text of what was parsed is touched. */
#include <string.h>
#include "fuzz.h"
#include "parquet/reader.h"

static void touch_text(const char *text) { tl__fuzz_touch(text, strlen(text)); }

static void walk_leaf(const tl_meta *m, int index) {
  char type[TL_TYPE_TEXT];
  const tl_leaf *leaf = &m->leaves[index];
  touch_text(leaf->field.name);
  tl_field_type_text(type, &leaf->field);
  tl__fuzz_law(tl_field_width(&leaf->field) >= 0, "a width is not negative");
  tl__fuzz_law(leaf->max_repetition <= leaf->max_definition, "what repeats is optional");
  if (index < 16) tl__fuzz_law(tl_meta_leaf(m, leaf->field.name) <= index, "a leaf is found by its name");
}

static void walk_chunk(const tl_chunk *chunk, const tl_leaf *leaf) {
  double low, high;
  int64_t least, most;
  tl__fuzz_touch(chunk, sizeof *chunk);
  tl__fuzz_touch(chunk->statistics.min.data, chunk->statistics.min.size);
  tl__fuzz_touch(chunk->statistics.max.data, chunk->statistics.max.size);
  if (tl_statistics_range(chunk, leaf, &low, &high)) tl__fuzz_law(low <= high, "a range is in order");
  if (tl_statistics_int_range(chunk, leaf, &least, &most)) tl__fuzz_law(least <= most, "a range is in order");
}

static void walk(const tl_meta *m) {
  int64_t rows = 0;
  for (int i = 0; i < m->leaf_count; i++) walk_leaf(m, i);
  for (int g = 0; g < m->group_count; g++) {
    const tl_row_group *group = &m->groups[g];
    for (int i = 0; i < m->leaf_count; i++) {
      tl_chunk chunk = tl_meta_chunk(m, g, i);
      walk_chunk(&chunk, &m->leaves[i]);
    }
    tl__fuzz_touch(group->sorting, (size_t)group->sorting_count * sizeof *group->sorting);
    tl__fuzz_law(group->first_row == rows, "groups follow each other");
    rows += group->row_count;
  }
  tl__fuzz_law(rows == m->row_count, "the groups hold the rows");
  for (int i = 0; i < m->key_value_count; i++) {
    touch_text(m->key_values[i].key);
    touch_text(m->key_values[i].value);
  }
  touch_text(m->created_by);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tl_error err = {0};
  tl_meta meta;
  tl_env *env = tl__fuzz_env(data, size, (4u << 20) + 512 * size);
  tl_arena arena = {.env = env};
  tl_status status = tl_meta_parse(&meta, &arena, (tl_bytes){data, size}, &err);
  if (status == TL_OK)
    walk(&meta);
  else
    tl__fuzz_law(err.status == status && err.text[0] != 0, "a failure says why");
  tl_arena_free(&arena);
  tl__fuzz_env_close(env);
  return 0;
}
