#include "op/table.h"
#include <string.h>

#define DECLARE(name) extern const tl_operator tl__op_##name;
TL_EACH_OPERATOR(DECLARE)
#define ROW(name) &tl__op_##name,
const tl_operator *const tl__operators[TL_OP_COUNT] = {TL_EACH_OPERATOR(ROW)};

int tl__operator_find(const char *name) {
  for (int i = 0; i < TL_OP_COUNT; i++)
    if (strcmp(tl__operators[i]->name, name) == 0) return i;
  return -1;
}

extern const tl_kernels tl__baseline_kernels;
#if defined(__x86_64__)
extern const tl_kernels tl__avx2_kernels, tl__avx512_kernels;
static const tl_kernels *const kernels[TL_ISA_COUNT] = {&tl__baseline_kernels, &tl__avx2_kernels, &tl__avx512_kernels};
#else
static const tl_kernels *const kernels[TL_ISA_COUNT] = {&tl__baseline_kernels, &tl__baseline_kernels, &tl__baseline_kernels};
#endif
const tl_kernels *tl__kernels(tl_isa isa) { return kernels[isa]; }

static bool is_masked(const tl_operator *op, const tl_params *p) { return op->always_masked || p->min < p->n; }

int tl__node_outputs(const tl_operator *op, const tl_params *p) {
  int outputs = op->outputs > 0 ? op->outputs : 1;
  return outputs + (op->kind == TL_FOLD && op->internal && is_masked(op, p));
}

int tl__span_width(const tl_operator *op, int inputs) {
  int kept = op->kind == TL_VIEW ? 1 : op->parts + 1, series = inputs - 1; /* beside the order key */
  return (kept > series ? kept : series) + 1;
}

int64_t tl__state_doubles(const tl_operator *op, const tl_params *p, int inputs) {
  if (p->span > 0) return op->parts + 1 + 2 * inputs;
  switch (op->kind) {
    case TL_MAP: return 0;
    case TL_SCAN: return op->parts;
    case TL_EDGE: return p->slots;
    case TL_VIEW: return p->slots * (1 + op->parts) + 1;
    case TL_FOLD: break;
  }
  int64_t kept = op->parts + 1; /* room for the count, strict or not */
  int64_t width = kept > inputs ? kept : inputs;
  return kept + 2 * inputs + p->slots * width;
}

int64_t tl__node_warmup(const tl_operator *op, const tl_params *p) {
  if (op->warmup != NULL) return op->warmup(p);
  if (op->kind != TL_FOLD && op->kind != TL_VIEW) return 0;
  int64_t least = p->min > op->needs ? p->min : op->needs;
  return least > 0 ? least - 1 : 0;
}
