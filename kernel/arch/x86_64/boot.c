/* The order in which the boot CPU brings the machine up, from the first C code to the scheduler. */
#include "acpi.h"
#include "apic.h"
#include "clock.h"
#include "cpu_local.h"
#include "memory_map.h"
#include <arch/boot.h>
#include <base/log.h>
#include <base/panic.h>
#include <mm/page.h>
#include <sched/thread.h>

_Noreturn void boot_main(uint32_t start_info);

static void init_interrupts(void)
{
    acpi_init(boot_acpi_rsdp());
    if (acpi_cpus.has_legacy_pic)
        legacy_pic_mask();
    cpu_add_irq_slots(cpus[0]);
    lapic_init_boot(acpi_cpus.lapic_address);
    cpus[0]->apic_id = lapic_id();
}

/* Other CPUs and the clock's measurement run beside what stands between smp_start and smp_wait. */
_Noreturn void boot_main(uint32_t start_info)
{
    clock_note_entry();
    cpu_init_boot();
    log_set_sink(early_serial_write);
    panic_set_hooks(&(struct panic_hooks){.stop_other_cpus = smp_stop_others, .print_backtrace = backtrace_print_here});
    memory_map_read(start_info);
    paging_init();
    memory_map_hand_over();
    memory_init();
    init_interrupts();
    fpu_init();
    clock_begin();
    smp_start();
    acpi_add_ioapics();
    clock_finish();
    smp_wait();
    sched_init();
    kernel_main();
    smp_release();
    sched_start_cpu();
}
