/* The manifest of a dataset that a run wrote: ROOT/_tickloom/manifest.json. It decides what the dataset consists of. */
#ifndef TL_LAKE_MANIFEST_H
#define TL_LAKE_MANIFEST_H

#include "base/arena.h"
#include "base/json.h"

typedef struct tl_manifest_file {
  const char *name;   /* below the root */
  int64_t rows, size; /* -1: not said */
} tl_manifest_file;

typedef struct tl_manifest {
  tl_arena arena;
  const char *by; /* "ticker,date": what identifies a row; NULL: not said */
  tl_manifest_file *files;
  size_t count;
} tl_manifest;

/* TL_NOT_FOUND when there is none; TL_CORRUPT when it cannot be read. Names that lead out of the folder are left out. */
tl_status tl_manifest_read(tl_manifest *out, tl_env *env, const char *root, tl_error *err) TL_MUST_CHECK;
void tl_manifest_free(tl_manifest *manifest);
/* The member "files" of the open object. */
void tl_manifest_write_files(tl_json *json, const tl_manifest_file *files, size_t count);

#endif
