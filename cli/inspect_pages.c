/* Page by page: what their headers and the page index say, and whether their checksums are right. */
#include <string.h>
#include "base/text.h"
#include "inspect.h"
#include "table.h"

const char *inspect_page_kind(int type) {
  static const char *const names[] = {"v1", "index", "dictionary", "v2"};
  return type >= 0 && type < 4 ? names[type] : "unknown";
}

/* The page index of a chunk, as far as it is sound. */
typedef struct page_index {
  tl_offset_index places;
  tl_column_index bounds;
  int64_t next; /* page of the index that comes next */
} page_index;

static void index_problem(inspection *x, int group, int leaf, tl_error *err) {
  const char *path = x->file.path, *text = err->text;
  tl_error full;
  if (strncmp(text, path, strlen(path)) == 0 && strncmp(text + strlen(path), ": ", 2) == 0) text += strlen(path) + 2;
  tl_status status = tl_fail(&full, err->status, "%s: column %s, row group %d: %.500s", path, x->file.meta.leaves[leaf].field.name, group, text);
  (void)status;
  inspect_problem(&x->problems, &full);
}

static void load_index(page_index *i, inspection *x, int group, int leaf) {
  tl_error err = {0};
  *i = (page_index){0};
  if (tl_offset_index_load(&i->places, &x->file, group, leaf, &err) != TL_OK) index_problem(x, group, leaf, &err);
  if (tl_column_index_load(&i->bounds, &x->file, group, leaf, &err) != TL_OK) index_problem(x, group, leaf, &err);
  if (i->bounds.count != i->places.count) tl_column_index_free(&i->bounds);
}

static void free_index(page_index *i) {
  tl_offset_index_free(&i->places);
  if (i->bounds.count > 0) tl_column_index_free(&i->bounds);
}

/* The page's place in the index, by its offset; -1: it has none. */
static int64_t place_of(page_index *i, int64_t offset) {
  while (i->next < i->places.count && i->places.pages[i->next].offset < offset) i->next++;
  return i->next < i->places.count && i->places.pages[i->next].offset == offset ? i->next : -1;
}

static int64_t rows_of_place(const page_index *i, int64_t place, int64_t group_rows) {
  int64_t end = place + 1 < i->places.count ? i->places.pages[place + 1].first_row : group_rows;
  return end - i->places.pages[place].first_row;
}

/* Rows and missing ones: what the page says, else what the index says, else what follows from the column. */
static void complete(inspect_page *p, page_index *index, const tl_leaf *leaf, const tl_chunk *chunk, int64_t group_rows, int64_t *row) {
  bool is_data = p->page.type == TL_PAGE_DATA || p->page.type == TL_PAGE_DATA_V2;
  if (!is_data) return;
  int64_t place = place_of(index, p->page.offset);
  p->nulls = p->page.nulls;
  p->rows = leaf->max_repetition == 0 ? p->page.values : p->page.rows >= 0 ? p->page.rows : place >= 0 ? rows_of_place(index, place, group_rows) : -1;
  p->first_row = *row >= 0 ? *row : place >= 0 ? index->places.pages[place].first_row : -1;
  *row = p->first_row >= 0 && p->rows >= 0 ? p->first_row + p->rows : -1;
  if (p->nulls < 0 && (leaf->max_definition == 0 || chunk->statistics.null_count == 0)) p->nulls = 0;
  if (place < 0 || index->bounds.count == 0) return;
  p->bounds = &index->bounds.pages[place];
  if (p->nulls < 0) p->nulls = p->bounds->null_count;
}

static void check_crc(inspection *x, tl_page_walk *w, inspect_page *p) {
  tl_error err = {0};
  tl_page_walk at = *w;
  at.index = p->index;
  tl_status status = tl_page_walk_crc(w, &p->page, &p->crc, &err);
  if (status == TL_OK && p->crc == TL_CRC_WRONG) status = tl_fail(&err, TL_CORRUPT, "the page's CRC does not match: the data is damaged");
  if (status == TL_OK) return;
  status = tl_page_walk_fail(&at, status, p->page.offset, &err);
  inspect_problem(&x->problems, &err);
}

/* Chunks do not share bytes: together they are no longer than the file, but for the room that old writers need. */
static bool is_too_much(inspection *x, const tl_page_walk *w) {
  enum { ROOM = 100 };
  tl_error err = {0};
  int64_t chunks = (int64_t)x->file.meta.group_count * x->file.meta.leaf_count;
  if (w->end - w->start <= x->file.size + chunks * ROOM - x->walked) return false;
  tl_fail(&err, TL_CORRUPT, "column chunks lie on each other: the pages of this one are left out");
  tl_status status = tl_page_walk_fail(w, TL_CORRUPT, w->start, &err);
  (void)status;
  inspect_problem(&x->problems, &err);
  return true;
}

void inspect_chunk(inspection *x, int group, int leaf, inspect_visit visit, void *context) {
  TL_OWNED(tl_page_walk) walk = {0};
  page_index index;
  tl_error err = {0};
  if (tl_meta_chunk(&x->file.meta, group, leaf).encrypted) return;
  tl_status status = tl_page_walk_open(&walk, &x->file, group, leaf, &err);
  if (status != TL_OK) {
    inspect_problem(&x->problems, &err);
    return;
  }
  if (is_too_much(x, &walk)) return;
  load_index(&index, x, group, leaf);
  int64_t row = 0;
  for (bool more = true;;) {
    inspect_page p = {.index = walk.index, .nulls = -1, .rows = -1, .first_row = -1};
    status = tl_page_walk_next(&walk, &p.page, &more, &err);
    if (status != TL_OK || !more) break;
    complete(&p, &index, &x->file.meta.leaves[leaf], &walk.chunk, x->file.meta.groups[group].row_count, &row);
    check_crc(x, &walk, &p);
    visit(context, x, group, leaf, &p);
  }
  if (status != TL_OK) inspect_problem(&x->problems, &err);
  x->walked += walk.at - walk.start;
  free_index(&index);
}

/* ---- a line a page ---- */

typedef struct lines {
  int name_width;
  tl_column bound;
} lines;

static void known(char out[TL_NUMBER_TEXT], int64_t value) {
  if (value < 0)
    snprintf(out, TL_NUMBER_TEXT, "-");
  else
    tl_count_text(out, value);
}

static void bound_text(lines *l, const tl_field *field, const inspect_page *p, bool low, char *out, size_t room) {
  snprintf(out, room, "-");
  if (p->bounds == NULL || !tl_bound_load(&l->bound, field, low ? p->bounds->min : p->bounds->max)) return;
  inspect_bound_cell(out, room, &l->bound, false);
}

static void show_page(void *context, inspection *x, int group, int leaf, const inspect_page *p) {
  static const char *const crcs[] = {"absent", "ok", "WRONG"};
  lines *l = context;
  const tl_field *field = &x->file.meta.leaves[leaf].field;
  char name[200], nulls[TL_NUMBER_TEXT], values[TL_NUMBER_TEXT], first[TL_NUMBER_TEXT], low[200], high[200];
  cli_clean(name, sizeof name, field->name, strlen(field->name), INSPECT_NAME);
  known(nulls, p->nulls), known(values, p->page.values), known(first, p->first_row);
  bound_text(l, field, p, true, low, sizeof low);
  bound_text(l, field, p, false, high, sizeof high);
  printf("  %5d  %s%*s  %5d  %-10s  %12lld  %6zu  %10lld  %10lld  %11s  %10s  %11s  %-23s  %-6s  %s%*s  %s\n", group, name, l->name_width - cli_width(name), "",
         p->index, inspect_page_kind(p->page.type), (long long)p->page.offset, p->page.header_size, (long long)p->page.stored_size,
         (long long)p->page.plain_size, values, nulls, first, p->page.encoding >= 0 ? tl_encoding_name(p->page.encoding) : "-", crcs[p->crc], low,
         INSPECT_BOUND - cli_width(low), "", high);
}

void inspect_pages_text(inspection *x) {
  lines l = {.name_width = 6, .bound = {.env = x->file.env, .bytes = {.env = x->file.env}}};
  for (int i = 0; i < x->column_count; i++) {
    char name[200];
    const char *full = x->file.meta.leaves[x->columns[i].leaf].field.name;
    cli_clean(name, sizeof name, full, strlen(full), INSPECT_NAME);
    l.name_width = cli_width(name) > l.name_width ? cli_width(name) : l.name_width;
  }
  printf("\npages\n  %5s  %-*s  %5s  %-10s  %12s  %6s  %10s  %10s  %11s  %10s  %11s  %-23s  %-6s  %-*s  %s\n", "group", l.name_width, "column", "page", "kind",
         "offset", "header", "stored", "plain", "values", "nulls", "first row", "encoding", "crc", INSPECT_BOUND, "min", "max");
  for (int g = 0; g < x->file.meta.group_count; g++)
    for (int i = 0; i < x->column_count; i++) inspect_chunk(x, g, x->columns[i].leaf, show_page, &l);
  tl_column_free(&l.bound);
}
