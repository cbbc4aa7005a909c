/* Reads the RSDP, the root table, the MADT and the FADT. See acpi.h. */
#include "acpi.h"
#include "apic.h"
#include "cpu_local.h"
#include "memory_map.h"
#include <arch/mmu.h>
#include <base/log.h>
#include <base/string.h>
#include <common/bytes.h>

enum { TABLE_HEADER = 36, TABLE_MAX = 1 << 20, TABLES_MAX = 64 };
enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_ADDRESS = 5, MADT_X2APIC = 9 };
enum { CPU_ENABLED = 1, HARDWARE_REDUCED = 1 << 20, PM_TIMER_32_BITS = 1 << 8, MADT_LEGACY_PIC = 1 };

struct acpi_fixed acpi_fixed;
struct acpi_cpus acpi_cpus = {.lapic_address = 0xfee00000, .has_legacy_pic = true, .count = 1};
static const uint8_t *madt;
static uint32_t madt_len;

static bool has_good_sum(const uint8_t *bytes, size_t n)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* Bytes at a physical address, when the direct map has them all. */
static const uint8_t *bytes_at(uint64_t physical, size_t n)
{
    if (!physical || physical >= memory_map_end() || n > memory_map_end() - physical)
        return NULL;
    return physical_to_virtual(physical);
}

static const uint8_t *table_at(uint64_t physical, uint32_t *len)
{
    const uint8_t *header = bytes_at(physical, TABLE_HEADER);
    if (!header)
        return NULL;
    uint32_t n = load_le32(header + 4);
    if (n < TABLE_HEADER || n > TABLE_MAX || !bytes_at(physical, n))
        return NULL;
    *len = n;
    return header;
}

static bool is_rsdp(const uint8_t *p)
{
    return p && !memcmp(p, "RSD PTR ", 8) && has_good_sum(p, 20);
}

/* Where a BIOS leaves it: ACPI 6.4, 5.2.5.1. */
static const uint8_t *scan_for_rsdp(void)
{
    for (uint64_t at = 0xe0000; at < 0x100000; at += 16) {
        const uint8_t *p = physical_to_virtual(at);
        if (is_rsdp(p))
            return p;
    }
    return NULL;
}

static struct acpi_address read_address(const uint8_t *gas)
{
    struct acpi_address address = {.is_io = gas[0] == 1, .address = load_le64(gas + 4)};
    if (gas[0] > 1)
        address.address = 0; /* another space than memory and I/O */
    return address;
}

/* The extended field where it is there and not zero, else the old I/O port. */
static struct acpi_address read_port(const uint8_t *fadt, uint32_t len, unsigned old, unsigned extended)
{
    struct acpi_address address = {0};
    if (len >= extended + 12)
        address = read_address(fadt + extended);
    if (!address.address && load_le32(fadt + old))
        address = (struct acpi_address){true, load_le32(fadt + old)};
    return address;
}

static void read_fadt(const uint8_t *fadt, uint32_t len)
{
    struct acpi_fixed *f = &acpi_fixed;
    if (len < 116 || f->is_present)
        return;
    uint32_t flags = load_le32(fadt + 112);
    f->is_present = true;
    f->is_hardware_reduced = flags & HARDWARE_REDUCED;
    f->is_pm_timer_32_bits = flags & PM_TIMER_32_BITS;
    uint64_t dsdt = len >= 148 && load_le64(fadt + 140) ? load_le64(fadt + 140) : load_le32(fadt + 40);
    uint32_t dsdt_len = 0;
    f->dsdt = table_at(dsdt, &dsdt_len);
    f->dsdt_len = dsdt_len;
    if (len >= 129) {
        f->reset = read_address(fadt + 116);
        f->reset_value = fadt[128];
    }
    if (len >= 256)
        f->sleep_control = read_address(fadt + 244);
    if (f->is_hardware_reduced)
        return; /* the fixed hardware's fields mean nothing then */
    f->sci = load_le16(fadt + 46);
    f->smi_command = load_le32(fadt + 48);
    f->acpi_enable = fadt[52];
    f->pm1_event_len = fadt[88];
    f->pm1a_event = read_port(fadt, len, 56, 148);
    f->pm1a_control = read_port(fadt, len, 64, 172);
    f->pm1b_control = read_port(fadt, len, 68, 184);
    if (fadt[91] == 4)
        f->pm_timer = read_port(fadt, len, 76, 208);
}

/* Calls `visit` for each whole entry of the MADT. */
static void visit_madt(void (*visit)(const uint8_t *entry, uint8_t len))
{
    for (uint32_t at = 44; madt && at + 2 <= madt_len;) {
        uint8_t len = madt[at + 1];
        if (len < 2 || len > madt_len - at)
            return;
        visit(madt + at, len);
        at += len;
    }
}

static void count_cpu(const uint8_t *entry, uint8_t len)
{
    bool is_enabled = (entry[0] == MADT_LAPIC && len >= 8 && load_le32(entry + 4) & CPU_ENABLED) ||
                      (entry[0] == MADT_X2APIC && len >= 16 && load_le32(entry + 8) & CPU_ENABLED);
    if (is_enabled && acpi_cpus.count < CPU_MAX)
        acpi_cpus.count++;
    if (entry[0] == MADT_LAPIC_ADDRESS && len >= 12)
        acpi_cpus.lapic_address = load_le64(entry + 4);
}

static void add_ioapic(const uint8_t *entry, uint8_t len)
{
    if (entry[0] == MADT_IOAPIC && len >= 12)
        ioapic_add(load_le32(entry + 4), load_le32(entry + 8));
    else if (entry[0] == MADT_OVERRIDE && len >= 10)
        ioapic_add_override(entry[3], load_le32(entry + 4), load_le16(entry + 8));
}

static void read_madt(const uint8_t *table, uint32_t len)
{
    if (len < 44 || madt)
        return;
    madt = table;
    madt_len = len;
    acpi_cpus.lapic_address = load_le32(madt + 36);
    acpi_cpus.has_legacy_pic = load_le32(madt + 40) & MADT_LEGACY_PIC;
    acpi_cpus.count = 0;
    visit_madt(count_cpu);
    if (!acpi_cpus.count)
        acpi_cpus.count = 1;
}

static void read_root(const uint8_t *root, uint32_t len, unsigned entry_size)
{
    uint32_t n = (len - TABLE_HEADER) / entry_size;
    for (uint32_t i = 0; i < n && i < TABLES_MAX; i++) {
        const uint8_t *entry = root + TABLE_HEADER + i * entry_size;
        uint32_t table_len = 0;
        const uint8_t *table = table_at(entry_size == 8 ? load_le64(entry) : load_le32(entry), &table_len);
        if (!table)
            continue;
        bool is_wanted = !memcmp(table, "APIC", 4) || !memcmp(table, "FACP", 4);
        if (!is_wanted || !has_good_sum(table, table_len))
            continue;
        if (table[0] == 'A')
            read_madt(table, table_len);
        else
            read_fadt(table, table_len);
    }
}

void acpi_init(uint64_t rsdp_physical)
{
    const uint8_t *rsdp = bytes_at(rsdp_physical, 36);
    if (!is_rsdp(rsdp))
        rsdp = scan_for_rsdp();
    if (!rsdp)
        return;
    uint32_t len = 0;
    const uint8_t *root = rsdp[15] >= 2 ? table_at(load_le64(rsdp + 24), &len) : NULL;
    if (root) {
        read_root(root, len, 8);
        return;
    }
    root = table_at(load_le32(rsdp + 16), &len);
    if (root)
        read_root(root, len, 4);
}

void acpi_add_ioapics(void)
{
    if (madt)
        visit_madt(add_ioapic);
    else
        ioapic_add(0xfec00000, 0);
}

/* AML integers as they stand in _S5's package: ZeroOp, OneOp, or BytePrefix (ACPI 6.4, 20.2.3). */
static const uint8_t *read_aml_byte(const uint8_t *p, const uint8_t *end, uint8_t *value)
{
    if (p >= end)
        return NULL;
    if (*p == 0 || *p == 1) {
        *value = *p;
        return p + 1;
    }
    if (*p != 0x0a || end - p < 2)
        return NULL;
    *value = p[1];
    return p + 2;
}

bool acpi_find_s5(uint8_t *type_a, uint8_t *type_b)
{
    const uint8_t *dsdt = acpi_fixed.dsdt;
    if (!dsdt)
        return false;
    const uint8_t *end = dsdt + acpi_fixed.dsdt_len;
    for (const uint8_t *p = dsdt + TABLE_HEADER; end - p >= 8; p++) {
        if (memcmp(p, "_S5_\x12", 5)) /* the name, then PackageOp */
            continue;
        const uint8_t *q = p + 5;
        q += 1 + (*q >> 6); /* PkgLength: as many more bytes as its top bits say */
        q += 1;             /* NumElements */
        q = q < end ? read_aml_byte(q, end, type_a) : NULL;
        *type_b = 0;
        if (q && read_aml_byte(q, end, type_b))
            return true;
        if (q)
            return true;
    }
    return false;
}
