/* A compiled definition, as the layers below see it. */
#ifndef TL_LANG_DEFINITION_H
#define TL_LANG_DEFINITION_H

#include "lang/graph.h"
#include "lang/tree.h"
#include "tickloom/definition.h"

enum { TL_MOST_INPUTS = 4096, TL_MOST_KEYS = 16, TL_MOST_ALTERNATIVES = 16 };

typedef struct tl_input {
  const char *name;
  const char *columns[TL_MOST_ALTERNATIVES]; /* the first that a file has */
  int column_count;
  const char *type; /* as declared, or NULL */
  bool optional;
  int picks; /* its values, texts or integers, pick the stream of the side of this number, from 1; 0: it is a number to compute with */
} tl_input;

typedef struct tl_side {
  const char *name;
  const char *value; /* the stream's key as text; NULL: a dataset of one stream */
  double within;     /* greatest age in seconds; 0 is any */
  bool before;       /* strictly before */
  int32_t picked_by; /* the input whose value at a row is the key of the side's stream for that row; -1: the side is one stream */
} tl_side;

typedef struct tl_output {
  const char *name;
  tl_edge edge;
  tl_type type;
  bool is_label;
  int64_t delay; /* label: its row t is computed at row t + delay */
  tl_rule *rules;
} tl_output;

/* A column of what is packed, in its place: one of the raw files, or derived. */
typedef struct tl_packed_column {
  const char *name;
  const char *type; /* "double" or "int" */
  bool optional;    /* raw files need not have it */
  int32_t output;   /* of a derived one; else -1 */
} tl_packed_column;

/* What the definition is for: each job runs its own kind. */
typedef enum tl_definition_kind { TL_DEFINES_FEATURES, TL_DEFINES_PACK, TL_DEFINES_STRATEGY } tl_definition_kind;

struct tl_definition {
  tl_env *env;
  tl_arena arena;
  tl_graph graph;
  const char *path;
  const char *keys[TL_MOST_KEYS];
  int key_count;
  const char *order;
  bool ties;
  bool by_date;      /* the output has a file a day */
  bool resets_daily; /* streams end with the day, too */
  tl_definition_kind kind;
  const char *names_as;     /* of a pack: what the names of its files are, or NULL */
  tl_packed_column *packed; /* ... its columns */
  size_t packed_count;
  bool packs_rest; /* ... and all others, behind these, by name */
  const tl_word *sort, *partition, *hot;
  int32_t enter_long, exit_long; /* of a strategy: outputs; -1: none */
  tl_input *inputs;
  size_t input_count;
  tl_side sides[TL_MOST_SIDES];
  int side_count;
  tl_output *outputs;
  size_t output_count;
  uint64_t identity; /* of the whole */
};

/* Reads a .loom file that `use` names, or the shipped library; text lives in the arena. */
tl_status tl__source_open(tl_arena *arena, const char *path, const tl_source **out, tl_error *err) TL_MUST_CHECK;
tl_status tl__definition_compile(tl_definition **out, tl_env *env, const tl_source *source, const tl_param_setting *settings, size_t setting_count,
                                 tl_error *err) TL_MUST_CHECK;

/* The shipped library: features/lib/<name>.loom, inside the binary. */
typedef struct tl_library_file {
  const char *name, *text;
} tl_library_file;
extern const tl_library_file tl__library[];
extern const size_t tl__library_count;
/* What can be packed by name: packs/<name>.loom. */
extern const tl_library_file tl__packs[];
extern const size_t tl__packs_count;

#endif
