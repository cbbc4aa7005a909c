/* What the CPU's boot code tells the rest, and where it hands over. */
#pragma once
#include <base/types.h>

/*
 * The hand-over, implemented by kernel/init: called once on the boot CPU when memory (memory_add_range, memory_init),
 * exceptions, the clock and the scheduler (sched_init) work; interrupts masked, no thread yet. It makes the first
 * kernel thread and returns; arch then starts the other CPUs and enters sched_start_cpu().
 */
void kernel_main(void);
/* The kernel's command line, NUL-terminated, "" when there is none; stays valid. */
const char *boot_command_line(void);
/* Physical address of the ACPI RSDP, 0: unknown; whether the tables name a PS/2-less, PCI-less machine is the drivers' to ask. */
uint64_t boot_acpi_rsdp(void);
/* Called when the machine's power button was pressed (work context); NULL ignores it. ACPI fixed event, ACPI 6.4 section 4.8.2.2. */
void boot_set_power_button_handler(void (*pressed)(void));
/* One sentence about what this host's CPU or KVM lacks, found by the boot-time self-test; NULL: nothing. */
const char *boot_host_defect(void);
/* A device that the firmware's tables describe: its registers' window and its interrupt line. */
struct boot_device {
    uint64_t address;
    uint32_t size, gsi;
    bool is_level, is_active_low;
};
/* The n-th device (from 0) of that hardware id, "LNRO0005"; false: there is none. */
bool boot_find_device(const char *hardware_id, unsigned n, struct boot_device *out);
