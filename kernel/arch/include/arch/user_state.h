/*
 * Program state beyond the general registers, of the calling thread: TLS bases and the FPU image as signal frames hold it.
 */
#pragma once
#include <base/user.h>

uint64_t arch_get_fs_base(void);
uint64_t arch_get_gs_base(void); /* the program's */
int arch_set_fs_base(uint64_t base); /* -EPERM: not a program address */
int arch_set_gs_base(uint64_t base);

/* exec: fresh FPU state, FS/GS bases 0. */
void arch_reset_user_state(void);

/* Bytes of the FPU part of a signal frame: XSAVE image (standard format, all of XCR0) plus the 4 bytes of FP_XSTATE_MAGIC2;
 * at least 512+4 without XSAVE. */
size_t arch_fpu_frame_size(void);
/* Writes the caller's FPU state there (64-aligned) as Linux does: software-reserved bytes 464.. with magic1, extended_size,
 * xfeatures, xstate_size, and magic2 at the end (arch/x86/include/uapi/asm/sigcontext.h). -EFAULT. */
int arch_fpu_save_to_user(struct user *to);
/* The reverse for rt_sigreturn; NULL: fresh state. All bytes are hostile: reserved MXCSR bits, XCOMP_BV and bits outside
 * XCR0 are refused (-EINVAL) or masked as Linux does. A frame without good magics is taken as legacy FXSAVE (512 bytes). */
int arch_fpu_restore_from_user(const struct user *from);

/* After vector 16 or 19: the raised and unmasked exceptions, as MXCSR's bits 0 to 5 (SDM volume 1, 10.2.3): invalid 1,
 * denormal 2, division by zero 4, overflow 8, underflow 16, precision 32. */
unsigned arch_fpu_exceptions(unsigned vector);

/* Hardware capabilities for auxv: CPUID.1:EDX, and AT_HWCAP2 (bit 1: ring 3 may use FSGSBASE). */
uint64_t arch_hwcap(void);
uint64_t arch_hwcap2(void);
