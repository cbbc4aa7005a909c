/* The registry of network devices. Written at boot only; read without a lock afterwards. */
#include <base/string.h>
#include <device/netdev.h>

static struct list devices = LIST_INIT(devices);
static unsigned device_count;

void netdev_register(struct netdev *device)
{
    snprintf(device->name, sizeof device->name, "eth%u", device_count++);
    list_add_last(&devices, &device->link);
}

struct netdev *netdev_first(void)
{
    return list_is_empty(&devices) ? NULL : list_first(&devices, struct netdev, link);
}

struct netdev *netdev_next(struct netdev *device)
{
    return device->link.next == &devices ? NULL : list_entry(device->link.next, struct netdev, link);
}
