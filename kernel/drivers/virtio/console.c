/*
 * virtio-console (5.3), one port (console_ports.h), as "hvc0". Output is copied into a few page-sized buffers, so that
 * a program's write ends before the host has read it; when all are under way the writer waits for `writable`. Finished
 * buffers are taken back at the next write; only a full console asks for an interrupt.
 *
 * Input goes to the client in the order of the queue, by one CPU at a time. A buffer goes back to the device only when
 * the client has taken all of it, so that a client without room stops the host.
 */
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <device/console.h>
#include <mm/alloc.h>
#include "console_ports.h"
#include "queue.h"

enum {
    RING_SIZE = 16,
    OUTPUT_SIZE = PAGE_SIZE,
    OUTPUT_MAX = 8,
    INPUT_SIZE = 2048,
    INPUT_COUNT = 2,
    DRAIN_SPINS_MAX = 1 << 18,
};

struct output {
    struct list link;
    char *bytes;
};

struct virtio_console {
    struct console_device device;
    struct virtio_device *virtio;
    struct work receive_work, transmit_work;
    struct spinlock lock;
    struct virtqueue *receive GUARDED_BY(&lock);
    struct virtqueue *transmit GUARDED_BY(&lock);
    struct output outputs[OUTPUT_MAX];
    unsigned output_count GUARDED_BY(&lock); /* made so far */
    struct list idle GUARDED_BY(&lock);      /* outputs not under way */
    bool is_writer_waiting GUARDED_BY(&lock);
    char *held GUARDED_BY(&lock); /* taken from the queue, not yet all given on; NULL: none */
    uint32_t held_done, held_len GUARDED_BY(&lock);
    bool is_input_wanted GUARDED_BY(&lock); /* the client has room, as far as it has said */
    bool is_delivering GUARDED_BY(&lock);   /* a CPU runs deliver_locked, and looks at the queue again before it ends */
    char input[INPUT_COUNT][INPUT_SIZE];    /* the device's while posted */
};

static void reclaim_locked(struct virtio_console *console)
{
    struct output *output;
    while ((output = virtqueue_take(console->transmit, NULL)))
        list_add_last(&console->idle, &output->link);
}

/* An idle output, making one while there are few; NULL: all under way. */
static struct output *output_take_locked(struct virtio_console *console)
{
    if (list_is_empty(&console->idle))
        reclaim_locked(console);
    if (!list_is_empty(&console->idle)) {
        struct output *output = list_first(&console->idle, struct output, link);
        list_remove(&output->link);
        return output;
    }
    if (console->output_count == OUTPUT_MAX)
        return NULL;
    char *bytes = kmalloc(OUTPUT_SIZE, ALLOC_ATOMIC);
    if (!bytes)
        return NULL;
    struct output *output = &console->outputs[console->output_count++];
    output->bytes = bytes;
    list_init(&output->link);
    return output;
}

static bool add_output_locked(struct virtio_console *console, const char *bytes, size_t n)
{
    struct output *output = output_take_locked(console);
    if (!output)
        return false;
    memcpy(output->bytes, bytes, n);
    struct virtqueue_buffer buffer = {output->bytes, (uint32_t)n};
    if (!virtqueue_add(console->transmit, &buffer, 1, 0, output))
        return true;
    list_add_last(&console->idle, &output->link);
    return false;
}

static size_t console_write(struct console_device *device, const char *bytes, size_t n)
{
    struct virtio_console *console = container_of(device, struct virtio_console, device);
    size_t done = 0;
    spin_lock(&console->lock);
    while (done < n) {
        size_t part = MIN(n - done, (size_t)OUTPUT_SIZE);
        if (!add_output_locked(console, bytes + done, part)) {
            if (console->transmit->is_broken)
                done = n; /* nobody listens: the program goes on */
            else if (done || virtqueue_enable_interrupts(console->transmit))
                break;
            else
                continue; /* something finished meanwhile */
        } else {
            done += part;
        }
    }
    if (done < n) {
        console->is_writer_waiting = true;
        if (!virtqueue_enable_interrupts(console->transmit))
            work_raise(&console->transmit_work);
    }
    virtqueue_kick(console->transmit);
    spin_unlock(&console->lock);
    return done;
}

static void transmitted(struct work *work)
{
    struct virtio_console *console = container_of(work, struct virtio_console, transmit_work);
    spin_lock(&console->lock);
    reclaim_locked(console);
    bool is_waiting = console->is_writer_waiting;
    bool can_write = !list_is_empty(&console->idle) || console->transmit->is_broken;
    if (is_waiting && can_write) {
        console->is_writer_waiting = false;
        virtqueue_disable_interrupts(console->transmit);
    } else if (is_waiting && !virtqueue_enable_interrupts(console->transmit)) {
        work_raise(work);
    }
    spin_unlock(&console->lock);
    if (is_waiting && can_write && console->device.writable)
        console->device.writable(&console->device);
}

/* Also at power-off with the lock's holder stopped: bounded, and goes on without the lock. */
static bool console_drain(struct console_device *device)
{
    struct virtio_console *console = container_of(device, struct virtio_console, device);
    bool is_held = spin_trylock(&console->lock);
    for (unsigned spins = 0; !is_held && spins < DRAIN_SPINS_MAX; spins++) {
        arch_cpu_relax();
        is_held = spin_trylock(&console->lock);
    }
    virtqueue_kick(console->transmit);
    bool is_out = false;
    for (unsigned spins = 0; !is_out && spins < DRAIN_SPINS_MAX; spins++) {
        reclaim_locked(console);
        is_out = console->transmit->is_broken || console->transmit->free_count == console->transmit->size;
        arch_cpu_relax();
    }
    if (is_held)
        spin_unlock(&console->lock);
    return is_out;
}

static void post_input_locked(struct virtio_console *console, char *input)
{
    struct virtqueue_buffer buffer = {input, INPUT_SIZE};
    virtqueue_add(console->receive, &buffer, 0, 1, input);
}

/* False: there is none, and an interrupt comes with the next. */
static bool hold_next_input_locked(struct virtio_console *console)
{
    while (!console->held) {
        uint32_t len;
        char *input = virtqueue_take(console->receive, &len);
        if (input && len) {
            console->held = input;
            console->held_done = 0;
            console->held_len = len;
        } else if (input) {
            post_input_locked(console, input);
        } else {
            virtqueue_kick(console->receive);
            if (console->receive->is_broken || virtqueue_enable_interrupts(console->receive))
                return false;
        }
    }
    return true;
}

/* The lock is not held while the client is called. What it says about its room meanwhile (resume_input) counts. */
static void give_held_locked(struct virtio_console *console)
{
    const char *from = console->held + console->held_done;
    uint32_t n = console->held_len - console->held_done;
    console->is_input_wanted = false;
    spin_unlock(&console->lock);
    size_t taken = console->device.received(&console->device, from, n);
    spin_lock(&console->lock);
    if (taken >= n) {
        console->is_input_wanted = true;
        post_input_locked(console, console->held);
        console->held = NULL;
    } else {
        console->held_done += (uint32_t)taken;
    }
}

static void received(struct work *work)
{
    struct virtio_console *console = container_of(work, struct virtio_console, receive_work);
    spin_lock(&console->lock);
    if (!console->is_delivering) {
        console->is_delivering = true;
        while (console->is_input_wanted && hold_next_input_locked(console))
            give_held_locked(console);
        console->is_delivering = false;
    }
    spin_unlock(&console->lock);
}

static void console_resume_input(struct console_device *device)
{
    struct virtio_console *console = container_of(device, struct virtio_console, device);
    spin_lock(&console->lock);
    console->is_input_wanted = true;
    spin_unlock(&console->lock);
    work_raise(&console->receive_work);
}

static const struct console_device_ops console_ops = {
    .write = console_write,
    .drain = console_drain,
    .resume_input = console_resume_input,
};

struct port_queues {
    struct virtqueue *receive, *transmit;
};

static void destroy_queues(struct port_queues queues[CONSOLE_PORTS_MAX])
{
    for (unsigned port = 0; port < CONSOLE_PORTS_MAX; port++) {
        virtqueue_destroy(queues[port].transmit);
        virtqueue_destroy(queues[port].receive);
    }
}

/* All ports' queues must exist before the device runs, and which port is there it says only then. */
static int create_queues(struct virtio_console *console, unsigned count, struct port_queues queues[CONSOLE_PORTS_MAX])
{
    struct virtio_device *device = console->virtio;
    int err = count ? 0 : -ENODEV;
    for (unsigned port = 0; !err && port < count; port++) {
        struct port_queues *pair = &queues[port];
        err =
            virtqueue_create(device, console_receive_queue(port), RING_SIZE, &console->receive_work, 0, &pair->receive);
        if (!err)
            err = virtqueue_create(device, console_transmit_queue(port), RING_SIZE, &console->transmit_work, 0,
                                   &pair->transmit);
        if (!err)
            virtqueue_disable_interrupts(pair->transmit);
    }
    return err;
}

static struct virtio_console *create_console(struct virtio_device *device)
{
    struct virtio_console *console = kzalloc(sizeof *console, ALLOC_WAIT);
    /* One output exists from the start, so that a full console always has one under way that comes back. */
    char *bytes = kmalloc(OUTPUT_SIZE, ALLOC_WAIT);
    if (!console || !bytes) {
        kfree(bytes);
        kfree(console);
        return NULL;
    }
    console->virtio = device;
    console->device.ops = &console_ops;
    console->device.name = "hvc0";
    console->receive_work = (struct work)WORK_INIT(received);
    console->transmit_work = (struct work)WORK_INIT(transmitted);
    spin_init(&console->lock);
    list_init(&console->idle);
    console->outputs[0].bytes = bytes;
    console->output_count = 1;
    list_add_first(&console->idle, &console->outputs[0].link);
    return console;
}

static void use_queues(struct virtio_console *console, const struct port_queues *queues)
{
    spin_lock(&console->lock);
    console->receive = queues->receive;
    console->transmit = queues->transmit;
    for (unsigned i = 0; i < INPUT_COUNT; i++)
        post_input_locked(console, console->input[i]);
    virtqueue_kick(console->receive);
    spin_unlock(&console->lock);
}

int virtio_console_attach(struct virtio_device *device)
{
    struct port_queues queues[CONSOLE_PORTS_MAX] = {{NULL, NULL}};
    struct console_ports *ports = NULL;
    unsigned count = 1;
    int err = virtio_negotiate(device, VIRTIO_FEATURE(VIRTIO_CONSOLE_MULTIPORT));
    if (err)
        return err;
    struct virtio_console *console = create_console(device);
    if (!console)
        return -ENOMEM;
    if (virtio_has(device, VIRTIO_CONSOLE_MULTIPORT))
        err = console_ports_create(device, &ports, &count);
    if (!err)
        err = create_queues(console, count, queues);
    if (err)
        goto free_console;
    device->driver_data = console;
    console->receive =
        queues[0].receive; /* an interrupt line that all queues share raises the work before a port is known */
    console->transmit = queues[0].transmit;
    virtio_ready(device);
    use_queues(console, &queues[ports ? console_ports_open_first(ports, count) : 0]);
    console_device_register(&console->device);
    return 0;

free_console:
    destroy_queues(queues);
    console_ports_destroy(ports);
    kfree(console->outputs[0].bytes);
    kfree(console);
    return err;
}
