/* `tickloom inspect` of a tape. */
#ifndef TL_CLI_INSPECT_TAPE_H
#define TL_CLI_INSPECT_TAPE_H

#include "base/json.h"
#include "column/schema.h"
#include "lake/dataset.h"

/* One day of one underlying. */
typedef struct inspect_tape_part {
  int64_t day; /* since 1970 */
  const char *underlying;
  int64_t rows, contracts, expiries;
  int64_t first, last; /* ns */
  int64_t longest_gap; /* seconds between two that have a row of any contract */
  int64_t last_expiry;
} inspect_tape_part;

typedef struct inspect_tape {
  tl_arena arena;
  inspect_tape_part *parts; /* in order of files */
  size_t used, count;
  uint64_t *contracts; /* hashes, one a contract and day */
  size_t contract_count, contract_capacity;
  int64_t distinct, days;
} inspect_tape;

/* Without parts where the folder is no tape. */
tl_status inspect_tape_find(inspect_tape *out, const tl_dataset *dataset, const tl_schema *schema, tl_error *err) TL_MUST_CHECK;
void inspect_tape_free(inspect_tape *tape);
void inspect_tape_show(const inspect_tape *tape);
void inspect_tape_json(const inspect_tape *tape, tl_json *json);

#endif
