/*
 * Ports of a virtio console (5.3.6.2). A device with several is asked which it has, and the first that it names becomes
 * the console. Port 1 rather than 0 is how QEMU offers a port that waits for its reader: output of a full port 0 is
 * thrown away.
 */
#pragma once
#include "device.h"

enum { CONSOLE_PORTS_MAX = 2, VIRTIO_CONSOLE_MULTIPORT = 1 };
struct console_ports;

static inline uint16_t console_receive_queue(unsigned port)
{
    return port ? (uint16_t)(2 + 2 * port) : 0;
}
static inline uint16_t console_transmit_queue(unsigned port)
{
    return (uint16_t)(console_receive_queue(port) + 1);
}
/* Of a device with MULTIPORT, before virtio_ready: the control queues. *count: how many ports' queues may be used. */
int console_ports_create(struct virtio_device *device, struct console_ports **out, unsigned *count);
void console_ports_destroy(struct console_ports *ports); /* before virtio_ready; NULL allowed */
/* After virtio_ready: opens the device's first port below `count` and returns its number; 0 when it names none in time.
 */
unsigned console_ports_open_first(struct console_ports *ports, unsigned count);
