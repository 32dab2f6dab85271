/* CSV text to records and cells, as RFC 4180 has it: cells lie between delimiters, records between line ends (\n or \r\n), and quotes,
   doubled inside of them, take away the meaning of both. The file is read in blocks; a record is always whole in the buffer, so that
   cells are views of it. */
#ifndef TL_LAKE_CSV_SPLIT_H
#define TL_LAKE_CSV_SPLIT_H

#include "base/buffer.h"

typedef struct tl_csv_cell {
  char *text; /* without its quotes; until the next record */
  uint32_t size;
  bool quoted, doubled; /* doubled: quotes inside of quotes were taken off, too */
} tl_csv_cell;

typedef struct tl_csv_form {
  char delimiter, quote;
  size_t block;       /* bytes that are read at a time; more than 0 */
  size_t most_record; /* bytes of a record with its line end; below 4 GB */
} tl_csv_form;

typedef struct tl_csv_split {
  tl_env *env;
  const char *path; /* borrowed */
  int handle;
  tl_csv_form form;
  bool ends_cell[256]; /* delimiter, \n, \r */
  char *data;          /* what was read and not taken: [begin, end) */
  size_t capacity, begin, end;
  bool ended;         /* there is nothing in the file behind it */
  int64_t offset;     /* of `end` in the file */
  int64_t size;       /* of the file, as it was opened */
  int64_t line;       /* on which the record begins, from 1 */
  int64_t next_line;  /* the same of the next one */
  tl_csv_cell *cells; /* of the record */
  size_t cell_count, cell_capacity;
  const char *fault; /* where splitting stopped */
} tl_csv_split;

/* Opens the file and skips a mark of UTF-8. TL_CORRUPT for what is no text in UTF-8: UTF-16, compressed files, Parquet. */
tl_status tl_csv_split_open(tl_csv_split *out, tl_env *env, const char *path, const tl_csv_form *form, tl_error *err) TL_MUST_CHECK;
/* The next record; no cells at the end of the file. TL_CORRUPT, naming file and line, when it cannot be split. */
tl_status tl_csv_split_next(tl_csv_split *split, tl_error *err) TL_MUST_CHECK;
/* The next record that is to have `columns` cells (0: any number). Empty lines are skipped, unless one cell is what a record has. */
tl_status tl_csv_split_row(tl_csv_split *split, int columns, tl_error *err) TL_MUST_CHECK;
void tl_csv_split_free(tl_csv_split *split);

/* Bytes of the file before the next record. */
static inline int64_t tl_csv_split_taken(const tl_csv_split *s) { return s->offset - (int64_t)(s->end - s->begin); }

/* The text without blanks around it. */
static inline tl_bytes tl__csv_trim(const tl_csv_cell *cell) {
  const char *text = cell->text;
  size_t size = cell->size;
  while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) size--;
  while (size > 0 && (*text == ' ' || *text == '\t')) text++, size--;
  return (tl_bytes){(const uint8_t *)text, size};
}

#endif
