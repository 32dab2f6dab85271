/* The end of a run: what it found is said, and its files become the dataset. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/run.h"

static int by_name(const void *a, const void *b) { return strcmp(((const tl_manifest_file *)a)->name, ((const tl_manifest_file *)b)->name); }

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* What this run wrote. */
static size_t count_written(const tl_run *run) {
  return run->days != NULL ? run->days->file_count : run->columns != NULL ? run->target.old.count : run->file_count;
}

static size_t list_written(const tl_run *run, tl_manifest_file *files) {
  size_t count = 0;
  bool piecewise = run->days != NULL || run->columns != NULL;
  for (size_t i = 0; piecewise && i < count_written(run); i++) files[count++] = run->days != NULL ? run->days->files[i] : run->columns->files[i];
  for (size_t i = 0; !piecewise && i < run->file_count; i++)
    if (run->files[i].committed) files[count++] = (tl_manifest_file){run->files[i].name, run->files[i].rows_written, run->files[i].size};
  return count;
}

/* The files of the new dataset in order of name: those of this run, and of the older one partitions that it did not write; with an update
   all that it did not change. */
static tl_status list_files(tl_run *run, tl_manifest_file **files, size_t *count, tl_error *err) {
  const tl_manifest *old = &run->target.old;
  const char **names;
  TL_TRY(tl_arena_take(&run->arena, files, count_written(run) + old->count + 1, sizeof **files, err));
  TL_TRY(tl_arena_take(&run->arena, &names, count_written(run) + 1, sizeof *names, err));
  size_t written = list_written(run, *files);
  qsort(*files, written, sizeof **files, by_name);
  for (size_t i = 0; i < written; i++) names[i] = (*files)[i].name;
  *count = written;
  for (size_t i = 0; run->update.going_on && i < old->count; i++) {
    tl_manifest_file file = old->files[i];
    bool again = bsearch(&file.name, names, written, sizeof *names, by_text) != NULL;
    if (!again && tl__update_keeps_file(run, &file)) (*files)[(*count)++] = file;
  }
  for (size_t i = 0; !run->update.going_on && i < old->count; i++)
    if (!run->options.prune && !run->options.update && tl_target_keeps(old->files[i].name, names, written)) (*files)[(*count)++] = old->files[i];
  qsort(*files, *count, sizeof **files, by_name);
  return TL_OK;
}

/* Everything lies ready: the manifest is the moment at which the new dataset is the dataset. Then files go into their places, and what is no
   longer part of it goes. */
tl_status tl__run_commit(tl_run *run, tl_error *err) {
  TL_OWNED(tl_buffer) text = {.env = run->env};
  const tl_manifest *old = &run->target.old;
  tl_manifest fresh = {0};
  tl_manifest_file *stale;
  size_t stale_count = 0;
  TL_TRY(list_files(run, &fresh.files, &fresh.count, err));
  if (run->target.is_file || (fresh.count == 0 && run->failure_count > 0)) return TL_OK;
  TL_TRY(tl_arena_take(&run->arena, &stale, old->count + 1, sizeof *stale, err));
  for (size_t i = 0; i < old->count; i++)
    if (bsearch(&old->files[i], fresh.files, fresh.count, sizeof *fresh.files, by_name) == NULL) stale[stale_count++] = old->files[i];
  TL_TRY(tl_target_note_stale(&run->target, stale, stale_count, err));
  if (run->columns != NULL)
    TL_TRY(tl__columns_write_ledger(run, err));
  else
    tl__update_write(run);
  TL_TRY(tl__run_manifest(run, fresh.files, fresh.count, &text, err));
  TL_TRY(tl_target_write(&run->target, "manifest.json", tl_buffer_view(&text), err));
  tl_manifest_file *written;
  TL_TRY(tl_arena_take(&run->arena, &written, count_written(run) + 1, sizeof *written, err));
  for (size_t i = 0, count = list_written(run, written); i < count; i++) TL_TRY(tl_target_publish(&run->target, written[i].name, err));
  for (size_t i = 0; run->update.going_on && i < run->update.old.output_count; i++)
    if (run->update.outputs[i].changes) TL_TRY(tl_target_publish(&run->target, run->update.old.outputs[i].name, err));
  TL_TRY(tl_target_remove_stale(&run->target, &fresh, err));
  return tl__update_sweep(run, err);
}

tl_status tl__run_write_record(tl_run *run, tl_error *err) {
  char name[100];
  if (run->target.is_file) return TL_OK;
  snprintf(name, sizeof name, "runs/%020lld.json", (long long)run->started_at_ns);
  return tl_target_write(&run->target, name, (tl_bytes){run->json.data, run->json.size - 1}, err);
}

void tl__run_conclude(tl_run *run) {
  const tl_definition *d = run->definition;
  for (int i = 0; i < d->side_count; i++)
    if (run->sides != NULL && run->sides[i].export_count > 0 && run->side_matches[i] == 0 && run->tally.rows > 0 && run->files_finished == 0)
      tl__run_warn(run, "the side %s has no row at or before any row of the input: what uses it is missing", d->sides[i].name);
  for (size_t i = 0; run->input.missing_inputs && i < d->input_count; i++) {
    bool seen = !run->needed_inputs[i] || !d->inputs[i].optional;
    for (size_t f = 0; !seen && f < run->input.dataset.count; f++) seen = !run->input.files[f].failed && run->input.files[f].leaves[i] >= 0;
    if (!seen) tl__run_warn(run, "no file has a column %s: what uses %s is missing", d->inputs[i].columns[0], d->inputs[i].name);
  }
  const tl_tally *t = &run->tally;
  if (run->spills) run->tally.nonfinite += run->spill.nonfinite; /* seen there, before they came to their streams */
  if (t->nonfinite > 0) tl__run_warn(run, "%lld values of the input are NaN or infinite; they count as missing", (long long)t->nonfinite);
  if (t->duplicates > 0) tl__run_warn(run, "%lld rows with a repeated order key were dropped", (long long)t->duplicates);
  for (size_t i = 0; i < run->check_count; i++) {
    char rule[80];
    if (t->checks[i].failed == 0) continue;
    tl_rule_text(run->checks[i].rule, rule, sizeof rule);
    tl__run_warn(run, "check %s: %s failed in %lld of %lld streams, first %s", d->outputs[run->checks[i].output].name, rule, (long long)t->checks[i].failed,
                 (long long)t->checks[i].streams, t->checks[i].example);
  }
}
