#include "parquet/bloom.h"
#include <string.h>
#include "parquet/thrift.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BLOCK = 32, WORDS = 8, HEADER = 64, MOST_BYTES = 16 << 20 };

void tl_bloom_free(tl_bloom *b) {
  tl_buffer_free(&b->bytes);
  *b = (tl_bloom){0};
}

uint64_t tl_bloom_hash(tl_bytes plain) { return XXH64(plain.data, plain.size, 0); }

/* One bit in each of the eight words of a block. */
static uint32_t bit_of(uint32_t key, int word) {
  static const uint32_t salts[WORDS] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du, 0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};
  return 1u << (key * salts[word] >> 27);
}
static uint8_t *block_of(const tl_bloom *b, uint64_t hash) { return b->bytes.data + b->bits_at + ((hash >> 32) * b->block_count >> 32) * BLOCK; }

bool tl_bloom_may_hold(const tl_bloom *b, uint64_t hash) {
  const uint8_t *block = block_of(b, hash);
  for (int i = 0; i < WORDS; i++)
    if ((tl_load32(block + 4 * i) & bit_of((uint32_t)hash, i)) == 0) return false;
  return true;
}

void tl_bloom_add(tl_bloom *b, uint64_t hash) {
  uint8_t *block = block_of(b, hash);
  for (int i = 0; i < WORDS; i++) {
    uint32_t word = tl_load32(block + 4 * i) | bit_of((uint32_t)hash, i);
    memcpy(block + 4 * i, &word, sizeof word);
  }
}

/* The member of a union that is set, 0 when none. */
static int member(tl_thrift *t, tl_thrift_field field) {
  int id = 0;
  if (field.type != TL_THRIFT_STRUCT) {
    tl_thrift_skip(t, field.type);
    return 0;
  }
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f); tl_thrift_skip(t, f.type)) id = f.id;
  return id;
}

/* Filters of another algorithm, hash or compression than the one that there is are left alone. */
static size_t read_header(tl_bytes bytes, size_t *size) {
  tl_thrift reader = tl_thrift_open(bytes.data, bytes.size), *t = &reader;
  bool known = true;
  *size = 0;
  for (tl_thrift_field f = {0}; tl_thrift_next(t, &f);) {
    if (f.id == 1)
      *size = (size_t)tl_thrift_int(t, f);
    else if (f.id >= 2 && f.id <= 4)
      known &= member(t, f) == 1;
    else
      tl_thrift_skip(t, f.type);
  }
  if (t->failed || !known || *size < BLOCK || *size % BLOCK != 0 || *size > MOST_BYTES) *size = 0;
  return (size_t)(t->at - t->start);
}

/* Reads the header; *size becomes 0 where there is none that we understand. */
static tl_status load_header(tl_bloom *b, tl_parquet *file, tl_extent where, size_t *size, tl_error *err) {
  *size = 0;
  *b = (tl_bloom){.bytes = {.env = file->env}};
  if (where.offset < 4 || where.offset >= file->size - 8) return TL_OK;
  int64_t behind = file->size - 8 - where.offset;
  TL_TRY(tl_parquet_bytes(file, (tl_extent){where.offset, behind < HEADER ? behind : HEADER}, "bloom filter", &b->bytes, err));
  b->bits_at = read_header(tl_buffer_view(&b->bytes), size);
  if ((int64_t)(b->bits_at + *size) > behind) *size = 0;
  return TL_OK;
}

tl_status tl_bloom_load(tl_bloom *b, tl_parquet *file, int group, int leaf, tl_error *err) {
  tl_extent where = tl_meta_chunk(&file->meta, group, leaf).bloom;
  size_t size;
  tl_status status = load_header(b, file, where, &size, err);
  if (status == TL_OK && size > 0) {
    status = tl_parquet_bytes(file, (tl_extent){where.offset, (int64_t)(b->bits_at + size)}, "bloom filter", &b->bytes, err);
    b->block_count = size / BLOCK;
  }
  if (status != TL_OK) tl_bloom_free(b);
  return status;
}

tl_status tl_bloom_measure(int64_t *out, tl_parquet *file, int group, int leaf, tl_error *err) {
  TL_OWNED(tl_bloom) b = {0};
  size_t size;
  TL_TRY(load_header(&b, file, tl_meta_chunk(&file->meta, group, leaf).bloom, &size, err));
  *out = size > 0 ? (int64_t)(b.bits_at + size) : 0;
  return TL_OK;
}

tl_status tl_bloom_make(tl_bloom *b, tl_env *env, int64_t distinct, tl_error *err) {
  size_t size = BLOCK; /* ten bits a value: about one in a hundred */
  while (size < (size_t)distinct * 10 / 8 && size < MOST_BYTES) size *= 2;
  *b = (tl_bloom){.bytes = {.env = env}};
  tl_thrift_out writer = {.out = &b->bytes, .err = err, .depth = -1}, *t = &writer;
  tl_thrift_open_struct(t, 0);
  tl_thrift_put_int(t, 1, TL_THRIFT_I32, (int64_t)size);
  for (int id = 2; id <= 4; id++) {
    tl_thrift_open_struct(t, id);
    tl_thrift_open_struct(t, 1);
    tl_thrift_close_struct(t);
    tl_thrift_close_struct(t);
  }
  tl_thrift_close_struct(t);
  TL_TRY(t->status);
  b->bits_at = b->bytes.size;
  b->block_count = size / BLOCK;
  TL_TRY(tl_buffer_reserve(&b->bytes, size, err));
  memset(b->bytes.data + b->bytes.size, 0, size);
  b->bytes.size += size;
  return TL_OK;
}
