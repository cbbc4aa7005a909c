/*
 * Devices that only the DSDT describes (microvm's virtio-mmio). Nothing interprets AML: the hardware id stands in the bytes
 * as a string, and the resources of the same device follow it as plain descriptors (ACPI 6.4, 6.4.3.4 and 6.4.3.6).
 */
#include <arch/boot.h>
#include <base/string.h>
#include <common/bytes.h>
#include "acpi.h"

enum {
    STRING_PREFIX = 0x0d,
    MEMORY32_FIXED = 0x86, MEMORY32_LEN = 9, /* tag, length (2), information, base (4), length (4) */
    INTERRUPT = 0x89, INTERRUPT_LEN = 6,     /* tag, length (2), flags, count, number (4) … */
    NEARBY = 160, /* bytes that one such device takes at most */
};

static const uint8_t *find_descriptor(const uint8_t *from, const uint8_t *end, uint8_t tag, uint16_t len)
{
    for (const uint8_t *p = from; end - p >= 3 + len; p++)
        if (p[0] == tag && load_le16(p + 1) == len)
            return p;
    return NULL;
}

bool boot_find_device(const char *hardware_id, unsigned n, struct boot_device *out)
{
    const uint8_t *p = acpi_fixed.dsdt, *end = p ? p + acpi_fixed.dsdt_len : NULL;
    size_t id_len = strlen(hardware_id) + 1;
    for (; p && (size_t)(end - p) > id_len; p++) {
        if (*p != STRING_PREFIX || memcmp(p + 1, hardware_id, id_len) || n--)
            continue;
        const uint8_t *limit = end - p > NEARBY ? p + NEARBY : end;
        const uint8_t *memory = find_descriptor(p, limit, MEMORY32_FIXED, MEMORY32_LEN);
        const uint8_t *interrupt = find_descriptor(p, limit, INTERRUPT, INTERRUPT_LEN);
        if (!memory || !interrupt)
            return false;
        *out = (struct boot_device){
            .address = load_le32(memory + 4),
            .size = load_le32(memory + 8),
            .gsi = load_le32(interrupt + 5),
            .is_level = !(interrupt[3] & 2),
            .is_active_low = interrupt[3] & 4,
        };
        return true;
    }
    return false;
}
