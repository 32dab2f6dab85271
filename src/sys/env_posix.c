/* tl_env over POSIX. Interrupted calls are taken up again; short reads and writes are completed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "sys/sys.h"

static _Atomic int64_t memory_used, memory_peak, memory_limit;

static void *resize(tl_env *env, void *memory, size_t old_size, size_t new_size) {
  (void)env;
  if (new_size == 0) {
    free(memory);
    atomic_fetch_sub(&memory_used, (int64_t)old_size);
    return NULL;
  }
  int64_t limit = atomic_load(&memory_limit);
  if (limit > 0 && atomic_load(&memory_used) + (int64_t)new_size - (int64_t)old_size > limit) return NULL;
  void *fresh = NULL;
  if (memory == NULL) {
    if (posix_memalign(&fresh, 64, new_size) != 0) return NULL;
  } else {
    fresh = realloc(memory, new_size);
  }
  if (fresh == NULL) return NULL;
  int64_t used = atomic_fetch_add(&memory_used, (int64_t)new_size - (int64_t)old_size) + (int64_t)new_size - (int64_t)old_size;
  int64_t peak = atomic_load(&memory_peak);
  while (used > peak && !atomic_compare_exchange_weak(&memory_peak, &peak, used)) {
  }
  return fresh;
}

void tl_sys_limit_memory(int64_t bytes) { atomic_store(&memory_limit, bytes); }

int64_t tl_sys_memory_peak(void) { return atomic_load(&memory_peak); }

static tl_status os_error(tl_error *err, const char *what, const char *path) {
  int code = errno;
  tl_status status = code == ENOENT || code == ENOTDIR ? TL_NOT_FOUND : code == ENOMEM ? TL_MEMORY : TL_IO;
  return tl_fail(err, status, "%s: cannot %s: %s", path, what, strerror(code));
}

static const char *hint_of(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT: return "; with room on the disk the same command goes on";
    case EFBIG: return "; the limit on the size of files (ulimit -f) is too low";
    default: return "";
  }
}

static tl_status open_read(tl_env *env, const char *path, int *handle, tl_error *err) {
  (void)env;
  int fd;
  do fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe that nobody writes to is not waited for */
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return os_error(err, "open", path);
  *handle = fd;
  return TL_OK;
}

static tl_status open_write(tl_env *env, const char *path, int *handle, tl_error *err) {
  (void)env;
  int fd;
  do fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return os_error(err, "create", path);
  *handle = fd;
  return TL_OK;
}

/* Without a name from the start, where the file system can; else the name goes at once. */
static tl_status open_scratch(tl_env *env, const char *path, int *handle, tl_error *err) {
  (void)env;
  char folder[4200] = ".";
  const char *slash = strrchr(path, '/');
  int fd;
  if (slash != NULL && (size_t)snprintf(folder, sizeof folder, "%.*s", slash > path ? (int)(slash - path) : 1, path) >= sizeof folder) folder[0] = 0;
  do fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  while (fd < 0 && errno == EINTR);
  if (fd >= 0) {
    *handle = fd;
    return TL_OK;
  }
  do fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return os_error(err, "create", path);
  if (unlink(path) != 0) {
    (void)os_error(err, "remove", path);
    close(fd);
    return TL_IO;
  }
  *handle = fd;
  return TL_OK;
}

static tl_status lock_path(tl_env *env, const char *path, int *handle, tl_error *err) {
  (void)env;
  struct stat s;
  bool is_folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
  int fd, done;
  do fd = open(path, is_folder ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return os_error(err, "open", path);
  do done = flock(fd, LOCK_EX | LOCK_NB);
  while (done != 0 && errno == EINTR);
  if (done != 0 && errno == EWOULDBLOCK) { /* where locks are not to be had, none is taken */
    close(fd);
    return tl_fail(err, TL_IO, "%s: in use by another run; wait for its end, or choose another output", path);
  }
  *handle = fd;
  return TL_OK;
}

static tl_status read_at(tl_env *env, int handle, void *data, size_t size, int64_t offset, size_t *done, tl_error *err) {
  (void)env;
  size_t got = 0;
  while (got < size) {
    ssize_t n = pread(handle, (char *)data + got, size - got, (off_t)(offset + (int64_t)got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl_fail(err, TL_IO, "cannot read %zu bytes at %lld: %s", size, (long long)offset, strerror(errno));
    if (n == 0) break;
    got += (size_t)n;
  }
  *done = got;
  return TL_OK;
}

static void will_read(tl_env *env, int handle, int64_t offset, int64_t size) {
  (void)env;
  (void)posix_fadvise(handle, offset, size, POSIX_FADV_WILLNEED);
}

static const uint8_t *map_file(tl_env *env, int handle, int64_t size) {
  (void)env;
  void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, handle, 0);
  return data == MAP_FAILED ? NULL : data;
}

static void unmap_file(tl_env *env, const uint8_t *data, int64_t size) {
  (void)env;
  (void)munmap((void *)(uintptr_t)data, (size_t)size);
}

static tl_status write_all(tl_env *env, int handle, const void *data, size_t size, tl_error *err) {
  (void)env;
  size_t put = 0;
  while (put < size) {
    ssize_t n = write(handle, (const char *)data + put, size - put);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl_fail(err, TL_IO, "cannot write %zu bytes: %s%s", size - put, strerror(errno), hint_of(errno));
    put += (size_t)n;
  }
  return TL_OK;
}

static tl_status cut_file(tl_env *env, int handle, int64_t size, tl_error *err) {
  (void)env;
  if (ftruncate(handle, (off_t)size) != 0 || lseek(handle, (off_t)size, SEEK_SET) < 0)
    return tl_fail(err, TL_IO, "cannot cut the file to %lld bytes: %s", (long long)size, strerror(errno));
  return TL_OK;
}

static tl_status sync_file(tl_env *env, int handle, tl_error *err) {
  (void)env;
  if (fsync(handle) != 0) return tl_fail(err, TL_IO, "cannot sync: %s", strerror(errno));
  return TL_OK;
}

static tl_status close_file(tl_env *env, int handle, tl_error *err) {
  (void)env;
  if (close(handle) != 0 && errno != EINTR) return tl_fail(err, TL_IO, "cannot close: %s", strerror(errno));
  return TL_OK;
}

static tl_status file_info(tl_env *env, const char *path, tl_file_info *info, tl_error *err) {
  (void)env;
  struct stat s;
  if (stat(path, &s) != 0) return os_error(err, "open", path);
  *info = (tl_file_info){.size = s.st_size,
                         .mtime_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec,
                         .inode = s.st_ino,
                         .device = s.st_dev,
                         .is_folder = S_ISDIR(s.st_mode),
                         .is_regular = S_ISREG(s.st_mode)};
  return TL_OK;
}

static tl_status list_folder(tl_env *env, const char *path, tl_list_visit visit, void *context, tl_error *err) {
  (void)env;
  DIR *dir = opendir(path);
  if (dir == NULL) return os_error(err, "list", path);
  tl_status status = TL_OK;
  struct dirent *entry;
  errno = 0;
  while (status == TL_OK && (entry = readdir(dir)) != NULL) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) status = visit(context, entry->d_name, err);
    errno = 0;
  }
  if (status == TL_OK && errno != 0) status = os_error(err, "list", path);
  closedir(dir);
  return status;
}

static tl_status make_folder(tl_env *env, const char *path, tl_error *err) {
  (void)env;
  struct stat s;
  if (mkdir(path, 0777) == 0) return TL_OK;
  if (errno == EEXIST && stat(path, &s) == 0 && S_ISDIR(s.st_mode)) return TL_OK;
  return os_error(err, "make the folder", path);
}

static tl_status rename_path(tl_env *env, const char *from, const char *to, tl_error *err) {
  (void)env;
  if (rename(from, to) != 0) return os_error(err, "put in place", to);
  return TL_OK;
}

static tl_status remove_path(tl_env *env, const char *path, tl_error *err) {
  (void)env;
  if (remove(path) != 0) return os_error(err, "remove", path);
  return TL_OK;
}

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now_ns(tl_env *env) {
  (void)env;
  return clock_ns(CLOCK_REALTIME);
}

static int64_t tick_ns(tl_env *env) {
  (void)env;
  return clock_ns(CLOCK_MONOTONIC);
}

/* The kernel's own count of this program; what getrusage says survives exec and may be a parent's. */
int64_t tl_sys_resident_peak(void) {
  char line[256];
  long long kib = 0;
  FILE *f = fopen("/proc/self/status", "re");
  while (f != NULL && kib == 0 && fgets(line, sizeof line, f) != NULL)
    if (sscanf(line, "VmHWM: %lld kB", &kib) != 1) kib = 0;
  if (f != NULL) fclose(f);
  return (int64_t)kib * 1024;
}

void tl_sys_tune_memory(void) {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  mallopt(M_ARENA_MAX, 2);
}

void tl_sys_keep_memory(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_ARENA_MAX, 2);
}

int tl_sys_processors(void) {
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : count > 1024 ? 1024 : (int)count;
}

tl_env *tl_sys_env(void) {
  static tl_env env = {
      .resize = resize,
      .open_read = open_read,
      .open_write = open_write,
      .open_scratch = open_scratch,
      .lock = lock_path,
      .read_at = read_at,
      .will_read = will_read,
      .map = map_file,
      .unmap = unmap_file,
      .write = write_all,
      .cut = cut_file,
      .sync = sync_file,
      .close = close_file,
      .info = file_info,
      .list = list_folder,
      .make_folder = make_folder,
      .rename = rename_path,
      .remove = remove_path,
      .now_ns = now_ns,
      .tick_ns = tick_ns,
  };
  return &env;
}
