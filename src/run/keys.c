#include "run/keys.h"
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

void tl_key_reader_open(tl_key_reader *out, tl_input_set *set) {
  *out = (tl_key_reader){.set = set, .before = -1};
  for (int k = 0; k < TL_MOST_KEYS; k++) out->columns[k].env = out->columns[k].bytes.env = set->env;
}

void tl_key_reader_free(tl_key_reader *r) {
  if (r->set == NULL) return;
  for (int k = 0; k < TL_MOST_KEYS; k++) tl_column_free(&r->columns[k]);
  tl_release(r->set->env, r->follower);
  *r = (tl_key_reader){0};
}

bool tl_keys_by_row(const tl_input_set *s, const tl_input_file *f) {
  for (int k = 0; k < s->definition->key_count; k++)
    if (f->keys[k] >= 0) return true;
  return false;
}

tl_status tl_keys_read(tl_key_reader *r, tl_parquet *file, const tl_input_file *f, int group, int64_t first, int64_t count, tl_page_scratch *scratch,
                       tl_error *err) {
  r->before = -1;
  if (r->file != f) memset(r->cursors, 0, sizeof r->cursors);
  r->file = f;
  for (int k = 0; k < r->set->definition->key_count; k++)
    if (f->keys[k] >= 0) TL_TRY(tl_parquet_read_on(file, group, f->keys[k], first, count, &r->columns[k], scratch, &r->cursors[k], err));
  return TL_OK;
}

/* ---- the table ---- */

static uint64_t hash_of(const tl_key_value_data *keys, int count) {
  uint64_t hash = 0;
  for (int k = 0; k < count; k++) {
    if (keys[k].text != NULL)
      hash = XXH3_64bits_withSeed(keys[k].text, keys[k].size, hash);
    else
      hash = XXH3_64bits_withSeed(&keys[k].number, sizeof keys[k].number, hash + keys[k].missing);
  }
  return hash;
}

tl_status tl_keys_rebuild(tl_input_set *s, tl_error *err) {
  size_t size = 256;
  while (size < 2 * (s->stream_count + 1)) size *= 2;
  int32_t *table;
  TL_TRY(tl_allocate(s->env, &table, size, sizeof *table, err));
  tl_release(s->env, s->table);
  s->table = table;
  s->table_size = size;
  for (size_t i = 0; i < size; i++) table[i] = -1;
  for (size_t i = 0; i < s->stream_count; i++) {
    size_t at = hash_of(s->streams[i].keys, s->definition->key_count) & (size - 1);
    while (table[at] >= 0) at = (at + 1) & (size - 1);
    table[at] = (int32_t)i;
  }
  return TL_OK;
}

static bool same(const tl_key_value_data *a, const tl_key_value_data *b, int count) {
  for (int k = 0; k < count; k++) {
    if (a[k].missing != b[k].missing || (a[k].text == NULL) != (b[k].text == NULL)) return false;
    if (a[k].text != NULL ? a[k].size != b[k].size || memcmp(a[k].text, b[k].text, a[k].size) != 0 : a[k].number != b[k].number) return false;
  }
  return true;
}

static tl_status add_stream(tl_input_set *s, const tl_key_value_data *keys, tl_error *err) {
  int count = s->definition->key_count;
  tl_key_value_data *copy;
  if (s->stream_count >= INT32_MAX - 1) return tl_fail(err, TL_MEMORY, "more than %d streams", INT32_MAX - 1);
  TL_TRY(tl_reserve(s->env, &s->streams, &s->stream_capacity, s->stream_count + 1, sizeof *s->streams, err));
  TL_TRY(tl_arena_take(&s->arena, &copy, (size_t)count, sizeof *copy, err));
  memcpy(copy, keys, (size_t)count * sizeof *copy);
  for (int k = 0; k < count; k++)
    if (copy[k].text != NULL) TL_TRY(tl_arena_text(&s->arena, &copy[k].text, copy[k].text, copy[k].size, err));
  s->streams[s->stream_count++] = (tl_stream){.keys = copy, .first_file = -1, .last_file = -1};
  return TL_OK;
}

static tl_status find(tl_input_set *s, const tl_key_value_data *keys, bool add, int32_t *out, tl_error *err) {
  int count = s->definition->key_count;
  *out = -1;
  if (add && s->table_size < 2 * (s->stream_count + 1)) TL_TRY(tl_keys_rebuild(s, err));
  if (s->table_size == 0) return TL_OK;
  size_t at = hash_of(keys, count) & (s->table_size - 1);
  for (; s->table[at] >= 0; at = (at + 1) & (s->table_size - 1)) {
    *out = s->table[at];
    if (same(s->streams[*out].keys, keys, count)) return TL_OK;
  }
  *out = -1;
  if (!add) return TL_OK;
  TL_TRY(add_stream(s, keys, err));
  *out = s->table[at] = (int32_t)s->stream_count - 1;
  return TL_OK;
}

/* ---- rows ---- */

tl_key_value_data tl_key_of_row(const tl_column *c, int64_t row) {
  if (!tl_column_is_valid(c, row)) return (tl_key_value_data){.missing = true};
  if (c->field.physical != TL_PHYSICAL_BYTE_ARRAY) return (tl_key_value_data){.number = tl_column_int(c, row)};
  tl_bytes b = tl_column_bytes(c, row);
  return (tl_key_value_data){.text = b.size > 0 ? (const char *)b.data : "", .size = b.size};
}

/* The keys of one row; text points into the column or the path. */
static tl_status row_keys(const tl_key_reader *r, const tl_input_file *f, int64_t row, tl_key_value_data *keys, tl_error *err) {
  for (int k = 0; k < r->set->definition->key_count; k++) {
    tl_key_value_data *key = &keys[k];
    *key = (tl_key_value_data){0};
    if (f->keys[k] == TL_KEY_STEM)
      key->text = f->file->stem, key->size = strlen(key->text);
    else if (f->keys[k] <= TL_KEY_HIVE) {
      key->text = f->file->keys[TL_KEY_HIVE - f->keys[k]].value;
      key->missing = key->text == NULL;
      if (!key->missing) key->size = strlen(key->text);
    } else {
      *key = tl_key_of_row(&r->columns[k], row);
      if (key->size > 0 && memchr(key->text, 0, key->size))
        return tl_fail(err, TL_CORRUPT, "the key %s has a zero byte in row %lld", r->columns[k].field.name, (long long)row);
    }
  }
  return TL_OK;
}

/* Whether row `row` has the keys of the row that was asked for before it. */
static bool repeats(const tl_key_reader *r, const tl_input_file *f, int64_t row) {
  for (int k = 0; k < r->set->definition->key_count; k++) {
    const tl_column *c = &r->columns[k];
    if (f->keys[k] >= 0 && !tl_column_repeats(c, row, r->before_row)) return false;
  }
  return true;
}

tl_status tl_keys_stream(tl_key_reader *r, const tl_input_file *f, int64_t row, bool add, int32_t *stream, tl_error *err) {
  tl_input_set *s = r->set;
  tl_key_value_data keys[TL_MOST_KEYS];
  int32_t before = r->before;
  if (before >= 0 && row > 0 && repeats(r, f, row)) {
    *stream = before;
    r->before_row = row;
    return TL_OK;
  }
  TL_TRY(row_keys(r, f, row, keys, err));
  int32_t guess = before >= 0 && (size_t)before < r->follower_capacity ? r->follower[before] - 1 : -1; /* 0: no guess yet */
  if (guess >= 0 && same(s->streams[guess].keys, keys, s->definition->key_count))
    *stream = guess;
  else
    TL_TRY(find(s, keys, add, stream, err));
  if (before >= 0 && *stream >= 0) {
    size_t had = r->follower_capacity;
    TL_TRY(tl_reserve(s->env, &r->follower, &r->follower_capacity, s->stream_count, sizeof *r->follower, err));
    if (r->follower_capacity > had) memset(r->follower + had, 0, (r->follower_capacity - had) * sizeof *r->follower);
    r->follower[before] = *stream + 1;
  }
  r->before = *stream;
  r->before_row = row;
  return TL_OK;
}
