#include "pack/raw.h"
#include <stdlib.h>
#include <string.h>
#include "base/date.h"
#include "base/file.h"
#include "base/text.h"
#include "lake/csv.h"
#include "lake/sink.h"
#include "market/expiries.h"
#include "pack/convert.h"
#include "parquet/rows.h"

enum { MOST_DEPTH = 32, WINDOW = 16384 };

void tl_raw_list_free(tl_raw_list *l) {
  if (l->env == NULL) return;
  for (size_t i = 0; i < l->count; i++) {
    tl_release(l->env, l->files[i].days);
    tl_arena_free(&l->files[i].arena);
  }
  tl_release(l->env, l->files);
  *l = (tl_raw_list){0};
}

/* ---- finding ---- */

static tl_status add_file(tl_raw_list *l, const char *path, const tl_file_info *info, tl_error *err) {
  TL_TRY(tl_reserve(l->env, &l->files, &l->capacity, l->count + 1, sizeof *l->files, err));
  tl_raw_file *f = &l->files[l->count];
  *f = (tl_raw_file){.env = l->env, .arena = {.env = l->env}, .info = *info, .row = -1, .is_csv = tl_ends_with_anycase(path, ".csv")};
  l->count++;
  TL_TRY(tl_arena_text(&f->arena, &f->name, path, strlen(path), err));
  f->path = f->name;
  const char *base = strrchr(f->name, '/') != NULL ? strrchr(f->name, '/') + 1 : f->name;
  size_t size = strlen(base);
  size -= f->is_csv ? 4 : tl_ends_with_anycase(base, ".parquet") ? 8 : 0;
  return tl_arena_text(&f->arena, &f->stem, base, size, err);
}

typedef struct listing {
  tl_env *env;
  tl_arena *arena;
  const char *path;
  const char **entries;
  size_t count, capacity;
} listing;

static tl_status note_entry(void *context, const char *entry, tl_error *err) {
  listing *l = context;
  if (entry[0] == '_' || entry[0] == '.') return TL_OK;
  TL_TRY(tl_reserve(l->env, &l->entries, &l->capacity, l->count + 1, sizeof *l->entries, err));
  TL_TRY(tl_arena_format(l->arena, &l->entries[l->count], err, "%s/%s", l->path, entry));
  l->count++;
  return TL_OK;
}

static int by_path(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static tl_status add_path(tl_raw_list *list, const char *path, const tl_file_info *calendar, bool named, int depth, tl_error *err);

static tl_status add_folder(tl_raw_list *list, const char *path, const tl_file_info *calendar, bool named, int depth, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = list->env};
  const char *marker;
  bool ours;
  if (depth > MOST_DEPTH) return tl_fail(err, TL_USAGE, "%s: folders are nested more than %d deep", path, MOST_DEPTH);
  TL_TRY(tl_arena_format(&arena, &marker, err, "%s/_tickloom", path));
  TL_TRY(tl_path_exists(list->env, marker, &ours, err));
  if (ours && named) return tl_fail(err, TL_USAGE, "%s: an output of tickloom, not raw files", path);
  if (ours) return TL_OK;
  listing l = {.env = list->env, .arena = &arena, .path = path};
  tl_status status = list->env->list(list->env, path, note_entry, &l, err);
  if (status == TL_OK && l.count > 0) qsort(l.entries, l.count, sizeof *l.entries, by_path);
  for (size_t i = 0; status == TL_OK && i < l.count; i++) status = add_path(list, l.entries[i], calendar, false, depth + 1, err);
  tl_release(list->env, l.entries);
  return status;
}

static tl_status add_path(tl_raw_list *list, const char *path, const tl_file_info *calendar, bool named, int depth, tl_error *err) {
  tl_file_info info;
  tl_status status = list->env->info(list->env, path, &info, err);
  if (status == TL_NOT_FOUND && !named) return TL_OK; /* a dangling link, or gone since */
  TL_TRY(status);
  if (info.is_folder) return add_folder(list, path, calendar, named, depth, err);
  bool is_calendar = calendar != NULL && info.inode == calendar->inode && info.device == calendar->device;
  if (is_calendar) return TL_OK;
  bool raw = tl_ends_with_anycase(path, ".parquet") || tl_ends_with_anycase(path, ".csv");
  if (!info.is_regular || !raw) {
    if (named) return tl_fail(err, TL_USAGE, "%s: neither a folder, nor a .parquet or .csv file", path);
    list->skipped++;
    return TL_OK;
  }
  return add_file(list, path, &info, err);
}

tl_status tl_raw_list_add(tl_raw_list *list, const char *path, const char *calendar, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = list->env};
  tl_file_info info;
  bool has = calendar != NULL && list->env->info(list->env, calendar, &info, NULL) == TL_OK;
  const char *root;
  size_t size = strlen(path);
  while (size > 1 && path[size - 1] == '/') size--;
  TL_TRY(tl_arena_text(&arena, &root, path, size, err));
  return add_path(list, root, has ? &info : NULL, true, 0, err);
}

/* ---- failing ---- */

static bool is_ours(tl_status status) { return status == TL_MEMORY || status == TL_CANCELLED; }

tl_status tl_raw_file_fail(tl_raw_file *f, tl_status status, const tl_error *why, int64_t row, tl_error *err) {
  if (is_ours(status)) {
    if (err != NULL) *err = *why;
    return status;
  }
  f->failed = true;
  f->status = status;
  f->row = row;
  return tl_arena_text(&f->arena, &f->reason, why->text, strlen(why->text), err);
}

/* ---- CSV ---- */

/* Columns that are said to be double are read as such, however whole their first values look. */
static tl_status csv_schema(const tl_csv *csv, const tl_definition *d, tl_buffer *out, tl_error *err) {
  const tl_schema *s = tl_csv_schema(csv);
  for (size_t i = 0; i < d->packed_count; i++) {
    int column = tl_schema_child(s, d->packed[i].name);
    if (column < 0 || strcmp(d->packed[i].type, "double") != 0 || s->children[column].field.physical == TL_PHYSICAL_BYTE_ARRAY) continue;
    TL_TRY(tl_buffer_format(out, err, "%s\"%s\":double", out->size > 0 ? "," : "", d->packed[i].name));
  }
  return tl_buffer_byte(out, 0, err);
}

static tl_status copy_csv(tl_raw_file *f, const tl_definition *d, const char *scratch, tl_error *err) {
  TL_OWNED(tl_csv) csv = {0};
  TL_OWNED(tl_batch) batch = {0};
  TL_OWNED(tl_sink) sink = {0};
  TL_OWNED(tl_buffer) schema = {.env = f->env};
  tl_csv_options options = {.header = 1};
  tl_sink_style style = {.fast = true, .memory = 32 << 20};
  TL_TRY(tl_csv_open(&csv, f->env, f->name, &options, err));
  TL_TRY(csv_schema(&csv, d, &schema, err));
  if (schema.size > 1) {
    tl_csv_free(&csv);
    options.schema = (const char *)schema.data;
    TL_TRY(tl_csv_open(&csv, f->env, f->name, &options, err));
  }
  TL_TRY(tl_batch_open(&batch, f->env, tl_csv_schema(&csv), err));
  TL_TRY(tl_sink_open(&sink, f->env, scratch, tl_csv_schema(&csv), &style, err));
  for (;;) {
    TL_TRY(tl_csv_next(&csv, &batch, 10000, err));
    if (batch.rows == 0) break;
    TL_TRY(tl_sink_put(&sink, &batch, 0, batch.rows, err));
  }
  TL_TRY(tl_sink_finish(&sink, err));
  return tl_arena_text(&f->arena, &f->path, scratch, strlen(scratch), err);
}

/* ---- the survey ---- */

enum { MOST_CHECKED = 128 };

/* A column that is looked through. */
typedef struct checked {
  int child, fact; /* fact -1: values that must convert */
  tl_schema node;  /* ... to this */
} checked;

typedef struct survey {
  tl_raw_file *f;
  const tl_definition *d;
  const tl_naming *naming;
  tl_parquet file;
  checked columns[MOST_CHECKED]; /* the first: the order key */
  int count;
  int64_t last; /* time */
  bool any;
  int64_t row; /* of the file, that is at fault */
} survey;

/* Whether values of a column may fail to convert, or a glance at its type is enough. */
static bool may_fail(const tl_field *f, bool whole) {
  bool integer = (f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64) && f->logical != TL_LOGICAL_DECIMAL;
  if (f->physical == TL_PHYSICAL_BYTE_ARRAY || f->physical == TL_PHYSICAL_FIXED) return true;
  if (whole) return !integer || (f->physical == TL_PHYSICAL_INT64 && tl_field_is_unsigned(f));
  return f->physical == TL_PHYSICAL_INT64;
}

static tl_status choose_columns(survey *s, tl_error *err) {
  const tl_schema *schema = s->file.meta.schema;
  int order = tl_schema_child(schema, s->d->order);
  if (order < 0) return tl_fail(err, TL_CORRUPT, "%s: has no column %s", s->f->name, s->d->order);
  if (schema->children[order].shape != TL_SHAPE_VALUE) return tl_fail(err, TL_CORRUPT, "%s: column %s is nested", s->f->name, s->d->order);
  s->columns[s->count++] = (checked){.child = order, .fact = -1};
  for (size_t i = 0; i < s->d->packed_count; i++) {
    const tl_packed_column *p = &s->d->packed[i];
    int child = tl_schema_child(schema, p->name);
    if (child < 0 && !p->optional) return tl_fail(err, TL_CORRUPT, "%s: has no column %s", s->f->name, p->name);
    if (child < 0 || schema->children[child].shape != TL_SHAPE_VALUE || (p->output >= 0 && !tl_tape_replaces(s->d, p))) continue;
    bool whole = strcmp(p->type, "int") == 0;
    if (!may_fail(&schema->children[child].field, whole) || s->count == MOST_CHECKED) continue;
    checked *c = &s->columns[s->count++];
    *c = (checked){.child = child, .fact = -1, .node = {.name = p->name, .nullable = true}};
    c->node.field = (tl_field){.name = p->name, .physical = whole ? TL_PHYSICAL_INT64 : TL_PHYSICAL_DOUBLE, .nullable = true};
    tl_schema_number(&c->node);
  }
  for (int f = 0; f < s->naming->fact_count; f++) {
    int child = tl_schema_child(schema, s->naming->facts[f].name);
    if (child >= 0 && schema->children[child].shape == TL_SHAPE_VALUE && s->count < MOST_CHECKED) s->columns[s->count++] = (checked){.child = child, .fact = f};
  }
  return TL_OK;
}

static tl_status take_time(survey *s, int64_t row, int64_t time, tl_error *err) {
  tl_raw_file *f = s->f;
  int64_t day = tl_floor_div(time, TL_DAY_NS);
  s->row = row;
  if (s->any && time < s->last)
    return tl_fail(err, TL_CORRUPT, "its %s is before that of the row ahead of it; a file is in order of %s", s->d->order, s->d->order);
  if (!s->any || f->days[f->day_count - 1].day != day) {
    TL_TRY(tl_reserve(f->env, &f->days, &f->day_capacity, f->day_count + 1, sizeof *f->days, err));
    f->days[f->day_count++] = (tl_raw_day){.day = day, .first = row, .first_time = time};
  }
  f->days[f->day_count - 1].count++;
  f->days[f->day_count - 1].last_time = time;
  s->last = time;
  s->any = true;
  return TL_OK;
}

static tl_status check_times(survey *s, tl_column *c, int64_t first, tl_error *err) {
  int64_t times[1024], row = 0;
  for (int64_t at = 0, n; at < c->count; at += n) {
    n = c->count - at < 1024 ? c->count - at : 1024;
    tl_status status = tl_convert_times(times, c, at, n, &row, err);
    s->row = first + at + row;
    TL_TRY(status);
    for (int64_t i = 0; i < n; i++) TL_TRY(take_time(s, first + at + i, times[i], err));
  }
  return TL_OK;
}

static tl_status check_fact(survey *s, const checked *c, tl_column *column, int64_t first, tl_error *err) {
  const char *name = s->naming->facts[c->fact].name;
  TL_OWNED(tl_buffer) text = {.env = s->f->env};
  TL_TRY(tl_column_flatten(column, 1 << 30, err));
  for (int64_t i = 0; i < column->count; i++) {
    s->row = first + i;
    if (!tl_column_is_valid(column, i) || s->naming->agrees(&s->f->subject, c->fact, column, i)) continue;
    TL_TRY(tl_column_text(column, i, &text, err));
    TL_TRY(tl_buffer_byte(&text, 0, err));
    return tl_fail(err, TL_CORRUPT, "column %s has \"%.60s\", which is not what the file's name says", name, (const char *)text.data);
  }
  return TL_OK;
}

static tl_status check_values(survey *s, const checked *c, tl_array *raw, int64_t first, tl_error *err) {
  TL_OWNED(tl_array) out = {0};
  int64_t row;
  TL_TRY(tl_array_open(&out, s->f->env, &c->node, err));
  tl_status status = tl_convert(&out, raw, 0, raw->count, &row, err);
  s->row = first + row;
  return status;
}

static tl_status check_group(survey *s, int group, int64_t page_limit, tl_error *err) {
  const tl_row_group *g = &s->file.meta.groups[group];
  TL_OWNED(tl_row_reader) reader = {0};
  int children[MOST_CHECKED];
  for (int i = 0; i < s->count; i++) children[i] = s->columns[i].child;
  TL_TRY(tl_row_reader_open(&reader, &s->file, group, children, s->count, page_limit, false, err));
  for (int i = 0; i < s->count; i++) {
    TL_OWNED(tl_array) array = {0};
    TL_TRY(tl_array_open(&array, s->f->env, &s->file.meta.schema->children[children[i]], err));
    for (int64_t at = 0, n; at < g->row_count; at += n) {
      n = g->row_count - at < WINDOW ? g->row_count - at : WINDOW;
      TL_TRY(tl_row_reader_read_at(&reader, i, at, n, &array, err));
      tl_status status = i == 0                    ? check_times(s, &array.column, g->first_row + at, err)
                         : s->columns[i].fact >= 0 ? check_fact(s, &s->columns[i], &array.column, g->first_row + at, err)
                                                   : check_values(s, &s->columns[i], &array, g->first_row + at, err);
      if (status != TL_OK) return tl_fail_in(err, status, "%s, row %lld: ", s->f->name, (long long)s->row);
      s->row = -1;
    }
  }
  return TL_OK;
}

static tl_status look(survey *s, const char *scratch, int64_t page_limit, tl_error *err) {
  tl_raw_file *f = s->f;
  if (f->is_csv) TL_TRY(copy_csv(f, s->d, scratch, err));
  TL_TRY(tl_parquet_open(&s->file, f->env, f->path, err));
  TL_TRY(tl_schema_copy(&f->schema, s->file.meta.schema, &f->arena, err));
  TL_TRY(choose_columns(s, err));
  f->rows = s->file.meta.row_count;
  for (int g = 0; g < s->file.meta.group_count; g++)
    if (s->file.meta.groups[g].row_count > 0) TL_TRY(check_group(s, g, page_limit, err));
  return TL_OK;
}

tl_status tl_raw_file_survey(tl_raw_file *f, const tl_definition *d, const tl_naming *naming, const char *scratch, int64_t page_limit, tl_error *err) {
  survey s = {.f = f, .d = d, .naming = naming, .file = {.handle = -1}, .row = -1};
  tl_error why = {0};
  tl_status status = look(&s, scratch, page_limit, &why);
  tl_parquet_free(&s.file);
  return status == TL_OK ? TL_OK : tl_raw_file_fail(f, status, &why, s.row, err);
}

const tl_raw_day *tl_raw_file_day(const tl_raw_file *f, int64_t day) {
  size_t low = 0, high = f->day_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (f->days[middle].day < day)
      low = middle + 1;
    else
      high = middle;
  }
  return low < f->day_count && f->days[low].day == day ? &f->days[low] : NULL;
}
