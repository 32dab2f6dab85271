/* A dataset opened: listed, bound, indexed. */
#include "run/input.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/text.h"
#include "run/opener.h"

void tl_input_free(tl_input_set *s) {
  if (s->env == NULL) return;
  tl_release(s->env, s->streams);
  tl_release(s->env, s->parts);
  tl_release(s->env, s->groups);
  tl_release(s->env, s->sequence);
  tl_release(s->env, s->table);
  tl_dataset_free(&s->dataset);
  tl_arena_free(&s->arena);
  *s = (tl_input_set){0};
}

int tl_stream_compare(const tl_input_set *s, const tl_stream *x, const tl_stream *y) {
  const tl_key_value_data *a = x->keys, *b = y->keys;
  for (int k = 0; k < s->definition->key_count; k++) {
    if (a[k].missing != b[k].missing) return a[k].missing ? -1 : 1;
    int order = a[k].text != NULL && b[k].text != NULL ? strcmp(a[k].text, b[k].text) : (a[k].number > b[k].number) - (a[k].number < b[k].number);
    if (order != 0) return order;
  }
  return 0;
}

const tl_stream *tl_stream_with(const tl_input_set *s, const tl_key_value_data *keys) {
  tl_stream wanted = {.keys = keys};
  size_t low = 0, high = s->stream_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = tl_stream_compare(s, &wanted, &s->streams[middle]);
    if (order == 0) return &s->streams[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

static void report_files(tl_opener *o) {
  for (size_t i = 0; i < o->set->dataset.count; i++) {
    const tl_input_file *f = &o->set->files[i];
    tl_error why = {.status = f->status};
    if (!f->failed) continue;
    snprintf(why.text, sizeof why.text, "%s", f->error);
    o->options->report(o->options->report_context, f->file->path, NULL, &why);
  }
}

static tl_status describe_keys(tl_opener *o, tl_error *err) {
  tl_input_set *s = o->set;
  for (int k = 0; k < s->definition->key_count; k++) {
    for (size_t i = 0; i < s->dataset.count; i++) {
      if (s->files[i].failed) continue;
      if (s->files[i].keys[k] == TL_KEY_STEM && s->key_note == NULL)
        TL_TRY(tl_arena_format(&s->arena, &s->key_note, err, "%s: the key %s is taken from the names of the files", s->dataset.root, s->definition->keys[k]));
      break;
    }
  }
  return TL_OK;
}

/* Rows whose key is missing belong to no stream that could be named. */
static void fail_without_key(tl_opener *o, tl_stream *stream) {
  char name[300];
  tl_error why;
  for (int k = 0; k < o->set->definition->key_count && !stream->failed; k++) {
    if (!stream->keys[k].missing) continue;
    tl_stream_name(o->set, stream, name, sizeof name);
    tl_fail(&why, TL_CORRUPT, "%s, row %lld: the key %s is missing (%lld such rows)", o->set->files[stream->first_file].file->path,
            (long long)stream->first_row, o->set->definition->keys[k], (long long)stream->rows);
    o->options->report(o->options->report_context, NULL, name, &why);
    stream->failed = true;
    o->set->rows -= stream->rows;
  }
}

static tl_status choose_groups(tl_opener *o, int index, tl_parquet *file, tl_error *err) {
  size_t groups = (size_t)file->meta.group_count;
  if (o->options->choose_groups == NULL) return TL_OK;
  TL_TRY(tl_reserve(o->set->env, &o->wanted, &o->wanted_capacity, groups + 1, sizeof *o->wanted, err));
  memset(o->wanted, true, groups);
  return o->options->choose_groups(o->options->choose_context, index, file, o->wanted, err);
}

static tl_status look_at_file(tl_opener *o, int index, bool *first, tl_error *err) {
  TL_OWNED(tl_parquet) file = {.handle = -1};
  o->indexing = false;
  TL_TRY(tl_parquet_open_within(&file, o->set->env, o->set->files[index].file->path, o->options->page_limit, err));
  TL_TRY(tl__bind_file(o, index, &file, first, err));
  TL_TRY(choose_groups(o, index, &file, err));
  o->indexing = true;
  return tl__index_file(o, index, &file, err);
}

/* Now that all files are known: the order key's unit. */
static void settle_units(tl_input_set *s) {
  for (size_t i = 0; i < s->dataset.count; i++) {
    tl_input_file *f = &s->files[i];
    tl_time_unit unit = tl_field_unit(&f->order_field);
    f->order_factor = f->failed || unit == TL_UNIT_NONE ? 1 : tl_units_a_day(s->order_unit) / tl_units_a_day(unit);
  }
}

static tl_status open_all(tl_opener *o, const char *path, tl_error *err) {
  tl_input_set *s = o->set;
  tl_error why = {0};
  bool first = true;
  TL_TRY(tl_dataset_list(&s->dataset, s->env, path, err));
  if (o->options->choose_files != NULL) TL_TRY(o->options->choose_files(o->options->choose_context, &s->dataset, err));
  TL_TRY(tl_where_find(s, o->options->where, o->options->page_limit, err));
  TL_TRY(tl_selector_open(&o->selector, s, &o->scratch, err));
  TL_TRY(tl_arena_take(&s->arena, &s->files, s->dataset.count, sizeof *s->files, err));
  TL_TRY(tl__bind_begin(o, err));
  for (size_t i = 0; i < s->dataset.count; i++) {
    s->files[i].file = &s->dataset.files[i];
    TL_TRY(tl_arena_take(&s->arena, &s->files[i].leaves, s->definition->input_count + 1, sizeof *s->files[i].leaves, err));
    if (look_at_file(o, (int)i, &first, &why) != TL_OK) TL_TRY(tl__input_fail_file(o, (int)i, &why, err));
  }
  TL_TRY(tl__bind_check(o, err));
  settle_units(s);
  TL_TRY(tl__index_finish(o, err));
  report_files(o);
  TL_TRY(describe_keys(o, err));
  for (size_t i = 0; i < s->stream_count; i++) {
    if (s->streams[i].failed) continue;
    s->rows += s->streams[i].rows;
    if (s->streams[i].rows > s->longest) s->longest = s->streams[i].rows;
  }
  for (size_t i = 0; i < s->stream_count; i++) fail_without_key(o, &s->streams[i]);
  return TL_OK;
}

tl_status tl_input_open(tl_input_set *out, tl_env *env, const tl_definition *definition, const char *path, const tl_input_options *options, tl_error *err) {
  *out = (tl_input_set){.env = env, .arena = {.env = env}, .definition = definition};
  tl_opener o = {.set = out, .options = options, .scratch = {.env = env, .limit = options->page_limit}, .order_column = {.env = env}};
  tl_key_reader_open(&o.keys, out);
  tl_status status = open_all(&o, path, err);
  out->bytes_read = o.scratch.bytes_read;
  tl_selector_free(&o.selector);
  tl_key_reader_free(&o.keys);
  tl_column_free(&o.order_column);
  tl_page_scratch_free(&o.scratch);
  tl_release(env, o.order);
  tl_release(env, o.last_part);
  tl_release(env, o.wanted);
  if (status != TL_OK) tl_input_free(out);
  return status;
}

tl_status tl_input_reopen(const tl_input_set *s, int32_t index, tl_parquet *out, tl_error *err) {
  const tl_input_file *f = &s->files[index];
  TL_TRY(tl_parquet_open(out, s->env, f->file->path, err));
  if (out->size == f->size && out->mtime_ns == f->mtime_ns && out->inode == f->inode) return TL_OK;
  tl_parquet_free(out);
  return tl_fail(err, TL_CORRUPT, "%s: the file changed while it was read", f->file->path);
}

uint64_t tl_file_fingerprint(const char *name, const tl_file_info *info) {
  uint64_t parts[] = {(uint64_t)info->size, (uint64_t)info->mtime_ns, info->inode, XXH3_64bits(name, strlen(name))};
  return XXH3_64bits(parts, sizeof parts);
}

uint64_t tl_input_fingerprint(const tl_input_set *s, int32_t index) {
  const tl_input_file *f = &s->files[index];
  return tl_file_fingerprint(f->file->name, &(tl_file_info){.size = f->size, .mtime_ns = f->mtime_ns, .inode = f->inode});
}

void tl_stream_name(const tl_input_set *s, const tl_stream *stream, char *out, size_t room) {
  size_t used = 0;
  out[0] = 0;
  for (int k = 0; k < s->definition->key_count && used < room; k++) {
    const tl_key_value_data *v = &stream->keys[k];
    char number[TL_TIME_TEXT];
    snprintf(number, sizeof number, "%lld", (long long)v->number);
    if (!v->text && s->key_fields[k].logical == TL_LOGICAL_DATE) tl_date_text(number, v->number);
    int n = snprintf(out + used, room - used, "%s%s", k > 0 ? ", " : "", v->missing ? "null" : v->text ? v->text : number);
    if (n < 0) return;
    used += (size_t)n;
  }
}

const tl_stream *tl_stream_find(const tl_input_set *s, const char *text, bool lone) {
  char name[600];
  if (s->stream_count == 1 && (lone || text == NULL)) return &s->streams[0];
  for (size_t i = 0; text != NULL && i < s->stream_count; i++) {
    tl_stream_name(s, &s->streams[i], name, sizeof name);
    if (strcmp(name, text) == 0) return &s->streams[i];
  }
  return NULL;
}
