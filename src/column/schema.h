/* The shape of a column: a value, or a struct, list or map of others, in any depth.

   Three words of Parquet's levels follow from the shape alone, so they are kept here:
     definition   how many of the optional and repeated things on the way to a node are there when the node is
     repetition   how many repeated things lie on the way to it
   A LIST adds one definition and one repetition level for its elements, a MAP one for its entries; whatever is nullable adds one
   definition level. Every schema of a file, old forms of lists included, comes down to these four shapes with the same levels. */
#ifndef TL_COLUMN_SCHEMA_H
#define TL_COLUMN_SCHEMA_H

#include "base/arena.h"
#include "column/type.h"

typedef enum tl_shape { TL_SHAPE_VALUE, TL_SHAPE_STRUCT, TL_SHAPE_LIST, TL_SHAPE_MAP } tl_shape;

typedef struct tl_schema tl_schema;
struct tl_schema {
  const char *name;
  tl_shape shape;
  bool nullable;
  tl_field field;      /* of a VALUE: its name is the dotted path of the leaf, its nullable says whether any level above it is */
  tl_schema *children; /* STRUCT: its fields; LIST: the element; MAP: the key, and the value if it has one */
  int child_count;     /* LIST: 1; MAP: 1 or 2 */
  int first_leaf;      /* leaves below a node are neighbours, in order: the first, and how many; of a VALUE itself and 1 */
  int leaf_count;
  int definition; /* level at which the node is present (not null) */
  int repetition; /* repetition level of the node itself (LIST, MAP: its elements have one more) */
};

/* Fills first_leaf, leaf_count, definition, repetition and the fields' nullable of a tree from shapes, names and nullable. The root is
   a STRUCT that is always there. Returns the number of leaves. */
int tl_schema_number(tl_schema *root);
/* The child of this name, -1 when there is none. */
int tl_schema_child(const tl_schema *node, const char *name);
/* A deep copy in the arena. */
tl_status tl_schema_copy(tl_schema *out, const tl_schema *in, tl_arena *arena, tl_error *err) TL_MUST_CHECK;
/* Whether two columns hold the same values in the same form: shapes, names of struct fields and types; nullability aside. */
bool tl_schema_same(const tl_schema *a, const tl_schema *b);
/* TL_UNSUPPORTED when a column of a file is of another form than the same column of the files before it: both are named. */
tl_status tl_schema_agree(const tl_schema *before, const tl_schema *here, const char *path, tl_error *err) TL_MUST_CHECK;
/* "list<struct<price: double, size: int64>>": cut with dots when it does not fit. */
void tl_schema_type_text(char *out, size_t room, const tl_schema *node);

#endif
