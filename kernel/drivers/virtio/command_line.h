/* "virtio_mmio.device=512@0xfeb00e00:12" words, as QEMU's microvm and Firecracker write them. Pure. */
#pragma once
#include <base/types.h>
struct virtio_mmio_word {
    uint64_t size, address;
    uint32_t irq;
};
/* Finds the next well-formed word at or after *at and moves *at behind it. Stops at " -- " (the program's arguments). */
bool virtio_mmio_next_word(const char **at, struct virtio_mmio_word *out);
