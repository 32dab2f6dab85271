/* What no reader of a Parquet file can do without: bytes from the file, and their codec; nothing is decoded. The limits that parquet.py
   measures readers against.
     bench-codec FILE             ns a row of walking all pages: with pread in pieces of 1 MB, with the file in memory
     bench-codec --footer FILE C  milliseconds to open the file, and to read one column besides
     bench-codec --slice FILE A B bytes that rows A to B - 1 take: their pages, dictionaries, indexes, the footer
   Processor time, the least of several runs; one line of JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "codec/compressor.h"
#include "parquet/cursor.h"
#include "sys/sys.h"

enum { PIECE = 1 << 20, ENOUGH_FOR_A_HEADER = 1 << 14, RUNS = 5, OPENINGS = 20 };

typedef struct walk {
  tl_parquet *file;
  const uint8_t *memory; /* the whole file, or NULL: pread */
  tl_buffer piece, plain;
  int64_t piece_at, pages, stored, plain_bytes;
} walk;

static tl_error err;

static void check(tl_status status) {
  if (status == TL_OK) return;
  fprintf(stderr, "%s\n", err.text);
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The file's bytes at `at`: `least` of them, or all up to `end`. */
static tl_bytes view(walk *w, int64_t at, int64_t least, int64_t end) {
  if (least > end - at) least = end - at;
  if (w->memory != NULL) return (tl_bytes){w->memory + at, (size_t)(end - at)};
  int64_t from = at - w->piece_at, size = least > PIECE ? least : PIECE;
  if (from < 0 || from + least > (int64_t)w->piece.size) {
    if (size > end - at) size = end - at;
    w->piece.size = 0;
    check(tl_buffer_reserve(&w->piece, (size_t)size, &err));
    check(tl_parquet_read_bytes(w->file, w->piece.data, (size_t)size, at, &err));
    w->piece.size = (size_t)size;
    w->piece_at = at;
    from = 0;
  }
  return (tl_bytes){w->piece.data + from, w->piece.size - (size_t)from};
}

/* Levels of V2 pages are never compressed. */
static void take_page(walk *w, const tl_page *p, const uint8_t *body, int codec) {
  size_t head = p->type == TL_PAGE_DATA_V2 ? (size_t)(p->definition_size + p->repetition_size) : 0;
  size_t size = (size_t)p->stored_size, plain = (size_t)p->plain_size;
  check(tl_buffer_reserve(&w->plain, plain + 16, &err));
  if (codec == TL_CODEC_NONE || !p->compressed)
    memcpy(w->plain.data, body, size);
  else if (plain > head)
    check(tl_compressor_find(codec)->decompress(w->plain.data + head, plain - head, (tl_bytes){body + head, size - head}, &err));
  w->pages++;
  w->stored += p->stored_size;
  w->plain_bytes += p->plain_size;
}

static void walk_chunk(walk *w, const tl_chunk *c) {
  int64_t at = c->dictionary_offset > 0 && c->dictionary_offset < c->data_offset ? c->dictionary_offset : c->data_offset;
  for (int64_t end = at + c->compressed_size; at < end;) {
    tl_page page;
    check(tl_page_parse(&page, view(w, at, ENOUGH_FOR_A_HEADER, end), &err));
    at += (int64_t)page.header_size;
    take_page(w, &page, view(w, at, page.stored_size, end).data, c->codec);
    at += page.stored_size;
  }
}

/* Processor seconds of the best run. */
static double walk_all(walk *w) {
  double best = 1e9;
  for (int r = 0; r < RUNS; r++) {
    double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    w->pages = w->stored = w->plain_bytes = 0;
    for (int g = 0; g < w->file->meta.group_count; g++)
      for (int leaf = 0; leaf < w->file->meta.leaf_count; leaf++) {
        tl_chunk chunk = tl_meta_chunk(&w->file->meta, g, leaf);
        walk_chunk(w, &chunk);
      }
    double took = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    if (took < best) best = took;
  }
  return best;
}

static void measure_codec(const char *path) {
  TL_OWNED(tl_parquet) file = {0};
  check(tl_parquet_open(&file, tl_sys_env(), path, &err));
  walk w = {.file = &file, .piece = {.env = file.env}, .plain = {.env = file.env}};
  double with_pread = walk_all(&w);
  uint8_t *memory;
  check(tl_allocate(file.env, &memory, (size_t)file.size, 1, &err));
  check(tl_parquet_read_bytes(&file, memory, (size_t)file.size, 0, &err));
  w.memory = memory;
  double in_memory = walk_all(&w);
  double ns = 1e9 / (double)file.meta.row_count;
  printf(
      "{\"rows\": %lld, \"pages\": %lld, \"stored\": %lld, \"plain\": %lld, \"pread_s\": %.6f, \"memory_s\": %.6f, \"pread_ns\": %.3f, \"memory_ns\": %.3f}\n",
      (long long)file.meta.row_count, (long long)w.pages, (long long)w.stored, (long long)w.plain_bytes, with_pread, in_memory, with_pread * ns,
      in_memory * ns);
  tl_release(file.env, memory);
  tl_buffer_free(&w.piece);
  tl_buffer_free(&w.plain);
}

/* ---- footers ---- */

static void read_column(tl_parquet *file, int leaf, tl_page_scratch *scratch, tl_column *memory) {
  for (int g = 0; g < file->meta.group_count; g++) {
    TL_OWNED(tl_cursor) cursor = {0};
    check(tl_cursor_open(&cursor, file, g, leaf, scratch, &err));
    check(tl_cursor_read(&cursor, file->meta.groups[g].row_count, true, memory, &err));
  }
}

static void measure_footer(const char *path, const char *column) {
  double open_cpu = 1e9, open_wall = 1e9, cpu = 1e9, wall = 1e9;
  long long footer = 0;
  for (int i = 0; i < OPENINGS; i++) {
    TL_OWNED(tl_parquet) file = {0};
    tl_page_scratch scratch = {.env = tl_sys_env()};
    TL_OWNED(tl_column) memory = {.env = tl_sys_env(), .bytes = {.env = tl_sys_env()}};
    double cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID), wall_start = seconds(CLOCK_MONOTONIC);
    check(tl_parquet_open(&file, tl_sys_env(), path, &err));
    double cpu_open = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start, wall_open = seconds(CLOCK_MONOTONIC) - wall_start;
    int leaf = tl_meta_leaf(&file.meta, column);
    if (leaf < 0) check(tl_fail(&err, TL_NOT_FOUND, "there is no column %s", column));
    read_column(&file, leaf, &scratch, &memory);
    double cpu_all = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start, wall_all = seconds(CLOCK_MONOTONIC) - wall_start;
    if (cpu_open < open_cpu) open_cpu = cpu_open;
    if (wall_open < open_wall) open_wall = wall_open;
    if (cpu_all < cpu) cpu = cpu_all;
    if (wall_all < wall) wall = wall_all;
    footer = file.footer_size;
    tl_page_scratch_free(&scratch);
  }
  printf("{\"footer\": %lld, \"open_cpu_ms\": %.3f, \"open_wall_ms\": %.3f, \"cpu_ms\": %.3f, \"wall_ms\": %.3f}\n", footer, open_cpu * 1e3, open_wall * 1e3,
         cpu * 1e3, wall * 1e3);
}

/* ---- slices ---- */

/* Bytes of the pages of a chunk that hold rows of [from, to), counted from the group's first. */
static int64_t page_bytes(tl_parquet *file, int group, int leaf, int64_t from, int64_t to) {
  TL_OWNED(tl_offset_index) index = {0};
  tl_chunk chunk = tl_meta_chunk(&file->meta, group, leaf), *c = &chunk;
  if (c->offset_index.offset < 0) return c->compressed_size;
  check(tl_offset_index_load(&index, file, group, leaf, &err));
  int64_t bytes = 0;
  for (int64_t i = 0; i < index.count; i++) {
    int64_t end = i + 1 < index.count ? index.pages[i + 1].first_row : file->meta.groups[group].row_count;
    if (index.pages[i].first_row < to && end > from) bytes += index.pages[i].size;
  }
  return bytes;
}

static int64_t size_of(tl_extent e) { return e.offset < 0 ? 0 : e.size; }

static void measure_slice(const char *path, int64_t from, int64_t to) {
  TL_OWNED(tl_parquet) file = {0};
  check(tl_parquet_open(&file, tl_sys_env(), path, &err));
  int64_t pages = 0, dictionaries = 0, indexes = 0;
  for (int g = 0; g < file.meta.group_count; g++) {
    const tl_row_group *group = &file.meta.groups[g];
    if (group->first_row >= to || group->first_row + group->row_count <= from) continue;
    for (int leaf = 0; leaf < file.meta.leaf_count; leaf++) {
      tl_chunk chunk = tl_meta_chunk(&file.meta, g, leaf), *c = &chunk;
      pages += page_bytes(&file, g, leaf, from - group->first_row, to - group->first_row);
      if (c->dictionary_offset > 0 && c->dictionary_offset < c->data_offset) dictionaries += c->data_offset - c->dictionary_offset;
      indexes += size_of(c->column_index) + size_of(c->offset_index);
    }
  }
  printf("{\"pages\": %lld, \"dictionaries\": %lld, \"indexes\": %lld, \"footer\": %lld}\n", (long long)pages, (long long)dictionaries, (long long)indexes,
         (long long)file.footer_size);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--footer") == 0)
    measure_footer(argv[2], argv[3]);
  else if (argc == 5 && strcmp(argv[1], "--slice") == 0)
    measure_slice(argv[2], atoll(argv[3]), atoll(argv[4]));
  else if (argc == 2)
    measure_codec(argv[1]);
  else
    return fprintf(stderr, "usage: bench-codec FILE | --footer FILE COLUMN | --slice FILE A B\n"), 2;
  return 0;
}
