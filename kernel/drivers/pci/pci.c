/* Finding functions, capabilities and BARs. PCI Local Bus Specification 3.0, chapter 6; MSI-X: 6.8.2. */
#include <arch/mmu.h>
#include <base/atomic.h>
#include <base/errno.h>
#include <common/checked.h>
#include <pci/pci.h>

enum {
    CONFIG_ID = 0x00,
    CONFIG_COMMAND = 0x04,
    CONFIG_CLASS = 0x08,
    CONFIG_HEADER = 0x0c,
    CONFIG_BAR0 = 0x10,
    CONFIG_BUSES = 0x18, /* bridges: primary, secondary, subordinate */
    CONFIG_CAPABILITIES = 0x34,
    COMMAND_MEMORY = 1 << 1,
    COMMAND_MASTER = 1 << 2,
    COMMAND_NO_INTX = 1 << 10,
    STATUS_HAS_CAPABILITIES = 1 << 4,
    CAPABILITY_MSIX = 0x11,
    MSIX_ENABLE = 1 << 15,
    MSIX_MASK_ALL = 1 << 14,
    CAPABILITY_STEPS_MAX = 48, /* (256 - 64) / 4: more is a loop */
    BUS_DEPTH_MAX = 4,
};

uint32_t pci_read32(const struct pci_function *function, unsigned offset)
{
    return function->access->read32(function->access, function->address, offset & 0xfc);
}

uint16_t pci_read16(const struct pci_function *function, unsigned offset)
{
    return (uint16_t)(pci_read32(function, offset) >> 8 * (offset & 2));
}

uint8_t pci_read8(const struct pci_function *function, unsigned offset)
{
    return (uint8_t)(pci_read32(function, offset) >> 8 * (offset & 3));
}

static void write32(const struct pci_function *function, unsigned offset, uint32_t value)
{
    function->access->write32(function->access, function->address, offset & 0xfc, value);
}

void pci_write16(const struct pci_function *function, unsigned offset, uint16_t value)
{
    unsigned shift = 8 * (offset & 2);
    uint32_t word = pci_read32(function, offset);
    /* The status half is write-one-to-clear: writing the command must not clear it. */
    if ((offset & 0xfc) == CONFIG_COMMAND)
        word &= 0xffff;
    write32(function, offset, (word & ~(UINT32_C(0xffff) << shift)) | (uint32_t)value << shift);
}

typedef void pci_found(const struct pci_function *function, void *context);

static void scan_bus(const struct pci_access *access, unsigned bus, unsigned depth, pci_found *found, void *context)
{
    for (unsigned slot = 0; slot < 32; slot++) {
        unsigned function_count = 1;
        for (unsigned n = 0; n < function_count; n++) {
            struct pci_function function = {.access = access, .address = bus << 8 | slot << 3 | n};
            uint32_t id = pci_read32(&function, CONFIG_ID);
            if (id == UINT32_MAX || !(id & 0xffff))
                continue;
            function.vendor = (uint16_t)id;
            function.device = (uint16_t)(id >> 16);
            function.class_code = pci_read32(&function, CONFIG_CLASS) >> 8;
            uint8_t header = (uint8_t)(pci_read32(&function, CONFIG_HEADER) >> 16);
            if (n == 0 && (header & 0x80))
                function_count = 8;
            if ((header & 0x7f) == 1 && depth < BUS_DEPTH_MAX) {
                unsigned secondary = pci_read32(&function, CONFIG_BUSES) >> 8 & 0xff;
                if (secondary > bus)
                    scan_bus(access, secondary, depth + 1, found, context);
            } else if ((header & 0x7f) == 0) {
                found(&function, context);
            }
        }
    }
}

void pci_for_each(const struct pci_access *access, pci_found *found, void *context)
{
    scan_bus(access, 0, 0, found, context);
}

unsigned pci_find_capability(const struct pci_function *function, uint8_t id, unsigned after)
{
    if (!(pci_read32(function, CONFIG_COMMAND) >> 16 & STATUS_HAS_CAPABILITIES))
        return 0;
    bool is_past = after == 0;
    unsigned at = pci_read8(function, CONFIG_CAPABILITIES) & 0xfc;
    for (unsigned step = 0; at >= 0x40 && step < CAPABILITY_STEPS_MAX; step++) {
        uint32_t head = pci_read32(function, at);
        if (is_past && (head & 0xff) == id)
            return at;
        if (at == after)
            is_past = true;
        at = head >> 8 & 0xfc;
    }
    return 0;
}

int pci_bar(const struct pci_function *function, unsigned index, uint64_t *address, uint64_t *size)
{
    if (index >= 6)
        return -ENODEV;
    unsigned offset = CONFIG_BAR0 + 4 * index;
    uint32_t low = pci_read32(function, offset);
    if (low & 1)
        return -ENODEV;
    bool is_wide = (low & 6) == 4;
    if (is_wide && index == 5)
        return -ENODEV;
    uint64_t base = low & ~UINT32_C(15);
    if (is_wide)
        base |= (uint64_t)pci_read32(function, offset + 4) << 32;
    if (!base)
        return -ENODEV;
    /* Sizing: the writable bits of an all-ones address. Decoding is off meanwhile. */
    uint16_t command = pci_read16(function, CONFIG_COMMAND);
    pci_write16(function, CONFIG_COMMAND, command & (uint16_t)~COMMAND_MEMORY);
    write32(function, offset, UINT32_MAX);
    uint64_t mask = pci_read32(function, offset) & ~UINT32_C(15);
    write32(function, offset, low);
    if (is_wide) {
        write32(function, offset + 4, UINT32_MAX);
        mask |= (uint64_t)pci_read32(function, offset + 4) << 32;
        write32(function, offset + 4, (uint32_t)(base >> 32));
    } else if (mask) {
        mask |= UINT64_C(0xffffffff) << 32;
    }
    pci_write16(function, CONFIG_COMMAND, command);
    if (!mask)
        return -ENODEV;
    *address = base;
    *size = ~mask + 1;
    return 0;
}

void *pci_map_bar(const struct pci_function *function, unsigned index, uint64_t offset, uint64_t len)
{
    uint64_t address, size, end, past;
    if (pci_bar(function, index, &address, &size) || !len)
        return NULL;
    if (add_overflows(offset, len, &end) || end > size || add_overflows(address, size, &past))
        return NULL;
    return arch_map_device(address + offset, (size_t)len);
}

void pci_enable(const struct pci_function *function)
{
    uint16_t command = pci_read16(function, CONFIG_COMMAND);
    pci_write16(function, CONFIG_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
}

int pci_msix_enable(struct pci_function *function)
{
    unsigned at = pci_find_capability(function, CAPABILITY_MSIX, 0);
    if (!at)
        return -ENODEV;
    uint16_t control = pci_read16(function, at + 2);
    uint32_t table = pci_read32(function, at + 4);
    unsigned count = (control & 0x7ffu) + 1;
    volatile uint32_t *entries = pci_map_bar(function, table & 7, table & ~UINT32_C(7), (uint64_t)count * 16);
    if (!entries)
        return -ENODEV;
    /* Masked at reset (6.8.2.9), and firmware leaves them so. */
    pci_write16(function, at + 2, (uint16_t)((control & ~MSIX_MASK_ALL) | MSIX_ENABLE));
    function->msix_table = entries;
    function->msix_count = count;
    function->msix_capability = at;
    return 0;
}

int pci_msix_route(struct pci_function *function, unsigned vector, unsigned cpu, irq_handler *handler, void *context)
{
    if (vector >= function->msix_count)
        return -EINVAL;
    uint64_t address;
    uint32_t data;
    int err = irq_claim_message(cpu, handler, context, &address, &data);
    if (err)
        return err;
    volatile uint32_t *entry = function->msix_table + 4 * vector;
    entry[0] = (uint32_t)address;
    entry[1] = (uint32_t)(address >> 32);
    entry[2] = data;
    entry[3] = 0; /* unmasked */
    return 0;
}
