/* A place of a node is an entry whose repetition level is not above the node's, and whose definition level says that what holds the node
   is there. So one pass over the entries of one leaf gives a node's places, which of them are present, and for lists how many elements
   each has. The first leaf below a node says it; the others must say the same.
   Source: Dremel (Melnik et al., 2010), levels of repetition and definition. */
#include "parquet/assemble.h"
#include <string.h>
#include "column/bits.h"
#include "parquet/page.h"

/* Walks over the places of a node in the entries of a leaf. */
typedef struct places {
  const tl_entries *e;
  const tl_schema *node;
  int holder; /* definition level at which what holds the node is there */
  int64_t at; /* entry */
} places;

static bool is_place(const places *p, int64_t i) { return p->e->repetition[i] <= p->node->repetition && p->e->definition[i] >= p->holder; }

/* Goes to the next place; false at the end. */
static bool next_place(places *p, int64_t *entry) {
  while (p->at < p->e->count && !is_place(p, p->at)) p->at++;
  if (p->at == p->e->count) return false;
  *entry = p->at++;
  return true;
}

static bool has_elements(const tl_schema *n) { return n->shape == TL_SHAPE_LIST || n->shape == TL_SHAPE_MAP; }

/* Elements of the list whose place was just taken. */
static int64_t count_elements(places *p, int64_t entry) {
  if (p->e->definition[entry] <= p->node->definition) return 0;
  int64_t count = 1;
  for (; p->at < p->e->count && p->e->repetition[p->at] > p->node->repetition; p->at++) count += p->e->repetition[p->at] == p->node->repetition + 1;
  return count;
}

static int64_t count_places(places p) {
  int64_t count = 0;
  for (int64_t i = 0; i < p.e->count; i++) count += is_place(&p, i);
  return count;
}

static tl_status disagree(const tl_schema *n, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "the columns of %s do not have the same rows: their levels disagree", n->name);
}

/* ---- values ---- */

static tl_status take_values(tl_array *out, tl_entries *e, int holder, tl_error *err) {
  tl_column *c = &out->column, kept = *c;
  places p = {.e = e, .node = out->node, .holder = holder};
  int64_t count = count_places(p), present = e->values.count, at = 0, entry;
  *c = e->values;
  e->values = kept;
  size_t width = (size_t)tl_field_width(&c->field);
  c->count = count;
  if (c->dictionary != NULL)
    TL_TRY(tl_reserve(c->env, &c->codes, &c->code_capacity, (size_t)count + 1, sizeof *c->codes, err));
  else {
    TL_TRY(tl_reserve(c->env, &c->values, &c->values_capacity, (size_t)count * width + 64, 1, err));
    if (width == 0) TL_TRY(tl_reserve(c->env, &c->offsets, &c->offsets_capacity, (size_t)count + 1, sizeof *c->offsets, err));
  }
  if (present < count) {
    TL_TRY(tl_reserve(c->env, &c->valid, &c->valid_capacity, (size_t)count / 8 + 9, 1, err));
    memset(c->valid, 0, (size_t)count / 8 + 1);
    for (; next_place(&p, &entry); at++)
      if (e->definition[entry] == out->node->definition) c->valid[at >> 3] |= (uint8_t)(1u << (at & 7));
    c->null_count = count - present;
    tl_column_spread(c, 0, count, present);
  }
  out->count = count;
  out->null_count = c->null_count;
  return TL_OK;
}

/* ---- what holds others ---- */

static tl_status take_places(tl_array *out, const tl_entries *e, int holder, tl_error *err) {
  places p = {.e = e, .node = out->node, .holder = holder};
  bool lists = has_elements(out->node);
  int64_t count = count_places(p), entry;
  TL_TRY(tl_reserve(out->env, &out->valid, &out->valid_capacity, (size_t)count / 8 + 9, 1, err));
  memset(out->valid, 0, (size_t)count / 8 + 1);
  if (lists) TL_TRY(tl_renew(out->env, &out->offsets, &out->offset_capacity, (size_t)count + 1, sizeof *out->offsets, err));
  if (lists) out->offsets[0] = 0;
  out->null_count = 0;
  for (out->count = 0; next_place(&p, &entry); out->count++) {
    bool present = e->definition[entry] >= out->node->definition;
    out->valid[out->count >> 3] |= (uint8_t)((unsigned)present << (out->count & 7));
    out->null_count += !present;
    if (lists) out->offsets[out->count + 1] = out->offsets[out->count] + count_elements(&p, entry);
  }
  if (out->null_count == 0) {
    tl_release(out->env, out->valid);
    out->valid = NULL;
    out->valid_capacity = 0;
  }
  return TL_OK;
}

/* Another leaf's view of the same node. */
static tl_status check_places(const tl_array *a, const tl_entries *e, int holder, tl_error *err) {
  places p = {.e = e, .node = a->node, .holder = holder};
  int64_t row = 0, entry;
  for (; next_place(&p, &entry); row++) {
    if (row == a->count || (e->definition[entry] >= a->node->definition) != tl_array_is_valid(a, row)) return disagree(a->node, err);
    if (has_elements(a->node) && count_elements(&p, entry) != a->offsets[row + 1] - a->offsets[row]) return disagree(a->node, err);
  }
  return row == a->count ? TL_OK : disagree(a->node, err);
}

static tl_status build(tl_array *out, tl_entries *leaves, int holder, tl_error *err) {
  const tl_schema *n = out->node;
  if (n->shape == TL_SHAPE_VALUE) return take_values(out, leaves, holder, err);
  TL_TRY(take_places(out, leaves, holder, err));
  int inner = has_elements(n) ? n->definition + 1 : holder;
  for (int i = 0; i < n->child_count; i++) {
    tl_entries *first = leaves + (n->children[i].first_leaf - n->first_leaf);
    if (i > 0) TL_TRY(check_places(out, first, holder, err));
    TL_TRY(build(&out->children[i], first, inner, err));
    if (out->children[i].count != (has_elements(n) ? out->offsets[out->count] : out->count)) return disagree(n, err);
  }
  return TL_OK;
}

tl_status tl_assemble(tl_array *out, tl_entries *leaves, int64_t rows, tl_error *err) {
  TL_TRY(build(out, leaves, 0, err));
  return out->count == rows ? TL_OK : disagree(out->node, err);
}
