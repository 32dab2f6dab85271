#include "pack/merge.h"
#include <stdlib.h>

enum { STEP = 8192, HELD = 4096 };

void tl_merge_input_free(tl_merge_input *in) { tl_batch_free(&in->held); }

/* The next rows of an input behind those of a batch; *count of them. */
static tl_status take(tl_merge *m, tl_tape_part *part, tl_merge_input *in, int64_t most, tl_batch *out, int64_t *count, tl_error *err) {
  int64_t from = out->rows, left = in->end - in->next;
  tl_status status = TL_OK;
  if (in->source->env == NULL) status = tl_pack_source_open(in->source, m->env, m->shape, in->path, in->raw == NULL, m->page_limit, err);
  if (status == TL_OK && in->raw != NULL && !in->raw->is_csv &&
      (in->source->file.inode != in->raw->info.inode || in->source->file.size != in->raw->info.size || in->source->file.mtime_ns != in->raw->info.mtime_ns))
    status = tl_fail(err, TL_CORRUPT, "%s: changed while it was packed; the same command takes it as it is now", in->path);
  if (status == TL_OK) status = tl_pack_source_read(in->source, in->next, left < most ? left : most, out, count, err);
  if (status != TL_OK) {
    m->failed = in->raw;
    return status;
  }
  in->next += *count;
  if (in->raw == NULL) return TL_OK;
  tl_odd_count(&m->odd, &in->odd, out, from);
  return tl_derive_points(&part->derive, out, from, err);
}

/* ---- one after the other ---- */

static int by_time(const void *a, const void *b) {
  const tl_merge_input *x = *(tl_merge_input *const *)a, *y = *(tl_merge_input *const *)b;
  return x->first_time != y->first_time ? (x->first_time < y->first_time ? -1 : 1) : 0;
}

static bool are_apart(tl_merge_input *const *inputs, int count) {
  for (int i = 1; i < count; i++)
    if (inputs[i]->first_time <= inputs[i - 1]->last_time) return false;
  return true;
}

static tl_status take_all(tl_merge *m, tl_tape_part *part, int32_t subject, tl_merge_input *in, tl_error *err) {
  while (in->next < in->end) {
    int64_t count;
    TL_TRY(take(m, part, in, STEP, tl_tape_part_rows(part), &count, err));
    TL_TRY(tl_tape_part_put(part, m->press, subject, count, false, err));
  }
  return TL_OK;
}

/* ---- in among each other ---- */

static int64_t time_at(const tl_merge_input *in, int64_t row) { return tl_column_int(&in->held.columns[0].column, row); }
static bool is_done(const tl_merge_input *in) { return in->at == in->held.rows && in->next == in->end; }

/* Drops what is gone, and reads more. */
static tl_status refill(tl_merge *m, tl_tape_part *part, tl_merge_input *in, tl_error *err) {
  int64_t count;
  if (in->held.env == NULL) TL_TRY(tl_batch_open(&in->held, m->env, &m->shape->rows, err));
  if (in->at > 0) {
    TL_OWNED(tl_batch) rest = {0};
    TL_TRY(tl_batch_open(&rest, m->env, &m->shape->rows, err));
    TL_TRY(tl_batch_append(&rest, &in->held, in->at, in->held.rows - in->at, err));
    tl_batch swap = in->held;
    in->held = rest;
    rest = swap;
    in->at = 0;
  }
  return take(m, part, in, HELD, &in->held, &count, err);
}

/* Behind the last time that is sure to have no more rows: all that come before the last row held of every input that has more to read. */
static tl_status find_horizon(tl_merge *m, tl_tape_part *part, tl_merge_input *inputs, int count, int64_t *horizon, tl_error *err) {
  *horizon = INT64_MAX;
  for (int i = 0; i < count; i++) {
    tl_merge_input *in = &inputs[i];
    /* a time that fills all that is held may go on */
    while (in->next < in->end && (in->at == in->held.rows || time_at(in, in->at) == time_at(in, in->held.rows - 1))) TL_TRY(refill(m, part, in, err));
    if (in->next < in->end && time_at(in, in->held.rows - 1) < *horizon) *horizon = time_at(in, in->held.rows - 1);
  }
  return TL_OK;
}

/* Rows of an input at a time: [at, end). */
static int64_t group_end(const tl_merge_input *in, int64_t time) {
  int64_t end = in->at;
  while (end < in->held.rows && time_at(in, end) == time) end++;
  return end;
}

/* Whether two rows are the same in all that they had before anything was derived. */
static bool same_rows(const tl_shape_of_tape *s, const tl_merge_input *a, int64_t i, const tl_merge_input *b, int64_t j) {
  for (int c = 0; c < s->rows.child_count; c++) {
    int packed = tl_tape_packed(s->definition, s->rows.children[c].name);
    bool derived = packed >= 0 && s->definition->packed[packed].output >= 0 && !tl_tape_replaces(s->definition, &s->definition->packed[packed]);
    if (!derived && tl_array_hash(&a->held.columns[c], i, 0) != tl_array_hash(&b->held.columns[c], j, 0)) return false;
  }
  return true;
}

static bool same_groups(const tl_shape_of_tape *s, const tl_merge_input *a, int64_t a_end, const tl_merge_input *b, int64_t b_end) {
  if (a_end - a->at != b_end - b->at) return false;
  for (int64_t i = 0; i < a_end - a->at; i++)
    if (!same_rows(s, a, a->at + i, b, b->at + i)) return false;
  return true;
}

static bool has_time(const tl_merge_input *in, int64_t time) { return in->at < in->held.rows && time_at(in, in->at) == time; }

/* All rows at one time: each input's give way to those of the next one that has some; the last one's stay. */
static tl_status merge_time(tl_merge *m, tl_tape_part *part, tl_merge_input *inputs, int count, int64_t time, tl_error *err) {
  tl_merge_input *last = NULL;
  int64_t last_end = 0;
  for (int i = 0; i < count; i++) {
    if (!has_time(&inputs[i], time)) continue;
    int64_t end = group_end(&inputs[i], time);
    if (last != NULL) {
      *(same_groups(m->shape, last, last_end, &inputs[i], end) ? &m->duplicates : &m->conflicts) += last_end - last->at;
      last->at = last_end;
    }
    last = &inputs[i];
    last_end = end;
  }
  if (last == NULL) return TL_OK; /* nobody has that time */
  TL_TRY(tl_batch_append(tl_tape_part_rows(part), &last->held, last->at, last_end - last->at, err));
  last->at = last_end;
  return TL_OK;
}

static tl_status interleave(tl_merge *m, tl_tape_part *part, int32_t subject, tl_merge_input *inputs, int count, tl_error *err) {
  for (;;) {
    int64_t horizon, taken = tl_tape_part_rows(part)->rows;
    bool done = true;
    TL_TRY(find_horizon(m, part, inputs, count, &horizon, err));
    for (;;) {
      int64_t time = INT64_MAX;
      bool any = false;
      for (int i = 0; i < count; i++) {
        if (inputs[i].at == inputs[i].held.rows) continue;
        int64_t t = time_at(&inputs[i], inputs[i].at);
        if (!any || t < time) time = t;
        any = true;
      }
      if (!any || (time >= horizon && horizon != INT64_MAX)) break;
      TL_TRY(merge_time(m, part, inputs, count, time, err));
    }
    TL_TRY(tl_tape_part_put(part, m->press, subject, tl_tape_part_rows(part)->rows - taken, false, err));
    for (int i = 0; i < count; i++) done &= is_done(&inputs[i]);
    if (done) return TL_OK;
  }
}

tl_status tl_merge_subject(tl_merge *m, tl_tape_part *part, int32_t subject, tl_merge_input *inputs, int count, tl_error *err) {
  TL_OWNED(tl_buffer) memory = {.env = m->env};
  TL_TRY(tl_buffer_reserve(&memory, (size_t)(count + 1) * sizeof(tl_merge_input *), err));
  tl_merge_input **ordered = (tl_merge_input **)(void *)memory.data;
  for (int i = 0; i < count; i++) ordered[i] = &inputs[i];
  qsort(ordered, (size_t)count, sizeof *ordered, by_time);
  if (are_apart(ordered, count))
    for (int i = 0; i < count; i++) TL_TRY(take_all(m, part, subject, ordered[i], err));
  else
    TL_TRY(interleave(m, part, subject, inputs, count, err));
  return tl_tape_part_put(part, m->press, subject, 0, true, err);
}
