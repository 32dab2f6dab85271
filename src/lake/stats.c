/* Without a condition, a task is a column chunk, and its pages are summed where they lie. With one, or where a column is not simply there in
   the file, a task is a row group, whose selected rows are summed. Sums are exact, so that nobody can tell which it was. */
#include "lake/stats.h"
#include <string.h>
#include "column/bits.h"
#include "parquet/ahead.h"
#include "parquet/cursor.h"
#include "sys/sys.h"

enum { PULL = 4096, PIECE = 1 << 20 };

typedef struct task {
  size_t part;
  int column; /* of the wanted ones; -1: all that have no chunk of their own, by rows */
} task;

typedef struct stats_worker {
  struct stats_job *job;
  tl_totals *totals;
  tl_scan scan; /* a view of the job's, with the columns that are read by rows */
  tl_scan_reader reader;
  tl_parquet own, *file; /* its own, or the scan's only one */
  size_t open_file;
  tl_page_scratch scratch;
  tl_column memory;
  tl_column dense;
  int64_t rows, bytes_read;
  tl_status status;
  tl_error err;
} stats_worker;

typedef struct stats_job {
  tl_env *env;
  const tl_scan *scan;
  tl_lock *lock;
  task *tasks;
  size_t count, next;
  bool *by_rows; /* of each wanted column */
  int *row_columns, row_column_count;
  stats_worker *workers;
  int threads;
  bool failed;
} stats_job;

void tl_stats_free(tl_stats *s) {
  if (s->env == NULL) return;
  for (int i = 0; s->totals != NULL && i < s->scan.wanted_count; i++) tl_totals_free(&s->totals[i]);
  tl_release(s->env, s->totals);
  tl_scan_free(&s->scan);
  *s = (tl_stats){0};
}

/* ---- a column chunk ---- */

static tl_status open_file(stats_worker *w, size_t file, tl_error *err) {
  if (w->open_file == file) return TL_OK;
  tl_parquet_free(&w->own);
  w->open_file = SIZE_MAX;
  w->file = tl_scan_file(w->job->scan, file);
  if (w->file == NULL) {
    TL_TRY(tl_parquet_open(&w->own, w->job->env, w->job->scan->dataset.files[file].path, err));
    w->file = &w->own;
  }
  w->open_file = file;
  return TL_OK;
}

static tl_status add_stretch(tl_totals *s, const tl_stretch_of_values *v, tl_error *err) {
  int64_t missing = v->rows - v->present;
  uint32_t *counts;
  if (v->values != NULL) return tl_totals_add_values(s, missing, v->values, v->present, err);
  if (v->codes == NULL) return tl_totals_add(s, missing, v->column, err);
  TL_TRY(tl_totals_counters(s, missing, v->dictionary, v->present, &counts, err));
  return counts != NULL ? tl_values_count(v->codes, v->present, counts, err) : tl_values_skip(v->codes, v->present, err);
}

static tl_status sum_chunk(stats_worker *w, const tl_scan_part *part, int column, tl_error *err) {
  TL_OWNED(tl_cursor) cursor = {0};
  const tl_schema *root = w->file->meta.schema, *node = &root->children[tl_schema_child(root, tl_scan_column(w->job->scan, column)->name)];
  if (part->group + 1 < w->file->meta.group_count) tl_read_ahead(w->file, part->group + 1, &node->first_leaf, 1);
  TL_TRY(tl_cursor_open(&cursor, w->file, part->group, node->first_leaf, &w->scratch, err));
  tl_status status = TL_OK;
  while (status == TL_OK && cursor.row < part->count) {
    tl_stretch_of_values v;
    status = tl_cursor_pull(&cursor, PULL, &w->memory, &v, err);
    if (status == TL_OK) status = tl_cursor_fail(&cursor, add_stretch(&w->totals[column], &v, err), err);
  }
  tl_status flushed = status == TL_OK ? tl_cursor_fail(&cursor, tl_totals_flush(&w->totals[column], err), err) : TL_OK;
  w->totals[column].dictionary = NULL;
  return status == TL_OK ? flushed : status;
}

/* ---- rows ---- */

static tl_status add_rows(stats_worker *w, tl_totals *s, const tl_array *a, tl_error *err) {
  const tl_scan_reader *r = &w->reader;
  bool nested = a->node->shape != TL_SHAPE_VALUE;
  int64_t missing = 0;
  if (!nested && r->selected == NULL && a->null_count == 0) return tl_totals_add(s, 0, &a->column, err);
  TL_TRY(tl_column_reset(&w->dense, &s->field, 0, err));
  for (int64_t i = 0, n; i < r->rows; i += n) {
    bool valid = tl_array_is_valid(a, i), selected = tl_scan_is_selected(r, i);
    for (n = 1; i + n < r->rows && tl_array_is_valid(a, i + n) == valid && tl_scan_is_selected(r, i + n) == selected;) n++;
    if (selected && !valid)
      missing += n;
    else if (selected && !nested)
      TL_TRY(tl_column_append(&w->dense, &a->column, i, n, err));
    else if (selected)
      s->rows += n;
  }
  return tl_totals_add(s, missing, &w->dense, err);
}

static tl_status sum_rows(stats_worker *w, const tl_scan_part *part, tl_error *err) {
  stats_job *job = w->job;
  TL_TRY(tl_scan_reader_start(&w->reader, *part, err));
  for (;;) {
    TL_TRY(tl_scan_reader_next(&w->reader, err));
    if (w->reader.rows == 0) break;
    w->rows += w->reader.selected_count;
    for (int i = 0; i < job->row_column_count; i++) TL_TRY(add_rows(w, &w->totals[job->row_columns[i]], w->reader.columns[i], err));
  }
  for (int i = 0; i < job->row_column_count; i++) TL_TRY(tl_totals_flush(&w->totals[job->row_columns[i]], err)); /* their dictionaries are still there */
  return TL_OK;
}

/* ---- threads ---- */

static tl_status do_task(stats_worker *w, const task *t, tl_error *err) {
  const tl_scan_part *part = &w->job->scan->parts[t->part];
  if (t->column < 0) return sum_rows(w, part, err);
  TL_TRY(open_file(w, part->file, err));
  return sum_chunk(w, part, t->column, err);
}

static void work(void *context, int index) {
  stats_job *job = context;
  stats_worker *w = &job->workers[index];
  for (;;) {
    tl_lock_enter(job->lock);
    task *t = job->next < job->count && !job->failed ? &job->tasks[job->next++] : NULL;
    tl_lock_leave(job->lock);
    if (t == NULL) return;
    w->status = do_task(w, t, &w->err);
    if (w->status == TL_OK) continue;
    tl_lock_enter(job->lock);
    job->failed = true;
    tl_lock_leave(job->lock);
    return;
  }
}

/* ---- the plan ---- */

/* Whether a column is a value in every file, of one type. */
static tl_status find_simple(const tl_scan *scan, bool *by_rows, tl_error *err) {
  for (int i = 0; i < scan->wanted_count; i++)
    by_rows[i] = scan->where != NULL || scan->wanted[i] >= scan->hive_from || tl_scan_column(scan, i)->shape != TL_SHAPE_VALUE;
  for (size_t f = 0; f < scan->dataset.count; f++) {
    TL_OWNED(tl_parquet) own = {.handle = -1};
    const tl_parquet *file = tl_scan_file(scan, f);
    if (file == NULL) TL_TRY(tl_parquet_open(&own, scan->env, scan->dataset.files[f].path, err));
    if (file == NULL) file = &own;
    for (int i = 0; i < scan->wanted_count; i++) {
      const tl_schema *column = tl_scan_column(scan, i), *root = file->meta.schema;
      int there = tl_schema_child(root, column->name);
      if (there < 0)
        by_rows[i] = true;
      else
        TL_TRY(tl_schema_agree(column, &root->children[there], file->path, err));
    }
  }
  return TL_OK;
}

static tl_status make_tasks(stats_job *job, tl_arena *arena, tl_error *err) {
  const tl_scan *scan = job->scan;
  TL_TRY(tl_arena_take(arena, &job->by_rows, (size_t)scan->wanted_count + 1, sizeof *job->by_rows, err));
  TL_TRY(tl_arena_take(arena, &job->row_columns, (size_t)scan->wanted_count + 1, sizeof *job->row_columns, err));
  TL_TRY(find_simple(scan, job->by_rows, err));
  for (int i = 0; i < scan->wanted_count; i++)
    if (job->by_rows[i]) job->row_columns[job->row_column_count++] = i;
  bool rows = job->row_column_count > 0 || scan->where != NULL;
  TL_TRY(tl_arena_take(arena, &job->tasks, scan->part_count * (size_t)(scan->wanted_count + 1) + 1, sizeof *job->tasks, err));
  for (size_t p = 0; p < scan->part_count; p++) {
    for (int i = 0; i < scan->wanted_count; i++)
      if (!job->by_rows[i]) job->tasks[job->count++] = (task){p, i};
    if (rows) job->tasks[job->count++] = (task){p, -1};
  }
  return TL_OK;
}

static tl_status open_worker(stats_worker *w, stats_job *job, tl_arena *arena, unsigned wants, size_t most_distinct, tl_error *err) {
  const tl_scan *scan = job->scan;
  *w = (stats_worker){.job = job,
                      .own = {.handle = -1},
                      .open_file = SIZE_MAX,
                      .scratch = {.env = job->env, .limit = scan->page_limit, .piece = PIECE},
                      .memory = {.env = job->env, .bytes = {.env = job->env}},
                      .dense = {.env = job->env, .bytes = {.env = job->env}}};
  TL_TRY(tl_arena_take(arena, &w->totals, (size_t)scan->wanted_count + 1, sizeof *w->totals, err));
  for (int i = 0; i < scan->wanted_count; i++) tl_totals_open(&w->totals[i], job->env, &tl_scan_column(scan, i)->field, wants, most_distinct);
  w->scan = *scan;
  w->scan.wanted_count = job->row_column_count;
  TL_TRY(tl_arena_take(arena, &w->scan.wanted, (size_t)job->row_column_count + 1, sizeof *w->scan.wanted, err));
  for (int i = 0; i < job->row_column_count; i++) w->scan.wanted[i] = scan->wanted[job->row_columns[i]];
  return tl_scan_reader_open(&w->reader, &w->scan, err);
}

static void close_worker(stats_worker *w) {
  if (w->job == NULL) return;
  for (int i = 0; w->totals != NULL && i < w->job->scan->wanted_count; i++) tl_totals_free(&w->totals[i]);
  tl_scan_reader_free(&w->reader);
  tl_parquet_free(&w->own);
  tl_page_scratch_free(&w->scratch);
  tl_column_free(&w->memory);
  tl_column_free(&w->dense);
}

static tl_status run(tl_stats *out, stats_job *job, tl_arena *arena, unsigned wants, size_t most_distinct, tl_error *err) {
  TL_TRY(make_tasks(job, arena, err));
  TL_TRY(tl_arena_take(arena, &job->workers, (size_t)job->threads, sizeof *job->workers, err));
  for (int i = 0; i < job->threads; i++) TL_TRY(open_worker(&job->workers[i], job, arena, wants, most_distinct, err));
  tl_sys_run_threads(job->threads, work, job);
  for (int i = 0; i < job->threads; i++) {
    stats_worker *w = &job->workers[i];
    if (w->status != TL_OK) {
      *err = w->err;
      return w->status;
    }
    out->rows += w->rows;
    out->bytes_read += w->bytes_read;
    for (int c = 0; c < out->scan.wanted_count; c++) TL_TRY(tl_totals_merge(&out->totals[c], &w->totals[c], err));
  }
  if (out->scan.where == NULL) out->rows = out->scan.rows;
  return TL_OK;
}

tl_status tl_stats_run(tl_stats *out, tl_env *env, const char *path, tl_scan_options options, unsigned wants, int threads, int64_t memory, tl_error *err) {
  *out = (tl_stats){.env = env};
  stats_job job = {.env = env, .scan = &out->scan, .threads = threads};
  TL_OWNED(tl_arena) arena = {.env = env};
  tl_status status = tl_scan_open(&out->scan, env, path, options, err);
  size_t columns = (size_t)out->scan.wanted_count + 1, most = (size_t)(memory / 2 / 16 / (int64_t)columns / (threads + 1));
  if (status == TL_OK) status = tl_allocate_zeroed(env, &out->totals, columns, sizeof *out->totals, err);
  for (int i = 0; status == TL_OK && i < out->scan.wanted_count; i++) tl_totals_open(&out->totals[i], env, &tl_scan_column(&out->scan, i)->field, wants, most);
  if (status == TL_OK) status = tl_lock_open(&job.lock, env, err);
  if (status == TL_OK) status = run(out, &job, &arena, wants, most, err);
  for (int i = 0; job.workers != NULL && i < threads; i++) close_worker(&job.workers[i]);
  if (job.lock != NULL) tl_lock_close(job.lock);
  if (status != TL_OK) tl_stats_free(out);
  return status;
}
