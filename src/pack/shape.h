/* The columns of a tape, in their order, and the fewer that rows have on their way there: what every row of a subject shares (facts) and what no input
   has is added when a row group is written. */
#ifndef TL_PACK_SHAPE_H
#define TL_PACK_SHAPE_H

#include "column/array.h"
#include "lang/definition.h"
#include "pack/subject.h"

typedef struct tl_tape_column {
  int fact;       /* it is this fact; -1: it comes from rows, */
  int row_column; /* ... being this column of them; -1: nothing has it, all is null */
  int packed;     /* of the definition's packed columns; -1: the order key, an extra or a fact */
  bool is_date;   /* the day, in a layout that has it as a column */
  bool hot;
} tl_tape_column;

/* How a column that is not said in the definition converts: whole numbers become int64, others double, the rest stays as it is. */
typedef struct tl_extra {
  const char *name;
  const tl_schema *node; /* as the tape has it */
  const char *path;      /* the file that settled its type */
} tl_extra;

typedef struct tl_shape_of_tape {
  tl_env *env;
  tl_arena arena;
  const tl_definition *definition;
  const tl_naming *naming;
  bool plain;              /* the layout without Hive keys */
  tl_schema tape;          /* a STRUCT */
  tl_tape_column *columns; /* one a child of `tape` */
  tl_schema rows;          /* a STRUCT: the order key, then what inputs have */
  tl_extra *extras;        /* by name */
  size_t extra_count, extra_capacity;
  bool *has;          /* packed columns that an input has */
  int *row_of_packed; /* ... where rows have them; -1 */
  bool *made_of;      /* [derived * packed_count + column]: whether a derived packed column is made of a column */
} tl_shape_of_tape;

tl_status tl_tape_shape_open(tl_shape_of_tape *out, tl_env *env, const tl_definition *definition, const tl_naming *naming, bool plain,
                             tl_error *err) TL_MUST_CHECK;
void tl_tape_shape_free(tl_shape_of_tape *shape);
/* Takes note of the columns that a raw file has, or a file of the tape (which settles types for others). TL_UNSUPPORTED when one is of a type that does not
   convert; then none of the file's count. */
tl_status tl_tape_shape_add(tl_shape_of_tape *shape, const tl_schema *file, const char *path, tl_error *err) TL_MUST_CHECK;
/* All files were seen: settles `tape`, `columns` and `rows`. */
tl_status tl_tape_shape_settle(tl_shape_of_tape *shape, tl_error *err) TL_MUST_CHECK;
/* Whether a column of a file is nothing that rows take from it: a fact, what is derived anew, the day. */
bool tl_tape_is_own(const tl_shape_of_tape *shape, const char *name);
/* The packed column of a name; -1. */
int tl_tape_packed(const tl_definition *definition, const char *name);
/* The column of the files that a packed column is filled from: itself, or, of a derived one that an input of the same name feeds, that. */
bool tl_tape_replaces(const tl_definition *definition, const tl_packed_column *column);

#endif
