#include "codec/unpack.h"

extern const tl_codec_kernels tl__baseline_codec_kernels;
#if defined(__x86_64__)
extern const tl_codec_kernels tl__avx2_codec_kernels, tl__avx512_codec_kernels;
static const tl_codec_kernels *const kernels[TL_ISA_COUNT] = {&tl__baseline_codec_kernels, &tl__avx2_codec_kernels, &tl__avx512_codec_kernels};
#else
static const tl_codec_kernels *const kernels[TL_ISA_COUNT] = {&tl__baseline_codec_kernels, &tl__baseline_codec_kernels, &tl__baseline_codec_kernels};
#endif

const tl_codec_kernels *tl_codec_kernels_of(tl_isa isa) { return kernels[isa]; }
const tl_codec_kernels *tl_codec_kernels_chosen(void) { return kernels[tl_isa_chosen()]; }
