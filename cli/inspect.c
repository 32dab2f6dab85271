/* tickloom inspect: what a Parquet file or a dataset holds, and how. */
#include "inspect.h"
#include <string.h>
#include "base/text.h"
#include "parquet/bloom.h"
#include "sys/sys.h"
#include "table.h"

static int run(int argc, char **argv);
const tl_command tl_command_inspect = {
    "inspect", "schema, row groups, encodings, sizes and statistics of a Parquet file",
    "usage: tickloom inspect PATH [--columns a,b] [--pages] [--no-verify] [--json]\n\n"
    "Of a file: what it says of itself, the schema, each column's encodings, codec, size, pages, indexes and bounds, its row groups, and the\n"
    "order of its rows. Of a folder: all of its files together.\n\n"
    "  --columns a,b   only these columns, and what lies in them\n"
    "  --pages         every page: where it lies, sizes, values, encoding, checksum (verified), bounds\n"
    "  --no-verify     the order that a file claims is believed, and none is looked for: no values are read\n"
    "  --json          everything, as docs/inspect.md says\n\n"
    "A bound behind ~ need not occur. What is damaged is told at the end, and does not hide the rest.\n\n"
    "exit code: 0; 2 usage; 4 something is damaged or encrypted\n\n"
    "examples:\n  tickloom inspect features-out/SPY.parquet\n  tickloom inspect ticks.parquet --pages --columns timestamp\n"
    "  tickloom inspect features-out --json\n",
    run};

/* ---- problems ---- */

enum { MOST_LISTED = 1000, MOST_SAID = 20 };

void inspect_problem(inspect_problems *p, const tl_error *err) {
  int code = cli_exit_code(err->status);
  p->code = code > p->code ? code : p->code;
  p->count++;
  p->arena.env = tl_sys_env();
  if (p->listed == MOST_LISTED || tl_reserve(p->arena.env, &p->texts, &p->capacity, p->listed + 1, sizeof *p->texts, NULL) != TL_OK) return;
  if (tl_arena_text(&p->arena, &p->texts[p->listed], err->text, strlen(err->text), NULL) == TL_OK) p->listed++;
}

int inspect_problems_say(const inspect_problems *p) {
  size_t said = p->listed < MOST_SAID ? p->listed : MOST_SAID;
  fflush(stdout);
  for (size_t i = 0; i < said; i++) {
    char clean[1500];
    cli_clean(clean, sizeof clean, p->texts[i], strlen(p->texts[i]), 1400);
    fprintf(stderr, "tickloom: %s\n", clean);
  }
  if (p->count > (int64_t)said) fprintf(stderr, "tickloom: ... and %lld more things are wrong\n", (long long)(p->count - (int64_t)said));
  return p->code;
}

static void free_problems(inspect_problems *p) {
  if (p->arena.env == NULL) return;
  tl_release(p->arena.env, p->texts);
  tl_arena_free(&p->arena);
}

/* ---- columns ---- */

bool inspect_is_asked(const inspect_options *o, const char *leaf) {
  for (size_t i = 0; i < o->columns.count; i++) {
    size_t size = strlen(o->columns.items[i]);
    if (strncmp(leaf, o->columns.items[i], size) == 0 && (leaf[size] == 0 || leaf[size] == '.')) return true;
  }
  return o->columns.count == 0;
}

static int no_column(const inspection *x, const char *name) {
  const char *known[512];
  size_t n = 0;
  for (int i = 0; i < x->file.meta.leaf_count && n < 512; i++) known[n++] = x->file.meta.leaves[i].field.name;
  const char *nearest = tl_nearest_name(name, known, n);
  return cli_usage(&tl_command_inspect, "%s has no column %s%s%s%s", x->file.path, name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                   nearest ? "?" : "");
}

static int choose_columns(inspection *x, tl_error *err) {
  const tl_meta *m = &x->file.meta;
  for (size_t i = 0; i < x->options->columns.count; i++) {
    inspect_options one = {.columns = {.items = {x->options->columns.items[i]}, .count = 1}};
    bool found = false;
    for (int k = 0; k < m->leaf_count && !found; k++) found = inspect_is_asked(&one, m->leaves[k].field.name);
    if (!found) return no_column(x, x->options->columns.items[i]);
  }
  if (tl_arena_take(&x->file.arena, &x->columns, (size_t)m->leaf_count + 1, sizeof *x->columns, err) != TL_OK) return cli_fail(err);
  for (int k = 0; k < m->leaf_count; k++)
    if (inspect_is_asked(x->options, m->leaves[k].field.name)) x->columns[x->column_count++].leaf = k;
  return 0;
}

/* ---- what the footer says, taken together ---- */

/* Footers of old writers say where a bloom filter begins, not how long it is: so many are looked at. */
tl_chunk inspect_words(inspection *x, int group, int leaf) {
  enum { MOST_MEASURED = 2000 };
  tl_chunk c = tl_meta_chunk(&x->file.meta, group, leaf);
  tl_error err = {0};
  if (c.bloom.offset < 0 || c.bloom.size > 0 || c.encrypted || x->measured == MOST_MEASURED) return c;
  x->measured++;
  if (tl_bloom_measure(&c.bloom.size, &x->file, group, leaf, &err) != TL_OK) inspect_problem(&x->problems, &err);
  return c;
}

static void add_totals(inspection *x) {
  const tl_meta *m = &x->file.meta;
  for (int i = 0; i < x->column_count; i++) {
    inspect_column *c = &x->columns[i];
    tl_chunk_totals_open(&c->totals, x->file.env);
    for (int g = 0; g < m->group_count; g++) {
      tl_chunk words = inspect_words(x, g, c->leaf);
      tl_chunk_totals_add(&c->totals, &m->leaves[c->leaf], &words);
    }
  }
}

/* Pages are counted by their headers while that is cheap: the first so many. */
static void count_pages(inspection *x) {
  enum { MOST_PAGES = 20000, MOST_CHUNKS = 2000 };
  int64_t pages_left = MOST_PAGES, chunks_left = MOST_CHUNKS;
  for (int i = 0; i < x->column_count; i++) {
    inspect_column *c = &x->columns[i];
    c->pages = (tl_page_count){.dictionary_entries = -1, .complete = true};
    for (int g = 0; g < x->file.meta.group_count && c->pages.complete; g++) {
      if (tl_meta_chunk(&x->file.meta, g, c->leaf).encrypted) c->pages.complete = false;
      tl_page_count n;
      tl_error err = {0};
      c->pages.complete &= pages_left > 0 && chunks_left-- > 0;
      if (!c->pages.complete) break;
      if (tl_page_count_chunk(&n, &x->file, g, c->leaf, pages_left, &err) != TL_OK) inspect_problem(&x->problems, &err);
      c->pages.complete = n.complete;
      c->pages.pages += n.pages;
      c->pages.data_pages += n.data_pages;
      c->pages.with_crc += n.with_crc;
      c->pages.encodings |= n.encodings;
      if (n.dictionary_entries >= 0) c->pages.dictionary_entries = n.dictionary_entries + (c->pages.dictionary_entries > 0 ? c->pages.dictionary_entries : 0);
      pages_left -= n.pages;
    }
  }
}

uint32_t inspect_page_encodings(const tl_chunk_totals *t, const tl_page_count *pages) {
  const uint32_t levels = 1u << TL_ENCODING_RLE | 1u << TL_ENCODING_BIT_PACKED;
  if (pages != NULL && pages->complete) return pages->encodings;
  if (t->with_page_encodings == t->chunks) return t->page_encodings;
  return (t->encodings & ~levels) != 0 ? t->encodings & ~levels : t->encodings;
}

/* ---- order ---- */

static bool tells_time(const tl_field *f) { return f->logical == TL_LOGICAL_TIMESTAMP || f->logical == TL_LOGICAL_DATE || f->physical == TL_PHYSICAL_INT96; }

/* The first key of a claim says itself how it ascends. */
static bool is_claimed(const tl_meta *m, int leaf) {
  for (int g = 0; g < m->group_count; g++)
    if (m->groups[g].sorting_count > 0 && m->groups[g].sorting[0].column == leaf) return true;
  return false;
}

/* Orders that nobody claims: of the first column, and of columns that tell the time. One that cannot be read has none. */
static void find_ascents(inspection *x) {
  const tl_meta *m = &x->file.meta;
  enum { MOST_TRIED = 8, MOST_ROWS = 100000000 };
  int tried = 0;
  for (int leaf = 0; leaf < m->leaf_count && tried < MOST_TRIED && m->row_count <= MOST_ROWS; leaf++) {
    inspect_ascent *a = &x->ascents[x->ascent_count];
    if ((leaf > 0 && !tells_time(&m->leaves[leaf].field)) || is_claimed(m, leaf) || !inspect_is_asked(x->options, m->leaves[leaf].field.name)) continue;
    if (!tl_ascent_is_possible(&x->file, leaf)) continue;
    tried++;
    if (tl_ascent_find(&a->found, &x->file, leaf, NULL) != TL_OK || !a->found.ascending) continue;
    a->leaf = leaf;
    x->ascent_count++;
  }
}

static void find_order(inspection *x) {
  tl_error err = {0};
  tl_order_claimed(&x->order, &x->file.meta);
  snprintf(x->order_reason, sizeof x->order_reason, "--no-verify");
  if (!x->options->verify) return;
  if (tl_order_verify(&x->order, &x->file, &err) != TL_OK) {
    cli_clean(x->order_reason, sizeof x->order_reason, err.text, strlen(err.text), 380);
    if (err.status != TL_UNSUPPORTED && err.status != TL_MEMORY) inspect_problem(&x->problems, &err);
  }
  find_ascents(x);
}

/* ---- the command ---- */

/* A chunk that is encrypted is not damaged, but nothing below the footer can be told of it: one line for all of them. */
static void note_encrypted(inspection *x) {
  const tl_meta *m = &x->file.meta;
  tl_error err = {0};
  int count = 0;
  for (int k = 0; k < m->leaf_count; k++) {
    bool encrypted = false;
    for (int g = 0; g < m->group_count; g++) encrypted |= tl_meta_chunk(m, g, k).encrypted;
    count += encrypted;
  }
  if (count == 0) return;
  tl_fail(&err, TL_UNSUPPORTED, "%s: %d of %d columns are encrypted: their pages cannot be inspected", x->file.path, count, m->leaf_count);
  inspect_problem(&x->problems, &err);
}

static int inspect_file(const inspect_options *o) {
  tl_error err = {0};
  inspection x = {.options = o, .file = {.handle = -1}};
  if (tl_parquet_open(&x.file, tl_sys_env(), o->path, &err) != TL_OK) return cli_fail(&err);
  int code = choose_columns(&x, &err);
  if (code == 0) {
    note_encrypted(&x);
    add_totals(&x);
    count_pages(&x);
    find_order(&x);
    if (!o->json)
      inspect_file_text(&x);
    else if (!inspect_file_json(&x))
      code = 5;
    int problems = inspect_problems_say(&x.problems);
    code = code > problems ? code : problems;
  }
  for (int i = 0; i < x.column_count; i++) tl_chunk_totals_free(&x.columns[i].totals);
  free_problems(&x.problems);
  tl_parquet_free(&x.file);
  return code;
}

static int run(int argc, char **argv) {
  const tl_command *me = &tl_command_inspect;
  cli_list rest = {0};
  inspect_options o = {0};
  const char *columns = NULL;
  bool no_verify = false;
  const cli_option options[] = {{"columns", &columns, 0, 0}, {"pages", 0, &o.pages, 0}, {"json", 0, &o.json, 0}, {"no-verify", 0, &no_verify, 0}};
  if (!cli_parse(me, argc, argv, options, sizeof options / sizeof *options, &rest)) return 2;
  if (rest.count != 1) return cli_usage(me, "one path is needed");
  if (columns != NULL && !cli_split(me, "columns", cli_copy(columns, strlen(columns)), &o.columns)) return 2;
  o.path = rest.items[0];
  o.verify = !no_verify;
  tl_file_info info;
  bool is_folder = tl_sys_env()->info(tl_sys_env(), o.path, &info, NULL) == TL_OK && info.is_folder;
  if (is_folder && o.pages) return cli_usage(me, "--pages: %s is a folder; name one file of it", o.path);
  return is_folder ? inspect_folder(&o) : inspect_file(&o);
}
