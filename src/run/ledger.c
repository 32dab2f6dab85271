#include "run/ledger.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/file.h"

static const char MAGIC[8] = "tlledg02";

void tl_ledger_free(tl_ledger *l) {
  if (l->arena.env != NULL) tl_arena_free(&l->arena);
  *l = (tl_ledger){0};
}

/* ---- as bytes ---- */

typedef struct writer {
  tl_buffer *out;
  tl_error *err;
  tl_status status;
} writer;

static void put(writer *w, const void *data, size_t size) {
  if (w->status == TL_OK) w->status = tl_buffer_append(w->out, data, size, w->err);
}
static void put_int(writer *w, int64_t value) { put(w, &value, sizeof value); }
static void put_hash(writer *w, uint64_t value) { put(w, &value, sizeof value); }
static void put_bytes(writer *w, const void *data, size_t size) {
  put_int(w, (int64_t)size);
  put(w, data, size);
}
static void put_text(writer *w, const char *text) { put_bytes(w, text, strlen(text)); }

/* Few numbers, or a bit for each stream, whatever takes less. */
static void put_set(writer *w, const tl_stream_set *s) {
  size_t bits = s->count > 0 ? s->streams[s->count - 1] / 8 + 1 : 0;
  if (s->all) {
    put_int(w, -1);
    return;
  }
  bool as_bits = bits < 4 * s->count;
  put_int(w, (int64_t)s->count);
  put_int(w, as_bits ? (int64_t)bits : 0);
  if (!as_bits) {
    put(w, s->streams, 4 * s->count);
    return;
  }
  uint8_t byte = 0;
  size_t at = 0;
  for (size_t i = 0; i < s->count; i++) {
    for (; at < s->streams[i] / 8; at++, byte = 0) put(w, &byte, 1);
    byte |= (uint8_t)(1 << s->streams[i] % 8);
  }
  put(w, &byte, 1);
}

static void put_place(writer *w, const tl_ledger_place *p) {
  put_int(w, p->file);
  put_int(w, p->offset);
  put_int(w, p->size);
  put_hash(w, p->check);
}

tl_status tl_ledger_write(const tl_ledger *l, tl_buffer *out, tl_error *err) {
  writer w = {.out = out, .err = err};
  size_t begin = out->size;
  put(&w, MAGIC, sizeof MAGIC);
  put_hash(&w, l->work);
  put_hash(&w, l->frame);
  put_hash(&w, l->shape);
  put_hash(&w, l->layout);
  put_int(&w, l->mirrors);
  put_int(&w, l->latest);
  put_int(&w, (int64_t)l->record_count);
  for (size_t i = 0; i < l->record_count; i++) put_text(&w, l->records[i]);
  put_int(&w, (int64_t)l->stream_count);
  for (size_t i = 0; i < l->stream_count; i++) {
    const tl_ledger_stream *s = &l->streams[i];
    put_bytes(&w, s->key.data, s->key.size);
    put_int(&w, s->failed);
    put_int(&w, s->rows);
    put_int(&w, s->last_key);
    put_hash(&w, s->content);
    put_place(&w, &s->record);
    put_place(&w, &s->calendar);
  }
  put_int(&w, (int64_t)l->file_count);
  for (size_t i = 0; i < l->file_count; i++) {
    const tl_ledger_file *f = &l->files[i];
    put_text(&w, f->name);
    put_int(&w, f->failed);
    put_int(&w, f->size);
    put_int(&w, f->mtime_ns);
    put_int(&w, f->rows);
    put_hash(&w, f->inode);
    put_int(&w, (int64_t)f->group_count);
    put(&w, f->groups, f->group_count * sizeof *f->groups);
    put_set(&w, &f->streams);
  }
  put_int(&w, (int64_t)l->output_count);
  for (size_t i = 0; i < l->output_count; i++) {
    put_text(&w, l->outputs[i].name);
    put_int(&w, l->outputs[i].is_part);
    put_set(&w, &l->outputs[i].streams);
  }
  put_int(&w, (int64_t)l->side_count);
  for (size_t i = 0; i < l->side_count; i++) {
    put_int(&w, l->sides[i].rows);
    put_hash(&w, l->sides[i].files);
    put_hash(&w, l->sides[i].layout);
    put_place(&w, &l->sides[i].series);
  }
  if (w.status == TL_OK) put_hash(&w, XXH3_64bits(out->data + begin, out->size - begin));
  return w.status;
}

/* ---- from bytes ---- */

typedef struct reader {
  const uint8_t *at, *end;
  tl_arena *arena;
  tl_error *err;
  tl_status status; /* TL_NOT_FOUND: makes no sense */
} reader;

static const void *take(reader *r, size_t size) {
  if (r->status == TL_OK && size > (size_t)(r->end - r->at)) r->status = TL_NOT_FOUND;
  if (r->status != TL_OK) return NULL;
  r->at += size;
  return r->at - size;
}
static uint64_t take_hash(reader *r) {
  const void *p = take(r, 8);
  return p != NULL ? tl_load64(p) : 0;
}
static int64_t take_int(reader *r) { return (int64_t)take_hash(r); }

/* A number of things that take at least `size` bytes each, and memory for them. */
static size_t take_count(reader *r, size_t size, void *out, size_t width) {
  int64_t count = take_int(r);
  if (r->status == TL_OK && (count < 0 || (size_t)count > (size_t)(r->end - r->at) / size)) r->status = TL_NOT_FOUND;
  if (r->status == TL_OK) r->status = tl_arena_take(r->arena, out, (size_t)count + 1, width, r->err);
  return r->status == TL_OK ? (size_t)count : 0;
}

static tl_bytes take_bytes(reader *r) {
  int64_t size = take_int(r);
  const void *p = size >= 0 ? take(r, (size_t)size) : NULL;
  const char *copy = "";
  if (p == NULL && r->status == TL_OK) r->status = TL_NOT_FOUND;
  if (r->status == TL_OK) r->status = tl_arena_text(r->arena, &copy, p, (size_t)size, r->err);
  return (tl_bytes){(const uint8_t *)copy, r->status == TL_OK ? (size_t)size : 0};
}
static const char *take_text(reader *r) { return (const char *)take_bytes(r).data; }

static void take_set(reader *r, tl_stream_set *out, size_t streams) {
  int64_t count = take_int(r);
  *out = (tl_stream_set){.all = count == -1};
  if (out->all) return;
  int64_t bits = take_int(r);
  if (count < 0 || (size_t)count > streams || bits < 0) r->status = TL_NOT_FOUND;
  const uint8_t *p = r->status == TL_OK ? take(r, bits > 0 ? (size_t)bits : 4 * (size_t)count) : NULL;
  if (p == NULL) return;
  r->status = tl_arena_take(r->arena, &out->streams, (size_t)count + 1, sizeof *out->streams, r->err);
  for (int64_t i = 0; r->status == TL_OK && bits > 0 && i < 8 * bits && out->count < (size_t)count; i++)
    if (p[i / 8] >> i % 8 & 1) out->streams[out->count++] = (uint32_t)i;
  if (r->status == TL_OK && bits == 0) memcpy(out->streams, p, 4 * (size_t)count), out->count = (size_t)count;
  for (size_t i = 0; i < out->count; i++)
    if (out->streams[i] >= streams) r->status = TL_NOT_FOUND;
}

static void take_place(reader *r, tl_ledger_place *out, size_t files) {
  int64_t file = take_int(r);
  out->file = (int32_t)file;
  out->offset = take_int(r);
  out->size = take_int(r);
  out->check = take_hash(r);
  if (file < -1 || file >= (int64_t)files || out->offset < 0 || out->size < 0) r->status = TL_NOT_FOUND;
}

static void take_stream(reader *r, tl_ledger_stream *s, size_t records) {
  s->key = take_bytes(r);
  s->failed = take_int(r) != 0;
  s->rows = take_int(r);
  s->last_key = take_int(r);
  s->content = take_hash(r);
  take_place(r, &s->record, records);
  take_place(r, &s->calendar, records);
}

static void take_file(reader *r, tl_ledger_file *f, size_t streams) {
  f->name = take_text(r);
  f->failed = take_int(r) != 0;
  f->size = take_int(r);
  f->mtime_ns = take_int(r);
  f->rows = take_int(r);
  f->inode = take_hash(r);
  f->group_count = take_count(r, sizeof *f->groups, &f->groups, sizeof *f->groups);
  const void *groups = take(r, f->group_count * sizeof *f->groups);
  if (groups != NULL) memcpy(f->groups, groups, f->group_count * sizeof *f->groups);
  take_set(r, &f->streams, streams);
}

static void take_all(reader *r, tl_ledger *l) {
  l->work = take_hash(r);
  l->frame = take_hash(r);
  l->shape = take_hash(r);
  l->layout = take_hash(r);
  l->mirrors = take_int(r) != 0;
  l->latest = take_int(r);
  l->record_count = take_count(r, 8, &l->records, sizeof *l->records);
  for (size_t i = 0; i < l->record_count; i++) l->records[i] = take_text(r);
  l->stream_count = take_count(r, 104, &l->streams, sizeof *l->streams);
  for (size_t i = 0; r->status == TL_OK && i < l->stream_count; i++) take_stream(r, &l->streams[i], l->record_count);
  l->file_count = take_count(r, 64, &l->files, sizeof *l->files);
  for (size_t i = 0; r->status == TL_OK && i < l->file_count; i++) take_file(r, &l->files[i], l->stream_count);
  l->output_count = take_count(r, 24, &l->outputs, sizeof *l->outputs);
  for (size_t i = 0; r->status == TL_OK && i < l->output_count; i++) {
    l->outputs[i].name = take_text(r);
    l->outputs[i].is_part = take_int(r) != 0;
    take_set(r, &l->outputs[i].streams, l->stream_count);
  }
  l->side_count = take_count(r, 56, &l->sides, sizeof *l->sides);
  for (size_t i = 0; r->status == TL_OK && i < l->side_count; i++) {
    l->sides[i].rows = take_int(r);
    l->sides[i].files = take_hash(r);
    l->sides[i].layout = take_hash(r);
    take_place(r, &l->sides[i].series, l->record_count);
  }
}

tl_status tl_ledger_read(tl_ledger *out, tl_env *env, const char *path, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = env};
  *out = (tl_ledger){.arena = {.env = env}};
  TL_TRY(tl_file_read(&text, path, err));
  if (text.size < sizeof MAGIC + 8 || memcmp(text.data, MAGIC, sizeof MAGIC) != 0) return tl_fail(err, TL_NOT_FOUND, "%s is no ledger", path);
  if (XXH3_64bits(text.data, text.size - 8) != tl_load64(text.data + text.size - 8)) return tl_fail(err, TL_NOT_FOUND, "%s is damaged", path);
  reader r = {.at = text.data + sizeof MAGIC, .end = text.data + text.size - 8, .arena = &out->arena, .err = err};
  take_all(&r, out);
  if (r.status == TL_NOT_FOUND) tl_fail(err, TL_NOT_FOUND, "%s makes no sense", path);
  if (r.status == TL_OK) r.status = tl_ledger_index(out, err);
  if (r.status != TL_OK) tl_ledger_free(out);
  return r.status;
}

/* ---- finding ---- */

tl_status tl_ledger_index(tl_ledger *l, tl_error *err) {
  l->table_size = 16;
  while (l->table_size < 2 * l->stream_count) l->table_size *= 2;
  TL_TRY(tl_arena_take(&l->arena, &l->table, l->table_size, sizeof *l->table, err));
  for (size_t i = 0; i < l->stream_count; i++) {
    size_t at = XXH3_64bits(l->streams[i].key.data, l->streams[i].key.size) & (l->table_size - 1);
    while (l->table[at] != 0) at = (at + 1) & (l->table_size - 1);
    l->table[at] = (uint32_t)i + 1;
  }
  return TL_OK;
}

int64_t tl_ledger_find(const tl_ledger *l, tl_bytes key) {
  if (l->table_size == 0) return -1;
  for (size_t at = XXH3_64bits(key.data, key.size) & (l->table_size - 1); l->table[at] != 0; at = (at + 1) & (l->table_size - 1)) {
    const tl_ledger_stream *s = &l->streams[l->table[at] - 1];
    if (s->key.size == key.size && memcmp(s->key.data, key.data, key.size) == 0) return (int64_t)l->table[at] - 1;
  }
  return -1;
}

static int by_name(const void *name, const void *file) { return strcmp(name, ((const tl_ledger_file *)file)->name); }

const tl_ledger_file *tl_ledger_file_named(const tl_ledger *l, const char *name) {
  return l->file_count > 0 ? bsearch(name, l->files, l->file_count, sizeof *l->files, by_name) : NULL;
}

bool tl_ledger_file_is(const tl_ledger_file *f, int64_t size, int64_t mtime_ns, uint64_t inode) {
  return !f->failed && f->size == size && f->mtime_ns == mtime_ns && f->inode == inode;
}

static int by_number(const void *a, const void *b) { return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b); }

void tl_set_sort(tl_stream_set *s) {
  size_t kept = 0;
  if (s->count > 1) qsort(s->streams, s->count, sizeof *s->streams, by_number);
  for (size_t i = 0; i < s->count; i++)
    if (i == 0 || s->streams[i] != s->streams[kept - 1]) s->streams[kept++] = s->streams[i];
  s->count = kept;
}
