/* Received bytes on their way from the hard interrupt to work context: a ring between the two. */
#pragma once
#include <base/spinlock.h>
#include <sched/work.h>

enum { RECEIVER_RING = 256 };
struct receiver {
    struct work work; /* run: drains by receiver_take */
    uint16_t port;
    struct spinlock lock; /* taken by the interrupt handler: spin_lock_irq elsewhere */
    char ring[RECEIVER_RING] GUARDED_BY(&lock);
    unsigned head, count GUARDED_BY(&lock); /* a full ring drops what comes: the sender has no flow control */
};
/* Claims the interrupt line and begins receiving; `run` is work that calls receiver_take. */
int receiver_start(struct receiver *receiver, uint16_t port, unsigned irq, void (*run)(struct work *work));
size_t receiver_take(struct receiver *receiver, char *to, size_t n);
