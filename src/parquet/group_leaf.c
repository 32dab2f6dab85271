/* A leaf of any type and nesting to pages. Which encoding is chosen from the data: each that the type has is tried on a page from the middle, since a beginning
   is seldom like the rest, with and without compression. What would make the smallest chunk is taken, where decompressing counts as bytes, too
   (tl_compressor.cost): values of eight bytes that compress well are still slower to read than codes of one. */
#include <math.h>
#include <string.h>
#include "codec/compressor.h"
#include "codec/delta.h"
#include "codec/rle.h"
#include "codec/split.h"
#include "parquet/bloom.h"
#include "parquet/group_inside.h"
#include "parquet/shred.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { MOST_DISTINCT = 1 << 16, MOST_VALUE = 1 << 30 };

/* What is to be written. */
typedef struct leaf_rows {
  const tl_leaf *leaf;
  const uint8_t *definition, *repetition; /* of each entry; NULL where the leaf has no such levels */
  const int64_t *starts;                  /* of each row: its first entry; NULL: an entry a row */
  int64_t rows, entries;
  const tl_column *values; /* those that are present, dense; values or codes */
} leaf_rows;

typedef struct leaf_writer {
  tl_group *g;
  const leaf_rows *in;
  tl_page_style style;
  int encoding;
  /* the dictionary: distinct values in order of appearance; codes of all values are in g->codes */
  int64_t *firsts; /* of each distinct value: where it is */
  int64_t distinct;
  size_t first_capacity;
  tl_buffer dictionary; /* PLAIN */
  bool numbered;
  tl_buffer tried, packed;
} leaf_writer;

static void free_leaf(leaf_writer *w) {
  tl_release(w->g->env, w->firsts);
  tl_buffer_free(&w->dictionary);
  tl_buffer_free(&w->tried);
  tl_buffer_free(&w->packed);
}

/* ---- values ---- */

tl_status tl__put_plain(tl_buffer *out, const tl_column *c, int64_t from, int64_t count, tl_error *err) {
  size_t width = (size_t)tl_field_width(&c->field);
  if (c->field.physical == TL_PHYSICAL_BOOLEAN) {
    TL_TRY(tl_buffer_reserve(out, (size_t)count / 8 + 1, err));
    memset(out->data + out->size, 0, (size_t)(count + 7) / 8);
    for (int64_t i = 0; i < count; i++) out->data[out->size + (size_t)(i >> 3)] |= (uint8_t)((tl_column_int(c, from + i) & 1) << (i & 7));
    out->size += (size_t)(count + 7) / 8;
    return TL_OK;
  }
  if (width > 0 && c->dictionary == NULL) return tl_buffer_append(out, c->values + (size_t)from * width, (size_t)count * width, err);
  for (int64_t i = from; i < from + count; i++) {
    tl_bytes v = tl_column_bytes(c, i);
    if (v.size > MOST_VALUE) return tl_fail(err, TL_UNSUPPORTED, "a value of %zu bytes cannot be written", v.size);
    if (width == 0) TL_TRY(tl_buffer_append(out, &(uint32_t){(uint32_t)v.size}, 4, err));
    TL_TRY(tl_buffer_append(out, v.data, v.size, err));
  }
  return TL_OK;
}

static tl_status take_integers(tl_group *g, int64_t count, int64_t **out, tl_error *err) {
  TL_TRY(tl_renew(g->env, &g->values, &g->value_capacity, (size_t)count * 8 + 8, 1, err));
  *out = g->values;
  return TL_OK;
}

static tl_status put_delta(tl_group *g, tl_buffer *out, const tl_column *c, int64_t from, int64_t count, tl_error *err) {
  int64_t *integers;
  if (c->field.physical == TL_PHYSICAL_INT64 && c->dictionary == NULL)
    return tl_delta_encode(out, (const int64_t *)(const void *)c->values + from, count, false, err);
  TL_TRY(take_integers(g, count, &integers, err));
  for (int64_t i = 0; i < count; i++) integers[i] = tl_column_int(c, from + i);
  return tl_delta_encode(out, integers, count, c->field.physical == TL_PHYSICAL_INT32, err);
}

static tl_status put_split(tl_group *g, tl_buffer *out, const tl_column *c, int64_t from, int64_t count, tl_error *err) {
  size_t width = (size_t)tl_field_width(&c->field), size = (size_t)count * width;
  const uint8_t *in = c->dictionary == NULL ? c->values + (size_t)from * width : NULL;
  if (in == NULL) {
    TL_TRY(tl_renew(g->env, &g->values, &g->value_capacity, size + 8, 1, err));
    for (int64_t i = 0; i < count; i++) memcpy((uint8_t *)g->values + (size_t)i * width, tl_column_bytes(c, from + i).data, width);
    in = g->values;
  }
  TL_TRY(tl_buffer_reserve(out, size, err));
  tl_split_encode(out->data + out->size, in, (size_t)count, width);
  out->size += size;
  return TL_OK;
}

static tl_status put_delta_length(tl_group *g, tl_buffer *out, const tl_column *c, int64_t from, int64_t count, tl_error *err) {
  int64_t *lengths;
  TL_TRY(take_integers(g, count, &lengths, err));
  for (int64_t i = 0; i < count; i++) lengths[i] = (int64_t)tl_column_bytes(c, from + i).size;
  TL_TRY(tl_delta_encode(out, lengths, count, true, err));
  for (int64_t i = 0; i < count; i++) {
    tl_bytes v = tl_column_bytes(c, from + i);
    TL_TRY(tl_buffer_append(out, v.data, v.size, err));
  }
  return TL_OK;
}

/* Codes take as few bits as they can, but whole bytes where the codec counts bytes: then it finds among codes of 11 bits what it would find among values. */
static int width_of_codes(int64_t distinct, int codec) {
  const tl_compressor *compressor = tl_compressor_find(codec);
  int width = tl_bit_width(distinct > 0 ? (uint32_t)(distinct - 1) : 0);
  return compressor != NULL && compressor->counts_bytes ? (width + 7) / 8 * 8 : width;
}

static tl_status put_codes(tl_group *g, tl_buffer *out, int width, int64_t from, int64_t count, tl_error *err) {
  TL_TRY(tl_buffer_byte(out, (uint8_t)width, err));
  return tl_rle_encode(out, g->codes + from, count, width, err);
}

static tl_status put_values(leaf_writer *w, tl_buffer *out, int encoding, int codec, int64_t from, int64_t count, tl_error *err) {
  const tl_column *c = w->in->values;
  switch (encoding) {
    case TL_ENCODING_RLE_DICTIONARY: return put_codes(w->g, out, width_of_codes(w->distinct, codec), from, count, err);
    case TL_ENCODING_DELTA: return put_delta(w->g, out, c, from, count, err);
    case TL_ENCODING_DELTA_LENGTH: return put_delta_length(w->g, out, c, from, count, err);
    case TL_ENCODING_SPLIT: return put_split(w->g, out, c, from, count, err);
    default: return tl__put_plain(out, c, from, count, err);
  }
}

/* ---- the dictionary ---- */

static tl_status add_distinct(leaf_writer *w, int64_t at, tl_error *err) {
  TL_TRY(tl_reserve(w->g->env, &w->firsts, &w->first_capacity, (size_t)w->distinct + 1, sizeof *w->firsts, err));
  w->firsts[w->distinct++] = at;
  return tl__put_plain(&w->dictionary, w->in->values, at, 1, err);
}

/* A column of codes is numbered anew: only what occurs is written, in order of appearance. */
static tl_status renumber(leaf_writer *w, int64_t most, bool *pays, tl_error *err) {
  const tl_column *c = w->in->values;
  TL_OWNED(tl_buffer) map = {.env = w->g->env};
  size_t size = (size_t)c->dictionary->count * sizeof(uint32_t);
  TL_TRY(tl_buffer_reserve(&map, size + 4, err));
  memset(map.data, 0xff, size);
  uint32_t *news = (uint32_t *)(void *)map.data;
  for (int64_t i = 0; i < c->count && *pays; i++) {
    uint32_t *code = &news[c->codes[i]];
    if (*code == UINT32_MAX) {
      *pays = w->distinct < most;
      *code = (uint32_t)w->distinct;
      if (*pays) TL_TRY(add_distinct(w, i, err));
    }
    w->g->codes[i] = *code;
  }
  return TL_OK;
}

static tl_status number(leaf_writer *w, int64_t most, bool *pays, tl_error *err) {
  const tl_column *c = w->in->values;
  TL_OWNED(tl_buffer) memory = {.env = w->g->env};
  size_t size = 64;
  while (size < (size_t)most * 2 + 2) size *= 2;
  TL_TRY(tl_buffer_reserve(&memory, size * sizeof(uint32_t), err));
  memset(memory.data, 0xff, size * sizeof(uint32_t));
  uint32_t *table = (uint32_t *)(void *)memory.data;
  for (int64_t i = 0; i < c->count && *pays; i++) {
    tl_bytes v = tl_column_bytes(c, i);
    size_t at = XXH3_64bits(v.data, v.size) & (size - 1);
    for (; table[at] != UINT32_MAX; at = (at + 1) & (size - 1)) {
      tl_bytes other = tl_column_bytes(c, w->firsts[table[at]]);
      if (other.size == v.size && (v.size == 0 || memcmp(other.data, v.data, v.size) == 0)) break;
    }
    if (table[at] == UINT32_MAX) {
      *pays = w->distinct < most;
      if (!*pays) break;
      table[at] = (uint32_t)w->distinct;
      TL_TRY(add_distinct(w, i, err));
    }
    w->g->codes[i] = table[at];
  }
  return TL_OK;
}

#define WORD_HASH 0x9E3779B97F4A7C15u /* 2^64 / the golden ratio: multiplicative hashing, Knuth, The Art of Computer Programming 3, 6.4 */

/* Where each distinct word has its code: open addressing, never more than a quarter full, so that the first look mostly finds it. */
typedef struct word_slot {
  uint64_t word;
  uint32_t code; /* UINT32_MAX: the slot is free */
} word_slot;

typedef struct word_table {
  tl_buffer memory;
  word_slot *slots;
  int bits;
} word_table;

static uint64_t first_look(uint64_t word, int bits) { return (word * WORD_HASH) >> (64 - bits); }

static word_slot *slot_of(const word_table *t, uint64_t word) {
  uint64_t at = first_look(word, t->bits);
  while (t->slots[at].word != word && t->slots[at].code != UINT32_MAX) at = (at + 1) & (((uint64_t)1 << t->bits) - 1);
  return &t->slots[at];
}

/* Larger, or of a first size, with the distinct words that there are. */
static tl_status grow_table(word_table *t, const leaf_writer *w, tl_error *err) {
  const uint64_t *values = (const uint64_t *)(const void *)w->in->values->values;
  t->bits = t->bits > 0 ? t->bits + 1 : 10;
  size_t size = (size_t)1 << t->bits;
  TL_TRY(tl_buffer_reserve(&t->memory, size * sizeof *t->slots, err));
  t->slots = (word_slot *)(void *)t->memory.data;
  for (size_t i = 0; i < size; i++) t->slots[i] = (word_slot){.code = UINT32_MAX};
  for (int64_t code = 0; code < w->distinct; code++) {
    uint64_t word = values[w->firsts[code]];
    *slot_of(t, word) = (word_slot){word, (uint32_t)code};
  }
  return TL_OK;
}

/* Codes of values that the table has, where the first look finds them; the first that it does not. */
static int64_t number_known(const word_table *t, const uint64_t *values, int64_t from, int64_t count, uint32_t *codes) {
  const word_slot *slots = t->slots;
  int bits = t->bits;
  for (; from < count; from++) {
    const word_slot *slot = &slots[first_look(values[from], bits)];
    if (slot->word != values[from] || slot->code == UINT32_MAX) break;
    codes[from] = slot->code;
  }
  return from;
}

/* The same for values of eight bytes. The table is as small as it can be, so that it stays near the processor. */
static tl_status number_words(leaf_writer *w, int64_t most, bool *pays, tl_error *err) {
  const tl_column *c = w->in->values;
  const uint64_t *values = (const uint64_t *)(const void *)c->values;
  word_table t = {.memory = {.env = w->g->env}};
  tl_status status = grow_table(&t, w, err);
  for (int64_t i = 0; status == TL_OK; i++) {
    i = number_known(&t, values, i, c->count, w->g->codes);
    if (i == c->count) break;
    word_slot *slot = slot_of(&t, values[i]);
    if (slot->code == UINT32_MAX) {
      *pays = w->distinct < most;
      if (!*pays) break;
      *slot = (word_slot){values[i], (uint32_t)w->distinct};
      status = add_distinct(w, i, err);
      w->g->codes[i] = (uint32_t)w->distinct - 1;
      if (status == TL_OK && w->distinct * 4 > (int64_t)1 << t.bits) status = grow_table(&t, w, err);
    } else
      w->g->codes[i] = slot->code;
  }
  tl_buffer_free(&t.memory);
  return status;
}

static tl_status number_any(leaf_writer *w, int64_t most, bool *pays, tl_error *err) {
  const tl_column *c = w->in->values;
  return tl_field_width(&c->field) == 8 && c->count > 0 ? number_words(w, most, pays, err) : number(w, most, pays, err);
}

/* Distinct values, unless there are so many that a dictionary cannot pay. */
static tl_status make_dictionary(leaf_writer *w, tl_error *err) {
  const tl_column *c = w->in->values;
  bool pays = c->count > 0;
  int64_t most = c->count / 2 < MOST_DISTINCT ? c->count / 2 + 1 : MOST_DISTINCT;
  TL_TRY(tl_renew(w->g->env, &w->g->codes, &w->g->code_capacity, (size_t)c->count + 1, sizeof *w->g->codes, err));
  TL_TRY(c->dictionary != NULL ? renumber(w, most, &pays, err) : number_any(w, most, &pays, err));
  w->numbered = pays;
  return TL_OK;
}

/* ---- choosing ---- */

/* What bytes would cost in a file: those that are stored, and what it costs to decompress them. */
static tl_status cost_of(leaf_writer *w, tl_bytes bytes, int codec, double *out, tl_error *err) {
  const tl_compressor *compressor = tl_compressor_find(codec);
  *out = (double)bytes.size;
  if (compressor == NULL || compressor->compress == NULL || codec == TL_CODEC_NONE || bytes.size == 0) return TL_OK;
  w->packed.size = 0;
  TL_TRY(compressor->compress(&w->packed, bytes, w->style.level, err));
  *out = (double)w->packed.size + (double)tl_compressor_cost(compressor, tl_buffer_view(&w->packed), bytes.size);
  return TL_OK;
}

/* The cost of the chunk if all of it were like `sample` values in its middle. */
static tl_status estimate(leaf_writer *w, int encoding, int codec, int64_t sample, double *out, tl_error *err) {
  double dictionary = 0;
  w->tried.size = 0;
  TL_TRY(put_values(w, &w->tried, encoding, codec, (w->in->values->count - sample) / 2, sample, err));
  TL_TRY(cost_of(w, tl_buffer_view(&w->tried), codec, out, err));
  if (encoding == TL_ENCODING_RLE_DICTIONARY) TL_TRY(cost_of(w, tl_buffer_view(&w->dictionary), codec, &dictionary, err));
  *out = *out * (double)w->in->values->count / (double)sample + dictionary;
  return TL_OK;
}

static tl_status choose(leaf_writer *w, tl_error *err) {
  static const int integers[] = {TL_ENCODING_RLE_DICTIONARY, TL_ENCODING_DELTA, 0}, floats[] = {TL_ENCODING_RLE_DICTIONARY, TL_ENCODING_SPLIT, 0},
                   bytes[] = {TL_ENCODING_RLE_DICTIONARY, TL_ENCODING_DELTA_LENGTH, 0}, others[] = {TL_ENCODING_RLE_DICTIONARY, 0}, bits[] = {0};
  const tl_column *c = w->in->values;
  const int *tried = others;
  w->encoding = TL_ENCODING_PLAIN;
  if (c->count == 0) {
    w->style.codec = TL_CODEC_NONE;
    return TL_OK;
  }
  switch (c->field.physical) {
    case TL_PHYSICAL_BOOLEAN: tried = bits; break;
    case TL_PHYSICAL_INT32:
    case TL_PHYSICAL_INT64: tried = integers; break;
    case TL_PHYSICAL_FLOAT:
    case TL_PHYSICAL_DOUBLE: tried = floats; break;
    case TL_PHYSICAL_BYTE_ARRAY: tried = bytes; break;
    default: break;
  }
  if (tried != bits) TL_TRY(make_dictionary(w, err));
  int64_t sample = c->count < w->style.page_rows ? c->count : w->style.page_rows;
  enum { OFTEN = 8 }; /* what a codec would find among values that occur so often, it finds among their codes */
  bool repeats = w->numbered && w->distinct * OFTEN <= c->count;
  double best = INFINITY;
  int codec = w->style.codec;
  for (int i = 0, last = 0; !last; i++) { /* PLAIN is the last of every list */
    last = tried[i] == TL_ENCODING_PLAIN;
    if (tried[i] == TL_ENCODING_RLE_DICTIONARY && !w->numbered) continue;
    if (tried[i] == TL_ENCODING_SPLIT && codec == TL_CODEC_NONE) continue; /* it saves nothing by itself */
    if (repeats && tried[i] != TL_ENCODING_RLE_DICTIONARY && tried[i] != TL_ENCODING_DELTA) continue;
    for (int with = 0; with < 1 + (codec != TL_CODEC_NONE); with++) {
      double cost;
      TL_TRY(estimate(w, tried[i], with ? codec : TL_CODEC_NONE, sample, &cost, err));
      if (cost >= best) continue;
      best = cost;
      w->encoding = tried[i];
      w->style.codec = with ? codec : TL_CODEC_NONE;
    }
  }
  return TL_OK;
}

/* ---- pages ---- */

static bool are_all(const uint8_t *levels, int64_t count) { return count > 0 && memcmp(levels, levels + 1, (size_t)count - 1) == 0; }

static tl_status put_levels(tl_group *g, const uint8_t *levels, int64_t count, int max, tl_error *err) {
  size_t at = g->page.size;
  bool same = are_all(levels, count);
  TL_TRY(tl_renew(g->env, &g->levels, &g->level_capacity, (size_t)count + 1, sizeof *g->levels, err));
  for (int64_t i = 0; i < count && !same; i++) g->levels[i] = levels[i];
  TL_TRY(tl_buffer_append(&g->page, &(uint32_t){0}, 4, err));
  if (same)
    TL_TRY(tl_rle_repeat(&g->page, levels[0], count, tl_bit_width((uint32_t)max), err));
  else
    TL_TRY(tl_rle_encode(&g->page, g->levels, count, tl_bit_width((uint32_t)max), err));
  uint32_t size = (uint32_t)(g->page.size - at - 4);
  memcpy(g->page.data + at, &size, sizeof size);
  return TL_OK;
}

static int64_t count_present(const leaf_rows *in, int64_t from, int64_t entries) {
  const uint8_t *levels = in->definition + from;
  int64_t present = 0;
  if (are_all(levels, entries)) return levels[0] == in->leaf->max_definition ? entries : 0;
  for (int64_t i = 0; i < entries; i++) present += levels[i] == in->leaf->max_definition;
  return present;
}

/* Bounds of values [from, from + count): by way of the dictionary each distinct one is looked at once. */
static void find_bounds(leaf_writer *w, int64_t from, int64_t count, uint32_t page, uint32_t *seen, tl_bounds *out) {
  if (seen == NULL) {
    tl_bounds_add(out, w->in->values, from, count);
    return;
  }
  for (int64_t i = from; i < from + count; i++) {
    uint32_t code = w->g->codes[i];
    if (seen[code] == page) continue;
    seen[code] = page;
    tl_bounds_add(out, w->in->values, w->firsts[code], 1);
  }
}

static bool narrow_bounds(const leaf_writer *w) {
  return w->encoding == TL_ENCODING_RLE_DICTIONARY &&
         (w->in->values->field.physical == TL_PHYSICAL_BYTE_ARRAY || w->in->values->field.physical == TL_PHYSICAL_FIXED);
}

/* Rows of the page that begins with a row; `page` counts pages. */
static int64_t rows_of_page(const leaf_writer *w, int64_t row, int64_t page) {
  if (w->style.page_ends != NULL) return w->style.page_ends[page] - row;
  return w->in->rows - row < w->style.page_rows ? w->in->rows - row : w->style.page_rows;
}

static tl_status put_pages(leaf_writer *w, tl_chunk *c, tl_bounds *all, tl_error *err) {
  const leaf_rows *in = w->in;
  tl_group *g = w->g;
  TL_OWNED(tl_buffer) memory = {.env = g->env};
  uint32_t *seen = NULL, page = 0;
  if (narrow_bounds(w)) {
    TL_TRY(tl_buffer_reserve(&memory, (size_t)w->distinct * sizeof *seen + 4, err));
    memset(memory.data, 0, (size_t)w->distinct * sizeof *seen);
    seen = (uint32_t *)(void *)memory.data;
  }
  int64_t value = 0;
  for (int64_t row = 0, rows; row < in->rows; row += rows) {
    rows = rows_of_page(w, row, page);
    int64_t from = in->starts != NULL ? in->starts[row] : row, entries = (in->starts != NULL ? in->starts[row + rows] : row + rows) - from, present = entries;
    g->page.size = 0;
    if (in->repetition != NULL) TL_TRY(put_levels(g, in->repetition + from, entries, in->leaf->max_repetition, err));
    if (in->definition != NULL) {
      TL_TRY(put_levels(g, in->definition + from, entries, in->leaf->max_definition, err));
      present = count_present(in, from, entries);
    }
    tl_bounds bounds = {0};
    find_bounds(w, value, present, ++page, seen, &bounds);
    tl_bounds_merge(all, &bounds, &in->leaf->field);
    TL_TRY(put_values(w, &g->page, w->encoding, w->style.codec, value, present, err));
    if (g->page.size > MOST_VALUE) return tl_fail(err, TL_MEMORY, "a page of %zu bytes is too large to be written; fewer rows a page would help", g->page.size);
    tl_page_info info = {.values = entries, .encoding = w->encoding, .first_row = row, .nulls = entries - present, .bounds = &bounds};
    TL_TRY(tl__group_page(g, c, info, w->style.level, err));
    value += present;
  }
  return TL_OK;
}

static tl_status put_dictionary(leaf_writer *w, tl_chunk *c, tl_error *err) {
  tl_group *g = w->g;
  g->page.size = 0;
  TL_TRY(tl_buffer_append(&g->page, w->dictionary.data, w->dictionary.size, err));
  c->dictionary_offset = (int64_t)g->bytes.size;
  TL_TRY(tl__group_page(g, c, (tl_page_info){.values = w->distinct, .encoding = TL_ENCODING_PLAIN, .dictionary = true}, w->style.level, err));
  c->data_offset = (int64_t)g->bytes.size;
  return TL_OK;
}

/* ---- no numbers ---- */

/* Whether no value of a column of floats is NaN, as far as its few distinct ones say so: then readers know what holds of all rows from bounds. */
static bool has_no_nan(const leaf_writer *w) {
  const tl_column *c = w->in->values;
  bool floats = c->field.physical == TL_PHYSICAL_DOUBLE || c->field.physical == TL_PHYSICAL_FLOAT;
  if (!floats || !w->numbered) return false;
  for (int64_t i = 0; i < w->distinct; i++) {
    double value;
    int64_t row = w->firsts[i];
    const tl_column *home = tl_column_home(c, &row);
    tl_column_raw_doubles(home, row, 1, &value);
    if (isnan(value)) return false;
  }
  return true;
}

/* ---- bloom filters ---- */

/* Where equality is a question that is asked: text, ids. A filter that would be large beside the column is left out. */
static tl_status put_bloom(leaf_writer *w, tl_chunk *c, tl_error *err) {
  const tl_column *v = w->in->values;
  const tl_field *f = &v->field;
  bool asked =
      f->physical == TL_PHYSICAL_BYTE_ARRAY || f->physical == TL_PHYSICAL_FIXED || f->physical == TL_PHYSICAL_INT32 || f->physical == TL_PHYSICAL_INT64;
  if (!w->style.bloom || !asked || f->logical == TL_LOGICAL_TIMESTAMP || f->logical == TL_LOGICAL_FLOAT16 || v->count == 0) return TL_OK;
  int64_t distinct = w->numbered ? w->distinct : v->count;
  if (distinct * 10 / 8 > c->compressed_size / 16 || distinct < 2) return TL_OK;
  TL_OWNED(tl_bloom) bloom = {0};
  TL_TRY(tl_bloom_make(&bloom, w->g->env, distinct, err));
  for (int64_t i = 0; i < distinct; i++) tl_bloom_add(&bloom, tl_bloom_hash(tl_column_bytes(v, w->numbered ? w->firsts[i] : i)));
  tl_chunk_notes *about = &w->g->about[w->g->next];
  about->bloom_at = w->g->blooms.size;
  about->bloom_size = bloom.bytes.size;
  return tl_buffer_append(&w->g->blooms, bloom.bytes.data, bloom.bytes.size, err);
}

/* ---- whole ---- */

static tl_status put_all(leaf_writer *w, tl_error *err) {
  const leaf_rows *in = w->in;
  const tl_column *v = in->values;
  w->encoding = w->style.encoding;
  if (w->encoding == TL_ENCODING_CHOOSE)
    TL_TRY(choose(w, err));
  else if (w->encoding == TL_ENCODING_RLE_DICTIONARY) {
    if (v->field.physical != TL_PHYSICAL_BOOLEAN) TL_TRY(make_dictionary(w, err));
    if (!w->numbered) w->encoding = TL_ENCODING_PLAIN;
  }
  tl_chunk *c = tl__group_open(w->g, w->style.codec);
  tl_bounds bounds = {0};
  c->value_count = in->entries;
  if (w->encoding == TL_ENCODING_RLE_DICTIONARY) TL_TRY(put_dictionary(w, c, err));
  TL_TRY(put_pages(w, c, &bounds, err));
  TL_TRY(put_bloom(w, c, err));
  if (v->field.physical == TL_PHYSICAL_BYTE_ARRAY) {
    int64_t size = 0;
    for (int64_t i = 0; i < v->count; i++) size += (int64_t)tl_column_bytes(v, i).size;
    w->g->about[w->g->next].text_bytes = size;
  }
  tl__group_close(w->g, c, in->entries - v->count, &bounds);
  if (has_no_nan(w)) c->statistics.nan_count = 0;
  return TL_OK;
}

static tl_status put_leaf(tl_group *g, const leaf_rows *in, tl_page_style style, tl_error *err) {
  leaf_writer w = {.g = g, .in = in, .style = style, .dictionary = {.env = g->env}, .tried = {.env = g->env}, .packed = {.env = g->env}};
  tl_status status = put_all(&w, err);
  free_leaf(&w);
  return status == TL_OK ? TL_OK : tl_fail_in(err, status, "column %s: ", in->leaf->field.name);
}

/* The present values of a column of values, side by side. */
static tl_status take_present(tl_column *out, const tl_column *c, tl_error *err) {
  TL_TRY(tl_column_reset(out, &c->field, c->null_count == c->count ? 0 : c->count, err));
  if (c->null_count == c->count) return TL_OK;
  if (tl_field_width(&c->field) == 8 && c->dictionary == NULL) { /* each goes to its place or is overwritten by the next */
    const uint64_t *in = (const uint64_t *)(const void *)c->values;
    uint64_t *to = (uint64_t *)(void *)out->values;
    int64_t n = 0;
    for (int64_t i = 0; i < c->count; i++) {
      to[n] = in[i];
      n += tl_column_is_valid(c, i);
    }
    out->count = n;
    return TL_OK;
  }
  TL_TRY(tl_column_reset(out, &c->field, 0, err));
  for (int64_t i = 0, n; i < c->count; i += n) {
    bool valid = tl_column_is_valid(c, i);
    for (n = 1; i + n < c->count && tl_column_is_valid(c, i + n) == valid;) n++;
    if (valid) TL_TRY(tl_column_append(out, c, i, n, err));
  }
  return TL_OK;
}

/* A flat column: its validity is its levels. */
tl_status tl_group_put_column(tl_group *g, const tl_leaf *leaf, const tl_column *column, tl_page_style style, tl_error *err) {
  TL_OWNED(tl_buffer) levels = {.env = g->env};
  TL_OWNED(tl_column) dense = {.env = g->env, .bytes = {.env = g->env}};
  leaf_rows in = {.leaf = leaf, .rows = column->count, .entries = column->count, .values = column};
  bool mixed = column->null_count > 0 && column->null_count < column->count;
  if (leaf->max_definition > 0) {
    TL_TRY(tl_buffer_reserve(&levels, (size_t)column->count + 1, err));
    memset(levels.data, leaf->max_definition - (column->null_count > 0), (size_t)column->count);
    for (int64_t i = 0; mixed && i < column->count; i++) levels.data[i] = (uint8_t)(leaf->max_definition - !tl_column_is_valid(column, i));
    in.definition = levels.data;
  } else if (column->null_count > 0)
    return tl_fail(err, TL_CORRUPT, "column %s: a missing value where none was to be", leaf->field.name);
  if (column->null_count > 0) {
    TL_TRY(take_present(&dense, column, err));
    in.values = &dense;
  }
  return put_leaf(g, &in, style, err);
}

tl_status tl_group_put_array(tl_group *g, const tl_leaf *leaves, const tl_schema *node, const tl_array *column, tl_page_style style, tl_error *err) {
  if (node->shape == TL_SHAPE_VALUE) return tl_group_put_column(g, &leaves[node->first_leaf], &column->column, style, err);
  TL_OWNED(tl_shreds) s = {.env = g->env};
  for (int i = 0; i < node->leaf_count; i++) {
    const tl_leaf *leaf = &leaves[node->first_leaf + i];
    TL_TRY(tl_shred(&s, column, column->node->first_leaf + i, err));
    leaf_rows in = {.leaf = leaf,
                    .definition = leaf->max_definition > 0 ? s.definition : NULL,
                    .repetition = leaf->max_repetition > 0 ? s.repetition : NULL,
                    .starts = s.starts,
                    .rows = s.rows,
                    .entries = s.count,
                    .values = &s.values};
    TL_TRY(put_leaf(g, &in, style, err));
  }
  return TL_OK;
}
