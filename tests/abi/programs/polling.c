/* poll, ppoll, select, pselect: what they find, how long they wait, what a signal does to them. */
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

static void on_alarm(int number)
{
}

static void alarm_in_ms(long ms)
{
    struct itimerval timer = {{0, 0}, {0, ms * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void poll_finds(void)
{
    int p[2];
    SHOW(pipe(p));
    struct pollfd fds[] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 7}, {77, POLLIN, 0}};
    SHOW(poll(fds, 4, 0));
    for (int i = 0; i < 4; i++)
        SHOW(fds[i].revents);
    SHOW(poll(fds, 3, -1));
    fds[0].events = 0;
    fds[1].events = POLLIN;
    double start = now();
    SHOW(poll(fds, 2, 50));
    SHOW(now() - start >= 0.05);
    close(p[0]);
    SHOW(poll(fds + 1, 1, 0));
    SHOW(fds[1].revents);
    SHOW(poll((struct pollfd *)8, 1, 0));
    SHOW(poll(NULL, 0, 10));
    struct rlimit limit = {20, 20};
    setrlimit(RLIMIT_NOFILE, &limit);
    SHOW(poll(fds, 30, 0));
    close(p[1]);
}

static void select_finds(void)
{
    int p[2];
    fd_set reads, writes, errors;
    struct timeval timeout = {1, 0};
    SHOW(pipe(p));
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_ZERO(&errors);
    FD_SET(p[0], &reads);
    FD_SET(p[1], &writes);
    FD_SET(p[0], &errors);
    SHOW(select(p[1] + 1, &reads, &writes, &errors, &timeout));
    SHOW(FD_ISSET(p[0], &reads));
    SHOW(FD_ISSET(p[1], &writes));
    SHOW(FD_ISSET(p[0], &errors));
    SHOW(write(p[1], "a", 1));
    FD_SET(p[0], &reads);
    SHOW(select(p[1] + 1, &reads, &writes, NULL, NULL));
    FD_SET(40, &reads);
    SHOW(select(41, &reads, NULL, NULL, &timeout));
    SHOW(select(-1, NULL, NULL, NULL, NULL));
    timeout = (struct timeval){-1, 0};
    SHOW(select(0, NULL, NULL, NULL, &timeout));
    timeout = (struct timeval){0, 30000};
    SHOW(select(0, NULL, NULL, NULL, &timeout));
    SHOW(timeout.tv_usec);
}

static void signals_interrupt(void)
{
    struct timespec limit = {1, 0};
    sigset_t none, alarms, current;
    signal(SIGALRM, SIG_DFL);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
    alarm_in_ms(30);
    SHOW(poll(NULL, 0, 1000));
    alarm_in_ms(30);
    SHOW(select(0, NULL, NULL, NULL, NULL));
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    alarm_in_ms(30);
    SHOW(ppoll(NULL, 0, &limit, &none));
    alarm_in_ms(10);
    usleep(50000);
    SHOW(pselect(0, NULL, NULL, NULL, &limit, &none));
    limit = (struct timespec){0, 20000000};
    SHOW(ppoll(NULL, 0, &limit, &none));
    sigprocmask(SIG_SETMASK, NULL, &current);
    SHOW(sigismember(&current, SIGALRM));
    limit.tv_nsec = 1000000000;
    SHOW(ppoll(NULL, 0, &limit, &none));
}

int main(void)
{
    select_finds();
    signals_interrupt();
    poll_finds();
}
