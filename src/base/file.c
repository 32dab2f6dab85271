#include "base/file.h"

tl_status tl_path_exists(tl_env *env, const char *path, bool *out, tl_error *err) {
  tl_file_info info;
  tl_status status = env->info(env, path, &info, err);
  *out = status == TL_OK;
  return status == TL_NOT_FOUND ? TL_OK : status;
}

tl_status tl_file_read(tl_buffer *out, const char *path, tl_error *err) {
  tl_env *env = out->env;
  tl_file_info info;
  int handle;
  size_t done = 0;
  TL_TRY(env->info(env, path, &info, err));
  if (info.size > 1 << 30) return tl_fail(err, TL_CORRUPT, "%s: %lld bytes are too long", path, (long long)info.size);
  TL_TRY(tl_buffer_reserve(out, (size_t)info.size + 1, err));
  TL_TRY(env->open_read(env, path, &handle, err));
  tl_status status = env->read_at(env, handle, out->data + out->size, (size_t)info.size, 0, &done, err);
  (void)env->close(env, handle, NULL);
  out->size += done;
  return status == TL_OK ? TL_OK : tl_fail_in(err, status, "%s: ", path);
}

tl_status tl_file_write(tl_env *env, const char *path, tl_bytes bytes, bool durable, tl_error *err) {
  int handle;
  TL_TRY(env->open_write(env, path, &handle, err));
  tl_status status = env->write(env, handle, bytes.data, bytes.size, err);
  if (status == TL_OK && durable) status = env->sync(env, handle, err);
  tl_status closed = env->close(env, handle, status == TL_OK ? err : NULL);
  if (status == TL_OK) status = closed;
  if (status != TL_OK) (void)env->remove(env, path, NULL);
  return status == TL_OK ? TL_OK : tl_fail_in(err, status, "%s: ", path);
}

tl_status tl_folder_sync(tl_env *env, const char *path, tl_error *err) {
  int handle;
  TL_TRY(env->open_read(env, path, &handle, err));
  tl_status status = env->sync(env, handle, err);
  (void)env->close(env, handle, NULL);
  return status;
}
