#include "parquet/reader.h"
#include "codec/compressor.h"
#include <string.h>

enum { WHOLE_FILE = 1 << 16, WINDOW = 1 << 19, GLANCE = 1 << 12, TAIL = 1 << 15 };

void tl_page_scratch_free(tl_page_scratch *s) {
  tl_buffer_free(&s->window);
  tl_buffer_free(&s->plain);
  tl_column_free(&s->dictionary);
  tl_column_free(&s->slice);
  tl_release(s->env, s->codes);
  tl_release(s->env, s->integers);
  *s = (tl_page_scratch){.env = s->env, .limit = s->limit};
}

void tl_parquet_free(tl_parquet *f) {
  if (f->env == NULL) return;
  if (f->handle >= 0) (void)f->env->close(f->env, f->handle, NULL);
  tl_buffer_free(&f->whole);
  tl_arena_free(&f->arena);
  *f = (tl_parquet){.handle = -1};
}

static tl_status read_exactly(tl_parquet *f, void *data, size_t size, int64_t offset, tl_error *err) {
  size_t done;
  if (f->whole.size > 0) {
    memcpy(data, f->whole.data + offset, size);
    return TL_OK;
  }
  TL_TRY(f->env->read_at(f->env, f->handle, data, size, offset, &done, err));
  return done == size ? TL_OK : tl_fail(err, TL_CORRUPT, "the file ended at byte %lld while it was read", (long long)(offset + (int64_t)done));
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
    TL_TRY(read_exactly(f, tail, (size_t)tail_size, f->size - tail_size, err));
  }
  const uint8_t *end = tail + tail_size - 8;
  if (memcmp(end + 4, "PARE", 4) == 0) return tl_fail(err, TL_UNSUPPORTED, "the file is encrypted");
  if (memcmp(end + 4, "PAR1", 4) != 0) {
    TL_TRY(read_exactly(f, head, sizeof head, 0, err));
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
    TL_TRY(read_exactly(f, footer, (size_t)size, f->size - 8 - size, err));
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

/* ---- a column chunk as a sequence of pages ---- */

typedef struct pages {
  tl_parquet *file;
  tl_page_scratch *scratch;
  const tl_leaf *leaf;
  const tl_chunk *chunk;
  int64_t at, end; /* bytes of the file */
  int index;       /* of the next page */
  bool skips;      /* the page is likely one that nobody wants: its header is enough */
} pages;

/* At least `wanted` bytes at p->at, or all that the chunk has. */
static tl_status view(pages *p, size_t wanted, tl_bytes *out, tl_error *err) {
  tl_page_scratch *s = p->scratch;
  int64_t left = p->end - p->at;
  if ((int64_t)wanted > left) wanted = (size_t)left;
  if (p->file->whole.size > 0) {
    *out = (tl_bytes){p->file->whole.data + p->at, (size_t)left};
    return TL_OK;
  }
  int64_t from = p->at - s->window_at;
  if (from < 0 || from > (int64_t)s->window.size || s->window.size - (size_t)from < wanted) {
    int64_t start = p->file->env->tick_ns(p->file->env);
    size_t least = p->skips ? GLANCE : WINDOW, size = wanted > least ? wanted : least;
    if ((int64_t)size > left) size = (size_t)left;
    s->window.env = s->env;
    s->window.size = 0;
    TL_TRY(tl_buffer_reserve(&s->window, size, err));
    TL_TRY(read_exactly(p->file, s->window.data, size, p->at, err));
    s->window.size = size;
    s->window_at = p->at;
    s->bytes_read += (int64_t)size;
    s->io_ns += p->file->env->tick_ns(p->file->env) - start;
    from = 0;
  }
  *out = (tl_bytes){s->window.data + from, s->window.size - (size_t)from};
  return TL_OK;
}

static tl_status open_pages(pages *p, tl_parquet *f, int group, int leaf, tl_page_scratch *s, tl_error *err) {
  const tl_chunk *c = &f->meta.groups[group].chunks[leaf];
  *p = (pages){.file = f, .scratch = s, .leaf = &f->meta.leaves[leaf], .chunk = c};
  if (c->encrypted) return tl_fail(err, TL_UNSUPPORTED, "the column is encrypted");
  if (c->elsewhere) return tl_fail(err, TL_UNSUPPORTED, "the column lies in another file");
  if (p->leaf->nested || p->leaf->max_repetition > 0)
    return tl_fail(err, TL_UNSUPPORTED, "a nested column (%s) cannot be read by this version", p->leaf->field.name);
  if (tl_compressor_find(c->codec) == NULL)
    return tl_fail(err, TL_UNSUPPORTED, "compressed with %s, which this version does not read", tl_compressor_name(c->codec));
  p->at = c->dictionary_offset > 0 && c->dictionary_offset < c->data_offset ? c->dictionary_offset : c->data_offset;
  if (c->compressed_size < 0 || p->at < 4 || p->at > f->size - 8 || c->compressed_size > f->size - 8 - p->at)
    return tl_fail(err, TL_CORRUPT, "the chunk lies at byte %lld with %lld bytes, the file has %lld", (long long)p->at, (long long)c->compressed_size,
                   (long long)f->size);
  /* Some old writers left the dictionary's header out of the size: a little room behind the chunk, as other readers give it. */
  enum { FORGOTTEN = 100 };
  int64_t behind = f->size - 8 - p->at - c->compressed_size;
  p->end = p->at + c->compressed_size + (behind < FORGOTTEN ? behind : FORGOTTEN);
  s->window.size = 0;
  s->dictionary.field.name = NULL;
  return TL_OK;
}

/* The next page's header; p->at moves to its body. A header may be long, so the view grows until it parses. */
static tl_status next_page(pages *p, tl_page *page, tl_error *err) {
  tl_bytes bytes;
  for (size_t wanted = 1024;; wanted *= 8) {
    TL_TRY(view(p, wanted, &bytes, err));
    tl_status status = tl_page_parse(page, bytes, err);
    if (status == TL_OK) break;
    if ((int64_t)bytes.size >= p->end - p->at || bytes.size > 16 << 20) return status;
  }
  page->offset = p->at;
  p->at += (int64_t)page->header_size;
  p->index++;
  if (page->stored_size > p->end - p->at)
    return tl_fail(err, TL_CORRUPT, "the page has %lld bytes, its chunk %lld more", (long long)page->stored_size, (long long)(p->end - p->at));
  return TL_OK;
}

/* Copies rows [from, from+count) of one column behind the first `at` rows of another. */
static tl_status copy_rows(tl_column *out, int64_t at, const tl_column *in, int64_t from, int64_t count, tl_error *err) {
  size_t width = (size_t)tl_field_width(&in->field);
  if (width > 0)
    memcpy(out->values + (size_t)at * width, in->values + (size_t)from * width, (size_t)count * width);
  else
    for (int64_t i = 0; i < count; i++) {
      tl_bytes b = tl_column_bytes(in, from + i);
      TL_TRY(tl_buffer_append(&out->bytes, b.data, b.size, err));
      out->offsets[at + i + 1] = (int64_t)out->bytes.size;
    }
  for (int64_t i = 0; in->valid != NULL && i < count; i++)
    if (!tl_column_is_valid(in, from + i)) TL_TRY(tl_column_set_null(out, at + i, 1, err));
  return TL_OK;
}

/* A row takes at least one bit somewhere, but runs and nulls take none: what bounds the rows is the memory for them. */
static tl_status check_rows(const tl_page_scratch *s, const tl_leaf *leaf, int64_t count, tl_error *err) {
  int64_t width = tl_field_width(&leaf->field) + 9;
  if (count <= s->limit / width * 8) return TL_OK;
  return tl_fail(err, TL_MEMORY, "%lld rows of one column exceed the memory for a page", (long long)count);
}

static tl_status page_body(pages *p, const tl_page *page, tl_bytes *body, tl_error *err) {
  int64_t size = page->stored_size > page->plain_size ? page->stored_size : page->plain_size;
  if (size > p->scratch->limit)
    return tl_fail(err, TL_MEMORY, "a page of %lld bytes exceeds the memory for one page (%lld); --memory decides", (long long)size,
                   (long long)p->scratch->limit);
  p->skips = false;
  TL_TRY(view(p, (size_t)page->stored_size, body, err));
  body->size = (size_t)page->stored_size;
  return TL_OK;
}

/* Decodes the part of a page that lies in rows [first, first + out->count) of the group; `row` is the page's first. */
static tl_status use_page(pages *p, const tl_page *page, int64_t row, int64_t first, tl_column *out, tl_error *err) {
  int64_t from = row < first ? first - row : 0, to = row + page->values < first + out->count ? page->values : first + out->count - row;
  if (from >= to) return TL_OK;
  tl_bytes body;
  TL_TRY(page_body(p, page, &body, err));
  if (from == 0 && to == page->values) return tl_page_decode(page, body, p->chunk->codec, p->leaf, p->scratch, out, row - first, err);
  tl_column *slice = &p->scratch->slice;
  slice->env = p->scratch->env;
  TL_TRY(check_rows(p->scratch, p->leaf, page->values, err));
  TL_TRY(tl_column_reset(slice, &p->leaf->field, page->values, err));
  TL_TRY(tl_page_decode(page, body, p->chunk->codec, p->leaf, p->scratch, slice, 0, err));
  return copy_rows(out, row + from - first, slice, from, to - from, err);
}

static tl_status use_dictionary(pages *p, const tl_page *page, tl_error *err) {
  tl_bytes body;
  TL_TRY(page_body(p, page, &body, err));
  return tl_page_decode_dictionary(page, body, p->chunk->codec, p->leaf, p->scratch, err);
}

/* Goes to the page where an earlier read ended, by way of the dictionary; returns its first row. */
static tl_status resume(pages *p, const tl_page_cursor *cursor, int64_t *row, tl_error *err) {
  tl_page page;
  p->skips = true; /* mostly there is no dictionary, and nothing of the first page is wanted */
  TL_TRY(next_page(p, &page, err));
  if (page.type == 2) TL_TRY(use_dictionary(p, &page, err));
  p->at = cursor->at;
  p->index = cursor->index;
  *row = cursor->row;
  return TL_OK;
}

static tl_status read_pages(pages *p, int64_t rows, int64_t first, tl_column *out, tl_page_cursor *cursor, tl_error *err) {
  int64_t row = 0;
  if (cursor != NULL && cursor->at > 0 && cursor->row <= first) TL_TRY(resume(p, cursor, &row, err));
  while (row < first + out->count) {
    tl_page page;
    if (p->at >= p->end) return tl_fail(err, TL_CORRUPT, "the chunk ends after %lld of %lld rows", (long long)row, (long long)rows);
    if (cursor != NULL) cursor->at = p->at, cursor->row = row, cursor->index = p->index;
    p->skips = row < first && p->index > 1;
    TL_TRY(next_page(p, &page, err));
    if (page.type == 2)
      TL_TRY(use_dictionary(p, &page, err));
    else if (page.type == 0 || page.type == 3) {
      if (page.values > rows - row)
        return tl_fail(err, TL_CORRUPT, "the page has %lld rows, %lld are left in the group", (long long)page.values, (long long)(rows - row));
      TL_TRY(use_page(p, &page, row, first, out, err));
      row += page.values;
    }
    p->at += page.stored_size;
  }
  return TL_OK;
}

tl_status tl_parquet_read(tl_parquet *f, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *s, tl_error *err) {
  return tl_parquet_read_on(f, group, leaf, first, count, out, s, NULL, err);
}

tl_status tl_parquet_read_on(tl_parquet *f, int group, int leaf, int64_t first, int64_t count, tl_column *out, tl_page_scratch *s, tl_page_cursor *cursor,
                             tl_error *err) {
  pages p = {0};
  if (cursor != NULL && (cursor->group != group || cursor->leaf != leaf)) *cursor = (tl_page_cursor){.group = group, .leaf = leaf};
  const tl_row_group *g = &f->meta.groups[group];
  int64_t start = f->env->tick_ns(f->env), io = s->io_ns;
  if (s->limit == 0) s->limit = INT32_MAX;
  tl_status status = open_pages(&p, f, group, leaf, s, err);
  if (status == TL_OK) status = check_rows(s, &f->meta.leaves[leaf], count, err);
  if (status == TL_OK) status = tl_column_reset(out, &f->meta.leaves[leaf].field, count, err);
  if (status == TL_OK && count > 0) status = read_pages(&p, g->row_count, first, out, cursor, err);
  s->decode_ns += f->env->tick_ns(f->env) - start - (s->io_ns - io);
  if (status == TL_OK) return TL_OK;
  return tl_fail_in(err, status, "%s: column %s, row group %d, page %d, byte %lld: ", f->path, f->meta.leaves[leaf].field.name, group, p.index,
                    (long long)p.at);
}

/* ---- statistics ---- */

bool tl_statistics_int_range(const tl_chunk *c, const tl_leaf *leaf, int64_t *min, int64_t *max) {
  size_t width = leaf->field.physical == TL_PHYSICAL_INT32 ? 4 : leaf->field.physical == TL_PHYSICAL_INT64 ? 8 : 0;
  const tl_statistics *s = &c->statistics;
  if (width == 0 || s->min.data == NULL || s->max.data == NULL || s->min.size != width || s->max.size != width) return false;
  if (tl_field_is_unsigned(&leaf->field)) return false;
  *min = width == 4 ? (int32_t)tl_load32(s->min.data) : (int64_t)tl_load64(s->min.data);
  *max = width == 4 ? (int32_t)tl_load32(s->max.data) : (int64_t)tl_load64(s->max.data);
  return *min <= *max;
}

bool tl_statistics_range(const tl_chunk *c, const tl_leaf *leaf, double *min, double *max) {
  const tl_statistics *s = &c->statistics;
  int64_t low, high;
  if (tl_statistics_int_range(c, leaf, &low, &high)) return *min = (double)low, *max = (double)high, true;
  if (leaf->field.physical != TL_PHYSICAL_DOUBLE || s->min.size != 8 || s->max.size != 8) return false;
  *min = tl_load_double(s->min.data), *max = tl_load_double(s->max.data);
  return *min <= *max;
}
