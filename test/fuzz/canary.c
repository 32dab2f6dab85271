/* Not a target but a test of the setup: it must be found. A branch a letter, so that coverage leads to it. */
#include <stdlib.h>
#include "fuzz.h"

static bool begins_with_canary(const uint8_t *d) {
  if (d[0] == 'c')
    if (d[1] == 'a')
      if (d[2] == 'n')
        if (d[3] == 'a')
          if (d[4] == 'r')
            if (d[5] == 'y') return d[6] == '!';
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 7 && begins_with_canary(data)) abort();
  return 0;
}
