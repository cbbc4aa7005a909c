/* The control channel (contract/control.h) on COM2. */
#include <base/log.h>
#include <base/string.h>
#include <contract/control.h>
#include <device/control.h>
#include <line/line.h>
#include "receiver.h"
#include "uart.h"

enum { LOCK_SPINS_MAX = 1000000 };
static bool is_present;                            /* written once at boot */
static struct spinlock write_lock = SPINLOCK_INIT; /* as in console.c: any context, bounded */
static struct receiver receiver;
static void (*line_handler)(const char *line);

bool control_is_present(void)
{
    return is_present;
}

void control_send(const char *line)
{
    if (!is_present)
        return;
    size_t len = strnlen(line, SKIFF_CONTROL_LINE_MAX - 1);
    uint64_t state = arch_irq_save();
    bool is_held = spin_trylock(&write_lock);
    for (unsigned spins = 0; !is_held && spins < LOCK_SPINS_MAX; spins++) {
        arch_cpu_relax();
        is_held = spin_trylock(&write_lock);
    }
    uart_write(SKIFF_CONTROL_PORT, line, len);
    uart_write(SKIFF_CONTROL_PORT, "\n", 1);
    if (is_held)
        spin_unlock(&write_lock);
    arch_irq_restore(state);
}

/* Only one CPU runs it at a time: the interrupt goes to one CPU, and so does its work. */
static void receive(struct work *work)
{
    (void)work;
    static char buffer[SKIFF_CONTROL_LINE_MAX];
    static struct line_splitter splitter = {.buffer = buffer, .size = sizeof buffer};
    char bytes[64];
    size_t n;
    while ((n = receiver_take(&receiver, bytes, sizeof bytes)) > 0) {
        for (size_t i = 0; i < n; i++) {
            const char *line = line_add(&splitter, bytes[i]);
            void (*handle)(const char *) = load_acquire(&line_handler);
            if (line && handle)
                handle(line);
        }
    }
}

/* The interrupt is claimed here and not in control_init, which may run before the interrupt controllers are set up. */
void control_set_handler(void (*handle)(const char *line))
{
    store_release(&line_handler, handle);
    if (is_present && !receiver.port && receiver_start(&receiver, SKIFF_CONTROL_PORT, SKIFF_CONTROL_IRQ, receive))
        log_warning("control channel: no interrupt, so no commands from the host");
}

void control_init(void)
{
    is_present = uart_init(SKIFF_CONTROL_PORT);
}
