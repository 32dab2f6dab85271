/* Split-block bloom filters: a set of hashes that answers "certainly not" or "perhaps".
   Source: Parquet format, BloomFilter; Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters (2007). */
#ifndef TL_PARQUET_BLOOM_H
#define TL_PARQUET_BLOOM_H

#include "parquet/reader.h"

typedef struct tl_bloom {
  tl_buffer bytes; /* header and bits, as the file has them */
  size_t bits_at, block_count;
} tl_bloom;

/* Hash of a value in PLAIN form, a byte array without its length. */
uint64_t tl_bloom_hash(tl_bytes plain);
bool tl_bloom_may_hold(const tl_bloom *bloom, uint64_t hash);
/* Loads a chunk's filter; block_count stays 0 where there is none that we understand. */
tl_status tl_bloom_load(tl_bloom *out, tl_parquet *file, int group, int leaf, tl_error *err) TL_MUST_CHECK;
void tl_bloom_free(tl_bloom *bloom);
/* Its bytes in the file, header included, from the header alone; 0 where there is none that we understand. */
tl_status tl_bloom_measure(int64_t *size, tl_parquet *file, int group, int leaf, tl_error *err) TL_MUST_CHECK;

/* A new filter for so many distinct values: about one in a hundred that are not there passes. Its bytes are what belongs into a file. */
tl_status tl_bloom_make(tl_bloom *out, tl_env *env, int64_t distinct, tl_error *err) TL_MUST_CHECK;
void tl_bloom_add(tl_bloom *bloom, uint64_t hash);

#endif
