#include "pack/subject.h"
#include <string.h>

static const tl_naming *const namings[] = {&tl_naming_option, &tl_naming_file};

const tl_naming *tl_naming_find(const char *name) {
  if (name == NULL) return &tl_naming_file;
  for (size_t i = 0; i < sizeof namings / sizeof *namings; i++)
    if (strcmp(namings[i]->name, name) == 0) return namings[i];
  return NULL;
}

int tl_naming_fact(const tl_naming *n, const char *name) {
  for (int i = 0; i < n->fact_count; i++)
    if (strcmp(n->facts[i].name, name) == 0) return i;
  return -1;
}
