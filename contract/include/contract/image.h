/*
 * The image file that `skiff build` makes and the kernel mounts: an EROFS file system, uncompressed, 4 KiB blocks,
 * followed by one 4 KiB trailer block at the end of the file. All integers little-endian.
 * The kernel mounts the EROFS at offset 0 and never reads the trailer; the host checks it before it starts a machine.
 */
#pragma once
#include <stdint.h>
#define SKIFF_IMAGE_BLOCK   4096
#define SKIFF_IMAGE_MAGIC   "SKIFFIMG"
#define SKIFF_IMAGE_VERSION 1
struct skiff_image_trailer {
    char magic[8];
    uint32_t version;
    uint32_t trailer_crc32c; /* of this block with this field zero */
    uint64_t filesystem_size; /* bytes before the trailer */
    uint32_t filesystem_crc32c;
    uint32_t memory_default_mib; /* what `skiff run` gives when -m is not said; 0: it decides */
    char runtime[32]; /* "jvm-17", "native", "ruby-3.1"; NUL-padded */
    uint8_t reserved[SKIFF_IMAGE_BLOCK - 64];
};
_Static_assert(sizeof(struct skiff_image_trailer) == SKIFF_IMAGE_BLOCK, "one block");
