/* A dataset: all of its files together, from their footers alone. A file that cannot be read is told, and left out. */
#include <string.h>
#include "base/text.h"
#include "codec/compressor.h"
#include "column/compare.h"
#include "inspect.h"
#include "inspect_tape.h"
#include "lake/hive.h"
#include "sys/sys.h"
#include "table.h"

typedef struct folder_column {
  tl_leaf leaf; /* as the first file has it; its name lives in the arena */
  tl_chunk_totals totals;
  int64_t files;
  bool mixed; /* other files have another type */
} folder_column;

typedef struct folder_key {
  tl_field field;
  tl_column min, max;
  int64_t files;
} folder_key;

typedef struct folder {
  const inspect_options *options;
  tl_env *env;
  tl_arena arena;
  tl_dataset dataset;
  tl_schema schema; /* a STRUCT of all top-level columns */
  size_t schema_capacity;
  folder_column *columns;
  size_t column_count, column_capacity;
  folder_key *keys;
  size_t key_count, key_capacity;
  int64_t files, rows, groups, bytes, footer_bytes, smallest, largest;
  char *claim; /* of the first file; files that claim the same */
  int64_t claiming;
  inspect_problems problems;
  inspect_tape tape;
} folder;

static void folder_free(folder *f) {
  for (size_t i = 0; i < f->column_count; i++) tl_chunk_totals_free(&f->columns[i].totals);
  for (size_t i = 0; i < f->key_count; i++) tl_column_free(&f->keys[i].min), tl_column_free(&f->keys[i].max);
  tl_release(f->env, f->columns);
  tl_release(f->env, f->keys);
  tl_release(f->env, f->schema.children);
  tl_release(f->env, f->problems.texts);
  if (f->problems.arena.env != NULL) tl_arena_free(&f->problems.arena);
  tl_dataset_free(&f->dataset);
  tl_arena_free(&f->arena);
}

/* ---- columns of all files ---- */

static tl_schema *child_of(folder *f, const char *name) {
  for (int i = 0; i < f->schema.child_count; i++)
    if (strcmp(f->schema.children[i].name, name) == 0) return &f->schema.children[i];
  return NULL;
}

/* A column that is optional in any file, or that a file lacks, is optional. */
static tl_status merge_schema(folder *f, const tl_schema *root, tl_error *err) {
  for (int i = 0; i < root->child_count; i++) {
    tl_schema *there = child_of(f, root->children[i].name);
    if (there != NULL) {
      there->nullable |= root->children[i].nullable;
      continue;
    }
    TL_TRY(tl_reserve(f->env, &f->schema.children, &f->schema_capacity, (size_t)f->schema.child_count + 1, sizeof *f->schema.children, err));
    TL_TRY(tl_schema_copy(&f->schema.children[f->schema.child_count++], &root->children[i], &f->arena, err));
    f->schema.children[f->schema.child_count - 1].nullable |= f->files > 0;
  }
  for (int i = 0; i < f->schema.child_count; i++) {
    bool here = false;
    for (int k = 0; k < root->child_count && !here; k++) here = strcmp(root->children[k].name, f->schema.children[i].name) == 0;
    f->schema.children[i].nullable |= !here;
  }
  return TL_OK;
}

/* Files mostly have the same columns in the same order, so that the place is guessed first. */
static tl_status column_of(folder *f, const tl_leaf *leaf, size_t guess, folder_column **out, tl_error *err) {
  if (guess < f->column_count && strcmp(f->columns[guess].leaf.field.name, leaf->field.name) == 0) return *out = &f->columns[guess], TL_OK;
  for (size_t i = 0; i < f->column_count; i++)
    if (strcmp(f->columns[i].leaf.field.name, leaf->field.name) == 0) return *out = &f->columns[i], TL_OK;
  TL_TRY(tl_reserve(f->env, &f->columns, &f->column_capacity, f->column_count + 1, sizeof *f->columns, err));
  folder_column *c = *out = &f->columns[f->column_count];
  *c = (folder_column){.leaf = *leaf};
  TL_TRY(tl_arena_text(&f->arena, &c->leaf.field.name, leaf->field.name, strlen(leaf->field.name), err));
  tl_chunk_totals_open(&c->totals, f->env);
  f->column_count++;
  return TL_OK;
}

static tl_status add_columns(folder *f, const tl_meta *m, tl_error *err) {
  for (int k = 0; k < m->leaf_count; k++) {
    folder_column *c;
    char ours[TL_TYPE_TEXT], theirs[TL_TYPE_TEXT];
    if (!inspect_is_asked(f->options, m->leaves[k].field.name)) continue;
    TL_TRY(column_of(f, &m->leaves[k], (size_t)k, &c, err));
    tl_field_type_text(ours, &c->leaf.field);
    tl_field_type_text(theirs, &m->leaves[k].field);
    c->mixed |= strcmp(ours, theirs) != 0 || c->leaf.field.physical != m->leaves[k].field.physical;
    if (c->mixed) c->totals.bounds_unknown = true, c->totals.min.count = c->totals.max.count = 0;
    c->leaf.field.nullable |= m->leaves[k].field.nullable;
    c->leaf.unordered |= m->leaves[k].unordered;
    c->files++;
    for (int g = 0; g < m->group_count; g++) {
      tl_chunk chunk = tl_meta_chunk(m, g, k);
      tl_chunk_totals_add(&c->totals, &c->leaf, &chunk);
    }
  }
  return TL_OK;
}

/* ---- keys of the path ---- */

static tl_status key_of(folder *f, const char *name, folder_key **out, tl_error *err) {
  for (size_t i = 0; i < f->key_count; i++)
    if (strcmp(f->keys[i].field.name, name) == 0) return *out = &f->keys[i], TL_OK;
  TL_TRY(tl_reserve(f->env, &f->keys, &f->key_capacity, f->key_count + 1, sizeof *f->keys, err));
  tl_column empty = {.env = f->env, .bytes = {.env = f->env}};
  *out = &f->keys[f->key_count++];
  **out = (folder_key){.field = tl_hive_field(&f->dataset, name), .min = empty, .max = empty};
  return TL_OK;
}

static tl_status take_row(tl_column *out, const tl_column *in, tl_error *err) {
  TL_TRY(tl_column_reset(out, &in->field, 0, err));
  return tl_column_append(out, in, 0, 1, err);
}

static tl_status add_keys(folder *f, const tl_dataset_file *file, tl_error *err) {
  TL_OWNED(tl_column) value = {.env = f->env, .bytes = {.env = f->env}};
  for (int k = 0; k < file->key_count; k++) {
    folder_key *key;
    TL_TRY(key_of(f, file->keys[k].name, &key, err));
    TL_TRY(tl_hive_fill(file, &key->field, 1, &value, err));
    key->files++;
    if (!tl_column_is_valid(&value, 0)) continue;
    if (key->min.count == 0 || tl_column_compare(&value, 0, &key->min, 0) < 0) TL_TRY(take_row(&key->min, &value, err));
    if (key->max.count == 0 || tl_column_compare(&value, 0, &key->max, 0) > 0) TL_TRY(take_row(&key->max, &value, err));
  }
  return TL_OK;
}

/* ---- files ---- */

/* "ticker, date descending" of the first row group. */
static void claim_text(const tl_meta *m, char *out, size_t room) {
  size_t used = 0;
  out[0] = 0;
  const tl_row_group *g = m->group_count > 0 ? &m->groups[0] : NULL;
  for (int i = 0; g != NULL && i < g->sorting_count && used < room; i++) {
    int leaf = g->sorting[i].column;
    char name[200] = "?";
    if (leaf >= 0 && leaf < m->leaf_count) cli_clean(name, sizeof name, m->leaves[leaf].field.name, strlen(m->leaves[leaf].field.name), INSPECT_NAME);
    used += (size_t)snprintf(out + used, room - used, "%s%s%s", i > 0 ? ", " : "", name, g->sorting[i].descending ? " descending" : "");
  }
}

static tl_status add_file(folder *f, const tl_dataset_file *file, tl_error *err) {
  TL_OWNED(tl_parquet) open = {.handle = -1};
  char claim[600];
  tl_error why = {0};
  if (tl_parquet_open(&open, f->env, file->path, &why) != TL_OK) return inspect_problem(&f->problems, &why), TL_OK;
  TL_TRY(merge_schema(f, open.meta.schema, err));
  TL_TRY(add_columns(f, &open.meta, err));
  TL_TRY(add_keys(f, file, err));
  claim_text(&open.meta, claim, sizeof claim);
  if (f->claim == NULL) f->claim = cli_copy(claim, strlen(claim));
  f->claiming += *claim != 0 && strcmp(claim, f->claim) == 0;
  f->files++;
  f->rows += open.meta.row_count;
  f->groups += open.meta.group_count;
  f->bytes += open.size;
  f->footer_bytes += open.footer_size;
  f->smallest = f->files == 1 || open.size < f->smallest ? open.size : f->smallest;
  f->largest = open.size > f->largest ? open.size : f->largest;
  return TL_OK;
}

/* ---- for people ---- */

static void show_keys(const folder *f) {
  static const char *const heads[] = {"path key", "type", "files", "min", "max"};
  TL_OWNED(cli_table) t = {0};
  cli_table_open(&t, f->env, heads, "llrll", 5);
  for (size_t i = 0; i < f->key_count; i++) {
    char type[TL_TYPE_TEXT], name[200], low[200], high[200];
    tl_field_type_text(type, &f->keys[i].field);
    cli_clean(name, sizeof name, f->keys[i].field.name, strlen(f->keys[i].field.name), INSPECT_NAME);
    inspect_bound_cell(low, sizeof low, &f->keys[i].min, false);
    inspect_bound_cell(high, sizeof high, &f->keys[i].max, false);
    cli_table_cell(&t, "%s", name);
    cli_table_cell(&t, "%s", type);
    cli_table_cell(&t, "%lld", (long long)f->keys[i].files);
    cli_table_cell(&t, "%s", low);
    cli_table_cell(&t, "%s", high);
  }
  if (f->key_count > 0) printf("\n"), cli_table_print(&t);
}

static void column_row(cli_table *t, const folder *f, const folder_column *c) {
  const tl_chunk_totals *s = &c->totals;
  char name[200], type[TL_TYPE_TEXT], codecs[120], encodings[200], size[TL_NUMBER_TEXT], nulls[TL_NUMBER_TEXT] = "", low[200], high[200];
  cli_clean(name, sizeof name, c->leaf.field.name, strlen(c->leaf.field.name), INSPECT_NAME);
  tl_field_type_text(type, &c->leaf.field);
  inspect_names(codecs, sizeof codecs, s->codecs, tl_compressor_name);
  inspect_names(encodings, sizeof encodings, inspect_page_encodings(s, NULL), tl_encoding_name);
  tl_size_text(size, (double)s->compressed_size);
  if (s->nulls >= 0) tl_count_text(nulls, s->nulls);
  inspect_bound_cell(low, sizeof low, &s->min, s->min_inexact);
  inspect_bound_cell(high, sizeof high, &s->max, s->max_inexact);
  cli_table_cell(t, "%s", name);
  cli_table_cell(t, "%s", c->mixed ? "types differ" : type);
  cli_table_cell(t, c->files < f->files ? "%lld of %lld" : "all", (long long)c->files, (long long)f->files);
  cli_table_cell(t, "%s", codecs);
  cli_table_cell(t, "%s", encodings);
  cli_table_cell(t, "%s", size);
  cli_table_cell(t, "%.1f%%", f->bytes > 0 ? 100 * (double)s->compressed_size / (double)f->bytes : 0.0);
  cli_table_cell(t, s->compressed_size > 0 ? "%.2fx" : "-", s->compressed_size > 0 ? (double)s->uncompressed_size / (double)s->compressed_size : 0.0);
  cli_table_cell(t, "%s", nulls);
  cli_table_cell(t, "%s", low);
  cli_table_cell(t, "%s", high);
}

static void show_columns(const folder *f) {
  static const char *const heads[] = {"column", "type", "files", "codec", "encodings", "size", "of all", "ratio", "nulls", "min", "max"};
  TL_OWNED(cli_table) t = {0};
  cli_table_open(&t, f->env, heads, "lllllrrrrll", 11);
  for (size_t i = 0; i < f->column_count && i < INSPECT_MOST_ROWS; i++) column_row(&t, f, &f->columns[i]);
  printf("\n");
  cli_table_print(&t);
  if (f->column_count > INSPECT_MOST_ROWS) printf("  ... and %zu more (--json has all, --columns picks)\n", f->column_count - INSPECT_MOST_ROWS);
}

static void show(const folder *f) {
  char rows[TL_NUMBER_TEXT], size[TL_NUMBER_TEXT], low[TL_NUMBER_TEXT], high[TL_NUMBER_TEXT], footers[TL_NUMBER_TEXT];
  tl_count_text(rows, f->rows);
  tl_size_text(size, (double)f->bytes);
  tl_size_text(low, (double)f->smallest);
  tl_size_text(high, (double)f->largest);
  tl_size_text(footers, (double)f->footer_bytes);
  printf("%s\n  %lld %s, %s rows, %lld row groups, %s (files of %s to %s), footers %s\n", f->options->path, (long long)f->files,
         f->files == 1 ? "file" : "files", rows, (long long)f->groups, size, low, high, footers);
  if (f->claiming > 0)
    printf("  %lld of %lld files claim to be sorted by %s (inspect one, or tickloom check)\n", (long long)f->claiming, (long long)f->files, f->claim);
  show_keys(f);
  inspect_tape_show(&f->tape);
  inspect_schema_text(&f->schema);
  show_columns(f);
}

/* ---- for programs ---- */

static void write_column(tl_json *j, const folder_column *c) {
  char type[TL_TYPE_TEXT];
  tl_field_type_text(type, &c->leaf.field);
  tl_json_open(j, NULL, '{');
  inspect_json_text(j, "name", c->leaf.field.name);
  tl_json_string(j, "type", c->mixed ? NULL : type);
  tl_json_bool(j, "nullable", c->leaf.field.nullable);
  tl_json_bool(j, "repeated", c->leaf.max_repetition > 0);
  tl_json_int(j, "files", c->files);
  inspect_json_names(j, "encodings", inspect_page_encodings(&c->totals, NULL), tl_encoding_name);
  inspect_json_totals(j, &c->totals);
  tl_json_close(j, '}');
}

static void write_key(tl_json *j, const folder_key *k) {
  char type[TL_TYPE_TEXT];
  tl_field_type_text(type, &k->field);
  tl_json_open(j, NULL, '{');
  inspect_json_text(j, "name", k->field.name);
  tl_json_string(j, "type", type);
  tl_json_int(j, "files", k->files);
  inspect_json_bound(j, "min", &k->min);
  inspect_json_bound(j, "max", &k->max);
  tl_json_close(j, '}');
}

static bool write_json(const folder *f) {
  TL_OWNED(tl_buffer) out = {.env = f->env};
  tl_error err = {0};
  tl_json json = {.out = &out, .err = &err}, *j = &json;
  tl_json_open(j, NULL, '{');
  inspect_json_text(j, "path", f->options->path);
  tl_json_int(j, "files", f->files);
  tl_json_int(j, "rows", f->rows);
  tl_json_int(j, "row_groups", f->groups);
  tl_json_int(j, "bytes", f->bytes);
  tl_json_int(j, "footer_bytes", f->footer_bytes);
  tl_json_int(j, "smallest_file_bytes", f->smallest);
  tl_json_int(j, "largest_file_bytes", f->largest);
  tl_json_open(j, "hive_keys", '[');
  for (size_t i = 0; i < f->key_count; i++) write_key(j, &f->keys[i]);
  tl_json_close(j, ']');
  inspect_tape_json(&f->tape, j);
  inspect_json_schema(j, "schema", &f->schema);
  tl_json_open(j, "columns", '[');
  for (size_t i = 0; i < f->column_count; i++) write_column(j, &f->columns[i]);
  tl_json_close(j, ']');
  tl_json_open(j, "order", '{');
  inspect_json_text(j, "claimed", f->claiming > 0 ? f->claim : "");
  tl_json_int(j, "files_claiming_it", f->claiming);
  tl_json_close(j, '}');
  inspect_problems_json(&f->problems, j);
  tl_json_close(j, '}');
  return json.status == TL_OK && cli_put(&out);
}

int inspect_folder(const inspect_options *options) {
  tl_error err = {0};
  folder f = {.options = options, .env = tl_sys_env(), .arena = {.env = tl_sys_env()}, .schema = {.name = "schema", .shape = TL_SHAPE_STRUCT}};
  tl_status status = tl_dataset_list(&f.dataset, f.env, options->path, &err);
  for (size_t i = 0; status == TL_OK && i < f.dataset.count; i++) status = add_file(&f, &f.dataset.files[i], &err);
  if (status == TL_OK && f.problems.count == 0) status = inspect_tape_find(&f.tape, &f.dataset, &f.schema, &err);
  int code = status != TL_OK ? cli_fail(&err) : 0;
  if (code == 0 && !options->json)
    show(&f);
  else if (code == 0 && !write_json(&f))
    code = 5;
  int problems = inspect_problems_say(&f.problems);
  if (f.tape.arena.env != NULL) inspect_tape_free(&f.tape);
  folder_free(&f);
  return code > problems ? code : problems;
}
