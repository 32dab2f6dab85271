/* Whole small files. */
#ifndef TL_BASE_FILE_H
#define TL_BASE_FILE_H

#include "base/buffer.h"

/* Whether there is something at the path; what keeps us from knowing is an error. */
tl_status tl_path_exists(tl_env *env, const char *path, bool *out, tl_error *err) TL_MUST_CHECK;
/* The whole file behind what the buffer holds. */
tl_status tl_file_read(tl_buffer *out, const char *path, tl_error *err) TL_MUST_CHECK;
/* Makes the file anew; `durable`: waits until it is on the disk. What could not be written whole is removed. */
tl_status tl_file_write(tl_env *env, const char *path, tl_bytes bytes, bool durable, tl_error *err) TL_MUST_CHECK;
/* Waits until the folder's entries are on the disk. */
tl_status tl_folder_sync(tl_env *env, const char *path, tl_error *err) TL_MUST_CHECK;

#endif
