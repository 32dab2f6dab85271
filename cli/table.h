/* Tables for people: columns as wide as what is in them, and text from files made harmless for a terminal. */
#ifndef TL_CLI_TABLE_H
#define TL_CLI_TABLE_H

#include "base/arena.h"
#include "base/buffer.h"

typedef struct cli_table {
  tl_arena arena;
  const char *const *heads;
  const char *right; /* 'r' for each column that stands to the right, anything else: to the left */
  int columns;
  const char **cells; /* row after row */
  size_t count, capacity;
} cli_table;

void cli_table_open(cli_table *table, tl_env *env, const char *const *heads, const char *right, int columns);
void cli_table_free(cli_table *table);
/* The next cell; an empty text shows as "-". Without memory the cell stays empty. */
void cli_table_cell(cli_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints head and rows, indented by two blanks. Columns in which every cell is empty are left out. */
void cli_table_print(const cli_table *table);

/* At most `most` characters of a text on one line: control characters and broken UTF-8 as "?", "..." where it was cut. */
void cli_clean(char *out, size_t room, const char *text, size_t size, int most);
/* How many characters a text has. */
int cli_width(const char *text);

#endif
