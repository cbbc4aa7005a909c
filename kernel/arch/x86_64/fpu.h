/* FPU images: the XSAVE area of a thread, or its FXSAVE area where the CPU has no XSAVE. */
#pragma once
#include <base/types.h>

struct fpu_state {
    uint32_t cpu; /* whose registers held this last; UINT32_MAX: none's */
    uint8_t image[] __attribute__((aligned(64)));
};
enum { FXSAVE_SIZE = 512, XSAVE_HEADER = 512, XSAVE_HEADER_SIZE = 64, MXCSR_OFFSET = 24, MXCSR_MASK_OFFSET = 28 };
extern uint32_t fpu_image_size;  /* bytes, of all components in fpu_components */
extern uint64_t fpu_components;  /* XCR0; 0: no XSAVE */
extern uint32_t fpu_mxcsr_mask;  /* bits that MXCSR may have */

struct fpu_state *fpu_alloc(void); /* fresh; NULL: no memory */
/* Into image (zeroed, fpu_image_size bytes): what a program finds at its start. */
void fpu_make_fresh(uint8_t *image);
/* Registers from the image, which the CPU may refuse: -EINVAL. */
int fpu_load_image(const uint8_t *image);
