/* epoll in all its modes, over eventfds. */
#include "show.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

static int event_fd;
static uint64_t value;
static struct epoll_event ready[4];

static void *write_later(void *unused)
{
    uint64_t five = 5;
    usleep(30000);
    return write(event_fd, &five, 8) == 8 ? NULL : (void *)1;
}

static void write_value(uint64_t v)
{
    SHOW(write(event_fd, &v, 8));
}

static void eventfds(void)
{
    event_fd = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE);
    for (int i = 0; i < 4; i++)
        SHOW(read(event_fd, &value, 8));
    SHOW(value);
    SHOW(write(event_fd, &value, 4));
    write_value(UINT64_MAX);
    write_value(UINT64_MAX - 1);
    write_value(1);
    SHOW(eventfd(0, 3));
    close(event_fd);
    event_fd = eventfd(0, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, write_later, NULL);
    SHOW(read(event_fd, &value, 8));
    SHOW(value);
    pthread_join(thread, NULL);
}

static void control_errors(int ep)
{
    struct epoll_event event = {EPOLLIN, {.u64 = 42}};
    int file = open("/proc/self/exe", O_RDONLY), directory = open("/", O_RDONLY);
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, event_fd, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, event_fd, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, 99, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, file, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, directory, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, event_fd, NULL));
    SHOW(epoll_ctl(event_fd, EPOLL_CTL_ADD, ep, &event));
    SHOW(epoll_wait(ep, ready, 0, 0));
    SHOW(epoll_wait(file, ready, 4, 0));
    SHOW(epoll_create(0));
    SHOW(epoll_create1(1));
    close(file);
    close(directory);
}

static void level_edge_and_once(int ep)
{
    struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 42}};
    pthread_t thread;
    double start = now();
    SHOW(epoll_wait(ep, ready, 4, 40));
    SHOW(now() - start >= 0.04);
    pthread_create(&thread, NULL, write_later, NULL);
    SHOW(epoll_wait(ep, ready, 4, -1));
    SHOW(ready[0].events);
    SHOW(ready[0].data.u64);
    pthread_join(thread, NULL);
    SHOW(epoll_wait(ep, ready, 4, -1));
    SHOW(read(event_fd, &value, 8));
    SHOW(epoll_wait(ep, ready, 4, 0));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, event_fd, &event));
    write_value(1);
    SHOW(epoll_wait(ep, ready, 4, 0));
    SHOW(epoll_wait(ep, ready, 4, 0));
    write_value(1);
    SHOW(epoll_wait(ep, ready, 4, 0));
    event.events = EPOLLIN | EPOLLONESHOT;
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, event_fd, &event));
    SHOW(epoll_wait(ep, ready, 4, 0));
    SHOW(epoll_wait(ep, ready, 4, 0));
    event.events = EPOLLOUT;
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, event_fd, &event));
    SHOW(epoll_wait(ep, ready, 4, 0));
    SHOW(ready[0].events);
}

static void nesting_and_closing(int ep)
{
    struct epoll_event event = {EPOLLIN, {.u64 = 7}};
    int outer = epoll_create1(EPOLL_CLOEXEC), chain[8];
    SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, outer, &event));
    SHOW(epoll_wait(outer, ready, 4, 0));
    SHOW(ready[0].data.u64);
    close(event_fd);
    SHOW(epoll_wait(outer, ready, 4, 0));
    SHOW(epoll_wait(ep, ready, 4, 0));
    for (int i = 0; i < 8; i++)
        chain[i] = epoll_create1(0);
    for (int i = 0; i < 7; i++)
        SHOW(epoll_ctl(chain[i], EPOLL_CTL_ADD, chain[i + 1], &event));
}

static void on_alarm(int number)
{
}

static void signals_interrupt(int ep)
{
    struct itimerval timer = {{0, 0}, {0, 30000}};
    sigset_t none, alarms;
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    SHOW(epoll_wait(ep, ready, 4, -1));
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    usleep(50000);
    SHOW(epoll_pwait(ep, ready, 4, 1000, &none));
    SHOW(epoll_pwait(ep, ready, 4, 10, &none));
}

int main(void)
{
    int ep = epoll_create1(EPOLL_CLOEXEC);
    eventfds();
    control_errors(ep);
    level_edge_and_once(ep);
    nesting_and_closing(ep);
    signals_interrupt(ep);
}
