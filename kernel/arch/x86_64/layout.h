/* Numbers that C and assembly share: segments, vectors, offsets. */
#pragma once

#include <arch/address_layout.h>

/* Selectors; those of programs are Linux's, since signal frames show them. SYSRET fixes their order. */
#define KERNEL_CS        0x10
#define KERNEL_DS        0x18
#define USER_CS          0x33
#define USER_DS          0x2b
#define TSS_SELECTOR     0x40
#define CPU_SELECTOR     0x7b /* its limit holds the CPU's number: LSL reads it in ring 3 */
#define SYSRET_BASE      0x23

/* Vectors. Exceptions are 0 to 31; devices have 32 to VECTOR_DEVICE_END - 1; the higher ones are served first. */
#define VECTOR_DEVICE      0x20
#define VECTOR_DEVICE_END  0xf0
#define VECTOR_TIMER       0xf0
#define VECTOR_KICK        0xf1
#define VECTOR_TLB         0xf2
#define VECTOR_STOP        0xf3
#define VECTOR_SPURIOUS    0xff

/* struct cpu, asserted in cpu.c. */
#define CPU_KERNEL_STACK   16
#define CPU_USER_STACK     24

#define BOOT_STACK_SIZE    16384

/* Control registers and MSRs that assembly touches. */
#define CR0_PE   0x1
#define CR0_MP   0x2
#define CR0_EM   0x4
#define CR0_NE   0x20
#define CR0_WP   0x10000
#define CR0_NW   0x20000000
#define CR0_CD   0x40000000
#define CR0_PG   0x80000000
#define CR4_PAE  0x20
#define MSR_EFER 0xc0000080
#define EFER_SCE 0x1
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define MSR_GS_BASE 0xc0000101
