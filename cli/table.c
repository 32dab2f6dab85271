#include "table.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

void cli_table_open(cli_table *t, tl_env *env, const char *const *heads, const char *right, int columns) {
  *t = (cli_table){.arena = {.env = env}, .heads = heads, .right = right, .columns = columns};
}

void cli_table_free(cli_table *t) {
  tl_release(t->arena.env, t->cells);
  tl_arena_free(&t->arena);
}

void cli_table_cell(cli_table *t, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (tl_reserve(t->arena.env, &t->cells, &t->capacity, t->count + 1, sizeof *t->cells, NULL) != TL_OK) return;
  t->cells[t->count] = "";
  if (tl_arena_text(&t->arena, &t->cells[t->count], text, strlen(text), NULL) != TL_OK) t->cells[t->count] = "";
  t->count++;
}

int cli_width(const char *text) {
  int width = 0;
  for (; *text != 0; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

static int column_width(const cli_table *t, int column) {
  int width = 0;
  for (size_t i = (size_t)column; i < t->count; i += (size_t)t->columns) width = cli_width(t->cells[i]) > width ? cli_width(t->cells[i]) : width;
  if (width == 0) return 0;
  return width > cli_width(t->heads[column]) ? width : cli_width(t->heads[column]);
}

static void print_row(const cli_table *t, const char *const *cells, const int *widths, int last) {
  printf(" ");
  for (int c = 0; c <= last; c++) {
    if (widths[c] == 0) continue;
    const char *text = *cells[c] ? cells[c] : "-";
    int pad = widths[c] - cli_width(text);
    bool right = t->right[c] == 'r';
    printf(" %*s%s%*s%s", right ? pad : 0, "", text, right || c == last ? 0 : pad, "", c < last ? " " : "");
  }
  printf("\n");
}

void cli_table_print(const cli_table *t) {
  int widths[64] = {0}, last = 0;
  for (int c = 0; c < t->columns; c++) {
    widths[c] = column_width(t, c);
    if (widths[c] > 0) last = c;
  }
  print_row(t, t->heads, widths, last);
  for (size_t i = 0; i + (size_t)t->columns <= t->count; i += (size_t)t->columns) print_row(t, t->cells + i, widths, last);
}

void cli_clean(char *out, size_t room, const char *text, size_t size, int most) {
  size_t used = 0, cut = 0;
  bool valid = tl_utf8_valid(text, size);
  int width = 0;
  for (size_t i = 0; i < size && used + 8 < room; i++) {
    unsigned char c = (unsigned char)text[i];
    bool begins = !valid || (c & 0xc0) != 0x80;
    if (begins && width + 3 <= most) cut = used;
    if (begins && ++width > most) break;
    bool control = c < 0x20 || c == 0x7f || (c > 0x7f && !valid);
    if (valid && c == 0xc2 && i + 1 < size && (unsigned char)text[i + 1] < 0xa0) control = true, i++;
    out[used++] = control ? '?' : (char)c;
  }
  if (width > most || used + 8 >= room) used = cut + (size_t)snprintf(out + cut, 4, "...");
  out[used] = 0;
}
