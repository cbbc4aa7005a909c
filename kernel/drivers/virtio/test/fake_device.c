#include <base/string.h>
#include "fake_device.h"

static struct fake_device *fake_of(struct virtio_device *device)
{
    return (struct fake_device *)((char *)device - offsetof(struct fake_device, virtio));
}

static uint8_t get_status(struct virtio_device *device)
{
    return fake_of(device)->status;
}

static void set_status(struct virtio_device *device, uint8_t status)
{
    fake_of(device)->status = status;
}

static uint64_t get_features(struct virtio_device *device)
{
    return fake_of(device)->offered;
}

static void set_features(struct virtio_device *device, uint64_t features)
{
}

static uint16_t queue_size_max(struct virtio_device *device, uint16_t index)
{
    return index < FAKE_QUEUES ? fake_of(device)->size_max : 0;
}

static int queue_enable(struct virtio_device *device, struct virtqueue *queue, const struct virtio_queue_places *places,
                        unsigned cpu)
{
    struct fake_queue *fake = &fake_of(device)->queues[queue->index];
    fake->queue = queue;
    fake->size = queue->size;
    fake->descriptors = (void *)places->descriptors;
    fake->available = (void *)places->available;
    fake->used = (void *)places->used;
    return 0;
}

static void notify(struct virtio_device *device, struct virtqueue *queue)
{
    fake_of(device)->queues[queue->index].notified++;
}

static void config_read(struct virtio_device *device, unsigned offset, void *to, unsigned len)
{
    memcpy(to, fake_of(device)->config + offset, len);
}

static const struct virtio_transport transport = {
    .get_status = get_status,
    .set_status = set_status,
    .get_features = get_features,
    .set_features = set_features,
    .queue_size_max = queue_size_max,
    .queue_enable = queue_enable,
    .notify = notify,
    .config_read = config_read,
};

void fake_init(struct fake_device *fake, uint32_t id, uint64_t offered, uint16_t size_max)
{
    memset(fake, 0, sizeof *fake);
    fake->virtio.transport = &transport;
    fake->virtio.id = id;
    fake->offered = offered | VIRTIO_VERSION_1;
    fake->size_max = size_max;
    stub_pages_left = stub_kmallocs_left = 1000000;
    stub_error_lines = 0;
}

void fake_destroy(struct fake_device *fake)
{
    while (fake->virtio.queue_count)
        virtqueue_destroy(fake->virtio.queues[0]);
}

int fake_pop(struct fake_device *fake, unsigned queue)
{
    struct fake_queue *q = &fake->queues[queue];
    if (q->seen == q->available->index)
        return -1;
    return q->available->ring[q->seen++ & (q->size - 1)];
}

void *fake_buffer(struct fake_device *fake, unsigned queue, int head, unsigned n, uint32_t *len, bool *is_writable)
{
    struct ring_descriptor *table = fake->queues[queue].descriptors, *at = &table[head];
    if (at->flags & 4) {
        table = (void *)at->address;
        at = table;
    }
    for (; n; n--) {
        if (!(at->flags & 1))
            return NULL;
        at = &table[at->next];
    }
    if (len)
        *len = at->len;
    if (is_writable)
        *is_writable = at->flags & 2;
    return (void *)at->address;
}

void fake_use(struct fake_device *fake, unsigned queue, uint32_t id, uint32_t len)
{
    struct fake_queue *q = &fake->queues[queue];
    q->used->ring[q->used->index & (q->size - 1)] = (struct ring_used_element){id, len};
    q->used->index++;
}

bool fake_wants_interrupt(struct fake_device *fake, unsigned queue)
{
    struct fake_queue *q = &fake->queues[queue];
    if (!(fake->virtio.features & VIRTIO_RING_EVENT_INDEX))
        return !(q->available->flags & 1);
    uint16_t now = q->used->index, event = q->available->ring[q->size];
    return (uint16_t)(now - event - 1) < 1;
}

void fake_interrupt(struct fake_device *fake, unsigned queue)
{
    virtqueue_interrupt(fake->queues[queue].queue);
}
