#include "run/engine_inside.h"
#include <string.h>

enum { SAMPLE = 8 }; /* every eighth tile is timed */

void tl_engine_free(tl_engine *e) {
  if (e->env == NULL) return;
  tl_release(e->env, e->tiles);
  tl_release(e->env, e->state);
  tl_release(e->env, e->initial);
  tl_release(e->env, e->edge);
  tl_release(e->env, e->absent);
  tl_release(e->env, e->no_codes);
  for (int i = 0; e->spans != NULL && i < e->plan->span_count; i++) {
    tl_release(e->env, e->spans[i].rows[0]);
    tl_release(e->env, e->spans[i].rows[1]);
    tl_release(e->env, e->spans[i].view);
  }
  tl_release(e->env, e->spans);
  tl_release(e->env, e->matches);
  tl_release(e->env, e->cursors);
  tl_release(e->env, e->picked);
  tl_release(e->env, e->matched);
  tl_release(e->env, e->prepared);
  tl_release(e->env, e->bits);
  tl_release(e->env, e->step_ns);
  tl_release(e->env, e->side_matches);
  tl_release(e->env, e->places);
  tl_release(e->env, e->joins);
  *e = (tl_engine){0};
}

static void fill_constants(tl_engine *e) {
  for (int i = 0; i < e->plan->step_count; i++) {
    const tl_node *n = &e->plan->definition->graph.nodes[e->plan->steps[i].node];
    if (n->kind != TL_NODE_CONSTANT) continue;
    double *t = tl__engine_tile(e, e->plan->steps[i].tiles[0]);
    for (int k = 0; k < e->tile_rows * TL_LANES; k++) t[k] = n->constant;
  }
}

static const tl_node *node_of(const tl_engine *e, int step) { return &e->plan->definition->graph.nodes[e->plan->steps[step].node]; }

static int input_of(const tl_engine *e, const tl_node *column) {
  for (int i = 0; column->column != TL_ORDER_COLUMN && i < e->plan->input_count; i++)
    if (e->plan->inputs[i] == column->column && e->plan->as_time[i] == (column->type == TL_TIME)) return i;
  return TL_ORDER_COLUMN;
}

static void prepare_steps(tl_engine *e) {
  for (int i = 0; i < e->plan->step_count; i++) {
    const tl_step *s = &e->plan->steps[i];
    const tl_node *n = node_of(e, i);
    tl_prepared *p = &e->prepared[i];
    if (n->kind == TL_NODE_COLUMN) p->input = input_of(e, n);
    if (n->kind != TL_NODE_OPERATOR || s->given >= 0) continue;
    p->kernel = e->kernels->of[n->op];
    p->call = (tl_call){.inputs = n->inputs, .params = &s->params, .state = e->state + s->state * TL_LANES};
    for (int k = 0; k < n->inputs; k++) {
      p->call.in[k] = tl__engine_tile(e, s->inputs[k]);
      if (e->plan->definition->graph.nodes[n->in[k].node].kind == TL_NODE_CONSTANT) p->call.steady |= 1u << k;
    }
    for (int k = 0; k < n->outputs; k++) p->call.out[k] = s->tiles[k] < 0 ? NULL : tl__engine_tile(e, s->tiles[k]);
    if (s->span >= 0) p->call.span = &e->spans[s->span];
  }
}

static tl_status open_memory(tl_engine *e, tl_error *err) {
  int sides = e->plan->definition->side_count;
  TL_TRY(tl_allocate(e->env, &e->tiles, (size_t)e->plan->tile_count * (size_t)e->tile_rows * TL_LANES + 1, sizeof(double), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->state, (size_t)e->plan->state_size * TL_LANES + 1, sizeof(double), err));
  TL_TRY(tl_allocate(e->env, &e->edge, (size_t)e->tile_rows * TL_LANES, sizeof(double), err));
  TL_TRY(tl_allocate(e->env, &e->absent, (size_t)e->tile_rows, sizeof(double), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->no_codes, (size_t)e->tile_rows, sizeof *e->no_codes, err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->matches, (size_t)sides * (size_t)e->tile_rows * TL_LANES + 1, sizeof(int64_t), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->cursors, (size_t)sides * TL_LANES + 1, sizeof(int64_t), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->picked, (size_t)sides * TL_LANES + 1, sizeof(double), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->matched, (size_t)sides + 1, sizeof(int64_t), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->prepared, (size_t)e->plan->step_count + 1, sizeof *e->prepared, err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->step_ns, (size_t)e->plan->step_count + 1, sizeof(int64_t), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->side_matches, (size_t)sides + 1, sizeof(int64_t), err));
  TL_TRY(tl_allocate_zeroed(e->env, &e->spans, (size_t)e->plan->span_count + 1, sizeof *e->spans, err));
  for (int i = 0; i < e->tile_rows; i++) e->absent[i] = __builtin_nan("");
  TL_TRY(tl_allocate_zeroed(e->env, &e->joins, (size_t)sides + 1, sizeof *e->joins, err));
  for (int i = 0; i < e->plan->step_count; i++) {
    const tl_node *n = &e->plan->definition->graph.nodes[e->plan->steps[i].node];
    if (n->kind == TL_NODE_JOIN && n->inputs == 1 && e->plan->steps[i].given < 0) e->joins[e->plan->definition->graph.nodes[n->in[0].node].frame - 1] = true;
  }
  fill_constants(e);
  prepare_steps(e);
  return TL_OK;
}

/* ---- conditions as bits ---- */

/* Whether a step reads bits where it gives bits; others that give bits read values. */
static bool reads_bits(const tl_engine *e, int step) {
  const tl_node *n = node_of(e, step);
  return e->prepared[step].kernel != NULL && e->kernels->bits_of[n->op] != NULL && tl__operators[n->op]->args[0].type == TL_ARG_CONDITION;
}

/* Nodes that cannot be bits after all, since others around this step are not: those who read bits must be given some, the rest none. */
static bool drop_bits(const tl_engine *e, int step, bool *bits) {
  const tl_node *n = node_of(e, step);
  bool *own = &bits[e->plan->steps[step].node], changed = false;
  for (int k = 0; k < n->inputs; k++) {
    bool *in = &bits[n->in[k].node], joined = reads_bits(e, step) && *own;
    if (*in == joined) continue;
    if (joined) *own = false;
    *in = false;
    changed = true;
  }
  return changed;
}

static tl_status choose_bits(tl_engine *e, tl_error *err) {
  bool *bits, changed = true;
  TL_TRY(tl_allocate_zeroed(e->env, &bits, e->plan->definition->graph.count + 1, sizeof *bits, err));
  for (int i = 0; i < e->plan->step_count; i++) bits[e->plan->steps[i].node] = e->prepared[i].kernel != NULL && e->kernels->bits_of[node_of(e, i)->op] != NULL;
  while (changed) {
    changed = false;
    for (int i = 0; i < e->plan->step_count; i++) changed |= drop_bits(e, i, bits);
  }
  for (int i = 0; i < e->plan->step_count; i++) {
    tl_prepared *p = &e->prepared[i];
    p->as_bits = bits[e->plan->steps[i].node];
    if (p->as_bits) p->kernel = e->kernels->bits_of[node_of(e, i)->op];
  }
  tl_release(e->env, bits);
  return TL_OK;
}

tl_status tl_engine_take(tl_engine *e, tl_take_bits take, void *context, tl_error *err) {
  e->take = take;
  e->take_context = context;
  TL_TRY(tl_allocate(e->env, &e->bits, (size_t)e->tile_rows, sizeof *e->bits, err));
  return choose_bits(e, err);
}

tl_status tl_engine_open(tl_engine *out, tl_env *env, const tl_plan *plan, tl_isa isa, int tile_rows, const tl_side_series *sides, tl_error *err) {
  *out = (tl_engine){.env = env, .plan = plan, .kernels = tl__kernels(isa), .sides = sides, .tile_rows = tile_rows > 0 ? tile_rows : TL_TILE_ROWS};
  tl_status status = open_memory(out, err);
  if (status != TL_OK) tl_engine_free(out);
  return status;
}

static const double *source_of(const tl_lane_stream *s, int input, int given) {
  if (given >= 0) return s->given[given];
  return input == TL_ORDER_COLUMN ? (const double *)(const void *)s->order : s->inputs[input];
}

/* `rows` readable elements at a lane's row `at`: its own, or as many as are `left` with `nothing` behind them, in `padded`. */
static const void *padded_rows(const void *at, int64_t left, int rows, size_t width, const void *nothing, void *padded) {
  if (left >= rows) return at;
  memcpy(padded, at, (size_t)left * width);
  memcpy((uint8_t *)padded + (size_t)left * width, nothing, (size_t)(rows - left) * width);
  return padded;
}

/* The rows of a tile in each lane: values, or codes of values. */
typedef struct lane_rows {
  const double *values[TL_LANES];
  const uint16_t *codes[TL_LANES]; /* NULL: none */
  bool any_values, any_codes;
} lane_rows;

/* An input of each lane (or what is `given`, unless that is -1) as `rows` readable values: its own rows, its last rows padded, or nothing. */
static void find_rows(tl_engine *e, const tl_pass *p, int input, int given, lane_rows *out) {
  for (int l = 0; l < TL_LANES; l++) {
    out->values[l] = e->absent;
    out->codes[l] = NULL;
    if (l >= p->count || p->streams[l].rows <= p->row) continue;
    const tl_lane_stream *s = &p->streams[l];
    const double *source = source_of(s, input, given);
    if (source == NULL) continue;
    const uint16_t *codes = given < 0 && input != TL_ORDER_COLUMN && s->codes != NULL ? s->codes[input] : NULL;
    void *padded = e->edge + l * e->tile_rows;
    int64_t left = s->rows - p->row, at = p->row - s->first;
    if (codes != NULL) {
      out->values[l] = source;
      out->codes[l] = padded_rows(codes + at, left, p->rows, sizeof *codes, e->no_codes, padded);
      out->any_codes = true;
    } else {
      out->values[l] = padded_rows(source + at, left, p->rows, sizeof *source, e->absent, padded);
      out->any_values = true;
    }
  }
}

/* Values of lanes that have codes, beside others that have none. From the last row on, for codes may lie where values go. */
static void look_up(tl_engine *e, const tl_pass *p, lane_rows *lanes) {
  for (int l = 0; l < TL_LANES; l++) {
    double *out = e->edge + l * e->tile_rows;
    if (lanes->codes[l] == NULL) continue;
    for (int r = p->rows - 1; r >= 0; r--) {
      double value = lanes->values[l][lanes->codes[l][r]];
      memcpy(out + r, &value, sizeof value);
    }
    lanes->values[l] = out;
  }
}

static void gather(tl_engine *e, const tl_pass *p, int input, int given, double *out) {
  lane_rows lanes = {.any_codes = false};
  find_rows(e, p, input, given, &lanes);
  if (lanes.any_codes && !lanes.any_values) {
    for (int l = 0; l < TL_LANES; l++)
      if (lanes.codes[l] == NULL) lanes.codes[l] = e->no_codes;
    e->kernels->gather_codes(out, lanes.codes, lanes.values, p->rows);
    return;
  }
  if (lanes.any_codes) look_up(e, p, &lanes);
  e->kernels->gather(out, lanes.values, p->rows);
}

static void give_bits(tl_engine *e, const tl_pass *p, int step, const tl_emit *emit) {
  const double *tile = tl__engine_tile(e, emit->tile);
  bool as_bits = e->prepared[step].as_bits;
  if (!as_bits) e->kernels->truths(e->bits, tile, p->rows);
  e->take(e->take_context, emit->result, as_bits ? (const tl_condition_bits *)(const void *)tile : e->bits, p->rows);
}

/* Row t of a result was computed at row t + delay; what lies before the first or behind the last row is dropped. */
static void scatter(tl_engine *e, const tl_pass *p, const tl_emit *emit) {
  double *lanes[TL_LANES];
  bool whole = true;
  int64_t first = p->row - emit->delay;
  for (int l = 0; l < TL_LANES; l++) {
    lanes[l] = e->edge + l * e->tile_rows;
    if (l >= p->count || p->streams[l].results[emit->result] == NULL || first >= p->streams[l].rows) continue;
    if (first >= 0 && first + p->rows <= p->streams[l].rows)
      lanes[l] = p->streams[l].results[emit->result] + (first - p->streams[l].result);
    else
      whole = false;
  }
  e->kernels->scatter(lanes, tl__engine_tile(e, emit->tile), p->rows);
  for (int l = 0; !whole && l < p->count; l++) {
    double *padded = e->edge + l * e->tile_rows, *result = p->streams[l].results[emit->result];
    if (lanes[l] != padded || result == NULL) continue;
    int64_t from = first < 0 ? -first : 0, to = p->streams[l].rows - first < p->rows ? p->streams[l].rows - first : p->rows;
    if (from < to) memcpy(result + (first + from - p->streams[l].result), padded + from, (size_t)(to - from) * sizeof *padded);
  }
}

/* ---- sides ---- */

/* Rows [begin, end) of a side: those of one of its streams. */
typedef struct side_rows {
  int64_t begin, end;
} side_rows;

static side_rows rows_of(const tl_side_series *s, double number) {
  if (s->starts == NULL) return (side_rows){0, s->rows};
  if (!(number >= 0 && number < (double)s->streams)) return (side_rows){0, 0};
  return (side_rows){s->starts[(int64_t)number], s->starts[(int64_t)number + 1]};
}

/* Whether a row at `t` takes the side's row at `match`; the age as an unsigned difference cannot overflow. */
static bool is_near(const tl_side_series *s, side_rows rows, int64_t t, int64_t match) {
  return match >= rows.begin && (uint64_t)t - (uint64_t)s->order[match] <= (uint64_t)s->within;
}

/* The last of the rows that lies before time t, or the one before the first: from there on cursors walk. */
static int64_t last_before(const tl_side_series *s, side_rows rows, int64_t t) {
  int64_t low = rows.begin, high = rows.end;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (s->order[middle] < t)
      low = middle + 1;
    else
      high = middle;
  }
  return low - 1;
}

/* The last row at or before time t (or before it), at `at` or behind. */
static int64_t walk(const tl_side_series *s, side_rows rows, int64_t t, int64_t at) {
  while (at + 1 < rows.end && (s->before ? s->order[at + 1] < t : s->order[at + 1] <= t)) at++;
  return at;
}

/* Where a walk through a side stands, and in which of its streams. */
typedef struct side_walk {
  int64_t at;
  double number;
} side_walk;

/* The row of the side for a row at time t that picks stream `number`; `begins`: there was no row before it. */
static int64_t match_row(const tl_side_series *s, double number, int64_t t, bool begins, side_walk *w) {
  side_rows rows = rows_of(s, number);
  if (begins || number != w->number) w->at = last_before(s, rows, t);
  w->number = number;
  w->at = walk(s, rows, t, w->at);
  return is_near(s, rows, t, w->at) ? w->at : -1;
}

/* For every row and lane the side's last row at or before it (or before it), or -1. Both orders ascend, so a cursor walks. `numbers`: a tile
   of what picks the stream, where the side has several. */
static void match_side(tl_engine *e, const tl_pass *p, int side, const double *numbers) {
  const tl_side_series *s = &e->sides[side];
  int64_t *cursors = e->cursors + side * TL_LANES, *matches = e->matches + (int64_t)side * e->tile_rows * TL_LANES;
  double *picked = e->picked + side * TL_LANES;
  for (int l = 0; l < TL_LANES; l++) {
    side_walk w = {cursors[l], picked[l]};
    for (int r = 0; r < p->rows; r++) {
      int64_t row = p->row + r, match = -1;
      if (l < p->count && row < p->streams[l].rows)
        match = match_row(s, numbers != NULL ? numbers[r * TL_LANES + l] : 0, p->streams[l].order[row - p->streams[l].first], row == p->streams[l].first, &w);
      matches[r * TL_LANES + l] = match;
      e->side_matches[side] += match >= 0;
    }
    cursors[l] = w.at;
    picked[l] = w.number;
  }
}

static const double *series_of(const tl_engine *e, const tl_node *n, int *side) {
  *side = e->plan->definition->graph.nodes[n->in[0].node].frame - 1;
  const tl_side_series *s = &e->sides[*side];
  for (int i = 0; i < s->export_count; i++)
    if (s->nodes[i] == n->in[0].node) return s->exports[i];
  return NULL;
}

void tl_engine_join(const tl_engine *e, int32_t node, const int64_t *order, const double *numbers, int64_t rows, double *out) {
  int side;
  const double *series = series_of(e, &e->plan->definition->graph.nodes[node], &side);
  side_walk w = {0};
  for (int64_t r = 0; r < rows; r++) {
    int64_t match = match_row(&e->sides[side], numbers != NULL ? numbers[r] : 0, order[r], r == 0, &w);
    out[r] = match < 0 ? __builtin_nan("") : series[match];
  }
}

static void join(tl_engine *e, const tl_pass *p, const tl_step *step, const tl_node *n, double *out) {
  int side;
  const double *series = series_of(e, n, &side);
  const int64_t *matches = e->matches + (int64_t)side * e->tile_rows * TL_LANES;
  if (n->inputs > 1 && e->matched[side] != e->tiles_run) match_side(e, p, side, tl__engine_tile(e, step->inputs[1]));
  if (n->inputs > 1) e->matched[side] = e->tiles_run;
  for (int i = 0; i < p->rows * TL_LANES; i++) out[i] = matches[i] < 0 ? __builtin_nan("") : series[matches[i]];
}

/* ---- steps ---- */

static void run_step(tl_engine *e, const tl_pass *p, int step) {
  const tl_step *s = &e->plan->steps[step];
  const tl_node *n = node_of(e, step);
  tl_prepared *prepared = &e->prepared[step];
  if (prepared->kernel != NULL) {
    prepared->call.row = p->row;
    prepared->call.rows = p->rows;
    prepared->kernel(&prepared->call);
  } else if (s->given >= 0)
    gather(e, p, TL_ORDER_COLUMN, s->given, tl__engine_tile(e, s->tiles[0]));
  else if (n->kind == TL_NODE_COLUMN)
    gather(e, p, prepared->input, -1, tl__engine_tile(e, s->tiles[0]));
  else if (n->kind == TL_NODE_JOIN)
    join(e, p, s, n, tl__engine_tile(e, s->tiles[0]));
  for (int i = s->emit; i < s->emit + s->emit_count; i++) {
    if (e->take != NULL)
      give_bits(e, p, step, &e->plan->emits[i]);
    else
      scatter(e, p, &e->plan->emits[i]);
  }
}

static void run_tile(tl_engine *e, const tl_pass *p) {
  bool tail = tl__engine_is_tail(e, p);
  for (int i = 0; i < e->plan->definition->side_count; i++)
    if (e->sides != NULL && e->sides[i].export_count > 0 && e->joins[i]) match_side(e, p, i, NULL);
  bool timed = e->tiles_run++ % SAMPLE == 0;
  int64_t before = timed ? e->env->tick_ns(e->env) : 0;
  for (int i = 0; i < e->plan->step_count; i++) {
    run_step(e, p, i);
    if (tail) tl__engine_keep_values(e, p, i);
    if (!timed) continue;
    int64_t now = e->env->tick_ns(e->env);
    e->step_ns[i] += now - before;
    before = now;
  }
  e->tiles_timed += timed;
}

/* ---- beginning anew ---- */

bool tl_plan_restarts(const tl_plan *plan) {
  for (int i = 0; i < plan->step_count; i++) {
    const tl_node *n = &plan->definition->graph.nodes[plan->steps[i].node];
    if (n->kind == TL_NODE_JOIN || plan->steps[i].span >= 0) return false;
    if (n->kind == TL_NODE_OPERATOR && tl__operators[n->op]->kind != TL_MAP && tl__operators[n->op]->kind != TL_SCAN) return false;
  }
  return plan->greatest_delay == 0;
}

/* Kernels make their state at row 0: here of no rows. */
static tl_status make_initial(tl_engine *e, tl_error *err) {
  size_t size = (size_t)e->plan->state_size * TL_LANES + 1;
  TL_TRY(tl_allocate_zeroed(e->env, &e->initial, size, sizeof(double), err));
  for (int i = 0; i < e->plan->step_count; i++) {
    const tl_step *s = &e->plan->steps[i];
    const tl_node *n = &e->plan->definition->graph.nodes[s->node];
    if (n->kind != TL_NODE_OPERATOR || s->given >= 0 || tl__operators[n->op]->kind != TL_SCAN) continue;
    tl_call call = e->prepared[i].call;
    call.row = call.rows = 0;
    call.state = e->initial + s->state * TL_LANES;
    e->kernels->of[n->op](&call);
  }
  return TL_OK;
}

tl_status tl_engine_restart(tl_engine *e, int lane, tl_error *err) {
  if (e->initial == NULL) TL_TRY(make_initial(e, err));
  for (int64_t i = 0; i < e->plan->state_size; i++) e->state[i * TL_LANES + lane] = e->initial[i * TL_LANES + lane];
  return TL_OK;
}

/* ---- windows of time ---- */

/* The most rows that a block of one lane will have once rows [from, to) have come. */
static int64_t most_in_block(const tl_span *s, int lane, const tl_lane_stream *stream, int64_t from, int64_t to, int64_t h) {
  int64_t count = from > 0 ? s->lanes[lane].count : 0, block = s->lanes[lane].block, most = count;
  if (to > stream->rows) to = stream->rows;
  for (int64_t row = from; row < to; row++) {
    int64_t t = stream->order[row - stream->first], at = t / h - (t % h < 0);
    count = count > 0 && at == block ? count + 1 : 1;
    block = at;
    if (count > most) most = count;
  }
  return most;
}

static tl_status grow_rows(tl_engine *e, double **rows, int64_t had, int64_t wanted, int width, tl_error *err) {
  double *fresh;
  TL_TRY(tl_allocate(e->env, &fresh, (size_t)wanted * (size_t)width * TL_LANES, sizeof *fresh, err));
  if (had > 0) memcpy(fresh, *rows, (size_t)had * (size_t)width * TL_LANES * sizeof *fresh);
  tl_release(e->env, *rows);
  *rows = fresh;
  return TL_OK;
}

static tl_status make_span_room(tl_engine *e, const tl_step *step, const tl_lane_stream *streams, int count, int64_t from, int64_t to, tl_error *err) {
  const tl_node *n = &e->plan->definition->graph.nodes[step->node];
  tl_span *s = &e->spans[step->span];
  bool view = tl__operators[n->op]->kind == TL_VIEW;
  int64_t most = 1;
  s->width = tl__span_width(tl__operators[n->op], n->inputs);
  for (int l = 0; l < TL_LANES; l++) {
    if (from == 0) s->lanes[l] = (tl_span_lane){0};
    int64_t rows = l < count ? most_in_block(s, l, &streams[l], from, to, step->params.span) : 0;
    if (rows > most) most = rows;
  }
  if (most <= s->slots) return TL_OK;
  int64_t bytes = 3 * most * (s->width + view) * TL_LANES * 8; /* both arrays, and one of them once more while it grows */
  if (e->span_limit > 0 && bytes > e->span_limit / e->plan->span_count)
    return tl_fail(err, TL_MEMORY, "a window of time holds up to %lld rows, which need %lld MB; --memory leaves %lld MB for it", (long long)most,
                   (long long)(bytes / 1000000 + 1), (long long)(e->span_limit / e->plan->span_count / 1000000));
  int64_t had = from == 0 ? 0 : s->slots;
  TL_TRY(grow_rows(e, &s->rows[0], had, most, s->width, err));
  TL_TRY(grow_rows(e, &s->rows[1], had, most, s->width, err));
  if (view) TL_TRY(grow_rows(e, &s->view, 0, 2 * most, 1, err));
  s->slots = most;
  return TL_OK;
}

tl_status tl_engine_run_rows(tl_engine *e, const tl_lane_stream *streams, int count, int64_t from, int64_t to, tl_error *err) {
  tl_pass p = {.streams = streams, .count = count};
  for (int i = 0; e->plan->span_count > 0 && i < e->plan->step_count; i++)
    if (e->plan->steps[i].span >= 0) TL_TRY(make_span_room(e, &e->plan->steps[i], streams, count, from, to, err));
  tl__engine_note_places(e, streams, count);
  for (p.row = from; p.row < to; p.row += p.rows) {
    p.rows = tl__engine_tile_end(e, &p, to);
    run_tile(e, &p);
    tl__engine_keep_states(e, &p);
  }
  return TL_OK;
}
