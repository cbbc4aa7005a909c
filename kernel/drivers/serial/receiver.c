/* From the receive interrupt to work; see receiver.h. */
#include <arch/irq.h>
#include "receiver.h"
#include "uart.h"

static void receive_interrupt(void *context)
{
    struct receiver *receiver = context;
    char bytes[UART_FIFO_SIZE];
    size_t n;
    spin_lock(&receiver->lock);
    while ((n = uart_read(receiver->port, bytes, sizeof bytes)) > 0)
        for (size_t i = 0; i < n && receiver->count < RECEIVER_RING; i++)
            receiver->ring[(receiver->head + receiver->count++) % RECEIVER_RING] = bytes[i];
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
        uart_enable_receive_interrupt(port);
    return err;
}

size_t receiver_take(struct receiver *receiver, char *to, size_t n)
{
    uint64_t state = spin_lock_irq(&receiver->lock);
    size_t done = 0;
    while (done < n && receiver->count) {
        to[done++] = receiver->ring[receiver->head];
        receiver->head = (receiver->head + 1) % RECEIVER_RING;
        receiver->count--;
    }
    spin_unlock_irq(&receiver->lock, state);
    return done;
}
