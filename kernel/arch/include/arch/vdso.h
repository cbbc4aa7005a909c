/*
 * The vDSO: pages the kernel maps into each program. Page 0 of the object is the data page ([vvar], read only), the rest
 * the ELF image ([vdso], read and execute), linked to stand right behind the data page.
 */
#pragma once
#include <base/types.h>
struct vm_object;
/* The shared object; NULL when this machine's clock cannot be read from ring 3 (programs then make system calls). */
struct vm_object *arch_vdso_object(void);
size_t arch_vdso_size(void); /* bytes of both parts, page multiple */
