/* The image file: mkfs.erofs over the staged tree, then our trailer (contract/image.h). */
#include <contract/image.h>
#include <errno.h>
#include <fcntl.h>
#include <image/image.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <util/crc32c.h>
#include "stage.h"

/* Fixed, so that the same tree gives the same bytes. */
#define IMAGE_UUID "5b1ff000-0000-4000-8000-000000000001"

/* CRC of the first n bytes of the file, in pieces. */
static struct error *checksum_file(int fd, const char *path, uint64_t n, uint32_t *out)
{
    static char chunk[1 << 18];
    uint32_t crc = 0;
    for (uint64_t done = 0; done < n;) {
        size_t want = n - done < sizeof chunk ? (size_t)(n - done) : sizeof chunk;
        ssize_t got = pread(fd, chunk, want, (off_t)done);
        if (got <= 0)
            return got < 0 ? error_errno("reading %s", path) : error_new("%s became shorter while it was read", path);
        crc = crc32c(crc, chunk, (size_t)got);
        done += (uint64_t)got;
    }
    *out = crc;
    return NULL;
}

static struct error *add_trailer(const char *path, const char *runtime, unsigned memory_mib)
{
    struct stat s;
    struct skiff_image_trailer trailer = {
        .magic = SKIFF_IMAGE_MAGIC, .version = SKIFF_IMAGE_VERSION, .memory_default_mib = memory_mib};
    struct error *err = NULL;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s))
        err = error_errno("opening %s", path);
    uint64_t size = err ? 0 : ((uint64_t)s.st_size + SKIFF_IMAGE_BLOCK - 1) / SKIFF_IMAGE_BLOCK * SKIFF_IMAGE_BLOCK;
    if (!err && ftruncate(fd, (off_t)size))
        err = error_errno("writing %s", path);
    uint32_t crc = 0;
    if (!err)
        err = checksum_file(fd, path, size, &crc);
    if (!err) {
        trailer.filesystem_size = size;
        trailer.filesystem_crc32c = crc;
        snprintf(trailer.runtime, sizeof trailer.runtime, "%s", runtime);
        trailer.trailer_crc32c = crc32c(0, &trailer, sizeof trailer);
        if (pwrite(fd, &trailer, sizeof trailer, (off_t)size) != sizeof trailer)
            err = error_errno("writing %s", path);
    }
    if (fd >= 0 && close(fd) && !err)
        err = error_errno("writing %s", path);
    return err;
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? xstrndup(path, slash > path ? (size_t)(slash - path) : 1) : xstrdup(".");
}

struct error *image_pack(const struct stage *stage, const char *runtime, unsigned memory_mib, const char *output)
{
    struct workspace work;
    char *parent = parent_of(output);
    struct error *err = workspace_create(parent, &work);
    free(parent);
    if (err)
        return error_context(err, "making the image %s", output);
    char *partial = xprintf("%s/image", work.path);
    char *argv[] = {(char *)"mkfs.erofs",
                    (char *)"-T0",
                    (char *)"-U",
                    (char *)IMAGE_UUID,
                    (char *)"--all-root",
                    (char *)"-x-1",
                    partial,
                    stage->root,
                    NULL};
    err = program_run(argv, NULL, NULL, NULL);
    if (err)
        err = error_hint(err, "apt install erofs-utils, and see that there is room for the image");
    if (!err)
        err = add_trailer(partial, runtime, memory_mib);
    if (!err && rename(partial, output))
        err = error_errno("naming the finished image %s", output);
    free(partial);
    workspace_remove(&work);
    return err;
}

/* ---- looking at one ---- */

static bool read_trailer(int fd, struct skiff_image_trailer *out, uint64_t *at)
{
    struct stat s;
    if (fstat(fd, &s) || !S_ISREG(s.st_mode) || s.st_size < SKIFF_IMAGE_BLOCK)
        return false;
    *at = (uint64_t)s.st_size - SKIFF_IMAGE_BLOCK;
    return pread(fd, out, sizeof *out, (off_t)*at) == sizeof *out && !memcmp(out->magic, SKIFF_IMAGE_MAGIC, 8);
}

static bool has_erofs_magic(int fd)
{
    unsigned char magic[4];
    return pread(fd, magic, 4, 1024) == 4 && !memcmp(magic, "\xe2\xe1\xf5\xe0", 4);
}

bool image_is_image(const char *path)
{
    struct skiff_image_trailer trailer;
    uint64_t at;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is = fd >= 0 && (has_erofs_magic(fd) || read_trailer(fd, &trailer, &at));
    if (fd >= 0)
        close(fd);
    return is;
}

static struct error *damaged(const char *path, const char *how)
{
    return error_hint(error_new("the image %s is damaged: %s", path, how), "build it again with skiff build");
}

static struct error *check_trailer(const char *path, int fd, struct skiff_image_trailer *trailer)
{
    uint64_t at = 0;
    if (!read_trailer(fd, trailer, &at))
        return damaged(path, "its last block is missing, so the file was cut short");
    uint32_t stored = trailer->trailer_crc32c;
    trailer->trailer_crc32c = 0;
    if (crc32c(0, trailer, sizeof *trailer) != stored)
        return damaged(path, "the checksum of its last block is wrong");
    if (trailer->version != SKIFF_IMAGE_VERSION)
        return error_new("the image %s has format %u, this skiff knows %d", path, trailer->version,
                         SKIFF_IMAGE_VERSION);
    if (trailer->filesystem_size != at || !has_erofs_magic(fd))
        return damaged(path, "its length is not what its last block says");
    return NULL;
}

static struct error *look_at_image(const char *path, bool with_contents, struct image_info *info)
{
    struct skiff_image_trailer trailer;
    uint32_t crc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno("opening the image %s", path);
    struct error *err = check_trailer(path, fd, &trailer);
    if (!err && with_contents)
        err = checksum_file(fd, path, trailer.filesystem_size, &crc);
    if (!err && with_contents && crc != trailer.filesystem_crc32c)
        err = damaged(path, "the checksum of its contents is wrong");
    close(fd);
    if (err)
        return err;
    memcpy(info->runtime, trailer.runtime, sizeof info->runtime);
    info->runtime[sizeof info->runtime - 1] = '\0';
    info->memory_mib = trailer.memory_default_mib;
    info->size = trailer.filesystem_size + SKIFF_IMAGE_BLOCK;
    return NULL;
}

struct error *image_check(const char *path, struct image_info *info)
{
    return look_at_image(path, true, info);
}

struct error *image_read_trailer(const char *path, struct image_info *info)
{
    return look_at_image(path, false, info);
}
