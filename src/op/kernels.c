/* The kernels of one instruction set as a table; compiled once for each (TL_KERNELS is the prefix of its names). */
#include "op/table.h"
#include "lane/transpose.h"

#define DECLARE(name) void TL_KERNEL_NAME(TL_KERNELS, name)(const tl_call *call);
TL_EACH_OPERATOR(DECLARE)
#define DECLARE_BITS(name) DECLARE(name##_bits)
TL_EACH_CONDITION(DECLARE_BITS)

#define ROW(name) TL_KERNEL_NAME(TL_KERNELS, name),
#define BITS_ROW(name) [TL_OP_##name] = TL_KERNEL_NAME(TL_KERNELS, name##_bits),
extern const tl_kernels TL_KERNEL_NAME(TL_KERNELS, kernels);
const tl_kernels TL_KERNEL_NAME(TL_KERNELS, kernels) = {
    .of = {TL_EACH_OPERATOR(ROW)},
    .bits_of = {TL_EACH_CONDITION(BITS_ROW)},
    .gather = tl__gather,
    .gather_codes = tl__gather_codes,
    .scatter = tl__scatter,
    .truths = tl__truths,
    .turn_bits = tl__turn_bits,
};
