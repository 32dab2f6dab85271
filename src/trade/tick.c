#include "trade/tick.h"
#include <math.h>
#include <string.h>

/* A lane's stream. */
typedef struct lane {
  tl_tape_block *block; /* NULL: the lane is idle */
  size_t run;           /* of the block */
  int64_t first, rows;  /* of the block: what is left begins at `first + at` */
  int64_t at;
  bool begun;          /* its first row has been */
  bool held;           /* it has a position */
  bool open;           /* it may go on in the next block */
  tl_tape_block *next; /* ... and does, in its first run */
  int64_t stream;
  size_t trade; /* that is open: of the stretch */
} lane;

struct tl_tick_runner {
  tl_env *env;
  const tl_tape *tape;
  const tl_plan *plan;
  tl_engine engine;
  tl_tick_costs costs;
  bool restarts; /* lanes begin anew by themselves; else all together */
  tl_tape_reader reader;
  tl_tape_block **blocks; /* all that were made */
  size_t block_count, block_capacity;
  tl_tape_block *present; /* whose runs are given out; NULL: none yet */
  size_t next_run;
  bool ended; /* no more blocks */
  lane lanes[TL_LANES];
  tl_lane_stream streams[TL_LANES];
  const double **inputs; /* of the lanes */
  const uint16_t **codes;
  tl_condition_bits *enter, *exit;
  size_t likely_trades; /* of a stretch, as the one before it had them */
  int64_t row;          /* of the engine */
  tl_stretch_trades *out;
};

static void take_signal(void *context, int32_t result, const tl_condition_bits *bits, int rows) {
  tl_tick_runner *r = context;
  memcpy(result == r->tape->definition->enter_long ? r->enter : r->exit, bits, (size_t)rows * sizeof *bits);
}

void tl_tick_close(tl_tick_runner *r) {
  if (r == NULL) return;
  tl_env *env = r->env;
  tl_tape_reader_free(&r->reader);
  for (size_t i = 0; i < r->block_count; i++) {
    tl_tape_block_free(r->blocks[i]);
    tl_release(env, r->blocks[i]);
  }
  tl_release(env, r->blocks);
  tl_release(env, r->inputs);
  tl_release(env, r->codes);
  tl_release(env, r->enter);
  tl_release(env, r->exit);
  if (r->engine.env != NULL) tl_engine_free(&r->engine);
  tl_release(env, r);
}

static tl_status open_runner(tl_tick_runner *r, tl_isa isa, int tile_rows, tl_error *err) {
  TL_TRY(tl_engine_open(&r->engine, r->env, r->plan, isa, tile_rows, NULL, err));
  TL_TRY(tl_engine_take(&r->engine, take_signal, r, err));
  r->restarts = tl_plan_restarts(r->plan);
  r->likely_trades = 1;
  TL_TRY(tl_allocate_zeroed(r->env, &r->inputs, (size_t)(r->plan->input_count + 1) * TL_LANES, sizeof *r->inputs, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->codes, (size_t)(r->plan->input_count + 1) * TL_LANES, sizeof *r->codes, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->enter, (size_t)r->engine.tile_rows, sizeof *r->enter, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->exit, (size_t)r->engine.tile_rows, sizeof *r->exit, err));
  for (int l = 0; l < TL_LANES; l++) {
    r->streams[l].inputs = r->inputs + l * (r->plan->input_count + 1);
    r->streams[l].codes = r->codes + l * (r->plan->input_count + 1);
  }
  return tl_tape_reader_open(&r->reader, r->tape, err);
}

tl_status tl_tick_open(tl_tick_runner **out, tl_env *env, const tl_tape *tape, const tl_plan *plan, tl_isa isa, int tile_rows, tl_tick_costs costs,
                       tl_error *err) {
  tl_tick_runner *r;
  TL_TRY(tl_allocate_zeroed(env, &r, 1, sizeof *r, err));
  r->env = env, r->tape = tape, r->plan = plan, r->costs = costs;
  tl_status status = open_runner(r, isa, tile_rows, err);
  if (status == TL_OK)
    *out = r;
  else
    tl_tick_close(r);
  return status;
}

int64_t tl_tick_decode_ns(const tl_tick_runner *r) { return r->reader.decode_ns; }

/* ---- blocks ---- */

/* Whom a wish for a time is for: which trade, and whether it is the entry's. */
static uint64_t asker(size_t trade, bool entry) { return (uint64_t)trade << 1 | entry; }

/* A block whose times are not read yet, by its number in the stretch; NULL: they are. */
static tl_tape_block *unanswered(const tl_tick_runner *r, size_t seam) {
  for (size_t i = 0; i < r->block_count; i++)
    if (r->blocks[i]->asked && r->blocks[i]->seam == seam) return r->blocks[i];
  return NULL;
}

/* Of what is wrong the first row is told: what has not been looked at ahead of a failure, in blocks before `seam`, is. */
static tl_status tell_first(tl_tick_runner *r, size_t seam, tl_status status, tl_error *err) {
  for (size_t s = 0; s < seam && status == TL_CORRUPT; s++) {
    tl_error other = {0};
    tl_tape_block *b = unanswered(r, s);
    tl_status earlier = b != NULL ? tl_tape_answer(&r->reader, b, &other) : TL_OK;
    if (earlier == TL_OK) earlier = tl_tape_prove_seam(&r->reader, s, &other);
    if (earlier == TL_OK) continue;
    if (err != NULL) *err = other;
    return earlier;
  }
  return status;
}

/* Nobody asks a block any more: its times are read. */
static tl_status settle(tl_tick_runner *r, tl_tape_block *b, tl_error *err) {
  tl_status status = tl_tape_answer(&r->reader, b, err);
  if (status != TL_OK) return tell_first(r, b->seam, status, err);
  for (size_t i = 0; i < b->wish_count; i++) {
    tl_trade *t = &r->out->trades[b->wishes[i].whom >> 1];
    *(b->wishes[i].whom & 1 ? &t->entry_time : &t->exit_time) = b->wishes[i].time;
  }
  return TL_OK;
}

static tl_status settle_all(tl_tick_runner *r, tl_error *err) {
  for (size_t s = 0; s < r->reader.seam_count; s++) {
    tl_tape_block *b = unanswered(r, s);
    if (b != NULL) TL_TRY(settle(r, b, err));
    TL_TRY(tl_tape_prove_seam(&r->reader, s, err));
  }
  return TL_OK;
}

static tl_status free_block(tl_tick_runner *r, tl_tape_block **out, tl_error *err) {
  for (size_t i = 0; i < r->block_count; i++)
    if (r->blocks[i]->users == 0) {
      *out = r->blocks[i];
      (*out)->more = NULL;
      return (*out)->asked ? settle(r, *out, err) : TL_OK;
    }
  TL_TRY(tl_reserve(r->env, &r->blocks, &r->block_capacity, r->block_count + 1, sizeof *r->blocks, err));
  TL_TRY(tl_allocate_zeroed(r->env, &r->blocks[r->block_count], 1, sizeof **r->blocks, err));
  *out = r->blocks[r->block_count++];
  return TL_OK;
}

/* Where the stream that may go on in the next block stands so far. */
typedef struct open_end {
  bool *open;           /* NULL: there is none */
  tl_tape_block **next; /* where the block belongs */
} open_end;

static open_end find_open_end(tl_tick_runner *r) {
  for (int i = 0; i < TL_LANES; i++) {
    lane *l = &r->lanes[i];
    if (l->block == NULL) continue;
    if (l->open) return (open_end){&l->open, &l->next};
    tl_tape_block *last = l->next;
    while (last != NULL && last->more != NULL) last = last->more;
    if (last != NULL && last->runs[0].open) return (open_end){&last->runs[0].open, &last->more};
  }
  return (open_end){0};
}

static tl_status note_streams(tl_tick_runner *r, const tl_tape_block *b, tl_error *err) {
  tl_stretch_trades *o = r->out;
  size_t had = (size_t)o->streams, has = (size_t)r->reader.streams;
  if (has > had) {
    size_t capacity = had;
    TL_TRY(tl_reserve(r->env, &o->stream_rows, &capacity, has, sizeof *o->stream_rows, err));
    capacity = had;
    TL_TRY(tl_reserve(r->env, &o->stream_days, &capacity, has, sizeof *o->stream_days, err));
    memset(o->stream_rows + had, 0, (has - had) * sizeof *o->stream_rows);
    memset(o->stream_days + had, 0, (has - had) * sizeof *o->stream_days);
    o->streams = (int64_t)has;
  }
  for (size_t i = 0; i < b->run_count; i++) {
    o->stream_rows[b->runs[i].key] += b->runs[i].read;
    if (!b->runs[i].goes_on) o->stream_days[b->runs[i].key] = b->runs[i].day;
  }
  return TL_OK;
}

/* The next block: its first run may be more of a stream that a lane has. */
static tl_status load_block(tl_tick_runner *r, tl_error *err) {
  tl_tape_block *b;
  bool more;
  open_end end = find_open_end(r);
  TL_TRY(free_block(r, &b, err));
  tl_status status = tl_tape_reader_next(&r->reader, b, &more, err);
  if (status != TL_OK) return tell_first(r, r->reader.seam_count, status, err);
  if (r->present != NULL) r->present->users--;
  r->present = more ? b : NULL;
  r->next_run = 0;
  r->ended = !more;
  if (end.open != NULL) *end.open = false;
  if (!more) return TL_OK;
  b->users++;
  TL_TRY(note_streams(r, b, err));
  if (!b->runs[0].goes_on || end.open == NULL) return TL_OK;
  r->next_run = 1;
  if (b->runs[0].rows == 0) return *end.open = b->runs[0].open, TL_OK; /* rows without a price: the stream may still go on behind them */
  *end.next = b;
  b->users++;
  return TL_OK;
}

/* ---- lanes ---- */

static void take_run(lane *l, tl_tape_block *b, size_t number) {
  const tl_tape_run *run = &b->runs[number];
  l->block = b;
  l->run = number;
  l->first = run->first;
  l->rows = run->rows;
  l->at = 0;
  l->open = run->open;
  l->next = NULL;
  l->stream = run->key;
}

/* More of the same stream. */
static void go_on(lane *l) {
  tl_tape_block *old = l->block, *next = l->next;
  take_run(l, next, 0);
  l->next = next->more;
  old->users--;
}

static tl_status resolve(tl_tick_runner *r, lane *l, tl_error *err) {
  while (l->open) TL_TRY(load_block(r, err));
  return TL_OK;
}

/* A stream of many blocks has one waiting already: idle lanes wait, too, rather than have more of it read. */
static bool is_ahead(const tl_tick_runner *r) {
  for (int i = 0; i < TL_LANES; i++)
    if (r->lanes[i].block != NULL && r->lanes[i].next != NULL && r->lanes[i].next->runs[0].open) return true;
  return false;
}

/* The next stream for an idle lane, if there is one. */
static tl_status fill_lane(tl_tick_runner *r, int number, tl_error *err) {
  lane *l = &r->lanes[number];
  while (l->block == NULL) {
    if (is_ahead(r)) return TL_OK;
    while (!r->ended && (r->present == NULL || r->next_run == r->present->run_count)) {
      TL_TRY(load_block(r, err));
      if (is_ahead(r)) return TL_OK;
    }
    if (r->ended) return TL_OK;
    tl_tape_run *run = &r->present->runs[r->next_run];
    if (run->rows == 0 && !run->open) { /* nothing but rows without a price */
      r->next_run++;
      continue;
    }
    take_run(l, r->present, r->next_run++);
    r->present->users++;
    l->begun = false;
    if (r->restarts) TL_TRY(tl_engine_restart(&r->engine, number, err));
  }
  return TL_OK;
}

/* Gives every lane rows to go on with, as far as there are any. False: all has been. */
static tl_status fill_lanes(tl_tick_runner *r, bool *any, tl_error *err) {
  bool idle = true;
  for (int l = 0; l < TL_LANES; l++) idle &= r->lanes[l].block == NULL;
  if (idle && !r->restarts) r->row = 0;
  *any = false;
  for (int i = 0; i < TL_LANES; i++) {
    lane *l = &r->lanes[i];
    for (;;) {
      if (l->block == NULL && (idle || r->restarts)) TL_TRY(fill_lane(r, i, err));
      if (l->block == NULL) break;
      if (l->rows - l->at <= r->engine.tile_rows) TL_TRY(resolve(r, l, err)); /* whether its last row is near must be known */
      if (l->at < l->rows) break;
      if (l->next != NULL) {
        go_on(l);
        continue;
      }
      l->block->users--; /* a stream of rows without a price */
      l->block = NULL;
    }
    *any |= l->block != NULL;
  }
  return TL_OK;
}

/* ---- positions ---- */

/* The price of a fill: a side of the book, where that is asked for and there is one (0 is none). */
static double fill(const tl_tick_runner *r, const tl_tape_block *b, int side, int64_t at) {
  double price = tl_tape_value(&b->inputs[r->tape->price], at), quote = side >= 0 ? tl_tape_value(&b->inputs[side], at) : NAN;
  return quote > 0 ? quote : price;
}

static tl_status open_position(tl_tick_runner *r, lane *l, int64_t at, tl_error *err) {
  tl_stretch_trades *o = r->out;
  double price = fill(r, l->block, r->costs.ask, at) * (1 + r->costs.slippage);
  TL_TRY(tl_reserve(r->env, &o->trades, &o->capacity, o->count > 0 ? o->count + 1 : r->likely_trades, sizeof *o->trades, err));
  l->trade = o->count;
  o->trades[o->count++] = (tl_trade){.entry_price = price, .stream = l->stream};
  return r->costs.keeps_entry_times ? tl_tape_ask(l->block, l->run, at, asker(l->trade, true), err) : TL_OK;
}

static tl_status close_position(tl_tick_runner *r, lane *l, int64_t at, tl_error *err) {
  tl_trade *t = &r->out->trades[l->trade];
  t->exit_price = fill(r, l->block, r->costs.bid, at) * (1 - r->costs.slippage);
  t->pnl = t->exit_price - t->entry_price - r->costs.fee * (t->entry_price + t->exit_price);
  return tl_tape_ask(l->block, l->run, at, asker(l->trade, false), err);
}

/* Of a lane's rows [from, from + rows) of the tile: where it may enter and leave, a bit a row. An exit decides before an entry; a stream's first row does
   neither, its last one closes what is open. */
static tl_status trade_lane(tl_tick_runner *r, lane *l, int from, int rows, uint64_t enters, uint64_t exits, tl_error *err) {
  int64_t left = l->rows - l->at - from;
  if (left <= 0) return TL_OK;
  bool ends = left <= rows && !l->open && l->next == NULL;
  uint64_t live = left < 64 ? ((uint64_t)1 << left) - 1 : UINT64_MAX, last = ends ? (uint64_t)1 << (left - 1) : 0;
  exits &= live;
  enters &= live & ~exits;
  if (!l->begun && from == 0) enters &= ~(uint64_t)1;
  for (;;) {
    uint64_t events = l->held ? exits | last : enters;
    if (events == 0) return TL_OK;
    int row = __builtin_ctzll(events);
    int64_t at = l->first + l->at + from + row;
    TL_TRY(l->held ? close_position(r, l, at, err) : open_position(r, l, at, err));
    l->held = !l->held;
    uint64_t done = events ^ (events - 1); /* up to this row */
    enters &= ~done;
    exits &= ~done;
  }
}

static tl_status trade(tl_tick_runner *r, int rows, tl_error *err) {
  uint64_t enters[TL_LANES], exits[TL_LANES];
  for (int from = 0; from < rows; from += TL_TURNED_ROWS) {
    int some = rows - from < TL_TURNED_ROWS ? rows - from : TL_TURNED_ROWS;
    r->engine.kernels->turn_bits(enters, r->enter + from, some);
    r->engine.kernels->turn_bits(exits, r->exit + from, some);
    for (int l = 0; l < TL_LANES; l++)
      if (r->lanes[l].block != NULL) TL_TRY(trade_lane(r, &r->lanes[l], from, some, enters[l], exits[l], err));
  }
  return TL_OK;
}

/* ---- tiles ---- */

/* Rows that all lanes can be given at once: a stream that goes on in another block must not have a gap there. */
static int rows_of_tile(const tl_tick_runner *r) {
  int rows = r->engine.tile_rows;
  for (int l = 0; l < TL_LANES; l++) {
    const lane *a = &r->lanes[l];
    bool cut = a->block != NULL && (a->next != NULL || a->open);
    if (cut && a->rows - a->at < rows) rows = (int)(a->rows - a->at);
  }
  return rows;
}

static tl_status run_tile(tl_tick_runner *r, tl_error *err) {
  int rows = rows_of_tile(r);
  for (int l = 0; l < TL_LANES; l++) {
    const lane *a = &r->lanes[l];
    tl_lane_stream *s = &r->streams[l];
    const double **in = r->inputs + l * (r->plan->input_count + 1);
    const uint16_t **codes = r->codes + l * (r->plan->input_count + 1);
    s->rows = 0;
    if (a->block == NULL) continue;
    s->first = r->row - a->at;
    s->rows = r->row + a->rows - a->at;
    s->order = a->block->late ? NULL : a->block->time + a->first;
    for (int i = 0; i < r->plan->input_count; i++) {
      const tl_tape_input *input = &a->block->inputs[i];
      codes[i] = input->coded ? input->codes + a->first : NULL;
      in[i] = input->coded ? input->values : input->values + a->first;
    }
  }
  TL_TRY(tl_engine_run_rows(&r->engine, r->streams, TL_LANES, r->row, r->row + rows, err));
  TL_TRY(trade(r, rows, err));
  for (int l = 0; l < TL_LANES; l++) {
    lane *a = &r->lanes[l];
    if (a->block == NULL) continue;
    a->begun = true;
    a->at = a->rows - a->at < rows ? a->rows : a->at + rows;
    if (a->at < a->rows || a->open || a->next != NULL) continue;
    a->block->users--;
    a->block = NULL;
  }
  r->row += rows;
  return TL_OK;
}

static tl_status take_keys(tl_tick_runner *r, tl_error *err) {
  tl_stretch_trades *o = r->out;
  o->key_count = r->tape->key_count;
  TL_TRY(tl_allocate_zeroed(r->env, &o->keys, (size_t)o->key_count + 1, sizeof *o->keys, err));
  for (int k = 0; k < o->key_count; k++) {
    o->keys[k] = r->reader.keys[k];
    r->reader.keys[k] = (tl_column){.env = r->env, .bytes = {.env = r->env}};
  }
  return TL_OK;
}

tl_status tl_tick_run(tl_tick_runner *r, tl_tape_stretch stretch, tl_stretch_trades *out, tl_error *err) {
  bool any;
  *out = (tl_stretch_trades){.env = r->env};
  for (size_t i = 0; i < r->block_count; i++) {
    r->blocks[i]->users = 0;
    r->blocks[i]->asked = false;
  }
  memset(r->lanes, 0, sizeof r->lanes);
  r->out = out;
  r->present = NULL;
  r->next_run = 0;
  r->ended = false;
  r->row = 0;
  int64_t rows = r->reader.rows;
  TL_TRY(tl_tape_reader_start(&r->reader, stretch, err));
  for (;;) {
    TL_TRY(fill_lanes(r, &any, err));
    if (!any) break;
    TL_TRY(run_tile(r, err));
  }
  TL_TRY(settle_all(r, err));
  out->rows = r->reader.rows - rows;
  r->likely_trades = out->count + out->count / 8 + 1;
  return take_keys(r, err);
}
