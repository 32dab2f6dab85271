/* One file for people: head, schema, columns, row groups, order. */
#include <string.h>
#include "base/text.h"
#include "codec/compressor.h"
#include "inspect.h"
#include "sys/sys.h"
#include "table.h"

/* ---- small texts ---- */

void inspect_names(char *out, size_t room, uint32_t bits, const char *(*name)(int)) {
  size_t used = 0;
  snprintf(out, room, "%s", "");
  for (int b = 0; b < 32; b++)
    if (bits >> b & 1 && used < room) used += (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? "," : "", name(b));
}

bool inspect_bound_text(tl_buffer *out, const tl_column *bound) {
  out->size = 0;
  return bound->count > 0 && tl_column_text(bound, 0, out, NULL) == TL_OK;
}

void inspect_bound_cell(char *out, size_t room, const tl_column *bound, bool inexact) {
  TL_OWNED(tl_buffer) text = {.env = bound->env};
  char clean[160];
  snprintf(out, room, "-");
  if (!inspect_bound_text(&text, bound)) return;
  cli_clean(clean, sizeof clean, text.data ? (const char *)text.data : "", text.size, INSPECT_BOUND - inexact);
  snprintf(out, room, "%s%s", inexact ? "~" : "", *clean ? clean : "\"\"");
}

static void name_of(const inspection *x, int leaf, char out[200]) {
  const char *name = leaf >= 0 && leaf < x->file.meta.leaf_count ? x->file.meta.leaves[leaf].field.name : "?";
  cli_clean(out, 200, name, strlen(name), INSPECT_NAME);
}

static void known_count(char out[TL_NUMBER_TEXT], int64_t value) {
  out[0] = 0;
  if (value >= 0) tl_count_text(out, value);
}

/* ---- head and schema ---- */

static void show_head(const inspection *x) {
  const tl_meta *m = &x->file.meta;
  char rows[TL_NUMBER_TEXT], size[TL_NUMBER_TEXT], footer[TL_NUMBER_TEXT], text[400], key[200];
  tl_count_text(rows, m->row_count);
  tl_size_text(size, (double)x->file.size);
  tl_size_text(footer, (double)x->file.footer_size);
  cli_clean(text, sizeof text, m->created_by, strlen(m->created_by), 90);
  printf("%s\n  %s %s, %d %s, %d row %s, %s, footer %s\n  written by %s, format version %d\n", x->file.path, rows, m->row_count == 1 ? "row" : "rows",
         m->leaf_count, m->leaf_count == 1 ? "column" : "columns", m->group_count, m->group_count == 1 ? "group" : "groups", size, footer, *text ? text : "?",
         m->version);
  for (int i = 0; i < m->key_value_count && i < INSPECT_MOST_GROUPS; i++) {
    size_t length = strlen(m->key_values[i].value);
    cli_clean(key, sizeof key, m->key_values[i].key, strlen(m->key_values[i].key), 72);
    cli_clean(text, sizeof text, m->key_values[i].value, length, 72);
    printf("  %s = %s", key, text);
    if (length > 72) printf(" (%zu bytes)", length);
    printf("\n");
  }
  if (m->key_value_count > INSPECT_MOST_GROUPS) printf("  ... and %d more (--json has all)\n", m->key_value_count - INSPECT_MOST_GROUPS);
}

/* Names of the tree with their depth, and types beside them. */
static void add_nodes(cli_table *t, const tl_schema *parent, int depth, int *left) {
  static const char *const shapes[] = {"", "struct", "list", "map"};
  for (int i = 0; i < parent->child_count; i++) {
    const tl_schema *n = &parent->children[i];
    char name[200], type[TL_TYPE_TEXT];
    if (--*left < 0) continue;
    cli_clean(name, sizeof name, n->name, strlen(n->name), INSPECT_NAME);
    snprintf(type, sizeof type, "%s", shapes[n->shape]);
    if (n->shape == TL_SHAPE_VALUE) tl_field_type_text(type, &n->field);
    cli_table_cell(t, "%*s%s", 2 * (depth < 20 ? depth : 20), "", name);
    cli_table_cell(t, "%s%s", type, n->nullable ? "" : ", required");
    add_nodes(t, n, depth + 1, left);
  }
}

static int count_nodes(const tl_schema *n) {
  int count = 0;
  for (int i = 0; i < n->child_count; i++) count += 1 + count_nodes(&n->children[i]);
  return count;
}

void inspect_schema_text(const tl_schema *root) {
  static const char *const heads[] = {"schema", "type"};
  TL_OWNED(cli_table) t = {0};
  int left = INSPECT_MOST_ROWS, nodes = count_nodes(root);
  cli_table_open(&t, tl_sys_env(), heads, "ll", 2);
  add_nodes(&t, root, 0, &left);
  printf("\n");
  cli_table_print(&t);
  if (nodes > INSPECT_MOST_ROWS) printf("  ... and %d more (--json has all)\n", nodes - INSPECT_MOST_ROWS);
}

/* ---- columns ---- */

static void say_more(int all, int shown, const char *hint) {
  if (all > shown) printf("  ... and %d more (%s)\n", all - shown, hint);
}

static void index_cell(cli_table *t, const tl_chunk_totals *c) {
  const char *text = c->with_column_index > 0 && c->with_offset_index > 0 ? "column+offset"
                     : c->with_offset_index > 0                           ? "offset"
                     : c->with_column_index > 0                           ? "column"
                                                                          : "";
  int64_t with = c->with_offset_index > c->with_column_index ? c->with_offset_index : c->with_column_index;
  if (with > 0 && with < c->chunks)
    cli_table_cell(t, "%s %lld/%lld", text, (long long)with, (long long)c->chunks);
  else
    cli_table_cell(t, "%s", text);
}

static void bloom_cell(cli_table *t, const tl_chunk_totals *c) {
  char size[TL_NUMBER_TEXT] = "yes";
  if (c->bloom_bytes > 0) tl_size_text(size, (double)c->bloom_bytes);
  cli_table_cell(t, "%s", c->with_bloom > 0 ? size : "");
}

static void pages_cells(cli_table *t, const tl_page_count *p) {
  char pages[TL_NUMBER_TEXT], entries[TL_NUMBER_TEXT];
  const char *more = p->complete ? "" : "+";
  known_count(pages, p->data_pages);
  known_count(entries, p->dictionary_entries);
  if (p->complete || p->pages > 0)
    cli_table_cell(t, "%s%s", pages, more);
  else
    cli_table_cell(t, "%s", "");
  if (p->dictionary_entries >= 0)
    cli_table_cell(t, "%s%s", entries, more);
  else
    cli_table_cell(t, "%s", "");
}

static void storage_row(cli_table *t, const inspection *x, const inspect_column *c) {
  const tl_chunk_totals *s = &c->totals;
  const tl_page_count *p = &c->pages;
  char name[200], codecs[120], encodings[200], size[TL_NUMBER_TEXT];
  name_of(x, c->leaf, name);
  inspect_names(codecs, sizeof codecs, s->codecs, tl_compressor_name);
  inspect_names(encodings, sizeof encodings, inspect_page_encodings(s, p), tl_encoding_name);
  tl_size_text(size, (double)s->compressed_size);
  bool stored = s->compressed_size > 0;
  cli_table_cell(t, "%s", name);
  cli_table_cell(t, "%s", codecs);
  cli_table_cell(t, "%s", encodings);
  cli_table_cell(t, "%s", size);
  cli_table_cell(t, "%.1f%%", 100 * (double)s->compressed_size / (double)x->file.size);
  if (stored)
    cli_table_cell(t, "%.2fx", (double)s->uncompressed_size / (double)s->compressed_size);
  else
    cli_table_cell(t, "%s", "");
  if (s->values > 0)
    cli_table_cell(t, "%.2f", 8 * (double)s->compressed_size / (double)s->values);
  else
    cli_table_cell(t, "%s", "");
  pages_cells(t, p);
  index_cell(t, s);
  bloom_cell(t, s);
  cli_table_cell(t, "%s", p->pages == 0 ? "" : p->with_crc == p->pages ? "yes" : p->with_crc > 0 ? "some" : "no");
}

static void show_storage(const inspection *x) {
  static const char *const heads[] = {"stored", "codec", "encodings", "size", "of file", "ratio", "bits/value", "pages", "dictionary", "index", "bloom", "crc"};
  TL_OWNED(cli_table) t = {0};
  cli_table_open(&t, x->file.env, heads, "lllrrrrrrlrl", 12);
  for (int i = 0; i < x->column_count && i < INSPECT_MOST_ROWS; i++) storage_row(&t, x, &x->columns[i]);
  printf("\n");
  cli_table_print(&t);
  say_more(x->column_count, INSPECT_MOST_ROWS, "--json has all, --columns picks");
}

static void show_values(const inspection *x) {
  static const char *const heads[] = {"values", "type", "nullable", "entries", "nulls", "min", "max"};
  TL_OWNED(cli_table) t = {0};
  cli_table_open(&t, x->file.env, heads, "lllrrll", 7);
  for (int i = 0; i < x->column_count && i < INSPECT_MOST_ROWS; i++) {
    const inspect_column *c = &x->columns[i];
    const tl_leaf *leaf = &x->file.meta.leaves[c->leaf];
    char name[200], type[TL_TYPE_TEXT], nulls[TL_NUMBER_TEXT], low[200], high[200];
    name_of(x, c->leaf, name);
    tl_field_type_text(type, &leaf->field);
    known_count(nulls, c->totals.nulls);
    inspect_bound_cell(low, sizeof low, &c->totals.min, c->totals.min_inexact);
    inspect_bound_cell(high, sizeof high, &c->totals.max, c->totals.max_inexact);
    cli_table_cell(&t, "%s", name);
    cli_table_cell(&t, "%s", type);
    cli_table_cell(&t, "%s", leaf->field.nullable ? "yes" : "no");
    if (leaf->max_repetition > 0)
      cli_table_cell(&t, "%lld", (long long)c->totals.values);
    else
      cli_table_cell(&t, "%s", "");
    cli_table_cell(&t, "%s", nulls);
    cli_table_cell(&t, "%s", low);
    cli_table_cell(&t, "%s", high);
  }
  printf("\n");
  cli_table_print(&t);
  say_more(x->column_count, INSPECT_MOST_ROWS, "--json has all, --columns picks");
}

/* ---- row groups and order ---- */

static void claim_text(const inspection *x, const tl_row_group *g, char *out, size_t room) {
  size_t used = 0;
  out[0] = 0;
  for (int i = 0; i < g->sorting_count && used + 1 < room; i++) {
    char name[200];
    const tl_sorting *s = &g->sorting[i];
    bool nullable = s->column >= 0 && s->column < x->file.meta.leaf_count && x->file.meta.leaves[s->column].field.nullable;
    name_of(x, s->column, name);
    used += (size_t)snprintf(out + used, room - used, "%s%s%s%s", i > 0 ? ", " : "", name, s->descending ? " descending" : "",
                             nullable ? s->nulls_first ? " nulls first" : " nulls last" : "");
  }
}

static void show_groups(const inspection *x) {
  static const char *const heads[] = {"row group", "rows", "size", "plain", "ratio", "sorted by"};
  const tl_meta *m = &x->file.meta;
  TL_OWNED(cli_table) t = {0};
  if (m->group_count == 0) return;
  cli_table_open(&t, x->file.env, heads, "rrrrrl", 6);
  for (int g = 0; g < m->group_count && g < INSPECT_MOST_GROUPS; g++) {
    char rows[TL_NUMBER_TEXT], size[TL_NUMBER_TEXT], plain[TL_NUMBER_TEXT], claim[600];
    double stored = 0, whole = 0;
    for (int k = 0; k < m->leaf_count; k++) {
      tl_chunk chunk = tl_meta_chunk(m, g, k);
      stored += (double)chunk.compressed_size, whole += (double)chunk.uncompressed_size;
    }
    tl_count_text(rows, m->groups[g].row_count);
    tl_size_text(size, stored);
    tl_size_text(plain, whole);
    claim_text(x, &m->groups[g], claim, sizeof claim);
    cli_table_cell(&t, "%d", g);
    cli_table_cell(&t, "%s", rows);
    cli_table_cell(&t, "%s", size);
    cli_table_cell(&t, "%s", plain);
    if (stored > 0)
      cli_table_cell(&t, "%.2fx", whole / stored);
    else
      cli_table_cell(&t, "%s", "");
    cli_table_cell(&t, "%s", claim);
  }
  printf("\n");
  cli_table_print(&t);
  say_more(m->group_count, INSPECT_MOST_GROUPS, "--json has all");
}

static void show_claim(const inspection *x) {
  const tl_order *o = &x->order;
  const tl_meta *m = &x->file.meta;
  char claim[600] = "", row[TL_NUMBER_TEXT];
  for (int g = 0; g < m->group_count && *claim == 0; g++) claim_text(x, &m->groups[g], claim, sizeof claim);
  if (o->claiming == 0) return;
  printf("  sorted by %s%s: ", claim, o->same ? "" : " (row groups differ)");
  tl_count_text(row, o->broken_row);
  switch (o->verdict) {
    case TL_ORDER_VERIFIED:
      printf("verified%s\n", m->group_count < 2 ? "" : o->across ? ", over all row groups" : " within each row group, but not from one to the next");
      break;
    case TL_ORDER_BROKEN: printf("BROKEN, first at row %s\n", row); break;
    default: printf("not verified (%s)\n", x->order_reason); break;
  }
}

static void show_order(const inspection *x) {
  bool nothing = x->order.claiming == 0 && x->ascent_count == 0;
  if (nothing && (!x->options->verify || x->file.meta.row_count < 2)) return;
  printf("\n  order\n");
  if (nothing) printf("  none is claimed, and none was found in the first column or in times\n");
  show_claim(x);
  for (int i = 0; i < x->ascent_count; i++) {
    const inspect_ascent *a = &x->ascents[i];
    char name[200];
    name_of(x, a->leaf, name);
    printf("  %s: %s (not claimed)\n", name, a->found.constant ? "always the same" : a->found.strict ? "ascending, no value twice" : "ascending");
  }
}

void inspect_file_text(inspection *x) {
  show_head(x);
  inspect_schema_text(x->file.meta.schema);
  show_storage(x);
  show_values(x);
  show_groups(x);
  show_order(x);
  if (x->options->pages) inspect_pages_text(x);
}
