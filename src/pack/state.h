/* What a tape knows of itself, below _tickloom/: how it is laid out, which raw files are in it, and what was wrong with others. */
#ifndef TL_PACK_STATE_H
#define TL_PACK_STATE_H

#include <jansson.h>
#include "pack/raw.h"
#include "run/target.h"

typedef struct tl_pack_state {
  tl_env *env;
  json_t *root; /* {"files": {path: {size, mtime_ns, inode, key, days}}, "parts": {name: {size, rows}}} */
} tl_pack_state;

/* Empty where there is none, or none that can be read. With `pack`, parts that are no longer as they were written are forgotten, and it is
   TL_USAGE when the tape is of another definition or layout. */
tl_status tl_pack_state_open(tl_pack_state *out, tl_target *target, const char *pack, const char *layout, tl_error *err) TL_MUST_CHECK;
void tl_pack_state_free(tl_pack_state *state);
typedef tl_status (*tl_part_name)(void *context, int64_t day, const char *key, tl_arena *arena, const char **out, tl_error *err);
/* Whether the file is in the tape as it is, and its parts are. */
tl_status tl_pack_state_has(const tl_pack_state *state, const tl_raw_file *file, tl_part_name name, void *context, bool *out, tl_error *err) TL_MUST_CHECK;
tl_status tl_pack_state_add_file(tl_pack_state *state, const tl_raw_file *file, const char *key, tl_error *err) TL_MUST_CHECK;
tl_status tl_pack_state_add_part(tl_pack_state *state, const char *name, int64_t size, int64_t rows, tl_error *err) TL_MUST_CHECK;
tl_status tl_pack_state_write(const tl_pack_state *state, tl_target *target, tl_error *err) TL_MUST_CHECK;
/* tape.json: before the first part is put. */
tl_status tl_pack_state_describe(tl_target *target, const tl_definition *definition, const char *pack, const char *layout, tl_error *err) TL_MUST_CHECK;

#endif
