/* A network device in unit tests, not registered: frames that are sent wait for the test, in order; the test delivers
 * frames. No checksum offload unless the test sets it. */
#pragma once
#include <device/netdev.h>

struct fake_netdev {
    struct netdev device;
    struct list sent;
    unsigned sent_count; /* in `sent` */
    bool is_full;        /* transmit refuses */
    unsigned refusals;   /* transmit refuses so often, and reports space with the last refusal */
};
void fake_netdev_init(struct fake_netdev *fake, const uint8_t mac[6]);
/* The oldest frame that was sent: its length, 0 when there is none; longer ones are cut. */
size_t fake_netdev_take(struct fake_netdev *fake, void *to, size_t size);
/* Delivers one frame in a batch of its own. */
void fake_netdev_receive(struct fake_netdev *fake, const void *frame, size_t len);
void fake_netdev_destroy(struct fake_netdev *fake); /* drops what was sent */
