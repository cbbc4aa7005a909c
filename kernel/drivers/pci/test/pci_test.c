#include <arch/irq.h>
#include <arch/mmu.h>
#include <pci/pci.h>
#include <string.h>
#include <test/test.h>

__thread unsigned host_cpu_index;
__thread struct thread *host_current_thread;
_Noreturn void panic(const char *format, ...);
_Noreturn void panic(const char *format, ...)
{
    __builtin_trap();
}

static uint8_t space[256];       /* function 0 of device 1 */
static uint32_t bar_masks[6];
static uint8_t table[4096] __attribute__((aligned(16)));
static uint64_t mapped_address, mapped_size;

void *arch_map_device(uint64_t physical, size_t size)
{
    mapped_address = physical;
    mapped_size = size;
    return table;
}

int irq_claim_message(unsigned cpu, irq_handler *handler, void *context, uint64_t *address, uint32_t *data)
{
    *address = 0xfee00000;
    *data = 0x41;
    return 0;
}

int irq_claim_line(uint32_t gsi, bool is_level, bool is_low, unsigned cpu, irq_handler *handler, void *context)
{
    return -1;
}

static uint32_t read32(const struct pci_access *access, uint32_t function, unsigned offset)
{
    uint32_t value;
    if (function != 1 << 3)
        return UINT32_MAX;
    memcpy(&value, space + offset, 4);
    return value;
}

static void write32(const struct pci_access *access, uint32_t function, unsigned offset, uint32_t value)
{
    if (offset >= 0x10 && offset < 0x28) {
        unsigned bar = (offset - 0x10) / 4;
        uint32_t low_bits = space[offset] & 15u;
        bool is_upper = bar && (space[offset - 4] & 6) == 4 && !(space[offset - 4] & 1);
        value &= bar_masks[bar];
        if (!is_upper)
            value |= low_bits;
    }
    memcpy(space + offset, &value, offset == 4 ? 2 : 4); /* zeros written to the status half change nothing */
}

static const struct pci_access access = {.read32 = read32, .write32 = write32};
static struct pci_function function;

static void put32(unsigned offset, uint32_t value)
{
    memcpy(space + offset, &value, 4);
}

static void start(void)
{
    memset(space, 0, sizeof space);
    memset(bar_masks, 0, sizeof bar_masks);
    put32(0x00, 0x10411af4);
    put32(0x04, UINT32_C(0x10) << 16); /* capabilities */
    space[0x34] = 0x40;
    function = (struct pci_function){.access = &access, .address = 1 << 3};
    /* BAR 4: 64 bit, 16 KiB at 0x8_0000_0000 */
    put32(0x20, 0xc);
    put32(0x24, 8);
    bar_masks[4] = 0xffffc000;
    bar_masks[5] = 0xffffffff;
}

static void count(const struct pci_function *found, void *context)
{
    ++*(unsigned *)context;
}

TEST(walk_finds_the_one_function)
{
    unsigned n = 0;
    start();
    pci_for_each(&access, count, &n);
    EXPECT_EQ(n, 1);
}

TEST(bridge_that_names_its_own_bus_does_not_loop)
{
    unsigned n = 0;
    start();
    put32(0x0c, 0x00010000); /* header type 1 */
    put32(0x18, 0);
    pci_for_each(&access, count, &n);
    EXPECT_EQ(n, 0);
}

TEST(capabilities_are_found_in_order)
{
    start();
    put32(0x40, 0x00005009);
    put32(0x50, 0x00006011);
    put32(0x60, 0x00000009);
    EXPECT_EQ(pci_find_capability(&function, 0x09, 0), 0x40);
    EXPECT_EQ(pci_find_capability(&function, 0x09, 0x40), 0x60);
    EXPECT_EQ(pci_find_capability(&function, 0x09, 0x60), 0);
    EXPECT_EQ(pci_find_capability(&function, 0x11, 0), 0x50);
}

TEST(capability_loops_end)
{
    start();
    put32(0x40, 0x00005009);
    put32(0x50, 0x00004011);
    EXPECT_EQ(pci_find_capability(&function, 0x05, 0), 0);
    put32(0x40, 0x00004009);
    EXPECT_EQ(pci_find_capability(&function, 0x05, 0), 0);
}

TEST(capability_pointer_into_the_header_ends_the_list)
{
    start();
    space[0x34] = 0x04;
    EXPECT_EQ(pci_find_capability(&function, 0x10, 0), 0);
}

TEST(wide_bar_is_sized_and_put_back)
{
    uint64_t address = 0, size = 0;
    uint8_t before[256];
    start();
    memcpy(before, space, sizeof before);
    EXPECT_EQ(pci_bar(&function, 4, &address, &size), 0);
    EXPECT_EQ(address, 0x800000000);
    EXPECT_EQ(size, 0x4000);
    EXPECT_BYTES(space + 0x10, before + 0x10, 24);
}

TEST(unassigned_and_port_bars_are_refused)
{
    uint64_t address, size;
    start();
    EXPECT_EQ(pci_bar(&function, 0, &address, &size), -19);
    put32(0x10, 0xc001);
    EXPECT_EQ(pci_bar(&function, 0, &address, &size), -19);
    EXPECT_EQ(pci_bar(&function, 7, &address, &size), -19);
}

TEST(parts_outside_a_bar_are_not_mapped)
{
    start();
    EXPECT(pci_map_bar(&function, 4, 0x1000, 0x1000) != NULL);
    EXPECT_EQ(mapped_address, 0x800001000);
    EXPECT(!pci_map_bar(&function, 4, 0x3000, 0x2000));
    EXPECT(!pci_map_bar(&function, 4, UINT64_MAX, 2));
    EXPECT(!pci_map_bar(&function, 4, 0, 0));
}

TEST(msix_table_past_its_bar_is_refused)
{
    start();
    put32(0x40, 0x07ff0011); /* 2048 vectors: 32 KiB */
    put32(0x44, 4);
    EXPECT_EQ(pci_msix_enable(&function), -19);
    put32(0x40, 0x00010011);
    EXPECT_EQ(pci_msix_enable(&function), 0);
    EXPECT_EQ(function.msix_count, 2);
    EXPECT_EQ(pci_msix_route(&function, 2, 0, NULL, NULL), -22);
    EXPECT_EQ(pci_msix_route(&function, 1, 0, NULL, NULL), 0);
    uint32_t data;
    memcpy(&data, table + 24, 4);
    EXPECT_EQ(data, 0x41);
}
