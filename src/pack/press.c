#include "pack/press.h"
#include <string.h>
#include "codec/compressor.h"

enum { GROUP_ROWS = 100000, MOST_ROWS = 131072, LEAST_CUT = 65536, PAGE_ROWS = 4096, MOST_PAGE_ROWS = 8192, ZSTD_LEVEL = 1, LZ4_LEVEL = 1 };

/* A row group on its way. */
struct tl_press_job {
  tl_tape_part *part;
  int64_t sequence;
  tl_batch rows;
  tl_row_run *runs;
  size_t run_count, run_capacity;
  int64_t ended; /* rows up to which all streams have ended */
  tl_group group;
  tl_press_job *next;
};

/* ---- facts ---- */

void tl_fact_table_free(tl_fact_table *t) {
  if (t->env == NULL) return;
  for (int f = 0; t->values != NULL && f < t->count; f++) tl_column_free(&t->values[f]);
  for (int f = 0; t->codes != NULL && f < t->count; f++) tl_release(t->env, t->codes[f]);
  tl_release(t->env, t->values);
  tl_release(t->env, t->codes);
  *t = (tl_fact_table){0};
}

/* The value at the end of the column is new, or goes again: its code. */
static uint32_t code_of_last(tl_column *c) {
  int64_t last = c->count - 1;
  for (int64_t i = last - 1; i >= 0; i--) { /* neighbours share values */
    if (!tl_column_repeats(c, i, last)) continue;
    if (c->offsets != NULL) c->bytes.size = (size_t)c->offsets[last];
    c->count--;
    return (uint32_t)i;
  }
  return (uint32_t)last;
}

static tl_status fill_facts(tl_fact_table *t, const tl_naming *n, const tl_subject *subjects, size_t count, tl_error *err) {
  TL_TRY(tl_allocate_zeroed(t->env, &t->values, (size_t)t->count, sizeof *t->values, err));
  TL_TRY(tl_allocate_zeroed(t->env, &t->codes, (size_t)t->count, sizeof *t->codes, err));
  for (int f = 0; f < t->count; f++) {
    tl_column *c = &t->values[f];
    *c = (tl_column){.env = t->env, .bytes = {.env = t->env}};
    TL_TRY(tl_column_reset(c, &n->facts[f], 0, err));
    TL_TRY(tl_allocate(t->env, &t->codes[f], count + 1, sizeof **t->codes, err));
    for (size_t s = 0; s < count; s++) {
      TL_TRY(n->tell(&subjects[s], f, c, err));
      t->codes[f][s] = code_of_last(c);
    }
  }
  return TL_OK;
}

tl_status tl_fact_table_open(tl_fact_table *out, tl_env *env, const tl_naming *n, const tl_subject *subjects, size_t count, tl_error *err) {
  *out = (tl_fact_table){.env = env, .count = n->fact_count};
  tl_status status = fill_facts(out, n, subjects, count, err);
  if (status != TL_OK) tl_fact_table_free(out);
  return status;
}

/* ---- jobs ---- */

static void free_job(tl_press_job *j, tl_env *env) {
  tl_batch_free(&j->rows);
  tl_release(env, j->runs);
  tl_group_free(&j->group);
  tl_release(env, j);
}

static void free_jobs(tl_press_job *list, tl_env *env) {
  for (tl_press_job *next; list != NULL; list = next) {
    next = list->next;
    free_job(list, env);
  }
}

static tl_status new_job(tl_press *p, tl_tape_part *part, tl_press_job **out, tl_error *err) {
  tl_lock_enter(p->lock);
  tl_press_job *j = p->idle;
  if (j != NULL) p->idle = j->next;
  tl_lock_leave(p->lock);
  if (j == NULL) {
    TL_TRY(tl_allocate_zeroed(p->env, &j, 1, sizeof *j, err));
    j->group.env = p->env;
    tl_status status = tl_batch_open(&j->rows, p->env, &p->shape->rows, err);
    if (status != TL_OK) {
      free_job(j, p->env);
      return status;
    }
  }
  j->part = part;
  j->next = NULL;
  j->run_count = 0;
  j->ended = 0;
  *out = j;
  return tl_batch_clear(&j->rows, err);
}

/* ---- encoding ---- */

/* Where pages end: with a stream, from 4,096 rows on, and at 8,192 rows whatever ends there. */
static tl_status find_pages(const tl_press_job *j, tl_arena *arena, int64_t **out, tl_error *err) {
  int64_t pages = 0, begun = 0, at = 0;
  TL_TRY(tl_arena_take(arena, out, (size_t)(j->rows.rows / PAGE_ROWS) + 2, sizeof **out, err));
  for (size_t r = 0; r < j->run_count; r++) {
    at += j->runs[r].rows;
    while (at - begun > MOST_PAGE_ROWS) (*out)[pages++] = begun += MOST_PAGE_ROWS;
    if (at - begun >= PAGE_ROWS && at < j->rows.rows) (*out)[pages++] = begun = at;
  }
  (*out)[pages] = j->rows.rows;
  return TL_OK;
}

static tl_status put_fact(const tl_press *p, tl_press_job *j, int index, uint32_t *codes, tl_page_style style, tl_error *err) {
  const tl_tape_column *c = &p->shape->columns[index];
  const tl_leaf *leaf = &j->part->writer.meta.leaves[p->shape->tape.children[index].first_leaf];
  tl_column day = {.env = p->env, .field = leaf->field, .count = 1, .values = (uint8_t *)&(int32_t){(int32_t)j->part->day}};
  tl_column column = {.env = p->env, .field = leaf->field, .count = j->rows.rows, .dictionary = c->is_date ? &day : &p->facts->values[c->fact], .codes = codes};
  uint32_t *at = codes;
  for (size_t r = 0; r < j->run_count; r++) {
    uint32_t code = c->is_date ? 0 : p->facts->codes[c->fact][j->runs[r].subject];
    for (int64_t i = 0; i < j->runs[r].rows; i++) *at++ = code;
  }
  style.encoding = leaf->field.physical == TL_PHYSICAL_BOOLEAN ? TL_ENCODING_PLAIN : TL_ENCODING_RLE_DICTIONARY;
  return tl_group_put_column(&j->group, leaf, &column, style, err);
}

/* A column of the tape that nothing fills. */
static tl_status put_nothing(const tl_press *p, tl_press_job *j, int index, tl_arena *arena, tl_page_style style, tl_error *err) {
  const tl_leaf *leaf = &j->part->writer.meta.leaves[p->shape->tape.children[index].first_leaf];
  tl_column column = {.env = p->env, .field = leaf->field, .count = j->rows.rows, .null_count = j->rows.rows};
  TL_TRY(tl_arena_take(arena, &column.valid, (size_t)j->rows.rows / 8 + 1, 1, err));
  style.encoding = TL_ENCODING_PLAIN;
  style.codec = TL_CODEC_NONE;
  style.page_rows = j->rows.rows; /* nobody looks for anything in it */
  style.page_ends = NULL;
  return tl_group_put_column(&j->group, leaf, &column, style, err);
}

/* How a column's pages are to be: what suits the first group of a file is taken for all. */
static tl_page_style style_of(const tl_press *p, const tl_press_job *j, int column, const int64_t *pages) {
  tl_page_style style = {.encoding = TL_ENCODING_CHOOSE, .codec = TL_CODEC_ZSTD, .level = ZSTD_LEVEL};
  if (p->shape->columns[column].hot) style.codec = TL_CODEC_LZ4_RAW, style.level = LZ4_LEVEL;
  if (p->fast) style.codec = TL_CODEC_NONE;
  if (j->sequence > 0) style = j->part->styles[column];
  style.page_rows = MOST_PAGE_ROWS;
  style.page_ends = pages;
  return style;
}

static void note_style(const tl_press *p, tl_press_job *j, int column, tl_page_style style) {
  const tl_schema *node = &p->shape->tape.children[column];
  const tl_chunk *c = &j->group.chunks[node->first_leaf];
  bool one = node->shape == TL_SHAPE_VALUE && p->shape->columns[column].row_column >= 0 && c->statistics.null_count < c->value_count;
  if (one) style.encoding = __builtin_ctz(c->page_encodings), style.codec = c->codec;
  j->part->styles[column] = style;
}

static tl_status encode(const tl_press *p, tl_press_job *j, tl_error *err) {
  TL_OWNED(tl_arena) arena = {.env = p->env};
  const tl_shape_of_tape *s = p->shape;
  uint32_t *codes;
  int64_t *pages;
  TL_TRY(tl_arena_take(&arena, &codes, (size_t)j->rows.rows + 1, sizeof *codes, err));
  TL_TRY(find_pages(j, &arena, &pages, err));
  TL_TRY(tl_group_begin(&j->group, s->tape.leaf_count, j->rows.rows, err));
  for (int i = 0; i < s->tape.child_count; i++) {
    const tl_tape_column *c = &s->columns[i];
    tl_page_style style = style_of(p, j, i, pages);
    if (c->fact >= 0 || c->is_date)
      TL_TRY(put_fact(p, j, i, codes, style, err));
    else if (c->row_column < 0)
      TL_TRY(put_nothing(p, j, i, &arena, style, err));
    else
      TL_TRY(tl_group_put_array(&j->group, j->part->writer.meta.leaves, &s->tape.children[i], &j->rows.columns[c->row_column], style, err));
    if (j->sequence == 0) note_style(p, j, i, style);
  }
  return TL_OK;
}

/* Groups whose turn has come, into their file; the lock is held. */
static tl_status append_waiting(tl_press *p, tl_tape_part *part, tl_error *err) {
  for (tl_press_job **at = &part->waiting; *at != NULL;) {
    tl_press_job *j = *at;
    if (j->sequence != part->appended) {
      at = &j->next;
      continue;
    }
    TL_TRY(tl_writer_append(&part->writer, &j->group, err));
    part->appended++;
    *at = j->next;
    j->next = p->idle;
    p->idle = j;
    at = &part->waiting;
  }
  return TL_OK;
}

/* Does a job; the lock is held, but for the work itself. */
static void do_job(tl_press *p, tl_press_job *j) {
  tl_error err = {0};
  tl_lock_leave(p->lock);
  tl_status status = encode(p, j, &err);
  tl_lock_enter(p->lock);
  j->next = j->part->waiting;
  j->part->waiting = j;
  if (status == TL_OK && p->status == TL_OK) status = append_waiting(p, j->part, &err);
  if (status != TL_OK && p->status == TL_OK) p->status = status, p->error = err;
  tl_lock_wake_all(p->lock);
}

/* The oldest of the queue. */
static void do_one(tl_press *p) {
  tl_press_job **at = &p->queue;
  while ((*at)->next != NULL) at = &(*at)->next;
  tl_press_job *j = *at;
  *at = NULL;
  p->queued--;
  do_job(p, j);
}

tl_status tl_press_open(tl_press *out, tl_env *env, const tl_shape_of_tape *shape, const tl_fact_table *facts, int64_t group_bytes, tl_error *err) {
  *out = (tl_press){.env = env, .shape = shape, .facts = facts, .group_bytes = group_bytes};
  return tl_lock_open(&out->lock, env, err);
}

void tl_press_free(tl_press *p) {
  if (p->env == NULL) return;
  free_jobs(p->queue, p->env);
  free_jobs(p->idle, p->env);
  tl_lock_close(p->lock);
  *p = (tl_press){0};
}

void tl_press_work(tl_press *p) {
  tl_lock_enter(p->lock);
  for (;;) {
    if (p->queue != NULL) {
      do_one(p);
      continue;
    }
    if (p->closing) break;
    p->helpers++;
    tl_lock_wait(p->lock);
    p->helpers--;
  }
  tl_lock_leave(p->lock);
}

void tl_press_close(tl_press *p) {
  tl_lock_enter(p->lock);
  p->closing = true;
  tl_lock_wake_all(p->lock);
  tl_lock_leave(p->lock);
}

void tl_press_fail(tl_press *p, tl_status status, const tl_error *err) {
  tl_lock_enter(p->lock);
  if (p->status == TL_OK) p->status = status, p->error = *err;
  tl_lock_wake_all(p->lock);
  tl_lock_leave(p->lock);
}

static tl_status failure(const tl_press *p, tl_error *err) {
  if (p->status != TL_OK && err != NULL) *err = p->error;
  return p->status;
}

/* To a thread that waits for work, or done here and now; so is a file's first group, whose choices the others need. */
static tl_status give(tl_press *p, tl_press_job *j, tl_error *err) {
  tl_lock_enter(p->lock);
  if (j->sequence == 0 || p->helpers <= p->queued)
    do_job(p, j);
  else {
    j->next = p->queue;
    p->queue = j;
    p->queued++;
    tl_lock_wake_all(p->lock);
  }
  tl_status status = failure(p, err);
  tl_lock_leave(p->lock);
  return status;
}

tl_status tl_press_drain(tl_press *p, const tl_tape_part *part, tl_error *err) {
  tl_lock_enter(p->lock);
  while (part->appended < part->groups && p->status == TL_OK) {
    if (p->queue != NULL)
      do_one(p);
    else
      tl_lock_wait(p->lock);
  }
  tl_status status = failure(p, err);
  tl_lock_leave(p->lock);
  return status;
}

/* ---- parts ---- */

/* What a row is of: what partitions, but for the day that the time says, then what it is sorted by. */
static tl_status describe(tl_tape_part *part, const tl_shape_of_tape *s, tl_error *err) {
  TL_OWNED(tl_buffer) by = {.env = s->env};
  for (const tl_word *w = s->definition->partition; w != NULL; w = w->next)
    if (tl_naming_fact(s->naming, w->text) >= 0) TL_TRY(tl_buffer_format(&by, err, "%s,", w->text));
  for (const tl_word *w = s->definition->sort; w != NULL; w = w->next) TL_TRY(tl_buffer_format(&by, err, "%s%s", w->text, w->next != NULL ? "," : ""));
  TL_TRY(tl_buffer_byte(&by, 0, err));
  TL_TRY(tl_writer_key_value(&part->writer, "tickloom.by", (const char *)by.data, err));
  TL_TRY(tl_writer_key_value(&part->writer, "tickloom.tape", s->definition->path, err));
  return s->definition->ties ? tl_writer_key_value(&part->writer, "tickloom.ties", "true", err) : TL_OK;
}

tl_status tl_tape_part_open(tl_tape_part *part, tl_press *p, tl_error *err) {
  const tl_shape_of_tape *s = p->shape;
  tl_sorting sorting[TL_MOST_KEYS + 1];
  int count = 0;
  for (const tl_word *w = s->definition->sort; w != NULL && count <= TL_MOST_KEYS; w = w->next)
    sorting[count++] = (tl_sorting){.column = s->tape.children[tl_schema_child(&s->tape, w->text)].first_leaf};
  part->goes_on = false;
  part->groups = part->appended = part->rows = 0;
  TL_TRY(tl_writer_open_schema(&part->writer, p->env, part->temporary, &s->tape, sorting, count, err));
  part->open = true;
  TL_TRY(describe(part, s, err));
  TL_TRY(tl_allocate_zeroed(p->env, &part->styles, (size_t)s->tape.child_count + 1, sizeof *part->styles, err));
  TL_TRY(tl_derive_open(&part->derive, p->env, s, err));
  return new_job(p, part, &part->filling, err);
}

void tl_tape_part_free(tl_tape_part *part, tl_press *p) {
  if (!part->open) return;
  if (part->filling != NULL) free_job(part->filling, p->env);
  free_jobs(part->waiting, p->env);
  part->filling = part->waiting = NULL;
  tl_release(p->env, part->styles);
  part->styles = NULL;
  tl_derive_free(&part->derive);
  tl_writer_free(&part->writer);
  part->open = false;
}

tl_batch *tl_tape_part_rows(tl_tape_part *part) { return &part->filling->rows; }

static tl_status add_run(tl_press *p, tl_press_job *j, int32_t subject, int64_t rows, tl_error *err) {
  if (j->run_count > 0 && j->runs[j->run_count - 1].subject == subject) {
    j->runs[j->run_count - 1].rows += rows;
    return TL_OK;
  }
  TL_TRY(tl_reserve(p->env, &j->runs, &j->run_capacity, j->run_count + 1, sizeof *j->runs, err));
  j->runs[j->run_count++] = (tl_row_run){subject, rows};
  return TL_OK;
}

/* Runs behind row `cut` go into another job. */
static tl_status split_runs(tl_press *p, tl_press_job *j, tl_press_job *rest, int64_t cut, tl_error *err) {
  int64_t at = 0;
  size_t kept = 0;
  for (size_t r = 0; r < j->run_count; r++) {
    int64_t from = at, rows = j->runs[r].rows;
    at += rows;
    int64_t left = from >= cut ? 0 : at <= cut ? rows : cut - from;
    if (left < rows) TL_TRY(add_run(p, rest, j->runs[r].subject, rows - left, err));
    j->runs[r].rows = left;
    kept += left > 0;
  }
  j->run_count = kept;
  return TL_OK;
}

static tl_status derive(tl_tape_part *part, tl_press *p, tl_press_job *j, bool will_go_on, tl_error *err) {
  TL_OWNED(tl_buffer) memory = {.env = p->env};
  TL_TRY(tl_buffer_reserve(&memory, (j->run_count + 1) * sizeof(int64_t), err));
  int64_t *lengths = (int64_t *)(void *)memory.data;
  for (size_t r = 0; r < j->run_count; r++) lengths[r] = j->runs[r].rows;
  return tl_derive_streams(&part->derive, &j->rows, lengths, (int64_t)j->run_count, part->goes_on && j->runs[0].subject == part->open_subject, will_go_on, err);
}

/* The first `cut` rows become a group. */
static tl_status cut_group(tl_tape_part *part, tl_press *p, int64_t cut, bool within_stream, tl_error *err) {
  tl_press_job *j = part->filling, *rest;
  TL_TRY(new_job(p, part, &rest, err));
  part->filling = rest;
  tl_status status = TL_OK;
  if (cut < j->rows.rows) {
    status = tl_batch_append(&rest->rows, &j->rows, cut, j->rows.rows - cut, err);
    if (status == TL_OK) status = split_runs(p, j, rest, cut, err);
    rest->ended = j->ended > cut ? j->ended - cut : 0;
    tl_batch_cut(&j->rows, cut);
  }
  if (status == TL_OK) status = derive(part, p, j, within_stream, err);
  if (status != TL_OK) {
    free_job(j, p->env);
    return status;
  }
  part->goes_on = within_stream;
  part->open_subject = j->runs[j->run_count - 1].subject;
  j->sequence = part->groups++;
  return give(p, j, err);
}

tl_status tl_tape_part_put(tl_tape_part *part, tl_press *p, int32_t subject, int64_t rows, bool ends, tl_error *err) {
  tl_press_job *j = part->filling;
  part->rows += rows;
  if (rows > 0) TL_TRY(add_run(p, j, subject, rows, err));
  if (ends) j->ended = j->rows.rows;
  if (ends && j->rows.rows >= GROUP_ROWS && j->rows.rows <= MOST_ROWS) return cut_group(part, p, j->rows.rows, false, err);
  while (part->filling->rows.rows > MOST_ROWS) {
    j = part->filling;
    bool between = j->ended >= LEAST_CUT && j->ended <= MOST_ROWS;
    TL_TRY(cut_group(part, p, between ? j->ended : MOST_ROWS, !between, err));
  }
  j = part->filling;
  if (j->rows.rows > 1 && tl_batch_bytes(&j->rows) > p->group_bytes) return cut_group(part, p, j->rows.rows, j->ended < j->rows.rows, err);
  return TL_OK;
}

tl_status tl_tape_part_end(tl_tape_part *part, tl_press *p, tl_error *err) {
  return part->filling->rows.rows > 0 ? cut_group(part, p, part->filling->rows.rows, false, err) : TL_OK;
}
