/*
 * epoll(7). An entry belongs to an open file (by the descriptor it was added as) and goes with it. Only entries that
 * became ready are looked at, however many there are.
 */
#pragma once
#include <file/file.h>

#define EPOLL_EXCLUSIVE      (1u << 28)
#define EPOLL_WAKEUP         (1u << 29) /* accepted, without meaning */
#define EPOLL_ONE_SHOT       (1u << 30)
#define EPOLL_EDGE_TRIGGERED (1u << 31)
enum { EPOLL_ADD = 1, EPOLL_DELETE = 2, EPOLL_MODIFY = 3 };

struct epoll_event { /* the ABI's: 12 bytes on x86-64 */
    uint32_t events;
    uint64_t data;
} __attribute__((packed));
static_assert(sizeof(struct epoll_event) == 12, "struct epoll_event");

int epoll_create_file(struct file **out);
bool file_is_epoll(const struct file *file);
/* epoll_ctl(2) with its errors; `target` is the file behind descriptor fd. event is not used by EPOLL_DELETE. */
int epoll_control(struct file *epoll, int operation, int fd, struct file *target, const struct epoll_event *event);
/* Up to max events to the program: their number, 0 past the deadline (0: does not wait), -EINTR, -EFAULT, -EINVAL. */
int epoll_wait_events(struct file *epoll, struct user *events, int max, uint64_t deadline_ns);
/* The file that the index-th entry of descriptor fd listens to, only to be compared with (not referenced); NULL: none. */
const struct file *epoll_target(struct file *epoll, int fd, unsigned index);
/* By file_put, before the file is released. */
void epoll_forget_file(struct file *file);
