/* Batches of a scan give their memory away where nothing has to be left out or decoded; else the selected rows are copied together. */
#include "lake/arrow_stream.h"
#include <string.h>
#include "column/bits.h"

enum { STEP = 1024, MOST_BYTES = 64 << 20, WRITE_VALUES = 1 << 20, WRITE_LEAST = 64, WRITE_MOST = 1 << 14 };

typedef struct scan_source {
  tl_env *env;
  tl_arena arena;
  tl_scan scan;
  tl_scan_reader reader;
  tl_schema schema; /* what goes out: the columns that are wanted */
  int64_t row;      /* of the reader's batch, that comes next */
  size_t file;      /* whose columns have been compared with the schema */
} scan_source;

static void scan_source_release(void *context) {
  scan_source *s = context;
  tl_scan_reader_free(&s->reader);
  tl_scan_free(&s->scan);
  tl_arena_free(&s->arena);
  tl_release(s->env, s);
}

/* ---- the schema ---- */

/* The scan speaks of the first file that has a column; others may have missing rows where that one has none. */
static void loosen(tl_schema *n) {
  n->nullable = true;
  for (int i = 0; i < n->child_count; i++) loosen(&n->children[i]);
}

static tl_status settle_schema(scan_source *s, tl_error *err) {
  s->schema = (tl_schema){.name = "schema", .shape = TL_SHAPE_STRUCT, .child_count = s->scan.wanted_count};
  TL_TRY(tl_arena_take(&s->arena, &s->schema.children, (size_t)s->scan.wanted_count + 1, sizeof *s->schema.children, err));
  for (int i = 0; i < s->scan.wanted_count; i++) {
    TL_TRY(tl_schema_copy(&s->schema.children[i], tl_scan_column(&s->scan, i), &s->arena, err));
    if (s->scan.dataset.count > 1) loosen(&s->schema.children[i]);
  }
  tl_schema_number(&s->schema);
  return TL_OK;
}

static tl_status check_file(scan_source *s, tl_error *err) {
  if (s->reader.file == s->file) return TL_OK;
  for (int i = 0; i < s->schema.child_count; i++) TL_TRY(tl_schema_agree(&s->schema.children[i], s->reader.columns[i]->node, s->reader.open->path, err));
  s->file = s->reader.file;
  return TL_OK;
}

/* ---- batches ---- */

static bool has_codes(const tl_array *a) {
  bool codes = a->node->shape == TL_SHAPE_VALUE && a->column.dictionary != NULL;
  for (int i = 0; i < a->node->child_count && !codes; i++) codes = has_codes(&a->children[i]);
  return codes;
}

/* Whether the reader's batch can go out as it is: all of its rows, as values, no column twice. */
static bool can_move(const scan_source *s) {
  const tl_scan_reader *r = &s->reader;
  for (int i = 0; i < s->schema.child_count; i++) {
    if (has_codes(r->columns[i])) return false;
    for (int k = 0; k < i; k++)
      if (r->columns[k] == r->columns[i]) return false;
  }
  return s->row == 0 && r->selected == NULL;
}

static void set_node(tl_array *a, const tl_schema *node) {
  a->node = node;
  for (int i = 0; i < node->child_count; i++) set_node(&a->children[i], &node->children[i]);
}

/* The reader goes on with the batch's empty arrays. */
static void move_all(scan_source *s, tl_batch *out) {
  for (int i = 0; i < s->schema.child_count; i++) {
    tl_array *theirs = s->reader.columns[i], moved = *theirs;
    const tl_schema *node = theirs->node;
    *theirs = out->columns[i];
    out->columns[i] = moved;
    set_node(theirs, node);
    set_node(&out->columns[i], &s->schema.children[i]);
  }
  out->rows = s->row = s->reader.rows;
}

/* Selected neighbours, up to a step of rows. */
static tl_status copy_some(scan_source *s, tl_batch *out, tl_error *err) {
  const tl_scan_reader *r = &s->reader;
  int64_t n = 1;
  bool selected = tl_scan_is_selected(r, s->row);
  while (n < STEP && s->row + n < r->rows && tl_scan_is_selected(r, s->row + n) == selected) n++;
  if (selected) {
    for (int i = 0; i < s->schema.child_count; i++) TL_TRY(tl_array_append(&out->columns[i], r->columns[i], s->row, n, err));
    out->rows += n;
  }
  s->row += n;
  return TL_OK;
}

static tl_status fill(scan_source *s, tl_batch *out, tl_error *err) {
  int64_t counted = 0;
  while (out->rows < s->scan.batch_rows) {
    if (s->row >= s->reader.rows) {
      TL_TRY(tl_scan_reader_next(&s->reader, err));
      s->row = 0;
      if (s->reader.rows == 0) return TL_OK;
      TL_TRY(check_file(s, err));
      if (out->rows == 0 && can_move(s)) {
        move_all(s, out);
        return TL_OK;
      }
    }
    TL_TRY(copy_some(s, out, err));
    if (out->rows < counted + STEP) continue;
    counted = out->rows;
    if (tl_batch_bytes(out) > MOST_BYTES) return TL_OK;
  }
  return TL_OK;
}

static tl_status scan_source_next(void *context, tl_batch *out, tl_error *err) {
  scan_source *s = context;
  TL_TRY(tl_batch_open(out, s->env, &s->schema, err));
  return fill(s, out, err);
}

/* ---- opening ---- */

static tl_status open_source(scan_source *s, const char *path, tl_scan_options options, tl_error *err) {
  TL_TRY(tl_scan_open(&s->scan, s->env, path, options, err));
  TL_TRY(settle_schema(s, err));
  return tl_scan_reader_open(&s->reader, &s->scan, err);
}

tl_status tl_arrow_scan(struct ArrowArrayStream *out, tl_env *env, const char *path, tl_scan_options options, tl_error *err) {
  scan_source *s;
  *out = (struct ArrowArrayStream){0};
  TL_TRY(tl_allocate_zeroed(env, &s, 1, sizeof *s, err));
  *s = (scan_source){.env = env, .arena = {.env = env}, .file = SIZE_MAX};
  tl_status status = open_source(s, path, options, err);
  if (status != TL_OK) {
    scan_source_release(s);
    return status;
  }
  return tl_arrow_stream_export(out, env, (tl_arrow_source){s, &s->schema, scan_source_next, scan_source_release}, err);
}

/* ---- writing ---- */

/* What no reader of ours would take. */
static tl_status check_columns(const tl_schema *schema, tl_error *err) {
  if (schema->child_count == 0) return tl_fail(err, TL_UNSUPPORTED, "a table without columns cannot be written");
  for (int i = 0; i < schema->child_count; i++)
    for (int k = 0; k < i; k++)
      if (strcmp(schema->children[k].name, schema->children[i].name) == 0)
        return tl_fail(err, TL_UNSUPPORTED, "two columns are named %s", schema->children[i].name);
  return TL_OK;
}

static int64_t rows_at_once(const tl_schema *schema) {
  int64_t rows = WRITE_VALUES / (schema->leaf_count + 1);
  return rows < WRITE_LEAST ? WRITE_LEAST : rows > WRITE_MOST ? WRITE_MOST : rows;
}

static tl_status write_all(tl_arrow_reader *reader, const char *path, const tl_sink_style *style, tl_error *err) {
  TL_OWNED(tl_batch) batch = {0};
  TL_OWNED(tl_sink) sink = {0};
  TL_TRY(check_columns(&reader->schema, err));
  TL_TRY(tl_batch_open(&batch, reader->env, &reader->schema, err));
  TL_TRY(tl_sink_open(&sink, reader->env, path, &reader->schema, style, err));
  for (;;) {
    TL_TRY(tl_arrow_reader_next(reader, &batch, rows_at_once(&reader->schema), err));
    if (batch.rows == 0) return tl_sink_finish(&sink, err);
    TL_TRY(tl_sink_put(&sink, &batch, 0, batch.rows, err));
  }
}

tl_status tl_arrow_write(tl_env *env, const char *path, struct ArrowArrayStream *in, const tl_sink_style *style, tl_error *err) {
  TL_OWNED(tl_arrow_reader) reader = {0};
  TL_TRY(tl_arrow_reader_open(&reader, env, in, err));
  return write_all(&reader, path, style, err);
}
