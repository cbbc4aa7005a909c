/* virtio-rng (5.4): asked once, when the generator is first used; the answer is mixed in whenever it comes. */
#include <base/errno.h>
#include <device/entropy.h>
#include <mm/alloc.h>
#include "queue.h"

enum { REQUEST_SIZE = 32, RING_SIZE = 4 };

struct virtio_rng {
    struct work work;
    struct spinlock lock;
    struct virtqueue *ring GUARDED_BY(&lock);
    uint8_t bytes[64]; /* the device's while a request is out */
};
static struct virtio_rng *the_rng; /* the first one; written at boot */

static void request(void)
{
    struct virtio_rng *rng = the_rng;
    struct virtqueue_buffer buffer = {rng->bytes, REQUEST_SIZE};
    spin_lock(&rng->lock);
    if (!virtqueue_add(rng->ring, &buffer, 0, 1, rng))
        virtqueue_kick(rng->ring);
    spin_unlock(&rng->lock);
}

static void received(struct work *work)
{
    struct virtio_rng *rng = container_of(work, struct virtio_rng, work);
    uint32_t len;
    spin_lock(&rng->lock);
    bool is_finished = virtqueue_take(rng->ring, &len) != NULL;
    spin_unlock(&rng->lock);
    if (is_finished)
        entropy_add(rng->bytes, len);
}

int virtio_rng_attach(struct virtio_device *device)
{
    if (the_rng)
        return -EBUSY;
    int err = virtio_negotiate(device, 0);
    if (err)
        return err;
    struct virtio_rng *rng = kzalloc(sizeof *rng, ALLOC_WAIT);
    if (!rng)
        return -ENOMEM;
    rng->work = (struct work)WORK_INIT(received);
    spin_init(&rng->lock);
    err = virtqueue_create(device, 0, RING_SIZE, &rng->work, 0, &rng->ring);
    if (err) {
        kfree(rng);
        return err;
    }
    virtio_ready(device);
    the_rng = rng;
    entropy_set_source(request);
    return 0;
}
