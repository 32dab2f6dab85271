/* The life of a predicate. */
#include "column/predicate.h"
#include "column/predicate_tree.h"

static tl_status fill(tl_predicate *p, const char *text, size_t size, tl_error *err) {
  TL_TRY(tl_arena_text(&p->tree, &p->text, text, size, err));
  p->size = size;
  TL_TRY(tl__predicate_read(p, err));
  TL_TRY(tl_arena_take(&p->tree, &p->subjects, (size_t)p->column_count, sizeof *p->subjects, err));
  return tl_arena_take(&p->tree, &p->scratch, (size_t)(p->root->depth + 2) * TL__BLOCK, sizeof *p->scratch, err);
}

tl_status tl_predicate_parse(tl_predicate **out, tl_env *env, const char *text, tl_error *err) {
  tl_predicate *p = NULL;
  TL_TRY(tl_allocate_zeroed(env, &p, 1, sizeof *p, err));
  p->env = p->tree.env = p->bound.env = p->tables.env = env;
  tl_status status = fill(p, text, __builtin_strlen(text), err);
  if (status == TL_OK)
    *out = p;
  else
    tl_predicate_free(p);
  return status;
}

void tl_predicate_free(tl_predicate *p) {
  if (p == NULL) return;
  tl_arena_free(&p->tree);
  tl_arena_free(&p->bound);
  tl_buffer_free(&p->tables);
  tl_release(p->env, p);
}

int tl_predicate_column_count(const tl_predicate *p) { return p->column_count; }
const char *tl_predicate_column(const tl_predicate *p, int index) { return p->columns[index]; }
