/* The end of the machine by a bug of ours: says what and where, tells the host, powers off. */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <base/assert.h>
#include <base/atomic.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/string.h>

enum {
    TEXT_MAX = 240,
    STATUS_PANIC = 0x100, /* SKIFF_EXIT_PANIC of contract/exit.h, which base cannot include */
};

static struct panic_hooks panic_hooks;
static uint32_t panic_depth;

void panic_set_hooks(const struct panic_hooks *hooks)
{
    if (hooks->stop_other_cpus)
        panic_hooks.stop_other_cpus = hooks->stop_other_cpus;
    if (hooks->print_backtrace)
        panic_hooks.print_backtrace = hooks->print_backtrace;
    if (hooks->tell_host)
        panic_hooks.tell_host = hooks->tell_host;
}

/* A panic within a panic does less each time: the first all, the second no hooks, the third only the end. */
static _Noreturn void panic_now(bool wants_backtrace, const char *format, va_list args)
{
    arch_irq_save();
    uint32_t depth = atomic_fetch_add(&panic_depth, 1u);
    if (depth >= 2)
        machine_power_off(STATUS_PANIC);
    if (depth == 0 && panic_hooks.stop_other_cpus)
        panic_hooks.stop_other_cpus();
    char text[TEXT_MAX];
    vsnprintf(text, sizeof text, format, args);
    log_error("kernel panic on CPU %u: %s", cpu_index(), text);
    if (depth == 0) {
        if (wants_backtrace && panic_hooks.print_backtrace)
            panic_hooks.print_backtrace();
        if (panic_hooks.tell_host)
            panic_hooks.tell_host(text);
    }
    machine_power_off(STATUS_PANIC);
}

void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    panic_now(true, format, args);
}

void panic_without_backtrace(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    panic_now(false, format, args);
}
