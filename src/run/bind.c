/* Names to columns: what each file gives for the keys, the order key and the inputs of a definition. */
#include <string.h>
#include "base/text.h"
#include "run/numbering.h"
#include "run/opener.h"

tl_status tl__bind_begin(tl_opener *o, tl_error *err) {
  tl_input_set *s = o->set;
  const tl_definition *d = s->definition;
  TL_TRY(tl_arena_take(&s->arena, &s->units, d->input_count + 1, sizeof *s->units, err));
  TL_TRY(tl_arena_take(&s->arena, &o->as_number, d->input_count + 1, sizeof *o->as_number, err));
  TL_TRY(tl_arena_take(&s->arena, &o->seen, d->input_count + 1, sizeof *o->seen, err));
  TL_TRY(tl_arena_take(&s->arena, &o->key_seen, o->options->key_count + 1, sizeof *o->key_seen, err));
  for (size_t i = 0; i < d->graph.count; i++) {
    const tl_node *n = &d->graph.nodes[i];
    if (n->kind == TL_NODE_COLUMN && n->column >= 0 && n->type != TL_TIME) o->as_number[n->column] = true;
  }
  return TL_OK;
}

static const char *renamed(const tl_opener *o, const char *name) {
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
static int bind_key(const tl_opener *o, const tl_dataset_file *file, const tl_meta *meta, const char *name) {
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

/* The order key of files whose path has it: a date, or an integer. */
static tl_status bind_hive_order(tl_input_file *f, const char *name, tl_error *err) {
  const char *text = f->file->keys[TL_KEY_HIVE - f->order_leaf].value;
  f->order_field = (tl_field){.name = name, .physical = TL_PHYSICAL_INT32, .logical = TL_LOGICAL_DATE};
  if (text != NULL && tl_date_read(text, strlen(text), &f->order_value)) return TL_OK;
  f->order_field = (tl_field){.name = name, .physical = TL_PHYSICAL_INT64};
  if (text != NULL && tl_int_read(text, strlen(text), &f->order_value)) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "the order key %s=%s of the path is neither a date nor an integer", name, text ? text : "(missing)");
}

static tl_status bind_order(tl_opener *o, tl_input_file *f, const tl_meta *meta, tl_error *err) {
  const char *name = o->set->definition->order, *other = renamed(o, name), *names[2] = {other, name};
  f->order_leaf = TL_KEY_ABSENT;
  for (int i = 0; i < 2 && f->order_leaf == TL_KEY_ABSENT; i++) {
    if (names[i] == NULL) continue;
    int leaf = tl_meta_leaf(meta, names[i]);
    f->order_leaf = leaf >= 0 ? leaf : hive_key(f->file, names[i]);
  }
  o->order_seen |= f->order_leaf != TL_KEY_ABSENT;
  if (f->order_leaf == TL_KEY_ABSENT) return no_column(meta, " (the order key); --key NAME=COLUMN names another", other ? other : name, err);
  if (f->order_leaf < 0) return bind_hive_order(f, name, err);
  f->order_field = meta->leaves[f->order_leaf].field;
  bool flat = !meta->leaves[f->order_leaf].nested && meta->leaves[f->order_leaf].max_repetition == 0;
  if (flat && is_integer(&f->order_field) && !tl_field_is_unsigned(&f->order_field)) return TL_OK;
  char type[TL_TYPE_TEXT];
  tl_field_type_text(type, &f->order_field);
  return tl_fail(err, TL_UNSUPPORTED, "the order key %s is %s; it must be a date, a timestamp or an integer", f->order_field.name, type);
}

static void find_inputs(tl_opener *o, tl_input_file *f, const tl_meta *meta) {
  const tl_definition *d = o->set->definition;
  for (size_t i = 0; i < d->input_count; i++) {
    f->leaves[i] = -1;
    for (int k = 0; d->inputs[i].picks > 0 && k < d->key_count; k++) /* also where a key goes by another name */
      if (strcmp(d->keys[k], d->inputs[i].columns[0]) == 0 && f->keys[k] >= 0) f->leaves[i] = f->keys[k];
    for (int k = 0; k < d->inputs[i].column_count && f->leaves[i] < 0; k++) f->leaves[i] = tl_meta_leaf(meta, d->inputs[i].columns[k]);
    o->seen[i] |= f->leaves[i] >= 0 || (d->inputs[i].picks > 0 && tl_numbering_says(o->set, (int)i, f));
  }
}

/* A name that two columns have says nothing. */
static tl_status refuse_doubles(const tl_meta *meta, int leaf, tl_error *err) {
  for (int i = leaf + 1; i < meta->leaf_count; i++)
    if (strcmp(meta->leaves[i].field.name, meta->leaves[leaf].field.name) == 0)
      return tl_fail(err, TL_CORRUPT, "two columns are named %s", meta->leaves[leaf].field.name);
  return TL_OK;
}

static tl_status check_key_column(const tl_meta *meta, int leaf, const char *what, tl_error *err) {
  const tl_field *field = &meta->leaves[leaf].field;
  if ((is_integer(field) || field->physical == TL_PHYSICAL_BYTE_ARRAY) && meta->leaves[leaf].max_repetition == 0) return TL_OK;
  char type[TL_TYPE_TEXT];
  tl_field_type_text(type, field);
  return tl_fail(err, TL_UNSUPPORTED, "%s %s is %s; a key must be a text or an integer", what, field->name, type);
}

/* What picks a side's stream: a column like a key, or a part of the path. */
static tl_status bind_pick(const tl_opener *o, const tl_input_file *f, const tl_meta *meta, int input, tl_error *err) {
  const char *name = o->set->definition->inputs[input].columns[0];
  if (f->leaves[input] < 0) return tl_numbering_says(o->set, input, f) ? TL_OK : no_column(meta, " (which picks the stream of a side)", name, err);
  TL_TRY(refuse_doubles(meta, f->leaves[input], err));
  return check_key_column(meta, f->leaves[input], "the column that picks a side's stream,", err);
}

static bool is_needed(const tl_opener *o, size_t input) { return o->options->needed == NULL || o->options->needed[input]; }

static tl_status bind_inputs(tl_opener *o, tl_input_file *f, const tl_meta *meta, tl_error *err) {
  const tl_definition *d = o->set->definition;
  for (size_t i = 0; i < d->input_count; i++) {
    if (is_needed(o, i) && d->inputs[i].picks > 0) TL_TRY(bind_pick(o, f, meta, (int)i, err));
    if (!is_needed(o, i) || d->inputs[i].picks > 0 || (f->leaves[i] < 0 && d->inputs[i].optional && !o->options->strict)) continue;
    if (f->leaves[i] < 0) return no_column(meta, "", d->inputs[i].columns[0], err);
    const tl_field *field = &meta->leaves[f->leaves[i]].field;
    TL_TRY(refuse_doubles(meta, f->leaves[i], err));
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
static void find_renames(tl_opener *o, const tl_input_file *f, const tl_meta *meta) {
  for (size_t i = 0; i < o->options->key_count; i++) {
    const char *column = o->options->keys[i].value;
    o->key_seen[i] |= strcmp(column, "file.stem") == 0 || tl_meta_leaf(meta, column) >= 0 || hive_key(f->file, column) != TL_KEY_ABSENT;
  }
}

static tl_status check_keys(const tl_opener *o, const tl_input_file *f, const tl_meta *meta, tl_error *err) {
  for (int k = 0; k < o->set->definition->key_count; k++)
    if (f->keys[k] >= 0) TL_TRY(check_key_column(meta, f->keys[k], "the key", err));
  return TL_OK;
}

/* The dataset's own field of a key: the first file's column, or text for what comes from names. */
static tl_status settle_key_field(tl_opener *o, const tl_input_file *f, const tl_meta *meta, int k, bool first, tl_error *err) {
  tl_field *known = &o->set->key_fields[k], field = {.physical = TL_PHYSICAL_BYTE_ARRAY, .logical = TL_LOGICAL_STRING};
  if (f->keys[k] >= 0) field = meta->leaves[f->keys[k]].field;
  field.name = o->set->definition->keys[k];
  field.nullable = false;
  if (first) *known = field;
  o->set->key_in_path[k] = f->keys[k] <= TL_KEY_HIVE && (first || o->set->key_in_path[k]);
  bool text = field.physical == TL_PHYSICAL_BYTE_ARRAY;
  if ((known->physical == TL_PHYSICAL_BYTE_ARRAY) != text)
    return tl_fail(err, TL_CORRUPT, "the key %s is text in some files and a number in others", field.name);
  if (tl_field_unit(known) != tl_field_unit(&field))
    return tl_fail(err, TL_CORRUPT, "the key %s is a time in some files and something else in others", field.name);
  if (!text && (known->physical != field.physical || known->bits != field.bits || known->is_unsigned != field.is_unsigned))
    *known = (tl_field){.name = field.name, .physical = TL_PHYSICAL_INT64}; /* the one that holds the values of both */
  return TL_OK;
}

/* Files with dates and others with timestamps are one dataset in the finer unit; plain integers mix with nothing. */
static tl_status settle_order_field(tl_opener *o, const tl_input_file *f, bool first, tl_error *err) {
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

static tl_status note_groups(tl_opener *o, int index, const tl_meta *meta, tl_error *err) {
  tl_input_set *s = o->set;
  int64_t row = 0;
  TL_TRY(tl_reserve(s->env, &s->groups, &o->group_capacity, s->group_count + (size_t)meta->group_count + 1, sizeof *s->groups, err));
  s->files[index].first_group = s->group_count;
  s->files[index].group_count = (size_t)meta->group_count;
  for (int g = 0; g < meta->group_count; g++) {
    s->groups[s->group_count++] = (tl_input_group){.file = index, .group = g, .rows = meta->groups[g].row_count, .first_row = row, .first_key = INT64_MIN};
    row += meta->groups[g].row_count;
  }
  return TL_OK;
}

static void note_chunks(tl_input_set *s, const tl_parquet *file, int leaf) {
  for (int g = 0; leaf >= 0 && g < file->meta.group_count; g++) {
    int64_t size = tl_meta_chunk(&file->meta, g, leaf).uncompressed_size;
    if (size > s->largest_chunk) s->largest_chunk = size;
  }
}

/* What the memory for a file depends on. */
static void note_sizes(tl_opener *o, const tl_input_file *f, const tl_parquet *file) {
  tl_input_set *s = o->set;
  if (file->footer_size > s->largest_footer) s->largest_footer = file->footer_size;
  for (size_t i = 0; i < s->definition->input_count; i++)
    if (is_needed(o, i)) note_chunks(s, file, f->leaves[i]);
  for (int k = 0; k < s->definition->key_count; k++) note_chunks(s, file, f->keys[k]);
  note_chunks(s, file, f->order_leaf);
  for (int i = 0; i < s->where_count; i++) note_chunks(s, file, tl_where_leaf(s, i, &file->meta));
}

tl_status tl__bind_file(tl_opener *o, int index, const tl_parquet *file, bool *first, tl_error *err) {
  tl_input_file *f = &o->set->files[index];
  const tl_meta *meta = &file->meta;
  f->rows = meta->row_count;
  f->size = file->size;
  f->mtime_ns = file->mtime_ns;
  f->inode = file->inode;
  TL_TRY(note_groups(o, index, meta, err));
  o->any_seen = true;
  for (int k = 0; k < o->set->definition->key_count; k++) f->keys[k] = bind_key(o, f->file, meta, o->set->definition->keys[k]);
  find_inputs(o, f, meta);
  find_renames(o, f, meta);
  tl_status status = bind_order(o, f, meta, err);
  if (status == TL_OK) status = check_keys(o, f, meta, err);
  if (status == TL_OK) status = bind_inputs(o, f, meta, err);
  for (int k = 0; status == TL_OK && k < o->set->definition->key_count; k++) status = settle_key_field(o, f, meta, k, *first, err);
  if (status == TL_OK) status = settle_order_field(o, f, *first, err);
  if (status != TL_OK) return tl_fail_in(err, status, "%s: ", f->file->path);
  note_sizes(o, f, file);
  f->order_field.name = o->set->definition->order; /* names of fields live in the file's own memory */
  *first = false;
  return TL_OK;
}

tl_status tl__bind_check(const tl_opener *o, tl_error *err) {
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
    if (d->inputs[i].optional && !o->options->strict) continue;
    return tl_fail(err, TL_DEFINITION, "no file of %s has a column %s (the input %s); %s%s?", o->set->dataset.root, d->inputs[i].columns[0], d->inputs[i].name,
                   d->inputs[i].optional ? "without --strict it may be absent, being written " : "an input that may be absent is written ", d->inputs[i].name);
  }
  return TL_OK;
}
