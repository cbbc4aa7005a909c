/* timerfd: once, at intervals, at a moment of the wall clock; what it refuses. */
#include "show.h"
#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

static uint64_t count;

static void at_intervals(void)
{
    struct itimerspec setting = {{0, 10000000}, {0, 20000000}}, old;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    SHOW(timerfd_gettime(fd, &old));
    SHOW(old.it_value.tv_nsec);
    SHOW(timerfd_settime(fd, 0, &setting, NULL));
    SHOW(read(fd, &count, 8));
    SHOW(read(fd, &count, 7));
    struct pollfd poll_fd = {fd, POLLIN, 0};
    SHOW(poll(&poll_fd, 1, -1));
    SHOW(poll_fd.revents);
    usleep(35000);
    SHOW(read(fd, &count, 8));
    SHOW(count >= 3);
    SHOW(timerfd_gettime(fd, &old));
    SHOW(old.it_interval.tv_nsec);
    SHOW(old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10000000);
    setting = (struct itimerspec){0};
    SHOW(timerfd_settime(fd, 0, &setting, &old));
    SHOW(old.it_interval.tv_nsec);
    usleep(20000);
    SHOW(read(fd, &count, 8));
    setting.it_value.tv_nsec = 1000000000;
    SHOW(timerfd_settime(fd, 0, &setting, NULL));
    SHOW(timerfd_settime(fd, 16, &setting, NULL));
    SHOW(write(fd, &count, 8));
}

static void at_a_moment(void)
{
    struct itimerspec setting = {0};
    int fd = timerfd_create(CLOCK_REALTIME, 0);
    clock_gettime(CLOCK_REALTIME, &setting.it_value);
    setting.it_value.tv_sec++;
    double start = now();
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &setting, NULL));
    SHOW(read(fd, &count, 8));
    SHOW(count);
    SHOW(now() - start > 0.95);
    setting.it_value.tv_sec -= 100;
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL));
    SHOW(read(fd, &count, 8));
    SHOW(count);
}

int main(void)
{
    at_intervals();
    at_a_moment();
    SHOW(timerfd_create(17, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC, 1));
    SHOW(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC) >= 0);
}
