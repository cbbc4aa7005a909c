/*
 * The program's FS and GS bases. With FSGSBASE programs may change them without the kernel, so they are read back at each
 * switch; without it they change only through arch_set_*, which keep the thread's copy right. While the kernel runs, the
 * program's GS base is in KERNEL_GS_BASE. All with interrupts masked.
 */
#pragma once
#include "cpu_local.h"

static inline uint64_t gs_base_read(void)
{
    uint64_t base;
    __asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(base) : : "memory");
    return base;
}
static inline void gs_base_write(uint64_t base)
{
    if (cpu_features.has_fsgsbase)
        __asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(base) : "memory");
    else
        msr_write(MSR_KERNEL_GS_BASE, base);
}
static inline uint64_t fs_base_read(void)
{
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}
static inline void fs_base_write(uint64_t base)
{
    if (cpu_features.has_fsgsbase)
        __asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
    else
        msr_write(MSR_FS_BASE, base);
}
static inline void segment_bases_save(struct arch_thread *thread)
{
    if (!cpu_features.has_fsgsbase)
        return;
    thread->fs_base = fs_base_read();
    thread->gs_base = gs_base_read();
}
static inline void segment_bases_load(const struct arch_thread *thread)
{
    fs_base_write(thread->fs_base);
    gs_base_write(thread->gs_base);
}
