/* Virtual memory of the kernel: physical memory, devices, the kernel's image (see kernel.ld). Also for assembly. */
#pragma once
#define DIRECT_MAP_BASE  0xffff888000000000
#define DIRECT_MAP_SIZE  0x0000400000000000 /* 64 TiB */
#define DEVICE_MAP_BASE  0xffffc90000000000
#define DEVICE_MAP_SIZE  0x0000008000000000 /* one root entry */
#define KERNEL_BASE      0xffffffff80000000
#define KERNEL_IMAGE_MAX 0x800000           /* 8 MiB from KERNEL_BASE, mapped by 4 KiB pages */
