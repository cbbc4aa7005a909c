/*
 * Received bytes on their way from the hard interrupt to work context: a ring between the two. While the ring is full
 * the UART keeps what comes (its FIFO, then the host): its interrupt is off until receiver_take has made room.
 */
#pragma once
#include <base/spinlock.h>
#include <sched/work.h>

enum { RECEIVER_RING = 256 };
struct receiver {
    struct work work; /* run: drains by receiver_take */
    uint16_t port;
    struct spinlock lock; /* taken by the interrupt handler: spin_lock_irq elsewhere */
    char ring[RECEIVER_RING] GUARDED_BY(&lock);
    unsigned head, count GUARDED_BY(&lock);
    bool is_stopped GUARDED_BY(&lock); /* the interrupt is off: the ring was full */
};
/* Claims the interrupt line and begins receiving; `run` is work that calls receiver_take. */
int receiver_start(struct receiver *receiver, uint16_t port, unsigned irq, void (*run)(struct work *work));
/* The first bytes, which stay until receiver_drop: by one CPU at a time. */
size_t receiver_peek(struct receiver *receiver, char *to, size_t n);
void receiver_drop(struct receiver *receiver, size_t n);
size_t receiver_take(struct receiver *receiver, char *to, size_t n); /* both */
