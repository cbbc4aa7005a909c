/* Poll bits (Linux's), and how poll, select and epoll listen. */
#pragma once
#include <sched/wait.h>
#define POLL_IN     0x0001u
#define POLL_PRI    0x0002u
#define POLL_OUT    0x0004u
#define POLL_ERR    0x0008u
#define POLL_HUP    0x0010u
#define POLL_NVAL   0x0020u
#define POLL_RDNORM 0x0040u
#define POLL_RDBAND 0x0080u
#define POLL_WRNORM 0x0100u
#define POLL_WRBAND 0x0200u
#define POLL_RDHUP  0x2000u

/* A file's poll function calls poll_listen once for each queue that its answer may come from. */
struct poll_table {
    void (*listen)(struct poll_table *table, struct wait_queue *queue);
};
static inline void poll_listen(struct poll_table *table, struct wait_queue *queue)
{
    if (table)
        table->listen(table, queue);
}
