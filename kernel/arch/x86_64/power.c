/*
 * The machine's end, by what it has: QEMU's exit device, ACPI's S5, a reset; and the power button. The exit status goes
 * to the host over the control channel, which is not this module's.
 */
#include "acpi.h"
#include "apic.h"
#include "cpu_local.h"
#include <arch/boot.h>
#include <arch/mmu.h>
#include <base/log.h>
#include <contract/control.h>
#include <contract/exit.h>
#include <sched/work.h>

enum { SLEEP_ENABLE = 1 << 13, SLEEP_TYPE_SHIFT = 10, SCI_ENABLED = 1 << 0, POWER_BUTTON = 1 << 8 };
enum { REDUCED_SLEEP_ENABLE = 1 << 5, REDUCED_TYPE_SHIFT = 2, ENABLE_TRIES = 100000 };
/* QEMU's generic event device, for machines with reduced hardware (hw/acpi/generic_event_device.h). */
enum { GED_REGISTERS_AFTER_EVENTS = 0x200, GED_IRQ = 9, GED_POWER_BUTTON = 2 };

static void (*button_pressed)(void);
static volatile uint32_t *ged_events; /* reading takes the pending events */

static void write_register8(const struct acpi_address *at, uint8_t value)
{
    if (!at->address)
        return;
    if (at->is_io) {
        io_write8((uint16_t)at->address, value);
        return;
    }
    volatile uint8_t *mapped = arch_map_device(at->address, 1);
    if (mapped)
        *mapped = value;
}

static void power_off_by_acpi(void)
{
    uint8_t type_a = 0, type_b = 0;
    if (!acpi_find_s5(&type_a, &type_b))
        return;
    if (acpi_fixed.is_hardware_reduced) {
        write_register8(&acpi_fixed.sleep_control,
                        (uint8_t)((type_a & 7) << REDUCED_TYPE_SHIFT | REDUCED_SLEEP_ENABLE));
        return;
    }
    if (acpi_fixed.pm1a_control.is_io)
        io_write16((uint16_t)acpi_fixed.pm1a_control.address,
                   (uint16_t)((type_a & 7) << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
    if (acpi_fixed.pm1b_control.is_io)
        io_write16((uint16_t)acpi_fixed.pm1b_control.address,
                   (uint16_t)((type_b & 7) << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
}

static void wait_a_moment(void)
{
    for (unsigned i = 0; i < 100000; i++)
        arch_cpu_relax();
}

/* Resets: the tables' register, the keyboard controller, and an exception that nothing can handle. */
static void reset(void)
{
    if (acpi_fixed.is_present)
        write_register8(&acpi_fixed.reset, acpi_fixed.reset_value);
    wait_a_moment();
    io_write8(0x64, 0xfe);
    wait_a_moment();
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nothing = {0, 0};
    __asm__ volatile("lidt %0; ud2" : : "m"(nothing));
}

_Noreturn void machine_power_off(unsigned status)
{
    smp_stop_others();
    io_write8(SKIFF_DEBUG_EXIT_PORT, status > 0xff ? SKIFF_EXIT_FAILED : (uint8_t)status);
    power_off_by_acpi();
    wait_a_moment();
    reset();
    cpu_halt();
}

static void run_button(struct work *work)
{
    void (*pressed)(void) = load_acquire(&button_pressed);
    if (pressed)
        pressed();
}
static struct work button_work = WORK_INIT(run_button);

/* ACPI fixed event: the status bit is cleared by writing it. */
static void sci_interrupt(void *context)
{
    uint16_t port = (uint16_t)acpi_fixed.pm1a_event.address;
    uint16_t status = io_read16(port);
    io_write16(port, status);
    if (status & POWER_BUTTON)
        work_raise(&button_work);
}

static void ged_interrupt(void *context)
{
    if (*ged_events & GED_POWER_BUTTON)
        work_raise(&button_work);
}

/* Firmware leaves the machine in legacy mode, where the button is its own affair: ACPI 6.4, 4.8.2.5. */
static void enable_acpi(void)
{
    uint16_t control = (uint16_t)acpi_fixed.pm1a_control.address;
    if (io_read16(control) & SCI_ENABLED || !acpi_fixed.smi_command)
        return;
    io_write8((uint16_t)acpi_fixed.smi_command, acpi_fixed.acpi_enable);
    for (unsigned i = 0; i < ENABLE_TRIES && !(io_read16(control) & SCI_ENABLED); i++)
        arch_cpu_relax();
}

static int claim_fixed_button(void)
{
    uint16_t event = (uint16_t)acpi_fixed.pm1a_event.address;
    enable_acpi();
    int err = irq_claim_line(acpi_fixed.sci, true, true, 0, sci_interrupt, NULL);
    if (err)
        return err;
    io_write16(event, POWER_BUTTON); /* forget an old press */
    io_write16((uint16_t)(event + acpi_fixed.pm1_event_len / 2), POWER_BUTTON);
    return 0;
}

static int claim_ged_button(void)
{
    uint64_t registers = acpi_fixed.sleep_control.address;
    if (acpi_fixed.sleep_control.is_io || registers < GED_REGISTERS_AFTER_EVENTS)
        return 0;
    ged_events = arch_map_device(registers - GED_REGISTERS_AFTER_EVENTS, sizeof *ged_events);
    return ged_events ? irq_claim_line(GED_IRQ, false, false, 0, ged_interrupt, NULL) : 0;
}

void boot_set_power_button_handler(void (*pressed)(void))
{
    static bool is_claimed;
    store_release(&button_pressed, pressed);
    if (is_claimed || !pressed || !acpi_fixed.is_present)
        return;
    is_claimed = true;
    int err = 0;
    if (acpi_fixed.is_hardware_reduced)
        err = claim_ged_button();
    else if (acpi_fixed.pm1a_event.is_io && acpi_fixed.pm1a_control.is_io)
        err = claim_fixed_button();
    if (err)
        log_warning("the power button cannot be used (error %d)", err);
}
