#include "pack/old.h"
#include <string.h>
#include "lake/order.h"
#include "lake/scan.h"

void tl_old_file_free(tl_old_file *f) {
  if (f->env == NULL) return;
  tl_release(f->env, f->runs);
  *f = (tl_old_file){0};
}

enum { MOST_COLUMNS = 2 * TL_MOST_KEYS };

typedef struct reading {
  tl_old_file *f;
  tl_arena *arena;
  const tl_definition *d;
  const tl_naming *naming;
  const char *key;
  const char *names[MOST_COLUMNS]; /* the order key, then facts: first those that rows are sorted by */
  int facts[MOST_COLUMNS];
  int count, sorted; /* names; of them sorted facts */
} reading;

static tl_status add_fact(reading *r, const tl_parquet *file, const char *name, bool needed, tl_error *err) {
  int child = tl_schema_child(file->meta.schema, name);
  int fact = tl_naming_fact(r->naming, name);
  bool known = false;
  for (int i = 1; i < r->count; i++) known |= r->facts[i] == fact;
  for (const tl_word *w = r->d->partition; w != NULL; w = w->next) known |= strcmp(w->text, name) == 0; /* the path says it */
  if (fact < 0 || known || r->count == MOST_COLUMNS) return TL_OK;
  if (child < 0 && needed) return tl_fail(err, TL_CORRUPT, "%s: no file of a tape: it has no column %s", file->path, name);
  if (child < 0) return TL_OK;
  const tl_field *f = &file->meta.schema->children[child].field, *want = &r->naming->facts[fact];
  if (f->physical != want->physical) return tl_fail(err, TL_CORRUPT, "%s: column %s is of another type than in a tape", file->path, name);
  r->facts[r->count] = fact;
  r->names[r->count++] = want->name;
  return TL_OK;
}

static tl_status choose_columns(reading *r, const tl_parquet *file, tl_error *err) {
  int order = tl_schema_child(file->meta.schema, r->d->order);
  if (order < 0 || file->meta.schema->children[order].field.physical != TL_PHYSICAL_INT64)
    return tl_fail(err, TL_CORRUPT, "%s: no file of a tape: it has no int64 column %s", file->path, r->d->order);
  r->names[r->count++] = r->d->order;
  for (const tl_word *w = r->d->sort; w != NULL; w = w->next) TL_TRY(add_fact(r, file, w->text, true, err));
  r->sorted = r->count - 1;
  for (int i = 0; i < r->naming->fact_count; i++) TL_TRY(add_fact(r, file, r->naming->facts[i].name, false, err));
  return TL_OK;
}

static tl_status check_order(const reading *r, const tl_parquet *file, tl_error *err) {
  tl_sorting keys[TL_MOST_KEYS + 1];
  int count = 0;
  int64_t row;
  for (const tl_word *w = r->d->sort; w != NULL && count <= TL_MOST_KEYS; w = w->next)
    keys[count++] = (tl_sorting){.column = file->meta.schema->children[tl_schema_child(file->meta.schema, w->text)].first_leaf};
  TL_TRY(tl_order_verify_by(&row, file, keys, count, err));
  if (row < 0) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "%s, row %lld: out of the tape's order; somebody wrote it anew. tickloom sort mends it", file->path, (long long)row);
}

static bool goes_on(const reading *r, const tl_scan_reader *scan, int64_t row) {
  for (int i = 1; i <= r->sorted; i++)
    if (!tl_column_repeats(&scan->columns[i]->column, row, row - 1)) return false;
  return true;
}

/* What the path says comes first; columns of the file say the rest. */
static tl_status begin_run(reading *r, const tl_scan_reader *scan, int64_t row, tl_old_run *run, tl_error *err) {
  *run = (tl_old_run){.first = scan->first_row + row, .first_time = tl_column_int(&scan->columns[0]->column, row)};
  for (const tl_word *w = r->d->partition; w != NULL; w = w->next) {
    int fact = tl_naming_fact(r->naming, w->text);
    int64_t offsets[2] = {0, (int64_t)strlen(r->key)};
    if (fact < 0) continue;
    tl_column text = {.env = r->f->env, .field = r->naming->facts[fact], .count = 1, .offsets = offsets, .values = (uint8_t *)(uintptr_t)r->key};
    text.bytes = (tl_buffer){.data = (uint8_t *)(uintptr_t)r->key, .size = strlen(r->key)};
    TL_TRY(r->naming->recall(&run->subject, fact, &text, 0, r->arena, err));
  }
  for (int i = 1; i < r->count; i++) TL_TRY(r->naming->recall(&run->subject, r->facts[i], &scan->columns[i]->column, row, r->arena, err));
  return TL_OK;
}

static tl_status find_runs(reading *r, tl_error *err) {
  tl_old_file *f = r->f;
  TL_OWNED(tl_scan) scan = {0};
  TL_OWNED(tl_scan_reader) reader = {0};
  TL_TRY(tl_scan_open(&scan, f->env, f->path, (tl_scan_options){.columns = r->names, .column_count = (size_t)r->count}, err));
  TL_TRY(tl_scan_reader_open(&reader, &scan, err));
  for (;;) {
    TL_TRY(tl_scan_reader_next(&reader, err));
    if (reader.rows == 0) return TL_OK;
    for (int i = 0; i < r->count; i++)
      if (reader.columns[i]->column.null_count > 0) return tl_fail(err, TL_CORRUPT, "%s: a value of %s is missing", f->path, r->names[i]);
    for (int64_t row = 0; row < reader.rows; row++) {
      bool same = row > 0 && goes_on(r, &reader, row);
      if (!same) {
        tl_old_run run;
        TL_TRY(begin_run(r, &reader, row, &run, err));
        same = row == 0 && f->run_count > 0 && r->naming->compare(&f->runs[f->run_count - 1].subject, &run.subject) == 0;
        if (!same) TL_TRY(tl_reserve(f->env, &f->runs, &f->run_capacity, f->run_count + 1, sizeof *f->runs, err));
        if (!same) f->runs[f->run_count++] = run;
      }
      f->runs[f->run_count - 1].count++;
      f->runs[f->run_count - 1].last_time = tl_column_int(&reader.columns[0]->column, row);
    }
  }
}

/* Columns in which nothing is need no place among rows. */
static void drop_empty(tl_old_file *f, const tl_meta *m) {
  int kept = 0;
  for (int i = 0; i < f->schema.child_count; i++) {
    const tl_schema *column = &m->schema->children[i];
    bool empty = column->shape == TL_SHAPE_VALUE && column->nullable;
    for (int g = 0; g < m->group_count && empty; g++) empty = tl_meta_chunk(m, g, column->first_leaf).statistics.null_count == m->groups[g].row_count;
    if (!empty) f->schema.children[kept++] = f->schema.children[i];
  }
  f->schema.child_count = kept;
}

static tl_status open_file(reading *r, tl_error *err) {
  TL_OWNED(tl_parquet) file = {.handle = -1};
  TL_TRY(tl_parquet_open(&file, r->f->env, r->f->path, err));
  r->f->rows = file.meta.row_count;
  r->f->size = file.size;
  TL_TRY(tl_schema_copy(&r->f->schema, file.meta.schema, r->arena, err));
  drop_empty(r->f, &file.meta);
  TL_TRY(choose_columns(r, &file, err));
  TL_TRY(check_order(r, &file, err));
  return find_runs(r, err);
}

tl_status tl_old_file_open(tl_old_file *out, tl_env *env, tl_arena *arena, const char *path, const char *name, const tl_definition *d, const tl_naming *naming,
                           const char *key, tl_error *err) {
  *out = (tl_old_file){.env = env};
  reading r = {.f = out, .arena = arena, .d = d, .naming = naming, .key = key, .facts = {-1}};
  tl_status status = tl_arena_text(arena, &out->path, path, strlen(path), err);
  if (status == TL_OK) status = tl_arena_text(arena, &out->name, name, strlen(name), err);
  if (status == TL_OK) status = open_file(&r, err);
  if (status != TL_OK) tl_old_file_free(out);
  return status;
}
