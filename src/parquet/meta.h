/* What a Parquet file says of itself: its footer. Source: parquet.thrift of the format, version 2.11. */
#ifndef TL_PARQUET_META_H
#define TL_PARQUET_META_H

#include "base/arena.h"
#include "base/buffer.h"
#include "column/schema.h"

enum {
  TL_ENCODING_PLAIN = 0,
  TL_ENCODING_PLAIN_DICTIONARY = 2,
  TL_ENCODING_RLE = 3,
  TL_ENCODING_BIT_PACKED = 4,
  TL_ENCODING_DELTA = 5,
  TL_ENCODING_DELTA_LENGTH = 6,
  TL_ENCODING_DELTA_BYTES = 7,
  TL_ENCODING_RLE_DICTIONARY = 8,
  TL_ENCODING_SPLIT = 9,
  TL_ENCODING_COUNT
};
const char *tl_encoding_name(int encoding);

typedef struct tl_leaf {
  tl_field field; /* name is the dotted path */
  int max_definition, max_repetition;
  bool nested;             /* lies in a group, repeated or not */
  int converted_type;      /* as written, -1 when absent */
  bool unordered;          /* the file names an order that we do not know: its bounds say nothing */
  const char *const *path; /* of a file that is written: the names from the top to it */
  int path_count;
  bool total_order; /* IEEE 754's total order: -0.0 before 0.0, and bounds may be NaN */
} tl_leaf;

typedef struct tl_statistics {
  tl_bytes min, max;             /* PLAIN without length; data NULL when absent */
  bool min_inexact, max_inexact; /* a bound that need not occur */
  int64_t null_count, nan_count; /* -1 when absent */
} tl_statistics;

/* A piece of the file; offset -1 when absent. */
typedef struct tl_extent {
  int64_t offset, size;
} tl_extent;

typedef struct tl_chunk {
  int codec;
  int64_t value_count;
  int64_t compressed_size, uncompressed_size;
  int64_t data_offset, dictionary_offset; /* -1 when absent */
  uint32_t encodings;                     /* bit e: encoding e occurs */
  uint32_t page_encodings;                /* of data pages, where the file says so for each page; 0: it does not */
  tl_statistics statistics;
  int64_t page_count; /* data pages, of a chunk that is written */
  tl_extent column_index, offset_index, bloom;
  int64_t byte_array_bytes; /* unencoded bytes of byte arrays, from size statistics; -1 when absent */
  bool damaged;             /* its words in the footer do not parse */
  bool elsewhere;           /* in another file */
  bool encrypted;
} tl_chunk;

typedef struct tl_sorting {
  int column;
  bool descending, nulls_first;
} tl_sorting;

typedef struct tl_row_group {
  int64_t row_count, byte_size;
  int64_t offset, compressed_size; /* of one that is written */
  int64_t first_row;               /* of the file */
  const uint8_t *raw;              /* its column chunks as the footer has them: parsed when they are asked for, since mostly few are */
  const uint32_t *starts;          /* of each leaf's, in raw; leaf_count + 1 */
  tl_chunk *chunks;                /* of a file that is written, or made up: one a leaf; else NULL */
  tl_sorting *sorting;
  int sorting_count;
} tl_row_group;

typedef struct tl_key_value {
  const char *key, *value;
} tl_key_value;

typedef struct tl_meta {
  int version;
  int64_t row_count;
  tl_schema *schema; /* the same columns as a tree; a leaf of it is leaves[first_leaf] */
  tl_leaf *leaves;
  int leaf_count;
  tl_row_group *groups;
  int group_count;
  tl_key_value *key_values;
  int key_value_count;
  const char *created_by;
} tl_meta;

/* Parses a footer; everything lives in the arena or in the bytes. */
tl_status tl_meta_parse(tl_meta *out, tl_arena *arena, tl_bytes footer, tl_error *err) TL_MUST_CHECK;
/* The leaves of a schema as a file that we write has them: lists in three levels, maps as key_value. */
tl_status tl_schema_leaves(const tl_schema *root, tl_arena *arena, tl_leaf *leaves, tl_error *err) TL_MUST_CHECK;
/* The footer's bytes but for those of its row groups, which belong at `groups_at`. */
tl_status tl_meta_write(tl_buffer *out, const tl_meta *meta, size_t *groups_at, tl_error *err) TL_MUST_CHECK;
/* A row group as the footer has it, behind what the buffer holds. */
tl_status tl_meta_write_group(tl_buffer *out, const tl_meta *meta, const tl_row_group *group, tl_error *err) TL_MUST_CHECK;
/* The schema's elements, depth first as the footer has them, to a tree of shapes: the old forms of lists and maps too.
   Source: Parquet format, LogicalTypes, "Nested Types" with its backward compatibility rules. */
typedef struct tl_element {
  const char *name;
  int type, fixed_length, repetition, children, converted, scale, precision;
  bool is_list, is_map;
  tl_field logical; /* from the logical type, when there is one */
  bool has_logical;
} tl_element;
tl_status tl_schema_build(tl_meta *meta, tl_arena *arena, const tl_element *elements, size_t count, tl_error *err) TL_MUST_CHECK;
/* A column chunk of a file that was read. One whose words are damaged is marked so, and has nothing else. */
tl_chunk tl_meta_chunk(const tl_meta *meta, int group, int leaf);
/* -1 when there is none. */
int tl_meta_leaf(const tl_meta *meta, const char *name);
const char *tl_meta_value(const tl_meta *meta, const char *key);

#endif
