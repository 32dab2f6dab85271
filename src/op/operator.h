/* An operator is one file: its kernel, its row in the table, its slow oracle and its cases.

   The build compiles that file several times:
     TL_KERNELS       once per instruction set: kernels only
     (nothing)        once: TL_OPERATOR makes the row of the table
     TL_PROOFS        into the tests: TL_PROOF makes oracle and cases
   and lists its operators by name (src/op/meson.build), from which the tables are formed. */
#ifndef TL_OP_OPERATOR_H
#define TL_OP_OPERATOR_H

#include <stdbool.h>
#include "base/date.h"
#include "base/status.h"
#include "lane/tile.h"
#include "simd/kernel.h"

typedef enum tl_kind { TL_MAP, TL_SCAN, TL_FOLD, TL_VIEW, TL_EDGE } tl_kind;
typedef enum tl_type { TL_NUMBER, TL_BOOLEAN, TL_TIME, TL_SAME } tl_type; /* TL_SAME: as the first input */
typedef enum tl_time_unit { TL_UNIT_NONE, TL_UNIT_DAY, TL_UNIT_MS, TL_UNIT_US, TL_UNIT_NS } tl_time_unit;

/* Counts of the unit in a day; 1 of days and of what is no time. */
static inline int64_t tl_units_a_day(int unit) {
  return unit == TL_UNIT_NS ? TL_DAY_NS : unit == TL_UNIT_US ? TL_DAY_NS / 1000 : unit == TL_UNIT_MS ? TL_DAY_NS / 1000000 : 1;
}

typedef enum tl_arg_type {
  TL_ARG_END,
  TL_ARG_SERIES,    /* numbers; booleans count as 0 and 1 */
  TL_ARG_ANY,       /* a series of any type */
  TL_ARG_COUNTED,   /* a series of numbers, or of booleans of which the false ones are missing */
  TL_ARG_CONDITION, /* booleans */
  TL_ARG_TIME,
  TL_ARG_MORE,     /* one or more further series */
  TL_ARG_WINDOW,   /* an integer constant from 1 */
  TL_ARG_STEPS,    /* an integer constant from 0 */
  TL_ARG_CONSTANT, /* a number known before the run */
  TL_ARG_WORD,     /* one of `words` */
} tl_arg_type;

typedef enum tl_slot { TL_SLOT_N, TL_SLOT_MIN, TL_SLOT_A0, TL_SLOT_A1, TL_SLOT_A2, TL_SLOT_MODE } tl_slot;

typedef struct tl_arg {
  const char *name;
  tl_arg_type type;
  tl_slot slot;  /* where a constant goes */
  bool named;    /* written `name: value` only */
  bool optional; /* absent: `value`; a NaN value for TL_SLOT_MIN means n */
  double value;
  double low, high;  /* bounds of a TL_ARG_CONSTANT, when low < high */
  const char *words; /* of a TL_ARG_WORD, separated by spaces; the choice is its index */
} tl_arg;

enum { TL_MAX_ARGS = 8 };
enum { TL_CAUSAL = 1, TL_LINEAR = 2, TL_SHIFT = 4, TL_FLAT_ZERO = 8 }; /* laws that tests check */

typedef struct tl_operator {
  const char *name;
  const char *group;   /* of the reference: "arithmetic", "windows", ... */
  const char *summary; /* one line: what it is, ties, edges */
  tl_kind kind;
  tl_type result;
  tl_arg args[TL_MAX_ARGS];
  bool internal;                         /* a node that other operators lower, or an infix sign: not callable by name */
  const char *via;                       /* the fold that this operator lowers */
  const char *takes;                     /* ... and its inputs: digits are outputs of the fold, c its count (where it has one), x the first series */
  bool plain;                            /* ... or is such an output as it stands, and needs no step of its own */
  int outputs;                           /* of the node; 0 means 1. A masked fold has one more, the count of present values */
  int parts;                             /* fold: parts kept a row; scan: doubles of state a lane; view: extra doubles a slot */
  bool always_masked;                    /* fold: counts present values also when the window must be full */
  bool min_is_zero;                      /* `min:` defaults to 0, not to n */
  bool exact;                            /* fold: the same bits wherever blocks are cut */
  const char *each;                      /* the scan that serves the form `each: period` of this operator */
  bool skips_missing;                    /* map: has a value where any input has one */
  bool compares;                         /* map: nothing counts but which inputs are missing, and which of two is the greater */
  int64_t needs;                         /* fewest present values that the formula itself needs */
  int64_t (*warmup)(const tl_params *p); /* rows before the first value; NULL: by kind */
  tl_status (*prepare)(tl_params *p, uint32_t given, tl_error *err); /* after arguments are read; bit i: args[i] was given */
  unsigned laws;
} tl_operator;

/* Doubles of state a lane needs for a node with these parameters. */
int64_t tl__state_doubles(const tl_operator *op, const tl_params *p, int inputs);
/* Doubles of a row that a window of time keeps, for a node with these inputs, the order key among them. */
int tl__span_width(const tl_operator *op, int inputs);
/* Outputs of a node. */
int tl__node_outputs(const tl_operator *op, const tl_params *p);
/* Rows before the first row that can have a value. */
int64_t tl__node_warmup(const tl_operator *op, const tl_params *p);

#if defined(TL_KERNELS)
#define TL_KERNEL(id) void TL_KERNEL_NAME(TL_KERNELS, id)(const tl_call *c)
#define TL_OPERATOR(id, ...) void TL_KERNEL_NAME(TL_KERNELS, id)(const tl_call *c)
#define TL_PROOF(id, ...) void TL_KERNEL_NAME(TL_KERNELS, id)(const tl_call *c)
#else
#define TL_KERNEL(id) __attribute__((unused)) static void id##_kernel(const tl_call *c)
#if defined(TL_PROOFS)
#include "op/proof.h"
#define TL_OPERATOR(id, ...) extern const tl_operator tl__op_##id
#define TL_PROOF(id, ...)               \
  extern const tl_proof tl__proof_##id; \
  const tl_proof tl__proof_##id = {.name = #id, __VA_ARGS__}
#else
#define TL_OPERATOR(id, ...)            \
  extern const tl_operator tl__op_##id; \
  const tl_operator tl__op_##id = {.name = #id, __VA_ARGS__}
#define TL_PROOF(id, ...) extern const tl_operator tl__op_##id
#endif
#endif

/* Arguments that many operators share. */
#define TL_X \
  { .name = "x", .type = TL_ARG_SERIES }
#define TL_Y \
  { .name = "y", .type = TL_ARG_SERIES }
#define TL_N \
  { .name = "n", .type = TL_ARG_WINDOW, .slot = TL_SLOT_N }
#define TL_MIN \
  { .name = "min", .type = TL_ARG_WINDOW, .slot = TL_SLOT_MIN, .named = true, .optional = true, .value = NAN }

#endif
