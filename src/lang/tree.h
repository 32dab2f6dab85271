/* The tree of a definition: statements and expressions as written. */
#ifndef TL_LANG_TREE_H
#define TL_LANG_TREE_H

#include "base/arena.h"
#include "lang/token.h"

typedef enum tl_tree_type {
  TL_TREE_NUMBER,
  TL_TREE_DURATION,
  TL_TREE_TEXT,
  TL_TREE_NAME, /* text; side for side.name */
  TL_TREE_CALL, /* text(children), some of them named */
} tl_tree_type;

/* Signs are calls too: "+" is add(a, b). */
typedef struct tl_tree tl_tree;
struct tl_tree {
  tl_tree_type type;
  tl_place place;
  double value;
  const char *text;
  const char *side;   /* of NAME: the part before the dot, or NULL */
  const char *option; /* this child was written `option: ...`, or NULL */
  bool sign;          /* of CALL: written as a sign */
  int depth;          /* of the signs below it: a chain of additions is a deep tree */
  tl_tree *children, *next;
};

typedef enum tl_statement_type {
  TL_STATEMENT_STREAM,
  TL_STATEMENT_INPUT,
  TL_STATEMENT_SIDE,
  TL_STATEMENT_PARAM,
  TL_STATEMENT_LET,
  TL_STATEMENT_FEATURE,
  TL_STATEMENT_LABEL,
  TL_STATEMENT_DEF,
  TL_STATEMENT_USE,
  TL_STATEMENT_CHECK,
  TL_STATEMENT_PARTITION,
  TL_STATEMENT_RESET,
  TL_STATEMENT_NAMES,
  TL_STATEMENT_CARRY,
  TL_STATEMENT_DERIVE,
  TL_STATEMENT_SORT,
  TL_STATEMENT_HOT,
  TL_STATEMENT_ENTER,
  TL_STATEMENT_EXIT,
} tl_statement_type;

typedef struct tl_word {
  const char *text;
  tl_place place;
  struct tl_word *next;
} tl_word;

typedef enum tl_rule_type { TL_RULE_FINITE, TL_RULE_NOT_CONSTANT, TL_RULE_MISSING, TL_RULE_BETWEEN, TL_RULE_INCREASING } tl_rule_type;
typedef struct tl_rule {
  tl_rule_type type;
  double low, high; /* missing: share below high (0..1); between: bounds */
  struct tl_rule *next;
} tl_rule;

typedef struct tl_statement tl_statement;
struct tl_statement {
  tl_statement_type type;
  tl_place place;     /* of the name */
  const char *name;   /* defined by the statement; USE: the file; SIDE: the name; STREAM: the order key; CARRY: the column, or "*" */
  tl_word *words;     /* STREAM: keys; INPUT: alternatives of the column; SIDE: what picks its stream; PARTITION, SORT: keys; HOT: columns; DEF: parameters */
  tl_tree **defaults; /* DEF: one per parameter, or NULL */
  tl_tree *tree;      /* LET, FEATURE, LABEL, DERIVE, DEF; ENTER, EXIT: the condition; PARAM: default */
  const char *value;  /* SIDE: the stream, or NULL for `dataset`; INPUT, CARRY, DERIVE: type or NULL */
  bool flag;          /* STREAM: ties; INPUT, CARRY: optional; SIDE: before */
  double low, high, step, within; /* PARAM: range (low <= high), step; SIDE: greatest age in seconds */
  double *choices;                /* PARAM in {..} */
  int choice_count;
  tl_rule *rules; /* CHECK */
  tl_statement *next;
};

/* Everything lives in the arena, the source's text must outlive it. */
tl_status tl__parse(tl_arena *arena, const tl_source *source, tl_statement **out, tl_error *err) TL_MUST_CHECK;

#endif
