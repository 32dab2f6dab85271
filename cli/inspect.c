/* tickloom inspect: what a Parquet file holds, and how. */
#include <string.h>
#include "base/text.h"
#include "cli.h"
#include "codec/compressor.h"
#include "parquet/reader.h"
#include "sys/sys.h"

static int run(int argc, char **argv);
const tl_command tl_command_inspect = {"inspect", "schema, row groups, encodings, sizes and statistics of a Parquet file",
                                       "usage: tickloom inspect FILE\n\nexample:\n  tickloom inspect features-out/SPY.parquet\n", run};

/* A bound as text, by way of a column of one row. */
static void bound_text(const tl_field *field, tl_bytes bound, char *out, size_t room) {
  TL_OWNED(tl_column) c = {.env = tl_sys_env()};
  TL_OWNED(tl_buffer) text = {.env = tl_sys_env()};
  tl_field f = *field;
  snprintf(out, room, "-");
  if (bound.data == NULL) return;
  if (tl_column_reset(&c, &f, 1, NULL) != TL_OK) return;
  if (f.physical == TL_PHYSICAL_BYTE_ARRAY) {
    if (tl_buffer_append(&c.bytes, bound.data, bound.size, NULL) != TL_OK) return;
    c.offsets[1] = (int64_t)bound.size;
  } else {
    if (bound.size != (size_t)tl_field_width(&f)) return;
    memcpy(c.values, bound.data, bound.size);
  }
  if (tl_column_text(&c, 0, &text, NULL) != TL_OK) return;
  snprintf(out, room, "%.*s", (int)(text.size < 28 ? text.size : 28), text.data ? (const char *)text.data : "");
}

static void show_encodings(uint32_t encodings, char *out, size_t room) {
  size_t used = 0;
  out[0] = 0;
  for (int e = 0; e < 10; e++)
    if (encodings >> e & 1 && used < room) used += (size_t)snprintf(out + used, room - used, "%s%s", used ? "," : "", tl_encoding_name(e));
}

static void show_schema(const tl_meta *m) {
  printf("\nschema\n");
  for (int i = 0; i < m->leaf_count; i++) {
    char type[TL_TYPE_TEXT];
    const tl_leaf *leaf = &m->leaves[i];
    tl_field_type_text(type, &leaf->field);
    printf("  %-32s %s%s%s\n", leaf->field.name, type, leaf->field.nullable ? "" : ", required", leaf->max_repetition > 0 ? ", repeated" : "");
  }
}

static void show_group(const tl_meta *m, int index) {
  const tl_row_group *g = &m->groups[index];
  char rows[TL_NUMBER_TEXT], size[TL_NUMBER_TEXT];
  tl_count_text(rows, g->row_count);
  tl_size_text(size, (double)g->byte_size);
  printf("\nrow group %d: %s rows, %s uncompressed", index, rows, size);
  for (int i = 0; i < g->sorting_count; i++) {
    int c = g->sorting[i].column;
    printf("%s%s%s", i == 0 ? ", sorted by " : ", ", c >= 0 && c < m->leaf_count ? m->leaves[c].field.name : "?",
           g->sorting[i].descending ? " descending" : "");
  }
  printf("\n  %-28s %-8s %9s %7s %9s  %-28s %-28s %s\n", "column", "codec", "size", "ratio", "nulls", "min", "max", "encodings");
  for (int i = 0; i < m->leaf_count; i++) {
    tl_chunk chunk = tl_meta_chunk(m, index, i), *c = &chunk;
    char stored[TL_NUMBER_TEXT], low[64], high[64], nulls[TL_NUMBER_TEXT] = "-", encodings[200];
    tl_size_text(stored, (double)c->compressed_size);
    bound_text(&m->leaves[i].field, c->statistics.min, low, sizeof low);
    bound_text(&m->leaves[i].field, c->statistics.max, high, sizeof high);
    if (c->statistics.null_count >= 0) tl_count_text(nulls, c->statistics.null_count);
    show_encodings(c->encodings, encodings, sizeof encodings);
    printf("  %-28s %-8s %9s %6.2fx %9s  %-28s %-28s %s\n", m->leaves[i].field.name, tl_compressor_name(c->codec), stored,
           c->compressed_size > 0 ? (double)c->uncompressed_size / (double)c->compressed_size : 0.0, nulls, low, high, encodings);
  }
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_inspect;
  cli_list rest = {0};
  tl_error err = {0};
  TL_OWNED(tl_parquet) file = {.handle = -1};
  if (!cli_parse(me, argc, argv, NULL, 0, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one file is needed");
  tl_file_info info;
  if (tl_sys_env()->info(tl_sys_env(), rest.items[0], &info, NULL) == TL_OK && info.is_folder)
    return cli_usage(me, "%s is a folder; name one file of it", rest.items[0]);
  if (tl_parquet_open(&file, tl_sys_env(), rest.items[0], &err) != TL_OK) return cli_fail(&err);
  const tl_meta *m = &file.meta;
  char rows[TL_NUMBER_TEXT], size[TL_NUMBER_TEXT];
  tl_count_text(rows, m->row_count);
  tl_size_text(size, (double)file.size);
  printf("%s\n  %s rows, %d columns, %d row groups, %s, written by %s\n", file.path, rows, m->leaf_count, m->group_count, size,
         *m->created_by ? m->created_by : "?");
  for (int i = 0; i < m->key_value_count; i++) printf("  %s = %.100s\n", m->key_values[i].key, m->key_values[i].value);
  show_schema(m);
  for (int g = 0; g < m->group_count; g++) show_group(m, g);
  return 0;
}
