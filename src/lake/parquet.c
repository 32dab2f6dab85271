/* tickloom/parquet.h over the real environment. */
#include "tickloom/parquet.h"
#include <string.h>
#include "lake/arrow_stream.h"
#include "sys/sys.h"

tl_status tl_parquet_export_stream(const char *path, const char *const *columns, size_t column_count, const char *where, struct ArrowArrayStream *out,
                                   tl_error *err) {
  return tl_arrow_scan(out, tl_sys_env(), path, (tl_scan_options){.columns = columns, .column_count = column_count, .where = where}, err);
}

static void drop(struct ArrowArrayStream *in) {
  if (in->release != NULL) in->release(in);
}

static tl_status read_profile(const char *profile, tl_sink_style *out, tl_error *err) {
  *out = (tl_sink_style){.fast = profile != NULL && strcmp(profile, "fast") == 0};
  if (profile == NULL || out->fast || strcmp(profile, "compact") == 0) return TL_OK;
  return tl_fail(err, TL_USAGE, "profile %s: expected compact or fast", profile);
}

/* Written aside, then in its place: an older file may be what the stream reads. */
static tl_status write_file(tl_env *env, struct ArrowArrayStream *in, const char *path, const tl_sink_style *style, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  const char *part;
  TL_TRY(tl_arena_format(&arena, &part, err, "%s.part", path));
  tl_status status = tl_arrow_write(env, part, in, style, err);
  if (status == TL_OK) status = env->rename(env, part, path, err);
  if (status != TL_OK) (void)!env->remove(env, part, NULL);
  return status;
}

tl_status tl_parquet_import_stream(struct ArrowArrayStream *in, const char *path, const char *profile, tl_error *err) {
  tl_sink_style style;
  tl_status status = read_profile(profile, &style, err);
  if (status == TL_OK) status = write_file(tl_sys_env(), in, path, &style, err);
  drop(in); /* where it was not taken over */
  return status;
}
