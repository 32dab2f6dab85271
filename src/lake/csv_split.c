#include "lake/csv_split.h"
#include <string.h>

enum { SLACK = 16, MOST_CELLS = 100000 };

typedef enum outcome { DONE, MORE, OPEN_QUOTE, BEHIND_QUOTE, LONE_RETURN, TOO_MANY, NO_MEMORY } outcome;

/* ---- the buffer ---- */

/* Drops what was taken and reads behind what is left: a block, or as much again where a record is longer. */
static tl_status refill(tl_csv_split *s, tl_error *err) {
  size_t left = s->end - s->begin, more = left > s->form.block ? left : s->form.block, done;
  if (s->begin > 0) memmove(s->data, s->data + s->begin, left);
  s->begin = 0;
  s->end = left;
  TL_TRY(tl_reserve(s->env, &s->data, &s->capacity, left + more + SLACK, 1, err));
  tl_status status = s->env->read_at(s->env, s->handle, s->data + left, more, s->offset, &done, err);
  if (status != TL_OK) return tl_fail_in(err, status, "%s: ", s->path);
  s->end += done;
  s->offset += (int64_t)done;
  s->ended = done < more;
  if (s->ended && s->offset < s->size)
    return tl_fail(err, TL_CORRUPT, "%s: the file became shorter while it was read: %lld bytes of %lld", s->path, (long long)s->offset, (long long)s->size);
  memset(s->data + s->end, '\n', SLACK); /* a line end where the text stops, so that scanning needs no bound */
  return TL_OK;
}

static int64_t count_lines(const char *from, const char *to) {
  int64_t count = 0;
  for (; (from = memchr(from, '\n', (size_t)(to - from))) != NULL; from++) count++;
  return count;
}

/* ---- records ---- */

static outcome scan_quoted(tl_csv_split *s, tl_csv_cell *cell, char **at, char *limit) {
  char *start = *at + 1, *p = start, quote = s->form.quote;
  bool doubled = false;
  s->fault = *at;
  for (;; p += 2, doubled = true) {
    p = memchr(p, quote, (size_t)(limit - p));
    if (p == NULL) return s->ended ? OPEN_QUOTE : MORE;
    if (p + 1 == limit && !s->ended) return MORE;
    if (p + 1 == limit || p[1] != quote) break;
  }
  *cell = (tl_csv_cell){start, (uint32_t)(p - start), true, doubled};
  *at = p + 1;
  return s->ends_cell[(uint8_t) * (p + 1)] ? DONE : BEHIND_QUOTE;
}

/* The end of a line at `p`, where a cell ends; `next` is behind it. */
static outcome scan_line_end(tl_csv_split *s, char *p, char *limit, char **next) {
  *next = p;
  if (p == limit) return s->ended ? DONE : MORE;
  *next = p + 1;
  if (*p == '\n') return DONE;
  if (p + 1 == limit && !s->ended) return MORE;
  *next = p + 2;
  s->fault = p;
  return p + 1 < limit && p[1] == '\n' ? DONE : LONE_RETURN;
}

/* The cells of the record at `begin`; `next` is behind its line end. Starts anew whenever there was more to read. */
static outcome scan(tl_csv_split *s, char **next, bool *any_quoted, tl_error *err) {
  char *p = s->data + s->begin, *limit = s->data + s->end, delimiter = s->form.delimiter, quote = s->form.quote;
  for (s->cell_count = 0, *any_quoted = false;; p++) {
    if (s->cell_count == MOST_CELLS) return TOO_MANY;
    if (s->cell_count == s->cell_capacity && tl_reserve(s->env, &s->cells, &s->cell_capacity, s->cell_count + 1, sizeof *s->cells, err) != TL_OK)
      return NO_MEMORY;
    tl_csv_cell *cell = &s->cells[s->cell_count++];
    if (*p == quote) {
      *any_quoted = true;
      outcome o = scan_quoted(s, cell, &p, limit);
      if (o != DONE) return o;
    } else {
      char *start = p;
      while (!s->ends_cell[(uint8_t)*p]) p++;
      *cell = (tl_csv_cell){start, (uint32_t)(p - start), false, false};
    }
    if (*p != delimiter) return scan_line_end(s, p, limit, next);
  }
}

static void undouble(tl_csv_split *s) {
  for (size_t i = 0; i < s->cell_count; i++) {
    tl_csv_cell *cell = &s->cells[i];
    if (!cell->doubled) continue;
    char *out = cell->text, *end = cell->text + cell->size;
    for (char *p = cell->text; p < end; p++) {
      if (*p == s->form.quote) p++;
      *out++ = *p;
    }
    cell->size = (uint32_t)(out - cell->text);
  }
}

static tl_status too_long(const tl_csv_split *s, bool any_quoted, tl_error *err) {
  return tl_fail(err, TL_CORRUPT, "%s, line %lld: the record that begins here is longer than %zu bytes%s", s->path, (long long)s->line, s->form.most_record,
                 any_quoted ? "; is there a quote that is not closed?" : "");
}

static tl_status fail(const tl_csv_split *s, outcome o, tl_error *err) {
  const char *begin = s->data + s->begin;
  long long line = (long long)(o == TOO_MANY ? s->line : s->line + count_lines(begin, s->fault));
  switch (o) {
    case OPEN_QUOTE: return tl_fail(err, TL_CORRUPT, "%s, line %lld: the quote that opens here is never closed", s->path, line);
    case BEHIND_QUOTE:
      return tl_fail(err, TL_CORRUPT, "%s, line %lld: text behind the closing quote of cell %zu; a quote inside of quotes is doubled", s->path, line,
                     s->cell_count);
    case LONE_RETURN: return tl_fail(err, TL_CORRUPT, "%s, line %lld: a carriage return without a line feed; lines end in \\n or \\r\\n", s->path, line);
    default: return tl_fail(err, TL_CORRUPT, "%s, line %lld: more than %d cells", s->path, line, MOST_CELLS);
  }
}

tl_status tl_csv_split_next(tl_csv_split *s, tl_error *err) {
  char *next = NULL;
  bool any_quoted = false;
  s->cell_count = 0;
  s->line = s->next_line;
  if (s->begin == s->end && !s->ended) TL_TRY(refill(s, err));
  if (s->begin == s->end && s->ended) return TL_OK;
  outcome o = scan(s, &next, &any_quoted, err);
  for (; o == MORE; o = scan(s, &next, &any_quoted, err)) {
    if (s->end - s->begin > s->form.most_record) return too_long(s, any_quoted, err);
    TL_TRY(refill(s, err));
  }
  if (o == NO_MEMORY) return TL_MEMORY;
  char *begin = s->data + s->begin;
  if ((size_t)((o == DONE ? next : s->data + s->end) - begin) > s->form.most_record && (o == DONE || o == OPEN_QUOTE)) return too_long(s, any_quoted, err);
  if (o != DONE) return fail(s, o, err);
  s->next_line += any_quoted ? count_lines(begin, next) : 1;
  s->begin = (size_t)(next - s->data);
  if (any_quoted) undouble(s);
  return TL_OK;
}

tl_status tl_csv_split_row(tl_csv_split *s, int columns, tl_error *err) {
  do TL_TRY(tl_csv_split_next(s, err));
  while (columns != 1 && s->cell_count == 1 && s->cells[0].size == 0 && !s->cells[0].quoted);
  if (columns == 0 || s->cell_count == 0 || s->cell_count == (size_t)columns) return TL_OK;
  return tl_fail(err, TL_CORRUPT, "%s, line %lld: the record has %zu cells, expected %d", s->path, (long long)s->line, s->cell_count, columns);
}

/* ---- files ---- */

/* How files begin that are no text, and what to say of them. */
static const struct {
  const char *begin;
  size_t size;
  const char *is;
} strangers[] = {
    {"\xff\xfe", 2, "UTF-16 text; save it as UTF-8"},
    {"\xfe\xff", 2, "UTF-16 text; save it as UTF-8"},
    {"\x1f\x8b", 2, "compressed by gzip; unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd; unpack it first"},
    {"PK\x03\x04", 4, "a zip archive (or a spreadsheet); unpack it, or export it as CSV"},
    {"PAR1", 4, "a Parquet file already"},
};

/* Looks at the first bytes and steps over a mark of UTF-8. */
static tl_status check_begin(tl_csv_split *s, tl_error *err) {
  char begin[4096];
  size_t size;
  tl_status status = s->env->read_at(s->env, s->handle, begin, sizeof begin, 0, &size, err);
  if (status != TL_OK) return tl_fail_in(err, status, "%s: ", s->path);
  for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
    if (size >= strangers[i].size && memcmp(begin, strangers[i].begin, strangers[i].size) == 0)
      return tl_fail(err, TL_CORRUPT, "%s: not CSV but %s", s->path, strangers[i].is);
  if (memchr(begin, 0, size) != NULL) return tl_fail(err, TL_CORRUPT, "%s: holds zero bytes: UTF-16, or no text at all", s->path);
  if (size >= 3 && memcmp(begin, "\xef\xbb\xbf", 3) == 0) s->offset = 3;
  return TL_OK;
}

tl_status tl_csv_split_open(tl_csv_split *out, tl_env *env, const char *path, const tl_csv_form *form, tl_error *err) {
  *out = (tl_csv_split){.path = path, .form = *form, .next_line = 1};
  out->ends_cell['\n'] = out->ends_cell['\r'] = out->ends_cell[(uint8_t)form->delimiter] = true;
  TL_TRY(env->open_read(env, path, &out->handle, err));
  out->env = env;
  tl_file_info info;
  tl_status status = env->info(env, path, &info, err);
  if (status == TL_OK) out->size = info.size;
  if (status == TL_OK) status = check_begin(out, err);
  if (status != TL_OK) tl_csv_split_free(out);
  return status;
}

void tl_csv_split_free(tl_csv_split *s) {
  if (s->env == NULL) return;
  (void)s->env->close(s->env, s->handle, NULL);
  tl_release(s->env, s->data);
  tl_release(s->env, s->cells);
  *s = (tl_csv_split){0};
}
