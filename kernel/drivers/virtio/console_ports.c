/* The control queues' few messages at start; see console_ports.h. Later ones find no buffer and are dropped by the
 * device. */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/log.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "console_ports.h"
#include "queue.h"

enum {
    CONFIG_PORTS = 4,
    QUEUE_CONTROL_RECEIVE = 2,
    QUEUE_CONTROL_TRANSMIT = 3,
    EVENT_DEVICE_READY = 0,
    EVENT_PORT_ADD = 1,
    EVENT_PORT_READY = 3,
    EVENT_PORT_OPEN = 6,
    MESSAGES_IN = 4,
    MESSAGES_OUT = 3,
    MESSAGES_LOOKED_AT = 64, /* of a device that talks about other things */
};
#define ANSWER_TIMEOUT_NS UINT64_C(2000000000)

struct message {
    uint32_t port;
    uint16_t event, value;
};
static_assert(sizeof(struct message) == 8, "5.3.6.2");

struct console_ports {
    struct virtqueue *receive, *transmit;
    struct message in[MESSAGES_IN], out[MESSAGES_OUT]; /* the device's while posted */
    unsigned sent;
};

static void post(struct console_ports *ports, struct message *message)
{
    struct virtqueue_buffer buffer = {message, sizeof *message};
    virtqueue_add(ports->receive, &buffer, 0, 1, message);
}

static void send(struct console_ports *ports, uint32_t port, uint16_t event)
{
    struct message *message = &ports->out[ports->sent++];
    *message = (struct message){.port = port, .event = event, .value = 1};
    struct virtqueue_buffer buffer = {message, sizeof *message};
    virtqueue_add(ports->transmit, &buffer, 1, 0, message);
    virtqueue_kick(ports->transmit);
}

void console_ports_destroy(struct console_ports *ports)
{
    if (!ports)
        return;
    virtqueue_destroy(ports->transmit);
    virtqueue_destroy(ports->receive);
    kfree(ports);
}

int console_ports_create(struct virtio_device *device, struct console_ports **out, unsigned *count)
{
    struct console_ports *ports = kzalloc(sizeof *ports, ALLOC_WAIT);
    if (!ports)
        return -ENOMEM;
    int err = virtqueue_create(device, QUEUE_CONTROL_RECEIVE, MESSAGES_IN, NULL, 0, &ports->receive);
    if (!err)
        err = virtqueue_create(device, QUEUE_CONTROL_TRANSMIT, MESSAGES_IN, NULL, 0, &ports->transmit);
    if (err) {
        console_ports_destroy(ports);
        return err;
    }
    virtqueue_disable_interrupts(ports->receive);
    virtqueue_disable_interrupts(ports->transmit);
    for (unsigned i = 0; i < MESSAGES_IN; i++)
        post(ports, &ports->in[i]);
    *count = MIN(virtio_config32(device, CONFIG_PORTS), (uint32_t)CONSOLE_PORTS_MAX);
    *out = ports;
    return 0;
}

/* The next message; false: it did not come in time. */
static bool wait_message(struct console_ports *ports, uint64_t deadline_ns, struct message *out)
{
    uint32_t len;
    for (;;) {
        struct message *message = virtqueue_take(ports->receive, &len);
        if (message) {
            *out = len >= sizeof *message ? *message : (struct message){0};
            post(ports, message);
            virtqueue_kick(ports->receive);
            return true;
        }
        if (ports->receive->is_broken || clock_monotonic_ns() >= deadline_ns)
            return false;
        arch_cpu_relax();
    }
}

unsigned console_ports_open_first(struct console_ports *ports, unsigned count)
{
    struct message message = {0};
    uint64_t deadline_ns = clock_monotonic_ns() + ANSWER_TIMEOUT_NS;
    virtqueue_kick(ports->receive);
    send(ports, 0, EVENT_DEVICE_READY);
    bool is_named = false;
    for (unsigned i = 0; !is_named && i < MESSAGES_LOOKED_AT && wait_message(ports, deadline_ns, &message); i++)
        is_named = message.event == EVENT_PORT_ADD && message.port < count;
    if (!is_named) {
        log_warning("virtio-console: the device names no port: the first is taken");
        message.port = 0;
    }
    send(ports, message.port, EVENT_PORT_READY);
    send(ports, message.port, EVENT_PORT_OPEN);
    return message.port;
}
