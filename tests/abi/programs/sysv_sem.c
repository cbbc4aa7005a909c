/* System V semaphores: operations of several at once, waiting, timeouts, undoing at exit, control, removal. */
#include "show.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <grp.h>
#include <unistd.h>

enum { KEY = 0x5c1ff002 };
static struct semid_ds ds;
static int id;
static char text[64];

static long op1(int index, int by, int flags)
{
    struct sembuf op = {index, by, flags};
    return semop(id, &op, 1);
}

static const char *values(void)
{
    unsigned short v[3];
    if (semctl(id, 0, GETALL, v))
        return "?";
    snprintf(text, sizeof text, "%d %d %d", v[0], v[1], v[2]);
    return text;
}

static void control(void)
{
    unsigned short v[3] = {1, 2, 3}, bad[3] = {1, 40000, 3};
    SHOW(semget(KEY, 3, 0600));
    SHOW(semget(KEY, 0, IPC_CREAT | 0600));
    SHOW(semget(KEY, -1, IPC_CREAT | 0600));
    SHOW(semget(KEY, 32001, IPC_CREAT | 0600));
    id = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0640);
    SHOW(id >= 0);
    SHOW(semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0640));
    SHOW(semget(KEY, 4, 0));
    SHOW(semget(KEY, 0, 0) == id);
    puts(values());
    SHOW(semctl(id, 0, IPC_STAT, &ds));
    SHOW(ds.sem_nsems);
    SHOW(ds.sem_otime);
    SHOW(ds.sem_ctime != 0);
    SHOW(ds.sem_perm.mode);
    SHOW(semctl(id, 0, SETALL, v));
    puts(values());
    SHOW(semctl(id, 0, SETALL, bad));
    SHOW(semctl(id, 0, SETALL, (void *)8));
    SHOW(semctl(id, 0, GETALL, (void *)8));
    SHOW(semctl(id, 1, SETVAL, 7));
    SHOW(semctl(id, 1, SETVAL, -1));
    SHOW(semctl(id, 1, SETVAL, 32768));
    SHOW(semctl(id, 3, SETVAL, 1));
    SHOW(semctl(id, -1, GETVAL));
    SHOW(semctl(id, 1, GETVAL));
    SHOW(semctl(id, 1, GETPID) == getpid());
    SHOW(semctl(id, 1, GETNCNT));
    SHOW(semctl(id, 1, GETZCNT));
    SHOW(semctl(id, 1, 99));
    SHOW(semctl(-1, 0, GETVAL));
    ds.sem_perm.mode = 0606;
    SHOW(semctl(id, 0, IPC_SET, &ds));
    SHOW(semctl(id, 0, IPC_STAT, &ds));
    SHOW(ds.sem_perm.mode);
}

static void operations(void)
{
    struct sembuf two[2] = {{0, -1, 0}, {1, -8, IPC_NOWAIT}}, many[501] = {{0}};
    SHOW(op1(0, -1, 0));
    SHOW(op1(0, -1, IPC_NOWAIT));
    SHOW(op1(0, 0, IPC_NOWAIT));
    SHOW(op1(1, 0, IPC_NOWAIT));
    SHOW(op1(0, 1, 0));
    SHOW(semop(id, two, 2));
    puts(values());
    two[1].sem_op = -7;
    SHOW(semop(id, two, 2));
    puts(values());
    SHOW(op1(0, 32767, 0));
    SHOW(op1(0, 1, 0));
    SHOW(semctl(id, 0, SETVAL, 0));
    struct sembuf wait_zero_then_add[3] = {{0, 0, IPC_NOWAIT}, {0, 2, 0}, {0, -1, IPC_NOWAIT}};
    SHOW(semop(id, wait_zero_then_add, 3));
    puts(values());
    SHOW(semop(id, wait_zero_then_add, 3));
    SHOW(op1(3, 1, 0));
    SHOW(op1(65535, 1, 0));
    SHOW(semop(id, two, 0));
    SHOW(semop(id, many, 501));
    SHOW(semop(id, (void *)8, 1));
    SHOW(semop(-1, two, 1));
    SHOW(semop(id + 1, two, 1));
    SHOW(semctl(id, 0, IPC_STAT, &ds));
    SHOW(ds.sem_otime != 0);
}

static void timeouts(void)
{
    struct sembuf op = {2, -100, 0};
    struct timespec short_time = {0, 30000000}, bad = {0, 1000000000}, negative = {-1, 0};
    double begin = now();
    SHOW(semtimedop(id, &op, 1, &short_time));
    SHOW(now() - begin >= 0.03);
    SHOW(semtimedop(id, &op, 1, &bad));
    SHOW(semtimedop(id, &op, 1, &negative));
    SHOW(syscall(SYS_semtimedop, id, &op, 1, (void *)8));
}

static void on_alarm(int number)
{
}

static void interruption(void)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    ualarm(30000, 30000); /* again, should the first come too early */
    SHOW(op1(2, -100, 0));
    ualarm(0, 0);
}

static void wait_for_waiters(int index, int command)
{
    while (semctl(id, index, command) < 1)
        usleep(1000);
}

/* A child waits; the parent looks at the counts and then makes the operation possible. */
static void waiting(void)
{
    int status;
    SHOW(semctl(id, 0, SETVAL, 0));
    fflush(stdout);
    if (fork() == 0)
        _exit(op1(0, -2, 0) != 0);
    wait_for_waiters(0, GETNCNT);
    SHOW(semctl(id, 0, GETNCNT));
    SHOW(semctl(id, 0, GETZCNT));
    SHOW(op1(0, 1, 0));
    SHOW(semctl(id, 0, GETNCNT));
    SHOW(op1(0, 2, 0));
    SHOW(wait(&status) > 0);
    SHOW(status);
    puts(values());
    if (fork() == 0)
        _exit(op1(0, 0, 0) != 0);
    wait_for_waiters(0, GETZCNT);
    SHOW(semctl(id, 0, GETZCNT));
    SHOW(op1(0, -1, 0));
    SHOW(wait(&status) > 0);
    SHOW(status);
    puts(values());
}

static void undo(void)
{
    int status;
    unsigned short v[3] = {5, 5, 5};
    SHOW(semctl(id, 0, SETALL, v));
    fflush(stdout);
    if (fork() == 0) {
        op1(0, -3, SEM_UNDO);
        op1(1, 4, SEM_UNDO);
        op1(2, 1, 0);
        SHOW(op1(0, -32767, SEM_UNDO | IPC_NOWAIT));
        if (fork() == 0)
            _exit(0); /* has nothing to undo */
        wait(NULL);
        puts(values());
        fflush(stdout);
        _exit(0);
    }
    SHOW(wait(&status) > 0);
    puts(values());
    fflush(stdout);
    if (fork() == 0) {
        op1(0, -3, SEM_UNDO);
        semctl(id, 0, SETVAL, 9);
        op1(1, 10, SEM_UNDO);
        raise(SIGKILL);
    }
    SHOW(wait(&status) > 0);
    SHOW(status);
    puts(values());
    fflush(stdout);
    if (fork() == 0) {
        op1(0, -9, SEM_UNDO); /* and its undoing lets the parent go on */
        usleep(50000);
        _exit(0);
    }
    while (semctl(id, 0, GETVAL))
        usleep(1000);
    SHOW(op1(0, -9, 0));
    SHOW(wait(&status) > 0);
}

static void *end_of_thread(void *unused)
{
    op1(1, -1, SEM_UNDO);
    return NULL;
}

static void threads_share_undos(void)
{
    pthread_t thread;
    SHOW(semctl(id, 1, SETVAL, 3));
    pthread_create(&thread, NULL, end_of_thread, NULL);
    pthread_join(thread, NULL);
    puts(values());
}

static void removal(void)
{
    int status;
    fflush(stdout);
    if (fork() == 0) {
        SHOW(op1(2, -1000, 0));
        exit(0);
    }
    wait_for_waiters(2, GETNCNT);
    int removed = semctl(id, 0, IPC_RMID);
    SHOW(wait(&status) > 0);
    SHOW(removed);
    SHOW(semctl(id, 0, IPC_RMID));
    SHOW(op1(0, 1, 0));
    SHOW(semget(KEY, 0, 0));
}

static void rights(void)
{
    int status;
    id = semget(KEY, 3, IPC_CREAT | 0604);
    fflush(stdout);
    if (fork() == 0) {
        SHOW(setgroups(0, NULL));
        SHOW(setgid(4242));
        SHOW(setuid(4242));
        SHOW(op1(0, 1, 0));
        SHOW(op1(0, 0, IPC_NOWAIT));
        SHOW(op1(3, 1, 0));
        SHOW(semctl(id, 0, SETVAL, 1));
        SHOW(semctl(id, 0, GETVAL));
        SHOW(semctl(id, 0, IPC_RMID));
        exit(0);
    }
    SHOW(wait(&status) > 0);
    struct seminfo info;
    SHOW(semctl(0, 0, IPC_INFO, &info) >= 0);
    SHOW(info.semvmx);
    SHOW(info.semusz);
    SHOW(info.semaem);
    int highest = semctl(0, 0, SEM_INFO, &info), found = 0;
    SHOW(info.semusz >= 1);
    SHOW(info.semaem >= 3);
    for (int i = 0; i <= highest; i++)
        found += semctl(i, 0, SEM_STAT, &ds) == id;
    SHOW(found);
    SHOW(semctl(id, 0, IPC_RMID));
}

int main(void)
{
    control();
    operations();
    timeouts();
    interruption();
    waiting();
    undo();
    threads_share_undos();
    removal();
    rights();
}
