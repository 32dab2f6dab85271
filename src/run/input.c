#include "run/input.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/text.h"

/* What lives only while a dataset is opened. */
typedef struct opener {
  tl_input_set *set;
  const tl_input_options *options;
  tl_page_scratch scratch;
  tl_column key_columns[TL_MOST_KEYS], order_column;
  int64_t *table; /* stream hash table */
  size_t table_size;
  bool *seen;                /* inputs that some file has */
  bool *as_number;           /* inputs that are counted with: a time must be declared to be one */
  bool *key_seen;            /* --key settings whose column some file has */
  bool order_seen, any_seen; /* some file has the order key; some file could be read at all */
  int64_t *stream_of_part;
  size_t stream_of_part_capacity;
  tl_buffer key_text;
} opener;

void tl_input_free(tl_input_set *s) {
  if (s->env == NULL) return;
  tl_release(s->env, s->streams);
  tl_release(s->env, s->parts);
  tl_dataset_free(&s->dataset);
  tl_arena_free(&s->arena);
  *s = (tl_input_set){0};
}

/* ---- binding: names to leaves ---- */

static const char *renamed(const opener *o, const char *name) {
  for (size_t i = 0; i < o->options->key_count; i++)
    if (strcmp(o->options->keys[i].name, name) == 0) return o->options->keys[i].value;
  return NULL;
}

static int hive_key(const tl_dataset_file *file, const char *name) {
  for (int i = 0; i < file->key_count; i++)
    if (strcmp(file->keys[i].name, name) == 0) return TL_KEY_HIVE - i;
  return TL_KEY_ABSENT;
}

/* A column, else a part of the path, else the file's stem. A renamed key that the file lacks is looked for by its own name. */
static int bind_key(const opener *o, const tl_dataset_file *file, const tl_meta *meta, const char *name) {
  const char *names[2] = {renamed(o, name), name};
  for (int i = 0; i < 2; i++) {
    if (names[i] == NULL) continue;
    if (strcmp(names[i], "file.stem") == 0) return TL_KEY_STEM;
    int leaf = tl_meta_leaf(meta, names[i]);
    if (leaf >= 0) return leaf;
    int hive = hive_key(file, names[i]);
    if (hive != TL_KEY_ABSENT) return hive;
  }
  return TL_KEY_STEM;
}

tl_time_unit tl_field_unit(const tl_field *f) {
  if (f->logical == TL_LOGICAL_DATE) return TL_UNIT_DAY;
  if (f->logical != TL_LOGICAL_TIMESTAMP) return TL_UNIT_NONE;
  return f->digits == 3 ? TL_UNIT_MS : f->digits == 6 ? TL_UNIT_US : TL_UNIT_NS;
}

static bool is_integer(const tl_field *f) {
  bool plain = f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64;
  return plain && f->logical != TL_LOGICAL_DECIMAL && f->logical != TL_LOGICAL_TIME;
}

static tl_status no_column(const tl_meta *meta, const char *what, const char *name, tl_error *err) {
  const char *names[512];
  size_t count = 0;
  for (int i = 0; i < meta->leaf_count && count < 512; i++) names[count++] = meta->leaves[i].field.name;
  const char *nearest = tl_nearest_name(name, names, count);
  return tl_fail(err, TL_NOT_FOUND, "no column %s%s%s%s%s", name, what, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static tl_status bind_order(opener *o, tl_input_file *f, const tl_meta *meta, tl_error *err) {
  const char *name = o->set->definition->order, *other = renamed(o, name);
  f->order_leaf = other ? tl_meta_leaf(meta, other) : -1;
  if (f->order_leaf < 0) f->order_leaf = tl_meta_leaf(meta, name);
  o->order_seen |= f->order_leaf >= 0;
  if (f->order_leaf < 0) return no_column(meta, " (the order key); --key NAME=COLUMN names another", other ? other : name, err);
  f->order_field = meta->leaves[f->order_leaf].field;
  if (is_integer(&f->order_field) && !tl_field_is_unsigned(&f->order_field)) return TL_OK;
  char type[TL_TYPE_TEXT];
  tl_field_type_text(type, &f->order_field);
  return tl_fail(err, TL_UNSUPPORTED, "the order key %s is %s; it must be a date, a timestamp or an integer", f->order_field.name, type);
}

static void find_inputs(opener *o, tl_input_file *f, const tl_meta *meta) {
  const tl_definition *d = o->set->definition;
  for (size_t i = 0; i < d->input_count; i++) {
    f->leaves[i] = -1;
    for (int k = 0; k < d->inputs[i].column_count && f->leaves[i] < 0; k++) f->leaves[i] = tl_meta_leaf(meta, d->inputs[i].columns[k]);
    o->seen[i] |= f->leaves[i] >= 0;
  }
}

static bool is_needed(const opener *o, size_t input) { return o->options->needed == NULL || o->options->needed[input]; }

static tl_status bind_inputs(opener *o, tl_input_file *f, const tl_meta *meta, tl_error *err) {
  const tl_definition *d = o->set->definition;
  for (size_t i = 0; i < d->input_count; i++) {
    if (!is_needed(o, i) || (f->leaves[i] < 0 && d->inputs[i].optional)) continue;
    if (f->leaves[i] < 0) return no_column(meta, "", d->inputs[i].columns[0], err);
    const tl_field *field = &meta->leaves[f->leaves[i]].field;
    if (tl_field_unit(field) != TL_UNIT_NONE && o->as_number[i])
      return tl_fail(err, TL_UNSUPPORTED, "column %s is a date or timestamp; to count with it, declare the input %s: %s", field->name, d->inputs[i].name,
                     field->logical == TL_LOGICAL_DATE ? "date" : "timestamp");
    if (tl_field_is_numeric(field) && !meta->leaves[f->leaves[i]].nested && meta->leaves[f->leaves[i]].max_repetition == 0) {
      tl_time_unit unit = tl_field_unit(field);
      if (unit > o->set->units[i]) o->set->units[i] = unit; /* the finest of all files */
      continue;
    }
    char type[TL_TYPE_TEXT];
    tl_field_type_text(type, field);
    return tl_fail(err, TL_UNSUPPORTED, "column %s is %s; an input must be a number", field->name, type);
  }
  return TL_OK;
}

/* Which --key settings name something that this file has. */
static void find_renames(opener *o, const tl_input_file *f, const tl_meta *meta) {
  for (size_t i = 0; i < o->options->key_count; i++) {
    const char *column = o->options->keys[i].value;
    o->key_seen[i] |= strcmp(column, "file.stem") == 0 || tl_meta_leaf(meta, column) >= 0 || hive_key(f->file, column) != TL_KEY_ABSENT;
  }
}

static tl_status bind_keys(opener *o, tl_input_file *f, const tl_meta *meta, tl_error *err) {
  const tl_definition *d = o->set->definition;
  for (int k = 0; k < d->key_count; k++) {
    f->keys[k] = bind_key(o, f->file, meta, d->keys[k]);
    if (f->keys[k] < 0) continue;
    const tl_field *field = &meta->leaves[f->keys[k]].field;
    if ((is_integer(field) || field->physical == TL_PHYSICAL_BYTE_ARRAY) && meta->leaves[f->keys[k]].max_repetition == 0) continue;
    char type[TL_TYPE_TEXT];
    tl_field_type_text(type, field);
    return tl_fail(err, TL_UNSUPPORTED, "the key %s is %s; a key must be a text or an integer", field->name, type);
  }
  return TL_OK;
}

/* The dataset's own field of a key: the first file's column, or text for what comes from names. */
static tl_status settle_key_field(opener *o, const tl_input_file *f, const tl_meta *meta, int k, bool first, tl_error *err) {
  tl_field *known = &o->set->key_fields[k], field = {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING};
  if (f->keys[k] >= 0) field = meta->leaves[f->keys[k]].field;
  field.name = o->set->definition->keys[k];
  field.nullable = false;
  if (first) *known = field;
  o->set->key_in_path[k] = f->keys[k] <= TL_KEY_HIVE;
  if ((known->physical == TL_PHYSICAL_BYTE_ARRAY) == (field.physical == TL_PHYSICAL_BYTE_ARRAY)) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "the key %s is text in some files and a number in others", field.name);
}

int64_t tl_units_a_day(tl_time_unit unit) { return unit == TL_UNIT_NS ? 86400000000000 : unit == TL_UNIT_US ? 86400000000 : unit == TL_UNIT_MS ? 86400000 : 1; }

/* Files with dates and others with timestamps are one dataset in the finer unit; plain integers mix with nothing. */
static tl_status settle_order_field(opener *o, const tl_input_file *f, bool first, tl_error *err) {
  tl_time_unit unit = tl_field_unit(&f->order_field);
  tl_input_set *s = o->set;
  if (first) s->order_field = f->order_field, s->order_unit = unit;
  if ((unit == TL_UNIT_NONE) != (s->order_unit == TL_UNIT_NONE))
    return tl_fail(err, TL_CORRUPT, "the order key %s is a time in some files and a plain integer in others", f->order_field.name);
  if (unit > s->order_unit) s->order_field = f->order_field, s->order_unit = unit;
  if (f->order_field.physical == TL_PHYSICAL_INT64 && s->order_unit == TL_UNIT_NONE) s->order_field = f->order_field;
  s->order_field.name = s->definition->order;
  s->order_field.nullable = false;
  return TL_OK;
}

/* ---- index: rows to streams ---- */

static uint64_t key_hash(const tl_key_value_data *keys, int count) {
  uint64_t hash = 0;
  for (int k = 0; k < count; k++) {
    if (keys[k].text != NULL)
      hash = XXH3_64bits_withSeed(keys[k].text, strlen(keys[k].text), hash);
    else
      hash = XXH3_64bits_withSeed(&keys[k].number, sizeof keys[k].number, hash + keys[k].missing);
  }
  return hash;
}

static int compare_keys(const tl_key_value_data *a, const tl_key_value_data *b, int count) {
  for (int k = 0; k < count; k++) {
    if (a[k].missing != b[k].missing) return a[k].missing ? -1 : 1;
    int order = a[k].text != NULL && b[k].text != NULL ? strcmp(a[k].text, b[k].text) : (a[k].number > b[k].number) - (a[k].number < b[k].number);
    if (order != 0) return order;
  }
  return 0;
}

int tl_stream_compare(const tl_input_set *s, const tl_stream *a, const tl_stream *b) { return compare_keys(a->keys, b->keys, s->definition->key_count); }

static tl_status grow_table(opener *o, tl_error *err) {
  tl_input_set *s = o->set;
  if (o->table_size >= 2 * (s->stream_count + 1)) return TL_OK;
  size_t size = o->table_size ? o->table_size * 2 : 256;
  tl_release(s->env, o->table);
  o->table = NULL;
  TL_TRY(tl_allocate(s->env, &o->table, size, sizeof *o->table, err));
  o->table_size = size;
  for (size_t i = 0; i < size; i++) o->table[i] = -1;
  for (size_t i = 0; i < s->stream_count; i++) {
    size_t at = key_hash(s->streams[i].keys, s->definition->key_count) & (size - 1);
    while (o->table[at] >= 0) at = (at + 1) & (size - 1);
    o->table[at] = (int64_t)i;
  }
  return TL_OK;
}

/* The stream of these keys, made when it is new. */
static tl_status find_stream(opener *o, const tl_key_value_data *keys, int64_t *out, tl_error *err) {
  tl_input_set *s = o->set;
  int count = s->definition->key_count;
  TL_TRY(grow_table(o, err));
  size_t at = key_hash(keys, count) & (o->table_size - 1);
  for (; o->table[at] >= 0; at = (at + 1) & (o->table_size - 1)) {
    *out = o->table[at];
    if (compare_keys(s->streams[*out].keys, keys, count) == 0) return TL_OK;
  }
  tl_key_value_data *copy;
  TL_TRY(tl_reserve(s->env, &s->streams, &s->stream_capacity, s->stream_count + 1, sizeof *s->streams, err));
  TL_TRY(tl_arena_take(&s->arena, &copy, (size_t)count, sizeof *copy, err));
  memcpy(copy, keys, (size_t)count * sizeof *copy);
  for (int k = 0; k < count; k++)
    if (copy[k].text != NULL) TL_TRY(tl_arena_text(&s->arena, &copy[k].text, copy[k].text, strlen(copy[k].text), err));
  *out = o->table[at] = (int64_t)s->stream_count;
  s->streams[s->stream_count++] = (tl_stream){.keys = copy};
  return TL_OK;
}

static tl_status add_part(opener *o, int64_t stream, tl_part part, tl_error *err) {
  tl_input_set *s = o->set;
  TL_TRY(tl_reserve(s->env, &s->parts, &s->part_capacity, s->part_count + 1, sizeof *s->parts, err));
  TL_TRY(tl_reserve(s->env, &o->stream_of_part, &o->stream_of_part_capacity, s->part_count + 1, sizeof *o->stream_of_part, err));
  o->stream_of_part[s->part_count] = stream;
  s->parts[s->part_count++] = part;
  s->streams[stream].part_count++;
  s->streams[stream].rows += part.rows;
  return TL_OK;
}

/* The key of one row; text points into o->key_text or the path until the next call. */
static tl_status row_key(opener *o, const tl_input_file *f, int64_t row, tl_key_value_data *keys, tl_error *err) {
  size_t starts[TL_MOST_KEYS] = {0};
  o->key_text.size = 0;
  for (int k = 0; k < o->set->definition->key_count; k++) {
    keys[k] = (tl_key_value_data){0};
    if (f->keys[k] == TL_KEY_STEM)
      keys[k].text = f->file->stem;
    else if (f->keys[k] <= TL_KEY_HIVE) {
      keys[k].text = f->file->keys[TL_KEY_HIVE - f->keys[k]].value;
      keys[k].missing = keys[k].text == NULL;
    } else {
      const tl_column *c = &o->key_columns[k];
      keys[k].missing = !tl_column_is_valid(c, row);
      if (keys[k].missing) continue;
      if (c->field.physical != TL_PHYSICAL_BYTE_ARRAY) {
        keys[k].number = tl_column_int(c, row);
        continue;
      }
      tl_bytes b = tl_column_bytes(c, row);
      if (b.size > 0 && memchr(b.data, 0, b.size)) return tl_fail(err, TL_CORRUPT, "the key %s has a zero byte in row %lld", c->field.name, (long long)row);
      starts[k] = o->key_text.size + 1;
      TL_TRY(tl_buffer_append(&o->key_text, b.data, b.size, err));
      TL_TRY(tl_buffer_byte(&o->key_text, 0, err));
    }
  }
  for (int k = 0; k < o->set->definition->key_count; k++)
    if (starts[k] > 0) keys[k].text = (const char *)o->key_text.data + starts[k] - 1;
  return TL_OK;
}

static bool same_key_as_before(const opener *o, const tl_input_file *f, int64_t row) {
  for (int k = 0; k < o->set->definition->key_count; k++) {
    const tl_column *c = &o->key_columns[k];
    if (f->keys[k] < 0) continue;
    if (tl_column_is_valid(c, row) != tl_column_is_valid(c, row - 1)) return false;
    tl_bytes a = tl_column_bytes(c, row), b = tl_column_bytes(c, row - 1);
    if (a.size != b.size || (a.size > 0 && memcmp(a.data, b.data, a.size) != 0)) return false;
  }
  return true;
}

static int64_t order_key(const opener *o, const tl_input_file *f, int64_t row) {
  const tl_column *c = &o->order_column;
  int64_t key;
  if (!tl_column_is_valid(c, row)) return INT64_MIN;
  return __builtin_mul_overflow(tl_column_int(c, row), f->order_factor, &key) ? INT64_MAX : key;
}

static tl_status index_group(opener *o, tl_parquet *file, int index, int group, bool keyed, tl_error *err) {
  tl_input_file *f = &o->set->files[index];
  int64_t rows = file->meta.groups[group].row_count;
  tl_key_value_data keys[TL_MOST_KEYS];
  if (rows == 0) return TL_OK;
  TL_TRY(tl_parquet_read(file, group, f->order_leaf, 0, keyed ? rows : 1, &o->order_column, &o->scratch, err));
  for (int k = 0; keyed && k < o->set->definition->key_count; k++)
    if (f->keys[k] >= 0) TL_TRY(tl_parquet_read(file, group, f->keys[k], 0, rows, &o->key_columns[k], &o->scratch, err));
  for (int64_t row = 0; row < rows;) {
    int64_t end = row + 1, stream;
    while (keyed && end < rows && same_key_as_before(o, f, end)) end++;
    if (!keyed) end = rows;
    TL_TRY(row_key(o, f, row, keys, err));
    TL_TRY(find_stream(o, keys, &stream, err));
    TL_TRY(add_part(o, stream, (tl_part){index, group, row, end - row, order_key(o, f, row)}, err));
    row = end;
  }
  return TL_OK;
}

static tl_status index_file(opener *o, int index, tl_error *err) {
  tl_input_file *f = &o->set->files[index];
  TL_OWNED(tl_parquet) file = {.handle = -1};
  bool keyed = false;
  for (int k = 0; k < o->set->definition->key_count; k++) keyed |= f->keys[k] >= 0;
  if (!keyed && f->rows == 0) { /* a stream without rows is still a stream */
    tl_key_value_data keys[TL_MOST_KEYS];
    int64_t stream;
    TL_TRY(row_key(o, f, 0, keys, err));
    TL_TRY(find_stream(o, keys, &stream, err));
    return add_part(o, stream, (tl_part){.file = index}, err);
  }
  TL_TRY(tl_parquet_open(&file, o->set->env, f->file->path, err));
  if (!keyed && file.meta.group_count == 1) { /* one part: its place needs no order key */
    tl_key_value_data keys[TL_MOST_KEYS];
    int64_t stream;
    TL_TRY(row_key(o, f, 0, keys, err));
    TL_TRY(find_stream(o, keys, &stream, err));
    return add_part(o, stream, (tl_part){.file = index, .rows = f->rows, .unplaced = true}, err);
  }
  for (int g = 0; g < file.meta.group_count; g++) TL_TRY(index_group(o, &file, index, g, keyed, err));
  return TL_OK;
}

/* ---- whole ---- */

static tl_status fail_file(opener *o, tl_input_file *f, const tl_error *why, tl_error *err) {
  if (f->failed) return TL_OK;
  f->failed = true;
  f->status = why->status;
  o->set->failed_files++;
  return tl_arena_text(&o->set->arena, &f->error, why->text, strlen(why->text), err);
}

static void report_files(opener *o) {
  for (size_t i = 0; i < o->set->dataset.count; i++) {
    const tl_input_file *f = &o->set->files[i];
    tl_error why = {.status = f->status};
    if (!f->failed) continue;
    snprintf(why.text, sizeof why.text, "%s", f->error);
    o->options->report(o->options->report_context, f->file->path, NULL, &why);
  }
}

static tl_status bind_file(opener *o, int index, bool *first, tl_error *err) {
  tl_input_file *f = &o->set->files[index];
  TL_OWNED(tl_parquet) file = {.handle = -1};
  TL_TRY(tl_parquet_open(&file, o->set->env, f->file->path, err));
  f->rows = file.meta.row_count;
  o->any_seen = true;
  find_inputs(o, f, &file.meta);
  find_renames(o, f, &file.meta);
  tl_status status = bind_order(o, f, &file.meta, err);
  if (status == TL_OK) status = bind_keys(o, f, &file.meta, err);
  if (status == TL_OK) status = bind_inputs(o, f, &file.meta, err);
  for (int k = 0; status == TL_OK && k < o->set->definition->key_count; k++) status = settle_key_field(o, f, &file.meta, k, *first, err);
  if (status == TL_OK) status = settle_order_field(o, f, *first, err);
  if (status != TL_OK) return tl_fail_in(err, status, "%s: ", f->file->path);
  /* names of fields live in the file's own memory */
  f->order_field.name = o->set->definition->order;
  *first = false;
  return TL_OK;
}

/* What no file has is an error of the definition, not of the files. */
static tl_status check_seen(const opener *o, tl_error *err) {
  const tl_definition *d = o->set->definition;
  if (!o->any_seen) return TL_OK;
  for (size_t i = 0; !o->options->is_side && i < o->options->key_count; i++)
    if (!o->key_seen[i])
      return tl_fail(err, TL_USAGE, "--key %s=%s: no file of %s has a column %s", o->options->keys[i].name, o->options->keys[i].value, o->set->dataset.root,
                     o->options->keys[i].value);
  if (!o->order_seen)
    return tl_fail(err, TL_DEFINITION, "no file of %s has the order key %s; --key %s=COLUMN names another column", o->set->dataset.root, d->order, d->order);
  for (size_t i = 0; i < d->input_count; i++) {
    if (!is_needed(o, i) || o->seen[i]) continue;
    o->set->missing_inputs = true;
    if (d->inputs[i].optional) continue;
    return tl_fail(err, TL_DEFINITION, "no file of %s has a column %s (the input %s); an input that may be absent is written %s?", o->set->dataset.root,
                   d->inputs[i].columns[0], d->inputs[i].name, d->inputs[i].name);
  }
  return TL_OK;
}

/* Files of one part are indexed without a look at their rows; where a stream turns out to have several, the look is taken now. */
static tl_status place_part(opener *o, tl_part *part, tl_error *err) {
  tl_input_file *f = &o->set->files[part->file];
  TL_OWNED(tl_parquet) file = {.handle = -1};
  TL_TRY(tl_parquet_open(&file, o->set->env, f->file->path, err));
  TL_TRY(tl_parquet_read(&file, part->group, f->order_leaf, 0, 1, &o->order_column, &o->scratch, err));
  part->first_key = order_key(o, f, 0);
  return TL_OK;
}

static tl_status place_parts(opener *o, tl_error *err) {
  tl_error why;
  for (size_t i = 0; i < o->set->part_count; i++) {
    tl_part *part = &o->set->parts[i];
    if (!part->unplaced || o->set->streams[o->stream_of_part[i]].part_count < 2) continue;
    if (place_part(o, part, &why) != TL_OK) TL_TRY(fail_file(o, &o->set->files[part->file], &why, err));
  }
  return TL_OK;
}

/* Parts in the order of their streams, each stream's by order key. */
typedef struct keyed_part {
  tl_part part;
  int64_t stream;
  size_t index;
} keyed_part;

static int by_stream(const void *a, const void *b) {
  const keyed_part *x = a, *y = b;
  if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
  if (x->part.first_key != y->part.first_key) return x->part.first_key < y->part.first_key ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

static tl_status sort_parts(opener *o, tl_error *err) {
  tl_input_set *s = o->set;
  keyed_part *sorted;
  TL_TRY(tl_allocate(s->env, &sorted, s->part_count + 1, sizeof *sorted, err));
  for (size_t i = 0; i < s->part_count; i++) sorted[i] = (keyed_part){s->parts[i], o->stream_of_part[i], i};
  qsort(sorted, s->part_count, sizeof *sorted, by_stream);
  for (size_t i = 0; i < s->stream_count; i++) s->streams[i].part_count = 0;
  for (size_t i = 0; i < s->part_count; i++) {
    tl_stream *stream = &s->streams[sorted[i].stream];
    s->parts[i] = sorted[i].part;
    if (stream->part_count++ == 0) stream->parts = i;
    stream->spans_files |= sorted[i].part.file != s->parts[stream->parts].file;
  }
  tl_release(s->env, sorted);
  return TL_OK;
}

static int by_key(const void *a, const void *b, void *set) { return tl_stream_compare(set, a, b); }

static tl_status describe_keys(opener *o, tl_error *err) {
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
static void fail_without_key(opener *o, tl_stream *stream) {
  char name[300];
  tl_error why;
  for (int k = 0; k < o->set->definition->key_count && !stream->failed; k++) {
    if (!stream->keys[k].missing) continue;
    const tl_part *part = &o->set->parts[stream->parts];
    tl_stream_name(o->set, stream, name, sizeof name);
    tl_fail(&why, TL_CORRUPT, "%s, row %lld: the key %s is missing (%lld such rows)", o->set->files[part->file].file->path, (long long)part->first_row,
            o->set->definition->keys[k], (long long)stream->rows);
    o->options->report(o->options->report_context, NULL, name, &why);
    stream->failed = true;
    o->set->rows -= stream->rows;
  }
}

static tl_status open_all(opener *o, const char *path, tl_error *err) {
  tl_input_set *s = o->set;
  tl_error why = {0};
  bool first = true;
  TL_TRY(tl_dataset_list(&s->dataset, s->env, path, err));
  TL_TRY(tl_arena_take(&s->arena, &s->files, s->dataset.count, sizeof *s->files, err));
  TL_TRY(tl_arena_take(&s->arena, &s->units, s->definition->input_count + 1, sizeof *s->units, err));
  TL_TRY(tl_arena_take(&s->arena, &o->as_number, s->definition->input_count + 1, sizeof *o->as_number, err));
  TL_TRY(tl_arena_take(&s->arena, &o->key_seen, o->options->key_count + 1, sizeof *o->key_seen, err));
  for (size_t i = 0; i < s->definition->graph.count; i++) {
    const tl_node *n = &s->definition->graph.nodes[i];
    if (n->kind == TL_NODE_COLUMN && n->column >= 0 && n->type != TL_TIME) o->as_number[n->column] = true;
  }
  TL_TRY(tl_arena_take(&s->arena, &o->seen, s->definition->input_count + 1, sizeof *o->seen, err));
  for (size_t i = 0; i < s->dataset.count; i++) {
    s->files[i].file = &s->dataset.files[i];
    TL_TRY(tl_arena_take(&s->arena, &s->files[i].leaves, s->definition->input_count + 1, sizeof *s->files[i].leaves, err));
    if (bind_file(o, (int)i, &first, &why) != TL_OK) TL_TRY(fail_file(o, &s->files[i], &why, err));
  }
  TL_TRY(check_seen(o, err));
  for (size_t i = 0; i < s->dataset.count; i++) {
    tl_input_file *f = &s->files[i];
    if (f->failed) continue;
    tl_time_unit unit = tl_field_unit(&f->order_field);
    f->order_factor = unit == TL_UNIT_NONE ? 1 : tl_units_a_day(s->order_unit) / tl_units_a_day(unit);
    if (index_file(o, (int)i, &why) != TL_OK) TL_TRY(fail_file(o, f, &why, err));
  }
  TL_TRY(place_parts(o, err));
  report_files(o);
  TL_TRY(sort_parts(o, err));
  TL_TRY(describe_keys(o, err));
  for (size_t i = 0; i < s->stream_count; i++) {
    tl_stream *stream = &s->streams[i];
    for (size_t k = 0; k < stream->part_count; k++) {
      stream->failed |= s->files[s->parts[stream->parts + k].file].failed; /* its other rows alone would be a wrong stream */
    }
    if (stream->failed) continue;
    s->rows += stream->rows;
    if (stream->rows > s->longest) s->longest = stream->rows;
  }
  for (size_t i = 0; i < s->stream_count; i++) fail_without_key(o, &s->streams[i]);
  if (s->stream_count > 0) qsort_r(s->streams, s->stream_count, sizeof *s->streams, by_key, s);
  return TL_OK;
}

tl_status tl_input_open(tl_input_set *out, tl_env *env, const tl_definition *definition, const char *path, const tl_input_options *options, tl_error *err) {
  *out = (tl_input_set){.env = env, .arena = {.env = env}, .definition = definition};
  opener o = {.set = out, .options = options, .scratch = {.env = env, .limit = options->page_limit}, .order_column = {.env = env}, .key_text = {.env = env}};
  for (int k = 0; k < TL_MOST_KEYS; k++) o.key_columns[k].env = env;
  tl_status status = open_all(&o, path, err);
  for (int k = 0; k < TL_MOST_KEYS; k++) tl_column_free(&o.key_columns[k]);
  tl_column_free(&o.order_column);
  tl_page_scratch_free(&o.scratch);
  tl_buffer_free(&o.key_text);
  tl_release(env, o.table);
  tl_release(env, o.stream_of_part);
  if (status != TL_OK) tl_input_free(out);
  return status;
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
