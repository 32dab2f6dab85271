#include "run/engine_inside.h"
#include <string.h>

/* ---- records ---- */

/* Where the stream of a lane ends, of which a record is taken. */
static int64_t end_of(const tl_lane_stream *s) { return s->end > 0 ? s->end : s->rows; }

bool tl__engine_is_tail(const tl_engine *e, const tl_pass *p) {
  for (int l = 0; e->resume != NULL && l < p->count; l++)
    if (p->streams[l].record != NULL && p->row < end_of(&p->streams[l]) && p->row + p->rows > end_of(&p->streams[l]) - e->resume->depth) return true;
  return false;
}

/* Rows [first, end) of the tile which are among the last `depth` of `rows`. */
static void tail_rows(const tl_pass *p, int64_t rows, int64_t depth, int *first, int *end) {
  int64_t from = rows - (depth < rows ? depth : rows) - p->row, to = rows - p->row;
  *first = from < 0 ? 0 : from > p->rows ? p->rows : (int)from;
  *end = to < *first ? *first : to > p->rows ? p->rows : (int)to;
}

/* Where a record of a stream of `rows` rows has the row `row` of the kept series `k`. */
static int64_t place_of(const int64_t *places, const tl_kept *k, int64_t rows, int64_t row) {
  return *places + row - (rows - (k->depth < rows ? k->depth : rows));
}

void tl__engine_keep_values(tl_engine *e, const tl_pass *p, int step) {
  const tl_resume *r = e->resume;
  for (int i = r->steps[step].first_kept; i < r->steps[step].end_kept; i++) {
    const tl_kept *k = &r->kept[i];
    if (e->plan->steps[step].tiles[k->output] < 0) continue; /* another plan's, which has the readers of this output */
    const double *values = tl__engine_tile(e, e->plan->steps[step].tiles[k->output]);
    for (int l = 0; l < p->count; l++) {
      const tl_lane_stream *s = &p->streams[l];
      int first, end;
      if (s->record == NULL) continue;
      tail_rows(p, end_of(s), k->depth, &first, &end);
      if (first == end) continue;
      double *out = s->record + place_of(&e->places[l * (r->kept_count + 1) + i], k, end_of(s), p->row + first);
      for (int t = first; t < end; t++) *out++ = values[t * TL_LANES + l];
    }
  }
}

void tl__engine_keep_states(tl_engine *e, const tl_pass *p) {
  const tl_resume *r = e->resume;
  for (int l = 0; r != NULL && l < p->count; l++) {
    const tl_lane_stream *s = &p->streams[l];
    if (s->record == NULL || end_of(s) != p->row + p->rows) continue;
    double *out = s->record + e->places[l * (r->kept_count + 1) + r->kept_count];
    for (int i = 0; i < e->plan->step_count; i++)
      for (int d = 0; d < r->steps[i].state; d++) out[r->steps[i].state_at + d] = e->state[(e->plan->steps[i].state + d) * TL_LANES + l];
  }
}

/* Where records of streams of these lengths have what. */
static void find_places(const tl_resume *r, int64_t *places, int64_t rows) {
  int64_t at = 0;
  for (int i = 0; i < r->kept_count; i++) {
    places[i] = at;
    at += r->kept[i].depth < rows ? r->kept[i].depth : rows;
  }
  places[r->kept_count] = at;
}

tl_status tl_engine_keep(tl_engine *e, const tl_resume *resume, tl_error *err) {
  e->resume = resume;
  return tl_allocate(e->env, &e->places, (size_t)(resume->kept_count + 1) * (TL_LANES + 1), sizeof *e->places, err);
}

void tl_engine_keep_nothing(tl_engine *e) {
  e->resume = NULL;
  tl_release(e->env, e->places);
  e->places = NULL;
}

int tl__engine_tile_end(const tl_engine *e, const tl_pass *p, int64_t to) {
  int64_t end = to - p->row < e->tile_rows ? to : p->row + e->tile_rows;
  for (int l = 0; e->resume != NULL && l < p->count; l++)
    if (p->streams[l].record != NULL && end_of(&p->streams[l]) > p->row && end_of(&p->streams[l]) < end) end = end_of(&p->streams[l]);
  return (int)(end - p->row);
}

void tl__engine_note_places(tl_engine *e, const tl_lane_stream *streams, int count) {
  for (int l = 0; e->resume != NULL && l < count; l++) find_places(e->resume, e->places + l * (e->resume->kept_count + 1), end_of(&streams[l]));
}

/* ---- going on ---- */

/* The rows of `depth` before `at`, as far as there are any. */
static int64_t begin_of(int64_t at, int64_t depth) { return depth < at ? at - depth : 0; }

/* A window of no rows: what a view arranges of its rows begins with it, and what it keeps beside its ring is not known. */
void tl_engine_begin_inside(tl_engine *e) {
  for (int i = 0; i < e->plan->step_count; i++) {
    const tl_step *s = &e->plan->steps[i];
    const tl_node *n = &e->plan->definition->graph.nodes[s->node];
    if (n->kind != TL_NODE_OPERATOR || s->given >= 0 || tl__operators[n->op]->kind != TL_VIEW) continue;
    int64_t doubles = tl__state_doubles(tl__operators[n->op], &s->params, n->inputs);
    for (int64_t d = tl__operators[n->op]->parts > 0 ? 0 : s->params.slots; d < doubles; d++)
      for (int l = 0; l < TL_LANES; l++) e->state[(s->state + d) * TL_LANES + l] = __builtin_nan("");
  }
}

/* What the records of streams as they were have where: the same for all lanes, since these are of one length. */
static int64_t *before_places(const tl_engine *e) { return e->places + TL_LANES * (e->resume->kept_count + 1); }

/* Kept rows of the tile, from the records. */
static void take_kept(tl_engine *e, const tl_pass *p, int step, int64_t at) {
  const tl_resume *r = e->resume;
  for (int i = r->steps[step].first_kept; i < r->steps[step].end_kept; i++) {
    const tl_kept *k = &r->kept[i];
    double *values = tl__engine_tile(e, e->plan->steps[step].tiles[k->output]);
    int first, end;
    tail_rows(p, at, k->depth, &first, &end);
    if (first == end) continue;
    for (int l = 0; l < p->count; l++) {
      const double *from = p->streams[l].before + place_of(&before_places(e)[i], k, at, p->row + first);
      for (int t = first; t < end; t++) values[t * TL_LANES + l] = *from++;
    }
  }
}

/* A view's ring alone: what it computes of it is not asked for. */
static void fill_ring(tl_engine *e, const tl_step *s, const tl_call *call) {
  enum { ROW = TL_LANES * sizeof(double) };
  for (int r = 0; r < call->rows; r++) memcpy(e->state + (s->state + (call->row + r) % s->params.slots) * TL_LANES, call->in[0] + r * TL_LANES, ROW);
}

static void run_again(tl_engine *e, const tl_pass *p, int step, int64_t at) {
  const tl_step *s = &e->plan->steps[step];
  const tl_node *n = &e->plan->definition->graph.nodes[s->node];
  int64_t begin = begin_of(at, e->resume->steps[step].rows), skip = begin > p->row ? begin - p->row : 0;
  if (e->resume->steps[step].rows == 0 || skip >= p->rows) return;
  tl_call call = {.row = p->row + skip, .rows = p->rows - (int)skip, .inputs = n->inputs, .params = &s->params, .state = e->state + s->state * TL_LANES};
  for (int i = 0; i < n->inputs; i++) call.in[i] = tl__engine_tile(e, s->inputs[i]) + skip * TL_LANES;
  for (int i = 0; i < n->outputs; i++) call.out[i] = s->tiles[i] < 0 ? NULL : tl__engine_tile(e, s->tiles[i]) + skip * TL_LANES;
  if (tl__operators[n->op]->kind == TL_VIEW && tl__operators[n->op]->parts == 0)
    fill_ring(e, s, &call);
  else
    e->kernels->of[n->op](&call);
}

static void take_states(tl_engine *e, const tl_lane_stream *streams, int count) {
  const tl_resume *r = e->resume;
  for (int l = 0; l < count; l++) {
    const double *from = streams[l].before + before_places(e)[r->kept_count];
    for (int i = 0; i < e->plan->step_count; i++)
      for (int d = 0; d < r->steps[i].state; d++) e->state[(e->plan->steps[i].state + d) * TL_LANES + l] = from[r->steps[i].state_at + d];
  }
}

void tl_engine_resume(tl_engine *e, const tl_lane_stream *streams, int count, int64_t at) {
  tl_pass p = {.streams = streams, .count = count};
  if (at == 0) return;
  tl_engine_begin_inside(e);
  tl__engine_note_places(e, streams, count);
  find_places(e->resume, before_places(e), at);
  for (p.row = begin_of(at, e->resume->depth); p.row < at; p.row += p.rows) {
    p.rows = at - p.row < e->tile_rows ? (int)(at - p.row) : e->tile_rows;
    bool tail = tl__engine_is_tail(e, &p);
    for (int i = 0; i < e->plan->step_count; i++) {
      run_again(e, &p, i, at);
      take_kept(e, &p, i, at);
      if (tail) tl__engine_keep_values(e, &p, i);
    }
  }
  take_states(e, streams, count);
}
