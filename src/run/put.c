/* Results to files: encoding a row group, waiting for its turn, writing, and putting the finished file in place. */
#include <stdio.h>
#include <string.h>
#include "run/worker.h"

/* ---- encode ---- */

tl_status tl__key_column(const tl_run *run, tl_column *out, int key, const tl_stream *const *streams, int64_t count, tl_error *err) {
  const tl_field *field = &run->input.key_fields[key];
  TL_TRY(tl_column_reset(out, field, count, err));
  for (int64_t i = 0; i < count; i++) {
    const tl_key_value_data *v = &streams[i]->keys[key];
    if (field->physical == TL_PHYSICAL_BYTE_ARRAY) {
      TL_TRY(tl_buffer_append(&out->bytes, v->text ? v->text : "", v->size, err));
      out->offsets[i + 1] = (int64_t)out->bytes.size;
    } else
      memcpy(out->values + i * tl_field_width(field), &v->number, (size_t)tl_field_width(field));
  }
  return TL_OK;
}

/* The surviving streams, and their lengths within rows [from, to) of all of them. */
static tl_status run_lengths(tl_worker *w, size_t first, size_t count, int64_t from, int64_t to, int64_t *survivors, tl_error *err) {
  int64_t at = 0, n = 0;
  TL_TRY(tl_reserve(w->run->env, &w->lengths, &w->length_capacity, count + 1, sizeof *w->lengths, err));
  TL_TRY(tl_reserve(w->run->env, &w->survivors, &w->survivor_capacity, count + 1, sizeof *w->survivors, err));
  for (size_t i = first; i < first + count; i++) {
    if (w->streams[i].failed) continue;
    w->survivors[n] = w->streams[i].stream;
    int64_t low = at > from ? at : from, high = at + w->out_rows[i] < to ? at + w->out_rows[i] : to;
    w->lengths[n++] = high > low ? high - low : 0;
    at += w->out_rows[i];
  }
  *survivors = n;
  return TL_OK;
}

/* Rows [from, to) of the results, which begin at `base`, as a row group. */
static tl_status encode(tl_worker *w, size_t first, size_t count, int64_t base, int64_t from, int64_t to, tl_error *err) {
  tl_run *run = w->run;
  const tl_definition *d = run->definition;
  int leaf = 0;
  int64_t survivors;
  TL_TRY(tl_group_begin(&w->group, run->leaf_count, to - from, err));
  TL_TRY(run_lengths(w, first, count, from, to, &survivors, err));
  /* at once, so that it need not grow with a copy; pages that are not touched cost nothing */
  TL_TRY(tl_buffer_reserve(&w->group.bytes, (size_t)(to - from) * 8 * (size_t)run->leaf_count + 4096 * (size_t)run->leaf_count, err));
  for (int k = 0; k < d->key_count; k++) {
    if (tl__run_key_is_in_path(run, k)) continue;
    TL_TRY(tl__key_column(run, &w->keys, k, w->survivors, survivors, err));
    TL_TRY(tl_group_put_runs(&w->group, &run->leaves[leaf++], &w->keys, w->lengths, w->keys.count, run->order_style.codec, run->order_style.level, err));
  }
  TL_TRY(tl_group_put_ints(&w->group, &run->leaves[leaf++], w->order + base + from, INT64_MIN, run->order_style, err));
  for (size_t o = 0; o < d->output_count; o++) {
    if (!run->selected[o]) continue;
    const double *values = w->results[o] + base + from;
    if (d->outputs[o].type == TL_TIME)
      TL_TRY(tl_group_put_ints(&w->group, &run->leaves[leaf++], (const int64_t *)(const void *)values, tl_time_na(), run->order_style, err));
    else
      TL_TRY(tl_group_put_doubles(&w->group, &run->leaves[leaf++], values, run->feature_style, err));
  }
  return TL_OK;
}

/* ---- write ---- */

tl_status tl__name_columns(const tl_run *run, tl_writer *writer, tl_error *err) {
  const tl_definition *d = run->definition;
  TL_OWNED(tl_buffer) text = {.env = run->env};
  TL_TRY(tl_buffer_format(&text, err, "%016llx", (unsigned long long)d->identity));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  TL_TRY(tl_writer_key_value(writer, "tickloom.identity", (const char *)text.data, err));
  TL_TRY(tl_writer_key_value(writer, "tickloom.definition", d->path, err));
  text.size = 0;
  for (int k = 0; k < d->key_count; k++) TL_TRY(tl_buffer_format(&text, err, "%s,", d->keys[k]));
  TL_TRY(tl_buffer_text(&text, d->order, err));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  TL_TRY(tl_writer_key_value(writer, "tickloom.by", (const char *)text.data, err));
  if (d->ties) TL_TRY(tl_writer_key_value(writer, "tickloom.ties", "true", err));
  text.size = 0;
  for (size_t o = 0; o < d->output_count; o++)
    if (run->written[o])
      TL_TRY(
          tl_buffer_format(&text, err, "%s%s=%016llx", text.size > 0 ? "," : "", d->outputs[o].name, (unsigned long long)tl_definition_output_identity(d, o)));
  TL_TRY(tl_buffer_byte(&text, 0, err));
  return tl_writer_key_value(writer, "tickloom.identities", (const char *)text.data, err);
}

static tl_status open_output(tl_run *run, tl_output_file *f, tl_error *err) {
  tl_sorting sorting[TL_MOST_KEYS + 1];
  int count = run->key_leaves + 1;
  for (int i = 0; i < count; i++) sorting[i] = (tl_sorting){.column = i};
  f->open = true; /* whatever comes of it, there may be a file now */
  TL_TRY(tl_writer_open(&f->writer, run->env, f->temporary, run->leaves, run->leaf_count, sorting, count, err));
  return tl__name_columns(run, &f->writer, err);
}

static void discard_output(tl_run *run, tl_output_file *f) {
  tl_writer_free(&f->writer);
  if (f->open) (void)run->env->remove(run->env, f->temporary, NULL);
  f->open = false;
}

static void drop_output(tl_run *run, tl_output_file *f, const tl_error *why) {
  discard_output(run, f);
  if (f->failed) return;
  f->failed = true;
  f->status = why->status;
  tl_lock_enter(run->lock);
  (void)!tl_arena_text(&run->arena, &f->reason, why->text, strlen(why->text), NULL);
  tl_lock_leave(run->lock);
}

/* Waits until the pieces before this one are in the file. */
static void await_turn(tl_run *run, const tl_output_file *f, int sequence) {
  tl_lock_enter(run->lock);
  while (f->next_piece < sequence) tl_lock_wait(run->lock);
  tl_lock_leave(run->lock);
}

static void end_turn(tl_run *run, tl_output_file *f) {
  tl_lock_enter(run->lock);
  f->next_piece++;
  tl_lock_wake_all(run->lock);
  tl_lock_leave(run->lock);
}

/* What is there is no file of the output, but what those will be made of. */
static void take_piecewise(tl_run *run, tl_output_file *f) {
  f->committed = true;
  tl_lock_enter(run->lock);
  tl_tally_merge(&run->tally, &f->tally);
  tl_lock_leave(run->lock);
}

/* The last piece is written: the file is put in place and, when nothing of it is missing, entered as finished. */
static tl_status finish_output(tl_run *run, tl_output_file *f, tl_error *err) {
  tl_file_info info;
  f->rows_written = f->writer.meta.row_count;
  TL_TRY(tl_writer_finish(&f->writer, run->options.durable, err));
  tl_writer_free(&f->writer);
  TL_TRY(run->env->info(run->env, f->temporary, &info, err));
  f->size = info.size;
  if (run->columns != NULL) { /* it lies aside, for its columns to be taken */
    f->open = false;
    take_piecewise(run, f);
    return TL_OK;
  }
  tl_lock_enter(run->lock);
  tl_status status = tl_progress_announce(&run->progress, f->name, err);
  tl_lock_leave(run->lock);
  TL_TRY(status);
  TL_TRY(tl_target_put(&run->target, f->temporary, f->name, err));
  f->open = false;
  f->committed = true;
  tl_lock_enter(run->lock);
  tl_tally_merge(&run->tally, &f->tally);
  /* a log that cannot be written only means that the file would be made again */
  if (!f->incomplete) (void)!tl_progress_add(&run->progress, f->name, f->made_from, &f->tally, NULL);
  tl_lock_leave(run->lock);
  return TL_OK;
}

/* ---- a piece ---- */

tl_status tl__put_open(tl_worker *w, tl_putting *put, tl_error *err) {
  tl_output_file *f = &w->run->files[put->piece->file];
  await_turn(w->run, f, put->piece->sequence);
  put->in_turn = true;
  if (f->failed) return TL_OK;
  if (f->tally.env == NULL) TL_TRY(tl_tally_open(&f->tally, w->run->env, w->run->selected_count, w->run->check_count, err));
  if (w->run->days != NULL) return TL_OK;
  if (!f->open) TL_TRY(open_output(w->run, f, err));
  put->mark = tl_writer_at(&f->writer);
  return TL_OK;
}

static tl_status write_group(tl_worker *w, tl_putting *put, tl_error *err) {
  tl_output_file *f = &w->run->files[put->piece->file];
  int64_t start = tl__now(w->run);
  if (!put->in_turn) TL_TRY(tl__put_open(w, put, err));
  if (f->failed) return TL_OK;
  TL_TRY(tl_writer_append(&f->writer, &w->group, err));
  w->times.bytes_written += (int64_t)w->group.bytes.size;
  w->times.write_ns += tl__now(w->run) - start;
  return TL_OK;
}

tl_status tl__put_rows(tl_worker *w, tl_putting *put, size_t first, size_t count, tl_error *err) {
  int64_t rows = 0;
  for (size_t i = first; i < first + count; i++) {
    if (w->streams[i].failed) continue;
    rows += w->out_rows[i];
    put->any |= !w->run->update.going_on || w->out_rows[i] > 0; /* nothing new makes no file */
  }
  if (w->run->days != NULL) return tl__days_put(w, put->piece->file, put->piece->sequence, first, count, err);
  for (int64_t done = 0, to; done < rows; done = to) { /* a long stream: several row groups, one after the other */
    int64_t start = tl__now(w->run);
    to = rows - done < TL_PIECE_ROWS ? rows : done + TL_PIECE_ROWS;
    TL_TRY(encode(w, first, count, w->out_at[first], done, to, err));
    w->times.encode_ns += tl__now(w->run) - start;
    TL_TRY(write_group(w, put, err));
  }
  return TL_OK;
}

tl_status tl__put_undo(tl_worker *w, tl_putting *put, tl_error *err) {
  tl_output_file *f = &w->run->files[put->piece->file];
  if (w->run->days != NULL) tl__days_undo(w->run, put->piece->file, put->piece->sequence);
  return w->run->days == NULL && put->in_turn && !f->failed && f->open ? tl_writer_cut(&f->writer, put->mark, err) : TL_OK;
}

void tl__put_close(tl_worker *w, tl_putting *put, tl_status status, tl_error *err) {
  tl_run *run = w->run;
  tl_output_file *f = &run->files[put->piece->file];
  if (!put->in_turn) await_turn(run, f, put->piece->sequence);
  f->incomplete |= put->incomplete;
  if (status == TL_OK && !f->failed && put->any) { /* also where no row is left */
    if (f->tally.env == NULL) status = tl_tally_open(&f->tally, run->env, run->selected_count, run->check_count, err);
    if (status == TL_OK && !f->open && run->days == NULL) status = open_output(run, f, err);
    if (status == TL_OK) tl_tally_merge(&f->tally, put->tally);
  }
  bool last = put->piece->sequence + 1 == f->pieces;
  int64_t start = tl__now(run);
  if (status == TL_OK && last && !f->failed && run->days != NULL && f->tally.streams > 0) take_piecewise(run, f);
  if (status == TL_OK && last && !f->failed && f->open) {
    if (f->tally.streams > 0)
      status = finish_output(run, f, err);
    else /* every stream of it was taken back */
      discard_output(run, f);
  }
  w->times.write_ns += tl__now(run) - start;
  if (status != TL_OK) drop_output(run, f, err);
  if (last) tl_tally_free(&f->tally);
  end_turn(run, f);
}
