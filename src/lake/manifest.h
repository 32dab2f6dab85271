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
  const char *by;      /* "ticker,date": what identifies a row; NULL: not said */
  uint64_t generation; /* of the run that wrote it; 0: not said */
  tl_manifest_file *files;
  size_t count;
} tl_manifest;

/* TL_NOT_FOUND when there is none; TL_CORRUPT when it cannot be read. Names that lead out of the folder are left out. */
tl_status tl_manifest_read(tl_manifest *out, tl_env *env, const char *root, tl_error *err) TL_MUST_CHECK;
void tl_manifest_free(tl_manifest *manifest);
/* Where a file of a generation lies ready until it is in its place. The manifest is the moment at which a dataset is replaced: from then on
   its readers take a file from here as long as it is there. */
tl_status tl_manifest_ready_path(tl_arena *arena, const char *root, uint64_t generation, const char *name, const char **out, tl_error *err) TL_MUST_CHECK;
/* Bytes of a name's folders, with the last '/'. */
size_t tl_manifest_folder(const char *name);
/* Whether a name is one that a dataset's file may have: below the folder, and a .parquet. */
bool tl_manifest_is_inside(const char *name);
/* The same from another file of that form. */
tl_status tl_manifest_read_file(tl_manifest *out, tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;
/* The member "files" of the open object. */
void tl_manifest_write_files(tl_json *json, const tl_manifest_file *files, size_t count);

#endif
