#include "trade/backtest.h"
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "base/text.h"

/* A stream of a day, to see whether it lies in more than one file. */
typedef struct seen {
  uint64_t hash;
  size_t file;
  uint32_t stretch;
  int64_t stream;
} seen;

typedef struct backtest {
  tl_env *env;
  const tl_backtest_options *o;
  tl_backtest_outcome *out;
  tl_tape tape;
  tl_plan plan;
  tl_classes *classes; /* of the plan's inputs */
  tl_isa isa;
  tl_tick_costs costs;
  int threads, tile_rows;
  tl_tape_stretch *stretches;
  size_t count;
  bool by_days;  /* every file's path says its day */
  size_t next;   /* stretch that nobody has */
  size_t merged; /* stretches whose trades are summed */
  tl_lock *lock;
  tl_status status;
  tl_error error;
  size_t failed; /* the stretch that it is of; `count`: of none */
  int64_t rows_done;
  bool writes;
  tl_trade_sink sink;
  seen *seen;
  size_t seen_count, seen_capacity;
  size_t *table; /* by contract: groups by their keys' hash; 1 + index */
  size_t table_size;
} backtest;

void tl_backtest_outcome_free(tl_backtest_outcome *o) {
  if (o->env == NULL) return;
  for (size_t i = 0; o->stretches != NULL && i < o->stretch_count; i++) tl_stretch_trades_free(&o->stretches[i]);
  tl_release(o->env, o->stretches);
  tl_release(o->env, o->groups);
  *o = (tl_backtest_outcome){0};
}

/* ---- days ---- */

/* The day that a file's path is of, INT64_MIN where it does not say: then all files are merged at once. */
static int64_t day_of_file(const backtest *b, size_t file) {
  const tl_dataset_file *f = &b->tape.scan.dataset.files[file];
  int64_t day;
  for (int k = 0; k < f->key_count; k++)
    if (strcmp(f->keys[k].name, "date") == 0 && f->keys[k].value != NULL && tl_date_read(f->keys[k].value, strlen(f->keys[k].value), &day)) return day;
  const char *slash = strchr(f->name, '/');
  if (slash != NULL && tl_date_read(f->name, (size_t)(slash - f->name), &day)) return day;
  return INT64_MIN;
}

static int by_stretch_day(const void *a, const void *b, void *context) {
  const tl_tape_stretch *x = a, *y = b;
  int64_t i = day_of_file(context, x->file), j = day_of_file(context, y->file);
  if (i != j) return i < j ? -1 : 1;
  return x->first_part < y->first_part ? -1 : x->first_part > y->first_part;
}

/* Days in their order, whatever else the paths put first. */
static void order_stretches(backtest *b) {
  b->by_days = true;
  for (size_t i = 0; i < b->count; i++) b->by_days &= day_of_file(b, b->stretches[i].file) != INT64_MIN;
  if (b->by_days && b->count > 0) qsort_r(b->stretches, b->count, sizeof *b->stretches, by_stretch_day, b);
}

/* Stretches [first, end) are of one day, or all of them where some path does not say its day. */
static size_t end_of_day(const backtest *b, size_t first) {
  size_t end = first + 1;
  if (!b->by_days) return b->count;
  while (end < b->count && day_of_file(b, b->stretches[end].file) == day_of_file(b, b->stretches[first].file)) end++;
  return end;
}

/* ---- groups ---- */

static uint64_t hash_of_keys(const tl_stretch_trades *s, int64_t stream, uint64_t seed) {
  for (int k = 0; k < s->key_count; k++) seed = tl_column_hash(&s->keys[k], stream, seed);
  return seed;
}

static bool same_keys(const tl_stretch_trades *a, int64_t i, const tl_stretch_trades *b, int64_t j) {
  for (int k = 0; k < a->key_count; k++)
    if (tl_column_hash(&a->keys[k], i, 0) != tl_column_hash(&b->keys[k], j, 0)) return false;
  return true;
}

static tl_status grow_table(backtest *b, tl_error *err) {
  if (b->out->group_count * 2 < b->table_size) return TL_OK;
  size_t size = b->table_size > 0 ? b->table_size * 2 : 1024, capacity = 0;
  tl_release(b->env, b->table);
  b->table = NULL;
  b->table_size = 0;
  TL_TRY(tl_renew(b->env, &b->table, &capacity, size, sizeof *b->table, err));
  memset(b->table, 0, size * sizeof *b->table);
  b->table_size = size;
  for (size_t i = 0; i < b->out->group_count; i++) {
    const tl_backtest_group *g = &b->out->groups[i];
    size_t at = hash_of_keys(&b->out->stretches[g->stretch], g->stream, 1) & (size - 1);
    while (b->table[at] != 0) at = (at + 1) & (size - 1);
    b->table[at] = i + 1;
  }
  return TL_OK;
}

static tl_status add_group(backtest *b, tl_backtest_group group, size_t *out, tl_error *err) {
  tl_backtest_outcome *o = b->out;
  TL_TRY(tl_reserve(b->env, &o->groups, &o->group_capacity, o->group_count + 1, sizeof *o->groups, err));
  *out = o->group_count;
  o->groups[o->group_count++] = group;
  return TL_OK;
}

static tl_status find_contract(backtest *b, uint32_t stretch, int64_t stream, size_t *out, tl_error *err) {
  const tl_stretch_trades *s = &b->out->stretches[stretch];
  TL_TRY(grow_table(b, err));
  size_t at = hash_of_keys(s, stream, 1) & (b->table_size - 1);
  for (; b->table[at] != 0; at = (at + 1) & (b->table_size - 1)) {
    const tl_backtest_group *g = &b->out->groups[b->table[at] - 1];
    if (same_keys(&b->out->stretches[g->stretch], g->stream, s, stream)) return *out = b->table[at] - 1, TL_OK;
  }
  TL_TRY(add_group(b, (tl_backtest_group){.stretch = stretch, .stream = stream}, out, err));
  b->table[at] = *out + 1;
  return TL_OK;
}

static tl_status find_day(backtest *b, int64_t day, size_t *out, tl_error *err) {
  for (size_t i = b->out->group_count; i-- > 0;) /* days come in their order, mostly */
    if (b->out->groups[i].day == day) return *out = i, TL_OK;
  return add_group(b, (tl_backtest_group){.day = day}, out, err);
}

static tl_status find_group(backtest *b, uint32_t stretch, int64_t stream, size_t *out, tl_error *err) {
  if (b->o->by == TL_BY_DAY) return find_day(b, b->out->stretches[stretch].stream_days[stream], out, err);
  return find_contract(b, stretch, stream, out, err);
}

static tl_status add_rows_to_groups(backtest *b, uint32_t stretch, tl_error *err) {
  const tl_stretch_trades *s = &b->out->stretches[stretch];
  size_t group;
  for (int64_t i = 0; b->o->by != TL_BY_NOTHING && i < s->streams; i++) {
    TL_TRY(find_group(b, stretch, i, &group, err));
    b->out->groups[group].rows += s->stream_rows[i];
  }
  return TL_OK;
}

/* ---- merging ---- */

static tl_status note_streams(backtest *b, uint32_t stretch, tl_error *err) {
  const tl_stretch_trades *s = &b->out->stretches[stretch];
  TL_TRY(tl_reserve(b->env, &b->seen, &b->seen_capacity, b->seen_count + (size_t)s->streams, sizeof *b->seen, err));
  for (int64_t i = 0; i < s->streams; i++) {
    uint64_t day = b->o->definition->resets_daily ? (uint64_t)s->stream_days[i] : 0;
    b->seen[b->seen_count++] = (seen){hash_of_keys(s, i, day), b->stretches[stretch].file, stretch, i};
  }
  return TL_OK;
}

static int by_hash(const void *a, const void *b) {
  const seen *x = a, *y = b;
  return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : 0;
}

static tl_status check_once(backtest *b, tl_error *err) {
  if (b->seen_count > 0) qsort(b->seen, b->seen_count, sizeof *b->seen, by_hash);
  for (size_t i = 1; i < b->seen_count; i++) {
    const seen *x = &b->seen[i - 1], *y = &b->seen[i];
    if (x->hash != y->hash) continue;
    const tl_dataset_file *files = b->tape.scan.dataset.files;
    if (x->file == y->file)
      return tl_fail(err, TL_CORRUPT, "%s: a stream's rows lie in two places; tickloom sort mends a tape that is out of order", files[x->file].path);
    return tl_fail(err, TL_CORRUPT, "%s and %s both have rows of one stream and day; pack them into one tape", files[x->file].path, files[y->file].path);
  }
  return TL_OK;
}

/* A day's trades, in their order. */
static tl_status merge_day(backtest *b, size_t first, size_t end, tl_error *err) {
  tl_backtest_outcome *o = b->out;
  tl_trade_place *order;
  size_t count, group;
  for (size_t i = first; i < end; i++) {
    TL_TRY(note_streams(b, (uint32_t)i, err));
    TL_TRY(add_rows_to_groups(b, (uint32_t)i, err));
    o->rows += o->stretches[i].rows;
    o->streams += o->stretches[i].streams;
  }
  TL_TRY(tl_trades_order(b->env, o->stretches + first, end - first, &order, &count, err));
  tl_status status = b->writes ? tl_trade_sink_put(&b->sink, o->stretches + first, order, count, err) : TL_OK;
  for (size_t i = 0; i < count && status == TL_OK; i++) {
    const tl_stretch_trades *s = &o->stretches[first + order[i].stretch];
    const tl_trade *t = &s->trades[order[i].index];
    o->pnl += t->pnl;
    o->trades++;
    if (b->o->by == TL_BY_NOTHING) continue;
    status = find_group(b, (uint32_t)first + order[i].stretch, t->stream, &group, err);
    if (status != TL_OK) break;
    o->groups[group].trades++;
    o->groups[group].pnl += t->pnl;
  }
  tl_release(b->env, order);
  for (size_t i = first; i < end; i++) { /* trades are done with; keys of groups stay */
    tl_release(b->env, o->stretches[i].trades);
    o->stretches[i].trades = NULL;
    o->stretches[i].count = o->stretches[i].capacity = 0;
    if (b->o->by != TL_BY_CONTRACT && status == TL_OK) tl_stretch_trades_free(&o->stretches[i]);
  }
  return status;
}

/* Days that are all there, in order; the lock is held. */
static tl_status merge_ready(backtest *b, tl_error *err) {
  while (b->merged < b->count) {
    size_t end = end_of_day(b, b->merged);
    for (size_t i = b->merged; i < end; i++)
      if (!b->out->stretches[i].done) return TL_OK;
    TL_TRY(merge_day(b, b->merged, end, err));
    b->merged = end;
  }
  return TL_OK;
}

/* ---- threads ---- */

/* Of several failures that of the first stretch is told, whichever comes first: stretches ahead of one that failed are all under way, and go on to their end.
 */
static void fail(backtest *b, size_t stretch, tl_status status, const tl_error *err) {
  if (status == TL_OK || (b->status != TL_OK && b->failed <= stretch)) return;
  b->status = status;
  b->error = *err;
  b->failed = stretch;
}

static void work(void *context, int thread) {
  backtest *b = context;
  tl_tick_runner *runner = NULL;
  tl_error err = {0};
  int64_t begun = b->env->tick_ns(b->env);
  (void)thread;
  tl_status status = tl_tick_open(&runner, b->env, &b->tape, &b->plan, b->isa, b->tile_rows, b->costs, &err);
  tl_lock_enter(b->lock);
  fail(b, b->count, status, &err);
  while (b->status == TL_OK && b->next < b->count) {
    size_t i = b->next++;
    tl_lock_leave(b->lock);
    tl_stretch_trades result = {0};
    status = tl_sys_stop_requested() ? tl_fail(&err, TL_CANCELLED, "stopped") : tl_tick_run(runner, b->stretches[i], &result, &err);
    tl_lock_enter(b->lock);
    b->out->stretches[i] = result;
    fail(b, i, status, &err);
    if (status != TL_OK) break;
    b->out->stretches[i].done = true;
    b->rows_done += b->out->stretches[i].rows;
    if (b->o->tell != NULL) b->o->tell(b->o->context, b->rows_done, b->tape.scan.rows);
    fail(b, b->count, merge_ready(b, &err), &err);
  }
  if (runner != NULL) b->out->decode_ns += tl_tick_decode_ns(runner);
  b->out->work_ns += b->env->tick_ns(b->env) - begun;
  tl_lock_leave(b->lock);
  tl_tick_close(runner);
}

/* ---- all ---- */

static int used_input(const backtest *b, const char *name) {
  for (int u = 0; u < b->plan.input_count; u++)
    if (strcmp(b->o->definition->inputs[b->plan.inputs[u]].name, name) == 0) return u;
  return -1;
}

static tl_status make_plan(backtest *b, tl_error *err) {
  const tl_definition *d = b->o->definition;
  TL_OWNED(tl_arena) arena = {.env = b->env};
  bool *selected;
  if (d->kind != TL_DEFINES_STRATEGY) return tl_fail(err, TL_DEFINITION, "%s: no strategy; it enters and exits nothing", d->path);
  if (d->side_count > 0) return tl_fail(err, TL_DEFINITION, "%s: sides are not available in backtests in this version", d->path);
  TL_TRY(tl_arena_take(&arena, &selected, d->output_count, sizeof *selected, err));
  selected[d->enter_long] = selected[d->exit_long] = true;
  TL_TRY(tl_plan_make(&b->plan, b->env, d, TL_FRAME_MAIN, selected, INT64_MAX, TL_UNIT_NS, NULL, err));
  for (int i = 0; i < b->plan.input_count; i++)
    if (b->plan.as_time[i]) return tl_fail(err, TL_DEFINITION, "%s: times other than the order key are not available in backtests in this version", d->path);
  for (int i = 0; i < b->plan.step_count; i++)
    if (b->plan.steps[i].span >= 0) return tl_fail(err, TL_DEFINITION, "%s: windows of time are not available in backtests in this version", d->path);
  b->costs = (tl_tick_costs){.fee = b->o->fee, .slippage = b->o->slippage, .bid = -1, .ask = -1, .keeps_entry_times = b->o->trades != NULL};
  if (used_input(b, "price") < 0) return tl_fail(err, TL_DEFINITION, "%s: the profile tick fills at the input price, which the signals do not use", d->path);
  if (!b->o->fill_quotes) return TL_OK;
  b->costs.bid = used_input(b, "bid");
  b->costs.ask = used_input(b, "ask");
  if (b->costs.bid < 0 || b->costs.ask < 0) return tl_fail(err, TL_DEFINITION, "%s: fills at bid and ask need inputs of these names in the signals", d->path);
  return TL_OK;
}

/* Of the inputs at which positions are filled more is wanted than signals ask for. */
static tl_status find_classes(backtest *b, tl_error *err) {
  int price = used_input(b, "price");
  TL_TRY(tl_allocate_zeroed(b->env, &b->classes, (size_t)b->plan.input_count + 1, sizeof *b->classes, err));
  for (int u = 0; u < b->plan.input_count; u++) {
    tl_classes_find(&b->classes[u], &b->plan, b->plan.inputs[u]);
    if (u == price || u == b->costs.bid || u == b->costs.ask) b->classes[u].enough = false;
  }
  return TL_OK;
}

static bool plan_reads_time(const backtest *b) {
  for (int i = 0; i < b->plan.step_count; i++) {
    const tl_node *n = &b->o->definition->graph.nodes[b->plan.steps[i].node];
    if (n->kind == TL_NODE_COLUMN && n->column == TL_ORDER_COLUMN) return true;
  }
  return false;
}

static tl_status run(backtest *b, tl_error *err) {
  const tl_backtest_options *o = b->o;
  TL_TRY(tl_isa_choose(&b->isa, err));
  TL_TRY(make_plan(b, err));
  TL_TRY(find_classes(b, err));
  TL_TRY(
      tl_tape_open(&b->tape, b->env, o->in, o->where, o->definition, b->plan.inputs, b->classes, b->plan.input_count, plan_reads_time(b), o->memory / 8, err));
  b->threads = o->threads > 0 ? o->threads : tl_sys_processors();
  b->tile_rows = o->tile_rows > 0 ? o->tile_rows : TL_TILE_ROWS;
  TL_TRY(tl_tape_cut(&b->tape, b->threads * 4, &b->stretches, &b->count, err));
  order_stretches(b);
  b->out->files = (int64_t)b->tape.scan.dataset.count;
  b->out->threads = b->threads;
  b->out->stretch_count = b->count;
  TL_TRY(tl_allocate_zeroed(b->env, &b->out->stretches, b->count + 1, sizeof *b->out->stretches, err));
  if (o->trades != NULL) TL_TRY(tl_trade_sink_open(&b->sink, b->env, o->trades, &b->tape, err));
  b->writes = o->trades != NULL;
  TL_TRY(tl_lock_open(&b->lock, b->env, err));
  tl_sys_run_threads(b->threads, work, b);
  if (b->status != TL_OK && err != NULL) *err = b->error;
  TL_TRY(b->status);
  TL_TRY(check_once(b, err));
  return b->writes ? tl_trade_sink_finish(&b->sink, err) : TL_OK;
}

static int by_day(const void *a, const void *b) {
  const tl_backtest_group *x = a, *y = b;
  return x->day < y->day ? -1 : x->day > y->day;
}

static int by_contract(const void *a, const void *b, void *stretches) {
  const tl_backtest_group *x = a, *y = b;
  return tl_streams_compare((const tl_stretch_trades *)stretches + x->stretch, x->stream, (const tl_stretch_trades *)stretches + y->stretch, y->stream);
}

static void order_groups(tl_backtest_outcome *o, tl_backtest_by by) {
  if (o->group_count == 0) return;
  if (by == TL_BY_DAY) qsort(o->groups, o->group_count, sizeof *o->groups, by_day);
  if (by == TL_BY_CONTRACT) qsort_r(o->groups, o->group_count, sizeof *o->groups, by_contract, o->stretches);
}

tl_status tl_backtest_run(tl_backtest_outcome *out, tl_env *env, const tl_backtest_options *options, tl_error *err) {
  *out = (tl_backtest_outcome){.env = env};
  backtest b = {.env = env, .o = options, .out = out};
  tl_status status = run(&b, err);
  if (status == TL_OK) order_groups(out, options->by);
  if (b.lock != NULL) tl_lock_close(b.lock);
  tl_trade_sink_free(&b.sink);
  tl_release(env, b.seen);
  tl_release(env, b.table);
  tl_release(env, b.stretches);
  tl_release(env, b.classes);
  if (b.plan.env != NULL) tl_plan_free(&b.plan);
  tl_tape_free(&b.tape);
  return status;
}
