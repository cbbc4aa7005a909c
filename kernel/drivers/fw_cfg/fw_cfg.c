/* QEMU's fw_cfg by its two ports: a selector and a byte stream. Strings of port reads are one exit for many bytes. */
#include <base/errno.h>
#include <base/string.h>
#include <common/bytes.h>
#include <common/checked.h>
#include <device/fw_cfg.h>
#include <directory/directory.h>
#include <mm/alloc.h>
#include <port/port.h>

enum {
    PORT_SELECTOR = 0x510,
    PORT_DATA = 0x511,
    ITEM_SIGNATURE = 0x0000,
    ITEM_DIRECTORY = 0x0019,
    DIRECTORY_MAX = 512,
    FILE_MAX = 1 << 20,
};

static bool is_present(void)
{
    char signature[4];
    port_write16(PORT_SELECTOR, ITEM_SIGNATURE);
    port_read_bytes(PORT_DATA, signature, sizeof signature);
    return !memcmp(signature, "QEMU", sizeof signature);
}

/* Entries are read one after the other: the directory need not be kept. */
static int find(const char *name, struct fw_cfg_entry *out)
{
    uint8_t bytes[FW_CFG_ENTRY_SIZE];
    port_write16(PORT_SELECTOR, ITEM_DIRECTORY);
    port_read_bytes(PORT_DATA, bytes, 4);
    uint32_t count = MIN(load_be32(bytes), (uint32_t)DIRECTORY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        port_read_bytes(PORT_DATA, bytes, sizeof bytes);
        if (fw_cfg_entry_match(bytes, name, out))
            return 0;
    }
    return -ENOENT;
}

int fw_cfg_read_file(const char *name, char **out, size_t *len)
{
    struct fw_cfg_entry entry;
    if (!is_present() || find(name, &entry))
        return -ENOENT;
    if (entry.size > FILE_MAX)
        return -EFBIG;
    char *bytes = kmalloc((size_t)entry.size + 1, ALLOC_WAIT);
    if (!bytes)
        return -ENOMEM;
    port_write16(PORT_SELECTOR, entry.selector);
    port_read_bytes(PORT_DATA, bytes, entry.size);
    bytes[entry.size] = '\0';
    *out = bytes;
    *len = entry.size;
    return 0;
}
