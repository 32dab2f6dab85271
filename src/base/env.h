/* The functions through which the project touches the outside: memory, files, time.
   One table, so that tests can make any call fail; src/sys has the real one. */
#ifndef TL_BASE_ENV_H
#define TL_BASE_ENV_H

#include <stdbool.h>
#include <stdint.h>
#include "base/status.h"

typedef struct tl_file_info {
  int64_t size;     /* bytes */
  int64_t mtime_ns; /* since 1970 */
  uint64_t inode, device;
  bool is_folder, is_regular; /* neither: a pipe, a device */
} tl_file_info;

/* Calls of tl_env_list for every entry of a folder, in no particular order. */
typedef tl_status (*tl_list_visit)(void *context, const char *name, tl_error *err);

typedef struct tl_env tl_env;
struct tl_env {
  void *context;
  /* Resizes memory as realloc does; size 0 releases. NULL means no memory. Counted by the real environment. */
  void *(*resize)(tl_env *env, void *memory, size_t old_size, size_t new_size);
  tl_status (*open_read)(tl_env *env, const char *path, int *handle, tl_error *err);
  tl_status (*open_write)(tl_env *env, const char *path, int *handle, tl_error *err);   /* creates or truncates */
  tl_status (*open_scratch)(tl_env *env, const char *path, int *handle, tl_error *err); /* to write and to read at; its name is gone at once */
  /* Holds the folder, or the file (which is made), for this process until it is closed; TL_IO when somebody else does. */
  tl_status (*lock)(tl_env *env, const char *path, int *handle, tl_error *err);
  /* *done is less than `size` at the file's end alone. */
  tl_status (*read_at)(tl_env *env, int handle, void *data, size_t size, int64_t offset, size_t *done, tl_error *err);
  /* A hint: the bytes will be read soon. May be NULL. */
  void (*will_read)(tl_env *env, int handle, int64_t offset, int64_t size);
  /* The whole file in memory, or NULL where that cannot be. May be NULL. Files of at least map_threshold bytes are mapped; 0: none. */
  const uint8_t *(*map)(tl_env *env, int handle, int64_t size);
  void (*unmap)(tl_env *env, const uint8_t *data, int64_t size);
  int64_t map_threshold;
  tl_status (*write)(tl_env *env, int handle, const void *data, size_t size, tl_error *err); /* all of it, or an error */
  tl_status (*cut)(tl_env *env, int handle, int64_t size, tl_error *err);                    /* drops what was written behind `size`, and goes on there */
  tl_status (*sync)(tl_env *env, int handle, tl_error *err);
  tl_status (*close)(tl_env *env, int handle, tl_error *err);
  tl_status (*info)(tl_env *env, const char *path, tl_file_info *info, tl_error *err);
  tl_status (*list)(tl_env *env, const char *path, tl_list_visit visit, void *context, tl_error *err);
  tl_status (*make_folder)(tl_env *env, const char *path, tl_error *err); /* an existing one is fine */
  tl_status (*rename)(tl_env *env, const char *from, const char *to, tl_error *err);
  tl_status (*remove)(tl_env *env, const char *path, tl_error *err); /* a file, or an empty folder */
  int64_t (*now_ns)(tl_env *env);                                    /* wall clock, since 1970 */
  int64_t (*tick_ns)(tl_env *env);                                   /* monotonic */
};

/* Memory. Sizes are count * size, checked. Zeroed where it says so. */
tl_status tl_allocate(tl_env *env, void *pointer_out, size_t count, size_t size, tl_error *err) TL_MUST_CHECK;
tl_status tl_allocate_zeroed(tl_env *env, void *pointer_out, size_t count, size_t size, tl_error *err) TL_MUST_CHECK;
/* Makes room for `wanted` elements in a growing array (by half at least); the array stays valid on failure. */
tl_status tl_reserve(tl_env *env, void *pointer_inout, size_t *capacity, size_t wanted, size_t size, tl_error *err) TL_MUST_CHECK;
/* The same for an array whose elements are not needed any more: no copy, and never the old and the new one at once. On failure there is
   none. */
tl_status tl_renew(tl_env *env, void *pointer_inout, size_t *capacity, size_t wanted, size_t size, tl_error *err) TL_MUST_CHECK;
void tl_release(tl_env *env, void *memory);

#endif
