/*
 * Virtio over PCI (4.1), modern registers, MSI-X: one vector for configuration changes and one a queue as far as the
 * device has them; the queues past that share the last one.
 */
#include <base/errno.h>
#include <base/log.h>
#include <common/list.h>
#include <mm/alloc.h>
#include <virtio/virtio.h>
#include "queue.h"

enum {
    VENDOR_VIRTIO = 0x1af4,
    DEVICE_TRANSITIONAL = 0x1000,
    DEVICE_MODERN = 0x1040,
    DEVICE_END = 0x1080,
    CONFIG_SUBSYSTEM = 0x2c,
    CAPABILITY_VENDOR = 0x09,
    PART_COMMON = 1,
    PART_NOTIFY = 2,
    PART_DEVICE = 4,
    NO_VECTOR = 0xffff,
};

/* struct virtio_pci_common_cfg, 4.1.4.3 */
enum {
    COMMON_DEVICE_FEATURE_SELECT = 0,
    COMMON_DEVICE_FEATURE = 4,
    COMMON_DRIVER_FEATURE_SELECT = 8,
    COMMON_DRIVER_FEATURE = 12,
    COMMON_MSIX_CONFIG = 16,
    COMMON_STATUS = 20,
    COMMON_QUEUE_SELECT = 22,
    COMMON_QUEUE_SIZE = 24,
    COMMON_QUEUE_VECTOR = 26,
    COMMON_QUEUE_ENABLE = 28,
    COMMON_QUEUE_NOTIFY_OFFSET = 30,
    COMMON_QUEUE_DESCRIPTORS = 32,
    COMMON_QUEUE_AVAILABLE = 40,
    COMMON_QUEUE_USED = 48,
    COMMON_SIZE = 56,
};

struct pci_device {
    struct virtio_device virtio;
    struct pci_function function;
    volatile uint8_t *common, *notify, *config;
    uint32_t notify_len, notify_multiplier, config_len;
    bool has_shared_vector;
};

static struct pci_device *pci_of(struct virtio_device *device)
{
    return container_of(device, struct pci_device, virtio);
}

static void write16(volatile uint8_t *at, uint16_t value)
{
    *(volatile uint16_t *)at = value;
}

static uint16_t read16(volatile uint8_t *at)
{
    return *(volatile uint16_t *)at;
}

static void write32(volatile uint8_t *at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

static uint32_t read32(volatile uint8_t *at)
{
    return *(volatile uint32_t *)at;
}

static void write64(volatile uint8_t *at, uint64_t value)
{
    write32(at, (uint32_t)value);
    write32(at + 4, (uint32_t)(value >> 32));
}

static uint8_t modern_get_status(struct virtio_device *device)
{
    return pci_of(device)->common[COMMON_STATUS];
}

static void modern_set_status(struct virtio_device *device, uint8_t status)
{
    pci_of(device)->common[COMMON_STATUS] = status;
}

static uint64_t modern_get_features(struct virtio_device *device)
{
    volatile uint8_t *common = pci_of(device)->common;
    write32(common + COMMON_DEVICE_FEATURE_SELECT, 1);
    uint64_t high = read32(common + COMMON_DEVICE_FEATURE);
    write32(common + COMMON_DEVICE_FEATURE_SELECT, 0);
    return high << 32 | read32(common + COMMON_DEVICE_FEATURE);
}

static void modern_set_features(struct virtio_device *device, uint64_t features)
{
    volatile uint8_t *common = pci_of(device)->common;
    write32(common + COMMON_DRIVER_FEATURE_SELECT, 1);
    write32(common + COMMON_DRIVER_FEATURE, (uint32_t)(features >> 32));
    write32(common + COMMON_DRIVER_FEATURE_SELECT, 0);
    write32(common + COMMON_DRIVER_FEATURE, (uint32_t)features);
}

static uint16_t modern_queue_size_max(struct virtio_device *device, uint16_t index)
{
    volatile uint8_t *common = pci_of(device)->common;
    write16(common + COMMON_QUEUE_SELECT, index);
    uint16_t max = read16(common + COMMON_QUEUE_SIZE);
    return max > 32768 ? 32768 : max;
}

static void config_interrupt(void *context)
{
    struct virtio_device *device = context;
    if (device->config_changed)
        device->config_changed(device);
}

static void queue_interrupt(void *context)
{
    virtqueue_interrupt(context);
}

/* Which queue it was is not told. */
static void shared_interrupt(void *context)
{
    struct virtio_device *device = context;
    for (unsigned i = 0; i < device->queue_count; i++)
        virtqueue_interrupt_shared(device->queues[i]);
}

/* Vector 0 is for configuration changes where there is more than one; the last one is shared by those left over. */
static int choose_vector(struct pci_device *pci, struct virtqueue *queue, unsigned cpu, uint16_t *vector)
{
    unsigned last = pci->function.msix_count - 1;
    if (queue->index + 1u < last) {
        *vector = (uint16_t)(queue->index + 1);
        return pci_msix_route(&pci->function, *vector, cpu, queue_interrupt, queue);
    }
    *vector = (uint16_t)last;
    if (pci->has_shared_vector)
        return 0;
    int err = pci_msix_route(&pci->function, last, cpu, shared_interrupt, &pci->virtio);
    pci->has_shared_vector = !err;
    return err;
}

static int modern_queue_enable(struct virtio_device *device, struct virtqueue *queue,
                               const struct virtio_queue_places *places, unsigned cpu)
{
    struct pci_device *pci = pci_of(device);
    volatile uint8_t *common = pci->common;
    uint16_t vector = NO_VECTOR;
    if (queue->work) {
        int err = choose_vector(pci, queue, cpu, &vector);
        if (err)
            return err;
    }
    write16(common + COMMON_QUEUE_SELECT, queue->index);
    uint64_t notify_offset = (uint64_t)read16(common + COMMON_QUEUE_NOTIFY_OFFSET) * pci->notify_multiplier;
    if (notify_offset + 2 > pci->notify_len || notify_offset & 1)
        return -ENODEV;
    queue->notify_address = pci->notify + notify_offset;
    write16(common + COMMON_QUEUE_SIZE, queue->size);
    write16(common + COMMON_QUEUE_VECTOR, vector);
    write64(common + COMMON_QUEUE_DESCRIPTORS, places->descriptors);
    write64(common + COMMON_QUEUE_AVAILABLE, places->available);
    write64(common + COMMON_QUEUE_USED, places->used);
    write16(common + COMMON_QUEUE_ENABLE, 1);
    return 0;
}

static void modern_notify(struct virtio_device *device, struct virtqueue *queue)
{
    (void)device;
    *(volatile uint16_t *)queue->notify_address = queue->index;
}

static void modern_config_read(struct virtio_device *device, unsigned offset, void *to, unsigned len)
{
    struct pci_device *pci = pci_of(device);
    volatile uint8_t *from = pci->config + offset;
    if (offset + len > pci->config_len) {
        for (unsigned i = 0; i < len; i++)
            ((uint8_t *)to)[i] = 0; /* what the device does not have */
    } else if (len == 4) {
        *(uint32_t *)to = read32(from);
    } else if (len == 2) {
        *(uint16_t *)to = read16(from);
    } else {
        for (unsigned i = 0; i < len; i++)
            ((uint8_t *)to)[i] = from[i];
    }
}

static const struct virtio_transport modern_transport = {
    .get_status = modern_get_status,
    .set_status = modern_set_status,
    .get_features = modern_get_features,
    .set_features = modern_set_features,
    .queue_size_max = modern_queue_size_max,
    .queue_enable = modern_queue_enable,
    .notify = modern_notify,
    .config_read = modern_config_read,
};

/* Maps the parts that the vendor capabilities name (4.1.4); the first usable one of each kind counts. */
static void map_parts(struct pci_device *pci)
{
    const struct pci_function *function = &pci->function;
    unsigned at = 0;
    while ((at = pci_find_capability(function, CAPABILITY_VENDOR, at)) != 0) {
        uint8_t part = pci_read8(function, at + 3), bar = pci_read8(function, at + 4);
        uint32_t offset = pci_read32(function, at + 8), len = pci_read32(function, at + 12);
        if (part == PART_COMMON && !pci->common && len >= COMMON_SIZE) {
            pci->common = pci_map_bar(function, bar, offset, COMMON_SIZE);
        } else if (part == PART_NOTIFY && !pci->notify) {
            pci->notify_multiplier = pci_read32(function, at + 16);
            pci->notify_len = len;
            pci->notify = pci_map_bar(function, bar, offset, len);
        } else if (part == PART_DEVICE && !pci->config) {
            pci->config_len = len;
            pci->config = pci_map_bar(function, bar, offset, len);
        }
    }
    if (!pci->config)
        pci->config_len = 0;
}

static int setup(struct pci_device *pci)
{
    pci_enable(&pci->function);
    map_parts(pci);
    if (!pci->common || !pci->notify)
        return -ENODEV;
    int err = pci_msix_enable(&pci->function);
    if (err)
        return err;
    if (pci->function.msix_count > 1 && !pci_msix_route(&pci->function, 0, 0, config_interrupt, &pci->virtio))
        write16(pci->common + COMMON_MSIX_CONFIG, 0);
    return virtio_attach(&pci->virtio);
}

void virtio_pci_probe(const struct pci_function *function, void *context)
{
    (void)context;
    if (function->vendor != VENDOR_VIRTIO || function->device < DEVICE_TRANSITIONAL || function->device >= DEVICE_END)
        return;
    uint32_t id = pci_read32(function, CONFIG_SUBSYSTEM) >> 16; /* transitional: 4.1.2.3 */
    if (function->device >= DEVICE_MODERN)
        id = (uint32_t)function->device - DEVICE_MODERN;
    struct pci_device *pci = kzalloc(sizeof *pci, ALLOC_WAIT);
    if (!pci)
        return;
    pci->virtio.transport = &modern_transport;
    pci->virtio.id = id;
    pci->function = *function;
    int err = setup(pci);
    if (err && err != -ENODEV)
        log_warning("virtio-pci device %u cannot be used (error %d)", id, -err);
    /* On failure it is not freed: a vector of its table may already point here. */
}
