/* Columns of a dataset decoded, and nothing done with them: numbers to values, texts as far as codes. What a strategy over them is held against.

     bench-decode DATASET COLUMN[,COLUMN...] [THREADS [REPEAT]]

   Prints rows, seconds (of the fastest repeat) and rows a second as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lake/scan.h"
#include "sys/sys.h"

typedef struct pass {
  const tl_scan *scan;
  size_t next; /* part that nobody has */
  int64_t rows;
  tl_status status;
  tl_error error;
} pass;

static tl_status decode_part(tl_scan_reader *r, tl_scan_part part, int64_t *rows, tl_error *err) {
  TL_TRY(tl_scan_reader_start(r, part, err));
  for (;;) {
    TL_TRY(tl_scan_reader_next(r, err));
    if (r->rows == 0) return TL_OK;
    for (int i = 0; i < r->scan->wanted_count; i++) {
      tl_column *c = &r->columns[i]->column;
      if (tl_field_width(&c->field) > 0) TL_TRY(tl_column_flatten(c, INT64_MAX, err));
    }
    *rows += r->rows;
  }
}

static void work(void *context, int thread) {
  pass *p = context;
  tl_scan_reader reader;
  tl_error err = {0};
  int64_t rows = 0;
  (void)thread;
  tl_status status = tl_scan_reader_open(&reader, p->scan, &err);
  for (size_t i; status == TL_OK && (i = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED)) < p->scan->part_count;)
    status = decode_part(&reader, p->scan->parts[i], &rows, &err);
  tl_scan_reader_free(&reader);
  __atomic_fetch_add(&p->rows, rows, __ATOMIC_RELAXED);
  if (status != TL_OK) p->status = status, p->error = err; /* any of them will do */
}

int main(int argc, char **argv) {
  enum { MOST = 64 };
  const char *columns[MOST];
  size_t count = 0;
  tl_env *env = tl_sys_env();
  tl_scan scan;
  tl_error err = {0};
  double least = 1e300;
  pass p = {0};
  if (argc < 3) return fprintf(stderr, "bench-decode DATASET COLUMN[,COLUMN...] [THREADS [REPEAT]]\n"), 2;
  for (char *name = strtok(argv[2], ","); name != NULL && count < MOST; name = strtok(NULL, ",")) columns[count++] = name;
  int threads = argc > 3 ? atoi(argv[3]) : tl_sys_processors(), repeat = argc > 4 ? atoi(argv[4]) : 3;
  tl_scan_options options = {.columns = columns, .column_count = count};
  for (int k = 0; k < repeat; k++) {
    int64_t begun = env->tick_ns(env);
    if (tl_scan_open(&scan, env, argv[1], options, &err) != TL_OK) return fprintf(stderr, "%s\n", err.text), 4;
    p = (pass){.scan = &scan};
    tl_sys_run_threads(threads, work, &p);
    tl_scan_free(&scan);
    if (p.status != TL_OK) return fprintf(stderr, "%s\n", p.error.text), 4;
    double seconds = (double)(env->tick_ns(env) - begun) * 1e-9;
    least = seconds < least ? seconds : least;
  }
  printf("{\"rows\": %lld, \"seconds\": %.6f, \"rows_per_s\": %.0f}\n", (long long)p.rows, least, (double)p.rows / least);
  return 0;
}
