/* The table of operators, and their kernels for one instruction set. */
#ifndef TL_OP_TABLE_H
#define TL_OP_TABLE_H

#include "op/operator.h"
#include "op_list.h"
#include "sys/sys.h"

#define TL_OP_INDEX(name) TL_OP_##name,
typedef enum tl_op_index { TL_EACH_OPERATOR(TL_OP_INDEX) TL_OP_COUNT } tl_op_index;

extern const tl_operator *const tl__operators[TL_OP_COUNT];
/* -1 when there is none of this name. */
int tl__operator_find(const char *name);

/* Everything that is compiled once per instruction set. */
typedef struct tl_kernels {
  tl_kernel of[TL_OP_COUNT];
  tl_kernel bits_of[TL_OP_COUNT]; /* the same as tl_condition_bits; NULL where there is none */
  /* rows of TL_LANES streams <-> a tile; every pointer must have `rows` values. */
  void (*gather)(double *tile, const double *const *lanes, int rows);
  void (*gather_codes)(double *tile, const uint16_t *const *codes, const double *const *values, int rows);
  void (*scatter)(double *const *lanes, const double *tile, int rows);
  void (*truths)(tl_condition_bits *out, const double *tile, int rows);         /* a tile of 1.0 and 0.0 as bits */
  void (*turn_bits)(uint64_t *lanes, const tl_condition_bits *rows, int count); /* at most TL_TURNED_ROWS rows to a word a lane */
} tl_kernels;

const tl_kernels *tl__kernels(tl_isa isa);

#endif
