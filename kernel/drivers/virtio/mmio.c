/*
 * Virtio over memory-mapped registers (4.2), version 2. Version 1 (legacy) registers are refused by name: QEMU needs
 * -global virtio-mmio.force-legacy=false.
 *
 * One interrupt line serves all queues of a device, so its work runs on the CPU the line goes to.
 */
#include <arch/boot.h>
#include <arch/mmu.h>
#include <base/atomic.h>
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <mm/alloc.h>
#include <virtio/virtio.h>
#include "command_line.h"
#include "queue.h"

enum {
    REGISTER_MAGIC = 0x000,
    REGISTER_VERSION = 0x004,
    REGISTER_DEVICE_ID = 0x008,
    REGISTER_DEVICE_FEATURES = 0x010,
    REGISTER_DEVICE_FEATURES_SELECT = 0x014,
    REGISTER_DRIVER_FEATURES = 0x020,
    REGISTER_DRIVER_FEATURES_SELECT = 0x024,
    REGISTER_QUEUE_SELECT = 0x030,
    REGISTER_QUEUE_SIZE_MAX = 0x034,
    REGISTER_QUEUE_SIZE = 0x038,
    REGISTER_QUEUE_READY = 0x044,
    REGISTER_QUEUE_NOTIFY = 0x050,
    REGISTER_INTERRUPT_STATUS = 0x060,
    REGISTER_INTERRUPT_ACKNOWLEDGE = 0x064,
    REGISTER_STATUS = 0x070,
    REGISTER_QUEUE_DESCRIPTORS = 0x080,
    REGISTER_QUEUE_AVAILABLE = 0x090,
    REGISTER_QUEUE_USED = 0x0a0,
    REGISTER_CONFIG = 0x100,
    MAGIC = 0x74726976, /* "virt" */
    INTERRUPT_USED = 1,
    INTERRUPT_CONFIG = 2,
    FIXED_ADDRESS = 0xfeb00000,
    FIXED_SPACING = 512,
    FIXED_COUNT = 24,
    FIXED_IRQ = 5,
};

struct mmio_device {
    struct virtio_device virtio;
    volatile uint8_t *registers;
};

static uint32_t read_register(struct virtio_device *device, unsigned offset)
{
    struct mmio_device *mmio = container_of(device, struct mmio_device, virtio);
    return *(volatile uint32_t *)(mmio->registers + offset);
}

static void write_register(struct virtio_device *device, unsigned offset, uint32_t value)
{
    struct mmio_device *mmio = container_of(device, struct mmio_device, virtio);
    *(volatile uint32_t *)(mmio->registers + offset) = value;
}

static void write_register64(struct virtio_device *device, unsigned offset, uint64_t value)
{
    write_register(device, offset, (uint32_t)value);
    write_register(device, offset + 4, (uint32_t)(value >> 32));
}

static uint8_t mmio_get_status(struct virtio_device *device)
{
    return (uint8_t)read_register(device, REGISTER_STATUS);
}

static void mmio_set_status(struct virtio_device *device, uint8_t status)
{
    write_register(device, REGISTER_STATUS, status);
}

static uint64_t mmio_get_features(struct virtio_device *device)
{
    write_register(device, REGISTER_DEVICE_FEATURES_SELECT, 1);
    uint64_t high = read_register(device, REGISTER_DEVICE_FEATURES);
    write_register(device, REGISTER_DEVICE_FEATURES_SELECT, 0);
    return high << 32 | read_register(device, REGISTER_DEVICE_FEATURES);
}

static void mmio_set_features(struct virtio_device *device, uint64_t features)
{
    write_register(device, REGISTER_DRIVER_FEATURES_SELECT, 1);
    write_register(device, REGISTER_DRIVER_FEATURES, (uint32_t)(features >> 32));
    write_register(device, REGISTER_DRIVER_FEATURES_SELECT, 0);
    write_register(device, REGISTER_DRIVER_FEATURES, (uint32_t)features);
}

static uint16_t mmio_queue_size_max(struct virtio_device *device, uint16_t index)
{
    write_register(device, REGISTER_QUEUE_SELECT, index);
    uint32_t max = read_register(device, REGISTER_QUEUE_SIZE_MAX);
    return max > 32768 ? 32768 : (uint16_t)max;
}

/* The queue is still selected: queue_size_max was asked for it just before. */
static int mmio_queue_enable(struct virtio_device *device, struct virtqueue *queue,
                             const struct virtio_queue_places *places, unsigned cpu)
{
    (void)cpu;
    struct mmio_device *mmio = container_of(device, struct mmio_device, virtio);
    write_register(device, REGISTER_QUEUE_SELECT, queue->index);
    write_register(device, REGISTER_QUEUE_SIZE, queue->size);
    write_register64(device, REGISTER_QUEUE_DESCRIPTORS, places->descriptors);
    write_register64(device, REGISTER_QUEUE_AVAILABLE, places->available);
    write_register64(device, REGISTER_QUEUE_USED, places->used);
    write_register(device, REGISTER_QUEUE_READY, 1);
    queue->notify_address = mmio->registers + REGISTER_QUEUE_NOTIFY;
    return 0;
}

static void mmio_notify(struct virtio_device *device, struct virtqueue *queue)
{
    (void)device;
    *(volatile uint32_t *)queue->notify_address = queue->index;
}

static void mmio_config_read(struct virtio_device *device, unsigned offset, void *to, unsigned len)
{
    struct mmio_device *mmio = container_of(device, struct mmio_device, virtio);
    volatile uint8_t *from = mmio->registers + REGISTER_CONFIG + offset;
    if (len == 4)
        *(uint32_t *)to = *(volatile uint32_t *)from;
    else if (len == 2)
        *(uint16_t *)to = *(volatile uint16_t *)from;
    else
        for (unsigned i = 0; i < len; i++)
            ((uint8_t *)to)[i] = from[i];
}

static const struct virtio_transport mmio_transport = {
    .get_status = mmio_get_status,
    .set_status = mmio_set_status,
    .get_features = mmio_get_features,
    .set_features = mmio_set_features,
    .queue_size_max = mmio_queue_size_max,
    .queue_enable = mmio_queue_enable,
    .notify = mmio_notify,
    .config_read = mmio_config_read,
};

/* Register accesses leave the guest and are slow, so the common case, finished requests, is told from the rings: one access.
 * A change of the configuration that came with it keeps the line up and is found the next time. */
static void mmio_interrupt(void *context)
{
    struct virtio_device *device = context;
    write_register(device, REGISTER_INTERRUPT_ACKNOWLEDGE, INTERRUPT_USED);
    bool has_used = false;
    for (unsigned i = 0; i < device->queue_count; i++)
        has_used |= virtqueue_interrupt_shared(device->queues[i]);
    if (has_used || !(read_register(device, REGISTER_INTERRUPT_STATUS) & INTERRUPT_CONFIG))
        return;
    write_register(device, REGISTER_INTERRUPT_ACKNOWLEDGE, INTERRUPT_CONFIG);
    if (device->config_changed)
        device->config_changed(device);
}

static void probe_at(uint64_t address, uint32_t irq, bool is_level)
{
    volatile uint8_t *registers = arch_map_device(address, FIXED_SPACING);
    if (!registers || *(volatile uint32_t *)(registers + REGISTER_MAGIC) != MAGIC)
        return;
    uint32_t id = *(volatile uint32_t *)(registers + REGISTER_DEVICE_ID);
    if (!id)
        return; /* a slot without a device */
    if (*(volatile uint32_t *)(registers + REGISTER_VERSION) != 2) {
        log_warning("virtio-mmio device %u has legacy registers; start QEMU with "
                    "-global virtio-mmio.force-legacy=false",
                    id);
        return;
    }
    struct mmio_device *mmio = kzalloc(sizeof *mmio, ALLOC_WAIT);
    if (!mmio)
        return;
    mmio->virtio.transport = &mmio_transport;
    mmio->virtio.id = id;
    mmio->registers = registers;
    int err = irq_claim_line(irq, is_level, false, 0, mmio_interrupt, &mmio->virtio);
    if (err)
        log_warning("virtio-mmio: interrupt %u cannot be had (error %d)", irq, -err);
    else
        virtio_attach(&mmio->virtio); /* the handler stays: mmio is never freed from here on */
}

unsigned virtio_mmio_probe_command_line(const char *command_line)
{
    unsigned count = 0;
    struct virtio_mmio_word word;
    while (virtio_mmio_next_word(&command_line, &word)) {
        count++;
        probe_at(word.address, word.irq, true);
    }
    return count;
}

void virtio_mmio_probe_fixed(void)
{
    struct boot_device device;
    unsigned n = 0;
    for (; n < FIXED_COUNT && boot_find_device("LNRO0005", n, &device); n++)
        probe_at(device.address, device.gsi, device.is_level);
    for (unsigned i = 0; !n && i < FIXED_COUNT; i++)
        probe_at(FIXED_ADDRESS + (uint64_t)i * FIXED_SPACING, FIXED_IRQ + i, true);
}
