/* What a run will need, before it starts. */
#include <string.h>
#include "base/text.h"
#include "run/run.h"

enum {
  BASE_BYTES = 20 << 20,   /* the program, its libraries and what the heap wastes */
  WORKER_BYTES = 5 << 20,  /* compressor, page and raw bytes of a chunk, for pages of the usual size */
  READING_BYTES = 3 << 20, /* the same for reading alone */
};

/* Bytes that one row of a task takes: keys, inputs, results, and the encoded form of both the column at hand and the row group. */
static int64_t row_bytes(const tl_run *run) {
  int64_t columns = 4 + (int64_t)run->plan.input_count + 2 * (int64_t)run->selected_count + (int64_t)run->sources.joins;
  if (run->spills) columns += 4 + (int64_t)run->plan.input_count; /* where it comes from, and the block it lies in */
  return 8 * columns + 32;
}

static int64_t index_bytes(const tl_run *run) {
  const tl_input_set *in = &run->input;
  size_t keys = (size_t)run->definition->key_count * (sizeof(tl_key_value_data) + 24);
  return (int64_t)(in->part_count * sizeof(tl_part) + in->group_count * sizeof(tl_input_group) + in->dataset.count * (sizeof(tl_input_file) + 256) +
                   in->stream_count * (2 * sizeof(tl_stream) + keys + 64));
}

tl_status tl__run_forecast(const tl_run *run, tl_forecast *out, tl_error *err) {
  int tile_rows = run->options.tile_rows > 0 ? run->options.tile_rows : TL_TILE_ROWS;
  *out =
      (tl_forecast){.threads = run->options.threads, .fixed_bytes = BASE_BYTES + index_bytes(run), .reading_bytes = READING_BYTES, .row_bytes = row_bytes(run)};
  for (int i = 0; i < run->definition->side_count; i++) out->fixed_bytes += run->sides[i].rows * 8 * (run->side_plans[i].export_count + 1);
  int64_t windows = tl_plan_worker_bytes(&run->plan, tile_rows);
  out->thread_bytes = WORKER_BYTES + windows + 16 * (int64_t)run->selected_count * (int64_t)(sizeof(tl_feature_summary) + sizeof(tl_course));
  /* fewer threads, where each would have less than a good task's rows */
  int64_t enough = 16384 < run->input.longest ? 16384 : run->input.longest;
  for (;; out->threads--) {
    int64_t left = (run->options.memory - out->fixed_bytes) / out->threads - out->thread_bytes;
    out->task_rows = left > 0 ? left / out->row_bytes : 0;
    if (out->threads == 1 || out->task_rows >= enough) break;
  }
  if (out->task_rows >= 1 || run->stream_count + run->input.stream_count == 0) return TL_OK;
  return tl_fail(err, TL_MEMORY, "the run needs %lld MB for its index, %lld MB for windows and tiles and %lld MB for the program itself, --memory is %lld MB",
                 (long long)(index_bytes(run) / 1000000 + 1), (long long)(windows / 1000000 + 1), (long long)((BASE_BYTES + WORKER_BYTES) / 1000000),
                 (long long)(run->options.memory / 1000000));
}

/* ---- what would be done ---- */

static size_t files_to_write(const tl_run *run) { return run->file_count - run->files_finished; }

static void put_plan(const tl_run *run, tl_json *j) {
  tl_json_open(j, NULL, '{');
  tl_json_bool(j, "dry_run", true);
  tl_json_string(j, "tickloom", TICKLOOM_VERSION);
  tl_json_string(j, "definition", run->definition->path);
  tl_json_string(j, "input", run->options.input);
  if (run->options.output != NULL) tl_json_string(j, "output", run->options.output);
  tl_json_int(j, "rows", run->input.rows);
  tl_json_int(j, "streams", (int64_t)run->stream_count);
  tl_json_int(j, "files", (int64_t)run->input.dataset.count);
  tl_json_int(j, "features", (int64_t)run->selected_count);
  tl_json_int(j, "files_to_write", (int64_t)files_to_write(run));
  tl_json_int(j, "files_finished_before", (int64_t)run->files_finished);
  tl_json_int(j, "tasks", (int64_t)run->task_count);
  tl_json_int(j, "threads", run->threads);
  tl_json_open(j, "memory", '{');
  tl_json_int(j, "limit", run->options.memory);
  tl_json_int(j, "planned", run->plan_bytes);
  tl_json_close(j, '}');
  tl_json_int(j, "spilled_bytes", run->spills ? run->spill_bytes : 0);
  tl_json_open(j, "failures", '[');
  for (size_t i = 0; i < run->failure_count; i++) tl_json_string(j, NULL, run->failures[i].reason);
  tl_json_close(j, ']');
  tl_json_close(j, '}');
}

tl_status tl__run_describe_plan(tl_run *run, tl_error *err) {
  char rows[TL_NUMBER_TEXT], memory[TL_NUMBER_TEXT], limit[TL_NUMBER_TEXT], disk[TL_NUMBER_TEXT];
  tl_json json = {.out = &run->json, .err = err};
  tl_buffer *t = &run->table;
  bool stretches = false;
  put_plan(run, &json);
  TL_TRY(json.status);
  TL_TRY(tl_buffer_byte(&run->json, 0, err));
  for (size_t i = 0; i < run->task_count; i++) stretches |= run->tasks[i].room > 0;
  tl_count_text(rows, run->input.rows);
  tl_size_text(memory, (double)run->plan_bytes);
  tl_size_text(limit, (double)run->options.memory);
  tl_size_text(disk, (double)run->spill_bytes);
  TL_TRY(tl_buffer_format(t, err, "input: %s rows, %zu streams (the longest %lld rows) in %zu files\n", rows, run->stream_count, (long long)run->input.longest,
                          run->input.dataset.count));
  TL_TRY(tl_buffer_format(t, err, "output: %zu features in %zu files, %s\n", run->selected_count, files_to_write(run),
                          run->mirrors          ? "with the names of the input files"
                          : run->target.is_file ? "all streams in one"
                                                : "by ranges of streams"));
  if (run->files_finished > 0) TL_TRY(tl_buffer_format(t, err, "%zu more files are finished already\n", run->files_finished));
  TL_TRY(tl_buffer_format(t, err, "memory: %s of %s, for %d threads\n", memory, limit, run->threads));
  if (run->spills) TL_TRY(tl_buffer_format(t, err, "rows are scattered: they are put together first, in scratch files of %s beside the output\n", disk));
  if (stretches) TL_TRY(tl_buffer_format(t, err, "some streams are longer than a task: they are computed in stretches\n"));
  return tl_buffer_byte(t, 0, err);
}
