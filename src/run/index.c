/* Rows to streams: which rows of which row group belong to whom, from the key columns alone. */
#include <stdlib.h>
#include <string.h>
#include "run/opener.h"
#include "run/values.h"

/* ---- parts ---- */

/* There are too many parts to keep: streams are only counted from here on, and put together by reading everything once more. */
static void drop_parts(tl_opener *o) {
  tl_input_set *s = o->set;
  tl_release(s->env, s->parts);
  s->parts = NULL;
  s->part_count = s->part_capacity = 0;
  s->scattered = o->parts_dropped = true;
}

static tl_status add_part(tl_opener *o, tl_part part, tl_error *err) {
  tl_input_set *s = o->set;
  tl_stream *stream = &s->streams[part.stream];
  size_t had = o->last_part_capacity;
  TL_TRY(tl_reserve(s->env, &o->last_part, &o->last_part_capacity, s->stream_count, sizeof *o->last_part, err));
  for (size_t i = had; i < o->last_part_capacity; i++) o->last_part[i] = -1;
  stream->spans_files |= stream->last_file >= 0 && stream->last_file != part.file;
  if (stream->first_file < 0) {
    const tl_input_file *f = &s->files[part.file];
    stream->first_file = part.file;
    stream->first_row = part.first_row + (f->group_count > 0 ? s->groups[f->first_group + (size_t)part.group].first_row : 0);
  }
  stream->last_file = part.file;
  stream->rows += part.rows;
  if (o->options->part_bytes > 0 && (int64_t)((s->part_count + 1) * sizeof part) > o->options->part_bytes) drop_parts(o);
  if (o->parts_dropped) return TL_OK;
  TL_TRY(tl_reserve(s->env, &s->parts, &s->part_capacity, s->part_count + 1, sizeof part, err));
  o->last_part[part.stream] = (int64_t)s->part_count;
  s->parts[s->part_count++] = part;
  stream->part_count++;
  return TL_OK;
}

/* The part of this stream in this row group, or NULL. */
static tl_part *part_of(const tl_opener *o, int32_t stream, int file, int group) {
  if ((size_t)stream >= o->last_part_capacity || o->last_part[stream] < 0 || (size_t)o->last_part[stream] >= o->set->part_count) return NULL;
  tl_part *p = &o->set->parts[o->last_part[stream]];
  return p->file == file && p->group == group ? p : NULL;
}

/* Rows that follow on a part of the same group make it longer; where only rows that are not selected lie between, they are a further
   part, which keeps the place of the first. Rows with another's between them mean that the data is scattered, and no part is of use. */
static tl_status add_rows(tl_opener *o, tl_part more, tl_error *err) {
  tl_part *p = part_of(o, more.stream, more.file, more.group);
  bool newest = p != NULL && p == &o->set->parts[o->set->part_count - 1];
  if (newest && p->first_row + p->rows == more.first_row) {
    p->rows += more.rows;
    o->set->streams[more.stream].rows += more.rows;
    return TL_OK;
  }
  if (newest) more.first_key = p->first_key;
  if (p != NULL && !newest) drop_parts(o);
  return add_part(o, more, err);
}

/* ---- files ---- */

/* The order keys of `count` rows of a group, into o->order. */
static tl_status read_order(tl_opener *o, const tl_input_file *f, tl_parquet *file, int group, int64_t first, int64_t count, tl_page_cursor *cursor,
                            tl_error *err) {
  TL_TRY(tl_reserve(o->set->env, &o->order, &o->order_capacity, (size_t)count, sizeof *o->order, err));
  return tl_order_values(f, file, group, first, count, &o->order_column, &o->scratch, cursor, o->order, err);
}

static tl_status add_stretch(tl_opener *o, tl_part part, tl_error *err) {
  tl_stream *s = &o->set->streams[part.stream];
  if (!o->parts_dropped || s->last_file != part.file) return add_rows(o, part, err);
  s->rows += part.rows; /* counting is all that is left to do */
  return TL_OK;
}

/* Selected rows side by side, [row, end) of those whose keys were read, to their streams. The order keys of the rows are there where the
   file has several streams; else that of the group's first row alone, which is all that its parts need. */
static tl_status index_stretch(tl_opener *o, tl_part part, int64_t row, int64_t end, tl_error *err) {
  const tl_input_file *f = &o->set->files[part.file];
  int64_t first_row = part.first_row;
  bool by_row = tl_keys_by_row(o->set, f), known = by_row && !o->parts_dropped; /* even if they are dropped in between */
  int32_t next = -1;
  TL_TRY(tl_keys_stream(&o->keys, f, row, true, &part.stream, err));
  for (int64_t behind; row < end; row = behind, part.stream = next) {
    for (behind = by_row ? row + 1 : end; behind < end; behind++) {
      TL_TRY(tl_keys_stream(&o->keys, f, behind, true, &next, err));
      if (next != part.stream) break;
    }
    part.first_row = first_row + row;
    part.rows = behind - row;
    if (known) part.first_key = o->order[row];
    TL_TRY(add_stretch(o, part, err));
  }
  return TL_OK;
}

static tl_status index_rows(tl_opener *o, tl_parquet *file, int index, int group, const tl_selected *rows, tl_page_cursor *cursor, tl_error *err) {
  const tl_input_file *f = &o->set->files[index];
  tl_input_group *g = &o->set->groups[f->first_group + (size_t)group];
  bool all = tl_keys_by_row(o->set, f) && !o->parts_dropped; /* where parts are of no use, only the group's first key is */
  if (all || g->selected == 0) TL_TRY(read_order(o, f, file, group, rows->first, all ? rows->count : 1, cursor, err));
  if (g->selected == 0) g->first_key = o->order[0];
  g->selected += rows->selected;
  TL_TRY(tl_keys_read(&o->keys, file, f, group, rows->first, rows->count, &o->scratch, err));
  tl_part part = {.file = index, .group = group, .first_row = rows->first, .first_key = g->first_key};
  for (tl_row_range r = tl_selected_side_by_side(rows, 0); r.count > 0; r = tl_selected_side_by_side(rows, r.first + r.count))
    TL_TRY(index_stretch(o, part, r.first, r.first + r.count, err));
  return TL_OK;
}

static tl_status index_group(tl_opener *o, tl_parquet *file, int index, int group, tl_error *err) {
  enum { STEP = 65536 }; /* rows read at a time */
  tl_page_cursor cursor = {0};
  tl_selected rows;
  TL_TRY(tl_selector_start(&o->selector, file, index, group, 0, file->meta.groups[group].row_count, err));
  for (;;) {
    TL_TRY(tl_selector_next(&o->selector, STEP, &rows, err));
    if (rows.count == 0) return TL_OK;
    TL_TRY(index_rows(o, file, index, group, &rows, &cursor, err));
  }
}

/* A file that is its stream: one of a single part needs no order key for its place. */
static tl_status index_whole_file(tl_opener *o, int index, int32_t stream, tl_error *err) {
  const tl_input_file *f = &o->set->files[index];
  if (f->group_count > 0) o->set->groups[f->first_group].selected = f->rows;
  return add_part(o, (tl_part){.stream = stream, .file = index, .rows = f->rows, .unplaced = true}, err);
}

tl_status tl__index_file(tl_opener *o, int index, tl_parquet *file, tl_error *err) {
  tl_input_file *f = &o->set->files[index];
  tl_input_set *s = o->set;
  bool by_row = tl_keys_by_row(s, f);
  int32_t stream = -1;
  f->order_factor = 1; /* for now: the unit of all files together is not known yet */
  if (!by_row) {       /* the file is a stream, also without rows */
    o->keys.before = -1;
    TL_TRY(tl_keys_stream(&o->keys, f, 0, true, &stream, err));
    if (f->group_count <= 1 && s->where == NULL && o->wanted == NULL) return index_whole_file(o, index, stream, err);
  }
  for (int g = 0; g < file->meta.group_count; g++)
    if (file->meta.groups[g].row_count > 0 && (o->wanted == NULL || o->wanted[g])) TL_TRY(index_group(o, file, index, g, err));
  bool empty = !by_row && s->streams[stream].last_file != index;
  return empty ? add_part(o, (tl_part){.stream = stream, .file = index, .unplaced = true}, err) : TL_OK;
}

tl_status tl__input_fail_file(tl_opener *o, int index, const tl_error *why, tl_error *err) {
  tl_input_set *s = o->set;
  tl_input_file *f = &s->files[index];
  if (f->failed) return TL_OK;
  f->failed = true;
  f->status = why->status;
  for (size_t i = 0; o->indexing && i < s->stream_count; i++) /* its other rows alone would be a wrong stream; one without a file was found here just now */
    s->streams[i].failed |= s->streams[i].last_file == index || s->streams[i].last_file < 0;
  for (size_t i = 0; o->indexing && i < s->part_count; i++)
    if (s->parts[i].file == index) s->streams[s->parts[i].stream].failed = true;
  return tl_arena_text(&s->arena, &f->error, why->text, strlen(why->text), err);
}

/* ---- the end ---- */

/* Files of one part are indexed without a look at their rows; where a stream turns out to have several, the look is taken now. */
static tl_status place_part(tl_opener *o, tl_part *part, tl_error *err) {
  tl_input_file *f = &o->set->files[part->file];
  TL_OWNED(tl_parquet) file = {.handle = -1};
  if (part->rows == 0) return TL_OK;
  TL_TRY(tl_parquet_open(&file, o->set->env, f->file->path, err));
  TL_TRY(read_order(o, f, &file, part->group, 0, 1, NULL, err));
  o->set->groups[f->first_group + (size_t)part->group].first_key = part->first_key = o->order[0];
  return TL_OK;
}

static tl_status place_parts(tl_opener *o, tl_error *err) {
  tl_error why;
  for (size_t i = 0; i < o->set->part_count; i++) {
    tl_part *part = &o->set->parts[i];
    bool alone = o->set->streams[part->stream].part_count < 2 && !o->set->scattered;
    if (!part->unplaced || alone || o->set->files[part->file].failed) continue;
    if (place_part(o, part, &why) != TL_OK) TL_TRY(tl__input_fail_file(o, part->file, &why, err));
  }
  return TL_OK;
}

static int by_key(const void *a, const void *b, void *set) {
  const tl_input_set *s = set;
  return tl_stream_compare(s, &s->streams[*(const int32_t *)a], &s->streams[*(const int32_t *)b]);
}

/* Streams into the order of their keys. */
static tl_status sort_streams(tl_input_set *s, tl_error *err) {
  int32_t *order, *rank;
  tl_stream *sorted;
  TL_OWNED(tl_arena) arena = {.env = s->env};
  TL_TRY(tl_arena_take(&arena, &order, s->stream_count + 1, sizeof *order, err));
  TL_TRY(tl_arena_take(&arena, &rank, s->stream_count + 1, sizeof *rank, err));
  TL_TRY(tl_allocate(s->env, &sorted, s->stream_count + 1, sizeof *sorted, err));
  for (size_t i = 0; i < s->stream_count; i++) order[i] = (int32_t)i;
  qsort_r(order, s->stream_count, sizeof *order, by_key, s);
  for (size_t i = 0; i < s->stream_count; i++) {
    sorted[i] = s->streams[order[i]];
    rank[order[i]] = (int32_t)i;
  }
  for (size_t i = 0; i < s->part_count; i++) s->parts[i].stream = rank[s->parts[i].stream];
  tl_release(s->env, s->streams);
  s->streams = sorted;
  s->stream_capacity = s->stream_count + 1;
  tl_release(s->env, s->table); /* it knew them by their old places */
  s->table = NULL;
  s->table_size = 0;
  return TL_OK;
}

static int by_first_key(const void *a, const void *b) {
  const tl_part *x = a, *y = b;
  if (x->first_key != y->first_key) return x->first_key < y->first_key ? -1 : 1;
  if (x->file != y->file) return x->file < y->file ? -1 : 1;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->first_row < y->first_row ? -1 : x->first_row > y->first_row;
}

/* By stream, then by order key: a count for each stream, then a sort of its few parts. */
static tl_status sort_parts(tl_input_set *s, tl_error *err) {
  tl_part *sorted;
  size_t at = 0;
  TL_TRY(tl_allocate(s->env, &sorted, s->part_count + 1, sizeof *sorted, err));
  for (size_t i = 0; i < s->stream_count; i++) {
    s->streams[i].parts = at;
    at += s->streams[i].part_count;
    s->streams[i].part_count = 0;
  }
  for (size_t i = 0; i < s->part_count; i++) {
    tl_stream *stream = &s->streams[s->parts[i].stream];
    sorted[stream->parts + stream->part_count++] = s->parts[i];
  }
  for (size_t i = 0; i < s->stream_count; i++)
    if (s->streams[i].part_count > 1) qsort(sorted + s->streams[i].parts, s->streams[i].part_count, sizeof *sorted, by_first_key);
  tl_release(s->env, s->parts);
  s->parts = sorted;
  s->part_capacity = s->part_count + 1;
  return TL_OK;
}

static void to_unit(const tl_input_set *s, int32_t file, int64_t *key) {
  if (*key != INT64_MIN && __builtin_mul_overflow(*key, s->files[file].order_factor, key)) *key = INT64_MAX;
}

static int by_group_key(const void *a, const void *b, void *set) {
  const tl_input_set *s = set;
  size_t i = *(const size_t *)a, k = *(const size_t *)b;
  if (s->groups[i].first_key != s->groups[k].first_key) return s->groups[i].first_key < s->groups[k].first_key ? -1 : 1;
  return i < k ? -1 : i > k;
}

/* Row groups by their first keys, and where each begins in that sequence. */
static tl_status sort_groups(tl_input_set *s, tl_error *err) {
  int64_t origin = 0;
  TL_TRY(tl_allocate(s->env, &s->sequence, s->group_count + 1, sizeof *s->sequence, err));
  for (size_t i = 0; i < s->group_count; i++) s->sequence[i] = i;
  if (s->group_count > 1) qsort_r(s->sequence, s->group_count, sizeof *s->sequence, by_group_key, s);
  for (size_t i = 0; i < s->group_count; i++) {
    s->groups[s->sequence[i]].origin = origin;
    origin += s->groups[s->sequence[i]].rows;
  }
  return TL_OK;
}

tl_status tl__index_finish(tl_opener *o, tl_error *err) {
  tl_input_set *s = o->set;
  for (size_t i = 0; i < s->part_count; i++) to_unit(s, s->parts[i].file, &s->parts[i].first_key);
  for (size_t i = 0; i < s->group_count; i++) to_unit(s, s->groups[i].file, &s->groups[i].first_key);
  o->indexing = true;
  TL_TRY(place_parts(o, err));
  TL_TRY(sort_groups(s, err));
  for (size_t i = 0; o->parts_dropped && i < s->stream_count; i++) s->streams[i].part_count = 0;
  TL_TRY(sort_streams(s, err));
  return s->part_count > 0 ? sort_parts(s, err) : TL_OK;
}
