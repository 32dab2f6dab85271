#include "lake/csv_files.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { MOST_DEPTH = 32 };

static tl_status add_file(tl_csv *csv, const char *path, const tl_file_info *info, tl_error *err) {
  if (!info->is_regular) return tl_fail(err, TL_UNSUPPORTED, "%s: a pipe or device, not a file", path);
  TL_TRY(tl_reserve(csv->env, &csv->files, &csv->file_capacity, csv->file_count + 1, sizeof *csv->files, err));
  TL_TRY(tl_arena_text(&csv->arena, &csv->files[csv->file_count], path, strlen(path), err));
  csv->file_count++;
  csv->size += info->size;
  return TL_OK;
}

typedef struct listing {
  tl_csv *csv;
  const char *path; /* of the folder */
  int depth;
} listing;

static tl_status list_folder(tl_csv *csv, const char *path, int depth, tl_error *err);

static tl_status visit(void *context, const char *entry, tl_error *err) {
  listing *l = context;
  tl_env *env = l->csv->env;
  tl_file_info info;
  const char *path;
  if (entry[0] == '_' || entry[0] == '.') return TL_OK;
  TL_TRY(tl_arena_format(&l->csv->arena, &path, err, "%s/%s", l->path, entry));
  tl_status status = env->info(env, path, &info, err);
  if (status == TL_NOT_FOUND) return TL_OK; /* a dangling link, or gone since */
  TL_TRY(status);
  if (info.is_folder && strchr(entry, '=') != NULL)
    return tl_fail(err, TL_UNSUPPORTED, "%s: keys in the names of folders are not read; import this folder alone", path);
  if (info.is_folder) return list_folder(l->csv, path, l->depth + 1, err);
  if (tl_ends_with_anycase(entry, ".csv.gz") || tl_ends_with_anycase(entry, ".csv.zst"))
    return tl_fail(err, TL_UNSUPPORTED, "%s: compressed CSV is not read; unpack it first", path);
  return tl_ends_with_anycase(entry, ".csv") ? add_file(l->csv, path, &info, err) : TL_OK;
}

static tl_status list_folder(tl_csv *csv, const char *path, int depth, tl_error *err) {
  if (depth > MOST_DEPTH) return tl_fail(err, TL_USAGE, "%s: folders are nested more than %d deep", path, MOST_DEPTH);
  listing l = {csv, path, depth};
  return csv->env->list(csv->env, path, visit, &l, err);
}

static int by_path(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

tl_status tl__csv_list(tl_csv *csv, const char *path, tl_error *err) {
  tl_file_info info;
  const char *root;
  size_t size = strlen(path);
  while (size > 1 && path[size - 1] == '/') size--;
  TL_TRY(tl_arena_text(&csv->arena, &root, path, size, err));
  TL_TRY(csv->env->info(csv->env, root, &info, err));
  if (!info.is_folder) return add_file(csv, root, &info, err);
  TL_TRY(list_folder(csv, root, 0, err));
  if (csv->file_count == 0) return tl_fail(err, TL_NOT_FOUND, "%s: no *.csv file in this folder", path);
  qsort(csv->files, csv->file_count, sizeof *csv->files, by_path);
  return TL_OK;
}
