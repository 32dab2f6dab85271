/* What a pack's two files share: pack_plan.c finds out what is to be done, pack.c does it. */
#ifndef TL_PACK_PACK_INSIDE_H
#define TL_PACK_PACK_INSIDE_H

#include "pack/merge.h"
#include "pack/old.h"
#include "pack/pack.h"
#include "pack/state.h"

enum { TL__PACK_ENCODING = 4 << 20 }; /* bytes beside the rows that a thread encodes: encoding a column takes tables of its own */

/* A part that is to be written. */
typedef struct tl_pack_part {
  tl_tape_part part;
  tl_old_file *old; /* what is there, in order of name */
  size_t old_count, old_capacity;
  size_t *next_run; /* of each */
  tl_pack_source *old_sources;
  int64_t rows; /* at most: raw and old ones */
  bool committed;
} tl_pack_part;

typedef struct tl_packer {
  tl_env *env;
  const tl_pack_options *options;
  tl_pack_outcome *out;
  tl_arena arena;
  const tl_definition *definition;
  const tl_naming *naming;
  int key_fact; /* what partitions besides the day; -1: nothing */
  tl_symbols symbols;
  tl_expiries calendar;
  tl_target target;
  bool locked;
  tl_pack_state state;
  tl_shape_of_tape shape;
  tl_subject *subjects; /* in the order of the tape */
  size_t subject_count;
  tl_pack_part *parts; /* by day, then key */
  size_t part_count;
  int64_t *days_done; /* one a raw file */
  size_t *by_subject; /* raw files by subject, then in order; those that are to be packed */
  size_t by_subject_count;
  int threads;
  int64_t group_bytes, row_bytes, page_limit;
  int64_t rows_wanted, rows_seen; /* rows_seen: by all threads */
  json_t *committed;              /* names of parts that this run has put in place */
} tl_packer;

static inline bool tl__pack_takes(const tl_raw_file *f) { return !f->failed && !f->unchanged; }
/* What partitions a subject besides its day, as text. */
const char *tl__pack_key(const tl_packer *p, const tl_subject *subject);
/* The name of a part's file. */
tl_status tl__pack_part_name(void *packer, int64_t day, const char *key, tl_arena *arena, const char **out, tl_error *err) TL_MUST_CHECK;
/* Reads calendar, names and files, and what the tape has of the parts that they touch. Nothing is written but scratch copies of CSV files. */
tl_status tl__pack_plan(tl_packer *packer, tl_error *err) TL_MUST_CHECK;
/* Anew, after a file failed: parts, subjects, shape. */
tl_status tl__pack_settle(tl_packer *packer, tl_error *err) TL_MUST_CHECK;
void tl__pack_forget_parts(tl_packer *packer);

#endif
