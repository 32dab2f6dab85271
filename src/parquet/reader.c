#include "parquet/reader.h"
#include <string.h>
#include "parquet/cursor.h"

enum { WHOLE_FILE = 1 << 16, TAIL = 1 << 15, MOST_EXTENT = 64 << 20 };

void tl_page_scratch_free(tl_page_scratch *s) {
  tl_buffer_free(&s->window);
  tl_page_memory_free(&s->memory);
  *s = (tl_page_scratch){.env = s->env, .limit = s->limit};
}

void tl_parquet_free(tl_parquet *f) {
  if (f->env == NULL) return;
  if (f->mapped != NULL) f->env->unmap(f->env, f->mapped, f->size);
  if (f->handle >= 0) (void)f->env->close(f->env, f->handle, NULL);
  tl_buffer_free(&f->whole);
  tl_arena_free(&f->arena);
  *f = (tl_parquet){.handle = -1};
}

tl_status tl_parquet_read_bytes(tl_parquet *f, void *data, size_t size, int64_t offset, tl_error *err) {
  size_t done;
  if (f->whole.size > 0) {
    memcpy(data, f->whole.data + offset, size);
    return TL_OK;
  }
  TL_TRY(f->env->read_at(f->env, f->handle, data, size, offset, &done, err));
  return done == size ? TL_OK : tl_fail(err, TL_CORRUPT, "the file ended at byte %lld while it was read", (long long)(offset + (int64_t)done));
}

const uint8_t *tl_parquet_view(const tl_parquet *f, int64_t offset) {
  return f->whole.size > 0 ? f->whole.data + offset : f->mapped != NULL ? f->mapped + offset : NULL;
}

tl_status tl_parquet_bytes(tl_parquet *f, tl_extent where, const char *what, tl_buffer *out, tl_error *err) {
  if (where.offset < 4 || where.offset > f->size - 8 || where.size < 0 || where.size > f->size - 8 - where.offset || where.size > MOST_EXTENT)
    return tl_fail(err, TL_CORRUPT, "%s: the %s lies at byte %lld with %lld bytes, the file has %lld", f->path, what, (long long)where.offset,
                   (long long)where.size, (long long)f->size);
  out->size = 0;
  TL_TRY(tl_buffer_reserve(out, (size_t)where.size + 1, err));
  TL_TRY(tl_parquet_read_bytes(f, out->data, (size_t)where.size, where.offset, err));
  out->size = (size_t)where.size;
  return TL_OK;
}

/* The file's end is read in one piece that holds most footers; a longer one costs a second read. */
static tl_status read_footer(tl_parquet *f, int64_t most, tl_error *err) {
  uint8_t head[4], *tail, *footer;
  if (f->size == 0) return tl_fail(err, TL_CORRUPT, "the file is empty; a Parquet file has at least 12 bytes");
  if (f->size < 12) return tl_fail(err, TL_CORRUPT, "the file has %lld bytes; a Parquet file has at least 12", (long long)f->size);
  int64_t tail_size = f->size < TAIL || f->whole.size > 0 ? f->size : TAIL;
  if (f->whole.size > 0)
    tail = f->whole.data;
  else {
    TL_TRY(tl_arena_take(&f->arena, &tail, (size_t)tail_size, 1, err));
    TL_TRY(tl_parquet_read_bytes(f, tail, (size_t)tail_size, f->size - tail_size, err));
  }
  const uint8_t *end = tail + tail_size - 8;
  if (memcmp(end + 4, "PARE", 4) == 0) return tl_fail(err, TL_UNSUPPORTED, "the file is encrypted");
  if (memcmp(end + 4, "PAR1", 4) != 0) {
    TL_TRY(tl_parquet_read_bytes(f, head, sizeof head, 0, err));
    if (memcmp(head, "PAR1", 4) == 0) return tl_fail(err, TL_CORRUPT, "begins as Parquet but does not end so: truncated?");
    return tl_fail(err, TL_CORRUPT, "not a Parquet file");
  }
  int64_t size = tl_load32(end);
  f->footer_size = size;
  if (size > f->size - 12) return tl_fail(err, TL_CORRUPT, "the footer says %lld bytes, the file has %lld", (long long)size, (long long)f->size);
  if (size > most)
    return tl_fail(err, TL_MEMORY, "a footer of %lld bytes exceeds the memory for one (%lld); --memory decides", (long long)size, (long long)most);
  footer = tail + tail_size - 8 - size;
  if (size > tail_size - 8) {
    TL_TRY(tl_arena_take(&f->arena, &footer, (size_t)size, 1, err));
    TL_TRY(tl_parquet_read_bytes(f, footer, (size_t)size, f->size - 8 - size, err));
  }
  return tl_meta_parse(&f->meta, &f->arena, (tl_bytes){footer, (size_t)size}, err);
}

static tl_status open_file(tl_parquet *f, const char *path, int64_t most, tl_error *err) {
  tl_file_info info;
  TL_TRY(tl_arena_text(&f->arena, &f->path, path, strlen(path), err));
  TL_TRY(f->env->info(f->env, path, &info, err));
  if (!info.is_regular) return tl_fail(err, TL_UNSUPPORTED, "%s: a %s, not a file", path, info.is_folder ? "folder" : "pipe or device");
  f->size = info.size;
  f->mtime_ns = info.mtime_ns;
  f->inode = info.inode;
  TL_TRY(f->env->open_read(f->env, path, &f->handle, err));
  tl_status status = TL_OK;
  if (f->size > 0 && f->size <= WHOLE_FILE) {
    status = tl_buffer_reserve(&f->whole, (size_t)f->size, err);
    size_t done = 0;
    if (status == TL_OK) status = f->env->read_at(f->env, f->handle, f->whole.data, (size_t)f->size, 0, &done, err);
    f->whole.size = done;
    if (status == TL_OK && done != (size_t)f->size) status = tl_fail(err, TL_CORRUPT, "the file became shorter while it was read");
  }
  if (f->env->map != NULL && f->env->map_threshold > 0 && f->size >= f->env->map_threshold && f->whole.size == 0)
    f->mapped = f->env->map(f->env, f->handle, f->size);
  if (status == TL_OK) status = read_footer(f, most, err);
  return status == TL_OK ? TL_OK : tl_fail_in(err, status, "%s: ", path);
}

tl_status tl_parquet_open_within(tl_parquet *f, tl_env *env, const char *path, int64_t most, tl_error *err) {
  *f = (tl_parquet){.env = env, .handle = -1, .arena = {.env = env}, .whole = {.env = env}};
  tl_status status = open_file(f, path, most, err);
  if (status != TL_OK) tl_parquet_free(f);
  return status;
}

tl_status tl_parquet_open(tl_parquet *f, tl_env *env, const char *path, tl_error *err) { return tl_parquet_open_within(f, env, path, INT64_MAX, err); }

/* ---- rows of one leaf ---- */

/* Puts a fresh cursor where an earlier read ended. */
static tl_status resume(tl_cursor *c, const tl_page_cursor *hint, tl_error *err) {
  if (c->chunk.dictionary_offset >= 0 || hint->dictionary) TL_TRY(tl_cursor_take_dictionary(c, err));
  c->page_left = 0;
  c->at = hint->at;
  c->index = hint->index;
  c->row = hint->row;
  return TL_OK;
}

tl_status tl_parquet_read(tl_parquet *f, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *s, tl_error *err) {
  return tl_parquet_read_on(f, group, leaf, first, count, out, s, NULL, err);
}

tl_status tl_parquet_read_on(tl_parquet *f, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *s, tl_page_cursor *hint,
                             tl_error *err) {
  TL_OWNED(tl_cursor) c = {0};
  if (f->meta.leaves[leaf].max_repetition > 0)
    return tl_fail(err, TL_UNSUPPORTED, "%s: column %s repeats; a list cannot be used as a column of numbers", f->path, f->meta.leaves[leaf].field.name);
  if (hint != NULL && (hint->group != group || hint->leaf != leaf)) *hint = (tl_page_cursor){.group = group, .leaf = leaf};
  int64_t start = f->env->tick_ns(f->env), io = s->io_ns;
  tl_status status = tl_cursor_open(&c, f, group, leaf, s, err);
  if (status == TL_OK && hint != NULL && hint->at > 0 && hint->row <= first) status = tl_cursor_fail(&c, resume(&c, hint, err), err);
  if (status == TL_OK) status = tl_cursor_skip(&c, first - c.row, err);
  if (status == TL_OK) status = tl_cursor_read(&c, count, false, out, err);
  if (status == TL_OK && hint != NULL) tl_cursor_place(&c, hint);
  s->decode_ns += f->env->tick_ns(f->env) - start - (s->io_ns - io);
  return status;
}
