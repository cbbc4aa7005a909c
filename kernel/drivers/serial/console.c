/* COM1 as console and log sink. Both write whole chunks under one lock, so that their lines do not mix within a chunk.
 */
#include <base/log.h>
#include <common/list.h>
#include <device/console.h>
#include <serial/serial.h>
#include "receiver.h"
#include "uart.h"

enum { COM1_PORT = 0x3f8, COM1_IRQ = 4, LOCK_SPINS_MAX = 1000000 };

static struct spinlock write_lock = SPINLOCK_INIT; /* taken in any context: interrupts off, and bounded (a panic stops
                                                      a CPU that may hold it) */
static struct receiver receiver;
/* Input: as the virtio console does it. */
static struct spinlock input_lock = SPINLOCK_INIT;
static bool is_input_wanted GUARDED_BY(&input_lock); /* the client has room, as far as it has said */
static bool is_delivering GUARDED_BY(&input_lock);   /* a CPU is at it */

static void write_locked_for_a_while(const char *bytes, size_t n)
{
    uint64_t state = arch_irq_save();
    bool is_held = spin_trylock(&write_lock);
    for (unsigned spins = 0; !is_held && spins < LOCK_SPINS_MAX; spins++) {
        arch_cpu_relax();
        is_held = spin_trylock(&write_lock);
    }
    uart_write(COM1_PORT, bytes, n);
    if (is_held)
        spin_unlock(&write_lock);
    arch_irq_restore(state);
}

/* Short pieces keep the time with interrupts off small. */
static size_t console_write(struct console_device *device, const char *bytes, size_t n)
{
    (void)device;
    for (size_t done = 0; done < n;) {
        size_t part = n - done < 64 ? n - done : 64;
        write_locked_for_a_while(bytes + done, part);
        done += part;
    }
    return n;
}

static bool console_drain(struct console_device *device)
{
    (void)device;
    for (unsigned spins = 0; !uart_can_write(COM1_PORT) && spins < LOCK_SPINS_MAX; spins++)
        arch_cpu_relax();
    return true; /* a host that does not read cannot be waited for */
}

static void resume_input(struct console_device *device)
{
    spin_lock(&input_lock);
    is_input_wanted = true;
    spin_unlock(&input_lock);
    work_raise(&receiver.work);
}

static const struct console_device_ops console_ops = {
    .write = console_write, .drain = console_drain, .resume_input = resume_input};
static struct console_device console = {.ops = &console_ops, .name = "ttyS0"};

/* False: nothing is there, or the client took only a part. The lock is not held while the client is called. */
static bool deliver_locked(void)
{
    char bytes[64];
    size_t n = receiver_peek(&receiver, bytes, sizeof bytes);
    if (!n)
        return false;
    is_input_wanted = false;
    spin_unlock(&input_lock);
    size_t taken = console.received(&console, bytes, n);
    receiver_drop(&receiver, taken);
    spin_lock(&input_lock);
    is_input_wanted |= taken == n;
    return true;
}

static void receive(struct work *work)
{
    (void)work;
    spin_lock(&input_lock);
    if (!is_delivering) {
        is_delivering = true;
        while (is_input_wanted && deliver_locked())
            continue;
        is_delivering = false;
    }
    spin_unlock(&input_lock);
}

void serial_console_init(void)
{
    if (!uart_init(COM1_PORT))
        return;
    log_set_sink(write_locked_for_a_while);
    console_device_register(&console);
    if (receiver_start(&receiver, COM1_PORT, COM1_IRQ, receive))
        log_warning("ttyS0: no interrupt, so no input");
}
