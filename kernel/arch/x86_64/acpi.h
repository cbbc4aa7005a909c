/*
 * The few things that ACPI's static tables say and this kernel uses (ACPI 6.4, chapter 5.2). Tables are read where the
 * firmware left them, through the direct map, their lengths and checksums checked; nothing interprets AML.
 */
#pragma once
#include <base/types.h>

struct acpi_address { /* "generic address structure"; address 0: not there */
    bool is_io;
    uint64_t address;
};
struct acpi_fixed { /* from the FADT */
    bool is_present, is_hardware_reduced;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable;
    struct acpi_address pm1a_event, pm1a_control, pm1b_control, pm_timer, reset, sleep_control;
    uint8_t pm1_event_len;
    bool is_pm_timer_32_bits;
    uint8_t reset_value;
    const uint8_t *dsdt; /* with its header; NULL: none */
    size_t dsdt_len;
};
struct acpi_cpus {
    uint64_t lapic_address;
    bool has_legacy_pic;
    unsigned count; /* enabled CPUs, at most CPU_MAX */
};
extern struct acpi_fixed acpi_fixed;
extern struct acpi_cpus acpi_cpus;

/* Reads all; `rsdp`: physical, 0 unknown. Without tables acpi_cpus describes the PC of old: one CPU, APICs at their
 * usual places. */
void acpi_init(uint64_t rsdp);
/* To be called when the APICs may be mapped: adds IO-APICs and overrides. */
void acpi_add_ioapics(void);
/* The sleep type values of \_S5, found by its name in the DSDT's bytes; false: not there. */
bool acpi_find_s5(uint8_t *type_a, uint8_t *type_b);
