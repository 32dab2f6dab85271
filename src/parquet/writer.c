/* Row groups to a file. */
#include "parquet/writer.h"
#include <string.h>
#include "parquet/index_write.h"
#include "tickloom/version.h"

static tl_status start(tl_writer *w, const tl_schema *schema, const tl_sorting *sorting, int sorting_count, tl_error *err) {
  TL_TRY(tl_arena_take(&w->arena, &w->meta.schema, 1, sizeof *w->meta.schema, err));
  TL_TRY(tl_schema_copy(w->meta.schema, schema, &w->arena, err));
  int leaf_count = tl_schema_number(w->meta.schema);
  TL_TRY(tl_arena_take(&w->arena, &w->meta.leaves, (size_t)leaf_count + 1, sizeof *w->meta.leaves, err));
  TL_TRY(tl_schema_leaves(w->meta.schema, &w->arena, w->meta.leaves, err));
  w->meta.leaf_count = leaf_count;
  TL_TRY(tl_arena_take(&w->arena, &w->meta.key_values, 64, sizeof *w->meta.key_values, err));
  TL_TRY(tl_arena_take(&w->arena, &w->chunks, (size_t)leaf_count + 1, sizeof *w->chunks, err));
  TL_TRY(tl_arena_take(&w->arena, &w->sorting, (size_t)sorting_count + 1, sizeof *w->sorting, err));
  if (sorting_count > 0) memcpy(w->sorting, sorting, (size_t)sorting_count * sizeof *sorting);
  w->sorting_count = sorting_count;
  w->meta.created_by = "tickloom version " TICKLOOM_VERSION;
  w->meta.version = 2;
  return w->env->write(w->env, w->handle, "PAR1", 4, err);
}

tl_status tl_writer_open_schema(tl_writer *w, tl_env *env, const char *path, const tl_schema *schema, const tl_sorting *sorting, int sorting_count,
                                tl_error *err) {
  *w = (tl_writer){.env = env, .handle = -1, .at = 4, .arena = {.env = env}, .groups = {.env = env}, .indexes = {.env = env}};
  TL_TRY(env->open_write(env, path, &w->handle, err));
  tl_status status = start(w, schema, sorting, sorting_count, err);
  if (status != TL_OK) tl_writer_free(w);
  return status;
}

tl_status tl_writer_open(tl_writer *w, tl_env *env, const char *path, const tl_leaf *leaves, int leaf_count, const tl_sorting *sorting, int sorting_count,
                         tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = env};
  tl_schema root = {.name = "schema", .shape = TL_SHAPE_STRUCT, .child_count = leaf_count};
  TL_TRY(tl_arena_take(&arena, &root.children, (size_t)leaf_count + 1, sizeof *root.children, err));
  for (int i = 0; i < leaf_count; i++)
    root.children[i] = (tl_schema){.name = leaves[i].field.name, .shape = TL_SHAPE_VALUE, .nullable = leaves[i].field.nullable, .field = leaves[i].field};
  return tl_writer_open_schema(w, env, path, &root, sorting, sorting_count, err);
}

tl_status tl_writer_key_value(tl_writer *w, const char *key, const char *value, tl_error *err) {
  if (w->meta.key_value_count == 64) return tl_fail(err, TL_USAGE, "a file has at most 64 key-values");
  tl_key_value *kv = &w->meta.key_values[w->meta.key_value_count];
  TL_TRY(tl_arena_text(&w->arena, &kv->key, key, strlen(key), err));
  TL_TRY(tl_arena_text(&w->arena, &kv->value, value, strlen(value), err));
  w->meta.key_value_count++;
  return TL_OK;
}

/* Statistics point into the group's notes, which live until the row group is serialised. */
static void set_statistics(tl_chunk *c, const tl_chunk_notes *about) {
  const tl_bounds *b = &about->bounds;
  if (!b->known) return;
  c->statistics.min = (tl_bytes){b->min, b->min_size};
  c->statistics.max = (tl_bytes){b->max, b->max_size};
  c->statistics.min_inexact = b->min_inexact;
  c->statistics.max_inexact = b->max_inexact;
}

/* The indexes of a row group lie behind its pages, so that nothing has to be kept until the file's end. */
static tl_status write_indexes(tl_writer *w, const tl_group *g, int64_t at, tl_error *err) {
  int64_t start = at + (int64_t)g->bytes.size;
  w->indexes.size = 0;
  for (int i = 0; i < g->leaf_count; i++) {
    const tl_chunk_notes *about = &g->about[i];
    if (about->bloom_size == 0) continue;
    w->chunks[i].bloom = (tl_extent){start + (int64_t)w->indexes.size, (int64_t)about->bloom_size};
    TL_TRY(tl_buffer_append(&w->indexes, g->blooms.data + about->bloom_at, about->bloom_size, err));
  }
  for (int i = 0; i < g->leaf_count; i++) {
    size_t before = w->indexes.size;
    TL_TRY(tl_column_index_write(&w->indexes, g->notes + g->about[i].first_note, g->about[i].notes, &w->meta.leaves[i].field, err));
    if (w->indexes.size > before) w->chunks[i].column_index = (tl_extent){start + (int64_t)before, (int64_t)(w->indexes.size - before)};
  }
  for (int i = 0; i < g->leaf_count; i++) {
    size_t before = w->indexes.size;
    if (g->about[i].notes == 0) continue;
    TL_TRY(tl_offset_index_write(&w->indexes, g->notes + g->about[i].first_note, g->about[i].notes, at, err));
    w->chunks[i].offset_index = (tl_extent){start + (int64_t)before, (int64_t)(w->indexes.size - before)};
  }
  return TL_OK;
}

tl_status tl_writer_append(tl_writer *w, const tl_group *g, tl_error *err) {
  tl_row_group group = {.row_count = g->row_count, .chunks = w->chunks, .sorting = w->sorting, .sorting_count = w->sorting_count};
  size_t before = w->groups.size;
  for (int i = 0; i < g->leaf_count; i++) {
    tl_chunk *c = &w->chunks[i];
    *c = g->chunks[i];
    c->data_offset += w->at;
    if (c->dictionary_offset >= 0) c->dictionary_offset += w->at;
    c->page_count = g->about[i].notes;
    set_statistics(c, &g->about[i]);
    group.byte_size += c->uncompressed_size;
    group.compressed_size += c->compressed_size;
  }
  group.offset = w->at;
  tl_status status = write_indexes(w, g, w->at, err);
  if (status == TL_OK) status = tl_meta_write_group(&w->groups, &w->meta, &group, err);
  if (status == TL_OK) status = w->env->write(w->env, w->handle, g->bytes.data, g->bytes.size, err);
  if (status == TL_OK) status = w->env->write(w->env, w->handle, w->indexes.data, w->indexes.size, err);
  if (status != TL_OK) {
    w->groups.size = before;
    return status;
  }
  w->at += (int64_t)(g->bytes.size + w->indexes.size);
  w->meta.row_count += g->row_count;
  w->meta.group_count++;
  return TL_OK;
}

tl_writer_mark tl_writer_at(const tl_writer *w) { return (tl_writer_mark){w->at, w->meta.row_count, w->meta.group_count, w->groups.size}; }

tl_status tl_writer_cut(tl_writer *w, tl_writer_mark mark, tl_error *err) {
  if (mark.at == w->at) return TL_OK;
  TL_TRY(w->env->cut(w->env, w->handle, mark.at, err));
  w->at = mark.at;
  w->meta.row_count = mark.rows;
  w->meta.group_count = mark.groups;
  w->groups.size = mark.group_bytes;
  return TL_OK;
}

tl_status tl_writer_finish(tl_writer *w, bool durable, tl_error *err) {
  TL_OWNED(tl_buffer) footer = {.env = w->env};
  size_t groups_at;
  TL_TRY(tl_meta_write(&footer, &w->meta, &groups_at, err));
  if (footer.size + w->groups.size > UINT32_MAX) return tl_fail(err, TL_IO, "the footer would have %zu bytes; Parquet has room for 4 GB", w->groups.size);
  uint32_t size = (uint32_t)(footer.size + w->groups.size);
  TL_TRY(tl_buffer_append(&footer, &size, sizeof size, err));
  TL_TRY(tl_buffer_append(&footer, "PAR1", 4, err));
  TL_TRY(w->env->write(w->env, w->handle, footer.data, groups_at, err));
  TL_TRY(w->env->write(w->env, w->handle, w->groups.data, w->groups.size, err));
  TL_TRY(w->env->write(w->env, w->handle, footer.data + groups_at, footer.size - groups_at, err));
  if (durable) TL_TRY(w->env->sync(w->env, w->handle, err));
  int handle = w->handle;
  w->handle = -1;
  return w->env->close(w->env, handle, err);
}

void tl_writer_free(tl_writer *w) {
  if (w->env == NULL) return;
  if (w->handle >= 0) (void)w->env->close(w->env, w->handle, NULL);
  tl_buffer_free(&w->groups);
  tl_buffer_free(&w->indexes);
  tl_arena_free(&w->arena);
  *w = (tl_writer){.handle = -1};
}
