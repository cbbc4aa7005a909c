/* Initialisation of a device (3.1.1) and the list of drivers. */
#include <base/errno.h>
#include <base/log.h>
#include "device.h"

int virtio_negotiate(struct virtio_device *device, uint64_t wanted)
{
    const struct virtio_transport *transport = device->transport;
    /* The reset is complete when the status reads 0 (2.1.2); QEMU's is at once, and a device that never gets there is
     * not worth waiting for. */
    transport->set_status(device, 0);
    transport->set_status(device, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    uint64_t offered = transport->get_features(device);
    if (!(offered & VIRTIO_VERSION_1))
        return -ENODEV;
    device->features = offered & (wanted | VIRTIO_VERSION_1 | VIRTIO_RING_INDIRECT | VIRTIO_RING_EVENT_INDEX);
    transport->set_features(device, device->features);
    transport->set_status(device, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
    if (!(transport->get_status(device) & VIRTIO_STATUS_FEATURES_OK))
        return -ENODEV;
    return 0;
}

void virtio_ready(struct virtio_device *device)
{
    device->transport->set_status(device, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
                                              VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
}

void virtio_fail(struct virtio_device *device)
{
    device->transport->set_status(device, VIRTIO_STATUS_FAILED);
}

uint8_t virtio_config8(struct virtio_device *device, unsigned offset)
{
    uint8_t value;
    device->transport->config_read(device, offset, &value, sizeof value);
    return value;
}

uint16_t virtio_config16(struct virtio_device *device, unsigned offset)
{
    uint16_t value;
    device->transport->config_read(device, offset, &value, sizeof value);
    return value;
}

uint32_t virtio_config32(struct virtio_device *device, unsigned offset)
{
    uint32_t value;
    device->transport->config_read(device, offset, &value, sizeof value);
    return value;
}

uint64_t virtio_config64(struct virtio_device *device, unsigned offset)
{
    return virtio_config32(device, offset) | (uint64_t)virtio_config32(device, offset + 4) << 32;
}

static const struct {
    uint32_t id;
    const char *name;
    int (*attach)(struct virtio_device *device);
} drivers[] = {
    {VIRTIO_ID_NET, "net", virtio_net_attach},
    {VIRTIO_ID_BLOCK, "block", virtio_block_attach},
    {VIRTIO_ID_CONSOLE, "console", virtio_console_attach},
    {VIRTIO_ID_RNG, "rng", virtio_rng_attach},
};

int virtio_attach(struct virtio_device *device)
{
    for (unsigned i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        if (drivers[i].id != device->id)
            continue;
        int err = drivers[i].attach(device);
        if (err) {
            virtio_fail(device);
            log_warning("virtio-%s: cannot use the device (error %d)", drivers[i].name, -err);
        }
        return err;
    }
    return -ENODEV;
}
