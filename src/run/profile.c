#include "run/profile.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "run/run.h"

static double seconds(double ns) { return ns / 1e9; }

tl_status tl_feature_times(const tl_run *run, tl_feature_time *out, tl_error *err) {
  const tl_definition *d = run->definition;
  const tl_graph *g = &d->graph;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  int32_t *users;
  bool *reached;
  for (size_t o = 0; o < d->output_count; o++) out[o] = (tl_feature_time){.output = o};
  if ((double)g->count * (double)d->output_count > 1e8) return TL_OK; /* beyond what is worth a second */
  TL_TRY(tl_arena_take(&arena, &users, g->count + 1, sizeof *users, err));
  TL_TRY(tl_arena_take(&arena, &reached, g->count + 1, sizeof *reached, err));
  for (int pass = 0; pass < 2; pass++)
    for (size_t o = 0; o < d->output_count; o++) {
      if (!run->selected[o]) continue;
      int32_t last = d->outputs[o].edge.node;
      memset(reached, 0, (size_t)last + 1);
      reached[last] = true;
      for (int32_t i = last; i >= 0; i--) {
        if (!reached[i]) continue;
        double ns = (double)run->node_ns[i];
        if (pass == 0)
          users[i]++;
        else if (users[i] == 1)
          out[o].exclusive_ns += ns;
        else
          out[o].shared_ns += ns / users[i];
        for (int k = 0; k < g->nodes[i].inputs; k++) reached[g->nodes[i].in[k].node] = true;
      }
    }
  return TL_OK;
}

/* ---- streams ---- */

typedef struct stream_time {
  int64_t ns;
  size_t stream; /* of tl_run.order */
} stream_time;

static int by_time(const void *a, const void *b) {
  const stream_time *x = a, *y = b;
  return x->ns != y->ns ? (x->ns > y->ns) - (x->ns < y->ns) : (x->stream > y->stream) - (x->stream < y->stream);
}

/* Of each stream its share, by rows, of the time of its task. */
static tl_status stream_times(const tl_run *run, tl_arena *arena, stream_time **out, size_t *count, tl_error *err) {
  TL_TRY(tl_arena_take(arena, out, run->stream_count + 1, sizeof **out, err));
  *count = 0;
  for (size_t t = 0; t < run->task_count; t++)
    for (size_t p = run->tasks[t].first_piece; p < run->tasks[t].first_piece + run->tasks[t].piece_count; p++)
      for (size_t i = 0; i < run->pieces[p].stream_count; i++) {
        size_t stream = run->pieces[p].first_stream + i;
        double share = run->tasks[t].rows > 0 ? (double)run->order[stream]->rows / (double)run->tasks[t].rows : 0;
        (*out)[(*count)++] = (stream_time){(int64_t)(share * (double)run->task_ns[t]), stream};
      }
  if (*count > 1) qsort(*out, *count, sizeof **out, by_time);
  return TL_OK;
}

static void put_stream(const tl_run *run, tl_json *j, const char *name, const stream_time *s) {
  char stream[300];
  tl_stream_name(&run->input, run->order[s->stream], stream, sizeof stream);
  tl_json_open(j, name, '{');
  tl_json_string(j, "stream", stream);
  tl_json_double(j, "seconds", seconds((double)s->ns));
  tl_json_close(j, '}');
}

/* ---- as JSON ---- */

static void put_threads(const tl_run *run, tl_json *j) {
  tl_json_open(j, "threads", '[');
  for (int i = 0; i < run->threads && run->profiles != NULL; i++) {
    const tl_thread_profile *p = &run->profiles[i];
    tl_json_open(j, NULL, '{');
    tl_json_double(j, "busy_s", seconds((double)p->busy_ns));
    tl_json_double(j, "read_s", seconds((double)p->io_ns));
    tl_json_double(j, "decode_s", seconds((double)p->decode_ns));
    tl_json_double(j, "compute_s", seconds((double)p->compute_ns));
    tl_json_double(j, "encode_s", seconds((double)p->encode_ns));
    tl_json_double(j, "write_s", seconds((double)p->write_ns));
    tl_json_int(j, "memory_bytes", p->memory_bytes);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
}

static double io_share(const tl_run *run) {
  const tl_work_times *t = &run->times;
  double io = (double)(t->io_ns + t->decode_ns + t->encode_ns + t->write_ns), all = io + (double)t->compute_ns;
  return all > 0 ? io / all : 0;
}

static double efficiency(const tl_run *run) { return run->wall_ns > 0 ? (double)run->times.busy_ns / ((double)run->wall_ns * run->threads) : 0; }

tl_status tl_profile_write(tl_run *run, const tl_feature_time *times, tl_json *j, tl_error *err) {
  const tl_definition *d = run->definition;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  stream_time *streams;
  size_t count;
  TL_TRY(stream_times(run, &arena, &streams, &count, err));
  tl_json_open(j, "profile", '{');
  tl_json_open(j, "features", '[');
  for (size_t o = 0; o < d->output_count; o++) {
    if (!run->selected[o]) continue;
    tl_json_open(j, NULL, '{');
    tl_json_string(j, "name", d->outputs[o].name);
    tl_json_double(j, "exclusive_s", seconds(times[o].exclusive_ns));
    tl_json_double(j, "shared_s", seconds(times[o].shared_ns));
    tl_json_double(j, "ns_per_row", run->tally.rows > 0 ? (times[o].exclusive_ns + times[o].shared_ns) / (double)run->tally.rows : 0);
    tl_json_close(j, '}');
  }
  tl_json_close(j, ']');
  tl_json_open(j, "streams", '{');
  tl_json_int(j, "count", (int64_t)count);
  if (count > 0) {
    put_stream(run, j, "min", &streams[0]);
    put_stream(run, j, "median", &streams[count / 2]);
    put_stream(run, j, "max", &streams[count - 1]);
  }
  tl_json_close(j, '}');
  put_threads(run, j);
  tl_json_double(j, "io_share", io_share(run));
  tl_json_double(j, "parallel_efficiency", efficiency(run));
  tl_json_close(j, '}');
  return j->status;
}

/* ---- for people ---- */

static int by_cost(const void *a, const void *b) {
  const tl_feature_time *x = a, *y = b;
  double p = x->exclusive_ns + x->shared_ns, q = y->exclusive_ns + y->shared_ns;
  return p != q ? (p > q) - (p < q) : (x->output > y->output) - (x->output < y->output);
}

static tl_status show_features(const tl_run *run, const tl_feature_time *times, tl_buffer *out, tl_error *err) {
  const tl_definition *d = run->definition;
  TL_OWNED(tl_arena) arena = {.env = run->env};
  tl_feature_time *sorted;
  size_t count = 0, width = 7;
  double rows = run->tally.rows > 0 ? (double)run->tally.rows : 1;
  TL_TRY(tl_arena_take(&arena, &sorted, d->output_count + 1, sizeof *sorted, err));
  for (size_t o = 0; o < d->output_count; o++) {
    if (!run->selected[o]) continue;
    sorted[count++] = times[o];
    if (strlen(d->outputs[o].name) > width) width = strlen(d->outputs[o].name);
  }
  if (count > 1) qsort(sorted, count, sizeof *sorted, by_cost);
  TL_TRY(tl_buffer_format(out, err, "\n%-*s  %9s  %9s  %9s\n", (int)width, "feature", "exclusive", "shared", "ns a row"));
  for (size_t i = 0; i < count; i++) {
    char exclusive[TL_NUMBER_TEXT], shared[TL_NUMBER_TEXT];
    tl_seconds_text(exclusive, seconds(sorted[i].exclusive_ns));
    tl_seconds_text(shared, seconds(sorted[i].shared_ns));
    TL_TRY(tl_buffer_format(out, err, "%-*s  %9s  %9s  %9.2f\n", (int)width, d->outputs[sorted[i].output].name, exclusive, shared,
                            (sorted[i].exclusive_ns + sorted[i].shared_ns) / rows));
  }
  return TL_OK;
}

static tl_status show_streams(const tl_run *run, tl_buffer *out, tl_error *err) {
  static const char *const names[] = {"quickest", "median", "slowest"};
  TL_OWNED(tl_arena) arena = {.env = run->env};
  stream_time *streams;
  size_t count;
  TL_TRY(stream_times(run, &arena, &streams, &count, err));
  for (int i = 0; i < 3 && count > 0; i++) {
    const stream_time *s = &streams[i == 0 ? 0 : i == 1 ? count / 2 : count - 1];
    char name[300], time[TL_NUMBER_TEXT];
    tl_stream_name(&run->input, run->order[s->stream], name, sizeof name);
    tl_seconds_text(time, seconds((double)s->ns));
    TL_TRY(tl_buffer_format(out, err, "%s%s %s %s%s", i == 0 ? "\nstreams: " : "", names[i], name, time, i < 2 ? ", " : "\n"));
  }
  return TL_OK;
}

tl_status tl_profile_show(tl_run *run, const tl_feature_time *times, tl_buffer *out, tl_error *err) {
  const tl_work_times *t = &run->times;
  const struct {
    const char *name;
    int64_t ns;
  } parts[] = {{"read", t->io_ns}, {"decode", t->decode_ns}, {"compute", t->compute_ns}, {"encode", t->encode_ns}, {"write", t->write_ns}};
  TL_TRY(show_features(run, times, out, err));
  TL_TRY(show_streams(run, out, err));
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    char time[TL_NUMBER_TEXT];
    tl_seconds_text(time, seconds((double)parts[i].ns));
    TL_TRY(tl_buffer_format(out, err, "%s%s %s", i == 0 ? "work: " : ", ", parts[i].name, time));
  }
  TL_TRY(tl_buffer_format(out, err, " (%.0f%% is input and output)\n", 100 * io_share(run)));
  for (int i = 0; i < run->threads && run->profiles != NULL; i++) {
    char busy[TL_NUMBER_TEXT], memory[TL_NUMBER_TEXT];
    tl_seconds_text(busy, seconds((double)run->profiles[i].busy_ns));
    tl_size_text(memory, (double)run->profiles[i].memory_bytes);
    TL_TRY(tl_buffer_format(out, err, "thread %d: busy %s, %s\n", i + 1, busy, memory));
  }
  return tl_buffer_format(out, err, "parallel efficiency %.0f%%\n", 100 * efficiency(run));
}
