/* One file for programs: docs/inspect.md names the keys. */
#include <string.h>
#include "base/text.h"
#include "codec/compressor.h"
#include "inspect.h"
#include "sys/sys.h"

/* ---- shared with folders ---- */

void inspect_json_text(tl_json *j, const char *key, const char *text) {
  TL_OWNED(tl_buffer) fixed = {.env = tl_sys_env()};
  tl_status status = TL_OK;
  if (tl_utf8_valid(text, strlen(text))) {
    tl_json_string(j, key, text);
    return;
  }
  for (; *text != 0 && status == TL_OK; text++)
    status = (unsigned char)*text < 0x80 ? tl_buffer_byte(&fixed, (uint8_t)*text, j->err) : tl_buffer_text(&fixed, "\xef\xbf\xbd", j->err);
  if (status == TL_OK) status = tl_buffer_byte(&fixed, 0, j->err);
  if (status == TL_OK)
    tl_json_string(j, key, (const char *)fixed.data);
  else
    j->status = status;
}

void inspect_json_known(tl_json *j, const char *key, int64_t value) {
  if (value < 0)
    tl_json_null(j, key);
  else
    tl_json_int(j, key, value);
}

void inspect_json_names(tl_json *j, const char *key, uint32_t bits, const char *(*name)(int)) {
  bool lines = !j->compact;
  tl_json_open(j, key, '[');
  j->compact = true;
  for (int b = 0; b < 32; b++)
    if (bits >> b & 1) tl_json_string(j, NULL, name(b));
  tl_json_close(j, ']');
  j->compact = !lines;
}

void inspect_json_bound(tl_json *j, const char *key, const tl_column *bound) {
  TL_OWNED(tl_buffer) text = {.env = tl_sys_env()};
  if (!inspect_bound_text(&text, bound) || tl_buffer_byte(&text, 0, NULL) != TL_OK)
    tl_json_null(j, key);
  else
    inspect_json_text(j, key, (const char *)text.data);
}

void inspect_json_schema(tl_json *j, const char *key, const tl_schema *parent) {
  static const char *const shapes[] = {"", "struct", "list", "map"};
  tl_json_open(j, key, '[');
  for (int i = 0; i < parent->child_count; i++) {
    const tl_schema *n = &parent->children[i];
    char type[TL_TYPE_TEXT];
    tl_field_type_text(type, &n->field);
    tl_json_open(j, NULL, '{');
    inspect_json_text(j, "name", n->name);
    tl_json_string(j, "type", n->shape == TL_SHAPE_VALUE ? type : shapes[n->shape]);
    tl_json_bool(j, "nullable", n->nullable);
    if (n->shape != TL_SHAPE_VALUE) inspect_json_schema(j, "children", n);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

static void bounds(tl_json *j, const tl_column *min, const tl_column *max, bool min_inexact, bool max_inexact) {
  inspect_json_bound(j, "min", min);
  inspect_json_bound(j, "max", max);
  if (min->count > 0)
    tl_json_bool(j, "min_exact", !min_inexact);
  else
    tl_json_null(j, "min_exact");
  if (max->count > 0)
    tl_json_bool(j, "max_exact", !max_inexact);
  else
    tl_json_null(j, "max_exact");
}

void inspect_json_totals(tl_json *j, const tl_chunk_totals *t) {
  inspect_json_names(j, "codecs", t->codecs, tl_compressor_name);
  tl_json_int(j, "chunks", t->chunks);
  tl_json_int(j, "compressed_bytes", t->compressed_size);
  tl_json_int(j, "uncompressed_bytes", t->uncompressed_size);
  tl_json_int(j, "values", t->values);
  inspect_json_known(j, "nulls", t->nulls);
  bounds(j, &t->min, &t->max, t->min_inexact, t->max_inexact);
  tl_json_int(j, "with_column_index", t->with_column_index);
  tl_json_int(j, "with_offset_index", t->with_offset_index);
  tl_json_int(j, "index_bytes", t->index_bytes);
  tl_json_int(j, "with_bloom_filter", t->with_bloom);
  tl_json_int(j, "bloom_filter_bytes", t->bloom_bytes);
}

/* ---- pages ---- */

typedef struct page_writer {
  tl_json *json;
  tl_column low, high; /* scratch for bounds */
} page_writer;

/* What was written so far goes out, so that memory does not depend on the number of pages. */
static void put_out(tl_json *j) {
  if (j->out->size > 1 << 20 && j->status == TL_OK && !cli_put(j->out)) j->status = tl_fail(j->err, TL_IO, "cannot write to standard output");
}

/* One line a page. */
static void write_page(void *context, inspection *x, int group, int leaf, const inspect_page *p) {
  page_writer *w = context;
  tl_json *j = w->json;
  const tl_field *field = &x->file.meta.leaves[leaf].field;
  (void)group;
  tl_json_open(j, NULL, '{');
  j->compact = true;
  tl_json_string(j, "type", inspect_page_kind(p->page.type));
  tl_json_int(j, "offset", p->page.offset);
  tl_json_int(j, "header_size", (int64_t)p->page.header_size);
  tl_json_int(j, "compressed_size", p->page.stored_size);
  tl_json_int(j, "uncompressed_size", p->page.plain_size);
  inspect_json_known(j, "values", p->page.values);
  inspect_json_known(j, "nulls", p->nulls);
  inspect_json_known(j, "rows", p->rows);
  inspect_json_known(j, "first_row", p->first_row);
  tl_json_string(j, "encoding", p->page.encoding >= 0 ? tl_encoding_name(p->page.encoding) : NULL);
  if (p->crc == TL_CRC_ABSENT)
    tl_json_null(j, "crc");
  else
    tl_json_bool(j, "crc", p->crc == TL_CRC_GOOD);
  w->low.count = w->high.count = 0;
  if (p->bounds != NULL) {
    (void)tl_bound_load(&w->low, field, p->bounds->min);
    (void)tl_bound_load(&w->high, field, p->bounds->max);
  }
  inspect_json_bound(j, "min", &w->low);
  inspect_json_bound(j, "max", &w->high);
  tl_json_close(j, '}');
  j->compact = false;
  put_out(j);
}

/* ---- row groups ---- */

static void extent(tl_json *j, const char *key, tl_extent e) {
  if (e.offset < 0) {
    tl_json_null(j, key);
    return;
  }
  tl_json_open(j, key, '{');
  j->compact = true;
  tl_json_int(j, "offset", e.offset);
  inspect_json_known(j, "size", e.size > 0 ? e.size : -1);
  tl_json_close(j, '}');
  j->compact = false;
}

static void sorting(tl_json *j, const char *key, const tl_meta *m, const tl_row_group *g) {
  tl_json_open(j, key, '[');
  for (int i = 0; g != NULL && i < g->sorting_count; i++) {
    int leaf = g->sorting[i].column;
    tl_json_open(j, NULL, '{');
    inspect_json_text(j, "column", leaf >= 0 && leaf < m->leaf_count ? m->leaves[leaf].field.name : "?");
    tl_json_bool(j, "descending", g->sorting[i].descending);
    tl_json_bool(j, "nulls_first", g->sorting[i].nulls_first);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

static void chunk(page_writer *w, inspection *x, int group, int leaf) {
  tl_chunk words = inspect_words(x, group, leaf), *c = &words;
  const tl_field *field = &x->file.meta.leaves[leaf].field;
  tl_json *j = w->json;
  char type[TL_TYPE_TEXT];
  tl_field_type_text(type, field);
  tl_json_open(j, NULL, '{');
  inspect_json_text(j, "name", field->name);
  tl_json_string(j, "type", type);
  tl_json_string(j, "codec", c->codec >= 0 ? tl_compressor_name(c->codec) : NULL);
  inspect_json_names(j, "encodings", c->encodings, tl_encoding_name);
  if (c->page_encodings != 0)
    inspect_json_names(j, "page_encodings", c->page_encodings, tl_encoding_name);
  else
    tl_json_null(j, "page_encodings");
  tl_json_int(j, "compressed_bytes", c->compressed_size);
  tl_json_int(j, "uncompressed_bytes", c->uncompressed_size);
  tl_json_int(j, "values", c->value_count);
  inspect_json_known(j, "nulls", c->statistics.null_count);
  (void)tl_bound_load(&w->low, field, c->statistics.min);
  (void)tl_bound_load(&w->high, field, c->statistics.max);
  bounds(j, &w->low, &w->high, c->statistics.min_inexact, c->statistics.max_inexact);
  inspect_json_known(j, "data_page_offset", c->data_offset);
  inspect_json_known(j, "dictionary_page_offset", c->dictionary_offset);
  extent(j, "column_index", c->column_index);
  extent(j, "offset_index", c->offset_index);
  extent(j, "bloom_filter", c->bloom);
  tl_json_bool(j, "encrypted", c->encrypted);
  if (x->options->pages) {
    tl_json_open(j, "pages", '[');
    inspect_chunk(x, group, leaf, write_page, w);
    tl_json_close(j, ']');
  }
  tl_json_close(j, '}');
  put_out(j);
}

static void row_group(page_writer *w, inspection *x, int group) {
  const tl_row_group *g = &x->file.meta.groups[group];
  tl_json *j = w->json;
  int64_t stored = 0;
  for (int k = 0; k < x->file.meta.leaf_count; k++) stored = (int64_t)((uint64_t)stored + (uint64_t)tl_meta_chunk(&x->file.meta, group, k).compressed_size);
  tl_json_open(j, NULL, '{');
  tl_json_int(j, "rows", g->row_count);
  tl_json_int(j, "bytes", g->byte_size);
  tl_json_int(j, "compressed_bytes", stored);
  sorting(j, "sorting", &x->file.meta, g);
  tl_json_open(j, "columns", '[');
  for (int i = 0; i < x->column_count && j->status == TL_OK; i++) chunk(w, x, group, x->columns[i].leaf);
  tl_json_close(j, ']');
  tl_json_close(j, '}');
}

/* ---- the file ---- */

static void column(tl_json *j, const inspection *x, const inspect_column *c) {
  const tl_leaf *leaf = &x->file.meta.leaves[c->leaf];
  char type[TL_TYPE_TEXT];
  tl_field_type_text(type, &leaf->field);
  tl_json_open(j, NULL, '{');
  inspect_json_text(j, "name", leaf->field.name);
  tl_json_string(j, "type", type);
  tl_json_bool(j, "nullable", leaf->field.nullable);
  tl_json_bool(j, "repeated", leaf->max_repetition > 0);
  inspect_json_names(j, "encodings", inspect_page_encodings(&c->totals, &c->pages), tl_encoding_name);
  inspect_json_totals(j, &c->totals);
  inspect_json_known(j, "data_pages", c->pages.complete ? c->pages.data_pages : -1);
  inspect_json_known(j, "pages_with_crc", c->pages.complete ? c->pages.with_crc : -1);
  inspect_json_known(j, "dictionary_entries", c->pages.complete ? c->pages.dictionary_entries : -1);
  tl_json_close(j, '}');
}

static void order(tl_json *j, const inspection *x) {
  const tl_order *o = &x->order;
  const tl_meta *m = &x->file.meta;
  const tl_row_group *first = NULL;
  for (int g = m->group_count - 1; g >= 0; g--)
    if (m->groups[g].sorting_count > 0) first = &m->groups[g];
  bool settled = o->verdict == TL_ORDER_VERIFIED || o->verdict == TL_ORDER_BROKEN;
  tl_json_open(j, "order", '{');
  sorting(j, "claimed", m, first);
  tl_json_bool(j, "same_in_all_row_groups", o->same);
  if (settled)
    tl_json_bool(j, "verified", o->verdict == TL_ORDER_VERIFIED);
  else
    tl_json_null(j, "verified");
  inspect_json_known(j, "broken_row", o->broken_row);
  if (settled)
    tl_json_bool(j, "across_row_groups", o->across);
  else
    tl_json_null(j, "across_row_groups");
  if (o->verdict == TL_ORDER_UNVERIFIED)
    inspect_json_text(j, "reason", x->order_reason);
  else
    tl_json_null(j, "reason");
  tl_json_open(j, "ascending", '[');
  for (int i = 0; i < x->ascent_count; i++) {
    tl_json_open(j, NULL, '{');
    inspect_json_text(j, "column", m->leaves[x->ascents[i].leaf].field.name);
    tl_json_bool(j, "strict", x->ascents[i].found.strict);
    tl_json_bool(j, "constant", x->ascents[i].found.constant);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_json_close(j, '}');
}

static void head(tl_json *j, const inspection *x) {
  const tl_meta *m = &x->file.meta;
  inspect_json_text(j, "path", x->file.path);
  tl_json_int(j, "rows", m->row_count);
  tl_json_int(j, "bytes", x->file.size);
  tl_json_int(j, "footer_bytes", x->file.footer_size);
  tl_json_int(j, "version", m->version);
  inspect_json_text(j, "created_by", m->created_by);
  tl_json_open(j, "key_values", '{');
  for (int i = 0; i < m->key_value_count; i++)
    if (tl_utf8_valid(m->key_values[i].key, strlen(m->key_values[i].key))) inspect_json_text(j, m->key_values[i].key, m->key_values[i].value);
  tl_json_close(j, '}');
  inspect_json_schema(j, "schema", m->schema);
}

void inspect_problems_json(const inspect_problems *p, tl_json *j) {
  tl_json_open(j, "problems", '[');
  for (size_t i = 0; i < p->listed; i++) inspect_json_text(j, NULL, p->texts[i]);
  tl_json_close(j, ']');
  tl_json_int(j, "problem_count", p->count);
}

bool inspect_file_json(inspection *x) {
  TL_OWNED(tl_buffer) out = {.env = x->file.env};
  tl_error err = {0};
  tl_json json = {.out = &out, .err = &err}, *j = &json;
  tl_column empty = {.env = x->file.env, .bytes = {.env = x->file.env}};
  page_writer w = {.json = j, .low = empty, .high = empty};
  tl_json_open(j, NULL, '{');
  head(j, x);
  tl_json_open(j, "columns", '[');
  for (int i = 0; i < x->column_count; i++) column(j, x, &x->columns[i]);
  tl_json_close(j, ']');
  order(j, x);
  tl_json_open(j, "row_groups", '[');
  for (int g = 0; g < x->file.meta.group_count && j->status == TL_OK; g++) row_group(&w, x, g);
  tl_json_close(j, ']');
  inspect_problems_json(&x->problems, j);
  tl_json_close(j, '}');
  tl_column_free(&w.low);
  tl_column_free(&w.high);
  return json.status == TL_OK && cli_put(&out);
}
