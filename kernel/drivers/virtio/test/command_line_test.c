#include <test/test.h>
#include "command_line.h"

static bool next(const char **at, uint64_t address, uint32_t irq)
{
    struct virtio_mmio_word word;
    return virtio_mmio_next_word(at, &word) && word.address == address && word.irq == irq;
}

TEST(words_are_found_in_order)
{
    const char *at = "console=ttyS0 virtio_mmio.device=512@0xfeb00e00:12 x virtio_mmio.device=4K@0xd0000000:5:1";
    struct virtio_mmio_word word;
    EXPECT(next(&at, 0xfeb00e00, 12));
    EXPECT(next(&at, 0xd0000000, 5));
    EXPECT(!virtio_mmio_next_word(&at, &word));
}

TEST(malformed_words_are_skipped)
{
    static const char *const lines[] = {
        "virtio_mmio.device=",
        "virtio_mmio.device=512",
        "virtio_mmio.device=512@",
        "virtio_mmio.device=512@0x:5",
        "virtio_mmio.device=512@0xfeb00000",
        "virtio_mmio.device=512@0xfeb00000:",
        "virtio_mmio.device=512@0xfeb00000:5x",
        "virtio_mmio.device=512@0xfeb00001:5",
        "virtio_mmio.device=0@0xfeb00000:5",
        "virtio_mmio.device=512@0x1ffffffffffffffff:5",
        "virtio_mmio.device=512@0xfeb00000:99999",
        "xvirtio_mmio.device=512@0xfeb00000:5",
        "",
    };
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *at = lines[i];
        struct virtio_mmio_word word;
        EXPECT(!virtio_mmio_next_word(&at, &word));
        EXPECT_EQ(*at, 0);
    }
}

TEST(program_arguments_are_not_read)
{
    const char *at = "a -- virtio_mmio.device=512@0xfeb00000:5";
    struct virtio_mmio_word word;
    EXPECT(!virtio_mmio_next_word(&at, &word));
}
