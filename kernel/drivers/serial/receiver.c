/* From the receive interrupt to work; see receiver.h. */
#include <arch/irq.h>
#include "receiver.h"
#include "uart.h"

static void fill_locked(struct receiver *receiver)
{
    char bytes[UART_FIFO_SIZE];
    size_t n, room;
    while ((room = RECEIVER_RING - receiver->count) > 0 &&
           (n = uart_read(receiver->port, bytes, room < sizeof bytes ? room : sizeof bytes)) > 0)
        for (size_t i = 0; i < n; i++)
            receiver->ring[(receiver->head + receiver->count++) % RECEIVER_RING] = bytes[i];
    if (receiver->is_stopped != !room)
        uart_set_receive_interrupt(receiver->port, room);
    receiver->is_stopped = !room;
}

static void receive_interrupt(void *context)
{
    struct receiver *receiver = context;
    spin_lock(&receiver->lock);
    fill_locked(receiver);
    spin_unlock(&receiver->lock);
    work_raise(&receiver->work);
}

int receiver_start(struct receiver *receiver, uint16_t port, unsigned irq, void (*run)(struct work *work))
{
    receiver->work = (struct work)WORK_INIT(run);
    receiver->port = port;
    spin_init(&receiver->lock);
    int err = irq_claim_line(irq, false, false, 0, receive_interrupt, receiver);
    if (!err)
        uart_set_receive_interrupt(port, true);
    return err;
}

size_t receiver_peek(struct receiver *receiver, char *to, size_t n)
{
    uint64_t state = spin_lock_irq(&receiver->lock);
    size_t done = 0;
    for (; done < n && done < receiver->count; done++)
        to[done] = receiver->ring[(receiver->head + done) % RECEIVER_RING];
    spin_unlock_irq(&receiver->lock, state);
    return done;
}

void receiver_drop(struct receiver *receiver, size_t n)
{
    uint64_t state = spin_lock_irq(&receiver->lock);
    receiver->head = (receiver->head + n) % RECEIVER_RING;
    receiver->count -= n;
    if (receiver->is_stopped)
        fill_locked(receiver);
    spin_unlock_irq(&receiver->lock, state);
}

size_t receiver_take(struct receiver *receiver, char *to, size_t n)
{
    size_t done = receiver_peek(receiver, to, n);
    receiver_drop(receiver, done);
    return done;
}
