/* Program state of the calling thread: segment bases, and the FPU as signal frames hold it. See arch/user_state.h. */
#include <arch/mmu.h>
#include <arch/user_state.h>
#include <base/errno.h>
#include <base/string.h>
#include <mm/alloc.h>
#include <sched/thread.h>
#include "fpu.h"
#include "segment_base.h"
#include "user_copy.h"

/* The 48 bytes that FXSAVE leaves to software, as Linux fills them (uapi/asm/sigcontext.h). */
struct software_bytes {
    uint32_t magic1, extended_size;
    uint64_t components;
    uint32_t image_size, padding[7];
};
static_assert(sizeof(struct software_bytes) == 48, "struct _fpx_sw_bytes");
enum { SOFTWARE_OFFSET = 464, MAGIC2_SIZE = 4, COMPONENTS_LEGACY = 3 };
#define MAGIC1 UINT32_C(0x46505853)
#define MAGIC2 UINT32_C(0x46505845)

uint64_t arch_get_fs_base(void)
{
    return cpu_features.has_fsgsbase ? fs_base_read() : thread_current()->arch.fs_base;
}

uint64_t arch_get_gs_base(void)
{
    if (!cpu_features.has_fsgsbase)
        return thread_current()->arch.gs_base;
    uint64_t state = arch_irq_save();
    uint64_t base = gs_base_read();
    arch_irq_restore(state);
    return base;
}

int arch_set_fs_base(uint64_t base)
{
    if (base >= USER_ADDRESS_MAX)
        return -EPERM;
    uint64_t state = arch_irq_save();
    thread_current()->arch.fs_base = base;
    fs_base_write(base);
    arch_irq_restore(state);
    return 0;
}

int arch_set_gs_base(uint64_t base)
{
    if (base >= USER_ADDRESS_MAX)
        return -EPERM;
    uint64_t state = arch_irq_save();
    thread_current()->arch.gs_base = base;
    gs_base_write(base);
    arch_irq_restore(state);
    return 0;
}

/* The thread's own image serves as the source: while it runs, its content is not needed. */
static int load_fresh(void)
{
    struct fpu_state *state = thread_current()->arch.fpu;
    if (!state)
        return 0;
    memset(state->image, 0, fpu_image_size);
    fpu_make_fresh(state->image);
    return fpu_load_image(state->image);
}

void arch_reset_user_state(void)
{
    arch_set_fs_base(0);
    arch_set_gs_base(0);
    load_fresh();
}

/* The thread's state is in the registers whenever it runs; the kernel itself uses none of it. */
unsigned arch_fpu_exceptions(unsigned vector)
{
    enum { VECTOR_SIMD = 19, FLAGS = 0x3f, MXCSR_MASKS = 7 };
    if (vector == VECTOR_SIMD) {
        uint32_t mxcsr;
        __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
        return mxcsr & ~(mxcsr >> MXCSR_MASKS) & FLAGS;
    }
    uint16_t status, control;
    __asm__ volatile("fnstsw %0; fnstcw %1" : "=m"(status), "=m"(control));
    return status & ~(unsigned)control & FLAGS;
}

size_t arch_fpu_frame_size(void)
{
    return fpu_image_size + MAGIC2_SIZE;
}

/*
 * XSAVE writes of the header only the bits of the components it was asked for. The header follows the software's bytes:
 * both are written in one piece. The legacy parts count as in use.
 */
static int save_extended(struct user *to)
{
    struct {
        struct software_bytes software;
        uint64_t header[XSAVE_HEADER_SIZE / 8];
    } middle = {.software = {.magic1 = MAGIC1,
                             .extended_size = fpu_image_size + MAGIC2_SIZE,
                             .components = fpu_components,
                             .image_size = fpu_image_size}};
    static_assert(SOFTWARE_OFFSET + sizeof middle.software == XSAVE_HEADER, "in one piece");
    uint64_t in_use;
    uint32_t magic2 = MAGIC2;
    if (user_xsave((void *)to, fpu_components) || copy_struct_from_user(&in_use, user_offset(to, XSAVE_HEADER)))
        return -EFAULT;
    middle.header[0] = (in_use & fpu_components) | COMPONENTS_LEGACY;
    if (copy_struct_to_user(user_offset(to, SOFTWARE_OFFSET), &middle) ||
        copy_struct_to_user(user_offset(to, fpu_image_size), &magic2))
        return -EFAULT;
    return 0;
}

int arch_fpu_save_to_user(struct user *to)
{
    uintptr_t address = user_address(to);
    if (address & 63 || address > USER_ADDRESS_MAX - arch_fpu_frame_size())
        return -EFAULT;
    if (fpu_components)
        return save_extended(to);
    struct software_bytes software = {0};
    if (user_fxsave((void *)to) || copy_struct_to_user(user_offset(to, SOFTWARE_OFFSET), &software))
        return -EFAULT;
    return 0;
}

/* Which components a frame claims to hold, and how many of its bytes; a frame without good magics is a legacy one. */
static int read_software_bytes(const struct user *from, uint64_t *components, uint32_t *size)
{
    struct software_bytes software;
    uint32_t magic2;
    *components = COMPONENTS_LEGACY;
    *size = FXSAVE_SIZE;
    if (copy_struct_from_user(&software, user_offset(from, SOFTWARE_OFFSET)))
        return -EFAULT;
    if (!fpu_components || software.magic1 != MAGIC1 || software.image_size < XSAVE_HEADER + XSAVE_HEADER_SIZE ||
        software.image_size > fpu_image_size || software.image_size > software.extended_size)
        return 0;
    if (copy_struct_from_user(&magic2, user_offset(from, software.image_size)))
        return -EFAULT;
    if (magic2 != MAGIC2)
        return 0;
    *components = software.components & fpu_components;
    *size = software.image_size;
    return 0;
}

/* `image` holds `size` bytes of the program's. What XRSTOR would refuse is refused here (SDM volume 1, 13.8). */
static int check_image(uint8_t *image, uint64_t components, uint32_t size)
{
    uint32_t mxcsr;
    memcpy(&mxcsr, image + MXCSR_OFFSET, sizeof mxcsr);
    if (mxcsr & ~fpu_mxcsr_mask)
        return -EINVAL;
    if (!fpu_components)
        return 0;
    uint64_t header[XSAVE_HEADER_SIZE / 8];
    memcpy(header, image + XSAVE_HEADER, sizeof header);
    if (size == FXSAVE_SIZE)
        header[0] = COMPONENTS_LEGACY;
    if (header[0] & ~fpu_components)
        return -EINVAL;
    for (unsigned i = 1; i < XSAVE_HEADER_SIZE / 8; i++)
        if (header[i]) /* XCOMP_BV: the compacted format; the rest is reserved */
            return -EINVAL;
    header[0] &= components;
    memcpy(image + XSAVE_HEADER, header, sizeof header);
    return 0;
}

int arch_fpu_restore_from_user(const struct user *from)
{
    if (!from)
        return load_fresh();
    uint64_t components;
    uint32_t size;
    if (user_address(from) > USER_ADDRESS_MAX - fpu_image_size - MAGIC2_SIZE)
        return -EFAULT;
    int err = read_software_bytes(from, &components, &size);
    if (err)
        return err;
    uint8_t *image = kmalloc(fpu_image_size, ALLOC_WAIT);
    if (!image)
        return -ENOMEM;
    memset(image + size, 0, fpu_image_size - size);
    err = copy_from_user(image, from, size);
    if (!err)
        err = check_image(image, components, size);
    if (!err)
        err = fpu_load_image(image);
    kfree(image);
    return err;
}

uint64_t arch_hwcap(void)
{
    return cpu_features.hwcap;
}

uint64_t arch_hwcap2(void)
{
    return cpu_features.has_fsgsbase ? 2 : 0;
}
