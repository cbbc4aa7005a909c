/* What the host side reads of files that anybody made: the first byte says as what. */
#include <image/image.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "elf_needs.h"
#include "sources.h"
#include "stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void as_elf(const char *path)
{
    struct elf_needs needs = {0};
    error_free(elf_read_needs(path, &needs));
    elf_needs_free(&needs);
}

static void as_jar(const char *path)
{
    struct jar_info info;
    struct error *err = jar_read(path, &info);
    if (!err)
        jar_free(&info);
    error_free(err);
}

static void as_image(const char *path)
{
    struct image_info info;
    if (image_is_image(path))
        error_free(image_check(path, &info));
}

static void as_script(const char *path)
{
    script_probe(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static void (*const readers[])(const char *) = {as_elf, as_jar, as_image, as_script};
    if (!len)
        return 0;
    sources_are_current((const char *)bytes, len);
    int fd = memfd_create("input", 0);
    if (fd < 0 || write(fd, bytes + 1, len - 1) != (ssize_t)len - 1)
        abort();
    char *path = xprintf("/proc/self/fd/%d", fd);
    readers[bytes[0] % 4](path);
    free(path);
    close(fd);
    return 0;
}
