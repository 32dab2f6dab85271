/* Not a target but a test of the setup: it must be found. */
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char word[] = "canary!";
  size_t same = 0;
  while (same < size && same < strlen(word) && data[same] == (uint8_t)word[same]) same++; /* letter by letter: a path to it */
  if (same == strlen(word) && size == same) abort();
  return 0;
}
