#include "lake/csv.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "lake/csv_files.h"
#include "lake/csv_schema.h"
#include "lake/csv_sniff.h"
#include "lake/csv_value.h"

enum { BLOCK = 1 << 20, MOST_RECORD = 16 << 20, HEAD_BYTES = 1 << 20, LEAST_HEAD = 1 << 16, ALL_HEADS = 64 << 20, HEAD_ROWS = 10000, BATCH_BYTES = 16 << 20 };

struct tl_csv_column {
  tl_csv_guess guess;
  tl_field field;
  tl_csv_read read; /* NULL: text */
  bool given;       /* the type is the schema's, not sniffed */
};

/* ---- names ---- */

static tl_status bad_name(const tl_csv *csv, int column, const char *what, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "%s, line %lld: the name of column %d %s; is this a header? (if not, say so: --no-header)", csv->split.path,
                 (long long)csv->split.line, column + 1, what);
}

static tl_status read_name(tl_csv *csv, int i, const char **out, tl_error *err) {
  const tl_csv_cell *cell = &csv->split.cells[i];
  tl_bytes name = cell->quoted ? (tl_bytes){(const uint8_t *)cell->text, cell->size} : tl__csv_trim(cell);
  const char *text = (const char *)name.data;
  if (!csv->has_header) return tl_arena_format(&csv->arena, out, err, "column%d", i + 1);
  if (name.size == 0) return bad_name(csv, i, "is empty", err);
  if (memchr(text, 0, name.size) != NULL || !tl_utf8_valid(text, name.size)) return bad_name(csv, i, "is not valid UTF-8", err);
  return tl_arena_text(&csv->arena, out, text, name.size, err);
}

static int by_name(const void *a, const void *b) { return strcmp(**(const char *const *const *)a, **(const char *const *const *)b); }

/* Sorted, equal names are neighbours. */
static tl_status check_names(tl_csv *csv, tl_error *err) {
  const char ***sorted;
  int count = csv->schema.child_count;
  TL_TRY(tl_arena_take(&csv->arena, &sorted, (size_t)count, sizeof *sorted, err));
  for (int i = 0; i < count; i++) sorted[i] = &csv->schema.children[i].name;
  qsort(sorted, (size_t)count, sizeof *sorted, by_name);
  for (int i = 1; i < count; i++)
    if (strcmp(*sorted[i - 1], *sorted[i]) == 0)
      return tl_fail(err, TL_CORRUPT, "%s, line %lld: two columns are named %s; is this a header? (if not, say so: --no-header)", csv->split.path,
                     (long long)csv->split.line, *sorted[i]);
  return TL_OK;
}

/* A first record is a header unless there is a value in it. */
static bool seems_header(const tl_csv_split *split) {
  for (size_t i = 0; i < split->cell_count; i++) {
    tl_bytes text = tl__csv_trim(&split->cells[i]);
    if (tl__csv_is_value((const char *)text.data, text.size)) return false;
  }
  return true;
}

/* The columns, from the first record of the first file. */
static tl_status open_columns(tl_csv *csv, int header, tl_error *err) {
  tl_schema *root = &csv->schema;
  csv->has_header = header < 0 ? seems_header(&csv->split) : header > 0;
  *root = (tl_schema){.name = "", .shape = TL_SHAPE_STRUCT, .child_count = (int)csv->split.cell_count};
  TL_TRY(tl_arena_take(&csv->arena, &root->children, csv->split.cell_count, sizeof *root->children, err));
  TL_TRY(tl_arena_take(&csv->arena, &csv->columns, csv->split.cell_count, sizeof *csv->columns, err));
  for (int i = 0; i < root->child_count; i++) {
    tl_schema *node = &root->children[i];
    *node = (tl_schema){.shape = TL_SHAPE_VALUE, .nullable = true};
    TL_TRY(read_name(csv, i, &node->name, err));
  }
  return check_names(csv, err);
}

/* Every file has the header of the first. */
static tl_status compare_header(tl_csv *csv, tl_error *err) {
  for (int i = 0; i < csv->schema.child_count; i++) {
    const char *name, *wanted = csv->schema.children[i].name;
    TL_TRY(read_name(csv, i, &name, err));
    if (strcmp(name, wanted) != 0)
      return tl_fail(err, TL_CORRUPT, "%s, line %lld: column %d is named %s, but %s in %s", csv->split.path, (long long)csv->split.line, i + 1, name, wanted,
                     csv->files[0]);
  }
  return TL_OK;
}

/* ---- types ---- */

static void guess_row(tl_csv *csv) {
  for (size_t i = 0; i < csv->split.cell_count; i++) {
    tl_bytes text = tl__csv_trim(&csv->split.cells[i]);
    tl__csv_guess_add(&csv->columns[i].guess, (const char *)text.data, text.size);
  }
}

/* The first record of the file is in the splitter. */
static tl_status sniff_first(tl_csv *csv, size_t file, int header, tl_error *err) {
  if (csv->split.cell_count == 0) return tl_fail(err, TL_CORRUPT, "%s: empty: neither a header nor a row", csv->files[file]);
  if (file > 0 && csv->split.cell_count != (size_t)csv->schema.child_count)
    return tl_fail(err, TL_CORRUPT, "%s, line %lld: %zu columns, but %d in %s", csv->files[file], (long long)csv->split.line, csv->split.cell_count,
                   csv->schema.child_count, csv->files[0]);
  if (file == 0)
    TL_TRY(open_columns(csv, header, err));
  else if (csv->has_header)
    TL_TRY(compare_header(csv, err));
  if (!csv->has_header) guess_row(csv);
  return TL_OK;
}

static tl_status sniff_file(tl_csv *csv, size_t file, int header, tl_csv_head head, tl_error *err) {
  tl_csv_split *split = &csv->split;
  TL_TRY(tl_csv_split_open(split, csv->env, csv->files[file], &csv->form, err));
  /* empty lines before the first record are skipped even where lines have one cell */
  TL_TRY(tl_csv_split_row(split, 0, err));
  TL_TRY(sniff_first(csv, file, header, err));
  for (int64_t rows = 0; rows < head.rows && tl_csv_split_taken(split) < head.bytes; rows++) {
    TL_TRY(tl_csv_split_row(split, csv->schema.child_count, err));
    if (split->cell_count == 0) break;
    guess_row(csv);
  }
  tl_csv_split_free(split);
  return TL_OK;
}

static tl_status no_column(tl_csv *csv, const char *name, tl_error *err) {
  const char **names;
  TL_TRY(tl_arena_take(&csv->arena, &names, (size_t)csv->schema.child_count, sizeof *names, err));
  for (int i = 0; i < csv->schema.child_count; i++) names[i] = csv->schema.children[i].name;
  const char *nearest = tl_nearest_name(name, names, (size_t)csv->schema.child_count);
  return tl_fail(err, TL_USAGE, "schema: no column %s in %s%s%s%s", name, csv->files[0], nearest ? "; did you mean " : "", nearest ? nearest : "",
                 nearest ? "?" : "");
}

static tl_status apply_schema(tl_csv *csv, const char *text, tl_error *err) {
  tl_field *fields;
  int count;
  TL_TRY(tl__csv_schema_read(&csv->arena, text, &fields, &count, err));
  for (int i = 0; i < count; i++) {
    int c = tl_schema_child(&csv->schema, fields[i].name);
    if (c < 0) return no_column(csv, fields[i].name, err);
    csv->columns[c].field = fields[i];
    csv->columns[c].given = true;
  }
  return TL_OK;
}

static void settle_types(tl_csv *csv) {
  for (int i = 0; i < csv->schema.child_count; i++) {
    tl_csv_column *column = &csv->columns[i];
    tl_schema *node = &csv->schema.children[i];
    if (!column->given) tl__csv_guess_type(&column->guess, &column->field);
    column->field.name = node->name;
    column->field.nullable = true;
    column->read = tl__csv_reader(&column->field, column->given);
    node->field = column->field;
  }
  tl_schema_number(&csv->schema);
}

/* ---- opening ---- */

static tl_status check_options(const tl_csv_options *o, tl_error *err) {
  char d = o->delimiter, q = o->quote ? o->quote : '"';
  if (d == q || d == '\n' || d == '\r' || q == '\n' || q == '\r') return tl_fail(err, TL_USAGE, "delimiter and quote must differ, and be no line ends");
  if ((d & 0x80) != 0 || (q & 0x80) != 0) return tl_fail(err, TL_USAGE, "delimiter and quote must be ASCII characters");
  if (o->most_record > UINT32_MAX || o->block > UINT32_MAX) return tl_fail(err, TL_USAGE, "records and blocks of 4 GB and more are not read");
  return TL_OK;
}

/* Where files are many, the heads of all take no more than a bounded time. */
static tl_csv_head head_of(const tl_csv_options *o, size_t files) {
  int64_t bytes = ALL_HEADS / (int64_t)files;
  if (bytes > HEAD_BYTES) bytes = HEAD_BYTES;
  if (bytes < LEAST_HEAD) bytes = LEAST_HEAD;
  return (tl_csv_head){o->sniffed_bytes > 0 ? o->sniffed_bytes : bytes, o->sniffed_rows > 0 ? o->sniffed_rows : HEAD_ROWS};
}

static tl_status open_all(tl_csv *csv, const char *path, const tl_csv_options *o, tl_error *err) {
  TL_TRY(check_options(o, err));
  csv->form = (tl_csv_form){.delimiter = o->delimiter,
                            .quote = o->quote ? o->quote : '"',
                            .block = o->block ? o->block : BLOCK,
                            .most_record = o->most_record ? o->most_record : MOST_RECORD};
  TL_TRY(tl__csv_list(csv, path, err));
  tl_csv_head head = head_of(o, csv->file_count);
  if (o->delimiter == 0) TL_TRY(tl__csv_sniff_delimiter(&csv->form.delimiter, csv->env, csv->files[0], &csv->form, head, err));
  for (size_t i = 0; i < csv->file_count; i++) TL_TRY(sniff_file(csv, i, o->header, head, err));
  if (o->schema != NULL) TL_TRY(apply_schema(csv, o->schema, err));
  settle_types(csv);
  return TL_OK;
}

tl_status tl_csv_open(tl_csv *out, tl_env *env, const char *path, const tl_csv_options *options, tl_error *err) {
  static const tl_csv_options sniffed = {.header = -1};
  *out = (tl_csv){.env = env, .arena = {.env = env}};
  tl_status status = open_all(out, path, options ? options : &sniffed, err);
  if (status != TL_OK) tl_csv_free(out);
  return status;
}

void tl_csv_free(tl_csv *csv) {
  if (csv->env == NULL) return;
  tl_csv_split_free(&csv->split);
  tl_release(csv->env, csv->files);
  tl_arena_free(&csv->arena);
  *csv = (tl_csv){0};
}

/* ---- rows ---- */

enum { SHOWN = 40, SHOWN_TEXT = SHOWN * 4 + 8 };

/* The first characters of a cell, for people: no control characters, and question marks for bytes that are no text. */
static void show_cell(char out[SHOWN_TEXT], const tl_csv_cell *cell) {
  size_t used = 0;
  int shown = 0;
  for (size_t i = 0; i < cell->size; shown++) {
    size_t size = 1;
    if (shown == SHOWN) {
      strcpy(out + used, "...");
      return;
    }
    if ((uint8_t)cell->text[i] >= 0xc0)
      while (size < 4 && i + size < cell->size && ((uint8_t)cell->text[i + size] & 0xc0) == 0x80) size++;
    bool plain = (uint8_t)cell->text[i] >= ' ' && cell->text[i] != 0x7f && tl_utf8_valid(cell->text + i, size);
    if (plain) memcpy(out + used, cell->text + i, size);
    if (!plain) out[used] = '?';
    used += plain ? size : 1;
    i += plain ? size : 1;
  }
  out[used] = 0;
}

static bool is_whole(const char *text, size_t size) {
  for (size_t i = size > 0 && (*text == '-' || *text == '+'); i < size; i++)
    if (text[i] < '0' || text[i] > '9') return false;
  return true;
}

/* A type that the text can be read as, where the column's is too narrow. */
static const char *wider_type(const tl_field *f, tl_bytes text) {
  double number;
  tl_csv_time time;
  const char *t = (const char *)text.data;
  bool real = !is_whole(t, text.size) && !tl__csv_is_code(t, text.size) && tl__csv_double(t, text.size, &number);
  if (real && f->physical == TL_PHYSICAL_INT64 && f->logical == TL_LOGICAL_NONE) return "double";
  if (f->logical == TL_LOGICAL_TIMESTAMP && tl__csv_time(t, text.size, &time) && time.has_offset == f->utc && time.digits > f->digits)
    return f->utc ? "timestamp[ns, UTC]" : "timestamp[ns]";
  return "string";
}

static tl_status wrong_value(const tl_csv *csv, int column, tl_bytes text, tl_error *err) {
  char shown[SHOWN_TEXT], type[TL_TYPE_TEXT];
  const tl_csv_column *c = &csv->columns[column];
  const char *path = csv->split.path, *name = c->field.name, *quote = strpbrk(name, ",:") ? "\"" : "";
  long long line = (long long)csv->split.line;
  show_cell(shown, &csv->split.cells[column]);
  tl_field_type_text(type, &c->field);
  if (c->given) return tl_fail(err, TL_CORRUPT, "%s, line %lld, column %s: '%s' is no %s, which the schema says it is", path, line, name, shown, type);
  return tl_fail(err, TL_CORRUPT, "%s, line %lld, column %s: '%s' is no %s, as the rows before it are; another type can be given: --schema '%s%s%s:%s'", path,
                 line, name, shown, type, quote, name, quote, wider_type(&c->field, text));
}

static bool is_ascii(const char *text, size_t size) {
  uint64_t high = 0;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) high |= tl_load64(text + i);
  for (; i < size; i++) high |= (uint8_t)text[i];
  return (high & 0x8080808080808080u) == 0;
}

static tl_status put_text(const tl_csv *csv, int column, tl_column *out, int64_t row, tl_error *err) {
  char shown[SHOWN_TEXT];
  const tl_csv_cell *cell = &csv->split.cells[column];
  if (cell->size == 0 && !cell->quoted) TL_TRY(tl_column_set_null(out, row, 1, err));
  if (!is_ascii(cell->text, cell->size) && !tl_utf8_valid(cell->text, cell->size)) {
    show_cell(shown, cell);
    return tl_fail(err, TL_CORRUPT, "%s, line %lld, column %s: '%s' is not valid UTF-8", csv->split.path, (long long)csv->split.line, out->field.name, shown);
  }
  if (out->bytes.capacity - out->bytes.size < cell->size) TL_TRY(tl_buffer_reserve(&out->bytes, cell->size, err));
  memcpy(out->bytes.data + out->bytes.size, cell->text, cell->size);
  out->bytes.size += cell->size;
  out->offsets[row + 1] = (int64_t)out->bytes.size;
  return TL_OK;
}

static tl_status put_value(const tl_csv *csv, int column, tl_column *out, int64_t row, tl_error *err) {
  const tl_csv_column *c = &csv->columns[column];
  tl_bytes text = tl__csv_trim(&csv->split.cells[column]);
  if (text.size == 0) return tl_column_set_null(out, row, 1, err);
  if (c->read(&c->field, (const char *)text.data, text.size, out->values + row * tl_field_width(&c->field))) return TL_OK;
  return wrong_value(csv, column, text, err);
}

static tl_status put_row(const tl_csv *csv, tl_batch *out, int64_t row, tl_error *err) {
  for (int i = 0; i < csv->schema.child_count; i++) {
    tl_column *column = &out->columns[i].column;
    TL_TRY(csv->columns[i].read == NULL ? put_text(csv, i, column, row, err) : put_value(csv, i, column, row, err));
  }
  return TL_OK;
}

/* Opens the file at hand and steps over its header. */
static tl_status open_file(tl_csv *csv, tl_error *err) {
  TL_TRY(tl_csv_split_open(&csv->split, csv->env, csv->files[csv->file], &csv->form, err));
  return csv->has_header ? tl_csv_split_row(&csv->split, 0, err) : TL_OK;
}

static tl_status begin_batch(const tl_csv *csv, tl_batch *out, int64_t most_rows, tl_error *err) {
  out->rows = 0;
  for (int i = 0; i < csv->schema.child_count; i++) {
    out->columns[i].count = out->columns[i].null_count = 0;
    TL_TRY(tl_column_reset(&out->columns[i].column, &csv->columns[i].field, most_rows, err));
  }
  return TL_OK;
}

static void end_batch(tl_batch *out, int columns, int64_t rows) {
  out->rows = rows;
  for (int i = 0; i < columns; i++) {
    tl_array *array = &out->columns[i];
    array->column.count = array->count = rows;
    array->null_count = array->column.null_count;
  }
}

/* Rows of the file at hand; none at its end. */
static tl_status read_rows(tl_csv *csv, tl_batch *out, int64_t most_rows, int64_t *rows, tl_error *err) {
  TL_TRY(begin_batch(csv, out, most_rows, err));
  if (csv->split.env == NULL) TL_TRY(open_file(csv, err));
  int64_t begin = tl_csv_split_taken(&csv->split);
  for (*rows = 0; *rows < most_rows && tl_csv_split_taken(&csv->split) - begin < BATCH_BYTES; ++*rows) {
    TL_TRY(tl_csv_split_row(&csv->split, csv->schema.child_count, err));
    if (csv->split.cell_count == 0) break;
    TL_TRY(put_row(csv, out, *rows, err));
  }
  return TL_OK;
}

tl_status tl_csv_next(tl_csv *csv, tl_batch *out, int64_t most_rows, tl_error *err) {
  int64_t rows = 0;
  tl_status status = TL_OK;
  while (status == TL_OK && rows == 0 && csv->file < csv->file_count) {
    status = read_rows(csv, out, most_rows, &rows, err);
    if (status != TL_OK || rows > 0) break;
    tl_csv_split_free(&csv->split);
    csv->file++;
  }
  end_batch(out, csv->schema.child_count, status == TL_OK ? rows : 0);
  return status;
}
