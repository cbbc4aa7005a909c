/*
 * The FPU belongs to programs; the kernel never touches it. At a switch the registers of a thread with program state
 * are saved, and loaded again only if another thread's were loaded meanwhile or the thread ran elsewhere. XSAVEOPT
 * leaves out what has not changed since the last XRSTOR from the same image (SDM volume 1, 13.6, 13.9).
 */
#include "fpu.h"
#include "cpu_local.h"
#include "user_copy.h"
#include <base/errno.h>
#include <base/string.h>
#include <mm/alloc.h>

/* x87, SSE, AVX, the three of AVX-512. Others (PKRU, AMX) need more than saving and stay off. */
#define COMPONENTS_WANTED UINT64_C(0xe7)
#define COMPONENTS_AVX512 UINT64_C(0xe0)

uint32_t fpu_image_size = FXSAVE_SIZE;
uint64_t fpu_components;
uint32_t fpu_mxcsr_mask = 0xffbf;

static void set_components(void)
{
    struct cpuid supported = cpuid_read(0xd, 0);
    uint64_t components = (supported.eax | (uint64_t)supported.edx << 32) & COMPONENTS_WANTED;
    if ((components & COMPONENTS_AVX512) != COMPONENTS_AVX512 || !(components & 4))
        components &= ~COMPONENTS_AVX512; /* XCR0 takes all of them or none */
    fpu_components = components;
}

void fpu_init_cpu(void)
{
    uint64_t cr0 = cr0_read() | CR0_MP | CR0_NE;
    cr0_write(cr0 & ~UINT64_C(0xc)); /* no EM, no TS: the switch is eager */
    if (fpu_components)
        __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)fpu_components), "d"((uint32_t)(fpu_components >> 32)));
    __asm__ volatile("fninit");
}

void fpu_init(void)
{
    if (cpu_features.has_xsave)
        set_components();
    fpu_init_cpu();
    if (fpu_components)
        fpu_image_size = cpuid_read(0xd, 0).ebx; /* for what XCR0 has now */
    uint8_t *probe = kzalloc(FXSAVE_SIZE, ALLOC_ATOMIC);
    if (!probe)
        return;
    __asm__ volatile("fxsave64 (%0)" : : "r"(probe) : "memory");
    uint32_t mask;
    memcpy(&mask, probe + MXCSR_MASK_OFFSET, sizeof mask);
    fpu_mxcsr_mask = mask ? mask : 0xffbf; /* SDM volume 1, 11.6.6 */
    kfree(probe);
}

void fpu_make_fresh(uint8_t *image)
{
    const uint16_t control = 0x37f;
    const uint32_t mxcsr = 0x1f80;
    memcpy(image, &control, sizeof control);
    memcpy(image + MXCSR_OFFSET, &mxcsr, sizeof mxcsr);
}

struct fpu_state *fpu_alloc(void)
{
    struct fpu_state *state = kzalloc(sizeof *state + fpu_image_size, ALLOC_WAIT);
    if (!state)
        return NULL;
    state->cpu = UINT32_MAX;
    fpu_make_fresh(state->image);
    return state;
}

/* XSAVE wants the header's reserved bytes zero: the image was, and stays so. */
void fpu_save(void *fpu)
{
    struct fpu_state *state = fpu;
    uint32_t low = (uint32_t)fpu_components, high = (uint32_t)(fpu_components >> 32);
    if (cpu_features.has_xsaveopt && fpu_components)
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(state->image), "a"(low), "d"(high) : "memory");
    else if (fpu_components)
        __asm__ volatile("xsave64 (%0)" : : "r"(state->image), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(state->image) : "memory");
}

void fpu_restore(void *fpu)
{
    struct fpu_state *state = fpu;
    struct cpu *cpu = cpu_this();
    if (cpu->fpu_owner == fpu && state->cpu == cpu->index)
        return;
    cpu->fpu_owner = fpu;
    state->cpu = cpu->index;
    uint32_t low = (uint32_t)fpu_components, high = (uint32_t)(fpu_components >> 32);
    if (fpu_components)
        __asm__ volatile("xrstor64 (%0)" : : "r"(state->image), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(state->image) : "memory");
}

int fpu_load_image(const uint8_t *image)
{
    int err = fpu_components ? fpu_try_xrstor(image, fpu_components) : fpu_try_fxrstor(image);
    return err ? -EINVAL : 0;
}
