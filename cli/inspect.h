/* What the parts of `tickloom inspect` share: what was found out about one file, and what is wrong with it. */
#ifndef TL_CLI_INSPECT_H
#define TL_CLI_INSPECT_H

#include "base/json.h"
#include "cli.h"
#include "lake/order.h"
#include "parquet/index.h"
#include "parquet/chunk_totals.h"
#include "parquet/walk.h"

typedef struct inspect_options {
  const char *path;
  bool pages, json, verify;
  cli_list columns; /* dotted paths; none: all */
} inspect_options;

/* What is wrong, in the order in which it was found. It is said at the end, and does not stop the rest. */
typedef struct inspect_problems {
  tl_arena arena;
  const char **texts;
  size_t listed, capacity;
  int64_t count;
  int code; /* the exit code: 4, or 5 where memory or the operating system refused */
} inspect_problems;
void inspect_problem(inspect_problems *problems, const tl_error *err);
/* Says them on standard error; the exit code. */
int inspect_problems_say(const inspect_problems *problems);
void inspect_problems_json(const inspect_problems *problems, tl_json *json);

typedef struct inspect_column {
  int leaf;
  tl_chunk_totals totals;
  tl_page_count pages; /* of all its chunks; complete: as far as they were counted */
} inspect_column;

typedef struct inspect_ascent {
  int leaf;
  tl_ascent found;
} inspect_ascent;

typedef struct inspection {
  const inspect_options *options;
  tl_parquet file;
  inspect_column *columns; /* those that were asked for */
  int column_count;
  tl_order order;
  char order_reason[400]; /* why it could not be verified */
  inspect_ascent ascents[8];
  int ascent_count;
  int measured;   /* bloom filters whose size the footer does not say */
  int64_t walked; /* bytes of chunks so far: more than the file has, and they lie on each other */
  inspect_problems problems;
} inspection;

/* A column chunk as the footer has it. */
tl_chunk inspect_words(inspection *x, int group, int leaf);

/* A page and what else is known of it. */
typedef struct inspect_page {
  tl_page page;
  int index;                      /* in its chunk, dictionaries included */
  int64_t nulls, rows, first_row; /* -1: not known */
  tl_crc crc;
  const tl_page_bounds *bounds; /* NULL: none */
} inspect_page;
typedef void (*inspect_visit)(void *context, inspection *x, int group, int leaf, const inspect_page *page);
/* Every page of a chunk; what is wrong becomes a problem. */
void inspect_chunk(inspection *x, int group, int leaf, inspect_visit visit, void *context);
const char *inspect_page_kind(int type);
void inspect_pages_text(inspection *x);

void inspect_file_text(inspection *x);
bool inspect_file_json(inspection *x);
int inspect_folder(const inspect_options *options);

/* Whether a leaf is among the columns that were asked for: itself, or the column that it lies in. */
bool inspect_is_asked(const inspect_options *options, const char *leaf);

/* A bound as text ("Values as text"); false when there is none that can be told. */
bool inspect_bound_text(tl_buffer *out, const tl_column *bound);
/* Encodings of data pages as far as they are known, of levels only where nothing else is. */
uint32_t inspect_page_encodings(const tl_chunk_totals *totals, const tl_page_count *pages);

/* Text that the file and the folder forms share. */
enum { INSPECT_MOST_ROWS = 100, INSPECT_MOST_GROUPS = 24, INSPECT_NAME = 40, INSPECT_BOUND = 28 };
void inspect_schema_text(const tl_schema *root);
void inspect_names(char *out, size_t room, uint32_t bits, const char *(*name)(int));
void inspect_bound_cell(char *out, size_t room, const tl_column *bound, bool inexact);

/* JSON that the file and the folder forms share. */
void inspect_json_names(tl_json *j, const char *key, uint32_t bits, const char *(*name)(int));
void inspect_json_text(tl_json *j, const char *key, const char *text); /* of a file: broken UTF-8 is replaced */
void inspect_json_known(tl_json *j, const char *key, int64_t value);   /* null below 0 */
void inspect_json_bound(tl_json *j, const char *key, const tl_column *bound);
void inspect_json_schema(tl_json *j, const char *key, const tl_schema *root);
void inspect_json_totals(tl_json *j, const tl_chunk_totals *totals); /* members of the object that is open */

#endif
