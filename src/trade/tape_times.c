/* Times of a block's rows, once it is known which are wanted. Those that are late are decoded here, a page at a time, and proved: each stream's ascend, and all
   lie in the day that statistics say. */
#include <string.h>
#include "base/date.h"
#include "codec/unpack.h"
#include "parquet/cursor.h"
#include "trade/tape.h"

tl_status tl_tape_ask(tl_tape_block *b, size_t run, int64_t row, uint64_t whom, tl_error *err) {
  tl_tape_run *r = &b->runs[run];
  TL_TRY(tl_reserve(b->env, &b->wishes, &b->wish_capacity, b->wish_count + 1, sizeof *b->wishes, err));
  b->wishes[b->wish_count++] = (tl_tape_wish){.row = row, .whom = whom};
  uint32_t number = (uint32_t)b->wish_count;
  if (r->first_wish == 0)
    r->first_wish = number;
  else
    b->wishes[r->last_wish - 1].next = number;
  r->last_wish = number;
  return TL_OK;
}

/* ---- walking ---- */

/* A walk through the rows of a block: as its rows that were read, run by run, and as the rows that it has, wish by wish. */
typedef struct walk {
  tl_tape_reader *reader;
  tl_tape_block *block;
  size_t run;
  int64_t run_left;  /* rows of it that are still to come */
  int64_t last;      /* the time of its last row so far */
  bool begun;        /* ... where there is one */
  uint32_t wish;     /* the next one of the run */
  size_t tick;       /* piece of block->ticks that holds the last wish */
  int64_t tick_base; /* row of the block with which it begins */
} walk;

static void take_run(walk *w) {
  w->run_left = w->block->runs[w->run].read;
  w->wish = w->block->runs[w->run].first_wish;
  w->begun = false;
}

/* A row of the block as one of the row group; rows ascend from call to call. */
static int64_t place_of(walk *w, int64_t row) {
  const tl_row_list *ticks = &w->block->ticks;
  while (row >= w->tick_base + ticks->items[w->tick].count) w->tick_base += ticks->items[w->tick++].count;
  return ticks->items[w->tick].from + row - w->tick_base;
}

/* Rows [from, from + count) of the group, of one run, whose times these are. */
static tl_status prove(walk *w, const int64_t *times, int64_t from, int64_t count, tl_error *err) {
  const tl_tape_reader *r = w->reader;
  int64_t first = r->scan.open->meta.groups[w->block->part.group].first_row + from, day = w->block->day;
  bool fine = (!w->begun || times[0] >= w->last) && tl_codec_kernels_chosen()->ascends64(times, (size_t)count);
  for (int64_t i = 0; !fine && i < count; i++)
    if (i > 0 ? times[i] < times[i - 1] : w->begun && times[0] < w->last)
      return tl__tape_out_of_order(r, first + i, "its time comes before that of the row ahead of it", err);
  int64_t other = tl_floor_div(times[0], TL_DAY_NS) != day ? 0 : tl_floor_div(times[count - 1], TL_DAY_NS) != day ? count - 1 : -1;
  if (other >= 0)
    return tl_fail(err, TL_CORRUPT, "%s, row %lld: its time lies outside of what the statistics of its row group say",
                   r->tape->scan.dataset.files[r->stretch.file].path, (long long)(first + other));
  if (w->run == 0 && !w->begun) r->seams[w->block->seam].first = times[0];
  r->seams[w->block->seam].last = times[count - 1];
  w->last = times[count - 1];
  w->begun = true;
  return TL_OK;
}

/* Times of rows [from, from + count) of the row group, which were read. */
static tl_status take_times(walk *w, const int64_t *times, int64_t from, int64_t count, tl_error *err) {
  for (int64_t at = 0, n; at < count; at += n) {
    while (w->run_left == 0) {
      w->run++;
      take_run(w);
    }
    n = count - at < w->run_left ? count - at : w->run_left;
    w->run_left -= n;
    TL_TRY(prove(w, times + at, from + at, n, err));
    while (w->wish != 0) {
      tl_tape_wish *wish = &w->block->wishes[w->wish - 1];
      int64_t place = place_of(w, wish->row) - from;
      if (place >= at + n) break;
      wish->time = times[place];
      w->wish = wish->next;
    }
  }
  return TL_OK;
}

static tl_status read_pieces(walk *w, tl_cursor *cursor, tl_error *err) {
  enum { MOST = 16384 };
  tl_tape_reader *r = w->reader;
  int64_t first_row = cursor->file->meta.groups[cursor->group].first_row;
  for (size_t n = 0; n < w->block->read.count; n++) {
    tl_tape_rows piece = w->block->read.items[n];
    TL_TRY(tl_cursor_skip(cursor, piece.from - cursor->row, err));
    for (int64_t rows; piece.count > 0; piece.from += rows, piece.count -= rows) {
      TL_TRY(tl_cursor_page_rows(cursor, &rows, err));
      if (rows > MOST) rows = MOST;
      if (rows == 0 || rows > piece.count) rows = piece.count < MOST ? piece.count : MOST;
      TL_TRY(tl_cursor_read(cursor, rows, false, &r->times, err));
      TL_TRY(tl__tape_check_times(r, &r->times, first_row + piece.from, (tl_tape_rows){0, rows}, err));
      TL_TRY(take_times(w, (const int64_t *)(const void *)r->times.values, piece.from, rows, err));
    }
  }
  return TL_OK;
}

static tl_status answer_late(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  TL_OWNED(tl_cursor) cursor = {0};
  tl_parquet *file = r->scan.open;
  walk w = {.reader = r, .block = b};
  int child = tl_schema_child(file->meta.schema, r->tape->definition->order);
  TL_TRY(tl_cursor_open(&cursor, file, b->part.group, file->meta.schema->children[child].first_leaf, &r->scratch, err));
  cursor.sparse = b->read.count > 1;
  take_run(&w);
  return read_pieces(&w, &cursor, err);
}

tl_status tl_tape_answer(tl_tape_reader *r, tl_tape_block *b, tl_error *err) {
  int64_t before = r->env->tick_ns(r->env);
  b->asked = false;
  if (b->late)
    TL_TRY(answer_late(r, b, err));
  else
    for (size_t i = 0; i < b->wish_count; i++) b->wishes[i].time = b->time[b->wishes[i].row];
  r->decode_ns += r->env->tick_ns(r->env) - before;
  return TL_OK;
}

tl_status tl_tape_prove_seam(const tl_tape_reader *r, size_t seam, tl_error *err) {
  const tl_tape_seam *s = &r->seams[seam];
  if (seam == 0 || !s->goes_on || s->first >= r->seams[seam - 1].last) return TL_OK;
  return tl__tape_out_of_order(r, s->row, "its time comes before that of the row ahead of it", err);
}
