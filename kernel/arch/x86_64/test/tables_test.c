/* ACPI tables and the CMOS date, on a fake physical memory. */
#include <test/test.h>
#include <string.h>
#include "../acpi.c"

static uint8_t memory[0x4000]; /* physical 0x100000 on */
enum { MEMORY_START = 0x100000, RSDP = 0, XSDT = 0x100, MADT = 0x200, FADT = 0x400, DSDT = 0x800 };
static unsigned ioapics, overrides;
static uint32_t last_gsi;

uint64_t memory_map_end(void)
{
    return MEMORY_START + sizeof memory;
}

void *physical_to_virtual(uint64_t physical)
{
    static uint8_t nothing[64];
    return physical < MEMORY_START ? nothing : memory + (physical - MEMORY_START);
}

void ioapic_add(uint64_t address, uint32_t first_gsi)
{
    ioapics++;
}

void ioapic_add_override(unsigned isa, uint32_t gsi, uint16_t flags)
{
    overrides++;
    last_gsi = gsi;
}

static void sign(uint8_t *table, uint32_t len)
{
    store_le32(table + 4, len);
    table[9] = 0;
    uint8_t sum = 0;
    for (uint32_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + table[i]);
    table[9] = (uint8_t)-sum;
}

static void make_rsdp(void)
{
    uint8_t *rsdp = memory + RSDP;
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    store_le64(rsdp + 24, MEMORY_START + XSDT);
    rsdp[8] = 0;
    uint8_t sum = 0;
    for (int i = 0; i < 20; i++)
        sum = (uint8_t)(sum + rsdp[i]);
    rsdp[8] = (uint8_t)-sum;
}

/* Two CPUs of three enabled, one IO-APIC, line 0 on input 2. */
static const uint8_t madt_entries[] = {
    0, 8, 0,  0, 1, 0, 0, 0,    0,    8, 1, 1, 1, 0, 0,  0, 0, 8, 2, 2, 0, 0, 0,
    0, 1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0,
};

static void make_tables(void)
{
    memset(memory, 0, sizeof memory);
    acpi_fixed = (struct acpi_fixed){0};
    acpi_cpus = (struct acpi_cpus){.count = 1};
    madt = NULL;
    ioapics = overrides = 0;
    make_rsdp();
    memcpy(memory + MADT, "APIC", 4);
    memcpy(memory + MADT + 44, madt_entries, sizeof madt_entries);
    sign(memory + MADT, 44 + sizeof madt_entries);
    memcpy(memory + DSDT, "DSDT", 4);
    memcpy(memory + DSDT + 100, "\x08_S5_\x12\x06\x04\x0a\x05\x01", 11);
    sign(memory + DSDT, 200);
    memcpy(memory + FADT, "FACP", 4);
    store_le32(memory + FADT + 40, MEMORY_START + DSDT);
    store_le32(memory + FADT + 64, 0x604);
    store_le32(memory + FADT + 76, 0x608);
    memory[FADT + 91] = 4;
    sign(memory + FADT, 244);
    memcpy(memory + XSDT, "XSDT", 4);
    store_le64(memory + XSDT + 36, MEMORY_START + MADT);
    store_le64(memory + XSDT + 44, MEMORY_START + FADT);
    sign(memory + XSDT, 52);
}

TEST(acpi_counts_enabled_cpus_and_finds_the_ioapic)
{
    make_tables();
    acpi_init(MEMORY_START);
    acpi_add_ioapics();
    EXPECT_EQ(acpi_cpus.count, 2);
    EXPECT_EQ(ioapics, 1);
    EXPECT_EQ(overrides, 1);
    EXPECT_EQ(last_gsi, 2);
}

TEST(acpi_finds_sleep_types_and_ports)
{
    make_tables();
    acpi_init(MEMORY_START);
    uint8_t a = 0, b = 0;
    EXPECT(acpi_find_s5(&a, &b));
    EXPECT_EQ(a, 5);
    EXPECT_EQ(b, 1);
    EXPECT(acpi_fixed.pm1a_control.is_io);
    EXPECT_EQ(acpi_fixed.pm1a_control.address, 0x604);
    EXPECT_EQ(acpi_fixed.pm_timer.address, 0x608);
}

TEST(acpi_without_tables_is_one_cpu_with_one_ioapic)
{
    make_tables();
    memset(memory, 0, sizeof memory);
    acpi_init(0);
    acpi_add_ioapics();
    EXPECT_EQ(acpi_cpus.count, 1);
    EXPECT_EQ(ioapics, 1);
    uint8_t a, b;
    EXPECT(!acpi_find_s5(&a, &b));
}

TEST(acpi_ignores_a_table_with_a_bad_checksum)
{
    make_tables();
    memory[MADT + 50]++;
    acpi_init(MEMORY_START);
    EXPECT_EQ(acpi_cpus.count, 1);
    EXPECT(acpi_fixed.is_present);
}

/* Whatever one byte of the tables says, reading stays within them (the sanitiser watches). */
TEST(acpi_survives_any_wrong_byte)
{
    for (unsigned at = 0; at < DSDT + 200; at++)
        for (unsigned value = 0; value < 256; value += 51) {
            make_tables();
            memory[at] = (uint8_t)value;
            if (at >= MADT && at < MADT + 44 + sizeof madt_entries)
                sign(memory + MADT, load_le32(memory + MADT + 4) & 0xff);
            acpi_init(MEMORY_START);
            acpi_add_ioapics();
            uint8_t a, b;
            acpi_find_s5(&a, &b);
            EXPECT(acpi_cpus.count >= 1);
        }
}
