/* What a run will need, before it starts. */
#include <string.h>
#include "base/text.h"
#include "run/run.h"

enum {
  BASE_BYTES = 8 << 20,    /* the program and its libraries: 5 MB measured */
  WORKER_BYTES = 2 << 20,  /* compressor, levels, raw bytes of a chunk */
  READING_BYTES = 1 << 20, /* the same for reading alone */
  PAGE_BUFFERS = 3,        /* a page as stored, decompressed, and cut */
  PART_COLUMNS = 7,        /* a part that is wanted, as columns: each row may be one, where --where selects every other */
  GAP_BYTES = 65536 * 9,   /* of rows between those that are selected */
  CHUNK_BYTES = 165,       /* of a column chunk in an output's footer, with the room to grow */
};

/* Bytes that one row of a task takes: keys, inputs, results, where they come from and why they are missing. */
static int64_t row_bytes(const tl_run *run) {
  int64_t columns = 5 + (int64_t)run->plan.input_count + (int64_t)run->selected_count + (int64_t)run->sources.joins;
  if (run->calendar.export_count > 0) columns += run->calendar.export_count + 1;
  if (run->input.where != NULL && !run->spills) columns += PART_COLUMNS + 1; /* its part, and what is decoded beside it */
  if (run->spills) columns += 4 + (int64_t)run->plan.input_count;            /* the block that it lies in, and its place */
  return 8 * columns;
}

static int64_t encoded_row_bytes(const tl_run *run) { return 8 * ((int64_t)run->selected_count + run->definition->key_count + 2); }

static int64_t index_bytes(const tl_run *run) {
  const tl_input_set *in = &run->input;
  size_t keys = (size_t)run->definition->key_count * (sizeof(tl_key_value_data) + 24);
  return (int64_t)(in->part_count * sizeof(tl_part) + in->group_count * sizeof(tl_input_group) + in->dataset.count * (sizeof(tl_input_file) + 600) +
                   in->stream_count * (2 * sizeof(tl_stream) + keys + 64 + sizeof(tl_output_file) + (run->mirrors ? 400 : 0)));
}

/* The most rows of one output file. */
static int64_t file_rows(const tl_run *run) {
  int64_t most = 0;
  if (!run->mirrors) return run->input.rows;
  for (size_t i = 0; i < run->input.dataset.count; i++)
    if (run->input.files[i].rows > most) most = run->input.files[i].rows;
  return most < run->input.rows ? most : run->input.rows;
}

/* Rows of a task within `bytes`: the results of all of it, the encoded form of at most a row group. */
static int64_t rows_within(const tl_run *run, int64_t bytes) {
  int64_t row = row_bytes(run), encoded = encoded_row_bytes(run);
  if (bytes <= 0) return 0;
  int64_t rows = bytes / (row + encoded);
  return rows < TL_PIECE_ROWS ? rows : (bytes - TL_PIECE_ROWS * encoded) / row;
}

int64_t tl__run_task_bytes(const tl_run *run, int64_t rows) {
  return rows * row_bytes(run) + (rows < TL_PIECE_ROWS ? rows : TL_PIECE_ROWS) * encoded_row_bytes(run);
}

/* What an output's footer takes while the file is written. */
static int64_t footer_bytes(const tl_run *run, int64_t task_rows) {
  int64_t group = task_rows < TL_PIECE_ROWS ? task_rows : TL_PIECE_ROWS;
  return group > 0 ? (file_rows(run) / group + 1) * run->leaf_count * CHUNK_BYTES : 0;
}

/* A footer that is read takes three times its bytes, in each thread and once while the index is made. */
static int64_t footers_read(const tl_run *run, int threads) { return (threads + 1) * 3 * run->input.largest_footer; }

static void share(const tl_run *run, tl_forecast *f) {
  int64_t each = (f->budget - f->fixed_bytes - footers_read(run, f->threads)) / f->threads - f->thread_bytes;
  f->task_rows = rows_within(run, each);
  for (int i = 0; i < 2; i++) f->task_rows = rows_within(run, each - footer_bytes(run, f->task_rows)); /* shorter row groups are more of them */
}

tl_status tl__run_forecast(const tl_run *run, tl_forecast *out, tl_error *err) {
  int tile_rows = run->options.tile_rows > 0 ? run->options.tile_rows : TL_TILE_ROWS;
  int64_t page = run->input.largest_chunk < run->page_limit ? run->input.largest_chunk : run->page_limit;
  *out = (tl_forecast){.threads = run->options.threads,
                       .budget = run->options.memory - run->options.memory / 12,
                       .fixed_bytes = BASE_BYTES + index_bytes(run) + tl__update_fixed_bytes(run),
                       .reading_bytes = READING_BYTES + PAGE_BUFFERS * page + tl_selector_bytes(&run->input, run->page_limit)};
  for (int i = 0; i < run->definition->side_count; i++) out->fixed_bytes += run->sides[i].rows * 8 * (run->side_plans[i].export_count + 1);
  if (run->validate != TL_VALIDATE_NONE) /* with the room to grow */
    out->fixed_bytes += (int64_t)(run->input.stream_count * run->selected_count * 2 * sizeof(tl_validation));
  if (run->plan.span_count > 0) out->fixed_bytes += run->options.memory / 8; /* what windows of time may take, of all threads */
  int64_t two = 0, windows = tl_plan_worker_bytes(&run->plan, tile_rows);
  if (run->calendar.export_count > 0)
    two = tl_plan_worker_bytes(&run->rest, tile_rows) + tl_plan_worker_bytes(&run->calendar, tile_rows) + run->options.memory / TL_CALENDARS_SHARE;
  if (two > windows) windows = two;
  out->thread_bytes =
      WORKER_BYTES + PAGE_BUFFERS * page + windows + TL_LANES * (int64_t)run->selected_count * (int64_t)(sizeof(tl_feature_summary) + sizeof(tl_course));
  if (run->input.where != NULL && !run->spills) out->thread_bytes += GAP_BYTES;
  out->thread_bytes += tl__update_thread_bytes(run);
  /* fewer threads, where each would have less than a good task's rows */
  int64_t enough = 16384 < run->input.longest ? 16384 : run->input.longest;
  for (;; out->threads--) {
    share(run, out);
    if (out->threads == 1 || out->task_rows >= enough) break;
  }
  out->fixed_bytes += footers_read(run, out->threads);
  out->thread_bytes += footer_bytes(run, out->task_rows);
  if (out->task_rows >= 1 || run->input.stream_count == 0) return TL_OK;
  return tl_fail(
      err, TL_MEMORY,
      "the run needs %lld MB for its index, sides and the footers of its files and %lld MB for windows, tiles and pages of a thread, --memory is %lld MB",
      (long long)(out->fixed_bytes / 1000000 + 1), (long long)(out->thread_bytes / 1000000 + 1), (long long)(run->options.memory / 1000000));
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
  if (run->options.where != NULL) tl_json_string(j, "where", run->options.where);
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
  TL_TRY(tl_buffer_format(t, err, "input: %s rows%s, %zu streams (the longest %lld rows) in %zu files\n", rows,
                          run->input.where != NULL ? " that --where selects" : "", run->stream_count, (long long)run->input.longest, run->input.dataset.count));
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
