/* Foreign arrays in. Rows [from, from + count) of an array go behind those of ours; what an array holds goes in by the same function, for
   each stretch of neighbours that is needed. Lists that are missing hold nothing here, whatever lies behind them there. */
#include <inttypes.h>
#include <string.h>
#include "column/arrow_inside.h"
#include "column/bits.h"

/* An array, checked, and the rows of it that are wanted. */
typedef struct rows_of {
  const tl_arrow_place *place; /* its array: ours */
  const struct ArrowSchema *schema;
  const struct ArrowArray *array;
  tl_arrow_type type;
  int64_t base, count; /* the first row, the array's own offset included, and how many */
} rows_of;

static tl_status take(const tl_arrow_place *place, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t from, int64_t count, tl_array *out,
                      tl_error *err);

static const uint8_t *buffer(const rows_of *r, int i) { return r->array->buffers[i]; }
/* Whether row i of those wanted is there. */
static bool is_there(const rows_of *r, int64_t i) { return r->array->n_buffers == 0 || buffer(r, 0) == NULL || tl_bit(buffer(r, 0), r->base + i); }
static int64_t load_int(const uint8_t *p, int width) { return width == 8 ? (int64_t)tl_load64(p) : (int32_t)tl_load32(p); }

/* ---- what the structs say ---- */

static int64_t buffers_of(const tl_arrow_type *t) {
  switch (t->layout) {
    case TL_ARROW_NULL: return 0;
    case TL_ARROW_STRUCT:
    case TL_ARROW_LIST_FIXED: return 1;
    case TL_ARROW_BINARY:
    case TL_ARROW_VIEW:
    case TL_ARROW_LIST_VIEW: return 3;
    default: return 2;
  }
}

/* Buffers that must be there as soon as there are rows; those of bytes may be absent when there are no bytes. */
static bool lacks_buffer(const struct ArrowArray *a, const tl_arrow_type *t) {
  if (a->n_buffers > 0 && a->buffers == NULL) return true;
  if (a->length + a->offset == 0) return false;
  if (t->layout == TL_ARROW_VIEW) return a->buffers[1] == NULL || (a->n_buffers > 3 && a->buffers[a->n_buffers - 1] == NULL);
  return (a->n_buffers > 1 && a->buffers[1] == NULL) || (t->layout == TL_ARROW_LIST_VIEW && a->buffers[2] == NULL);
}

static tl_status check_array(const rows_of *r, int64_t from, tl_error *err) {
  const struct ArrowArray *a = r->array;
  const tl_arrow_type *t = &r->type;
  int64_t end, buffers = r->schema->dictionary != NULL ? 2 : buffers_of(t);
  if (a->release == NULL) return tl__arrow_fail(r->place, err, TL_CORRUPT, "an array that was released");
  if (a->length < 0 || a->offset < 0 || __builtin_add_overflow(a->length, a->offset, &end))
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "an array of length %" PRId64 " at %" PRId64, a->length, a->offset);
  if (from < 0 || r->count < 0 || from > a->length || r->count > a->length - from)
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "rows %" PRId64 " and %" PRId64 " more are wanted of an array of %" PRId64, from, r->count, a->length);
  if (t->layout == TL_ARROW_VIEW ? a->n_buffers < buffers : a->n_buffers != buffers)
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "%" PRId64 " buffers, expected %" PRId64, a->n_buffers, buffers);
  if (a->n_children != r->schema->n_children || (a->n_children > 0 && a->children == NULL))
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "%" PRId64 " children, expected %" PRId64, a->n_children, r->schema->n_children);
  for (int64_t i = 0; i < a->n_children; i++)
    if (a->children[i] == NULL) return tl__arrow_fail(r->place, err, TL_CORRUPT, "child %" PRId64 " is not there", i);
  if ((a->dictionary == NULL) != (r->schema->dictionary == NULL))
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "array and schema differ in having a dictionary");
  if (lacks_buffer(a, t)) return tl__arrow_fail(r->place, err, TL_CORRUPT, "a buffer is not there");
  if (a->n_buffers > 0 && a->null_count > 0 && a->buffers[0] == NULL && t->layout != TL_ARROW_NULL)
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "%" PRId64 " rows are missing, and nothing says which", a->null_count);
  return TL_OK;
}

static bool same_type(const tl_schema *node, const tl_arrow_type *t) {
  return node->shape == t->shape &&
         (t->shape != TL_SHAPE_VALUE || (node->field.physical == t->field.physical && node->field.fixed_size == t->field.fixed_size));
}

static tl_status look(rows_of *r, int64_t from, const tl_schema *node, tl_error *err) {
  TL_TRY(tl__arrow_type_read(&r->type, r->schema, r->place, err));
  TL_TRY(check_array(r, from, err));
  r->base = r->array->offset + from;
  if (r->schema->dictionary == NULL && (!same_type(node, &r->type) || (r->type.shape == TL_SHAPE_STRUCT && r->schema->n_children != node->child_count)))
    return tl__arrow_fail(r->place, err, TL_USAGE, "the array is of another type than the batch");
  return TL_OK;
}

/* ---- values of one width ---- */

static tl_status add_valid(const rows_of *r, tl_env *env, uint8_t **valid, size_t *capacity, int64_t have, int64_t *nulls, tl_error *err) {
  const uint8_t *bits = r->array->n_buffers > 0 ? buffer(r, 0) : NULL;
  return tl_bits_append(env, valid, capacity, have, bits, r->base, r->count, r->type.layout != TL_ARROW_NULL || r->schema->dictionary != NULL, nulls, err);
}

/* The low byte or two of a 32-bit integer. */
static int32_t load_narrow(const uint8_t *p, int width, bool is_unsigned) {
  if (width == 1) return is_unsigned ? p[0] : (int8_t)p[0];
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return is_unsigned ? v : (int16_t)v;
}

static tl_status take_scaled(const rows_of *r, uint8_t *out, int64_t i, tl_error *err) {
  int64_t v = load_int(buffer(r, 1) + (r->base + i) * r->type.width, r->type.width), scaled;
  bool fits = v % r->type.divided == 0 && !__builtin_mul_overflow(v / r->type.divided, r->type.times, &scaled);
  if (!fits) return tl__arrow_fail(r->place, err, TL_UNSUPPORTED, "row %" PRId64 ": %" PRId64 " of \"%s\" cannot be kept exactly", i, v, r->schema->format);
  if (r->type.field.physical == TL_PHYSICAL_INT64) {
    memcpy(out, &scaled, sizeof scaled);
    return TL_OK;
  }
  int32_t small = (int32_t)scaled;
  if (small != scaled) return tl__arrow_fail(r->place, err, TL_UNSUPPORTED, "row %" PRId64 ": %" PRId64 " of \"%s\" is out of range", i, v, r->schema->format);
  memcpy(out, &small, sizeof small);
  return TL_OK;
}

static tl_status take_decimal(const rows_of *r, uint8_t *out, int64_t i, tl_error *err) {
  const tl_field *f = &r->type.field;
  uint8_t little[32];
  int width = tl_field_width(f);
  bool fits = tl__arrow_resize(buffer(r, 1) + (r->base + i) * r->type.width, r->type.width, little, width);
  if (!fits) return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": a decimal of more than the %d digits that its type has", i, f->precision);
  if (f->physical == TL_PHYSICAL_FIXED)
    tl__arrow_reverse(out, little, width);
  else
    memcpy(out, little, (size_t)width);
  return TL_OK;
}

static tl_status take_one(const rows_of *r, uint8_t *out, int64_t i, tl_error *err) {
  int32_t small;
  switch (r->type.layout) {
    case TL_ARROW_BITS: *out = tl_bit(buffer(r, 1), r->base + i); return TL_OK;
    case TL_ARROW_NARROW:
      small = load_narrow(buffer(r, 1) + (r->base + i) * r->type.width, r->type.width, r->type.field.is_unsigned);
      memcpy(out, &small, sizeof small);
      return TL_OK;
    case TL_ARROW_SCALED: return take_scaled(r, out, i, err);
    default: return take_decimal(r, out, i, err);
  }
}

/* What a missing row has there is nobody's business: ours are zero. */
static tl_status take_values(const rows_of *r, tl_column *c, tl_error *err) {
  size_t width = (size_t)tl_field_width(&c->field);
  TL_TRY(tl_reserve(c->env, &c->values, &c->values_capacity, (size_t)(c->count + r->count) * width + 64, 1, err));
  uint8_t *out = c->values + (size_t)c->count * width;
  bool plain = r->type.layout == TL_ARROW_PLAIN, complete = r->type.layout != TL_ARROW_NULL && buffer(r, 0) == NULL;
  if (r->count == 0) return TL_OK;
  if (plain)
    memcpy(out, buffer(r, 1) + (size_t)r->base * width, (size_t)r->count * width);
  else
    memset(out, 0, (size_t)r->count * width);
  if (r->type.layout == TL_ARROW_NULL || (plain && complete)) return TL_OK;
  for (int64_t i = 0; i < r->count; i++) {
    if (plain && !is_there(r, i))
      memset(out + (size_t)i * width, 0, width);
    else if (!plain && is_there(r, i))
      TL_TRY(take_one(r, out + (size_t)i * width, i, err));
  }
  return TL_OK;
}

/* ---- bytes ---- */

/* Where a row's bytes begin, and the next row's. */
static tl_status get_offsets(const rows_of *r, int64_t i, int64_t *from, int64_t *to, tl_error *err) {
  const uint8_t *at = buffer(r, 1) + (r->base + i) * r->type.width;
  *from = load_int(at, r->type.width);
  *to = load_int(at + r->type.width, r->type.width);
  if (*from < 0 || *to < *from) return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": offsets %" PRId64 " and then %" PRId64, i, *from, *to);
  return TL_OK;
}

/* Source: Arrow columnar format, "Variable-size Binary View Layout": 16 bytes a row; up to 12 bytes lie in it. */
static tl_status get_view(const rows_of *r, int64_t i, tl_bytes *out, tl_error *err) {
  enum { IN_PLACE = 12 };
  const uint8_t *view = buffer(r, 1) + (r->base + i) * 16;
  int64_t n = r->array->n_buffers, size = load_int(view, 4), index = load_int(view + 8, 4), at = load_int(view + 12, 4);
  *out = (tl_bytes){view + 4, (size_t)size};
  if (size >= 0 && size <= IN_PLACE) return TL_OK;
  bool holds = size > 0 && index >= 0 && index < n - 3 && at >= 0;
  if (holds) holds = at + size <= (int64_t)tl_load64((const uint8_t *)r->array->buffers[n - 1] + index * 8) && buffer(r, 2 + (int)index) != NULL;
  if (!holds)
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": a view of %" PRId64 " bytes at %" PRId64 " of buffer %" PRId64, i, size, at, index);
  out->data = buffer(r, 2 + (int)index) + at;
  return TL_OK;
}

static tl_status get_bytes(const rows_of *r, int64_t i, tl_bytes *out, tl_error *err) {
  int64_t from, to;
  if (r->type.layout == TL_ARROW_VIEW) return get_view(r, i, out, err);
  TL_TRY(get_offsets(r, i, &from, &to, err));
  if (to > from && buffer(r, 2) == NULL) return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": the buffer of its bytes is not there", i);
  *out = (tl_bytes){to > from ? buffer(r, 2) + from : NULL, (size_t)(to - from)};
  return TL_OK;
}

static tl_status take_bytes(const rows_of *r, tl_column *c, tl_error *err) {
  TL_TRY(tl_reserve(c->env, &c->offsets, &c->offsets_capacity, (size_t)(c->count + r->count) + 1, sizeof *c->offsets, err));
  for (int64_t i = 0; i < r->count; i++) {
    tl_bytes v = {0};
    if (is_there(r, i)) TL_TRY(get_bytes(r, i, &v, err));
    TL_TRY(tl_buffer_append(&c->bytes, v.data, v.size, err));
    c->offsets[c->count + i + 1] = (int64_t)c->bytes.size;
  }
  return TL_OK;
}

static tl_status take_column(const rows_of *r, tl_array *out, tl_error *err) {
  tl_column *c = &out->column;
  int64_t from = c->count;
  bool bytes = c->field.physical == TL_PHYSICAL_BYTE_ARRAY;
  TL_TRY(add_valid(r, c->env, &c->valid, &c->valid_capacity, c->count, &c->null_count, err));
  TL_TRY(bytes ? take_bytes(r, c, err) : take_values(r, c, err));
  c->count += r->count;
  out->count = c->count;
  out->null_count = c->null_count;
  return tl_field_is_text(&c->field) ? tl__arrow_check_text(r->place, c, from, err) : TL_OK;
}

/* ---- what holds others ---- */

static tl_status take_struct(const rows_of *r, tl_array *out, tl_error *err) {
  for (int i = 0; i < out->node->child_count; i++) {
    tl_arrow_place child = tl__arrow_below(r->place, out->node->children[i].name, &out->children[i]);
    TL_TRY(take(&child, r->schema->children[i], r->array->children[i], r->base, r->count, &out->children[i], err));
  }
  return TL_OK;
}

/* Elements [from, from + count) of the child: of a list the elements, of a map the entries, a struct whose parts are our children. */
static tl_status take_elements(const rows_of *r, tl_array *out, int64_t from, int64_t count, tl_error *err) {
  if (count == 0) return TL_OK;
  if (out->node->shape == TL_SHAPE_LIST) {
    tl_arrow_place child = tl__arrow_below(r->place, out->node->children[0].name, &out->children[0]);
    return take(&child, r->schema->children[0], r->array->children[0], from, count, &out->children[0], err);
  }
  rows_of entries = {.place = r->place, .schema = r->schema->children[0], .array = r->array->children[0], .count = count};
  TL_TRY(tl__arrow_type_read(&entries.type, entries.schema, r->place, err));
  TL_TRY(check_array(&entries, from, err));
  entries.base = entries.array->offset + from;
  if (entries.type.shape != TL_SHAPE_STRUCT || entries.schema->n_children != 2)
    return tl__arrow_fail(r->place, err, TL_CORRUPT, "a map whose entries are no pairs");
  for (int64_t i = 0; i < count; i++)
    if (!is_there(&entries, i)) return tl__arrow_fail(r->place, err, TL_CORRUPT, "an entry of a map is missing");
  return take_struct(&entries, out, err);
}

/* The elements of a row that is there. */
static tl_status get_elements(const rows_of *r, int64_t i, int64_t *from, int64_t *count, tl_error *err) {
  int64_t to;
  switch (r->type.layout) {
    case TL_ARROW_LIST_FIXED:
      if (__builtin_mul_overflow(r->base + i, r->type.size, from)) return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": beyond 64 bits", i);
      *count = r->type.size;
      return TL_OK;
    case TL_ARROW_LIST_VIEW:
      *from = load_int(buffer(r, 1) + (r->base + i) * r->type.width, r->type.width);
      *count = load_int(buffer(r, 2) + (r->base + i) * r->type.width, r->type.width);
      if (*from < 0 || *count < 0) return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": %" PRId64 " elements at %" PRId64, i, *count, *from);
      return TL_OK;
    default:
      TL_TRY(get_offsets(r, i, from, &to, err));
      *count = to - *from;
      return TL_OK;
  }
}

/* The same, within the child; a row that is missing has none. */
static tl_status find_elements(const rows_of *r, int64_t i, int64_t *from, int64_t *count, tl_error *err) {
  int64_t length = r->array->children[0]->length;
  *count = 0;
  if (!is_there(r, i)) return TL_OK;
  TL_TRY(get_elements(r, i, from, count, err));
  if (*count == 0 || (*count <= length && *from <= length - *count)) return TL_OK;
  return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": %" PRId64 " elements at %" PRId64 " of %" PRId64, i, *count, *from, length);
}

/* Rows whose elements are neighbours go in together. */
static tl_status take_list(const rows_of *r, tl_array *out, tl_error *err) {
  int64_t first = 0, many = 0, from = 0, count = 0;
  TL_TRY(tl_reserve(out->env, &out->offsets, &out->offset_capacity, (size_t)(out->count + r->count) + 1, sizeof *out->offsets, err));
  for (int64_t i = 0; i < r->count; i++) {
    TL_TRY(find_elements(r, i, &from, &count, err));
    int64_t *end = &out->offsets[out->count + i + 1];
    if (__builtin_add_overflow(end[-1], count, end)) return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": beyond 64 bits", i);
    if (count == 0) continue;
    if (from != first + many) {
      TL_TRY(take_elements(r, out, first, many, err));
      first = from, many = 0;
    }
    many += count;
  }
  return take_elements(r, out, first, many, err);
}

/* ---- dictionaries ---- */

static tl_status get_code(const rows_of *r, int64_t i, int64_t *out, tl_error *err) {
  const tl_arrow_type *t = &r->type;
  const uint8_t *at = buffer(r, 1) + (r->base + i) * t->width;
  *out = t->layout == TL_ARROW_NARROW ? load_narrow(at, t->width, t->field.is_unsigned) : load_int(at, t->width);
  if (t->layout == TL_ARROW_PLAIN && t->width == 4 && t->field.is_unsigned) *out = (uint32_t)*out;
  if (*out >= 0 && *out < r->array->dictionary->length) return TL_OK;
  return tl__arrow_fail(r->place, err, TL_CORRUPT, "row %" PRId64 ": code %" PRId64 " of a dictionary of %" PRId64, i, *out, r->array->dictionary->length);
}

static bool is_code(const tl_arrow_type *t) {
  bool integer = t->field.logical == TL_LOGICAL_NONE || t->field.logical == TL_LOGICAL_INTEGER;
  return t->layout == TL_ARROW_NARROW ||
         (t->layout == TL_ARROW_PLAIN && integer && (t->field.physical == TL_PHYSICAL_INT32 || t->field.physical == TL_PHYSICAL_INT64));
}

/* Row by row from a copy of the dictionary; or, where few rows meet a large one, from the dictionary itself. */
static tl_status take_decoded(const rows_of *r, tl_array *out, tl_error *err) {
  enum { LARGE = 4 };
  TL_OWNED(tl_array) values = {0};
  int64_t size = r->array->dictionary->length, code = 0;
  bool copy = size / LARGE <= r->count;
  if (!is_code(&r->type)) return tl__arrow_fail(r->place, err, TL_CORRUPT, "a dictionary whose codes are no integers: \"%.40s\"", r->schema->format);
  if (copy) TL_TRY(tl_array_open(&values, out->env, out->node, err));
  if (copy) TL_TRY(take(r->place, r->schema->dictionary, r->array->dictionary, 0, size, &values, err));
  for (int64_t i = 0; i < r->count; i++) {
    if (!is_there(r, i)) {
      TL_TRY(tl_array_append_null(out, 1, err));
      continue;
    }
    TL_TRY(get_code(r, i, &code, err));
    TL_TRY(copy ? tl_array_append(out, &values, code, 1, err) : take(r->place, r->schema->dictionary, r->array->dictionary, code, 1, out, err));
  }
  return TL_OK;
}

/* ---- all ---- */

static tl_status take(const tl_arrow_place *place, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t from, int64_t count, tl_array *out,
                      tl_error *err) {
  rows_of r = {.place = place, .schema = schema, .array = array, .count = count};
  TL_TRY(look(&r, from, out->node, err));
  if (schema->dictionary != NULL) return take_decoded(&r, out, err);
  if (r.type.shape == TL_SHAPE_VALUE) return take_column(&r, out, err);
  TL_TRY(add_valid(&r, out->env, &out->valid, &out->valid_capacity, out->count, &out->null_count, err));
  TL_TRY(r.type.shape == TL_SHAPE_STRUCT ? take_struct(&r, out, err) : take_list(&r, out, err));
  out->count += count;
  return TL_OK;
}

static tl_status take_columns(tl_batch *out, const rows_of *r, tl_error *err) {
  for (int i = 0; i < out->schema->child_count; i++) {
    tl_arrow_place place = tl__arrow_below(NULL, out->schema->children[i].name, &out->columns[i]);
    TL_TRY(take(&place, r->schema->children[i], r->array->children[i], r->base, r->count, &out->columns[i], err));
    TL_TRY(tl__arrow_check_required(&place, err));
  }
  return TL_OK;
}

tl_status tl_batch_import(tl_batch *out, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t from, int64_t count, tl_error *err) {
  rows_of r = {.schema = schema, .array = array, .count = count};
  tl_status status = look(&r, from, out->schema, err);
  for (int64_t i = 0; status == TL_OK && i < count; i++)
    if (!is_there(&r, i)) status = tl_fail(err, TL_CORRUPT, "row %" PRId64 " is missing as a whole; of a table every row is there", from + i);
  if (status == TL_OK) status = take_columns(out, &r, err);
  if (status == TL_OK)
    out->rows += count;
  else if (tl_batch_clear(out, NULL) != TL_OK)
    tl_batch_free(out);
  return status;
}

/* ---- schemas ---- */

static tl_status read_node(tl_schema *out, tl_arena *arena, const struct ArrowSchema *s, const tl_arrow_place *place, const char *path, tl_error *err);

/* Children as the type has them; `infix`: what Parquet's paths have between a list or map and what is in it. */
static tl_status read_children(tl_schema *out, tl_arena *arena, const struct ArrowSchema *s, const tl_arrow_place *place, const char *path, const char *infix,
                               tl_error *err) {
  out->child_count = (int)s->n_children;
  TL_TRY(tl_arena_take(arena, &out->children, (size_t)s->n_children + 1, sizeof *out->children, err));
  for (int i = 0; i < out->child_count; i++) {
    const char *name = s->children[i]->name, *below;
    if (name == NULL) name = "";
    tl_arrow_place child = tl__arrow_below(place, name, NULL);
    TL_TRY(tl_arena_format(arena, &below, err, "%s%s%s%s", path, path[0] != 0 ? "." : "", infix, name));
    TL_TRY(tl_arena_text(arena, &out->children[i].name, name, strlen(name), err));
    TL_TRY(read_node(&out->children[i], arena, s->children[i], &child, below, err));
  }
  return TL_OK;
}

static tl_status read_map(tl_schema *out, tl_arena *arena, const struct ArrowSchema *s, const tl_arrow_place *place, const char *path, tl_error *err) {
  tl_arrow_type entries;
  TL_TRY(tl__arrow_type_read(&entries, s->children[0], place, err));
  if (entries.shape != TL_SHAPE_STRUCT || s->children[0]->n_children != 2) return tl__arrow_fail(place, err, TL_CORRUPT, "a map whose entries are no pairs");
  TL_TRY(read_children(out, arena, s->children[0], place, path, "key_value.", err));
  out->children[0].nullable = false;
  return TL_OK;
}

static tl_status read_node(tl_schema *out, tl_arena *arena, const struct ArrowSchema *s, const tl_arrow_place *place, const char *path, tl_error *err) {
  enum { MOST_CHILDREN = 1 << 20 };
  tl_arrow_type type;
  const struct ArrowSchema *values = s->dictionary != NULL ? s->dictionary : s;
  if (place != NULL && place->depth > TL_ARROW_DEPTH) return tl__arrow_fail(place, err, TL_UNSUPPORTED, "nested deeper than %d", TL_ARROW_DEPTH);
  TL_TRY(tl__arrow_type_read(&type, s, place, err));
  if (values != s) TL_TRY(tl__arrow_type_read(&type, values, place, err));
  if (values->dictionary != NULL) return tl__arrow_fail(place, err, TL_UNSUPPORTED, "a dictionary of dictionaries");
  out->shape = type.shape;
  out->nullable = (s->flags & ARROW_FLAG_NULLABLE) != 0 || type.layout == TL_ARROW_NULL;
  out->field = type.field;
  out->field.name = path;
  if (type.shape == TL_SHAPE_VALUE) return TL_OK;
  if (values->n_children > MOST_CHILDREN) return tl__arrow_fail(place, err, TL_UNSUPPORTED, "more than %d fields", MOST_CHILDREN);
  if (type.shape == TL_SHAPE_MAP) return read_map(out, arena, values, place, path, err);
  if (place != NULL && type.shape == TL_SHAPE_STRUCT && values->n_children == 0) return tl__arrow_fail(place, err, TL_UNSUPPORTED, "a struct without fields");
  return read_children(out, arena, values, place, path, type.shape == TL_SHAPE_LIST ? "list." : "", err);
}

tl_status tl_arrow_schema_import(tl_schema *out, tl_arena *arena, const struct ArrowSchema *in, tl_error *err) {
  *out = (tl_schema){.name = "schema"};
  TL_TRY(read_node(out, arena, in, NULL, "", err));
  if (out->shape != TL_SHAPE_STRUCT || in->dictionary != NULL) return tl_fail(err, TL_UNSUPPORTED, "a table is a struct; this is \"%.40s\"", in->format);
  out->nullable = false;
  tl_schema_number(out);
  return TL_OK;
}
