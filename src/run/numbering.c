#include "run/numbering.h"
#include <string.h>
#include "run/keys.h"

/* As the path, or the name of the file, has it; text is borrowed. */
static tl_key_value_data value_of_file(const tl_input_set *set, int input, const tl_input_file *f) {
  const char *name = set->definition->inputs[input].columns[0], *text = NULL;
  for (int i = 0; i < f->file->key_count; i++)
    if (strcmp(f->file->keys[i].name, name) == 0) text = f->file->keys[i].value;
  for (int k = 0; k < set->definition->key_count; k++)
    if (f->keys[k] == TL_KEY_STEM && strcmp(set->definition->keys[k], name) == 0) text = f->file->stem;
  return text != NULL ? (tl_key_value_data){.text = text, .size = strlen(text)} : (tl_key_value_data){.missing = true};
}

bool tl_numbering_says(const tl_input_set *set, int input, const tl_input_file *file) { return !value_of_file(set, input, file).missing; }

static int compare(const tl_key_value_data *a, const tl_key_value_data *b) {
  if (a->text == NULL || b->text == NULL) return a->text != b->text ? (a->text == NULL ? -1 : 1) : (a->number > b->number) - (a->number < b->number);
  int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
  return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* Where it is, or would be. */
static size_t place_of(const tl_numbering *n, const tl_key_value_data *value, bool *there) {
  size_t low = 0, high = n->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(&n->values[middle], value) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  *there = low < n->count && compare(&n->values[low], value) == 0;
  return low;
}

/* ---- collecting ---- */

static tl_status add(tl_numbering *n, tl_input_set *set, int input, tl_key_value_data value, tl_error *err) {
  bool there;
  size_t at = place_of(n, &value, &there);
  if (value.missing || there) return TL_OK;
  if (n->count == TL_MOST_NUMBERED)
    return tl_fail(err, TL_MEMORY, "the column %s has more than %d values; a side is picked by few", set->definition->inputs[input].name, TL_MOST_NUMBERED);
  if (n->count == n->capacity) {
    tl_key_value_data *more;
    TL_TRY(tl_arena_take(&set->arena, &more, 2 * n->capacity + 16, sizeof *more, err));
    if (n->count > 0) memcpy(more, n->values, n->count * sizeof *more);
    n->values = more;
    n->capacity = 2 * n->capacity + 16;
  }
  if (value.text != NULL) TL_TRY(tl_arena_text(&set->arena, &value.text, value.text, value.size, err));
  memmove(n->values + at + 1, n->values + at, (n->count - at) * sizeof *n->values);
  n->values[at] = value;
  n->count++;
  return TL_OK;
}

typedef struct collector {
  tl_numbering *numbering;
  tl_input_set *set;
  int input;
  tl_column column;
  tl_page_scratch scratch;
} collector;

static tl_status read_group(collector *c, tl_parquet *file, int leaf, int group, tl_error *err) {
  enum { STEP = 65536 };
  tl_page_cursor cursor = {0};
  int64_t rows = file->meta.groups[group].row_count;
  for (int64_t first = 0; first < rows; first += STEP) {
    int64_t count = rows - first < STEP ? rows - first : STEP;
    TL_TRY(tl_parquet_read_on(file, group, leaf, first, count, &c->column, &c->scratch, &cursor, err));
    for (int64_t r = 0; r < count; r++)
      if (r == 0 || !tl_column_repeats(&c->column, r, r - 1)) TL_TRY(add(c->numbering, c->set, c->input, tl_key_of_row(&c->column, r), err));
  }
  return TL_OK;
}

static tl_status read_file(collector *c, int32_t index, tl_error *err) {
  const tl_input_file *f = &c->set->files[index];
  TL_OWNED(tl_parquet) file = {.handle = -1};
  if (f->leaves[c->input] < 0) return add(c->numbering, c->set, c->input, value_of_file(c->set, c->input, f), err);
  TL_TRY(tl_input_reopen(c->set, index, &file, err));
  for (int g = 0; g < file.meta.group_count; g++) TL_TRY(read_group(c, &file, f->leaves[c->input], g, err));
  return TL_OK;
}

tl_status tl_numbering_collect(tl_numbering *out, tl_input_set *set, int input, int64_t page_limit, tl_error *err) {
  collector c = {
      .numbering = out, .set = set, .input = input, .column = {.env = set->env, .bytes = {.env = set->env}}, .scratch = {.env = set->env, .limit = page_limit}};
  tl_error why;
  tl_status status = TL_OK;
  *out = (tl_numbering){0};
  for (size_t i = 0; status != TL_MEMORY && i < set->dataset.count; i++)
    if (!set->files[i].failed) status = read_file(&c, (int32_t)i, &why);
  set->bytes_read += c.scratch.bytes_read;
  tl_column_free(&c.column);
  tl_page_scratch_free(&c.scratch);
  return status == TL_MEMORY ? tl_fail(err, status, "%s", why.text) : TL_OK;
}

/* ---- numbers ---- */

tl_status tl_numbering_values(const tl_numbering *n, const tl_column *column, int64_t from, int64_t count, double *out, tl_error *err) {
  for (int64_t i = 0; i < count; i++) {
    bool there = true;
    if (i > 0 && tl_column_repeats(column, from + i, from + i - 1)) {
      out[i] = out[i - 1];
      continue;
    }
    tl_key_value_data value = tl_key_of_row(column, from + i);
    out[i] = value.missing ? __builtin_nan("") : (double)place_of(n, &value, &there);
    if (!there) return tl_fail(err, TL_CORRUPT, "the column %s could not be read at first, or has changed since", column->field.name);
  }
  return TL_OK;
}

double tl_numbering_of_file(const tl_input_set *set, int input, const tl_input_file *file) {
  tl_key_value_data value = value_of_file(set, input, file);
  bool there = false;
  if (set->numberings == NULL || set->numberings[input] == NULL || value.missing) return __builtin_nan("");
  size_t place = place_of(set->numberings[input], &value, &there);
  return there ? (double)place : __builtin_nan("");
}
