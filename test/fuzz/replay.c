/* Runs the target it is linked with over files, and over the files in folders: what was found once is tried in every test run. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "fuzz.h"

static bool replay_file(const char *path, off_t size) {
  FILE *file = fopen(path, "rb");
  uint8_t *data = malloc((size_t)size + (size == 0)); /* exactly as long: a sanitizer sees what reads behind it */
  bool whole = file != NULL && data != NULL && fread(data, 1, (size_t)size, file) == (size_t)size;
  if (file != NULL) fclose(file);
  if (whole) {
    fprintf(stderr, "%s\n", path); /* the last line before a crash names its input */
    LLVMFuzzerTestOneInput(data, (size_t)size);
  } else {
    fprintf(stderr, "%s: cannot be read\n", path);
  }
  free(data);
  return whole;
}

static bool replay(const char *path, int *count);

static bool replay_folder(const char *path, int *count) {
  struct dirent **entries;
  bool good = true;
  int found = scandir(path, &entries, NULL, alphasort);
  if (found < 0) return fprintf(stderr, "%s: cannot be listed\n", path), false;
  for (int i = 0; i < found; i++) {
    char child[4096];
    snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.') good &= replay(child, count);
    free(entries[i]);
  }
  free(entries);
  return good;
}

static bool replay(const char *path, int *count) {
  struct stat info;
  if (stat(path, &info) != 0) return fprintf(stderr, "%s: not found\n", path), false;
  if (S_ISDIR(info.st_mode)) return replay_folder(path, count);
  ++*count;
  return replay_file(path, info.st_size);
}

int main(int argc, char **argv) {
  int count = 0;
  bool good = true;
  for (int i = 1; i < argc; i++) good &= replay(argv[i], &count);
  printf("%d inputs replayed\n", count);
  return good && count > 0 ? 0 : 1;
}
