/* Which files make up a dataset: one file, a folder of Parquet files, a Hive tree; of a dataset of ours those of its manifest. Listed
   once. */
#ifndef TL_LAKE_DATASET_H
#define TL_LAKE_DATASET_H

#include "base/arena.h"

typedef struct tl_hive_key {
  const char *name, *value; /* value NULL: __HIVE_DEFAULT_PARTITION__ */
} tl_hive_key;

typedef struct tl_dataset_file {
  const char *path;  /* to open it */
  const char *name;  /* below the dataset's root, with '/' between folders */
  const char *stem;  /* the last part of the name, without .parquet */
  tl_hive_key *keys; /* of the folders, outermost first */
  int key_count;
} tl_dataset_file;

typedef struct tl_dataset {
  tl_env *env;
  tl_arena arena;
  const char *root;
  bool is_file;
  tl_dataset_file *files; /* in byte order of name */
  size_t count, capacity;
} tl_dataset;

/* Names that begin with '_' or '.', and files that are not *.parquet, are skipped; a path that is a file is taken whatever its
   name. TL_NOT_FOUND when there is no such path, or no Parquet file below it. */
tl_status tl_dataset_list(tl_dataset *out, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
/* The same, whatever a manifest says. */
tl_status tl_dataset_walk(tl_dataset *out, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
/* These files of a folder, in this order; names are taken for what they say, not looked for. */
tl_status tl_dataset_of(tl_dataset *out, tl_env *env, const char *folder, const char *const *names, size_t count, tl_error *err) TL_MUST_CHECK;
void tl_dataset_free(tl_dataset *dataset);

#endif
